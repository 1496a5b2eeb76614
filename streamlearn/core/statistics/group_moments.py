"""The moments of the rows of several groups, such as clusters, and the distances to their means.

The sums of a block need two reads of its rows in memory: one for means near those of the block's
groups, and one for deviations from them. So nothing cancels, however far the rows lie from zero and
the groups from each other. States of blocks merge as those of `streamlearn.core.statistics.moments`
do: all of their fields have shape (n_groups, n_features).

Rows may be sparse. Their sums are of stored entries, about a shift for each group and feature.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from streamlearn._arrays import (
    Array,
    argmin,
    batch_rows,
    device,
    is_sparse,
    linear_predictor,
    namespace,
    sparse_moments,
    sparse_squared_distances,
    sums_by_label,
    widest_float,
)
from streamlearn.core.statistics.moments import Moments, init, merge, or_one

ROWS_A_GROUP = 16
"""Rows of a batch for each group, so that sums over rows take more time than sums over groups."""


class Centers(NamedTuple):
    """Means in two parts, of shape (n_groups, n_features). The second is what rounding left out."""

    high: Array
    low: Array


def of_block(X: Array, groups: Array, n_groups: int) -> Moments:
    """Return the moments of the rows of each group.

    Parameters
    ----------
    X : array of shape (n_rows, n_features)
        Finite numbers, dense or sparse.
    groups : array of int of shape (n_rows,)
        The number of the group of each row.
    n_groups : int

    Returns
    -------
    Moments
        In units of 1. A group without rows has a mean of 0.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.asarray([[1e8], [1e8 + 1], [5.0]])
    >>> of_block(X, np.asarray([0, 0, 1]), 2).m2
    array([[0.5],
           [0. ]])
    """
    if is_sparse(X):
        return _of_sparse_rows(X, groups, n_groups)
    xp, dtype = namespace(X), widest_float(X)
    zeros = xp.zeros((n_groups, X.shape[1]), dtype=dtype, device=device(X))
    state = init(0, like=X)._replace(**dict.fromkeys(Moments._fields, zeros))
    state = state._replace(unit=xp.ones_like(zeros))
    for rows, codes in _batches(X, groups, n_groups):
        state = merge(state, _of_rows(rows, codes, zeros))
    return state


def _of_sparse_rows(X: Array, groups: Array, n_groups: int) -> Moments:
    xp = namespace(groups)
    zeros = xp.zeros((n_groups, X.shape[1]))
    found = [zeros + 0.0 for _ in range(4)]
    order = xp.argsort(groups)
    ends = xp.searchsorted(groups[order], xp.arange(n_groups + 1)).tolist()
    for group in range(n_groups):
        rows = order[ends[group] : ends[group + 1]]
        if rows.shape[0]:
            shift, n, _, s1, s2 = sparse_moments(X[rows, :], None)
            for field, value in zip(found, (n, shift, s2, s1), strict=True):
                field[group, :] = value
    rows, shift, s2, s1 = found
    # m2 is about the shift, and so is the first sum, in which the mean does not cancel
    return Moments(rows, shift, s2, zeros, s1, zeros, xp.ones_like(zeros))


def _batches(X: Array, groups: Array, n_groups: int) -> Iterator[tuple[Array, Array]]:
    size = max(batch_rows(X), ROWS_A_GROUP * n_groups)
    for start in range(0, X.shape[0], size):
        stop = min(start + size, X.shape[0])
        yield X[start:stop, :], groups[start:stop]


def _of_rows(X: Array, groups: Array, zeros: Array) -> Moments:
    xp, n_groups = namespace(X), zeros.shape[0]
    X = xp.astype(X, zeros.dtype, copy=False)
    ones = xp.ones_like(X[:, 0])
    shift = X[0, :]
    total, rows = sums_by_label(groups, n_groups, X - shift, ones)
    rows = zeros + xp.astype(rows, zeros.dtype)[:, None]
    mean = xp.where(rows > 0, shift + total / or_one(rows), zeros)
    away = X - xp.take(mean, groups, axis=0)
    first, _ = sums_by_label(groups, n_groups, away, ones)
    m2, _ = sums_by_label(groups, n_groups, away * away, ones)
    # The rest of the mean goes to the first sum, in which it does not cancel.
    return Moments(rows, mean, m2, zeros, first, zeros, xp.ones_like(zeros))


def distances(X: Array, centers: Centers, groups: Array) -> Array:
    """Return the distance of each row of X (n_rows, n_features) to the centre of its group.

    Examples
    --------
    >>> import numpy as np
    >>> centers = Centers(np.asarray([[0.0, 0.0], [3.0, 4.0]]), np.zeros((2, 2)))
    >>> distances(np.zeros((2, 2)), centers, np.asarray([0, 1]))
    array([0., 5.])
    """
    if is_sparse(X):
        return namespace(groups).sqrt(
            sparse_squared_distances(X, centers.high + centers.low, groups)
        )
    xp, dtype = namespace(X), widest_float(X)
    high, low = (xp.take(part, groups, axis=0) for part in centers)
    away = (xp.astype(X, dtype, copy=False) - high) - low
    return xp.sqrt(xp.sum(away * away, axis=1))


def nearest_other(X: Array, centers: Centers, groups: Array) -> Array:
    """Return for each row the number of the nearest centre of another group, (n_rows,).

    Rows are compared in coordinates whose origin is the mean of the centres.
    """
    xp, sparse = namespace(groups), is_sparse(X)
    dtype = centers.high.dtype
    origin = xp.mean(centers.high, axis=0)
    B = (centers.high - origin) + centers.low
    half = 0.5 * xp.sum(B * B, axis=1)
    known = xp.arange(B.shape[0], dtype=groups.dtype, device=device(groups))
    found = []
    for rows, codes in _batches(X, groups, B.shape[0]):
        if sparse:
            scores = half + B @ origin - linear_predictor(rows, B)
        else:
            scores = half - (xp.astype(rows, dtype, copy=False) - origin) @ B.T
        largest = xp.max(scores, axis=1, keepdims=True)
        above = xp.zeros_like(scores) + (largest + xp.abs(largest) + 1.0)
        own = codes[:, None] == known
        found.append(argmin(xp.where(own, above, scores), axis=1))
    return xp.concat(found)
