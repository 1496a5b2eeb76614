"""One of this library's learners as a block learner.

Work that needs no state is done in each block's own task (`BlockLearner.prepare`). The chain of
steps only learns (`BlockLearner.step`). All random numbers are drawn in the block's task from
(seed, epoch, block), so a task that runs twice draws the same numbers.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, NamedTuple

import numpy as np

from streamlearn._arrays import (
    Array,
    asarray,
    concat,
    float_dtype,
    is_sparse,
    to_numpy,
)
from streamlearn._training.ahead import names_seen, through_stages
from streamlearn._training.course import Course, Learned, Report, generator
from streamlearn._training.epochs import Progress
from streamlearn._training.prepare import (
    PendingBlock,
    PreparedBlock,
    largest,
    read_block,
    taken,
    with_draws,
)
from streamlearn._validation.messages import no_rows, no_weight
from streamlearn._validation.reader import (
    DENSE,
    dense_or_raise,
    same_place_or_raise,
    sum_is_finite,
)
from streamlearn.blocks import Block, Blocks, LazyRows, groups
from streamlearn.core.batches import GROWTH, cut, learn_batches
from streamlearn.core.learner import Batch, Info, Learner, an_array

GOLDEN = 0.5 * (5.0**0.5 - 1.0)


class BlockLearner(NamedTuple):
    """The block learner of a `Course`; see `streamlearn._training.epochs`.

    Attributes
    ----------
    course : Course
    block_loss : callable
        ``(sums, n_rows, n_iter, block) -> float``; see ``loss`` in that module.
    at_hand : PreparedBlock or None
        Rows in memory that have been read already. They are the only block.
    """

    course: Course
    block_loss: Callable[[Info, int, int, int | None], float]
    at_hand: PreparedBlock | None = None

    def prepare(self, epoch: int, block: Block) -> PreparedBlock | PendingBlock:
        """Prepare a block for learning."""
        ready = read_block(self.course, epoch, block) if self.at_hand is None else self.at_hand
        if isinstance(ready, PendingBlock):
            return ready
        return with_draws(self.course, epoch, block.number, ready)

    def step(self, learned: Learned, block: PreparedBlock | PendingBlock) -> tuple[Learned, Report]:
        """Learn from one block."""
        return learn_block(self.course, learned, block)

    def order(self, blocks: Blocks, epoch: int) -> Sequence[int] | None:
        """Return the order of the blocks that is drawn for the epoch, or None for 0, 1, 2..."""
        shuffle = self.course.shuffle
        return None if shuffle.by is None else block_order(blocks, shuffle.seed, epoch)

    def loss(self, report: Report, n_iter: int, number: int | None) -> float:
        """Return the mean loss of the rows of a block."""
        assert report.sums is not None
        return self.block_loss(report.sums, report.rows, n_iter, number)

    def check(self, progress: Progress) -> None:
        """Check that there were rows, and that some had a weight.

        Raises
        ------
        ValueError
            If a check fails.
        """
        if not progress.rows_read:
            raise no_rows(self.course.reader.estimator)
        waiting = progress.learned.waiting is not None
        if self.course.weighted and not progress.weight and not waiting:
            raise no_weight()


def learn_block(
    course: Course, learned: Learned, block: PreparedBlock | PendingBlock
) -> tuple[Learned, Report]:
    """Learn from one block, batch by batch, then score its held-out rows."""
    if isinstance(block, PendingBlock):
        learned, block = through_stages(course, learned, block)
    learner, state, rows = course.learner, learned.state, learned.rows
    X = block.X
    like = LazyRows(X[:1, ...], block.functions).all()
    if is_sparse(like) and not learner.sparse:
        dense_or_raise(like, course.reader.dense or DENSE)
    if state is None and learner.begin is not None:
        block = _joined(learned.waiting, block)
        X = block.X
        state = learner.begin(learner.params, LazyRows(X, block.functions), block.weight)
        if state is None:
            return learned._replace(waiting=_with_weight(X, block.weight)), Report(None, None, 0)
        learned = learned._replace(waiting=None)
    elif state is None:
        state = learner.init(learner.params, like.shape[1], course.n_outputs, like=like)
    same_place_or_raise(like, an_array(state), course.reader.estimator, "partial_fit")
    through, built = _through(learner, X, block.functions)
    large = None if built else largest(course, X, rows)
    batches = cut(
        X,
        block.target,
        block.weight,
        seen=rows,
        batch_size=course.fixed_size(X),
        largest=large,
        growth=GROWTH if learner.growth is None else learner.growth(X, course.n_outputs),
        order=block.draws.order,
        rows=block.draws.rows,
        run=block.draws.run,
        gather=built or not learner.affine,
        through=through,
        draws=_samples(course, X, like, block.draws.samples),
    )
    score = None
    # Divergence is found in the reports of the steps, and the error is raised there.
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        try:
            state, info = learn_batches(learner, state, batches)
        except Exception:
            look_again(course, block)  # a matrix with NaN may have no inverse
            raise
        if info is not None and not course.reader.looks(X) and not sum_is_finite(info.objective):
            look_again(course, block)
        if learner.end_block is not None:
            state = learner.end_block(learner.params, state, rows + X.shape[0])
        if course.held_out is not None and block.held_out is not None:
            X_, target, weight = block.held_out[:3]
            predicted = course.held_out.predicted(learner.apply(learner.params, state, X_))
            score = course.held_out.metric.of_block(target, predicted, weight)
    return learned._replace(state=state, rows=rows + X.shape[0]), Report(info, score, X.shape[0])


def _joined(waiting: tuple[Array, Array | None] | None, block: PreparedBlock) -> PreparedBlock:
    """Return a block whose own rows follow the waiting rows of earlier blocks."""
    if waiting is None:
        return block
    X, weight = waiting
    if block.weight is not None:
        weight = concat([weight, block.weight])
    return block._replace(X=concat([X, block.X]), weight=weight)


def _with_weight(X: Array, weight: Array | None) -> tuple[Array, Array | None]:
    """Return the rows that have a weight."""
    if weight is None:
        return X, None
    batch = taken(Batch(X, None, weight), np.flatnonzero(to_numpy(weight)))
    return batch.X, batch.weight


def look_again(course: Course, block: PreparedBlock) -> None:
    """Check the rows of a block after an error, if they were not checked when they were read.

    Raises
    ------
    ValueError
        If they contain NaN or infinity. The message names the block.
    """
    if not course.reader.looks(block.X):
        reader = course.reader._replace(names=names_seen(course))
        reader.finite_or_raise(LazyRows(block.X, block.functions).all(), block.block)


def _samples(
    course: Course, X: Array, like: Array, draws: np.ndarray | None
) -> Callable[..., Any] | None:
    """Return a function that draws the sample of rows of a batch of m rows, or None.

    ``draws`` are random numbers of the block, from its own task. Each use adds a multiple of the
    golden ratio to them, modulo 1. So the steps, on which all else waits, need no generator.
    """
    sampled, dtype = course.learner.sampled, float_dtype(like)
    if sampled is None or draws is None:
        return None
    turns = count()

    def drawn(m: int) -> Array | None:
        k = sampled(X, course.n_outputs, m)
        if not k:
            return None
        parts = [(draws + GOLDEN * next(turns)) % 1.0 for _ in range(0, k, len(draws))]
        u = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return asarray((np.arange(k) + u[:k]) / k, like=like, dtype=dtype)

    return drawn


def _through(
    learner: Learner, X: Array, functions: tuple[Callable[..., Any], ...]
) -> tuple[Callable[..., Any] | None, bool]:
    """Return the functions of rows as one function, and whether it builds the transformed rows."""
    if not functions:
        return None, False
    if learner.affine and len(functions) == 1:
        unbuilt = getattr(functions[0], "unbuilt", lambda like: None)(X)
        if unbuilt is not None:
            return unbuilt, False
    return LazyRows(X, functions).of, True


def block_order(blocks: Blocks, seed: int, epoch: int) -> Sequence[int] | None:
    """Return the order of the blocks that is drawn for ``epoch``.

    Blocks that share a source stay together. The result is None for containers in memory.
    """
    if blocks.plan is None:
        return None
    together = groups(blocks.plan)
    if len(together) == 1 < len(blocks):
        warnings.warn(
            f"shuffle leaves the {len(blocks)} blocks in order: each shares a source with another, "
            "as rechunking makes them, and another order would read twice. If the rows are "
            "sorted, make each block of whole sources, or store the data again.",
            UserWarning,
            stacklevel=2,
        )
    order = generator(seed, len(blocks), epoch).permutation(len(together))
    return [block for group in order for block in together[group]]
