"""A statistic behind an imputer: that of the rows as the imputer fills them now.

In one pass the value that is filled in moves from block to block. A statistic of rows that were
filled by earlier values would mix them. So the statistic learns from the rows with their gaps, and
leaves these out. The latest value is added to it as often as there are gaps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from streamlearn._sklearn import _get_output_config
from streamlearn._validation.reader import Reader
from streamlearn.blocks import LazyRows
from streamlearn.stages.of_table import OfTable, TableState
from streamlearn.stages.stage import Mergeable, NamedState, StagedBlock, as_they_are


class GappedState(NamedTuple):
    """The state of a statistic behind an imputer.

    Attributes
    ----------
    gapped : NamedState or None
        The statistic of the rows with their gaps.
    filled : NamedState or None
        The statistic of the filled rows; None if it is not known.
    elsewhere : array of int or 0
        The number of gaps that only the imputer saw.
    counts : array of int or 0
        The number of gaps in the rows of ``filled``.
    """

    gapped: NamedState | None
    filled: NamedState | None = None
    elsewhere: Any = 0
    counts: Any = 0


@dataclass(frozen=True, eq=False)
class BehindFills(Mergeable):
    """One of our transformers behind an imputer of numbers.

    Attributes
    ----------
    imputer : OfTable
    """

    imputer: OfTable

    def begin(self) -> GappedState | None:
        """Return the state from which ``partial_fit`` continues."""
        former, fills = super().begin(), self.imputer.begin()
        known = getattr(self.estimator, "_behind_fills", None)
        state = GappedState(former, former) if known is None else known
        if fills is not None:
            return state._replace(elsewhere=self._open(fills).counts - state.counts)
        return None if former is None else state

    def with_gaps(
        self, rows: LazyRows, fills: TableState, own: TableState | None, block: int | None
    ) -> StagedBlock:
        """Return the block as the imputer got it, with the columns that ``fills`` keeps.

        If ``own``, what the imputer found in the block, has the same moments, they are not computed
        once more.
        """
        found = self._open(fills)
        moments = None if own is None else self.imputer.estimator._moments_of(own.state)
        if found.every and moments is not None:
            return StagedBlock(rows, (NamedState(None, moments, weighted=False),), block=block)
        return StagedBlock(rows.then(found.function).settled(), block=block)

    def with_fills(self, state: GappedState, fills: TableState) -> GappedState:
        """Return the state with the statistic of the rows as ``fills`` fills them."""
        assert self.learner.with_fills is not None
        assert state.gapped is not None
        found = self._open(fills)
        counts = found.counts - state.elsewhere
        filled = self.learner.with_fills(state.gapped.state, found.values, counts)
        return state._replace(filled=state.gapped._replace(state=filled), counts=counts)

    def _open(self, fills: TableState) -> Any:
        return self.imputer.fitted(fills)._with_gaps()

    def alone(
        self,
        state: Any,
        staged_block: StagedBlock,
        y: Any,
        params: Mapping[str, Any],
        reader: Reader,
    ) -> tuple[Any, LazyRows]:
        """Return the statistic of the block, whose rows have gaps, and these rows."""
        part, rows = super().alone(None, staged_block, y, params, reader)
        return GappedState(part), rows

    def merged(self, state: Any, other: Any) -> Any:
        """Return the merged state, whose filled rows are not known yet."""
        both = other.gapped
        if state.gapped is not None:
            both = super().merged(state.gapped, both)
        return GappedState(both, None, state.elsewhere)

    def function(self, state: Any, block: int | None) -> Callable[..., Any]:
        """Return the transformation of filled rows."""
        return as_they_are if state.filled is None else super().function(state.filled, block)

    def fitted(self, state: Any) -> Any:
        """Return a fitted copy of the transformer."""
        out = super().fitted(state.filled)
        out._behind_fills = state
        return out


def behind_fills(stages: list[Any]) -> tuple[Any, ...]:
    """Return stages in which those that can follow an imputer's fills do."""
    out: list[Any] = []
    for stage in stages:
        before = out[-1] if out else None
        follows = isinstance(stage, Mergeable) and stage.learner.with_fills is not None
        if follows and not stage.weighted and _fills_numbers(before):
            assert before is not None
            stage = BehindFills(stage.estimator, stage.learner, False, before)
        out.append(stage)
    return tuple(out)


def _fills_numbers(stage: Any) -> bool:
    """Return whether a stage is an imputer that makes arrays of numbers and adds no columns."""
    able = isinstance(stage, OfTable) and getattr(stage.estimator, "_fills_numbers", False)
    return able and _get_output_config("transform", stage.estimator)["dense"] == "default"
