"""What rows say about the models before a Newton step: their gradient, and their curvature.

The rows are a batch, or the blocks of a round, which are summed side by side (`newton_rounds`). The
curvature of a batch stays with the sample of its rows, because most steps need it along one
direction only. The curvature of a round has been summed, so it is a matrix.
"""

from __future__ import annotations

from typing import NamedTuple

from streamlearn._arrays import (
    Array,
    argmax,
    column_sums,
    dense,
    linear_predictor,
    namespace,
    reads_are_free,
    row_sums,
    rows_at,
)
from streamlearn.core import rows as affine
from streamlearn.core.linear import joint_loss
from streamlearn.core.linear.curvature import (
    Curvature,
    both,
    centred,
    diagonal_of,
    fade,
    feed,
    feed_sparse,
    leverage,
    product,
    times,
    weighted_sizes,
    with_rows,
)
from streamlearn.core.linear.damped_curvature import scales
from streamlearn.core.linear.losses import LOSSES
from streamlearn.core.linear.newton_schedule import MATURE
from streamlearn.core.linear.newton_state import (
    State,
    delta_of,
    knows_all,
    least_square,
    penalty_curvature,
)
from streamlearn.core.linear.one_pass_sums import Sample, Scored, of_own_model, uncentred
from streamlearn.core.linear.sgd import Params
from streamlearn.core.rows import is_sparse


class SampleCurvature(NamedTuple):
    """The curvature of a batch, by a sample of its rows.

    Attributes
    ----------
    rows : array of shape (k, D), or sparse rows of shape (k, d)
        The sample. Dense rows are less the centre, with a column of ones for the intercept.
    h : array of shape (k, K)
        The weighted curvatures of the loss in the sample.
    weight, square : arrays or None
        The weights and squares of the `Sample`.
    centre : array of shape (d,)
    whole : bool
        Whether all rows of the batch feed H.
    part : array of int of shape (n,), or None
        The rows of the sample that feed H. None means all.
    joint : bool
        Whether the loss of a row depends on the scores of all columns.
    """

    rows: Array
    h: Array
    weight: Array | None
    square: Array | None
    centre: Array
    whole: bool
    part: Array | None
    joint: bool

    @property
    def weighted(self) -> bool:
        """Whether the rows have weights."""
        return self.weight is not None

    @property
    def wide(self) -> bool:
        """Whether the rows are sparse and H is a diagonal."""
        return is_sparse(self.rows)

    def mean_h(self) -> Array:
        """Return the mean curvature of the loss by the score of a column, (K,)."""
        return over(curvature_sums(self.h, self.joint) / self.h.shape[0], self.mean_weight())

    def mean_weight(self) -> Array | None:
        """Return the mean weight of the rows, (K,) or (1,). None if all are 1."""
        a = self.weight
        return None if a is None else column_sums(a) / a.shape[0]

    def along(self, s: Array) -> Array:
        """Return the curvature of the mean loss along a step s (K, D), of shape (K,)."""
        q = score_change(self.rows, s, self.centre)
        return column_sums(along(self.h, q, self.joint)) / self.h.shape[0]

    def feed(
        self, known: Curvature, r: Array | float, more: tuple[Array, Array] | None = None
    ) -> Curvature:
        """Return the curvature to which these rows, and ``more``, are added with the weight r."""
        of_columns = self.joint and known.hessian.ndim < 4
        h = joint_loss.diagonal(self.h) if of_columns else self.h
        Z, h = self.rows, r * h
        if self.wide:
            return feed_sparse(known, Z, self.centre, h, self.weight, self.square)
        sizes = weighted_sizes(Z, self.weight, self.square)
        if self.part is not None:
            Z, h = rows_at(Z, self.part), rows_at(h, self.part)
            fewer = Z.shape[0] / self.rows.shape[0]
            sizes = fewer * sizes[0], fewer * sizes[1]
        return feed(known, Z, h, sizes, more)

    def farthest(self, square: Array) -> tuple[Array, Array]:
        """Return the row with the largest leverage, (1, D), and its curvatures, (1, K)."""
        at = argmax(leverage(square[:1, :], self.rows), axis=0)
        return rows_at(self.rows, at), rows_at(self.h, at)

    def beyond(self, square: Array) -> Array:
        """Return the part of the rows, which are dense, with larger squares, (D,)."""
        Z = self.rows
        return column_sums(namespace(Z).astype(square < Z * Z, Z.dtype)) / Z.shape[0]


class RoundCurvature(NamedTuple):
    """The curvature of the blocks of a round: sums over samples of their rows.

    Attributes
    ----------
    rows : int
        The number of rows of the blocks.
    sums : Curvature
        Its H is a sum over ``rows`` rows; the others are sums over the sample.
    h : array of shape (K,)
        The sum of the weighted curvatures of the loss by the score of a column.
    weight : array of shape (K,) or None
        The sum of the weights of the rows.
    whole : bool
        Whether all rows feed H.
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
    def joint(self) -> bool:
        """Whether the loss of a row depends on the scores of all columns."""
        return self.sums.hessian.ndim == 4

    @property
    def wide(self) -> bool:
        """Return False: wide rows have no rounds."""
        return False

    @property
    def weighted(self) -> bool:
        """Whether the rows have weights."""
        return self.weight is not None

    def mean_h(self) -> Array:
        """Return the mean curvature of the loss by the score of a column, (K,)."""
        return over(self.h / self.rows, self.mean_weight())

    def mean_weight(self) -> Array | None:
        """Return the mean weight of the rows, (K,) or (1,). None if all are 1."""
        return None if self.weight is None else self.weight / self.rows

    def along(self, s: Array) -> Array:
        """Return the curvature of the mean loss along a step s (K, D), of shape (K,)."""
        return inner(times(s, self.sums.hessian), s, self.joint) / self.rows

    def feed(
        self, known: Curvature, r: Array | float, more: tuple[Array, Array] | None = None
    ) -> Curvature:
        """Return the curvature to which these rows, and ``more``, are added with the weight r."""
        known = both(known, fade(self.sums, r / self.rows))
        return known if more is None else with_rows(known, *more)


def over(h: Array, weight: Array | None) -> Array:
    """Return the mean of a value over rows, (K,), from that of weight times value."""
    return h if weight is None else h / namespace(h).where(weight > 0.0, weight, 1.0)


def curvature_sums(h: Array, of_all: bool) -> Array:
    """Return the sums over rows of the curvatures by the score of a column, (K,), from h (k, K).

    If the loss depends on all columns, it is their mean in each column.
    """
    return joint_loss.mean(column_sums(joint_loss.diagonal(h))) if of_all else column_sums(h)


class WorstRow(NamedTuple):
    """The row with the largest loss, for each of n models that the columns are.

    Attributes
    ----------
    row : array of shape (n, D), or sparse rows of shape (n, d)
        As in `SampleCurvature`.
    h : array of shape (n, K)
        The curvature of the loss, without the weight. It is 0 in the columns of other models.
    weight : array of shape (n, K) or (n, 1), or None
    """

    row: Array
    h: Array
    weight: Array | None


FEWEST_BOUNDING = 16
"""Rows whose own curvature bounds a step. With fewer rows, H contributes to the bound."""


class SeenRows(NamedTuple):
    """Rows, seen by the models w.

    Attributes
    ----------
    before, rows : int
        The number of rows before these, and of these.
    inverts : bool
        Whether H is inverted after these rows have fed it.
    curved : SampleCurvature or RoundCurvature
    worst : WorstRow or None
        None if it is not needed: all rows feed H, whose quadratic has no kink.
    gradient : array of shape (K, D)
        The mean gradient of the rows, without the penalty.
    kept : array of shape (K,)
        The part of the step to take. It is 0 where the last step was taken back.
    """

    before: int
    rows: int
    inverts: bool
    curved: SampleCurvature | RoundCurvature
    worst: WorstRow | None
    gradient: Array
    kept: Array


def weight_in_mean(f: Array | float, m: float, T: int) -> Array | float:
    """Return the weight of m rows in a running mean in which they count f times, after T others."""
    return f * m / (T + f * m)


def weighted_curvature(
    params: Params, p: Array, y: Array, weight: Array | None, *least: Array
) -> Array:
    """Return the curvatures of the loss at scores p, times the weights of the rows, (k, K).

    ``least`` is that of piecewise linear losses; see `streamlearn.core.linear.losses.Loss`.
    """
    loss = LOSSES[params.loss]
    known = {} if weight is None or not loss.kinked else {"weight": weight}
    h = loss.curvature(p, y, params.epsilon, *least, **known)
    return h if weight is None else weight * h


def curvature_of_sample(params: Params, some: Sample, T: int, square: Array, rows: Array) -> Array:
    """Return the weighted curvatures of the loss in a sample, (k, K), after T rows.

    Parameters
    ----------
    params : Params
    some : Sample
    T : int
    square : array of shape (K, D)
        The sums of squares of the features so far.
    rows : array of shape (k, D), or sparse rows of shape (k, d)
        As in `SampleCurvature`. For sparse rows there is no least curvature near kinks.
    """
    D = square.shape[1]
    if not LOSSES[params.loss].kinked or is_sparse(rows) or MATURE * D >= T:
        return weighted_curvature(params, some.p, some.y, some.weight)
    least = leverage(square, rows, max(0.15 / D, 100 / T))
    least = namespace(least).minimum(least, 0.35)
    return weighted_curvature(params, some.p, some.y, some.weight, least)


def sample_rows(X: Array, centre: Array, *, wide: bool = False) -> Array:
    """Return rows X (k, d) as in `SampleCurvature`: sparse rows stay sparse if H is a diagonal."""
    return X if wide else centred(dense(X), centre)


def worst_of(params: Params, scored: Scored, centre: Array, *, wide: bool = False) -> WorstRow:
    """Return the row with the largest loss of each model, and its curvature."""
    X, p, y, weight = scored
    rows = sample_rows(X, centre, wide=wide)
    if params.n_models > 1:  # the curvature near a kink must not depend on the rows of others
        xp = namespace(p)
        p, y = (xp.sum(of_own_model(params, a), axis=0, keepdims=True) for a in (p, y))
    h = weighted_curvature(params, p, y, None)
    if params.n_models > 1:
        h = of_own_model(params, xp.broadcast_to(h, (params.n_models, h.shape[1])))
    return WorstRow(rows, h, weight)


def score_change(rows: Array, s: Array, centre: Array) -> Array:
    """Return the change of the scores of rows by a step s (K, D), (k, K).

    Rows are dense and less the centre, or sparse, as in `SampleCurvature`.
    """
    if is_sparse(rows):
        return affine.linear_predictor(rows, *uncentred(s, centre))
    return linear_predictor(rows, s)


def along(h: Array, q: Array, of_all: bool) -> Array:
    """Return the curvature of the loss of rows along a change q (k, K) of their scores, (k, K).

    If the loss depends on all columns, it is that of all changes together, in each column.
    """
    return joint_loss.along(h, q) if of_all else h * q**2


def inner(a: Array, b: Array, of_all: bool) -> Array:
    """Return the inner products of the columns, or their sum in each column, (K,)."""
    out = row_sums(a * b)
    return joint_loss.total(out) if of_all else out


def curvature_along(seen: SeenRows, s: Array, centre: Array) -> Array:
    """Return the curvature (K,) of the mean loss of the rows along a step s (K, D).

    A sample may miss the few rows with the largest gradients, so the row with the largest loss
    counts as well.
    """
    assert seen.worst is not None
    far, h, weight = seen.worst
    most = along(h, score_change(far, s, centre), seen.curved.joint) / seen.rows
    most = most if weight is None else weight * most
    xp = namespace(s)
    return xp.maximum(
        seen.curved.along(s), most[0, :] if most.shape[0] == 1 else xp.sum(most, axis=0)
    )


def bounded(params: Params, state: State, seen: SeenRows, g: Array) -> Array:
    """Return the step ``P g``, not beyond twice the minimum of the batch's parabola along it.

    Parameters
    ----------
    params : Params
    state : State
    seen : SeenRows
    g : array of shape (K, D)
        A gradient.

    Returns
    -------
    s : array of shape (K, D)
    """
    xp, m = namespace(g), seen.rows
    g, unit = in_units_of_its_own(g, seen.curved.joint)
    s = divided(params, state, g, seen.before + m)
    slope = 2.0 * inner(g, s, seen.curved.joint)
    curved = curvature_along(seen, s, state.centre)
    if m < FEWEST_BOUNDING and not seen.curved.wide:
        # H has the curvature of directions in which so few rows have none
        by_all = inner(product(s, state.curvature), s, seen.curved.joint)
        curved = (m * curved + (FEWEST_BOUNDING - m) * by_all) / FEWEST_BOUNDING
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
    if knows_all(state):
        return times(g, P)
    xp = namespace(P)
    unseen = diagonal_of(P) == 0.0
    more = delta_of(params, state, rows) + penalty_curvature(params, state)
    scale = scales(state.curvature, more, least_square(params, state))
    first = xp.where(unseen, g * scale * scale, 0.0)
    if reads_are_free(P) and not bool(xp.any(first != 0.0)):
        return times(g, P)  # no row has had them at all
    return first + times(g - product(first, state.curvature) - more * first, P)


def in_units_of_its_own(g: Array, of_all: bool) -> tuple[Array, Array]:
    """Return gradients (K, d) over their largest entries, and those, (K, 1) or (1, 1).

    Squares of a gradient in small units would overflow otherwise. Columns that depend on each other
    have one unit.
    """
    xp = namespace(g)
    unit = xp.max(xp.abs(g), axis=None if of_all else 1, keepdims=True)
    return g / xp.where(unit > 0.0, unit, 1.0), unit
