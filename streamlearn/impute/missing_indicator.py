"""Marks for missing values: `MissingIndicator`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csc_array
from sklearn import impute as theirs

from streamlearn._arrays import is_array, namespace, to_numpy
from streamlearn._estimator.outputs import NamesOut
from streamlearn._estimator.table_transformer import TableStatistic, TableTransformer
from streamlearn._estimator.tables import TableReader, is_of_numbers
from streamlearn._sklearn import _align_api_if_sparse
from streamlearn._validation.fills import array_dtype, common_dtype
from streamlearn.core.imputation import gaps
from streamlearn.impute import seen


class MissingIndicator(NamesOut, TableTransformer):
    """Mark missing values, on arrays, frames and dask collections.

    Parameters
    ----------
    missing_values : int, float, str, numpy.nan, None or pandas.NA, default=numpy.nan
        The value that means missing.
    features : {"missing-only", "all"}, default="missing-only"
        "missing-only" returns a column for each feature that had a missing value in ``fit``.
        "all" returns a column for each feature.
    sparse : bool or "auto", default="auto"
        Return sparse columns (CSC). "auto" returns dense ones.
    error_on_new : bool, default=True
        Raise an error if ``transform`` finds a missing value in a feature that had none in ``fit``.
        It has no meaning for ``features="all"``.

    Attributes
    ----------
    features_ : ndarray of int of shape (n_missing_features,) or (n_features,)
        The features that get a column.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        The names of the features. It exists only if X was a frame whose column names are all
        strings.

    See Also
    --------
    SimpleImputer : It fills in missing values, and has ``add_indicator``.

    Notes
    -----
    ``fit`` reads the data once, and counts the blocks in parallel. X may be an array of any library
    that follows the Array API, and the result is an array of the same library. A dask DataFrame
    becomes a lazy dask DataFrame.

    Differences from scikit-learn:

    - ``partial_fit`` learns from more rows, and ``features_`` may grow.
    - Columns of text, categories, dates and pandas' nullable numbers have only one kind of missing
      value, and so have all columns of polars and pyarrow. There NaN, None and pandas' NA mean the
      same as ``missing_values``. In a column of objects None and NaN are different.
    - Sparse rows are an error.
    - For a dask collection the error of ``error_on_new`` is raised when blocks are computed.

    Examples
    --------
    >>> import dask.dataframe as dd
    >>> import pandas as pd
    >>> from streamlearn.impute import MissingIndicator
    >>> df = pd.DataFrame({"carrier": ["UA", None, "AA"], "delay": [1.0, 2.0, 3.0]})
    >>> indicator = MissingIndicator().fit(dd.from_pandas(df, npartitions=2))
    >>> indicator.transform(dd.from_pandas(df, npartitions=2)).compute()
       missingindicator_carrier
    0                     False
    1                      True
    2                     False
    """

    _parameter_constraints: dict[str, Any] = theirs.MissingIndicator._parameter_constraints

    features_: np.ndarray

    def __init__(
        self,
        *,
        missing_values: Any = np.nan,
        features: str = "missing-only",
        sparse: bool | str = "auto",
        error_on_new: bool = True,
    ) -> None:
        self.missing_values = missing_values
        self.features = features
        self.sparse = sparse
        self.error_on_new = error_on_new

    def _table_statistic(self) -> TableStatistic:
        return TableStatistic(seen.Params(self.missing_values), seen.of_rows, seen.merge, True)

    def _publish(self, state: seen.Seen) -> None:
        missing = np.asarray([one.missing for one in state])
        every = self.features == "all"
        self.features_ = np.arange(len(state)) if every else np.flatnonzero(missing)
        self._placeholder = self.missing_values

    def _width(self, state: seen.Seen) -> Any:
        """Return the columns of the result. A pipeline in one pass compares them."""
        return None if self.features == "all" else [one.missing > 0 for one in state]

    def _function(self, reader: TableReader) -> IndicatorFunction:
        quiet = not self.error_on_new or self.features == "all"
        return IndicatorFunction(
            reader, self._placeholder, self.features_, self.sparse is True, quiet
        )

    def _nothing(self) -> Any:
        nothing = np.empty((0, len(self.features_)), dtype=bool)
        return csc_array(nothing) if self.sparse is True else nothing

    def _names_out(self, names: np.ndarray) -> list[str]:
        return [f"missingindicator_{name}" for name in names[self.features_]]

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags."""
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = False
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = []
        return tags


@dataclass(frozen=True, eq=False)
class IndicatorFunction:
    """A function of a block that marks the missing values of some features.

    Attributes
    ----------
    reader : TableReader
    placeholder : object
        The value that means missing.
    features : ndarray of int
        The features that get a column.
    sparse : bool
        Whether columns are sparse.
    quiet : bool
        Whether other features may have missing values.
    """

    reader: TableReader
    placeholder: Any
    features: np.ndarray
    sparse: bool
    quiet: bool

    def __call__(self, X: Any) -> Any:
        """Return where values are missing, as bool. If X is an array, the result is in its library.

        Raises
        ------
        ValueError
            If ``quiet`` is False and another feature has a missing value.
        """
        if is_of_numbers(X):
            seen.kinds_or_raise(to_numpy(X[:0, ...]).dtype, self.placeholder, self.reader.estimator)
            X = self.reader.array(X, allow_nan=seen.allows_nan(self.placeholder))
            found = gaps(X, seen.number_of(self.placeholder))
            missing: Any = None if self.quiet else to_numpy(namespace(X).any(found, axis=0))
            found = namespace(X).take(found, seen.places_in(self.features, X), axis=1)
        else:
            table = self.reader.table(X)
            dtypes = [array_dtype(column) for column in table.columns]
            seen.kinds_or_raise(common_dtype(dtypes), self.placeholder, self.reader.estimator)
            seen.no_other_or_raise(table, self.placeholder, self.reader, None)
            found = np.stack(seen.masks(table, self.placeholder), axis=1)
            missing = None if self.quiet else found.any(axis=0)
            found = found[:, self.features]
        if missing is not None:
            new = np.setdiff1d(np.flatnonzero(missing), self.features)
            if new.size:
                raise ValueError(
                    f"The features {new} have missing values in transform but have no missing "
                    "values in fit. Fit to rows that have some, or use error_on_new=False."
                )
        if self.sparse:
            return _align_api_if_sparse(csc_array(to_numpy(found) if is_array(found) else found))
        return found
