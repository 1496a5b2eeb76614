"""Bad input x call x estimator x container: what the user is told, and that nothing has changed.

To add an estimator, append it to `ESTIMATORS`; to add a case, append it to `CASES`. The page
docs/bad_input.md is this table with the errors as they came; after a change print it anew::

    python -m tests.test_bad_input > docs/bad_input.md
"""

from __future__ import annotations

import copy
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import array_api_strict
import dask
import dask.array as da
import dask.dataframe as dd
import joblib
import numpy as np
import pytest
import sklearn
from sklearn import linear_model as theirs
from sklearn.base import BaseEstimator, clone, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags
from sklearn.utils.validation import has_fit_parameter

from streamlearn.linear_model import SGDClassifier, SGDRegressor
from streamlearn.neural_network import MLPClassifier, MLPRegressor
from streamlearn.pipeline import Pipeline, make_pipeline
from streamlearn.preprocessing import StandardScaler
from streamlearn.wrappers import Incremental
from tests.backends import MODULES, selected
from tests.containers import CHUNKS, N_ROWS, dask_array, dask_frame, frame

ONCE = {"max_iter": 1, "tol": None, "random_state": 0}
NET = {
    "hidden_layer_sizes": (4,),
    "max_iter": 4,
    "tol": 1e99,
    "n_iter_no_change": 1,
    "random_state": 0,
}
ESTIMATORS = {
    "SGDClassifier": SGDClassifier(loss="log_loss", **ONCE),
    "SGDRegressor": SGDRegressor(**ONCE),
    "MLPClassifier": MLPClassifier(**NET),
    "MLPRegressor": MLPRegressor(**NET),
    "StandardScaler": StandardScaler(),
    "Pipeline": make_pipeline(
        StandardScaler(), SGDClassifier(loss="log_loss", **ONCE), schedule="one-pass"
    ),
    "Incremental": Incremental(SGDClassifier(loss="log_loss", random_state=0), shuffle=False),
}

LEARN = ("fit", "partial_fit")
USE_Y = (*LEARN, "score")
ANSWER = (
    "predict",
    "decision_function",
    "predict_proba",
    "predict_log_proba",
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


def nets(estimator: BaseEstimator) -> bool:
    """nets"""
    return isinstance(estimator, MLPClassifier | MLPRegressor)


def nets_for_classes(estimator: BaseEstimator) -> bool:
    """nets for classes"""
    return isinstance(estimator, MLPClassifier)


def of_one_output(estimator: BaseEstimator) -> bool:
    """classifiers and regressors but nets"""
    return predictors(estimator) and not nets(estimator)


def of_two_classes(estimator: BaseEstimator) -> bool:
    """classifiers but nets"""
    return is_classifier(estimator) and not nets(estimator)


def weighted(estimator: BaseEstimator) -> bool:
    """all that take weights"""
    return has_fit_parameter(estimator, "sample_weight")


def without_nan(estimator: BaseEstimator) -> bool:
    """all that take no NaN"""
    return not get_tags(estimator).input_tags.allow_nan


def by_themselves(estimator: BaseEstimator) -> bool:
    """all that are not wrapped"""
    return not isinstance(estimator, Incremental)


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


def strict(x: np.ndarray) -> Any:
    return array_api_strict.asarray(x, device=array_api_strict.Device("device1"))


def in_other_order(x: np.ndarray) -> dd.DataFrame:
    """Return a dask DataFrame whose last partition has its columns the other way round."""

    def turn(part: Any, partition_info: dict) -> Any:
        late = partition_info["number"] == len(CHUNKS) - 1
        return part[list(part.columns)[::-1]] if late else part

    out = dask_frame(x)
    return out.map_partitions(turn, meta=out._meta, enforce_metadata=False)


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
            "a block of X with fewer rows than the same of y",
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
            "y in memory and X in chunks of unknown lengths",
            lambda t: {"X": dask_array(t.X, known=False), "y": t.y.tolist()},
            r"y is in memory and the chunks of X have unknown lengths.*X\.compute_chunk_sizes",
            LEARN,
            predictors,
            (DASK,),
        ),
        Case("X of one dimension", lambda t: {"X": t.X[:, 0]}, r"Expected 2D.* 1D.*reshape\(-1, 1"),
        Case("X of three dimensions", lambda t: {"X": t.X[:, :, None]}, "dim 3.*dim <= 2|2D.* 3D"),
        Case("X without rows", lambda t: {"X": t.X[:0], "y": t.y[:0]}, "0 sample.* 1 is", LEARN),
        Case("X without features", lambda t: {"X": t.X[:, :0]}, "0 feature.* minimum of 1 is"),
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
        Case("infinity in X", lambda t: {"X": last(t.X, np.inf)}, "X contains infinity"),
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
            "text in X",
            lambda t: {"X": objects(t.X, "blue")},
            "string to float: 'blue'.*Encode it as numbers first, or leave it out",
        ),
        Case(
            "objects in X",
            lambda t: {"X": objects(t.X, {})},
            "not 'dict'.*Encode it as numbers first, or leave it out",
            error=TypeError,
        ),
        Case(
            "complex numbers in X",
            lambda t: {"X": t.X + 1j},
            "Complex data not supported",
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
            "no y", lambda t: {"y": None}, "requires y to be passed.* y is None", LEARN, predictors
        ),
        Case(
            "one number as y",
            lambda t: {"y": 1.0},
            "y must hold one value a row, got 1.0|y should be a 1d array.*shape ()",
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
            "numbers that are no whole numbers",
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
            "one class",
            lambda t: {"y": 0 * t.y},
            r"has to be greater than one; got 1 class: \[0\]\. Give rows of others",
            ("fit",),
            of_two_classes,
        ),
        Case(
            "an indicator of labels that holds other numbers",
            lambda t: {"y": twice(t.y), "classes": [0, 1]},
            "y has 2 columns and holds other numbers than 0 and 1.*of classes give one column",
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
            of_two_classes,
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
            r"no rows of class \[7\]\. Leave it out",
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
            "one weight for all rows",
            lambda t: {"sample_weight": 2.0},
            "sample_weight must hold one value a row, got 2.0",
            LEARN,
            weighted,
            error=TypeError,
        ),
        Case(
            "weights of two columns",
            lambda t: {"sample_weight": twice(t.sample_weight)},
            r"must be 1D array or scalar, got 2D|should be a 1d array, .*Give one value a row",
            USE_Y,
            weighted,
        ),
    ],
    "Blocks, and where they are": [
        Case(
            "a block that cannot be read",
            lambda t: {"X": last_block(t.X, unreadable)},
            r"rows-3\.npy.*In block 3 of (X|y_pred).*, which could not be made\. X\.blocks\[3\]",
            USE_Y,
            where=(DASK,),
            error=FileNotFoundError,
        ),
        Case(
            "a block with fewer columns than the others",
            lambda t: {"X": last_block(t.X, lambda rows: rows[:, 1:])},
            r"lock 3.*has shape \(109, 3\), but .* 4 features.*All blocks must have the same|"
            r"has shape \(109, 3\), but .* 4 features.*All blocks must have the same.*In block 3|"
            "X has 3 features, but .* is expecting 4.*In block 3",
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
            "same namespace and the same device.*, in all blocks: .*numpy.*device1.*Move the input",
            LEARN,
            where=(DASK,),
        ),
        Case(
            "an array of another library or on another device than in fit",
            lambda t: {"X": strict(t.X), "y": strict(t.y)},
            r"\(\) must use the same namespace and the same device.*fitted on numpy, device cpu, "
            r"got array_api_strict, device .*device1.*\. Move the input there, or fit again",
            AGAIN,
            where=(ARRAY,),
            state="fitted",
        ),
    ],
    "Parameters that do not go together": [
        Case(
            '`learning_rate="optimal"`, `alpha=0`',
            lambda t: {},
            "alpha must be > 0 since learning_rate is 'optimal'",
            LEARN,
            of_one_output,
            params={"learning_rate": "optimal", "alpha": 0},
        ),
        Case(
            '`penalty="elasticnet"`, `l1_ratio=None`',
            lambda t: {},
            "l1_ratio must be set when penalty is 'elasticnet'",
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
            "`early_stopping=True`",
            lambda t: {},
            "early_stopping should be False with partial_fit|"
            "partial_fit does not support early_stopping=True",
            ("partial_fit",),
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
}

OUT_OF_RANGE = {
    "activation": "sine", "alpha": -1.0, "average": -1, "batch_size": 0, "beta_1": 1.0,
    "beta_2": 1.0, "class_weight": "even", "classes": 5, "copy": "yes", "early_stopping": "yes",
    "epsilon": -0.1, "estimator": 5, "eta0": 0.0, "fit_intercept": "yes", "hidden_layer_sizes": 0,
    "l1_ratio": 1.1, "learning_rate": "fast", "learning_rate_init": 0.0, "loss": "least squares",
    "max_fun": 0, "max_iter": 0, "momentum": 1.1, "n_iter_no_change": 0, "n_jobs": 2,
    "nesterovs_momentum": "yes", "patience": 0, "penalty": "l0", "power_t": "half",
    "predict_meta": 5, "predict_proba_meta": 5, "random_state": -1, "scoring": "accurate",
    "shuffle": "blocks", "solver": "newton", "tol": -1e-3, "transform_meta": 5,
    "validation_fraction": 1.0, "verbose": -1, "warm_start": "yes", "with_mean": "yes",
    "with_std": "yes",
}  # fmt: skip
"""A bad value of every parameter."""

CASES["Parameters out of range"] = [
    Case(
        f"`{name}={value!r}`".replace("'", '"'),
        lambda t: {},
        f"The '{name}' parameter of .* must be .*Got .* instead",
        LEARN,
        params={name: value},
    )
    for name, value in OUT_OF_RANGE.items()
]

# Calls


def wrapped(kind: str) -> Callable[[Any], Any]:
    """Return what puts NumPy's arrays in the container and leaves all else."""

    def wrap(x: Any) -> Any:
        if callable(x):
            return x(wrap)
        if not isinstance(x, np.ndarray):
            return x
        if kind in (DASK, DASK_FRAME):
            ends = np.minimum(np.cumsum(CHUNKS), len(x))
            chunks = tuple(np.diff(ends, prepend=0).tolist())
            return dask_array(x, chunks) if kind == DASK else dask_frame(x, chunks)
        return x if kind == ARRAY else frame(x)

    return wrap


def arguments(estimator: BaseEstimator, case: Case, kind: str) -> dict[str, Any]:
    rows = table(labels=is_classifier(estimator))
    given = {"X": rows.X, "y": rows.y, **case.make(rows)}
    return {name: wrapped(kind)(x) for name, x in given.items()}


def call(estimator: BaseEstimator, method: str, X: Any, y: Any, **more: Any) -> None:
    """Call a method, and make all blocks of a lazy answer."""
    with dask.config.set(scheduler="sync"):
        if method in ANSWER:
            out = getattr(estimator, method)(X)
            if dask.is_dask_collection(out):
                dask.compute(*np.ravel(np.asarray(out.to_delayed(), dtype=object)))
            return
        if method == "partial_fit" and is_classifier(estimator) and "classes" not in more:
            more["classes"] = None if hasattr(estimator, "classes_") else [0, 1, 2]
        getattr(estimator, method)(X, y, **{k: v for k, v in more.items() if v is not None})


@cache
def fitted(name: str, kind: str) -> BaseEstimator:
    estimator, wrap = clone(ESTIMATORS[name]), wrapped(kind)
    rows = table(labels=is_classifier(estimator))
    return estimator.fit(wrap(rows.X), wrap(rows.y))


def prepared(name: str, case: Case, kind: str, state: str) -> BaseEstimator:
    estimator = clone(ESTIMATORS[name]) if state == "new" else copy.deepcopy(fitted(name, kind))
    return estimator.set_params(**case.params)


def calls(name: str, case: Case) -> Iterator[tuple[str, str, str]]:
    """Yield the method, the container and the state of the estimator of each call of a case."""
    for kind in case.where:
        for method in case.calls:
            both = ("new", "fitted") if method in LEARN else ("fitted",)
            for state in both if case.state == "both" else (case.state,):
                if hasattr(ESTIMATORS[name], method):
                    yield method, kind, state


def answers(estimator: BaseEstimator, kind: str) -> list[np.ndarray]:
    """Return what a fitted estimator makes of good rows."""
    X = wrapped(FRAME if kind in (FRAME, DASK_FRAME) else ARRAY)(table(labels=True).X)
    return [np.asarray(getattr(estimator, m)(X)) for m in ANSWER if hasattr(estimator, m)]


def error_of(estimator: BaseEstimator, method: str, case: Case, kind: str) -> Exception | None:
    """Return the error of a call."""
    given = arguments(estimator, case, kind)
    try:
        call(estimator, method, **given)
    except Exception as error:
        return error
    return None


def in_words(error: Exception | None) -> str:
    """Return the message of an error and its notes as one line."""
    text = " ".join(
        part if part.endswith((".", "!")) else f"{part}."
        for part in (str(error), *getattr(error, "__notes__", ()))
    )
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("name", "case"),
    [
        pytest.param(name, case, id=f"{name}-{case.given.replace('`', '')}")
        for cases in CASES.values()
        for case in cases
        for name, estimator in ESTIMATORS.items()
        if case.is_for(estimator)
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_bad_input_is_refused_in_words_and_changes_nothing(name, case):
    for method, kind, state in calls(name, case):
        estimator = prepared(name, case, kind, state)
        before = joblib.hash(estimator)
        known = answers(estimator, kind) if state == "fitted" else None
        where = f"{method}, {SHOWN[kind]}, {state}"
        error = error_of(estimator, method, case, kind)
        assert isinstance(error, case.error), f"{where}: {error!r}"
        assert re.search(case.says, in_words(error)), f"{where}: {in_words(error)}"
        assert joblib.hash(estimator) == before, f"{where}: the estimator has changed"
        if known is not None:
            for a, b in zip(answers(estimator, kind), known, strict=True):
                np.testing.assert_array_equal(a, b, err_msg=where)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_parameter_has_a_value_out_of_range(name):
    estimator = ESTIMATORS[name]
    if not isinstance(estimator, Pipeline):
        assert set(type(estimator)._parameter_constraints) <= OUT_OF_RANGE.keys()


OTHERS = [name for name in selected() if MODULES[name] != "numpy"]


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("backend", OTHERS, indirect=True)
def test_a_model_and_arrays_of_different_libraries(name, backend):
    """A model of any library asked with NumPy, and a model of NumPy asked with any."""
    rows = table(labels=is_classifier(ESTIMATORS[name]))
    here = {"X": rows.X, "y": rows.y}
    there = {name: backend.asarray(x) for name, x in here.items()}
    for known, asked in ((here, there), (there, here)):
        model = clone(ESTIMATORS[name]).fit(**known)
        before = copy.copy(vars(model))
        for method in AGAIN:
            if hasattr(model, method):
                with pytest.raises(ValueError, match=r"same namespace and the same device.*Move"):
                    call(model, method, **asked)
        assert vars(model) == before


# What is no error


def test_negative_weights_are_taken_as_scikit_learn_takes_them():
    X, y, w = table(labels=True)
    X, w = (X - X.mean(axis=0)) / X.std(axis=0), np.where(np.arange(N_ROWS) % 5, w, -w)
    how = {"learning_rate": "invscaling", "shuffle": False, **ONCE}
    ours = SGDClassifier(batch_size=1, **how).fit(X, y, sample_weight=w)
    known = theirs.SGDClassifier(**how).fit(X, y, sample_weight=w)
    np.testing.assert_allclose(ours.coef_, known.coef_, rtol=1e-10, atol=1e-12)


# The page


PAGE = Path(__file__).parents[1] / "docs" / "bad_input.md"
LONGEST = 330
HEAD = """\
# What you are told of bad input

Each line is a case of `tests/test_bad_input.py`: what is given, to which calls of which estimators,
held in what, and the error as it came from the first of them. After each of them the estimator is
what it was before the call: a fitted one has the same attributes and the same answers.

- Of NumPy arrays and pandas frames in memory most words are scikit-learn's.
- Block 3 of X is `X.blocks[3]` of a dask array X and `X.partitions[3]` of a frame. An error of what
  a block comes from stays what it is; where it happened is a note, the last line of the traceback.
- Predictions over dask collections are lazy: what is wrong in a block is told when they are
  computed.
- Negative weights are no error, as in scikit-learn, but under `learning_rate="auto"`.

Printed with scikit-learn {version} by `python -m tests.test_bad_input > docs/bad_input.md`.
"""


def told(name: str, case: Case, kind: str) -> str:
    """Return the first error of a case, as a cell of the page."""
    method, _, state = next(c for c in calls(name, case) if c[1] == kind)
    error = error_of(prepared(name, case, kind, state), method, case, kind)
    # No rows of numbers, and what scikit-learn takes from a set in alphabetical order.
    text = re.sub(r" ?[\[\]\d\s.+ej-]{80,}", " [...] ", in_words(error)).strip()
    text = re.sub(
        r"{('\w+'(, )?)+}", lambda m: f"{{{', '.join(sorted(m[0][1:-1].split(', ')))}}}", text
    )
    if len(text) > LONGEST:
        text = text[: text.rindex(" ", 0, LONGEST)] + " ..."
    return f"{type(error).__name__}: {text}".replace("|", "\\|").replace("<", "&lt;")


def in_calls(case: Case) -> str:
    """Return the calls and the estimators that a case is for."""
    left_out = [f"`{method}`" for method in EVERY if method not in case.calls]
    if len(left_out) < 3:
        text = " but ".join(["every call", *([", ".join(left_out)] if left_out else [])])
    elif set(ANSWER) <= set(case.calls):
        text = "every call that answers"
    else:
        text = ", ".join(f"`{method}`" for method in case.calls)
    return text if case.to is everyone else f"{text} of {case.to.__doc__}"


def lines(case: Case) -> Iterator[tuple[str, ...]]:
    """Yield the line of a case, or one for each container where the errors differ."""
    name = next(name for name, estimator in ESTIMATORS.items() if case.is_for(estimator))
    found: dict[str, list[str]] = {}
    for kind in case.where:
        found.setdefault(told(name, case, kind), []).append(SHOWN[kind])
    first = (case.given, in_calls(case))
    for text, kinds in found.items():
        yield *first, ", ".join(kinds), text
        first = ("", "")


def page() -> str:
    """Return docs/bad_input.md."""
    out = [HEAD.format(version=sklearn.__version__)]
    for section, cases in CASES.items():
        out += [f"## {section}", "", "| given | to | in | told |", "|---|---|---|---|"]
        out += [f"| {' | '.join(line)} |" for case in cases for line in lines(case)]
        out.append("")
    return "\n".join(out).rstrip() + "\n"


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_page_is_what_the_table_prints():
    """Another scikit-learn may have other words: then the cases alone must be the same."""
    written, printed = PAGE.read_text(encoding="utf-8"), page()
    if f"scikit-learn {sklearn.__version__} " not in written:
        written, printed = (
            re.findall(r"^\| ([^|]+) \|", text, re.MULTILINE) for text in (written, printed)
        )
    assert written == printed, "run: python -m tests.test_bad_input > docs/bad_input.md"


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.stdout.write(page())
