"""Co-moments of features and of their squares, which merge in any order.

A state holds the co-moments of `streamlearn.core.statistics.comoments`. It also holds two matrices
of sums over rows, of deviations d = x - m from the numbers m of these co-moments::

    C[j, k] = sum a d_j^2 d_k        M[j, k] = sum a d_j^2 d_k^2

About other numbers m - e the deviations are d + e. With v the diagonal of XX, the matrices are::

    C[j, k] <- C + v_j e_k + 2 e_j XX + e_j^2 S1_k + 2 e_j S1_j e_k + W e_j^2 e_k
    M[j, k] <- M + G + G' + 4 e_j e_k XX + 2 e_j S1_j e_k^2 + 2 e_j^2 e_k S1_k + W e_j^2 e_k^2
               with G[j, k] = 2 C e_k + v_j e_k^2

M gives the fourth moments of the lengths of rows after each feature is divided by any number, for
example by its deviation, which is known only at the end. `length_comoments` holds less, for rows
that are not divided.
"""

from __future__ import annotations

from typing import NamedTuple

from streamlearn._arrays import (
    Array,
    device,
    namespace,
    powers_of_two,
    square_products,
    widest_float,
)
from streamlearn.core.learner import Learner
from streamlearn.core.mergeable import mergeable
from streamlearn.core.statistics import block_comoments, comoments, with_comoments
from streamlearn.core.statistics.comoments import Comoments
from streamlearn.core.statistics.moments import or_one, two_part_sum
from streamlearn.core.statistics.with_comoments import Params


class SquareComoments(NamedTuple):
    """Weighted co-moments of d features without targets, and of their squares.

    Attributes
    ----------
    comoments : Comoments
    mixed : array of shape (d, d)
        C, in units of ``u[j]**2 * u[k]`` with ``u = units(comoments)``.
    squares : array of shape (d, d)
        M, in units of ``u[j]**2 * u[k]**2``.
    mixed_low, squares_low : arrays
        The rounding errors of the sums, which have to be added to them.
    """

    comoments: Comoments
    mixed: Array
    squares: Array
    mixed_low: Array
    squares_low: Array


def units(of: Comoments) -> Array:
    """Return powers of two near the deviations of the features, (d,), 0 for constant features."""
    xp = namespace(of.xx)
    mean_square = xp.linalg.diagonal(of.xx) / or_one(of.weight)
    deviation = xp.sqrt(xp.maximum(mean_square, xp.zeros_like(mean_square)))
    return powers_of_two(deviation) * of.unit


def init(n_features: int, *, like: Array) -> SquareComoments:
    """Return the state of no rows, in the library and on the device of ``like``."""
    shape, dtype = (n_features, n_features), widest_float(like)
    zeros = namespace(like).zeros(shape, dtype=dtype, device=device(like))
    return SquareComoments(comoments.init(n_features, like=like), zeros, zeros, zeros, zeros)


def of_block(X: Array, weight: Array | None = None) -> SquareComoments:
    """Return the state of a block of dense rows (n_rows, d), whose weights are 0 or more.

    Examples
    --------
    >>> import numpy as np
    >>> state = of_block(np.asarray([[1e8 - 3, 4.0], [1e8 + 3, 12.0]]))
    >>> state.squares * units(state.comoments)**2 * units(state.comoments)[:, None]**2
    array([[162., 288.],
           [288., 512.]])
    """
    if not X.shape[0]:
        return init(X.shape[1], like=X)
    found = block_comoments.of_block(X, weight)
    mixed, squares = square_products(X, found.mean * found.unit, or_one(units(found)), weight)
    return SquareComoments(found, mixed, squares, 0.0 * mixed, 0.0 * squares)


def merge(a: SquareComoments, b: SquareComoments) -> SquareComoments:
    """Return the state of the rows of both. It is exact up to rounding."""
    both = comoments.merge(a.comoments, b.comoments)
    unit = or_one(units(both))
    (C_a, M_a, *low_a), (C_b, M_b, *low_b) = (
        _moved(state, _less(state.comoments, both, unit), unit) for state in (a, b)
    )
    mixed, mixed_low = two_part_sum(C_a, C_b, low_a[0] + low_b[0])
    squares, squares_low = two_part_sum(M_a, M_b, low_a[1] + low_b[1])
    return SquareComoments(both, mixed, squares, mixed_low, squares_low)


def squares(state: SquareComoments) -> Array:
    """Return M about the mean, (d, d), in units of ``u[j]**2 * u[k]**2``; see `units`."""
    of = state.comoments
    unit = or_one(units(of))
    e = -of.first / or_one(comoments.total_weight(of)) * (of.unit / unit)
    _, found, _, low = _moved(state, e, unit)
    return found + low


def _less(of: Comoments, other: Comoments, unit: Array) -> Array:
    """Return the difference of the two m, (d,), in ``unit``."""
    return of.mean * (of.unit / unit) - other.mean * (other.unit / unit)


def _moved(state: SquareComoments, e: Array, unit: Array) -> tuple[Array, Array, Array, Array]:
    """Return C, M and their rounding errors for deviations d + e, with e in ``unit``."""
    xp, of = namespace(e), state.comoments
    power, scale = units(of) / unit, of.unit / unit
    of_squares = (power * power)[:, None]
    C, M, C_low, M_low = (
        state.mixed * of_squares * power,
        state.squares * of_squares * (power * power),
        state.mixed_low * of_squares * power,
        state.squares_low * of_squares * (power * power),
    )
    XX, S1 = of.xx * scale * scale[:, None], of.first * scale
    v, W = xp.linalg.diagonal(XX)[:, None], of.weight
    e_j, ee, eS1 = e[:, None], e * e, e * S1
    G = 2.0 * C * e + v * ee
    both = 2.0 * eS1[:, None] * ee  # and the same with j and k exchanged
    more = G + xp.matrix_transpose(G) + 4.0 * XX * (e_j * e) + (both + xp.matrix_transpose(both))
    M, M_low = two_part_sum(M, more + W * ee[:, None] * ee, M_low)
    more = v * e + 2.0 * XX * e_j + ee[:, None] * S1 + (2.0 * eS1 + W * ee)[:, None] * e
    C, C_low = two_part_sum(C, more, C_low)
    return C, M, C_low, M_low


def rescale(state: SquareComoments, rho: Array, delta: Array) -> SquareComoments:
    """Return the state of features ``(x - delta) / rho``, where ``rho > 0``.

    Examples
    --------
    >>> import numpy as np
    >>> state = of_block(np.asarray([[1.0], [3.0], [8.0]]))
    >>> there = of_block(np.asarray([[0.0], [0.5], [1.75]]))
    >>> here = rescale(state, np.asarray([4.0]), np.asarray([1.0]))
    >>> bool(np.allclose(squares(here), squares(there)))
    True
    """
    of = comoments.rescale(state.comoments, rho, delta)
    by = units(state.comoments) / rho / or_one(units(of))
    squared = (by * by)[:, None]
    return SquareComoments(
        of,
        state.mixed * squared * by,
        state.squares * squared * (by * by),
        state.mixed_low * squared * by,
        state.squares_low * squared * (by * by),
    )


def _init(params: Params, n_features: int, n_outputs: int = 1, *, like: Array) -> SquareComoments:
    return init(n_features, like=like)


def _of_block(params: Params, X: Array, weight: Array | None = None) -> SquareComoments:
    return of_block(X, weight)


def _rescale(params: Params, state: SquareComoments, rho: Array, delta: Array) -> SquareComoments:
    return rescale(state, rho, delta)


def learner() -> Learner:
    """Return a mergeable learner of co-moments of features and of squares, which centres rows."""
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
        rescale=_rescale,
    )
