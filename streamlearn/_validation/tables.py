"""Frames of pandas and polars as numbers: what a column holds is judged by its dtype itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np

from streamlearn._arrays.plain import plain

ENCODE = "Encode it as numbers first, or leave it out."
APART = "Give real and imaginary parts apart."


def is_table(x: Any) -> bool:
    """Return whether ``x`` is a frame or a column of pandas or polars in memory."""
    return hasattr(x, "to_numpy") and (hasattr(x, "dtypes") or hasattr(x, "dtype"))


def dtypes_of(x: Any) -> list[Any]:
    """Return the dtype of each column of a frame, or that of a column or an array."""
    if hasattr(x, "columns"):
        return list(x.dtypes)
    return [x.dtype] if hasattr(x, "dtype") else []


def names_of(x: Any) -> tuple[str, ...] | None:
    """Return the names of the columns of a frame; None where there are none."""
    return tuple(map(str, x.columns)) if is_table(x) and hasattr(x, "columns") else None


def fault_of(x: Any, *, allow_nan: bool = False) -> str | None:
    """Return in words which column of a frame holds no finite numbers, None if all do."""
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

    Categories are what they stand for.

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


def is_complex(dtype: Any) -> bool:
    """Return whether a dtype of NumPy or pandas is of complex numbers."""
    return getattr(dtype, "kind", None) == "c"


def numbers_of(x: Any, what: str) -> np.ndarray:
    """Return a frame, or a column, as an array of float64 or float32; missing values are NaN.

    Parameters
    ----------
    x : frame or column
    what : str
        What errors call it.

    Raises
    ------
    TypeError, ValueError
        If it holds something else, naming the column: dates, text, objects, complex numbers.
    """
    dtypes = dtypes_of(x)
    for dtype in set(dtypes):
        if is_complex(dtype):
            raise ValueError(f"Complex data not supported: {_where(x, dtype, what)}. {APART}")
        if is_date(dtype):
            raise TypeError(f"{_where(x, dtype, what)} and is not numeric. {ENCODE}")
    with suppress(TypeError, ValueError):
        return _converted(x, dtypes)
    # Some mixtures are beyond pandas, and what cannot be converted at all has a name.
    found = []
    for name, column in columns(x):
        try:
            found.append(_of_column(column))
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            said = f"{_said(name, column.dtype, what)} and is not numeric: {error}. {ENCODE}"
            raise kind(said) from error
    return np.stack(found, axis=1) if hasattr(x, "columns") else found[0]


def sparse_of(x: Any) -> Any:
    """Return a frame of which pandas stores all columns sparse as sparse rows, others as they are.

    Raises
    ------
    ValueError
        If what is not stored is not 0.
    """
    return x.sparse.to_coo() if all_sparse(x) else x


def all_sparse(x: Any) -> bool:
    """Return whether pandas stores all columns of a frame sparse; ``x`` may be what dask knows."""
    dtypes = set(x.dtypes) if hasattr(x, "iloc") and hasattr(x, "columns") else set()
    return bool(dtypes) and all(hasattr(dtype, "fill_value") for dtype in dtypes)


def dates_or_raise(x: Any, what: str) -> None:
    """Check that no column of a frame, nor an array of NumPy, holds dates.

    Raises
    ------
    TypeError
        Naming the column.
    """
    for dtype in set(dtypes_of(x)):
        if is_date(dtype):
            raise TypeError(f"{_where(x, dtype, what)} and is not numeric. {ENCODE}")


def column_with(wrong: np.ndarray, names: tuple[str, ...]) -> str:
    """Return the name of the first column of (n_rows, n_columns) in which something is wrong."""
    return names[int(np.flatnonzero(wrong.any(axis=0))[0])]


def columns(x: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the columns of a frame with their names, or the one that is given."""
    if not hasattr(x, "columns"):
        yield None, x
    elif hasattr(x, "items"):
        yield from x.items()
    else:
        yield from ((column.name, column) for column in x.get_columns())


def _converted(x: Any, dtypes: list[Any]) -> np.ndarray:
    if hasattr(x, "iloc"):
        single = all(dtype == np.float32 for dtype in dtypes)
        return x.to_numpy(dtype=np.float32 if single else np.float64, na_value=np.nan)
    out = x.to_numpy()
    return out if out.dtype in (np.float32, np.float64) else out.astype(np.float64)


def _of_column(column: Any) -> np.ndarray:
    if column.dtype == np.dtype(object):
        return plain(column.to_numpy()).astype(np.float64)
    return _converted(column, [column.dtype])


def _where(x: Any, dtype: Any, what: str) -> str:
    return _said(next(name for name, column in columns(x) if column.dtype == dtype), dtype, what)


def _said(name: Any, dtype: Any, what: str) -> str:
    of = getattr(getattr(dtype, "categories", None), "dtype", None)
    said = f"{what} has dtype {dtype}" + ("" if of is None else f" of {of}")
    return said if name is None else f"{said} in column {name!r}"
