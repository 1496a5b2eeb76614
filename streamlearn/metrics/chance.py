"""The mutual information that clusterings of given sizes have by chance.

Rows are dealt to the clusters at random. The number of rows of a class of a rows and a cluster of b
rows is then hypergeometric, and the expected information is a sum over classes, clusters and such
numbers [1]_. The sum is over the numbers that are not much less likely than the most likely one.
They are about twenty standard deviations, however many rows there are. Classes and clusters of the
same sizes are computed once.

The probabilities are made of the ratios of neighbours, and divided by their sum. Logarithms of
factorials would cancel: that of 1e9 is 2e10, which float64 holds to 4e-6.

References
----------
.. [1] N. X. Vinh, J. Epps and J. Bailey, "Information theoretic measures for clusterings
   comparison", Journal of Machine Learning Research 11, 2010.
"""

from __future__ import annotations

from math import fsum

import numpy as np

AT_A_TIME = 1 << 18
"""The most numbers in an array of terms, which then takes 2 MB."""


def expected_mutual_information(classes: np.ndarray, clusters: np.ndarray) -> float:
    """Return the expected information of clusterings with these numbers of rows.

    Parameters
    ----------
    classes : ndarray of int64 of shape (n_classes,)
    clusters : ndarray of int64 of shape (n_clusters,)

    Returns
    -------
    float

    Examples
    --------
    >>> expected_mutual_information(np.asarray([2, 2]), np.asarray([2, 2]))
    0.23...
    """
    n = float(classes.sum())
    (a, times_a), (b, times_b) = (np.unique(x, return_counts=True) for x in (classes, clusters))
    at = np.indices((len(a), len(b))).reshape(2, -1)
    a, b = a[at[0]].astype(np.float64), b[at[1]].astype(np.float64)
    times = (times_a[at[0]] * times_b[at[1]]).astype(np.float64)
    spread = np.sqrt(a / n * b / n * (n - a) * ((n - b) / max(n - 1, 1)))
    middle, width = np.floor(a / n * b), np.ceil(10 * spread + 50)
    low = np.maximum(np.maximum(0, a + b - n), middle - width)
    high = np.minimum(np.minimum(a, b), middle + width)
    order = np.argsort(high - low, kind="stable")
    parts, start = [], 0
    while start < len(order):
        # Pairs are sorted by their numbers of terms, so the first one bounds how many fit.
        widest = high[order[start]] - low[order[start]] + 1
        stop = start + max(1, int(AT_A_TIME / (2 * widest)))
        some = order[start:stop]
        some = some[(high - low)[some] + 1 <= 2 * widest]
        means = _mean_information(n, a[some], b[some], low[some], high[some])
        parts.append(fsum(times[some] * means))
        start += len(some)
    return fsum(parts)


def _mean_information(
    n: float, a: np.ndarray, b: np.ndarray, low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """Return the sum of probability times information, for each pair of sizes, (n_pairs,)."""
    k = low[:, None] + np.arange(int(np.max(high - low)) + 1)
    k = np.minimum(k, high[:, None])
    a, b = a[:, None], b[:, None]
    before, after = k[:, :-1], k[:, 1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        step = np.log((a - before) * (b - before) / (after * (n - a - b + after)))
    logs = np.concatenate([np.zeros_like(a), np.cumsum(step, axis=1)], axis=1)
    repeated = np.concatenate([np.zeros(a.shape, bool), before == after], axis=1)
    logs = np.where(repeated, -np.inf, logs)
    p = np.exp(logs - logs.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    some = np.maximum(k, 1)
    information = np.where(k > 0, k / n * np.log(some / a * (n / b)), 0.0)
    return np.sum(p * information, axis=1)
