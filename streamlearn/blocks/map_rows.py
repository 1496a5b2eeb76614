"""``map_rows``: the verb of predict and transform. It applies a function to each block, lazily."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from threading import RLock
from typing import Any

import numpy as np

from streamlearn._arrays import is_array, to_numpy
from streamlearn._arrays.plain import plain
from streamlearn._arrays.sparse import is_sparse
from streamlearn.blocks import door
from streamlearn.blocks.block import noted
from streamlearn.blocks.containers import is_frame, row_chunks, whole_rows
from streamlearn.blocks.frames import as_frame, frame_meta
from streamlearn.blocks.lazy_rows import (
    LazyRows,
    in_block,
    is_numbered,
    origin,
    remember,
    then,
)
from streamlearn.blocks.parts import declared_rows_or_raise, n_rows
from streamlearn.blocks.streams import StreamedRows

_one_setting = RLock()
"""dask's settings belong to all threads. Two that overlap in one setting leave it set for good."""


def map_rows(
    function: Callable[[Any], Any],
    X: Any,
    *,
    meta: Any,
    names: Sequence[str] | None = None,
    named: bool | None = None,
) -> Any:
    """Apply ``function`` to each block of a collection, lazily.

    Parameters
    ----------
    function : callable
        It takes a block, and returns an array or frame with the same rows. Blocks may be empty. If
        it has an attribute ``numbered`` that is true, it is called with the number of a block and
        returns the function for that block.
    X : dask array, dask DataFrame or StreamedRows
    meta : array, Series or DataFrame
        The result of ``function`` for a few rows or for none. dask shows its dimensions, dtype and
        columns. One row is better than none: it shows whether objects are text.
    names : sequence of str, optional
        If given, a two-dimensional result becomes a dask DataFrame with these columns.
    named : bool, optional
        Whether an estimator that is given the result learns its column names; default where
        ``meta`` is a frame.

    Returns
    -------
    dask array, dask Series or DataFrame, or StreamedRows
        A DataFrame if ``meta`` is one or ``names`` are given. A Series if X is a frame and the
        result has one value for each row. Both have the frame's index. Else an array, whose chunks
        are the partitions. Streamed rows if X is streamed, whatever ``meta`` and ``names`` are.
    """
    X = whole_rows(X)
    named = hasattr(meta, "columns") if named is None else named
    if isinstance(X, StreamedRows):
        return X.through(function, named=named)
    source, functions = origin(X, numbered=True)
    functions = then(functions, function)
    framed = names is not None or hasattr(meta, "columns")
    framed = framed or (len(meta.shape) == 1 and (is_frame(source) or is_frame(X)))
    given = source._meta if is_frame(source) else None
    like = frame_meta(meta, names, given) if framed else None
    if is_frame(source):
        shown = np.empty((0, meta.shape[1]), _dtype(meta)) if like is None else like.frame
        # dask makes the graph of an array at once. It would join small files, and the chunks would
        # not be the partitions of the frame.
        with _one_setting, door.config.set({"optimization.tune.active": False}):
            out = _of_frame_blocks(source, functions, like, shown)
    else:
        out = _of_array(source, functions, meta, like)
    out = door.as_countable(out)
    remember(out, source, functions, named=named)
    return out


def _of_frame_blocks(
    source: Any, functions: tuple[Callable[..., Any], ...], like: Any, shown: Any
) -> Any:
    """Apply the functions to the partitions of a frame."""
    from streamlearn.blocks.named_partitions import named_partitions

    source = named_partitions(source)
    if any(map(is_numbered, functions)):
        numbers = _numbers(source.npartitions)
        return source.map_partitions(
            _of_numbered, numbers, functions, like, meta=shown, align_dataframes=False
        )
    # dask passes the number of the partition in the argument partition_info.
    return source.map_partitions(_of_frame, functions, like, meta=shown)


def _of_array(source: Any, functions: tuple[Callable[..., Any], ...], meta: Any, like: Any) -> Any:
    """Apply the functions to a dask array; return an array, or a frame if ``like`` is given."""
    shown = np.empty((0,) * len(meta.shape), dtype=object if like is not None else _dtype(meta))
    # dask accepts NumPy and CuPy arrays as meta. Other libraries get a meta of NumPy.
    if type(source._meta).__module__.partition(".")[0] == "cupy":
        shown = type(source._meta)(shown.shape, dtype=shown.dtype)
    rows, width = ("i", None) if len(meta.shape) == 1 else ("ik", {"k": meta.shape[1]})
    known = None not in row_chunks(source)
    places: list[Any] = [door.ArrayBlockIdDep(source.chunks[:1]), "i"]
    if known:
        places += [door.ArraySliceDep(source.chunks[:1]), "i"]
    # dask would concatenate with NumPy. Without it a block of any library arrives as it is.
    out = door.blockwise(
        *(partial(_make, functions, like), rows),
        *(door.named_reads(source), "ij"[: source.ndim]),
        *places,
        dtype=shown.dtype,
        meta=shown,
        new_axes=width,
        concatenate=False,
        align_arrays=False,
        token="transform-block",
    )
    if like is None:
        return out
    import dask.dataframe as dd

    ends = np.cumsum([0, *source.chunks[0]]) if known else None
    divisions = [None] * (out.numblocks[0] + 1) if ends is None else np.minimum(ends, ends[-1] - 1)
    keys = [(out.name, i, *(0,) * (out.ndim - 1)) for i in range(out.numblocks[0])]
    return dd.from_graph(
        door.optimized(out, keys), like.frame, tuple(divisions), keys, "transform-block"
    )


def _make(
    functions: tuple[Callable[..., Any], ...],
    like: Any,
    blocks: Any,
    number: tuple[int, ...],
    rows: tuple[slice, ...] | None = None,
) -> Any:
    """Apply the functions to a block of an array; return a frame if ``like`` is given."""
    while isinstance(blocks, list):
        (blocks,) = blocks
    with noted(f"block {number[0]}"):
        if rows is not None:
            declared_rows_or_raise("X", number[0], n_rows(blocks), rows[0].stop - rows[0].start)
        made = LazyRows(plain(blocks), in_block(functions, number[0])).all()
        if like is None:
            return made.to_numpy() if hasattr(made, "to_numpy") else made
        index = range(made.shape[0]) if rows is None else range(rows[0].start, rows[0].stop)
        return as_frame(
            like, made, index, 'Leave them as they are: set_output(transform="default")'
        )


def _of_frame(
    frame: Any,
    functions: tuple[Callable[..., Any], ...],
    like: Any,
    partition_info: dict[str, Any] | None = None,
) -> Any:
    """Apply the functions to a partition of a frame.

    The result is a Series or DataFrame if ``like`` is given, else an array.
    """
    number = (partition_info or {}).get("number")
    with noted(f"partition {number} of those asked for"):
        made = LazyRows(frame, functions).all()
        if like is None:
            return made
        remedy = "Have dense ones made: sparse_output=False, sparse_threshold=0"
        return as_frame(like, made, frame.index, remedy)


def _numbers(n: int) -> Any:
    """Return the numbers of partitions, one in each. They stay when partitions are selected."""
    import dask.dataframe as dd
    import pandas as pd

    return dd.from_map(lambda i: pd.Series([i]), range(n), meta=pd.Series([], dtype=np.int64))


def _of_numbered(
    frame: Any, number: Any, functions: tuple[Callable[..., Any], ...], like: Any
) -> Any:
    """Apply functions that depend on the number of a partition."""
    if not len(number):  # dask asks about frames without rows
        return _of_frame(frame, (), like)
    n = int(number.iloc[0])
    return _of_frame(frame, in_block(functions, n), like, {"number": n})


def _dtype(meta: Any) -> np.dtype:
    """Return NumPy's dtype of a block, in native byte order, as dask joins blocks in it."""
    if not is_sparse(meta):
        meta = to_numpy(meta) if is_array(meta) else np.asarray(meta)
    return meta.dtype.newbyteorder("=")
