"""Mixtures of normal distributions by expectation maximization: `GaussianMixture`."""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from streamlearn import blocks as engine
from streamlearn._arrays import Array, asarray
from streamlearn._estimator.callbacks import watched
from streamlearn._estimator.inputs import check_inputs, check_parameters, unchanged_on_error
from streamlearn._sklearn import Interval, StrOptions
from streamlearn.mixture.em import Algorithm, Rule, Run, enough_or_raise
from streamlearn.mixture.fitted_mixture import FittedMixture
from streamlearn.mixture.given import expected_shape, given_start
from streamlearn.mixture.model import Model, inverses
from streamlearn.mixture.starts import first_models

LEARNED = ("weights_", "means_", "covariances_", "precisions_cholesky_")
"""The attributes that hold a `Model`."""

NOT_CONVERGED = (
    "Best performing initialization did not converge. Try different init parameters, or increase "
    "max_iter, tol, or check for degenerate data."
)


class GaussianMixture(FittedMixture):
    """A mixture of normal distributions, from data of any size.

    It is scikit-learn's `~sklearn.mixture.GaussianMixture` for arrays of any library and for dask
    collections. Each iteration of expectation maximization is one pass over the blocks, in
    parallel, so that its result is that of all rows in memory.

    Parameters
    ----------
    n_components : int, default=1
        The number of components.
    covariance_type : {"full", "tied", "diag", "spherical"}, default="full"
        The covariances: a matrix of each component, one matrix of all components, a variance of
        each feature in each component, or one variance of each component.
    tol : float, default=1e-3
        `fit` stops when the mean log-likelihood changes by less.
    reg_covar : float, default=1e-6
        It is added to the variances, so that they are positive. It is in squared units of the
        features.
    max_iter : int, default=100
        The largest number of iterations.
    n_init : int, default=1
        The number of starts. The result is the one of the largest likelihood. Over a collection all
        starts learn in the same reads.
    init_params : {"kmeans", "k-means++", "random", "random_from_data"}, default="kmeans"
        How the first model is found.

        - "kmeans" runs k-means. Over a collection that is "k-means||" in 7 passes, one pass for
          each iteration, and one more.
        - "k-means++" and "random_from_data" choose rows as means. Over a collection they look at a
          sample of all rows, which costs one pass: 4096 rows, or 32 for each component if that is
          more. It has all rows in their order if there are fewer.
        - "random" draws responsibilities, which costs one pass. Over a collection they are drawn
          block by block.
    weights_init : array of shape (n_components,), default=None
        The first weights. None means those of ``init_params``.
    means_init : array of shape (n_components, n_features), default=None
        The first means.
    precisions_init : array, default=None
        The inverses of the first covariances, in the shape that ``precisions_`` has.
    random_state : int, RandomState instance or None, default=None
        The seed of all draws. An int makes every fit give the same result.
    warm_start : bool, default=False
        Whether to begin with the model of the last fit.
    verbose : int, default=0
        If it is not 0, print scikit-learn's lines, and over blocks how far a pass is. From 2 on
        they have the time and the change of the mean log-likelihood.
    verbose_interval : int, default=10
        The number of iterations after which a line is printed.

    Attributes
    ----------
    weights_ : array of shape (n_components,)
        The weights of the components. They add up to 1.
    means_ : array of shape (n_components, n_features)
        The means of the components.
    covariances_ : array
        The covariances. The shape is (n_components, n_features, n_features) for "full",
        (n_features, n_features) for "tied", (n_components, n_features) for "diag" and
        (n_components,) for "spherical".
    precisions_ : array
        The inverses of the covariances, in the same shape.
    precisions_cholesky_ : array
        Upper triangular matrices U with ``U @ U.T`` the precisions, or the square roots of the
        precisions, in the same shape.
    converged_ : bool
        Whether the best start has converged.
    n_iter_ : int
        The number of iterations of the best start.
    lower_bound_ : float
        The mean log-likelihood of the rows by the model before the last iteration.
    lower_bounds_ : list of float
        The bound of each iteration of the best start.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a DataFrame whose column names are all
        strings.

    See Also
    --------
    streamlearn.cluster.KMeans : Clusters of rows that are near to each other.

    Notes
    -----
    Each iteration reads every block once. Rows are centred by the mean of their component before
    they are squared, and the sums of blocks are merged about their common means. So data far from
    zero lose no digit. Sums are in float64, also for rows in float32, and so is the model by which
    `predict` and `score` work and a warm start begins. For such rows the fitted attributes are
    rounded to float32, and "kmeans" finds the first clusters in float32.

    The result over blocks does not depend on threads or workers, to the bit. Fitted attributes are
    in the namespace and on the device of X. A pipeline over a collection fits the steps before it
    in passes of their own.

    Differences from scikit-learn:

    - The sums are right far from zero. scikit-learn subtracts squares of means from means of
      squares for "tied", "diag" and "spherical".
    - "k-means++" and "random_from_data" begin with the weights ``1 / n_components``, which add up
      to 1, and with ``reg_covar`` as all variances. In scikit-learn the weights are smaller, and
      "tied" begins with sums about zero.
    - All ``init_params`` are for arrays of any library.
    - ``covariances_`` exists after ``max_iter=0`` with ``precisions_init``, too.
    - `aic`, `bic` and `score` read a collection once.

    References
    ----------
    A. P. Dempster, N. M. Laird and D. B. Rubin, "Maximum Likelihood from Incomplete Data via the EM
    Algorithm", Journal of the Royal Statistical Society B 39(1), 1977.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.mixture import GaussianMixture
    >>> rng = da.random.default_rng(0)
    >>> X = rng.normal(0, 1, size=(20_000, 2), chunks=(2_000, 2))
    >>> X = X + 9 * (rng.uniform(size=(20_000, 1), chunks=(2_000, 1)) < 0.3)
    >>> model = GaussianMixture(n_components=2, random_state=0).fit(X)
    >>> sorted(model.weights_.round(1).tolist())
    [0.3, 0.7]
    >>> sorted(abs(model.means_[:, 0].round()).tolist())
    [0.0, 9.0]
    >>> model.predict(X)
    dask.array<..., shape=(20000,), dtype=int64, chunksize=(2000,), chunktype=numpy.ndarray>
    """

    _several_passes = True
    _takes_collections = True

    precisions_: Array

    _parameter_constraints: dict[str, Any] = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "covariance_type": [StrOptions({"full", "tied", "diag", "spherical"})],
        "tol": [Interval(Real, 0.0, None, closed="left")],
        "reg_covar": [Interval(Real, 0.0, None, closed="left")],
        "max_iter": [Interval(Integral, 0, None, closed="left")],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "init_params": [StrOptions({"kmeans", "random", "random_from_data", "k-means++"})],
        "weights_init": ["array-like", None],
        "means_init": ["array-like", None],
        "precisions_init": ["array-like", None],
        "random_state": ["random_state"],
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
        "verbose_interval": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        n_components: Any = 1,
        *,
        covariance_type: Any = "full",
        tol: Any = 1e-3,
        reg_covar: Any = 1e-6,
        max_iter: Any = 100,
        n_init: Any = 1,
        init_params: Any = "kmeans",
        weights_init: Any = None,
        means_init: Any = None,
        precisions_init: Any = None,
        random_state: Any = None,
        warm_start: Any = False,
        verbose: Any = 0,
        verbose_interval: Any = 10,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.tol = tol
        self.reg_covar = reg_covar
        self.max_iter = max_iter
        self.n_init = n_init
        self.init_params = init_params
        self.weights_init = weights_init
        self.means_init = means_init
        self.precisions_init = precisions_init
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose
        self.verbose_interval = verbose_interval

    @watched
    def fit(self, X: Any, y: Any = None) -> GaussianMixture:
        """Find the components of X.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows to learn from: numbers without NaN and infinity.
        y : None
            It is ignored.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X holds NaN, infinity or numbers whose squares overflow, or has fewer rows than
            components. If a covariance is singular. If given parameters have another shape.

        Warns
        -----
        ConvergenceWarning
            If the best start has not converged.
        """
        check_parameters(self, again=True)
        with unchanged_on_error(self), engine.one_blas_thread():
            X, _, _ = engine.taken_apart(X, y)
            given = check_inputs(self, X, reset=True, lazy_rows=True)
            assert given.n_features is not None
            shape = self.n_components, given.n_features
            n_rows = sum(0 if n is None else n for n in given.blocks.rows)
            if given.blocks.streamed is None and n_rows and None not in given.blocks.rows:
                enough_or_raise(type(self).__name__, n_rows, shape)
            inits = self.weights_init, self.means_init, self.precisions_init
            start = given_start(self.covariance_type, *shape, *inits)
            rule = Rule(
                self.covariance_type,
                float(self.reg_covar),
                int(self.max_iter),
                float(self.tol),
                int(self.verbose),
                int(self.verbose_interval),
            )
            algorithm = Algorithm(given.blocks, given.reader, rule)
            bound = -np.inf
            if self.warm_start and hasattr(self, "converged_"):
                models, bound = [self._former_model(shape)], self.lower_bound_
            else:
                how, k, n_init = self.init_params, self.n_components, self.n_init
                draws = check_random_state(self.random_state)
                models = first_models(how, k, given, algorithm, start, draws, n_init)
            run = self._best(algorithm, models, bound, in_memory=given.whole is not None)
            self._publish(run, algorithm.example(run.model))
        return self

    def _best(
        self, algorithm: Algorithm, models: list[Model], bound: float, *, in_memory: bool
    ) -> Run:
        """Return the best result. Starts in memory learn one after the other, as scikit-learn's."""
        runs: list[Run] = []
        for i, some in enumerate([[model] for model in models] if in_memory else [models]):
            if self.verbose:
                print(f"Initialization {i}")  # noqa: T201
            runs += algorithm.run(some, bound)
        best = runs[0]
        for run in runs[1:]:
            best = run if run.bound > best.bound else best
        if not best.converged and self.max_iter > 0:
            warnings.warn(NOT_CONVERGED, ConvergenceWarning, stacklevel=5)
        return best

    def _former_model(self, shape: tuple[int, ...]) -> Model:
        """Return the model of the last fit.

        Raises
        ------
        ValueError
            If the parameters or the features are others now.
        """
        model = Model(*(self._wide(name) for name in LEARNED))
        wanted = expected_shape(self.covariance_type, *shape)
        if model.means.shape != shape or model.covariances.shape != wanted:
            raise ValueError(
                f"warm_start=True begins with the model of the last fit, whose means_ have the "
                f"shape {model.means.shape} and covariances_ the shape {model.covariances.shape}. "
                f"n_components={shape[0]}, covariance_type={self.covariance_type!r} and "
                f"{shape[1]} features need {shape} and {wanted}. Set warm_start=False."
            )
        return model

    def _publish(self, run: Run, like: Array) -> None:
        """Set the fitted attributes."""
        self._fitted_type = self.covariance_type
        self._model = run.model
        for name, value in zip(LEARNED, run.model, strict=True):
            setattr(self, name, asarray(value, like=like))
        found = inverses(self._kind(), run.model.precisions_cholesky, of_covariances=False)
        self.precisions_ = asarray(found, like=like)
        self.converged_ = run.converged
        self.n_iter_ = len(run.bounds)
        self.lower_bound_ = run.bound
        self.lower_bounds_ = [*run.bounds]
        self.n_features_in_ = run.model.means.shape[1]

    def fit_predict(self, X: Any, y: Any = None) -> Any:
        """Find the components of X, then return the most probable one of each row.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows to learn from: numbers without NaN and infinity.
        y : None
            It is ignored.

        Returns
        -------
        array or dask collection of shape (n_samples,)
            The numbers of the components, as `predict` returns them.

        Raises
        ------
        ValueError
            If `fit` would raise it.
        """
        X, y, _ = engine.taken_apart(X, y)
        return self.fit(X).predict(X)

    def __sklearn_tags__(self) -> Any:
        """Return the tags of the estimator."""
        tags = super().__sklearn_tags__()
        tags.array_api_support = True
        return tags
