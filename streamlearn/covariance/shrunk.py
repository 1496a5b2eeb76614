"""Covariances that are moved towards their mean variance."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np

from streamlearn._arrays import to_numpy
from streamlearn._sklearn import Interval
from streamlearn.core.learner import Learner
from streamlearn.core.statistics import comoments, length_comoments
from streamlearn.core.statistics.comoments import Comoments
from streamlearn.core.statistics.moments import or_one
from streamlearn.covariance.empirical import EmpiricalCovariance
from streamlearn.covariance.shrinkage import (
    empirical,
    of_ledoit_wolf,
    of_oas,
    shrunk,
    spread_of,
)


class ShrunkCovariance(EmpiricalCovariance):
    """A covariance with a given shrinkage, exact in one pass over data of any size.

    It is scikit-learn's `~sklearn.covariance.ShrunkCovariance` for arrays of any library and for
    dask collections. `partial_fit` and `merge` give the same result as one fit to all rows.

    Parameters
    ----------
    store_precision : bool, default=True
        Whether the inverse of the covariance is kept in ``precision_``.
    assume_centered : bool, default=False
        Whether the means are taken for 0, so that nothing is subtracted from rows.
    shrinkage : float, default=0.1
        How far the covariance is moved towards its mean variance: a number from 0 to 1.

    Attributes
    ----------
    location_ : array of shape (n_features,)
        The mean of the rows. It is 0 if ``assume_centered=True``.
    covariance_ : array of shape (n_features, n_features)
        The covariance, after the shrinkage.
    precision_ : array of shape (n_features, n_features) or None
        The pseudo-inverse of the covariance. It is None if ``store_precision=False``.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a DataFrame whose column names are all
        strings.

    Notes
    -----
    The notes of `EmpiricalCovariance` hold here, too.

    Differences from scikit-learn:

    - Fitted arrays have the float dtype of the rows, and sums are in the widest float.
    - A covariance that overflows is an error that says so.
    - The methods `partial_fit` and `merge` are additions.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.covariance import ShrunkCovariance
    >>> X = da.from_array([[0.0, 1.0], [2.0, 5.0], [4.0, 3.0]], chunks=(1, 2))
    >>> ShrunkCovariance(shrinkage=0.5).fit(X).covariance_.round(3)
    array([[2.667, 0.667],
           [0.667, 2.667]])
    """

    _parameter_constraints: dict[str, Any] = {
        **EmpiricalCovariance._parameter_constraints,
        "shrinkage": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(
        self, *, store_precision: Any = True, assume_centered: Any = False, shrinkage: Any = 0.1
    ) -> None:
        super().__init__(store_precision=store_precision, assume_centered=assume_centered)
        self.shrinkage = shrinkage

    def _covariance_of(self, state: Any) -> tuple[np.ndarray, float | None]:
        """Return the covariance of the rows of a state in float64, and None.

        Parameters
        ----------
        state : State of the statistic

        Returns
        -------
        covariance : ndarray of shape (n_features, n_features)
        shrinkage : None
            It is a parameter, and not learned.
        """
        covariance = empirical(state, about_zero=self.assume_centered)
        return shrunk(covariance, float(self.shrinkage)), None


class LedoitWolf(EmpiricalCovariance):
    """A covariance with the shrinkage of Ledoit and Wolf, exact in one pass.

    It is scikit-learn's `~sklearn.covariance.LedoitWolf` for arrays of any library and for dask
    collections. `partial_fit` and `merge` give the same result as one fit to all rows.

    Parameters
    ----------
    store_precision : bool, default=True
        Whether the inverse of the covariance is kept in ``precision_``.
    assume_centered : bool, default=False
        Whether the means are taken for 0, so that nothing is subtracted from rows.
    block_size : int, default=1000
        It has no effect. In scikit-learn it limits the memory of products of features, which are
        not needed here.

    Attributes
    ----------
    location_ : array of shape (n_features,)
        The mean of the rows. It is 0 if ``assume_centered=True``.
    covariance_ : array of shape (n_features, n_features)
        The covariance, after the shrinkage.
    precision_ : array of shape (n_features, n_features) or None
        The pseudo-inverse of the covariance. It is None if ``store_precision=False``.
    shrinkage_ : float
        How far the covariance is moved towards its mean variance, from 0 to 1.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a DataFrame whose column names are all
        strings.

    Notes
    -----
    The notes of `EmpiricalCovariance` hold here, too, except for pipelines. The shrinkage needs the
    sum of the fourth powers of the lengths of rows. This sum merges, because two more sums are kept
    (`streamlearn.core.statistics.length_comoments`). It cannot be scaled feature by feature, so
    that a pipeline behind a scaler reads the rows twice.

    Differences from scikit-learn:

    - ``block_size`` has no effect.
    - Fitted arrays have the float dtype of the rows, and sums are in the widest float.
    - A covariance that overflows is an error that says so.
    - The methods `partial_fit` and `merge` are additions.

    References
    ----------
    O. Ledoit and M. Wolf, "A well-conditioned estimator for large-dimensional covariance matrices",
    Journal of Multivariate Analysis 88(2), 2004.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.covariance import LedoitWolf
    >>> X = da.random.default_rng(0).normal(size=(9_000, 3), chunks=(1_000, 3)) * [1, 2, 3] + 1e8
    >>> model = LedoitWolf().fit(X)
    >>> 0 < model.shrinkage_ < 0.01, model.covariance_.shape
    (True, (3, 3))
    """

    _parameter_constraints: dict[str, Any] = {
        **EmpiricalCovariance._parameter_constraints,
        "block_size": [Interval(Integral, 1, None, closed="left")],
    }

    shrinkage_: float

    def __init__(
        self, *, store_precision: Any = True, assume_centered: Any = False, block_size: Any = 1000
    ) -> None:
        super().__init__(store_precision=store_precision, assume_centered=assume_centered)
        self.block_size = block_size

    def _statistic(self) -> Learner:
        return length_comoments.learner()

    @staticmethod
    def _comoments(state: Any) -> Comoments:
        return state.comoments

    def _covariance_of(self, state: Any) -> tuple[np.ndarray, float | None]:
        """Return the covariance of the rows of a state in float64, and its shrinkage.

        Parameters
        ----------
        state : State of the statistic

        Returns
        -------
        covariance : ndarray of shape (n_features, n_features)
        shrinkage : float
        """
        of, about_zero = state.comoments, bool(self.assume_centered)
        covariance = empirical(of, about_zero=about_zero)
        unit = float(to_numpy(or_one(length_comoments.size(of)))[0])
        if about_zero:
            unit = max(unit, float(np.abs(to_numpy(comoments.mean(of))).max()))
        weight = float(to_numpy(or_one(comoments.total_weight(of)))[0])
        spread = spread_of(state, unit, about_zero=about_zero)
        shrinkage = of_ledoit_wolf(covariance / unit / unit, spread, weight)
        return shrunk(covariance, shrinkage), shrinkage


class OAS(EmpiricalCovariance):
    """A covariance with the oracle approximating shrinkage, exact in one pass.

    It is scikit-learn's `~sklearn.covariance.OAS` for arrays of any library and for dask
    collections. `partial_fit` and `merge` give the same result as one fit to all rows.

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
        The covariance, after the shrinkage.
    precision_ : array of shape (n_features, n_features) or None
        The pseudo-inverse of the covariance. It is None if ``store_precision=False``.
    shrinkage_ : float
        How far the covariance is moved towards its mean variance, from 0 to 1.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a DataFrame whose column names are all
        strings.

    Notes
    -----
    The notes of `EmpiricalCovariance` hold here, too. The formula of the shrinkage is
    scikit-learn's, which leaves out a small term of the paper.

    Differences from scikit-learn:

    - Fitted arrays have the float dtype of the rows, and sums are in the widest float.
    - A covariance that overflows is an error that says so.
    - The methods `partial_fit` and `merge` are additions.

    References
    ----------
    Y. Chen, A. Wiesel, Y. C. Eldar and A. O. Hero, "Shrinkage algorithms for MMSE covariance
    estimation", IEEE Transactions on Signal Processing 58(10), 2010.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.covariance import OAS
    >>> X = da.random.default_rng(0).normal(size=(9_000, 3), chunks=(1_000, 3)) * [1, 2, 3] + 1e8
    >>> model = OAS().fit(X)
    >>> 0 < model.shrinkage_ < 0.01, model.covariance_.shape
    (True, (3, 3))
    """

    shrinkage_: float

    def _covariance_of(self, state: Any) -> tuple[np.ndarray, float | None]:
        """Return the covariance of the rows of a state in float64, and its shrinkage.

        Parameters
        ----------
        state : State of the statistic

        Returns
        -------
        covariance : ndarray of shape (n_features, n_features)
        shrinkage : float
        """
        covariance = empirical(state, about_zero=self.assume_centered)
        weight = float(to_numpy(or_one(comoments.total_weight(state)))[0])
        shrinkage = of_oas(covariance, weight)
        return shrunk(covariance, shrinkage), shrinkage
