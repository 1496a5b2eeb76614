"""The one training loop: epochs over blocks, and what a fit knows after each segment of them.

A *block learner* says what happens to a block. It has

``prepare(epoch, block)``
    What needs no state: the block's own task, which runs in parallel with the steps.
``step(learned, prepared)``
    ``(learned, report)`` after one more block. It must not change its arguments.
``order(blocks, epoch)``
    The blocks in the order of an epoch, or None for 0, 1, 2...
``loss(report, n_iter, number)``
    The mean loss of the rows of a block, scored before they were learned from. It may raise where
    that is not finite, and names the block by ``number``, unless that is None.
``check(progress)``
    Raises at the end of an epoch in which there were no rows, or none of any weight.

`streamlearn._training.block_learner` is the one of this library's learners. A *rule* ends the loop
(`streamlearn._training.stopping`), and *observers* see every `Progress`: verbose lines, for
instance. An observer that raises ends the fit, as does an interrupt by the user.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from streamlearn._arrays import to_numpy
from streamlearn.blocks import Blocks, Segment, fold


class Progress(NamedTuple):
    """All that a fit knows.

    Attributes
    ----------
    learned : object
        The state of the block learner.
    epoch : int
        Number of the epoch under way, for the draws.
    at : {"start", "segment", "end"}
        Where in the epoch this is.
    n_iter : int
        Epochs begun in this fit.
    blocks, rows_read : int
        Blocks and rows read in this epoch.
    rows : int
        Rows learned from in this epoch.
    loss, weight : float
        Sums over these rows of weight times loss and of the weights.
    objective : ndarray of shape (n_outputs,)
        Sum over these rows of unweighted loss and penalty.
    losses : tuple of float
        Mean loss of each block of this fit.
    held_out : tuple
        Score states of the rows that the last segment held out, block by block.
    rows_held_out : int
        How many these are.
    scores : tuple of float
        Scores of held-out rows so far, where the rule asks for them.
    rule : object
        State of the stopping rule.
    stopped : bool
        Whether the rule has ended the fit.
    news : str
        What the rule has to say of its last decision.
    """

    learned: Any
    epoch: int = 0
    at: str = "start"
    n_iter: int = 0
    blocks: int = 0
    rows_read: int = 0
    rows: int = 0
    loss: float = 0.0
    weight: float = 0.0
    objective: Any = 0.0
    losses: tuple[float, ...] = ()
    held_out: tuple[Any, ...] = ()
    rows_held_out: int = 0
    scores: tuple[float, ...] = ()
    rule: Any = None
    stopped: bool = False
    news: str = ""


Observer = Callable[[Progress], None]


def train(
    learner: Any,
    blocks: Blocks,
    progress: Progress,
    rule: Any,
    *,
    max_iter: int,
    observers: Iterable[Observer] = (),
) -> Progress:
    """Run the training loop to its end, and return what has come of it.

    Parameters
    ----------
    learner : block learner
    blocks : Blocks
    progress : Progress
        Where to start: what was learned before and the number of the first epoch. Not changed.
    rule : stopping rule
    max_iter : int
        Epochs at most.
    observers : iterable of callable
        Each is called with every `Progress`.

    Raises
    ------
    ValueError
        If there are no rows, none has a weight, or the model overflows.
    """
    last = progress
    for last in run(learner, blocks, progress, rule, max_iter=max_iter):
        for see in observers:
            see(last)
    return rule.finish(last)


def run(
    learner: Any, blocks: Blocks, progress: Progress, rule: Any, *, max_iter: int
) -> Iterator[Progress]:
    """Learn in epochs until ``rule`` says so; yield at both ends of an epoch and after segments.

    See `train` for the parameters and errors.
    """
    progress = progress._replace(rule=rule.begin(progress))
    for _ in range(max_iter):
        now = Progress(progress.learned, progress.epoch, "start", progress.n_iter + 1)
        progress = now._replace(losses=progress.losses, scores=progress.scores, rule=progress.rule)
        yield progress
        segments = fold(
            learner.step,
            progress.learned,
            blocks,
            prepare=partial(learner.prepare, progress.epoch),
            order=learner.order(blocks, progress.epoch),
        )
        for segment in segments:
            progress = rule.after_segment(_after(learner, progress, segment, blocks.in_memory))
            yield progress
            if progress.stopped:
                break
        learner.check(progress)
        progress = rule.after_epoch(progress._replace(at="end", news=""))
        progress = progress._replace(epoch=progress.epoch + 1)
        yield progress
        if progress.stopped:
            return


def _after(learner: Any, progress: Progress, segment: Segment, in_memory: bool) -> Progress:
    """Return what is known after one more segment."""
    loss, weight, objective = progress.loss, progress.weight, progress.objective
    losses, held_out, rows, rows_held_out = [], [], 0, 0
    for record in segment.records:
        report = record.report
        if report is None or report.sums is None:
            continue
        losses.append(learner.loss(report, progress.n_iter, None if in_memory else record.block))
        loss += float(np.sum(to_numpy(report.sums.loss)))
        weight += float(np.sum(to_numpy(report.sums.weight)))
        objective = objective + to_numpy(report.sums.objective)
        rows += report.rows
        rows_held_out += record.rows - report.rows
        if report.held_out is not None:
            held_out.append(report.held_out)
    return progress._replace(
        learned=segment.state,
        at="segment",
        blocks=progress.blocks + len(segment.records),
        rows_read=progress.rows_read + sum(record.rows for record in segment.records),
        rows=progress.rows + rows,
        loss=loss,
        weight=weight,
        objective=objective,
        losses=(*progress.losses, *losses),
        held_out=tuple(held_out),
        rows_held_out=rows_held_out,
        news="",
    )
