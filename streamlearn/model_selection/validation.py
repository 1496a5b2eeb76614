"""Fits on the training parts of splits, and scores on the others."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Mapping
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
from sklearn import model_selection as theirs
from sklearn.base import clone, is_classifier
from sklearn.exceptions import FitFailedWarning

from streamlearn import blocks as engine
from streamlearn._sklearn import _routing_enabled
from streamlearn._thirdparty.lazy import Lazily
from streamlearn._thirdparty.tags import is_by_row, is_lazy, rows_known, takes_collections
from streamlearn.model_selection.splitters import splitter_of
from streamlearn.wrappers import scoring as scorers_of


def cross_validate(
    estimator: Any,
    X: Any,
    y: Any = None,
    *,
    groups: Any = None,
    scoring: Any = None,
    cv: Any = None,
    n_jobs: Any = None,
    verbose: int = 0,
    params: Mapping[str, Any] | None = None,
    pre_dispatch: Any = "2*n_jobs",
    return_train_score: bool = False,
    return_estimator: bool = False,
    return_indices: bool = False,
    error_score: Any = np.nan,
) -> dict[str, Any]:
    """Fit an estimator to the training part of each split, and score it on the other part.

    A fit reads the blocks of the training part. All scores of a split are computed in one read of
    the blocks of the test part. Rows in memory go to scikit-learn's function.

    Parameters
    ----------
    estimator : object
        The estimator. Copies of it are fitted.
    X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
        The rows. Lengths of blocks may be unknown.
    y : array, Series, dask array or dask Series of shape (n_samples,) or \
(n_samples, n_outputs), default=None
        The targets.
    groups : array-like of shape (n_samples,), default=None
        Groups for the splitter. They need rows in memory.
    scoring : str, callable, list, tuple, dict or None, default=None
        The name of a scorer, a scorer ``(estimator, X, y)``, several names, or a dict of names or
        scorers. None means the estimator's own score. For collections a name may be one of those
        that `streamlearn.wrappers.ParallelPostFit` has.
    cv : int, splitter or None, default=None
        The number of folds, or a splitter of this package. None means 5 folds. They are
        stratified if the estimator is a classifier.
    n_jobs : int, default=None
        The number of fits at a time. It needs rows in memory: dask runs the tasks of a fit in
        parallel, and fits follow one another.
    verbose : int, default=0
        Whether lines are printed. It needs rows in memory.
    params : dict, default=None
        Further arguments of ``fit``. Those with one value for each row are split like X.
    pre_dispatch : int or str, default="2*n_jobs"
        The number of jobs that are dispatched. It needs rows in memory.
    return_train_score : bool, default=False
        Whether the training part is scored as well, which reads it once more.
    return_estimator : bool, default=False
        Whether the fitted estimators are returned.
    return_indices : bool, default=False
        Whether the indices of the rows are returned. It needs rows in memory.
    error_score : "raise" or float, default=numpy.nan
        The score if a fit fails. "raise" raises the error of the fit.

    Returns
    -------
    dict of str to ndarray or list
        The keys are scikit-learn's: ``test_score`` (``test_NAME`` for several scorers),
        ``train_score``, ``fit_time``, ``score_time`` and ``estimator``.

    Raises
    ------
    TypeError
        If ``cv`` has no form for collections, or if some arrays are in memory and others are not.
    ValueError
        If X and y do not line up, if there are too few rows, if a parameter needs rows in memory,
        or if all fits fail.

    Warns
    -----
    FitFailedWarning
        If a fit fails and ``error_score`` is a number.

    Notes
    -----
    Differences from scikit-learn:

    - Splits of collections are those of the splitters of this package.
    - An estimator of another library gets the training part of a collection in memory, unless it
      holds an estimator of this package.
    - Metadata routing is an error for collections.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.linear_model import SGDRegressor
    >>> from streamlearn.model_selection import cross_validate
    >>> X = da.random.default_rng(0).normal(size=(5000, 2), chunks=(500, 2))
    >>> found = cross_validate(SGDRegressor(random_state=0), X, X[:, 0], cv=2, scoring=["r2"])
    >>> sorted(found), bool((found["test_r2"] > 0.99).all())
    (['fit_time', 'score_time', 'test_r2'], True)
    """
    params = dict(params or {})
    if not in_collections(X, y, groups, *params.values()):
        how: dict[str, Any] = {"groups": groups, "scoring": scoring, "cv": cv, "n_jobs": n_jobs}
        how |= {"verbose": verbose, "params": params or None, "pre_dispatch": pre_dispatch}
        how |= {"return_train_score": return_train_score, "return_estimator": return_estimator}
        how |= {"return_indices": return_indices, "error_score": error_score}
        return dict(theirs.cross_validate(estimator, X, y, **how))
    one_by_one_or_raise(groups=groups, n_jobs=n_jobs, verbose=verbose)
    if return_indices:
        raise ValueError("return_indices needs rows in memory: rows of collections are drawn.")
    asked = scorers(scoring)
    outcomes = Outcomes(error_score)
    task = Task.of(estimator, X, y, params, cv)
    for train, test in task.parts():
        outcomes.add(estimator, train, test, asked, train_score=return_train_score)
    out = outcomes.arrays()
    if return_estimator:
        out["estimator"] = outcomes.estimators
    return out


def cross_val_score(
    estimator: Any,
    X: Any,
    y: Any = None,
    *,
    groups: Any = None,
    scoring: Any = None,
    cv: Any = None,
    n_jobs: Any = None,
    verbose: int = 0,
    params: Mapping[str, Any] | None = None,
    pre_dispatch: Any = "2*n_jobs",
    error_score: Any = np.nan,
) -> np.ndarray:
    """Return the score of each split; see `cross_validate` for the parameters and the errors.

    Parameters
    ----------
    estimator, X, y, groups, cv, n_jobs, verbose, params, pre_dispatch, error_score : object
        As those of `cross_validate`.
    scoring : str, callable or None, default=None
        One scorer.

    Returns
    -------
    ndarray of shape (n_splits,)
        The scores on the test parts.

    Raises
    ------
    TypeError, ValueError
        If `cross_validate` raises it, or if there are several scorers.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.linear_model import SGDRegressor
    >>> from streamlearn.model_selection import cross_val_score
    >>> X = da.random.default_rng(0).normal(size=(5000, 2), chunks=(500, 2))
    >>> scores = cross_val_score(SGDRegressor(random_state=0), X, X[:, 0], cv=2)
    >>> scores.shape, bool((scores > 0.99).all())
    ((2,), True)
    """
    if not (scoring is None or isinstance(scoring, str) or callable(scoring)):
        raise ValueError(
            f"scoring={scoring!r} is not one scorer. Give one, or use cross_validate for several."
        )
    how: dict[str, Any] = {"groups": groups, "scoring": scoring, "cv": cv, "n_jobs": n_jobs}
    how |= {"verbose": verbose, "params": params, "pre_dispatch": pre_dispatch}
    found = cross_validate(estimator, X, y, error_score=error_score, **how)
    return np.asarray(found["test_score"])


def in_collections(*given: Any) -> bool:
    """Return whether one of some arguments is a collection."""
    return any(map(is_lazy, given))


def one_by_one_or_raise(
    *, groups: Any = None, n_jobs: Any = None, verbose: int = 0, **others: Any
) -> None:
    """Check that parameters that need rows in memory have their defaults.

    Raises
    ------
    ValueError
        If one has not, or if metadata routing is enabled.
    """
    if groups is not None:
        raise ValueError("groups needs rows in memory: no splitter of collections has groups.")
    if n_jobs not in (None, 1):
        raise ValueError(
            f"n_jobs={n_jobs!r} needs rows in memory. dask runs the tasks of a fit in parallel. "
            "Leave n_jobs out."
        )
    if verbose:
        raise ValueError(
            f"verbose={verbose!r} needs rows in memory. Set verbose of the estimator instead."
        )
    for name, value in others.items():
        if value:
            raise ValueError(f"{name}={value!r} needs rows in memory. Leave it out.")
    if _routing_enabled():
        raise ValueError(
            "Metadata routing is not supported over collections. Disable it: "
            "sklearn.set_config(enable_metadata_routing=False). Then params go to fit."
        )


def scorers(scoring: Any) -> dict[str, Any]:
    """Return the scorers by name. A single one is called "score", and None is the own score.

    Raises
    ------
    ValueError
        If there are none, or if a name is no scorer.
    """
    if scoring is None or isinstance(scoring, str) or callable(scoring):
        return {"score": scorers_of.scorer_of(scoring)}
    given = scoring if isinstance(scoring, Mapping) else {name: name for name in scoring}
    if not given:
        raise ValueError(f"scoring={scoring!r} has no scorer. Give at least one, or None.")
    return {name: scorers_of.scorer_of(one) for name, one in given.items()}


class Task(NamedTuple):
    """What is fitted and scored, and how its rows are split.

    Attributes
    ----------
    splitter : OverBlocks
    by_row : dict of str to dask collection
        The arguments of ``fit`` with one value for each row: X, y and others.
    same : dict of str to object
        The other arguments of ``fit``.
    labels : dask collection or None
        The targets.
    """

    splitter: Any
    by_row: dict[str, Any]
    same: dict[str, Any]
    labels: Any

    @classmethod
    def of(cls, estimator: Any, X: Any, y: Any, params: dict[str, Any], cv: Any) -> Task:
        """Return the task of the arguments of `cross_validate`."""
        by_row = {name: v for name, v in params.items() if is_by_row(name, v, rows_known(X))}
        same = {name: value for name, value in params.items() if name not in by_row}
        given = {"X": X, "y": y, **by_row}
        stratified = y is not None and is_classifier(estimator) and getattr(y, "ndim", 1) == 1
        splitter = splitter_of(cv, stratified=stratified)
        return cls(splitter, {name: x for name, x in given.items() if x is not None}, same, y)

    def parts(self) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """Yield the arguments of ``fit`` for both parts of each split."""
        for train, test in self.splitter.parts(self.by_row, self.labels):
            yield train | self.same, test | self.same


class Outcomes:
    """The scores and the times of fits.

    Parameters
    ----------
    error_score : "raise" or float
        The score if a fit fails. "raise" raises the error.
    """

    def __init__(self, error_score: Any) -> None:
        if error_score != "raise" and not isinstance(error_score, Real):
            raise ValueError(
                f"error_score must be the string 'raise' or a numeric value, got {error_score!r}."
            )
        self.error_score = error_score
        self.found: dict[str, list[Any]] = {}
        self.estimators: list[Any] = []
        self.errors: list[Exception] = []

    def add(
        self,
        estimator: Any,
        train: dict[str, Any],
        test: dict[str, Any],
        asked: dict[str, Any],
        *,
        train_score: bool,
    ) -> None:
        """Fit a copy of an estimator to one part and score it on the other, or on both."""
        start = time.perf_counter()
        fitted, failed = clone(estimator), False
        try:
            fit(fitted, train)
        except Exception as error:
            if self.error_score == "raise":
                raise
            self.errors.append(error)
            failed = True
        middle = time.perf_counter()
        values: dict[str, Any] = {}
        for name, part in {"test": test, **({"train": train} if train_score else {})}.items():
            scores = dict.fromkeys(asked, self.error_score)
            if not failed:
                lazy, X, y = lazily(fitted), part["X"], part.get("y")
                scores = scorers_of.scores_of_collection(lazy, fitted, asked, X, y)
            values |= {f"{name}_{key}": value for key, value in scores.items()}
        values |= {"fit_time": middle - start, "score_time": time.perf_counter() - middle}
        self.estimators.append(fitted)
        for key, value in values.items():
            self.found.setdefault(key, []).append(value)

    def arrays(self, *shape: int) -> dict[str, Any]:
        """Return all that was found, by name.

        Parameters
        ----------
        *shape : int
            The shape of each array. By default it is (n_fits,).

        Raises
        ------
        ValueError
            If all fits failed.

        Warns
        -----
        FitFailedWarning
            If some failed.
        """
        n, n_failed = len(self.estimators), len(self.errors)
        if n_failed == n:
            raise ValueError(
                f"All the {n} fits failed. It is very likely that your model is misconfigured. "
                'error_score="raise" raises the error of the first fit, which is the cause above.'
            ) from self.errors[0]
        if n_failed:
            first = self.errors[0]
            warnings.warn(
                f"{n_failed} fits failed out of a total of {n}, and their score is "
                f"{self.error_score}. The first error: {type(first).__name__}: {first}",
                FitFailedWarning,
                stacklevel=3,
            )
        return {key: np.asarray(v).reshape(shape or n) for key, v in self.found.items()}


def fit(estimator: Any, given: dict[str, Any]) -> None:
    """Fit an estimator to the arguments of ``fit`` by name.

    One of another library that holds none of ours gets its rows in memory.
    """
    further = dict(given)
    inner = estimator.get_params().values()
    if not any(map(takes_collections, (estimator, *inner))):
        further = dict(zip(further, engine.in_memory(*further.values()), strict=True))
    X, y = further.pop("X"), further.pop("y", None)
    estimator.fit(X, *([] if y is None else [y]), **further)


def lazily(fitted: Any) -> Any:
    """Return a fitted estimator whose predictions of collections are lazy."""
    return fitted if takes_collections(fitted) else Lazily(fitted)
