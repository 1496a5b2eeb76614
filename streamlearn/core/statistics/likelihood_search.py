"""The most likely lambdas of a power transformation: Newton steps for all columns together.

A caller returns the sums of `streamlearn.core.statistics.likelihood` at the lambdas of the
search. The likelihood is concave. So the sums also show on which side the optimum is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from streamlearn._arrays import Array, namespace
from streamlearn.core.power_map import Origin, exponents, logarithms
from streamlearn.core.statistics.likelihood import (
    Optimum,
    Params,
    Sums,
    after_step,
    derivatives,
    log_likelihood,
)

CLOSE = 1e-5
"""The size of a step that ends the search, for logarithms with a width of 1.

The error of the optimum is the square of this step.
"""


class Point(NamedTuple):
    """A lambda of each feature with a known likelihood. All arrays have shape (n_features,).

    Attributes
    ----------
    power : array
        The lambda. It is infinite if none is known.
    value, slope : array
        The log likelihood there, and its derivative.
    """

    power: Array
    value: Array
    slope: Array


class Search(NamedTuple):
    """The search for the optimum of each feature. Other arrays have shape (n_features,).

    Attributes
    ----------
    params : Params
        The next lambdas, or the optimum.
    low, high : Point
        The bracket: the optimum is between them.
    first, last : array
        The bounds of lambda.
    longest : array
        The longest step.
    extent : array of shape (2, n_features)
        The smallest and the largest number of each feature.
    """

    params: Params
    low: Point
    high: Point
    first: Array
    last: Array
    longest: Array
    extent: Array


def begin(
    yeo_johnson: bool, origin: Origin, power: Array, first: Array, last: Array, extent: Array
) -> Search:
    """Return the search that begins at ``power``, clipped to the bounds."""
    xp = namespace(first)
    infinity = xp.full_like(first, xp.inf)
    longest = xp.maximum(xp.full_like(first, 2.0), 4.0 / _width(yeo_johnson, origin, extent))
    params = Params(yeo_johnson, power, origin, xp.ones_like(first))
    nothing = xp.zeros_like(first)
    low, high = (Point(end, nothing, nothing) for end in (-infinity, infinity))
    search = Search(params, low, high, first, last, longest, extent)
    return _at(search, xp.minimum(xp.maximum(power, first), last))


def _width(yeo_johnson: bool, origin: Origin, extent: Array) -> Array:
    xp = namespace(extent)
    logs, _ = logarithms(yeo_johnson, origin, extent)
    width = xp.max(xp.abs(logs), axis=0)
    return xp.where(width > 0, width, xp.ones_like(width))


def _at(search: Search, power: Array) -> Search:
    """Return the search at other lambdas. The factor ``shrink`` makes g at most t there."""
    xp, (yeo_johnson, _, origin, _) = namespace(power), search.params
    logs, negative = logarithms(yeo_johnson, origin, search.extent)
    largest = xp.max(exponents(power, negative) * logs, axis=0)
    shrink = xp.exp(-xp.maximum(largest, xp.zeros_like(largest)))
    return search._replace(params=Params(yeo_johnson, power, origin, shrink))


def step(search: Search, state: Sums, close: float = CLOSE) -> tuple[Search, Array, bool]:
    """Return the search after a Newton step, the step of each feature, and whether all are small.

    ``state`` has the sums at the search's lambdas. If a step would leave the bracket, the new
    lambda is where the tangents at both ends of the bracket meet. The reason is that the likelihood
    of heavy tails has a bend and is nearly straight on both sides of it. The lambdas of constant
    features do not change.
    """
    xp, power = namespace(state.gg), search.params.power
    slope, bend = derivatives(state)
    constant, up = xp.isnan(slope), slope > 0
    here = Point(power, log_likelihood(search.params, state), slope)
    low, high = (
        Point(*(xp.where(take, a, b) for a, b in zip(here, end, strict=True)))
        for take, end in ((up, search.low), (~up, search.high))
    )
    falls = bend < 0
    newton = -slope / xp.where(falls, bend, -xp.ones_like(bend))
    sign = xp.where(up, xp.ones_like(slope), -xp.ones_like(slope))
    by = xp.where(falls & ~constant, newton, sign * search.longest)
    by = xp.minimum(xp.maximum(by, -search.longest), search.longest)
    width = _width(search.params.yeo_johnson, search.params.origin, search.extent)
    size = xp.maximum(xp.abs(power), xp.ones_like(power))
    small = (xp.abs(by) * width <= close) & (xp.abs(by) <= close * size)
    new = xp.minimum(xp.maximum(power + by, search.first), search.last)
    outside = ((new <= low.power) | (new >= high.power)) & ~small
    new = xp.where(outside & xp.isfinite(high.power - low.power), _meeting(low, high), new)
    new = xp.where(constant, power, new)
    by = new - power
    small = (xp.abs(by) * width <= close) & (xp.abs(by) <= close * size)
    longest = xp.maximum(search.longest, 4 * xp.abs(by))
    search = search._replace(low=low, high=high, longest=longest)
    return _at(search, new), by, bool(xp.all(small))


def _meeting(low: Point, high: Point) -> Array:
    """Return where the tangents at two lambdas meet, kept at a distance from both lambdas."""
    xp = namespace(low.power)
    falls = low.slope - high.slope
    width = high.power - low.power
    width = xp.where(xp.isfinite(width) & (falls > 0), width, xp.zeros_like(width))
    rise = high.value - low.value - high.slope * width
    part = rise / xp.where(width > 0, falls * width, xp.ones_like(width))
    least, most = xp.full_like(part, 0.02), xp.full_like(part, 0.98)
    return low.power + width * xp.minimum(xp.maximum(part, least), most)


def optimum(
    ask: Callable[[Params], Sums], search: Search, *, close: float = CLOSE, most: int = 50
) -> Optimum:
    """Return the most likely lambdas. ``ask`` returns the sums of all rows at some lambdas.

    There is no pass after the last step, because the errors that remain are below rounding: the
    square of the step for lambda, and its third power for mean and variance.
    """
    done, passes = False, 0
    while not done and passes < most:
        before, state = search.params, ask(search.params)
        search, by, done = step(search, state, close)
        passes += 1
    mean, variance = after_step(state, by)
    return Optimum(search.params.power, mean, variance, before.shrink, passes)
