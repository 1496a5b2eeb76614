"""`cross_val_predict`: each row is predicted by a model that has not learned from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sklearn import model_selection as theirs

from streamlearn._arrays import to_numpy
from streamlearn.model_selection.fits import (
    PlannedFit,
    SplitData,
    any_collection,
    defaults_or_raise,
    fits_or_raise,
    lazily,
    parts_of_source,
)
from streamlearn.model_selection.folds import rows_of
from streamlearn.model_selection.scored_fits import fits_of
from streamlearn.model_selection.splitters import KFold, StratifiedKFold

METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function")


def cross_val_predict(
    estimator: Any,
    X: Any,
    y: Any = None,
    *,
    groups: Any = None,
    cv: Any = None,
    n_jobs: Any = None,
    verbose: int = 0,
    params: Mapping[str, Any] | None = None,
    pre_dispatch: Any = "2*n_jobs",
    method: str = "predict",
) -> Any:
    """Predict each row by a model that has learned from the other folds.

    The models are fitted now, in one read if the estimator needs one. The predictions of a
    collection are lazy.

    Parameters
    ----------
    estimator, X, y, groups, n_jobs, verbose, params, pre_dispatch : object
        As those of `streamlearn.model_selection.cross_validate`.
    cv : int, KFold, StratifiedKFold or None, default=None
        The folds. Each row has to be in one of them. For a source of blocks they have to be those
        of a `KFold`.
    method : str, default="predict"
        The method of the estimator: "predict", "predict_proba", "predict_log_proba" or
        "decision_function".

    Returns
    -------
    array, dask array, dask Series, dask DataFrame or StreamedRows
        What the method returns, in the order of X, with the blocks of X.

    Raises
    ------
    TypeError, ValueError
        If `streamlearn.model_selection.cross_validate` raises it, if the splits are not folds, if a
        fit fails, or if the classes of the folds differ.

    Notes
    -----
    Differences from scikit-learn:

    - If the folds of a collection do not have the same classes, it is an error.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.linear_model import SGDRegressor
    >>> from streamlearn.model_selection import cross_val_predict
    >>> X = da.random.default_rng(0).normal(size=(5000, 2), chunks=(500, 2))
    >>> predicted = cross_val_predict(SGDRegressor(random_state=0), X, X[:, 0], cv=2)
    >>> predicted.shape, bool((abs(predicted - X[:, 0]) < 0.1).all())
    ((5000,), True)
    """
    X, y, params = parts_of_source(estimator, X, y, params)
    if not any_collection(X, y, groups, *params.values()):
        how: dict[str, Any] = {"groups": groups, "cv": cv, "n_jobs": n_jobs, "verbose": verbose}
        how |= {"params": params or None, "pre_dispatch": pre_dispatch, "method": method}
        return theirs.cross_val_predict(estimator, X, y, **how)
    defaults_or_raise(groups=groups, n_jobs=n_jobs, verbose=verbose, pre_dispatch=pre_dispatch)
    fits_or_raise(estimator)
    data = SplitData.of(estimator, X, y, params, cv)
    if not isinstance(data.splitter, KFold | StratifiedKFold):
        raise ValueError(
            "cross_val_predict only works for partitions: each row must be in the test part of "
            f"one split, and {type(data.splitter).__name__} has others. Give KFold or "
            "StratifiedKFold."
        )
    folds = data.splitter.folds(data.rows)
    if data.rows.lengths is None and not folds.in_turn:
        raise ValueError(
            f"{type(data.splitter).__name__} deals the rows of each block to the folds, and "
            "predictions of a source are made block by block. Give cv=KFold(n), whose folds are "
            "blocks of a source."
        )
    fits = fits_of(data, [PlannedFit(estimator, *split) for split in folds.splits()])
    fitted = [each.estimator for each in fits]
    if not hasattr(fitted[0], method):
        raise AttributeError(
            f"method={method!r}, and {type(estimator).__name__} has no such method with these "
            f"parameters. Give one of {', '.join(m for m in METHODS if hasattr(fitted[0], m))}, or "
            "an estimator that has it."
        )
    _same_classes_or_raise([getattr(each, "classes_", None) for each in fitted], method)
    predicted = {f"fold {i}": getattr(lazily(each), method)(X) for i, each in enumerate(fitted)}
    labels = y if folds.stratified else None
    return rows_of(predicted, labels).merged(folds.fold_of_block, folds.of_rows)


def _same_classes_or_raise(found: list[Any], method: str) -> None:
    if method == "predict" or any(classes is None for classes in found):
        return
    listed = [to_numpy(classes).tolist() for classes in found]
    if any(classes != listed[0] for classes in listed):
        i = next(i for i, classes in enumerate(listed) if classes != listed[0])
        raise ValueError(
            f"The folds have other classes: fold 0 has {listed[0]} and fold {i} has {listed[i]}, "
            f"so {method} returns other columns. List all labels in classes of the estimator, or "
            "give cv=StratifiedKFold(...)."
        )
