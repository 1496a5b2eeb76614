"""The squared errors of ridge regression for each row, by the model of all other rows.

With ``z = V'(x - m)`` for eigenvectors V of the co-moments, the model of all rows is
``B = V'b / (lambda + alpha)``. The error of a row by the model of the others [1]_ is::

    (y - mean - z B) / (1 - h)        h = a (1 / W + sum_j z_j^2 / (lambda_j + alpha))

for a row of weight a. So the errors of all penalties are sums over one further read.

References
----------
.. [1] G. H. Golub, M. Heath and G. Wahba, "Generalized cross-validation as a method for choosing a
   good ridge parameter", Technometrics 21(2), 1979.
"""

from __future__ import annotations

from typing import NamedTuple

from streamlearn._arrays import (
    Array,
    asarray,
    by_columns,
    cast,
    dense,
    device,
    is_sparse,
    namespace,
    widest_float,
)
from streamlearn.core.learner import Learner
from streamlearn.core.mergeable import mergeable


class Params(NamedTuple):
    """The models of all rows. The arrays may be of another library than the rows.

    Attributes
    ----------
    mean : array of shape (d,)
        The means of the features.
    vectors : array of shape (d, r)
        V.
    shrunk : array of shape (a, r)
        ``1 / (lambda + alpha)`` for each of a penalties.
    coef : array of shape (a, r, t)
        B.
    target_mean : array of shape (t,)
    share : float
        ``1 / W``, or 0 without an intercept.
    """

    mean: Array
    vectors: Array
    shrunk: Array
    coef: Array
    target_mean: Array
    share: float


class Errors(NamedTuple):
    """Sums of squared errors.

    Attributes
    ----------
    squares : array of shape (a, t)
        For each penalty and target, the sum of weight times squared error.
    rows : array of shape (1,)
        The number of rows.
    """

    squares: Array
    rows: Array


def init(params: Params, n_features: int, n_outputs: int = 1, *, like: Array) -> Errors:
    """Return the sums of no rows."""
    xp, (a, _, t) = namespace(like), params.coef.shape
    how = {"dtype": widest_float(like), "device": device(like)}
    return Errors(xp.zeros((a, t), **how), xp.zeros(1, **how))


def of_rows(params: Params, X: Array, weight: Array | None, target: Array) -> Array:
    """Return the error of each row by the model of all others, (a, n_rows, t)."""
    like = init(params, X.shape[1], like=X).squares
    xp = namespace(target)
    mean, vectors, shrunk, coef, target_mean = (asarray(part, like=like) for part in params[:5])
    Y = cast(target if target.ndim == 2 else target[:, None], like.dtype) - target_mean
    rows = cast(dense(X) if is_sparse(X) else X, like.dtype)
    Z = by_columns(rows, ("subtract", mean)) @ vectors
    share = params.share + (Z * Z) @ xp.matrix_transpose(shrunk)
    if weight is not None:
        share = share * cast(weight, like.dtype)[:, None]
    kept = 1.0 - share
    errors = [(Y - Z @ coef[i, :, :]) / kept[:, i : i + 1] for i in range(coef.shape[0])]
    return xp.stack(errors)


def of_block(params: Params, X: Array, weight: Array | None, target: Array) -> Errors:
    """Return the sums of a block with targets (n_rows,) or (n_rows, t)."""
    squares = of_rows(params, X, weight, target) ** 2
    xp, nothing = namespace(squares), init(params, X.shape[1], like=X)
    if weight is not None:
        squares = squares * cast(weight, squares.dtype)[:, None]
    return Errors(xp.sum(squares, axis=1), nothing.rows + X.shape[0])


def merge(a: Errors, b: Errors) -> Errors:
    """Return the sums of the rows of both."""
    return Errors(a.squares + b.squares, a.rows + b.rows)


def _n_features(state: Errors) -> int:
    return state.squares.shape[1]


def _is_finite(state: Errors) -> Array:
    xp = namespace(state.squares)
    return xp.all(xp.isfinite(state.squares))


def _is_clean(state: Errors, n_rows: int) -> Array:
    return _is_finite(state)


def _is_empty(state: Errors) -> Array:
    return state.rows[0] == 0


def _applied(params: Params, state: Errors) -> Scores:
    return Scores(params)


class Scores(NamedTuple):
    """The predictions of rows by the model of the first penalty, (n_rows, t)."""

    params: Params

    def __call__(self, X: Array) -> Array:
        """Return the predictions."""
        mean, vectors, _, coef, target_mean = (asarray(a, like=X) for a in self.params[:5])
        return by_columns(X, ("subtract", mean)) @ vectors @ coef[0, :, :] + target_mean


def learner(params: Params) -> Learner:
    """Return a mergeable learner of squared errors."""
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
