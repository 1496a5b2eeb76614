"""DatetimeEncoder: every part of a date, in every container, against pandas."""

from __future__ import annotations

import pickle

import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError

from streamlearn.linear_model import SGDClassifier
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import DatetimeEncoder, StandardScaler
from tests.containers import blocks_of, dask_array

PARTS = ["year", "month", "day", "hour", "minute", "second", "microsecond", "nanosecond"]
PERIODS = {"month": 12, "day": 30, "hour": 24, "weekday": 7}

DATES = pd.Series(
    pd.to_datetime(
        [
            "2024-02-29 13:05:06.123456789",
            None,
            "1969-12-31 23:59:59.5",
            "2000-01-01",
            "1900-03-01 00:00:01",
            "2023-12-31 12:30",
        ],
        format="ISO8601",
    ).astype("datetime64[ns]")
)


def by_pandas(dates: pd.Series, part: str) -> np.ndarray:
    """Return a number of each date as pandas knows it."""
    if part == "weekday":
        return (dates.dt.day_of_week + 1).to_numpy().astype(float)
    if part == "day_of_year":
        return dates.dt.day_of_year.to_numpy().astype(float)
    if part == "total_seconds":
        zone = dates.dt.tz
        epoch = pd.Timestamp("1970-01-01", tz=None if zone is None else "UTC")
        return (dates - epoch).dt.total_seconds().to_numpy()
    return getattr(dates.dt, part).to_numpy().astype(float)


def wanted(dates: pd.Series, encoder: DatetimeEncoder) -> dict[str, np.ndarray]:
    """Return all columns of one column by name."""
    resolution = encoder.resolution
    parts = [] if resolution is None else PARTS[: PARTS.index(resolution) + 1]
    parts += ["total_seconds"] * encoder.add_total_seconds + ["weekday"] * encoder.add_weekday
    parts += ["day_of_year"] * encoder.add_day_of_year
    out = {part: by_pandas(dates, part) for part in parts}
    if encoder.periodic_encoding == "circular":
        for part in [part for part in ("month", "day", "hour", "weekday") if part in out]:
            angle = 2 * np.pi * out.pop(part) / PERIODS[part]
            out |= {f"{part}_circular_0": np.sin(angle), f"{part}_circular_1": np.cos(angle)}
    return out


@pytest.mark.parametrize("zone", [None, "Europe/Paris", "America/St_Johns"])
@pytest.mark.parametrize("periodic", [None, "circular"])
@pytest.mark.parametrize("total", [True, False])
@pytest.mark.parametrize("days", [(False, False), (True, False), (True, True)])
@pytest.mark.parametrize("resolution", [None, *PARTS])
def test_every_part_is_that_of_pandas(resolution, days, total, periodic, zone):
    encoder = DatetimeEncoder(
        resolution=resolution,
        add_weekday=days[0],
        add_day_of_year=days[1],
        add_total_seconds=total,
        periodic_encoding=periodic,
    )
    frame = pd.DataFrame({"at": DATES, "then": DATES[::-1].to_numpy()})
    if zone is not None:
        frame = frame.apply(lambda column: column.dt.tz_localize("UTC").dt.tz_convert(zone))
    if resolution is None and not (any(days) or total):
        with pytest.raises(ValueError, match="No column is asked for"):
            encoder.fit(frame)
        return
    want = {
        f"{name}_{part}": numbers
        for name, column in frame.items()
        for part, numbers in wanted(column, encoder).items()
    }
    out = encoder.fit_transform(frame)
    assert out.dtype == np.float64
    assert list(encoder.get_feature_names_out()) == list(want)
    np.testing.assert_allclose(out, np.stack(list(want.values()), axis=1), rtol=1e-15, atol=1e-14)


@pytest.mark.parametrize("periodic", [None, "circular"])
@pytest.mark.parametrize(
    "parts", [["hour"], ("weekday", "year"), ["day_of_year", "total_seconds", "minute", "month"]]
)
def test_chosen_parts_are_the_only_columns(parts, periodic):
    encoder = DatetimeEncoder(parts=parts, periodic_encoding=periodic)
    frame = DATES.to_frame("at")
    out = encoder.fit_transform(dd.from_pandas(frame, npartitions=2)).compute(scheduler="sync")
    plain = [part for part in parts if periodic is None or part not in PERIODS]
    names = [f"at_{part}" for part in plain]
    for part in (part for part in parts if part not in plain):
        names += [f"at_{part}_circular_0", f"at_{part}_circular_1"]
    assert list(out.columns) == names
    for part in plain:
        np.testing.assert_array_equal(out[f"at_{part}"], by_pandas(DATES, part))


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"parts": ["hours"]}, r"must hold different ones of .*'hour'.*Got \['hours'\]"),
        ({"parts": ["hour", "hour"]}, "must hold different ones"),
        ({"parts": "hour"}, "'parts' parameter"),
        ({"parts": []}, "No column is asked for: set parts"),
        ({"parts": ["hour"], "resolution": "day"}, "Leave resolution out, or leave parts out"),
        ({"parts": ["hour"], "add_weekday": True}, "Leave add_weekday out, or leave parts out"),
    ],
)
def test_parts_that_cannot_be_are_refused(how, says):
    with pytest.raises(ValueError, match=says):
        DatetimeEncoder(**how).fit(DATES.to_frame("at"))


def test_names_and_numbers_of_skrub():
    """What skrub 0.11 makes of a column, and of periods as splines."""
    frame = DATES[:3].to_frame("when").replace(DATES[0], pd.Timestamp("2020-02-29 13:05:06"))
    encoder = DatetimeEncoder(add_weekday=True, periodic_encoding="spline").fit(frame)
    names = list(encoder.get_feature_names_out())
    assert names[:4] == [
        "when_year",
        "when_total_seconds",
        "when_month_spline_00",
        "when_month_spline_01",
    ]
    assert names[14:19] == [*(f"when_day_spline_{i}" for i in range(4)), "when_hour_spline_00"]
    assert names[-1] == "when_weekday_spline_6"
    out = encoder.transform(frame)
    assert out.shape == (3, 2 + 12 + 4 + 12 + 7)
    assert np.isnan(out[1]).all()
    sixth = [0, 0, 1 / 6, 2 / 3, 1 / 6, 0, 0, 0, 0, 0, 0, 0]
    np.testing.assert_allclose(out[0, 2:14], sixth, atol=1e-12)
    day = [0.24103703704, 0.65007407407, 0.10849382716, 0.00039506173]
    np.testing.assert_allclose(out[0, 14:18], day, atol=1e-10)
    hour = [0, 0, 0, 0, 0, 0, 1 / 48, 23 / 48, 23 / 48, 1 / 48, 0, 0]
    np.testing.assert_allclose(out[0, 18:30], hour, atol=1e-12)
    np.testing.assert_allclose(out[:, 2:14].sum(axis=1)[[0, 2]], 1)
    X = dd.from_map(lambda n: frame.iloc[:n], [3, 0], meta=frame[:0])
    lazily = encoder.transform(X).compute(scheduler="sync")
    np.testing.assert_array_equal(lazily, out)


CONTAINERS = {
    "ns": lambda s: s.to_frame("at"),
    "us": lambda s: s.astype("datetime64[us]").to_frame("at"),
    "s": lambda s: s.astype("datetime64[s]").to_frame("at"),
    "numpy ns": lambda s: s.to_numpy()[:, None],
    "numpy s": lambda s: s.to_numpy().astype("datetime64[s]")[:, None],
    "numpy minutes": lambda s: s.to_numpy().astype("datetime64[m]")[:, None],
    "numpy days": lambda s: s.to_numpy().astype("datetime64[D]")[:, None],
    "numpy months": lambda s: s.to_numpy().astype("datetime64[M]")[:, None],
    "numpy ps": lambda s: s[2:3].to_numpy().astype("datetime64[ps]")[:, None],
    "polars": lambda s: pl.DataFrame({"at": s.to_numpy()}),
    "polars us": lambda s: pl.DataFrame({"at": s.to_numpy().astype("datetime64[us]")}),
    "polars date": lambda s: pl.DataFrame({"at": s.to_numpy()}).cast({"at": pl.Date}),
    "pyarrow": lambda s: pa.table({"at": pa.array(s.to_numpy())}),
    "pyarrow date": lambda s: pa.table({"at": pa.array(s.to_numpy()).cast("date32", safe=False)}),
    "arrow in pandas": lambda s: s.astype("timestamp[ns][pyarrow]").to_frame("at"),
    "arrow dates in pandas": lambda s: s.dt.floor("D").astype("date32[pyarrow]").to_frame("at"),
}


@pytest.mark.complete
@pytest.mark.parametrize("name", CONTAINERS)
def test_every_container(name):
    X = CONTAINERS[name](DATES)
    encoder = DatetimeEncoder(resolution="second", add_weekday=True).fit(X)
    dates = DATES.iloc[2:3] if name == "numpy ps" else DATES
    if "date" in name or "days" in name:
        dates = dates.dt.floor("D")
    elif name.endswith(" s") or name == "s":
        dates = dates.dt.floor("s")
    elif "minutes" in name:
        dates = dates.dt.floor("min")
    elif "us" in name:
        dates = dates.dt.floor("us")
    elif "months" in name:
        dates = dates.dt.to_period("M").dt.to_timestamp()
    want = np.stack(list(wanted(dates, encoder).values()), axis=1)
    np.testing.assert_allclose(encoder.transform(X), want, rtol=1e-15)
    first = "x0" if name.startswith("numpy") else "at"
    assert encoder.get_feature_names_out()[0] == f"{first}_year"


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow", "arrow in pandas"])
def test_time_zones(kind):
    dates = DATES.dt.tz_localize("UTC").dt.tz_convert("America/St_Johns")
    X = dates.to_frame("at")
    if kind == "polars":
        X = pl.from_pandas(X)
    elif kind == "pyarrow":
        X = pa.Table.from_pandas(X)
    elif kind == "arrow in pandas":
        X = X.astype("timestamp[ns, America/St_Johns][pyarrow]")
    encoder = DatetimeEncoder(resolution="nanosecond", add_day_of_year=True).fit(X)
    want = np.stack(list(wanted(dates, encoder).values()), axis=1)
    np.testing.assert_allclose(encoder.transform(X), want, rtol=1e-15)


def many(n: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    seconds = rng.integers(-(10**9), 10**9, (n, 2))
    frame = pd.DataFrame(seconds.astype("datetime64[s]"), columns=["start", "end"])
    frame.loc[3, "end"] = pd.NaT
    frame["distance"] = rng.normal(size=n)
    return frame.set_index(np.arange(n) * 7)


def test_dask_frames_come_out_lazily_with_names_and_index():
    frame = many()
    X = dd.from_pandas(frame, npartitions=4)[["start", "end"]]
    encoder = DatetimeEncoder(periodic_encoding="circular").fit(X)
    out = encoder.transform(X)
    assert isinstance(out, dd.DataFrame)
    made = out.compute()
    assert list(made.columns) == list(encoder.get_feature_names_out())
    assert list(made.dtypes) == list(out.dtypes)
    assert made.index.equals(frame.index)
    np.testing.assert_array_equal(made, encoder.transform(frame[["start", "end"]]))
    one = DatetimeEncoder().set_output(transform="pandas").fit(X).transform(X).compute()
    assert one.columns[0] == "start_year"


def test_dask_arrays_with_empty_blocks():
    x = many(200)[["start", "end"]].to_numpy()
    X = dask_array(x)
    encoder = DatetimeEncoder().fit(X)
    out = encoder.transform(X)
    assert isinstance(out, da.Array)
    assert out.dtype == np.float64
    np.testing.assert_array_equal(np.concatenate(blocks_of(out)), encoder.transform(x))


@pytest.mark.parametrize("schedule", ["per-step", "one-pass"])
def test_in_a_pipeline_with_a_learner(schedule):
    frame = many(400).fillna({"end": pd.Timestamp("2000-01-01")})
    y = pd.Series((frame["start"].dt.hour > 11).astype(int), index=frame.index)
    columns = ColumnTransformer(
        [
            ("dates", DatetimeEncoder(periodic_encoding="circular"), ["start", "end"]),
            ("rest", StandardScaler(), ["distance"]),
        ]
    )
    pipe = make_pipeline(
        columns, StandardScaler(), SGDClassifier(loss="log_loss", random_state=0), schedule=schedule
    )
    X, labels = (dd.from_pandas(a, npartitions=4) for a in (frame, y))
    pipe.fit(X, labels)
    assert pipe.score(X, labels) > 0.9
    whole = make_pipeline(DatetimeEncoder(), StandardScaler(), schedule=schedule)
    whole.fit(X[["start", "end"]])
    dates = DatetimeEncoder().fit_transform(frame[["start", "end"]])
    np.testing.assert_allclose(whole[-1].mean_, dates.mean(axis=0))


@pytest.mark.parametrize("kind", ["polars", "pyarrow", "numpy"])
def test_one_pass_in_memory(kind):
    frame = many()[["start"]]
    X = {
        "polars": pl.from_pandas,
        "pyarrow": lambda f: pa.Table.from_pandas(f, preserve_index=False),
        "numpy": lambda f: f.to_numpy(),
    }[kind](frame)
    pipe = make_pipeline(DatetimeEncoder(), StandardScaler(), schedule="one-pass").fit(X)
    dates = DatetimeEncoder().fit_transform(frame)
    np.testing.assert_allclose(pipe[-1].mean_, dates.mean(axis=0))


@settings(max_examples=20)
@given(
    stamps=st.lists(st.one_of(st.none(), st.integers(-(2**40), 2**40)), min_size=1, max_size=30),
    unit=st.sampled_from(["s", "ms", "us", "ns"]),
    npartitions=st.integers(1, 4),
    periodic=st.sampled_from([None, "circular"]),
)
def test_any_dates_in_any_partitions(stamps, unit, npartitions, periodic):
    per = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**6}[unit]
    numbers = [np.iinfo(np.int64).min if s is None else s // 2**8 * per for s in stamps]
    dates = pd.Series(np.asarray(numbers, dtype=np.int64).view(f"datetime64[{unit}]"))
    encoder = DatetimeEncoder(resolution="nanosecond", add_weekday=True, periodic_encoding=periodic)
    X = dd.from_pandas(dates.to_frame("at"), npartitions=npartitions)
    out = encoder.fit(X).transform(X).compute(scheduler="sync")
    for part, want in wanted(dates, encoder).items():
        np.testing.assert_allclose(out[f"at_{part}"], want, rtol=1e-14, atol=1e-12)


@pytest.mark.complete
@pytest.mark.parametrize(
    ("X", "says"),
    [
        (pd.DataFrame({"at": ["2020-01-01"]}), "Column 'at' of X has dtype .*to_datetime"),
        (pd.DataFrame({"at": [1.0]}), "dtype float64"),
        (np.asarray([[1.0]]), "Column 0 of X has dtype float64"),
        (pd.DataFrame({"at": pd.to_timedelta([1], unit="s")}), "dtype timedelta64"),
        (pl.DataFrame({"at": ["a"]}), "dtype String"),
        (pa.table({"at": [1]}), "dtype int64"),
        (dd.from_pandas(pd.DataFrame({"at": [1.0]}), npartitions=1), "dtype float64"),
        (da.ones((3, 1)), "dtype float64"),
        (DATES.to_frame("at")[:0], "0 sample"),
        (DATES.to_numpy(), "Expected 2D"),
    ],
)
def test_what_holds_no_dates_is_refused(X, says):
    with pytest.raises(ValueError, match=f"(?i){says}"):
        DatetimeEncoder().fit(X)


def test_other_columns_are_refused_and_parameters_checked():
    frame = many()
    encoder = DatetimeEncoder().fit(frame[["start", "end"]])
    with pytest.raises(ValueError, match="Feature names"):
        encoder.transform(frame[["start"]])
    with pytest.raises(ValueError, match="takes dates alone"):
        encoder.transform(frame[["start", "end"]].astype({"end": str}))
    with pytest.raises(ValueError, match="'resolution' parameter"):
        DatetimeEncoder(resolution="week").fit(frame[["start"]])
    with pytest.raises(ValueError, match="'periodic_encoding' parameter"):
        DatetimeEncoder(periodic_encoding="sine").fit(frame[["start"]])
    with pytest.raises(NotFittedError):
        DatetimeEncoder().transform(frame[["start"]])
    copy = pickle.loads(pickle.dumps(encoder))
    np.testing.assert_array_equal(
        copy.transform(frame[["start", "end"]]), encoder.transform(frame[["start", "end"]])
    )
    assert clone(encoder).get_params() == encoder.get_params()


def test_another_partition_without_dates_is_named():
    good, bad = many(10)[["start"]], pd.DataFrame({"start": ["x"] * 10})
    X = dd.from_map(lambda part: part, [good, bad], meta=good[:0])
    out = DatetimeEncoder().fit(X).transform(X)
    with pytest.raises(ValueError, match="takes dates alone"):
        out.compute(scheduler="sync")
