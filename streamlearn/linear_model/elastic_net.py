"""Least squares with an L1 penalty: `Lasso` and `ElasticNet`."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from scipy import sparse
from sklearn.linear_model import enet_path
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.validation import check_is_fitted

from streamlearn._arrays import to_numpy
from streamlearn._sklearn import Interval, StrOptions
from streamlearn.linear_model.exact import ExactRegressor
from streamlearn.linear_model.given_gram import check_gram
from streamlearn.linear_model.l1_minimum import Descent, path
from streamlearn.linear_model.least_squares import Problem, Solution, problem_of


class L1Penalized(ExactRegressor):
    """A linear regressor with an L1 penalty. It has the parameters of coordinate descent.

    A subclass defines ``_penalty``.
    """

    max_iter: Any
    tol: Any
    positive: Any
    random_state: Any
    selection: Any

    _parameter_constraints: dict[str, Any] = {
        "fit_intercept": ["boolean"],
        "max_iter": [Interval(Integral, 1, None, closed="left"), None],
        "copy_X": ["boolean"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "positive": ["boolean"],
        "random_state": ["random_state"],
        "selection": [StrOptions({"cyclic", "random"})],
    }

    def _penalty(self) -> tuple[float, float]:
        """Return ``alpha`` and ``l1_ratio``."""
        raise NotImplementedError

    def _descent(self) -> Descent:
        """Return how coordinate descent runs."""
        max_iter = 1000 if self.max_iter is None else self.max_iter
        return Descent(max_iter, float(self.tol), self.positive, self.selection, self.random_state)

    def _start(self, problem: Problem) -> np.ndarray | None:
        """Return the coefficients (t, d) with which coordinate descent begins, None for zeros."""
        return None

    def _solved(self, problem: Problem) -> Solution:
        (alpha, l1_ratio), how = self._penalty(), self._descent()
        t, start = problem.xy.shape[1], self._start(problem)
        minima = [
            path(problem, k, [alpha], l1_ratio, how, None if start is None else start[k])[0]
            for k in range(t)
        ]
        gaps = self._as_learned([one.gap for one in minima])
        self.dual_gap_ = gaps if t > 1 else gaps[0]
        n_iter = [one.n_iter for one in minima]
        self.n_iter_ = n_iter if t > 1 else n_iter[0]
        coef = np.stack([one.coef for one in minima])
        return Solution(
            coef,
            max(one.condition for one in minima),
            int((coef != 0).any(axis=0).sum()),
            all(one.accurate for one in minima),
        )

    def __sklearn_tags__(self) -> Any:
        """Return the tags of the estimator."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


class GivenPenalty(L1Penalized):
    """A linear regressor with a given penalty.

    Attributes
    ----------
    sparse_coef_ : scipy.sparse array of shape (n_targets, n_features)
    """

    alpha: Any
    precompute: Any
    warm_start: Any
    __metadata_request__fit = {"check_input": UNUSED}
    path = staticmethod(enet_path)  # scikit-learn's own, of rows in memory

    _parameter_constraints: dict[str, Any] = {
        **L1Penalized._parameter_constraints,
        "alpha": [Interval(Real, 0, None, closed="left")],
        "precompute": ["boolean", "array-like"],
        "warm_start": ["boolean"],
    }

    def _publish(self) -> None:
        problem = problem_of(self._state, fit_intercept=self.fit_intercept)
        check_gram(self.precompute, problem, self._like, weighted=self._weighted)
        super()._publish()

    def _start(self, problem: Problem) -> np.ndarray | None:
        former = getattr(self, "coef_", None) if self.warm_start else None
        former = None if former is None else np.atleast_2d(to_numpy(former)).astype(np.float64)
        same = former is not None and former.shape == problem.xy.T.shape
        return former if same else None

    def fit(
        self, X: Any, y: Any = None, sample_weight: Any = None, check_input: Any = True
    ) -> Self:
        """Learn from all rows.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows to learn from: numbers without NaN and infinity, dense or sparse.
        y : array, Series, dask array or dask Series of shape (n_samples,) or (n_samples, n_targets)
            The target of each row. None means that the blocks of X contain it.
        sample_weight : array or dask array of shape (n_samples,), default=None
            The weight of each row, 0 or more. None or one number means the same for every row.
        check_input : bool, default=True
            It has no effect: blocks are checked while they are summed, which costs no further read.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X and y do not line up, if they hold NaN or infinity, if a weight is negative, or if
            the weights add up to 0.
        """
        return super().fit(X, y, sample_weight=sample_weight)

    @property
    def sparse_coef_(self) -> Any:
        """The coefficients that are not 0, (n_targets, n_features)."""
        check_is_fitted(self)
        return sparse.csr_array(np.atleast_2d(to_numpy(self.coef_)))


class ElasticNet(GivenPenalty):
    """Least squares with an L1 and a squared penalty, exact in one pass over data of any size.

    It is scikit-learn's `~sklearn.linear_model.ElasticNet` for arrays of any library and for dask
    collections. The blocks of a collection are summed in parallel, and the sums are merged in a
    fixed order. So `partial_fit` and `merge` give the same result as one fit to all rows. The
    minimum is that of::

        mean of (y - Xw - b)^2 / 2 + alpha * l1_ratio * |w|_1 + alpha * (1 - l1_ratio) * |w|^2 / 2

    where the mean is weighted.

    Parameters
    ----------
    alpha : float, default=1.0
        The penalty, 0 or more.
    l1_ratio : float, default=0.5
        The part of the penalty that is an L1 penalty, from 0 to 1.
    fit_intercept : bool, default=True
        Whether to learn an intercept, which has no penalty.
    precompute : bool or array of shape (n_features, n_features), default=False
        An array is compared with the Gram matrix of the rows, and another one is an error. It has
        no other effect.
    max_iter : int or None, default=1000
        The most sweeps of coordinate descent before the exact minimum is computed. None means
        1,000.
    copy_X : bool, default=True
        It has no effect, because the input is never changed.
    tol : float, default=1e-4
        Coordinate descent ends when the duality gap is this part of the squares of the target. The
        exact minimum is computed from there.
    warm_start : bool, default=False
        Whether coordinate descent begins with the coefficients of the last fit.
    positive : bool, default=False
        Whether no coefficient may be negative.
    random_state : int, RandomState instance or None, default=None
        The seed of ``selection="random"``.
    selection : {"cyclic", "random"}, default="cyclic"
        The order of the features in coordinate descent.

    Attributes
    ----------
    coef_ : array of shape (n_features,) or (n_targets, n_features)
        The coefficients. There is a row for each target if y has several columns.
    intercept_ : float or array of shape (n_targets,)
        The intercept. It is 0.0 if ``fit_intercept=False``.
    sparse_coef_ : scipy.sparse array of shape (n_targets, n_features)
        The coefficients that are not 0.
    dual_gap_ : float or array of shape (n_targets,)
        The duality gap of the objective. Only what rounding leaves is not 0.
    n_iter_ : int or list of int
        The sweeps of coordinate descent, for each target if y has several columns.
    condition_number_ : float
        The condition number of the features whose coefficients are not 0, in units of their
        deviations, with the penalty.
    n_reads_ : int
        How often the last fit has read the rows: 1, or 2 if the condition number asked for it.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a DataFrame whose column names are all
        strings.

    Notes
    -----
    The notes of `LinearRegression` hold here, too: how the rows are summed, and when they are read
    a second time. From the sums, coordinate descent comes near the minimum, and feature-sign search
    ends there (`streamlearn.linear_model.l1_minimum`). If features are equal, the minimum is not
    unique. The result is then one near that of coordinate descent.

    As in scikit-learn, one number as ``sample_weight`` is the same as None.

    Differences from scikit-learn:

    - The result is the exact minimum, and not one within ``tol``. ``max_iter``, ``tol`` and
      ``selection`` say how it is come near to.
    - With ``alpha=0`` or ``l1_ratio=0`` the result is exact, too, and nothing iterates.
    - ``precompute`` and ``copy_X`` have no effect. An array is only compared.
    - Negative weights are an error, because squared errors would have no minimum.
    - The methods `partial_fit` and `merge` and the attributes ``condition_number_`` and
      ``n_reads_`` are additions.

    References
    ----------
    Zou & Hastie, "Regularization and variable selection via the elastic net", 2005. Lee, Battle,
    Raina & Ng, "Efficient sparse coding algorithms", 2006.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.linear_model import ElasticNet
    >>> X = da.random.default_rng(0).normal(size=(10_000, 3), chunks=(1_000, 3))
    >>> model = ElasticNet(alpha=1e-3, l1_ratio=0.9).fit(X, X @ [3.0, 0.0, -1.0] + 5)
    >>> model.coef_.round(2)
    array([ 3.,  0., -1.])
    """

    _parameter_constraints: dict[str, Any] = {
        **GivenPenalty._parameter_constraints,
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(
        self,
        alpha: Any = 1.0,
        *,
        l1_ratio: Any = 0.5,
        fit_intercept: Any = True,
        precompute: Any = False,
        max_iter: Any = 1000,
        copy_X: Any = True,
        tol: Any = 1e-4,
        warm_start: Any = False,
        positive: Any = False,
        random_state: Any = None,
        selection: Any = "cyclic",
    ) -> None:
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.precompute = precompute
        self.max_iter = max_iter
        self.copy_X = copy_X
        self.tol = tol
        self.warm_start = warm_start
        self.positive = positive
        self.random_state = random_state
        self.selection = selection

    def _penalty(self) -> tuple[float, float]:
        return float(self.alpha), float(self.l1_ratio)


class Lasso(GivenPenalty):
    """Least squares with an L1 penalty, exact in one pass over data of any size.

    It is scikit-learn's `~sklearn.linear_model.Lasso` for arrays of any library and for dask
    collections. It is `ElasticNet` with ``l1_ratio=1``: the minimum is that of::

        mean of (y - Xw - b)^2 / 2 + alpha * |w|_1

    where the mean is weighted.

    Parameters
    ----------
    alpha : float, default=1.0
        The penalty, 0 or more.
    fit_intercept : bool, default=True
        Whether to learn an intercept, which has no penalty.
    precompute : bool or array of shape (n_features, n_features), default=False
        An array is compared with the Gram matrix of the rows, and another one is an error. It has
        no other effect.
    copy_X : bool, default=True
        It has no effect, because the input is never changed.
    max_iter : int or None, default=1000
        The most sweeps of coordinate descent before the exact minimum is computed. None means
        1,000.
    tol : float, default=1e-4
        Coordinate descent ends when the duality gap is this part of the squares of the target. The
        exact minimum is computed from there.
    warm_start : bool, default=False
        Whether coordinate descent begins with the coefficients of the last fit.
    positive : bool, default=False
        Whether no coefficient may be negative.
    random_state : int, RandomState instance or None, default=None
        The seed of ``selection="random"``.
    selection : {"cyclic", "random"}, default="cyclic"
        The order of the features in coordinate descent.

    Attributes
    ----------
    coef_ : array of shape (n_features,) or (n_targets, n_features)
        The coefficients. There is a row for each target if y has several columns.
    intercept_ : float or array of shape (n_targets,)
        The intercept. It is 0.0 if ``fit_intercept=False``.
    sparse_coef_ : scipy.sparse array of shape (n_targets, n_features)
        The coefficients that are not 0.
    dual_gap_ : float or array of shape (n_targets,)
        The duality gap of the objective. Only what rounding leaves is not 0.
    n_iter_ : int or list of int
        The sweeps of coordinate descent, for each target if y has several columns.
    condition_number_ : float
        The condition number of the features whose coefficients are not 0, in units of their
        deviations.
    n_reads_ : int
        How often the last fit has read the rows: 1, or 2 if the condition number asked for it.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a DataFrame whose column names are all
        strings.

    Notes
    -----
    The notes of `ElasticNet` hold here, too.

    Differences from scikit-learn:

    - The result is the exact minimum, and not one within ``tol``. ``max_iter``, ``tol`` and
      ``selection`` say how it is come near to.
    - With ``alpha=0`` the result is exact, too, and nothing iterates.
    - ``precompute`` and ``copy_X`` have no effect. An array is only compared.
    - Negative weights are an error, because squared errors would have no minimum.
    - The methods `partial_fit` and `merge` and the attributes ``condition_number_`` and
      ``n_reads_`` are additions.

    References
    ----------
    Tibshirani, "Regression shrinkage and selection via the lasso", 1996. Lee, Battle, Raina & Ng,
    "Efficient sparse coding algorithms", 2006.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.linear_model import Lasso
    >>> X = da.random.default_rng(0).normal(size=(10_000, 3), chunks=(1_000, 3))
    >>> Lasso(alpha=1e-3).fit(X, X @ [3.0, 0.0, -1.0] + 5).coef_.round(2)
    array([ 3.,  0., -1.])
    """

    def __init__(
        self,
        alpha: Any = 1.0,
        *,
        fit_intercept: Any = True,
        precompute: Any = False,
        copy_X: Any = True,
        max_iter: Any = 1000,
        tol: Any = 1e-4,
        warm_start: Any = False,
        positive: Any = False,
        random_state: Any = None,
        selection: Any = "cyclic",
    ) -> None:
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.precompute = precompute
        self.copy_X = copy_X
        self.max_iter = max_iter
        self.tol = tol
        self.warm_start = warm_start
        self.positive = positive
        self.random_state = random_state
        self.selection = selection

    def _penalty(self) -> tuple[float, float]:
        return float(self.alpha), 1.0
