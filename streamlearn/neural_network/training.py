"""Epochs of a net, and scikit-learn's rules of when to stop.

Rows in memory and blocks of a collection differ in what a pass over them is (`Lap`), not in what
is watched. The rules differ from those of `streamlearn.fitting`: a net stops after one epoch more,
ends with its best weights, and goes on counting in the next call.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import scipy.optimize
from sklearn.utils.fixes import _get_additional_lbfgs_options_dict
from sklearn.utils.optimize import _check_optimize_result

from streamlearn.backend import Array, asarray, default_int, namespace, to_numpy, widest_float
from streamlearn.blocks import Blocks
from streamlearn.core import mlp
from streamlearn.core.batches import cut, learn
from streamlearn.core.machine import Batch, Machine
from streamlearn.fitting import ADAPTIVE_FLOOR, Stopping, held_out_score, one_pass
from streamlearn.learning import Course, Learned


class Lap(NamedTuple):
    """A part of an epoch, after which it may stop: all of it in memory, else a run of blocks.

    Attributes
    ----------
    learned : Learned
    losses : list of float
        Mean of the batches' losses, with the penalty, of each block.
    objective : float
        Sum of the batches' losses, with the penalty, times their rows.
    rows : int
    weight : float
    score : float or None
        Of held-out rows.
    """

    learned: Learned
    losses: list[float]
    objective: float
    rows: int
    weight: float
    score: float | None


Laps = Callable[[Learned, int], Iterator[Lap]]


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
        warnings.warn("Training interrupted by user.", UserWarning, stacklevel=4)
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


@dataclass(frozen=True)
class InMemory:
    """`Laps` over rows in memory, in scikit-learn's order.

    Attributes
    ----------
    machine : Machine
    rows : Batch
        All of them.
    batch_size : int
    order : callable or None
        ``() -> rows of the next epoch``.
    score : callable or None
        ``net -> score`` of held-out rows.
    """

    machine: Machine
    rows: Batch
    batch_size: int
    order: Callable[[], np.ndarray] | None
    score: Callable[[mlp.State], float] | None

    def __call__(self, learned: Learned, epoch: int) -> Iterator[Lap]:
        """Learn from all rows once."""
        (X, target, weight, *_), order = self.rows, self.order
        rows = order if order is None else asarray(order(), like=X, dtype=default_int(X))
        batches = cut(X, target, weight, seen=0, batch_size=self.batch_size, rows=rows)
        # A net that leaves the floats is found by its loss.
        with np.errstate(over="ignore", invalid="ignore"):
            net, info = learn(self.machine, learned.state, batches)
            assert info is not None
            n_rows = X.shape[0]
            learned = learned._replace(rows=learned.rows + n_rows)
            if self.machine.end_block is not None:
                net = self.machine.end_block(self.machine.params, net, learned.rows)
            score = None if self.score is None else self.score(net)
        objective, total = (float(to_numpy(a)[0]) for a in (info.objective, info.weight))
        learned = learned._replace(state=net)
        yield Lap(learned, [objective / n_rows], objective, n_rows, total, score)


def of_blocks(course: Course, blocks: Blocks) -> Laps:
    """Return `Laps` over blocks; one is a segment of the graph."""
    return partial(_laps_of_blocks, course, blocks)


def _laps_of_blocks(course: Course, blocks: Blocks, learned: Learned, epoch: int) -> Iterator[Lap]:
    for segment in one_pass(course, learned, blocks, epoch):
        records = [r for r in segment.records if r.rows and r.info.info]
        reports = [r.info for r in records]
        rows = [report.rows for report in reports]
        parts = [float(to_numpy(report.info.objective)[0]) for report in reports]
        weight = sum(float(to_numpy(report.info.weight)[0]) for report in reports)
        held_out = sum(r.rows for r in records) - sum(rows)
        score = held_out_score(course, [r.held for r in reports]) if held_out > 1 else None
        losses = [part / n for part, n in zip(parts, rows, strict=True)]
        yield Lap(segment.state, losses, sum(parts), sum(rows), weight, score)


def minimize(
    params: mlp.Params,
    net: mlp.State,
    rows: Batch,
    *,
    max_iter: int,
    max_fun: int,
    tol: float,
    verbose: bool,
) -> tuple[mlp.State, float, int]:
    """Return the net that L-BFGS finds for all rows at once, its loss, and the iterations.

    The weights are in the widest float: so far a line search must see. SciPy works on the host,
    which the gradient visits once an evaluation.
    """
    xp, wide = namespace(rows.X), widest_float(rows.X)
    rows = rows._replace(X=xp.astype(rows.X, wide, copy=False))
    shapes = [tuple(xp.astype(a, wide, copy=False) for a in part) for part in net[:2]]

    def at(theta: np.ndarray) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
        return mlp.unpack(asarray(theta, like=rows.X), *shapes)

    def objective(theta: np.ndarray) -> tuple[float, np.ndarray]:
        with np.errstate(over="ignore", invalid="ignore"):
            info, gradient = mlp.value_and_gradient(params, *at(theta), rows)
        mean = float(to_numpy(info.objective)[0]) / rows.X.shape[0]
        return mean, to_numpy(gradient).astype(np.float64)

    found = scipy.optimize.minimize(
        objective,
        to_numpy(mlp.pack(*shapes)).astype(np.float64),
        method="L-BFGS-B",
        jac=True,
        options={
            "maxfun": max_fun,
            "maxiter": max_iter,
            "gtol": tol,
            **_get_additional_lbfgs_options_dict("iprint", 1 if verbose else -1),
        },
    )
    net = mlp.start(params, *at(found.x))
    finite_or_raise(net)
    return net, float(found.fun), int(_check_optimize_result("lbfgs", found, max_iter))
