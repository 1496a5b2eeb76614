"""What linear and quadratic discriminant analysis share."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from streamlearn._arrays import to_numpy
from streamlearn._estimator.likelihoods import DecidingClassifier
from streamlearn._estimator.mergeable import MOST_FEATURES
from streamlearn._estimator.unit_lengths import at_unit_length
from streamlearn._validation.arrays import DENSE
from streamlearn._validation.labels import two_classes_or_raise
from streamlearn._validation.priors import non_negative_priors
from streamlearn.core.learner import Learner
from streamlearn.core.statistics import class_comatrices, comoments

SCIKIT_LEARN = "Set it to None, or fit scikit-learn's {name} to rows in memory."


class DiscriminantAnalysis(DecidingClassifier):
    """A classifier that is a function of the means and covariances of the classes."""

    _dense = DENSE
    _most_features = MOST_FEATURES
    _for_more_features = "GaussianNB keeps less. Or leave features out."

    shrinkage: Any
    priors: Any
    covariance_estimator: Any

    def _statistic(self) -> Learner:
        name = type(self).__name__
        if self.covariance_estimator is not None:
            raise ValueError(
                "covariance_estimator is not supported, because it needs the rows of a class. "
                + SCIKIT_LEARN.format(name=name)
            )
        if self.shrinkage == "auto":
            raise ValueError(
                "shrinkage='auto' is not supported, because it needs fourth moments. Give a number "
                f"from 0 to 1, or fit scikit-learn's {name} to rows in memory."
            )
        if self.shrinkage is not None and getattr(self, "solver", None) == "svd":
            raise NotImplementedError(
                "shrinkage not supported with 'svd' solver. Set solver='eigen'."
            )
        known = to_numpy(self.classes_)
        two_classes_or_raise(known)
        if self.priors is not None:
            non_negative_priors(self.priors, len(known))
        return class_comatrices.learner(len(known))

    def _priors_of(self, count: np.ndarray) -> np.ndarray:
        """Return the probabilities of the classes.

        Raises
        ------
        ValueError
            If a class without rows has a probability.
        """
        if self.priors is None:
            return count / count.sum()
        found = non_negative_priors(self.priors, len(count))
        if abs(found.sum() - 1.0) > 1e-5:
            warnings.warn("The priors do not sum to 1. Renormalizing", UserWarning, stacklevel=2)
            found = found / found.sum()
        if (found[count == 0] > 0).any():
            absent = to_numpy(self.classes_)[(count == 0) & (found > 0)].tolist()
            raise ValueError(
                f"priors gives a probability to class {absent}, which has no rows yet. Give rows "
                "of it, or set its prior to 0."
            )
        return found

    def _moments(self) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
        """Return the weights (k,), the means (k, d) and the covariances of the classes."""
        covariances = [to_numpy(comoments.covariance(one)) for one in self._state]
        count, means = (
            to_numpy(of(self._state)) for of in (class_comatrices.weights, class_comatrices.means)
        )
        return count, means, covariances


def axes_of(covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the variances along the axes of a covariance, largest first, and the axes (d, d).

    It is scaled to correlations first, so that small variances keep their digits next to large
    ones.

    Examples
    --------
    >>> axes_of(np.asarray([[1e-20, 0.0], [0.0, 1e20]]))[0]
    array([1.e+20, 1.e-20])
    """
    _, roots, axes = np.linalg.svd(at_unit_length(covariance).root())
    return roots**2, axes.T


def shrunk(covariance: np.ndarray, shrinkage: float | None) -> np.ndarray:
    """Return a covariance, moved towards its mean variance by a share from 0 to 1.

    Examples
    --------
    >>> shrunk(np.asarray([[1.0, 1.0], [1.0, 3.0]]), 0.5)
    array([[1.5, 0.5],
           [0.5, 2.5]])
    """
    if shrinkage is None:
        return covariance
    d = covariance.shape[0]
    mean = np.trace(covariance) / d
    return (1.0 - shrinkage) * covariance + shrinkage * mean * np.eye(d)
