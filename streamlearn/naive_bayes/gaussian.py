"""Naive Bayes with a normal distribution of each feature in each class: `GaussianNB`."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import numpy as np

from streamlearn._arrays import namespace
from streamlearn._sklearn import Interval
from streamlearn._validation.arrays import DENSE
from streamlearn._validation.priors import listed_priors
from streamlearn.core.class_scores import SquaredScores
from streamlearn.core.learner import Learner
from streamlearn.core.statistics import class_moments, moments
from streamlearn.naive_bayes.base import NaiveBayes


class GaussianNB(NaiveBayes):
    """Gaussian naive Bayes, exact in one pass over data of any size.

    It is scikit-learn's `~sklearn.naive_bayes.GaussianNB` for arrays of any library and for dask
    collections. The blocks of a collection are summed in parallel, and the sums are merged in a
    fixed order. So `partial_fit` and `merge` give the same result as one fit to all rows.

    Parameters
    ----------
    priors : array-like of shape (n_classes,), default=None
        The probabilities of the classes, which add up to 1. None means their shares of the weights.
    var_smoothing : float, default=1e-9
        A share of the largest variance of a feature. It is added to all variances.
    classes : array-like or None, default=None
        The labels, if they are known. They save a pass over y. If X and y come from the same files,
        that is a pass over the data.

    Attributes
    ----------
    theta_ : array of shape (n_classes, n_features)
        The mean of each feature in each class. It is 0 for a class without rows.
    var_ : array of shape (n_classes, n_features)
        The variance of each feature in each class, plus ``epsilon_``.
    epsilon_ : float
        What is added to the variances: a share of the largest one of rows without weights.
    class_count_ : array of shape (n_classes,)
        The sum of the weights of the rows of each class.
    class_prior_ : array of shape (n_classes,)
        The probabilities of the classes.
    classes_ : array of shape (n_classes,)
        The labels, in sorted order.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a DataFrame whose column names are all
        strings.

    Notes
    -----
    Rows of a class are shifted before they are squared, so that no digit is lost however far a
    class lies from zero and from other classes. Behind a scaler in a pipeline one read is enough.

    Differences from scikit-learn:

    - ``epsilon_`` is of the rows of all calls of `partial_fit`. scikit-learn takes those of the
      last call.
    - Negative weights are an error, because variances would have no meaning.
    - The parameter ``classes`` and the method `merge` are additions.

    References
    ----------
    T. F. Chan, G. H. Golub and R. J. LeVeque, "Updating formulae and a pairwise algorithm for
    computing sample variances", Technical Report STAN-CS-79-773, Stanford University, 1979.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.naive_bayes import GaussianNB
    >>> X = da.random.default_rng(0).normal(1e8, 1, size=(10_000, 3), chunks=(1_000, 3))
    >>> y = X[:, 0] > 1e8
    >>> GaussianNB(classes=[False, True]).fit(X, y).score(X, y) > 0.99
    True
    """

    _dense = DENSE

    _parameter_constraints: dict[str, Any] = {
        "priors": ["array-like", None],
        "var_smoothing": [Interval(Real, 0, None, closed="left")],
        "classes": ["array-like", None],
    }

    def __init__(self, *, priors: Any = None, var_smoothing: Any = 1e-9, classes: Any = None):
        self.priors = priors
        self.var_smoothing = var_smoothing
        self.classes = classes

    def _given_priors(self) -> np.ndarray | None:
        if self.priors is None:
            return None
        priors = listed_priors(self.priors, self.classes_.shape[0])
        if not np.isclose(priors.sum(), 1.0):
            raise ValueError(
                f"The sum of the priors should be 1. It is {priors.sum():.6g}: divide them by it."
            )
        if (priors < 0).any():
            raise ValueError(
                f"Priors must be non-negative. Got {priors.min():.6g}: give 0 or more."
            )
        return priors

    def _statistic(self) -> Learner:
        self._given_priors()
        return class_moments.learner(self.classes_.shape[0])

    def _publish(self) -> None:
        state, given = self._state, self._given_priors()
        xp = namespace(state.plain.mean)
        smoothing = self.var_smoothing * xp.max(moments.variance(state.plain))
        count = class_moments.weights(state)
        self.epsilon_ = self._as_learned(smoothing)
        self.theta_ = self._as_learned(class_moments.mean(state.each))
        self.var_ = self._as_learned(class_moments.variance(state.each) + smoothing)
        self.class_count_ = self._as_learned(count)
        self.class_prior_ = self._as_learned(count / xp.sum(count) if given is None else given)
        self._publish_classes(self._like)

    def _class_scores(self) -> SquaredScores:
        xp = namespace(self.theta_)
        with np.errstate(divide="ignore", invalid="ignore"):
            size = -0.5 * xp.sum(xp.log(2.0 * math.pi * self.var_), axis=1)
            return SquaredScores(self.theta_, -0.5 / self.var_, xp.log(self.class_prior_) + size)
