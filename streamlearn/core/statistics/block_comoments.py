"""The co-moments of the rows of a block, by one product of a matrix with itself.

Rows are shifted first by the mean of some of them. So nothing cancels, however far the data lie
from zero, and a constant feature has a variance of exactly 0. If squares would overflow or
underflow, columns are summed in units of their largest magnitudes.
"""

from __future__ import annotations

from typing import NamedTuple

from streamlearn._arrays import (
    Array,
    any_nonzero,
    argmax,
    by_columns,
    cast,
    dense,
    dense_enough,
    float_dtype,
    is_sparse,
    magnitudes,
    namespace,
    over_rows,
    powers_of_two,
    reads_are_free,
    rows_at,
    shifted_products,
    widest_float,
)
from streamlearn.core.affine_map import far_from_the_ends
from streamlearn.core.learner import Learner
from streamlearn.core.mergeable import mergeable
from streamlearn.core.statistics import comoments
from streamlearn.core.statistics.block_moments import is_narrow
from streamlearn.core.statistics.comoments import Comoments, init
from streamlearn.core.statistics.moments import or_one

ROWS_OF_SHIFT = 256
"""The number of rows of which the mean is the shift."""


def of_block(X: Array, weight: Array | None = None, target: Array | None = None) -> Comoments:
    """Return the co-moments of a block.

    Parameters
    ----------
    X : array of shape (n_rows, d), or sparse rows
        Integers or floats. Zeros that are not stored count.
    weight : array of shape (n_rows,), optional
        Row weights, 0 or more.
    target : array of shape (n_rows,) or (n_rows, t), optional
        Without it there are no targets.

    Returns
    -------
    Comoments
        A mean is NaN if the column contains NaN or infinity, also in rows of weight 0.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.asarray([[1e8, 1.0], [1e8 + 1, 5.0], [1e8 + 2, 3.0]])
    >>> from streamlearn.core.statistics.comoments import about_mean
    >>> xx, xy, yy = about_mean(of_block(X, target=np.asarray([2.0, 3.0, 4.0])))
    >>> xx
    array([[2., 2.],
           [2., 8.]])
    >>> xy, yy
    (array([[2.],
           [2.]]), array([2.]))
    """
    xp = namespace(X)
    Y = target if target is None or target.ndim == 2 else target[:, None]
    t = 0 if Y is None else Y.shape[1]
    if not X.shape[0]:
        return init(X.shape[1], t, like=X)
    narrow = all(is_narrow(A) for A in (X, Y) if A is not None)
    if narrow or reads_are_free(X):
        found = _of_rows(X, weight, Y)
        if narrow or _in_range(found, X, Y):
            return found
    X, unit = _scaled(X, weight)
    if Y is not None:
        Y, more = _scaled(Y, weight)
        unit = xp.concat([unit, more])
    found = _of_rows(X, weight, Y)
    return found._replace(unit=found.unit * unit)


def _scaled(X: Array, weight: Array | None) -> tuple[Array, Array]:
    """Return X in units of its largest magnitudes in rows of weight, and these units."""
    unit = powers_of_two(magnitudes(X, weight))
    X = cast(X, unit.dtype)
    if weight is not None and not is_sparse(X):
        xp = namespace(X)
        ignored = (weight == 0)[:, None] & xp.isfinite(X)
        X = xp.where(ignored, xp.zeros_like(X), X)
    return by_columns(X, ("multiply", 1.0 / or_one(unit))), unit


def _in_range(state: Comoments, X: Array, Y: Array | None) -> bool:
    """Return whether squares of the rows neither overflow nor underflow, by their co-moments.

    The result is False if they contain NaN.
    """
    xp, zero, d = namespace(state.mean), state.unit == 0, X.shape[1]
    squares = xp.concat([xp.linalg.diagonal(state.xx), state.yy])
    size = xp.abs(state.mean) + xp.sqrt(xp.abs(squares / or_one(state.weight)))
    if not xp.all(far_from_the_ends(size + zero)):
        return False
    if not xp.any(zero):
        return True
    # A square of 0 may have underflowed.
    return not (any_nonzero(X, zero[:d]) or (Y is not None and any_nonzero(Y, zero[d:])))


def _of_rows(X: Array, weight: Array | None, Y: Array | None) -> Comoments:
    """Return the co-moments of at least one row. Squares neither overflow nor underflow."""
    xp, d = namespace(X), X.shape[1]
    shift = _shift(X, weight)
    if Y is not None:
        shift = xp.concat([shift, _shift(Y, weight)])
    first, xx, xy, yy = shifted_products(X, shift, weight, Y)
    zero = xp.zeros_like(shift[:1])
    total = zero + (X.shape[0] if weight is None else xp.sum(cast(weight, shift.dtype)))
    zeros = init(d, shift.shape[0] - d, like=shift)
    about = zeros._replace(weight=total, mean=shift, first=first, xx=xx, xy=xy, yy=yy)
    mean = shift + first / or_one(total)
    xx, xy, yy = comoments.moved_to(mean, about)
    squares = xp.concat([xp.linalg.diagonal(xx), yy])
    seen = (mean != 0) | (squares != 0)
    rest = first + total * (shift - mean)
    return about._replace(mean=mean, first=rest, xx=xx, xy=xy, yy=yy, unit=cast(seen, shift.dtype))


def _shift(X: Array, weight: Array | None) -> Array:
    """Return numbers near the mean of X, (d,). That of a constant column is this constant.

    It is the mean of about 256 rows. It is 0 for columns of sparse X that stay sparse.
    """
    xp, dtype = namespace(X), widest_float(X)
    every = slice(None, None, 1 + X.shape[0] // ROWS_OF_SHIFT)
    some = cast(dense(X[every, :]), dtype)
    if weight is None:
        base = some[0, :]
        shift = base + xp.sum((some - base) / some.shape[0], axis=0)
    else:
        u = cast(weight[every], dtype)
        row = argmax(weight, axis=0, keepdims=True)
        base = cast(dense(rows_at(X, row)), dtype)[0, :]
        D = xp.where((u > 0)[:, None], some - base, xp.zeros_like(some))
        shift = base + over_rows(u / or_one(xp.sum(u)), D)
    return xp.where(dense_enough(X), shift, xp.zeros_like(shift)) if is_sparse(X) else shift


class Params(NamedTuple):
    """Whether rows have targets."""

    targets: bool = False


def _init(params: Params, n_features: int, n_outputs: int = 1, *, like: Array) -> Comoments:
    return init(n_features, n_outputs if params.targets else 0, like=like)


def _of_block(
    params: Params, X: Array, weight: Array | None = None, target: Array | None = None
) -> Comoments:
    return of_block(X, weight, target)


def _applied(params: Params, state: Comoments) -> Centred:
    return Centred(comoments.mean(state)[: comoments.n_features(state)])


def _rescale(params: Params, state: Comoments, rho: Array, delta: Array) -> Comoments:
    return comoments.rescale(state, rho, delta)


class Centred(NamedTuple):
    """The function of rows that subtracts the means of the features."""

    mean: Array

    def __call__(self, X: Array) -> Array:
        """Return ``X - mean`` in the float dtype of X."""
        dtype = float_dtype(X)
        return by_columns(cast(X, dtype), ("subtract", cast(self.mean, dtype)))


def learner(targets: bool = False) -> Learner:
    """Return a mergeable learner of co-moments, which centres rows."""
    return mergeable(
        Params(targets),
        init=_init,
        of_block=_of_block,
        merge=comoments.merge,
        applied=_applied,
        n_features=comoments.n_features,
        is_finite=comoments.is_finite,
        is_clean=comoments.is_clean,
        is_empty=comoments.is_empty,
        rescale=_rescale,
        sparse=True,
        supervised=targets,
    )
