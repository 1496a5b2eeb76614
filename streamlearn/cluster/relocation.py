"""Clusters without rows move to the rows that are farthest from their centres."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np

from streamlearn._arrays import (
    Array,
    asarray,
    default_int,
    dense,
    float_dtype,
    rows_at,
    to_numpy,
)
from streamlearn._validation.reader import Reader
from streamlearn.blocks import Block, Blocks, reduce
from streamlearn.cluster.passes import rows_and_weight
from streamlearn.core import kmeans
from streamlearn.core.kmeans.lloyd import distances_beyond_rounding


class FarRows(NamedTuple):
    """Rows that are far from their nearest centres, on the host.

    Attributes
    ----------
    squared : ndarray of shape (n,)
        Their squared distances.
    rows : ndarray of shape (n, d)
    labels : ndarray of int of shape (n,)
        Their nearest centres.
    weight : ndarray of shape (n,)
    """

    squared: np.ndarray
    rows: np.ndarray
    labels: np.ndarray
    weight: np.ndarray


def clusters_like(centers: np.ndarray, X: Array) -> kmeans.State:
    """Return clusters with the given centres (k, d), for rows like those of X."""
    return kmeans.start(asarray(centers, like=X, dtype=float_dtype(X)))


def farthest(
    blocks: Blocks, reader: Reader, centers: list[np.ndarray], numbers: list[int]
) -> tuple[FarRows, ...]:
    """Return the rows that are farthest from their nearest centres, for each start, in one read.

    ``numbers`` says how many are wanted for each start. Rows of weight 0 do not count.
    """
    task = partial(_of_block, reader, tuple(centers), tuple(numbers))
    found: tuple[FarRows, ...] = reduce(
        task, partial(_both, tuple(numbers)), blocks, name="far rows"
    )
    return found


def relocated(
    total: np.ndarray, weight: np.ndarray, point: np.ndarray, far: FarRows
) -> tuple[np.ndarray, np.ndarray]:
    """Return the sums after each empty cluster has got one of the far rows, as in scikit-learn.

    Parameters
    ----------
    total : ndarray of shape (k, d)
        For each cluster the sum of weight times (row - point).
    weight : ndarray of shape (k,)
        For each cluster the sum of the weights.
    point : ndarray of shape (d,)
    far : FarRows
    """
    if not np.any(far.squared):
        return total, weight  # there are more clusters than different rows
    total, weight = total.copy(), weight.copy()
    for new, row, old, w in zip(
        np.flatnonzero(weight == 0), far.rows, far.labels, far.weight, strict=False
    ):
        total[new] = w * (row - point)
        total[old] -= total[new]
        weight[new] = w
        weight[old] -= w
    return total, weight


def _of_block(
    reader: Reader, centers: tuple[np.ndarray, ...], numbers: tuple[int, ...], block: Block
) -> tuple[FarRows, ...]:
    X, weight = rows_and_weight(reader, block)
    w = np.ones(X.shape[0]) if weight is None else to_numpy(weight).astype(np.float64)
    counted = np.flatnonzero(w)
    return tuple(
        _far(X, w, counted, clusters_like(each, X), n)
        for each, n in zip(centers, numbers, strict=True)
    )


def _far(X: Array, w: np.ndarray, counted: np.ndarray, state: kmeans.State, most: int) -> FarRows:
    squared = to_numpy(distances_beyond_rounding(state, X)).astype(np.float64)
    n = min(most, counted.size)
    # scikit-learn takes the rows in this order, too.
    last = np.argpartition(squared[counted], -n)[: -n - 1 : -1] if n else np.zeros(0, dtype=int)
    at = counted[last]
    rows = dense(rows_at(X, asarray(at, like=X, dtype=default_int(X))))
    labels = np.zeros(0, dtype=int)
    if n:
        labels = to_numpy(kmeans.labels(state, rows, kmeans.twins(state.centers)))
    return FarRows(squared[at], to_numpy(rows).astype(np.float64), labels, w[at])


def _both(
    numbers: tuple[int, ...], a: tuple[FarRows, ...], b: tuple[FarRows, ...]
) -> tuple[FarRows, ...]:
    return tuple(map(_farther, numbers, a, b))


def _farther(most: int, a: FarRows, b: FarRows) -> FarRows:
    """Return the farthest rows of both."""
    both = [np.concatenate(pair) for pair in zip(a, b, strict=True)]
    order = np.argsort(-both[0], kind="stable")[:most]
    return FarRows(*(x[order] for x in both))
