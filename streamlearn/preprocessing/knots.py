"""The knots of the splines of each feature, from a summary of its numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from streamlearn._arrays import to_numpy
from streamlearn.core.statistics import quantile_summary, quantiles
from streamlearn.core.statistics.quantile_summary import QuantileSummary


def inner_knots(state: QuantileSummary, knots: Any, n_knots: int, *, weighted: bool) -> np.ndarray:
    """Return the knots from the first to the last number, (n_knots, n_features).

    Parameters
    ----------
    state : QuantileSummary
        The numbers of each feature.
    knots : {"uniform", "quantile"} or sequence of shape (n_knots, n_features)
        The rule that places the knots, or the knots.
    n_knots : int
        The number of knots of each feature, if the knots are not given.
    weighted : bool
        Whether the rows of the summary have weights.

    Raises
    ------
    ValueError
        If there are fewer than two given knots, if they do not have a column for each feature, or
        if they are not in ascending order.
    """
    d = quantile_summary.n_features(state)
    if not isinstance(knots, str):
        knots = np.asarray(knots)
        if knots.shape[0] < 2:
            raise ValueError("Number of knots, knots.shape[0], must be >= 2.")
        if knots.shape[1] != d:
            raise ValueError("knots.shape[1] == n_features is violated.")
        if not np.all(np.diff(knots, axis=0) > 0):
            raise ValueError("knots must be sorted without duplicates.")
        return knots
    if knots == "quantile":
        ranks = np.linspace(0, 1, n_knots).tolist()
        find = quantiles.weighted_quantile if weighted else quantiles.quantile
        return to_numpy(find(state, ranks)).astype(np.float64)
    ends = [to_numpy(end(state)) for end in (quantiles.minimum, quantiles.maximum)]
    low, high = (np.where(np.isnan(end), 0.0, end).astype(np.float64) for end in ends)
    return np.linspace(low, high, n_knots)


def with_outer_knots(inner: np.ndarray, degree: int, *, periodic: bool) -> np.ndarray:
    """Return the inner knots and ``degree`` more knots at each end.

    Raises
    ------
    ValueError
        If ``periodic`` is True and a period has too few knots.

    Examples
    --------
    >>> with_outer_knots(np.asarray([[0.0], [1.0], [3.0]]), 2, periodic=False)[:, 0]
    array([-2., -1.,  0.,  1.,  3.,  5.,  7.])
    >>> with_outer_knots(np.asarray([[0.0], [1.0], [3.0]]), 2, periodic=True)[:, 0]
    array([-3., -2.,  0.,  1.,  3.,  4.,  6.])
    """
    k = degree
    if periodic:
        if inner.shape[0] <= k:
            raise ValueError(
                f"Periodic splines require degree < n_knots. Got n_knots={inner.shape[0]} and "
                f"degree={k}."
            )
        period = inner[-1] - inner[0]
        before, after = inner[-(k + 1) : -1] - period, inner[1 : k + 1] + period
    else:
        # The distances are those of the first two and of the last two knots: P. Eilers and B. Marx,
        # "Flexible Smoothing with B-splines and Penalties", Statistical Science 11, 1996.
        first, last = inner[1] - inner[0], inner[-1] - inner[-2]
        before = np.linspace(inner[0] - k * first, inner[0] - first, num=k)
        after = np.linspace(inner[-1] + last, inner[-1] + k * last, num=k)
    return np.concatenate([before, inner, after])
