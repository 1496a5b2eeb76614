"""The power transformations of Box and Cox [1]_ and of Yeo and Johnson [2]_, and their inverses.

Both are ``g(m, t) = (exp(m t) - 1) / m`` of a logarithm t. Box and Cox take ``t = log(x)`` and
``m = lambda``. Yeo and Johnson take ``t = log(1 + |x|)`` and ``m = lambda``. If x is negative, they
take ``-g(2 - lambda, t)``.

The logarithms of numbers far from zero are nearly equal, and their differences would be lost to
rounding. So the logarithm is that of ``x / c``, where c is a number of the column. If all numbers
are near c, it is computed from ``x - c``. This changes g by a factor and an offset, which the
standardization removes.

References
----------
.. [1] G. E. P. Box and D. R. Cox, "An analysis of transformations", Journal of the Royal
   Statistical Society B 26(2), 1964.
.. [2] I.-K. Yeo and R. A. Johnson, "A new family of power transformations to improve normality or
   symmetry", Biometrika 87(4), 2000.
"""

from __future__ import annotations

from math import log1p
from typing import Any, NamedTuple

from streamlearn._arrays import (
    CPU_BATCH_BYTES,
    Array,
    asarray,
    batch_rows,
    cast,
    concat,
    float_dtype,
    namespace,
)

NEAR = 2.0
"""If the numbers of a column are within this factor, logarithms are relative to the smallest."""


class Origin(NamedTuple):
    """The argument of the logarithms of each column: ``one + (|x| - centre) / unit``.

    Each is a sequence or an array of shape (n_features,).

    Attributes
    ----------
    centre, unit : floats
    one : floats
        1, or 0 if the logarithm is that of ``|x| / unit``.
    side : floats
        1 or -1 if logarithms are relative to numbers of that sign, else 0. Numbers of the other
        sign do not occur in the fitted column, and have logarithms of their own.
    """

    centre: Any
    unit: Any
    one: Any
    side: Any


class PowerMap(NamedTuple):
    """A fitted power transformation, a function of rows.

    All arrays have shape (n_features,).

    Attributes
    ----------
    yeo_johnson : bool
    sided : bool
        Whether numbers of any column have a ``side``.
    power : array
        The lambdas.
    origin : Origin
    mean, scale : array
        The offset and the scale of g, if logarithms are relative to ``origin``. 0 and 1 leave a
        step out.
    """

    yeo_johnson: bool
    sided: bool
    power: Array
    origin: Origin
    mean: Array
    scale: Array

    def __call__(self, X: Array) -> Array:
        """Return the transformed rows of X, in their float dtype. NaN stay NaN."""
        return _in_parts(self._forward, X)

    def inverse(self, X: Array) -> Array:
        """Return the original rows of X. They are NaN for numbers that are not a result."""
        return _in_parts(self._back, X)

    def _forward(self, X: Array) -> Array:
        known, xp = self._beside(X), namespace(X)
        v, negative = logarithms(known.yeo_johnson, known.origin, X)
        g = power_of(v, known.power, negative)
        out = (g - known.mean) / known.scale
        if not self.sided:
            return out
        side = known.origin.side
        other = ((X < 0) & (side > 0)) | ((X >= 0) & (side < 0))
        zeros = xp.zeros_like(side)
        plain = Origin(zeros, zeros + 1, zeros + 1, zeros)
        t, _ = logarithms(True, plain, xp.where(other, X, xp.zeros_like(X)))
        shift, factor = known.from_origin()
        g = (power_of(t, known.power, negative) - shift) / factor
        return xp.where(other, (g - known.mean) / known.scale, out)

    def _back(self, X: Array) -> Array:
        known, xp = self._beside(X), namespace(X)
        g, (centre, unit, one, side) = X * known.scale + known.mean, known.origin
        if not self.sided:
            negative = g < 0 if self.yeo_johnson else None
            v = inverse_power(g, known.power, negative)
            size = centre + unit * (xp.expm1(v) + (1 - one))
            return signed(size, negative)
        shift, factor = known.from_origin()
        true = g * factor + shift
        negative = xp.where(side == 0, g, true) < 0
        other = (negative & (side > 0)) | (~negative & (side < 0))
        v = inverse_power(xp.where(other, true, g), known.power, negative)
        size = xp.where(other, xp.expm1(v), centre + unit * (xp.expm1(v) + (1 - one)))
        return signed(size, negative)

    def from_origin(self) -> tuple[Array, Array]:
        """Return the offset and the factor from the g of ``origin`` to the true g.

        They are used for columns with a ``side``.
        """
        xp, side = namespace(self.power), self.origin.side
        t0 = xp.log(self.origin.unit)
        negative = side < 0
        m = xp.where(negative, 2 - self.power, self.power)
        factor = xp.where(side == 0, xp.ones_like(m), xp.exp(m * t0))
        shift = xp.where(side == 0, xp.zeros_like(m), power_of(t0, self.power, negative))
        return shift, factor

    def _beside(self, X: Array) -> PowerMap:
        """Return all of this in the dtype of X."""
        power, mean, scale = (cast(v, X.dtype) for v in (self.power, self.mean, self.scale))
        origin = Origin(*(cast(v, X.dtype) for v in self.origin))
        return self._replace(power=power, origin=origin, mean=mean, scale=scale)


def _in_parts(function: Any, X: Array) -> Array:
    X = cast(X, float_dtype(X))
    n, size = X.shape[0], batch_rows(X, budget=CPU_BATCH_BYTES // 2)
    if n <= size:
        return function(X)
    return concat([function(X[i : min(i + size, n), :]) for i in range(0, n, size)])


def logarithms(yeo_johnson: bool, origin: Origin, X: Array) -> tuple[Array, Array | None]:
    """Return the logarithms of the numbers of X, and which numbers are negative (None if none).

    They are right to the last digits, also for numbers far from zero and at zero.
    """
    xp = namespace(X)
    centre, unit, one, _ = (asarray(v, like=X) for v in origin)
    a = ((xp.abs(X) if yeo_johnson else X) - centre) / unit
    b = a + one
    # The second term is the logarithm of what the sum has lost.
    return xp.log(b) + (a - (b - one)) / b, (X < 0) if yeo_johnson else None


def exponents(power: Array, negative: Array | None) -> Array:
    """Return ``lambda``, and ``2 - lambda`` of negative numbers.

    Products choose here, because NumPy's `where` takes eight times as long if signs are random.
    """
    if negative is None:
        return power
    minus = cast(negative, power.dtype)
    return (1 - minus) * power + minus * (2 - power)


def signed(g: Array, negative: Array | None) -> Array:
    """Return g, with the opposite sign for ``negative`` numbers."""
    return g if negative is None else g * (1 - 2 * cast(negative, g.dtype))


def power_of(v: Array, power: Array, negative: Array | None) -> Array:
    """Return g of logarithms, with the sign of their numbers."""
    xp, m = namespace(v), exponents(power, negative)
    zero = m == 0
    g = xp.where(zero, v, xp.expm1(m * v) / xp.where(zero, xp.ones_like(m), m))
    return signed(g, negative)


def inverse_power(g: Array, power: Array, negative: Array | None) -> Array:
    """Return the logarithms from the result of `power_of`. They are NaN if there are none."""
    xp, m = namespace(g), exponents(power, negative)
    zero = m == 0
    g = signed(g, negative)
    return xp.where(zero, g, xp.log1p(m * g) / xp.where(zero, xp.ones_like(m), m))


def origin_of(yeo_johnson: bool, low: Array, high: Array) -> Origin:
    """Return the origin of logarithms, by the smallest and the largest number of each column."""
    xp = namespace(low)
    zeros = xp.zeros_like(low)
    ones = zeros + 1
    if yeo_johnson:
        side = xp.where(low >= 0, ones, xp.where(high <= 0, -ones, zeros))
        least = xp.where(side < 0, -high, low)
        most = xp.where(side < 0, -low, high)
        near = (side != 0) & (1 + most <= NEAR * (1 + least)) & (least > 0)
        far = (side != 0) & ~near & (least >= 1)  # rounding of |x| + 1 does no harm
        middle = xp.sqrt(xp.where(far, 1 + least, ones)) * xp.sqrt(xp.where(far, 1 + most, ones))
        return Origin(
            xp.where(near, least, xp.where(far, -ones, zeros)),
            xp.where(near, 1 + least, middle),
            xp.where(far, zeros, ones),
            xp.where(near | far, side, zeros),
        )
    near = high <= NEAR * low
    middle = xp.sqrt(low) * xp.sqrt(high)
    return Origin(
        xp.where(near, low, zeros),
        xp.where(near, low, middle),
        xp.where(near, ones, zeros),
        zeros,
    )


def lambda_bounds(yeo_johnson: bool, low: Array, high: Array, dtype: Any) -> tuple[Array, Array]:
    """Return the smallest and the largest lambda of each column for which rows do not overflow.

    For Yeo and Johnson numbers twenty times as large do not overflow either, and lambda = 1, which
    leaves numbers as they are, is always possible. SciPy's rule has their squares in place of the
    numbers. So it excludes the optimum, which is near 1, for numbers beyond 1e143. For Box and Cox
    ten thousand times the largest result does not overflow.
    """
    xp, info = namespace(low), namespace(low).finfo(dtype)
    log, eps = xp.log, asarray(float(info.eps), like=low)
    most = log(asarray(float(info.max), like=low))
    least = log(asarray(float(info.smallest_normal), like=low))
    if yeo_johnson:
        largest = xp.maximum(xp.abs(low), xp.abs(high))
        tiny = xp.full_like(largest, float(info.smallest_normal) ** 0.5)
        reach = xp.log1p(20 * xp.maximum(largest, tiny))
        first = (least - log(eps)) / 2 / reach
        last = xp.maximum((most + log(eps)) / reach, xp.ones_like(reach))
        negative, mixed = high < 0, (low < 0) & (high >= 0)
        first, last = (
            xp.where(negative, 2 - last, xp.where(mixed, xp.maximum(2 - last, first), first)),
            xp.where(negative, 2 - first, xp.where(mixed, xp.minimum(2 - first, last), last)),
        )
        return first, last
    room = most - log1p(9999.0)
    last, first = (_largest(room, log(v) * sign) for v, sign in ((high, 1.0), (low, -1.0)))
    # This bounds the factor of the logarithms from the origin.
    width = xp.maximum((log(high) - log(low)), asarray(float(info.eps), like=low))
    cap = 0.8 * most / width
    return -xp.minimum(first, cap), xp.minimum(last, cap)


def _largest(room: Array, t: Array) -> Array:
    """Return the m of ``exp(m t) / m = exp(room)``. It is infinity if t is not positive."""
    xp = namespace(t)
    grows = t > 0
    t = xp.where(grows, t, xp.ones_like(t))
    m = room / t
    for _ in range(60):
        m = (room + xp.log(m)) / t
    return xp.where(grows, m, xp.full_like(m, xp.inf))
