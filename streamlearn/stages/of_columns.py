"""ColumnTransformer as a stage that splits each block once and joins its transformed parts once.

Work that needs no state runs in the block's own task: for example an encoder that was fitted
beforehand. The chain merges statistics, and joins the parts of each row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from streamlearn._arrays import is_array
from streamlearn._arrays.plain import plain
from streamlearn._arrays.sparse import hstack, is_sparse
from streamlearn._sklearn import _get_output_config
from streamlearn._thirdparty.tags import is_column_transformer
from streamlearn._validation.reader import Reader
from streamlearn._validation.tables import is_table, numbers_of
from streamlearn.blocks import LazyRows, head, some_columns
from streamlearn.stages.branches import (
    ANYTHING,
    Branches,
    BranchStates,
    Tap,
    branches_of,
    selected,
    with_others,
)
from streamlearn.stages.stage import StagedBlock


class OutputPart(NamedTuple):
    """A part of the output: the name and columns of a branch, and whether it has a chain.

    A part without a chain passes its columns through.
    """

    name: str
    columns: list[int]
    learns: bool


class SplitBlock(NamedTuple):
    """A block that is split into the columns of each branch.

    Attributes
    ----------
    sample : frame or array
        The first rows of the block.
    parts : list of StagedBlock
        The columns of each part of the output, in the order of the output.
    """

    sample: Any
    parts: list[StagedBlock]


@dataclass(frozen=True, eq=False)
class OfColumns(Branches):
    """A ColumnTransformer for blocks that are frames or arrays of NumPy, with arrays as output.

    For other blocks or other output it works as `Branches`.
    """

    _layouts: dict[Any, list[OutputPart] | None] = field(default_factory=dict)

    def __getstate__(self) -> dict[str, Any]:
        """Return the attributes without the layouts, which each process finds again."""
        return {**vars(self), "_layouts": {}}

    def of_block(
        self, X: LazyRows, params: Mapping[str, Any], reader: Reader, block: int | None
    ) -> StagedBlock:
        """Return the split block, after the work that needs no state."""
        rows = plain(X.all())
        split = self._split(rows, reader, block, learns=True)
        if split is None:
            return super().of_block(LazyRows(rows), params, reader, block)
        return StagedBlock(LazyRows(split), (None,))

    def learn(
        self,
        state: BranchStates | None,
        staged_block: StagedBlock,
        y: Any,
        params: Mapping[str, Any],
        reader: Reader,
        *,
        alone: bool = False,
    ) -> tuple[BranchStates, LazyRows]:
        """Return the states of the branches after one more block, and the split block.

        With ``alone=True`` they are those of the block alone.
        """
        split = staged_block.rows.array
        if not isinstance(split, SplitBlock):
            rows = plain(staged_block.rows.all())
            found = (
                None
                if staged_block.parts[:1]
                else self._split(rows, reader, staged_block.block, learns=True)
            )
            if found is None:
                return super().learn(state, staged_block, y, params, reader, alone=alone)
            split = found
        layout = self._layout(split.sample)
        assert layout is not None
        states = {name: chain.before_any_block() for name, chain in self.branches.items()}
        states.update({} if state is None else state.branches)
        parts = []
        for output, part in zip(layout, split.parts, strict=True):
            if output.learns:
                states[output.name], part = self.branches[output.name].learn(
                    states[output.name],
                    part,
                    y,
                    {},
                    reader.of_anything(),
                    through=False,
                    alone=alone,
                )
            parts.append(part)
        split = split._replace(parts=parts)
        if state is not None and state.sparse is not None:
            return state._replace(branches=states), LazyRows(split)
        # As in scikit-learn's fit, the first rows decide whether the output is sparse.
        made = self._made(layout, _first_rows(split), states)
        stored = sum(part.nnz if is_sparse(part) else np.size(part) for part in made)
        density = stored / max(1, sum(part.shape[0] * part.shape[1] for part in made))
        sparse = any(map(is_sparse, made)) and density < self.estimator.sparse_threshold
        columns = None if state is None else state.made
        return BranchStates(split.sample, states, bool(sparse), columns), LazyRows(split)

    def function(self, state: BranchStates, block: int | None) -> Callable[..., Any]:
        """Return the transformation of the rows of a block."""
        return super().function(state, block) if state.sparse is None else Join(self, state, block)

    def fitted(self, state: BranchStates) -> Any:
        """Return the fitted transformer."""
        out = super().fitted(state)
        if state.sparse is not None:
            out.sparse_output_ = state.sparse
        return out

    def coded(self, sample: Any) -> tuple[str, ...]:
        """Return the columns of a frame that only branches read whose text may arrive as codes."""
        by_dtype = any(callable(columns) for *_, columns in self.estimator.transformers)
        layout = None if by_dtype else self._layout(sample)
        codes, others = set[str](), set[str]()
        for output in layout or ():
            columns = some_columns(sample, output.columns)
            own = self.branches[output.name].coded(columns) if output.learns else ()
            codes |= set(own)
            others |= set(columns.columns) - set(own)
        return tuple(codes - others)

    def _split(
        self, rows: Any, reader: Reader, block: int | None, *, learns: bool
    ) -> SplitBlock | None:
        """Return the split block after the work that needs no state.

        The result is None if `Branches` must handle the block.
        """
        layout = self._layout(rows)
        if layout is None:
            return None
        parts = []
        for output in layout:
            part = StagedBlock(LazyRows(some_columns(rows, output.columns)))
            if output.learns:
                part = self.branches[output.name].of_block(
                    part.rows, {}, reader.of_anything(), block, learns
                )
            parts.append(part)
        return SplitBlock(head(rows, 2), parts)

    def _layout(self, rows: Any) -> list[OutputPart] | None:
        """Return the parts of the output, or None if `Branches` must handle the block."""
        names = tuple(rows.columns) if hasattr(rows, "iloc") else None
        frame = names is not None and len(set(names)) == len(names)
        if not frame and type(rows) is not np.ndarray:
            return None
        key = names if frame else rows.shape[1]
        if key not in self._layouts:
            self._layouts[key] = self._find(rows)
        return self._layouts[key]

    def _find(self, rows: Any) -> list[OutputPart] | None:
        if _get_output_config("transform", self.estimator)["dense"] != "default":
            return None
        found = layout_of(self.estimator, head(rows, 2))
        # There are no columns, or a branch takes a column as a vector.
        if not found or any(not output.columns for output in found):
            return None
        return found

    def _made(
        self, layout: list[OutputPart], split: SplitBlock, states: Mapping[str, tuple[Any, ...]]
    ) -> list[Any]:
        """Return the arrays of which the output consists."""
        out = []
        weights = self.estimator.transformer_weights or {}
        for output, part in zip(layout, split.parts, strict=True):
            rows = part.rows
            if output.learns:
                chain = self.branches[output.name]
                _, after = chain.learn(
                    states[output.name], part, None, {}, ANYTHING, learns=False, through=True
                )
                rows = after.rows
            made = _array(rows.all())
            out.append(made * weights[output.name] if output.name in weights else made)
        return out


@dataclass(frozen=True, eq=False)
class Join:
    """The transformation of blocks, which may be split already."""

    stage: OfColumns
    joined: BranchStates
    block: int | None

    whole = True

    def __call__(self, X: Any) -> Any:
        """Return the rows of the output, sparse or dense."""
        split = X
        if not isinstance(X, SplitBlock):
            split = self.stage._split(plain(X), ANYTHING, self.block, learns=False)
            assert split is not None
        layout = self.stage._layout(split.sample)
        assert layout is not None
        parts = self.stage._made(layout, split, self.joined.branches)
        if self.joined.sparse:
            return hstack(parts)
        dense = [part.toarray() if is_sparse(part) else part for part in parts]
        return dense[0] if len(dense) == 1 else np.hstack(dense)


def _first_rows(split: SplitBlock) -> SplitBlock:
    """Return the first rows of a split block."""
    parts = []
    for part in split.parts:
        x = part.rows.array
        x = _first_rows(x) if isinstance(x, SplitBlock) else head(x, 2)
        parts.append(part._replace(rows=LazyRows(x, part.rows.functions)))
    return split._replace(parts=parts)


def layout_of(estimator: Any, sample: Any) -> list[OutputPart]:
    """Return the parts of the output of a ColumnTransformer, in their order.

    Parameters
    ----------
    estimator : ColumnTransformer
    sample : frame or array
        A few rows. scikit-learn itself finds the columns by its own ``fit``. A branch that takes a
        column as a vector gets no columns here.
    """
    names = list(sample.columns) if hasattr(sample, "columns") else None
    learning = {name for name, _ in branches_of(estimator)}
    estimator = with_others(selected(estimator, sample), {}, n_jobs=None, verbose=False)
    if names is None:  # each made-up entry is the index of its column
        sample = np.tile(np.arange(sample.shape[1]), (2, 1))
    found: list[OutputPart] = []

    def see(name: str, columns: Any, y: Any) -> None:
        if names is None:
            places = np.asarray(columns)[:1].astype(int).reshape(-1).tolist()
        else:
            places = [names.index(name) for name in getattr(columns, "columns", ())]
        found.append(OutputPart(name, places, name in learning))

    inner = {name: step for name, step, _ in estimator.transformers}
    inner["remainder"] = estimator.remainder
    taps = {name: Tap(name, see) for name, step in inner.items() if step != "drop"}
    with_others(estimator, taps).fit(sample)
    return found


def _array(rows: Any) -> Any:
    """Return the rows of a part as an array or sparse rows. Frames of numbers become numbers."""
    if is_sparse(rows) or (is_array(rows) and not is_table(rows)):
        return rows
    try:
        return numbers_of(rows, "X")
    except (TypeError, ValueError):
        return rows.to_numpy()


def of_branches(estimator: Any, branches: dict[str, Any]) -> Branches:
    """Return the stage of a FeatureUnion or a ColumnTransformer."""
    kind = OfColumns if is_column_transformer(estimator) else Branches
    return kind(estimator, branches)
