"""L1 penalties from sums: against exact arithmetic, and against scikit-learn."""

from fractions import Fraction

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn import linear_model as theirs
from sklearn.model_selection import KFold, PredefinedSplit

from streamlearn.linear_model import ElasticNet, ElasticNetCV, Lasso, LassoCV, LinearRegression
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler
from tests.containers import dask_array

RNG = np.random.default_rng(0)
N, D = 120, 8
CHUNKS = (20, 0, 31, 1, 48, 20)
X = RNG.normal(size=(N, D)) * RNG.uniform(0.1, 10, D) + 5 * RNG.normal(size=D)
Y = X[:, :3] @ [1.0, -2.0, 3.0] + 3 * RNG.normal(size=N)
THREE = np.stack([Y, -100 * X[:, 1] + RNG.normal(size=N), RNG.normal(size=N)], axis=1)
W = RNG.integers(0, 4, N) / 2
TIGHT = {"tol": 1e-15, "max_iter": 100_000}


def assert_same(ours, known, names=("coef_", "intercept_"), rtol=1e-9):
    for name in names:
        got, want = (np.asarray(getattr(each, name)) for each in (ours, known))
        assert got.shape == want.shape, name
        np.testing.assert_allclose(got, want, rtol=rtol, atol=rtol * np.abs(want).max())
    np.testing.assert_array_equal(np.asarray(ours.coef_) != 0, known.coef_ != 0)


@pytest.mark.parametrize("weights", [False, True], ids=["", "weights"])
@pytest.mark.parametrize("alpha", [1e-3, 0.3, 10.0, 1e4])
@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("Lasso", {}),
        ("ElasticNet", {"l1_ratio": 0.7}),
        ("Lasso", {"positive": True}),
        ("ElasticNet", {"fit_intercept": False}),
        ("ElasticNet", {"positive": True, "fit_intercept": False}),
        ("Lasso", {"selection": "random", "random_state": 0}),
    ],
    ids=str,
)
def test_the_minimum_is_scikit_learns(name, how, alpha, weights):
    ours, known = {"Lasso": Lasso, "ElasticNet": ElasticNet}[name], getattr(theirs, name)
    weight, log = W if weights else None, []
    known = known(alpha, **TIGHT, **how).fit(X, Y, weight)
    given = None if weight is None else dask_array(weight, CHUNKS)
    model = ours(alpha, **how).fit(dask_array(X, CHUNKS, log=log), dask_array(Y, CHUNKS), given)
    assert len(log) == len(CHUNKS)
    assert model.n_reads_ == 1
    assert_same(model, known)
    assert model.dual_gap_ == pytest.approx(0, abs=1e-12)
    assert_same(ours(alpha, max_iter=1, **how).fit(X, Y, weight), known)
    assert_same(ours(alpha, tol=1e-12, **how).partial_fit(X, Y, weight), known)


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
def test_without_an_l1_penalty_it_is_least_squares(l1_ratio, positive):
    for alpha in (0.0, 0.3):
        how = {"positive": positive}
        model = ElasticNet(alpha, l1_ratio=l1_ratio, **how).fit(X, Y)
        if alpha == 0:
            want = LinearRegression(**how).fit(X, Y)
        elif l1_ratio == 0:
            want = theirs.Ridge(alpha * N, tol=1e-14, **how).fit(X, Y)
        else:
            continue
        assert_same(model, want, rtol=1e-9 if not positive else 1e-6)


def test_several_targets_each_by_itself():
    ours, known = ElasticNet(0.1).fit(X, THREE), theirs.ElasticNet(0.1, **TIGHT).fit(X, THREE)
    assert_same(ours, known)
    assert len(ours.n_iter_) == len(known.n_iter_) == 3
    assert ours.dual_gap_.shape == (3,)
    assert_same(
        ElasticNet(0.1).fit(X, Y[:, None]), theirs.ElasticNet(0.1, **TIGHT).fit(X, Y[:, None])
    )
    np.testing.assert_array_equal(ours.sparse_coef_.toarray(), ours.coef_)
    np.testing.assert_allclose(ours.predict(X), known.predict(X), rtol=1e-9)


def exact(X, y, signs, l1, l2):
    """Return the coefficients with known signs, by elimination with fractions."""
    at, n = np.flatnonzero(signs), len(X)
    rows = [[Fraction(v) for v in (*x[at], t)] for x, t in zip(X, y, strict=True)]
    means = [sum(column) / n for column in zip(*rows, strict=True)]
    rows = [[v - m for v, m in zip(row, means, strict=True)] for row in rows]
    d = len(at)
    A = [[sum(r[i] * r[j] for r in rows) for j in range(d + 1)] for i in range(d)]
    for i in range(d):
        A[i][i] += n * Fraction(l2)
        A[i][d] -= n * Fraction(l1) * int(signs[at[i]])
    for i in range(d):
        for k in range(d):
            if k != i:
                share = A[k][i] / A[i][i]
                A[k] = [a - share * b for a, b in zip(A[k], A[i], strict=True)]
    out = np.zeros(len(signs))
    out[at] = [float(A[i][d] / A[i][i]) for i in range(d)]
    return out


def collinear(away):
    rng = np.random.default_rng(1)
    return rng.normal(size=(N, 1)) + away * rng.normal(size=(N, 4))


TABLES = {
    "offset 1e8": (RNG.normal(size=(N, 4)) + 1e8, 1, 1e-12),
    "condition 1e2": (collinear(1e-2), 1, 1e-10),
    "condition 1e4": (collinear(1e-4), 2, 1e-10),
    "condition 1e6": (collinear(3e-6), 2, 1e-9),
    "offset and condition": (collinear(1e-4) + 1e6, 2, 1e-9),
}


@pytest.mark.parametrize("l1_ratio", [1.0, 0.9999999])
@pytest.mark.parametrize("table", TABLES)
def test_ill_conditioned_features_keep_their_digits(table, l1_ratio):
    rows, reads, rtol = TABLES[table]
    centred = rows - rows.mean(axis=0)
    # coefficients as large as the smallest singular value lets them matter
    least = np.linalg.svd(centred, compute_uv=False)[-1] / np.sqrt(N)
    y = centred @ np.asarray([1.0, -2.0, 3.0, -1.0]) / least
    alpha = 1e-9 * least
    log: list = []
    model = ElasticNet(alpha, l1_ratio=l1_ratio)
    model.fit(dask_array(rows, CHUNKS, log=log), dask_array(y, CHUNKS))
    want = exact(rows, y, np.sign(model.coef_), alpha * l1_ratio, alpha * (1.0 - l1_ratio))
    np.testing.assert_array_equal(np.sign(want), np.sign(model.coef_))
    assert np.max(np.abs(model.coef_ - want)) / np.max(np.abs(want)) < rtol
    if l1_ratio == 1.0:
        assert model.n_reads_ == reads
        assert len(log) == reads * len(CHUNKS)


def test_equal_features_and_more_features_than_rows_have_a_minimum():
    rng = np.random.default_rng(2)
    wide = rng.normal(size=(30, 60))
    wide[:, 1] = wide[:, 0]
    wide[:, 2] = wide[:, 3] + wide[:, 4]
    y = wide[:, 0] * 3 + rng.normal(size=30)
    for alpha in (1e-4, 0.01, 0.3):
        model = Lasso(alpha, tol=0.1).fit(wide, y)
        residual = y - y.mean() - (wide - wide.mean(axis=0)) @ model.coef_
        slopes = (wide - wide.mean(axis=0)).T @ residual / 30
        used = model.coef_ != 0
        np.testing.assert_allclose(slopes[used], alpha * np.sign(model.coef_[used]), rtol=1e-7)
        assert np.abs(slopes).max() <= alpha * (1 + 1e-7)
        assert model.dual_gap_ == pytest.approx(0, abs=1e-10)


def test_numbers_whose_squares_overflow():
    unit = 1e155 * np.asarray([1.0, 0.1, 1.0])
    rows, y = RNG.normal(size=(N, 3)), RNG.normal(size=N)
    rows[:, 2] = rows[:, 0] + 0.1 * rows[:, 2]
    model = Lasso(0.01 * 1e155 * 1e150).fit(rows * unit, (rows[:, 0] + y) * 1e150)
    known = theirs.Lasso(0.01, **TIGHT).fit(rows * unit / 1e155, rows[:, 0] + y)
    np.testing.assert_allclose(model.coef_ * 1e5, known.coef_, rtol=1e-9)
    unit = np.asarray([1e200, 1e190, 1e-9])
    model = Lasso(1.0).fit(rows * unit, 1e200 * y)  # so small a penalty does nothing
    want = LinearRegression().fit(rows * unit, 1e200 * y)
    np.testing.assert_allclose(model.coef_, want.coef_, rtol=1e-9)


def test_behind_a_scaler_sparse_rows_and_float32():
    log: list = []
    pipe = make_pipeline(StandardScaler(), Lasso(0.1))
    pipe.fit(dask_array(X, CHUNKS, log=log), dask_array(Y, CHUNKS))
    assert len(log) == len(CHUNKS)
    known = theirs.Lasso(0.1, **TIGHT).fit(StandardScaler().fit_transform(X), Y)
    assert_same(pipe[-1], known)
    S = X * (RNG.random(X.shape) < 0.5)
    want = theirs.Lasso(0.1, **TIGHT).fit(S, Y)
    assert_same(Lasso(0.1).fit(csr_array(S), Y), want)
    single = Lasso(0.1).fit(S.astype(np.float32), Y.astype(np.float32))
    assert single.coef_.dtype == np.float32
    np.testing.assert_allclose(single.coef_, want.coef_, rtol=1e-5, atol=1e-6)


def test_a_warm_start_ends_at_the_same_minimum_sooner():
    model = Lasso(0.1, warm_start=True, tol=1e-12).fit(X, Y)
    coef, n_iter = model.coef_, model.n_iter_
    assert model.fit(X, Y).n_iter_ < n_iter
    np.testing.assert_allclose(model.coef_, coef, rtol=1e-12)
    assert model.fit(X[:, :3], THREE).coef_.shape == (3, 3)


PATHS = [
    ("LassoCV", {}),
    ("ElasticNetCV", {}),
    ("ElasticNetCV", {"l1_ratio": [0.3, 0.9], "alphas": 10}),
    ("LassoCV", {"positive": True, "cv": 3, "alphas": 20}),
    ("LassoCV", {"fit_intercept": False, "cv": KFold(4), "alphas": 20}),
    ("ElasticNetCV", {"l1_ratio": [0.5, 0.9], "alphas": [0.1, 1.0, 10.0, 0.01]}),
]
CHOSEN = ("alpha_", "alphas_", "mse_path_", "coef_", "intercept_")


def cv(name):
    return {"LassoCV": LassoCV, "ElasticNetCV": ElasticNetCV}[name]


@pytest.mark.parametrize("weights", [False, True], ids=["", "weights"])
@pytest.mark.parametrize(("name", "how"), PATHS, ids=str)
def test_paths_of_rows_in_memory_are_scikit_learns(name, how, weights):
    weight = W if weights else None
    ours = cv(name)(**how).fit(X, Y, weight)
    known = getattr(theirs, name)(tol=1e-13, max_iter=100_000, **how).fit(X, Y, weight)
    assert_same(ours, known, CHOSEN)
    assert getattr(ours, "l1_ratio_", None) == getattr(known, "l1_ratio_", None)
    assert ours.n_reads_ == 1


def test_folds_of_a_collection_are_blocks_and_cost_no_further_read():
    log: list = []
    ours = LassoCV(cv=3, alphas=20).fit(dask_array(X, CHUNKS, log=log), dask_array(Y, CHUNKS))
    assert len(log) == len(CHUNKS)
    folds = PredefinedSplit(np.repeat(np.arange(len(CHUNKS)) % 3, CHUNKS))
    known = theirs.LassoCV(cv=folds, alphas=20, tol=1e-13, max_iter=100_000).fit(X, Y)
    assert_same(ours, known, CHOSEN)
    alone = Lasso(ours.alpha_).fit(X, Y)
    np.testing.assert_allclose(ours.coef_, alone.coef_, rtol=1e-12)


def test_a_column_of_a_target_and_a_target_that_nothing_explains():
    with pytest.warns(match="column-vector"):
        assert LassoCV(cv=3).fit(X, Y[:, None]).coef_.shape == (D,)
    nothing = LassoCV(cv=3).fit(X, np.ones(N))
    np.testing.assert_array_equal(nothing.coef_, np.zeros(D))
    np.testing.assert_array_equal(nothing.alphas_, np.full(100, 1e-15))
    zero = LassoCV(cv=3, alphas=[0.0, 1.0]).fit(X, Y)
    np.testing.assert_allclose(zero.mse_path_.shape, (2, 3))


def test_what_is_not_supported_says_so():
    for model, says in (
        (Lasso(precompute=np.eye(D), fit_intercept=False), "did not pass validation"),
        (Lasso(precompute=np.eye(2)), r"has shape \(2, 2\), and X has"),
        (LassoCV(alphas=[-1.0]), r"alphas\[0\] == -1.0, must be >= 0"),
        (LassoCV(alphas=[np.inf]), "alphas must be 0 or more"),
        (ElasticNetCV(l1_ratio=0), "supply a grid"),
        (ElasticNetCV(l1_ratio=[0.5, 2.0]), "l1_ratio must be from 0 to 1"),
    ):
        with pytest.raises(ValueError, match=says):
            model.fit(X, Y)
    with pytest.raises(
        ValueError, match=r"at least two folds, got 1, n_samples=1. Give more rows\."
    ):
        LassoCV().fit(X[:1], Y[:1])
    assert not hasattr(LassoCV(), "merge")
    assert not hasattr(ElasticNetCV(), "partial_fit")
