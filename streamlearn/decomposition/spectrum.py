"""Principal directions from sums of products, on the host in float64.

Eigenvalues of the matrix of sums are right relative to the largest one. So a direction with a
variance of 1e-6 of the largest has lost six digits. If such a direction matters, features are
brought to length 1 first. The matrix is then a product ``R'R`` with ``R = B D``, where D has the
lengths. One-sided Jacobi rotations find the singular values of R with an error that depends on the
condition number of B alone [1]_, so that scales over orders of magnitude cost no digit.

If B is ill-conditioned, too, all rows are read once more, as ``z = T'(x - m)`` with a T that makes
the z nearly orthonormal. The sums of z lose nothing, and ``R = root(Z'Z) inv(T)`` is as accurate as
the triangular factor of all rows [2]_.

References
----------
.. [1] Z. Drmac and K. Veselic, "New fast and accurate Jacobi SVD algorithm", SIAM J. Matrix Anal.
   Appl. 29(4), 2008.
.. [2] T. Fukaya, R. Kannan, Y. Nakatsukasa, Y. Yamamoto and Y. Yanagisawa, "Shifted Cholesky QR for
   computing the QR factorization of ill-conditioned matrices", SIAM J. Sci. Comput. 42(1), 2020.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import linalg

from streamlearn._estimator.unit_lengths import at_unit_length

SHARE = 1e-6
"""Eigenvalues below this share of the largest are computed from a root of the matrix."""

MOST_ROTATED = 500
"""The largest number of features for Jacobi rotations: they take a second there."""

PARTLY = 200
"""The number of features from which on a few directions are computed without the others."""


class Spectrum(NamedTuple):
    """The directions of rows.

    Attributes
    ----------
    values : ndarray of shape (m,)
        Singular values, the largest first. m is the number of features, or of those wanted.
    directions : ndarray of shape (m, d)
        Orthonormal rows, whose entry of largest magnitude is positive.
    total : float
        The sum of the squares of all singular values.
    accurate : bool
        Whether a second read would add no digit.
    """

    values: np.ndarray
    directions: np.ndarray
    total: float
    accurate: bool


def spectrum(
    xx: np.ndarray, unit: np.ndarray, wanted: int | None = None, root: np.ndarray | None = None
) -> Spectrum:
    """Return the directions of rows.

    Parameters
    ----------
    xx : ndarray of shape (d, d)
        The sums of products, in units of ``unit[i] * unit[j]``.
    unit : ndarray of shape (d,)
    wanted : int, optional
        The number of directions that matter. None means all.
    root : ndarray of shape (r, d), optional
        R with ``R'R = xx`` to all digits, from a second read.

    Examples
    --------
    >>> import numpy as np
    >>> spectrum(np.diag([4.0, 9.0]), np.ones(2)).values
    array([3., 2.])
    """
    d, most = len(unit), float(unit.max(initial=0.0)) or 1.0
    unit = unit / most  # what is far below the largest may become 0, and nothing overflows
    C = xx * unit * unit[:, None]
    total, accurate = float(np.trace(C)), True
    if root is not None:
        values, directions = _rotated(root * unit)
    else:
        few = wanted is not None and d >= PARTLY and 3 * wanted < d
        last = d - 1 if wanted is None else min(wanted, d - 1)
        squares, directions = _largest(C, last + 1 if few else d)
        left = total - squares.sum() if few else total
        if squares[last] < SHARE * squares[0] or left < SHARE * total:
            root, rank, accurate = root_of(xx)
            values, directions = _rotated(root * unit)
            values[rank:] = 0.0
        else:
            values = np.sqrt(np.maximum(squares, 0.0))
    at = np.argmax(np.abs(directions), axis=1)
    signs = np.where(np.take_along_axis(directions, at[:, None], 1) < 0, -1.0, 1.0)
    with np.errstate(over="ignore"):
        return Spectrum(values * most, directions * signs, total * most * most, accurate)


def _largest(C: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the n largest eigenvalues, the largest first, and the eigenvectors as rows."""
    d = len(C)
    if not d:
        return np.zeros(0), np.zeros((0, 0))
    values, vectors = linalg.eigh(C, subset_by_index=None if n == d else (d - n, d - 1))
    return values[::-1], vectors.T[::-1]


def _rotated(R: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return all singular values and the right singular vectors as rows."""
    d = R.shape[1]
    if d <= MOST_ROTATED and np.any(R):
        found, _, vectors, work, _, info = linalg.lapack.dgejsv(R, joba=0, jobu=3, jobv=0, jobp=0)
        if info == 0:
            return found * (work[0] / work[1]), vectors.T
    _, found, directions = linalg.svd(R, full_matrices=True)
    return np.concatenate([found, np.zeros(d - len(found))]), directions


def root_of(xx: np.ndarray) -> tuple[np.ndarray, int, bool]:
    """Return R with ``R'R = xx``, its rank, and whether a second read would add no digit.

    Directions that rounding has left of 0 are 0.
    """
    known = at_unit_length(xx)
    kept = known.values > known.noise
    accurate = bool(np.all(known.values[kept] >= SHARE * known.values[-1]))
    known = known._replace(values=np.where(kept, known.values, 0.0))
    return known.root(), int(kept.sum()), accurate


def whitening(xx: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Return T' (d, d): the products of rows with it are nearly orthonormal."""
    return at_unit_length(xx).above_noise().whitening(unit).T


def root_again(xx: np.ndarray, zz: np.ndarray) -> np.ndarray:
    """Return R with ``R'R = xx`` to all digits, from the sums ``zz`` of whitened rows."""
    found, turned = linalg.eigh(zz)
    found = np.sqrt(np.maximum(found, 0.0))
    return found[:, None] * turned.T @ at_unit_length(xx).above_noise().root()
