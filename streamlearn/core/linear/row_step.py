"""scikit-learn's stochastic gradient descent on single rows.

Row t is x_t with target y_t. One column is shown, with coefficients w and intercept b::

    p_t = w_(t-1)'x_t + b_(t-1)                    the score
    c_t = g(p_t, y_t, t)                           the move, see `moves`
    w_t = s_t w_(t-1) + c_t x_t                    s_t is the decay of the L2 penalty
    b_t = b_(t-1) + c_t

The move is minus the step size times the gradient of the loss. In the passive-aggressive schedules
it is the loss divided by the squared length of the row, in the direction that reduces the loss. The
L1 penalty cuts the coefficients after each row (`step`).

`tilewise` learns from many rows at a time where the result is the same. This module has the code
that both share.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from streamlearn._arrays import (
    Array,
    asarray,
    device,
    is_sparse,
    itemsize,
    namespace,
    on_host,
    row_squares,
    rows_at,
    widest_float,
)
from streamlearn.core.learner import Batch
from streamlearn.core.linear.losses import LOSSES
from streamlearn.core.linear.rates import step_size
from streamlearn.core.linear.sgd import (
    STEEPEST,
    Params,
    penalty_parts,
    per_column,
    row_weights,
    targets,
    to_like,
    truncate,
)
from streamlearn.core.rows import cast

PASSIVE = ("pa1", "pa2")
"""The passive-aggressive schedules, whose move is the loss over the row's squared length."""

FIRST_TILE = {True: 64, False: 512}
"""Rows of the first tiles on the host (True) and on an accelerator, where launches cost time."""

INTERCEPT_OF_SPARSE = 0.01
"""scikit-learn's factor for the move of the intercept if rows are sparse."""

SMALLEST_SCALE = {8: 1e-9, 4: 1e-6}
"""The running product below which scikit-learn's loop multiplies it out, by bytes of a float."""


class Penalized(NamedTuple):
    """The state of the cumulative L1 penalty after some rows of a call.

    Attributes
    ----------
    u : array of shape (K,)
        The penalty that every coefficient could have received. It is the only long sum here, in the
        widest float.
    q : array of shape (K, d)
        The penalty that each coefficient has received.
    scale : array of shape (K,)
        The running product of the decays since scikit-learn's loop last multiplied it out.
    share : array of shape (K,)
        The part of a cut by which the average moves; see `step`.
    square, absolute : arrays of shape (K,)
        The squared L2 norm and the L1 norm of the coefficients before their last cut, for the
        objective.
    """

    u: Array
    q: Array
    scale: Array
    share: Array
    square: Array
    absolute: Array


class Size(NamedTuple):
    """The size of tiles, as arrays of shape ().

    Attributes
    ----------
    rows : array
        The number of rows of the next tiles.
    last, sweeps : arrays
        The number of rows of the last tiles, and the mean number of their sweeps. Both are 0 before
        any tile.
    power : array
        The number of sweeps grows with this power of the number of rows.
    """

    rows: Array
    last: Array
    sweeps: Array
    power: Array


class State(NamedTuple):
    """K linear models.

    Attributes
    ----------
    coef : array of shape (K, d)
        All numbers here are in the widest float. scikit-learn's scores and intercepts are float64,
        and rounding to float32 after each row would be less accurate.
    intercept : array of shape (K,)
    mean_coef, mean_intercept : arrays like ``coef`` and ``intercept``
        The means over the iterates. They equal the iterate until averaging begins.
    eta : array of shape (K,)
        The step size of the "adaptive" schedule. The stopping rule reduces it.
    active : array of shape (K,)
        1 for columns that move, 0 for columns that do not change by a single bit.
    skipped : array of shape ()
        The number of rows of the call that "pa1" does not count: rows of zeros.
    size : Size
    penalized : Penalized or None
        None without an L1 penalty.
    like : array of shape ()
        Its dtype is that of the models in `rowwise.answer`.
    """

    coef: Array
    intercept: Array
    mean_coef: Array
    mean_intercept: Array
    eta: Array
    active: Array
    skipped: Array
    size: Size
    penalized: Penalized | None
    like: Array


class RowTerms(NamedTuple):
    """Rows, and all parts of their steps that do not depend on the models. k is 1 or K.

    Attributes
    ----------
    X : array of shape (m, d)
    y : array of shape (m, K)
    factor : array of shape (m, K)
        The factor of the gradient: the weight, and minus the step size unless the schedule is
        passive-aggressive.
    square : array of shape (m, 1)
        The squared length of each row. In the passive-aggressive schedules it is the divisor of the
        loss.
    decay : array of shape (m, k), or None
        s_t, the factor of the coefficients. None means 1.
    cut : array of shape (m, k), or None
        The L1 penalty that the row adds.
    order : array of shape (m, 1)
        The number of iterates in the mean after the row, if that is positive.
    kept : array of shape (m, 1)
        0 for rows that are skipped, 1 for others.
    slow : float
        The move of an intercept if the row's move is 1.
    """

    X: Array
    y: Array
    factor: Array
    square: Array
    decay: Array | None
    cut: Array | None
    order: Array
    kept: Array
    slow: float = 1.0


class MoveTerms(NamedTuple):
    """The parts of `RowTerms` on which `moves` depend."""

    y: Array
    factor: Array
    square: Array


def start(params: Params, coef: Array, intercept: Array) -> State:
    """Return the state at the start of a call with given models, (K, d) and (K,)."""
    xp = namespace(coef)
    w, b = (xp.astype(a, widest_float(coef), copy=False) for a in (coef, intercept))
    size = sized((FIRST_TILE[on_host(coef)], 0, 0.0, 0.25), like=b)
    like = xp.zeros((), dtype=coef.dtype, device=device(coef))
    return resume(params, State(w, b, w, b, b, b, b, size, None, like))


def sized(numbers: tuple[float, ...], *, like: Array) -> Size:
    """Return a `Size` in the library, on the device and in the dtype of ``like``."""
    return Size(*(asarray(number, like=like) for number in numbers))


def resume(params: Params, state: State) -> State:
    """Return the state at the start of the next call.

    As in scikit-learn, each call resets the penalty received, the step size of "adaptive" and the
    running product of the decays. A state that comes from a device with narrower floats is widened.
    """
    wide = widest_float(state.coef)
    names = ("coef", "intercept", "mean_coef", "mean_intercept")
    state = state._replace(**{name: cast(getattr(state, name), wide) for name in names})
    w, b = state.coef, state.intercept
    xp, ones = namespace(w), namespace(w).ones_like(w[:, 0])
    penalized = None
    if params.penalty in ("l1", "elasticnet"):
        penalized = Penalized(
            xp.zeros_like(b),
            xp.zeros_like(w),
            ones,
            0.0 * ones,
            xp.sum(w * w, axis=1),
            xp.sum(xp.abs(w), axis=1),
        )
    return state._replace(
        eta=per_column(to_like(params, b).eta0, b),
        active=ones,
        skipped=0.0 * ones[0],
        penalized=penalized,
    )


def row_terms(params: Params, state: State, batch: Batch) -> tuple[RowTerms, Array | None]:
    """Return a batch as `RowTerms`, and its weights, (m, 1) or (m, K) or None."""
    w, rate = state.coef, params.learning_rate
    xp = namespace(w)
    X = cast(batch.X, w.dtype)
    y = targets(params, batch.target, w)
    weight = row_weights(params, y, batch.weight)
    square = row_squares(X)
    ones = xp.ones_like(square)
    kept = xp.astype(square > 0.0, w.dtype) if rate == "pa1" else ones

    past = xp.cumulative_sum(ones, axis=0) - 1.0 + float(batch.seen)
    eta = params.eta0
    if rate not in PASSIVE:
        numbers = {name: getattr(params, name) for name in ("eta0", "power_t", "alpha")}
        eta = step_size(rate, **numbers, eta=state.eta, seen=past)
    eta = past * 0.0 + eta
    a1, a2 = penalty_parts(params)
    decay = cut = None
    if params.penalty in ("l2", "elasticnet"):
        decay = xp.maximum(1.0 - eta * a2, 0.0)
        decay = xp.where(kept > 0.0, decay, 1.0) if rate == "pa1" else decay
    if params.penalty in ("l1", "elasticnet"):
        cut = eta * a1
    eta = ones if rate in PASSIVE else -eta
    factor = state.active * eta * kept
    factor = factor if weight is None else factor * weight
    if rate in PASSIVE:
        square = square + 0.5 / params.eta0 if rate == "pa2" else xp.where(kept > 0.0, square, 1.0)
    passed = state.skipped + xp.cumulative_sum(1.0 - kept, axis=0)
    order = past + (2.0 - params.average) - passed
    slow = INTERCEPT_OF_SPARSE if is_sparse(X) else 1.0
    return RowTerms(X, y, factor, square, decay, cut, order, kept, slow), weight


def some(rows: RowTerms, at: slice) -> RowTerms:
    """Return some of the rows."""
    X, *parts, slow = rows
    chosen: list[Any] = [a if a is None else a[at, :] for a in parts]
    return RowTerms(*[rows_at(X, at), *chosen, slow])


def moves(params: Params, p: Array, rows: RowTerms | MoveTerms) -> Array:
    """Return the moves c (m, K) at scores p (m, K): multiples of each row that models move by."""
    xp, loss = namespace(p), LOSSES[params.loss]
    if params.learning_rate not in PASSIVE:
        g = loss.gradient(p, rows.y, params.epsilon)
        if loss.unbounded_gradient:
            g = xp.maximum(xp.minimum(g, STEEPEST), -STEEPEST)
        return rows.factor * g
    size = loss.value(p, rows.y, params.epsilon) / rows.square
    if params.learning_rate == "pa1":
        size = xp.minimum(size, params.eta0)
    if params.kind == "classes":
        return rows.factor * (size * rows.y)
    return rows.factor * (size * (1.0 - 2.0 * xp.astype(rows.y < p, p.dtype)))


def are_curved(params: Params) -> bool:
    """Return whether moves change with scores continuously, and not only in jumps."""
    return params.learning_rate in PASSIVE or LOSSES[params.loss].slope is not None


def slopes(params: Params, p: Array, c: Array, goals: MoveTerms) -> Array:
    """Return h (m, K), minus the derivatives of moves c by scores p. The moves `are_curved`."""
    xp, loss = namespace(p), LOSSES[params.loss]
    if loss.slope is not None:
        return -goals.factor * loss.slope(p, goals.y, params.epsilon)
    moved, slope = c != 0.0, goals.factor / goals.square
    if params.learning_rate == "pa1":
        moved = moved & (xp.abs(c) < params.eta0 * xp.abs(goals.factor))
    return xp.astype(moved, p.dtype) * slope


def step(
    params: Params, state: State, row: RowTerms, present: Array | None = None
) -> tuple[State, Array, Array]:
    """Learn from one row.

    Under an L1 penalty the average is scikit-learn's, which is not an average of iterates.
    scikit-learn keeps it as ``(a w + rest) / b``, and a cut changes only w. So the average moves by
    the ``share`` ``a / b`` of the cut. The average of n iterates would move by ``1 / n`` of it.

    Parameters
    ----------
    params : Params
    state : State
    row : RowTerms
        One row, which is dense.
    present : array of bool of shape (d,), optional
        For a sparse row, the features that are stored. The L1 penalty cuts only these. In
        scikit-learn the norms of the coefficients in the objective are over these features.

    Returns
    -------
    state : State
    p, c : arrays of shape (1, K)
        The score and the move of the row.
    """
    w, b, old = state.coef, state.intercept, state.penalized
    xp = namespace(w)
    # A matrix product may return infinity where infinities of both signs should give NaN.
    p = (xp.sum(row.X * w, axis=1) + b)[None, :]
    c = moves(params, p, row)
    kept, decay = row.kept[0, 0], None if row.decay is None else row.decay[0, :]
    w = w if decay is None else w * decay[:, None]
    w = w + c[0, :][:, None] * row.X
    b = b + row.slow * c[0, :] if params.fit_intercept else b

    begun, r = False, 0.0
    mean_w, mean_b = w, b
    if params.average > 0:
        n = row.order[0, 0]
        begun = n >= 1.0
        r = kept / xp.maximum(n, xp.ones_like(n))
        mean_w = xp.where(begun, (1.0 - r) * state.mean_coef + r * w, w)
        mean_b = xp.where(begun, (1.0 - r) * state.mean_intercept + r * b, b)
    if old is not None:
        assert row.cut is not None
        scale, share, square, absolute = old[2:]
        if decay is not None:
            scale = scale * decay
            # When scikit-learn's loop multiplies the scale out, its average loses the share.
            out = scale < SMALLEST_SCALE[itemsize(state.like.dtype, xp)]
            scale, share = (
                xp.where(out, 1.0, scale),
                xp.where(out, 0.0, share / xp.where(out, 1.0, decay)),
            )
            square, absolute = square * decay**2, absolute * decay
        moved = c[0, :] != 0.0
        counted = w if present is None else w * xp.astype(present, w.dtype)
        square = xp.where(moved, xp.sum(counted * counted, axis=1), square)
        absolute = xp.where(moved, xp.sum(xp.abs(counted), axis=1), absolute)
        u = old.u + kept * row.cut[0, :]
        cut = kept > 0.0 if present is None else present & (kept > 0.0)
        new_w, _ = truncate(w, u[:, None], old.q, cut)
        q = old.q + (new_w - w)
        if params.average > 0:
            share = xp.where(begun, (1.0 - r) * share + r, 0.0)
            mean_w = xp.where(begun, mean_w + share[:, None] * (new_w - w), new_w)
        else:
            mean_w = new_w
        w, old = new_w, Penalized(u, q, scale, share, square, absolute)
    state = state._replace(
        coef=w, intercept=b, mean_coef=mean_w, mean_intercept=mean_b, penalized=old
    )
    return state, p, c
