"""Several readers of the same blocks that share each read of the data.

A reader is a function in a thread of its own, such as a fit. It gets sources of blocks
(`streamlearn.blocks.streams`) with those rows of each block that are its own, and passes over them
as often as it needs. The data are read when every reader that has not ended waits for a pass. Each
block is loaded once for all of them, and the next one follows when all have taken it. So readers
that pass once over the data cost one read together, and readers that pass three times cost three.
"""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable, Collection, Generator, Sequence
from contextvars import copy_context
from functools import partial
from itertools import count
from threading import Condition, Lock, Thread
from typing import Any, NamedTuple

from streamlearn.blocks import door
from streamlearn.blocks.block import Block, noted
from streamlearn.blocks.containers import Blocks, align, meta_of
from streamlearn.blocks.left_out import skips
from streamlearn.blocks.parts import head, n_rows, without_rows
from streamlearn.blocks.reading import END
from streamlearn.blocks.source_rows import SourceRows
from streamlearn.blocks.streams import PARTS, Stream, StreamedRows
from streamlearn.blocks.take_rows import LABELS, AlignedRows, Place, Which, rows_taken
from streamlearn.blocks.visit import visit
from streamlearn.blocks.watch import watches

Order = Callable[[Blocks, int], Sequence[int] | None]
"""``(blocks, number of the read) -> order of the blocks``; None means 0, 1, 2..."""


class SharedReader(NamedTuple):
    """A function that passes over some rows of each block.

    Attributes
    ----------
    which : callable
        ``(place) -> slice or ndarray of int``, the rows of a block.
    holds : callable
        ``(number) -> bool or None``: whether a block has rows of the reader. None leaves it to
        ``which``. A reader does not see blocks for which it is False.
    work : callable
        ``(rows by name) -> object``. It is called in a thread.
    """

    which: Which
    holds: Callable[[int], bool | None]
    work: Callable[[dict[str, StreamedRows]], Any]


class SharedReads:
    """Collections over the same blocks, which readers read together.

    ``n_blocks`` is the number of the last block with rows that was read, plus 1.

    Parameters
    ----------
    rows : AlignedRows or SourceRows

    Raises
    ------
    TypeError, ValueError
        If the collections do not line up.
    """

    def __init__(self, rows: AlignedRows | SourceRows) -> None:
        given = rows.everything()
        self.names, self.starts = tuple(given), rows.starts
        self.places = dict(zip(_in_places(given), range(len(PARTS)), strict=False))
        # Labels that are the targets are not read twice, and errors do not name them.
        of_targets = rows.labels is not None and rows.labels is rows.given.get("y")
        labels = {} if rows.labels is None or of_targets else {LABELS: rows.labels}
        self.labels = "y" if of_targets else LABELS if labels else None
        self.blocks = align(**given, **labels)
        self.n_blocks = 0
        self.targets = None
        if self.blocks.streamed is None and "y" in given:
            self.targets = align(y=given["y"], **labels)

    @property
    def can_be_shared(self) -> bool:
        """Whether readers in this process can read the blocks together.

        They cannot if blocks are loaded elsewhere, if blocks that cannot be read are left out, or
        if watches see passes: each fit has passes of its own for them.
        """
        if len(self.names) > len(PARTS) or watches() or skips():
            return False
        if self.blocks.streamed is not None:
            return True
        scheduler = door.scheduler(self.blocks.sources)
        return scheduler.client is None and not scheduler.in_processes

    def read(self, readers: Sequence[SharedReader], order: Order | None = None) -> list[Any]:
        """Let all readers read, and return their results.

        Raises
        ------
        Exception
            What the first reader raises, or what is raised while blocks are read.
        """
        # Two threads that silence warnings for a while may leave them silent.
        with warnings.catch_warnings():
            return _Together(self, readers, order).run()


def _in_places(given: Collection[str]) -> list[str]:
    """Return names in the order of the parts of a block of a source."""
    others = [name for name in given if name not in ("X", "y")]
    return ["X", "y", *others] if others or "y" in given else ["X"]


class _Pass:
    """A pass of a reader: the blocks that it has not taken yet."""

    def __init__(self, reader: int, lock: Lock, *, of_targets: bool) -> None:
        self.reader, self.of_targets = reader, of_targets
        self.ready = Condition(lock)
        self.waiting: deque[Any] = deque()
        self.closed = False


class _Stopped(Exception):  # noqa: N818
    """The reads have ended early."""


class _Together:
    """Readers while they read."""

    def __init__(
        self, shared: SharedReads, readers: Sequence[SharedReader], order: Order | None
    ) -> None:
        self.shared, self.readers, self.order = shared, readers, order
        # One lock, and a condition for each thread that waits: most changes concern one of them.
        self.lock = Lock()
        self.changed = Condition(self.lock)
        self.open: set[_Pass] = set()
        self.untaken = 0
        self.active = set(range(len(readers)))
        self.begun: list[_Pass] = []
        self.error: BaseException | None = None
        self.results: dict[int, Any] = {}
        self.n_reads = 0
        self.ahead: list[Block] = []
        self.heads: dict[str, Any] = {}
        self.orders: dict[int, Sequence[int] | None] = {}

    def run(self) -> list[Any]:
        self.heads = self._first_rows()
        threads = [
            Thread(target=copy_context().run, args=(self._work, i), daemon=True)
            for i in self.active
        ]
        for thread in threads:
            thread.start()
        try:
            while members := self._next_members():
                self._read(members)
        except BaseException as error:
            self._stop(error)
        for thread in threads:
            thread.join()
        if self.error is not None:
            raise self.error
        return [self.results[i] for i in range(len(self.readers))]

    def _stop(self, error: BaseException) -> None:
        with self.lock:
            if self.error is None:
                self.error = error
            self.changed.notify()
            for each in self.open:
                each.ready.notify()

    def _work(self, number: int) -> None:
        """Do the work of a reader, in its thread."""
        try:
            self.results[number] = self.readers[number].work(self._rows_of(number))
        except BaseException as error:
            self._stop(error)
        finally:
            with self.lock:
                self.active.discard(number)
                self.changed.notify()
                for each in self.open:
                    if each.reader == number:
                        each.ready.notify()

    def _rows_of(self, number: int) -> dict[str, StreamedRows]:
        """Return the rows of a reader, as parts of a source of blocks."""
        places = self.shared.places
        heads = tuple(self.heads.get(name) for name in places)
        every, targets = (
            Stream(partial(self._passing, number, of_targets), once=False, heads=heads)
            for of_targets in (False, True)
        )
        if self.shared.targets is not None:
            every.only = lambda asked: targets if asked == {places["y"]} else every
        return {name: StreamedRows(every, places[name]) for name in self.shared.names}

    def _passing(self, number: int, of_targets: bool) -> Generator[tuple[Any, ...]]:
        """Pass over the rows of a reader. It runs in the thread that reads for this reader."""
        mine, which = _Pass(number, self.lock, of_targets=of_targets), self.readers[number].which
        with self.lock:
            self.begun.append(mine)
            self.open.add(mine)
            self.changed.notify()
        try:
            while (block := self._taken(mine)) is not END:
                yield self._own_rows(which, block)
                del block
        finally:
            with self.lock:
                mine.closed = True
                mine.waiting.clear()
                self.open.discard(mine)
                self.changed.notify()

    def _taken(self, mine: _Pass) -> Any:
        """Wait for the next block of a pass."""
        with self.lock:
            mine.ready.wait_for(
                lambda: mine.waiting or self.error is not None or mine.reader not in self.active
            )
            if not mine.waiting:
                raise _Stopped
            self.untaken -= 1
            if self.untaken <= 0:
                self.changed.notify()
            return mine.waiting.popleft()

    def _own_rows(self, which: Which, block: Block) -> tuple[Any, ...]:
        starts = self.shared.starts
        labels = None if self.shared.labels is None else block.parts[self.shared.labels]
        n = n_rows(next(iter(block.parts.values())))
        start = None if starts is None else starts[block.number]
        with noted(f"block {block.number}"):
            at = which(Place(block.number, n, start, labels))
        parts = block.parts
        return tuple(
            rows_taken(parts[name], at) if name in parts else None for name in self.shared.places
        )

    def _next_members(self) -> list[_Pass]:
        """Wait until all readers have ended or wait for a pass. Return the passes of one read."""
        with self.lock:
            self.changed.wait_for(
                lambda: (
                    self.error is not None
                    or self.active <= {p.reader for p in self.begun if not p.closed}
                )
            )
            if self.error is not None or not self.active:
                return []
            self.begun = [p for p in self.begun if not p.closed and p.reader in self.active]
            # Readers that look for labels first pass over all parts afterwards, with the others.
            first = any(p.of_targets for p in self.begun)
            members = [p for p in self.begun if p.of_targets is first]
            self.begun = [p for p in self.begun if p.of_targets is not first]
            return members

    def _read(self, members: list[_Pass]) -> None:
        """Read the blocks once, and hand each one to the passes."""
        ahead, order = list[Block](), None
        blocks: Any = self.shared.blocks
        if members[0].of_targets:
            blocks = self.shared.targets
        else:
            order, (ahead, self.ahead) = self._order(blocks, self.n_reads), (self.ahead, [])
            self.n_reads += 1
        numbers = count() if blocks.streamed is not None else iter(_numbers(blocks, order))

        def hand_out(block: Block) -> None:
            self.shared.n_blocks = max(self.shared.n_blocks, block.number + 1)
            for number in numbers:
                if number == block.number:
                    break
                # A block without rows counts, because draws depend on the numbers of blocks.
                empty = {name: without_rows(x) for name, x in self.heads.items()}
                self._hand_out(members, Block(number, empty))
            self._hand_out(members, block)

        try:
            if ahead:
                known = ahead.pop()
                order = _numbers(blocks, order)
                order = order[order.index(known.number) + 1 :]
                hand_out(known)
                del known
            for _ in visit(hand_out, blocks, order=order):
                pass
            self._hand_out(members, END)
        except _Stopped:
            pass

    def _order(self, blocks: Blocks, read: int) -> Sequence[int] | None:
        if self.order is None or blocks.streamed is not None:
            return None
        if read not in self.orders:
            self.orders = {read: self.order(blocks, read)}
        return self.orders[read]

    def _first_rows(self) -> dict[str, Any]:
        """Return the first row of each container. Its block is kept for the first read."""
        blocks = self.shared.blocks
        if blocks.streamed is not None:
            return {name: part.head for name, part in blocks.streamed.items()}

        for number in _numbers(blocks, self._order(blocks, 0)):
            if blocks.rows[number] != 0:
                for _ in visit(self.ahead.append, blocks, order=[number]):
                    pass
            if self.ahead:
                return {name: head(x, 1) for name, x in self.ahead[0].parts.items()}
        return {name: meta_of(x) for name, x in zip(blocks.names, blocks.sources, strict=True)}

    def _hand_out(self, members: list[_Pass], block: Any) -> None:
        """Hand a block to the passes, when they have taken the one before."""
        with self.lock:
            self.changed.wait_for(partial(self._all_taken, members))
            if self.error is not None or all(map(self._ended, members)):
                raise _Stopped
            for p in members:
                holds = block is END or self.readers[p.reader].holds(block.number) is not False
                if holds and not self._ended(p):
                    p.waiting.append(block)
                    p.ready.notify()

    def _all_taken(self, members: list[_Pass]) -> bool:
        """Return whether the next block may follow. If not, note how many have to take theirs."""
        self.untaken = sum(bool(p.waiting) and not self._elsewhere(p) for p in members)
        return self.error is not None or not self.untaken

    def _ended(self, p: _Pass) -> bool:
        return p.closed or p.reader not in self.active

    def _elsewhere(self, p: _Pass) -> bool:
        """Return whether a pass takes no block now: it has ended, or its reader waits for another.

        Without the second a reader with two passes at a time would wait for itself.
        """
        return self._ended(p) or any(q.reader == p.reader and not q.closed for q in self.begun)


def _numbers(blocks: Blocks, order: Sequence[int] | None) -> list[int]:
    return [*range(len(blocks))] if order is None else [*order]
