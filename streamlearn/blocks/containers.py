"""Containers in: what the caller hands over, lined up as blocks of rows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import isnan
from typing import Any, NamedTuple

import dask
from dask._task_spec import DataNode
from dask.base import is_dask_collection

from streamlearn.blocks.graph import Plan, block_keys, plan, raw_graph


class Blocks(NamedTuple):
    """Containers over the same rows, cut into the same blocks.

    Attributes
    ----------
    names : tuple of str
        What the parts of a block are, in order.
    plan : Plan or None
        How a collection's blocks come about; None for arrays in memory.
    parts : tuple
        Arrays in memory, which make one block; empty for collections.
    rows : tuple of int or None
        Rows of each block where they are known beforehand.
    sources : tuple
        The dask collections among the containers.
    """

    names: tuple[str, ...]
    plan: Plan | None
    parts: tuple[Any, ...]
    rows: tuple[int | None, ...]
    sources: tuple[Any, ...]

    def __len__(self) -> int:
        """Return the number of blocks."""
        return len(self.rows)


def is_collection(x: object) -> bool:
    """Tell whether ``x`` is a dask collection, by dask's protocol."""
    return is_dask_collection(x)


def is_frame(x: object) -> bool:
    """Tell whether ``x`` is a dask DataFrame or Series."""
    return is_dask_collection(x) and hasattr(x, "map_partitions") and hasattr(x, "divisions")


def whole_rows(X: Any) -> Any:
    """Return the dask array or frame ``X`` with each row in one chunk, lazily."""
    if not is_frame(X) and X.ndim > 1 and any(n > 1 for n in X.numblocks[1:]):
        return X.rechunk(dict.fromkeys(range(1, X.ndim), -1))
    return X


def row_chunks(X: Any) -> tuple[int | None, ...]:
    """Return the rows of each chunk of a collection, None where dask does not know them."""
    if is_frame(X):
        return (None,) * X.npartitions
    return tuple(None if isnan(n) else int(n) for n in X.chunks[0])


def align(**containers: Any) -> Blocks:
    """Line up containers over the same rows; those that are None are left out.

    The first decides: if it is a dask collection the others are cut like it, else all are in memory
    and make one block.

    Raises
    ------
    TypeError
        If a container is a dask collection that is no array, DataFrame or Series, or one of the
        others is a collection where the first is in memory.
    ValueError
        If two collections are chunked differently along the rows, or the lengths differ.
    """
    given = {name: x for name, x in containers.items() if x is not None}
    (first, X), *others = given.items()
    lazy = {name: x for name, x in given.items() if is_dask_collection(x)}
    for name, x in lazy.items():
        if not (is_frame(x) or hasattr(x, "chunks")):
            raise TypeError(
                f"{name} is a dask {type(x).__name__}. Give a dask array, DataFrame or Series; "
                "dask.array.from_delayed makes an array of delayed objects."
            )
    if first not in lazy:
        if lazy:
            name, x = next(iter(lazy.items()))
            raise TypeError(
                f"{first} is in memory ({type(X).__name__}) and {name} is a dask "
                f"{type(x).__name__}. Give both as dask collections, or compute {name} first."
            )
        length = _length(X)
        for name, x in others:
            _check_length(first, length, name, _length(x))
        return Blocks(tuple(given), None, tuple(given.values()), (length,), ())

    lazy = _optimize_frames({name: whole_rows(x) for name, x in lazy.items()})
    chunks = row_chunks(lazy[first])
    for name, x in lazy.items():
        _check_chunks(first, chunks, name, row_chunks(x))
    rows = tuple(
        next((n for n in known if n is not None), None)
        for known in zip(*map(row_chunks, lazy.values()), strict=True)
    )
    graph = raw_graph(lazy.values())
    parts = []
    for name, x in given.items():
        if name in lazy:
            parts.append(block_keys(lazy[name]))
        else:
            parts.append(_cut(graph, first, rows, name, x))
    return Blocks(
        tuple(given), plan(graph, list(zip(*parts, strict=True))), (), rows, tuple(lazy.values())
    )


def _optimize_frames(lazy: dict[str, Any]) -> dict[str, Any]:
    # A frame's query planner reads only the columns that are asked for; all frames go together, so
    # that a file two of them share is read once.
    frames = {name: x for name, x in lazy.items() if is_frame(x)}
    return lazy | dict(zip(frames, dask.optimize(*frames.values()), strict=True))


def _length(x: Any) -> int:
    return int(x.shape[0]) if hasattr(x, "shape") and len(x.shape) else len(x)


def _cut(graph: dict, first: str, rows: Sequence[int | None], name: str, x: Any) -> list[Any]:
    if any(n is None for n in rows):
        raise ValueError(
            f"{name} is in memory and the chunks of {first} have unknown lengths, so {name} cannot "
            f"be cut like {first}. Give {name} as a dask collection with the same blocks, or call "
            f"{first}.compute_chunk_sizes() first."
        )
    ends = list(accumulate(rows))  # type: ignore[arg-type]
    _check_length(first, ends[-1] if ends else 0, name, _length(x))
    x = x.iloc if hasattr(x, "iloc") else x
    keys = []
    for i, (n, end) in enumerate(zip(rows, ends, strict=True)):
        key = (f"{name}-in-memory", i)
        graph[key] = DataNode(key, x[end - n : end])  # type: ignore[operator]
        keys.append(key)
    return keys


def _check_length(first: str, length: int, name: str, other: int) -> None:
    if length != other:
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: {first} has {length} "
            f"rows, {name} has {other}."
        )


def _check_chunks(first: str, chunks: Sequence, name: str, other: Sequence) -> None:
    if len(chunks) == len(other) and all(
        a is None or b is None or a == b for a, b in zip(chunks, other, strict=True)
    ):
        return
    if None in chunks or None in other:
        remedy = (
            "Two selections of columns from the same Parquet files may be read in different "
            "partitions. Select all columns in one frame and split it afterwards: "
            "Xy = df[features + [target]].to_dask_array(); X, y = Xy[:, :-1], Xy[:, -1]."
        )
    elif sum(chunks) == sum(other):
        remedy = f"Rechunk one of them: {name}.rechunk({{0: {first}.chunks[0]}})."
    else:
        remedy = (
            "They have inconsistent numbers of samples: "
            f"{first} has {sum(chunks)} rows, {name} has {sum(other)}."
        )
    raise ValueError(
        f"{first} and {name} do not line up: {first} has row chunks {_show(chunks)}, "
        f"{name} has {_show(other)}. {remedy}"
    )


def _show(chunks: Sequence) -> str:
    text = ", ".join("unknown" if n is None else str(n) for n in chunks[:6])
    more = f", ... {len(chunks)} in all" if len(chunks) > 6 else ""
    return f"({text}{more})"
