"""Metrics of predicted values."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning

from streamlearn._arrays import Array, asarray, to_numpy, widest_float
from streamlearn._validation.messages import in_block
from streamlearn.core import scores
from streamlearn.metrics.over_blocks import numbers, sums


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
        weights = to_numpy(numbers(multioutput, "multioutput", None))
    state = sums(metric, _value_pair, y_true, y_pred, sample_weight)
    with np.errstate(over="ignore"):
        values = np.atleast_1d(to_numpy(metric.result(state)))
    if weights is not None and (weights.shape != values.shape or len(values) == 1):
        raise ValueError(
            f"multioutput holds {weights.size} weights and there are {len(values)} outputs. Give "
            "one for each of several outputs, or 'uniform_average'."
        )
    if isinstance(state, scores.R2Sums) and np.any(to_numpy(state.rows) < 2):
        warnings.warn(
            "R^2 score is not well-defined with less than two samples.",
            UndefinedMetricWarning,
            stacklevel=3,
        )
    if multioutput == "raw_values":
        return values
    if multioutput == "variance_weighted":
        weights = to_numpy(scores.total_squares(state))
        weights = weights if weights.any() else None
    return float(np.average(values, weights=weights))


def _value_pair(y_true: Any, y_pred: Any, block: int | None) -> tuple[Array, Array]:
    predicted, target = numbers(y_pred, "y_pred", block), numbers(y_true, "y_true", block)
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
