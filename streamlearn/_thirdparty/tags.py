"""Properties of estimators of other libraries and of their arguments."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from sklearn.utils import get_tags

from streamlearn import blocks as engine
from streamlearn._arrays.plain import plain

LAZY = (
    "transform",
    "inverse_transform",
    "predict",
    "predict_proba",
    "predict_log_proba",
    "decision_function",
    "score_samples",
)
"""Methods of an estimator whose result has one row for each row of X, computed from it alone."""


def takes_collections(estimator: Any) -> bool:
    """Return whether an estimator takes dask collections itself, as ours do."""
    return getattr(estimator, "_takes_collections", False)


def takes_several_passes(estimator: Any) -> bool:
    """Return whether an estimator of ours takes collections and passes over them several times."""
    return getattr(estimator, "_several_passes", False)


def is_stateless(estimator: Any) -> bool:
    """Return whether the tags of an estimator say that it requires no ``fit``."""
    return hasattr(estimator, "__sklearn_tags__") and not get_tags(estimator).requires_fit


def is_column_transformer(estimator: Any) -> bool:
    """Return whether an estimator is scikit-learn's ColumnTransformer, or a subclass.

    ``sklearn.compose`` imports all linear models. Until somebody else does, there are none.
    """
    theirs = getattr(sys.modules.get("sklearn.compose"), "ColumnTransformer", ())
    return isinstance(estimator, theirs)


def has_parameter(method: Callable[..., Any], name: str) -> bool:
    """Return whether ``method`` has a parameter called ``name``."""
    return name in inspect.signature(method).parameters


def rows_known(X: Any) -> int | None:
    """Return the number of rows of a container, or None if dask does not know it."""
    if not engine.is_collection(X):
        return engine.n_rows(X)
    rows = engine.row_chunks(X)
    return None if None in rows else sum(n for n in rows if n is not None)


def is_lazy(value: Any) -> bool:
    """Return whether an argument of ``fit`` is a collection. A function is an argument itself."""
    return engine.is_collection(value) and not callable(value)


def is_by_row(name: str, value: Any, n_rows: int | None) -> bool:
    """Return whether an argument of ``fit`` has one value for each row."""
    argument = name.rpartition("__")[2]
    if argument == "sample_weight" or is_lazy(value):
        return value is not None and not np.isscalar(value)
    listed = hasattr(value, "shape") or isinstance(value, list | tuple)
    by_row = listed and argument != "classes" and np.ndim(value) > 0
    return by_row and engine.n_rows(value) == n_rows


def by_row_and_same(
    params: Mapping[str, Any], n_rows: int | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the arguments of ``fit`` with one value for each row, and the others."""
    by_row = {name: value for name, value in params.items() if is_by_row(name, value, n_rows)}
    return by_row, {name: value for name, value in params.items() if name not in by_row}


def labels_at_hand(name: str, value: Any) -> Any:
    """Return an argument of ``fit``. Labels in a collection are computed, because they are few."""
    labels = name.rpartition("__")[2] == "classes" and is_lazy(value)
    return np.asarray(plain(value)) if labels else value
