"""Metrics of two clusterings that measure information, in units of the natural logarithm."""

from __future__ import annotations

from math import fsum, sqrt
from typing import Any

import numpy as np
from sklearn import metrics as theirs

from streamlearn.metrics.chance import expected_mutual_information
from streamlearn.metrics.contingency import Table, metric_of_table
from streamlearn.metrics.over_blocks import computed
from streamlearn.metrics.parameters import checked

EPS = float(np.finfo(np.float64).eps)


def information(table: Table) -> float:
    """Return the mutual information of the two clusterings of a table.

    The logarithms are those of ratios to independent clusterings. Logarithms of each number of rows
    would cancel.
    """
    if len(table.classes) == 1 or len(table.clusters) == 1:
        return 0.0
    share = table.cells / table.n
    ratio = share / (table.classes[table.row] / table.n) / (table.clusters[table.column] / table.n)
    return max(fsum(share * np.log(ratio)), 0.0)


def entropy(counts: np.ndarray) -> float:
    """Return the entropy of a clustering with these numbers of rows."""
    share = counts / counts.sum()
    return -fsum(share * np.log(share)) if len(counts) > 1 else 0.0


def mutual_info_score(labels_true: Any, labels_pred: Any, *, contingency: Any = None) -> float:
    """Return the mutual information of two clusterings.

    Parameters
    ----------
    labels_true, labels_pred : array, Series, dask array or dask Series of shape (n_samples,)
        The labels of two clusterings, or of classes and clusters. One side may be text.
    contingency : array or sparse matrix of shape (n_classes, n_clusters), default=None
        A contingency table. The labels are not used if it is given.

    Returns
    -------
    float
        A number that is at least 0.

    Raises
    ------
    TypeError
        If labels are bytes.
    ValueError
        If the arrays do not line up or have no rows. If they hold NaN or numbers that are not
        labels. If there are more than a million distinct pairs of labels.

    Notes
    -----
    The data are read once, and the distinct pairs of labels are counted.

    References
    ----------
    T. M. Cover and J. A. Thomas, "Elements of Information Theory", 1991.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import mutual_info_score
    >>> mutual_info_score(np.asarray(["a", "a", "b", "b"]), np.asarray([0, 0, 1, 2]))
    0.69...
    """
    if contingency is not None:
        return theirs.mutual_info_score(None, None, contingency=contingency)
    return computed(metric_of_table(information), labels_true, labels_pred)


def normalized_mutual_info_score(
    labels_true: Any, labels_pred: Any, *, average_method: str = "arithmetic"
) -> float:
    """Return the mutual information over a mean of the two entropies.

    Parameters
    ----------
    labels_true, labels_pred : array, Series, dask array or dask Series of shape (n_samples,)
        The labels of two clusterings, or of classes and clusters. One side may be text.
    average_method : {"min", "geometric", "arithmetic", "max"}, default="arithmetic"
        The mean of the two entropies that the score is divided by.

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
        labels. If there are more than a million distinct pairs of labels, or the parameter is none
        of those above.

    Notes
    -----
    The data are read once, and the distinct pairs of labels are counted.

    References
    ----------
    N. X. Vinh, J. Epps and J. Bailey, "Information theoretic measures for clusterings comparison",
    Journal of Machine Learning Research 11, 2010.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import normalized_mutual_info_score
    >>> normalized_mutual_info_score(np.asarray(["a", "a", "b", "b"]), np.asarray([0, 0, 1, 2]))
    0.8
    """
    checked(theirs.normalized_mutual_info_score, {"average_method": average_method})
    return computed(metric_of_table(_normalized, average_method), labels_true, labels_pred)


def _normalized(average_method: str, table: Table) -> float:
    if len(table.classes) == len(table.clusters) == 1:
        return 1.0
    found = information(table)
    return found / _mean_entropy(average_method, table) if found else 0.0


def _mean_entropy(average_method: str, table: Table) -> float:
    both = entropy(table.classes), entropy(table.clusters)
    return {
        "min": min(both),
        "max": max(both),
        "arithmetic": sum(both) / 2,
        "geometric": sqrt(both[0] * both[1]),
    }[average_method]


def adjusted_mutual_info_score(
    labels_true: Any, labels_pred: Any, *, average_method: str = "arithmetic"
) -> float:
    """Return the mutual information, adjusted for chance.

    It is 1 for equal clusterings, and 0 on average for random ones of the same sizes.

    Parameters
    ----------
    labels_true, labels_pred : array, Series, dask array or dask Series of shape (n_samples,)
        The labels of two clusterings, or of classes and clusters. One side may be text.
    average_method : {"min", "geometric", "arithmetic", "max"}, default="arithmetic"
        The mean of the two entropies that the score is divided by.

    Returns
    -------
    float
        A number that is at most 1.

    Raises
    ------
    TypeError
        If labels are bytes.
    ValueError
        If the arrays do not line up or have no rows. If they hold NaN or numbers that are not
        labels. If there are more than a million distinct pairs of labels, or the parameter is none
        of those above.

    Notes
    -----
    The data are read once, and the distinct pairs of labels are counted. The expected
    information of random clusterings takes time for each pair of different sizes of a class and of
    a cluster: milliseconds for tens of them, with any number of rows. scikit-learn's takes time
    that grows with the number of rows.

    References
    ----------
    N. X. Vinh, J. Epps and J. Bailey, "Information theoretic measures for clusterings comparison",
    Journal of Machine Learning Research 11, 2010.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import adjusted_mutual_info_score
    >>> adjusted_mutual_info_score(np.asarray(["a", "a", "b", "b"]), np.asarray([0, 0, 1, 2]))
    0.57...
    """
    checked(theirs.adjusted_mutual_info_score, {"average_method": average_method})
    return computed(metric_of_table(_adjusted, average_method), labels_true, labels_pred)


def _adjusted(average_method: str, table: Table) -> float:
    n, m = len(table.classes), len(table.clusters)
    if n == 1 or m == 1:
        return 1.0 if n == m else 0.0
    if n == m == len(table.cells):
        return 1.0  # equal clusterings, of which the quotient may be 0 / 0
    expected = expected_mutual_information(table.classes, table.clusters)
    above = information(table) - expected
    below = _mean_entropy(average_method, table) - expected
    above, below = (np.copysign(max(abs(x), EPS), x) for x in (above, below))
    return float(above / below)


def homogeneity_completeness_v_measure(
    labels_true: Any, labels_pred: Any, *, beta: float = 1.0
) -> tuple[float, float, float]:
    """Return homogeneity, completeness and the V-measure of clusters.

    A clustering is homogeneous if all rows of a cluster are of one class, and complete if all rows
    of a class are in one cluster. The V-measure is the weighted harmonic mean of both.

    Parameters
    ----------
    labels_true, labels_pred : array, Series, dask array or dask Series of shape (n_samples,)
        The labels of two clusterings, or of classes and clusters. One side may be text.
    beta : float, default=1.0
        How many times as important completeness is as homogeneity.

    Returns
    -------
    homogeneity, completeness, v_measure : float
        Numbers between 0 and 1.

    Raises
    ------
    TypeError
        If labels are bytes.
    ValueError
        If the arrays do not line up or have no rows. If they hold NaN or numbers that are not
        labels. If there are more than a million distinct pairs of labels, or the parameter is none
        of those above.

    Notes
    -----
    The data are read once, and the distinct pairs of labels are counted.

    References
    ----------
    A. Rosenberg and J. Hirschberg, "V-Measure: A conditional entropy-based external cluster
    evaluation measure", EMNLP-CoNLL, 2007.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import homogeneity_completeness_v_measure
    >>> classes, clusters = np.asarray(["a", "a", "b", "b"]), np.asarray([0, 0, 1, 2])
    >>> homogeneity_completeness_v_measure(classes, clusters)
    (1.0, 0.66..., 0.8)
    """
    return _part(labels_true, labels_pred, beta, slice(None))


def homogeneity_score(labels_true: Any, labels_pred: Any) -> float:
    """Return the homogeneity of clusters: 1 if all rows of a cluster are of one class.

    See `homogeneity_completeness_v_measure`.

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
    The data are read once, and the distinct pairs of labels are counted.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import homogeneity_score
    >>> homogeneity_score(np.asarray(["a", "a", "b", "b"]), np.asarray([0, 0, 1, 2]))
    1.0
    """
    return _part(labels_true, labels_pred, 1.0, 0)


def completeness_score(labels_true: Any, labels_pred: Any) -> float:
    """Return the completeness of clusters: 1 if all rows of a class are in one cluster.

    See `homogeneity_completeness_v_measure`.

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
    The data are read once, and the distinct pairs of labels are counted.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import completeness_score
    >>> completeness_score(np.asarray(["a", "a", "b", "b"]), np.asarray([0, 0, 1, 2]))
    0.66...
    """
    return _part(labels_true, labels_pred, 1.0, 1)


def v_measure_score(labels_true: Any, labels_pred: Any, *, beta: float = 1.0) -> float:
    """Return the V-measure: the harmonic mean of homogeneity and completeness.

    See `homogeneity_completeness_v_measure`. With ``beta=1`` it is `normalized_mutual_info_score`.

    Parameters
    ----------
    labels_true, labels_pred : array, Series, dask array or dask Series of shape (n_samples,)
        The labels of two clusterings, or of classes and clusters. One side may be text.
    beta : float, default=1.0
        How many times as important completeness is as homogeneity.

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
        labels. If there are more than a million distinct pairs of labels, or the parameter is none
        of those above.

    Notes
    -----
    The data are read once, and the distinct pairs of labels are counted.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import v_measure_score
    >>> v_measure_score(np.asarray(["a", "a", "b", "b"]), np.asarray([0, 0, 1, 2]))
    0.8
    """
    return _part(labels_true, labels_pred, beta, 2)


def _part(labels_true: Any, labels_pred: Any, beta: float, part: int | slice) -> Any:
    checked(theirs.v_measure_score, {"beta": beta})
    return computed(metric_of_table(_v_measure, beta, part), labels_true, labels_pred)


def _v_measure(beta: float, part: int | slice, table: Table) -> Any:
    found = information(table)
    homogeneity, completeness = (
        min(found / most, 1.0) if most else 1.0
        for most in (entropy(table.classes), entropy(table.clusters))
    )
    v = 0.0
    if homogeneity + completeness:
        v = (1 + beta) * homogeneity * completeness / (beta * homogeneity + completeness)
    return (homogeneity, completeness, v)[part]
