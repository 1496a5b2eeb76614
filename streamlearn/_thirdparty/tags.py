"""What an estimator that is not ours says of itself, and of its arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable
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
"""Methods of an estimator that make as many rows as they are given, each of its own row."""


def takes_collections(estimator: Any) -> bool:
    """Return whether an estimator works on dask collections by itself: ours do."""
    return getattr(estimator, "_takes_collections", False)


def is_stateless(estimator: Any) -> bool:
    """Tell by its tags whether an estimator has nothing to learn."""
    return hasattr(estimator, "__sklearn_tags__") and not get_tags(estimator).requires_fit


def takes(method: Callable[..., Any], name: str) -> bool:
    """Return whether ``method`` has a parameter called ``name``."""
    return name in inspect.signature(method).parameters


def rows_known(X: Any) -> int | None:
    """Return the rows of a container, None where dask does not know them."""
    if not engine.is_collection(X):
        return engine.n_rows(X)
    rows = engine.row_chunks(X)
    return None if None in rows else sum(n for n in rows if n is not None)


def is_by_row(name: str, value: Any, n_rows: int | None) -> bool:
    """Return whether an argument of learning has a value a row."""
    argument = name.rpartition("__")[2]
    if argument == "sample_weight" or engine.is_collection(value):
        return value is not None and not np.isscalar(value)
    listed = hasattr(value, "shape") or isinstance(value, list | tuple)
    by_row = listed and argument != "classes" and np.ndim(value) > 0
    return by_row and engine.n_rows(value) == n_rows


def at_hand(name: str, value: Any) -> Any:
    """Return an argument of learning, computed if it is the labels, which are few."""
    labels = name.rpartition("__")[2] == "classes" and engine.is_collection(value)
    return np.asarray(plain(value)) if labels else value
