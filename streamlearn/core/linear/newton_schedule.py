"""When Newton does what: the sizes of its batches, and how often H is fed and inverted.

Plain numbers of the host, from the rows seen and the number of features: nothing is read back from
a device, and a task run twice does the same.
"""

from __future__ import annotations

from math import floor, log, log2

from streamlearn._arrays import Array, batch_rows, is_sparse, power_of_two
from streamlearn.core.batches import GROWTH, SMALLEST

WIDEST = 1 << 22
"""Most numbers in H, or in the rows that feed it: above, H is its diagonal."""

BATCH_BYTES = 16 << 20
"""Bytes that the largest batch may take on a CPU.

Measured on 20 float64 features: 43 ns a row in batches of 8,192, 31 in batches of 32,768; and two
threads take turns at the interpreter less often.
"""

SOME = 256
"""Least rows of a batch that limit its step and feed H; of a large one, up to twice as many."""


CHEAP = 1 << 16
"""Products that feeding H may take at every step of few rows, which feed it badly now and then."""


def has_matrix(K: int, D: int, *, sparse: bool = False) -> bool:
    """Return whether H is a matrix, and not its diagonal.

    A row of 20 stored entries costs next to nothing, and a matrix of more than some hundred
    features as much as 100,000 of them: with 2,000 a fit took 250 times as long as scikit-learn's.
    """
    return K * D * max(D, SOME) <= WIDEST and not (sparse and D > 2 * SOME)


def largest(X: Array, n_outputs: int, seen: int) -> int:
    """Return how many rows make the largest batch: a power of two.

    Steps here lose nothing by being few. On a CPU a batch, with some eight numbers a row and column
    beside it, may take all of a shared cache; of sparse rows, whose steps cost more, twice that.
    """
    budget = 2 * BATCH_BYTES if is_sparse(X) else BATCH_BYTES
    return batch_rows(X, extra=8 * n_outputs, budget=budget, most=1 << 16)


def largest_near_kinks(X: Array, n_outputs: int, seen: int) -> int:
    """Return how many rows make the largest batch under a loss with a kink: a power of two.

    Where features are many, a coefficient at a kink needs many steps to settle: hinge on 200 levels
    ends 0.5 % above the optimum in batches of 512 rows, 0.7 in thousands. After so many rows
    ``seen`` there have been some hundred steps of a 128th.
    """
    most = largest(X, n_outputs, seen)
    if is_wide(X, n_outputs):
        return most  # a step costs as much as thousands of rows
    return min(most, power_of_two(max(512, 2**25 // X.shape[1] ** 2, seen // 128)))


def growth(X: Array, n_outputs: int) -> int:
    """Return how many of the rows seen there are to a row of the next batch.

    Where the loss is smooth, batches of a 16th end no higher than of a 32nd on 40 tables, in half
    the steps. A step of wide sparse rows costs by the features, not by the rows, and a diagonal H
    gets further in longer ones: 5 % of excess instead of 18 where 16,000 hashed words are hardly
    penalized.
    """
    return 3 if is_wide(X, n_outputs) else 16


def growth_near_kinks(X: Array, n_outputs: int) -> int:
    """Return what `growth` does, for a loss with a kink: many small steps pay there.

    In batches of a 16th hinge ends 1.1 % above the optimum where one row in a thousand is of the
    other class, of a 32nd 0.1; at a corner of 52 features 0.5 and 0.2 (``bench/defaults.py``, with
    this changed).
    """
    return 3 if is_wide(X, n_outputs) else GROWTH


def is_wide(X: Array, n_outputs: int) -> bool:
    """Return whether the rows are sparse and of so many features that H is its diagonal."""
    return is_sparse(X) and not has_matrix(n_outputs, X.shape[1] + 1, sparse=True)


def sampled(X: Array, n_outputs: int, m: int) -> int:
    """Return how many rows are drawn of a batch of m: some 256 to 512; 0 means all.

    Of sparse rows at least one in four, where each feeds a diagonal H.
    """
    stride = min(4, m // 2048) if is_wide(X, n_outputs) else power_of_two(m // SOME)
    return m // stride if stride > 1 else 0


def due(T: int, m: int, d: int, nonsmooth: bool) -> tuple[bool, bool, float]:
    """Return whether m rows feed H, whether they invert it, and how many the fed ones stand for."""
    inverted, fed, gap = pace(T, d, nonsmooth)
    invert_by, feed_by, _ = pace(T + m, d, nonsmooth)
    feeds, inverts = floor(feed_by) != floor(fed), floor(invert_by) != floor(inverted)
    if m < SMALLEST and m * (d + 1) ** 2 <= CHEAP:
        return True, T == 0 or inverts, m
    return T == 0 or feeds, T == 0 or inverts, max(m, gap)


def pace(T: int, d: int, nonsmooth: bool) -> tuple[float, float, float]:
    """Return how many inversions and feeds T rows are worth, and the rows from feed to feed.

    An inversion takes about the time of ``600 + d**2 / 20`` rows (measured at d = 20 to 500). The
    rows double between inversions until twice as many lie between, and grow by a tenth at last.
    Near a kink curvature moves with the models: until 1200 + d**2 / 20 lie between, and by 5 %
    where features are many, fed twice as often; as long as `SOME` rows cost less than an inversion.
    """
    nonsmooth = nonsmooth and d + 1 < SOME
    part, often = (20, min(10 + d // 20, 20)) if nonsmooth else (10, 10)
    cost, D, T = 1200 + d * d / part, d + 1, T + d + 1
    if cost > T:
        return log2(T / D), 8 * log2(T / D), T * log(2) / 8
    feeds, n = 8 if nonsmooth else 4, log2(cost / D)
    if often * cost > T:
        n, gap = n + T / cost, cost
    else:
        n, gap = n + often + often * log(T / (often * cost)), T / often
    return n, feeds * n, gap / feeds
