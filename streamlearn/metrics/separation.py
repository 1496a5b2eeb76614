"""Scores of clusters without classes: how far apart they are, compared with their widths."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from streamlearn._arrays import namespace, sums_by_label, to_numpy
from streamlearn._validation.label_codes import encode
from streamlearn._validation.messages import in_block
from streamlearn.core.statistics import group_moments
from streamlearn.core.statistics.group_moments import Centers
from streamlearn.core.statistics.moments import squares
from streamlearn.metrics.clusters import (
    CLUSTERS,
    Clusters,
    centers_like,
    centers_of,
    dense_like,
    read_rows,
    relative,
    several_or_raise,
)
from streamlearn.metrics.over_blocks import Metric, Statistic, computed


def calinski_harabasz_score(X: Any, labels: Any) -> float:
    """Return the Calinski-Harabasz score: the variance between clusters over that within them.

    Each variance is divided by its degrees of freedom. More is better.

    Parameters
    ----------
    X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
        Numbers without NaN and infinity. Rows may be sparse.
    labels : array, Series, dask array or dask Series of shape (n_samples,)
        The cluster of each row.

    Returns
    -------
    float
        A number that is at least 0. It is 1 if all rows are at the centres of their clusters.

    Raises
    ------
    TypeError
        If rows are not numbers, or if labels are bytes.
    ValueError
        If the arrays do not line up or have no rows, if they hold NaN or infinity, or if there are
        less than two clusters or no cluster has two rows.

    Notes
    -----
    The data are read once. Sums are of deviations from the means of the clusters, so no digits are
    lost if rows lie far from zero.

    References
    ----------
    T. Calinski and J. Harabasz, "A dendrite method for cluster analysis", Communications in
    Statistics 3, 1974.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import calinski_harabasz_score
    >>> calinski_harabasz_score(np.asarray([[0.0], [2.0], [10.0], [12.0]]), [0, 0, 1, 1])
    50.0
    """
    return computed(Metric(CLUSTERS, _calinski_harabasz), X, labels)


def _calinski_harabasz(state: Clusters) -> float:
    several_or_raise(state)
    n, k = int(state.rows.sum()), len(state.labels)
    within = float(np.sum(squares(state.moments)))
    if within == 0:
        return 1.0
    at, share = relative(centers_of(state)), state.rows / n
    between = float(state.rows @ np.sum((at - share @ at) ** 2, axis=1))
    return between * (n - k) / (within * (k - 1))


def davies_bouldin_score(X: Any, labels: Any) -> float:
    """Return the Davies-Bouldin score: the widths of clusters over the distance to similar ones.

    The width of a cluster is the mean distance of its rows to its centre. The similarity of two
    clusters is the sum of their widths over the distance of their centres. The score is the mean
    similarity of each cluster to the one that is most similar. Less is better.

    Parameters
    ----------
    X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
        Numbers without NaN and infinity. Rows may be sparse.
    labels : array, Series, dask array or dask Series of shape (n_samples,)
        The cluster of each row.

    Returns
    -------
    float
        A number that is at least 0.

    Raises
    ------
    TypeError
        If rows are not numbers, or if labels are bytes.
    ValueError
        If the arrays do not line up or have no rows, if they hold NaN or infinity, or if there are
        less than two clusters or no cluster has two rows.

    Notes
    -----
    The data are read twice: for the centres, and for the distances to them. With
    `streamlearn.metrics.compute`, other metrics are part of these reads.

    References
    ----------
    D. L. Davies and D. W. Bouldin, "A cluster separation measure", IEEE Transactions on Pattern
    Analysis and Machine Intelligence 1, 1979.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import davies_bouldin_score
    >>> davies_bouldin_score(np.asarray([[0.0], [2.0], [10.0], [12.0]]), [0, 0, 1, 1])
    0.2
    """
    return computed(Metric(CLUSTERS, _widths), X, labels)


class Widths(NamedTuple):
    """The sums of the distances of the rows of each cluster to its centre, (n_clusters,)."""

    total: np.ndarray


def _widths(state: Clusters) -> Metric:
    """Return the metric of the second pass."""
    several_or_raise(state)
    sums = Statistic(partial(_widths_of_block, state.labels, centers_of(state)), _add)
    return Metric(sums, partial(_davies_bouldin, state))


def _widths_of_block(
    known: np.ndarray, centers: Centers, X: Any, labels: Any, _: Any, block: int | None
) -> Widths:
    rows, y = read_rows(X, labels, block)
    codes = encode(known, y, like=dense_like(rows), where=in_block("labels", block))
    away = group_moments.distances(rows, centers_like(centers, rows), codes)
    total, _ = sums_by_label(codes, len(known), away[:, None], namespace(away).ones_like(away))
    return Widths(to_numpy(total)[:, 0].astype(np.float64, copy=False))


def _add(a: Widths, b: Widths) -> Widths:
    return Widths(a.total + b.total)


def _davies_bouldin(state: Clusters, widths: Widths) -> float:
    width, at = widths.total / state.rows, relative(centers_of(state))
    worst = np.zeros(len(at))
    apart = False
    for j in range(len(at)):
        distance = np.sqrt(np.sum((at - at[j]) ** 2, axis=1))
        apart = apart or not np.allclose(distance, 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            similar = (width + width[j]) / distance
        worst[j] = np.max(np.where(distance == 0, 0.0, similar))
    # As in scikit-learn, clusters without width, or all at one place, have no similarity.
    return float(np.mean(worst)) if apart and not np.allclose(width, 0) else 0.0
