"""Sums of a target by the values of a column, apart for each fold: they merge.

Values of the target are summed up around their means (Chan, Golub and LeVeque), so that a target
far from zero keeps its digits. Labels are counted.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from streamlearn._validation.categories import joined
from streamlearn._validation.columns import Factorized, factorize


class Moments(NamedTuple):
    """Of a target: how many rows, their mean and their squared distances from it.

    Attributes
    ----------
    n, mean, squares : ndarray of the same shape
        The mean is 0 where there are no rows.
    """

    n: np.ndarray
    mean: np.ndarray
    squares: np.ndarray

    def over(self, axis: int, among: np.ndarray | None = None) -> Moments:
        """Return the moments of all rows along an axis, or of those that are ``among`` them."""
        n = self.n if among is None else self.n * among
        total = n.sum(axis=axis)
        some = np.maximum(total, 1)
        at = _some_mean(self)
        mean = at + (n * (self.mean - at)).sum(axis=axis) / some
        away = self.mean - np.expand_dims(mean, axis)
        squares = self.squares if among is None else self.squares * among
        squares = (squares + n * away * away).sum(axis=axis)
        return Moments(total, np.where(total > 0, mean, 0.0), squares)

    def at(self, places: np.ndarray, size: int) -> Moments:
        """Return the moments of each row at another place of ``size``; those at -1 are left out."""
        known = places >= 0
        out = []
        for part in self:
            moved = np.zeros((size, *part.shape[1:]))
            moved[places[known]] = part[known]
            out.append(moved)
        return Moments(*out)


class Values(NamedTuple):
    """What a column says of a target of numbers.

    Attributes
    ----------
    values : ndarray of shape (n_values,)
        The distinct values of the column.
    moments : Moments of shape (n_values, n_folds)
    """

    values: np.ndarray
    moments: Moments


class Counted(NamedTuple):
    """What a column says of a target of labels: how many rows have a value, a fold and a label.

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

    def moments(self, numbers: np.ndarray, n_folds: int) -> Moments:
        """Return the moments of the target if each label is a number."""
        shape = (len(self.values), n_folds)
        cell, size = self.value * n_folds + self.fold, shape[0] * n_folds
        n = np.bincount(cell, self.n, size)
        y = numbers[self.label]
        mean = _means(np.bincount(cell, self.n * y, size), n)
        away = y - mean[cell]
        shift = _means(np.bincount(cell, self.n * away, size), n)
        squares = np.bincount(cell, self.n * away * away, size) - n * shift * shift
        return Moments(*(x.reshape(shape) for x in (n, mean + shift, np.maximum(squares, 0))))


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
    return Values(column.values, Moments(*(x.reshape(shape) for x in (n, mean, squares))))


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
    size = len(values)
    # A value is once in each, but where it was known by different numbers of one size.
    parts = []
    for one, place in ((a, codes[: len(a.values)]), (b, codes[len(a.values) :])):
        parts.append(one.moments.at(place, size))
    both = Moments(*(np.stack(pair) for pair in zip(*parts, strict=True)))
    return Values(values, both.over(0))


def merge_counted(a: Counted, b: Counted, label: np.ndarray, n_labels: int, n_folds: int) -> Counted:
    """Return the counts of the rows of both; ``label`` is the new number of each label of both."""
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


def _some_mean(moments: Moments) -> float:
    """Return a mean of some rows, around which means are summed up."""
    known = np.flatnonzero(moments.n)
    return float(moments.mean.flat[known[0]]) if len(known) else 0.0
