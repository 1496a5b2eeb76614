"""The distinct pairs of a true label and a score, which curves and areas under curves are made of.

They are exact as long as there are at most `MOST_PAIRS` pairs, or that number divided by the number
of columns of scores. Then scores are rounded to fewer bits, all to the same number, until they fit.
The number of bits depends on the distinct pairs of all rows and on nothing else: not on the blocks,
nor on their order.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from streamlearn._arrays import Array, to_numpy
from streamlearn._validation.arrays import as_array, as_vector
from streamlearn._validation.columns import factorize
from streamlearn._validation.labels import labels_or_raise
from streamlearn._validation.messages import in_block
from streamlearn._validation.reader import indicator_or_raise
from streamlearn.metrics.by_label import other_columns
from streamlearn.metrics.over_blocks import SCORES, Statistic, numbers, weight_like
from streamlearn.metrics.pairs import Pairs, distinct, merge

MOST_PAIRS = 1 << 20
"""The largest number of distinct pairs, in all columns together."""

BITS = 62
"""The most bits that can be dropped. The sign and a bit of the exponent are left."""


class Ranked(NamedTuple):
    """The distinct pairs of labels and scores.

    Attributes
    ----------
    columns : tuple of Pairs
        The pairs of each column of scores. ``predicted`` holds scores.
    dropped : tuple of int
        The number of bits by which the scores of each column are rounded.
    off : bool
        Whether a row of several columns does not sum to 1.
    several : bool
        Whether a row has several labels. A column then has labels of its own, 0 or 1.
    """

    columns: tuple[Pairs, ...]
    dropped: tuple[int, ...]
    off: bool
    several: bool


def rounded(scores: np.ndarray, dropped: int) -> np.ndarray:
    """Return scores with fewer bits, which keep their order.

    Bits of the mantissa are dropped first. Scores between 1/2 and 1 are rounded by their distance
    from 1, so that probabilities near 1 are kept as finely as those near 0.

    Examples
    --------
    >>> rounded(np.asarray([-1.9, 0.0, 0.1, 0.9, 1.9]), 52)
    array([-1.    ,  0.    ,  0.0625,  0.9375,  1.    ])
    """
    upper = (scores > 0.5) & (scores <= 1)
    x = np.where(upper, 1 - scores, scores)
    x = (x.view(np.int64) & ~np.int64((1 << dropped) - 1)).view(np.float64)
    x = np.where(upper, 1 - x, x)
    return np.where(scores > 1, np.maximum(x, 1), x)


def _fitted(pairs: Pairs, dropped: int, n_columns: int) -> tuple[Pairs, int]:
    """Return no more pairs than a column may have, and the least number of bits dropped for it."""
    most = MOST_PAIRS // n_columns
    if len(pairs.weight) <= most:
        return pairs, dropped
    codes, _ = factorize(pairs.true)
    order = np.lexsort((pairs.predicted, codes))
    scores, another_label = pairs.predicted[order], np.diff(codes[order]) != 0
    least, enough = dropped, BITS
    while enough - least > 1:
        middle = (least + enough) // 2
        borders = another_label | (np.diff(rounded(scores, middle)) != 0)
        if np.count_nonzero(borders) < most:
            enough = middle
        else:
            least = middle
    return _rounded_to(pairs, enough), enough


def _rounded_to(pairs: Pairs, dropped: int) -> Pairs:
    return distinct(pairs.true, rounded(pairs.predicted, dropped), pairs.weight)


def _of_block(y_true: Any, y_score: Any, weight: Any, block: int | None) -> Ranked:
    S, y = numbers(y_score, "y_score", block), as_array(y_true, "y_true")
    several = y.ndim == 2 and y.shape[1] > 1
    if several:
        labels, scores = _indicators(y, S, block)
    else:
        y = as_vector(y, "y_true", block)
        labels_or_raise(y, in_block("y_true", block), numbers=True)
        scores = _columns(S, block)
        labels = [to_numpy(y)] * len(scores)
    weight = weight_like(S, weight, block)
    w = None if weight is None else to_numpy(weight).astype(np.float64)
    pairs = [distinct(*column, w) for column in zip(labels, scores, strict=True)]
    found = [_fitted(column, 0, len(pairs)) for column in pairs]
    columns, dropped = zip(*found, strict=True)
    off = len(scores) > 1 and not several and not np.allclose(1, sum(scores))
    return Ranked(columns, dropped, off, several)


def _indicators(y: Array, S: Array, block: int | None) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return each column of several labels, and its scores."""
    if S.shape != y.shape:
        raise ValueError(
            f"{in_block('y_true', block)} has several labels for a row, {tuple(y.shape)}, and "
            f"y_score has shape {tuple(S.shape)}. Give a column of scores for each label."
        )
    indicator_or_raise(y, block, "y_true")
    labels, scores = to_numpy(y).astype(np.int64), to_numpy(S).astype(np.float64)
    both = ([np.ascontiguousarray(x[:, j]) for j in range(x.shape[1])] for x in (labels, scores))
    of_labels, of_scores = both
    return of_labels, of_scores


def _columns(S: Array, block: int | None) -> list[np.ndarray]:
    """Return each column of scores; of two columns the second, as in scikit-learn's scorers."""
    x = to_numpy(S).astype(np.float64)
    if x.ndim > 2:
        raise ValueError(
            f"{in_block('y_score', block)} has shape {x.shape}. Give one score a row, or a column "
            "for each class."
        )
    if x.ndim == 1:
        return [x]
    columns = [np.ascontiguousarray(x[:, j]) for j in range(x.shape[1])]
    return columns[1:] if len(columns) == 2 else columns


def _merge(a: Ranked, b: Ranked) -> Ranked:
    if len(a.columns) != len(b.columns):
        # one of two columns is kept
        raise other_columns(*(n if n > 1 else "1 or 2" for n in map(len, (a.columns, b.columns))))
    found = []
    for x, y, n, m in zip(a.columns, b.columns, a.dropped, b.dropped, strict=True):
        most = max(n, m)
        x, y = (p if k == most else _rounded_to(p, most) for p, k in ((x, n), (y, m)))
        found.append(_fitted(merge(x, y), most, len(a.columns)))
    columns, dropped = zip(*found, strict=True)
    return Ranked(columns, dropped, a.off or b.off, a.several)


def ranked(response: tuple[str, ...] = SCORES) -> Statistic:
    """Return the sums that pairs of labels and scores are, for scores of these methods."""
    return Statistic(_of_block, _merge, response)


def only_column(state: Ranked, metric: str) -> Pairs:
    """Return the pairs of the only column of scores.

    Raises
    ------
    ValueError
        If there are several.
    """
    if len(state.columns) > 1:
        raise ValueError(
            f"y_score has {len(state.columns)} columns, and {metric} is of two classes. Give the "
            "scores of one class, y_score[:, j], and y_true == label."
        )
    return state.columns[0]


def _by_score(pairs: Pairs, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights of the positive and of the negative rows at each score, descending."""
    scores, at = np.unique(-pairs.predicted, return_inverse=True)
    p, n = (np.bincount(at, pairs.weight * rows, len(scores)) for rows in (positive, ~positive))
    return p, n


def roc_auc_error(pairs: Pairs, positive: np.ndarray) -> float:
    """Return how far from the ROC AUC it may be with scores that were rounded.

    Rows of two classes whose scores are equal now may have had either order. They count half.
    """
    p, n = _by_score(pairs, positive)
    with np.errstate(invalid="ignore"):
        return float(p @ n / (2 * p.sum() * n.sum()))


def average_precision_error(pairs: Pairs, positive: np.ndarray) -> float:
    """Return how far from the average precision it may be with scores that were rounded.

    Some rows have equal scores now. The positive rows may have come first or last among them, and
    their scores may have been distinct.
    """
    p, n = _by_score(pairs, positive)
    tp, fp = np.cumsum(p), np.cumsum(n)
    before, some = tp - p, p > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        tied = p * tp / (tp + fp)
        first = p * tp / (tp + fp - n)
        # the integral of the precision while the positive rows are added after the negative ones
        last = p - fp * np.log((tp + fp) / (before + fp))
        last = np.where(fp > 0, last, p)
        widest = max(np.sum((first - tied)[some]), np.sum((tied - last)[some]))
        return float(widest / p.sum())
