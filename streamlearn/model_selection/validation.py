"""Fits on the training parts of splits, and scores on the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn import model_selection as theirs

from streamlearn.model_selection.fits import (
    SplitData,
    any_collection,
    defaults_or_raise,
    parts_of_source,
    scorers,
)
from streamlearn.model_selection.scored_fits import ScoredFits, error_score_or_raise


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

    The fits of all splits share each read of the blocks, and all scores are computed in one more
    read. Rows in memory go to scikit-learn's function.

    Parameters
    ----------
    estimator : object
        The estimator. Copies of it are fitted.
    X : array, DataFrame, dask array, dask DataFrame or source of blocks of shape \
(n_samples, n_features)
        The rows. Lengths of blocks may be unknown. A source may bring y and weights
        (`streamlearn.blocks.from_blocks`).
    y : array, Series, dask array or dask Series of shape (n_samples,) or \
(n_samples, n_outputs), default=None
        The targets.
    groups : array-like of shape (n_samples,), default=None
        Groups for the splitter. They need rows in memory.
    scoring : str, callable, list, tuple, dict or None, default=None
        The name of a scorer, a scorer ``(estimator, X, y)``, several names, or a dict of names or
        scorers. None means the estimator's own score. `sklearn.metrics.get_scorer_names` lists all
        names, and each works over collections.
    cv : int, splitter or None, default=None
        The number of folds, or a splitter of this package. None means 5 folds. They are
        stratified if the estimator is a classifier.
    n_jobs : int, default=None
        The number of fits at a time. It needs rows in memory: fits that share reads run in threads
        side by side, and dask runs the tasks of the others in parallel.
    verbose : int, default=0
        Whether lines are printed. It needs rows in memory.
    params : dict, default=None
        Further arguments of ``fit``. Arguments with one value for each row are split like X.
    pre_dispatch : int or str, default="2*n_jobs"
        The number of jobs that are dispatched. It needs rows in memory.
    return_train_score : bool, default=False
        Whether the training part is scored as well.
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
        If ``cv`` does not work over collections, or if some arrays are in memory and others are
        not.
    ValueError
        If X and y do not line up, if there are too few rows or blocks, if a parameter needs rows in
        memory, or if all fits fail.

    Warns
    -----
    FitFailedWarning
        If a fit fails and ``error_score`` is a number.

    Notes
    -----
    Estimators of this package share reads, also pipelines and `Incremental`, up to 64 fits at a
    time, if the blocks are loaded in this process. Each fit is the one that it would be
    alone, with its blocks in the same order. An estimator that shuffles blocks gets them in one
    random order, which is that of all splits. ``fit_time`` includes the time in which a fit waits
    for the others.

    Fits follow one another, and each reads the blocks of its own part, on a cluster, with
    ``Incremental(patience=...)``, callbacks or searches inside, and if blocks that cannot be read
    are skipped. Their first pass has the same order of blocks as that of fits that share reads.
    Scorers that are functions read by themselves.

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
    X, y, params = parts_of_source(estimator, X, y, params)
    if not any_collection(X, y, groups, *params.values()):
        how: dict[str, Any] = {"groups": groups, "scoring": scoring, "cv": cv, "n_jobs": n_jobs}
        how |= {"verbose": verbose, "params": params or None, "pre_dispatch": pre_dispatch}
        how |= {"return_train_score": return_train_score, "return_estimator": return_estimator}
        how |= {"return_indices": return_indices, "error_score": error_score}
        return dict(theirs.cross_validate(estimator, X, y, **how))
    defaults_or_raise(groups=groups, n_jobs=n_jobs, verbose=verbose, pre_dispatch=pre_dispatch)
    if return_indices:
        raise ValueError("return_indices needs rows in memory: rows of collections are drawn.")
    asked = scorers(estimator, scoring)
    error_score_or_raise(error_score)
    data = SplitData.of(estimator, X, y, params, cv)
    planned = data.planned_fits([estimator])
    fits = ScoredFits(data, planned, asked, error_score, train_score=return_train_score)
    out: dict[str, Any] = {**fits.arrays()}
    if return_estimator:
        out["estimator"] = fits.estimators
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
