"""The distances of rows from a centre, as a covariance measures them."""

from __future__ import annotations

from typing import NamedTuple

from streamlearn._arrays import Array, cast, float_dtype, namespace
from streamlearn.core.projection import centred


class SquaredDistances(NamedTuple):
    """The squared distances of Mahalanobis, ``(x - location)' precision (x - location)``.

    Attributes
    ----------
    location : array of shape (d,)
    precision : array of shape (d, d)
        The inverse of the covariance.

    Examples
    --------
    >>> import numpy as np
    >>> SquaredDistances(np.ones(2), np.diag([1.0, 4.0]))(np.asarray([[3.0, 2.0]]))
    array([8.])
    """

    location: Array
    precision: Array

    def __call__(self, X: Array) -> Array:
        """Return the squared distance of each row of X, (m,), in their float dtype."""
        xp, dtype = namespace(self.precision), float_dtype(X)
        X, rest = centred(cast(X, dtype), self.location)
        X = X - cast(rest, dtype)
        return xp.sum((X @ cast(self.precision, dtype)) * X, axis=1)
