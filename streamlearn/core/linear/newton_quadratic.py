"""A running quadratic: the answer if H is a matrix.

Symbols are those of `newton`. The mean loss of all rows so far is replaced by the sum of the local
quadratics of the batches, which later ones count more in. It is kept in terms of the present w: H
is its curvature, and gamma its gradient without the penalties::

    gamma <- (1 - r) gamma + r g               r = f m / (T + f m)
    s     = P (gamma + alpha w + q)
    w     <- w - t s                           t = min(4, s'(gamma + alpha w + q) / s'M s)
    gamma <- gamma - t H s

M is P^-1 with the present H. q is the subgradient of the L1 penalty. At first f is 1.3 or more, so
that early quadratics are forgotten. It falls to 1, under hinge to 1.3, as their weight does.
Otherwise the last blocks would count more than all others (`SETTLED`).

Unlike an average of Newton targets w - P g, this does not require that every batch has the
curvature of all rows. Rows may be sorted by time, for example, and a block may be all that is known
of a season. 320,000 flights in 4, 20 or 100 blocks sorted by date ended up to 21 % above the
optimum with averaged targets, and end up to 0.5 % above it now.

Step length: P is older than H, so the step ends at the minimum of the quadratic along it. If only
a part of the sample has fed H, and the sample is curved more than H knows, it bounds the step, with
its weight r. The row with the largest loss enters H in every batch, and so does the row of the
sample with the largest leverage. Otherwise a row of great leverage that does not feed H would move
w in its direction again and again.

Kinks: nearly all rows may gather at the kink of the hinge. The gradient there changes by steps, and
no curvature says by how much. So gradients are computed at models w that move around the minimum u.
Their mean is the gradient of a smoothed loss. The models w take their own steps, by the batch
alone, and are drawn back to u::

    w <- w - c s_b + e (u - w)      c = 7m / (T + 7m + 3d),  e = 4m / (T + 4m)

s_b is the step of `newton_step.bounded`. With w = u hinge on flights ends 1 % above the optimum
instead of 0.1 %. Without e, w follows the last rows, and rows sorted by time end 0.5 to 1.4 %
above it instead of 0.4 %. H is fed by every batch, because g and the curvature of a batch belong
together. f is 2 to 3.7 at first, because u must forget faster. The more rows a feature has, the
less that costs.

Curvature: H belongs to the models at which its rows were seen. If the curvature h of the loss falls
while the models grow, as for classes that are nearly separable, early quadratics would hold w back.
So H is scaled to the mean of h over the last rows, with r = 6m / (T + 6m). If h falls as T^-p, this
mean is (1.3 - p) / 1.3 * 6 / (6 - p) of the mean with f = 1.3, which says what p is. Quadratics are
too steep in the direction of growth, so f grows by 4p, to 2.05 at most. If h jumps, as that of the
squared hinge does, a factor cannot describe how it has changed, and f is 1.5 + 4p at first. If h is
an exponential of the score, early quadratics are wrong by factors, and their models far off. Then f
is 1.3 + 4p, and grows to 2.4 + 4p while T grows to 400 d. Near a kink H is not scaled: a batch may
have few rows there, and the next step would be far too long.

The mean of h is over the rows of a batch as the models find them. Curvatures of the same rows
before and after a step say more when classes are separable. But they fall in most steps, also if
only the rows of that step are fitted better. Rows sorted by time then end 0.5 to 30 % above the
optimum instead of 0.5 %.
"""

from __future__ import annotations

from streamlearn._arrays import Array, concat, namespace
from streamlearn.core.linear.curvature import Curvature, evenness, fade, product
from streamlearn.core.linear.losses import LOSSES
from streamlearn.core.linear.newton_schedule import MATURE
from streamlearn.core.linear.newton_state import (
    State,
    delta_of,
    has_l1,
    l1_gradient,
    penalty_curvature,
    penalty_gradient,
    renew,
)
from streamlearn.core.linear.newton_step import (
    SampleCurvature,
    SeenRows,
    bounded,
    curvature_along,
    divided,
    in_units_of_its_own,
    inner,
    over,
    weight_in_mean,
)
from streamlearn.core.linear.sgd import Params

LEAST, RECENT = 1.3, 6.0
"""The smallest f of early batches, and that of the mean of h to which H is scaled."""

SETTLED = 400
"""Rows for each feature from which on early quadratics have little weight. Then f falls to 1.

Blocks of different seasons have different minima, and with f = 1.3 the last season counts 1.3 times
as much as the mean of all. Rows with a trend, in shuffled blocks, end 0.48 % above the optimum with
squared error if f does not fall, and 0.05 % above it if it does. Under hinge it is 2.4 and 0.4 %
(``bench/defaults.py --tables trend trend-buy``). Rows that are far on the right side of a class do
not count: nearly separable classes would end 1.5 times as far above the optimum. With 100 instead
of 400, hinge on features with heavy tails, in calls of 1,000 rows, ends 0.12 % above it instead of
0.02 % (a script apart from ``bench/``).
"""

LONGEST = 4.0
"""The longest step, in steps with the last P. H may have fallen since then."""

EXPLORING, RETURNING = 7.0, 4.0
"""How many times a row counts in the two parts of a step of w near a kink."""

FEWEST_FEEDING = 16
"""The rows of a batch from which on its worst row feeds H. Fewer rows are not exceptions."""


def step(params: Params, state: State, seen: SeenRows) -> State:
    """Include the batch in the quadratic, and move u to its minimum."""
    xp, w, u = namespace(state.weights), state.weights, state.mean
    T, m, taken = seen.before, seen.rows, seen.kept > 0.0
    kinked, joint = LOSSES[params.loss].kinked, LOSSES[params.loss].joint
    pull = penalty_gradient(params, state, u)
    state, r = fed(params, state, seen, taken)
    known = state.curvature
    if seen.inverts:
        state = renew(params, state, T + m)

    gradient = state.gradient + r[:, None] * (seen.gradient - state.gradient)
    at_u = gradient + product(u - w, known) if kinked else gradient
    g, unit = in_units_of_its_own(state.active[:, None] * (at_u + pull), joint)
    s = divided(params, state, g, T + m)
    Hs = product(s, known)
    # near kinks the damping falls too fast at first for that of the last inverse
    falls = kinked and 10 * MATURE * w.shape[1] > T
    delta = delta_of(params, state, T + m) if falls else state.delta
    curved = inner(Hs + (delta + penalty_curvature(params, state)) * s, s, joint)
    if seen.curved.part is not None:
        curved = xp.maximum(curved, r * curvature_along(seen, s, state.centre))
    length = xp.minimum(inner(g, s, joint) / xp.where(curved > 0.0, curved, 1.0), LONGEST)
    t = (seen.kept * length)[:, None] * unit
    u = u - t * s
    if kinked:
        v = explored(params, state, seen, u)
        gradient = gradient + product(v - w, known)
    else:
        v, gradient = u, gradient - t * Hs
    return state._replace(
        weights=v,
        mean=u,
        gradient=gradient,
        mean_l1_subgradient=l1_gradient(state, u) if has_l1(params) else state.l1_subgradient,
        past=state.past + m,
    )


def explored(params: Params, state: State, seen: SeenRows, u: Array) -> Array:
    """Return the next w near a kink: after a step by the batch alone, and back towards u."""
    w, T, m, d = state.weights, seen.before, seen.rows, state.centre.shape[0]
    n = evenness(state.curvature)[:, None] if seen.curved.weighted else 1.0
    s = bounded(params, state, seen, seen.gradient + penalty_gradient(params, state, w))
    s = weight_in_mean(EXPLORING, m, T + 3 * d / n) * s + weight_in_mean(RETURNING, m, T) * (w - u)
    return w - seen.kept[:, None] * s


def fading(
    params: Params, mean: Array, recent: Array, active: Array, T: int, known: Curvature
) -> Array:
    """Return f, (K,): a batch counts as if it had f times its rows.

    ``mean`` and ``recent`` (K,) are the means of h over many and over the last of T rows.
    ``active`` (K,) is the part of the rows that say something, more than 1 if all do. ``known`` is
    the curvature by these rows.
    """
    xp, loss, D = namespace(mean), LOSSES[params.loss], known.square.shape[1]
    early = SETTLED * D / xp.clip(T * active, SETTLED * D, max(T, SETTLED * D))
    if loss.kinked:
        growth = min(max(1.0, T / (50 * D)), 8.0) ** 0.3
        return LEAST + early * (2.0 * growth - LEAST)
    fallen = xp.minimum(recent / xp.where(mean > 0.0, mean, 1.0), 1.0)
    p = RECENT * (1.0 - fallen) / (RECENT / LEAST - fallen)
    if loss.log_link:
        return LEAST * xp.clip(T / (50 * D) * evenness(known), 1.0, 8.0) ** 0.3 + 4.0 * p
    if loss.jumps:
        return 1.0 + 0.5 * early + 4.0 * p
    least = LEAST if loss.nonsmooth else 1.0 + (LEAST - 1.0) * early
    return least + xp.minimum(4.0 * p, 0.75)


def fed(params: Params, state: State, seen: SeenRows, taken: Array) -> tuple[State, Array]:
    """Return the state with a curvature that the batch has fed, and the weight r (K,) of it.

    The weight is 0 in columns that are not ``taken`` (K,). A batch whose curvature counts without
    its gradient would say that the models it was seen at are the minimum.
    """
    xp, curved, known = namespace(state.weights), seen.curved, state.curvature
    T, m, h = seen.before, seen.rows, curved.mean_h()
    mean, former = state.mean_h, state.recent_h
    mean = mean + weight_in_mean(LEAST, m, T) * (h - mean)
    recent = former + weight_in_mean(RECENT, m, T) * (h - former)
    mean, recent = xp.where(taken, mean, state.mean_h), xp.where(taken, recent, former)
    # rows that are far on the right side of a class say little
    kinked = LOSSES[params.loss].kinked
    active = over(state.trust.by_w, curved.mean_weight()) if kinked else 4.0 * recent
    r: Array = weight_in_mean(fading(params, mean, recent, active, T, known), m, T)
    r = xp.where(taken, r, 0.0)
    kept, part = 1.0 - r, r
    if not kinked:
        at = former + r * (h - former)
        scale = xp.where(at > 0.0, recent / xp.where(at > 0.0, at, 1.0), 1.0)
        kept, part = scale * kept, scale * part
    more = None
    if not curved.whole:
        assert seen.worst is not None
        Z, h, a = seen.worst
        h = r / max(m, FEWEST_FEEDING) * h
        if a is not None:
            h = h * xp.minimum(a, curved.mean_weight())  # the sample has the heavier rows
        more = Z, h
    if isinstance(curved, SampleCurvature) and curved.part is not None:
        assert more is not None
        Z, h = curved.farthest(known.square)
        more = concat([more[0], Z]), concat([more[1], r / m * h])
    known = curved.feed(fade(known, kept), part, more)
    n = known.rows - state.curvature.rows
    squares = (known.square - state.curvature.square)[:, :-1] / xp.where(n > 0.0, n, 1.0)
    faded = state.faded + r[:, None] * (squares - state.faded)
    return state._replace(mean_h=mean, recent_h=recent, curvature=known, faded=faded), r
