"""Generalized linear models of counts and amounts, exact in a few reads of all rows."""

from __future__ import annotations

from contextlib import suppress
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from streamlearn import blocks as engine
from streamlearn import metrics
from streamlearn._estimator.inputs import CheckedInputs
from streamlearn._estimator.outputs import one_column
from streamlearn._estimator.predictor import MergeableRegressor
from streamlearn._sklearn import Interval, StrOptions
from streamlearn._training.fit_settings import Target
from streamlearn._validation.targets import valid_for
from streamlearn.core.learner import Learner
from streamlearn.core.statistics import block_comoments
from streamlearn.linear_model.generalized import GeneralizedLinear
from streamlearn.linear_model.least_squares import Problem
from streamlearn.linear_model.linear_scores import LinearScores
from streamlearn.linear_model.predictions import means


class GeneralizedRegressor(LinearScores, GeneralizedLinear, MergeableRegressor):
    """A generalized linear model of values. A subclass defines ``_power``."""

    _multi_output = False

    alpha: Any

    _parameter_constraints: dict[str, Any] = {
        "alpha": [Interval(Real, 0.0, None, closed="left")],
        "fit_intercept": ["boolean"],
        "solver": [StrOptions({"lbfgs", "newton-cholesky"})],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0.0, None, closed="neither")],
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        *,
        alpha: Any = 1.0,
        fit_intercept: Any = True,
        solver: Any = "lbfgs",
        max_iter: Any = 100,
        tol: Any = 1e-4,
        warm_start: Any = False,
        verbose: Any = 0,
    ) -> None:
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.solver = solver
        self.max_iter = max_iter
        self.tol = tol
        self.warm_start = warm_start
        self.verbose = verbose

    def _power(self) -> float:
        """Return the power of the variance."""
        raise NotImplementedError

    def _log_link(self) -> bool:
        """Return whether the score is the logarithm of the mean."""
        return True

    def _loss(self) -> tuple[str, float]:
        power, log = self._power(), self._log_link()
        if power == 0 and not log:
            return "squared_error", power
        if not log or not 1 <= power <= 2:
            return f"tweedie_{'log' if log else 'identity'}", power
        return {1.0: "poisson", 2.0: "gamma"}.get(power, "tweedie"), power

    def _strength(self, weight: float) -> float:
        return float(self.alpha)

    def _statistic(self) -> Learner:
        return block_comoments.learner(targets=True)

    def _target(
        self, given: CheckedInputs, y: Any, sample_weight: Any, *, reset: bool, classes: Any = None
    ) -> tuple[Target, int]:
        self._columns = None
        return Target(valid=valid_for(*self._loss(), estimator=type(self).__name__)), 1

    def _levels(self, problem: Problem) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        power, one = self._power(), np.ones((1, 1))
        if not self.fit_intercept:
            return np.zeros(1), np.ones(1), one
        mean, name = problem.mean[problem.d :], type(self).__name__
        if self._loss()[0] == "squared_error":
            return mean, np.ones(1), one
        if mean[0] <= 0 and power > 0:
            raise ValueError(
                f"All targets are 0, and the intercept of {name} would be the "
                f"{'logarithm' if self._log_link() else 'mean'} of 0. Give rows with a target "
                "above 0."
            )
        if mean[0] <= 0:
            raise ValueError(
                f"The mean of the targets is {mean[0]:g}, and {name}(power={power:g}) begins with "
                "a mean above 0. Give rows whose targets have one, or use "
                "TweedieRegressor(power=0), which takes any mean."
            )
        if self._log_link():
            return np.log(mean), mean ** (1.0 - power), one * mean ** (2.0 - power)
        return mean, mean**-power, one * mean**-power

    def _publish(self) -> None:
        self._fitted_power, self._fitted_log = self._power(), self._log_link()
        super()._publish()

    def _shape(self, coef: np.ndarray, intercept: np.ndarray) -> None:
        self.coef_ = self._as_learned(coef[0])
        self.intercept_ = self._as_learned(intercept[0]) if self.fit_intercept else 0.0

    def predict(self, X: Any) -> Any:
        """Return the predicted mean of the target for each row.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows, with the features of `fit`.

        Returns
        -------
        array or dask collection of shape (n_samples,)
            The predictions, in the namespace and on the device of X. The result is lazy if X is a
            dask collection.

        Raises
        ------
        ValueError
            If X holds NaN or infinity, has other features than in `fit`, or is in another namespace
            or on another device.
        """
        check_is_fitted(self)
        return self._out("predict", X, means if self._fitted_log else one_column)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return D2: 1 less the deviance of the predictions over that of the mean target.

        A collection is read once.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows, with the features of `fit`.
        y : array, Series, dask array or dask Series of shape (n_samples,)
            The true target of each row. None means that the blocks of X contain it.
        sample_weight : array or dask array of shape (n_samples,), default=None
            The weight of each row. None means 1 for every row.

        Returns
        -------
        float
            A number that is at most 1.

        Raises
        ------
        ValueError
            If X and y do not line up, if a target is not one of the distribution, or if `predict`
            would raise it.
        """
        X, y, sample_weight = engine.taken_apart(X, y, sample_weight)
        found = self.predict(X)
        how = {"sample_weight": sample_weight, "power": self._fitted_power}
        return metrics.d2_tweedie_score(y, found, **how)

    def __sklearn_tags__(self) -> Any:
        """Return the tags of the estimator."""
        tags = super().__sklearn_tags__()
        with suppress(TypeError, ValueError):  # fit says what is wrong
            tags.target_tags.positive_only = self._power() > 0
        return tags


class PoissonRegressor(GeneralizedRegressor):
    """Regression of counts with a logarithmic link, exact in a few reads of data of any size.

    It is scikit-learn's `~sklearn.linear_model.PoissonRegressor` for arrays of any
    library and for dask collections. Targets are counts, 0 or more.

    Parameters
    ----------
    alpha : float, default=1.0
        The penalty, 0 or more: ``alpha / 2`` times the sum of squared coefficients is added to half
        of the mean deviance.
    fit_intercept : bool, default=True
        Whether to learn an intercept, which has no penalty.
    solver : {"lbfgs", "newton-cholesky"}, default="lbfgs"
        The names of scikit-learn's solvers. Both find the same minimum, here by Newton steps.
    max_iter : int, default=100
        The most steps. Each takes a read of all rows.
    tol : float, default=1e-4
        The steps end with the one that follows a gradient whose largest entry is at most ``tol``.
    warm_start : bool, default=False
        Whether to begin with the coefficients of the last fit.
    verbose : int, default=0
        It has no effect. Callbacks show what is read.

    Attributes
    ----------
    coef_ : array of shape (n_features,)
        The coefficients.
    intercept_ : float
        The intercept. It is 0.0 if ``fit_intercept=False``.
    n_iter_ : int
        The number of steps of all rows, each with a read.
    n_reads_ : int
        How often the fit has read the rows: one read more than steps.
    condition_number_ : float
        The condition number of the features in units of their deviations.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a DataFrame whose column names are all
        strings.

    Notes
    -----
    The first read sums the co-moments of features and target. They give the Newton step of the
    model without features. Each further read sums the loss, its gradient and its second derivative
    over all rows (`streamlearn.core.linear.newton_sums`), and an exact Newton step follows. If the
    loss has grown, the step is taken again, a quarter as long. In a one-pass pipeline the
    transformers learn in the first read.

    Rows are centred and scaled while they are read. If features are nearly dependent, they are also
    rotated, so that no digit is lost. If coefficients are not unique, they are the shortest ones.
    Sparse rows become dense in small parts.

    Differences from scikit-learn:

    - Both solvers take the same Newton steps. The last step is taken from a gradient of at most
      ``tol``, so the gradient at the result is much smaller.
    - Negative weights are an error, because the loss would have no minimum.
    - ``verbose`` has no effect.
    - The attributes ``condition_number_`` and ``n_reads_`` are additions.

    References
    ----------
    McCullagh & Nelder, "Generalized linear models", 1989.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.linear_model import PoissonRegressor
    >>> X = da.random.default_rng(0).normal(size=(10_000, 2), chunks=(1_000, 2))
    >>> model = PoissonRegressor(alpha=0).fit(X, da.exp(X @ [0.3, -0.1] + 1))
    >>> model.coef_.round(3), round(float(model.intercept_), 3)
    (array([ 0.3, -0.1]), 1.0)
    """

    def _power(self) -> float:
        return 1.0


class GammaRegressor(GeneralizedRegressor):
    """Gamma regression with a logarithmic link, exact in a few reads of data of any size.

    It is scikit-learn's `~sklearn.linear_model.GammaRegressor` for arrays of any
    library and for dask collections. Targets are amounts above 0.

    Parameters
    ----------
    alpha : float, default=1.0
        The penalty, 0 or more: ``alpha / 2`` times the sum of squared coefficients is added to half
        of the mean deviance.
    fit_intercept : bool, default=True
        Whether to learn an intercept, which has no penalty.
    solver : {"lbfgs", "newton-cholesky"}, default="lbfgs"
        The names of scikit-learn's solvers. Both find the same minimum, here by Newton steps.
    max_iter : int, default=100
        The most steps. Each takes a read of all rows.
    tol : float, default=1e-4
        The steps end with the one that follows a gradient whose largest entry is at most ``tol``.
    warm_start : bool, default=False
        Whether to begin with the coefficients of the last fit.
    verbose : int, default=0
        It has no effect. Callbacks show what is read.

    Attributes
    ----------
    coef_ : array of shape (n_features,)
        The coefficients.
    intercept_ : float
        The intercept. It is 0.0 if ``fit_intercept=False``.
    n_iter_ : int
        The number of steps of all rows, each with a read.
    n_reads_ : int
        How often the fit has read the rows: one read more than steps.
    condition_number_ : float
        The condition number of the features in units of their deviations.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a DataFrame whose column names are all
        strings.

    Notes
    -----
    The notes of `PoissonRegressor` hold here, too.

    Differences from scikit-learn:

    - Both solvers take the same Newton steps. The last step is taken from a gradient of at most
      ``tol``, so the gradient at the result is much smaller.
    - Negative weights are an error, because the loss would have no minimum.
    - ``verbose`` has no effect.
    - The attributes ``condition_number_`` and ``n_reads_`` are additions.

    References
    ----------
    McCullagh & Nelder, "Generalized linear models", 1989.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.linear_model import GammaRegressor
    >>> X = da.random.default_rng(0).normal(size=(10_000, 2), chunks=(1_000, 2))
    >>> model = GammaRegressor(alpha=0).fit(X, da.exp(X @ [0.3, -0.1] + 1))
    >>> model.coef_.round(3), round(float(model.intercept_), 3)
    (array([ 0.3, -0.1]), 1.0)
    """

    def _power(self) -> float:
        return 2.0


class TweedieRegressor(GeneralizedRegressor):
    """Regression with a Tweedie distribution, exact in a few reads of data of any size.

    It is scikit-learn's `~sklearn.linear_model.TweedieRegressor` for arrays of any
    library and for dask collections. Targets are numbers, counts or amounts, as ``power`` says.

    Parameters
    ----------
    power : float, default=0
        The power of the variance. 0 is the normal distribution, 1 the Poisson distribution, 2 the
        gamma distribution and 3 the inverse Gaussian distribution. Between 1 and 2 targets are
        amounts, and some may be 0. From 2 on they are above 0. If it is 0 or less, targets are any
        numbers whose mean is above 0.
    alpha : float, default=1.0
        The penalty, 0 or more: ``alpha / 2`` times the sum of squared coefficients is added to half
        of the mean deviance.
    fit_intercept : bool, default=True
        Whether to learn an intercept, which has no penalty.
    link : {"auto", "identity", "log"}, default="auto"
        What the score is of the mean: the mean itself, or its logarithm. "auto" is "identity" if
        ``power`` is 0 or less, otherwise "log".
    solver : {"lbfgs", "newton-cholesky"}, default="lbfgs"
        The names of scikit-learn's solvers. Both find the same minimum, here by Newton steps.
    max_iter : int, default=100
        The most steps. Each takes a read of all rows.
    tol : float, default=1e-4
        The steps end with the one that follows a gradient whose largest entry is at most ``tol``.
    warm_start : bool, default=False
        Whether to begin with the coefficients of the last fit.
    verbose : int, default=0
        It has no effect. Callbacks show what is read.

    Attributes
    ----------
    coef_ : array of shape (n_features,)
        The coefficients.
    intercept_ : float
        The intercept. It is 0.0 if ``fit_intercept=False``.
    n_iter_ : int
        The number of steps of all rows, each with a read.
    n_reads_ : int
        How often the fit has read the rows: one read more than steps.
    condition_number_ : float
        The condition number of the features in units of their deviations.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a DataFrame whose column names are all
        strings.

    Notes
    -----
    The notes of `PoissonRegressor` hold here, too.

    Differences from scikit-learn:

    - Both solvers take the same Newton steps. The last step is taken from a gradient of at most
      ``tol``, so the gradient at the result is much smaller.
    - A power between 0 and 1 is an error, because there is no such distribution.
    - ``link="identity"`` needs an intercept, except for power 0, because the fit begins with a
      model of means above 0.
    - Deviances with a power above 2 or below 0, and those with the other link, are not convex.
      Where one is concave, the step goes downwards as far as for a convex one.
    - Negative weights are an error, because the loss would have no minimum.
    - ``verbose`` has no effect.
    - The attributes ``condition_number_`` and ``n_reads_`` are additions.

    References
    ----------
    McCullagh & Nelder, "Generalized linear models", 1989.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.linear_model import TweedieRegressor
    >>> X = da.random.default_rng(0).normal(size=(10_000, 2), chunks=(1_000, 2))
    >>> model = TweedieRegressor(power=1.5, alpha=0).fit(X, da.exp(X @ [0.3, -0.1] + 1))
    >>> model.coef_.round(3), round(float(model.intercept_), 3)
    (array([ 0.3, -0.1]), 1.0)
    """

    _parameter_constraints: dict[str, Any] = {
        **GeneralizedRegressor._parameter_constraints,
        "power": [Interval(Real, None, None, closed="neither")],
        "link": [StrOptions({"auto", "identity", "log"})],
    }

    power: Any
    link: Any

    def __init__(
        self,
        *,
        power: Any = 0.0,
        alpha: Any = 1.0,
        fit_intercept: Any = True,
        link: Any = "auto",
        solver: Any = "lbfgs",
        max_iter: Any = 100,
        tol: Any = 1e-4,
        warm_start: Any = False,
        verbose: Any = 0,
    ) -> None:
        self.power = power
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.link = link
        self.solver = solver
        self.max_iter = max_iter
        self.tol = tol
        self.warm_start = warm_start
        self.verbose = verbose

    def _power(self) -> float:
        return float(self.power)

    def _log_link(self) -> bool:
        return self.link == "log" or (self.link == "auto" and self._power() > 0)

    def _validate_params(self) -> None:
        super()._validate_params()
        power = float(self.power)
        if 0 < power < 1:
            raise ValueError(
                f"power={self.power!r}: no Tweedie distribution has a power between 0 and 1. Give "
                "0 or less, or 1 or more."
            )
        if power != 0 and not self._log_link() and not self.fit_intercept:
            raise ValueError(
                f"power={self.power!r} with link={self.link!r} needs fit_intercept=True, because "
                'the fit begins with a model of means above 0. Or set link="log".'
            )
