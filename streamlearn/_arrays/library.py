"""The library, the device and the dtype of an array, and conversions between libraries.

Everything that differs between NumPy, CuPy, torch, JAX and array-api-strict is in this folder, and
no other folder imports ``array_api_compat``. Functions take ``like``: an array whose namespace,
device and dtype the result gets.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import array_api_compat as compat
import array_api_compat.numpy
import numpy as np
from scipy.sparse import csr_array

from streamlearn._arrays import sparse

Array = Any
"""An array of any library that follows the Python Array API."""


CPU_BATCH_BYTES = 1280 * 1024
"""Bytes of X in one batch on a CPU: few enough for its caches, enough to make calls cheap.

Measured on 20 float64 features, a scaler and a Newton step in a fit on 2 cores: 154 ns a row at
640 KiB (4,096 rows), 136 at 1280 KiB.
"""


DEVICE_BATCH_ROWS = 1 << 17
"""Rows in one batch on an accelerator. With fewer, kernels take longer to launch than to run."""

FLOAT, INDEX = np.dtype(np.float64), np.dtype(np.intp)
"""NumPy's widest float and its integer of indices. To ask its namespace takes 2 to 5 us."""


def is_array(x: object) -> bool:
    """Return whether ``x`` is an array of a library this module knows.

    A ``csr_array`` counts as an array of NumPy, but only some of the functions here take it.
    """
    return compat.is_array_api_obj(x) or isinstance(x, csr_array)


def _is_host(x: object) -> bool:
    return isinstance(x, np.ndarray | np.generic | csr_array)


def namespace(array: Array, *others: Array) -> Any:
    """Return the Array API namespace that all of ``arrays`` share.

    Raises
    ------
    TypeError
        If one of them is not an array, or if they come from different libraries.
    """
    # Looking up a library costs 4 us, dozens of times a batch. The type shows NumPy at once. NumPy
    # has the names of the standard itself; array_api_compat's wrappers of them take 1 to 3 us.
    if not others and (type(array) is np.ndarray or _is_host(array)):
        return np
    arrays = (a.data if is_sparse(a) else a for a in (array, *others))
    xp = compat.array_namespace(*arrays)
    return np if xp is compat.numpy else xp


def device(x: Array) -> Any:
    """Return the device that holds ``x``."""
    return compat.device(x.data if is_sparse(x) else x)


def on_host(x: Array) -> bool:
    """Return whether ``x`` is in host memory. Arrays on array-api-strict's fake devices are."""
    if _is_host(x):
        return True
    if compat.is_cupy_array(x):
        return False
    if compat.is_torch_array(x):
        return x.device.type == "cpu"
    if compat.is_jax_array(x):
        return all(d.platform == "cpu" for d in x.devices())
    return True


def reads_are_free(x: Array) -> bool:
    """Return whether reading a value of ``x`` neither waits for a device nor breaks a trace."""
    return isinstance(x, np.ndarray | csr_array) or (compat.is_torch_array(x) and on_host(x))


def asarray(x: Any, *, like: Array, dtype: Any = None) -> Array:
    """Return ``x`` as an array in the library and on the device of ``like``.

    ``x`` is a number, a sequence or an array of any library. ``dtype`` defaults to that of
    ``like``. An array of another library is copied through host memory.
    """
    dtype = like.dtype if dtype is None else dtype
    if type(x) is type(like) is np.ndarray:
        return x.astype(dtype, copy=False)  # in 0.3 us instead of 5
    xp = namespace(like)
    if is_array(x) and not compat.is_numpy_array(x):
        if namespace(x) is xp:
            if itemsize(dtype, xp) < itemsize(x.dtype, xp):
                x = xp.astype(x, dtype)  # the device of like may not support the wider one
            return xp.astype(compat.to_device(x, device(like)), dtype, copy=False)
        x = to_numpy(x)
    if isinstance(x, np.ndarray) and not x.flags.writeable and not compat.is_numpy_array(like):
        x = x.copy()  # torch and DLPack refuse read-only memory or warn about it
    return xp.asarray(x, dtype=dtype, device=device(like))


def to_numpy(x: Array) -> np.ndarray:
    """Return ``x`` in host memory as an array of NumPy, or ``x`` itself if it is one already."""
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
    """Return ``x`` in row-major order (C order): itself if it is, else a copy.

    The memory order decides how sums and products are rounded. A column-major block of many rows is
    also slow to cut into batches.
    """
    flags = getattr(x, "flags", None)
    if flags is None:
        return x.contiguous() if compat.is_torch_array(x) else x
    return x if flags.c_contiguous else namespace(x).asarray(x, order="C")


def column_major(x: Array) -> Array | None:
    """Return ``x`` in column-major order, or None if it is of another library than NumPy."""
    return np.asfortranarray(x) if isinstance(x, np.ndarray) else None


def is_strided(x: Any) -> bool:
    """Return whether a tensor of torch stores all its elements; True for all other objects."""
    return not compat.is_torch_array(x) or str(x.layout) == "torch.strided"


def to_float(x: Array) -> float:
    """Return the value of a 0-d array as a float. This waits for the device."""
    return float(x)


def nbytes(x: Array) -> int:
    """Return the bytes of memory that the elements of ``x`` take, or 0 if that is not known."""
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
    """Return the widest real floating dtype of ``like``'s device: float64 or float32."""
    if _is_host(like):
        return FLOAT
    xp = namespace(like)
    dtypes = xp.__array_namespace_info__().dtypes(device=device(like), kind="real floating")
    return dtypes["float64"] if "float64" in dtypes else dtypes["float32"]


def float_dtype(x: Array) -> Any:
    """Return the dtype for computations: that of ``x`` if real floating, else `widest_float`."""
    xp = namespace(x)
    return x.dtype if xp.isdtype(x.dtype, "real floating") else widest_float(x)


@cache
def keep_heap() -> None:
    """Let the GNU C library keep the memory of a batch's temporaries for the next batch.

    By default it returns the top of its heap to the system after every batch whose temporaries
    exceed 256 KiB, and gets it again page by page. Once 16 MiB have been allocated and freed, it
    keeps twice as much. Measured on batches of 4,096 x 20 float64: (X - m) / s takes 35 ns a row
    instead of 180. With other C libraries this function has no effect.
    """
    np.empty(1 << 24, dtype=np.uint8)


def batch_rows(
    X: Array, *, extra: int = 0, budget: int = CPU_BATCH_BYTES, most: int = 1 << 13
) -> int:
    """Return the number of rows of the largest batch of ``X``, a power of two.

    On a CPU a batch takes at most ``budget`` bytes, where each row has ``extra`` more numbers. It
    has at least 512 and at most ``most`` rows. By default it stays in the second-level cache. On an
    accelerator a batch has `DEVICE_BATCH_ROWS` rows. The number depends only on the size of a row
    and the kind of device, so results are the same on every machine.
    """
    if not on_host(X):
        return DEVICE_BATCH_ROWS
    keep_heap()
    size = itemsize(X.dtype, namespace(X))
    own = sparse.bytes_of_a_row(X) if is_sparse(X) else X.shape[1] * size
    row = max(1, own + extra * size)
    return min(most, max(512, power_of_two(budget // row)))


def power_of_two(n: int) -> int:
    """Return the largest power of two that is at most n, or 1 if n is smaller."""
    return 1 << max(0, n.bit_length() - 1)


def is_sparse(X: object) -> bool:
    """Return whether ``X`` is a ``csr_array``, which does not store the zeros of its rows."""
    # isinstance with scipy's class takes 0.2 us
    return type(X) is not np.ndarray and isinstance(X, csr_array)


def default_int(like: Array) -> Any:
    """Return the integer dtype of indices in ``like``'s library and on its device."""
    if _is_host(like):
        return INDEX
    info = namespace(like).__array_namespace_info__()
    return info.default_dtypes(device=device(like))["indexing"]


def same_dtype(dtype: np.dtype, like: Array) -> Any:
    """Return NumPy's ``dtype`` in ``like``'s library, or the widest dtype of its kind there."""
    known = namespace(like).__array_namespace_info__().dtypes(device=device(like))
    name = np.dtype(dtype).name
    if name in known:
        return known[name]
    return widest_float(like) if np.dtype(dtype).kind == "f" else default_int(like)


def same_place(a: Array, b: Array) -> bool:
    """Return whether two arrays are of the same library and on the same device."""
    if type(a) is type(b) is np.ndarray:
        return True
    return namespace(a) is namespace(b) and device(a) == device(b)
