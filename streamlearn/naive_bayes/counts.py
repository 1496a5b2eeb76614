"""Naive Bayes of counts: `MultinomialNB`, `ComplementNB` and `BernoulliNB`."""

from __future__ import annotations

from numbers import Real
from typing import Any, NamedTuple

import numpy as np

from streamlearn._arrays import Array, asarray, namespace
from streamlearn._sklearn import Interval
from streamlearn._validation.priors import listed_priors
from streamlearn.core.class_scores import LinearScores
from streamlearn.core.learner import Learner
from streamlearn.core.statistics import class_counts
from streamlearn.naive_bayes.base import SmoothedNaiveBayes


class CountsNaiveBayes(SmoothedNaiveBayes):
    """A naive Bayes classifier that is a function of the sums of each feature in each class.

    A subclass defines ``_log_prob(count, weight, alpha)``, which returns ``feature_log_prob_``.
    """

    _non_negative = True
    """Whether X may not hold negative numbers."""

    def _log_prob(self, count: Array, weight: Array, alpha: Array) -> Array:
        """Return the weight of each feature in each class, (n_classes, n_features)."""
        raise NotImplementedError

    def _statistic(self) -> Learner:
        if self.class_prior is not None:
            listed_priors(self.class_prior, self.classes_.shape[0])
        return class_counts.learner(self.classes_.shape[0])

    @np.errstate(divide="ignore", invalid="ignore")  # the logarithm of 0 is -infinity
    def _publish(self) -> None:
        state, name = self._state, type(self).__name__
        xp = namespace(state.count)
        if self._non_negative and bool(xp.any(state.least < 0)):
            raise ValueError(
                f"Negative values in data passed to {name} (input X): {float(xp.min(state.least))} "
                "is the least. Counts are 0 or more: scale X by MinMaxScaler, or use GaussianNB."
            )
        count, weight = class_counts.counts(state), class_counts.weights(state)
        alpha = asarray(self._smoothing(count.shape[1]), like=count)
        self.class_count_, self.feature_count_ = weight, count
        self.class_log_prior_ = self._log_prior(weight)
        self.feature_log_prob_ = self._log_prob(count, weight, alpha)
        self._publish_classes(self._like)

    def _class_scores(self) -> Any:
        return LinearScores(self.feature_log_prob_, self.class_log_prior_)

    def __sklearn_tags__(self) -> Any:
        """Return the tags of the estimator."""
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = self._non_negative
        tags.classifier_tags.poor_score = True
        return tags


class MultinomialNB(CountsNaiveBayes):
    """Naive Bayes of counts such as those of words, exact in one pass over data of any size.

    It is scikit-learn's `~sklearn.naive_bayes.MultinomialNB` for arrays of any library and for
    dask collections. Sparse rows stay sparse. The blocks of a collection are summed in parallel,
    and the sums are merged in a fixed order. So `partial_fit` and `merge` give the same result as
    one fit to all rows.

    Parameters
    ----------
    alpha : float or array-like of shape (n_features,), default=1.0
        What is added to each sum, 0 or more.
    force_alpha : bool, default=True
        Whether ``alpha`` may be less than 1e-10. If not, 1e-10 replaces it.
    fit_prior : bool, default=True
        Whether the probabilities of the classes are their shares of the weights. If not, all are
        the same.
    class_prior : array-like of shape (n_classes,), default=None
        The probabilities of the classes, if they are known.
    classes : array-like or None, default=None
        The labels, if they are known. They save a pass over y. If X and y come from the same files,
        that is a pass over the data.

    Attributes
    ----------
    feature_count_ : array of shape (n_classes, n_features)
        The weighted sum of each feature in each class.
    class_count_ : array of shape (n_classes,)
        The sum of the weights of the rows of each class.
    feature_log_prob_ : array of shape (n_classes, n_features)
        The logarithm of the probability of each feature in each class.
    class_log_prior_ : array of shape (n_classes,)
        The logarithms of the probabilities of the classes.
    classes_ : array of shape (n_classes,)
        The labels, in sorted order.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a DataFrame whose column names are all
        strings.

    Notes
    -----
    Sums are in the widest float of the device, whatever the dtype of X is. Behind a step that
    learns, a pipeline reads the rows twice, because the sums of rows before it do not show which
    numbers are negative after it.

    Differences from scikit-learn:

    - Negative weights are an error, because sums could be negative.
    - The parameter ``classes`` and the method `merge` are additions.

    References
    ----------
    C. D. Manning, P. Raghavan and H. Schuetze, "Introduction to Information Retrieval", Cambridge
    University Press, 2008, chapter 13.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.naive_bayes import MultinomialNB
    >>> X = da.random.default_rng(0).poisson(2.0, size=(9_000, 3), chunks=(1_000, 3))
    >>> y = X[:, 0] > X[:, 1]
    >>> MultinomialNB(classes=[False, True]).fit(X, y).score(X, y) > 0.9
    True
    """

    def __init__(
        self,
        *,
        alpha: Any = 1.0,
        force_alpha: Any = True,
        fit_prior: Any = True,
        class_prior: Any = None,
        classes: Any = None,
    ) -> None:
        self.alpha = alpha
        self.force_alpha = force_alpha
        self.fit_prior = fit_prior
        self.class_prior = class_prior
        self.classes = classes

    def _log_prob(self, count: Array, weight: Array, alpha: Array) -> Array:
        xp, smoothed = namespace(count), count + alpha
        return xp.log(smoothed) - xp.log(xp.sum(smoothed, axis=1, keepdims=True))


class ComplementNB(CountsNaiveBayes):
    """Naive Bayes of the counts in other classes, exact in one pass over data of any size.

    It is scikit-learn's `~sklearn.naive_bayes.ComplementNB` for arrays of any library and for dask
    collections. It suits classes of which some are rare. Sparse rows stay sparse. The blocks of a
    collection are summed in parallel, and the sums are merged in a fixed order. So `partial_fit`
    and `merge` give the same result as one fit to all rows.

    Parameters
    ----------
    alpha : float or array-like of shape (n_features,), default=1.0
        What is added to each sum, 0 or more.
    force_alpha : bool, default=True
        Whether ``alpha`` may be less than 1e-10. If not, 1e-10 replaces it.
    fit_prior : bool, default=True
        Whether ``class_log_prior_`` holds the shares of the classes. It has an effect on scores
        only if there is one class.
    class_prior : array-like of shape (n_classes,), default=None
        The probabilities of the classes. It has an effect on scores only if there is one class.
    norm : bool, default=False
        Whether the weights of each class are divided by their sum.
    classes : array-like or None, default=None
        The labels, if they are known. They save a pass over y. If X and y come from the same files,
        that is a pass over the data.

    Attributes
    ----------
    feature_count_ : array of shape (n_classes, n_features)
        The weighted sum of each feature in each class.
    feature_all_ : array of shape (n_features,)
        The weighted sum of each feature.
    class_count_ : array of shape (n_classes,)
        The sum of the weights of the rows of each class.
    feature_log_prob_ : array of shape (n_classes, n_features)
        The weight of each feature in each class.
    class_log_prior_ : array of shape (n_classes,)
        The logarithms of the probabilities of the classes.
    classes_ : array of shape (n_classes,)
        The labels, in sorted order.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a DataFrame whose column names are all
        strings.

    Notes
    -----
    The notes of `MultinomialNB` hold here, too.

    Differences from scikit-learn:

    - Negative weights are an error, because sums could be negative.
    - The parameter ``classes`` and the method `merge` are additions.

    References
    ----------
    J. D. Rennie, L. Shih, J. Teevan and D. R. Karger, "Tackling the poor assumptions of naive
    Bayes text classifiers", ICML, 2003.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.naive_bayes import ComplementNB
    >>> X = da.random.default_rng(0).poisson(2.0, size=(9_000, 3), chunks=(1_000, 3))
    >>> y = X[:, 0] > X[:, 1]
    >>> ComplementNB(classes=[False, True]).fit(X, y).score(X, y) > 0.8
    True
    """

    _parameter_constraints: dict[str, Any] = {
        **CountsNaiveBayes._parameter_constraints,
        "norm": ["boolean"],
    }

    def __init__(
        self,
        *,
        alpha: Any = 1.0,
        force_alpha: Any = True,
        fit_prior: Any = True,
        class_prior: Any = None,
        norm: Any = False,
        classes: Any = None,
    ) -> None:
        self.alpha = alpha
        self.force_alpha = force_alpha
        self.fit_prior = fit_prior
        self.class_prior = class_prior
        self.norm = norm
        self.classes = classes

    def _log_prob(self, count: Array, weight: Array, alpha: Array) -> Array:
        xp = namespace(count)
        self.feature_all_ = xp.sum(count, axis=0)
        others = self.feature_all_ + alpha - count
        logged = xp.log(others / xp.sum(others, axis=1, keepdims=True))
        return logged / xp.sum(logged, axis=1, keepdims=True) if self.norm else -logged

    def _class_scores(self) -> Any:
        prior = self.class_log_prior_
        one = prior.shape[0] == 1
        return LinearScores(self.feature_log_prob_, prior if one else 0.0 * self.class_count_)


class BernoulliNB(CountsNaiveBayes):
    """Naive Bayes of features that are 0 or 1, exact in one pass over data of any size.

    It is scikit-learn's `~sklearn.naive_bayes.BernoulliNB` for arrays of any library and for dask
    collections. Sparse rows stay sparse. The blocks of a collection are summed in parallel, and the
    sums are merged in a fixed order. So `partial_fit` and `merge` give the same result as one fit
    to all rows.

    Parameters
    ----------
    alpha : float or array-like of shape (n_features,), default=1.0
        What is added to each sum, 0 or more.
    force_alpha : bool, default=True
        Whether ``alpha`` may be less than 1e-10. If not, 1e-10 replaces it.
    binarize : float or None, default=0.0
        The threshold, 0 or more, above which a number becomes 1. Others become 0. None means that
        X holds only 0 and 1.
    fit_prior : bool, default=True
        Whether the probabilities of the classes are their shares of the weights. If not, all are
        the same.
    class_prior : array-like of shape (n_classes,), default=None
        The probabilities of the classes, if they are known.
    classes : array-like or None, default=None
        The labels, if they are known. They save a pass over y. If X and y come from the same files,
        that is a pass over the data.

    Attributes
    ----------
    feature_count_ : array of shape (n_classes, n_features)
        The sum of the weights of the rows with a 1, for each feature and class.
    class_count_ : array of shape (n_classes,)
        The sum of the weights of the rows of each class.
    feature_log_prob_ : array of shape (n_classes, n_features)
        The logarithm of the probability of a 1, for each feature and class.
    class_log_prior_ : array of shape (n_classes,)
        The logarithms of the probabilities of the classes.
    classes_ : array of shape (n_classes,)
        The labels, in sorted order.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a DataFrame whose column names are all
        strings.

    Notes
    -----
    The notes of `MultinomialNB` hold here, too.

    Differences from scikit-learn:

    - An array of ``alpha`` has a number for each feature, as it has elsewhere. scikit-learn adds it
      to the counts of the classes, and fails if there are more features or fewer than classes.
    - Negative weights are an error, because sums could be negative.
    - The parameter ``classes`` and the method `merge` are additions.

    References
    ----------
    C. D. Manning, P. Raghavan and H. Schuetze, "Introduction to Information Retrieval", Cambridge
    University Press, 2008, section 13.3.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.naive_bayes import BernoulliNB
    >>> X = da.random.default_rng(0).normal(size=(9_000, 3), chunks=(1_000, 3))
    >>> y = X[:, 0] > 0.0
    >>> BernoulliNB(classes=[False, True]).fit(X, y).score(X, y)
    1.0
    """

    _non_negative = False

    _parameter_constraints: dict[str, Any] = {
        **CountsNaiveBayes._parameter_constraints,
        "binarize": [None, Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        *,
        alpha: Any = 1.0,
        force_alpha: Any = True,
        binarize: Any = 0.0,
        fit_prior: Any = True,
        class_prior: Any = None,
        classes: Any = None,
    ) -> None:
        self.alpha = alpha
        self.force_alpha = force_alpha
        self.binarize = binarize
        self.fit_prior = fit_prior
        self.class_prior = class_prior
        self.classes = classes

    def _statistic(self) -> Learner:
        threshold = None if self.binarize is None else float(self.binarize)
        learner = super()._statistic()
        return learner._replace(params=learner.params._replace(threshold=threshold))

    def _log_prob(self, count: Array, weight: Array, alpha: Array) -> Array:
        xp = namespace(count)
        return xp.log(count + alpha) - xp.log(weight[:, None] + 2.0 * alpha)

    def _class_scores(self) -> Any:
        xp, present = namespace(self.feature_log_prob_), self.feature_log_prob_
        with np.errstate(divide="ignore", invalid="ignore"):
            absent = xp.log(1.0 - xp.exp(present))
            scores = LinearScores(present - absent, self.class_log_prior_ + xp.sum(absent, axis=1))
        return scores if self.binarize is None else Binarized(scores, float(self.binarize))


class Binarized(NamedTuple):
    """The scores of rows whose numbers become 1 above a threshold, and 0 otherwise."""

    scores: LinearScores
    threshold: float

    def __call__(self, X: Array) -> Array:
        """Return the scores of the rows of X, (m, n_classes)."""
        return self.scores(class_counts.binarized(X, self.threshold))
