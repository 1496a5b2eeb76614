"""Tweedie deviances of predicted values, among them those of Poisson and gamma distributions."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

from streamlearn._arrays import Array, namespace, to_numpy
from streamlearn._validation.messages import in_block
from streamlearn.core import scores, value_losses
from streamlearn.core.statistics import deviance
from streamlearn.metrics.over_blocks import Metric, Statistic, computed
from streamlearn.metrics.values import one_output, warn_of_few_rows


def mean_tweedie_deviance(
    y_true: Any, y_pred: Any, *, sample_weight: Any = None, power: float = 0
) -> float:
    """Return the mean Tweedie deviance.

    Parameters
    ----------
    y_true, y_pred : array or dask array of shape (n_samples,)
        The true targets and the predictions: numbers without NaN and infinity.
    sample_weight : array or dask array of shape (n_samples,), default=None
        The weight of each row. None means 1 for every row.
    power : float, default=0
        The power of the variance. 0 is the normal distribution, 1 the Poisson distribution, 2 the
        gamma distribution and 3 the inverse Gaussian distribution. From 1 to 2 it is the compound
        Poisson distribution, and below 0 an extreme stable distribution. Between 0 and 1 there is
        none.

    Returns
    -------
    float
        The deviance, at least 0.

    Raises
    ------
    ValueError
        If the arrays do not line up, have no rows or no row with a weight, or hold NaN or infinity.
        If there are several outputs, or numbers that such a distribution does not have.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import mean_tweedie_deviance
    >>> mean_tweedie_deviance(np.asarray([1.0, 2.0]), np.asarray([1.0, 4.0]))
    2.0
    """
    metric = Metric(_deviance(power), _mean)
    return computed(metric, y_true, y_pred, sample_weight)


def mean_poisson_deviance(y_true: Any, y_pred: Any, *, sample_weight: Any = None) -> float:
    """Return the mean deviance of the Poisson distribution.

    Parameters
    ----------
    y_true, y_pred : array or dask array of shape (n_samples,)
        The true targets and the predictions: numbers without NaN and infinity.
    sample_weight : array or dask array of shape (n_samples,), default=None
        The weight of each row. None means 1 for every row.

    Returns
    -------
    float
        The deviance, at least 0.

    Raises
    ------
    ValueError
        If the arrays do not line up, have no rows or no row with a weight, or hold NaN or infinity.
        If there are several outputs, or numbers that such a distribution does not have.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import mean_poisson_deviance
    >>> mean_poisson_deviance(np.asarray([1.0, 2.0]), np.asarray([1.0, 4.0]))
    0.61...
    """
    metric = Metric(_deviance(1), _mean)
    return computed(metric, y_true, y_pred, sample_weight)


def mean_gamma_deviance(y_true: Any, y_pred: Any, *, sample_weight: Any = None) -> float:
    """Return the mean deviance of the gamma distribution.

    Parameters
    ----------
    y_true, y_pred : array or dask array of shape (n_samples,)
        The true targets and the predictions: numbers without NaN and infinity.
    sample_weight : array or dask array of shape (n_samples,), default=None
        The weight of each row. None means 1 for every row.

    Returns
    -------
    float
        The deviance, at least 0.

    Raises
    ------
    ValueError
        If the arrays do not line up, have no rows or no row with a weight, or hold NaN or infinity.
        If there are several outputs, or numbers that such a distribution does not have.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import mean_gamma_deviance
    >>> mean_gamma_deviance(np.asarray([1.0, 2.0]), np.asarray([1.0, 4.0]))
    0.19...
    """
    metric = Metric(_deviance(2), _mean)
    return computed(metric, y_true, y_pred, sample_weight)


def d2_tweedie_score(
    y_true: Any, y_pred: Any, *, sample_weight: Any = None, power: float = 0
) -> float:
    """Return D2 for the Tweedie deviance: 1 - deviance / (deviance of the mean target).

    Parameters
    ----------
    y_true, y_pred : array or dask array of shape (n_samples,)
        The true targets and the predictions: numbers without NaN and infinity.
    sample_weight : array or dask array of shape (n_samples,), default=None
        The weight of each row. None means 1 for every row.
    power : float, default=0
        The power of the variance. 0 is the normal distribution, 1 the Poisson distribution, 2 the
        gamma distribution and 3 the inverse Gaussian distribution. From 1 to 2 it is the compound
        Poisson distribution, and below 0 an extreme stable distribution. Between 0 and 1 there is
        none.

    Returns
    -------
    float
        A number that is at most 1.

    Raises
    ------
    ValueError
        If the arrays do not line up, have no rows or no row with a weight, or hold NaN or infinity.
        If there are several outputs, or numbers that such a distribution does not have.

    Warns
    -----
    UndefinedMetricWarning
        If there are fewer than two rows. The score is NaN then.

    Notes
    -----
    Differences from scikit-learn:

    - A constant target scores 1 if it is predicted exactly, and else 0, as in `r2_score`.
      scikit-learn divides by 0.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import d2_tweedie_score
    >>> d2_tweedie_score(np.asarray([1.0, 2.0, 3.0]), np.asarray([1.0, 2.0, 4.0]))
    0.5
    """
    metric = Metric(_deviance(power), _d2)
    return computed(metric, y_true, y_pred, sample_weight)


class Deviances(NamedTuple):
    """The deviance from the predictions, that from the mean target, and the number of rows."""

    predicted: scores.Average
    constant: deviance.Deviance
    rows: int
    power: float


def _deviance(power: float) -> Statistic:
    if 0 < power < 1:
        raise ValueError(
            f"power={power}: no Tweedie distribution has a power between 0 and 1. Give 0 or less, "
            "or 1 or more."
        )
    return Statistic(_deviances_of_block, _merge, options=(power,))


def _deviances_of_block(
    power: float, y_true: Any, y_pred: Any, weight: Any, block: int | None
) -> Deviances:
    target, predicted, weight = one_output("Tweedie deviances", y_true, y_pred, weight, block)
    _check(power, target, predicted, block)
    loss = scores.losses_of(partial(value_losses.tweedie, power), target, predicted, weight)
    return Deviances(loss, deviance.of_block(power, target, weight), target.shape[0], power)


def _check(power: float, target: Array, predicted: Array, block: int | None) -> None:
    """Raise a ValueError if no distribution has the targets or the predictions as its means."""
    needs: list[tuple[str, Array, str]] = []
    if power >= 2:
        needs = [("y_true", target <= 0, "strictly positive y")]
    elif power >= 1:
        needs = [("y_true", target < 0, "non-negative y")]
    if power != 0:
        needs.append(("y_pred", predicted <= 0, "strictly positive y_pred"))
    for name, wrong, what in needs:
        if bool(namespace(wrong).any(wrong)):
            raise ValueError(
                f"Mean Tweedie deviance error with power={power} can only be used on {what}, and "
                f"{in_block(name, block)} contains other numbers. Drop such rows, or use a "
                "Tweedie deviance with power=0, which takes all numbers."
            )


def _merge(a: Deviances, b: Deviances) -> Deviances:
    constant = deviance.merge(a.power, a.constant, b.constant)
    return Deviances(scores.add(a.predicted, b.predicted), constant, a.rows + b.rows, a.power)


def _mean(state: Deviances) -> float:
    return float(to_numpy(scores.average(state.predicted)))


def _d2(state: Deviances) -> float:
    if state.rows < 2:
        warn_of_few_rows("D^2")
        return float("nan")
    loss, constant = _mean(state), float(to_numpy(state.constant.total / state.constant.weight))
    return 1 - loss / constant if constant else float(loss == 0)
