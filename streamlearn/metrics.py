"""Metrics over blocks: no more than a few blocks of targets and predictions are in memory.

The names and meanings are scikit-learn's. Arrays may be of any library, in memory or the blocks of
a dask collection, which is read once. A lazy prediction is computed in the same pass.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from math import sqrt
from typing import Any, NamedTuple

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning

from streamlearn import blocks as engine
from streamlearn._arrays import (
    Array,
    asarray,
    float_dtype,
    namespace,
    same_place,
    to_numpy,
    widest_float,
)
from streamlearn._validation.arrays import as_array, as_numbers, as_vector
from streamlearn._validation.exact_labels import comparable, exactly
from streamlearn._validation.finite import finite_or_raise
from streamlearn._validation.label_codes import encode, to_like
from streamlearn._validation.labels import discover, labels_or_raise, listed
from streamlearn._validation.messages import in_block, no_weight
from streamlearn._validation.reader import indicator_or_raise, read_weight
from streamlearn.core import scores


def accuracy_score(y_true: Any, y_pred: Any, *, sample_weight: Any = None) -> float:
    """Return the accuracy: the share of rows, by weight, whose label is predicted right.

    Parameters
    ----------
    y_true, y_pred : array, Series, dask array or dask Series of shape (n_samples,) or \
(n_samples, n_labels)
        The true and the predicted labels. Two dimensions hold 0 or 1 for each label, and a row is
        right if all its labels are.
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
        If the arrays do not line up, if text is compared with numbers, if they hold NaN or numbers
        that are no labels, or if they have no rows or no row with a weight.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.metrics import accuracy_score
    >>> y = da.from_array([0, 1, 2, 3], chunks=2)
    >>> accuracy_score(y, da.where(y == 3, 0, y))
    0.75
    """
    state = _sums(scores.ACCURACY, _label_pair, y_true, y_pred, sample_weight)
    return float(to_numpy(scores.average(state)))


def log_loss(y_true: Any, y_pred: Any, *, sample_weight: Any = None, labels: Any = None) -> float:
    """Return the log loss: the mean of -log(p), where p is the probability of the true label.

    Parameters
    ----------
    y_true : array, Series, dask array or dask Series of shape (n_samples,)
        The true labels.
    y_pred : array or dask array of shape (n_samples, n_classes) or (n_samples,)
        The probabilities, one column for each class in sorted order. One dimension holds the
        probability of the second of two classes. Probabilities are clipped to one unit of rounding
        away from 0 and 1.
    sample_weight : array or dask array of shape (n_samples,), default=None
        The weight of each row. None means 1 for every row.
    labels : array-like of shape (n_classes,), default=None
        The classes. If it is None, one more pass over ``y_true`` finds them.

    Returns
    -------
    float
        A number that is at least 0, in units of the natural logarithm.

    Raises
    ------
    ValueError
        If the arrays do not line up, if they have no rows or no row with a weight, or if ``y_pred``
        does not have one column for each class, or holds numbers below 0 or above 1.

    Warns
    -----
    UserWarning
        If rows of ``y_pred`` do not sum to 1.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import log_loss
    >>> log_loss(np.asarray(["spam", "ham"]), np.asarray([[0.1, 0.9], [0.8, 0.2]]))
    0.1642...
    """
    if labels is None:
        classes = to_numpy(discover(engine.align(y=_target_or_raise(y_true))).classes)
    else:
        classes = listed(labels)
    pair = partial(_probability_pair, classes)
    state = _sums(PROBABILITIES, pair, y_true, y_pred, sample_weight)
    if bool(to_numpy(state.off).any()):
        warnings.warn(
            "Rows of y_pred do not sum to 1. Give the probabilities of all classes, as "
            "predict_proba returns them.",
            UserWarning,
            stacklevel=2,
        )
    return float(to_numpy(scores.average(state.losses)))


def mean_squared_error(
    y_true: Any, y_pred: Any, *, sample_weight: Any = None, multioutput: Any = "uniform_average"
) -> Any:
    """Return the mean squared error.

    Parameters
    ----------
    y_true, y_pred : array or dask array of shape (n_samples,) or (n_samples, n_outputs)
        The true targets and the predictions: numbers without NaN and infinity.
    sample_weight : array or dask array of shape (n_samples,), default=None
        The weight of each row. None means 1 for every row.
    multioutput : {"uniform_average", "raw_values"} or array-like of shape (n_outputs,), \
default="uniform_average"
        How the outputs are combined: their mean, one number for each output, or a mean with the
        given weights.

    Returns
    -------
    float or ndarray of shape (n_outputs,)
        The error, in the squared unit of y. It is an ndarray if ``multioutput="raw_values"``.

    Raises
    ------
    ValueError
        If the arrays do not line up, have no rows or no row with a weight, or hold NaN or infinity.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import mean_squared_error
    >>> mean_squared_error(np.asarray([1.0, 2.0]), np.asarray([1.0, 4.0]))
    2.0
    """
    return _error(scores.SQUARED_ERROR, y_true, y_pred, sample_weight, multioutput)


def mean_absolute_error(
    y_true: Any, y_pred: Any, *, sample_weight: Any = None, multioutput: Any = "uniform_average"
) -> Any:
    """Return the mean absolute error.

    Parameters
    ----------
    y_true, y_pred : array or dask array of shape (n_samples,) or (n_samples, n_outputs)
        The true targets and the predictions: numbers without NaN and infinity.
    sample_weight : array or dask array of shape (n_samples,), default=None
        The weight of each row. None means 1 for every row.
    multioutput : {"uniform_average", "raw_values"} or array-like of shape (n_outputs,), \
default="uniform_average"
        How the outputs are combined: their mean, one number for each output, or a mean with the
        given weights.

    Returns
    -------
    float or ndarray of shape (n_outputs,)
        The error, in the unit of y. It is an ndarray if ``multioutput="raw_values"``.

    Raises
    ------
    ValueError
        If the arrays do not line up, have no rows or no row with a weight, or hold NaN or infinity.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import mean_absolute_error
    >>> mean_absolute_error(np.asarray([1.0, 2.0]), np.asarray([1.0, 4.0]))
    1.0
    """
    return _error(scores.ABSOLUTE_ERROR, y_true, y_pred, sample_weight, multioutput)


def r2_score(
    y_true: Any, y_pred: Any, *, sample_weight: Any = None, multioutput: Any = "uniform_average"
) -> Any:
    """Return R2, the coefficient of determination.

    R2 is 1 for perfect predictions, and 0 if the mean of the targets is always predicted. If the
    target is constant, it is 1 for perfect predictions and 0 for others.

    Parameters
    ----------
    y_true, y_pred : array or dask array of shape (n_samples,) or (n_samples, n_outputs)
        The true targets and the predictions: numbers without NaN and infinity.
    sample_weight : array or dask array of shape (n_samples,), default=None
        The weight of each row. None means 1 for every row.
    multioutput : {"uniform_average", "raw_values", "variance_weighted"}, array-like of shape \
(n_outputs,) or None, default="uniform_average"
        How the outputs are combined: their mean, one number for each output, a mean weighted by the
        variances of the targets, or a mean with the given weights. None is "uniform_average".

    Returns
    -------
    float or ndarray of shape (n_outputs,)
        R2, which is at most 1. It is an ndarray if ``multioutput="raw_values"``.

    Raises
    ------
    ValueError
        If the arrays do not line up, have no rows or no row with a weight, or hold NaN or infinity.

    Warns
    -----
    UndefinedMetricWarning
        If there are fewer than two rows. R2 is NaN then.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import r2_score
    >>> r2_score(np.asarray([1.0, 2.0, 3.0]), np.asarray([1.0, 2.0, 4.0]))
    0.5
    """
    if multioutput is None:
        multioutput = "uniform_average"
    return _error(scores.R2, y_true, y_pred, sample_weight, multioutput, "variance_weighted")


def _error(
    metric: scores.Score,
    y_true: Any,
    y_pred: Any,
    sample_weight: Any,
    multioutput: Any,
    *further: str,
) -> Any:
    """Return a metric of values, with the outputs combined as ``multioutput`` asks for."""
    known = ("uniform_average", "raw_values", *further)
    if multioutput is None or (isinstance(multioutput, str) and multioutput not in known):
        raise ValueError(
            f"multioutput must be one of {', '.join(map(repr, known))} or a weight for each "
            f"output, got {multioutput!r}."
        )
    weights = None
    if not isinstance(multioutput, str):
        weights = to_numpy(_numbers(multioutput, "multioutput", None))
    state = _sums(metric, _value_pair, y_true, y_pred, sample_weight)
    with np.errstate(over="ignore"):
        values = np.atleast_1d(to_numpy(metric.result(state)))
    if weights is not None and (weights.shape != values.shape or len(values) == 1):
        raise ValueError(
            f"multioutput holds {weights.size} weights and there are {len(values)} outputs. Give "
            "one for each of several outputs, or 'uniform_average'."
        )
    if isinstance(state, scores.Fit) and np.any(to_numpy(state.rows) < 2):
        warnings.warn(
            "R^2 score is not well-defined with less than two samples.",
            UndefinedMetricWarning,
            stacklevel=3,
        )
    if multioutput == "raw_values":
        return values
    if multioutput == "variance_weighted":
        weights = to_numpy(scores.spread(state))
        weights = weights if weights.any() else None
    return float(np.average(values, weights=weights))


def _sums(
    metric: scores.Score, pair: Callable[..., Any], y_true: Any, y_pred: Any, sample_weight: Any
) -> Any:
    """Return the sums of a metric over all blocks."""
    given = {"y_pred": y_pred, "y_true": _target_or_raise(y_true), "sample_weight": sample_weight}
    # A collection comes first, because arrays in memory are cut like the first container.
    ordered = dict(sorted(given.items(), key=lambda item: not engine.is_collection(item[1])))
    # A lazy prediction and a target from the same frame read the frame once.
    blocks = engine.align(lazy_rows=("y_pred",), **ordered)
    state = engine.reduce(partial(_score_of_block, metric, pair), metric.merge, blocks)
    if state is None:
        raise ValueError("y_true and y_pred have no rows, and no row has no score.")
    if not to_numpy(_weight_of(state)).any():
        raise no_weight()
    return state


def _weight_of(state: Any) -> Array:
    if isinstance(state, scores.Fit):
        return state.target.weight
    return state.losses.weight if isinstance(state, Losses) else state.weight


def _target_or_raise(y_true: Any) -> Any:
    if y_true is None:
        raise ValueError("A score compares predictions with the target y, which is None. Give it.")
    return y_true


def _score_of_block(metric: scores.Score, pair: Callable[..., Any], block: engine.Block) -> Any:
    predicted = block.parts["y_pred"]
    if isinstance(predicted, engine.LazyRows):
        with engine.noted(f"block {block.number}, when it was predicted"):
            predicted = predicted.all()
    target, predicted = pair(block.parts["y_true"], predicted, block.named)
    like = asarray(np.empty(0), like=target, dtype=widest_float(target))
    weight = read_weight(block.sample_weight, like, block.named)
    with np.errstate(over="ignore", invalid="ignore"):
        return metric.of_block(target, predicted, weight)


def _label_pair(y_true: Any, y_pred: Any, block: int | None) -> tuple[Array, Array]:
    """Return labels to compare, in the place of the prediction. Strings are in NumPy."""
    target, predicted = as_array(y_true, "y_true"), as_array(y_pred, "y_pred")
    several = target.ndim == 2 and target.shape[1] > 1 and target.shape == predicted.shape
    for name, x in (("y_true", target), ("y_pred", predicted)):
        if several:
            indicator_or_raise(x, block, name)
        else:
            labels_or_raise(as_vector(x, name, block), in_block(name, block), numbers=True)
    if not several:
        target, predicted = (as_vector(x, "y", block) for x in (target, predicted))
    if not same_place(target, predicted):
        target = to_like(target, predicted)
    if {_is_text(target), _is_text(predicted)} == {True, False}:
        raise ValueError(
            f"Labels in y_true and y_pred should be of the same type: {in_block('y_true', block)} "
            f"is {target.dtype}, y_pred is {predicted.dtype}, and one of them holds text."
        )
    pair = exactly if isinstance(target, np.ndarray) else comparable
    return pair(target, predicted)


def _is_text(x: Array) -> bool | None:
    """Return whether labels are text. The first object decides, and None means no label."""
    if not isinstance(x, np.ndarray) or x.dtype.kind != "O":
        return isinstance(x, np.ndarray) and x.dtype.kind == "U"
    return isinstance(x.flat[0], str) if x.size else None


def _probability_pair(
    classes: np.ndarray, y_true: Any, y_pred: Any, block: int | None
) -> tuple[Array, Array]:
    P = _numbers(y_pred, "y_pred", block)
    xp = namespace(P)
    P = xp.astype(P, float_dtype(P), copy=False)
    if bool(xp.any((P < 0) | (P > 1))):
        raise ValueError(
            f"{in_block('y_pred', block)} contains values lower than 0 or greater than 1, which "
            "are no probabilities. Give what predict_proba returns."
        )
    if P.ndim == 1 or P.shape[1] == 1:
        p = P if P.ndim == 1 else P[:, 0]
        P = namespace(p).stack([1.0 - p, p], axis=1)
    if P.shape[1] != len(classes):
        raise ValueError(
            f"y_pred has {P.shape[1]} columns and there are {len(classes)} classes: "
            f"{classes[:10].tolist()}. Give all of them as labels."
        )
    y = as_vector(y_true, "y_true", block)
    return encode(classes, y, like=P, where=in_block("y_true", block)), P


class Losses(NamedTuple):
    """The sums of the log loss, and whether some rows of probabilities do not sum to 1."""

    losses: scores.Average
    off: Array


def _losses(target: Array, P: Array, weight: Array | None = None) -> Losses:
    xp = namespace(P)
    off = xp.abs(xp.sum(P, axis=1) - 1) > sqrt(xp.finfo(P.dtype).eps)
    return Losses(scores.log_losses(target, P, weight), xp.any(off))


def _add_losses(a: Losses, b: Losses) -> Losses:
    return Losses(scores.add(a.losses, b.losses), a.off | b.off)


PROBABILITIES = scores.Score(_losses, _add_losses, lambda state: scores.average(state.losses))


def _value_pair(y_true: Any, y_pred: Any, block: int | None) -> tuple[Array, Array]:
    predicted, target = _numbers(y_pred, "y_pred", block), _numbers(y_true, "y_true", block)
    target = asarray(target, like=predicted, dtype=widest_float(predicted))
    if max(target.ndim, predicted.ndim) > 2:
        raise ValueError(
            f"{in_block('y_true', block)} has shape {tuple(target.shape)} and y_pred "
            f"{tuple(predicted.shape)}: found an array with dim 3 or more. Give a row a sample and "
            "a column an output."
        )
    target, predicted = (
        x[:, 0] if x.ndim == 2 and x.shape[1] == 1 else x for x in (target, predicted)
    )
    return target, predicted


def _numbers(x: Any, name: str, block: int | None) -> Array:
    x = as_numbers(x, name, block)
    finite_or_raise(x, name, block)
    return x
