"""Rows of arrays: some of them, several together, in another dtype, with or without their zeros."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import frexp, prod
from typing import Any

import array_api_compat as compat
import array_api_compat.numpy
import numpy as np

from streamlearn._arrays import sparse
from streamlearn._arrays.library import (
    Array,
    batch_rows,
    default_int,
    device,
    is_sparse,
    namespace,
    widest_float,
)
from streamlearn._arrays.products import linear_predictor, scores_plus

FEW_LABELS = 32
"""Labels up to which NumPy finds the smallest of a row's scores sooner one label after the other.

Its argmin guesses at every element, and starts anew for each row. Measured apart from ``bench/`` on
4,096 x 20 of float64 and float32, one core, ns a row with the product: 25 and 20 for 4 labels, 18
and 12 the other way; 56 and 46 for 16, 49 and 31; 87 and 71 for 32, 94 and 55; 138 and 101 for 64,
212 and 117.
"""


def rows_at(X: Array, at: Any) -> Array:
    """Return some rows of (m, d), or entries of (m,): those of a slice, or of an array of int."""
    if not isinstance(at, slice):
        return X[at, :] if is_sparse(X) else namespace(X).take(X, at, axis=0)
    if is_sparse(X) and at.step is None:
        return sparse.part(X, *at.indices(X.shape[0])[:2])
    return X[at, ...]


def runs_at(X: Array, runs: Array, length: int) -> Array:
    """Return some runs of neighbours, one after the other: run i begins at row ``i * length``.

    NumPy copies a run at once: in runs of 256 rows of 20 float64 9 ns a row, row by row 28 (apart
    from ``bench/``).
    """
    if length == 1:
        return rows_at(X, runs)
    flags = getattr(X, "flags", None)
    if flags is not None and flags.c_contiguous:
        n, row = X.shape[0] // length, X.shape[1:]
        together = X[: n * length, ...].reshape(n, length * prod(row))
        return together.take(runs, axis=0).reshape(runs.shape[0] * length, *row)
    xp = namespace(runs)
    within = xp.arange(length, dtype=runs.dtype, device=device(runs))
    return rows_at(X, xp.reshape(runs[:, None] * length + within, (-1,)))


def dense(X: Array) -> Array:
    """Return rows with their zeros: only ever some of a block's."""
    return sparse.dense(X) if is_sparse(X) else X


def cast(X: Array, dtype: Any) -> Array:
    """Return ``X`` in a dtype, itself where it has it."""
    if is_sparse(X):
        return sparse.cast(X, dtype)
    return namespace(X).astype(X, dtype, copy=False)


def entries(X: Array) -> Array:
    """Return the numbers of ``X``: all of them, or of sparse rows those that are stored."""
    return X.data if is_sparse(X) else X


def of_entries(X: Array, *functions: Callable[..., Array], rows: Sequence[Array]) -> list[Array]:
    """Return sparse ``X`` with ``function(x, *(row[j] for row in rows))`` for its entries, of each.

    The zeros of X do not go through a function, and stay.
    """
    return sparse.of_entries(X, functions, rows)


def present(X: Array) -> Array:
    """Tell for each column of sparse ``X`` whether an entry of it is stored, (d,)."""
    return sparse.counts(X) > 0


def column_parts(X: Array, more: int) -> tuple[Array, Array]:
    """Return sparse ``X`` with only the columns that are `present`, then ``more``; and which."""
    return sparse.column_parts(X, more)


def with_columns(W: Array, columns: Array, values: Array) -> Array:
    """Return ``W`` (k, d) of NumPy with other values (k, u) in some columns (u,)."""
    out = W.copy()
    out[:, columns] = values
    return out


def any_nonzero(X: Array, columns: Array) -> bool:
    """Tell whether any number but 0 and NaN is in some columns of ``X``: those of a mask (d,)."""
    if is_sparse(X):
        return bool(np.any(np.abs(X.data[columns.take(X.indices, mode="clip")]) > 0))
    xp, rows, at = namespace(X), batch_rows(X), namespace(X).nonzero(columns)[0]
    parts = (X[i : i + rows, :] for i in range(0, X.shape[0], rows))
    return any(bool(xp.any(xp.abs(xp.take(part, at, axis=1)) > 0)) for part in parts)


def magnitudes(X: Array, weight: Array | None) -> Array:
    """Return the largest magnitude in each column of X (m, d), rows of weight 0 and NaN left out.

    In the widest float.
    """
    if is_sparse(X):
        return sparse.magnitudes(X, weight)
    xp, dtype = namespace(X), widest_float(X)
    A = xp.abs(xp.astype(X, dtype, copy=False))
    A = xp.where(xp.isnan(A), xp.zeros_like(A), A)
    if weight is not None:
        A = xp.where((weight != 0)[:, None], A, xp.zeros_like(A))
    return xp.max(A, axis=0)


def powers_of_two(x: Array) -> Array:
    """Return powers of two some binary digits away from nonnegative ``x``, and 0 for 0.

    They are exact in any library, and so is to multiply with them and with their inverses, which
    are finite: x in these units is about 1, its square far from the ends of the floats.

    Examples
    --------
    >>> [p.hex() for p in powers_of_two(np.asarray([0.0, 3.0, 3e200, 3e-200])).tolist()]
    ['0x0.0p+0', '0x1.0000000000000p+0', '0x1.0000000000000p+640', '0x1.0000000000000p-640']
    """
    xp, one = namespace(x), namespace(x).ones_like(x)
    digits = frexp(float(xp.finfo(x.dtype).max))[1] // 2
    out, rest = one, x
    for _ in range(5):
        power = 2.0**digits
        factor = xp.where(
            rest >= power, power * one, xp.where(rest < 1.0 / power, one / power, one)
        )
        out, rest, digits = out * factor, rest / factor, digits // 2
    return xp.where(x == 0, x, out)


def concat(parts: list[Array], axis: int = 0) -> Array:
    """Put rows one after the other (axis 0), or columns (axis 1); sparse if any part is."""
    if any(is_sparse(part) for part in parts):
        return sparse.joined(parts, axis)
    return namespace(parts[0]).concat(parts, axis=axis)


def argmax(x: Array, *, axis: int, keepdims: bool = False) -> Array:
    """Return the indices of the first largest elements along ``axis``, in `default_int`."""
    if isinstance(x, np.ndarray):
        return x.argmax(axis=axis, keepdims=keepdims)
    return _index("argmax", x, axis=axis, keepdims=keepdims)


def argmin(x: Array, *, axis: int) -> Array:
    """Return the indices of the first smallest elements along ``axis``, in `default_int`.

    Infinity is not for it: CuPy's own argmin is wrong then.
    """
    return x.argmin(axis=axis) if isinstance(x, np.ndarray) else _index("argmin", x, axis=axis)


def lowest(X: Array, W: Array, b: Array) -> tuple[Array, Array]:
    """Return for each row of X the first smallest of ``X @ W.T + b``: its column, and itself.

    All of one dtype; the column in `default_int`, both of shape (m,).
    """
    k, xp = W.shape[0], namespace(X)
    if isinstance(X, np.ndarray) and k <= FEW_LABELS:
        P = np.empty((k, X.shape[0]), X.dtype)
        np.add(linear_predictor(X, W).T, b[:, None], out=P)
        value = P.min(axis=0)
        found = value == P
        if np.count_nonzero(found) != X.shape[0]:
            return found.argmax(axis=0), value
        # One for each row, whose number a product finds; rows of NaN have none, others more.
        column = np.arange(k, dtype=np.float32) @ found.astype(np.float32)
        return np.minimum(column, k - 1, out=column).astype(np.intp), value
    P = scores_plus(X, W, b)
    column = argmin(P, axis=1)
    if isinstance(P, np.ndarray):
        # Looking again takes 43 ns a row of 16, this 2.
        return column, P.ravel()[column + np.arange(0, P.size, k)]
    return column, xp.min(P, axis=1)


def _index(name: str, x: Array, **how: Any) -> Array:
    xp, where = namespace(x), device(x)
    if compat.is_array_api_strict_namespace(xp):
        # Its argmax makes int64 everywhere, which its own device without 64 bits refuses.
        x = compat.to_device(x, xp.Device("CPU_DEVICE"))
    index = getattr(xp, name)(x, **how)
    index = xp.astype(index, default_int(xp.empty(0, device=where)), copy=False)
    return compat.to_device(index, where)


def position(values: Array, known: Array) -> Array:
    """Return where ``values`` stand in the sorted ``known``, of one dtype, in `default_int`.

    A value that is not among them stands where it would be inserted; at most the last position.
    """
    xp, where = namespace(values), device(values)
    if xp.isdtype(values.dtype, "bool"):
        values, known = (xp.astype(a, xp.uint8) for a in (values, known))
    if compat.is_array_api_strict_namespace(xp):
        # As `argmax`: int64 everywhere, which its own device without 64 bits refuses.
        cpu = xp.Device("CPU_DEVICE")
        values, known = compat.to_device(values, cpu), compat.to_device(known, cpu)
    at = xp.clip(xp.searchsorted(known, values), max=known.shape[0] - 1)
    at = xp.astype(at, default_int(xp.empty(0, device=where)), copy=False)
    return compat.to_device(at, where)
