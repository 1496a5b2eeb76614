"""Greedy k-means++: it draws first centres, which are rows that are far from each other.

D(x) is the distance of row x to the nearest centre so far. Each centre is drawn among the rows with
a probability in proportion to D(x)^2 times the weight of x. A few rows are drawn, and the row that
leaves the smallest inertia is kept. The first centre is subtracted from all rows, so distances are
accurate far from zero.

References
----------
.. [1] D. Arthur and S. Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007.
"""

from __future__ import annotations

from streamlearn._arrays import (
    Array,
    argmin,
    default_int,
    dense,
    device,
    namespace,
    over_rows,
    position,
    rows_at,
    widest_float,
)
from streamlearn.core.kmeans.relative import products, relative, some, squares


def seeds(X: Array, weight: Array | None, first: int, draws: Array) -> Array:
    """Return the rows that greedy k-means++ [1]_ chooses as centres.

    Parameters
    ----------
    X : array of shape (m, d), or sparse rows
    weight : array of shape (m,), or None
    first : int
        The index of the first centre.
    draws : array of shape (k - 1, trials)
        Random numbers, uniform on [0, 1): one for each trial of each other centre.

    Returns
    -------
    array of int of shape (k,)
        Indices of rows.
    """
    xp, wide = namespace(X), widest_float(X)
    D = relative(X, xp.astype(dense(rows_at(X, slice(first, first + 1)))[0, :], wide), wide)
    weight = (
        xp.ones(D.shape[0], dtype=wide, device=device(X))
        if weight is None
        else xp.astype(weight, wide, copy=False)
    )
    lengths = squares(D)
    chosen = xp.full((1,), first, dtype=default_int(X), device=device(X))
    nearest, inertia, out = lengths, over_rows(weight, lengths), [chosen]
    for c in range(draws.shape[0]):
        until = xp.cumulative_sum(weight * nearest)
        trials = position(xp.astype(draws[c, :], wide, copy=False) * inertia, until)
        # In this order of |x|^2 - 2 x't + |t|^2, equal rows of integers have distance 0.
        left = -2.0 * products(some(D, trials), D) + xp.take(lengths, trials)[:, None] + lengths
        left = xp.minimum(xp.maximum(left, xp.zeros_like(left)), nearest)
        inertias = over_rows(left, weight)
        best = xp.reshape(argmin(inertias, axis=0), (1,))
        nearest = xp.take(left, best, axis=0)[0, :]
        inertia = xp.take(inertias, best)[0]
        out.append(xp.take(trials, best))
    return xp.concat(out)
