"""Every public estimator is saved without pickle, and answers and learns on with the same bits."""

from __future__ import annotations

import pickle
import re
import warnings
from importlib.util import find_spec
from typing import Any

import array_api_strict
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from sklearn import decomposition, ensemble, linear_model, naive_bayes, neural_network
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline as theirs

import streamlearn
from streamlearn._estimator import versions
from streamlearn._estimator.versions import InconsistentVersionWarning
from streamlearn._files.tree import Encoder
from streamlearn.cluster import KMeans, MiniBatchKMeans
from streamlearn.compose import ColumnTransformer
from streamlearn.covariance import OAS, EmpiricalCovariance, LedoitWolf, ShrunkCovariance
from streamlearn.decomposition import TruncatedSVD
from streamlearn.discriminant_analysis import (
    LinearDiscriminantAnalysis,
    QuadraticDiscriminantAnalysis,
)
from streamlearn.feature_extraction import FeatureHasher
from streamlearn.feature_extraction.text import (
    CountVectorizer,
    HashingVectorizer,
    TfidfTransformer,
    TfidfVectorizer,
)
from streamlearn.feature_selection import (
    SelectFdr,
    SelectFpr,
    SelectFromModel,
    SelectFwe,
    SelectKBest,
    SelectPercentile,
    VarianceThreshold,
    f_regression,
)
from streamlearn.impute import MissingIndicator, SimpleImputer
from streamlearn.linear_model import (
    GammaRegressor,
    HuberRegressor,
    PoissonRegressor,
    SGDClassifier,
    SGDRegressor,
)
from streamlearn.model_selection import (
    HyperbandSearchCV,
    StreamSearchCV,
    SuccessiveHalvingSearchCV,
)
from streamlearn.naive_bayes import CategoricalNB, ComplementNB, MultinomialNB
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import (
    DatetimeEncoder,
    FunctionTransformer,
    LabelBinarizer,
    LabelEncoder,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
    TargetEncoder,
)
from streamlearn.wrappers import Incremental, ParallelPostFit
from tests.bad_input_cases import ESTIMATORS as OF_NUMBERS
from tests.public import documents, public_estimators

N = 90
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 3)) + np.asarray([0, 5, 0])
Y = (X[:, 0] > 0).astype(int)
TEXT = np.where(Y, "yes", "no")
TABLE = pd.DataFrame(
    {
        "a": np.where(RNG.random(N) < 0.2, np.nan, X[:, 0]),
        "b": X[:, 1],
        "text": RNG.choice(np.asarray(["u", "v", None], object), N),
        "day": pd.date_range("2024-01-01", periods=N, freq="7h"),
    }
)
DOCUMENTS = np.asarray(documents(N), dtype=object)
WORDS = np.fromiter((text.split() for text in DOCUMENTS), dtype=object)
SEED = {"random_state": 0}
ALPHAS = {"alpha": np.logspace(-6, -2, 50).tolist()}


def columns() -> ColumnTransformer:
    numbers = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    return ColumnTransformer(
        [
            ("numbers", numbers, ["a", "b"]),
            ("text", OneHotEncoder(min_frequency=2, handle_unknown="ignore"), ["text"]),
            ("day", DatetimeEncoder(), ["day"]),
        ]
    )


CASES: dict[str, tuple[Any, Any]] = {
    **{name: (estimator, X) for name, estimator in OF_NUMBERS.items()},
    "TruncatedSVD": (TruncatedSVD(2), X),
    "TargetEncoder": (TargetEncoder(**SEED), X),
    "VarianceThreshold": (VarianceThreshold(), X),
    "SelectKBest": (SelectKBest(k=2), X),
    "SelectPercentile": (SelectPercentile(f_regression, percentile=40), X),
    "SelectFpr": (SelectFpr(alpha=0.9), X),
    "SelectFdr": (SelectFdr(alpha=0.9), X),
    "SelectFwe": (SelectFwe(alpha=0.9), X),
    "SelectFromModel": (SelectFromModel(SGDRegressor(**SEED)), X),
    "TfidfTransformer": (TfidfTransformer(), np.abs(X)),
    "CountVectorizer": (CountVectorizer(min_df=2), DOCUMENTS),
    "TfidfVectorizer": (TfidfVectorizer(max_features=5), DOCUMENTS),
    "a given vocabulary": (CountVectorizer(vocabulary=["red", "tea"], dtype=np.int32), DOCUMENTS),
    "HashingVectorizer": (HashingVectorizer(n_features=8), DOCUMENTS),
    "FeatureHasher": (FeatureHasher(8, input_type="string"), WORDS),
    "text, then a learner": (make_pipeline(TfidfVectorizer(), SGDClassifier(**SEED)), DOCUMENTS),
    "ColumnTransformer": (columns(), TABLE),
    "DatetimeEncoder": (DatetimeEncoder(), TABLE[["day"]]),
    "FunctionTransformer": (FunctionTransformer(np.exp, inverse_func=np.log), X),
    "LabelBinarizer": (LabelBinarizer(), None),
    "LabelEncoder": (LabelEncoder(), None),
    "ParallelPostFit": (ParallelPostFit(linear_model.LogisticRegression()), X),
    "text, one-hot": (OneHotEncoder(sparse_output=False), TABLE[["text"]]),
    "text, ordinal": (OrdinalEncoder(), TABLE[["text"]]),
    "text, target": (TargetEncoder(**SEED), TABLE[["text"]]),
    "text, imputed": (SimpleImputer(strategy="most_frequent"), TABLE[["text", "a"]]),
    "missing": (MissingIndicator(), TABLE[["a", "b"]]),
    "columns, then a learner": (make_pipeline(columns(), SGDClassifier(**SEED)), TABLE),
    "a pipeline in a pipeline": (
        make_pipeline(make_pipeline(StandardScaler(), StandardScaler()), SGDClassifier(**SEED)),
        X,
    ),
    "row by row": (SGDClassifier(batch_size=1, average=True, **SEED), X),
    "a schedule": (SGDRegressor(learning_rate="optimal", loss="huber", **SEED), X),
    "sparse coefficients": (SGDClassifier(penalty="l1", alpha=0.1, **SEED), X),
    "PoissonRegressor": (PoissonRegressor(), X),
    "GammaRegressor": (GammaRegressor(), X),
    "counts by class": (MultinomialNB(), np.abs(X)),
    "counts of the others": (ComplementNB(), np.abs(X)),
    "categories": (CategoricalNB(), np.abs(X)),
    "EmpiricalCovariance": (EmpiricalCovariance(), X),
    "ShrunkCovariance": (ShrunkCovariance(), X),
    "LedoitWolf": (LedoitWolf(), X),
    "OAS": (OAS(store_precision=False), X),
    "covariances of classes": (
        LinearDiscriminantAnalysis("eigen", covariance_estimator=LedoitWolf()),
        X,
    ),
    "automatic shrinkage": (QuadraticDiscriminantAnalysis(solver="eigen", shrinkage="auto"), X),
    "HuberRegressor": (HuberRegressor(), X),
    "search": (StreamSearchCV(linear_model.SGDClassifier(**SEED), ALPHAS, **SEED), X),
    "halving": (SuccessiveHalvingSearchCV(linear_model.SGDClassifier(**SEED), ALPHAS, **SEED), X),
    "hyperband": (HyperbandSearchCV(linear_model.SGDClassifier(**SEED), ALPHAS, **SEED), X),
    "Incremental, net": (Incremental(neural_network.MLPClassifier((3,), **SEED), **SEED), X),
    "Incremental, Bayes": (Incremental(naive_bayes.GaussianNB(), **SEED), X),
    "Incremental, components": (Incremental(decomposition.IncrementalPCA(2), **SEED), X),
    "theirs, with ours": (theirs(StandardScaler(), linear_model.SGDClassifier(**SEED)), X),
    "clusters": (KMeans(2, **SEED), X),
    "a random state": (MiniBatchKMeans(2, random_state=np.random.RandomState(3)), X),
    "text labels": (SGDClassifier(classes=["no", "yes"], **SEED), X),
}
ANSWER_UNFITTED = (
    *("FunctionTransformer", "Binarizer", "Normalizer", "ParallelPostFit"),
    *("FeatureHasher", "HashingVectorizer", "a given vocabulary"),
)
ANSWERS = (
    *("predict", "predict_proba", "decision_function", "transform", "inverse_transform"),
    "mahalanobis",
)


def target(name: str) -> np.ndarray:
    if name == "GammaRegressor":
        return 1.0 + Y
    return TEXT if name == "text labels" else Y


def rows(name: str, how: str) -> tuple[Any, ...]:
    given, y = CASES[name][1], target(name)
    if how == "memory":
        return (y,) if given is None else (given, y)
    blocks = da.from_array(y, chunks=30)
    if given is None:
        return (blocks,)
    if isinstance(given, pd.DataFrame):
        return dd.from_pandas(given, npartitions=3), dd.from_pandas(pd.Series(y), npartitions=3)
    return da.from_array(given, chunks=(30, 3)[: given.ndim]), blocks


def fitted(name: str, how: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return clone(CASES[name][0]).fit(*rows(name, how))


def answers(name: str, model: Any) -> list[np.ndarray]:
    """Return what all methods say of rows in memory."""
    given = CASES[name][1]
    given = target(name) if given is None else given
    found = []
    for method in ANSWERS:
        if hasattr(model, method) and (method, name) != ("inverse_transform", "text, imputed"):
            asked = model.transform(given) if method == "inverse_transform" else given
            out = getattr(model, method)(asked)
            out = np.concatenate(out) if isinstance(out, list) else out  # the terms of documents
            out = out.toarray() if hasattr(out, "toarray") else np.asarray(out)
            found.append(out)
    return found


def same(a: list[np.ndarray], b: list[np.ndarray]) -> None:
    assert len(a) == len(b) > 0
    for one, other in zip(a, b, strict=True):
        assert one.dtype == other.dtype
        assert one.shape == other.shape
        if one.dtype == object:
            assert repr(one.tolist()) == repr(other.tolist())
        else:
            np.testing.assert_array_equal(one, other)


def bits(model: Any) -> Any:
    encoder = Encoder()
    tree = encoder.encoded(model)
    return tree, [(a.dtype.str, a.shape, a.tobytes()) for a in encoder.arrays]


def shown(model: Any) -> str:
    return re.sub("0x[0-9A-F]+", "", repr(model))


def kept(model: Any, path: Any) -> Any:
    streamlearn.save(model, path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return streamlearn.load(path)


def test_every_public_class_is_in_the_table():
    inside = {type(estimator) for estimator, _ in CASES.values()}
    assert {name for name, cls in public_estimators().items() if cls not in inside} == set()


@pytest.mark.parametrize("how", ["memory", "dask"])
@pytest.mark.parametrize("name", CASES)
def test_saved_and_loaded_it_answers_with_the_same_bits(name, how, tmp_path):
    model = fitted(name, how)
    again = kept(model, tmp_path / "x")
    assert type(again) is type(model)
    assert bits(again) == bits(model)
    lazy = {
        "_unread",
        *(("labels_", "inertia_", "outliers_") if how == "dask" else ()),
    }  # of the collection
    assert vars(again).keys() - lazy == vars(model).keys() - lazy
    same(answers(name, again), answers(name, model))
    assert shown(clone(again)) == shown(clone(model))


@pytest.mark.parametrize("name", CASES)
def test_loaded_it_learns_on_with_the_same_bits(name, tmp_path):
    model = fitted(name, "dask")
    if not hasattr(model, "partial_fit"):
        return
    again = kept(model, tmp_path / "x")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(2):
            model.partial_fit(*rows(name, "memory"))
            again.partial_fit(*rows(name, "memory"))
            again = kept(again, tmp_path / "x")
    assert bits(again) == bits(model)
    same(answers(name, again), answers(name, model))


@pytest.mark.parametrize("name", CASES)
def test_before_a_fit_it_is_saved_too(name, tmp_path):
    again = kept(CASES[name][0], tmp_path / "x")
    assert shown(again) == shown(CASES[name][0])
    if name not in ANSWER_UNFITTED:
        with pytest.raises((NotFittedError, AttributeError)):
            answers(name, again)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        same(answers(name, again.fit(*rows(name, "memory"))), answers(name, fitted(name, "memory")))


@pytest.mark.skipif(not find_spec("skops"), reason="skops is in the test group of pyproject.toml")
@pytest.mark.parametrize("name", CASES)
def test_skops_saves_it(name):
    from skops import io

    model = fitted(name, "dask")
    data = io.dumps(model)
    again = io.loads(data, trusted=io.get_untrusted_types(data=data))
    same(answers(name, again), answers(name, model))


@pytest.mark.parametrize("name", ["StandardScaler", "columns, then a learner", "Incremental"])
def test_another_version_warns_as_scikit_learn_does(name, tmp_path, monkeypatch):
    model = fitted(name, "memory")
    streamlearn.save(model, tmp_path / "x")
    pickled = pickle.dumps(model)
    monkeypatch.setattr(versions, "__version__", "7.0")
    for read in (lambda: streamlearn.load(tmp_path / "x"), lambda: pickle.loads(pickled)):
        with pytest.warns(InconsistentVersionWarning, match=r"0\.1\.0, than reads it, 7\.0"):
            again = read()
        same(answers(name, again), answers(name, model))


def test_a_tree_of_scikit_learn_is_an_error_that_names_skops(tmp_path):
    forest = ensemble.RandomForestClassifier(2, **SEED)
    model = ParallelPostFit(forest).fit(X, Y)
    says = r"ParallelPostFit\.estimator_\.estimators_\[0\]\.tree_ is a sklearn.*skops\.io\.dump"
    with pytest.raises(TypeError, match=says):
        streamlearn.save(model, tmp_path / "x")
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("device", ["CPU_DEVICE", "device1"])
def test_a_model_of_another_library_comes_back_there_and_moves_to_numpy(device, tmp_path):
    xp = array_api_strict
    device = xp.Device(device)
    there = xp.asarray(X, device=device)
    pipe = theirs(StandardScaler(), SGDClassifier(**SEED)).fit(there, xp.asarray(Y, device=device))
    again = kept(pipe, tmp_path / "x")
    assert again[-1].coef_.device == device
    assert bool(xp.all(again.predict(there) == pipe.predict(there)))
    here = streamlearn.to_namespace(again, "numpy")
    assert isinstance(here[-1].coef_, np.ndarray)
    assert isinstance(here[0]._state.mean, np.ndarray)
    want = streamlearn._arrays.to_numpy(pipe.decision_function(there))
    np.testing.assert_array_equal(here.decision_function(X), want)
    assert pipe[-1].coef_.device == device
    back = streamlearn.to_namespace(here, xp, device=device)
    assert bool(xp.all(back.predict(there) == pipe.predict(there)))


@pytest.mark.torch
@pytest.mark.parametrize("name", ["torch", "module"])
def test_trained_on_torch_and_served_on_numpy(name, tmp_path):
    torch = pytest.importorskip("torch")
    model = make_pipeline(StandardScaler(), SGDClassifier(loss="log_loss", **SEED))
    model.fit(torch.asarray(X), torch.asarray(Y))
    here = streamlearn.to_namespace(model, "numpy")
    streamlearn.save(here, tmp_path / "x")
    served = streamlearn.load(tmp_path / "x")
    want = model.predict_proba(torch.asarray(X)).numpy()
    np.testing.assert_allclose(served.predict_proba(X), want, rtol=1e-12)
    back = streamlearn.to_namespace(served, "torch" if name == "torch" else torch, device="cpu")
    assert back[-1].coef_.dtype == torch.float64
    np.testing.assert_array_equal(back.predict(torch.asarray(X)).numpy(), served.predict(X))


@pytest.mark.torch
@pytest.mark.parametrize("place", ["cuda", "tpu"])
def test_a_device_that_torch_does_not_have_here_is_an_error(place):
    torch = pytest.importorskip("torch")
    if place == "cuda" and torch.cuda.is_available():
        pytest.skip("there is such a device")
    model = SGDClassifier(**SEED).fit(X, Y)
    with pytest.raises(ValueError, match=f"torch has no device '{place}' here"):
        streamlearn.to_namespace(model, "torch", device=place)


def test_all_of_a_table_moves_and_text_stays(tmp_path):
    model = fitted("columns, then a learner", "memory")
    there = streamlearn.to_namespace(model, "array_api_strict")
    assert not isinstance(there[-1].coef_, np.ndarray)
    encoder = there[0].named_transformers_["text"]
    assert encoder.categories_[0].dtype == object
    here = streamlearn.to_namespace(there, "numpy")
    same(answers("columns, then a learner", here), answers("columns, then a learner", model))


def test_where_nothing_can_move_is_an_error():
    model = SGDClassifier(penalty="l1", **SEED).fit(X, Y)
    with pytest.raises(ValueError, match=r"'pandas' is not one of \['array_api_strict', "):
        streamlearn.to_namespace(model, "pandas")
    with pytest.raises(ValueError, match="array_api_strict has no device 'moon' here"):
        streamlearn.to_namespace(model, "array_api_strict", device="moon")
    with pytest.raises(TypeError, match=r"Call densify\(\)"):
        streamlearn.to_namespace(model.sparsify(), "array_api_strict")
    assert isinstance(streamlearn.to_namespace(model.densify(), "numpy").coef_, np.ndarray)
