"""Frames of pandas and polars as numbers. The dtype of a column decides how it is converted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np

from streamlearn._arrays.columns import rows_of_columns
from streamlearn._arrays.plain import plain

ENCODE = "Encode it as numbers first, or leave it out."
SEVERAL = "an entry holds several values. Make a column of each value, or leave the column out."
APART = "Give real and imaginary parts separately."


def is_table(x: Any) -> bool:
    """Return whether ``x`` is a frame or a column of pandas or polars in memory."""
    return hasattr(x, "to_numpy") and (hasattr(x, "dtypes") or hasattr(x, "dtype"))


def dtypes_of(x: Any) -> list[Any]:
    """Return the dtype of each column of a frame, or that of a column or an array."""
    if hasattr(x, "columns"):
        return list(x.dtypes)
    return [x.dtype] if hasattr(x, "dtype") else []


def names_of(x: Any) -> tuple[str, ...] | None:
    """Return the names of the columns of a frame, or None if ``x`` has none."""
    return tuple(map(str, x.columns)) if is_table(x) and hasattr(x, "columns") else None


def fault_of(x: Any, *, allow_nan: bool = False) -> str | None:
    """Return a sentence that names the first column of a frame that is not finite numbers.

    The result is None if all columns are.
    """
    for name, column in columns(x):
        try:
            values = _of_column(column)
        except (TypeError, ValueError):
            return f"The column {name!r} has dtype {column.dtype}."
        wrong = np.isinf(values) if allow_nan else ~np.isfinite(values)
        if wrong.any():
            return f"The column {name!r} has it, in row {int(np.flatnonzero(wrong)[0])}."
    return None


def is_date(dtype: Any) -> bool:
    """Return whether a dtype of NumPy, pandas, Arrow or polars is of dates, times or durations.

    For a categorical dtype, the dtype of the categories decides.

    Examples
    --------
    >>> import numpy as np
    >>> is_date(np.dtype("datetime64[s]")), is_date(np.dtype(float))
    (True, False)
    """
    of = getattr(getattr(dtype, "categories", None), "dtype", None)
    if of is not None:
        return is_date(of)
    if hasattr(dtype, "is_temporal"):
        return bool(dtype.is_temporal())
    return getattr(dtype, "kind", None) in ("m", "M")


def is_nested(dtype: Any) -> bool:
    """Return whether an entry of a column holds several values: a list, an array or a struct.

    Examples
    --------
    >>> import pandas as pd
    >>> import pyarrow as pa
    >>> is_nested(pd.ArrowDtype(pa.list_(pa.int64()))), is_nested(pd.ArrowDtype(pa.int64()))
    (True, False)
    """
    of = getattr(dtype, "pyarrow_dtype", None)
    if of is not None:
        return bool(of.num_fields)
    return hasattr(dtype, "is_nested") and bool(dtype.is_nested())


def is_complex(dtype: Any) -> bool:
    """Return whether a dtype of NumPy or pandas is of complex numbers."""
    return getattr(dtype, "kind", None) == "c"


def numbers_of(x: Any, what: str) -> np.ndarray:
    """Return a frame or a column as an array of numbers. Missing values become NaN.

    Parameters
    ----------
    x : frame or column
    what : str
        Its name in errors.

    Returns
    -------
    ndarray of shape (n_rows, n_columns) or (n_rows,), float64 or float32

    Raises
    ------
    TypeError, ValueError
        If it contains something else: dates, lists, text, objects or complex numbers. The message
        names the column.
    """
    dtypes = dtypes_of(x)
    for dtype in set(dtypes):
        if is_complex(dtype):
            raise ValueError(f"Complex data not supported: {_where(x, dtype, what)}. {APART}")
    dtypes_or_raise(x, what)
    with suppress(TypeError, ValueError):
        return _converted(x, dtypes)
    # pandas cannot convert some mixtures of dtypes. Column by column, an error can name the column.
    found = []
    for name, column in columns(x):
        try:
            found.append(_of_column(column))
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            dtype = _has_dtype(name, column.dtype, what)
            raise kind(f"{dtype} and is not numeric: {error}. {ENCODE}") from error
    return np.stack(found, axis=1) if hasattr(x, "columns") else found[0]


def sparse_of(x: Any) -> Any:
    """Return a frame as sparse rows if pandas stores all its columns sparse, else as it is.

    Raises
    ------
    ValueError
        If the fill value of a column is not 0.
    """
    return x.sparse.to_coo() if all_sparse(x) else x


def all_sparse(x: Any) -> bool:
    """Return whether pandas stores all columns of a frame sparse. ``x`` may be dask's meta."""
    dtypes = set(x.dtypes) if hasattr(x, "iloc") and hasattr(x, "columns") else set()
    return bool(dtypes) and all(hasattr(dtype, "fill_value") for dtype in dtypes)


def dtypes_or_raise(x: Any, what: str) -> None:
    """Check that a frame or an array of NumPy contains no dates and no lists.

    Raises
    ------
    TypeError
        If it does. The message names the column of a frame.
    """
    for dtype in set(dtypes_of(x)):
        if is_date(dtype):
            raise TypeError(f"{_where(x, dtype, what)} and is not numeric. {ENCODE}")
        if is_nested(dtype):
            raise TypeError(f"{_where(x, dtype, what)}, so {SEVERAL}")


def columns(x: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the columns of a frame with their names. A single column is yielded without a name."""
    if not hasattr(x, "columns"):
        yield None, x
    elif hasattr(x, "items"):
        yield from x.items()
    else:
        yield from ((column.name, column) for column in x.get_columns())


def _converted(x: Any, dtypes: list[Any]) -> np.ndarray:
    if hasattr(x, "iloc"):
        single = all(dtype == np.float32 for dtype in dtypes)
        wide = np.dtype(np.float32 if single else np.float64)
        if x.ndim == 2 and all(isinstance(of, np.dtype) and of.kind in "biuf" for of in dtypes):
            return rows_of_columns(
                [x.iloc[:, j].to_numpy() for j in range(x.shape[1])], wide, len(x)
            )
        return x.to_numpy(dtype=wide, na_value=np.nan)
    out = x.to_numpy()
    return out if out.dtype in (np.float32, np.float64) else out.astype(np.float64)


def _of_column(column: Any) -> np.ndarray:
    if column.dtype == np.dtype(object):
        return plain(column.to_numpy()).astype(np.float64)
    return _converted(column, [column.dtype])


def _where(x: Any, dtype: Any, what: str) -> str:
    name = next(name for name, column in columns(x) if column.dtype == dtype)
    return _has_dtype(name, dtype, what)


def _has_dtype(name: Any, dtype: Any, what: str) -> str:
    of = getattr(getattr(dtype, "categories", None), "dtype", None)
    text = f"{what} has dtype {dtype}" + ("" if of is None else f" of {of}")
    return text if name is None else f"{text} in column {name!r}"
