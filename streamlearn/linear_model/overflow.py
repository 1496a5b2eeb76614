"""Which block holds the number that made a model overflow.

A model overflows when it has learned from such a row, and the loss shows it only for later rows.
They may be in another block.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial

from streamlearn._arrays import entries, namespace, to_float
from streamlearn._training.block_learner import BlockLearner
from streamlearn._training.prepare import PendingBlock
from streamlearn.blocks import Block, Blocks, LazyRows, visit


@contextmanager
def block_is_named(learner: BlockLearner, blocks: Blocks, epoch: int) -> Iterator[None]:
    """Add to an error of overflow which block holds a number that cannot be squared twice.

    The blocks of the epoch are read again, up to the one in which the loss was not finite.
    """
    try:
        yield
    except ValueError as error:
        if "Floating-point under-/overflow" in str(error) and not blocks.in_memory:
            found = None
            with suppress(Exception):  # a generator cannot be read again
                found = _too_large(learner, blocks, epoch, _block_in(error))
            if found is not None:
                error.add_note(f"Block {found[0]} of X contains {found[1]:.3g}.")
        raise


def _block_in(error: Exception) -> int | None:
    """Return the last block that may be the reason, None if all may be."""
    found = re.search(r"epoch #1, in block (\d+)", str(error))
    return None if found is None else int(found[1])


def _too_large(
    learner: BlockLearner, blocks: Blocks, epoch: int, last: int | None
) -> tuple[int, float] | None:
    """Return the first block with a number that is too large, and its largest number."""
    order = learner.order(blocks, epoch)
    order = list(range(len(blocks)) if order is None else order)
    if last is not None:
        order = order[: order.index(last) + 1]
    with closing(visit(partial(_largest, learner, epoch), blocks, order=order)) as found:
        return next(((number, largest) for number, largest in found if largest is not None), None)


def _largest(learner: BlockLearner, epoch: int, block: Block) -> float | None:
    """Return the largest number of a block if it is too large."""
    ready = learner.prepare(epoch, block)
    if isinstance(ready, PendingBlock):
        return None
    x = entries(LazyRows(ready.X, ready.functions).all())
    xp = namespace(x)
    largest = to_float(xp.max(xp.abs(x))) if x.shape[0] else 0.0
    return largest if largest > float(xp.finfo(x.dtype).max) ** 0.25 else None
