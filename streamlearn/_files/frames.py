"""Frames of pandas and polars as values that a file can hold, and back.

A column is a list of the kind of its dtype and of what makes it again. Only kinds and names of
dtypes from the lists below are made.
"""

from __future__ import annotations

import importlib
import re
from typing import Any

import numpy as np

ARROW = re.compile(
    r"bool|u?int(8|16|32|64)|halffloat|float|double|(large_)?string"
    r"|(timestamp|duration|time32|time64|date32|date64)\[[\w, =/+:-]+\]",
    re.ASCII,
)
"""The names of pyarrow's types, as pandas writes them."""

CODED = re.compile(r"bool|u?int(8|16|32|64)|float|double|(large_)?string", re.ASCII)
"""Those of the values of a dictionary, which columns of Parquet may hold by their codes."""

INDEX = re.compile(r"u?int(8|16|32|64)", re.ASCII)
"""Those of its codes."""

MASKED = re.compile(r"U?Int(8|16|32|64)|Float(32|64)|boolean", re.ASCII)
"""The names of pandas' dtypes with a mask."""

ZONE = re.compile(r"(?!dateutil/)[\w+-]+(/[\w+-]+)*([+-]\d\d:\d\d)?", re.ASCII)
"""The names of time zones. With a prefix pandas would read a file of any path."""

POLARS = (
    *("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64"),
    *("Float32", "Float64", "Boolean", "String", "Null", "Categorical", "Enum"),
    *("Date", "Time", "Datetime", "Duration"),
)
"""The names of polars' dtypes."""

TIMES = {"Date": "Int32", "Time": "Int64", "Datetime": "Int64", "Duration": "Int64"}
"""Those that count days or parts of a second, and the dtype of the counts."""


def is_pandas_or_polars(x: Any) -> bool:
    """Return whether ``x`` is a DataFrame of pandas or polars."""
    kind = type(x)
    return kind.__name__ == "DataFrame" and library_of(x) in ("pandas", "polars")


def library_of(x: Any) -> str:
    """Return the name of the library that has the class of ``x``."""
    return type(x).__module__.partition(".")[0]


def parts(frame: Any, place: str) -> list[Any]:
    """Return what makes a frame again: numbers, text, arrays, and lists of these.

    ``place`` says in errors where the frame is.

    Raises
    ------
    TypeError
        If a column has a dtype that files do not hold. The message names the column.
    """
    try:
        if library_of(frame) == "polars":
            return ["polars", [_polars_column(column) for column in frame.get_columns()]]
        columns = [_column(frame.iloc[:, i]) for i in range(frame.shape[1])]
        return ["pandas", _labels(frame.columns), _labels(frame.index), columns]
    except _RefusedError as error:
        name, dtype = error.args
        raise TypeError(
            f"{place} is a frame whose column {name!r} has the dtype {dtype}. Files hold columns "
            "of numbers, bools, text, categories and times: change it with astype."
        ) from None


def made(content: Any) -> Any:
    """Return the frame of `parts`.

    Raises
    ------
    ImportError
        If its library is not installed.
    ValueError
        If the parts name what is not in the lists of this module.
    """
    library, *given = content
    if library == "polars":
        pl = importlib.import_module("polars")
        return pl.DataFrame([_made_polars_column(*column) for column in given[0]])
    if library != "pandas":
        raise ValueError(f"{library!r} has no frames that files hold.")
    pd = importlib.import_module("pandas")
    labels, index, columns = given
    index = _made_labels(index)
    made_columns = [_made_column(column) for column in columns]
    if any(len(column) != len(index) for column in made_columns):
        raise ValueError("A column of a frame and its index have different lengths.")
    # The dtype is given, because pandas makes text of objects that are all text.
    series = [pd.Series(column, index=index, dtype=column.dtype) for column in made_columns]
    frame = pd.DataFrame(dict(enumerate(series)), index=index)
    return frame.set_axis(_made_labels(labels), axis=1)


class _RefusedError(Exception):
    """A column has a dtype that files do not hold. The arguments are its name and the dtype."""


def _column(x: Any) -> list[Any]:
    """Return the parts of a Series or an Index of pandas with one level."""
    import pandas as pd

    dtype = x.dtype
    if isinstance(dtype, np.dtype):
        return ["numpy", np.asarray(x)]
    if isinstance(dtype, pd.CategoricalDtype):
        codes = pd.Categorical(x).codes
        return ["categories", codes, bool(dtype.ordered), _column(dtype.categories)]
    if isinstance(dtype, pd.DatetimeTZDtype):
        zone = str(dtype.tz)
        if ZONE.fullmatch(zone) and pd.DatetimeTZDtype(dtype.unit, zone) == dtype:
            utc = pd.Series(x).dt.tz_convert("UTC").dt.tz_localize(None)
            return ["zone", np.asarray(utc), dtype.unit, zone]
    if isinstance(dtype, pd.StringDtype):
        is_nan = dtype.na_value is not pd.NA
        return ["text", dtype.storage, is_nan, _objects(x)]
    if MASKED.fullmatch(str(dtype)):
        return ["masked", str(dtype), _objects(x)]
    name = str(dtype).removesuffix("[pyarrow]")
    if isinstance(dtype, pd.ArrowDtype) and name.startswith("dictionary<"):
        kind = dtype.pyarrow_dtype
        names = str(kind.index_type), str(kind.value_type)
        if CODED.fullmatch(names[1]):
            return ["codes", *names, bool(kind.ordered), _objects(x)]
    if isinstance(dtype, pd.ArrowDtype) and ARROW.fullmatch(name):
        counts = _counts_of(name)
        return ["arrow", name, _objects(pd.Series(x).astype(counts) if counts else x)]
    raise _RefusedError(x.name, dtype)


def _made_column(content: Any) -> Any:
    pd = importlib.import_module("pandas")
    kind, *given = content
    if kind == "numpy":
        return given[0]
    if kind == "categories":
        codes, ordered, categories = given
        return pd.Categorical.from_codes(codes, _made_index(categories), ordered=ordered)
    if kind == "zone" and ZONE.fullmatch(given[2]):
        times, unit, zone = given
        return pd.DatetimeIndex(times).as_unit(unit).tz_localize("UTC").tz_convert(zone).array
    if kind == "text":
        storage, is_nan, values = given
        return pd.array(values, dtype=pd.StringDtype(storage, np.nan if is_nan else pd.NA))
    if kind == "masked" and MASKED.fullmatch(given[0]):
        return pd.array(given[1], dtype=given[0])
    if kind == "arrow" and ARROW.fullmatch(given[0]):
        name, values = given
        found = pd.ArrowDtype(importlib.import_module("pyarrow").string())
        if name != "string":
            found = pd.ArrowDtype.construct_from_string(f"{name}[pyarrow]")
        counts = _counts_of(name)
        return pd.Series(values, dtype=counts or found).astype(found).array
    if kind == "codes" and CODED.fullmatch(given[1]) and INDEX.fullmatch(given[0]):
        pa, (code, value, ordered, values) = importlib.import_module("pyarrow"), given
        code, value = map(pa.type_for_alias, (code, value))
        coded = pa.array([None if x is pd.NA else x for x in values], value).dictionary_encode()
        return pd.arrays.ArrowExtensionArray(coded.cast(pa.dictionary(code, value, ordered)))
    raise ValueError(f"{kind!r} of {given[:1]!r} is not a column that files hold.")


def _counts_of(name: str) -> str | None:
    """Return the dtype of the counts of a time of pyarrow, or None if it is no time."""
    if "[" not in name:
        return None
    return "int32[pyarrow]" if name.startswith(("time32", "date32")) else "int64[pyarrow]"


def _objects(x: Any) -> list[Any]:
    return np.asarray(x.astype(object)).tolist()


def _labels(index: Any) -> list[Any]:
    """Return the parts of the names of columns, or of an index."""
    import pandas as pd

    if isinstance(index, pd.RangeIndex):
        return ["range", index.start, index.stop, index.step, index.name]
    if isinstance(index, pd.MultiIndex):
        levels = [_column(index.get_level_values(i)) for i in range(index.nlevels)]
        return ["levels", list(index.names), levels]
    return ["labels", index.name, _column(index)]


def _made_labels(content: Any) -> Any:
    pd = importlib.import_module("pandas")
    kind, *given = content
    if kind == "range":
        return pd.RangeIndex(*map(int, given[:3]), name=given[3])
    if kind == "levels":
        names, levels = given
        return pd.MultiIndex.from_arrays([_made_index(level) for level in levels], names=names)
    name, column = given
    return _made_index(column, name)


def _made_index(column: list[Any], name: Any = None) -> Any:
    values = _made_column(column)
    return importlib.import_module("pandas").Index(values, dtype=values.dtype, name=name)


def _polars_column(x: Any) -> list[Any]:
    name = x.dtype.base_type().__name__
    if name not in POLARS:
        raise _RefusedError(x.name, x.dtype)
    values, given = x, []
    if name in TIMES:
        values = x.to_physical()
        unit, zone = getattr(x.dtype, "time_unit", None), getattr(x.dtype, "time_zone", None)
        given = [unit, zone] if name == "Datetime" else [unit] * (name == "Duration")
    elif name in ("Categorical", "Enum"):
        values = x.cast(importlib.import_module("polars").String)
        given = [x.dtype.categories.to_list()] if name == "Enum" else []
    return [x.name, name, given, values.to_list()]


def _made_polars_column(label: str, name: str, given: list[Any], values: list[Any]) -> Any:
    pl = importlib.import_module("polars")
    if name not in POLARS:
        raise ValueError(f"{name!r} is not a dtype of polars that files hold.")
    dtype = getattr(pl, name)
    dtype = dtype(*given) if given else dtype
    first = getattr(pl, TIMES.get(name, "String" if name in ("Categorical", "Enum") else name))
    return pl.Series(label, values, dtype=first).cast(dtype)
