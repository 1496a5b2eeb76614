"""The weights, means and precisions that a user gives to begin with."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import check_array

from streamlearn._arrays import is_array, to_numpy


class GivenStart(NamedTuple):
    """What the user gives of the first model, on the host in float64. None for what is not given.

    Attributes
    ----------
    weights : ndarray of shape (k,), or None
    means : ndarray of shape (k, d), or None
    precisions : ndarray or None
        Its shape depends on ``covariance_type``.
    """

    weights: np.ndarray | None = None
    means: np.ndarray | None = None
    precisions: np.ndarray | None = None

    @property
    def complete(self) -> bool:
        """Whether nothing must be found in the rows."""
        return all(each is not None for each in self)


def given_start(
    kind: str, n_components: int, n_features: int, weights: Any, means: Any, precisions: Any
) -> GivenStart:
    """Return what the user gives, checked.

    Raises
    ------
    ValueError
        If a shape is wrong, if weights do not add up to 1, or if a precision matrix is not
        symmetric and positive-definite.
    """
    k, d = n_components, n_features
    return GivenStart(
        None if weights is None else _weights(weights, k),
        None if means is None else _array(means, (k, d), "means"),
        None if precisions is None else _precisions(kind, precisions, k, d),
    )


def expected_shape(kind: str, k: int, d: int) -> tuple[int, ...]:
    """Return the shape of precisions and covariances.

    Examples
    --------
    >>> [expected_shape(kind, 2, 3) for kind in ("full", "tied", "diag", "spherical")]
    [(2, 3, 3), (3, 3), (2, 3), (2,)]
    """
    return {"full": (k, d, d), "tied": (d, d), "diag": (k, d), "spherical": (k,)}[kind]


def _array(given: Any, shape: tuple[int, ...], name: str) -> np.ndarray:
    x = check_array(
        to_numpy(given) if is_array(given) else given,
        dtype=[np.float64, np.float32],
        ensure_2d=False,
        allow_nd=True,
        input_name=name,
    )
    if x.shape != shape:
        raise ValueError(
            f"The parameter '{name}' should have the shape of {shape}, but got {x.shape}"
        )
    return np.asarray(x)


def _weights(given: Any, k: int) -> np.ndarray:
    weights = _array(given, (k,), "weights")
    if np.any(weights < 0.0) or np.any(weights > 1.0):
        raise ValueError(
            "The parameter 'weights' should be in the range [0, 1], but got max value "
            f"{weights.min():.5f}, min value {weights.max():.5f}"
        )
    total = weights.sum()
    if abs(1.0 - total) > (1e-6 if weights.dtype == np.float32 else 1e-8):
        raise ValueError(
            "The parameter 'weights' should be normalized, but got sum(weights) = " + f"{total:.5f}"
        )
    return weights.astype(np.float64)


def _precisions(kind: str, given: Any, k: int, d: int) -> np.ndarray:
    found = _array(given, expected_shape(kind, k, d), f"{kind} precision").astype(np.float64)
    if kind in ("diag", "spherical"):
        if np.any(found <= 0.0):
            raise ValueError(f"'{kind} precision' should be positive")
        return found
    for matrix in found.reshape(-1, d, d):
        if not np.allclose(matrix, matrix.T) or not np.all(np.linalg.eigvalsh(matrix) > 0.0):
            raise ValueError(f"'{kind} precision' should be symmetric, positive-definite")
    return found
