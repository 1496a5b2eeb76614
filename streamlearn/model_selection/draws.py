"""Draws of rows in each block: they depend on a seed and the number of the block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from streamlearn._arrays import is_array, to_numpy
from streamlearn.blocks import Place

TURN = 2654435769 / 2**32
"""The fractional part of the golden ratio. Its multiples, modulo 1, are spread evenly."""


def seed_of(random_state: Any) -> int:
    """Return a seed that is drawn by a ``random_state`` of scikit-learn."""
    return int(check_random_state(random_state).randint(2**31 - 1))


def generator(seed: int, number: int) -> np.random.Generator:
    """Return the generator for a block."""
    return np.random.default_rng([seed, number])


def offset(seed: int | None, number: int) -> float:
    """Return a number in [0, 1), by which the share of a block is rounded.

    It is uniform over seeds, so a share of ``0.2`` of a block of one row is this row in one of five
    cases. Over blocks these numbers are spread evenly, so the rounding errors of blocks cancel
    better than independent errors would. Without a seed the first block has 0.
    """
    first = 0.0 if seed is None else np.random.default_rng(seed).random()
    return float((first + number * TURN) % 1)


def by_label(order: np.ndarray, labels: Any) -> np.ndarray:
    """Return rows sorted by label. The rows of a label stay in the given order.

    Examples
    --------
    >>> by_label(np.asarray([3, 2, 1, 0]), ["b", None, "b", None]).tolist()
    [2, 0, 3, 1]
    """
    return order[np.argsort(_codes(labels)[order], kind="stable")]


def _codes(labels: Any) -> np.ndarray:
    """Return a number for each label. Missing labels are one label, and rows of several join."""
    values = to_numpy(labels) if is_array(labels) else np.asarray(labels)
    if values.dtype.kind != "O" and values.ndim == 1:
        return np.unique(values, return_inverse=True)[1]
    rows = values.tolist()
    known: dict[Any, int] = {}
    found = [known.setdefault(_key(row), len(known)) for row in rows]
    # Labels are sorted, so that a label is at the same place in blocks that have the same labels.
    ranks = {key: rank for rank, key in enumerate(sorted(known, key=repr))}
    ranked = np.asarray([ranks[key] for key in known], dtype=np.int64)
    return ranked[np.asarray(found, dtype=np.int64)]


def _key(label: Any) -> Any:
    if isinstance(label, list):
        return tuple(map(_key, label))
    return label if type(label == label) is bool and label == label else None


@dataclass(frozen=True)
class Draw:
    """Which rows of each block are drawn for the test part and for the training part.

    Attributes
    ----------
    seed : int
    test : int or float
        How many rows, or which share of them, are for the test part.
    train : int or float
        The same for the training part.
    n_rows : int or None
        The number of all rows. If it is given, ``test`` and ``train`` are numbers of rows, which
        the blocks have together exactly. Otherwise they are shares.
    stratified : bool
        Whether the rows of each label are drawn in proportion.
    """

    seed: int
    test: float
    train: float
    n_rows: int | None
    stratified: bool = False

    def counts(self, place: Place) -> tuple[int, int]:
        """Return how many rows of a block are for each part.

        Examples
        --------
        >>> [Draw(0, 3, 7, 10).counts(Place(i, 5, 5 * i)) for i in range(2)]
        [(2, 3), (1, 4)]
        """
        n = place.n_rows
        if self.n_rows is None:
            n_test = int(self.test * n + offset(self.seed, place.number))
            share = self.train / (1 - self.test)
            u = offset(self.seed + 1, place.number)
            return n_test, min(int(share * (n - n_test) + u), n - n_test)
        assert place.start is not None
        (test, rest), (test_end, rest_end) = map(self._before, (place.start, place.start + n))
        return test_end - test, rest_end - rest

    def _before(self, row: int) -> tuple[int, int]:
        """Return how many rows before a row are for each part: a systematic sample of places."""
        assert self.n_rows is not None
        test, train = int(self.test), int(self.train)
        u = offset(self.seed, 0)
        n_test = _share(row, test, self.n_rows, u)
        return n_test, _share(row - n_test, train, self.n_rows - test, u)

    def rows(self, place: Place) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of a block for the test part and for the training part, shuffled."""
        n_test, n_train = self.counts(place)
        rng = generator(self.seed, place.number)
        order = rng.permutation(place.n_rows)
        if not self.stratified:
            return order[:n_test], order[n_test : n_test + n_train]
        u = offset(self.seed, place.number)
        order = by_label(order, place.labels)
        drawn = systematic(len(order), n_test, u)
        rest = order[~drawn]
        train = rest[systematic(len(rest), n_train, u)]
        return rng.permutation(order[drawn]), rng.permutation(train)


def _share(row: Any, drawn: int, n_rows: int, u: float) -> Any:
    """Return how many of the first rows a systematic sample has. Integers make it exact."""
    return (row * drawn + int(u * n_rows)) // max(n_rows, 1)


def systematic(n: int, drawn: int, u: float) -> np.ndarray:
    """Return a systematic sample of n rows: a mask in which each run of rows has its share.

    Examples
    --------
    >>> systematic(6, 2, 0.5).astype(int).tolist()
    [0, 1, 0, 0, 1, 0]
    """
    return np.diff(_share(np.arange(n + 1), drawn, n, u)) > 0


@dataclass(frozen=True)
class DrawnPart:
    """One part of a draw."""

    draw: Draw
    test: bool

    def __call__(self, place: Place) -> np.ndarray:
        """Return the rows of a block that belong to this part."""
        return self.draw.rows(place)[0 if self.test else 1]

    def holds(self, number: int) -> None:
        """Return None, as rows of every block are drawn."""

    def counts(self, rows: Sequence[int]) -> list[int]:
        """Return how many rows it takes of each block."""
        starts = np.cumsum([0, *rows]).tolist()
        each = [self.draw.counts(Place(i, n, starts[i])) for i, n in enumerate(rows)]
        return [count[0 if self.test else 1] for count in each]
