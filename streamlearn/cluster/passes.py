"""Numbers from one pass over all rows: the inertia, and the variance that ``tol`` refers to."""

from __future__ import annotations

from functools import partial

import numpy as np

from streamlearn._arrays import Array, batch_rows, first_row, namespace, to_float, to_numpy
from streamlearn._validation.messages import no_rows, no_weight
from streamlearn._validation.reader import Reader, read_weight, same_place_or_raise
from streamlearn.blocks import Block, Blocks, LazyRows, as_lazy_rows, reduce
from streamlearn.core import kmeans
from streamlearn.core.batches import cut
from streamlearn.core.scores import Average, add
from streamlearn.core.statistics import block_moments, moments


def inertia(blocks: Blocks, reader: Reader, clusters: kmeans.State) -> float:
    """Return the sum of weight times squared distance of all rows to their nearest centres.

    Raises
    ------
    ValueError
        If there are no rows, if no row has a weight, or if the rows are in another namespace or on
        another device than the centres.
    """
    found = reduce(partial(_inertia_of_block, clusters, reader), add, blocks, name="inertia")
    if found is None:
        raise no_rows(reader.estimator)
    if not to_float(found.weight):
        raise no_weight()
    return to_float(found.total)


def _inertia_of_block(clusters: kmeans.State, reader: Reader, block: Block) -> Average:
    """Return the inertia of a block, and its weight."""
    rows = reader.whole(as_lazy_rows(block.X), block.named)
    like = rows.of(first_row(rows.array))
    same_place_or_raise(like, clusters.centers, reader.estimator, "score")
    weight = read_weight(block.sample_weight, like, block.named)
    total = kmeans.inertia(clusters, like[:0, ...])
    size = batch_rows(rows.array, extra=clusters.centers.shape[0])
    through = rows.of if rows.functions else None
    for part in cut(rows.array, None, weight, seen=0, batch_size=size, through=through):
        total = total + kmeans.inertia(clusters, part.X, part.weight)
    xp = namespace(total)
    seen = xp.ones_like(total) if weight is None else xp.any(weight != 0)
    return Average(total, xp.astype(seen, total.dtype))


def mean_variance(blocks: Blocks, reader: Reader) -> float:
    """Return the mean of the features' variances."""
    state = reduce(partial(_moments_of_block, reader), moments.merge, blocks)
    with np.errstate(over="ignore"):  # the first step raises the error for it
        return float(np.mean(to_numpy(moments.variance(state))))


def _moments_of_block(reader: Reader, block: Block) -> moments.Moments:
    X, _ = rows_and_weight(reader, block)
    with np.errstate(over="ignore", invalid="ignore"):
        return block_moments.of_block(X)


def rows_and_weight(reader: Reader, block: Block) -> tuple[Array, Array | None]:
    """Return the rows of a block and their weights."""
    X = block.X
    if isinstance(X, LazyRows):
        X = reader.whole(X, block.named).all()
    else:
        X = reader.rows(X, block.named)
    return X, read_weight(block.sample_weight, X, block.named)
