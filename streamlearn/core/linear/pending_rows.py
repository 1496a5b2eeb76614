"""A sum of ``h z z'`` over rows z, whose product is put off until it has many rows.

The sum is a matrix with D^2 entries for each column. To multiply, to add or to send it costs as
much for a few rows as for hundreds. So few rows stay rows. When two sums are merged, their rows are
joined, and once there are D / 2 of them, one product adds them to the matrix.
"""

from __future__ import annotations

from typing import NamedTuple

from streamlearn._arrays import Array, concat
from streamlearn.core.linear.curvature import products


class PendingRows(NamedTuple):
    """The sum of a matrix and of ``h z z'`` over pending rows.

    Attributes
    ----------
    matrix : array of shape (K, D, D), or None
        None means 0.
    Z : array of shape (k, D)
        The pending rows.
    h : array of shape (k, K)
    """

    matrix: Array | None
    Z: Array
    h: Array


def of_rows(Z: Array, h: Array) -> PendingRows:
    """Return the sum over rows Z (k, D) with factors h (k, K)."""
    return _settled(PendingRows(None, Z, h))


def merge(a: PendingRows, b: PendingRows) -> PendingRows:
    """Return the sum of both."""
    matrix = b.matrix if a.matrix is None else _plus(a.matrix, b.matrix)
    return _settled(PendingRows(matrix, concat([a.Z, b.Z]), concat([a.h, b.h])))


def total(a: PendingRows) -> Array:
    """Return the sum as a matrix, (K, D, D)."""
    return _plus(products(a.Z, a.h), a.matrix)


def _settled(a: PendingRows) -> PendingRows:
    k, D = a.Z.shape
    if 2 * k < D:
        return a
    return PendingRows(total(a), a.Z[:0, :], a.h[:0, :])


def _plus(a: Array, b: Array | None) -> Array:
    return a if b is None else a + b
