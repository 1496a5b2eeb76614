"""A journal of a fit: what its passes have found so far, so that another process can go on.

A fit is a sequence of passes, in an order that its parameters and data determine. A pass of
`reduce` finds one value. A training is a pass, too, and its state is the progress. If a fit begins
with the journal of an earlier process, each finished pass returns what it found then. The pass that
was not finished goes on where it stopped. So the fit ends with the same bits.

The journal of the current fit is in a context variable, because passes begin in many places: in the
search for labels, in a training, in a refinement. `streamlearn.diagnostics.FitCheckpoint` keeps it
in a file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np

from streamlearn._arrays.plain import plain
from streamlearn.blocks import door
from streamlearn.blocks.block import Block
from streamlearn.blocks.containers import Blocks
from streamlearn.blocks.fingerprint import checksum, fingerprint
from streamlearn.blocks.left_out import leave_out, left_out
from streamlearn.blocks.parts import n_rows, some_rows
from streamlearn.blocks.within import Within, context_variable

Mark = tuple[int, int]
"""The number of a block and a checksum of its rows."""

ROWS = 256
"""Rows of a block that its checksum covers, at equal distances: 0.1 milliseconds."""


class Entry(NamedTuple):
    """What a journal holds of a pass.

    Attributes
    ----------
    about : dict of str to str
        What is read, and how.
    state : object
        What has been found so far, or in the whole pass.
    marks : tuple of Mark
        The first and the last block that were read.
    finished : bool
    left_out : dict of int to str
        The blocks that the fit had left out by then, and their errors.
    """

    about: dict[str, str]
    state: Any
    marks: tuple[Mark, ...]
    finished: bool
    left_out: dict[int, str]


class Journal:
    """The entries of the passes of a fit.

    Parameters
    ----------
    name : str
        Its name in errors.
    entries : sequence of Entry
        The entries of an earlier process.
    write : callable
        ``(entries)``. It keeps them.
    every : int
        How often an unfinished pass is kept: at each ``every``-th opportunity.
    check : callable
        ``(state)``. It raises an error if the state of a pass cannot be kept.
    """

    def __init__(
        self,
        name: str,
        entries: Sequence[Entry],
        write: Callable[[list[Entry]], None],
        every: int,
        check: Callable[[Any], None],
    ) -> None:
        self.name, self.entries = name, list(entries)
        self.write, self.every, self.check = write, every, check
        self.begun = 0

    def begin(self, about: dict[str, str]) -> Page:
        """Begin the next pass.

        Raises
        ------
        ValueError
            If the journal is about another pass. The message names the difference.
        """
        number = self.begun
        self.begun += 1
        known = self.entries[number] if number < len(self.entries) else None
        if known is not None:
            same_or_raise(self.name, known.about, about)
        return Page(self, number, about, known)


class Page:
    """The place of a pass in a journal.

    Attributes
    ----------
    known : Entry or None
        What an earlier process has kept of the pass.
    """

    def __init__(
        self, journal: Journal, number: int, about: dict[str, str], known: Entry | None
    ) -> None:
        self.known = known
        self._journal, self._number, self._about = journal, number, about
        self._waited = 0
        if known is not None:
            leave_out(known.left_out)

    def note(self, state: Any, marks: tuple[Mark, ...], *, finished: bool = False) -> None:
        """Note the state of the pass."""
        self._waited += 1
        if finished or self._waited >= self._journal.every:
            self._waited = 0
            entry = Entry(self._about, state, marks, finished, left_out())
            self._journal.entries[self._number :] = [entry]
            self._journal.write(self._journal.entries)

    def same_marks_or_raise(self, found: Sequence[Mark]) -> None:
        """Check that blocks have the checksums that were noted, if they were.

        Raises
        ------
        ValueError
            If one has not.
        """
        known = {} if self.known is None else dict(self.known.marks)
        for number, mark in found:
            if known.get(number, mark) != mark:
                difference = f"block {number} holds other rows than it did"
                raise another_fit(self._journal.name, difference)


@dataclass(frozen=True)
class Marked:
    """A function that prepares blocks, whose checksums are wanted, too.

    Attributes
    ----------
    prepare : callable
    page : Page or None
        The page with whose checksums the blocks are compared.
    """

    prepare: Callable[[Block], Any]
    page: Page | None = None

    def __call__(self, block: Block) -> Any:
        """Prepare a block."""
        return self.prepare(block)

    def mark(self, block: Block) -> Mark:
        """Return the number and the checksum of a block, and compare it.

        Raises
        ------
        ValueError
            If it has another checksum than the one that was noted.
        """
        mark = (block.number, mark_of(block))
        if self.page is not None:
            self.page.same_marks_or_raise([mark])
        return mark


def marked(prepare: Callable[[Block], Any], blocks: Blocks, page: Page | None) -> Any:
    """Return a function that prepares the blocks of a pass, with checksums if there is a page.

    Blocks of a source are compared when they come, because few of them cannot be read alone. Blocks
    of a collection are compared before, and their tasks must not carry the page.
    """
    if page is None:
        return prepare
    return Marked(prepare, None if blocks.streamed is None else page)


def skip(prepare: Callable[[Block], Any], block: Block) -> None:
    """Skip a block of a source that was learned from before. Its checksum is compared."""
    if isinstance(prepare, Marked):
        prepare.mark(block)


_present: ContextVar[Journal | None] = context_variable("journal", default=None)


def current() -> Journal | None:
    """Return the journal of the current fit, or None."""
    return _present.get()


def use(journal: Journal | None) -> None:
    """Let the passes that begin from now on be noted in a journal, or in none."""
    _present.set(journal)


def unnoted() -> Within[Journal | None]:
    """Let no pass that begins in the body be noted: it is a part of another one."""
    return Within(_present, None)


def open_page(kind: str, blocks: Blocks, *, start: Any = None, **how: Any) -> Page | None:
    """Begin a pass of the current fit. Return None if the fit has no journal.

    What estimators in ``start``, the state before the pass, have learned counts. If it cannot be
    kept, the user learns it before a block is read.
    """
    journal = current()
    if journal is None:
        return None
    segment = str(door.config.get("streamlearn.segment", None))
    about = {"pass": kind, "streamlearn.segment": segment, **description_of(blocks)}
    journal.check(start)
    about |= fingerprint(how) | fingerprint(start, "start", learned=True)
    return journal.begin(about)


def same_or_raise(name: str, before: Mapping[str, str], now: Mapping[str, str]) -> None:
    """Check that two descriptions of a fit are equal.

    Raises
    ------
    ValueError
        If they are not. The message names the first differences.
    """
    names = [key for key in {**before, **now} if before.get(key) != now.get(key)]
    if not names:
        return
    continued = any(f"{key}.".startswith("start.") for key in names)
    if continued:  # names of its state say nothing to the user
        names = [key for key in names if not f"{key}.".startswith(("start.", "learner."))]
    differences = [
        f"{key} was {before.get(key, 'missing')} and is {now.get(key, 'missing')}"
        for key in names[:3]
    ]
    differences += ["what the estimator had learned before it differs"] * continued
    raise another_fit(name, "; ".join(differences))


def another_fit(name: str, difference: str) -> ValueError:
    """Return the error about a journal of another fit."""
    return ValueError(
        f"{name} is of another fit: {difference}. It keeps one call of fit or partial_fit. Give "
        "the data and the parameters of that call, or begin a new one with another path."
    )


def description_of(blocks: Blocks) -> dict[str, str]:
    """Return what the parts of blocks are: shapes, chunks, dtypes, names and lazy functions."""
    if blocks.whole is not None:
        parts = blocks.whole.parts
    elif blocks.streamed is not None:
        parts = {name: part.base.head for name, part in blocks.streamed.items()}
    else:
        parts = dict(zip(blocks.names, blocks.sources, strict=False))
    found = {"parts": " ".join(blocks.names)}
    found |= fingerprint(blocks.functions, "functions", learned=True)
    if blocks.plan is not None:
        rows = repr(blocks.rows)
        shown = rows if len(rows) < 80 else f"{rows[:60]}..., checksum {crc32(rows.encode()):08x}"
        found["rows of the blocks"] = f"{len(blocks)} blocks, {shown}"
    for name, x in parts.items():
        shape = getattr(x, "shape", ())
        found[f"shape of {name}"] = str(tuple(shape) if blocks.whole else tuple(shape[1:]))
        if hasattr(x, "columns"):
            found[f"columns of {name}"] = str(list(x.columns))
        dtypes = getattr(x, "dtypes", getattr(x, "dtype", type(x).__name__))
        found[f"dtypes of {name}"] = str(list(dtypes) if np.iterable(dtypes) else dtypes)
        if blocks.streamed is not None:
            # A pass that is finished is not read again, and its rows are not compared.
            found[f"first row of {name}"] = f"checksum {checksum(plain(x)):08x}"
    return found


def mark_of(block: Block) -> int:
    """Return a checksum of rows of a block at equal distances, and of their number."""
    found = 0
    for name, part in block.parts.items():
        x = plain(part)
        n = n_rows(x)
        found = crc32(f"{name} {n}".encode(), found)
        if n > ROWS:
            x = some_rows(x, np.linspace(0, n - 1, ROWS).astype(int).tolist())
        found = checksum(x, found)
    return found


def outer_marks(marks: Sequence[Mark]) -> tuple[Mark, ...]:
    """Return the first and the last of some marks."""
    return tuple(marks[:1]) + tuple(marks[1:][-1:])
