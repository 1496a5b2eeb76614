"""Scores by cross-validation: scikit-learn's on the same splits, in one read of each part."""

from __future__ import annotations

import inspect
from collections import Counter
from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context, linear_model
from sklearn import model_selection as theirs
from sklearn.exceptions import FitFailedWarning
from sklearn.externals._numpydoc import docscrape
from sklearn.metrics import coverage_error, make_scorer

from streamlearn import model_selection
from streamlearn.cluster import MiniBatchKMeans
from streamlearn.linear_model import SGDClassifier, SGDRegressor
from streamlearn.model_selection import (
    KFold,
    ShuffleSplit,
    StratifiedKFold,
    TimeSeriesSplit,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
    validation_curve,
)
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler
from tests.containers import INDEX, N_ROWS, dask_array, dask_frame

RNG = np.random.default_rng(0)
X = RNG.normal(size=(N_ROWS, 2))
TARGET = X @ [1.0, 2.0] + 0.1 * RNG.normal(size=N_ROWS)
LABELS = np.where(TARGET > 0.5, "yes", "no").astype(object)
WEIGHT = RNG.uniform(0.5, 2.0, N_ROWS)
KINDS = {
    "known": dask_array,
    "unknown": partial(dask_array, known=False),
    "frame": dask_frame,
}
REGRESSIONS = ["r2", "neg_mean_squared_error", "neg_mean_absolute_error"]
CLASSIFICATIONS = ["accuracy", "neg_log_loss"]


def splits(kind, cv, y):
    """Return the indices of the rows that a splitter deals, as parts of a collection of numbers."""
    numbers, labels = KINDS[kind](np.arange(N_ROWS)), KINDS[kind](y)
    pairs = cv.split_collections(numbers, labels)
    return [[np.asarray(rows.compute(scheduler="sync")) for rows, _ in pair] for pair in pairs]


def same_scores(found, expected):
    assert found.keys() == expected.keys()
    for name in found:
        assert found[name].shape == expected[name].shape
        if not name.endswith("_time"):
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "cv", [KFold(2), KFold(5), KFold(2, shuffle=True, random_state=0)], ids=["2", "5", "shuffled"]
)
def test_scores_of_regressors_are_those_of_scikit_learn_on_the_same_splits(kind, cv):
    lazy, target, weight = map(KINDS[kind], (X, TARGET, WEIGHT))
    model, how = linear_model.Ridge(), {"scoring": REGRESSIONS, "return_train_score": True}
    found = cross_validate(model, lazy, target, cv=cv, params={"sample_weight": weight}, **how)
    expected = theirs.cross_validate(
        model, X, TARGET, cv=splits(kind, cv, TARGET), params={"sample_weight": WEIGHT}, **how
    )
    same_scores(found, expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cv", [KFold(2), StratifiedKFold(3)], ids=["blocks", "rows"])
@pytest.mark.filterwarnings("ignore:Dask currently has limited support")
def test_scores_of_classifiers_are_those_of_scikit_learn_on_the_same_splits(kind, cv):
    lazy, labels = map(KINDS[kind], (X, LABELS))
    model = linear_model.LogisticRegression()
    found = cross_validate(model, lazy, labels, cv=cv, scoring=CLASSIFICATIONS)
    expected = theirs.cross_validate(
        model, X, LABELS, cv=splits(kind, cv, LABELS), scoring=CLASSIFICATIONS
    )
    same_scores(found, expected)
    np.testing.assert_allclose(cross_val_score(model, lazy, labels, cv=cv), found["test_accuracy"])


@pytest.mark.parametrize("kind", KINDS)
def test_a_pipeline_of_ours_is_fitted_and_scored(kind):
    lazy, labels, weight = map(KINDS[kind], (X * [1e6, 1.0] + 1e8, LABELS, WEIGHT))
    model = make_pipeline(StandardScaler(), SGDClassifier(loss="log_loss", random_state=0))
    params = {"sgdclassifier__sample_weight": weight}
    found = cross_validate(
        model, lazy, labels, cv=2, params=params, scoring=CLASSIFICATIONS, return_estimator=True
    )
    assert found["test_accuracy"].min() > 0.8
    assert [len(one.classes_) for one in found["estimator"]] == [2, 2]
    assert not hasattr(model[-1], "coef_")


@pytest.mark.parametrize("make", [dask_array, dask_frame])
def test_a_fit_reads_its_blocks_and_all_scores_read_the_others_once(make):
    log: list[int] = []
    both = make(np.column_stack([X, TARGET]), log=log)
    rows, target = (
        (both[["f0", "f1"]], both["f2"]) if make is dask_frame else (both[:, :2], both[:, 2])
    )
    cross_validate(SGDRegressor(random_state=0), rows, target, cv=KFold(2), scoring=REGRESSIONS)
    read = Counter(log)
    assert {block: read[block] for block in (0, 2, 3)} == {0: 2, 2: 2, 3: 2}


def test_a_scorer_may_be_a_function_and_rows_may_have_no_target():
    lazy = dask_array(X)
    model = MiniBatchKMeans(2, random_state=0)
    own = cross_validate(model, lazy, cv=2)["test_score"]
    given = cross_validate(model, lazy, cv=2, scoring={"it": lambda m, X, y=None: m.score(X)})
    np.testing.assert_allclose(given["test_it"], own)


def test_labels_that_one_fold_lacks_are_scored():
    """The first fold learns without one label, and only this fold is tested with it."""
    labels, cv = np.where(np.arange(N_ROWS) < 60, "rare", LABELS.astype(str)), KFold(3)
    pairs = splits("known", cv, labels)
    assert [{"rare"} <= {*labels[rows]} for pair in pairs for rows in pair] == [
        False,
        True,
        True,
        False,
        True,
        False,
    ]
    model = linear_model.LogisticRegression()
    scores = cross_val_score(model, dask_array(X), dask_array(labels), cv=cv)
    np.testing.assert_allclose(scores, theirs.cross_val_score(model, X, labels, cv=pairs))


def test_a_fit_that_fails_has_the_error_score():
    class Picky(SGDRegressor):
        def fit(self, X, y):
            if len(X) == 91:
                raise ValueError("no such rows")
            return super().fit(X, y)

    lazy, target = dask_array(X), dask_array(TARGET)
    with pytest.warns(FitFailedWarning, match=r"1 fits failed out of a total of 2.*no such rows"):
        found = cross_val_score(Picky(random_state=0), lazy, target, cv=KFold(2), error_score=-1.0)
    assert (found == -1).tolist() == [False, True]
    with pytest.raises(ValueError, match="no such rows"):
        cross_val_score(Picky(), lazy, target, cv=KFold(2), error_score="raise")
    with pytest.raises(ValueError, match="All the 2 fits failed"):
        cross_val_score(SGDRegressor(alpha=-1.0), lazy, target, cv=KFold(2))


def test_a_part_without_rows_is_named():
    rows, target = (dask_array(x, (70, 91, 0, 39), known=False) for x in (X, TARGET))
    with pytest.raises(ValueError, match="so there is no score") as error:
        cross_val_score(SGDRegressor(random_state=0), rows, target, cv=KFold(4))
    assert error.value.__notes__ == ["In the test score of fit 2 of the splits."]


def test_a_scorer_without_a_form_for_collections_is_refused_before_a_fit():
    log: list[int] = []
    with pytest.raises(ValueError, match="does not work over a dask collection"):
        cross_val_score(
            SGDRegressor(),
            dask_array(X, log=log),
            dask_array(TARGET),
            scoring=make_scorer(coverage_error),
        )
    assert log == []


def test_rows_in_memory_go_to_scikit_learn():
    model, how = linear_model.Ridge(), {"cv": 3, "n_jobs": 1}
    found = cross_validate(model, X, TARGET, return_indices=True, **how)
    expected = theirs.cross_validate(model, X, TARGET, return_indices=True, **how)
    np.testing.assert_array_equal(found["test_score"], expected["test_score"])
    assert found.keys() == expected.keys()
    np.testing.assert_array_equal(
        cross_val_predict(model, X, TARGET, **how),
        theirs.cross_val_predict(model, X, TARGET, **how),
    )
    curve = {"param_name": "alpha", "param_range": [1.0, 2.0], **how}
    for ours, known in zip(
        (*validation_curve(model, X, TARGET, **curve), *learning_curve(model, X, TARGET, **how)),
        (
            *theirs.validation_curve(model, X, TARGET, **curve),
            *theirs.learning_curve(model, X, TARGET, **how),
        ),
        strict=True,
    ):
        np.testing.assert_array_equal(ours, known)


# Predictions


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cv", [KFold(2), KFold(5, shuffle=True, random_state=0)], ids=["2", "5"])
def test_predictions_are_those_of_scikit_learn_on_the_same_splits(kind, cv):
    lazy, target = map(KINDS[kind], (X, TARGET))
    found = cross_val_predict(linear_model.Ridge(), lazy, target, cv=cv)
    expected = theirs.cross_val_predict(
        linear_model.Ridge(), X, TARGET, cv=splits(kind, cv, TARGET)
    )
    made = found.compute(scheduler="sync")
    np.testing.assert_allclose(made, expected, rtol=1e-9)
    if kind == "frame":
        pd.testing.assert_index_equal(made.index, pd.Index(INDEX))
    elif kind == "known":
        assert found.chunks == target.chunks


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
@pytest.mark.filterwarnings("ignore:Dask currently has limited support")
def test_predictions_of_classifiers_are_those_of_scikit_learn(kind, method):
    lazy, labels = map(KINDS[kind], (X, LABELS))
    model, cv = linear_model.LogisticRegression(), StratifiedKFold(3)
    found = cross_val_predict(model, lazy, labels, cv=cv, method=method).compute(scheduler="sync")
    expected = theirs.cross_val_predict(
        model, X, LABELS, cv=splits(kind, cv, LABELS), method=method
    )
    if method == "predict":
        assert found.tolist() == expected.tolist()
    else:
        np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_predictions_of_other_classes_are_refused_and_the_advice_works():
    labels = np.where(np.arange(N_ROWS) < 70, np.arange(N_ROWS) % 3, np.arange(N_ROWS) % 2)
    lazy, y = dask_array(X), dask_array(labels)
    model = SGDClassifier(loss="log_loss", random_state=0)
    with pytest.raises(ValueError, match=r"The folds have other classes.*\[0, 1\].*\[0, 1, 2\]"):
        cross_val_predict(model, lazy, y, cv=KFold(3), method="predict_proba")
    for advised in (
        {"estimator": model, "cv": StratifiedKFold(3)},
        {"estimator": model.set_params(classes=[0, 1, 2]), "cv": KFold(3)},
    ):
        found = cross_val_predict(X=lazy, y=y, method="predict_proba", **advised)
        assert found.compute().shape == (N_ROWS, 3)


# Curves


@pytest.mark.parametrize("kind", KINDS)
def test_curves_are_those_of_scikit_learn_on_the_same_splits(kind):
    lazy, target = map(KINDS[kind], (X, TARGET))
    model, cv = linear_model.Ridge(), KFold(2)
    known = splits(kind, cv, TARGET)
    how = {"param_name": "alpha", "param_range": [1.0, 1e3]}
    found = validation_curve(model, lazy, target, cv=cv, **how)
    expected = theirs.validation_curve(model, X, TARGET, cv=known, **how)
    np.testing.assert_allclose(found, expected, rtol=1e-9)

    sizes, train, test, *times = learning_curve(
        model, lazy, target, cv=cv, train_sizes=[0.5, 1.0], return_times=True
    )
    assert all(each.shape == (2, 2) for each in (train, test, *times))
    whole = theirs.cross_validate(model, X, TARGET, cv=known, return_train_score=True)
    np.testing.assert_allclose(train[1], whole["train_score"], rtol=1e-9)
    np.testing.assert_allclose(test[1], whole["test_score"], rtol=1e-9)
    assert sizes[1] == N_ROWS / 2
    if kind == "known":
        assert sizes[0] == N_ROWS / 4
        halves = [(some[: len(some) // 2], other) for some, other in known]
        first = theirs.cross_validate(model, X, TARGET, cv=halves)["test_score"]
        np.testing.assert_allclose(test[0], first, rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_a_learning_curve_may_be_drawn(kind):
    lazy, target = map(KINDS[kind], (X, TARGET))
    how = {"train_sizes": [0.25, 0.75], "cv": KFold(2), "shuffle": True, "random_state": 0}
    sizes, *scores = learning_curve(linear_model.Ridge(), lazy, target, **how)
    assert abs(sizes - [25, 75]).max() <= 3
    again = learning_curve(linear_model.Ridge(), lazy, target, **how)[1:]
    np.testing.assert_array_equal(scores, again)


def test_scores_on_a_cluster_are_those_of_threads(cluster):
    for kind, make in KINDS.items():
        given = make(X), make(TARGET)
        for cv in (KFold(2), ShuffleSplit(2, random_state=0)):
            found = cross_val_score(linear_model.Ridge(), *given, cv=cv)
            known = splits(kind, cv, TARGET)
            expected = theirs.cross_val_score(linear_model.Ridge(), X, TARGET, cv=known)
            np.testing.assert_allclose(found, expected, rtol=1e-9)
        found = cross_val_predict(linear_model.Ridge(), *given, cv=KFold(2)).persist().compute()
        assert abs(found - TARGET).max() < 0.5


@pytest.mark.parametrize("name", model_selection.__all__)
def test_the_documented_parameters_are_those_of_the_signature(name):
    thing = getattr(model_selection, name)
    said = docscrape.FunctionDoc(thing)["Parameters"]
    names = [each.lstrip("*") for parameter in said for each in parameter.name.split(", ")]
    assert sorted(names) == sorted(inspect.signature(thing).parameters)


# Bad input


@pytest.mark.complete
@pytest.mark.parametrize(
    ("function", "how", "error", "says"),
    [
        (cross_validate, {"groups": np.zeros(N_ROWS)}, ValueError, "groups needs rows in memory"),
        (cross_validate, {"n_jobs": 2}, ValueError, "n_jobs=2 needs rows in memory. dask runs"),
        (cross_validate, {"verbose": 1}, ValueError, "verbose=1 needs rows in memory"),
        (cross_validate, {"return_indices": True}, ValueError, "return_indices needs rows"),
        (cross_validate, {"scoring": "nothing"}, ValueError, "nothing"),
        (cross_validate, {"scoring": []}, ValueError, "has no scorer"),
        (
            cross_validate,
            {"scoring": make_scorer(coverage_error)},
            ValueError,
            "does not work over",
        ),
        (cross_validate, {"error_score": "nan"}, ValueError, "error_score must be"),
        (cross_validate, {"cv": theirs.GroupKFold(2)}, TypeError, "does not work over collections"),
        (cross_validate, {"cv": KFold(N_ROWS + 1)}, ValueError, "n_splits=201 greater than"),
        (cross_validate, {"params": {"sample_weight": WEIGHT}}, TypeError, "is in memory.*from_ar"),
        (cross_val_score, {"scoring": ["r2"]}, ValueError, "is not one scorer.*cross_validate"),
        (cross_val_predict, {"cv": TimeSeriesSplit(2)}, ValueError, "only works for partitions"),
        (learning_curve, {"train_sizes": [10]}, ValueError, r"shares in \(0, 1\], got \[10\]"),
        (learning_curve, {"exploit_incremental_learning": True}, ValueError, "needs rows in mem"),
    ],
)
def test_bad_input_is_refused_in_words(function, how, error, says):
    with pytest.raises(error, match=says):
        function(SGDRegressor(random_state=0), dask_array(X), dask_array(TARGET), **how)


def test_routing_of_metadata_is_refused():
    with config_context(enable_metadata_routing=True), pytest.raises(ValueError, match="routing"):
        cross_validate(SGDRegressor(), dask_array(X), dask_array(TARGET))
