"""Estimator x check x backend: what every estimator must pass, in one place.

To add an estimator, append it to `ESTIMATORS`. scikit-learn's own checks run on it, once as it is
and once with `fit` replaced by one call of `partial_fit`, then scikit-learn's checks of array
libraries, then ours of dask collections and frames, on every kind of container.
"""

from __future__ import annotations

import os
import pickle
import warnings
from typing import Any, NamedTuple

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from sklearn import linear_model, preprocessing
from sklearn.base import BaseEstimator, clone, is_classifier, is_clusterer
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags
from sklearn.utils._array_api import NamespaceAndDevice
from sklearn.utils._test_common.instance_generator import PER_ESTIMATOR_XFAIL_CHECKS
from sklearn.utils.estimator_checks import (
    SkipTest,
    check_array_api_input_and_values,
    check_array_api_mixed_inputs,
    check_array_api_same_namespace,
    parametrize_with_checks,
)
from sklearn.utils.validation import has_fit_parameter

from streamlearn._arrays import is_array, to_numpy
from streamlearn._estimator.mergeable import MergeableEstimator
from streamlearn._estimator.outputs import Transformer
from streamlearn._files.names import made_of_attributes
from streamlearn.cluster import KMeans, MiniBatchKMeans
from streamlearn.compose import ColumnTransformer
from streamlearn.core.learner import an_array
from streamlearn.core.mlp import pack
from streamlearn.covariance import OAS, EmpiricalCovariance, LedoitWolf, ShrunkCovariance
from streamlearn.decomposition import PCA, IncrementalPCA, TruncatedSVD
from streamlearn.discriminant_analysis import (
    LinearDiscriminantAnalysis,
    QuadraticDiscriminantAnalysis,
)
from streamlearn.feature_extraction.text import TfidfTransformer
from streamlearn.feature_selection import (
    SelectFdr,
    SelectFpr,
    SelectFromModel,
    SelectFwe,
    SelectKBest,
    SelectPercentile,
    VarianceThreshold,
)
from streamlearn.impute import MissingIndicator, SimpleImputer
from streamlearn.linear_model import (
    ElasticNet,
    ElasticNetCV,
    GammaRegressor,
    HuberRegressor,
    Lasso,
    LassoCV,
    LinearRegression,
    LogisticRegression,
    PassiveAggressiveClassifier,
    PassiveAggressiveRegressor,
    Perceptron,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
    RidgeCV,
    SGDClassifier,
    SGDRegressor,
    TweedieRegressor,
)
from streamlearn.linear_model.generalized import GeneralizedLinear
from streamlearn.mixture import GaussianMixture
from streamlearn.model_selection import StreamSearchCV, SuccessiveHalvingSearchCV
from streamlearn.naive_bayes import (
    BernoulliNB,
    CategoricalNB,
    ComplementNB,
    GaussianNB,
    MultinomialNB,
)
from streamlearn.neighbors import NearestCentroid
from streamlearn.neural_network import MLPClassifier, MLPRegressor
from streamlearn.pipeline import Pipeline
from streamlearn.pipeline import make_pipeline as ours
from streamlearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)
from streamlearn.stages import learns_nothing
from streamlearn.wrappers import Incremental, ParallelPostFit
from tests.backends import Backend, open_backend, selected
from tests.containers import (
    CASES,
    CHUNKS,
    MAIN_CASES,
    N_ROWS,
    Container,
    blocks_of,
    dask_array,
    dask_frame,
    frame,
)
from tests.public import OF_DOCUMENTS, public_estimators


class Line(Pipeline):
    """A scaler and a learner, with the learner's parameters, arguments and attributes."""

    def set_params(self, **params):
        """Set those that are not the pipeline's own on the learner."""
        own, last = self.get_params(), self.steps[-1][0]
        return super().set_params(
            **{name if name in own else f"{last}__{name}": v for name, v in params.items()}
        )

    def fit(self, X, y=None, sample_weight=None):
        """Fit both with the same weights."""
        return super().fit(X, y, **self._weights(sample_weight))

    def partial_fit(self, X, y=None, classes=None, sample_weight=None):
        """Let both learn with the same weights."""
        return super().partial_fit(X, y, classes=classes, **self._weights(sample_weight))

    def _weights(self, weight):
        return (
            {} if weight is None else {f"{name}__sample_weight": weight for name, _ in self.steps}
        )

    def __getattr__(self, name):
        """Return an attribute of the scaler or of the learner."""
        if name in ("mean_", "scale_", "var_", "coef_", "intercept_", "t_"):
            first = name in ("mean_", "scale_", "var_")
            return getattr(self.steps[0 if first else -1][1], name)
        raise AttributeError(name)


class Packed:
    """A net whose parameters are one vector, named as those of the others are."""

    @property
    def coef_(self):
        """Return all weights and biases."""
        return pack(tuple(self.coefs_), tuple(self.intercepts_))


class NetClassifier(Packed, MLPClassifier):
    pass


class NetRegressor(Packed, MLPRegressor):
    pass


class Clusters(MiniBatchKMeans):
    """Clusters whose centres and rows are named as those of the others are."""

    @property
    def coef_(self):
        """Return the centres."""
        return self.cluster_centers_

    @property
    def t_(self):
        """Return 1 + the rows learned from."""
        return 1.0 + self._learned.rows

    def set_params(self, **params):
        """Set all but `shuffle`: blocks are read in order."""
        return super().set_params(**{n: v for n, v in params.items() if n != "shuffle"})


def line(last: BaseEstimator, **how: Any) -> Line:
    """Return a pipeline that learns in one pass, also in memory."""
    return Line([("scaler", StandardScaler()), ("last", last)], schedule="one-pass", **how)


class Wrapped(Incremental):
    """A wrapper with the parameters of the estimator inside."""

    def set_params(self, **params):
        """Set those that are not the wrapper's own on the estimator, and shuffle on both."""
        own = set(self.get_params())
        inside = {f"estimator__{name}": v for name, v in params.items() if name not in own}
        if "shuffle" in params:
            inside["estimator__shuffle"] = params["shuffle"]
        return super().set_params(**{n: v for n, v in params.items() if n in own}, **inside)


ONCE = {"max_iter": 2, "tol": None, "random_state": 0}
# Three epochs, of which the rule ends the last: a net that ends at max_iter warns.
THRICE = {
    "hidden_layer_sizes": (5,),
    "activation": "tanh",
    "learning_rate_init": 0.05,
    "max_iter": 4,
    "tol": 1e9,
    "n_iter_no_change": 1,
    "random_state": 0,
}
# Given centres, so that nothing depends on the first block's rows; clusters that are moved to other
# rows in nearly every step, so that all depends on the draws.
GIVEN_MIXTURE = {
    "means_init": [[0, 3, -1, 0], [1, 4, -1, 1], [-1, 1, -1, -1]],
    "weights_init": [0.5, 0.25, 0.25],
    "precisions_init": [np.eye(4).tolist()] * 3,
}
GIVEN = {
    "n_clusters": 3,
    "init": [[0, 3, -1, 0], [1, 4, -1, 1], [-1, 1, -1, -1]],
    "max_iter": 2,
    "max_no_improvement": None,
    "reassignment_ratio": 0.9,
    "random_state": 0,
}
ESTIMATORS = {
    "StandardScaler": StandardScaler(),
    "MinMaxScaler": MinMaxScaler((-1, 2)),
    "MaxAbsScaler": MaxAbsScaler(clip=True),
    "SimpleImputer": SimpleImputer(add_indicator=True),
    "SimpleImputer-median": SimpleImputer(strategy="median", add_indicator=True),
    "RobustScaler": RobustScaler(),
    "QuantileTransformer": QuantileTransformer(n_quantiles=20),
    "KBinsDiscretizer": KBinsDiscretizer(4, encode="ordinal", strategy="uniform"),
    "SplineTransformer": SplineTransformer(knots="quantile"),
    "PowerTransformer": PowerTransformer(),
    "PCA": PCA(),
    "PCA-whitened": PCA(whiten=True),
    "IncrementalPCA": IncrementalPCA(),
    "TruncatedSVD": TruncatedSVD(4),
    "PolynomialFeatures": PolynomialFeatures(2),
    "Binarizer": Binarizer(threshold=0.2),
    "Normalizer": Normalizer("l1"),
    "SGDClassifier": SGDClassifier(loss="log_loss", **ONCE),
    "SGDClassifier-optimal": SGDClassifier(
        loss="modified_huber",
        learning_rate="optimal",
        alpha=0.1,
        average=True,
        batch_size=7,
        **ONCE,
    ),
    "SGDRegressor": SGDRegressor(**ONCE),
    "LinearRegression": LinearRegression(),
    "Ridge": Ridge(),
    "RidgeCV": RidgeCV([0.5], cv=3),
    "RidgeClassifier": RidgeClassifier(class_weight={0: 1.5}),
    "Lasso": Lasso(0.1),
    "ElasticNet": ElasticNet(0.1),
    "LassoCV": LassoCV(alphas=[0.1], cv=3),
    "LogisticRegression": LogisticRegression(class_weight={0: 1.5}),
    "TweedieRegressor": TweedieRegressor(alpha=0.1),
    "HuberRegressor": HuberRegressor(alpha=0.1),
    "ElasticNetCV": ElasticNetCV(alphas=[0.1], cv=3),
    "GaussianNB": GaussianNB(),
    "BernoulliNB": BernoulliNB(alpha=0.5, binarize=0.2),
    "NearestCentroid": NearestCentroid(shrink_threshold=0.1),
    "LinearDiscriminantAnalysis": LinearDiscriminantAnalysis(store_covariance=True),
    "QuadraticDiscriminantAnalysis": QuadraticDiscriminantAnalysis(reg_param=0.1),
    "LinearDiscriminantAnalysis-auto": LinearDiscriminantAnalysis("eigen", shrinkage="auto"),
    "LedoitWolf": LedoitWolf(),
    "OAS": OAS(),
    "Perceptron": Perceptron(eta0=0.1, penalty="l2", **ONCE),
    "PassiveAggressiveClassifier": PassiveAggressiveClassifier(C=0.1, average=True, **ONCE),
    "PassiveAggressiveRegressor": PassiveAggressiveRegressor(
        loss="squared_epsilon_insensitive", C=0.1, **ONCE
    ),
    "MLPClassifier": NetClassifier(**THRICE),
    "MLPRegressor": NetRegressor(solver="sgd", **THRICE),
    "MiniBatchKMeans": Clusters(**GIVEN),
    "KMeans": KMeans(3, init=GIVEN["init"], random_state=0),
    "GaussianMixture": GaussianMixture(3, tol=1.0, **GIVEN_MIXTURE),
    "Pipeline": line(SGDClassifier(loss="log_loss", **ONCE)),
    "Pipeline-regressor": line(SGDRegressor(**ONCE)),
    "Pipeline-ridge": line(RidgeClassifier()),
    "Pipeline-Bayes": line(GaussianNB()),
    "Pipeline-discriminant": line(LinearDiscriminantAnalysis()),
    "Pipeline-perceptron": line(Perceptron(eta0=0.1, **ONCE)),
    "Pipeline-net": line(NetClassifier(**THRICE)),
    "Pipeline-clusters": line(Clusters(**GIVEN)),
    "Incremental": Wrapped(
        SGDClassifier(loss="log_loss", random_state=0), max_iter=2, random_state=0
    ),
}
STATELESS = ("PolynomialFeatures", "Binarizer", "Normalizer")
"""Those that learn nothing but their columns: a fit reads no block, and any library will do."""

NO_MERGE = (
    *STATELESS,
    "PowerTransformer",
    "RidgeCV",
    "LassoCV",
    "ElasticNetCV",
    "LogisticRegression",
    "TweedieRegressor",
    "HuberRegressor",
    "KMeans",
    "GaussianMixture",
)
"""Those that have no ``partial_fit``."""

SCALERS = (
    *("mean_", "var_", "scale_", "min_"),
    *("data_min_", "data_max_", "data_range_", "max_abs_"),
    *("center_", "quantiles_", "references_", "lambdas_", "statistics_"),
)
"""Fitted attributes of the scalers."""
LEARNED = (
    *("coef_", "intercept_", *SCALERS, "bin_edges_", "bsplines_", "components_"),
    *("theta_", "class_prior_", "feature_log_prob_", "centroids_", "means_", "priors_"),
    *("cluster_centers_", "covariance_"),
)
"""Fitted attributes that say what was learned."""
METHODS = (
    "transform",
    "inverse_transform",
    "predict",
    "decision_function",
    "predict_proba",
    "predict_log_proba",
    "mahalanobis",
)


# scikit-learn's own checks


WEIGHTS = (
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weight_equivalence_on_sparse_data",
)
FAILS = {
    **dict.fromkeys(STATELESS, ("check_array_api_same_namespace",)),
    "SGDClassifier": WEIGHTS,
    "SGDRegressor": WEIGHTS,
    "MiniBatchKMeans": WEIGHTS,
    "KMeans": WEIGHTS,
    "Ridge": ("check_non_transformer_estimators_n_iter",),
    "RidgeClassifier": ("check_non_transformer_estimators_n_iter",),
    "ColumnTransformer": (
        *("check_estimators_empty_data_messages", "check_estimators_nan_inf"),
        *("check_estimator_sparse_array", "check_estimator_sparse_matrix"),
        *("check_fit1d", "check_fit2d_predict1d"),
    ),
    "Pipeline": ("check_estimators_overwrite_params", "check_dont_overwrite_parameters"),
}
"""All that fails here; each must be declared by scikit-learn for its class of the same name."""


def expected(estimator: BaseEstimator) -> dict[str, str]:
    """Return the checks that may fail, with scikit-learn's reasons."""
    theirs = {cls.__name__: checks for cls, checks in PER_ESTIMATOR_XFAIL_CHECKS.items()}
    names = [base.__name__ for base in type(estimator).__mro__ if base.__name__ in FAILS]
    out = {check: theirs[name][check] for name in names for check in FAILS[name]}
    if getattr(estimator, "schedule", None) == "one-pass":
        del out["check_dont_overwrite_parameters"]
    if isinstance(dict(getattr(estimator, "steps", ())).get("simpleimputer"), SimpleImputer):
        out["check_estimators_nan_inf"] = "a pipeline does not say that its first step takes NaN"
    if isinstance(estimator, QuadraticDiscriminantAnalysis):
        out[WEIGHTS[0]] = "a class of the check has too few rows for a covariance of full rank"
    if isinstance(estimator, LinearDiscriminantAnalysis) and estimator.solver == "eigen":
        out["check_sample_weights_shape"] = "the rows of each class of the check are the same"
    if getattr(estimator, "var_smoothing", 0.0) > 1e-3:
        out[WEIGHTS[0]] = "as in scikit-learn, epsilon_ is that of the rows without their weights"
    if isinstance(estimator, (SelectKBest, SelectPercentile, SelectFpr, SelectFdr, SelectFwe)):
        reason = "partial_fit by labels needs all of them, and the check gives none"
        out["check_n_features_in_after_fitting"] = reason
    if isinstance(getattr(estimator, "estimator", None), preprocessing.StandardScaler):
        reason = "scikit-learn's scaler takes arrays of two libraries for one and breaks"
        out["check_array_api_same_namespace"] = reason
    if hasattr(estimator, "parameters"):
        out["check_array_api_same_namespace"] = "the error names the class of the best candidate"
    return out


class Once:
    """`fit` by one call of `partial_fit`, so that checks that call `fit` see that."""

    def _forget(self):
        learned = {"_state", "_weighted", "_learned", "_seed", "_epoch", "_inertia", "_unread"}
        for name in [name for name in vars(self) if name.endswith("_") or name in learned]:
            delattr(self, name)

    def fit(self, X, y=None, sample_weight=None):
        """Forget, then learn in one call."""
        self._forget()
        if not is_classifier(self):
            return self.partial_fit(X, y, sample_weight=sample_weight)
        labels = [0, 1] if y is None else np.unique(to_numpy(y) if is_array(y) else np.asarray(y))
        return self.partial_fit(X, y, classes=labels, sample_weight=sample_weight)


class OnceUnweighted(Once):
    """The same for estimators whose `fit` takes no weights."""

    def fit(self, X, y=None):
        """Forget, then learn in one call."""
        self._forget()
        return self.partial_fit(X, y)


class OncePCA(OnceUnweighted, PCA):
    pass


class OnceTruncatedSVD(OnceUnweighted, TruncatedSVD):
    pass


class OnceLinearRegression(Once, LinearRegression):
    pass


class OnceRidge(Once, Ridge):
    pass


class OnceElasticNet(Once, ElasticNet):
    pass


class OnceRidgeClassifier(Once, RidgeClassifier):
    pass


class OnceGaussianNB(Once, GaussianNB):
    pass


class OnceMultinomialNB(Once, MultinomialNB):
    pass


class OnceVarianceThreshold(OnceUnweighted, VarianceThreshold):
    pass


class OnceTfidfTransformer(OnceUnweighted, TfidfTransformer):
    pass


class OnceStandardScaler(Once, StandardScaler):
    pass


class OnceMinMaxScaler(OnceUnweighted, MinMaxScaler):
    pass


class OnceMaxAbsScaler(OnceUnweighted, MaxAbsScaler):
    pass


class OnceRobustScaler(OnceUnweighted, RobustScaler):
    pass


class OnceOrdinalEncoder(OnceUnweighted, OrdinalEncoder):
    pass


class OnceKBinsDiscretizer(Once, KBinsDiscretizer):
    pass


class OnceSplineTransformer(Once, SplineTransformer):
    pass


class OnceSimpleImputer(OnceUnweighted, SimpleImputer):
    pass


class OnceMissingIndicator(OnceUnweighted, MissingIndicator):
    pass


class OnceSGDClassifier(Once, SGDClassifier):
    pass


class OnceSGDRegressor(Once, SGDRegressor):
    pass


class OncePassiveAggressiveRegressor(Once, PassiveAggressiveRegressor):
    pass


class OnceMiniBatchKMeans(Once, MiniBatchKMeans):
    pass


class OnceMLPClassifier(Once, MLPClassifier):
    pass


class OnceMLPRegressor(Once, MLPRegressor):
    pass


SEARCH = {"error_score": "raise", "random_state": 0}
ALPHAS = {"alpha": [1e-4, 1e-2]}
CHECKED = [
    StandardScaler(),
    StandardScaler(with_mean=False),
    MinMaxScaler(),
    MinMaxScaler((-1, 1), clip=True),
    MaxAbsScaler(),
    MaxAbsScaler(clip=True),
    RobustScaler(),
    RobustScaler(with_centering=False, unit_variance=True),
    QuantileTransformer(),
    QuantileTransformer(output_distribution="normal"),
    KBinsDiscretizer(),
    KBinsDiscretizer(encode="ordinal", strategy="kmeans"),
    KBinsDiscretizer(encode="onehot-dense", strategy="uniform"),
    SplineTransformer(),
    SplineTransformer(handle_missing="zeros", sparse_output=True),
    OneHotEncoder(handle_unknown="ignore"),
    OrdinalEncoder(),
    TargetEncoder(cv=3),
    PowerTransformer(),
    PowerTransformer(standardize=False),
    PCA(),
    PCA(0.5, whiten=True, svd_solver="covariance_eigh"),
    IncrementalPCA(1),
    TruncatedSVD(1),
    VarianceThreshold(),
    SelectKBest(k=1),
    SelectPercentile(percentile=100),
    SelectFpr(alpha=1.0),
    SelectFdr(alpha=1.0),
    SelectFwe(alpha=1.0),
    SelectFromModel(SGDRegressor(random_state=0)),
    TfidfTransformer(),
    TfidfTransformer(norm=None, smooth_idf=False),
    PolynomialFeatures((1, 3), interaction_only=True, include_bias=False),
    Binarizer(),
    Normalizer("max"),
    ColumnTransformer([("scaled", StandardScaler(), [0])]),
    FunctionTransformer(validate=True),
    FunctionTransformer(),
    SGDClassifier(max_iter=5),
    SGDClassifier(loss="log_loss", average=True, max_iter=5),
    SGDRegressor(max_iter=5),
    SGDRegressor(max_iter=5, batch_size=1),
    Perceptron(max_iter=5),
    PassiveAggressiveClassifier(max_iter=5),
    PassiveAggressiveRegressor(max_iter=5),
    LinearRegression(),
    LinearRegression(positive=True),
    Ridge(),
    Ridge(positive=True),
    RidgeCV(),
    RidgeCV(cv=3),
    RidgeClassifier(),
    Lasso(),
    Lasso(0.01, positive=True),
    ElasticNet(),
    ElasticNet(0.01, warm_start=True),
    LassoCV(),
    ElasticNetCV(cv=3),
    LogisticRegression(),
    LogisticRegression(C=0.1, class_weight="balanced"),
    PoissonRegressor(),
    GammaRegressor(),
    TweedieRegressor(),
    TweedieRegressor(power=1.5, alpha=0.01),
    HuberRegressor(),
    HuberRegressor(epsilon=1.1, fit_intercept=False),
    GaussianNB(),
    GaussianNB(var_smoothing=0.1),
    MultinomialNB(),
    ComplementNB(norm=True),
    BernoulliNB(),
    CategoricalNB(),
    NearestCentroid(),
    NearestCentroid(priors="empirical"),
    LinearDiscriminantAnalysis(),
    LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto"),
    LinearDiscriminantAnalysis(solver="eigen", covariance_estimator=LedoitWolf()),
    QuadraticDiscriminantAnalysis(solver="eigen", shrinkage=0.1),
    EmpiricalCovariance(),
    ShrunkCovariance(),
    LedoitWolf(),
    LedoitWolf(assume_centered=True, store_precision=False),
    OAS(),
    MLPClassifier(max_iter=100),
    MLPRegressor(max_iter=100),
    ours(StandardScaler(), LinearRegression(), schedule="one-pass"),
    ours(StandardScaler(), RidgeClassifier(), schedule="one-pass"),
    ours(StandardScaler(), GaussianNB(), schedule="one-pass"),
    ours(StandardScaler(), LinearDiscriminantAnalysis(), schedule="one-pass"),
    ours(StandardScaler(), SGDClassifier(max_iter=5, random_state=0)),
    ours(StandardScaler(), SGDRegressor(max_iter=5, random_state=0), schedule="one-pass"),
    ours(StandardScaler(), SGDClassifier(max_iter=5, random_state=0), schedule="one-pass"),
    ours(MinMaxScaler(), SGDClassifier(max_iter=5, random_state=0), schedule="one-pass"),
    ours(MaxAbsScaler(), SGDRegressor(max_iter=5, random_state=0), schedule="one-pass"),
    MiniBatchKMeans(),
    MiniBatchKMeans(n_clusters=3, init="k-means||", max_iter=5),
    OnceMiniBatchKMeans(),
    KMeans(),
    KMeans(n_clusters=3, init="k-means||", n_init=2),
    GaussianMixture(),
    GaussianMixture(2, covariance_type="diag", init_params="random", n_init=2, random_state=0),
    OnceLinearRegression(),
    OnceRidge(),
    OnceRidgeClassifier(),
    OnceElasticNet(0.1),
    OnceGaussianNB(),
    OnceMultinomialNB(),
    OnceTfidfTransformer(),
    OnceVarianceThreshold(),
    OnceStandardScaler(),
    OnceMinMaxScaler(),
    OnceMaxAbsScaler(),
    SimpleImputer(add_indicator=True),
    SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
    SimpleImputer(strategy="most_frequent", add_indicator=True),
    SimpleImputer(strategy="constant", add_indicator=True),
    OncePCA(),
    OnceTruncatedSVD(1),
    OnceSimpleImputer(add_indicator=True),
    MissingIndicator(),
    MissingIndicator(features="all"),
    OnceMissingIndicator(),
    ours(SimpleImputer(), SGDClassifier(max_iter=5, random_state=0), schedule="one-pass"),
    OnceRobustScaler(),
    OnceKBinsDiscretizer(),
    OnceSplineTransformer(),
    OnceOrdinalEncoder(),
    OnceSGDClassifier(loss="log_loss"),
    OnceSGDRegressor(),
    OncePassiveAggressiveRegressor(C=0.01),
    Incremental(linear_model.SGDClassifier(random_state=0), max_iter=20),
    Incremental(linear_model.SGDRegressor(random_state=0), max_iter=20),
    Incremental(preprocessing.StandardScaler()),
    ParallelPostFit(linear_model.SGDClassifier(random_state=0)),
    ParallelPostFit(preprocessing.StandardScaler()),
    StreamSearchCV(SGDClassifier(random_state=0), ALPHAS, **SEARCH),
    SuccessiveHalvingSearchCV(SGDRegressor(random_state=0), ALPHAS, **SEARCH),
]
"""What scikit-learn's own checks run on."""
UNCHECKED = {
    *("DatetimeEncoder", "LabelBinarizer", "LabelEncoder", "HyperbandSearchCV", *OF_DOCUMENTS),
}
"""Those that the checks have no input for: they take dates or documents alone, labels and no X, or
many rows."""


@parametrize_with_checks(CHECKED, expected_failed_checks=expected)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:n_quantiles", "ignore:Bins whose width")
@pytest.mark.filterwarnings("ignore:`TargetEncoder.shuffle`:FutureWarning")  # a seed is set
@pytest.mark.filterwarnings("ignore:self.within_class_std_dev_ has at least 1 zero")
@pytest.mark.complete(share=0.2)  # there are 8,500
def test_scikit_learns_checks(estimator, check):
    with warnings.catch_warnings():
        if isinstance(getattr(estimator, "estimator", None), preprocessing.StandardScaler):
            # scikit-learn's own divides 0 by 0, of which only NumPy's arrays keep silent.
            warnings.filterwarnings("ignore", "invalid value encountered in divide")
        check(estimator)


def test_scikit_learns_checks_run_on_every_public_estimator():
    checked = {cls for estimator in CHECKED for cls in type(estimator).__mro__}
    left = {name for name, cls in public_estimators().items() if cls not in checked}
    assert left == UNCHECKED


def takes_steps(estimator: BaseEstimator) -> bool:
    """Tell whether it learns in batches and epochs: all but what is a function of sums do."""
    learner = estimator[-1] if isinstance(estimator, Line) else estimator
    sums = isinstance(learner, Transformer | MergeableEstimator | GaussianMixture)
    return isinstance(learner, MiniBatchKMeans) or not sums


@pytest.fixture(params=ESTIMATORS)
def estimator(request: pytest.FixtureRequest) -> BaseEstimator:
    return clone(ESTIMATORS[request.param])


SCIKIT_LEARNS_NAMES = {
    "numpy": [("numpy", None, None)],
    "strictest": [("array_api_strict", "CPU_DEVICE", "float64")],
    "strict-device1": [("array_api_strict", "device1", "float32")],
    "torch": [("torch", "cpu", "float64"), ("torch", "cpu", "float32")],
}
"""Namespace, device and dtype of each backend in the words of scikit-learn's checks."""


def for_other_tables(estimator: BaseEstimator) -> None:
    """Let clusters start in tables of other features; a row that is a centre is at 0 or at 1e-8.

    Two features of the checks depend on others. Directions without variance are those of rounding.
    """
    if is_clusterer(estimator):
        estimator.set_params(init="k-means++")
    if isinstance(estimator, MiniBatchKMeans):
        estimator.set_params(reassignment_ratio=0)
    if isinstance(estimator, (PCA, IncrementalPCA)):
        estimator.set_params(n_components=5)
    if isinstance(estimator, GaussianMixture):
        estimator.set_params(**dict.fromkeys(GIVEN_MIXTURE), init_params="k-means++")


def not_of_edges(estimator: BaseEstimator) -> None:
    """Leave out what has arrays in an array, which these checks take for one of numbers."""
    if isinstance(estimator, KBinsDiscretizer):
        pytest.skip("tests/test_quantile_transformers.py looks at bins on every library")


@pytest.mark.parametrize(
    "backend", [name for name in selected() if name in SCIKIT_LEARNS_NAMES], indirect=True
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_array_api_gives_numpys_values(estimator, backend):
    """scikit-learn's checks skip in silence what is not installed or not switched on."""
    not_of_edges(estimator)
    if backend.name == "torch" and isinstance(estimator, LinearRegression):
        pytest.skip("two singular values of the check's features are rounding, and 0 elsewhere")
    assert os.environ["SCIPY_ARRAY_API"] == "1"
    for_other_tables(estimator)
    try:
        for namespace, device, dtype in SCIKIT_LEARNS_NAMES[backend.name]:
            for weighted in (False, True):
                check_array_api_input_and_values(
                    type(estimator).__name__,
                    estimator,
                    namespace,
                    device_name=device,
                    dtype_name=dtype or "float64",
                    check_sample_weight=weighted,
                )
    except SkipTest as reason:
        pytest.fail(f"skipped: {reason}")


@pytest.mark.parametrize(
    "backend",
    [name for name in selected() if name in SCIKIT_LEARNS_NAMES and name != "numpy"],
    indirect=True,
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_array_api_follows_x_and_refuses_other_arrays(estimator, backend):
    """scikit-learn's two other checks of array libraries, on each; its own lists leave most out."""
    not_of_edges(estimator)
    name, numpy = type(estimator).__name__, NamespaceAndDevice("numpy", None)
    for_other_tables(estimator)
    try:
        for namespace, device, _ in SCIKIT_LEARNS_NAMES[backend.name]:
            here = NamespaceAndDevice(namespace, device)
            for X, others in ((here, numpy), (numpy, here)):
                check_array_api_mixed_inputs(
                    name, estimator, X_ns_and_device=X, other_ns_and_device=others
                )
            # What is wrapped speaks for itself, and a pipeline's first step for it.
            first = getattr(estimator, "estimator", None) is None and name not in STATELESS
            if get_tags(estimator).array_api_support and first:
                check_array_api_same_namespace(name, estimator, namespace, device)
    except SkipTest as reason:
        pytest.fail(f"skipped: {reason}")


# Ours


class Table(NamedTuple):
    """Rows and what to learn from them, as NumPy."""

    X: np.ndarray
    y: np.ndarray
    sample_weight: np.ndarray

    def target(self, estimator: BaseEstimator) -> np.ndarray:
        """Return labels for classifiers, values for others."""
        return self.y if is_classifier(estimator) else self.X[:, 0] - self.y


@pytest.fixture(scope="module")
def table() -> Table:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N_ROWS, 4)) * [1, 2, 0.5, 1] + [0, 3, -1, 0]
    y = np.digitize(X[:, 0] + 0.3 * rng.normal(size=N_ROWS), [-0.7, 0.6])
    return Table(X, y, rng.integers(1, 4, N_ROWS) / 2)


def takes_weights(estimator: BaseEstimator) -> bool:
    return has_fit_parameter(estimator, "sample_weight")


@pytest.fixture
def container(backend: Backend, kind: str) -> Container:
    return Container(kind, backend)


everywhere = pytest.mark.parametrize(("backend", "kind"), CASES, indirect=["backend"])
on_main = pytest.mark.parametrize(("backend", "kind"), MAIN_CASES, indirect=["backend"])
in_blocks = pytest.mark.parametrize(
    ("backend", "kind"), [c for c in CASES if c[1].startswith("dask")], indirect=["backend"]
)


def fit(estimator: BaseEstimator, container: Container, table: Table, **how: Any) -> BaseEstimator:
    """Fit on ``table`` in ``container``, one block after the other read in one thread."""
    y = container.wrap(table.target(estimator))
    with dask.config.set(scheduler="sync"):
        return estimator.fit(container.wrap(table.X), y, **how)


def outputs(estimator: BaseEstimator, X: Any) -> dict[str, Any]:
    return {m: getattr(estimator, m)(X) for m in METHODS if hasattr(estimator, m)}


with open_backend("numpy") as NUMPY:
    """Backends of NumPy need no settings in force."""


def in_batches(estimator: BaseEstimator, rows: int) -> dict[str, int]:
    """Return the parameters for batches of this number of rows, where a row is not always one."""
    by_row = isinstance(estimator, PassiveAggressiveClassifier | PassiveAggressiveRegressor)
    return {} if by_row else {"batch_size": rows}


def reference(container: Container) -> Container:
    """Return the container of NumPy's arrays in the same blocks."""
    return Container("dask" if container.lazy else "array", NUMPY)


def close(got: np.ndarray, want: np.ndarray, container: Container, factor: float = 1e4) -> None:
    if want.dtype.kind in "OUib":
        np.testing.assert_array_equal(got, want)
    else:
        tolerance = factor * container.backend.eps
        np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance)


def close_arrays(
    estimator: BaseEstimator, known: BaseEstimator, container: Container, factor: float = 1e4
) -> None:
    """Compare all that was learned."""
    names = [name for name in LEARNED if hasattr(known, name)]
    assert names, f"add a fitted attribute of {type(known).__name__} to LEARNED"
    for name in names:
        each = arrays(getattr(estimator, name)), arrays(getattr(known, name))
        for got, want in zip(*each, strict=True):
            close(to_numpy(got), np.asarray(want), container, factor)


@everywhere
def test_what_comes_out_is_what_went_in(estimator, container, table):
    """Same kind of container, namespace, device, dtype and values, for arrays of every library."""
    known = fit(clone(estimator), reference(container), table)
    fit(estimator, container, table)
    want = outputs(known, reference(container).wrap(table.X))
    got = outputs(estimator, container.wrap(table.X))
    assert got.keys() == want.keys()
    for method, out in got.items():
        if container.kind == "dask-frame":
            framed = method.endswith("transform") or out.ndim == 1
            assert isinstance(out, dd.DataFrame | dd.Series if framed else da.Array)
        codes = isinstance(estimator, GaussianMixture) or is_clusterer(estimator)
        labels = method == "predict" and (is_classifier(estimator) or codes)
        found = container.numpy(out, None if labels else container.dtype)
        wanted = reference(container).numpy(want[method])
        last = estimator[-1] if hasattr(estimator, "steps") else estimator
        if hasattr(last, "cluster_centers_") and method == "transform":
            # a row at its centre: the root of what cancels keeps half of the digits
            found, wanted = found**2, wanted**2
        close(found, wanted, container)


@on_main
def test_fitted_attributes_are_where_x_is(estimator, container, table):
    fit(estimator, container, table)
    for name in ("coef_", "intercept_", "classes_", *SCALERS):
        if hasattr(estimator, name):
            container.backend.check(getattr(estimator, name))


@everywhere
def test_strings_are_labels(container, table):
    names = np.array(["low", "mid", "top"])
    texts = table._replace(y=names[table.y])
    by_code = fit(SGDClassifier(**ONCE), container, table)
    by_name = fit(SGDClassifier(**ONCE), container, texts)
    np.testing.assert_array_equal(by_name.classes_, names)
    codes = container.numpy(by_code.predict(container.wrap(table.X)))
    out = container.numpy(by_name.predict(container.wrap(table.X)), strings=True)
    np.testing.assert_array_equal(out, names[codes])
    X, y = container.wrap(table.X), container.wrap(texts.y)
    assert by_name.score(X, y) == pytest.approx(np.mean(codes == table.y), rel=1e-6)


@everywhere
def test_boolean_labels(container, table):
    model = SGDClassifier(loss="log_loss", **ONCE)
    bools = table._replace(y=table.y > 0)
    fit(model, container, bools)
    out = container.numpy(model.predict(container.wrap(table.X)))
    assert out.dtype == np.bool_
    score = model.score(container.wrap(table.X), container.wrap(bools.y))
    assert score == pytest.approx(np.mean(out == bools.y), rel=1e-6)


@everywhere
def test_weights_and_their_score(estimator, container, table):
    if not takes_weights(estimator):
        pytest.skip("as in scikit-learn, its fit takes no weights")
    if isinstance(estimator, StandardScaler):
        estimator.fit(container.wrap(table.X), sample_weight=container.wrap(table.sample_weight))
        mean = np.average(table.X, axis=0, weights=table.sample_weight)
        close(np.asarray(to_numpy(estimator.mean_)), mean, container)
        return
    weight = container.wrap(table.sample_weight)
    known = clone(estimator)
    fit(known, reference(container), table, sample_weight=table.sample_weight)
    fit(estimator, container, table, sample_weight=weight)
    close_arrays(estimator, known, container)
    if not takes_steps(estimator):
        return
    X, y = container.wrap(table.X), container.wrap(table.target(estimator))
    want = known.score(table.X, table.target(known), sample_weight=table.sample_weight)
    assert estimator.score(X, y, sample_weight=weight) == pytest.approx(want, rel=1e-4)


@in_blocks
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_nothing_is_read_until_asked_and_then_once(estimator, container, table):
    reads: list = []
    once = list(range(len(CHUNKS)))
    X = container.wrap(table.X, log=reads)
    y = container.wrap(table.target(estimator))
    with dask.config.set(scheduler="sync"):
        if is_classifier(estimator):
            estimator.set_params(classes=[0, 1, 2])
        if takes_steps(estimator):
            estimator.set_params(max_iter=1)
        assert reads == []
        estimator.fit(X, y)
        if isinstance(estimator, PowerTransformer | GeneralizedLinear | HuberRegressor):
            assert len(reads) % len(once) == 0
            assert len(reads) <= 12 * len(once)
        elif isinstance(estimator, KMeans | GaussianMixture):
            assert sorted(reads) == sorted(once * estimator.n_iter_)
        else:
            assert sorted(reads) == ([] if type(estimator).__name__ in STATELESS else once)
        reads.clear()
        out = outputs(estimator, X)
        assert reads == []
        for lazy in out.values():
            reads.clear()
            blocks_of(lazy)
            assert sorted(reads) == once
        if hasattr(estimator, "score"):
            reads.clear()
            estimator.score(X, y)
            assert sorted(reads) == once


@in_blocks
def test_labels_cost_a_pass_over_y_alone(container, table):
    reads_X: list = []
    reads_y: list = []
    X, y = container.wrap(table.X, log=reads_X), container.wrap(table.y, log=reads_y)
    with dask.config.set(scheduler="sync"):
        SGDClassifier(random_state=0).fit(X, y)
        assert sorted(reads_X) == list(range(len(CHUNKS)))
        assert sorted(reads_y) == sorted(2 * list(range(len(CHUNKS))))
        reads_y.clear()
        SGDClassifier(random_state=0, classes=[0, 1, 2]).fit(X, y)
        assert sorted(reads_y) == list(range(len(CHUNKS)))


@everywhere
def test_inputs_are_not_changed(estimator, container, table):
    """NumPy blocks cannot even be written; others are compared."""
    X, y = container.wrap(table.X), container.wrap(table.target(estimator))
    w = container.wrap(table.sample_weight)
    kept = []
    if not container.lazy and not container.is_frame:
        kept = [(a, container.backend.to_numpy(a)) for a in (X, y, w)]
    elif container.kind == "frame":
        kept = [(a, a.to_numpy().copy()) for a in (X, y, w)]
    elif not container.is_frame:
        made = [container.backend.asarray(a) for a in (table.X, table.target(estimator))]
        for a in made:
            if isinstance(a, np.ndarray):
                a.flags.writeable = False
        kept = [(a, container.backend.to_numpy(a)) for a in made]
        X, y = (
            da.from_delayed(
                dask.delayed(a, pure=False), shape=a.shape, meta=np.empty((0,) * a.ndim)
            )
            for a in made
        )
        w = None
    weights = {"sample_weight": w} if takes_weights(estimator) else {}
    estimator.fit(X, y, **weights)
    for out in outputs(estimator, X).values():
        if container.lazy:
            blocks_of(out)
    for a, before in kept:
        after = a.to_numpy() if hasattr(a, "to_numpy") else container.backend.to_numpy(a)
        np.testing.assert_array_equal(after, before)


def values(estimator: BaseEstimator) -> dict[str, Any]:
    """Return the parameters that are no estimators; theirs are among them."""
    params = estimator.get_params().items()
    return {k: v for k, v in params if k != "steps" and not isinstance(v, BaseEstimator)}


@on_main
def test_pickle_and_clone_after_fit(estimator, container, table):
    fit(estimator, container, table)
    copy = pickle.loads(pickle.dumps(estimator))
    X = container.wrap(table.X)
    for method, out in outputs(estimator, X).items():
        again = container.numpy(getattr(copy, method)(X))
        np.testing.assert_array_equal(container.numpy(out), again)
    fresh = clone(estimator)
    assert values(fresh) == values(estimator)
    if not get_tags(fresh).requires_fit:
        return
    with pytest.raises(NotFittedError):
        outputs(fresh, X)


def no_data(x: Any, at: str = "") -> list[str]:
    """Return where a state holds what is neither a number, text nor an array or container of it."""
    if isinstance(x, np.ndarray):
        return no_data(x.ravel().tolist(), at) if x.dtype.kind == "O" else []
    if x is None or isinstance(x, (bool, int, float, str, np.generic)) or is_array(x):
        return []
    if isinstance(x, dict):
        return [bad for key, v in x.items() for bad in no_data(key, at) + no_data(v, f"{at}.{key}")]
    if isinstance(x, list | tuple):
        known = type(x) in (list, tuple) or type(x).__module__.startswith("streamlearn.")
        names = getattr(x, "_fields", range(len(x)))
        inside = [bad for n, v in zip(names, x, strict=True) for bad in no_data(v, f"{at}.{n}")]
        return inside if known else [f"{at}: {type(x)}"]
    if type(x).__module__.startswith("sklearn."):
        return []  # a wrapped estimator, whose state is its own
    return no_data(x.__getstate__(), at) if made_of_attributes(type(x)) else [f"{at}: {type(x)}"]


@pytest.mark.parametrize(
    ("backend", "kind"), [c for c in CASES if c[0] in ("numpy", "torch")], indirect=["backend"]
)
def test_a_fitted_state_is_data_and_runs_nothing(estimator, container, table):
    """No pickle in bytes, no function, no generator: what loads a state need trust names alone."""
    fit(estimator, container, table)
    assert no_data(estimator.__getstate__()) == []
    if hasattr(estimator, "partial_fit"):
        X, y = container.wrap(table.X), container.wrap(table.target(estimator))
        estimator.partial_fit(X, y)
        assert no_data(estimator.__getstate__()) == []


SCHEDULERS = {
    "sync": {"scheduler": "sync"},
    "threads-1": {"scheduler": "threads", "num_workers": 1},
    "threads-2": {"scheduler": "threads", "num_workers": 2},
    "threads-8": {"scheduler": "threads", "num_workers": 8},
}


def learned(estimator: BaseEstimator) -> bytes:
    return b"".join(
        to_numpy(a).tobytes()
        for name in LEARNED
        if hasattr(estimator, name)
        for a in arrays(getattr(estimator, name))
    )


def arrays(x: Any) -> list[Any]:
    """Return the arrays of a fitted attribute: of edges and knots there is one for each feature."""
    if isinstance(x, list):
        return [spline.t for spline in x]
    return list(x) if isinstance(x, np.ndarray) and x.dtype.kind == "O" else [x]


def test_the_same_bits_on_every_scheduler(estimator, table):
    X, y = (
        dask_array(table.X, (30,) * 6 + (20,)),
        dask_array(table.target(estimator), (30,) * 6 + (20,)),
    )
    found = set()
    for settings in SCHEDULERS.values():
        for window in (1, 4):
            with dask.config.set({**settings, "streamlearn.window": window}):
                found.add(learned(clone(estimator).fit(X, y)))
    assert len(found) == 1
    if takes_steps(estimator):
        other = clone(estimator).set_params(random_state=1).fit(X, y)
        assert learned(other) not in found


@pytest.fixture(scope="module")
def workers():
    distributed = pytest.importorskip("distributed", reason="distributed is an extra")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=2, processes=False, dashboard_address=":0"
    ) as cluster:
        yield cluster


@pytest.fixture
def cluster(workers):
    """A client that is the default for one test only."""
    with workers.get_client() as client:
        yield client


@pytest.mark.parametrize("persisted", [False, True])
def test_on_a_cluster_the_same_bits_and_lazy_predictions(estimator, table, cluster, persisted):
    y = table.target(estimator)
    data = [da.from_array(a, chunks=(30, *a.shape[1:])) for a in (table.X, y)]
    with dask.config.set(scheduler="sync"):
        here = make_pipeline(StandardScaler(), clone(estimator)).fit(*data)
    if persisted:
        data = [a.persist() for a in data]
    there = make_pipeline(StandardScaler(), clone(estimator)).fit(*data)
    assert learned(there[-1]) == learned(here[-1])
    for method, out in outputs(there, data[0]).items():
        assert isinstance(out, da.Array)
        want = getattr(here, method)(table.X)
        # A score near 0 is a sum of larger terms: its error is relative to the other scores.
        largest = np.abs(want[np.isfinite(want)]).max()
        np.testing.assert_allclose(out.compute(), want, rtol=1e-12, atol=1e-13 * largest)
    if hasattr(estimator, "score"):
        assert there.score(*data) == pytest.approx(here.score(table.X, y), rel=1e-12)


@pytest.mark.parametrize(
    "chunks", [(200,), (20,) * 10, (100, 0, 100), (0, 40, 120, 40, 0), (160, 40)], ids=str
)
def test_chunks_make_no_difference_where_batches_line_up(estimator, table, chunks):
    if isinstance(estimator, Line):
        estimator = estimator[-1]  # the statistics of the first blocks are others in other blocks
    want = clone(estimator)
    if takes_steps(estimator):
        for each in (want, estimator):
            each.set_params(shuffle=False, **in_batches(each, 20))
    known = (60, 140)
    want.fit(dask_array(table.X, known), dask_array(table.target(want), known))
    estimator.fit(dask_array(table.X, chunks), dask_array(table.target(want), chunks))
    for name in LEARNED:
        if hasattr(want, name):
            each = arrays(getattr(estimator, name)), arrays(getattr(want, name))
            for got, known in zip(*each, strict=True):
                np.testing.assert_allclose(got, known, rtol=1e-12, atol=1e-14)


@on_main
def test_scikit_learns_pipeline(estimator, container, table):
    """The whole line of the README, on every container."""
    pipe = make_pipeline(StandardScaler(), estimator)
    X, y = container.wrap(table.X), container.wrap(table.target(estimator))
    with dask.config.set(scheduler="sync"):
        pipe.fit(X, y)
    for out in outputs(pipe, X).values():
        found = container.numpy(out)
        assert len(found) == N_ROWS
        assert not np.any(np.isnan(found))
    known = clone(pipe).fit(
        reference(container).wrap(table.X), reference(container).wrap(table.target(estimator))
    )
    if not learns_nothing(estimator):
        # A lambda is known to the square root of the floats' precision.
        factor = 1e9 if isinstance(estimator, PowerTransformer) else 1e5
        close_arrays(pipe[-1], known[-1], container, factor)
    if hasattr(pipe, "score") and hasattr(estimator, "score"):
        want = known.score(table.X, table.target(estimator))
        assert pipe.score(X, y) == pytest.approx(want, rel=1e-4)


@pytest.mark.parametrize("wanted", ["pandas", "polars"])
@pytest.mark.parametrize("kind", ["dask", "dask-unknown", "dask-columns", "dask-frame"])
def test_set_output_of_a_collection_is_a_lazy_frame(kind, wanted, table):
    container = Container(kind, NUMPY)
    scaler = StandardScaler().set_output(transform=wanted)
    reads: list = []
    X = container.wrap(table.X, log=reads)
    scaler.fit(X)
    reads.clear()
    out = scaler.transform(X)
    assert isinstance(out, dd.DataFrame)
    assert reads == []
    assert list(out.columns) == list(scaler.get_feature_names_out())
    made = out.compute()
    assert list(made.columns) == list(out.columns)
    assert list(made.dtypes) == list(out.dtypes)
    np.testing.assert_allclose(made.to_numpy(), (table.X - scaler.mean_) / scaler.scale_)


def test_set_output_in_memory_is_scikit_learns(table, backend):
    X = backend.asarray(table.X)
    scaler = StandardScaler().fit(X)
    plain = backend.to_numpy(scaler.transform(X))
    out = scaler.set_output(transform="pandas").transform(X)
    assert isinstance(out, pd.DataFrame)
    assert list(out.columns) == ["x0", "x1", "x2", "x3"]
    np.testing.assert_array_equal(out.to_numpy(), plain)


@pytest.mark.parametrize("kind", ["frame", "dask-frame"])
def test_feature_names_are_kept_and_compared(estimator, kind, table):
    container = Container(kind, NUMPY)
    fit(estimator, container, table)
    assert list(estimator.feature_names_in_) == ["f0", "f1", "f2", "f3"]
    X = container.wrap(table.X)
    methods = ("transform", "predict", "mahalanobis")
    method = next(getattr(estimator, name) for name in methods if hasattr(estimator, name))
    estimator = estimator[:-1] if isinstance(estimator, Line) else estimator
    with pytest.raises(ValueError, match="same order"):
        method(X[["f1", "f0", "f2", "f3"]])
    with pytest.raises(ValueError, match="Feature names unseen"):
        method(X.rename(columns={"f3": "g3"}))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        method(table.X)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        method(dask_array(table.X))
    components = isinstance(estimator, (PCA, IncrementalPCA, TruncatedSVD))
    other_axes = components or is_clusterer(estimator) or is_classifier(estimator)
    if hasattr(estimator, "get_feature_names_out") and not other_axes:
        out = {name for name in estimator.get_feature_names_out() if name != "1"}
        assert {name.split("_")[0].split("^")[0].split(" ")[0] for name in out} == {
            f"f{j}" for j in range(4)
        }


@on_main
def test_another_number_of_features_is_refused(estimator, container, table):
    fit(estimator, container, table)
    wide = np.concatenate([table.X, table.X], axis=1)
    with pytest.raises(ValueError, match=r"8 features.*expecting 4|Feature names"):
        outputs(estimator, container.wrap(wide))
    if not hasattr(estimator, "partial_fit"):
        return
    with pytest.raises(ValueError, match=r"8 features.*expecting 4|Feature names"):
        estimator.partial_fit(container.wrap(wide), container.wrap(table.target(estimator)))


def broken(table: Table, target: np.ndarray) -> dict[str, tuple]:
    """Return what a fit must refuse: X and y, and what the error says."""
    spoiled, late = table.X.copy(), list(CHUNKS)
    spoiled[-1, 2] = np.inf
    late[0], late[2] = late[2], late[0]
    return {
        "infinity in the last block": (
            dask_array(spoiled),
            dask_array(target),
            "infinity.*block 3",
        ),
        "infinity": (spoiled, target, "infinity"),
        "other chunks": (dask_array(table.X), dask_array(target, late), "do not line up"),
        "fewer rows": (dask_array(table.X), target[:-1], "inconsistent"),
        "three dimensions": (dask_array(table.X[:, :, None]), dask_array(target), "Expected 2D"),
        "one dimension": (dask_array(table.X[:, 0]), dask_array(target), "Expected 2D"),
        "no features": (dask_array(table.X[:, :0]), dask_array(target), "0 feature"),
        "no rows": (dask_array(table.X[:0], (0,)), dask_array(target[:0], (0,)), "0 sample"),
        "text": (
            dask_array(table.X.astype(str) + "x"),
            dask_array(target),
            "Block [0-9] of X.*numeric",
        ),
        "complex": (dask_array(table.X + 1j), dask_array(target), "Complex data not supported"),
        "more features": (table.X[:, [0, 1, 2, 3, 3]], target[:-1], ""),
    }


BY_BLOCK = {
    "three dimensions": "dim 3.*In block",
    "text": "could not convert string to float.*In block",
}
"""What a wrapped estimator says that sees blocks only."""
AS_THEIRS = {"text": "with non-numeric data.*Block [0-9] of X"}
"""What imputers say, whose errors begin with scikit-learn's words."""
BROKEN = list(broken(Table(np.ones((N_ROWS, 4)), None, None), np.ones(N_ROWS)))
OF_Y = ("other chunks", "fewer rows", "more features")
WITHOUT_Y = (
    *("StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler", "QuantileTransformer"),
    *("KBinsDiscretizer", "SplineTransformer", "SimpleImputer", "SimpleImputer-median"),
    *("PCA", "PCA-whitened", "IncrementalPCA", "TruncatedSVD", "MiniBatchKMeans", *NO_MERGE),
    *("LedoitWolf", "OAS"),
)
"""What is wrong by a y, and who does not look at it."""
IN_BLOCKS = ("infinity in the last block", "text", "complex", "no rows")
"""What is wrong in blocks, which those that learn nothing do not read."""


def refuses(name: str, what: str, method: str) -> bool:
    """Tell whether a call of ``fit`` or ``partial_fit`` is to be refused."""
    if (name in WITHOUT_Y and what in OF_Y) or (name in STATELESS and what in IN_BLOCKS):
        return False
    return name not in NO_MERGE or method == "fit"


@pytest.mark.parametrize(
    ("estimator", "what", "method"),
    [
        (name, what, method)
        for name in ESTIMATORS
        for what in BROKEN
        for method in ("fit", "partial_fit")
        if refuses(name, what, method)
    ],
    indirect=["estimator"],
)
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_an_error_leaves_the_estimator_as_it_was(estimator, table, what, method):
    target = table.target(estimator)
    X, y, says = broken(table, target)[what]
    words = {Incremental: BY_BLOCK, SimpleImputer: AS_THEIRS}
    says = next((w.get(what, says) for cls, w in words.items() if isinstance(estimator, cls)), says)
    estimator.fit(dask_frame(table.X), dask_frame(target))
    each = [estimator, *(step for _, step in getattr(estimator, "steps", ()))]
    before, bits = [dict(vars(one)) for one in each], learned(estimator)
    with pytest.raises((ValueError, TypeError), match=f"(?s){says}"):
        getattr(estimator, method)(X, y)
    for one, known in zip(each, before, strict=True):
        assert vars(one).keys() == known.keys()
        assert all(vars(one)[name] is known[name] for name in known)
    assert learned(estimator) == bits


@everywhere
@pytest.mark.parametrize(
    "estimator", [name for name in ESTIMATORS if name not in NO_MERGE], indirect=True
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_partial_fit_then_more_rows(estimator, container, table):
    """Two calls learn from all rows: the count says so, and a fit of both blocks."""
    half = N_ROWS - CHUNKS[-1]
    target = table.target(estimator)
    classes = {"classes": [0, 1, 2]} if is_classifier(estimator) else {}
    how = {}
    if takes_steps(estimator):
        how = {"shuffle": False, **in_batches(estimator, 7)}
    if is_clusterer(estimator):
        how = {"batch_size": N_ROWS}  # a block is a batch

    def wrap(x: np.ndarray) -> Any:
        if container.is_frame:
            return frame(x, None) if not container.lazy else dask_frame(x, (len(x),))
        if container.lazy:
            return dask_array(x, (len(x),), make=container.backend.asarray)
        return container.backend.asarray(x)

    estimator.set_params(**how)
    with dask.config.set(scheduler="sync"):
        estimator.partial_fit(wrap(table.X[:half]), wrap(target[:half]), **classes)
        estimator.partial_fit(wrap(table.X[half:]), wrap(target[half:]))
        whole = clone(estimator)
        if how:
            whole.set_params(max_iter=1)
        chunks = (half, N_ROWS - half)
        whole.fit(dask_array(table.X, chunks), dask_array(target, chunks))
    close_arrays(estimator, whole, container)
    for count in ("n_samples_seen_", "t_"):
        assert getattr(estimator, count, None) == getattr(whole, count, None)


def test_everything_follows_x(estimator, backend, table):
    """y and weights may be of any library if X is of NumPy, and of NumPy if X is of any."""
    target, weighted = table.target(estimator), takes_weights(estimator)
    how = {"sample_weight": table.sample_weight} if weighted else {}
    want = learned(clone(estimator).fit(table.X, target, **how))
    there = {name: backend.asarray(weight) for name, weight in how.items()}
    got = clone(estimator).fit(table.X, backend.asarray(target), **there)
    if backend.widest == "float64":
        assert learned(got) == want
    moved = clone(estimator).fit(backend.asarray(table.X), target, **how)
    names = [n for n in (*SCALERS, "coef_", "cluster_centers_", "means_") if hasattr(moved, n)]
    if not learns_nothing(estimator):
        backend.check(getattr(moved, names[0]) if names else an_array(moved._state))
    if hasattr(moved, "classes_"):
        backend.check(moved.classes_)


@pytest.mark.parametrize("name", [name for name in ESTIMATORS if name not in STATELESS])
def test_foreign_arrays_after_fit_are_refused(name, table):
    import array_api_strict

    estimator = ESTIMATORS[name]
    there = array_api_strict.Device("device1")
    here = clone(estimator).fit(table.X, table.target(estimator))
    X, y = (array_api_strict.asarray(a, device=there) for a in (table.X, table.target(estimator)))
    for method in METHODS:
        if hasattr(here, method):
            first = "transform" if isinstance(here, Line) else method
            with pytest.raises(ValueError, match=rf"\.{first}\(\) must use the same namespace"):
                getattr(here, method)(X)
    if name not in NO_MERGE:
        with pytest.raises(ValueError, match=r"\.partial_fit\(\) must use the same namespace"):
            here.partial_fit(X, y)
