"""Fits some steps of a pipeline before its learner sees the first row.

An encoder makes a column of each category. So the learner's number of features is known only when
all categories are known. A map by quantiles changes with each block, and no learner can follow it.
Such steps are fitted beforehand, and so are the steps before them in their branch. This pass reads
only the columns of the branches, also from Parquet files. Branches share a read if they can, see
`streamlearn.pipeline.together`. Encoders need no pass if their categories are given.

A `TargetEncoder` must know all targets before it encodes a row. The rows that the learner learns
from are those that it was fitted to. It encodes each of them by the rows of other folds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import FeatureUnion

from streamlearn import blocks as engine
from streamlearn import stages
from streamlearn._thirdparty.lazy import ask
from streamlearn._thirdparty.tags import takes_collections
from streamlearn.pipeline.rows_of_fit import of_flow, of_stage, rows_of_fit
from streamlearn.pipeline.together import fit_together, part_of, shares
from streamlearn.stages import Flow, Prefitted


class Leaf(NamedTuple):
    """A step that is not a pipeline, and the arguments with which it learns."""

    path: str
    estimator: Any
    params: dict[str, Any]


class StepToFit(NamedTuple):
    """A step that must be fitted, and the rows that it gets."""

    leaf: Leaf
    rows: Any


class RunningChain(NamedTuple):
    """A chain whose steps are being fitted.

    Attributes
    ----------
    fits : generator
        It yields a `StepToFit` and gets its stage back.
    columns : sequence of int
        The columns that the chain gets.
    rows : container or None
        These columns. It is None if no other chain is fitted at the same time.
    """

    fits: Generator[StepToFit, Prefitted | None, None]
    columns: Sequence[int] = ()
    rows: Any = None


@dataclass
class Scout:
    """It finds the steps that must be fitted beforehand, and fits them.

    Attributes
    ----------
    y : container or None
        The targets.
    fit : callable
        ``(estimator, X, y) -> Flow or None``: fit an estimator block by block.
    further : bool
        Whether this is ``partial_fit``, which leaves fitted steps as they are.
    exact : bool
        Whether a step must be fitted beforehand if another one follows in its branch.
    fitted : callable or None
        ``(estimator, compute) -> Prefitted``: the stage of a fitted copy, which ``compute`` returns
        if it is not known from another pipeline.
    known : dict of int to Prefitted
        The stages of fitted copies, by the ``id`` of the steps.
    """

    y: Any
    fit: Callable[[Any, Any, Any], Flow | None]
    further: bool
    exact: bool
    fitted: Callable[[Any, Callable[[], Prefitted]], Prefitted] | None = None
    known: dict[int, Prefitted] = field(default_factory=dict)

    def chain(self, steps: Sequence[Leaf], X: Any, former: Sequence[Any] = ()) -> None:
        """Fit the steps of a chain that must be known, and those before them."""
        self._run([RunningChain(self.fits(steps, X, former))], X)

    def fits(
        self, steps: Sequence[Leaf], X: Any, former: Sequence[Any] = ()
    ) -> Generator[StepToFit, Prefitted | None, None]:
        """Yield the fits that a chain needs, one after the other. Each gets its stage back.

        Parameters
        ----------
        steps : sequence of Leaf
        X : container
            The rows that the first step gets.
        former : sequence
            The fitted steps from which ``partial_fit`` continues.
        """
        last, unread = self._last(steps), True
        for i, (leaf, before) in enumerate(zip(steps, former or [None] * len(steps), strict=True)):
            step = leaf.estimator
            fitted = before if i <= last and _is_known(before) else None
            if fitted is None and unread and hasattr(step, "_fitted_to_columns"):
                fitted = step._fitted_to_columns(X)
            stage = Prefitted(step, fitted)
            if fitted is None:
                inner = stages.is_branched(step) and not (self.exact and i < len(steps) - 1)
                if inner and (unread or i == last):
                    self.branches(step, X, before)
                if i > last or (inner and i == last):
                    return
                answer = yield StepToFit(leaf, X)
                assert answer is not None
                unread, stage = False, answer
            self.known[id(step)] = stage
            if i < len(steps) - 1:
                X = rows_of_fit(of_stage(stage), partial(_transformed, stage.prefit), X)

    def branches(self, step: Any, X: Any, former: Any) -> None:
        """Fit the first steps of each branch, on its columns alone."""
        chains = chains_of(step)
        if not any(self._last(steps) >= 0 or _may_be_known(steps) for steps in chains.values()):
            return
        fitted = {} if former is None else _fitted_branches(former)
        columns: dict[str, Any]
        if isinstance(step, FeatureUnion) and len(X.shape) == 1:  # documents
            for name, steps in chains.items():
                self.chain(steps, X, fitted.get(name, ()))
            return
        if isinstance(step, FeatureUnion):
            columns = dict.fromkeys(chains, range(X.shape[1]))
        else:
            places = stages.layout_of(step, _sample(X))
            columns = {place.name: place.columns for place in places if place.columns}
            for name, _, column in step.transformers:
                if name in chains and _takes_documents(chains[name]) and _is_one(column):
                    self.chain(chains[name], _column(X, column), fitted.get(name, ()))
        running = []
        for name, steps in chains.items():
            if name in columns:
                rows = _selected(X, columns[name])
                fits = self.fits(steps, rows, fitted.get(name, ()))
                running.append(RunningChain(fits, columns[name], rows))
        self._run(running, X)

    def _run(self, running: list[RunningChain], X: Any) -> None:
        """Run the fits of several chains. Those that can share a read of X do."""
        answers: list[Prefitted | None] = [None] * len(running)
        while running:
            asked = []
            for chain, answer in zip(running, answers, strict=True):
                with suppress(StopIteration):
                    asked.append((chain, chain.fits.send(answer)))
            running = [chain for chain, _ in asked]
            known = self._together(asked, X)
            answers = [
                known[k] if k in known else self._of_leaf(*fit) for k, (_, fit) in enumerate(asked)
            ]

    def _together(
        self, asked: list[tuple[RunningChain, StepToFit]], X: Any
    ) -> dict[int, Prefitted]:
        """Return the stages of those fits that share a read of X, by their place."""
        shared = [
            k
            for k, (chain, (leaf, rows)) in enumerate(asked)
            if chain.rows is not None and not leaf.params and shares(leaf.estimator, rows)
        ]
        if len(shared) < 2:
            return {}
        if isinstance(X, engine.StreamedRows):
            X.again_or_raise()
        columns = sorted({j for k in shared for j in asked[k][0].columns})
        parts = []
        for k in shared:
            chain, (leaf, rows) = asked[k]
            places = [columns.index(j) for j in chain.columns]
            parts.append(part_of(leaf.estimator, places, chain.rows, rows))
        fitted = fit_together(parts, _selected(X, columns))
        return {
            k: Prefitted(asked[k][1].leaf.estimator, one)
            for k, one in zip(shared, fitted, strict=True)
        }

    def _last(self, steps: Sequence[Leaf]) -> int:
        """Return the place of the last step that must be known beforehand, -1 if none."""
        needed = [i for i, leaf in enumerate(steps) if self._is_needed(leaf.estimator)]
        last = max(needed, default=-1)
        return max(last, len(steps) - 2) if self.exact else last

    def _is_needed(self, step: Any) -> bool:
        if stages.is_branched(step):
            return any(self._last(steps) >= 0 for steps in chains_of(step).values())
        return bool(getattr(step, "_known_beforehand", lambda: False)())

    def _of_leaf(self, leaf: Leaf, X: Any) -> Prefitted:
        if self.fitted is None:
            return self._fitted(leaf, X)
        return self.fitted(leaf.estimator, partial(self._fitted, leaf, X))

    def _fitted(self, leaf: Leaf, X: Any) -> Prefitted:
        """Return the stage of a fitted copy of a step."""
        step, out = leaf.estimator, clone(leaf.estimator)
        if isinstance(X, engine.StreamedRows):
            X.again_or_raise()  # The steps after it read the rows, too.
        if hasattr(out, "_cross_fit"):
            return Prefitted(step, out, out._cross_fit(X, self.y, leaf.params))
        inner = stages.leaves_within("", step)
        if (stages.is_branched(step) and any(hasattr(one, "_cross_fit") for _, one in inner)) or (
            engine.is_collection(X) and not takes_collections(out)
        ):
            flow = self.fit(out, X, self.y)
            return Prefitted(step, out, of_flow(flow))
        return Prefitted(step, out.fit(X, self.y, **leaf.params))


def prefit_steps(
    leaves: Sequence[Leaf], X: Any, scout: Scout, *, verbose: bool = False
) -> dict[int, Prefitted]:
    """Fit the steps that must be fitted beforehand.

    Parameters
    ----------
    leaves : sequence of Leaf
        The steps before the learner.
    X : container
    scout : Scout
    verbose : bool
        Print what was fitted, how long it took and how many bytes were read.

    Returns
    -------
    dict of int to Prefitted
        The stages of fitted copies, by the ``id`` of the steps.
    """
    started = time.time()
    with engine.bytes_read() as read:
        former = [leaf.estimator for leaf in leaves] if scout.further else ()
        scout.chain(leaves, X, former)
    if verbose and scout.known:
        names = ", ".join(type(stage.estimator).__name__ for stage in scout.known.values())
        print(  # noqa: T201
            f"[Pipeline] fitted beforehand, on their columns alone: {names}; {len(read)} passes "
            f"over {sum(read):,} bytes, {time.time() - started:.1f} s"
        )
    return scout.known


def chains_of(step: Any) -> dict[str, list[Leaf]]:
    """Return the steps of each branch that is not "drop" or "passthrough"."""
    return {name: _leaves(name, inner) for name, inner in stages.branches_of(step)}


def _leaves(name: str, inner: Any) -> list[Leaf]:
    return [Leaf(path, step, {}) for path, step in stages.leaves(name, inner)]


def _may_be_known(steps: Sequence[Leaf]) -> bool:
    """Return whether the first step, or a step in its branches, may be fitted without rows."""
    first = steps[0].estimator if steps else None
    if stages.is_branched(first):
        return any(map(_may_be_known, chains_of(first).values()))
    return hasattr(first, "_fitted_to_columns")


def _is_known(step: Any) -> bool:
    """Return whether a step is one that ``partial_fit`` leaves as it is."""
    return hasattr(step, "n_features_in_") or hasattr(step, "vocabulary_")


def _takes_documents(steps: Sequence[Leaf]) -> bool:
    return bool(steps) and getattr(steps[0].estimator, "_takes_documents", False)


def _is_one(column: Any) -> bool:
    """Return whether a ColumnTransformer passes this column as a vector."""
    return isinstance(column, str | Integral)


def _column(X: Any, column: Any) -> Any:
    """Return one column of a container, of one dimension."""
    if isinstance(X, engine.StreamedRows):
        names = getattr(X.head, "columns", None)
        at = column if names is None or not isinstance(column, str) else list(names).index(column)
        return X.through(partial(_one_column, at=int(at)), named=False)
    if not hasattr(X, "columns"):
        return X[:, column]
    return X[column if isinstance(column, str) else X.columns[column]]


def _one_column(X: Any, at: int) -> Any:
    return X.iloc[:, at] if hasattr(X, "iloc") else X[:, at]


def _fitted_branches(former: Any) -> dict[str, list[Any]]:
    """Return the fitted steps of each branch that has some."""
    if isinstance(former, FeatureUnion):
        found: Any = [(name, inner, None) for name, inner in former.transformer_list]
    else:
        found = getattr(former, "transformers_", ())
    return {name: [leaf.estimator for leaf in _leaves(name, inner)] for name, inner, _ in found}


def _transformed(fitted: Any, X: Any) -> Any:
    """Return X transformed by a fitted step, lazily for a collection."""
    if engine.is_collection(X) and not takes_collections(fitted):
        return ask(fitted, "transform", X)
    return fitted.transform(X)


def _sample(X: Any) -> Any:
    """Return a few rows of a container, or other rows of the same type."""
    if not engine.is_collection(X):
        return engine.head(X, 2)
    if isinstance(X, engine.StreamedRows):
        return X.head
    if engine.is_frame(X):
        return engine.made_up(X)
    return np.zeros((2, X.shape[1]), engine.meta_of(X).dtype)


def _selected(X: Any, columns: Any) -> Any:
    """Return some columns of a container. From a frame only these columns are read."""
    if list(columns) == list(range(X.shape[1])):
        return X
    if isinstance(X, engine.StreamedRows):
        return X.select(columns)
    if not hasattr(X, "columns"):
        return X[:, columns]
    names = [X.columns[j] for j in columns]
    if engine.is_collection(X) and not engine.is_named(X):
        # The frame stands for an array, whose columns have no names for a step.
        nothing = np.empty((0, len(columns)))
        chosen = partial(engine.some_columns, which=tuple(columns))
        return engine.map_rows(chosen, X, meta=nothing, names=names)
    return X[names]
