"""The moments of each feature and of a target, and of their products, which merge in any order.

A state holds the moments of x and of y about numbers m and k near their means, and for each feature
the sum P of the products (x - m) (y - k). When the numbers become m' and k', it is::

    P <- P + (m - m') sum (y - k) + (k - k') sum (x - m) + n (m - m') (k - k')

and the sum of two states about the same numbers is that of the rows of both. So nothing cancels,
however far features and target lie from zero. See `streamlearn.core.statistics.moments`.
"""

from __future__ import annotations

from typing import NamedTuple

from streamlearn._arrays import (
    Array,
    batch_rows,
    cast,
    device,
    is_sparse,
    namespace,
    over_rows,
    widest_float,
)
from streamlearn.core.learner import Learner
from streamlearn.core.mergeable import mergeable
from streamlearn.core.statistics import block_moments, moments
from streamlearn.core.statistics.block_comoments import Centred
from streamlearn.core.statistics.moments import Moments, two_part_sum


class Params(NamedTuple):
    """There are none."""


class TargetMoments(NamedTuple):
    """The moments of some rows and their targets.

    Attributes
    ----------
    x : Moments
        The moments of the features.
    y : Moments
        The moments of the target, (1,).
    products : array of shape (n_features,)
        P, the sum of the products of deviations, see the module's docstring.
    products_low : array of shape (n_features,)
        The rounding errors of these sums, which have to be added to them.
    """

    x: Moments
    y: Moments
    products: Array
    products_low: Array


def init(params: Params, n_features: int, n_outputs: int = 1, *, like: Array) -> TargetMoments:
    """Return the moments of no rows, in the library and on the device of ``like``."""
    zeros = namespace(like).zeros(n_features, dtype=widest_float(like), device=device(like))
    x, y = (moments.init(n, like=like) for n in (n_features, 1))
    return TargetMoments(x, y, zeros, zeros)


def of_block(params: Params, X: Array, weight: Array | None, target: Array) -> TargetMoments:
    """Return the moments of a block with its targets, (n_rows,).

    Parameters
    ----------
    params : Params
    X : array of shape (n_rows, n_features), or sparse rows
    weight : None
        Rows have no weights.
    target : array of shape (n_rows,)

    Examples
    --------
    >>> import numpy as np
    >>> X = np.asarray([[1e8, 1.0], [1e8 + 1, -1.0], [1e8 + 2, 0.0]])
    >>> correlation(of_block(Params(), X, None, np.asarray([5.0, 6.0, 7.0])), centred=True)
    array([ 1. , -0.5])
    """
    if not X.shape[0]:
        return init(params, X.shape[1], like=X)
    dtype = widest_float(target)
    y = cast(target, dtype)
    of_x, of_y = block_moments.of_block(X), block_moments.of_block(y[:, None])
    at, z = of_x.mean * of_x.unit, y - (of_y.mean * of_y.unit)[0]
    if is_sparse(X):
        xp = namespace(z)
        products = over_rows(z, cast(X, dtype)) - at * xp.sum(z)
    else:
        products, step = at * 0.0, batch_rows(X)
        for start in range(0, X.shape[0], step):
            some = slice(start, min(start + step, X.shape[0]))
            products = products + over_rows(z[some], cast(X[some, ...], dtype) - at)
    return TargetMoments(of_x, of_y, products, products * 0.0)


def merge(a: TargetMoments, b: TargetMoments) -> TargetMoments:
    """Return the moments of the rows of both."""
    x, y = moments.merge(a.x, b.x), moments.merge(a.y, b.y)
    low = a.products_low + b.products_low
    products, low = two_part_sum(_about(a, x, y), _about(b, x, y), low)
    return TargetMoments(x, y, products, low)


def _about(state: TargetMoments, x: Moments, y: Moments) -> Array:
    """Return the sums of products about the numbers of other moments."""
    by_x = state.x.mean * state.x.unit - x.mean * x.unit
    by_y = state.y.mean * state.y.unit - y.mean * y.unit
    first_x, first_y = state.x.first * state.x.unit, state.y.first * state.y.unit
    return state.products + by_x * first_y + by_y * first_x + state.y.weight * by_x * by_y


def correlation(state: TargetMoments, *, centred: bool) -> Array:
    """Return the correlation of each feature with the target, (n_features,), NaN of constants.

    If not ``centred``, it is the sum of x y, divided by the lengths of x and y.
    """
    x, y = state.x, state.y
    first_x, first_y = x.first * x.unit, y.first * y.unit
    products = state.products + state.products_low
    if centred:
        products = products - first_x * first_y / moments.or_one(y.weight + y.weight_low)
    else:
        at, to = x.mean * x.unit, y.mean * y.unit
        products = products + at * first_y + to * first_x + y.weight * at * to
    xp = namespace(products)
    # Each length is divided by itself, so that no product overflows.
    lengths = [xp.sqrt(moments.squares(m, about_zero=not centred)) * m.unit for m in (x, y)]
    return products / lengths[0] / lengths[1]


def rows(state: TargetMoments) -> Array:
    """Return the number of rows, (1,)."""
    return state.y.weight + state.y.weight_low


def n_features(state: TargetMoments) -> int:
    """Return the number of features."""
    return moments.n_features(state.x)


def is_finite(state: TargetMoments) -> Array:
    """Return whether no row contained infinity."""
    return moments.is_finite(state.x)


def is_clean(state: TargetMoments, n_rows: int) -> Array:
    """Return whether ``n_rows`` finite rows contained no NaN."""
    return moments.is_clean(state.x, n_rows)


def is_empty(state: TargetMoments) -> Array:
    """Return whether no row has been seen."""
    return moments.is_empty(state.y)


def _applied(params: Params, state: TargetMoments) -> Centred:
    return Centred(moments.mean(state.x))


def learner() -> Learner:
    """Return a mergeable learner of the moments of features, a target and their products."""
    return mergeable(
        Params(),
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
