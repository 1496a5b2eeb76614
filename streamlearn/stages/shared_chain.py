"""A chain whose first stages other chains have too. Each of these stages does its work once.

Candidates of a search are such chains: they learn from the same block, and their first stages have
learned the same from the blocks before.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import Any

from streamlearn._validation.reader import Reader
from streamlearn.blocks import LazyRows
from streamlearn.stages.chain import Chain, Passed, StageCall
from streamlearn.stages.stage import StagedBlock


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

    # A statistic reads a block twice: stages learn in one read and transform in another.
    def _alone(
        self,
        i: int,
        X: LazyRows,
        params: Mapping[str, Any],
        reader: Reader,
        block: int | None,
        learns: bool,
    ) -> tuple[StagedBlock, LazyRows | None]:
        compute = partial(super()._alone, i, X, params, reader, block, learns)
        return self._once(("alone", learns), i, compute)

    def _through(
        self,
        i: int,
        states: tuple[Any, ...],
        out: tuple[Any, ...],
        parts: tuple[Any, ...],
        passed: Passed,
        how: StageCall,
    ) -> tuple[Any, Passed]:
        compute = partial(super()._through, i, states, out, parts, passed, how)
        return self._once(("through", how.learns, how.alone, how.transforms), i, compute)

    def _once(self, what: Hashable, i: int, compute: Callable[[], Any]) -> Any:
        if i >= len(self.path):
            return compute()
        return self.shared.once((what, self.path[i]), compute)
