"""Sums of a target for each value of a column and each fold. They can be merged.

Values of the target are summed up around their means (Chan, Golub and LeVeque). So a target far
from zero keeps its digits. Labels are counted.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from streamlearn._validation.categories import joined
from streamlearn._validation.columns import Factorized, factorize


class GroupMoments(NamedTuple):
    """The number of rows, the mean of their targets, and the squared distances from it.

    Attributes
    ----------
    n, mean, squares : ndarray of the same shape
        The mean is 0 where there are no rows.
    """

    n: np.ndarray
    mean: np.ndarray
    squares: np.ndarray

    def over(self, axis: int, among: np.ndarray | None = None) -> GroupMoments:
        """Return the moments of all rows along an axis, or of the places in ``among`` only."""
        n = self.n if among is None else self.n * among
        total = n.sum(axis=axis)
        # Sums are taken around the mean at one place. So equal means give exactly that mean.
        first = np.expand_dims(np.argmax(n > 0, axis=axis), axis)
        at = np.take_along_axis(self.mean, first, axis).squeeze(axis)
        away = self.mean - np.expand_dims(at, axis)
        mean = at + (n * away).sum(axis=axis) / np.maximum(total, 1)
        away = self.mean - np.expand_dims(mean, axis)
        squares = self.squares if among is None else self.squares * among
        squares = (squares + n * away * away).sum(axis=axis)
        return GroupMoments(total, np.where(total > 0, mean, 0.0), squares)

    def grouped(self, places: np.ndarray, size: int) -> GroupMoments:
        """Return the moments of the rows at each of ``size`` places. Place -1 is left out."""
        n, mean, squares = (part[places >= 0] for part in self)
        width = n.shape[1]
        cell = (places[places >= 0, None] * width + np.arange(width)).ravel()
        n, mean, squares = n.ravel(), mean.ravel(), squares.ravel()
        total = np.bincount(cell, n, size * width)
        means = np.zeros(size * width)
        means[cell[n > 0]] = mean[n > 0]
        means += _means(np.bincount(cell, n * (mean - means[cell]), size * width), total)
        away = mean - means[cell]
        squares = np.bincount(cell, squares + n * away * away, size * width)
        return GroupMoments(*(x.reshape(size, width) for x in (total, means, squares)))


class Values(NamedTuple):
    """The moments of a target of numbers for each value of a column.

    Attributes
    ----------
    values : ndarray of shape (n_values,)
        The distinct values of the column.
    moments : GroupMoments of shape (n_values, n_folds)
    """

    values: np.ndarray
    moments: GroupMoments


class Counted(NamedTuple):
    """The number of rows for each value of a column, fold and label.

    Attributes
    ----------
    values : ndarray of shape (n_values,)
        The distinct values of the column.
    value, fold, label, n : ndarray of shape (n_cells,)
        Cells without rows are left out.
    """

    values: np.ndarray
    value: np.ndarray
    fold: np.ndarray
    label: np.ndarray
    n: np.ndarray

    def moments(self, numbers: np.ndarray, n_folds: int) -> GroupMoments:
        """Return the moments of the target if each label is a number."""
        shape = (len(self.values), n_folds)
        cell, size = self.value * n_folds + self.fold, shape[0] * n_folds
        n = np.bincount(cell, self.n, size)
        y = numbers[self.label]
        mean = _means(np.bincount(cell, self.n * y, size), n)
        away = y - mean[cell]
        shift = _means(np.bincount(cell, self.n * away, size), n)
        squares = np.bincount(cell, self.n * away * away, size) - n * shift * shift
        return GroupMoments(*(x.reshape(shape) for x in (n, mean + shift, np.maximum(squares, 0))))


def of_values(column: Factorized, y: np.ndarray, folds: np.ndarray, n_folds: int) -> Values:
    """Sum up a target of numbers by the values of a column."""
    shape = (len(column.values), n_folds)
    cell, size = column.codes * n_folds + folds, shape[0] * n_folds
    at = y.mean() if len(y) else 0.0
    n = np.bincount(cell, minlength=size).astype(np.float64)
    mean = at + _means(np.bincount(cell, y - at, size), n)
    away = y - mean[cell]
    shift = _means(np.bincount(cell, away, size), n)
    away *= away
    squares = np.maximum(np.bincount(cell, away, size) - n * shift * shift, 0)
    mean = np.where(n > 0, mean + shift, 0.0)
    return Values(column.values, GroupMoments(*(x.reshape(shape) for x in (n, mean, squares))))


def of_labels(
    column: Factorized, y: np.ndarray, n_labels: int, folds: np.ndarray, n_folds: int
) -> Counted:
    """Count the labels of a target, which are whole numbers, by the values of a column."""
    cell = (column.codes * n_folds + folds) * n_labels + y
    size = len(column.values) * n_folds * n_labels
    if size <= max(16 * len(y), 1 << 16):
        n = np.bincount(cell, minlength=size)
        cell = np.flatnonzero(n)
        n = n[cell]
    else:
        cell, n = np.unique(cell, return_counts=True)
    return _of_cells(column.values, cell, n, n_labels, n_folds)


def merge_values(a: Values, b: Values) -> Values:
    """Return the sums of the rows of both."""
    codes, values = factorize(joined((a.values, b.values)))
    both = GroupMoments(*map(np.concatenate, zip(a.moments, b.moments, strict=True)))
    return Values(values, both.grouped(codes, len(values)))


def merge_counted(
    a: Counted, b: Counted, label: np.ndarray, n_labels: int, n_folds: int
) -> Counted:
    """Return the counts of the rows of both. ``label`` is the new number of each label of both."""
    codes, values = factorize(joined((a.values, b.values)))
    value = np.concatenate([codes[a.value], codes[len(a.values) + b.value]])
    cell = (value * n_folds + np.concatenate([a.fold, b.fold])) * n_labels + label
    cell, place = np.unique(cell, return_inverse=True)
    n = np.zeros(len(cell), dtype=np.int64)
    np.add.at(n, place, np.concatenate([a.n, b.n]))
    return _of_cells(values, cell, n, n_labels, n_folds)


def _of_cells(
    values: np.ndarray, cell: np.ndarray, n: np.ndarray, n_labels: int, n_folds: int
) -> Counted:
    rest, label = np.divmod(cell, n_labels)
    value, fold = np.divmod(rest, n_folds)
    return Counted(values, value, fold, label, n)


def _means(sums: Any, n: np.ndarray) -> np.ndarray:
    return sums / np.maximum(n, 1)
