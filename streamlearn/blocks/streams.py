"""Blocks that come one after the other from a source, and the rows of one part of each.

No dask is needed: a thread reads the blocks, and reads ahead.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from math import nan
from typing import Any

import numpy as np

from streamlearn._arrays import to_numpy
from streamlearn._arrays.plain import plain
from streamlearn.blocks.block import Block, noted
from streamlearn.blocks.lazy_rows import LazyRows, in_block, is_numbered, remember, then
from streamlearn.blocks.left_out import skips
from streamlearn.blocks.parts import head, joined, some_columns
from streamlearn.blocks.reading import END, Failed, Reading, as_it_is

PARTS = ("X", "y", "sample_weight")
"""The parts of a block, in their order."""

AGAIN = (
    "The blocks come from an iterator, such as a generator, which ends after one pass, and another "
    "pass is needed. Give what can be begun again: the generator function itself, read_blocks in "
    "place of read_blocks(). Or save the passes: classes= of a classifier, categories= of an "
    "encoder, max_iter=1."
)


class Stream:
    """A source of blocks.

    Parameters
    ----------
    begin : callable
        It begins a pass: it returns an iterable of blocks.
    once : bool
        Whether only one pass can be made.
    narrowed : callable, optional
        ``(names) -> Stream``, which reads only these columns of the first part.
    only : callable, optional
        ``(places) -> Stream``, which reads no other parts than those at these places, and gives
        None for them. It may return a stream that reads more.
    heads : tuple, optional
        The first row of each part, if they are known.
    """

    def __init__(
        self,
        begin: Callable[[], Iterable[Any]],
        *,
        once: bool,
        narrowed: Callable[[Sequence[Any]], Stream] | None = None,
        only: Callable[[frozenset[int]], Stream] | None = None,
        heads: tuple[Any, ...] | None = None,
    ) -> None:
        self.begin, self.once, self.narrowed, self.only = begin, once, narrowed, only
        self._begun = False
        self._waiting: list[Reading] = []
        self._heads = heads

    def heads(self) -> tuple[Any, ...]:
        """Return the first row of each part, from the first block that has rows.

        The blocks up to it are read. The next pass begins with them, so each is read once.

        Raises
        ------
        ValueError
            If there is no block.
        """
        if self._heads is None:
            reading = self.read()
            block = reading.peek(_has_rows)
            read = [x for x in reading.kept if not isinstance(x, Failed)]
            if block is END and read[0] is END:
                raise ValueError("The source has no blocks. Give at least one, with rows.")
            parts = parts_of(read[0] if block is END else block)
            self._heads = tuple(None if x is None else head(x, 1) for x in parts)
            self._waiting.append(reading)
        return self._heads

    def read(self) -> Reading:
        """Begin a pass, or continue the one whose first blocks were looked at.

        Raises
        ------
        ValueError
            If there was a pass, and there can be no other.
        """
        if self._waiting:
            return self._waiting.pop()
        if self.once and self._begun:
            raise ValueError(AGAIN)
        self._begun = True
        return Reading(self.begin)


class StreamedRows:
    """One part of each block of a source, in order: rows, targets, weights, or results for rows.

    It can be given where a dask collection can. Iterating over it reads the source block by block,
    with one block read ahead. Nothing is kept.

    Parameters
    ----------
    stream : Stream
        The source.
    place : int
        The place of the part in a block.
    functions : tuple of callable, default=()
        The functions that are applied to the rows of the part.

    See Also
    --------
    from_blocks : Makes them.
    """

    def __init__(
        self, stream: Stream, place: int, functions: tuple[Callable[..., Any], ...] = ()
    ) -> None:
        self.stream, self.place, self.functions = stream, place, functions

    _name = "streamed"  # `origin` compares it, and nothing can be assigned to these rows

    def __iter__(self) -> Iterator[Any]:
        """Begin a pass that yields the part of each block."""
        return in_lock_step({"X": self}, lambda block, _start: block.X, window=1)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        """Return all rows, in one array of NumPy.

        Raises
        ------
        ValueError
            If ``copy`` is False.
        """
        if copy is False:
            raise ValueError(
                "copy must not be False, because rows that are read become a new array."
            )
        (rows,) = all_rows(self)
        return np.asarray(rows if hasattr(rows, "to_numpy") else to_numpy(rows), dtype=dtype)

    def __repr__(self) -> str:
        """Return which part it is, without reading."""
        made = f", through {len(self.functions)} functions" if self.functions else ""
        return f"<StreamedRows: {PARTS[self.place]} of a source of blocks{made}>"

    @property
    def base(self) -> StreamedRows:
        """The rows as they come from the source."""
        return StreamedRows(self.stream, self.place)

    @property
    def head(self) -> Any:
        """The first row, in the container of a block. It is empty if no block has rows."""
        return self.of_block(self.stream.heads()[self.place])

    @property
    def shape(self) -> tuple[Any, ...]:
        """The shape, with NaN for the number of rows."""
        return (nan, *self.head.shape[1:])

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    @property
    def dtype(self) -> Any:
        """The dtype of the first block. For a frame it is the dtype of all its values together."""
        head = self.head
        return head.dtype if hasattr(head, "dtype") else head.to_numpy().dtype

    def of_block(self, rows: Any, number: int | None = None) -> Any:
        """Apply the functions to the rows of a block, or to a few rows of any block."""
        return LazyRows(rows, in_block(self.functions, number)).all() if self.functions else rows

    def through(self, function: Callable[[Any], Any], *, named: bool) -> StreamedRows:
        """Return the results of ``function`` for the rows; see `map_rows`."""
        out = StreamedRows(self.stream, self.place, then(self.functions, function))
        remember(out, self.base, out.functions, named=named)
        return out

    def framed(self, frame: Callable[[Callable[[Any], Any]], Any]) -> StreamedRows:
        """Return the rows in frames.

        ``frame`` makes a function of the blocks of the source of the function of their rows. So a
        frame has the index of its block.
        """
        numbered = any(map(is_numbered, self.functions))
        function = NumberedFrames(frame, self.of_block) if numbered else frame(self.of_block)
        return self.base.through(function, named=True)

    def select(self, columns: Sequence[int]) -> StreamedRows:
        """Return some columns of the rows. If the source can, it reads only these."""
        names = getattr(self.head, "columns", None)
        if not (self.functions or self.place or names is None or self.stream.narrowed is None):
            return StreamedRows(self.stream.narrowed([names[j] for j in columns]), 0)
        chosen = partial(some_columns, which=tuple(columns))
        return self.through(chosen, named=names is not None)

    def again_or_raise(self) -> None:
        """Check that the source can be read more than once.

        Raises
        ------
        ValueError
            If it cannot. The message says what to do.
        """
        if self.stream.once:
            raise ValueError(AGAIN)


@dataclass(frozen=True, eq=False)
class NumberedFrames:
    """The frames of rows that depend on the number of their block.

    Attributes
    ----------
    frame : callable
        It makes a function of blocks of a function of rows.
    of_block : callable
        ``(rows, number) -> rows``.
    """

    frame: Callable[[Callable[[Any], Any]], Any]
    of_block: Callable[..., Any]

    numbered = True

    def __call__(self, number: int | None) -> Any:
        """Return the function for a block."""
        return self.frame(partial(self.of_block, number=number))


def in_lock_step(
    parts: Mapping[str, StreamedRows],
    make: Callable[[Block, float], Any],
    *,
    window: int,
    leaves_out: bool = False,
) -> Generator[Any]:
    """Read the sources of some parts, and yield what is made of each block.

    Parameters
    ----------
    parts : dict of str to StreamedRows
        The parts by name. Parts of one source are read together.
    make : callable
        ``(block, start) -> object``, of a `Block` and the time at which its reading began. It runs
        in the thread that reads.
    window : int
        The number of blocks that may be read ahead.
    leaves_out : bool
        Whether a block that cannot be read becomes a `Block` with an error and without parts.

    Raises
    ------
    ValueError
        If one source has more blocks than another, or if the parts of a block have different
        numbers of rows.
    """
    first, *others = dict.fromkeys(part.stream for part in parts.values())
    lead, readings = _read(first, parts), {stream: _read(stream, parts) for stream in others}
    numbers = count()

    def made(read: Any, start: float) -> Any:
        blocks = {first: read}
        for stream, reading in readings.items():
            reading.ask(as_it_is)
            blocks[stream] = reading.answer()
        number = next(numbers)
        for block in blocks.values():
            if isinstance(block, Failed):
                return make(Block(number, {}, error=block.text_or_raise(leaves_out)), start)
        ended = [stream for stream, block in blocks.items() if block is END]
        if len(ended) == len(blocks):
            return END
        named = " and ".join(parts)
        if ended:
            names = " and ".join(name for name, part in parts.items() if part.stream in ended)
            raise ValueError(
                f"{named} do not line up: {names} has {number} blocks, and the others have more."
            )
        with noted(f"block {number} of {named}"):
            apart = {s: parts_of(block, len(s.heads())) for s, block in blocks.items()}
            rows = {name: apart[part.stream][part.place] for name, part in parts.items()}
            _all_there_or_raise(rows, number)
            lengths = {name: int(x.shape[0]) for name, x in rows.items()}
            if len(set(lengths.values())) > 1:
                found = ", ".join(f"{name} has {n} rows" for name, n in lengths.items())
                raise ValueError(f"The parts of block {number} do not line up: {found}.")
            for name, part in parts.items():
                if part.place == 0 and lengths[name]:
                    _same_columns_or_raise(name, number, rows[name], part.base.head)
                rows[name] = part.of_block(rows[name], number)
        return make(Block(number, rows), start)

    try:
        yield from lead.all(made, window)
    finally:
        for reading in readings.values():
            reading.end()


def _read(stream: Stream, parts: Mapping[str, StreamedRows]) -> Reading:
    """Begin a pass over the parts of a stream that are among some parts."""
    if stream.only is None:
        return stream.read()
    places = frozenset(part.place for part in parts.values() if part.stream is stream)
    return stream.only(places).read()


def all_rows(*parts: StreamedRows) -> list[Any]:
    """Return all rows of some parts in memory. Parts of one source are read in one pass."""
    named = {str(i): part for i, part in enumerate(parts)}
    blocks = list(in_lock_step(named, lambda block, _start: block.parts, window=1))
    return [joined([block[name] for block in blocks]) for name in named]


def parts_of(block: Any, n: int | None = None) -> tuple[Any, ...]:
    """Return the parts of a block of a source, as plain arrays and frames.

    Raises
    ------
    TypeError
        If a part holds no rows.
    ValueError
        If there are not ``n`` parts, or not one to three.
    """
    parts = block if isinstance(block, tuple) else (block,)
    none = parts[0] is None and n is None
    if not 1 <= len(parts) <= len(PARTS) or none or n not in (None, len(parts)):
        wanted = "X, (X, y) or (X, y, sample_weight)" if n is None else f"{n}, as the first block"
        raise ValueError(
            f"A block has {len(parts)} parts, expected {wanted}. Give all blocks the same parts."
        )
    out = tuple(
        x if x is None else plain(x if hasattr(x, "shape") else np.asarray(x)) for x in parts
    )
    for name, x, was in zip(PARTS, out, parts, strict=False):
        if x is not None and len(x.shape) == 0:
            raise TypeError(
                f"{name} of a block is of type {type(was).__name__}, which holds no rows. "
                "Give an array, a frame or a list of rows, also if a block is one row."
            )
    return out


def _all_there_or_raise(rows: Mapping[str, Any], number: int) -> None:
    missing = [name for name, x in rows.items() if x is None]
    if missing:
        raise ValueError(
            f"Block {number} has no {' and no '.join(missing)}, and the first block has. Give all "
            "blocks the same parts."
        )


def _same_columns_or_raise(name: str, number: int, x: Any, first: Any) -> None:
    if x.shape[1:] != first.shape[1:]:
        raise ValueError(
            f"Block {number} of {name} has shape {tuple(x.shape)}, and rows of the first block "
            f"have shape {tuple(first.shape[1:])}. All blocks must have the same columns."
        )
    names, wanted = (getattr(rows, "columns", None) for rows in (x, first))
    if names is not None and wanted is not None and list(names) != list(wanted):
        raise ValueError(
            f"Block {number} of {name} has the columns {list(names)}, and the first block has "
            f"{list(wanted)}. All blocks must have the same columns, in the same order."
        )


def _has_rows(block: Any) -> bool:
    if isinstance(block, Failed):
        block.text_or_raise(skips())
        return False
    return bool(parts_of(block)[0].shape[0])
