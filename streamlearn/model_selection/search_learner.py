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
from streamlearn._validation.messages import no_rows, no_weight
from streamlearn.model_selection.candidates import Candidate, SearchSettings
from streamlearn.model_selection.groups import Group
from streamlearn.model_selection.halving import Cuts
from streamlearn.model_selection.in_block import after_block, scores_of
from streamlearn.model_selection.search_checks import no_block_scored
from streamlearn.stages import Shared


class SearchLearner(NamedTuple):
    """The block learner. What it learns is a tuple of groups.

    Attributes
    ----------
    settings : SearchSettings
    seed : int or None
        The seed of the order of the blocks. None leaves them in order.
    n_threads : int
        The number of threads that the candidates share.
    cuts : Cuts or None
        When candidates drop out.
    """

    settings: SearchSettings
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
        self, groups: tuple[Group, ...], block: engine.Block
    ) -> tuple[tuple[Group, ...], None]:
        """Let all candidates learn from a block."""
        shared = [Shared() for _ in groups[0].models]
        learn = partial(after_block, self.settings, shared, block=block)
        if self.n_threads == 1 or len(groups) == 1:
            learned = [*map(learn, groups)]
        else:
            # the threads have the processors, so BLAS has one in each
            with engine.one_blas_thread(), ThreadPoolExecutor(self.n_threads) as pool:
                learned = [*pool.map(learn, groups)]
        groups = tuple(group for several in learned for group in several)
        return groups if self.cuts is None else self._cut(groups), None

    def _cut(self, groups: tuple[Group, ...]) -> tuple[Group, ...]:
        assert self.cuts is not None
        members = in_order(groups)
        dropped = self.cuts.made(members, max(member.n_blocks for member in members))
        return tuple(left for group in groups for left in group.without(dropped))

    def check(self, progress: Progress) -> None:
        """Check that there were rows, some with a weight, and that a block was scored."""
        if not progress.rows_read:
            raise no_rows("a search")
        if not any(member.n_blocks or member.error for member in in_order(progress.learned)):
            raise no_weight(". Leave sample_weight out, or give some rows a weight")
        learned = [each.n_blocks for each in in_order(progress.learned) if not each.error]
        if not self.settings.n_folds and learned and max(learned) == 1:
            raise no_block_scored()

    def may_end(self, progress: Progress) -> bool:
        """Return whether there were rows."""
        return progress.rows_read > 0


def in_order(groups: Sequence[Group]) -> list[Candidate]:
    """Return the candidates of all groups by their numbers."""
    every = [member for group in groups for member in group.members]
    return sorted(every, key=lambda member: member.number)


def scores_of_folds(
    settings: SearchSettings, groups: Sequence[Group], blocks: engine.Blocks
) -> list[list[dict[str, float]]]:
    """Return the scores of each candidate's model of each fold, in one read of the blocks."""
    of_block = as_here(partial(_of_block, settings, groups))
    found = engine.reduce(of_block, partial(_joined, settings), blocks, name="score") or {}

    def result(number: int, fold: int) -> dict[str, float]:
        sums = found.get((number, fold), {})
        return {
            name: score.result(sums[name]) if sums else np.nan
            for name, score in settings.scores.items()
        }

    return [
        [result(member.number, fold) for fold in range(settings.n_folds)]
        for member in in_order(groups)
    ]


def _of_block(settings: SearchSettings, groups: Sequence[Group], block: engine.Block) -> Any:
    fold, shared = settings.fold_of(block.number), Shared()
    return {
        (member.number, fold): sums
        for group in groups
        if group.goes_on
        for member, sums in zip(
            group.members,
            scores_of(settings, shared, group, fold, block),
            strict=True,
        )
    }


def _joined(settings: SearchSettings, a: dict[Any, Any], b: dict[Any, Any]) -> dict[Any, Any]:
    return a | b | {key: settings.added(a[key], b[key]) for key in a.keys() & b.keys()}
