"""The score of a fitted estimator as sums over blocks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from sklearn import metrics as theirs
from sklearn.base import RegressorMixin, is_regressor

from streamlearn import blocks as engine
from streamlearn import metrics as ours
from streamlearn._arrays import Array, asarray, to_numpy, widest_float
from streamlearn._sklearn import made_of, with_arguments
from streamlearn._thirdparty.scoring import own_score
from streamlearn._thirdparty.tags import has_parameter
from streamlearn._validation.arrays import as_array, as_numbers
from streamlearn._validation.missing import as_known
from streamlearn.core import scores


class BlockScore(NamedTuple):
    """A score as functions on sums that merge.

    Attributes
    ----------
    of_block : callable
        ``(estimator, block) -> sums``.
    merge : callable
        ``(a, b) -> sums``.
    result : callable
        ``(sums) -> float``. It is NaN if no row has a weight.
    """

    of_block: Callable[..., Any]
    merge: Callable[..., Any]
    result: Callable[..., float]


def block_score(estimator: Any, scorer: Callable[..., Any] | None) -> BlockScore:
    """Return the form over blocks of a scorer. None is the estimator's own score.

    R2 is the score of all rows together. Other scores are averages over the blocks, weighted by
    rows or their weights. Accuracy, log loss and the errors are such averages by definition.
    """
    metric, arguments, sign, _ = made_of(scorer)
    if scorer is None:
        own = own_score(estimator)
        of_ours = getattr(own, "__module__", "").startswith("streamlearn.")
        by_r2 = own is RegressorMixin.score or (of_ours and is_regressor(estimator))
    else:
        by_r2 = metric in (theirs.r2_score, ours.r2_score) and not arguments and sign > 0
    if by_r2:
        return BlockScore(_fit_of_block, scores.R2.merge, _r2)
    return BlockScore(partial(_score_of_block, scorer), _add, _average)


def _score_of_block(
    scorer: Callable[..., Any] | None, estimator: Any, block: engine.Block
) -> tuple[float, float]:
    """Return the score of a block times its number of rows or weight, and that number."""
    if made_of(scorer).metric is theirs.log_loss and hasattr(estimator, "classes_"):
        scorer = with_arguments(scorer, labels=estimator.classes_)  # a block may lack some
    X, y, weight = (as_known(estimator, x) for x in (block.X, block.y, block.sample_weight))
    score = estimator.score if scorer is None else partial(scorer, estimator)
    rows: float = engine.n_rows(X)
    if weight is None or not _accepts_weight(estimator, scorer):
        return float(score(X, y)) * rows, rows
    rows = float(np.sum(to_numpy(as_array(weight))))
    return (float(score(X, y, sample_weight=weight)) * rows, rows) if rows else (0.0, 0.0)


def _accepts_weight(estimator: Any, scorer: Callable[..., Any] | None) -> bool:
    """Return whether a score takes ``sample_weight``."""
    metric = None if scorer is None else made_of(scorer).metric or scorer
    return has_parameter(estimator.score if metric is None else metric, "sample_weight")


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


def _r2(sums: Any) -> float:
    return float(np.mean(to_numpy(scores.R2.result(sums))))


def _add(a: tuple[float, float], b: tuple[float, float]) -> tuple[float, float]:
    return a[0] + b[0], a[1] + b[1]


def _average(sums: tuple[float, float]) -> float:
    total, weight = sums
    return total / weight if weight else np.nan
