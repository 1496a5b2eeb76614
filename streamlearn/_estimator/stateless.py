"""The base classes of transformers that learn the columns, and nothing from the rows."""

from __future__ import annotations

from copy import copy as copy_of
from typing import Any, Self

from sklearn.base import OneToOneFeatureMixin

from streamlearn._estimator.callbacks import watched
from streamlearn._estimator.inputs import check_rows, unchanged_on_error
from streamlearn._estimator.outputs import RowFunction, Transformer, rows_out
from streamlearn._validation.reader import Reader


class StatelessTransformer(Transformer):
    """A transformer that is a function of rows.

    A subclass defines ``_function()``, which returns the function with the present parameters. The
    function takes rows of any library, also sparse ones, and returns as many rows. A pipeline calls
    it on batches. So the transformed rows of a block are never built before a learner.
    """

    _dense = None
    _learns_nothing = True

    _keeps_csc = False
    """Whether the result for sparse columns (CSC) in memory is in the same format.

    Sparse rows (CSR) always give sparse rows.
    """

    def _function(self) -> Any:
        """Return the function with the present parameters."""
        raise NotImplementedError

    @watched
    def fit(self, X: Any, y: Any = None) -> Self:
        """Look at the columns of X. The rows of a collection are not read.

        Parameters
        ----------
        X : array, sparse rows, DataFrame, dask array or dask DataFrame of shape \
                (n_samples, n_features)
            The rows.
        y : None
            Ignored.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X has no features. If X is in memory, also if it has no rows or holds NaN or
            infinity.
        """
        self._validate_params()
        with unchanged_on_error(self):
            check_rows(self, X, reset=True)
            self._set_columns(self.n_features_in_)
        return self

    def _set_columns(self, n_features: int) -> None:
        """Set the attributes that depend on the number of features."""

    def _transform(self, X: Any, names: Any) -> Any:
        out = rows_out(self, "transform", X, self._function(), fitted=None, names=names)
        return out.tocsc() if self._keeps_csc and getattr(X, "format", None) == "csc" else out

    def _rows_function(self) -> RowFunction:
        """Return the function of the rows of a block, for a pipeline in one pass."""
        known = getattr(self, "feature_names_in_", None)
        reader = Reader(
            type(self).__name__,
            self.n_features_in_,
            None if known is None else tuple(map(str, known)),
            dense=None,
        )
        return RowFunction(reader, self._function(), None, "transform")

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.array_api_support = True
        return tags


class UnfittedTransformer(OneToOneFeatureMixin, StatelessTransformer):
    """A function of rows whose ``transform`` works without a ``fit``, on as many columns."""

    def transform(self, X: Any, copy: Any = None) -> Any:
        """Transform the rows of X.

        Parameters
        ----------
        X : array, sparse rows, DataFrame, dask array or dask DataFrame of shape \
                (n_samples, n_features)
            The rows to transform.
        copy : bool, default=None
            It has no effect, because the input is never changed.

        Returns
        -------
        array, sparse rows, DataFrame, dask array or dask DataFrame
            In X's namespace and on its device; lazy for dask.
        """
        known = self if hasattr(self, "n_features_in_") else copy_of(self).fit(X)
        return super(UnfittedTransformer, known).transform(X)

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags."""
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags
