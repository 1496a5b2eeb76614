"""Least squares with a squared penalty: `Ridge` and `RidgeClassifier`."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np

from streamlearn._arrays import to_numpy
from streamlearn._estimator.predictor import MergeableClassifier
from streamlearn._sklearn import Interval, StrOptions
from streamlearn._validation.labels import two_classes_or_raise
from streamlearn.core.learner import Learner
from streamlearn.core.statistics import class_comoments
from streamlearn.linear_model.exact import ExactLinear, ExactRegressor
from streamlearn.linear_model.least_squares import RIDGE_TOL, Problem, Solution, solve
from streamlearn.linear_model.linear_scores import LinearClassifier

SOLVERS = ("auto", "svd", "cholesky", "lsqr", "sparse_cg", "sag", "saga", "lbfgs")


class Penalized(ExactLinear):
    """A linear model with a squared penalty. It has the parameters of `Ridge`."""

    alpha: Any
    positive: Any
    solver: Any

    _parameter_constraints: dict[str, Any] = {
        "alpha": [Interval(Real, 0, None, closed="left"), "array-like"],
        "fit_intercept": ["boolean"],
        "copy_X": ["boolean"],
        "max_iter": [Interval(Integral, 1, None, closed="left"), None],
        "tol": [Interval(Real, 0, None, closed="left")],
        "solver": [StrOptions(set(SOLVERS))],
        "positive": ["boolean"],
        "random_state": ["random_state"],
    }

    def _validate_params(self) -> None:
        super()._validate_params()
        if self.solver == "lbfgs" and not self.positive:
            raise ValueError(
                "'lbfgs' solver can be used only when positive=True. Please use another solver."
            )
        if self.positive and self.solver not in ("auto", "lbfgs"):
            raise ValueError(
                f"solver={self.solver!r} does not support positive fitting. Please set the solver "
                "to 'auto' or 'lbfgs', or set `positive=False`"
            )

    def _penalties(self, n_targets: int) -> np.ndarray:
        """Return the penalty of each target."""
        alpha = np.asarray(to_numpy(self.alpha) if hasattr(self.alpha, "shape") else self.alpha)
        alpha = alpha.astype(np.float64).reshape(-1)
        if len(alpha) not in (1, n_targets):
            raise ValueError(
                "Number of targets and number of penalties do not correspond: "
                f"{len(alpha)} != {n_targets}. Give one alpha, or one for each target."
            )
        if (alpha < 0).any() or not np.isfinite(alpha).all():
            raise ValueError(f"alpha must be 0 or more, got {self.alpha!r}.")
        return np.broadcast_to(alpha, n_targets)

    def _solved(self, problem: Problem) -> Solution:
        self.solver_ = self.solver
        if self.solver == "auto":
            self.solver_ = "lbfgs" if self.positive else "cholesky"
        self.n_iter_ = None
        penalties = self._penalties(problem.xy.shape[1])
        return solve(problem, penalties, RIDGE_TOL, positive=self.positive)

    def __sklearn_tags__(self) -> Any:
        """Return the tags of the estimator."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


class Ridge(Penalized, ExactRegressor):
    """Least squares with a squared penalty, exact in one pass over data of any size.

    It is scikit-learn's `~sklearn.linear_model.Ridge` for arrays of any library and for dask
    collections. The blocks of a collection are summed in parallel, and the sums are merged in a
    fixed order. So `partial_fit` and `merge` give the same result as one fit to all rows.

    Parameters
    ----------
    alpha : float or array of shape (n_targets,), default=1.0
        The penalty, 0 or more: the sum of squared errors grows by ``alpha`` times the sum of
        squared coefficients. An array has one penalty for each target.
    fit_intercept : bool, default=True
        Whether to learn an intercept, which has no penalty.
    copy_X : bool, default=True
        It has no effect, because the input is never changed.
    max_iter : int or None, default=None
        It has no effect, because nothing iterates.
    tol : float, default=1e-4
        It has no effect, because nothing iterates.
    solver : {"auto", "svd", "cholesky", "lsqr", "sparse_cg", "sag", "saga", "lbfgs"}, \
default="auto"
        The names of scikit-learn's solvers. All find the same minimum, which is computed exactly.
        "lbfgs" needs ``positive=True``.
    positive : bool, default=False
        Whether no coefficient may be negative. It needs the solver "auto" or "lbfgs".
    random_state : int, RandomState instance or None, default=None
        It has no effect, because nothing is drawn.

    Attributes
    ----------
    coef_ : array of shape (n_features,) or (n_targets, n_features)
        The coefficients. There is a row for each target if y has several columns.
    intercept_ : float or array of shape (n_targets,)
        The intercept. It is 0.0 if ``fit_intercept=False``.
    n_iter_ : None
        Nothing iterates.
    solver_ : str
        The name of the solver. It is "cholesky" or "lbfgs" for "auto".
    condition_number_ : float
        The condition number of the features in units of their deviations, with the penalty.
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
    a second time.

    Differences from scikit-learn:

    - All solvers give the exact minimum. ``solver``, ``tol``, ``max_iter`` and ``random_state``
      have no other effect than ``solver_``, because nothing iterates.
    - Negative weights are an error, because squared errors would have no minimum.
    - ``copy_X`` has no effect, because the input is never changed.
    - The methods `partial_fit` and `merge` and the attributes ``condition_number_`` and
      ``n_reads_`` are additions.

    References
    ----------
    Hoerl & Kennard, "Ridge regression: biased estimation for nonorthogonal problems", 1970.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.linear_model import Ridge
    >>> X = da.random.default_rng(0).normal(size=(10_000, 2), chunks=(1_000, 2))
    >>> Ridge(alpha=1e-3).fit(X, X @ [3.0, -1.0] + 5).coef_.round(4)
    array([ 3., -1.])
    """

    def __init__(
        self,
        alpha: Any = 1.0,
        *,
        fit_intercept: Any = True,
        copy_X: Any = True,
        max_iter: Any = None,
        tol: Any = 1e-4,
        solver: Any = "auto",
        positive: Any = False,
        random_state: Any = None,
    ) -> None:
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.copy_X = copy_X
        self.max_iter = max_iter
        self.tol = tol
        self.solver = solver
        self.positive = positive
        self.random_state = random_state


class RidgeClassifier(LinearClassifier, MergeableClassifier, Penalized):
    """Classifier by least squares with a squared penalty, exact in one pass over data of any size.

    It is scikit-learn's `~sklearn.linear_model.RidgeClassifier` for arrays of any library and for
    dask collections. Each class has a target that is 1 for its rows and -1 for others. The blocks
    of a collection are summed in parallel, and the sums are merged in a fixed order. So
    `partial_fit` and `merge` give the same result as one fit to all rows.

    Parameters
    ----------
    alpha : float or array of shape (n_classes,), default=1.0
        The penalty, 0 or more, see `Ridge`. An array has one penalty for each class.
    fit_intercept : bool, default=True
        Whether to learn intercepts, which have no penalty.
    copy_X : bool, default=True
        It has no effect, because the input is never changed.
    max_iter : int or None, default=None
        It has no effect, because nothing iterates.
    tol : float, default=1e-4
        It has no effect, because nothing iterates.
    class_weight : dict, "balanced" or None, default=None
        The weight of each class: a dict of label to weight, or None for 1 each. "balanced" weighs
        the classes inversely to how often they occur, and counts each row as often as its
        ``sample_weight`` says. `partial_fit` does not support "balanced".
    solver : {"auto", "svd", "cholesky", "lsqr", "sparse_cg", "sag", "saga", "lbfgs"}, \
default="auto"
        The names of scikit-learn's solvers. All find the same minimum, which is computed exactly.
        "lbfgs" needs ``positive=True``.
    positive : bool, default=False
        Whether no coefficient may be negative. It needs the solver "auto" or "lbfgs".
    random_state : int, RandomState instance or None, default=None
        It has no effect, because nothing is drawn.
    classes : array-like or None, default=None
        The labels, if they are known. They save a pass over y. If X and y come from the same files,
        that is a pass over the data.

    Attributes
    ----------
    coef_ : array of shape (n_features,) or (n_classes, n_features)
        The coefficients of the second class if there are two, otherwise a row for each class.
    intercept_ : array of shape (1,) or (n_classes,)
        The intercepts. It is 0.0 if ``fit_intercept=False``.
    classes_ : array of shape (n_classes,)
        The labels, in sorted order.
    n_iter_ : None
        Nothing iterates.
    solver_ : str
        The name of the solver. It is "cholesky" or "lbfgs" for "auto".
    condition_number_ : float
        The condition number of the features in units of their deviations, with the penalty.
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
    a second time.

    Differences from scikit-learn:

    - y has one label a row. Several labels a row are not supported.
    - All solvers give the exact minimum. ``solver``, ``tol``, ``max_iter`` and ``random_state``
      have no other effect than ``solver_``, because nothing iterates.
    - Negative weights are an error, because squared errors would have no minimum.
    - ``class_weight="balanced"`` counts each row as often as its ``sample_weight`` says, as
      `~sklearn.utils.compute_class_weight` does. scikit-learn counts each row once.
    - ``copy_X`` has no effect, because the input is never changed.
    - The parameter ``classes``, the methods `partial_fit` and `merge` and the attributes
      ``condition_number_`` and ``n_reads_`` are additions.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.linear_model import RidgeClassifier
    >>> X = da.random.default_rng(0).normal(size=(10_000, 3), chunks=(1_000, 3))
    >>> y = X[:, 0] + 2 * X[:, 1] > 0
    >>> RidgeClassifier(classes=[False, True]).fit(X, y).score(X, y) > 0.99
    True
    """

    _for_more_features = "SGDClassifier keeps less. Or leave features out."

    _parameter_constraints: dict[str, Any] = {
        **Penalized._parameter_constraints,
        "class_weight": [StrOptions({"balanced"}), dict, None],
        "classes": ["array-like", None],
    }

    def __init__(
        self,
        alpha: Any = 1.0,
        *,
        fit_intercept: Any = True,
        copy_X: Any = True,
        max_iter: Any = None,
        tol: Any = 1e-4,
        class_weight: Any = None,
        solver: Any = "auto",
        positive: Any = False,
        random_state: Any = None,
        classes: Any = None,
    ) -> None:
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.copy_X = copy_X
        self.max_iter = max_iter
        self.tol = tol
        self.class_weight = class_weight
        self.solver = solver
        self.positive = positive
        self.random_state = random_state
        self.classes = classes

    def _statistic(self) -> Learner:
        classes = to_numpy(self.classes_)
        two_classes_or_raise(classes)
        return class_comoments.learner(len(classes), self._class_weight)

    def _shaped(self, coef: np.ndarray, intercept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        coef = coef[0] if len(coef) == 1 else coef
        return coef, intercept if self.fit_intercept else np.asarray(0.0)

    def _publish(self) -> None:
        super()._publish()
        self._publish_classes(self._like)
