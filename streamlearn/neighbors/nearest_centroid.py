"""Classification by the nearest mean of a class: `NearestCentroid`."""

from __future__ import annotations

import warnings
from functools import partial
from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from streamlearn._arrays import asarray, namespace, powers_of_two, to_numpy
from streamlearn._estimator.likelihoods import DecidingClassifier, labels
from streamlearn._sklearn import Interval, StrOptions
from streamlearn._validation.labels import two_classes_or_raise
from streamlearn._validation.priors import non_negative_priors
from streamlearn.core.class_scores import AbsoluteScores, SquaredScores
from streamlearn.core.learner import Learner
from streamlearn.core.statistics import class_medians, class_moments, moments
from streamlearn.core.statistics.class_medians import ClassMedians
from streamlearn.core.statistics.class_moments import ClassMoments


class NearestCentroid(DecidingClassifier):
    """Classifier by the nearest mean of a class, exact in one pass over data of any size.

    It is scikit-learn's `~sklearn.neighbors.NearestCentroid` for arrays of any library and for dask
    collections. Sparse rows stay sparse. The blocks of a collection are summed in parallel, and the
    sums are merged in a fixed order. So `partial_fit` and `merge` give the same result as one fit
    to all rows.

    Parameters
    ----------
    metric : {"euclidean", "manhattan"}, default="euclidean"
        The distance. With "manhattan" the centre of a class is its median, and only `predict`
        exists.
    shrink_threshold : float or None, default=None
        By how many deviations the means of the classes are moved to the mean of all rows.
    priors : {"uniform", "empirical"} or array-like of shape (n_classes,), default="uniform"
        The probabilities of the classes. "empirical" means their shares of the weights.
    classes : array-like or None, default=None
        The labels, if they are known. They save a pass over y. If X and y come from the same files,
        that is a pass over the data.

    Attributes
    ----------
    centroids_ : array of shape (n_classes, n_features)
        The mean or the median of each class, moved by ``shrink_threshold``.
    deviations_ : array of shape (n_classes, n_features)
        How far the centres lie from the mean of all rows, in deviations.
    within_class_std_dev_ : array of shape (n_features,)
        The standard deviation of each feature from the centres of the classes.
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
    Sums and attributes are in the widest float of the device, whatever the dtype of X is. Behind a
    scaler in a pipeline one read is enough.

    Scores are minus the squared distance in deviations, plus twice the logarithm of the prior.

    Medians are exact while a class has at most 2,048 different numbers of a feature. Beyond that
    their rank has an error of some 0.03 %, as in
    `~streamlearn.preprocessing.QuantileTransformer`.

    Differences from scikit-learn:

    - Rows may have weights. A weight of 2 counts as two rows.
    - The parameter ``classes`` and the methods `partial_fit` and `merge` are additions.

    References
    ----------
    R. Tibshirani, T. Hastie, B. Narasimhan and G. Chu, "Diagnosis of multiple cancer types by
    shrunken centroids of gene expression", PNAS 99(10), 2002.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.neighbors import NearestCentroid
    >>> X = da.random.default_rng(0).normal(size=(10_000, 3), chunks=(1_000, 3))
    >>> y = X[:, 0] > 0
    >>> NearestCentroid(classes=[False, True]).fit(X, y).score(X, y) > 0.95
    True
    """

    _parameter_constraints: dict[str, Any] = {
        "metric": [StrOptions({"manhattan", "euclidean"})],
        "shrink_threshold": [Interval(Real, 0, None, closed="neither"), None],
        "priors": ["array-like", StrOptions({"empirical", "uniform"})],
        "classes": ["array-like", None],
    }

    def __init__(
        self,
        metric: Any = "euclidean",
        *,
        shrink_threshold: Any = None,
        priors: Any = "uniform",
        classes: Any = None,
    ) -> None:
        self.metric = metric
        self.shrink_threshold = shrink_threshold
        self.priors = priors
        self.classes = classes

    def _statistic(self) -> Learner:
        known = to_numpy(self.classes_)
        two_classes_or_raise(known)
        if not isinstance(self.priors, str):
            non_negative_priors(self.priors, len(known))
        of_sums = class_moments if self.metric == "euclidean" else class_medians
        return of_sums.learner(len(known))

    def _priors(self, count: np.ndarray) -> np.ndarray:
        if isinstance(self.priors, str):
            return count / count.sum() if self.priors == "empirical" else 0 * count + 1 / len(count)
        found = non_negative_priors(self.priors, len(count))
        if not np.isclose(found.sum(), 1.0):
            warnings.warn(
                "The priors do not sum to 1. Normalizing such that it sums to one.",
                UserWarning,
                stacklevel=2,
            )
            found = found / found.sum()
        return found

    @np.errstate(divide="ignore", invalid="ignore")
    def _publish(self) -> None:
        medians = None
        sums: ClassMoments = self._state
        if isinstance(self._state, ClassMedians):
            medians, sums = class_medians.medians(self._state), self._state.moments
        each = sums.each
        count = to_numpy(class_moments.weights(sums))
        means, total = to_numpy(class_moments.mean(each)), class_moments.pooled(each)
        overall = to_numpy(moments.mean(total))
        if (to_numpy(moments.squares(total)) == 0).all():
            raise ValueError(
                "All features have zero variance. Division by zero. Give rows that differ."
            )
        within = [to_numpy(class_moments.deviation(each))]
        n, seen = count.sum(), count > 0
        if medians is not None:
            centres = np.where(seen[:, None], to_numpy(medians).astype(means.dtype), 0.0)
            within.append(means - centres)
            means = centres
        lengths = np.concatenate([part * np.sqrt(count)[:, None] for part in within])
        # squares of features in tiny or huge units would be lost
        unit = moments.or_one(powers_of_two(np.abs(lengths).max(axis=0)))
        deviation = np.sqrt(((lengths / unit) ** 2).sum(axis=0) / (n - seen.sum())) * unit
        if (deviation == 0).any():
            warnings.warn(
                "self.within_class_std_dev_ has at least 1 zero standard deviation."
                "Inputs within the same classes for at least 1 feature are identical.",
                stacklevel=2,
            )
        spread = np.sqrt(1.0 / count - 1.0 / n)[:, None] * (deviation + np.median(deviation))
        deviations = (means - overall) / spread
        if self.shrink_threshold:
            size = np.maximum(np.abs(deviations) - self.shrink_threshold, 0.0)
            deviations = np.sign(deviations) * size
            means = overall + spread * deviations
        # The mean of a class without rows is nowhere, so that no row is near to it.
        means, deviations = (np.where(seen[:, None], a, np.nan) for a in (means, deviations))
        like = sums.plain.mean
        self.class_prior_, self.centroids_, self.deviations_, self.within_class_std_dev_ = (
            asarray(a, like=like) for a in (self._priors(count), means, deviations, deviation)
        )
        self._publish_classes(self._like)

    def _nearest(self) -> SquaredScores | AbsoluteScores:
        """Return the negative squared distances to the means as a function of rows."""
        centre, empty = self._centres()
        xp = namespace(centre)
        if self.metric == "manhattan":
            return AbsoluteScores(centre, xp.ones_like(centre[0, :]), empty)
        return SquaredScores(centre, -xp.ones_like(centre), empty)

    def _centres(self) -> Any:
        """Return the means, and -infinity for classes without rows, which have no mean."""
        xp, centre = namespace(self.centroids_), self.centroids_
        nowhere = xp.isnan(centre)
        lost = xp.where(xp.all(nowhere, axis=1), -xp.inf, 0.0 * self.class_prior_)
        return xp.where(nowhere, xp.zeros_like(centre), centre), lost

    def _class_scores(self) -> SquaredScores | AbsoluteScores:
        (centre, lost), prior = self._centres(), self.class_prior_
        xp, deviation = namespace(prior), self.within_class_std_dev_
        factor = xp.where(deviation != 0, deviation, xp.ones_like(deviation))
        with np.errstate(divide="ignore"):
            constant = 2.0 * xp.log(prior) + lost
        if self.metric == "manhattan":
            return AbsoluteScores(centre, 1.0 / factor, constant)
        return SquaredScores(centre, xp.zeros_like(centre) - 1.0 / (factor * factor), constant)

    def predict(self, X: Any) -> Any:
        """Return the label of the nearest class of each row.

        Distances are in units of deviations if the priors of the classes differ.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows, with the features of `fit`.

        Returns
        -------
        array or dask collection of shape (n_samples,)
            The labels. Numbers are in the namespace and on the device of X, and strings are in
            NumPy. The result is lazy if X is a dask collection.

        Raises
        ------
        ValueError
            If X holds NaN or infinity, has other features than in `fit`, or is in another namespace
            or on another device.
        """
        check_is_fitted(self)
        prior = to_numpy(self.class_prior_)
        scores = self._nearest() if np.isclose(prior, 1 / len(prior)).all() else None
        return self._from_scores(
            "predict", X, partial(labels, to_numpy(self.classes_)), scores=scores
        )

    def _is_euclidean(self) -> bool:
        if self.metric != "euclidean":
            raise AttributeError(
                f"metric={self.metric!r} has no scores and probabilities. Use predict, or set "
                "metric='euclidean'."
            )
        return True

    decision_function = available_if(_is_euclidean)(DecidingClassifier.decision_function)
    predict_proba = available_if(_is_euclidean)(DecidingClassifier.predict_proba)
    predict_log_proba = available_if(_is_euclidean)(DecidingClassifier.predict_log_proba)
