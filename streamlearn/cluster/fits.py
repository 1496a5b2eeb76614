"""Fits of mini-batch k-means: over batches drawn from memory, and over blocks in epochs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from streamlearn._arrays import Array, asarray, default_int, namespace, to_numpy
from streamlearn._training.block_learner import BlockLearner
from streamlearn._training.course import Course, Learned
from streamlearn._training.epochs import Progress, train
from streamlearn._training.stopping import Never
from streamlearn._validation.messages import no_weight
from streamlearn._validation.reader import same_place_or_raise
from streamlearn.blocks import Block, Blocks, LazyRows
from streamlearn.cluster import steps
from streamlearn.cluster.seeding import probabilities
from streamlearn.cluster.steps import MiniBatchState, Params
from streamlearn.cluster.stopping import Watch
from streamlearn.core.learner import Batch, Info


class Outcome(NamedTuple):
    """What a fit ends with.

    Attributes
    ----------
    learned : Learned
        Its state is a `MiniBatchState`.
    n_iter : int
        Epochs begun.
    inertia : float or None
        Estimate of the inertia of all rows by what the batches had before their steps.
    """

    learned: Learned
    n_iter: int
    inertia: float | None


class DrawnBatches:
    """The block learner of rows in memory: it draws batches with replacement, as scikit-learn does.

    Parameters
    ----------
    params : Params
    draws : RandomState
        It moves on as it moves with scikit-learn.
    X : array
    weight : array or None
    """

    def __init__(
        self, params: Params, draws: np.random.RandomState, X: Array, weight: Array | None
    ) -> None:
        self.params, self.draws, self.X = params, draws, X
        by_row = (
            np.ones(X.shape[0], to_numpy(X[:0, :]).dtype) if weight is None else to_numpy(weight)
        )
        self.total = float(by_row.sum())
        # RandomState.choice would make these sums for every batch.
        until = np.cumsum(probabilities(by_row).astype(np.float64))
        self.until = until / until[-1]

    def order(self, blocks: Blocks, epoch: int) -> None:
        """Return None: there is one block."""

    def prepare(self, epoch: int, block: Block) -> int:
        """Return how many steps there are by the end of an epoch."""
        return (epoch + 1) * self.X.shape[0]

    def step(self, learned: Learned, rows: int) -> tuple[Learned, None]:
        """Take the steps of an epoch, or those before convergence."""
        state, xp, X = learned.state, namespace(self.X), self.X
        size = state.batch_size
        with np.errstate(over="ignore", invalid="ignore"):
            while state.steps < rows // size and not state.watch.converged:
                at = _beyond(self.until, self.draws.random_sample(size))
                at = asarray(at, like=X, dtype=default_int(X))
                batch = Batch(xp.take(X, at, axis=0))
                state, _ = steps.stepped(self.params, lambda: self.draws, state, batch)
        return learned._replace(state=state, rows=state.steps * size), None

    def check(self, progress: Progress) -> None:
        """Do nothing: rows and weights in memory have been checked."""


class Converged(Never):
    """Stop when the rule that goes along with the steps says so."""

    def after_segment(self, progress: Progress) -> Progress:
        """Look whether the steps have converged."""
        return progress._replace(stopped=_converged(progress.learned.state))


@dataclass(frozen=True)
class ConvergedLater(Converged):
    """The same over blocks, where the steps are watched from the second epoch on.

    Attributes
    ----------
    course : Course
    watch : callable
        ``(n_rows, n_steps) -> Watch``, asked if there is a second epoch.
    max_iter : int
    before : int
        Rows learned from before the fit.
    """

    course: Course
    watch: Callable[[int, int], Watch]
    max_iter: int
    before: int

    def begin(self, progress: Progress) -> float:
        """Return the weight of all rows, which is not known yet."""
        return 0.0

    def after_epoch(self, progress: Progress) -> Progress:
        """Watch from the second epoch on.

        Raises
        ------
        ValueError
            If fewer rows than clusters have a weight.
        """
        learned, total = progress.learned, progress.rule or progress.weight
        if learned.waiting is not None:
            raise too_few(learned.waiting[0].shape[0], self.course)
        if not progress.stopped:
            state = learned.state._replace(spared=False)
            if progress.n_iter == 1 < self.max_iter:
                n_steps = (self.max_iter - 1) * state.steps
                state = state._replace(watch=self.watch(learned.rows - self.before, n_steps))
            learned = learned._replace(state=state)
        return progress._replace(learned=learned, rule=total)


def over_drawn_batches(
    params: Params,
    draws: np.random.RandomState,
    blocks: Blocks,
    X: Array,
    weight: Array | None,
    max_iter: int,
    watch: Callable[[int, int], Watch],
) -> Outcome:
    """Learn from batches that are drawn from X with replacement, as scikit-learn draws them.

    ``watch`` makes the stopping rule of the rows of an epoch and the steps at most.
    """
    n_rows = X.shape[0]
    state = steps.begun(params, draws, LazyRows(X), weight)
    state = state._replace(watch=watch(n_rows, max_iter * n_rows // state.batch_size))
    learner = DrawnBatches(params, draws, X, weight)
    out = train(learner, blocks, Progress(Learned(state)), Converged(), max_iter=max_iter)
    state = out.learned.state
    smoothed = state.watch.smoothed
    inertia = None if smoothed is None else smoothed * learner.total
    learned = Learned(state._replace(watch=None), out.learned.rows)
    return Outcome(learned, -(-learned.rows // n_rows), inertia)


def _beyond(until: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Return for each of ``u`` in [0, 1) the first place whose sum ``until`` there is larger.

    Where rows weigh alike the place is known but for rounding: 9 ns to make sure, 260 to look it up
    among a million (measured apart from ``bench/``).
    """
    at = np.minimum((u * len(until)).astype(np.intp), len(until) - 1)
    missed = (until[at] <= u) | ((at > 0) & (until[at - 1] > u))
    at[missed] = until.searchsorted(u[missed], side="right")
    return at


def of_one_batch(
    params: Params, learned: Learned, X: Array, weight: Array | None, estimator: str
) -> Outcome:
    """Learn from an array in memory in one step; what `over_blocks` does, without its machinery.

    Raises
    ------
    ValueError
        If X is in another place than what was learned.
    """
    state = learned.state
    if state is None:
        state = steps.started(params, LazyRows(X), weight)
    same_place_or_raise(X, state.clusters.centers, estimator, "partial_fit")
    with np.errstate(over="ignore", invalid="ignore"):
        state, info = steps.update(params, state, Batch(X, None, weight))
    return Outcome(Learned(state, learned.rows + X.shape[0]), 1, steps.inertia_of(info))


def over_blocks(
    course: Course,
    learned: Learned,
    blocks: Blocks,
    max_iter: int,
    watch: Callable[[int, int], Watch],
) -> Outcome:
    """Learn from blocks, in order, in epochs; the first one is never cut short.

    Parameters
    ----------
    course : Course
        Of the learner of `streamlearn.cluster.steps`.
    learned : Learned
        Where to start; not changed.
    blocks : Blocks
    max_iter : int
    watch : callable
        ``(n_rows, n_steps) -> Watch``, asked if there is a second epoch.

    Raises
    ------
    ValueError
        If there are no rows, or none has a weight.
    """
    rule = ConvergedLater(course, watch, max_iter, learned.rows)
    learner = BlockLearner(course, inertia_of_block)
    out = train(learner, blocks, Progress(learned), rule, max_iter=max_iter)
    learned = out.learned._replace(state=out.learned.state._replace(watch=None))
    return Outcome(learned, out.n_iter, out.loss / out.weight * out.rule)


def inertia_of_block(sums: Info, n_rows: int, n_iter: int, block: int | None) -> float:
    """Return the inertia of a block's rows before the steps."""
    return steps.inertia_of(sums)


def too_few(n: int, course: Course) -> ValueError:
    """Return the error of rows, of any weight, that are fewer than the clusters."""
    if n == 0:
        return no_weight()
    weighted = " Rows of weight 0 do not count." if course.weighted else ""
    return ValueError(f"n_samples={n} should be >= n_clusters={course.n_outputs}.{weighted}")


def _converged(state: MiniBatchState | None) -> bool:
    return state is not None and state.watch is not None and state.watch.converged
