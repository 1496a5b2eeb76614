"""The one loop that cuts a block into batches.

Sizes come from the rows seen so far, order from draws that are made outside. No learner slices
blocks itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Any

from streamlearn._arrays import Array, batch_rows, runs_at
from streamlearn.core.learner import Batch, Info, Learner
from streamlearn.core.rows import Rows, Runs, part, stored

SMALLEST = 64
"""Rows of the first batches under ``batch_size="auto"``: many cheap steps while little is known."""

GROWTH = 32
"""Under ``batch_size="auto"`` a batch holds one part in ``GROWTH`` of the rows seen before it."""


def sizes(
    n_rows: int,
    seen: int,
    batch_size: int | None,
    largest: int,
    growth: int = GROWTH,
    run: int = 1,
) -> list[int]:
    """Return the row counts of the batches that ``n_rows`` rows are cut into.

    Parameters
    ----------
    n_rows : int
        Rows in the block.
    seen : int
        Rows learned from before the block.
    batch_size : int or None
        A fixed size, or None for sizes that grow with the rows seen: ``SMALLEST`` at first, then
        ``seen / growth``, at most ``largest``.
    largest : int
        The cap, as `streamlearn._arrays.batch_rows` sets it.
    growth : int
    run : int
        What all sizes are multiples of, but for the rows left at the end.

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
        Rows learned from before the block.
    batch_size : int or None
    largest, growth : int or None
        See `sizes`; `streamlearn._arrays.batch_rows` by default.
    order : sequence of float, optional
        At least one draw a batch: batches are laid out over the block in the order that sorts the
        draws, so a shuffled block costs no copy.
    rows : array of int of shape (n_rows // run,), optional
        A permutation of the rows; a batch then gathers its rows.
    run : int
        How many neighbours are permuted as one; those left at the end stay there.
    gather : bool
        Whether the rows of a batch's X are to be copied together, or left to whom takes it
        (`streamlearn.core.rows.Runs`).
    through : callable, optional
        Function of rows that each batch of X goes through: what transforms X without ever building
        all of it.
    draws : callable, optional
        ``(m) -> array or None``: the draws of a batch of m rows.
    """
    largest = largest or batch_rows(stored(X))
    if batch_size is None and min(seen // growth, largest) >= X.shape[0]:
        rows, run = None, 1  # all of one batch: in whatever order
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
    """Run ``learner`` over ``batches``; return its state and the sum of what the steps reported."""
    total = None
    for batch in batches:
        state, info = learner.update(learner.params, state, batch)
        total = info if total is None else Info(*(a + b for a, b in zip(total, info, strict=True)))
    return state, total
