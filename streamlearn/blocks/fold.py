"""``fold``: the verb of sequential learners. The state goes through the blocks in order.

A few blocks are loaded ahead. Each segment is one plain dask graph (`streamlearn.blocks.segments`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any

from streamlearn.blocks.block import Block
from streamlearn.blocks.containers import Blocks
from streamlearn.blocks.round_layout import BEGIN, Position
from streamlearn.blocks.rounds import rounds
from streamlearn.blocks.segments import Segment


def fold(
    step: Callable[[Any, Any], tuple[Any, Any]],
    state: Any,
    blocks: Blocks,
    *,
    prepare: Callable[[Block], Any],
    order: Sequence[int] | None = None,
    start: Position = BEGIN,
) -> Generator[Segment]:
    """Update ``state`` with one block after the other, and yield it at the end of each segment.

    Parameters
    ----------
    step : callable
        ``(state, prepared block) -> (state, report)``. It must not change its arguments.
    state : object
    blocks : Blocks
    prepare : callable
        ``(block) -> prepared block``, where ``block`` is a `Block`. It does the work that needs no
        state. It runs in the block's own task, in parallel with the chain of steps. Blocks without
        rows are skipped.
    order : sequence of int, optional
        The indices of the blocks to learn from, each at most once. By default all: 0, 1, 2... The
        blocks of a source have no other order.
    start : Position
        The place in the order at which to begin, after blocks that were learned from before.

    Yields
    ------
    Segment

    Notes
    -----
    ``dask.config.set({"streamlearn.window": n})`` sets how many blocks may be loaded ahead. The
    default is one for each thread, two for each worker of a cluster, or one of a source of blocks.
    ``streamlearn.segment`` sets the number of blocks of one graph. Neither changes what is learned.
    """
    return rounds(step, state, blocks, prepare=prepare, side_by_side=None, order=order, start=start)
