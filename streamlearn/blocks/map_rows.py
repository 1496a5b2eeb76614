"""``map_rows``: the verb of predict and transform. One function on each block, nothing read yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import dask.array as da
import numpy as np
from dask.array.core import concatenate_lookup
from dask.layers import ArrayBlockIdDep, ArraySliceDep

from streamlearn._arrays import concat, is_array, to_numpy
from streamlearn._arrays.plain import plain
from streamlearn._arrays.sparse import is_sparse
from streamlearn.blocks.containers import is_frame, row_chunks, whole_rows
from streamlearn.blocks.frames import described, filled
from streamlearn.blocks.graph import optimized
from streamlearn.blocks.lazy_rows import LazyRows, origin, remember, then
from streamlearn.blocks.schedule import noted


def map_rows(
    function: Callable[[Any], Any], X: Any, *, meta: Any, names: Sequence[str] | None = None
) -> Any:
    """Apply ``function``, which keeps rows, to each block of a dask array or frame, lazily.

    Parameters
    ----------
    function : callable
        Block in, array or frame out. Blocks may be empty.
    X : dask array or dask DataFrame
    meta : array, Series or DataFrame
        What ``function`` makes of a few rows or of none: the dimensions, the dtype and the columns
        that dask shows. A row tells more than none: whether objects are text.
    names : sequence of str, optional
        Make a two-dimensional array a dask DataFrame with these columns.

    Returns
    -------
    dask array, or dask Series or DataFrame
        A DataFrame where ``meta`` is one or ``names`` are given, a Series for one value a row of a
        frame, both with the frame's index. Else an array, whose chunks are the partitions.
    """
    X = whole_rows(X)
    source, functions = origin(X)
    functions = then(functions, function)
    framed = names is not None or hasattr(meta, "columns")
    framed = framed or (len(meta.shape) == 1 and (is_frame(source) or is_frame(X)))
    given = source._meta if is_frame(source) else None
    said = described(meta, names, given) if framed else None
    if is_frame(source):
        shown = np.empty((0, meta.shape[1]), _dtype(meta)) if said is None else said.frame
        # By its argument partition_info dask tells it which one it has.
        out = source.map_partitions(_of_frame, functions, said, meta=shown)
    else:
        out = _of_array(source, functions, meta, said)
    out = _counted(out)
    remember(out, source, functions)
    return out


class Countable(da.Array):
    """An array of unknown length that is counted where its length is asked for, as a frame is.

    scikit-learn's metrics ask for the length of what they are given before they read it.
    """

    __slots__ = ()

    def __len__(self) -> int:
        """Return the number of rows, which are made for it once."""
        if None in row_chunks(self):
            self.compute_chunk_sizes()
        return super().__len__()

    def __getitem__(self, index: Any) -> Any:
        """Return a part, which can be counted too."""
        return _counted(super().__getitem__(index))


def _counted(out: Any) -> Any:
    """Return a lazy answer, as `Countable` if it is an array of unknown length."""
    if type(out) is da.Array and out.ndim and None in row_chunks(out):
        out.__class__ = Countable
    return out


def _of_array(source: Any, functions: tuple[Callable[..., Any], ...], meta: Any, said: Any) -> Any:
    """Return the lazy rows of an array: an array, or a frame if one was ``said``."""
    shown = np.empty((0,) * len(meta.shape), dtype=object if said is not None else _dtype(meta))
    # Dask believes the meta of NumPy and CuPy arrays only; the others pass through a NumPy meta.
    if type(source._meta).__module__.partition(".")[0] == "cupy":
        shown = type(source._meta)(shown.shape, dtype=shown.dtype)
    rows, width = ("i", None) if len(meta.shape) == 1 else ("ik", {"k": meta.shape[1]})
    known = None not in row_chunks(source)
    places: list[Any] = [ArrayBlockIdDep(source.chunks[:1]), "i"]
    if said is not None and known:
        places += [ArraySliceDep(source.chunks[:1]), "i"]
    # Without concatenation a block arrives as it is; dask concatenates with NumPy.
    out = da.blockwise(
        *(partial(_make, functions, said), rows),
        *(source, "ij"[: source.ndim]),
        *places,
        dtype=shown.dtype,
        meta=shown,
        new_axes=width,
        concatenate=False,
        align_arrays=False,
    )
    if said is None:
        return out
    import dask.dataframe as dd

    ends = np.cumsum([0, *source.chunks[0]]) if known else None
    divisions = [None] * (out.numblocks[0] + 1) if ends is None else np.minimum(ends, ends[-1] - 1)
    keys = [(out.name, i, *(0,) * (out.ndim - 1)) for i in range(out.numblocks[0])]
    return dd.from_graph(optimized(out, keys), said.frame, tuple(divisions), keys, "rows")


def _make(
    functions: tuple[Callable[..., Any], ...],
    said: Any,
    blocks: Any,
    number: tuple[int, ...],
    rows: tuple[slice, ...] | None = None,
) -> Any:
    """Make the rows of a block of an array: a frame if one was ``said``."""
    while isinstance(blocks, list):
        (blocks,) = blocks
    with noted(f"block {number[0]}"):
        made = LazyRows(plain(blocks), functions).all()
        if said is None:
            return made.to_numpy() if hasattr(made, "to_numpy") else made
        index = range(made.shape[0]) if rows is None else range(rows[0].start, rows[0].stop)
        return filled(said, made, index, 'Leave them as they are: set_output(transform="default")')


def _of_frame(
    frame: Any,
    functions: tuple[Callable[..., Any], ...],
    said: Any,
    partition_info: dict[str, Any] | None = None,
) -> Any:
    """Make the rows of a partition: a frame or Series if one was ``said``, else an array."""
    number = (partition_info or {}).get("number")
    with noted(f"partition {number} of those asked for"):
        made = LazyRows(frame, functions).all()
        if said is None:
            return made
        remedy = "Have dense ones made: sparse_output=False, sparse_threshold=0"
        return filled(said, made, frame.index, remedy)


def _dtype(meta: Any) -> np.dtype:
    """Return NumPy's dtype of what a block holds, in the byte order that dask joins blocks in."""
    if not is_sparse(meta):
        meta = to_numpy(meta) if is_array(meta) else np.asarray(meta)
    return meta.dtype.newbyteorder("=")


@concatenate_lookup.register_lazy("torch")
def _join_tensors() -> None:
    """Let dask compute an array of several blocks of torch's, for which it knows no function."""
    from torch import Tensor

    concatenate_lookup.register(Tensor, concat)
