"""The product of the covariance of rows with a few vectors, as sums that merge.

For rows x_i with the mean m, and vectors V (d, l), these are::

    W = sum_i (x_i - m) ((x_i - m)' V)

The matrix of features times features is never formed. A read multiplies V by it, which is a step of
the subspace iteration that finds main directions [1]_. Dense rows are centred by a number near
their mean before they are multiplied, and sums of different rows are merged about their common
mean. So no digit is lost far from zero.

References
----------
.. [1] N. Halko, P.-G. Martinsson and J. A. Tropp, "Finding structure with randomness: probabilistic
   algorithms for constructing approximate matrix decompositions", SIAM Review 53(2), 2011.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from streamlearn._arrays import (
    Array,
    asarray,
    batch_rows,
    cast,
    column_sums,
    device,
    is_sparse,
    linear_predictor,
    namespace,
    summed,
    transposed_product,
    widest_float,
)
from streamlearn.core.batches import cut
from streamlearn.core.learner import Learner
from streamlearn.core.mergeable import mergeable
from streamlearn.core.projection import Projection
from streamlearn.core.statistics.moments import or_one


class Params(NamedTuple):
    """The vectors.

    Attributes
    ----------
    vectors : array of shape (d, l), or callable
        V, of any library, or a function that returns it for a number of features.
    """

    vectors: Any


class RangeSums(NamedTuple):
    """Sums over rows, in the widest float.

    Attributes
    ----------
    mean : array of shape (d,)
        m, rounded.
    rest : array of shape (d,)
        What rounding has taken from m.
    weight : array of shape (1,)
        The number of rows.
    squares : array of shape (d,)
        The sum of the squared deviations of each feature from its mean.
    products : array of shape (d, l)
        W.
    """

    mean: Array
    rest: Array
    weight: Array
    squares: Array
    products: Array


def vectors_of(params: Params, n_features: int) -> Array:
    """Return the vectors for rows of some features."""
    return params.vectors(n_features) if callable(params.vectors) else params.vectors


def init(params: Params, n_features: int, n_outputs: int = 1, *, like: Array) -> RangeSums:
    """Return the sums of no rows, in the library and on the device of ``like``."""
    return _nothing(n_features, vectors_of(params, n_features).shape[1], like)


def _nothing(d: int, n_vectors: int, like: Array) -> RangeSums:
    xp = namespace(like)
    shapes = ((d,), (d,), (1,), (d,), (d, n_vectors))
    return RangeSums(
        *(xp.zeros(shape, dtype=widest_float(like), device=device(like)) for shape in shapes)
    )


def of_block(params: Params, X: Array, weight: Array | None = None) -> RangeSums:
    """Return the sums of a block. Rows have no weights.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.asarray([[1e8, 1.0], [1e8 + 1, 5.0], [1e8 + 2, 3.0]])
    >>> found = of_block(Params(np.eye(2)), X)
    >>> found.products, found.squares
    (array([[2., 2.],
           [2., 8.]]), array([2., 8.]))
    """
    d = X.shape[1]
    V = vectors_of(params, d)
    out = _nothing(d, V.shape[1], X)
    V = asarray(V, like=out.mean)
    m = batch_rows(X, extra=V.shape[1])
    if is_sparse(X):
        # The sums of a batch are dense. With d rows the scores take no more memory than they do.
        m = max(m, d)
    for batch in cut(X, None, None, seen=0, batch_size=m):
        rows = cast(batch.X, out.mean.dtype)
        out = merge(out, (_of_sparse if is_sparse(X) else _of_dense)(rows, V), V)
    return out


def _of_dense(rows: Array, V: Array) -> RangeSums:
    """Return the sums of at least one row."""
    n, base = rows.shape[0], rows[0, :]
    mean = base + column_sums(rows - base) / n
    D = rows - mean
    # What rounding has left of the mean is small, so that nothing cancels in its square.
    rest = column_sums(D) / n
    products = transposed_product(D, D @ V) - n * rest[:, None] * (rest @ V)
    squares = summed(D * D, axis=0) - n * rest * rest
    return RangeSums(mean, rest, 0 * rest[:1] + n, squares, products)


def _of_sparse(rows: Array, V: Array) -> RangeSums:
    """Return the sums of sparse rows, which are not centred before they are multiplied."""
    n = rows.shape[0]
    mean = column_sums(rows) / n
    scores = linear_predictor(rows, V.T)
    products = transposed_product(rows, scores) - n * mean[:, None] * (mean @ V)
    squares = column_sums(rows.multiply(rows)) - n * mean * mean
    return RangeSums(mean, 0 * mean, 0 * mean[:1] + n, squares, products)


def merge(a: RangeSums, b: RangeSums, vectors: Array) -> RangeSums:
    """Return the sums of the rows of both, for the same vectors (d, l)."""
    weight = a.weight + b.weight
    share = b.weight / or_one(weight)
    step = share * (b.mean - a.mean)
    mean = a.mean + step
    by = (b.mean - a.mean) + (b.rest - a.rest)
    between = a.weight * share
    return RangeSums(
        mean,
        ((a.mean - mean) + step) + (a.rest + share * (b.rest - a.rest)),
        weight,
        a.squares + b.squares + between * by * by,
        a.products + b.products + between * by[:, None] * (by @ vectors),
    )


class Merge(NamedTuple):
    """`merge` with its vectors."""

    params: Params

    def __call__(self, a: RangeSums, b: RangeSums) -> RangeSums:
        """Return the sums of the rows of both."""
        V = vectors_of(self.params, n_features(a))
        return merge(a, b, asarray(V, like=a.mean))


def mean_of(state: RangeSums) -> Array:
    """Return the mean of each feature, (d,)."""
    return state.mean + state.rest


def about_zero(state: RangeSums, vectors: Array) -> Array:
    """Return the products of rows that are not centred, (d, l)."""
    mean = mean_of(state)
    return state.products + state.weight * mean[:, None] * (mean @ vectors)


def n_features(state: RangeSums) -> int:
    """Return the number of features."""
    return state.mean.shape[0]


def is_finite(state: RangeSums) -> Array:
    """Return whether no row contained NaN or infinity."""
    xp = namespace(state.mean)
    return xp.all(xp.isfinite(state.mean)) & xp.all(xp.isfinite(state.squares))


def is_clean(state: RangeSums, n_rows: int) -> Array:
    """Return whether the rows contained no NaN, which is the same as `is_finite`."""
    return is_finite(state)


def is_empty(state: RangeSums) -> Array:
    """Return whether there are no rows."""
    return ~namespace(state.weight).any(state.weight != 0)


def _applied(params: Params, state: RangeSums) -> Projection:
    V = asarray(vectors_of(params, n_features(state)), like=state.mean)
    return Projection(V.T, mean_of(state))


def learner(vectors: Any) -> Learner:
    """Return a mergeable learner of the products with vectors; see `Params`."""
    params = Params(vectors)
    both: Any = Merge(params)
    return mergeable(
        params,
        init=init,
        of_block=of_block,
        merge=both,
        applied=_applied,
        n_features=n_features,
        is_finite=is_finite,
        is_clean=is_clean,
        is_empty=is_empty,
        sparse=True,
    )
