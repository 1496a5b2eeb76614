"""Counts of the columns of a table: the missing entries, and the rows of each value.

Arrays of numbers are counted in their own library. The counts are kept on the host.
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any, NamedTuple

import numpy as np

from streamlearn._arrays import asarray, default_int, namespace, to_numpy
from streamlearn._estimator.tables import TableReader, is_of_numbers
from streamlearn._validation.categories import Counts, few_or_raise
from streamlearn._validation.categories import merge as merge_counts
from streamlearn._validation.columns import Table, factorize
from streamlearn._validation.fills import (
    array_dtype,
    common_dtype,
    is_gap,
    is_na,
    is_nan,
    missing_where,
    others_missing,
)
from streamlearn._validation.finite import FILL
from streamlearn.core.imputation import gaps

KINDS = "iufO"
"""The kinds of dtypes that are supported: numbers, and objects for everything else."""


class Params(NamedTuple):
    """The parameters of counting.

    Attributes
    ----------
    placeholder : object
        The value that means missing.
    values : bool
        Whether values are counted, too.
    """

    placeholder: Any
    values: bool = False


class Column(NamedTuple):
    """The counts of a column.

    Attributes
    ----------
    dtype : str
        The dtype of the array that the column makes.
    present, missing : int
        The number of entries that are present, and of those that are missing.
    counts : Counts or None
        The counts of the values that are present.
    """

    dtype: str
    present: int
    missing: int
    counts: Counts | None = None


Seen = tuple[Column, ...]


def of_rows(params: Params, X: Any, y: Any, reader: TableReader, block: int | None) -> Seen:
    """Return the counts of a block."""
    if not is_of_numbers(X):
        table = reader.table(X, block)
        found = [_of_column(params, column) for column in table.columns]
        dtype = common_dtype([np.dtype(one.dtype) for one in found])
        kinds_or_raise(dtype, params.placeholder, reader.estimator)
        no_other_or_raise(table, params.placeholder, reader, block)
    else:
        dtype = to_numpy(X[:0, ...]).dtype
        kinds_or_raise(dtype, params.placeholder, reader.estimator)
        X = reader.array(X, block, allow_nan=allows_nan(params.placeholder))
        xp, ints = namespace(X), default_int(X)
        where = gaps(X, number_of(params.placeholder))
        missing = to_numpy(xp.sum(xp.astype(where, ints), axis=0, dtype=ints))
        found = [Column(dtype.str, X.shape[0] - n, n) for n in missing.tolist()]
        if params.values:
            rows, at = to_numpy(X), to_numpy(where)
            found = [
                one._replace(counts=_counted(rows[:, j], at[:, j])) for j, one in enumerate(found)
            ]
    for j, one in enumerate(found):
        _few_or_raise(one, reader, j)
    return tuple(found)


def merge(a: Seen, b: Seen, reader: TableReader) -> Seen:
    """Return the counts of the rows of both."""
    out = []
    for j, (one, other) in enumerate(zip(a, b, strict=True)):
        counts = one.counts
        if counts is not None and other.counts is not None:
            counts = merge_counts(counts, other.counts)
        out.append(
            Column(
                common_dtype([np.dtype(one.dtype), np.dtype(other.dtype)]).str,
                one.present + other.present,
                one.missing + other.missing,
                counts,
            )
        )
        _few_or_raise(out[-1], reader, j)
    return tuple(out)


def dtype_of(seen: Seen) -> np.dtype:
    """Return the dtype of the array that all columns make."""
    return common_dtype([np.dtype(one.dtype) for one in seen])


def most_frequent(counts: Counts) -> Any:
    """Return the most frequent value, or the smallest of them if there are several.

    Examples
    --------
    >>> most_frequent(Counts(np.asarray([3, 1, 2]), np.asarray([2, 2, 1])))
    np.int64(1)
    """
    first = counts.values[counts.counts == counts.counts.max()]
    try:
        return min(first)
    except TypeError:  # the values cannot be compared
        return min(first, key=lambda value: (str(type(value)), str(value)))


def fill_values(
    seen: Seen, constant: bool, fill_value: Any, keep_empty: bool
) -> tuple[list[Any], np.ndarray]:
    """Return the value that is filled in for each column, and ``statistics_``.

    Parameters
    ----------
    seen : Seen
    constant : bool
        Whether ``fill_value`` is filled in, and not the most frequent value.
    fill_value : object
        None means 0 for numbers and "missing_value" for other columns.
    keep_empty : bool
        Whether columns without a value are kept.

    Raises
    ------
    ValueError
        If ``fill_value`` is of another kind than the columns.
    """
    dtype = dtype_of(seen)
    fill: Any = 0
    if constant:
        fill = fill_value
        if fill is None:
            fill = 0 if dtype.kind in "iuf" else "missing_value"
        elif not np.can_cast(type(fill), dtype, casting="same_kind"):
            raise ValueError(
                f"fill_value={fill!r} (of type {type(fill)!r}) cannot be cast to the input "
                f"data that is {dtype!r}. If fill_value is a Python scalar, instead pass  a "
                "numpy scalar (e.g. fill_value=np.uint8(0) if your data is of type np.uint8). "
                "Make sure that both dtypes are of the same kind."
            )
    values = []
    for one in seen:
        if not one.present and not keep_empty:
            values.append(np.nan)
        elif one.counts is None or not one.present:
            values.append(fill)
        else:
            values.append(most_frequent(one.counts))
    objects = constant or dtype.kind == "O"
    statistics = np.empty(len(values), dtype=object if objects else np.float64)
    statistics[:] = values
    return values, statistics


def number_of(placeholder: Any) -> Any:
    """Return the number that means missing, or None if it is NaN."""
    return None if is_gap(placeholder) else placeholder


def allows_nan(placeholder: Any) -> bool:
    """Return whether rows may hold NaN. They may if NaN means missing."""
    return is_na(placeholder) or is_nan(placeholder)


def kinds_or_raise(dtype: np.dtype, placeholder: Any, estimator: str) -> None:
    """Check that a dtype is one of numbers or objects, and that a placeholder may be in it.

    Raises
    ------
    ValueError
        If not. The message is that of scikit-learn.
    """
    number = isinstance(placeholder, Real) or is_na(placeholder)
    if dtype.kind in "iuf" and not number:
        raise ValueError(
            "'X' and 'missing_values' types are expected to be both numerical. Got "
            f"X.dtype={dtype} and  type(missing_values)={type(placeholder)}."
        )
    if dtype.kind not in KINDS:
        raise ValueError(
            # prose: quoted, the words of scikit-learn
            f"{estimator} does not support data with dtype {dtype}. Please provide either a "
            "numeric array (with a floating point or integer dtype) or categorical data "
            "represented either as an array with integer dtype or an array of string values with "
            "an object dtype."
        )


def no_other_or_raise(
    table: Table, placeholder: Any, reader: TableReader, block: int | None
) -> None:
    """Check that no entry is missing other than those that equal the placeholder.

    Raises
    ------
    ValueError
        If an entry is. The message names the column.
    """
    for j, column in enumerate(table.columns):
        if others_missing(column, placeholder):
            where = reader.column(j) if block is None else f"{reader.column(j)} of block {block}"
            raise ValueError(
                f"Input X contains NaN in {where}, and missing_values={placeholder!r}. {FILL}"
            )


def masks(table: Table, placeholder: Any) -> list[np.ndarray]:
    """Return where the values of each column of a table are missing."""
    return [missing_where(column, placeholder) for column in table.columns]


def places_in(chosen: Sequence[int] | np.ndarray, X: Any) -> Any:
    """Return places of columns as an array of int in the library and on the device of X."""
    return asarray(np.asarray(chosen), like=X, dtype=default_int(X))


def _of_column(params: Params, column: Any) -> Column:
    at = missing_where(column, params.placeholder)
    n = int(at.sum())
    counts = _counted(column, at) if params.values else None
    return Column(array_dtype(column, n).str, len(at) - n, n, counts)


def _counted(column: Any, missing: np.ndarray) -> Counts:
    """Count the values of a column that are not missing.

    Numbers are sorted once. It would take three times as long to find the value of each row, too.
    """
    if isinstance(column, np.ndarray) and column.dtype.kind in "iuf":
        return Counts(*np.unique(column[~missing], return_counts=True))
    codes, values = factorize(column)
    counts = np.bincount(codes[~missing], minlength=len(values))
    there = counts > 0
    return Counts(values[there], counts[there])


def _few_or_raise(column: Column, reader: TableReader, j: int) -> None:
    if column.counts is not None:
        few_or_raise(
            column.counts.values,
            reader.column(j),
            "to find the most frequent one. Use strategy='mean' or 'median' for numbers, or leave "
            "it out.",
        )
