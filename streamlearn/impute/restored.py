"""Missing values that are made missing again, where the columns of an indicator mark them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from streamlearn import blocks as engine
from streamlearn._arrays import asarray, cast, float_dtype, is_array, namespace
from streamlearn._arrays.plain import plain
from streamlearn._estimator.tables import TableReader, is_frame_in_memory, is_of_numbers, reader_of
from streamlearn._validation.columns import numpy_of
from streamlearn._validation.fills import is_gap
from streamlearn._validation.reader import same_place_or_raise
from streamlearn.impute import seen


def restored(
    X: Any,
    estimator: str,
    placeholder: Any,
    kept: tuple[int, ...],
    features: tuple[int, ...],
    n_features: int,
    fitted: Any,
    names: Any,
) -> Any:
    """Return the rows of X without the columns of the indicator. They are lazy for a collection.

    Parameters
    ----------
    X : array, frame or dask collection of shape (n_samples, n_features + n_indicators)
    estimator : str
        Its name in errors.
    placeholder, kept, features, n_features, fitted
        As in `Restored`.
    names : ndarray or None
        The names of the features, for a frame.

    Raises
    ------
    ValueError
        If X has another number of columns.
    """
    X = plain(X)
    if engine.is_collection(X):
        X = engine.whole_rows(X)
    elif not is_array(X) and not is_frame_in_memory(X):
        X = np.asarray(X)
    shown = engine.meta_of(X) if engine.is_collection(X) else X
    reader = reader_of(estimator, shown)
    n_columns = len(kept) + len(features)
    if reader.n_features != n_columns:
        raise ValueError(
            f"X has {reader.n_features} features, but {estimator} is expecting {n_columns} "
            f"features as input: {len(kept)} that were filled in, and {len(features)} of the "
            "indicator."
        )
    function = Restored(reader, placeholder, kept, features, n_features, fitted)
    if not engine.is_collection(X):
        return function(X)
    nothing = shown if is_array(shown) else np.asarray(shown)
    if fitted is not None:
        nothing = reader.floats().rows(nothing)
    made = replace(function, fitted=None)(nothing)
    names = names if engine.of_frame(X) else None
    return engine.map_rows(function, X, meta=made, names=names, named=False)


@dataclass(frozen=True, eq=False)
class Restored:
    """A function of rows that makes values missing again if indicator columns mark them.

    Attributes
    ----------
    reader : TableReader
    placeholder : object
    kept, features : tuple of int
        The features of the first columns, and those of the indicator columns after them.
    n_features : int
        The number of features of the result.
    fitted : array or None
        The values that were filled in, if they are in the library of the rows.
    """

    reader: TableReader
    placeholder: Any
    kept: tuple[int, ...]
    features: tuple[int, ...]
    n_features: int
    fitted: Any = None

    def __call__(self, X: Any) -> Any:
        """Return the rows of X without the columns of the indicator.

        Raises
        ------
        ValueError
            If X has another number of columns, or is in another library or on another device.
        """
        if self.fitted is not None:
            X = self.reader.floats(allow_nan=seen.allows_nan(self.placeholder)).rows(X)
            same_place_or_raise(X, self.fitted, self.reader.estimator, "inverse_transform")
        elif is_of_numbers(X):
            X = self.reader.array(X)
        else:
            X = np.stack([numpy_of(column) for column in self.reader.table(X).columns], axis=1)
        xp, n = namespace(X), len(self.kept)
        gap = self.placeholder
        if is_gap(gap) and not (isinstance(X, np.ndarray) and X.dtype.kind == "O"):
            X, gap = cast(X, float_dtype(X)), float("nan")
        missing: list[Any] = [None] * self.n_features
        for place, j in enumerate(self.features):
            missing[j] = X[:, n + place] != 0
        columns = [self._gaps(X, gap)] * self.n_features
        for place, j in enumerate(self.kept):
            columns[j] = X[:, place]
            if missing[j] is not None:
                columns[j] = xp.where(missing[j], self._gaps(X, gap), X[:, place])
        return xp.stack(columns, axis=1)

    @staticmethod
    def _gaps(X: Any, gap: Any) -> Any:
        if isinstance(X, np.ndarray):
            return np.full(X.shape[0], gap, dtype=X.dtype)
        xp = namespace(X)
        return asarray(gap, like=X) * xp.ones_like(X[:, 0])
