"""Multi-layer perceptrons: the net, its activations, and the optimizers."""

from streamlearn.core.mlp.net import (
    Params,
    State,
    apply,
    end_block,
    init,
    learner,
    pack,
    start,
    unpack,
    update,
    value_and_gradient,
)

__all__ = [
    "Params",
    "State",
    "apply",
    "end_block",
    "init",
    "learner",
    "pack",
    "start",
    "unpack",
    "update",
    "value_and_gradient",
]
