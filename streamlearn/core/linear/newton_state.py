"""The state of Newton steps: the models, their curvature, and how both follow the centre and units.

Symbols are those of `newton`. Models are for rows less a running centre, which makes P independent
of the offsets of the features. The inversion at unit diagonal makes it independent of their scales.
The centre enters only products, as a separate row, so sparse rows stay sparse.
"""

from __future__ import annotations

from math import inf
from typing import NamedTuple

from streamlearn._arrays import Array, namespace, reads_are_free
from streamlearn.core.linear import trust
from streamlearn.core.linear.curvature import (
    Curvature,
    about,
    diagonal_of,
    evenness,
    product,
    settled,
    unknown,
)
from streamlearn.core.linear.damped_curvature import Damped, damp, damping, invert, shrink
from streamlearn.core.linear.losses import LOSSES
from streamlearn.core.linear.newton_schedule import MATURE, shape_of_curvature
from streamlearn.core.linear.one_pass_sums import uncentred
from streamlearn.core.linear.sgd import Params, penalty_parts
from streamlearn.core.linear.trust import Trust

NEAR = 0.01
"""The distance from 0 at which a coefficient counts as small, in units of its own curvature.

One pass over 320,000 flights in the pipeline of ``examples/flights.py``, with alpha 1e-4, 0.001 and
0.01, ends 0.3, 0.0 and 0.0 % above the optimum of the objective. With 0.1 it ends 0.6, 0.2 and
0.0 % above it. With 0.001, alpha 1e-5 ends 40 % higher than with 0.01. (A script apart from
``bench/``, 1 seed.)
"""

FORGOTTEN = 0.25
"""The part of its rows that H still has, below which the damping of a feature falls as they do.

The L1 penalty falls with them, too (`State.remaining`), and must still overcome the damping. Among
the first 200 of 80,000 flights is a row with a precipitation of 230 deviations. One pass with alpha
1e-4 ended 34 % above the optimum of the objective, and now 0.2 %. With 1 instead of 0.25, tables of
rare levels end up to 1.6 % higher. (A script apart from ``bench/``, 3 seeds.)
"""

MOST = 1e30
"""The maximum of ``past``, which float32 can represent."""


class State(NamedTuple):
    """K linear models for rows less ``centre``. D = d + 1; the last feature is the intercept.

    Attributes
    ----------
    weights : array of shape (K, D)
        w, the models at which gradients are computed. They are u if a quadratic has no kink.
    mean : array of shape (K, D)
        u, without an L1 penalty the answer: the minimum of the quadratic, or the mean of the
        Newton targets.
    gradient : array of shape (K, D)
        The mean gradient of all rows, carried to w. It stays 0 if u is a mean of targets.
    l1_subgradient, l1_curvature : arrays of shape (K, D)
        The gradient of the L1 penalty at w is ``l1_subgradient + l1_curvature * w``, renewed with
        the inverse; see `l1_gradient`.
    mean_l1_subgradient : array of shape (K, D)
        The gradient of the L1 penalty at u, or the mean of those at w.
    active : array of shape (K,)
        1 for columns that move, 0 for columns that do not.
    centre : array of shape (d,)
        The running mean of the features; zeros without an intercept.
    weight : array of shape ()
        The mean weight of the rows of which ``centre`` is the mean.
    curvature : Curvature
    inverse : array of shape (K, K, D, D), (K, D, D) or (K, D)
        The last P. Rows and columns of features that it has not seen are 0.
    mean_h, recent_h : arrays of shape (K,)
        Running means of the curvatures of the loss, over many and over the last rows. They stay 0
        if u is a mean of targets.
    faded : array of shape (K, d)
        The mean squares of the features in the rows as H weighs them. It stays 0 if u is a mean of
        targets.
    remaining : array of shape (K, d)
        The part of its rows that H still has, for each feature, at most 1, renewed with the
        inverse. It is a factor of the penalty. Later rows count more in H, and the penalty of a
        feature that only early rows had must not count for more than these rows do.
    delta : array of shape (K, D)
        The damping of the last inverse.
    unseen : array of shape ()
        The number of features that P, a matrix, has not seen, added up over the columns.
    past : array of shape (D,)
        The number of rows seen. For means of targets, rows from before a feature's unit has grown
        count less.
    unit : array of shape (D,)
        The mean squares of the features, less the centre, when ``past`` was last reduced.
    trust : Trust
        The comparison of the last steps.
    """

    weights: Array
    mean: Array
    gradient: Array
    l1_subgradient: Array
    l1_curvature: Array
    mean_l1_subgradient: Array
    active: Array
    centre: Array
    weight: Array
    curvature: Curvature
    inverse: Array
    mean_h: Array
    recent_h: Array
    faded: Array
    remaining: Array
    delta: Array
    unseen: Array
    past: Array
    unit: Array
    trust: Trust


def start(params: Params, coef: Array, intercept: Array) -> State:
    """Return the state that starts with given models, (K, d) and (K,)."""
    xp = namespace(coef)
    K, D = coef.shape[0], coef.shape[1] + 1
    weights = xp.concat([coef, intercept[:, None]], axis=1)
    zeros = xp.zeros_like(weights)
    shape = shape_of_curvature(K, D, joint=LOSSES[params.loss].joint)
    known = unknown(shape, like=coef)
    return State(
        weights=weights,
        mean=weights,
        gradient=zeros,
        l1_subgradient=zeros,
        l1_curvature=zeros,
        mean_l1_subgradient=zeros,
        active=xp.ones_like(intercept),
        centre=zeros[0, :-1],
        weight=xp.ones_like(known.rows),
        curvature=known,
        inverse=known.hessian,
        mean_h=zeros[:, 0],
        recent_h=zeros[:, 0],
        faded=zeros[:, :-1],
        remaining=xp.ones_like(coef),
        delta=zeros,
        unseen=xp.ones_like(known.rows),
        past=zeros[0, :],
        unit=zeros[0, :],
        trust=trust.begin(weights),
    )


def some_columns(state: State, at: Array) -> State:
    """Return the state of the columns with the numbers ``at`` alone."""
    xp, known, compared = namespace(state.weights), state.curvature, state.trust

    def taken(x: Array, axis: int = 0) -> Array:
        return xp.take(x, at, axis=axis)

    every = {"centre", "weight", "past", "unit", "unseen", "curvature", "trust"}
    of_columns = {name: taken(x) for name, x in state._asdict().items() if name not in every}
    P = of_columns["inverse"]
    if P.ndim == 3:
        of_columns["unseen"] = n_unseen(diagonal_of(P))
    return state._replace(
        **of_columns,
        curvature=known._replace(
            hessian=taken(known.hessian),
            absolute=taken(known.absolute),
            square=taken(known.square),
            factor=taken(known.factor),
            pending_h=taken(known.pending_h, axis=1),
        ),
        trust=Trust(*(a if a is compared.centre else taken(a) for a in compared)),
    )


def n_unseen(diagonal: Array) -> Array:
    """Return the number of features whose entry of a diagonal (K, D) of P is 0."""
    xp = namespace(diagonal)
    return xp.asarray(xp.sum(xp.astype(diagonal[:, :-1] == 0.0, diagonal.dtype)))


def as_they_are(w: Array, centre: Array) -> Array:
    """Return models (K, D) for rows that are not centred, from models for rows less ``centre``."""
    coef, intercept = uncentred(w, centre)
    return namespace(w).concat([coef, intercept[:, None]], axis=1)


def recentre(state: State, total: Array | float, sums: Array, T: int, m: float) -> State:
    """Move the centre towards the mean of further rows; no score and no gradient of one changes.

    Parameters
    ----------
    state : State
    total : float or array of shape ()
        The sum of the weights of the rows. They do not depend on class weights.
    sums : array of shape (d,)
        The sum of weight times row.
    T : int
        The number of rows seen before.
    m : float
        The number of the rows.

    Returns
    -------
    State
    """
    xp, known, before = namespace(sums), state.curvature, T * state.weight
    if type(total) is float:  # NumPy's scalars are floats too, and may be 0
        v = total / (T + total) * (sums / total - state.centre)
    else:
        r = total / xp.where(total > 0.0, before + total, 1.0)
        v = r * (sums / xp.where(total > 0.0, total, 1.0) - state.centre)

    K = state.active.shape[0]
    models = as_they_are(xp.concat([state.weights, state.mean]), -v)
    state = state._replace(
        weights=models[:K, :],
        mean=models[K:, :],
        centre=state.centre + v,
        weight=xp.asarray((before + total) / (T + m)),  # NumPy's quotient is a scalar
    )
    if state.inverse.ndim == 2:
        return state
    g = state.gradient
    v = xp.concat([v, xp.zeros_like(v[:1])])[None, :]
    return state._replace(gradient=g - g[:, -1:] * v, curvature=about(known, v))


def ridge(params: Params, state: State, part: int = 1) -> Array:
    """Return the strength of the L2 (part 1) or L1 (part 0) penalty, (K, D)."""
    return _ridge(params, namespace(state.remaining).ones_like(state.remaining), part)


def faded_ridge(params: Params, state: State, part: int = 1) -> Array:
    """Return `ridge`, reduced as the rows of each feature are in H, (K, D)."""
    return _ridge(params, state.remaining, part)


def _ridge(params: Params, factor: Array, part: int) -> Array:
    a = penalty_parts(params)[part]
    a = (a[:, None] if getattr(a, "ndim", 0) else a) * factor
    xp = namespace(a)
    return xp.concat([a, xp.zeros_like(a[:, :1])], axis=1)


def is_carried(params: Params, state: State) -> bool:
    """Return whether the answer is the minimum of a running quadratic, not a mean of targets.

    The curvature of "perceptron" is not that of a mean loss, so it carries no gradient. The
    curvature of a joint loss carries one only if it knows how the columns depend on each other.
    """
    loss = LOSSES[params.loss]
    curved = loss.nonsmooth or loss.slope is not None
    return curved and state.inverse.ndim == (4 if loss.joint else 3) and not params.average


def has_l1(params: Params) -> bool:
    """Return whether the penalty has an L1 part."""
    return params.penalty in ("l1", "elasticnet")


def penalty_gradient(params: Params, state: State, w: Array) -> Array:
    """Return the gradient of the penalty at models w, (K, D)."""
    pull = faded_ridge(params, state) * w
    return pull + l1_gradient(state, w) if has_l1(params) else pull


def l1_gradient(state: State, w: Array) -> Array:
    """Return the gradient of the L1 penalty at models w, (K, D).

    A subgradient is valid up to the next change of the sign. A feature with hardly any curvature,
    such as a rare level whose rows are all predicted right, would go far beyond by a constant one.
    So it changes with w.
    """
    return state.l1_subgradient + state.l1_curvature * w


def penalty_curvature(params: Params, state: State) -> Array:
    """Return the derivative of `penalty_gradient`, (K, D)."""
    ridge = faded_ridge(params, state)
    return ridge + state.l1_curvature if has_l1(params) else ridge


def delta_of(params: Params, state: State, most: float = inf) -> Array:
    """Return the damping delta of H after at most ``most`` rows, (K, D)."""
    xp, d = namespace(state.centre), state.centre.shape[0]
    prior = 0.5 * (d + 1)
    if LOSSES[params.loss].kinked:
        n = evenness(state.curvature)[:, None] * state.past[-1]
        full = MATURE * (d + 1)
        prior = xp.maximum(prior * (full / xp.maximum(n, full)) ** 3, 0.1)
    delta = damping(state.curvature, prior, most)
    if not has_l1(params):
        return delta
    part = xp.minimum(state.remaining / FORGOTTEN, xp.ones_like(state.remaining))
    return xp.concat([part * delta[:, :-1], delta[:, -1:]], axis=1)


def damped(params: Params, state: State, more: Array) -> Damped:
    """Return the curvature with ``more``, (K, D), such as the damping and the penalty."""
    return damp(state.curvature, more, least_square(params, state))


def rounding(level: Array) -> Array:
    """Return the deviations from a level (d,) that may be rounding alone, (d,)."""
    return 16 * namespace(level).finfo(level.dtype).eps * namespace(level).abs(level)


def least_square(params: Params, state: State) -> Array:
    """Return the mean squares of the features, (D,), up to which they count as not seen."""
    xp, centre = namespace(state.centre), state.centre
    # a constant feature less its mean is rounding noise, which the unit diagonal would amplify
    least = rounding(centre) ** 2
    last = xp.full_like(state.active[:1], 0.0 if params.fit_intercept else xp.inf)
    return xp.concat([least, last])


def knows_all(state: State) -> bool:
    """Return whether P, a matrix, has seen all features. False where a read waits for a device."""
    return reads_are_free(state.unseen) and not bool(state.unseen)


def renew(params: Params, state: State, rows: int) -> State:
    """Return the state with the inverse of the present curvature, after ``rows`` rows."""
    state = state._replace(curvature=settled(state.curvature))
    if is_carried(params, state):
        state = state._replace(remaining=remaining(state))
    delta = delta_of(params, state, rows)
    M = damped(params, state, delta + faded_ridge(params, state))
    if has_l1(params):
        state = with_l1(params, state, M)
        M = damped(params, state, delta + penalty_curvature(params, state))
    return state._replace(inverse=invert(M), delta=delta, unseen=n_unseen(M.scale))


def balance(params: Params, state: State) -> Array:
    """Return the gradient of the L1 penalty that would make u the minimum, (K, D)."""
    if not is_carried(params, state):
        return state.mean_l1_subgradient
    u = state.mean
    gradient = state.gradient + product(u - state.weights, state.curvature)
    return -(gradient + faded_ridge(params, state) * u)


def with_l1(params: Params, state: State, M: Damped) -> State:
    """Return the state with the L1 penalty at the minimum of its quadratic, whose matrix is M."""
    xp, u, a1 = namespace(state.mean), state.mean, faded_ridge(params, state, 0)
    w, pull = shrink(M, u, balance(params, state), a1, 30)
    near = xp.abs(w) + NEAR * M.scale
    curved = a1 / xp.where(near > 0.0, near, 1.0)
    return state._replace(l1_subgradient=pull - curved * w, l1_curvature=curved)


def remaining(state: State) -> Array:
    """Return the part of its rows that H has, for each feature, (K, d)."""
    xp, (_, _, square, rows, *_) = namespace(state.faded), state.curvature
    even = square[:, :-1] / xp.where(rows > 0.0, rows, 1.0)
    part = xp.where(even > 0.0, state.faded / xp.where(even > 0.0, even, 1.0), 1.0)
    return xp.minimum(part, xp.ones_like(part))


def rescale(params: Params, state: State, rho: Array, delta: Array) -> State:
    """Return the state for rows ``(z - delta) / rho`` instead of z.

    No score changes. An exception is a model without an intercept, which cannot follow ``delta``.
    From here on the penalty is that of the new coefficients. If a unit has grown, the rows so far
    contain little information about a coefficient in the new unit. A row with a deviation of
    1 / rho counts as 1 / rho^2, so steps become longer and memory becomes shorter.
    """
    xp = namespace(state.weights)
    if not params.fit_intercept:
        delta = xp.zeros_like(delta)
    R, known = xp.concat([rho, xp.ones_like(rho[:1])]), state.curvature

    def times_both(M: Array, v: Array) -> Array:
        # v * v would overflow if a unit changes much
        return M * v * v if M.ndim == 2 else M * v[:, None] * v

    return state._replace(
        weights=state.weights * R,
        mean=state.mean * R,
        gradient=state.gradient / R,
        centre=(state.centre - delta) / rho,
        curvature=known._replace(
            hessian=times_both(known.hessian, 1.0 / R),
            pending=known.pending / R,
            absolute=known.absolute / R,
            square=known.square / R / R,
        ),
        inverse=times_both(state.inverse, R),
        faded=state.faded / rho / rho,
        delta=state.delta / R / R,
        past=xp.minimum(state.past / R / R, MOST),
        unit=state.unit / R / R,
        l1_curvature=state.l1_curvature / R,
        trust=state.trust._replace(
            former=state.trust.former * R,
            centre=(state.trust.centre - delta) / rho,
            start=as_they_are(state.trust.start, -delta) * R,
        ),
    )
