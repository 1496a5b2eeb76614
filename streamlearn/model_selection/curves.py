"""Scores by the number of rows to learn from, and by the values of a parameter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn import model_selection as theirs
from sklearn.base import clone

from streamlearn.model_selection.draws import seed_of
from streamlearn.model_selection.fits import (
    SplitData,
    any_collection,
    defaults_or_raise,
    parts_of_source,
    scorers,
)
from streamlearn.model_selection.folds import NestedPart, Part, Rows, blocks_of, counts_of
from streamlearn.model_selection.scored_fits import ScoredFits, error_score_or_raise
from streamlearn.model_selection.sizes import Sizes, cut_at, drawn


def validation_curve(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    param_name: str,
    param_range: Sequence[Any],
    groups: Any = None,
    cv: Any = None,
    scoring: Any = None,
    n_jobs: Any = None,
    pre_dispatch: Any = "all",
    verbose: int = 0,
    error_score: Any = np.nan,
    params: Mapping[str, Any] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the scores for each value of a parameter.

    Parameters
    ----------
    estimator, X, y, groups, cv, n_jobs, pre_dispatch, verbose, error_score, params : object
        As those of `streamlearn.model_selection.cross_validate`.
    scoring : str, callable or None, default=None
        One scorer.
    param_name : str
        The name of the parameter.
    param_range : sequence of shape (n_values,)
        Its values.

    Returns
    -------
    train_scores, test_scores : ndarray of shape (n_values, n_splits)
        The scores on both parts of each split.

    Raises
    ------
    TypeError, ValueError
        If `streamlearn.model_selection.cross_validate` raises it.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.linear_model import SGDRegressor
    >>> from streamlearn.model_selection import validation_curve
    >>> X = da.random.default_rng(0).normal(size=(5000, 2), chunks=(500, 2))
    >>> how = {"param_name": "alpha", "param_range": [1e-4, 10.0], "cv": 2}
    >>> train, test = validation_curve(SGDRegressor(random_state=0), X, X[:, 0], **how)
    >>> test.shape, bool((test[0] > test[1]).all())
    ((2, 2), True)
    """
    X, y, params = parts_of_source(estimator, X, y, params)
    how: dict[str, Any] = {"groups": groups, "n_jobs": n_jobs, "verbose": verbose}
    if not any_collection(X, y, groups, *params.values()):
        how |= {"param_name": param_name, "param_range": param_range, "cv": cv}
        how |= {"scoring": scoring, "pre_dispatch": pre_dispatch, "params": params or None}
        found: Any = theirs.validation_curve(estimator, X, y, error_score=error_score, **how)
        return found
    defaults_or_raise(**how, pre_dispatch=pre_dispatch)
    if isinstance(param_range, str) or not isinstance(param_range, Iterable):
        raise TypeError(
            f"param_range={param_range!r} is not a list of values. Give one, such as "
            f"[{param_range!r}]."
        )
    values = list(param_range)
    if not values:
        raise ValueError("param_range has no values. Give at least one.")
    asked = scorers(estimator, scoring)
    error_score_or_raise(error_score)
    data = SplitData.of(estimator, X, y, params, cv)
    candidates = [
        clone(estimator).set_params(**{param_name: clone(value, safe=False)}) for value in values
    ]
    fits = ScoredFits(data, data.planned_fits(candidates), asked, error_score, train_score=True)
    out = fits.arrays(-1, len(values))
    return out["train_score"].T, out["test_score"].T


def learning_curve(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    groups: Any = None,
    train_sizes: Any = None,
    cv: Any = None,
    scoring: Any = None,
    exploit_incremental_learning: bool = False,
    n_jobs: Any = None,
    pre_dispatch: Any = "all",
    verbose: int = 0,
    shuffle: bool = False,
    random_state: Any = None,
    error_score: Any = np.nan,
    return_times: bool = False,
    params: Mapping[str, Any] | None = None,
) -> tuple[np.ndarray, ...]:
    """Return the scores for growing numbers of rows to learn from.

    Parameters
    ----------
    estimator, X, y, groups, cv, n_jobs, pre_dispatch, verbose, error_score, params : object
        As those of `streamlearn.model_selection.cross_validate`.
    train_sizes : array-like of shape (n_sizes,), default=None
        Shares of the rows of the training part, in (0, 1]. None means 0.1, 0.325, 0.55, 0.775, 1.
        Numbers of rows need rows in memory.
    scoring : str, callable or None, default=None
        One scorer.
    exploit_incremental_learning : bool, default=False
        Whether ``partial_fit`` is used. It needs rows in memory.
    shuffle : bool, default=False
        Whether the rows are drawn from each block. If False, the first ones are taken. It has to be
        True for a source of blocks.
    random_state : int, RandomState instance or None, default=None
        It determines the draws.
    return_times : bool, default=False
        Whether the times are returned.

    Returns
    -------
    train_sizes_abs : ndarray of shape (n_sizes,)
        The mean number of rows that were learned from.
    train_scores, test_scores : ndarray of shape (n_sizes, n_splits)
        The scores on both parts of each split.
    fit_times, score_times : ndarray of shape (n_sizes, n_splits)
        The seconds, if ``return_times`` is True.

    Raises
    ------
    TypeError, ValueError
        If `streamlearn.model_selection.cross_validate` raises it, or if a size is not a share.

    Notes
    -----
    A fit that reads by itself, as on a cluster, reads the blocks of its rows only. With ``shuffle``
    these are all blocks of the part.

    Differences from scikit-learn:

    - The sizes of a collection are shares of the training part of each split. They are counted
      while that part is scored, because the lengths of its blocks may be unknown.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.linear_model import SGDRegressor
    >>> from streamlearn.model_selection import learning_curve
    >>> X = da.random.default_rng(0).normal(size=(5000, 2), chunks=(500, 2))
    >>> how = {"train_sizes": [0.2, 1.0], "cv": 2}
    >>> sizes, train, test = learning_curve(SGDRegressor(random_state=0), X, X[:, 0], **how)
    >>> sizes.tolist(), test.shape
    ([500, 2500], (2, 2))
    """
    X, y, params = parts_of_source(estimator, X, y, params)
    train_sizes = np.linspace(0.1, 1.0, 5) if train_sizes is None else np.asarray(train_sizes)
    how: dict[str, Any] = {"groups": groups, "n_jobs": n_jobs, "verbose": verbose}
    how["exploit_incremental_learning"] = exploit_incremental_learning
    if not any_collection(X, y, groups, *params.values()):
        how |= {"train_sizes": train_sizes, "cv": cv, "scoring": scoring, "shuffle": shuffle}
        how |= {"pre_dispatch": pre_dispatch, "random_state": random_state}
        how |= {"return_times": return_times, "params": params or None}
        found: Any = theirs.learning_curve(estimator, X, y, error_score=error_score, **how)
        return found
    defaults_or_raise(**how, pre_dispatch=pre_dispatch)
    if not train_sizes.size:
        raise ValueError("train_sizes has no sizes. Give at least one share in (0, 1].")
    if train_sizes.dtype.kind != "f" or not ((train_sizes > 0) & (train_sizes <= 1)).all():
        raise ValueError(
            f"train_sizes of collections are shares in (0, 1], got {train_sizes.tolist()}. Divide "
            "numbers of rows by the length of the training part."
        )
    asked = scorers(estimator, scoring)
    error_score_or_raise(error_score)
    data = SplitData.of(estimator, X, y, params, cv)
    seed = seed_of(random_state) if shuffle else None
    planned = [
        each._replace(train=_some(data.rows, each.train, float(share), seed))
        for each in data.planned_fits([estimator])
        for share in train_sizes
    ]
    fits = ScoredFits(data, planned, asked, error_score, train_score=True)
    out = fits.arrays(-1, len(train_sizes))
    counted = np.reshape(fits.n_rows("train"), (-1, len(train_sizes)))
    sizes = counted.mean(axis=0).round().astype(int)
    names = ["train_score", "test_score", *(["fit_time", "score_time"] if return_times else [])]
    return sizes, *(out[name].T for name in names)


def _some(rows: Rows, train: Part, share: float, seed: int | None) -> Part:
    """Return a share of the rows of a part: the first ones, or rows drawn by a seed."""
    if share == 1:
        return train
    known = None if rows.lengths is None else counts_of(train, rows.lengths)
    asked = Sizes(share, 1 - share, None)
    if known is not None:
        n = sum(known)
        asked = Sizes(max(int(share * n), 1), n - max(int(share * n), 1), n)
    if seed is not None:
        return NestedPart.of(rows, train, drawn(asked, seed, stratified=False).train)
    if rows.lengths is None:
        return cut_at(asked, None).train
    numbers = blocks_of(train, len(rows.lengths))
    n_blocks = len(rows.lengths) if numbers is None else len(numbers)
    return NestedPart.of(rows, train, cut_at(asked, n_blocks).train)
