"""Which centre is the nearest of each row, and how far it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from typing import Any, NamedTuple

from streamlearn._arrays import (
    CPU_BATCH_BYTES,
    Array,
    Nearest,
    argmin,
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
    summed,
)
from streamlearn.core.batches import cut
from streamlearn.core.kmeans.clusters import NEAR, RelativeCenters, State, relative_centers
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


class Assigned(NamedTuple):
    """Some rows and their nearest centres.

    Attributes
    ----------
    rows : Rows of shape (m, d)
        They are relative to an origin.
    labels : array of int of shape (m,)
        The numbers of the centres.
    scores : array of shape (m,), or None
        ``|b|^2 / 2 - x'b`` for each row x and its centre b. None if it was not computed.
    weight : array of shape (m,), or None
    """

    rows: Rows
    labels: Array
    scores: Array | None
    weight: Array | None


def nearest(
    state: State, X: Array, absent: Array | None = None, *, bounds: bool = False
) -> Nearest:
    """Return the nearest centre of each row of X (m, d); see `streamlearn.core.kmeans.step`."""
    near = _in_single(state, X, absent, bounds=bounds)
    if near is not None:
        return near
    at = relative_centers(state, absent)
    return Nearest(_joined([part.labels for part in _assigned(at, X)], at))


def totals(
    state: State,
    X: Array,
    weight: Array | None,
    absent: Array | None = None,
    *,
    bounds: bool = False,
) -> tuple[Totals, Nearest]:
    """Return the sums over the rows of X (m, d), at least one, and their nearest centres.

    See `streamlearn.core.kmeans.step` for ``absent`` and ``bounds``.
    """
    near, at = _in_single(state, X, absent, bounds=bounds), relative_centers(state, absent)
    wide, sums, labels = state.counts.dtype, [], []
    for part in _assigned(at, X, weight, near):
        total, counted = _sums(part, at, wide)
        sums.append((total, counted, _inertia(part, at, wide, (total, counted))))
        labels.append(part.labels)
    found = Totals(at.origin, at.centers, *(reduce(_plus, a) for a in zip(*sums, strict=True)))
    return found, Nearest(_joined(labels, at)) if near is None else near


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
        near = _in_single(state, X, absent)
    else:
        near = Nearest(_again(state, X, former))
    wide, at, out = state.counts.dtype, relative_centers(state, absent), []
    found = 0.0 * state.counts[0]
    for part in _assigned(at, X, weight, near):
        found = found + _inertia(part, at, wide)
        out.append(part.labels)
    xp = namespace(state.centers)
    return xp.astype(_joined(out, at), xp.int32, copy=False), found


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
    at = relative_centers(state)
    parts = _assigned(at, X)
    return _joined([squared_distances_to(at.centers, p.labels, p.rows) for p in parts], at)


def distances(state: State, X: Array) -> Array:
    """Return the distance of each row of X (m, d) to each centre, (m, k), in the dtype of X.

    For dense rows it is accurate even if a row is close to centres; on a device, to one centre.
    """
    xp, dtype = namespace(state.centers), float_dtype(X)
    origin, B, half = relative_centers(state, dtype=state.counts.dtype)
    out = []
    for part in _parts(X, _tile(X, B)):
        D = relative(part.X, origin, B.dtype)
        lengths = squares(D)[:, None]
        squared = 2.0 * (scores_plus(*terms(D, -B, half)) + 0.5 * lengths)
        if not (isinstance(D, Affine) or is_sparse(D)):
            squared = _less_cancelled(squared, lengths, D, B)
        squared = xp.sqrt(xp.maximum(squared, xp.zeros_like(squared)))
        out.append(xp.astype(squared, dtype, copy=False))
    return xp.concat(out) if out else xp.zeros((0, B.shape[0]), dtype=dtype, device=device(B))


def _less_cancelled(squared: Array, lengths: Array, D: Array, B: Array) -> Array:
    """Return squared distances (m, k) of dense rows to the rows of B, where most digits remain.

    ``squared`` was computed from the squared lengths of the rows, (m, 1). A distance that is much
    shorter has lost its digits, and is the length of the difference instead. Few rows have two such
    distances. They are searched for only where reads are free.
    """
    xp, dtype, free = namespace(B), B.dtype, reads_are_free(B)
    columns = xp.arange(B.shape[0], device=device(B))[None, :]
    # A third of the digits is lost at most.
    near = squared < float(xp.finfo(dtype).eps) ** (1 / 3) * lengths
    while not free or bool(xp.any(near)):
        huge = xp.full_like(squared, float(xp.finfo(dtype).max))
        nearest_one = argmin(xp.where(near, squared, huge), axis=1)
        exact = squared_distances_to(B, nearest_one, D)
        chosen = near & (columns == nearest_one[:, None])
        squared, near = xp.where(chosen, exact[:, None], squared), near & ~chosen
        if not free:
            break
    return squared


def _in_single(
    state: State, X: Array, absent: Array | None, *, bounds: bool = False
) -> Nearest | None:
    """Return the nearest centres of the rows of X by scores in float32, or None if it is slower."""
    if absent is None and scores_in_single(X, state.centers.shape[0], bounds=bounds):
        return nearest_in_single(X, state.centers)
    return None


def _assigned(
    at: RelativeCenters, X: Array, weight: Array | None = None, near: Nearest | None = None
) -> Iterator[Assigned]:
    """Yield the rows of X in parts, with their nearest centres: those of ``near`` if it is given.

    Parts are so large that sums over their rows take more time than sums over the centres.
    """
    W, labels = -at.centers, None if near is None else near.labels
    size = _sparse_tile(X, max(batch_rows(X), power_of_two(ROWS_A_CENTER * W.shape[0])))
    tile = _tile(X, W)
    for part in _parts(X, size, labels, weight):
        D = relative(part.X, at.origin, W.dtype)
        if part.target is not None:
            yield Assigned(D, part.target, None, part.weight)
        else:
            found = [lowest(*terms(tiled.X, W, at.half)) for tiled in _parts(D, tile)]
            best, scores = (_joined(each, at) for each in zip(*found, strict=True))
            yield Assigned(D, best, scores, part.weight)


def _parts(
    X: Rows, size: int, labels: Array | None = None, weight: Array | None = None
) -> Iterable[Batch]:
    """Return parts of X, with the labels as targets."""
    if 0 < X.shape[0] <= size:
        return (Batch(X, labels, weight),)  # in a tenth of the time
    return cut(X, labels, weight, seen=0, batch_size=size, largest=size)


def _tile(X: Array, B: Array) -> int:
    """Return the number of rows that fit in a cache together with their scores."""
    return _sparse_tile(X, batch_rows(X, extra=B.shape[0], budget=4 * CPU_BATCH_BYTES))


def _sparse_tile(X: Array, rows: int) -> int:
    """Return a number of rows, but for sparse X at least that of the features.

    A part of them then takes more time than the numbers of the centres, and no more memory.
    """
    return max(rows, power_of_two(X.shape[1])) if is_sparse(X) else rows


def _sums(part: Assigned, at: RelativeCenters, wide: Any) -> tuple[Array, Array]:
    """Return for each cluster the sum of weight times row, (k, d), and of the weights, (k,)."""
    (k, _), dtype = at.centers.shape, at.centers.dtype
    if part.weight is None:
        w = namespace(at.centers).ones(part.rows.shape[0], dtype=dtype, device=device(at.centers))
    else:
        w = cast(part.weight, dtype)
    total, counted = sums_by_label(part.labels, k, part.rows, w)
    return cast(total, wide), cast(counted, wide)


def _inertia(
    part: Assigned, at: RelativeCenters, wide: Any, sums: tuple[Array, Array] | None = None
) -> Array:
    """Return the sum of weight times the squared distance of the rows to their nearest centres.

    It is the sum of the squares ``|x|^2`` of the rows and of ``|b|^2 - 2 x'b``. The latter is known
    from the ``sums`` by cluster, or twice the scores. If too little of the squares would be left,
    or on a device, differences of rows are squared instead.
    """
    D, B = part.rows, at.centers
    if reads_are_free(B) and not isinstance(D, Affine):
        squared = _squares(D, part.weight, wide)
        if sums is None and part.scores is not None:
            rest = 2.0 * _weighted(part.scores, part.weight, wide)
        else:
            total, counted = _sums(part, at, wide) if sums is None else sums
            rest = summed((counted[:, None] * B - 2.0 * total) * B)
        if NEAR**2 * (squared + rest) > squared:
            return squared + rest
    return _weighted(squared_distances_to(B, part.labels, D), part.weight, wide)


def _squares(D: Rows, weight: Array | None, wide: Any) -> Array:
    """Return the sum of weight times the squared length of the rows of D, in the widest float."""
    if weight is None:
        flat = namespace(D).reshape(entries(D), (-1,))
        return cast(over_rows(flat, flat), wide)
    return _weighted(squares(D), weight, wide)


def _weighted(x: Array, weight: Array | None, wide: Any) -> Array:
    """Return the sum of weight times x (m,), in the widest float."""
    total = summed(x) if weight is None else over_rows(cast(weight, x.dtype), x)
    return cast(total, wide)


def _plus(a: Array, b: Array) -> Array:
    return a + b


def _joined(parts: Sequence[Array], at: RelativeCenters) -> Array:
    """Return arrays of some of the rows as one. If there are none, it is an empty one of labels."""
    xp = namespace(at.centers)
    if not parts:
        return xp.zeros(0, dtype=xp.int32, device=device(at.centers))
    return parts[0] if len(parts) == 1 else xp.concat(parts)
