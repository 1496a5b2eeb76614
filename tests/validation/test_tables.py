"""Frames: what columns hold is judged by their dtypes, and errors name the column."""

from __future__ import annotations

import datetime as dt
import decimal
from typing import Any

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse as sp
from sklearn import linear_model as theirs
from sklearn.base import clone

from streamlearn._validation.tables import is_date, numbers_of
from streamlearn.linear_model import SGDClassifier, SGDRegressor
from streamlearn.neural_network import MLPRegressor
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import PowerTransformer, StandardScaler
from streamlearn.wrappers import Incremental, ParallelPostFit
from tests.containers import blocks_of, dask_array

pa = pytest.importorskip("pyarrow")

DAYS = pd.Series(pd.date_range("2020-01-01", periods=6))
DATES = {
    "datetime64": DAYS,
    "with a time zone": DAYS.dt.tz_localize("Europe/Paris"),
    "timedelta64": DAYS - DAYS[0],
    "arrow timestamp": DAYS.astype("timestamp[us][pyarrow]"),
    "arrow duration": (DAYS - DAYS[0]).astype("duration[us][pyarrow]"),
    "arrow date": DAYS.dt.date.astype("date32[pyarrow]"),
    "categories of dates": DAYS.astype("category"),
    "categories of arrow timestamps": DAYS.astype("timestamp[us][pyarrow]").astype("category"),
}
OTHERS = {
    "arrow time": DAYS.dt.time.astype("time64[us][pyarrow]"),
    "periods": DAYS.dt.to_period("D"),
    "arrow lists": pd.Series([[1]] * 6, dtype=pd.ArrowDtype(pa.list_(pa.int64()))),
    "text": pd.Series(["blue"] * 6),
    "arrow text": pd.Series(["blue"] * 6, dtype="string[pyarrow]"),
    "categories of text": pd.Series(["blue"] * 6, dtype="category"),
    "objects": pd.Series([{}] * 6),
}
SOME = [1, 0, None, 1, 0, 1]
NUMBERS = {
    "arrow decimals": pd.Series(
        [None if v is None else decimal.Decimal(v) for v in SOME],
        dtype=pd.ArrowDtype(pa.decimal128(5, 2)),
    ),
    "arrow booleans": pd.Series(SOME, dtype="bool[pyarrow]"),
    "arrow integers": pd.Series(SOME, dtype="int64[pyarrow]"),
    "arrow floats": pd.Series(SOME, dtype="float[pyarrow]"),
    "nullable integers": pd.Series(SOME, dtype="Int64"),
    "nullable floats": pd.Series(SOME, dtype="Float32"),
    "nullable booleans": pd.Series([None if v is None else bool(v) for v in SOME], dtype="boolean"),
    "categories of numbers": pd.Series(SOME, dtype="category"),
    "text that spells numbers": pd.Series(
        [None if v is None else str(v) for v in SOME], dtype="string"
    ),
    "objects": pd.Series([pd.NA if v is None else v for v in SOME], dtype=object),
    "sparse": pd.Series(pd.arrays.SparseArray([np.nan if v is None else v for v in SOME])),
    "floats": pd.Series(SOME, dtype=float),
}


def lazily(frame: Any) -> Any:
    return dd.from_pandas(frame, npartitions=2)


def as_it_is(frame: Any) -> Any:
    return frame


@pytest.mark.parametrize("where", [as_it_is, lazily], ids=["in memory", "dask"])
@pytest.mark.parametrize("kind", [*DATES, *OTHERS])
def test_what_is_no_number_is_refused_by_the_name_of_its_column(kind, where):
    """Alone and with numbers, in fit, partial_fit, transform and predict."""
    column = {**DATES, **OTHERS}[kind]
    error = TypeError if kind in DATES else (TypeError, ValueError)
    y = pd.Series(np.arange(6.0))
    numbers = pd.DataFrame({"size": y, "when": y})
    scaler, model = StandardScaler().fit(numbers), SGDRegressor(random_state=0).fit(numbers, y)
    for bad in (pd.DataFrame({"size": y, "when": column}), pd.DataFrame({"when": column})):
        X = where(bad)
        calls = [
            lambda X=X: StandardScaler().fit(X),
            lambda X=X: SGDRegressor().partial_fit(X, where(y)),
            lambda X=X: make_pipeline(StandardScaler(), SGDRegressor()).fit(X, where(y)),
        ]
        if len(bad.columns) == 2:
            calls += [
                lambda X=X: blocks_of(scaler.transform(X)),
                lambda X=X: blocks_of(model.predict(X)),
            ]
        for call in calls:
            with pytest.raises(error) as raised:
                call()
            said = " ".join([str(raised.value), *getattr(raised.value, "__notes__", ())])
            assert "'when'" in said
            assert "size" not in said
            assert (
                "Make a column of each" if kind == "arrow lists" else "Encode it as numbers first"
            ) in said


@pytest.mark.parametrize("kind", DATES)
def test_a_target_of_dates_is_refused(kind):
    X, y = pd.DataFrame({"size": np.arange(6.0)}), DATES[kind]
    for model in (SGDRegressor(), MLPRegressor(max_iter=1)):
        with pytest.raises(TypeError, match=r"y has dtype .* and is not numeric\. Encode it"):
            model.fit(lazily(X), lazily(y))
    for where in (as_it_is, lazily):
        with pytest.raises(TypeError, match=r"sample_weight has dtype .* and is not numeric"):
            SGDRegressor().fit(where(X), where(X["size"]), sample_weight=where(y))


@pytest.mark.parametrize("where", [as_it_is, lazily], ids=["in memory", "dask"])
def test_arrays_of_dates_are_refused(where):
    x = np.arange(6).astype("datetime64[s]")[:, None]
    X = x if where is as_it_is else dask_array(x, (2, 4))
    with pytest.raises(TypeError, match=r"X has dtype datetime64\[s\] and is not numeric"):
        StandardScaler().fit(X)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(list(NUMBERS)), min_size=1, max_size=4))
def test_numbers_of_every_kind_are_numbers_and_missing_ones_nan(kinds):
    frame = pd.DataFrame({f"c{j}": NUMBERS[kind] for j, kind in enumerate(kinds)})
    known = np.asarray(SOME, dtype=float)[:, None].repeat(len(kinds), axis=1)
    np.testing.assert_array_equal(numbers_of(frame, "X"), known)
    np.testing.assert_array_equal(numbers_of(frame["c0"], "y"), known[:, 0])
    if kinds != ["sparse"] * len(kinds):  # these would be centred
        scaler = StandardScaler().fit(lazily(frame))
        np.testing.assert_array_equal(scaler.n_samples_seen_, 5)
        np.testing.assert_allclose(scaler.mean_, 0.6)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
@pytest.mark.parametrize("where", [as_it_is, lazily], ids=["in memory", "dask"])
@pytest.mark.parametrize("rate", ["auto", "optimal"])
def test_what_is_not_finite_is_refused_by_the_name_of_its_column(wrong, where, rate):
    rng = np.random.default_rng(0)
    good = pd.DataFrame(rng.normal(size=(40, 3)), columns=["a", "b", "c"])
    y = pd.Series(np.arange(40) % 2)
    bad = good.copy()
    bad.loc[33, "b"] = wrong
    model = SGDClassifier(learning_rate=rate, random_state=0).fit(good, y)
    calls = [
        lambda: SGDClassifier(learning_rate=rate).fit(where(bad), where(y)),
        lambda: SGDClassifier(learning_rate=rate).partial_fit(where(bad), where(y), [0, 1]),
        lambda: blocks_of(model.predict(where(bad))),
        lambda: model.score(where(bad), where(y)),
    ]
    # In memory the scaler makes arrays, whose columns have no names.
    for schedule in ("one-pass",) if where is as_it_is else ("one-pass", "per-step"):
        pipe = make_pipeline(StandardScaler(), clone(model), schedule=schedule)
        calls.append(lambda pipe=pipe: pipe.fit(where(bad), where(y)))
    if np.isinf(wrong):
        calls.append(lambda: StandardScaler().fit(where(bad)))
    for call in calls:
        with pytest.raises(ValueError, match="Input X contains") as raised:
            call()
        said = " ".join([str(raised.value), *getattr(raised.value, "__notes__", ())])
        assert "column 'b'" in said


@pytest.mark.parametrize("wrong", [np.nan, "blue"])
def test_the_column_is_named_of_what_another_estimator_refuses(wrong):
    good = pd.DataFrame({"a": np.arange(40.0), "b": np.arange(40.0)})
    bad = good.astype({"b": object})
    bad.loc[33, "b"] = wrong
    y = pd.Series(np.arange(40) % 2)
    model = theirs.SGDClassifier(random_state=0)
    answers = ParallelPostFit(clone(model).fit(good, y))
    for call in (
        lambda: Incremental(model, classes=[0, 1]).fit(lazily(bad), lazily(y)),
        lambda: blocks_of(answers.predict(lazily(bad))),
    ):
        with pytest.raises(ValueError, match=r"contains NaN|could not convert") as raised:
            call()
        assert "The column 'b' " in " ".join(raised.value.__notes__)


# pandas' sparse columns


def test_frames_of_sparse_columns_stay_sparse():
    X = sp.random(200, 30, 0.05, format="csr", random_state=0)
    y = pd.Series(np.arange(200) % 2)
    frame = pd.DataFrame.sparse.from_spmatrix(X).rename(columns=str)
    for rows in (frame, lazily(frame)):
        with pytest.raises(ValueError, match="Cannot center sparse matrices"):
            StandardScaler().fit(rows)
        with pytest.raises(TypeError, match="Sparse data was passed"):
            PowerTransformer().fit(rows)
        scaler = StandardScaler(with_mean=False).fit(rows)
        np.testing.assert_allclose(scaler.var_, X.toarray().var(axis=0))
        made = scaler.transform(rows)
        assert all(map(sp.issparse, [made] if rows is frame else blocks_of(made)))
    known = SGDClassifier(random_state=0).fit(dask_array(X.toarray(), (100, 100)), lazily(y))
    found = SGDClassifier(random_state=0).fit(lazily(frame), lazily(y))
    np.testing.assert_allclose(found.coef_, known.coef_, rtol=1e-6)
    np.testing.assert_array_equal(found.predict(lazily(frame)).compute(), known.predict(X))


# polars


def test_polars_frames_are_frames():
    pl = pytest.importorskip("polars")
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 2)), np.arange(60) % 2
    frame = pl.DataFrame({"a": x[:, 0], "b": x[:, 1]})
    blocks = dask_array(x, (20, 0, 40), make=lambda rows: pl.DataFrame(rows, schema=["a", "b"]))
    labels = dask_array(y, (20, 0, 40), make=pl.Series)
    known = SGDClassifier(random_state=0).fit(
        dask_array(x, (20, 0, 40)), dask_array(y, (20, 0, 40))
    )
    found = SGDClassifier(random_state=0).fit(blocks, labels)
    np.testing.assert_allclose(found.coef_, known.coef_, rtol=1e-12)
    assert found.score(blocks, labels) == known.score(x, y)
    known = SGDClassifier(random_state=0).fit(x, y)
    found = SGDClassifier(random_state=0).fit(frame, pl.Series(y))
    assert list(found.feature_names_in_) == ["a", "b"]
    np.testing.assert_array_equal(found.predict(frame), known.predict(x))
    assert found.score(frame, pl.Series(y)) == known.score(x, y)


def test_polars_numbers_and_what_is_none():
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame(
        {
            "i": [1, None],
            "d": [decimal.Decimal("1.5"), None],
            "b": [True, None],
            "s": ["1", None],
            "f": pl.Series([1.0, None], dtype=pl.Float32),
        }
    )
    found = numbers_of(frame, "X")
    np.testing.assert_array_equal(found, [[1, 1.5, 1, 1, 1], [np.nan] * 5])
    day = dt.datetime(2020, 1, 1)
    for column in ([day], [day.date()], [day.time()], [day - day]):
        with pytest.raises(TypeError, match=r"dtype .* in column 't' and is not numeric"):
            StandardScaler().fit(pl.DataFrame({"a": [1.0], "t": column}))
    with pytest.raises(ValueError, match="in column 's' and is not numeric"):
        numbers_of(pl.DataFrame({"a": [1.0], "s": ["blue"]}), "X")
    y = pl.Series(["a", None])
    with pytest.raises(ValueError, match="y contains NaN or None"):
        SGDClassifier().fit(
            dask_array(np.ones((2, 1)), (2,)), dask_array(np.ones(2), (2,), make=lambda _: y)
        )


def test_dates_are_told_by_what_they_are():
    assert not is_date(np.dtype("int64"))
    assert not is_date(pd.CategoricalDtype([1, 2]))
    assert is_date(pd.DatetimeTZDtype(tz="UTC"))
