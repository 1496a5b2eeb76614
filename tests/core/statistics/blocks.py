"""Rows that are hard for quantiles, and the summary of their blocks."""

from __future__ import annotations

from functools import reduce
from itertools import pairwise

import numpy as np

from streamlearn.core.statistics import block_summary
from streamlearn.core.statistics import quantile_summary as summaries

SKETCH = summaries.Sketch()
LEVELS = [0.0, 0.01, 0.1, 0.25, 1 / 3, 0.5, 0.75, 0.9, 1.0]


def of_blocks(X, borders=(), weight=None, params=SKETCH, merge=None):
    """Return the merged summary of pieces of X."""
    edges = [0, *sorted(borders), len(X)]
    parts = [
        block_summary.of_block(params, X[a:b], None if weight is None else weight[a:b])
        for a, b in pairwise(edges)
    ]
    return reduce(merge or summaries.merge, parts)


def lumpy(rng, n):
    """Rows with ties, offsets, other units and gaps, of which the first are there."""
    X = np.stack(
        [
            rng.normal(size=n),
            1e8 + 1e-4 * rng.normal(size=n),
            rng.integers(-2, 3, n) / 1.0,
            1e300 * rng.uniform(-1, 1, n),
            5e-324 * rng.integers(-9, 9, n),
            np.full(n, 3.5),
            np.exp(100 * rng.normal(size=n)),
        ],
        axis=1,
    )
    X[1:][rng.random((n - 1, X.shape[1])) < 0.2] = np.nan
    return X
