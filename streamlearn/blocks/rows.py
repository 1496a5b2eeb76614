"""``map_rows``: the verb of predict and transform. One function on each block, nothing read yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import dask.array as da
import numpy as np
from dask.layers import ArrayBlockIdDep

from streamlearn.blocks.containers import is_frame, whole_rows
from streamlearn.blocks.making import Rows, origin, remember, then
from streamlearn.blocks.stream import noted
from streamlearn.plain import plain
from streamlearn.sparse import is_sparse


def map_rows(
    function: Callable[[Any], Any],
    X: Any,
    *,
    dtype: Any,
    columns: int | None = None,
    names: Sequence[str] | None = None,
) -> Any:
    """Apply ``function``, which keeps rows, to each block of a dask array or frame, lazily.

    Parameters
    ----------
    function : callable
        Block in, array out: of shape (rows,), or (rows, ``columns``). Blocks may be empty.
    X : dask array or dask DataFrame
    dtype : NumPy dtype
        Of the result as dask shows it; the block's own namespace and dtype decide in the task.
    columns : int, optional
        Width of a two-dimensional result.
    names : sequence of str, optional
        Make a two-dimensional result a dask DataFrame with these columns.

    Returns
    -------
    dask array, or dask Series or DataFrame
        A DataFrame wherever ``names`` are given. Of the rows of a frame, a Series if it has one
        dimension, each with the index, and else an array, which costs nothing a column.
    """
    X = whole_rows(X)
    source, functions = origin(X)
    functions = then(functions, function)
    if is_frame(source):
        import pandas as pd

        said = pd.Series(np.empty(0, dtype)).dtype  # pandas has its own for strings
        labels, kind = None, said
        if columns is None:
            meta: Any = pd.Series(dtype=said)
        elif names is not None:
            meta = pd.DataFrame(columns=list(names), dtype=said)
            labels = meta.columns
        else:
            meta, kind = np.empty((0, columns), dtype=dtype), None
        # By its argument partition_info dask tells it which one it has.
        out = source.map_partitions(_of_frame, functions, labels, kind, meta=meta)
        remember(out, source, functions)
        return out
    meta = np.empty((0,) if columns is None else (0, 0), dtype=dtype)
    # Dask believes the meta of NumPy and CuPy arrays only; the others pass through a NumPy meta.
    if type(X._meta).__module__.partition(".")[0] == "cupy":
        meta = type(X._meta)(meta.shape, dtype=dtype)
    # Without concatenation a block arrives as it is; dask concatenates with NumPy.
    rows, width = ("i", None) if columns is None else ("ik", {"k": columns})
    out = da.blockwise(
        *(partial(_make, functions, names is not None), rows),
        *(source, "ij"[: source.ndim]),
        *(ArrayBlockIdDep(source.chunks[:1]), "i"),
        dtype=dtype,
        meta=meta,
        new_axes=width,
        concatenate=False,
        align_arrays=False,
    )
    remember(out, source, functions)
    return out.to_dask_dataframe(columns=list(names)) if names is not None else out


def _make(
    functions: tuple[Callable, ...], framed: bool, blocks: Any, where: tuple[int, ...]
) -> Any:
    while isinstance(blocks, list):
        (blocks,) = blocks
    with noted(f"block {where[0]}"):
        made = Rows(plain(blocks), functions).all()
        if framed:
            _dense_or_raise(made, 'Leave them as they are: set_output(transform="default")')
    return made.to_numpy() if hasattr(made, "iloc") else made


def _dense_or_raise(made: Any, remedy: str) -> None:
    """Check that rows can be a frame."""
    if is_sparse(made):
        raise ValueError(f"Sparse rows ({type(made).__name__}) make no DataFrame. {remedy}.")


def _of_frame(
    frame: Any,
    functions: tuple[Callable, ...],
    labels: Any,
    dtype: Any,
    partition_info: dict | None = None,
) -> Any:
    """Make the rows of a frame: a frame of ``dtype``, without one the array that they are."""
    import pandas as pd

    number = (partition_info or {}).get("number")
    with noted(f"partition {number} of those asked for"):
        made = Rows(frame, functions).all()
        if dtype is None:
            return made
        _dense_or_raise(made, "Have dense ones made: sparse_output=False, sparse_threshold=0")
        values = np.asarray(made)
    if labels is None:
        return pd.Series(values, index=frame.index, dtype=dtype)
    return pd.DataFrame(values, index=frame.index, columns=labels, dtype=dtype)
