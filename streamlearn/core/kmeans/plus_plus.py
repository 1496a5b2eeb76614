"""k-means++: rows to start from that are far from each other.

Each is drawn with a probability in proportion to its squared distance to the nearest one so far;
of a few that are drawn the one is kept that leaves the least inertia. Far from zero the distances
are right: all rows are moved by the first one.

References
----------
.. [1] D. Arthur and S. Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007.
"""

from __future__ import annotations

from streamlearn._arrays import (
    Array,
    argmin,
    by_columns,
    default_int,
    device,
    linear_predictor,
    namespace,
    over_rows,
    position,
    widest_float,
)


def seeds(X: Array, weight: Array | None, first: int, draws: Array) -> Array:
    """Return the rows that greedy k-means++ [1]_ starts from, as indices of shape (k,).

    Parameters
    ----------
    X : array of shape (m, d)
    weight : array of shape (m,), or None
    first : int
        The first of them.
    draws : array of shape (k - 1, trials)
        Uniform on [0, 1). Of each of the others' trials, which are drawn with a probability in
        proportion to their weighted squared distances to the nearest one so far, the one is kept
        that leaves the smallest inertia.
    """
    xp, wide = namespace(X), widest_float(X)
    D = by_columns(xp.astype(X, wide, copy=False), ("subtract", xp.astype(X[first, :], wide)))
    weight = (
        xp.ones(D.shape[0], dtype=wide, device=device(D))
        if weight is None
        else xp.astype(weight, wide, copy=False)
    )
    squares = xp.sum(D * D, axis=1)
    chosen = xp.full((1,), first, dtype=default_int(D), device=device(D))
    nearest, inertia, out = squares, over_rows(weight, squares), [chosen]
    for c in range(draws.shape[0]):
        until = xp.cumulative_sum(weight * nearest)
        trials = position(xp.astype(draws[c, :], wide, copy=False) * inertia, until)
        T = xp.take(D, trials, axis=0)
        # |x|^2 - 2 x.t + |t|^2, in this order: rows of integers that are equal have distance 0.
        left = -2.0 * linear_predictor(T, D) + xp.take(squares, trials)[:, None] + squares
        left = xp.minimum(xp.maximum(left, xp.zeros_like(left)), nearest)
        inertias = over_rows(left, weight)
        best = xp.reshape(argmin(inertias, axis=0), (1,))
        nearest = xp.take(left, best, axis=0)[0, :]
        inertia = xp.take(inertias, best)[0]
        out.append(xp.take(trials, best))
    return xp.concat(out)
