"""Numbers of dates against those of the standard library."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from streamlearn._validation.dates import instants_of, parts_of

WANTED = {
    "year": lambda date: date.year,
    "month": lambda date: date.month,
    "day": lambda date: date.day,
    "hour": lambda date: date.hour,
    "minute": lambda date: date.minute,
    "second": lambda date: date.second,
    "microsecond": lambda date: date.microsecond,
    "weekday": lambda date: date.isoweekday(),
    "day_of_year": lambda date: date.timetuple().tm_yday,
    "total_seconds": lambda date: date.replace(tzinfo=UTC).timestamp(),
}


@pytest.mark.parametrize("days", [3, 400, 600_000], ids=["few days", "a year", "centuries"])
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_parts_are_those_of_the_standard_library(days: int, unit: str) -> None:
    days = min(days, 80_000) if unit == "ns" else days  # which reaches from 1678 to 2262
    rng = np.random.default_rng(days)
    start = datetime(1969, 12, 30) - timedelta(days=days // 2)
    dates = [
        start
        + timedelta(days=int(d), seconds=int(s), milliseconds=0 if unit == "s" else int(s) % 7)
        for d, s in zip(rng.integers(days, size=500), rng.integers(86_400, size=500), strict=True)
    ]
    column = np.asarray(dates, dtype=f"datetime64[{unit}]")
    column[::5] = "NaT"
    for name, got in zip(WANTED, parts_of(instants_of(column), list(WANTED)), strict=True):
        want = np.asarray([WANTED[name](date) for date in dates], dtype=float)
        want[::5] = np.nan
        np.testing.assert_array_equal(got, want, err_msg=name)


@pytest.mark.parametrize("n", [0, 4])
def test_no_dates_are_nan(n: int) -> None:
    column = np.full(n, "NaT", dtype="datetime64[us]")
    for got in parts_of(instants_of(column), list(WANTED)):
        assert got.dtype == np.float64
        assert got.shape == (n,)
        assert np.isnan(got).all()
