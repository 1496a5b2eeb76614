"""Models of only those features that some sparse rows have, and their way back into full models.

A step does not move the coefficients of features that its row lacks. It only shrinks them. After
some rows, the coefficients w of features that no row has are ``s w``, and their means m are
``a m + b w``, with the same numbers s, a and b for all these features. Two extra features that no
row has find these numbers. One begins with a coefficient as long as the vector of all others that
are left out, so that norms are right too. The other begins with a mean of 1.
"""

from __future__ import annotations

from streamlearn._arrays import Array, column_parts, namespace, with_columns
from streamlearn.core.linear.row_step import State

PROBES = 2
"""The number of extra features that no row has."""


def narrow(state: State, X: Array) -> tuple[State, Array, Array]:
    """Return models of the features that sparse rows have and of the extra features.

    Parameters
    ----------
    state : State
    X : sparse rows (m, d)

    Returns
    -------
    state : State
        Models of u features and of the extra features.
    X : sparse rows (m, u + PROBES)
    features : array of int of shape (u,)
        The indices of the features that a row has.
    """
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
    """Return full models.

    Parameters
    ----------
    before : State
        The full models before `narrow`.
    begun : State
        The models from `narrow`.
    state : State
        These models after learning.
    features : array of int of shape (u,)

    Returns
    -------
    State
    """
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
