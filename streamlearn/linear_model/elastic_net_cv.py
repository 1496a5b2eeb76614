"""Least squares with an L1 penalty that cross-validation finds: `LassoCV` and `ElasticNetCV`."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.linear_model import enet_path, lasso_path
from sklearn.utils import check_scalar

from streamlearn._arrays import is_array, to_numpy
from streamlearn._estimator.inputs import CheckedInputs
from streamlearn._sklearn import Interval, Options, StrOptions
from streamlearn._training.fit_settings import Target
from streamlearn.linear_model.elastic_net import L1Penalized
from streamlearn.linear_model.folds import ByFolds, squared_errors
from streamlearn.linear_model.l1_minimum import path
from streamlearn.linear_model.least_squares import Problem, problem_of

LEAST = float(np.finfo(np.float64).resolution)
"""The penalty that is tried if no feature has to do with the target."""


class PathCV(ByFolds, L1Penalized):
    """A regressor whose penalty is chosen on paths of penalties.

    A subclass defines ``_ratios``.
    """

    _multi_output = False

    alphas: Any
    eps: Any
    alpha_: float

    _parameter_constraints: dict[str, Any] = {
        **L1Penalized._parameter_constraints,
        "eps": [Interval(Real, 0, None, closed="neither")],
        "alphas": [Interval(Integral, 1, None, closed="left"), "array-like"],
        "precompute": [StrOptions({"auto"}), "array-like", "boolean"],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "cv": ["cv_object"],
        "verbose": ["verbose"],
        "n_jobs": [Options(Integral, {1, -1}), None],
    }

    def _ratios(self) -> np.ndarray:
        """Return the parts of the penalty that are an L1 penalty, to try all of them."""
        raise NotImplementedError

    def _validate_params(self) -> None:
        super()._validate_params()
        if not isinstance(self.alphas, Integral):
            for i, alpha in enumerate(self.alphas):
                check_scalar(
                    float(alpha) if is_array(alpha) else alpha, f"alphas[{i}]", Real, min_val=0.0
                )
            if not np.isfinite(self._given()).all() or not len(self._given()):
                raise ValueError(f"alphas must be 0 or more, got {self.alphas!r}.")
        elif (self._ratios() == 0).any():
            raise ValueError(
                "Automatic alpha grid generation is not supported for l1_ratio=0. Please supply a "
                "grid by providing your estimator with the appropriate `alphas=` argument."
            )

    def _given(self) -> np.ndarray:
        """Return the given penalties, the largest first."""
        alphas = to_numpy(self.alphas) if hasattr(self.alphas, "shape") else self.alphas
        return np.sort(np.asarray(alphas, dtype=np.float64).reshape(-1))[::-1]

    def _target(
        self, given: CheckedInputs, y: Any, sample_weight: Any, *, reset: bool, classes: Any = None
    ) -> tuple[Target, int]:
        self._memory_or_raise(given)
        self._columns = None  # a column is a target without columns
        return Target(), 1

    def _n_folds(self) -> int:
        return 5 if self.cv is None else super()._n_folds()

    def _publish(self) -> None:
        if self._waits():
            return
        problem, ratios = problem_of(self._state, fit_intercept=self.fit_intercept), self._ratios()
        alphas = np.stack([self._tried(problem, ratio) for ratio in ratios])
        splits = self._splits()
        found = np.asarray(
            [
                [self._errors(*split, tried, ratio) for split in splits]
                for tried, ratio in zip(alphas, ratios, strict=True)
            ]
        )
        mean = found.mean(axis=1)
        best, at = np.unravel_index(np.argmin(mean), mean.shape)
        self._chosen = float(alphas[best, at]), float(ratios[best])
        self.alpha_ = self._chosen[0]
        self.mse_path_ = self._as_learned(np.squeeze(np.moveaxis(found, 2, 1)))
        one = len(ratios) == 1 or not isinstance(self.alphas, Integral)
        self.alphas_ = self._as_learned(alphas[0] if one else alphas)
        super()._publish()
        del self._folds

    def _penalty(self) -> tuple[float, float]:
        return self._chosen

    def _tried(self, problem: Problem, l1_ratio: float) -> np.ndarray:
        """Return the penalties to try, the largest first."""
        if not isinstance(self.alphas, Integral):
            return self._given()
        d = problem.d
        pull = problem.xy[:, 0] * problem.unit[:d] * problem.unit[d] / problem.weight
        most = max(float((pull if self.positive else np.abs(pull)).max()), 0.0) / l1_ratio
        if most <= LEAST:
            return np.full(self.alphas, LEAST)
        return np.geomspace(most, most * self.eps, num=self.alphas)

    def _errors(
        self, learned: Problem, held_out: Problem, alphas: np.ndarray, l1_ratio: float
    ) -> np.ndarray:
        """Return the mean squared error on a fold for each penalty."""
        coefs = [one.coef for one in path(learned, 0, alphas.tolist(), l1_ratio, self._descent())]
        squares = [squared_errors(coef[None, :], learned, held_out)[0] for coef in coefs]
        return np.asarray(squares) * held_out.unit[held_out.d] ** 2 / held_out.weight


class LassoCV(PathCV):
    """`Lasso` with the best of several penalties, by cross-validation, exact in one pass.

    It is scikit-learn's `~sklearn.linear_model.LassoCV` for arrays of any library and for dask
    collections.

    Parameters
    ----------
    eps : float, default=1e-3
        The smallest of the penalties that are tried, as a part of the largest.
    alphas : int or array of shape (n_alphas,), default=100
        The penalties to try. A number of them begins where all coefficients are 0.
    fit_intercept : bool, default=True
        Whether to learn an intercept, which has no penalty.
    precompute : "auto", bool or array of shape (n_features, n_features), default="auto"
        It has no effect: the Gram matrix is always that of the rows.
    max_iter : int, default=1000
        The most sweeps of coordinate descent before an exact minimum is computed.
    tol : float, default=1e-4
        Coordinate descent ends when the duality gap is this part of the squares of the target. The
        exact minimum is computed from there.
    copy_X : bool, default=True
        It has no effect, because the input is never changed.
    cv : int, splitter, iterable of splits or None, default=None
        The number of folds, or a `~sklearn.model_selection.KFold` without shuffling. None means 5.
        The blocks of a collection are dealt to the folds in turn. If there are fewer blocks, or the
        rows are in memory, rows are cut into as many parts. Rows in memory take any splitter of
        scikit-learn, and pairs of places of rows to learn from and to score.
    verbose : bool or int, default=False
        It has no effect. Reading the rows takes most of the time, and callbacks show it.
    n_jobs : {None, 1, -1}, default=None
        It has no effect, because the paths follow one after another.
    positive : bool, default=False
        Whether no coefficient may be negative.
    random_state : int, RandomState instance or None, default=None
        The seed of ``selection="random"``.
    selection : {"cyclic", "random"}, default="cyclic"
        The order of the features in coordinate descent.

    Attributes
    ----------
    alpha_ : float
        The best penalty.
    alphas_ : array of shape (n_alphas,)
        The penalties that were tried, the largest first.
    mse_path_ : array of shape (n_alphas, n_folds)
        The mean squared error on each fold.
    coef_ : array of shape (n_features,)
        The coefficients.
    intercept_ : float
        The intercept. It is 0.0 if ``fit_intercept=False``.
    dual_gap_ : float
        The duality gap of the objective. Only what rounding leaves is not 0.
    n_iter_ : int
        The sweeps of coordinate descent for the best penalty.
    condition_number_ : float
        The condition number of the features whose coefficients are not 0, in units of their
        deviations, with the penalty.
    n_reads_ : int
        How often the fit has read the rows: 1, or 2 if the condition number asked for it.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a DataFrame whose column names are all
        strings.

    Notes
    -----
    The notes of `ElasticNet` hold here, too. The folds cost no further read: the sums of all rows
    less those of a fold are the sums of the other folds.

    Differences from scikit-learn:

    - The results are exact minima, and not those within ``tol``. ``max_iter``, ``tol`` and
      ``selection`` say how they are come near to.
    - ``cv`` of a collection takes folds that are made without shuffling. For others use
      `streamlearn.model_selection.StreamSearchCV` or scikit-learn's GridSearchCV with `Lasso`.
    - ``precompute``, ``copy_X``, ``n_jobs`` and ``verbose`` have no effect. An array for
      ``precompute`` is not used.
    - Negative weights are an error, because squared errors would have no minimum.
    - The attributes ``condition_number_`` and ``n_reads_`` are additions.

    References
    ----------
    Tibshirani, "Regression shrinkage and selection via the lasso", 1996.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.linear_model import LassoCV
    >>> X = da.random.default_rng(0).normal(size=(10_000, 3), chunks=(1_000, 3))
    >>> model = LassoCV().fit(X, X @ [3.0, 0.0, -1.0] + 5)
    >>> model.coef_.round(2), model.mse_path_.shape
    (array([ 3.,  0., -1.]), (100, 5))
    """

    _alone = "Lasso(alpha=model.alpha_)"
    path = staticmethod(lasso_path)

    def __init__(
        self,
        *,
        eps: Any = 1e-3,
        alphas: Any = 100,
        fit_intercept: Any = True,
        precompute: Any = "auto",
        max_iter: Any = 1000,
        tol: Any = 1e-4,
        copy_X: Any = True,
        cv: Any = None,
        verbose: Any = False,
        n_jobs: Any = None,
        positive: Any = False,
        random_state: Any = None,
        selection: Any = "cyclic",
    ) -> None:
        self.eps = eps
        self.alphas = alphas
        self.fit_intercept = fit_intercept
        self.precompute = precompute
        self.max_iter = max_iter
        self.tol = tol
        self.copy_X = copy_X
        self.cv = cv
        self.verbose = verbose
        self.n_jobs = n_jobs
        self.positive = positive
        self.random_state = random_state
        self.selection = selection

    def _ratios(self) -> np.ndarray:
        return np.ones(1)


class ElasticNetCV(PathCV):
    """`ElasticNet` with the best of several penalties, by cross-validation, exact in one pass.

    It is scikit-learn's `~sklearn.linear_model.ElasticNetCV` for arrays of any library and for dask
    collections.

    Parameters
    ----------
    l1_ratio : float or array of shape (n_l1_ratio,), default=0.5
        The part of the penalty that is an L1 penalty, from 0 to 1. All of an array are tried.
    eps : float, default=1e-3
        The smallest of the penalties that are tried, as a part of the largest.
    alphas : int or array of shape (n_alphas,), default=100
        The penalties to try. A number of them begins where all coefficients are 0.
    fit_intercept : bool, default=True
        Whether to learn an intercept, which has no penalty.
    precompute : "auto", bool or array of shape (n_features, n_features), default="auto"
        It has no effect: the Gram matrix is always that of the rows.
    max_iter : int, default=1000
        The most sweeps of coordinate descent before an exact minimum is computed.
    tol : float, default=1e-4
        Coordinate descent ends when the duality gap is this part of the squares of the target. The
        exact minimum is computed from there.
    cv : int, splitter, iterable of splits or None, default=None
        The number of folds, or a `~sklearn.model_selection.KFold` without shuffling. None means 5.
        The blocks of a collection are dealt to the folds in turn. If there are fewer blocks, or the
        rows are in memory, rows are cut into as many parts. Rows in memory take any splitter of
        scikit-learn, and pairs of places of rows to learn from and to score.
    copy_X : bool, default=True
        It has no effect, because the input is never changed.
    verbose : bool or int, default=0
        It has no effect. Reading the rows takes most of the time, and callbacks show it.
    n_jobs : {None, 1, -1}, default=None
        It has no effect, because the paths follow one after another.
    positive : bool, default=False
        Whether no coefficient may be negative.
    random_state : int, RandomState instance or None, default=None
        The seed of ``selection="random"``.
    selection : {"cyclic", "random"}, default="cyclic"
        The order of the features in coordinate descent.

    Attributes
    ----------
    alpha_ : float
        The best penalty.
    l1_ratio_ : float
        The best ``l1_ratio``.
    alphas_ : array of shape (n_alphas,) or (n_l1_ratio, n_alphas)
        The penalties that were tried, the largest first, for each ``l1_ratio``.
    mse_path_ : array of shape (n_l1_ratio, n_alphas, n_folds)
        The mean squared error on each fold, without axes of length 1.
    coef_ : array of shape (n_features,)
        The coefficients.
    intercept_ : float
        The intercept. It is 0.0 if ``fit_intercept=False``.
    dual_gap_ : float
        The duality gap of the objective. Only what rounding leaves is not 0.
    n_iter_ : int
        The sweeps of coordinate descent for the best penalty.
    condition_number_ : float
        The condition number of the features whose coefficients are not 0, in units of their
        deviations, with the penalty.
    n_reads_ : int
        How often the fit has read the rows: 1, or 2 if the condition number asked for it.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a DataFrame whose column names are all
        strings.

    Notes
    -----
    The notes of `ElasticNet` hold here, too. The folds cost no further read: the sums of all rows
    less those of a fold are the sums of the other folds.

    Differences from scikit-learn:

    - The results are exact minima, and not those within ``tol``. ``max_iter``, ``tol`` and
      ``selection`` say how they are come near to.
    - ``cv`` of a collection takes folds that are made without shuffling. For others use
      `streamlearn.model_selection.StreamSearchCV` or scikit-learn's GridSearchCV with `ElasticNet`.
    - ``precompute``, ``copy_X``, ``n_jobs`` and ``verbose`` have no effect. An array for
      ``precompute`` is not used.
    - Negative weights are an error, because squared errors would have no minimum.
    - The attributes ``condition_number_`` and ``n_reads_`` are additions.

    References
    ----------
    Zou & Hastie, "Regularization and variable selection via the elastic net", 2005.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.linear_model import ElasticNetCV
    >>> X = da.random.default_rng(0).normal(size=(10_000, 3), chunks=(1_000, 3))
    >>> model = ElasticNetCV(l1_ratio=[0.5, 0.9]).fit(X, X @ [3.0, 0.0, -1.0] + 5)
    >>> model.l1_ratio_, model.coef_.round(2)
    (0.9, array([ 3.,  0., -1.]))
    """

    _alone = "ElasticNet(alpha=model.alpha_, l1_ratio=model.l1_ratio_)"
    path = staticmethod(enet_path)

    _parameter_constraints: dict[str, Any] = {
        **PathCV._parameter_constraints,
        "l1_ratio": [Interval(Real, 0, 1, closed="both"), "array-like"],
    }

    def __init__(
        self,
        *,
        l1_ratio: Any = 0.5,
        eps: Any = 1e-3,
        alphas: Any = 100,
        fit_intercept: Any = True,
        precompute: Any = "auto",
        max_iter: Any = 1000,
        tol: Any = 1e-4,
        cv: Any = None,
        copy_X: Any = True,
        verbose: Any = 0,
        n_jobs: Any = None,
        positive: Any = False,
        random_state: Any = None,
        selection: Any = "cyclic",
    ) -> None:
        self.l1_ratio = l1_ratio
        self.eps = eps
        self.alphas = alphas
        self.fit_intercept = fit_intercept
        self.precompute = precompute
        self.max_iter = max_iter
        self.tol = tol
        self.cv = cv
        self.copy_X = copy_X
        self.verbose = verbose
        self.n_jobs = n_jobs
        self.positive = positive
        self.random_state = random_state
        self.selection = selection

    def _ratios(self) -> np.ndarray:
        ratios = np.atleast_1d(np.asarray(self.l1_ratio, dtype=np.float64))
        if not len(ratios) or not ((ratios >= 0) & (ratios <= 1)).all():
            raise ValueError(f"l1_ratio must be from 0 to 1, got {self.l1_ratio!r}.")
        return ratios

    def _publish(self) -> None:
        super()._publish()
        if not self._waits():
            self.l1_ratio_ = self._chosen[1]
