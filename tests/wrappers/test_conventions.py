"""The wrappers keep scikit-learn's conventions of meta-estimators, and work with pipelines."""

from __future__ import annotations

import pickle
from typing import Any

import dask
import numpy as np
import pytest
import sklearn
from sklearn import linear_model, pipeline, preprocessing
from sklearn.base import clone, is_classifier, is_clusterer, is_regressor
from sklearn.cluster import MiniBatchKMeans
from sklearn.compose import make_column_transformer
from sklearn.decomposition import IncrementalPCA
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.utils import estimator_html_repr, get_tags

from streamlearn import linear_model as ours
from streamlearn import preprocessing as our_preprocessing
from streamlearn.pipeline import make_pipeline
from streamlearn.wrappers import Incremental, ParallelPostFit
from tests.containers import dask_array, dask_frame, frame
from tests.wrappers.learners import (
    BLOCKS,
    CLASSES,
    FAR,
    LEARNERS,
    Bare,
    Mean,
    W,
    X,
    Y,
    assert_same,
    by_hand,
    wrap,
)


@pytest.mark.parametrize("wrapper", [Incremental, ParallelPostFit])
def test_parameters_of_the_estimator_are_nested(wrapper):
    model = wrapper(linear_model.SGDClassifier(alpha=0.5), scoring="accuracy")
    assert model.get_params()["estimator__alpha"] == 0.5
    model.set_params(estimator__alpha=0.25, scoring="r2")
    assert model.estimator.alpha == 0.25
    assert model.scoring == "r2"
    copy = clone(model)
    assert copy.estimator is not model.estimator
    assert copy.get_params()["estimator__alpha"] == 0.25
    with pytest.raises(ValueError, match="Invalid parameter 'shuffle_blocks'"):
        model.set_params(shuffle_blocks=False)


def test_a_pickle_goes_on_learning_and_answers_the_same(learner):
    estimator, rows, target = learner
    model = Incremental(estimator, shuffle=False).fit(wrap(rows), wrap(target))
    copy = pickle.loads(pickle.dumps(model))
    assert_same(copy.estimator_, model.estimator_)
    for each in (model, copy):
        each.partial_fit(wrap(rows), wrap(target))
    assert_same(copy.estimator_, model.estimator_)


@pytest.mark.parametrize("wrapper", [Incremental, ParallelPostFit])
def test_tags_are_the_estimators(wrapper):
    for name, kind in (
        ("SGDClassifier", is_classifier),
        ("SGDRegressor", is_regressor),
        ("MiniBatchKMeans", is_clusterer),
    ):
        estimator = LEARNERS[name][0]
        assert kind(wrapper(estimator))
        assert get_tags(wrapper(estimator)) == get_tags(estimator)
    tags = get_tags(wrapper(LEARNERS["StandardScaler"][0]))
    assert tags.transformer_tags is not None
    assert tags.input_tags.allow_nan
    assert not tags.target_tags.required
    assert get_tags(wrapper(Bare())).estimator_type is None


@pytest.mark.parametrize("wrapper", [Incremental, ParallelPostFit])
def test_html_shows_the_estimator(wrapper):
    model = wrapper(linear_model.SGDClassifier(alpha=0.25))
    for each in (model, model.fit(X, Y)):
        html = estimator_html_repr(each)
        assert wrapper.__name__ in html
        assert "SGDClassifier" in html
    assert repr(model) == f"{wrapper.__name__}(estimator=SGDClassifier(alpha=0.25))"


def test_fitted_attributes_are_read_on_the_wrapper(learner):
    estimator, rows, target = learner
    model = Incremental(estimator)
    for name in ("coef_", "n_features_in_", "estimator_"):
        assert not hasattr(model, name)
    model.fit(frame(rows), target)
    names = [n for n in vars(model.estimator_) if n.endswith("_") and not n.startswith("_")]
    assert "n_features_in_" in names
    for name in set(names) - {"n_iter_"}:
        assert getattr(model, name) is getattr(model.estimator_, name)
    assert not hasattr(model, "alpha")
    assert not hasattr(model, "_expanded_class_weight")


@pytest.fixture
def _routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.mark.usefixtures("_routing")
def test_metadata_is_routed_as_it_is_asked_for():
    given = linear_model.SGDClassifier(random_state=0)
    model = Incremental(given, shuffle=False)
    with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
        model.fit(wrap(X), wrap(Y), sample_weight=W)
    asks = (
        clone(given)
        .set_partial_fit_request(sample_weight=True)
        .set_score_request(sample_weight="importance")
    )
    model = Incremental(asks, shuffle=False).fit(wrap(X), wrap(Y), sample_weight=W, classes=CLASSES)
    assert_same(model.estimator_, by_hand(given, X, Y, sample_weight=W))
    got = model.score(wrap(X), wrap(Y), importance=wrap(W))
    assert got == pytest.approx(model.estimator_.score(X, Y, sample_weight=W))
    assert got == pytest.approx(model.score(X, Y, importance=W))
    with pytest.raises(TypeError, match=r"unexpected argument.*offset"):
        model.partial_fit(X, Y, offset=1)
    named = clone(given).set_partial_fit_request(sample_weight="heft")
    model = Incremental(named, shuffle=False).partial_fit(wrap(X), wrap(Y), classes=CLASSES, heft=W)
    assert_same(model.estimator_, by_hand(given, X, Y, sample_weight=W))
    logistic = linear_model.LogisticRegression().set_fit_request(sample_weight=True)
    fitted = ParallelPostFit(logistic).fit(X, Y, sample_weight=W)
    want = linear_model.LogisticRegression().fit(X, Y, sample_weight=W)
    np.testing.assert_array_equal(fitted.coef_, want.coef_)


@pytest.mark.usefixtures("_routing")
def test_metadata_of_a_scorer_is_routed_to_it():
    scorer = sklearn.metrics.get_scorer("accuracy").set_score_request(sample_weight=True)
    model = Incremental(linear_model.SGDClassifier(random_state=0), scoring=scorer).fit(X, Y)
    want = model.estimator_.score(X, Y, sample_weight=W)
    assert model.score(X, Y, sample_weight=W) == pytest.approx(want)
    assert model.score(wrap(X), wrap(Y), sample_weight=wrap(W)) == pytest.approx(want)


# Pipelines


@pytest.mark.parametrize("last", [linear_model.SGDClassifier(random_state=0), None])
def test_as_a_step_of_a_pipeline_it_learns_in_the_one_read(last):
    """Between our scaler and a learner, and last, in memory and in blocks."""
    steps = [our_preprocessing.StandardScaler(), Incremental(IncrementalPCA(2))]
    plain = [our_preprocessing.StandardScaler(), IncrementalPCA(2)]
    if last is not None:
        steps.append(Incremental(clone(last)))
        plain.append(clone(last))
    reads: list = []
    pipe, want = make_pipeline(*steps), make_pipeline(*plain)
    pipe.fit(wrap(FAR, log=reads), wrap(Y))
    want.fit(wrap(FAR), wrap(Y))
    assert sorted(reads) == [0, 1, 2, 3]
    assert_same(pipe[1].estimator_, want[1])
    if last is not None:
        assert_same(pipe[2].estimator_, want[2])
        assert pipe.score(wrap(FAR), wrap(Y)) == pytest.approx(want.score(FAR, Y))
    out = (pipe.transform if last is None else pipe.predict)(wrap(FAR))
    np.testing.assert_allclose(
        out.compute(), (want.transform if last is None else want.predict)(FAR), rtol=1e-9
    )


def test_in_scikit_learns_pipeline_it_learns_in_a_pass_a_step():
    steps = [
        ("scale", Incremental(preprocessing.StandardScaler(), shuffle=False)),
        ("learn", Incremental(linear_model.SGDClassifier(random_state=0), shuffle=False)),
    ]
    pipe = pipeline.Pipeline(steps)
    pipe.fit(wrap(FAR), wrap(Y), learn__classes=CLASSES, learn__sample_weight=W)
    scaler = by_hand(preprocessing.StandardScaler(), FAR)
    want = by_hand(
        linear_model.SGDClassifier(random_state=0), scaler.transform(FAR), Y, sample_weight=W
    )
    assert_same(pipe[1].estimator_, want)
    assert pipe.score(wrap(FAR), wrap(Y)) == pytest.approx(want.score(scaler.transform(FAR), Y))


def test_after_our_scaler_in_scikit_learns_pipeline_it_gets_scaled_blocks():
    """Whose transformed rows are remembered and not built: it gets them as blocks all the same."""
    pipe = pipeline.make_pipeline(
        our_preprocessing.StandardScaler(),
        Incremental(linear_model.SGDClassifier(random_state=0), shuffle=False),
    ).fit(wrap(FAR), wrap(Y))
    rows = pipe[0].transform(FAR)
    want = by_hand(linear_model.SGDClassifier(random_state=0), rows, Y)
    np.testing.assert_allclose(pipe[1].coef_, want.coef_, rtol=1e-9)
    np.testing.assert_array_equal(pipe.predict(wrap(FAR)).compute(), want.predict(rows))
    assert pipe.score(wrap(FAR), wrap(Y)) == pytest.approx(want.score(rows, Y))


def test_around_a_pipeline_it_is_the_loop_over_blocks():
    """Ours has partial_fit, and its steps' arguments are cut to blocks too."""

    def made() -> Any:
        return make_pipeline(
            our_preprocessing.StandardScaler(), ours.SGDClassifier(shuffle=False, random_state=0)
        )

    model = Incremental(made(), shuffle=False)
    model.fit(wrap(FAR), wrap(Y), sgdclassifier__sample_weight=dask_array(W))
    want = made()
    for at in BLOCKS:
        want.partial_fit(FAR[at], Y[at], classes=CLASSES, sgdclassifier__sample_weight=W[at])
    np.testing.assert_array_equal(model.estimator_[-1].coef_, want[-1].coef_)
    np.testing.assert_array_equal(model.predict(wrap(FAR)).compute(), want.predict(FAR))
    assert model.score(wrap(FAR), wrap(Y)) == pytest.approx(want.score(FAR, Y))


def test_around_another_wrapper_it_is_the_loop_over_blocks():
    model = Incremental(Incremental(MiniBatchKMeans(3, random_state=0, n_init=1)), shuffle=False)
    model.fit(wrap(FAR))
    want = by_hand(MiniBatchKMeans(3, random_state=0, n_init=1), FAR)
    np.testing.assert_array_equal(model.cluster_centers_, want.cluster_centers_)
    np.testing.assert_array_equal(ParallelPostFit(model).predict(wrap(FAR)), want.predict(FAR))


def test_arguments_that_are_none_are_not_given():
    model = Incremental(Mean(), shuffle=False).fit(wrap(X), sample_weight=None, gain=None)
    assert [gain for *_, gain in model.calls_] == [1.0] * len(BLOCKS)


@pytest.mark.parametrize("scheduler", ["sync", "threads"])
def test_scikit_learns_configuration_holds_in_every_task(scheduler):
    """It is a thread's own, and blocks are learned from, scored and answered for in others."""
    by_name = make_column_transformer((preprocessing.MaxAbsScaler(), ["f0", "f1"]))
    pipe = make_pipeline(preprocessing.MinMaxScaler(), by_name, linear_model.SGDClassifier())
    pipe[-2].set_params(verbose_feature_names_out=False)
    for last in (pipe, clone(pipe).set_params(sgdclassifier=linear_model.SGDRegressor())):
        model = Incremental(last, patience=1, tol=None, validation_fraction=0.3, random_state=0)
        with dask.config.set(scheduler=scheduler):
            with sklearn.config_context(transform_output="pandas"):
                model.fit(dask_frame(X), dask_frame(Y))
                want, out = model.predict(frame(X)), model.predict(dask_frame(X))
            np.testing.assert_allclose(out.compute(), want, rtol=1e-9)
        assert list(model.estimator_[-1].feature_names_in_) == ["f0", "f1"]
