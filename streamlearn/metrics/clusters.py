"""Rows and their clusters: how a block is read, and the moments of each cluster."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from streamlearn._arrays import Array, asarray, to_numpy, widest_float
from streamlearn._arrays.sparse import is_sparse
from streamlearn._validation.arrays import as_vector, sparse_numbers
from streamlearn._validation.finite import finite_or_raise
from streamlearn._validation.label_codes import encode
from streamlearn._validation.labels import joined, labels_in
from streamlearn._validation.messages import in_block
from streamlearn.core.statistics import group_moments, moments
from streamlearn.core.statistics.group_moments import Centers
from streamlearn.metrics.over_blocks import Statistic, numbers

MOST_MOMENTS = 1 << 22
"""The largest number of clusters times features. Six numbers are kept for each."""


class Clusters(NamedTuple):
    """The moments of the rows of each cluster.

    Attributes
    ----------
    labels : ndarray of shape (n_clusters,)
        Sorted.
    rows : ndarray of int64 of shape (n_clusters,)
        The number of rows of each cluster.
    moments : Moments
        Its fields have shape (n_clusters, n_features), in float64 of NumPy.
    """

    labels: np.ndarray
    rows: np.ndarray
    moments: moments.Moments


def read_rows(X: Any, labels: Any, block: int | None) -> tuple[Array, Array]:
    """Return the rows of a block, and the label of each.

    Raises
    ------
    TypeError
        If rows are not numbers, or if labels are bytes.
    ValueError
        If rows are not of two dimensions, or if there are NaN or infinity.
    """
    if is_sparse(X):
        rows = sparse_numbers(X, block)
        finite_or_raise(rows.data, "X", block)
    else:
        rows = numbers(X, "X", block)
    if rows.ndim != 2:
        raise ValueError(
            f"Expected 2D array, got {rows.ndim}D array instead: {in_block('X', block)} has shape "
            f"{tuple(rows.shape)}. Give one row for each sample and one column for each feature."
        )
    return rows, as_vector(labels, "labels", block)


def dense_like(rows: Array) -> Array:
    """Return an array of the library and the device of rows, which may be sparse."""
    return np.empty(0) if is_sparse(rows) else rows


def _of_block(X: Any, labels: Any, _: Any, block: int | None) -> Clusters:
    rows, y = read_rows(X, labels, block)
    where = in_block("labels", block)
    known = labels_in(to_numpy(y), where)
    _few_or_raise(known.classes, rows.shape[1])
    codes = encode(known.classes, y, like=dense_like(rows), where=where)
    state = group_moments.of_block(rows, codes, len(known.classes))
    found = (to_numpy(field).astype(np.float64, copy=False) for field in state)
    return Clusters(known.classes, known.counts.astype(np.int64), moments.Moments(*found))


def _few_or_raise(labels: np.ndarray, n_features: int) -> None:
    if len(labels) * n_features > MOST_MOMENTS:
        raise ValueError(
            f"labels holds {len(labels)} different labels, and the means of {n_features} features "
            "of each are too many to keep. Are these labels of clusters, or an identifier of rows?"
        )


def _merge(a: Clusters, b: Clusters) -> Clusters:
    n_features = a.moments.mean.shape[1]
    if n_features != b.moments.mean.shape[1]:
        raise ValueError(
            f"A block of X has {n_features} columns and another one {b.moments.mean.shape[1]}. "
            "Give all blocks the same columns."
        )
    labels, at = np.unique(joined(a.labels, b.labels), return_inverse=True)
    _few_or_raise(labels, n_features)
    both = (at[: len(a.labels)], a), (at[len(a.labels) :], b)
    rows = np.zeros(len(labels), np.int64)
    parts = []
    for place, part in both:
        rows[place] += part.rows
        parts.append(_at(place, len(labels), part.moments))
    return Clusters(labels, rows, moments.merge(*parts))


def _at(place: np.ndarray, n_labels: int, state: moments.Moments) -> moments.Moments:
    """Return moments in which further clusters have no rows."""
    out = []
    for name, field in zip(state._fields, state, strict=True):
        wide = np.full((n_labels, field.shape[1]), 1.0 if name == "unit" else 0.0)
        wide[place] = field
        out.append(wide)
    return moments.Moments(*out)


CLUSTERS = Statistic(_of_block, _merge)


def several_or_raise(state: Clusters) -> None:
    """Check that there are at least two clusters, and one with several rows.

    Raises
    ------
    ValueError
        If not.
    """
    n_rows, n_labels = int(state.rows.sum()), len(state.labels)
    if not 1 < n_labels < n_rows:
        raise ValueError(
            f"Number of labels is {n_labels}. Valid values are 2 to n_samples - 1 (inclusive), and "
            f"there are {n_rows} rows."
        )


def centers_of(state: Clusters) -> Centers:
    """Return the mean of each cluster, in two parts, (n_clusters, n_features)."""
    return Centers(state.moments.mean, state.moments.first / state.rows[:, None])


def centers_like(centers: Centers, X: Array) -> Centers:
    """Return centres in the library and the widest float of rows X."""
    X = dense_like(X)
    return Centers(*(asarray(part, like=X, dtype=widest_float(X)) for part in centers))


def relative(centers: Centers) -> np.ndarray:
    """Return the differences of centres from the first one, in which nothing cancels."""
    return (centers.high - centers.high[0]) + (centers.low - centers.low[0])
