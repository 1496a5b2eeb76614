"""The categories of encoded rows, lazily for collections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from streamlearn import blocks as engine
from streamlearn._arrays import is_array, to_numpy
from streamlearn._arrays.plain import gaps, plain
from streamlearn._arrays.sparse import is_sparse
from streamlearn.preprocessing.from_counts import Encoded


def decoded(
    encoder: Any, X: Any, n_columns: int, may_be_none: Sequence[bool], names: Sequence[str]
) -> Any:
    """Return the categories of encoded rows: at once in memory, lazily for a collection.

    Parameters
    ----------
    encoder : OneHotFromCounts or OrdinalFromCounts
        The fitted encoder.
    X : array, sparse rows, frame or dask collection of shape (n_rows, n_columns)
        Encoded rows.
    n_columns : int
        The number of columns that ``transform`` makes.
    may_be_none : sequence of bool
        Whether the result for a feature may be None, because its category may be unknown.
    names : sequence of str
        The names of the features.

    Returns
    -------
    ndarray, dask array or dask DataFrame of shape (n_rows, n_features)
        A DataFrame for a DataFrame, and for a dask array that was made of one. Each of its columns
        has the dtype of its categories. Whole numbers are floats, with NaN for None, if a category
        may be unknown.

    Raises
    ------
    ValueError
        If X has another number of columns.
    """
    X = plain(X)
    if not engine.is_collection(X):
        return Decoded(encoder)(X)
    X = engine.whole_rows(X)
    if len(X.shape) != 2 or X.shape[1] not in (n_columns, np.nan):
        raise ValueError(
            f"Shape of the passed X data is not correct. Expected {n_columns} columns, got "
            f"{X.shape[1] if len(X.shape) == 2 else 'an array of 1 dimension'}. Give the result of "
            "transform."
        )
    row = _one_row(encoder)
    dtype = np.dtype(object) if any(may_be_none) else row.dtype
    if not engine.of_frame(X):
        return engine.map_rows(Decoded(encoder, dtype), X, meta=row[:0].astype(dtype))
    dtypes = tuple(
        _dtype(categories, few is not None, none)
        for categories, few, none in zip(
            encoder.categories_, infrequent(encoder), may_be_none, strict=True
        )
    )
    function = Decoded(encoder, dtype, dtypes, tuple(names))
    return engine.map_rows(function, X, meta=function.framed(row), named=False)


@dataclass(frozen=True, eq=False)
class Decoded:
    """The categories of a block of encoded rows.

    Attributes
    ----------
    encoder : OneHotFromCounts or OrdinalFromCounts
    dtype : dtype or None
        The dtype of the result if it is an array. None for that of the rows.
    dtypes : tuple of dtype, or None
        The dtypes of the columns if the result is a frame.
    names : tuple of str
        The names of the columns of a frame.
    """

    encoder: Any
    dtype: Any = None
    dtypes: tuple[Any, ...] | None = None
    names: tuple[str, ...] = ()

    whole = True

    def __call__(self, X: Any) -> Any:
        """Return the categories as an array or a frame."""
        if is_array(X) and not is_sparse(X):
            X = to_numpy(X)
        if self.dtype is None:
            return self.encoder.inverse_transform(X)
        if X.shape[0]:
            rows = self.encoder.inverse_transform(X)
        else:
            rows = np.empty((0, len(self.encoder.categories_)), dtype=self.dtype)
        rows = rows.astype(self.dtype, copy=False)
        return rows if self.dtypes is None else self.framed(rows)

    def framed(self, rows: np.ndarray) -> Any:
        """Return rows as a frame of pandas."""
        import pandas as pd

        assert self.dtypes is not None
        columns = [pd.Series(rows[:, j]).astype(dtype) for j, dtype in enumerate(self.dtypes)]
        out = pd.concat(columns, axis=1)
        out.columns = list(self.names)
        return out


def infrequent(encoder: Any) -> list[np.ndarray | None]:
    """Return the infrequent categories of each feature, None where there are none."""
    if (encoder.min_frequency, encoder.max_categories) == (None, None):
        return [None] * len(encoder.categories_)
    return encoder.infrequent_categories_


def _one_row(encoder: Any) -> np.ndarray:
    """Return the first category of each feature, as ``inverse_transform`` returns a row."""
    n_features = len(encoder.categories_)
    first = Encoded(np.zeros((1, n_features), dtype=np.int64), [np.empty(0)] * n_features, [])
    return encoder.inverse_transform(encoder.transform(first))


def _dtype(categories: np.ndarray, few: bool, none: bool) -> Any:
    """Return the dtype of a column of categories in a frame."""
    kind = categories.dtype.kind
    if kind in "OUT":
        known = categories[~gaps(categories)] if kind == "O" else categories
        text = len(known) > 0 and all(isinstance(value, str) for value in known)
        return engine.text_dtype() if text else np.dtype(object)
    if few or (kind == "b" and none):
        return np.dtype(object)
    return np.dtype(float) if kind in "iu" and none else categories.dtype
