"""The settings of a fit, as values that tasks can carry, and what a fit has learned."""

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
    """How y becomes the learner's target.

    Attributes
    ----------
    classes : ndarray or None
        The labels by which y is encoded. None if y holds values.
    valid : callable or None
        ``(values, block)``. It raises an error if the learner cannot learn the values.
    learned : bool
        Whether the learner has a target. If not, only the stages ahead use y.
    columns : int or None
        The number of columns of values. None means one for each output.
    """

    classes: np.ndarray | None = None
    valid: Callable[[Array, int | None], None] | None = None
    learned: bool = True
    columns: int | None = None


class Shuffle(NamedTuple):
    """The order of the blocks, and of the rows within a block.

    Attributes
    ----------
    by : {"batches", "rows"} or None
        What is permuted within a block. None leaves rows and blocks in order.
    seed : int
    order : callable or None
        ``(epoch) -> order of all rows`` of an array in memory. It replaces the random order.
    """

    by: str | None = None
    seed: int = 0
    order: Callable[[int], np.ndarray] | None = None


class HeldOut(NamedTuple):
    """Held-out rows: they are scored and never learned from.

    Attributes
    ----------
    metric : Score
    predicted : callable
        ``(scores) -> predictions``, which the metric compares with the target.
    share : float
        The fraction of each block's rows that is held out.
    rows : ndarray of int or None
        The sorted indices of the held-out rows of an array in memory. ``share`` is then 0.
    """

    metric: Score
    predicted: Callable[[Array], Array]
    share: float = 0.0
    rows: np.ndarray | None = None

    def score(self, states: tuple[Any, ...]) -> np.ndarray:
        """Return the score of the rows of several blocks from their score states.

        Its shape is () or (n_outputs,).
        """
        return to_numpy(self.metric.result(reduce(self.metric.merge, states)))

    def mean_score(self, states: tuple[Any, ...]) -> float:
        """Return the mean of the scores of all outputs."""
        return float(np.mean(self.score(states)))


class First(NamedTuple):
    """The start of a fit: the number of its first epoch, and the rows learned from before."""

    epoch: int = 0
    rows: int = 0


class FitSettings(NamedTuple):
    """The settings of a fit. They can be pickled.

    Attributes
    ----------
    learner : Learner
    n_outputs : int
        The number of columns of the model.
    reader : Reader
    target : Target
    batch_size : int or None
        None means that batches grow with the number of rows seen.
    shuffle : Shuffle
    held_out : HeldOut or None
    first : First
    ahead : Chain or None
        Transformers that learn while the blocks flow through them, in the first epoch only.
    weighted : bool
        Whether rows come with weights.
    unsigned : str
        Why no weight may be negative, and what to do. It is empty if they may.
    n_parallel : int
        The number of blocks that are learned from side by side, each from the same state.
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
    unsigned: str = ""
    n_parallel: int = 1

    def fixed_size(self, X: Array) -> int | None:
        """Return the number of rows of each batch of a block X, or None if batches grow."""
        rule = self.learner.fixed
        if self.batch_size is not None or rule is None:
            return self.batch_size
        return rule(X, self.n_outputs)


class Learned(NamedTuple):
    """What a fit has learned so far: the state of a block learner.

    Attributes
    ----------
    state : State of the learner, or None before the first block
    rows : int
        The number of rows learned from, a Python int.
    ahead : tuple or None
        The states of the stages ahead.
    names : ndarray or None
        The names of the features, if the stages ahead return a frame.
    waiting : tuple or None
        ``(X, weight)``: the rows with a weight of earlier blocks, if these had too few rows for the
        learner to begin.
    """

    state: Any = None
    rows: int = 0
    ahead: tuple[Any, ...] | None = None
    names: np.ndarray | None = None
    waiting: tuple[Array, Array | None] | None = None


class Report(NamedTuple):
    """The report of learning from one block.

    Attributes
    ----------
    sums : Info or None
        Sums over the rows learned from; None if there were none.
    held_out : Average, Fit or None
        The score state of the held-out rows.
    rows : int
        The number of rows learned from.
    """

    sums: Info | None
    held_out: Any
    rows: int


def generator(seed: int, *key: int) -> np.random.Generator:
    """Return a random generator that depends only on ``seed`` and ``key``."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
