"""Undocumented names of scikit-learn's linear models that user code relies on."""

from __future__ import annotations

from typing import Any

from streamlearn._arrays import Array, namespace
from streamlearn.core.linear.losses import LOSSES

EPSILON = 0.1
"""The default of the parameter ``epsilon``."""


class SklearnAttributes:
    """The losses by name, and with ``average`` both the last coefficients and their mean.

    The state from which ``partial_fit`` continues holds both. They cannot be set.
    """

    average: Any
    coef_: Any
    _learned: Any

    loss_functions = {name: (loss, EPSILON) for name, loss in LOSSES.items()}

    def _state_with_mean(self) -> Any:
        """Return the state if an explicit schedule has averaged the coefficients."""
        state = self._learned.state if "_learned" in vars(self) else None
        if not self.average or not hasattr(state, "mean_coef"):
            raise AttributeError("no explicit learning_rate has averaged coefficients")
        return state

    def _as_published(self, coef: Array) -> Array:
        coef = namespace(coef).astype(coef, self.coef_.dtype, copy=False)
        return coef if self.coef_.ndim == 2 else coef[0, :]

    @property
    def _standard_coef(self) -> Array:
        return self._as_published(self._state_with_mean().coef)

    @property
    def _standard_intercept(self) -> Array:
        return self._state_with_mean().intercept

    @property
    def _average_coef(self) -> Array:
        return self._as_published(self._state_with_mean().mean_coef)

    @property
    def _average_intercept(self) -> Array:
        return self._state_with_mean().mean_intercept
