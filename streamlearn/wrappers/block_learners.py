"""Block learners of estimators of other libraries, over blocks and over an array in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sklearn import config_context

from streamlearn import blocks as engine
from streamlearn._thirdparty.averaging import averaged
from streamlearn._thirdparty.partial_fit import partially_fitted
from streamlearn._training.block_learner import block_order
from streamlearn._training.epochs import Progress
from streamlearn._validation.messages import no_rows
from streamlearn.wrappers.post_fit import kind_of


class Copies(NamedTuple):
    """The block learner over a collection. A copy of the estimator learns from each block.

    Attributes
    ----------
    params : dict
        Further arguments of ``partial_fit``, the same for all blocks.
    seed : int or None
        The seed of the order of the blocks. None leaves them in order.
    held_out : sequence of int
        The blocks that are scored and never learned from.
    config : dict
        scikit-learn's configuration in the thread of the user, because tasks run in other threads.
    n_parallel : int
        The number of blocks that are learned from side by side.
    """

    params: dict[str, Any]
    seed: int | None
    held_out: Sequence[int]
    config: dict[str, Any]
    n_parallel: int = 1

    def order(self, blocks: engine.Blocks, epoch: int) -> Sequence[int] | None:
        """Return the blocks to learn from, in an order that is drawn for the epoch."""
        order = None if self.seed is None else block_order(blocks, self.seed, epoch)
        if not self.held_out:
            return order
        held = set(self.held_out)
        every = range(len(blocks)) if order is None else order
        return [block for block in every if block not in held]

    def side_by_side(self, progress: Progress) -> engine.SideBySide | None:
        """Return how blocks are learned from side by side, or None if they follow one another."""
        if self.n_parallel == 1:
            return None
        return engine.SideBySide(
            _at_once, _at_once, _as_it_is, self.alone, merged, _after, length=self.n_parallel
        )

    def prepare(self, epoch: int, block: engine.Block) -> engine.Block:
        """Return a block as it is, because the estimator checks it."""
        return block

    def step(self, before: LearnedCopy, block: engine.Block) -> tuple[LearnedCopy, None]:
        """Let a copy learn from a block."""
        params = {**self.params, **block.along}
        y = params.pop("y", None)
        with config_context(**self.config):
            estimator = partially_fitted(before.estimator, block.X, y, params)
        return LearnedCopy(estimator, kind_of(block.X)), None

    def alone(self, before: LearnedCopy, block: engine.Block) -> tuple[LocalCopies, None]:
        """Let a copy learn from a block, next to the copies of other blocks."""
        after, _ = self.step(before, block)
        return LocalCopies(before, after, engine.n_rows(block.X)), None

    def check(self, progress: Progress) -> None:
        """Check that there were rows."""
        if progress.rows_read:
            return
        if self.held_out:
            raise ValueError(too_few_blocks(progress.blocks + len(self.held_out)))
        raise no_rows(type(progress.learned.estimator).__name__)

    def may_end(self, progress: Progress) -> bool:
        """Return whether there were rows."""
        return progress.rows_read > 0


class AsGiven(NamedTuple):
    """The block learner over rows in memory, which are passed to the estimator unchanged.

    Attributes
    ----------
    X, y : objects
        The rows and their targets.
    params : dict
        Further arguments of ``partial_fit``.
    """

    X: Any
    y: Any
    params: dict[str, Any]

    def order(self, blocks: engine.Blocks, epoch: int) -> None:
        """Return None: there is one block."""

    def side_by_side(self, progress: Progress) -> None:
        """Return None: each block follows the one before."""

    def prepare(self, epoch: int, block: engine.Block) -> None:
        """Return None: the rows are at hand."""

    def step(self, before: LearnedCopy, _block: None) -> tuple[LearnedCopy, None]:
        """Let a copy learn from all rows."""
        estimator = partially_fitted(before.estimator, self.X, self.y, self.params)
        return LearnedCopy(estimator, kind_of(self.X)), None

    def check(self, progress: Progress) -> None:
        """Do nothing: the estimator has checked the rows."""

    def may_end(self, progress: Progress) -> bool:
        """Return True: the only block has been learned from."""
        return True


class LearnedCopy(NamedTuple):
    """An estimator and the kind of the blocks that it has learned from.

    Attributes
    ----------
    estimator : object
        The estimator.
    like : array or None
        An empty array of the kind that the blocks hold, see `kind_of`.
    """

    estimator: Any
    like: Any = None


class LocalCopies(NamedTuple):
    """What copies have learned from some blocks of a round.

    Attributes
    ----------
    before, after : LearnedCopy
        The estimator at the start of the round, and one that has learned from the blocks.
    rows : int
        The number of rows of the blocks.
    """

    before: LearnedCopy
    after: LearnedCopy
    rows: int


def merged(a: LocalCopies, b: LocalCopies) -> LocalCopies:
    """Return what was learned from the blocks of both, by their numbers of rows."""
    before, rows = a.before, a.rows + b.rows
    estimator = averaged(before.estimator, a.after.estimator, b.after.estimator, part=b.rows / rows)
    return LocalCopies(before, LearnedCopy(estimator, b.after.like), rows)


def _after(before: LearnedCopy, local: LocalCopies) -> LearnedCopy:
    return local.after


def _at_once(before: LearnedCopy, rows: int) -> bool:
    return True


def _as_it_is(before: LearnedCopy) -> LearnedCopy:
    return before


def too_few_blocks(n_blocks: int) -> str:
    """Return the message about a collection that has too few blocks to hold some out."""
    return (
        f"patience needs blocks that can be held out and others to learn from, and all {n_blocks} "
        "of X share one source or are empty. Give more blocks, each of whole sources, as they are "
        "stored, or patience=None."
    )
