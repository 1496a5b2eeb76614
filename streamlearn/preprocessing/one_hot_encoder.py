"""One column of zeros and ones for each category."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from scipy.sparse import csr_array
from sklearn import preprocessing as theirs
from sklearn.utils.validation import check_is_fitted

from streamlearn._arrays import sparse
from streamlearn._estimator.outputs import feature_names
from streamlearn._sklearn import _align_api_if_sparse, _get_output_config
from streamlearn._validation.columns import Table
from streamlearn.preprocessing.decoded import decoded, infrequent
from streamlearn.preprocessing.encoder import CategoryEncoder
from streamlearn.preprocessing.from_counts import OneHotFromCounts


class OneHotEncoder(CategoryEncoder):
    """Encode each category as a column of zeros and ones, on arrays, frames and dask collections.

    Parameters
    ----------
    categories : "auto" or list of array-like, default="auto"
        The categories of each column. "auto" takes those of the rows. Numbers must be sorted.
    drop : {"first", "if_binary"} or array-like of shape (n_features,), default=None
        The category of each feature that gets no column. "first" is the first category,
        "if_binary" is the first category of features with two categories, and an array has the
        category of each feature. None drops no category.
    sparse_output : bool, default=True
        Return sparse rows (CSR) instead of dense ones.
    dtype : number type, default=numpy.float64
        The dtype of the result.
    handle_unknown : {"error", "ignore", "infrequent_if_exist", "warn"}, default="error"
        What ``transform`` does with a category that was not fitted. "ignore" makes all zeros.
        "infrequent_if_exist" makes the infrequent category, or all zeros if the feature has none.
        "warn" does the same and warns.
    min_frequency : int or float, default=None
        Categories with fewer rows, or with a smaller share of the rows, are joined to one
        infrequent category.
    max_categories : int, default=None
        The largest number of columns of a feature. The infrequent one counts.
    feature_name_combiner : "concat" or callable, default="concat"
        A function ``(feature, category) -> str`` that names a column of the result. "concat" joins
        both by an underscore.

    Attributes
    ----------
    categories_ : list of ndarray
        The categories of each feature, in order.
    drop_idx_ : ndarray of shape (n_features,) or None
        The place of the dropped category of each feature. It is None for features without one.
    infrequent_categories_ : list of ndarray
        The infrequent categories of each feature. It is None for features without one.
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

    - ``partial_fit`` learns from more rows, and ``categories_`` may grow.
    - pandas' NA counts as NaN. scikit-learn refuses it in columns of text.
    - If only one of None and NaN was fitted, both are taken for it. The reason is that dask and
      polars turn one into the other.
    - A dask DataFrame becomes a dask array of sparse blocks, or a dask DataFrame if
      ``sparse_output=False``.

    Examples
    --------
    >>> import dask.dataframe as dd
    >>> import pandas as pd
    >>> from streamlearn.preprocessing import OneHotEncoder
    >>> df = pd.DataFrame({"carrier": ["UA", "AA", "UA", None]})
    >>> encoder = OneHotEncoder(sparse_output=False).fit(dd.from_pandas(df, npartitions=2))
    >>> encoder.categories_
    [array(['AA', 'UA', nan], dtype=object)]
    >>> encoder.transform(df)
    array([[0., 1., 0.],
           [1., 0., 0.],
           [0., 1., 0.],
           [0., 0., 1.]])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = theirs.OneHotEncoder._parameter_constraints
    _theirs = OneHotFromCounts

    def __init__(
        self,
        *,
        categories: Any = "auto",
        drop: Any = None,
        sparse_output: bool = True,
        dtype: Any = np.float64,
        handle_unknown: str = "error",
        min_frequency: float | None = None,
        max_categories: int | None = None,
        feature_name_combiner: Any = "concat",
    ) -> None:
        self.categories = categories
        self.drop = drop
        self.sparse_output = sparse_output
        self.dtype = dtype
        self.handle_unknown = handle_unknown
        self.min_frequency = min_frequency
        self.max_categories = max_categories
        self.feature_name_combiner = feature_name_combiner

    def _publish(self, state: Any) -> None:
        super()._publish(state)
        self.drop_idx_ = self._encoder.drop_idx_

    def transform(self, X: Any) -> Any:
        """Encode the categories of X.

        Parameters
        ----------
        X : array, frame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows to encode, with the features of `fit`.

        Returns
        -------
        sparse rows, array or DataFrame of shape (n_samples, n_encoded_features)
            Lazy for dask.

        Raises
        ------
        ValueError
            If X has categories that were not fitted and ``handle_unknown="error"``, or if the
            result is to be a frame and ``sparse_output=True``.
        """
        check_is_fitted(self)
        wanted = _get_output_config("transform", self)["dense"]
        if wanted != "default" and self.sparse_output:
            raise ValueError(
                f"{wanted.capitalize()} output does not support sparse data. Set "
                f"sparse_output=False to output {wanted} dataframes or disable "
                f'{wanted.capitalize()} output via `ohe.set_output(transform="default").'
            )
        return super().transform(X)

    def _transformed(self, table: Table, block: int | None) -> Any:
        found = self._encoded(table, block)
        unknown = any(len(values) for values in found.unknown)
        if unknown or self._counts() or self.drop is not None or not self.sparse_output:
            return self._encoder.transform(found)
        counts = [len(categories) for categories in self.categories_]
        return _align_api_if_sparse(sparse.one_hot(found.codes, counts, self.dtype))

    def _nothing(self) -> Any:
        return self._no_rows(len(self.get_feature_names_out()))

    def _no_rows(self, n_columns: int) -> Any:
        rows = csr_array((0, n_columns), dtype=self.dtype)
        return _align_api_if_sparse(rows) if self.sparse_output else rows.toarray()

    def inverse_transform(self, X: Any) -> Any:
        """Return the categories for encoded rows.

        Parameters
        ----------
        X : array, sparse rows, frame or dask collection of shape (n_samples, n_encoded_features)
            Encoded rows.

        Returns
        -------
        ndarray, dask array or dask DataFrame of shape (n_samples, n_features)
            It holds None if a row is all zeros for a feature without a dropped category. It is lazy
            for dask: a DataFrame if X is one, or was made of one. A column of it has the dtype of
            its categories. Whole numbers are floats, with NaN for None, if rows of zeros are
            allowed.

        Raises
        ------
        ValueError
            If X has another number of columns, or a row that is the encoding of no category.
        """
        check_is_fitted(self)
        encoder = self._encoder
        dropped = [None] * self.n_features_in_ if self.drop_idx_ is None else self.drop_idx_
        may_be_none = [
            drop is None
            and (
                self.handle_unknown == "ignore" or (self.handle_unknown != "error" and few is None)
            )
            for drop, few in zip(dropped, infrequent(encoder), strict=True)
        ]
        width = int(sum(encoder._n_features_outs))
        return decoded(encoder, X, width, may_be_none, feature_names(self, self.n_features_in_))

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the columns of the result.

        Parameters
        ----------
        input_features : array-like of str of shape (n_features,), default=None
            The names of the features. The default is the names in fit, or x0, x1, ...

        Returns
        -------
        ndarray of str of shape (n_encoded_features,)
            The names, in the order of the columns.
        """
        check_is_fitted(self)
        return self._encoder.get_feature_names_out(input_features)
