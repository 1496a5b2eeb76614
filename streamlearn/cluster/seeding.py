"""The first centres, from the rows of the first block, with scikit-learn's draws."""

from __future__ import annotations

from collections.abc import Callable
from math import log
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import check_array

from streamlearn._arrays import (
    Array,
    asarray,
    default_int,
    dense,
    first_row,
    is_array,
    is_sparse,
    namespace,
    rows_at,
    same_place,
    to_float,
    to_numpy,
)
from streamlearn._validation.messages import diverged, few_rows, no_weight
from streamlearn.blocks import LazyRows
from streamlearn.core import kmeans
from streamlearn.core.kmeans.plus_plus import seeds


class Start(NamedTuple):
    """How the first centres are found.

    Attributes
    ----------
    n_clusters : int
    how : {"k-means++", "random"}, callable or ndarray
        The method, or the centres themselves.
    size : int
        The number of rows that are drawn to look at.
    tries : int or None
        How often centres are drawn. The best ones on other rows are kept. None draws once and
        compares nothing. 0 is for given centres and draws nothing, so that the length of the first
        block does not matter. (scikit-learn draws rows for given centres, too.)
    verbose : bool
        Whether to print the inertia of each try.
    """

    n_clusters: int
    how: str | Callable[..., Any] | np.ndarray
    size: int
    tries: int | None
    verbose: bool


def given_centers(init: Any, n_clusters: int, n_features: int | None) -> np.ndarray:
    """Return the centres that the user passed as ``init``, as a checked NumPy array.

    Raises
    ------
    ValueError
        If they have another shape, or hold NaN or infinity.
    """
    centers = check_array(
        to_numpy(init) if is_array(init) else init, dtype=[np.float64, np.float32], copy=True
    )
    if centers.shape[0] != n_clusters:
        raise ValueError(
            f"The shape of the initial centers {centers.shape} does not match the number of "
            f"clusters {n_clusters}."
        )
    if n_features not in (None, centers.shape[1]):
        raise ValueError(
            f"The shape of the initial centers {centers.shape} does not match the number of "
            f"features of the data {n_features}."
        )
    return centers


@np.errstate(over="ignore", invalid="ignore")  # overflow is found in the first step's inertia
def centers_of(
    start: Start, draws: np.random.RandomState, rows: LazyRows, weight: Array | None
) -> Array:
    """Return the first centres (k, d).

    Parameters
    ----------
    start : Start
    draws : RandomState
        The source of the draws, in scikit-learn's order: ``fit`` first draws the rows to compare
        centres on.
    rows : LazyRows
        The rows of the first block.
    weight : array of shape (n_rows,), or None

    Raises
    ------
    ValueError
        If there are fewer rows than clusters, if the rows have no weight or a negative one, or if
        given centres have another shape.
    """
    n, k = rows.array.shape[0], start.n_clusters
    if n < k and isinstance(start.how, str):
        raise few_rows(n, k)
    size = n if start.tries == 0 else min(start.size, n)
    if not start.tries:
        return _drawn(start, draws, rows, weight, size)
    validation = draws.randint(0, n, size)
    X, w = _some(rows, weight, validation)
    best, least = None, float("inf")
    for i in range(start.tries):
        if start.verbose:
            print(f"Init {i + 1}/{start.tries} with method {start.how}")  # noqa: T201
        centers = _drawn(start, draws, rows, weight, size)
        inertia = to_float(kmeans.inertia(kmeans.start(centers), X, w))
        if start.verbose:
            print(f"Inertia for init {i + 1}/{start.tries}: {inertia}")  # noqa: T201
        if best is None or inertia < least:
            best, least = centers, inertia
    return best


def _drawn(
    start: Start, draws: np.random.RandomState, rows: LazyRows, weight: Array | None, size: int
) -> Array:
    n, k = rows.array.shape[0], start.n_clusters
    some = draws.randint(0, n, size) if size < n else None
    if isinstance(start.how, np.ndarray):
        like = rows.of(first_row(rows.array))
        given_centers(start.how, k, like.shape[1])
        return asarray(start.how, like=like)
    X, weight = (rows.all(), weight) if some is None else _some(rows, weight, some)
    if callable(start.how):
        made = start.how(X, k, random_state=draws)
        if is_array(made) and not is_sparse(made) and same_place(made, X):
            made = namespace(made).astype(made, X.dtype, copy=False)
            given_centers(made, k, X.shape[1])
            return made
        return asarray(given_centers(made, k, X.shape[1]), like=X)
    p = _probabilities(X, weight)
    if start.how == "random":
        chosen = asarray(
            draws.choice(X.shape[0], size=k, replace=False, p=p), like=X, dtype=default_int(X)
        )
    else:
        first = int(draws.choice(X.shape[0], p=p))
        uniform = draws.uniform(size=(k - 1, 2 + int(log(k))))
        chosen = seeds(X, weight, first, asarray(uniform, like=X))
    return dense(rows_at(X, chosen))


def _some(rows: LazyRows, weight: Array | None, at: np.ndarray) -> tuple[Array, Array | None]:
    """Return some rows and their weights."""
    index = asarray(at, like=rows.array, dtype=default_int(rows.array))
    X = rows.of(rows_at(rows.array, index))
    if weight is None:
        return X, None
    index = asarray(at, like=weight, dtype=default_int(weight))
    return X, rows_at(weight, index)


def overflown() -> ValueError:
    """Return the error for distances that overflow. None of them is the smallest."""
    return diverged("in the squared distances of rows from centers")


def nonnegative_or_raise(weight: Array) -> None:
    """Raise a ValueError if a weight is negative, because a probability cannot be negative."""
    xp = namespace(weight)
    if bool(xp.any(weight < 0)):
        least = to_float(xp.min(weight))
        raise ValueError(f"sample_weight must not be negative, got {least}.")


def _probabilities(X: Array, weight: Array | None) -> np.ndarray:
    like = to_numpy(X[:0, :])
    return probabilities(np.ones(X.shape[0], like.dtype) if weight is None else to_numpy(weight))


def probabilities(weight: np.ndarray) -> np.ndarray:
    """Return the probability to draw each row: its share of the weight.

    Raises
    ------
    ValueError
        If a weight is negative, or none is greater than 0.
    """
    nonnegative_or_raise(weight)
    if not np.any(weight):
        raise no_weight()
    return weight / weight.sum()
