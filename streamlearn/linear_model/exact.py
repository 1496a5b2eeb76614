"""The base class of linear models that are exact in one pass: they are functions of co-moments."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from streamlearn._arrays import itemsize, namespace
from streamlearn._estimator.inputs import CheckedInputs
from streamlearn._estimator.mergeable import MOST_FEATURES
from streamlearn._estimator.outputs import one_column
from streamlearn._estimator.predictor import MergeablePredictor, MergeableRegressor
from streamlearn._training.fit_settings import FitSettings
from streamlearn._training.summed import read_again
from streamlearn.core.class_scores import as_they_are
from streamlearn.core.learner import Learner
from streamlearn.core.statistics import block_comoments
from streamlearn.linear_model.least_squares import (
    Problem,
    Solution,
    intercepts,
    problem_of,
    whitening,
    with_root,
)
from streamlearn.linear_model.linear_scores import LinearScores


class ExactLinear(LinearScores, MergeablePredictor):
    """A linear model whose coefficients are a function of the co-moments of features and targets.

    A subclass defines ``_solved(problem)``, and ``_shaped`` if its attributes have other shapes.

    Attributes
    ----------
    condition_number_ : float
        The condition number of the features in units of their deviations, with the penalty.
    n_reads_ : int
        How often the last fit has read the rows.
    """

    _most_features = MOST_FEATURES
    _for_more_features = "SGDRegressor keeps less. Or leave features out."

    fit_intercept: Any
    coef_: Any
    intercept_: Any

    def _statistic(self) -> Learner:
        return block_comoments.learner(targets=True)

    def _solved(self, problem: Problem) -> Solution:
        """Return the solution with the present parameters."""
        raise NotImplementedError

    def _shaped(self, coef: np.ndarray, intercept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return coefficients (t, d) and intercepts (t,) as the fitted attributes have them."""
        return coef, intercept

    def _publish(self) -> None:
        self._set(problem_of(self._state, fit_intercept=self.fit_intercept), 1)

    def _set(self, problem: Problem, n_reads: int) -> Solution:
        """Set the fitted attributes to the solution of a problem."""
        found = self._solved(problem)
        coef, intercept = self._shaped(found.coef, intercepts(problem, found.coef))
        self.coef_, self.intercept_ = (self._as_learned(a) for a in (coef, intercept))
        self.condition_number_, self.n_reads_ = found.condition, n_reads
        self._accurate = found.accurate
        return found

    def _read_more(self, settings: FitSettings, given: CheckedInputs) -> None:
        # Coefficients in float32 do not show what a second read would add.
        single = itemsize(self._like.dtype, namespace(self._like)) < 8
        if self._accurate or (single and self.condition_number_ < 1e3):
            return
        problem = problem_of(self._state, fit_intercept=self.fit_intercept)
        function = whitening(problem, self._state.mean)
        sums = read_again(settings, given.blocks, given.flow, function)
        self._set(
            with_root(problem, sums.state, fit_intercept=self.fit_intercept), self.n_reads_ + 1
        )


class ExactRegressor(MergeableRegressor, ExactLinear):
    """A linear regressor that is exact in one pass. y may have several columns.

    If y is one column, ``coef_`` has one dimension, but not that of `LinearRegression`.
    """

    _one_column_is_a_matrix = False

    def _shaped(self, coef: np.ndarray, intercept: np.ndarray) -> tuple[Any, Any]:
        if not self.fit_intercept:
            intercept = np.asarray(0.0)
        if self._columns is None:
            return coef[0], intercept if not self.fit_intercept else intercept[0]
        flat = self._columns == 1 and not self._one_column_is_a_matrix
        return coef[0] if flat else coef, intercept

    def predict(self, X: Any) -> Any:
        """Return the prediction for each row.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows, with the features of `fit`.

        Returns
        -------
        array or dask collection of shape (n_samples,) or (n_samples, n_targets)
            The predictions, in the namespace and on the device of X. The result is lazy if X is a
            dask collection.

        Raises
        ------
        ValueError
            If X holds NaN or infinity, has other features than in `fit`, or is in another namespace
            or on another device.
        """
        check_is_fitted(self)
        return self._out("predict", X, one_column if self.coef_.ndim == 1 else as_they_are)
