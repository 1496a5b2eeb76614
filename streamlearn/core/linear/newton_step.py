"""What a batch says about the models before a Newton step, and the curvature along the step."""

from __future__ import annotations

from typing import NamedTuple

from streamlearn._arrays import Array, column_sums, is_sparse, namespace
from streamlearn.core.linear.curvature import times
from streamlearn.core.linear.losses import LOSSES
from streamlearn.core.linear.newton_state import State
from streamlearn.core.linear.one_pass_sums import Sample, Scored, uncentred
from streamlearn.core.linear.sgd import Params
from streamlearn.core.rows import linear_predictor

FEWEST = 16
"""Rows whose own curvature bounds a step. With fewer rows, H contributes to the bound."""


class Seen(NamedTuple):
    """A batch, seen by the models w.

    Attributes
    ----------
    before, rows : int
        The number of rows before the batch, and of its own.
    feeds, inverts : bool
        Whether the batch feeds H, and whether H is then inverted.
    new : float
        The number of rows that the sample represents when it feeds H.
    some : Sample
    worst : Scored
        The row with the largest loss.
    h : array of shape (k, K)
        The weighted curvatures of the loss in the sample.
    gradient : array of shape (K, D)
        The mean gradient of the batch, without the penalty.
    kept : array of shape (K,)
        The part of the step to take. It is 0 where the last step was taken back.
    """

    before: int
    rows: int
    feeds: bool
    inverts: bool
    new: float
    some: Sample
    worst: Scored
    h: Array
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


def curvature_along(params: Params, seen: Seen, s: Array, centre: Array) -> Array:
    """Return the curvature (K,) of the mean loss of the batch along a step s (K, D).

    A sample may miss the few rows with the largest gradients, so the row with the largest loss
    counts as well.
    """
    s, shift = uncentred(s, centre)
    curved = column_sums(seen.h * linear_predictor(seen.some.X, s, shift) ** 2) / seen.h.shape[0]
    far, p, y, weight = seen.worst
    h = weighted_curvature(params, p, y, weight)
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
    s = times(g, state.inverse)
    slope = 2.0 * xp.sum(g * s, axis=1)
    curved = curvature_along(params, seen, s, state.centre)
    if m < FEWEST and not is_sparse(seen.some.X):
        # H has the curvature of directions in which so few rows have none
        by_all = xp.sum(times(s, state.curvature.hessian) * s, axis=1)
        curved = (m * curved + (FEWEST - m) * by_all) / FEWEST
    length = xp.where(curved > slope, slope / xp.where(curved > 0.0, curved, 1.0), 1.0)
    return (state.active * length)[:, None] * unit * s


def in_units_of_its_own(g: Array) -> tuple[Array, Array]:
    """Return gradients (K, D) over their largest entries, and those, (K, 1).

    Squares of a gradient in small units would overflow otherwise.
    """
    xp = namespace(g)
    unit = xp.max(xp.abs(g), axis=1, keepdims=True)
    return g / xp.where(unit > 0.0, unit, 1.0), unit
