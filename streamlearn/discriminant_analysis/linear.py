"""Classification by normal distributions of one covariance: `LinearDiscriminantAnalysis`."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy import linalg
from sklearn.base import ClassNamePrefixFeaturesOutMixin

from streamlearn._arrays import Array, asarray
from streamlearn._estimator.outputs import Transformer, rows_out
from streamlearn._estimator.unit_lengths import at_unit_length
from streamlearn._sklearn import HasMethods, Interval, StrOptions
from streamlearn.core.class_scores import CentredScores, LinearScores
from streamlearn.core.statistics import class_comatrices, comoments
from streamlearn.discriminant_analysis.base import DiscriminantAnalysis


class LinearDiscriminantAnalysis(
    ClassNamePrefixFeaturesOutMixin, DiscriminantAnalysis, Transformer
):
    """Linear discriminant analysis, exact in one pass over data of any size.

    It is scikit-learn's `~sklearn.discriminant_analysis.LinearDiscriminantAnalysis` for arrays of
    any library and for dask collections. The blocks of a collection are summed in parallel, and the
    sums are merged in a fixed order. So `partial_fit` and `merge` give the same result as one fit
    to all rows.

    Parameters
    ----------
    solver : {"svd", "lsqr", "eigen"}, default="svd"
        How the covariance is used. "svd" leaves out directions in which rows hardly differ within
        classes. "lsqr" and "eigen" take ``shrinkage``, and "lsqr" has no `transform`.
    shrinkage : float, "auto" or None, default=None
        How far the covariance of each class is moved towards its mean variance: a number from 0 to
        1. "auto" is the shrinkage of Ledoit and Wolf, for features in units of their deviations.
    priors : array-like of shape (n_classes,), default=None
        The probabilities of the classes. None means their shares of the weights.
    n_components : int or None, default=None
        The number of columns of `transform`, at most the number of features and one less than that
        of classes.
    store_covariance : bool, default=False
        Whether ``covariance_`` is kept for the solver "svd", too.
    tol : float, default=1e-4
        For the solver "svd": the deviation along an axis that is taken for 0, where all features
        have a deviation of 1 within classes.
    covariance_estimator : estimator of `streamlearn.covariance` or None, default=None
        It finds the covariance of each class, for the solvers "lsqr" and "eigen". It is not fitted
        itself. With it, ``shrinkage`` must be None or 0.
    classes : array-like or None, default=None
        The labels, if they are known. They save a pass over y. If X and y come from the same files,
        that is a pass over the data.

    Attributes
    ----------
    coef_ : array of shape (1, n_features) or (n_classes, n_features)
        The coefficients, one row if there are two classes.
    intercept_ : array of shape (1,) or (n_classes,)
        The intercepts.
    means_ : array of shape (n_classes, n_features)
        The mean of each class.
    covariance_ : array of shape (n_features, n_features)
        The mean of the covariances of the classes by their priors. The solver "svd" keeps it only
        if ``store_covariance=True``.
    priors_ : array of shape (n_classes,)
        The probabilities of the classes.
    scalings_ : array of shape (n_features, n_axes)
        The axes of `transform`. The solver "lsqr" has none.
    explained_variance_ratio_ : array of shape (n_components,)
        The share of each axis in the variance between classes. The solver "lsqr" has none.
    xbar_ : array of shape (n_features,)
        The mean of the classes by their priors. Only the solver "svd" has it.
    classes_ : array of shape (n_classes,)
        The labels, in sorted order.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a DataFrame whose column names are all
        strings.

    Notes
    -----
    Rows of a class are shifted before they are multiplied, so that no digit is lost however far the
    classes lie from zero. Predictions subtract the mean from rows first, for the same reason.
    Behind a scaler in a pipeline one read is enough, except with
    ``covariance_estimator=LedoitWolf()``.

    ``shrinkage="auto"`` takes one read, too. It keeps the products of the squares of features of
    each class (`streamlearn.core.statistics.square_comoments`), which is three matrices of features
    times features.

    Differences from scikit-learn:

    - ``covariance_estimator`` must be one of `streamlearn.covariance`, whose sums merge. It is
      neither fitted nor changed.
    - There must be two classes.
    - Axes point to where their largest coefficient is positive. scikit-learn's may point the other
      way.
    - Rows may have weights. A weight of 2 counts as two rows.
    - The parameter ``classes`` and the methods `partial_fit` and `merge` are additions.

    References
    ----------
    T. Hastie, R. Tibshirani and J. Friedman, "The Elements of Statistical Learning", Springer,
    2009, section 4.3. R. O. Duda, P. E. Hart and D. G. Stork, "Pattern Classification", Wiley,
    2001, sections 2.6.2 and 3.8.3.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.discriminant_analysis import LinearDiscriminantAnalysis
    >>> X = da.random.default_rng(0).normal(1e8, 1, size=(10_000, 3), chunks=(1_000, 3))
    >>> y = X[:, 0] + X[:, 1] > 2e8
    >>> LinearDiscriminantAnalysis(classes=[False, True]).fit(X, y).score(X, y) > 0.99
    True
    """

    _no_estimator_with_svd = (
        "covariance estimator is not supported with svd solver. Try another solver: set "
        "solver='eigen' or solver='lsqr'."
    )

    _parameter_constraints: dict[str, Any] = {
        "solver": [StrOptions({"svd", "lsqr", "eigen"})],
        "shrinkage": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="both"), None],
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "priors": ["array-like", None],
        "store_covariance": ["boolean"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "covariance_estimator": [HasMethods("fit"), None],
        "classes": ["array-like", None],
    }

    _centre: Array
    _offset: Array
    _slope: Array
    _max_components: int

    def __init__(
        self,
        solver: Any = "svd",
        shrinkage: Any = None,
        priors: Any = None,
        n_components: Any = None,
        store_covariance: Any = False,
        tol: Any = 1e-4,
        covariance_estimator: Any = None,
        classes: Any = None,
    ) -> None:
        self.solver = solver
        self.shrinkage = shrinkage
        self.priors = priors
        self.n_components = n_components
        self.store_covariance = store_covariance
        self.tol = tol
        self.covariance_estimator = covariance_estimator
        self.classes = classes

    def _most_components(self, d: int) -> int:
        most = min(self.classes_.shape[0] - 1, d)
        if self.n_components is None:
            return most
        if self.n_components > most:
            raise ValueError(
                "n_components cannot be larger than min(n_features, n_classes - 1). Got "
                f"{self.n_components} and {most}: give at most {most}, or None."
            )
        return int(self.n_components)

    def _publish(self) -> None:
        count, means = self._moments()
        n, d = count.sum(), means.shape[1]
        self._max_components = self._most_components(d)
        priors = self._priors_of(count)
        if (count > 0).sum() < 2:
            raise ValueError(
                "The number of classes with a weight has to be greater than one. Got "
                f"{(count > 0).sum()}: give rows of another class. partial_fit needs them in its "
                "first call."
            )
        if n <= (count > 0).sum():
            raise ValueError(
                "The number of samples must be more than the number of classes. "
                f"Got {n:g} rows of {(count > 0).sum()} classes: give more rows."
            )
        covariances = [self._covariance(one) for one in self._state]
        within = np.tensordot(priors, covariances, 1)
        centre = priors @ means
        for name in ("covariance_", "scalings_", "explained_variance_ratio_", "xbar_"):
            self.__dict__.pop(name, None)
        if self.solver != "svd" or self.store_covariance:
            self.covariance_ = self._as_learned(within)
        if self.solver == "svd":
            total = np.tensordot(count / n, covariances, 1)
            scalings, share = _by_svd(total, means - centre, priors, n, self.tol)
            self.xbar_ = self._as_learned(centre)
        elif self.solver == "eigen":
            params = self._statistic().params
            whole = self._covariance(class_comatrices.pooled(params, self._state))
            values, vectors = _between(whole - within, within)
            share, scalings = np.sort(values / values.sum())[::-1], vectors[:, ::-1]
        if self.solver == "lsqr":
            slope, origin = (linalg.lstsq(within, m.T)[0].T for m in (means - centre, means))
        else:
            scalings = scalings * _signs(scalings)
            self.scalings_ = self._as_learned(scalings)
            self.explained_variance_ratio_ = self._as_learned(share[: self._max_components])
            slope, origin = ((m @ scalings) @ scalings.T for m in (means - centre, means))
        with np.errstate(divide="ignore"):
            log_prior = np.log(priors)
        # Scores of rows less the centre: they differ from those of rows by the same for each class.
        offset = log_prior - 0.5 * ((means - centre) * slope).sum(axis=1)
        if len(count) == 2:
            coef = slope[1:] - slope[:1]
            intercept = offset[1:] - offset[:1] - coef @ centre
        elif self.solver == "svd":
            coef, intercept = slope, offset - slope @ centre
        else:
            coef, intercept = origin, log_prior - 0.5 * (means * origin).sum(axis=1)
        self.means_, self.priors_, self.coef_, self.intercept_ = (
            self._as_learned(a) for a in (means, priors, coef, intercept)
        )
        wide = comoments.mean(class_comatrices.comoments_of(self._state[0]))
        self._centre, self._slope, self._offset = (
            asarray(a, like=wide) for a in (centre, slope, offset)
        )
        self._n_features_out = self._max_components
        self._publish_classes(self._like)

    def _class_scores(self) -> CentredScores:
        return CentredScores(self._centre, self._slope, self._offset, self.coef_)

    def _decided_by(self) -> Any:
        if self.solver == "svd" or self.classes_.shape[0] == 2:
            return self._class_scores()
        return LinearScores(self.coef_, self.intercept_)

    def _transform(self, X: Any, names: Any) -> Any:
        if self.solver == "lsqr":
            raise NotImplementedError(
                "transform not implemented for 'lsqr' solver (use 'svd' or 'eigen')."
            )
        axes = self.scalings_[:, : min(self._max_components, self.scalings_.shape[1])]
        centre = self.xbar_ if self.solver == "svd" else 0.0 * axes[:, 0]
        offset = 0.0 * axes[0, :]
        function: Any = CentredScores(centre, axes.T, offset, self.coef_)
        return rows_out(self, "transform", X, function, fitted=self._like, names=names)


def _by_svd(
    within: np.ndarray, means: np.ndarray, priors: np.ndarray, n: float, tol: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the axes (d, k) and their shares in the variance between classes.

    ``within`` is the covariance about the means of the classes, and ``means`` are these means less
    their mean.
    """
    values, vectors, deviation = at_unit_length(within)
    size = np.sqrt(np.maximum(values, 0.0))[::-1]
    rank = int((size > tol).sum())
    scalings = vectors[:, ::-1][:, :rank] / deviation[:, None] / size[:rank]
    weight = np.sqrt(n * priors / (len(priors) - 1))
    _, between, axes = np.linalg.svd(weight[:, None] * (means @ scalings), full_matrices=False)
    kept = int((between > tol * between[:1]).sum())
    return scalings @ axes.T[:, :kept], between**2 / (between**2).sum()


def _between(covariance: np.ndarray, within: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the eigenvalues of a covariance in units of that within classes, and its axes.

    Raises
    ------
    LinAlgError
        If the covariance within classes has no inverse.
    """
    try:
        return linalg.eigh(covariance, within)
    except linalg.LinAlgError as error:
        raise linalg.LinAlgError(
            "The covariance within classes has no inverse, because features depend on each other, "
            "or are constant within classes. Set solver='svd', or a shrinkage between 0 and 1."
        ) from error


def _signs(axes: np.ndarray) -> np.ndarray:
    """Return 1 or -1 for each column, so that its largest coefficient becomes positive."""
    if not axes.size:
        return np.ones(axes.shape[1])
    return np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
