"""The block learner of a search: all candidates learn from each block while it is in memory."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from streamlearn import blocks as engine
from streamlearn._thirdparty.partial_fit import as_here
from streamlearn._training.block_learner import block_order
from streamlearn._training.epochs import Progress
from streamlearn._validation.messages import no_rows
from streamlearn.model_selection.candidates import Candidate, Rules, after_block
from streamlearn.model_selection.halving import Cuts


class SideBySide(NamedTuple):
    """The block learner. What it learns is a tuple of candidates.

    Attributes
    ----------
    rules : Rules
    seed : int or None
        The seed of the order of the blocks. None leaves them in order.
    n_threads : int
        The number of threads that the candidates share.
    cuts : Cuts or None
        When candidates drop out.
    """

    rules: Rules
    seed: int | None
    n_threads: int
    cuts: Cuts | None = None

    def order(self, blocks: engine.Blocks, epoch: int) -> Sequence[int] | None:
        """Return the order of the blocks."""
        return None if self.seed is None else block_order(blocks, self.seed, epoch)

    def side_by_side(self, progress: Progress) -> None:
        """Return None: each block follows the one before."""

    def prepare(self, epoch: int, block: engine.Block) -> engine.Block:
        """Return a block as it is, because the estimators check it."""
        return block

    def step(
        self, candidates: tuple[Candidate, ...], block: engine.Block
    ) -> tuple[tuple[Candidate, ...], None]:
        """Let all candidates learn from a block."""
        learn = partial(after_block, self.rules, block=block)
        if self.n_threads == 1:
            candidates = tuple(map(learn, candidates))
        else:
            # the threads have the processors, so BLAS has one in each
            with engine.one_blas_thread(), ThreadPoolExecutor(self.n_threads) as pool:
                candidates = tuple(pool.map(learn, candidates))
        if self.cuts is not None:
            n_blocks = max(max(candidate.learned) for candidate in candidates)
            candidates = self.cuts.made(candidates, n_blocks)
        return candidates, None

    def check(self, progress: Progress) -> None:
        """Check that there were rows."""
        if not progress.rows_read:
            raise no_rows("The search")

    def may_end(self, progress: Progress) -> bool:
        """Return whether there were rows."""
        return progress.rows_read > 0


def scores_of_folds(
    rules: Rules, candidates: Sequence[Candidate], blocks: engine.Blocks
) -> list[list[dict[str, float]]]:
    """Return the scores of each candidate's model of each fold, in one read of the blocks."""
    of_block = as_here(partial(_of_block, rules, candidates))
    found = engine.reduce(of_block, partial(_joined, rules), blocks, name="score") or {}
    return [
        [
            {
                name: rules.scores[name].result(found[number, fold][name])
                if (number, fold) in found
                else np.nan
                for name in rules.scores
            }
            for fold in range(rules.n_folds)
        ]
        for number in range(len(candidates))
    ]


def _of_block(rules: Rules, candidates: Sequence[Candidate], block: engine.Block) -> Any:
    fold = rules.fold_of(block.number)
    return {
        (number, fold): {
            name: score.of_block(candidate.models[fold], block)
            for name, score in rules.scores.items()
        }
        for number, candidate in enumerate(candidates)
        if not candidate.error
    }


def _joined(rules: Rules, a: dict[Any, Any], b: dict[Any, Any]) -> dict[Any, Any]:
    both = {
        key: {name: score.merge(a[key][name], b[key][name]) for name, score in rules.scores.items()}
        for key in a.keys() & b.keys()
    }
    return a | b | both
