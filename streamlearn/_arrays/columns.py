"""Column-wise arithmetic: sums, extremes, offsets and scales, in batches that fit a cache."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any

import array_api_compat as compat
import array_api_compat.numpy
import numpy as np

from streamlearn._arrays import sparse
from streamlearn._arrays.library import (
    CPU_BATCH_BYTES,
    Array,
    batch_rows,
    device,
    is_sparse,
    namespace,
)
from streamlearn._arrays.products import each_row, over_rows

_kept = threading.local()


def full_columns(X: Array) -> Array:
    """Return for each column of sparse ``X`` whether it has an entry in every row, (d,)."""
    return sparse.counts(X) == X.shape[0]


def sparse_moments(X: Array, weight: Array | None) -> tuple[Array, ...]:
    """Return a shift and four sums for each column of sparse ``X``; see `sparse.moments`."""
    return sparse.moments(X, weight)


def sparse_extremes(X: Array, weight: Array | None) -> tuple[Array, ...]:
    """Return the minima, the maxima and two counts of the columns; see `sparse.extremes`."""
    return sparse.extremes(X, weight)


def column_range(X: Array, *, holds_nan: bool) -> tuple[Array, Array]:
    """Return the minimum and the maximum of each column of X, each (d,). X has at least one row.

    With ``holds_nan`` NaN is ignored, and a column of nothing but NaN has the minimum infinity and
    the maximum minus infinity. Without it, a column that contains NaN has NaN as both.

    NumPy starts its inner loop again for each row, so 64 rows are compared as one. Measured outside
    of ``bench/`` on 100,000 x 20 float64 and one core, for one of the two results: 44 ns a row when
    rows are compared one by one, 14 ns in this way.
    """
    xp = namespace(X)
    infinity = xp.full(X.shape[1], xp.inf, dtype=X.dtype, device=device(X)) if holds_nan else None
    if compat.is_numpy_array(X):
        ufuncs = (np.fmin, np.fmax) if holds_nan else (np.minimum, np.maximum)
        low, high = (_reduced(ufunc, X) for ufunc in ufuncs)
        if infinity is not None:
            nothing = np.isnan(low)
            low, high = np.where(nothing, infinity, low), np.where(nothing, -infinity, high)
        return low, high
    if infinity is None:
        return xp.min(X, axis=0), xp.max(X, axis=0)
    gaps = xp.isnan(X)
    return (
        xp.min(xp.where(gaps, infinity, X), axis=0),
        xp.max(xp.where(gaps, -infinity, X), axis=0),
    )


def _reduced(ufunc: np.ufunc, X: np.ndarray) -> np.ndarray:
    (m, d), k = X.shape, 64
    if not X.flags.c_contiguous or m < 2 * k:
        return ufunc.reduce(X)
    some = ufunc.reduce(X[: m - m % k].reshape(m // k, k * d)).reshape(k, d)
    return ufunc.reduce(np.concatenate([some, X[m - m % k :]]))


def rows_of_columns(columns: Sequence[np.ndarray], dtype: np.dtype, n_rows: int) -> np.ndarray:
    """Return columns as rows in row-major order, one slice that fits a cache at a time.

    pandas makes the transpose instead, which must be copied once more.
    """
    out = np.empty((n_rows, len(columns)), dtype)
    for start in range(0, n_rows, batch_rows(out)):
        at = slice(start, start + batch_rows(out))
        for j, column in enumerate(columns):
            out[at, j] = column[at]
    return out


def plain_sums(X: Array, dtype: Any) -> tuple[Array, Array]:
    """Return the sums of X and of X * X over its rows, each (d,), computed in ``dtype``.

    The slices are large, so that threads seldom wait for each other's interpreter lock.
    """
    xp, rows, d = namespace(X), 2 * batch_rows(X), X.shape[1]
    ones = xp.ones(min(rows, X.shape[0]), dtype=dtype, device=device(X))
    s1 = s2 = xp.zeros(d, dtype=dtype, device=device(X))
    for start in range(0, X.shape[0], rows):
        D = xp.astype(X[start : min(start + rows, X.shape[0]), :], dtype, copy=False)
        m = D.shape[0]
        s1 = s1 + over_rows(ones[:m], D)
        if compat.is_numpy_array(D) and D.flags.c_contiguous and m % 64 == 0:
            # With 64 rows as one the inner loop is long, and the squares need no memory.
            D = D.reshape(m // 64, 64 * d)
            s2 = s2 + np.einsum("ij,ij->j", D, D).reshape(64, d).sum(axis=0)
        else:
            s2 = s2 + over_rows(ones[:m], D * D)
    return s1, s2


def shifted_sums(
    X: Array, shift: Array, weight: Array | None, present: Array | None = None
) -> tuple[Array, Array]:
    """Return ``w @ D`` and ``w @ (D * D)``, each (d,), for ``D = X - shift``.

    The sums are computed in the dtype of ``shift``, one slice that fits a cache at a time. If
    ``weight`` is None, every row has weight 1. ``D`` counts as 0 where ``present`` is False.

    NumPy works in a buffer that each thread keeps. Without it, temporaries of this size would go
    back to the system after every slice, and their page faults cost up to five times the
    arithmetic.
    """
    dtype, s1 = shift.dtype, namespace(shift).zeros_like(shift)
    s2, ones = s1, _ones(X, shift)
    for at, D in _deviations_by_slice(X, shift):
        if present is not None:
            D = _zeroed(D, ~present[at, :])
        u = ones[: D.shape[0]] if weight is None else _floats(weight[at], dtype)
        s1 = s1 + over_rows(u, D)
        s2 = s2 + over_rows(u, _squared(D))
    return s1, s2


def sums_of_present(X: Array, shift: Array) -> tuple[Array, Array, Array]:
    """Return the sums of D and D * D for ``D = X - shift``, and the numbers of NaN in X, each (d,).

    NaN count as 0 in D. The sums are computed as in `shifted_sums`.
    """
    xp, ones = namespace(shift), _ones(X, shift)
    s1 = s2 = missing = xp.zeros_like(shift)
    for _, D in _deviations_by_slice(X, shift):
        u, gap = ones[: D.shape[0]], xp.isnan(D)
        if bool(xp.any(gap)):
            missing = missing + over_rows(u, xp.astype(gap, shift.dtype))
            D = _zeroed(D, gap)
        s1 = s1 + over_rows(u, D)
        s2 = s2 + over_rows(u, _squared(D))
    return s1, s2, missing


def _ones(X: Array, shift: Array) -> Array:
    """Return the weights of the rows of a slice, which all weigh 1."""
    n = min(batch_rows(X), X.shape[0])
    return namespace(shift).ones(n, dtype=shift.dtype, device=device(shift))


def _floats(x: Array, dtype: Any) -> Array:
    return namespace(x).astype(x, dtype, copy=False)


def _deviations_by_slice(X: Array, shift: Array) -> Iterator[tuple[slice, Array]]:
    """Yield slices of rows that fit a cache, and ``X - shift`` there in the dtype of ``shift``."""
    rows = batch_rows(X)
    for start in range(0, X.shape[0], rows):
        at = slice(start, min(start + rows, X.shape[0]))
        D = X[at, :]
        numpys = compat.is_numpy_array(D)
        yield at, _deviations(D, shift) if numpys else _floats(D, shift.dtype) - shift


def _zeroed(D: Array, gap: Array) -> Array:
    """Return D with zeros at the gaps. An array of NumPy is changed."""
    if compat.is_numpy_array(D):
        np.copyto(D, 0, where=gap)
        return D
    xp = namespace(D)
    return xp.where(gap, xp.zeros_like(D[0, :]), D)


def _squared(D: Array) -> Array:
    """Return the squares of D. An array of NumPy is changed."""
    return np.multiply(D, D, out=D) if compat.is_numpy_array(D) else D * D


def by_columns(X: Array, *steps: tuple[str, Array | None]) -> Array:
    """Return ``X`` after ``steps`` such as ``("subtract", row)``, in its own float dtype.

    NumPy takes one slice that fits a cache through all steps, then the next slice. That is twice as
    fast as one pass over ``X`` for each step. Steps whose row is None are left out. If no step
    remains, ``X`` itself is returned.

    Raises
    ------
    ValueError
        If ``X`` is sparse and a step adds or subtracts.
    """
    xp = namespace(X)
    kept: list[tuple[str, Array]] = [(name, row) for name, row in steps if row is not None]
    if is_sparse(X):
        for name, row in kept:
            if name in ("add", "subtract"):
                raise ValueError(sparse.CENTRED)
            (X,) = sparse.of_entries(X, [getattr(np, name)], [row])
        return X
    if not (compat.is_numpy_array(X) and kept):
        for name, row in kept:
            X = getattr(xp, name)(X, row)
        return X
    out = np.empty(X.shape, X.dtype)
    for start in range(0, X.shape[0], batch_rows(X)):
        at = slice(start, start + batch_rows(X))
        part = X[at]
        for name, row in kept:
            part = each_row(getattr(np, name), part, row, out[at])
    return out


def _deviations(X: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Return ``X - shift`` in this thread's buffer."""
    D = _buffer(X.shape, shift.dtype)
    if X.dtype != D.dtype:
        np.copyto(D, X)
        X = D
    return each_row(np.subtract, X, shift, D)


def _buffer(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Return a NumPy array that belongs to this thread until its next call."""
    n = int(np.prod(shape)) * dtype.itemsize
    buffer = getattr(_kept, "buffer", None)
    if buffer is None or buffer.size < n:
        buffer = np.empty(n, dtype=np.uint8)
        if n <= 4 * CPU_BATCH_BYTES:
            _kept.buffer = buffer
    return buffer[:n].view(dtype).reshape(shape)
