"""Rows that are mostly zeros: CSR arrays of scipy, and what the numerics need of them.

One kind is known, ``scipy.sparse.csr_array`` with sorted indices and no duplicates; `csr` makes it
of all others. No function here builds the zeros, but for `dense`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse import csr_array


def is_sparse(x: object) -> bool:
    """Tell whether ``x`` is of scipy.sparse, in any format."""
    return sparse.issparse(x)


def csr(x: Any) -> csr_array:
    """Return what scipy.sparse holds in any format as the one kind that is known here.

    The entries are shared where they are in order; ``x`` is never changed.
    """
    X = csr_array(x)
    if X.ndim == 2 and not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return X


def _beside(X: csr_array, data: np.ndarray) -> csr_array:
    """Return other numbers in the places of X's entries."""
    out = csr_array((data, X.indices, X.indptr), shape=X.shape)
    out.has_canonical_format = True
    return out


def cast(X: csr_array, dtype: Any) -> csr_array:
    """Return X in a dtype, itself where it has it."""
    return X if X.dtype == dtype else _beside(X, X.data.astype(dtype))


def dense(X: csr_array) -> np.ndarray:
    """Return X with its zeros: only ever for some of the rows."""
    return X.toarray()


def part(X: csr_array, start: int, stop: int) -> csr_array:
    """Return the rows from ``start`` to ``stop``, whose entries are shared."""
    first, last = X.indptr[start], X.indptr[stop]
    out = csr_array(
        (X.data[first:last], X.indices[first:last], X.indptr[start : stop + 1] - first),
        shape=(stop - start, X.shape[1]),
    )
    out.has_canonical_format = True
    return out


def bytes_of_a_row(X: csr_array) -> int:
    """Return the bytes that the entries of a row take in the mean."""
    return X.nnz * (X.data.itemsize + X.indices.itemsize) // max(1, X.shape[0])


def nbytes(X: csr_array) -> int:
    """Return the bytes of memory that X takes."""
    return X.data.nbytes + X.indices.nbytes + X.indptr.nbytes


def over_rows(A: np.ndarray, X: csr_array) -> np.ndarray:
    """Return ``A @ X`` for A (m,) or (k, m), as (d,) or (k, d)."""
    if A.ndim == 1:
        return X.T @ A
    if A.shape[0] == 1:
        return (X.T @ A[0])[None, :]
    return np.ascontiguousarray((X.T @ A.T).T)


def scores(X: csr_array, W: np.ndarray) -> np.ndarray:
    """Return ``X @ W.T`` for W (k, d), as (m, k)."""
    return (X @ W[0])[:, None] if W.shape[0] == 1 else X @ W.T


def of_entries(X: csr_array, function: Callable, *rows: np.ndarray) -> csr_array:
    """Return X with ``function(x, row[j], ...)`` for each entry x of column j that is stored."""
    return _beside(X, function(X.data, *(row.take(X.indices, mode="clip") for row in rows)))


def counts(X: csr_array) -> np.ndarray:
    """Return how many entries each column has stored, (d,)."""
    return np.bincount(X.indices, minlength=X.shape[1])


def joined(parts: list[Any], axis: int) -> csr_array:
    """Put rows one after the other (axis 0), or columns (axis 1)."""
    stack = sparse.vstack if axis == 0 else sparse.hstack
    return csr(stack([csr_array(X) for X in parts], format="csr"))
