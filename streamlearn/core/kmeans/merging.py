"""Clusters that were learned from different rows, from the same clusters, as one.

Each centre is the mean of all rows that were ever assigned to it, and its count is their weight.
From centre c and count v one comes to c_a and v_a, another to c_b and v_b. The sums of the rows
that they assigned are ``v_a c_a - v c`` and ``v_b c_b - v c``. So all rows have the count and the
mean::

    n = v_a + v_b - v
    (v_a c_a + v_b c_b - v c) / n = c_a + (v_b (c_b - c) - (v_b - v) (c_a - c)) / n
"""

from __future__ import annotations

from streamlearn._arrays import namespace
from streamlearn.core.kmeans.clusters import State
from streamlearn.core.rows import cast


def merge(before: State, a: State, b: State) -> State:
    """Return the clusters after the rows of ``a`` and those of ``b``, which began with ``before``.

    Examples
    --------
    >>> import numpy as np
    >>> known = (1.0, 2.0), (2.0, 3.0), (0.0, 6.0)
    >>> before, a, b = (State(np.asarray([[x]]), np.asarray([n])) for x, n in known)
    >>> merge(before, a, b)  # the sums are 2, 4 more and 2 less
    State(centers=array([[0.57142857]]), counts=array([7.]))
    """
    xp, wide = namespace(a.centers), a.counts.dtype
    counts = a.counts + b.counts - before.counts
    n = xp.where(counts > 0.0, counts, xp.ones_like(counts))
    by_a, by_b = (cast(each.centers, wide) - cast(before.centers, wide) for each in (a, b))
    p_a, p_b = ((part / n)[:, None] for part in (b.counts - before.counts, b.counts))
    centers = cast(a.centers, wide) + (p_b * by_b - p_a * by_a)
    return State(cast(centers, a.centers.dtype), counts)
