"""Net for values."""

from __future__ import annotations

from typing import Any

from sklearn.base import RegressorMixin
from sklearn.utils.metaestimators import available_if

from streamlearn import metrics
from streamlearn._estimator.inputs import Given
from streamlearn._sklearn import StrOptions
from streamlearn.core.scores import R2
from streamlearn.neural_network.base import MLP, one_column
from streamlearn.neural_network.targets import Goal, counts_or_raise, n_columns


class MLPRegressor(RegressorMixin, MLP):
    """Multi-layer perceptron for values, from data of any size.

    scikit-learn's `~sklearn.neural_network.MLPRegressor` for any array backend and for dask
    collections; see `MLPClassifier` for what is different and why.

    Parameters
    ----------
    loss : {"squared_error", "poisson"}, default="squared_error"
        "poisson" is for counts: the net's scores are logarithms.
    hidden_layer_sizes : int or array-like of int, default=(100,)
    activation : {"identity", "logistic", "tanh", "relu"}, default="relu"
    solver : {"lbfgs", "sgd", "adam"}, default="adam"
    alpha : float, default=0.0001
    batch_size : int or "auto", default="auto"
    learning_rate : {"constant", "invscaling", "adaptive"}, default="constant"
    learning_rate_init : float, default=0.001
    power_t : float, default=0.5
    max_iter : int or "auto", default="auto"
    shuffle : bool or "rows", default=True
    random_state : int, RandomState instance or None, default=None
    tol : float, default=1e-4
    verbose : bool, default=False
    warm_start : bool, default=False
    momentum : float, default=0.9
    nesterovs_momentum : bool, default=True
    early_stopping : bool, default=False
    validation_fraction : float, default=0.1
    beta_1 : float, default=0.9
    beta_2 : float, default=0.999
    epsilon : float, default=1e-8
    n_iter_no_change : int, default=10
    max_fun : int, default=15000

    Attributes
    ----------
    coefs_ : list of arrays of shape (units below, units)
    intercepts_ : list of arrays of shape (units,)
    n_layers_, n_outputs_ : int
    out_activation_ : {"identity", "exp"}
    n_iter_, t_ : int
    loss_ : float
    loss_curve_ : list of float
    best_loss_ : float or None
    validation_scores_ : list of float, or None
        R2 of the held-out rows.
    best_validation_score_ : float or None
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.neural_network import MLPRegressor
    >>> X = da.random.default_rng(0).normal(size=(40_000, 2), chunks=(4_000, 2))
    >>> y = X[:, 0] * X[:, 1]
    >>> net = MLPRegressor(learning_rate_init=0.01, random_state=0).fit(X, y)
    >>> net.score(X, y) > 0.99
    True
    """

    _parameter_constraints: dict[str, Any] = {
        **MLP._parameter_constraints,
        "loss": [StrOptions({"squared_error", "poisson"})],
    }

    _target = "values"

    def __init__(
        self,
        loss: Any = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: Any = "adam",
        alpha: Any = 0.0001,
        batch_size: Any = "auto",
        learning_rate: Any = "constant",
        learning_rate_init: Any = 0.001,
        power_t: Any = 0.5,
        max_iter: Any = "auto",
        shuffle: Any = True,
        random_state: Any = None,
        tol: Any = 1e-4,
        verbose: Any = False,
        warm_start: Any = False,
        momentum: Any = 0.9,
        nesterovs_momentum: Any = True,
        early_stopping: Any = False,
        validation_fraction: Any = 0.1,
        beta_1: Any = 0.9,
        beta_2: Any = 0.999,
        epsilon: Any = 1e-8,
        n_iter_no_change: Any = 10,
        max_fun: Any = 15000,
    ) -> None:
        self.loss = loss
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPRegressor:
        """Fit to X and y, forgetting what was learned before unless ``warm_start``.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
        y : array, Series, DataFrame or dask's, of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array or dask array of shape (n_samples,), optional

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X and y do not line up or hold NaN or infinity, y is negative under "poisson", or a
            weight of the net overflows.
        NotImplementedError
            For ``solver="lbfgs"`` and a collection.
        """
        self._fit(X, y, sample_weight, further=False)
        return self

    @available_if(MLP._can_partial_fit)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPRegressor:
        """Learn from more rows, in one epoch; the same parameters and errors as `fit`."""
        self._fit(X, y, sample_weight, further=True)
        return self

    def _goal(self, given: Given, y: Any, classes: Any, *, anew: bool, further: bool) -> Goal:
        counts = self.loss == "poisson"
        return Goal(
            "exp" if counts else "identity",
            n_columns(given, y),
            None,
            counts_or_raise if counts else None,
            R2,
            one_column,
        )

    def predict(self, X: Any) -> Any:
        """Return the values of each row.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)

        Returns
        -------
        array or dask collection of shape (n_samples,) or (n_samples, n_outputs)
            In X's namespace and on its device; lazy for dask.
        """
        return self._out("predict", X, one_column)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the coefficient of determination R2 of the prediction, in one pass.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
        y : array or dask's, of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array or dask array of shape (n_samples,), optional
        """
        return metrics.r2_score(y, self.predict(X), sample_weight=sample_weight)
