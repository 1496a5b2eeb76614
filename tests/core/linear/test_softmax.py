"""Softmax cross-entropy: the loss of a row depends on the scores of all columns."""

from __future__ import annotations

from functools import reduce
from itertools import pairwise

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import minimize
from scipy.special import logsumexp, softmax

from streamlearn.core.learner import Batch
from streamlearn.core.linear import curvature, joint_loss, newton, newton_refine, newton_rounds
from streamlearn.core.linear.damped_curvature import damp, invert
from streamlearn.core.linear.losses import LOSSES
from streamlearn.core.linear.sgd import Params
from tests.backends import no_host_sync

LOSS = LOSSES["multinomial"]
WORDS = {"loss": "multinomial", "kind": "classes", "alpha": 1e-4}


def scores(n=200, K=5, seed=0):
    rng = np.random.default_rng(seed)
    p = rng.normal(size=(n, K)) * rng.choice([0.1, 1.0, 10.0, 300.0], size=(n, 1))
    return p, np.where(rng.integers(0, K, n)[:, None] == np.arange(K), 1.0, -1.0)


def table(n=6000, d=4, K=3, seed=0, scale=1.0):
    """Rows far off centre in features of many units."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    codes = np.argmax(scale * X @ rng.normal(size=(d, K)) + rng.gumbel(size=(n, K)), axis=1)
    return (X + 5.0) * 10.0 ** np.arange(-1, d - 1), codes


def objective(params, X, codes, coef, intercept, weight=None):
    p = X @ coef.T + intercept
    lost = logsumexp(p, axis=1) - p[np.arange(len(p)), codes]
    return np.average(lost, weights=weight) + 0.5 * params.alpha * np.sum(coef**2)


def optimum(params, X, codes, weight=None):
    """The minimum of the objective, by scaled features."""
    mean, scale = X.mean(0), X.std(0)
    Z, K = (X - mean) / scale, codes.max() + 1
    w = np.ones(len(X)) if weight is None else weight

    def at(v):
        V = v.reshape(K, -1)
        coef, p = V[:, :-1] / scale, Z @ V[:, :-1].T + V[:, -1]
        G = w[:, None] * (softmax(p, axis=1) - (codes[:, None] == np.arange(K))) / w.sum()
        pull = params.alpha * coef / scale
        g = np.c_[G.T @ Z + pull, G.sum(0)].ravel()
        return objective(params, X, codes, coef, V[:, -1] - coef @ mean, weight), g

    start = np.zeros(K * (X.shape[1] + 1))
    return minimize(at, start, jac=True, method="L-BFGS-B", options={"ftol": 1e-15}).fun


def run(params, X, codes, weight=None, batch_size=256, K=3):
    state = newton.init(params, X.shape[1], K, like=X)
    for at in range(0, X.shape[0], batch_size):
        rows = slice(at, min(at + batch_size, X.shape[0]))
        a = None if weight is None else weight[rows, ...]
        state, _ = newton.update(params, state, Batch(X[rows, ...], codes[rows, ...], a, at))
    return state


def typical(W):
    """The curvature of a row with a typical one for equal changes of all scores."""
    return W + np.trace(W) / len(W) ** 2


def test_value_and_gradient_keep_their_digits_at_both_ends():
    p, y = scores()
    long = p.astype(np.longdouble)
    beyond = long - long.max(axis=1, keepdims=True)
    own = y > 0
    log_all = np.log(np.sum(np.exp(beyond), axis=1, keepdims=True))
    wanted = log_all - np.sum(np.where(own, beyond, 0.0), axis=1, keepdims=True)
    others = np.where(own, 0.0, np.exp(beyond - log_all))
    near = np.sum(others, axis=1, keepdims=True)
    wanted = np.where(near < 0.5, -np.log1p(-np.minimum(near, 0.5)), wanted)
    gradient = np.where(own, -near, others)
    for value, slope in (
        LOSS.both(p, y, 0.0),
        (LOSS.value(p, y, 0.0), LOSS.gradient(p, y, 0.0)),
    ):
        np.testing.assert_allclose(value, np.broadcast_to(wanted, p.shape).astype(float), 1e-13)
        np.testing.assert_allclose(slope, gradient.astype(float), rtol=1e-12, atol=1e-300)


def test_the_second_derivative_is_the_slope_of_the_gradient():
    p, y = scores(n=60)
    p, step = np.clip(p, -5, 5), 1e-5
    h = LOSS.slope(p, y, 0.0)
    W = joint_loss.products(np.ones((1, 1)), h[:1])[:, :, 0, 0]
    np.testing.assert_allclose(W, typical(np.diag(h[0]) - np.outer(h[0], h[0])), rtol=1e-12)
    rng = np.random.default_rng(1)
    q = rng.normal(size=p.shape)
    q -= q.mean(axis=1, keepdims=True)
    slope = (LOSS.gradient(p + step * q, y, 0.0) - LOSS.gradient(p - step * q, y, 0.0)) / (2 * step)
    np.testing.assert_allclose(joint_loss.times_scores(h, q), slope, rtol=1e-6, atol=1e-8)
    bend = np.sum(q * slope, axis=1, keepdims=True)
    np.testing.assert_allclose(joint_loss.along(h, q)[:, :1], bend, rtol=1e-6, atol=1e-8)
    diagonal = h * (1 - h)
    diagonal += diagonal.sum(axis=1, keepdims=True) / 5**2
    np.testing.assert_allclose(joint_loss.diagonal(h), diagonal, rtol=1e-9)


def test_a_wrong_row_has_the_curvature_of_log_loss_between_its_class_and_the_best():
    p, y = np.array([[0.0, 30.0, -900.0]]), np.array([[1.0, -1.0, -1.0]])
    along = joint_loss.along(LOSS.curvature(p, y, 0.0), np.array([[2.0, -1.0, -1.0]]) / 3.0)
    two = LOSSES["log_loss"].curvature(np.array([[-30.0]]), np.ones((1, 1)), 0.0)
    np.testing.assert_allclose(along[0, 0], two[0, 0], rtol=1e-9)
    assert joint_loss.along(LOSS.slope(p, y, 0.0), np.array([[2.0, -1.0, -1.0]]))[0, 0] < 1e-12


@pytest.mark.parametrize("n", [3, 700])
def test_the_curvature_of_all_columns_is_one_matrix(n, monkeypatch):
    monkeypatch.setattr(joint_loss, "PRODUCTS_BYTES", 20_000)  # several slices
    rng = np.random.default_rng(0)
    Z, h, K, D = rng.normal(size=(n, 4)), rng.uniform(size=(n, 3)), 3, 4
    Z[:, -1] = 1.0
    H = joint_loss.products(Z, h)
    want = np.zeros((K * D, K * D))
    for z, each in zip(Z, h, strict=True):
        W = typical(np.diag(each) - np.outer(each, each) / each.sum())
        want += np.kron(W, np.outer(z, z))
    np.testing.assert_allclose(joint_loss.as_matrix(H), want, rtol=1e-10, atol=1e-12)
    np.testing.assert_array_equal(joint_loss.in_blocks(joint_loss.as_matrix(H), K), H)
    sums = np.ones((K, D))
    known = curvature.of_sums(H, sums, sums, np.asarray(1.0))
    s = rng.normal(size=(K, D))
    np.testing.assert_allclose(curvature.product(s, known).ravel(), s.ravel() @ want, rtol=1e-9)
    np.testing.assert_allclose(curvature.diagonal(known).ravel(), np.diag(want), rtol=1e-9)
    # a row is pending until it is multiplied, and counts as if it were not
    half = joint_loss.products(Z[: n // 2], h[: n // 2])
    pending = curvature.of_sums(half, sums, sums, np.asarray(1.0))
    pending = pending._replace(pending=Z[n // 2 :], pending_h=h[n // 2 :])
    for f in (curvature.diagonal, curvature.mean_curvature, lambda c: curvature.product(s, c)):
        np.testing.assert_allclose(f(pending), f(known), rtol=1e-9, atol=1e-12)
    v = np.append(rng.normal(size=D - 1), 0.0)[None, :]
    about = curvature.about(known, v)
    np.testing.assert_allclose(about.hessian, joint_loss.products(Z - v, h), rtol=1e-9, atol=1e-9)


def test_without_a_penalty_the_damped_curvature_can_be_inverted():
    """Equal changes of all scores have no curvature."""
    rng = np.random.default_rng(0)
    Z, h = rng.normal(size=(500, 4)), rng.dirichlet(np.ones(3), size=500)
    H, sums = joint_loss.products(Z, h), np.ones((3, 4))
    known = curvature.of_sums(H, sums, sums, np.asarray(1.0))
    P = invert(damp(known, np.zeros((3, 4)), np.zeros(4)))
    s = rng.normal(size=(3, 4))
    np.testing.assert_allclose(curvature.times(curvature.times(s, H), P), s, rtol=1e-9)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("n", "scale", "most"), [(20_000, 1.0, 0.005), (20_000, 5.0, 0.01)])
def test_one_pass_ends_near_the_optimum(n, scale, most, weighted):
    X, codes = table(n, scale=scale)
    weight = np.random.default_rng(1).uniform(0, 3, n) if weighted else None
    params = Params(**WORDS)
    coef, intercept = newton.answer(params, run(params, X, codes, weight))
    best = optimum(params, X, codes, weight)
    assert objective(params, X, codes, coef, intercept, weight) < (1 + most) * best


@pytest.mark.thorough
def test_where_one_matrix_would_be_too_large_each_column_has_one():
    rng, n, d, K = np.random.default_rng(0), 60_000, 20, 110
    X, W = rng.normal(size=(n, d)), 0.7 * rng.normal(size=(K, d))
    codes = np.argmax(X @ W.T + rng.gumbel(size=(n, K)), axis=1)
    params = Params(**WORDS)
    state = run(params, X, codes, K=K, batch_size=1024)
    assert state.inverse.shape == (K, d + 1, d + 1)
    truth = objective(params, X, codes, W, np.zeros(K))
    assert objective(params, X, codes, *newton.answer(params, state)) < 1.01 * truth


@pytest.mark.parametrize("order", ["sorted", "reversed", "period"])
def test_no_order_of_rows_diverges(order):
    X, codes = table()
    by = {"sorted": codes, "reversed": -codes, "period": np.arange(6000) % 7}[order]
    at = np.argsort(by, kind="stable")
    params = Params(**WORDS)
    coef, intercept = newton.answer(params, run(params, X[at], codes[at]))
    assert objective(params, X, codes, coef, intercept) < 1.5 * np.log(3)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("penalty", [None, "l2", "l1"])
def test_awkward_tables_stay_finite(penalty, dtype):
    rng = np.random.default_rng(1)
    X, codes = table(300, scale=3.0)
    late = np.c_[X, np.arange(300) > 290]
    for name, rows, y, weight in (
        ("constant", np.c_[X, np.full(300, 1e8)], codes, None),
        ("copies", np.c_[X, X, X[:, :1] * 1e6], codes, None),
        ("one class", X, np.zeros(300, dtype=int), None),
        ("no row of a class", X, codes % 2, None),
        ("separable", X, np.argmax(X[:, :3] @ rng.normal(size=(3, 3)), axis=1), None),
        ("no weight", X, codes, np.zeros(300)),
        ("wild row", np.r_[X[:99], np.full((1, 4), 1e6), X[100:]], codes, None),
        ("late feature", late, codes, None),
        ("tiny", X * 1e-12, codes, None),
        ("more features than rows", rng.normal(size=(40, 100)), codes[:40], None),
    ):
        params = Params(**WORDS | {"penalty": penalty})
        state = run(params, rows.astype(dtype), y, weight, batch_size=32)
        p = newton.apply(params, state, rows.astype(dtype))
        assert p.dtype == dtype, name
        assert np.all(np.isfinite(p)), name
        value = LOSS.value(p.astype(float), np.where(y[:, None] == np.arange(3), 1.0, -1.0), 0.0)
        assert np.median(value) < 1.3 * np.log(3), name


def test_weights_are_repetitions_and_weights_of_classes_are_weights_of_rows():
    X, codes = table(3000)
    repeats = np.random.default_rng(0).integers(0, 3, 3000)
    params, by_class = Params(**WORDS), np.array([0.5, 2.0, 1.0])
    of_class = params._replace(positive_weight=by_class)
    repeated = X.repeat(repeats, axis=0), codes.repeat(repeats)
    for weighted, plain in (
        (run(params, X, codes, repeats * 1.0), run(params, *repeated)),
        (run(of_class, X, codes), run(params, X, codes, by_class[codes])),
    ):
        p, q = (softmax(newton.apply(params, s, X), axis=1) for s in (weighted, plain))
        assert np.mean(np.abs(p - q)) < 0.01


def test_sparse_rows_learn_what_dense_rows_do():
    X, codes = table()
    X = np.where(np.random.default_rng(0).random(X.shape) < 0.5, 0.0, X)
    params = Params(**WORDS)
    dense = newton.answer(params, run(params, X, codes))
    of_sparse = newton.answer(params, run(params, sparse.csr_array(X), codes))
    for a, b in zip(dense, of_sparse, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("penalty", ["l2", "l1", None])
def test_a_round_of_parts_is_a_round_of_all_its_rows(penalty):
    X, codes = table()
    params = Params(**WORDS | {"penalty": penalty})
    state = newton_rounds.renewed(params, run(params, X[:4000], codes[:4000]), 4000)
    known = newton_rounds.view(params, state)

    def steps(ends):
        parts = [
            newton_rounds.of_batch(params, known, Batch(X[a:b], codes[a:b], None, 4000))[0]
            for a, b in pairwise(ends)
        ]
        return newton_rounds.step(params, state, reduce(newton_rounds.merge, parts), 4000)

    one, many = steps([4000, 6000]), steps([4000, 4100, 5500, 6000])
    before = newton.answer(params, state)
    after = newton.answer(params, one)
    values = [objective(params, X, codes, *model) for model in (before, after)]
    assert values[1] < values[0] + 1e-3
    for name in ("weights", "mean", "centre", "mean_h", "recent_h"):
        a, b = getattr(many, name), getattr(one, name)
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-9 * np.abs(b).max(), err_msg=name)


def test_two_reads_of_refinement_end_at_the_optimum():
    X, codes = table(8000, scale=2.0)
    params = Params(**WORDS)
    state = run(params, X, codes)
    for _ in range(2):
        known = newton_refine.view(params, state)
        sums, _ = newton_refine.of_batch(params, known, Batch(X, codes, None, 8000))
        state = newton_refine.step(params, state, sums)
    best = optimum(params, X, codes)
    assert objective(params, X, codes, *newton.answer(params, state)) < (1 + 1e-6) * best


@pytest.mark.parametrize("penalty", [None, "l1"])
def test_a_step_reads_nothing_back(penalty):
    import array_api_strict as xp

    X, codes = table(300)
    X, codes = xp.asarray(X), xp.asarray(codes)
    params = Params(**WORDS | {"penalty": penalty})
    with no_host_sync():
        state = run(params, X, codes, xp.asarray(np.ones(300)), batch_size=100)
        newton.apply(params, state, X)


def test_every_backend_learns_what_numpy_does(backend):
    X, codes = table(1000)
    params = Params(**WORDS)
    for dtype in backend.float_dtypes:
        there = run(params, backend.asarray(X, dtype), backend.asarray(codes))
        here = run(params, X.astype(dtype), codes)
        backend.check(there.mean, dtype)
        p, q = (newton.answer(params, state) for state in (there, here))
        rtol = 1e-8 if dtype == "float64" else 0.01
        for a, b in zip(p, q, strict=True):
            np.testing.assert_allclose(backend.to_numpy(a), b, rtol=0, atol=rtol * np.abs(b).max())
