"""Sums of products of features that are brought to length 1, on the host in float64.

Then the scales of the features do not matter: features with small numbers keep their digits.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import linalg

EPS = float(np.finfo(np.float64).eps)


class UnitLengths(NamedTuple):
    """The eigenvalues of a matrix X'X whose features have length 1.

    Attributes
    ----------
    values : ndarray of shape (d,)
        The smallest first.
    vectors : ndarray of shape (d, d)
        The eigenvectors, one in each column.
    size : ndarray of shape (d,)
        The lengths of the features, 1 for features of zeros.
    """

    values: np.ndarray
    vectors: np.ndarray
    size: np.ndarray

    @property
    def noise(self) -> float:
        """What rounding leaves of an eigenvalue of 0."""
        return 4 * len(self.values) * EPS * max(self.values[-1], 1.0)

    def above_noise(self) -> UnitLengths:
        """Return the same with eigenvalues of at least `noise`."""
        return self._replace(values=np.maximum(self.values, self.noise))

    def root(self) -> np.ndarray:
        """Return R (d, d) with ``R'R = X'X``. Negative eigenvalues count as 0."""
        values = np.sqrt(np.maximum(self.values, 0.0))
        return values[:, None] * self.vectors.T * self.size

    def whitening(self, unit: np.ndarray) -> np.ndarray:
        """Return T (d, d): the products of rows, whose features have a ``unit``, are orthonormal.

        The eigenvalues must be positive.
        """
        return self.vectors / np.sqrt(self.values) / self.size[:, None] / unit[:, None]


def at_unit_length(xx: np.ndarray) -> UnitLengths:
    """Return the eigenvalues for features of length 1.

    Parameters
    ----------
    xx : ndarray of shape (d, d)
        The sums of products of the features.

    Examples
    --------
    >>> import numpy as np
    >>> found = at_unit_length(np.asarray([[1e20, 0.0], [0.0, 1e-20]]))
    >>> found.values, found.size
    (array([1., 1.]), array([1.e+10, 1.e-10]))
    """
    size = np.sqrt(np.diagonal(xx))
    size = np.where(size > 0, size, 1.0)
    # this driver finds axes of nearly equal variance to more digits than scipy's own choice
    values, vectors = linalg.eigh(xx / size / size[:, None], driver="evd")
    return UnitLengths(values, vectors, size)
