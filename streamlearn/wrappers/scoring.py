"""Scores of estimators of other libraries: for a collection, and for held-out blocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from sklearn import metrics as theirs
from sklearn.base import RegressorMixin

from streamlearn import blocks as engine
from streamlearn import metrics as ours
from streamlearn._arrays import Array, asarray, to_numpy, widest_float
from streamlearn._sklearn import _check_response_method, made_of, with_arguments
from streamlearn._thirdparty.partial_fit import as_here
from streamlearn._thirdparty.scoring import own_score, score
from streamlearn._thirdparty.tags import has_parameter, takes_collections
from streamlearn._validation.arrays import as_array, as_numbers
from streamlearn._validation.missing import as_known
from streamlearn.core import scores

NAMES: dict[str, Callable[..., Any]] = {
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
        how.setdefault("labels", asked.classes_)  # y may lack some of them
    predicted = _check_response_method(asked, response_method)(X)
    return sign * function(y, predicted, **how, **params)


def of_blocks(estimator: Any, scorer: Any, blocks: engine.Blocks, order: Sequence[int]) -> float:
    """Return the score of a fitted estimator on some blocks, which are loaded one after the other.

    R2 is the score of all rows together. Other scores are averages over the blocks, weighted by
    rows or their weights. Accuracy, log loss and the errors are such averages by definition.
    """
    metric, arguments, sign, _ = made_of(scorer)
    if scorer is None:
        by_r2 = own_score(estimator) is RegressorMixin.score
    else:
        plain = metric is not None and not arguments and sign > 0
        by_r2 = plain and OURS.get(metric, metric) is ours.r2_score
    if by_r2:
        of_block = as_here(partial(_fit_of_block, estimator))
        metric = scores.R2
        state = engine.reduce(of_block, metric.merge, blocks, order=order, name="score")
        return np.nan if state is None else float(np.mean(to_numpy(metric.result(state))))
    if metric is theirs.log_loss and hasattr(estimator, "classes_"):  # a block may lack some
        scorer = with_arguments(scorer, labels=estimator.classes_)
    of_block = as_here(partial(_score_of_block, estimator, scorer))
    total, weight = engine.reduce(of_block, _add, blocks, order=order, name="score") or (0.0, 0.0)
    return total / weight if weight else np.nan


def _accepts_weight(estimator: Any, scorer: Callable[..., Any] | None) -> bool:
    """Return whether a score takes ``sample_weight``."""
    metric = None if scorer is None else made_of(scorer).metric or scorer
    return has_parameter(estimator.score if metric is None else metric, "sample_weight")


def _score_of_block(
    estimator: Any, scorer: Callable[..., Any] | None, block: engine.Block
) -> tuple[float, float]:
    """Return the score of a block times its number of rows or weight, and that number."""
    X, y, weight = (as_known(estimator, x) for x in (block.X, block.y, block.sample_weight))
    score = estimator.score if scorer is None else partial(scorer, estimator)
    rows: float = engine.n_rows(X)
    if weight is None or not _accepts_weight(estimator, scorer):
        return float(score(X, y)) * rows, rows
    rows = float(np.sum(to_numpy(as_array(weight))))
    return (float(score(X, y, sample_weight=weight)) * rows, rows) if rows else (0.0, 0.0)


def _fit_of_block(estimator: Any, block: engine.Block) -> Any:
    predicted = as_array(estimator.predict(as_known(estimator, block.X)))
    target, *weight = (
        asarray(as_numbers(x, name, block.number), like=predicted, dtype=widest_float(predicted))
        for name, x in (("y", block.y), ("sample_weight", block.sample_weight))
        if x is not None
    )
    return scores.R2.of_block(_one(target), _one(predicted), *weight)


def _one(values: Array) -> Array:
    """Return values of one output as (n_rows,)."""
    return values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values


def _add(a: tuple[float, float], b: tuple[float, float]) -> tuple[float, float]:
    return a[0] + b[0], a[1] + b[1]
