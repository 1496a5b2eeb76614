"""Field by field against scikit-learn's class of the same name; every difference is stated here.

To add an estimator, append it to `PAIRS`, and what is different to the tables.
"""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

import numpy as np
import pytest
import sklearn
import sklearn.cluster as their_clusters
import sklearn.covariance as their_covariances
import sklearn.decomposition as their_components
import sklearn.discriminant_analysis as their_discriminants
import sklearn.feature_extraction as their_features
import sklearn.feature_extraction.text as their_texts
import sklearn.feature_selection as their_selectors
import sklearn.linear_model as their_models
import sklearn.mixture as their_mixtures
import sklearn.naive_bayes as their_bayes
import sklearn.neighbors as their_neighbors
import sklearn.preprocessing as their_transformers
from sklearn.base import BaseEstimator, is_classifier
from sklearn.utils import get_tags

import streamlearn.cluster as our_clusters
import streamlearn.covariance as our_covariances
import streamlearn.decomposition as our_components
import streamlearn.discriminant_analysis as our_discriminants
import streamlearn.feature_extraction as our_features
import streamlearn.feature_extraction.text as our_texts
import streamlearn.feature_selection as our_selectors
import streamlearn.linear_model as our_models
import streamlearn.mixture as our_mixtures
import streamlearn.naive_bayes as our_bayes
import streamlearn.neighbors as our_neighbors
import streamlearn.preprocessing as our_transformers
from tests.public import OF_DOCUMENTS, documents

pytestmark = [
    pytest.mark.complete,  # each line of the tables is a statement of its own
    pytest.mark.filterwarnings(
        "ignore:Class PassiveAggressive:FutureWarning", "ignore:n_quantiles:UserWarning"
    ),
]

PAIRS = {
    "SGDClassifier": (our_models, their_models),
    "SGDRegressor": (our_models, their_models),
    "Perceptron": (our_models, their_models),
    "PassiveAggressiveClassifier": (our_models, their_models),
    "PassiveAggressiveRegressor": (our_models, their_models),
    "LinearRegression": (our_models, their_models),
    "Ridge": (our_models, their_models),
    "RidgeCV": (our_models, their_models),
    "RidgeClassifier": (our_models, their_models),
    "Lasso": (our_models, their_models),
    "LassoCV": (our_models, their_models),
    "ElasticNet": (our_models, their_models),
    "ElasticNetCV": (our_models, their_models),
    "LogisticRegression": (our_models, their_models),
    "PoissonRegressor": (our_models, their_models),
    "GammaRegressor": (our_models, their_models),
    "TweedieRegressor": (our_models, their_models),
    "HuberRegressor": (our_models, their_models),
    "PCA": (our_components, their_components),
    "IncrementalPCA": (our_components, their_components),
    "TruncatedSVD": (our_components, their_components),
    "VarianceThreshold": (our_selectors, their_selectors),
    "SelectKBest": (our_selectors, their_selectors),
    "SelectPercentile": (our_selectors, their_selectors),
    "SelectFpr": (our_selectors, their_selectors),
    "SelectFdr": (our_selectors, their_selectors),
    "SelectFwe": (our_selectors, their_selectors),
    "TfidfTransformer": (our_texts, their_texts),
    "CountVectorizer": (our_texts, their_texts),
    "TfidfVectorizer": (our_texts, their_texts),
    "HashingVectorizer": (our_texts, their_texts),
    "FeatureHasher": (our_features, their_features),
    "EmpiricalCovariance": (our_covariances, their_covariances),
    "ShrunkCovariance": (our_covariances, their_covariances),
    "LedoitWolf": (our_covariances, their_covariances),
    "OAS": (our_covariances, their_covariances),
    "CategoricalNB": (our_bayes, their_bayes),
    "GaussianNB": (our_bayes, their_bayes),
    "MultinomialNB": (our_bayes, their_bayes),
    "ComplementNB": (our_bayes, their_bayes),
    "BernoulliNB": (our_bayes, their_bayes),
    "NearestCentroid": (our_neighbors, their_neighbors),
    "LinearDiscriminantAnalysis": (our_discriminants, their_discriminants),
    "QuadraticDiscriminantAnalysis": (our_discriminants, their_discriminants),
    "KMeans": (our_clusters, their_clusters),
    "GaussianMixture": (our_mixtures, their_mixtures),
    "StandardScaler": (our_transformers, their_transformers),
    "MinMaxScaler": (our_transformers, their_transformers),
    "MaxAbsScaler": (our_transformers, their_transformers),
    "RobustScaler": (our_transformers, their_transformers),
    "QuantileTransformer": (our_transformers, their_transformers),
    "KBinsDiscretizer": (our_transformers, their_transformers),
    "SplineTransformer": (our_transformers, their_transformers),
    "OneHotEncoder": (our_transformers, their_transformers),
    "OrdinalEncoder": (our_transformers, their_transformers),
    "TargetEncoder": (our_transformers, their_transformers),
    "LabelEncoder": (our_transformers, their_transformers),
    "LabelBinarizer": (our_transformers, their_transformers),
    "PowerTransformer": (our_transformers, their_transformers),
    "PolynomialFeatures": (our_transformers, their_transformers),
    "Binarizer": (our_transformers, their_transformers),
    "Normalizer": (our_transformers, their_transformers),
    "FunctionTransformer": (our_transformers, their_transformers),
}
ROW_BY_ROW = ("Perceptron", "PassiveAggressiveClassifier", "PassiveAggressiveRegressor")
QUANTILES = ("RobustScaler", "QuantileTransformer")
LINEAR = ("SGDClassifier", "SGDRegressor", *ROW_BY_ROW)
COMPONENTS = ("PCA", "IncrementalPCA", "TruncatedSVD")
SELECTORS = ("SelectKBest", "SelectPercentile", "SelectFpr", "SelectFdr", "SelectFwe")
BAYES = ("CategoricalNB", "GaussianNB", "MultinomialNB", "ComplementNB", "BernoulliNB")
DISCRIMINANTS = ("LinearDiscriminantAnalysis", "QuadraticDiscriminantAnalysis")
CLASSES = (*BAYES, "NearestCentroid", *DISCRIMINANTS)
PATHS = ("LassoCV", "ElasticNetCV")
L1 = ("Lasso", "ElasticNet", *PATHS)
GLM = ("LogisticRegression", "PoissonRegressor", "GammaRegressor", "TweedieRegressor")
COVARIANCES = ("EmpiricalCovariance", "ShrunkCovariance", "LedoitWolf", "OAS")
EXACT = ("LinearRegression", "Ridge", "RidgeCV", "RidgeClassifier", *L1, *GLM, "HuberRegressor")

TAGS = {
    # On any library without a setting.
    "array_api_support": (
        *(*LINEAR, "LinearRegression", "RidgeClassifier", *L1),
        *("GammaRegressor", "TweedieRegressor"),
        *("IncrementalPCA", "TruncatedSVD", "MaxAbsScaler", "PowerTransformer", *QUANTILES),
        *("CategoricalNB", "MultinomialNB", "ComplementNB", "BernoulliNB", "NearestCentroid"),
        *("HuberRegressor", *COVARIANCES),
        "QuadraticDiscriminantAnalysis",
        "VarianceThreshold",
        "KMeans",
        "GaussianMixture",
    ),
    # float32 stays float32.
    "transformer_tags.preserves_dtype": ("IncrementalPCA", "KMeans"),
    # One label a row.
    "classifier_tags.multi_label": ("RidgeClassifier",),
}
"""Tags that differ, and where."""

PARAMETERS = {
    "max_iter": LINEAR,  # "auto", which over a collection is one pass
    "learning_rate": ("SGDClassifier", "SGDRegressor"),  # "auto", which needs no step size
    "batch_size": ("SGDClassifier", "SGDRegressor", "Perceptron"),
    "refine": ("SGDClassifier", "SGDRegressor"),
    "classes": (
        *("SGDClassifier", "Perceptron", "PassiveAggressiveClassifier", "RidgeClassifier"),
        *("LogisticRegression", *CLASSES),
    ),
    "n_parallel": LINEAR,
    "init": ("KMeans",),  # "auto", which over a collection draws from all rows in few passes
    "power": ("SGDRegressor",),
    "quantile": ("SGDRegressor",),
    "score_func": SELECTORS,  # of ours
}
"""Parameters of ours alone, or whose defaults differ."""

VALUES = {
    "loss": LINEAR[:2],  # losses of several classes, of counts and amounts, and of quantiles
    "max_iter": LINEAR,
    "learning_rate": ("SGDClassifier", "SGDRegressor"),
    "shuffle": LINEAR,  # "rows" as well
    "n_jobs": (  # has no effect
        *("SGDClassifier", "Perceptron", "PassiveAggressiveClassifier", "LinearRegression"),
        *("LogisticRegression", *PATHS),
    ),
    "init": ("KMeans",),  # "k-means||" as well
    "scoring": ("RidgeCV",),  # what is a function of sums
    "penalty": ("LogisticRegression",),  # the same, in one line
    "solver": GLM[1:],
}
"""Parameters that take other values."""

ATTRIBUTES = {
    "loss_curve_": LINEAR,
    "condition_number_": EXACT,
    "n_reads_": (*EXACT, *COMPONENTS),
    "scores_": ("RidgeCV",),
}
"""Fitted attributes of ours alone."""

ARGUMENTS = {
    "sample_weight": (
        *("PassiveAggressiveClassifier", "PassiveAggressiveRegressor"),
        *("KBinsDiscretizer", "SplineTransformer"),  # of partial_fit, which is ours alone
        *(*EXACT, "NearestCentroid", *DISCRIMINANTS),
        "KMeans",  # of fit_transform, see below
    ),
    "fit_params": ("IncrementalPCA", "KMeans"),  # of fit_transform, for all arguments of fit
    # of partial_fit
    "classes": ("RidgeClassifier", "NearestCentroid", *DISCRIMINANTS, *SELECTORS),
    "params": ("RidgeCV", *PATHS),  # of a scorer or a splitter, which ours has not
    "y": (*LINEAR, *EXACT, *CLASSES),  # None if the blocks of X bring it
}
"""Arguments of ``fit`` and ``partial_fit`` of ours alone, or whose defaults differ."""


def where(table: dict[str, tuple[str, ...]], name: str) -> set[str]:
    return {key for key, names in table.items() if name in names}


def both(name: str) -> tuple[Any, Any]:
    return tuple(getattr(module, name) for module in PAIRS[name])


def flat(tags: Any, prefix: str = "") -> dict[str, Any]:
    out = {}
    for field in dataclasses.fields(tags) if tags is not None else ():
        value = getattr(tags, field.name)
        if dataclasses.is_dataclass(value):
            out |= flat(value, f"{prefix}{field.name}.")
        else:
            out[prefix + field.name] = value
    return out


def alike(a: inspect.Parameter, b: inspect.Parameter) -> bool:
    return a.default is b.default or a.default == b.default


@pytest.mark.parametrize("name", PAIRS)
def test_tags(name):
    ours, theirs = (flat(get_tags(cls())) for cls in both(name))
    assert ours.keys() == theirs.keys()
    assert {tag for tag in ours if ours[tag] != theirs[tag]} == where(TAGS, name)


@pytest.mark.parametrize("name", PAIRS)
def test_parameters_in_order_and_their_defaults(name):
    ours, theirs = (inspect.signature(cls).parameters for cls in both(name))
    assert [parameter for parameter in ours if parameter in theirs] == list(theirs)
    different = {p for p in ours if p not in theirs or not alike(ours[p], theirs[p])}
    assert different == where(PARAMETERS, name)
    assert all(ours[p].kind == theirs[p].kind for p in theirs)


@pytest.mark.parametrize("name", PAIRS)
def test_values_of_parameters(name):
    def said(constraints: list) -> set[str]:
        words = [str(c) for c in constraints]
        return {" ".join(sorted(word.strip("{},") for word in text.split())) for text in words}

    ours, theirs = (getattr(cls, "_parameter_constraints", {}) for cls in both(name))
    different = {p for p in theirs if p in ours and said(ours[p]) != said(theirs[p])}
    assert different == where(VALUES, name)


@pytest.mark.parametrize("name", PAIRS)
def test_public_members_and_what_methods_take(name):
    ours, theirs = both(name)
    public = [member for member in dir(theirs) if not member.startswith("_")]
    assert [member for member in public if not hasattr(ours, member)] == []
    for member in public:
        method = getattr(theirs, member)
        if not inspect.isfunction(method) or not hasattr(ours, member):
            continue
        wanted = inspect.signature(method).parameters.values()
        found = inspect.signature(getattr(ours, member)).parameters.values()
        shown = [
            [(p.name, p.default) for p in some if p.name not in where(ARGUMENTS, name)]
            for some in (found, wanted)
        ]
        assert shown[0] == shown[1], member


def fitted(cls: type[BaseEstimator]) -> BaseEstimator:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    of_classes = is_classifier(cls()) or cls.__name__ in SELECTORS
    y = np.digitize(X[:, 0], [-0.5, 0.5]) if of_classes else X[:, 0]
    y = np.exp(y) if get_tags(cls()).target_tags.positive_only else y
    X = np.abs(X) if get_tags(cls()).input_tags.positive_only else X
    few = {"max_iter": 2, "tol": None} if cls.__name__ in LINEAR else {}
    X = documents(60) if cls.__name__ in OF_DOCUMENTS else X
    few |= {"k": 2} if cls.__name__ == "SelectKBest" else {}
    of_y = cls.__name__.startswith("Label")
    return cls(**few).fit(*([np.digitize(y, [0])] if of_y else [X, y]))


def properties(cls: type) -> list[str]:
    return [name for name in dir(cls) if isinstance(inspect.getattr_static(cls, name), property)]


@pytest.mark.parametrize("name", PAIRS)
def test_fitted_attributes(name):
    ours, theirs = (fitted(cls) for cls in both(name))
    published = [
        {
            attribute
            for attribute in [*vars(est), *properties(type(est))]
            if attribute.endswith("_") and attribute[0] != "_" and hasattr(est, attribute)
        }
        for est in (ours, theirs)
    ]
    assert published[0] - published[1] == where(ATTRIBUTES, name)
    assert published[1] <= published[0]
    for attribute in published[1]:
        got, want = getattr(ours, attribute), getattr(theirs, attribute)
        tables = name == "CategoricalNB" and isinstance(want, list)  # one for each feature
        for a, b in zip(got, want, strict=True) if tables else [(got, want)]:
            assert np.shape(a) == np.shape(b), attribute
            # scikit-learn counts rows in floats.
            if attribute != "n_samples_seen_":
                assert np.asarray(a).dtype == np.asarray(b).dtype, attribute
    assert name in ours._repr_html_()


@pytest.mark.parametrize("name", PAIRS)
def test_metadata_is_routed_alike(name):
    with sklearn.config_context(enable_metadata_routing=True):
        asked = []
        for cls in both(name):
            estimator = cls()
            if "sample_weight" in inspect.signature(estimator.fit).parameters:
                estimator.set_fit_request(sample_weight=True)
            routing = estimator.get_metadata_routing()
            asked.append(
                {
                    method: {k: v for k, v in requests.items() if k not in where(ARGUMENTS, name)}
                    for method, requests in routing._serialize().items()
                }
            )
    if name in ("RidgeCV", *PATHS):  # ours has no scorer and no splitter that take metadata
        asked[1] = {}
    assert {m: r for m, r in asked[0].items() if r} == {m: r for m, r in asked[1].items() if r}
