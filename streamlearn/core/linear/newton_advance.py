"""A Newton step: the last step is judged by the new rows, and then the next one follows."""

from __future__ import annotations

from collections.abc import Callable

from streamlearn._arrays import Array, namespace
from streamlearn.core.linear import newton_quadratic, newton_targets, trust
from streamlearn.core.linear.curvature import product
from streamlearn.core.linear.losses import LOSSES
from streamlearn.core.linear.newton_state import State, as_they_are, is_carried
from streamlearn.core.linear.newton_step import SeenRows
from streamlearn.core.linear.one_pass_sums import Sample
from streamlearn.core.linear.sgd import Params
from streamlearn.core.rows import is_sparse, linear_predictor


def advance(params: Params, state: State, seen: SeenRows) -> State:
    """Return the state after the rows, by the rule that suits the loss; see `newton`."""
    step = newton_quadratic.step if is_carried(params, state) else newton_targets.step
    return step(params, state, seen)


def compared(state: State) -> list[Array]:
    """Return the models that `judged` compares with w: u, ``start`` and ``former``, each (K, D).

    They are for rows that are not centred.
    """
    known = state.trust
    former = as_they_are(known.former, known.centre)
    return [as_they_are(state.mean, state.centre), known.start, former]


def losses_of(params: Params, models: list[Array], few: Sample) -> Array:
    """Return the losses of rows by w and by the three other models, (k, 4, K)."""
    xp, (k, K), d = namespace(few.p), few.y.shape, models[0].shape[1] - 1
    if not is_sparse(few.X):  # sparse rows' models are long, and would be copied
        models = [xp.concat(models)]
    p = [few.p, *(linear_predictor(few.X, v[:, :d], v[:, d]) for v in models)]
    values = xp.reshape(xp.concat(p, axis=1), (k, 4, K))
    values = LOSSES[params.loss].value(values, few.y[:, None, :], params.epsilon)
    return values if few.weight is None else few.weight[:, None, :] * values


def judged(
    params: Params, state: State, values: Callable[[], Array], now: Array, r: float
) -> tuple[State, Array]:
    """Take back a step that increased the loss.

    Parameters
    ----------
    params : Params
    state : State
    values : callable
        It returns the result of `losses_of` for some rows.
    now : array of shape (K,)
        The mean losses of the rows.
    r : float
        The weight of the rows in running means.

    Returns
    -------
    state : State
    kept : array of shape (K,)
        The part of the next step to take. It is 0 in columns where a step was taken back, because
        the gradients of these rows belong to the models after that step.
    """
    known, w, centre = state.trust, state.weights, state.centre
    if trust.is_calm(known, now):
        known = trust.seen(known, now, r)._replace(former=w, centre=centre)
        return state._replace(trust=known), known.reach
    xp, found = namespace(w), values()
    known, back, lags = trust.judge(trust.seen(known, now, r, found), found)
    former = as_they_are(as_they_are(known.former, known.centre), -centre)
    kept = xp.where(back[:, None], former, w)
    if is_carried(params, state):
        change = product(kept - w, state.curvature)
        state = state._replace(gradient=state.gradient + change)
    w = kept
    # u is w if a quadratic has no kink, and is taken back with it
    follows = is_carried(params, state) and not LOSSES[params.loss].kinked
    state = state._replace(
        weights=w,
        mean=xp.where((lags | back if follows else lags)[:, None], w, state.mean),
        past=xp.where(xp.any(lags), 0.25 * state.past, state.past),
        trust=known._replace(former=w, centre=centre),
    )
    return state, xp.where(back, 0.0, known.reach)
