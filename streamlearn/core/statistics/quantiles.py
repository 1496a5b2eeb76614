"""Quantiles and extremes of every feature, from its summary."""

from __future__ import annotations

from collections.abc import Sequence

from streamlearn._arrays import Array, along_rows, asarray, namespace, places
from streamlearn.core.statistics.quantile_summary import QuantileSummary, total

METHODS: dict[str, tuple[float, float]] = {
    "interpolated_inverted_cdf": (0.0, 1.0),
    "hazen": (0.5, 0.5),
    "weibull": (0.0, 0.0),
    "linear": (1.0, 1.0),
    "median_unbiased": (1 / 3, 1 / 3),
    "normal_unbiased": (3 / 8, 3 / 8),
}
"""The constants of the continuous methods: Hyndman and Fan, The American Statistician, 1996."""


def minimum(state: QuantileSummary) -> Array:
    """Return the minimum of each feature, (n_features,), or NaN if no number was seen."""
    return _where_seen(state, state.values[:, 0])


def maximum(state: QuantileSummary) -> Array:
    """Return the maximum of each feature, (n_features,), or NaN if no number was seen."""
    xp = namespace(state.values)
    lowest = xp.where(state.at > 0, state.values, -xp.inf * xp.ones_like(state.values))
    return _where_seen(state, xp.max(lowest, axis=1))


def rows(state: QuantileSummary) -> Array:
    """Return the number of rows, NaN included, (n_features,). Rows must have no weights."""
    return total(state) + namespace(state.at).astype(state.missing, state.at.dtype)


def masses(state: QuantileSummary) -> tuple[Array, Array]:
    """Return numbers, and weights that add up to that of all rows, both (n_features, size).

    Half of the weight between two numbers goes to each of them. Numbers without a weight are
    infinity.
    """
    xp = namespace(state.at)
    after = xp.concat([state.below[:, 1:], xp.zeros_like(state.below[:, :1])], axis=1)
    return state.values, state.at + (state.below + after) / 2


def quantile(state: QuantileSummary, q: Sequence[float], method: str = "linear") -> Array:
    """Return quantiles of rows without weights, as NumPy defines them.

    Parameters
    ----------
    state : QuantileSummary
    q : sequence of float
        From 0 to 1.
    method : str
        One of NumPy's nine methods of Hyndman and Fan.

    Returns
    -------
    array of shape (len(q), n_features)
        The quantiles, in the dtype of the numbers. They are NaN if no number was seen.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.core.statistics.block_summary import of_block
    >>> from streamlearn.core.statistics.quantile_summary import Sketch
    >>> state = of_block(Sketch(), np.asarray([[1.0], [2.0], [4.0], [8.0]]))
    >>> quantile(state, [0.0, 0.5, 0.75])[:, 0]
    array([1., 3., 5.])
    """
    xp = namespace(state.at)
    n = total(state)[:, None]
    share = asarray(list(q), like=state.at)[None, :]
    if method in METHODS:
        alpha, beta = METHODS[method]
        at = (n - 1) * share
        if method != "linear":
            at = n * share + (alpha + share * (1 - alpha - beta)) - 1
        return _elements(state, at)
    at = n * share - 1
    if method == "closest_observation":
        at = at - 0.5
    below = xp.floor(at)
    whole = at == below
    if method == "averaged_inverted_cdf":
        one, next_one = _elements(state, below), _elements(state, below + 1)
        return xp.where(whole.T, _between(one, next_one, 0.5 * xp.ones_like(one)), next_one)
    if method == "closest_observation":
        whole = whole & (xp.remainder(below, 2 * xp.ones_like(below)) == 1)
    elif method != "inverted_cdf":
        raise ValueError(f"method={method!r} is not one of those of Hyndman and Fan.")
    return _elements(state, xp.where(whole, below, below + 1))


def _elements(state: QuantileSummary, at: Array) -> Array:
    """Return the entries at some places of all numbers in order, from 0, as (k, n_features)."""
    xp = namespace(state.at)
    upto = xp.cumulative_sum(state.at + state.below, axis=1)
    first, last = upto - state.at, upto - 1
    n = upto[:, -1:]
    at = xp.clip(xp.minimum(at, n - 1), min=0)
    # `first` is n for places without a number.
    i = xp.clip(places(first, at, after=True) - 1, min=0)
    after = xp.clip(i + 1, max=first.shape[1] - 1)
    start = along_rows(last, i)
    width = along_rows(first, after) - start
    beyond = at > start
    part = xp.where(
        beyond & (width > 0), (at - start) / xp.where(width > 0, width, 1 + 0 * width), 0 * at
    )
    x = _numbers(state)
    low, high = along_rows(x, i), along_rows(x, after)
    return _answer(state, _between(low, xp.where(beyond, high, low), part))


def weighted_quantile(
    state: QuantileSummary, q: Sequence[float], *, averaged: bool = False
) -> Array:
    """Return quantiles of weighted rows: the inverse of the distribution function.

    Parameters
    ----------
    state : QuantileSummary
    q : sequence of float
        From 0 to 1.
    averaged : bool
        If the weight up to a number is exactly the share ``q``, return the middle between this
        number and the next one.

    Returns
    -------
    array of shape (len(q), n_features)

    Examples
    --------
    >>> import numpy as np
    >>> X, weight = np.asarray([[1.0], [2.0], [4.0]]), np.asarray([1.0, 1.0, 2.0])
    >>> from streamlearn.core.statistics.block_summary import of_block
    >>> from streamlearn.core.statistics.quantile_summary import Sketch
    >>> state = of_block(Sketch(), X, weight)
    >>> weighted_quantile(state, [0.25, 0.5, 0.75])[:, 0]
    array([1., 2., 4.])
    >>> weighted_quantile(state, [0.25, 0.5, 0.75], averaged=True)[:, 0]
    array([1.5, 3. , 4. ])
    """
    xp, k = namespace(state.at), state.at.shape[1]
    upto = xp.cumulative_sum(state.at + state.below, axis=1)
    want = asarray(list(q), like=state.at)[None, :] * upto[:, -1:]
    ints = state.missing.dtype
    last = xp.sum(xp.astype(state.at > 0, ints), axis=1, keepdims=True, dtype=ints)
    last = xp.clip(last - 1, min=0)
    i = xp.minimum(places(upto, want), last)
    before, after = xp.clip(i - 1, min=0), xp.minimum(xp.clip(i + 1, max=k - 1), last)
    x, high = _numbers(state), along_rows(upto, i)
    value, gap = along_rows(x, i), along_rows(state.below, i)
    start = high - along_rows(state.at, i) - gap
    part = xp.where(gap > 0, (want - start) / xp.where(gap > 0, gap, 1 + 0 * gap), 1 + 0 * gap)
    part = xp.clip(part, min=0.0, max=1.0)
    value = _between(along_rows(x, before), value, part)
    if averaged:
        # The unit of the weights does not matter.
        rounding = float(xp.finfo(want.dtype).eps) * upto[:, -1:]
        even = (xp.abs(high - want) <= rounding) & (along_rows(state.below, after) == 0)
        middle = _between(value, along_rows(x, after), 0.5 + 0 * value)
        value = xp.where(even, middle, value)
    return _answer(state, value)


def _between(a: Array, b: Array, part: Array) -> Array:
    """Return ``a + (b - a) * part``, rounded as in NumPy, so that both ends are exact."""
    xp, width = namespace(a), b - a
    return xp.where(part < 0.5, a + width * part, b - width * (1 - part))


def _numbers(state: QuantileSummary) -> Array:
    """Return the numbers in the widest float, and 0 for places without a number."""
    xp = namespace(state.at)
    x = xp.astype(state.values, state.at.dtype, copy=False)
    return xp.where(state.at > 0, x, xp.zeros_like(x[:, :1]))


def _answer(state: QuantileSummary, x: Array) -> Array:
    """Return x (n_features, k) as (k, n_features), in the dtype of the numbers."""
    xp = namespace(x)
    return _where_seen(state, xp.astype(x.T, state.values.dtype, copy=False))


def _where_seen(state: QuantileSummary, x: Array) -> Array:
    """Return x (..., n_features) with NaN for features without a number."""
    xp = namespace(x)
    return xp.where(state.at[:, 0] > 0, x, xp.nan * xp.ones_like(x))
