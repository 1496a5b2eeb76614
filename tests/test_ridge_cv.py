"""The penalty that cross-validation finds: scikit-learn's, from sums."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn import linear_model as theirs
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    PredefinedSplit,
    ShuffleSplit,
    TimeSeriesSplit,
)

from streamlearn import linear_model
from streamlearn.linear_model import Ridge, RidgeCV
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler
from tests.containers import dask_array

RNG = np.random.default_rng(0)
N = 120
CHUNKS = (20, 0, 31, 9, 40, 20)
X = RNG.normal([0, 5, 100, 0], [1, 2, 3, 0.1], (N, 4))
X[:, 3] += X[:, 0]
Y = {
    "one": X @ [1.0, -1, 0.5, 2] + 5 * RNG.normal(size=N),
    "a column": RNG.normal(size=(N, 1)) + X[:, :1],
    "three": RNG.normal(size=(N, 3)) * [1, 20, 3] + X[:, :3],
}
ALPHAS = [1e-3, 0.1, 3.0, 100.0, 1e4]


@pytest.mark.parametrize("weights", [False, True], ids=["", "weights"])
@pytest.mark.parametrize("target", Y)
@pytest.mark.parametrize(
    "how",
    [{}, {"fit_intercept": False}, {"alpha_per_target": True}, {"alphas": 2.0}],
    ids=str,
)
def test_each_row_is_left_out_as_in_scikit_learn(how, target, weights):
    y, weight = Y[target], RNG.integers(0, 4, N) / 2 if weights else None
    how = {"alphas": ALPHAS} | how
    log: list = []
    given = None if weight is None else dask_array(weight, CHUNKS)
    ours = RidgeCV(**how).fit(dask_array(X, CHUNKS, log=log), dask_array(y, CHUNKS), given)
    known = theirs.RidgeCV(**how).fit(X, y, weight)
    assert len(log) == 2 * len(CHUNKS)
    assert ours.n_reads_ == 2
    for name in ("alpha_", "best_score_", "coef_", "intercept_"):
        got, want = (np.asarray(getattr(each, name)) for each in (ours, known))
        assert got.shape == want.shape or (name == "best_score_" and want.shape == (1,))
        np.testing.assert_allclose(got, want, rtol=1e-8, atol=1e-12)
    assert ours.predict(X).shape == known.predict(X).shape


@pytest.mark.parametrize("scoring", [None, "neg_mean_squared_error"])
@pytest.mark.parametrize("target", Y)
@pytest.mark.parametrize("cv", [2, 5, KFold(3)], ids=str)
def test_folds_of_rows_in_memory_are_scikit_learns(cv, target, scoring):
    how = {"alphas": [0.0, *ALPHAS], "cv": cv, "scoring": scoring}
    ours, known = RidgeCV(**how).fit(X, Y[target]), theirs.RidgeCV(**how).fit(X, Y[target])
    assert ours.n_reads_ == 1
    for name in ("alpha_", "best_score_", "coef_", "intercept_"):
        got, want = (np.asarray(getattr(each, name)) for each in (ours, known))
        np.testing.assert_allclose(got, want, rtol=1e-8, atol=1e-12)


def test_folds_of_a_collection_are_blocks_and_cost_no_further_read():
    log: list = []
    y = Y["one"]
    ours = RidgeCV(ALPHAS, cv=3).fit(dask_array(X, CHUNKS, log=log), dask_array(y, CHUNKS))
    assert len(log) == len(CHUNKS)
    folds = PredefinedSplit(np.repeat(np.arange(len(CHUNKS)) % 3, CHUNKS))
    known = GridSearchCV(theirs.Ridge(), {"alpha": ALPHAS}, cv=folds).fit(X, y)
    np.testing.assert_allclose(ours.scores_, known.cv_results_["mean_test_score"], rtol=1e-9)
    assert ours.alpha_ == known.best_params_["alpha"]


def test_rows_of_few_blocks_are_cut():
    y = Y["one"]
    ours = RidgeCV(ALPHAS, cv=3).fit(dask_array(X, (N,)), dask_array(y, (N,)))
    np.testing.assert_allclose(ours.scores_, RidgeCV(ALPHAS, cv=3).fit(X, y).scores_, rtol=1e-12)
    RidgeCV(ALPHAS, cv=3).fit(dask_array(X, (50, 0, 70)), dask_array(y, (50, 0, 70)))


@pytest.mark.parametrize("cv", [None, 3])
def test_behind_a_scaler(cv):
    y = Y["one"]
    pipe = make_pipeline(StandardScaler(), RidgeCV(ALPHAS, cv=cv))
    pipe.fit(dask_array(X, CHUNKS), dask_array(y, CHUNKS))
    Z = StandardScaler().fit_transform(X)
    want = RidgeCV(ALPHAS, cv=cv).fit(dask_array(Z, CHUNKS), dask_array(y, CHUNKS))
    np.testing.assert_allclose(pipe[-1].scores_, want.scores_, rtol=1e-9)
    np.testing.assert_allclose(pipe[-1].coef_, want.coef_, rtol=1e-9)


def test_sparse_rows_and_float32():
    S = X * (RNG.random(X.shape) < 0.5)
    y = Y["one"]
    want = RidgeCV(ALPHAS).fit(S, y)
    np.testing.assert_allclose(RidgeCV(ALPHAS).fit(csr_array(S), y).scores_, want.scores_)
    single = RidgeCV(ALPHAS).fit(S.astype(np.float32), y.astype(np.float32))
    assert single.coef_.dtype == np.float32
    np.testing.assert_allclose(single.scores_, want.scores_, rtol=1e-5)


def test_the_model_is_that_of_ridge_with_the_penalty():
    model = RidgeCV(ALPHAS, cv=5).fit(X, Y["three"])
    want = Ridge(model.alpha_).fit(X, Y["three"])
    np.testing.assert_array_equal(model.coef_, want.coef_)


def test_what_is_not_supported_says_so():
    y = Y["one"]
    for how, says in (
        ({"cv": 3, "store_cv_results": True}, "incompatible"),
        ({"cv": 3, "alpha_per_target": True}, "incompatible"),
        ({"alphas": [0.0]}, "alphas == 0.0, must be > 0"),
        ({"alphas": [1.0, -1.0], "cv": 3}, r"alphas\[1\] == -1.0, must be >= 0"),
        ({"alphas": [1.0, np.inf]}, "alphas must be numbers below infinity"),
        ({"cv": [([0, 1], [])]}, "a split without rows to score"),
    ):
        with pytest.raises(ValueError, match=says):
            RidgeCV(**how).fit(X, y)
    for how, says in (
        ({"store_cv_results": True}, "scores_ has the score"),
        ({"cv": KFold(3, shuffle=True)}, "splits rows, which must be in memory"),
    ):
        for model in (RidgeCV(**how), make_pipeline(StandardScaler(), RidgeCV(**how))):
            with pytest.raises(ValueError, match=says):
                model.fit(dask_array(X, CHUNKS), dask_array(y, CHUNKS))
    with pytest.warns(FutureWarning, match="The 'svd' mode is not supported for sparse X"):
        RidgeCV(gcv_mode="svd").fit(csr_array(X), y)
    with pytest.raises(ValueError, match="at least two folds, got 1, n_samples=1"):
        RidgeCV(cv=3).fit(X[:1], y[:1])
    assert not hasattr(RidgeCV(), "partial_fit")
    assert not hasattr(RidgeCV(), "merge")


@pytest.mark.parametrize("weights", [True, False], ids=["weights", ""])
@pytest.mark.parametrize("scoring", ["neg_mean_squared_error", "r2", None])
@pytest.mark.parametrize("target", ["three", "one", "a column"])
def test_what_is_kept_of_each_row_is_what_scikit_learn_keeps(target, scoring, weights):
    y, weight = Y[target], RNG.integers(1, 4, N) / 2 if weights else None
    how = {"alphas": ALPHAS, "scoring": scoring, "store_cv_results": True}
    ours, known = (each.RidgeCV(**how).fit(X, y, weight) for each in (linear_model, theirs))
    assert ours.cv_results_.shape == known.cv_results_.shape
    np.testing.assert_allclose(ours.cv_results_, known.cv_results_, rtol=1e-7)
    assert ours.alpha_ == known.alpha_
    np.testing.assert_allclose(ours.best_score_, known.best_score_, rtol=1e-9)
    given = [each if each is None else dask_array(each, CHUNKS) for each in (X, y, weight)]
    lazy = RidgeCV(ALPHAS, scoring=scoring).fit(*given)
    np.testing.assert_allclose(lazy.scores_, ours.scores_, rtol=1e-9)


SPLITTERS = {
    "shuffled": KFold(4, shuffle=True, random_state=0),
    "drawn": ShuffleSplit(3, test_size=0.3, train_size=0.4, random_state=0),
    "in time": TimeSeriesSplit(3),
    "pairs": [(np.arange(80), np.arange(80, N)), (np.arange(N) % 2 == 0, np.arange(N) % 2 == 1)],
}


@pytest.mark.parametrize("cv", SPLITTERS)
@pytest.mark.parametrize("model", ["ElasticNetCV", "RidgeCV"])
def test_rows_in_memory_take_the_splits_of_scikit_learn(model, cv):
    weight = RNG.integers(1, 4, N) / 2 if model == "ElasticNetCV" else None
    how = {"alphas": [0.01, 0.1, 1.0, 10.0], "cv": SPLITTERS[cv]}
    ours = getattr(linear_model, model)(**how).fit(X, Y["one"], weight)
    how |= {"tol": 1e-13, "max_iter": 100_000} if model == "ElasticNetCV" else {}
    known = getattr(theirs, model)(**how).fit(X, Y["one"], weight)
    assert ours.alpha_ == known.alpha_
    np.testing.assert_allclose(ours.coef_, known.coef_, rtol=1e-7, atol=1e-9)
    if model == "ElasticNetCV":
        np.testing.assert_allclose(ours.mse_path_, known.mse_path_, rtol=1e-8)
        sparse = getattr(linear_model, model)(**how).fit(csr_array(X), Y["one"], weight)
        np.testing.assert_allclose(sparse.mse_path_, ours.mse_path_, rtol=1e-9)
    else:
        np.testing.assert_allclose(ours.best_score_, known.best_score_, rtol=1e-8)


def test_splits_of_rows_of_another_library_stay_there():
    torch = pytest.importorskip("torch")
    how = {"alphas": ALPHAS, "cv": KFold(4, shuffle=True, random_state=0)}
    model = RidgeCV(**how).fit(torch.asarray(X), torch.asarray(Y["one"]))
    assert isinstance(model.coef_, torch.Tensor)
    np.testing.assert_allclose(model.coef_, RidgeCV(**how).fit(X, Y["one"]).coef_, rtol=1e-9)
