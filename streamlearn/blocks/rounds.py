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
from typing import TYPE_CHECKING, Any, NamedTuple

from streamlearn.blocks import door
from streamlearn.blocks.blas import one_blas_thread
from streamlearn.blocks.block import Block, noted
from streamlearn.blocks.containers import Blocks
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

if TYPE_CHECKING:
    from streamlearn.blocks.graph import Key

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
) -> Iterator[Segment]:
    """Update ``state`` with all blocks, and yield it at the end of each segment.

    Parameters
    ----------
    step, state, blocks, prepare, order
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
        whole = prepared(blocks.whole, {}, prepare, time.time())
        yield updated(step, 0, Segment(state, ()), whole)
        return
    layout = Layout(side_by_side)
    if blocks.streamed is not None:
        yield from _over_stream(step, state, blocks, prepare, layout)
        return
    order = range(len(blocks)) if order is None else order
    schedule = Schedule(blocks, order, "update", ordered=side_by_side is None)
    rows = [blocks.rows[index] for index in schedule.order]
    length, n, at = setting("segment", SEGMENT), len(schedule.order), 0
    so_far, due, read = Segment(state, ()), length, 0
    while at < n:
        layout.look(so_far.state, at, read)
        if layout.begun:
            ends = layout.ends(at, min(due, n), n)
            segment = _in_rounds(schedule, layout.side, so_far.state, prepare, at, ends)
            at = ends[-1]
        else:
            stop = min(due, layout.next_look(so_far.state, at, rows), n)
            segment = one_by_one(schedule, step, so_far.state, prepare, at, stop)
            at = stop
        so_far = Segment(segment.state, so_far.records + segment.records)
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
    begun : bool
        Whether rounds have begun. They then go on to the end of the pass.
    """

    def __init__(self, side: SideBySide | None) -> None:
        self.side: Any = side
        self.begun = False
        self._before = 0.0

    def look(self, state: Any, at: int, rows: int) -> None:
        """Let rounds begin at position ``at``, after ``rows`` rows, if they are enough."""
        if self.begun or self.side is None or at < FIRST_LOOK or at & (at - 1):
            return
        seen = at * self.side.seen(state, rows)
        if seen >= 2 * self.side.part:
            self.begun, self._before = True, seen - at

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
        return min(int((self._before + at) // self.side.part), SEGMENT)


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
    before = schedule.key("before", first)  # no key of an earlier graph
    graph[before] = door.DataNode(before, Segment(state, ()))
    for stop in ends:
        view = schedule.key("view", start)
        graph[view] = door.Task(view, _view, side.view, door.TaskRef(before))
        parts: list[Key] = []
        for p in range(start, stop):
            key, block = schedule.key("update", p), schedule.key("load", p)
            index = schedule.order[p]
            graph[key] = door.Task(
                key, _sum, side.of_block, index, door.TaskRef(view), door.TaskRef(block)
            )
            parts.append(key)
        keys = (schedule.key("merge", p) for p in range(start, stop))
        merged = merged_in_tree(graph, parts, keys, _merged, side.merge)
        after = schedule.key("state", stop)
        graph[after] = door.Task(
            after, _step, side.step, door.TaskRef(before), door.TaskRef(merged)
        )
        before, start = after, stop
    found: Segment = schedule.run(graph, before, first, last)
    return found


def _over_stream(
    step: Callable[..., Any],
    state: Any,
    blocks: Blocks,
    prepare: Callable[[Block], Any],
    layout: Layout,
) -> Iterator[Segment]:
    """Learn from a source of blocks. A thread of its own reads and prepares them."""
    assert blocks.streamed is not None
    side, length, read = layout.side, setting("segment", SEGMENT), 0
    so_far, due, tree, left = Segment(state, ()), length, None, 0

    def load(block: Block, start: float) -> Loaded:
        return prepared(block, blocks.functions, prepare, start)

    with closing(in_lock_step(blocks.streamed, load, window=setting("window", 1))) as loads:
        for at, block in enumerate(loads):
            if tree is None and at >= due:
                yield so_far
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
    yield so_far


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
