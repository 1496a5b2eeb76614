"""Fits of mini-batch k-means: to batches drawn from memory, and to blocks in epochs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from streamlearn import blocks as engine
from streamlearn._arrays import Array, asarray, default_int, rows_at, to_numpy
from streamlearn._training.block_learner import BlockLearner
from streamlearn._training.epochs import Progress, Publish, train
from streamlearn._training.fit_settings import FitSettings, Learned
from streamlearn._training.stopping import Never
from streamlearn._validation.messages import few_rows, no_weight
from streamlearn._validation.reader import same_place_or_raise
from streamlearn.blocks import Block, Blocks, LazyRows
from streamlearn.cluster import steps
from streamlearn.cluster.random_stream import forward, value_of
from streamlearn.cluster.seeding import probabilities
from streamlearn.cluster.steps import MiniBatchState, Params
from streamlearn.cluster.stopping import Convergence
from streamlearn.core import kmeans
from streamlearn.core.learner import Batch, Info


class Outcome(NamedTuple):
    """The result of a fit.

    Attributes
    ----------
    learned : Learned
        Its state is a `MiniBatchState`.
    n_iter : int
        The number of epochs that were begun.
    inertia : float or None
        An estimate of the inertia of all rows, from the batches before their steps.
    nearest : kmeans.FormerNearest or None
        The nearest centres of all rows before the last step, if there was only this step.
    """

    learned: Learned
    n_iter: int
    inertia: float | None
    nearest: kmeans.FormerNearest | None = None


class DrawnBatches:
    """The block learner of rows in memory: it draws batches with replacement, as scikit-learn does.

    Parameters
    ----------
    params : Params
    draws : RandomState
        The source of the draws, which is left as scikit-learn leaves it.
    X : array of shape (n_rows, n_features)
    weight : array of shape (n_rows,), or None
    """

    def __init__(
        self, params: Params, draws: np.random.RandomState, X: Array, weight: Array | None
    ) -> None:
        self.params, self.draws, self.X = params, draws, X
        by_row = (
            np.ones(X.shape[0], to_numpy(X[:0, :]).dtype) if weight is None else to_numpy(weight)
        )
        self.total = float(by_row.sum())
        # RandomState.choice would compute these sums for every batch.
        until = np.cumsum(probabilities(by_row).astype(np.float64))
        self.until = until / until[-1]

    def order(self, blocks: Blocks, epoch: int) -> None:
        """Return None: there is one block."""

    def side_by_side(self, progress: Progress) -> None:
        """Return None: each block follows the one before."""

    def prepare(self, epoch: int, block: Block) -> int:
        """Return how many rows are learned from by the end of an epoch."""
        return (epoch + 1) * self.X.shape[0]

    def step(self, learned: Learned, rows: int) -> tuple[Learned, None]:
        """Take the steps of an epoch, or fewer if they converge."""
        state, X = learned.state, self.X
        size = state.batch_size
        if state.draws is not None:
            forward(self.draws, state.draws)
        with np.errstate(over="ignore", invalid="ignore"):
            while state.steps < rows // size and not state.convergence.converged:
                at = _beyond(self.until, self.draws.random_sample(size))
                at = asarray(at, like=X, dtype=default_int(X))
                batch = Batch(rows_at(X, at))
                state, *_ = steps.stepped(self.params, lambda: self.draws, state, batch)
        state = state._replace(draws=value_of(self.draws))
        return learned._replace(state=state, rows=state.steps * size), None

    def check(self, progress: Progress) -> None:
        """Do nothing: rows and weights in memory are checked already."""

    def may_end(self, progress: Progress) -> bool:
        """Return True: an epoch has been learned from."""
        return True


class Converged(Never):
    """Stop when the stopping rule inside the state has converged."""

    def after_segment(self, progress: Progress) -> Progress:
        """Stop if the steps have converged."""
        return progress._replace(stopped=_converged(progress.learned.state))


@dataclass(frozen=True)
class ConvergedLater(Converged):
    """The same rule over blocks, where it starts in the second epoch.

    Attributes
    ----------
    settings : FitSettings
    convergence : callable
        ``(n_rows, n_steps) -> Convergence``. It is called if there is a second epoch.
    max_iter : int
        The largest number of epochs.
    rows_before : int
        The number of rows learned from before the fit.
    """

    settings: FitSettings
    convergence: Callable[[int, int], Convergence]
    max_iter: int
    rows_before: int

    def begin(self, progress: Progress) -> float:
        """Return 0 for the weight of all rows, which is not known yet."""
        return 0.0

    def after_epoch(self, progress: Progress) -> Progress:
        """Start the stopping rule after the first epoch.

        Raises
        ------
        ValueError
            If fewer rows than clusters have a weight.
        """
        learned, total = progress.learned, progress.rule or progress.weight
        if learned.waiting is not None:
            raise too_few(learned.waiting[0].shape[0], self.settings)
        if not progress.stopped:
            state = learned.state._replace(spared=False)
            if progress.n_iter == 1 < self.max_iter:
                n_steps = (self.max_iter - 1) * state.steps
                state = state._replace(
                    convergence=self.convergence(learned.rows - self.rows_before, n_steps)
                )
            learned = learned._replace(state=state)
        return progress._replace(learned=learned, rule=total)


def over_drawn_batches(
    params: Params,
    draws: np.random.RandomState,
    blocks: Blocks,
    X: Array,
    weight: Array | None,
    max_iter: int,
    convergence: Callable[[int, int], Convergence],
    publish: Publish | None = None,
) -> Outcome:
    """Learn from batches that are drawn from X with replacement, as scikit-learn draws them.

    ``convergence`` makes the stopping rule from the rows of an epoch and the largest number of
    steps. ``publish`` has the fitted attributes for callbacks.
    """
    n_rows = X.shape[0]
    state = steps.begun(params, draws, LazyRows(X), weight)
    state = state._replace(convergence=convergence(n_rows, max_iter * n_rows // state.batch_size))
    learner = DrawnBatches(params, draws, X, weight)
    out = train(
        learner,
        blocks,
        Progress(Learned(state)),
        Converged(),
        max_iter=max_iter,
        publish=publish,
    )
    state = out.learned.state
    smoothed = state.convergence.smoothed
    inertia = None if smoothed is None else smoothed * learner.total
    learned = Learned(state._replace(convergence=None), out.learned.rows)
    return Outcome(learned, -(-learned.rows // n_rows), inertia)


def _beyond(until: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Return for each of ``u`` in [0, 1) the first place at which the sum ``until`` is larger.

    If all rows have the same weight, the place is known up to rounding. A check of it takes 9 ns. A
    search among a million takes 260 ns (measured apart from ``bench/``).
    """
    at = np.minimum((u * len(until)).astype(np.intp), len(until) - 1)
    missed = (until[at] <= u) | ((at > 0) & (until[at - 1] > u))
    at[missed] = until.searchsorted(u[missed], side="right")
    return at


def of_one_batch(
    params: Params,
    learned: Learned,
    X: Array,
    weight: Array | None,
    estimator: str,
    *,
    labelled: bool,
) -> Outcome:
    """Learn from an array in memory in one step. ``labelled`` says whether labels will follow.

    It does the same as `over_blocks`, without a loop over blocks.

    Raises
    ------
    ValueError
        If X is in another namespace or on another device than the centres.
    """
    state = learned.state
    if state is None:
        state = steps.started(params, LazyRows(X), weight)
    same_place_or_raise(X, state.clusters.centers, estimator, "partial_fit")
    with np.errstate(over="ignore", invalid="ignore"):
        state, info, before = steps.step(params, state, Batch(X, None, weight), bounds=labelled)
    learned = Learned(state, learned.rows + X.shape[0])
    return Outcome(learned, 1, steps.inertia_of(info), before)


def over_blocks(
    settings: FitSettings,
    learned: Learned,
    blocks: Blocks,
    max_iter: int,
    convergence: Callable[[int, int], Convergence],
    publish: Publish | None = None,
    *,
    verbose: bool = False,
) -> Outcome:
    """Learn from blocks, in order, in epochs. The first epoch is never cut short.

    Parameters
    ----------
    settings : FitSettings
        The settings of the learner of `streamlearn.cluster.steps`.
    learned : Learned
        The result to start from. It is not changed.
    blocks : Blocks
    max_iter : int
        The largest number of epochs.
    convergence : callable
        ``(n_rows, n_steps) -> Convergence``. It is called if there is a second epoch.
    publish : Publish, optional
        The fitted attributes for callbacks.
    verbose : bool, default=False
        Whether to print the inertia at the ends of segments.

    Raises
    ------
    ValueError
        If there are no rows, or no row has a weight.
    """
    rule = ConvergedLater(settings, convergence, max_iter, learned.rows)
    learner = BlockLearner(settings, inertia_of_block)
    out = train(
        learner,
        blocks,
        Progress(learned),
        rule,
        max_iter=max_iter,
        watched_by=[Lines(max_iter)] if verbose else (),
        publish=publish,
    )
    learned = out.learned._replace(state=out.learned.state._replace(convergence=None))
    total = out.rule or out.weight  # the first is 0 if the first epoch was interrupted
    return Outcome(learned, out.n_iter, out.loss / out.weight * total)


class Lines(engine.Watch):
    """It prints the inertia at the ends of segments.

    Parameters
    ----------
    max_iter : int
        The largest number of epochs.
    """

    def __init__(self, max_iter: int) -> None:
        self.max_iter = max_iter

    def progress_made(self, progress: Progress, publish: Any = None) -> None:
        """Print a line after each segment."""
        if progress.at == "segment" and progress.weight:
            print(  # noqa: T201
                f"Epoch {progress.n_iter}/{self.max_iter}: {progress.rows} rows, mean inertia "
                f"before each step: {progress.loss / progress.weight}"
            )


def inertia_of_block(sums: Info, n_rows: int, n_iter: int, block: int | None) -> float:
    """Return the inertia of a block's rows before the steps."""
    return steps.inertia_of(sums)


def too_few(n: int, settings: FitSettings) -> ValueError:
    """Return the error for fewer rows with a weight than clusters."""
    if n == 0:
        return no_weight()
    weighted = " Rows of weight 0 do not count." if settings.weighted else ""
    return few_rows(n, settings.n_outputs, weighted)


def _converged(state: MiniBatchState | None) -> bool:
    return state is not None and state.convergence is not None and state.convergence.converged
