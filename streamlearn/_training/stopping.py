"""Stopping rules: small objects that the training loop calls after each segment and each epoch.

A rule has four methods. ``begin(progress)`` returns its first state. ``after_segment(progress)``
and ``after_epoch(progress)`` return the progress with a new state in ``rule``. They may also set
``stopped``, or change the learned state, for example to a smaller step size. ``finish(progress)``
returns the progress with which the fit ends.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from streamlearn._arrays import asarray, namespace, to_numpy
from streamlearn._training.epochs import Progress

SMALLEST_STEP = 1e-6
"""Step size below which the "adaptive" schedule stops instead of dividing by 5, as scikit-learn."""


class Never:
    """A rule that never stops: the fit ends after its last epoch. Other rules derive from it."""

    def begin(self, progress: Progress) -> Any:
        """Return None: this rule has no state."""

    def after_segment(self, progress: Progress) -> Progress:
        """Return the progress as it is."""
        return progress

    def after_epoch(self, progress: Progress) -> Progress:
        """Return the progress as it is."""
        return progress

    def finish(self, progress: Progress) -> Progress:
        """Return the progress as it is."""
        return progress


class StallCounts(NamedTuple):
    """For each of several values, how often in a row it has not improved. Greater is better.

    Attributes
    ----------
    best : ndarray of shape (n_columns,)
        The best values so far.
    stale : ndarray of int of shape (n_columns,)
        How often in a row there was no improvement.
    """

    best: np.ndarray
    stale: np.ndarray

    @classmethod
    def begin(cls, n_columns: int) -> StallCounts:
        """Return the state before any value."""
        return cls(np.full(n_columns, -np.inf), np.zeros(n_columns, dtype=int))

    def after(self, value: np.ndarray, tol: float, patience: int) -> tuple[StallCounts, np.ndarray]:
        """Return the state after one more value of each column, and which columns should stop.

        NaN, the score of too few rows, is no value. With a ``tol`` of -inf no column stops.
        """
        worse = (tol > -np.inf) & (value < self.best + tol)
        stale = np.where(worse, self.stale + 1, 0)
        out = stale >= patience
        return StallCounts(np.fmax(self.best, value), np.where(out, 0, stale)), out


@dataclass(frozen=True)
class NoImprovement(Never):
    """scikit-learn's rule of linear models: a column stops when its loss or score stalls.

    Attributes
    ----------
    n_columns : int
    tol : float
        The smallest improvement that counts. With -inf no column stops.
    n_iter_no_change : int
    score : callable or None
        ``(score states) -> ndarray`` of shape () or (n_columns,). The rule watches the score of the
        held-out rows after each segment. If None, it watches the objective after each epoch.
    held_out : str
        The words for the held-out rows in the error about too few rows.
    adaptive : bool
        Whether the step size of a column is divided by 5 before the column stops.
    """

    n_columns: int
    tol: float
    n_iter_no_change: int
    score: Callable[[tuple[Any, ...]], np.ndarray] | None = None
    held_out: str = ""
    adaptive: bool = False

    def begin(self, progress: Progress) -> tuple[StallCounts, np.ndarray]:
        """Return the state before any value, and a mask of the columns that still learn."""
        return StallCounts.begin(self.n_columns), np.ones(self.n_columns, dtype=bool)

    def after_segment(self, progress: Progress) -> Progress:
        """Return the progress after a look at the score of the held-out rows."""
        if self.score is None or not progress.held_out:
            return progress
        return self._after_value(
            progress, np.broadcast_to(self.score(progress.held_out), self.n_columns)
        )

    def after_epoch(self, progress: Progress) -> Progress:
        """Return the progress after a look at the objective, or check that there was a score.

        Raises
        ------
        ValueError
            If no held-out rows could be scored.
        """
        if self.score is None:
            return self._after_value(progress, -progress.objective / max(progress.rows, 1))
        waiting, _ = progress.rule
        if np.isneginf(waiting.best).any():
            raise ValueError(
                f"The fit cannot be scored: {self.held_out} too few rows, or none with a weight. "
                "Increase it, use more rows or larger blocks, or another random_state, or disable "
                "early_stopping."
            )
        return progress

    def finish(self, progress: Progress) -> Progress:
        """Make all columns active again, because the next fit may learn more."""
        state, (_, active) = progress.learned.state, progress.rule
        if active.all():
            return progress
        moving = namespace(state.active).ones_like(state.active)
        learned = progress.learned._replace(state=state._replace(active=moving))
        return progress._replace(learned=learned)

    def _after_value(self, progress: Progress, value: np.ndarray) -> Progress:
        """Return the progress after one more value of each column.

        Columns that stalled get a smaller step size or stop.
        """
        waiting, active = progress.rule
        waiting, stalled = waiting.after(value, self.tol, self.n_iter_no_change)
        stalled = stalled & active
        if not stalled.any():
            return progress._replace(rule=(waiting, active))
        state = progress.learned.state
        if self.adaptive:
            eta = to_numpy(state.eta)
            slower = stalled & (eta > SMALLEST_STEP)
            state = state._replace(eta=asarray(np.where(slower, eta / 5, eta), like=state.eta))
            stalled = stalled & ~slower
        active = active & ~stalled
        state = state._replace(active=asarray(active.astype(np.float64), like=state.active))
        return progress._replace(
            learned=progress.learned._replace(state=state),
            rule=(waiting, active),
            stopped=not active.any(),
        )


class Best(NamedTuple):
    """The state of the rule of nets. A fit that continues another one starts with its state.

    Attributes
    ----------
    loss, score : float
        The best loss and the best score so far.
    stale : int
        The number of epochs in a row without an improvement.
    net : tuple of tuples of arrays, or None
        The weights and biases with the best score.
    """

    loss: float = math.inf
    score: float = -math.inf
    stale: int = 0
    net: tuple[Any, ...] | None = None

    def after_loss(self, loss: float, tol: float) -> Best:
        """Return the state after the loss of one more epoch."""
        stale = self.stale + 1 if loss > self.loss - tol else 0
        return self._replace(loss=loss if loss < self.loss else self.loss, stale=stale)

    def after_score(self, score: float, tol: float, net: tuple[Any, ...]) -> Best:
        """Return the state after one more score of the held-out rows."""
        best = self._replace(stale=self.stale + 1 if score < self.score + tol else 0)
        return best._replace(score=score, net=net) if score > self.score else best


@dataclass(frozen=True)
class NoImprovementOfNet(Never):
    """scikit-learn's rule of nets: it stops one epoch later, and ends with the best weights.

    Attributes
    ----------
    tol : float
    n_iter_no_change : float
    best : Best
        The state at the end of the fit before.
    check : callable
        ``(state)``. It raises an error if a weight is not finite.
    score : callable or None
        ``(score states) -> float``. The rule watches the score of the held-out rows after each
        segment. If None, it watches the loss of each epoch.
    adaptive : bool
        Whether the step size is divided by 5 instead of stopping, unless it is tiny already.
    """

    tol: float
    n_iter_no_change: float
    best: Best
    check: Callable[[Any], None]
    score: Callable[[tuple[Any, ...]], float] | None = None
    adaptive: bool = False

    def begin(self, progress: Progress) -> Best:
        """Return the state at the end of the fit before."""
        return self.best

    def after_segment(self, progress: Progress) -> Progress:
        """Return the progress after a look at the score of the held-out rows."""
        if self.score is None or progress.rows_held_out < 2:
            return progress
        score = self.score(progress.held_out)
        best = progress.rule.after_score(score, self.tol, progress.learned.state[:2])
        return self._slower_or_stopped(
            progress._replace(scores=(*progress.scores, score), rule=best)
        )

    def after_epoch(self, progress: Progress) -> Progress:
        """Return the progress after a look at the loss, or check that there was a score.

        Raises
        ------
        ValueError
            If no held-out rows could be scored.
        """
        if self.score is None:
            loss = mean_objective(progress)
            if not math.isfinite(loss):
                self.check(progress.learned.state)
            best = progress.rule.after_loss(loss, self.tol)
            return self._slower_or_stopped(progress._replace(rule=best))
        if not progress.scores:
            raise ValueError(
                "The fit cannot be scored: validation_fraction of each block's rows holds out "
                "too few. Increase it, use larger blocks, or disable early_stopping."
            )
        return progress

    def finish(self, progress: Progress) -> Progress:
        """Return the progress with the weights that had the best score."""
        if self.score is None or progress.rule.net is None:
            return progress
        weights, biases = progress.rule.net
        state = progress.learned.state._replace(weights=weights, biases=biases)
        return progress._replace(learned=progress.learned._replace(state=state))

    def _slower_or_stopped(self, progress: Progress) -> Progress:
        if progress.rule.stale <= self.n_iter_no_change:
            return progress
        what = "Training loss" if self.score is None else "Validation score"
        news = (
            f"{what} did not improve more than tol={self.tol:f} for {self.n_iter_no_change} "
            "consecutive epochs."
        )
        learned = progress.learned
        moving = learned.state.moving
        eta = float(to_numpy(moving.eta)) if self.adaptive else 0.0
        if eta <= SMALLEST_STEP:
            news += " Learning rate too small. Stopping." if self.adaptive else " Stopping."
            return progress._replace(stopped=True, news=news)
        moving = moving._replace(eta=asarray(eta / 5, like=moving.eta))
        return progress._replace(
            learned=learned._replace(state=learned.state._replace(moving=moving)),
            rule=progress.rule._replace(stale=0),
            news=f"{news} Setting learning rate to {eta / 5:f}",
        )


def mean_objective(progress: Progress) -> float:
    """Return the mean objective of an epoch, for a model with one output."""
    return float(progress.objective[0]) / progress.rows


@dataclass(frozen=True)
class NoBetterScore(Never):
    """A rule that stops when the score stalls, and that ends with the state of the best score.

    Attributes
    ----------
    score : callable
        ``(learned) -> float``.
    tol : float
        The smallest improvement that counts. With -inf the rule never stops.
    patience : int
        The number of epochs in a row without an improvement after which the rule stops.
    """

    score: Callable[[Any], float]
    tol: float
    patience: int

    def begin(self, progress: Progress) -> tuple[StallCounts, Any]:
        """Return the state before any score, and the best state so far."""
        return StallCounts.begin(1), progress.learned

    def after_epoch(self, progress: Progress) -> Progress:
        """Return the progress after scoring the learned state.

        Raises
        ------
        ValueError
            If the held-out rows have no score.
        """
        waiting, best = progress.rule
        score = self.score(progress.learned)
        if not progress.scores or score > waiting.best[0]:
            best = progress.learned
        waiting, stalled = waiting.after(np.asarray([score]), self.tol, self.patience)
        if np.isneginf(waiting.best[0]):
            raise ValueError(
                f"The held-out rows have no score ({score}): they are too few, or all of their "
                "sample_weight are 0. Increase validation_fraction, or use another random_state."
            )
        return progress._replace(
            scores=(*progress.scores, score), rule=(waiting, best), stopped=bool(stalled[0])
        )

    def finish(self, progress: Progress) -> Progress:
        """Return the progress with the state that had the best score, if any was scored."""
        return progress._replace(learned=progress.rule[1]) if progress.scores else progress
