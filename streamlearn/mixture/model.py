"""The model of a mixture of normal components, on the host in float64."""

from __future__ import annotations

from math import log, pi
from typing import Any, NamedTuple

import numpy as np
from scipy import linalg

from streamlearn._arrays import Array, asarray, to_numpy
from streamlearn.core.class_scores import RotatedScores, SquaredScores
from streamlearn.core.mixture import Sums

FEW = 10 * float(np.finfo(np.float64).eps)
"""Added to the weight of each component, as scikit-learn does, so that none is 0."""

ILL_DEFINED = (
    "Fitting the mixture model failed because some components have ill-defined empirical "
    "covariance (for instance caused by singleton or collapsed samples). Try to decrease the "
    "number of components, increase reg_covar, or scale the input data."
)


class Model(NamedTuple):
    """The parameters of the components.

    Attributes
    ----------
    weights : ndarray of shape (k,)
    means : ndarray of shape (k, d)
    covariances : ndarray of shape (k, d, d), (d, d), (k, d) or (k,)
        By ``covariance_type``, in the order "full", "tied", "diag", "spherical".
    precisions_cholesky : ndarray of the same shape
        Upper triangular U with ``UU'`` the inverse of the covariance, or inverse deviations.
    """

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray
    precisions_cholesky: np.ndarray


def covariances_of(kind: str, sums: Sums, reg_covar: float) -> Any:
    """Return the weights (k,), which add up to the number of rows, the means and the covariances.

    Examples
    --------
    >>> import numpy as np
    >>> one, zero = np.ones(1), np.zeros(1)
    >>> sums = Sums(2 * one, np.ones((1, 1)), np.zeros((1, 1)), np.full((1, 1), 8.0), zero, 2 * one)
    >>> covariances_of("diag", sums, 0.5)
    (array([2.]), array([[1.]]), array([[4.5]]))
    """
    n, mean, rest, scatter = (to_numpy(each).astype(np.float64) for each in sums[:4])
    mean = mean + rest
    weight = n + FEW
    means = mean * (n / weight)[:, None]
    moved, d = mean - means, mean.shape[1]
    if kind == "full":
        more = n[:, None, None] * moved[:, :, None] * moved[:, None, :]
        return weight, means, (scatter + more) / weight[:, None, None] + reg_covar * np.eye(d)
    if kind == "tied":
        more = (n[:, None] * moved).T @ moved
        return weight, means, (scatter[0] + more) / weight.sum() + reg_covar * np.eye(d)
    found = (scatter + n[:, None] * moved**2) / weight[:, None] + reg_covar
    return weight, means, found if kind == "diag" else found.mean(axis=1)


def model_of(kind: str, sums: Sums, reg_covar: float) -> Model:
    """Return the model of the largest likelihood by the responsibilities of the sums.

    Raises
    ------
    ValueError
        If a covariance is singular.
    """
    weight, means, covariances = covariances_of(kind, sums, reg_covar)
    return Model(weight / weight.sum(), means, covariances, cholesky_of_inverse(kind, covariances))


def cholesky_of_inverse(kind: str, covariances: np.ndarray) -> np.ndarray:
    """Return U, upper triangular, with ``UU'`` the inverse of each covariance.

    Raises
    ------
    ValueError
        If one is singular.
    """
    if kind in ("diag", "spherical"):
        if not np.all(covariances > 0.0):
            raise ValueError(ILL_DEFINED)
        return 1.0 / np.sqrt(covariances)
    out = np.empty_like(covariances)
    stacked = covariances.ndim == 3
    for C, U in zip(covariances, out, strict=True) if stacked else [(covariances, out)]:
        try:
            L = linalg.cholesky(C, lower=True)
        except (linalg.LinAlgError, ValueError):
            raise ValueError(ILL_DEFINED) from None
        U[...] = linalg.solve_triangular(L, np.eye(len(L)), lower=True).T
    return out


def cholesky_of(kind: str, precisions: np.ndarray) -> np.ndarray:
    """Return U, upper triangular, with ``UU'`` each of the given precisions."""
    if kind in ("diag", "spherical"):
        return np.sqrt(precisions)
    flipped = np.linalg.cholesky(precisions[..., ::-1, ::-1])
    return np.ascontiguousarray(flipped[..., ::-1, ::-1])


def inverses(kind: str, cholesky: np.ndarray, *, of_covariances: bool) -> np.ndarray:
    """Return the precisions ``UU'``, or the covariances, their inverses."""
    if kind in ("diag", "spherical"):
        return cholesky ** (-2 if of_covariances else 2)
    if of_covariances:
        d = cholesky.shape[-1]
        matrices = cholesky.reshape(-1, d, d)
        V = np.stack([linalg.solve_triangular(U, np.eye(d), lower=False) for U in matrices])
        return (np.swapaxes(V, -1, -2) @ V).reshape(cholesky.shape)
    return cholesky @ np.swapaxes(cholesky, -1, -2)


def scores(
    kind: str, weights: np.ndarray, means: np.ndarray, cholesky: np.ndarray, like: Array
) -> SquaredScores | RotatedScores:
    """Return a function of rows: the logarithms of the weighted densities, (m, k).

    Its arrays are in the library, on the device and in the dtype of ``like``.
    """
    k, d = means.shape
    with np.errstate(divide="ignore"):
        constant = np.log(weights) - 0.5 * d * log(2.0 * pi)
    if kind in ("full", "tied"):
        axes = np.broadcast_to(cholesky, (k, d, d))
        constant = constant + np.log(np.diagonal(axes, axis1=1, axis2=2)).sum(axis=1)
        function: Any = RotatedScores(*(asarray(a, like=like) for a in (means, axes, constant)))
        return function
    by_feature = np.broadcast_to(cholesky if kind == "diag" else cholesky[:, None], (k, d))
    constant = constant + np.log(by_feature).sum(axis=1)
    factor = -0.5 * by_feature**2
    function = SquaredScores(*(asarray(a, like=like) for a in (means, factor, constant)))
    return function


def n_parameters(kind: str, n_components: int, n_features: int) -> int:
    """Return the number of free parameters.

    Examples
    --------
    >>> [n_parameters(kind, 2, 3) for kind in ("full", "tied", "diag", "spherical")]
    [19, 13, 13, 9]
    """
    k, d = n_components, n_features
    triangle = d * (d + 1) // 2
    of_covariances = {"full": k * triangle, "tied": triangle, "diag": k * d, "spherical": k}
    return of_covariances[kind] + k * d + k - 1
