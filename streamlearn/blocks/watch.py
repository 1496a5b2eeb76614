"""Watches see the passes over blocks while they run: their length, and each block that is done.

A watch is set for a stretch of code, and sees all passes of it. Nobody has to hand it on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from typing import Any, NamedTuple, Self

from streamlearn.blocks.left_out import leave_out
from streamlearn.blocks.within import Within, context_variable


class Record(NamedTuple):
    """What happened to one block.

    Attributes
    ----------
    block, rows, bytes : int
        The index of the block, its number of rows, and the bytes of its parts.
    worker : str
        The thread that loaded the block. On a cluster the worker's address precedes it.
    update_worker : str
        The thread that learned from it.
    load_start, load_end, update_start, update_end : float
        Unix times, in seconds. If a block is not learned from, the last two are the end of its
        load.
    report : object
        The report of the step; None for a block without rows.
    checksums : tuple of (int, int)
        The number and the checksum of the block, if they are wanted (`streamlearn.blocks.journal`).
    error : str
        Why the block could not be read and was left out; empty if it was read.
    """

    block: int
    rows: int
    bytes: int
    worker: str
    load_start: float
    load_end: float
    update_worker: str
    update_start: float
    update_end: float
    report: Any
    checksums: tuple[tuple[int, int], ...] = ()
    error: str = ""


class Watch:
    """It sees passes. Each method does nothing unless a subclass defines it.

    All methods are called in the thread of the fit.
    """

    def begin_pass(self, name: str, n_blocks: int | None, n_rows: int | None) -> None:
        """See a pass begin. The numbers are None if they are not known beforehand."""

    def block_done(self, record: Record) -> None:
        """See one more block, in the order in which blocks are done.

        The report is not to be kept: it may hold arrays on a device. It is None on a cluster.
        """

    def end_pass(self, *, complete: bool) -> None:
        """See a pass end. It is not complete after an error or an interrupt."""

    def begin_training(self, max_iter: int) -> None:
        """See training begin, which has at most this number of epochs."""

    def end_training(self) -> None:
        """See training end. After an error it does not."""

    def progress_made(self, progress: Any, publish: Any) -> bool | None:
        """See the progress of training. Return True to end the epoch, or after it the training.

        ``publish`` makes the fitted attributes of the progress (`streamlearn._training.epochs`).
        """
        return None


_watches: ContextVar[tuple[Watch, ...]] = context_variable("watches", default=())


def watches() -> tuple[Watch, ...]:
    """Return the watches that are set."""
    return _watches.get()


def watching(*more: Watch) -> Within[tuple[Watch, ...]]:
    """Let ``more`` watches see the passes of the body, too."""
    return Within(_watches, (*_watches.get(), *more))


def unwatched() -> Within[tuple[Watch, ...]]:
    """Let no watch see the passes of the body, such as those of a callback."""
    return Within(_watches, ())


class WatchedPass:
    """One pass, as its watches see it. They see each block once, and the pass in a ``with`` body.

    Parameters
    ----------
    seen_by : sequence of Watch
    name : str
    rows : sequence of (int or None), or None
        The number of rows of each block. None if not even the number of blocks is known.
    """

    def __init__(
        self, seen_by: Sequence[Watch], name: str = "", rows: Sequence[int | None] | None = None
    ) -> None:
        self.seen_by, self.name, self.rows = seen_by, name, rows
        self._seen: set[int] = set()

    def __enter__(self) -> Self:
        try:
            for watch in self.seen_by:
                watch.begin_pass(self.name, *_numbers(self.rows))
        except BaseException:
            self._end(complete=False)
            raise
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        # A rule or a callback ends a pass by closing its generator.
        self._end(complete=error in (None, GeneratorExit))

    def _end(self, *, complete: bool) -> None:
        for watch in self.seen_by:
            watch.end_pass(complete=complete)

    def done(self, record: Record) -> None:
        """Show the watches a block as soon as it is done."""
        if record.block in self._seen:
            return
        self._seen.add(record.block)
        for watch in self.seen_by:
            watch.block_done(record)

    def all_done(self, records: Iterable[Record]) -> None:
        """Show the watches the blocks of a whole graph that they have not seen yet.

        The fit notes which of the blocks were left out.
        """
        records = [*records]
        leave_out({record.block: record.error for record in records if record.error})
        if self.seen_by:
            for record in records:
                self.done(record)
            self._seen.clear()


def watched_pass(name: str, rows: Sequence[int | None] | None) -> WatchedPass:
    """Return a pass for the watches that are set; see `WatchedPass`."""
    return WatchedPass(watches(), name, rows)


def _numbers(rows: Sequence[int | None] | None) -> tuple[int | None, int | None]:
    """Return the number of blocks and that of all rows, each None if it is not known."""
    if rows is None:
        return None, None
    return len(rows), None if None in rows else sum(n for n in rows if n is not None)
