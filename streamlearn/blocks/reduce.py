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
from streamlearn.blocks.groups_on_cluster import merged_in_groups
from streamlearn.blocks.journal import (
    BlockChecksum,
    Page,
    WithChecksums,
    first_and_last,
    open_page,
    skip,
    with_checksums,
)
from streamlearn.blocks.left_out import leaves_out
from streamlearn.blocks.loading import Loaded, prepared
from streamlearn.blocks.merge_tree import FAN_IN, MergeTree, merged_in_tree
from streamlearn.blocks.schedule import Schedule, setting
from streamlearn.blocks.streams import in_lock_step
from streamlearn.blocks.watch import Record, Watch, WatchedPass, watched_pass, watching

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
    order = [*range(len(blocks))] if order is None else [*order]
    page = open_page("reduce", blocks, of_block=of_block, merge=merge)
    begun = UnfinishedPass(0, [])
    if page is not None and page.known is not None:
        compare_checksums(blocks, page)
        begun = page.known.state
    finished = page is not None and page.known is not None and page.known.finished
    order = [] if finished else order[begun.n_blocks :]
    rows = None if blocks.streamed else [blocks.rows[index] for index in order]
    with watched_pass(name, rows) as one_pass:
        if finished:
            return begun
        prepare = with_checksums(of_block, blocks, page)
        found = _merged(prepare, merge, blocks, order, one_pass, begun, page)
    if page is not None:
        page.note(found.value, found.checksums, finished=True)
    return found.value


class Merged(NamedTuple):
    """The merged state of some blocks, their records, and the outer checksums."""

    value: Any
    records: tuple[Record, ...] = ()
    checksums: tuple[BlockChecksum, ...] = ()


class UnfinishedPass(NamedTuple):
    """A pass that is not finished: the number of blocks, and the levels of its `MergeTree`."""

    n_blocks: int
    levels: list[list[Any]]


def _merged(
    of_block: Callable[[Block], Any],
    merge: Callable[[Any, Any], Any],
    blocks: Blocks,
    order: Sequence[int],
    one_pass: WatchedPass,
    begun: UnfinishedPass,
    page: Page | None,
) -> Merged:
    """Return the merged state. Note parts of it on a page."""
    if blocks.whole is not None:
        whole = prepared(blocks.whole, {}, of_block, time.time())
        one_pass.done(whole.newest)
        return Merged(whole.value, (), whole.checksums)
    tree = MergeTree(partial(_merge, merge), begun.levels)

    def add(at: int, part: Loaded | Merged, *, whole: bool) -> None:
        one_pass.all_done(part.records if isinstance(part, Merged) else [part.newest])
        tree.add(Merged(part.value, (), part.checksums))
        if page is not None and whole:
            checksums = [
                one for level in reversed(tree.levels) for p in level for one in p.checksums
            ]
            page.note(UnfinishedPass(at, tree.levels), first_and_last(checksums))

    if blocks.streamed is not None:
        _over_stream(of_block, blocks, begun.n_blocks, add)
    elif order:
        n = len(order)
        length = n if page is None else TOGETHER
        with Schedule(blocks, order, "reduce-block", ordered=False, passing=one_pass) as schedule:
            for start in range(0, n, length):
                stop = min(start + length, n)
                part = _in_parallel(of_block, merge, schedule, start, stop)
                add(begun.n_blocks + stop, part, whole=True)
    found: Merged = tree.result()
    return found


TOGETHER = FAN_IN**2
"""Blocks after which a pass is noted. As a power of `FAN_IN`, it leaves the tree as it is."""


def _in_parallel(
    of_block: Callable[[Block], Any],
    merge: Callable[[Any, Any], Any],
    schedule: Schedule,
    start: int,
    stop: int,
) -> Merged:
    """Return the merged state of the blocks at positions ``start`` to ``stop``."""
    found: Merged
    if schedule.cluster is not None:

        def states(first: int, last: int) -> dict[Key, GraphNode]:
            return schedule.loads(first, last, "reduce-block", of_block)

        with schedule.cluster.running():
            found = merged_in_groups(schedule, start, stop, states, _merge, merge)
        return found
    graph: dict[Key, GraphNode] = {}
    parts = [schedule.key("reduce-block", p) for p in range(start, stop)]
    keys = (schedule.key("merge-blocks", i) for i in count(start))
    merged, due = merged_in_tree(graph, parts, keys, _merge, merge)
    due = {start + n: key for n, key in due.items()}
    graph |= schedule.loads(start, stop, "reduce-block", of_block, due)
    found = schedule.run(graph, merged, start, stop)
    return found


def _over_stream(
    of_block: Callable[[Block], Any],
    blocks: Blocks,
    skipped: int,
    add: Callable[..., None],
) -> None:
    """Add the states of a source of blocks, but for those that are skipped."""
    assert blocks.streamed is not None
    window = setting("window", 1)
    reading = in_lock_step(
        blocks.streamed, lambda *read: read, window=window, leaves_out=leaves_out()
    )
    with closing(reading) as read:
        for number, (block, start) in enumerate(read):
            if number < skipped:
                skip(of_block, block)
            else:
                loaded = prepared(block, blocks.functions, of_block, start)
                add(number + 1, loaded, whole=(number + 1) % TOGETHER == 0)
                del loaded
            del block


def compare_checksums(blocks: Blocks, page: Page) -> None:
    """Check that blocks have the checksums that were noted. A source is checked later.

    Raises
    ------
    ValueError
        If one has not.
    """
    checksums = () if page.known is None else page.known.checksums
    if blocks.streamed is None and checksums:
        numbers = sorted({number for number, _ in checksums})
        nobody, nothing = WatchedPass(()), UnfinishedPass(0, [])
        found = _merged(WithChecksums(_nothing), _first, blocks, numbers, nobody, nothing, None)
        page.same_rows_or_raise(found.checksums)


def _nothing(block: Block) -> None:
    return None


def _first(a: Any, b: Any) -> Any:
    return a


def _merge(merge: Callable[..., Any], parts: list[Loaded | Merged]) -> Merged:
    found = [part.value for part in parts if part.value is not None]
    value = left_to_right(merge, found) if found else None
    records = (part.records if isinstance(part, Merged) else (part.newest,) for part in parts)
    checksums = first_and_last([one for part in parts for one in part.checksums])
    return Merged(value, tuple(chain.from_iterable(records)), checksums)


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
