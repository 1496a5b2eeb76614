"""Metrics of predicted probabilities."""

from __future__ import annotations

import warnings
from functools import partial
from math import sqrt
from typing import Any

import numpy as np
from sklearn import metrics as theirs

from streamlearn._arrays import Array, namespace, to_numpy
from streamlearn._validation.arrays import as_vector
from streamlearn._validation.labels import listed
from streamlearn.core import class_losses
from streamlearn.metrics.by_label import (
    ByLabel,
    by_label,
    column_of_each_or_raise,
    mean,
    own_losses,
    own_losses_of_models,
    two_columns,
)
from streamlearn.metrics.over_blocks import PROBABILITIES, Metric, Statistic, computed
from streamlearn.metrics.parameters import checked, truth_value
from streamlearn.metrics.values import warn_of_few_rows


def log_loss(
    y_true: Any,
    y_proba: Any,
    *,
    normalize: bool = True,
    sample_weight: Any = None,
    labels: Any = None,
) -> float:
    """Return the log loss: the mean of -log(p), where p is the probability of the true label.

    Parameters
    ----------
    y_true : array, Series, dask array or dask Series of shape (n_samples,)
        The true labels.
    y_proba : array or dask array of shape (n_samples, n_classes) or (n_samples,)
        The probabilities, one column for each class in sorted order. One dimension holds the
        probability of the second of two classes. Probabilities are clipped to one unit of rounding
        away from 0 and 1.
    normalize : bool, default=True
        Whether to return the mean. False means the sum.
    sample_weight : array or dask array of shape (n_samples,), default=None
        The weight of each row. None means 1 for every row.
    labels : array-like of shape (n_classes,), default=None
        The classes. None means the labels in ``y_true``.

    Returns
    -------
    float
        A number that is at least 0, in units of the natural logarithm.

    Raises
    ------
    ValueError
        If the arrays do not line up, or no row has a weight. If ``y_proba`` does not have one
        column for each class, or holds numbers below 0 or above 1.

    Warns
    -----
    UserWarning
        If rows of ``y_proba`` do not sum to 1, or if ``labels`` are not sorted.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import log_loss
    >>> log_loss(np.asarray(["spam", "ham"]), np.asarray([[0.1, 0.9], [0.8, 0.2]]))
    0.1642...
    """
    sums = _log_loss_sums(labels)
    normalize = truth_value(theirs.log_loss, "normalize", normalize)
    result = partial(_log_loss, normalize, _in_order(labels))
    return computed(Metric(sums, result), y_true, y_proba, sample_weight)


def _log_loss_sums(labels: Any) -> Statistic:
    return by_label(_log_losses, "y_proba", PROBABILITIES, labels, of_models=_log_losses_of_models)


def _log_losses_of_models(_: Any, more: Any, name: Any, known: Any, *given: Any) -> Any:
    return own_losses_of_models(class_losses.log_losses, known, *given)


def _log_losses(P: Array, where: str) -> tuple[Array, Array]:
    P = _probabilities(P, where)
    return class_losses.log_losses(P), _off(P)


def _log_loss(normalize: bool, in_order: bool, state: ByLabel) -> float:
    total = own_losses(state, "y_proba")
    _warn(state, in_order)
    return mean(state, total) if normalize else float(total.sum())


def brier_score_loss(
    y_true: Any,
    y_proba: Any,
    *,
    sample_weight: Any = None,
    pos_label: Any = None,
    labels: Any = None,
    scale_by_half: bool | str = "auto",
) -> float:
    """Return the Brier score: the mean of the squared errors of the probabilities.

    Parameters
    ----------
    y_true : array, Series, dask array or dask Series of shape (n_samples,)
        The true labels.
    y_proba : array or dask array of shape (n_samples, n_classes) or (n_samples,)
        The probabilities, one column for each class in sorted order. One dimension holds the
        probability of ``pos_label``.
    sample_weight : array or dask array of shape (n_samples,), default=None
        The weight of each row. None means 1 for every row.
    pos_label : int, float, bool or str, default=None
        The class of one-dimensional ``y_proba``. None means the greater of two numbers, or 1.
    labels : array-like of shape (n_classes,), default=None
        The classes. None means the labels in ``y_true``.
    scale_by_half : bool or "auto", default="auto"
        Whether to halve the sum over the classes, so that the score is at most 1. "auto" means
        with two classes only.

    Returns
    -------
    float
        A number between 0 and 1, or 2 if it is not halved.

    Raises
    ------
    ValueError
        If the arrays do not line up, or no row has a weight. If ``y_proba`` does not have one
        column for each class, or holds numbers below 0 or above 1. If it has one dimension, and
        there are more than two labels, or text without ``pos_label``.

    Warns
    -----
    UserWarning
        If rows of ``y_proba`` do not sum to 1, or if ``labels`` are not sorted.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import brier_score_loss
    >>> brier_score_loss(np.asarray([0, 1, 1, 0]), np.asarray([0.1, 0.9, 0.8, 0.2]))
    0.02...
    """
    checked(theirs.brier_score_loss, {"scale_by_half": scale_by_half, "pos_label": pos_label})
    sums = by_label(_squares, "y_proba", PROBABILITIES, labels)
    metric = Metric(sums, partial(_brier, pos_label, scale_by_half, _in_order(labels)))
    return computed(metric, y_true, y_proba, sample_weight)


def _squares(P: Array, where: str) -> tuple[Array, Array]:
    P = _probabilities(P, where)
    return class_losses.squares(P), _off(P)


def _brier(pos_label: Any, scale_by_half: bool | str, in_order: bool, state: ByLabel) -> float:
    if scale_by_half == "auto":
        scale_by_half = state.width < 3
    total = _squared_errors(pos_label, in_order, state)
    return mean(state, total) * (0.5 if scale_by_half else 1.0)


def _squared_errors(pos_label: Any, in_order: bool, state: ByLabel) -> np.ndarray:
    """Return the sum of the squared errors of all columns over the rows of each label."""
    if state.width < 2:
        positive = state.labels == _positive(state.labels, pos_label)
        # The squared errors are the same in both columns.
        return 2 * np.where(positive, state.losses[:, 3], state.losses[:, 1])
    others, own = state.losses[:, : state.width].copy(), state.losses[:, state.width :]
    total = own_losses(state, "y_proba", own)
    np.fill_diagonal(others, 0.0)
    _warn(state, in_order)
    return total + others.sum(axis=1)


def d2_log_loss_score(
    y_true: Any, y_proba: Any, *, sample_weight: Any = None, labels: Any = None
) -> float:
    """Return D2 of the log loss: the share of the loss of the class frequencies that is avoided.

    It is 1 for perfect probabilities, and 0 if the frequencies of the classes are always predicted.

    Parameters
    ----------
    y_true : array, Series, dask array or dask Series of shape (n_samples,)
        The true labels.
    y_proba : array or dask array of shape (n_samples, n_classes) or (n_samples,)
        The probabilities, one column for each class in sorted order. One dimension holds the
        probability of the second of two classes. They are clipped as in `log_loss`.
    sample_weight : array or dask array of shape (n_samples,), default=None
        The weight of each row. None means 1 for every row.
    labels : array-like of shape (n_classes,), default=None
        The classes. None means the labels in ``y_true``.

    Returns
    -------
    float
        A number that is at most 1.

    Raises
    ------
    ValueError
        If the arrays do not line up, or no row has a weight. If ``y_proba`` does not have one
        column for each class, or holds numbers below 0 or above 1.

    Warns
    -----
    UndefinedMetricWarning
        If there are fewer than two rows. The score is NaN then.
    UserWarning
        If rows of ``y_proba`` do not sum to 1, or if ``labels`` are not sorted.

    Notes
    -----
    The data are read once, and the log losses are those of `log_loss`.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import d2_log_loss_score
    >>> d2_log_loss_score(np.asarray(["spam", "ham"]), np.asarray([[0.1, 0.9], [0.8, 0.2]]))
    0.76...
    """
    sums = _log_loss_sums(labels)
    result = partial(_d2_log_loss, _in_order(labels))
    return computed(Metric(sums, result), y_true, y_proba, sample_weight)


def _d2_log_loss(in_order: bool, state: ByLabel) -> float:
    total = own_losses(state, "y_proba").sum()
    _warn(state, in_order)
    eps = np.finfo(np.float64).eps
    frequencies = np.clip(state.weight / state.weight.sum(), eps, 1 - eps)
    return _share_avoided(state, total, -np.sum(state.weight * np.log(frequencies)))


def d2_brier_score(
    y_true: Any,
    y_proba: Any,
    *,
    sample_weight: Any = None,
    pos_label: Any = None,
    labels: Any = None,
) -> float:
    """Return D2 of the Brier score: the share of that of the class frequencies that is avoided.

    It is 1 for perfect probabilities, and 0 if the frequencies of the classes are always predicted.
    It is also known as the Brier skill score.

    Parameters
    ----------
    y_true : array, Series, dask array or dask Series of shape (n_samples,)
        The true labels.
    y_proba : array or dask array of shape (n_samples, n_classes) or (n_samples,)
        The probabilities, one column for each class in sorted order. One dimension holds the
        probability of ``pos_label``.
    sample_weight : array or dask array of shape (n_samples,), default=None
        The weight of each row. None means 1 for every row.
    pos_label : int, float, bool or str, default=None
        The class of one-dimensional ``y_proba``. None means the greater of two numbers, or 1.
    labels : array-like of shape (n_classes,), default=None
        The classes. None means the labels in ``y_true``.

    Returns
    -------
    float
        A number that is at most 1.

    Raises
    ------
    ValueError
        If the arrays do not line up, or no row has a weight. If ``y_proba`` does not have one
        column for each class, or holds numbers below 0 or above 1. If it has one dimension, and
        there are more than two labels, or text without ``pos_label``.

    Warns
    -----
    UndefinedMetricWarning
        If there are fewer than two rows. The score is NaN then.
    UserWarning
        If rows of ``y_proba`` do not sum to 1, or if ``labels`` are not sorted.

    Notes
    -----
    The data are read once, and the squared errors are those of `brier_score_loss`.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import d2_brier_score
    >>> d2_brier_score(np.asarray([0, 1, 1, 0]), np.asarray([0.1, 0.9, 0.8, 0.2]))
    0.9
    """
    checked(theirs.d2_brier_score, {"pos_label": pos_label})
    sums = by_label(_squares, "y_proba", PROBABILITIES, labels)
    result = partial(_d2_brier, pos_label, _in_order(labels))
    return computed(Metric(sums, result), y_true, y_proba, sample_weight)


def _d2_brier(pos_label: Any, in_order: bool, state: ByLabel) -> float:
    total = _squared_errors(pos_label, in_order, state).sum()
    weight = state.weight.sum()
    # The squared errors of frequencies f are the sum of f (1 - f), for each row.
    return _share_avoided(state, total, np.sum(state.weight * (weight - state.weight)) / weight)


def _share_avoided(state: ByLabel, total: float, of_frequencies: float) -> float:
    if state.rows < 2:
        warn_of_few_rows("D^2")
        return np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(1 - np.float64(total) / of_frequencies)


def _positive(labels: np.ndarray, pos_label: Any) -> Any:
    """Return the label whose probabilities are given, as scikit-learn chooses it."""
    if len(labels) > 2:
        column_of_each_or_raise("y_proba", 1, labels)
    if pos_label is not None:
        if len(labels) == 2 and pos_label not in labels.tolist():
            raise ValueError(
                f"pos_label={pos_label!r} is not a valid label. It should be one of "
                f"{labels.tolist()}. Give the label whose probability is in y_proba."
            )
        return pos_label
    if labels.dtype.kind in "OU":
        raise ValueError(
            f"y_true takes value in {labels.tolist()} and pos_label is not specified. Set it to "
            "the label whose probability is in y_proba."
        )
    return 1 if set(labels.tolist()) <= {0, 1} or set(labels.tolist()) <= {-1, 1} else labels[-1]


def _probabilities(P: Array, where: str) -> Array:
    xp = namespace(P)
    if bool(xp.any((P < 0) | (P > 1))):
        raise ValueError(
            f"{where} contains values lower than 0 or greater than 1, which are not probabilities. "
            "Give what predict_proba returns."
        )
    return two_columns(P)


def _off(P: Array) -> Array:
    """Return whether a row of probabilities does not sum to 1."""
    xp = namespace(P)
    return xp.any(xp.abs(xp.sum(P, axis=1) - 1) > sqrt(xp.finfo(P.dtype).eps))


def _in_order(labels: Any) -> bool:
    """Return whether the labels that the user gives, if any, are sorted."""
    return labels is None or np.array_equal(to_numpy(as_vector(labels, "labels")), listed(labels))


def _warn(state: ByLabel, in_order: bool) -> None:
    """Warn of columns that may not be the probabilities of all classes, in sorted order."""
    if not in_order:
        warnings.warn(
            "The labels that were passed are not sorted. The columns of y_proba are taken as "
            f"those of {state.labels[:10].tolist()}, because labels are ordered "
            "lexicographically.",
            UserWarning,
            stacklevel=2,
        )
    if state.odd:
        warnings.warn(
            "Rows of y_proba do not sum to 1. Give the probabilities of all classes, as "
            "predict_proba returns them.",
            UserWarning,
            stacklevel=2,
        )
