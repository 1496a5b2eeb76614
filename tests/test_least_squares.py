"""Least squares: against exact arithmetic, and against scikit-learn."""

from fractions import Fraction

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn import linear_model as theirs

from streamlearn.linear_model import LinearRegression, Ridge, RidgeClassifier
from streamlearn.linear_model import least_squares as ls
from tests.containers import dask_array

RNG = np.random.default_rng(0)
N = 120


def exact(X, y, alpha=0, weight=None, *, fit_intercept=True):
    """Return the coefficients of least squares by elimination with fractions."""
    w = [Fraction(v) for v in (np.ones(len(X)) if weight is None else weight)]
    rows = [[Fraction(v) for v in (*x, t)] for x, t in zip(X, y, strict=True)]
    if fit_intercept:
        total = sum(w)
        means = [
            sum(a * v for a, v in zip(w, c, strict=True)) / total for c in zip(*rows, strict=True)
        ]
        rows = [[v - m for v, m in zip(row, means, strict=True)] for row in rows]
    d = X.shape[1]
    A = [
        [sum(a * r[i] * r[j] for a, r in zip(w, rows, strict=True)) for j in range(d + 1)]
        for i in range(d)
    ]
    for i in range(d):
        A[i][i] += Fraction(alpha)
    for i in range(d):
        pivot = A[i][i]
        for k in range(d):
            if k != i:
                share = A[k][i] / pivot
                A[k] = [a - share * b for a, b in zip(A[k], A[i], strict=True)]
    return np.asarray([float(A[i][d] / A[i][i]) for i in range(d)])


def relative(coef, want):
    return np.max(np.abs(coef - want)) / np.max(np.abs(want))


def collinear(away, d=4):
    return RNG.normal(size=(N, 1)) + away * RNG.normal(size=(N, d))


TABLES = {
    "normal": (RNG.normal(size=(N, 4)), 1e-13),
    "offset 1e8": (RNG.normal(size=(N, 4)) + 1e8, 1e-12),
    "sixteen orders": (RNG.normal(size=(N, 4)) * [1e-8, 1e-3, 1, 1e8] + [1, 1e3, 1e8, 0], 1e-12),
    "beyond squares": (RNG.normal(size=(N, 3)) * [1e-200, 1, 1e200], 1e-12),
    "condition 1e2": (collinear(1e-2), 1e-10),
    "condition 1e4": (collinear(1e-4), 1e-10),
    "condition 1e6": (collinear(3e-6), 1e-9),
    "offset and condition": (collinear(1e-4) + 1e6, 1e-10),
}
MODELS = {
    "least squares": (LinearRegression(tol=1e-12), 0.0),
    "ridge": (Ridge(1e-3), 1e-3),
    "ridge 0": (Ridge(0.0), 0.0),
}


@pytest.mark.parametrize("weights", [False, True], ids=["", "weights"])
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("table", TABLES)
def test_coefficients_are_exact(table, model, weights):
    X, rtol = TABLES[table]
    unit = np.asarray([1e-200, 1, 1e200]) if table == "beyond squares" else np.ones(X.shape[1])
    scaled = X / unit
    y = (scaled - scaled.mean(axis=0)) @ (np.linspace(1, 2, X.shape[1]) / scaled.std(axis=0))
    y = y + RNG.normal(size=N)
    weight = RNG.integers(0, 4, N) / 2 if weights else None
    estimator, alpha = MODELS[model]
    if table == "beyond squares" and alpha:
        pytest.skip("a penalty is one of a unit")
    estimator.fit(X, y, weight)
    want = exact(X, y, alpha, weight)
    assert relative(estimator.coef_ * unit, want * unit) < rtol
    blocks = dask_array(X, (50, 0, 1, 69)), dask_array(y, (50, 0, 1, 69))
    given = None if weight is None else dask_array(weight, (50, 0, 1, 69))
    estimator.fit(*blocks, given)
    assert relative(estimator.coef_ * unit, want * unit) < rtol


def test_a_second_read_is_taken_where_the_condition_asks_for_it():
    for away, reads in ((1.0, 1), (1e-2, 1), (1e-4, 2), (1e-9, 2)):
        X, log = collinear(away), []
        y = X @ [1.0, 2, 3, 4]
        model = LinearRegression(tol=1e-14)
        model.fit(dask_array(X, (60, 60), log=log), dask_array(y, (60, 60)))
        assert model.n_reads_ == reads
        assert len(log) == 2 * reads
        values = np.linalg.svd((X - X.mean(0)) / X.std(0), compute_uv=False)
        assert model.condition_number_ == pytest.approx(values[0] / values[-1], rel=1e-3)
        assert model.rank_ == 4
        assert LinearRegression(tol=1e-14).partial_fit(X, y).n_reads_ == 1


def test_a_second_read_gives_the_digits_of_a_decomposition_of_the_rows():
    X = collinear(1e-7)
    y = X[:, 0] + RNG.normal(size=N)
    want = exact(X, y)
    assert relative(LinearRegression(tol=0.0).fit(X, y).coef_, want) < 1e-7
    assert relative(theirs.LinearRegression(tol=0.0).fit(X, y).coef_, want) < 1e-7
    assert relative(LinearRegression(tol=0.0).partial_fit(X, y).coef_, want) > 1e-4


DEFICIENT = {
    "twice the same": lambda X: np.concatenate([X, X[:, :2]], axis=1),
    "a sum": lambda X: np.concatenate([X, X.sum(axis=1, keepdims=True)], axis=1),
    "one-hot": lambda X: np.eye(5)[RNG.integers(0, 5, len(X))],
    "a constant": lambda X: np.concatenate([X, np.full((len(X), 1), 7.0)], axis=1),
    "few rows": lambda X: X[:3],
    "one row": lambda X: X[:1],
    "zeros": lambda X: 0 * X,
}


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("table", DEFICIENT)
def test_of_many_solutions_it_is_the_shortest_as_in_scikit_learn(table, fit_intercept):
    X = DEFICIENT[table](RNG.normal(size=(N, 4)) * [1, 2, 3, 4])
    y = RNG.normal(size=len(X)) + X[:, 0]
    how = {"fit_intercept": fit_intercept}
    ours, known = LinearRegression(**how).fit(X, y), theirs.LinearRegression(**how).fit(X, y)
    np.testing.assert_allclose(ours.coef_, known.coef_, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(ours.intercept_, known.intercept_, rtol=1e-9, atol=1e-11)
    assert ours.rank_ == known.rank_
    np.testing.assert_allclose(ours.singular_, known.singular_, rtol=1e-9, atol=1e-5)
    # scikit-learn's Ridge returns coefficients of 1e14 for some of these.
    zero = Ridge(0.0, **how).fit(X, y)
    np.testing.assert_allclose(zero.coef_, known.coef_, rtol=1e-9, atol=1e-10)


TARGETS = {
    "one": RNG.normal(size=N),
    "a column": RNG.normal(size=(N, 1)),
    "three": RNG.normal(size=(N, 3)) * [1, 100, 1e-4],
}
PARAMETERS = {
    "LinearRegression": [{}, {"fit_intercept": False}, {"positive": True}, {"tol": 0.3}],
    "Ridge": [
        *({}, {"alpha": 0.0}, {"alpha": 1e4, "fit_intercept": False}),
        *({"solver": name} for name in ("svd", "cholesky")),
    ],
}


@pytest.mark.parametrize("weights", [False, True], ids=["", "weights"])
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", PARAMETERS)
def test_all_parameters_give_scikit_learns_fit(name, target, weights):
    X, y = RNG.normal([0, 1, 10, 100], 1, (N, 4)), TARGETS[target]
    X[:, 1] += X[:, 0]
    weight = RNG.integers(0, 4, N) / 2 if weights else None
    for how in PARAMETERS[name]:
        ours = globals()[name](**how).fit(X, y, weight)
        known = getattr(theirs, name)(**how).fit(X, y, weight)
        for attribute in ("coef_", "intercept_"):
            got, want = (np.asarray(getattr(each, attribute)) for each in (ours, known))
            assert got.shape == want.shape
            np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-12)
        got, want = ours.predict(X), known.predict(X)
        assert got.shape == want.shape
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-11)
        assert ours.score(X, y, weight) == pytest.approx(known.score(X, y, weight))
        if hasattr(known, "solver_"):
            assert ours.solver_ == known.solver_


def test_one_penalty_for_each_target():
    X, y = RNG.normal(size=(N, 4)), TARGETS["three"]
    alpha = [0.0, 10.0, 3.0]
    got = Ridge(alpha).fit(X, y).coef_
    want = theirs.Ridge(alpha).fit(X, y).coef_
    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("alpha", [0.0, 5.0])
def test_positive_coefficients(alpha):
    X = RNG.normal(size=(N, 5)) + 3
    y = X @ [1.0, -1, 0.5, 2, -0.1] + RNG.normal(size=N)
    weight = RNG.random(N)
    got = Ridge(alpha, positive=True).fit(X, y, weight)
    want = theirs.Ridge(alpha, positive=True, tol=1e-12).fit(X, y, weight)
    np.testing.assert_allclose(got.coef_, want.coef_, atol=1e-4)
    assert np.sum(got.coef_ == 0) == 2
    # The gradient shows that it is the minimum.
    away = X - np.average(X, axis=0, weights=weight)
    rest = y - np.average(y, weights=weight) - away @ got.coef_
    slope = away.T @ (weight * rest) - alpha * got.coef_
    np.testing.assert_allclose(slope[got.coef_ > 0], 0, atol=1e-10)
    assert np.all(slope[got.coef_ == 0] < 0)


@pytest.mark.parametrize("share", [0.1, 0.9])
@pytest.mark.parametrize("model", [LinearRegression(), Ridge(2.0)], ids=["least", "ridge"])
def test_sparse_rows(model, share):
    X = RNG.normal(5, 1, (N, 6)) * (RNG.random((N, 6)) < share)
    y = X @ np.arange(6.0) + RNG.normal(size=N)
    want = type(model)(**model.get_params()).fit(X, y)
    got = model.fit(csr_array(X), y)
    np.testing.assert_allclose(got.coef_, want.coef_, rtol=1e-9)
    np.testing.assert_allclose(got.predict(csr_array(X)), want.predict(X), rtol=1e-9)
    near = X.copy()
    near[:, 1] = near[:, 0] * (1 + 1e-6 * RNG.normal(size=N))
    ours = type(model)(**model.get_params() | {"fit_intercept": True}).fit(csr_array(near), y)
    dense = type(model)(**model.get_params()).fit(near, y)
    np.testing.assert_allclose(ours.coef_, dense.coef_, rtol=1e-6)


def test_float32_is_within_its_own_distance():
    X, y = RNG.normal(100, 1, (N, 4)), RNG.normal(size=N)
    single = LinearRegression().fit(X.astype(np.float32), y.astype(np.float32))
    assert single.coef_.dtype == np.float32
    assert single.predict(X.astype(np.float32)).dtype == np.float32
    want = LinearRegression().fit(X.astype(np.float32).astype(float), y.astype(np.float32))
    np.testing.assert_allclose(single.coef_, want.coef_, rtol=1e-6)


@pytest.mark.parametrize("weight", [None, "balanced", {0: 2.0, 1: 0.5, 2: 1.0}])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_classes(n_classes, weight):
    X = RNG.normal(size=(N, 4)) + 5
    y = np.digitize(X[:, 0] + 0.3 * RNG.normal(size=N), [5, 6][: n_classes - 1])
    if isinstance(weight, dict):
        weight = {key: value for key, value in weight.items() if key < n_classes}
    ours = RidgeClassifier(class_weight=weight).fit(X, y)
    known = theirs.RidgeClassifier(class_weight=weight, solver="svd").fit(X, y)
    for attribute in ("coef_", "intercept_"):
        got, want = (getattr(each, attribute) for each in (ours, known))
        assert got.shape == want.shape
        np.testing.assert_allclose(got, want, rtol=1e-9)
    np.testing.assert_array_equal(ours.predict(X), known.predict(X))
    np.testing.assert_allclose(ours.decision_function(X), known.decision_function(X), rtol=1e-8)


def test_the_shortest_solution_at_any_scale():
    X = RNG.normal(size=(N, 2)) * [1e200, 1]
    X = np.concatenate([X, 3 * X[:, :1]], axis=1)
    y = X[:, 0] / 1e200 + X[:, 1]
    coef = LinearRegression().fit(X, y).coef_ * [1e200, 1, 1e200]
    np.testing.assert_allclose(coef, [0.1, 1, 0.3], rtol=1e-12)


def test_one_class_is_an_error():
    with pytest.raises(ValueError, match="greater than one; got 1 class"):
        RidgeClassifier().fit(RNG.normal(size=(9, 2)), np.zeros(9))


def test_too_many_features_are_named(monkeypatch):
    monkeypatch.setattr(LinearRegression, "_most_features", 3)
    with pytest.raises(ValueError, match=r"4 features, .* at most 3 features\. SGDRegressor"):
        LinearRegression().fit(RNG.normal(size=(9, 4)), np.zeros(9))


def test_whitened_rows_are_orthonormal():
    from streamlearn.core.statistics import block_comoments

    X = collinear(1e-4)
    state = block_comoments.of_block(X, target=X[:, 0])
    function = ls.whitening(ls.problem_of(state, fit_intercept=True), state.mean)
    Z = function(X)
    np.testing.assert_allclose(Z.T @ Z, np.eye(4), atol=1e-7)
