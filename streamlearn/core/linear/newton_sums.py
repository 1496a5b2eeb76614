"""The loss, the gradient and the second derivative of all rows at one model: sums that merge.

A Newton step needs nothing else of the rows. So a read of all rows gives the exact step, whatever
the blocks are and in whatever order they come. Sums are in the widest float of the device.
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
    weighted_sums,
    widest_float,
)
from streamlearn.core.batches import cut
from streamlearn.core.learner import Learner
from streamlearn.core.linear.curvature import products
from streamlearn.core.linear.losses import Loss
from streamlearn.core.linear.mean_deviances import ALL
from streamlearn.core.mergeable import mergeable

SLICE_NUMBERS = 1 << 18
"""Numbers of the rows whose products are computed at a time: few enough for a cache."""


class Params(NamedTuple):
    """The loss and the model. The arrays may be of another library than the rows.

    Attributes
    ----------
    loss : str
        A loss of `streamlearn.core.linear.mean_deviances.ALL` that has a second derivative.
    parameter : float
        Its parameter, see `streamlearn.core.linear.losses.Loss`.
    weights : array of shape (K, D)
        The model. The last feature of each row is 1, for the intercept.
    former : array of shape (K, D) or None
        Another model, of which the loss is summed, too.
    n_classes : int
        The number of classes, 0 for targets that are values.
    class_weight : tuple of float or None
        The weight of the rows of each class. None if all are 1.
    """

    loss: str
    parameter: float
    weights: Array
    former: Array | None = None
    n_classes: int = 0
    class_weight: tuple[float, ...] | None = None


class DerivativeSums(NamedTuple):
    """Weighted sums over rows.

    Attributes
    ----------
    loss, former : arrays of shape (1,)
        The losses of the model, and the losses of the other model.
    gradient : array of shape (K, D)
    hessian : array of shape (K, D, D), or (K, K, D, D) if the loss depends on all columns
    """

    loss: Array
    former: Array
    gradient: Array
    hessian: Array


def init(params: Params, n_features: int, n_outputs: int = 1, *, like: Array) -> DerivativeSums:
    """Return the sums of no rows."""
    xp, (K, D) = namespace(like), asarray(params.weights, like=like).shape
    blocks = (K, K, D, D) if ALL[params.loss].joint else (K, D, D)
    return DerivativeSums(
        *(
            xp.zeros(shape, dtype=widest_float(like), device=device(like))
            for shape in ((1,), (1,), (K, D), blocks)
        )
    )


def of_block(params: Params, X: Array, weight: Array | None, target: Array) -> DerivativeSums:
    """Return the sums of a block, with values (n_rows,) or codes of classes as its target.

    Examples
    --------
    >>> import numpy as np
    >>> zero = Params("squared_error", 0.0, np.zeros((1, 2)))
    >>> sums = of_block(zero, np.asarray([[1.0], [3.0]]), None, np.asarray([1.0, 2.0]))
    >>> sums.loss, sums.gradient
    (array([2.5]), array([[-7., -3.]]))
    """
    out = init(params, X.shape[1], like=X)
    like, xp = out.loss, namespace(out.loss)
    w = asarray(params.weights, like=like)
    former = None if params.former is None else asarray(params.former, like=like)
    loss = ALL[params.loss]
    for rows in cut(X, target, weight, seen=0, batch_size=max(1, SLICE_NUMBERS // w.shape[1])):
        Z = cast(dense(rows.X), like.dtype)
        one = xp.ones((Z.shape[0], 1), dtype=like.dtype, device=device(like))
        Z = xp.concat([Z, one], axis=1)
        y, a = _targets(params, rows.target, rows.weight, like)
        p = linear_predictor(Z, w)
        value, g = loss.both(p, y, params.parameter)
        assert loss.slope is not None
        h = loss.slope(p, y, params.parameter)
        if a is not None:
            g, h = g * a, h * a
        then = 0.0 * out.former
        if former is not None:
            then = _total(loss.value(linear_predictor(Z, former), y, params.parameter), a)
        found = (_total(value, a), then, weighted_sums(g, Z), _hessian(Z, h, loss))
        out = DerivativeSums(*(u + v for u, v in zip(out, found, strict=True)))
    return out


def _hessian(Z: Array, h: Array, loss: Loss) -> Array:
    """Return ``Z' diag(h) Z`` for each column of h, of which numbers may be negative."""
    if not loss.concave:
        return products(Z, h, joint=loss.joint)
    up, down = (namespace(h).clip(each, min=0.0) for each in (h, -h))
    return products(Z, up, joint=False) - products(Z, down, joint=False)


def _total(value: Array, a: Array | None) -> Array:
    """Return the sum of the losses of rows, (1,). All columns of a joint loss have the same."""
    own = value[:, :1]
    return column_sums(own if a is None else own * a)


def _targets(
    params: Params, target: Array, weight: Array | None, like: Array
) -> tuple[Array, Array | None]:
    """Return the targets of the columns and the weights, (m, K) and (m, 1)."""
    xp = namespace(like)
    a = None if weight is None else cast(weight, like.dtype)[:, None]
    if not params.n_classes:
        return cast(target, like.dtype)[:, None], a
    first = 1 if params.n_classes == 2 else 0
    known = xp.arange(first, params.n_classes, dtype=target.dtype, device=device(target))
    y = 2.0 * cast(target[:, None] == known, like.dtype) - 1.0
    if params.class_weight is not None:
        each = xp.take(asarray(params.class_weight, like=like), target)[:, None]
        a = each if a is None else a * each
    return y, a


def merge(a: DerivativeSums, b: DerivativeSums) -> DerivativeSums:
    """Return the sums of the rows of both."""
    return DerivativeSums(*(u + v for u, v in zip(a, b, strict=True)))


def _n_features(state: DerivativeSums) -> int:
    return state.gradient.shape[1] - 1


def _is_finite(state: DerivativeSums) -> Array:
    xp = namespace(state.loss)
    return xp.all(xp.isfinite(state.gradient)) & xp.all(xp.isfinite(state.loss))


def _is_clean(state: DerivativeSums, n_rows: int) -> Array:
    return _is_finite(state)


def _is_empty(state: DerivativeSums) -> Array:
    xp = namespace(state.loss)
    return xp.all(state.hessian == 0.0)


class Predictor(NamedTuple):
    """The scores of rows by a model, (n_rows, K)."""

    weights: Any

    def __call__(self, X: Array) -> Array:
        """Return the scores."""
        w = asarray(self.weights, like=X)
        return linear_predictor(X, w[:, :-1]) + w[:, -1]


def _applied(params: Params, state: DerivativeSums) -> Predictor:
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
