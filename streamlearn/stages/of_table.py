"""Our transformers of tables as a stage. The statistics of their blocks merge in any order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any, NamedTuple

from streamlearn._arrays.plain import plain
from streamlearn._sklearn import _get_feature_names
from streamlearn._validation.reader import Reader
from streamlearn.blocks import LazyRows
from streamlearn.stages.framed import framed_if_asked
from streamlearn.stages.stage import StagedBlock


class TableState(NamedTuple):
    """The state of a table's statistic, the names of its columns or None, and their number."""

    state: Any
    names: Any
    n_features: int


@dataclass(frozen=True, eq=False)
class OfTable:
    """One of our transformers of tables. It learns from whole blocks, whose statistics merge.

    Attributes
    ----------
    estimator : object
    statistic : TableStatistic
    """

    estimator: Any
    statistic: Any

    merges = True

    def begin(self) -> TableState | None:
        """Return the state from which ``partial_fit`` continues."""
        known = self.estimator
        if not hasattr(known, "_state"):
            return None
        names = getattr(known, "feature_names_in_", None)
        return TableState(known._state, names, known.n_features_in_)

    def of_block(
        self, X: LazyRows, params: Mapping[str, Any], reader: Reader, block: int | None
    ) -> StagedBlock:
        """Return the block with the statistic of its columns as the only part."""
        rows = plain(X.all())
        read = self.estimator._reader(rows)
        y = params.get("y")
        state = self.statistic.of(rows, y, read, block)
        columns = TableState(state, _get_feature_names(rows), read.n_features)
        return StagedBlock(LazyRows(rows), (columns,))

    def learn(
        self,
        state: TableState | None,
        staged_block: StagedBlock,
        y: Any,
        params: Mapping[str, Any],
        reader: Reader,
    ) -> tuple[TableState, LazyRows]:
        """Return the state merged with the statistic of the block, and its rows.

        Raises
        ------
        ValueError
            If the block has another number of features.
        """
        part, rows = self.alone(state, staged_block, y, params, reader)
        return part if state is None else self.merged(state, part), rows

    def alone(
        self,
        state: TableState | None,
        staged_block: StagedBlock,
        y: Any,
        params: Mapping[str, Any],
        reader: Reader,
    ) -> tuple[TableState, LazyRows]:
        """Return the statistic of the block, and its rows."""
        if not staged_block.parts:
            staged_block = self.of_block(staged_block.rows, params, reader, None)
        (part,) = staged_block.parts
        return part, staged_block.rows

    def merged(self, state: TableState, other: TableState) -> TableState:
        """Return the merged state.

        Raises
        ------
        ValueError
            If the blocks of ``other`` have another number of features.
        """
        if other.n_features != state.n_features:
            raise ValueError(
                f"X has {other.n_features} features, but {type(self.estimator).__name__} is "
                f"expecting {state.n_features} features as input."
            )
        names = None if state.names is None else tuple(state.names)
        read = self.estimator._reader()._replace(names=names)
        return state._replace(state=self.statistic.merge(state.state, other.state, reader=read))

    def width(self, state: TableState) -> Any:
        """Return a key for the columns of the result, if they depend on the rows."""
        width = getattr(self.estimator, "_width", None)
        return None if width is None else width(state.state)

    def function(self, state: TableState, block: int | None) -> Callable[..., Any]:
        """Return the transformation of blocks."""
        fitted = self.fitted(state)
        return framed_if_asked(fitted._rows_function(), self.estimator, lambda: fitted)

    def fitted(self, state: TableState) -> Any:
        """Return a fitted copy of the transformer."""
        out = copy(self.estimator)
        out._finish(state.state, names=state.names, n_features=state.n_features)
        return out
