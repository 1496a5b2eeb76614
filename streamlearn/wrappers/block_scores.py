"""The score of a fitted estimator as sums over blocks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin, is_classifier, is_regressor

from streamlearn import blocks as engine
from streamlearn import metrics as ours
from streamlearn._arrays import to_numpy
from streamlearn._sklearn import scorer_arguments
from streamlearn._thirdparty.scoring import own_score
from streamlearn._thirdparty.tags import has_parameter
from streamlearn._validation.arrays import as_array
from streamlearn._validation.missing import as_known
from streamlearn.metrics.over_blocks import UNREAD, Metric
from streamlearn.wrappers.summed import our_metric, response_of, with_labels


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
    by_answers : bool
        Whether it needs only the answers of an estimator for rows, such as its predictions. If not,
        it may look at the rows and the estimator.
    of_models : callable or None
        ``(models, answers, block) -> list of sums or None`` returns the sums of each of several
        models (`streamlearn.linear_model.many_models`) from their answers for a block. It returns
        None if the metric has no such form, and so it is without it.
    """

    of_block: Callable[..., Any]
    merge: Callable[..., Any]
    result: Callable[..., float]
    by_answers: bool = True
    of_models: Callable[..., list[Any] | None] | None = None


def block_score(estimator: Any, scorer: Callable[..., Any] | None) -> BlockScore:
    """Return the form over blocks of a scorer. None is the estimator's own score.

    It is the score of all rows together, if sums make it. The other scores are averages over the
    blocks, by rows or their weights.
    """
    metric, sign = _own_metric(estimator) if scorer is None else our_metric(scorer), 1
    if metric is None:
        by_answers = scorer is None or scorer_arguments(scorer).metric is not None
        return BlockScore(partial(_score_of_block, scorer), _add, _average, by_answers)
    if scorer is not None:
        sign = scorer_arguments(scorer).sign
    return BlockScore(
        partial(_sums_of_block, metric, scorer),
        _merge,
        partial(_result, sign),
        of_models=partial(_sums_of_models, metric, scorer),
    )


def _own_metric(estimator: Any) -> Callable[..., Any] | None:
    own = own_score(estimator)
    by_us = getattr(own, "__module__", "").startswith("streamlearn.")
    if own is ClassifierMixin.score or (by_us and is_classifier(estimator)):
        return ours.accuracy_score
    if own is RegressorMixin.score or (by_us and is_regressor(estimator)):
        return ours.r2_score
    return None


def has_no_weight(weight: Any) -> bool:
    """Return whether the rows of a block have weights, and all of them are 0."""
    return weight is not None and not to_numpy(as_array(weight)).any()


class _State(NamedTuple):
    """A metric and its sums."""

    metric: Metric
    sums: Any


def _sums_of_block(
    metric: Callable[..., Any], scorer: Any, estimator: Any, block: engine.Block
) -> _State | None:
    """Return the sums of a metric over a block, or None if no row has a weight."""
    X, y, weight = (as_known(estimator, x) for x in (block.X, block.y, block.sample_weight))
    if y is None:
        raise ValueError(
            "A score compares predictions with the target y, which is None. Give y, or "
            "scoring=None for the score of the estimator itself."
        )
    weight = weight if has_parameter(metric, "sample_weight") else None
    if has_no_weight(weight):
        return None
    how, method = _asked(metric, scorer, estimator)
    of_block = partial(how.statistic.of_block, *how.statistic.options)
    with np.errstate(over="ignore", invalid="ignore"):
        return _State(how, of_block(y, getattr(estimator, method)(X), weight, block.named))


def _sums_of_models(
    metric: Callable[..., Any], scorer: Any, models: Any, answers: Any, block: engine.Block
) -> list[_State | None] | None:
    """Return `_sums_of_block` of each of several models, or None if the metric cannot."""
    y, weight = (as_known(models, x) for x in (block.y, block.sample_weight))
    weight = weight if has_parameter(metric, "sample_weight") else None
    if has_no_weight(weight):
        return [None] * answers.n_models
    how, method = _asked(metric, scorer, models)
    if how.statistic.of_models is None or method not in how.statistic.response:
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        found = how.statistic.of_models(*how.statistic.options, y, answers, weight, block.named)
    return None if found is None else [_State(how, state) for state in found]


def _asked(metric: Callable[..., Any], scorer: Any, estimator: Any) -> tuple[Metric, str]:
    """Return the metric of an estimator, and the method whose result it compares."""
    if scorer is None or "labels" not in scorer_arguments(scorer).arguments:
        metric = with_labels(metric, estimator)
    return metric(UNREAD, UNREAD), "predict" if scorer is None else response_of(estimator, scorer)


def _merge(a: _State | None, b: _State | None) -> _State | None:
    if a is None or b is None:
        return b if a is None else a
    return a._replace(sums=a.metric.statistic.merge(a.sums, b.sums))


def _result(sign: int, state: _State | None) -> float:
    return np.nan if state is None else sign * float(state.metric.result(state.sums))


def _score_of_block(
    scorer: Callable[..., Any] | None, estimator: Any, block: engine.Block
) -> tuple[float, float]:
    """Return the score of a block times its number of rows or weight, and that number."""
    X, y, weight = (as_known(estimator, x) for x in (block.X, block.y, block.sample_weight))
    score = estimator.score if scorer is None else partial(scorer, estimator)
    rows: float = engine.n_rows(X)
    if weight is None or not _accepts_weight(estimator, scorer):
        return float(score(X, y)) * rows, rows
    rows = float(np.sum(to_numpy(as_array(weight))))
    return (float(score(X, y, sample_weight=weight)) * rows, rows) if rows else (0.0, 0.0)


def _accepts_weight(estimator: Any, scorer: Callable[..., Any] | None) -> bool:
    """Return whether a score takes ``sample_weight``."""
    metric = None if scorer is None else scorer_arguments(scorer).metric or scorer
    return has_parameter(estimator.score if metric is None else metric, "sample_weight")


def _add(a: tuple[float, float], b: tuple[float, float]) -> tuple[float, float]:
    return a[0] + b[0], a[1] + b[1]


def _average(sums: tuple[float, float]) -> float:
    total, weight = sums
    return total / weight if weight else np.nan
