"""``reduce``: the verb of mergeable learners. Blocks run in parallel and merge in a fixed order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from contextvars import ContextVar
from functools import partial
from functools import reduce as left_to_right
from itertools import chain, count
from typing import Any, NamedTuple

from streamlearn.blocks.block import Block
from streamlearn.blocks.containers import Blocks
from streamlearn.blocks.journal import (
    Mark,
    Marked,
    Page,
    begin_pass,
    ends,
)
from streamlearn.blocks.merge_tree import FAN_IN, MergeTree, merged_in_tree
from streamlearn.blocks.schedule import Loaded, Schedule, prepared, setting
from streamlearn.blocks.streams import in_lock_step


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
    page = begin_pass("reduce", blocks, of_block=of_block, merge=merge)
    if page is None:
        return _noted(_merged(of_block, merge, blocks, order))
    known = page.known
    if known is not None:
        check_marks(blocks, page)
        if known.finished:
            return _noted(known.state)
    merged = _merged(Marked(of_block), merge, blocks, order, page)
    page.note(merged, merged.marks, finished=True)
    return _noted(merged)


class Merged(NamedTuple):
    """The merged state of some blocks, the bytes of their parts, and the marks of two of them."""

    value: Any
    bytes: int
    marks: tuple[Mark, ...] = ()


class Partly(NamedTuple):
    """A pass that is not finished: the number of blocks, and the levels of its `MergeTree`."""

    n_blocks: int
    levels: list[list[Any]]


def _merged(
    of_block: Callable[[Block], Any],
    merge: Callable[[Any, Any], Any],
    blocks: Blocks,
    order: Sequence[int] | None,
    page: Page | None = None,
) -> Merged:
    """Return the merged state. Note parts of it on a page, from which they may also come."""
    if blocks.whole is not None:
        whole = prepared(blocks.whole, {}, of_block, time.time())
        return Merged(whole.value, whole.bytes, whole.marks)
    begun = Partly(0, []) if page is None or page.known is None else page.known.state
    tree = MergeTree(partial(_merge, merge), begun.levels)
    marks = () if page is None or page.known is None else page.known.marks

    def note(at: int) -> None:
        if page is not None:
            read = (part.marks for level in reversed(tree.levels) for part in level)
            page.note(Partly(at, tree.levels), ends([*marks, *chain.from_iterable(read)]))

    if blocks.streamed is not None:
        _over_stream(of_block, blocks, tree, begun.n_blocks, note)
        found: Merged = tree.result()
        return found
    rest = [*(range(len(blocks)) if order is None else order)][begun.n_blocks :]
    schedule = Schedule(blocks, rest, "part", ordered=False) if rest else None
    n = len(rest)
    length = n if page is None else TOGETHER
    for start in range(0, n, length):
        assert schedule is not None
        stop = min(start + length, n)
        graph = schedule.loads(start, stop, "part", of_block)
        parts = [schedule.key("part", p) for p in range(start, stop)]
        keys = (schedule.key("merge", i) for i in count(start))
        merged = merged_in_tree(graph, parts, keys, _merge, merge)
        tree.add(schedule.run(graph, merged, start, stop))
        note(begun.n_blocks + stop)
    found = tree.result()
    return found


TOGETHER = FAN_IN**2
"""Blocks after which a pass is noted. As a power of `FAN_IN`, it leaves the tree as it is."""


def _over_stream(
    of_block: Callable[[Block], Any],
    blocks: Blocks,
    tree: MergeTree,
    skipped: int,
    note: Callable[[int], None],
) -> None:
    """Add the states of a source of blocks to a tree, which grows while they are read."""
    assert blocks.streamed is not None
    reading = in_lock_step(blocks.streamed, lambda *read: read, window=setting("window", 1))
    with closing(reading) as read:
        for number, (block, start) in enumerate(read):
            if number >= skipped:
                tree.add(prepared(block, blocks.functions, of_block, start))
                if (number + 1) % TOGETHER == 0:
                    note(number + 1)
            del block


def check_marks(blocks: Blocks, page: Page) -> None:
    """Check that blocks have the checksums that were noted. Those of a source are not read.

    Raises
    ------
    ValueError
        If one has not.
    """
    marks = () if page.known is None else page.known.marks
    if blocks.streamed is None and marks:
        numbers = sorted({number for number, _ in marks})
        page.same_marks_or_raise(_merged(Marked(_nothing), _first, blocks, numbers).marks)


def _nothing(block: Block) -> None:
    return None


def _first(a: Any, b: Any) -> Any:
    return a


def _merge(merge: Callable[..., Any], parts: list[Loaded | Merged]) -> Merged:
    found = [part.value for part in parts if part.value is not None]
    value = left_to_right(merge, found) if found else None
    marks = ends([mark for part in parts for mark in part.marks])
    return Merged(value, sum(part.bytes for part in parts), marks)


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
