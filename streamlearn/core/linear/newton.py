"""Linear models by averaged stochastic Newton steps: ``learning_rate="auto"``, no step to tune.

A batch of m rows follows T others. One column of the model is shown. Its weights are w, and the
answer u is a running mean::

    H <- (1 - r) H + r Z' diag(h) Z / q        r = 4m / (T + 4m)
    P  = (H + alpha I + diag(delta))^-1        delta_j = min(1, a / n_j) mean(h) mean(z_j^2)
    s  = t P g                                 t = min(1, 2 g'Pg / (Pg)' H_b (Pg))
    u <- u + b (w - s - u)                     b = f m / (T + f m)
    w <- w - c s                               c = 6m / (T + 6m + 3d)

- g is the mean gradient of the batch, with the penalty.
- Z has q of the rows, less a running centre, with a column of ones for the intercept.
- h is the curvature of the loss at the scores of these rows, and H_b their matrix in this batch.
- a is (1 + d) / 2, d the number of features. n_j = (sum |z_j|)^2 / sum z_j^2 is the number of rows
  in which feature j has effectively been seen.
- f is 1.5. For losses with a kink f is 2 to 3.7, and c has 7 instead of 6.

Averaging: u averages Newton targets w - s, not iterates. Where the loss is quadratic and P is
right, a target is the optimum plus the noise of the batch, whatever w was. So u is nearly as good
as a batch solution (1.125 times its variance), while w may take long, noisy steps that forget the
start fast. Near a kink P cannot be right, and targets remember w. There u must forget faster; the
more rows a feature has, the less that costs.

Damping: delta damps rare features. It depends on the rows that H has seen, and a feature that P has
not seen does not move until the next P. Near kinks a falls to 1/10, in proportion to 1 / T^3, from
70 rows for each feature on. Rows that gather at a kink make mean(h) large, but only the few other
rows distinguish collinear features, which would not move otherwise.

Step length: H is fed by some rows, and it is inverted as often as that costs less than the rows
between. P is then a little worse than it could be, and the average u makes up for that. The factor
t prevents larger errors: no target lies beyond twice the minimum of the batch's parabola along the
step. A sample may miss the few rows with the largest gradients, so the row with the largest loss
bounds t as well. Without it, in one of ten orders of the rows, hinge on the diamonds table ends 1.5
to 5 % off.

Between kinks a loss is linear. There h keeps steps short, and many similar rows may go further: its
minimum 0.35 falls with the leverage of a row, if that is below the mean. Otherwise frequent one-hot
levels with a probability near 0.5, whose gradients are small, end between the kinks.

Sampling: the rows that feed H are drawn by weight (`one_pass_sums`). No order of the rows and no
weights hide a feature from it. If every second row were taken, for example, a batch might show no
even hour, and the squared loss would grow by 10^80.

Units: T in b and c is the minimum of ``past``. The deviation of a column of time grows in every
block, and ``past`` counts earlier rows less, because they contain little information about its
coefficient (`in_units_of_now`). T is one number for all features, because steps with a different
length for each feature leave the valleys of correlated features. The centre makes P independent of
the offsets of the features, and the inversion at unit diagonal makes it independent of their
scales. The intercepts begin at the level of the first targets.

Safety: each batch judges the step before it, and may take it back (`trust`).

L1: the penalty enters g as its subgradient at the solution of the last quadratic, a constant. The
steps are as smooth as without it, and at the optimum the subgradient is exact. The answer is the
solution of the quadratic around u, with exact zeros.

Beyond `newton_schedule.WIDEST` H is its diagonal, and t sets the length of most steps. Then at
least one sparse row in four feeds H, at every step, with r = m / (T + m) and c = 3m / (T + 3m).
That costs a few sums over the stored entries. Among only 512 rows most rare features would not
appear, and would not move. The centre enters only products, as a separate row. So no zero is built,
except in the few rows that feed a matrix.

`bench/defaults.py` prints how far from the optimum one pass ends. `bench/NOTES.md` lists what was
tried without success.

References
----------
Bercu, Godichon-Baggioni & Portier, "An efficient stochastic Newton algorithm for parameter
estimation in logistic regressions", 2020. Boyer & Godichon-Baggioni, "On the asymptotic rate of
convergence of stochastic Newton algorithms and their weighted averaged versions", 2023. Shamir &
Zhang, "Stochastic gradient descent for non-smooth optimization", 2013 (polynomial decay averaging).
"""

from __future__ import annotations

from math import inf
from typing import NamedTuple

from streamlearn._arrays import Array, column_sums, dense, namespace, reads_are_free
from streamlearn.core.learner import Batch, Info, Learner
from streamlearn.core.linear import trust
from streamlearn.core.linear.curvature import (
    Curvature,
    Damped,
    damp,
    evenness,
    feed,
    invert,
    leverage,
    shrink,
    times,
    unknown,
)
from streamlearn.core.linear.losses import LOSSES
from streamlearn.core.linear.newton_schedule import (
    due,
    growth,
    growth_near_kinks,
    has_matrix,
    is_wide,
    largest,
    largest_near_kinks,
    sampled,
)
from streamlearn.core.linear.one_pass_sums import Sample, Scored, one_pass_sums, score, uncentred
from streamlearn.core.linear.sgd import (
    Params,
    absent,
    averaging_weight,
    penalty_parts,
    per_column,
    report,
    to_like,
    zero_models,
)
from streamlearn.core.linear.trust import Trust
from streamlearn.core.rows import cast, is_sparse, linear_predictor, weighted_sums

MATURE = 70
"""The number of rows for each feature from which on damping near kinks falls."""

FEWEST = 16
"""Rows whose own curvature bounds a step. With fewer rows, H contributes to the bound."""

MOST = 1e30
"""The maximum of ``past``, which float32 can represent."""


class State(NamedTuple):
    """K linear models for rows less ``centre``. D = d + 1; the last feature is the intercept.

    Attributes
    ----------
    weights : array of shape (K, D)
        w, the models at which gradients are computed.
    mean : array of shape (K, D)
        u, the mean of the Newton targets. Without an L1 penalty it is the answer.
    l1_subgradient, mean_l1_subgradient : arrays of shape (K, D)
        The subgradient of the L1 penalty, renewed with the inverse, and its mean over the steps.
    active : array of shape (K,)
        1 for columns that move, 0 for columns that do not.
    centre : array of shape (d,)
        The running mean of the features; zeros without an intercept.
    curvature : Curvature
    inverse : array of shape (K, D, D) or (K, D)
        The last P. Rows and columns of features that it has not seen are 0.
    past : array of shape (D,)
        The number of rows seen. Rows from before a feature's unit has grown count less.
    unit : array of shape (D,)
        The mean squares of the features, less the centre, when ``past`` was last reduced.
    trust : Trust
        The comparison of the last steps.
    """

    weights: Array
    mean: Array
    l1_subgradient: Array
    mean_l1_subgradient: Array
    active: Array
    centre: Array
    curvature: Curvature
    inverse: Array
    past: Array
    unit: Array
    trust: Trust


def init(params: Params, n_features: int, n_outputs: int, *, like: Array) -> State:
    """Return models of zeros in the float dtype of ``like``."""
    return start(params, *zero_models(n_features, n_outputs, like))


def start(params: Params, coef: Array, intercept: Array) -> State:
    """Return the state that starts with given models, (K, d) and (K,)."""
    xp = namespace(coef)
    K, D = coef.shape[0], coef.shape[1] + 1
    weights = xp.concat([coef, intercept[:, None]], axis=1)
    zeros = xp.zeros_like(weights)
    known = unknown(K, D, full=has_matrix(K, D), like=coef)
    return State(
        weights=weights,
        mean=weights,
        l1_subgradient=zeros,
        mean_l1_subgradient=zeros,
        active=xp.ones_like(intercept),
        centre=zeros[0, :-1],
        curvature=known,
        inverse=known.hessian,
        past=zeros[0, :],
        unit=zeros[0, :],
        trust=trust.begin(weights),
    )


def update(params: Params, state: State, batch: Batch) -> tuple[State, Info]:
    """Take one damped Newton step; see the module's docstring.

    Parameters
    ----------
    params : Params
        ``learning_rate``, ``eta0`` and ``power_t`` are ignored. With ``average=n`` the answer is
        the plain mean of the Newton targets from the n-th row on.
    state : State
        It is not changed.
    batch : Batch
        Rows (m, d), targets of ``params.kind``, weights (m,) or None, and the number of rows that
        this state has learned from.

    Returns
    -------
    state : State
    info : Info
        Sums over the batch, by the models before the step. ``objective`` is NaN if any score is NaN
        or infinite, which is so if any row is.

    Examples
    --------
    One batch of a linear regression gives the least squares solution, lightly damped:

    >>> import numpy as np
    >>> params = Params(loss="squared_error", kind="values", penalty=None)
    >>> X = 1e6 + np.linspace(0, 1, 1000)[:, None]
    >>> y = 3.0 * X[:, 0] - 3e6
    >>> state, info = update(params, init(params, 1, 1, like=X), Batch(X, y))
    >>> coef, intercept = answer(params, state)
    >>> np.round(coef), np.round(coef @ X[500] + intercept, 1)
    (array([[3.]]), array([1.5]))
    """
    params, before = to_like(params, state.weights), state
    xp, loss = namespace(state.weights), LOSSES[params.loss]
    X, T = batch.X, batch.seen
    m, d = X.shape
    if not T and is_sparse(X) and not has_matrix(state.weights.shape[0], d + 1, sparse=True):
        known = unknown(*state.weights.shape, full=False, like=state.weights)
        state = state._replace(curvature=known, inverse=known.hessian)
    wide = is_sparse(X) and state.inverse.ndim == 2
    if not T and params.fit_intercept and params.kind == "values":
        state = level(params, state, batch)
    found, some = one_pass_sums(params, state.weights, state.centre, batch)
    if not wide:
        some = some._replace(X=dense(some.X))
    feeds, inverts, new = (True, True, m) if wide else due(T, m, d, loss.nonsmooth)
    if feeds and params.fit_intercept:
        state = recentre(state, some, T, new)
    info = report(params, state.weights[:, :d], m, *found.losses)
    lost = found.losses[0] if len(found.losses) == 1 else found.losses[1]
    state, kept = judged(params, state, some, lost / m, 4 * m / (T + 4 * m))
    w, centre = state.weights, state.centre
    if loss.piecewise_linear and not wide and MATURE * (d + 1) < T:
        weigh = leverage(state.curvature, some.X, centre)
        least = xp.minimum(weigh * max(0.15 / (d + 1), 100 / T), 0.35)
        h = loss.curvature(some.p, some.y, params.epsilon, least)
    else:
        h = loss.curvature(some.p, some.y, params.epsilon)
    h = h if some.weight is None else h * some.weight
    total = found.total[:, None]
    a2 = penalty_parts(params)[1]
    pull = (a2[:, None] if getattr(a2, "ndim", 0) else a2) * w[:, :d]
    grad = xp.concat([(found.slopes - total * centre) / m + pull, total / m], axis=1)

    if feeds:
        r = new / (T + new) if wide else 4 * new / (T + 4 * new)
        known = feed(state.curvature, some.X, centre, h, some.weight, some.square, r)
        state = state._replace(curvature=known)
    if inverts:
        if not wide:
            state = in_units_of_now(state, some.X)
        state = renew(params, state, T + m)

    has_l1 = params.penalty in ("l1", "elasticnet")
    grad = grad + before.l1_subgradient if has_l1 else grad
    # without this unit, squares of a gradient in small units overflow
    unit = xp.max(xp.abs(grad), axis=1, keepdims=True)
    grad = grad / xp.where(unit > 0.0, unit, 1.0)
    s = times(grad, state.inverse)
    slope = 2.0 * xp.sum(grad * s, axis=1)
    curvature = curvature_along_step(params, s, some, found.worst, h, centre, m)
    if m < FEWEST and not wide:
        # H has the curvature of directions in which so few rows have none
        by_all = xp.sum(times(s, state.curvature.hessian) * s, axis=1)
        curvature = (m * curvature + (FEWEST - m) * by_all) / FEWEST
    length = xp.where(curvature > slope, slope / xp.where(curvature > 0.0, curvature, 1.0), 1.0)
    s = (state.active * length)[:, None] * unit * s

    f = 2.0 * min(max(1.0, T / (50 * d + 1)), 8.0) ** 0.3 if loss.nonsmooth else 1.5
    past = xp.min(state.past)
    begun = 0 < params.average <= T + m
    r = averaging_weight(params, T, m) if begun else f * m / (past + f * m)
    r = xp.where(kept > 0.0, state.active, 0.0)[:, None] * r
    c = 3 * m / (T + 3 * m)
    if not wide:
        n = evenness(state.curvature)[:, None] if some.weight is not None else 1.0
        reach = 7 if loss.nonsmooth else 6
        c = reach * m / (past + reach * m + 3 * d / n)
    mean = state.mean + r * (w - s - state.mean)
    state = state._replace(weights=w - c * kept[:, None] * s, mean=mean, past=state.past + m)
    if has_l1:
        state = state._replace(
            mean_l1_subgradient=state.mean_l1_subgradient
            + r * (state.l1_subgradient - state.mean_l1_subgradient)
        )
    return state, info


def level(params: Params, state: State, batch: Batch) -> State:
    """Move the intercepts to the mean of the first targets, or to their median near kinks.

    Steps would go this way in parts only, and there are few rows at first.
    """
    xp, w = namespace(state.weights), state.weights
    model = uncentred(w, state.centre)
    _, p, y, a = score(params, model, batch.X, batch.target, batch.weight)
    r = y - p
    if LOSSES[params.loss].nonsmooth:
        shift = xp.sort(r, axis=0)[r.shape[0] // 2, :]
    else:
        a = xp.ones_like(r) if a is None else a
        total = column_sums(a)
        shift = column_sums(a * r) / xp.where(total > 0.0, total, 1.0)
    shift = xp.where(xp.isfinite(shift), shift, 0.0)[:, None]

    def moved(w: Array) -> Array:
        return xp.concat([w[:, :-1], w[:, -1:] + shift], axis=1)

    return state._replace(weights=moved(w), mean=moved(state.mean), trust=trust.begin(moved(w)))


def judged(params: Params, state: State, some: Sample, now: Array, r: float) -> tuple[State, Array]:
    """Take back a step that increased the loss.

    Parameters
    ----------
    params : Params
    state : State
    some : Sample
    now : array of shape (K,)
        The mean losses of the batch.
    r : float
        The weight of the batch in running means.

    Returns
    -------
    state : State
    kept : array of shape (K,)
        The part of the next step to take. It is 0 in columns where a step was taken back, because
        the gradients of this batch belong to the models after that step.
    """
    known, w, centre = state.trust, state.weights, state.centre
    if trust.is_calm(known, now):
        known = trust.seen(known, now, r)._replace(former=w, centre=centre)
        return state._replace(trust=known), known.reach
    few, loss, xp = some.first(trust.ROWS), LOSSES[params.loss], namespace(w)
    (k, K), d = few.y.shape, centre.shape[0]
    former = as_they_are(known.former, known.centre)
    models = [as_they_are(state.mean, centre), known.start, former]
    if not is_sparse(few.X):  # sparse rows' models are long, and would be copied
        models = [xp.concat(models)]
    p = [few.p, *(linear_predictor(few.X, v[:, :d], v[:, d]) for v in models)]
    values = xp.reshape(xp.concat(p, axis=1), (k, 4, K))
    values = loss.value(values, few.y[:, None, :], params.epsilon)
    values = values if few.weight is None else few.weight[:, None, :] * values
    known, back, lags = trust.judge(trust.seen(known, now, r, values), values)
    w = xp.where(back[:, None], as_they_are(former, -centre), w)
    state = state._replace(
        weights=w,
        mean=xp.where(lags[:, None], w, state.mean),
        past=xp.where(xp.any(lags), 0.25 * state.past, state.past),
        trust=known._replace(former=w, centre=centre),
    )
    return state, xp.where(back, 0.0, known.reach)


def as_they_are(w: Array, centre: Array) -> Array:
    """Return models (K, D) for rows that are not centred, from models for rows less ``centre``."""
    coef, intercept = uncentred(w, centre)
    return namespace(w).concat([coef, intercept[:, None]], axis=1)


def curvature_along_step(
    params: Params, s: Array, some: Sample, worst: Scored, h: Array, centre: Array, m: int
) -> Array:
    """Return the curvature (K,) of the mean loss of m rows along steps s (K, D)."""
    s, shift = uncentred(s, centre)
    curvature = column_sums(h * linear_predictor(some.X, s, shift) ** 2) / h.shape[0]
    far, p, y, a = worst
    h = LOSSES[params.loss].curvature(p, y, params.epsilon)
    h = h if a is None else a * h
    return namespace(s).maximum(
        curvature, column_sums(h * linear_predictor(far, s, shift) ** 2) / m
    )


def in_units_of_now(state: State, X: Array) -> State:
    """Reduce the count of rows from before the range of a feature has grown; see `rescale`.

    After one block, a column of time may have a thousandth of its later range. The information of
    that block about its coefficient is then negligible compared with that of two blocks. The range
    has grown if a quarter of the rows X are far out, so that one extreme row changes no unit.
    """
    xp, known = namespace(X), state.curvature
    now = column_sums(known.square)
    now = now / xp.where(now[-1] > 0.0, now[-1], 1.0)  # the last is the sum over the rows
    grown = now > 2.0 * state.unit
    if reads_are_free(X) and not bool(xp.any(grown)):
        return state
    Z = X - state.centre
    far = column_sums(xp.astype(8.0 * state.unit[:-1] < Z * Z, X.dtype)) > 0.25 * X.shape[0]
    grown = grown & xp.concat([far, xp.ones_like(far[:1])])
    old = xp.where(state.unit > 0.0, state.unit, now)
    past = xp.where(grown, state.past * (old / xp.where(grown, now, 1.0)), state.past)
    return state._replace(past=past, unit=xp.where(grown, now, state.unit))


def recentre(state: State, some: Sample, T: int, new: float) -> State:
    """Move the centre towards the mean of the rows, and the intercepts so that no score changes.

    ``T`` rows were seen before. The sample ``some`` represents ``new`` rows. Rows count by their
    weights.
    """
    xp, known = namespace(some.p), state.curvature
    if some.weight is None:
        v = new / (T + new) * (column_sums(some.X) / some.X.shape[0] - state.centre)
    else:
        a = xp.mean(some.weight, axis=1, keepdims=True)
        total = xp.sum(a)
        weighed = xp.mean(known.absolute[:, -1]) / xp.maximum(known.rows, 1.0)
        before = T * xp.where(known.rows > 0.0, weighed, 1.0)
        now = new * total / a.shape[0]
        r = now / xp.where(now > 0.0, before + now, 1.0)
        v = r * (weighted_sums(a, some.X)[0, :] / xp.where(total > 0.0, total, 1.0) - state.centre)

    K = state.active.shape[0]
    models = as_they_are(xp.concat([state.weights, state.mean]), -v)
    return state._replace(centre=state.centre + v, weights=models[:K, :], mean=models[K:, :])


def ridge(params: Params, state: State, part: int = 1) -> Array:
    """Return the strength of the L2 (part 1) or L1 (part 0) penalty, (K, D)."""
    xp = namespace(state.centre)
    a = per_column(penalty_parts(params)[part], state.active)[:, None]
    return a * xp.concat([xp.ones_like(state.centre), xp.zeros_like(state.active[:1])])


def safe(params: Params, state: State, most: float = inf) -> Damped:
    """Return the damped curvature after at most ``most`` rows."""
    xp, centre = namespace(state.centre), state.centre
    # a constant feature less its mean is rounding noise, which the unit diagonal would amplify
    least = (16 * xp.finfo(centre.dtype).eps * centre) ** 2
    last = xp.full_like(state.active[:1], 0.0 if params.fit_intercept else xp.inf)
    prior = 0.5 * (centre.shape[0] + 1)
    if LOSSES[params.loss].nonsmooth:
        n = evenness(state.curvature)[:, None] * state.past[-1]
        full = MATURE * (centre.shape[0] + 1)
        prior = xp.maximum(prior * (full / xp.maximum(n, full)) ** 3, 0.1)
    return damp(state.curvature, ridge(params, state), xp.concat([least, last]), prior, most)


def renew(params: Params, state: State, rows: int) -> State:
    """Return the state with the inverse of the present curvature, after ``rows`` rows."""
    damped = safe(params, state, rows)
    state = state._replace(inverse=invert(damped))
    if params.penalty in ("l1", "elasticnet"):
        a1 = ridge(params, state, 0)
        _, l1_subgradient = shrink(damped, state.mean, state.mean_l1_subgradient, a1, 30)
        state = state._replace(l1_subgradient=l1_subgradient)
    return state


def answer(params: Params, state: State) -> tuple[Array, Array]:
    """Return the models for predictions, ``(coef, intercept)``, for rows that are not centred."""
    w = state.mean
    if params.penalty in ("l1", "elasticnet"):
        params = to_like(params, w)
        w, _ = shrink(
            safe(params, state), w, state.mean_l1_subgradient, ridge(params, state, 0), 200
        )
    return uncentred(w, state.centre)


def apply(params: Params, state: State, X: Array) -> Array:
    """Return the scores (m, K) of rows X (m, d) by the models of `answer`."""
    coef, intercept = answer(params, state)
    return linear_predictor(cast(X, coef.dtype), coef, intercept)


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
        return M * v[:, None] * v if M.ndim == 3 else M * v * v

    return state._replace(
        weights=state.weights * R,
        mean=state.mean * R,
        centre=(state.centre - delta) / rho,
        curvature=known._replace(
            hessian=times_both(known.hessian, 1.0 / R),
            absolute=known.absolute / R,
            square=known.square / R / R,
        ),
        inverse=times_both(state.inverse, R),
        past=xp.minimum(state.past / R / R, MOST),
        unit=state.unit / R / R,
        trust=state.trust._replace(
            former=state.trust.former * R,
            centre=(state.trust.centre - delta) / rho,
            start=as_they_are(state.trust.start, -delta) * R,
        ),
    )


def learner(params: Params) -> Learner:
    """Bundle the learner with its parameters."""
    nonsmooth = LOSSES[params.loss].nonsmooth
    return Learner(
        params,
        init,
        update,
        apply,
        affine=True,
        sparse=True,
        largest=largest_near_kinks if nonsmooth else largest,
        growth=growth_near_kinks if nonsmooth else growth,
        rescale=rescale,
        sampled=sampled,
        mixes=is_wide,
        absent=absent,
    )
