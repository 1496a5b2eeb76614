"""The parts of the steps of tiles of rows that do not depend on the models, and the size of tiles.

`streamlearn.core.linear.tilewise` uses them.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from streamlearn._arrays import Array, namespace, to_float
from streamlearn.core.linear.row_step import PASSIVE, RowTerms, Size
from streamlearn.core.linear.sgd import Params

LEAST_PRODUCT = 1e-10
"""The smallest product of a tile's decays by which other products are divided."""

SHARP = 0.25
"""Rows with a decay below this are in no tile, because it leaves little of the models."""

SMALLEST = 16
"""Rows of the smallest tile. ``SHARP ** SMALLEST`` is larger than `LEAST_PRODUCT`."""

LARGEST = 1024
"""Rows of the largest tile."""


class Cost(NamedTuple):
    """The cost of a tile of m rows, in microseconds.

    Attributes
    ----------
    tile, pairs, feature : float
        Paid once for each tile: for its calls, for each of the m^2 pairs of rows, and for each pair
        and feature.
    sweep, move : float
        Paid for each sweep: for its calls, and for each pair of rows.
    """

    tile: float
    pairs: float
    feature: float
    sweep: float
    move: float

    def of_sparse(self) -> Cost:
        """Return the cost for sparse rows, whose products are slow and have the calls of scipy."""
        return self._replace(tile=210.0, pairs=0.01, feature=1e-4)

    def of_row(self, m: int, sweeps: float, n_features: float) -> float:
        """Return the cost of a row in a tile of m rows."""
        once = self.tile + (self.pairs + self.feature * n_features) * m * m
        return (once + sweeps * (self.sweep + self.move * m * m)) / m


PLAIN = Cost(18.0, 9e-4, 3e-5, 6.0, 1e-4)
"""The cost with sweeps without slopes, for one column on a CPU core (``bench/rowwise.py``)."""

CURVED = PLAIN._replace(sweep=14.5, move=6e-4)
"""The cost with sweeps with slopes."""

DEVICE = Cost(300.0, 1e-5, 1e-7, 100.0, 1e-6)
"""The cost on an accelerator, where calls launch kernels. It is an estimate, and not measured."""

BETTER = 0.97
"""The size of tiles changes if a row then costs less than this part of its present cost."""


class Tiles(NamedTuple):
    """Sums of the decays of T tiles of m rows.

    A tile begins with the models w_0. Its rows are x_t, with decays s_t and moves c_t. The models
    after row t are, with ``S_t = s_1 ... s_t``::

        w_t = S_t (w_0 + sum_(j <= t) c_j x_j / S_j)
        |w_t|^2 = S_t^2 (|w_0|^2 + sum_(j <= t) e_j / S_j^2)      e_j = |w_j|^2 - s_j^2 |w_(j-1)|^2

    Attributes
    ----------
    decayed, undecayed : arrays of shape (T, m, 1), or None
        ``S_(t-1)`` and ``1 / S_t``. None if nothing decays.
    last : array of shape (T, 1), or None
        ``S_m``.
    mean : array of shape (T, 1 + m, 1), or None
        The factors of w_0 and of each ``c_j x_j`` in the sum of the iterates w_t that are averaged.
    later : array of shape (T, 1 + m, 1), or None
        The same factors for intercepts, which do not decay.
    norm : array of shape (T, 1 + m, 1), or None
        The factors of ``|w_0|^2`` and of each e_j in the sum of the squared norms before each row.
    """

    decayed: Array | None
    undecayed: Array | None
    last: Array | None
    mean: Array | None
    later: Array | None
    norm: Array | None


def tiles_of(params: Params, rows: RowTerms, m: int) -> Tiles:
    """Return the `Tiles` of ``rows``, cut into tiles of m rows."""
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
        # A row changes the squared norms from the next row on.
        following = xp.concat([square[:, 1:], xp.zeros_like(square[:, :1])], axis=1)
        norm = _first_and_each(following, after * after)
        norm = xp.concat([norm[:, :1, :] + square[:, :1, None], norm[:, 1:, :]], axis=1)
    return Tiles(before[..., None], after[..., None], product[:, -1:], mean, later, norm)


def _first_and_each(a: Array, factor: Array | None = None) -> Array:
    """Return for each tile the sum of a (T, m), then the sums from each row on, (T, 1 + m, 1).

    The sums from each row on are multiplied by ``factor`` (T, m).
    """
    xp = namespace(a)
    rest = xp.flip(xp.cumulative_sum(xp.flip(a, axis=1), axis=1), axis=1)
    return xp.concat([rest[:, :1], rest if factor is None else rest * factor], axis=1)[..., None]


def next_size(
    size: Size, m: int, sweeps: float, cost: Cost, n_features: float
) -> tuple[int, int, float, float]:
    """Return the next `Size`, as numbers, after tiles of m rows took ``sweeps`` sweeps on average.

    The candidates are m / 2, m and 2 m rows, and the one with the lowest cost of a row is chosen.
    The number of sweeps is assumed to grow with the same power of the rows as when the size last
    changed. Nothing depends on time, so a task that runs twice gives the same bits.

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
    """Return how many rows must first be learned from one by one, and the rows of the tiles.

    Tiles are so small that one can divide by the product of their decays.
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
