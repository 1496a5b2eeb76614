"""The blocks of one graph, one after the other: what has been learned after them, and records.

::

    learn-block-k = learn_block(learn-block-(k-1), load-block-k)
    load-block-k  = block k, prepared, in one task that also waits for an earlier update

The wait for an earlier update bounds memory: no block is loaded before an earlier one has made room
for it. There is no barrier between blocks, so loading overlaps with updating.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from streamlearn.blocks import door
from streamlearn.blocks.block import Block, noted
from streamlearn.blocks.loading import Loaded
from streamlearn.blocks.schedule import Schedule
from streamlearn.blocks.watch import Record

if TYPE_CHECKING:
    from streamlearn.blocks.graph import GraphNode, Key

SEGMENT = 64
"""Blocks of one graph. It is a number and not a duration, so results do not depend on speed."""


class Segment(NamedTuple):
    """The state after some blocks, and the records of these blocks in the order of learning.

    ``blocks_before`` is what rounds need besides the state; see `round_layout.Position`.
    """

    state: Any
    records: tuple[Record, ...]
    blocks_before: float | None = None

    @property
    def newest(self) -> Record:
        """The record of the last block."""
        return self.records[-1]


def in_sequence(
    schedule: Schedule,
    step: Callable[[Any, Any], tuple[Any, Any]],
    state: Any,
    prepare: Callable[[Block], Any],
    start: int,
    stop: int,
) -> Segment:
    """Update ``state`` with the blocks at positions ``start`` to ``stop``."""
    if schedule.cluster is not None:
        with schedule.cluster.running():
            return _on_cluster(schedule, step, state, prepare, start, stop)
    graph = schedule.loads(start, stop, "load-block", prepare)
    last = _add_steps(graph, schedule, step, state, start, stop)
    found: Segment = schedule.run(graph, last, start, stop)
    return found


def _on_cluster(
    schedule: Schedule,
    step: Callable[[Any, Any], tuple[Any, Any]],
    state: Any,
    prepare: Callable[[Block], Any],
    start: int,
    stop: int,
) -> Segment:
    """Update ``state`` in stretches of half a window: the other half is loaded meanwhile.

    Between two stretches the state is with the client, so only blocks in the window are lost.
    """
    assert schedule.cluster is not None
    records: tuple[Record, ...] = ()
    loaded = start
    while start < stop:
        first, loaded = loaded, schedule.let_in(start, loaded, stop)
        graph = schedule.loads(first, loaded, "load-block", prepare)
        end = min(start + max(schedule.window // 2, 1), loaded)
        last = _add_steps(graph, schedule, step, state, start, end)
        schedule.submit(graph, [last], "load-block", first, loaded)
        state, more, _ = schedule.cluster.take(last)
        schedule.let_go("load-block", start, end)
        records, start = records + more, end
    return Segment(state, records)


def _add_steps(
    graph: dict[Key, GraphNode],
    schedule: Schedule,
    step: Callable[[Any, Any], tuple[Any, Any]],
    state: Any,
    start: int,
    stop: int,
) -> Key:
    """Add the steps of some positions to ``graph``, and return the key of the last one."""
    before = schedule.key("state", start)
    graph[before] = door.DataNode(before, Segment(state, ()))
    for p in range(start, stop):
        key, block = schedule.key("learn-block", p), schedule.key("load-block", p)
        index = schedule.order[p]
        graph[key] = door.Task(
            key, learn_block, step, index, door.TaskRef(before), door.TaskRef(block)
        )
        before = key
    return before


def learn_block(step: Callable[..., Any], index: int, so_far: Segment, block: Loaded) -> Segment:
    """Return the segment with one more block, the one with this index. An error names the block."""
    with noted(f"block {index}, when it was learned from"):
        return with_block(step, so_far, block)


def with_block(step: Callable[..., Any], so_far: Segment, block: Loaded) -> Segment:
    """Return the segment with one more block."""
    start, state, report = time.time(), so_far.state, None
    if block.rows:
        state, report = step(state, block.value)
    return Segment(state, (*so_far.records, block.record(start, time.time(), report)))
