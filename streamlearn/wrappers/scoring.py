"""Scores of estimators of other libraries: for a collection, and for held-out blocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from sklearn import metrics as theirs

from streamlearn import blocks as engine
from streamlearn import metrics as ours
from streamlearn._sklearn import _check_response_method, made_of
from streamlearn._thirdparty.partial_fit import as_here
from streamlearn._thirdparty.scoring import score
from streamlearn._thirdparty.tags import has_parameter, takes_collections
from streamlearn.wrappers.block_scores import block_score

NAMES = {
    "accuracy": ours.accuracy_score,
    "neg_log_loss": ours.log_loss,
    "neg_mean_squared_error": ours.mean_squared_error,
    "neg_mean_absolute_error": ours.mean_absolute_error,
    "r2": ours.r2_score,
}
"""The scorers that have a form for collections, by scikit-learn's names."""

OURS = {made_of(theirs.get_scorer(name)).metric: metric for name, metric in NAMES.items()}
"""Our metric for each of scikit-learn's metrics."""


def scorer_of(scoring: Any) -> Callable[..., Any] | None:
    """Return the scorer ``(estimator, X, y) -> float``, or None for the estimator's own score.

    Raises
    ------
    ValueError
        If ``scoring`` is a metric ``(y_true, y_pred)``, or if no scorer has this name.
    """
    if (getattr(scoring, "__module__", None) or "").startswith(f"{ours.__name__}."):
        raise ValueError(
            f"scoring={scoring.__name__} is a metric, which takes y_true and y_pred. Give the name "
            "of a scorer, or make one with sklearn.metrics.make_scorer."
        )
    return None if scoring is None else theirs.check_scoring(scoring=scoring)


def score_of_collection(
    asked: Any, estimator: Any, scorer: Any, X: Any, y: Any, params: dict[str, Any]
) -> Any:
    """Return the score of a fitted estimator on a collection, in one pass.

    Parameters
    ----------
    asked : object
        An object that predicts lazily with ``estimator``.
    estimator : object
        The fitted estimator.
    scorer : callable or None
        The scorer, or None for the estimator's own score.
    X, y : containers
        The rows and their targets.
    params : dict
        Further arguments of the scorer.

    Returns
    -------
    float

    Raises
    ------
    ValueError, TypeError
        If the score has no form for a collection.
    AttributeError
        If the estimator lacks the method that the score is made from.
    """
    if scorer is None:
        if takes_collections(estimator):
            return estimator.score(X, y, **params)
        return score(estimator, asked, X, y, **params)
    metric, arguments, sign, response_method = made_of(scorer)
    if metric is None or not metric.__module__.startswith("sklearn."):
        return scorer(asked, X, y, **params)
    function, how = OURS.get(metric), dict(arguments)
    if function is None or not all(has_parameter(function, name) for name in how):
        raise ValueError(
            f"scoring={scorer!r} has no form for a dask collection. Those that have are "
            f"{', '.join(NAMES)}. Give another as a function (estimator, X, y) that works on "
            "collections, or give X and y in memory."
        )
    if has_parameter(function, "labels") and hasattr(asked, "classes_"):
        how.setdefault("labels", asked.classes_)  # without labels log_loss reads y once more
    predicted = _check_response_method(asked, response_method)(X)
    return sign * function(y, predicted, **how, **params)


def of_blocks(estimator: Any, scorer: Any, blocks: engine.Blocks, order: Sequence[int]) -> float:
    """Return the score of a fitted estimator on some blocks, which are loaded one after the other.

    `block_score` says what it is.
    """
    score = block_score(estimator, scorer)
    of_block = as_here(partial(score.of_block, estimator))
    sums = engine.reduce(of_block, score.merge, blocks, order=order, name="score")
    return np.nan if sums is None else score.result(sums)
