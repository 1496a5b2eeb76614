"""The optimum of a linear model's objective over all rows, by damped Newton steps.

The objective is mean loss + alpha / 2 |w|^2, scikit-learn's, without a penalty of the intercept.
Each column has its own objective, unless a loss depends on all columns. Rows may have weights, and
rows of weight 0 are absent. A loss with a kink is replaced by one whose kinks are parabolas, which
get narrower until they make no difference. `Optimum.gap` says how far from converged the result is.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from streamlearn.core.linear import joint_loss, sgd
from streamlearn.core.linear.losses import LOSSES
from streamlearn.core.linear.sgd import Params

CONVERGED = 1e-5  # of the objective: a thousandth of a percent


KINKED = ("hinge", "epsilon_insensitive", "quantile")


class Optimum(NamedTuple):
    """Models (K, d) and (K,), and what share of the objective may lie above its minimum."""

    coef: np.ndarray
    intercept: np.ndarray
    gap: float


class Problem(NamedTuple):
    """One column's objective: standardized rows, ones last, their weights, penalties, targets."""

    params: Params
    Z: np.ndarray
    weight: np.ndarray
    ridge: np.ndarray
    y: np.ndarray


def mean_loss(
    params: Params, p: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None
) -> float:
    """Return the mean loss of scores (m, K) over rows and columns."""
    target = sgd.targets(params, y, p[:0].T)
    with np.errstate(over="ignore", invalid="ignore"):
        value = LOSSES[params.loss].value(p, target, params.epsilon)
        return float(np.average(value.mean(axis=1), weights=weight))


def smooth(loss: str, p: np.ndarray, y: np.ndarray, epsilon: float, width: float) -> tuple:
    """Value, gradient, curvature; kinks are parabolas of a given width, huber's is as wide."""
    if loss in KINKED:
        r, sign = {
            "hinge": lambda: (1 - y * p, -y),
            "epsilon_insensitive": lambda: (np.abs(p - y) - epsilon, np.sign(p - y)),
            "quantile": lambda: (p - y, 1.0),
        }[loss]()
        inside = np.clip(r, 0, width)
        h = ((r > 0) & (r < width)) / width
        # the loss of a quantile is that of the side above, and a straight line
        line = epsilon if loss == "quantile" else 0.0
        return inside * (r - 0.5 * inside) / width - line * r, sign * inside / width - line, h
    f = LOSSES[loss]
    if loss == "modified_huber":
        return f.value(p, y, 0), f.gradient(p, y, 0), 2.0 * (np.abs(y * p) < 1)
    if loss == "huber":
        e = max(epsilon, width)
        c, h = epsilon / e, 1.0 * (np.abs(p - y) < e)
        return c * f.value(p, y, e), c * f.gradient(p, y, e), c * h
    if loss == "log_loss":
        g = f.gradient(p, y, 0)
        return f.value(p, y, 0), g, np.abs(g) * (1 - np.abs(g))
    return tuple(f(p, y, epsilon) for f in (f.value, f.gradient, f.slope))


def optimum(
    params: Params,
    X: np.ndarray,
    y: np.ndarray,
    start: Optimum,
    scale: np.ndarray | None = None,
    weight: np.ndarray | None = None,
) -> Optimum:
    """Minimize the objective over all rows, a column at a time.

    ``start`` is where to start, zeros or another optimum. With ``scale`` the penalty is that of
    features that are divided by it; what comes back is for X as it is all the same.
    """
    if weight is not None:
        X, y, weight = X[weight > 0], y[weight > 0], weight[weight > 0]
    r = np.ones(len(y)) if weight is None else weight
    mean, sd = X.mean(0), deviations(X)
    Z = np.hstack([(X - mean) / sd, np.ones((X.shape[0], 1))])
    ridge = np.append(params.alpha * ((1.0 if scale is None else scale) / sd) ** 2, 0.0)
    target = sgd.targets(params, y, start.coef)
    W = np.hstack([start.coef * sd, (start.intercept + start.coef @ mean)[:, None]])
    if LOSSES[params.loss].joint:
        W, gap = _of_all_columns(params, Z, r, ridge, target, W)
        coef = W[:, :-1] / sd
        return Optimum(coef, W[:, -1] - coef @ mean, gap)
    found = [_column(Problem(params, Z, r, ridge, t), w) for t, w in zip(target.T, W, strict=True)]
    W, value, least = (np.array(part) for part in zip(*found, strict=True))
    coef = W[:, :-1] / sd
    return Optimum(coef, W[:, -1] - coef @ mean, float(1 - least.sum() / value.sum()))


def _of_all_columns(
    params: Params, Z: np.ndarray, r: np.ndarray, ridge: np.ndarray, y: np.ndarray, W: np.ndarray
) -> tuple[np.ndarray, float]:
    """Minimize a joint loss; return the models of standardized rows, and the gap."""
    loss, n = LOSSES[params.loss], len(Z)

    def f(W: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        p = Z @ W.T
        value = r @ loss.value(p, y, 0.0)[:, 0] / n + 0.5 * np.sum(ridge * W**2)
        g = (r[:, None] * loss.gradient(p, y, 0.0)).T @ Z / n + ridge * W
        return value, g, p

    value, g, p = f(W)
    for _ in range(100):
        H = joint_loss.as_matrix(joint_loss.products(Z, r[:, None] * loss.slope(p, y, 0.0) / n))
        H += np.diag(np.tile(ridge, len(W)) + 1e-10 * np.trace(H) / len(H))
        step = np.linalg.solve(H, g.ravel()).reshape(W.shape)
        decrement, t = float(np.sum(g * step)), 1.0
        if decrement < 1e-2 * CONVERGED * value:
            break
        while (found := f(W - t * step))[0] > value - 1e-4 * t * decrement and t > 1e-9:
            t *= 0.5
        W, (value, g, p) = W - t * step, found
    return W, decrement / value


def zeros(K: int, d: int) -> Optimum:
    """Return where a search starts that knows nothing."""
    return Optimum(np.zeros((K, d)), np.zeros(K), np.inf)


def deviations(X: np.ndarray) -> np.ndarray:
    """Return the features' standard deviations, 1 for constant ones."""
    sd = X.std(0)
    return np.where(sd > 0, sd, 1.0)


def _column(problem: Problem, w: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Return one model of standardized rows, its objective, and a bound on its minimum."""
    params, y = problem.params, problem.y
    spread = 1.0 if params.kind == "classes" else max(np.std(y), 1e-3)
    kinked = params.loss in KINKED
    width = spread if kinked or params.loss == "huber" else 0.0
    width = 0.1 * width if w.any() else width
    before = w
    if LOSSES[params.loss].log_link and not w.any():
        w = w + 0.0
        w[-1] = np.log(np.average(y, weights=problem.weight))
    while True:
        tolerance = 1e-4 if width else CONVERGED
        # rows that stay on a rounded kink move as its width does
        ahead = w + (w - before) / 3
        before = w
        w, decrement = _newton(problem, ahead, width, tolerance)
        true, slack = _slack(problem, w, width)
        if kinked and (slack < 0.5 * CONVERGED * true or width < 1e-9 * spread):
            w, decrement = _newton(problem, w, width, CONVERGED)
            true, slack = _slack(problem, w, width)
            return w, true, true - slack - decrement
        if width == 0:
            return w, true, true - decrement
        width = width / 3 if kinked or width > 3 * params.epsilon else 0.0


def _slack(problem: Problem, w: np.ndarray, width: float) -> tuple[float, float]:
    """Return the objective, and how far the dual one lies below it where kinks are rounded.

    The conjugate of a rounded loss is larger by width / 2 g^2 than that of the loss.
    """
    params, Z, r, ridge, y = problem
    p = Z @ w
    true = LOSSES[params.loss].value(p, y, params.epsilon)
    v, g, _ = smooth(params.loss, p, y, params.epsilon, width)
    g = g + params.epsilon if params.loss == "quantile" else g
    apart = r * (true - v - 0.5 * width * g**2)
    return (r * true).mean() + 0.5 * ridge @ w**2, apart.mean()


def _newton(
    problem: Problem, w: np.ndarray, width: float, tolerance: float
) -> tuple[np.ndarray, float]:
    """Minimize the smooth objective; return the model and the Newton decrement."""
    params, Z, r, ridge, y = problem

    def f(w: np.ndarray) -> tuple:
        v, g, h = smooth(params.loss, Z @ w, y, params.epsilon, width)
        return (r * v).mean() + 0.5 * ridge @ w**2, r * g, r * h

    value, g, h = f(w)
    squares = Z**2
    damping = 0.0
    for _ in range(200):
        grad = Z.T @ g / len(Z) + ridge * w
        curved = h > 0
        A = Z if curved.all() else Z[curved]
        H = (A * h[curved, None]).T @ A / len(Z) + np.diag(ridge)
        H += np.diag(np.full(len(w), 1e-10 * np.trace(H) / len(w) + 1e-14))
        decrement = grad @ np.linalg.solve(H, grad)
        if decrement < 1e-2 * tolerance * abs(value):
            break
        # Where few rows are at the kinks H is singular. Damping is by parabolas above the loss.
        above = squares.T @ (r * _above(params, Z @ w, y, width)) / len(Z)
        while True:
            step = np.linalg.solve(H + damping * np.diag(above), grad)
            new, g_new, h_new = f(w - step)
            if new <= value - 1e-4 * (grad @ step) or damping > 1e9:
                break
            damping = max(10 * damping, 1e-3)
        damping = 0.1 * damping if damping > 1e-3 else 0.0
        w, value, g, h = w - step, new, g_new, h_new
    return w, decrement


def _above(params: Params, p: np.ndarray, y: np.ndarray, width: float) -> np.ndarray:
    """Return the curvature of parabolas that touch the loss at p and lie above it."""
    if params.loss == "hinge":
        return 0.5 / np.maximum(np.abs(1 - y * p), width)
    if params.loss == "epsilon_insensitive":
        return 0.5 / np.maximum(np.abs(np.abs(p - y) - params.epsilon), width)
    if params.loss == "quantile":
        return 0.5 / np.maximum(np.abs(p - y), width)
    return LOSSES[params.loss].curvature(p, y, params.epsilon)
