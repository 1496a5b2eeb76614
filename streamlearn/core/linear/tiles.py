"""What row-by-row steps of tiles of rows need that does not depend on the models, and their size.

See `streamlearn.core.linear.rowwise` for what is done with it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from streamlearn._arrays import Array, namespace, to_float
from streamlearn.core.linear.row_step import PASSIVE, RowTerms, Size
from streamlearn.core.linear.sgd import Params

LEAST_PRODUCT = 1e-10
"""Product of a tile's decays down to which the products in between are quotients of it."""

SHARP = 0.25
"""Decays below this leave so little of the models that their rows are in no tile."""

SMALLEST = 16
"""Rows of the smallest tile; ``SHARP ** SMALLEST`` is more than `LEAST_PRODUCT`."""

LARGEST = 1024
"""Rows of the largest tile."""


class Cost(NamedTuple):
    """What a tile of m rows costs, in microseconds: a constant and a multiple of ``m m`` each.

    Attributes
    ----------
    tile, pairs, feature : float
        The tile once: its calls, what each pair of rows takes, and what that takes a feature.
    sweep, move : float
        Each sweep: its calls, and what each pair of rows takes.
    """

    tile: float
    pairs: float
    feature: float
    sweep: float
    move: float

    def of_sparse(self) -> Cost:
        """Return the same of sparse rows, whose products are slow, and wait for scipy."""
        return self._replace(tile=210.0, pairs=0.01, feature=1e-4)

    def of_row(self, m: int, sweeps: float, n_features: float) -> float:
        """Return what a row costs in a tile of m rows."""
        once = self.tile + (self.pairs + self.feature * n_features) * m * m
        return (once + sweeps * (self.sweep + self.move * m * m)) / m


PLAIN = Cost(18.0, 9e-4, 3e-5, 6.0, 1e-4)
"""Of sweeps without slopes, for one column on a CPU core (``bench/rowwise.py``)."""

CURVED = PLAIN._replace(sweep=14.5, move=6e-4)
"""Of sweeps that solve with slopes."""

DEVICE = Cost(300.0, 1e-5, 1e-7, 100.0, 1e-6)
"""On an accelerator, where calls are launches. An estimate: not measured."""

BETTER = 0.97
"""What a row has to cost in tiles of another size, as a part of what it costs, for a change."""


class Tiles(NamedTuple):
    """What T tiles of m rows need.

    With ``P_t`` the product of the decays of a tile's rows up to row t, the models after row t are
    ``P_t (w_0 + sum_(j <= t) c_j x_j / P_j)``.

    Attributes
    ----------
    before, after : arrays of shape (T, m, 1), or None
        ``P_(t-1)`` and ``1 / P_t``; None where nothing decays.
    last : array of shape (T, 1), or None
        ``P_m``.
    mean : array of shape (T, 1 + m, 1), or None
        How often the first models, and the move of each row, are in the sum of those iterates that
        are counted.
    later : array of shape (T, 1 + m, 1), or None
        The same for intercepts, which do not decay.
    norm : array of shape (T, 1 + m, 1), or None
        How often the squared norm of the first models, and what each row adds to it, are in the sum
        of squared norms before each row.
    """

    before: Array | None
    after: Array | None
    last: Array | None
    mean: Array | None
    later: Array | None
    norm: Array | None


def tiles_of(params: Params, rows: RowTerms, m: int) -> Tiles:
    """Return what the tiles of m rows need that does not depend on the models."""
    xp, tile = namespace(rows.y), (-1, m)
    mean = later = norm = None
    counts = xp.reshape(rows.kept * xp.astype(rows.order >= 1.0, rows.y.dtype), tile)
    if params.average > 0:
        mean = later = _first_and_each(counts)
    if rows.decay is None:
        return Tiles(None, None, None, mean, later, None)
    product = xp.cumulative_prod(xp.reshape(rows.decay, tile), axis=1)
    before = xp.concat([xp.ones_like(product[:, :1]), product[:, :-1]], axis=1)
    after = 1.0 / product
    if params.average > 0:
        mean = _first_and_each(counts * product, after)
    if params.learning_rate not in PASSIVE:
        square = xp.reshape(rows.kept, tile) * before * before
        # The square after a row is the first in the sum that knows of the row.
        following = xp.concat([square[:, 1:], xp.zeros_like(square[:, :1])], axis=1)
        norm = _first_and_each(following, after * after)
        norm = xp.concat([norm[:, :1, :] + square[:, :1, None], norm[:, 1:, :]], axis=1)
    return Tiles(before[..., None], after[..., None], product[:, -1:], mean, later, norm)


def _first_and_each(a: Array, factor: Array | None = None) -> Array:
    """Return (T, 1 + m, 1): the sum of each tile's (T, m), then for each row that from it on."""
    xp = namespace(a)
    rest = xp.flip(xp.cumulative_sum(xp.flip(a, axis=1), axis=1), axis=1)
    return xp.concat([rest[:, :1], rest if factor is None else rest * factor], axis=1)[..., None]


def next_size(
    size: Size, m: int, sweeps: float, cost: Cost, n_features: float
) -> tuple[int, int, float, float]:
    """Return the next `Size`, as numbers, after tiles of m rows took so many sweeps in the mean.

    Of half, as many and twice the rows those are taken that cost the least a row, if sweeps grow
    with the power of the rows that they grew with when the size last changed. Nothing depends on
    time, so that a task that is run twice gives the same bits.

    Examples
    --------
    >>> next_size(Size(64, 0, 0, 0.5), 64, 5.0, PLAIN, 20)
    (128, 64, 5.0, 0.5)
    >>> next_size(Size(128, 64, 5.0, 0.5), 128, 20.0, PLAIN, 20)
    (64, 128, 20.0, 1.0)
    """
    power, last = float(size.power), float(size.last)
    if last > 0.0 and m != last:
        grown = math.log(max(sweeps, 1.0) / max(float(size.sweeps), 1.0)) / math.log(m / last)
        power = min(1.0, max(0.0, grown))
    now, best = cost.of_row(m, sweeps, n_features), m
    for other in (m // 2, 2 * m):
        if SMALLEST <= other <= LARGEST:
            then = cost.of_row(other, sweeps * (other / m) ** power, n_features)
            if then < BETTER * now:
                now, best = then, other
    return best, m, float(sweeps), power


def sharp_rows(rows: RowTerms, m: int) -> tuple[int, int]:
    """Return how many rows are to be learned from one by one first, and the rows of the tiles.

    Tiles are small enough for the product of their decays to divide by.
    """
    if rows.decay is None:
        return 0, m
    decay = rows.decay[:, 0]
    xp = namespace(decay)
    lowest, head = to_float(xp.min(decay)), 0
    if lowest < SHARP:
        number = xp.cumulative_sum(xp.ones_like(decay))
        head = int(xp.max(xp.where(decay < SHARP, number, 0.0 * number)))
    while max(lowest, SHARP) ** m < LEAST_PRODUCT:
        m //= 2
    return head, m
