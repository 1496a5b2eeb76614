"""Products of columns of sparse rows."""

from __future__ import annotations

from collections.abc import Iterable
from math import comb

import numpy as np
from scipy.sparse import csr_array

from streamlearn._arrays.sparse import joined, made


def products(X: csr_array, degrees: Iterable[int], *, distinct: bool, ones: bool) -> csr_array:
    """Return the products of columns of X, side by side. The degree is the number of factors.

    Their order is that of `itertools.combinations_with_replacement`, or that of
    `itertools.combinations` if columns are to be ``distinct``. Only products of stored entries are
    stored.

    Parameters
    ----------
    X : csr_array
    degrees : iterable of int
        Consecutive degrees, from at least 1.
    distinct : bool
    ones : bool
        Begin with a column of ones.
    """
    m, d = X.shape
    parts = [csr_array(np.ones((m, 1), X.dtype))] if ones else []
    ends, value = X.indptr[1:].astype(np.int64), X.data
    at = np.arange(X.nnz)  # the last entry of a product
    row = np.repeat(np.arange(m), np.diff(X.indptr))
    columns = [X.indices.astype(np.int64)]
    wanted = set(degrees)
    for degree in range(1, max(wanted, default=0) + 1):
        if degree > 1:
            first = at + 1 if distinct else at
            more = ends[row] - first
            which = np.repeat(np.arange(row.shape[0]), more)
            at = first[which] + np.arange(which.shape[0]) - (np.cumsum(more) - more)[which]
            value, row = value[which] * X.data[at], row[which]
            columns = [*(column[which] for column in columns), X.indices[at].astype(np.int64)]
        if degree in wanted:
            width, column = _rank(columns, d, distinct=distinct)
            until = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=m))])
            parts.append(made(value, column, until, width))
    if not parts:
        return csr_array((m, 0), dtype=X.dtype)
    out = joined(parts, 1)
    index = np.int32 if max(out.shape[1], out.nnz) <= np.iinfo(np.int32).max else np.int64
    at, until = (a.astype(index, copy=False) for a in (out.indices, out.indptr))
    return made(out.data, at, until, out.shape[1])


def _rank(columns: list[np.ndarray], d: int, *, distinct: bool) -> tuple[int, np.ndarray]:
    """Return the number of choices of columns, and the places of some of them in their order.

    With k more columns, the choices that begin with a column below v are the choices of k + 1
    among all columns, less those of k + 1 among the columns from v on.
    """
    out, before = np.zeros_like(columns[0]), np.zeros_like(columns[0])
    for i, column in enumerate(columns):
        k = len(columns) - i
        more = 0 if distinct else k - 1
        out += _choices(d - before + more, k) - _choices(d - column + more, k)
        before = column + 1 if distinct else column
    return comb(d + (0 if distinct else len(columns) - 1), len(columns)), out


def _choices(n: np.ndarray, k: int) -> np.ndarray:
    """Return the binomial coefficients of n over k, which are in int64."""
    largest = int(n.max(initial=0))
    if largest < n.shape[0] - 1:
        return _choices(np.arange(largest + 1), k)[n]
    most = comb(largest, k)
    # If an intermediate product would overflow, Python's integers are used.
    n = n if most * k <= np.iinfo(np.int64).max else n.astype(object)
    out = np.ones_like(n)
    for i in range(1, k + 1):
        out = out * (n - k + i) // i
    return np.where(n < k, 0, out).astype(np.int64)
