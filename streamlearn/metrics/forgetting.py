"""Sums over the last rows of a stream, and over rows that fade.

Sums merge, and a part of a sum cannot be subtracted again. So a window keeps the sums of its blocks
in two stacks [1]_. Each new block costs two merges on average, however many blocks the window has.

A row that fades has a weight that is multiplied by a factor with each row that follows. Sums cannot
be multiplied. So the weights of new rows grow instead, from a first row on. When rows before a
later one weigh less than rounding, the sums that begin at that row replace the older ones. Both are
kept until then.

References
----------
.. [1] K. Tangwongsan, M. Hirzel, S. Schneider and K.-L. Wu, "General incremental sliding-window
   aggregation", Proceedings of the VLDB Endowment 8(7), 2015.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, log
from typing import Any, NamedTuple

import numpy as np

Merge = Callable[[Any, Any], Any]


def merged(merge: Merge, a: Any, b: Any) -> Any:
    """Return the sums of both. None has no rows."""
    if a is None or b is None:
        return b if a is None else a
    return merge(a, b)


class _Kept(NamedTuple):
    """A block in a window, its sums, and those of later blocks in the same stack."""

    rows: int
    block: Any
    sums: Any
    later: Any


class Window:
    """The sums over the last rows.

    Parameters
    ----------
    size : int
        The number of rows.
    merge : callable
        ``(a, b) -> sums``, where the rows of ``a`` come first.
    """

    def __init__(self, size: int, merge: Merge) -> None:
        self.size = size
        self.merge = merge
        self.rows = 0
        self._old: list[_Kept] = []  # The last one is the oldest of all.
        self._new: list[_Kept] = []
        self._of_new: Any = None

    def add(self, rows: int, block: Any, sums: Any) -> None:
        """Add a block of at least one row, and forget blocks before the window."""
        self._new.append(_Kept(rows, block, sums, None))
        self._of_new = merged(self.merge, self._of_new, sums)
        self.rows += rows
        while self.rows - self._oldest().rows >= self.size:
            self.rows -= self._old.pop().rows

    def _oldest(self) -> _Kept:
        if not self._old:
            later: Any = None
            for kept in reversed(self._new):
                self._old.append(kept._replace(later=later))
                later = merged(self.merge, kept.sums, later)
            self._new, self._of_new = [], None
        return self._old[-1]

    def sums(self, of_last_rows: Callable[[Any, int], Any]) -> Any:
        """Return the sums over the window, or None without rows.

        ``of_last_rows`` is ``(block, n) -> sums``: those over the last n rows of a block.
        """
        if not self.rows:
            return None
        oldest, before = self._oldest(), self.rows - self.size
        sums = oldest.sums
        if before > 0:
            sums = of_last_rows(oldest.block, oldest.rows - before)
        return merged(self.merge, merged(self.merge, sums, oldest.later), self._of_new)


BITS = 53
"""Rows count as forgotten if they weigh less than 2**-BITS of the newest one."""

PARTS = 4
"""Rows are weighed in parts of this share of the rows that count, so that weights stay in range."""


class _Since(NamedTuple):
    """The sums over all rows from a first one on."""

    first: int
    sums: Any


class Fading:
    """The sums over rows whose weights shrink.

    Parameters
    ----------
    factor : float
        Between 0 and 1: what a weight is multiplied by with each row that follows.
    merge : callable
        ``(a, b) -> sums``.
    """

    def __init__(self, factor: float, merge: Merge) -> None:
        # With less, the last row alone counts already, and weights would leave the range.
        self.factor = max(factor, 2.0 ** -(BITS + 1))
        self.merge = merge
        self.span = ceil(BITS * log(2) / -log(self.factor))
        """The number of rows after which a row is forgotten."""
        self._rows = 0
        self._since: list[_Since] = []

    def add(self, rows: int, of_rows: Callable[[range, np.ndarray], Any]) -> None:
        """Add a block. ``of_rows`` is ``(rows, weight) -> sums`` over some rows of it."""
        size = max(1, self.span // PARTS)
        # Rows so long before the end of the block count no more, nor does anything before them.
        start = max(0, rows - 2 * self.span)
        self._rows += start
        if start:
            self._since = []
        while start < rows:
            stop = min(start + size, rows)
            self._add(range(start, stop), of_rows)
            start = stop

    def _add(self, rows: range, of_rows: Callable[[range, np.ndarray], Any]) -> None:
        if not self._since or self._rows - self._since[-1].first >= self.span:
            self._since.append(_Since(self._rows, None))
        after = np.arange(self._rows, self._rows + len(rows))
        self._since = [
            since._replace(sums=merged(self.merge, since.sums, of_rows(rows, self._weight(age))))
            for since in self._since
            for age in (after - since.first,)
        ]
        self._rows += len(rows)
        if len(self._since) > 1 and self._rows - self._since[1].first >= self.span:
            del self._since[0]

    def _weight(self, age: np.ndarray) -> np.ndarray:
        """Return weights that grow. They begin below 1, so that they stay in the range of float32.

        The newest row is at most 2.5 spans old.
        """
        middle = self.span * (1 + 1 / PARTS)
        return np.exp(-log(self.factor) * (age - middle))

    def sums(self) -> Any:
        """Return the sums over all rows that are not forgotten, or None without rows."""
        return self._since[0].sums if self._since else None
