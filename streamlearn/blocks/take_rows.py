"""Some rows of each block, lazily: the verb that splits collections.

`map_rows` keeps the number of rows, and this verb changes it. Frames are planned together first. So
their partitions are the ones that the user sees, and the same for all frames. Otherwise dask's
planner would join partitions of files in one frame and not in another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from streamlearn._arrays.plain import plain
from streamlearn.blocks import door
from streamlearn.blocks.block import noted
from streamlearn.blocks.containers import (
    check_chunks,
    check_kind,
    in_memory_and_lazy,
    is_frame,
    known_rows,
    row_chunks,
    whole_rows,
)
from streamlearn.blocks.frame_of_tasks import frame_of_tasks, needed
from streamlearn.blocks.parts import declared_rows_or_raise, joined, n_rows, some_rows, without_rows

if TYPE_CHECKING:
    from streamlearn.blocks.graph import Key


class Place(NamedTuple):
    """What a choice of rows may depend on.

    Attributes
    ----------
    number : int
        The number of the block.
    n_rows : int
        The number of its rows.
    start : int or None
        The number of rows of all blocks before it, or None where dask does not know it.
    labels : array-like of shape (n_rows,) or (n_rows, n_columns), or None
        The labels of its rows.
    """

    number: int
    n_rows: int
    start: int | None = None
    labels: Any = None


Which = Callable[[Place], slice | np.ndarray]
"""It returns which rows of a block are taken, and depends on the place alone."""


class AlignedRows:
    """dask collections over the same blocks, of which rows can be taken.

    Parameters
    ----------
    given : mapping of str to dask array, DataFrame or Series
    labels : dask array, DataFrame or Series, optional
        The labels of the rows, for choices that need them.

    Attributes
    ----------
    lengths : list of (int or None)
        The number of rows of each block, None where dask does not know it.

    Raises
    ------
    TypeError
        If one of them is something else.
    ValueError
        If they do not line up.
    """

    def __init__(self, given: Mapping[str, Any], labels: Any = None) -> None:
        self.given = {name: plain(x) for name, x in given.items()}
        everything = {**self.given, **({} if labels is None else {LABELS: labels})}
        collections_or_raise(everything)
        if labels is not None:
            everything[LABELS] = whole_rows(labels)
        self._everything, self.labels = everything, everything.get(LABELS)
        chunks = {
            name: (None,) * len(self.keys[name]) if is_frame(x) else row_chunks(x)
            for name, x in everything.items()
        }
        first = next(iter(everything))
        for name in everything:
            check_chunks(first, chunks[first], name, chunks[name])
        self.lengths = known_rows(chunks.values())

    @cached_property
    def _plan(self) -> tuple[dict[Key, Any], dict[str, list[Key]]]:
        """The tasks of all collections, and the keys of the blocks of each."""
        frames = {name: x for name, x in self._everything.items() if is_frame(x)}
        arrays = {name: x for name, x in self._everything.items() if name not in frames}
        graph, keys, _ = door.raw_graph(arrays, frames)
        return graph, keys | {
            name: [(x.name, i, *(0,) * (x.ndim - 1)) for i in range(x.numblocks[0])]
            for name, x in arrays.items()
        }

    @property
    def graph(self) -> dict[Key, Any]:
        """The tasks of all collections, in which frames are planned together."""
        return self._plan[0]

    @property
    def keys(self) -> dict[str, list[Key]]:
        """The keys of the blocks of each collection. Blocks of columns have that of the first."""
        return self._plan[1]

    @property
    def n_rows(self) -> int | None:
        """The number of rows, or None where dask does not know it."""
        return None if None in self.lengths else sum(n for n in self.lengths if n is not None)

    @cached_property
    def starts(self) -> list[int] | None:
        """The number of rows before each block and before the end; None where it is not known."""
        known = [n for n in self.lengths if n is not None]
        return None if len(known) < len(self.lengths) else [*accumulate((0, *known))]

    def everything(self) -> dict[str, Any]:
        """Return all blocks of each collection."""
        return self.whole(range(len(self.lengths)))

    def take(self, which: Which, rows: Sequence[int] | None = None) -> dict[str, Any]:
        """Return some rows of each block of each collection.

        Parameters
        ----------
        which : callable
            ``(place) -> slice or ndarray of int``. It runs once for each collection and block.
        rows : sequence of int, optional
            How many rows it takes of each block, if that is known.

        Returns
        -------
        dict of str to dask collection

        Warns
        -----
        UserWarning
            If the rows come from a shuffle of a frame, which has no fixed order.
        """
        door.warn_of_draws(self.graph)
        return {
            name: self._of_frame(name, x, which) if is_frame(x) else self._of_array(x, which, rows)
            for name, x in self.given.items()
        }

    def whole(self, numbers: Sequence[int]) -> dict[str, Any]:
        """Return some blocks of each collection, in the order of ``numbers``.

        Others are not read.
        """
        return {
            name: self._as_frame(x, [self.keys[name][i] for i in numbers], self.graph, numbers)
            if is_frame(x)
            else door.as_countable(x.blocks[list(numbers)])
            for name, x in self.given.items()
        }

    def merged(
        self,
        of_block: Callable[[int], int | None],
        of_rows: Callable[[Place], np.ndarray],
    ) -> Any:
        """Return a collection whose rows are each from one of the given collections, lazily.

        Parameters
        ----------
        of_block : callable
            ``(number) -> int or None``, the index of the collection that has all rows of a block.
            None means that they are from several.
        of_rows : callable
            ``(place) -> ndarray of int``, the index of the collection for each row.

        Returns
        -------
        dask collection
        """
        given = [*self.given.values()]
        labels = None if self.labels is None else self.keys[LABELS]
        token = f"merge-rows-{door.tokenize(of_rows, self.keys)}"
        first, *_ = given
        graph = dict(self.graph)
        made: list[Key] = []
        for i, keys in enumerate(zip(*(self.keys[name] for name in self.given), strict=True)):
            made.append((token, i, *(0,) * (0 if is_frame(first) else first.ndim - 1)))
            at = of_block(i)
            if at is not None:
                graph[made[-1]] = door.Alias(made[-1], keys[at])
                continue
            known = None if labels is None else door.TaskRef(labels[i])
            refs = map(door.TaskRef, keys)
            graph[made[-1]] = door.Task(made[-1], _merged, i, known, of_rows, *refs)
        if is_frame(first):
            return self._as_frame(first, made, graph, range(len(made)))
        import dask.array as da

        dtype = np.result_type(*(x.dtype for x in given))
        out = da.Array(needed(graph, made), token, first.chunks, dtype, meta=first._meta)
        return door.as_countable(out)

    def _of_array(self, X: Any, which: Which, rows: Sequence[int] | None) -> Any:
        axes = tuple(range(X.ndim))
        places: list[Any] = [door.ArrayBlockIdDep(X.chunks[:1]), (0,)]
        where = None if self.starts is None else door.ArraySliceDep((self.lengths,))
        places += [where, None if where is None else (0,)]
        labels = self._array_of_labels
        places += [labels, None if labels is None else (0, *range(-1, -labels.ndim, -1))]
        out = door.blockwise(
            *(_of_block, axes, X, axes, *places, which, None),
            adjust_chunks={0: (np.nan,) * X.numblocks[0] if rows is None else tuple(rows)},
            dtype=X.dtype,
            meta=X._meta,
            concatenate=False,
            align_arrays=False,
            token="take-rows",
        )
        return door.as_countable(out)

    def _of_frame(self, name: str, X: Any, which: Which) -> Any:
        keys, starts = self.keys[name], self.starts
        labels = self.keys[LABELS] if self.labels is not None else None
        token = f"take-rows-{door.tokenize(which, keys, labels)}"
        graph = dict(self.graph)
        made: list[Key] = []
        for i, key in enumerate(keys):
            where = None if starts is None else (slice(starts[i], starts[i + 1]),)
            known = None if labels is None else door.TaskRef(labels[i])
            made.append((token, i))
            graph[made[-1]] = door.Task(
                made[-1], _of_block, door.TaskRef(key), (i,), where, known, which
            )
        return self._as_frame(X, made, graph, range(len(keys)))

    @cached_property
    def _array_of_labels(self) -> Any:
        """The labels as an array, whose blocks are Series if the labels are one; or None."""
        if not is_frame(self.labels):
            return self.labels
        import dask.array as da

        keys = self.keys[LABELS]
        name = f"labels-{door.tokenize(keys)}"
        named = {(name, i): door.Alias((name, i), key) for i, key in enumerate(keys)}
        graph = needed(self.graph | named, [*named])
        return da.Array(graph, name, ((np.nan,) * len(keys),), dtype=object)

    def _as_frame(
        self, X: Any, keys: list[Key], graph: dict[Key, Any], numbers: Sequence[int]
    ) -> Any:
        """Return a frame like X with the partitions ``keys``, which come from some of X's."""
        ends: list[Any] = [None] * (len(numbers) + 1)
        ascend = all(a < b for a, b in pairwise(numbers))
        if ascend and len(X.divisions) == len(self.lengths) + 1:
            ends = [*(X.divisions[i] for i in numbers), X.divisions[numbers[-1] + 1]]
        return frame_of_tasks(graph, keys, X._meta, ends)


LABELS = "stratify"
"""How errors call the labels."""


def collections_or_raise(given: Mapping[str, Any]) -> None:
    """Check that all are dask arrays, DataFrames or Series. At least one is a collection.

    Raises
    ------
    TypeError
        If one is not.
    """
    for name, x in given.items():
        if x is None:
            raise TypeError(f"{name} is None. Leave it out.")
        if not door.is_dask_collection(x):
            lazy = next(each for each in given.items() if door.is_dask_collection(each[1]))
            raise in_memory_and_lazy(name, x, *lazy)
        check_kind(name, x)


def _of_block(
    block: Any,
    number: tuple[int, ...],
    rows: tuple[slice, ...] | None,
    labels: Any,
    which: Which,
) -> Any:
    """Return some rows of a block."""
    while isinstance(labels, list):
        (labels,) = labels
    n = n_rows(block)
    with noted(f"block {number[0]}"):
        start = None
        if rows is not None:
            start = rows[0].start
            declared_rows_or_raise("X", number[0], n, rows[0].stop - start)
        if labels is not None and n_rows(labels) != n:
            raise ValueError(f"It has {n} rows, and {n_rows(labels)} labels.")
        at = which(Place(number[0], n, start, labels))
    return rows_taken(block, at)


def rows_taken(block: Any, at: slice | np.ndarray) -> Any:
    """Return some rows of a block. All of them in their order are the block itself."""
    n = n_rows(block)
    taken = np.arange(n)[at]
    if np.array_equal(taken, np.arange(n)):
        return block
    return some_rows(block, taken) if len(taken) else without_rows(block)


def _merged(number: int, labels: Any, of_rows: Callable[[Place], np.ndarray], *blocks: Any) -> Any:
    """Return the rows of a block, each from one of some blocks of equal length."""
    n = n_rows(blocks[0])
    at = of_rows(Place(number, n, labels=labels))
    return some_rows(joined(blocks), at * n + np.arange(n)) if n else blocks[0]
