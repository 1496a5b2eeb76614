"""Epochs of a net, and scikit-learn's rules of when to stop.

Rows in memory and blocks of a collection differ in what a pass over them is
(`streamlearn.neural_network.laps`), not in what is watched. The rules differ from those of
`streamlearn._training.epochs`: a net stops after one epoch more, ends with its best weights, and
goes on counting in the next call.
"""

from __future__ import annotations

import math
import warnings
from typing import NamedTuple

import numpy as np

from streamlearn._arrays import asarray, to_numpy
from streamlearn._training.block import Learned
from streamlearn._training.epochs import ADAPTIVE_FLOOR, Stopping
from streamlearn.core import mlp
from streamlearn.neural_network.laps import Laps


class Watched(NamedTuple):
    """What a net's stopping rule remembers, from fit to fit where one goes on from the other.

    Attributes
    ----------
    loss, score : float
        The best so far.
    stale : int
        Epochs without an improvement.
    best : tuple of tuples of arrays, or None
        Weights and biases with the best score.
    """

    loss: float = math.inf
    score: float = -math.inf
    stale: int = 0
    best: tuple | None = None

    def after_loss(self, loss: float, tol: float) -> Watched:
        """Take in the loss of an epoch."""
        stale = self.stale + 1 if loss > self.loss - tol else 0
        return self._replace(loss=loss if loss < self.loss else self.loss, stale=stale)

    def after_score(self, score: float, tol: float, net: mlp.State) -> Watched:
        """Take in the score of held-out rows."""
        watched = self._replace(stale=self.stale + 1 if score < self.score + tol else 0)
        return watched._replace(score=score, best=net[:2]) if score > self.score else watched


class Outcome(NamedTuple):
    """What training ends with.

    Attributes
    ----------
    learned : Learned
    watched : Watched
    n_iter : int
        Epochs begun.
    stopped : bool
        Whether the rule ended it.
    loss : float
        Of the last epoch.
    losses, scores : list of float
        Of each block, and of each look at held-out rows.
    """

    learned: Learned
    watched: Watched
    n_iter: int
    stopped: bool
    loss: float
    losses: list[float]
    scores: list[float]


def train(
    laps: Laps,
    learned: Learned,
    stopping: Stopping,
    watched: Watched,
    *,
    adaptive: bool,
    verbose: bool,
    epoch: int = 0,
) -> Outcome:
    """Learn in epochs until ``stopping`` says so, or the user interrupts.

    Parameters
    ----------
    laps : callable
        ``(learned, number of the epoch) -> iterator of Lap``.
    learned : Learned
        Where to start; not changed.
    stopping : Stopping
        ``early_stopping`` watches the score after each lap, else the loss of each epoch counts.
    watched : Watched
    adaptive : bool
        Divide the step size by 5 rather than stop, while it is not tiny.
    verbose : bool
        Print scikit-learn's lines.
    epoch : int
        Number of the first epoch.

    Raises
    ------
    ValueError
        If there are no rows, none has a weight, none is held out to stop by, or a weight of the net
        becomes infinite or NaN.
    """
    losses: list[float] = []
    scores: list[float] = []
    n_iter, stopped, loss = 0, False, math.nan
    say = print if verbose else _say_nothing
    what = "Validation score" if stopping.early_stopping else "Training loss"
    stalls = (
        f"{what} did not improve more than tol={stopping.tol:f} for {stopping.n_iter_no_change} "
        "consecutive epochs."
    )

    def slow_or_stop() -> None:
        nonlocal learned, watched, stopped
        if watched.stale <= stopping.n_iter_no_change:
            return
        eta = float(to_numpy(learned.state.moving.eta)) if adaptive else 0.0
        if eta > ADAPTIVE_FLOOR:
            say(f"{stalls} Setting learning rate to {eta / 5:f}")
            learned, watched = _with_step(learned, eta / 5), watched._replace(stale=0)
        else:
            say(f"{stalls}{' Learning rate too small.' if adaptive else ''} Stopping.")
            stopped = True

    try:
        for n_iter in range(1, stopping.max_iter + 1):
            objective, rows, weight = 0.0, 0, 0.0
            for lap in laps(learned, epoch + n_iter - 1):
                learned, losses = lap.learned, losses + lap.losses
                objective, rows = objective + lap.objective, rows + lap.rows
                weight += lap.weight
                if lap.rows:
                    say(f"Iteration {n_iter}, loss = {lap.objective / lap.rows:.8f}")
                if lap.score is not None:
                    say(f"Validation score: {lap.score:f}")
                    scores.append(lap.score)
                    watched = watched.after_score(lap.score, stopping.tol, learned.state)
                    slow_or_stop()
                    if stopped:
                        break
            if not rows:
                raise ValueError("Found array with 0 sample(s) while a minimum of 1 is required.")
            if not weight:
                raise ValueError("Sample weights must contain at least one non-zero number.")
            loss = objective / rows
            if not stopping.early_stopping:
                if not math.isfinite(loss):
                    finite_or_raise(learned.state)
                watched = watched.after_loss(loss, stopping.tol)
                slow_or_stop()
            elif not scores:
                raise ValueError(
                    "The fit cannot be scored: validation_fraction of each block's rows holds out "
                    "too few. Increase it, use larger blocks, or disable early_stopping."
                )
            if stopped:
                break
    except KeyboardInterrupt:
        if learned.state is None:
            raise
        warnings.warn("Training interrupted by user.", UserWarning, stacklevel=6)
    if stopping.early_stopping and watched.best is not None:
        weights, biases = watched.best
        best = learned.state._replace(weights=weights, biases=biases)
        learned = learned._replace(state=best)
    finite_or_raise(learned.state)
    return Outcome(learned, watched, n_iter, stopped, loss, losses, scores)


def _say_nothing(line: str) -> None:
    pass


def _with_step(learned: Learned, eta: float) -> Learned:
    """Return the net with another step size."""
    moving = learned.state.moving
    moving = moving._replace(eta=asarray(eta, like=moving.eta))
    return learned._replace(state=learned.state._replace(moving=moving))


def finite_or_raise(state: mlp.State) -> None:
    """Check that all weights of a net are numbers.

    Raises
    ------
    ValueError
        scikit-learn's.
    """
    if not all(np.isfinite(to_numpy(a)).all() for part in state[:2] for a in part):
        raise ValueError(
            "Solver produced non-finite parameter weights. The input data may contain large values "
            "and need to be preprocessed."
        )
