"""Block learners of estimators that are not ours, over blocks and over one array in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sklearn import config_context

from streamlearn import blocks as engine
from streamlearn._thirdparty.partial_fit import partially_fitted
from streamlearn._training.block_learner import block_order
from streamlearn._training.epochs import Progress
from streamlearn._validation.messages import no_rows
from streamlearn.wrappers.post_fit import kind_of


class Copies(NamedTuple):
    """The block learner of estimators that are not ours: a copy learns from each block.

    Attributes
    ----------
    params : dict
        Further arguments of ``partial_fit``, the same for all blocks.
    seed : int or None
        Of the order of the blocks; None to leave them as they are.
    held_out : sequence of int
        Blocks that are scored and never learned from.
    config : dict
        scikit-learn's configuration, which is the thread's that makes this.
    """

    params: dict[str, Any]
    seed: int | None
    held_out: Sequence[int]
    config: dict[str, Any]

    def order(self, blocks: engine.Blocks, epoch: int) -> Sequence[int] | None:
        """Return the blocks to learn from in an order drawn for the epoch."""
        order = None if self.seed is None else block_order(blocks, self.seed, epoch)
        if not self.held_out:
            return order
        held = set(self.held_out)
        every = range(len(blocks)) if order is None else order
        return [block for block in every if block not in held]

    def prepare(self, epoch: int, block: engine.Block) -> engine.Block:
        """Return a block as it is: the estimator knows what to do with it."""
        return block

    def step(self, before: Fitted, block: engine.Block) -> tuple[Fitted, None]:
        """Let a copy learn from a block."""
        params = {**self.params, **block.along}
        y = params.pop("y", None)
        with config_context(**self.config):
            estimator = partially_fitted(before.estimator, block.X, y, params)
        return Fitted(estimator, kind_of(block.X)), None

    def check(self, progress: Progress) -> None:
        """Check that there were rows."""
        if progress.rows_read:
            return
        if self.held_out:
            raise ValueError(too_few_blocks(progress.blocks + len(self.held_out)))
        raise no_rows(type(progress.learned.estimator).__name__)


class AsGiven(NamedTuple):
    """The block learner of what is in memory, which the estimator takes as it is given.

    Attributes
    ----------
    X, y : objects
    params : dict
        Further arguments of ``partial_fit``.
    """

    X: Any
    y: Any
    params: dict[str, Any]

    def order(self, blocks: engine.Blocks, epoch: int) -> None:
        """Return None: there is one block."""

    def prepare(self, epoch: int, block: engine.Block) -> None:
        """Return None: all is given."""

    def step(self, before: Fitted, _block: None) -> tuple[Fitted, None]:
        """Let a copy learn from all rows."""
        estimator = partially_fitted(before.estimator, self.X, self.y, self.params)
        return Fitted(estimator, kind_of(self.X)), None

    def check(self, progress: Progress) -> None:
        """Do nothing: the estimator has checked what it was given."""


class Fitted(NamedTuple):
    """An estimator on its way through the blocks.

    Attributes
    ----------
    estimator : object
    like : array or None
        No rows of the kind that the blocks hold, see `kind_of`.
    """

    estimator: Any
    like: Any = None


def too_few_blocks(n_blocks: int) -> str:
    """Return the error of a collection that has too few blocks to hold some out."""
    return (
        f"patience needs blocks that can be held out and others to learn from, and all {n_blocks} "
        "of X share one source or are empty. Give more blocks, each of whole sources (as they are "
        "stored, say), or patience=None."
    )
