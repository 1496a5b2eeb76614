"""Linear models by stochastic Newton steps: ``learning_rate="auto"``, no step to tune.

A batch of m rows follows T others. One column of the model is shown. Its weights are w::

    H <- (1 - r) H + r Z' diag(h) Z / q        r = f m / (T + f m), f about 1.3 to 4
    P  = (H + alpha I + diag(delta))^-1        delta_j = min(1, a / n_j) mean(h) mean(z_j^2)

- g is the mean gradient of the batch.
- Z has q of the rows, less a running centre, with a column of ones for the intercept.
- h is the curvature of the loss at the scores of these rows.
- a is (1 + d) / 2, d the number of features. n_j = (sum |z_j|)^2 / sum z_j^2 is the number of rows
  in which feature j has effectively been seen.

What follows from g and P is one of two rules. If H is a matrix, the answer is the minimum of a
running quadratic (`newton_quadratic`). A diagonal cannot carry a gradient from one model to the
next. Then the answer is a running mean of Newton targets (`newton_targets`), and so it is with
``average``, and for the loss "perceptron".

Damping: delta damps rare features. It depends on the rows that H has seen. For hinge a falls to
1/10, in proportion to 1 / T^3, from 70 rows for each feature on. Rows that gather at a kink make
mean(h) large, but only the few other rows distinguish collinear features, which would not move
otherwise.

New features: a feature that P has not seen is divided by its own curvature until the next P. If all
rows of a feature come together, as those of a customer do, they are all that its coefficient ever
learns from. So they feed H by their own number, and they are read twice (`new_features`). A feature
is new, too, if rows are so far off that each says more about its coefficient than all before.

Penalty: later rows count more in H. The penalty of a feature that only early rows had is reduced as
these rows are, so that it keeps its share (`newton_state.remaining`). Hinge with a column
for each of 200 customers, whose rows came together, ended 10 % above the optimum otherwise.

Step length: H is fed by some rows, and it is inverted as often as that costs less than the rows
between. So both rules bound a step by the curvature along it, of some rows and of the row with the
largest loss. Without that row, in one of ten orders of the rows, hinge on the diamonds table ends
1.5 to 5 % off.

Between kinks a loss is linear. There h keeps steps short, and many similar rows may go further: its
minimum 0.35 falls with the leverage of a row, if that is below the mean. Otherwise frequent one-hot
levels with a probability near 0.5, whose gradients are small, end between the kinks.

Sampling: the rows that feed H are drawn by weight (`one_pass_sums`), in every batch by the number
of its rows. No order of the rows and no weights hide a feature from it. If every second row were
taken, for example, a batch might show no even hour, and the squared loss would grow by 10^80. If
only every tenth batch fed H, it would miss the customers of the others. With class weights, neither
the sample nor the centre depends on their values (`one_pass_sums.even_weights`).

Safety: each batch judges the step before it, and may take it back (`trust`). The intercepts begin
at the level of the first targets.

L1: the penalty enters g as its subgradient at the solution of the last quadratic, a constant. The
steps are as smooth as without it, and at the optimum the subgradient is exact. The answer is the
solution of the quadratic around u, with exact zeros.

Softmax: the loss of a row depends on the scores of all columns. Then H is one matrix of K D rows,
and all columns take one step (`joint_loss`). If it would be larger than `newton_schedule.WIDEST`,
each column has its own H, and u is a mean of targets.

Beyond `newton_schedule.WIDEST` H is its diagonal, and the bound sets the length of most steps. Then
at least one sparse row in four feeds H, at every step, with f = 1. That costs a few sums over the
stored entries. Among only 512 rows most rare features would not appear, and would not move.

`bench/defaults.py` prints how far from the optimum one pass ends. `bench/decisions.md` has the
reasons for these rules, and `bench/rejected.md` the rules that were tried without success.

References
----------
Bercu, Godichon-Baggioni & Portier, "An efficient stochastic Newton algorithm for parameter
estimation in logistic regressions", 2020. Boyer & Godichon-Baggioni, "On the asymptotic rate of
convergence of stochastic Newton algorithms and their weighted averaged versions", 2023. Shamir &
Zhang, "Stochastic gradient descent for non-smooth optimization", 2013 (polynomial decay averaging).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from streamlearn._arrays import Array, namespace
from streamlearn.core.learner import Batch, Info, Learner
from streamlearn.core.linear import new_features, newton_refine, newton_rounds, trust
from streamlearn.core.linear.curvature import unknown
from streamlearn.core.linear.damped_curvature import shrink
from streamlearn.core.linear.losses import LOSSES
from streamlearn.core.linear.newton_advance import advance, compared, judged, losses_of
from streamlearn.core.linear.newton_schedule import (
    due,
    growth,
    growth_near_kinks,
    has_matrix,
    is_mixed,
    largest,
    largest_near_kinks,
    sampled,
    sampled_twice,
)
from streamlearn.core.linear.newton_state import (
    State,
    balance,
    damped,
    delta_of,
    faded_ridge,
    has_l1,
    is_carried,
    recentre,
    rescale,
    start,
)
from streamlearn.core.linear.newton_step import (
    SampleCurvature,
    SeenRows,
    curvature_of_sample,
    sample_rows,
    weight_in_mean,
    worst_of,
)
from streamlearn.core.linear.one_pass_sums import (
    draws_per_row,
    one_pass_sums,
    score,
    some_of,
    uncentred,
)
from streamlearn.core.linear.sgd import Params, absent, report, to_like, zero_models
from streamlearn.core.rows import cast, is_sparse, linear_predictor


def init(params: Params, n_features: int, n_outputs: int, *, like: Array) -> State:
    """Return models of zeros in the float dtype of ``like``."""
    return start(params, *zero_models(n_features, n_outputs, like))


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
    params = to_like(params, state.weights)
    loss, X, T = LOSSES[params.loss], batch.X, batch.seen
    m, d = X.shape
    if not T and is_sparse(X) and not has_matrix(state.weights.shape[0], d + 1, sparse=True):
        known = unknown(state.weights.shape, like=state.weights)
        state = state._replace(curvature=known, inverse=known.hessian)
    wide = is_sparse(X) and state.inverse.ndim == 2
    if not T and params.fit_intercept and params.kind == "values":
        state = level(params, state, batch)
    found, some = one_pass_sums(params, state.weights, state.centre, batch)
    # joint columns have one matrix, and a row takes as much longer as it has columns
    width = d if state.inverse.ndim < 4 else round(d * state.weights.shape[0] ** 0.5)
    recentres, inverts, new, feeding = (True, True, m, m) if wide else due(T, m, width, loss.kinked)
    if some.weight is not None:
        # a heavy row must weigh as much in H as in the gradient
        recentres, new, feeding = True, m, m
    former, carried = state.centre, is_carried(params, state)
    before = new_features.rows_before(state.curvature) if carried else None
    if recentres and params.fit_intercept:
        state = recentre(state, *some.sums(new), T, new)
    info = report(params, state.weights[:, :d], m, *found.losses)
    centre, again = state.centre, None
    if before is not None:
        w = state.weights
        again = new_features.read_again(params, w, former, centre, before, found, some, batch)
    if again is not None:
        coef, usual, found, some = again
        state = new_features.added(state, coef, usual)
        inverts, feeding = True, m
    lost = found.weighted_loss
    state, kept = judged(
        params,
        state,
        lambda: losses_of(params, compared(state), some.few(trust.ROWS)),
        lost / m,
        weight_in_mean(4.0, m, T),
    )
    rows = sample_rows(some.X, centre, wide=wide)
    h = curvature_of_sample(params, some, T, state.curvature.square, rows)
    part = some_of(batch.draws, feeding)
    whole = part is None and h.shape[0] == m
    curved = SampleCurvature(rows, h, some.weight, some.square, centre, whole, part, loss.joint)
    worst = None
    if loss.kinked or not (whole and carried):
        worst = worst_of(params, found.worst, centre, wide=wide)
    seen = SeenRows(T, m, inverts, curved, worst, found.gradient(centre, m), kept)
    return advance(params, state, seen), info


def level(params: Params, state: State, batch: Batch) -> State:
    """Move the intercepts to the level of the first targets, such as their mean or their median.

    Steps would go this way in parts only, and there are few rows at first.
    """
    xp, w = namespace(state.weights), state.weights
    model = uncentred(w, state.centre)
    _, p, y, a = score(params, model, batch.X, batch.target, batch.weight)
    a = xp.ones_like(p) if a is None else a
    shift = LOSSES[params.loss].level(p, y, a, params.epsilon)
    shift = xp.where(xp.isfinite(shift), shift, 0.0)[:, None]

    def moved(w: Array) -> Array:
        return xp.concat([w[:, :-1], w[:, -1:] + shift], axis=1)

    return state._replace(weights=moved(w), mean=moved(state.mean), trust=trust.begin(moved(w)))


def answer(params: Params, state: State) -> tuple[Array, Array]:
    """Return the models for predictions, ``(coef, intercept)``, for rows that are not centred."""
    w = state.mean
    if has_l1(params):
        params = to_like(params, w)
        M = damped(params, state, delta_of(params, state) + faded_ridge(params, state))
        w, _ = shrink(M, w, balance(params, state), faded_ridge(params, state, 0), 200)
    return uncentred(w, state.centre)


def apply(params: Params, state: State, X: Array) -> Array:
    """Return the scores (m, K) of rows X (m, d) by the models of `answer`."""
    return applied(params, state)(X)


def applied(params: Params, state: State) -> Callable[[Array], Array]:
    """Return `apply` with the answer computed once."""
    return partial(scores, *answer(params, state))


def scores(coef: Array, intercept: Array, X: Array) -> Array:
    """Return the scores (m, K) of rows X (m, d) by models (K, d) and (K,)."""
    return linear_predictor(cast(X, coef.dtype), coef, intercept)


def of_one_model(
    rule: Callable[..., int], n_models: int, X: Array, n_outputs: int, seen: int
) -> int:
    """Return the size of a batch by a rule, for one of the models that the columns are.

    So a model learns from the same batches, whatever the number of the others.
    """
    return rule(X, n_outputs // n_models, seen)


def learner(params: Params) -> Learner:
    """Bundle the learner with its parameters."""
    loss = LOSSES[params.loss]
    most: Callable[..., int] = largest_near_kinks if loss.kinked else largest
    if params.n_models > 1:
        most = partial(of_one_model, most, params.n_models)
    return Learner(
        params,
        init,
        update,
        apply,
        applied=applied,
        affine=True,
        sparse=True,
        largest=most,
        growth=growth_near_kinks if loss.kinked or loss.log_link else growth,
        rescale=rescale,
        sampled=sampled if draws_per_row(params) == 1 else sampled_twice,
        mixes=is_mixed,
        absent=absent,
        rounds=newton_rounds.ROUNDS,
        refinement=newton_refine.REFINEMENT,
        narrow=True,
    )
