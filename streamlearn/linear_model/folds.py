"""Cross-validation of linear models that are functions of sums: folds are blocks.

The sums of all rows less those of a fold are the sums of the other folds. So the models of all
folds come from one read. Rows in memory may be split in any other way, too. Then the rows of each
split are summed by themselves.
"""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from sklearn.model_selection import KFold, check_cv

from streamlearn._arrays import device, is_sparse, namespace, rows_at, to_numpy
from streamlearn._estimator.inputs import CheckedInputs
from streamlearn._training.fit_settings import FitSettings
from streamlearn._training.summed import rows_of
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
    _pairs: list[tuple[Any, Any]] | None = None
    """The sums of each split of rows, while one is chosen by them."""

    def _instead(self) -> str:
        return (
            f"{type(self).__name__} finds the penalty from all rows at once. Use {self._alone}, "
            "which learns further and merges."
        )

    def _splits_rows(self) -> bool:
        """Return whether ``cv`` is anything but a number of folds."""
        if self.cv is None or isinstance(self.cv, Integral):
            return False
        return type(self.cv) is not KFold or self.cv.shuffle

    def _memory_or_raise(self, given: CheckedInputs) -> None:
        if self._splits_rows() and given.whole is None:
            raise ValueError(
                f"cv={self.cv!r} splits rows, which must be in memory without steps before. Folds "
                "of a collection are blocks, which are dealt in turn. Set cv=5, or KFold with "
                "shuffle=False, and shuffle the rows before they are stored."
            )

    def _n_folds(self) -> int:
        return 0 if self._splits_rows() else int(getattr(self.cv, "n_splits", self.cv))

    def _split(self, settings: FitSettings, given: CheckedInputs) -> list[tuple[Any, Any]]:
        """Return the sums of the rows to learn from and of those held out, for each split."""
        learner = settings.learner
        assert given.whole is not None
        assert learner.of_block is not None
        X, weight, target = rows_of(settings, given.whole)
        y, n = to_numpy(target), X.shape[0]
        found = []
        for split in check_cv(self.cv, y, classifier=False).split(np.zeros((n, 1)), y):
            each = []
            for rows in split:
                at = np.arange(n)[rows]  # places or a mask
                if not is_sparse(X):
                    at = namespace(X).asarray(at, device=device(X))
                parts = (a if a is None else rows_at(a, at) for a in (X, weight, target))
                each.append(learner.of_block(learner.params, *parts))
            found.append((each[0], each[1]))
        return found

    def _learned_folds(self, folds: tuple[Any, ...] | None) -> None:
        self._folds = () if folds is None else folds

    def _splits(self) -> list[tuple[Problem, Problem]]:
        """Return the problem of the other folds, and that of the rows of a fold, for each fold."""
        if self._pairs is not None:
            return [self._problems(*pair) for pair in self._pairs]
        folds = [fold for fold in self._folds if fold is not None]
        folds = [fold for fold in folds if not bool(comoments.is_empty(fold))]
        if len(folds) < 2:
            n = f"{float(to_numpy(comoments.total_weight(self._state))[0]):g}"
            raise ValueError(
                f"cv={self.cv!r} needs rows with a weight in at least two folds, got {len(folds)}, "
                f"n_samples={n}. Give more rows{self._without_folds}."
            )
        return [self._problems(comoments.without(self._state, fold), fold) for fold in folds]

    def _problems(self, learned: Any, held_out: Any) -> tuple[Problem, Problem]:
        for state, which in ((learned, "learn from"), (held_out, "score")):
            if bool(comoments.is_empty(state)):
                raise ValueError(
                    f"cv={self.cv!r} has a split without rows to {which} that have a weight. Give "
                    "other splits."
                )
        return (
            problem_of(learned, fit_intercept=self.fit_intercept),
            problem_of(held_out, fit_intercept=True),
        )

    def _choose_by_rows(self, settings: FitSettings, given: CheckedInputs) -> None:
        """Choose the penalty by splits of rows in memory, which have been read once."""
        self._pairs = self._split(settings, given)
        try:
            self._publish()
        finally:
            del self._pairs

    def _waits(self) -> bool:
        """Return whether the penalty is chosen later, by splits of rows."""
        return self._splits_rows() and self._pairs is None

    def _read_more(self, settings: FitSettings, given: CheckedInputs) -> None:
        if self._splits_rows():
            self._choose_by_rows(settings, given)
        super()._read_more(settings, given)


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
