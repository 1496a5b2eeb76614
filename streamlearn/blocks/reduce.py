"""``reduce``: the verb of mergeable learners. Blocks run in parallel and merge in a fixed order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from contextvars import ContextVar
from functools import partial
from functools import reduce as left_to_right
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

from streamlearn.blocks.block import Block
from streamlearn.blocks.containers import Blocks
from streamlearn.blocks.merge_tree import MergeTree, merged_in_tree
from streamlearn.blocks.schedule import Loaded, Schedule, prepared, setting
from streamlearn.blocks.streams import in_lock_step

if TYPE_CHECKING:
    from streamlearn.blocks.graph import GraphNode, Key


def reduce(
    of_block: Callable[[Block], Any],
    merge: Callable[[Any, Any], Any],
    blocks: Blocks,
    *,
    order: Sequence[int] | None = None,
) -> Any:
    """Merge the states of all blocks in a tree, whose shape depends only on the number of blocks.

    Parameters
    ----------
    of_block : callable
        ``(block) -> state``, where ``block`` is a `Block`. Blocks without rows are skipped.
    merge : callable
        ``(a, b) -> state``, associative up to rounding.
    blocks : Blocks
    order : sequence of int, optional
        The indices of the blocks to read, each at most once. By default all blocks: 0, 1, 2... The
        blocks of a source have no other order.

    Returns
    -------
    object or None
        The merged state, or None if no block has rows.
    """
    if blocks.whole is not None:
        whole = prepared(blocks.whole, {}, of_block, time.time())
        return _noted(Merged(whole.value, whole.bytes))
    if blocks.streamed is not None:
        return _noted(_over_stream(of_block, merge, blocks))
    schedule = Schedule(
        blocks, range(len(blocks)) if order is None else order, "part", ordered=False
    )
    n = len(schedule.order)
    graph: dict[Key, GraphNode] = {}
    parts = [schedule.key("part", p) for p in range(n)]
    keys = (schedule.key("merge", i) for i in count())
    merged, due = merged_in_tree(graph, parts, keys, _merge, merge)
    graph |= schedule.loads(0, n, "part", of_block, due)
    return _noted(schedule.run(graph, merged, 0, n))


class Merged(NamedTuple):
    """The merged state of some blocks, and the bytes of their parts."""

    value: Any
    bytes: int


def _over_stream(
    of_block: Callable[[Block], Any], merge: Callable[[Any, Any], Any], blocks: Blocks
) -> Merged:
    """Merge the states of a source of blocks in the same tree, which grows while they are read."""
    assert blocks.streamed is not None
    tree = MergeTree(partial(_merge, merge))
    reading = in_lock_step(blocks.streamed, lambda *read: read, window=setting("window", 1))
    with closing(reading) as read:
        for block, start in read:
            tree.add(prepared(block, blocks.functions, of_block, start))
            del block
    found: Merged = tree.result()
    return found


def _merge(merge: Callable[..., Any], parts: list[Loaded | Merged]) -> Merged:
    found = [part.value for part in parts if part.value is not None]
    value = left_to_right(merge, found) if found else None
    return Merged(value, sum(part.bytes for part in parts))


_reads: ContextVar[list[int] | None] = ContextVar("reads", default=None)


@contextmanager
def bytes_read() -> Iterator[list[int]]:
    """Yield a list to which every `reduce` in the body appends the bytes of all blocks' parts."""
    found: list[int] = []
    token = _reads.set(found)
    try:
        yield found
    finally:
        _reads.reset(token)


def _noted(merged: Merged) -> Any:
    """Append the bytes to the list of `bytes_read`, if there is one, and return the value."""
    found = _reads.get()
    if found is not None:
        found.append(merged.bytes)
    return merged.value
