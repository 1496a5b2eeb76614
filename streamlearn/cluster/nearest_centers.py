"""What fitted clusters say about rows: the nearest centre, the distances and the inertia."""

from __future__ import annotations

from functools import partial
from typing import Any

from sklearn.utils.validation import check_is_fitted

from streamlearn._estimator.inputs import check_inputs
from streamlearn._estimator.outputs import rows_out
from streamlearn.cluster import passes
from streamlearn.cluster.lazy_labels import LazyLabels
from streamlearn.core import kmeans


class NearestCenters(LazyLabels):
    """A model of clusters that compares rows with its centres."""

    def predict(self, X: Any) -> Any:
        """Return the nearest centre of each row.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows, with the features of `fit`.

        Returns
        -------
        array or dask collection of shape (n_samples,)
            The numbers of the centres, as int32, in the namespace and on the device of X. They are
            lazy if X is a dask collection.

        Raises
        ------
        ValueError
            If X holds NaN or infinity, has other features than in `fit`, or is in another namespace
            or on another device.
        """
        check_is_fitted(self)
        function = partial(kmeans.labels, self._clusters(), absent=self._absent())
        return rows_out(self, "predict", X, function, fitted=self.cluster_centers_)

    def _transform(self, X: Any, names: Any) -> Any:
        clusters = self._clusters()
        function = partial(kmeans.distances, clusters)
        return rows_out(self, "transform", X, function, fitted=clusters.centers, names=names)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return minus the inertia of the rows of X.

        A collection is read once.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows, with the features of `fit`.
        y : None
            It is ignored.
        sample_weight : array or dask array of shape (n_samples,), default=None
            The weight of each row, 0 or more. None means 1 for every row.

        Returns
        -------
        float
            Minus the sum of the squared distances of the rows to their nearest centres, by weight.

        Raises
        ------
        ValueError
            If X has other features than in `fit`, if it holds NaN or infinity, or if it has no rows
            or no row with a weight.
        """
        check_is_fitted(self)
        given = check_inputs(self, X, None, sample_weight, reset=False, lazy_rows=True)
        return -passes.inertia(given.blocks, given.reader, self._clusters())

    @property
    def _n_features_out(self) -> int:
        return self.cluster_centers_.shape[0]

    def __sklearn_tags__(self) -> Any:
        """Return the tags of the estimator."""
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.array_api_support = True
        tags.input_tags.sparse = True
        return tags
