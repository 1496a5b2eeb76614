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
    # Read once beforehand, so that the two fits below both find the files in the page cache.
    stored = sum(len(file.read_bytes()) for file in paths.copies.glob("*.parquet"))
    print(f"{rows:,} rows, {len(FEATURES)} columns and the target, {blocks:,} partitions")
    print(f"{size / 1e9:.2f} GB in memory, {stored / 1e9:.2f} GB as Parquet")

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
    print(f"memory   at most {peak / 1e6:,.0f} MB; over the imports {over / 1e6:,.0f} MB")

    start = default_timer()
    clone(pipe).set_params(schedule="per-step").fit(X, y)
    once, both = fit[1] - fit[0], default_timer() - start
    print(
        f"one pass took {once:.1f} s, a pass for each step {both:.1f} s: "
        f"the second pass would have cost {both - once:+.1f} s ({both / once - 1:+.0%})"
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
    print(f"one pass ends {excess:+.2%} from the converged log loss: {verdict} 1 %\n")

    threads = len({worker for *_, worker in tasks.results})
    figure = timeline(
        tasks,
        memory,
        pipe[-1].loss_curve_,
        optimum=log_loss(train["late"], optimum.predict_proba(train[FEATURES])),
        footprint=footprint,
        nbytes=size,
        kinds={"": "predict and write"},
        phases={
            "fit": fit,
            "predict": predict,
        },
        title=f"Logistic regression on {rows / 1e6:g} million flights",
        subtitle=f"{size / 1e9:.1f} GB in {blocks:,} blocks on {threads} threads. "
        "Held-out log loss "
        f"{losses[3]:.4f} after one pass, {losses[4]:.4f} at the converged optimum.",
    )
    args.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(args.out, dpi=100)
    print(f"picture  {args.out}")


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
    print(f"\n{f'on {len(y):,} flights held out':36} accuracy  log loss     excess")
    for name, p, loss in zip(models, chances, losses, strict=True):
        excess = loss / losses[-1] - 1
        print(f"  {name:34} {accuracy_score(y, p > 0.5):8.4f}  {loss:8.4f}  {excess:+9.2%}")
    return losses


if __name__ == "__main__":
    main()
