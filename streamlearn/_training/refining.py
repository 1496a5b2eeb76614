"""Refinement after the epochs: further reads, after each of which the learner takes a step."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from streamlearn._arrays import namespace
from streamlearn._training.block_learner import BlockLearner
from streamlearn._training.epochs import Progress, warn_of_interrupt
from streamlearn._training.fit_settings import Learned, Shuffle
from streamlearn._training.side_by_side import RoundSums, RoundView, merged, sum_block
from streamlearn.blocks import Block, Blocks, reduce


def refined(
    block_learner: BlockLearner, blocks: Blocks, progress: Progress, n_reads: int
) -> Learned:
    """Return what has been learned after further reads.

    If the objective has grown since the last read, the last step is taken again, and is shorter.

    Parameters
    ----------
    block_learner : BlockLearner
        Its learner can be refined.
    blocks : Blocks
    progress : Progress
        The end of training.
    n_reads : int
    """
    settings, learned = block_learner.settings, progress.learned
    how, params = settings.learner.refinement, settings.learner.params
    assert how is not None
    settings = settings._replace(shuffle=Shuffle(None, settings.shuffle.seed))
    block_learner = block_learner._replace(settings=settings)
    former: Any = None
    length = 1.0
    for read in range(n_reads):
        view = RoundView(how.view(params, learned.state), progress.rows, learned.ahead, None)
        try:
            found: RoundSums = reduce(
                partial(_summed, block_learner, progress.epoch + read, view),
                partial(merged, settings, how),
                blocks,
                name="refinement",
            )
        except KeyboardInterrupt:
            warn_of_interrupt(f"in read {read + 1} of refine={n_reads}, after all epochs")
            break
        state, sums = learned.state, found.of_learner
        value = how.objective(params, view.of_learner, sums)
        if former is not None and bool(namespace(value).any(value > former[2])):
            state, sums, value = former
            length = 0.25 * length
        former = state, sums, value
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            state = how.step(params, state, sums, length)
        learned = learned._replace(state=state)
    return learned


def _summed(block_learner: BlockLearner, epoch: int, view: RoundView, block: Block) -> RoundSums:
    settings = block_learner.settings
    how = settings.learner.refinement
    assert how is not None
    sums, _ = sum_block(settings, how, view, block_learner.prepare(epoch, block))
    return sums
