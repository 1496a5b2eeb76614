"""The one loop that cuts a block into batches.

The sizes depend on the rows seen so far. The order depends on random numbers that the caller draws.
No learner slices blocks itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Any

from streamlearn._arrays import Array, batch_rows, runs_at
from streamlearn.core.learner import Batch, Info, Learner
from streamlearn.core.rows import Rows, Runs, part, stored

SMALLEST = 64
"""Rows of the first batches under ``batch_size="auto"``. Many cheap steps pay off at the start."""

GROWTH = 32
"""Under ``batch_size="auto"`` a batch has one row for ``GROWTH`` rows seen before it."""


def sizes(
    n_rows: int,
    seen: int,
    batch_size: int | None,
    largest: int,
    growth: int = GROWTH,
    run: int = 1,
) -> list[int]:
    """Return the sizes of the batches into which ``n_rows`` rows are cut.

    Parameters
    ----------
    n_rows : int
        The number of rows of the block.
    seen : int
        The number of rows learned from before the block.
    batch_size : int or None
        A fixed size, or None for sizes that grow with the rows seen: ``SMALLEST`` at first, then
        ``seen / growth``, at most ``largest``.
    largest : int
        The maximum, for example from `streamlearn._arrays.batch_rows`.
    growth : int
    run : int
        All sizes are multiples of it, except that of the rows left at the end.

    Returns
    -------
    list of int

    Examples
    --------
    >>> sizes(10, 0, 4, 4096)
    [4, 4, 2]
    >>> sizes(300, 4096, None, 4096)
    [128, 132, 40]
    >>> sizes(300, 4096, None, 4096, run=16)
    [128, 128, 32, 12]
    """
    out = []
    left = n_rows
    while left:
        if batch_size is None:
            want = min(max(SMALLEST, (seen + n_rows - left) // growth), max(largest, SMALLEST))
        else:
            want = batch_size
        whole = left - left % run
        out.append(min(max(want - want % run, run), whole) if whole else left)
        left -= out[-1]
    return out


def cut(
    X: Array,
    target: Array | None,
    weight: Array | None,
    *,
    seen: int,
    batch_size: int | None = None,
    largest: int | None = None,
    growth: int = GROWTH,
    order: Sequence[float] | None = None,
    rows: Array | None = None,
    run: int = 1,
    gather: bool = True,
    through: Callable[[Array], Rows] | None = None,
    draws: Callable[[int], Array | None] | None = None,
) -> Iterator[Batch]:
    """Yield the batches of a block.

    Parameters
    ----------
    X, target, weight : arrays over the same rows; the last two may be None
    seen : int
        The number of rows learned from before the block.
    batch_size : int or None
    largest, growth : int or None
        See `sizes`. By default ``largest`` is `streamlearn._arrays.batch_rows`.
    order : sequence of float, optional
        Random numbers, at least one for each batch. Batches lie in the block in the order that
        sorts these numbers, so a shuffled block costs no copy.
    rows : array of int of shape (n_rows // run,), optional
        A permutation of the runs of rows. Each batch then gathers its rows.
    run : int
        The number of consecutive rows in a run. Rows left at the end stay there.
    gather : bool
        Whether the rows of a batch's X are copied together. If not, X is
        `streamlearn.core.rows.Runs`.
    through : callable, optional
        A function of rows that is applied to each batch of X. It transforms X without building all
        of it.
    draws : callable, optional
        ``(m) -> array or None``. It returns the ``draws`` of a batch of m rows.

    Yields
    ------
    Batch
    """
    largest = largest or batch_rows(stored(X))
    if batch_size is None and min(seen // growth, largest) >= X.shape[0]:
        rows, run = None, 1  # the order of the rows in a single batch does not matter
    lengths = sizes(X.shape[0], seen, batch_size, largest, growth, run)
    layout = (
        range(len(lengths)) if order is None else sorted(range(len(lengths)), key=order.__getitem__)
    )
    ends = list(accumulate(lengths[i] for i in layout))
    stop = dict(zip(layout, ends, strict=True))
    for i, length in enumerate(lengths):
        start = stop[i] - length
        if rows is None or length < run:
            X_i, t_i, w_i = (
                a if a is None else part(a, start, stop[i]) for a in (X, target, weight)
            )
        else:
            runs = rows[start // run : stop[i] // run]
            t_i, w_i = (a if a is None else runs_at(a, runs, run) for a in (target, weight))
            X_i = runs_at(X, runs, run) if gather or run == 1 else Runs(X, runs, run)
        drawn = None if draws is None else draws(length)
        yield Batch(X_i if through is None else through(X_i), t_i, w_i, seen, drawn)
        seen += length


def learn_batches(
    learner: Learner, state: Any, batches: Iterator[Batch]
) -> tuple[Any, Info | None]:
    """Run ``learner`` over ``batches``. Return its state and the sum of the steps' reports."""
    total = None
    for batch in batches:
        state, info = learner.update(learner.params, state, batch)
        total = info if total is None else total.plus(info)
    return state, total
