"""Learning from one more block with any estimator that has ``partial_fit``.

The estimator itself is never changed. A copy learns, so a task that runs twice does not train
twice.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Any

import numpy as np
from sklearn import config_context, get_config
from sklearn.base import is_classifier
from sklearn.utils import get_tags

from streamlearn import blocks as engine
from streamlearn._arrays import is_array, to_numpy
from streamlearn._thirdparty.tags import has_parameter
from streamlearn._validation.advice import with_advice
from streamlearn._validation.arrays import as_vector
from streamlearn._validation.label_codes import labels_like
from streamlearn._validation.labels import classes_missing, discover, listed
from streamlearn._validation.messages import no_target
from streamlearn._validation.missing import as_known


def with_classes(
    estimator: Any, params: dict[str, Any], y: Any, *, further: bool
) -> dict[str, Any]:
    """Return the arguments of ``partial_fit``, with the labels as ``classes`` if it takes them.

    Parameters
    ----------
    estimator : object
    params : dict
        The arguments that the user gives.
    y : array-like, dask collection or None
    further : bool
        Whether the caller is ``partial_fit``. A pass over y would then not find the labels of later
        calls.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If the estimator requires y and y is None, or if the labels cannot be found in y.
    """
    name, tagged = type(estimator).__name__, hasattr(estimator, "__sklearn_tags__")
    if y is None and tagged and get_tags(estimator).target_tags.required:
        raise no_target(name)
    known = "classes" in params or (further and hasattr(estimator, "classes_"))
    if y is None or known or getattr(_last(estimator), "classes", None) is not None:
        return params
    wanted = is_classifier(estimator) if tagged else not further
    if not (wanted and has_parameter(estimator.partial_fit, "classes")):
        return params
    if further:
        raise classes_missing()
    y = y if hasattr(y, "shape") else np.asarray(y)
    if not len(y.shape):
        as_vector(y, "y")  # it raises
    if len(y.shape) == 2 and tagged and get_tags(estimator).target_tags.multi_output:
        raise ValueError(
            f"y has {y.shape[1]} columns, and {name} needs the labels of each of them. Pass them "
            "as classes, because they are looked for only if y has one column."
        )
    return {**params, "classes": to_numpy(discover(engine.align(y=y)).classes)}


def _last(estimator: Any) -> Any:
    """Return the last step of a pipeline, and another estimator as it is."""
    while getattr(estimator, "steps", None):
        estimator = estimator.steps[-1][1]
    return estimator


def as_here(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``function`` with the current configuration of scikit-learn, for another thread."""
    return partial(_configured, get_config(), function)


def _configured(config: dict[str, Any], function: Callable[..., Any], *args: Any) -> Any:
    with config_context(**config):
        return function(*args)


def _wants_labels_like(y: Any) -> bool:
    """Return whether scikit-learn needs the labels in an array of the library of ``y``."""
    elsewhere = is_array(y) and not isinstance(y, np.ndarray) and len(y.shape) == 1
    return elsewhere and get_config()["array_api_dispatch"]


def partially_fitted(
    estimator: Any,
    X: Any,
    y: Any,
    params: dict[str, Any],
    learn: Callable[..., Any] | None = None,
) -> Any:
    """Return a copy of ``estimator`` that has learned from one more block.

    ``learn`` is called with the copy, X, y and the arguments, instead of its ``partial_fit``.
    """
    copy = deepcopy(estimator)
    if "classes" in params and _wants_labels_like(y):
        params = {**params, "classes": labels_like(listed(params["classes"]), y)}
    with with_advice(X):
        learn = copy.partial_fit if learn is None else partial(learn, copy)
        learn(as_known(copy, X), as_known(copy, y), **params)
    return copy
