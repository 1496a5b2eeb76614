"""Products with rows and sums over them, each in the way its library does fastest."""

from __future__ import annotations

import numpy as np
from scipy.linalg.blas import dtrsv, strsv
from scipy.sparse import csc_array

from streamlearn._arrays import sparse
from streamlearn._arrays.library import Array, device, is_sparse, namespace, widest_float

MANY_LABELS = 64
"""Labels beyond which sums of rows by label are faster by sorting than by a product.

Measured on 4,096 x 20 float64, one core, microseconds by product and by sorting: torch 415 and 1808
for 16 labels, 993 and 362 for 64, 7015 and 580 for 256; JAX 276 and 2838, 786 and 1978, 9570 and
2384.
"""


def linear_predictor(X: Array, W: Array) -> Array:
    """Return ``X @ W.T``: (m, d) rows times (k, d) columns, as (m, k)."""
    if is_sparse(X):
        return sparse.linear_predictor(X, W)
    return X @ W.T


def scores_plus(X: Array, W: Array, b: Array) -> Array:
    """Return ``X @ W.T + b``, (m, k), for columns W (k, d) and b (k,)."""
    P = linear_predictor(X, W)
    same = isinstance(P, np.ndarray) and P.dtype == b.dtype
    return each_row(np.add, P, b, P) if same else P + b


def sums_by_label(labels: Array, n_labels: int, X: Array, weight: Array) -> tuple[Array, Array]:
    """Return for each label the sum of weight times row, (k, d), and the sum of the weights, (k,).

    NumPy's sums are in at least the dtype of ``weight``.
    """
    if isinstance(X, np.ndarray):
        ends = np.arange(X.shape[0] + 1)
        rows = csc_array((weight, labels, ends), shape=(n_labels, X.shape[0]))
        return rows @ X, np.bincount(labels, weights=weight, minlength=n_labels)
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


def weighted_sums(G: Array, X: Array) -> Array:
    """Return ``G.T @ X``: (m, k) weights on (m, d) rows, as (k, d)."""
    return over_rows(G.T, X)


def over_rows(A: Array, X: Array) -> Array:
    """Return ``A @ X``, a sum over the rows of X, of at most two dimensions.

    NumPy's ``@`` goes by the size of the result to decide whether other threads may run meanwhile,
    and keeps them all waiting for a sum over millions of rows; its ``dot`` never does. In a fit
    that loads beside learning this costs 1.2 times the time.
    """
    if is_sparse(X):
        return sparse.over_rows(A, X)
    return np.dot(A, X) if isinstance(X, np.ndarray) else A @ X


def apart(a: Array, b: Array, *, measured: bool) -> tuple[float, float]:
    """Return the largest magnitudes in a - b and in a, read back to the host.

    Unless it is to be ``measured``, whatever is not the same bits may be infinitely far.
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


def row_products(X: Array, left: Array | None = None, right: Array | None = None) -> Array:
    """Return the products of all pairs of rows, (m, m), times factors (m, 1) of both if given.

    Also of sparse rows.
    """
    if left is None or right is None:
        return sparse.dense(X @ X.T) if is_sparse(X) else X @ X.T
    if is_sparse(X):
        return left * sparse.dense(X @ X.T) * right.T
    return (X * left) @ (X * right).T


def solve_unit_lower(L: Array, b: Array) -> Array:
    """Return the x (m, 1) of ``(I + L) x = b`` for strictly lower triangular L (m, m)."""
    if isinstance(L, np.ndarray):
        solve = strsv if L.dtype == np.float32 else dtrsv
        return solve(L.T, b[:, 0], lower=0, trans=1, diag=1)[:, None]
    xp = namespace(L)
    return xp.linalg.solve(xp.eye(L.shape[0], dtype=L.dtype, device=device(L)) + L, b)


def column_sums(G: Array) -> Array:
    """Return the sums of (m, k) over its rows, as (k,).

    A product, because NumPy takes six times as long to add up a few columns.
    """
    if isinstance(G, np.ndarray):
        # without wrappers, which take as long as some 500 rows
        return np.add.reduce(G) if G.shape[1] == 1 else np.dot(np.ones(G.shape[0], G.dtype), G)
    if G.shape[1] == 1 and not is_sparse(G):
        return namespace(G).sum(G, axis=0)
    ones = namespace(G).ones((1, G.shape[0]), dtype=G.dtype, device=device(G))[0, :]
    return over_rows(ones, G)


def each_row(ufunc: np.ufunc, X: np.ndarray, row: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Return ``ufunc(X, row)`` in the contiguous ``out``, sixteen rows as one where they can be.

    NumPy starts its inner loop anew for every row, and with 20 features that is half of the time.
    """
    m, d = X.shape
    k = 16 if m % 16 == 0 and X.flags.c_contiguous else 1
    shape = (m // k, k * d)
    ufunc(X.reshape(shape), np.tile(row, k), out=out.reshape(shape))
    return out
