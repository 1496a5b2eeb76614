"""The base classes of naive Bayes classifiers."""

from __future__ import annotations

import math
import warnings
from numbers import Real
from typing import Any

import numpy as np

from streamlearn._arrays import Array, asarray, namespace
from streamlearn._estimator.likelihoods import LikelihoodClassifier
from streamlearn._sklearn import Interval
from streamlearn._validation.priors import listed_priors
from streamlearn.core.class_scores import as_they_are

LEAST_ALPHA = 1e-10


class NaiveBayes(LikelihoodClassifier):
    """A naive Bayes classifier: the features of a row are independent, given its class."""

    def predict_joint_log_proba(self, X: Any) -> Any:
        """Return ``log P(x, c) = log P(c) + log P(x | c)`` of each row x and class c.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows, with the features of `fit`.

        Returns
        -------
        array or dask collection of shape (n_samples, n_classes)
            The columns are in the order of ``classes_``. The result is lazy if X is a dask
            collection.

        Raises
        ------
        ValueError
            If X holds NaN or infinity, has other features than in `fit`, or is in another namespace
            or on another device.
        """
        return self._from_scores("predict_joint_log_proba", X, as_they_are)


class SmoothedNaiveBayes(NaiveBayes):
    """A naive Bayes classifier of counts, to each of which ``alpha`` is added."""

    _parameter_constraints: dict[str, Any] = {
        "alpha": [Interval(Real, 0, None, closed="left"), "array-like"],
        "force_alpha": ["boolean"],
        "fit_prior": ["boolean"],
        "class_prior": ["array-like", None],
        "classes": ["array-like", None],
    }

    alpha: Any
    force_alpha: Any
    fit_prior: Any
    class_prior: Any

    def _smoothing(self, n_features: int) -> np.ndarray:
        """Return ``alpha`` as it is used, a number or an array of shape (n_features,)."""
        alpha = np.asarray(self.alpha, dtype=np.float64)
        if alpha.ndim and alpha.shape != (n_features,):
            raise ValueError(
                "When alpha is an array, it should contains `n_features`. "
                f"Got {alpha.size} elements instead of {n_features}. Give one for each feature."
            )
        if alpha.min() < 0:
            raise ValueError(
                "All values in alpha must be greater than 0. "
                f"Got {alpha.min():.6g}: give 0 or more."
            )
        if alpha.min() < LEAST_ALPHA and not self.force_alpha:
            warnings.warn(
                "alpha too small will result in numeric errors, setting alpha ="
                f" {LEAST_ALPHA:.1e}. Use `force_alpha=True` to keep alpha unchanged.",
                stacklevel=2,
            )
            return np.maximum(alpha, LEAST_ALPHA)
        return alpha

    def _log_prior(self, weight: Array) -> Array:
        """Return the logarithms of the probabilities of classes, whose rows have ``weight``."""
        xp = namespace(weight)
        if self.class_prior is not None:
            given = listed_priors(self.class_prior, self.classes_.shape[0])
            return xp.log(asarray(given, like=weight))
        if self.fit_prior:
            return xp.log(weight) - xp.log(xp.sum(weight))
        return xp.zeros_like(weight) - math.log(weight.shape[0])
