"""The schedule of Newton steps: the sizes of batches, and how often H is fed and inverted.

All results are Python numbers, and depend on the number of rows seen and on the number of features.
Nothing is read back from a device, and a task that runs twice does the same. Symbols are those of
`newton`: T rows were seen before a batch of m rows, d is the number of features, and D = d + 1.
"""

from __future__ import annotations

from math import ceil, floor, log, log2

from streamlearn._arrays import Array, batch_rows, is_sparse, power_of_two

WIDEST = 1 << 22
"""The largest size of H, and of the rows that feed it. Above it only the diagonal of H is kept."""

BATCH_BYTES = 64 << 20
"""Bytes that the largest batch may take on a CPU. Its rows are read in slices that fit a cache.

Measured on 20 float64 features: 43 ns a row in batches of 8,192, and 31 ns in batches of 32,768.
Two threads also wait less often for the interpreter lock. 256,000 x 500 take 12 % less time than
with 16 MiB.
"""

BATCH_BYTES_NEAR_KINKS = 32 << 20
"""The same near a kink, and for sparse rows."""

LEAST_SAMPLE = 256
"""The smallest sample that limits a step and feeds H. In large batches it is at most twice that."""


LEAST_FEEDING = 16
"""The smallest number of rows of a batch that feed H."""

MATURE = 70
"""The number of rows for each feature from which on damping near kinks falls."""

FIRST = 1 << 16
"""Rows before an epoch up to which a batch must look like a block, because it counts much."""

CHEAP = 1 << 18
"""The number of products up to which all rows of a sample feed H.

To choose some of them would cost more.
"""


def has_matrix(K: int, D: int, *, sparse: bool = False) -> bool:
    """Return whether H is a full matrix. If not, only its diagonal is kept.

    For sparse rows a matrix of more than a few hundred features costs too much: as much as 100,000
    rows of 20 stored entries. With 2,000 features a fit took 250 times as long as scikit-learn's.
    """
    return K * D * max(D, LEAST_SAMPLE) <= WIDEST and not (sparse and D > 2 * LEAST_SAMPLE)


def shape_of_curvature(
    K: int, D: int, *, joint: bool = False, sparse: bool = False
) -> tuple[int, ...]:
    """Return the shape of H. If the columns are ``joint``, it is a block for each pair of them."""
    if not has_matrix(K, D, sparse=sparse):
        return K, D
    return (K, K, D, D) if joint and has_matrix(1, K * D) else (K, D, D)


def largest(X: Array, n_outputs: int, seen: int) -> int:
    """Return the number of rows of the largest batch, a power of two.

    Few large steps are as good as many small ones here. A batch takes about eight numbers for each
    row and column, besides its rows. ``n_outputs`` are the columns of one model: batches that
    became smaller with the number of models would save no time.
    """
    budget = BATCH_BYTES_NEAR_KINKS if is_sparse(X) else BATCH_BYTES
    return batch_rows(X, extra=8 * n_outputs, budget=budget, most=1 << 17)


def largest_near_kinks(X: Array, n_outputs: int, seen: int) -> int:
    """Return the number of rows of the largest batch near a kink, a power of two.

    With many features, a coefficient at a kink needs many steps to converge. Hinge on 200 levels
    ends 0.5 % above the optimum in batches of 512 rows, and 0.7 % above it in batches of thousands.
    With fewer than 32 features, `growth_near_kinks` makes enough steps. A batch may always have
    1/128 of the rows seen: by then there have been about a hundred steps.
    """
    if is_wide(X, n_outputs):
        return largest(X, n_outputs, seen)  # a step costs as much as thousands of rows
    d, budget = X.shape[1], BATCH_BYTES_NEAR_KINKS
    most = batch_rows(X, extra=8 * n_outputs, budget=budget, most=1 << 17)
    return min(most, power_of_two(max(512, 2**25 // d**2, 2**30 // d**3, seen // 128)))


def growth(X: Array, n_outputs: int) -> int:
    """Return the number of rows seen for each row of the next batch.

    For smooth losses, batches of 1/12 of the rows seen end no higher than batches of 1/16
    (``bench/defaults.py``, 6 seeds, with this function changed). With wide sparse rows the cost of
    a step depends on the features and not on the rows. With a diagonal H large batches get further:
    on 16,000 hashed words with little penalty the excess is 5 % instead of 18 %.
    """
    return 3 if is_wide(X, n_outputs) else 12


def growth_near_kinks(X: Array, n_outputs: int) -> int:
    """Return the result of `growth` near a kink, where many small steps pay off.

    They do so too where the curvature is an exponential of the score (``bench/decisions.md``,
    "Log links").

    If one row in a thousand is of the other class, hinge ends up to 1.2 % above the optimum in
    batches of 1/16. In batches of 1/20 it ends up to 0.9 % above it, and in batches of 1/25 0.1 %.
    Flights end 0.14, 0.11 and 0.07 % above it, and in batches of 1/32 no nearer
    (``bench/defaults.py``, 4 to 6 seeds, with this function changed).
    """
    return 3 if is_wide(X, n_outputs) else 24


def is_wide(X: Array, n_outputs: int) -> bool:
    """Return whether rows are sparse with too many features for a full H."""
    return is_sparse(X) and not has_matrix(n_outputs, X.shape[1] + 1, sparse=True)


def is_mixed(X: Array, n_outputs: int, seen: int) -> bool:
    """Return whether a shuffled block is permuted row by row, ``seen`` rows before its epoch.

    In rows sorted by time, the time, its sine and its cosine are nearly constant in a batch of
    neighbours. The first batches would fit them to noise. A diagonal H cannot distinguish them at
    all: each of them is fitted to the mean of each batch (``tests/test_rows_as_they_come.py``).
    """
    return seen < FIRST or is_wide(X, n_outputs)


def sampled(X: Array, n_outputs: int, m: int) -> int:
    """Return the size of the sample of a batch of m rows, about 256 to 512, or m.

    If sparse rows feed a diagonal H, the sample has at least one row in four.
    """
    stride = min(4, m // 2048) if is_wide(X, n_outputs) else power_of_two(m // LEAST_SAMPLE)
    return m // max(stride, 1)


def sampled_twice(X: Array, n_outputs: int, m: int) -> int:
    """Return twice the result of `sampled`, at most m, for rows that do not weigh the same."""
    return min(m, 2 * sampled(X, n_outputs, m))


def due(T: int, m: int, d: int, kinked: bool) -> tuple[bool, bool, float, int]:
    """Return what a batch does, besides its step.

    Parameters
    ----------
    T, m, d : int
        Rows seen before, rows of the batch, and features.
    kinked : bool
        Whether nearly all rows may gather at a kink of the loss.

    Returns
    -------
    recentres, inverts : bool
        Whether the batch moves the centre, and whether H is inverted.
    rows : float
        The number of rows since the centre was moved last.
    feeding : int
        The number of rows of the sample that feed H. `LEAST_SAMPLE` rows feed it while T grows by
        1/40, or between two moves of the centre if T grows by more, in equal parts for all rows. If
        only some batches fed it, and the others had features of their own, such as a customer's, H
        would not know those.
    """
    inverted, moved, gap, fed = pace(T, d, kinked)
    invert_by, move_by, *_ = pace(T + m, d, kinked)
    moves, inverts = floor(move_by) != floor(moved), floor(invert_by) != floor(inverted)
    all_feed = kinked or T == 0 or min(m, 2 * LEAST_SAMPLE) * (d + 1) ** 2 <= CHEAP
    feeding = m if all_feed else min(m, max(LEAST_FEEDING, ceil(LEAST_SAMPLE * m / fed)))
    return T == 0 or moves, T == 0 or inverts, max(m, gap), feeding


def pace(T: int, d: int, kinked: bool) -> tuple[float, float, float, float]:
    """Return how often H is inverted and the centre is moved.

    An inversion takes about the time of ``600 + d^2 / 20`` rows (measured at d = 20 to 500). C is
    about twice that, and the rows T between inversions grow in three phases, with T' = T + D:

    - while T' < C, T' doubles between inversions;
    - while T' < q C, there are C rows between inversions;
    - then T' grows by 1 / q between inversions.

    C is ``1200 + d^2 / 10``, and q is 4. Near a kink the curvature changes with the models. There,
    if D < `LEAST_SAMPLE`, C is ``1200 + d^2 / 20``, and q is 6. With q = 10 a pass ends no nearer
    to the optimum, near a kink not even with q = 20 (``bench/defaults.py``, 3 seeds of 8 and of 7
    tables, with this function changed).

    Returns
    -------
    inversions, moves : float
        The numbers within T rows.
    gap, fed : float
        The number of rows between two moves of the centre, and that of rows of which `LEAST_SAMPLE`
        feed H.
    """
    kinked = kinked and d + 1 < LEAST_SAMPLE
    part, often = (20, 6) if kinked else (10, 4)
    cost, D, T = 1200 + d * d / part, d + 1, T + d + 1
    if cost > T:
        n, gap = log2(T / D), T * log(2) / 8
        return n, 8 * n, gap, gap
    moves, n = 4, log2(cost / D)
    if often * cost > T:
        n, gap = n + T / cost, cost / moves
    else:
        n, gap = n + often + often * log(T / (often * cost)), T / often / moves
    return n, moves * n, gap, min(gap, max(cost / moves, T / 40))
