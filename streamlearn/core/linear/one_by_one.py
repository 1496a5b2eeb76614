"""Rows that are learned from one by one, by `row_step.step`. This is right for any row."""

from __future__ import annotations

from typing import NamedTuple

from streamlearn._arrays import Array, dense, is_sparse, namespace, present
from streamlearn.core.linear.active_features import narrow, widen
from streamlearn.core.linear.row_step import RowTerms, State, some, step
from streamlearn.core.linear.sgd import Params, penalty_parts

TOGETHER = 64
"""Sparse rows in a group, which are learned from one by one with the features of the group."""


class RowwiseResult(NamedTuple):
    """The result of learning from some rows.

    Attributes
    ----------
    state : State
    p : array of shape (m, K)
        The score of each row before it was learned from.
    norms : array of shape (K,), or None
        The sum over the rows of the penalty before each row. None without a penalty.
    sweeps : float
        The mean number of sweeps of a tile.
    """

    state: State
    p: Array
    norms: Array | None
    sweeps: float = 0.0


def one_by_one(params: Params, state: State, rows: RowTerms) -> RowwiseResult:
    """Learn from the rows by `step`. Sparse rows go in groups, with the features of the group."""
    xp, (a1, a2), n = namespace(rows.y), penalty_parts(params), rows.y.shape[0]
    sparse, features = is_sparse(rows.X), None
    P, norms = [], None
    for at in range(0, n, TOGETHER if sparse else n):
        group = some(rows, slice(at, min(at + TOGETHER, n) if sparse else n))
        before = begun = state
        if sparse:
            begun, X, features = narrow(state, group.X)
            state, group = begun, group._replace(X=X)
        for i in range(group.y.shape[0]):
            row, old, more = some(group, slice(i, i + 1)), state.penalized, None
            if old is not None:
                more = a1 * old.absolute + 0.5 * a2 * old.square
            elif row.decay is not None:
                more = 0.5 * a2 * xp.sum(state.coef * state.coef, axis=1)
            norms = more if norms is None else norms + more
            stored = None
            if sparse:
                stored, row = present(row.X), row._replace(X=dense(row.X))
            state, p, _ = step(params, state, row, stored)
            P.append(p)
        if features is not None:
            state = widen(before, begun, state, features)
    return RowwiseResult(state, xp.concat(P), norms)
