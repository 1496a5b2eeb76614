"""``reduce``: the verb of mergeable learners. Blocks run in parallel and merge in a fixed order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from functools import reduce as left_to_right
from itertools import chain, count
from typing import TYPE_CHECKING, Any, NamedTuple

from streamlearn.blocks.block import Block
from streamlearn.blocks.containers import Blocks
from streamlearn.blocks.merge_tree import MergeTree, merged_in_tree
from streamlearn.blocks.schedule import Loaded, Schedule, prepared, setting
from streamlearn.blocks.streams import in_lock_step
from streamlearn.blocks.watch import Passing, Record, Watch, passing, watching

if TYPE_CHECKING:
    from streamlearn.blocks.graph import GraphNode, Key


def reduce(
    of_block: Callable[[Block], Any],
    merge: Callable[[Any, Any], Any],
    blocks: Blocks,
    *,
    order: Sequence[int] | None = None,
    name: str = "statistics",
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
    name : str
        What watches call the pass (`streamlearn.blocks.watch`).

    Returns
    -------
    object or None
        The merged state, or None if no block has rows.
    """
    order = range(len(blocks)) if order is None else order
    rows = None if blocks.streamed else [blocks.rows[index] for index in order]
    with passing(name, rows) as one_pass:
        return _merged(of_block, merge, blocks, order, one_pass)


def _merged(
    of_block: Callable[[Block], Any],
    merge: Callable[[Any, Any], Any],
    blocks: Blocks,
    order: Sequence[int],
    one_pass: Passing,
) -> Any:
    if blocks.whole is not None:
        whole = prepared(blocks.whole, {}, of_block, time.time())
        one_pass.done(whole.newest)
        return whole.value
    if blocks.streamed is not None:
        return _over_stream(of_block, merge, blocks, one_pass)
    schedule = Schedule(blocks, order, "reduce-block", ordered=False, passing=one_pass)
    n = len(schedule.order)
    graph: dict[Key, GraphNode] = {}
    parts = [schedule.key("reduce-block", p) for p in range(n)]
    keys = (schedule.key("merge-blocks", i) for i in count())
    merged, due = merged_in_tree(graph, parts, keys, _merge, merge)
    graph |= schedule.loads(0, n, "reduce-block", of_block, due)
    found: Merged = schedule.run(graph, merged, 0, n)
    schedule.computation.close()
    one_pass.all_done(found.records)
    return found.value


class Merged(NamedTuple):
    """The merged state of some blocks, and their records."""

    value: Any
    records: tuple[Record, ...]


def _over_stream(
    of_block: Callable[[Block], Any],
    merge: Callable[[Any, Any], Any],
    blocks: Blocks,
    one_pass: Passing,
) -> Any:
    """Merge the states of a source of blocks in the same tree, which grows while they are read."""
    assert blocks.streamed is not None
    tree = MergeTree(partial(_merge, merge))
    reading = in_lock_step(blocks.streamed, lambda *read: read, window=setting("window", 1))
    with closing(reading) as read:
        for block, start in read:
            loaded = prepared(block, blocks.functions, of_block, start)
            tree.add(loaded)
            one_pass.all_done([loaded.newest])
            del block, loaded
    found: Merged = tree.result()
    return found.value


def _merge(merge: Callable[..., Any], parts: list[Loaded | Merged]) -> Merged:
    found = [part.value for part in parts if part.value is not None]
    value = left_to_right(merge, found) if found else None
    records = (part.records if isinstance(part, Merged) else (part.newest,) for part in parts)
    return Merged(value, tuple(chain.from_iterable(records)))


class _Bytes(Watch):
    """It sums the bytes of the blocks of each pass."""

    def __init__(self) -> None:
        self.found: list[int] = []

    def begin_pass(self, name: str, n_blocks: int | None, n_rows: int | None) -> None:
        self.found.append(0)

    def block_done(self, record: Record) -> None:
        self.found[-1] += record.bytes


@contextmanager
def bytes_read() -> Iterator[list[int]]:
    """Yield a list to which each pass in the body appends the bytes of all blocks' parts."""
    watch = _Bytes()
    with watching(watch):
        yield watch.found
