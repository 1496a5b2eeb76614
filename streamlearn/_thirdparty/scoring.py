"""``score`` of estimators on collections, by the metrics of this library."""

from __future__ import annotations

from typing import Any

from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from streamlearn import metrics
from streamlearn._sklearn import NO_ROWS, BaseSearchCV


def own_score(estimator: Any) -> Any:
    """Return the function of a class that is the ``score`` of an estimator, or None if it has none.

    For a pipeline it is that of the last step. For a search without ``scoring`` it is that of the
    best estimator.
    """
    if isinstance(estimator, Pipeline):
        return own_score(estimator.steps[-1][1])
    if isinstance(estimator, FrozenEstimator):
        return own_score(estimator.estimator)
    if isinstance(estimator, BaseSearchCV) and estimator.scoring is None and estimator.refit:
        return own_score(estimator.best_estimator_)
    scores = (vars(cls)["score"] for cls in type(estimator).__mro__ if "score" in vars(cls))
    return next((score for score in scores if score.__module__ not in NO_ROWS), None)


def score(estimator: Any, asked: Any, X: Any, y: Any = None, sample_weight: Any = None) -> float:
    """Return accuracy or R2 of an estimator, in one pass.

    Parameters
    ----------
    estimator : object
    asked : object
        The estimator in a form whose ``predict`` is lazy.
    X, y : dask collections
    sample_weight : dask collection, optional

    Returns
    -------
    float

    Raises
    ------
    TypeError
        If the estimator has a score other than accuracy or R2.
    """
    own = own_score(estimator)
    if own is ClassifierMixin.score:
        return metrics.accuracy_score(y, asked.predict(X), sample_weight=sample_weight)
    if own is RegressorMixin.score:
        return metrics.r2_score(y, asked.predict(X), sample_weight=sample_weight)
    raise TypeError(
        f"{type(estimator).__name__}.score does not work over a dask collection. Score its "
        "predictions, for example with streamlearn.metrics, or give it an array in memory."
    )
