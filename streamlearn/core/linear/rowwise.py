"""scikit-learn's stochastic gradient descent row by row, for rows of any library.

The rows of a batch are learned from tile by tile where that gives the same result (`tilewise`). The
cumulative L1 penalty cuts every coefficient after every row, and no product can express this. With
it, rows are learned from `one_by_one`.

In core only this module, `tilewise`, `tile_solver` and `tiles` read from the device. They read once
for each sweep or group of sweeps, to compare scores and moves. A few times for each batch they read
the size of tiles, and whether all numbers are finite.
"""

from __future__ import annotations

from typing import Any

from streamlearn._arrays import (
    Array,
    is_sparse,
    linear_predictor,
    namespace,
)
from streamlearn.core.learner import Batch, Info, Learner
from streamlearn.core.linear.active_features import narrow, widen
from streamlearn.core.linear.losses import LOSSES
from streamlearn.core.linear.one_by_one import one_by_one
from streamlearn.core.linear.row_step import (
    PASSIVE,
    State,
    resume,
    row_terms,
    start,
)
from streamlearn.core.linear.sgd import (
    Params,
    loss_sums,
    report,
    rescale,
    to_like,
    zero_models,
)
from streamlearn.core.linear.tilewise import by_tiles
from streamlearn.core.rows import cast

__all__ = ["ROWS", "State", "answer", "learner", "resume", "start"]

ROWS = 2048
"""The number of rows that a batch should have, because some work is done once for all its tiles."""


HUGE = 1e-9
"""The bound on the loss of a batch, as a part of the largest float. So sums of many are finite."""


def init(params: Params, n_features: int, n_outputs: int, *, like: Array) -> State:
    """Return models of zeros in the float dtype of ``like``."""
    return start(params, *zero_models(n_features, n_outputs, like))


def update(params: Params, state: State, batch: Batch) -> tuple[State, Info]:
    """Learn from the rows of a batch one after the other, as scikit-learn's loop does.

    Parameters
    ----------
    params : Params
        ``learning_rate`` may also be "pa1" and "pa2", with the losses "hinge" and
        "epsilon_insensitive".
    state : State
        It is not changed.
    batch : Batch
        Rows (m, d), targets of ``params.kind``, weights (m,) or None, rows seen before.

    Returns
    -------
    state : State
    info : Info
        Sums over the batch, with the score of each row before it was learned from. The loss is NaN
        if the models have overflowed.

    References
    ----------
    Passive-aggressive steps: Crammer, Dekel, Keshet, Shalev-Shwartz & Singer, "Online
    passive-aggressive algorithms", 2006. The cumulative L1 penalty: Tsuruoka, Tsujii & Ananiadou,
    "Stochastic gradient descent training for L1-regularized log-linear models with cumulative
    penalty", 2009.

    Examples
    --------
    >>> import numpy as np
    >>> params = Params(loss="squared_error", kind="values", learning_rate="constant", eta0=0.5)
    >>> X, y = np.array([[1.0], [-1.0]]), np.array([2.0, 1.0])
    >>> state, info = update(params, init(params, 1, 1, like=X), Batch(X, y))
    >>> state.coef.round(3), state.intercept, info.loss.round(3)
    (array([[0.5]]), array([1.5]), array([2.5]))
    """
    before, params = state, to_like(params, state.coef)
    rows, weight = row_terms(params, state, batch)
    if state.penalized is None and is_sparse(rows.X):
        begun, X, features = narrow(state, rows.X)
        state, p, norms, _ = by_tiles(params, begun, rows._replace(X=X))
        state = widen(before, begun, state, features)
    elif state.penalized is None:
        state, p, norms, _ = by_tiles(params, state, rows)
    else:
        state, p, norms, _ = one_by_one(params, state, rows)
    moving = state.active > 0.0
    state = _where(moving, state, before)
    xp = namespace(p)
    info = report(
        params._replace(penalty=None),
        state.coef,
        p.shape[0],
        *loss_sums(LOSSES[params.loss].value(p, rows.y, params.epsilon), weight),
    )
    if norms is not None and params.learning_rate not in PASSIVE:
        info = info._replace(objective=info.objective + norms)
    info = nan_if_lost(state, info)
    return state._replace(skipped=before.skipped + xp.sum(1.0 - rows.kept)), info


def nan_if_lost(state: State, info: Info) -> Info:
    """Return the report of a step to ``state``, with a loss of NaN if the models have overflowed.

    If only the sum of the losses overflows, the models are sound and the fit goes on.
    """
    xp = namespace(state.coef)
    answered = xp.astype(state.coef, state.like.dtype, copy=False)
    sound = xp.all(xp.isfinite(answered), axis=1) & xp.isfinite(state.intercept)
    most = HUGE * xp.finfo(state.coef.dtype).max * xp.ones_like(info.loss)
    return info._replace(loss=xp.where(sound, xp.minimum(info.loss, most), xp.nan))


def _where(moving: Array, new: State, old: State) -> State:
    """Return the new state in the columns that move, and the old state in the others."""
    xp = namespace(moving)

    def pick(a: Any, b: Any) -> Any:
        if isinstance(a, tuple):
            return type(a)(*map(pick, a, b))
        if a is None or a.ndim == 0:
            return a
        return xp.where(moving if a.ndim == 1 else moving[:, None], a, b)

    return pick(new, old)


def answer(params: Params, state: State) -> tuple[Array, Array]:
    """Return the models for predictions, ``(coef, intercept)``, of shapes (K, d) and (K,)."""
    xp, dtype = namespace(state.like), state.like.dtype
    coef, intercept = (
        xp.astype(a, dtype, copy=False) for a in (state.mean_coef, state.mean_intercept)
    )
    return coef, intercept


def apply(params: Params, state: State, X: Array) -> Array:
    """Return the scores (m, K) of rows X (m, d) by the models of `answer`."""
    coef, intercept = answer(params, state)
    return linear_predictor(cast(X, coef.dtype), coef) + intercept


def fixed(X: Array, n_outputs: int) -> int:
    """Return the number of rows of each batch."""
    return ROWS


def learner(params: Params) -> Learner:
    """Bundle the learner with its parameters."""
    return Learner(
        params,
        init,
        update,
        apply,
        rescale=rescale,
        sparse=True,
        fixed=fixed,
        narrow=True,
    )
