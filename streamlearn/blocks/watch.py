"""Watches see the passes over blocks while they run: their length, and each block that is done.

A watch is set for a stretch of code, and sees all passes of it. Nobody has to hand it on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

from streamlearn.blocks.left_out import leave_out


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
    marks : tuple of (int, int)
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
    marks: tuple[tuple[int, int], ...] = ()
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


_watches: ContextVar[tuple[Watch, ...]] = ContextVar("watches", default=())


def watches() -> tuple[Watch, ...]:
    """Return the watches that are set."""
    return _watches.get()


@contextmanager
def watching(*more: Watch) -> Iterator[None]:
    """Let ``more`` watches see the passes of the body, too."""
    token = _watches.set((*_watches.get(), *more))
    try:
        yield
    finally:
        _watches.reset(token)


@contextmanager
def unwatched() -> Iterator[None]:
    """Let no watch see the passes of the body, such as those of a callback."""
    token = _watches.set(())
    try:
        yield
    finally:
        _watches.reset(token)


class Passing:
    """One pass, as its watches see it. They see each block once.

    Parameters
    ----------
    seen_by : sequence of Watch
    """

    def __init__(self, seen_by: Sequence[Watch]) -> None:
        self.seen_by = seen_by
        self._seen: set[int] = set()

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


@contextmanager
def passing(name: str, rows: Sequence[int | None] | None) -> Iterator[Passing]:
    """Let the watches see the pass in the body.

    Parameters
    ----------
    name : str
    rows : sequence of (int or None), or None
        The number of rows of each block. None if not even the number of blocks is known.
    """
    seen_by = watches()
    known = None if rows is None or None in rows else sum(n for n in rows if n is not None)
    complete = False
    try:
        for watch in seen_by:
            watch.begin_pass(name, None if rows is None else len(rows), known)
        yield Passing(seen_by)
        complete = True
    except GeneratorExit:  # a rule or a callback has ended the pass
        complete = True
        raise
    finally:
        for watch in seen_by:
            watch.end_pass(complete=complete)
