"""Naive Bayes of categories: `CategoricalNB`."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np

from streamlearn._arrays import Array, asarray, default_int, namespace
from streamlearn._sklearn import Interval
from streamlearn._validation.arrays import DENSE
from streamlearn._validation.priors import listed_priors
from streamlearn.core.category_scores import CategoryScores
from streamlearn.core.learner import Learner
from streamlearn.core.statistics import category_counts
from streamlearn.naive_bayes.base import SmoothedNaiveBayes


class CategoricalNB(SmoothedNaiveBayes):
    """Naive Bayes of categories, exact in one pass over data of any size.

    It is scikit-learn's `~sklearn.naive_bayes.CategoricalNB` for arrays of any library and for dask
    collections. Each feature holds the numbers 0, 1, 2 and so on, one for each category, as
    `OrdinalEncoder` makes them. The blocks of a collection are counted in parallel, and the counts
    are merged in a fixed order. So `partial_fit` and `merge` give the same result as one fit to all
    rows.

    Parameters
    ----------
    alpha : float, default=1.0
        What is added to each count, 0 or more.
    force_alpha : bool, default=True
        Whether ``alpha`` may be less than 1e-10. If not, 1e-10 replaces it.
    fit_prior : bool, default=True
        Whether the probabilities of the classes are their shares of the weights. If not, all are
        the same.
    class_prior : array-like of shape (n_classes,), default=None
        The probabilities of the classes, if they are known.
    min_categories : int or array-like of shape (n_features,), default=None
        The least number of categories of the features, one for all or one for each. A feature has
        more if a larger number occurs.
    classes : array-like or None, default=None
        The labels, if they are known. They save a pass over y. If X and y come from the same files,
        that is a pass over the data.

    Attributes
    ----------
    category_count_ : list of arrays of shape (n_classes, n_categories)
        The sum of the weights of the rows of each class and category, for each feature.
    class_count_ : array of shape (n_classes,)
        The sum of the weights of the rows of each class.
    feature_log_prob_ : list of arrays of shape (n_classes, n_categories)
        The logarithm of the probability of each category in each class, for each feature.
    class_log_prior_ : array of shape (n_classes,)
        The logarithms of the probabilities of the classes.
    n_categories_ : array of int of shape (n_features,)
        The number of categories of each feature.
    classes_ : array of shape (n_classes,)
        The labels, in sorted order.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a DataFrame whose column names are all
        strings.

    Notes
    -----
    Numbers lose what is behind the point, as in scikit-learn. A feature may have 1,000,000
    categories at most. Behind a step that learns, such as an `OrdinalEncoder`, a pipeline reads the
    rows twice.

    Differences from scikit-learn:

    - A category that `fit` has not seen is a ValueError of `predict` that says what to do. In
      scikit-learn it is an IndexError.
    - ``n_categories_`` is of the rows of all calls of `partial_fit`. scikit-learn's is of those of
      the last call.
    - Negative weights are an error, because counts could be negative.
    - The parameter ``classes`` and the method `merge` are additions.

    References
    ----------
    C. D. Manning, P. Raghavan and H. Schuetze, "Introduction to Information Retrieval", Cambridge
    University Press, 2008, chapter 13.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.naive_bayes import CategoricalNB
    >>> X = da.random.default_rng(0).integers(0, 4, size=(9_000, 3), chunks=(1_000, 3))
    >>> y = X[:, 0] == 2
    >>> model = CategoricalNB(classes=[False, True]).fit(X, y)
    >>> model.score(X, y), model.n_categories_
    (1.0, array([4, 4, 4]))
    """

    _dense = DENSE

    _parameter_constraints: dict[str, Any] = {
        **SmoothedNaiveBayes._parameter_constraints,
        "alpha": [Interval(Real, 0, None, closed="left")],
        "min_categories": [None, "array-like", Interval(Integral, 1, None, closed="left")],
    }

    category_count_: list[Array]
    feature_log_prob_: list[Array]

    def __init__(
        self,
        *,
        alpha: Any = 1.0,
        force_alpha: Any = True,
        fit_prior: Any = True,
        class_prior: Any = None,
        min_categories: Any = None,
        classes: Any = None,
    ) -> None:
        self.alpha = alpha
        self.force_alpha = force_alpha
        self.fit_prior = fit_prior
        self.class_prior = class_prior
        self.min_categories = min_categories
        self.classes = classes

    def _statistic(self) -> Learner:
        if self.class_prior is not None:
            listed_priors(self.class_prior, self.classes_.shape[0])
        return category_counts.learner(self.classes_.shape[0])

    def _widths(self, found: list[int]) -> np.ndarray:
        """Return the number of categories of each feature, of which ``found`` occurred.

        Raises
        ------
        ValueError
            If ``min_categories`` does not hold an integer for each feature.
        """
        seen = np.asarray(found, dtype=np.int64)
        if self.min_categories is None:
            return seen
        least = np.asarray(self.min_categories)
        if least.dtype.kind != "i":
            raise ValueError(
                "'min_categories' should have integral type. "
                f"Got {least.dtype} instead. Give an int, or one for each feature."
            )
        if least.ndim and least.shape != seen.shape:
            raise ValueError(
                f"'min_categories' should have shape ({len(seen)},) when an array-like is "
                f"provided. Got {least.shape} instead. Give one for each feature."
            )
        return np.maximum(seen, least).astype(np.int64)

    @np.errstate(divide="ignore", invalid="ignore")  # the logarithm of 0 is -infinity
    def _publish(self) -> None:
        state = self._state
        xp = namespace(state.weight)
        if bool(xp.any(state.least < 0)):
            raise ValueError(
                f"Negative values in data passed to {type(self).__name__} (input X): "
                f"{float(xp.min(state.least)):.6g} is the least. Categories are the numbers 0, 1, "
                "2 and so on: encode them by OrdinalEncoder."
            )
        found, weight = category_counts.counts(state), category_counts.weights(state)
        widths = self._widths([table.shape[1] for table in found])
        alpha = float(self._smoothing(len(found)))
        self.n_categories_ = asarray(widths, like=weight, dtype=default_int(weight))
        self.class_count_ = weight
        self.category_count_ = [
            category_counts.padded(table, int(width))
            for table, width in zip(found, widths, strict=True)
        ]
        self.class_log_prior_ = self._log_prior(weight)
        smoothed = [table + alpha for table in self.category_count_]
        self.feature_log_prob_ = [
            xp.log(table) - xp.log(xp.sum(table, axis=1, keepdims=True)) for table in smoothed
        ]
        self._publish_classes(self._like)

    def _class_scores(self) -> CategoryScores:
        return CategoryScores(tuple(self.feature_log_prob_), self.class_log_prior_)

    def __sklearn_tags__(self) -> Any:
        """Return the tags of the estimator."""
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = True
        tags.input_tags.positive_only = True
        tags.classifier_tags.poor_score = True
        return tags
