"""Rows relative to an origin, from which distances lose no digits far from zero.

Dense rows are computed. Sparse rows are not, because they would be dense: each product and each sum
takes up the origin instead.
"""

from __future__ import annotations

from typing import Any

from streamlearn import _arrays as backend
from streamlearn._arrays import Array, by_columns, dense, is_sparse, namespace, rows_at
from streamlearn.core.rows import Affine, Rows, cast


def relative(X: Array, origin: Array | None, dtype: Any) -> Rows:
    """Return rows X (m, d) relative to the origin (d,), in a dtype. None stands for zero."""
    X = cast(X, dtype)
    if origin is None:
        return X
    return Affine(X, origin, None) if is_sparse(X) else by_columns(X, ("subtract", origin))


def terms(D: Rows, W: Array, b: Array) -> tuple[Array, Array, Array]:
    """Return an array X and numbers b' (k,) for which ``X @ W.T + b'`` is ``D @ W.T + b``.

    The result is ``(X, W, b')``, so that it can be the arguments of a function.
    """
    return (D.X, W, b - W @ D.centre) if isinstance(D, Affine) else (D, W, b)


def some(D: Rows, at: Array) -> Array:
    """Return a few of the rows as a dense array."""
    X, origin = (D.X, D.centre) if isinstance(D, Affine) else (D, None)
    rows = dense(rows_at(X, at))
    return rows if origin is None else rows - origin


def products(T: Array, D: Rows) -> Array:
    """Return ``T @ D.T``, (t, m), for a few dense rows T (t, d)."""
    if isinstance(D, Affine):
        return products(T, D.X) - (T @ D.centre)[:, None]
    return backend.linear_predictor(D, T).T if is_sparse(D) else backend.linear_predictor(T, D)


def squares(D: Rows) -> Array:
    """Return the squared length of each row, (m,)."""
    if isinstance(D, Affine):
        xp = namespace(D.X)
        at = xp.zeros(D.shape[0], dtype=backend.default_int(D.X))
        return backend.sparse_squared_distances(D.X, xp.reshape(D.centre, (1, -1)), at)
    return backend.row_squares(D)[:, 0]


def squared_distances_to(B: Array, at: Array, D: Rows) -> Array:
    """Return the squared distance of each row of D to one of the rows of B (k, d), (m,).

    ``at`` (m,) has the number of the row of B for each row of D.
    """
    if isinstance(D, Affine):
        return squared_distances_to(B + D.centre, at, D.X)
    if is_sparse(D):
        return backend.sparse_squared_distances(D, B, at)
    return squares(D - namespace(D).take(B, at, axis=0))


def sums_by_label(labels: Array, n_labels: int, D: Rows, weight: Array) -> tuple[Array, Array]:
    """Return for each label the sum of weight times row, (k, d), and the sum of the weights, (k,).

    The results may have a wider dtype than the rows.
    """
    if isinstance(D, Affine):
        total, counted = backend.sums_by_label(labels, n_labels, D.X, weight)
        return total - counted[:, None] * D.centre, counted
    return backend.sums_by_label(labels, n_labels, D, weight)
