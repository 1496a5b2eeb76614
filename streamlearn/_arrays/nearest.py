"""The nearest centre of each row, with scores in float32 and exact scores where they are close.

A product in float32 takes half the time of one in float64, and so does the search for its smallest
entries. The rounding of the scores is bounded. Only rows whose two smallest scores are nearer to
each other than this bound are scored again, in float64.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from streamlearn._arrays.library import Array, power_of_two

SCORES_IN_SINGLE = 1 << 12
"""Numbers of the centres from which float32 scores pay.

Measured outside of ``bench/`` on 10,000 float64 rows and one core, in ns for a row with and without
float32. 256 centres take 1,060 and 1,580 for 100 features, and 430 and 510 for 20. 64 centres take
550 and 590 for 100 features, and 250 and 170 for 20.
"""

TILE_BYTES = 1 << 19
"""Bytes of float32 rows and scores at a time, so that they stay in the second-level cache."""


class Nearest(NamedTuple):
    """The nearest centre of each row.

    Attributes
    ----------
    labels : array of int of shape (m,)
        The number of the nearest centre.
    own : array of shape (m,), or None
        Its distance, or a little more. None if it was not computed.
    other : array of shape (m,), or None
        The distance of the second nearest, or a little less.
    """

    labels: Array
    own: Array | None = None
    other: Array | None = None


def scores_in_single(X: Array, k: int, *, bounds: bool) -> bool:
    """Return whether `nearest_in_single` is the fastest way to find the nearest of k centres.

    ``bounds`` says whether distances are wanted, and not only the labels. The scores of float32
    rows are in float32 anyway, and only bounds are gained. They are worth it from 16 rows a centre
    on, because with fewer rows the centres move too far.
    """
    large = type(X) is np.ndarray and k > 1 and k * X.shape[1] >= SCORES_IN_SINGLE
    return large and (X.dtype == np.float64 or (bounds and X.shape[0] >= 16 * k))


def nearest_in_single(X: np.ndarray, C: np.ndarray) -> Nearest:
    """Return the nearest of the centres C (k, d) for each row of X (m, d).

    If the mean of the centres is as large as their deviations, it is subtracted first, so that rows
    far from zero lose no digits.
    """
    (m, d), k = X.shape, C.shape[0]
    B = C.astype(np.float64)
    mean = B.mean(axis=0).astype(X.dtype)
    far = bool(k * (mean @ mean) > np.sum((B - mean) ** 2))
    if far:
        B = B - mean
    half = 0.5 * np.einsum("kd,kd->k", B, B)
    reach = np.sqrt(2.0 * half.max())
    size = max(1 << 8, min(1 << 11, power_of_two(TILE_BYTES // (4 * (k + d + 1)))))
    # A column of ones adds the squares of the centres to the product.
    rows, scores = np.ones((size, d + 1), np.float32), np.empty((size, k), np.float32)
    labels, first = np.empty(m, np.intp), np.arange(0, size * k, k)
    least, second, squares = (np.empty(m, np.float32) for _ in range(3))
    with np.errstate(over="ignore", invalid="ignore"):
        W = np.concatenate([-B.T, half[None, :]]).astype(np.float32)
        for start in range(0, m, size):
            at = slice(start, min(start + size, m))
            D, P, place = (a[: at.stop - start] for a in (rows, scores, first))
            D[:, :d] = X[at] - mean if far else X[at]
            np.matmul(D, W, out=P)
            nearest, flat = P.argmin(axis=1), P.reshape(-1)
            labels[at], place = nearest, place + nearest
            least[at] = flat[place]
            flat[place] = np.inf
            second[at] = flat[P.argmin(axis=1) + first[: place.size]]
            np.einsum("md,md->m", D[:, :d], D[:, :d], out=squares[at])
        # Sums of d + 1 products are rounded by less than this. So are those of d squares, and the
        # few operations that follow.
        error = np.float32(0.5 * (d + 12) * 2.0**-24) * (np.sqrt(squares) + np.float32(reach)) ** 2
        close = np.flatnonzero(~(second - least > 2 * error))
        for start in range(0, close.size, size):
            some = close[start : start + size]
            exact = X[some].astype(np.float64) - (mean if far else 0.0)
            labels[some] = (half - exact @ B.T).argmin(axis=1)
        own = np.sqrt(np.maximum(2 * (least + error) + squares, 0))
        other = np.sqrt(np.maximum(2 * (second - error) + squares, 0))
    return Nearest(labels, own, other)


def still_nearest(near: Nearest, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return which rows have the same nearest centre for sure after the centres have moved, (m,).

    ``before`` and ``after`` are the centres (k, d). Distances change by no more than the centres
    move, which is the triangle inequality.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is never sure
        moved = np.sqrt(np.sum((after - before) ** 2, axis=1, dtype=np.float64))
        moved = np.nextafter(moved.astype(np.float32), np.float32(np.inf))
        return near.own + moved[near.labels] < near.other - moved.max()
