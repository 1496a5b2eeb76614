"""Results of `map_rows` as a Series or DataFrame: dask's meta of it, and its partitions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from streamlearn._arrays import to_numpy
from streamlearn._arrays.sparse import is_sparse


class FrameMeta(NamedTuple):
    """dask's meta of a Series or DataFrame.

    Attributes
    ----------
    frame : Series or DataFrame
        It has no rows.
    dtypes : tuple
        The dtypes of its columns. To ask a frame for them takes longer than to make a frame.
    """

    frame: Any
    dtypes: tuple[Any, ...]


def frame_meta(meta: Any, names: Sequence[str] | None, given: Any) -> FrameMeta:
    """Return dask's meta of a result.

    Parameters
    ----------
    meta : array, Series or DataFrame
        The result for a few rows or for none.
    names : sequence of str or None
        The columns of a two-dimensional array.
    given : Series or DataFrame, or None
        The meta of the frame that the result was made of.

    Returns
    -------
    FrameMeta
    """
    frame = _shown(meta, names, given)
    return FrameMeta(frame, tuple(np.ravel(frame.dtypes)))


def text_dtype() -> Any:
    """Return the dtype that columns of text have in dask's frames."""
    import dask.dataframe as dd
    import pandas as pd

    return dd.from_pandas(pd.Series(["a"]), npartitions=1).dtype


def _shown(meta: Any, names: Sequence[str] | None, given: Any) -> Any:
    import pandas as pd
    from dask.dataframe.utils import clear_known_categories

    index = pd.RangeIndex(0) if given is None else given.index
    if hasattr(meta, "to_pandas"):  # polars
        meta = meta.to_pandas()
    if hasattr(meta, "columns"):
        known = set() if given is None else set(np.ravel(given.dtypes))
        out = meta.iloc[:0].set_axis(index)
        made = [
            name
            for name, dtype in out.dtypes.items()
            if isinstance(dtype, pd.CategoricalDtype) and dtype not in known
        ]
        return clear_known_categories(out, made, index=False) if made else out
    if hasattr(meta, "iloc"):
        return meta.iloc[:0].set_axis(index)
    text = text_dtype()
    values = to_numpy(meta)
    if meta.ndim == 1:
        out = pd.Series(values)
        out = out.astype(text) if isinstance(out.dtype, pd.StringDtype) else out
    else:
        out = pd.DataFrame(values, columns=None if names is None else list(names))
        texts = [c for c, d in out.dtypes.items() if isinstance(d, pd.StringDtype)]
        out = out.astype(dict.fromkeys(texts, text)) if texts else out
    return out.iloc[:0].set_axis(index)


def as_frame(like: FrameMeta, made: Any, index: Any, remedy: str) -> Any:
    """Return the rows ``made`` as a Series or DataFrame with the columns and dtypes of ``like``.

    Raises
    ------
    ValueError
        If the rows are sparse. The message ends with ``remedy``.
    """
    import pandas as pd

    if is_sparse(made):
        raise ValueError(
            f"Sparse rows ({type(made).__name__}) cannot become a DataFrame. {remedy}."
        )
    if hasattr(made, "to_pandas"):
        made = made.to_pandas()
    framed = hasattr(made, "iloc")
    values = made if framed else np.asarray(made)
    if like.frame.ndim == 1:
        if framed:
            return made.set_axis(index)
        return pd.Series(values, index=index, name=like.frame.name, dtype=like.dtypes[0])
    columns = like.frame.columns
    if framed:
        out, dtypes = made.set_axis(index).set_axis(columns, axis=1), list(made.dtypes)
    else:
        out = pd.DataFrame(values, index=index, columns=columns)
        dtypes = [values.dtype] * len(columns)
    wrong = {
        name: dtype
        for name, dtype, found in zip(columns, like.dtypes, dtypes, strict=True)
        if dtype != found and _is_kept(found, dtype)
    }
    return out.astype(wrong) if wrong else out


def _is_kept(found: Any, dtype: Any) -> bool:
    """Return whether values of dtype ``found`` keep their meaning as pandas' ``dtype``."""
    import pandas as pd

    if isinstance(dtype, pd.StringDtype):
        return found == np.dtype(object) or isinstance(found, pd.StringDtype)
    known = isinstance(found, np.dtype) and isinstance(dtype, np.dtype)
    return known and np.can_cast(found, dtype, "same_kind")
