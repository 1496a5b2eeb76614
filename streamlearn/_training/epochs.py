"""Fitting a sequential learner: epochs, held-out rows, stopping. Every such shell uses this.

A fit is a number of passes of `streamlearn.blocks.fold`; what it does with a block is
`streamlearn._training.block`'s.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial, reduce
from typing import Any, NamedTuple

import numpy as np

from streamlearn import blocks as engine
from streamlearn._arrays import (
    asarray,
    namespace,
    to_numpy,
)
from streamlearn._training.block import Course, Learned, generator, learn_block, read
from streamlearn.core.learner import Info

TARGETS = (
    "So might a smaller step where the learning rate is not 'auto', and dividing y by its largest "
    "value where that is too large to be squared."
)
"""What else may help a learner of targets that has diverged."""

ADAPTIVE_FLOOR = 1e-6
"""Step size below which the "adaptive" schedule stops instead of dividing by 5; scikit-learn's."""


class Stopping(NamedTuple):
    """When to stop; scikit-learn's words and rules.

    Attributes
    ----------
    max_iter : int
    tol : float
        -inf never to stop early.
    n_iter_no_change : int
    early_stopping : bool
        Watch the score of held-out rows at segment ends, rather than the objective at epoch ends.
    """

    max_iter: int
    tol: float
    n_iter_no_change: int
    early_stopping: bool


class Watch:
    """Counts for each column how often in a row there was no improvement (greater is better)."""

    def __init__(self, stopping: Stopping, n_columns: int):
        self.stopping = stopping
        self.best = np.full(n_columns, -np.inf)
        self.stale = np.zeros(n_columns, dtype=int)

    def stalled(self, value: np.ndarray) -> np.ndarray:
        """Take in a new value of each column; return the columns that have waited long enough.

        NaN, the score of too few rows, says nothing.
        """
        tol = self.stopping.tol
        worse = (tol > -np.inf) & (value < self.best + tol)
        self.stale = np.where(worse, self.stale + 1, 0)
        self.best = np.fmax(self.best, value)
        out = self.stale >= self.stopping.n_iter_no_change
        self.stale = np.where(out, 0, self.stale)
        return out


class Outcome(NamedTuple):
    """What a fit ends with.

    Attributes
    ----------
    learned : Learned
    n_iter : int
        Epochs begun.
    stopped : bool
        Whether the stopping rule ended it.
    losses : list of float
        Mean loss of each block's rows, scored before they were learned from.
    """

    learned: Learned
    n_iter: int
    stopped: bool
    losses: list[float]


def fit(
    course: Course,
    learned: Learned,
    blocks: engine.Blocks,
    stopping: Stopping,
    *,
    epoch: int = 0,
    describe: Callable[[Any], str] | None = None,
) -> Outcome:
    """Learn from ``blocks`` until ``stopping`` says so.

    Parameters
    ----------
    course : Course
    learned : Learned
        Where to start; not changed.
    blocks : Blocks
    stopping : Stopping
    epoch : int
        Number of the first epoch, for the draws.
    describe : callable, optional
        ``(state) -> str``: print scikit-learn's lines, with this one at every segment end.

    Raises
    ------
    ValueError
        If there are no rows, none has a weight, none is held out to stop by, or the model
        overflows.
    """
    watch, started = Watch(stopping, course.n_outputs), time.time()
    losses: list[float] = []
    active = np.ones(course.n_outputs, dtype=bool)
    n_iter = 0
    for n_iter in range(1, stopping.max_iter + 1):
        if describe is not None:
            print(f"-- Epoch {n_iter}")  # noqa: T201
        objective, n_rows, weight = np.zeros(course.n_outputs), 0, 0.0
        given = 0
        now = epoch + n_iter - 1
        for segment in one_pass(course, learned, blocks, now):
            before, learned = learned, segment.state
            reports = [(r, r.info.info) for r in segment.records if r.rows and r.info.info]
            for record, info in reports:
                losses.append(_mean_loss(info, course.reader.block(record.block), n_iter))
                objective += to_numpy(info.objective)
                weight += float(to_numpy(info.weight).sum())
            n_rows += learned.rows - before.rows
            given += sum(record.rows for record in segment.records)
            if describe is not None and reports:
                print(  # noqa: T201
                    f"{describe(learned.state)}, T: {learned.rows}, Avg. loss: {losses[-1]:f}\n"
                    f"Total training time: {time.time() - started:.2f} seconds."
                )
            if stopping.early_stopping and reports:
                scores = held_out_scores(course, [record.info.held for record, _ in reports])
                stalled = watch.stalled(np.broadcast_to(scores, course.n_outputs))
                learned, active = _slow_or_stop(course, learned, stalled, active)
                if not active.any():
                    break
        if not given:
            raise ValueError(
                f"Found array with 0 sample(s) while a minimum of 1 is required by "
                f"{course.reader.estimator}."
            )
        if "sample_weight" in course.names and not weight:
            raise ValueError("Sample weights must contain at least one non-zero number.")
        if not stopping.early_stopping:
            stalled = watch.stalled(-objective / max(n_rows, 1))
            learned, active = _slow_or_stop(course, learned, stalled, active)
        elif np.isneginf(watch.best).any():
            held = (
                f"validation_fraction={course.held_out!r} of each block's rows holds out"
                if course.held_rows is None
                else f"validation_fraction holds out {len(course.held_rows)} of the rows:"
            )
            raise ValueError(
                f"The fit cannot be scored: {held} too few rows, or none with a weight. Increase "
                "it, use more rows or larger blocks, or another random_state, or disable "
                "early_stopping."
            )
        if not active.any():
            break
    if describe is not None and not active.any():
        print(  # noqa: T201
            f"Convergence after {n_iter} epochs took {time.time() - started:.2f} seconds"
        )
    if hasattr(learned.state, "active"):
        moving = namespace(learned.state.active).ones_like(learned.state.active)
        learned = learned._replace(state=learned.state._replace(active=moving))
    return Outcome(learned, n_iter, not active.any(), losses)


def one_pass(
    course: Course, learned: Learned, blocks: engine.Blocks, epoch: int
) -> Iterator[engine.Segment]:
    """Learn from every block once; yield segment after segment."""
    return engine.fold(
        partial(learn_block, course),
        learned,
        blocks,
        prepare=partial(read, course, epoch),
        order=None if course.shuffle is None else block_order(blocks, course.seed, epoch),
    )


def block_order(blocks: engine.Blocks, seed: int, epoch: int) -> Sequence[int] | None:
    """Return the blocks in an order drawn for ``epoch``; those that share a source stay together.

    None where there is one block, in memory.
    """
    if blocks.plan is None:
        return None
    together = engine.groups(blocks.plan)
    if len(together) == 1 < len(blocks):
        warnings.warn(
            f"shuffle leaves the {len(blocks)} blocks in order: each shares a source with another, "
            "as rechunking makes them, and another order would read twice. If the rows are "
            "sorted, make each block of whole sources, or store the data anew.",
            UserWarning,
            stacklevel=2,
        )
    order = generator(seed, len(blocks), epoch).permutation(len(together))
    return [block for group in order for block in together[group]]


def _mean_loss(info: Info, block: int | None, epoch: int) -> float:
    loss, weight = to_numpy(info.loss), to_numpy(info.weight)
    if not np.all(np.isfinite(loss)):
        raise diverged(f"at epoch #{epoch}" + ("" if block is None else f", in block {block}"))
    return float(loss.sum() / weight.sum()) if weight.sum() else 0.0


def diverged(where: str, *, advice: str | None = TARGETS) -> ValueError:
    """Return the error of a model that left the floats: scikit-learn's, with a note."""
    error = ValueError(
        f"Floating-point under-/overflow occurred {where}. Scaling input data with StandardScaler "
        "or MinMaxScaler might help."
    )
    if advice:
        error.add_note(advice)
    return error


def held_out_scores(course: Course, tallies: list[Any]) -> np.ndarray:
    """Return the score of some blocks' held-out rows, or one an output, from their tallies."""
    assert course.tally is not None
    merged = reduce(course.tally.merge, [t for t in tallies if t is not None])
    return to_numpy(course.tally.result(merged))


def _slow_or_stop(
    course: Course, learned: Learned, stalled: np.ndarray, active: np.ndarray
) -> tuple[Learned, np.ndarray]:
    """Divide the step size of stalled columns by 5 if it adapts, else let them stand still."""
    stalled = stalled & active
    if not stalled.any():
        return learned, active
    state = learned.state
    if getattr(course.machine.params, "learning_rate", None) == "adaptive":
        eta = to_numpy(state.eta)
        slower = stalled & (eta > ADAPTIVE_FLOOR)
        eta = np.where(slower, eta / 5, eta)
        state = state._replace(eta=asarray(eta, like=state.eta))
        stalled = stalled & ~slower
    active = active & ~stalled
    state = state._replace(active=asarray(active.astype(np.float64), like=state.active))
    return learned._replace(state=state), active
