"""What the own task of a block does: its parts are made, checked and prepared."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from streamlearn._arrays import is_array, nbytes
from streamlearn._arrays.plain import plain
from streamlearn.blocks import door
from streamlearn.blocks.block import Block, how_to_compute, noted
from streamlearn.blocks.journal import Mark, Marked
from streamlearn.blocks.lazy_rows import LazyRows, in_block
from streamlearn.blocks.left_out import in_short, may_leave_out
from streamlearn.blocks.parts import declared_rows_or_raise, n_rows
from streamlearn.blocks.plan import Recipe, run_recipe
from streamlearn.blocks.watch import Record


class Loaded(NamedTuple):
    """A block after its own task: the prepared block, and when it was loaded.

    Attributes
    ----------
    value : object
        The result of ``prepare``; None for a block without rows.
    block, rows, bytes : int
    worker : str
        The thread. On a cluster the worker's address precedes it.
    start, end : float
        Unix times, in seconds.
    marks : tuple of Mark
        The number and the checksum of the block, if they are wanted.
    error : str
        Why the block could not be read and was left out; empty if it was read.
    """

    value: Any
    block: int
    rows: int
    bytes: int
    worker: str
    start: float
    end: float
    marks: tuple[Mark, ...] = ()
    error: str = ""

    def record(self, start: float, end: float, report: Any) -> Record:
        """Return the record of the block, which was learned from between two times, here."""
        return Record(*self[1:7], _worker(), start, end, report, self.marks, self.error)

    @property
    def newest(self) -> Record:
        """The record of the block, which only had to be loaded."""
        return Record(*self[1:7], self.worker, self.end, self.end, None, self.marks, self.error)


def load_block(
    names: tuple[str, ...],
    functions: Mapping[str, tuple[Callable[..., Any], ...]],
    index: int,
    declared: int | None,
    prepare: Callable[[Block], Any],
    recipe: Recipe,
    tries: int,
    _gate: Any,
    *inputs: Any,
) -> Loaded:
    """Make the parts of block ``index`` and prepare them. This is the block's own task.

    ``declared`` is the number of rows of its chunk. With ``tries`` above 0 the block is left out if
    it cannot be made.
    """
    start = time.time()
    parts = " and ".join(names)
    where = f"block {index} of {parts}, which could not be computed. {how_to_compute(index)}"
    with noted(where):
        made = _made(recipe, inputs, tries)
    if isinstance(made, Unread):
        return prepared(Block(index, {}, error=made.error), functions, prepare, start)
    block = Block(index, dict(zip(names, made, strict=True)))
    return prepared(block, functions, prepare, start, declared)


class Unread(NamedTuple):
    """A part that could not be computed, with the error in short."""

    error: str


def _made(recipe: Recipe, inputs: Sequence[Any], tries: int) -> list[Any] | Unread:
    """Run a recipe, up to ``tries`` times, or once if its error is to be raised."""
    for x in inputs:
        if isinstance(x, Unread):
            return x
    while True:
        try:
            return run_recipe(recipe, inputs)
        except Exception as error:
            if not tries or not may_leave_out(error):
                raise
            tries -= 1
            if not tries:
                return Unread(in_short(error))


def make_shared(recipe: Recipe, index: int, tries: int, _gate: Any, *inputs: Any) -> Any:
    """Make a source, or a part of one, that block ``index`` and later blocks share."""
    with noted(f"what block {index} shares with others, which could not be computed"):
        made = _made(recipe, inputs, tries)
    return made if isinstance(made, Unread) else made[0]


def prepared(
    block: Block,
    functions: Mapping[str, tuple[Callable[..., Any], ...]],
    prepare: Callable[[Block], Any],
    start: float,
    declared: int | None = None,
) -> Loaded:
    """Prepare a block whose parts are in memory.

    Raises
    ------
    ValueError
        If the parts have different numbers of rows, or another one than ``declared``.
    """
    if block.error:
        now = time.time()
        return Loaded(None, block.number, 0, 0, _worker(), start, now, (), block.error)
    # What is in memory is plain since `align`.
    parts = {n: x if block.in_memory else plain(x) for n, x in block.parts.items()}
    lengths = {name: n_rows(part) for name, part in parts.items()}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{name} has {n} rows" for name, n in lengths.items())
        found += "" if declared is None else f", and its chunk declares {declared}"
        raise ValueError(
            f"The parts of block {block.number} do not line up: {found}. If they were read "
            "separately, select all columns in one frame and split it afterwards: "
            "Xy = df[features + [target]].to_dask_array(); X, y = Xy[:, :-1], Xy[:, -1]."
        )
    if declared is not None:
        for name, n in lengths.items():
            declared_rows_or_raise(name, block.number, n, declared)
    size = sum(_bytes(x, block.in_memory) for x in parts.values())
    marks = (prepare.mark(block),) if isinstance(prepare, Marked) else ()
    for name in functions.keys() & parts.keys():
        if functions[name]:
            made_by = in_block(functions[name], block.number)
            parts[name] = LazyRows(parts[name], made_by).settled()
    rows = next(iter(lengths.values()))
    value = prepare(block._replace(parts=parts)) if rows else None
    return Loaded(value, block.number, rows, size, _worker(), start, time.time(), marks)


def _bytes(part: Any, in_memory: bool) -> int:
    """Return the bytes of a part. dask, which knows those of a frame, is not imported for it."""
    if is_array(part):
        return nbytes(part)
    return 0 if in_memory else int(door.sizeof(part))


class _Here(threading.local):
    """The name of the present thread. It asks once, because distributed takes 20 us to say no."""

    def __init__(self) -> None:
        self.name = threading.current_thread().name
        distributed = sys.modules.get("distributed")
        if distributed is not None:
            with suppress(ValueError):  # not inside a worker
                self.name = f"{distributed.get_worker().address} {self.name}"


_here = _Here()


def _worker() -> str:
    return _here.name
