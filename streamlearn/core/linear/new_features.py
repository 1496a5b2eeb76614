"""Features that were constant before: their coefficients, from the rows of a batch alone.

A customer's rows may come together, with a column of their own. One Newton step from 0 would then
be all that this coefficient gets. It is damped as the coefficient of a rare feature is. If the
curvature of the loss depends on the score, it ends far from the optimum: log loss of 200 such
groups ended 5 % above it. So such a batch is read twice. After the first time the new coefficients
are fitted to its sample, and its gradient and curvature are those at the models with these
coefficients.
"""

from __future__ import annotations

from streamlearn._arrays import (
    Array,
    column_sums,
    dense,
    device,
    namespace,
    reads_are_free,
    weighted_sums,
)
from streamlearn.core.learner import Batch
from streamlearn.core.linear import joint_loss
from streamlearn.core.linear.curvature import mean_squares
from streamlearn.core.linear.losses import LOSSES
from streamlearn.core.linear.newton_state import rounding
from streamlearn.core.linear.newton_step import along, inner, weighted_curvature
from streamlearn.core.linear.one_pass_sums import OnePassSums, Sample, one_pass_sums
from streamlearn.core.linear.sgd import Params, penalty_parts, per_column

EVIDENCE = 16
"""The smallest number of rows that a new feature has for each new feature of the batch."""

STEPS = 8
"""Newton steps that fit the new coefficients."""


def fitted(
    params: Params, w: Array, level: Array, square: Array, some: Sample, m: int, T: int
) -> Array | None:
    """Return what new features add to the coefficients, (K, d), or None if there are none.

    Parameters
    ----------
    params : Params
    w : array of shape (K, D)
        The models at which ``some`` was scored.
    level : array of shape (d,)
        The mean of the features in the rows before. A new feature had no other value.
    square : array of shape (K, D)
        The sums of squares of the features in the rows before, less their mean.
    some : Sample
        A sample of m rows that follow T others.
    m, T : int

    Returns
    -------
    array of shape (K, d) or None
        The intercepts change so that no score of the rows before does; see `with_intercepts`.
    """
    xp, loss = namespace(w), LOSSES[params.loss]
    if not T or not reads_are_free(w):
        return None
    least = rounding(level)
    new = xp.all(mean_squares(square)[:, :-1] <= least**2, axis=0)
    if not bool(xp.any(new)):
        return None
    (at,) = xp.nonzero(new)
    Z, k = xp.take(dense(some.X), at, axis=1) - xp.take(level, at), some.p.shape[0]
    share = column_sums(xp.astype(xp.abs(Z) > xp.take(least, at), Z.dtype)) / k
    (there,) = xp.nonzero(share > 0.0)
    n = there.shape[0]
    if not n or bool(m * xp.min(xp.take(share, there)) < EVIDENCE * n):
        return None
    at, Z = xp.take(at, there), xp.take(Z, there, axis=1)
    columns = xp.arange(w.shape[1] - 1, device=device(w))[None, :] == at[:, None]
    columns = xp.astype(columns, w.dtype)
    l2 = (T + m) / m * per_column(penalty_parts(params)[1], w[:, 0])[:, None]
    start = w[:, :-1] @ xp.matrix_transpose(columns)
    v, p = start, some.p
    for _ in range(STEPS):
        g = loss.gradient(p, some.y, params.epsilon)
        g = weighted_sums(g if some.weight is None else some.weight * g, Z) / k + l2 * v
        h = weighted_curvature(params, p, some.y, some.weight)
        own = joint_loss.diagonal(h) if loss.joint else h
        curved = weighted_sums(own, Z * Z) / k + l2
        s = g / xp.where(curved > 0.0, curved, 1.0)
        by = Z @ xp.matrix_transpose(s)
        bend = column_sums(along(h, by, loss.joint)) / k + inner(l2 * s, s, loss.joint)
        slope = inner(g, s, loss.joint)
        t = xp.where(bend > slope, slope / xp.where(bend > 0.0, bend, 1.0), 1.0)[:, None]
        v, p = v - t * s, p - by * xp.matrix_transpose(t)
    return (v - start) @ columns


def read_again(
    params: Params, w: Array, level: Array, centre: Array, square: Array, some: Sample, batch: Batch
) -> tuple[Array, OnePassSums, Sample] | None:
    """Read a batch again if it has new features.

    Parameters
    ----------
    params, w, level, square, some
        The arguments of `fitted`.
    centre : array of shape (d,)
        The rows are less it, at the models w.
    batch : Batch

    Returns
    -------
    coef : array of shape (K, d)
        The result of `fitted`. If it is None, all is None.
    sums : OnePassSums
    sample : Sample
        The sample at the models with ``coef``.
    """
    coef = fitted(params, w, level, square, some, batch.X.shape[0], batch.seen)
    if coef is None:
        return None
    return coef, *one_pass_sums(params, w + with_intercepts(coef, level, centre), centre, batch)


def with_intercepts(change: Array, level: Array, centre: Array) -> Array:
    """Return a change of coefficients as one of models for rows less a centre, (K, D).

    Parameters
    ----------
    change : array of shape (K, d)
    level : array of shape (d,)
        The value that the features had before. No score of a row with it changes.
    centre : array of shape (d,)
    """
    return namespace(change).concat([change, (change @ (centre - level))[:, None]], axis=1)
