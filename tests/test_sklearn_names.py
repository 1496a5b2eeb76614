"""Scikit-learn's private names are there, and do what we use them for."""

from __future__ import annotations

from contextlib import nullcontext
from numbers import Integral, Real
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.optimize import minimize
from sklearn import config_context, metrics, preprocessing
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.callback import CallbackSupportMixin
from sklearn.callback.tests._utils import RecordingCallback
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression, SGDClassifier, SGDRegressor
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping

from streamlearn import _sklearn as door

FRAME = pd.DataFrame({"a": [1.0, 2.0, 4.0], "b": [3.0, 5.0, 0.0]})


class Constrained(BaseEstimator):
    """An estimator with a parameter, which may have some values."""

    def __init__(self, a=None, constraint=None):
        self.a = a
        self.constraint = constraint

    @property
    def _parameter_constraints(self):
        return {"a": [self.constraint]}

    def fit(self):
        self._validate_params()
        return "fitted"


@pytest.mark.parametrize("kind", [OneHotEncoder, OrdinalEncoder])
def test_encoders_call_the_private_methods_that_ours_replace(kind, monkeypatch):
    names, called = {"_check_X", "_fit_infrequent_category_mapping", "_transform"}, set()

    def noted(name):
        inner = getattr(kind, name)

        def method(self, *args, **how):
            called.add(name)
            return inner(self, *args, **how)

        return method

    for name in names:
        monkeypatch.setattr(kind, name, noted(name))
    kind(min_frequency=2).fit([["a"], ["b"], ["a"]]).transform([["a"]])
    assert called == names


def test_every_name_is_tested():
    source = Path(__file__).read_text()
    assert [name for name in door.__all__ if f"door.{name}" not in source] == []


@pytest.mark.parametrize(
    ("constraint", "good", "bad"),
    [
        (door.HasMethods("fit"), StandardScaler(), 1),
        (door.Interval(Integral, 1, None, closed="left"), 1, 0),
        (door.Interval(Real, None, None, closed="neither"), -1.0, np.inf),
        (door.Options(Real, {np.inf}), np.inf, 1.0),
        (door.StrOptions({"auto"}), "auto", "other"),
    ],
)
def test_constraints(constraint, good, bad):
    assert Constrained(good, constraint).fit() == "fitted"
    with pytest.raises(ValueError, match="The 'a' parameter of Constrained must be"):
        Constrained(bad, constraint).fit()


@pytest.mark.parametrize("x", [[1, 2, 3], np.array([1, 2, 3]), pd.Series([1, 2, 3], list("abc"))])
def test_safe_indexing(x):
    taken = door._safe_indexing(x, np.array([2, 0]))
    assert type(taken) is type(x)
    assert list(taken) == [3, 1]


def test_features_are_set_and_checked():
    model = StandardScaler()
    door._check_feature_names(model, FRAME, reset=True)
    door._check_n_features(model, FRAME, reset=True)
    assert list(model.feature_names_in_) == ["a", "b"]
    assert model.n_features_in_ == 2
    with pytest.raises(ValueError, match="feature names should match"):
        door._check_feature_names(model, FRAME[["b", "a"]], reset=False)
    with pytest.raises(ValueError, match="X has 1 features, but StandardScaler is expecting 2"):
        door._check_n_features(model, FRAME[["a"]], reset=False)


def test_check_sample_weight():
    X, weight = np.ones((2, 1), np.float32), door._check_sample_weight
    assert weight([1, 2], X, dtype=X.dtype).dtype == np.float32
    assert not weight([0, 0], X, dtype=X.dtype, allow_all_zero_weights=True).any()
    with pytest.raises(ValueError, match="non-zero"):
        weight([0, 0], X, dtype=X.dtype, allow_all_zero_weights=False)


def test_get_feature_names():
    assert list(door._get_feature_names(FRAME)) == ["a", "b"]
    assert door._get_feature_names(FRAME.to_numpy()) is None


def test_output_that_is_asked_for():
    model = StandardScaler().fit(FRAME)
    assert door._get_output_config("transform", model)["dense"] == "default"
    model.set_output(transform="pandas")
    assert door._get_output_config("transform", model)["dense"] == "pandas"
    out = door._wrap_data_with_container("transform", np.zeros((3, 2)), FRAME, model)
    assert list(out.columns) == ["a", "b"]


@pytest.mark.parametrize(("interface", "matrix"), [("spmatrix", True), ("sparray", False)])
def test_align_api_if_sparse(interface, matrix):
    with config_context(sparse_interface=interface):
        out = door._align_api_if_sparse(sparse.csr_array(np.eye(2)))
    assert sparse.isspmatrix(out) is matrix


def test_print_elapsed_time(capsys):
    with door._print_elapsed_time("Here", None):
        pass
    assert capsys.readouterr().out == ""
    with door._print_elapsed_time("Here", "a message"):
        pass
    assert capsys.readouterr().out.startswith("[Here] ")


@pytest.mark.parametrize(("most", "warns"), [(1, True), (100, False)])
def test_lbfgs(most, warns):
    options = {"maxiter": most, **door._get_additional_lbfgs_options_dict("iprint", -1)}
    found = minimize(
        lambda x: ((x - 3) ** 4).sum(), np.zeros(2), method="L-BFGS-B", options=options
    )
    with pytest.warns(ConvergenceWarning, match="failed to converge") if warns else nullcontext():
        assert door._check_optimize_result("lbfgs", found, most) == found.nit


def test_searches():
    assert isinstance(GridSearchCV(LinearRegression(), {}), door.BaseSearchCV)
    assert isinstance(RandomizedSearchCV(LinearRegression(), {}), door.BaseSearchCV)


def test_sizes_of_two_parts():
    assert door._validate_shuffle_split(11, None, None, 0.25) == (8, 3)
    assert door._validate_shuffle_split(11, 2, 0.5) == (5, 2)
    with pytest.raises(ValueError, match="test_size=11"):
        door._validate_shuffle_split(11, 11, None)


def test_methods_are_routed():
    MethodMapping().add(caller="predict", callee="predict")
    assert {"fit", "partial_fit", "predict", "transform", "score"} <= set(door.METHODS)
    assert not door._routing_enabled()
    with config_context(enable_metadata_routing=True):
        assert door._routing_enabled()
        mapping = MethodMapping().add(caller="fit", callee="fit")
        step = SGDClassifier().set_partial_fit_request(sample_weight=True)
        router = MetadataRouter(owner="it").add(step=step, method_mapping=mapping)
        assert router.consumes("partial_fit", ["sample_weight"]) == set()
        door.add_route(router, "step", "partial_fit")
        assert router.consumes("partial_fit", ["sample_weight"]) == {"sample_weight"}


@pytest.mark.parametrize("routing", [False, True])
def test_routed_to_steps(routing):
    with config_context(enable_metadata_routing=routing):
        last = SGDClassifier()
        last = last.set_fit_request(sample_weight=True) if routing else last
        pipe = Pipeline([("first", MinMaxScaler()), ("last", last)])
        name = "sample_weight" if routing else "last__sample_weight"
        routed = door.routed_to_steps(pipe, "fit", {name: "given"})
        assert routed["last"].get("fit") == {"sample_weight": "given"}
        assert not routed["first"].get("fit")


def test_check_steps():
    door.check_steps(Pipeline([("first", StandardScaler()), ("last", LinearRegression())]))
    with pytest.raises(TypeError, match="should be transformers"):
        door.check_steps(Pipeline([("first", LinearRegression()), ("last", LinearRegression())]))


def test_what_an_estimator_inside_can():
    has = door._estimator_has("predict")
    assert has(SimpleNamespace(estimator=LinearRegression()))
    with pytest.raises(AttributeError):
        has(SimpleNamespace(estimator=LinearRegression(), estimator_=StandardScaler()))


def test_is_fitted():
    assert not door._is_fitted(StandardScaler())
    assert door._is_fitted(StandardScaler().fit(FRAME))
    assert door._is_fitted(SimpleNamespace(__sklearn_is_fitted__=lambda: True))


@pytest.mark.parametrize("kind", [KNeighborsClassifier, DummyClassifier, DummyRegressor])
def test_scores_without_rows(kind):
    assert kind.score.__module__ in door.NO_ROWS
    assert LinearRegression.score.__module__ not in door.NO_ROWS


def test_check_response_method():
    names = ["predict_proba", "predict"]
    assert door._check_response_method(LinearRegression(), names).__name__ == "predict"
    assert door._check_response_method(LogisticRegression(), names).__name__ == "predict_proba"
    with pytest.raises(AttributeError):
        door._check_response_method(LinearRegression(), "predict_proba")


def test_what_scorers_are_made_of():
    scorer = metrics.get_scorer("neg_log_loss")
    assert door.scorer_arguments(scorer) == door.ScorerArguments(
        metrics.log_loss, {}, -1, "predict_proba"
    )
    assert (
        door.scorer_arguments(None)
        == door.scorer_arguments(lambda estimator, X, y: 0.0)
        == door.ScorerArguments()
    )
    given = metrics.make_scorer(metrics.log_loss, labels=[2])
    assert door.scorer_arguments(given).arguments == {"labels": [2]}


def test_what_our_classes_inherit():
    model = StandardScaler().set_output(transform="pandas")
    model._validate_params()
    assert set(model._parameter_constraints) == set(model.get_params())
    assert model._sklearn_output_config == {"transform": "pandas"}
    assert model._sklearn_auto_wrap_output_keys == {"transform"}
    assert callable(CallbackSupportMixin._init_callback_context)
    # `streamlearn.pipeline` takes both off methods that only some pipelines have.
    assert {"fn", "check"} <= set(vars(vars(Pipeline)["fit_transform"]))


def test_what_our_vectorizers_inherit():
    with pytest.warns(UserWarning, match="'dtype' should be used"):
        TfidfVectorizer(dtype=np.int32)._check_params()
    words = TfidfVectorizer(stop_words=["red"])
    words.build_analyzer()
    assert words._stop_words_id == id(words.stop_words)


def test_attributes_of_callbacks():
    model, outer = LogisticRegression(), LogisticRegression()
    model.set_callbacks(RecordingCallback())
    assert len(model._skl_callbacks) == 1
    context = outer._init_callback_context(max_subtasks=1)
    with context.subcontext().propagate_callback_context(model):
        assert hasattr(model, "_parent_callback_ctx")
    context = model._init_callback_context()
    assert model._callback_fit_ctx is context
    assert len(model._skl_callbacks_to_teardown) == 1


@pytest.mark.parametrize("name", ["OneHotEncoder", "OrdinalEncoder"])
def test_private_methods_that_are_replaced_in_encoders(monkeypatch, name):
    """`preprocessing.from_counts` replaces them: they are there, and are called as it expects."""
    theirs = getattr(preprocessing, name)
    called = []

    def noted(method):
        whole = getattr(theirs, method)

        def call(self, *args, **kwargs):
            called.append((method, len(args), sorted(kwargs)))
            return whole(self, *args, **kwargs)

        monkeypatch.setattr(theirs, method, call)

    for method in ("_check_X", "_fit_infrequent_category_mapping", "_transform"):
        noted(method)
    X = np.asarray([["a"], ["b"], ["b"]], dtype=object)
    encoder = theirs(max_categories=2).fit(X)
    assert called[0] == ("_check_X", 1, ["ensure_all_finite"])
    assert called[1][0] == "_fit_infrequent_category_mapping"
    assert called[1][1] == 3
    assert len(called) == 2
    called.clear()
    encoder.transform(X)
    method, n_args, named = called[0]
    assert (method, n_args) == ("_transform", 1)
    known = {"handle_unknown", "ensure_all_finite", "warn_on_unknown", "ignore_category_indices"}
    assert set(named) <= known
    assert callable(encoder._map_infrequent_categories)


def test_categories_of_a_target_encoder_are_fitted_by_a_private_method():
    encoder = preprocessing.TargetEncoder()
    encoder._fit(np.asarray([["b"], ["a"]]), handle_unknown="ignore", ensure_all_finite="allow-nan")
    assert encoder.categories_[0].tolist() == ["a", "b"]


def test_a_call_goes_on_from_averages_that_are_set():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 3)), rng.normal(size=40)
    whole = SGDRegressor(average=5, shuffle=False).partial_fit(X, y)
    first = SGDRegressor(average=5, shuffle=False).partial_fit(X[:20], y[:20])
    after = SGDRegressor(average=5, shuffle=False)
    after.coef_, after.intercept_, after.t_ = first.coef_, first.intercept_, 21.0
    for name in ("coef", "intercept"):
        for kind in ("_standard_", "_average_"):
            setattr(after, kind + name, getattr(first, kind + name).copy())
    after.partial_fit(X[20:], y[20:])
    np.testing.assert_allclose(after.coef_, whole.coef_, rtol=1e-12)
    np.testing.assert_allclose(after._standard_coef, whole._standard_coef, rtol=1e-12)


def test_regressors_learn_by_the_losses_of_classifiers():
    class Column(ClassifierMixin, SGDRegressor):
        loss_functions = SGDClassifier.loss_functions

    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 3)), rng.integers(0, 2, 40)
    how = {"shuffle": False, "learning_rate": "optimal", "max_iter": 2, "tol": None}
    with config_context(skip_parameter_validation=True):
        for loss in SGDClassifier.loss_functions:
            sign = y if loss == "log_loss" else 2 * y - 1
            found = Column(loss=loss, **how).fit(X, sign).coef_
            known = SGDClassifier(loss=loss, **how).fit(X, y).coef_[0]
            np.testing.assert_array_equal(found, known)
        Column(loss="hinge", **how | {"learning_rate": "pa1"}).fit(X, 2 * y - 1)


def test_raise_for_params():
    door._raise_for_params({}, preprocessing.TargetEncoder(), "fit_transform")
    with pytest.raises(ValueError, match="groups"):
        door._raise_for_params({"groups": 1}, preprocessing.TargetEncoder(), "fit_transform")


@pytest.mark.parametrize("loss", sorted(SGDClassifier.loss_functions))
def test_losses_of_fitted_estimators_are_made_of_at_most_one_number(loss):
    fitted = SGDClassifier(loss=loss, random_state=0).fit([[0.0], [1.0]], [0, 1])
    made = fitted._loss_function_
    assert type(made) in door.LOSSES
    cls, arguments, *_ = made.__reduce__()
    assert cls is type(made)
    assert all(isinstance(number, float) for number in arguments)
    assert len(arguments) <= 1


@pytest.mark.parametrize(
    ("solver", "kind"), list(zip(["adam", "sgd"], door.OPTIMIZERS, strict=True))
)
def test_optimizers_of_fitted_nets_are_their_attributes(solver, kind):
    net = MLPClassifier((2,), solver=solver, max_iter=1, random_state=0)
    with pytest.warns(ConvergenceWarning):
        net.fit([[0.0], [1.0]], [0, 1])
    assert type(net._optimizer) is kind
    assert not hasattr(kind, "__slots__")
    assert all(
        isinstance(v, float | bool | int | str | list) for v in vars(net._optimizer).values()
    )
