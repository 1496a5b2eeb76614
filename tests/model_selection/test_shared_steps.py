"""Pipelines that a search compares learn their common steps once, and score as each alone."""

from __future__ import annotations

from collections import Counter

import dask.array as da
import numpy as np
import pandas as pd
import pytest
from sklearn import linear_model as theirs
from sklearn import metrics
from sklearn import pipeline as their_pipeline
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.decomposition import IncrementalPCA
from sklearn.exceptions import FitFailedWarning
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import ParameterGrid
from sklearn.preprocessing import PolynomialFeatures

from streamlearn.blocks import from_blocks
from streamlearn.compose import ColumnTransformer
from streamlearn.impute import SimpleImputer
from streamlearn.linear_model import Ridge, SGDClassifier, SGDRegressor
from streamlearn.model_selection import (
    HyperbandSearchCV,
    StreamSearchCV,
    SuccessiveHalvingSearchCV,
    groups,
)
from streamlearn.naive_bayes import GaussianNB
from streamlearn.neural_network import MLPClassifier
from streamlearn.pipeline import Pipeline
from streamlearn.pipeline.shared_steps import are_equal, paths_of
from streamlearn.preprocessing import (
    OneHotEncoder,
    PowerTransformer,
    QuantileTransformer,
    StandardScaler,
)

N_BLOCKS, ROWS = 5, 80
rng = np.random.default_rng(0)
X = 1e3 + rng.normal(size=(N_BLOCKS * ROWS, 4)) * [0.1, 1, 10, 100]
SIGNAL = (X - 1e3) @ [10, 1, 0, 0.01] + rng.normal(size=len(X))
LABELS = np.where(SIGNAL > 0, "late", "on time")
GAPS = np.where(rng.random(X.shape) < 0.1, np.nan, X)
WEIGHT = rng.integers(0, 3, len(X)) / 2
BLOCKS = [slice(k * ROWS, (k + 1) * ROWS) for k in range(N_BLOCKS)]
TABLE = pd.DataFrame(X, columns=list("abcd")).assign(e=rng.choice(list("xyz"), len(X)))
CALLS: Counter = Counter()


class Counting(TransformerMixin, BaseEstimator):
    """A scaler of another library, which counts its calls."""

    def __init__(self, by=1.0):
        self.by = by

    def fit(self, X, y=None):
        return self.partial_fit(X)

    def partial_fit(self, X, y=None):
        CALLS["partial_fit"] += 1
        self.size_ = max(getattr(self, "size_", 0.0), self.by * float(np.abs(X).max()))
        return self

    def transform(self, X):
        CALLS["transform"] += 1
        return X / self.size_


def pipe(*steps, kind=Pipeline):
    return kind([(f"s{k}", step) for k, step in enumerate(steps)])


LOG = SGDClassifier("log_loss", random_state=0)
ALPHAS = [1e-4, 1e-2, 1.0]
CASES = {
    "columns": (pipe(StandardScaler(), LOG), {"s1__alpha": ALPHAS}, X, LABELS),
    "a step that differs": (
        pipe(Counting(), StandardScaler(), LOG),
        {"s1__with_std": [True, False], "s2__alpha": ALPHAS},
        X,
        LABELS,
    ),
    "scikit-learn's pipeline": (
        pipe(Counting(), SGDRegressor(random_state=0), kind=their_pipeline.Pipeline),
        {"s1__alpha": ALPHAS, "s1__loss": ["huber", "squared_error"]},
        X,
        SIGNAL,
    ),
    "behind fills": (
        pipe(SimpleImputer(), StandardScaler(), LOG),
        {"s1__with_mean": [True, False], "s2__alpha": ALPHAS},
        GAPS,
        LABELS,
    ),
    "no state": (
        pipe(PolynomialFeatures(2), StandardScaler(), LOG),
        {"s2__alpha": ALPHAS, "s2__penalty": ["l1", "l2"]},
        X - 1e3,
        LABELS,
    ),
    "a table": (
        pipe(
            ColumnTransformer(
                [("n", StandardScaler(), list("abcd")), ("c", OneHotEncoder(), ["e"])]
            ),
            LOG,
        ),
        {"s1__alpha": ALPHAS, "s1__fit_intercept": [True, False]},
        TABLE,
        LABELS,
    ),
    "nets": (
        pipe(PowerTransformer(), MLPClassifier(random_state=0)),
        {"s1__hidden_layer_sizes": [(3,), (5,)]},
        X - 1e3,
        LABELS,
    ),
    "a last step of another library": (
        pipe(StandardScaler(), theirs.SGDClassifier("log_loss", random_state=0)),
        {"s1__alpha": ALPHAS},
        X,
        LABELS,
    ),
    "pipelines inside": (
        pipe(pipe(Counting(), StandardScaler(), kind=their_pipeline.Pipeline), pipe(LOG)),
        {"s1__s0__alpha": ALPHAS, "s0__s1__with_std": [True, False]},
        X,
        LABELS,
    ),
    "fitted beforehand": (
        pipe(StandardScaler(), QuantileTransformer(n_quantiles=20), LOG),
        {"s2__alpha": ALPHAS, "s2__loss": ["hinge", "log_loss"]},
        X,
        LABELS,
    ),
    "sums behind fills": (pipe(SimpleImputer(), Ridge()), {"s1__alpha": ALPHAS}, GAPS, SIGNAL),
    "sums of a table": (
        pipe(
            ColumnTransformer(
                [("n", StandardScaler(), list("abcd")), ("c", OneHotEncoder(), ["e"])]
            ),
            Ridge(),
        ),
        {"s1__alpha": ALPHAS, "s1__fit_intercept": [True, False]},
        TABLE,
        SIGNAL,
    ),
    "sums of classes behind steps": (
        pipe(SimpleImputer(), StandardScaler(), GaussianNB()),
        {"s1__with_std": [True, False], "s2__var_smoothing": [1e-9, 1e-2]},
        GAPS,
        LABELS,
    ),
    "frozen": (
        pipe(FrozenEstimator(StandardScaler().fit(X)), LOG),
        {"s1__alpha": ALPHAS, "s1__penalty": ["l1", "l2"]},
        X,
        LABELS,
    ),
    "fewer columns": (
        pipe(IncrementalPCA(2), LOG),
        {"s1__alpha": ALPHAS, "s0__n_components": [2, 3]},
        X,
        LABELS,
    ),
}


def rows(x, at):
    return x.iloc[at] if hasattr(x, "iloc") else x[at]


def lazy(x):
    if hasattr(x, "iloc"):
        dd = pytest.importorskip("dask.dataframe")
        return dd.from_pandas(x.reset_index(drop=True), npartitions=N_BLOCKS, sort=False)
    return da.from_array(x, chunks=(ROWS, *x.shape[1:]))


def by_hand(estimator, x, y, blocks=BLOCKS, weight=None):
    """Return a pipeline after a loop over blocks, and its predictions for each but the first."""
    model, before = Pipeline(clone(estimator).steps), []
    known = {} if y.dtype.kind == "f" else {"classes": np.unique(y)}
    for number, at in enumerate(blocks):
        if number:
            before.append(answers(model, rows(x, at)))
        given = {} if weight is None else {weight: WEIGHT[at]}
        model.partial_fit(rows(x, at), y[at], **known, **given)
    return model, before


def answers(model, x):
    return model.predict_proba(x) if hasattr(model, "predict_proba") else model.predict(x)


def loss_of(y, p):
    return metrics.log_loss(y, p) if p.ndim == 2 else metrics.mean_squared_error(y, p)


def scoring_of(y):
    return "neg_mean_squared_error" if y.dtype.kind == "f" else "neg_log_loss"


def candidates_of(grid):
    """Return the candidates whose score varies smoothly, each as a grid of its own."""
    every = [given for given in ParameterGrid(grid) if "hinge" not in given.values()]
    return [{key: [value] for key, value in given.items()} for given in every]


def check_same(got, want, x, rtol):
    a, b = answers(got, x), answers(want, x)
    np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * np.abs(b).max())


@pytest.mark.parametrize("name", CASES)
def test_progressive_scores_are_those_of_each_pipeline_alone(name):
    estimator, grid, x, y = CASES[name]
    grid = candidates_of(grid)
    search = StreamSearchCV(estimator, grid, scoring=scoring_of(y), shuffle=False)
    search.fit(lazy(x), lazy(y), **({} if y.dtype.kind == "f" else {"classes": np.unique(y)}))
    for k, given in enumerate(search.cv_results_["params"]):
        model, before = by_hand(clone(estimator).set_params(**given), x, y)
        want = [-loss_of(y[at], p) for at, p in zip(BLOCKS[1:], before, strict=True)]
        np.testing.assert_allclose(search.progressive_scores_["score"][k], want, rtol=1e-7)
        if k == search.best_index_:
            assert type(search.best_estimator_) is type(estimator)
            assert len(search.best_estimator_.steps) == len(estimator.steps)
            check_same(search.best_estimator_, model, x, 1e-7)


@pytest.mark.parametrize("name", CASES)
def test_scores_of_folds_are_those_of_each_pipeline_alone(name):
    estimator, grid, x, y = CASES[name]
    grid = candidates_of(grid)[:3]
    search = StreamSearchCV(estimator, grid, scoring=scoring_of(y), shuffle=False, cv=2)
    search.fit(lazy(x), lazy(y))
    for k, given in enumerate(search.cv_results_["params"]):
        model, _ = by_hand(clone(estimator).set_params(**given), x, y, BLOCKS[1::2])
        at = np.concatenate([np.arange(len(x))[block] for block in BLOCKS[::2]])
        want = -loss_of(y[at], answers(model, rows(x, at)))
        assert search.cv_results_["split0_test_score"][k] == pytest.approx(want, rel=1e-7)
    whole, _ = by_hand(clone(estimator).set_params(**search.best_params_), x, y)
    check_same(search.best_estimator_, whole, x, 1e-7)


@pytest.mark.parametrize(
    ("grid", "different", "columns"),
    [
        ({"s2__alpha": ALPHAS}, 1, 1),
        ({"s1__with_std": [True, False], "s2__loss": ["hinge", "log_loss"]}, 1, 0),
        ({"s0__by": [1.0, 2.0], "s2__loss": ["hinge", "log_loss"]}, 2, 0),
        ({"s2__loss": ["hinge", "log_loss", "squared_hinge"]}, 1, 0),
        ({"s2__loss": ["hinge", "log_loss"], "s2__alpha": ALPHAS}, 1, 2),
    ],
)
@pytest.mark.parametrize("n_jobs", [4, 1])
def test_a_common_step_learns_once_from_a_block_and_transforms_it_once(
    grid, different, columns, n_jobs
):
    estimator = pipe(Counting(), StandardScaler(), SGDClassifier(random_state=0))
    search = StreamSearchCV(estimator, grid, n_jobs=n_jobs, shuffle=False)
    CALLS.clear()
    search.fit(lazy(X), lazy(LABELS))
    assert CALLS["partial_fit"] == different * N_BLOCKS
    # to learn from a block, and before that to score it; a row shows how many columns there are
    assert CALLS["transform"] == different * (2 * N_BLOCKS - 1) + columns
    search.set_params(cv=2)
    CALLS.clear()
    search.fit(lazy(X), lazy(LABELS))
    # a model of one fold and that of all blocks learn from a block; later the other one scores it
    assert CALLS["partial_fit"] == different * 2 * N_BLOCKS
    assert CALLS["transform"] == different * 3 * N_BLOCKS + columns


def test_linear_candidates_behind_common_steps_are_columns_of_one_model():
    of = [
        pipe(StandardScaler(), SGDClassifier(alpha=a, loss=loss, random_state=0))
        for a in ALPHAS
        for loss in ("hinge", "log_loss")
    ]
    assert groups._together(of, paths_of(of)) == [[0, 2, 4], [1, 3, 5]]
    different = [*of[:2], of[2].set_params(s0__with_mean=False), of[4].set_params(verbose=True)]
    assert len(groups._together(different, paths_of(different))) == 4
    drawn = [pipe(IncrementalPCA(2), pipe(LOG)), pipe(IncrementalPCA(2), pipe(LOG))]
    assert groups._together(drawn, paths_of(drawn)) == [[0, 1]]


def test_columns_behind_steps_that_add_columns_have_a_whole_matrix_each():
    x, n_features = rng.normal(size=(128, 2)), 400  # 26 matrices of this width, and no more
    y = (x[:, 0] + rng.normal(size=128) > 0).astype(int)
    weights = np.vstack([np.eye(2), rng.normal(size=(n_features - 2, 2))]).T
    wide = FrozenEstimator(Widened(weights).fit(x))
    search = StreamSearchCV(pipe(wide, LOG), {"s1__alpha": np.logspace(-4, 0, 27).tolist()})
    search.set_params(shuffle=False, scoring="neg_log_loss")
    search.fit(da.from_array(x, chunks=(64, 2)), da.from_array(y, chunks=64))
    best = clone(search.estimator).set_params(**search.best_params_)
    model, _ = by_hand(best, x, y, [slice(0, 64), slice(64, 128)])
    check_same(search.best_estimator_, model, x, 1e-7)


class Widened(TransformerMixin, BaseEstimator):
    """A product with a matrix."""

    def __init__(self, weights):
        self.weights = weights

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return X @ self.weights


def test_sparse_columns_behind_common_steps_are_those_of_each_alone():
    text = np.array([f"{'good' if s > 0 else 'bad'} w{i % 7}" for i, s in enumerate(SIGNAL)])
    search = StreamSearchCV(
        pipe(HashingVectorizer(n_features=64), LOG),
        {"s1__alpha": ALPHAS},
        scoring="neg_log_loss",
        shuffle=False,
    )
    blocks = [(text[at].tolist(), LABELS[at]) for at in BLOCKS]
    search.fit(*from_blocks([(pd.Series(t), y) for t, y in blocks]))
    model, _ = by_hand(search.estimator.set_params(**search.best_params_), text, LABELS)
    check_same(search.best_estimator_, model, text, 1e-9)


@pytest.mark.parametrize("kind", [SuccessiveHalvingSearchCV, HyperbandSearchCV])
def test_pipelines_that_drop_out_leave_the_others_as_they_are(kind):
    how = {"factor": 2, "min_resources": 2, "shuffle": False, "random_state": 0}
    x, y = np.tile(X, (2, 1)), np.tile(LABELS, 2)
    search = kind(pipe(Counting(), LOG), {"s1__alpha": np.logspace(-4, 2, 12).tolist()}, **how)
    search.fit(lazy(x), lazy(y))
    assert len(set(search.cv_results_["n_blocks"].tolist())) > 1
    blocks = [slice(k * ROWS, (k + 1) * ROWS) for k in range(2 * N_BLOCKS)]
    best = clone(search.estimator).set_params(**search.best_params_)
    model, _ = by_hand(best, x, y, blocks)
    check_same(search.best_estimator_, model, x, 1e-7)


def test_arguments_of_steps_reach_all_pipelines():
    estimator = pipe(StandardScaler(), LOG)
    search = StreamSearchCV(estimator, {"s1__alpha": ALPHAS}, shuffle=False)
    search.fit(lazy(X), lazy(LABELS), s0__sample_weight=lazy(WEIGHT))
    best = clone(estimator).set_params(**search.best_params_)
    model, _ = by_hand(best, X, LABELS, weight="s0__sample_weight")
    check_same(search.best_estimator_, model, X, 1e-7)


def test_an_error_of_one_pipeline_leaves_those_that_share_its_steps():
    search = StreamSearchCV(pipe(Counting(), LOG), {"s1__alpha": [1e-4, -1.0, 1e-2]})
    search.set_params(shuffle=False, scoring="neg_log_loss")
    with pytest.warns(FitFailedWarning, match="1 of 3 candidates"):
        search.fit(lazy(X), lazy(LABELS))
    assert np.isnan(search.cv_results_["mean_test_score"]).tolist() == [False, True, False]
    model, _ = by_hand(search.estimator.set_params(**search.best_params_), X, LABELS)
    check_same(search.best_estimator_, model, X, 1e-7)
    wrong = np.where(np.arange(len(X)) == ROWS, np.nan, X[:, 0])[:, None] * np.ones(4)
    with pytest.raises(ValueError, match="All 3 candidates ended with an error"):
        search.fit(lazy(wrong), lazy(LABELS))


def test_a_scorer_of_ones_own_gets_the_whole_pipeline_and_the_rows():
    seen = []

    def score(model, x, y):
        seen.append((len(model.steps), model[-1].alpha, x.shape, float(x.mean()) > 900))
        return metrics.accuracy_score(y, model.predict(x))

    for estimator, name in ((pipe(StandardScaler(), LOG), "s1__alpha"), (pipe(LOG), "s0__alpha")):
        seen.clear()
        search = StreamSearchCV(estimator, {name: ALPHAS}, scoring=score, shuffle=False, n_jobs=1)
        search.fit(lazy(X), lazy(LABELS))
        steps = len(estimator.steps)
        assert set(seen) == {(steps, alpha, (ROWS, 4), True) for alpha in ALPHAS}


def test_only_steps_that_learn_the_same_are_shared():
    def shared(a, b):
        a, b = paths_of([pipe(a, StandardScaler(), LOG), pipe(b, StandardScaler(), LOG)])
        return a == b and len(a) == 2

    assert shared(QuantileTransformer(), QuantileTransformer())
    assert shared(Counting(np.arange(3.0)), Counting(np.arange(3.0)))
    assert not shared(Counting(np.arange(3.0)), Counting(np.arange(4.0)))
    assert not shared(Counting(), Counting(2.0))
    for seed, same in ((0, True), (None, False), (np.random.RandomState(0), False)):
        net = MLPClassifier(random_state=seed)
        assert shared(Counting(net), Counting(clone(net))) is same
    assert are_equal(float("nan"), float("nan"))
    assert are_equal({"a": [1, (2, "b")]}, {"a": [1, (2, "b")]})
    assert not are_equal({"a": 1}, {"a": 1.0})
    assert not are_equal(object(), object())
