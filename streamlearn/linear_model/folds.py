"""Cross-validation of linear models that are functions of sums: folds are blocks.

The sums of all rows less those of a fold are the sums of the other folds. So the models of all
folds come from one read.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from streamlearn._arrays import to_numpy
from streamlearn.core.statistics import comoments
from streamlearn.linear_model.exact import ExactRegressor
from streamlearn.linear_model.least_squares import Problem, intercepts, problem_of
from streamlearn.linear_model.whole_fit import WholeFit


class ByFolds(WholeFit, ExactRegressor):
    """A linear regressor whose penalty is found by cross-validation.

    It has the parameter ``cv``, and cannot learn further. ``_alone`` is the name of the class
    without cross-validation, with its parameters.
    """

    cv: Any

    _alone: str
    _without_folds = ""
    """What to do if there are too few rows for folds."""
    _folds: tuple[Any, ...]

    def _instead(self) -> str:
        return (
            f"{type(self).__name__} finds the penalty from all rows at once. Use {self._alone}, "
            "which learns further and merges."
        )

    def _validate_params(self) -> None:
        super()._validate_params()
        if getattr(self.cv, "shuffle", False):
            raise ValueError(
                "cv=KFold(shuffle=True) is not supported: folds are blocks, which are dealt in "
                "turn. Set shuffle=False, or shuffle the rows before they are stored."
            )

    def _n_folds(self) -> int:
        return int(getattr(self.cv, "n_splits", self.cv))

    def _learned_folds(self, folds: tuple[Any, ...] | None) -> None:
        self._folds = () if folds is None else folds

    def _splits(self) -> list[tuple[Problem, Problem]]:
        """Return the problem of the other folds, and that of the rows of a fold, for each fold."""
        folds = [fold for fold in self._folds if fold is not None]
        folds = [fold for fold in folds if not bool(comoments.is_empty(fold))]
        if len(folds) < 2:
            n = f"{float(to_numpy(comoments.total_weight(self._state))[0]):g}"
            raise ValueError(
                f"cv={self.cv!r} needs rows with a weight in at least two folds, got {len(folds)}, "
                f"n_samples={n}. Give more rows{self._without_folds}."
            )
        return [
            (
                problem_of(comoments.without(self._state, fold), fit_intercept=self.fit_intercept),
                problem_of(fold, fit_intercept=True),
            )
            for fold in folds
        ]


def squared_errors(coef: np.ndarray, learned: Problem, held_out: Problem) -> np.ndarray:
    """Return the sums of squared errors of a model on rows that it has not learned from, (t,).

    Parameters
    ----------
    coef : ndarray of shape (t, d)
        The coefficients.
    learned : Problem
        The problem of the rows of the model, which gives its intercepts.
    held_out : Problem
        The problem of the other rows, about their means.

    Returns
    -------
    ndarray of shape (t,)
        Weighted sums, in units of the targets of ``held_out``.
    """
    d = held_out.d
    x, y = held_out.unit[:d], held_out.unit[d:]
    bias = held_out.mean[d:] - coef @ held_out.mean[:d] - intercepts(learned, coef)
    coef = coef * x / y[:, None]
    cross = np.sum(coef * (held_out.xx @ coef.T - 2.0 * held_out.xy).T, axis=1)
    return np.maximum(held_out.yy + cross, 0.0) + held_out.weight * (bias / y) ** 2
