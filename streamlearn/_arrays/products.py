"""Products with rows and sums over rows, each in the way that is fastest in its library."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg.blas import dtrsv, strsv

from streamlearn._arrays import sparse
from streamlearn._arrays.library import Array, device, is_sparse, namespace, widest_float
from streamlearn._arrays.order import places

MANY_LABELS = 64
"""Number of labels beyond which `sums_by_label` sorts the rows. Up to it, a product is faster.

Measured on 4,096 x 20 float64 and one core, in microseconds by product and by sorting. torch: 415
and 1808 for 16 labels, 993 and 362 for 64, 7015 and 580 for 256. JAX: 276 and 2838, 786 and 1978,
9570 and 2384.
"""


LABELS_AT_ONCE = 1 << 22
"""Numbers of the rows times labels that `weights_by_label` compares at a time."""

FEWEST_ROWS = 8
"""The smallest number of rows that it compares at a time: few arrays of the size of its result."""

STACKED = 1 << 13
"""Numbers of a matrix whose product with a vector OpenBLAS computes on one thread."""


def linear_predictor(X: Array, W: Array) -> Array:
    """Return ``X @ W.T``, (m, k), for rows X (m, d) and coefficients W (k, d).

    NumPy rows of up to 128 features are multiplied by a vector in parts that BLAS does not spread
    over threads. It reads each number once, and gains nothing. But where several threads call it,
    its own threads wait for each other: 33,333 x 20 took 4 ms of CPU instead of 0.1.
    """
    if is_sparse(X):
        return sparse.linear_predictor(X, W)
    if type(X) is np.ndarray and W.shape[0] == 1 and X.flags.c_contiguous:
        (m, d), k = X.shape, STACKED // max(X.shape[1], 64)
        if d <= 128 and m > k:
            P, whole = np.empty((m, 1), np.result_type(X, W)), m - m % k
            np.matmul(X[:whole, :].reshape(-1, k, d), W.T, out=P[:whole, :].reshape(-1, k, 1))
            np.matmul(X[whole:, :], W.T, out=P[whole:, :])
            return P
    return X @ W.T


def scores_plus(X: Array, W: Array, b: Array) -> Array:
    """Return ``X @ W.T + b``, (m, k), for rows X (m, d), coefficients W (k, d) and b (k,)."""
    P = linear_predictor(X, W)
    same = isinstance(P, np.ndarray) and P.dtype == b.dtype
    return each_row(np.add, P, b, P) if same else P + b


def sums_by_label(labels: Array, n_labels: int, X: Array, weight: Array) -> tuple[Array, Array]:
    """Return for each label the sum of weight times row, (k, d), and the sum of the weights, (k,).

    In NumPy the sums have at least the precision of ``weight``.
    """
    if is_sparse(X):
        total = sparse.sums_by_label(labels, n_labels, X, weight)
        return total, np.bincount(labels, weights=weight, minlength=n_labels)
    if isinstance(X, np.ndarray):
        chosen = sparse.weight_of_label(labels, n_labels, weight)
        return chosen @ X, np.bincount(labels, weights=weight, minlength=n_labels)
    xp, dtype = namespace(X), widest_float(X)
    known = xp.arange(n_labels, dtype=labels.dtype, device=device(labels))
    if n_labels <= MANY_LABELS or xp.finfo(dtype).bits < 64:
        chosen = xp.astype(labels[:, None] == known, X.dtype) * weight[:, None]
        return weighted_sums(chosen, X), column_sums(chosen)
    order = xp.argsort(labels)
    ends = xp.searchsorted(xp.take(labels, order), known, side="right")
    weight = xp.astype(weight, dtype)
    both = xp.concat([xp.astype(X, dtype) * weight[:, None], weight[:, None]], axis=1)
    until = xp.cumulative_sum(xp.take(both, order, axis=0), axis=0, include_initial=True)
    until = xp.take(until, ends, axis=0)
    sums = xp.concat([until[:1, :], until[1:, :] - until[:-1, :]])
    return sums[:, :-1], sums[:, -1]


def weights_by_label(labels: Array, n_labels: int, weight: Array | None, dtype: Any) -> Array:
    """Return the sum of the weights of each label, (k,), in ``dtype``. Without weights each is 1.

    Examples
    --------
    >>> weights_by_label(np.asarray([2, 0, 2]), 3, None, np.float64)
    array([1., 0., 2.])
    """
    if isinstance(labels, np.ndarray):
        return np.bincount(labels, weights=weight, minlength=n_labels).astype(dtype, copy=False)
    xp, here = namespace(labels), device(labels)
    known = xp.arange(n_labels, dtype=labels.dtype, device=here)
    many = n_labels > MANY_LABELS
    if weight is None and many:  # counts are exact in any dtype
        in_order = xp.sort(labels)[None, :]
        first, end = (
            places(in_order, known[None, :], after=after)[0, :] for after in (False, True)
        )
        return xp.astype(end - first, dtype)
    if weight is None:
        weight = xp.ones(labels.shape[0], dtype=dtype, device=here)
    weight = xp.astype(weight, dtype, copy=False)
    if not many or xp.finfo(dtype).bits < 64:
        total = xp.zeros(n_labels, dtype=dtype, device=here)
        rows = max(FEWEST_ROWS, LABELS_AT_ONCE // n_labels)
        for start in range(0, labels.shape[0], rows):
            at = slice(start, min(start + rows, labels.shape[0]))
            total = total + over_rows(weight[at], xp.astype(labels[at, None] == known, dtype))
        return total
    order = xp.argsort(labels)
    in_order = xp.take(labels, order)
    first, end = (xp.searchsorted(in_order, known, side=side) for side in ("left", "right"))
    until = xp.cumulative_sum(xp.take(weight, order), axis=0, include_initial=True)
    return xp.take(until, end) - xp.take(until, first)


def summed(x: Array, axis: int | None = None) -> Array:
    """Return the sum of floats along an axis, or of all of them.

    NumPy's own functions for it take 1 us more, as long as the sum of 500 rows.
    """
    return np.add.reduce(x, axis) if isinstance(x, np.ndarray) else namespace(x).sum(x, axis=axis)


def weighted_sums(G: Array, X: Array) -> Array:
    """Return ``G.T @ X``, (k, d), for weights G (m, k) and rows X (m, d)."""
    return over_rows(G.T, X)


def weighted_products(Z: Array, h: Array) -> Array:
    """Return ``Z' diag(h) Z`` for each column of weights h (m, k), for rows Z (m, d): (k, d, d)."""
    xp = namespace(Z)
    R = xp.sqrt(xp.matrix_transpose(h))[:, :, None] * Z
    return xp.matrix_transpose(R) @ R


def over_rows(A: Array, X: Array) -> Array:
    """Return ``A @ X``, a sum over the rows of X, for A (m,) or (k, m).

    NumPy's ``@`` releases the interpreter lock only if the result is large. All other threads would
    wait for a sum over millions of rows. ``np.dot`` always releases it. With ``@`` a fit that loads
    while it learns takes 1.2 times as long.
    """
    if is_sparse(X):
        return sparse.over_rows(A, X)
    return np.dot(A, X) if isinstance(X, np.ndarray) else A @ X


def transposed_product(X: Array, G: Array) -> Array:
    """Return ``X.T @ G``, (d, k), for rows X (m, d), which may be sparse, and G (m, k)."""
    return X.T @ G if is_sparse(X) else over_rows(namespace(X).matrix_transpose(X), G)


def apart(a: Array, b: Array, *, measured: bool) -> tuple[float, float]:
    """Return the largest magnitudes in a - b and in a, as floats on the host.

    If not ``measured``, the result may be ``(inf, 0.0)`` for all arrays that differ in any bit.
    """
    if isinstance(a, np.ndarray):
        if a.tobytes() == b.tobytes():  # in a quarter of the time of a comparison
            return 0.0, 0.0
        return (np.abs(a - b).max(), np.abs(a).max()) if measured else (np.inf, 0.0)
    xp = namespace(a)
    return float(xp.max(xp.abs(a - b))), float(xp.max(xp.abs(a)))


def row_squares(X: Array) -> Array:
    """Return the squared length of each row, (m, 1)."""
    if is_sparse(X):
        return sparse.row_squares(X)[:, None]
    return namespace(X).sum(X * X, axis=1, keepdims=True)


def sparse_squared_distances(X: Array, P: Array, at: Array) -> Array:
    """Return the squared distance of each sparse row to one of the rows of P (k, d), (m,).

    ``at`` (m,) has the number of the row of P for each row of X.
    """
    return sparse.squared_distances(X, P, at)


def row_products(X: Array, left: Array | None = None, right: Array | None = None) -> Array:
    """Return ``(left * X) @ (right * X).T``, (m, m): the scalar products of all pairs of rows.

    ``left`` and ``right`` are factors (m, 1). If either is None, both are 1. X may be sparse.
    """
    if left is None or right is None:
        return sparse.dense(X @ X.T) if is_sparse(X) else X @ X.T
    if is_sparse(X):
        return left * sparse.dense(X @ X.T) * right.T
    return (X * left) @ (X * right).T


def solve_unit_lower(L: Array, b: Array) -> Array:
    """Return the solution x (m, 1) of ``(I + L) x = b`` for strictly lower triangular L (m, m)."""
    if isinstance(L, np.ndarray):
        solve = strsv if L.dtype == np.float32 else dtrsv
        return solve(L.T, b[:, 0], lower=0, trans=1, diag=1)[:, None]
    xp = namespace(L)
    return xp.linalg.solve(xp.eye(L.shape[0], dtype=L.dtype, device=device(L)) + L, b)


def row_sums(X: Array) -> Array:
    """Return the sums of X (m, d) over its columns, (m,)."""
    # np.sum and other wrappers take as long as the sum of about 500 numbers
    return np.add.reduce(X, axis=1) if isinstance(X, np.ndarray) else namespace(X).sum(X, axis=1)


def column_sums(G: Array) -> Array:
    """Return the sums of G (m, k) over its rows, (k,).

    They are computed by a product: NumPy's sum takes six times as long for a few columns.
    """
    if isinstance(G, np.ndarray):
        return np.add.reduce(G) if G.shape[1] == 1 else np.dot(np.ones(G.shape[0], G.dtype), G)
    if G.shape[1] == 1 and not is_sparse(G):
        return namespace(G).sum(G, axis=0)
    ones = namespace(G).ones((1, G.shape[0]), dtype=G.dtype, device=device(G))[0, :]
    return over_rows(ones, G)


def each_row(ufunc: np.ufunc, X: np.ndarray, row: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Return ``ufunc(X, row)`` in the contiguous ``out``, computed on sixteen rows as one.

    NumPy starts its inner loop again for every row, which takes half of the time with 20 features.
    Rows are taken one by one if their number is no multiple of 16, or if X is not contiguous.
    """
    m, d = X.shape
    k = 16 if m % 16 == 0 and X.flags.c_contiguous else 1
    shape = (m // k, k * d)
    ufunc(X.reshape(shape), np.tile(row, k), out=out.reshape(shape))
    return out
