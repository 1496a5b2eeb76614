"""The one training loop: epochs over blocks.

A *block learner* decides what happens to a block. It has six methods:

``prepare(epoch, block)``
    Returns the prepared block. It needs no state: it runs in the block's own task, in parallel with
    the steps.
``step(learned, prepared)``
    Returns ``(learned, report)`` after one more block. It must not change its arguments.
``side_by_side(progress)``
    Returns how blocks are learned from in rounds (`streamlearn.blocks.SideBySide`), or None if they
    are learned from one after the other.
``order(blocks, epoch)``
    Returns the order of the blocks in an epoch, or None for 0, 1, 2...
``loss(report, n_iter, number)``
    Returns the mean loss of the rows of a block, each scored before it was learned from. It may
    raise an error if the loss is not finite. The error names the block by ``number``, unless that
    is None.
``check(progress)``
    Raises an error at the end of an epoch without rows, or in which no row had a weight.

`streamlearn._training.block_learner` has the block learner of this library's learners. A *rule*
ends the loop (`streamlearn._training.stopping`). *Observers* see every `Progress`, for example to
print verbose lines. An error in an observer ends the fit, and so does an interrupt by the user.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from streamlearn._arrays import to_numpy
from streamlearn.blocks import (
    Blocks,
    Mark,
    Marked,
    Position,
    Segment,
    begin_pass,
    check_marks,
    ends,
    fold,
    rounds,
    unnoted,
)


class Progress(NamedTuple):
    """All that is known in a fit.

    Attributes
    ----------
    learned : object
        The state of the block learner.
    epoch : int
        The number of the current epoch, on which random draws depend.
    at : {"start", "segment", "end"}
        The place in the epoch: its start, the end of a segment, or its end.
    n_iter : int
        The number of epochs begun in this fit.
    blocks, rows_read : int
        The numbers of blocks and rows read in this epoch.
    rows : int
        The number of rows learned from in this epoch.
    loss, weight : float
        Sums over these rows, of weight times loss and of the weights.
    objective : ndarray of shape (n_outputs,)
        The sum over these rows of unweighted loss and penalty.
    losses : tuple of float
        The mean loss of each block of this fit.
    held_out : tuple
        The score states of the held-out rows in the last segment, one for each block.
    rows_held_out : int
        The number of these rows.
    scores : tuple of float
        The scores of held-out rows so far, if the rule uses them.
    rule : object
        The state of the stopping rule.
    stopped : bool
        Whether the rule has ended the fit.
    news : str
        The rule's message about its last decision.
    before : float or None
        What rounds need to go on, see `streamlearn.blocks.Position`.
    marks : tuple of Mark
        The checksums of the first and of the last block of this epoch, if they are wanted.
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
    before: float | None = None
    marks: tuple[Mark, ...] = ()


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
    """Run the training loop to its end.

    Parameters
    ----------
    learner : block learner
    blocks : Blocks
    progress : Progress
        The start: the state learned before, and the number of the first epoch. It is not changed.
    rule : stopping rule
    max_iter : int
        The maximum number of epochs.
    observers : iterable of callable
        Each is called with every `Progress`.

    Returns
    -------
    Progress
        The last one.

    Raises
    ------
    ValueError
        If there are no rows, if no row has a weight, or if the model overflows. If the fit goes on
        from a journal, and the journal is about other data or parameters.
    """
    how = {"learner": learner, "max_iter": max_iter, "start": progress.learned}
    page = begin_pass("training", blocks, **how)
    if page is not None and page.known is not None:
        check_marks(blocks, page)
        progress = page.known.state
    last = progress
    marked = page is not None
    with unnoted():
        for last in run(learner, blocks, progress, rule, max_iter=max_iter, marked=marked):
            if page is not None and last.at != "start":
                page.note(last, last.marks)
            for see in observers:
                see(last)
    if page is not None:
        page.note(last, last.marks, finished=True)
    return rule.finish(last)


def run(
    learner: Any,
    blocks: Blocks,
    progress: Progress,
    rule: Any,
    *,
    max_iter: int,
    marked: bool = False,
) -> Iterator[Progress]:
    """Learn until ``rule`` stops. Yield the progress at both ends of each epoch and segment ends.

    It goes on from a progress at the end of a segment or of an epoch. ``marked`` says whether
    checksums of blocks are wanted. See `train` for the other parameters and for errors.
    """
    if not progress.n_iter:
        progress = progress._replace(rule=rule.begin(progress))
    begun = progress.at == "segment"
    while begun or (progress.n_iter < max_iter and not progress.stopped):
        if not begun:
            n_iter = progress.n_iter + 1
            now = Progress(progress.learned, progress.epoch, "start", n_iter)
            now = now._replace(losses=progress.losses, scores=progress.scores)
            progress = now._replace(rule=progress.rule)
            yield progress
        begun = False
        for segment in () if progress.stopped else _segments(learner, blocks, progress, marked):
            progress = rule.after_segment(_after(learner, progress, segment, blocks.in_memory))
            yield progress
            if progress.stopped:
                break
        learner.check(progress)
        progress = rule.after_epoch(progress._replace(at="end", news=""))
        progress = progress._replace(epoch=progress.epoch + 1)
        yield progress


def _segments(learner: Any, blocks: Blocks, progress: Progress, marked: bool) -> Iterator[Segment]:
    """Return the segments of an epoch that are left."""
    prepare: Any = partial(learner.prepare, progress.epoch)
    order = learner.order(blocks, progress.epoch)
    side_by_side = learner.side_by_side(progress)
    how: dict[str, Any] = {
        "prepare": Marked(prepare) if marked else prepare,
        "order": order,
        "start": Position(progress.blocks, progress.rows_read, progress.before),
    }
    if side_by_side is None:
        return fold(learner.step, progress.learned, blocks, **how)
    return rounds(learner.step, progress.learned, blocks, side_by_side=side_by_side, **how)


def _after(learner: Any, progress: Progress, segment: Segment, in_memory: bool) -> Progress:
    """Return the progress after one more segment."""
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
        before=segment.before,
        marks=ends([*progress.marks, *(mark for each in segment.records for mark in each.marks)]),
    )
