"""Linear models by averaged stochastic Newton steps: ``learning_rate="auto"``, no step to tune."""

from __future__ import annotations

from typing import NamedTuple

from streamlearn.backend import Array, device, float_dtype, namespace, scores, weighted_sums
from streamlearn.core.linear import Params, beside, penalty_parts, report, row_weights, targets
from streamlearn.core.losses import LOSSES
from streamlearn.core.machine import Batch, Info, Machine

KAPPA = 0.5


class State(NamedTuple):
    """K linear models under way, in coordinates centred by ``centre``."""

    coef: Array
    intercept: Array
    mean_coef: Array
    mean_intercept: Array
    active: Array
    centre: Array
    absolute: Array
    square: Array
    hessian: Array


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
    zeros = xp.zeros(d + 1, **at)
    return State(
        coef,
        intercept,
        coef,
        intercept,
        active=xp.ones_like(intercept),
        centre=xp.zeros(d, **at),
        absolute=zeros,
        square=zeros,
        hessian=xp.zeros((K, d + 1, d + 1), **at),
    )


def update(params: Params, state: State, batch: Batch) -> tuple[State, Info]:
    """Take one damped Newton step."""
    w, b = state.coef, state.intercept
    params = beside(params, b)
    xp, loss = namespace(w), LOSSES[params.loss]
    K, d = w.shape
    X = xp.astype(batch.X, w.dtype, copy=False)
    m, T = X.shape[0], batch.seen

    shift = m / (T + m) * (xp.mean(X, axis=0) - state.centre)
    centre = state.centre
    mean_b = state.mean_intercept
    if params.fit_intercept:
        centre = centre + shift
        b = b + w @ shift
        mean_b = mean_b + state.mean_coef @ shift
    Z = xp.concat([X - centre, xp.ones((m, 1), dtype=w.dtype, device=device(w))], axis=1)
    if not params.fit_intercept:
        Z = Z * xp.asarray([1.0] * d + [0.0], dtype=w.dtype, device=device(w))
    W = xp.concat([w, b[:, None]], axis=1)
    p = scores(Z, W)
    y = targets(params, batch.target, w)
    c = row_weights(params, y, batch.weight)
    info = report(params, w, loss.value(p, y, params.epsilon), c)
    g = loss.gradient(p, y, params.epsilon)
    h = loss.curvature(p, y, params.epsilon)
    if c is not None:
        g, h = g * c, h * c

    _, a2 = penalty_parts(params)
    ridge = xp.zeros_like(W[:, :d]) + xp.reshape(xp.zeros_like(b) + a2, (-1, 1))
    ridge = xp.concat([ridge, xp.zeros_like(b)[:, None]], axis=1)
    grad = weighted_sums(g, Z) / m + ridge * W

    r = 4 * m / (T + 4 * m)
    Zh = xp.matrix_transpose(Z)[None, :, :] * xp.matrix_transpose(h)[:, None, :]
    H = state.hessian + r * (xp.matmul(Zh, Z[None, :, :]) / m - state.hessian)
    absolute = state.absolute + xp.sum(xp.abs(Z), axis=0)
    square = state.square + xp.sum(Z * Z, axis=0)
    n = absolute * absolute / xp.where(square > 0.0, square, 1.0)
    lost = xp.minimum(KAPPA * (1.0 + d) / xp.maximum(n, 0.1), 1.0)
    h_mean = xp.mean(h, axis=0)
    damp = lost[None, :] * h_mean[:, None] * (square / (T + m))[None, :]

    diagonal = xp.linalg.diagonal(H) + ridge + damp
    s = xp.where(diagonal > 0.0, 1.0 / xp.sqrt(xp.where(diagonal > 0.0, diagonal, 1.0)), 0.0)
    eye = xp.eye(d + 1, dtype=w.dtype, device=device(w))
    M = (H + (ridge + damp)[:, :, None] * eye) * s[:, :, None] * s[:, None, :]
    M = M + xp.astype(s == 0.0, w.dtype)[:, :, None] * eye
    step = s * xp.linalg.solve(M, (s * grad)[:, :, None])[:, :, 0]
    gamma = (m / (T + m)) ** 0.75
    new = W - gamma * state.active[:, None] * step
    rate = min(1.0, 9 * m / (T + 8 * m))
    if params.average > 0:
        n_averaged = T + m - params.average + 1
        rate = min(m, n_averaged) / n_averaged if n_averaged > 0 else 1.0
    mean = xp.concat([state.mean_coef, mean_b[:, None]], axis=1)
    mean = mean + rate * state.active[:, None] * (new - mean)
    new_state = State(
        new[:, :d],
        new[:, d],
        mean[:, :d],
        mean[:, d],
        state.active,
        centre,
        absolute,
        square,
        H,
    )
    return new_state, info


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
