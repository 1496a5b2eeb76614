"""The neural network for values: `MLPRegressor`."""

from __future__ import annotations

from typing import Any

from sklearn.base import RegressorMixin
from sklearn.utils.metaestimators import available_if

from streamlearn import metrics
from streamlearn._estimator.inputs import CheckedInputs
from streamlearn._estimator.outputs import one_column
from streamlearn._sklearn import StrOptions
from streamlearn._validation.targets import valid_for
from streamlearn.blocks import taken_apart
from streamlearn.core.scores import R2
from streamlearn.neural_network.base import MLP
from streamlearn.neural_network.targets import Goal, n_columns


class MLPRegressor(RegressorMixin, MLP):
    """Multi-layer perceptron for values, from data of any size.

    It is scikit-learn's `~sklearn.neural_network.MLPRegressor` for arrays of any library and for
    dask collections. A collection is read block by block, with a bounded number of blocks in
    memory.

    Parameters
    ----------
    loss : {"squared_error", "poisson"}, default="squared_error"
        The loss function. "poisson" is for counts, 0 or more. The net then learns their logarithms.
    hidden_layer_sizes : int or array-like of int, default=(100,)
        The number of units of each hidden layer.
    activation : {"identity", "logistic", "tanh", "relu"}, default="relu"
        The activation function of the hidden layers.
    solver : {"lbfgs", "sgd", "adam"}, default="adam"
        How the weights are learned. "lbfgs" needs all rows at once, in memory.
    alpha : float, default=0.0001
        The strength of the L2 penalty, 0 or more. It is divided by the number of rows of a batch.
    batch_size : int or "auto", default="auto"
        The number of rows of one step. "auto" is 200. The rows that are left at the end of a block
        make a smaller step.
    learning_rate : {"constant", "invscaling", "adaptive"}, default="constant"
        The schedule of the step size of "sgd". "invscaling" divides ``learning_rate_init`` by
        ``(rows seen + 1) ** power_t`` at the end of each block, which in memory is an epoch.
        "adaptive" divides the step size by 5 whenever the others would stop.
    learning_rate_init : float, default=0.001
        The first step size of "sgd" and "adam", more than 0.
    power_t : float, default=0.5
        The exponent of "invscaling", 0 or more.
    max_iter : int or "auto", default="auto"
        The largest number of epochs of `fit`. "auto" is 1 for a collection and 200 for an array in
        memory.
    shuffle : bool or "rows", default=True
        Whether to permute the rows before each epoch. Over a collection True permutes the blocks,
        and the batches inside each block, without copies. "rows" permutes the rows inside each
        block too.
    random_state : int, RandomState instance or None, default=None
        The seed of the first weights, of the permutations and of the held-out rows. An int makes
        every fit give the same result.
    tol : float, default=1e-4
        `fit` stops when the loss of an epoch, or the score of held-out rows, has not improved by at
        least ``tol`` for more than ``n_iter_no_change`` epochs in a row.
    verbose : bool, default=False
        Whether to print the loss in scikit-learn's lines.
    warm_start : bool, default=False
        Whether `fit` starts from the weights of the fit before.
    momentum : float, default=0.9
        The momentum of "sgd", between 0 and 1.
    nesterovs_momentum : bool, default=True
        Whether "sgd" uses Nesterov's momentum.
    early_stopping : bool, default=False
        Whether `fit` holds out rows, and watches their score instead of the loss. In memory it
        scores them after each epoch. Over a collection it holds out rows of each block, and scores
        them after each segment of 64 blocks. The fit ends with the weights that had the best score.
        `partial_fit` does not support it.
    validation_fraction : float, default=0.1
        The share of the rows to hold out: of each block, or of all rows in memory.
    beta_1 : float, default=0.9
        The decay of the first moments of "adam", in [0, 1).
    beta_2 : float, default=0.999
        The decay of the second moments of "adam", in [0, 1).
    epsilon : float, default=1e-8
        It is added to the divisors of "adam", so that they are not 0.
    n_iter_no_change : int, default=10
        `fit` stops after more than this number of epochs (or of scores, see ``early_stopping``)
        without an improvement.
    max_fun : int, default=15000
        The largest number of evaluations of the loss by "lbfgs".
    n_parallel : int, default=1
        The number of blocks of a collection that are learned from side by side, each from the same
        net. The mean of the results, by the weights of the rows, is where the next blocks begin.
        The result depends on this number, and not on threads or workers. More than 1 uses more
        processors, but fewer steps follow one another. So a pass learns less with steps of the same
        length, and steps may be longer. No weight of a row may be negative then. An array in memory
        is one block, so that the number makes no difference there.

    Attributes
    ----------
    coefs_ : list of arrays of shape (units below, units)
        The weights of each layer.
    intercepts_ : list of arrays of shape (units,)
        The biases of each layer.
    n_layers_ : int
        The number of layers, with the input and the output.
    n_outputs_ : int
        The number of outputs.
    out_activation_ : {"identity", "exp"}
        The activation function of the output.
    n_iter_ : int
        The number of epochs that the last call began.
    t_ : int
        The number of rows learned from.
    loss_ : float
        The loss of the last epoch: the mean of the losses of its batches, with the penalty. Each
        batch is scored before it is learned from.
    loss_curve_ : list of float
        The same loss for each block, which in memory is an epoch. It grows by 32 bytes with each
        ``partial_fit``. On a stream without end set it to an empty list from time to time.
    best_loss_ : float or None
        The smallest loss of an epoch. It is None with ``early_stopping``.
    validation_scores_ : list of float, or None
        R2 of the held-out rows. It is None without ``early_stopping``.
    best_validation_score_ : float or None
        The best of these scores. It is None without ``early_stopping``.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a DataFrame whose column names are all
        strings.

    Notes
    -----
    Over an array in memory a fit with the same ``random_state`` is scikit-learn's, up to rounding,
    and so is `partial_fit`. Over a collection with ``shuffle=False`` a fit is scikit-learn's
    ``partial_fit`` on one block after the other.

    X may hold sparse rows of scipy: in memory in any format, or as the blocks of a dask array
    (``X.map_blocks(scipy.sparse.csr_array)``). No block is ever made dense. The results are those
    of dense rows up to rounding, and weights and predictions are dense.

    Fitted attributes are in the namespace and on the device of X.

    Differences from scikit-learn:

    - ``max_iter`` is "auto" by default instead of 200, because 200 epochs over a collection are up
      to 200 reads of the data.
    - ``shuffle`` may also be "rows". Over a collection True permutes only blocks and batches,
      because that needs no copies.
    - Over a collection ``early_stopping`` holds out rows of each block and scores them after each
      segment of 64 blocks, because a fit has one epoch by default.
    - The gradient of a batch is 0 if its rows have no weight. scikit-learn raises an error.
    - The parameter ``n_parallel`` is an addition.

    References
    ----------
    Rumelhart, Hinton & Williams, "Learning representations by back-propagating errors", 1986.
    Kingma & Ba, "Adam: a method for stochastic optimization", 2014. Glorot & Bengio, "Understanding
    the difficulty of training deep feedforward neural networks", 2010.

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
        n_parallel: Any = 1,
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
        self.n_parallel = n_parallel

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> MLPRegressor:
        """Fit to X and y, and forget what was learned before unless ``warm_start``.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows to learn from: numbers without NaN and infinity, dense or sparse.
        y : array, Series, DataFrame or dask's, of shape (n_samples,) or (n_samples, n_outputs)
            The target of each row: numbers without NaN and infinity.
            None means that the blocks of X contain it.
        sample_weight : array or dask array of shape (n_samples,), default=None
            The weight of each row. None means 1 for every row.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X and y do not line up, if they hold NaN or infinity, if y is negative and the loss
            is "poisson", or if a weight of the net overflows.
        NotImplementedError
            If ``solver="lbfgs"`` and X is a collection.
        """
        self._fit(X, y, sample_weight, further=False)
        return self

    @available_if(MLP._can_partial_fit)
    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> MLPRegressor:
        """Learn from more rows, in one epoch. It does not exist for ``solver="lbfgs"``.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows to learn from: numbers without NaN and infinity, dense or sparse.
        y : array, Series, DataFrame or dask's, of shape (n_samples,) or (n_samples, n_outputs)
            The target of each row: numbers without NaN and infinity.
            None means that the blocks of X contain it.
        sample_weight : array or dask array of shape (n_samples,), default=None
            The weight of each row. None means 1 for every row.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If `fit` would raise it, or if X has other features or y other outputs than before.
        """
        self._fit(X, y, sample_weight, further=True)
        return self

    def _goal(
        self, given: CheckedInputs, y: Any, classes: Any, *, restarts: bool, further: bool
    ) -> Goal:
        counts = self.loss == "poisson"
        return Goal(
            "exp" if counts else "identity",
            n_columns(given, y),
            None,
            valid_for(self.loss),
            R2,
            one_column,
        )

    def predict(self, X: Any) -> Any:
        """Return the prediction for each row.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows, with the features of `fit`.

        Returns
        -------
        array or dask collection of shape (n_samples,) or (n_samples, n_outputs)
            The predictions, in the unit of y, in the namespace and on the device of X. The result
            is lazy if X is a dask collection.

        Raises
        ------
        ValueError
            If X holds NaN or infinity, has other features than in `fit`, or is in another namespace
            or on another device.
        """
        return self._out("predict", X, one_column)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return R2, the coefficient of determination of the predictions.

        Several outputs are averaged. A collection is read once.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows, with the features of `fit`.
        y : array or dask's, of shape (n_samples,) or (n_samples, n_outputs)
            The true targets.
            None means that the blocks of X contain it.
        sample_weight : array or dask array of shape (n_samples,), default=None
            The weight of each row. None means 1 for every row.

        Returns
        -------
        float
            A number that is at most 1.

        Raises
        ------
        ValueError
            If X and y do not line up, or if `predict` would raise it.
        """
        X, y, sample_weight = taken_apart(X, y, sample_weight)
        return metrics.r2_score(y, self.predict(X), sample_weight=sample_weight)
