"""Functions that give features a distribution: uniform by their quantiles, and then normal."""

from __future__ import annotations

from typing import NamedTuple

from streamlearn._arrays import (
    Array,
    along_rows,
    float_dtype,
    is_sparse,
    namespace,
    ndtr,
    ndtri,
    of_columns,
    places,
)
from streamlearn.core.per_feature import per_feature

BOUND = 1e-7
"""Numbers this near to an end of a feature count as the end, if it becomes normal.

This is scikit-learn's rule.
"""

EDGE = BOUND - 2.0**-52
"""The part of the normal distribution that is cut off at each end."""


class Distribution(NamedTuple):
    """A function of rows that gives each feature a uniform or a normal distribution.

    Attributes
    ----------
    quantiles : array of shape (n_features, k)
        The quantiles of each feature in ascending order, in the widest float.
    references : array of shape (k,)
        The ranks of the quantiles, from 0 to 1.
    normal : bool
        Whether the distribution is normal.

    Examples
    --------
    >>> import numpy as np
    >>> function = Distribution(np.asarray([[1.0, 2.0, 2.0, 4.0]]), np.linspace(0, 1, 4), False)
    >>> function(np.asarray([[0.0], [1.5], [2.0], [3.0], [4.0]]))[:, 0].round(2)
    array([0.  , 0.17, 0.5 , 0.83, 1.  ])
    """

    quantiles: Array
    references: Array
    normal: bool

    def __call__(self, X: Array) -> Array:
        """Return the transformed rows of X in their float dtype. NaN and sparse zeros stay."""
        return self._of(X, inverse=False)

    def inverse(self, X: Array) -> Array:
        """Return the original rows of X. Numbers outside the quantiles become the ends."""
        return self._of(X, inverse=True)

    def _of(self, X: Array, *, inverse: bool) -> Array:
        step = self._back if inverse else self._forth
        if is_sparse(X):
            dtype = float_dtype(X)
            return of_columns(
                X.astype(dtype), lambda j, x: step(x[None, :].astype(float), j, j + 1)[0, :]
            )
        return per_feature(
            X,
            lambda x: namespace(x).astype(step(x, 0, x.shape[0]).T, float_dtype(X)),
            self.quantiles.dtype,
        )

    def _forth(self, x: Array, start: int, stop: int) -> Array:
        """Return the ranks of the numbers of some features, x (d, n)."""
        xp, q = namespace(x), self.quantiles[start:stop, :]
        at = _between(x, q, self.references)
        low, high = q[:, :1], q[:, -1:]
        if self.normal:
            below, above, last = x - BOUND < low, x + BOUND > high, xp.ones_like(at)
        else:
            below, above, last = x <= low, x >= high, self.references[-1:]
        at = xp.where(above, last, at)
        at = xp.where(below, xp.zeros_like(at), at)
        # A feature without a known quantile has no ranks.
        at = xp.where(xp.isnan(low), low, at)
        if self.normal:
            least, most = (ndtri(end + xp.zeros_like(low)) for end in (EDGE, 1 - EDGE))
            at = xp.minimum(xp.maximum(ndtri(at), least), most)
        return xp.where(xp.isnan(x), x, at)

    def _back(self, x: Array, start: int, stop: int) -> Array:
        """Return the numbers that have the given ranks."""
        xp, q = namespace(x), self.quantiles[start:stop, :]
        at = ndtr(x) if self.normal else x
        ranks = xp.broadcast_to(self.references[None, :], q.shape)
        out = _between(at, ranks, q)
        near = BOUND if self.normal else 0.0
        below, above = (at - near < 0, at + near > 1) if self.normal else (at == 0, at == 1)
        out = xp.where(above, q[:, -1:], out)
        out = xp.where(below, q[:, :1], out)
        return xp.where(xp.isnan(x), x, out)


def _between(x: Array, known: Array, of: Array) -> Array:
    """Interpolate ``of`` (k,) or (d, k) linearly at x (d, n), given at the points ``known`` (d, k).

    If several points equal x, the result is the middle between the first and the last of them.
    """
    xp, k = namespace(x), known.shape[1]
    of = xp.broadcast_to(of[None, :] if of.ndim == 1 else of, known.shape)
    x = xp.where(xp.isnan(x), xp.zeros_like(x), x)
    x = xp.minimum(xp.maximum(x, known[:, :1]), known[:, -1:])
    before, upto = places(known, x), places(known, x, after=True)
    # The last point that is not larger than x, and the first point that is not smaller.
    lower = xp.minimum(xp.maximum(upto - 1, 0 * upto), k - 1 + 0 * upto)
    upper = xp.minimum(before, k - 1 + 0 * before)
    a, b = along_rows(known, lower), along_rows(known, upper)
    tied = upto > before
    width = xp.where(tied | ~(b > a), xp.ones_like(a), b - a)
    part = xp.where(tied, 0.5 * xp.ones_like(a), (x - a) / width)
    start, end = along_rows(of, lower), along_rows(of, upper)
    return start + (end - start) * part
