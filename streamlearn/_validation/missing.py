"""Missing text, in the form that an estimator of scikit-learn or another library expects.

In pandas missing text is None, NaN or NA. dask turns the first two into NA. In scikit-learn None
and NaN are two different categories, and NA is not one.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from streamlearn._arrays.plain import gaps, plain, plain_table
from streamlearn._validation.inner_columns import inside

EITHER = object()
"""The value for an estimator that does not show which form it expects."""


def as_known(estimator: Any, X: Any) -> Any:
    """Return the array or frame ``X`` with missing text in the form that ``estimator`` expects.

    If an inner encoder or imputer has learned None or NaN in a column, missing text of this column
    becomes the same. In other columns NA becomes NaN. ``X`` without text is returned as it is.
    """
    if isinstance(X, np.ndarray) and X.dtype.kind == "O" and X.ndim == 2:
        names: Sequence[Hashable] = range(X.shape[1])
        known = _known(estimator, names)
        found: list[Any] = [
            [] if which is EITHER else gaps(X[:, j]) for j, which in enumerate(known)
        ]
        if any(map(np.any, found)):
            X = X.copy()
            for j, at in enumerate(found):
                X[at, j] = known[j]
        return X
    if not hasattr(X, "iloc"):
        return X
    if X.ndim == 1:
        return _with_gaps(X, EITHER)
    if not any(map(_is_text, X.dtypes)):
        return X
    before = [column for _, column in X.items()]
    known = _known(estimator, list(X.columns))
    after = [_with_gaps(column, which) for column, which in zip(before, known, strict=True)]
    if all(a is b for a, b in zip(before, after, strict=True)):
        return X
    import pandas as pd

    out = pd.concat(after, axis=1)
    out.columns = X.columns
    return out


def frame_of(estimator: Any, X: Any) -> Any:
    """Return a table of pyarrow as a frame of pandas that ``estimator`` takes, and all else as is.

    scikit-learn's ColumnTransformer does not take all tables of pyarrow.
    """
    made = plain_table(X)
    return X if made is X else as_known(estimator, made)


def _is_text(dtype: Any) -> bool:
    """Return whether a dtype of pandas may hold text.

    It may be pandas' or Arrow's dtype of text, object, or a categorical dtype of one of them.
    """
    of = getattr(getattr(dtype, "categories", None), "dtype", None)
    if of is not None:
        return _is_text(of)
    return _is_object(dtype) or getattr(dtype, "type", None) is str


def _is_object(dtype: Any) -> bool:
    return isinstance(dtype, np.dtype) and dtype.kind == "O"


def _with_gaps(column: Any, known: Any) -> Any:
    """Return a column of pandas in which missing text is ``known``."""
    dtype = column.dtype
    if not _is_text(dtype):
        return column
    if known is None or (_is_object(dtype) and known is not EITHER):
        at = column.isna()
        return column.astype(object).mask(at, known) if at.any() else column
    import pandas as pd

    if _is_object(dtype):
        values = column.to_numpy()
        made = plain(values)
        return column if made is values else pd.Series(made, column.index, name=column.name)
    if hasattr(dtype, "categories"):
        return column.cat.rename_categories(column.cat.categories.astype(object))
    if dtype.na_value is not pd.NA:
        return column
    own = pd.Series(["text"]).dtype  # pandas' default dtype of text
    return column.astype(own).mask(column.isna(), np.nan)


def _known(estimator: Any, names: Sequence[Hashable]) -> list[Any]:
    """Return for each column the missing value of the inner estimators: None, NaN or `EITHER`."""
    found: dict[Hashable, set[Any]] = {name: set() for name in names}
    for inner, columns in inside(estimator, names):
        own = vars(inner)
        if isinstance(own.get("categories_"), list):
            known = [_missing(categories) for categories in own["categories_"]]
        elif "statistics_" in own:
            known = [{None} if inner.missing_values is None else {np.nan}] * len(own["statistics_"])
        else:
            continue
        of = names if columns is None else columns
        if len(of) != len(known):  # it is not known which columns these are
            of, known = names, [set().union(*known)] * len(names)
        for name, which in zip(of, known, strict=True):
            found.setdefault(name, set()).update(which)
    return [_one(found[name]) for name in names]


def _one(which: set[Any]) -> Any:
    return EITHER if not which else None if which == {None} else np.nan


def _missing(categories: np.ndarray) -> set[Any]:
    """Return which of None and NaN are among the categories of an encoder. They come last."""
    last = categories[-2:] if categories.dtype.kind == "O" else ()
    return {None if c is None else np.nan for c in last if c is None or c != c}
