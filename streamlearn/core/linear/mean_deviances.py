"""Half deviances of Tweedie's distributions of any power, by the score or by the mean.

Functions take ``(s, y, power)``: scores, targets, and a number that is 0 or less, or at least 1.
The mean m is the exponential of the score for ``log``, and the score itself for ``identity``. With
``b = 2 - power`` and ``c = power - 1``, half the deviance of y > 0 is::

    m^b / b + y m^-c / c - y^b / (b c)

A target of 0 or less has no last term. Powers above 2 are for amounts above 0. Powers of 0 or less
take all numbers.

Unlike the deviances of `streamlearn.core.linear.deviances`, these may be concave where a mean is
far from its target. Means that are not above 0 have an infinite deviance, except by power 0.

References
----------
Jorgensen, "Exponential dispersion models", 1987.
"""

from __future__ import annotations

from typing import Any

from streamlearn._arrays import Array, namespace
from streamlearn.core.linear.losses import LOSSES, Elementwise, Loss

LARGEST = 300.0
"""The bound on scores that are exponents, so that products of exponentials are finite or infinite.

A step to larger ones makes the loss larger, and is taken again with a part of its length.
"""


def _ratio(y: Array) -> tuple[Array, Array]:
    """Return which targets are above 0, and these targets, or 1."""
    positive = y > 0.0
    return positive, namespace(y).where(positive, y, 1.0)


def _of_log(t: Array, power: float) -> Array:
    """Return half the deviance of a target of 1, from the logarithm of the mean."""
    xp, b, c = namespace(t), 2.0 - power, power - 1.0
    up = xp.expm1(b * t) / b if b else t
    return up + (xp.expm1(-c * t) / c if c else -t)


def _of_others(s: Array, y: Array, power: float) -> Array:
    """Return half the deviance of targets of 0 or less, from the logarithm of the mean."""
    xp, b, c = namespace(s), 2.0 - power, power - 1.0
    value = xp.exp(b * s) / b if b else s
    return value + (y * xp.exp(-c * s) / c if c else 0.0 * s)


def log_value(s: Array, y: Array, power: float) -> Array:
    """Return half the deviance of the mean ``exp(s)``.

    Examples
    --------
    >>> import numpy as np
    >>> one = np.asarray([1.0])
    >>> log_value(np.log(2.0) * one, one, 3.0)
    array([0.125])
    """
    xp = namespace(s)
    positive, known = _ratio(y)
    log = xp.log(known)
    found = xp.exp((2.0 - power) * log) * _of_log(s - log, power)
    return xp.where(positive, found, _of_others(s, xp.where(positive, 0.0, y), power))


def log_gradient(s: Array, y: Array, power: float) -> Array:
    """Return the derivative by the score, ``m^b - y m^-c``."""
    xp = namespace(s)
    s = xp.clip(s, -LARGEST, LARGEST)
    return xp.exp((1.0 - power) * s) * (xp.exp(s) - y)


def log_slope(s: Array, y: Array, power: float) -> Array:
    """Return the second derivative by the score, ``b m^b + c y m^-c``."""
    xp = namespace(s)
    s = xp.clip(s, -LARGEST, LARGEST)
    return xp.exp((1.0 - power) * s) * ((2.0 - power) * xp.exp(s) + (power - 1.0) * y)


def identity_value(s: Array, y: Array, power: float) -> Array:
    """Return half the deviance of the mean s.

    Examples
    --------
    >>> import numpy as np
    >>> identity_value(np.asarray([2.0, -1.0]), np.asarray([1.0, 1.0]), 3.0)
    array([0.125,   inf])
    """
    xp = namespace(s)
    inside = s > 0.0
    found = log_value(xp.log(xp.where(inside, s, 1.0)), y, power)
    return xp.where(inside, found, float("inf"))


def identity_gradient(s: Array, y: Array, power: float) -> Array:
    """Return the derivative by the mean, ``m^-power (m - y)``. It is 0 where there is none."""
    xp = namespace(s)
    inside = s > 0.0
    m = xp.where(inside, s, 1.0)
    return xp.where(inside, m ** (-power) * (m - y), 0.0)


def identity_slope(s: Array, y: Array, power: float) -> Array:
    """Return the second derivative by the mean, ``-c m^-power + power y m^(-power - 1)``."""
    xp = namespace(s)
    inside = s > 0.0
    m = xp.where(inside, s, 1.0)
    found = m ** (-power - 1.0) * ((1.0 - power) * m + power * y)
    return xp.where(inside, found, 0.0)


def _curvature(slope: Elementwise) -> Elementwise:
    return lambda s, y, power: namespace(s).abs(slope(s, y, power))


_CONCAVE: dict[str, Any] = {"parameter": "power", "unbounded_gradient": True, "concave": True}

ALL = {
    **LOSSES,
    "tweedie_log": Loss(
        log_value, log_gradient, _curvature(log_slope), log_slope, log_link=True, **_CONCAVE
    ),
    "tweedie_identity": Loss(
        identity_value,
        identity_gradient,
        _curvature(identity_slope),
        identity_slope,
        **_CONCAVE,
    ),
}
"""The losses that Newton steps of all rows know: `LOSSES` and the losses of this module."""
