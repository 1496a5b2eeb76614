"""BLAS on one thread while dask's threads share the processors.

A BLAS that starts threads of its own under each of dask's threads slows both down, and its sums
would depend on their number.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any

from threadpoolctl import ThreadpoolController

_lock = Lock()
_inside = 0
_limits: Any = None


@cache
def _libraries() -> ThreadpoolController:
    """Return the BLAS libraries of this process. To find them takes milliseconds."""
    return ThreadpoolController().select(user_api="blas")


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Run BLAS on one thread in the body, in all threads of this process.

    Bodies may overlap, in one thread or in several. The former numbers of threads are put back when
    the last body ends, also after an error.
    """
    global _inside, _limits
    with _lock:
        if not _inside:
            _limits = _libraries().limit(limits=1)
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                _limits, limits = None, _limits
                limits.restore_original_limits()
