"""The clusters of k-means, and their centres in a form from which distances are computed."""

from __future__ import annotations

from typing import Any, NamedTuple

from streamlearn._arrays import Array, device, namespace, reads_are_free, summed, widest_float
from streamlearn.core.rows import cast

NEAR = 8.0
"""The bound on the distance from zero up to which nothing is subtracted from the rows.

It bounds the mean of the centres, in units of their standard deviation (`relative_centers`). If the
inertia is computed from squares (`streamlearn.core.kmeans.assignment.totals`), it also bounds the
rows, in units of their distance from their centres. At most six bits are lost, and one pass over
the rows is saved.
"""


class State(NamedTuple):
    """k clusters.

    Attributes
    ----------
    centers : array of shape (k, d)
        c_j.
    counts : array of shape (k,)
        v_j, in the widest float, because float32 cannot count beyond 2**24.
    """

    centers: Array
    counts: Array


def start(centers: Array) -> State:
    """Return clusters without rows, with the given centres (k, d)."""
    xp = namespace(centers)
    counts = xp.zeros(centers.shape[0], dtype=widest_float(centers), device=device(centers))
    return State(centers, counts)


def twins(centers: Array) -> Array | None:
    """Return which centres equal an earlier centre up to rounding, (k,), or None if none does.

    The first of several equal centres gets the rows, as in scikit-learn. Otherwise rounding would
    choose between them. The result is also None if the comparison would wait for a device.
    """
    xp, k = namespace(centers), centers.shape[0]
    if not reads_are_free(centers):
        return None
    rounding = 8.0 * xp.finfo(centers.dtype).eps
    squares = summed(centers * centers, axis=1)
    in_order = xp.sort(squares)
    near = 4.0 * rounding * in_order
    if not xp.any(in_order[1:] - in_order[:-1] <= near[1:]):
        return None
    alike = xp.abs(squares[:, None] - squares) <= near[-1]
    later, earlier = xp.nonzero(xp.tril(alike, k=-1))
    at, before = (xp.take(centers, each, axis=0) for each in (later, earlier))
    equal = xp.all(xp.abs(at - before) <= rounding * xp.abs(at), axis=1)
    order = xp.arange(k, dtype=later.dtype, device=device(centers))
    return xp.any(order[:, None] == later[equal], axis=1) if xp.any(equal) else None


class RelativeCenters(NamedTuple):
    """Centres relative to an origin near the rows.

    Attributes
    ----------
    origin : array of shape (d,), or None
        None means zero.
    centers : array of shape (k, d)
        b_j.
    half : array of shape (k,)
        ``|b_j|^2 / 2``, but a huge number for absent centres, so that no row is assigned to them.
    """

    origin: Array | None
    centers: Array
    half: Array


def relative_centers(
    state: State, absent: Array | None = None, *, dtype: Any = None
) -> RelativeCenters:
    """Return the centres relative to an origin near the rows.

    If the mean of the centres lies far from zero, the origin is this mean. Else it is zero: None on
    the host, an array of zeros on a device. ``absent`` (k,) says which centres are absent.
    ``dtype`` is that of the centres by default.
    """
    xp, k = namespace(state.centers), state.centers.shape[0]
    C = state.centers if dtype is None else cast(state.centers, dtype)
    squares = summed(C * C, axis=1)
    mean = summed(C, axis=0) / k
    # The squared deviations of the centres add up to summed(squares) - k * mean @ mean.
    far = (NEAR**2 + 1) * k * (mean @ mean) > NEAR**2 * summed(squares)
    if reads_are_free(C):
        if not far:
            return RelativeCenters(None, C, _without(absent, 0.5 * squares))
    else:
        mean = xp.where(far, mean, xp.zeros_like(mean))
    B = C - mean
    return RelativeCenters(mean, B, _without(absent, 0.5 * summed(B * B, axis=1)))


def _without(absent: Array | None, half: Array) -> Array:
    """Return ``half``, but a huge number for absent centres."""
    if absent is None:
        return half
    xp = namespace(half)
    return xp.where(absent, xp.full_like(half, float(xp.finfo(half.dtype).max) / 4), half)
