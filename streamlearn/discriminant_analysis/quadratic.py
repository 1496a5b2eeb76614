"""Classification by a normal distribution of each class: `QuadraticDiscriminantAnalysis`."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from scipy import linalg

from streamlearn._arrays import asarray, namespace, to_numpy
from streamlearn._sklearn import HasMethods, Interval, StrOptions
from streamlearn.core.class_scores import RotatedScores
from streamlearn.discriminant_analysis.base import DiscriminantAnalysis, axes_of


class QuadraticDiscriminantAnalysis(DiscriminantAnalysis):
    """Quadratic discriminant analysis, exact in one pass over data of any size.

    It is scikit-learn's `~sklearn.discriminant_analysis.QuadraticDiscriminantAnalysis` for arrays
    of any library and for dask collections. The blocks of a collection are summed in parallel, and
    the sums are merged in a fixed order. So `partial_fit` and `merge` give the same result as one
    fit to all rows.

    Parameters
    ----------
    solver : {"svd", "eigen"}, default="svd"
        The names of scikit-learn's solvers. Both decompose the covariances of the classes.
        "svd" takes ``reg_param``, and "eigen" takes ``shrinkage``.
    shrinkage : float, "auto" or None, default=None
        How far each covariance is moved towards its mean variance: a number from 0 to 1. "auto" is
        the shrinkage of Ledoit and Wolf, for features in units of their deviations.
    priors : array-like of shape (n_classes,), default=None
        The probabilities of the classes. None means their shares of the weights.
    reg_param : float, default=0.0
        How far the variances along the axes of a class are moved towards 1: a number from 0 to 1.
    store_covariance : bool, default=False
        Whether to keep the covariances in ``covariance_``.
    tol : float, default=1e-4
        The variance along an axis that is taken for 0, which is an error.
    covariance_estimator : estimator of `streamlearn.covariance` or None, default=None
        It finds the covariance of each class, for the solver "eigen". It is not fitted itself. With
        it, ``shrinkage`` must be None or 0.
    classes : array-like or None, default=None
        The labels, if they are known. They save a pass over y. If X and y come from the same files,
        that is a pass over the data.

    Attributes
    ----------
    means_ : array of shape (n_classes, n_features)
        The mean of each class.
    covariance_ : list of arrays of shape (n_features, n_features)
        The covariance of each class. It exists only if ``store_covariance=True``.
    rotations_ : list of arrays of shape (n_features, n_features)
        The axes of each class, a column each.
    scalings_ : list of arrays of shape (n_features,)
        The variances along the axes, from the largest to the smallest.
    priors_ : array of shape (n_classes,)
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
    Rows of a class are shifted before they are multiplied, so that no digit is lost however far a
    class lies from zero. Behind a scaler in a pipeline one read is enough, except with
    ``covariance_estimator=LedoitWolf()``. ``shrinkage="auto"`` takes one read, too, see
    `LinearDiscriminantAnalysis`.

    Differences from scikit-learn:

    - ``covariance_estimator`` must be one of `streamlearn.covariance`, whose sums merge. It is
      neither fitted nor changed.
    - ``priors`` that do not add up to 1 are divided by their sum, with a warning.
    - Axes may point the other way.
    - Rows may have weights. A weight of 2 counts as two rows.
    - The parameter ``classes`` and the methods `partial_fit` and `merge` are additions.

    References
    ----------
    T. Hastie, R. Tibshirani and J. Friedman, "The Elements of Statistical Learning", Springer,
    2009, section 4.3.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.discriminant_analysis import QuadraticDiscriminantAnalysis
    >>> X = da.random.default_rng(0).normal(size=(10_000, 2), chunks=(1_000, 2))
    >>> y = (X**2).sum(axis=1) > 1
    >>> QuadraticDiscriminantAnalysis(classes=[False, True]).fit(X, y).score(X, y) > 0.9
    True
    """

    _no_estimator_with_svd = (
        "covariance_estimator is not supported with solver='svd'. Try solver='eigen' instead."
    )

    _parameter_constraints: dict[str, Any] = {
        "solver": [StrOptions({"svd", "eigen"})],
        "shrinkage": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="both"), None],
        "priors": ["array-like", None],
        "reg_param": [Interval(Real, 0, 1, closed="both")],
        "store_covariance": ["boolean"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "covariance_estimator": [HasMethods("fit"), None],
        "classes": ["array-like", None],
    }

    def __init__(
        self,
        *,
        solver: Any = "svd",
        shrinkage: Any = None,
        priors: Any = None,
        reg_param: Any = 0.0,
        store_covariance: Any = False,
        tol: Any = 1.0e-4,
        covariance_estimator: Any = None,
        classes: Any = None,
    ) -> None:
        self.solver = solver
        self.shrinkage = shrinkage
        self.priors = priors
        self.reg_param = reg_param
        self.store_covariance = store_covariance
        self.tol = tol
        self.covariance_estimator = covariance_estimator
        self.classes = classes

    def _axes(self, covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the variances along the axes of a class, the axes and the covariance."""
        scaling, rotation = axes_of(covariance)
        if self.solver != "eigen":
            scaling = (1.0 - self.reg_param) * scaling + self.reg_param
            covariance = scaling * rotation @ rotation.T
        return scaling, rotation, covariance

    def _publish(self) -> None:
        count, means = self._moments()
        covariances = [self._covariance(one) for one in self._state]
        priors = self._priors_of(count)
        found = []
        for label, rows, covariance in zip(
            to_numpy(self.classes_), count, covariances, strict=True
        ):
            if rows == 0 or (rows == 1 and not covariance.any()):
                raise ValueError(
                    f"y has only {rows:g} sample in class {label}, covariance is ill defined. Give "
                    "more rows of each class in the first call."
                )
            scaling, rotation, covariance = self._axes(covariance)
            if self.solver == "svd" and rows <= len(scaling) and not self._weighted:
                raise linalg.LinAlgError(
                    f"The covariance matrix of class {label} is not full rank. When using "
                    "`solver='svd'` the number of samples in each class should be more than the "
                    f"number of features, but class {label} has {rows:g} samples and "
                    f"{len(scaling)} features. Give more rows, or set solver='eigen' and shrinkage."
                )
            if (scaling <= self.tol).any():
                parameter = "shrinkage" if self.solver == "eigen" else "reg_param"
                raise linalg.LinAlgError(
                    f"The covariance matrix of class {label} is not full rank. Increase the value "
                    f"of `{parameter}` to reduce the collinearity, or give more rows of the class."
                )
            found.append((scaling, rotation, covariance))
        self.scalings_, self.rotations_, kept = (
            [self._as_learned(a) for a in each] for each in zip(*found, strict=True)
        )
        if self.store_covariance:
            self.covariance_ = kept
        self.means_, self.priors_ = self._as_learned(means), self._as_learned(priors)
        self._publish_classes(self._like)

    def _class_scores(self) -> RotatedScores:
        xp, prior = namespace(self.priors_), self.priors_
        axes = [
            rotation / xp.sqrt(scaling)
            for rotation, scaling in zip(self.rotations_, self.scalings_, strict=True)
        ]
        size = xp.stack([xp.sum(xp.log(scaling)) for scaling in self.scalings_])
        with np.errstate(divide="ignore"):
            constant = xp.log(prior) - 0.5 * size
        return RotatedScores(self.means_, xp.stack(axes), asarray(constant, like=prior))
