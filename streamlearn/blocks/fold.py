"""``fold``: the verb of sequential learners. The state goes through the blocks in order.

A few blocks are loaded ahead. Each segment is one plain dask graph::

    update-k = update(update-(k-1), load-k)
    load-k   = block k, prepared, in one task that also waits for an earlier update

The wait for an earlier update bounds memory: no block is loaded before an earlier one has made room
for it. There is no barrier between blocks, so loading overlaps with updating.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any, NamedTuple

from streamlearn.blocks.block import Block, noted
from streamlearn.blocks.containers import Blocks
from streamlearn.blocks.graph import DataNode, Task, TaskRef
from streamlearn.blocks.schedule import Loaded, Schedule, prepared, setting
from streamlearn.blocks.streams import in_lock_step

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


def fold(
    step: Callable[[Any, Any], tuple[Any, Any]],
    state: Any,
    blocks: Blocks,
    *,
    prepare: Callable[[Block], Any],
    order: Sequence[int] | None = None,
) -> Iterator[Segment]:
    """Update ``state`` with one block after the other, and yield it at the end of each segment.

    Parameters
    ----------
    step : callable
        ``(state, prepared block) -> (state, report)``. It must not change its arguments.
    state : object
    blocks : Blocks
    prepare : callable
        ``(block) -> prepared block``, where ``block`` is a `Block`. It does the work that needs no
        state. It runs in the block's own task, in parallel with the chain of steps. Blocks without
        rows are skipped.
    order : sequence of int, optional
        The indices of the blocks to learn from, each at most once. By default all: 0, 1, 2... The
        blocks of a source have no other order.

    Yields
    ------
    Segment

    Notes
    -----
    ``dask.config.set({"streamlearn.window": n})`` sets how many blocks may be loaded ahead. The
    default is one for each thread, two for each worker of a cluster, or one of a source of blocks.
    ``streamlearn.segment`` sets the number of blocks of one graph. Neither changes what is learned.
    """
    if blocks.whole is not None:
        whole = prepared(blocks.whole, {}, prepare, time.time())
        yield _update(step, 0, Segment(state, ()), whole)
        return
    if blocks.streamed is not None:
        yield from _over_stream(step, state, blocks, prepare)
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


def _over_stream(
    step: Callable[..., Any], state: Any, blocks: Blocks, prepare: Callable[[Block], Any]
) -> Iterator[Segment]:
    """Fold over a source of blocks. A thread of its own reads and prepares them."""
    assert blocks.streamed is not None
    length, index, so_far = setting("segment", SEGMENT), 0, Segment(state, ())

    def load(block: Block, start: float) -> Loaded:
        return prepared(block, blocks.functions, prepare, start)

    with closing(in_lock_step(blocks.streamed, load, window=setting("window", 1))) as loads:
        for block in loads:
            if len(so_far.records) == length:
                yield so_far
                so_far = so_far._replace(records=())
            so_far = _update_in(step, index, so_far, block)
            index += 1
            del block
    yield so_far


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
