"""Some rows of each block of sources: what `streamlearn.blocks.take_rows` does for dask."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from streamlearn.blocks.block import noted
from streamlearn.blocks.containers import streams_or_raise
from streamlearn.blocks.parts import n_rows
from streamlearn.blocks.sources import as_rows
from streamlearn.blocks.streams import PARTS, Stream, StreamedRows, in_lock_step
from streamlearn.blocks.take_rows import LABELS, Place, Which, rows_taken

Holds = Callable[[int], bool | None]
"""Whether a part has a block as a whole, or not at all. None: it may have some of its rows."""


class SourceRows:
    """Parts of sources over the same blocks, of which rows can be taken.

    Parameters
    ----------
    given : mapping of str to StreamedRows
    labels : StreamedRows, optional
        The labels of the rows, for choices that need them.

    Raises
    ------
    TypeError
        If one of them does not come from a source of blocks.
    """

    lengths = n_rows = starts = None  # a source does not say how many rows it has

    def __init__(self, given: Mapping[str, Any], labels: Any = None) -> None:
        self.given = {name: as_rows(x) for name, x in given.items()}
        self.labels = as_rows(labels)
        everything = self.given | ({} if labels is None else {LABELS: self.labels})
        streams_or_raise(everything)

    def everything(self) -> dict[str, Any]:
        """Return all blocks of each part."""
        return self.given

    def take(self, which: Which, holds: Holds) -> dict[str, Any]:
        """Return some rows of each block of each part. A pass over them reads the whole source.

        Parameters
        ----------
        which : callable
            ``(place) -> slice or ndarray of int``.
        holds : callable
            ``(number) -> bool or None``. Blocks for which it is False are left out.

        Returns
        -------
        dict of str to StreamedRows
        """
        out: dict[str, Any] = {}
        names = [*self.given]
        for start in range(0, len(names), len(PARTS)):
            some = names[start : start + len(PARTS)]
            parts = {name: self.given[name] for name in some}
            labels = {} if self.labels is None else {LABELS: self.labels}
            stream = Stream(
                partial(_taken, parts, labels, which, holds),
                once=any(part.stream.once for part in parts.values()),
                heads=tuple(part.head for part in parts.values()),
            )
            out |= {name: StreamedRows(stream, place) for place, name in enumerate(some)}
        return out

    def merged(
        self,
        of_block: Callable[[int], int | None],
        of_rows: Callable[[Place], np.ndarray],
    ) -> StreamedRows:
        """Return rows whose blocks are each from one of the given parts.

        Parameters
        ----------
        of_block : callable
            ``(number) -> int``, the index of the part that has all rows of a block.
        of_rows : callable
            It is not called: no block has rows from several parts.
        """
        parts: list[StreamedRows] = [*self.given.values()]
        return parts[0].base.through(OfBlock(of_block, tuple(parts)), named=False)


class OfBlock:
    """The function of rows that one of several parts has for a block.

    Parameters
    ----------
    of_block : callable
        ``(number) -> int``, the index of the part.
    parts : sequence of StreamedRows
        They have the same rows, through different functions.
    """

    numbered = True

    def __init__(
        self, of_block: Callable[[int], int | None], parts: Sequence[StreamedRows]
    ) -> None:
        self.of_block, self.parts = of_block, parts

    def __call__(self, number: int | None) -> Callable[[Any], Any]:
        """Return the function for a block."""
        at = 0 if number is None else self.of_block(number)
        assert at is not None, "a block has rows from several parts"
        return partial(self.parts[at].of_block, number=number)


def _taken(
    parts: Mapping[str, StreamedRows],
    labels: Mapping[str, StreamedRows],
    which: Which,
    holds: Holds,
) -> Generator[tuple[Any, ...]]:
    """Pass over some rows of each block."""
    for block in in_lock_step({**parts, **labels}, lambda block, _start: block, window=1):
        if holds(block.number) is False:
            continue
        rows = block.parts
        n = n_rows(next(iter(rows.values())))
        with noted(f"block {block.number}"):
            at = which(Place(block.number, n, None, rows.get(LABELS)))
        yield tuple(rows_taken(rows[name], at) for name in parts)
