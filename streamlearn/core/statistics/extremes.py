"""Minimum and maximum of every feature, exact, in one pass and in any order of the blocks.

NaN are left out for each feature, and so are rows of weight 0. Numbers keep the float dtype of
their rows. States of two dtypes merge in the wider one.

There are two transformations: `Range` maps each feature to a given range, and `Magnitude` divides
each feature by its largest magnitude. Both are an `AffineMap`, unless they clip.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from streamlearn._arrays import (
    Array,
    batch_rows,
    cast,
    column_range,
    default_int,
    device,
    float_dtype,
    is_sparse,
    namespace,
    of_entries,
    over_rows,
    reads_are_free,
    sparse_extremes,
)
from streamlearn.core.affine_map import AffineMap
from streamlearn.core.learner import Learner
from streamlearn.core.mergeable import mergeable

CONSTANT = 10.0
"""The largest range of a constant feature, in units of rounding; see `spread_or_one`."""


class Extremes(NamedTuple):
    """The extremes of each feature. All arrays have shape (n_features,).

    Attributes
    ----------
    low, high : array
        Minimum and maximum. They are infinity and minus infinity if no number has been seen.
    count : array of int
        The count of numbers that are not NaN.
    missing : array of int
        The count of NaN.
    """

    low: Array
    high: Array
    count: Array
    missing: Array


class Range(NamedTuple):
    """Map each feature to the range from ``low`` to ``high``; ``clip`` numbers outside."""

    low: float = 0.0
    high: float = 1.0
    clip: bool = False


class Magnitude(NamedTuple):
    """Divide each feature by its largest magnitude; ``clip`` numbers outside [-1, 1]."""

    clip: bool = False


Params = Range | Magnitude


class Clipped(NamedTuple):
    """An `AffineMap` whose result is clipped to the range from ``low`` to ``high``."""

    unclipped: AffineMap
    low: float
    high: float

    def __call__(self, X: Array) -> Array:
        """Return the transformed rows of X in their float dtype. Zeros of sparse rows stay 0."""
        X = self.unclipped(X)
        if is_sparse(X):
            (X,) = of_entries(X, self._clip, rows=())
            return X
        return self._clip(X)

    def inverse(self, X: Array) -> Array:
        """Return the original rows of X. Numbers that were clipped are not recovered."""
        return self.unclipped.inverse(X)

    def _clip(self, x: Array) -> Array:
        return namespace(x).clip(x, self.low, self.high)


def init(params: Params, n_features: int, n_outputs: int = 1, *, like: Array) -> Extremes:
    """Return the extremes of no rows, in the library and on the device of ``like``."""
    xp, there = namespace(like), device(like)
    low = xp.full(n_features, xp.inf, dtype=float_dtype(like), device=there)
    nothing = xp.zeros(n_features, dtype=default_int(like), device=there)
    return Extremes(low, -low, nothing, nothing)


def of_block(params: Params, X: Array, weight: Array | None = None) -> Extremes:
    """Return the extremes of a block.

    Parameters
    ----------
    params : Params
        They do not matter here.
    X : array of shape (n_rows, n_features), or sparse rows
        Integers or floats. NaN are missing values. Zeros that are not stored count.
    weight : array of shape (n_rows,), optional
        Row weights. It only matters which of them are 0.

    Returns
    -------
    Extremes

    Examples
    --------
    >>> import numpy as np
    >>> state = of_block(Range(), np.asarray([[1e8, 1.0], [np.nan, 5.0], [2e8, 3.0]]))
    >>> state.low, state.high, state.count
    (array([1.e+08, 1.e+00]), array([2.e+08, 5.e+00]), array([2, 3]))
    """
    state = init(params, X.shape[1], like=X)
    if is_sparse(X):
        return merge(state, Extremes(*sparse_extremes(cast(X, state.low.dtype), weight)))
    if X.shape[0] and weight is None and reads_are_free(X):
        # NaN in X make the extremes NaN, and these are fewer numbers to check.
        low, high = (cast(v, state.low.dtype) for v in column_range(X, holds_nan=False))
        if not namespace(low).any(namespace(low).isnan(low)):
            return merge(state, Extremes(low, high, state.count + X.shape[0], state.missing))
    X, step = cast(X, state.low.dtype), batch_rows(X)
    for start in range(0, X.shape[0], step):
        at = slice(start, min(start + step, X.shape[0]))
        state = merge(state, _of_rows(X[at, ...], None if weight is None else weight[at]))
    return state


def _of_rows(X: Array, weight: Array | None) -> Extremes:
    """Return the extremes of a batch of rows. NaN and rows of weight 0 are left out."""
    xp, ints, ones = namespace(X), default_int(X), namespace(X).ones_like(X[:, 0])
    if weight is not None:
        ones = xp.where(weight != 0, ones, xp.zeros_like(ones))
        X = xp.where((weight != 0)[:, None], X, xp.full_like(X[0, :], xp.nan))
    low, high = column_range(X, holds_nan=True)
    count = over_rows(ones, xp.astype(~xp.isnan(X), X.dtype))
    return Extremes(low, high, xp.astype(count, ints), xp.astype(xp.sum(ones) - count, ints))


def merge(a: Extremes, b: Extremes) -> Extremes:
    """Return the extremes of the rows of ``a`` and ``b``. They are exact, in any order."""
    xp = namespace(a.low)
    return Extremes(
        xp.minimum(a.low, b.low),
        xp.maximum(a.high, b.high),
        a.count + b.count,
        a.missing + b.missing,
    )


def minimum(state: Extremes) -> Array:
    """Return the minimum of each feature, (n_features,), or NaN if no number was seen."""
    return _where_seen(state, state.low)


def maximum(state: Extremes) -> Array:
    """Return the maximum of each feature, (n_features,), or NaN if no number was seen."""
    return _where_seen(state, state.high)


def magnitude(state: Extremes) -> Array:
    """Return the largest magnitude of each feature, (n_features,), or NaN if no number was seen."""
    xp = namespace(state.low)
    return _where_seen(state, xp.maximum(xp.abs(state.low), xp.abs(state.high)))


def spread(state: Extremes) -> Array:
    """Return the range of each feature, maximum - minimum, or NaN if no number was seen."""
    return maximum(state) - minimum(state)


def spread_or_one(params: Range, state: Extremes) -> Array:
    """Return the `spread` of each feature, but 1 for constant features.

    In scikit-learn a feature is constant if its range is below 10 units of rounding at 1. Here, if
    all numbers of a feature are smaller than 1, it is rounding at the largest of them, so a feature
    in a small unit is not constant. A feature is also constant if the inverse of its range
    overflows.
    """
    xp, size, out = namespace(state.low), magnitude(state), spread(state)
    info = xp.finfo(out.dtype)
    rounding = CONSTANT * float(info.eps) * xp.minimum(size, xp.ones_like(size))
    least = (params.high - params.low) / float(info.max)
    return xp.where((out < rounding) | (out <= least), xp.ones_like(out), out)


def magnitude_or_one(state: Extremes) -> Array:
    """Return the `magnitude` of each feature, but 1 for features that are 0."""
    xp, out = namespace(state.low), magnitude(state)
    return xp.where(out == 0, xp.ones_like(out), out)


def affine(params: Params, state: Extremes) -> AffineMap:
    """Return the offset and the scale of the transformation ``params``.

    If the range of a feature overflows, its scale is infinite, and the feature becomes 0.
    """
    if isinstance(params, Magnitude):
        return AffineMap(None, magnitude_or_one(state))
    xp, low = namespace(state.low), minimum(state)
    scale = spread_or_one(params, state) / (params.high - params.low)
    # If the range overflows, the subtraction of the offset would overflow too.
    offset = xp.where(xp.isinf(scale), xp.zeros_like(low), low)
    if params.low == 0:
        return AffineMap(offset, scale)
    remainder = -params.low * scale
    return AffineMap(offset, scale, xp.where(xp.isinf(scale), xp.zeros_like(low), remainder))


def applied(params: Params, state: Extremes) -> AffineMap | Clipped:
    """Return the transformation with these extremes, as a function of rows. NaN stay NaN.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.asarray([[1.0, -4.0], [3.0, 2.0]])
    >>> applied(Range(), of_block(Range(), X))(X)
    array([[0., 0.],
           [1., 1.]])
    >>> applied(Magnitude(), of_block(Magnitude(), X))(X)
    array([[ 0.33333333, -1.        ],
           [ 1.        ,  0.5       ]])
    """
    function = affine(params, state)
    if not params.clip:
        return function
    if isinstance(params, Magnitude):
        return Clipped(function, -1.0, 1.0)
    return Clipped(function, params.low, params.high)


def n_features(state: Extremes) -> int:
    """Return the number of features."""
    return state.low.shape[0]


def is_finite(state: Extremes) -> Array:
    """Return whether no row contained infinity."""
    xp = namespace(state.low)
    return ~xp.any((state.low == -xp.inf) | (state.high == xp.inf))


def is_clean(state: Extremes, n_rows: int) -> Array:
    """Return whether ``n_rows`` finite rows without weights contained no NaN."""
    return namespace(state.count).all(state.count == n_rows)


def is_empty(state: Extremes) -> Array:
    """Return whether no row with a weight has been seen."""
    return namespace(state.count).all(rows(state) == 0)


def rows(state: Extremes) -> Array:
    """Return the number of rows with a weight, the same for each feature, (n_features,)."""
    return state.count + state.missing


def learner(params: Params) -> Learner:
    """Return a mergeable learner with the transformation ``params``."""
    return mergeable(
        params,
        init=init,
        of_block=of_block,
        merge=merge,
        applied=applied,
        n_features=n_features,
        is_finite=is_finite,
        is_clean=is_clean,
        is_empty=is_empty,
        sparse=True,
    )


def _where_seen(state: Extremes, x: Any) -> Array:
    """Return ``x`` with NaN for features without a number."""
    xp = namespace(x)
    return xp.where(state.count != 0, x, xp.full_like(x, xp.nan))
