"""How far covariances are moved towards their mean variance, on the host in float64.

References
----------
.. [1] O. Ledoit and M. Wolf, "A well-conditioned estimator for large-dimensional covariance
   matrices", Journal of Multivariate Analysis 88(2), 2004.
.. [2] Y. Chen, A. Wiesel, Y. C. Eldar and A. O. Hero, "Shrinkage algorithms for MMSE covariance
   estimation", IEEE Transactions on Signal Processing 58(10), 2010.
"""

from __future__ import annotations

import numpy as np

from streamlearn._arrays import asarray, to_numpy
from streamlearn.core.statistics import comoments, length_comoments, square_comoments
from streamlearn.core.statistics.comoments import Comoments
from streamlearn.core.statistics.length_comoments import LengthComoments
from streamlearn.core.statistics.moments import or_one
from streamlearn.core.statistics.square_comoments import SquareComoments

EPS = float(np.finfo(np.float64).eps)


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


def of_ledoit_wolf(covariance: np.ndarray, spread: float, weight: float) -> float:
    """Return the shrinkage of Ledoit and Wolf [1]_.

    Parameters
    ----------
    covariance : ndarray of shape (d, d)
    spread : float
        The mean of ``|x x' - covariance|^2`` over the rows x, in the Frobenius norm.
    weight : float
        The number of rows.
    """
    d = covariance.shape[0]
    if d == 1:
        return 0.0
    away = np.sum((covariance - np.trace(covariance) / d * np.eye(d)) ** 2)
    spread = spread / weight
    return float(min(spread, away) / away) if spread > 0 and away > 0 else 0.0


def spread_of(state: LengthComoments, unit: float, *, about_zero: bool) -> float:
    """Return the mean of ``|x x' - covariance|^2`` in units of ``unit**4``.

    The rows x are those less their mean, or the rows themselves if ``about_zero``. What the
    mean adds is a sum of its own. The difference of two fourth powers of it would lose all digits.
    """
    of = state.comoments
    weight, m = (
        to_numpy(a).astype(np.float64)
        for a in (or_one(comoments.total_weight(of)), comoments.mean(of))
    )
    T, Q = length_comoments.about_mean(state, asarray(np.asarray([unit]), like=of.mean))
    T, Q = (to_numpy(a).astype(np.float64) / weight for a in (T, Q))
    C, m = empirical(of, about_zero=False) / unit / unit, m / unit
    found = Q[0] - np.sum(C * C)
    if about_zero:
        found += 2.0 * m @ C @ m + 2.0 * (m @ m) * np.trace(C) + 4.0 * m @ T
    return float(found)


def of_oas(covariance: np.ndarray, weight: float) -> float:
    """Return the oracle approximating shrinkage [2]_ of ``weight`` rows, as scikit-learn does."""
    d = covariance.shape[0]
    if d == 1:
        return 0.0
    # The largest variance is the unit, since squares of others may underflow or overflow.
    covariance = covariance / (np.max(np.diagonal(covariance)) or 1.0)
    mean, squares = np.trace(covariance) / d, np.mean(covariance**2)
    # The difference is the mean of these squares, which cannot be negative.
    away = (weight + 1) * np.mean((covariance - mean * np.eye(d)) ** 2)
    return 1.0 if away == 0 else float(min((squares + mean**2) / away, 1.0))


def of_standardized(state: SquareComoments) -> np.ndarray:
    """Return the covariance of rows that Ledoit and Wolf's shrinkage gets in units of deviations.

    Features are divided by their deviations, the covariance is shrunk, and its features are
    multiplied by them again. Constant features are not divided.
    """
    of = state.comoments
    weight = float(to_numpy(or_one(comoments.total_weight(of)))[0])
    covariance = to_numpy(comoments.covariance(of)).astype(np.float64)
    if len(covariance) == 1:
        return covariance
    scale = _deviations(covariance, to_numpy(comoments.mean(of)), weight)
    unit = to_numpy(or_one(square_comoments.units(of))).astype(np.float64) / scale
    squares = to_numpy(square_comoments.squares(state)).astype(np.float64)
    quartic = float((unit**2 @ squares) @ unit**2) / weight
    standard = covariance / scale / scale[:, None]
    shrinkage = of_ledoit_wolf(standard, quartic - float(np.sum(standard**2)), weight)
    return shrunk(standard, shrinkage) * scale * scale[:, None]


def _deviations(covariance: np.ndarray, mean: np.ndarray, weight: float) -> np.ndarray:
    """Return the deviations of the features, 1 for those that scikit-learn takes for constant."""
    variance = np.maximum(np.diagonal(covariance), 0.0)
    rounding = weight * EPS * variance + (weight * mean * EPS) ** 2
    return np.sqrt(np.where(variance <= rounding, 1.0, variance))


def empirical(state: Comoments, *, about_zero: bool) -> np.ndarray:
    """Return the covariance of the rows, or the means of their products if ``about_zero``."""
    if not about_zero:
        return to_numpy(comoments.covariance(state)).astype(np.float64)
    unit = to_numpy(state.unit).astype(np.float64)
    weight = float(to_numpy(or_one(comoments.total_weight(state)))[0])
    products = to_numpy(comoments.about_zero(state)[0]).astype(np.float64)
    with np.errstate(over="ignore"):
        return products / weight * unit * unit[:, None]
