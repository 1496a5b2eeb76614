"""Scores of estimators on collections, by the metrics of this library."""

from __future__ import annotations

from typing import Any

from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from streamlearn import metrics
from streamlearn._sklearn import NO_ROWS, BaseSearchCV


def own_score(estimator: Any) -> Any:
    """Return how an estimator scores, as a function of its class; None if it does not.

    A pipeline scores as its last step does, and a search that was told no scorer as what it found.
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
    """Return accuracy or R2 of what ``asked`` predicts lazily for ``estimator``, in one pass.

    Raises
    ------
    TypeError
        If the estimator scores otherwise.
    """
    own = own_score(estimator)
    if own is ClassifierMixin.score:
        return metrics.accuracy_score(y, asked.predict(X), sample_weight=sample_weight)
    if own is RegressorMixin.score:
        return metrics.r2_score(y, asked.predict(X), sample_weight=sample_weight)
    raise TypeError(
        f"{type(estimator).__name__}.score has no form for a dask collection. Score what "
        "it predicts, for instance with streamlearn.metrics, or give it an array in memory."
    )
