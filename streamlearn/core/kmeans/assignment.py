"""Which centre is the nearest of each row, and how far it is."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from typing import Any, NamedTuple

from streamlearn._arrays import (
    CPU_BATCH_BYTES,
    Array,
    Nearest,
    batch_rows,
    device,
    entries,
    float_dtype,
    lowest,
    namespace,
    nearest_in_single,
    over_rows,
    power_of_two,
    reads_are_free,
    rows_at,
    scores_in_single,
    scores_plus,
    still_nearest,
)
from streamlearn.core.batches import cut
from streamlearn.core.kmeans.clusters import NEAR, State, relative_centers, without
from streamlearn.core.kmeans.relative import (
    relative,
    squared_distances_to,
    squares,
    sums_by_label,
    terms,
)
from streamlearn.core.learner import Batch
from streamlearn.core.rows import Affine, Rows, cast, is_sparse

ROWS_A_CENTER = 16
"""Rows for each centre that are summed at a time, so that sums of sums take no time."""


class Totals(NamedTuple):
    """Sums over rows that are assigned to clusters.

    Attributes
    ----------
    origin : array of shape (d,), or None
        The point to which the rows are relative. None means zero; see `relative_centers`.
    centers : array of shape (k, d)
        The centres, relative to the origin.
    total : array of shape (k, d)
        For each cluster the sum of weight times row.
    weight : array of shape (k,)
        For each cluster the sum of the weights.
    inertia : array of shape ()
        The sum of weight times squared distance to the centre.
    """

    origin: Array | None
    centers: Array
    total: Array
    weight: Array
    inertia: Array


class FormerNearest(NamedTuple):
    """The nearest centres of rows before the centres moved.

    Attributes
    ----------
    centers : array of shape (k, d)
        The centres.
    near : Nearest
    """

    centers: Array
    near: Nearest


def nearest(
    state: State, X: Array, absent: Array | None = None, *, bounds: bool = False
) -> Nearest:
    """Return the nearest centre of each row of X (m, d); see `streamlearn.core.kmeans.step`."""
    C = state.centers
    if absent is None and scores_in_single(X, C.shape[0], bounds=bounds):
        return nearest_in_single(X, C)
    origin, B, half = relative_centers(state)
    half, xp = without(absent, half), namespace(C)
    out = [
        lowest(*terms(relative(part.X, origin, B.dtype), -B, half))[0]
        for part in _parts(X, _tile(X, B))
    ]
    return Nearest(xp.concat(out) if out else xp.zeros(0, dtype=xp.int32, device=device(B)))


def totals(state: State, X: Array, weight: Array | None, labels: Array) -> Totals:
    """Return the sums over the rows of X (m, d), at least one, with the given labels (m,).

    The inertia is the sum of the squares ``|d|^2`` of the rows d and of ``|b|^2 - 2 d'b``, which
    the other sums have. If too little of the squares would be left, or on a device, differences of
    rows are squared instead.
    """
    xp, k, wide = namespace(state.centers), state.centers.shape[0], state.counts.dtype
    origin, B, _ = relative_centers(state)
    size = min(X.shape[0], _sparse_tile(X, max(batch_rows(X), power_of_two(ROWS_A_CENTER * k))))
    ones, sums, from_sums = xp.ones(size, dtype=B.dtype, device=device(B)), [], reads_are_free(B)
    for part in _parts(X, size, labels, weight):
        D = relative(part.X, origin, B.dtype)
        from_sums = from_sums and not isinstance(D, Affine)
        w = ones[: D.shape[0]] if part.weight is None else cast(part.weight, B.dtype)
        total, counted = (cast(a, wide) for a in sums_by_label(part.target, k, D, w))
        squared = _squares(D, part.weight, wide) if from_sums else 0.0 * counted[0]
        sums.append((total, counted, squared))
    total, counted, squared = (reduce(_plus, each) for each in zip(*sums, strict=True))
    if from_sums:
        inertia = squared + xp.sum((counted[:, None] * B - 2.0 * total) * B)
        if NEAR**2 * inertia > squared:
            return Totals(origin, B, total, counted, inertia)
    inertia = 0.0 * counted[0]
    for part in _parts(X, size, labels, weight):
        apart = squared_distances_to(B, part.target, relative(part.X, origin, B.dtype))
        inertia = inertia + _weighted(apart, part.weight, wide)
    return Totals(origin, B, total, counted, inertia)


def labels(state: State, X: Array, absent: Array | None = None) -> Array:
    """Return the index of the nearest centre of each row of X (m, d), as int32 of shape (m,).

    See `streamlearn.core.kmeans.step` for ``absent``.
    """
    xp = namespace(state.centers)
    return xp.astype(nearest(state, X, absent).labels, xp.int32, copy=False)


def inertia(state: State, X: Array, weight: Array | None = None) -> Array:
    """Return the sum of weight times squared distance of rows X (m, d) to their nearest centres.

    The result is a 0-d array of the widest float. For dense rows it is accurate even if they are
    much nearer to their centres than the centres are to each other.
    """
    return labels_and_inertia(state, X, weight)[1]


def labels_and_inertia(
    state: State,
    X: Array,
    weight: Array | None,
    absent: Array | None = None,
    former: FormerNearest | None = None,
) -> tuple[Array, Array]:
    """Return the results of `labels` and `inertia`, at little more than the cost of one of them.

    If it is known what the nearest centres were before the centres moved (``former``), only rows
    whose nearest centre may be another one now are compared with all centres.
    """
    if former is None or absent is not None or former.near.own is None:
        near = nearest(state, X, absent).labels
    else:
        near = _again(state, X, former)
    xp = namespace(state.centers)
    found = totals(state, X, weight, near).inertia if X.shape[0] else 0.0 * state.counts[0]
    return xp.astype(near, xp.int32, copy=False), found


def _again(state: State, X: Array, former: FormerNearest) -> Array:
    """Return the labels of rows of NumPy after the centres have moved."""
    unsure = (~still_nearest(former.near, former.centers, state.centers)).nonzero()[0]
    if 2 * unsure.shape[0] > X.shape[0]:
        return nearest(state, X).labels
    out = former.near.labels.copy()
    out[unsure] = nearest(state, rows_at(X, unsure)).labels
    return out


def squared_distances(state: State, X: Array) -> Array:
    """Return the squared distance of each row of X (m, d) to its nearest centre, (m,).

    X has at least one row.
    """
    origin, B, half = relative_centers(state)
    out = []
    for part in _parts(X, _tile(X, B)):
        D = relative(part.X, origin, B.dtype)
        out.append(squared_distances_to(B, lowest(*terms(D, -B, half))[0], D))
    return namespace(B).concat(out)


def distances(state: State, X: Array) -> Array:
    """Return the distance of each row of X (m, d) to each centre, (m, k), in the dtype of X."""
    xp, dtype = namespace(state.centers), float_dtype(X)
    origin, B, half = relative_centers(state, state.counts.dtype)
    out = []
    for part in _parts(X, _tile(X, B)):
        D = relative(part.X, origin, B.dtype)
        squared = 2.0 * (scores_plus(*terms(D, -B, half)) + 0.5 * squares(D)[:, None])
        squared = xp.sqrt(xp.maximum(squared, xp.zeros_like(squared)))
        out.append(xp.astype(squared, dtype, copy=False))
    return xp.concat(out) if out else xp.zeros((0, B.shape[0]), dtype=dtype, device=device(B))


def _parts(
    X: Array, size: int, labels: Array | None = None, weight: Array | None = None
) -> Iterator[Batch]:
    """Yield parts of X, with the labels as targets."""
    return cut(X, labels, weight, seen=0, batch_size=size, largest=size)


def _tile(X: Array, B: Array) -> int:
    """Return the number of rows that fit in a cache together with their scores."""
    return _sparse_tile(X, batch_rows(X, extra=B.shape[0], budget=4 * CPU_BATCH_BYTES))


def _sparse_tile(X: Array, rows: int) -> int:
    """Return a number of rows, but for sparse X at least that of the features.

    A part of them then takes more time than the numbers of the centres, and no more memory.
    """
    return max(rows, power_of_two(X.shape[1])) if is_sparse(X) else rows


def _squares(D: Rows, weight: Array | None, wide: Any) -> Array:
    """Return the sum of weight times the squared length of the rows of D, in the widest float."""
    if weight is None:
        flat = namespace(D).reshape(entries(D), (-1,))
        return cast(over_rows(flat, flat), wide)
    return _weighted(squares(D), weight, wide)


def _weighted(x: Array, weight: Array | None, wide: Any) -> Array:
    """Return the sum of weight times x (m,), in the widest float."""
    total = namespace(x).sum(x) if weight is None else over_rows(cast(weight, x.dtype), x)
    return cast(total, wide)


def _plus(a: Array, b: Array) -> Array:
    return a + b
