"""Means of the errors of predicted values."""

from __future__ import annotations

from typing import Any

import numpy as np

from streamlearn._arrays import namespace
from streamlearn._validation.messages import in_block
from streamlearn.core import scores, value_losses
from streamlearn.metrics.over_blocks import Statistic, computed
from streamlearn.metrics.values import (
    mean_loss,
    mean_of,
    over_outputs,
    quantile_or_raise,
    read_values,
)


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
    metric = over_outputs(mean_loss(value_losses.squared), mean_of, multioutput)
    return computed(metric, y_true, y_pred, sample_weight)


def root_mean_squared_error(
    y_true: Any, y_pred: Any, *, sample_weight: Any = None, multioutput: Any = "uniform_average"
) -> Any:
    """Return the square root of the mean squared error.

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
    >>> from streamlearn.metrics import root_mean_squared_error
    >>> root_mean_squared_error(np.asarray([1.0, 2.0]), np.asarray([1.0, 4.0]))
    1.41...
    """
    metric = over_outputs(mean_loss(value_losses.squared), _root, multioutput)
    return computed(metric, y_true, y_pred, sample_weight)


def _root(state: scores.Average) -> np.ndarray:
    return np.sqrt(mean_of(state))


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
    metric = over_outputs(mean_loss(value_losses.absolute), mean_of, multioutput)
    return computed(metric, y_true, y_pred, sample_weight)


def mean_absolute_percentage_error(
    y_true: Any, y_pred: Any, *, sample_weight: Any = None, multioutput: Any = "uniform_average"
) -> Any:
    """Return the mean absolute error, relative to the target.

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
        The error: 0.1 is 10 percent. It is an ndarray if ``multioutput="raw_values"``.

    Raises
    ------
    ValueError
        If the arrays do not line up, have no rows or no row with a weight, or hold NaN or infinity.

    Notes
    -----
    The magnitude of a target counts as at least 2**-52, as in scikit-learn. So a target of 0 makes
    the score large, and not infinite.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import mean_absolute_percentage_error
    >>> mean_absolute_percentage_error(np.asarray([1.0, 2.0]), np.asarray([1.0, 4.0]))
    0.5
    """
    metric = over_outputs(mean_loss(value_losses.percentage), mean_of, multioutput)
    return computed(metric, y_true, y_pred, sample_weight)


def mean_squared_log_error(
    y_true: Any, y_pred: Any, *, sample_weight: Any = None, multioutput: Any = "uniform_average"
) -> Any:
    """Return the mean squared error of log(1 + y).

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
        The error. It is an ndarray if ``multioutput="raw_values"``.

    Raises
    ------
    ValueError
        If the arrays do not line up, have no rows or no row with a weight, or hold NaN or infinity.
        If a number is -1 or less.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import mean_squared_log_error
    >>> mean_squared_log_error(np.asarray([1.0, 2.0]), np.asarray([1.0, 4.0]))
    0.13...
    """
    metric = over_outputs(LOG_ERROR, mean_of, multioutput)
    return computed(metric, y_true, y_pred, sample_weight)


def root_mean_squared_log_error(
    y_true: Any, y_pred: Any, *, sample_weight: Any = None, multioutput: Any = "uniform_average"
) -> Any:
    """Return the square root of the mean squared error of log(1 + y).

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
        The error. It is an ndarray if ``multioutput="raw_values"``.

    Raises
    ------
    ValueError
        If the arrays do not line up, have no rows or no row with a weight, or hold NaN or infinity.
        If a number is -1 or less.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import root_mean_squared_log_error
    >>> root_mean_squared_log_error(np.asarray([1.0, 2.0]), np.asarray([1.0, 4.0]))
    0.36...
    """
    metric = over_outputs(LOG_ERROR, _root, multioutput)
    return computed(metric, y_true, y_pred, sample_weight)


def _log_errors_of_block(
    y_true: Any, y_pred: Any, weight: Any, block: int | None
) -> scores.Average:
    target, predicted, weight = read_values(y_true, y_pred, weight, block)
    for name, x in (("y_true", target), ("y_pred", predicted)):
        if bool(namespace(x).any(x <= -1)):
            raise ValueError(
                f"Mean Squared Logarithmic Error cannot be used: {in_block(name, block)} contains "
                "values less than or equal to -1, which have no log(1 + y). Drop such rows, clip "
                "the values, or use mean_squared_error."
            )
    return scores.losses_of(value_losses.squared_log, target, predicted, weight)


LOG_ERROR = Statistic(_log_errors_of_block, scores.add)


def mean_pinball_loss(
    y_true: Any,
    y_pred: Any,
    *,
    sample_weight: Any = None,
    alpha: float = 0.5,
    multioutput: Any = "uniform_average",
) -> Any:
    """Return the mean pinball loss, which is least for the quantile ``alpha`` of each target.

    Parameters
    ----------
    y_true, y_pred : array or dask array of shape (n_samples,) or (n_samples, n_outputs)
        The true targets and the predictions: numbers without NaN and infinity.
    sample_weight : array or dask array of shape (n_samples,), default=None
        The weight of each row. None means 1 for every row.
    alpha : float, default=0.5
        The quantile that is predicted, from 0 to 1. 0.5 gives half of the mean absolute error.
    multioutput : {"uniform_average", "raw_values"} or array-like of shape (n_outputs,), \
default="uniform_average"
        How the outputs are combined: their mean, one number for each output, or a mean with the
        given weights.

    Returns
    -------
    float or ndarray of shape (n_outputs,)
        The loss, in the unit of y. It is an ndarray if ``multioutput="raw_values"``.

    Raises
    ------
    ValueError
        If the arrays do not line up, have no rows or no row with a weight, or hold NaN or infinity.
        If ``alpha`` is not between 0 and 1.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import mean_pinball_loss
    >>> mean_pinball_loss(np.asarray([1.0, 2.0]), np.asarray([1.0, 4.0]))
    0.5
    """
    metric = over_outputs(
        mean_loss(value_losses.pinball, quantile_or_raise(alpha)), mean_of, multioutput
    )
    return computed(metric, y_true, y_pred, sample_weight)
