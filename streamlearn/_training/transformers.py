"""Pipelines that consist only of transformers: a block learner without a learner at its end."""

from __future__ import annotations

from typing import Any, NamedTuple

from streamlearn._training.epochs import Progress, train
from streamlearn._training.prepare import staged
from streamlearn._training.stopping import Never
from streamlearn._validation.arrays import as_array
from streamlearn._validation.reader import Reader
from streamlearn.blocks import Block, Blocks, align
from streamlearn.stages import Chain, Flow, Foreign, StagedBlock


class StagesAlone(NamedTuple):
    """The block learner of a chain of stages.

    Attributes
    ----------
    chain : Chain
    reader : Reader
    """

    chain: Chain
    reader: Reader

    def order(self, blocks: Blocks, epoch: int) -> None:
        """Return None: blocks are read in order."""

    def side_by_side(self, progress: Progress) -> None:
        """Return None: each block follows the one before."""

    def prepare(self, epoch: int, block: Block) -> tuple[StagedBlock, dict[str, Any]]:
        """Return the block after the work that needs no state, and its other parts."""
        return staged(self.chain, self.reader, block, learns=True), block.along

    def step(
        self, states: tuple[Any, ...], block: tuple[StagedBlock, dict[str, Any]]
    ) -> tuple[tuple[Any, ...], None]:
        """Return the states of the stages after one more block."""
        staged_block, given = block
        y = given.get("y")
        y = y if y is None else as_array(y)
        states, _ = self.chain.learn(states, staged_block, y, given, self.reader, through=False)
        return states, None

    def check(self, progress: Progress) -> None:
        """Do nothing: `Chain.fitted` raises the error if there were no rows."""

    def may_end(self, progress: Progress) -> bool:
        """Return whether an estimator learns. The statistics of some rows alone are of no use."""
        learns = any(isinstance(stage, Foreign) for stage in self.chain.stages)
        return learns and progress.rows_read > 0


def fit(flow: Flow, y: Any) -> None:
    """Let the chain of ``flow`` learn from all blocks in order, without a learner after it."""
    blocks = align(lazy_rows=("X",), coded=flow.coded(), X=flow.X, y=y, **flow.given)
    learner = StagesAlone(flow.chain, flow.reader)
    flow.states = train(learner, blocks, Progress(flow.states), Never(), max_iter=1).learned
