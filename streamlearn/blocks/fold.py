"""``fold``: the verb of sequential learners. In order, few blocks loaded ahead of the state.

One plain dask graph a segment::

    update-k = update(update-(k-1), load-k)
    load-k   = block k, prepared, in one task that also waits for an earlier update

The extra edge is what bounds memory: a block may not be loaded before the state that makes room for
it exists. There is no barrier between blocks, so loading overlaps updating.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from streamlearn.blocks.block import Block
from streamlearn.blocks.containers import Blocks
from streamlearn.blocks.graph import DataNode, Task, TaskRef
from streamlearn.blocks.schedule import Loaded, Schedule, noted, prepared, setting

SEGMENT = 64
"""Blocks of one graph. A fixed number and never a time, so that results do not depend on speed."""


class Record(NamedTuple):
    """What happened to one block. Times are seconds since the epoch.

    Attributes
    ----------
    block, rows, bytes : int
        Index of the block, its rows, and the bytes of its parts.
    worker : str
        The thread that loaded it, behind the worker's address on a cluster.
    load_start, load_end, update_start, update_end : float
    report : object
        What the step reported; None for a block without rows.
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
    """The state after a run of blocks, and their records in the order they were learned from."""

    state: Any
    records: tuple[Record, ...]


def fold(
    step: Callable[[Any, Any], tuple[Any, Any]],
    state: Any,
    blocks: Blocks,
    *,
    prepare: Callable[[Block], Any],
    order: Sequence[int] | None = None,
) -> Iterator[Segment]:
    """Carry ``state`` through ``blocks`` one after the other; yield it at the end of each segment.

    Parameters
    ----------
    step : callable
        ``(state, prepared block) -> (state, report)``. It must not change its arguments.
    state : object
    blocks : Blocks
    prepare : callable
        ``(block) -> prepared block``, of a `Block`: what needs no state. It runs in the block's own
        task, in parallel with the chain of steps. Blocks without rows are skipped.
    order : sequence of int, optional
        The blocks to learn from, each at most once; default all, 0, 1, 2...

    Yields
    ------
    Segment

    Notes
    -----
    ``dask.config.set({"streamlearn.window": n})`` sets how many blocks may be loaded ahead, default
    one a thread or twice the workers of a cluster, and ``streamlearn.segment`` the blocks of one
    graph. Neither can change what is learned.
    """
    if blocks.whole is not None:
        whole = prepared(blocks.whole, {}, prepare, time.time())
        yield _update(step, 0, Segment(state, ()), whole)
        return
    order = range(len(blocks)) if order is None else order
    schedule = Schedule(blocks, order, "update", ordered=True)
    length = setting("segment", SEGMENT)
    for start in range(0, len(schedule.order), length):
        stop = min(start + length, len(schedule.order))
        graph = schedule.loads(start, stop, "load", prepare)
        before = schedule.key("state", start)
        graph[before] = DataNode(before, Segment(state, ()))
        for p in range(start, stop):
            key, block = schedule.key("update", p), schedule.key("load", p)
            index = schedule.order[p]
            graph[key] = Task(key, _update_in, step, index, TaskRef(before), TaskRef(block))
            before = key
        segment = schedule.run(graph, before, start, stop)
        state = segment.state
        try:
            yield segment
        except GeneratorExit:
            schedule.close()
            raise


def _update_in(step: Callable[..., Any], index: int, so_far: Segment, block: Loaded) -> Segment:
    with noted(f"block {index}, when it was learned from"):
        return _update(step, index, so_far, block)


def _update(step: Callable[..., Any], index: int, so_far: Segment, block: Loaded) -> Segment:
    start, state, report = time.time(), so_far.state, None
    if block.rows:
        state, report = step(state, block.value)
    record = Record(
        index,
        block.rows,
        block.bytes,
        block.worker,
        block.start,
        block.end,
        start,
        time.time(),
        report,
    )
    return Segment(state, (*so_far.records, record))
