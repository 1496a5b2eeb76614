"""Rounds of ``n_parallel`` blocks: each is learned from alone, from the same state.

A block is learned from as in a chain, batch by batch. So its losses are of rows that the model has
not learned from, and its held-out rows are scored by the model after the block. Then the states are
merged, and the next round begins with the result.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from streamlearn._training.ahead import LocalStages, after_round, in_round, merged_local
from streamlearn._training.fit_settings import FitSettings, Learned, Report
from streamlearn._training.prepare import PendingBlock, PreparedBlock
from streamlearn._validation.reader import same_place_or_raise
from streamlearn.blocks import Blocks, SideBySide
from streamlearn.core.learner import LocalState, an_array

LearnBlock = Callable[[FitSettings, Learned, PreparedBlock], tuple[Learned, Report]]


class LocalResults(NamedTuple):
    """What was learned from some blocks of a round.

    Attributes
    ----------
    before : LocalState
        The state with which each block of the round began.
    local : LocalState
        Its report is None if there were no rows to learn from.
    ahead : LocalStages or None
        What the stages ahead have learned, if they learn.
    """

    before: LocalState
    local: LocalState
    ahead: LocalStages | None


def n_side_by_side(n_parallel: Any, blocks: Blocks) -> int:
    """Return the number of blocks side by side. Rows in memory are one block."""
    return 1 if blocks.in_memory else int(n_parallel)


def why_unsigned(n_parallel: int) -> str:
    """Return why no weight of a row may be negative, or an empty string if they may.

    Weights of both signs have no mean.
    """
    return "" if n_parallel == 1 else f"n_parallel={n_parallel} takes none. Give n_parallel=1."


def in_parallel(settings: FitSettings, learn_block: LearnBlock) -> SideBySide:
    """Return how ``settings.n_parallel`` blocks are learned from side by side.

    Raises
    ------
    ValueError
        If a stage ahead cannot be merged.
    """
    mergeable_or_raise(settings)
    return SideBySide(
        partial(_may_begin, settings),
        partial(_may_begin, settings),
        partial(_view, settings),
        partial(_local, settings, learn_block),
        partial(_merged, settings),
        partial(_step, settings),
        length=settings.n_parallel,
    )


def mergeable_or_raise(settings: FitSettings) -> None:
    """Check that the states of all stages ahead can be merged.

    Raises
    ------
    ValueError
        If one cannot. The message names it.
    """
    if settings.ahead is None or settings.ahead.merges:
        return
    name = next(
        type(stage.estimator).__name__ for stage in settings.ahead.stages if not stage.merges
    )
    raise ValueError(
        f"n_parallel={settings.n_parallel} merges what was learned from several blocks, and what "
        f"{name} learns in one pass cannot be merged. Give n_parallel=1, or let the pipeline learn "
        f'step by step: schedule="per-step", and Incremental({name}(...)) as the step.'
    )


def _may_begin(settings: FitSettings, learned: Learned, rows: int) -> bool:
    """Return whether blocks can be learned from side by side, after ``rows`` rows of the pass.

    The first block is learned from alone if the learner starts from its rows, or if stages have to
    learn before they transform.
    """
    if settings.ahead is not None and not rows:
        return False
    return learned.state is not None or settings.learner.begin is None


def _view(settings: FitSettings, learned: Learned) -> Learned:
    learner = settings.learner
    if learned.state is None:
        return learned
    assert learner.local_steps is not None
    return learned._replace(state=learner.local_steps.view(learner.params, learned.state))


def _local(
    settings: FitSettings,
    learn_block: LearnBlock,
    view: Learned,
    block: PreparedBlock | PendingBlock,
) -> tuple[LocalResults, Report]:
    """Learn from one block alone."""
    ahead, block = in_round(settings, view.ahead, block)
    learned, report = learn_block(settings, view, block)
    before = LocalState(view.state, view.rows)
    return LocalResults(before, LocalState(learned.state, learned.rows, report.sums), ahead), report


def _merged(settings: FitSettings, x: LocalResults, y: LocalResults) -> LocalResults:
    """Return what was learned from the blocks of both."""
    learner, (a, b) = settings.learner, (x.local, y.local)
    if a.info is None or b.info is None:
        local = b if a.info is None else a
    else:
        assert learner.local_steps is not None
        if x.before.state is None:
            name = settings.reader.estimator
            same_place_or_raise(an_array(b.state), an_array(a.state), name, "fit")
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            state = learner.local_steps.merge(learner.params, x.before, a, b)
        local = LocalState(state, a.seen + b.seen - x.before.seen, a.info.plus(b.info))
    return LocalResults(x.before, local, merged_local(settings, x.ahead, y.ahead))


def _step(settings: FitSettings, learned: Learned, parts: LocalResults) -> Learned:
    """Return what has been learned after a round."""
    learner, (state, seen, info) = settings.learner, parts.local
    assert learner.local_steps is not None
    if info is not None:
        before = LocalState(learned.state, learned.rows)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            state = learner.local_steps.step(learner.params, before, parts.local)
    elif learned.state is not None:
        state = learned.state
    learned = learned._replace(state=state, rows=seen)
    return after_round(settings, learned, parts.ahead)
