"""Sparse rows: arithmetic on CSR arrays of scipy.

All functions take ``scipy.sparse.csr_array`` with sorted indices and no duplicates. `csr` converts
all other formats to it. `dense` is the only function here that builds the zeros.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from copy import copy
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse import csc_array, csr_array

CENTRED = (
    "Cannot center sparse matrices: pass `with_mean=False` instead. See docstring for motivation "
    "and alternatives."
)
"""Message for an offset added to sparse rows, in scikit-learn's words."""


ROWS_AT_ONCE = 1024
"""Rows that `hstack` writes before it goes to the next rows, so that they fit a cache."""


def is_sparse(x: object) -> bool:
    """Return whether ``x`` is of scipy.sparse, in any format."""
    return sparse.issparse(x)


def csr(x: Any) -> csr_array:
    """Return a sparse array of any format as a ``csr_array`` in canonical format.

    The entries are shared if they are sorted and unique. ``x`` is never changed.
    """
    if isinstance(x, csr_array) and x.ndim == 2 and x.has_canonical_format:
        return x
    X = csr_array(x)
    if X.ndim == 2 and not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return X


def as_given(out: Any, given: Any) -> Any:
    """Return sparse rows as a matrix if ``given`` is a sparse matrix, and all else as it is."""
    made = isinstance(out, csr_array) and isinstance(given, sparse.spmatrix)
    return sparse.csr_matrix(out) if made else out


def made(data: np.ndarray, at: np.ndarray, ends: np.ndarray, columns: int) -> csr_array:
    """Return rows that share these arrays. The constructor would copy slices of an array."""
    out = copy(_empty(csr_array, (ends.shape[0] - 1, columns)))
    out.data, out.indices, out.indptr = data, at, ends
    out.has_canonical_format = True
    return out


def weight_of_label(labels: np.ndarray, n_labels: int, weight: np.ndarray) -> csc_array:
    """Return the matrix (n_labels, m) of the weights (m,), each in the row of its label."""
    out = copy(_empty(csc_array, (n_labels, labels.shape[0])))
    out.data, out.indices = weight, labels
    out.indptr = np.arange(labels.shape[0] + 1, dtype=labels.dtype)
    return out


@lru_cache(maxsize=64)
def _empty(kind: type, shape: tuple[int, int]) -> Any:
    """Return a sparse array to copy and to fill. The constructor takes 12 us, and a copy 2."""
    out = kind(shape)
    out.indptr = out.indices  # it would take up memory
    return out


def _with_data(X: csr_array, data: np.ndarray) -> csr_array:
    """Return X with the values ``data`` instead of its own entries."""
    return made(data, X.indices, X.indptr, X.shape[1])


def cast(X: csr_array, dtype: Any) -> csr_array:
    """Return X with dtype ``dtype``: X itself if it has this dtype already."""
    return X if X.dtype == dtype else _with_data(X, X.data.astype(dtype))


def with_short_indices(X: csr_array) -> csr_array:
    """Return X with indices of 32 bits. It is X itself if its indices have 32 bits already."""
    at, ends = (a.astype(np.int32, copy=False) for a in (X.indices, X.indptr))
    return X if at is X.indices and ends is X.indptr else made(X.data, at, ends, X.shape[1])


def dense(X: csr_array) -> np.ndarray:
    """Return X as a dense array. Only ever a few rows are made dense."""
    return X.toarray()


def part(X: csr_array, start: int, stop: int) -> csr_array:
    """Return the rows from ``start`` to ``stop``. They share their entries with X."""
    ends = X.indptr[start : stop + 1]
    here = slice(ends[0], ends[-1])
    return made(X.data[here], X.indices[here], ends - ends[0], X.shape[1])


def bytes_of_a_row(X: csr_array) -> int:
    """Return the mean number of bytes that the entries of a row take."""
    return X.nnz * (X.data.itemsize + X.indices.itemsize) // max(1, X.shape[0])


def nbytes(X: csr_array) -> int:
    """Return the bytes of memory that X takes."""
    return X.data.nbytes + X.indices.nbytes + X.indptr.nbytes


def over_rows(A: np.ndarray, X: csr_array) -> np.ndarray:
    """Return ``A @ X``, (d,) or (k, d), for A (m,) or (k, m)."""
    if A.ndim == 1:
        return X.T @ A
    if A.shape[0] == 1:
        return (X.T @ A[0])[None, :]
    return np.ascontiguousarray((X.T @ A.T).T)


def linear_predictor(X: csr_array, W: np.ndarray) -> np.ndarray:
    """Return ``X @ W.T``, (m, k), for W (k, d)."""
    return (X @ W[0])[:, None] if W.shape[0] == 1 else X @ W.T


def of_entries(
    X: csr_array, functions: Iterable[Callable[..., Any]], rows: Iterable[np.ndarray]
) -> list[csr_array]:
    """Return, for each function, X with ``function(x, row[j], ...)`` for entries x of column j."""
    here = [row.take(X.indices, mode="clip") for row in rows]
    return [_with_data(X, function(X.data, *here)) for function in functions]


def column_parts(X: csr_array, more: int) -> tuple[csr_array, np.ndarray]:
    """Return X with only the columns that have an entry, and the indices of these columns (u,).

    ``more`` columns of zeros follow them. If X has many more columns than entries, the indices of
    the entries are sorted, because an array over all columns would take longer.
    """
    if X.shape[1] > 16 * X.nnz:
        columns, at = np.unique(X.indices, return_inverse=True)
    else:
        has = counts(X) > 0
        columns = np.flatnonzero(has)
        at = (np.cumsum(has) - 1)[X.indices]
    at = at.astype(X.indices.dtype, copy=False)
    return made(X.data, at, X.indptr, columns.shape[0] + more), columns


def row_squares(X: csr_array) -> np.ndarray:
    """Return the squared length of each row, (m,)."""
    row = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
    squares = np.bincount(row, weights=X.data * X.data, minlength=X.shape[0])
    return squares.astype(X.dtype, copy=False)


def squared_distances(X: csr_array, P: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return the squared distance of each row to one of the rows of P (k, d), (m,).

    ``at`` (m,) has the number of the row of P. What is not stored of a row counts with the squared
    length of P, less the squares where the row has entries. Columns in which all rows have entries
    are in neither, so that they may lie far from zero.
    """
    row, (m, d) = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr)), X.shape
    has_zeros = counts(X) < m
    p = P.reshape(-1).take(at[row] * d + X.indices)
    stored = (X.data - p) ** 2 - np.where(has_zeros[X.indices], p, 0.0) ** 2
    zeros = np.einsum("kd,kd,d->k", P, P, has_zeros, dtype=np.float64)
    out = np.bincount(row, weights=stored, minlength=m) + zeros[at]
    return np.maximum(out, 0.0).astype(P.dtype, copy=False)


def sums_by_label(
    labels: np.ndarray, n_labels: int, X: csr_array, weight: np.ndarray
) -> np.ndarray:
    """Return for each label the sum of weight times row, (k, d), in float64."""
    d, widths = X.shape[1], np.diff(X.indptr)
    place = np.repeat(labels * d, widths) + X.indices
    values = np.repeat(weight, widths) * X.data
    return np.bincount(place, weights=values, minlength=n_labels * d).reshape(n_labels, d)


def counts(X: csr_array) -> np.ndarray:
    """Return the number of stored entries of each column, (d,)."""
    return np.bincount(X.indices, minlength=X.shape[1])


def magnitudes(X: csr_array, weight: np.ndarray | None) -> np.ndarray:
    """Return the largest magnitude in each column, (d,). Rows of weight 0 and NaN are ignored."""
    counts = ~np.isnan(X.data)
    if weight is not None:
        counts &= np.repeat(weight != 0, np.diff(X.indptr))
    out = np.zeros(X.shape[1])
    np.maximum.at(out, X.indices[counts], np.abs(X.data[counts]))
    return out


def moments(X: csr_array, weight: np.ndarray | None) -> tuple[np.ndarray, ...]:
    """Return the sums that the moments of each column are computed from, over all numbers but NaN.

    They are float64 arrays of shape (d,): a shift, the sum of the weights, the sum of their
    magnitudes, the weighted sum of the deviations from the shift, and that of their squares. Zeros
    that are not stored count. In a column with less than half of its entries stored the shift is 0,
    which costs the squares one bit. In other columns it is near the mean, so that nothing cancels;
    that mean is itself computed from deviations from one of the entries.
    """
    if weight is not None and not weight.all():
        X, weight = X[np.flatnonzero(weight), :], weight[weight != 0]
    (m, d), x, at = X.shape, X.data.astype(np.float64, copy=False), X.indices
    u = np.ones(m) if weight is None else weight.astype(np.float64)
    w = np.repeat(u, np.diff(X.indptr))
    stored, present = counts(X), ~np.isnan(x)

    def sums(values: np.ndarray) -> np.ndarray:
        return np.bincount(at, weights=values, minlength=d)

    seen, mass = np.full(d, u.sum()), np.full(d, np.abs(u).sum())
    if not present.all():
        seen, mass = seen - sums(w * ~present), mass - sums(np.abs(w) * ~present)
        x, at, w = x[present], at[present], w[present]
        nothing = (stored == m) & (np.bincount(at, minlength=d) == 0)
        seen[nothing] = mass[nothing] = 0.0
    zeros = np.where(stored == m, 0.0, seen - sums(w))
    zeros = np.where(seen == mass, np.maximum(zeros, 0.0), zeros)

    def about(shift: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        z = x - shift[at]
        return sums(w * z) - zeros * shift, sums(w * z * z) + shift * (zeros * shift)

    shift = np.zeros(d)
    shift[at] = np.where(2 * stored[at] > m, x, 0.0)
    if shift.any():
        shift += np.where(2 * np.abs(seen) >= mass, about(shift)[0] / np.where(seen, seen, 1.0), 0)
    return shift, seen, mass, *about(shift)


def extremes(X: csr_array, weight: np.ndarray | None) -> tuple[np.ndarray, ...]:
    """Return four arrays (d,): minima, maxima, and the numbers of entries that are not and are NaN.

    Zeros that are not stored count. Rows of weight 0 do not count. X has a floating dtype.
    """
    if weight is not None and not weight.all():
        X = X[np.flatnonzero(weight), :]
    (m, d), present = X.shape, ~np.isnan(X.data)
    x, at = X.data[present], X.indices[present]
    high = np.full(d, -np.inf, X.dtype)
    low = -high
    np.minimum.at(low, at, x)
    np.maximum.at(high, at, x)
    stored = counts(X)
    zero = stored < m
    low[zero], high[zero] = np.minimum(low[zero], 0), np.maximum(high[zero], 0)
    missing = stored - np.bincount(at, minlength=d)
    return low, high, m - missing, missing


def joined(parts: list[Any], axis: int) -> csr_array:
    """Return the parts joined along ``axis``."""
    stack = sparse.vstack if axis == 0 else sparse.hstack
    return csr(stack([csr_array(X) for X in parts], format="csr"))


def hstack(parts: list[Any]) -> csr_array:
    """Return the joined columns of dense and sparse parts. Zeros of dense parts are stored."""
    parts = [csr(part) if is_sparse(part) else part for part in parts]
    n = parts[0].shape[0]
    dtype = np.result_type(*(part.dtype for part in parts), np.float32)
    widths = [np.diff(part.indptr) if is_sparse(part) else part.shape[1] for part in parts]
    starts = np.cumsum([0, *(part.shape[1] for part in parts)])
    columns = int(starts[-1])
    per_row = [_same(width) for width in widths]
    if min(per_row) >= 0:
        total, at = sum(per_row), np.cumsum([0, *per_row])
        indices = np.empty((n, total), dtype=np.int32)
        data = np.empty((n, total), dtype=dtype)
        indices[:] = np.concatenate(
            [
                np.full(width, start) if is_sparse(part) else np.arange(start, start + width)
                for part, width, start in zip(parts, per_row, starts, strict=False)
            ]
        )
        for first in range(0, n, ROWS_AT_ONCE):
            rows = slice(first, min(first + ROWS_AT_ONCE, n))
            for part, width, place in zip(parts, per_row, at, strict=False):
                here = slice(place, place + width)
                if is_sparse(part):
                    some = slice(rows.start * width, rows.stop * width)
                    indices[rows, here] += part.indices[some].reshape(-1, width)
                    data[rows, here] = part.data[some].reshape(-1, width)
                else:
                    data[rows, here] = part[rows]
        ends = np.arange(n + 1, dtype=np.int32) * np.int32(total)
        return made(data.reshape(-1), indices.reshape(-1), ends, columns)
    stored = np.zeros(n, dtype=np.int64)
    for width in widths:
        stored += width
    ends = np.concatenate([[0], np.cumsum(stored)]).astype(np.int32)
    entries, values = np.empty(ends[-1], dtype=np.int32), np.empty(ends[-1], dtype=dtype)
    begin = ends[:-1].astype(np.int64)
    for part, width, start in zip(parts, widths, starts, strict=False):
        if is_sparse(part):
            places = np.repeat(begin - part.indptr[:-1], width) + np.arange(len(part.data))
            entries[places], values[places] = part.indices + start, part.data
        else:
            places = begin[:, None] + np.arange(width)
            entries[places], values[places] = np.arange(start, start + width), part
        begin = begin + width
    return made(values, entries, ends, columns)


def _same(width: np.ndarray | int) -> int:
    """Return the number of entries of each row, or -1 if rows differ."""
    if isinstance(width, int):
        return width
    first = int(width[0]) if len(width) else 0
    return first if (width == first).all() else -1


def columns_as_rows(X: csr_array, start: int, stop: int, dtype: Any, absent: float) -> np.ndarray:
    """Return some columns as rows, with ``absent`` for what is not stored."""
    part = X[:, start:stop].tocoo()
    out = np.full((stop - start, X.shape[0]), absent, dtype=dtype)
    row, column = part.coords
    out[column, row] = part.data
    return out


def of_columns(X: csr_array, function: Callable[[int, np.ndarray], np.ndarray]) -> csr_array:
    """Return X with ``function(j, x)`` for the entries x of each column j that has any."""
    columns = X.tocsc()
    data = columns.data.copy()
    for j in np.flatnonzero(np.diff(columns.indptr)):
        at = slice(columns.indptr[j], columns.indptr[j + 1])
        data[at] = function(int(j), data[at])
    columns.data = data
    return csr(columns.tocsr())


def one_hot(at: np.ndarray, counts: Sequence[int], dtype: Any) -> csr_array:
    """Return rows that are 1 in one column of each feature, of ``at`` (n, d) and 0 elsewhere."""
    n, d = at.shape
    first = np.cumsum([0, *counts[:-1]])
    ends = np.arange(0, n * d + 1, d) if d else np.zeros(n + 1, dtype=np.intp)
    small = np.int32 if n * max(d, 1) < 2**31 else np.int64
    columns = (at + first).reshape(-1).astype(small)
    return made(np.ones(n * d, dtype=dtype), columns, ends.astype(small), sum(counts))


def with_empty_columns(X: csr_array, columns: Sequence[int], n_columns: int) -> csr_array:
    """Return X with ``n_columns`` columns, of which these ``columns`` are those of X, in order."""
    at = np.asarray(columns, dtype=X.indices.dtype)[X.indices]
    return made(X.data, at, X.indptr, n_columns)


def without_zeros(X: csr_array) -> csr_array:
    """Return X without the entries that are 0."""
    X = X.copy()
    X.eliminate_zeros()
    return X


def row_norms(X: csr_array, norm: str) -> np.ndarray:
    """Return the norm "l1", "l2" or "max" of each row, (m,)."""
    size = np.abs(X.data)
    row = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
    if norm == "max":
        out = np.zeros(X.shape[0], X.dtype)
        np.maximum.at(out, row, size)
        return out
    of_entry = size if norm == "l1" else size * size
    sums = np.bincount(row, weights=of_entry, minlength=X.shape[0])
    return (sums if norm == "l1" else np.sqrt(sums)).astype(X.dtype, copy=False)


def rows_times(X: csr_array, by: np.ndarray) -> csr_array:
    """Return the rows of X times numbers (m,)."""
    return _with_data(X, X.data * np.repeat(by, np.diff(X.indptr)))


def rows_divided(X: csr_array, by: np.ndarray) -> csr_array:
    """Return the rows of X divided by numbers (m,)."""
    return _with_data(X, X.data / np.repeat(by, np.diff(X.indptr)))
