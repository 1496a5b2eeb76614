"""Rows that were made, as a Series or DataFrame: what dask shows of it, and each partition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from streamlearn._arrays import to_numpy
from streamlearn._arrays.sparse import is_sparse


class Said(NamedTuple):
    """What dask shows of rows in a frame.

    Attributes
    ----------
    frame : Series or DataFrame
        Of no rows.
    dtypes : tuple
        Of its columns, which a frame takes longer to tell than to be made.
    """

    frame: Any
    dtypes: tuple[Any, ...]


def described(meta: Any, names: Sequence[str] | None, given: Any) -> Said:
    """Return what dask is to show of rows of ``given``."""
    said = _shown(meta, names, given)
    return Said(said, tuple(np.ravel(said.dtypes)))


def _shown(meta: Any, names: Sequence[str] | None, given: Any) -> Any:
    import dask.dataframe as dd
    import pandas as pd
    from dask.dataframe.utils import clear_known_categories

    index = pd.RangeIndex(0) if given is None else given.index
    if hasattr(meta, "to_pandas"):  # of polars
        meta = meta.to_pandas()
    if hasattr(meta, "columns"):
        known = set() if given is None else set(np.ravel(given.dtypes))
        said = meta.iloc[:0].set_axis(index)
        made = [
            name
            for name, dtype in said.dtypes.items()
            if isinstance(dtype, pd.CategoricalDtype) and dtype not in known
        ]
        return clear_known_categories(said, made, index=False) if made else said
    if hasattr(meta, "iloc"):
        return meta.iloc[:0].set_axis(index)
    text = dd.from_pandas(pd.Series(["a"]), npartitions=1).dtype  # as dask's columns of text have
    values = to_numpy(meta)
    if meta.ndim == 1:
        said = pd.Series(values)
        said = said.astype(text) if isinstance(said.dtype, pd.StringDtype) else said
    else:
        said = pd.DataFrame(values, columns=None if names is None else list(names))
        texts = [c for c, d in said.dtypes.items() if isinstance(d, pd.StringDtype)]
        said = said.astype(dict.fromkeys(texts, text)) if texts else said
    return said.iloc[:0].set_axis(index)


def filled(said: Said, made: Any, index: Any, remedy: str) -> Any:
    """Return the rows ``made`` as a Series or DataFrame as it was said, in its dtypes."""
    import pandas as pd

    if is_sparse(made):
        raise ValueError(f"Sparse rows ({type(made).__name__}) make no DataFrame. {remedy}.")
    if hasattr(made, "to_pandas"):
        made = made.to_pandas()
    framed = hasattr(made, "iloc")
    values = made if framed else np.asarray(made)
    if said.frame.ndim == 1:
        if framed:
            return made.set_axis(index)
        return pd.Series(values, index=index, name=said.frame.name, dtype=said.dtypes[0])
    columns = said.frame.columns
    if framed:
        out, dtypes = made.set_axis(index).set_axis(columns, axis=1), list(made.dtypes)
    else:
        out = pd.DataFrame(values, index=index, columns=columns)
        dtypes = [values.dtype] * len(columns)
    wrong = {
        name: dtype
        for name, dtype, found in zip(columns, said.dtypes, dtypes, strict=True)
        if dtype != found and _is_kept(found, dtype)
    }
    return out.astype(wrong) if wrong else out


def _is_kept(found: Any, dtype: Any) -> bool:
    """Return whether values keep their meaning in another dtype of pandas."""
    import pandas as pd

    if isinstance(dtype, pd.StringDtype):
        return found == np.dtype(object) or isinstance(found, pd.StringDtype)
    known = isinstance(found, np.dtype) and isinstance(dtype, np.dtype)
    return known and np.can_cast(found, dtype, "same_kind")
