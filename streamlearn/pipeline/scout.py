"""Fits some steps of a pipeline before its learner sees the first row.

An encoder makes a column of each category. So the learner's number of features is known only when
all categories are known. Encoders are fitted beforehand, and so are the steps before them in their
branch. This pass reads only the columns of that branch, also from Parquet files.

A `TargetEncoder` must know all targets before it encodes a row. The rows that the learner learns
from are those that it was fitted to, and it encodes each of them by what other rows say.
"""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion

from streamlearn import blocks as engine
from streamlearn import stages
from streamlearn.stages import Known


class Leaf(NamedTuple):
    """A step that is no pipeline, with the arguments of its learning."""

    path: str
    estimator: Any
    params: dict[str, Any]


def fitted_before(
    leaves: list[Leaf], X: Any, y: Any, *, further: bool, exact: bool, verbose: bool = False
) -> dict[int, Known]:
    """Fit the steps that must be fitted beforehand.

    Parameters
    ----------
    leaves : list of Leaf
        The steps ahead of the learner.
    X, y : containers
    further : bool
        Whether this is ``partial_fit``, which leaves fitted steps as they are.
    exact : bool
        Fit each step beforehand that has another one after it in its branch.
    verbose : bool
        Print what was fitted, how long it took and how many bytes were read.

    Returns
    -------
    dict of int to Known
        The stages of fitted copies, by the ``id`` of the steps.
    """
    known: dict[int, Known] = {}
    started = time.time()
    with engine.bytes_read() as read:
        _fit_all(leaves, X, y, known, further=further, exact=exact)
    if verbose and known:
        names = ", ".join(type(stage.estimator).__name__ for stage in known.values())
        print(  # noqa: T201
            f"[Pipeline] fitted beforehand, on their columns alone: {names}; {len(read)} passes "
            f"over {sum(read):,} bytes, {time.time() - started:.1f} s"
        )
    return known


def _fit_all(
    leaves: list[Leaf], X: Any, y: Any, known: dict[int, Known], *, further: bool, exact: bool
) -> None:
    """Fit the steps that must be fitted beforehand, and branches of the first step."""
    steps = [leaf.estimator for leaf in leaves]
    last = _last_before(steps, exact=False)
    rows = X
    for i, step in enumerate(steps):
        if i <= last:
            rows = _fit_one(step, rows, y, known, further=further)
        elif isinstance(step, FeatureUnion | ColumnTransformer) and not i:
            _fit_branches(step, X, y, known, further=further, exact=exact)


def _last_before(steps: list[Any], *, exact: bool) -> int:
    """Return the place of the last of some steps that must be known beforehand, -1 if none."""
    needed = _cross_fits if exact else _must_be_known
    last = max((i for i, step in enumerate(steps) if needed(step)), default=-1)
    return max(last, len(steps) - 2) if exact else last


def _must_be_known(step: Any) -> bool:
    return getattr(step, "_known_beforehand", lambda: False)()


def _cross_fits(step: Any) -> bool:
    """Return whether a step encodes the rows that it is fitted to in another way than others."""
    return hasattr(step, "_cross_fit")


def _fit_branches(
    estimator: Any, X: Any, y: Any, known: dict[int, Known], *, further: bool, exact: bool
) -> None:
    """Fit the first steps of each branch, on its columns alone."""
    branches = {
        name: [leaf for _, leaf in stages.leaves(name, inner)]
        for name, inner in stages.branches_of(estimator)
    }
    ends = {name: _last_before(steps, exact=exact) for name, steps in branches.items()}
    if all(end < 0 for end in ends.values()):
        return
    former = {}
    if further:
        former = {
            name: [leaf for _, leaf in stages.leaves(name, inner)]
            for name, inner, _ in getattr(estimator, "transformers_", ())
        }
    columns: dict[str, Any] = dict.fromkeys(branches, slice(None))
    if isinstance(estimator, ColumnTransformer):
        places = stages.layout_of(estimator, _sample(X))
        columns = {place.name: place.columns for place in places}
    for name, end in ends.items():
        if end < 0 or not columns.get(name):
            continue
        steps = branches[name][: end + 1]
        if name in former:
            both = zip(steps, former[name], strict=False)
            known.update((id(step), Known(step, fitted)) for step, fitted in both)
            continue
        rows = _selected(X, columns[name])
        for step in steps:
            rows = _fit_one(step, rows, y, known, further=further)


def _fit_one(step: Any, X: Any, y: Any, known: dict[int, Known], *, further: bool) -> Any:
    """Fit a copy of a step, and return what it makes of X."""
    if further and hasattr(step, "n_features_in_"):
        known[id(step)] = Known(step, step)
        return step.transform(X)
    fitted = clone(step)
    if _cross_fits(step):
        function = fitted._cross_fit(X, y)
        known[id(step)] = Known(step, fitted, function)
        return fitted._cross_fitted(X, function)
    known[id(step)] = Known(step, fitted.fit(X, y))
    return fitted.transform(X)


def _sample(X: Any) -> Any:
    """Return a few rows of a container, or some that are like them."""
    if not engine.is_collection(X):
        return stages.head(X, 2)
    return X._meta_nonempty if engine.is_frame(X) else np.zeros((2, X.shape[1]), X.dtype)


def _selected(X: Any, columns: Any) -> Any:
    """Return some columns of a container; of a frame it reads only these."""
    if isinstance(columns, slice):
        return X
    if hasattr(X, "columns"):
        return X[[X.columns[j] for j in columns]]
    return X[:, columns]
