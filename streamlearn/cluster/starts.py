"""The first centres of Lloyd's algorithm: for rows in memory, and for blocks."""

from __future__ import annotations

from copy import deepcopy
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from streamlearn._arrays import Array, asarray, concat, default_int, rows_at, to_numpy
from streamlearn._estimator.inputs import CheckedInputs
from streamlearn._training.fit_settings import generator
from streamlearn._training.summed import wider
from streamlearn._validation.messages import no_rows
from streamlearn._validation.reader import Reader, same_place_or_raise
from streamlearn.blocks import Block, Blocks, LazyRows, reduce
from streamlearn.cluster import kmeans_parallel
from streamlearn.cluster.passes import rows_and_weight
from streamlearn.cluster.seeding import Start, centers_of, nonnegative_or_raise
from streamlearn.core.rows import cast

SAMPLE = 4096
"""Rows of all blocks from which centres are drawn by scikit-learn's methods."""

SAMPLE_A_CLUSTER = 32
"""Rows of the sample for each cluster, if that is more."""


class Sample(NamedTuple):
    """Rows of some blocks, drawn without replacement.

    Attributes
    ----------
    keys : ndarray of shape (n,)
        The rows with the smallest keys of all are the sample.
    places : ndarray of int of shape (n, 2)
        The number of the block, and that of the row in it.
    rows : array of shape (n, d), or sparse rows
    weight : array of shape (n,), or None
    """

    keys: np.ndarray
    places: np.ndarray
    rows: Array
    weight: Array | None


def starts_of(
    how: Any, n_clusters: int, given: CheckedInputs, draws: np.random.RandomState, n_init: int
) -> list[np.ndarray]:
    """Return the first centres (k, d) of each of ``n_init`` starts, on the host.

    Parameters
    ----------
    how : {"k-means++", "random", "k-means||"}, callable or ndarray
        The method, or the centres themselves.
    n_clusters : int
        k.
    given : CheckedInputs
        The rows.
    draws : RandomState
        The source of the draws. In memory they are scikit-learn's.
    n_init : int

    Raises
    ------
    ValueError
        If too few rows have a weight, if a weight is negative, or if given centres have another
        shape.
    """
    if isinstance(how, np.ndarray):
        return [how]
    if how == "k-means||":
        found = kmeans_parallel.candidates_of(given.blocks, given.reader, n_clusters, draws)
        return [kmeans_parallel.chosen(found, n_clusters, draws)[0] for _ in range(n_init)]
    if given.whole is not None:
        X, weight = rows_and_weight(given.reader, given.whole)
    else:
        most = max(SAMPLE, SAMPLE_A_CLUSTER * n_clusters)
        X, weight = sample_of(given.blocks, given.reader, most, draws)
    start = Start(n_clusters, how, X.shape[0], None, False)
    return [
        to_numpy(centers_of(start, draws, LazyRows(X), weight)).astype(np.float64)
        for _ in range(n_init)
    ]


def sample_of(
    blocks: Blocks, reader: Reader, most: int, draws: np.random.RandomState
) -> tuple[Array, Array | None]:
    """Return ``most`` of the rows, in the order of the blocks, and their weights.

    They are all rows if there are fewer. Otherwise rows of weight 0 come last.

    Raises
    ------
    ValueError
        If there are no rows, or if a weight is negative.
    """
    # A copy draws the seed, so that all rows as a sample have scikit-learn's draws.
    seed = int(deepcopy(draws).randint(np.iinfo(np.int32).max))
    task, merge = partial(_of_block, reader, seed, most), partial(_both, reader.estimator, most)
    found = reduce(task, merge, blocks, name="first centres")
    if found is None:
        raise no_rows(reader.estimator)
    order = np.lexsort(found.places.T[::-1])
    found = _at(found, order)
    return found.rows, found.weight


def _of_block(reader: Reader, seed: int, most: int, block: Block) -> Sample:
    X, weight = rows_and_weight(reader, block)
    at = np.arange(X.shape[0])
    keys = generator(seed, 0, block.number).random(X.shape[0])
    if weight is not None:
        nonnegative_or_raise(weight)
        keys = keys + (to_numpy(weight) == 0)
    places = np.stack([np.full_like(at, block.number), at], axis=1)
    return _at(Sample(keys, places, X, weight), np.sort(np.argsort(keys, kind="stable")[:most]))


def _both(estimator: str, most: int, a: Sample, b: Sample) -> Sample:
    same_place_or_raise(b.rows, a.rows, estimator, "fit")
    keys, places = (np.concatenate(both) for both in ((a.keys, b.keys), (a.places, b.places)))
    rows, weight = _joined(a.rows, b.rows), None
    if a.weight is not None and b.weight is not None:
        weight = _joined(a.weight, b.weight)
    return _at(Sample(keys, places, rows, weight), np.argsort(keys, kind="stable")[:most])


def _joined(a: Array, b: Array) -> Array:
    """Return the rows of both, in the wider dtype."""
    dtype = wider(a, b).dtype
    return concat([cast(a, dtype), cast(b, dtype)])


def _at(found: Sample, order: np.ndarray) -> Sample:
    """Return some rows of a sample."""
    rows, weight = found.rows, found.weight
    rows = rows_at(rows, asarray(order, like=rows, dtype=default_int(rows)))
    if weight is not None:
        weight = rows_at(weight, asarray(order, like=weight, dtype=default_int(weight)))
    return Sample(found.keys[order], found.places[order], rows, weight)
