"""Steps that learn from blocks: what a block tells by itself, the chain, and what comes out.

A *stage* wraps one transformer, and has five methods:

``begin``
    The state that ``partial_fit`` goes on from.
``of_block``
    What a block tells by itself. It runs in the block's own task, in parallel with the chain.
``learn``
    The state after one more block. This is the chain.
``function``
    What the state makes of rows: of batches for our own transformers, so that no transformed block
    is ever built, of whole blocks for others.
``fitted``
    The transformer with the state as its attributes, a copy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy, deepcopy
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from sklearn import config_context, get_config
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator

from streamlearn._arrays import asarray, default_int, is_array, rows_at, to_numpy
from streamlearn._arrays.sparse import csr, is_sparse
from streamlearn._sklearn import _get_feature_names, _get_output_config, _wrap_data_with_container
from streamlearn._thirdparty.lazy import Method
from streamlearn._thirdparty.partial_fit import partially_fitted
from streamlearn._validation.reader import (
    DENSE,
    Reader,
    read_weight,
    same_place_or_raise,
)
from streamlearn.blocks import LazyRows, n_rows
from streamlearn.core.batches import cut, learn_batches
from streamlearn.core.learner import Learner, an_array


class StagedBlock(NamedTuple):
    """A block on its way through a chain.

    Attributes
    ----------
    rows : LazyRows
    parts : tuple
        What the block told the first stages by itself.
    applied : int
        How many stages ``rows`` have been through.
    clean : bool
        Whether the rows are known to hold neither NaN nor infinity.
    """

    rows: LazyRows
    parts: tuple[Any, ...] = ()
    applied: int = 0
    clean: bool = False


class Named(NamedTuple):
    """The state of one of our learners, feature names if any, and whether rows had weights."""

    names: Any
    state: Any
    weighted: bool


@dataclass(frozen=True, eq=False)
class Mergeable:
    """One of our transformers, whose blocks are summed up in any order.

    What its state holds is the statistic's own affair: all questions go to ``learner``.

    Attributes
    ----------
    estimator : object
    learner : Learner
        A mergeable one.
    weighted : bool
        Whether its rows have weights.
    """

    estimator: Any
    learner: Learner
    weighted: bool

    def begin(self) -> Named | None:
        """Return where ``partial_fit`` goes on."""
        former, known = self.estimator._former(), self.estimator
        if former is None:
            return None
        return Named(getattr(known, "feature_names_in_", None), former, known._weighted)

    def read(self, X: LazyRows, reader: Reader, block: int | None) -> LazyRows:
        """Return rows of an array, whatever a block or a transformer before holds."""
        reader = reader._replace(finite=False, dense=getattr(self.estimator, "_dense", DENSE))
        return X if X.functions else LazyRows(reader.rows(X.array, block))

    def of_block(
        self, X: LazyRows, params: Mapping[str, Any], reader: Reader, block: int | None
    ) -> StagedBlock:
        """Sum up the rows of a block."""
        learner = self.learner
        assert learner.of_block is not None
        assert learner.is_clean is not None
        names = None if X.functions else _get_feature_names(X.array)
        X = self.read(X, reader, block)
        weight = read_weight(params.get("sample_weight"), X.array, block)
        with np.errstate(over="ignore", invalid="ignore"):
            if X.functions:
                like = X.of(X.array[:1, ...])
                nothing = learner.init(learner.params, like.shape[1], like=like)
                batches = cut(X.array, None, weight, seen=0, through=X.of)
                state, _ = learn_batches(learner, nothing, batches)
            else:
                state = learner.of_block(learner.params, X.array, weight)
        known = reader.of_anything() if X.functions else reader
        known = known._replace(allow_nan=self.estimator._allow_nan)
        if may_be_refused(learner, state, X.array.shape[0], known):
            known.finite_or_raise(X.all(), block)
        clean = weight is None and bool(learner.is_clean(state, X.array.shape[0]))
        return StagedBlock(X, (Named(names, state, self.weighted),), clean=clean)

    def learn(
        self,
        state: Named | None,
        piece: StagedBlock,
        y: Any,
        params: Mapping[str, Any],
        reader: Reader,
    ) -> tuple[Named, LazyRows]:
        """Merge what the block told."""
        if not piece.parts:
            piece = self.of_block(piece.rows, params, reader, None)
        (part,) = piece.parts
        if state is not None:
            assert self.learner.merge is not None
            assert self.learner.n_features is not None
            name = type(self.estimator).__name__
            same_place_or_raise(an_array(part.state), an_array(state.state), name, "partial_fit")
            found, known = (self.learner.n_features(one.state) for one in (part, state))
            if found != known:
                raise ValueError(
                    f"X has {found} features, but {name} is expecting {known} features as input."
                )
            merged = self.learner.merge(state.state, part.state)
            part = Named(state.names, merged, state.weighted or part.weighted)
        return part, self.read(piece.rows, reader, None)

    def function(self, state: Named) -> Callable[..., Any]:
        """Return the transformation of rows, a batch at a time; of a block, if to a frame."""
        assert self.learner.applied is not None
        assert self.learner.is_empty is not None
        if self.weighted and bool(self.learner.is_empty(state.state)):
            return as_they_are  # no row so far has a weight
        with np.errstate(over="ignore", invalid="ignore"):
            function = self.learner.applied(self.learner.params, state.state)
        wanted = _get_output_config("transform", self.estimator)["dense"]
        return function if wanted == "default" else Framed(function, self.fitted(state))

    def fitted(self, state: Named) -> Any:
        """Return the fitted transformer."""
        out = copy(self.estimator)
        out._finish(state.state, names=state.names, weighted=state.weighted)
        return out


def may_be_refused(learner: Learner, state: Any, n_rows: int, reader: Reader) -> bool:
    """Return whether a block must be looked at for infinity, or for NaN where it is not allowed.

    A statistic knows that from numbers that are fewer than those of the rows.
    """
    assert learner.is_finite is not None
    assert learner.is_clean is not None
    if not bool(learner.is_finite(state)):
        return True
    return not (reader.allow_nan or bool(learner.is_clean(state, n_rows)))


@dataclass(frozen=True, eq=False)
class Framed:
    """A transformation of blocks to the frames that ``set_output`` asks for.

    Attributes
    ----------
    function : callable
    fitted : object
        It names the columns.
    config : dict
        scikit-learn's configuration, which is the thread's that makes this: a task runs in another.
    """

    function: Callable[..., Any]
    fitted: Any
    config: dict[str, Any] = field(default_factory=get_config)

    whole = True
    makes_frames = True

    def __call__(self, X: Any) -> Any:
        """Return the transformed rows of X in a frame."""
        rows = self.function(X)
        rows = rows if is_sparse(rows) else to_numpy(rows)
        with config_context(**self.config):
            return _wrap_data_with_container("transform", rows, X, self.fitted)


@dataclass(frozen=True, eq=False)
class Foreign:
    """Any estimator with ``partial_fit``; it learns from whole blocks and is called with them."""

    estimator: Any

    def of_block(
        self, X: LazyRows, params: Mapping[str, Any], reader: Reader, block: int | None
    ) -> StagedBlock:
        """Return the block: it tells nothing by itself."""
        return StagedBlock(X)

    def begin(self) -> Any:
        """Return where ``partial_fit`` goes on."""
        return self.estimator

    def learn(
        self, state: Any, piece: StagedBlock, y: Any, params: Mapping[str, Any], reader: Reader
    ) -> tuple[Any, LazyRows]:
        """Let a copy learn from the block."""
        rows = LazyRows(piece.rows.all())
        before = clone(self.estimator) if state is None else state
        return partially_fitted(before, rows.array, y, dict(params)), rows

    def function(self, state: Any) -> Callable[..., Any]:
        """Return the transformation of blocks."""
        return Method(state, "transform", {})

    def fitted(self, state: Any) -> Any:
        """Return the estimator."""
        return state


@dataclass(frozen=True, eq=False)
class Stateless:
    """An estimator without anything to learn: where it comes first, it runs in the block's task."""

    estimator: Any

    def begin(self) -> None:
        """Return None: nothing was learned."""
        return

    def of_block(
        self, X: LazyRows, params: Mapping[str, Any], reader: Reader, block: int | None
    ) -> StagedBlock:
        """Return the estimator fitted to one row, which tells it the features."""
        fitted = self.estimator
        if not isinstance(fitted, FrozenEstimator):
            # Twice: some insist on two.
            fitted = deepcopy(fitted).fit(LazyRows(some_rows(X.array, (0, 0)), X.functions).all())
        return StagedBlock(X, (fitted,))

    def learn(
        self, state: Any, piece: StagedBlock, y: Any, params: Mapping[str, Any], reader: Reader
    ) -> tuple[Any, LazyRows]:
        """Return the estimator as the first block found it."""
        if state is None:
            told = piece if piece.parts else self.of_block(piece.rows, params, reader, None)
            (state,) = told.parts
        return state, piece.rows

    def function(self, state: Any) -> Callable[..., Any]:
        """Return the transformation of blocks."""
        return Method(state, "transform", {})

    def fitted(self, state: Any) -> Any:
        """Return the estimator."""
        return state


@dataclass(frozen=True, eq=False)
class Known(Stateless):
    """One of our transformers that a pass beforehand has fitted.

    Attributes
    ----------
    fitted_before : object
    """

    fitted_before: Any = None

    def of_block(
        self, X: LazyRows, params: Mapping[str, Any], reader: Reader, block: int | None
    ) -> StagedBlock:
        """Return the fitted transformer."""
        return StagedBlock(X, (self.fitted_before,))

    def function(self, state: Any) -> Callable[..., Any]:
        """Return the transformation of blocks."""
        wanted = _get_output_config("transform", self.estimator)["dense"]
        if wanted != "default":
            return Framed(state._rows_function(), state)
        return state._rows_function()


def as_they_are(X: Any) -> Any:
    """Return X."""
    return X


def head(X: Any, n: int) -> Any:
    """Return a copy of the first rows of what a block holds; a view would keep all of it alive."""
    return some_rows(X, range(min(n, n_rows(X))))


def some_rows(X: Any, which: Sequence[int]) -> Any:
    """Return a copy of some rows of what a block holds."""
    if hasattr(X, "iloc"):
        return X.iloc[list(which)]
    if hasattr(X, "get_columns"):
        return X[list(which)]
    X = csr(X) if is_sparse(X) else X
    if not is_array(X):
        return [X[i] for i in which]
    return rows_at(X, asarray(which, like=X, dtype=default_int(X)))
