"""A basis of B-splines of each feature, by de Boor's recursion, on any array library.

References
----------
.. [1] C. de Boor, "A Practical Guide to Splines", Springer, 1978.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from streamlearn._arrays import (
    Array,
    along_rows,
    default_int,
    device,
    float_dtype,
    namespace,
    places,
    to_sparse,
)
from streamlearn.core.per_feature import per_feature


class Basis(NamedTuple):
    """A function of rows: the values of all splines at each number of a row.

    Attributes
    ----------
    knots : array of shape (n_features, n_knots + 2 * degree)
        The knots in ascending order, in the widest float. At each end ``degree`` of them are
        outside.
    degree : int
    extrapolation : {"error", "constant", "linear", "continue", "periodic"}
        The values beyond the knots. They are NaN for "error".
    bias : bool
        Whether the last spline of each feature is kept.
    sparse : bool
        Whether the result is sparse.

    Examples
    --------
    >>> import numpy as np
    >>> basis = Basis(np.asarray([[-1.0, 0.0, 1.0, 2.0]]), 1, "linear", True, False)
    >>> basis(np.asarray([[0.0], [0.25], [1.0], [1.5], [np.nan]]))
    array([[ 1.  ,  0.  ],
           [ 0.75,  0.25],
           [ 0.  ,  1.  ],
           [-0.5 ,  1.5 ],
           [ 0.  ,  0.  ]])
    """

    knots: Array
    degree: int
    extrapolation: str
    bias: bool
    sparse: bool

    @property
    def n_splines(self) -> int:
        """Return the number of splines of each feature, with the last one."""
        n = self.knots.shape[1] - self.degree - 1
        return n - self.degree if self.extrapolation == "periodic" else n

    @property
    def width(self) -> int:
        """Return the number of columns of the result."""
        return self.knots.shape[0] * (self.n_splines - (not self.bias))

    def __call__(self, X: Array) -> Array:
        """Return the splines at the rows of X, in their float dtype. All splines of NaN are 0."""
        out = float_dtype(X)
        return per_feature(
            X, lambda x: self._of(x, out), self.knots.dtype, extra=4 * max(self.width, 1)
        )

    def _of(self, x: Array, dtype: Any) -> Array:
        """Return the splines at features (d, m), as (m, width)."""
        xp, k, t = namespace(x), self.degree, self.knots
        n = t.shape[1] - k - 1
        low, high = t[:, k : k + 1], t[:, n : n + 1]
        gaps = xp.isnan(x)
        x = xp.where(gaps, low, x)
        beyond, how = (x < low) | (x > high), self.extrapolation
        if how == "periodic":
            width = xp.where(high > low, high - low, 1 + 0 * low)
            x = xp.where(high > low, low + xp.remainder(x - low, width), 0 * x)
        inside = xp.minimum(xp.maximum(x, low), high)
        at = x if how in ("continue", "periodic") else inside
        interval = places(t, at, after=True) - 1
        interval = xp.minimum(xp.maximum(interval, k + 0 * interval), n - 1 + 0 * interval)
        values, slopes = self._local(at, interval)
        if how == "linear":
            values = [v + (x - inside) * s for v, s in zip(values, slopes, strict=True)]
        full = self._placed(values, interval, n)
        m = full.shape[0]
        if how == "periodic" and k:
            # The splines behind the last one are the first ones, a period later.
            first = full[:, :, :k] + full[:, :, n - k :]
            full = xp.concat([first, full[:, :, k : n - k]], axis=2)
        full = xp.where(xp.permute_dims(gaps, (1, 0))[:, :, None], xp.zeros_like(full), full)
        if how == "error":
            wrong = xp.permute_dims(beyond & ~gaps, (1, 0))[:, :, None]
            full = xp.where(wrong, xp.nan * xp.ones_like(full), full)
        if not self.bias:
            full = full[:, :, :-1]
        flat = xp.astype(xp.reshape(full, (m, self.width)), dtype, copy=False)
        return to_sparse(flat) if self.sparse else flat

    def _local(self, x: Array, interval: Array) -> tuple[list[Array], list[Array]]:
        """Return the ``degree + 1`` splines that are not 0 at x (d, m), and their slopes."""
        xp, k = namespace(x), self.degree
        knots = [along_rows(self.knots, interval + i) for i in range(1 - k, k + 1)]
        one, zero = xp.ones_like(x), xp.zeros_like(x)
        values, slopes = [one], [zero]
        for j in range(1, k + 1):
            before, values = values, [zero] * (j + 1)
            slopes = [zero] * (j + 1)
            for i in range(1, j + 1):
                # The two knots around: i after the interval, and j before that one.
                after, start = knots[k - 1 + i], knots[k - 1 + i - j]
                known = after > start
                weight = xp.where(known, before[i - 1], zero)
                weight = weight / xp.where(known, after - start, one)
                values[i - 1] = values[i - 1] + weight * (after - x)
                values[i] = xp.where(known, weight * (x - start), zero)
                slopes[i - 1] = slopes[i - 1] - j * weight
                slopes[i] = j * weight
        return values, slopes

    def _placed(self, values: list[Array], interval: Array, n: int) -> Array:
        """Return all n splines at numbers (d, m), given those that are not 0, as (m, d, n)."""
        xp, k = namespace(interval), self.degree
        d, m = interval.shape
        known = xp.stack([xp.permute_dims(v, (1, 0)) for v in values], axis=2)
        number = xp.arange(n, dtype=default_int(interval), device=device(interval))
        at = number[None, None, :] - xp.permute_dims(interval - k, (1, 0))[:, :, None]
        there = (at >= 0) & (at <= k)
        at = xp.reshape(xp.where(there, at, xp.zeros_like(at)), (m * d, n))
        placed = along_rows(xp.reshape(known, (m * d, k + 1)), at)
        return xp.where(there, xp.reshape(placed, (m, d, n)), xp.zeros_like(known[:, :, :1]))
