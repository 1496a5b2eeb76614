"""Averaged Newton targets: the answer where H is its diagonal, and with ``average``.

Symbols are those of `newton`. The answer u is a running mean of the minima that the batches ask
for, and w takes steps of its own::

    s  = t P g                                 t = min(1, 2 g'Pg / (Pg)' H_b (Pg))
    u <- u + b (w - s - u)                     b = f m / (T + f m)
    w <- w - c s                               c = 6m / (T + 6m + 3d)

H_b is the curvature in this batch. f is 1.5. For losses with a kink f is 2 to 3.7, and c has 7
instead of 6. If H is a diagonal, c is 3m / (T + 3m).

Averaging: where the loss is quadratic and P is right, a target is the optimum plus the noise of the
batch, whatever w was. So u is nearly as good as a batch solution (1.125 times its variance), while
w may take long, noisy steps that forget the start fast. Near a kink P cannot be right, and targets
remember w. There u must forget faster; the more rows a feature has, the less that costs.

Step length: P is a little worse than it could be, and the average u makes up for that. The factor
t prevents larger errors: no target lies beyond twice the minimum of the batch's parabola along the
step.

Units: T in b and c is the minimum of ``past``. The deviation of a column of time grows in every
block, and ``past`` counts earlier rows less, because they contain little information about its
coefficient (`in_units_of_now`). T is one number for all features, because steps with a different
length for each feature leave the valleys of correlated features.
"""

from __future__ import annotations

from streamlearn._arrays import column_sums, namespace, reads_are_free
from streamlearn.core.linear.curvature import evenness, fade
from streamlearn.core.linear.losses import LOSSES
from streamlearn.core.linear.newton_state import (
    State,
    has_l1,
    l1_gradient,
    penalty_gradient,
    renew,
)
from streamlearn.core.linear.newton_step import SampleCurvature, SeenRows, bounded, weight_in_mean
from streamlearn.core.linear.sgd import Params, averaging_weight


def step(params: Params, state: State, seen: SeenRows) -> State:
    """Take a step of w, and include its target in the mean u.

    With ``average=n``, u is the plain mean of the targets from the n-th row on.
    """
    xp, loss = namespace(state.weights), LOSSES[params.loss]
    T, m, d = seen.before, seen.rows, state.centre.shape[0]
    wide = seen.curved.wide
    g = seen.gradient + penalty_gradient(params, state, state.weights)
    r = weight_in_mean(1.0 if wide else 4.0, m, T)
    state = state._replace(curvature=seen.curved.feed(fade(state.curvature, 1.0 - r), r))
    if seen.inverts:
        if not wide:
            assert isinstance(seen.curved, SampleCurvature)
            state = in_units_of_now(state, seen.curved)
        state = renew(params, state, T + m)

    s = bounded(params, state, seen, g)

    f = 2.0 * min(max(1.0, T / (50 * d + 1)), 8.0) ** 0.3 if loss.nonsmooth else 1.5
    past = xp.min(state.past)
    begun = 0 < params.average <= T + m
    b = averaging_weight(params, T, m) if begun else weight_in_mean(f, m, past)
    b = xp.where(seen.kept > 0.0, state.active, 0.0)[:, None] * b
    c = weight_in_mean(3.0, m, T)
    if not wide:
        n = evenness(state.curvature)[:, None] if seen.curved.weighted else 1.0
        reach = 7 if loss.nonsmooth else 6
        c = reach * m / (past + reach * m + 3 * d / n)
    w, u = state.weights, state.mean
    state = state._replace(
        weights=w - c * seen.kept[:, None] * s, mean=u + b * (w - s - u), past=state.past + m
    )
    if has_l1(params):
        mean = state.mean_l1_subgradient
        mean = mean + b * (l1_gradient(state, w) - mean)
        state = state._replace(mean_l1_subgradient=mean)
    return state


def in_units_of_now(state: State, curved: SampleCurvature) -> State:
    """Reduce the count of rows from before the range of a feature has grown; see `rescale`.

    After one block, a column of time may have a thousandth of its later range. The information of
    that block about its coefficient is then negligible compared with that of two blocks. The range
    has grown if a quarter of the rows are far out, so that one extreme row changes no unit.
    """
    known, unit = state.curvature, state.unit
    xp, now = namespace(unit), column_sums(known.square)
    now = now / xp.where(now[-1] > 0.0, now[-1], 1.0)  # the last is the sum over the rows
    grown = now > 2.0 * unit
    if reads_are_free(unit) and not bool(xp.any(grown)):
        return state
    grown = grown & (curved.beyond(8.0 * unit) > 0.25)
    old = xp.where(unit > 0.0, unit, now)
    past = xp.where(grown, state.past * (old / xp.where(grown, now, 1.0)), state.past)
    return state._replace(past=past, unit=xp.where(grown, now, unit))
