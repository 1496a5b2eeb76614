"""The edges of bins of each feature, from a summary of its numbers."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np

from streamlearn._arrays import to_numpy
from streamlearn.core.statistics import quantile_summary, quantiles
from streamlearn.core.statistics.quantile_summary import QuantileSummary

WEIGHTED = ("averaged_inverted_cdf", "inverted_cdf")
"""Methods of quantiles that take weights."""

NARROW = 1e-8
"""Bins of at most this width are removed."""


def edges_of(
    state: QuantileSummary, n_bins: Any, strategy: str, method: str
) -> tuple[list[np.ndarray], list[str]]:
    """Return the edges of each feature's bins, and warnings about them.

    Parameters
    ----------
    state : QuantileSummary
        The numbers of each feature.
    n_bins : int, or sequence of int of shape (n_features,)
        The number of bins of all features, or of each.
    strategy : {"uniform", "quantile", "kmeans"}
        The rule that places the edges.
    method : str
        The method of quantiles. Only "quantile" uses it.

    Raises
    ------
    ValueError
        If ``n_bins`` has another length, or if a number of it is not whole or is below 2.
    """
    d = quantile_summary.n_features(state)
    counts = _counts(n_bins, d)
    low, high = (
        to_numpy(end(state)).astype(np.float64) for end in (quantiles.minimum, quantiles.maximum)
    )
    by_count = {
        count: _quantiles(state, count, method) for count in set(counts) if strategy == "quantile"
    }
    edges, warned = [], []
    for j, count in enumerate(counts):
        if low[j] == high[j]:
            warned.append(f"Feature {j} is constant and will be replaced with 0.")
            edges.append(np.array([-np.inf, np.inf]))
            continue
        if strategy == "uniform":
            edges.append(np.linspace(low[j], high[j], count + 1))
            continue
        if strategy == "quantile":
            found = by_count[count][:, j]
        else:
            found = _clusters(state, j, low[j], high[j], count)
        found = found[np.ediff1d(found, to_begin=np.inf) > NARROW]
        if len(found) - 1 != count:
            warned.append(
                f"Bins whose width are too small (i.e., <= 1e-8) in feature {j} are removed. "
                "Consider decreasing the number of bins."
            )
        edges.append(found)
    return edges, warned


def _counts(n_bins: Any, d: int) -> list[int]:
    if isinstance(n_bins, Integral):
        return [int(n_bins)] * d
    given = np.asarray(n_bins)
    if given.ndim > 1 or given.shape[0] != d:
        raise ValueError("n_bins must be a scalar or array of shape (n_features,).")
    wrong = np.flatnonzero((given < 2) | (given != given.astype(int)))
    if wrong.size:
        raise ValueError(
            "KBinsDiscretizer received an invalid number of bins at indices "
            f"{', '.join(map(str, wrong))}. Number of bins must be at least 2, and must be an int."
        )
    return given.astype(int).tolist()


def _quantiles(state: QuantileSummary, count: int, method: str) -> np.ndarray:
    ranks = (np.linspace(0, 100, count + 1) / 100).tolist()
    if method in WEIGHTED:
        averaged = method == "averaged_inverted_cdf"
        found = quantiles.weighted_quantile(state, ranks, averaged=averaged)
    else:
        found = quantiles.quantile(state, ranks, method)
    return to_numpy(found).astype(np.float64)


def _clusters(state: QuantileSummary, j: int, low: float, high: float, count: int) -> np.ndarray:
    """Return the edges between clusters of one feature, found by scikit-learn's KMeans."""
    from sklearn.cluster import KMeans

    part = QuantileSummary(*(a[j : j + 1, ...] for a in state))
    x, mass = (to_numpy(a)[0].astype(np.float64) for a in quantiles.masses(part))
    x, mass = x[mass > 0], mass[mass > 0]
    uniform = np.linspace(low, high, count + 1)
    start = (uniform[1:] + uniform[:-1])[:, None] * 0.5
    # KMeans stops by the variance of its input. So tol is scaled by the variance of the rows.
    mean = np.average(x, weights=mass)
    rows, given = np.average((x - mean) ** 2, weights=mass), np.var(x)
    again = -(-count // len(x))  # it wants as many points as clusters
    model = KMeans(count, init=start, n_init=1, tol=1e-4 * rows / given)
    model.fit(np.tile(x, again)[:, None], sample_weight=np.tile(mass / again, again))
    centres = np.sort(model.cluster_centers_[:, 0])
    return np.r_[low, (centres[1:] + centres[:-1]) * 0.5, high]
