"""Huber's loss with a scale, summed over all rows at one model: sums that merge.

With residuals r and a scale s, the loss of a row is [1]_::

    s + r^2 / s                         if |r| <= epsilon s, an inlier
    s + 2 epsilon |r| - epsilon^2 s     otherwise, an outlier

As long as no row changes sides, the sum over rows is a function of few sums: of the products of
inliers, of the signs of outliers, and of their weights. So a read of all rows gives the exact step
to the minimum with these sides.

References
----------
.. [1] P. J. Huber, "Robust Statistics", Wiley, 1981, section 7.7: concomitant scale estimates.
   A. B. Owen, "A robust hybrid of lasso and ridge regression", 2006.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from streamlearn._arrays import (
    Array,
    asarray,
    cast,
    column_sums,
    dense,
    device,
    linear_predictor,
    namespace,
    over_rows,
    weighted_products,
    widest_float,
)
from streamlearn.core.batches import cut
from streamlearn.core.learner import Learner
from streamlearn.core.linear.newton_sums import SLICE_NUMBERS, Predictor
from streamlearn.core.mergeable import mergeable


class Params(NamedTuple):
    """The loss and the model. The array may be of another library than the rows.

    Attributes
    ----------
    epsilon : float
    weights : array of shape (1, D)
        The model. The last feature of each row is 1, for the intercept.
    scale : float
        s.
    caution : float
        The share of the curvature of the outliers that counts in ``products``: 0 for none, and 1
        for that of the parabola above the loss of each.
    level, unit : float
        Targets are used as ``(y - level) / unit``.
    """

    epsilon: float
    weights: Any
    scale: float
    caution: float = 0.0
    level: float = 0.0
    unit: float = 1.0


class HuberSums(NamedTuple):
    """Weighted sums over rows z with residuals r.

    Attributes
    ----------
    products : array of shape (D, D)
        The products ``z z'`` of inliers. The products of outliers are multiplied by
        ``caution * epsilon * s / |r|``.
    residual : array of shape (D,)
        The products ``z r`` of inliers.
    signs : array of shape (D,)
        The products ``z sign(r)`` of outliers.
    squares : array of shape (1,)
        The squares ``r^2`` of inliers.
    far : array of shape (1,)
        The magnitudes ``|r|`` of outliers.
    outside, weight : arrays of shape (1,)
        The weights of outliers, and of all rows.
    """

    products: Array
    residual: Array
    signs: Array
    squares: Array
    far: Array
    outside: Array
    weight: Array


def init(params: Params, n_features: int, n_outputs: int = 1, *, like: Array) -> HuberSums:
    """Return the sums of no rows."""
    xp, D = namespace(like), asarray(params.weights, like=like).shape[1]
    shapes: tuple[tuple[int, ...], ...] = ((D, D), (D,), (D,), (1,), (1,), (1,), (1,))
    how = {"dtype": widest_float(like), "device": device(like)}
    return HuberSums(*(xp.zeros(shape, **how) for shape in shapes))


def of_block(params: Params, X: Array, weight: Array | None, target: Array) -> HuberSums:
    """Return the sums of a block with targets (n_rows,).

    Examples
    --------
    >>> import numpy as np
    >>> zero = Params(1.35, np.zeros((1, 2)), 1.0)
    >>> sums = of_block(zero, np.asarray([[1.0], [3.0]]), None, np.asarray([1.0, -5.0]))
    >>> sums.residual, sums.signs, sums.squares, sums.far
    (array([1., 1.]), array([-3., -1.]), array([1.]), array([5.]))
    """
    out = init(params, X.shape[1], like=X)
    like, xp = out.weight, namespace(out.weight)
    w = asarray(params.weights, like=like)
    edge = params.epsilon * params.scale
    for rows in cut(X, target, weight, seen=0, batch_size=max(1, SLICE_NUMBERS // w.shape[1])):
        Z = cast(dense(rows.X), like.dtype)
        one = xp.ones((Z.shape[0], 1), dtype=like.dtype, device=device(like))
        Z = xp.concat([Z, one], axis=1)
        y = (cast(rows.target, like.dtype)[:, None] - params.level) / params.unit
        a = one if rows.weight is None else cast(rows.weight, like.dtype)[:, None]
        r = y - linear_predictor(Z, w)
        size = xp.abs(r)
        inner = size <= edge
        a_in, a_out = xp.where(inner, a, 0.0 * a), xp.where(inner, 0.0 * a, a)
        h = a_in
        if params.caution:
            h = h + a_out * (params.caution * edge) / xp.where(inner, one, size)
        found = (
            weighted_products(Z, h)[0, ...],
            over_rows((a_in * r)[:, 0], Z),
            over_rows((a_out * xp.sign(r))[:, 0], Z),
            column_sums(a_in * r * r),
            column_sums(a_out * size),
            column_sums(a_out),
            column_sums(a),
        )
        out = HuberSums(*(u + v for u, v in zip(out, found, strict=True)))
    return out


def merge(a: HuberSums, b: HuberSums) -> HuberSums:
    """Return the sums of the rows of both."""
    return HuberSums(*(u + v for u, v in zip(a, b, strict=True)))


def _n_features(state: HuberSums) -> int:
    return state.residual.shape[0] - 1


def _is_finite(state: HuberSums) -> Array:
    xp = namespace(state.weight)
    return xp.all(xp.isfinite(state.signs)) & xp.all(xp.isfinite(state.far + state.squares))


def _is_clean(state: HuberSums, n_rows: int) -> Array:
    return _is_finite(state)


def _is_empty(state: HuberSums) -> Array:
    return state.weight[0] == 0


def _applied(params: Params, state: HuberSums) -> Predictor:
    return Predictor(params.weights)


def learner(params: Params) -> Learner:
    """Return a mergeable learner of the sums at a model."""
    return mergeable(
        params,
        init=init,
        of_block=of_block,
        merge=merge,
        applied=_applied,
        n_features=_n_features,
        is_finite=_is_finite,
        is_clean=_is_clean,
        is_empty=_is_empty,
        sparse=True,
        supervised=True,
    )
