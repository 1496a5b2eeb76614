"""The table of bad input: what is given, to what, and what must be said of it.

To add an estimator, append it to `ESTIMATORS`; to add a case, append it to `CASES`. Then print the
page again, as tests/test_bad_input.py says.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import array_api_strict
import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, is_classifier, is_clusterer, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import KFold
from sklearn.utils import get_tags
from sklearn.utils.validation import has_fit_parameter

from streamlearn._estimator.predictor import MergeablePredictor
from streamlearn.cluster import KMeans, MiniBatchKMeans
from streamlearn.covariance import LedoitWolf
from streamlearn.decomposition import PCA, IncrementalPCA, TruncatedSVD
from streamlearn.discriminant_analysis import (
    LinearDiscriminantAnalysis,
    QuadraticDiscriminantAnalysis,
)
from streamlearn.feature_extraction.text import TfidfTransformer
from streamlearn.feature_selection import VarianceThreshold
from streamlearn.impute import MissingIndicator, SimpleImputer
from streamlearn.linear_model import (
    ElasticNet,
    ElasticNetCV,
    HuberRegressor,
    Lasso,
    LassoCV,
    LinearRegression,
    LogisticRegression,
    PassiveAggressiveClassifier,
    PassiveAggressiveRegressor,
    Perceptron,
    Ridge,
    RidgeClassifier,
    RidgeCV,
    SGDClassifier,
    SGDRegressor,
    TweedieRegressor,
)
from streamlearn.mixture import GaussianMixture
from streamlearn.model_selection import (
    HyperbandSearchCV,
    StreamSearchCV,
    SuccessiveHalvingSearchCV,
)
from streamlearn.naive_bayes import BernoulliNB, GaussianNB
from streamlearn.neighbors import NearestCentroid
from streamlearn.neural_network import MLPClassifier, MLPRegressor
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import (
    Binarizer,
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
from streamlearn.wrappers import Incremental
from tests.containers import CHUNKS, N_ROWS, dask_array, dask_frame
from tests.public import OF_DOCUMENTS

ONCE = {"max_iter": 1, "tol": None, "random_state": 0}
NET = {
    "hidden_layer_sizes": (4,),
    "max_iter": 4,
    "tol": 1e99,
    "n_iter_no_change": 1,
    "random_state": 0,
}
SEARCH = (SGDClassifier(loss="log_loss", **ONCE), {"alpha": [1e-4, 1e-2]})
SEARCHES = StreamSearchCV | SuccessiveHalvingSearchCV | HyperbandSearchCV
RAISE = {"error_score": "raise", "random_state": 0}
ESTIMATORS = {
    "SGDClassifier": SGDClassifier(loss="log_loss", **ONCE),
    "SGDRegressor": SGDRegressor(**ONCE),
    "LinearRegression": LinearRegression(),
    "Ridge": Ridge(),
    "RidgeCV": RidgeCV(),
    "RidgeClassifier": RidgeClassifier(),
    "Lasso": Lasso(),
    "LassoCV": LassoCV(alphas=5),
    "ElasticNet": ElasticNet(),
    "ElasticNetCV": ElasticNetCV(alphas=5),
    "LogisticRegression": LogisticRegression(),
    "TweedieRegressor": TweedieRegressor(),
    "HuberRegressor": HuberRegressor(),
    "GaussianNB": GaussianNB(),
    "BernoulliNB": BernoulliNB(),
    "NearestCentroid": NearestCentroid(),
    "LinearDiscriminantAnalysis": LinearDiscriminantAnalysis(),
    "QuadraticDiscriminantAnalysis": QuadraticDiscriminantAnalysis(reg_param=0.5),
    "MLPClassifier": MLPClassifier(**NET),
    "MLPRegressor": MLPRegressor(**NET),
    "StandardScaler": StandardScaler(),
    "MinMaxScaler": MinMaxScaler(),
    "MaxAbsScaler": MaxAbsScaler(),
    "SimpleImputer": SimpleImputer(add_indicator=True),
    "MissingIndicator": MissingIndicator(features="all"),
    "RobustScaler": RobustScaler(),
    "QuantileTransformer": QuantileTransformer(n_quantiles=20),
    "KBinsDiscretizer": KBinsDiscretizer(encode="ordinal", strategy="uniform"),
    "SplineTransformer": SplineTransformer(extrapolation="error"),
    "OneHotEncoder": OneHotEncoder(sparse_output=False),
    "OrdinalEncoder": OrdinalEncoder(),
    "TargetEncoder": TargetEncoder(),
    "PowerTransformer": PowerTransformer(),
    "PCA": PCA(),
    "IncrementalPCA": IncrementalPCA(),
    "TruncatedSVD": TruncatedSVD(4),
    "TfidfTransformer": TfidfTransformer(),
    "VarianceThreshold": VarianceThreshold(),
    "LedoitWolf": LedoitWolf(),
    "PolynomialFeatures": PolynomialFeatures(),
    "Binarizer": Binarizer(),
    "Normalizer": Normalizer(),
    "MiniBatchKMeans": MiniBatchKMeans(3, random_state=0),
    "KMeans": KMeans(3, random_state=0),
    "GaussianMixture": GaussianMixture(2, random_state=0),
    "Perceptron": Perceptron(**ONCE),
    "PassiveAggressiveClassifier": PassiveAggressiveClassifier(**ONCE),
    "PassiveAggressiveRegressor": PassiveAggressiveRegressor(**ONCE),
    "Pipeline": make_pipeline(
        StandardScaler(), SGDClassifier(loss="log_loss", **ONCE), schedule="one-pass"
    ),
    "Incremental": Incremental(SGDClassifier(loss="log_loss", random_state=0), shuffle=False),
    "StreamSearchCV": StreamSearchCV(*SEARCH, **RAISE),
    "SuccessiveHalvingSearchCV": SuccessiveHalvingSearchCV(*SEARCH, **RAISE),
    "HyperbandSearchCV": HyperbandSearchCV(*SEARCH, **RAISE),
}
ELSEWHERE = {
    "PoissonRegressor": "its y is of counts; TweedieRegressor has the same base class",
    "GammaRegressor": "its y is of amounts; TweedieRegressor has the same base class",
    "MultinomialNB": "its X is of counts; BernoulliNB has the same base class",
    "CategoricalNB": "its X is of categories; BernoulliNB has the same base class",
    **dict.fromkeys(
        ("EmpiricalCovariance", "OAS", "ShrunkCovariance"), "LedoitWolf has the same base class"
    ),
    "ComplementNB": "its X is of counts; BernoulliNB has the same base class",
    **dict.fromkeys(
        OF_DOCUMENTS, "it takes documents; see tests/feature_extraction/test_documents.py"
    ),
    "SelectFromModel": "its model takes X and y; see tests/feature_selection",
    **dict.fromkeys(
        ("SelectFdr", "SelectFpr", "SelectFwe", "SelectKBest", "SelectPercentile"),
        "it takes a y, and is no predictor; see tests/feature_selection",
    ),
    "ColumnTransformer": "in memory it is scikit-learn's own; see tests/test_compose.py",
    "DatetimeEncoder": "it takes dates alone; see tests/test_datetime_encoder.py",
    "FunctionTransformer": "its function says what it takes; see tests/test_functions_of_rows.py",
    "LabelBinarizer": "it takes no X; see tests/preprocessing/test_label_encoders.py",
    "LabelEncoder": "it takes no X; see tests/preprocessing/test_label_encoders.py",
    "ParallelPostFit": "its fit is another estimator's; see tests/wrappers/test_post_fit.py",
}
"""Those that are not in the table, and why."""

LEARN = ("fit", "partial_fit")
USE_Y = (*LEARN, "score")
ANSWER = (
    "predict",
    "decision_function",
    "predict_proba",
    "predict_log_proba",
    "mahalanobis",
    "transform",
    "inverse_transform",
)
AGAIN = ("partial_fit", "score", *ANSWER)
EVERY = (*USE_Y, *ANSWER)

ARRAY, DASK, FRAME, DASK_FRAME = "array", "dask", "frame", "dask-frame"
SHOWN = {
    ARRAY: "array",
    DASK: "dask array",
    FRAME: "DataFrame",
    DASK_FRAME: "dask DataFrame",
}


# The estimators that a case is for; the page calls them by the docstrings.


def everyone(_: BaseEstimator) -> bool:
    """every estimator"""
    return True


def classifiers(estimator: BaseEstimator) -> bool:
    """classifiers"""
    return is_classifier(estimator)


def regressors(estimator: BaseEstimator) -> bool:
    """regressors"""
    return is_regressor(estimator)


def predictors(estimator: BaseEstimator) -> bool:
    """classifiers and regressors"""
    return is_classifier(estimator) or is_regressor(estimator)


def clusters(estimator: BaseEstimator) -> bool:
    """clusters"""
    return is_clusterer(estimator)


def nets(estimator: BaseEstimator) -> bool:
    """nets"""
    return isinstance(estimator, MLPClassifier | MLPRegressor)


def nets_for_classes(estimator: BaseEstimator) -> bool:
    """nets for classes"""
    return isinstance(estimator, MLPClassifier)


def nets_for_values(estimator: BaseEstimator) -> bool:
    """nets for values"""
    return isinstance(estimator, MLPRegressor)


def of_one_output(estimator: BaseEstimator) -> bool:
    """classifiers and regressors of one output"""
    return predictors(estimator) and not nets(estimator) and not of_several_outputs(estimator)


def of_several_outputs(estimator: BaseEstimator) -> bool:
    """LinearRegression, Ridge, RidgeCV, Lasso and ElasticNet"""
    return isinstance(estimator, LinearRegression | Ridge | RidgeCV | Lasso | ElasticNet)


def exact(estimator: BaseEstimator) -> bool:
    """functions of sums"""
    return isinstance(estimator, MergeablePredictor)


def ridges(estimator: BaseEstimator) -> bool:
    """Ridge"""
    return isinstance(estimator, Ridge)


def penalized(estimator: BaseEstimator) -> bool:
    """Ridge and RidgeClassifier"""
    return isinstance(estimator, Ridge | RidgeClassifier)


def logistic(estimator: BaseEstimator) -> bool:
    """LogisticRegression"""
    return isinstance(estimator, LogisticRegression)


def tweedie(estimator: BaseEstimator) -> bool:
    """TweedieRegressor"""
    return isinstance(estimator, TweedieRegressor)


def by_folds(estimator: BaseEstimator) -> bool:
    """RidgeCV, LassoCV and ElasticNetCV"""
    return isinstance(estimator, RidgeCV | LassoCV | ElasticNetCV)


def paths(estimator: BaseEstimator) -> bool:
    """LassoCV and ElasticNetCV"""
    return isinstance(estimator, LassoCV | ElasticNetCV)


def regressors_of_one_output(estimator: BaseEstimator) -> bool:
    """regressors of one output"""
    return is_regressor(estimator) and of_one_output(estimator)


def of_two_classes(estimator: BaseEstimator) -> bool:
    """classifiers except nets"""
    return is_classifier(estimator) and not nets(estimator)


def of_two_or_more(estimator: BaseEstimator) -> bool:
    """classifiers except nets and naive Bayes"""
    return of_two_classes(estimator) and not isinstance(estimator, GaussianNB | BernoulliNB)


def weighted(estimator: BaseEstimator) -> bool:
    """all that take weights"""
    return has_fit_parameter(estimator, "sample_weight")


def without_nan(estimator: BaseEstimator) -> bool:
    """all that accept no NaN"""
    return not get_tags(estimator).input_tags.allow_nan


def of_numbers(estimator: BaseEstimator) -> bool:
    """all except encoders and MissingIndicator"""
    return not isinstance(estimator, MissingIndicator) and not encoders(estimator)


def by_themselves(estimator: BaseEstimator) -> bool:
    """all except wrapped estimators, encoders and MissingIndicator"""
    return not isinstance(estimator, Incremental) and of_numbers(estimator)


def encoders(estimator: BaseEstimator) -> bool:
    """encoders"""
    return isinstance(estimator, OneHotEncoder | OrdinalEncoder | TargetEncoder)


def encoders_of_known_categories(estimator: BaseEstimator) -> bool:
    """OneHotEncoder and OrdinalEncoder"""
    return isinstance(estimator, OneHotEncoder | OrdinalEncoder)


def encoders_of_targets(estimator: BaseEstimator) -> bool:
    """TargetEncoder"""
    return isinstance(estimator, TargetEncoder)


def imputers(estimator: BaseEstimator) -> bool:
    """SimpleImputer"""
    return isinstance(estimator, SimpleImputer)


def scalers_of_ranges(estimator: BaseEstimator) -> bool:
    """MinMaxScaler"""
    return isinstance(estimator, MinMaxScaler)


def robust_scalers(estimator: BaseEstimator) -> bool:
    """RobustScaler"""
    return isinstance(estimator, RobustScaler)


def by_quantiles(estimator: BaseEstimator) -> bool:
    """QuantileTransformer"""
    return isinstance(estimator, QuantileTransformer)


def discretizers(estimator: BaseEstimator) -> bool:
    """KBinsDiscretizer"""
    return isinstance(estimator, KBinsDiscretizer)


def splines(estimator: BaseEstimator) -> bool:
    """SplineTransformer"""
    return isinstance(estimator, SplineTransformer)


def by_weighted_quantiles(estimator: BaseEstimator) -> bool:
    """KBinsDiscretizer and SplineTransformer"""
    return discretizers(estimator) or splines(estimator)


def power_transformers(estimator: BaseEstimator) -> bool:
    """PowerTransformer"""
    return isinstance(estimator, PowerTransformer)


def polynomials(estimator: BaseEstimator) -> bool:
    """PolynomialFeatures"""
    return isinstance(estimator, PolynomialFeatures)


def of_numbers_from_rows(estimator: BaseEstimator) -> bool:
    """all that learn from rows, except encoders and MissingIndicator"""
    return of_numbers(estimator) and not learns_nothing(estimator)


def must_be_fitted(estimator: BaseEstimator) -> bool:
    """all that must be fitted"""
    return get_tags(estimator).requires_fit


def no_searches(estimator: BaseEstimator) -> bool:
    """all except searches"""
    return not isinstance(estimator, SEARCHES)


def linear_models(estimator: BaseEstimator) -> bool:
    """linear models"""
    return isinstance(estimator, SGDClassifier | SGDRegressor)


def linear_regressors(estimator: BaseEstimator) -> bool:
    """SGDRegressor"""
    return type(estimator) is SGDRegressor


class Table(NamedTuple):
    """Good rows: their scales differ by orders, and they are far from zero."""

    X: np.ndarray
    y: np.ndarray
    sample_weight: np.ndarray


@cache
def table(*, labels: bool) -> Table:
    rng = np.random.default_rng(0)
    z = rng.normal(size=(N_ROWS, 4))
    y = np.digitize(z[:, 0] + 0.3 * z[:, 1], [-0.7, 0.6]) if labels else 3 * z[:, 0] - z[:, 1]
    return Table(z * [1, 1e-3, 1e4, 1] + [1e8, 0, 1, 3], y, rng.integers(1, 4, N_ROWS) / 2)


@cache
def words() -> Table:
    """Return good rows of encoders: text, of which each block has every category."""
    rng = np.random.default_rng(0)
    X = np.asarray(["red", "green", "grey"], dtype=object)[rng.integers(0, 3, (N_ROWS, 4))]
    return Table(X, rng.normal(size=N_ROWS), np.ones(N_ROWS))


def good(estimator: BaseEstimator) -> Table:
    return words() if encoders(estimator) else table(labels=is_classifier(estimator))


def has(estimator: BaseEstimator, method: str) -> bool:
    """Tell whether a method takes what fit takes: encoders cannot go back from text."""
    return hasattr(estimator, method) and not (encoders(estimator) and method == BACK)


BACK = "inverse_transform"


class Case(NamedTuple):
    """One line of the table.

    Attributes
    ----------
    given : str
        What is given, as the page has it.
    make : callable
        ``(table) -> dict``: what is given instead of the good X, y, sample_weight or classes.
        NumPy's arrays are put in the container; of functions, what they make of the container.
    says : str
        A pattern in the error, its notes included: what was given, and what to do.
    calls : tuple of str
    to : callable
        Tells whether it is for an estimator.
    where : tuple of str
        The containers.
    error : type or tuple of types
    state : {"new", "fitted", "both"}
        Of the estimator; "both" for calls that learn, and fitted ones for all others.
    params : dict
        Set before the call.
    declared : bool
        Whether a collection says of itself what is wrong, so that none of its blocks is read.
    """

    given: str
    make: Callable[[Table], dict[str, Any]]
    says: str
    calls: tuple[str, ...] = EVERY
    to: Callable[[BaseEstimator], bool] = everyone
    where: tuple[str, ...] = (ARRAY, DASK)
    error: type[Exception] | tuple[type[Exception], ...] = ValueError
    state: str = "both"
    params: dict[str, Any] = {}
    declared: bool = False

    def is_for(self, estimator: BaseEstimator) -> bool:
        return self.to(estimator) and self.params.keys() <= estimator.get_params().keys()


# How good rows go bad


def last(x: np.ndarray, value: Any) -> np.ndarray:
    """Return a copy whose last row is ``value``."""
    x = x.copy()
    x[-1, ...] = value
    return x


def twice(x: np.ndarray) -> np.ndarray:
    return np.stack([x, x], axis=1)


def objects(x: np.ndarray, value: Any) -> np.ndarray:
    return last(x.astype(object), value)


def other_chunks(x: np.ndarray) -> da.Array:
    return dask_array(x, (CHUNKS[2], CHUNKS[1], CHUNKS[0], CHUNKS[3]))


def last_block(x: np.ndarray, make: Callable[[np.ndarray], Any]) -> da.Array:
    """Return a dask array that does not know what ``make`` makes of its last block."""
    return dask_array(x, make=lambda rows: make(rows) if len(rows) == CHUNKS[-1] else rows)


def unreadable(_rows: np.ndarray) -> np.ndarray:
    raise FileNotFoundError(2, "No such file or directory", "rows-3.npy")


def dated(x: Any) -> Any:
    """Return a frame whose last column holds dates."""
    return x.assign(f3=np.datetime64("2026-01-01"))


def strict(x: np.ndarray) -> Any:
    return array_api_strict.asarray(x, device=array_api_strict.Device("device1"))


def in_other_order(x: np.ndarray) -> dd.DataFrame:
    """Return a dask DataFrame whose last partition has its columns the other way round."""

    def turn(part: Any, partition_info: dict) -> Any:
        late = partition_info["number"] == len(CHUNKS) - 1
        return part[list(part.columns)[::-1]] if late else part

    out = dask_frame(x)
    return out.map_partitions(turn, meta=out._meta, enforce_metadata=False)


def without_a_column(x: np.ndarray) -> dd.DataFrame:
    """Return a dask DataFrame whose last partition has no last column."""

    def cut(part: Any, partition_info: dict) -> Any:
        late = partition_info["number"] == len(CHUNKS) - 1
        return part.iloc[:, :-1] if late else part

    out = dask_frame(x)
    return out.map_partitions(cut, meta=out._meta, enforce_metadata=False)


CASES = {
    "Rows and columns": [
        Case(
            "y with fewer rows than X",
            lambda t: {"y": t.y[:-1]},
            "inconsistent numbers of samples.*200.*199",
            USE_Y,
            predictors,
        ),
        Case(
            "weights with fewer rows than X",
            lambda t: {"sample_weight": t.sample_weight[:-1]},
            r"sample_weight.*199",
            USE_Y,
            weighted,
        ),
        Case(
            "y in other chunks than X",
            lambda t: {"y": other_chunks(t.y)},
            r"do not line up.*\(21, 0, 70, 109\)\. Rechunk one of them: y",
            USE_Y,
            predictors,
            (DASK,),
        ),
        Case(
            "weights in other chunks than X",
            lambda t: {"sample_weight": other_chunks(t.sample_weight)},
            r"do not line up.*\(21, 0, 70, 109\)\. Rechunk one of them: sample_weight",
            USE_Y,
            weighted,
            (DASK,),
        ),
        Case(
            "a block of X with fewer rows than the same block of y",
            lambda t: {"X": last_block(t.X, lambda rows: rows[1:])},
            "parts of block 3 do not line up.*108 rows.*109 rows.*select all columns in one frame",
            USE_Y,
            predictors,
            (DASK,),
        ),
        Case(
            "X in memory and y a dask array",
            lambda t: {"y": dask_array(t.y)},
            r"X is in memory .* and y is a dask Array\. Give both .*, or compute y first",
            LEARN,
            predictors,
            (ARRAY, FRAME),
            TypeError,
        ),
        Case(
            "X in memory and weights a dask array",
            lambda t: {"sample_weight": dask_array(t.sample_weight)},
            r"X is in memory .* and sample_weight is a dask Array\. Give both",
            LEARN,
            weighted,
            (ARRAY, FRAME),
            TypeError,
        ),
        Case(
            "a dask object that is not an array, DataFrame or Series",
            lambda t: {"X": dask.delayed(t.X)},
            r"X is a dask Delayed\w*\. Give a dask array, DataFrame or Series; .*from_delayed",
            where=(DASK,),
            error=TypeError,
            declared=True,
        ),
        Case(
            "y in memory and X in chunks of unknown lengths",
            lambda t: {"X": dask_array(t.X, known=False), "y": t.y.tolist()},
            r"y is in memory and the chunks of X have unknown lengths.*X\.compute_chunk_sizes",
            LEARN,
            predictors,
            (DASK,),
        ),
        Case(
            "X of one dimension",
            lambda t: {"X": t.X[:, 0]},
            r"Expected 2D.* 1D.*reshape\(-1, 1",
            declared=True,
        ),
        Case(
            "X of three dimensions",
            lambda t: {"X": t.X[:, :, None]},
            "dim 3.*dim <= 2|2D.* 3D",
            declared=True,
        ),
        Case("X without rows", lambda t: {"X": t.X[:0], "y": t.y[:0]}, "0 sample.* 1 is", LEARN),
        Case(
            "X without features",
            lambda t: {"X": t.X[:, :0]},
            "0 feature.* minimum of 1 is",
            declared=True,
        ),
        Case(
            "X with more features than in fit",
            lambda t: {"X": t.X[:, [0, 1, 2, 3, 3]]},
            "X has 5 features, but .* is expecting 4",
            AGAIN,
            state="fitted",
        ),
        Case(
            "X with other column names than in fit",
            lambda t: {"X": lambda wrap: wrap(t.X).rename(columns={"f3": "g3"})},
            "Feature names unseen at fit time.*g3.*seen at fit time, yet now missing.*f3",
            AGAIN[:-1],
            where=(FRAME, DASK_FRAME),
            state="fitted",
        ),
        Case(
            "X with its columns in another order than in fit",
            lambda t: {"X": lambda wrap: wrap(t.X)[["f1", "f0", "f2", "f3"]]},
            "Feature names must be in the same order as they were in fit",
            AGAIN[:-1],
            where=(FRAME, DASK_FRAME),
            state="fitted",
        ),
    ],
    "Before fit": [
        Case(
            "an estimator that is not fitted",
            lambda t: {},
            "is not fitted yet. Call 'fit'",
            ("score", *ANSWER),
            must_be_fitted,
            error=NotFittedError,
            state="new",
        ),
    ],
    "Values": [
        Case(
            "NaN in X",
            lambda t: {"X": last(t.X, np.nan)},
            r"X contains NaN.*[Dd]rop|X contains NaN in block 3\. Drop such rows, or fill",
            to=without_nan,
        ),
        Case(
            "infinity in X",
            lambda t: {"X": last(t.X, np.inf)},
            "X contains infinity",
            to=of_numbers,
        ),
        Case(
            "NaN in y",
            lambda t: {"y": last(1.0 * t.y, np.nan)},
            "y contains NaN",
            LEARN,
            predictors,
        ),
        Case(
            "infinity in y",
            lambda t: {"y": last(1.0 * t.y, np.inf)},
            "y contains (NaN or )?infinity",
            LEARN,
            predictors,
        ),
        Case(
            "NaN in the weights",
            lambda t: {"sample_weight": last(t.sample_weight, np.nan)},
            "sample_weight contains NaN",
            USE_Y,
            weighted,
        ),
        Case(
            "infinity in the weights",
            lambda t: {"sample_weight": last(t.sample_weight, np.inf)},
            "sample_weight contains infinity",
            USE_Y,
            weighted,
        ),
        Case(
            "a feature of NaN alone",
            lambda t: {"X": t.X * [1, 1, np.nan, 1]},
            "Column must not be all nan",
            LEARN,
            power_transformers,
        ),
        Case(
            'a number that is not positive, under `method="box-cox"`',
            lambda t: {"X": last(np.abs(t.X), 0.0)},
            "only be applied to strictly positive data",
            LEARN,
            power_transformers,
            params={"method": "box-cox"},
        ),
        Case(
            'a feature of one number alone, under `method="box-cox"`',
            lambda t: {"X": np.abs(t.X) * [1, 1, 0, 1] + 1.0},
            "must not be constant.*leave it out, or use",
            LEARN,
            power_transformers,
            params={"method": "box-cox"},
        ),
        Case(
            "text in X",
            lambda t: {"X": objects(t.X, "blue")},
            "string to float: 'blue'.*Encode it as numbers first, or leave it out",
            to=of_numbers,
        ),
        Case(
            "objects in X",
            lambda t: {"X": objects(t.X, {})},
            "not 'dict'.*Encode it as numbers first, or leave it out",
            to=of_numbers,
            error=TypeError,
        ),
        Case(
            "complex numbers in X",
            lambda t: {"X": t.X + 1j},
            "Complex data not supported",
            to=of_numbers,
        ),
        Case(
            "dates in X",
            lambda t: {"X": t.X.astype("datetime64[s]")},
            r"X has dtype datetime64\[s\] and is not numeric\. Encode it",
            to=by_themselves,
            where=(DASK,),
            error=TypeError,
        ),
        Case(
            "a column of dates in X",
            lambda t: {"X": lambda wrap: dated(wrap(t.X))},
            r"X has dtype datetime64.* and is not numeric\. Encode it",
            LEARN,
            by_themselves,
            where=(DASK_FRAME,),
            error=TypeError,
        ),
        Case(
            "no y", lambda t: {"y": None}, "requires y to be passed.* y is None", LEARN, predictors
        ),
        Case(
            "one number as y",
            lambda t: {"y": 1.0},
            "y must hold one value for each row, got 1.0|y should be a 1d array.*shape ()",
            LEARN,
            predictors,
            error=(TypeError, ValueError),
        ),
        Case(
            "y of two columns",
            lambda t: {"y": twice(t.y)},
            r"y should be a 1d array, got an array of shape \(\d+, 2\)",
            LEARN,
            of_one_output,
        ),
        Case(
            "complex numbers in y",
            lambda t: {"y": t.y + 1j},
            "Complex data not supported",
            LEARN,
            predictors,
        ),
        Case(
            "text in the y of a regressor",
            lambda t: {"y": objects(t.y, "blue")},
            "string to float: 'blue'.*Encode it as numbers first",
            LEARN,
            regressors,
        ),
    ],
    "Labels": [
        Case(
            "numbers that are not whole",
            lambda t: {"y": t.X[:, 1]},
            r"Unknown label type: continuous\. Maybe .*y contains -?0\.00",
            LEARN,
            classifiers,
        ),
        Case(
            "numbers and text",
            lambda t: {"y": objects(t.y, "blue")},
            r"y mixes labels.*'str' and 'int'.*must be all numbers or all strings",
            ("fit",),
            classifiers,
            error=TypeError,
        ),
        Case(
            "None among the labels",
            lambda t: {"y": objects(t.y, None)},
            "y contains NaN or None, which is not a label. Drop such rows",
            LEARN,
            classifiers,
        ),
        Case(
            "NaN among labels that are objects",
            lambda t: {"y": objects(t.y, np.nan)},
            "NaN or None, which is not a label. Drop such rows|contains NaN.* It is y that",
            LEARN,
            classifiers,
        ),
        Case(
            "one class",
            lambda t: {"y": 0 * t.y},
            r"has to be greater than one; got 1 class: \[0\]\. Give rows of others",
            ("fit",),
            of_two_or_more,
        ),
        Case(
            "an indicator of labels that holds other numbers",
            lambda t: {"y": twice(t.y), "classes": [0, 1]},
            "y has 2 columns and holds other numbers than 0 and 1.*Give classes in one column",
            ("partial_fit",),
            nets_for_classes,
            state="new",
        ),
        Case(
            "a label that is not in `classes`",
            lambda t: {},
            r"y contains labels that are not in classes: \[2\]; .*\[0, 1\]\. Give all labels",
            ("fit",),
            classifiers,
            params={"classes": [0, 1]},
        ),
        Case(
            "no `classes` in the first call",
            lambda t: {"classes": None},
            "classes must be passed on the first call to partial_fit. Give all labels",
            ("partial_fit",),
            classifiers,
            state="new",
        ),
        Case(
            "one class in `classes`",
            lambda t: {"classes": [1]},
            r"has to be greater than one; got 1 class: \[1\]\. .* list all labels in classes",
            ("partial_fit",),
            of_two_or_more,
            state="new",
        ),
        Case(
            "other `classes` than in the first call",
            lambda t: {"classes": [0, 1, 7]},
            r"`classes=\[0, 1, 7\]` is not the same.* was: array\(\[0, 1, 2\]\)\. Leave it out",
            ("partial_fit",),
            classifiers,
            state="fitted",
        ),
        Case(
            "a label that was not in `classes`",
            lambda t: {"y": last(t.y, 7)},
            r"y contains labels that are not in classes: \[7\]; .*\[0, 1, 2\]\. Give all labels",
            ("partial_fit",),
            classifiers,
        ),
        Case(
            "a `class_weight` of other labels",
            lambda t: {},
            r"The classes, \[0, 1, 2\], are not in class_weight",
            LEARN,
            classifiers,
            params={"class_weight": {"blue": 2.0}},
        ),
        Case(
            "NaN as a `class_weight`",
            lambda t: {},
            r"class_weight is nan for class 1\. Give each class a finite number",
            LEARN,
            classifiers,
            params={"class_weight": {1: float("nan")}},
        ),
        Case(
            '`class_weight="balanced"`',
            lambda t: {},
            r"'balanced' is not supported for partial_fit\. .*use compute_class_weight",
            ("partial_fit",),
            classifiers,
            params={"class_weight": "balanced"},
        ),
        Case(
            '`class_weight="balanced"` and a class without rows',
            lambda t: {},
            r"no rows of class \[7\], .*\. Leave it out",
            ("fit",),
            classifiers,
            params={"class_weight": "balanced", "classes": [0, 1, 2, 7]},
        ),
    ],
    "Weights": [
        Case(
            "weights that are all 0",
            lambda t: {"sample_weight": 0 * t.sample_weight},
            "Sample weights must contain at least one non-zero number",
            USE_Y,
            weighted,
        ),
        Case(
            'negative weights, where `learning_rate="auto"`',
            lambda t: {"sample_weight": last(t.sample_weight, -1.0)},
            "Negative values .*sample_weight has some.* Use another schedule",
            LEARN,
            of_one_output,
            params={"learning_rate": "auto"},
        ),
        Case(
            "negative weights of a function of sums",
            lambda t: {"sample_weight": last(t.sample_weight, -1.0)},
            "Negative values .*sample_weight|Negative values in data passed to `sample_weight`",
            LEARN,
            exact,
        ),
        Case(
            "weights of two columns",
            lambda t: {"sample_weight": twice(t.sample_weight)},
            r"be 1D array or scalar, got 2D|should be a 1d array, .*Give one value for each row",
            USE_Y,
            weighted,
        ),
    ],
    "Blocks, and where they are": [
        Case(
            "a block that cannot be read",
            lambda t: {"X": last_block(t.X, unreadable)},
            r"rows-3\.npy.* 3 of (X|y_pred).*, which could not be computed\. .* X\.blocks\[3\]",
            USE_Y,
            where=(DASK,),
            error=FileNotFoundError,
        ),
        Case(
            "a block with fewer columns than the others",
            lambda t: {"X": last_block(t.X, lambda rows: rows[:, 1:])},
            r"lock 3.*has shape \(109, 3\), but .* 4 features.*All blocks must have the same|"
            r"has shape \(109, 3\), but .* 4 features.*All blocks must have the same.*In block 3|"
            "X has 3 features, but .* is expecting 4.*In block 3|"
            "has 3 columns, but .* 4 features.*All blocks must have the same",
            where=(DASK,),
        ),
        Case(
            "a partition with its columns in another order",
            lambda t: {"X": in_other_order(t.X)},
            r"has the columns \['f3', .*is expecting \['f0', .*Select the columns by name|"
            "must be in the same order as they were in fit.*In block 3",
            where=(DASK_FRAME,),
        ),
        Case(
            "a block of another library or on another device than the others",
            lambda t: {"X": last_block(t.X, strict)},
            "same namespace and the same device.*in all blocks: .*numpy.*device1.*Move the rows",
            LEARN,
            of_numbers_from_rows,
            where=(DASK,),
        ),
        Case(
            "an array of another library or on another device than in fit",
            lambda t: {"X": strict(t.X), "y": strict(t.y)},
            r"\(\) must use the same namespace and the same device.*fitted on numpy, device cpu, "
            r"got array_api_strict, device .*device1.*\. Move the rows there",
            AGAIN,
            of_numbers_from_rows,
            where=(ARRAY,),
            state="fitted",
        ),
    ],
    "Parameters that do not go together": [
        Case(
            "`degree=(3, 2)`",
            lambda t: {},
            r"integers that fulfil min_degree <= max_degree, got \(3, 2\)",
            LEARN,
            polynomials,
            params={"degree": (3, 2)},
            declared=True,
        ),
        Case(
            "`degree=0` without a column of ones",
            lambda t: {},
            "would result in an empty output array",
            LEARN,
            polynomials,
            params={"degree": 0, "include_bias": False},
            declared=True,
        ),
        Case(
            '`learning_rate="optimal"`, `alpha=0`',
            lambda t: {},
            "alpha must be > 0 since learning_rate is 'optimal'",
            LEARN,
            of_one_output,
            params={"learning_rate": "optimal", "alpha": 0},
        ),
        Case(
            "two values of `alpha` and one target",
            lambda t: {},
            "Number of targets and number of penalties do not correspond: 2 != 1. Give one alpha",
            LEARN,
            ridges,
            params={"alpha": [1.0, 2.0]},
        ),
        Case(
            '`solver="lbfgs"`, `positive=False`',
            lambda t: {},
            "'lbfgs' solver can be used only when positive=True",
            LEARN,
            penalized,
            params={"solver": "lbfgs"},
        ),
        Case(
            '`solver="svd"`, `positive=True`',
            lambda t: {},
            "does not support positive fitting. Please set the solver",
            LEARN,
            penalized,
            params={"solver": "svd", "positive": True},
        ),
        Case(
            "`l1_ratio=0.5`",
            lambda t: {},
            "Solver lbfgs supports only 'l2' or None penalties, got elasticnet penalty. Set",
            ("fit",),
            logistic,
            params={"l1_ratio": 0.5},
        ),
        Case(
            "`dual=True`",
            lambda t: {},
            "Solver lbfgs supports only dual=False, got dual=True. Set dual=False",
            ("fit",),
            logistic,
            params={"dual": True},
        ),
        Case(
            '`solver="liblinear"`, `C=np.inf`',
            lambda t: {},
            "C=np.inf as well as penalty=None is not supported for the liblinear solver. Set",
            ("fit",),
            logistic,
            params={"solver": "liblinear", "C": np.inf},
        ),
        Case(
            "`power=0.5`",
            lambda t: {},
            "power=0.5: no Tweedie distribution has a power between 0 and 1. Give 0 or less",
            ("fit",),
            tweedie,
            params={"power": 0.5},
        ),
        Case(
            "`power=-1` and targets whose mean is below 0",
            lambda t: {"y": -np.abs(t.y) - 1.0},
            "The mean of the targets is .* begins with a mean above 0",
            ("fit",),
            tweedie,
            params={"power": -1},
        ),
        Case(
            "`power=1.5` and targets below 0",
            lambda t: {},
            "target.* below 0, the first in row .* TweedieRegressor is for amounts of 0 or more",
            ("fit",),
            tweedie,
            params={"power": 1.5},
        ),
        Case(
            "`cv=KFold(shuffle=True)`",
            lambda t: {},
            "splits rows, which must be in memory .* Set cv=5, or KFold with shuffle=False",
            ("fit",),
            by_folds,
            (DASK,),
            params={"cv": KFold(3, shuffle=True)},
        ),
        Case(
            "`cv=5` and one row with a weight",
            lambda t: {"X": t.X[:1], "y": t.y[:1]},
            "needs rows with a weight in at least two folds, got 1, n_samples=1. Give more rows",
            ("fit",),
            by_folds,
            params={"cv": 5},
        ),
        Case(
            "`alphas=[-1.0]`",
            lambda t: {},
            r"alphas == -1.0, must be > 0|alphas\[0\] == -1.0, must be >= 0",
            ("fit",),
            by_folds,
            params={"alphas": [-1.0]},
        ),
        Case(
            "`l1_ratio=0` and a number of `alphas`",
            lambda t: {},
            "supply a grid by providing your estimator with the appropriate `alphas=`",
            ("fit",),
            paths,
            params={"l1_ratio": 0, "alphas": 5},
        ),
        Case(
            "`l1_ratio=[2.0]`",
            lambda t: {},
            "l1_ratio must be from 0 to 1, got",
            ("fit",),
            paths,
            params={"l1_ratio": [2.0]},
        ),
        Case(
            '`penalty="elasticnet"`, `l1_ratio=None`',
            lambda t: {},
            "l1_ratio must be set when penalty is 'elasticnet'|The 'l1_ratio' parameter of|"
            "Solver lbfgs supports only 'l2' or None penalties, got elasticnet penalty. Set",
            LEARN,
            params={"penalty": "elasticnet", "l1_ratio": None},
        ),
        Case(
            '`solver="lbfgs"` and blocks',
            lambda t: {},
            r"solver='lbfgs' needs all rows at once.*Use 'adam' or 'sgd', or give an array in mem",
            ("fit",),
            nets,
            (DASK,),
            NotImplementedError,
            params={"solver": "lbfgs"},
        ),
        Case(
            "`hidden_layer_sizes` with a layer of no units",
            lambda t: {},
            r"hidden_layer_sizes must be > 0, got \[4, 0\]",
            LEARN,
            params={"hidden_layer_sizes": (4, 0)},
        ),
        Case(
            "`hidden_layer_sizes` that are not those of the fitted net",
            lambda t: {},
            r"hidden_layer_sizes=\(5,\) are not those of the fitted net, \(4,\)\. Set",
            LEARN,
            nets,
            state="fitted",
            params={"hidden_layer_sizes": (5,), "warm_start": True},
        ),
        Case(
            '`loss="poisson"` and negative values',
            lambda t: {"y": last(np.abs(t.y), -1.0)},
            "below 0, the first in row .*'poisson' is for counts.* use loss='squared_error'",
            LEARN,
            nets_for_values,
            params={"loss": "poisson"},
        ),
        Case(
            '`loss="gamma"` and targets of 0',
            lambda t: {"y": last(np.abs(t.y) + 1.0, 0.0)},
            r"y has 1 target\(s\) of 0 or below, the first in row \d+: 0\. loss='gamma' is for",
            LEARN,
            linear_regressors,
            params={"loss": "gamma"},
        ),
        Case(
            "`warm_start=True` and other features than in the fit before",
            lambda t: {"X": t.X[:, [0, 1, 2, 3, 3]]},
            r"Provided coef_init does not match.*\(\d, 4\), expected \(\d, 5\)\. Under warm_start",
            ("fit",),
            linear_models,
            state="fitted",
            params={"warm_start": True},
        ),
        Case(
            "`early_stopping=True`",
            lambda t: {},
            "early_stopping should be False with partial_fit|"
            "partial_fit does not support early_stopping=True",
            ("partial_fit",),
            params={"early_stopping": True},
        ),
        Case(
            "`early_stopping=True` and too few rows to score",
            lambda t: {"X": t.X[:8], "y": t.y[:8]},
            r"validation_fraction(=0\.1 of each block's rows holds out| holds out 1 of the rows:) "
            "too few rows.*Increase it",
            ("fit",),
            regressors_of_one_output,
            params={"early_stopping": True},
        ),
        Case(
            "`early_stopping=True` and blocks of too few rows",
            lambda t: {"X": t.X[:1], "y": t.y[:1]},
            r"validation_fraction(=0\.1)? of each block's rows holds out too few.*Increase it|"
            "train set will be empty. Adjust",
            ("fit",),
            regressors,
            params={"early_stopping": True},
        ),
    ],
    "Encoders": [
        Case(
            "a category that was not in fit",
            lambda t: {"X": last(t.X, "blue")},
            r"unknown categories \['blue'\] in column .* Fit to rows that have them, or set",
            ("transform",),
            encoders_of_known_categories,
            (ARRAY, DASK, FRAME, DASK_FRAME),
            state="fitted",
        ),
        Case(
            "a column of text and numbers",
            lambda t: {"X": last(t.X, 5)},
            r"uniformly strings or numbers\. Got \['int', 'str'\]\. Make the column all text",
            LEARN,
            encoders,
            (ARRAY, DASK, FRAME),
            TypeError,
        ),
        Case(
            "a block of numbers where others hold text",
            lambda t: {"X": last_block(t.X, lambda rows: np.ones(rows.shape))},
            r"uniformly strings or numbers\. Got \['float', 'str'\]",
            LEARN,
            encoders,
            (DASK,),
            TypeError,
        ),
        Case(
            "objects that have no hash",
            lambda t: {"X": last(t.X, {})},
            r"uniformly strings or numbers\. Got \['dict', 'str'\]",
            LEARN,
            encoders,
            error=TypeError,
        ),
        Case(
            "infinity in a column of numbers",
            lambda t: {"X": np.where(t.X == "red", np.inf, 1.0)},
            "X contains infinity",
            LEARN,
            encoders,
        ),
        Case(
            "a partition without one of the columns",
            lambda t: {"X": without_a_column(t.X)},
            r"Block 3 of X has the columns \['f0', 'f1', 'f2'\], but .*Select the columns by name",
            LEARN,
            encoders,
            (DASK_FRAME,),
        ),
        Case(
            "sparse rows",
            lambda t: {"X": lambda wrap: csr_array(np.eye(4))},
            r"Sparse data was passed.*Use '\.toarray\(\)'",
            (*LEARN, "transform"),
            encoders,
            (ARRAY,),
            TypeError,
        ),
        Case(
            "`categories` for fewer columns than X has",
            lambda t: {},
            "Shape mismatch: if categories is an array, it has to be of shape",
            LEARN,
            encoders,
            params={"categories": [["red", "green", "grey"]]},
        ),
        Case(
            "`categories` that lack one of the rows",
            lambda t: {},
            "Found unknown categories .*red.* in column 0 during fit",
            LEARN,
            encoders_of_known_categories,
            params={"categories": [["green", "grey"]] * 4},
        ),
        Case(
            "`categories` twice",
            lambda t: {},
            "In column 0, the predefined categories contain duplicate elements",
            LEARN,
            encoders,
            params={"categories": [["red", "green", "grey", "red"]] * 4},
        ),
        Case(
            "`categories` that are numbers in no order",
            lambda t: {"X": np.where(t.X == "red", 1.0, 2.0)},
            "Unsorted categories are not supported for numerical categories",
            LEARN,
            encoders,
            state="new",
            params={"categories": [[2.0, 1.0]] * 4},
        ),
        Case(
            "`drop` of a category that there is not",
            lambda t: {},
            "categories were supposed to be dropped, but were not found.*blue",
            LEARN,
            params={"drop": ["blue"] * 4},
        ),
        Case(
            '`unknown_value` without `handle_unknown="use_encoded_value"`',
            lambda t: {},
            "unknown_value should only be set when handle_unknown is 'use_encoded_value'",
            LEARN,
            error=TypeError,
            params={"unknown_value": -1},
        ),
        Case(
            "`unknown_value` that is the number of a category",
            lambda t: {},
            "unknown_value 1 is one of the values already used for encoding",
            LEARN,
            params={"unknown_value": 1, "handle_unknown": "use_encoded_value"},
        ),
        Case(
            "no target",
            lambda t: {"y": None},
            "requires y to be passed.* y is None",
            LEARN,
            encoders_of_targets,
        ),
        Case(
            "a target with fewer rows than X",
            lambda t: {"y": t.y[:-1]},
            "inconsistent numbers of samples.*200.*199",
            LEARN,
            encoders_of_targets,
        ),
        Case(
            "NaN in the target",
            lambda t: {"y": last(t.y, np.nan)},
            "contains NaN",
            LEARN,
            encoders_of_targets,
        ),
        Case(
            "a target of two columns",
            lambda t: {"y": twice(t.y)},
            "Target type was inferred to be 'continuous-multioutput'",
            LEARN,
            encoders_of_targets,
        ),
        Case(
            "a target of text in one block, and numbers in another",
            lambda t: {
                "y": last_block(t.X[:, 0], lambda y: np.arange(len(y)) + 0.5),
            },
            "y mixes labels that are text, such as .* and numbers from block to block",
            LEARN,
            encoders_of_targets,
            (DASK,),
            TypeError,
        ),
    ],
    "Scalers": [
        Case(
            "`feature_range=(1, 0)`",
            lambda t: {},
            r"Minimum of desired feature range must be smaller than maximum. Got \(1, 0\)",
            LEARN,
            params={"feature_range": (1, 0)},
        ),
        Case(
            "sparse rows",
            lambda t: {"X": lambda wrap: csr_array(t.X)},
            r"Sparse data was passed.*Consider using MaxAbsScaler instead",
            (*LEARN, "transform", "inverse_transform"),
            scalers_of_ranges,
            (ARRAY,),
            TypeError,
        ),
    ],
    "Quantiles, bins and splines": [
        Case(
            "`quantile_range=(80, 20)`",
            lambda t: {},
            r"Invalid quantile range: \(80, 20\)",
            LEARN,
            params={"quantile_range": (80, 20)},
        ),
        Case(
            "sparse rows from which a median is subtracted",
            lambda t: {"X": lambda wrap: csr_array(t.X)},
            "Cannot center sparse matrices: use `with_centering=False`",
            LEARN,
            robust_scalers,
            (ARRAY,),
        ),
        Case(
            "`n_quantiles=20` and `subsample=10`",
            lambda t: {},
            "number of quantiles cannot be greater than the number of samples used. Got 20",
            LEARN,
            by_quantiles,
            params={"subsample": 10},
        ),
        Case(
            "sparse rows of which some are negative",
            lambda t: {"X": lambda wrap: csr_array(-t.X)},
            "QuantileTransformer only accepts non-negative sparse matrices",
            (*LEARN, "transform"),
            by_quantiles,
            (ARRAY,),
        ),
        Case(
            "negative weights",
            lambda t: {"sample_weight": 0.5 - (np.arange(N_ROWS) == N_ROWS - 1)},
            r"Negative values in data passed to `sample_weight`: quantiles .* got -0\.5",
            LEARN,
            by_weighted_quantiles,
        ),
        Case(
            "`n_bins` for other features",
            lambda t: {},
            r"n_bins must be a scalar or array of shape \(n_features,\)",
            LEARN,
            params={"n_bins": [2, 3]},
        ),
        Case(
            "`n_bins` below 2",
            lambda t: {},
            "invalid number of bins at indices 3. Number of bins must be at least 2",
            LEARN,
            params={"n_bins": [2, 3, 2, 1]},
        ),
        Case(
            "weights for a method of quantiles that takes none",
            lambda t: {"sample_weight": np.ones(N_ROWS)},
            "quantile_method should either be set to 'averaged_inverted_cdf' or 'inverted_cdf'",
            LEARN,
            discretizers,
            params={"strategy": "quantile", "quantile_method": "linear"},
        ),
        Case(
            '`extrapolation="periodic"` and as few knots as the degree',
            lambda t: {},
            "Periodic splines require degree < n_knots. Got n_knots=3 and degree=3",
            LEARN,
            params={"extrapolation": "periodic", "n_knots": 3},
        ),
        Case(
            "`knots` for other features",
            lambda t: {},
            r"knots.shape\[1\] == n_features is violated",
            LEARN,
            params={"knots": [[0.0], [1.0]]},
        ),
        Case(
            "`knots` that are not sorted",
            lambda t: {},
            "knots must be sorted without duplicates",
            LEARN,
            params={"knots": [[0.0] * 4] * 2},
        ),
        Case(
            '`extrapolation="error"` and rows beyond the knots',
            lambda t: {"X": 2 * t.X},
            "`X` contains values beyond the limits of the knots",
            ("transform",),
            splines,
            state="fitted",
        ),
    ],
    "Clusters": [
        Case(
            "fewer rows than clusters",
            lambda t: {"X": t.X[:2]},
            "n_samples=2 should be >= n_clusters=3",
            LEARN,
            clusters,
            (ARRAY,),
            state="new",
        ),
        Case(
            "fewer rows than clusters in all blocks",
            lambda t: {"X": dask_array(t.X[:2], (1, 1))},
            "n_samples=2 should be >= n_clusters=3",
            LEARN,
            clusters,
            (DASK,),
            state="new",
        ),
        Case(
            "negative weights",
            lambda t: {"sample_weight": 0.5 - (np.arange(N_ROWS) == N_ROWS - 1)},
            r"sample_weight must not be negative, got -0\.5",
            LEARN,
            clusters,
        ),
        Case(
            "rows whose squares overflow",
            lambda t: {"X": t.X * 1e200},
            "overflow occurred in the squared distances of rows from centers.*StandardScaler",
            LEARN,
            clusters,
            state="new",
        ),
        Case(
            "`init` with fewer rows than clusters",
            lambda t: {},
            r"initial centers \(2, 4\) does not match the number of clusters 3",
            LEARN,
            clusters,
            state="new",
            params={"init": [[0.0] * 4] * 2},
        ),
        Case(
            "`init` with fewer features than X",
            lambda t: {},
            r"initial centers \(3, 3\) does not match the number of features of the data 4",
            LEARN,
            clusters,
            state="new",
            params={"init": [[0.0] * 3] * 3},
        ),
        Case(
            "fewer rows of any weight than clusters, all of which are drawn from",
            lambda t: {"sample_weight": (np.arange(N_ROWS) < 2) * 1.0},
            "n_samples=2 should be >= n_clusters=3.*Ask for fewer",
            LEARN,
            clusters,
            state="new",
            params={"init": "k-means||"},
        ),
    ],
    "Imputers": [
        Case(
            "NaN where another number stands for what is missing",
            lambda t: {"X": last(t.X, np.nan)},
            "X contains NaN.*Drop such rows",
            LEARN,
            imputers,
            state="new",
            params={"missing_values": -1},
        ),
        Case(
            "numbers where text stands for what is missing",
            lambda t: {},
            "'X' and 'missing_values' types are expected to be both numerical",
            LEARN,
            imputers,
            state="new",
            params={"missing_values": "none"},
        ),
        Case(
            "text to fill in numbers",
            lambda t: {},
            "fill_value='none' .* cannot be cast",
            LEARN,
            imputers,
            state="new",
            params={"strategy": "constant", "fill_value": "none"},
        ),
        Case(
            "a function as the strategy, which needs all rows",
            lambda t: {},
            "A callable strategy needs all values of a column at once.*in memory",
            LEARN,
            imputers,
            (DASK, DASK_FRAME),
            TypeError,
            state="new",
            params={"strategy": np.max},
        ),
    ],
}

OUT_OF_RANGE = {
    "smooth_idf": "yes", "sublinear_tf": "", "use_idf": "yes",
    "C": 0.0, "activation": "sine", "alpha": -1.0, "alpha_per_target": "yes", "alphas": 0.0,
    "average": -1, "batch_size": 0, "beta_1": 1.0,
    "beta_2": 1.0, "categories": "few", "class_weight": "even", "classes": 5, "clip": "yes",
    "compute_labels": "yes", "copy": "yes", "copy_X": "yes", "copy_x": "yes",
    "cv": "all", "degree": -1, "drop": "last",
    "dtype": "text", "dual": "yes",
    "early_stopping": "yes", "encode": "binary", "encoded_missing_value": "no",
    "eps": 0.0, "epsilon": -0.1, "estimator": 5, "eta0": 0.0, "extrapolation": "nearest",
    "feature_name_combiner": "join", "feature_range": 5, "fit_intercept": "yes",
    "handle_missing": "mean", "handle_unknown": "keep",
    "ignore_implicit_zeros": "yes", "include_bias": "yes", "knots": "random",
    "hidden_layer_sizes": 0, "init": 5, "init_size": 0, "l1_ratio": 1.1, "learning_rate": "fast",
    "learning_rate_init": 0.0, "loss": "least squares", "max_categories": 0, "max_fun": 0,
    "max_iter": -1, "min_frequency": 0,
    "max_no_improvement": -1, "momentum": 1.1, "n_clusters": 0, "n_init": 0.5,
    "n_bins": 1, "n_iter_no_change": 0, "n_jobs": 2, "n_knots": 1, "n_parallel": 0,
    "gcv_mode": "best", "intercept_scaling": 0.0, "link": "logit",
    "positive": "yes", "refine": -1, "store_cv_results": "yes",
    "n_quantiles": 0,
    "nesterovs_momentum": "yes", "order": "K", "output_distribution": "cauchy", "patience": 0,
    "penalty": "l0",
    "precompute": "yes", "selection": "greedy",
    "power": "half", "power_t": "half", "quantile": 0, "predict_meta": 5, "predict_proba_meta": 5,
    "quantile_method": "nearest", "quantile_range": 5, "random_state": -1,
    "reassignment_ratio": -0.1, "scoring": 5, "shuffle": "blocks", "smooth": -1,
    "solver": "newton", "sparse_output": "yes", "strategy": "equal", "subsample": 0,
    "target_type": "ordinal", "tol": -1e-3, "transform_meta": 5, "unit_variance": "yes",
    "unknown_value": "none", "validation_fraction": 1.0,
    "verbose": -1, "warm_start": "yes", "with_centering": "yes", "with_mean": "yes",
    "with_scaling": "yes", "with_std": "yes",
    "interaction_only": "yes", "method": "cubic", "norm": "l3",
    "standardize": "yes", "threshold": "high",
    "add_indicator": "yes", "assume_centered": "yes", "block_size": 0, "store_precision": "yes",
    "keep_empty_features": "yes",
    "missing_values": [1],
    "features": "some", "sparse": "yes", "error_on_new": "yes",
    "parameters": 5, "n_iter": -1, "refit": 5, "error_score": "ignore", "factor": 1,
    "var_smoothing": -1.0, "priors": "half", "binarize": -1.0, "force_alpha": "yes",
    "fit_prior": "yes", "class_prior": "half", "metric": "cosine", "shrink_threshold": 0.0,
    "shrinkage": 2.0, "store_covariance": "yes", "covariance_estimator": 5,
    "reg_param": 2.0,
    "confidence": 1.0, "min_resources": 1, "n_blocks": 1,
    "algorithm": "fast", "iterated_power": -1, "n_components": -1, "n_oversamples": 0,
    "power_iteration_normalizer": "SVD", "svd_solver": "best", "whiten": "yes",
    "covariance_type": "any", "init_params": "zeros", "means_init": 5, "precisions_init": 5,
    "reg_covar": -1.0, "verbose_interval": 0, "weights_init": 5,
}  # fmt: skip
"""A bad value of every parameter."""

CASES["Parameters out of range"] = [
    Case(
        f"`{name}={value!r}`".replace("'", '"'),
        lambda t: {},
        f"The '{name}' parameter of .* must be .*Got .* instead",
        LEARN,
        no_searches if name == "n_jobs" else everyone,
        params={name: value},
        declared=True,
    )
    for name, value in OUT_OF_RANGE.items()
]
