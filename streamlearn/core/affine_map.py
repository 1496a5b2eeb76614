"""The transformation ``(X - offset) / scale``, whatever statistic it comes from.

Other code treats it specially. Batches of such rows are never built. The offset and the scale are
folded into the coefficients of a linear model. A learner continues when both have changed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from streamlearn._arrays import (
    Array,
    by_columns,
    cast,
    float_dtype,
    is_sparse,
    namespace,
    reads_are_free,
)
from streamlearn.core.rows import Affine, Rows

NEAR = 2.0**-40
"""The rounding, in units of the scale, that is allowed if offsets are not subtracted from rows."""


class AffineMap(NamedTuple):
    """The function ``(X - offset) / scale`` of rows.

    Attributes
    ----------
    offset, scale : arrays of shape (n_features,), or None to leave a step out
    remainder : array of shape (n_features,), or None
        The digits that are lost by rounding in a large offset. It is subtracted after the offset.

    Examples
    --------
    >>> import numpy as np
    >>> halves = AffineMap(np.asarray([1.0, 0.0]), np.asarray([2.0, 2.0]))
    >>> halves(np.asarray([[3.0, 4.0]]))
    array([[1., 2.]])
    """

    offset: Array | None
    scale: Array | None
    remainder: Array | None = None

    def __call__(self, X: Array) -> Array:
        """Return the transformed rows of X in their float dtype: X itself if there is no step."""
        return _steps(
            X, ("subtract", self.offset), ("subtract", self.remainder), ("divide", self.scale)
        )

    def inverse(self, X: Array) -> Array:
        """Return ``X * scale + offset``, the original rows except for rounding."""
        return _steps(X, ("multiply", self.scale), ("add", self.remainder), ("add", self.offset))

    def whole_offset(self) -> Array | None:
        """Return the rounded sum of the offset and its remainder."""
        return self.offset if self.remainder is None else self.offset + self.remainder

    def since(self, former: AffineMap) -> tuple[Array, Array] | None:
        """Return ``(rho, delta)``, each (n_features,), that convert rows of ``former`` to this map.

        Where ``former`` gives z, this map gives ``(z - delta) / rho``. The result is None if this
        map has neither an offset nor a scale.
        """
        if self.offset is None and self.scale is None:
            return None
        known = self.scale if self.offset is None else self.offset
        one, zero = namespace(known).ones_like(known), namespace(known).zeros_like(known)
        m0, m1 = (zero if f.offset is None else f.offset for f in (former, self))
        r0, r1 = (zero if f.remainder is None else f.remainder for f in (former, self))
        s0, s1 = (one if f.scale is None else f.scale for f in (former, self))
        return s1 / s0, (m1 - m0 + (r1 - r0)) / s0

    def unbuilt(self, like: Array) -> Callable[[Array], Rows] | None:
        """Return a function that wraps rows as `Affine`, or None if that would lose accuracy.

        ``like`` are some of the rows. Offsets of thousands of scales must be subtracted from the
        rows, because the rounding of products would be too large. Rows must be divided by scales so
        large or small that products would overflow or underflow. Rows on an accelerator are built
        too: the size of the offsets could only be read by waiting for it.
        """
        xp = namespace(like)
        if not (reads_are_free(like) and xp.isdtype(like.dtype, "real floating")):
            return None
        offset = self.whole_offset()
        if offset is not None and is_sparse(like):
            return None
        if offset is not None:
            scale = xp.ones_like(offset) if self.scale is None else self.scale
            near = max(NEAR / xp.finfo(like.dtype).eps, 4.0)
            if not bool(xp.all(xp.abs(offset) <= near * scale)):
                return None
        centre, scale = (
            v if v is None else xp.astype(v, like.dtype, copy=False) for v in (offset, self.scale)
        )
        if scale is not None and not bool(xp.all(far_from_the_ends(scale))):
            return None
        return partial(Affine, centre=centre, scale=scale)


def far_from_the_ends(x: Array) -> Array:
    """Return for which positive numbers x the power ``x**4`` neither overflows nor underflows."""
    edge = float(namespace(x).finfo(x.dtype).max) ** 0.25
    return (x <= edge) & (x >= 1.0 / edge)


def _steps(X: Array, *steps: tuple[str, Array | None]) -> Array:
    xp, dtype = namespace(X), float_dtype(X)
    X = cast(X, dtype)
    return by_columns(
        X, *((op, xp.astype(v, dtype, copy=False)) for op, v in steps if v is not None)
    )
