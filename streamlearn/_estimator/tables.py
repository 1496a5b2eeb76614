"""Checks of tables, whose columns may be of any kind, as scikit-learn's encoders check them.

The metadata of a container are checked at once. The columns are read in the task of each block.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_array

from streamlearn import blocks as engine
from streamlearn._arrays import is_array, to_numpy
from streamlearn._arrays.plain import plain, rows_or_raise
from streamlearn._arrays.sparse import is_sparse
from streamlearn._estimator.inputs import columns_or_raise, is_foreign
from streamlearn._sklearn import _check_feature_names, _check_n_features
from streamlearn._validation.arrays import DENSE, dense_or_raise
from streamlearn._validation.columns import Table, table_of
from streamlearn._validation.finite import CLIP, finite_or_raise
from streamlearn._validation.messages import in_block, no_rows
from streamlearn._validation.reader import Reader
from streamlearn._validation.tables import is_table


class TableReader(NamedTuple):
    """How the part X of a block becomes a `Table`.

    Attributes
    ----------
    estimator : str
        The estimator's name in errors.
    n_features : int or None
        None if any number of features is right.
    names : tuple of str or None
        Feature names, if X is a frame.
    """

    estimator: str
    n_features: int | None
    names: tuple[str, ...] | None

    def table(self, X: Any, block: int | None = None) -> Table:
        """Return the columns of a block.

        Raises
        ------
        TypeError
            If its rows are sparse.
        ValueError
            If it has other columns than the metadata, or a column holds infinity.
        """
        table = table_of(_framed(X, block))
        if self.names is not None and table.names is not None and table.names != self.names:
            raise ValueError(
                f"{in_block('X', block)} has the columns {list(table.names)}, but "
                f"{self.estimator} is expecting {list(self.names)}. Select the columns by name, in "
                "this order."
            )
        self._as_many_or_raise(len(table.columns), block)
        for j, column in enumerate(table.columns):
            dtype = getattr(column, "dtype", None)
            if isinstance(dtype, np.dtype) and dtype.kind == "f" and np.isinf(column).any():
                where = self.column(j) if block is None else f"block {block}, {self.column(j)}"
                raise ValueError(f"Input X contains infinity in {where}. {CLIP}")
        return table

    def array(self, X: Any, block: int | None = None, *, allow_nan: bool = True) -> Any:
        """Return a block that is an array of numbers as it is.

        Raises
        ------
        ValueError
            If it has another number of columns than the metadata, or holds infinity, or NaN that is
            not allowed.
        """
        if X.ndim != 2:
            raise ValueError(
                f"{in_block('X', block)} has shape {tuple(X.shape)}: Expected 2D array."
            )
        self._as_many_or_raise(X.shape[1], block)
        finite_or_raise(X, "X", block, allow_nan=allow_nan)
        return X

    def floats(self, *, allow_nan: bool = True) -> Reader:
        """Return the reader that turns a block into an array of floats."""
        return Reader(self.estimator, self.n_features, self.names, allow_nan)

    def _as_many_or_raise(self, n_columns: int, block: int | None) -> None:
        if self.n_features not in (None, n_columns):
            raise ValueError(
                f"{in_block('X', block)} has {n_columns} columns, but {self.estimator} is "
                f"expecting {self.n_features} features as input. All blocks must have the same "
                "columns."
            )

    def column(self, j: int) -> str:
        """Return the name of column ``j`` in errors."""
        return f"column {j}" if self.names is None else f"column {self.names[j]!r}"


def check_table(estimator: BaseEstimator, X: Any, *, reset: bool) -> tuple[Any, TableReader]:
    """Check a table. Set ``n_features_in_`` and ``feature_names_in_`` if ``reset``.

    Parameters
    ----------
    estimator : BaseEstimator
    X : array, frame of pandas, polars or pyarrow, dask array or dask DataFrame
    reset : bool
        Whether this is the first data the estimator sees.

    Returns
    -------
    X : array, frame or collection of whole rows
    reader : TableReader

    Raises
    ------
    TypeError, ValueError
        Those of scikit-learn's encoders.
    """
    name = type(estimator).__name__
    X = plain(X)
    rows_or_raise(X)
    if engine.is_collection(X):
        X = engine.whole_rows(X)
        streamed = isinstance(X, engine.StreamedRows)
        meta = engine.meta_of(X) if engine.is_frame(X) or streamed else X
        if not engine.is_named(X):
            meta = np.empty((0, X.shape[1]))
    elif is_frame_in_memory(X):
        meta = X
    else:
        dense_or_raise(X, DENSE)
        if not is_foreign(X):
            X = _array_of(X)
        meta = X
    reader = reader_of(name, meta)
    if not engine.is_collection(X) and meta.shape[0] == 0:
        raise no_rows(name, f" (shape={tuple(meta.shape)})")
    _check_feature_names(estimator, meta, reset=reset)
    _check_n_features(estimator, meta, reset=reset)
    return X, reader


def reader_of(estimator: str, meta: Any) -> TableReader:
    """Return the reader of blocks with the columns of an array or a frame.

    Raises
    ------
    ValueError
        If it does not have two dimensions, or has no columns.
    """
    columns_or_raise(estimator, meta, meta)
    columns = getattr(meta, "columns", None)
    names = None if columns is None else tuple(map(str, columns))
    return TableReader(estimator, int(meta.shape[1]), names)


def is_of_numbers(x: Any) -> bool:
    """Return whether ``x`` is a dense array of numbers, of any library."""
    if isinstance(x, np.ndarray):
        return x.dtype.kind in "biuf"
    return is_array(x) and not is_sparse(x)


def is_frame_in_memory(x: Any) -> bool:
    """Return whether ``x`` is a frame of pandas or polars."""
    return is_table(x) and hasattr(x, "columns")


def _array_of(X: Any) -> np.ndarray:
    """Return an array-like as the array that scikit-learn's encoders make of it."""
    how: dict[str, Any] = {"ensure_all_finite": "allow-nan", "input_name": "X"}
    out = check_array(X, dtype=None, **how)
    if not hasattr(X, "dtype") and np.issubdtype(out.dtype, np.str_):
        # Numbers and text in one list are objects, and each column is of its own kind.
        out = check_array(X, dtype=object, **how)
    return out


def _framed(X: Any, block: int | None) -> Any:
    """Return the X of a block as a frame or an array of NumPy."""
    if is_sparse(X):
        dense_or_raise(X, DENSE)
    if is_array(X) and not isinstance(X, np.ndarray):
        return to_numpy(X)
    return X if isinstance(X, np.ndarray) or is_frame_in_memory(X) else np.asarray(X)
