"""Rows ``(X - centre) / scale`` that are never built, and the products of rows in learners.

A product with such rows is a product with X itself: the other factor takes up the scale, and a sum
takes up the centre. So a standardized batch costs as much as a raw batch. It loses rounding in
proportion to ``centre / scale``, and `streamlearn.core.affine_map.AffineMap` decides where it is
used.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from streamlearn import _arrays as backend
from streamlearn._arrays import Array, by_columns, column_sums, namespace, rows_at, runs_at


class Affine(NamedTuple):
    """Rows ``(X - centre) / scale``.

    Attributes
    ----------
    X : array of shape (m, d)
    centre, scale : arrays of shape (d,), or None to leave a step out
    """

    X: Array
    centre: Array | None
    scale: Array | None

    @property
    def shape(self) -> tuple[int, int]:
        """Return ``(m, d)``."""
        return self.X.shape


class Runs(NamedTuple):
    """Rows of an array that are not gathered yet: runs of consecutive rows, one after the other.

    Attributes
    ----------
    X : array of shape (n, d)
    runs : array of int
        Run i begins at row ``i * length``.
    length : int
    """

    X: Array
    runs: Array
    length: int

    @property
    def shape(self) -> tuple[int, int]:
        """Return ``(m, d)``."""
        return self.runs.shape[0] * self.length, self.X.shape[1]


Rows = Any
"""An array of shape (m, d), an `Affine` or `Runs`."""


def stored(rows: Rows) -> Array:
    """Return the array from which the rows are computed."""
    while isinstance(rows, Affine | Runs):
        rows = rows.X
    return rows


def is_sparse(rows: Rows) -> bool:
    """Return whether the rows are sparse: their zeros are not stored."""
    return backend.is_sparse(stored(rows))


def is_scattered(rows: Rows) -> bool:
    """Return whether the rows are not gathered yet."""
    return isinstance(rows.X if isinstance(rows, Affine) else rows, Runs)


def part(rows: Rows, start: int, stop: int) -> Rows:
    """Return consecutive rows. Rows of `Runs` are gathered, and must be whole runs."""
    if isinstance(rows, Affine):
        return rows._replace(X=part(rows.X, start, stop))
    if isinstance(rows, Runs):
        k = rows.length
        return runs_at(rows.X, rows.runs[start // k : stop // k], k)
    return rows_at(rows, slice(start, stop))


def cast(rows: Rows, dtype: Any) -> Rows:
    """Return rows in a floating dtype: themselves if they have it. `Runs` are gathered."""
    if isinstance(rows, Affine):
        return Affine(*(a if a is None else cast(a, dtype) for a in rows))
    if isinstance(rows, Runs):
        rows = part(rows, 0, rows.shape[0])
    return rows if rows.dtype == dtype else backend.cast(rows, dtype)


def pick(rows: Rows, at: Any) -> Array:
    """Return some of the rows as an array."""
    if isinstance(rows, Runs):
        k = rows.length
        return rows_at(rows.X, namespace(rows.runs).take(rows.runs, at // k) * k + at % k)
    if not isinstance(rows, Affine):
        return rows_at(rows, at)
    return by_columns(pick(rows.X, at), ("subtract", rows.centre), ("divide", rows.scale))


def built(rows: Rows) -> Array:
    """Return all rows as an array."""
    if isinstance(rows, Affine):
        return by_columns(built(rows.X), ("subtract", rows.centre), ("divide", rows.scale))
    return part(rows, 0, rows.shape[0]) if isinstance(rows, Runs) else rows


def linear_predictor(rows: Rows, W: Array, b: Array) -> Array:
    """Return ``rows @ W.T + b``, (m, k), for coefficients W (k, d) and intercepts b (k,).

    Examples
    --------
    >>> import numpy as np
    >>> X, W, b = np.asarray([[3.0, 5.0]]), np.asarray([[1.0, 10.0]]), np.zeros(1)
    >>> linear_predictor(Affine(X, np.asarray([1.0, 1.0]), np.asarray([2.0, 4.0])), W, b)
    array([[11.]])
    """
    if not isinstance(rows, Affine):
        return backend.linear_predictor(rows, W) + b
    W = W if rows.scale is None else W / rows.scale
    return backend.linear_predictor(rows.X, W) + (b if rows.centre is None else b - W @ rows.centre)


def weighted_sums(G: Array, rows: Rows) -> Array:
    """Return ``G.T @ rows``, (k, d), for weights G (m, k)."""
    if not isinstance(rows, Affine):
        return backend.weighted_sums(G, rows)
    s = backend.weighted_sums(G, rows.X)
    s = s if rows.centre is None else s - column_sums(G)[:, None] * rows.centre
    return s if rows.scale is None else s / rows.scale
