"""``rounds``: the verb of learners that take one step for several blocks.

A pass begins as `fold`. Once the learner has seen enough, the blocks of a round are summed side by
side, with the same view of the state. Their sums are merged in a fixed order, and a step follows::

    view-r      = view(state-r)
    update-k    = sums of load-k, by view-r          for each block k of the round, in parallel
    state-(r+1) = step(state-r, merged sums)

Blocks of the next round are loaded while the step is taken. The sizes of rounds depend on the state
and on the number of blocks, never on workers or time. So the result has the same bits on one thread
and on many machines.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import Any, NamedTuple

from streamlearn.blocks.blas import one_blas_thread
from streamlearn.blocks.block import Block, noted
from streamlearn.blocks.containers import Blocks
from streamlearn.blocks.graph import DataNode, Key, Task, TaskRef
from streamlearn.blocks.merge_tree import MergeTree, merged_in_tree
from streamlearn.blocks.schedule import Loaded, Schedule, prepared, setting
from streamlearn.blocks.segments import (
    SEGMENT,
    Record,
    Segment,
    one_by_one,
    record,
    update,
    updated,
)
from streamlearn.blocks.streams import in_lock_step

FIRST_LOOK = 8
"""The number of blocks of a pass after which rounds may begin. The next ones are 16, 32..."""


class SideBySide(NamedTuple):
    """How the blocks of a round are learned from.

    Attributes
    ----------
    part : int
        A round has one block for this number of blocks seen before it.
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
    """

    part: int
    may_begin: Callable[[Any, int], bool]
    seen: Callable[[Any, int], float]
    view: Callable[[Any], Any]
    of_block: Callable[[Any, Any], tuple[Any, Any]]
    merge: Callable[[Any, Any], Any]
    step: Callable[[Any, Any], Any]


class Position(NamedTuple):
    """A place in a pass, between two segments.

    Attributes
    ----------
    at : int
        The number of blocks before it.
    read : int
        The number of their rows.
    before : float or None
        If rounds have begun, how many blocks like those of the pass were learned from before it.
    """

    at: int = 0
    read: int = 0
    before: float | None = None


BEGIN = Position()
"""The beginning of a pass."""


class Summed(NamedTuple):
    """The sums over some blocks, None if they have no rows, and the records of the blocks."""

    sums: Any
    records: tuple[Record, ...]


def rounds(
    step: Callable[[Any, Any], tuple[Any, Any]],
    state: Any,
    blocks: Blocks,
    *,
    prepare: Callable[[Block], Any],
    side_by_side: SideBySide | None,
    order: Sequence[int] | None = None,
    start: Position = BEGIN,
) -> Iterator[Segment]:
    """Update ``state`` with all blocks, and yield it at the end of each segment.

    Parameters
    ----------
    step, state, blocks, prepare, order, start
        Those of `fold`, as which the pass begins.
    side_by_side : SideBySide or None
        None if there are no rounds.

    Yields
    ------
    Segment

    Notes
    -----
    A round has at most `SEGMENT` blocks, whatever ``streamlearn.segment`` is.
    """
    if blocks.whole is not None:
        if not start.at:
            whole = prepared(blocks.whole, {}, prepare, time.time())
            yield updated(step, 0, Segment(state, ()), whole)
        return
    layout = Layout(side_by_side, start.before)
    if blocks.streamed is not None:
        yield from _over_stream(step, state, blocks, prepare, layout, start)
        return
    order = [*range(len(blocks))] if order is None else [*order]
    first, read, _ = start
    if first and first >= len(order):
        return
    schedule = Schedule(blocks, order[first:], "update", ordered=side_by_side is None)
    rows = [blocks.rows[index] for index in order]
    length, n, at = setting("segment", SEGMENT), len(order), first
    so_far, due = Segment(state, ()), first + length
    while at < n:
        layout.look(so_far.state, at, read)
        # The schedule knows only the blocks that are left, and counts from the first of them.
        if layout.begun:
            ends = layout.ends(at, min(due, n), n)
            left = [end - first for end in ends]
            segment = _in_rounds(schedule, layout.side, so_far.state, prepare, at - first, left)
            at = ends[-1]
        else:
            stop = min(due, layout.next_look(so_far.state, at, rows), n)
            segment = one_by_one(schedule, step, so_far.state, prepare, at - first, stop - first)
            at = stop
        so_far = Segment(segment.state, so_far.records + segment.records, layout.before)
        read += sum(record.rows for record in segment.records)
        if at >= due or at == n:
            try:
                yield so_far
            except GeneratorExit:
                schedule.close()
                raise
            so_far, due = so_far._replace(records=()), at + length


class Layout:
    """The rounds of a pass. They depend on the data alone.

    Attributes
    ----------
    side : SideBySide or None
    before : float or None
        See `Position`. Rounds that have begun go on to the end of the pass.
    """

    def __init__(self, side: SideBySide | None, before: float | None) -> None:
        self.side: Any = side
        self.before = before

    @property
    def begun(self) -> bool:
        """Whether rounds have begun."""
        return self.before is not None

    def look(self, state: Any, at: int, rows: int) -> None:
        """Let rounds begin at position ``at``, after ``rows`` rows, if they are enough."""
        if self.begun or self.side is None or at < FIRST_LOOK or at & (at - 1):
            return
        seen = at * self.side.seen(state, rows)
        if seen >= 2 * self.side.part:
            self.before = seen - at

    def next_look(self, state: Any, at: int, rows: Sequence[int | None]) -> int:
        """Return the next position at which rounds may begin, if the blocks have ``rows`` rows."""
        look = FIRST_LOOK
        while look <= at:
            look *= 2
        if self.side is None:
            return len(rows)
        while look < len(rows):
            known = [n for n in rows[:look] if n is not None]
            if len(known) < look or self.side.may_begin(state, sum(known)):
                break
            look *= 2
        return look

    def ends(self, start: int, stop: int, n: int) -> list[int]:
        """Return the ends of the rounds from ``start`` until the first at or after ``stop``."""
        ends = [start]
        while ends[-1] < stop:
            ends.append(min(ends[-1] + self.length(ends[-1]), n))
        return ends[1:]

    def length(self, at: int) -> int:
        """Return the number of blocks of a round that begins at a position."""
        assert self.before is not None
        return min(int((self.before + at) // self.side.part), SEGMENT)


def _in_rounds(
    schedule: Schedule,
    side: SideBySide,
    state: Any,
    prepare: Callable[[Block], Any],
    start: int,
    ends: Sequence[int],
) -> Segment:
    """Learn from the blocks at positions ``start`` to the last of ``ends``, in one graph."""
    first, last = start, ends[-1]
    graph = schedule.loads(first, last, "load", prepare)
    before = schedule.key("state", first)
    graph[before] = DataNode(before, Segment(state, ()))
    for stop in ends:
        view = schedule.key("view", start)
        graph[view] = Task(view, _view, side.view, TaskRef(before))
        parts: list[Key] = []
        for p in range(start, stop):
            key, block = schedule.key("update", p), schedule.key("load", p)
            index = schedule.order[p]
            graph[key] = Task(key, _sum, side.of_block, index, TaskRef(view), TaskRef(block))
            parts.append(key)
        keys = (schedule.key("merge", p) for p in range(start, stop))
        merged = merged_in_tree(graph, parts, keys, _merged, side.merge)
        after = schedule.key("state", stop)
        graph[after] = Task(after, _step, side.step, TaskRef(before), TaskRef(merged))
        before, start = after, stop
    found: Segment = schedule.run(graph, before, first, last)
    return found


def _over_stream(
    step: Callable[..., Any],
    state: Any,
    blocks: Blocks,
    prepare: Callable[[Block], Any],
    layout: Layout,
    start: Position,
) -> Iterator[Segment]:
    """Learn from a source of blocks. A thread of its own reads and prepares them."""
    assert blocks.streamed is not None
    side, length, read = layout.side, setting("segment", SEGMENT), start.read
    so_far, due, tree, left = Segment(state, ()), start.at + length, None, 0

    def load(block: Block, begun: float) -> Loaded | None:
        if block.number < start.at:
            return None
        return prepared(block, blocks.functions, prepare, begun)

    with closing(in_lock_step(blocks.streamed, load, window=setting("window", 1))) as loads:
        for at, block in enumerate(loads):
            if block is None:
                continue
            if tree is None and at >= due:
                yield so_far._replace(before=layout.before)
                so_far, due = so_far._replace(records=()), at + length
            with one_blas_thread():
                if tree is None:
                    layout.look(so_far.state, at, read)
                    if layout.begun:
                        view, left = side.view(so_far.state), layout.length(at)
                        tree = MergeTree(partial(_merged, side.merge))
                if tree is None:
                    so_far = update(step, at, so_far, block)
                else:
                    tree.add(_sum(side.of_block, at, view, block))
                    left -= 1
                    if not left:
                        so_far, tree = _step(side.step, so_far, tree.result()), None
            read += block.rows
            del block
    if tree is not None:
        so_far = _step(side.step, so_far, tree.result())
    if so_far.records or not start.at:
        yield so_far._replace(before=layout.before)


def _view(view: Callable[[Any], Any], so_far: Segment) -> Any:
    return view(so_far.state)


def _sum(of_block: Callable[..., Any], index: int, view: Any, block: Loaded) -> Summed:
    start, sums, report = time.time(), None, None
    with noted(f"block {index}, when it was learned from"):
        if block.rows:
            sums, report = of_block(view, block.value)
    return Summed(sums, (record(index, block, start, report),))


def _merged(merge: Callable[[Any, Any], Any], parts: Sequence[Summed]) -> Summed:
    sums, records = None, tuple(record for part in parts for record in part.records)
    for part in parts:
        if part.sums is not None:
            sums = part.sums if sums is None else merge(sums, part.sums)
    return Summed(sums, records)


def _step(step: Callable[[Any, Any], Any], so_far: Segment, merged: Summed) -> Segment:
    state = so_far.state if merged.sums is None else step(so_far.state, merged.sums)
    return Segment(state, so_far.records + merged.records)
