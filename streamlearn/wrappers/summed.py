"""Scorers of scikit-learn whose metric sums over blocks make."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from streamlearn import metrics as ours
from streamlearn._sklearn import _check_response_method, scorer_arguments
from streamlearn._thirdparty.tags import has_parameter
from streamlearn.metrics.scorers import named_metrics, our_function


def is_summed(scorer: Any) -> bool:
    """Return whether a scorer was made of a metric of scikit-learn."""
    metric = None if scorer is None else scorer_arguments(scorer).metric
    return metric is not None and metric.__module__.startswith("sklearn.")


def our_metric(scorer: Any) -> Callable[..., Any] | None:
    """Return our metric for a scorer that was made of a metric, or None if there is none."""
    made = scorer_arguments(scorer)
    function = made.metric
    if function in named_metrics().values():
        function = our_function(function.__name__)
    elif function is not None and not function.__module__.startswith(f"{ours.__name__}."):
        return None
    if function is None or not all(has_parameter(function, name) for name in made.arguments):
        return None
    return partial(function, **made.arguments)


def metric_or_raise(scorer: Any) -> Callable[..., Any]:
    """Return `our_metric`.

    Raises
    ------
    ValueError
        If there is none.
    """
    function = our_metric(scorer)
    if function is None:
        raise ValueError(
            f"scoring={scorer!r} does not work over a dask collection. Scorers that do are "
            f"{', '.join(named_metrics())}. Give another as a function (estimator, X, y) that "
            "works on collections, or give X and y in memory."
        )
    return function


def with_labels(metric: Callable[..., Any], estimator: Any) -> Callable[..., Any]:
    """Return a metric that knows the labels of a classifier, because y may lack some of them."""
    labels = getattr(estimator, "classes_", None)
    if labels is None or not has_parameter(metric, "labels"):
        return metric
    return partial(metric, labels=labels)


def response_of(estimator: Any, scorer: Any) -> str:
    """Return the name of the method whose result a scorer compares.

    Raises
    ------
    AttributeError
        If the estimator has none that the scorer takes.
    """
    given = scorer_arguments(scorer).response_method
    try:
        _check_response_method(estimator, given)
    except AttributeError as error:
        raise AttributeError(
            f"{error} A score needs it: {scorer!r}. Give another score, or an estimator that has "
            'the method, such as SGDClassifier(loss="log_loss").'
        ) from error
    methods = [given] if isinstance(given, str) else given
    return next(name for name in methods if hasattr(estimator, name))
