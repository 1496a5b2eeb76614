"""The output of a net, as a function of rows that joins the tasks of X."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from streamlearn._arrays import Array
from streamlearn.core import mlp


@dataclass(frozen=True, eq=False)
class Outputs:
    """A function of the output of a net, as a function of rows.

    Attributes
    ----------
    params : Params
        The hyperparameters of the net.
    net : State
        The net.
    of_output : callable
        It takes the output (m, K) and returns an array over the same rows.
    """

    params: mlp.Params
    net: mlp.State
    of_output: Callable[[Array], Array]

    def __call__(self, X: Array) -> Array:
        """Return ``of_output`` of the output for the rows of X."""
        return self.of_output(mlp.apply(self.params, self.net, X))
