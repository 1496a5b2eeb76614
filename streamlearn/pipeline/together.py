"""Fits steps of several branches in one read of all their columns.

Each step has a statistic of blocks that can be merged. So a block is read once for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from sklearn import config_context, get_config
from sklearn.base import clone

from streamlearn import blocks as engine
from streamlearn import stages
from streamlearn._validation.messages import no_rows
from streamlearn._validation.reader import Reader
from streamlearn.blocks import LazyRows


class ColumnsStep(NamedTuple):
    """A step that learns from some columns.

    Attributes
    ----------
    stage : Mergeable or OfTable
    columns : tuple of int
        The places of its columns among those that are read.
    functions : tuple of callable
        The functions that the steps before it apply to them.
    """

    stage: Any
    columns: tuple[int, ...]
    functions: tuple[Callable[..., Any], ...]


def shares(step: Any, X: Any) -> bool:
    """Return whether a step can learn from a collection in the same read as others."""
    merges = stages.is_ours(step) and not hasattr(step, "_cross_fit")
    single = hasattr(step, "_learner_of_rows") or hasattr(step, "_table_statistic")
    if not (merges and single and engine.is_collection(X)):
        return False
    alone = getattr(step, "_reads_several", None)  # as the range finder of many features does
    return alone is None or not alone(X.shape[1])


def part_of(step: Any, columns: Sequence[int], chosen: Any, X: Any) -> ColumnsStep:
    """Return a step that learns from ``X``, which earlier steps made of the chosen columns."""
    out = clone(step)
    out._validate_params()
    known = len(engine.origin(chosen, numbered=True)[1])
    functions = engine.origin(X, numbered=True)[1][known:]
    return ColumnsStep(stages.stage_of("", out, {}), tuple(columns), functions)


def fit_together(parts: Sequence[ColumnsStep], X: Any) -> list[Any]:
    """Return fitted copies of the steps of some parts.

    Parameters
    ----------
    parts : sequence of ColumnsStep
    X : collection
        All columns that they need.

    Raises
    ------
    ValueError
        If there are no rows, or if a step refuses them.
    """
    coded = _coded(parts, X) if engine.is_frame(X) else ()
    blocks = engine.align(coded=coded, X=X)
    of_block = OfParts(tuple(parts), engine.is_named(X), get_config())
    states = engine.reduce(of_block, partial(_merged, parts), blocks)
    if states is None:
        raise no_rows(type(parts[0].stage.estimator).__name__)
    return [part.stage.fitted(state) for part, state in zip(parts, states, strict=True)]


def _coded(parts: Sequence[ColumnsStep], X: Any) -> tuple[str, ...]:
    """Return the columns whose text may arrive as a dictionary of Arrow: no other step needs it."""
    codes, others = set[str](), set[str]()
    for part in parts:
        takes = getattr(part.stage.estimator, "_takes_codes", False) and not part.functions
        (codes if takes else others).update(X.columns[j] for j in part.columns)
    return tuple(codes - others)


@dataclass(frozen=True, eq=False)
class OfParts:
    """The statistics of a block for all parts.

    Attributes
    ----------
    parts : tuple of ColumnsStep
    named : bool
        Whether the columns of a frame have names for the steps.
    config : dict
        scikit-learn's configuration in the thread that makes this object.
    """

    parts: tuple[ColumnsStep, ...]
    named: bool
    config: dict[str, Any]

    def __call__(self, block: engine.Block) -> list[Any]:
        """Return the state of each part."""
        with config_context(**self.config):
            return [self._of(part, block) for part in self.parts]

    def _of(self, part: ColumnsStep, block: engine.Block) -> Any:
        X = block.X if self.named or not hasattr(block.X, "iloc") else block.X.to_numpy()
        rows = LazyRows(engine.some_columns(X, part.columns))
        rows = rows.then(*engine.in_block(part.functions, block.number)).settled()
        reader = Reader(type(part.stage.estimator).__name__, None, allow_nan=True)
        (state,) = part.stage.of_block(rows, {}, reader, block.named).parts
        return state


def _merged(parts: Sequence[ColumnsStep], a: list[Any], b: list[Any]) -> list[Any]:
    return [part.stage.merged(*both) for part, *both in zip(parts, a, b, strict=True)]
