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
from streamlearn._training.fit_settings import First
from streamlearn.core.batches import cut, learn_batches
from streamlearn.core.learner import Batch, Info, Learner
from streamlearn.core.linear import rowwise
from streamlearn.core.linear.sgd import Params
from streamlearn.linear_model.draws import Order, permutation


def in_orders(
    learner: Learner, seeds: Sequence[int], n: int, held_rows: np.ndarray | None, first: First
) -> tuple[Learner, int | None, Order | None]:
    """Return a learner of n rows in memory in the orders of scikit-learn's seeds.

    Parameters
    ----------
    learner : Learner
    seeds : sequence of int
        One for each model, or one for all.
    n : int
        The number of rows, with those held out.
    held_rows : ndarray of int or None
    first : First

    Returns
    -------
    learner : Learner
    batch_size : int or None
        The number of rows of a batch, if the learner puts these in order itself.
    order : Order or None
        The order of the rows, if it does not.
    """
    orders = tuple(Order(permutation(seed, n), first.epoch) for seed in seeds)
    if len(orders) == 1:
        return learner, None, orders[0]
    kept = np.arange(n) if held_rows is None else np.delete(np.arange(n), held_rows)
    update = InOwnOrders(learner, orders, kept, first.rows)
    return learner._replace(update=update), n, None


@dataclass(frozen=True, eq=False)
class InOwnOrders:
    """An update like that of `streamlearn.core.linear.rowwise`, with all rows of an epoch at once.

    Attributes
    ----------
    learner : Learner
        The learner of one model.
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
            # All models skip the same rows. So each counts them from the same start.
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
    """Return the k-th of n models: its slice of every array that has one entry for each model."""
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
