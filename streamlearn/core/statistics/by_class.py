"""The rows of each class of a block."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from streamlearn._arrays import (
    Array,
    cast,
    device,
    namespace,
    reads_are_free,
    rows_at,
    widest_float,
)

FEW = 1 << 15
"""Codes below this number are sorted as 16-bit integers: NumPy sorts these by counting."""


def rows_by_class(
    X: Array, weight: Array | None, codes: Array, n_classes: int
) -> Iterator[tuple[Array, Array | None]]:
    """Yield the rows of each class and their weights.

    Where reading from a device is free, the rows are gathered. Elsewhere all rows are yielded for
    each class, and the weights of other classes are 0, so that no shape depends on the labels.

    Parameters
    ----------
    X : array of shape (n_rows, n_features), or sparse rows
    weight : array of shape (n_rows,) or None
    codes : array of int of shape (n_rows,)
        The class of each row.
    n_classes : int

    Examples
    --------
    >>> import numpy as np
    >>> X = np.asarray([[1.0], [2.0], [3.0]])
    >>> [rows.tolist() for rows, _ in rows_by_class(X, None, np.asarray([1, 0, 1]), 3)]
    [[[2.0]], [[1.0], [3.0]], []]
    """
    xp = namespace(codes)
    if not reads_are_free(X):
        for number in range(n_classes):
            chosen = cast(codes == number, widest_float(X) if weight is None else weight.dtype)
            yield X, chosen if weight is None else chosen * weight
        return
    small = xp.astype(codes, xp.int16) if n_classes < FEW else codes
    order = xp.argsort(small, stable=True)
    known = xp.arange(n_classes + 1, dtype=small.dtype, device=device(codes))
    edges = [int(edge) for edge in xp.searchsorted(xp.take(small, order), known)]
    in_order = bool(xp.all(order[1:] > order[:-1]))
    for start, stop in pairwise(edges):
        at = slice(start, stop) if in_order else order[start:stop]
        yield rows_at(X, at), None if weight is None else rows_at(weight, at)
