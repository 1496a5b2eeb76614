"""Weighted moments of every feature, which merge in any order.

A state holds three sums for each feature, over rows x_i of weights a_i, and a number m near their
mean::

    W = sum a_i        S1 = sum a_i (x_i - m)        S2 = sum a_i (x_i - m)^2
    mean = m + S1 / W                                variance = (S2 - S1^2 / W) / W

S1 is small: it holds what rounding left out of m. Sums about another number m - e, and the merge of
two states A and B [1]_, are::

    S1 <- S1 + W e                                   S2 <- S2 + (2 S1 + W e) e
    W  = W_A + W_B                                   m  = m_A + (m_B - m_A) W_B / W
    S1 = the sum of both, moved to m                 S2 = the sum of both, moved to m

Sums are in the widest float of the device, and each merge keeps the rounding error of its sums
[2]_. Otherwise the mean of batches at an offset of 1e8 would only be known to 1e-8, and counts in
float32 would stop at 2**24 rows. So weights may be negative: a block whose weights add up to 0 has
S1 but no mean.

The sums of a block are computed in `streamlearn.core.statistics.block_moments`.

References
----------
.. [1] T. F. Chan, G. H. Golub and R. J. LeVeque, "Algorithms for computing the sample variance:
   analysis and recommendations", The American Statistician 37(3), 1983.
.. [2] D. E. Knuth, "The Art of Computer Programming", volume 2, section 4.2.2, 1969: the rounding
   error of a sum is computed exactly.
"""

from __future__ import annotations

from typing import NamedTuple

from streamlearn._arrays import (
    Array,
    device,
    namespace,
    powers_of_two,
    reads_are_free,
    widest_float,
)


class Moments(NamedTuple):
    """Weighted moments of each feature. All arrays have shape (n_features,).

    Attributes
    ----------
    weight : array
        W, the sum of the weights of the rows that are not NaN. Without weights it is their number.
        It is scikit-learn's ``n_samples_seen_``.
    mean : array
        m, the rounded weighted mean, in units of ``unit``. It is 0 if no number has been seen. If
        negative weights leave little of W, it is another number near the rows.
    m2 : array
        S2, in units of ``unit**2``.
    weight_low, m2_low : array
        The rounding errors of ``weight`` and ``m2``, which have to be added to them.
    first : array
        S1, in units of ``unit``.
    unit : array
        A power of two. It is 1 if squares neither overflow nor underflow, else it is near the
        largest magnitude of the rows. It is 0 if all rows are 0.
    """

    weight: Array
    mean: Array
    m2: Array
    weight_low: Array
    first: Array
    m2_low: Array
    unit: Array


def init(n_features: int, *, like: Array) -> Moments:
    """Return the moments of no rows, in the library and on the device of ``like``."""
    zeros = namespace(like).zeros(n_features, dtype=widest_float(like), device=device(like))
    return Moments(*(zeros,) * len(Moments._fields))


def shifted(weight: Array, s1: Array, s2: Array, by: Array) -> tuple[Array, Array]:
    """Return S1 and S2 when ``by`` is added to all deviations; see the module's docstring."""
    return s1 + weight * by, s2 + (2.0 * s1 + weight * by) * by


def merge(a: Moments, b: Moments) -> Moments:
    """Return the moments of the rows of ``a`` and ``b`` [1]_.

    They are exact up to rounding, in any order. Adding an empty block does not change a single bit.
    The mean lies between the two means, and ``first`` corrects its rounding.
    """
    xp = namespace(a.mean)
    if not (reads_are_free(a.unit) and xp.all(a.unit == b.unit)):
        unit = xp.maximum(a.unit, b.unit)
        a, b = in_units(unit, a), in_units(unit, b)
    weight, weight_low = two_part_sum(a.weight, b.weight, a.weight_low + b.weight_low)
    # With negative weights the quotient may lie outside [0, 1].
    part = b.weight / or_one(weight)
    part = xp.minimum(xp.maximum(part, xp.zeros_like(part)), xp.ones_like(part))
    mean = a.mean + (b.mean - a.mean) * part
    first_a, more_a = shifted(a.weight, a.first, xp.zeros_like(mean), a.mean - mean)
    first_b, more_b = shifted(b.weight, b.first, xp.zeros_like(mean), b.mean - mean)
    m2, m2_low = two_part_sum(a.m2, b.m2, a.m2_low + b.m2_low)
    m2, m2_low = two_part_sum(m2, more_a + more_b, m2_low)
    return Moments(weight, mean, m2, weight_low, first_a + first_b, m2_low, a.unit)


def with_fills(state: Moments, values: Array, counts: Array) -> Moments:
    """Return the moments after ``values[j]`` was seen ``counts[j]`` more times in each feature.

    Examples
    --------
    >>> import numpy as np
    >>> two = init(1, like=np.zeros(1))._replace(weight=np.asarray([2.0]))
    >>> mean(with_fills(two, np.asarray([6.0]), np.asarray([1])))
    array([2.])
    """
    xp, zeros = namespace(state.mean), namespace(state.mean).zeros_like(state.mean)
    weight = xp.astype(counts, zeros.dtype)
    values = xp.where(weight > 0, xp.astype(values, zeros.dtype), zeros)
    unit = xp.where(state.unit > 0, state.unit, xp.abs(values))
    return merge(state, Moments(weight, values / or_one(unit), zeros, zeros, zeros, zeros, unit))


def in_units(unit: Array, state: Moments) -> Moments:
    """Return a state in other units."""
    by = state.unit / or_one(unit)
    mean, first, m2, m2_low = (
        state.mean * by,
        state.first * by,
        state.m2 * by * by,
        state.m2_low * by * by,
    )
    return state._replace(mean=mean, first=first, m2=m2, m2_low=m2_low, unit=unit)


def mean(state: Moments) -> Array:
    """Return the mean of each feature, (n_features,), or NaN if no number was seen."""
    rest = state.first / or_one(state.weight + state.weight_low)
    return _where_seen(state, (state.mean + rest) * state.unit)


def variance(state: Moments) -> Array:
    """Return the variance of each feature, (n_features,), with ddof 0.

    It is NaN if no number was seen.
    """
    weight = or_one(state.weight + state.weight_low)
    return _where_seen(state, squares(state) / weight * state.unit * state.unit)


def squares(state: Moments, *, about_zero: bool = False) -> Array:
    """Return the weighted sum of squared deviations from the mean, or from zero, (n_features,).

    It is in units of ``state.unit**2``, because it might overflow otherwise.
    """
    if about_zero:
        return shifted(state.weight, state.first, state.m2, state.mean)[1] + state.m2_low
    weight = or_one(state.weight + state.weight_low)
    return state.m2 + state.m2_low - state.first * (state.first / weight)


def scale(state: Moments) -> Array:
    """Return the standard deviation of each feature, (n_features,), but 1 for constant features.

    As in scikit-learn, a feature is constant if ``var <= n * eps * var + (n * mean * eps)**2``,
    which bounds the rounding of a constant's variance. Here the square roots are compared, in
    units in which they neither overflow nor underflow. If the widest float is float32, ``eps**2``
    replaces ``eps``, because sums are kept in two parts. With ``eps`` every feature would be
    constant after 2**23 rows.
    """
    xp, zeros = namespace(state.mean), namespace(state.mean).zeros_like(state.mean)
    weight, unit = state.weight + state.weight_low, or_one(state.unit)
    std = xp.sqrt(xp.maximum(squares(state) / or_one(weight), zeros))
    eps = xp.finfo(std.dtype).eps
    blur = weight * (eps if is_double(std) else eps**2)
    rounding = xp.abs(blur * state.mean)
    constant = std * xp.sqrt(xp.maximum(1 - blur, zeros)) <= rounding
    return _where_seen(state, xp.where(constant, xp.ones_like(std), std * unit))


def n_features(state: Moments) -> int:
    """Return the number of features."""
    return state.mean.shape[0]


def rescale(state: Moments, rho: Array, delta: Array) -> Moments:
    """Return the moments of features ``(x - delta) / rho``, where ``rho > 0``.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.core.statistics.block_moments import of_block
    >>> state = rescale(of_block(np.asarray([[1.0], [3.0]])), np.asarray(4.0), np.asarray(-6.0))
    >>> mean(state), variance(state)
    (array([2.]), array([0.0625]))
    """
    xp = namespace(state.mean)
    power = powers_of_two(rho + xp.zeros_like(state.mean))
    # A feature that is 0 everywhere has no unit until it is moved.
    used = powers_of_two(xp.abs(delta + xp.zeros_like(state.mean)))
    unit = xp.where(state.unit != 0, state.unit, used)
    by = rho / power
    return state._replace(
        mean=(state.mean - delta / or_one(unit)) / by,
        first=state.first / by,
        m2=state.m2 / by / by,
        m2_low=state.m2_low / by / by,
        unit=unit / power,
    )


def is_finite(state: Moments) -> Array:
    """Return whether no row contained infinity, which would make a mean infinite or NaN."""
    xp = namespace(state.mean)
    return xp.all(xp.isfinite(state.mean))


def is_clean(state: Moments, n_rows: int) -> Array:
    """Return whether ``n_rows`` finite rows without weights contained no NaN."""
    return namespace(state.weight).all(state.weight == n_rows)


def is_empty(state: Moments) -> Array:
    """Return whether no number has a weight, or the weights of each feature add up to 0."""
    return ~namespace(state.weight).any(state.weight != 0)


def or_one(x: Array) -> Array:
    """Return ``x`` with 1 instead of 0, as a divisor."""
    xp = namespace(x)
    return xp.where(x != 0, x, xp.ones_like(x))


def _where_seen(state: Moments, x: Array) -> Array:
    """Return ``x`` with NaN for features without a weight."""
    xp = namespace(x)
    return xp.where(state.weight != 0, x, xp.full_like(x, xp.nan))


def is_double(x: Array) -> bool:
    """Return whether ``x`` is at least float64."""
    return namespace(x).finfo(x.dtype).bits >= 64


def two_part_sum(a: Array, b: Array, low: Array) -> tuple[Array, Array]:
    """Return ``a + b``, and ``low`` plus the rounding error of this sum [2]_."""
    s = a + b
    t = s - a
    return s, low + ((a - (s - t)) + (b - t))
