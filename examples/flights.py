"""Fit a pipeline to millions of flights in one pass, without holding them in memory; draw it.

The table has text, dates, numbers and gaps. Run ``python examples/flights.py``. One copy of the
table is 320,000 rows: ``--copies 300`` streams 96 million. ``flights_data.py`` writes the data.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path
from timeit import default_timer
from typing import Any

import dask.dataframe as dd
import pandas as pd
import psutil
from dask.diagnostics import Profiler, ProgressBar, ResourceProfiler
from flights_data import DATES, FEATURES, NUMBERS, TEXT, TRAIN_ROWS, Paths
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from threadpoolctl import threadpool_limits

from streamlearn.compose import make_column_transformer
from streamlearn.diagnostics import FitProgress, timeline
from streamlearn.impute import SimpleImputer
from streamlearn.linear_model import SGDClassifier
from streamlearn.pipeline import Pipeline, make_pipeline
from streamlearn.preprocessing import (
    DatetimeEncoder,
    OneHotEncoder,
    SplineTransformer,
    StandardScaler,
)

HERE = Path(__file__).parent
FIXED, A_COPY = 5, 7
"""Megabytes on disk: of the rows in memory and of those held out, and of one copy of the rows with
its predictions."""


def numbers_only() -> Pipeline:
    """Make a pipeline that looks at numbers alone."""
    columns = make_column_transformer((scaled_numbers(), NUMBERS))
    return make_pipeline(columns, learner())


def all_columns() -> Pipeline:
    """Make a pipeline that looks at all columns, each in a way that suits a linear model."""
    dates = DatetimeEncoder(resolution="hour", add_weekday=True, periodic_encoding="circular")
    columns = make_column_transformer(
        # The log odds are far from linear in the delay at departure.
        (SplineTransformer(n_knots=12, knots="quantile", extrapolation="linear"), ["dep_delay"]),
        (scaled_numbers(), NUMBERS),
        (make_pipeline(dates, StandardScaler()), DATES),
        (OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=100), TEXT),
    )
    return make_pipeline(columns, learner())


def scaled_numbers() -> Pipeline:
    """Fill gaps and say where they were, then scale."""
    return make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())


def learner() -> SGDClassifier:
    """Make a logistic regression that learns in one pass."""
    return SGDClassifier(loss="log_loss", classes=[0, 1], random_state=2)


def main() -> None:
    footprint = psutil.Process().memory_info().rss  # of the imports
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--copies", type=int, default=40, help="how often each row is streamed")
    parser.add_argument("--data", type=Path, default=HERE / "data", help="folder for the Parquet")
    parser.add_argument("--out", type=Path, default=HERE / "out" / "flights.png", help="picture")
    args = parser.parse_args()
    paths = Paths.under(args.data, args.copies)
    announce(args.copies, args.data, args.out)
    # In another process, so that its memory is not counted as the fit's.
    writer = [sys.executable, HERE / "flights_data.py", args.data, str(args.copies)]
    subprocess.run(writer, check=True)
    # Dask keeps each core busy with a block of its own; BLAS threads would only get in the way.
    threadpool_limits(1)

    df = dd.read_parquet(paths.copies)
    X, y = df[FEATURES], df["late"]
    pipe = all_columns()

    rows, blocks = args.copies * TRAIN_ROWS, df.npartitions
    size = blocks * int(df.partitions[0].memory_usage(deep=True).sum().compute())
    # Read once beforehand, so that the fit finds the files in the page cache.
    stored = sum(len(file.read_bytes()) for file in paths.copies.glob("*.parquet"))
    print(f"{rows:,} rows, {len(FEATURES)} columns and the target, in {blocks:,} partitions")
    print(f"{stored / 1e6:,.0f} MB in files; in memory they would be {size / 1e6:,.0f} MB\n")

    predictions = args.data / "predictions.parq"
    shutil.rmtree(predictions, ignore_errors=True)
    with Profiler() as tasks, ResourceProfiler(dt=0.1) as memory:
        start = default_timer()
        pipe.set_callbacks(FitProgress()).fit(X, y)
        fit = start, default_timer()
        with ProgressBar(minimum=1.0, dt=1.0):
            pipe.predict(X).to_frame("late").to_parquet(predictions)
        predict = fit[1], default_timer()
        # Dask counts the process that watches the memory, too.
        watcher = sum(child.memory_info().rss for child in psutil.Process().children())
    memory.results = [sample._replace(mem=sample.mem - watcher / 1e6) for sample in memory.results]
    peak = 1e6 * max(sample.mem for sample in memory.results)
    over = peak - footprint
    once = fit[1] - fit[0]
    print(f"\nfit      {once:.1f} s, {rows / once:,.0f} rows a second, all steps of the pipeline")
    print(f"predict  {predict[1] - predict[0]:.1f} s, from files to files in {predictions}")
    print(
        f"memory   the process had at most {peak / 1e6:,.0f} MB; it had {footprint / 1e6:,.0f} MB "
        f"before any data, so the run took {over / 1e6:,.0f} MB"
    )

    train, held_out = (pd.read_parquet(path) for path in (paths.train, paths.held_out))
    first = df.partitions[: blocks // args.copies]
    optimum = converged(pipe, train)
    losses = compare(
        {
            "base rate": DummyClassifier(strategy="prior").fit(train[FEATURES], train["late"]),
            "numbers only, 1 copy": numbers_only().fit(first[FEATURES], first["late"]),
            "one pass over 1 copy": clone(pipe).fit(first[FEATURES], first["late"]),
            f"one pass over {args.copies:,} copies": pipe,
            "scikit-learn, converged on 1 copy": optimum,
        },
        held_out,
    )

    excess = losses[3] / losses[4] - 1
    verdict = "within" if excess < 0.01 else "NOT within"
    print(f"{EXPLAINED}\n\none pass ends {verdict} 1 % of the converged log loss: {excess:+.2%}\n")

    threads = len({worker for *_, worker in tasks.results})
    curve = pipe[-1].loss_curve_
    reached = log_loss(train["late"], optimum.predict_proba(train[FEATURES]))
    figure = timeline(
        tasks,
        memory,
        curve,
        optimum=reached,
        footprint=footprint,
        nbytes=size,
        kinds={"": "predict and write"},
        phases={
            "fit": fit,
            "predict": predict,
        },
        title=f"Logistic regression on {rows / 1e6:g} million flights",
        subtitle=f"{size / 1e9:.1f} GB in {blocks:,} blocks on {threads} threads. "
        f"The blocks have a mean log loss of {sum(curve) / len(curve):.4f}; "
        f"the converged optimum has {reached:.4f} on the same rows (dashed).",
    )
    args.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(args.out, dpi=100)
    print(f"picture  {args.out}")


EXPLAINED = """
  held out   no model has learned from these flights
  accuracy   the share of right predictions, with 1/2 as the threshold
  log loss   how far the probabilities are from what happened; 0 is perfect
  excess     how far the log loss is above that of the last line, which scikit-learn's solver
             found in many passes over one copy in memory; chance makes it a little more or less"""


def announce(copies: int, data: Path, out: Path) -> None:
    """Say beforehand what will be done, how long it takes, and where things go."""
    size = FIXED + A_COPY * copies
    print(
        f"The flights of New York in 2013, {'once' if copies == 1 else f'{copies:,} times'} each: "
        f"{copies * TRAIN_ROWS:,} rows are fitted and predicted in one pass.\n"
        f"time     about {max(1, round(copies / 20)):,} min on 2 cores that do nothing else\n"
        f"disk     about {size:,} MB in {data}, which may be deleted afterwards\n"
        f"picture  {out}\n",
        flush=True,
    )


def converged(pipe: Pipeline, train: pd.DataFrame) -> Pipeline:
    """Minimize to the end what the streamed fit minimizes, in memory, on the same features."""
    # C weighs the sum of the losses, and alpha weighs the penalty relative to their mean.
    C = 1 / (pipe[-1].alpha * len(train))
    solver = LogisticRegression(C=C, solver="newton-cholesky", tol=1e-8, max_iter=1000)
    solver.fit(pipe[:-1].transform(train[FEATURES]), train["late"])
    return Pipeline([*pipe.steps[:-1], ("model", solver)])


def compare(models: dict[str, Any], held_out: pd.DataFrame) -> list[float]:
    """Print how models do on rows that none of them has seen; the last one is what to reach."""
    y = held_out["late"]
    chances = [model.predict_proba(held_out[FEATURES])[:, 1] for model in models.values()]
    losses = [log_loss(y, p) for p in chances]
    print(f"{f'on {len(y):,} flights held out':36} accuracy  log loss     excess")
    for name, p, loss in zip(models, chances, losses, strict=True):
        excess = loss / losses[-1] - 1
        print(f"  {name:34} {accuracy_score(y, p > 0.5):8.4f}  {loss:8.4f}  {excess:+9.2%}")
    return losses


if __name__ == "__main__":
    main()
