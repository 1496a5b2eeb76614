"""Ridge regression whose penalty is found by cross-validation: `RidgeCV`."""

from __future__ import annotations

import warnings
from numbers import Real
from typing import Any

import numpy as np
from scipy import linalg
from sklearn.utils import check_scalar

from streamlearn._arrays import Array, cast, is_sparse, namespace, to_numpy
from streamlearn._estimator.inputs import CheckedInputs
from streamlearn._sklearn import Interval, StrOptions
from streamlearn._training.fit_settings import FitSettings, Target
from streamlearn._training.summed import read_again, rows_of
from streamlearn._validation.messages import sums_are_finite
from streamlearn.core.statistics import left_out_errors
from streamlearn.linear_model.folds import ByFolds, squared_errors
from streamlearn.linear_model.least_squares import (
    RIDGE_TOL,
    Problem,
    Solution,
    problem_of,
    solve,
)

SCORES = ("r2", "neg_mean_squared_error")


class RidgeCV(ByFolds):
    """`Ridge` with the best of several penalties, by cross-validation, in one or two reads.

    It is scikit-learn's `~sklearn.linear_model.RidgeCV` for arrays of any library and for dask
    collections. The sums of all rows less those of a fold are the sums of the other folds. So the
    models of all penalties and folds come from one read.

    Parameters
    ----------
    alphas : array of shape (n_alphas,) or float, default=(0.1, 1.0, 10.0)
        The penalties to try. They must be more than 0 if ``cv=None``.
    fit_intercept : bool, default=True
        Whether to learn an intercept, which has no penalty.
    scoring : {"r2", "neg_mean_squared_error"} or None, default=None
        The score of a fold, or with ``cv=None`` of the predictions of all rows. None means "r2",
        and with ``cv=None`` the negative mean of weight times squared error.
    cv : int, splitter, iterable of splits or None, default=None
        None leaves out one row at a time, which takes a second read. An int or a
        `~sklearn.model_selection.KFold` without shuffling is the number of folds. The blocks of a
        collection are dealt to the folds in turn. If there are fewer blocks, or the rows are in
        memory, rows are cut into as many parts. Rows in memory take any splitter of scikit-learn,
        and pairs of places of rows to learn from and to score.
    gcv_mode : {"auto", "svd", "eigen"} or None, default=None
        It has no effect: the errors are computed from the eigenvectors of the co-moments. "svd"
        warns for sparse rows, as scikit-learn does.
    store_cv_results : bool, default=False
        Whether to keep ``cv_results_``, an array of shape (n_samples, n_alphas) or (n_samples,
        n_targets, n_alphas). It has weight times squared error of each row by the model of all
        others. With a ``scoring`` it has the predictions. It needs ``cv=None`` and rows in memory.
    alpha_per_target : bool, default=False
        Whether each target has a penalty of its own. It needs ``cv=None``.

    Attributes
    ----------
    alpha_ : float or array of shape (n_targets,)
        The best penalty, or that of each target.
    best_score_ : float or array of shape (n_targets,)
        Its score.
    coef_ : array of shape (n_features,) or (n_targets, n_features)
        The coefficients. There is a row for each target if y has several columns.
    intercept_ : float or array of shape (n_targets,)
        The intercept. It is 0.0 if ``fit_intercept=False``.
    scores_ : array of shape (n_alphas,) or (n_alphas, n_targets)
        The scores of all penalties, in their order.
    condition_number_ : float
        The condition number of the features in units of their deviations, with the penalty.
    n_reads_ : int
        How often the fit has read the rows.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a DataFrame whose column names are all
        strings.

    Notes
    -----
    The notes of `LinearRegression` hold here, too.

    Differences from scikit-learn:

    - With a number of folds, weights also weigh the rows that are scored. In scikit-learn they
      count only for the rows that are learned from.
    - ``scoring`` takes two scores, which are functions of the sums, and ``cv`` of a collection
      folds that are made without shuffling. Others need the predictions of all candidates:
      `streamlearn.model_selection.StreamSearchCV` or scikit-learn's GridSearchCV with `Ridge`.
    - ``gcv_mode`` has no effect, and ``store_cv_results=True`` needs rows in memory.
    - Negative weights are an error, because squared errors would have no minimum.
    - The attributes ``scores_``, ``condition_number_`` and ``n_reads_`` are additions.

    References
    ----------
    ``cv=None``: Golub, Heath & Wahba, "Generalized cross-validation as a method for choosing a good
    ridge parameter", 1979.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.linear_model import RidgeCV
    >>> X = da.random.default_rng(0).normal(size=(10_000, 2), chunks=(1_000, 2))
    >>> RidgeCV(alphas=[1e-3, 1.0, 1e3], cv=5).fit(X, X @ [3.0, -1.0]).alpha_
    0.001
    """

    _alone = "Ridge(alpha=model.alpha_)"
    _without_folds = ", or cv=None"

    _parameter_constraints: dict[str, Any] = {
        "alphas": ["array-like", Interval(Real, 0, None, closed="neither")],
        "fit_intercept": ["boolean"],
        "scoring": [StrOptions(set(SCORES)), None],
        "cv": ["cv_object"],
        "gcv_mode": [StrOptions({"auto", "svd", "eigen"}), None],
        "store_cv_results": ["boolean"],
        "alpha_per_target": ["boolean"],
    }

    def __init__(
        self,
        alphas: Any = (0.1, 1.0, 10.0),
        *,
        fit_intercept: Any = True,
        scoring: Any = None,
        cv: Any = None,
        gcv_mode: Any = None,
        store_cv_results: Any = False,
        alpha_per_target: Any = False,
    ) -> None:
        self.alphas = alphas
        self.fit_intercept = fit_intercept
        self.scoring = scoring
        self.cv = cv
        self.gcv_mode = gcv_mode
        self.store_cv_results = store_cv_results
        self.alpha_per_target = alpha_per_target

    def _validate_params(self) -> None:
        super()._validate_params()
        if self.cv is not None and self.store_cv_results:
            raise ValueError(
                "cv!=None and store_cv_results=True are incompatible. Set cv=None, or "
                "store_cv_results=False."
            )
        if self.cv is not None and self.alpha_per_target:
            raise ValueError(
                "cv!=None and alpha_per_target=True are incompatible. Set cv=None, or fit a model "
                "for each target."
            )
        self._tried()

    def _tried(self) -> np.ndarray:
        """Return the penalties to try."""
        given = to_numpy(self.alphas) if hasattr(self.alphas, "shape") else self.alphas
        several = np.atleast_1d(np.asarray(given, dtype=object)).reshape(-1)
        bounds = "left" if self.cv is not None else "neither"
        for i, alpha in enumerate(several):
            name = f"alphas[{i}]" if len(several) > 1 else "alphas"
            check_scalar(alpha, name, Real, min_val=0.0, include_boundaries=bounds)
        alphas = several.astype(np.float64)
        if not len(alphas) or not np.isfinite(alphas).all():
            raise ValueError(f"alphas must be numbers below infinity, got {self.alphas!r}.")
        return alphas

    def _target(
        self, given: CheckedInputs, y: Any, sample_weight: Any, *, reset: bool, classes: Any = None
    ) -> tuple[Target, int]:
        self._memory_or_raise(given)
        if self.store_cv_results and given.whole is None:
            raise ValueError(
                "store_cv_results=True needs rows in memory, without steps before: results of all "
                "rows may not fit. Set store_cv_results=False: scores_ has the score of each "
                "penalty."
            )
        if self.gcv_mode == "svd" and given.whole is not None and is_sparse(given.whole.X):
            warnings.warn(
                "The 'svd' mode is not supported for sparse X, we fallback to `gcv_mode='eigen'`. "
                "Passing `gcv_mode='svd'` on sparse X will raise an error in scikit-learn 1.11, "
                "use the default or pass `gcv_mode='eigen'` to suppress this warning.",
                FutureWarning,
                stacklevel=2,
            )
        return super()._target(given, y, sample_weight, reset=reset, classes=classes)

    def _n_folds(self) -> int:
        return 0 if self.cv is None else super()._n_folds()

    def _publish(self) -> None:
        if self.cv is not None and not self._waits():
            self._choose(self._scores_of_folds())
            super()._publish()
            del self._folds

    def _read_more(self, settings: FitSettings, given: CheckedInputs) -> None:
        if self.cv is None:
            params = self._models()
            learner = left_out_errors.learner(params)
            errors = read_again(
                settings._replace(learner=learner), given.blocks, given.flow, None
            ).state
            squares, rows = (to_numpy(a).astype(np.float64) for a in errors)
            self._choose(self._scores_of_rows(squares, float(rows[0])))
            if self.store_cv_results:
                assert given.whole is not None
                self.cv_results_ = self._results(params, *rows_of(settings, given.whole))
            self._set(problem_of(self._state, fit_intercept=self.fit_intercept), 2)
        super()._read_more(settings, given)

    def _scores_of_rows(self, squares: np.ndarray, n_rows: float) -> np.ndarray:
        """Return the scores (n_alphas, n_targets), from sums of weights times squared errors."""
        if self.scoring is None:
            return -squares / n_rows
        about = problem_of(self._state, fit_intercept=True)
        if self.scoring == "neg_mean_squared_error":
            return -squares / about.weight
        return shares_explained(squares, about.yy * about.unit[about.d :] ** 2)

    def _results(
        self, params: left_out_errors.Params, X: Array, weight: Array | None, target: Array
    ) -> Array:
        """Return what ``cv_results_`` is: squared errors, or predictions if there is a scoring."""
        errors = left_out_errors.of_rows(params, X, weight, target)
        xp = namespace(errors)
        if self.scoring is None:
            out = errors * errors
            if weight is not None:
                out = out * cast(weight, out.dtype)[:, None]
        else:
            out = cast(target if target.ndim == 2 else target[:, None], errors.dtype) - errors
        out = cast(xp.permute_dims(out, (1, 2, 0)), self._like.dtype)
        return out[:, 0, :] if self._columns is None else out

    def _choose(self, scores: np.ndarray) -> None:
        """Set the penalty with the best score, given those of shape (n_alphas, n_targets)."""
        several = self.alpha_per_target and self._columns not in (None, 1)
        scores = scores if several else scores.mean(axis=1)
        self.scores_ = self._as_learned(scores)
        best = np.argmax(scores, axis=0)
        self._chosen = self._tried()[best]
        if several:
            self.alpha_ = self._as_learned(self._chosen)
            self.best_score_ = self._as_learned(scores[best, np.arange(len(best))])
        else:
            self._chosen = self.alpha_ = float(self._chosen)
            self.best_score_ = float(scores[best])

    def _solved(self, problem: Problem) -> Solution:
        return solve(problem, np.broadcast_to(self._chosen, problem.xy.shape[1]), RIDGE_TOL)

    @sums_are_finite()
    def _models(self) -> left_out_errors.Params:
        """Return the models of all rows with all penalties."""
        problem = problem_of(self._state, fit_intercept=self.fit_intercept)
        d = problem.d
        x, y = problem.unit[:d], problem.unit[d:]
        values, vectors = linalg.eigh(problem.xx * x * x[:, None])
        shrunk = 1.0 / (np.maximum(values, 0.0) + self._tried()[:, None])
        b = vectors.T @ (problem.xy * x[:, None] * y)
        share = 1.0 / problem.weight if self.fit_intercept else 0.0
        return left_out_errors.Params(
            problem.mean[:d], vectors, shrunk, shrunk[:, :, None] * b, problem.mean[d:], share
        )

    def _scores_of_folds(self) -> np.ndarray:
        """Return the mean score over the folds, (n_alphas, n_targets)."""
        scores = [self._scores_of_fold(*split) for split in self._splits()]
        return np.mean(scores, axis=0)

    def _scores_of_fold(self, learned: Problem, held_out: Problem) -> np.ndarray:
        d, t = learned.xy.shape
        y = held_out.unit[d:]
        out = []
        for alpha in self._tried():
            coef = solve(learned, np.full(t, alpha), RIDGE_TOL).coef
            squares = squared_errors(coef, learned, held_out)
            if self.scoring == "neg_mean_squared_error":
                out.append(-squares * y * y / held_out.weight)
            else:
                out.append(shares_explained(squares, held_out.yy))
        return np.asarray(out)


def shares_explained(squares: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Return the scores "r2" of squared errors, given those of the mean, as scikit-learn's."""
    known = total > 0
    share = squares / np.where(known, total, 1.0)
    return np.where(known, 1.0 - share, np.where(squares > 0, 0.0, 1.0))
