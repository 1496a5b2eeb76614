"""The base class of principal component analysis: covariance, precision and likelihood."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from streamlearn._arrays import Array, asarray, to_numpy
from streamlearn._estimator.row_means import row_mean
from streamlearn.core.projection import LogDensity
from streamlearn.decomposition.components import Components
from streamlearn.decomposition.settings import ComponentSettings, Decomposition


class Principal(Components):
    """A transformer by principal components."""

    n_components: Any
    whiten: Any
    mean_: Array
    noise_variance_: Any
    n_components_: int

    def _settings(self) -> ComponentSettings:
        return ComponentSettings(self.n_components, bool(self.whiten))

    def _set(self, found: Decomposition) -> None:
        self.mean_ = self._as_learned(to_numpy(self._mean()))
        self.components_ = self._as_learned(found.components)
        with np.errstate(over="ignore"):
            self.explained_variance_ = self._as_learned(found.variance)
            self.explained_variance_ratio_ = self._as_learned(found.ratio)
            self.singular_values_ = self._as_learned(found.singular)
            self.noise_variance_ = self._as_learned(found.noise)
        self.n_components_ = len(found.singular)

    def _enough_or_raise(self, n_samples: int, n_features: int) -> None:
        name, r = type(self).__name__, min(n_samples, n_features)
        n = self.n_components
        if n_samples < 2:
            raise ValueError(
                f"Found array with 1 sample(s) (shape=(1, {n_features})) while a minimum of 2 is "
                f"required by {name}: one row has no variance."
            )
        if isinstance(n, Integral) and int(n) > r:
            raise ValueError(
                f"n_components={n} must be between 0 and min(n_samples, n_features)={r}. Set "
                f"n_components={r} or less, or call partial_fit if more rows follow."
            )

    def get_covariance(self) -> Array:
        """Return the covariance matrix of the model.

        The variance is ``explained_variance_`` along the components, and ``noise_variance_`` across
        them.

        Returns
        -------
        array of shape (n_features, n_features)
            In the namespace and on the device of ``components_``.
        """
        check_is_fitted(self)
        V, variance, noise = self._model()
        covariance = (V.T * (variance - noise)) @ V + noise * np.eye(V.shape[1])
        return asarray(covariance, like=self.components_)

    def get_precision(self) -> Array:
        """Return the inverse of the covariance matrix of the model.

        Returns
        -------
        array of shape (n_features, n_features)
            In the namespace and on the device of ``components_``.

        Raises
        ------
        ValueError
            If the covariance matrix has no inverse, because all rows were the same.
        """
        check_is_fitted(self)
        V, variance, noise = self._regular()
        k, d = V.shape
        across = 1.0 / noise if k < d else 0.0
        precision = (V.T * (1.0 / variance - across)) @ V + across * np.eye(d)
        return asarray(precision, like=self.components_)

    def _model(self) -> tuple[np.ndarray, np.ndarray, float]:
        """Return the components, the variance along each and that across them, in float64."""
        V, variance, noise = (
            to_numpy(a).astype(np.float64)
            for a in (self.components_, self.explained_variance_, asarray_of(self.noise_variance_))
        )
        return V, np.maximum(variance, noise), float(noise)

    def _regular(self) -> tuple[np.ndarray, np.ndarray, float]:
        """Return the model, where directions without a variance have that of rounding."""
        V, variance, noise = self._model()
        largest = max(variance.max(initial=0.0), noise)
        if not largest > 0:
            raise ValueError(
                "The covariance matrix has no inverse, because all rows were the same. Fit it to "
                "rows that differ."
            )
        least = float(np.finfo(np.float64).eps) * largest
        return V, np.where(variance > 0, variance, least), noise if noise > 0 else least

    def _log_density(self) -> LogDensity:
        _, variance, noise = self._regular()
        like = self._state.mean
        V, variance, noise = (
            asarray(a, like=like)
            for a in (to_numpy(self.components_), variance, np.asarray([noise]))
        )
        mean = self._mean()
        return LogDensity(V, mean, variance, noise)

    def score_samples(self, X: Any) -> Any:
        """Return the logarithm of the likelihood of each row, by probabilistic PCA.

        Parameters
        ----------
        X : array, sparse rows, DataFrame, dask array or dask DataFrame \
                of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        array or dask collection of shape (n_samples,)
            In the namespace and on the device of X. It is lazy if X is a dask collection.

        Raises
        ------
        ValueError
            If X has other features than in `fit`, or is in another namespace or on another device,
            or if all rows of `fit` were the same.
        """
        check_is_fitted(self)
        function: Any = self._log_density()
        return self._rows("score_samples", function, X, None)

    def score(self, X: Any, y: Any = None) -> float:
        """Return the mean of the logarithms of the likelihoods of the rows.

        A collection is read once.

        Parameters
        ----------
        X : array, sparse rows, DataFrame, dask array or dask DataFrame \
                of shape (n_samples, n_features)
            The rows.
        y : None
            It is ignored.

        Returns
        -------
        float
            Larger is better.

        Raises
        ------
        ValueError
            If `score_samples` would raise it, or if X has no rows.
        """
        check_is_fitted(self)
        mean, _ = row_mean(self, X, self._log_density, self._state.mean)
        return mean


def asarray_of(x: Any) -> Array:
    """Return a number or an array as an array."""
    return x if hasattr(x, "shape") else np.asarray(x)
