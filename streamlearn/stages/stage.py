"""Stages: transformers that learn from blocks.

A *stage* wraps one transformer. ``merges`` says whether the states of several blocks can be
merged. It has these methods:

``begin``
    Returns the state from which ``partial_fit`` continues.
``of_block``
    Does the work that needs only the block. It runs in the block's own task, in parallel with the
    chain of ``learn``.
``learn``
    Returns the state after one more block. One block follows the other.
``alone``
    Returns the state of a block alone, for ``merged``. A stage that contains others transforms the
    block by the state that it is given.
``merged``
    Returns the state of the blocks of two states.
``after_round``
    Returns the state of a fit, merged with that of the blocks of a round alone. Stages that contain
    others have it; that of other stages is ``merged``.
``function``
    Returns the transformation by the state, as a function of the rows of a block that is learned
    from. For our own transformers it takes batches, so that a transformed block is never built. For
    others it takes whole blocks.
``fitted``
    Returns a copy of the transformer with the state as its attributes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy, deepcopy
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from sklearn import get_config
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator

from streamlearn._arrays import Array, batch_rows, first_row, to_numpy
from streamlearn._sklearn import _get_feature_names
from streamlearn._thirdparty.lazy import Method
from streamlearn._thirdparty.partial_fit import partially_fitted
from streamlearn._thirdparty.rowwise import function_of
from streamlearn._validation.arrays import DENSE
from streamlearn._validation.reader import Reader, read_weight, same_place_or_raise
from streamlearn.blocks import LazyRows, some_rows
from streamlearn.core.batches import cut, learn_batches
from streamlearn.core.learner import Learner, an_array
from streamlearn.stages.columns_made import Fixed
from streamlearn.stages.framed import framed_if_asked


class StagedBlock(NamedTuple):
    """A block that passes through a chain of stages.

    Attributes
    ----------
    rows : LazyRows
    parts : tuple
        The results of ``of_block`` for the first stages: those that need only the block.
    applied : int
        The number of stages that have transformed ``rows``.
    clean : bool
        Whether it is known that the rows contain neither NaN nor infinity.
    block : int or None
        The number of the block; None if it is the only one, in memory.
    """

    rows: LazyRows
    parts: tuple[Any, ...] = ()
    applied: int = 0
    clean: bool = False
    block: int | None = None


class NamedState(NamedTuple):
    """The state of one of our learners, the feature names or None, and whether rows had weights."""

    names: Any
    state: Any
    weighted: bool


@dataclass(frozen=True, eq=False)
class Mergeable:
    """One of our transformers. The statistics of its blocks merge in any order.

    It uses no field of the state. ``learner`` has functions for all that it needs to know.

    Attributes
    ----------
    estimator : object
    learner : Learner
        A mergeable learner.
    weighted : bool
        Whether its rows have weights.
    """

    estimator: Any
    learner: Learner
    weighted: bool

    merges = True

    def begin(self) -> Any:
        """Return the state from which ``partial_fit`` continues: a `NamedState`, or None."""
        former, known = self.estimator._former(), self.estimator
        if former is None:
            return None
        return NamedState(getattr(known, "feature_names_in_", None), former, known._weighted)

    def read(self, X: LazyRows, reader: Reader, block: int | None) -> LazyRows:
        """Return rows with a checked array as their source."""
        reader = reader._replace(finite=False, dense=getattr(self.estimator, "_dense", DENSE))
        return X if X.functions else LazyRows(reader.rows(X.array, block))

    def of_block(
        self, X: LazyRows, params: Mapping[str, Any], reader: Reader, block: int | None
    ) -> StagedBlock:
        """Return the block with its own statistic as the only part."""
        learner = self.learner
        assert learner.of_block is not None
        assert learner.is_clean is not None
        names = None if X.functions else _get_feature_names(X.array)
        X = self.read(X, reader, block)
        weight = read_weight(params.get("sample_weight"), X.array, block)
        with np.errstate(over="ignore", invalid="ignore"):
            state = statistic_of(learner, X, weight)
        known = reader.of_anything() if X.functions else reader
        known = known._replace(allow_nan=self.estimator._allow_nan)
        if may_be_refused(learner, state, X.array.shape[0], known):
            known.finite_or_raise(X.all(), block, made=bool(X.functions))
        clean = weight is None and bool(learner.is_clean(state, X.array.shape[0]))
        return StagedBlock(X, (NamedState(names, state, self.weighted),), clean=clean)

    def learn(
        self,
        state: NamedState | None,
        staged_block: StagedBlock,
        y: Any,
        params: Mapping[str, Any],
        reader: Reader,
    ) -> tuple[NamedState, LazyRows]:
        """Return the state merged with the statistic of the block, and its rows.

        Raises
        ------
        ValueError
            If the block is on another device or in another library, or has other features.
        """
        part, rows = self.alone(state, staged_block, y, params, reader)
        return part if state is None else self.merged(state, part), rows

    def alone(
        self,
        state: NamedState | None,
        staged_block: StagedBlock,
        y: Any,
        params: Mapping[str, Any],
        reader: Reader,
    ) -> tuple[NamedState, LazyRows]:
        """Return the statistic of the block, and its rows."""
        if not staged_block.parts:
            staged_block = self.of_block(staged_block.rows, params, reader, None)
        (part,) = staged_block.parts
        return part, self.read(staged_block.rows, reader, None)

    def merged(self, state: NamedState, other: NamedState) -> NamedState:
        """Return the merged state.

        Raises
        ------
        ValueError
            If the blocks of ``other`` are on another device or in another library, or have other
            features.
        """
        assert self.learner.merge is not None
        assert self.learner.n_features is not None
        name = type(self.estimator).__name__
        same_place_or_raise(an_array(other.state), an_array(state.state), name, "partial_fit")
        found, known = (self.learner.n_features(one.state) for one in (other, state))
        if found != known:
            raise ValueError(
                f"X has {found} features, but {name} is expecting {known} features as input."
            )
        merged = self.learner.merge(state.state, other.state)
        return NamedState(state.names, merged, state.weighted or other.weighted)

    def function(self, state: NamedState, block: int | None) -> Callable[..., Any]:
        """Return the transformation: a function of batches, or of blocks if it returns frames."""
        assert self.learner.applied is not None
        assert self.learner.is_empty is not None
        if self.weighted and bool(self.learner.is_empty(state.state)):
            return as_they_are  # no row so far has a weight
        with np.errstate(over="ignore", invalid="ignore"):
            function = self.learner.applied(self.learner.params, state.state)
        # No row that is learned from is outside of the range of all rows. So nothing is clipped in
        # the end, and a learner can follow an `AffineMap` until then.
        function = getattr(function, "unclipped", function)
        return framed_if_asked(function, self.estimator, lambda: self.fitted(state))

    def fitted(self, state: NamedState) -> Any:
        """Return a fitted copy of the transformer."""
        out = copy(self.estimator)
        out._finish(state.state, names=state.names, weighted=state.weighted)
        return out


def statistic_of(
    learner: Learner,
    rows: LazyRows,
    weight: Array | None,
    target: Array | None = None,
    n_outputs: int = 1,
) -> Any:
    """Return the statistic of the rows of a block. Functions of rows are applied to batches."""
    assert learner.of_block is not None
    X = rows.array
    if not rows.functions:
        given = (target,) if learner.supervised else ()
        return learner.of_block(learner.params, X, weight, *given)
    like = rows.of(first_row(X))
    state = learner.init(learner.params, like.shape[1], n_outputs, like=like)
    size = min(batch_rows(X), batch_rows(like))
    batches = cut(X, target, weight, seen=0, batch_size=size, through=rows.of)
    return learn_batches(learner, state, batches)[0]


def may_be_refused(learner: Learner, state: Any, n_rows: int, reader: Reader) -> bool:
    """Return whether a block must be searched for infinity, or for NaN that is not allowed.

    The statistic of the block shows that, and it has fewer numbers than the rows.
    """
    assert learner.is_finite is not None
    assert learner.is_clean is not None
    if not bool(learner.is_finite(state)):
        return True
    return not (reader.allow_nan or bool(learner.is_clean(state, n_rows)))


@dataclass(frozen=True, eq=False)
class Foreign:
    """Any estimator with ``partial_fit``. It learns from whole blocks, and transforms them."""

    estimator: Any

    merges = False

    def of_block(
        self, X: LazyRows, params: Mapping[str, Any], reader: Reader, block: int | None
    ) -> StagedBlock:
        """Return the block as it is: such an estimator needs its state for all work."""
        return StagedBlock(X)

    def begin(self) -> Any:
        """Return the state from which ``partial_fit`` continues: the estimator."""
        return self.estimator

    def learn(
        self,
        state: Any,
        staged_block: StagedBlock,
        y: Any,
        params: Mapping[str, Any],
        reader: Reader,
    ) -> tuple[Any, LazyRows]:
        """Return a copy of the estimator that has learned from one more block, and its rows."""
        rows = LazyRows(staged_block.rows.all())
        before = clone(self.estimator) if state is None else state
        return partially_fitted(before, rows.array, y, dict(params)), rows

    def function(self, state: Any, block: int | None) -> Callable[..., Any]:
        """Return the transformation of blocks."""
        return Method(state, "transform", {})

    def fitted(self, state: Any) -> Any:
        """Return the estimator."""
        return state


@dataclass(frozen=True, eq=False)
class Stateless:
    """An estimator that learns nothing from rows. If it is first, it runs in the block's task."""

    estimator: Any

    merges = True

    def begin(self) -> None:
        """Return None: there is no state."""
        return

    def of_block(
        self, X: LazyRows, params: Mapping[str, Any], reader: Reader, block: int | None
    ) -> StagedBlock:
        """Return the block with the estimator, fitted to one row, as the only part."""
        fitted = self.estimator
        if not isinstance(fitted, FrozenEstimator):
            # The row is given twice, because some estimators need two rows.
            rows = LazyRows(some_rows(X.array, (0, 0)), X.functions).all()
            if function_of(fitted, rows, get_config()) is not None:
                rows = to_numpy(rows)
            fitted = deepcopy(fitted).fit(rows)
        return StagedBlock(X, (Fixed(fitted),))

    def learn(
        self,
        state: Fixed | None,
        staged_block: StagedBlock,
        y: Any,
        params: Mapping[str, Any],
        reader: Reader,
    ) -> tuple[Fixed, LazyRows]:
        """Return the estimator that was fitted to the first block, and the rows."""
        if state is None:
            own = (
                staged_block
                if staged_block.parts
                else self.of_block(staged_block.rows, params, reader, None)
            )
            (state,) = own.parts
        return state, staged_block.rows

    alone = learn

    def merged(self, state: Fixed, other: Fixed) -> Fixed:
        """Return the first state: it does not change."""
        return state

    def function(self, state: Fixed, block: int | None) -> Callable[..., Any]:
        """Return the transformation of batches, or of blocks."""
        known = state.estimator
        if hasattr(known, "_rows_function"):
            return framed_if_asked(known._rows_function(), self.estimator, lambda: known)
        return Method(known, "transform", {})

    def fitted(self, state: Fixed) -> Any:
        """Return the estimator."""
        return state.estimator


@dataclass(frozen=True, eq=False)
class Prefitted(Stateless):
    """A transformer that an earlier pass has fitted.

    Attributes
    ----------
    estimator : object
    prefit : object
        The fitted transformer.
    cross_fitted : callable or None
        ``(block) -> function of rows``: how it transforms the rows that it was fitted to, if not as
        other rows.
    """

    prefit: Any = None
    cross_fitted: Callable[..., Any] | None = None

    @property
    def state(self) -> Fixed:
        """The state before and after all blocks."""
        return Fixed(self.prefit)

    @property
    def cross_fits(self) -> bool:
        """Whether the rows of ``fit`` are transformed in another way than other rows."""
        return self.cross_fitted is not None

    def coded(self, sample: Any) -> tuple[str, ...]:
        """Return the columns of a frame whose text may arrive as a dictionary of Arrow."""
        takes = getattr(self.prefit, "_takes_codes", False)
        return tuple(sample.columns) if takes else ()

    def of_block(
        self, X: LazyRows, params: Mapping[str, Any], reader: Reader, block: int | None
    ) -> StagedBlock:
        """Return the block with the fitted transformer as the only part."""
        return StagedBlock(X, (self.state,))

    def function(self, state: Fixed, block: int | None) -> Callable[..., Any]:
        """Return the transformation of the rows of a block."""
        if self.cross_fitted is None:
            return super().function(state, block)
        function, known = self.cross_fitted(block), state.estimator
        if hasattr(known, "_rows_function"):
            return framed_if_asked(function, self.estimator, lambda: known)
        return function


def as_they_are(X: Any) -> Any:
    """Return X."""
    return X
