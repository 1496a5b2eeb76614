"""What rows say about the models before a Newton step: their gradient, and their curvature.

The rows are a batch, or the blocks of a round, which are summed side by side
(`newton_rounds`). The curvature of a batch stays with the sample of its rows, because most steps
need it along one direction only. That of a round has been summed, so it is a matrix.
"""

from __future__ import annotations

from typing import NamedTuple

from streamlearn._arrays import Array, column_sums, namespace, reads_are_free, rows_at
from streamlearn.core.linear.curvature import (
    Curvature,
    both,
    fade,
    feed,
    leverage,
    product,
    scales,
    times,
    with_rows,
)
from streamlearn.core.linear.losses import LOSSES
from streamlearn.core.linear.newton_schedule import MATURE
from streamlearn.core.linear.newton_state import State, added_diagonal, least_square
from streamlearn.core.linear.one_pass_sums import Sample, Scored, uncentred
from streamlearn.core.linear.sgd import Params
from streamlearn.core.rows import is_sparse, linear_predictor


class OfSample(NamedTuple):
    """The curvature of a batch, by a sample of its rows.

    Attributes
    ----------
    some : Sample
    h : array of shape (k, K)
        The weighted curvatures of the loss in the sample.
    centre : array of shape (d,)
    whole : bool
        Whether the sample is the whole batch.
    part : array of int of shape (n,), or None
        The rows of the sample that feed H. None means all.
    """

    some: Sample
    h: Array
    centre: Array
    whole: bool
    part: Array | None

    @property
    def weighted(self) -> bool:
        """Whether the rows have weights."""
        return self.some.weight is not None

    @property
    def wide(self) -> bool:
        """Whether the rows are sparse and H is a diagonal."""
        return is_sparse(self.some.X)

    def mean_h(self) -> Array:
        """Return the mean curvature h of the loss, (K,)."""
        return _over(column_sums(self.h) / self.h.shape[0], self.mean_weight())

    def mean_weight(self) -> Array | None:
        """Return the mean weight of the rows, (K,) or (1,). None if all are 1."""
        a = self.some.weight
        return None if a is None else column_sums(a) / a.shape[0]

    def along(self, s: Array) -> Array:
        """Return the curvature of the mean loss along a step s (K, D), of shape (K,)."""
        s, shift = uncentred(s, self.centre)
        moved = linear_predictor(self.some.X, s, shift)
        return column_sums(self.h * moved**2) / self.h.shape[0]

    def feed(
        self, known: Curvature, r: Array | float, more: tuple[Array, Array] | None = None
    ) -> Curvature:
        """Return the curvature to which these rows, and ``more``, are added with the weight r."""
        X, _, _, weight, square = self.some
        rows = [X, r * self.h, weight, square]
        if self.part is not None:
            rows = [a if a is None else rows_at(a, self.part) for a in rows]
        X, h, weight, square = rows
        return feed(known, X, self.centre, h, weight, square, more)

    def beyond(self, square: Array) -> Array:
        """Return the part of the rows with larger squares, less the centre, (d,)."""
        Z = self.some.X - self.centre
        return column_sums(namespace(Z).astype(square < Z * Z, Z.dtype)) / Z.shape[0]


class OfRound(NamedTuple):
    """The curvature of the blocks of a round: sums over samples of their rows.

    Attributes
    ----------
    rows : int
        The number of rows of the blocks.
    sums : Curvature
        Its H is a sum over ``rows`` rows; the others are sums over the sample.
    h : array of shape (K,)
        The sum of the weighted curvatures of the loss.
    weight : array of shape (K,) or None
        The sum of the weights of the rows.
    whole : bool
        Whether the samples are all rows.
    part : None
        All rows of the samples feed H.
    """

    rows: int
    sums: Curvature
    h: Array
    weight: Array | None
    whole: bool
    part: None = None

    @property
    def wide(self) -> bool:
        """Return False: wide rows have no rounds."""
        return False

    @property
    def weighted(self) -> bool:
        """Whether the rows have weights."""
        return self.weight is not None

    def mean_h(self) -> Array:
        """Return the mean curvature h of the loss, (K,)."""
        return _over(self.h / self.rows, self.mean_weight())

    def mean_weight(self) -> Array | None:
        """Return the mean weight of the rows, (K,) or (1,). None if all are 1."""
        return None if self.weight is None else self.weight / self.rows

    def along(self, s: Array) -> Array:
        """Return the curvature of the mean loss along a step s (K, D), of shape (K,)."""
        Hs = times(s, self.sums.hessian)
        return namespace(s).sum(Hs * s, axis=1) / self.rows

    def feed(
        self, known: Curvature, r: Array | float, more: tuple[Array, Array] | None = None
    ) -> Curvature:
        """Return the curvature to which these rows, and ``more``, are added with the weight r."""
        known = both(known, fade(self.sums, r / self.rows))
        return known if more is None else with_rows(known, *more)


def _over(h: Array, weight: Array | None) -> Array:
    return h if weight is None else h / namespace(h).where(weight > 0.0, weight, 1.0)


FEWEST = 16
"""Rows whose own curvature bounds a step. With fewer rows, H contributes to the bound."""


class Seen(NamedTuple):
    """Rows, seen by the models w.

    Attributes
    ----------
    before, rows : int
        The number of rows before these, and of these.
    inverts : bool
        Whether H is inverted after these rows have fed it.
    curved : OfSample or OfRound
    worst : Scored
        The row with the largest loss.
    gradient : array of shape (K, D)
        The mean gradient of the rows, without the penalty.
    kept : array of shape (K,)
        The part of the step to take. It is 0 where the last step was taken back.
    """

    before: int
    rows: int
    inverts: bool
    curved: OfSample | OfRound
    worst: Scored
    gradient: Array
    kept: Array


def share(f: Array | float, m: float, T: int) -> Array | float:
    """Return the weight of m rows in a running mean in which they count f times, after T others."""
    return f * m / (T + f * m)


def weighted_curvature(
    params: Params, p: Array, y: Array, weight: Array | None, *least: Array
) -> Array:
    """Return the curvatures of the loss at scores p, times the weights of the rows, (k, K).

    ``least`` is that of piecewise linear losses; see `streamlearn.core.linear.losses.Loss`.
    """
    h = LOSSES[params.loss].curvature(p, y, params.epsilon, *least)
    return h if weight is None else weight * h


def curvature_of_sample(
    params: Params, some: Sample, T: int, square: Array | None, centre: Array
) -> Array:
    """Return the weighted curvatures of the loss in a sample, (k, K), after T rows.

    ``square`` (K, D) are the sums of squares of the features so far. Without them, there is no
    least curvature near kinks.
    """
    D = centre.shape[0] + 1
    if not LOSSES[params.loss].kinked or square is None or MATURE * D >= T:
        return weighted_curvature(params, some.p, some.y, some.weight)
    least = leverage(square, some.X, centre) * max(0.15 / D, 100 / T)
    least = namespace(least).minimum(least, 0.35)
    return weighted_curvature(params, some.p, some.y, some.weight, least)


def curvature_along(params: Params, seen: Seen, s: Array, centre: Array) -> Array:
    """Return the curvature (K,) of the mean loss of the rows along a step s (K, D).

    A sample may miss the few rows with the largest gradients, so the row with the largest loss
    counts as well.
    """
    curved = seen.curved.along(s)
    far, p, y, weight = seen.worst
    h = weighted_curvature(params, p, y, weight)
    s, shift = uncentred(s, centre)
    most = column_sums(h * linear_predictor(far, s, shift) ** 2) / seen.rows
    return namespace(s).maximum(curved, most)


def bounded(params: Params, state: State, seen: Seen, g: Array) -> Array:
    """Return the step ``P g``, not beyond twice the minimum of the batch's parabola along it.

    Parameters
    ----------
    params : Params
    state : State
    seen : Seen
    g : array of shape (K, D)
        A gradient.

    Returns
    -------
    s : array of shape (K, D)
    """
    xp, m = namespace(g), seen.rows
    g, unit = in_units_of_its_own(g)
    s = divided(params, state, g, seen.before + m)
    slope = 2.0 * xp.sum(g * s, axis=1)
    curved = curvature_along(params, seen, s, state.centre)
    if m < FEWEST and not seen.curved.wide:
        # H has the curvature of directions in which so few rows have none
        by_all = xp.sum(product(s, state.curvature) * s, axis=1)
        curved = (m * curved + (FEWEST - m) * by_all) / FEWEST
    length = xp.where(curved > slope, slope / xp.where(curved > 0.0, curved, 1.0), 1.0)
    return (state.active * length)[:, None] * unit * s


def divided(params: Params, state: State, g: Array, rows: int) -> Array:
    """Return ``P g`` (K, D), after ``rows`` rows.

    Features that P has not seen are divided by their own curvature. A feature of a single block,
    such as that of a customer, would wait for the next P otherwise, and P may be the last one.
    """
    P = state.inverse
    if P.ndim == 2:
        return g * P
    xp = namespace(P)
    unseen = xp.linalg.diagonal(P) == 0.0
    if reads_are_free(P) and not bool(xp.any(unseen)):
        return times(g, P)
    more = added_diagonal(params, state, rows)
    scale = scales(state.curvature, more, least_square(params, state))
    first = xp.where(unseen, g * scale * scale, 0.0)
    if reads_are_free(P) and not bool(xp.any(first != 0.0)):
        return times(g, P)  # no row has had them at all
    return first + times(g - product(first, state.curvature) - more * first, P)


def in_units_of_its_own(g: Array) -> tuple[Array, Array]:
    """Return gradients (K, d) over their largest entries, and those, (K, 1).

    Squares of a gradient in small units would overflow otherwise.
    """
    xp = namespace(g)
    unit = xp.max(xp.abs(g), axis=1, keepdims=True)
    return g / xp.where(unit > 0.0, unit, 1.0), unit
