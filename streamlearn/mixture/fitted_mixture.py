"""A fitted mixture: what it says of rows, and rows that are drawn from it."""

from __future__ import annotations

from math import log
from typing import Any

import numpy as np
from sklearn.base import DensityMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from streamlearn import blocks as engine
from streamlearn._arrays import Array, asarray, default_int, to_numpy, widest_float
from streamlearn._estimator.estimator import Estimator
from streamlearn._estimator.outputs import rows_out
from streamlearn._estimator.row_means import row_mean
from streamlearn.core.class_scores import FunctionOfScores, largest, probabilities
from streamlearn.mixture.em import LogDensity, Rounded
from streamlearn.mixture.model import Model, n_parameters, scores


class FittedMixture(DensityMixin, Estimator):
    """A mixture whose components are known. A subclass finds them."""

    covariance_type: Any
    random_state: Any
    weights_: Array
    means_: Array
    covariances_: Array
    precisions_cholesky_: Array
    _model: Model  # as it was found, in float64

    def _kind(self) -> str:
        """Return ``covariance_type`` as it was in the last fit."""
        kind: str = getattr(self, "_fitted_type", self.covariance_type)
        return kind

    def _scores(self) -> Any:
        """Return the logarithms of weighted densities as a function of rows."""
        names = ("weights_", "means_", "precisions_cholesky_")
        weights, means, cholesky = (self._wide(name) for name in names)
        return scores(self._kind(), weights, means, cholesky, self._like())

    def _wide(self, name: str) -> np.ndarray:
        """Return a part of the model in float64: as `fit` found it, unless it was set since."""
        known = to_numpy(getattr(self, name))
        model = getattr(self, "_model", None)
        if model is not None:
            found = to_numpy(getattr(model, name.removesuffix("_"))).astype(np.float64)
            if np.array_equal(found.astype(known.dtype), known):
                return found
        return known.astype(np.float64)

    def _like(self) -> Array:
        """Return an array in the widest float, where ``means_`` is."""
        return asarray(np.zeros(1), like=self.means_, dtype=widest_float(self.means_))

    def predict(self, X: Any) -> Any:
        """Return the most probable component of each row.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows, with the features of `fit`.

        Returns
        -------
        array or dask collection of shape (n_samples,)
            The numbers of the components, as integers, in the namespace and on the device of X.
            They are lazy if X is a dask collection.

        Raises
        ------
        ValueError
            If X holds NaN or infinity, has other features than in `fit`, or is in another namespace
            or on another device.
        """
        check_is_fitted(self)
        function: Any = FunctionOfScores(self._scores(), largest)
        return rows_out(self, "predict", X, function, fitted=self.means_)

    def predict_proba(self, X: Any) -> Any:
        """Return the probability of each component for each row.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows, with the features of `fit`.

        Returns
        -------
        array or dask collection of shape (n_samples, n_components)
            The probabilities, which add up to 1 in each row. They are lazy if X is a dask
            collection.

        Raises
        ------
        ValueError
            If X holds NaN or infinity, has other features than in `fit`, or is in another namespace
            or on another device.
        """
        check_is_fitted(self)
        function: Any = Rounded(FunctionOfScores(self._scores(), probabilities), self.means_)
        return rows_out(self, "predict_proba", X, function, fitted=self.means_)

    def score_samples(self, X: Any) -> Any:
        """Return the logarithm of the density of each row.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows, with the features of `fit`.

        Returns
        -------
        array or dask collection of shape (n_samples,)
            The logarithms, by the density of the mixture. They are lazy if X is a dask collection.

        Raises
        ------
        ValueError
            If X holds NaN or infinity, has other features than in `fit`, or is in another namespace
            or on another device.
        """
        check_is_fitted(self)
        function: Any = Rounded(LogDensity(self._scores()), self.means_)
        return rows_out(self, "score_samples", X, function, fitted=self.means_)

    def _mean_log_likelihood(self, X: Any) -> tuple[float, int]:
        """Return the mean log-likelihood of the rows of X, and their number, in one read."""
        check_is_fitted(self)
        return row_mean(self, X, lambda: LogDensity(self._scores()), self._like())

    def score(self, X: Any, y: Any = None) -> float:
        """Return the mean log-likelihood of the rows of X.

        A collection is read once.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows, with the features of `fit`.
        y : None
            It is ignored.

        Returns
        -------
        float
            The mean of the results of `score_samples`.

        Raises
        ------
        ValueError
            If X has other features than in `fit`, holds NaN or infinity, or has no rows.
        """
        X, _, _ = engine.taken_apart(X, y)
        return self._mean_log_likelihood(X)[0]

    def bic(self, X: Any) -> float:
        """Return the Bayesian information criterion of the model for X. Less is better.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows, with the features of `fit`. A collection is read once.

        Returns
        -------
        float
            Minus twice the log-likelihood, plus the number of parameters times the logarithm of the
            number of rows.

        Raises
        ------
        ValueError
            If `score` would raise it.
        """
        mean, n_rows = self._mean_log_likelihood(X)
        return -2.0 * mean * n_rows + self._n_parameters() * log(n_rows)

    def aic(self, X: Any) -> float:
        """Return the Akaike information criterion of the model for X. Less is better.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows, with the features of `fit`. A collection is read once.

        Returns
        -------
        float
            Minus twice the log-likelihood, plus twice the number of parameters.

        Raises
        ------
        ValueError
            If `score` would raise it.
        """
        mean, n_rows = self._mean_log_likelihood(X)
        return -2.0 * mean * n_rows + 2.0 * self._n_parameters()

    def _n_parameters(self) -> int:
        return n_parameters(self._kind(), *self.means_.shape)

    def sample(self, n_samples: int = 1) -> tuple[Array, Array]:
        """Draw rows from the distribution, with scikit-learn's draws.

        Parameters
        ----------
        n_samples : int, default=1
            The number of rows.

        Returns
        -------
        X : array of shape (n_samples, n_features)
            The rows, component by component, in the widest float of the device of ``means_``.
        y : array of int of shape (n_samples,)
            The component of each row.

        Raises
        ------
        ValueError
            If ``n_samples`` is less than 1.
        """
        check_is_fitted(self)
        if n_samples < 1:
            raise ValueError(
                f"Invalid value for 'n_samples': {n_samples} . The sampling requires at least one "
                "sample."
            )
        rng, like = check_random_state(self.random_state), self.means_
        names = ("weights_", "means_", "covariances_")
        weights, means, covariances = (self._wide(name) for name in names)
        counts = rng.multinomial(n_samples, weights)
        each = [covariances] * len(means) if self._kind() == "tied" else covariances
        parts = []
        for mean, covariance, count in zip(means, each, counts, strict=True):
            if self._kind() in ("full", "tied"):
                parts.append(rng.multivariate_normal(mean, covariance, int(count)))
            else:
                drawn = rng.standard_normal(size=(count, len(mean)))
                parts.append(mean + drawn * np.sqrt(covariance))
        X = asarray(np.concatenate(parts), like=like, dtype=widest_float(like))
        return X, asarray(
            np.repeat(np.arange(len(means)), counts), like=like, dtype=default_int(like)
        )
