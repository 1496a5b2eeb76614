"""How far from the optimum one pass of ``learning_rate="auto"`` ends, and what a row costs.

Each row is a table of its own kind and a loss. Excess is the held-out loss of one pass, in percent
over that of the optimum of the same objective on the same rows, which a batch Newton method finds;
negative where the optimum fits its rows too well. Sorted is the same pass over rows sorted by
target, as a ratio to the loss of predicting 0: it can tell little, but must not diverge. The second
table is CPU time a row in long runs, beside a step of plain SGD on the same batches.

    python bench/newton.py --rows 100000
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
from common import table

from streamlearn.backend import batch_rows
from streamlearn.core import linear, newton
from streamlearn.core.batches import cut, learn
from streamlearn.core.linear import Params
from streamlearn.core.losses import LOSSES
from streamlearn.core.machine import Batch

ALPHA = 1e-4


def normal(rng: Any, n: int, d: int) -> np.ndarray:
    return rng.normal(size=(n, d))


def mixed(rng: Any, n: int, d: int) -> np.ndarray:
    """Correlated normal features: condition number about 1,000 at d = 20."""
    return normal(rng, n, d) @ rng.normal(size=(d, d)) / np.sqrt(d)


def collinear(rng: Any, n: int, d: int) -> np.ndarray:
    """Pairs of features that differ by 1 %, and one that is the sum of all others."""
    half = normal(rng, n, d // 2)
    X = np.hstack([half, half + 0.01 * normal(rng, n, d // 2)])
    X[:, -1] = X[:, :-1].sum(1) + 0.01 * X[:, -1]
    return X


def student(rng: Any, n: int, d: int) -> np.ndarray:
    return rng.standard_t(2.1, size=(n, d))


def cubed_laplace(rng: Any, n: int, d: int) -> np.ndarray:
    return rng.laplace(size=(n, d)) ** 3


def one_hot(rng: Any, n: int, d: int) -> np.ndarray:
    """One level a row, of d levels with Zipf frequencies."""
    share = 1.0 / np.arange(1, d + 1)
    return np.eye(d)[rng.choice(d, size=n, p=share / share.sum())]


def one_hot_beside_dense(rng: Any, n: int, d: int) -> np.ndarray:
    return np.hstack([one_hot(rng, n, d - 20), mixed(rng, n, 20)])


def scales(rng: Any, n: int, d: int) -> np.ndarray:
    return mixed(rng, n, d) * np.logspace(-3, 3, d)


def offset(rng: Any, n: int, d: int) -> np.ndarray:
    X = mixed(rng, n, d)
    return X + 200 * X.std(0)


def score(rng: Any, X: np.ndarray, K: int = 1) -> np.ndarray:
    """Scores of K random models, of deviation 1, on features of any scale."""
    sd = X.std(0)
    W = rng.normal(size=(K, X.shape[1])) / np.where(sd > 0, sd, 1.0)
    p = (X - X.mean(0)) @ W.T
    return p / p.std(0)


def noisy(rng: Any, X: np.ndarray) -> np.ndarray:
    p = score(rng, X)[:, 0]
    return (p + rng.normal(size=p.size) > 0).astype(int)


def separable(rng: Any, X: np.ndarray) -> np.ndarray:
    p = score(rng, X)[:, 0]
    return (p + 0.02 * rng.normal(size=p.size) > 0).astype(int)


def rare(rng: Any, X: np.ndarray) -> np.ndarray:
    """One row in 1,000 is positive."""
    p = score(rng, X)[:, 0] + rng.logistic(size=X.shape[0])
    return (p > np.quantile(p, 0.999)).astype(int)


def several(K: int) -> Any:
    def codes(rng: Any, X: np.ndarray) -> np.ndarray:
        return np.argmax(2 * score(rng, X, K) + rng.gumbel(size=(X.shape[0], K)), axis=1)

    return codes


def line(rng: Any, X: np.ndarray) -> np.ndarray:
    p = score(rng, X)[:, 0]
    return p + 0.5 * rng.normal(size=p.size)


def outliers(rng: Any, X: np.ndarray) -> np.ndarray:
    """One target in twenty is wrong by tens of deviations."""
    y = line(rng, X)
    return y + np.where(rng.uniform(size=y.size) < 0.05, 30 * rng.standard_t(3, size=y.size), 0.0)


TABLES: dict[str, tuple[str, Any, int, Any]] = {
    "noisy probit": ("log_loss", mixed, 20, noisy),
    "near-separable": ("log_loss", mixed, 20, separable),
    "collinear": ("log_loss", collinear, 20, noisy),
    "Student-t 2.1": ("log_loss", student, 20, noisy),
    "cubed Laplace": ("log_loss", cubed_laplace, 20, noisy),
    "one-hot, 200 Zipf levels": ("log_loss", one_hot, 200, noisy),
    "one-hot beside dense": ("log_loss", one_hot_beside_dense, 120, noisy),
    "imbalance 1:1000": ("log_loss", mixed, 20, rare),
    "500 features": ("log_loss", mixed, 500, noisy),
    "six orders of scale": ("log_loss", scales, 20, noisy),
    "offset 200 deviations": ("log_loss", offset, 20, noisy),
    "5 classes": ("log_loss", mixed, 20, several(5)),
    "20 classes": ("log_loss", mixed, 20, several(20)),
    "hinge": ("hinge", mixed, 20, noisy),
    "hinge, one-hot": ("hinge", one_hot, 200, noisy),
    "hinge, Student-t": ("hinge", student, 20, noisy),
    "hinge, imbalance": ("hinge", mixed, 20, rare),
    "hinge, 500 features": ("hinge", mixed, 500, noisy),
    "hinge, near-separable": ("hinge", mixed, 20, separable),
    "squared hinge": ("squared_hinge", mixed, 20, noisy),
    "modified huber": ("modified_huber", mixed, 20, noisy),
    "squared error": ("squared_error", mixed, 20, line),
    "squared error, 500": ("squared_error", mixed, 500, line),
    "squared error, scales": ("squared_error", scales, 20, line),
    "huber, outliers": ("huber", mixed, 20, outliers),
    "huber, unit 1000": ("huber", mixed, 20, lambda r, X: 1000 * outliers(r, X)),
    "insensitive": ("epsilon_insensitive", mixed, 20, line),
    "insensitive, unit 1000": ("epsilon_insensitive", mixed, 20, lambda r, X: 1000 * line(r, X)),
    "squared insensitive": ("squared_epsilon_insensitive", mixed, 20, line),
}


def made(name: str, rows: int, seed: int = 0) -> tuple[Params, int, tuple, tuple]:
    """Return parameters, columns, and the rows to learn from and to test on of a table."""
    loss, features, d, target = TABLES[name]
    rows = max(2 * d, rows // 2) if d >= 500 else rows
    rng = np.random.default_rng([seed, *name.encode()])
    X = features(rng, 2 * rows, d)
    y = target(rng, X)
    kind = "classes" if y.dtype.kind == "i" else "values"
    K = int(y.max()) + 1 if kind == "classes" and y.max() > 1 else 1
    params = Params(loss=loss, kind=kind, alpha=ALPHA)
    return params, K, (X[:rows], y[:rows]), (X[rows:], y[rows:])


def held_out(params: Params, W: np.ndarray, b: np.ndarray, X: np.ndarray, y: np.ndarray) -> float:
    target = linear.targets(params, y, W)
    return float(LOSSES[params.loss].value(X @ W.T + b, target, params.epsilon).mean())


def smooth(loss: str, p: np.ndarray, y: np.ndarray, epsilon: float, width: float) -> tuple:
    """Value, gradient, curvature; kinks become parabolas of a given width."""
    if loss in ("hinge", "epsilon_insensitive"):
        r, sign = (1 - y * p, -y) if loss == "hinge" else (np.abs(p - y) - epsilon, np.sign(p - y))
        inside = np.clip(r, 0, width)
        h = ((r > 0) & (r < width)) / width
        return inside * (r - 0.5 * inside) / width, sign * inside / width, h
    f = LOSSES[loss]
    if loss == "modified_huber":
        return f.value(p, y, 0), f.gradient(p, y, 0), 2.0 * (np.abs(y * p) < 1)
    if loss == "huber":
        return f.value(p, y, epsilon), f.gradient(p, y, epsilon), 1.0 * (np.abs(p - y) < epsilon)
    if loss == "log_loss":
        g = f.gradient(p, y, 0)
        return f.value(p, y, 0), g, np.abs(g) * (1 - np.abs(g))
    return tuple(f(p, y, epsilon) for f in LOSSES[loss][:3])


def optimum(params: Params, K: int, X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Minimize mean loss + alpha / 2 |w|^2 over all rows by damped Newton steps."""
    mean, sd = X.mean(0), X.std(0)
    sd = np.where(sd > 0, sd, 1.0)
    Z = np.hstack([(X - mean) / sd, np.ones((X.shape[0], 1))])
    ridge = np.append(params.alpha / sd**2, 0.0)
    target = linear.targets(params, y, np.zeros((K, X.shape[1])))
    W = np.zeros((K, X.shape[1] + 1))
    kinked = params.loss in ("hinge", "epsilon_insensitive")
    spread = 1.0 if params.kind == "classes" else max(np.std(target), 1e-3)
    widths = spread * np.logspace(0.5, -3, 8) if kinked else [1.0]
    for k in range(K):
        w, t = W[k], target[:, k]
        for width in widths:

            def f(w, width=width, t=t):
                v, g, h = smooth(params.loss, Z @ w, t, params.epsilon, width)
                return v.mean() + 0.5 * ridge @ w**2, g, h

            value, g, h = f(w)
            for _ in range(60):
                grad = Z.T @ g / len(Z) + ridge * w
                H = (Z * h[:, None]).T @ Z / len(Z) + np.diag(ridge + 1e-9 * h.mean() + 1e-14)
                step = np.linalg.solve(H, grad)
                if grad @ step < 1e-9 * abs(value):
                    break
                size = 1.0
                while size > 1e-6:
                    new, g1, h1 = f(w - size * step)
                    if new <= value - 1e-4 * size * (grad @ step):
                        break
                    size *= 0.5
                else:
                    break
                w, value, g, h = w - size * step, new, g1, h1
        W[k] = w
    coef = W[:, :-1] / sd
    return coef, W[:, -1] - coef @ mean


def one_pass(params: Params, K: int, X: np.ndarray, y: np.ndarray, machine: Any = newton) -> tuple:
    """Return the answer of one pass and its seconds."""
    M = machine.machine(params)
    begin = time.perf_counter()
    state, _ = learn(M, M.init(params, X.shape[1], K, like=X), cut(X, y, None, seen=0))
    seconds = time.perf_counter() - begin
    return *machine.answer(params, state), seconds


def ns_a_row(d: int, machine: Any, seen: int = 10_000_000, n_batches: int = 32) -> float:
    """CPU nanoseconds a row of logistic steps on the largest batches, the best of five turns."""
    rng = np.random.default_rng(0)
    m = batch_rows(np.empty((1, d)))
    X = rng.normal(size=(n_batches, m, d))
    y = (X[:, :, 0] + rng.normal(size=(n_batches, m)) > 0).astype(int)
    M = machine.machine(Params(loss="log_loss"))
    first, _ = M.update(M.params, M.init(M.params, d, 1, like=X[0]), Batch(X[0], y[0]))
    turns = []
    for _ in range(5):
        begin, state = time.process_time(), first
        for i in range(n_batches):
            state, _ = M.update(M.params, state, Batch(X[i], y[i], None, seen + i * m))
        turns.append((time.process_time() - begin) / (n_batches * m))
    return 1e9 * min(turns)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000, help="half of it for 500 features")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--tables", nargs="*", default=list(TABLES), choices=list(TABLES))
    args = parser.parse_args()
    rows: list[list[object]] = []
    for name in args.tables:
        excess, worst, spent = [], 0.0, 0.0
        for seed in range(args.seeds):
            params, K, (X, y), test = made(name, args.rows, seed)
            best = held_out(params, *optimum(params, K, X, y), *test)
            W, b, seconds = one_pass(params, K, X, y)
            excess.append(100 * (held_out(params, W, b, *test) / best - 1))
            spent += seconds / len(y) / args.seeds
            order = np.argsort(y, kind="stable")
            sorted_by = held_out(params, *one_pass(params, K, X[order], y[order])[:2], *test)
            worst = max(worst, sorted_by / held_out(params, 0 * W, 0 * b, *test))
        rows.append([name, best, *(f"{f(excess):.2f}" for f in (np.mean, max)), worst, 1e6 * spent])
    print(f"one pass over {args.rows:,} rows (half of it for 500 features), {args.seeds} seeds")
    print(table(("table", "optimum", "excess %", "worst %", "sorted", "us/row"), rows))
    print("\nlog loss in long runs, CPU ns a row")
    speeds = [
        [f"{d} features", *(f"{ns_a_row(d, M):.0f}" for M in (linear, newton))]
        for d in (20, 54, 500)
    ]
    print(table(("batches", "plain SGD", "auto"), speeds))


if __name__ == "__main__":
    main()
