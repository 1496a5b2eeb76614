"""Functions of a block that fill in missing values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from streamlearn._arrays import (
    asarray,
    same_dtype,
    to_numpy,
)
from streamlearn._estimator.tables import TableReader, is_of_numbers
from streamlearn._validation.columns import Table
from streamlearn._validation.fills import (
    array_dtype,
    common_dtype,
    filled_array,
    filled_series,
)
from streamlearn._validation.reader import same_place_or_raise
from streamlearn.blocks import meta_of
from streamlearn.core.imputation import Filled
from streamlearn.impute import seen


class Fills(NamedTuple):
    """The values that are filled in.

    Attributes
    ----------
    numbers : bool
        Whether all columns become floats. The statistics are then an array in the library of the
        rows.
    placeholder : object
        The value that means missing.
    values : list or None
        The value that is filled in for each column. It is None if all columns become floats.
    dtype : str
        The dtype of the array that the columns of ``fit`` make.
    """

    numbers: bool
    placeholder: Any
    values: list[Any] | None
    dtype: str


class Gaps(NamedTuple):
    """What is filled into the kept columns, and how often.

    Attributes
    ----------
    function : callable
        The function of rows that keeps the same columns and leaves the gaps as NaN.
    values : array of shape (n_kept,)
    counts : array of int of shape (n_kept,)
    every : bool
        Whether all columns are kept.
    """

    function: Any
    values: Any
    counts: Any
    every: bool


@dataclass(frozen=True, eq=False)
class ImputerFunction:
    """A function of rows that fills in missing values.

    It takes cache-sized batches of an array, and frames.

    Attributes
    ----------
    reader : TableReader
    fills : Fills
    statistics : array
        The values that are filled in, if all columns become floats.
    kept : tuple of int
        The columns that are not left out.
    features : tuple of int, or None
        The columns for which an indicator column is added.
    names : tuple of str
        The names of the columns of the result.
    constant : bool
        Whether the constant that is filled in must be of the kind of the rows.
    framed : bool
        Whether the result for a frame of pandas is a frame.
    """

    reader: TableReader
    fills: Fills
    statistics: Any
    kept: tuple[int, ...]
    features: tuple[int, ...] | None
    names: tuple[str, ...]
    constant: bool
    framed: bool

    def __call__(self, X: Any) -> Any:
        """Return the rows of X with missing values filled in.

        Raises
        ------
        TypeError, ValueError
            If X is in another library or on another device than the statistics, or if X has missing
            values that are not the placeholder.
        """
        placeholder = self.fills.placeholder
        objects = np.dtype(self.fills.dtype).kind == "O"
        if self.fills.values is None:
            X = self.reader.floats(allow_nan=seen.allows_nan(placeholder)).rows(X)
            same_place_or_raise(X, self.statistics, self.reader.estimator, "transform")
            return self._filled(X, self.statistics)
        if not is_of_numbers(X) or (isinstance(X, np.ndarray) and objects):
            return self._of_table(self.reader.table(X))
        X = self.reader.array(X, allow_nan=seen.allows_nan(placeholder))
        dtype = to_numpy(X[:0, ...]).dtype
        seen.kinds_or_raise(dtype, placeholder, self.reader.estimator)
        self._castable_or_raise(dtype)
        values = np.asarray(self.fills.values)
        return self._filled(X, asarray(np.nan_to_num(values), like=X))

    def _filled(self, X: Any, values: Any) -> Any:
        every = len(self.kept) == X.shape[1]
        kept = None if every else seen.places_in(self.kept, X)
        features = None if self.features is None else seen.places_in(self.features, X)
        return Filled(values, seen.number_of(self.fills.placeholder), kept, features)(X)

    def _castable_or_raise(self, dtype: np.dtype) -> None:
        if self.constant and not np.can_cast(self.fills.dtype, dtype, casting="same_kind"):
            raise ValueError(
                f"The dtype of the filling value (i.e. {np.dtype(self.fills.dtype)!r}) cannot be "
                f"cast to the input data that is {dtype!r}. Make sure that the dtypes of the "
                "input data are of the same kind between fit and transform."
            )

    def _of_table(self, table: Table) -> Any:
        """Return the columns of a table, as an array or a frame of pandas."""
        placeholder, values = self.fills.placeholder, self.fills.values
        assert values is not None
        at = seen.masks(table, placeholder)
        dtypes = [
            array_dtype(column, int(where.sum()))
            for column, where in zip(table.columns, at, strict=True)
        ]
        dtype = common_dtype(dtypes)
        seen.kinds_or_raise(dtype, placeholder, self.reader.estimator)
        seen.no_other_or_raise(table, placeholder, self.reader, None)
        if self.framed and table.names is not None:
            return self._framed(table, at)
        if np.dtype(self.fills.dtype).kind == "O":
            dtype = np.dtype(object)
        self._castable_or_raise(dtype)
        made = [filled_array(table.columns[j], at[j], values[j], dtype) for j in self.kept]
        marks = [] if self.features is None else [at[j].astype(dtype) for j in self.features]
        both = [*made, *marks]
        return np.stack(both, axis=1) if both else np.empty((table.n_rows, 0), dtype)

    def _framed(self, table: Table, at: list[np.ndarray]) -> Any:
        import pandas as pd

        values = self.fills.values
        assert values is not None
        index = table.columns[0].index
        made = [filled_series(table.columns[j], at[j], values[j]) for j in self.kept]
        if self.features is not None:
            made += [pd.Series(at[j], index=index) for j in self.features]
        out = dict(enumerate(made))
        return pd.DataFrame(out, index=index).set_axis(list(self.names), axis=1)

    def of_no_rows(self, X: Any) -> Any:
        """Return the result for no rows of a dask array, as an array of NumPy."""
        if self.fills.values is not None:
            return self(meta_of(X))
        rows = to_numpy(self.reader.floats().rows(meta_of(X)))
        dtype = same_dtype(rows.dtype, self.statistics)
        return self(asarray(np.zeros((1, X.shape[1])), like=self.statistics, dtype=dtype))
