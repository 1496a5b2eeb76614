"""Refinement after the epochs: further reads, after each of which the learner takes a step."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from streamlearn._arrays import namespace
from streamlearn._training.course import Course, Learned, Shuffle
from streamlearn._training.epochs import Progress
from streamlearn._training.prepare import PreparedBlock, read_block, with_draws
from streamlearn._training.side_by_side import Sums, View, merged, sum_block
from streamlearn.blocks import Block, Blocks, reduce


def refined(course: Course, blocks: Blocks, progress: Progress, n_reads: int) -> Learned:
    """Return what has been learned after further reads.

    If the objective has grown since the last read, the last step is taken again, and is shorter.

    Parameters
    ----------
    course : Course
        Its learner can be refined.
    blocks : Blocks
    progress : Progress
        The end of training.
    n_reads : int
    """
    learner, learned = course.learner, progress.learned
    how = learner.refinement
    assert how is not None
    course = course._replace(shuffle=Shuffle(None, course.shuffle.seed))
    former: Any = None
    length: Any = 1.0
    for read in range(n_reads):
        view = View(how.view(learner.params, learned.state), progress.rows, learned.ahead, None)
        found: Sums = reduce(
            partial(_summed, course, progress.epoch + read, view),
            partial(merged, course, how),
            blocks,
        )
        state, sums = learned.state, found.learner
        value = how.objective(learner.params, view.learner, sums)
        if former is not None:
            worse = value > former[2]
            if bool(namespace(value).any(worse)):
                state, sums, value = former
                length = 0.25 * length
        former = state, sums, value
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            state = how.step(learner.params, state, sums, length)
        learned = learned._replace(state=state)
    return learned


def _summed(course: Course, epoch: int, view: View, block: Block) -> Sums:
    assert course.learner.refinement is not None
    ready = read_block(course, epoch, block)
    if isinstance(ready, PreparedBlock):
        ready = with_draws(course, epoch, block.number, ready)
    sums, _ = sum_block(course, course.learner.refinement, view, ready)
    return sums
