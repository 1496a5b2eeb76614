"""Fits some steps of a pipeline before its learner sees the first row.

An encoder makes a column of each category. So the learner's number of features is known only when
all categories are known. Encoders are fitted beforehand, and so are the steps before them in their
branch. This pass reads only the columns of that branch, also from Parquet files.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.compose import ColumnTransformer

from streamlearn import blocks as engine
from streamlearn import stages
from streamlearn._thirdparty.lazy import ask
from streamlearn._thirdparty.tags import takes_collections


class Leaf(NamedTuple):
    """A step that is no pipeline, with the arguments of its learning."""

    path: str
    estimator: Any
    params: dict[str, Any]


def fitted_before(
    leaves: list[Leaf],
    X: Any,
    y: Any,
    *,
    further: bool,
    exact: bool,
    fit: Callable[[str, Any, Any, Any], None],
    verbose: bool = False,
) -> dict[int, Any]:
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
    fit : callable
        ``(name, estimator, X, y)``: it fits a step of another library block by block.
    verbose : bool
        Print what was fitted, how long it took and how many bytes were read.

    Returns
    -------
    dict of int to object
        Fitted copies, by the ``id`` of the steps.
    """
    known: dict[int, Any] = {}
    started = time.time()
    steps = [leaf.estimator for leaf in leaves]
    last = _last_before(steps, exact=False)
    one = partial(_fit_one, y=y, known=known, further=further, fit=fit)
    rows = X
    with engine.bytes_read() as read:
        for i, step in enumerate(steps):
            if i <= last:
                rows = one(step, rows)
            elif isinstance(step, ColumnTransformer) and not i:
                _fit_branches(step, X, known, one, further=further, exact=exact)
    if verbose and known:
        names = ", ".join(type(fitted).__name__ for fitted in known.values())
        print(  # noqa: T201
            f"[Pipeline] fitted beforehand, on their columns alone: {names}; {len(read)} passes "
            f"over {sum(read):,} bytes, {time.time() - started:.1f} s"
        )
    return known


def _last_before(steps: list[Any], *, exact: bool) -> int:
    """Return the place of the last of some steps that must be known beforehand, -1 if none."""
    if exact:
        return len(steps) - 2
    return max((i for i, step in enumerate(steps) if _must_be_known(step)), default=-1)


def _must_be_known(step: Any) -> bool:
    return getattr(step, "_known_beforehand", lambda: False)()


def _fit_branches(
    estimator: Any,
    X: Any,
    known: dict[int, Any],
    one: Callable[[Any, Any], Any],
    *,
    further: bool,
    exact: bool,
) -> None:
    """Fit the first steps of each branch of a column transformer, on its columns alone."""
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
    places = stages.layout_of(estimator, _sample(X))
    columns = {place.name: place.columns for place in places}
    for name, end in ends.items():
        if end < 0 or not columns.get(name):
            continue
        steps = branches[name][: end + 1]
        if name in former:
            known.update(zip(map(id, steps), former[name], strict=False))
            continue
        rows = _selected(X, columns[name])
        for step in steps:
            rows = one(step, rows)


def _fit_one(
    step: Any, X: Any, *, y: Any, known: dict[int, Any], further: bool, fit: Callable[..., None]
) -> Any:
    """Fit a copy of a step, and return what it makes of X."""
    fitted, whole = step, takes_collections(step) or not engine.is_collection(X)
    if not (further and hasattr(step, "n_features_in_")):
        fitted = clone(step)
        if isinstance(X, engine.StreamedRows):
            X.again_or_raise()  # the steps after it read the rows, too
        if whole:
            fitted.fit(X, y)
        else:
            fit(type(step).__name__.lower(), fitted, X, y)
    known[id(step)] = fitted
    return fitted.transform(X) if whole else ask(fitted, "transform", X)


def _sample(X: Any) -> Any:
    """Return a few rows of a container, or some that are like them."""
    if not engine.is_collection(X):
        return engine.head(X, 2)
    if isinstance(X, engine.StreamedRows):
        return X.head
    return X._meta_nonempty if engine.is_frame(X) else np.zeros((2, X.shape[1]), X.dtype)


def _selected(X: Any, columns: list[int]) -> Any:
    """Return some columns of a container. Of a frame only these are read."""
    if isinstance(X, engine.StreamedRows):
        return X.select(columns)
    if hasattr(X, "columns"):
        return X[[X.columns[j] for j in columns]]
    return X[:, columns]
