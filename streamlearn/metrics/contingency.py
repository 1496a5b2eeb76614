"""Contingency tables: how many rows each pair of a class and a cluster has.

A table is all that a metric of two clusterings needs. Labels of the two sides are compared only
with each other's rows, so one side may be text and the other one numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from streamlearn._arrays import to_numpy
from streamlearn._validation.arrays import as_vector
from streamlearn._validation.columns import factorize
from streamlearn._validation.labels import labels_or_raise
from streamlearn._validation.messages import in_block
from streamlearn.metrics.over_blocks import Metric, Statistic
from streamlearn.metrics.pairs import Pairs, distinct, few_or_raise, merge


class Table(NamedTuple):
    """A contingency table. Only cells that have rows are kept.

    Attributes
    ----------
    cells : ndarray of int64 of shape (n_cells,)
        The number of rows of each cell.
    row, column : ndarray of int of shape (n_cells,)
        The number of the class and of the cluster of each cell.
    classes, clusters : ndarray of int64 of shape (n_classes,) and (n_clusters,)
        The number of rows of each class and of each cluster.
    n : int
        The number of all rows.
    """

    cells: np.ndarray
    row: np.ndarray
    column: np.ndarray
    classes: np.ndarray
    clusters: np.ndarray
    n: int


def metric_of_table(function: Callable[..., Any], *how: Any) -> Metric:
    """Return a metric that ``function`` computes from a table, after its parameters ``how``."""
    return Metric(CONTINGENCY, partial(_of_table, partial(function, *how)))


def _of_table(function: Callable[[Table], Any], pairs: Pairs) -> Any:
    return function(table_of(pairs))


def table_of(pairs: Pairs) -> Table:
    """Return the table of distinct pairs and their numbers of rows.

    Examples
    --------
    >>> pairs = distinct(np.asarray([1, 1, 2]), np.asarray(["a", "a", "b"]), None)
    >>> table_of(pairs).classes
    array([2, 1])
    """
    (row, values), (column, others) = map(factorize, (pairs.true, pairs.predicted))
    cells = pairs.weight
    classes, clusters = np.zeros(len(values), np.int64), np.zeros(len(others), np.int64)
    np.add.at(classes, row, cells)
    np.add.at(clusters, column, cells)
    return Table(cells, row, column, classes, clusters, int(cells.sum()))


def _pairs_of_block(y_true: Any, y_pred: Any, _: Any, block: int | None) -> Pairs:
    """Return the distinct pairs of labels, with their numbers of rows. There are no weights."""
    sides = (_labels(y_true, "labels_true", block), _labels(y_pred, "labels_pred", block))
    return _few_or_raise(distinct(*sides, None))


def _labels(x: Any, name: str, block: int | None) -> np.ndarray:
    labels = as_vector(x, name, block)
    labels_or_raise(labels, in_block(name, block), numbers=True)
    return to_numpy(labels)


def _merge(a: Pairs, b: Pairs) -> Pairs:
    return _few_or_raise(merge(a, b))


def _few_or_raise(pairs: Pairs) -> Pairs:
    return few_or_raise(pairs, ("labels_true", "labels_pred"), "Score a sample of the rows.")


CONTINGENCY = Statistic(_pairs_of_block, _merge)
