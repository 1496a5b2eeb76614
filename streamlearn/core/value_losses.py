"""The losses of predicted values, one for each row and output.

Targets and predictions are arrays of one shape and of a real floating dtype.
"""

from __future__ import annotations

from streamlearn._arrays import Array, namespace

EPS = 2.0**-52
"""The least target of `percentage`: the spacing of float64 at 1, as in scikit-learn."""


def error(target: Array, predicted: Array) -> Array:
    """Return the errors, positive where the prediction is too small."""
    return target - predicted


def squared(target: Array, predicted: Array) -> Array:
    """Return the squares of the errors."""
    away = target - predicted
    return away * away


def absolute(target: Array, predicted: Array) -> Array:
    """Return the magnitudes of the errors."""
    return namespace(target).abs(target - predicted)


def squared_log(target: Array, predicted: Array) -> Array:
    """Return the squares of the errors of log(1 + x)."""
    xp = namespace(target)
    return squared(xp.log1p(target), xp.log1p(predicted))


def percentage(target: Array, predicted: Array) -> Array:
    """Return the magnitudes of the errors over those of the targets, which are at least `EPS`."""
    xp = namespace(target)
    return absolute(target, predicted) / xp.clip(xp.abs(target), min=EPS)


def pinball(alpha: float, target: Array, predicted: Array) -> Array:
    """Return alpha times the error if the prediction is too small, 1 - alpha times it if too large.

    Examples
    --------
    >>> import numpy as np
    >>> pinball(0.9, np.asarray([2.0, 0.0]), np.asarray([1.0, 1.0]))
    array([0.9, 0.1])
    """
    xp, away = namespace(target), target - predicted
    zero = xp.zeros_like(away)
    return alpha * xp.maximum(away, zero) + (1 - alpha) * xp.maximum(-away, zero)


def tweedie(power: float, target: Array, predicted: Array) -> Array:
    """Return the unit deviances of the Tweedie distribution with a power of the variance.

    0 is the normal distribution, 1 that of Poisson, 2 the gamma distribution and 3 the inverse
    Gaussian distribution. The result is NaN if no such distribution has the target or the mean.

    Examples
    --------
    >>> import numpy as np
    >>> tweedie(1, np.asarray([0.0, 1.0]), np.asarray([0.5, 1.0]))
    array([1., 0.])
    """
    xp, y, mean, p = namespace(target), target, predicted, power
    if p == 0:
        return squared(y, mean)
    if p == 1:
        some = y != 0
        ratio = xp.where(some, y / mean, xp.ones_like(y))
        return 2 * (y * xp.log(ratio) - y + mean)
    if p == 2:
        return 2 * (xp.log(mean / y) + y / mean - 1)
    least = xp.clip(y, min=0.0) if p < 0 else y
    return 2 * (
        least ** (2 - p) / ((1 - p) * (2 - p))
        - y * mean ** (1 - p) / (1 - p)
        + mean ** (2 - p) / (2 - p)
    )
