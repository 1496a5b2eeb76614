"""Sums of third and fourth powers of columns that are shifted first, in slices that fit a cache."""

from __future__ import annotations

import numpy as np

from streamlearn._arrays.columns import _deviations_by_slice, _floats
from streamlearn._arrays.library import Array, device, namespace
from streamlearn._arrays.products import over_rows, weighted_sums


def length_sums(
    X: Array, shift: Array, unit: Array, weight: Array | None = None
) -> tuple[Array, Array]:
    """Return the sums of ``a |d|^2 d``, (d,), and of ``a |d|^4``, (1,).

    The deviations are ``d = (x - shift) / unit``.

    Parameters
    ----------
    X : array of shape (n_rows, d)
    shift : array of shape (d,)
        The sums are computed in its dtype.
    unit : array of shape (1,)
        A power of two.
    weight : array of shape (n_rows,), optional
        The weights a of the rows, 0 or more.

    Examples
    --------
    >>> X = np.asarray([[3.0, 4.0], [0.0, 1.0]])
    >>> length_sums(X, np.zeros(2), np.ones(1))
    (array([ 75., 101.]), array([626.]))
    """
    xp = namespace(shift)
    cubic = xp.zeros_like(shift)
    quartic = xp.zeros(1, dtype=shift.dtype, device=device(shift))
    for at, D in _deviations_by_slice(X, shift):
        D = D / unit
        square = np.einsum("ij,ij->i", D, D) if isinstance(D, np.ndarray) else xp.sum(D * D, axis=1)
        by = square if weight is None else square * _floats(weight[at], shift.dtype)
        cubic = cubic + over_rows(by, D)
        quartic = quartic + xp.sum(by * square)
    return cubic, quartic


def square_products(
    X: Array, shift: Array, unit: Array, weight: Array | None = None
) -> tuple[Array, Array]:
    """Return the sums of ``a d_j^2 d_k`` and of ``a d_j^2 d_k^2``, both (d, d).

    The deviations are ``d = (x - shift) / unit``.

    Parameters
    ----------
    X : array of shape (n_rows, d)
    shift : array of shape (d,)
        The sums are computed in its dtype.
    unit : array of shape (d,)
        Powers of two.
    weight : array of shape (n_rows,), optional
        The weights a of the rows, 0 or more.

    Examples
    --------
    >>> square_products(np.asarray([[2.0, 3.0]]), np.zeros(2), np.ones(2))
    (array([[ 8., 12.],
           [18., 27.]]), array([[16., 36.],
           [36., 81.]]))
    """
    xp, d = namespace(shift), shift.shape[0]
    mixed = squares = xp.zeros((d, d), dtype=shift.dtype, device=device(shift))
    for at, D in _deviations_by_slice(X, shift):
        D = D / unit
        S = D * D
        if weight is not None:
            # Roots of weights keep the product one of a matrix with itself.
            root = xp.sqrt(_floats(weight[at], shift.dtype))[:, None]
            D, S = D * root, S * root
        mixed = mixed + weighted_sums(S, D)
        squares = squares + weighted_sums(S, S)
    return mixed, squares
