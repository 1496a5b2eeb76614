"""The normal distribution, with the names of scipy.special, in any library.

References
----------
.. [1] M. J. Wichura, "Algorithm AS 241: The Percentage Points of the Normal Distribution",
   Applied Statistics 37, 1988.
.. [2] J. F. Hart et al., "Computer Approximations", 1968, as in G. West, "Better Approximations to
   Cumulative Normal Functions", Wilmott Magazine, 2005.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import pi, sqrt

import array_api_compat as compat
import numpy as np
from scipy import special

from streamlearn._arrays.library import Array, namespace

MIDDLE = (
    (2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
     13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.387132872796366608),
    (5226.495278852854561, 28729.085735721942674, 39307.89580009271061, 21213.794301586595867,
     5394.1960214247511077, 687.1870074920579083, 42.313330701600911252, 1.0),
)  # fmt: skip
"""Numerator and denominator of reference [1]_, for p within 0.425 of 1/2."""

NEAR = (
    (7.7454501427834140764e-4, 0.0227238449892691845833, 0.24178072517745061177,
     1.27045825245236838258, 3.64784832476320460504, 5.7694972214606914055,
     4.6303378461565452959, 1.42343711074968357734),
    (1.05075007164441684324e-9, 5.475938084995344946e-4, 0.0151986665636164571966,
     0.14810397642748007459, 0.68976733498510000455, 1.6763848301838038494,
     2.05319162663775882187, 1.0),
)  # fmt: skip

FAR = (
    (2.01033439929228813265e-7, 2.71155556874348757815e-5, 0.0012426609473880784386,
     0.026532189526576123093, 0.29656057182850489123, 1.7848265399172913358,
     5.4637849111641143699, 6.6579046435011037772),
    (2.04426310338993978564e-15, 1.4215117583164458887e-7, 1.8463183175100546818e-5,
     7.868691311456132591e-4, 0.0148753612908506148525, 0.13692988092273580531,
     0.59983220655588793769, 1.0),
)  # fmt: skip

BELOW = (
    (0.0352624965998911, 0.700383064443688, 6.37396220353165, 33.912866078383, 112.079291497871,
     221.213596169931, 220.206867912376),
    (0.0883883476483184, 1.75566716318264, 16.064177579207, 86.7807322029461, 296.564248779674,
     637.333633378831, 793.826512519948, 440.413735824752),
)  # fmt: skip
"""Numerator and denominator of reference [2]_."""


def ndtri(p: Array) -> Array:
    """Return the x at which the normal distribution function is p, for p from 0 to 1."""
    if isinstance(p, np.ndarray):
        return special.ndtri(p)
    if compat.is_torch_array(p):
        return _torch("ndtri", p)
    xp, one = namespace(p), namespace(p).ones_like(p)
    q = p - 0.5
    middle = q * _ratio(MIDDLE, 0.180625 - q * q)
    tail = xp.minimum(p, 1 - p)
    inside = tail > 0
    r = xp.sqrt(-xp.log(xp.where(inside, tail, 0.5 * one)))
    size = xp.where(r <= 5, _ratio(NEAR, r - 1.6), _ratio(FAR, r - 5))
    size = xp.where(inside, size, xp.where(tail == 0, xp.inf * one, xp.nan * one))
    return xp.where(xp.abs(q) <= 0.425, middle, xp.where(q < 0, -size, size))


def ndtr(x: Array) -> Array:
    """Return the normal distribution function."""
    if isinstance(x, np.ndarray):
        return special.ndtr(x)
    if compat.is_torch_array(x):
        return _torch("ndtr", x)
    xp = namespace(x)
    size = xp.abs(x)
    z = xp.minimum(size, 40 * xp.ones_like(size))
    tail = xp.exp(-z * z / 2)
    far = z + 1 / (z + 2 / (z + 3 / (z + 4 / (z + 0.65))))
    tail = xp.where(z < 7, tail * _ratio(BELOW, z), tail / (far * sqrt(2 * pi)))
    return xp.where(xp.isnan(x), x, xp.where(x > 0, 1 - tail, tail))


def _torch(name: str, x: Array) -> Array:
    import torch

    return getattr(torch.special, name)(x)


def _ratio(both: tuple[Sequence[float], Sequence[float]], x: Array) -> Array:
    over, under = (_polynomial(part, x) for part in both)
    return over / under


def _polynomial(factors: Sequence[float], x: Array) -> Array:
    out = factors[0] * namespace(x).ones_like(x)
    for factor in factors[1:]:
        out = out * x + factor
    return out
