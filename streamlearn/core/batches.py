"""The one loop that cuts a block into batches.

Sizes come from the rows seen so far, order from draws that are made outside. No learner slices
blocks itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Any

from streamlearn.backend import Array, batch_rows, rows_at
from streamlearn.core.affine import Rows
from streamlearn.core.machine import Batch, Info, Machine

SMALLEST = 64
"""Rows of the first batches under ``batch_size="auto"``: many cheap steps while little is known."""

GROWTH = 32
"""Under ``batch_size="auto"`` a batch holds one part in ``GROWTH`` of the rows seen before it."""


def sizes(
    n_rows: int, seen: int, batch_size: int | None, largest: int, growth: int = GROWTH
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
        The cap, as `streamlearn.backend.batch_rows` sets it.
    growth : int

    Examples
    --------
    >>> sizes(10, 0, 4, 4096)
    [4, 4, 2]
    >>> sizes(300, 4096, None, 4096)
    [128, 132, 40]
    """
    out = []
    left = n_rows
    while left:
        if batch_size is None:
            want = min(max(SMALLEST, (seen + n_rows - left) // growth), max(largest, SMALLEST))
        else:
            want = batch_size
        out.append(min(want, left))
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
    through: Callable[[Array], Rows] | None = None,
) -> Iterator[Batch]:
    """Yield the batches of a block.

    Parameters
    ----------
    X, target, weight : arrays over the same rows; the last two may be None
    seen : int
        Rows learned from before the block.
    batch_size : int or None
    largest, growth : int or None
        See `sizes`; `streamlearn.backend.batch_rows` by default.
    order : sequence of float, optional
        At least one draw a batch: batches are laid out over the block in the order that sorts the
        draws, so a shuffled block costs no copy.
    rows : array of int of shape (n_rows,), optional
        A permutation of the rows; a batch then gathers its rows.
    through : callable, optional
        Function of rows that each batch of X goes through: what transforms X without ever building
        all of it.
    """
    lengths = sizes(X.shape[0], seen, batch_size, largest or batch_rows(X), growth)
    layout = (
        range(len(lengths)) if order is None else sorted(range(len(lengths)), key=order.__getitem__)
    )
    ends = list(accumulate(lengths[i] for i in layout))
    stop = dict(zip(layout, ends, strict=True))
    for i, length in enumerate(lengths):
        if rows is None:
            at: Any = slice(stop[i] - length, stop[i])
        else:
            at = rows[stop[i] - length : stop[i]]
        X_i, t_i, w_i = (a if a is None else rows_at(a, at) for a in (X, target, weight))
        yield Batch(X_i if through is None else through(X_i), t_i, w_i, seen)
        seen += length


def learn(machine: Machine, state: Any, batches: Iterator[Batch]) -> tuple[Any, Info | None]:
    """Run ``machine`` over ``batches``; return its state and the sum of what the steps reported."""
    total = None
    for batch in batches:
        state, info = machine.update(machine.params, state, batch)
        total = info if total is None else Info(*(a + b for a, b in zip(total, info, strict=True)))
    return state, total
