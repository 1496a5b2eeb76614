"""The blocks of one graph, one after the other: what has been learned after them, and records.

::

    learn-block-k = update(learn-block-(k-1), load-block-k)
    load-block-k  = block k, prepared, in one task that also waits for an earlier update

The wait for an earlier update bounds memory: no block is loaded before an earlier one has made room
for it. There is no barrier between blocks, so loading overlaps with updating.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from streamlearn.blocks import door
from streamlearn.blocks.block import Block, noted
from streamlearn.blocks.schedule import Loaded, Schedule
from streamlearn.blocks.watch import Record

SEGMENT = 64
"""Blocks of one graph. It is a number and not a duration, so results do not depend on speed."""


class Segment(NamedTuple):
    """The state after some blocks, and the records of these blocks in the order of learning.

    ``before`` is what rounds need besides the state, see `streamlearn.blocks.rounds.Position`.
    """

    state: Any
    records: tuple[Record, ...]
    before: float | None = None

    @property
    def newest(self) -> Record:
        """The record of the last block."""
        return self.records[-1]


def one_by_one(
    schedule: Schedule,
    step: Callable[[Any, Any], tuple[Any, Any]],
    state: Any,
    prepare: Callable[[Block], Any],
    start: int,
    stop: int,
) -> Segment:
    """Update ``state`` with the blocks at positions ``start`` to ``stop``, in one graph."""
    graph = schedule.loads(start, stop, "load-block", prepare)
    before = schedule.key("state", start)
    graph[before] = door.DataNode(before, Segment(state, ()))
    for p in range(start, stop):
        key, block = schedule.key("learn-block", p), schedule.key("load-block", p)
        index = schedule.order[p]
        graph[key] = door.Task(key, update, step, index, door.TaskRef(before), door.TaskRef(block))
        before = key
    found: Segment = schedule.run(graph, before, start, stop)
    return found


def update(step: Callable[..., Any], index: int, so_far: Segment, block: Loaded) -> Segment:
    """Return the segment with one more block, the one with this index. An error names the block."""
    with noted(f"block {index}, when it was learned from"):
        return updated(step, so_far, block)


def updated(step: Callable[..., Any], so_far: Segment, block: Loaded) -> Segment:
    """Return the segment with one more block."""
    start, state, report = time.time(), so_far.state, None
    if block.rows:
        state, report = step(state, block.value)
    return Segment(state, (*so_far.records, block.record(start, time.time(), report)))
