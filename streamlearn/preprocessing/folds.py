"""Folds of rows: which rows an encoding of a row must not have learned from.

A row's fold depends on a seed, the number of its block and its place in the block. So the pass that
sums up and the one that encodes deal alike, and no worker has to know what another does.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.utils import check_random_state


class Deal(NamedTuple):
    """How rows are dealt to folds.

    Attributes
    ----------
    n_folds : int
    seed : int or None
        Rows are dealt at random. Where it is None a block is all of one fold: blocks take turns.
    """

    n_folds: int
    seed: int | None

    def folds(self, block: int | None, n_rows: int) -> np.ndarray:
        """Return the fold of each row of a block; of rows in memory where it has no number.

        Examples
        --------
        >>> Deal(2, None).folds(3, 4).tolist(), Deal(2, None).folds(None, 4).tolist()
        ([1, 1, 1, 1], [0, 0, 1, 1])
        """
        if self.seed is not None:
            draws = np.random.default_rng([self.seed, 0 if block is None else block])
            return draws.integers(self.n_folds, size=n_rows)
        if block is None:
            return np.arange(n_rows) * self.n_folds // max(n_rows, 1)
        return np.full(n_rows, block % self.n_folds)


WITHOUT = Deal(1, None)
"""All rows are of one fold."""


def deal(cv: Any, shuffle: Any, random_state: Any) -> Deal | None:
    """Return how the parameters of a `TargetEncoder` deal rows; None where they list the rows."""
    if cv is None or isinstance(cv, int | np.integer):
        n_folds = 5 if cv is None else int(cv)
        shuffle = True if shuffle == "deprecated" else shuffle
        random_state = None if random_state == "deprecated" else random_state
    elif type(cv) in (KFold, StratifiedKFold):
        n_folds, shuffle, random_state = cv.n_splits, cv.shuffle, cv.random_state
    else:
        return None
    if n_folds < 2:
        raise ValueError(
            "k-fold cross-validation requires at least one train/test split by setting n_splits=2 "
            f"or more, got n_splits={n_folds}."
        )
    drawn = check_random_state(random_state).randint(2**31) if shuffle else None
    return Deal(n_folds, drawn)
