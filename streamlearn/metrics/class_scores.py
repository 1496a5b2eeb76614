"""Metrics of the scores of classes: decision functions, or probabilities that need not sum to 1."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any

import numpy as np
from sklearn import metrics as theirs
from sklearn.exceptions import UndefinedMetricWarning

from streamlearn._arrays import Array, namespace
from streamlearn.core import class_losses
from streamlearn.metrics.by_label import ByLabel, by_label, mean, ordered, own_losses
from streamlearn.metrics.over_blocks import SCORES, Metric, computed
from streamlearn.metrics.parameters import checked


def hinge_loss(
    y_true: Any, pred_decision: Any, *, labels: Any = None, sample_weight: Any = None
) -> float:
    """Return the mean hinge loss: the mean of max(0, 1 - margin).

    Parameters
    ----------
    y_true : array, Series, dask array or dask Series of shape (n_samples,)
        The true labels.
    pred_decision : array or dask array of shape (n_samples,) or (n_samples, n_classes)
        The decision function: the scores of the second of two classes, or one column for each of
        several classes, in sorted order.
    labels : array-like of shape (n_classes,), default=None
        The classes. None means the labels in ``y_true``.
    sample_weight : array or dask array of shape (n_samples,), default=None
        The weight of each row. None means 1 for every row.

    Returns
    -------
    float
        A number that is at least 0.

    Raises
    ------
    ValueError
        If the arrays do not line up, if they have no rows or no row with a weight, or if
        ``pred_decision`` does not have one column for each of several classes.

    Notes
    -----
    Differences from scikit-learn:

    - With two ``labels`` and rows of one of them, this one is still the first or the second class.
      For scikit-learn it is the first class.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import hinge_loss
    >>> hinge_loss(np.asarray([-1, 1, 1]), np.asarray([-2.2, 2.3, 0.1]))
    0.3...
    """
    sums = by_label(_hinge, "pred_decision", SCORES[:1], labels)
    return computed(Metric(sums, _mean_hinge), y_true, pred_decision, sample_weight)


def _hinge(S: Array, where: str) -> tuple[Array, bool]:
    if _one_column(S):
        return class_losses.binary_hinge(_column(S)), False
    if S.shape[1] == 2:
        raise ValueError(
            f"{where} has 2 columns. The decision function of two classes should be a 1d array: "
            "the score of the second class."
        )
    return class_losses.hinge(S), False


def _mean_hinge(state: ByLabel) -> float:
    if state.width < 2 and len(state.labels) == 1:
        return mean(state, state.losses[0, 0])
    return mean(state, own_losses(state, "pred_decision"))


def top_k_accuracy_score(
    y_true: Any,
    y_score: Any,
    *,
    k: int = 2,
    normalize: bool = True,
    sample_weight: Any = None,
    labels: Any = None,
) -> float:
    """Return the share of the rows whose class is among the k classes with the largest scores.

    Parameters
    ----------
    y_true : array, Series, dask array or dask Series of shape (n_samples,)
        The true labels.
    y_score : array or dask array of shape (n_samples,) or (n_samples, n_classes)
        Scores or probabilities: those of the second of two classes, or one column for each class,
        in sorted order. If scores are equal, the later ones count as larger, as in scikit-learn.
    k : int, default=2
        The number of classes that count, at least 1.
    normalize : bool, default=True
        Whether to return the share of the rows. False means their number or weight.
    sample_weight : array or dask array of shape (n_samples,), default=None
        The weight of each row. None means 1 for every row.
    labels : array-like of shape (n_classes,), default=None
        The classes, sorted. None means the labels in ``y_true``.

    Returns
    -------
    float
        A number between 0 and 1, if ``normalize``.

    Raises
    ------
    ValueError
        If the arrays do not line up, or no row has a weight. If ``y_score`` does not have one
        column for each class. If ``labels`` are not sorted, or k is less than 1.

    Warns
    -----
    UndefinedMetricWarning
        If there are no more than k classes.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import top_k_accuracy_score
    >>> y_score = np.asarray([[0.5, 0.2, 0.3], [0.1, 0.3, 0.6], [0.2, 0.7, 0.1]])
    >>> top_k_accuracy_score(np.asarray([0, 1, 2]), y_score, k=2)
    0.66...
    """
    checked(theirs.top_k_accuracy_score, {"k": k, "normalize": normalize})
    sums = by_label(_misses, "y_score", SCORES, ordered(labels), k)
    metric = Metric(sums, partial(_top_k, k, normalize))
    return computed(metric, y_true, y_score, sample_weight)


def _misses(k: int, S: Array, where: str) -> tuple[Array, Any]:
    if not _one_column(S):
        return class_losses.misses(k, S), False
    s, xp = _column(S), namespace(S)
    return class_losses.binary_misses(s), xp.any((s < 0) | (s > 1))


def _top_k(k: int, normalize: bool, state: ByLabel) -> float:
    losses = state.losses
    if state.width < 2:
        losses = losses[:, 2:] if state.odd else losses[:, :2]
    missed = own_losses(state, "y_score", losses)
    n_classes = len(state.labels)
    if k >= n_classes:
        missed = np.zeros(n_classes)
        warnings.warn(
            f"'k' ({k}) greater than or equal to 'n_classes' ({n_classes}) will result in a "
            "perfect score and is therefore meaningless.",
            UndefinedMetricWarning,
            stacklevel=2,
        )
    hits = state.weight - missed
    return mean(state, hits) if normalize else float(hits.sum())


def _one_column(S: Array) -> bool:
    return S.ndim == 1 or S.shape[1] == 1


def _column(S: Array) -> Array:
    return S if S.ndim == 1 else S[:, 0]
