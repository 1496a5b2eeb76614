"""Learners of transformations by quantiles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from streamlearn._arrays import Array
from streamlearn.core.learner import Batch, Learner
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
    update: Any = _Update(of_block)
    apply: Any = _Apply(applied)
    return Learner(
        params,
        init,
        update,
        apply,
        of_block,
        merge,
        applied=applied,
        n_features=n_features,
        is_finite=is_finite,
        is_clean=is_clean,
        is_empty=is_empty,
        sparse=True,
    )


class _Update(NamedTuple):
    """`Learner.update` by a function of blocks. Unlike a partial, it equals its pickled copy."""

    of_block: Callable[..., QuantileSummary]

    def __call__(
        self, params: Any, state: QuantileSummary, batch: Batch
    ) -> tuple[QuantileSummary, None]:
        return merge(state, self.of_block(params, batch.X, batch.weight)), None


class _Apply(NamedTuple):
    """`Learner.apply` by ``applied``."""

    applied: Callable[[Any, QuantileSummary], Any]

    def __call__(self, params: Any, state: QuantileSummary, X: Array) -> Any:
        return self.applied(params, state)(X)
