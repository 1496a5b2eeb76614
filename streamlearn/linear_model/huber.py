"""Regression that outliers hardly move: `HuberRegressor`."""

from __future__ import annotations

from copy import copy
from numbers import Integral, Real
from typing import Any, NamedTuple, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from streamlearn import blocks as engine
from streamlearn._arrays import Array, asarray, powers_of_two, to_numpy
from streamlearn._estimator.inputs import CheckedInputs
from streamlearn._estimator.mergeable import MOST_FEATURES
from streamlearn._estimator.outputs import one_column
from streamlearn._estimator.predictor import MergeableRegressor
from streamlearn._sklearn import Interval
from streamlearn._training.fit_settings import FitSettings, Target
from streamlearn._training.summed import read_again
from streamlearn.core.learner import Learner
from streamlearn.core.linear import huber_sums
from streamlearn.core.statistics import block_comoments
from streamlearn.linear_model.huber_steps import Objective, minimum, solved
from streamlearn.linear_model.least_squares import Problem, problem_of
from streamlearn.linear_model.linear_scores import LinearScores
from streamlearn.linear_model.newton_reads import Coordinates
from streamlearn.linear_model.row_scores import Scores
from streamlearn.linear_model.whole_fit import WholeFit

LEAST_SCALE = 10 * float(np.finfo(np.float64).eps)
"""The smallest scale, as in scikit-learn."""


class HuberRegressor(LinearScores, WholeFit, MergeableRegressor):
    """Linear regression that outliers hardly move, exact in a few reads of data of any size.

    It is scikit-learn's `~sklearn.linear_model.HuberRegressor` for arrays of any library and for
    dask collections. Residuals are squared up to ``epsilon`` times a scale, and count by their
    magnitudes beyond it. The scale is learned, too.

    Parameters
    ----------
    epsilon : float, default=1.35
        Rows with residuals above ``epsilon`` times the scale are outliers. It must be above 1.
    max_iter : int, default=100
        The most steps. Each takes a read of all rows. With 0 the result is that of least squares.
    alpha : float, default=0.0001
        The penalty, 0 or more: ``alpha`` times the sum of squared coefficients is added to the
        weighted sum of the losses.
    warm_start : bool, default=False
        Whether to begin with the coefficients and the scale of the last fit.
    fit_intercept : bool, default=True
        Whether to learn an intercept, which has no penalty.
    tol : float, default=1e-05
        The steps end with the one that follows a gradient of the mean loss whose largest entry is
        at most ``tol``, for features in units of their deviations.

    Attributes
    ----------
    coef_ : array of shape (n_features,)
        The coefficients.
    intercept_ : float
        The intercept. It is 0.0 if ``fit_intercept=False``.
    scale_ : float
        The scale of the residuals.
    outliers_ : array or dask array of bool of shape (n_samples,)
        Whether each row of `fit` is an outlier. It is lazy for a dask collection, and is not
        pickled then. It does not exist in a pipeline, nor for a source of blocks.
    n_iter_ : int
        The number of steps, each with a read of all rows.
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
    The first read sums the co-moments of features and target, and least squares is the start. Each
    further read sums the products of inliers and the signs of outliers
    (`streamlearn.core.linear.huber_sums`). They give the minimum of all rows by coefficients,
    intercept and scale, as if no row became an outlier or stopped being one
    (`streamlearn.linear_model.huber_steps`). There are mostly 5 to 10 reads, and more if a few rows
    far from the others are outliers. If more rows lie on the fitted plane than a share of
    ``1 - 1 / epsilon**2``, the scale goes to 0, and reads may end with a warning.

    In a one-pass pipeline the transformers learn in the first read. Rows are centred and scaled
    while they are read, and rotated if features are nearly dependent. So no digit is lost at any
    offset or scale. Sparse rows become dense in small parts.

    Differences from scikit-learn:

    - The result is the minimum itself, whatever the units of features and target. scikit-learn's
      iterations may end early, and say so by a warning at most.
    - ``epsilon=1`` is an error, because the scale would be 0.
    - ``tol`` is for the mean loss, and not for the sum.
    - ``outliers_`` is lazy for a dask collection, and does not exist in a pipeline.
    - Negative weights are an error, because the loss would have no minimum.
    - The attributes ``condition_number_`` and ``n_reads_`` are additions.

    References
    ----------
    P. J. Huber, "Robust Statistics", Wiley, 1981, section 7.7. A. B. Owen, "A robust hybrid of
    lasso and ridge regression", 2006.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.linear_model import HuberRegressor
    >>> X = da.random.default_rng(0).normal(size=(10_000, 2), chunks=(1_000, 2))
    >>> y = X @ [3.0, -1.0] + 5 + 0.1 * da.sin(1e4 * X[:, 0])
    >>> y = da.where(X[:, 1] > 1.5, 1e6, y)
    >>> model = HuberRegressor().fit(X, y)
    >>> model.coef_.round(1), round(float(model.intercept_), 1)
    (array([ 3., -1.]), 5.0)
    >>> bool((model.outliers_ | (X[:, 1] <= 1.5)).all())
    True
    """

    _multi_output = False
    _most_features = MOST_FEATURES
    _for_more_features = "SGDRegressor(loss='huber') keeps less. Or leave features out."

    _parameter_constraints: dict[str, Any] = {
        "epsilon": [Interval(Real, 1.0, None, closed="left")],
        "max_iter": [Interval(Integral, 0, None, closed="left")],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "warm_start": ["boolean"],
        "fit_intercept": ["boolean"],
        "tol": [Interval(Real, 0.0, None, closed="left")],
    }

    coef_: Array
    intercept_: Any
    scale_: Any
    outliers_: Any

    def __init__(
        self,
        *,
        epsilon: Any = 1.35,
        max_iter: Any = 100,
        alpha: Any = 0.0001,
        warm_start: Any = False,
        fit_intercept: Any = True,
        tol: Any = 1e-05,
    ) -> None:
        self.epsilon = epsilon
        self.max_iter = max_iter
        self.alpha = alpha
        self.warm_start = warm_start
        self.fit_intercept = fit_intercept
        self.tol = tol

    def _validate_params(self) -> None:
        super()._validate_params()
        if self.epsilon == 1:
            raise ValueError(
                f"epsilon={self.epsilon!r} is not supported, because the scale would be 0. Give "
                "more than 1, for example 1.01."
            )

    def _instead(self) -> str:
        return (
            "HuberRegressor reads all rows several times. Fit it to all rows, or use "
            "SGDRegressor(loss='huber'), which learns further."
        )

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn from all rows.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows to learn from: numbers without NaN and infinity, dense or sparse.
        y : array, Series, dask array or dask Series of shape (n_samples,)
            The target of each row. None means that the blocks of X contain it.
        sample_weight : array or dask array of shape (n_samples,), default=None
            The weight of each row, 0 or more. None means 1 for every row.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X and y do not line up, if they hold NaN or infinity, if a weight is negative, or if
            the weights add up to 0.
        """
        super().fit(X, y, sample_weight)
        if _is_lazy(X) and _is_lazy(y):
            beyond: Any = IsOutlier(self._edge)
            self.outliers_ = engine.zip_rows(beyond, y, self.predict(X))
        return self

    def _statistic(self) -> Learner:
        return block_comoments.learner(targets=True)

    def _target(
        self, given: CheckedInputs, y: Any, sample_weight: Any, *, reset: bool, classes: Any = None
    ) -> tuple[Target, int]:
        self._columns = None
        return Target(), 1

    def _publish(self) -> None:
        problem = problem_of(self._state, fit_intercept=self.fit_intercept)
        d = problem.d
        y_unit = float(problem.unit[d])
        self._level = float(problem.mean[d])
        deviation = np.sqrt(problem.yy / problem.weight)
        self._unit = float(powers_of_two(deviation)[0]) * y_unit or 1.0
        former = None
        if self.warm_start and hasattr(self, "scale_"):
            coef, intercept, scale = (
                to_numpy(asarray(a, like=self._like)).astype(np.float64)
                for a in (self.coef_, self.intercept_, self.scale_)
            )
            if coef.shape == (d,):
                former = coef, float(intercept), float(scale)
        strength = float(self.alpha) * self._unit / problem.weight
        self._of = of = Coordinates.of(problem, strength)
        penalty = np.zeros((of.r + 1, of.r + 1))
        penalty[:-1, :-1] = strength * (of.transform.T @ of.transform)
        free = np.append(np.ones(of.r, dtype=bool), bool(self.fit_intercept))
        least = LEAST_SCALE / self._unit
        size = float(deviation[0]) * y_unit / self._unit
        self._objective = Objective(float(self.epsilon), penalty, free, least, size)
        self._begin = self._beginning(problem, former)
        self._set(*self._begin, 0)

    def _beginning(self, problem: Problem, former: Any) -> tuple[np.ndarray, float]:
        """Return the model and the scale of the first further read."""
        of, unit = self._of, self._unit
        if former is not None:
            coef, intercept, scale = former
            level = np.asarray([(intercept - self._level) / unit])
            return of.inside(coef[None, :] / unit, level)[0], scale / unit
        xy = of.xy[:, 0] / unit
        yy = float(problem.yy[0]) / problem.weight * (float(problem.unit[problem.d]) / unit) ** 2
        v = np.zeros(of.r + 1)
        v[:-1] = solved(of.xx + np.sqrt(yy) * self._objective.penalty[:-1, :-1], xy)
        rest = yy - 2.0 * v[:-1] @ xy + v[:-1] @ of.xx @ v[:-1]
        return v, max(float(np.sqrt(max(rest, 0.0))), self._objective.least)

    def _read_more(self, settings: FitSettings, given: CheckedInputs) -> None:
        self.__dict__.pop("outliers_", None)
        function = self._of.rows(self._state.mean)

        def read(v: np.ndarray, scale: float, caution: float) -> huber_sums.HuberSums:
            params = huber_sums.Params(
                float(self.epsilon), v[None, :], scale, caution, self._level, self._unit
            )
            again = settings._replace(learner=huber_sums.learner(params))
            return read_again(again, given.blocks, given.flow, function).state

        found = minimum(
            self._objective, read, *self._begin, most=self.max_iter, tol=float(self.tol)
        )
        self._set(*found)
        self._edge = float(self.scale_) * float(self.epsilon)
        if given.flow is None and given.whole is not None:
            y = asarray(given.whole.y, like=self._like)
            rows = given.reader.rows(given.whole.X, given.whole.named)
            intercept = 0.0 * self.coef_[:1] + self.intercept_
            predicted = Scores(self.coef_[None, :], intercept, one_column)(rows)
            y = y[:, 0] if y.ndim == 2 else y
            self.outliers_ = IsOutlier(self._edge)(y, predicted)
        del self._objective, self._begin, self._of, self._level, self._unit

    def _set(self, v: np.ndarray, scale: float, n_reads: int) -> None:
        """Set the fitted attributes to a model, after further reads."""
        coef, intercept = self._of.outside(v[None, :])
        self.condition_number_, self.n_reads_ = self._of.condition, 1 + n_reads
        self.n_iter_ = n_reads
        with np.errstate(over="ignore", invalid="ignore"):
            coef, intercept = coef * self._unit, intercept * self._unit + self._level
        self.coef_ = self._as_learned(coef[0])
        self.intercept_ = self._as_learned(intercept[0]) if self.fit_intercept else 0.0
        self.scale_ = self._as_learned(scale * self._unit)

    def predict(self, X: Any) -> Any:
        """Return the prediction for each row.

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
        return self._out("predict", X, one_column)

    def __sklearn_array_api_convert__(self, converter: Any) -> Any:
        """Return a copy with ``converter`` applied to all learned arrays, without lazy ones."""
        return super(HuberRegressor, copy(self)).__sklearn_array_api_convert__(converter)

    def __getstate__(self) -> dict[str, Any]:
        """Return the attributes to pickle, without lazy outliers."""
        state = super().__getstate__()
        if engine.is_collection(state.get("outliers_")):
            state = {k: v for k, v in state.items() if k != "outliers_"}
        return state


def _is_lazy(x: Any) -> bool:
    """Return whether x is a dask array or a dask frame, and not another source of blocks."""
    return engine.is_collection(x) and hasattr(x, "dask")


class IsOutlier(NamedTuple):
    """Where targets are further than ``edge`` from the predictions, (n_rows,)."""

    edge: float

    def __call__(self, y: Array, predicted: Array) -> Array:
        """Return an array of bool."""
        return abs(y - predicted) > self.edge
