"""A chain whose first stages other chains have too. Each of these stages does its work once.

Candidates of a search are such chains: they learn from the same block, and their first stages have
learned the same from the blocks before.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import Any

from streamlearn.stages.chain import Chain


class Shared:
    """Results for one block. The first thread that needs one computes it, and others wait for it.

    An error is not shared: each thread that needs the result gets its own error.

    Examples
    --------
    >>> shared = Shared()
    >>> shared.once("sum", lambda: 1 + 1), shared.once("sum", lambda: 3)
    (2, 2)
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._locks: dict[Hashable, Lock] = {}
        self._found: dict[Hashable, Any] = {}

    def once(self, key: Hashable, compute: Callable[[], Any]) -> Any:
        """Return the result with a key, which is computed if there is none yet."""
        with self._lock:
            lock = self._locks.setdefault(key, Lock())
        with lock:
            if key not in self._found:
                self._found[key] = compute()
            return self._found[key]


@dataclass(frozen=True, eq=False)
class SharedChain(Chain):
    """A chain that has its first stages in common with others, for one block.

    Attributes
    ----------
    path : tuple of int
        A number for each of these stages. Two stages that have the same number, and all stages
        before them, are equal and have learned the same.
    shared : Shared
    """

    path: tuple[int, ...] = ()
    shared: Shared = field(default_factory=Shared)

    def _alone(self, i: int, *args: Any) -> Any:
        return self._once("alone", i, partial(super()._alone, i, *args))

    def _through(self, i: int, *args: Any) -> Any:
        return self._once("through", i, partial(super()._through, i, *args))

    def _once(self, what: str, i: int, compute: Callable[[], Any]) -> Any:
        if i >= len(self.path):
            return compute()
        return self.shared.once((what, self.path[i]), compute)
