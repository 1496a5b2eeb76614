"""A function of the blocks of two collections with the same rows, lazily."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streamlearn.blocks import door
from streamlearn.blocks.containers import is_frame, row_chunks


def zip_rows(function: Callable[[Any, Any], Any], a: Any, b: Any) -> Any:
    """Apply ``function`` to the blocks of two columns with the same rows, lazily.

    Parameters
    ----------
    function : callable
        It takes a block of each, and returns an array of shape (n_rows,).
    a, b : dask arrays of shape (n_rows,) or (n_rows, 1), or dask Series
        Their blocks have the same rows. The numbers of rows may be known for one of them only.

    Returns
    -------
    dask array of shape (n_rows,)
    """
    first, second = (_column(x) for x in (a, b))
    known = first if None not in row_chunks(first) else second
    return door.blockwise(
        function,
        "i",
        first,
        "i",
        second,
        "i",
        meta=function(first._meta, second._meta),
        align_arrays=False,
        adjust_chunks={"i": known.chunks[0]},
    )


def _column(x: Any) -> Any:
    """Return a dask array of the values of a collection of one column."""
    x = x.to_dask_array() if is_frame(x) else x
    return x[:, 0] if x.ndim == 2 else x
