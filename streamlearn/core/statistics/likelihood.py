"""The likelihood of the lambdas of a power transformation, from mergeable sums over rows.

Each number has a logarithm t and a transformed value g. The log likelihood of ``lambda``, divided
by the number of rows, is::

    -log(var(g)) / 2 + lambda * mean(t)

Here t has the sign of its number. The log likelihood is concave [1]_. Its derivatives need the
means and the co-moments of g and of the derivatives of g by lambda. These merge as moments do.

The exponent m is lambda, or 2 - lambda for the negative numbers of Yeo and Johnson. With
t without a sign, g and its first two derivatives by m are, for j = 1, 2, 3::

    t**j f_j(m t)          f_j(z) = integral of r**(j - 1) exp(z r) over r from 0 to 1

Each of f_1, f_2 and f_3 follows from its neighbour. If z is large, f_1 comes first. If z is small,
f_3 comes first, from a series. So nothing cancels at lambdas near 0 or 2. Rows are in units of the
largest g, so that no square overflows.

References
----------
.. [1] T. Marchand, B. Muzellec, C. Beguier, J. Ogier du Terrail and M. Andreux, "SecureFedYJ: a
   safe feature Gaussianization protocol for federated learning", NeurIPS 2022.
"""

from __future__ import annotations

from math import factorial
from typing import Any, NamedTuple

from streamlearn._arrays import (
    CPU_BATCH_BYTES,
    Array,
    asarray,
    batch_rows,
    cast,
    column_sums,
    device,
    namespace,
    widest_float,
)
from streamlearn.core.learner import Learner
from streamlearn.core.mergeable import mergeable
from streamlearn.core.power_map import Origin, PowerMap, exponents, logarithms, signed

SERIES = tuple(1.0 / (factorial(k) * (k + 3)) for k in range(12))
"""The coefficients of the series of f_3. Up to z = 1/2 the rest of the series is below rounding."""


class Params(NamedTuple):
    """The lambdas at which the likelihood is computed.

    Attributes
    ----------
    yeo_johnson : bool
    power : floats of shape (n_features,)
        The lambdas.
    origin : Origin
    shrink : floats of shape (n_features,)
        The factor by which g is multiplied.
    """

    yeo_johnson: bool
    power: Any
    origin: Origin
    shrink: Any


class Sums(NamedTuple):
    """The sums of rows for the likelihood at the lambdas. All arrays have shape (n_features,).

    Attributes
    ----------
    count : array
        The count of numbers that are not NaN.
    t : array
        The mean of the logarithms, with the signs of their numbers.
    g, g1, g2 : array
        The means of g and of its derivatives by lambda.
    gg, gg1, g1g1, gg2 : array
        The sums of the products of their deviations from the means.
    """

    count: Array
    t: Array
    g: Array
    g1: Array
    g2: Array
    gg: Array
    gg1: Array
    g1g1: Array
    gg2: Array


def init(params: Params, n_features: int, n_outputs: int = 1, *, like: Array) -> Sums:
    """Return the sums of no rows, on the device of ``like``."""
    zeros = namespace(like).zeros(n_features, dtype=widest_float(like), device=device(like))
    return Sums(*(zeros,) * len(Sums._fields))


def of_block(params: Params, X: Array, weight: Array | None = None) -> Sums:
    """Return the sums of a block of shape (n_rows, n_features).

    NaN, and rows whose weight is 0, are left out. Other weights do not matter.
    """
    state, dtype = init(params, X.shape[1], like=X), widest_float(X)
    rows = batch_rows(X, budget=CPU_BATCH_BYTES // 4)
    for start in range(0, X.shape[0], rows):
        at = slice(start, min(start + rows, X.shape[0]))
        part = cast(X[at, :], dtype)
        if weight is not None:
            xp = namespace(X)
            part = xp.where((weight[at] != 0)[:, None], part, xp.full_like(part[:1, :], xp.nan))
        state = merge(state, _of_rows(params, part))
    return state


def _of_rows(params: Params, X: Array) -> Sums:
    xp = namespace(X)
    power, shrink = (asarray(v, like=X) for v in (params.power, params.shrink))
    v, negative = logarithms(params.yeo_johnson, params.origin, X)
    missing = xp.isnan(v)
    v = xp.where(missing, xp.zeros_like(v), v)
    present = cast(~missing, X.dtype)
    f1, f2, f3 = _integrals(exponents(power, negative) * v, shrink)
    square = v * v
    g, g1, g2, t = v * f1, square * f2, square * v * f3, v
    if negative is not None:
        sign = signed(xp.ones_like(v), negative)
        g, g2, t = g * sign, g2 * sign, t * sign
    count = column_sums(present)
    some = xp.maximum(count, xp.ones_like(count))
    # All four arrays are 0 where a number is missing.
    means = [column_sums(a) / some for a in (t, g, g1, g2)]
    d, d1, d2 = ((a - mean) * present for a, mean in zip((g, g1, g2), means[1:], strict=True))
    products = (column_sums(a) for a in (d * d, d * d1, d1 * d1, d * d2))
    return Sums(count, *means, *products)


def _integrals(z: Array, shrink: Array) -> tuple[Array, Array, Array]:
    """Return f_1, f_2 and f_3 of z, times ``shrink``."""
    xp = namespace(z)
    small = cast(xp.abs(z) < 0.5, z.dtype)
    near = z * small
    far = z - near + small
    series = near * SERIES[-1] + SERIES[-2]
    for coefficient in SERIES[-3::-1]:
        series = series * near + coefficient
    e = xp.exp(z) * shrink
    up1 = (e - shrink) / far
    up2 = (e - up1) / far
    f3 = (e - 2 * up2) / far
    f3 = f3 + small * (series * shrink - f3)
    f2 = up2 + small * ((e - near * f3) / 2 - up2)
    return up1 + small * (e - near * f2 - up1), f2, f3


def merge(a: Sums, b: Sums) -> Sums:
    """Return the sums of the rows of ``a`` and ``b``. They are exact up to rounding."""
    xp = namespace(a.count)
    count = a.count + b.count
    part = b.count / xp.maximum(count, xp.ones_like(count))
    t, g, g1, g2 = (m + (n - m) * part for m, n in zip(a[1:5], b[1:5], strict=True))
    d, d1, d2 = b.g - a.g, b.g1 - a.g1, b.g2 - a.g2
    between = a.count * part
    return Sums(
        count,
        *(t, g, g1, g2),
        a.gg + b.gg + d * d * between,
        a.gg1 + b.gg1 + d * d1 * between,
        a.g1g1 + b.g1g1 + d1 * d1 * between,
        a.gg2 + b.gg2 + d * d2 * between,
    )


def derivatives(state: Sums) -> tuple[Array, Array]:
    """Return the first and the second derivative of the log likelihood by lambda, per row.

    They are NaN for constant features.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.exp(np.linspace(-1, 1, 5))[:, None]
    >>> plain = Origin([0.0], [1.0], [0.0], [0.0])
    >>> first, second = derivatives(of_block(Params(False, [0.0], plain, [1.0]), x))
    >>> abs(first[0]) < 1e-15, second[0] < 0
    (np.True_, np.True_)
    """
    xp = namespace(state.gg)
    moves = state.gg > 0
    gg = xp.where(moves, state.gg, xp.full_like(state.gg, xp.nan))
    slope = 2 * state.gg1 / gg
    bend = 2 * (state.g1g1 + state.gg2) / gg
    return state.t - slope / 2, (slope * slope - bend) / 2


def log_likelihood(params: Params, state: Sums) -> Array:
    """Return the log likelihood per row, without the terms that do not depend on lambda.

    It is NaN for constant features.
    """
    xp = namespace(state.gg)
    moves = state.gg > 0
    variance = xp.where(moves, state.gg, xp.full_like(state.gg, xp.nan)) / state.count
    return xp.log(params.shrink) - xp.log(variance) / 2 + params.power * state.t


def after_step(state: Sums, step: Array) -> tuple[Array, Array]:
    """Return the mean and the variance of g after a small ``step`` of lambda.

    Their errors are of the third order in the step.
    """
    xp = namespace(state.gg)
    n = xp.maximum(state.count, xp.ones_like(state.count))
    mean = state.g + step * (state.g1 + step * state.g2 / 2)
    squares = state.gg + step * (2 * state.gg1 + step * (state.g1g1 + state.gg2))
    return mean, xp.maximum(squares, xp.zeros_like(squares)) / n


class Optimum(NamedTuple):
    """The optimum, and moments of the transformed numbers. All arrays have shape (n_features,).

    Attributes
    ----------
    power : array
        The lambdas.
    mean, variance : array
        The moments of g, in units of 1 / ``shrink``.
    shrink : array
    passes : int
        The number of passes over the rows.
    """

    power: Array
    mean: Array
    variance: Array
    shrink: Array
    passes: int


def applied(params: Params, state: Sums) -> PowerMap:
    """Return the transformation with the lambdas of params, to a mean of 0 and a variance of 1."""
    found = Optimum(params.power, *after_step(state, 0 * state.gg), params.shrink, 1)
    return standardized(params.yeo_johnson, params.origin, found, like=state.gg)


def standardized(yeo_johnson: bool, origin: Origin, found: Optimum, *, like: Array) -> PowerMap:
    """Return the transformation at the optimum to a mean of 0 and a variance of 1.

    Its arrays are on the device of ``like``. Constant features become 0.
    """
    xp = namespace(like)
    sided = yeo_johnson and any(side != 0 for side in origin.side)
    power, mean, variance, shrink = (asarray(v, like=like) for v in found[:4])
    there = Origin(*(asarray(v, like=like) for v in origin))
    out = PowerMap(yeo_johnson, sided, power, there, mean / shrink, xp.ones_like(mean))
    _, factor = out.from_origin()
    constant = variance == 0
    root = xp.sqrt(xp.where(constant, xp.ones_like(variance), variance)) / shrink
    return out._replace(scale=xp.where(constant, 1 / factor, root))


def learner(params: Params) -> Learner:
    """Return a mergeable learner of the likelihood at the lambdas of ``params``."""
    return mergeable(
        params,
        init=init,
        of_block=of_block,
        merge=merge,
        applied=applied,
    )
