"""The blocks of one graph, one after the other: what has been learned after them, and records.

::

    update-k = update(update-(k-1), load-k)
    load-k   = block k, prepared, in one task that also waits for an earlier update

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

SEGMENT = 64
"""Blocks of one graph. It is a number and not a duration, so results do not depend on speed."""


class Record(NamedTuple):
    """What happened to one block.

    Attributes
    ----------
    block, rows, bytes : int
        The index of the block, its number of rows, and the bytes of its parts.
    worker : str
        The thread that loaded the block. On a cluster the worker's address precedes it.
    load_start, load_end, update_start, update_end : float
        Unix times, in seconds.
    report : object
        The report of the step; None for a block without rows.
    """

    block: int
    rows: int
    bytes: int
    worker: str
    load_start: float
    load_end: float
    update_start: float
    update_end: float
    report: Any


class Segment(NamedTuple):
    """The state after some blocks, and the records of these blocks in the order of learning."""

    state: Any
    records: tuple[Record, ...]


def one_by_one(
    schedule: Schedule,
    step: Callable[[Any, Any], tuple[Any, Any]],
    state: Any,
    prepare: Callable[[Block], Any],
    start: int,
    stop: int,
) -> Segment:
    """Update ``state`` with the blocks at positions ``start`` to ``stop``, in one graph."""
    graph = schedule.loads(start, stop, "load", prepare)
    before = schedule.key("before", start)  # no key of an earlier graph
    graph[before] = door.DataNode(before, Segment(state, ()))
    for p in range(start, stop):
        key, block = schedule.key("update", p), schedule.key("load", p)
        index = schedule.order[p]
        graph[key] = door.Task(key, update, step, index, door.TaskRef(before), door.TaskRef(block))
        before = key
    found: Segment = schedule.run(graph, before, start, stop)
    return found


def update(step: Callable[..., Any], index: int, so_far: Segment, block: Loaded) -> Segment:
    """Return the segment with one more block, the one with this index. An error names the block."""
    with noted(f"block {index}, when it was learned from"):
        return updated(step, index, so_far, block)


def updated(step: Callable[..., Any], index: int, so_far: Segment, block: Loaded) -> Segment:
    """Return the segment with one more block."""
    start, state, report = time.time(), so_far.state, None
    if block.rows:
        state, report = step(state, block.value)
    return Segment(state, (*so_far.records, record(index, block, start, report)))


def record(index: int, block: Loaded, start: float, report: Any) -> Record:
    """Return the record of a block that has been learned from since the time ``start``."""
    loaded = block.rows, block.bytes, block.worker, block.start, block.end
    return Record(index, *loaded, start, time.time(), report)
