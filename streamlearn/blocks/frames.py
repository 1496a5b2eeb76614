"""Rows that were made, as a Series or DataFrame: what dask shows of it, and each partition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from streamlearn.backend import to_numpy
from streamlearn.sparse import is_sparse


def described(meta: Any, names: Sequence[str] | None, given: Any) -> Any:
    """Return the Series or DataFrame of no rows that dask is to show of rows of ``given``."""
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


def filled(said: Any, made: Any, index: Any, remedy: str) -> Any:
    """Return the rows ``made`` as a Series or DataFrame like ``said``, in its dtypes."""
    import pandas as pd

    if is_sparse(made):
        raise ValueError(f"Sparse rows ({type(made).__name__}) make no DataFrame. {remedy}.")
    if hasattr(made, "to_pandas"):
        made = made.to_pandas()
    if said.ndim == 1:
        if hasattr(made, "iloc"):
            return made.set_axis(index)
        return pd.Series(np.asarray(made), index=index, name=said.name, dtype=said.dtype)
    if hasattr(made, "iloc"):
        out = made.set_axis(index).set_axis(said.columns, axis=1)
    else:
        out = pd.DataFrame(np.asarray(made), index=index, columns=said.columns)
    wrong = {
        name: dtype
        for name, dtype, found in zip(said.columns, said.dtypes, out.dtypes, strict=True)
        if dtype != found and _is_kept(found, dtype)
    }
    return out.astype(wrong) if wrong else out


def _is_kept(found: Any, dtype: Any) -> bool:
    """Tell whether values keep their meaning in another dtype of pandas."""
    import pandas as pd

    if isinstance(dtype, pd.StringDtype):
        return found == np.dtype(object) or isinstance(found, pd.StringDtype)
    known = isinstance(found, np.dtype) and isinstance(dtype, np.dtype)
    return known and np.can_cast(found, dtype, "same_kind")
