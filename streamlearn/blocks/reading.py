"""One pass over a source of blocks, in a thread of its own that reads ahead.

The iterator lives in that thread from its first block to its last: what it holds, such as a
connection to a database, may belong to the thread that opened it.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Generator, Iterable, Iterator
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any, NamedTuple

from streamlearn.blocks.block import noted
from streamlearn.blocks.left_out import in_short, may_leave_out

END = object()
"""What comes after the last block."""


IN_A_ROW = 10
"""Errors in a row after which a source is asked for no other block: it may never end."""


class Failed(NamedTuple):
    """It stands for a block that a source could not give.

    Attributes
    ----------
    number : int
        The number of the block.
    error : Exception
    last : bool
        Whether the source is asked for no block after it.
    """

    number: int
    error: Exception
    last: bool

    def text_or_raise(self, leaves_out: bool) -> str:
        """Return the error in short if the block can be left out, else raise it."""
        leaves_out = leaves_out and may_leave_out(self.error)
        if leaves_out and not self.last:
            return in_short(self.error)
        with noted(f"block {self.number}, which the source could not give"):
            if leaves_out:
                self.error.add_note(
                    "It cannot be left out: a generator ends with its first error, and no source "
                    f"is asked for more after {IN_A_ROW} errors in a row. Give what goes on after "
                    "an error: from_blocks(map(read, paths)), or a function that returns the map."
                )
            raise self.error


class Reading:
    """A pass over the blocks of an iterable.

    Each block is asked for before it is read, so that no more are in memory than were asked for.

    Parameters
    ----------
    begin : callable
        Returns the iterable; called in the thread.
    """

    def __init__(self, begin: Callable[[], Iterable[Any]]) -> None:
        self.asked: SimpleQueue[Any] = SimpleQueue()
        self.made: SimpleQueue[Any] = SimpleQueue()
        self.kept: list[Any] = []
        self.over = Event()
        parts = (self.asked, self.made, self.kept, self.over)
        # It knows no more than these: the thread of a reading that nobody has any more ends, too.
        Thread(target=_read, args=(begin, *parts), name="streamlearn-read", daemon=True).start()
        self.end = weakref.finalize(self, _end, self.asked, self.over)

    def ask(self, make: Callable[[Any, float], Any]) -> None:
        """Have one more block read, and ``make(block, start)`` of it, in the thread."""
        self.asked.put(make)

    def answer(self) -> Any:
        """Wait for what was made of the block that was asked for first."""
        made, error = self.made.get()
        if error is not None:
            raise error
        return made

    def peek(self, found: Callable[[Any], bool]) -> Any:
        """Return the next block for which ``found`` is true, or `END`. All blocks are kept."""
        seen: list[Any] = []
        while True:
            self.ask(as_it_is)
            seen.append(self.answer())
            with noted(f"block {len(seen) - 1}"):
                if seen[-1] is END or found(seen[-1]):
                    break
        self.kept[:] = seen
        return seen[-1]

    def all(self, make: Callable[[Any, float], Any], window: int) -> Iterator[Any]:
        """Yield what is made of each block; read up to ``window`` blocks ahead."""
        try:
            for _ in range(window):
                self.ask(make)
            while True:
                # In a list, which gives it away: a block is to live no longer than its user needs.
                made = [self.answer()]
                if made[0] is END:
                    return
                self.ask(make)
                yield made.pop()
        finally:
            self.end()


def as_it_is(block: Any, _start: float) -> Any:
    """Return a block as the source gives it."""
    return block


def _end(asked: SimpleQueue[Any], over: Event) -> None:
    over.set()
    asked.put(None)


def _read(
    begin: Callable[[], Iterable[Any]],
    asked: SimpleQueue[Any],
    made: SimpleQueue[Any],
    kept: list[Any],
    over: Event,
) -> None:
    """Do what is asked for until it is over, then close the iterator."""
    blocks: Any = None
    number = failed = 0
    while (make := asked.get()) is not None and not over.is_set():
        start = time.time()
        try:
            if not kept:
                with noted(f"block {number}, which the source could not give"):
                    blocks = iter(begin()) if blocks is None else blocks
                try:
                    kept.append(next(blocks, END))
                    failed = 0
                except Exception as error:
                    failed += 1
                    last = isinstance(blocks, Generator) or failed == IN_A_ROW
                    kept.append(Failed(number, error, last))
                number += 1
            made.put((make(kept.pop(0), start), None))
        except BaseException as error:
            made.put((None, error))
    if hasattr(blocks, "close"):
        blocks.close()
