"""Linear regressor that learns in one pass, block by block."""

from __future__ import annotations

from typing import Any

from sklearn.base import RegressorMixin

from streamlearn import metrics
from streamlearn._arrays import Array
from streamlearn._estimator.inputs import unchanged_on_error
from streamlearn._training.course import Learned
from streamlearn.core.scores import R2
from streamlearn.linear_model.base import SGD, one_column


class SGDRegressor(RegressorMixin, SGD):
    """Linear regressor that learns by stochastic gradient steps, from data of any size.

    scikit-learn's `~sklearn.linear_model.SGDRegressor` for any array backend and for dask
    collections; see `SGDClassifier` for what is different and why.

    Parameters
    ----------
    loss : {"squared_error", "huber", "epsilon_insensitive", "squared_epsilon_insensitive"}, \
default="squared_error"
    penalty : {"l2", "l1", "elasticnet", None}, default="l2"
    alpha : float, default=0.0001
    l1_ratio : float, default=0.15
    fit_intercept : bool, default=True
    max_iter : int or "auto", default="auto"
    tol : float or None, default=1e-3
    shuffle : bool or "rows", default=True
    verbose : int, default=0
    epsilon : float, default=0.1
    random_state : int, RandomState instance or None, default=None
    learning_rate : {"auto", "constant", "optimal", "invscaling", "adaptive", "pa1", "pa2"}, \
default="auto"
        (scikit-learn: "invscaling".)
    eta0 : float, default=0.01
    power_t : float, default=0.25
    early_stopping : bool, default=False
    validation_fraction : float, default=0.1
    n_iter_no_change : int, default=5
    warm_start : bool, default=False
    average : bool or int, default=False
    batch_size : int or "auto", default="auto"

    Attributes
    ----------
    coef_ : array of shape (n_features,)
    intercept_ : array of shape (1,)
    n_iter_ : int
    t_ : float
    loss_curve_ : list of float
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.linear_model import SGDRegressor
    >>> X = np.random.default_rng(0).normal(size=(1_000, 2))
    >>> y = 3 * X[:, 0] - X[:, 1] + 1
    >>> SGDRegressor(alpha=0, random_state=0).fit(X, y).coef_.round(3)
    array([ 3., -1.])
    """

    _kind = "values"
    _row_by_row_rate = "invscaling"
    _metric = R2
    _predicted = staticmethod(one_column)

    def __init__(
        self,
        loss: Any = "squared_error",
        *,
        penalty: Any = "l2",
        alpha: Any = 0.0001,
        l1_ratio: Any = 0.15,
        fit_intercept: Any = True,
        max_iter: Any = "auto",
        tol: Any = 1e-3,
        shuffle: Any = True,
        verbose: Any = 0,
        epsilon: Any = 0.1,
        random_state: Any = None,
        learning_rate: Any = "auto",
        eta0: Any = 0.01,
        power_t: Any = 0.25,
        early_stopping: Any = False,
        validation_fraction: Any = 0.1,
        n_iter_no_change: Any = 5,
        warm_start: Any = False,
        average: Any = False,
        batch_size: Any = "auto",
    ) -> None:
        self.loss = loss
        self.penalty = penalty
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.shuffle = shuffle
        self.verbose = verbose
        self.epsilon = epsilon
        self.random_state = random_state
        self.learning_rate = learning_rate
        self.eta0 = eta0
        self.power_t = power_t
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.warm_start = warm_start
        self.average = average
        self.batch_size = batch_size

    def fit(
        self,
        X: Any,
        y: Any,
        coef_init: Any = None,
        intercept_init: Any = None,
        sample_weight: Any = None,
    ) -> SGDRegressor:
        """Fit to X and y, forgetting what was learned before unless ``warm_start``.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
        y : array, Series, dask array or dask Series of shape (n_samples,)
        coef_init : array of shape (n_features,), optional
        intercept_init : array of shape (1,), optional
        sample_weight : array or dask array of shape (n_samples,), optional

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X and y do not line up or hold NaN or infinity, or the model overflows.
        """
        self._check(partial_fit=False)
        with unchanged_on_error(self):
            given = self._check_inputs(X, y, sample_weight, reset=True, target="values")
            learner = self._learner(self._params(), coef_init, intercept_init)
            self._learn(given, learner, Learned(), 1, partial_fit=False)
        return self

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> SGDRegressor:
        """Learn from more rows, in one epoch; the same parameters and errors as `fit`."""
        self._check(partial_fit=True)
        with unchanged_on_error(self):
            first = not hasattr(self, "coef_")
            given = self._check_inputs(X, y, sample_weight, reset=first, target="values")
            learner, learned = self._rule().learner(self._params()), self._former(self._params())
            self._learn(given, learner, learned, 1, partial_fit=True)
        return self

    def _publish(self, coef: Array, intercept: Array) -> None:
        self.coef_, self.intercept_ = coef[0, :], intercept

    def predict(self, X: Any) -> Any:
        """Return the value of each row.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)

        Returns
        -------
        array or dask collection of shape (n_samples,)
            In X's namespace and on its device; lazy for dask.
        """
        return self._out("predict", X, one_column)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the coefficient of determination R2 of the prediction, in one pass.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
        y : array, Series, dask array or dask Series of shape (n_samples,)
        sample_weight : array or dask array of shape (n_samples,), optional
        """
        return metrics.r2_score(y, self.predict(X), sample_weight=sample_weight)
