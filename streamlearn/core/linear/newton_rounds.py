"""Rounds of Newton steps: rows that are summed side by side at the same models, then one step.

After enough rows, one step with the gradient of many more rows is as good as many small steps. It
is the classical one-step estimator, which begins at a model with an error of order 1 / sqrt(T). One
Newton step ends as near to the optimum of all rows as that optimum is to the truth. So from `READY`
rows for each feature on, the blocks of a round are scored at its first models, in any order and on
any number of processors. The results are sums. They are merged, and one step follows.

Rounds have 1/8 of the rows seen, and near kinks 1/16. There the curvature changes with the models,
and one step does not reach as far: hinge with one row in 1,000 positive diverges in rounds of 1/4.
`bench/decisions.md` has the figures under "Rounds".
"""

from __future__ import annotations

from math import inf
from typing import NamedTuple

from streamlearn._arrays import (
    Array,
    column_sums,
    concat,
    dense,
    device,
    namespace,
    reads_are_free,
    weighted_sums,
)
from streamlearn.core.learner import Batch, Info, Rounds
from streamlearn.core.linear import joint_loss, new_features, trust
from streamlearn.core.linear.curvature import (
    Curvature,
    about,
    both,
    diagonal_of,
    of_sums,
    times,
    weighted_sizes,
    with_rows,
)
from streamlearn.core.linear.losses import LOSSES
from streamlearn.core.linear.newton_advance import advance, compared, judged, losses_of
from streamlearn.core.linear.newton_schedule import LEAST_SAMPLE
from streamlearn.core.linear.newton_state import State, is_carried, recentre, renew
from streamlearn.core.linear.newton_step import (
    RoundCurvature,
    SeenRows,
    curvature_of_sample,
    curvature_sums,
    sample_rows,
    score_change,
    weight_in_mean,
    worst_of,
)
from streamlearn.core.linear.one_pass_sums import (
    OnePassSums,
    Scored,
    draws_per_row,
    of_own_model,
    one_pass_sums,
)
from streamlearn.core.linear.sgd import Params, report, to_like

READY, READY_NEAR_KINKS, READY_IF_MANY = 500, 4_000, 200
"""The number of rows for each feature from which on rounds are as good as batches.

With `MANY` features a batch costs more than its rows, so rounds begin earlier. With few, that gains
little, and if rows are sorted by time, one pass ends up to 0.1 % higher.
"""

MANY = 256

PART, PART_NEAR_KINKS = 8, 16
"""A round has one row for this number of rows before it."""

FEEDING = 1 << 14
"""The size of the samples of a round, as a part of its rows, is this number over the rows seen.

So H is fed by as many rows as in batches, whose curvature is fed four times for each tenth of T.
"""

FEWEST, FEWEST_NEAR_KINKS = 32, LEAST_SAMPLE
"""The smallest sample of a batch. The density of rows at a kink needs more rows than a mean."""


class RoundModels(NamedTuple):
    """What the rows of a round must know of the state: it is far smaller than the state.

    Attributes
    ----------
    weights : array of shape (K, D)
    centre : array of shape (d,)
    others : list of arrays of shape (K, D)
        The models with which w is compared; see `newton_advance.compared`.
    square : array of shape (K, D)
        The sums of squares of the features so far.
    before : RowsBefore
    """

    weights: Array
    centre: Array
    others: list[Array]
    square: Array
    before: new_features.RowsBefore


class NewtonSums(NamedTuple):
    """Sums over some rows of a round.

    Attributes
    ----------
    rows : int
        The number of the rows.
    whole : bool
        Whether the samples are all rows.
    found : OnePassSums
    curvature : Curvature
        Its H is the sum over all rows, estimated by the samples, and so are its other sums.
    h : array of shape (K,)
        The sum of the weighted curvatures of the loss by the score of a column.
    weight : array of shape (K,) or None
        The sum of the weights of the rows, for each column.
    total : float or array of shape ()
        The sum of the weights.
    level : array of shape (d,)
        The sum of weight times row.
    lost : array of shape (n_models,)
        The loss of the row with the largest loss, for each of the models that the columns are.
    values : array of shape (k, 4, K)
        The losses of some rows by the models that are compared.
    new : tuple of three arrays of shape (K, d), or None
        What new features add to the coefficients (see `new_features`) and their levels less the
        centre, both times the number of rows, and this number. The gradients are those at the
        models without it.
    """

    rows: int
    whole: bool
    found: OnePassSums
    curvature: Curvature
    h: Array
    weight: Array | None
    total: Array | float
    level: Array
    lost: Array
    values: Array
    new: tuple[Array, Array, Array] | None


def rows_before(params: Params, state: State) -> float:
    """Return the number of rows before the first round: infinite if u is a mean of targets.

    A diagonal H does not show the curvature along a step, which bounds the step.
    """
    if not is_carried(params, state):
        return inf
    D = state.weights.shape[1]
    if LOSSES[params.loss].kinked:
        return READY_NEAR_KINKS * D
    return (READY_IF_MANY if D > MANY else READY) * D


def ratio(params: Params) -> int:
    """Return the number of rows before a round for each row of it."""
    return PART_NEAR_KINKS if LOSSES[params.loss].kinked else PART


def first(params: Params, state: State) -> int:
    """Return the smallest number of blocks of the first round.

    A round of one block gains no time by itself. With many features it costs less than batches.
    """
    return 1 if state.weights.shape[1] > MANY and not LOSSES[params.loss].kinked else 2


def view(params: Params, state: State) -> RoundModels:
    """Return what the rows of the next round must know."""
    models = compared(state)
    before = new_features.rows_before(state.curvature)
    return RoundModels(state.weights, state.centre, models, state.curvature.square, before)


def of_batch(params: Params, known: RoundModels, batch: Batch) -> tuple[NewtonSums, Info]:
    """Sum rows at the models of the round's start.

    Parameters
    ----------
    params : Params
    known : RoundModels
    batch : Batch
        ``seen`` is the number of rows before the round.

    Returns
    -------
    sums : NewtonSums
    info : Info
    """
    params, w, centre = to_like(params, known.weights), known.weights, known.centre
    m, joint = batch.X.shape[0], LOSSES[params.loss].joint
    found, some = one_pass_sums(params, w, centre, batch)
    information = report(params, w[:, :-1], m, *found.losses)
    values = losses_of(params, known.others, some.few(trust.ROWS // 2))
    again = new_features.read_again(params, w, centre, centre, known.before, found, some, batch)
    if again is not None:
        coef, level, sums, some = again
        found = sums._replace(losses=found.losses)
    Z = sample_rows(some.X, centre)
    h = curvature_of_sample(params, some, batch.seen, known.square, Z)
    xp, k = namespace(w), h.shape[0]
    absolute, square = (m / k * (a + 0.0 * w) for a in weighted_sizes(Z, some.weight, some.square))
    rows = xp.asarray(m, dtype=w.dtype, device=device(w))
    h = m / k * h
    if joint:
        curved = of_sums(joint_loss.products(Z, h), absolute, square, rows)
    else:
        curved = with_rows(of_sums(None, absolute, square, rows), Z, h)
    new = None
    if again is not None:
        its = m * xp.astype(coef != 0.0, w.dtype)
        new = m * coef, its * (level - centre), its
        more = new_features.with_intercepts(coef, level, centre)
        q = score_change(Z, more, centre)
        change = joint_loss.times_scores(h, q) if joint else h * q
        found = found.plus(-weighted_sums(change, Z), centre)
    weight = None if some.weight is None else m / k * (column_sums(some.weight) + 0.0 * w[:, 0])
    far_row, p, y, a = found.worst
    lost = LOSSES[params.loss].value(p, y, params.epsilon)
    lost = of_own_model(params, lost if a is None else lost * a)
    worst = found.worst._replace(X=dense(far_row))
    return NewtonSums(
        m,
        k == m,
        found._replace(worst=worst),
        curved,
        curvature_sums(h, joint),
        weight,
        *some.sums(m),
        xp.sum(lost, axis=1),
        values,
        new,
    ), information


def merge(a: NewtonSums, b: NewtonSums) -> NewtonSums:
    """Return the sums over the rows of both."""
    xp = namespace(a.lost)

    def plus(x: tuple[Array, ...], y: tuple[Array, ...]) -> tuple[Array, ...]:
        return tuple(u + v for u, v in zip(x, y, strict=True))

    f, g, ours = a.found, b.found, a.lost >= b.lost
    worst = Scored(
        *(
            None if u is None else xp.where(ours[:, None], u, v)
            for u, v in zip(f.worst, g.worst, strict=True)
        )
    )
    return NewtonSums(
        a.rows + b.rows,
        a.whole and b.whole,
        OnePassSums(f.slopes + g.slopes, f.total + g.total, plus(f.losses, g.losses), worst),
        both(a.curvature, b.curvature),
        a.h + b.h,
        None if a.weight is None else a.weight + b.weight,
        a.total + b.total,
        a.level + b.level,
        xp.maximum(a.lost, b.lost),
        concat([a.values, b.values]),
        plus(a.new, b.new) if a.new and b.new else a.new or b.new,
    )


def step(params: Params, state: State, sums: NewtonSums, seen: int) -> State:
    """Take one damped Newton step after a round, which follows ``seen`` rows."""
    params = to_like(params, state.weights)
    xp, m, T, found, centre = namespace(state.weights), sums.rows, seen, sums.found, state.centre
    if params.fit_intercept:
        state = recentre(state, sums.total, sums.level, T, m)
    v = state.centre - centre
    v = xp.concat([v, xp.zeros_like(v[:1])])[None, :]
    curved = RoundCurvature(m, about(sums.curvature, v), sums.h, sums.weight, sums.whole)
    lost = found.weighted_loss / m
    state, kept = judged(params, state, lambda: sums.values, lost, weight_in_mean(4.0, m, T))
    gradient = found.gradient(state.centre, m)
    if sums.new is not None:
        total, offset, rows = sums.new
        rows = xp.where(rows > 0.0, rows, 1.0)
        coef, level = total / rows, centre + offset / rows
        more = new_features.with_intercepts(coef, level, state.centre)
        state = new_features.added(state, coef, level)
        gradient = gradient + times(more, curved.sums.hessian) / m
    new = (diagonal_of(state.inverse) == 0.0) & (sums.curvature.square > 0.0)
    inverts = sums.new is not None or (reads_are_free(new) and bool(xp.any(new[:, :-1])))
    worst = worst_of(params, found.worst, state.centre)
    return advance(params, state, SeenRows(T, m, inverts, curved, worst, gradient, kept))


def renewed(params: Params, state: State, seen: int) -> State:
    """Return the state with the inverse of its H, after ``seen`` rows.

    H is not inverted again after the round has fed it, because the step would wait for that alone.
    A step ends at the minimum of the quadratic along it, also if P is a round older than H.
    """
    return renew(to_like(params, state.weights), state, seen)


def sampled(params: Params, known: RoundModels, m: int, seen: int) -> int:
    """Return the size of the sample of m rows of a round that follows ``seen`` rows."""
    fewest = FEWEST_NEAR_KINKS if LOSSES[params.loss].nonsmooth else FEWEST
    k = max(fewest, min(m // 16, m * FEEDING // max(seen, 1)))
    k *= draws_per_row(params)
    return k if k < m else 0


ROUNDS = Rounds(rows_before, ratio, first, view, of_batch, merge, step, sampled, renewed)
