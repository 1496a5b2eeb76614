"""Models of only those features that some sparse rows have, learned and put back.

What a row does not have, its step at most shrinks: the coefficients ``w`` of such features become
``s w`` and their means ``a m + b w``, with the same numbers for all of them. Two features are
therefore learned along that no row has and that tell those numbers: one begins at a coefficient
as long as all of the others together, so that norms are right too, the other at a mean of 1.
"""

from __future__ import annotations

from streamlearn._arrays import Array, column_parts, namespace, with_columns
from streamlearn.core.linear.row_step import State

PROBES = 2
"""Features that no row has."""


def narrow(state: State, X: Array) -> tuple[State, Array, Array]:
    """Return models of the features that sparse rows have, those rows, and the features (u,)."""
    xp, w = namespace(state.coef), state.coef
    X, features = column_parts(X, PROBES)
    coef, mean = (xp.take(a, features, axis=1) for a in (w, state.mean_coef))
    rest = with_columns(w, features, xp.zeros_like(coef))
    length = xp.linalg.vector_norm(rest, axis=1, keepdims=True)
    none = xp.zeros_like(length)
    old = state.penalized
    if old is not None:
        q = xp.concat([xp.take(old.q, features, axis=1), none, none], axis=1)
        old = old._replace(q=q)
    state = state._replace(
        coef=xp.concat([coef, length, none], axis=1),
        mean_coef=xp.concat([mean, none, none + 1.0], axis=1),
        penalized=old,
    )
    return state, X, features


def widen(before: State, begun: State, state: State, features: Array) -> State:
    """Put models back that were ``begun`` as `narrow` made them of ``before``, and learned on."""
    xp, u = namespace(state.coef), features.shape[0]
    length = begun.coef[:, u : u + 1]
    length = xp.where(length > 0.0, length, xp.ones_like(length))
    shrunk, part, kept = (
        state.coef[:, u : u + 1] / length,
        state.mean_coef[:, u : u + 1] / length,
        state.mean_coef[:, u + 1 :],
    )
    mean = kept * before.mean_coef + part * before.coef
    new = state.penalized
    if new is not None and before.penalized is not None:
        new = new._replace(q=with_columns(before.penalized.q, features, new.q[:, :u]))
    return state._replace(
        coef=with_columns(shrunk * before.coef, features, state.coef[:, :u]),
        mean_coef=with_columns(mean, features, state.mean_coef[:, :u]),
        penalized=new,
    )
