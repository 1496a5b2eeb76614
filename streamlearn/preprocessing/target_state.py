"""The state of a `TargetEncoder`: the sums of the target by the values of each column.

A target of whole numbers may hold classes or values. This is known only when all blocks have been
seen. Until then its numbers are counted as labels are. Counts can be turned into sums exactly.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from sklearn.utils.multiclass import type_of_target

from streamlearn._arrays import to_numpy
from streamlearn._arrays.plain import plain
from streamlearn._estimator.tables import TableReader
from streamlearn._validation.arrays import as_numbers, as_vector
from streamlearn._validation.categories import few_or_raise, joined
from streamlearn._validation.columns import Table, factorize, is_column, numpy_of
from streamlearn._validation.finite import finite_or_raise
from streamlearn._validation.labels import labels_or_raise
from streamlearn._validation.messages import in_block
from streamlearn.preprocessing.cross_fit_folds import CrossFitFolds
from streamlearn.preprocessing.target_sums import (
    GroupMoments,
    Values,
    merge_counted,
    merge_values,
    of_labels,
    of_values,
)

KINDS = ("binary", "multiclass", "continuous")


class Params(NamedTuple):
    """The parameters for summing up a block.

    Attributes
    ----------
    target_type : {"auto", "continuous", "binary", "multiclass"}
    folds : CrossFitFolds
    in_memory : ndarray of int or None
        The fold of each row in memory, if the parameters list them.
    """

    target_type: str
    folds: CrossFitFolds
    in_memory: np.ndarray | None = None


class State(NamedTuple):
    """The sums of a target by the values of each column.

    Attributes
    ----------
    labels : ndarray of shape (n_labels,) or None
        The labels, in any order. It is None for a target of numbers.
    columns : tuple of Counted or of Values
    folds : CrossFitFolds
        The folds of the rows of the last call.
    n_folds : int
        The number of folds of the sums.
    rows : dict of int to int
        The number of rows of each block of the last call.
    """

    labels: np.ndarray | None
    columns: tuple[Any, ...]
    folds: CrossFitFolds
    n_folds: int
    rows: dict[int, int]


def of_table(params: Params, table: Table, y: Any, reader: TableReader, block: int | None) -> State:
    """Sum up the target of a block.

    Raises
    ------
    TypeError, ValueError
        If the target is of another type than ``target_type``, or a column has too many values.
    """
    y, labels = _target(params.target_type, y, block)
    if len(y) != table.n_rows:
        raise ValueError(
            "Found input variables with inconsistent numbers of samples: "
            f"{in_block('X', block)} has {table.n_rows} rows, y has {len(y)}."
        )
    n_folds, folds = params.folds.n_folds, params.in_memory
    if folds is None:
        folds = params.folds.of_rows(block, table.n_rows)
    columns: list[Any] = []
    for j, column in enumerate(table.columns):
        found = factorize(column)
        few_or_raise(found.values, reader.column(j))
        if labels is None:
            columns.append(of_values(found, y, folds, n_folds))
        else:
            columns.append(of_labels(found, y, len(labels), folds, n_folds))
    rows = {0 if block is None else block: table.n_rows}
    return State(labels, tuple(columns), params.folds, n_folds, rows)


def merge(a: State, b: State, reader: TableReader) -> State:
    """Return the sums of the rows of both.

    Raises
    ------
    TypeError
        If one target has labels of text, and the other numbers.
    ValueError
        If a column has too many values.
    """
    n_folds = max(a.n_folds, b.n_folds)
    labels: np.ndarray | None = None
    columns: list[Any]
    if a.labels is not None and b.labels is not None:
        _same_kind_or_raise(a.labels, b.labels)
        place, labels = factorize(joined((a.labels, b.labels)))
        split = len(a.labels)
        columns = [
            merge_counted(
                *both,
                np.concatenate([place[both[0].label], place[split + both[1].label]]),
                len(labels),
                n_folds,
            )
            for both in zip(a.columns, b.columns, strict=True)
        ]
    else:
        parts = zip(summed(a, n_folds), summed(b, n_folds), strict=True)
        columns = [merge_values(*both) for both in parts]
    for j, one in enumerate(columns):
        few_or_raise(one.values, reader.column(j))
    return State(labels, tuple(columns), b.folds, n_folds, {**a.rows, **b.rows})


def summed(state: State, n_folds: int) -> list[Values]:
    """Return the sums of a target of numbers. Counted numbers are summed up."""
    out = []
    numbers = state.labels
    if numbers is not None and numbers.dtype.kind not in "biuf":
        raise TypeError(
            f"y mixes labels that are text, such as {numbers[0]!r}, and numbers from block to "
            "block. A target must be all numbers or all text."
        )
    for column in state.columns:
        if numbers is None:
            more = n_folds - state.n_folds
            parts = (np.pad(x, ((0, 0), (0, more))) for x in column.moments)
            out.append(Values(column.values, GroupMoments(*parts)))
        else:
            moments = column.moments(numbers.astype(np.float64), n_folds)
            out.append(Values(column.values, moments))
    return out


def _same_kind_or_raise(a: np.ndarray, b: np.ndarray) -> None:
    if (a.dtype.kind in "OUS") != (b.dtype.kind in "OUS"):
        raise TypeError(
            f"y mixes labels of dtype {a.dtype} and {b.dtype} from block to block. Labels must be "
            "all numbers or all strings."
        )


def type_of(y: Any, params: Params) -> str:
    """Return the type of a target in memory.

    Raises
    ------
    TypeError, ValueError
        As `of_table`.
    """
    _, labels = _target(params.target_type, y, None)
    return target_kind(params.target_type, labels)


def target_kind(target_type: str, labels: np.ndarray | None) -> str:
    """Return the type of a target by its labels, which are None for a target of numbers."""
    if target_type != "auto":
        return target_type
    return "continuous" if labels is None else "binary" if len(labels) < 3 else "multiclass"


def _target(kind: str, y: Any, block: int | None) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the numbers of a target and None, or the codes of its labels and the labels."""
    y, name = plain(y), in_block("y", block)
    shape = np.shape(y)
    if len(shape) == 2 and shape[1] > 1:
        found = type_of_target(to_numpy(y) if hasattr(y, "dtype") else np.asarray(y))
        raise _unknown(found)
    if kind == "continuous":
        return _numbers(y, block), None
    y = numpy_of(y) if is_column(y) else to_numpy(as_vector(y, "y", block))
    labels_or_raise(y, name)
    if kind == "auto":
        if y.dtype.kind == "O" and len(y) and not isinstance(y[0], str):
            raise _unknown("unknown")
        if y.dtype.kind == "f" and (y != np.trunc(y)).any():
            return _numbers(y, block), None
    elif kind == "multiclass":
        labels_or_raise(y, name, numbers=True)
    codes, labels = factorize(y)
    return codes, labels


def _numbers(y: Any, block: int | None) -> np.ndarray:
    y = to_numpy(as_vector(as_numbers(y, "y", block), "y", block)).astype(np.float64, copy=False)
    finite_or_raise(y, "y", block)
    return y


def _unknown(found: str) -> ValueError:
    return ValueError(
        f"Unknown label type: Target type was inferred to be {found!r}. Only {KINDS} are supported."
    )
