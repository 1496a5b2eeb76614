"""How blocks are learned from in rounds, and which blocks a round has.

The sizes of rounds depend on the data alone, so results do not depend on workers or time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from streamlearn.blocks.segments import SEGMENT

FIRST_LOOK = 8
"""The number of blocks of a pass after which rounds may begin. The next ones are 16, 32..."""


def _one(state: Any) -> int:
    return 1


class SideBySide(NamedTuple):
    """How the blocks of a round are learned from.

    Attributes
    ----------
    may_begin : callable
        ``(state, rows) -> bool``: whether rounds may begin after ``rows`` rows of the pass, as far
        as an earlier state shows it.
    seen : callable
        ``(state, rows) -> float``: the rows that the state has learned from, as a multiple of
        ``rows``, those of the pass so far. It is 0 if they are too few for rounds.
    view : callable
        ``(state) -> view``: what the blocks must know of the state.
    of_block : callable
        ``(view, prepared block) -> (sums, report)``.
    merge : callable
        ``(a, b) -> sums``.
    step : callable
        ``(state, sums) -> state``.
    renewed : callable or None
        ``(state) -> state``: what of the step needs no sums.
    ratio : int
        A round has one block for this number of blocks seen before it, if ``length`` is None.
    first : callable
        ``(state) -> int``: the smallest number of blocks of the first round, if ``length`` is None.
    length : int or None
        The number of blocks of every round. Rounds then begin at any block, and may be longer than
        `SEGMENT`.
    """

    may_begin: Callable[[Any, int], bool]
    seen: Callable[[Any, int], float]
    view: Callable[[Any], Any]
    of_block: Callable[[Any, Any], tuple[Any, Any]]
    merge: Callable[[Any, Any], Any]
    step: Callable[[Any, Any], Any]
    renewed: Callable[[Any], Any] | None = None
    ratio: int = 1
    first: Callable[[Any], int] = _one
    length: int | None = None


class Position(NamedTuple):
    """A place in a pass, between two segments.

    Attributes
    ----------
    at : int
        The number of blocks before it.
    read : int
        The number of their rows.
    blocks_before : float or None
        If rounds have begun, how many blocks like those of the pass were learned from before it.
    """

    at: int = 0
    read: int = 0
    blocks_before: float | None = None


BEGIN = Position()
"""The beginning of a pass."""


class Layout:
    """The rounds of a pass. They depend on the data alone.

    Attributes
    ----------
    side : SideBySide or None
    blocks_before : float or None
        See `Position`. Rounds that have begun go on to the end of the pass.
    """

    def __init__(self, side: SideBySide | None, blocks_before: float | None) -> None:
        self.side: Any = side
        self.blocks_before = blocks_before

    @property
    def begun(self) -> bool:
        """Whether rounds have begun."""
        return self.blocks_before is not None

    def look(self, state: Any, at: int, rows: int) -> None:
        """Let rounds begin at position ``at``, after ``rows`` rows, if they are enough."""
        if self.begun or self.side is None:
            return
        if self.side.length is not None:
            self.blocks_before = 0.0 if self.side.seen(state, rows) > 0 else None
            return
        if at < FIRST_LOOK or at & (at - 1):
            return
        seen = at * self.side.seen(state, rows)
        if seen and seen >= self.side.ratio * self.side.first(state):
            self.blocks_before = seen - at

    def next_look(self, state: Any, at: int, rows: Sequence[int | None]) -> int:
        """Return the next position at which rounds may begin, if the blocks have ``rows`` rows."""
        look = FIRST_LOOK
        while look <= at:
            look *= 2
        if self.side is None:
            return len(rows)
        if self.side.length is not None:
            return at + 1
        while look < len(rows):
            known = [n for n in rows[:look] if n is not None]
            if len(known) < look or self.side.may_begin(state, sum(known)):
                break
            look *= 2
        return look

    def round_ends(self, start: int, stop: int, n: int) -> list[int]:
        """Return the ends of the rounds from ``start`` until the first at or after ``stop``."""
        ends = [start]
        while ends[-1] < stop:
            ends.append(min(ends[-1] + self.length(ends[-1]), n))
        return ends[1:]

    def length(self, at: int) -> int:
        """Return the number of blocks of a round that begins at a position.

        From 2 on it is a multiple of 2, and from 16 on of 4, then 8: few workers wait for others.
        """
        if self.side.length is not None:
            return int(self.side.length)
        assert self.blocks_before is not None
        length = min(int((self.blocks_before + at) // self.side.ratio), SEGMENT)
        return length - length % (1 << max(length.bit_length() - 3, length > 1))
