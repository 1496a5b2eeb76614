"""What a report of a fault has to say about the machine and the libraries."""

from __future__ import annotations

import platform
import sys
import sysconfig
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from importlib.util import find_spec

from threadpoolctl import threadpool_info

from streamlearn import __version__

REQUIRED = (
    "numpy",
    "scipy",
    "scikit-learn",
    "dask",
    "array-api-compat",
    "threadpoolctl",
    "joblib",
    "narwhals",
)
"""What the package needs, and what scikit-learn needs."""

OPTIONAL = (
    "distributed",
    "pandas",
    "pyarrow",
    "polars",
    "xarray",
    "matplotlib",
    "torch",
    "jax",
    "cupy",
    "array-api-strict",
    "skops",
)
"""Libraries whose arrays, frames, clusters, files or pictures the package takes or makes."""


def _version(name: str) -> str | None:
    """Return the version of an installed library, which is not imported."""
    try:
        return version(name)
    except PackageNotFoundError:
        # CuPy has a distribution for each release of CUDA. It takes a second to look for its name.
        found = packages_distributions().get(name) if find_spec(name) else None
        return f"{version(found[0])} ({found[0]})" if found else None


def _system() -> dict[str, str]:
    """Return what the interpreter and the machine are."""
    free_threaded = sysconfig.get_config_var("Py_GIL_DISABLED")
    return {
        "python": sys.version.replace("\n", " "),
        "executable": sys.executable,
        "machine": platform.platform(),
        "free-threaded": "yes" if free_threaded else "no",
    }


def _libraries() -> dict[str, str | None]:
    """Return the version of each library, None if it is not installed."""
    return {"streamlearn": __version__} | {name: _version(name) for name in REQUIRED + OPTIONAL}


def _print(title: str, lines: Mapping[str, object]) -> None:
    """Print a title and what is below it, with aligned colons."""
    print(f"{title}:")
    width = max(map(len, lines), default=0)
    for name, what in lines.items():
        print(f"    {name:>{width}}: {what}")
    print()


def show_versions() -> None:
    """Print the versions of Python, of the libraries and of BLAS.

    A report of a fault should contain what it prints. Optional libraries that are not installed
    have the version None. No optional library is imported.

    See Also
    --------
    sklearn.show_versions : The same for scikit-learn alone.

    Examples
    --------
    >>> import streamlearn
    >>> streamlearn.show_versions()
    System:
               python: 3...
           executable: ...
              machine: ...
        free-threaded: ...
    Libraries:
             streamlearn: ...
                   numpy: ...
    ...
    """
    # threadpoolctl sees only what is loaded.
    import scipy.linalg  # noqa: F401
    import sklearn.utils  # noqa: F401

    _print("System", _system())
    _print("Libraries", _libraries())
    for number, pool in enumerate(threadpool_info(), start=1):
        _print(f"Thread pool {number}", pool)
