"""Passes over rows in memory and over blocks, in the parts after which training may stop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from streamlearn._arrays import asarray, default_int, to_numpy
from streamlearn._training.block import Course, Learned
from streamlearn._training.epochs import held_out_scores, one_pass
from streamlearn.blocks import Blocks
from streamlearn.core import mlp
from streamlearn.core.batches import cut, learn
from streamlearn.core.learner import Batch, Machine


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
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
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
        score = None
        if held_out > 1:
            score = float(np.mean(held_out_scores(course, [r.held for r in reports])))
        losses = [part / n for part, n in zip(parts, rows, strict=True)]
        yield Lap(segment.state, losses, sum(parts), sum(rows), weight, score)
