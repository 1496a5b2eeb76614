"""What a fit does with its blocks, as values that travel to the tasks, and what it learns."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any, NamedTuple

import numpy as np

from streamlearn._arrays import Array, to_numpy
from streamlearn._validation.reader import Reader
from streamlearn.core.learner import Info, Learner
from streamlearn.core.scores import Score
from streamlearn.stages import Chain


class Target(NamedTuple):
    """How y becomes what the learner is compared with.

    Attributes
    ----------
    classes : ndarray or None
        Labels to encode y with; None where y holds values, a column for each output.
    valid : callable or None
        ``(values, block)``: raises where values cannot be learned.
    learned : bool
        Whether the learner has a target; y is for the stages ahead alone where it has none.
    """

    classes: np.ndarray | None = None
    valid: Callable[[Array, int | None], None] | None = None
    learned: bool = True


class Shuffle(NamedTuple):
    """In which order the rows of a block are learned from, and the blocks.

    Attributes
    ----------
    by : {"batches", "rows"} or None
        What is permuted within a block; None leaves rows and blocks in order.
    seed : int
    order : callable or None
        ``(epoch) -> all rows`` of an array in memory, in place of own draws.
    """

    by: str | None = None
    seed: int = 0
    order: Callable[[int], np.ndarray] | None = None


class HeldOut(NamedTuple):
    """Rows that are scored and never learned from.

    Attributes
    ----------
    metric : Score
    predicted : callable
        ``(scores) -> predictions`` that the metric compares with the target.
    share : float
        Part of each block's rows that is held out.
    rows : ndarray of int or None
        Such rows of an array in memory, sorted; ``share`` is 0 then.
    """

    metric: Score
    predicted: Callable[[Array], Array]
    share: float = 0.0
    rows: np.ndarray | None = None

    def score(self, states: tuple[Any, ...]) -> np.ndarray:
        """Return the score of several blocks' rows, or one an output, from their sums."""
        return to_numpy(self.metric.result(reduce(self.metric.merge, states)))

    def mean_score(self, states: tuple[Any, ...]) -> float:
        """Return the mean of the outputs' scores."""
        return float(np.mean(self.score(states)))


class First(NamedTuple):
    """Where a fit starts: the number of its first epoch, and the rows learned from before it."""

    epoch: int = 0
    rows: int = 0


class Course(NamedTuple):
    """What a fit does with its blocks; it pickles.

    Attributes
    ----------
    learner : Learner
    n_outputs : int
        Columns of the model.
    reader : Reader
    target : Target
    batch_size : int or None
        None for sizes that grow with the rows seen.
    shuffle : Shuffle
    held_out : HeldOut or None
    first : First
    ahead : Chain or None
        Transformers that learn while the blocks flow through them, in the first epoch only.
    weighted : bool
        Whether rows come with weights.
    signed_weights : bool
        Whether weights may be negative.
    """

    learner: Learner
    n_outputs: int
    reader: Reader
    target: Target = Target()
    batch_size: int | None = None
    shuffle: Shuffle = Shuffle()
    held_out: HeldOut | None = None
    first: First = First()
    ahead: Chain | None = None
    weighted: bool = False
    signed_weights: bool = True


class Learned(NamedTuple):
    """What a fit has learned.

    Attributes
    ----------
    state : State of the learner, or None before the first block
    rows : int
        Rows learned from: a plain int of the host.
    ahead : tuple or None
        The states of the stages ahead.
    names : ndarray or None
        Of the features, where a frame comes out of the stages ahead.
    waiting : tuple or None
        Rows that have a weight, and the weights, of blocks that were too short to begin with.
    """

    state: Any = None
    rows: int = 0
    ahead: tuple[Any, ...] | None = None
    names: np.ndarray | None = None
    waiting: tuple[Array, Array | None] | None = None


class Report(NamedTuple):
    """What learning from one block reports.

    Attributes
    ----------
    sums : Info or None
        Sums over the rows learned from; None if there were none.
    held_out : Average, Fit or None
        The sums of the held-out rows' score.
    rows : int
        Rows learned from.
    """

    sums: Info | None
    held_out: Any
    rows: int


def generator(seed: int, *key: int) -> np.random.Generator:
    """Return the source of draws that depend on ``seed`` and ``key`` only."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
