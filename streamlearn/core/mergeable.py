"""Learners whose state is a statistic of rows that can be merged.

`Learner.update` merges the statistic of a batch, and `Learner.apply` is the transformation of
`Learner.applied`. Both are the same for all of these learners.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from streamlearn._arrays import Array
from streamlearn.core.learner import Batch, Learner


def mergeable(
    params: Any,
    *,
    init: Callable[..., Any],
    of_block: Callable[..., Any],
    merge: Callable[..., Any],
    applied: Callable[..., Any],
    **more: Any,
) -> Learner:
    """Return the learner of a mergeable statistic.

    Parameters
    ----------
    params : NamedTuple
        The parameters.
    init, of_block, merge, applied : callables
        As in `streamlearn.core.learner.Learner`.
    **more : dict
        Further fields of the learner.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.core.learner import Batch
    >>> from streamlearn.core.statistics.standardize import learner
    >>> standardize, X = learner(), np.asarray([[1.0, 5.0], [3.0, 5.0]])
    >>> nothing = standardize.init(standardize.params, 2, like=X)
    >>> state, _ = standardize.update(standardize.params, nothing, Batch(X))
    >>> standardize.apply(standardize.params, state, X)
    array([[-1.,  0.],
           [ 1.,  0.]])
    """
    update: Any = _Update(of_block, merge)
    apply: Any = _Apply(applied)
    return Learner(params, init, update, apply, of_block, merge, applied=applied, **more)


class _Update(NamedTuple):
    """`Learner.update` by a function of blocks. Unlike a partial, it equals its pickled copy."""

    of_block: Callable[..., Any]
    merge: Callable[..., Any]

    def __call__(self, params: Any, state: Any, batch: Batch) -> tuple[Any, None]:
        target = () if batch.target is None else (batch.target,)
        return self.merge(state, self.of_block(params, batch.X, batch.weight, *target)), None


class _Apply(NamedTuple):
    """`Learner.apply` by ``applied``."""

    applied: Callable[..., Any]

    def __call__(self, params: Any, state: Any, X: Array) -> Any:
        return self.applied(params, state)(X)
