"""SimpleImputer and MissingIndicator against scikit-learn's, in every container and any chunks."""

from __future__ import annotations

import pickle
import warnings
from itertools import pairwise
from typing import Any

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import impute as theirs
from sklearn import preprocessing
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.pipeline import make_pipeline as their_pipeline

import streamlearn
from streamlearn.blocks import from_blocks
from streamlearn.impute import MissingIndicator, SimpleImputer
from streamlearn.linear_model import SGDClassifier, SGDRegressor
from streamlearn.pipeline import Pipeline, make_pipeline
from streamlearn.preprocessing import OneHotEncoder, StandardScaler
from tests.containers import blocks_of, dask_array

pytestmark = [
    pytest.mark.filterwarnings("ignore:Skipping features without any observed values"),
]

NAN = float("nan")
N = 60


def numbers() -> np.ndarray:
    """Return numbers with ties and gaps; a column holds none, and one has no gaps."""
    rng = np.random.default_rng(0)
    X = rng.integers(0, 6, (N, 4)) / 2
    X[rng.random(X.shape) < 0.3] = NAN
    X[:, 2] = NAN
    X[:, 3] = np.arange(N)
    return X


def words(missing: Any) -> np.ndarray:
    rng = np.random.default_rng(1)
    X = rng.choice(["b", "a", "c"], (N, 3)).astype(object)
    X[rng.random(X.shape) < 0.3] = missing
    X[:, 1] = missing
    return X


def mixed() -> pd.DataFrame:
    X, text = numbers(), words(NAN)
    return pd.DataFrame(
        {"text": text[:, 0], "x": X[:, 0], "n": np.arange(N) % 7, "none": X[:, 2]},
        index=np.arange(N) * 3,
    )


def nullable(kind: str, values: list[Any]) -> pd.DataFrame:
    return pd.DataFrame({"v": pd.Series(values * (N // len(values)), dtype=kind)})


TABLES: dict[str, tuple[Any, Any]] = {
    "floats": (numbers(), NAN),
    "float32": (numbers().astype(np.float32), NAN),
    "a number for gaps": (np.nan_to_num(numbers(), nan=-1), -1),
    "integers": (np.nan_to_num(2 * numbers(), nan=-1).astype(int), -1),
    "lists": (numbers().tolist(), NAN),
    "lists of text": (words("").tolist(), ""),
    "objects": (words(NAN), NAN),
    "None": (words(None), None),
    "text for gaps": (words("?"), "?"),
    "frame": (pd.DataFrame(numbers(), columns=list("abcd")), NAN),
    "mixed frame": (mixed(), NAN),
    "pandas' text": (pd.DataFrame({"s": pd.Series(words(NAN)[:, 0], dtype="str")}), NAN),
    "categories": (pd.DataFrame({"c": pd.Series(words(NAN)[:, 0], dtype="category")}), NAN),
    "Int64": (nullable("Int64", [2, None, 1, 2, 1]), NAN),
    "Int64 and NA": (nullable("Int64", [2, None, 1, 2, 1]), pd.NA),
    "boolean": (nullable("boolean", [True, None, False]), NAN),
    "polars": (pl.DataFrame({"a": numbers()[:, 0], "b": numbers()[:, 1]}), NAN),
}

STRATEGIES = [
    ("mean", None),
    ("median", None),
    ("most_frequent", None),
    ("constant", None),
    ("constant", 7),
    ("constant", "x"),
]


def result(imputer: Any, X: Any, ask: Any = None) -> Any:
    """Return the fitted imputer and what it makes of X, or the error."""
    try:
        imputer = imputer.fit(X)
        return imputer, imputer.transform(X if ask is None else ask)
    except (TypeError, ValueError) as error:
        return type(error), None


def same(got: Any, want: Any) -> None:
    got, want = np.asarray(got), np.asarray(want)
    assert got.shape == want.shape
    assert got.dtype == want.dtype
    if want.dtype == object:
        assert list(map(str, got.ravel())) == list(map(str, want.ravel()))
    else:
        np.testing.assert_allclose(got, want, rtol=1e-6 if want.dtype == np.float32 else 1e-14)


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("indicator", [False, True])
@pytest.mark.parametrize(("strategy", "fill_value"), STRATEGIES)
@pytest.mark.parametrize("name", TABLES)
def test_in_memory_it_is_scikit_learns(name, strategy, fill_value, indicator, keep):
    X, missing = TABLES[name]
    how = {
        "missing_values": missing,
        "strategy": strategy,
        "fill_value": fill_value,
        "add_indicator": indicator,
        "keep_empty_features": keep,
    }
    want, rows = result(theirs.SimpleImputer(**how), X)
    got, out = result(SimpleImputer(**how), X)
    if rows is None:
        assert got is want
        return
    same(out, rows)
    wanted = want.statistics_.astype(float) if name == "float32" else want.statistics_
    same(got.statistics_.astype(wanted.dtype), wanted)
    assert list(got.get_feature_names_out()) == list(want.get_feature_names_out())
    if not indicator:
        assert got.indicator_ is None
        return
    np.testing.assert_array_equal(got.indicator_.features_, want.indicator_.features_)
    if isinstance(X, np.ndarray) and X.dtype.kind in "fi":
        np.testing.assert_array_equal(got.inverse_transform(out), X)


@pytest.mark.parametrize("sparse", [False, True, "auto"])
@pytest.mark.parametrize("features", ["all", "missing-only"])
@pytest.mark.parametrize("name", [n for n in TABLES if n not in ("lists of text", "Int64 and NA")])
def test_the_indicator_is_scikit_learns(name, features, sparse):
    X, missing = TABLES[name]
    how = {"missing_values": missing, "features": features, "sparse": sparse}
    want, rows = result(theirs.MissingIndicator(**how), X)
    got, out = result(MissingIndicator(**how), X)
    assert type(out) is type(rows)
    np.testing.assert_array_equal(got.features_, want.features_)
    assert list(got.get_feature_names_out()) == list(want.get_feature_names_out())
    if sparse is True:
        out, rows = out.toarray(), rows.toarray()
    same(out, rows)


def test_the_indicator_minds_new_gaps():
    X = numbers()
    known = MissingIndicator().fit(X)
    new = X.copy()
    new[0, 3] = NAN
    with pytest.raises(ValueError, match=r"features \[3\] have missing values in transform"):
        known.transform(new)
    out = known.transform(da.from_array(new, chunks=(20, 4)))
    with pytest.raises(ValueError, match=r"features \[3\]"):
        out.compute(scheduler="sync")
    quiet = MissingIndicator(error_on_new=False).fit(X)
    np.testing.assert_array_equal(quiet.transform(new), np.isnan(X[:, :3]))
    assert MissingIndicator(features="all").fit(X).transform(new)[0, 3]


# Arrays of every library


def blocks(backend: Any, X: np.ndarray, kind: str) -> Any:
    return backend.asarray(X) if kind == "array" else dask_array(X, (20, 0, 40), backend.asarray)


@pytest.mark.parametrize("kind", ["array", "dask"])
@pytest.mark.parametrize("missing", [NAN, -1])
@pytest.mark.parametrize(("strategy", "fill_value"), STRATEGIES[:5])
def test_arrays_of_every_library(backend, kind, strategy, fill_value, missing):
    rows = np.nan_to_num(numbers(), nan=missing)
    how = {
        "missing_values": missing,
        "strategy": strategy,
        "fill_value": fill_value,
        "add_indicator": True,
    }
    want = theirs.SimpleImputer(**how).fit(rows)
    X = blocks(backend, rows, kind)
    imputer = SimpleImputer(**how).fit(X)
    out = imputer.transform(X)
    parts = blocks_of(out) if kind == "dask" else [out]
    for part in parts:
        backend.check(part, backend.widest)
    found = np.concatenate([backend.to_numpy(part) for part in parts])
    np.testing.assert_allclose(found, want.transform(rows), rtol=1e4 * backend.eps)
    back = imputer.inverse_transform(out)
    parts = blocks_of(back) if kind == "dask" else [back]
    found = np.concatenate([backend.to_numpy(part) for part in parts])
    np.testing.assert_array_equal(found, rows)
    marked = MissingIndicator(missing_values=missing).fit(X).transform(X)
    for part in blocks_of(marked) if kind == "dask" else [marked]:
        backend.check(part, "bool")


@pytest.mark.parametrize("kind", ["array", "dask"])
def test_integers_stay_integers(backend, kind):
    rows = np.asarray([[1, -1], [1, 3], [-1, 3], [2, 3]])
    X = backend.asarray(rows) if kind == "array" else dask_array(rows, (1, 3), backend.asarray)
    imputer = SimpleImputer(missing_values=-1, strategy="most_frequent").fit(X)
    out = imputer.transform(X)
    found = np.concatenate(
        [backend.to_numpy(a) for a in (blocks_of(out) if kind == "dask" else [out])]
    )
    assert found.dtype.kind == "i"
    np.testing.assert_array_equal(found, [[1, 3], [1, 3], [1, 3], [2, 3]])


def test_the_mean_is_exact_far_from_zero():
    rng = np.random.default_rng(0)
    X = 1e9 + rng.normal(size=(10_000, 2))
    X[rng.random(X.shape) < 0.1] = NAN
    known = [np.mean(np.sort(x[~np.isnan(x)].astype(np.longdouble))) for x in X.T]
    found = SimpleImputer().fit(da.from_array(X, chunks=(777, 2))).statistics_
    np.testing.assert_allclose(found, np.asarray(known, dtype=float), rtol=1e-15)


def test_the_median_is_exact_in_memory_and_nearly_so_in_blocks():
    rng = np.random.default_rng(0)
    X = rng.lognormal(size=(20_001, 3))
    X[:, 1] = np.sort(X[:, 1])
    X[rng.random(X.shape) < 0.1] = NAN
    want = theirs.SimpleImputer(strategy="median").fit(X).statistics_
    np.testing.assert_array_equal(SimpleImputer(strategy="median").fit(X).statistics_, want)
    lazily = SimpleImputer(strategy="median").fit(da.from_array(X, chunks=(1000, 3)))
    for x, found in zip(X.T, lazily.statistics_, strict=True):
        assert abs(np.mean(x[~np.isnan(x)] <= found) - 0.5) < 1e-3


# Tables in partitions


def partitions(frame: pd.DataFrame, sizes: list[int]) -> Any:
    ends = np.cumsum([0, *sizes])
    parts = [frame.iloc[a:b] for a, b in pairwise(ends)]
    return dd.from_map(lambda part: part, parts, meta=frame.iloc[:0])


COLUMNS = {
    "float": pd.Series(numbers()[:, 0]),
    "float32": pd.Series(numbers()[:, 1], dtype="float32"),
    "int": pd.Series(np.arange(N) % 5),
    "bool": pd.Series(np.arange(N) % 3 == 0),
    "object": pd.Series(words(NAN)[:, 0], dtype=object),
    "str": pd.Series(words(NAN)[:, 0], dtype="str"),
    "string": pd.Series(words(NAN)[:, 0], dtype="string"),
    "arrow": pd.Series(words(NAN)[:, 0], dtype="string[pyarrow]"),
    "category": pd.Series(words(NAN)[:, 0], dtype="category"),
    "Int64": pd.Series([3, None, 1, 3, 1, None] * 10, dtype="Int64"),
    "Float64": pd.Series([3.5, None, 1, 3.5, 1, None] * 10, dtype="Float64"),
    "boolean": pd.Series([True, None, True, False, None, False] * 10, dtype="boolean"),
    "int64[pyarrow]": pd.Series([3, None, 1, 3, 1, None] * 10, dtype="int64[pyarrow]"),
    "datetime": pd.Series(pd.to_datetime(["2024-01-02", None, "2024-01-01"] * 20)),
}


@pytest.mark.complete
@pytest.mark.parametrize("sizes", [[20, 0, 40], [1, 59], [60]])
@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_keeps_its_dtype_in_a_lazy_frame(name, sizes):
    """Text keeps it from becoming one array; the frame in memory says the values."""
    frame = pd.DataFrame({"column": COLUMNS[name], "text": COLUMNS["str"]}).set_index(
        np.arange(N) * 3
    )
    with dask.config.set({"dataframe.convert-string": False}):
        X = partitions(frame, sizes)
        imputer = SimpleImputer(strategy="most_frequent", add_indicator=True).fit(X)
        out = imputer.transform(X)
        made = out.compute(scheduler="sync")
    here = SimpleImputer(strategy="most_frequent", add_indicator=True).fit(frame)
    assert list(map(str, imputer.statistics_)) == list(map(str, here.statistics_))
    counts = frame["column"].value_counts()
    value = min(counts[counts == counts.max()].index)
    assert here.statistics_[0] == value
    want = frame["column"].mask(frame["column"].isna(), value)
    assert made["column"].dtype == frame["column"].dtype
    assert list(made["column"]) == list(want)
    assert list(map(str, made.dtypes)) == list(map(str, out.dtypes))
    assert list(made.columns) == list(imputer.get_feature_names_out())
    assert made.index.equals(frame.index)
    framed = here.set_output(transform="pandas").transform(frame)
    pd.testing.assert_frame_equal(framed, made, check_dtype=False, check_categorical=False)
    array = SimpleImputer(strategy="most_frequent").fit_transform(frame)
    assert array.dtype == object
    assert list(array[:, 0]) == list(want)


@pytest.mark.parametrize("name", ["float", "float32", "Int64", "Float64", "int64[pyarrow]"])
def test_a_constant_that_is_a_boolean_is_a_number_in_columns_of_numbers(name):
    frame = pd.DataFrame({"column": COLUMNS[name], "text": COLUMNS["str"]})
    with dask.config.set({"dataframe.convert-string": False, "scheduler": "sync"}):
        X = partitions(frame, [20, 0, 40])
        out = SimpleImputer(strategy="constant", fill_value=True).fit(X).transform(X)
        made = out.compute()
    assert made["column"].dtype == out["column"].dtype == frame["column"].dtype
    want = frame["column"].mask(frame["column"].isna(), 1)
    pd.testing.assert_series_equal(made["column"], want)


@pytest.mark.parametrize("strategy", ["mean", "median"])
def test_numbers_of_a_lazy_frame_become_floats(strategy):
    frame = pd.DataFrame({name: COLUMNS[name] for name in ("float", "int", "Int64", "float32")})
    X = partitions(frame, [20, 0, 40])
    imputer = SimpleImputer(strategy=strategy).fit(X)
    out = imputer.transform(X)
    assert isinstance(out, dd.DataFrame)
    assert set(out.dtypes) == {np.dtype(float)}
    want = theirs.SimpleImputer(strategy=strategy).fit_transform(frame)
    np.testing.assert_allclose(out.compute(scheduler="sync"), want, rtol=1e-14)


DAY = pd.Timestamp("2020-01-01")
IN_ARROW = {
    "timestamp[us, tz=Europe/Paris][pyarrow]": DAY.tz_localize("Europe/Paris"),
    "date32[pyarrow]": DAY.date(),
    "timestamp[s][pyarrow]": DAY,
}


@pytest.mark.parametrize("dtype", IN_ARROW)
def test_dates_of_arrow_are_filled_with_dates_of_their_kind(dtype):
    """The most frequent value is counted as an instant in UTC, or as the first one of a day."""
    value = IN_ARROW[dtype]
    dates = pd.array([value, None, value, value + pd.Timedelta(days=9)], dtype=dtype)
    frame = pd.DataFrame({"number": [1.0, 2.0, 3.0, 4.0], "date": dates})
    imputer = SimpleImputer(strategy="most_frequent").fit(frame)
    filled = imputer.transform(frame)[1, 1]
    assert filled == value
    assert type(filled) is type(value)
    lazy = dd.from_pandas(frame, npartitions=2)
    out = imputer.transform(lazy)
    assert out.dtypes["date"] == out.compute().dtypes["date"] == dates.dtype
    assert out.compute()["date"].iloc[1] == value


def test_partitions_that_are_empty_or_miss_all_and_other_categories():
    text = [None, None, "b", "a", None, "a", "c", None, "c", "c"]
    frame = pd.DataFrame({"t": text, "x": [NAN, NAN, 1, 2, NAN, 2, 5, 5, NAN, 5]})
    parts = [frame[:2], frame[:0], frame[2:6], frame[6:]]
    parts = [part.astype({"t": "category"}) for part in parts]
    X = dd.from_map(lambda part: part, parts, meta=frame[:0].astype({"t": "category"}))
    imputer = SimpleImputer(strategy="most_frequent").fit(X)
    assert imputer.statistics_.tolist() == ["c", 5.0]
    made = imputer.transform(X).compute(scheduler="sync")
    assert made["t"].tolist() == [t or "c" for t in text]
    assert made["x"].tolist() == [5, 5, 1, 2, 5, 2, 5, 5, 5, 5]
    constant = SimpleImputer(strategy="constant", fill_value="none").fit(X)
    made = constant.transform(X).compute(scheduler="sync")
    assert made["t"].tolist() == [t or "none" for t in text]
    assert made["x"].tolist()[:3] == ["none", "none", 1.0]


@pytest.mark.complete
@pytest.mark.parametrize("missing", [NAN, None, pd.NA])
@pytest.mark.parametrize("kind", ["polars", "pyarrow", "string", "category", "dask"])
def test_columns_that_know_one_missing_value_take_any_name_of_it(kind, missing):
    text, x = [None if t != t else t for t in words(NAN)[:, 0]], numbers()[:, 0]
    frame = pd.DataFrame({"t": pd.Series(text, dtype="str"), "u": pd.Series(text, dtype="string")})
    want = theirs.SimpleImputer(strategy="most_frequent").fit_transform(frame.astype("str"))
    X: Any = frame
    if kind in ("polars", "pyarrow"):
        made = {"polars": pl.DataFrame, "pyarrow": pa.table}[kind]
        X = made({"t": text, "u": text})
        both = SimpleImputer(strategy="most_frequent").fit(made({"t": text, "x": x.tolist()}))
        assert both.statistics_[0] == want[:, 0][np.asarray([t is None for t in text])][0]
    elif kind == "category":
        X = frame.astype("category")
    elif kind == "dask":
        X = dd.from_pandas(frame, npartitions=3)
    out = SimpleImputer(missing_values=missing, strategy="most_frequent").fit(X).transform(X)
    out = out.compute(scheduler="sync") if kind == "dask" else out
    np.testing.assert_array_equal(np.asarray(out, dtype=object), want)
    marked = MissingIndicator(missing_values=missing).fit(X).transform(X)
    marked = marked.compute(scheduler="sync") if kind == "dask" else marked
    np.testing.assert_array_equal(np.asarray(marked)[:, 0], [t is None for t in text])


VALUES = {
    "numbers": st.one_of(st.none(), st.integers(-3, 3).map(float)),
    "text": st.one_of(st.none(), st.sampled_from("abcd")),
}


@settings(max_examples=20)
@given(data=st.data())
def test_any_table_in_any_partitions(data):
    kind = data.draw(st.sampled_from(sorted(VALUES)))
    rows = data.draw(st.lists(st.tuples(VALUES[kind], VALUES[kind]), min_size=1, max_size=25))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=4)))
    strategies = ["most_frequent", "constant"] + ["mean", "median"] * (kind == "numbers")
    how = {
        "strategy": data.draw(st.sampled_from(strategies)),
        "add_indicator": data.draw(st.booleans()),
        "keep_empty_features": data.draw(st.booleans()),
    }
    frame = pd.DataFrame(rows, columns=["a", "b"], dtype=float if kind == "numbers" else object)
    frame = frame.where(frame.notna(), NAN)
    sizes = np.diff([0, *cuts, len(rows)]).tolist()
    with dask.config.set({"dataframe.convert-string": False, "scheduler": "sync"}):
        X = partitions(frame, sizes)
        want = theirs.SimpleImputer(**how).fit(frame)
        imputer = SimpleImputer(**how).fit(X)
        out = imputer.transform(X)
        made = out.compute()
        further = SimpleImputer(**how)
        for size, end in zip(sizes, np.cumsum(sizes), strict=True):
            if size:
                further.partial_fit(frame.iloc[end - size : end])
        marked = MissingIndicator().fit(X).transform(X).compute()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows_out = want.transform(frame)
    found = made.to_numpy(dtype=rows_out.dtype)
    if kind == "numbers":
        np.testing.assert_allclose(found, rows_out, rtol=1e-14)
        np.testing.assert_allclose(
            further.statistics_.astype(float), imputer.statistics_.astype(float), rtol=1e-14
        )
    else:
        np.testing.assert_array_equal(found, rows_out)
        assert list(map(str, further.statistics_)) == list(map(str, imputer.statistics_))
    assert list(out.columns) == list(want.get_feature_names_out())
    np.testing.assert_array_equal(marked, theirs.MissingIndicator().fit_transform(frame))


# Pipelines


def flights(n: int = 240) -> tuple[pd.DataFrame, pd.Series]:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "x": rng.normal(size=n),
            "k": pd.Series(rng.integers(0, 9, n), dtype="Int64"),
            "t": rng.choice(["a", "b"], n).astype(object),
            "c": pd.Series(rng.choice(["u", "v"], n), dtype="category"),
        }
    )
    frame = frame.mask(rng.random(frame.shape) < 0.2)
    y = ((frame["x"].fillna(0) + (frame["t"] == "a")) > 0.5).astype(int)
    index = np.arange(n) * 2
    return frame.set_index(index), y.set_axis(index)


def branches(make: Any) -> ColumnTransformer:
    text = [
        SimpleImputer(strategy="most_frequent"),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    ]
    return ColumnTransformer(
        [
            ("numbers", make(SimpleImputer(strategy="median"), StandardScaler()), ["x", "k"]),
            ("text", make(*text), ["t", "c"]),
            ("gaps", MissingIndicator(features="all"), ["x", "t"]),
        ]
    )


@pytest.mark.parametrize("make", [make_pipeline, their_pipeline])
@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("schedule", ["per-step", "one-pass"])
def test_imputers_before_scalers_and_encoders_in_branches(schedule, lazy, make):
    frame, y = flights()
    want = branches(their_pipeline).fit(frame).transform(frame)
    X: Any = dd.from_pandas(frame, npartitions=4) if lazy else frame
    labels = dd.from_pandas(y, npartitions=4) if lazy else y
    pipe = Pipeline(
        [("columns", branches(make)), ("learner", SGDClassifier(random_state=0))],
        schedule=schedule,
    )
    with dask.config.set(scheduler="sync"):
        pipe.fit(X, labels)
        assert pipe.score(X, labels) > 0.85
        got = pipe[:-1].transform(X)
        got = got.compute() if lazy else got
    np.testing.assert_allclose(np.asarray(got, dtype=float), want, atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("missing", [NAN, -1])
@pytest.mark.parametrize("strategy", ["mean", "median"])
def test_a_scaler_behind_an_imputer_learns_the_rows_as_they_are_filled_in_the_end(
    backend, strategy, missing, keep
):
    """The fills move from block to block: rows are sorted and far from zero."""
    rng = np.random.default_rng(3)
    X = np.sort(rng.normal(size=(300, 3)), axis=0) * [1.0, 10.0, 0.1] + [3.0, 100.0, -2.0]
    X[rng.random(X.shape) < 0.4] = NAN
    X[:, 2] = NAN if keep else X[:, 2]
    X = np.nan_to_num(X, nan=missing)
    how = {"strategy": strategy, "missing_values": missing, "keep_empty_features": keep}
    want = their_pipeline(theirs.SimpleImputer(**how), preprocessing.StandardScaler()).fit(X)
    sizes, y = (50, 0, 1, 149, 100), np.arange(300) % 2
    steps = SimpleImputer(**how), StandardScaler(), SGDClassifier(random_state=0)
    pipe = make_pipeline(*steps, schedule="one-pass")
    pipe.fit(dask_array(X, sizes, backend.asarray), dask_array(y, sizes, backend.asarray))
    scaler, tolerance = pipe[1], 1e3 * backend.eps
    for name in ("mean_", "var_", "scale_"):
        found = backend.to_numpy(getattr(scaler, name))
        np.testing.assert_allclose(found, getattr(want[1], name), rtol=tolerance, atol=tolerance)
    assert np.all(scaler.n_samples_seen_ == 300)
    again = pickle.loads(pickle.dumps(pipe)) if backend.name == "numpy" else pipe
    again.partial_fit(backend.asarray(X), backend.asarray(y))
    np.testing.assert_allclose(
        backend.to_numpy(again[1].var_), want[1].var_, rtol=tolerance, atol=tolerance
    )
    assert np.all(again[1].n_samples_seen_ == 600)


@pytest.mark.parametrize("alone", [0, 1])
def test_a_step_that_was_fitted_alone_counts_the_gaps_of_its_own_rows(alone):
    X, y = numbers()[:, [0, 3]], np.arange(N) % 2
    pipe = make_pipeline(SimpleImputer(), StandardScaler(), SGDClassifier(), schedule="one-pass")
    pipe.fit(X, y)
    own = np.asarray([[1.0, 2.0], [NAN, 3.0]])
    pipe.steps[alone] = ("again", clone(pipe[alone]).fit(own))
    pipe.partial_fit(X, y)
    assert np.all(pipe[1].n_samples_seen_ == ([2 * N, 2 * N] if alone == 0 else [N + 1, N + 2]))
    if alone == 1:  # the same object forgets the gaps that it knew
        pipe[1].fit(own)
        pipe.partial_fit(X, y)
        assert np.all(pipe[1].n_samples_seen_ == [N + 1, N + 2])


def test_a_saved_or_moved_pipeline_goes_on_as_the_original(tmp_path):
    X, y = numbers()[:, [0, 3]], np.arange(N) % 2
    pipe = make_pipeline(SimpleImputer(), StandardScaler(), SGDClassifier(), schedule="one-pass")
    pipe.fit(X, y)
    streamlearn.save(pipe, tmp_path / "pipe")
    others = streamlearn.load(tmp_path / "pipe"), streamlearn.to_namespace(pipe, "numpy")
    pipe.partial_fit(X + 1.0, y)
    for other in others:
        other.partial_fit(X + 1.0, y)
        np.testing.assert_array_equal(other[1].mean_, pipe[1].mean_)
        np.testing.assert_array_equal(other[1].var_, pipe[1].var_)
        assert np.all(other[1].n_samples_seen_ == 2 * N)


def test_a_scaler_behind_an_imputer_is_exact_in_rounds_and_with_columns_left_out():
    """Hundreds of blocks are learned from side by side."""
    rng = np.random.default_rng(0)
    X = rng.normal(np.linspace(0, 9, 40_000)[:, None], 1.0, (40_000, 3))
    X[rng.random(X.shape) < 0.3] = NAN
    X[:, 1] = NAN
    y = (np.nan_to_num(X[:, 0]) > 1).astype(int)
    want = their_pipeline(theirs.SimpleImputer(), preprocessing.StandardScaler()).fit(X)
    chunks = da.from_array(X, chunks=(200, 3)), da.from_array(y, chunks=200)
    pipe = make_pipeline(
        SimpleImputer(), StandardScaler(), SGDClassifier(loss="log_loss", classes=[0, 1])
    ).fit(*chunks)
    np.testing.assert_allclose(pipe[1].mean_, want[1].mean_, rtol=1e-12)
    np.testing.assert_allclose(pipe[1].var_, want[1].var_, rtol=1e-12)


@pytest.mark.parametrize("n_parallel", [1, 2])
@pytest.mark.parametrize("branched", [False, True])
def test_a_column_may_be_all_gaps_in_some_blocks_of_a_round(branched, n_parallel):
    """The states of these blocks alone have fewer columns than the state of the fit."""
    rng = np.random.default_rng(0)
    X = rng.normal(5, 2, size=(6400, 3))
    X[120:, 2], y = NAN, X[:, 0]
    want = their_pipeline(theirs.SimpleImputer(), preprocessing.StandardScaler()).fit(X)
    steps = make_pipeline(SimpleImputer(), StandardScaler())
    if branched:
        steps = make_column_transformer((steps, [0, 1, 2]))
    how = {"learning_rate": "constant", "eta0": 1e-3} if n_parallel > 1 else {}
    model = SGDRegressor(shuffle=False, random_state=0, n_parallel=n_parallel, **how)
    pipe = make_pipeline(steps, model).fit(
        da.from_array(X, chunks=(100, 3)), da.from_array(y, chunks=100)
    )
    scaler = (pipe[0].transformers_[0][1] if branched else pipe[0])[1]
    np.testing.assert_allclose(scaler.mean_, want[1].mean_, rtol=1e-12)
    np.testing.assert_allclose(scaler.var_, want[1].var_, rtol=1e-12)


@pytest.mark.parametrize("schedule", ["per-step", "one-pass"])
@pytest.mark.parametrize("output", ["default", "pandas"])
def test_an_imputer_first(schedule, output):
    frame, y = flights()
    lines = {
        ("x", "k"): [SimpleImputer(keep_empty_features=True), StandardScaler()],
        ("t", "c"): [
            SimpleImputer(strategy="most_frequent", keep_empty_features=True),
            OneHotEncoder(categories=[["a", "b"], ["u", "v"]], sparse_output=False),
        ],
    }
    for columns, steps in lines.items():
        steps[0].set_output(transform=output)
        X, labels = (dd.from_pandas(a, npartitions=4) for a in (frame[list(columns)], y))
        pipe = make_pipeline(*steps, SGDClassifier(random_state=0), schedule=schedule)
        with dask.config.set(scheduler="sync"):
            pipe.fit(X, labels)
            here = theirs.SimpleImputer(strategy=steps[0].strategy, keep_empty_features=True).fit(
                frame[list(columns)].astype(object if "t" in columns else float)
            )
            found = pipe[0].statistics_
            if "t" in columns:
                assert list(found) == list(here.statistics_)
            else:
                np.testing.assert_allclose(found, here.statistics_)
            assert pipe.score(X, labels) > 0.6


def test_arrays_go_through_in_batches():
    """No filled block is built in front of a learner: the function takes any rows."""
    X, y = numbers()[:, [0, 1, 3]], np.arange(N) % 2
    imputer = SimpleImputer().fit(X)
    assert not getattr(imputer._rows_function(), "whole", False)
    blocks_of_rows = dask_array(X, (20, 0, 40)), dask_array(y, (20, 0, 40))
    pipe = make_pipeline(SimpleImputer(), StandardScaler(), SGDClassifier(), schedule="one-pass")
    pipe.fit(*blocks_of_rows)
    np.testing.assert_allclose(pipe[0].statistics_, np.nanmean(X, axis=0))


def test_in_one_pass_columns_that_come_later_are_named_a_fault():
    X = np.ones((60, 2))
    X[:20, 1] = NAN
    X[0, 0] = NAN
    blocks_of_rows = dask_array(X, (20, 40)), dask_array(np.arange(60) % 2, (20, 40))
    how = {"schedule": "one-pass"}
    learner = SGDClassifier(shuffle=False)
    for first in (SimpleImputer(), MissingIndicator(error_on_new=False)):
        if isinstance(first, MissingIndicator):
            later = np.ones((60, 2))
            later[0, 0] = later[30, 1] = NAN
            blocks_of_rows = dask_array(later, (20, 40)), blocks_of_rows[1]
        with pytest.raises(ValueError, match=r"(?s)keep_empty_features=True.*per-step"):
            make_pipeline(first, learner, **how).fit(*blocks_of_rows)
    kept = make_pipeline(SimpleImputer(keep_empty_features=True), learner, **how)
    kept.fit(dask_array(X, (20, 40)), blocks_of_rows[1])
    per_step = make_pipeline(SimpleImputer(), learner, schedule="per-step")
    per_step.fit(dask_array(X, (20, 40)), blocks_of_rows[1])
    alone = make_pipeline(SimpleImputer(), **how).fit(dask_array(X, (20, 40)))
    assert alone[0].statistics_.tolist() == [1, 1]


# What is refused, and the rest


def test_a_function_is_a_strategy_in_memory_only():
    X = numbers()[:, [0, 1]]
    want = theirs.SimpleImputer(strategy=np.max).fit(X)
    got = SimpleImputer(strategy=np.max).fit(X)
    np.testing.assert_array_equal(got.statistics_, want.statistics_)
    np.testing.assert_array_equal(got.transform(X), want.transform(X))
    lazily = got.transform(da.from_array(X, chunks=(20, 2)))
    np.testing.assert_array_equal(lazily.compute(), want.transform(X))
    refused = pytest.raises(TypeError, match="callable strategy needs all values")
    with refused:
        SimpleImputer(strategy=np.max).fit(da.from_array(X, chunks=(20, 2)))
    with refused:
        got.partial_fit(X)
    with refused:
        make_pipeline(SimpleImputer(strategy=np.max), schedule="one-pass").fit(X)


@pytest.mark.complete
@pytest.mark.parametrize(
    ("X", "how", "says"),
    [
        (words(NAN), {}, "(?s)Cannot use mean strategy with non-numeric data.*float"),
        (words(NAN).astype(str), {"strategy": "constant"}, "does not support data with dtype <U"),
        (numbers() > 0, {"strategy": "constant"}, "does not support data with dtype bool"),
        (
            np.asarray([["2024-01-01"]], dtype="datetime64[D]"),
            {"strategy": "most_frequent"},
            "does not support data with dtype datetime64",
        ),
        (mixed(), {"strategy": "constant", "missing_values": "a"}, "contains NaN in column 'text'"),
        (
            words(NAN),
            {"strategy": "constant", "fill_value": 1, "missing_values": "a"},
            "contains NaN in column 0|cannot be cast",
        ),
        (numbers(), {"strategy": "constant", "fill_value": "a"}, "cannot be cast"),
        (numbers(), {"missing_values": None}, "expected to be both numerical|contains NaN"),
    ],
)
@pytest.mark.parametrize("lazy", [False, True])
def test_what_is_refused(X, how, says, lazy):
    if lazy:
        X = (
            dd.from_pandas(X, npartitions=2)
            if isinstance(X, pd.DataFrame)
            else da.from_array(X, chunks=(30, X.shape[1]))
        )
    with (
        dask.config.set(scheduler="sync"),
        pytest.raises((ValueError, TypeError), match=says),
    ):
        SimpleImputer(**how).fit(X)


def test_too_many_values_to_count_are_named(monkeypatch):
    monkeypatch.setattr("streamlearn._validation.categories.MOST_CATEGORIES", 5)
    frame = pd.DataFrame({"key": list("abcdefgh")})
    with pytest.raises(ValueError, match=r"column 'key' has more than 5 .*'mean' or 'median'"):
        SimpleImputer(strategy="most_frequent").fit(dd.from_pandas(frame, npartitions=4))
    SimpleImputer(strategy="constant").fit(frame)


@pytest.mark.parametrize(("strategy", "fill_value"), STRATEGIES[:4])
def test_pickles_clones_and_warns(strategy, fill_value):
    frame = pd.DataFrame(numbers(), columns=list("abcd"))
    imputer = SimpleImputer(strategy=strategy, fill_value=fill_value, add_indicator=True)
    imputer.fit(dd.from_pandas(frame, npartitions=3))
    with pytest.warns(UserWarning, match=r"without any observed values: \['c'\]"):
        want = imputer.transform(frame)
    copy = pickle.loads(pickle.dumps(imputer))
    np.testing.assert_array_equal(copy.transform(frame), want)
    assert clone(imputer).get_params().keys() == imputer.get_params().keys()
    assert list(frame.columns) == list(imputer.feature_names_in_)
    names = ["a", "b", "d", "missingindicator_a", "missingindicator_b", "missingindicator_c"]
    assert list(imputer.get_feature_names_out()) == names
    made = imputer.set_output(transform="pandas").transform(frame)
    assert list(made.columns) == names


def test_what_stands_for_missing_values_is_what_it_was_in_fit():
    X = np.asarray([[1.0, np.nan], [2.0, 3.0], [np.nan, 5.0]])
    imputer, indicator = SimpleImputer(add_indicator=True).fit(X), MissingIndicator().fit(X)
    filled = imputer.transform(X)
    for estimator in (imputer, indicator):
        estimator.set_params(missing_values=1)
    np.testing.assert_array_equal(imputer.transform(X), filled)
    np.testing.assert_array_equal(imputer.inverse_transform(filled), X)
    for each in (indicator, imputer.indicator_):
        np.testing.assert_array_equal(each.transform(X), np.isnan(X))


def test_blocks_of_another_library_from_a_source_are_filled():
    xp = pytest.importorskip("array_api_strict")
    X = from_blocks([xp.asarray([[1.0], [np.nan]]), xp.asarray([[3.0]])])
    found = [np.asarray(block) for block in SimpleImputer().fit(X).transform(X)]
    np.testing.assert_array_equal(np.concatenate(found), [[1.0], [2.0], [3.0]])
