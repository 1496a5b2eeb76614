"""One of this library's learners as a block learner.

Work that needs no state is done in each block's own task (`BlockLearner.prepare`). The chain of
steps only learns (`BlockLearner.step`). All random numbers are drawn in the block's task from
(seed, epoch, block), so a task that runs twice draws the same numbers.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import NamedTuple

import numpy as np

from streamlearn._arrays import Array, concat, to_numpy
from streamlearn._training.ahead import through_stages
from streamlearn._training.block_rows import (
    like_rows,
    rows_finite_or_raise,
    same_place_as_state_or_raise,
    samples,
    scored,
    through,
)
from streamlearn._training.epochs import Progress
from streamlearn._training.fit_settings import FitSettings, Learned, Report, generator
from streamlearn._training.parallel import in_parallel
from streamlearn._training.prepare import (
    PendingBlock,
    PreparedBlock,
    largest,
    read_block,
    taken,
    with_draws,
)
from streamlearn._training.side_by_side import side_by_side
from streamlearn._validation.messages import no_rows, no_weight
from streamlearn.blocks import (
    Block,
    Blocks,
    LazyRows,
    SideBySide,
    context_variable,
    groups,
    one_blas_thread,
)
from streamlearn.core.batches import GROWTH, cut, learn_batches
from streamlearn.core.learner import Batch, Info


class BlockLearner(NamedTuple):
    """A block learner with the settings of a fit; see `streamlearn._training.epochs`.

    Attributes
    ----------
    settings : FitSettings
    block_loss : callable
        ``(sums, n_rows, n_iter, block) -> float``; see ``loss`` in that module.
    at_hand : PreparedBlock or None
        Rows in memory that have been read already. They are the only block.
    """

    settings: FitSettings
    block_loss: Callable[[Info, int, int, int | None], float]
    at_hand: PreparedBlock | None = None

    def prepare(self, epoch: int, block: Block) -> PreparedBlock | PendingBlock:
        """Prepare a block for learning."""
        ready = read_block(self.settings, epoch, block) if self.at_hand is None else self.at_hand
        if isinstance(ready, PendingBlock):
            return ready
        return with_draws(self.settings, epoch, block.number, ready)

    def step(self, learned: Learned, block: PreparedBlock | PendingBlock) -> tuple[Learned, Report]:
        """Learn from one block."""
        return learn_block(self.settings, learned, block)

    def side_by_side(self, progress: Progress) -> SideBySide | None:
        """Return how blocks are learned from in rounds, or None if they follow one another."""
        if self.settings.n_parallel > 1:
            return in_parallel(self.settings, learn_block)
        return side_by_side(self.settings, progress)

    def order(self, blocks: Blocks, epoch: int) -> Sequence[int] | None:
        """Return the order of the blocks that is drawn for the epoch, or None for 0, 1, 2..."""
        shuffle = self.settings.shuffle
        if shuffle.by is None:
            return None
        first = epoch == self.settings.first.epoch
        return block_order(blocks, shuffle.seed, epoch, warns=first)

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
            raise no_rows(self.settings.reader.estimator)
        waiting = progress.learned.waiting is not None
        if self.settings.weighted and not progress.weight and not waiting:
            raise no_weight()

    def may_end(self, progress: Progress) -> bool:
        """Return whether rows with a weight have been learned from."""
        weighed = bool(progress.weight) or not self.settings.weighted
        return progress.learned.state is not None and progress.rows > 0 and weighed


def learn_block(
    settings: FitSettings, learned: Learned, block: PreparedBlock | PendingBlock
) -> tuple[Learned, Report]:
    """Learn from one block, batch by batch, then score its held-out rows."""
    if isinstance(block, PendingBlock):
        learned, block = through_stages(settings, learned, block)
    learner, state, rows = settings.learner, learned.state, learned.rows
    like = like_rows(settings, block)
    if state is None and learner.begin is not None:
        block = _joined(learned.waiting, block)
        state = learner.begin(learner.params, LazyRows(block.X, block.functions), block.weight)
        if state is None:
            return learned._replace(waiting=_with_weight(block.X, block.weight)), Report(
                None, None, 0
            )
        learned = learned._replace(waiting=None)
    elif state is None:
        state = learner.init(learner.params, like.shape[1], settings.n_outputs, like=like)
    same_place_as_state_or_raise(settings, like, state)
    X, draws = block.X, block.draws
    transformed, built = through(learner, X, block.functions)
    batches = cut(
        X,
        block.target,
        block.weight,
        seen=rows,
        batch_size=settings.fixed_size(X),
        largest=None if built else largest(settings, X, rows),
        growth=GROWTH if learner.growth is None else learner.growth(X, settings.n_outputs),
        order=draws.order,
        rows=draws.rows,
        run=draws.run,
        gather=built or not learner.affine,
        through=transformed,
        draws=None
        if learner.sampled is None or draws.samples is None
        else samples(draws.samples, partial(learner.sampled, X, settings.n_outputs), like),
    )
    # Divergence is found in the reports of the steps, and the error is raised there.
    threads = one_blas_thread() if learner.narrow else nullcontext()
    with threads, np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        try:
            state, info = learn_batches(learner, state, batches)
        except Exception:
            rows_finite_or_raise(settings, block)  # a matrix with NaN may have no inverse
            raise
        if info is not None:
            rows_finite_or_raise(settings, block, info)
        if learner.end_block is not None:
            state = learner.end_block(learner.params, state, rows + X.shape[0])
        score = scored(settings, block, partial(learner.apply, learner.params, state))
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


_SHUFFLED = context_variable("_SHUFFLED", default=False)


@contextmanager
def shuffled_before() -> Iterator[None]:
    """Let fits take their blocks in the given order in the first epoch, which is a random one."""
    token = _SHUFFLED.set(True)
    try:
        yield
    finally:
        _SHUFFLED.reset(token)


def block_order(
    blocks: Blocks, seed: int, epoch: int, *, warns: bool = True
) -> Sequence[int] | None:
    """Return the order of the blocks that is drawn for ``epoch``.

    Blocks that share a source stay together. The result is None for containers in memory, and in
    the first epoch if the blocks are `shuffled_before`.

    Warns
    -----
    UserWarning
        If all blocks stay in order, several of them may have rows, and the caller ``warns``.
    """
    if blocks.plan is None or (not epoch and _SHUFFLED.get()):
        return None
    together = groups(blocks.plan)
    if warns and len(together) == 1 < sum(n != 0 for n in blocks.rows):
        warnings.warn(
            f"shuffle leaves the {len(blocks)} blocks in order: each shares a source with another, "
            "as rechunking makes them, and another order would read twice. If the rows are "
            "sorted, make each block of whole sources, or store the data again.",
            UserWarning,
            stacklevel=2,
        )
    order = generator(seed, len(blocks), epoch).permutation(len(together))
    return [block for group in order for block in together[group]]
