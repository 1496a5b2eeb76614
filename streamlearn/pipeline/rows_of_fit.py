"""The rows that steps were fitted to, transformed for the steps after them.

Some steps encode these rows in another way than new rows. A `TargetEncoder` encodes each of them by
the rows of other folds. The encoding depends on the number of the block.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from streamlearn import blocks as engine
from streamlearn._arrays.plain import plain
from streamlearn._sklearn import _align_api_if_sparse
from streamlearn._validation.reader import Reader
from streamlearn.stages import Chain, Flow, Prefitted


def rows_of_fit(
    function: Callable[..., Any] | None, transform: Callable[[Any], Any], X: Any
) -> Any:
    """Transform the rows that steps were fitted to. Rows of a collection are lazy.

    Parameters
    ----------
    function : callable or None
        ``(block) -> function of rows``, or None if the steps transform these rows as new rows.
    transform : callable
        The transformation of new rows.
    X : container
        The rows.
    """
    if function is None:
        return transform(X)
    if not engine.is_collection(X):
        return _align_api_if_sparse(function(None)(plain(X)))
    others = transform(X)
    _, functions = engine.origin(others, numbered=True)
    # scikit-learn's estimators refuse blocks without rows, for which a `Method` has a result.
    numbered = Numbered(function, getattr(functions[-1], "nothing", None))
    return engine.map_rows(numbered, X, meta=engine.meta_of(others), named=engine.is_named(others))


@dataclass(frozen=True, eq=False)
class Numbered:
    """A function of rows that depends on the number of their block.

    Attributes
    ----------
    function : callable
        ``(block) -> function of rows``.
    nothing : array, sparse rows or frame, or None
        The result for a block without rows.
    """

    function: Callable[..., Any]
    nothing: Any

    numbered = True

    def __call__(self, number: int) -> Callable[[Any], Any]:
        """Return the function for the rows of a block."""
        return partial(_rows, self.function(number), self.nothing)


def _rows(function: Callable[[Any], Any], nothing: Any, X: Any) -> Any:
    return nothing if nothing is not None and not engine.n_rows(X) else function(X)


@dataclass(frozen=True, eq=False)
class OfChain:
    """The transformation of each block that has flowed through a chain.

    Attributes
    ----------
    chain : Chain
    states : tuple
    reader : Reader
    """

    chain: Chain
    states: tuple[Any, ...]
    reader: Reader

    def __call__(self, number: int | None) -> Callable[[Any], Any]:
        """Return the transformation of the rows of a block."""
        return partial(self.chain.transformed, self.states, reader=self.reader, block=number)


@dataclass(frozen=True, eq=False)
class OfStage:
    """The transformation of each block by a step that is fitted beforehand.

    Attributes
    ----------
    stage : Prefitted
    """

    stage: Prefitted

    def __call__(self, number: int | None) -> Callable[[Any], Any]:
        """Return the transformation of the rows of a block."""
        return self.stage.function(self.stage.state, number)


def of_flow(flow: Flow | None) -> OfChain | None:
    """Return the transformation of each block, or None if new rows are transformed the same."""
    if flow is None or not flow.chain.cross_fits:
        return None
    chain = replace(flow.chain, params=({},) * len(flow.chain.stages))
    return OfChain(chain, flow.states, flow.reader)


def of_stage(stage: Prefitted) -> OfStage | None:
    """Return a step's transformation of each block, or None if it is the same for new rows."""
    return OfStage(stage) if stage.cross_fits else None
