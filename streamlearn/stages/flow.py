"""A container on its way through a chain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from streamlearn._validation.reader import Reader
from streamlearn.stages.chain import Chain


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
    states: tuple[Any, ...]
    given: dict[str, Any]
    reader: Reader
