"""Silhouettes of clusters: of a sample of the rows, and of all rows by their centres."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np
from sklearn import metrics as theirs
from sklearn.utils import check_random_state

from streamlearn import blocks as engine
from streamlearn._arrays import is_sparse, namespace, sums_by_label, to_numpy
from streamlearn._validation.label_codes import encode
from streamlearn._validation.labels import labels_in
from streamlearn._validation.messages import in_block
from streamlearn.core.statistics import group_moments
from streamlearn.core.statistics.group_moments import Centers
from streamlearn.metrics.clusters import (
    CLUSTERS,
    Clusters,
    centers_like,
    centers_of,
    dense_like,
    read_rows,
    several_or_raise,
)
from streamlearn.metrics.over_blocks import UNREAD, Metric, Statistic, computed, numbers
from streamlearn.metrics.samples import Sample, sample_of


def silhouette_score(
    X: Any,
    labels: Any,
    *,
    metric: Any = "euclidean",
    sample_size: int | None = None,
    random_state: Any = None,
    **kwds: Any,
) -> float:
    """Return the mean silhouette of a sample of the rows.

    The silhouette of a row is (b - a) / max(a, b). Here a is its mean distance to the other rows of
    its cluster, and b is the mean distance to the rows of the nearest other cluster.

    Parameters
    ----------
    X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
        Numbers without NaN and infinity. Rows may be sparse.
    labels : array, Series, dask array or dask Series of shape (n_samples,)
        The cluster of each row.
    metric : str or callable, default="euclidean"
        A distance of `sklearn.metrics.pairwise_distances`. If it is
        "precomputed", X has the distances between all rows, in memory.
    sample_size : int, default=None
        The number of rows that are drawn. None takes all rows. A collection may then have 65,536
        rows at most.
    random_state : int, RandomState instance or None, default=None
        The seed of the draw.
    **kwds : dict
        Further arguments of the distance.

    Returns
    -------
    float
        A number between -1 and 1. More is better.

    Raises
    ------
    TypeError
        If rows are not numbers, or if labels are bytes.
    ValueError
        If the arrays do not line up or have no rows, or hold NaN or infinity. If the sample has
        less than two clusters, or no cluster has two rows. If a parameter is none of those above,
        or all rows are asked for and are too many.

    See Also
    --------
    streamlearn.metrics.simplified_silhouette_score : It takes any number of rows.

    Notes
    -----
    The data are read once. A row is drawn or not by the seed and the number of rows before it. So
    the sample is the same for any chunks, and in memory. If lengths of chunks are unknown, it
    depends on the chunks. The time grows with the square of the sample.

    Differences from scikit-learn:

    - The same ``random_state`` draws other rows. scikit-learn makes a permutation of all rows.
    - Distances that are precomputed raise an error if they are a collection.

    References
    ----------
    P. J. Rousseeuw, "Silhouettes: a graphical aid to the interpretation and validation of cluster
    analysis", Journal of Computational and Applied Mathematics 20, 1987.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import silhouette_score
    >>> silhouette_score(np.asarray([[0.0], [2.0], [10.0], [12.0]]), [0, 0, 1, 1])
    0.79...
    """
    how = {"metric": metric, "sample_size": sample_size, "random_state": random_state}
    if isinstance(metric, str) and metric == "precomputed":
        if X is UNREAD or engine.is_collection(X):
            raise ValueError(
                "metric='precomputed' needs the distances between all rows, which are not in any "
                "block. Give the rows and the name of a distance, or give all distances in memory."
            )
        return float(theirs.silhouette_score(X, labels, **how))
    # It checks the parameters before it looks at these rows, of which it may refuse the number.
    _checked(how)
    seed = int(check_random_state(random_state).randint(2**31 - 1))
    advice = (
        "Give a sample_size such as 10_000, or use simplified_silhouette_score, which takes any "
        "number of rows."
    )
    size = None if sample_size is None else int(sample_size)
    sums = sample_of(_read, size, seed, advice)
    return computed(Metric(sums, partial(_silhouette, metric, kwds)), X, labels)


def _checked(how: dict[str, Any]) -> None:
    try:
        theirs.silhouette_score(np.zeros((3, 1)), [0, 0, 1], **how)
    except Exception as error:
        # Only scikit-learn's error about a parameter is both. Others are about these rows.
        if isinstance(error, ValueError) and isinstance(error, TypeError):
            raise


def _read(X: Any, labels: Any, _: Any, block: int | None) -> tuple[np.ndarray, np.ndarray]:
    rows, y = read_rows(X, labels, block)
    rows, y = rows if is_sparse(rows) else to_numpy(rows), to_numpy(y)
    labels_in(y, in_block("labels", block))
    return rows, y


def _silhouette(metric: Any, kwds: dict[str, Any], sample: Sample) -> float:
    X, labels = sample.parts
    return float(theirs.silhouette_score(X, labels, metric=metric, **kwds))


def simplified_silhouette_score(X: Any, labels: Any, *, centers: Any = None) -> float:
    """Return the mean simplified silhouette of all rows.

    The simplified silhouette of a row is (b - a) / max(a, b). Here a is its Euclidean distance to
    the centre of its cluster, and b is that to the nearest other centre. It is 0 if the row is the
    only one of its cluster. The time grows with the number of rows times the number of clusters.

    Parameters
    ----------
    X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
        Numbers without NaN and infinity. Rows may be sparse.
    labels : array, Series, dask array or dask Series of shape (n_samples,)
        The cluster of each row.
    centers : array of shape (n_clusters, n_features), default=None
        The centres, such as ``cluster_centers_`` of k-means. Labels are then their numbers: 0, 1,
        2... None means the means of the clusters.

    Returns
    -------
    float
        A number between -1 and 1. More is better.

    Raises
    ------
    TypeError
        If rows are not numbers, or if labels are bytes.
    ValueError
        If the arrays do not line up or have no rows, or hold NaN or infinity. If there are less
        than two clusters, or no cluster has two rows. If ``centers`` have other features or no row
        for a label.

    Notes
    -----
    The data are read twice: for the centres, and for the distances to them. They are read once if
    ``centers`` are given. With `streamlearn.metrics.compute`, other metrics are part of these
    reads. scikit-learn has no such function.

    References
    ----------
    E. R. Hruschka, L. N. de Castro and R. J. G. B. Campello, "Evolutionary algorithms for
    clustering gene-expression data", IEEE International Conference on Data Mining, 2004.

    F. Wang, H.-H. Franco-Penya, J. D. Kelleher, J. Pugh and R. Ross, "An analysis of the
    application of simplified silhouette to the evaluation of k-means clustering validity", Machine
    Learning and Data Mining in Pattern Recognition, 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import simplified_silhouette_score
    >>> simplified_silhouette_score(np.asarray([[0.0], [2.0], [10.0], [12.0]]), [0, 0, 1, 1])
    0.89...
    """
    if centers is None:
        return computed(Metric(CLUSTERS, _second_pass), X, labels)
    given = to_numpy(numbers(centers, "centers", None)).astype(np.float64)
    if given.ndim != 2 or len(given) < 2:
        raise ValueError(
            f"centers has shape {given.shape}. Give a row for each of at least two clusters, as "
            "cluster_centers_ of k-means has."
        )
    metric = _to_centers(np.arange(len(given)), Centers(given, np.zeros_like(given)))
    return computed(metric, X, labels)


def _second_pass(state: Clusters) -> Metric:
    several_or_raise(state)
    return _to_centers(state.labels, centers_of(state))


def _to_centers(labels: np.ndarray, centers: Centers) -> Metric:
    return Metric(Statistic(partial(_of_block, labels, centers), _add), _simplified)


class Silhouettes(NamedTuple):
    """The sum of the silhouettes of the rows of each cluster, and their number, (n_clusters,)."""

    total: np.ndarray
    rows: np.ndarray


def _of_block(
    known: np.ndarray, centers: Centers, X: Any, labels: Any, _: Any, block: int | None
) -> Silhouettes:
    rows, y = read_rows(X, labels, block)
    if rows.shape[1] != centers.high.shape[1]:
        raise ValueError(
            f"{in_block('X', block)} has {rows.shape[1]} features and centers have "
            f"{centers.high.shape[1]}. Give the centres of these rows."
        )
    codes = encode(known, y, like=dense_like(rows), where=in_block("labels", block))
    at = centers_like(centers, rows)
    a = group_moments.distances(rows, at, codes)
    b = group_moments.distances(rows, at, group_moments.nearest_other(rows, at, codes))
    xp = namespace(a)
    larger = xp.maximum(a, b)
    # A row at both centres has no side. scikit-learn gives it 0.
    s = (b - a) / xp.where(larger > 0, larger, xp.ones_like(larger))
    total, n = sums_by_label(codes, len(known), s[:, None], xp.ones_like(s))
    return Silhouettes(
        to_numpy(total)[:, 0].astype(np.float64), np.rint(to_numpy(n)).astype(np.int64)
    )


def _add(a: Silhouettes, b: Silhouettes) -> Silhouettes:
    return Silhouettes(a.total + b.total, a.rows + b.rows)


def _simplified(state: Silhouettes) -> float:
    n, k = int(state.rows.sum()), int(np.count_nonzero(state.rows))
    if k == n:
        raise ValueError(
            f"Number of labels is {k}. Valid values are 2 to n_samples - 1 (inclusive), and there "
            f"are {n} rows."
        )
    return float(np.sum(state.total[state.rows > 1]) / n)
