"""Metrics of predicted labels."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, reduce
from typing import Any

import numpy as np
from sklearn import metrics as theirs

from streamlearn._arrays import Array, same_place, to_numpy
from streamlearn._validation.arrays import as_array, as_vector
from streamlearn._validation.exact_labels import comparable, exactly
from streamlearn._validation.label_codes import labels_like
from streamlearn._validation.labels import labels_or_raise
from streamlearn._validation.messages import in_block
from streamlearn._validation.reader import indicator_or_raise
from streamlearn.core import scores
from streamlearn.metrics.over_blocks import Metric, Statistic, computed, weight_like
from streamlearn.metrics.parameters import truth_value


def accuracy_score(
    y_true: Any, y_pred: Any, *, normalize: bool = True, sample_weight: Any = None
) -> float:
    """Return the accuracy: the share of rows, by weight, whose label is predicted right.

    Parameters
    ----------
    y_true, y_pred : array, Series, dask array or dask Series of shape (n_samples,) or \
(n_samples, n_labels)
        The true and the predicted labels. Two dimensions hold 0 or 1 for each label, and a row is
        right if all its labels are.
    normalize : bool, default=True
        Whether to return the share of the rows. False means their number or weight.
    sample_weight : array or dask array of shape (n_samples,), default=None
        The weight of each row. None means 1 for every row.

    Returns
    -------
    float
        A number between 0 and 1, if ``normalize``.

    Raises
    ------
    TypeError
        If labels are bytes.
    ValueError
        If the arrays do not line up, or text is compared with numbers. If they hold NaN or numbers
        that are not labels, or no row has a weight.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.metrics import accuracy_score
    >>> y = da.from_array([0, 1, 2, 3], chunks=2)
    >>> accuracy_score(y, da.where(y == 3, 0, y))
    0.75
    """
    normalize = truth_value(theirs.accuracy_score, "normalize", normalize)
    metric = Metric(ACCURACY, partial(_accuracy, normalize))
    return computed(metric, y_true, y_pred, sample_weight)


def _of_block(
    compare: Callable[..., scores.Average], y_true: Any, y_pred: Any, weight: Any, block: int | None
) -> scores.Average:
    target, predicted = _alike(*read_labels(y_true, y_pred, block))
    return compare(target, predicted, weight_like(predicted, weight, block))


def _alike(target: Array, predicted: Array) -> tuple[Array, Array]:
    """Return labels in one library, and in dtypes that compare exactly."""
    if not same_place(target, predicted):
        target = labels_like(target, predicted)
    pair = exactly if isinstance(target, np.ndarray) else comparable
    return pair(target, predicted)


def _correct_of_models(
    _: Any, y_true: Any, answers: Any, weight: Any, block: int | None
) -> list[scores.Average] | None:
    target, _ = read_labels(y_true, y_true, block)
    if target.ndim > 1:
        return None
    weight = weight_like(answers.decisions, weight, block)

    def sums(rows: slice) -> scores.Average:
        pair = _alike(target[rows], answers.predict(rows))
        return scores.correct_by_model(*pair, None if weight is None else weight[rows])

    found = reduce(scores.add, map(sums, answers.slices()))
    return [found._replace(total=total) for total in found.total]


ACCURACY = Statistic(_of_block, scores.add, options=(scores.correct,), of_models=_correct_of_models)


def _accuracy(normalize: bool, state: scores.Average) -> float:
    return float(to_numpy(scores.average(state) if normalize else state.total))


def zero_one_loss(
    y_true: Any, y_pred: Any, *, normalize: bool = True, sample_weight: Any = None
) -> float:
    """Return the share of rows, by weight, whose label is predicted wrong.

    Parameters
    ----------
    y_true, y_pred : array, Series, dask array or dask Series of shape (n_samples,) or \
(n_samples, n_labels)
        The true and the predicted labels. Two dimensions hold 0 or 1 for each label, and a row is
        wrong if one of its labels is.
    normalize : bool, default=True
        Whether to return the share of the rows. False means their number or weight.
    sample_weight : array or dask array of shape (n_samples,), default=None
        The weight of each row. None means 1 for every row.

    Returns
    -------
    float
        A number between 0 and 1, if ``normalize``.

    Raises
    ------
    TypeError
        If labels are bytes.
    ValueError
        If the arrays do not line up, or text is compared with numbers. If they hold NaN or numbers
        that are not labels, or no row has a weight.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import zero_one_loss
    >>> zero_one_loss(np.asarray([0, 1, 2, 3]), np.asarray([0, 1, 2, 0]))
    0.25
    """
    normalize = truth_value(theirs.zero_one_loss, "normalize", normalize)
    metric = Metric(ACCURACY, partial(_zero_one, normalize))
    return computed(metric, y_true, y_pred, sample_weight)


def _zero_one(normalize: bool, state: scores.Average) -> float:
    right = _accuracy(normalize, state)
    return (1.0 if normalize else float(to_numpy(state.weight))) - right


def hamming_loss(y_true: Any, y_pred: Any, *, sample_weight: Any = None) -> float:
    """Return the share of labels, by the weight of their rows, that are predicted wrong.

    It is `zero_one_loss` if a row has one label.

    Parameters
    ----------
    y_true, y_pred : array, Series, dask array or dask Series of shape (n_samples,) or \
(n_samples, n_labels)
        The true and the predicted labels. Two dimensions hold 0 or 1 for each label.
    sample_weight : array or dask array of shape (n_samples,), default=None
        The weight of each row. None means 1 for every row.

    Returns
    -------
    float
        A number between 0 and 1.

    Raises
    ------
    TypeError
        If labels are bytes.
    ValueError
        If the arrays do not line up, or text is compared with numbers. If they hold NaN or numbers
        that are not labels, or no row has a weight.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import hamming_loss
    >>> hamming_loss(np.asarray([[0, 1], [1, 1]]), np.asarray([[0, 0], [1, 1]]))
    0.25
    """
    return computed(Metric(WRONG, _hamming), y_true, y_pred, sample_weight)


WRONG = Statistic(_of_block, scores.add, options=(scores.wrong,))


def _hamming(state: scores.Average) -> float:
    return float(np.mean(to_numpy(scores.average(state))))


def read_labels(y_true: Any, y_pred: Any, block: int | None) -> tuple[Array, Array]:
    """Return the labels of a block as arrays of shape (n_rows,).

    Two dimensions, (n_rows, n_labels), are indicators of several labels for each row.

    Raises
    ------
    TypeError
        If labels are bytes.
    ValueError
        If text comes with numbers, if there are NaN or numbers that are not labels, or if a row has
        several labels on one side only.
    """
    target, predicted = as_array(y_true, "y_true"), as_array(y_pred, "y_pred")
    several = target.ndim == 2 and target.shape[1] > 1 and target.shape == predicted.shape
    for name, x in (("y_true", target), ("y_pred", predicted)):
        if several:
            indicator_or_raise(x, block, name)
        else:
            labels_or_raise(as_vector(x, name, block), in_block(name, block), numbers=True)
    if several:
        return target, predicted
    target, predicted = (as_vector(x, "y", block) for x in (target, predicted))
    if {_is_text(target), _is_text(predicted)} == {True, False}:
        raise ValueError(
            f"Labels in y_true and y_pred should be of the same type: {in_block('y_true', block)} "
            f"is {target.dtype}, y_pred is {predicted.dtype}, and one of them holds text. Give "
            "both as text, or both as numbers, for example y_pred.astype(y_true.dtype)."
        )
    return target, predicted


def _is_text(x: Array) -> bool | None:
    """Return whether labels are text. The first object decides, and None means no label."""
    if not isinstance(x, np.ndarray) or x.dtype.kind != "O":
        return isinstance(x, np.ndarray) and x.dtype.kind == "U"
    return isinstance(x.flat[0], str) if x.size else None
