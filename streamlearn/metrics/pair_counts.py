"""Metrics of two clusterings that count pairs of rows. They are exact for any number of rows.

Counts of pairs are squares of numbers of rows, which int64 cannot hold from 3e9 rows on. So they
are Python's integers, and a division of two of them is rounded once.
"""

from __future__ import annotations

from math import sqrt
from typing import Any, NamedTuple

import numpy as np

from streamlearn.metrics.contingency import Table, metric_of_table
from streamlearn.metrics.over_blocks import computed


class PairCounts(NamedTuple):
    """Numbers of ordered pairs of different rows.

    Attributes
    ----------
    apart : int
        Both rows are in different clusters in both clusterings.
    joined, split : int
        The second clustering alone has them in one cluster, or the first one alone.
    together : int
        Both clusterings have them in one cluster.
    """

    apart: int
    joined: int
    split: int
    together: int


def _squares(counts: np.ndarray) -> int:
    return sum(count * count for count in counts.tolist())


def pair_counts(table: Table) -> PairCounts:
    """Return the numbers of pairs, exactly."""
    cells, classes, clusters = map(_squares, (table.cells, table.classes, table.clusters))
    apart = table.n * table.n - classes - clusters + cells
    return PairCounts(apart, clusters - cells, classes - cells, cells - table.n)


def pair_confusion_matrix(labels_true: Any, labels_pred: Any) -> np.ndarray:
    """Return how many ordered pairs of rows two clusterings separate or put together.

    Parameters
    ----------
    labels_true, labels_pred : array, Series, dask array or dask Series of shape (n_samples,)
        The labels of two clusterings, or of classes and clusters. One side may be text.

    Returns
    -------
    ndarray of shape (2, 2)
        Entry i, j is the number of pairs that are in different clusters (0) or in the same one (1):
        i of the first clustering, j of the second one. The dtype is int64, or object if a number
        needs more bits.

    Raises
    ------
    TypeError
        If labels are bytes.
    ValueError
        If the arrays do not line up or have no rows. If they hold NaN or numbers that are not
        labels. If there are more than a million distinct pairs of labels.

    Notes
    -----
    The data are read once, and the distinct pairs of labels are counted. All numbers are exact.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import pair_confusion_matrix
    >>> pair_confusion_matrix(np.asarray(["a", "a", "b", "b"]), np.asarray([0, 0, 1, 2]))
    array([[8, 0],
           [2, 2]])
    """
    return computed(metric_of_table(_pair_confusion), labels_true, labels_pred)


def _pair_confusion(table: Table) -> np.ndarray:
    counts = pair_counts(table)
    dtype = np.int64 if max(counts) <= np.iinfo(np.int64).max else object
    return np.asarray(counts, dtype=dtype).reshape(2, 2)


def rand_score(labels_true: Any, labels_pred: Any) -> float:
    """Return the Rand index: the share of pairs of rows on which two clusterings agree.

    They agree if both have the two rows in one cluster, or both have them in different clusters.

    Parameters
    ----------
    labels_true, labels_pred : array, Series, dask array or dask Series of shape (n_samples,)
        The labels of two clusterings, or of classes and clusters. One side may be text.

    Returns
    -------
    float
        A number between 0 and 1.

    Raises
    ------
    TypeError
        If labels are bytes.
    ValueError
        If the arrays do not line up or have no rows. If they hold NaN or numbers that are not
        labels. If there are more than a million distinct pairs of labels.

    Notes
    -----
    The data are read once, and the distinct pairs of labels are counted. The score is
    exact up to its last rounding.

    References
    ----------
    W. M. Rand, "Objective criteria for the evaluation of clustering methods", Journal of the
    American Statistical Association 66, 1971.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import rand_score
    >>> rand_score(np.asarray(["a", "a", "b", "b"]), np.asarray([0, 0, 1, 2]))
    0.83...
    """
    return computed(metric_of_table(_rand), labels_true, labels_pred)


def _rand(table: Table) -> float:
    counts = pair_counts(table)
    right, pairs = counts.apart + counts.together, sum(counts)
    return 1.0 if right == pairs else right / pairs


def adjusted_rand_score(labels_true: Any, labels_pred: Any) -> float:
    """Return the Rand index, adjusted for chance.

    It is 1 for equal clusterings, and 0 on average for random ones of the same sizes.

    Parameters
    ----------
    labels_true, labels_pred : array, Series, dask array or dask Series of shape (n_samples,)
        The labels of two clusterings, or of classes and clusters. One side may be text.

    Returns
    -------
    float
        A number between -0.5 and 1.

    Raises
    ------
    TypeError
        If labels are bytes.
    ValueError
        If the arrays do not line up or have no rows. If they hold NaN or numbers that are not
        labels. If there are more than a million distinct pairs of labels.

    Notes
    -----
    The data are read once, and the distinct pairs of labels are counted. The score is
    exact up to its last rounding.

    References
    ----------
    L. Hubert and P. Arabie, "Comparing partitions", Journal of Classification 2, 1985.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import adjusted_rand_score
    >>> adjusted_rand_score(np.asarray(["a", "a", "b", "b"]), np.asarray([0, 0, 1, 2]))
    0.57...
    """
    return computed(metric_of_table(_adjusted_rand), labels_true, labels_pred)


def _adjusted_rand(table: Table) -> float:
    apart, joined, split, together = pair_counts(table)
    if not joined and not split:
        return 1.0
    first, second = together + split, together + joined
    above = 2 * (together * apart - split * joined)
    return above / (first * (split + apart) + second * (joined + apart))


def fowlkes_mallows_score(labels_true: Any, labels_pred: Any) -> float:
    """Return the Fowlkes-Mallows index: the geometric mean of precision and recall of pairs.

    A pair of rows is predicted to be in one cluster or not.

    Parameters
    ----------
    labels_true, labels_pred : array, Series, dask array or dask Series of shape (n_samples,)
        The labels of two clusterings, or of classes and clusters. One side may be text.

    Returns
    -------
    float
        A number between 0 and 1.

    Raises
    ------
    TypeError
        If labels are bytes.
    ValueError
        If the arrays do not line up or have no rows. If they hold NaN or numbers that are not
        labels. If there are more than a million distinct pairs of labels.

    Notes
    -----
    The data are read once, and the distinct pairs of labels are counted. The score is
    exact up to its last roundings.

    References
    ----------
    E. B. Fowlkes and C. L. Mallows, "A method for comparing two hierarchical clusterings", Journal
    of the American Statistical Association 78, 1983.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import fowlkes_mallows_score
    >>> fowlkes_mallows_score(np.asarray(["a", "a", "b", "b"]), np.asarray([0, 0, 1, 2]))
    0.70...
    """
    return computed(metric_of_table(_fowlkes_mallows), labels_true, labels_pred)


def _fowlkes_mallows(table: Table) -> float:
    _, joined, split, together = pair_counts(table)
    if not together:
        return 0.0
    return sqrt(together / (together + joined)) * sqrt(together / (together + split))
