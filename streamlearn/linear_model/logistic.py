"""Logistic regression, exact in a few reads of all rows: `LogisticRegression`."""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from typing import Any

import numpy as np

from streamlearn._arrays import device, namespace, to_numpy
from streamlearn._estimator.inputs import CheckedInputs
from streamlearn._estimator.predictor import MergeableClassifier
from streamlearn._sklearn import Interval, Options, StrOptions
from streamlearn._training.fit_settings import Target
from streamlearn._validation.labels import two_classes_or_raise
from streamlearn.core.learner import Learner
from streamlearn.core.statistics import class_comoments, comoments
from streamlearn.linear_model.generalized import GeneralizedLinear
from streamlearn.linear_model.l1_steps import L1Objective
from streamlearn.linear_model.least_squares import Problem
from streamlearn.linear_model.linear_scores import ProbableClassifier
from streamlearn.linear_model.logistic_penalty import LogisticPenalty, check_penalty, penalty_of
from streamlearn.linear_model.newton_reads import Composite, Coordinates, Objective
from streamlearn.linear_model.sparse_coef import SparseCoef


class LogisticRegression(ProbableClassifier, SparseCoef, GeneralizedLinear, MergeableClassifier):
    """Logistic regression, exact in a few reads of data of any size.

    It is scikit-learn's `~sklearn.linear_model.LogisticRegression` for arrays of any library and
    for dask collections. With more than two classes it is multinomial.

    Parameters
    ----------
    penalty : {"l1", "l2", "elasticnet", None}, default="deprecated"
        Without it, ``l1_ratio`` and ``C`` decide, as scikit-learn wants it. None is the same as
        ``C=np.inf``.
    C : float, default=1.0
        The inverse of the penalty: ``(l1_ratio * |w|_1 + (1 - l1_ratio) * |w|^2 / 2) / C`` is added
        to the weighted sum of the losses. Infinity means no penalty.
    l1_ratio : float or None, default=0.0
        The share of the magnitudes of coefficients in the penalty, between 0 and 1. With a share
        above 0, many coefficients are exactly 0. Set the solver "saga", or "liblinear" for 1.
    dual : bool, default=False
        True is only for the solver "liblinear" and squares, and the minimum is the same.
    tol : float, default=1e-4
        The steps end with the one that follows a gradient of the mean loss whose largest entry is
        at most ``tol``. With magnitudes in the penalty it is the shortest subgradient.
    fit_intercept : bool, default=True
        Whether to learn intercepts. They have no penalty, but that of the solver "liblinear" has.
    intercept_scaling : float, default=1
        With "liblinear", the intercept divided by this has the same penalty as a coefficient.
    class_weight : dict, "balanced" or None, default=None
        The weight of each class: a dict of label to weight, or None for 1 each. "balanced" weighs
        the classes inversely to how often they occur, and counts each row as often as its
        ``sample_weight`` says.
    random_state : int, RandomState instance or None, default=None
        It has no effect, because nothing is drawn.
    solver : {"lbfgs", "liblinear", "newton-cg", "newton-cholesky", "sag", "saga"}, \
            default="lbfgs"
        The names of scikit-learn's solvers, which decide what is minimized. "liblinear" also
        penalizes the intercept, and is for two classes. Only "saga" and "liblinear" take penalties
        of magnitudes, and "liblinear" takes no share of both. All are the same Newton steps.
    max_iter : int, default=100
        The most steps. Each takes a read of all rows. With 0 all coefficients and intercepts are 0.
    verbose : int, default=0
        It has no effect. Callbacks show what is read.
    warm_start : bool, default=False
        Whether to begin with the coefficients of the last fit.
    n_jobs : {None, 1, -1}, default=None
        It has no effect, because all classes are solved together. scikit-learn ends it.
    classes : array-like or None, default=None
        The labels, if they are known. They save a pass over y. If X and y come from the same files,
        that is a pass over the data.

    Attributes
    ----------
    coef_ : array of shape (1, n_features) or (n_classes, n_features)
        The coefficients of the second class if there are two, otherwise a row for each class.
    intercept_ : array of shape (1,) or (n_classes,)
        The intercepts. They are 0 if ``fit_intercept=False``.
    classes_ : array of shape (n_classes,)
        The labels, in sorted order.
    n_iter_ : array of int of shape (1,)
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
    The notes of `PoissonRegressor` hold here, too: what is read, and how it is stepped. The start
    is linear discriminant analysis, which is a function of the co-moments of the first read. The
    matrix of second derivatives has a row for each coefficient. So there may be 16,384 coefficients
    at most, those of all classes together.

    With magnitudes in the penalty, each read gives the loss to second order as before. Its minimum
    with the penalty is then found exactly, without a further read, and zeros are exact [1]_.

    Differences from scikit-learn:

    - All solvers take the same Newton steps. The last step is taken from a gradient of at most
      ``tol``, so the gradient at the result is much smaller.
    - float32 stays float32 with "liblinear", too.
    - Negative weights are an error, because the loss would have no minimum.
    - A class of ``classes`` without rows is an error, because its intercept would be infinite.
    - ``random_state`` and ``verbose`` have no effect.
    - The parameter ``classes`` and the attributes ``condition_number_`` and ``n_reads_`` are
      additions.

    References
    ----------
    Hastie, Tibshirani & Friedman, "The elements of statistical learning", section 4.4, 2009.

    .. [1] J. D. Lee, Y. Sun and M. A. Saunders, "Proximal Newton-type methods for minimizing
       composite functions", SIAM Journal on Optimization 24(3), 2014.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.linear_model import LogisticRegression
    >>> X = da.random.default_rng(0).normal(size=(10_000, 3), chunks=(1_000, 3))
    >>> y = X[:, 0] + 2 * X[:, 1] > 0
    >>> model = LogisticRegression(classes=[False, True]).fit(X, y)
    >>> model.score(X, y) > 0.99, model.predict_proba(X[:3]).shape
    (True, (3, 2))
    """

    _parameter_constraints: dict[str, Any] = {
        "penalty": [
            StrOptions({"l1", "l2", "elasticnet", "deprecated"}),
            None,
        ],
        "C": [Interval(Real, 0, None, closed="right")],
        "l1_ratio": [Interval(Real, 0, 1, closed="both"), None],
        "dual": ["boolean"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "fit_intercept": ["boolean"],
        "intercept_scaling": [Interval(Real, 0, None, closed="neither")],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "random_state": ["random_state"],
        "solver": [
            StrOptions({"lbfgs", "liblinear", "newton-cg", "newton-cholesky", "sag", "saga"})
        ],
        "max_iter": [Interval(Integral, 0, None, closed="left")],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "n_jobs": [Options(Integral, {1, -1}), None],
        "classes": ["array-like", None],
    }

    def __init__(
        self,
        penalty: Any = "deprecated",
        *,
        C: Any = 1.0,
        l1_ratio: Any = 0.0,
        dual: Any = False,
        tol: Any = 1e-4,
        fit_intercept: Any = True,
        intercept_scaling: Any = 1,
        class_weight: Any = None,
        random_state: Any = None,
        solver: Any = "lbfgs",
        max_iter: Any = 100,
        verbose: Any = 0,
        warm_start: Any = False,
        n_jobs: Any = None,
        classes: Any = None,
    ) -> None:
        self.penalty = penalty
        self.C = C
        self.l1_ratio = l1_ratio
        self.dual = dual
        self.tol = tol
        self.fit_intercept = fit_intercept
        self.intercept_scaling = intercept_scaling
        self.class_weight = class_weight
        self.random_state = random_state
        self.solver = solver
        self.max_iter = max_iter
        self.verbose = verbose
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.classes = classes

    def _validate_params(self) -> None:
        super()._validate_params()
        check_penalty(self.penalty, self.C, self.l1_ratio, self.solver, bool(self.dual))
        if self.n_jobs is not None:
            warnings.warn(
                "'n_jobs' has no effect since scikit-learn 1.8 and will be removed in 1.10. You "
                f"provided 'n_jobs={self.n_jobs}', please leave it unspecified.",
                FutureWarning,
                stacklevel=2,
            )

    def _loss(self) -> tuple[str, float]:
        return ("log_loss" if self._n_models() == 1 else "multinomial"), 0.0

    def _penalty(self) -> LogisticPenalty:
        return penalty_of(
            self.penalty,
            float(self.C),
            self.l1_ratio,
            self.solver,
            float(self.intercept_scaling) if self.fit_intercept else 0.0,
        )

    def _is_centred(self) -> bool:
        # An intercept with a penalty is that of the rows as they are.
        return bool(self.fit_intercept) and not self._penalty().scaling

    def _objective_of(self, problem: Problem) -> Composite:
        strength, l1, l2, scaling = self._penalty()
        strength /= problem.weight
        alpha = strength * l2
        of = Coordinates.of(problem, alpha, rotated=not l1)
        own = alpha / scaling**2 if scaling else 0.0
        smooth = Objective(of, alpha, self.fit_intercept, own)
        return L1Objective(smooth, strength * l1, scaling) if l1 and strength else smooth

    def _n_models(self) -> int:
        n = self.classes_.shape[0]
        return 1 if n == 2 else n

    def _classes(self) -> tuple[int, tuple[float, ...] | None]:
        return self.classes_.shape[0], self._class_weight

    def _target(
        self, given: CheckedInputs, y: Any, sample_weight: Any, *, reset: bool, classes: Any = None
    ) -> tuple[Target, int]:
        out = super()._target(given, y, sample_weight, reset=reset, classes=classes)
        K, d = self._n_models(), given.n_features
        most = self._most_features
        if most is not None and d is not None and K > 1 and K * (d + 1) > most:
            raise ValueError(
                f"{d} features of {K} classes have {K * (d + 1)} coefficients, and "
                f"{type(self).__name__} keeps a matrix of coefficients times coefficients, of at "
                f"most {most}. {self._for_more_features}"
            )
        return out

    def _statistic(self) -> Learner:
        classes = to_numpy(self.classes_)
        two_classes_or_raise(classes)
        if self.solver == "liblinear" and len(classes) > 2:
            raise ValueError(
                "The 'liblinear' solver does not support multiclass classification (n_classes >= "
                "3). Set another solver, or wrap the estimator in a OneVsRestClassifier to keep "
                "applying a one-versus-rest scheme."
            )
        return class_comoments.learner(len(classes), self._class_weight)

    def _levels(self, problem: Problem) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        K = self._n_models()
        half = np.full(K, 0.5)
        if not self._is_centred() or self.max_iter == 0:
            return np.zeros(K), half, np.eye(K)
        share = 0.5 * (1.0 + problem.mean[problem.d :])
        if (share <= 0).any() or (K == 1 and share[0] >= 1):
            missing = int(np.argmin(share)) if K > 1 or share[0] <= 0 else 0
            missing = 1 if K == 1 and share[0] <= 0 else missing
            label = to_numpy(self.classes_)[missing]
            raise ValueError(
                f"No row with a weight has class {label.item()!r}, so that its intercept would be "
                "infinite. Give rows of it, or leave it out of classes."
            )
        if K == 1:
            level = np.log(share) - np.log1p(-share)
            return level, half, np.diag(share * (1.0 - share))
        curved = np.diag(share) - np.outer(share, share)
        curved += np.trace(curved) / K**2  # see `streamlearn.core.linear.joint_loss`
        return np.log(share) - np.log(share).mean(), half, curved

    def _shares(self, xy: np.ndarray) -> np.ndarray:
        """Return the share of the rows of each class, or of the second of two, (K,)."""
        mean = to_numpy(comoments.mean(self._state)).astype(np.float64)[-xy.shape[1] :]
        return 0.5 * (1.0 + mean)

    def _within(self, xx: np.ndarray, xy: np.ndarray) -> np.ndarray:
        # Discriminant analysis: classes that lie apart need longer coefficients.
        share = self._shares(xy)
        each = share * (1.0 - share) if self._n_models() == 1 else share
        return xx - 0.98 * (xy / (4.0 * each)) @ xy.T

    def _shift(self, xy: np.ndarray, v: np.ndarray) -> np.ndarray:
        share = self._shares(xy)
        if self._n_models() == 1:
            middle = (0.5 - share) * xy[:, 0] / (2.0 * share * (1.0 - share))
            return -(middle @ v.T)
        away = v - share @ v
        shift = -0.5 * np.sum(xy.T / (2.0 * share[:, None]) * away, axis=1)
        return shift - shift.mean()

    def _counted(self, n_reads: int) -> Any:
        xp = namespace(self._like)
        return xp.asarray([n_reads], dtype=xp.int32, device=device(self._like))

    def _shape(self, coef: np.ndarray, intercept: np.ndarray) -> None:
        self.coef_, self.intercept_ = (self._as_learned(a) for a in (coef, intercept))

    def _publish(self) -> None:
        super()._publish()
        self._publish_classes(self._like)

    def _loss_of_scores(self) -> str:
        return self._loss()[0]
