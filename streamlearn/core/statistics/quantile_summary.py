"""Quantiles of every feature, in one pass and in any order, from a summary of bounded size.

A summary holds some numbers of a feature, sorted. It has the weight at each number, and the weight
between this number and the one before. Between two numbers the weight counts as evenly spread. As
long as all different numbers of a feature fit, there is no weight between numbers, and all
quantiles are exact. The smallest and the largest number are always exact.

Each block is sorted, in `streamlearn.core.statistics.block_summary`. Two summaries are merged by
their numbers. If a number of one summary lies between two numbers of the other, the weight between
these two is divided in proportion to the distances. If there are too many numbers, systematic
sampling by weight with a fixed offset chooses those that are kept, as in reference [1]_. There are
three differences:

- A number that is kept keeps its rank. So its rank is as exact as before.
- The chance to be kept depends on the weight that a number had in its own summary. So a block with
  few rows compared to all rows before replaces few numbers. A chain of a thousand such merges
  replaces as few numbers as a tree of merges.
- Half of the numbers are spread evenly over the ranks. The other half are denser towards both ends,
  where new extremes of drifting rows arrive.

Nothing is drawn: the same blocks give the same summary.

Measured apart from ``bench/``, with 2,048 numbers for each feature, on 2,000,000 rows in 100
blocks, merged as a tree and one after the other. The worst rank error of 99 quantiles was:

- 0.004 % for independent rows (normal, Cauchy, log-normal);
- 0.025 % for rows that drift, rows that are sorted, and blocks that alternate;
- 0.02 % for groups of equal numbers;
- 0.05 % for groups over 600 orders of magnitude;
- at most 0.034 % in a chain of 1,000 merges.

The error falls with the size. On one core, 20 features in blocks of 20,000 rows took 2.7 times as
long as ``np.sort`` of each block, and 0.7 times in blocks of 200,000 rows. A summary takes 48 KB
for each feature in float64.

NaN are left out for each feature, and so are rows of weight 0.

References
----------
.. [1] P. K. Agarwal, G. Cormode, Z. Huang, J. Phillips, Z. Wei, K. Yi, "Mergeable Summaries",
   Symposium on Principles of Database Systems, 2012.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import pi
from typing import Any, NamedTuple

from streamlearn._arrays import (
    Array,
    along_rows,
    concat,
    default_int,
    device,
    float_dtype,
    keep_heap,
    namespace,
    on_host,
    reads_are_free,
    row_order,
    slots,
    widest_float,
)

SIZE = 2048
"""The number of numbers that are kept for each feature."""

TAILS = 0.5
"""The share of the kept numbers that are denser towards the smallest and the largest number."""

ROUNDS = 2
"""The number of corrections of the sampling step for numbers that are heavier than the step."""

AT_ONCE = 1 << 14
"""The number of entries that are processed together on a CPU, so that they stay in its cache."""


class QuantileSummary(NamedTuple):
    """The summary of each feature.

    Attributes
    ----------
    values : array of shape (n_features, size)
        Some numbers of a feature, each once, in ascending order. Infinity fills the rest.
    at : array of shape (n_features, size)
        The weight of the rows at each number, in the widest float. It is 0 if there is no number.
    below : array of shape (n_features, size)
        The weight of the rows between a number and the one before.
    missing : array of int of shape (n_features,)
        The count of rows with a weight that were NaN.
    """

    values: Array
    at: Array
    below: Array
    missing: Array


class Sketch(NamedTuple):
    """The parameters of a summary.

    Attributes
    ----------
    size : int
        The number of numbers for each feature, at least 4. The rank error is in proportion to its
        inverse.
    zeros : bool
        Whether zeros that sparse rows do not store count.
    """

    size: int = SIZE
    zeros: bool = True


def init(params: Any, n_features: int, n_outputs: int = 1, *, like: Array) -> QuantileSummary:
    """Return the summary of no rows, in the library and on the device of ``like``."""
    xp, there, shape = namespace(like), device(like), (n_features, params.size)
    values = xp.full(shape, xp.inf, dtype=float_dtype(like), device=there)
    nothing = xp.zeros(shape, dtype=widest_float(like), device=there)
    missing = xp.zeros(n_features, dtype=default_int(like), device=there)
    return QuantileSummary(values, nothing, nothing, missing)


def merge(a: QuantileSummary, b: QuantileSummary) -> QuantileSummary:
    """Return the summary of the rows of ``a`` and ``b`` together.

    It is exact, in any order, as long as all different numbers fit. If they do not, the rank error
    grows by at most the weight between two neighbours. For smooth distributions it grows by much
    less.
    """
    (d, k), a_some, b_some = a.values.shape, _without_room(a), _without_room(b)
    borders = groups(d, 2 * k, a.values)
    return together([_merged(_part(a_some, *at), _part(b_some, *at), k) for at in borders])


def _without_room(state: QuantileSummary) -> QuantileSummary:
    """Return a summary without the places that no feature uses, if the search for them is free."""
    if not reads_are_free(state.at):
        return state
    used = int(namespace(state.at).count_nonzero(namespace(state.at).any(state.at > 0, axis=0)))
    values, at, below = (a[:, : max(used, 1)] for a in state[:3])
    return QuantileSummary(values, at, below, state.missing)


def _merged(a: QuantileSummary, b: QuantileSummary, k: int) -> QuantileSummary:
    """Return `merge` of some features, with k numbers."""
    xp, ints, m = namespace(a.values), a.missing.dtype, a.values.shape[1]
    values = xp.concat([a.values, b.values], axis=1)
    order = row_order(values)
    x = along_rows(values, order)
    half = _half(a, b)
    step = _steps(x, half)
    nothing = xp.zeros_like(half)
    tied = xp.concat([nothing > 0, x[:, 1:] == x[:, :-1]], axis=1)
    at, own = (
        along_rows(xp.concat(list(both), axis=1), order)
        for both in ((a.at, b.at), (a.at + a.below, b.at + b.below))
    )
    if not (reads_are_free(x) and not bool(xp.any(tied & (at > 0)))):
        # If both have a number, the first of the two gets the weight of both.
        for_first = [xp.where(tied, w, nothing) for w in (at, own)]
        at, own = (
            w - twin + xp.concat([twin[:, 1:], nothing], axis=1)
            for w, twin in zip((at, own), for_first, strict=True)
        )
    mine = order < m
    before = xp.cumulative_sum(xp.astype(mine, ints), axis=1, dtype=ints)
    number = xp.arange(1, values.shape[1] + 1, dtype=ints, device=device(x))
    below = nothing
    for s, seen, its in ((a, before, mine), (b, number - before, ~mine)):
        # A number of the union lies in a gap of s. This is the weight of that gap in the step
        # before the number.
        spread = s.below > 0
        width = _steps(s.values, half)
        density = s.below / xp.where(width > 0, width, nothing + 1)
        density = xp.concat([xp.where(spread, density, nothing), nothing], axis=1)
        below = below + along_rows(density, seen - xp.astype(its, ints))
    below = below * step
    return _kept(x, at, below, own, a.missing + b.missing, k)


def _kept(x: Array, at: Array, below: Array, own: Array, missing: Array, k: int) -> QuantileSummary:
    """Return k of the numbers x (d, m): all if they fit, else a sample by their ``own`` weight.

    Numbers without a weight ``at`` them are not kept.
    """
    xp, ints, wide, m = namespace(x), missing.dtype, at.dtype, x.shape[1]
    zero = xp.zeros_like(at[:, :1])
    some, one = at > 0, zero + 1
    rank = xp.cumulative_sum(xp.astype(some, ints), axis=1, dtype=ints)
    count = rank[:, -1:]
    fits, unit = count <= k, xp.astype(rank, wide)
    all_fit = m <= k or (reads_are_free(x) and bool(xp.all(fits)))
    if not all_fit:
        total = xp.cumulative_sum(own, axis=1)
        q = total / xp.where(total[:, -1:] > 0, total[:, -1:], one)
        tails = (TAILS / pi) / xp.sqrt(xp.maximum(q - q * q, 1e-6 * one))
        first, last = some & (rank == 1), rank == count
        inner = xp.where(first | last, zero, own * (tails + (1 - TAILS)))
        step = xp.sum(inner, axis=1, keepdims=True) / (k - 2)
        for _ in range(ROUNDS):
            step = xp.sum(xp.minimum(inner, step), axis=1, keepdims=True) / (k - 2)
        # A number takes at most one place, even if sums are rounded. The last number takes the
        # last place.
        most = one * (1 - 4 * k * float(xp.finfo(wide).eps))
        inner = xp.minimum(inner / xp.where(step > 0, step, one), most)
        inner = xp.cumulative_sum(xp.where(first, most, inner), axis=1)
        inner = xp.where(last, xp.floor(inner + 0.5) + 0.75, inner)
        unit = xp.where(fits, unit, inner)
    here = slots(unit, k)
    found = here < m
    here = xp.where(found, here, m - 1)
    out, between = [along_rows(a, here) for a in (x, at, below)], None
    if not all_fit:
        upto = along_rows(xp.cumulative_sum(at + below, axis=1), here)
        between = xp.maximum(upto[:, 1:] - out[1][:, 1:] - upto[:, :-1], zero)
        between = xp.where(fits, out[2], xp.concat([zero, between], axis=1))
    return QuantileSummary(
        xp.where(found, out[0], xp.inf * xp.ones_like(x[:, :1])),
        xp.where(found, out[1], zero),
        xp.where(found, out[2] if between is None else between, zero),
        missing,
    )


def _half(a: QuantileSummary, b: QuantileSummary) -> Array:
    """Return 1 for each feature, or 1/2 if differences of its numbers might overflow."""
    xp = namespace(a.values)
    low = xp.minimum(a.values[:, :1], b.values[:, :1])
    return 1 - xp.astype(low < -1, a.at.dtype) / 2


def _steps(x: Array, half: Array) -> Array:
    """Return the differences of neighbouring numbers times ``half``. The first one is 0.

    Infinity, which fills the places without a number, counts as 0.
    """
    xp = namespace(x)
    x = xp.where(xp.isinf(x), 0 * half, x * half)
    return xp.concat([half * 0, x[:, 1:] - x[:, :-1]], axis=1)


def groups(d: int, n: int, like: Array, least: int = 1) -> Iterator[tuple[int, int]]:
    """Yield the borders of groups of features, each of which has n numbers to process."""
    keep_heap()
    most = max(least, (AT_ONCE if on_host(like) else AT_ONCE << 9) // n)
    for start in range(0, d, most):
        yield start, min(start + most, d)


def _part(state: QuantileSummary, start: int, stop: int) -> QuantileSummary:
    return QuantileSummary(*(a[start:stop, ...] for a in state))


def together(parts: list[QuantileSummary]) -> QuantileSummary:
    """Return the summary of all features from the summaries of groups of features."""
    return (
        parts[0]
        if len(parts) == 1
        else QuantileSummary(*(concat(list(a)) for a in zip(*parts, strict=True)))
    )


def total(state: QuantileSummary) -> Array:
    """Return the weight of each feature's numbers, (n_features,)."""
    return namespace(state.at).sum(state.at + state.below, axis=1)


def is_exact(state: QuantileSummary) -> Array:
    """Return for each feature whether the summary holds all of its numbers, (n_features,)."""
    return ~namespace(state.below).any(state.below > 0, axis=1)


def n_features(state: QuantileSummary) -> int:
    """Return the number of features."""
    return state.values.shape[0]


def is_finite(state: QuantileSummary) -> Array:
    """Return whether no row contained infinity."""
    xp = namespace(state.values)
    return ~xp.any(xp.isinf(state.values) & (state.at > 0))


def is_clean(state: QuantileSummary, n_rows: int) -> Array:
    """Return whether ``n_rows`` finite rows without weights contained no NaN."""
    xp = namespace(state.missing)
    return xp.all((state.missing == 0) & (xp.round(total(state)) == n_rows))


def is_empty(state: QuantileSummary) -> Array:
    """Return whether no row with a weight has been seen."""
    xp = namespace(state.at)
    return ~xp.any((state.at[:, 0] > 0) | (state.missing > 0))
