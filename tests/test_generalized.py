"""Models that are exact in a few reads: against scikit-learn, whose solver is converged."""

import warnings
from unittest.mock import patch

import dask
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn import linear_model as theirs
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import ConvergenceWarning

from streamlearn.blocks import from_blocks
from streamlearn.linear_model import (
    GammaRegressor,
    LogisticRegression,
    PoissonRegressor,
    TweedieRegressor,
    generalized,
)
from streamlearn.linear_model.newton_reads import minimum
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler
from tests.containers import dask_array

RNG = np.random.default_rng(0)
N, D = 160, 4
CHUNKS = (30, 0, 41, 1, 48, 40)
X = RNG.normal(size=(N, D)) * [0.3, 1.0, 3.0, 1.0] + [0.0, 5.0, -9.0, 1.0]
ETA = (X - X.mean(axis=0)) @ [1.0, -1.0, 0.3, 0.1]
W = RNG.integers(0, 4, N) / 2
COUNTS = RNG.poisson(np.exp(0.5 * ETA + 0.3))
AMOUNTS = RNG.gamma(2.0, np.exp(0.5 * ETA))
SOME = np.where(RNG.random(N) < 0.3, 0.0, AMOUNTS)
TWO = (ETA + RNG.logistic(size=N) > 0).astype(int)
THREE = np.digitize(ETA + RNG.logistic(size=N), [-1.0, 1.0])

MODELS = {
    "logistic": (LogisticRegression, TWO),
    "multinomial": (LogisticRegression, THREE),
    "poisson": (PoissonRegressor, COUNTS),
    "gamma": (GammaRegressor, AMOUNTS),
    "tweedie": (TweedieRegressor, SOME),
}
CASES = [
    ("logistic", {}),
    ("multinomial", {}),
    ("poisson", {}),
    ("gamma", {}),
    ("tweedie", {"power": 1.5}),
    ("tweedie", {}),
    ("tweedie", {"power": 1, "link": "log", "alpha": 0}),
    ("logistic", {"C": np.inf}),
    ("multinomial", {"C": np.inf}),
    ("logistic", {"fit_intercept": False, "C": 0.01}),
    ("multinomial", {"fit_intercept": False}),
    ("logistic", {"class_weight": "balanced"}),
    ("multinomial", {"class_weight": {0: 2.0, 1: 0.5}}),
    ("poisson", {"alpha": 0}),
    ("poisson", {"fit_intercept": False}),
    ("gamma", {"alpha": 0.01, "fit_intercept": False}),
]


def fits(name, how, rows=X, weight=None, **more):
    model, y = MODELS[name]
    known = getattr(theirs, model.__name__)
    known = known(solver="newton-cholesky", tol=1e-13, max_iter=1000, **how)
    return model(tol=1e-9, **how, **more), y, known.fit(rows, y, weight)


def assert_same(ours, known, rtol=1e-9):
    for name in ("coef_", "intercept_"):
        got, want = (np.asarray(getattr(each, name)) for each in (ours, known))
        assert got.shape == want.shape, name
        np.testing.assert_allclose(got, want, rtol=rtol, atol=rtol * np.abs(known.coef_).max())


@pytest.mark.parametrize("weights", [False, True], ids=["", "weights"])
@pytest.mark.parametrize(("name", "how"), CASES, ids=str)
def test_the_minimum_is_scikit_learns_and_each_block_is_read_once_a_step(name, how, weights):
    weight, log = W if weights else None, []
    model, y, known = fits(name, how, weight=weight)
    given = None if weight is None else dask_array(weight, CHUNKS)
    labels = {"classes": np.unique(y)} if "power" not in how and y.dtype.kind == "i" else {}
    if name in ("logistic", "multinomial"):
        model.set_params(**labels)
    if how.get("class_weight") != "balanced":
        model.fit(dask_array(X, CHUNKS, log=log), dask_array(y, CHUNKS), given)
        assert len(log) == model.n_reads_ * len(CHUNKS)
        assert model.n_reads_ == np.max(model.n_iter_) + 1 <= 9
        assert_same(model, known)
    assert_same(model.fit(X, y, weight), known)
    np.testing.assert_allclose(model.predict(X), known.predict(X), rtol=1e-9)
    assert model.score(X, y, weight) == pytest.approx(known.score(X, y, weight), rel=1e-9)
    for method in ("decision_function", "predict_proba", "predict_log_proba"):
        if hasattr(known, method):
            got, want = (getattr(each, method)(X) for each in (model, known))
            np.testing.assert_allclose(got, want, rtol=1e-8, atol=1e-10)


NUMBERS = 12.0 + ETA + RNG.normal(size=N)
GAUSSIAN = RNG.wald(np.exp(0.5 * ETA), 2.0)
CLOSE = np.exp(0.3 * ETA + 0.1 * RNG.normal(size=N))
NOT_CONVEX = {
    "3": ({"power": 3, "alpha": 0.01}, GAUSSIAN),
    "2.5": ({"power": 2.5, "alpha": 0.1}, AMOUNTS),
    "4.5": ({"power": 4.5, "alpha": 0.1}, AMOUNTS),
    "3, identity": ({"power": 3, "link": "identity", "alpha": 0.1}, CLOSE),
    "1.5, identity": ({"power": 1.5, "link": "identity", "alpha": 0.1}, CLOSE),
    "0, log": ({"power": 0, "link": "log", "alpha": 0.1}, NUMBERS),
    "-1": ({"power": -1, "alpha": 0.1}, NUMBERS),
    "-1, log": ({"power": -1, "link": "log", "alpha": 0.1}, NUMBERS),
    "-0.5, log": ({"power": -0.5, "link": "log", "alpha": 0.1}, NUMBERS),
    "-1, no intercept": (
        {"power": -1, "link": "log", "alpha": 0.1, "fit_intercept": False},
        NUMBERS,
    ),
}


@pytest.mark.parametrize("weights", [False, True], ids=["", "weights"])
@pytest.mark.parametrize("case", NOT_CONVEX)
def test_deviances_that_are_not_convex_have_scikit_learns_optimum(case, weights):
    how, y = NOT_CONVEX[case]
    weight, log = W if weights else None, []
    known = theirs.TweedieRegressor(solver="newton-cholesky", tol=1e-9, max_iter=10_000, **how)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it goes on with lbfgs
        known.fit(X, y, weight)
    given = None if weight is None else dask_array(weight, CHUNKS)
    model = TweedieRegressor(tol=1e-7, **how)
    model.fit(dask_array(X, CHUNKS, log=log), dask_array(y, CHUNKS), given)
    assert len(log) == model.n_reads_ * len(CHUNKS)
    assert model.n_reads_ <= 25
    assert_same(model, known, rtol=1e-6)
    np.testing.assert_allclose(model.predict(X), known.predict(X), rtol=1e-6)
    assert model.score(X, y, weight) == pytest.approx(known.score(X, y, weight), rel=1e-6)


def test_a_start_of_indefinite_curvature_still_leads_downwards():
    y = np.where(np.arange(N) % 20 == 0, 1e3, 1.0) * GAUSSIAN
    former = TweedieRegressor(power=3, alpha=0.1, warm_start=True, tol=1e-7).fit(X, CLOSE)
    former.intercept_ = former.intercept_ + 6.0  # means far above targets, where it is concave
    found = former.fit(X, y)
    known = TweedieRegressor(power=3, alpha=0.1, tol=1e-7).fit(X, y)
    assert_same(found, known, rtol=1e-5)


MIX = np.linalg.qr(RNG.normal(size=(D, D)))[0] * [1.0, 1e-2, 1e-4, 1e-6]
SHAPES = {
    "offset 1e8": (np.eye(D), 1e8),
    "scales": (np.diag([1e-8, 1.0, 1e4, 1e8]), 0.0),
    "condition 1e6": (MIX.T, 0.0),
    "offset and condition": (MIX.T, 10.0),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("shape", SHAPES)
def test_ill_conditioned_features_keep_their_digits(shape, name):
    mix, offset = SHAPES[shape]
    # numbers of few digits, so that products with them are exact, or nearly
    base = np.round((X - X.mean(axis=0)) * 2**10) / 2**10
    how = {"C": np.inf} if MODELS[name][0] is LogisticRegression else {"alpha": 0.0}
    model, y, known = fits(name, how | ({"power": 1.5} if name == "tweedie" else {}), base)
    rows = base @ mix + offset
    model.fit(dask_array(rows, CHUNKS), dask_array(y, CHUNKS))
    want = np.linalg.solve(mix, np.atleast_2d(known.coef_).T).T
    error = np.abs(np.atleast_2d(model.coef_) - want).max() / np.abs(want).max()
    assert error < (1e-5 if "condition" in shape else 1e-7 if offset else 1e-9)


@pytest.mark.parametrize("penalty", [0.0, 1e-3])
@pytest.mark.parametrize("name", MODELS)
def test_of_many_solutions_it_is_the_shortest(name, penalty):
    twice = np.concatenate([X, X[:, :1], np.full((N, 1), 7.0)], axis=1)
    power = {"power": 1.5} if name == "tweedie" else {}
    how = {"alpha": penalty}
    if MODELS[name][0] is LogisticRegression:
        how = {"C": 1 / penalty if penalty else np.inf}
    # the same predictions with half of the squares of the coefficient
    once = X * [np.sqrt(2.0), 1.0, 1.0, 1.0]
    model, y, known = fits(name, how | power, once)
    model.fit(twice, y)
    coef, want = np.atleast_2d(model.coef_), np.atleast_2d(known.coef_)
    np.testing.assert_allclose(coef[:, 1:4], want[:, 1:], rtol=1e-8)
    np.testing.assert_allclose(coef[:, [0, 4]], want[:, [0, 0]] / np.sqrt(2.0), rtol=1e-8)
    np.testing.assert_allclose(coef[:, 5], 0.0, atol=1e-12)


def test_a_step_that_is_too_long_is_taken_again():
    rows = np.abs(RNG.standard_cauchy(size=(N, 1)))
    y = RNG.poisson(np.exp(1.0 - 0.01 * rows[:, 0]))
    y[np.argmax(rows)] = 300
    model, known = PoissonRegressor(alpha=0, tol=1e-9), theirs.PoissonRegressor(alpha=0)
    known.set_params(solver="newton-cholesky", tol=1e-12, max_iter=1000).fit(rows, y)
    assert_same(model.fit(rows, y), known)
    separable = LogisticRegression(C=1e12, tol=1e-12).fit(rows, rows[:, 0] > 1)
    assert separable.score(rows, rows[:, 0] > 1) == 1.0


def test_too_few_reads_warn_and_a_warm_start_goes_on():
    model = PoissonRegressor(max_iter=1, tol=1e-12)
    with pytest.warns(ConvergenceWarning, match="max_iter=1 reads of all rows. Increase max_iter"):
        model.fit(X, COUNTS)
    assert model.n_iter_ == 1
    model.set_params(warm_start=True, max_iter=100).fit(X, COUNTS)
    cold = PoissonRegressor(tol=1e-12).fit(X, COUNTS)
    assert model.n_iter_ < cold.n_iter_
    assert_same(model, cold)
    again = LogisticRegression(warm_start=True).fit(X, THREE)
    assert again.fit(X, THREE).n_iter_[0] == 1
    none = LogisticRegression(max_iter=0).fit(X, TWO)
    assert none.n_reads_ == 1
    np.testing.assert_array_equal(none.coef_, np.zeros((1, D)))


def test_an_interrupted_fit_keeps_the_steps_before():
    log: list = []
    model = PoissonRegressor(tol=1e-9)
    full = PoissonRegressor(max_iter=1, tol=1e9).fit(X, COUNTS)

    def stops(*given):
        if len(log) > 2 * len(CHUNKS) + 3:
            raise KeyboardInterrupt

    rows = dask_array(X, CHUNKS, log=log)
    rows = rows.map_blocks(lambda x: (stops(), x)[1], meta=rows._meta)
    with dask.config.set(scheduler="sync"), pytest.warns(match="in read 2 of at most max_iter"):
        model.fit(rows, dask_array(COUNTS, CHUNKS))
    assert model.n_reads_ == 2
    np.testing.assert_allclose(model.coef_, full.coef_, rtol=1e-9)


def test_behind_a_scaler_sparse_rows_and_float32():
    log: list = []
    pipe = make_pipeline(StandardScaler(), LogisticRegression(tol=1e-9, classes=[0, 1]))
    pipe.fit(dask_array(X, CHUNKS, log=log), dask_array(TWO, CHUNKS))
    assert len(log) == pipe[-1].n_reads_ * len(CHUNKS)
    assert_same(pipe[-1], fits("logistic", {}, StandardScaler().fit_transform(X))[2])
    S = X * (RNG.random(X.shape) < 0.5)
    for name in ("logistic", "multinomial", "poisson"):
        model, y, known = fits(name, {}, S)
        assert_same(model.fit(csr_array(S), y), known)
        single = model.fit(S.astype(np.float32), y)
        assert single.coef_.dtype == np.float32
        assert_same(single, known, rtol=1e-5)
    sparse = LogisticRegression().fit(X, TWO)
    before = sparse.predict_proba(X)
    np.testing.assert_array_equal(sparse.sparsify().predict_proba(X), before)
    assert sparse.densify().coef_.shape == (1, D)


def test_what_is_not_supported_says_so():
    for model, y, says in (
        (LogisticRegression(l1_ratio=1), TWO, "Set solver='saga' or 'liblinear'"),
        (LogisticRegression(l1_ratio=0.5), TWO, "got elasticnet penalty. Set solver='saga'"),
        (LogisticRegression(l1_ratio=0.5, solver="liblinear"), TWO, "Set solver='saga'"),
        (LogisticRegression(dual=True), TWO, "Set dual=False"),
        (LogisticRegression(dual=True, l1_ratio=1, solver="liblinear"), TWO, "Set dual=False"),
        (LogisticRegression(C=np.inf, solver="liblinear"), TWO, "Set solver='lbfgs'"),
        (LogisticRegression(solver="liblinear"), THREE, "Set another solver"),
        (LogisticRegression(classes=[0, 1, 2]), TWO, "No row with a weight has class .*2"),
        (LogisticRegression(classes=[-1, 0]), 0 * TWO, "No row with a weight has class .*-1"),
        (LogisticRegression(classes=[0, 1]), 0 * TWO, "No row with a weight has class .*1"),
        (PoissonRegressor(), -COUNTS, "below 0"),
        (PoissonRegressor(), 0 * COUNTS, "All targets are 0"),
        (GammaRegressor(), SOME, "of 0 or below"),
        (TweedieRegressor(power=0.5), AMOUNTS, "between 0 and 1. Give 0 or less"),
        (TweedieRegressor(power=3), SOME, "of 0 or below"),
        (TweedieRegressor(power=-1), -AMOUNTS, "begins with a mean above 0"),
        (TweedieRegressor(power=-1, fit_intercept=False), AMOUNTS, "needs fit_intercept=True"),
        (TweedieRegressor(power=2, link="identity"), SOME, "of 0 or below"),
    ):
        with pytest.raises(ValueError, match=says):
            model.fit(X, y)
    many = LogisticRegression()
    many._most_features = 12
    with pytest.raises(ValueError, match="4 features of 3 classes have 15 coefficients"):
        many.fit(X, THREE)
    assert not hasattr(LogisticRegression(), "merge")
    assert not hasattr(PoissonRegressor(), "partial_fit")


@pytest.mark.parametrize("y", [TWO, THREE], ids=["two", "three"])
def test_discriminant_analysis_of_the_first_read_is_the_start(y):
    apart = RNG.normal(size=(N, D)) + 1.5 * np.eye(D)[y]
    model = LogisticRegression(C=np.inf, max_iter=1, tol=1e9).fit(apart, y)
    starts = []

    def seen(objective, read, v, former, **how):
        starts.append(objective.of.outside(v))
        return minimum(objective, read, v, former, **how)

    with patch.object(generalized, "minimum", seen):
        model.fit(apart, y)
    known = LinearDiscriminantAnalysis().fit(apart, y)
    coef, intercept = known.coef_, known.intercept_
    if len(coef) > 1:
        coef, intercept = coef - coef.mean(axis=0), intercept - intercept.mean()
    # S less 0.98 of what is between the classes, so that it can be inverted
    assert np.abs(starts[0][0] - coef).max() < 0.1 * np.abs(coef).max()
    assert np.abs(starts[0][1] - intercept).max() < 0.1 * np.abs(intercept).max()


def test_sources_and_frames():
    known = fits("logistic", {}, X)[2]
    parts = [slice(start, start + 40) for start in range(0, N, 40)]
    source = from_blocks(lambda: ((X[at], TWO[at]) for at in parts))
    assert_same(LogisticRegression(tol=1e-9).fit(*source), known)
    frame = dd.from_pandas(pd.DataFrame(X, columns=list("abcd")), npartitions=3)
    y = dd.from_pandas(pd.Series(TWO), npartitions=3)
    model = LogisticRegression(tol=1e-9).fit(frame, y)
    assert_same(model, known)
    assert list(model.feature_names_in_) == list("abcd")
