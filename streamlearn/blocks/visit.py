"""``visit``: look at the blocks in order, one at a time, and learn nothing."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from functools import partial
from typing import Any

from streamlearn.blocks.block import Block
from streamlearn.blocks.containers import Blocks
from streamlearn.blocks.rounds import rounds


def visit(
    look: Callable[[Block], Any], blocks: Blocks, *, order: Sequence[int] | None = None
) -> Generator[tuple[int, Any]]:
    """Yield the number of each block with rows, and what ``look`` returns for it.

    Parameters
    ----------
    look : callable
        ``(block) -> result``. It is called for one block after the other, while the next blocks are
        loaded ahead.
    blocks : Blocks
    order : sequence of int, optional
        The indices of the blocks, as in `streamlearn.blocks.fold`.

    Yields
    ------
    tuple of int and object
    """
    step = partial(_looked, look)
    with closing(
        rounds(step, None, blocks, prepare=_as_it_is, side_by_side=None, order=order)
    ) as segments:
        for segment in segments:
            for record in segment.records:
                yield record.block, record.report


def _looked(look: Callable[[Block], Any], _: None, block: Block) -> tuple[None, Any]:
    return None, look(block)


def _as_it_is(block: Block) -> Block:
    return block
