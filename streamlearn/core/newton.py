"""Linear models by averaged stochastic Newton steps: ``learning_rate="auto"``, no step to tune.

A batch of m rows that follows T others moves the models w (one column shown) by ::

    H <- (1-r) H + r Z'diag(h)Z / k,   r = 4m / (T + 4m)
    P  = (H + alpha I + diag D)^-1,    D_j = min(1, (1 + d) / (2 n_j)) mean(h) mean(z_j^2)
    s  = t P g,                        t = min(1, 2 g'Pg / (Pg)'H_b(Pg))
    w <- w - c s,                      c = 6m / (T + 6m + 3d)
    u <- u + b (w_before - s - u),     b = 1.5m / (T + 1.5m)

g is the mean gradient with the penalty, Z the leading k of the rows, less a running centre and with
a column of ones for the intercept, h the curvature of the loss at their scores and H_b its matrix
from the leading quarter of the batch. The answer is u.

Why each part is there:

- u averages full Newton targets, not iterates. Where the loss is quadratic and P right, each target
  is the optimum plus the batch's own noise, whatever w was: u is nearly as good as a batch solution
  of all rows (its variance is ``1.5**2 / (2 * 1.5 - 1)`` = 1.125 of it), while w may take long,
  noisy steps that forget its start fast.
- n_j = (sum |z_j|)^2 / sum z_j^2 is the number of rows that feature j has effectively been seen in:
  honest damping for rare features. It counts the rows that H has seen; a feature that P has not seen
  does not move until the next P.
- Fed by a part of the rows and inverted while T grows by some percent, P is only a little worse than
  the best, which u forgives, and t catches what it does not: no step overshoots twice the minimum
  of the batch's parabola along it.
- The centre makes P indifferent to the features' offsets, scaling to unit diagonal before inversion
  to their scales.

Beyond `WIDEST` H is its diagonal; t then also sets the length of the steps.

`bench/newton.py` prints how far from the optimum one pass ends, `bench/NOTES.md` what else was tried.

References
----------
Bercu, Godichon-Baggioni & Portier, "An efficient stochastic Newton algorithm for parameter
estimation in logistic regressions", 2020. Boyer & Godichon-Baggioni, "On the asymptotic rate of
convergence of stochastic Newton algorithms and their weighted averaged versions", 2023. Shamir &
Zhang, "Stochastic gradient descent for non-smooth optimization", 2013 (polynomial decay averaging).
"""

from __future__ import annotations

import math
from typing import NamedTuple

from streamlearn.backend import (
    Array,
    column_sums,
    device,
    float_dtype,
    namespace,
    scores,
    weighted_sums,
)
from streamlearn.core.linear import (
    Params,
    averaging_weight,
    beside,
    penalty_parts,
    report,
    row_weights,
    targets,
)
from streamlearn.core.losses import LOSSES
from streamlearn.core.machine import Batch, Info, Machine

WIDEST = 1 << 23
"""Most numbers in H, or in the rows that feed it: above, H is its diagonal."""

WATCHED = 256
"""Least rows of a batch that limit its step: one in four of a larger batch."""

FED = 64
"""Least rows of a batch that feed H: one in four of those that limit the step."""


class State(NamedTuple):
    """K linear models under way, for rows less ``centre``; D = d + 1, the last for the intercept.

    Attributes
    ----------
    coef : array of shape (K, d)
    intercept : array of shape (K,)
    mean_coef, mean_intercept : arrays like ``coef`` and ``intercept``
        Means of the steps' Newton targets: the answer.
    active : array of shape (K,)
        1 for columns that move, 0 for those that stand still, to the bit.
    centre : array of shape (d,)
        Running mean of the features; zeros without an intercept.
    absolute, square : arrays of shape (D,)
        Sums of |z_j| and z_j^2 over the rows that fed ``hessian``; for the intercept their number.
    hessian : array of shape (K, D, D) or (K, D)
    inverse : array like ``hessian``
        The last P. Rows and columns of features that it has not seen are 0.
    """

    coef: Array
    intercept: Array
    mean_coef: Array
    mean_intercept: Array
    active: Array
    centre: Array
    absolute: Array
    square: Array
    hessian: Array
    inverse: Array


def init(params: Params, n_features: int, n_outputs: int, *, like: Array) -> State:
    """Return models of zeros in the float dtype of ``like``."""
    xp = namespace(like)
    at = {"dtype": float_dtype(like), "device": device(like)}
    return start(params, xp.zeros((n_outputs, n_features), **at), xp.zeros(n_outputs, **at))


def start(params: Params, coef: Array, intercept: Array) -> State:
    """Return the state that goes on from given models, (K, d) and (K,)."""
    if params.penalty in ("l1", "elasticnet"):
        raise NotImplementedError(f'learning_rate="auto" with penalty={params.penalty!r}')
    xp = namespace(coef)
    K, d = coef.shape
    at = {"dtype": coef.dtype, "device": device(coef)}
    full = K * (d + 1) * max(d + 1, FED) <= WIDEST
    nothing = xp.zeros(d + 1, **at)
    unknown = xp.zeros((K, d + 1, d + 1) if full else (K, d + 1), **at)
    return State(
        coef,
        intercept,
        coef,
        intercept,
        active=xp.ones_like(intercept),
        centre=xp.zeros(d, **at),
        absolute=nothing,
        square=nothing,
        hessian=unknown,
        inverse=unknown,
    )


def update(params: Params, state: State, batch: Batch) -> tuple[State, Info]:
    """Take one damped Newton step; see the module's docstring.

    Parameters
    ----------
    params : Params
        ``learning_rate``, ``eta0`` and ``power_t`` are not read. With ``average=n`` the answer is
        the plain mean of the Newton targets from the n-th row on.
    state : State
        Not changed.
    batch : Batch
        Rows (m, d), targets as ``params.kind`` says, weights (m,) or None, and the number of rows
        that this state has learned from.

    Returns
    -------
    state : State
    info : Info
        Sums over the batch, each row scored before the step.

    Examples
    --------
    One batch of a linear regression is least squares, lightly damped:

    >>> import numpy as np
    >>> params = Params(loss="squared_error", kind="values", penalty=None)
    >>> X = 1e6 + np.linspace(0, 1, 1000)[:, None]
    >>> y = 3.0 * X[:, 0] - 3e6
    >>> state, info = update(params, init(params, 1, 1, like=X), Batch(X, y))
    >>> coef, intercept = answer(params, state)
    >>> np.round(coef), np.round(coef @ X[500] + intercept, 1)
    (array([[3.]]), array([1.5]))
    """
    params = beside(params, state.intercept)
    xp, loss = namespace(state.coef), LOSSES[params.loss]
    X = xp.astype(batch.X, state.coef.dtype, copy=False)
    m, T, d = X.shape[0], batch.seen, X.shape[1]
    watched = thin(X, WATCHED)
    state = recentre(params, state, watched, m / (T + m))
    w, b = state.coef, state.intercept

    p = scores(X, w) + (b - w @ state.centre)
    y = targets(params, batch.target, w)
    a = row_weights(params, y, batch.weight)
    info = report(params, w, loss.value(p, y, params.epsilon), a)
    g = loss.gradient(p, y, params.epsilon)
    h = loss.curvature(thin(p, WATCHED), thin(y, WATCHED), params.epsilon)
    if a is not None:
        g, h = g * a, h * thin(a, WATCHED)

    ridge = xp.zeros_like(b) + penalty_parts(params)[1]
    grad_b = column_sums(g) / m
    grad_w = weighted_sums(g, X) / m - grad_b[:, None] * state.centre + ridge[:, None] * w
    grad = xp.concat([grad_w, grad_b[:, None]], axis=1)
    present = None if batch.weight is None else thin(batch.weight, WATCHED) > 0
    state = feed(state, watched, h, present, 4 * m / (T + 4 * m))
    if T == 0 or inversions(T + m, d) > inversions(T, d):
        state = state._replace(inverse=invert(params, state, ridge))

    full = state.inverse.ndim == 3
    s = (grad[:, None, :] @ state.inverse)[:, 0, :] if full else grad * state.inverse
    along = scores(watched, s[:, :d]) + (s[:, d] - s[:, :d] @ state.centre)
    bend = column_sums(h * along**2) / h.shape[0] + ridge * xp.sum(s[:, :d] ** 2, axis=1)
    slope = 2.0 * xp.sum(grad * s, axis=1)
    t = xp.where(bend > slope, slope / xp.where(bend > slope, bend, 1.0), 1.0)
    s = (state.active * t)[:, None] * s

    c = 6 * m / (T + 6 * m + 3 * d)
    r = 1.5 * m / (T + 1.5 * m)
    if params.average > 0:
        r = averaging_weight(params, T, m)
    r = r * state.active
    mean_w = state.mean_coef + r[:, None] * (w - s[:, :d] - state.mean_coef)
    mean_b = state.mean_intercept + r * (b - s[:, d] - state.mean_intercept)
    state = state._replace(
        coef=w - c * s[:, :d],
        intercept=b - c * s[:, d],
        mean_coef=mean_w,
        mean_intercept=mean_b,
    )
    return state, info


def thin(x: Array, least: int) -> Array:
    """Return every fourth row, or as many as make ``least``: spread, in case the rows are sorted."""
    return x[:: max(1, min(4, x.shape[0] // least)), ...]


def recentre(params: Params, state: State, X: Array, r: float) -> State:
    """Move the centre towards the mean of X, and the intercepts so that no score changes."""
    if not params.fit_intercept:
        return state
    v = r * (column_sums(X) / X.shape[0] - state.centre)
    return state._replace(
        centre=state.centre + v,
        intercept=state.intercept + state.coef @ v,
        mean_intercept=state.mean_intercept + state.mean_coef @ v,
    )


def feed(state: State, X: Array, h: Array, present: Array | None, r: float) -> State:
    """Let some of rows X with curvatures h (k, K) into H, and count what they show of a feature."""
    xp, X, h = namespace(X), thin(X, FED), thin(h, FED)
    k = X.shape[0]
    Z = xp.concat([X - state.centre, xp.ones((k, 1), dtype=X.dtype, device=device(X))], axis=1)
    if state.hessian.ndim == 3:
        R = xp.sqrt(xp.matrix_transpose(h))[:, :, None] * Z
        H = xp.matrix_transpose(R) @ R / k
    else:
        H = weighted_sums(h, Z * Z) / k
    if present is not None:
        Z = Z * xp.astype(thin(present, FED), Z.dtype)[:, None]
    return state._replace(
        hessian=state.hessian + r * (H - state.hessian),
        absolute=state.absolute + column_sums(xp.abs(Z)),
        square=state.square + column_sums(Z * Z),
    )


def inversions(T: int, d: int) -> int:
    """Return how many inversions T rows are worth, so that one costs less than the rows between.

    An inversion takes about the time of ``300 + d**3 / (60 + 2d)`` rows (measured at d = 20 to
    500). T doubles between inversions until that many rows lie between, and grows by 5 % at last.
    """
    cost = 300 + d**3 / (60 + 2 * d)
    T = T + d
    if cost > T:
        return math.floor(math.log2(T))
    if 20 * cost > T:
        return math.floor(math.log2(cost) + T / cost)
    return math.floor(math.log2(cost) + 20 + 20 * math.log(T / (20 * cost)))


def invert(params: Params, state: State, ridge: Array) -> Array:
    """Return P = (H + alpha I + diag D)^-1 over the features seen so far, 0 elsewhere."""
    H, absolute, square = state.hessian, state.absolute, state.square
    xp, D = namespace(H), H.shape[1]
    eye = xp.eye(D, dtype=H.dtype, device=device(H))
    is_feature = 1.0 - eye[-1, :]
    eps = xp.finfo(H.dtype).eps

    n = absolute * (absolute / xp.where(square > 0.0, square, 1.0))
    second = square / xp.maximum(absolute[-1], 1.0)
    lost = xp.minimum(0.5 * D / xp.maximum(n, 0.5), 1.0)
    lost = xp.maximum(lost, 32 * eps * D)  # copies of a feature: as much as an inversion can tell
    diagonal = xp.linalg.diagonal(H) if H.ndim == 3 else H
    added = diagonal[:, -1:] * (lost * second) + ridge[:, None] * is_feature
    total = diagonal + added

    # a constant feature less its mean is rounding noise, which unit diagonal would blow up
    centre = xp.concat([state.centre, xp.zeros_like(absolute[-1:])])
    seen = second > (16 * eps * centre) ** 2
    if not params.fit_intercept:
        seen = seen & (is_feature > 0.0)
    seen = seen & (total > 0.0)
    s = xp.where(seen, 1.0 / xp.sqrt(xp.where(seen, total, 1.0)), 0.0)
    if H.ndim == 2:
        return s * s
    unit = s[:, :, None] * s[:, None, :]
    rest = s * s * added + xp.where(seen, 0.0, 1.0 + 0.0 * s)
    return unit * xp.linalg.inv(unit * H + rest[:, :, None] * eye)


def answer(params: Params, state: State) -> tuple[Array, Array]:
    """Return the models to predict with, for rows as they are: ``(coef, intercept)``."""
    return state.mean_coef, state.mean_intercept - state.mean_coef @ state.centre


def apply(params: Params, state: State, X: Array) -> Array:
    """Return the scores (m, K) of rows X (m, d) by the answer."""
    coef, intercept = answer(params, state)
    return scores(namespace(coef).astype(X, coef.dtype, copy=False), coef) + intercept


def machine(params: Params) -> Machine:
    """Bundle the learner with its parameters."""
    return Machine(params, init, update, apply)
