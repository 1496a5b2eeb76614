"""Co-moments of features, and the fourth moments of the lengths of rows, which merge in any order.

A state holds the co-moments of `streamlearn.core.statistics.comoments`. It also holds two sums over
rows, of deviations d = x - m from the numbers m of these co-moments::

    T = sum a |d|^2 d        Q = sum a |d|^4

About other numbers m - e the deviations are d + e, and with t = trace(XX) the sums are::

    Q <- Q + 4 e'T + 2 (e'e) t + 4 e' XX e + 4 (e'e) (e'S1) + W (e'e)^2
    T <- T + 2 XX e + t e + (e'e) S1 + 2 (e'S1) e + W (e'e) e

So two states merge without a look at the rows. Rows lie around m, so that Q never grows by less
than it loses to rounding: a sum about m is at most 16 times that about any other numbers.

Ledoit and Wolf's shrinkage [1]_ is a function of Q about the mean and of the covariance.

References
----------
.. [1] O. Ledoit and M. Wolf, "A well-conditioned estimator for large-dimensional covariance
   matrices", Journal of Multivariate Analysis 88(2), 2004.
"""

from __future__ import annotations

from typing import NamedTuple

from streamlearn._arrays import Array, device, length_sums, namespace, powers_of_two, widest_float
from streamlearn.core.learner import Learner
from streamlearn.core.mergeable import mergeable
from streamlearn.core.statistics import block_comoments, comoments, with_comoments
from streamlearn.core.statistics.comoments import Comoments
from streamlearn.core.statistics.moments import or_one, two_part_sum
from streamlearn.core.statistics.with_comoments import Params


class LengthComoments(NamedTuple):
    """Weighted co-moments of d features without targets, and moments of the lengths of rows.

    Attributes
    ----------
    comoments : Comoments
    cubic : array of shape (d,)
        T, in units of ``size(comoments)**3``.
    quartic : array of shape (1,)
        Q, in units of ``size(comoments)**4``.
    cubic_low, quartic_low : arrays
        The rounding errors of the sums, which have to be added to them.
    """

    comoments: Comoments
    cubic: Array
    quartic: Array
    cubic_low: Array
    quartic_low: Array


def size(of: Comoments) -> Array:
    """Return the unit of lengths, (1,): a power of two near the largest deviation of a feature.

    It is 0 if no row deviates.
    """
    xp = namespace(of.xx)
    mean_square = xp.linalg.diagonal(of.xx) / or_one(of.weight)
    deviation = xp.sqrt(xp.maximum(mean_square, xp.zeros_like(mean_square)))
    return xp.max(powers_of_two(deviation) * of.unit, axis=0, keepdims=True)


def init(n_features: int, *, like: Array) -> LengthComoments:
    """Return the state of no rows, in the library and on the device of ``like``."""
    xp, how = namespace(like), {"dtype": widest_float(like), "device": device(like)}
    cubic, quartic = xp.zeros(n_features, **how), xp.zeros(1, **how)
    return LengthComoments(comoments.init(n_features, like=like), cubic, quartic, cubic, quartic)


def of_block(X: Array, weight: Array | None = None) -> LengthComoments:
    """Return the state of a block of dense rows (n_rows, d), whose weights are 0 or more."""
    if not X.shape[0]:
        return init(X.shape[1], like=X)
    found = block_comoments.of_block(X, weight)
    sums = length_sums(X, found.mean * found.unit, or_one(size(found)), weight)
    zeros = (0.0 * found.mean, 0.0 * found.weight)
    return LengthComoments(found, *sums, *zeros)


def merge(a: LengthComoments, b: LengthComoments) -> LengthComoments:
    """Return the state of the rows of both. It is exact up to rounding."""
    both = comoments.merge(a.comoments, b.comoments)
    unit = or_one(size(both))
    parts = [_moved(state, _less(state.comoments, both, unit), unit) for state in (a, b)]
    (cubic_a, quartic_a, *low_a), (cubic_b, quartic_b, *low_b) = parts
    cubic, cubic_low = two_part_sum(cubic_a, cubic_b, low_a[0] + low_b[0])
    quartic, quartic_low = two_part_sum(quartic_a, quartic_b, low_a[1] + low_b[1])
    return LengthComoments(both, cubic, quartic, cubic_low, quartic_low)


def about_mean(state: LengthComoments, unit: Array) -> tuple[Array, Array]:
    """Return T (d,) and Q (1,) about the mean, in ``unit``, a power of two (1,).

    Examples
    --------
    >>> import numpy as np
    >>> about_mean(of_block(np.asarray([[1e8 - 3, 4.0], [1e8 + 3, 12.0]])), np.ones(1))
    (array([0., 0.]), array([1250.]))
    """
    of = state.comoments
    e = -of.first / or_one(comoments.total_weight(of)) * (of.unit / unit)
    T, Q, T_low, Q_low = _moved(state, e, unit)
    return T + T_low, Q + Q_low


def _less(of: Comoments, other: Comoments, unit: Array) -> Array:
    """Return the difference of the two m, (d,), in ``unit``."""
    return of.mean * (of.unit / unit) - other.mean * (other.unit / unit)


def _moved(state: LengthComoments, e: Array, unit: Array) -> tuple[Array, Array, Array, Array]:
    """Return T, Q and their rounding errors for deviations d + e, with e in ``unit``."""
    xp, of = namespace(e), state.comoments
    power, scale = size(of) / unit, of.unit / unit
    T, Q, T_low, Q_low = (
        state.cubic * power**3,
        state.quartic * power**4,
        state.cubic_low * power**3,
        state.quartic_low * power**4,
    )
    S1 = of.first * scale
    along = ((of.xx * scale) @ e) * scale  # XX e
    t = xp.sum(xp.linalg.diagonal(of.xx) * scale * scale)
    ee, eS1 = xp.sum(e * e), xp.sum(e * S1)
    more = 4.0 * xp.sum(e * T) + 2.0 * ee * t + 4.0 * xp.sum(e * along) + 4.0 * ee * eS1
    Q, Q_low = two_part_sum(Q, more + of.weight * ee * ee, Q_low)
    more = 2.0 * along + t * e + ee * S1 + 2.0 * eS1 * e + of.weight * ee * e
    T, T_low = two_part_sum(T, more, T_low)
    return T, Q, T_low, Q_low


def _init(params: Params, n_features: int, n_outputs: int = 1, *, like: Array) -> LengthComoments:
    return init(n_features, like=like)


def _of_block(params: Params, X: Array, weight: Array | None = None) -> LengthComoments:
    return of_block(X, weight)


def learner() -> Learner:
    """Return a mergeable learner of co-moments and of the lengths of rows, which centres rows."""
    return mergeable(
        Params(),
        init=_init,
        of_block=_of_block,
        merge=merge,
        applied=with_comoments.applied,
        n_features=with_comoments.n_features,
        is_finite=with_comoments.is_finite,
        is_clean=with_comoments.is_clean,
        is_empty=with_comoments.is_empty,
    )
