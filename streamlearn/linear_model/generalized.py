"""The base class of linear models that are exact in a few reads: a Newton step follows each."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import issparse

from streamlearn._arrays import Array, asarray, to_numpy
from streamlearn._estimator.inputs import CheckedInputs
from streamlearn._estimator.mergeable import MOST_FEATURES
from streamlearn._training.fit_settings import FitSettings
from streamlearn._training.summed import read_again
from streamlearn.core.linear import newton_sums
from streamlearn.linear_model.least_squares import Problem, problem_of
from streamlearn.linear_model.newton_reads import Composite, Coordinates, Objective, minimum
from streamlearn.linear_model.whole_fit import WholeFit

WORDS = {
    "lbfgs": "lbfgs failed to converge. ",
    "newton-cg": "newton-cg failed to converge. Increase the number of iterations. ",
    "newton-cholesky": "Newton solver did not converge after {} iterations. ",
    "sag": "The max_iter was reached which means the coef_ did not converge. ",
    "saga": "The max_iter was reached which means the coef_ did not converge. ",
    "liblinear": "Liblinear failed to converge, increase the number of iterations. ",
}
"""What scikit-learn's warnings begin with, so that filters of warnings hold."""


class GeneralizedLinear(WholeFit):
    """A linear model whose loss has a second derivative.

    The first read sums co-moments. They give the coordinates of the rows, and the start: the Newton
    step of the model without features, or discriminant analysis. Each further read gives an exact
    step.

    A subclass defines ``_loss``, ``_strength`` and ``_levels``.
    """

    _most_features: int | None = MOST_FEATURES
    _for_more_features = "SGDRegressor and SGDClassifier keep less. Or leave features out."

    fit_intercept: Any
    max_iter: Any
    solver: Any
    tol: Any
    warm_start: Any
    coef_: Any
    intercept_: Any
    n_iter_: Any
    _state: Any
    _like: Array

    def _loss(self) -> tuple[str, float]:
        """Return the name of the loss and its parameter."""
        raise NotImplementedError

    def _strength(self, weight: float) -> float:
        """Return the penalty of the mean loss, given the sum of the weights."""
        raise NotImplementedError

    def _levels(self, problem: Problem) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the intercepts (K,) without features, and what the first step needs.

        These are factors (K,) of ``xy``, whose product is the negative gradient, and the second
        derivative by the scores (K, K).
        """
        raise NotImplementedError

    def _n_models(self) -> int:
        """Return K, the number of columns of coefficients."""
        return 1

    def _classes(self) -> tuple[int, tuple[float, ...] | None]:
        """Return the number of classes and their weights; 0 and None for values."""
        return 0, None

    def _instead(self) -> str:
        return (
            f"{type(self).__name__} reads all rows several times. Fit it to all rows, or use "
            "SGDClassifier or SGDRegressor with the same loss, which learn further."
        )

    def _publish(self) -> None:
        problem = problem_of(self._state, fit_intercept=self._is_centred())
        former = None
        if self.warm_start and hasattr(self, "coef_"):
            former = self._former_model()
        self._objective = self._objective_of(problem)
        self._begin = self._beginning(problem, former)
        self._set(self._begin[1], 0)

    def _is_centred(self) -> bool:
        """Return whether the means of the features are subtracted from the rows."""
        return bool(self.fit_intercept)

    def _objective_of(self, problem: Problem) -> Composite:
        """Return what is minimized."""
        alpha = self._strength(problem.weight)
        return Objective(Coordinates.of(problem, alpha), alpha, self.fit_intercept)

    def _unfinished(self) -> str:
        """Return the warning that more steps were needed."""
        theirs = WORDS[self.solver].format(self.max_iter)
        return (
            f"{theirs}{type(self).__name__} has not converged after max_iter={self.max_iter} reads "
            "of all rows. Increase max_iter or tol, or set a larger penalty."
        )

    def _former_model(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the coefficients (K, d) and the intercepts (K,) of the former fit."""
        coef = self.coef_.toarray() if issparse(self.coef_) else to_numpy(self.coef_)
        coef = np.atleast_2d(coef).astype(np.float64)
        intercept = np.atleast_1d(to_numpy(asarray(self.intercept_, like=self._like)))
        return coef, np.broadcast_to(intercept.astype(np.float64), coef.shape[0])

    def _beginning(self, problem: Problem, former: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return the model without features, and the one of the first further read."""
        objective, of = self._objective, self._objective.of
        zero = np.zeros((self._n_models(), of.r + 1))
        levels, factor, curved = self._levels(problem)
        zero[:, -1] = levels
        if former is not None and former[0].shape == (len(zero), problem.d):
            return zero, of.inside(*former)
        if not self._is_centred() or self.max_iter == 0:
            return zero, zero  # without an intercept the means of the features would be needed
        g, H = zero * 0.0, np.zeros((of.r + 1, of.r + 1))
        g[:, :-1] = -(factor * of.xy).T
        H[:-1, :-1], H[-1, -1] = self._within(of.xx, of.xy), 1.0
        v = zero + objective.step(zero, *objective.derivatives(zero, g, np.kron(curved, H)))
        v[:, -1] = levels + self._shift(of.xy, v[:, :-1])
        return zero, v

    def _within(self, xx: np.ndarray, xy: np.ndarray) -> np.ndarray:
        """Return the mean products of features that the first step is taken with."""
        return xx

    def _shift(self, xy: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Return the change of the intercepts in the first step, (K,)."""
        return np.zeros(len(v))  # with centred features it is 0

    def _read_more(self, settings: FitSettings, given: CheckedInputs) -> None:
        objective, (loss, parameter) = self._objective, self._loss()
        zero, v = self._begin
        function = objective.of.rows(self._state.mean)

        def read(weights: np.ndarray, former: np.ndarray | None) -> newton_sums.DerivativeSums:
            params = newton_sums.Params(loss, parameter, weights, former, *self._classes())
            again = settings._replace(learner=newton_sums.learner(params))
            return read_again(again, given.blocks, given.flow, function).state

        found = minimum(
            objective,
            read,
            v,
            zero,
            most=self.max_iter,
            tol=float(self.tol),
            unfinished=self._unfinished(),
        )
        self._set(found.v, found.n_reads)
        del self._objective, self._begin

    def _set(self, v: np.ndarray, n_reads: int) -> None:
        """Set the fitted attributes to a model, after further reads."""
        of = self._objective.of
        coef, intercept = of.outside(v)
        self.condition_number_, self.n_reads_ = of.condition, 1 + n_reads
        self.n_iter_ = self._counted(n_reads)
        self._shape(coef, intercept)

    def _counted(self, n_reads: int) -> Any:
        """Return ``n_iter_``."""
        return n_reads

    def _shape(self, coef: np.ndarray, intercept: np.ndarray) -> None:
        """Set ``coef_`` and ``intercept_``."""
        raise NotImplementedError
