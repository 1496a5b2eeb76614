"""The array libraries that the tests run on, and helpers to make and read their arrays.

``STREAMLEARN_BACKENDS`` (a comma list of names of `BACKENDS`) chooses; a library that
is named must be importable, since a test that is skipped in silence shows nothing.
"""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from streamlearn import _arrays as b

STRICT = {
    "strict": "CPU_DEVICE",
    "strict-device1": "device1",
    "strict-no_float64": "no_float64",
    "strict-no_x64": "no_x64",
    "strictest": "CPU_DEVICE",
}
"""array-api-strict by device; ``strictest`` also runs without its optional behaviours."""

# `strict` is for tests that name it: what it allows is run on device1, its device by strictest.

MODULES = {
    "numpy": "numpy",
    "readonly": "numpy",
    **dict.fromkeys(STRICT, "array_api_strict"),
    "torch": "torch",
    "jax": "jax.numpy",
    "cupy": "cupy",
}

BACKENDS = tuple(MODULES)
DEFAULT = ("numpy", "readonly", *(name for name in STRICT if name != "strict"))


def selected() -> tuple[str, ...]:
    """Return the names that ``STREAMLEARN_BACKENDS`` asks for."""
    names = tuple(filter(None, os.environ.get("STREAMLEARN_BACKENDS", "").split(","))) or DEFAULT
    if unknown := set(names) - set(BACKENDS):
        raise ValueError(f"STREAMLEARN_BACKENDS names {sorted(unknown)}, known: {BACKENDS}")
    return names


@dataclass(frozen=True)
class Backend:
    """One library on one device.

    Attributes
    ----------
    name : str
        One of `BACKENDS`.
    xp : module
        The Array API namespace, as `streamlearn._arrays.namespace` gives it.
    device : object
        The device that `asarray` puts arrays on.
    float_dtypes : tuple of str
        Names of the real floating dtypes of the device, the widest last.
    """

    name: str
    xp: Any
    device: Any
    float_dtypes: tuple[str, ...]

    def asarray(self, x: Any, dtype: str | None = None) -> Any:
        """Return ``x``, anything that NumPy takes, on the device.

        ``dtype`` is a name such as ``"float32"``; without one, 64 bits become 32 where the device
        has no more.
        """
        x = np.array(x, dtype=dtype)
        if dtype is None:
            known = self.xp.__array_namespace_info__().dtypes(device=self.device)
            if x.dtype.name not in known:
                x = x.astype(x.dtype.name.replace("64", "32"))
        if self.name in ("numpy", "readonly"):
            x.flags.writeable = self.name != "readonly"
            return x
        return self.xp.asarray(x, dtype=self.dtype(x.dtype.name), device=self.device)

    def dtype(self, name: str) -> Any:
        """Return the namespace's dtype called ``name``."""
        return getattr(self.xp, name)

    @property
    def widest(self) -> str:
        """Name of the widest float of the device."""
        return self.float_dtypes[-1]

    @property
    def eps(self) -> float:
        """Spacing of the widest float at 1."""
        return float(np.finfo(self.widest).eps)

    @property
    def flushed(self) -> float:
        """The number below which results are 0, as JAX computes; 0 if none is."""
        tiny = np.finfo(self.widest).tiny
        half = self.asarray(tiny, self.widest) * 0.5
        return float(tiny) if self.to_numpy(half) == 0 else 0.0

    def to_numpy(self, x: Any) -> np.ndarray:
        """Copy an array of this backend to NumPy, and fail on an array of another."""
        self.check(x)
        if self.name == "cupy":
            return x.get()
        if self.name in STRICT:
            return np.array(x._array)
        return np.asarray(x).copy()

    def check(self, x: Any, dtype: str | None = None) -> None:
        """Fail unless ``x`` belongs to this namespace and device (and has ``dtype``)."""
        assert b.namespace(x) is self.xp, f"{type(x)} is not an array of {self.name}"
        assert b.device(x) == self.device, f"on {b.device(x)}, not on {self.device}"
        assert dtype is None or x.dtype == self.dtype(dtype), f"{x.dtype} is not {dtype}"


@contextlib.contextmanager
def open_backend(name: str) -> Iterator[Backend]:
    """Yield the backend called ``name`` with its library's settings in force."""
    raw = importlib.import_module(MODULES[name])
    with contextlib.ExitStack() as stack:
        kwargs = {}
        if name in STRICT:
            kwargs = {"device": raw.Device(STRICT[name])}
        if name == "strictest":
            # linalg stays: it is an extension that every library has, and Newton steps solve.
            flags = raw.ArrayAPIStrictFlags(
                boolean_indexing=False,
                data_dependent_shapes=False,
                enabled_extensions=("linalg",),
            )
            stack.enter_context(flags)
        like = raw.asarray([0.0], **kwargs)
        xp, device = b.namespace(like), b.device(like)
        floats = xp.__array_namespace_info__().dtypes(device=device, kind="real floating")
        names = tuple(f for f in ("float32", "float64") if f in floats)
        yield Backend(name, xp, device, names)


SYNCS = ("__bool__", "__float__", "__int__", "__index__", "__complex__", "__array__", "__dlpack__")


@contextlib.contextmanager
def no_host_sync() -> Iterator[None]:
    """Fail wherever an array-api-strict array is read back to the host."""
    import array_api_strict

    array = type(array_api_strict.asarray(0))
    names = [n for n in (*SYNCS, "__buffer__") if hasattr(array, n)]
    kept = {n: getattr(array, n) for n in names}

    def refuse(name: str) -> Any:
        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            raise AssertionError(f"{name} of an array waits for the device")

        return method

    try:
        for n in names:
            setattr(array, n, refuse(n))
        yield
    finally:
        for n, method in kept.items():
            setattr(array, n, method)
