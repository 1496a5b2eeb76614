"""The base class of transformers that choose some of the columns."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin
from sklearn.utils.validation import check_is_fitted

from streamlearn import blocks as engine
from streamlearn._arrays import to_numpy
from streamlearn._arrays.plain import plain
from streamlearn._estimator.outputs import RowFunction, Transformer, feature_names, rows_out
from streamlearn._sklearn import _get_output_config, _safe_indexing
from streamlearn._validation.reader import Reader
from streamlearn.core.chosen_columns import Chosen
from streamlearn.core.learner import an_array

NONE = "No features were selected: either the data is too noisy or the selection test too strict."


class Selector(SelectorMixin, Transformer):
    """A transformer that keeps some of the columns of rows of any library.

    A subclass inherits from a selector of scikit-learn, too, which has ``_get_support_mask``.
    """

    _dense: Any = None  # rows may be sparse
    _allow_nan = False

    n_features_in_: Any

    def _function(self) -> Chosen:
        """Return the function of rows that keeps the columns."""
        check_is_fitted(self)
        mask = to_numpy(self.get_support())
        return Chosen(tuple(np.flatnonzero(mask).tolist()), len(mask))

    def transform(self, X: Any) -> Any:
        """Return the selected features.

        Parameters
        ----------
        X : array, sparse rows, DataFrame, dask array or dask DataFrame of shape \
                (n_samples, n_features)
            The rows to transform.

        Returns
        -------
        array, sparse rows, dask array or dask DataFrame of shape (n_samples, n_selected_features)
            They are lazy if X is a collection.

        Raises
        ------
        ValueError
            If X has other features than in `fit`.
        """
        check_is_fitted(self)
        X = plain(X)
        if self._keeps_dtypes(X):
            return SelectorMixin.transform(self, X)
        return self._in_container(X, self._selected)

    def _keeps_dtypes(self, X: Any) -> bool:
        """Return whether the result has the dtypes of X: whole numbers, or columns of a frame."""
        if isinstance(X, np.ndarray):
            return X.dtype.kind in "biu" and X.ndim == 2
        wanted = _get_output_config("transform", self)["dense"]
        return hasattr(X, "iloc") and wanted != "default" and not engine.is_collection(X)

    def _transform(self, X: Any, names: Any = None) -> Any:
        # scikit-learn's transform calls it with rows that it has checked.
        mask = self.get_support()
        if mask.any():
            return _safe_indexing(X, mask, axis=1)
        warnings.warn(NONE, UserWarning, stacklevel=2)
        return X.iloc[:, :0] if hasattr(X, "iloc") else X[:, :0]

    def _fitted(self) -> Any:
        """Return an array of the library of the rows of ``fit``, or None if any will do."""
        return an_array(self._state) if hasattr(self, "_state") else None

    def _selected(self, X: Any, names: Any) -> Any:
        function: Any = self._function()
        if not function.columns:
            warnings.warn(NONE, UserWarning, stacklevel=4)
        return rows_out(
            self,
            "transform",
            X,
            function,
            fitted=self._fitted(),
            names=names,
            allow_nan=self._allow_nan,
        )

    def inverse_transform(self, X: Any) -> Any:
        """Return rows with all features, of which those that were left out are 0.

        Parameters
        ----------
        X : array, sparse rows, DataFrame, dask array or dask DataFrame of shape \
                (n_samples, n_selected_features)
            Rows, as `transform` returns them.

        Returns
        -------
        array, sparse rows, dask array or dask DataFrame of shape (n_samples, n_features)
            They are lazy if X is a collection.

        Raises
        ------
        ValueError
            If X has another number of columns than there are selected features.
        """
        check_is_fitted(self)
        X, names = plain(X), None
        if self._keeps_dtypes(X):
            return SelectorMixin.inverse_transform(self, X)
        chosen: Any = self._function()
        if engine.is_frame(X):
            names = feature_names(self, self.n_features_in_)
        # Rows have the chosen columns, and errors the name of this class.
        shown = type(type(self).__name__, (BaseEstimator,), {"_dense": None})()
        shown.n_features_in_ = len(chosen.columns)
        return rows_out(
            shown,
            "inverse_transform",
            X,
            chosen.inverse,
            fitted=self._fitted(),
            names=names,
            named=False,
            allow_nan=self._allow_nan,
        )

    def _rows_function(self) -> RowFunction:
        """Return the transformation of the rows of blocks, together with their reader."""
        names = getattr(self, "feature_names_in_", None)
        reader = Reader(
            type(self).__name__,
            len(self.get_support()),
            None if names is None else tuple(map(str, names)),
            allow_nan=self._allow_nan,
            dense=None,
        )
        function: Any = self._function()
        return RowFunction(reader, function, self._fitted(), "transform")

    def _known_beforehand(self) -> bool:
        """Return True: the columns must be known before a learner sees a row."""
        return True
