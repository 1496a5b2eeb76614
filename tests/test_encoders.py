"""OneHotEncoder and OrdinalEncoder are scikit-learn's on all rows, whatever the blocks."""

from __future__ import annotations

import pickle
from typing import Any

import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import preprocessing as theirs

from streamlearn import preprocessing as ours
from streamlearn._validation import categories
from streamlearn._validation.categories import count, merge
from streamlearn.preprocessing.from_counts import OneHotFromCounts

RNG = np.random.default_rng(0)
N = 90
TABLE = pd.DataFrame(
    {
        "color": RNG.choice(["red", "green", "blue", None], N, p=[0.5, 0.3, 0.15, 0.05]),
        "count": RNG.integers(-1, 4, N),
        "flag": RNG.choice(["yes", "no"], N),
        "size": RNG.choice([1.5, 2.5, np.nan], N),
    }
)
GIVEN = [["blue", "green", "red", np.nan], [-1, 0, 1, 2, 3], ["no", "yes"], [1.5, 2.5, np.nan]]
FEWER = [["blue", "red"], [0, 1], ["yes"], [1.5]]
UNKNOWN = {"handle_unknown": "use_encoded_value", "unknown_value": -1}

CASES = {
    "OneHotEncoder": [
        {},
        {"drop": "first"},
        {"drop": "if_binary"},
        {"drop": ["red", 0, "no", np.nan]},
        {"sparse_output": False, "dtype": np.float32},
        {"categories": GIVEN},
        {"categories": FEWER, "handle_unknown": "ignore"},
        {"min_frequency": 20},
        {"min_frequency": 0.3, "handle_unknown": "infrequent_if_exist"},
        {"max_categories": 3, "drop": "first"},
        {"feature_name_combiner": lambda feature, category: f"{feature}={category}"},
    ],
    "OrdinalEncoder": [
        {},
        {"dtype": np.float32},
        {"encoded_missing_value": -2},
        {"categories": GIVEN},
        {"categories": FEWER, **UNKNOWN},
        {"min_frequency": 20},
        {"max_categories": 3, **UNKNOWN},
    ],
}
BOTH = [(name, how) for name, cases in CASES.items() for how in cases]
CONTAINERS = {
    "frame": lambda table: table,
    "objects": lambda table: table.to_numpy(dtype=object),
    "dask frame": lambda table: dd.from_pandas(table, npartitions=4, sort=False),
    "dask of objects": lambda table: da.from_array(table.to_numpy(dtype=object), chunks=(31, 4)),
    "an empty partition": lambda table: dd.from_map(
        table.iloc.__getitem__,
        [slice(0, 50), slice(50, 50), slice(50, N)],
        meta=table.iloc[:0],
    ),
}


def dense(x: Any) -> np.ndarray:
    x = x.compute() if hasattr(x, "dask") else x
    return x.toarray() if hasattr(x, "toarray") else np.asarray(x)


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize(("name", "how"), BOTH)
def test_every_parameter_means_what_it_means_in_scikit_learn(name, how, container):
    want = getattr(theirs, name)(**how).fit(TABLE)
    rows = CONTAINERS[container](TABLE)
    got = getattr(ours, name)(**how).fit(rows)
    for a, b in zip(got.categories_, want.categories_, strict=True):
        assert [str(x) for x in a] == [str(x) for x in b]
    made = want.transform(TABLE)
    in_memory = TABLE.to_numpy(dtype=object) if "objects" in container else TABLE
    for out in (got.transform(rows), got.transform(in_memory)):
        np.testing.assert_array_equal(dense(out), dense(made))
        assert dense(out).dtype == made.dtype
    if "objects" not in container:
        np.testing.assert_array_equal(got.get_feature_names_out(), want.get_feature_names_out())
    back = got.inverse_transform(made)
    assert [[str(x) for x in row] for row in back] == [
        [str(x) for x in row] for row in want.inverse_transform(made)
    ]


@pytest.mark.parametrize(
    "dtype", ["object", "str", "string", "category", "Int64", "int8", "float32", "boolean"]
)
def test_columns_of_every_dtype(dtype):
    values = ["a", "b", "a", "c"] if dtype in ("object", "str", "string", "category") else None
    values = [True, False, True, True] if dtype == "boolean" else values or [3, 1, 3, 2]
    column = pd.DataFrame({"x": pd.Series(values).astype(dtype)})
    want = theirs.OneHotEncoder().fit(column)
    for rows in (column, dd.from_pandas(column, npartitions=2), pl.from_pandas(column)):
        got = ours.OneHotEncoder().fit(rows)
        assert got.categories_[0].tolist() == want.categories_[0].tolist()
        np.testing.assert_array_equal(dense(got.transform(rows)), dense(want.transform(column)))


VALUES = {
    "text": st.sampled_from(["a", "b", "cc", None, np.nan]),
    "numbers": st.sampled_from([0.0, 1.0, -2.5, np.nan]),
}


@given(data=st.data(), kind=st.sampled_from(sorted(VALUES)))
def test_counts_of_any_chunks_merge_to_those_of_all_rows(data, kind):
    rows = data.draw(st.lists(VALUES[kind], min_size=1, max_size=30))
    column = np.array(rows, dtype=object if kind == "text" else float)
    ends = sorted(data.draw(st.lists(st.integers(1, len(rows)), max_size=4)))
    parts = [part for part in np.split(column, ends) if len(part)]
    found = count(parts[0])
    for part in parts[1:]:
        found = merge(found, count(part))
    values = OneHotFromCounts().fit_counts([found], len(rows)).categories_[0]
    expected = theirs.OneHotEncoder().fit(column.reshape(-1, 1)).categories_[0]
    assert [str(x) for x in values] == [str(x) for x in expected]
    assert found.counts.sum() == len(rows)


def test_text_and_numbers_in_one_column_have_no_order():
    rows = pd.DataFrame({"a": pd.Series([1, "b", 2], dtype=object)})
    with pytest.raises(TypeError, match="uniformly strings or numbers"):
        ours.OneHotEncoder().fit(rows)


def test_too_many_categories_name_hashing(monkeypatch):
    monkeypatch.setattr(categories, "MOST", 3)
    rows = pd.DataFrame({"a": list("abcd")})
    for table in (rows, dd.from_pandas(rows, npartitions=2)):
        with pytest.raises(ValueError, match=r"column 'a'.*FeatureHasher"):
            ours.OneHotEncoder().fit(table)


def test_missing_text_is_one_category_whether_none_or_nan():
    encoder = ours.OneHotEncoder().fit(CONTAINERS["dask frame"](TABLE))
    rows = TABLE.astype({"color": object}).where(TABLE.notna(), None)
    expected = dense(encoder.transform(TABLE))
    np.testing.assert_array_equal(dense(encoder.transform(rows))[:, :4], expected[:, :4])


def test_partial_fit_adds_categories_and_pickles():
    encoder = ours.OneHotEncoder().fit(pd.DataFrame({"a": ["x", "y"]}))
    again = pickle.loads(pickle.dumps(encoder)).partial_fit(pd.DataFrame({"a": ["z", "x"]}))
    assert again.categories_[0].tolist() == ["x", "y", "z"]
    assert encoder.categories_[0].tolist() == ["x", "y"]
