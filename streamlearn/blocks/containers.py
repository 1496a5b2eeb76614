"""Containers in: the arrays and frames that the caller passes, aligned as blocks of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate, chain
from math import isnan
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from streamlearn._arrays import concat, is_array, to_numpy
from streamlearn._arrays.plain import plain, rows_or_raise
from streamlearn._arrays.sparse import csr, is_sparse
from streamlearn.blocks import door
from streamlearn.blocks.block import Block, noted
from streamlearn.blocks.lazy_rows import origin
from streamlearn.blocks.left_out import leaves_out
from streamlearn.blocks.parts import n_rows, without_rows
from streamlearn.blocks.plan import Plan, split
from streamlearn.blocks.sources import as_rows, is_source
from streamlearn.blocks.streams import StreamedRows, all_rows

if TYPE_CHECKING:
    from streamlearn.blocks.graph import DataNode, Key


class Blocks(NamedTuple):
    """Containers over the same rows, cut into the same blocks.

    Attributes
    ----------
    names : tuple of str
        The names of a block's parts, in order.
    plan : Plan or None
        The tasks that make a dask collection's blocks; None in memory and for sources of blocks.
    whole : Block or None
        The one block of containers in memory; None for collections.
    rows : tuple of int or None
        The number of rows of each block, or None where it is not known beforehand.
    sources : tuple
        The dask collections among the containers.
    functions : dict of str to tuple of callable
        The functions of each part that arrives as `LazyRows`.
    streamed : dict of str to StreamedRows, or None
        The parts that come from sources of blocks, whose number is not known.
    """

    names: tuple[str, ...]
    plan: Plan | None
    whole: Block | None
    rows: tuple[int | None, ...]
    sources: tuple[Any, ...]
    functions: dict[str, tuple[Callable[..., Any], ...]] = {}
    streamed: dict[str, StreamedRows] | None = None

    def __len__(self) -> int:
        """Return the number of blocks; 0 if it is not known beforehand."""
        return len(self.rows)

    @property
    def in_memory(self) -> bool:
        """Whether the containers are in memory and make one block."""
        return self.whole is not None


def is_collection(x: object) -> bool:
    """Return whether ``x`` is a dask collection, by dask's protocol, or a source of blocks."""
    # Most calls are about arrays of NumPy, or about parts that are missing.
    return not (x is None or type(x) is np.ndarray) and (_is_of_dask(x) or is_source(x))


def _is_of_dask(x: object) -> bool:
    # Only what has this method lets dask be imported.
    return hasattr(x, "__dask_graph__") and door.is_dask_collection(x)


def in_memory(*containers: Any) -> tuple[Any, ...]:
    """Return the containers with all their rows in memory.

    Data that several arrays share are read once, and so are data that several frames share. dask
    computes arrays and frames separately.
    """
    out = list(containers)
    for frames in (False, True):
        places = [i for i, x in enumerate(out) if _is_of_dask(x) and is_frame(x) is frames]
        if places:
            computed = door.results(*(out[i] for i in places), traverse=False)
            for i, x in zip(places, computed, strict=True):
                out[i] = x
    places = [i for i, x in enumerate(out) if is_source(x)]
    if places:
        for i, x in zip(places, all_rows(*(as_rows(out[i]) for i in places)), strict=True):
            out[i] = x
    return tuple(out)


def meta_of(x: Any) -> Any:
    """Return a container without rows that is like the blocks of a collection."""
    x = as_rows(x)
    if isinstance(x, StreamedRows):
        return without_rows(x.head)
    if is_frame(x):
        return x._meta
    # the dtype of an array that was made with meta=torch.empty(...) is torch's
    dtype = x.dtype if isinstance(x.dtype, np.dtype) else to_numpy(x._meta).dtype
    return np.empty((0, *x.shape[1:]), dtype)


def is_frame(x: object) -> bool:
    """Return whether ``x`` is a dask DataFrame or Series."""
    # The type is asked: a Delayed has every attribute, and a frame may compute its divisions.
    return _is_of_dask(x) and hasattr(type(x), "divisions")


def of_frame(x: object) -> bool:
    """Return whether ``x`` is a dask frame, or a result of `map_rows` on one."""
    return is_frame(x) or (_is_of_dask(x) and is_frame(origin(x, numbered=True)[0]))


def whole_rows(X: Any) -> Any:
    """Return the dask array or frame ``X`` with each row in one chunk, lazily.

    Rows of a source of blocks are returned as they are. dask's rechunk is not used. It joins blocks
    of any library with NumPy, and it makes an empty block share a source with the next one.

    Raises
    ------
    TypeError
        If ``X`` is a dask collection of another kind.
    """
    X = as_rows(plain(X))
    check_kind("X", X)
    if isinstance(X, StreamedRows) or is_frame(X) or X.ndim != 2 or X.numblocks[1] == 1:
        return X
    width = {"k": X.shape[1]}
    return door.blockwise(
        _side_by_side, "ik", X, "ij", dtype=X.dtype, meta=X._meta, new_axes=width, concatenate=False
    )


def _side_by_side(blocks: Any) -> Any:
    blocks = [
        block if is_array(block) else csr(block) if is_sparse(block) else np.asarray(block)
        for block in map(plain, blocks)
    ]
    return concat(blocks, axis=1)


def row_chunks(X: Any) -> tuple[int | None, ...]:
    """Return the number of rows of each chunk of a collection, None where it is not known."""
    X = plain(X)
    check_kind("X", X)
    if is_source(X):
        return (None,)
    if is_frame(X):
        return (None,) * X.npartitions
    return tuple(None if isnan(n) else int(n) for n in X.chunks[0])


def align(*, lazy_rows: Sequence[str] = (), coded: Sequence[str] = (), **containers: Any) -> Blocks:
    """Align containers over the same rows. Containers that are None are left out.

    If the first container is a dask collection, the others are cut like it. If one comes from a
    source of blocks, all others must, too. Else all must be in memory, and they make one block.
    Results of `map_rows` that are named in ``lazy_rows`` arrive as `LazyRows`. Text in the columns
    ``coded`` of the first container may arrive as a dictionary of Arrow.

    Raises
    ------
    TypeError
        If a container is a dask collection other than an array, DataFrame or Series. If the first
        container is in memory and another one is a collection.
    ValueError
        If two collections are chunked differently along the rows, or if the lengths differ.
    """
    given = {name: as_rows(plain(x)) for name, x in containers.items() if x is not None}
    for name, x in given.items():
        rows_or_raise(x, name)
    (first, X), *others = given.items()
    if any(isinstance(x, StreamedRows) for x in given.values()):
        return _streamed(given, lazy_rows)
    lazy = {name: x for name, x in given.items() if _is_of_dask(x)}
    for name, x in lazy.items():
        check_kind(name, x)
    if first not in lazy:
        if lazy:
            raise in_memory_and_lazy(first, X, *next(iter(lazy.items())))
        for name, x in others:
            _check_length(first, n_rows(X), name, n_rows(x))
        return Blocks(tuple(given), None, Block(0, given, in_memory=True), (n_rows(X),), ())

    sources = {name: whole_rows(x) for name, x in lazy.items()}
    functions = {}
    for name in lazy_rows:
        if name in sources:
            sources[name], functions[name] = origin(sources[name], numbered=True)
    arrays = {name: x for name, x in sources.items() if not is_frame(x)}
    frames = {name: x for name, x in sources.items() if is_frame(x)}
    graph, keys, annotations = door.raw_graph(arrays, frames)
    if coded and first in frames and not functions.get(first):
        from streamlearn.blocks.coded_text import with_codes

        asked = {name: set(found) for name, found in keys.items() if name != first}
        graph = with_codes(graph, keys[first], set().union(*asked.values()), coded)
    # The query planner may join partitions of a frame, and npartitions does not show it.
    chunks = {
        name: row_chunks(arrays[name]) if name in arrays else (None,) * len(keys[name])
        for name in lazy
    }
    for name in lazy:
        check_chunks(first, chunks[first], name, chunks[name])
    rows = known_rows(chunks.values())
    door.warn_of_orders(graph, keys)
    for name, x in given.items():
        if name not in lazy:
            nodes = _cut(first, rows, name, x)
            graph.update(nodes)
            keys[name] = list(nodes)
    parts = list(zip(*(keys[name] for name in given), strict=True))
    rest, partitions, shuffles = door.set_apart(graph, chain.from_iterable(parts), annotations)
    plan = split(rest, parts, alone=partitions, shuffles=shuffles, annotations=annotations)
    return Blocks(tuple(given), plan, None, rows, tuple(lazy.values()), functions)


def check_kind(name: str, x: Any) -> None:
    """Check that a dask collection is an array, a DataFrame or a Series.

    Raises
    ------
    TypeError
        If it is another collection. The message names its type.
    """
    rows_or_raise(x, name)
    if is_source(x):
        return
    if not (is_frame(x) or hasattr(type(x), "chunks")):
        raise TypeError(
            f"{name} is a dask {type(x).__name__}. Give a dask array, DataFrame or Series; "
            "dask.array.from_delayed makes an array of delayed objects."
        )


def in_memory_and_lazy(name: str, x: Any, other: str, collection: Any) -> TypeError:
    """Return the error for a container in memory where another one is a dask collection.

    It shows how to make a collection with the same blocks, which depends on what is known of them.
    """
    if is_frame(collection):
        how = "A column has the blocks of its frame, for example."
    elif None in row_chunks(collection):
        how = f"That needs their lengths, which {other}.compute_chunk_sizes() finds."
    else:
        how = (
            f"dask.array.from_array(numpy.asarray({name}), chunks={{0: {other}.chunks[0]}}) makes "
            "such a collection."
        )
    return TypeError(
        f"{name} is in memory ({type(x).__name__}) and {other} is a dask "
        f"{type(collection).__name__}. Give both as dask collections with the same blocks, "
        f"or compute {other} first. {how}"
    )


def find_lengths(name: str) -> str:
    """Return the advice how to find the lengths of the blocks of a container."""
    return (
        f"find the lengths first: {name}.compute_chunk_sizes() of a dask array, which "
        f"{name}.to_dask_array() makes of a frame"
    )


def _streamed(given: dict[str, Any], lazy_rows: Sequence[str]) -> Blocks:
    """Return the blocks of parts that all come from sources of blocks.

    Raises
    ------
    TypeError
        If one of them does not.
    """
    streams_or_raise(given)
    functions = {name: given[name].functions for name in lazy_rows if name in given}
    parts = {name: x.base if name in functions else x for name, x in given.items()}
    return Blocks(tuple(given), None, None, (), (), functions, parts)


def streams_or_raise(given: Mapping[str, Any]) -> None:
    """Check that all parts come from sources of blocks, as one of them does.

    Raises
    ------
    TypeError
        If one of them does not.
    """
    for name, x in given.items():
        if not isinstance(x, StreamedRows):
            first = next(n for n, other in given.items() if isinstance(other, StreamedRows))
            raise TypeError(
                f"{first} comes from a source of blocks and {name} does not "
                f"({type(x).__name__}). Let the source give it: blocks (X, y, sample_weight), or "
                "a source for each part, with the same blocks."
            )


def first_block(X: Any) -> Any:
    """Return what the first block with rows of a collection holds, read now; None without rows.

    For a source of blocks it is the first row.
    """
    X = whole_rows(X)
    if isinstance(X, StreamedRows):
        return X.head if n_rows(X.head) else None
    parts = X.partitions if is_frame(X) else X.blocks
    for i, n in enumerate(row_chunks(X)):
        if n != 0:
            try:
                with noted(f"block {i}, which could not be computed"):
                    (block,) = door.results(parts[i], traverse=False)
            except Exception:
                if leaves_out():
                    continue
                raise
            if n_rows(block):
                return block
    return None


def _cut(first: str, rows: Sequence[int | None], name: str, x: Any) -> dict[Key, DataNode]:
    known = [n for n in rows if n is not None]
    if len(known) < len(rows):
        raise ValueError(
            f"{name} is in memory and the chunks of {first} have unknown lengths, so {name} cannot "
            f"be cut like {first}. Give {name} as a dask collection with the same blocks, such as "
            f"a column of the same frame, or {find_lengths(first)}."
        )
    _check_length(first, sum(known), name, n_rows(x))
    x = x.iloc if hasattr(x, "iloc") else x
    keys = [(f"{name}-in-memory", i) for i in range(len(known))]
    return {
        key: door.DataNode(key, x[end - n : end])
        for key, n, end in zip(keys, known, accumulate(known), strict=True)
    }


def _check_length(first: str, length: int, name: str, other: int) -> None:
    if length != other:
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: {first} has {length} "
            f"rows, {name} has {other}. Give both the same rows."
        )


def known_rows(chunks: Iterable[Sequence[int | None]]) -> tuple[int | None, ...]:
    """Return the number of rows of each block, as far as one of several collections knows it."""
    return tuple(
        next((n for n in known if n is not None), None) for known in zip(*chunks, strict=True)
    )


def check_chunks(first: str, chunks: Sequence[Any], name: str, other: Sequence[Any]) -> None:
    """Check that two collections have the same chunks, as far as their lengths are known.

    Raises
    ------
    ValueError
        If they have not.
    """
    if len(chunks) == len(other) and all(
        a is None or b is None or a == b for a, b in zip(chunks, other, strict=True)
    ):
        return
    if None in chunks or None in other:
        remedy = (
            "Two selections of columns from the same Parquet files may be read in different "
            "partitions. Give columns of one frame as they are: df[features] and df[target]. For "
            "arrays, select all columns in one frame and split it afterwards: "
            "Xy = df[features + [target]].to_dask_array(); X, y = Xy[:, :-1], Xy[:, -1]."
        )
    elif sum(chunks) == sum(other):
        remedy = f"Rechunk one of them: {name}.rechunk({{0: {first}.chunks[0]}})."
    else:
        remedy = (
            "They have inconsistent numbers of samples: "
            f"{first} has {sum(chunks)} rows, {name} has {sum(other)}. Give both the same rows."
        )
    raise ValueError(
        f"{first} and {name} do not line up: {first} has row chunks {_show(chunks)}, "
        f"{name} has {_show(other)}. {remedy}"
    )


def _show(chunks: Sequence[Any]) -> str:
    text = ", ".join("unknown" if n is None else str(n) for n in chunks[:6])
    more = f", ... {len(chunks)} in all" if len(chunks) > 6 else ""
    return f"({text}{more})"
