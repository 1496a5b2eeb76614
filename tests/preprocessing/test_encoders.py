"""OneHotEncoder and OrdinalEncoder: as scikit-learn's of the same rows in memory."""

from __future__ import annotations

import pickle
from typing import Any

import dask
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import preprocessing as theirs
from sklearn.compose import ColumnTransformer

from streamlearn import preprocessing as ours
from streamlearn._validation import categories as limits
from streamlearn.linear_model import SGDClassifier
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder
from tests.preprocessing.tables import (
    ALL_MISSING,
    CONTAINERS,
    N_ROWS,
    alike,
    dense,
    in_blocks,
    in_parts,
    table,
)

pytestmark = pytest.mark.filterwarnings("ignore:Found unknown categories in columns")

GIVEN = [["b", "dd", "a"], [-4, 7, 12, 30], [-1.0, 0.5, 2.25]]
MISSING_TOO = [["a", "b", "c", "dd", "e", "new", np.nan], [-4, 7, 8, 12, 30], [*GIVEN[2], np.nan]]


NULLABLE = ("pandas, Int64", "pyarrow", "pyarrow, dictionary")
"""Containers whose integers may be missing: scikit-learn makes floats of them."""


def joined(feature: str, category: Any) -> str:
    return f"{feature}={category}"


PARAMETERS: dict[str, list[dict[str, Any]]] = {
    "OrdinalEncoder": [
        {},
        {"dtype": np.int32, "encoded_missing_value": -5},
        {"handle_unknown": "use_encoded_value", "unknown_value": -1},
        {"handle_unknown": "use_encoded_value", "unknown_value": np.nan},
        {"min_frequency": 8},
        {"min_frequency": 0.25, "encoded_missing_value": -1},
        {"max_categories": 1},
        {
            "max_categories": 3,
            "min_frequency": 5,
            "handle_unknown": "use_encoded_value",
            "unknown_value": -1,
        },
        {"categories": GIVEN, "handle_unknown": "use_encoded_value", "unknown_value": -1},
        {"categories": GIVEN},
        {"categories": MISSING_TOO},
    ],
    "OneHotEncoder": [
        {},
        {"sparse_output": False, "dtype": np.float32},
        {"drop": "first"},
        {"drop": "if_binary", "max_categories": 2},
        {"drop": ["a", 7, 0.5], "handle_unknown": "ignore"},
        {"handle_unknown": "ignore", "feature_name_combiner": joined},
        {"handle_unknown": "infrequent_if_exist", "min_frequency": 8},
        {"handle_unknown": "warn", "min_frequency": 0.25, "sparse_output": False},
        {"max_categories": 3, "drop": "first"},
        {"max_categories": 1},
        {"categories": GIVEN, "handle_unknown": "ignore"},
        {"categories": GIVEN},
        {"categories": MISSING_TOO, "drop": ["b", 7, np.nan]},
    ],
}
GRID = [
    pytest.param(name, params, id=f"{name}-{i}")
    for name, every in PARAMETERS.items()
    for i, params in enumerate(every)
]


def both(name: str, params: dict[str, Any]) -> tuple[Any, Any]:
    return getattr(ours, name)(**params), getattr(theirs, name)(**params)


def same_or_both_fail(mine: Any, known: Any, method: str, x: Any, y: Any) -> None:
    """Compare what a method makes of x with what scikit-learn's makes of y."""
    try:
        want = getattr(known, method)(y)
    except (ValueError, TypeError) as error:
        with pytest.raises(type(error)):
            dense(getattr(mine, method)(x))
        return
    got = getattr(mine, method)(x)
    np.testing.assert_array_equal(dense(got), dense(want))
    assert dense(got).dtype == dense(want).dtype


def same(mine: Any, known: Any) -> None:
    for a, b in zip(mine.categories_, known.categories_, strict=True):
        assert alike(a, b)
    found, want = mine.get_feature_names_out(), known.get_feature_names_out()
    assert found.tolist() == want.tolist()
    if known.max_categories or known.min_frequency:
        pairs = zip(mine.infrequent_categories_, known.infrequent_categories_, strict=True)
        for a, b in pairs:
            assert (a is None) == (b is None)
            assert a is None or alike(a, b)


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize(("name", "params"), GRID)
def test_as_scikit_learn(name, params, container):
    make, missing = CONTAINERS[container]
    X, held_out = table(missing=missing), table(1, missing=missing)
    held_out.loc[3, "t"], held_out.loc[5, "n"] = "new", 8
    named = container not in ("array", "array, NaN", "list", "dask array")
    known_X, known_Z = (x if named else x.to_numpy(object) for x in (X, held_out))
    if container in NULLABLE:
        known_X, known_Z = (x.astype({"n": "Int64"}) for x in (known_X, known_Z))
    mine, known = both(name, params)
    try:
        known.fit(known_X)
    except (ValueError, TypeError) as error:
        with pytest.raises(type(error)):
            mine.fit(make(X))
        return
    mine.fit(make(X))
    same(mine, known)
    for x, y in ((X, known_X), (held_out, known_Z)):
        same_or_both_fail(mine, known, "transform", make(x), y)
    encoded = known.transform(known_X)
    try:
        want = known.inverse_transform(encoded)
    except IndexError:  # of its own numbers, where NaN and infrequent categories meet
        return
    assert alike(mine.inverse_transform(encoded).ravel(), want.ravel())


@pytest.mark.parametrize("name", PARAMETERS)
def test_partial_fit_of_pieces_is_fit(name):
    X = table()
    mine, known = both(name, {"min_frequency": 6})
    known.fit(X)
    for rows in (slice(0, 25), ALL_MISSING, slice(29, None)):
        mine.partial_fit(X.iloc[rows])
    same(mine, known)
    np.testing.assert_array_equal(dense(mine.transform(X)), dense(known.transform(X)))
    again = pickle.loads(pickle.dumps(mine)).partial_fit(X)
    known.fit(pd.concat([X, X]))
    same(again, known)


VALUES = {
    "text": st.sampled_from(["a", "b", "é", "", "aa"]),
    "text or None": st.sampled_from(["a", "b", "aa", None]),
    "text or NaN": st.sampled_from(["a", "b", "aa", np.nan]),
    "text, None or NaN": st.sampled_from(["a", "b", None, np.nan]),
    "numbers": st.sampled_from([3.5, -1.0, 0.0, np.nan]),
    "whole numbers": st.integers(-2, 3),
    "booleans": st.booleans(),
}


@st.composite
def tables(draw: Any) -> tuple[pd.DataFrame, tuple[int, ...]]:
    """Draw a table and where it is cut."""
    sizes = tuple(draw(st.lists(st.integers(0, 6), min_size=1, max_size=4)))
    n = max(sum(sizes), 1)
    sizes = sizes if sum(sizes) else (1, *sizes)
    kinds = draw(st.lists(st.sampled_from(list(VALUES)), min_size=1, max_size=3))
    columns = {}
    for j, kind in enumerate(kinds):
        values = draw(st.lists(VALUES[kind], min_size=n, max_size=n))
        columns[f"c{j}"] = pd.Series(values, dtype=object if "text" in kind else None)
    return pd.DataFrame(columns), sizes


FREQUENT = st.fixed_dictionaries(
    {
        "min_frequency": st.sampled_from([None, 2, 0.3]),
        "max_categories": st.sampled_from([None, 1, 2]),
    }
)


@given(tables(), FREQUENT, st.sampled_from(["first", "if_binary", None]), st.booleans())
@settings(max_examples=10)
def test_any_table_in_any_chunks(drawn, frequent, drop, framed):
    X, sizes = drawn
    lazy = in_parts(X, sizes) if framed else in_blocks(X.to_numpy(object), sizes)
    reference = X if framed else X.to_numpy(object)
    for name, more in (("OneHotEncoder", {"drop": drop}), ("OrdinalEncoder", {})):
        mine, known = both(name, {**frequent, **more})
        known.fit(reference)
        mine.fit(lazy)
        same(mine, known)
        same_or_both_fail(mine, known, "transform", lazy, reference)


# What comes out


def test_frames_stay_frames_and_partitions_stay_apart():
    X = table()
    lazy = in_parts(X)
    ordinal = OrdinalEncoder().fit(lazy)
    out = ordinal.transform(lazy)
    assert list(out.columns) == ["t", "n", "f"]
    assert out.npartitions == 4
    whole = ordinal.transform(X)
    np.testing.assert_array_equal(out.partitions[3].compute(), whole[29:])
    made = ordinal.set_output(transform="pandas").transform(X)
    assert isinstance(made, pd.DataFrame)
    assert made.index.equals(X.index)
    hot = OneHotEncoder().fit(lazy)
    assert hot.transform(lazy).chunks[1] == (len(hot.get_feature_names_out()),)
    with pytest.raises(ValueError, match="does not support sparse data"):
        hot.set_output(transform="pandas").transform(lazy)


def test_nothing_is_read_before_it_is_asked_for():
    read = []

    def seen(x):
        read.append(len(x))
        return x

    lazy = in_parts(table(), make=seen)
    read.clear()
    with dask.config.set(scheduler="sync"):
        encoder = OrdinalEncoder().fit(lazy)
        assert sorted(read) == [0, 4, 25, 31]
        encoder.transform(lazy)
        assert len(read) == 4


def test_pandas_na_counts_as_nan():
    X = pd.DataFrame({"t": pd.Series(["a", pd.NA, None, np.nan], dtype=object)})
    objects = X.to_numpy(object)
    assert alike(OrdinalEncoder().fit(objects).categories_[0], ["a", None, np.nan])
    typed = X.astype("string[python]")
    assert alike(OrdinalEncoder().fit(typed).categories_[0], ["a", np.nan])


@pytest.mark.parametrize(
    "dtype", ["object", "str", "string", "category", "Int64", "int8", "float32", "boolean"]
)
def test_columns_of_every_dtype(dtype):
    values: list[Any] = [True, False, True, True] if dtype == "boolean" else [3, 1, 3, 2]
    if dtype in ("object", "str", "string", "category"):
        values = ["a", "b", "a", "c"]
    column = pd.DataFrame({"x": pd.Series(values).astype(dtype)})
    known = theirs.OneHotEncoder().fit(column)
    for rows in (column, in_parts(column, (1, 3)), pl.from_pandas(column)):
        mine = OneHotEncoder().fit(rows)
        assert mine.categories_[0].tolist() == known.categories_[0].tolist()
        if not isinstance(rows, pl.DataFrame):  # whose integers need not be floats
            assert mine.get_feature_names_out().tolist() == known.get_feature_names_out().tolist()
        np.testing.assert_array_equal(dense(mine.transform(rows)), dense(known.transform(column)))


def test_missing_text_is_one_category_whether_none_or_nan():
    encoder = OrdinalEncoder(encoded_missing_value=-1).fit(table(missing=np.nan))
    want = encoder.transform(table(missing=np.nan))
    np.testing.assert_array_equal(encoder.transform(table(missing=None)), want)


def test_many_categories_of_a_dask_frame():
    """pandas keeps codes of few categories as int8."""
    values = [f"c{i:03}" for i in range(100)] * 2
    column = pd.DataFrame({"x": pd.Categorical(values)})
    y = pd.Series(np.arange(200.0))
    known = theirs.TargetEncoder(smooth=0.0).fit(column, y)
    for cut in (lambda x: x, lambda x: in_parts(x, (100, 100))):
        mine = TargetEncoder(smooth=0.0).fit(cut(column), cut(y))
        np.testing.assert_allclose(mine.encodings_[0], known.encodings_[0])


def test_dates_are_categories_and_so_are_missing_ones():
    days = pd.to_datetime(["2026-01-02", None, "2026-01-01", "2026-01-02"])
    X = pd.DataFrame({"d": days})
    encoder = OrdinalEncoder().fit(in_parts(X, (2, 2)))
    assert dense(encoder.transform(X)).ravel().tolist() == [1, 2, 0, 1]


def test_numbers_that_grow_wider_from_block_to_block():
    encoder = OrdinalEncoder()
    for part in ([[1], [2]], [[2.5], [np.nan]], [[2]]):
        encoder.partial_fit(np.asarray(part))
    assert alike(encoder.categories_[0], [1.0, 2.0, 2.5, np.nan])


# One pass


WORDS = ["a", "b", "c", "dd", "e", np.nan]
"""Of a one-hot encoder before a learner: the first block does not have them all."""


def learner() -> SGDClassifier:
    return SGDClassifier(loss="log_loss", max_iter=1, tol=None, random_state=0)


@pytest.mark.parametrize("lazy", [False, True])
def test_a_step_of_a_one_pass_pipeline_learns_what_it_learns_alone(lazy):
    X = table(missing=np.nan)
    y = pd.Series((X["n"] > 7).astype(int))
    given = (in_parts(X), in_parts(y)) if lazy else (X, y)
    branches = ColumnTransformer(
        [
            ("hot", OneHotEncoder(sparse_output=False, categories=[WORDS]), ["t"]),
            ("ordinal", OrdinalEncoder(), ["n"]),
            ("scaled", StandardScaler(), ["n"]),
        ]
    )
    pipe = make_pipeline(branches, learner(), schedule="one-pass").fit(*given)
    fitted = pipe[0].named_transformers_
    for name, encoder, column in (
        ("hot", theirs.OneHotEncoder(categories=[WORDS]), "t"),
        ("ordinal", theirs.OrdinalEncoder(), "n"),
    ):
        known = encoder.fit(X[[column]])
        assert alike(fitted[name].categories_[0], known.categories_[0])
    assert pipe.score(*given) > 0.9


def test_a_pipeline_of_encoders_alone():
    X = table(missing=np.nan)
    lazy = in_parts(X)
    ordinal = OrdinalEncoder(encoded_missing_value=-1)
    pipe = make_pipeline(ordinal, StandardScaler(), schedule="one-pass").fit(lazy)
    known = theirs.StandardScaler().fit(
        theirs.OrdinalEncoder(encoded_missing_value=-1).fit_transform(X)
    )
    np.testing.assert_allclose(pipe[-1].mean_, known.mean_)
    assert dense(pipe.transform(lazy)).shape == (N_ROWS, 3)


# Errors


def test_a_column_of_too_many_values_names_hashing(monkeypatch):
    monkeypatch.setattr(limits, "MOST_CATEGORIES", 3)
    for X in (table(), in_parts(table())):
        with pytest.raises(ValueError, match=r"column 't' has more than 3 .* Hash it"):
            OneHotEncoder().fit(X)


def test_columns_of_another_block():
    X = table()
    with pytest.raises(ValueError, match=r"Block 3 .*columns \['n', 't', 'f'\].*expecting \['t'"):
        OrdinalEncoder().fit(
            in_parts(X).map_partitions(
                lambda x: x[["n", "t", "f"]] if len(x) == 31 else x,
                meta=X.iloc[:0],
                enforce_metadata=False,
            )
        )


def test_unknown_categories_are_named_with_their_column():
    encoder = OrdinalEncoder().fit(table(missing=np.nan))
    other = table(missing=np.nan)
    other.loc[30, "t"] = "new"
    said = r"unknown categories \['new'\] in column 't'"
    with pytest.raises(ValueError, match=said):
        encoder.transform(other)
    with pytest.raises(ValueError, match=said):
        encoder.transform(in_parts(other)).compute(scheduler="sync")
