"""A sum of ``h z z'`` over rows z, whose product is put off until there are many rows.

The sum is a matrix with D^2 entries for each column. To multiply, to add or to send it costs as
much for a few rows as for hundreds. So few rows stay rows. When two sums are merged, their rows
come together, and once there are D / 4 of them, one product adds them to the matrix.
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
    pending : tuple of (array of shape (k, D), array of shape (k, K))
        Rows z and their factors h, in parts.
    """

    matrix: Array | None
    pending: tuple[tuple[Array, Array], ...]


def of_rows(Z: Array, h: Array) -> PendingRows:
    """Return the sum over rows Z (k, D) with factors h (k, K)."""
    return _settled(PendingRows(None, ((Z, h),)))


def merge(a: PendingRows, b: PendingRows) -> PendingRows:
    """Return the sum of both."""
    matrix = b.matrix if a.matrix is None else _plus(a.matrix, b.matrix)
    return _settled(PendingRows(matrix, a.pending + b.pending))


def total(a: PendingRows) -> Array:
    """Return the sum as a matrix, (K, D, D)."""
    if a.matrix is not None and not a.pending:
        return a.matrix
    Z, h = (p[0] if len(p) == 1 else concat(list(p)) for p in zip(*a.pending, strict=True))
    return _plus(products(Z, h), a.matrix)


def _settled(a: PendingRows) -> PendingRows:
    k = sum(Z.shape[0] for Z, _ in a.pending)
    if not k or 4 * k < a.pending[0][0].shape[1]:
        return a
    return PendingRows(total(a), ())


def _plus(a: Array, b: Array | None) -> Array:
    return a if b is None else a + b
