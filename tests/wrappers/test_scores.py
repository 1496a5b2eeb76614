"""Scores of wrapped estimators: by name, by callable, and what has none."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics
from sklearn import dummy, linear_model, naive_bayes, neighbors
from sklearn.cluster import MiniBatchKMeans
from sklearn.decomposition import IncrementalPCA
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import streamlearn.metrics
from streamlearn.wrappers import Incremental, ParallelPostFit
from tests.containers import dask_array
from tests.wrappers.learners import CLASSES, FAR, ONCE, W, X, Y, wrap

NB = naive_bayes.GaussianNB().fit(FAR, Y)
NOISY = (Y > 0) ^ (np.arange(len(Y)) % 7 == 0)
TWO = naive_bayes.GaussianNB().fit(FAR, NOISY)
LINE = linear_model.LinearRegression().fit(X, X[:, 0] * Y)
NAMES = ("accuracy", "neg_log_loss", "neg_mean_squared_error", "neg_mean_absolute_error", "r2")


@pytest.mark.parametrize("weight", [None, W])
@pytest.mark.parametrize("kind", ["dask", "dask-unknown", "dask-frame"])
@pytest.mark.parametrize("name", [None, *NAMES])
@pytest.mark.filterwarnings("ignore:X has feature names")
def test_scores_by_name_are_scikit_learns_in_one_pass(name, kind, weight):
    regression = name not in (None, "accuracy", "neg_log_loss")
    given, rows = (LINE, X) if regression else (NB, FAR)
    target = rows[:, 0] * Y if regression else Y
    model, reads = ParallelPostFit(given, scoring=name), []
    how = {} if weight is None else {"sample_weight": weight}
    lazily = {} if weight is None else {"sample_weight": wrap(weight, kind)}
    want = sklearn.metrics.check_scoring(given, name)(given, rows, target, **how)
    assert model.score(rows, target, **how) == pytest.approx(want)
    got = model.score(wrap(rows, kind, log=reads), wrap(target, kind), **lazily)
    assert got == pytest.approx(want, rel=1e-9)
    assert sorted(reads) == ONCE


def test_default_scores_of_pipelines_and_regressors_are_theirs():
    pipe = make_pipeline(StandardScaler(), linear_model.LogisticRegression()).fit(FAR, Y)
    assert ParallelPostFit(pipe).score(wrap(FAR), wrap(Y)) == pytest.approx(pipe.score(FAR, Y))
    target = X[:, 0] * Y
    got = ParallelPostFit(LINE).score(wrap(X), wrap(target))
    assert got == pytest.approx(LINE.score(X, target))


SAME = {
    "neighbors": neighbors.KNeighborsClassifier(3),
    "dummy": dummy.DummyClassifier(),
    "dummy values": dummy.DummyRegressor(),
    "search": GridSearchCV(naive_bayes.GaussianNB(), {"var_smoothing": [1e-9, 1e-3]}, cv=2),
}
"""Whose method is not their mixin's, and their score is."""


@pytest.mark.parametrize("name", SAME)
def test_default_scores_that_are_said_anew_are_their_mixins(name):
    given = SAME[name].fit(FAR, Y)
    how = {} if name == "search" else {"sample_weight": W}
    got = ParallelPostFit(given).score(wrap(FAR), wrap(Y), **how)
    assert got == pytest.approx(given.score(FAR, Y, **how), abs=1e-12)


def test_a_search_that_was_told_a_scorer_has_its_own_score():
    search = GridSearchCV(naive_bayes.GaussianNB(), {"var_smoothing": [1e-9]}, scoring="f1_macro")
    with pytest.raises(TypeError, match=r"GridSearchCV\.score does not work"):
        ParallelPostFit(search.fit(FAR, Y)).score(wrap(FAR), wrap(Y))


def test_scorers_that_are_made_score_collections():
    model = ParallelPostFit(NB, scoring=make_scorer(sklearn.metrics.accuracy_score))
    assert model.score(wrap(FAR), wrap(Y)) == pytest.approx(NB.score(FAR, Y))
    model.set_params(scoring=make_scorer(streamlearn.metrics.accuracy_score))
    assert model.score(wrap(FAR), wrap(Y)) == pytest.approx(NB.score(FAR, Y))
    model.set_params(scoring=make_scorer(sklearn.metrics.log_loss, response_method="predict_proba"))
    want = sklearn.metrics.log_loss(Y, NB.predict_proba(FAR))
    assert model.score(wrap(FAR), wrap(Y)) == pytest.approx(want)
    known = model.set_params(
        scoring=make_scorer(
            sklearn.metrics.log_loss, response_method="predict_proba", labels=CLASSES
        )
    )
    assert known.score(wrap(FAR), wrap(Y)) == pytest.approx(want)


def test_log_loss_of_rows_that_lack_a_class_counts_all_classes():
    at = Y != 1
    model = ParallelPostFit(NB, scoring="neg_log_loss")
    want = -sklearn.metrics.log_loss(Y[at], NB.predict_proba(FAR[at]), labels=CLASSES)
    chunks = (int(at.sum()),)
    got = model.score(dask_array(FAR[at], chunks), dask_array(Y[at], chunks))
    assert got == pytest.approx(want)


def test_a_callable_gets_the_wrapper_and_the_collections():
    seen = []

    def scorer(estimator, rows, target):
        seen.append((estimator, rows, target))
        return float((estimator.predict(rows) == target).mean())

    model, rows, target = ParallelPostFit(NB, scoring=scorer), wrap(FAR), wrap(Y)
    assert model.score(rows, target) == pytest.approx(NB.score(FAR, Y))
    assert seen == [(model, rows, target)]
    assert model.score(FAR, Y) == pytest.approx(NB.score(FAR, Y))


@pytest.mark.parametrize("scoring", ["roc_auc_ovr", "f1_macro", "balanced_accuracy"])
def test_a_score_of_counts_is_that_of_all_rows(scoring):
    want = sklearn.metrics.get_scorer(scoring)(NB, FAR, Y)
    assert ParallelPostFit(NB, scoring=scoring).score(wrap(FAR), wrap(Y)) == pytest.approx(want)


@pytest.mark.parametrize("scoring", ["positive_likelihood_ratio", "neg_negative_likelihood_ratio"])
def test_likelihood_ratios_are_scikit_learns(scoring):
    want = sklearn.metrics.get_scorer(scoring)(TWO, FAR, NOISY)
    got = ParallelPostFit(TWO, scoring=scoring).score(wrap(FAR), wrap(NOISY))
    assert got == pytest.approx(want)


def test_a_score_that_is_no_sum_over_blocks_is_refused():
    scoring = make_scorer(sklearn.metrics.consensus_score)
    with pytest.raises(ValueError, match=r"does not work over a dask collection.*neg_log_loss"):
        ParallelPostFit(NB, scoring=scoring).score(wrap(FAR), wrap(Y))


def test_what_cannot_score_says_why():
    for metric in (sklearn.metrics.accuracy_score, streamlearn.metrics.accuracy_score):
        with pytest.raises(ValueError, match="metric"):
            Incremental(naive_bayes.GaussianNB(), scoring=metric).fit(wrap(X), wrap(Y))
    with pytest.raises(ValueError, match="'scoring' parameter of Incremental"):
        Incremental(naive_bayes.GaussianNB(), scoring="accurate").fit(wrap(X), wrap(Y))
    means = Incremental(MiniBatchKMeans(3, n_init=1)).fit(wrap(X))
    assert means.score(X) < 0
    with pytest.raises(TypeError, match=r"MiniBatchKMeans\.score does not work"):
        means.score(wrap(X), None)
    with pytest.raises(AttributeError, match="predict_proba"):
        ParallelPostFit(LINE, scoring="neg_log_loss").score(wrap(X), wrap(Y))
    for name in (None, "accuracy", "neg_log_loss"):
        with pytest.raises(ValueError, match="target y, which is None"):
            ParallelPostFit(NB, scoring=name).score(wrap(FAR))


def test_transformers_without_a_score_can_be_wrapped():
    model = Incremental(IncrementalPCA(2), shuffle=False).fit(wrap(FAR))
    assert not hasattr(model, "score")
    assert model.transform(wrap(FAR)).shape == (len(FAR), 2)


@pytest.mark.parametrize("lazy", [False, True])
def test_a_grid_search_over_it_finds_the_better_parameter(lazy):
    model = Incremental(linear_model.SGDClassifier(random_state=0), random_state=0, max_iter=3)
    grid = {"estimator__alpha": [1e-4, 1e3], "shuffle": [False]}
    search = GridSearchCV(model, grid, cv=KFold(4), error_score="raise")  # folds of whole blocks
    chunks = (25,) * 8
    data = (dask_array(X, chunks), dask_array(Y, chunks)) if lazy else (X, Y)
    search.fit(*data, classes=CLASSES)
    assert search.best_params_ == {"estimator__alpha": 1e-4, "shuffle": False}
    assert search.best_estimator_.estimator.alpha == 1e-4
    assert search.score(*data) == pytest.approx(search.score(X, Y))
    assert search.predict(data[0]).shape == Y.shape
