"""The parameters of the linear models: which values are allowed, and those that core takes."""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from typing import Any

from streamlearn._estimator.inputs import check_parameters
from streamlearn._sklearn import Interval, StrOptions
from streamlearn.core.linear import sgd
from streamlearn.core.linear.losses import LOSSES, OF_CLASSES
from streamlearn.core.linear.rates import RATES
from streamlearn.core.linear.row_step import PASSIVE
from streamlearn.linear_model.refine import refining_or_raise


class Parameters:
    """The parameters that all linear models share."""

    alpha: Any
    average: Any
    batch_size: Any
    early_stopping: Any
    epsilon: Any
    eta0: Any
    fit_intercept: Any
    l1_ratio: Any
    learning_rate: Any
    loss: Any
    n_parallel: Any
    penalty: Any
    power_t: Any
    refine: Any = 0  # of models that have no such parameter

    _kind: str  # the ``kind`` of `streamlearn.core.linear.sgd.Params`
    _row_by_row_rate: str  # scikit-learn's default of ``learning_rate``

    _parameter_constraints: dict[str, Any] = {
        "loss": [StrOptions(set(LOSSES) - set(OF_CLASSES))],
        "penalty": [StrOptions({"l2", "l1", "elasticnet"}), None],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "l1_ratio": [Interval(Real, 0, 1, closed="both"), None],
        "fit_intercept": ["boolean"],
        "max_iter": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "tol": [Interval(Real, 0, None, closed="left"), None],
        "shuffle": ["boolean", StrOptions({"rows"})],
        "verbose": ["verbose"],
        "epsilon": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
        "learning_rate": [StrOptions({"auto", *RATES, *PASSIVE})],
        "eta0": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, None, None, closed="neither")],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "warm_start": ["boolean"],
        "average": [Interval(Integral, 0, None, closed="neither"), "boolean"],
        "batch_size": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "refine": [Interval(Integral, 0, None, closed="left")],
        "n_parallel": [Interval(Integral, 1, None, closed="left")],
    }

    def _check(self, *, partial_fit: bool) -> None:
        """Check each parameter, and then the parameters together."""
        check_parameters(self, again=not partial_fit)
        rate = self._rate()
        if self.early_stopping and partial_fit:
            raise ValueError("early_stopping should be False with partial_fit")
        if rate == "optimal" and self.alpha == 0:
            raise ValueError(
                "alpha must be > 0 since learning_rate is 'optimal'. alpha is used to compute the "
                "optimal learning rate."
            )
        if rate in PASSIVE:
            loss = "hinge" if self._kind == "classes" else "epsilon_insensitive"
            if self._loss() != loss:
                raise ValueError(f"Learning rate '{rate}' only works with loss '{loss}'.")
            if self.batch_size not in (1, "auto"):
                raise ValueError(
                    f"learning_rate={rate!r} is defined row by row: batch_size must be 1 or "
                    f"'auto', which means 1 then; got {self.batch_size!r}."
                )
        if rate == "auto" and self.n_parallel > 1:
            raise ValueError(
                "learning_rate='auto' learns from blocks side by side where that loses nothing, "
                f"without n_parallel: give n_parallel=1. To merge {self.n_parallel} blocks that "
                "are learned from side by side, name a learning_rate."
            )
        if self.refine:
            refining_or_raise(self.refine, self._loss(), rate, self._kind)
        if self.penalty == "elasticnet" and self.l1_ratio is None:
            raise ValueError("l1_ratio must be set when penalty is 'elasticnet'")
        if self.power_t < 0:
            warnings.warn(
                "Negative values for `power_t` are deprecated, as in scikit-learn 1.8, and will "
                "raise an error. Use 0 or more.",
                FutureWarning,
                stacklevel=4,
            )

    def _loss(self) -> str:
        return self.loss

    def _rate(self) -> str:
        """Return the learning rate. Row by row "auto" is scikit-learn's default."""
        if self.learning_rate == "auto" and self.batch_size == 1:
            return self._row_by_row_rate
        return self.learning_rate

    def _params(self, positive: Any = 1.0, negative: Any = 1.0) -> sgd.Params:
        return sgd.Params(
            loss=self._loss(),
            kind=self._kind,
            penalty=self.penalty,
            alpha=float(self.alpha),
            l1_ratio=0.0 if self.l1_ratio is None else float(self.l1_ratio),
            epsilon=float(getattr(self, LOSSES[self._loss()].parameter)),
            learning_rate=self._rate(),
            eta0=float(self.eta0),
            power_t=float(self.power_t),
            average=int(self.average),
            fit_intercept=bool(self.fit_intercept),
            positive_weight=positive,
            negative_weight=negative,
        )
