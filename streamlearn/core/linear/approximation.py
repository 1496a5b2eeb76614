"""An approximation of the objective around models, and its minimum.

At models w a read of all rows gives the gradient g and the curvature H of the mean loss. The loss
f_S of a sample S of the rows is kept as it is, and only the rest is a parabola::

    f_S(v) + (g - g_S)'(v - w) + (v - w)'(H - H_S)(v - w) / 2

g_S and H_S are those of the sample at w. So gradient and curvature at w are exact, whatever the
sample is. The penalties are kept as they are, too. `minimum` takes a few damped Newton steps, which
are proximal with an L1 penalty.

Where H - H_S is negative, the approximation is concave far from w, because f_S becomes flat there.
A rare level is an example, if the sample has more than its share of these rows. Then there may be
no minimum. So `Samples.without_concavity` reduces the weights of the sample, such that H - H_S is
positive. With these weights the approximation has a minimum. It is above the objective nearly
everywhere, so it tells whether the minimum with the full weights can be trusted.
"""

from __future__ import annotations

from typing import NamedTuple

from streamlearn._arrays import Array, argmin, column_sums, concat, namespace, reads_are_free
from streamlearn.core.linear.curvature import (
    Curvature,
    by_column,
    diagonal_of,
    products,
    times,
    with_matrix,
)
from streamlearn.core.linear.damped_curvature import Damped, damp, invert, largest_ratio, shrink
from streamlearn.core.linear.losses import LOSSES
from streamlearn.core.linear.newton_state import has_l1
from streamlearn.core.linear.newton_step import inner
from streamlearn.core.linear.sgd import Params
from streamlearn.core.rows import linear_predictor, weighted_sums

STEPS = 12
"""Damped Newton steps that minimize the approximation."""

LENGTHS = (1.0, 0.5, 0.25, 0.1, 0.03, 0.01, 0.0)
"""The lengths of a step that are tried. The last is for a step that would make it larger."""

LINEAR = 0.25
"""The second derivative of a loss, over that of the parabola above it, where the loss is linear.

For log loss these are rows whose class has a probability below 0.036. A Newton step by the second
derivative of a single row would be longer than 30 there.
"""

ROOM = 0.05
"""The part of the curvature of all rows by which the rest of a sample may be concave."""


class ObjectiveAround(NamedTuple):
    """All rows, seen by the models w.

    Attributes
    ----------
    weights : array of shape (K, D)
        w, for rows less the centre.
    gradient : array of shape (K, D)
        The gradient of the mean loss.
    curvature : Curvature
        Its H is that of the mean loss.
    ridge, l1 : arrays of shape (K, D)
        The strengths of the penalties.
    least : array of shape (D,)
        The mean squares of the features up to which they count as not seen.
    """

    weights: Array
    gradient: Array
    curvature: Curvature
    ridge: Array
    l1: Array
    least: Array

    def damped(self, H: Array) -> Damped:
        """Return a curvature with the penalty, and with as much more as keeps it positive."""
        tiny = 32 * namespace(H).finfo(H.dtype).eps * H.shape[-1] * diagonal_of(H)
        return damp(with_matrix(self.curvature, H), self.ridge + tiny, self.least)


class Sample(NamedTuple):
    """Some of the rows.

    Attributes
    ----------
    Z : array of shape (q, D)
        Rows less the centre, with a column of ones for the intercept.
    y : array of shape (q, K)
    weight : array of shape (q, K)
        Weights in the mean loss of all rows.
    """

    Z: Array
    y: Array
    weight: Array


class Approximation(NamedTuple):
    """The approximation by a sample; see the module's docstring.

    Attributes
    ----------
    params : Params
    around : ObjectiveAround
    sample : Sample
    slope : array of shape (K, D)
        g - g_S.
    bend : array of shape (K, D, D) or (K, K, D, D)
        H - H_S.
    """

    params: Params
    around: ObjectiveAround
    sample: Sample
    slope: Array
    bend: Array

    def value(self, v: Array) -> Array:
        """Return the value at models v with the penalties, (K,)."""
        loss, (Z, y, a), around = LOSSES[self.params.loss], self.sample, self.around
        d = v - around.weights
        rest = (self.slope + 0.5 * times(d, self.bend)) * d
        penalty = (0.5 * around.ridge * v + around.l1 * namespace(v).sign(v)) * v
        total = inner(rest + penalty, namespace(v).ones_like(v), loss.joint)
        return column_sums(a * loss.value(_scores(Z, v), y, self.params.epsilon)) + total

    def decrease(self, v: Array) -> Array:
        """Return how much smaller the value is at models v than at w, (K,)."""
        return self.value(self.around.weights) - self.value(v)

    def derivatives(self, v: Array) -> tuple[Array, Array]:
        """Return the gradient and the curvature at models v without the penalties."""
        g, H = _of_rows(self.params, self.sample, v)
        return g + self.slope + times(v - self.around.weights, self.bend), H + self.bend


class Samples(NamedTuple):
    """Two samples of the rows, and their gradients and curvatures at w.

    Attributes
    ----------
    params : Params
    around : ObjectiveAround
    exact : Sample
        Rows that count for themselves, and keep their weights.
    drawn : Sample
        Rows that count for others, too.
    of_exact, of_drawn : tuples of (array of shape (K, D), array)
        The gradient and the curvature of each.
    """

    params: Params
    around: ObjectiveAround
    exact: Sample
    drawn: Sample
    of_exact: tuple[Array, Array]
    of_drawn: tuple[Array, Array]

    @classmethod
    def at(cls, params: Params, around: ObjectiveAround, exact: Sample, drawn: Sample) -> Samples:
        """Return two samples at the models w."""
        found = (_of_rows(params, rows, around.weights) for rows in (exact, drawn))
        return cls(params, around, exact, drawn, *found)

    def with_part(self, part: Array) -> Approximation:
        """Return the approximation in which drawn rows have a part (K,) of their weights."""
        drawn = self.drawn._replace(weight=part * self.drawn.weight)
        rows = Sample(*(concat(list(both)) for both in zip(drawn, self.exact, strict=True)))
        (g, H), (g_drawn, H_drawn) = self.of_exact, self.of_drawn
        around = self.around
        return Approximation(
            self.params,
            around,
            rows,
            around.gradient - g - part[:, None] * g_drawn,
            around.curvature.hessian - H - by_column(part, H_drawn),
        )

    def without_concavity(self) -> Array:
        """Return the parts (K,) with which the rest is hardly concave anywhere."""
        H = self.around.curvature.hessian
        room = self.around.damped((1.0 + ROOM) * H - self.of_exact[1])
        most = largest_ratio(self.of_drawn[1], room)
        return 1.0 / namespace(most).maximum(most, namespace(most).ones_like(most))


def minimum(of: Approximation) -> Array:
    """Return the models (K, D) with the smallest value, or nearly."""
    w, _, known, ridge, l1, _ = of.around
    xp, penalized = namespace(w), has_l1(of.params)

    def divisor(H: Array) -> tuple[Damped, Array | None]:
        M = of.around.damped(H)
        return M, None if penalized else invert(M)

    def towards(v: Array, g: Array, by: tuple[Damped, Array | None]) -> Array:
        M, P = by
        return shrink(M, v, -g, l1, 300)[0] - v if P is None else -times(g, P)

    # it may be concave far from w; by the curvature of all rows at w it is not
    v, by_all = w, divisor(known.hessian)
    for _ in range(STEPS):
        g, H = of.derivatives(v)
        g = g + ridge * v
        steps = [towards(v, g, by) for by in (divisor(H), by_all)]
        tried = [v + t * s for s in steps for t in LENGTHS]
        values = xp.stack([of.value(u) for u in tried])
        values = xp.where(xp.isfinite(values), values, xp.finfo(values.dtype).max)
        best = argmin(values, axis=0)
        if reads_are_free(best) and bool(xp.all(best % len(LENGTHS) == len(LENGTHS) - 1)):
            break  # all further steps would be the same
        v = sum(xp.where((best == i)[:, None], u, 0.0 * v) for i, u in enumerate(tried))
    return v


def curvature(params: Params, p: Array, y: Array) -> Array:
    """Return the second derivative of the loss, or more where the loss is nearly linear.

    Parameters
    ----------
    params : Params
    p, y : arrays of shape (m, K)
        Scores and targets.

    Returns
    -------
    h : array of shape (m, K)
        Where the second derivative is less than `LINEAR` of it, the curvature of the parabola above
        the loss. One row far on the wrong side would make a step of any length otherwise.
    """
    loss = LOSSES[params.loss]
    assert loss.slope is not None
    if loss.curvature is loss.slope:
        return loss.slope(p, y, params.epsilon)
    h, above = loss.slope(p, y, params.epsilon), loss.curvature(p, y, params.epsilon)
    return namespace(p).where(h < LINEAR * above, above, h)


def _scores(Z: Array, v: Array) -> Array:
    return linear_predictor(Z, v, 0.0 * v[:, 0])


def _of_rows(params: Params, rows: Sample, v: Array) -> tuple[Array, Array]:
    """Return the sums of gradients and of curvatures at models v."""
    (Z, y, a), loss = rows, LOSSES[params.loss]
    p = _scores(Z, v)
    g = weighted_sums(a * loss.gradient(p, y, params.epsilon), Z)
    return g, products(Z, a * curvature(params, p, y), joint=loss.joint)
