"""Smallest and largest number of every feature, in one pass and in any order: exact.

NaN are counted out per feature, and so are rows whose weight is 0. Numbers stay in the float dtype
of their rows; states of two dtypes merge in the wider one.

A state stands for one of two transformations: features go to a given range (`Range`), or are
divided by their largest magnitude (`Magnitude`). Both are an `AffineMap`, unless they clip.
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
from streamlearn.core.learner import Batch, Learner

CONSTANT = 10.0
"""Range of a constant feature at most, in units of rounding at its largest magnitude or at 1."""


class Extremes(NamedTuple):
    """Extremes of each feature; all arrays have shape (n_features,).

    Attributes
    ----------
    low, high : array
        Smallest and largest number: infinity and minus infinity where nothing has been seen.
    count : array of int
        Numbers that are not NaN.
    missing : array of int
        Numbers that are.
    """

    low: Array
    high: Array
    count: Array
    missing: Array


class Range(NamedTuple):
    """Move each feature to the numbers from ``low`` to ``high``; ``clip`` what is outside."""

    low: float = 0.0
    high: float = 1.0
    clip: bool = False


class Magnitude(NamedTuple):
    """Divide each feature by its largest magnitude; ``clip`` what is beyond 1."""

    clip: bool = False


Params = Range | Magnitude


class Clipped(NamedTuple):
    """An `AffineMap`, and then what is below ``low`` or above ``high`` put there."""

    function: AffineMap
    low: float
    high: float

    def __call__(self, X: Array) -> Array:
        """Return the transformed rows of X, in their float dtype. Zeros of sparse rows stay."""
        X = self.function(X)
        if is_sparse(X):
            (X,) = of_entries(X, self._clip, rows=())
            return X
        return self._clip(X)

    def inverse(self, X: Array) -> Array:
        """Return the rows that became X, where nothing was clipped."""
        return self.function.inverse(X)

    def _clip(self, x: Array) -> Array:
        return namespace(x).clip(x, self.low, self.high)


def init(params: Params, n_features: int, n_outputs: int = 1, *, like: Array) -> Extremes:
    """Return the extremes of no rows, in the place of ``like``."""
    xp, there = namespace(like), device(like)
    low = xp.full(n_features, xp.inf, dtype=float_dtype(like), device=there)
    nothing = xp.zeros(n_features, dtype=default_int(like), device=there)
    return Extremes(low, -low, nothing, nothing)


def of_block(params: Params, X: Array, weight: Array | None = None) -> Extremes:
    """Return the extremes of a block.

    Parameters
    ----------
    params : Params
        The same extremes are kept for all.
    X : array of shape (n_rows, n_features), or sparse rows
        Integers or floats; NaN are missing values. Zeros that are not stored count.
    weight : array of shape (n_rows,), optional
        Row weights, of which only those that are 0 matter.

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
        # NaN reach the extremes, which are fewer.
        low, high = (cast(v, state.low.dtype) for v in column_range(X, holds_nan=False))
        if not namespace(low).any(namespace(low).isnan(low)):
            return merge(state, Extremes(low, high, state.count + X.shape[0], state.missing))
    X, step = cast(X, state.low.dtype), batch_rows(X)
    for start in range(0, X.shape[0], step):
        at = slice(start, min(start + step, X.shape[0]))
        state = merge(state, _of_rows(X[at, ...], None if weight is None else weight[at]))
    return state


def _of_rows(X: Array, weight: Array | None) -> Extremes:
    """Return the extremes of a batch of rows; NaN, and rows of weight 0, are left out."""
    xp, ints, ones = namespace(X), default_int(X), namespace(X).ones_like(X[:, 0])
    if weight is not None:
        ones = xp.where(weight != 0, ones, xp.zeros_like(ones))
        X = xp.where((weight != 0)[:, None], X, xp.full_like(X[0, :], xp.nan))
    low, high = column_range(X, holds_nan=True)
    count = over_rows(ones, xp.astype(~xp.isnan(X), X.dtype))
    return Extremes(low, high, xp.astype(count, ints), xp.astype(xp.sum(ones) - count, ints))


def merge(a: Extremes, b: Extremes) -> Extremes:
    """Return the extremes of the rows of ``a`` and ``b`` together: exact, in any order."""
    xp = namespace(a.low)
    return Extremes(
        xp.minimum(a.low, b.low),
        xp.maximum(a.high, b.high),
        a.count + b.count,
        a.missing + b.missing,
    )


def update(params: Params, state: Extremes, batch: Batch) -> tuple[Extremes, None]:
    """Return the extremes with the rows of ``batch`` among them."""
    return merge(state, of_block(params, batch.X, batch.weight)), None


def minimum(state: Extremes) -> Array:
    """Return the smallest number of each feature, (n_features,); NaN where nothing was seen."""
    return _where_seen(state, state.low)


def maximum(state: Extremes) -> Array:
    """Return the largest number of each feature, (n_features,); NaN where nothing was seen."""
    return _where_seen(state, state.high)


def magnitude(state: Extremes) -> Array:
    """Return the largest magnitude of each feature, (n_features,); NaN where nothing was seen."""
    xp = namespace(state.low)
    return _where_seen(state, xp.maximum(xp.abs(state.low), xp.abs(state.high)))


def spread(state: Extremes) -> Array:
    """Return the largest less the smallest number of each feature; NaN where nothing was seen."""
    return maximum(state) - minimum(state)


def spread_or_one(params: Range, state: Extremes) -> Array:
    """Return `spread`, and 1 for constant features.

    scikit-learn's rule: a feature is constant if its range is below 10 units of rounding at 1. For
    features whose numbers are smaller than 1 it is rounding at the largest of them, so that a
    feature in a small unit is not constant. Features are constant, too, where their range has no
    inverse.
    """
    xp, size, out = namespace(state.low), magnitude(state), spread(state)
    info = xp.finfo(out.dtype)
    rounding = CONSTANT * float(info.eps) * xp.minimum(size, xp.ones_like(size))
    least = (params.high - params.low) / float(info.max)
    return xp.where((out < rounding) | (out <= least), xp.ones_like(out), out)


def magnitude_or_one(state: Extremes) -> Array:
    """Return `magnitude`, and 1 for features that are 0."""
    xp, out = namespace(state.low), magnitude(state)
    return xp.where(out == 0, xp.ones_like(out), out)


def affine(params: Params, state: Extremes) -> AffineMap:
    """Return the offset and the scale that ``params`` ask for.

    A range beyond the floats has no scale in them: such a feature becomes 0.
    """
    if isinstance(params, Magnitude):
        return AffineMap(None, magnitude_or_one(state))
    xp, low = namespace(state.low), minimum(state)
    scale = spread_or_one(params, state) / (params.high - params.low)
    # Where the range overflows, the offset would, too.
    offset = xp.where(xp.isinf(scale), xp.zeros_like(low), low)
    if params.low == 0:
        return AffineMap(offset, scale)
    remainder = -params.low * scale
    return AffineMap(offset, scale, xp.where(xp.isinf(scale), xp.zeros_like(low), remainder))


def applied(params: Params, state: Extremes) -> AffineMap | Clipped:
    """Return `apply` with the extremes at hand, for many batches."""
    function = affine(params, state)
    if not params.clip:
        return function
    if isinstance(params, Magnitude):
        return Clipped(function, -1.0, 1.0)
    return Clipped(function, params.low, params.high)


def apply(params: Params, state: Extremes, X: Array) -> Array:
    """Return the transformed rows of X in their float dtype; NaN stay NaN.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.asarray([[1.0, -4.0], [3.0, 2.0]])
    >>> apply(Range(), of_block(Range(), X), X)
    array([[0., 0.],
           [1., 1.]])
    >>> apply(Magnitude(), of_block(Magnitude(), X), X)
    array([[ 0.33333333, -1.        ],
           [ 1.        ,  0.5       ]])
    """
    return applied(params, state)(X)


def n_features(state: Extremes) -> int:
    """Return how many features the extremes are of."""
    return state.low.shape[0]


def is_finite(state: Extremes) -> Array:
    """Return whether no row was infinite."""
    xp = namespace(state.low)
    return ~xp.any((state.low == -xp.inf) | (state.high == xp.inf))


def is_clean(state: Extremes, n_rows: int) -> Array:
    """Return whether none of ``n_rows`` finite rows without weights held NaN."""
    return namespace(state.count).all(state.count == n_rows)


def is_empty(state: Extremes) -> Array:
    """Return whether no row with a weight has been seen."""
    return namespace(state.count).all(rows(state) == 0)


def rows(state: Extremes) -> Array:
    """Return how many rows the extremes are of, for each feature the same: (n_features,)."""
    return state.count + state.missing


def learner(params: Params) -> Learner:
    """Return a mergeable learner that scales as ``params`` ask."""
    return Learner(
        params,
        init,
        update,
        apply,
        of_block,
        merge,
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
