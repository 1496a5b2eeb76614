"""A table of 16.8 GB, from disk to a model, and from disk to predictions in Parquet.

The question: how long does a scaler with a logistic SGD take, and how much memory does it need?
There are 100,000,000 rows of 20 float64 features and a target, 16.8 GB on disk. Three stages run in
turn, each in its own process:

read     the bare read of the same files, as a dask array: a sum of X and one of y, in one pass
fit      ``make_pipeline(StandardScaler(), SGDClassifier(loss="log_loss")).fit(X, y)``
predict  ``pipe.predict(X)`` as a column of a frame, ``to_parquet``

The table is made block by block in .npy files, in a folder of its own below ``--folder``, which is
deleted at the end, with the predictions. So that much space must be free there. Every block is read
into memory of its own. The pages of the files leave the page cache before each stage, so each stage
reads the disk; ``--warm`` leaves in the cache what fits. No variable sets the threads of BLAS.

A process first does its stage for 200 rows, untimed, so that everything is imported. Memory is the
peak beyond what is resident then. The goals are 60 s, 40 s and 3 blocks + 50 MB, on 2 cores.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from common import (
    N_FEATURES,
    Sampler,
    best_accuracy,
    in_own_process,
    in_turn,
    medians,
    memory,
    stack,
    table,
)

ROWS, BLOCK_ROWS = 100_000_000, 500_000
ROW_BYTES = 8 * (N_FEATURES + 1)
GOALS = {"fit": 60.0, "predict": 40.0}
GOAL_BLOCKS, GOAL_MB = 3, 50.0
MODEL, PREDICTIONS = "model.pickle", "predictions"


# -- stages: functions of a folder, and of the table in it ----------------------------------------


def arrays(home: Path) -> Any:
    """Open the table as dask arrays X, y whose blocks are read into memory."""
    import dask.array as da

    return tuple(da.from_npy_stack(str(home / part), mmap_mode=None) for part in ("X", "y"))


def read(folder: Path, home: Path) -> None:
    import dask

    dask.compute(*(part.sum() for part in arrays(home)))


def fit(folder: Path, home: Path) -> None:
    from streamlearn.linear_model import SGDClassifier
    from streamlearn.pipeline import make_pipeline
    from streamlearn.preprocessing import StandardScaler

    learner = SGDClassifier(loss="log_loss", classes=[0, 1], random_state=0)
    pipe = make_pipeline(StandardScaler(), learner).fit(*arrays(home))
    (folder / MODEL).write_bytes(pickle.dumps(pipe))


def predict(folder: Path, home: Path) -> None:
    pipe = pickle.loads((folder / MODEL).read_bytes())
    labels = pipe.predict(arrays(home)[0])
    # The index of an array only counts the rows.
    frame = labels.to_dask_dataframe(columns="label").to_frame()
    frame.to_parquet(folder / PREDICTIONS, write_index=False)


STAGES = {"read": read, "fit": fit, "predict": predict}


def measure(stage: str, folder: Path, home: Path) -> dict[str, Any]:
    """Do a stage once, in this process."""
    with tempfile.TemporaryDirectory(dir=folder) as rehearsal:
        small = stack(2, 100, Path(rehearsal))
        for name in STAGES if stage == "predict" else [stage]:
            STAGES[name](Path(rehearsal), small)
    start, rss = memory(), Sampler("rss", 0.1)
    Path("/proc/self/clear_refs").write_text("5")  # the peak so far is forgotten
    rss.start()
    seconds, cpu = time.perf_counter(), time.process_time()
    STAGES[stage](folder, home)
    figures = {
        "s": time.perf_counter() - seconds,
        "cpu_s": time.process_time() - cpu,
        "footprint_mb": start["rss"],
        "peak_mb": memory()["peak_rss"] - start["rss"],
    }
    rss.stop.set()
    rss.look()
    return figures | {"curve": [(t, mb - start["rss"]) for t, mb in rss.seen]}


# -- the parent -----------------------------------------------------------------------------------


@contextmanager
def table_below(folder: Path, n_blocks: int, block_rows: int) -> Iterator[tuple[Path, Path]]:
    """Yield a new folder, and the table in it. Both are deleted at the end, also after an error."""
    folder.mkdir(parents=True, exist_ok=True)
    # Predictions are compressed, and never larger than a column.
    needed, free = n_blocks * block_rows * (ROW_BYTES + 8), shutil.disk_usage(folder).free
    if free < needed + 1e9:
        raise SystemExit(
            f"{folder} has {free / 1e9:.1f} GB free, and {needed / 1e9 + 1:.1f} GB are needed. "
            "Name another --folder, or fewer --rows."
        )
    with tempfile.TemporaryDirectory(dir=folder, prefix="headline-") as made:
        yield Path(made), stack(n_blocks, block_rows, Path(made))


def forget(home: Path) -> None:
    """Let the pages of the files leave the page cache."""
    for file in home.rglob("*.npy"):
        with file.open("rb") as opened:
            os.fsync(opened.fileno())  # pages that are not on the disk yet stay
            os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def accuracy(folder: Path, home: Path, n_blocks: int) -> float:
    """Compare the predictions in Parquet with the target, block by block."""
    import pandas as pd

    files = sorted(
        (folder / PREDICTIONS).glob("*.parquet"), key=lambda f: int(f.stem.split(".")[1])
    )
    right = (
        np.mean(pd.read_parquet(file)["label"].to_numpy() == np.load(home / "y" / f"{k}.npy"))
        for k, file in enumerate(files)
    )
    return sum(right) / n_blocks


def draw(results: dict[str, dict[str, Any]], allowed: float, title: str, path: Path) -> None:
    """Save a picture: the seconds of each stage, and its memory while it runs."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    colors = {"read": "#8a94a0", "fit": "#e76f3c", "predict": "#4a86c5"}
    fig, (left, right) = plt.subplots(1, 2, figsize=(12, 4.2), width_ratios=(2, 3))
    names = list(results)[::-1]
    seconds = [results[name]["s"] for name in names]
    left.barh(names, seconds, color=[colors[name] for name in names], height=0.6)
    for at, (name, s) in enumerate(zip(names, seconds, strict=True)):
        left.text(s, at, f" {s:.1f} s, CPU {results[name]['cpu_s']:.1f} s", va="center", fontsize=9)
    left.set_xlim(0, 1.45 * max(seconds))
    left.set_xlabel("seconds")
    for name, figures in results.items():
        right.plot(*zip(*figures["curve"], strict=True), color=colors[name], label=name)
    right.axhline(allowed, color="black", linestyle=":", linewidth=1)
    right.text(0, allowed, f"{GOAL_BLOCKS} blocks + {GOAL_MB:.0f} MB", va="bottom", fontsize=9)
    right.set_ylim(0, 1.25 * max(allowed, *(f["peak_mb"] for f in results.values())))
    right.set_xlabel("seconds")
    right.set_ylabel("MB over the imports")
    right.legend(frameon=False, ncols=3, loc="upper right")
    for ax in (left, right):
        ax.grid(color="#DDDDDD", linewidth=0.5)
        ax.set_axisbelow(True)
        ax.spines[["top", "right"]].set_visible(False)
    fig.suptitle(title, fontweight="bold")
    fig.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    fig.savefig(path, dpi=100)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=ROWS, help=f"default: {ROWS:,}")
    parser.add_argument("--block-rows", type=int, default=BLOCK_ROWS, help="default: 500,000")
    parser.add_argument("--turns", type=int, default=1, help="default: 1")
    parser.add_argument(
        "--folder", type=Path, default=Path(tempfile.gettempdir()), help="where the table is made"
    )
    parser.add_argument("--warm", action="store_true", help="leave the files in the page cache")
    parser.add_argument(
        "--picture", type=Path, help="draw the turns of median length into this file"
    )
    parser.add_argument("--json", type=Path, help="write every turn's figures to this file")
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        stage, folder, home = args.measure
        print(json.dumps(measure(stage, Path(folder), Path(home))))
        return
    n_blocks, rest = divmod(args.rows, args.block_rows)
    if rest or not n_blocks:
        parser.error("--rows must be a multiple of --block-rows")

    with table_below(args.folder, n_blocks, args.block_rows) as (folder, home):

        def one(stage: str) -> dict[str, Any]:
            shutil.rmtree(folder / PREDICTIONS, ignore_errors=True) if stage == "predict" else None
            forget(home) if not args.warm else None
            return in_own_process(sys.executable, __file__, ["--measure", stage, folder, home], {})

        results = in_turn(STAGES, args.turns, one)
        right = accuracy(folder, home, n_blocks)
        best = np.mean([best_accuracy(home, k) for k in range(min(n_blocks, 10))])
    usual = {
        name: sorted(turns, key=itemgetter("s"))[len(turns) // 2] for name, turns in results.items()
    }
    found = {
        name: medians([{k: v for k, v in turn.items() if k != "curve"} for turn in turns])
        for name, turns in results.items()
    }
    gb, block_mb = args.rows * ROW_BYTES / 1e9, args.block_rows * ROW_BYTES / 2**20
    allowed = GOAL_BLOCKS * block_mb + GOAL_MB
    title = (
        f"{args.rows:,} x {N_FEATURES} float64 and y, {gb:.1f} GB in {n_blocks} blocks, "
        f"{os.cpu_count()} cores, {'warm' if args.warm else 'from disk'}"
    )
    print(f"{title}; medians of {args.turns} turns")
    rows = [
        [
            name,
            f"{f['s']:.1f}",
            f"{f['cpu_s']:.1f}",
            f"{f['s'] / found['read']['s']:.2f}",
            f"{gb / f['s']:.2f}",
            f"{GOALS[name] * args.rows / ROWS:.1f}" if name in GOALS else None,
            f"{f['footprint_mb']:.0f}",
            f"{f['peak_mb']:.0f}",
            f"{allowed:.0f}",
        ]
        for name, f in found.items()
    ]
    header = ("stage", "s", "cpu s", "/ read", "GB/s", "goal s")
    print(table((*header, "footprint MB", "peak + MB", "goal + MB"), rows))
    print(f"accuracy of the predictions {right:.5f}; the best possible {best:.5f}")
    if args.picture:
        draw(usual, allowed, title, args.picture)
    if args.json:
        args.json.write_text(json.dumps({"rows": args.rows, "turns": results}, indent=1))


if __name__ == "__main__":
    main()
