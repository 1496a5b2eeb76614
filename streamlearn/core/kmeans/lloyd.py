"""An iteration of Lloyd's algorithm as sums over rows, which merge.

Each row x_i of weight a_i is assigned to its nearest centre c_j, and each centre moves to the mean
of its rows [1]_::

    s_i = argmin_j |x_i - c_j|^2
    c_j <- p + sum_(s_i = j) a_i (x_i - p) / sum_(s_i = j) a_i

The point p is zero, or the mean of the centres if they lie far from zero. So no digit is lost far
from zero, and the sums of different rows can be added.

References
----------
.. [1] S. P. Lloyd, "Least squares quantization in PCM", IEEE Transactions on Information Theory
   28(2), 1982.
"""

from __future__ import annotations

from typing import NamedTuple

from streamlearn._arrays import Array, Nearest, namespace, summed
from streamlearn.core.kmeans.assignment import squared_distances, totals
from streamlearn.core.kmeans.clusters import State, relative_centers
from streamlearn.core.rows import cast

ROUNDING = 8.0
"""Distances up to this multiple of eps, in units of the largest centre, count as 0."""


class LloydSums(NamedTuple):
    """Sums over rows that are assigned to their nearest centres, in the widest float.

    Attributes
    ----------
    total : array of shape (k, d)
        For each cluster the sum of weight times (row - p).
    weight : array of shape (k,)
        For each cluster the sum of the weights.
    inertia : array of shape ()
        The sum of weight times squared distance to the nearest centre.
    """

    total: Array
    weight: Array
    inertia: Array


def of_block(
    state: State,
    point: Array,
    X: Array,
    weight: Array | None,
    absent: Array | None = None,
) -> tuple[LloydSums, Nearest]:
    """Return the sums over the rows of X (m, d), at least one, and their nearest centres.

    Parameters
    ----------
    state : State
    point : array of shape (d,)
        The point p in the widest float. It is the same for all rows whose sums are merged.
    X : array of shape (m, d), or sparse rows
    weight : array of shape (m,), or None
    absent : array of bool of shape (k,), optional
        Centres to which no row is assigned; see `streamlearn.core.kmeans.clusters.twins`.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.core.kmeans.clusters import start
    >>> X = np.asarray([[0.0], [1.0], [10.0]])
    >>> sums, near = of_block(start(np.asarray([[0.0], [8.0]])), np.zeros(1), X, None)
    >>> sums.total.tolist(), sums.weight.tolist(), float(sums.inertia), near.labels
    ([[1.0], [10.0]], [2.0, 1.0], 5.0, array([0, 0, 1]))
    """
    found, near = totals(state, X, weight, absent)
    # The origin of these rows is p up to rounding, because it has their dtype.
    wide = point.dtype
    by = -point if found.origin is None else cast(found.origin, wide) - point
    total = found.total + found.weight[:, None] * by
    return LloydSums(total, found.weight, found.inertia), near


def merge(a: LloydSums, b: LloydSums) -> LloydSums:
    """Return the sums over the rows of both, which were assigned to the same centres."""
    return LloydSums(a.total + b.total, a.weight + b.weight, a.inertia + b.inertia)


def point_of(centers: Array) -> Array:
    """Return the point p for centres (k, d): zero, or their mean if they lie far from zero."""
    origin = relative_centers(State(centers, centers[:, 0])).origin
    return namespace(centers).zeros_like(centers[0, :]) if origin is None else origin


def distances_beyond_rounding(state: State, X: Array) -> Array:
    """Return the squared distance of each row of X to its nearest centre, (m,).

    It is 0 if the row equals the centre up to rounding. X has at least one row.
    """
    xp = namespace(state.centers)
    squared = squared_distances(state, X)
    eps = ROUNDING * xp.finfo(squared.dtype).eps
    largest = xp.max(summed(state.centers * state.centers, axis=1))
    return xp.where(squared > eps * eps * largest, squared, xp.zeros_like(squared))
