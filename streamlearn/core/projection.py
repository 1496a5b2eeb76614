"""Functions of rows by components: their scores, the rows that scores stand for, and likelihoods.

The mean is subtracted before the product, because rows far from zero would lose digits in it. If
the rows have fewer digits than the mean, the rest of the mean is subtracted after it. Sparse rows
stay sparse: their whole mean is subtracted after the product.
"""

from __future__ import annotations

from math import log, pi
from typing import NamedTuple

from streamlearn._arrays import (
    Array,
    by_columns,
    cast,
    dense,
    float_dtype,
    is_sparse,
    linear_predictor,
    namespace,
)


class Projection(NamedTuple):
    """The function ``(X - mean) @ components.T / scale`` of rows.

    Attributes
    ----------
    components : array of shape (k, d)
        Orthonormal rows.
    mean : array of shape (d,), or None for 0
    scale : array of shape (k,), or None for 1

    Examples
    --------
    >>> import numpy as np
    >>> turn = Projection(np.asarray([[0.6, 0.8]]), np.asarray([1e8, 1e8]))
    >>> turn(np.asarray([[1e8 + 3, 1e8 + 4]]))
    array([[5.]])
    >>> turn.inverse(np.asarray([[5.0]])) - 1e8
    array([[3., 4.]])
    """

    components: Array
    mean: Array | None = None
    scale: Array | None = None

    def __call__(self, X: Array) -> Array:
        """Return the scores of the rows of X, (m, k), in their float dtype."""
        dtype = float_dtype(X)
        V, X = cast(self.components, dtype), cast(X, dtype)
        if self.mean is None:
            out = linear_predictor(X, V)
        else:
            X, rest = centred(X, self.mean)
            out = linear_predictor(X, V) - cast(cast(self.components, rest.dtype) @ rest, dtype)
        return out if self.scale is None else out / cast(self.scale, dtype)

    def inverse(self, Z: Array) -> Array:
        """Return the rows (m, d) that have the scores Z (m, k), and nothing across."""
        dtype = float_dtype(Z)
        Z = cast(Z, dtype)
        if self.scale is not None:
            Z = Z * cast(self.scale, dtype)
        out = Z @ cast(self.components, dtype)
        return out if self.mean is None else out + cast(self.mean, dtype)


class LogDensity(NamedTuple):
    """The logarithm of the density of rows, by a normal distribution [1]_.

    Its variance is that of a component along this component, and ``noise`` across them.

    Attributes
    ----------
    components : array of shape (k, d)
        Orthonormal rows.
    mean : array of shape (d,)
    variance : array of shape (k,)
    noise : array of shape (1,)
        It is not used if there are as many components as features.

    References
    ----------
    .. [1] M. E. Tipping and C. M. Bishop, "Probabilistic Principal Component Analysis", Journal of
       the Royal Statistical Society B 61(3), 1999.

    Examples
    --------
    >>> import numpy as np
    >>> one = np.ones(1)
    >>> LogDensity(np.asarray([[1.0, 0.0]]), np.zeros(2), one, one)(np.asarray([[3.0, 4.0]]))
    array([-14.33787707])
    """

    components: Array
    mean: Array
    variance: Array
    noise: Array

    def __call__(self, X: Array) -> Array:
        """Return the logarithm of the density at each row of X, (m,), in their float dtype."""
        xp, dtype, (k, d) = namespace(self.components), float_dtype(X), self.components.shape
        V, variance = cast(self.components, dtype), cast(self.variance, dtype)
        X, rest = centred(cast(dense(X), dtype), self.mean)
        X = X - cast(rest, dtype)
        Z = X @ V.T
        squares = xp.sum(Z * Z / variance, axis=1)
        logdet = xp.sum(xp.log(variance))
        if k < d:
            # What the components leave of a row has no cancelled digits, unlike its square's rest.
            across, noise = X - Z @ V, cast(self.noise, dtype)
            squares = squares + xp.sum(across * across, axis=1) / noise
            logdet = logdet + (d - k) * xp.log(noise[0])
        return -0.5 * (squares + logdet + d * log(2.0 * pi))


def centred(X: Array, mean: Array) -> tuple[Array, Array]:
    """Return X less what its dtype can hold of the mean, and the rest of the mean."""
    if is_sparse(X):
        return X, mean
    near = cast(mean, X.dtype)
    return by_columns(X, ("subtract", near)), mean - cast(near, mean.dtype)
