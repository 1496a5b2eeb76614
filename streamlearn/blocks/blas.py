"""BLAS on one thread while dask's threads share the processors.

A BLAS that starts threads of its own under each of dask's threads slows both down, and its sums
would depend on their number.
"""

from __future__ import annotations

from contextlib import ContextDecorator
from functools import cache
from threading import Lock
from typing import Any

from threadpoolctl import ThreadpoolController

_lock = Lock()
_inside = 0
_former: list[tuple[Any, int]] = []
"""The libraries that have been limited, and their former numbers of threads."""


@cache
def _libraries() -> list[Any]:
    """Return the BLAS libraries of this process. To find them takes milliseconds."""
    return list(ThreadpoolController().select(user_api="blas").lib_controllers)


class one_blas_thread(ContextDecorator):  # noqa: N801
    """Run BLAS on one thread in the body, in all threads of this process.

    Bodies may overlap, in one thread or in several. The numbers of threads before are restored when
    the last body ends, also after an error.
    """

    def __enter__(self) -> None:
        global _inside, _former
        with _lock:
            if not _inside:
                # threadpoolctl's own limit takes three times as long, and each block has one.
                _former = [(each, n) for each in _libraries() if (n := each.num_threads) != 1]
                for each, _ in _former:
                    each.set_num_threads(1)
            _inside += 1

    def __exit__(self, *_: object) -> None:
        global _inside
        with _lock:
            _inside -= 1
            if not _inside:
                for each, n in _former:
                    each.set_num_threads(n)
