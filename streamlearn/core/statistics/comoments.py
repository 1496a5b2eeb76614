"""Co-moments of features, and of features with targets, which merge in any order.

A state holds sums over rows z = (x, y) of weights a >= 0, about numbers m near their mean::

    W = sum a        S1 = sum a (z - m)        XX = sum a (x - m)(x - m)'
                     XY = sum a (x - m)(y - m)'                YY = sum a (y - m)^2

S1 is small: it holds what rounding left out of m. Sums about other numbers m - e, and the merge of
two states A and B [1]_, are::

    XX <- XX + u e' + e u'    with  u = S1 + W e / 2          S1 <- S1 + W e
    W  = W_A + W_B            m = m_A + (m_B - m_A) W_B / W   XX = the sum of both, moved to m

So a merge is a correction of rank two. Sums are in the widest float of the device. Each merge keeps
the rounding error of its sums, as in `streamlearn.core.statistics.moments`. Products of features
lose no digits at any offset. What rounding leaves is relative to the square roots of the diagonal,
so features may have scales that differ by any factor.

Targets are not multiplied by each other: there may be one for each of thousands of classes. Who
needs these products passes the targets as features, too.

The sums of a block are computed in `streamlearn.core.statistics.block_comoments`.

References
----------
.. [1] T. F. Chan, G. H. Golub and R. J. LeVeque, "Updating formulae and a pairwise algorithm for
   computing sample variances", Technical Report STAN-CS-79-773, Stanford University, 1979.
"""

from __future__ import annotations

from typing import NamedTuple

from streamlearn._arrays import (
    Array,
    asarray,
    device,
    namespace,
    powers_of_two,
    reads_are_free,
    widest_float,
)
from streamlearn.core.statistics.moments import or_one, two_part_sum


class Comoments(NamedTuple):
    """Weighted co-moments of d features and t targets. The features come first.

    Attributes
    ----------
    weight : array of shape (1,)
        W, the sum of the weights of the rows. Without weights it is their number.
    mean : array of shape (d + t,)
        m, the rounded weighted mean, in units of ``unit``.
    first : array of shape (d + t,)
        S1, in units of ``unit``.
    xx : array of shape (d, d)
        The sums of products of deviations, in units of ``unit[i] * unit[j]``. It is symmetric.
    xy : array of shape (d, t)
        The same for a feature and a target.
    yy : array of shape (t,)
        The sums of the squared deviations of the targets.
    weight_low, xx_low, xy_low, yy_low : arrays
        The rounding errors of the sums, which have to be added to them.
    unit : array of shape (d + t,)
        Powers of two. A unit is 1 if squares neither overflow nor underflow, else it is near the
        largest magnitude. It is 0 if all numbers are 0.
    """

    weight: Array
    mean: Array
    first: Array
    xx: Array
    xy: Array
    yy: Array
    weight_low: Array
    xx_low: Array
    xy_low: Array
    yy_low: Array
    unit: Array


def init(n_features: int, n_targets: int = 0, *, like: Array) -> Comoments:
    """Return the co-moments of no rows, in the library and on the device of ``like``."""
    xp, d, t = namespace(like), n_features, n_targets
    one, both, xx, xy, yy = (
        xp.zeros(shape, dtype=widest_float(like), device=device(like))
        for shape in ((1,), (d + t,), (d, d), (d, t), (t,))
    )
    return Comoments(one, both, both, xx, xy, yy, one, xx, xy, yy, both)


def n_features(state: Comoments) -> int:
    """Return the number of features."""
    return state.xy.shape[0]


def n_targets(state: Comoments) -> int:
    """Return the number of targets."""
    return state.xy.shape[1]


def is_finite(state: Comoments) -> Array:
    """Return whether no row contained NaN or infinity, which would make a mean NaN."""
    xp = namespace(state.mean)
    return xp.all(xp.isfinite(state.mean)) & xp.all(xp.isfinite(state.yy))


def is_clean(state: Comoments, n_rows: int) -> Array:
    """Return whether the rows contained no NaN, which is the same as `is_finite`."""
    return is_finite(state)


def is_empty(state: Comoments) -> Array:
    """Return whether no row has a weight."""
    return state.weight[0] == 0


def merge(a: Comoments, b: Comoments) -> Comoments:
    """Return the co-moments of the rows of ``a`` and ``b`` [1]_.

    They are exact up to rounding, in any order. Adding an empty block does not change a single bit.
    """
    xp = namespace(a.mean)
    if not (reads_are_free(a.unit) and xp.all(a.unit == b.unit)):
        unit = xp.maximum(a.unit, b.unit)
        a, b = in_units(unit, a), in_units(unit, b)
    weight, weight_low = two_part_sum(a.weight, b.weight, a.weight_low + b.weight_low)
    # Rows can be taken away again, so that a weight is negative and the quotient is not in [0, 1].
    part = b.weight / or_one(weight)
    part = xp.minimum(xp.maximum(part, xp.zeros_like(part)), xp.ones_like(part))
    mean = a.mean + (b.mean - a.mean) * part
    e_a, e_b = a.mean - mean, b.mean - mean
    xx, xx_low = two_part_sum(a.xx, b.xx, a.xx_low + b.xx_low)
    xy, xy_low = two_part_sum(a.xy, b.xy, a.xy_low + b.xy_low)
    yy, yy_low = two_part_sum(a.yy, b.yy, a.yy_low + b.yy_low)
    more = _moved(n_features(a), ((a, e_a), (b, e_b)))
    xx, xx_low = two_part_sum(xx, more[0], xx_low)
    xy, xy_low = two_part_sum(xy, more[1], xy_low)
    yy, yy_low = two_part_sum(yy, more[2], yy_low)
    first = (a.first + a.weight * e_a) + (b.first + b.weight * e_b)
    return Comoments(weight, mean, first, xx, xy, yy, weight_low, xx_low, xy_low, yy_low, a.unit)


def without(total: Comoments, part: Comoments) -> Comoments:
    """Return the co-moments of the rows of ``total`` that are not in ``part``.

    Nothing is read again for them, so that K-fold cross-validation costs one pass.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.core.statistics.block_comoments import of_block
    >>> X = np.asarray([[1.0], [3.0], [8.0]])
    >>> mean(without(of_block(X), of_block(X[2:])))
    array([2.])
    """
    names = ("weight", "first", "xx", "xy", "yy", "weight_low", "xx_low", "xy_low", "yy_low")
    return merge(total, part._replace(**{name: -getattr(part, name) for name in names}))


def _moved(d: int, states: tuple[tuple[Comoments, Array], ...]) -> tuple[Array, Array, Array]:
    """Return what ``XX``, ``XY`` and ``YY`` grow by if e is added to the deviations of each."""
    xp = namespace(states[0][1])
    E = xp.stack([e for _, e in states])
    U = xp.stack([state.first + state.weight * (0.5 * e) for state, e in states])
    product = xp.matrix_transpose(U[:, :d]) @ E[:, :d]
    cross = xp.matrix_transpose(U[:, :d]) @ E[:, d:] + xp.matrix_transpose(E[:, :d]) @ U[:, d:]
    squares = 2.0 * xp.sum(U[:, d:] * E[:, d:], axis=0)
    return product + xp.matrix_transpose(product), cross, squares


def moved_to(mean: Array, state: Comoments) -> tuple[Array, Array, Array]:
    """Return ``XX``, ``XY`` and ``YY`` about ``mean``, in units of ``unit``."""
    d, xp = n_features(state), namespace(mean)
    product, cross, squares = _moved(d, ((state, state.mean - mean),))
    yy = state.yy + squares
    return state.xx + product, state.xy + cross, xp.maximum(yy, xp.zeros_like(yy))


def in_units(unit: Array, state: Comoments) -> Comoments:
    """Return a state in other units, which are powers of two."""
    d, by = n_features(state), state.unit / or_one(unit)
    x, y = by[:d], by[d:]
    return state._replace(
        mean=state.mean * by,
        first=state.first * by,
        xx=state.xx * x * x[:, None],
        xy=state.xy * x[:, None] * y,
        yy=state.yy * y * y,
        xx_low=state.xx_low * x * x[:, None],
        xy_low=state.xy_low * x[:, None] * y,
        yy_low=state.yy_low * y * y,
        unit=unit,
    )


def rescale(state: Comoments, rho: Array, delta: Array) -> Comoments:
    """Return the co-moments of features ``(x - delta) / rho``, where ``rho > 0``.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.core.statistics.block_comoments import of_block
    >>> state = of_block(np.asarray([[1.0], [3.0]]))
    >>> mean(rescale(state, np.asarray([4.0]), np.asarray([-6.0])))
    array([2.])
    """
    xp, d, t = namespace(state.mean), n_features(state), n_targets(state)
    ones = xp.ones(t, dtype=state.mean.dtype, device=device(state.mean))
    rho = asarray(rho, like=state.mean)
    power = powers_of_two(rho)
    by, over = xp.concat([rho / power, ones]), xp.concat([power, ones])
    # A feature that is 0 everywhere has no unit until it is moved.
    used = xp.concat([powers_of_two(xp.abs(asarray(delta, like=state.mean))), 0 * ones])
    unit = xp.where(state.unit != 0, state.unit, used)
    delta = xp.concat([asarray(delta, like=state.mean), 0 * ones]) / or_one(unit)
    x, y = by[:d], by[d:]
    return state._replace(
        mean=(state.mean - delta) / by,
        first=state.first / by,
        xx=state.xx / x / x[:, None],
        xy=state.xy / x[:, None] / y,
        xx_low=state.xx_low / x / x[:, None],
        xy_low=state.xy_low / x[:, None] / y,
        unit=unit / over,
    )


def total_weight(state: Comoments) -> Array:
    """Return the sum of the weights, (1,)."""
    return state.weight + state.weight_low


def mean(state: Comoments) -> Array:
    """Return the means of the features and the targets, (d + t,). They are 0 without a row."""
    return (state.mean + state.first / or_one(total_weight(state))) * state.unit


def about_mean(state: Comoments) -> tuple[Array, Array, Array]:
    """Return ``XX``, ``XY`` and ``YY`` about the means, in units of ``unit``.

    Nothing overflows in these units. The diagonal of ``XX`` is not negative.
    """
    d, w = n_features(state), or_one(total_weight(state))
    s, xp = state.first, namespace(state.first)
    xx = state.xx + state.xx_low - s[:d] * (s[:d, None] / w)
    xy = state.xy + state.xy_low - s[:d, None] * (s[d:] / w)
    yy = state.yy + state.yy_low - s[d:] * (s[d:] / w)
    return xx, xy, xp.maximum(yy, xp.zeros_like(yy))


def about_zero(state: Comoments) -> tuple[Array, Array, Array]:
    """Return ``XX``, ``XY`` and ``YY`` about zero, in units of ``unit``."""
    more = _moved(n_features(state), ((state, state.mean),))
    low = state.xx_low, state.xy_low, state.yy_low
    held = state.xx, state.xy, state.yy
    xx, xy, yy = (a + (b + c) for a, b, c in zip(held, more, low, strict=True))
    return xx, xy, yy


def covariance(state: Comoments, *, ddof: float = 0.0) -> Array:
    """Return the covariance matrix of the features, (d, d): sums over ``weight - ddof``.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.core.statistics.block_comoments import of_block
    >>> X = np.asarray([[1e8, 1.0], [1e8 + 1, 2.0], [1e8 + 2, 3.0]])
    >>> covariance(of_block(X), ddof=1)
    array([[1., 1.],
           [1., 1.]])
    """
    unit = state.unit[: n_features(state)]
    return about_mean(state)[0] / or_one(total_weight(state) - ddof) * unit * unit[:, None]
