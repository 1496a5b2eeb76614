"""The argument X of a learner in a pipeline: a container, and the stages ahead of the learner."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from streamlearn._validation.reader import Reader
from streamlearn.blocks import is_frame, made_up
from streamlearn.stages.chain import Chain


@dataclass
class Flow:
    """A container and the stages that its blocks pass through before a learner sees them.

    A pipeline passes it as X to the learner's ``fit``.

    Attributes
    ----------
    X : container
    chain : Chain
    states : tuple
        The states of the stages: at the start, and at the end once the learner is fitted.
    given : dict of str to container
        The other containers that are cut into blocks for the stages, by name.
    reader : Reader
        The reader of X.
    """

    X: Any
    chain: Chain
    states: tuple[Any, ...]
    given: dict[str, Any]
    reader: Reader

    def coded(self) -> tuple[str, ...]:
        """Return the columns of X whose text may arrive as a dictionary of Arrow."""
        return self.chain.coded(made_up(self.X)) if is_frame(self.X) else ()

    def without_last(self) -> Flow:
        """Return the flow through all stages except the last."""
        chain = self.chain
        chain = replace(chain, stages=chain.stages[:-1], params=chain.params[:-1])
        return replace(self, chain=chain, states=self.states[:-1])
