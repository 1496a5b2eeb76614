"""The base class of all scalers."""

from __future__ import annotations

from typing import Any

from sklearn.base import OneToOneFeatureMixin
from sklearn.utils.validation import check_is_fitted

from streamlearn._estimator.mergeable import MergeableTransformer
from streamlearn.blocks import is_frame


class Scaler(OneToOneFeatureMixin, MergeableTransformer):
    """A transformer that treats each feature by itself, and whose function has an ``inverse``.

    A subclass defines the methods that `MergeableTransformer` asks for.
    """

    _allow_nan = True

    def inverse_transform(self, X: Any) -> Any:
        """Undo `transform`.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            Transformed rows.

        Returns
        -------
        array, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows as they were, in the namespace and on the device of X. They are lazy if X is a
            dask collection.

        Raises
        ------
        ValueError
            If X has another number of features than in `fit`, or is in another namespace or on
            another device.
        """
        check_is_fitted(self)
        names = list(X.columns) if is_frame(X) else None
        return self._rows("inverse_transform", self._function().inverse, X, names, named=False)
