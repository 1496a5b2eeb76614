"""The array libraries, seen through one door.

Everything that differs between NumPy, CuPy, torch, JAX and array-api-strict and is needed by the
numerics stands here, and nothing else imports ``array_api_compat``. Functions take ``like``: an
array that fixes namespace, device and dtype.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from math import frexp, prod
from typing import Any

import array_api_compat as compat
import array_api_compat.numpy
import numpy as np
from scipy.linalg.blas import dtrsv, strsv
from scipy.sparse import csc_array, csr_array

from streamlearn import sparse

Array = Any
"""An array of any library that follows the Python Array API."""

CENTRED = (
    "Cannot center sparse matrices: pass `with_mean=False` instead. See docstring for motivation "
    "and alternatives."
)
"""What is wrong with moving rows whose zeros are not stored; scikit-learn's words."""

CPU_BATCH_BYTES = 1280 * 1024
"""Bytes of X in one batch on a CPU: little enough for its caches, enough to pay for the calls.

Measured on 20 float64 features, a scaler and a Newton step in a fit on 2 cores: 154 ns a row at
640 KiB (4,096 rows), 136 at 1280 KiB.
"""

DEVICE_BATCH_ROWS = 1 << 17
"""Rows in one batch on an accelerator, where a launch costs more than the arithmetic it starts."""

FEW_LABELS = 32
"""Labels up to which NumPy finds the smallest of a row's scores sooner one label after the other.

Its argmin guesses at every element, and starts anew for each row. Measured apart from ``bench/`` on
4,096 x 20 of float64 and float32, one core, ns a row with the product: 25 and 20 for 4 labels, 18
and 12 the other way; 56 and 46 for 16, 49 and 31; 87 and 71 for 32, 94 and 55; 138 and 101 for 64,
212 and 117.
"""

MANY_LABELS = 64
"""Labels beyond which sums of rows by label are faster by sorting than by a product.

Measured on 4,096 x 20 float64, one core, microseconds by product and by sorting: torch 415 and 1808
for 16 labels, 993 and 362 for 64, 7015 and 580 for 256; JAX 276 and 2838, 786 and 1978, 9570 and
2384.
"""

# The GNU C library hands the top of its heap back to the system after every batch whose temporaries
# pass 256 KiB, and takes it again, page by page, for the next. Once a block of this size has come
# and gone it keeps twice as much. Measured on batches of 4,096 x 20 float64: (X - m) / s takes
# 35 ns a row instead of 180. Elsewhere this does nothing.
np.empty(1 << 24, dtype=np.uint8)


def is_array(x: object) -> bool:
    """Tell whether ``x`` is an array of a library this module knows.

    A ``csr_array`` is one of NumPy's, though only some of the functions here take it.
    """
    return compat.is_array_api_obj(x) or isinstance(x, csr_array)


def _is_host(x: object) -> bool:
    return isinstance(x, np.ndarray | csr_array)


def namespace(*arrays: Array) -> Any:
    """Return the Array API namespace that all of ``arrays`` share.

    Raises
    ------
    TypeError
        If one is not an array, or they come from different libraries.
    """
    # Looking a library up costs 4 us, a dozen times a batch; NumPy's is known by the type.
    if len(arrays) == 1 and (type(arrays[0]) is np.ndarray or _is_host(arrays[0])):
        return compat.numpy
    arrays = tuple(a.data if is_sparse(a) else a for a in arrays)
    return compat.array_namespace(*arrays)


def device(x: Array) -> Any:
    """Return the device that holds ``x``."""
    return compat.device(x.data if is_sparse(x) else x)


def on_host(x: Array) -> bool:
    """Tell whether ``x`` lies in the host's memory (fake devices of a test namespace do)."""
    if compat.is_cupy_array(x):
        return False
    if compat.is_torch_array(x):
        return x.device.type == "cpu"
    if compat.is_jax_array(x):
        return all(d.platform == "cpu" for d in x.devices())
    return True


def reads_are_free(x: Array) -> bool:
    """Tell whether reading a value of ``x`` neither waits for a device nor breaks a trace."""
    return isinstance(x, np.ndarray | csr_array) or (compat.is_torch_array(x) and on_host(x))


def asarray(x: Any, *, like: Array, dtype: Any = None) -> Array:
    """Return ``x`` (a number, a sequence or an array of any library) beside ``like``.

    ``dtype`` defaults to that of ``like``. An array of ``like``'s library moves to its device; one
    of another library crosses through host memory.
    """
    dtype = like.dtype if dtype is None else dtype
    if type(x) is type(like) is np.ndarray and x.dtype == dtype:
        return x  # in 0.3 us instead of 5
    xp = namespace(like)
    if is_array(x) and not compat.is_numpy_array(x):
        if namespace(x) is xp:
            if itemsize(dtype, xp) < itemsize(x.dtype, xp):
                x = xp.astype(x, dtype)  # the device of like may not hold the wider one
            return xp.astype(compat.to_device(x, device(like)), dtype, copy=False)
        x = to_numpy(x)
    if isinstance(x, np.ndarray) and not x.flags.writeable and not compat.is_numpy_array(like):
        x = x.copy()  # torch and DLpack refuse or warn about read-only memory
    return xp.asarray(x, dtype=dtype, device=device(like))


def to_numpy(x: Array) -> np.ndarray:
    """Copy ``x`` to host memory as a NumPy array; what is there comes back as it is."""
    if isinstance(x, np.ndarray | csr_array):
        return x
    if compat.is_cupy_array(x):
        return x.get()
    if compat.is_torch_array(x):
        return x.detach().cpu().numpy()
    if compat.is_array_api_strict_namespace(namespace(x)):
        return np.asarray(compat.to_device(x, namespace(x).Device("CPU_DEVICE")))
    return np.asarray(x)


def detached(x: Array) -> Array:
    """Return ``x`` without the history that torch keeps for gradients."""
    return x.detach() if compat.is_torch_array(x) and x.requires_grad else x


def row_major(x: Array) -> Array:
    """Return ``x`` with the entries of each row side by side in memory, itself where they are.

    Sums and products are rounded in an order that depends on where entries lie, and a column-major
    block of many rows is slow to cut into batches.
    """
    flags = getattr(x, "flags", None)
    if flags is None:
        return x.contiguous() if compat.is_torch_array(x) else x
    return x if flags.c_contiguous else namespace(x).asarray(x, order="C")


def is_strided(x: Any) -> bool:
    """Tell whether all elements of an object of torch are stored; True for what is no tensor."""
    return not compat.is_torch_array(x) or str(x.layout) == "torch.strided"


def to_float(x: Array) -> float:
    """Read a 0-d array back to the host; this waits for the device."""
    return float(x)


def nbytes(x: Array) -> int:
    """Return the bytes of memory that the elements of ``x`` take, 0 where that is not known."""
    if is_sparse(x):
        return sparse.nbytes(x)
    known = getattr(x, "nbytes", None) if is_strided(x) else 0
    if known is not None:
        return int(known)
    return int(np.prod(x.shape)) * itemsize(x.dtype, namespace(x))


def itemsize(dtype: Any, xp: Any) -> int:
    """Return the bytes of one element of ``dtype``."""
    known = getattr(dtype, "itemsize", None)
    if isinstance(known, int):
        return known
    if xp.isdtype(dtype, "bool"):
        return 1
    is_float = xp.isdtype(dtype, ("real floating", "complex floating"))
    return int((xp.finfo(dtype) if is_float else xp.iinfo(dtype)).bits) // 8


def widest_float(like: Array) -> Any:
    """Return the widest real float of ``like``'s device: float64, or float32 without it."""
    xp = namespace(like)
    dtypes = xp.__array_namespace_info__().dtypes(device=device(like), kind="real floating")
    return dtypes["float64"] if "float64" in dtypes else dtypes["float32"]


def float_dtype(x: Array) -> Any:
    """Return the dtype that ``x`` is computed in: its own if real floating, else the widest one."""
    xp = namespace(x)
    return x.dtype if xp.isdtype(x.dtype, "real floating") else widest_float(x)


def batch_rows(
    X: Array, *, beside: int = 0, budget: int = CPU_BATCH_BYTES, most: int = 1 << 13
) -> int:
    """Return how many rows of ``X`` make the largest batch: a power of two set by the device.

    On a CPU as many as fit in ``budget`` bytes with ``beside`` numbers a row, at least 512 and at
    most ``most``: by default what stays in the second-level cache. On an accelerator as many as
    fill it. It depends on the row's size and the kind of device only, so results do not change from
    one machine to the next.
    """
    if not on_host(X):
        return DEVICE_BATCH_ROWS
    size = itemsize(X.dtype, namespace(X))
    held = sparse.bytes_of_a_row(X) if is_sparse(X) else X.shape[1] * size
    row = max(1, held + beside * size)
    return min(most, max(512, power_of_two(budget // row)))


def power_of_two(n: int) -> int:
    """Return the largest power of two that is at most n, and 1 at least."""
    return 1 << max(0, n.bit_length() - 1)


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


def is_sparse(X: object) -> bool:
    """Tell whether ``X`` is rows whose zeros are not stored."""
    # scipy's class asks for 0.2 us whether anything is of its kind
    return type(X) is not np.ndarray and isinstance(X, csr_array)


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


def full_columns(X: Array) -> Array:
    """Tell for each column of sparse ``X`` whether all of its rows are stored, (d,)."""
    return sparse.counts(X) == X.shape[0]


def sparse_moments(X: Array, weight: Array | None) -> tuple[Array, ...]:
    """Return shift, weight, its magnitude, and the sums of deviations and of their squares."""
    return sparse.moments(X, weight)


def concat(parts: list[Array], axis: int = 0) -> Array:
    """Put rows one after the other (axis 0), or columns (axis 1); sparse if any part is."""
    if any(is_sparse(part) for part in parts):
        return sparse.joined(parts, axis)
    return namespace(parts[0]).concat(parts, axis=axis)


def scores(X: Array, W: Array) -> Array:
    """Return ``X @ W.T``: (m, d) rows times (k, d) columns, as (m, k)."""
    if is_sparse(X):
        return sparse.scores(X, W)
    return X @ W.T


def scores_plus(X: Array, W: Array, b: Array) -> Array:
    """Return ``X @ W.T + b``, (m, k), for columns W (k, d) and b (k,)."""
    P = scores(X, W)
    same = isinstance(P, np.ndarray) and P.dtype == b.dtype
    return _each_row(np.add, P, b, P) if same else P + b


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


def plain_sums(X: Array, dtype: Any) -> tuple[Array, Array]:
    """Return the sums of X and of X * X over its rows, each (d,), computed in ``dtype``.

    Slices are few, so that threads seldom take turns at the interpreter.
    """
    xp, rows, d = namespace(X), 2 * batch_rows(X), X.shape[1]
    ones = xp.ones(min(rows, X.shape[0]), dtype=dtype, device=device(X))
    s1 = s2 = xp.zeros(d, dtype=dtype, device=device(X))
    for start in range(0, X.shape[0], rows):
        D = xp.astype(X[start : min(start + rows, X.shape[0]), :], dtype, copy=False)
        m = D.shape[0]
        s1 = s1 + over_rows(ones[:m], D)
        if compat.is_numpy_array(D) and D.flags.c_contiguous and m % 64 == 0:
            # 64 rows as one make the inner loop long enough to go without the squares in memory.
            D = D.reshape(m // 64, 64 * d)
            s2 = s2 + np.einsum("ij,ij->j", D, D).reshape(64, d).sum(axis=0)
        else:
            s2 = s2 + over_rows(ones[:m], D * D)
    return s1, s2


def shifted_sums(
    X: Array, shift: Array, weight: Array | None, present: Array | None = None
) -> tuple[Array, Array]:
    """Return ``w @ D`` and ``w @ (D * D)``, each (d,), for ``D = X - shift``.

    Computed in the dtype of ``shift``, a cache-sized slice at a time. ``weight`` None is 1 for
    every row; ``D`` counts as 0 where ``present`` is False.

    NumPy works in a buffer that each thread keeps: fresh temporaries of this size go back to the
    system after every slice, and their page faults then cost up to five times the arithmetic.
    """
    xp, dtype, rows = namespace(shift), shift.dtype, batch_rows(X)
    ones = xp.ones(min(rows, X.shape[0]), dtype=dtype, device=device(shift))
    s1 = s2 = zeros = xp.zeros_like(shift)
    for start in range(0, X.shape[0], rows):
        at = slice(start, min(start + rows, X.shape[0]))
        D = X[at, :]
        u = ones[: D.shape[0]]
        if weight is not None:
            u = xp.astype(weight[at], dtype, copy=False)
        if compat.is_numpy_array(D):
            D = _deviations(D, shift)
            if present is not None:
                np.copyto(D, 0, where=~present[at, :])
            s1 = s1 + over_rows(u, D)
            s2 = s2 + over_rows(u, np.multiply(D, D, out=D))
        else:
            D = xp.astype(D, dtype, copy=False) - shift
            if present is not None:
                D = xp.where(present[at, :], D, zeros)
            s1 = s1 + over_rows(u, D)
            s2 = s2 + over_rows(u, D * D)
    return s1, s2


_kept = threading.local()


def by_columns(X: Array, *steps: tuple[str, Array | None]) -> Array:
    """Return ``X`` after ``steps`` such as ``("subtract", row)``, in its own float dtype.

    NumPy takes a cache-sized slice through all steps before the next: that is twice as fast as a
    pass over ``X`` a step. Steps whose row is None are left out; without any ``X`` itself comes
    back.
    """
    xp = namespace(X)
    kept: list[tuple[str, Array]] = [(name, row) for name, row in steps if row is not None]
    if is_sparse(X):
        for name, row in kept:
            if name in ("add", "subtract"):
                raise ValueError(CENTRED)
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
            part = _each_row(getattr(np, name), part, row, out[at])
    return out


def _each_row(ufunc: np.ufunc, X: np.ndarray, row: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Return ``ufunc(X, row)`` in the contiguous ``out``, sixteen rows as one where they can be.

    NumPy starts its inner loop anew for every row, and with 20 features that is half of the time.
    """
    m, d = X.shape
    k = 16 if m % 16 == 0 and X.flags.c_contiguous else 1
    shape = (m // k, k * d)
    ufunc(X.reshape(shape), np.tile(row, k), out=out.reshape(shape))
    return out


def _deviations(X: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Return ``X - shift`` in this thread's buffer."""
    D = _buffer(X.shape, shift.dtype)
    if X.dtype != D.dtype:
        np.copyto(D, X)
        X = D
    return _each_row(np.subtract, X, shift, D)


def _buffer(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Return a NumPy array that is this thread's until its next call."""
    n = int(np.prod(shape)) * dtype.itemsize
    held = getattr(_kept, "buffer", None)
    if held is None or held.size < n:
        held = np.empty(n, dtype=np.uint8)
        if n <= 4 * CPU_BATCH_BYTES:
            _kept.buffer = held
    return held[:n].view(dtype).reshape(shape)


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


def default_int(like: Array) -> Any:
    """Return the integer dtype that ``like``'s library indexes with on its device."""
    info = namespace(like).__array_namespace_info__()
    return info.default_dtypes(device=device(like))["indexing"]


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
        np.add(scores(X, W).T, b[:, None], out=P)
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


def same_dtype(dtype: np.dtype, like: Array) -> Any:
    """Return NumPy's ``dtype`` in the library of ``like``, or the widest there of its kind."""
    known = namespace(like).__array_namespace_info__().dtypes(device=device(like))
    name = np.dtype(dtype).name
    if name in known:
        return known[name]
    return widest_float(like) if np.dtype(dtype).kind == "f" else default_int(like)


def same_place(a: Array, b: Array) -> bool:
    """Tell whether two arrays are of one library and on one device."""
    return namespace(a) is namespace(b) and device(a) == device(b)
