"""A container on its way through a chain."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from streamlearn import blocks as engine
from streamlearn.blocks import Rows
from streamlearn.reading import Reader, as_array
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
