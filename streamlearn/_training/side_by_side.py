"""Rounds of a fit: blocks are summed at the same models, and one step of the learner follows."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from streamlearn._arrays import batch_rows
from streamlearn._training.ahead import LocalStages, after_round, in_round, merged_local
from streamlearn._training.block_rows import (
    like_rows,
    rows_finite_or_raise,
    same_place_as_state_or_raise,
    samples,
    scored,
    through,
)
from streamlearn._training.epochs import Progress
from streamlearn._training.fit_settings import FitSettings, Learned, Report
from streamlearn._training.prepare import PendingBlock, PreparedBlock
from streamlearn.blocks import SideBySide
from streamlearn.core.batches import cut
from streamlearn.core.learner import Refinement, Rounds


class RoundView(NamedTuple):
    """What the blocks of a round must know.

    Attributes
    ----------
    of_learner : object
        The view of the learner.
    rows : int
        The number of rows learned from before the round.
    ahead : tuple or None
        The states of the stages ahead.
    scores : callable or None
        ``(X) -> scores`` for held-out rows, if there are any.
    """

    of_learner: Any
    rows: int
    ahead: tuple[Any, ...] | None
    scores: Any


class RoundSums(NamedTuple):
    """What was found in some blocks of a round.

    Attributes
    ----------
    of_learner : object
        The sums of the learner, or None if there are no rows to learn from.
    rows : int
        The number of rows that are learned from.
    ahead : LocalStages or None
        What the stages ahead have learned, if they learn.
    """

    of_learner: Any
    rows: int
    ahead: LocalStages | None


def side_by_side(settings: FitSettings, progress: Progress) -> SideBySide | None:
    """Return how blocks are learned from in rounds, or None if they follow one another."""
    how = settings.learner.rounds
    if how is None or settings.batch_size is not None:
        return None
    if settings.ahead is not None and not settings.ahead.merges:
        return None
    return SideBySide(
        partial(_may_begin, settings, progress.learned.rows - progress.rows),
        partial(_seen, settings),
        partial(_view, settings),
        partial(sum_block, settings, how),
        partial(merged, settings, how),
        partial(_step, settings),
        None if how.renewed is None else partial(_renewed, settings),
        ratio=how.ratio(settings.learner.params),
        first=partial(_first, settings),
    )


def _may_begin(settings: FitSettings, before: int, learned: Learned, rows: int) -> bool:
    return learned.state is None or before + rows >= _needed(settings, learned)


def _first(settings: FitSettings, learned: Learned) -> int:
    rule = settings.learner.rounds
    assert rule is not None
    first: int = rule.first(settings.learner.params, learned.state)
    return first


def _seen(settings: FitSettings, learned: Learned, rows: int) -> float:
    if learned.state is None or not rows or learned.rows < _needed(settings, learned):
        return 0.0
    return learned.rows / rows


def _needed(settings: FitSettings, learned: Learned) -> float:
    rule = settings.learner.rounds
    assert rule is not None
    return rule.rows_before(settings.learner.params, learned.state)


def _view(settings: FitSettings, learned: Learned) -> RoundView:
    learner = settings.learner
    assert learner.rounds is not None
    known = learner.rounds.view(learner.params, learned.state)
    scores = None
    if settings.held_out is not None:
        assert learner.applied is not None
        scores = learner.applied(learner.params, learned.state)
    return RoundView(known, learned.rows, learned.ahead, scores)


def sum_block(
    settings: FitSettings,
    how: Rounds | Refinement,
    view: RoundView,
    block: PreparedBlock | PendingBlock,
) -> tuple[RoundSums, Report]:
    """Sum the rows of a block, batch by batch, and score its held-out rows."""
    learner = settings.learner
    ahead, block = in_round(settings, view.ahead, block)
    like, X = like_rows(settings, block), block.X
    same_place_as_state_or_raise(settings, like, view.of_learner)
    transformed, built = through(learner, X, block.functions)
    assert block.draws.samples is not None
    batches = cut(
        X,
        block.target,
        block.weight,
        seen=view.rows,
        batch_size=batch_rows(X) if built else max(X.shape[0], 1),
        gather=built or not learner.affine,
        through=transformed,
        draws=samples(
            block.draws.samples,
            lambda m: how.sampled(learner.params, view.of_learner, m, view.rows),
            like,
        ),
    )
    sums, info = None, None
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        for batch in batches:
            batch = batch._replace(seen=view.rows)
            more, report = how.of_batch(learner.params, view.of_learner, batch)
            sums = more if sums is None else how.merge(sums, more)
            info = report if info is None else info.plus(report)
        if info is not None:
            rows_finite_or_raise(settings, block, info)
        score = None if view.scores is None else scored(settings, block, view.scores)
    n = X.shape[0]
    return RoundSums(sums, n, ahead), Report(info, score, n)


def merged(
    settings: FitSettings, how: Rounds | Refinement, a: RoundSums, b: RoundSums
) -> RoundSums:
    """Return the sums over the blocks of both."""
    if a.of_learner is None or b.of_learner is None:
        sums = b.of_learner if a.of_learner is None else a.of_learner
    else:
        sums = how.merge(a.of_learner, b.of_learner)
    return RoundSums(sums, a.rows + b.rows, merged_local(settings, a.ahead, b.ahead))


def _renewed(settings: FitSettings, learned: Learned) -> Learned:
    """Do what the step of a round needs no sums for."""
    learner = settings.learner
    assert learner.rounds is not None
    assert learner.rounds.renewed is not None
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        state = learner.rounds.renewed(learner.params, learned.state, learned.rows)
    return learned._replace(state=state)


def _step(settings: FitSettings, learned: Learned, sums: RoundSums) -> Learned:
    """Take the step of a round."""
    learner, state = settings.learner, learned.state
    assert learner.rounds is not None
    if sums.of_learner is not None:
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            state = learner.rounds.step(learner.params, state, sums.of_learner, learned.rows)
    learned = learned._replace(state=state, rows=learned.rows + sums.rows)
    return after_round(settings, learned, sums.ahead)
