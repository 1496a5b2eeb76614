"""Which rows of a block belong to which part of a split.

A part is a function of the place of a block: its number, its length and, if need be, the labels of
its rows. So no worker has to know what another does, and X, y and the weights get the same rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np

from streamlearn import blocks as engine
from streamlearn.blocks import Place
from streamlearn.model_selection.draws import by_label, generator, offset

Rows: TypeAlias = engine.AlignedRows | engine.SourceRows
"""Collections over the same rows: those of dask, or parts of sources of blocks."""


class Part(Protocol):
    """The rows of one part of a split."""

    def __call__(self, place: Place) -> slice | np.ndarray:
        """Return the rows of a block that belong to this part."""

    def holds(self, number: int) -> bool | None:
        """Return whether all rows of a block belong to this part, or none of them.

        None means that the block may have some rows of it.
        """

    def counts(self, rows: Sequence[int]) -> list[int] | None:
        """Return how many rows it takes of blocks with known lengths; None if labels decide."""


class Split(NamedTuple):
    """The parts to learn from and to score."""

    train: Part
    test: Part


@dataclass(frozen=True)
class Folds:
    """The folds of cross-validation, among which blocks or the rows of each block are dealt evenly.

    Attributes
    ----------
    n_folds : int
    of_blocks : tuple of int or None
        The fold of each block. None means that the rows of each block are dealt.
    in_turn : bool
        Whether blocks, whose number is not known, are dealt to the folds in turn.
    seed : int or None
        The seed by which the rows of a block, or blocks in turn, are dealt at random. If it is
        None, they are dealt in their order.
    stratified : bool
        Whether the rows of each label are dealt evenly.
    """

    n_folds: int
    of_blocks: tuple[int, ...] | None = None
    seed: int | None = None
    stratified: bool = False
    in_turn: bool = False

    def fold_of_block(self, number: int) -> int | None:
        """Return the fold of all rows of a block, or None if they are in several folds.

        Examples
        --------
        >>> Folds(2, (0, 0, 1)).fold_of_block(2)
        1
        >>> [Folds(2, in_turn=True).fold_of_block(number) for number in range(5)]
        [0, 1, 0, 1, 0]
        """
        if not self.in_turn:
            return None if self.of_blocks is None else self.of_blocks[number]
        turn, place = divmod(number, self.n_folds)
        if self.seed is None:
            return place
        return int(generator(self.seed, turn).permutation(self.n_folds)[place])

    def of_rows(self, place: Place) -> np.ndarray:
        """Return the fold of each row of a block.

        Examples
        --------
        >>> Folds(2, (0, 0, 1)).of_rows(Place(2, 3)).tolist()
        [1, 1, 1]
        >>> labels = ["a", "a", "b", "b"]
        >>> Folds(2, stratified=True).of_rows(Place(0, 4, labels=labels)).tolist()
        [0, 1, 0, 1]
        """
        number, n = place.number, place.n_rows
        whole = self.fold_of_block(number)
        if whole is not None:
            return np.full(n, whole)
        order = np.arange(n) if self.seed is None else generator(self.seed, number).permutation(n)
        start = offset(self.seed, number)
        folds = np.empty(n, dtype=np.int64)
        if self.stratified:
            order = by_label(order, place.labels)
            folds[order] = (np.arange(n) + int(start * self.n_folds)) % self.n_folds
        else:  # the offset lets each fold have its share of blocks with a row or two
            folds[order] = ((np.arange(n) + start) * self.n_folds / max(n, 1)).astype(np.int64)
        return folds

    def splits(self) -> list[Split]:
        """Return a split for each fold: this fold to score, and the others to learn from."""
        return [
            Split(FoldPart(self, fold, test=False), FoldPart(self, fold, test=True))
            for fold in range(self.n_folds)
        ]


@dataclass(frozen=True)
class FoldPart:
    """The rows of one fold, or of all other folds."""

    folds: Folds
    fold: int
    test: bool

    def __call__(self, place: Place) -> slice | np.ndarray:
        """Return the rows of a block that belong to this part."""
        return np.flatnonzero((self.folds.of_rows(place) == self.fold) == self.test)

    def holds(self, number: int) -> bool | None:
        """Return whether a block belongs to this part, if the folds are blocks."""
        fold = self.folds.fold_of_block(number)
        return None if fold is None else (fold == self.fold) is self.test

    def counts(self, rows: Sequence[int]) -> list[int] | None:
        """Return how many rows it takes of each block."""
        return None if self.folds.stratified else counted(self, rows)


@dataclass(frozen=True)
class RangePart:
    """The rows from one position to another, in their order.

    Attributes
    ----------
    start, stop : float
        The positions. They count rows if ``in_rows``. Otherwise they count blocks: 2.5 is the
        middle of the third block.
    in_rows : bool
    """

    start: float
    stop: float
    in_rows: bool

    def __call__(self, place: Place) -> slice:
        """Return the rows of a block that belong to this part."""
        if self.in_rows:
            assert place.start is not None
            first, last = self.start - place.start, self.stop - place.start
        else:
            first, last = (
                (position - place.number) * place.n_rows for position in (self.start, self.stop)
            )
        return slice(*(min(max(ceil(row), 0), place.n_rows) for row in (first, last)))

    def holds(self, number: int) -> bool | None:
        """Return whether a block is between the positions, if it is known and no end is inside."""
        if self.in_rows:
            return None
        if number + 1 <= self.start or self.stop <= number:
            return False
        return True if self.start <= number and number + 1 <= self.stop else None

    def counts(self, rows: Sequence[int]) -> list[int] | None:
        """Return how many rows it takes of each block."""
        return counted(self, rows)


def counted(part: Part, rows: Sequence[int]) -> list[int]:
    """Return how many rows a part takes of each block, by asking it for them."""
    return [_length(part(place), place.n_rows) for place in places(rows)]


def places(rows: Sequence[int]) -> list[Place]:
    """Return the places of blocks whose lengths are known."""
    starts = np.cumsum([0, *rows]).tolist()
    return [
        Place(number, n, start) for number, (n, start) in enumerate(zip(rows, starts, strict=False))
    ]


def _length(at: slice | np.ndarray, n_rows: int) -> int:
    return len(range(n_rows)[at]) if isinstance(at, slice) else len(at)


def rows_of(given: Mapping[str, Any], labels: Any = None) -> Rows:
    """Return collections over the same rows, with the labels that decide where rows belong.

    Raises
    ------
    TypeError, ValueError
        If they do not line up.
    """
    if any(isinstance(x, engine.StreamedRows) for x in (*given.values(), labels)):
        return engine.SourceRows(given, labels)
    return engine.AlignedRows(given, labels)


def blocks_of(part: Part, n_blocks: int) -> list[int] | None:
    """Return the blocks of a part, if each is in it as a whole or not at all."""
    held = [part.holds(number) for number in range(n_blocks)]
    return None if None in held else [number for number, holds in enumerate(held) if holds]


@dataclass(frozen=True)
class NestedPart:
    """The rows of a part of a part, such as the first rows to learn from.

    Attributes
    ----------
    outer, inner : Part
        ``inner`` counts the rows and the blocks of ``outer`` only.
    numbers : tuple of int or None
        The blocks of ``outer``, None if the number of blocks is not known.
    starts : tuple of int or None
        The number of rows of ``outer`` before each of them, None where it is not known.
    """

    outer: Part
    inner: Part
    numbers: tuple[int, ...] | None
    starts: tuple[int, ...] | None

    @classmethod
    def of(cls, rows: Rows, outer: Part, inner: Part) -> NestedPart:
        """Return a part of a part of some collections."""
        if rows.lengths is None:
            return cls(outer, inner, None, None)
        numbers, known = blocks_of(outer, len(rows.lengths)), counts_of(outer, rows.lengths)
        if numbers is None:
            numbers = [*range(len(rows.lengths))]
        ends = None if known is None else np.cumsum([0, *(known[i] for i in numbers)])
        return cls(outer, inner, tuple(numbers), None if ends is None else tuple(ends.tolist()))

    def __call__(self, place: Place) -> np.ndarray:
        """Return the rows of a block that belong to this part."""
        number, at = self._number(place.number), np.arange(place.n_rows)
        if number is None:
            return at[:0]
        if self.outer.holds(place.number) is None:
            at = at[self.outer(place)]
        start = None if self.starts is None else self.starts[number]
        return at[self.inner(Place(number, len(at), start))]

    def holds(self, number: int) -> bool | None:
        """Return whether a block belongs to this part, if both parts are blocks."""
        inside = self._number(number)
        return False if inside is None else self.inner.holds(inside)

    def _number(self, number: int) -> int | None:
        """Return the number of a block among those of ``outer``, or None if it is none of them."""
        if self.numbers is not None:
            return self.numbers.index(number) if number in self.numbers else None
        return None if self.outer.holds(number) is False else number

    def counts(self, rows: Sequence[int]) -> list[int] | None:
        """Return how many rows it takes of each block."""
        return counted(self, rows)


@dataclass(frozen=True)
class BlocksPart:
    """A part of some blocks, which have other numbers without the others.

    Attributes
    ----------
    part : Part
    numbers : tuple of int
        The number of each block among all blocks.
    starts : tuple of int or None
        The number of rows before each of them, None where it is not known.
    """

    part: Part
    numbers: tuple[int, ...]
    starts: tuple[int, ...] | None

    def __call__(self, place: Place) -> slice | np.ndarray:
        """Return the rows of a block that belong to this part."""
        start = None if self.starts is None else self.starts[place.number]
        return self.part(place._replace(number=self.numbers[place.number], start=start))


def counts_of(part: Part, rows: Sequence[int | None]) -> list[int] | None:
    """Return how many rows a part takes of each block, or None if that is not known."""
    known = [n for n in rows if n is not None]
    if len(known) < len(rows):
        return None
    numbers = blocks_of(part, len(rows))
    if numbers is None:
        return part.counts(known)
    return [n if i in numbers else 0 for i, n in enumerate(known)]


def taken(rows: Rows, part: Part) -> dict[str, Any]:
    """Return the rows of a part of each collection, lazily, in all blocks that may have some."""
    if isinstance(rows, engine.SourceRows):
        return rows.take(part, part.holds)
    if isinstance(part, NestedPart):
        return taken(engine.AlignedRows(taken(rows, part.outer)), part.inner)
    numbers = blocks_of(part, len(rows.lengths))
    if numbers is not None:
        return rows.whole(numbers)
    return rows.take(part, counts_of(part, rows.lengths))


def to_read(rows: Rows, part: Part, order: Sequence[int] | None = None) -> dict[str, Any]:
    """Return the rows of a part of each collection, without the blocks that have none at its end.

    Other blocks without rows stay, because draws depend on the numbers of blocks. ``order`` is one
    of all blocks. In it they are those of a reader who reads with others.
    """
    if isinstance(rows, engine.SourceRows):
        return rows.take(part, part.holds)
    found, numbers = _with_numbers(rows, part)
    if order is None:
        return found
    places = {number: place for place, number in enumerate(numbers)}
    return engine.AlignedRows(found).whole([places[i] for i in order if i in places])


def _with_numbers(rows: engine.AlignedRows, part: Part) -> tuple[dict[str, Any], list[int]]:
    """Return the rows that `to_read` returns, and the numbers of their blocks."""
    if isinstance(part, NestedPart):
        outer, numbers = _with_numbers(rows, part.outer)
        inner, some = _with_numbers(engine.AlignedRows(outer), part.inner)
        return inner, [numbers[i] for i in some]
    whole = blocks_of(part, len(rows.lengths))
    if whole is not None:
        return rows.whole(whole), whole
    counts = counts_of(part, rows.lengths)
    some = [i for i in range(len(rows.lengths)) if part.holds(i) is not False]
    while counts is not None and len(some) > 1 and not counts[some[-1]]:
        some.pop()
    if rows.labels is not None or len(some) == len(rows.lengths):
        return rows.take(part, counts), [*range(len(rows.lengths))]
    starts = None if rows.starts is None else tuple(rows.starts[i] for i in some)
    own = None if counts is None else [counts[i] for i in some]
    fewer = engine.AlignedRows(rows.whole(some))
    return fewer.take(BlocksPart(part, tuple(some), starts), own), some


def indices(part: Part, rows: Sequence[int], labels: Any = None) -> np.ndarray:
    """Return the indices of the rows of a part among all rows, for blocks of known lengths."""
    ends = np.cumsum(rows)
    found = [np.empty(0, dtype=np.int64)]
    for place, end in zip(places(rows), ends, strict=True):
        of_block = np.arange(end - place.n_rows, end)
        known = None if labels is None else labels[of_block]
        found.append(of_block[part(place._replace(labels=known))])
    return np.concatenate(found)
