"""scikit-learn's splitters, over the blocks of collections."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from sklearn import model_selection as theirs
from sklearn.utils import check_random_state

from streamlearn import blocks as engine
from streamlearn.model_selection.draws import seed_of
from streamlearn.model_selection.folds import Folds, RangePart, Rows, Split
from streamlearn.model_selection.over_blocks import OverBlocks
from streamlearn.model_selection.sizes import drawn, sizes


class KFold(OverBlocks, theirs.KFold):
    """K folds, each of which is scored by a model that learns from the others.

    A fold of a collection is a set of blocks if there are at least as many blocks as folds. So a
    fit reads only the blocks that it learns from. If there are fewer blocks, the rows of each block
    are dealt to the folds.

    Parameters
    ----------
    n_splits : int, default=5
        The number of folds, at least 2.
    shuffle : bool, default=False
        Whether blocks are dealt in random order. If False, a fold is some consecutive blocks.
    random_state : int, RandomState instance or None, default=None
        It determines the order, if ``shuffle`` is True.

    Notes
    -----
    `split` yields indices, so scikit-learn's functions accept this splitter for rows in memory and
    for dask arrays of known lengths. `split_collections` yields lazy collections.

    Differences from scikit-learn:

    - Folds of a collection are whole blocks, so they are of equal size only if the blocks are.
    - The blocks of a source, whose number is not known, are dealt to the folds in turn.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.model_selection import KFold
    >>> X = da.zeros((10, 2), chunks=((4, 3, 3), 2))
    >>> [test.tolist() for _, test in KFold(3).split(X)]
    [[0, 1, 2, 3], [4, 5, 6], [7, 8, 9]]
    """

    def folds(self, rows: Rows) -> Folds:
        """Return how the rows of collections are dealt to folds."""
        if rows.lengths is None:
            seed = seed_of(self.random_state) if self.shuffle else None
            return Folds(self.n_splits, seed=seed, in_turn=True)
        enough_rows_or_raise(self.n_splits, rows)
        of_blocks = self.fold_of_blocks(rows.lengths)
        seed = seed_of(self.random_state) if self.shuffle and of_blocks is None else None
        return Folds(self.n_splits, of_blocks, seed)

    def fold_of_blocks(self, rows: Sequence[int | None]) -> tuple[int, ...] | None:
        """Return the fold of each block, or None if there are fewer blocks than folds.

        Parameters
        ----------
        rows : sequence of int or None
            The number of rows of each block, None where it is not known.

        Returns
        -------
        tuple of int, or None
        """
        full = np.asarray([i for i, n in enumerate(rows) if n != 0], dtype=int)
        if len(full) < self.n_splits:
            return None
        seed = seed_of(self.random_state) if self.shuffle else None
        dealt = theirs.KFold(self.n_splits, shuffle=self.shuffle, random_state=seed)
        of_blocks = np.zeros(len(rows), dtype=int)
        for fold, (_, at) in enumerate(dealt.split(full)):
            of_blocks[full[at]] = fold
        return tuple(of_blocks.tolist())

    def splits(self, rows: Rows) -> list[Split]:
        """Return the splits of collections."""
        return self.folds(rows).splits()


class StratifiedKFold(OverBlocks, theirs.StratifiedKFold):
    """K folds with the same share of each label. The rows of each block are dealt to the folds.

    Parameters
    ----------
    n_splits : int, default=5
        The number of folds, at least 2.
    shuffle : bool, default=False
        Whether the rows of each label are dealt in random order.
    random_state : int, RandomState instance or None, default=None
        It determines the order, if ``shuffle`` is True.

    Notes
    -----
    Each block has rows of all folds, and a fit gets a copy of its own rows. `KFold` deals whole
    blocks, which is enough if the labels are mixed in the blocks.

    Differences from scikit-learn:

    - The rows of a collection are dealt within each block. The share of a label is exact up to one
      row in each block.
    - A label may have fewer rows than folds in a collection, because nothing is read.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.model_selection import StratifiedKFold
    >>> y = da.from_array([0, 0, 1, 1, 0, 0, 1, 1], chunks=4)
    >>> [test.tolist() for _, test in StratifiedKFold(2).split(y[:, None], y)]
    [[0, 2, 5, 7], [1, 3, 4, 6]]
    """

    _stratified = True

    def folds(self, rows: Rows) -> Folds:
        """Return how the rows of collections are dealt to folds."""
        enough_rows_or_raise(self.n_splits, rows)
        seed = seed_of(self.random_state) if self.shuffle else None
        return Folds(self.n_splits, seed=seed, stratified=True)

    def splits(self, rows: Rows) -> list[Split]:
        """Return the splits of collections."""
        return self.folds(rows).splits()


class ShuffleSplit(OverBlocks, theirs.ShuffleSplit):
    """Independent random splits. Rows are drawn from each block, as in `train_test_split`.

    Parameters
    ----------
    n_splits : int, default=10
        The number of splits.
    test_size : float or int, default=None
        The share of the rows to score, or their number. None means the rows that are not in the
        training part, or 0.1 if ``train_size`` is None as well.
    train_size : float or int, default=None
        The same for the training part.
    random_state : int, RandomState instance or None, default=None
        It determines which rows are drawn.

    Notes
    -----
    Differences from scikit-learn:

    - Rows are drawn and shuffled within each block. Blocks stay in their order.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.model_selection import ShuffleSplit
    >>> X = da.zeros((100, 2), chunks=(20, 2))
    >>> [(len(train), len(test)) for train, test in ShuffleSplit(2, test_size=0.2).split(X)]
    [(80, 20), (80, 20)]
    """

    def splits(self, rows: Rows) -> list[Split]:
        """Return the splits of collections."""
        asked = sizes(rows, self.test_size, self.train_size, 0.1)
        rng = check_random_state(self.random_state)
        return [drawn(asked, seed_of(rng), stratified=False) for _ in range(self.n_splits)]


class TimeSeriesSplit(OverBlocks, theirs.TimeSeriesSplit):
    """Splits in the order of the rows. The rows to score come after those to learn from.

    Parameters
    ----------
    n_splits : int, default=5
        The number of splits, at least 2.
    max_train_size : int, default=None
        The largest number of rows to learn from. None means all before those to score.
    test_size : int, default=None
        The number of rows to score. None means ``n_samples // (n_splits + 1)``.
    gap : int, default=0
        The number of rows between the two parts.

    Notes
    -----
    If the lengths of all blocks are known, the splits are scikit-learn's.

    Differences from scikit-learn:

    - If lengths are unknown, all parts are whole blocks, and ``max_train_size``, ``test_size`` and
      ``gap`` are errors, because they count rows. If there are fewer than ``n_splits + 1`` blocks,
      the parts end within blocks.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.model_selection import TimeSeriesSplit
    >>> X = da.zeros((8, 2), chunks=(3, 2))
    >>> [(len(train), test.tolist()) for train, test in TimeSeriesSplit(3).split(X)]
    [(2, [2, 3]), (4, [4, 5]), (6, [6, 7])]
    """

    def splits(self, rows: Rows) -> list[Split]:
        """Return the splits of collections."""
        if rows.lengths is None:
            raise ValueError(
                "TimeSeriesSplit needs the number of blocks, which a source does not say. Give "
                "KFold, StratifiedKFold or ShuffleSplit, or a dask collection."
            )
        n, n_blocks = rows.n_rows, len(rows.lengths)
        if n is None and (self.max_train_size, self.test_size, self.gap) != (None, None, 0):
            raise ValueError(
                "max_train_size, test_size and gap count rows, and the lengths of the blocks are "
                f"unknown. Leave them out, or {engine.find_lengths(next(iter(rows.given)))}."
            )
        if n is None and n_blocks <= self.n_splits:
            each = n_blocks / (self.n_splits + 1)
            cuts = [each * (i + 1) for i in range(self.n_splits + 1)]
            return [
                Split(RangePart(0, cut, False), RangePart(cut, end, False))
                for cut, end in pairwise(cuts)
            ]
        unit, in_rows = (n_blocks, False) if n is None else (n, True)
        test_size = self.test_size or unit // (self.n_splits + 1)
        first = unit - test_size * self.n_splits
        if unit <= self.n_splits or first - self.gap <= 0:
            raise ValueError(
                f"Too many splits={self.n_splits} for number of samples={unit} with "
                f"test_size={test_size} and gap={self.gap}."
            )
        splits = []
        for start in range(first, unit, test_size):
            end = start - self.gap
            begin = 0 if self.max_train_size is None else max(0, end - self.max_train_size)
            test = RangePart(start, start + test_size, in_rows)
            splits.append(Split(RangePart(begin, end, in_rows), test))
        return splits


def enough_rows_or_raise(n_splits: int, rows: Rows) -> None:
    """Check that there is a row for each fold, if their number is known.

    Raises
    ------
    ValueError
        If there are fewer rows.
    """
    n = rows.n_rows
    if n is not None and n < n_splits:
        raise ValueError(
            f"Cannot have number of splits n_splits={n_splits} greater than the number of "
            f"samples: n_samples={n}."
        )


OURS = {
    theirs.KFold: (KFold, ("n_splits", "shuffle", "random_state")),
    theirs.StratifiedKFold: (StratifiedKFold, ("n_splits", "shuffle", "random_state")),
    theirs.ShuffleSplit: (ShuffleSplit, ("n_splits", "test_size", "train_size", "random_state")),
    theirs.TimeSeriesSplit: (
        TimeSeriesSplit,
        ("n_splits", "max_train_size", "test_size", "gap"),
    ),
}
"""Our splitter for each of scikit-learn's, and its parameters."""


def splitter_of(cv: Any, *, stratified: bool) -> OverBlocks:
    """Return the splitter of collections for a parameter ``cv``.

    Parameters
    ----------
    cv : int, None or splitter
        A number of folds, None for 5, a splitter of ours, or the one of scikit-learn with the same
        name.
    stratified : bool
        Whether a number means folds with the same share of each label.

    Raises
    ------
    TypeError
        If it is something else.
    """
    if isinstance(cv, OverBlocks):
        return cv
    if type(cv) in OURS:
        cls, names = OURS[type(cv)]
        return cls(**{name: getattr(cv, name) for name in names})
    if cv is None or (isinstance(cv, int | np.integer) and not isinstance(cv, bool)):
        n_splits = 5 if cv is None else int(cv)
        return StratifiedKFold(n_splits) if stratified else KFold(n_splits)
    raise TypeError(
        f"cv={reprlib.repr(cv)} does not work over collections. Give a number of folds, or KFold, "
        "StratifiedKFold, ShuffleSplit or TimeSeriesSplit of streamlearn.model_selection."
    )
