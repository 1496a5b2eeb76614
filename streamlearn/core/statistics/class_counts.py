"""The sums of each feature in each class, which merge in any order.

Features may be binarized first: each number becomes 1 if it is above a threshold of 0 or more, and
0 if it is not. So sparse rows stay sparse. Each merge keeps the rounding error of its sums, as in
`streamlearn.core.statistics.moments`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from streamlearn._arrays import (
    Array,
    cast,
    device,
    entries,
    float_dtype,
    is_sparse,
    namespace,
    of_entries,
    sums_by_label,
    widest_float,
)
from streamlearn.core.learner import Learner
from streamlearn.core.mergeable import mergeable
from streamlearn.core.statistics.moments import two_part_sum


class Params(NamedTuple):
    """What is summed.

    Attributes
    ----------
    n_classes : int
    threshold : float or None
        The threshold above which a number becomes 1. None leaves numbers as they are.
    """

    n_classes: int
    threshold: float | None = None


class ClassCounts(NamedTuple):
    """The weighted sums of some rows.

    Attributes
    ----------
    count : array of shape (n_classes, n_features)
    weight : array of shape (n_classes,)
        The sum of the weights of the rows.
    least : array of shape (n_features,)
        The smallest number if it is negative, else 0.
    count_low, weight_low : arrays
        The rounding errors of the sums, which have to be added to them.
    """

    count: Array
    weight: Array
    least: Array
    count_low: Array
    weight_low: Array


def init(params: Params, n_features: int, n_outputs: int = 1, *, like: Array) -> ClassCounts:
    """Return the sums of no rows, in the library and on the device of ``like``."""
    xp, k = namespace(like), params.n_classes
    count, weight, least = (
        xp.zeros(shape, dtype=widest_float(like), device=device(like))
        for shape in ((k, n_features), (k,), (n_features,))
    )
    return ClassCounts(count, weight, least, count, weight)


def of_block(params: Params, X: Array, weight: Array | None, codes: Array) -> ClassCounts:
    """Return the sums of a block, whose rows have the ``codes`` of classes, (n_rows,).

    Examples
    --------
    >>> import numpy as np
    >>> X, codes = np.asarray([[2, 0], [3, 1], [0, 5]]), np.asarray([0, 0, 1])
    >>> of_block(Params(2), X, None, codes).count
    array([[5., 1.],
           [0., 5.]])
    >>> of_block(Params(2, 1.0), X, None, codes).count
    array([[2., 0.],
           [0., 1.]])
    """
    empty = init(params, X.shape[1], like=X)
    if not X.shape[0]:
        return empty
    xp, dtype = namespace(codes), empty.count.dtype
    if weight is None:
        weight = xp.ones(X.shape[0], dtype=dtype, device=device(codes))
    X = cast(X, dtype) if params.threshold is None else binarized(X, params.threshold, dtype)
    count, total = sums_by_label(codes, params.n_classes, X, cast(weight, dtype))
    return empty._replace(count=cast(count, dtype), weight=cast(total, dtype), least=_least(X))


def _least(X: Array) -> Array:
    """Return the smallest number of each column if it is negative, else 0, (n_features,).

    Sparse rows have one number for all columns.
    """
    xp, values = namespace(entries(X)), entries(X)
    if not is_sparse(X):
        least = xp.min(values, axis=0)
        return xp.minimum(least, xp.zeros_like(least))
    least = xp.zeros(X.shape[1], dtype=values.dtype)
    return xp.minimum(least, xp.min(values)) if values.shape[0] else least


def binarized(X: Array, threshold: float, dtype: Any = None) -> Array:
    """Return 1 for numbers of X above a threshold of 0 or more, and 0 for others. NaN stay NaN.

    Examples
    --------
    >>> import numpy as np
    >>> binarized(np.asarray([[0.5, 2.0, np.nan]]), 1.0)
    array([[ 0.,  1., nan]])
    """
    dtype = float_dtype(X) if dtype is None else dtype
    if is_sparse(X):
        zeros = namespace(X.data).zeros(X.shape[1])
        above: Any = _Above(threshold)
        return of_entries(cast(X, dtype), above, rows=[zeros])[0]
    return _above(cast(X, dtype), threshold)


class _Above(NamedTuple):
    """`binarized` of the entries of sparse rows."""

    threshold: float

    def __call__(self, x: Array, zero: Array) -> Array:
        return _above(x, self.threshold)


def _above(x: Array, threshold: float) -> Array:
    xp = namespace(x)
    return xp.where(xp.isfinite(x), cast(x > threshold, x.dtype), xp.full_like(x, xp.nan))


def merge(a: ClassCounts, b: ClassCounts) -> ClassCounts:
    """Return the sums of the rows of both."""
    xp = namespace(a.count)
    count, count_low = two_part_sum(a.count, b.count, a.count_low + b.count_low)
    weight, weight_low = two_part_sum(a.weight, b.weight, a.weight_low + b.weight_low)
    return ClassCounts(count, weight, xp.minimum(a.least, b.least), count_low, weight_low)


def counts(state: ClassCounts) -> Array:
    """Return the sums of the features, (n_classes, n_features)."""
    return state.count + state.count_low


def weights(state: ClassCounts) -> Array:
    """Return the sums of the weights, (n_classes,)."""
    return state.weight + state.weight_low


def n_features(state: ClassCounts) -> int:
    """Return the number of features."""
    return state.least.shape[0]


def is_finite(state: ClassCounts) -> Array:
    """Return whether no row contained NaN or infinity, which would make a sum NaN or infinite."""
    xp = namespace(state.count)
    return xp.all(xp.isfinite(state.count))


def is_clean(state: ClassCounts, n_rows: int) -> Array:
    """Return whether the rows contained no NaN, which is the same as `is_finite`."""
    return is_finite(state)


def is_empty(state: ClassCounts) -> Array:
    """Return whether no row has a weight."""
    return ~namespace(state.weight).any(state.weight != 0)


class Shares(NamedTuple):
    """The function of rows that divides each feature by its sum over all classes, if there is one.

    Attributes
    ----------
    total : array of shape (n_features,)
    """

    total: Array

    def __call__(self, X: Array) -> Array:
        """Return ``X / total`` in the float dtype of X."""
        dtype = float_dtype(X)
        return cast(X, dtype) / cast(self.total, dtype)


def _applied(params: Params, state: ClassCounts) -> Shares:
    total = namespace(state.count).sum(counts(state), axis=0)
    return Shares(namespace(total).where(total != 0, total, namespace(total).ones_like(total)))


def learner(n_classes: int, threshold: float | None = None) -> Learner:
    """Return a mergeable learner of the sums of each class."""
    return mergeable(
        Params(n_classes, threshold),
        init=init,
        of_block=of_block,
        merge=merge,
        applied=_applied,
        n_features=n_features,
        is_finite=is_finite,
        is_clean=is_clean,
        is_empty=is_empty,
        sparse=True,
        supervised=True,
    )
