"""Scores of estimators of other libraries: for a collection, and for held-out blocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from typing import Any

import numpy as np
from sklearn import metrics as theirs

from streamlearn import blocks as engine
from streamlearn import metrics as ours
from streamlearn._sklearn import scorer_arguments
from streamlearn._thirdparty.partial_fit import as_here
from streamlearn._thirdparty.scoring import score
from streamlearn._thirdparty.tags import takes_collections
from streamlearn.metrics import compute
from streamlearn.wrappers.block_scores import block_score
from streamlearn.wrappers.summed import is_summed, metric_or_raise, response_of, with_labels


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
    if isinstance(scoring, str) and scoring not in theirs.get_scorer_names():
        near = get_close_matches(scoring, theirs.get_scorer_names(), 1)
        raise ValueError(
            f"scoring={scoring!r} is the name of no scorer. "
            + (f"Did you mean {near[0]!r}? " if near else "")
            + "sklearn.metrics.get_scorer_names() lists all names."
        )
    return None if scoring is None else theirs.check_scoring(scoring=scoring)


def scorers_by_name(scoring: Any) -> dict[str, Callable[..., Any] | None]:
    """Return the scorers by name. A single one is called "score", and None is the own score.

    Raises
    ------
    TypeError
        If ``scoring`` is something else.
    ValueError
        If there are none, or if `scorer_of` raises it.
    """
    if scoring is None or isinstance(scoring, str) or callable(scoring):
        return {"score": scorer_of(scoring)}
    if not isinstance(scoring, list | tuple | set | Mapping):
        raise TypeError(
            f"scoring={scoring!r} is not a scorer. Give the name of one, a function "
            "(estimator, X, y), a list or dict of several, or None."
        )
    given = scoring if isinstance(scoring, Mapping) else {name: name for name in scoring}
    if not given:
        raise ValueError(f"scoring={scoring!r} has no scorer. Give at least one, or None.")
    return {name: scorer_of(one) for name, one in given.items()}


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
        If the score does not work over a collection.
    AttributeError
        If the estimator lacks the method that the score is made from.
    """
    if scorer is None:
        if takes_collections(estimator):
            return estimator.score(X, y, **params)
        return score(estimator, asked, X, y, **params)
    if not is_summed(scorer):
        return scorer(asked, X, y, **params)
    function, sign, method = _metric_of(asked, scorer)
    return sign * function(y, getattr(asked, method)(X), **params)


def scores_of_collection(
    asked: Any, estimator: Any, scorers: Mapping[str, Any], X: Any, y: Any
) -> dict[str, Any]:
    """Return several scores of a fitted estimator on a collection.

    All scores that are made of sums are computed in one pass. The estimator's own score, and each
    scorer that is a function, reads the collection by itself. The parameters and the errors are
    those of `score_of_collection`.
    """
    metrics, signs, predicted = {}, {}, dict[str, Any]()
    for name, scorer in scorers.items():
        if is_summed(scorer):
            metrics[name], signs[name], method = _metric_of(asked, scorer)
            if method not in predicted:
                predicted[method] = getattr(asked, method)(X)
    found = compute(y, predicted, metrics) if metrics else {}
    return {
        name: signs[name] * found[name]
        if name in found
        else score_of_collection(asked, estimator, scorer, X, y, {})
        for name, scorer in scorers.items()
    }


def _metric_of(asked: Any, scorer: Any) -> tuple[Callable[..., Any], int, str]:
    """Return our metric for a scorer, its sign, and the method that returns what it compares."""
    function = metric_or_raise(scorer)
    arguments = scorer_arguments(scorer).arguments
    function = function if "labels" in arguments else with_labels(function, asked)
    return function, scorer_arguments(scorer).sign, response_of(asked, scorer)


def of_blocks(estimator: Any, scorer: Any, blocks: engine.Blocks, order: Sequence[int]) -> float:
    """Return the score of a fitted estimator on some blocks, which are loaded one after the other.

    `block_score` says what it is.
    """
    score = block_score(estimator, scorer)
    of_block = as_here(partial(score.of_block, estimator))
    sums = engine.reduce(of_block, score.merge, blocks, order=order, name="score")
    return np.nan if sums is None else score.result(sums)
