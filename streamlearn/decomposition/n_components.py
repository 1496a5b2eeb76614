"""How many components are kept: a number, a share of the variance, or the likeliest."""

from __future__ import annotations

from math import lgamma, log, pi
from numbers import Integral
from typing import Any

import numpy as np

ZERO = 1e-15
"""A variance that counts as 0 for the likelihood, as in scikit-learn."""


def number_of(n_components: Any, variances: np.ndarray, n_samples: int) -> int:
    """Return the number of components that are kept.

    Parameters
    ----------
    n_components : int, float, "mle" or None
    variances : ndarray of shape (r,)
        The variances of all components, the largest first.
    n_samples : int

    Examples
    --------
    >>> import numpy as np
    >>> [number_of(n, np.asarray([6.0, 3.0, 1.0]), 100) for n in (None, 2, 0.5, 0.95)]
    [3, 2, 1, 3]
    """
    r = len(variances)
    if n_components is None:
        return r
    if isinstance(n_components, str):
        return likeliest(variances, n_samples) if r > 1 else r
    if isinstance(n_components, Integral):
        return min(int(n_components), r)
    total = variances.sum()
    shares = np.cumsum(variances / total if total > 0 else variances)
    return min(int(np.searchsorted(shares, n_components, side="right")) + 1, r)


def likeliest(variances: np.ndarray, n_samples: int) -> int:
    """Return the number of components of the largest likelihood, from 1 to one less than all [1]_.

    References
    ----------
    .. [1] T. P. Minka, "Automatic Choice of Dimensionality for PCA", NIPS 2000, pages 598-604.

    Examples
    --------
    >>> import numpy as np
    >>> likeliest(np.asarray([9.0, 8.0, 1.1, 1.0, 0.9]), 1000)
    2
    """
    ranks = range(1, len(variances))
    return 1 + int(np.argmax([_evidence(variances, rank, n_samples) for rank in ranks]))


def _evidence(variances: np.ndarray, rank: int, n: int) -> float:
    """Return the logarithm of the evidence of a number of components, by Laplace's method."""
    d = len(variances)
    if variances[rank - 1] < ZERO:
        return -np.inf
    halves = [(d - i + 1) / 2.0 for i in range(1, rank + 1)]
    found = -rank * log(2.0) + sum(lgamma(half) - log(pi) * half for half in halves)
    found -= np.sum(np.log(variances[:rank])) * n / 2.0
    noise = max(ZERO, float(np.mean(variances[rank:])))
    found -= log(noise) * n * (d - rank) / 2.0
    free = d * rank - rank * (rank + 1.0) / 2.0
    found += log(2.0 * pi) * (free + rank) / 2.0
    one = 1.0 / np.where(np.arange(d) < rank, variances, noise)
    gaps = (variances[:rank, None] - variances) * (one - one[:rank, None])
    later = np.arange(d) > np.arange(rank)[:, None]
    # Two equal variances would make this infinite.
    gaps = np.log(np.maximum(gaps[later], np.finfo(np.float64).tiny))
    found -= (np.sum(gaps) + gaps.size * log(n)) / 2.0
    return float(found - rank * log(n) / 2.0)
