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
from streamlearn.core.statistics import class_comatrices, square_comoments
from streamlearn.covariance import EmpiricalCovariance
from streamlearn.covariance.shrinkage import empirical, of_standardized, shrunk


class DiscriminantAnalysis(DecidingClassifier):
    """A classifier that is a function of the means and covariances of the classes."""

    _dense = DENSE
    _most_features = MOST_FEATURES
    _for_more_features = "GaussianNB keeps less. Or leave features out."

    _no_estimator_with_svd: str

    solver: Any
    shrinkage: Any
    priors: Any
    covariance_estimator: Any

    def _statistic(self) -> Learner:
        self._one_way_or_raise()
        known = to_numpy(self.classes_)
        two_classes_or_raise(known)
        if self.priors is not None:
            non_negative_priors(self.priors, len(known))
        each = None
        if self.covariance_estimator is not None:
            self.covariance_estimator._validate_params()
            each = self.covariance_estimator._statistic()
        elif self.shrinkage == "auto":
            each = square_comoments.learner()
        return class_comatrices.learner(len(known), each)

    def _one_way_or_raise(self) -> None:
        """Check that covariances are found in at most one way, which the solver can use.

        Raises
        ------
        ValueError, NotImplementedError
            If not. The messages begin with those of scikit-learn.
        """
        given = self.covariance_estimator
        if self.solver == "svd" and self.shrinkage is not None:
            raise NotImplementedError(
                "shrinkage not supported with 'svd' solver. Set solver='eigen'."
            )
        if given is None:
            return
        if self.solver == "svd":
            raise ValueError(self._no_estimator_with_svd)
        if self.shrinkage is not None and self.shrinkage != 0:
            raise ValueError(
                "covariance_estimator and shrinkage parameters are not None. Only one of the two "
                "can be set. Set shrinkage=None, or covariance_estimator=None."
            )
        if not isinstance(given, EmpiricalCovariance):
            raise ValueError(
                f"covariance_estimator={type(given).__name__} of {type(given).__module__} is not "
                "supported, because it needs all rows of a class in memory. Give an estimator of "
                "streamlearn.covariance, such as its LedoitWolf or OAS."
            )

    def _covariance(self, state: Any) -> np.ndarray:
        """Return the covariance of the rows of a state as the parameters ask for it, in float64."""
        if self.covariance_estimator is not None:
            return self.covariance_estimator._covariance_of(state)[0]
        if self.shrinkage == "auto":
            return of_standardized(state)
        return shrunk(empirical(state, about_zero=False), self.shrinkage)

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

    def _moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the weights (k,) and the means (k, d) of the classes."""
        count, means = (
            to_numpy(of(self._state)) for of in (class_comatrices.weights, class_comatrices.means)
        )
        return count, means


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
