"""What a block may hold: numbers of any kind become arrays, all else is refused by name."""

from __future__ import annotations

import dask
import dask.array as da
import dask.bag
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest

from streamlearn._validation.reader import Reader, same_place_or_raise
from streamlearn.linear_model import SGDClassifier, SGDRegressor
from streamlearn.preprocessing import StandardScaler

READER = Reader("SomeEstimator", 2)
ROWS = [[1, 2], [3, 4]]


@pytest.mark.complete
@pytest.mark.parametrize(
    "x",
    [
        ROWS,
        np.array(ROWS),
        np.array(ROWS, dtype=np.int8),
        np.array(ROWS, dtype=np.float16),
        np.array(ROWS, dtype=np.longdouble),
        np.array(ROWS, dtype=object),
        np.array(ROWS).astype(str),
        pd.DataFrame(ROWS),
        pd.DataFrame({"a": pd.array([1, 3], dtype="Int64"), "b": [2.0, 4.0]}),
        pd.DataFrame({"a": ["1", "3"], "b": pd.Categorical([2, 4])}),
    ],
    ids=lambda x: f"{type(x).__name__}-{getattr(x, 'dtype', '')}",
)
def test_numbers_of_any_kind_are_read_as_float64(x):
    out = READER.rows(x)
    assert out.dtype == np.float64
    np.testing.assert_array_equal(out, ROWS)


def test_float32_stays_float32():
    for x in (np.array(ROWS, dtype="f"), pd.DataFrame(ROWS, dtype="f")):
        assert READER.rows(x).dtype == np.float32
    mixed = pd.DataFrame({"a": np.array([1, 3], dtype="f"), "b": [2.0, 4.0]})
    assert READER.rows(mixed).dtype == np.float64


def test_arrays_stay_where_they_are(backend):
    for x, want in ((np.array(ROWS), backend.widest), (np.array(ROWS, dtype="f"), "float32")):
        backend.check(READER.rows(backend.asarray(x)), want)
    flags = READER.rows(backend.asarray([[True, False]]))
    backend.check(flags, backend.widest)
    np.testing.assert_array_equal(backend.to_numpy(flags), [[1.0, 0.0]])


def test_float_arrays_are_not_copied_where_rows_lie_side_by_side():
    x = np.ones((3, 2))
    assert READER.rows(x) is x
    assert READER.rows(x[1:]).base is x


DATES = pd.DataFrame({"a": pd.date_range("2020-01-01", periods=2), "b": [1, 2]})


@pytest.mark.complete
@pytest.mark.parametrize(
    ("x", "error", "says"),
    [
        (np.array([["a", "b"]]), ValueError, "Block 4 of X has dtype <U1 in column 0 and is not"),
        (
            np.array([[{}, 1]], dtype=object),
            TypeError,
            "dtype object in column 0 and is not numeric",
        ),
        (np.array([[1j, 2]]), ValueError, "Complex data not supported: Block 4 of X"),
        (DATES, TypeError, "dtype datetime64.*in column .a. and is not numeric"),
        (
            DATES.to_numpy(dtype="datetime64[s]"),
            TypeError,
            "dtype datetime64.*not numeric",
        ),
        (DATES.diff()[["a", "a"]], TypeError, "timedelta"),
        (pd.DataFrame({"a": ["x"], "b": [1]}), ValueError, "not numeric: could not convert"),
        (pd.DataFrame({"a": [1j], "b": [1]}), ValueError, "Complex data not supported"),
        (np.ones((3, 3)), ValueError, r"Block 4 of X has shape \(3, 3\).*expecting 2 features"),
        (np.ones(2), ValueError, r"Block 4 of X has shape \(2,\)"),
        (np.array([[1, np.nan]]), ValueError, "Input X contains NaN in block 4"),
        (np.array([[1, np.inf]]), ValueError, "Input X contains infinity in block 4"),
        (np.array([[np.inf, -np.inf]]), ValueError, "Input X contains infinity in block 4"),
        (np.array([[np.inf, np.nan]]), ValueError, "Input X contains NaN in block 4"),
    ],
)
def test_what_is_no_table_of_numbers_is_refused(x, error, says):
    with pytest.raises(error, match=f"(?s){says}"):
        READER.rows(x, 4)


def test_columns_are_compared_by_name():
    reader = READER._replace(names=("a", "b"))
    reader.rows(pd.DataFrame(ROWS, columns=["a", "b"]), 0)
    with pytest.raises(ValueError, match=r"Block 3 of X has the columns \['b', 'a'\].*'b'\]"):
        reader.rows(pd.DataFrame(ROWS, columns=["b", "a"]), 3)


def test_nan_where_it_is_allowed():
    gap = np.array([[1, np.nan]])
    assert READER._replace(allow_nan=True).rows(gap) is gap
    with pytest.raises(ValueError, match="infinity"):
        READER._replace(allow_nan=True).rows(np.array([[np.nan, np.inf]]))


@pytest.mark.parametrize("name", ["y", "sample_weight"])
def test_targets_and_weights_that_are_no_numbers(name):
    X = da.from_array(np.ones((4, 2)), chunks=(2, 2))
    good = np.arange(4.0)
    for wrong, error, says in [
        (np.array(list("abcd")), ValueError, "not numeric"),
        (good + 1j, ValueError, "Complex data not supported"),
        (np.array(good, dtype="datetime64[s]"), TypeError, "not numeric"),
        (np.stack([good, good], axis=1), ValueError, r"should be a 1d array.*\(2, 2\)"),
        (np.where(good > 2, np.nan, good), ValueError, f"{name} contains NaN in block 1"),
    ]:
        given = {"y": good, name: da.from_array(wrong, chunks=2)}
        with pytest.raises(error, match=says) as raised:
            SGDRegressor().fit(X, **given)
        assert name in str(raised.value)
    with pytest.raises(TypeError, match=f"{name} must hold one value for each row"):
        SGDRegressor().fit(X, **{"y": good, name: 5})


@pytest.mark.parametrize(
    "X",
    [
        dask.delayed(np.ones((4, 2))),
        dask.bag.from_sequence([1, 2], npartitions=1),
    ],
    ids=["delayed", "bag"],
)
def test_other_collections_are_refused_before_anything_runs(X):
    fitted = StandardScaler().fit(np.ones((4, 2)))
    for call in (
        lambda: StandardScaler().fit(X),
        lambda: SGDClassifier().fit(X, np.ones(4)),
        lambda: fitted.transform(X),
        lambda: SGDRegressor().fit(da.ones((4, 2)), X),
    ):
        with pytest.raises(TypeError, match="Give a dask array, DataFrame or Series"):
            call()


def test_frames_hold_numbers_of_any_kind():
    frame = pd.DataFrame({"a": [True, False] * 3, "b": pd.array([1, 2, None] * 2, dtype="Int64")})
    scaler = StandardScaler().fit(dd.from_pandas(frame, npartitions=2))
    np.testing.assert_array_equal(scaler.mean_, [0.5, 1.5])
    np.testing.assert_array_equal(scaler.n_samples_seen_, [6, 4])
    with pytest.raises(ValueError, match="Expected 2D array, got 1D Series"):
        StandardScaler().fit(dd.from_pandas(frame, npartitions=2)["a"])


def test_another_place_is_named(backend):
    import array_api_strict

    there = array_api_strict.asarray([1.0], device=array_api_strict.Device("device2"))
    here = backend.asarray([1.0])
    same_place_or_raise(here, here, "SomeEstimator", "predict")
    with pytest.raises(ValueError, match=r"SomeEstimator\.predict\(\) must use.*device2") as raised:
        same_place_or_raise(here, there, "SomeEstimator", "predict")
    assert "array_api_strict" in str(raised.value)
