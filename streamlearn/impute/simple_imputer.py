"""SimpleImputer."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any, Self

import numpy as np
from sklearn import impute as theirs
from sklearn.utils.validation import check_is_fitted

from streamlearn import blocks as engine
from streamlearn._arrays import asarray, namespace, to_numpy
from streamlearn._estimator.callbacks import watched
from streamlearn._estimator.inputs import unchanged_on_error
from streamlearn._estimator.outputs import NamesOut
from streamlearn._estimator.table_transformer import TableStatistic, TableTransformer
from streamlearn._estimator.tables import (
    TableReader,
    check_table,
)
from streamlearn._sklearn import _get_output_config, _wrap_data_with_container
from streamlearn._validation.fills import is_nan
from streamlearn._validation.reader import same_place_or_raise
from streamlearn.core import imputation
from streamlearn.core.statistics.moments import Moments
from streamlearn.impute import number_statistics, seen
from streamlearn.impute.filled import Fills, Gaps, ImputerFunction
from streamlearn.impute.missing_indicator import MissingIndicator
from streamlearn.impute.restored import restored


class SimpleImputer(NamesOut, TableTransformer):
    """Fill in missing values with a statistic of their column.

    It is scikit-learn's `~sklearn.impute.SimpleImputer` for arrays of any library, frames and dask
    collections. The blocks of a collection are read in parallel.

    Parameters
    ----------
    missing_values : int, float, str, numpy.nan, None or pandas.NA, default=numpy.nan
        The value that means missing.
    strategy : {"mean", "median", "most_frequent", "constant"} or callable, default="mean"
        The statistic that is filled in. "mean" and "median" are for numbers. "most_frequent" takes
        the smallest of several values that are equally frequent. "constant" takes ``fill_value``. A
        callable gets the values of a column that are not missing, and returns a number. It needs
        all rows in memory.
    fill_value : object, default=None
        The value that "constant" fills in. None means 0 for numbers and "missing_value" for other
        columns.
    copy : bool, default=True
        It has no effect, because the input is never changed.
    add_indicator : bool, default=False
        Append the columns of a `MissingIndicator`.
    keep_empty_features : bool, default=False
        Keep features that had no value in ``fit``. They are filled with 0, and by "constant" with
        ``fill_value``. If False, they are left out.

    Attributes
    ----------
    statistics_ : array of shape (n_features,)
        The value that is filled in for each feature. It is NaN for features that are left out. For
        "mean" and "median" it is in the library and on the device of X. For other strategies it is
        an array of NumPy.
    indicator_ : MissingIndicator or None
        The fitted indicator. It is None if ``add_indicator=False``.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        The names of the features. It exists only if X was a frame whose column names are all
        strings.

    See Also
    --------
    MissingIndicator : It marks missing values.

    Notes
    -----
    ``fit`` is one pass.

    - Means come from mergeable sums, in float64 or in the widest float of the device.
    - The median of rows in memory is exact. For dask collections it is exact as long as a feature
      has 2,048 different numbers or fewer. If it has more, the median comes from a summary [1]_,
      and its rank is wrong by less than 0.1 % of the rows.
    - For "most_frequent" the values of each column are counted. A column may have a million
      different values at most.

    "mean" and "median" turn all columns into floats. The other strategies work column by column. A
    frame in memory becomes the array that scikit-learn makes of it. A dask DataFrame becomes a lazy
    dask DataFrame with its names and its index.

    Differences from scikit-learn:

    - ``partial_fit`` learns from more rows.
    - Columns of text, categories, dates and pandas' nullable numbers have only one kind of missing
      value, and so have all columns of polars and pyarrow. There NaN, None and pandas' NA mean the
      same as ``missing_values``. In a column of objects None and NaN are different.
    - A callable strategy is an error for dask collections and in one pass.
    - Each column of a dask DataFrame keeps its dtype if the dtype can hold the filled-in value. So
      does each column of a pandas frame with ``set_output(transform="pandas")``. In scikit-learn
      all columns have one dtype.
    - If some columns hold text and others numbers, each value is compared only with values of the
      same column.
    - Sparse rows are an error.

    References
    ----------
    .. [1] P. K. Agarwal, G. Cormode, Z. Huang, J. Phillips, Z. Wei, K. Yi, "Mergeable Summaries",
       Symposium on Principles of Database Systems, 2012.

    Examples
    --------
    >>> import dask.dataframe as dd
    >>> import pandas as pd
    >>> from streamlearn.impute import SimpleImputer
    >>> df = pd.DataFrame({"carrier": ["UA", None, "UA"], "gate": ["B", "A", None]})
    >>> flights = dd.from_pandas(df, npartitions=2)
    >>> imputer = SimpleImputer(strategy="most_frequent").fit(flights)
    >>> imputer.statistics_
    array(['UA', 'A'], dtype=object)
    >>> imputer.transform(flights).compute()
      carrier gate
    0      UA    B
    1      UA    A
    2      UA    A
    """

    _parameter_constraints: dict[str, Any] = theirs.SimpleImputer._parameter_constraints

    statistics_: Any
    indicator_: MissingIndicator | None

    def __init__(
        self,
        *,
        missing_values: Any = np.nan,
        strategy: Any = "mean",
        fill_value: Any = None,
        copy: bool = True,
        add_indicator: bool = False,
        keep_empty_features: bool = False,
    ) -> None:
        self.missing_values = missing_values
        self.strategy = strategy
        self.fill_value = fill_value
        self.copy = copy
        self.add_indicator = add_indicator
        self.keep_empty_features = keep_empty_features

    # Fit

    def _table_statistic(self) -> TableStatistic:
        if callable(self.strategy):
            raise TypeError(
                "A callable strategy needs all values of a column at once: it takes no dask "
                "collection, no partial_fit and no pass block by block. Use 'mean', 'median' or "
                "'most_frequent', or fit it to some rows in memory beforehand."
            )
        if self.strategy in number_statistics.STRATEGIES:
            return TableStatistic(
                self._number_params(), number_statistics.of_rows, number_statistics.merge, True
            )
        params = seen.Params(self.missing_values, self.strategy == "most_frequent")
        return TableStatistic(params, seen.of_rows, seen.merge, True)

    def _number_params(self) -> number_statistics.Params:
        # The other parameters are used when the state is published.
        return number_statistics.Params(self.strategy, self.missing_values)

    @watched
    def _learn(
        self, X: Any, y: Any, *, reset: bool, statistic: TableStatistic | None = None
    ) -> Self:
        if not callable(self.strategy):
            return super()._learn(X, y, reset=reset, statistic=statistic)
        self._validate_params()
        if engine.is_collection(X) or not reset:
            self._table_statistic()
        with unchanged_on_error(self):
            X, reader = check_table(self, X, reset=True)
            params = number_statistics.Params("mean", self.missing_values)
            state = number_statistics.of_rows(params, X, None, reader, None)
            rows = to_numpy(reader.floats().rows(X))
            number = seen.number_of(self.missing_values)
            found = imputation.gaps(rows, number)
            made = [self.strategy(rows[~found[:, j], j]) for j in range(rows.shape[1])]
            exact = asarray(np.asarray(made, dtype=np.float64), like=state.exact)
            self._state = state._replace(exact=exact)
            self._publish(self._state)
        return self

    def _same_place_or_raise(self, state: Any) -> None:
        if isinstance(state, imputation.Imputation):
            name = type(self).__name__
            same_place_or_raise(state.present, self._state.present, name, "partial_fit")

    def _publish(self, state: Any) -> None:
        if isinstance(state, imputation.Imputation):
            self.statistics_ = self._numbers(state)
            missing = to_numpy(state.missing)
            kept = ~np.isnan(to_numpy(self.statistics_))
            self._fills = Fills(
                self.strategy in number_statistics.STRATEGIES, self.missing_values, None, "<f8"
            )
        else:
            values, self.statistics_ = seen.fill_values(
                state, self.strategy == "constant", self.fill_value, self.keep_empty_features
            )
            missing = np.asarray([one.missing for one in state])
            kept = ~np.asarray([is_nan(value) for value in self.statistics_], dtype=bool)
            dtype = seen.dtype_of(state).str
            self._fills = Fills(False, self.missing_values, values, dtype)
        if self.keep_empty_features:
            kept[:] = True
        self._kept = tuple(np.flatnonzero(kept).tolist())
        self._constant = self.strategy == "constant"
        self.indicator_ = None
        if self.add_indicator:
            indicator = MissingIndicator(missing_values=self.missing_values, error_on_new=False)
            indicator.n_features_in_ = self.n_features_in_
            if hasattr(self, "feature_names_in_"):
                indicator.feature_names_in_ = self.feature_names_in_
            indicator.features_ = np.flatnonzero(missing)
            indicator._placeholder = self.missing_values
            self.indicator_ = indicator

    def _numbers(self, state: imputation.Imputation) -> Any:
        """Return the number that is filled in, for each feature."""
        if callable(self.strategy):
            return state.exact
        strategy = imputation.Params(self.strategy, keep_empty=self.keep_empty_features)
        return imputation.values(strategy, state)

    def _width(self, state: Any) -> Any:
        """Return the columns of the result. A pipeline in one pass compares them."""
        if self.keep_empty_features and not self.add_indicator:
            return None
        if isinstance(state, imputation.Imputation):
            present, missing = to_numpy(state.present), to_numpy(state.missing)
        else:
            present, missing = (
                np.asarray([getattr(one, name) for one in state]) for name in ("present", "missing")
            )
        kept = [] if self.keep_empty_features else (present > 0).tolist()
        return kept, (missing > 0).tolist() if self.add_indicator else []

    # Transform

    def transform(self, X: Any) -> Any:
        """Fill in the missing values of X.

        Parameters
        ----------
        X : array, frame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows to fill in, with the features of `fit`.

        Returns
        -------
        array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features_out)
            The filled rows. They are lazy for dask. Arrays are in the library of X.

        Warns
        -----
        UserWarning
            If features are left out.

        Raises
        ------
        ValueError
            If X has other features than in ``fit``, or if its dtype cannot hold the filled-in
            values.
        """
        check_is_fitted(self)
        self._warn_of_empty()
        wanted = _get_output_config("transform", self)["dense"]
        if engine.is_frame(X) and wanted != "default":
            return self._transform(X, self.get_feature_names_out())
        if hasattr(X, "iloc") and not engine.is_collection(X) and wanted == "pandas":
            X, reader = check_table(self, X, reset=False)
            out = self._function(reader, framed=True)(X)
            return _wrap_data_with_container("transform", out, X, self)
        return super().transform(X)

    def _warn_of_empty(self) -> None:
        left = np.setdiff1d(np.arange(self.n_features_in_), self._kept)
        if left.size:
            names = getattr(self, "feature_names_in_", None)
            warnings.warn(
                "Skipping features without any observed values: "
                f"{left if names is None else names[left]}. At least one non-missing value is "
                f"needed for imputation with strategy='{self.strategy}'.",
                stacklevel=3,
            )

    def _rows_function(self) -> ImputerFunction:
        return self._function(self._reader())

    def _function(self, reader: TableReader, *, framed: bool = False) -> ImputerFunction:
        indicator = self.indicator_
        return ImputerFunction(
            reader,
            self._fills,
            self.statistics_,
            self._kept,
            None if indicator is None else tuple(indicator.features_.tolist()),
            tuple(self.get_feature_names_out()),
            self._constant,
            framed,
        )

    @property
    def _fills_numbers(self) -> bool:
        """Whether all columns become floats, and no columns are added."""
        return self.strategy in number_statistics.STRATEGIES and not self.add_indicator

    @staticmethod
    def _moments_of(state: Any) -> Moments | None:
        """Return the moments of the numbers that a state holds, or None if it holds none."""
        return state.summary if isinstance(state.summary, Moments) else None

    def _with_gaps(self) -> Gaps:
        """Return what a statistic of the filled rows needs to know. Fills must be of numbers."""
        values, missing = self.statistics_, self._state.missing
        function = replace(self._rows_function(), statistics=np.nan * values)
        every = len(self._kept) == missing.shape[0]
        if not every:
            kept, xp = seen.places_in(self._kept, values), namespace(values)
            values, missing = (xp.take(a, kept, axis=0) for a in (values, missing))
        return Gaps(function, values, missing, every)

    def _transform(self, X: Any, names: Any) -> Any:
        X, reader = check_table(self, X, reset=False)
        streamed = isinstance(X, engine.StreamedRows)
        asked = streamed and _get_output_config("transform", self)["dense"] == "pandas"
        function = self._function(reader, framed=asked or engine.is_frame(X))
        if not engine.is_collection(X):
            return function(X)
        if engine.is_frame(X):
            nothing = function(X._meta)
            framed = hasattr(nothing, "columns")
            # In memory the result is an array without names, unless set_output is used.
            named = _get_output_config("transform", self)["dense"] != "default"
            return engine.map_rows(
                function, X, meta=nothing, names=None if framed else names, named=named
            )
        meta = None if isinstance(X, engine.StreamedRows) else function.of_no_rows(X)
        return engine.map_rows(function, X, meta=meta, names=names)

    def inverse_transform(self, X: Any) -> Any:
        """Make the values missing again that the columns of the indicator mark.

        Values of features without such a column stay filled in.

        Parameters
        ----------
        X : array, frame or dask collection of shape (n_samples, n_features + n_indicators)
            The result of `transform`.

        Returns
        -------
        array, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows without the columns of the indicator. They are lazy for dask.

        Raises
        ------
        ValueError
            If ``add_indicator=False``, or X has another number of columns.
        """
        check_is_fitted(self)
        if self.indicator_ is None:
            raise ValueError(
                "'inverse_transform' works only when 'SimpleImputer' is instantiated with "
                f"'add_indicator=True'. Got 'add_indicator={self.add_indicator}' instead."
            )
        fitted = self.statistics_ if self._fills.values is None else None
        names = getattr(self, "feature_names_in_", None)
        return restored(
            X,
            type(self).__name__,
            self._fills.placeholder,
            self._kept,
            tuple(self.indicator_.features_.tolist()),
            self.n_features_in_,
            fitted,
            names,
        )

    def _names_out(self, names: np.ndarray) -> list[str]:
        marks = [] if self.indicator_ is None else self.indicator_._names_out(names)
        return [*names[list(self._kept)], *marks]

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags."""
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = False
        tags.input_tags.string = self.strategy in ("most_frequent", "constant")
        tags.input_tags.allow_nan = seen.allows_nan(self.missing_values)
        tags.array_api_support = self.strategy in number_statistics.STRATEGIES
        return tags
