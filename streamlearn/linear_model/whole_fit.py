"""Estimators that must see all rows in one fit: they have no ``partial_fit`` and no ``merge``."""

from __future__ import annotations

from typing import Any, Self

from sklearn.utils.metaestimators import available_if


class WholeFit:
    """An estimator that cannot learn further. A subclass defines ``_instead``."""

    def _instead(self) -> str:
        """Return the reason, and what to use instead."""
        raise NotImplementedError

    def _never(self) -> bool:
        raise AttributeError(self._instead())

    @available_if(_never)
    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Not available: a fit needs all rows."""
        raise NotImplementedError

    @available_if(_never)
    def merge(self, other: Self) -> Self:
        """Not available: a fit needs all rows."""
        raise NotImplementedError
