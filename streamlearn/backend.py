"""The array libraries, seen through one door.

Everything that differs between NumPy, CuPy, torch, JAX and array-api-strict and is needed by the
numerics stands here, and nothing else imports ``array_api_compat``. Functions take ``like``: an
array that fixes namespace, device and dtype.
"""

from __future__ import annotations

from typing import Any

import array_api_compat as compat
import numpy as np

Array = Any
"""An array of any library that follows the Python Array API."""

CPU_BATCH_BYTES = 640 * 1024
"""Bytes of X in one batch on a CPU: a batch and its temporaries stay in a 1 MiB second-level cache.

Measured on 20 float64 features, one logistic step per row: 32 ns at 1,024 rows, 26 ns at 4,096
(640 KiB), 32 ns at 16,384.
"""

DEVICE_BATCH_ROWS = 1 << 17
"""Rows in one batch on an accelerator, where a launch costs more than the arithmetic it starts."""


def is_array(x: object) -> bool:
    """Tell whether ``x`` is an array of a library this module knows."""
    return compat.is_array_api_obj(x)


def namespace(*arrays: Array) -> Any:
    """Return the Array API namespace that all of ``arrays`` share.

    Raises
    ------
    TypeError
        If one is not an array, or they come from different libraries.
    """
    return compat.array_namespace(*arrays)


def device(x: Array) -> Any:
    """Return the device that holds ``x``."""
    return compat.device(x)


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
    """Tell whether a value of ``x`` can be read without waiting for a device or breaking a trace."""
    return compat.is_numpy_array(x) or (compat.is_torch_array(x) and on_host(x))


def asarray(x: Any, *, like: Array, dtype: Any = None) -> Array:
    """Return ``x`` (a number, a sequence, a NumPy array or an array of any library) beside ``like``.

    ``dtype`` defaults to that of ``like``. An array of ``like``'s library moves to its device; one
    of another library crosses through host memory.
    """
    xp = namespace(like)
    dtype = like.dtype if dtype is None else dtype
    if is_array(x) and not compat.is_numpy_array(x):
        if namespace(x) is xp:
            return xp.astype(compat.to_device(x, device(like)), dtype, copy=False)
        x = to_numpy(x)
    if isinstance(x, np.ndarray) and not x.flags.writeable and not compat.is_numpy_array(like):
        x = x.copy()  # torch and DLpack refuse or warn about read-only memory
    return xp.asarray(x, dtype=dtype, device=device(like))


def to_numpy(x: Array) -> np.ndarray:
    """Copy ``x`` to host memory as a NumPy array; a NumPy array comes back as it is."""
    if isinstance(x, np.ndarray):
        return x
    if compat.is_cupy_array(x):
        return x.get()
    if compat.is_torch_array(x):
        return x.detach().cpu().numpy()
    if compat.is_array_api_strict_namespace(namespace(x)):
        return np.asarray(compat.to_device(x, namespace(x).Device("CPU_DEVICE")))
    return np.asarray(x)


def to_float(x: Array) -> float:
    """Read a 0-d array back to the host; this waits for the device."""
    return float(x)


def nbytes(x: Array) -> int:
    """Return the bytes of memory that the elements of ``x`` take, 0 where that is not known."""
    known = getattr(x, "nbytes", None)
    if known is not None:
        return int(known)
    return int(np.prod(x.shape)) * itemsize(x.dtype, namespace(x))


def itemsize(dtype: Any, xp: Any) -> int:
    """Return the bytes of one element of ``dtype``."""
    if xp.isdtype(dtype, "bool"):
        return 1
    info = xp.finfo(dtype) if xp.isdtype(dtype, ("real floating", "complex floating")) else xp.iinfo(dtype)
    return int(info.bits) // 8


def widest_float(like: Array) -> Any:
    """Return the widest real floating dtype of ``like``'s device: float64, or float32 without it."""
    xp = namespace(like)
    dtypes = xp.__array_namespace_info__().dtypes(device=device(like), kind="real floating")
    return dtypes["float64"] if "float64" in dtypes else dtypes["float32"]


def float_dtype(x: Array) -> Any:
    """Return the dtype that ``x`` is computed in: its own if real floating, else the widest one."""
    xp = namespace(x)
    return x.dtype if xp.isdtype(x.dtype, "real floating") else widest_float(x)


def batch_rows(X: Array) -> int:
    """Return how many rows of ``X`` make the largest batch: a power of two set by the device.

    On a CPU as many as stay in the second-level cache, between 512 and 8192; on an accelerator as
    many as fill it. It depends on the row's size and the kind of device only, so results do not
    change from one machine to the next.
    """
    if not on_host(X):
        return DEVICE_BATCH_ROWS
    row = max(1, X.shape[1] * itemsize(X.dtype, namespace(X)))
    return 1 << min(13, max(9, (CPU_BATCH_BYTES // row).bit_length() - 1))


def scores(X: Array, W: Array) -> Array:
    """Return ``X @ W.T``: (m, d) rows times (k, d) columns, as (m, k)."""
    return X @ namespace(W).matrix_transpose(W)


def weighted_sums(G: Array, X: Array) -> Array:
    """Return ``G.T @ X``: (m, k) weights on (m, d) rows, as (k, d)."""
    return namespace(G).matrix_transpose(G) @ X


def gram(X: Array, h: Array) -> Array:
    """Return ``X.T @ diag(h) @ X`` for (m, d) rows and (m,) weights, as (d, d)."""
    return weighted_sums(X * h[:, None], X)


def default_int(like: Array) -> Any:
    """Return the integer dtype that ``like``'s library indexes with on its device."""
    return namespace(like).__array_namespace_info__().default_dtypes(device=device(like))["indexing"]


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
