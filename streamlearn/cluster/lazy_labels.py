"""The labels of the rows of a fit and their inertia, which are lazy for a collection."""

from __future__ import annotations

from copy import copy
from typing import Any

from streamlearn import blocks as engine
from streamlearn._arrays import Array, to_float
from streamlearn._estimator.fitted import Fitted
from streamlearn._estimator.inputs import CheckedInputs
from streamlearn._estimator.moving import Movable
from streamlearn._estimator.versions import Versioned
from streamlearn.cluster import passes
from streamlearn.cluster.fits import Outcome
from streamlearn.core import kmeans


class LazyLabels(Fitted, Movable, Versioned):
    """A model of clusters with ``labels_`` and ``inertia_``, unless ``compute_labels=False``."""

    compute_labels: Any  # if it is no parameter, there are labels
    cluster_centers_: Array
    labels_: Any
    inertia_: float

    _unread: Any  # the collection and its weights, until ``inertia_`` is read

    def fit_predict(self, X: Any, y: Any = None, sample_weight: Any = None) -> Any:
        """Fit to X, then return the cluster of each row.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows to learn from: numbers without NaN and infinity, dense or sparse.
        y : None
            It is ignored.
        sample_weight : array or dask array of shape (n_samples,), default=None
            The weight of each row, 0 or more. None means 1 for every row.

        Returns
        -------
        array or dask collection of shape (n_samples,)
            The numbers of the clusters, as `predict` returns them.

        Raises
        ------
        ValueError, NotImplementedError
            If `fit` would raise them.
        """
        X, y, sample_weight = engine.taken_apart(X, y, sample_weight)
        self.fit(X, sample_weight=sample_weight)
        return self.labels_ if getattr(self, "compute_labels", True) else self.predict(X)

    def _label(self, given: CheckedInputs, X: Any, sample_weight: Any, out: Outcome) -> None:
        """Set the labels and the inertia, which are lazy for a collection.

        Without labels the inertia is the estimate of ``out``, the result of the fit.
        """
        for name in ("labels_", "inertia_"):
            self.__dict__.pop(name, None)
        self._unread = None
        if not self.compute_labels or given.flow is not None:
            if out.inertia is not None:
                self.inertia_ = out.inertia
        elif given.whole is not None:
            X, weight = passes.rows_and_weight(given.reader, given.whole)
            self.labels_, found = kmeans.labels_and_inertia(
                self._clusters(), X, weight, self._absent(), out.nearest
            )
            self.inertia_ = to_float(found)
        else:
            self.labels_, self._unread = self.predict(X), (X, sample_weight)

    def _clusters(self) -> kmeans.State:
        """Return the clusters with which rows are compared."""
        raise NotImplementedError

    def _absent(self) -> Array | None:
        """Return which centres have no rows because an earlier centre is equal, or None."""
        return kmeans.twins(self._clusters().centers)

    def __getattr__(self, name: str) -> Any:
        """Compute ``inertia_`` of a collection.

        It is no property, because a notebook reads properties to show them.
        """
        unread = vars(self).get("_unread")
        if name != "inertia_" or unread is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        self.inertia_ = -self.score(unread[0], sample_weight=unread[1])
        return self.inertia_

    def __sklearn_array_api_convert__(self, converter: Any) -> Any:
        """Return a copy with ``converter`` applied to all learned arrays, without a collection."""
        return super(LazyLabels, copy(self)).__sklearn_array_api_convert__(converter)

    def __getstate__(self) -> dict[str, Any]:
        """Return the attributes to pickle, without the collection and its lazy labels."""
        state = super().__getstate__()
        if state.get("_unread") is not None or engine.is_collection(state.get("labels_")):
            state = {k: v for k, v in state.items() if k not in ("_unread", "labels_")}
        return state
