"""Functions that convert labels of two dtypes to dtypes that compare exactly."""

from __future__ import annotations

import numpy as np

from streamlearn._arrays import Array, default_int, itemsize, namespace, to_numpy, widest_float


def exactly(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return two arrays of labels in dtypes that compare and join exactly.

    NumPy converts int64 with uint64, and integers with floats, to floats. Beyond 2**53 two labels
    can then become one. Such arrays are returned as objects, which Python compares exactly.
    """
    if a.dtype == b.dtype or not {a.dtype.kind, b.dtype.kind} <= {"i", "u", "f"}:
        return a, b
    if np.result_type(a, b).kind == "f" and not (_are_floats(a) and _are_floats(b)):
        return a.astype(object), b.astype(object)
    return a, b


def comparable(a: Array, b: Array) -> tuple[Array, Array]:
    """Return two arrays of the same library and device in a dtype that represents both exactly.

    If their library has no such dtype, they are returned as NumPy's objects.
    """
    if a.dtype == b.dtype:
        return a, b
    xp = namespace(a, b)
    floating = any(xp.isdtype(x.dtype, "real floating") for x in (a, b))
    if floating and not (_are_floats(a) and _are_floats(b)):
        return exactly(to_numpy(a), to_numpy(b))
    dtype = widest_float(a) if floating else default_int(a)
    return xp.astype(a, dtype), xp.astype(b, dtype)


def _are_floats(x: Array) -> bool:
    """Return whether float64 represents all numbers of ``x`` exactly."""
    xp = namespace(x)
    if not xp.isdtype(x.dtype, "integral") or itemsize(x.dtype, xp) < 8 or not x.shape[0]:
        return True
    return int(xp.min(x)) >= -(2**53) and int(xp.max(x)) <= 2**53
