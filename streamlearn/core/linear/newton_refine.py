"""Refinement: reads of all rows. After each, an approximation of the objective is minimized.

One pass ends near the optimum. A further read gives the gradient and the curvature of the mean loss
of all rows at the present w. A Newton step would minimize the parabola that they define. But some
rows are far from a parabola: those of great leverage, rare levels, and many rows of a class that is
nearly separable. So the loss of a sample of the rows is kept as it is (`approximation`). The sample
consists of random rows, which count for all, and of the rows with the largest leverage, which count
for themselves.

No read follows the last step. So each step is checked by an approximation that has a minimum
surely; see `approximation`.

References
----------
Shamir, Srebro & Zhang, "Communication-efficient distributed optimization using an approximate
Newton-type method", 2014: the loss of a sample with the gradient of all rows. Lee, Sun & Saunders,
"Proximal Newton-type methods for minimizing composite functions", 2014.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from streamlearn._arrays import (
    Array,
    column_sums,
    concat,
    dense,
    namespace,
    reads_are_free,
)
from streamlearn._arrays.order import row_order
from streamlearn.core.batches import cut
from streamlearn.core.learner import Batch, Info, Refinement
from streamlearn.core.linear.approximation import (
    ObjectiveAround,
    Sample,
    Samples,
    curvature,
    minimum,
)
from streamlearn.core.linear.curvature import (
    centred,
    leverage,
    products,
    with_matrix,
)
from streamlearn.core.linear.losses import LOSSES
from streamlearn.core.linear.newton_schedule import LEAST_SAMPLE
from streamlearn.core.linear.newton_state import State, is_carried, least_square, ridge
from streamlearn.core.linear.newton_sums import SLICE_NUMBERS
from streamlearn.core.linear.one_pass_sums import drawn as selected
from streamlearn.core.linear.one_pass_sums import picked, score, uncentred
from streamlearn.core.linear.sgd import Params, loss_sums, penalty_of, report, to_like
from streamlearn.core.rows import pick, weighted_sums

SAMPLED = 100
"""Random rows of the sample for each feature, if they have at most `SAMPLE_NUMBERS`."""

SAMPLE_NUMBERS = 1 << 19

TRUSTED = 0.5
"""The part of the decrease that the convex approximation must confirm."""


class RefinedModels(NamedTuple):
    """What the rows must know: the models w (K, D) for rows less the centre, and leverage.

    Attributes
    ----------
    weights : array of shape (K, D)
    centre : array of shape (d,)
    square : array of shape (K, D)
        The sums of squares of the features, by which the leverage of rows is computed.
    """

    weights: Array
    centre: Array
    square: Array


class Kept(NamedTuple):
    """Rows of the sample.

    Attributes
    ----------
    X : array of shape (q, d)
    y : array of shape (q, K)
    weight : array of shape (q, K)
        Their weights, times the number of rows that each counts for.
    leverage : array of shape (q,)
    """

    X: Array
    y: Array
    weight: Array
    leverage: Array


class RefinementSums(NamedTuple):
    """RefinementSums over rows, and the sample.

    Attributes
    ----------
    rows : int
    loss : array of shape (K,)
    gradient : array of shape (K, D)
    hessian : array of shape (K, D, D) or (K, K, D, D)
    drawn, extreme : Kept
        Random rows, and those with the largest leverage.
    """

    rows: int
    loss: Array
    gradient: Array
    hessian: Array
    drawn: Kept
    extreme: Kept


def can_refine(params: Params, state: State) -> bool:
    """Return whether the loss is smooth, and H is a matrix."""
    loss = LOSSES[params.loss]
    known = state.inverse.ndim == (4 if loss.joint else 3)
    return loss.slope is not None and not loss.nonsmooth and known


def view(params: Params, state: State) -> RefinedModels:
    """Return what the rows of a read must know."""
    return RefinedModels(state.mean, state.centre, state.curvature.square)


def sampled(params: Params, known: RefinedModels, m: int, rows: int) -> int:
    """Return the number of random rows among m, if a read has ``rows`` rows. 0 means all."""
    D = known.weights.shape[1]
    k = -(-min(SAMPLED * D, SAMPLE_NUMBERS // D) * m // max(rows, 1))
    return k if k < m else 0


def of_batch(params: Params, known: RefinedModels, batch: Batch) -> tuple[RefinementSums, Info]:
    """Sum rows at the models, and choose the rows of the sample among them."""
    params, (w, centre, square) = to_like(params, known.weights), known
    xp, D, m = namespace(w), w.shape[1], batch.X.shape[0]
    loss, scored = LOSSES[params.loss], partial(score, params, uncentred(w, centre))
    sums: tuple[Array, ...] = ()
    levers: list[Array] = []
    for rows in cut(*batch[:3], seen=0, batch_size=max(LEAST_SAMPLE, SLICE_NUMBERS // D)):
        X, p, y, a = scored(*rows[:3])
        X = dense(pick(X, slice(None)))
        value, g = loss.both(p, y, params.epsilon)
        h = curvature(params, p, y)
        g, h = (g, h) if a is None else (g * a, h * a)
        plain, *weighted = loss_sums(value, a)
        Z = centred(X, centre)
        found = (
            weighted_sums(g, Z),
            products(Z, h, joint=loss.joint),
            plain + 0.0 * column_sums(p),
            *weighted,
        )
        sums = tuple(u + v for u, v in zip(sums, found, strict=True)) if sums else found
        levers.append(leverage(square[:1, :], Z)[:, 0])
    gradient, hessian, *losses = sums
    lever = levers[0] if len(levers) == 1 else concat(levers)

    def kept(at: Array | None, each: float) -> Kept:
        X, _, y, a = scored(*(batch[:3] if at is None else picked(batch[:3], at)))
        a = xp.ones_like(y) if a is None else a + xp.zeros_like(y)
        by = lever if at is None else xp.take(lever, at)
        return Kept(dense(pick(X, slice(None))), y, each * a, by)

    drawn = kept(None, 1.0)
    if batch.draws is not None:
        at, _ = selected(batch.draws, m, None)
        drawn = kept(at, m / at.shape[0])
    extreme = kept(row_order(lever[None, :])[0, -D:], 1.0) if m > D else kept(None, 1.0)
    loss_sum = losses[0] if len(losses) == 1 else losses[1]
    return RefinementSums(m, loss_sum, gradient, hessian, drawn, extreme), report(
        params, w[:, :-1], m, *losses
    )


def merge(a: RefinementSums, b: RefinementSums) -> RefinementSums:
    """Return the sums over the rows of both. As many rows as features are the extreme ones."""
    drawn, extreme = (
        Kept(*map(concat, map(list, zip(p, q, strict=True))))
        for p, q in ((a.drawn, b.drawn), (a.extreme, b.extreme))
    )
    D = a.gradient.shape[1]
    if extreme.y.shape[0] > D:
        at = row_order(extreme.leverage[None, :])[0, -D:]
        extreme = Kept(*(namespace(a.loss).take(part, at, axis=0) for part in extreme))
    return RefinementSums(
        a.rows + b.rows,
        a.loss + b.loss,
        a.gradient + b.gradient,
        a.hessian + b.hessian,
        drawn,
        extreme,
    )


def step(params: Params, state: State, sums: RefinementSums, length: float = 1.0) -> State:
    """Go to the minimum of the approximate objective, or a part ``length`` of the way."""
    params = to_like(params, state.weights)
    w, centre, n = state.mean, state.centre, sums.rows
    xp = namespace(w)
    around = ObjectiveAround(
        w,
        sums.gradient / n,
        with_matrix(state.curvature, sums.hessian / n),
        ridge(params, state),
        ridge(params, state, 0),
        least_square(params, state),
    )
    # extreme rows count for themselves already, also if they were drawn
    others = sums.drawn.leverage < xp.min(sums.extreme.leverage)
    weight = xp.where(others[:, None], sums.drawn.weight, 0.0)
    drawn, exact = (
        Sample(centred(rows.X, centre), rows.y, rows.weight / n)
        for rows in (sums.drawn._replace(weight=weight), sums.extreme)
    )

    samples = Samples.at(params, around, exact, drawn)
    part = samples.without_concavity()
    chosen, convex = samples.with_part(xp.ones_like(part)), samples.with_part(part)
    v = minimum(chosen)
    trusted = convex.decrease(v) >= TRUSTED * chosen.decrease(v)
    if not (reads_are_free(trusted) and bool(xp.all(trusted))):
        chosen = samples.with_part(xp.where(trusted, 1.0, part))
        v = minimum(chosen)
    v = w + length * (v - w)
    g, H = chosen.derivatives(v)
    l1 = around.l1
    pull = xp.maximum(xp.minimum(-g - around.ridge * v, l1), -l1)
    return state._replace(
        weights=v,
        mean=v,
        gradient=g if is_carried(params, state) else state.gradient,
        l1_subgradient=pull,
        l1_curvature=xp.zeros_like(pull),
        mean_l1_subgradient=pull,
        curvature=with_matrix(state.curvature, H),
        remaining=xp.ones_like(state.remaining),
        trust=state.trust._replace(former=v, centre=centre),
    )


def objective(params: Params, known: RefinedModels, sums: RefinementSums) -> Array:
    """Return the objective of the models over all rows, (K,)."""
    coef = known.weights[:, :-1]
    return sums.loss / sums.rows + penalty_of(to_like(params, coef), coef)


REFINEMENT = Refinement(can_refine, view, of_batch, merge, step, objective, sampled)
