"""The parameters of the nets: which values are allowed, and those that core takes."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np

from streamlearn._sklearn import Interval, Options, StrOptions
from streamlearn.core import mlp
from streamlearn.core.mlp.activations import HIDDEN
from streamlearn.core.mlp.optimizers import Optimizer, adam, sgd

LARGEST_BATCH = 200
"""The largest number of rows of a batch if ``batch_size="auto"``, as in scikit-learn."""


class Parameters:
    """The parameters that both nets share."""

    activation: Any
    alpha: Any
    batch_size: Any
    beta_1: Any
    beta_2: Any
    epsilon: Any
    hidden_layer_sizes: Any
    learning_rate: Any
    learning_rate_init: Any
    max_iter: Any
    momentum: Any
    nesterovs_momentum: Any
    power_t: Any
    solver: Any

    _parameter_constraints: dict[str, Any] = {
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions(set(HIDDEN))],
        "solver": [StrOptions({"lbfgs", "sgd", "adam"})],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"})],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "shuffle": ["boolean", StrOptions({"rows"})],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), Options(Real, {np.inf})],
        "max_fun": [Interval(Integral, 1, None, closed="left")],
        "n_parallel": [Interval(Integral, 1, None, closed="left")],
    }

    def _sizes(self) -> tuple[int, ...]:
        """Return the number of units of each hidden layer."""
        hidden = self.hidden_layer_sizes
        sizes = list(hidden) if hasattr(hidden, "__iter__") else [hidden]
        if not all(isinstance(size, Integral) and int(size) > 0 for size in sizes):
            raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}: give whole numbers.")
        return tuple(int(size) for size in sizes)

    def _params(self, hidden: tuple[int, ...], output: str) -> mlp.Params:
        """Return the parameters for core. ``output`` is the activation of the output."""
        return mlp.Params(
            hidden,
            self.activation,
            output,
            float(self.alpha),
            self._core_optimizer(),
            self.learning_rate if self.solver == "sgd" else "constant",
            float(self.power_t),
        )

    def _core_optimizer(self) -> Optimizer:
        eta = float(self.learning_rate_init)
        if self.solver == "sgd":
            return sgd(eta, float(self.momentum), bool(self.nesterovs_momentum))
        return adam(eta, float(self.beta_1), float(self.beta_2), float(self.epsilon))

    def _batch_size(self) -> int:
        return LARGEST_BATCH if self.batch_size == "auto" else int(self.batch_size)

    def _max_iter(self, *, one_pass: bool) -> int:
        if self.max_iter == "auto":
            return 1 if one_pass else 200
        return int(self.max_iter)

    def _can_partial_fit(self) -> bool:
        if self.solver == "lbfgs":
            raise AttributeError(
                "partial_fit is only available for stochastic optimizers. lbfgs is not stochastic. "
                "Use solver='adam' or 'sgd'."
            )
        return True
