"""Columns of any kind as whole numbers and the values they stand for."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamlearn._validation.columns import factorize, missing_in, numpy_of, table_of
from streamlearn.blocks import from_blocks
from streamlearn.preprocessing import StandardScaler

COLUMNS: dict[str, tuple[Any, list[Any]]] = {
    "objects": (np.asarray(["b", "a", None, "b"], dtype=object), ["b", "a", None, "b"]),
    "polars objects": (pl.Series(["b", "a", "b"], dtype=pl.Object), ["b", "a", "b"]),
    "objects with NaN": (np.asarray(["b", np.nan, None], dtype=object), ["b", np.nan, None]),
    "text": (np.asarray(["b", "a", "b"]), ["b", "a", "b"]),
    "integers": (np.asarray([3, 1, 3]), [3, 1, 3]),
    "big-endian integers": (np.asarray([3, 1, 3], dtype=">i4"), [3, 1, 3]),
    "unsigned": (np.asarray([2**63, 1], dtype=np.uint64), [2**63, 1]),
    "booleans": (np.asarray([True, False]), [True, False]),
    "floats": (np.asarray([0.5, np.nan, np.nan, 0.5]), [0.5, np.nan, np.nan, 0.5]),
    "float16": (np.asarray([0.5, np.nan], dtype=np.float16), [0.5, np.nan]),
    "pandas objects": (pd.Series(["b", None, "b"], dtype=object), ["b", None, "b"]),
    "pandas str": (pd.Series(["b", None, "b"], dtype="str"), ["b", np.nan, "b"]),
    "pandas string[python]": (
        pd.Series(["b", None, "b"], dtype="string[python]"),
        ["b", np.nan, "b"],
    ),
    "pandas string[pyarrow]": (
        pd.Series(["b", None, "b"], dtype="string[pyarrow]"),
        ["b", np.nan, "b"],
    ),
    "pandas Int64": (pd.Series([3, None, 3], dtype="Int64"), [3, np.nan, 3]),
    "pandas boolean": (pd.Series([True, None], dtype="boolean"), [1.0, np.nan]),
    "pandas boolean, all there": (pd.Series([True], dtype="boolean"), [True]),
    "pandas categories": (
        pd.Series(["b", None, "b"]).astype("category"),
        ["b", np.nan, "b"],
    ),
    "pandas categories without rows": (
        pd.Series(pd.Categorical(["c", "a"], categories=list("abcd"))),
        ["c", "a"],
    ),
    "pandas categories of numbers": (pd.Series([4, 2, None]).astype("category"), [4, 2, np.nan]),
    "pandas, Arrow numbers": (pd.Series([4, None], dtype="int64[pyarrow]"), [4, np.nan]),
    "polars text": (pl.Series(["b", None, "b"]), ["b", None, "b"]),
    "polars categories": (pl.Series(["b", None, "b"], dtype=pl.Categorical), ["b", None, "b"]),
    "polars numbers": (pl.Series([4, None, 4]), [4, np.nan, 4]),
    "polars NaN and null": (pl.Series([0.5, None, float("nan")]), [0.5, np.nan, np.nan]),
    "polars booleans": (pl.Series([True, None, False]), [True, None, False]),
    "nothing": (np.asarray([], dtype=object), []),
    "nothing of pandas": (pd.Series([], dtype="str"), []),
    "nothing of polars": (pl.Series([], dtype=pl.String), []),
    "only missing": (pd.Series([None, None], dtype="str"), [np.nan, np.nan]),
    "only null": (pl.Series([None, None], dtype=pl.String), [None, None]),
}


def same(a: list[Any], b: list[Any]) -> bool:
    pairs = zip(a, b, strict=True)
    return all(p == q or (p != p and q != q) for p, q in pairs)


@pytest.mark.complete
@pytest.mark.parametrize("kind", COLUMNS)
def test_factorize(kind):
    column, want = COLUMNS[kind]
    codes, values = factorize(column)
    assert codes.dtype == np.intp  # as others are multiplied, and overflow
    assert same(values[codes].tolist(), want)
    assert sorted(set(codes.tolist())) == list(range(len(values)))  # none without a row
    assert same(numpy_of(column).tolist(), want)
    assert missing_in(column).tolist() == [x is None or x != x for x in want]


def test_text_keeps_its_dtype():
    assert factorize(np.asarray(["b", "aaa"])).values.dtype == np.dtype("<U3")
    assert factorize(pd.Series(["b", "aaa"], dtype="str")).values.dtype == object


def test_factorize_without_pandas(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    for kind in ("objects", "objects with NaN", "integers", "text"):
        column, want = COLUMNS[kind]
        codes, values = factorize(column)
        assert same(values[codes].tolist(), want)


def test_values_without_a_hash():
    column = np.empty(2, dtype=object)
    column[:] = [{}, "a"]
    with pytest.raises(TypeError, match=r"uniformly strings or numbers. Got \['dict', 'str'\]"):
        factorize(column)


NESTED = [[1], [2]]


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(NESTED, dtype=pd.ArrowDtype(pa.list_(pa.int64())), name="x"),
        pl.Series("x", NESTED, dtype=pl.Array(pl.Int64, 1)),
        pl.Series("x", NESTED),
        pl.Series("x", [{"a": 1}, {"a": 1}]),
        pd.Series([{"a": 1}] * 2, dtype=pd.ArrowDtype(pa.struct([("a", pa.int64())])), name="x"),
    ],
    ids=lambda column: str(column.dtype),
)
def test_an_entry_is_one_value(column):
    with pytest.raises(TypeError, match=r"Column 'x' has dtype .*an entry holds several values"):
        factorize(column)
    rows = column.to_frame()
    for X in (rows, from_blocks([rows, rows])):
        with pytest.raises(TypeError, match=r"column 'x', so an entry holds several values"):
            StandardScaler().fit(X)


@given(st.lists(st.sampled_from(["a", "b", "", None, np.nan, "é" * 40]), max_size=30))
def test_any_objects(drawn):
    column = np.empty(len(drawn), dtype=object)
    column[:] = drawn
    codes, values = factorize(column)
    assert same(values[codes].tolist(), drawn)
    assert len(values) == len({x if x == x else "NaN" for x in drawn})


@pytest.mark.parametrize("kind", ["pandas", "polars", "numpy"])
def test_columns_of_tables(kind):
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    table = {
        "pandas": frame,
        "polars": pl.DataFrame({"a": [1, 2], "b": ["x", "y"]}),
        "numpy": frame.to_numpy(object),
    }[kind]
    found = table_of(table)
    assert found.names == (None if kind == "numpy" else ("a", "b"))
    assert found.n_rows == 2
    assert [numpy_of(column).tolist() for column in found.columns] == [[1, 2], ["x", "y"]]
