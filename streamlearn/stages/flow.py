"""A container on its way through a chain."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from streamlearn import blocks as engine
from streamlearn._validation.reader import Reader, as_array
from streamlearn.blocks import Rows
from streamlearn.stages.chain import Chain
from streamlearn.stages.stage import Piece


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


def read(
    chain: Chain, names: tuple[str, ...], reader: Reader, index: int, parts: tuple
) -> tuple[Piece, dict[str, Any]]:
    """Do what needs no state; runs in the block's task."""
    given = dict(zip(names[1:], parts[1:], strict=True))
    X = parts[0] if isinstance(parts[0], Rows) else Rows(parts[0])
    return chain.of_block(X, given, reader, reader.block(index), learns=True), given


def learn(
    chain: Chain, reader: Reader, states: tuple, ready: tuple[Piece, dict[str, Any]]
) -> tuple[tuple, None]:
    """Let every stage learn from one block."""
    piece, given = ready
    y = given.get("y")
    y = y if y is None else as_array(y)
    states, _ = chain.learn(states, piece, y, given, reader, through=False)
    return states, None


def fit(flow: Flow, y: Any) -> None:
    """Let the chain of ``flow`` learn from every block, in order; there is no learner after it."""
    blocks = engine.align(as_rows=("X",), X=flow.X, y=y, **flow.given)
    for segment in engine.fold(
        partial(learn, flow.chain, flow.reader),
        flow.states,
        blocks,
        prepare=partial(read, flow.chain, blocks.names, flow.reader),
    ):
        flow.states = segment.state
