"""The most likely lambdas of a power transformation: Newton steps for all columns together.

A caller returns the sums of `streamlearn.core.statistics.likelihood` at the lambdas that are asked
for. The likelihood is concave, so that each answer also tells on which side the optimum is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from streamlearn._arrays import Array, namespace
from streamlearn.core.power_map import Origin, exponents, logarithms
from streamlearn.core.statistics.likelihood import (
    Found,
    Params,
    Sums,
    derivatives,
    log_likelihood,
    moved,
)

CLOSE = 1e-5
"""A step this small ends the search, for logarithms of a width of 1: its square is the error."""


class Known(NamedTuple):
    """A lambda of each column that has been asked for; arrays of shape (n_features,).

    Attributes
    ----------
    power : array
        Infinity where there is none.
    value, slope : array
        The log likelihood there, and its derivative.
    """

    power: Array
    value: Array
    slope: Array


class Search(NamedTuple):
    """Where the optimum of each column is; arrays of shape (n_features,), but for ``params``.

    Attributes
    ----------
    params : Params
        The lambdas that are to be asked for next, or the optimum.
    low, high : Known
        The optimum is between them, as far as is known.
    first, last : array
        No lambda is beyond them.
    longest : array
        The longest step.
    ends : array of shape (2, n_features)
        The smallest and the largest number of each column.
    """

    params: Params
    low: Known
    high: Known
    first: Array
    last: Array
    longest: Array
    ends: Array


def begin(
    yeo_johnson: bool, origin: Origin, power: Array, first: Array, last: Array, ends: Array
) -> Search:
    """Return the search that begins at ``power``, or where the bounds are nearest to that."""
    xp = namespace(first)
    infinity = xp.full_like(first, xp.inf)
    longest = xp.maximum(xp.full_like(first, 2.0), 4.0 / _width(yeo_johnson, origin, ends))
    params = Params(yeo_johnson, power, origin, xp.ones_like(first))
    nothing = xp.zeros_like(first)
    low, high = (Known(end, nothing, nothing) for end in (-infinity, infinity))
    search = Search(params, low, high, first, last, longest, ends)
    return _at(search, xp.minimum(xp.maximum(power, first), last))


def _width(yeo_johnson: bool, origin: Origin, ends: Array) -> Array:
    xp = namespace(ends)
    logs, _ = logarithms(yeo_johnson, origin, ends)
    width = xp.max(xp.abs(logs), axis=0)
    return xp.where(width > 0, width, xp.ones_like(width))


def _at(search: Search, power: Array) -> Search:
    """Return the search with other lambdas, whose largest g is to be 1 at most times its t."""
    xp, (yeo_johnson, _, origin, _) = namespace(power), search.params
    logs, negative = logarithms(yeo_johnson, origin, search.ends)
    largest = xp.max(exponents(power, negative) * logs, axis=0)
    shrink = xp.exp(-xp.maximum(largest, xp.zeros_like(largest)))
    return search._replace(params=Params(yeo_johnson, power, origin, shrink))


def step(search: Search, state: Sums, close: float = CLOSE) -> tuple[Search, Array, bool]:
    """Return the search after a Newton step by the sums at its lambdas, the steps, and if it ends.

    A step that would leave where the optimum is known to be goes to where the tangents at both ends
    meet: the likelihood of heavy tails has a bend, and is straight on both sides of it. Columns
    whose numbers are all the same stay where they are.
    """
    xp, power = namespace(state.gg), search.params.power
    slope, bend = derivatives(state)
    constant, up = xp.isnan(slope), slope > 0
    here = Known(power, log_likelihood(search.params, state), slope)
    low, high = (
        Known(*(xp.where(take, a, b) for a, b in zip(here, end, strict=True)))
        for take, end in ((up, search.low), (~up, search.high))
    )
    falls = bend < 0
    newton = -slope / xp.where(falls, bend, -xp.ones_like(bend))
    sign = xp.where(up, xp.ones_like(slope), -xp.ones_like(slope))
    by = xp.where(falls & ~constant, newton, sign * search.longest)
    by = xp.minimum(xp.maximum(by, -search.longest), search.longest)
    width = _width(search.params.yeo_johnson, search.params.origin, search.ends)
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


def _meeting(low: Known, high: Known) -> Array:
    """Return where the tangents at two lambdas meet, but not too near either."""
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
) -> Found:
    """Return the most likely lambdas by sums that ``ask`` returns of all rows.

    The last step is not asked about again: its square, and its third power for mean and variance,
    are below rounding.
    """
    ends, passes = False, 0
    while not ends and passes < most:
        before, state = search.params, ask(search.params)
        search, by, ends = step(search, state, close)
        passes += 1
    mean, variance = moved(state, by)
    return Found(search.params.power, mean, variance, before.shrink, passes)
