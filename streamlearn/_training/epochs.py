"""The one training loop: epochs over blocks.

A *block learner* decides what happens to a block. It has seven methods:

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
``may_end(progress)``
    Returns whether a fit may end with what has been learned, although it is interrupted.

`streamlearn._training.block_learner` has the block learner of this library's learners. A *rule*
ends the loop (`streamlearn._training.stopping`). *Watches* see the passes and every `Progress`, for
example to print verbose lines. A watch may end an epoch or the training. An error in it ends the
fit. An interrupt by the user ends the training after the last segment.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from functools import partial
from typing import Any, NamedTuple

from streamlearn._arrays import to_numpy
from streamlearn.blocks import (
    BlockChecksum,
    Blocks,
    Page,
    Position,
    Segment,
    Watch,
    compare_checksums,
    first_and_last,
    fold,
    open_page,
    rounds,
    unnoted,
    watches,
    watching,
    with_checksums,
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
    newest_losses : tuple of (int, float)
        The number of each block of the last segment that has a loss, and the loss.
    held_out : tuple
        The score states of the held-out rows in the last segment, one for each block.
    rows_held_out : int
        The number of these rows.
    scores : tuple of float
        The scores of held-out rows so far, if the rule uses them.
    rule : object
        The state of the stopping rule.
    stopped : bool
        Whether the rule, a watch or the user has ended the fit.
    interrupted : bool
        Whether the user has.
    news : str
        The rule's message about its last decision.
    blocks_before : float or None
        What rounds need to go on, see `streamlearn.blocks.Position`.
    checksums : tuple of BlockChecksum
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
    newest_losses: tuple[tuple[int, float], ...] = ()
    held_out: tuple[Any, ...] = ()
    rows_held_out: int = 0
    scores: tuple[float, ...] = ()
    rule: Any = None
    stopped: bool = False
    interrupted: bool = False
    news: str = ""
    blocks_before: float | None = None
    checksums: tuple[BlockChecksum, ...] = ()


class Publish(NamedTuple):
    """The fitted attributes of an estimator while it learns.

    Attributes
    ----------
    estimator : estimator
    attributes : callable
        ``(progress) -> dict or None``: the attributes, None if there are none yet.
    flow : Flow or None
        The stages ahead of the estimator.
    """

    estimator: Any
    attributes: Callable[[Progress], dict[str, Any] | None]
    flow: Any = None


def train(
    block_learner: Any,
    blocks: Blocks,
    progress: Progress,
    rule: Any,
    *,
    max_iter: int,
    watched_by: Iterable[Watch] = (),
    publish: Publish | None = None,
) -> Progress:
    """Run the training loop to its end.

    If the user interrupts it, it ends with the last segment, and a warning says how far it got.

    Parameters
    ----------
    block_learner : block learner
    blocks : Blocks
    progress : Progress
        The start: the state learned before, and the number of the first epoch. It is not changed.
    rule : stopping rule
    max_iter : int
        The maximum number of epochs.
    watched_by : iterable of Watch
        More watches than those that are set already. Each sees every `Progress`.
    publish : Publish, optional
        The fitted attributes, for watches.

    Returns
    -------
    Progress
        The last one.

    Raises
    ------
    ValueError
        If there are no rows, if no row has a weight, or if the model overflows. If the fit goes on
        from a journal, and the journal is about other data or parameters.
    KeyboardInterrupt
        If the user interrupts it before anything has been learned.
    """
    how = {"learner": block_learner, "max_iter": max_iter, "start": progress.learned}
    page = open_page("training", blocks, **how)
    if page is not None and page.known is not None:
        compare_checksums(blocks, page)
        progress = page.known.state
    last = progress

    def see(now: Progress) -> bool:
        nonlocal last
        if now.at != "start":
            last = now
            if page is not None:
                page.note(now, now.checksums)
        answers = [watch.progress_made(now, publish) for watch in watches()]
        return any(answers)

    with watching(*watched_by), unnoted():
        for watch in watches():
            watch.begin_training(max_iter)
        try:
            ended = _run(block_learner, blocks, progress, rule, max_iter, see, page)
        except KeyboardInterrupt:
            if last.at == "start" or not block_learner.may_end(last):
                raise
            ended = _interrupted(last)
        for watch in watches():
            watch.end_training()
    if page is not None and not ended.interrupted:
        page.note(ended, ended.checksums, finished=True)
    return rule.finish(ended)


def _interrupted(last: Progress) -> Progress:
    """Return the end of an interrupted fit, and warn of it."""
    part = "all" if last.at == "end" else f"the first {last.rows_read:,}"
    warn_of_interrupt(f"in epoch {last.n_iter}, after {part} rows of it")
    epoch = last.epoch if last.at == "end" else last.epoch + 1
    return last._replace(at="end", epoch=epoch, stopped=True, interrupted=True)


def warn_of_interrupt(where: str) -> None:
    """Warn that a fit ends here because the user has interrupted it."""
    warnings.warn(
        f"The fit was interrupted {where}. The estimator is fitted with what it had learned.",
        UserWarning,
        stacklevel=7,
    )


def _run(
    block_learner: Any,
    blocks: Blocks,
    progress: Progress,
    rule: Any,
    max_iter: int,
    see: Callable[[Progress], bool],
    page: Page | None,
) -> Progress:
    """Learn until ``rule`` stops, or until ``see`` returns True, and return the end.

    It goes on from a progress at the end of a segment or of an epoch. ``see`` gets the progress at
    both ends of each epoch and at the ends of segments. After a segment it ends the epoch, and
    after an epoch the training. Checksums of blocks are wanted if there is a ``page``.
    """
    if not progress.n_iter:
        progress = progress._replace(rule=rule.begin(progress))
    begun = progress.at == "segment"
    while begun or (progress.n_iter < max_iter and not progress.stopped):
        if not begun:
            progress = Progress(
                progress.learned,
                progress.epoch,
                "start",
                progress.n_iter + 1,
                losses=progress.losses,
                scores=progress.scores,
                rule=progress.rule,
            )
            see(progress)
        begun = False
        with closing(_segments(block_learner, blocks, progress, page)) as segments:
            for segment in () if progress.stopped else segments:
                progress = rule.after_segment(
                    _after(block_learner, progress, segment, blocks.in_memory)
                )
                if see(progress) or progress.stopped:
                    break
        block_learner.check(progress)
        ended = progress._replace(at="end", epoch=progress.epoch + 1, news="")
        progress = rule.after_epoch(ended)
        if see(progress):
            progress = progress._replace(stopped=True)
    return progress


def _segments(
    block_learner: Any, blocks: Blocks, progress: Progress, page: Page | None
) -> Generator[Segment]:
    """Return the segments of an epoch that are left."""
    prepare: Any = partial(block_learner.prepare, progress.epoch)
    order = block_learner.order(blocks, progress.epoch)
    side_by_side = None if blocks.in_memory else block_learner.side_by_side(progress)
    how: dict[str, Any] = {
        "prepare": with_checksums(prepare, blocks, page),
        "order": order,
        "start": Position(progress.blocks, progress.rows_read, progress.blocks_before),
    }
    if side_by_side is None:
        return fold(block_learner.step, progress.learned, blocks, **how)
    return rounds(block_learner.step, progress.learned, blocks, side_by_side=side_by_side, **how)


def _after(block_learner: Any, progress: Progress, segment: Segment, in_memory: bool) -> Progress:
    """Return the progress after one more segment."""
    loss, weight, objective = progress.loss, progress.weight, progress.objective
    newest: list[tuple[int, float]] = []
    held_out, rows, rows_held_out = [], 0, 0
    for record in segment.records:
        report = record.report
        if report is None or report.sums is None:
            continue
        number = None if in_memory else record.block
        newest.append((record.block, block_learner.loss(report, progress.n_iter, number)))
        loss += float(to_numpy(report.sums.loss).sum())
        weight += float(to_numpy(report.sums.weight).sum())
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
        losses=(*progress.losses, *(loss for _, loss in newest)),
        newest_losses=tuple(newest),
        held_out=tuple(held_out),
        rows_held_out=rows_held_out,
        news="",
        blocks_before=segment.blocks_before,
        checksums=first_and_last(
            [*progress.checksums, *(one for each in segment.records for one in each.checksums)]
        ),
    )
