"""The summary of the rows of a block: they are sorted, and some of the numbers are kept."""

from __future__ import annotations

from typing import Any

from streamlearn._arrays import (
    Array,
    along_rows,
    columns_as_rows,
    default_int,
    device,
    namespace,
    places,
    reads_are_free,
    row_order,
    run_of,
    run_starts,
    slots,
    sorted_rows,
    widest_float,
    with_counts,
)
from streamlearn.core.statistics.quantile_summary import QuantileSummary, groups, init, together

MANY = 16
"""A block with fewer rows than this for each number that may be kept keeps half as many numbers.

Its part of the rank error is small anyway, and the cost of a merge grows with the numbers of both.
"""


def of_block(params: Any, X: Array, weight: Array | None = None) -> QuantileSummary:
    """Return the summary of a block.

    Parameters
    ----------
    params : Sketch
        Any other parameters with the same fields may be given.
    X : array of shape (n_rows, n_features), or sparse rows
        Integers or floats. NaN are missing values.
    weight : array of shape (n_rows,), optional
        Row weights. Rows without a positive weight are left out.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.core.statistics.quantile_summary import Sketch
    >>> state = of_block(Sketch(4), np.asarray([[3.0], [1.0], [np.nan], [3.0]]))
    >>> state.values, state.at
    (array([[ 1.,  3., inf, inf]]), array([[1., 2., 0., 0.]]))
    """
    (n, d), empty = X.shape, init(params, X.shape[1], like=X)
    if n == 0 or d == 0:
        return empty
    dtype, absent = empty.values.dtype, 0.0 if params.zeros else float("nan")
    parts = []
    for start, stop in groups(d, n, empty.values, least=8):
        A = columns_as_rows(X, start, stop, dtype, absent)
        parts.append(_of_columns(A, weight, params.size, widest_float(X)))
    return together(parts)


def _of_columns(A: Array, weight: Array | None, k: int, wide: Any) -> QuantileSummary:
    """Return the summary of the features A (d, n)."""
    xp, n, ints = namespace(A), A.shape[1], default_int(A)
    number = xp.arange(n + 1, dtype=ints, device=device(A))
    if weight is None:
        (V, count), upto = with_counts(sorted_rows(A)), None
        rows = number[-1:]
    else:
        A = xp.where((weight > 0)[None, :], A, xp.nan * xp.ones_like(A[:, :1]))
        order = row_order(A)
        V, count = with_counts(along_rows(A, order))
        w = xp.take(xp.astype(weight, wide), xp.reshape(order, (-1,)))
        w = xp.where(number[:-1] < count, xp.reshape(w, A.shape), xp.zeros_like(w[:1]))
        upto = xp.cumulative_sum(xp.concat([0 * w[:, :1], w], axis=1), axis=1)
        rows = xp.sum(xp.astype(weight > 0, ints), keepdims=True, dtype=ints)
    starts, runs = run_starts(V, count, k, wide)
    fits = runs <= k
    at = starts
    if n > k:
        m = k if n >= MANY * k else max(k // 2, 4)
        part = xp.clip(xp.arange(k, dtype=wide, device=device(A)) / (m - 1), max=1.0)
        if upto is None:
            evenly = xp.ceil(part * xp.astype(count, wide)) - 1
            evenly = xp.astype(xp.clip(evenly, min=0), ints)
        else:
            evenly = places(upto[:, 1:], part * upto[:, -1:])
        evenly = xp.where(number[:k] == m - 1, count - 1, evenly)
        evenly = xp.where(number[:k] < m, xp.clip(evenly, min=0), n)
        at = xp.where(fits, starts, evenly)
    there = (at < n) & (count > 0)
    at = xp.clip(at, max=n - 1)
    first, last = run_of(V, at)
    new = xp.concat([first[:, :1] >= 0, first[:, 1:] != first[:, :-1]], axis=1) & there
    if upto is None:
        low, high = xp.astype(first, wide), xp.astype(last, wide)
    else:
        low, high = along_rows(upto, first), along_rows(upto, last)
    x, zero = along_rows(V, at), xp.zeros_like(low)
    mass = xp.where(new, high - low, zero)
    # Several places may be in one run.
    if n > k and not (reads_are_free(V) and not bool(xp.any(there & ~new))):
        here = slots(xp.cumulative_sum(xp.astype(new, wide), axis=1), k)
        new, here = here < k, xp.clip(here, max=k - 1)
        x, mass, low, high = (along_rows(a, here) for a in (x, mass, low, high))
        mass = xp.where(new, mass, zero)
    between = xp.clip(low[:, 1:] - high[:, :-1], min=0)
    between = xp.concat([zero[:, :1], between], axis=1)
    return QuantileSummary(
        xp.where(new, x, xp.inf * xp.ones_like(x)),
        mass,
        xp.where(new & ~fits, between, zero),
        rows - count[:, 0],
    )
