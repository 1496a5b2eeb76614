"""The covariance of rows: `EmpiricalCovariance`."""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
from scipy import linalg
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.validation import check_is_fitted

from streamlearn import blocks as engine
from streamlearn._arrays import Array, asarray, is_array, to_numpy
from streamlearn._estimator.estimator import Estimator
from streamlearn._estimator.inputs import check_rows
from streamlearn._estimator.mergeable import MOST_FEATURES, MergeableEstimator
from streamlearn._estimator.outputs import RowFunction, checked_rows_out
from streamlearn._estimator.row_means import row_mean
from streamlearn._validation.arrays import DENSE
from streamlearn._validation.reader import same_place_or_raise
from streamlearn.core.learner import Learner
from streamlearn.core.mahalanobis import SquaredDistances
from streamlearn.core.statistics import block_comoments, comoments
from streamlearn.core.statistics.comoments import Comoments
from streamlearn.covariance.pseudo_inverse import PseudoInverse
from streamlearn.covariance.shrinkage import empirical

NORMS = ("frobenius", "spectral")


class EmpiricalCovariance(MergeableEstimator, Estimator):
    """The covariance of rows, exact in one pass over data of any size.

    It is scikit-learn's `~sklearn.covariance.EmpiricalCovariance` for arrays of any library and for
    dask collections. The blocks of a collection are summed in parallel, and the sums are merged in
    a fixed order. So `partial_fit` and `merge` give the same result as one fit to all rows.

    Parameters
    ----------
    store_precision : bool, default=True
        Whether the inverse of the covariance is kept in ``precision_``.
    assume_centered : bool, default=False
        Whether the means are taken for 0, so that nothing is subtracted from rows.

    Attributes
    ----------
    location_ : array of shape (n_features,)
        The mean of the rows. It is 0 if ``assume_centered=True``.
    covariance_ : array of shape (n_features, n_features)
        The covariance: sums are divided by the number of rows.
    precision_ : array of shape (n_features, n_features) or None
        The pseudo-inverse of the covariance. It is None if ``store_precision=False``.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a DataFrame whose column names are all
        strings.

    Notes
    -----
    Rows are shifted before they are multiplied, so that no digit is lost however far they lie from
    zero. In a pipeline behind a scaler one read is enough for both. A matrix of features times
    features is kept, so that there may be 16,384 features at most. Its inverse is computed when it
    is first needed, so that `partial_fit` and `merge` are cheap.

    Differences from scikit-learn:

    - Fitted arrays have the float dtype of the rows, and sums are in the widest float.
    - A covariance that overflows is an error that says so.
    - The methods `partial_fit` and `merge` are additions.

    References
    ----------
    T. F. Chan, G. H. Golub and R. J. LeVeque, "Updating formulae and a pairwise algorithm for
    computing sample variances", Technical Report STAN-CS-79-773, Stanford University, 1979.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.covariance import EmpiricalCovariance
    >>> X = da.from_array([[1e8, 1.0], [1e8 + 2, 5.0], [1e8 + 4, 3.0]], chunks=(1, 2))
    >>> model = EmpiricalCovariance().fit(X)
    >>> model.covariance_.round(3)
    array([[2.667, 1.333],
           [1.333, 2.667]])
    >>> model.mahalanobis(X).compute().round(3)
    array([2., 2., 2.])
    """

    _takes_collections = True
    _takes_flow = True  # X may be a `streamlearn.stages.Flow`
    _dense = DENSE
    _most_features = MOST_FEATURES
    _for_more_features = "Leave features out, or find fewer by PCA of some of the rows first."

    _parameter_constraints: dict[str, Any] = {
        "store_precision": ["boolean"],
        "assume_centered": ["boolean"],
    }

    __metadata_request__score = {"X_test": UNUSED}  # it is X by another name

    location_: Array
    covariance_: Array
    _location: Array
    _pseudo_inverse: PseudoInverse | None

    def __init__(self, *, store_precision: Any = True, assume_centered: Any = False) -> None:
        self.store_precision = store_precision
        self.assume_centered = assume_centered

    def _statistic(self) -> Learner:
        return block_comoments.learner()

    @staticmethod
    def _comoments(state: Any) -> Comoments:
        """Return the co-moments of a state of the statistic."""
        return state

    def _covariance_of(self, state: Any) -> tuple[np.ndarray, float | None]:
        """Return the covariance of the rows of a state in float64, and its shrinkage.

        Parameters
        ----------
        state : State of the statistic

        Returns
        -------
        covariance : ndarray of shape (n_features, n_features)
        shrinkage : float or None
            None if nothing is shrunk.
        """
        return empirical(self._comoments(state), about_zero=self.assume_centered), None

    def _publish(self) -> None:
        of = self._comoments(self._state)
        if float(to_numpy(comoments.total_weight(of))[0]) == 1:
            warnings.warn(
                "Only one sample available. You may want to reshape your data array, or give more "
                "rows.",
                UserWarning,
                stacklevel=2,
            )
        with np.errstate(over="ignore", invalid="ignore"):
            covariance, shrinkage = self._covariance_of(self._state)
        if not np.isfinite(covariance).all():
            raise ValueError(
                "The covariance overflows: a variance is larger than float64 can hold. Scale X, "
                "for example by StandardScaler."
            )
        mean = comoments.mean(of)
        self._location = 0.0 * mean if self.assume_centered else mean
        self.location_ = self._as_learned(self._location)
        self.covariance_ = self._as_learned(covariance)
        self._pseudo_inverse = PseudoInverse(covariance) if self.store_precision else None
        if shrinkage is not None:
            self.shrinkage_ = shrinkage

    @property
    def precision_(self) -> Array | None:
        """The pseudo-inverse of the covariance, or None if ``store_precision=False``.

        It is computed when it is first needed, because `partial_fit` and `merge` need none.
        """
        if "_pseudo_inverse" not in vars(self):
            raise AttributeError(
                f"{type(self).__name__!r} object has no attribute 'precision_' before it is fitted."
            )
        kept = self._pseudo_inverse
        return None if kept is None else self._as_learned(self._here(kept.matrix))

    def fit(self, X: Any, y: Any = None) -> Self:
        """Find the covariance of all rows, in one pass.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            Numbers without NaN and infinity.
        y : None
            It is ignored.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X holds NaN or infinity, or has no rows or no features.
        """
        return self._learn(X, reset=True)

    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Find the covariance of these rows and those of earlier calls.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            Numbers without NaN and infinity.
        y : None
            It is ignored.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If `fit` would raise it, or if X has other features than before.
        """
        return self._learn(X, reset=self._former() is None)

    def get_precision(self) -> Array:
        """Return the pseudo-inverse of the covariance.

        Returns
        -------
        array of shape (n_features, n_features)
            In the namespace and on the device of ``covariance_``.
        """
        check_is_fitted(self)
        return self._as_learned(self._here(self._inverse().matrix))

    def _inverse(self) -> PseudoInverse:
        """Return the pseudo-inverse of the covariance, which is computed when it is read."""
        kept = self._pseudo_inverse
        return PseudoInverse(self.covariance_) if kept is None else kept

    def _here(self, matrix: np.ndarray) -> Array:
        """Return a matrix in the widest float, in the namespace and on the device of the rows."""
        return asarray(matrix, like=self._location)

    def _distances(self, inverse: PseudoInverse) -> SquaredDistances:
        """Return the function of rows of `mahalanobis`."""
        return SquaredDistances(self._location, self._here(inverse.matrix))

    def mahalanobis(self, X: Any) -> Any:
        """Return the squared Mahalanobis distance of each row from ``location_``.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows, with the features of `fit`.

        Returns
        -------
        array or dask collection of shape (n_samples,)
            In the namespace and on the device of X. It is lazy if X is a dask collection.

        Raises
        ------
        ValueError
            If X holds NaN or infinity, has other features than in `fit`, or is in another namespace
            or on another device.
        """
        check_is_fitted(self)
        rows, _, reader = check_rows(self, X, reset=False)
        if not engine.is_collection(rows):
            same_place_or_raise(rows, self._location, reader.estimator, "mahalanobis")
        distances: Any = self._distances(self._inverse())
        task = RowFunction(reader, distances, self._location, "mahalanobis")
        return checked_rows_out(task, rows, X)

    def score(self, X_test: Any, y: Any = None) -> float:
        """Return the mean logarithm of the likelihood of rows, by a normal distribution.

        A collection is read once.

        Parameters
        ----------
        X_test : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows, with the features of `fit`.
        y : None
            It is ignored.

        Returns
        -------
        float
            Larger is better. It is minus infinity if the covariance has no inverse.

        Raises
        ------
        ValueError
            If `mahalanobis` would raise it, or if X_test has no rows.
        """
        check_is_fitted(self)
        inverse = self._inverse()
        mean, _ = row_mean(self, X_test, lambda: self._distances(inverse), self._location)
        sign, size = np.linalg.slogdet(inverse.matrix)
        logdet = float(size) if sign > 0 else -np.inf
        return 0.5 * (logdet - mean - len(inverse.matrix) * float(np.log(2 * np.pi)))

    def error_norm(
        self, comp_cov: Any, norm: Any = "frobenius", scaling: Any = True, squared: Any = True
    ) -> float:
        """Return how far another covariance is from this one.

        Parameters
        ----------
        comp_cov : array of shape (n_features, n_features)
            The other covariance.
        norm : {"frobenius", "spectral"}, default="frobenius"
            The norm of the difference: the root of the sum of its squares, or its largest singular
            value.
        scaling : bool, default=True
            Whether the squared norm is divided by the number of features.
        squared : bool, default=True
            Whether the squared norm is returned.

        Returns
        -------
        float

        Raises
        ------
        NotImplementedError
            If ``norm`` is another one.
        ValueError
            If ``comp_cov`` has another shape.
        """
        check_is_fitted(self)
        if norm not in NORMS:
            raise NotImplementedError(
                "Only spectral and frobenius norms are implemented. "
                f"Got norm={norm!r}: give one of these two."
            )
        own = to_numpy(self.covariance_).astype(np.float64)
        other = np.asarray(to_numpy(comp_cov) if is_array(comp_cov) else comp_cov, np.float64)
        if other.shape != own.shape:
            raise ValueError(
                f"comp_cov has the shape {other.shape}, and covariance_ has {own.shape}. Give a "
                "covariance of the same features."
            )
        error = other - own
        found = np.sum(error**2) if norm == "frobenius" else linalg.svdvals(error)[0] ** 2
        found = found / len(error) if scaling else found
        return float(found if squared else np.sqrt(found))

    def __sklearn_tags__(self) -> Any:
        """Return the tags of the estimator."""
        tags = super().__sklearn_tags__()
        tags.array_api_support = True
        return tags
