"""Tables as columns, for every kind of frame and array.

Encoders and imputers work on columns. A column is a one-dimensional array of NumPy, or a Series of
pandas or polars. A missing value is None in a column of objects that contains None, and in text of
polars. Everywhere else it is NaN, as in scikit-learn. `streamlearn._arrays.plain` has turned tables
of pyarrow into frames of pandas before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from streamlearn._arrays.plain import gaps
from streamlearn._validation.tables import SEVERAL, is_nested


class Table(NamedTuple):
    """The columns of a block.

    Attributes
    ----------
    columns : tuple
        One-dimensional arrays or Series of the same length.
    names : tuple of str, or None
        The names of the columns. It is None for an array.
    n_rows : int
    """

    columns: tuple[Any, ...]
    names: tuple[str, ...] | None
    n_rows: int


class Factorized(NamedTuple):
    """A column as integer codes.

    Attributes
    ----------
    codes : ndarray of int, shape (n_rows,)
        The index of each row's value in ``values``.
    values : ndarray of shape (n_values,)
        The distinct values, in any order. None and NaN are values.
    """

    codes: np.ndarray
    values: np.ndarray


def table_of(x: Any) -> Table:
    """Return the columns of a frame, or of a two-dimensional array of NumPy.

    Examples
    --------
    >>> table_of(np.asarray([["a", "b"], ["c", "d"]])).columns[1].tolist()
    ['b', 'd']
    """
    if isinstance(x, np.ndarray):
        return Table(tuple(x[:, j] for j in range(x.shape[1])), None, x.shape[0])
    names = tuple(map(str, x.columns))
    if hasattr(x, "iloc"):
        return Table(tuple(x.iloc[:, j] for j in range(len(names))), names, len(x))
    return Table(tuple(x.get_columns()), names, x.height)


def is_column(x: Any) -> bool:
    """Return whether ``x`` is a Series of pandas or polars."""
    return len(getattr(x, "shape", ())) == 1 and any(hasattr(x, has) for has, _ in _KINDS)


def factorize(column: Any) -> Factorized:
    """Return a column as integer codes and distinct values.

    Text is hashed and never sorted: pandas takes 25 ns a row for text, and NumPy's sort 360 ns.

    Examples
    --------
    >>> codes, values = factorize(np.asarray(["b", None, "b"], dtype=object))
    >>> codes.tolist(), values.tolist()
    ([0, 1, 0], ['b', None])
    """
    for has, how in _KINDS:
        if hasattr(column, has):
            return how(column)
    if column.dtype.kind == "O":
        return _of_objects(column)
    if column.dtype.kind in "UT":
        codes, values = _of_objects(column.astype(object))
        return Factorized(codes, values.astype(column.dtype))
    if column.dtype.kind in "iu":
        return _of_integers(column)
    if column.dtype.kind in "mMf":
        return _without_repeated_nan(*np.unique(column, return_inverse=True, equal_nan=True))
    values, codes = np.unique(column, return_inverse=True)
    return Factorized(codes, values)


def _of_integers(column: np.ndarray) -> Factorized:
    """Factorize whole numbers by their hashes, which takes a sixth of the time of a sort."""
    try:
        import pandas as pd
    except ImportError:
        values, codes = np.unique(column, return_inverse=True)
        return Factorized(codes, values)
    return Factorized(*pd.factorize(column.astype(column.dtype.newbyteorder("="), copy=False)))


def numpy_of(column: Any) -> np.ndarray:
    """Return a column as an array, as scikit-learn converts it. Missing numbers are NaN."""
    if isinstance(column, np.ndarray):
        return column
    if isinstance(getattr(column, "dtype", None), np.dtype):
        return np.asarray(column)
    codes, values = factorize(column)
    return values[codes]


def missing_in(column: Any) -> np.ndarray:
    """Return which entries of a column are missing: None, NaN, NaT or NA."""
    if isinstance(column, np.ndarray):
        if column.dtype.kind in "OfmM":
            return gaps(column)
        return np.zeros(column.shape, dtype=bool)
    if hasattr(column, "iloc"):
        return np.asarray(column.isna(), dtype=bool)
    null = np.asarray(column.is_null().to_numpy(), dtype=bool)
    values = np.asarray(column.to_numpy())
    return null | np.isnan(values) if values.dtype.kind == "f" else null


def _of_objects(column: np.ndarray) -> Factorized:
    """Factorize objects by their hashes. None and NaN are different values."""
    try:
        import pandas as pd
    except ImportError:
        return _of_few_objects(column)
    try:
        codes, values = pd.factorize(column)
    except TypeError as error:  # some have no hash
        raise mixed(column) from error
    return _with_missing(codes, np.asarray(values, dtype=object), column)


def mixed(values: np.ndarray) -> TypeError:
    """Return the error for values that cannot be compared or sorted."""
    kinds = sorted({type(value).__qualname__ for value in values})
    return TypeError(
        "Encoders require their input argument must be uniformly strings or numbers. Got "
        f"{kinds}. Make the column all text, or all numbers."
    )


def _of_few_objects(column: np.ndarray) -> Factorized:
    """Factorize objects without pandas."""
    places: dict[Any, int] = {}
    codes = np.empty(column.shape, dtype=np.intp)
    for i, (value, missing) in enumerate(zip(column, gaps(column), strict=True)):
        codes[i] = -1 if missing else places.setdefault(value, len(places))
    values = np.empty(len(places), dtype=object)
    values[:] = list(places)
    return _with_missing(codes, values, column)


def _with_missing(codes: np.ndarray, values: np.ndarray, column: Any) -> Factorized:
    """Return codes in which None and NaN, which have the code -1, get codes of their own."""
    missing = np.flatnonzero(codes < 0)
    if not len(missing):
        return Factorized(codes, values)
    known = len(values)
    is_none = np.fromiter((x is None for x in column[missing]), bool, len(missing))
    more: list[Any] = [None] if is_none.any() else []
    if not is_none.all():
        more.append(np.nan)
    codes = codes.copy()
    codes[missing] = np.where(is_none, known, known + len(more) - 1)
    out = np.empty(known + len(more), dtype=object)
    out[:known] = values
    out[known:] = more
    return Factorized(codes, out)


def _of_pandas(column: Any) -> Factorized:
    import pandas as pd

    dtype = column.dtype
    _flat_or_raise(column)
    if isinstance(dtype, np.dtype):
        return factorize(column.to_numpy())
    if hasattr(dtype, "categories"):
        # pandas' own codes are int8 if there are few, which overflow when they are multiplied.
        codes, values = _used(column.cat.codes.to_numpy(dtype=np.intp), column.cat.categories)
    elif (coded := _coded_text(column)) is not None:
        codes, values = _used(*coded)
    else:
        codes, values = pd.factorize(column)
    codes = np.asarray(codes)
    return _with_nan(codes, _plain_values(values), bool((codes < 0).any()))


def _coded_text(column: Any) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the codes and the values of text in a dictionary of Arrow, or None for other columns.

    The code of a missing value is -1.
    """
    of = getattr(column.dtype, "pyarrow_dtype", None)
    if of is None:
        return None
    import pyarrow as pa

    if not pa.types.is_dictionary(of) or of.value_type not in (pa.string(), pa.large_string()):
        return None
    x = pa.array(column)
    if isinstance(x, pa.ChunkedArray):
        x = x.chunk(0) if x.num_chunks == 1 else x.unify_dictionaries().combine_chunks()
    known = x.dictionary
    # Arrow allows a dictionary with nulls, and with the same text twice.
    if known.null_count or len(known.unique()) < len(known):
        x = x.cast(of.value_type).dictionary_encode()
    codes = x.indices.fill_null(-1) if x.null_count else x.indices
    codes = codes.to_numpy(zero_copy_only=False).astype(np.intp)
    return codes, x.dictionary.to_numpy(zero_copy_only=False)


def _used(codes: np.ndarray, values: Any) -> tuple[np.ndarray, Any]:
    """Return codes of the values that occur, because scikit-learn has no category without rows."""
    counts = np.bincount(codes + 1, minlength=len(values) + 1)[1:]
    used = np.flatnonzero(counts)
    if len(used) == len(values):
        return codes, values
    place = np.full(len(values) + 1, -1)
    place[used] = np.arange(len(used))
    return place[codes], values[used]


def _plain_values(values: Any) -> np.ndarray:
    """Return distinct values of pandas, none of them missing, as an array. Text becomes objects.

    Numbers of a nullable dtype become float64, because another partition may have missing values.
    """
    dtype = values.dtype
    if isinstance(dtype, np.dtype):
        return np.asarray(values)
    kind = getattr(getattr(dtype, "numpy_dtype", None), "kind", "O")
    if kind in "biuf":
        return values.to_numpy(dtype=np.float64)
    return values.to_numpy(dtype=dtype.numpy_dtype if kind in "mM" else object)


def _with_nan(codes: np.ndarray, values: np.ndarray, missing: bool) -> Factorized:
    """Return codes in which missing values, which have the code -1, get a code for NaN."""
    if not missing:
        return Factorized(codes, values)
    if values.dtype.kind in "biu":
        values = values.astype(np.float64)
    nan: Any = np.asarray(["NaT"], values.dtype) if values.dtype.kind in "mM" else [np.nan]
    values = np.concatenate([values, np.asarray(nan, dtype=values.dtype)])
    return Factorized(np.where(codes < 0, len(values) - 1, codes), values)


def _of_polars(column: Any) -> Factorized:
    import polars as pl

    _flat_or_raise(column)
    if column.dtype == pl.Object:
        return _of_objects(column.to_numpy())
    text = column.dtype in (pl.Categorical, pl.Enum, pl.String)
    column = (column.cast(pl.String) if text else column).rename("value")
    values = column.unique(maintain_order=True)
    place = values.to_frame().with_row_index("place")
    joined = column.to_frame().join(
        place, on="value", how="left", nulls_equal=True, maintain_order="left"
    )
    found, null = values.to_numpy(), values.is_null().to_numpy()
    if values.dtype == pl.Boolean and null.any():
        found = np.asarray(values.to_list(), dtype=object)
    return _of_nullable(joined["place"].to_numpy().astype(np.intp), found, null)


def _flat_or_raise(column: Any) -> None:
    """Check that an entry of a Series is one value.

    Raises
    ------
    TypeError
        If it is a list, an array, a struct or a map.
    """
    if is_nested(column.dtype):
        raise TypeError(f"Column {column.name!r} has dtype {column.dtype}, so {SEVERAL}")


def _of_nullable(codes: np.ndarray, values: np.ndarray, null: np.ndarray) -> Factorized:
    """Return values of polars. Missing text becomes None, and missing numbers NaN."""
    if null.any() and values.dtype.kind == "O":
        known = values[~null]
        values = values.copy()
        if len(known) and isinstance(known[0], int | float) and not isinstance(known[0], bool):
            values[null] = np.nan
            values = values.astype(np.float64)
        else:
            values[null] = None
    if values.dtype.kind == "f":
        return _without_repeated_nan(values, codes)
    return Factorized(codes, values)


def _without_repeated_nan(values: np.ndarray, codes: np.ndarray) -> Factorized:
    """Return values of which only one is NaN or NaT."""
    codes = codes.reshape(-1)
    nan = np.isnat(values) if values.dtype.kind in "mM" else np.isnan(values)
    if nan.sum() > 1:
        kept = ~nan
        kept[np.argmax(nan)] = True
        place = np.cumsum(kept) - 1
        place[nan] = place[np.argmax(nan)]
        codes, values = place[codes], values[kept]
    return Factorized(codes, values)


_KINDS: tuple[tuple[str, Callable[[Any], Factorized]], ...] = (
    ("iloc", _of_pandas),
    ("to_physical", _of_polars),
)
"""For each library: an attribute of its columns, and the function that factorizes them."""
