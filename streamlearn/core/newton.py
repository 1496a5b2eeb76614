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

from math import floor, log, log2
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
    per_column,
    report,
    row_weights,
    targets,
)
from streamlearn.core.losses import LOSSES, TINY
from streamlearn.core.machine import Batch, Info, Machine

WIDEST = 1 << 22
"""Most numbers in H, or in the rows that feed it: above, H is its diagonal."""

SOME = 256
"""Least rows of a batch that limit its step and feed H: one in 16 of a large batch."""


class State(NamedTuple):
    """K linear models under way, for rows less ``centre``; D = d + 1, the last for the intercept.

    Attributes
    ----------
    weights : array of shape (K, D)
        The models that gradients are taken at.
    mean : array of shape (K, D)
        Mean of the steps' Newton targets: the answer.
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

    weights: Array
    mean: Array
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
    full = K * (d + 1) * max(d + 1, SOME) <= WIDEST
    weights = xp.concat([coef, intercept[:, None]], axis=1)
    nothing = xp.zeros(d + 1, **at)
    unknown = xp.zeros((K, d + 1, d + 1) if full else (K, d + 1), **at)
    return State(
        weights=weights,
        mean=weights,
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
    params = beside(params, state.weights)
    xp, loss = namespace(state.weights), LOSSES[params.loss]
    X = xp.astype(batch.X, state.weights.dtype, copy=False)
    m, T, d = X.shape[0], batch.seen, X.shape[1]
    some = thin(X)
    now, gap = inversions(T, d)
    then, _ = inversions(T + m, d)
    feeds = T == 0 or floor(8 * then) > floor(8 * now)
    if feeds and params.fit_intercept:
        state = recentre(state, some, max(m, gap / 8) / (T + max(m, gap / 8)))
    w = state.weights

    p = on_rows(w, X, state.centre)
    y = targets(params, batch.target, w[:, :d])
    a = row_weights(params, y, batch.weight)
    info = report(params, w[:, :d], loss.value(p, y, params.epsilon), a)
    g = loss.gradient(p, y, params.epsilon)
    h = loss.curvature(thin(p), thin(y), params.epsilon)
    if a is not None:
        g, h = g * a, h * thin(a)

    ridge = per_column(penalty_parts(params)[1], state.active)[:, None]
    sums, total = weighted_sums(g, X), column_sums(g)[:, None]
    grad = xp.concat([(sums - total * state.centre) / m + ridge * w[:, :d], total / m], axis=1)
    if feeds:
        present = None if batch.weight is None else thin(batch.weight) > 0
        state = feed(state, some, h, present, 4 * max(m, gap / 8) / (T + 4 * max(m, gap / 8)))
    if T == 0 or floor(then) > floor(now):
        state = state._replace(inverse=invert(params, state, ridge))

    P = state.inverse
    s = xp.squeeze(grad[:, None, :] @ P, axis=1) if P.ndim == 3 else grad * P
    slope = 2.0 * xp.sum(grad * s, axis=1)
    bend = column_sums(h * on_rows(s, some, state.centre) ** 2) / h.shape[0]
    t = slope / xp.maximum(bend, slope + TINY)
    s = (state.active * t)[:, None] * s

    f = 2.0 if loss.kinked else 1.5
    r = f * m / (T + f * m) if params.average == 0 else averaging_weight(params, T, m)
    r = (state.active * r)[:, None]
    c = 6 * m / (T + 6 * m + 3 * d)
    return state._replace(weights=w - c * s, mean=state.mean + r * (w - s - state.mean)), info


def thin(x: Array) -> Array:
    """Return one row in 16, or `SOME` at least: spread, in case the rows are sorted."""
    return x[:: max(1, min(16, x.shape[0] // SOME)), ...]


def on_rows(w: Array, X: Array, centre: Array) -> Array:
    """Return the scores (m, K) of models w (K, D) on rows X (m, d) less the centre."""
    d = X.shape[1]
    coef = w[:, :d]
    return scores(X, coef) + (w[:, d] - coef @ centre)


def recentre(state: State, X: Array, r: float) -> State:
    """Move the centre towards the mean of X, and the intercepts so that no score changes."""
    xp, d = namespace(X), X.shape[1]
    v = r * (column_sums(X) / X.shape[0] - state.centre)

    def moved(w: Array) -> Array:
        return xp.concat([w[:, :d], (w[:, d] + w[:, :d] @ v)[:, None]], axis=1)

    return state._replace(
        centre=state.centre + v, weights=moved(state.weights), mean=moved(state.mean)
    )


def feed(state: State, X: Array, h: Array, present: Array | None, r: float) -> State:
    """Let rows X (k, d) with curvatures h (k, K) into H, and count what they show of a feature."""
    xp, k = namespace(X), X.shape[0]
    Z = xp.concat([X - state.centre, xp.ones((k, 1), dtype=X.dtype, device=device(X))], axis=1)
    if state.hessian.ndim == 3:
        R = xp.sqrt(xp.matrix_transpose(h))[:, :, None] * Z
        H = xp.matrix_transpose(R) @ R / k
    else:
        H = weighted_sums(h, Z * Z) / k
    if present is not None:
        Z = Z * xp.astype(present, Z.dtype)[:, None]
    return state._replace(
        hessian=state.hessian + r * (H - state.hessian),
        absolute=state.absolute + column_sums(xp.abs(Z)),
        square=state.square + column_sums(Z * Z),
    )


def inversions(T: int, d: int) -> tuple[float, float]:
    """Return how many inversions T rows are worth, and the rows from one to the next.

    An inversion takes about the time of ``600 + d**2 / 20`` rows (measured at d = 20 to 500). The
    rows double between inversions until that many lie between, and grow by 5 % at last.
    """
    cost = 600 + d * d / 20
    T = T + d
    if cost > T:
        return log2(T / d), T * log(2)
    if 20 * cost > T:
        return log2(cost / d) + T / cost, cost
    return log2(cost / d) + 20 + 20 * log(T / (20 * cost)), T / 20


def inverse(M: Array) -> Array:
    """Return the inverse of positive definite matrices, (..., D, D).

    By blocks, since products are what libraries do fastest: at D = 501 6 ms instead of 17 by LU.
    """
    xp, k = namespace(M), M.shape[-1] // 2
    if k < 32:
        return xp.linalg.inv(M)
    A, B, C = M[..., :k, :k], M[..., :k, k:], M[..., k:, k:]
    A = inverse(A)
    AB = A @ B
    S = inverse(C - xp.matrix_transpose(B) @ AB)
    ABS = AB @ S
    upper = xp.concat([A + ABS @ xp.matrix_transpose(AB), -ABS], axis=-1)
    return xp.concat([upper, xp.concat([-xp.matrix_transpose(ABS), S], axis=-1)], axis=-2)


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
    added = diagonal[:, -1:] * (lost * second) + ridge * is_feature
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
    return unit * inverse(unit * H + rest[:, :, None] * eye)


def answer(params: Params, state: State) -> tuple[Array, Array]:
    """Return the models to predict with, for rows as they are: ``(coef, intercept)``."""
    d = state.centre.shape[0]
    coef = state.mean[:, :d]
    return coef, state.mean[:, d] - coef @ state.centre


def apply(params: Params, state: State, X: Array) -> Array:
    """Return the scores (m, K) of rows X (m, d) by the answer."""
    coef, intercept = answer(params, state)
    return scores(namespace(coef).astype(X, coef.dtype, copy=False), coef) + intercept


def machine(params: Params) -> Machine:
    """Bundle the learner with its parameters."""
    return Machine(params, init, update, apply)
