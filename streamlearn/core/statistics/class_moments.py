"""The moments of each feature in each class, which merge in any order.

They are the numbers of `streamlearn.core.statistics.moments` with a row for each class. So nothing
cancels, however far the classes lie from zero and from each other.
"""

from __future__ import annotations

from typing import NamedTuple

from streamlearn._arrays import Array, device, namespace, widest_float
from streamlearn.core.learner import Learner
from streamlearn.core.mergeable import mergeable
from streamlearn.core.statistics import block_moments, moments
from streamlearn.core.statistics.block_comoments import Centred
from streamlearn.core.statistics.by_class import rows_by_class
from streamlearn.core.statistics.moments import Moments, or_one


class Params(NamedTuple):
    """The number of classes."""

    n_classes: int


class ClassMoments(NamedTuple):
    """The moments of some rows.

    Attributes
    ----------
    each : Moments
        The weighted moments in each class. All arrays have shape (n_classes, n_features).
    plain : Moments
        The moments of all rows without weights. All arrays have shape (n_features,).
    """

    each: Moments
    plain: Moments


def init(params: Params, n_features: int, n_outputs: int = 1, *, like: Array) -> ClassMoments:
    """Return the moments of no rows, in the library and on the device of ``like``."""
    shape, dtype = (params.n_classes, n_features), widest_float(like)
    zeros = namespace(like).zeros(shape, dtype=dtype, device=device(like))
    none = Moments(*(zeros,) * len(Moments._fields))
    return ClassMoments(none, moments.init(n_features, like=like))


def of_block(params: Params, X: Array, weight: Array | None, codes: Array) -> ClassMoments:
    """Return the moments of a block, whose rows have the ``codes`` of classes, (n_rows,).

    Examples
    --------
    >>> import numpy as np
    >>> X = np.asarray([[1e8], [1.0], [1e8 + 2]])
    >>> state = of_block(Params(2), X, None, np.asarray([1, 0, 1]))
    >>> variance(state.each)
    array([[0.],
           [1.]])
    """
    xp = namespace(codes)
    parts = rows_by_class(X, weight, codes, params.n_classes)
    each = [block_moments.of_block(rows, their) for rows, their in parts]
    stacked = Moments(*(xp.stack(values) for values in zip(*each, strict=True)))
    return ClassMoments(
        stacked, pooled(stacked) if weight is None else block_moments.of_block(X, None)
    )


def merge(a: ClassMoments, b: ClassMoments) -> ClassMoments:
    """Return the moments of the rows of both."""
    return ClassMoments(moments.merge(a.each, b.each), moments.merge(a.plain, b.plain))


def pooled(each: Moments) -> Moments:
    """Return the moments of the rows of all classes, (n_features,).

    Examples
    --------
    >>> import numpy as np
    >>> X = np.asarray([[1.0], [3.0], [8.0]])
    >>> moments.mean(pooled(of_block(Params(2), X, None, np.asarray([0, 0, 1])).each))
    array([4.])
    """
    xp = namespace(each.mean)
    unit = xp.max(each.unit, axis=0)
    each = moments.in_units(xp.zeros_like(each.unit) + unit, each)
    weight = xp.sum(each.weight, axis=0)
    near = xp.max(xp.where(each.weight != 0, each.mean, -xp.inf * xp.ones_like(unit)), axis=0)
    near = xp.where(weight != 0, near, xp.zeros_like(near))
    share = each.weight / or_one(weight)
    mean = near + xp.sum(share * (each.mean - near), axis=0)
    first, m2 = moments.shifted(each.weight, each.first, each.m2, each.mean - mean)
    return Moments(
        weight,
        mean,
        xp.sum(m2, axis=0),
        xp.sum(each.weight_low, axis=0),
        xp.sum(first, axis=0),
        xp.sum(each.m2_low, axis=0),
        unit,
    )


def weights(state: ClassMoments) -> Array:
    """Return the sum of the weights of each class, (n_classes,)."""
    return state.each.weight[:, 0] + state.each.weight_low[:, 0]


def mean(each: Moments) -> Array:
    """Return the means in each class, (n_classes, n_features). They are 0 without a row."""
    return _or_zero(each, moments.mean(each))


def variance(each: Moments) -> Array:
    """Return the variances in each class, (n_classes, n_features). They are 0 without a row."""
    xp, found = namespace(each.mean), _or_zero(each, moments.variance(each))
    return xp.maximum(found, xp.zeros_like(found))


def deviation(each: Moments) -> Array:
    """Return the standard deviations in each class, (n_classes, n_features).

    They are 0 without a row. They neither overflow nor underflow where `variance` does.
    """
    xp, weight = namespace(each.mean), moments.or_one(each.weight + each.weight_low)
    squares = moments.squares(each) / weight
    return _or_zero(each, xp.sqrt(xp.maximum(squares, xp.zeros_like(squares))) * each.unit)


def _or_zero(each: Moments, x: Array) -> Array:
    xp = namespace(x)
    return xp.where(each.weight != 0, x, xp.zeros_like(x))


def rescale(params: Params, state: ClassMoments, rho: Array, delta: Array) -> ClassMoments:
    """Return the moments of features ``(x - delta) / rho``, where ``rho > 0``."""
    return ClassMoments(*(moments.rescale(part, rho, delta) for part in state))


def n_features(state: ClassMoments) -> int:
    """Return the number of features."""
    return state.plain.mean.shape[0]


def is_finite(state: ClassMoments) -> Array:
    """Return whether no row contained infinity."""
    return moments.is_finite(state.each) & moments.is_finite(state.plain)


def is_clean(state: ClassMoments, n_rows: int) -> Array:
    """Return whether ``n_rows`` finite rows contained no NaN."""
    return moments.is_clean(state.plain, n_rows)


def is_empty(state: ClassMoments) -> Array:
    """Return whether no row has a weight."""
    return moments.is_empty(state.each)


def _applied(params: Params, state: ClassMoments) -> Centred:
    return Centred(moments.mean(state.plain))


def learner(n_classes: int) -> Learner:
    """Return a mergeable learner of the moments of each class."""
    return mergeable(
        Params(n_classes),
        init=init,
        of_block=of_block,
        merge=merge,
        applied=_applied,
        n_features=n_features,
        is_finite=is_finite,
        is_clean=is_clean,
        is_empty=is_empty,
        rescale=rescale,
        sparse=True,
        supervised=True,
    )
