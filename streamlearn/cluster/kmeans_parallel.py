"""k-means||: the first centres from all rows, in a few parallel passes.

Each round draws rows with a probability in proportion to their weighted squared distances to the
rows drawn so far [1]_. Every row gets an exponential waiting time, and the rows with the shortest
times are drawn [2]_. This draws a given number of rows without replacement. No total is needed
beforehand, so a round is one pass. The result of a block does not grow with the block.

References
----------
.. [1] B. Bahmani, B. Moseley, A. Vattani, R. Kumar and S. Vassilvitskii, "Scalable k-means++",
   PVLDB 5(7), 2012.
.. [2] P. S. Efraimidis and P. G. Spirakis, "Weighted random sampling with a reservoir",
   Information Processing Letters 97(5), 2006.
"""

from __future__ import annotations

from functools import partial
from math import isfinite, log
from typing import NamedTuple

import numpy as np

from streamlearn._arrays import (
    Array,
    asarray,
    concat,
    default_int,
    dense,
    rows_at,
    to_float,
    to_numpy,
    widest_float,
)
from streamlearn._training.fit_settings import generator
from streamlearn._validation.messages import no_rows, no_weight
from streamlearn._validation.reader import Reader
from streamlearn.blocks import Block, Blocks, reduce
from streamlearn.cluster.passes import rows_and_weight
from streamlearn.cluster.seeding import nonnegative_or_raise, overflown, probabilities
from streamlearn.core import kmeans
from streamlearn.core.kmeans import lloyd
from streamlearn.core.kmeans.plus_plus import seeds

ROUNDS = 5
"""The number of rounds after the first row, beyond which the paper's figures level off."""

OVERSAMPLING = 2
"""The rows of a round, as a multiple of the clusters: the choice of the paper."""

ROWS_OF_A_TRY, MOST_TRIES = 20, 16
"""The drawn rows are clustered once for this number of rows of a cluster, and this often at most.

So it takes less time than the passes: a row takes k distances in each iteration, and there are
about ten drawn rows for each cluster.
"""

GAIN = 1e-4
"""An iteration on the drawn rows that lowers the inertia by a smaller part is the last."""


class DrawnRows(NamedTuple):
    """Rows that were drawn.

    Attributes
    ----------
    times : ndarray of shape (n,)
        Their waiting times.
    rows : ndarray of shape (n, d), or sparse rows
        The rows, on the host.
    candidates : int
        The number of all rows with a weight, drawn or not.
    """

    times: np.ndarray
    rows: Array
    candidates: int


class Candidates(NamedTuple):
    """Rows that were drawn from all rows, among which centres are chosen.

    Attributes
    ----------
    rows : ndarray of shape (n, d), or sparse rows
        The rows, on the host.
    weight : ndarray of shape (n,)
        The weight of all rows that are nearest to each of them.
    n_rows : int
        The number of all rows with a weight.
    """

    rows: Array
    weight: np.ndarray
    n_rows: int


def centers_of(
    blocks: Blocks,
    reader: Reader,
    n_clusters: int,
    draws: np.random.RandomState,
    tries: int,
) -> np.ndarray:
    """Return centres (k, d) from all rows of ``blocks``, in ``ROUNDS`` + 2 passes.

    Parameters
    ----------
    blocks : Blocks
        X, and sample_weight if any.
    reader : Reader
        How the blocks are read.
    n_clusters : int
        k.
    draws : RandomState
        The source of the draws.
    tries : int
        How often k of the drawn rows are chosen. The best choice is kept.

    Raises
    ------
    ValueError
        If fewer rows than clusters have a weight, or a weight is negative.
    """
    found = candidates_of(blocks, reader, n_clusters, draws)
    best, least = found.rows, float("inf")
    for _ in range(tries):
        centers, inertia = chosen(found, n_clusters, draws)
        if inertia < least:
            best, least = centers, inertia
    return best


def candidates_of(
    blocks: Blocks, reader: Reader, n_clusters: int, draws: np.random.RandomState
) -> Candidates:
    """Draw some rows for each cluster from all rows of ``blocks``, in ``ROUNDS`` + 2 passes.

    Parameters and errors are those of `centers_of`.
    """
    seed, found, candidates = int(draws.randint(np.iinfo(np.int32).max)), np.empty((0, 0)), 0
    for number in range(ROUNDS + 1):
        most = OVERSAMPLING * n_clusters if number else 1
        task = partial(_drawn, reader, seed, number, most, found)
        new = reduce(task, partial(_first, most), blocks, name="first centres")
        if new is None:
            raise no_rows(reader.estimator)
        if not len(new.times):
            break
        found = concat([found, new.rows]) if number else new.rows
        candidates = new.candidates
    if not candidates:
        raise no_weight()
    if candidates < n_clusters:
        raise ValueError(
            f"n_samples={candidates} should be >= n_clusters={n_clusters}. Rows of weight 0 do not "
            "count for k-means||. Ask for fewer clusters, or use another init."
        )
    weight = reduce(partial(_weights, reader, found), np.add, blocks, name="first centres")
    return Candidates(found, weight, candidates)


def chosen(
    found: Candidates, n_clusters: int, draws: np.random.RandomState
) -> tuple[np.ndarray, float]:
    """Return centres (k, d) of the drawn rows, and the inertia of these rows.

    The drawn rows are few. So they are clustered several times, and the best centres are kept. Each
    time k rows are chosen, and Lloyd's algorithm follows.

    Raises
    ------
    ValueError
        If distances overflow.
    """
    rows, weight, n_rows = found
    best, least = None, float("inf")
    for _ in range(min(max(n_rows // (ROWS_OF_A_TRY * n_clusters), 1), MOST_TRIES)):
        first = int(draws.choice(rows.shape[0], p=probabilities(weight)))
        uniform = draws.uniform(size=(n_clusters - 1, 2 + int(log(n_clusters))))
        with np.errstate(over="ignore", invalid="ignore"):
            centers = dense(rows_at(rows, seeds(rows, weight, first, uniform)))
            centers, inertia = _clustered(centers, rows, weight)
        if not isfinite(inertia):
            raise overflown()
        if best is None or inertia < least:
            best, least = centers, inertia
    assert best is not None
    return best, least


def _clustered(centers: np.ndarray, rows: Array, weight: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the centres after Lloyd's algorithm on rows in memory, and the inertia."""
    least = float("inf")
    while True:
        point = lloyd.point_of(centers).astype(widest_float(rows))
        sums, _ = lloyd.of_block(kmeans.start(centers), point, rows, weight)
        inertia = to_float(sums.inertia)
        if not inertia < (1.0 - GAIN) * least:
            return centers, min(inertia, least)
        least = inertia
        size = sums.weight[:, None]
        moved = point + sums.total / np.where(size > 0.0, size, 1.0)
        centers = np.where(size > 0.0, moved, centers).astype(centers.dtype)


def _drawn(
    reader: Reader, seed: int, number: int, most: int, found: Array, block: Block
) -> DrawnRows:
    """Draw from a block, in proportion to weight times squared distance to the rows ``found``."""
    X, weight = rows_and_weight(reader, block)
    share = np.ones(X.shape[0]) if weight is None else to_numpy(weight).astype(np.float64)
    nonnegative_or_raise(share)
    candidates = int(np.count_nonzero(share))
    if number:
        with np.errstate(over="ignore", invalid="ignore"):
            near = to_numpy(kmeans.squared_distances(_clusters(found, X), X))
        if not np.isfinite(near.max()):
            raise overflown()
        share = share * near
    with np.errstate(divide="ignore"):
        times = generator(seed, number, block.number).exponential(size=X.shape[0]) / share
    first = np.argsort(times, kind="stable")[:most]
    first = first[np.isfinite(times[first])]
    rows = rows_at(X, asarray(first, like=X, dtype=default_int(X)))
    return DrawnRows(times[first], to_numpy(rows), candidates)


def _first(most: int, a: DrawnRows, b: DrawnRows) -> DrawnRows:
    """Return the rows with the shortest waiting times of both."""
    times, rows = (concat(list(both)) for both in zip(a[:2], b[:2], strict=True))
    first = np.argsort(times, kind="stable")[:most]
    return DrawnRows(times[first], rows_at(rows, first), a.candidates + b.candidates)


def _weights(reader: Reader, found: Array, block: Block) -> np.ndarray:
    """Return the weight of a block's rows that are nearest to each of the rows ``found``."""
    X, weight = rows_and_weight(reader, block)
    labels = to_numpy(kmeans.labels(_clusters(found, X), X))
    weight = None if weight is None else to_numpy(weight)
    return np.bincount(labels, weights=weight, minlength=found.shape[0]).astype(np.float64)


def _clusters(found: Array, X: Array) -> kmeans.State:
    """Return clusters whose centres are the rows ``found``, for rows like those of X."""
    return kmeans.start(asarray(dense(found), like=X))
