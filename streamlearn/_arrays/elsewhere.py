"""Where an array is, in words that a file can hold: its library, its device and its dtype."""

from __future__ import annotations

import importlib
from typing import Any

import array_api_compat as compat
import numpy as np
from scipy.sparse import issparse

from streamlearn._arrays.library import (
    Array,
    asarray,
    device,
    is_array,
    same_dtype,
    to_numpy,
)

LIBRARIES = {
    "numpy": "array_api_compat.numpy",
    "torch": "array_api_compat.torch",
    "cupy": "array_api_compat.cupy",
    "jax": "jax.numpy",
    "array_api_strict": "array_api_strict",
}
"""The module of each library that has the functions of the Array API."""


def is_elsewhere(x: Any) -> bool:
    """Return whether ``x`` is an array of one of these libraries and not of NumPy."""
    if isinstance(x, type | np.ndarray | np.generic) or not is_array(x):
        return False
    return type(x).__module__.partition(".")[0].removesuffix("lib") in LIBRARIES


def place_names(x: Array) -> tuple[str, str, str]:
    """Return the names of an array's library, of its device and of its dtype.

    Examples
    --------
    >>> import array_api_strict
    >>> place_names(array_api_strict.zeros(2))
    ('array_api_strict', 'CPU_DEVICE', 'float64')
    """
    library = type(x).__module__.partition(".")[0].removesuffix("lib")
    place = device(x)
    if library == "cupy":
        place = place.id
    elif library == "array_api_strict":
        place = place._device
    return library, str(place), str(x.dtype).rpartition(".")[2]


def to_numpy_exactly(x: Array) -> np.ndarray:
    """Return the values of an array in NumPy. Those that NumPy has no dtype for are wider there."""
    if str(x.dtype).rpartition(".")[2] == "bfloat16":
        x = x.float() if compat.is_torch_array(x) else x.astype("float32")
    return to_numpy(x)


def library(name: str) -> Any:
    """Return the namespace of a library.

    Raises
    ------
    ImportError
        If it is not installed.
    ValueError
        If streamlearn does not know it.
    """
    if name not in LIBRARIES:
        raise ValueError(f"The library {name!r} is not one of {sorted(LIBRARIES)}.")
    try:
        return importlib.import_module(LIBRARIES[name])
    except ImportError as error:
        raise ImportError(
            f"The arrays are of {name}, which cannot be imported ({error}). Install it, or use "
            'streamlearn.to_namespace(model, "numpy") where the model was fitted.'
        ) from error


def empty(xp: Any, place: Any) -> Array:
    """Return an array without elements of a library, given by its name or its module.

    Raises
    ------
    ImportError, ValueError
        If the library is not installed, or has no device ``place``.
    """
    known = xp if isinstance(xp, str) else xp.__name__.removeprefix("array_api_compat.")
    name = known.partition(".")[0]
    xp = library(name)
    try:
        found = _device(xp, name, place) if isinstance(place, str) else place
        return xp.empty(0, device=found)
    # torch says by an AssertionError that it was built without CUDA.
    except (AssertionError, RuntimeError, ValueError, StopIteration) as error:
        raise ValueError(f"{name} has no device {str(place)!r} here ({error}).") from error


def moved_to(x: Array, like: Array) -> Array:
    """Return an array in the library and on the device of ``like``.

    It has the same dtype, or the widest of its kind on that device.

    Raises
    ------
    TypeError
        If it is sparse, and the library is not NumPy.
    """
    if issparse(x):
        if not isinstance(like, np.ndarray):
            raise TypeError(
                "Sparse arrays are of scipy, and no other library takes them. Call densify() on "
                "the model first."
            )
        return x
    host = to_numpy_exactly(x)
    return asarray(host, like=like, dtype=same_dtype(host.dtype, like))


def remade(x: np.ndarray, name: str, place: str, dtype: str) -> Array:
    """Return NumPy's array in another library, as `place_names` described it.

    Raises
    ------
    ImportError
        If the library is not installed.
    ValueError
        If the library has no such device or dtype here.
    """
    xp = library(name)
    try:
        out = xp.asarray(x, dtype=getattr(xp, dtype), device=_device(xp, name, place))
    except (AttributeError, RuntimeError, ValueError, StopIteration) as error:
        raise ValueError(
            f"The arrays are of {name} on the device {place!r}, which is missing here ({error}). "
            'Use streamlearn.to_namespace(model, "numpy") where the model was fitted.'
        ) from error
    if place_names(out)[2] != dtype:
        raise ValueError(
            f"The arrays are {dtype}, but {name} converts them to {place_names(out)[2]} as it is "
            'configured here. For JAX call jax.config.update("jax_enable_x64", True) first.'
        )
    return out


def _device(xp: Any, name: str, place: str) -> Any:
    if name == "cupy":
        return xp.cuda.Device(int(place))
    if name == "array_api_strict":
        return xp.Device(place)
    if name == "jax":
        jax = importlib.import_module("jax")
        return next(d for d in jax.devices() if str(d) == place)
    return place
