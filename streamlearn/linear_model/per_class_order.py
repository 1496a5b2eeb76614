"""Row by row with several models, each of which learns in an order of its own.

The orders are those that scikit-learn draws. The models learn one after the other, because a tile
of rows that all models learn from at once has only one order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from streamlearn._arrays import asarray, default_int, namespace, to_numpy
from streamlearn.core.batches import cut, learn_batches
from streamlearn.core.learner import Batch, Info, Learner
from streamlearn.core.linear import rowwise
from streamlearn.core.linear.sgd import Params
from streamlearn.linear_model.draws import Order


@dataclass(frozen=True, eq=False)
class InOwnOrders:
    """An update like `streamlearn.core.linear.rowwise`'s, whose batch holds all rows of an epoch.

    Attributes
    ----------
    learner : Learner
        The learner of a model in an order.
    orders : tuple of Order
        The order of each model.
    kept : ndarray of int
        The rows that the batch holds, in the order of the batch.
    begun : int
        The number of rows learned from before the first epoch.
    """

    learner: Learner
    orders: tuple[Order, ...]
    kept: np.ndarray
    begun: int

    def __call__(self, params: Params, state: rowwise.State, batch: Batch) -> tuple[Any, Info]:
        """Learn from the rows once, with each model that has not stopped."""
        assert batch.target is not None
        assert self.learner.fixed is not None
        xp, size = namespace(batch.X), self.learner.fixed(batch.X, 1)
        passes = (batch.seen - self.begun) // len(self.kept)
        moving = to_numpy(state.active) > 0.0
        states, infos, begun = [], [], state.skipped
        for k, order in enumerate(self.orders):
            # All models skip the same rows, so these are counted from the same start.
            one = _of(state._replace(skipped=begun), k, len(self.orders))
            info: Info | None = Info(*(xp.zeros_like(one.eta) for _ in Info._fields))
            if moving[k]:
                rows = order(order.first + passes)
                rows = np.searchsorted(self.kept, rows[np.isin(rows, self.kept)])
                positive = params.positive_weight
                weighted = params._replace(
                    positive_weight=positive if np.ndim(positive) == 0 else positive[k]
                )
                batches = cut(
                    batch.X,
                    xp.astype(batch.target == k, batch.target.dtype),
                    batch.weight,
                    seen=batch.seen,
                    batch_size=size,
                    rows=asarray(rows, like=batch.X, dtype=default_int(batch.X)),
                )
                one, info = learn_batches(self.learner._replace(params=weighted), one, batches)
                state = state._replace(skipped=one.skipped, size=one.size)
            states.append(one)
            infos.append(info)
        return _joined(state, states), Info(*(xp.concat(part) for part in zip(*infos, strict=True)))


def _of(part: Any, k: int, n: int) -> Any:
    """Return the k-th of n models alone: its slice of every array with one entry a model."""
    if isinstance(part, tuple):
        return type(part)(*(_of(a, k, n) for a in part))
    return part[k : k + 1, ...] if part is not None and part.shape[:1] == (n,) else part


def _joined(whole: Any, parts: Sequence[Any]) -> Any:
    """Return the models in one state. Fields that models share are those of ``whole``."""
    if isinstance(whole, tuple):
        return type(whole)(*map(_joined, whole, zip(*parts, strict=True)))
    if whole is None or whole.shape[:1] != (len(parts),):
        return whole
    return namespace(whole).concat(list(parts))
