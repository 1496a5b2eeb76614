"""The function that encodes rows by a target, and the numbers that it needs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from streamlearn._estimator.table_transformer import TableFunction
from streamlearn._estimator.tables import TableReader
from streamlearn._validation.columns import Table
from streamlearn._validation.messages import in_block
from streamlearn.preprocessing.cross_fit_folds import CrossFitFolds
from streamlearn.preprocessing.target_sums import Counted, GroupMoments


@dataclass(frozen=True, eq=False)
class CrossFitted:
    """The function that encodes the rows of ``fit``, each by the rows of other folds.

    It depends on the number of the block. The rows of a block must be those of ``fit``, in the same
    order. There is no number in two cases. If the rows of ``fit`` were in memory, the block is all
    of them. If not, it is a sample that shows the type of the result, and is encoded as new rows.

    Attributes
    ----------
    reader : TableReader
    encoder : TargetEncoder
    tables : list of ndarray of shape (n_folds, n_categories + 1)
        For each column of the result, the encoding of each category. The last one is for unknown
        categories.
    folds : CrossFitFolds
    rows : dict of int to int
        The number of rows of each block.
    in_memory : ndarray or None
        The fold of each row in memory.
    """

    reader: TableReader
    encoder: Any
    tables: list[np.ndarray]
    folds: CrossFitFolds
    rows: dict[int, int]
    in_memory: np.ndarray | None = None

    numbered = True

    def __call__(self, number: int | None) -> TableFunction:
        """Return the encoding of the rows of a block."""
        return TableFunction(self.reader, partial(_encoded, self, number))


def _encoded(
    known: CrossFitted, number: int | None, table: Table, _block: int | None
) -> np.ndarray:
    if number is None and known.in_memory is None:
        return known.encoder._transformed(table, None)
    found, codes = known.rows.get(0 if number is None else number), known.encoder._codes(table)
    if found != table.n_rows and table.n_rows:
        raise ValueError(
            f"{in_block('X', number)} has {table.n_rows} rows, and had {found or 0} in fit. A row "
            "is encoded by other rows, so the blocks must be those of fit: take y of the same "
            "frame as X."
        )
    folds = known.in_memory
    if folds is None:
        folds = known.folds.of_rows(number, table.n_rows)
    n = known.encoder._n_outputs
    out = np.empty((table.n_rows, len(known.tables)))
    for i, one in enumerate(known.tables):
        out[:, i] = one[folds, codes[i // n]]
    return out


def shrunk(found: GroupMoments, y: GroupMoments, smooth: Any) -> np.ndarray:
    """Return the means of a target by category, shrunk towards the mean of all rows.

    Examples
    --------
    >>> one = GroupMoments(np.asarray([1.0, 3.0]), np.asarray([4.0, 8.0]), np.asarray([0.0, 2.0]))
    >>> shrunk(one, GroupMoments(np.asarray(4.0), np.asarray(7.0), np.asarray(14.0)), 1.0)
    array([5.5 , 7.75])
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        if smooth == "auto":
            between = y.squares / y.n * found.n
            share = between / (between + found.squares / found.n)
        else:
            share = found.n / (found.n + smooth)
    out = share * found.mean + (1 - share) * y.mean
    return np.where(np.isnan(out), y.mean, out)


def rows_of(column: Any) -> np.ndarray:
    """Return how many rows have each value of a column."""
    if isinstance(column, Counted):
        return np.bincount(column.value, column.n, len(column.values)).astype(np.int64)
    return column.moments.n.sum(axis=1).astype(np.int64)
