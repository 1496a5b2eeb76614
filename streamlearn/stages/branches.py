"""FeatureUnion and ColumnTransformer as a stage, in which each branch learns from its columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import FeatureUnion, Pipeline

from streamlearn._thirdparty.lazy import Method
from streamlearn._thirdparty.tags import is_column_transformer
from streamlearn._validation.missing import as_known
from streamlearn._validation.reader import Reader
from streamlearn.blocks import LazyRows, head, n_rows
from streamlearn.stages.chain import Chain
from streamlearn.stages.columns_made import Made
from streamlearn.stages.of_table import OfTable
from streamlearn.stages.stage import Mergeable, StagedBlock

ANYTHING = Reader("ColumnTransformer", None, allow_nan=True)


class BranchStates(NamedTuple):
    """The states of the branches.

    Attributes
    ----------
    sample : frame or array
        A few rows of the last block.
    branches : dict of str to tuple
        The states of the branches by name.
    sparse : bool or None
        Whether the output is sparse, or None if that is not known.
    made : Made or None
        See `streamlearn.stages.columns_made`.
    """

    sample: Any
    branches: dict[str, tuple[Any, ...]]
    sparse: bool | None = None
    made: Made | None = None


@dataclass(frozen=True, eq=False)
class Branches:
    """A FeatureUnion or ColumnTransformer. Each of its branches learns from its own columns.

    scikit-learn selects the columns of a branch and joins the results: its own ``fit`` runs with
    each transformer replaced by a `Tap`.

    Attributes
    ----------
    estimator : FeatureUnion or ColumnTransformer
    branches : dict of str to Chain
    """

    estimator: Any
    branches: dict[str, Chain]

    def begin(self) -> BranchStates:
        """Return the state from which ``partial_fit`` continues."""
        if isinstance(self.estimator, FeatureUnion):
            found: Any = self.estimator.transformer_list
        else:
            found = getattr(self.estimator, "transformers_", ())
        known = {name: list(leaves("", inner)) for name, inner, *_ in found}
        return BranchStates(
            None,
            {
                name: tuple(
                    replace(stage, estimator=fitted).begin()
                    for stage, (_, fitted) in zip(chain.stages, known[name], strict=True)
                )
                for name, chain in self.branches.items()
                if name in known
            },
        )

    def of_block(
        self, X: LazyRows, params: Mapping[str, Any], reader: Reader, block: int | None
    ) -> StagedBlock:
        """Return the block with what the branches compute from their columns without a state."""
        X, parts = LazyRows(X.all()), {}

        def collect(name: str, columns: Any, y: Any) -> None:
            staged_block = self.branches[name].of_block(
                LazyRows(columns), {}, reader.of_anything(), block, True
            )
            parts[name] = staged_block.parts

        first = [stage for chain in self.branches.values() for stage in chain.stages[:1]]
        if any(isinstance(stage, Mergeable | OfTable) for stage in first):
            self.tap(X.array, None, collect)
        return StagedBlock(X, (parts,))

    @property
    def merges(self) -> bool:
        """Whether the states of the branches can be merged."""
        return all(chain.merges for chain in self.branches.values())

    def alone(
        self,
        state: BranchStates | None,
        staged_block: StagedBlock,
        y: Any,
        params: Mapping[str, Any],
        reader: Reader,
    ) -> tuple[BranchStates, LazyRows]:
        """Return the states of the branches by the block alone, and its rows."""
        return self.learn(state, staged_block, y, params, reader, alone=True)

    def merged(self, state: BranchStates, other: BranchStates) -> BranchStates:
        """Return the merged states of the branches, by blocks alone."""
        return self._merged(Chain.merged, state, other)

    def after_round(self, state: BranchStates, alone: BranchStates) -> BranchStates:
        """Return the states of the branches, merged with those of the blocks of a round alone."""
        return self._merged(Chain.after_round, state, alone)

    def _merged(
        self, merge: Callable[..., Any], state: BranchStates, other: BranchStates
    ) -> BranchStates:
        branches = {
            name: merge(chain, state.branches[name], other.branches[name])
            for name, chain in self.branches.items()
        }
        return state._replace(branches=branches)

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
        """Return the states of the branches after one more block, and its rows.

        With ``alone=True`` they are those of the block alone.
        """
        X = staged_block.rows.all()
        parts = staged_block.parts[0] if staged_block.parts else {}
        states = {name: chain.before_any_block() for name, chain in self.branches.items()}
        states.update({} if state is None else state.branches)

        def learn(name: str, columns: Any, y: Any) -> None:
            known = StagedBlock(LazyRows(columns), parts.get(name, ()), block=staged_block.block)
            states[name], _ = self.branches[name].learn(
                states[name], known, y, {}, reader.of_anything(), through=False, alone=alone
            )

        self.tap(X, y, learn)
        return BranchStates(
            head(X, 2), states, made=None if state is None else state.made
        ), LazyRows(X)

    def width(self, state: BranchStates) -> Any:
        """Return a key for the columns of the result, as far as they depend on the rows."""
        known = state.branches.items()
        return {name: self.branches[name].width(states) for name, states in known}

    @property
    def cross_fits(self) -> bool:
        """Whether a branch transforms the rows of ``fit`` in another way than other rows."""
        return any(chain.cross_fits for chain in self.branches.values())

    def function(self, state: BranchStates, block: int | None) -> Callable[..., Any]:
        """Return the transformation of the rows of a block."""
        out = self.fitted(state)
        name = "transformer_list" if isinstance(out, FeatureUnion) else "transformers_"
        inner = [
            (branch, CrossFittedBranch(self.branches[branch], state.branches[branch], block), *rest)
            if branch in self.branches and self.branches[branch].cross_fits
            else (branch, known, *rest)
            for branch, known, *rest in getattr(out, name)
        ]
        setattr(out, name, inner)
        return Method(out, "transform", {})

    def fitted(self, state: BranchStates) -> Any:
        """Return the fitted transformer. scikit-learn's ``fit`` joins the fitted branches."""
        known = {
            name: rebuilt(inner, iter(self.branches[name].fitted(state.branches[name])))
            for name, inner in branches_of(self.estimator)
            if not any(learned is None for learned in state.branches[name])
        }
        frozen = {name: FrozenEstimator(inner) for name, inner in known.items()}
        out = with_others(
            selected(self.estimator, state.sample), frozen, n_jobs=None, verbose=False
        )
        config = getattr(self.estimator, "_sklearn_output_config", None)
        if config is not None:
            out._sklearn_output_config = dict(config)
        out.fit(as_known(out, state.sample))
        fitted = with_others(self.estimator, known)
        vars(fitted).update({k: v for k, v in vars(out).items() if k not in vars(fitted)})
        if isinstance(out, FeatureUnion):  # its fit replaces "passthrough"
            fitted.transformer_list = [
                (name, known.get(name, inner)) for name, inner in out.transformer_list
            ]
        else:
            fitted.transformers = self.estimator.transformers
            fitted.remainder = self.estimator.remainder
            fitted.transformers_ = [
                (name, known.get(name, inner), *rest) for name, inner, *rest in out.transformers_
            ]
        return fitted

    def tap(self, X: Any, y: Any, do: Callable[[str, Any, Any], None]) -> None:
        """Call ``do(name, columns, y)`` for each branch with its columns of ``X``."""
        others = dict.fromkeys(branch_names(self.estimator), "drop")
        taps = others | {name: Tap(name, do) for name in self.branches}
        tapped = with_others(selected(self.estimator, X), taps, n_jobs=None, verbose=False)
        tapped.fit(as_known(self.estimator, X), y)


@dataclass(frozen=True, eq=False)
class CrossFittedBranch:
    """A fitted branch for the rows of a block that it was fitted to.

    Attributes
    ----------
    chain : Chain
    states : tuple
    block : int or None
    """

    chain: Chain
    states: tuple[Any, ...]
    block: int | None

    def transform(self, X: Any) -> Any:
        """Return the transformed rows of the block."""
        rows = self.chain.transformed(self.states, X, ANYTHING, self.block)
        # A stage that takes arrays of numbers drops the index.
        framed = hasattr(rows, "iloc") and hasattr(X, "iloc")
        return rows.set_axis(X.index, axis=0) if framed else rows


class Tap(TransformerMixin, BaseEstimator):
    """A transformer whose ``fit`` passes its arguments to a function."""

    def __init__(self, name: Any, do: Any) -> None:
        self.name = name
        self.do = do

    def fit(self, X: Any, y: Any = None) -> Tap:
        """Call ``do(name, X, y)``."""
        self.do(self.name, X, y)
        return self

    def transform(self, X: Any) -> Any:
        """Return zeros with the same number of rows."""
        return np.zeros((n_rows(X), 1))

    def __sklearn_clone__(self) -> Tap:
        """Return self, because scikit-learn clones transformers before it fits them."""
        return self


def with_others(estimator: Any, inner: Mapping[str, Any], **params: Any) -> Any:
    """Return an unfitted copy of a FeatureUnion or ColumnTransformer with other transformers."""
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


def selected(estimator: Any, X: Any) -> Any:
    """Return a FeatureUnion as it is, a ColumnTransformer as a copy that knows its columns.

    A function chooses columns by the dtypes of ``X``, some of which change before a fit.
    """
    if isinstance(estimator, FeatureUnion):
        return estimator
    out = copy(estimator)
    out.transformers = [
        (name, inner, partial(_known, columns(X)) if callable(columns) else columns)
        for name, inner, columns in estimator.transformers
    ]
    return out


def _known(columns: Any, X: Any) -> Any:
    """Return ``columns``. scikit-learn calls the rest by places if a function chose columns."""
    return columns


def branch_names(estimator: Any) -> list[str]:
    """Return the names of all branches of a FeatureUnion or ColumnTransformer."""
    if isinstance(estimator, FeatureUnion):
        return [name for name, _ in estimator.transformer_list]
    return [*(name for name, *_ in estimator.transformers), "remainder"]


def branches_of(estimator: Any) -> list[tuple[str, Any]]:
    """Return the transformers of a FeatureUnion or ColumnTransformer with their names.

    "drop" and "passthrough" are left out.
    """
    if isinstance(estimator, FeatureUnion):
        found = list(estimator.transformer_list)
    else:
        found = [(name, inner) for name, inner, _ in estimator.transformers]
        found.append(("remainder", estimator.remainder))
    return [(name, inner) for name, inner in found if not isinstance(inner, str)]


def leaves(name: str, estimator: Any) -> Iterator[tuple[str, Any]]:
    """Return the steps of nested pipelines in order, with their names."""
    if estimator is None or isinstance(estimator, str):
        return
    if isinstance(estimator, Pipeline):
        for inner, step in estimator.steps:
            yield from leaves(f"{name}__{inner}" if name else inner, step)
    else:
        yield name, estimator


def is_branched(estimator: Any) -> bool:
    """Return whether an estimator is a FeatureUnion or ColumnTransformer."""
    return isinstance(estimator, FeatureUnion) or is_column_transformer(estimator)


def nested(name: str, estimator: Any) -> Iterator[tuple[str, Any]]:
    """Return ``estimator`` and all estimators inside it that learn, with their names."""
    if estimator is None or isinstance(estimator, str):
        return
    yield name, estimator
    found: list[Any] = []
    if isinstance(estimator, Pipeline):
        found = estimator.steps
    elif is_branched(estimator):
        found = branches_of(estimator)
    for inner, step in found:
        yield from nested(f"{name}__{inner}" if name else inner, step)


def leaves_within(name: str, estimator: Any) -> Iterator[tuple[str, Any]]:
    """Return the estimators of `nested` that contain no others and are not frozen."""
    return (
        (at, inner)
        for at, inner in nested(name, estimator)
        if not (isinstance(inner, FrozenEstimator | Pipeline) or is_branched(inner))
    )


def rebuilt(estimator: Any, fitted: Iterator[Any]) -> Any:
    """Return ``estimator`` with its leaves replaced by ``fitted``, in the same order."""
    if estimator is None or isinstance(estimator, str):
        return estimator
    if not isinstance(estimator, Pipeline):
        return next(fitted)
    out = copy(estimator)
    out.steps = [(name, rebuilt(step, fitted)) for name, step in estimator.steps]
    return out
