"""Learners of transformations by quantiles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streamlearn.core.learner import Learner
from streamlearn.core.mergeable import mergeable
from streamlearn.core.statistics.block_summary import of_block
from streamlearn.core.statistics.quantile_summary import (
    QuantileSummary,
    init,
    is_clean,
    is_empty,
    is_finite,
    merge,
    n_features,
)


def learner(
    params: Any,
    applied: Callable[[Any, QuantileSummary], Any],
    of_block: Callable[..., QuantileSummary] = of_block,
) -> Learner:
    """Return a mergeable learner of a transformation by quantiles.

    Parameters
    ----------
    params : NamedTuple
        It has the fields of `streamlearn.core.statistics.quantile_summary.Sketch`, and others.
    applied : callable
        As in `streamlearn.core.learner.Learner`.
    of_block : callable
        The summary of a block. It may raise an error for rows or weights.
    """
    return mergeable(
        params,
        init=init,
        of_block=of_block,
        merge=merge,
        applied=applied,
        n_features=n_features,
        is_finite=is_finite,
        is_clean=is_clean,
        is_empty=is_empty,
        sparse=True,
    )
