"""Sums of products of columns that are shifted first, in slices that fit a cache.

The product of a slice with itself is one call of BLAS. NumPy sees that both factors are the same
array, and computes half of the products only.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from streamlearn._arrays import sparse
from streamlearn._arrays.columns import _deviations_by_slice, _floats
from streamlearn._arrays.library import Array, batch_rows, device, is_sparse, namespace
from streamlearn._arrays.products import over_rows, weighted_sums

ROWS_AT_ONCE = 1024
"""The smallest number of sparse rows of which some columns are dense at a time."""


class ShiftedProducts(NamedTuple):
    """Weighted sums over rows x of d columns and their targets y, less a shift.

    Attributes
    ----------
    first : array of shape (d + t,)
        The sums of the columns, and then of the targets.
    xx : array of shape (d, d)
        The sums of the products of two columns.
    xy : array of shape (d, t)
        The sums of the products of a column and a target.
    yy : array of shape (t,)
        The sums of the squares of the targets.
    """

    first: Array
    xx: Array
    xy: Array
    yy: Array


def shifted_products(
    X: Array, shift: Array, weight: Array | None = None, Y: Array | None = None
) -> ShiftedProducts:
    """Return the weighted sums of the rows of X and Y, less ``shift``, and of their products.

    They are computed in the dtype of ``shift``.

    Parameters
    ----------
    X : array of shape (n_rows, d), or sparse rows
    shift : array of shape (d + t,)
        The last t numbers are the shift of Y. Sparse X is shifted too. It is made dense where that
        stores fewer than twice as many entries, and the shift of other columns must be 0.
    weight : array of shape (n_rows,), optional
        Row weights, 0 or more.
    Y : array of shape (n_rows, t), optional

    Returns
    -------
    ShiftedProducts

    Examples
    --------
    >>> X = np.asarray([[1.0, 5.0], [3.0, 6.0]])
    >>> shifted_products(X, np.asarray([1.0, 5.0])).xx
    array([[4., 2.],
           [2., 1.]])
    """
    if is_sparse(X):
        return _of_sparse(X, shift, weight, Y)
    xp, d, dtype = namespace(shift), X.shape[1], shift.dtype
    t = shift.shape[0] - d
    here = device(shift)
    first = xp.zeros(d + t, dtype=dtype, device=here)
    xx, xy = (xp.zeros((d, k), dtype=dtype, device=here) for k in (d, t))
    yy = xp.zeros(t, dtype=dtype, device=here)
    ones = xp.ones(X.shape[0] if weight is None else 0, dtype=dtype, device=here)
    for at, D in _deviations_by_slice(X, shift[:d]):
        # Rows times the roots of their weights: the product stays one of a matrix with itself.
        root = ones[: D.shape[0]] if weight is None else xp.sqrt(_floats(weight[at], dtype))
        if weight is not None:
            D = _rows_times(D, root)
        sums = over_rows(root, D)
        xx = _plus(xx, weighted_sums(D, D))
        if t:
            assert Y is not None
            E = (_floats(Y[at, :], dtype) - shift[d:]) * root[:, None]
            sums = xp.concat([sums, over_rows(root, E)])
            xy = xy + weighted_sums(D, E)
            yy = yy + over_rows(ones_like_rows(E), E * E)
        first = first + sums
    return ShiftedProducts(first, xx, xy, yy)


def ones_like_rows(E: Array) -> Array:
    """Return a 1 for each row of E, in its dtype."""
    return namespace(E).ones(E.shape[0], dtype=E.dtype, device=device(E))


def _plus(total: Array, more: Array) -> Array:
    """Return the sum. NumPy's ``total`` is changed."""
    if isinstance(total, np.ndarray):
        return np.add(total, more, out=total)
    return total + more


def _rows_times(D: Array, by: Array) -> Array:
    """Return the rows of D times numbers. NumPy's D is changed."""
    if isinstance(D, np.ndarray):
        return np.multiply(D, by[:, None], out=D)
    return D * by[:, None]


def dense_enough(X: Array) -> Array:
    """Return which columns of sparse ``X`` have an entry in most rows, (d,)."""
    return 2 * sparse.counts(X) > X.shape[0]


def _of_sparse(
    X: Array, shift: np.ndarray, weight: np.ndarray | None, Y: np.ndarray | None
) -> ShiftedProducts:
    """Return the sums of sparse rows. Columns that `dense_enough` names become dense."""
    d = X.shape[1]
    t, full = shift.shape[0] - d, dense_enough(X)
    dtype = shift.dtype
    root = np.ones(X.shape[0], dtype) if weight is None else np.sqrt(weight.astype(dtype))
    these, rest = np.flatnonzero(full), np.flatnonzero(~full)
    k = these.shape[0]
    R = sparse.cast(X[:, rest] if k else X, dtype)
    R = R if weight is None else sparse.rows_times(R, root)
    xx, xy, first = np.empty((d, d), dtype), np.empty((d, t), dtype), np.empty(d + t, dtype)
    dd, rd, sums = np.zeros((k + t, k + t)), np.zeros((d - k, k + t)), np.zeros(k + t)
    size = max(ROWS_AT_ONCE, batch_rows(X)) if k + t else X.shape[0]
    filled = X[:, these] if k else None
    for start in range(0, X.shape[0] if k + t else 0, size):
        at = slice(start, start + size)
        parts = [] if filled is None else [sparse.dense(filled[at, :]).astype(dtype) - shift[these]]
        parts += [] if Y is None else [Y[at].astype(dtype) - shift[d:]]
        D = np.concatenate(parts, axis=1) * root[at, None]
        dd += np.dot(D.T, D)
        rd += R[at, :].T @ D
        sums += root[at] @ D
    xx[np.ix_(these, these)] = dd[:k, :k]
    xx[np.ix_(rest, these)] = rd[:, :k]
    xx[np.ix_(these, rest)] = rd[:, :k].T
    xx[np.ix_(rest, rest)] = sparse.dense(R.T @ R)
    xy[these], xy[rest] = dd[:k, k:], rd[:, k:]
    first[these], first[d:], first[rest] = sums[:k], sums[k:], R.T @ root
    return ShiftedProducts(first, xx, xy, np.diagonal(dd)[k:].copy())
