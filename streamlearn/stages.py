"""Transformers that learn while blocks flow through them: the steps of a one-pass pipeline.

A *stage* wraps one transformer, and is made of four functions:

``of_block``
    What a block tells by itself. It runs in the block's own task, in parallel with the chain.
``learn``
    The state after one more block. This is the chain.
``function``
    What the state makes of rows: of batches for our own transformers, so that no transformed block
    is ever built, of whole blocks for others.
``fitted``
    The transformer with the state as its attributes, a copy.

There are four kinds: `Mergeable` (ours), `Foreign` (anything with ``partial_fit``), `Stateless`
(nothing to learn), and `Branches` (FeatureUnion and ColumnTransformer), each branch of which is a
`Chain` of stages again. Each stage has learned from a block before the next one sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import copy, deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.utils.validation import _get_feature_names

from streamlearn import blocks as engine
from streamlearn.backend import namespace
from streamlearn.blocks import Rows, n_rows
from streamlearn.core.batches import cut
from streamlearn.core.machine import Machine
from streamlearn.foreign import Method, is_stateless, learned
from streamlearn.reading import (
    Reader,
    as_array,
    finite_or_raise,
    read_weight,
    same_place_or_raise,
    sum_is_finite,
)


class Piece(NamedTuple):
    """A block on its way through a chain.

    Attributes
    ----------
    rows : Rows
    parts : tuple
        What the block told the first stages by itself.
    applied : int
        How many stages ``rows`` have been through.
    clean : bool
        Whether the rows are known to hold neither NaN nor infinity.
    """

    rows: Rows
    parts: tuple = ()
    applied: int = 0
    clean: bool = False


class Named(NamedTuple):
    """The state of one of our machines, and the names of the features if they have any."""

    names: Any
    state: Any


@dataclass(frozen=True, eq=False)
class Mergeable:
    """One of our transformers, whose blocks are summed up in any order.

    Attributes
    ----------
    estimator : object
    machine : Machine
    weighted : bool
        Whether its rows have weights.
    """

    estimator: Any
    machine: Machine
    weighted: bool

    def begin(self) -> Named | None:
        """Return where ``partial_fit`` goes on."""
        former = self.estimator._former()
        return (
            None
            if former is None
            else Named(getattr(self.estimator, "feature_names_in_", None), former)
        )

    def of_block(self, X: Rows, params: Mapping, reader: Reader, block: int | None) -> Piece:
        """Sum up the rows of a block."""
        machine, names = self.machine, None
        if not X.functions:
            names = _get_feature_names(X.array)
            X = Rows(reader._replace(finite=False).rows(X.array, block))
        weight = read_weight(tuple(params.values()), tuple(params), X.array, block)
        with np.errstate(over="ignore", invalid="ignore"):
            if X.functions:
                batches = cut(X.array, None, weight, seen=0, through=X.of)
                like = X.of(X.array[:1, ...])
                state = machine.init(machine.params, like.shape[1], like=like)
                for batch in batches:
                    state, _ = machine.update(machine.params, state, batch)
            else:
                state = machine.of_block(machine.params, X.array, weight)
        # Infinity reaches the means, which are fewer; NaN are missing in the counts.
        if not sum_is_finite(state.mean):
            finite_or_raise(X.all(), "X", block, allow_nan=True)
        xp, clean = namespace(state.weight), False
        if weight is None:
            clean = bool(xp.all(state.weight == X.array.shape[0]))
        return Piece(X, (Named(names, state),), clean=clean)

    def learn(
        self, state: Named | None, piece: Piece, y: Any, params: Mapping, reader: Reader
    ) -> tuple[Named, Rows]:
        """Merge what the block told."""
        if not piece.parts:
            piece = self.of_block(piece.rows, params, reader, None)
        (part,) = piece.parts
        if state is not None:
            name = type(self.estimator).__name__
            same_place_or_raise(part.state.mean, state.state.mean, name, "partial_fit")
            if part.state.mean.shape != state.state.mean.shape:
                raise ValueError(
                    f"X has {part.state.mean.shape[0]} features, but {name} is expecting "
                    f"{state.state.mean.shape[0]} features as input."
                )
            part = Named(state.names, self.machine.merge(state.state, part.state))
        return part, piece.rows

    def function(self, state: Named) -> Callable:
        """Return the transformation of rows, a batch at a time."""
        assert self.machine.applied is not None
        return self.machine.applied(self.machine.params, state.state)

    def fitted(self, state: Named) -> Any:
        """Return the fitted transformer."""
        out = copy(self.estimator)
        out._finish(state.state, names=state.names, weighted=self.weighted)
        return out


@dataclass(frozen=True, eq=False)
class Foreign:
    """Any estimator with ``partial_fit``; it learns from whole blocks and is called with them."""

    estimator: Any

    def begin(self) -> Any:
        """Return where ``partial_fit`` goes on."""
        return self.estimator

    def learn(
        self, state: Any, piece: Piece, y: Any, params: Mapping, reader: Reader
    ) -> tuple[Any, Rows]:
        """Let a copy learn from the block."""
        rows = Rows(piece.rows.all())
        before = clone(self.estimator) if state is None else state
        return learned(before, rows.array, y, dict(params)), rows

    def function(self, state: Any) -> Callable:
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

    def of_block(self, X: Rows) -> Any:
        """Return the estimator fitted to one row, which tells it the features."""
        if isinstance(self.estimator, FrozenEstimator):
            return self.estimator
        return deepcopy(self.estimator).fit(Rows(head(X.array, 1), X.functions).all())

    def learn(
        self, state: Any, piece: Piece, y: Any, params: Mapping, reader: Reader
    ) -> tuple[Any, Rows]:
        """Return the estimator as the first block found it."""
        if state is None:
            state = piece.parts[0] if piece.parts else self.of_block(piece.rows)
        return state, piece.rows

    def function(self, state: Any) -> Callable:
        """Return the transformation of blocks."""
        return Method(self.estimator, "transform", {})

    def fitted(self, state: Any) -> Any:
        """Return the estimator."""
        return state


@dataclass(frozen=True, eq=False)
class Chain:
    """Stages one after the other.

    Attributes
    ----------
    stages : tuple of stage
    params : tuple of dict
        For each stage, the arguments of its learning and the parts of a block that hold them, or
        the values themselves under None.
    """

    stages: tuple
    params: tuple[dict[str, tuple[str | None, Any]], ...]

    def begin(self) -> tuple:
        """Return where ``partial_fit`` goes on."""
        return tuple(stage.begin() for stage in self.stages)

    def nothing(self) -> tuple:
        """Return the states before any block."""
        return (None,) * len(self.stages)

    def arguments(self, given: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
        """Return the arguments of each stage, from the parts of a block by name."""
        return tuple(
            {name: value if part is None else given[part] for name, (part, value) in params.items()}
            for params in self.params
        )

    def of_block(
        self, X: Rows, given: Mapping[str, Any], reader: Reader, block: int | None, learns: bool
    ) -> Piece:
        """Do what needs no state: stages without one, and what the next learns by itself."""
        arguments, parts, applied = self.arguments(given), [], 0
        for stage in self.stages:
            if not isinstance(stage, Stateless):
                break
            parts.append(stage.of_block(X) if learns else None)
            X, applied = X.then(stage.function(None)).settled(), applied + 1
            reader = reader._replace(n_features=None, names=None)
        if applied < len(self.stages) and learns:
            stage, params = self.stages[applied], arguments[applied]
            if isinstance(stage, Mergeable | Branches):
                piece = stage.of_block(X, params, reader, block)
                return piece._replace(parts=(*parts, *piece.parts), applied=applied)
        return Piece(X, tuple(parts), applied)

    def learn(
        self,
        states: tuple,
        piece: Piece,
        y: Any,
        given: Mapping[str, Any],
        reader: Reader,
        *,
        learns: bool = True,
        through: bool = True,
    ) -> tuple[tuple, Piece]:
        """Let each stage learn from the block, then hand it to the next.

        ``through=False`` leaves out what the last stage would make of it.
        """
        out, (rows, parts, applied, clean) = list(states), piece
        last = len(self.stages) - 1
        for i, (stage, params) in enumerate(zip(self.stages, self.arguments(given), strict=True)):
            if learns:
                told = Piece(rows, parts[i : i + 1], clean=clean)
                out[i], rows = stage.learn(out[i], told, y, params, reader)
            if i >= applied and (through or i < last):
                function = stage.function(out[i])
                rows = rows.then(function).settled()
                clean = clean and not getattr(function, "whole", False)
            if not isinstance(stage, Mergeable):
                reader = reader._replace(n_features=None, names=None)
        return tuple(out), Piece(rows, applied=len(self.stages), clean=clean)

    def fitted(self, states: tuple) -> list:
        """Return the fitted transformers."""
        return [stage.fitted(state) for stage, state in zip(self.stages, states, strict=True)]


class Joined(NamedTuple):
    """The states of branches by name, and some rows that their block held."""

    sample: Any
    branches: dict[str, tuple]


@dataclass(frozen=True, eq=False)
class Branches:
    """A FeatureUnion or ColumnTransformer: its branches learn side by side, each from its columns.

    What columns a branch gets, and how results are joined, is left to scikit-learn: its own ``fit``
    runs with each transformer replaced by a `Tap`.

    Attributes
    ----------
    estimator : FeatureUnion or ColumnTransformer
    branches : dict of str to Chain
    """

    estimator: Any
    branches: dict[str, Chain]

    def begin(self) -> Joined | None:
        """Return where ``partial_fit`` goes on."""
        if isinstance(self.estimator, FeatureUnion):
            return Joined(None, {name: c.begin() for name, c in self.branches.items()})
        if not hasattr(self.estimator, "transformers_"):
            return None
        known = {name: inner for name, inner, *_ in self.estimator.transformers_}
        return Joined(
            None,
            {
                name: chain_of(name, known[name]).begin() if name in known else chain.nothing()
                for name, chain in self.branches.items()
            },
        )

    def of_block(self, X: Rows, params: Mapping, reader: Reader, block: int | None) -> Piece:
        """Collect what the branches' columns tell by themselves."""
        X, told = Rows(X.all()), {}

        def tell(name: str, columns: Any, y: Any) -> None:
            piece = self.branches[name].of_block(Rows(columns), {}, _anything(reader), block, True)
            told[name] = piece.parts

        if any(isinstance(chain.stages[0], Mergeable) for chain in self.branches.values()):
            self.tap(X.array, None, tell)
        return Piece(X, (told,))

    def learn(
        self, state: Joined | None, piece: Piece, y: Any, params: Mapping, reader: Reader
    ) -> tuple[Joined, Rows]:
        """Let each branch learn from its columns."""
        X = piece.rows.all()
        told = piece.parts[0] if piece.parts else {}
        states = {name: chain.nothing() for name, chain in self.branches.items()}
        states.update({} if state is None else state.branches)

        def learn(name: str, columns: Any, y: Any) -> None:
            known = Piece(Rows(columns), told.get(name, ()))
            states[name], _ = self.branches[name].learn(
                states[name], known, y, {}, _anything(reader), through=False
            )

        self.tap(X, y, learn)
        return Joined(head(X, 2), states), Rows(X)

    def function(self, state: Joined) -> Callable:
        """Return the transformation of blocks."""
        return Method(self.fitted(state), "transform", {})

    def fitted(self, state: Joined) -> Any:
        """Return the fitted transformer: scikit-learn's fit, its transformers fitted before."""
        known = {
            name: rebuilt(inner, iter(self.branches[name].fitted(state.branches[name])))
            for name, inner in branches_of(self.estimator)
            if not any(learned is None for learned in state.branches[name])
        }
        out = _with(self.estimator, {name: FrozenEstimator(inner) for name, inner in known.items()})
        config = getattr(self.estimator, "_sklearn_output_config", None)
        if config is not None:
            out._sklearn_output_config = dict(config)
        out.fit(state.sample)
        fitted = _with(self.estimator, known)
        vars(fitted).update({k: v for k, v in vars(out).items() if k not in vars(fitted)})
        if isinstance(out, ColumnTransformer):
            fitted.transformers = self.estimator.transformers
            fitted.remainder = self.estimator.remainder
            fitted.transformers_ = [
                (name, known.get(name, inner), *rest) for name, inner, *rest in out.transformers_
            ]
        return fitted

    def tap(self, X: Any, y: Any, do: Callable[[str, Any, Any], None]) -> None:
        """Call ``do(name, columns, y)`` for each branch."""
        taps = {name: Tap(name, do) for name in self.branches}
        _with(self.estimator, taps, n_jobs=None, verbose=False).fit(X, y)


class Tap(TransformerMixin, BaseEstimator):
    """A transformer that shows what it is fitted to."""

    def __init__(self, name, do):
        self.name = name
        self.do = do

    def fit(self, X: Any, y: Any = None) -> Tap:
        """Show X."""
        self.do(self.name, X, y)
        return self

    def transform(self, X: Any) -> Any:
        """Return something with as many rows."""
        return np.zeros((n_rows(X), 1))

    def __sklearn_clone__(self) -> Tap:
        """Return self: a clone would show what it sees to nobody."""
        return self


def _anything(reader: Reader) -> Reader:
    return reader._replace(n_features=None, names=None, finite=False)


def _with(estimator: Any, inner: Mapping[str, Any], **params: Any) -> Any:
    """Return an unfitted copy of a union or column transformer with other transformers."""
    params = estimator.get_params(deep=False) | params
    if isinstance(estimator, FeatureUnion):
        params["transformer_list"] = [
            (name, inner.get(name, was)) for name, was in estimator.transformer_list
        ]
    else:
        params["transformers"] = [
            (name, inner.get(name, was), columns) for name, was, columns in estimator.transformers
        ]
        params["remainder"] = inner.get("remainder", estimator.remainder)
    return type(estimator)(**params)


def branches_of(estimator: Any) -> list[tuple[str, Any]]:
    """Return the transformers of a union or column transformer that do something, by name."""
    if isinstance(estimator, FeatureUnion):
        found = list(estimator.transformer_list)
    else:
        found = [(name, inner) for name, inner, _ in estimator.transformers]
        found.append(("remainder", estimator.remainder))
    return [(name, inner) for name, inner in found if not isinstance(inner, str)]


def head(X: Any, n: int) -> Any:
    """Return the first rows of what a block holds."""
    return X.iloc[:n] if hasattr(X, "iloc") else X[: min(n, n_rows(X))]


def leaves(name: str, estimator: Any) -> Iterator[tuple[str, Any]]:
    """Return the steps of nested pipelines one after the other, with their names."""
    if estimator is None or isinstance(estimator, str):
        return
    if isinstance(estimator, Pipeline):
        for inner, step in estimator.steps:
            yield from leaves(f"{name}__{inner}" if name else inner, step)
    else:
        yield name, estimator


def rebuilt(estimator: Any, fitted: Iterator) -> Any:
    """Return ``estimator`` with its leaves replaced, in their order."""
    if estimator is None or isinstance(estimator, str):
        return estimator
    if not isinstance(estimator, Pipeline):
        return next(fitted)
    out = copy(estimator)
    out.steps = [(name, rebuilt(step, fitted)) for name, step in estimator.steps]
    return out


def adopt(estimator: Any, fitted: Any) -> None:
    """Give ``estimator`` the attributes of a fitted copy, as if it had been fitted in place."""
    state = dict(vars(fitted))
    if isinstance(estimator, FeatureUnion):
        state.pop("transformer_list")
        for (_, inner), (_, known) in zip(
            estimator.transformer_list, fitted.transformer_list, strict=True
        ):
            if not isinstance(inner, str):
                adopt(inner, known)
    elif isinstance(estimator, Pipeline):
        state.pop("steps")
        for (_, inner), (_, known) in zip(estimator.steps, fitted.steps, strict=True):
            if inner is not None and not isinstance(inner, str):
                adopt(inner, known)
    vars(estimator).update(state)


def stage_of(
    name: str, estimator: Any, params: Mapping[str, Any], *, final: bool = False
) -> Mergeable | Foreign | Stateless | Branches:
    """Return how a step flows.

    Raises
    ------
    TypeError
        If it can neither learn block by block nor do without.
    """
    if hasattr(estimator, "_machine_of_rows"):
        return Mergeable(estimator, estimator._machine_of_rows(), "sample_weight" in params)
    if isinstance(estimator, FeatureUnion | ColumnTransformer):
        if params:
            raise NotImplementedError(
                f"The step {name!r} ({type(estimator).__name__}) takes no {sorted(params)} in one "
                'pass. Use schedule="per-step".'
            )
        return Branches(
            estimator,
            {
                inner: chain_of(f"{name}__{inner}", branch)
                for inner, branch in branches_of(estimator)
            },
        )
    if hasattr(estimator, "partial_fit"):
        return Foreign(estimator)
    if not final and is_stateless(estimator):
        return Stateless(estimator)
    kind = type(estimator).__name__
    if final:
        remedy = "Use an estimator that has"
    else:
        remedy = (
            "Use a transformer that has (IncrementalPCA for PCA), or fit this one to some rows "
            f"beforehand and freeze it: ({name!r}, sklearn.frozen.FrozenEstimator({kind}(...)"
            ".fit(some_rows)))"
        )
    raise TypeError(
        f"The step {name!r} ({kind}) cannot learn in one pass, block by block: it has no "
        f'partial_fit. {remedy}. Or use schedule="per-step", which hands it the whole collection.'
    )


def chain_of(name: str, estimator: Any) -> Chain:
    """Return the stages of a transformer, or of a pipeline of transformers."""
    stages = tuple(stage_of(at, leaf, {}) for at, leaf in leaves(name, estimator))
    return Chain(stages, ({},) * len(stages))


@dataclass
class Flow:
    """A container on its way through stages to a learner: what a pipeline hands to ``fit``.

    Attributes
    ----------
    X : container
    chain : Chain
    states : tuple
        Where the stages start; where they end once the learner is fitted.
    given : dict of str to container
        What else is cut to blocks for the stages, by name.
    reader : Reader
        How X is read.
    """

    X: Any
    chain: Chain
    states: tuple
    given: dict[str, Any]
    reader: Reader


class Flowing(NamedTuple):
    """States of a chain without a learner, on their way through blocks."""

    chain: Chain
    names: tuple[str, ...]
    reader: Reader


def read(flowing: Flowing, index: int, parts: tuple) -> tuple[Piece, tuple]:
    """Do what needs no state; runs in the block's task."""
    given = dict(zip(flowing.names, parts, strict=True))
    block = flowing.reader.block(index)
    X = parts[0] if isinstance(parts[0], Rows) else Rows(parts[0])
    return flowing.chain.of_block(X, given, flowing.reader, block, learns=True), parts[1:]


def learn(flowing: Flowing, states: tuple, ready: tuple[Piece, tuple]) -> tuple[tuple, None]:
    """Let every stage learn from one block."""
    piece, rest = ready
    given = dict(zip(flowing.names[1:], rest, strict=True))
    y = given.get("y")
    y = y if y is None else as_array(y)
    states, _ = flowing.chain.learn(states, piece, y, given, flowing.reader, through=False)
    return states, None


def fit(flow: Flow, y: Any) -> None:
    """Let the chain of ``flow`` learn from every block, in order; there is no learner after it."""
    blocks = engine.align(as_rows=("X",), X=flow.X, y=y, **flow.given)
    flowing = Flowing(flow.chain, blocks.names, flow.reader)
    states = flow.states
    for segment in engine.fold(
        partial(learn, flowing), states, blocks, prepare=partial(read, flowing)
    ):
        states = segment.state
    flow.states = states
