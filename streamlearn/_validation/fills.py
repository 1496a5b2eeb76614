"""Missing values of a column, and the column with values filled in.

A column of objects may hold None and NaN, which are different in scikit-learn. A column of another
kind has only one missing value. NaN, None and pandas' NA all mean this value.
"""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np

from streamlearn._validation.columns import factorize, missing_in, numpy_of


def is_gap(placeholder: Any) -> bool:
    """Return whether a placeholder of missing values is None, NaN or pandas' NA.

    Examples
    --------
    >>> is_gap(None), is_gap(float("nan")), is_gap(0)
    (True, True, False)
    """
    return placeholder is None or is_na(placeholder) or is_nan(placeholder)


def is_nan(x: Any) -> bool:
    """Return whether a value is a number that is NaN."""
    return isinstance(x, Real) and not isinstance(x, Integral) and bool(x != x)


def is_na(x: Any) -> bool:
    """Return whether a value is pandas' NA."""
    return type(x).__name__ == "NAType"


def missing_where(column: Any, placeholder: Any) -> np.ndarray:
    """Return which entries of a column are missing, given the value that means missing.

    Examples
    --------
    >>> column = np.asarray(["a", None, np.nan], dtype=object)
    >>> missing_where(column, None).tolist(), missing_where(column, np.nan).tolist()
    ([False, True, False], [False, False, True])
    >>> missing_where(column, "a").tolist()
    [True, False, False]
    """
    if is_gap(placeholder):
        found = missing_in(column)
        if not _of_objects(column) or is_na(placeholder):
            return found
        return found & (_is_none(column, found) == (placeholder is None))
    if isinstance(column, np.ndarray) and column.dtype.kind in "biuf":
        equal = column == placeholder
        return equal if isinstance(equal, np.ndarray) else np.zeros(column.shape, dtype=bool)
    codes, values = factorize(column)
    equal = np.fromiter((_equal(value, placeholder) for value in values), bool, len(values))
    return equal[codes]


def others_missing(column: Any, placeholder: Any) -> bool:
    """Return whether a column has NaN that the placeholder does not mean.

    None in a column of objects is a value like others.
    """
    kind = getattr(getattr(column, "dtype", None), "kind", "O")
    if is_na(placeholder) or is_nan(placeholder) or kind in "biuSU":
        return False
    found = missing_in(column)
    if not _of_objects(column):
        return placeholder is not None and bool(found.any())
    return bool((found & ~_is_none(column, found)).any())


def _of_objects(column: Any) -> bool:
    dtype = getattr(column, "dtype", None)
    return isinstance(dtype, np.dtype) and dtype.kind == "O"


def _is_none(column: Any, missing: np.ndarray) -> np.ndarray:
    out = np.zeros(missing.shape, dtype=bool)
    at = np.flatnonzero(missing)
    entries = np.asarray(column, dtype=object)[at]
    out[at] = np.fromiter((x is None for x in entries), bool, len(at))
    return out


def _equal(value: Any, placeholder: Any) -> bool:
    return bool(value is not None and value == placeholder)


def array_dtype(column: Any, n_missing: int = 0) -> np.dtype:
    """Return the dtype of the array that scikit-learn makes of a column.

    Examples
    --------
    >>> array_dtype(np.asarray([1, 2]))
    dtype('int64')
    """
    if isinstance(getattr(column, "dtype", None), np.dtype):
        return column.dtype
    dtype = factorize(column[:0]).values.dtype
    if n_missing and dtype.kind in "biu":
        return np.dtype(object) if dtype.kind == "b" else np.dtype(np.float64)
    return dtype


def common_dtype(dtypes: list[np.dtype]) -> np.dtype:
    """Return the dtype of an array of columns of several dtypes. Other than numbers are objects.

    Examples
    --------
    >>> common_dtype([np.dtype("i8"), np.dtype("f8")])
    dtype('float64')
    >>> common_dtype([np.dtype("i8"), np.dtype("M8[s]")])
    dtype('O')
    """
    kinds = {dtype.kind for dtype in dtypes}
    if len(set(dtypes)) == 1:
        return dtypes[0]
    if kinds <= set("biufc") or kinds <= {"U"} or kinds <= {"S"}:
        return np.result_type(*dtypes)
    return np.dtype(object)


def filled_array(column: Any, at: np.ndarray, value: Any, dtype: np.dtype) -> np.ndarray:
    """Return a column as an array of ``dtype``, with a value where ``at`` is True."""
    found, value = numpy_of(column), _of_dtype(value, getattr(column, "dtype", None))
    if dtype.kind == "O" and found.dtype.kind in "mM":
        found = _date_objects(column)
        value = _date_objects(np.asarray([value]))[0] if isinstance(value, np.generic) else value
    if not at.any():
        return found.astype(dtype, copy=False)
    if dtype.kind in "iu" and found.dtype.kind == "f":  # missing values are no integers
        found = np.where(at, 0, found)
    out = found.astype(dtype)
    out[at] = value
    return out


def _date_objects(column: Any) -> np.ndarray:
    """Return dates or durations as objects: those of pandas if it is imported, else Python's."""
    try:
        import pandas as pd
    except ImportError:
        return numpy_of(column).astype(f"{numpy_of(column).dtype.kind}8[us]").astype(object)
    return pd.Series(column).astype(object).to_numpy()


def filled_series(column: Any, at: np.ndarray, value: Any) -> Any:
    """Return a column of pandas with a value where ``at`` is True.

    Its dtype does not change if it can hold the value. The new dtype does not depend on whether a
    value is missing, so that all partitions get the same dtype.
    """
    dtype = column.dtype
    value = _of_dtype(value, dtype)
    if hasattr(dtype, "categories"):
        if value not in dtype.categories:
            column = column.cat.add_categories([value])
    elif _holds(dtype, value):
        kind = getattr(dtype, "kind", "O")
        if kind == "b":
            value = bool(value)
        elif kind in "iuf" and isinstance(value, bool | np.bool_):
            value = int(value)
    else:
        column = column.astype(_wider(dtype, value))
    return column.mask(at, value) if at.any() else column


def _of_dtype(value: Any, dtype: Any) -> Any:
    """Return a value of a column of Arrow as its entries are: with a time zone, or as a day.

    The instants of such a column are NumPy's in UTC when they are counted.
    """
    of = getattr(dtype, "pyarrow_dtype", None)
    if of is None or not isinstance(value, np.datetime64):
        return value
    import pandas as pd

    instant = pd.Timestamp(value)
    if getattr(of, "tz", None) is not None:
        return instant.tz_localize("UTC").tz_convert(of.tz)
    return instant.date() if str(of).startswith("date") else instant


def _holds(dtype: Any, value: Any) -> bool:
    """Return whether a dtype of pandas holds a value exactly, or as a rounded float."""
    if isinstance(dtype, np.dtype):
        if dtype.kind == "f":
            return isinstance(value, Real | np.bool_)
        if dtype.kind in "iu":
            return isinstance(value, Real) and float(value).is_integer()
        if dtype.kind == "b":
            return isinstance(value, bool | np.bool_)
        if dtype.kind == "O":
            return True
    import pandas as pd

    try:
        (held,) = pd.array([value], dtype=dtype)
        return bool(held == value) and isinstance(held, str) == isinstance(value, str)
    except (TypeError, ValueError, OverflowError):
        return False


def _wider(dtype: Any, value: Any) -> Any:
    number = isinstance(value, Real | np.bool_)
    if isinstance(dtype, np.dtype):
        return np.float64 if number and dtype.kind in "biuf" else object
    return "Float64" if number and getattr(dtype, "kind", "O") in "biuf" else object
