"""``rounds``: the verb of learners that take one step for several blocks.

A pass begins as `fold`. Once the learner has seen enough, the blocks of a round are summed side by
side, with the same view of the state. Their sums are merged in a fixed order, and a step follows::

    view-model-r  = view(state-r)
    learn-block-k = sums of load-block-k, by view-r  for each block k of the round, in parallel
    renew-model-r = renewed(state-r)                 at the same time
    learn-round-r = step(renew-model-r, merged sums), the state-(r+1)

Blocks of the next round are loaded while the step is taken. On a cluster a load and its sums are
one task, so that no block travels to another worker. Rounds have a fixed length, or their sizes
depend on the state and on the number of blocks, never on workers or time. So the result has the
same bits on one thread and on many machines.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from streamlearn.blocks import door
from streamlearn.blocks.blas import one_blas_thread
from streamlearn.blocks.block import Block, noted
from streamlearn.blocks.containers import Blocks
from streamlearn.blocks.groups_on_cluster import merged_in_groups
from streamlearn.blocks.journal import skip
from streamlearn.blocks.left_out import leaves_out
from streamlearn.blocks.loading import Loaded, prepared
from streamlearn.blocks.merge_tree import MergeTree, merged_in_tree
from streamlearn.blocks.round_layout import BEGIN, Layout, Position, SideBySide
from streamlearn.blocks.schedule import Schedule, setting
from streamlearn.blocks.segments import (
    SEGMENT,
    Segment,
    in_sequence,
    learn_block,
    with_block,
)
from streamlearn.blocks.streams import in_lock_step
from streamlearn.blocks.watch import Record, WatchedPass, watched_pass

if TYPE_CHECKING:
    from streamlearn.blocks.graph import GraphNode, Key


class Summed(NamedTuple):
    """The sums over some blocks, None if they have no rows, and the records of the blocks."""

    sums: Any
    records: tuple[Record, ...]

    @property
    def newest(self) -> Record:
        """The record of the last block."""
        return self.records[-1]


def rounds(
    step: Callable[[Any, Any], tuple[Any, Any]],
    state: Any,
    blocks: Blocks,
    *,
    prepare: Callable[[Block], Any],
    side_by_side: SideBySide | None,
    order: Sequence[int] | None = None,
    start: Position = BEGIN,
) -> Generator[Segment]:
    """Update ``state`` with all blocks, and yield it at the end of each segment.

    Parameters
    ----------
    step, state, blocks, prepare, order, start
        The arguments of `fold`, as which the pass begins.
    side_by_side : SideBySide or None
        None if there are no rounds.

    Yields
    ------
    Segment

    Notes
    -----
    A round that grows has at most `SEGMENT` blocks, whatever ``streamlearn.segment`` is.
    """
    order = [*range(len(blocks))] if order is None else [*order]
    rows = None if blocks.streamed else [blocks.rows[index] for index in order[start.at :]]
    layout = Layout(side_by_side, start.blocks_before)
    with watched_pass("epoch", rows) as one_pass:
        yield from _segments(step, state, blocks, prepare, layout, order, start, one_pass)


def _segments(
    step: Callable[[Any, Any], tuple[Any, Any]],
    state: Any,
    blocks: Blocks,
    prepare: Callable[[Block], Any],
    layout: Layout,
    order: list[int],
    start: Position,
    one_pass: WatchedPass,
) -> Generator[Segment]:
    if blocks.whole is not None:
        if not start.at:
            whole = prepared(blocks.whole, {}, prepare, time.time())
            segment = with_block(step, Segment(state, ()), whole)
            one_pass.all_done(segment.records)
            yield segment
        return
    if blocks.streamed is not None:
        yield from _over_stream(step, state, blocks, prepare, layout, start, one_pass)
        return
    first, read, _ = start
    if first >= len(order):
        return
    ordered = layout.side is None
    rows = [blocks.rows[index] for index in order]
    length, n, at = setting("segment", SEGMENT), len(order), first
    so_far, due = Segment(state, ()), first + length
    schedule = Schedule(blocks, order[first:], "learn-block", ordered=ordered, passing=one_pass)
    with schedule:
        while at < n:
            if at >= due:
                yield so_far
                so_far, due = so_far._replace(records=()), at + length
            layout.look(so_far.state, at, read)
            # The schedule knows only the blocks that are left, and counts from the first of them.
            if layout.begun:
                ends = layout.round_ends(at, min(due, n), n)
                left = [end - first for end in ends]
                segment = _in_rounds(schedule, layout.side, so_far.state, prepare, at - first, left)
                at = ends[-1]
            else:
                stop = min(due, layout.next_look(so_far.state, at, rows), n)
                span, at = (at - first, stop - first), stop
                segment = in_sequence(schedule, step, so_far.state, prepare, *span)
            one_pass.all_done(segment.records)
            so_far = Segment(segment.state, so_far.records + segment.records, layout.blocks_before)
            read += sum(record.rows for record in segment.records)
    yield so_far


def _in_rounds(
    schedule: Schedule,
    side: SideBySide,
    state: Any,
    prepare: Callable[[Block], Any],
    start: int,
    ends: Sequence[int],
) -> Segment:
    """Learn from the blocks at positions ``start`` to the last of ``ends``."""
    if schedule.cluster is not None:
        records: tuple[Record, ...] = ()
        for stop in ends:
            with schedule.cluster.running():
                state, more, _ = _round_on_cluster(schedule, side, state, prepare, start, stop)
            records, start = records + more, stop
        return Segment(state, records)
    first, last = start, ends[-1]
    graph = schedule.loads(first, last, "load-block", prepare)
    before = schedule.key("state", first)
    graph[before] = door.DataNode(before, Segment(state, ()))
    for stop in ends:
        view, ready = _add_round(graph, schedule, side, before, start)
        parts: list[Key] = []
        for p in range(start, stop):
            key, block = schedule.key("learn-block", p), schedule.key("load-block", p)
            parts.append(key)
            how = side.of_block, schedule.order[p], door.TaskRef(view)
            graph[key] = door.Task(key, _sum, *how, door.TaskRef(block))
        keys = (schedule.key("merge-blocks", p) for p in range(start, stop))
        merged, _ = merged_in_tree(graph, parts, keys, _merged, side.merge)
        before = _add_step(graph, schedule, side, ready, merged, stop)
        start = stop
    found: Segment = schedule.run(graph, before, first, last)
    return found


def _round_on_cluster(
    schedule: Schedule,
    side: SideBySide,
    state: Any,
    prepare: Callable[[Block], Any],
    start: int,
    stop: int,
) -> Segment:
    """Learn from the blocks of one round. The state and the sums are with the client in between."""
    assert schedule.cluster is not None

    def sums(first: int, last: int) -> dict[Key, GraphNode]:
        graph = schedule.loads(first, last, "load-block", prepare)
        for p in range(first, last):
            key, block = schedule.key("learn-block", p), schedule.key("load-block", p)
            how = side.of_block, schedule.order[p], door.TaskRef(view)
            graph[key] = schedule.joined(graph, block, key, _sum_of_load, *how)
        return graph

    before, merged = schedule.key("state", start), schedule.key("sums", start)
    graph: dict[Key, GraphNode] = {before: door.DataNode(before, Segment(state, ()))}
    view, ready = _add_round(graph, schedule, side, before, start)
    schedule.submit(graph, [view, ready])
    found = merged_in_groups(schedule, start, stop, sums, _merged, side.merge)
    graph = {merged: door.DataNode(merged, found)}
    after = _add_step(graph, schedule, side, ready, merged, stop)
    schedule.submit(graph, [after])
    segment: Segment = schedule.cluster.take(after)
    schedule.cluster.drop([view, ready])
    return segment


def _add_round(
    graph: dict[Key, GraphNode], schedule: Schedule, side: SideBySide, before: Key, start: int
) -> tuple[Key, Key]:
    """Add what a round needs of the state ``before`` it. Return the keys for blocks and step."""
    view, ready = schedule.key("view-model", start), schedule.key("renew-model", start)
    graph[view] = door.Task(view, _view, side.view, door.TaskRef(before))
    graph[ready] = door.Task(ready, _renewed, side.renewed, door.TaskRef(before))
    return view, ready


def _add_step(
    graph: dict[Key, GraphNode],
    schedule: Schedule,
    side: SideBySide,
    ready: Key,
    merged: Key,
    stop: int,
) -> Key:
    """Add the step of a round, and return its key."""
    key = schedule.key("learn-round", stop)
    graph[key] = door.Task(key, _step, side.step, door.TaskRef(ready), door.TaskRef(merged))
    return key


def _over_stream(
    step: Callable[..., Any],
    state: Any,
    blocks: Blocks,
    prepare: Callable[[Block], Any],
    layout: Layout,
    start: Position,
    one_pass: WatchedPass,
) -> Generator[Segment]:
    """Learn from a source of blocks. A thread of its own reads and prepares them."""
    assert blocks.streamed is not None
    side, length, read = layout.side, setting("segment", SEGMENT), start.read
    so_far, due, tree, left = Segment(state, ()), start.at + length, None, 0

    def load(block: Block, begun: float) -> Loaded | None:
        if block.number < start.at:
            skip(prepare, block)
            return None
        return prepared(block, blocks.functions, prepare, begun)

    window = setting("window", 1)
    reading = in_lock_step(blocks.streamed, load, window=window, leaves_out=leaves_out())
    with closing(reading) as loads:
        for at, block in enumerate(loads):
            if block is None:
                continue
            if tree is None and at >= due:
                yield so_far._replace(blocks_before=layout.blocks_before)
                so_far, due = so_far._replace(records=()), at + length
            with one_blas_thread():
                if tree is None:
                    layout.look(so_far.state, at, read)
                    if layout.begun:
                        view, left = side.view(so_far.state), layout.length(at)
                        so_far = _renewed(side.renewed, so_far)
                        tree = MergeTree(partial(_merged, side.merge))
                if tree is None:
                    so_far = learn_block(step, at, so_far, block)
                    newest = so_far.newest
                else:
                    summed = _sum(side.of_block, at, view, block)
                    tree.add(summed)
                    newest = summed.newest
                    del summed
                    left -= 1
                    if not left:
                        so_far, tree = _step(side.step, so_far, tree.result()), None
            read += block.rows
            del block
            one_pass.all_done([newest])
    if tree is not None:
        so_far = _step(side.step, so_far, tree.result())
    if so_far.records or not start.at:
        yield so_far._replace(blocks_before=layout.blocks_before)


def _view(view: Callable[[Any], Any], so_far: Segment) -> Any:
    return view(so_far.state)


def _renewed(renewed: Callable[[Any], Any] | None, so_far: Segment) -> Segment:
    return so_far if renewed is None else so_far._replace(state=renewed(so_far.state))


def _sum(of_block: Callable[..., Any], index: int, view: Any, block: Loaded) -> Summed:
    start, sums, report = time.time(), None, None
    with noted(f"block {index}, when it was learned from"):
        if block.rows:
            sums, report = of_block(view, block.value)
    return Summed(sums, (block.record(start, time.time(), report),))


def _sum_of_load(
    of_block: Callable[..., Any], index: int, view: Any, load: Callable[..., Loaded], *inputs: Any
) -> Summed:
    return _sum(of_block, index, view, load(*inputs))


def _merged(merge: Callable[[Any, Any], Any], parts: Sequence[Summed]) -> Summed:
    sums, records = None, tuple(record for part in parts for record in part.records)
    for part in parts:
        if part.sums is not None:
            sums = part.sums if sums is None else merge(sums, part.sums)
    return Summed(sums, records)


def _step(step: Callable[[Any, Any], Any], so_far: Segment, merged: Summed) -> Segment:
    state = so_far.state if merged.sums is None else step(so_far.state, merged.sums)
    return Segment(state, so_far.records + merged.records)
