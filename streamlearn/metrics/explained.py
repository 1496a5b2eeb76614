"""Scores of predicted values that compare them with the best constant prediction."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np
from sklearn import metrics as theirs

from streamlearn._arrays import Array, namespace, to_numpy
from streamlearn.core import scores, value_losses
from streamlearn.core.statistics import quantile_loss
from streamlearn.core.statistics.moments import Moments
from streamlearn.metrics.over_blocks import Statistic, computed
from streamlearn.metrics.parameters import truth_value
from streamlearn.metrics.values import (
    SKETCH,
    mean_of,
    over_models,
    over_outputs,
    quantile_or_raise,
    read_values,
    warn_of_few_rows,
)


def _r2_sums_of_block(y_true: Any, y_pred: Any, weight: Any, block: int | None) -> scores.R2Sums:
    return scores.r2_sums_of(*read_values(y_true, y_pred, weight, block))


def _r2_sums_of_models(
    y_true: Any, answers: Any, weight: Any, block: int | None
) -> list[scores.R2Sums] | None:
    def of_rows(target: Array, predicted: Array, weight: Array | None) -> scores.R2Sums:
        target = target[:, None]
        away = value_losses.error(target, namespace(target).astype(predicted, target.dtype))
        return scores.r2_sums_of_errors(away, target, weight)

    found = over_models(of_rows, scores.add_r2_sums, y_true, answers, weight, block)
    if found is None:
        return None
    models = [slice(k, k + 1) for k in range(found.rows.shape[0])]
    return [
        found._replace(error=Moments(*(a[k] for a in found.error)), rows=found.rows[k])
        for k in models
    ]


R2_SUMS = Statistic(_r2_sums_of_block, scores.add_r2_sums, of_models=_r2_sums_of_models)


def _variances(state: scores.R2Sums) -> np.ndarray:
    return to_numpy(scores.total_squares(state))


def r2_score(
    y_true: Any,
    y_pred: Any,
    *,
    sample_weight: Any = None,
    multioutput: Any = "uniform_average",
    force_finite: bool = True,
) -> Any:
    """Return R2, the coefficient of determination.

    R2 is 1 for perfect predictions, and 0 if the mean of the targets is always predicted.

    Parameters
    ----------
    y_true, y_pred : array or dask array of shape (n_samples,) or (n_samples, n_outputs)
        The true targets and the predictions: numbers without NaN and infinity.
    sample_weight : array or dask array of shape (n_samples,), default=None
        The weight of each row. None means 1 for every row.
    multioutput : {"uniform_average", "raw_values", "variance_weighted"}, array-like of shape \
(n_outputs,), default="uniform_average"
        How the outputs are combined: their mean, one number for each output, a mean weighted by the
        variances of the targets, or a mean with the given weights. None is "uniform_average".
    force_finite : bool, default=True
        Whether a constant target scores 1 if it is predicted exactly, and else 0. False means NaN
        and -infinity.

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
    force_finite = truth_value(theirs.r2_score, "force_finite", force_finite)
    metric = over_outputs(R2_SUMS, partial(_r2, force_finite), multioutput, _variances)
    return computed(metric, y_true, y_pred, sample_weight)


def _r2(force_finite: bool, state: scores.R2Sums) -> np.ndarray:
    if np.any(to_numpy(state.rows) < 2):
        warn_of_few_rows("R^2")
    return to_numpy(scores.r2(state, force_finite=force_finite))


def explained_variance_score(
    y_true: Any,
    y_pred: Any,
    *,
    sample_weight: Any = None,
    multioutput: Any = "uniform_average",
    force_finite: bool = True,
) -> Any:
    """Return the share of the variance of the targets that the predictions explain.

    It is R2 if the mean of the errors is 0.

    Parameters
    ----------
    y_true, y_pred : array or dask array of shape (n_samples,) or (n_samples, n_outputs)
        The true targets and the predictions: numbers without NaN and infinity.
    sample_weight : array or dask array of shape (n_samples,), default=None
        The weight of each row. None means 1 for every row.
    multioutput : {"uniform_average", "raw_values", "variance_weighted"}, array-like of shape \
(n_outputs,), default="uniform_average"
        How the outputs are combined: their mean, one number for each output, a mean weighted by the
        variances of the targets, or a mean with the given weights. None is "uniform_average".
    force_finite : bool, default=True
        Whether a constant target scores 1 if it is predicted exactly, and else 0. False means NaN
        and -infinity.

    Returns
    -------
    float or ndarray of shape (n_outputs,)
        A number that is at most 1. It is an ndarray if ``multioutput="raw_values"``.

    Raises
    ------
    ValueError
        If the arrays do not line up, have no rows or no row with a weight, or hold NaN or infinity.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import explained_variance_score
    >>> explained_variance_score(np.asarray([1.0, 2.0, 3.0]), np.asarray([2.0, 3.0, 4.0]))
    1.0
    """
    force_finite = truth_value(theirs.explained_variance_score, "force_finite", force_finite)
    metric = over_outputs(
        R2_SUMS, partial(_explained_variance, force_finite), multioutput, _variances
    )
    return computed(metric, y_true, y_pred, sample_weight)


def _explained_variance(force_finite: bool, state: scores.R2Sums) -> np.ndarray:
    return to_numpy(scores.explained_variance(state, force_finite=force_finite))


def d2_pinball_score(
    y_true: Any,
    y_pred: Any,
    *,
    sample_weight: Any = None,
    alpha: float = 0.5,
    multioutput: Any = "uniform_average",
) -> Any:
    """Return D2 for the pinball loss: 1 - loss / (loss of the quantile of the targets).

    Parameters
    ----------
    y_true, y_pred : array or dask array of shape (n_samples,) or (n_samples, n_outputs)
        The true targets and the predictions: numbers without NaN and infinity.
    sample_weight : array or dask array of shape (n_samples,), default=None
        The weight of each row, at least 0. None means 1 for every row.
    alpha : float, default=0.5
        The quantile that is predicted, from 0 to 1.
    multioutput : {"uniform_average", "raw_values"} or array-like of shape (n_outputs,), \
default="uniform_average"
        How the outputs are combined: their mean, one number for each output, or a mean with the
        given weights.

    Returns
    -------
    float or ndarray of shape (n_outputs,)
        A number that is at most 1. It is an ndarray if ``multioutput="raw_values"``.

    Raises
    ------
    ValueError
        If the arrays do not line up, have no rows or no row with a weight, or hold NaN or infinity.

    Warns
    -----
    UndefinedMetricWarning
        If there are fewer than two rows. The score is NaN then.

    Notes
    -----
    The result is exact up to 8,192 distinct targets of each output. With more of them,
    the quantile of the targets is that of a sketch. The loss of this constant prediction was then
    wrong by at most 1e-5 of itself, and by 4e-4 for targets that drift. This was measured outside
    of ``bench/`` on 2,000,000 rows in 20 and 200 blocks, with the quantiles 0.5, 0.9 and 0.99.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import d2_pinball_score
    >>> d2_pinball_score(np.asarray([1.0, 2.0, 3.0]), np.asarray([1.0, 3.0, 3.0]))
    0.5
    """
    metric = over_outputs(_against_quantile(alpha), _d2, multioutput)
    return computed(metric, y_true, y_pred, sample_weight)


def d2_absolute_error_score(
    y_true: Any, y_pred: Any, *, sample_weight: Any = None, multioutput: Any = "uniform_average"
) -> Any:
    """Return D2 for the absolute error: 1 - error / (error of the median of the targets).

    Parameters
    ----------
    y_true, y_pred : array or dask array of shape (n_samples,) or (n_samples, n_outputs)
        The true targets and the predictions: numbers without NaN and infinity.
    sample_weight : array or dask array of shape (n_samples,), default=None
        The weight of each row, at least 0. None means 1 for every row.
    multioutput : {"uniform_average", "raw_values"} or array-like of shape (n_outputs,), \
default="uniform_average"
        How the outputs are combined: their mean, one number for each output, or a mean with the
        given weights.

    Returns
    -------
    float or ndarray of shape (n_outputs,)
        A number that is at most 1. It is an ndarray if ``multioutput="raw_values"``.

    Raises
    ------
    ValueError
        If the arrays do not line up, have no rows or no row with a weight, or hold NaN or infinity.

    Warns
    -----
    UndefinedMetricWarning
        If there are fewer than two rows. The score is NaN then.

    Notes
    -----
    The result is exact up to 8,192 distinct targets of each output. With more of them,
    the quantile of the targets is that of a sketch. The loss of this constant prediction was then
    wrong by at most 1e-5 of itself, and by 4e-4 for targets that drift. This was measured outside
    of ``bench/`` on 2,000,000 rows in 20 and 200 blocks, with the quantiles 0.5, 0.9 and 0.99.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import d2_absolute_error_score
    >>> d2_absolute_error_score(np.asarray([1.0, 2.0, 3.0]), np.asarray([1.0, 3.0, 3.0]))
    0.5
    """
    metric = over_outputs(_against_quantile(0.5), _d2, multioutput)
    return computed(metric, y_true, y_pred, sample_weight)


class PinballLosses(NamedTuple):
    """The pinball losses of the predictions and of the best constant, and the number of rows."""

    alpha: float
    predicted: scores.Average
    constant: quantile_loss.QuantileLoss
    rows: int


def _against_quantile(alpha: float) -> Statistic:
    return Statistic(_against_of_block, _merge, options=(quantile_or_raise(alpha),))


def _against_of_block(
    alpha: float, y_true: Any, y_pred: Any, weight: Any, block: int | None
) -> PinballLosses:
    why = "a quantile has no meaning then. Drop such rows."
    target, predicted, weight = read_values(y_true, y_pred, weight, block, unsigned=why)
    loss = scores.losses_of(partial(value_losses.pinball, alpha), target, predicted, weight)
    columns = target if target.ndim == 2 else target[:, None]
    constant = quantile_loss.of_block(SKETCH, alpha, columns, weight)
    return PinballLosses(alpha, loss, constant, target.shape[0])


def _merge(a: PinballLosses, b: PinballLosses) -> PinballLosses:
    predicted = scores.add(a.predicted, b.predicted)
    constant = quantile_loss.merge(a.alpha, a.constant, b.constant)
    return PinballLosses(a.alpha, predicted, constant, a.rows + b.rows)


def _d2(state: PinballLosses) -> np.ndarray:
    loss = np.atleast_1d(mean_of(state.predicted))
    if state.rows < 2:
        warn_of_few_rows("D^2")
        return np.full(loss.shape, np.nan)
    constant = to_numpy(quantile_loss.least(state.alpha, state.constant))
    some = np.where(constant != 0, constant, 1.0)
    return np.where(constant != 0, 1 - loss / some, np.where(loss == 0, 1.0, 0.0))
