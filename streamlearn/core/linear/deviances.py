"""Half deviances of Tweedie's distributions, whose mean is the exponential of the score.

Functions take ``(p, y, power)``: scores, targets of at least 0, and a number from 1 to 2. Power 1
is for counts (Poisson), power 2 for amounts above 0 (gamma). The powers between are for amounts of
which some are 0: such a target is the sum of a random number of gamma variates. With
``t = p - log(y)``, ``b = 2 - power`` and ``c = power - 1``, half the deviance of y > 0 is::

    y^b (expm1(b t) / b + expm1(-c t) / c)

A quotient is t if b is 0, and -t if c is 0. Half the deviance of 0 is ``exp(b p) / b``. It is
convex for these powers only. Where t is beyond `FURTHEST`, or p if y is 0, it goes on as a straight
line, so that no step overflows.

References
----------
Jorgensen, "Exponential dispersion models", 1987.
"""

from __future__ import annotations

from typing import NamedTuple

from streamlearn._arrays import Array, column_sums, namespace

FURTHEST = 40.0
"""The exponential of it is 2e17, and sums of its squares are float32 numbers."""


class Terms(NamedTuple):
    """What all functions compute.

    Attributes
    ----------
    t, beyond : arrays
        t, bounded, and how much it was beyond the bound.
    unit : array
        y^b, or 1 if y is 0.
    up, down : arrays
        ``expm1(b t)``, and ``expm1(-c t)`` or -1 if y is 0.
    positive : array of bool
        Whether y is above 0.
    """

    t: Array
    beyond: Array
    unit: Array
    up: Array
    down: Array
    positive: Array

    @property
    def gradient(self) -> Array:
        """The derivative by the score."""
        return self.unit * (self.up - self.down)


def _terms(p: Array, y: Array, power: float) -> Terms:
    xp, b, c = namespace(p), 2.0 - power, power - 1.0
    positive = y > 0.0
    y = xp.where(positive, y, 1.0)  # its logarithm is 0
    far = p - xp.log(y)
    t = xp.minimum(xp.maximum(far, -FURTHEST), FURTHEST)
    up = xp.expm1(b * t) if b else 0.0 * t
    down = xp.where(positive, xp.expm1(-c * t) if c else 0.0 * t, -1.0 + 0.0 * t)
    return Terms(t, far - t, y**b if b else 1.0 + 0.0 * y, up, down, positive)


def value(p: Array, y: Array, power: float) -> Array:
    """Return half the deviance."""
    return both(p, y, power)[0]


def gradient(p: Array, y: Array, power: float) -> Array:
    """Return the derivative of `value` by the score: ``exp(b p) - y exp(-c p)``."""
    return _terms(p, y, power).gradient


def both(p: Array, y: Array, power: float) -> tuple[Array, Array]:
    """Return value and gradient."""
    terms, b, c = _terms(p, y, power), 2.0 - power, power - 1.0
    xp, g, up = namespace(p), terms.gradient, terms.t
    if b:
        # the loss of 0 is exp(b p) / b
        up = xp.where(terms.positive, terms.up, terms.up + 1.0) / b
    down = terms.down / c if c else -terms.t
    v = up + xp.where(terms.positive, down, 0.0)
    return terms.unit * v + g * terms.beyond, g


def slope(p: Array, y: Array, power: float) -> Array:
    """Return the second derivative by the score."""
    return _slope(_terms(p, y, power), power)


def _slope(terms: Terms, power: float) -> Array:
    return terms.unit * ((2.0 - power) * (terms.up + 1.0) + (power - 1.0) * (terms.down + 1.0))


def curvature(p: Array, y: Array, power: float) -> Array:
    """Return the second derivative, or that of the parabola with its minimum where the loss has it.

    The secant is larger where the loss is nearly linear: for means far below y with power 1, and
    for means far above y with power 2.
    """
    xp, terms = namespace(p), _terms(p, y, power)
    near = xp.abs(terms.t) < 1e-3
    secant = (terms.up - terms.down) / xp.where(near, 1.0, terms.t)
    secant = xp.where(terms.positive & ~near, secant, 0.0)
    return xp.maximum(_slope(terms, power), terms.unit * secant)


def level(p: Array, y: Array, a: Array, power: float) -> Array:
    """Return the change of the scores that minimizes the loss of rows with weights a, (K,).

    It is 0 if all targets are 0, because the unit of further ones is unknown.
    """
    xp = namespace(p)
    p = xp.minimum(xp.maximum(p, -FURTHEST), FURTHEST)
    known = column_sums(a * y * xp.exp((1.0 - power) * p))
    mean = known / _or_one(column_sums(a * xp.exp((2.0 - power) * p)))
    return xp.log(_or_one(mean))


def _or_one(x: Array) -> Array:
    return namespace(x).where(x > 0.0, x, 1.0)
