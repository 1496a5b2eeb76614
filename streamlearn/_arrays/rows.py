"""Functions of rows: they select rows, join them, change their dtype and find extremes in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import frexp, prod
from typing import Any

import array_api_compat as compat
import array_api_compat.numpy
import numpy as np

from streamlearn._arrays import sparse
from streamlearn._arrays import sparse_products as products
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
"""Number of labels up to which `lowest` compares NumPy's scores label by label.

``np.argmin`` starts its loop again for each row, and guesses branches. Measured outside of
``bench/`` on 4,096 x 20 and one core, in ns a row with the product, for float64 and float32. The
rows are new in each call: on rows of an earlier call the guesses are right, and 16 labels take 44
and 31.

======  ===========  ==============
labels  argmin       label by label
======  ===========  ==============
4       28 and 20    21 and 12
8       40 and 29    30 and 17
16      60 and 45    48 and 31
32      87 and 71    88 and 54
64      133 and 94   180 and 106
======  ===========  ==============
"""


def rows_at(X: Array, at: Any) -> Array:
    """Return the rows of X (m, d) or (m,) that ``at`` selects: a slice or an array of int."""
    if not isinstance(at, slice):
        return X[at, :] if is_sparse(X) else namespace(X).take(X, at, axis=0)
    if is_sparse(X) and at.step is None:
        return sparse.part(X, *at.indices(X.shape[0])[:2])
    return X[at, ...]


def first_row(X: Array) -> Array:
    """Return the first row of X (m, d), or none if there is none."""
    # the Array API does not say what X[:1] is then
    return X[: min(1, X.shape[0]), ...]


def runs_at(X: Array, runs: Array, length: int) -> Array:
    """Return some runs of ``length`` consecutive rows, joined. Run i begins at row ``i * length``.

    NumPy copies each run as one. Measured outside of ``bench/`` on runs of 256 rows of 20 float64:
    9 ns a row, and 28 ns row by row.
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
    """Return X as a dense array. Only ever a few rows of a block are made dense."""
    return sparse.dense(X) if is_sparse(X) else X


def cast(X: Array, dtype: Any) -> Array:
    """Return ``X`` with dtype ``dtype``: ``X`` itself if it has this dtype already."""
    if is_sparse(X):
        return sparse.cast(X, dtype)
    return namespace(X).astype(X, dtype, copy=False)


def entries(X: Array) -> Array:
    """Return the array of all values of ``X``, or of the stored values if ``X`` is sparse."""
    return X.data if is_sparse(X) else X


def of_entries(X: Array, *functions: Callable[..., Array], rows: Sequence[Array]) -> list[Array]:
    """Return, for each function, sparse ``X`` with new entries.

    An entry x of column j becomes ``function(x, *(row[j] for row in rows))``. The zeros of X stay
    zeros.
    """
    return sparse.of_entries(X, functions, rows)


def of_columns(X: Array, function: Callable[[int, Array], Array]) -> Array:
    """Return sparse ``X`` with ``function(j, x)`` for the entries x of each column j."""
    return sparse.of_columns(X, function)


SPARSE_IS_NUMPYS = (
    "Sparse rows are scipy's, which hold arrays of NumPy alone. Have dense ones made: "
    "encode='onehot-dense', or sparse_output=False."
)


def one_hot(at: Array, counts: Sequence[int], dtype: Any) -> Array:
    """Return sparse rows that are 1 in one column of each feature: in column ``at[i, j]`` of j's.

    Raises
    ------
    ValueError
        If ``at`` (n, d) is not an array of NumPy.
    """
    if not isinstance(at, np.ndarray):
        raise ValueError(SPARSE_IS_NUMPYS)
    return sparse.one_hot(at, counts, dtype)


def to_sparse(X: Array) -> Array:
    """Return dense rows as sparse ones.

    Raises
    ------
    ValueError
        If X is not an array of NumPy.
    """
    if not isinstance(X, np.ndarray):
        raise ValueError(SPARSE_IS_NUMPYS)
    return sparse.csr(X)


def with_empty_columns(X: Array, columns: Sequence[int], n_columns: int) -> Array:
    """Return sparse ``X`` with ``n_columns`` columns, of which these ``columns`` are those of X."""
    return sparse.with_empty_columns(X, columns, n_columns)


def without_zeros(X: Array) -> Array:
    """Return sparse ``X`` without the entries that are 0."""
    return sparse.without_zeros(X)


def rows_divided(X: Array, by: Array) -> Array:
    """Return the rows of ``X`` divided by numbers (m,)."""
    return sparse.rows_divided(X, by) if is_sparse(X) else X / by[:, None]


def sparse_row_norms(X: Array, norm: str) -> Array:
    """Return the norm "l1", "l2" or "max" of each row of sparse ``X``, (m,)."""
    return sparse.row_norms(X, norm)


def sparse_products(X: Array, degrees: Sequence[int], *, distinct: bool, ones: bool) -> Array:
    """Return the products of columns of sparse ``X``, see `streamlearn._arrays.sparse_products`."""
    return products.products(X, degrees, distinct=distinct, ones=ones)


def present(X: Array) -> Array:
    """Return for each column of sparse ``X`` whether any of its entries is stored, (d,)."""
    return sparse.counts(X) > 0


def stored(X: Array) -> Array:
    """Return for each column of sparse ``X`` the number of its stored entries, (d,)."""
    return sparse.counts(X)


def column_parts(X: Array, more: int) -> tuple[Array, Array]:
    """Return sparse ``X`` with only its `present` columns, and their indices (u,).

    ``more`` columns of zeros follow them.
    """
    return sparse.column_parts(X, more)


def with_columns(W: Array, columns: Array, values: Array) -> Array:
    """Return a copy of NumPy's ``W`` (k, d) with ``values`` (k, u) in the ``columns`` (u,)."""
    out = W.copy()
    out[:, columns] = values
    return out


def any_nonzero(X: Array, columns: Array) -> bool:
    """Return whether the ``columns`` of ``X``, a mask (d,), hold any number but 0 and NaN."""
    if is_sparse(X):
        return bool(np.any(np.abs(X.data[columns.take(X.indices, mode="clip")]) > 0))
    xp, rows, at = namespace(X), batch_rows(X), namespace(X).nonzero(columns)[0]
    parts = (X[i : i + rows, :] for i in range(0, X.shape[0], rows))
    return any(bool(xp.any(xp.abs(xp.take(part, at, axis=1)) > 0)) for part in parts)


def magnitudes(X: Array, weight: Array | None) -> Array:
    """Return the largest magnitude in each column of X (m, d), in the widest float.

    Rows of weight 0 and NaN are ignored.
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
    """Return a power of two near each nonnegative number of ``x``, and 0 for 0.

    The powers are exact in every library. Their inverses are finite, and multiplication by either
    is exact. x divided by its power is near enough to 1 for its square not to overflow or
    underflow.

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
    """Return the parts joined along ``axis``. The result is sparse if any part is."""
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

    ``x`` must not hold infinity, for which CuPy's argmin is wrong.
    """
    return x.argmin(axis=axis) if isinstance(x, np.ndarray) else _index("argmin", x, axis=axis)


def lowest(X: Array, W: Array, b: Array) -> tuple[Array, Array]:
    """Return the first smallest entry in each row of ``X @ W.T + b``: its column and its value.

    X (m, d), W (k, d) and b (k,) are of one dtype. Both results have shape (m,). The column is in
    `default_int`.
    """
    k, xp = W.shape[0], namespace(X)
    if isinstance(X, np.ndarray) and k <= FEW_LABELS:
        P = np.empty((k, X.shape[0]), X.dtype)
        np.add(linear_predictor(X, W).T, b[:, None], out=P)
        value = np.minimum.reduce(P)
        # The first label with this score is the smallest of these numbers. A row of NaN has none of
        # them, and gets label 0.
        code = (value != P).view(np.uint8)
        code *= 128
        code |= np.arange(k, dtype=np.uint8)[:, None]
        return (np.minimum.reduce(code) & 127).astype(np.intp), value
    P = scores_plus(X, W, b)
    column = argmin(P, axis=1)
    if isinstance(P, np.ndarray):
        # With 16 labels this takes 2 ns a row. A second search for the minimum takes 43 ns.
        return column, P.ravel()[column + np.arange(0, P.size, k)]
    return column, xp.min(P, axis=1)


def _index(name: str, x: Array, **how: Any) -> Array:
    xp, where = namespace(x), device(x)
    if compat.is_array_api_strict_namespace(xp):
        # Its argmax returns int64 on every device, and its device without 64 bits refuses that.
        x = compat.to_device(x, xp.Device("CPU_DEVICE"))
    index = getattr(xp, name)(x, **how)
    index = xp.astype(index, default_int(xp.empty(0, device=where)), copy=False)
    return compat.to_device(index, where)


def position(values: Array, known: Array) -> Array:
    """Return the index of each of ``values`` in the sorted ``known``, in `default_int`.

    Both are of one dtype. A value that is not in ``known`` gets the index at which it would be
    inserted, or the last index if that is smaller.
    """
    xp, where = namespace(values), device(values)
    if xp.isdtype(values.dtype, "bool"):
        values, known = (xp.astype(a, xp.uint8) for a in (values, known))
    if compat.is_array_api_strict_namespace(xp):
        # As in `argmax`, it returns int64 on every device, and one device refuses that.
        cpu = xp.Device("CPU_DEVICE")
        values, known = compat.to_device(values, cpu), compat.to_device(known, cpu)
    at = xp.clip(xp.searchsorted(known, values), max=known.shape[0] - 1)
    at = xp.astype(at, default_int(xp.empty(0, device=where)), copy=False)
    return compat.to_device(at, where)
