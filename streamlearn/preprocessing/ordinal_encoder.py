"""Categories as whole numbers."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from sklearn import preprocessing as theirs
from sklearn.base import OneToOneFeatureMixin
from sklearn.utils.validation import check_is_fitted

from streamlearn._estimator.outputs import feature_names
from streamlearn._validation.columns import Table
from streamlearn.preprocessing.decoded import decoded
from streamlearn.preprocessing.encoder import CategoryEncoder
from streamlearn.preprocessing.from_counts import OrdinalFromCounts


class OrdinalEncoder(OneToOneFeatureMixin, CategoryEncoder):
    """Encode each category as its place in the order, on arrays, frames and dask collections.

    Parameters
    ----------
    categories : "auto" or list of array-like, default="auto"
        The categories of each column. "auto" takes those of the rows. Numbers must be sorted.
    dtype : number type, default=numpy.float64
        The dtype of the result.
    handle_unknown : {"error", "use_encoded_value"}, default="error"
        What ``transform`` does with a category that was not fitted. "use_encoded_value" makes it
        ``unknown_value``.
    unknown_value : int or numpy.nan, default=None
        The number for categories that were not fitted. No other category may have it.
    encoded_missing_value : int or numpy.nan, default=numpy.nan
        The number for missing values.
    min_frequency : int or float, default=None
        Categories with fewer rows, or with a smaller share of the rows, are joined to one
        infrequent category.
    max_categories : int, default=None
        The largest number of categories of a column. The infrequent one counts. NaN and unknown
        categories do not count.

    Attributes
    ----------
    categories_ : list of ndarray
        The categories of each feature, in order.
    infrequent_categories_ : list of ndarray
        The infrequent categories of each feature, or None.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        The names of the features. It exists only if X was a frame whose column names are all
        strings.

    Notes
    -----
    Values are counted in each block, and the counts are merged, in one pass. The result does not
    depend on the blocks. A column may have a million categories at most.

    Differences from scikit-learn:

    - ``partial_fit`` learns from more rows. ``categories_`` may grow. Then the numbers of the
      categories change.
    - pandas' NA counts as NaN. scikit-learn refuses it in columns of text.
    - If only one of None and NaN was fitted, both are taken for it. The reason is that dask and
      polars turn one into the other.

    Examples
    --------
    >>> import dask.dataframe as dd
    >>> import pandas as pd
    >>> from streamlearn.preprocessing import OrdinalEncoder
    >>> df = pd.DataFrame({"carrier": ["UA", "AA", "UA", None]})
    >>> encoder = OrdinalEncoder().fit(dd.from_pandas(df, npartitions=2))
    >>> encoder.categories_
    [array(['AA', 'UA', nan], dtype=object)]
    >>> encoder.transform(df)
    array([[ 1.],
           [ 0.],
           [ 1.],
           [nan]])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = theirs.OrdinalEncoder._parameter_constraints
    _theirs = OrdinalFromCounts

    def __init__(
        self,
        *,
        categories: Any = "auto",
        dtype: Any = np.float64,
        handle_unknown: str = "error",
        unknown_value: Any = None,
        encoded_missing_value: Any = np.nan,
        min_frequency: float | None = None,
        max_categories: int | None = None,
    ) -> None:
        self.categories = categories
        self.dtype = dtype
        self.handle_unknown = handle_unknown
        self.unknown_value = unknown_value
        self.encoded_missing_value = encoded_missing_value
        self.min_frequency = min_frequency
        self.max_categories = max_categories

    def _transformed(self, table: Table, block: int | None) -> Any:
        return self._encoder.transform(self._encoded(table, block))

    def _nothing(self) -> Any:
        return self._no_rows(self.n_features_in_)

    def _no_rows(self, n_columns: int) -> Any:
        return np.empty((0, n_columns), dtype=self.dtype)

    def inverse_transform(self, X: Any) -> Any:
        """Return the categories for encoded rows.

        Parameters
        ----------
        X : array, frame or dask collection of shape (n_samples, n_features)
            Encoded rows.

        Returns
        -------
        ndarray, dask array or dask DataFrame of shape (n_samples, n_features)
            It holds None for unknown categories. It is lazy for dask: a DataFrame if X is one. A
            column of it has the dtype of its categories. Whole numbers are floats, with NaN for
            None, if ``handle_unknown="use_encoded_value"``.

        Raises
        ------
        ValueError
            If X has another number of columns.
        """
        check_is_fitted(self)
        n_features = self.n_features_in_
        may_be_none = [self.handle_unknown == "use_encoded_value"] * n_features
        return decoded(self._encoder, X, n_features, may_be_none, feature_names(self, n_features))
