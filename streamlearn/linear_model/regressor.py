"""The linear regressor, which learns in one pass, block by block."""

from __future__ import annotations

from numbers import Real
from typing import Any

from sklearn.base import RegressorMixin

from streamlearn import metrics
from streamlearn._arrays import Array
from streamlearn._estimator.callbacks import watched
from streamlearn._estimator.inputs import unchanged_on_error
from streamlearn._sklearn import Interval
from streamlearn._training.fit_settings import Learned
from streamlearn._validation.targets import valid_for
from streamlearn.blocks import taken_apart
from streamlearn.core.scores import R2
from streamlearn.linear_model.base import SGD
from streamlearn.linear_model.predictions import of_scores


class SGDRegressor(RegressorMixin, SGD):
    """Linear regressor that learns by stochastic gradient steps, from data of any size.

    It is scikit-learn's `~sklearn.linear_model.SGDRegressor` for arrays of any library and for dask
    collections. A collection is read once, block by block, with a bounded number of blocks in
    memory. With the default parameters there is no step size to tune, and neither the features nor
    the target need scaling.

    Parameters
    ----------
    loss : {"squared_error", "huber", "epsilon_insensitive", "squared_epsilon_insensitive", \
"poisson", "gamma", "tweedie", "quantile"}, default="squared_error"
        The loss function.

        - "squared_error" is least squares.
        - "huber" and "epsilon_insensitive" suit data in which some targets are far off.
        - "poisson", "gamma" and "tweedie" are half the deviances of generalized linear models. The
          prediction is the exponential of a linear function of the features. "poisson" is for
          counts and rates, 0 or more, "gamma" for amounts above 0, and "tweedie" for amounts of
          which some are 0. Weights are the exposures, if y are rates.
        - "quantile" predicts a quantile of y, by the pinball loss.
    penalty : {"l2", "l1", "elasticnet", None}, default="l2"
        The penalty on the coefficients. "elasticnet" mixes "l1" and "l2". None means no penalty.
    alpha : float, default=0.0001
        The strength of the penalty, 0 or more. The schedule "optimal" computes its step sizes from
        it, and needs more than 0.
    l1_ratio : float, default=0.15
        The share of "l1" in "elasticnet", between 0 and 1.
    fit_intercept : bool, default=True
        Whether to learn an intercept.
    max_iter : int or "auto", default="auto"
        The largest number of epochs of `fit`. "auto" is 1 for a collection. It is 1000 for an array
        in memory, where ``tol`` may end the fit earlier.
    tol : float or None, default=1e-3
        `fit` stops when the objective has not improved by at least ``tol`` for ``n_iter_no_change``
        epochs in a row. None never stops early.
    shuffle : bool or "rows", default=True
        Whether to permute the rows before each epoch.

        - In memory the rows are permuted. With ``batch_size="auto"`` many rows are permuted in runs
          of neighbouring rows, which is faster: 65,536 rows in runs of 16 in the first epoch.
        - Over a collection True permutes the blocks, and the batches inside each block, without
          copies. "rows" permutes the rows inside each block too. True does so row by row, and for
          the default rule on sparse rows with more than 511 features.
    verbose : int, default=0
        If it is not 0, print how far a pass is, and scikit-learn's lines at the end of each segment
        of 64 blocks. If scikit-learn's loop learns from rows in memory, it prints its own lines.
    epsilon : float, default=0.1
        The threshold of the losses "huber", "epsilon_insensitive" and
        "squared_epsilon_insensitive", in the unit of y.
    random_state : int, RandomState instance or None, default=None
        The seed of the permutations and of the held-out rows. An int makes every fit give the same
        result.
    learning_rate : {"auto", "constant", "optimal", "invscaling", "adaptive", "pa1", "pa2"}, \
default="auto"
        How long the steps are.

        - "auto" is stochastic Newton (`streamlearn.core.linear.newton`). It needs no step
          size, and does not depend on the scale and the offset of the features. With
          ``batch_size=1`` it means scikit-learn's default, "invscaling".
        - "constant", "optimal", "invscaling" and "adaptive" are scikit-learn's schedules.
          ``batch_size`` says how many rows a step has.
        - "pa1" and "pa2" are passive-aggressive steps, row by row. They need
          ``loss="epsilon_insensitive"``.
    eta0 : float, default=0.01
        The step size of "constant", and the first one of "invscaling" and "adaptive". It must be
        more than 0. "pa1" and "pa2" use it as their C, see `PassiveAggressiveRegressor`.
    power_t : float, default=0.25
        The exponent of "invscaling", 0 or more.
    early_stopping : bool, default=False
        Whether `fit` holds out rows, scores them, and stops when the score has not improved by at
        least ``tol`` for ``n_iter_no_change`` times in a row. Over a collection it holds out rows
        of every block and scores them after each segment of 64 blocks. In memory it holds out the
        rows that scikit-learn does, and scores R2 at the end of each epoch. `partial_fit` does not
        support it.
    validation_fraction : float, default=0.1
        The share of the rows to hold out: of each block, or of all rows in memory.
    n_iter_no_change : int, default=5
        The number of epochs (or of scores, see ``early_stopping``) without an improvement after
        which `fit` stops.
    warm_start : bool, default=False
        Whether `fit` starts from the coefficients of the fit before.
    average : bool or int, default=False
        Whether ``coef_`` is the mean of the coefficients over all rows. An int n means the mean
        from the n-th row on. With ``learning_rate="auto"`` False means a mean too, which weighs the
        later coefficients more.
    batch_size : int or "auto", default="auto"
        The number of rows of one step.

        - 1 is scikit-learn's algorithm, row by row. It gives the same coefficients up to rounding,
          with ``shuffle=False`` also block by block. scikit-learn's compiled loop learns from rows
          of NumPy and scipy. Arrays of other libraries take 3 to 50 times as long.
        - "auto" with an explicit schedule is 1 wherever that loop can learn, on rows of NumPy and
          scipy. With an L1 penalty it can learn only in memory and without ``early_stopping``. It
          does not know "poisson", "gamma", "tweedie" and "quantile".
        - Elsewhere "auto" is 64 at first, and grows with the rows seen up to what fits in the
          cache. Such a step moves the coefficients by the mean of the steps of its rows. A read of
          the data is faster, but an explicit schedule needs more of them. On 400 rows of a linear
          target "invscaling" has an R2 of 0.73 after 1,000 epochs. Row by row it is 1.0 after 12.
        - With "pa1" and "pa2" "auto" is 1.
    refine : int, default=0
        The number of further reads of all rows in `fit`, after the epochs. After each read the
        coefficients move to the minimum of an approximation of the objective, which has its exact
        gradient and curvature. Two reads end within about 1e-6 of the optimum, relative to the
        objective. `partial_fit` does not refine.

        It needs ``learning_rate="auto"`` and not too many features: about 2,000, or 511 for sparse
        rows. It also needs a smooth loss: "squared_error", "squared_epsilon_insensitive",
        "poisson", "gamma" or "tweedie". A loss with a kink, such as "huber", has no curvature
        there.
    n_parallel : int, default=1
        The number of blocks of a collection that are learned from side by side, each from the same
        model. The mean of the results, by the weights of the rows, is where the next blocks begin.
        The result depends on this number, and not on threads or workers. More than 1 uses more
        processors, but fewer steps follow one another. So a pass learns less with steps of the same
        length, and steps may be longer. No weight of a row may be negative then. An array in memory
        is one block, so that the number makes no difference there.
        ``learning_rate="auto"`` learns side by side without it, and takes only 1.
    power : float, default=1.5
        The power of "tweedie", from 1 to 2: the variance of y is proportional to the mean to this
        power. 1 is "poisson", and 2 is "gamma".
    quantile : float, default=0.5
        The quantile that "quantile" predicts, between 0 and 1.

    Attributes
    ----------
    coef_ : array of shape (n_features,)
        The coefficients.
    intercept_ : array of shape (1,)
        The intercept.
    n_iter_ : int
        The number of epochs that the last call began.
    t_ : float
        1 plus the number of rows learned from. In memory held-out rows count too, as in
        scikit-learn.
    loss_curve_ : list of float
        The progressive loss of the last call: for each block the mean loss of its rows, each scored
        before it was learned from. scikit-learn's loop reports no losses. If it learns, the rows of
        a batch are scored by the model before the batch. In memory all rows are scored by the model
        before the call, so that `fit` has one value.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a DataFrame whose column names are all
        strings.

    Notes
    -----
    X may hold sparse rows of scipy: in memory in any format, or as the blocks of a dask array
    (``X.map_blocks(scipy.sparse.csr_array)``). No block is ever made dense, and predictions are
    dense. The results are those of dense rows up to rounding. With "auto" and more than about 2,000
    features (times rows of ``coef_``) only a diagonal of the curvature is kept. The coefficient of
    a sparse feature still moves from the first row that has the feature.

    Row by row (see ``batch_size``) sparse rows give other results than dense rows: the results of
    scikit-learn's loop over sparse rows. There a step moves the intercepts by 0.01 times the step
    for dense rows, and an L1 penalty cuts only the features that a row has.

    Fitted attributes are in the namespace and on the device of X.

    Differences from scikit-learn:

    - ``max_iter`` is "auto" by default instead of 1000, because 1000 epochs over a collection are
      1000 reads of the data.
    - ``learning_rate`` is "auto" by default instead of "invscaling", because "auto" needs no step
      size and no scaled features.
    - If scikit-learn's loop cannot learn, a step of an explicit schedule moves by the mean gradient
      of a batch of rows, because single rows are slow without the loop. ``batch_size=1`` is
      scikit-learn's algorithm for all rows.
    - In batches of more rows, ``average`` with an L1 penalty is the mean of the coefficients.
      scikit-learn subtracts the whole accumulated penalty from it.
    - In batches of more rows, intercepts learn at the same rate from sparse rows as from dense
      rows, so that both give the same results. scikit-learn slows them down by 0.01.
    - ``shuffle`` may also be "rows". Over a collection True permutes only blocks and batches,
      because that needs no copies.
    - Negative weights are an error with "auto", because it draws rows by their weights.
    - Over a collection ``early_stopping`` holds out rows of each block and scores them after each
      segment of 64 blocks, because a fit has one epoch by default.
    - ``early_stopping`` scores the model itself. scikit-learn's loop leaves out how much the L2
      penalty has shrunk the coefficients so far.
    - With ``average`` and ``warm_start``, the mean of a fit does not depend on the mean before. In
      scikit-learn it contains a part of it.
    - The losses "poisson", "gamma", "tweedie" and "quantile" are those of scikit-learn's
      `~sklearn.linear_model.PoissonRegressor`, `~sklearn.linear_model.GammaRegressor`,
      `~sklearn.linear_model.TweedieRegressor` with ``link="log"``, and
      `~sklearn.linear_model.QuantileRegressor`. Without weights the objective is theirs, with the
      same ``alpha``. With weights it is theirs with ``alpha`` over the mean weight. The penalty of
      QuantileRegressor is "l1".
    - `score` is R2 for all losses. The score of these regressors is D2, for example
      `sklearn.metrics.d2_tweedie_score`.
    - ``power`` is from 1 to 2. Beyond, the loss with a logarithmic link is not convex.
    - The parameters ``batch_size``, ``refine``, ``n_parallel``, ``power`` and ``quantile`` and the
      attribute ``loss_curve_`` are additions.

    References
    ----------
    "auto": Bercu, Godichon-Baggioni & Portier, "An efficient stochastic Newton algorithm for
    parameter estimation in logistic regressions", 2020. "optimal": L. Bottou, "Stochastic Gradient
    Descent Tricks", 2012. "pa1" and "pa2": Crammer, Dekel, Keshet, Shalev-Shwartz & Singer, "Online
    passive-aggressive algorithms", 2006. "tweedie": Jorgensen, "Exponential dispersion models",
    1987. "quantile": Koenker & Bassett, "Regression quantiles", 1978.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.linear_model import SGDRegressor
    >>> X = np.random.default_rng(0).normal(size=(1_000, 2))
    >>> y = 3 * X[:, 0] - X[:, 1] + 1
    >>> SGDRegressor(alpha=0, random_state=0).fit(X, y).coef_.round(3)
    array([ 3., -1.])

    Counts, whose mean is the exponential of a linear function:

    >>> counts = np.random.default_rng(1).poisson(np.exp(0.5 * X[:, 0]))
    >>> model = SGDRegressor("poisson", refine=2, random_state=0).fit(X, counts)
    >>> model.coef_.round(1), model.predict([[2.0, 0.0]]).round(1)
    (array([0.5, 0. ]), array([2.7]))
    """

    _kind = "values"
    _row_by_row_rate = "invscaling"
    _metric = R2
    _parameter_constraints: dict[str, Any] = {
        **SGD._parameter_constraints,
        "power": [Interval(Real, 1, 2, closed="both")],
        "quantile": [Interval(Real, 0, 1, closed="neither")],
    }

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
        refine: Any = 0,
        n_parallel: Any = 1,
        power: Any = 1.5,
        quantile: Any = 0.5,
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
        self.refine = refine
        self.n_parallel = n_parallel
        self.power = power
        self.quantile = quantile

    @watched
    def fit(
        self,
        X: Any,
        y: Any = None,
        coef_init: Any = None,
        intercept_init: Any = None,
        sample_weight: Any = None,
    ) -> SGDRegressor:
        """Fit to X and y, and forget what was learned before unless ``warm_start``.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows to learn from: numbers without NaN and infinity, dense or sparse.
        y : array, Series, dask array or dask Series of shape (n_samples,)
            The target of each row: numbers without NaN and infinity, which ``loss`` takes.
            None means that the blocks of X contain it.
        coef_init : array of shape (n_features,), default=None
            The coefficients to start from. None starts from 0.
        intercept_init : array of shape (1,), default=None
            The intercept to start from. None starts from 0.
        sample_weight : array or dask array of shape (n_samples,), default=None
            The weight of each row. None means 1 for every row.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X and y do not line up, if they hold NaN or infinity, if the loss does not take a
            target, or if the model overflows.
        """
        self._check(partial_fit=False)
        with unchanged_on_error(self):
            given = self._check_inputs(X, y, sample_weight, reset=True, target="values")
            learner = self._learner(given, self._params(), coef_init, intercept_init)
            self._learn(given, learner, Learned(), 1, partial_fit=False)
        return self

    @watched
    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> SGDRegressor:
        """Learn from more rows, in one epoch.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows to learn from: numbers without NaN and infinity, dense or sparse.
        y : array, Series, dask array or dask Series of shape (n_samples,)
            The target of each row: numbers without NaN and infinity, which ``loss`` takes.
            None means that the blocks of X contain it.
        sample_weight : array or dask array of shape (n_samples,), default=None
            The weight of each row. None means 1 for every row.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If `fit` would raise it, or if X has other features than before.
        """
        self._check(partial_fit=True)
        with unchanged_on_error(self):
            first = not hasattr(self, "coef_")
            given = self._check_inputs(X, y, sample_weight, reset=first, target="values")
            params = self._params()
            learned = self._former(given, params)
            learner = self._algorithm(given, learned.state).learner(params)
            self._learn(given, learner, learned, 1, partial_fit=True)
        return self

    def _predicted(self) -> Any:
        return of_scores(self._loss())

    def _valid(self) -> Any:
        return valid_for(self._loss(), self._params().epsilon)

    def _coefficients(self, coef: Array, intercept: Array) -> dict[str, Any]:
        return {"coef_": coef[0, :], "intercept_": intercept}

    def predict(self, X: Any) -> Any:
        """Return the prediction for each row.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows, with the features of `fit`.

        Returns
        -------
        array or dask collection of shape (n_samples,)
            The predictions, in the unit of y: the exponentials of the scores for the losses
            "poisson", "gamma" and "tweedie". They are in the namespace and on the device of X. The
            result is lazy if X is a dask collection. It is a Series with the index of X if X is a
            dask DataFrame.

        Raises
        ------
        ValueError
            If X holds NaN or infinity, has other features than in `fit`, or is in another namespace
            or on another device.
        """
        return self._out("predict", X, of_scores(self.loss))

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return R2, the coefficient of determination of the predictions.

        A collection is read once.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows, with the features of `fit`.
        y : array, Series, dask array or dask Series of shape (n_samples,)
            The true target of each row.
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
