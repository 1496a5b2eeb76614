"""Time per block where blocks are tiny.

The question: what does a block cost before there is anything to compute? 10,000 blocks of 10 x 4
in memory, microseconds a block, each contender in a process of its own, in turn:

loop         scikit-learn's SGDClassifier.partial_fit in a loop: the learner alone, without dask
chain        a plain dask graph: a load and a chained step for each block, which do nothing
chain by 64  the same in graphs of 64 blocks
dask-ml      dask-ml's Incremental(SGDClassifier)
incremental  our Incremental around scikit-learn's SGDClassifier
streamlearn  our SGDClassifier

on the synchronous and the threaded scheduler and, with ``--distributed``, on a LocalCluster of two
workers. "run" is the time inside the scheduler, which orders the tasks and runs them, "plan" is the
rest: both as a dask callback sees them, so only where there is one machine. Each process first
fits 20 blocks, untimed. BLAS has one thread.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from common import importable, in_own_process, in_turn, medians, table

ROWS, FEATURES, SEGMENT = 10, 4, 64
NEEDS = {
    "loop": "sklearn",
    "chain": "dask.array",
    "chain by 64": "dask.array",
    "dask-ml": "dask_ml",
    "incremental": "streamlearn.wrappers",
    "streamlearn": "streamlearn.linear_model",
}
SCHEDULERS = ("synchronous", "threads", "distributed")


# -- contenders: functions of the number of blocks -----------------------------------------------


def numbers(n_blocks: int) -> tuple[np.ndarray, np.ndarray]:
    """Make the rows of all blocks."""
    X = np.random.default_rng(0).normal(size=(n_blocks * ROWS, FEATURES))
    return X, (X[:, 0] > 0).astype(np.int64)


def arrays(n_blocks: int) -> Any:
    """Wrap them as dask arrays X, y."""
    import dask.array as da

    return (da.from_array(part, chunks=(ROWS, *part.shape[1:])) for part in numbers(n_blocks))


def loop(n_blocks: int) -> None:
    """Learn without dask."""
    from sklearn.linear_model import SGDClassifier

    X, y = numbers(n_blocks)
    model = SGDClassifier(loss="log_loss", random_state=0)
    for k in range(0, len(X), ROWS):
        model.partial_fit(X[k : k + ROWS], y[k : k + ROWS], classes=[0, 1])


def _load(k: int) -> int:
    return k


def _step(state: int, block: int) -> int:
    return state + 1


def chain(n_blocks: int, segment: int | None = None) -> None:
    """Count the blocks, in one graph or in several."""
    from dask.base import get_scheduler
    from dask.threaded import get as threaded

    get = get_scheduler() or threaded
    segment = segment or n_blocks
    state = 0
    for first in range(0, n_blocks, segment):
        graph: dict[Any, Any] = {("state", first - 1): state}
        last = min(first + segment, n_blocks) - 1
        for k in range(first, last + 1):
            graph["load", k] = (_load, k)
            graph["state", k] = (_step, ("state", k - 1), ("load", k))
        state = get(graph, ("state", last))
    assert state == n_blocks


def dask_ml(n_blocks: int) -> None:
    """Learn with dask-ml."""
    from dask_ml.wrappers import Incremental
    from sklearn.linear_model import SGDClassifier

    learner = Incremental(SGDClassifier(loss="log_loss", random_state=0), random_state=0)
    learner.fit(*arrays(n_blocks), classes=[0, 1])


def incremental(n_blocks: int) -> None:
    """Learn as the loop does, with our wrapper."""
    from sklearn.linear_model import SGDClassifier

    from streamlearn.wrappers import Incremental

    learner = Incremental(SGDClassifier(loss="log_loss", random_state=0), random_state=0)
    learner.fit(*arrays(n_blocks), classes=[0, 1])


def streamlearn(n_blocks: int) -> None:
    """Learn with ours."""
    from streamlearn.linear_model import SGDClassifier

    SGDClassifier(loss="log_loss", classes=[0, 1], random_state=0).fit(*arrays(n_blocks))


FIT: dict[str, Callable[[int], None]] = {
    "loop": loop,
    "chain": chain,
    "chain by 64": lambda n_blocks: chain(n_blocks, SEGMENT),
    "dask-ml": dask_ml,
    "incremental": incremental,
    "streamlearn": streamlearn,
}


# -- measuring one contender, in its own process -------------------------------------------------


@contextlib.contextmanager
def scheduled(scheduler: str) -> Iterator[None]:
    """Run dask's graphs on one scheduler."""
    import dask

    if scheduler != "distributed":
        with dask.config.set(scheduler=scheduler):
            yield
        return
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster),
    ):
        yield


def measure(name: str, scheduler: str, n_blocks: int) -> dict[str, Any]:
    """Fit once."""
    from dask.callbacks import Callback

    running, entered = 0.0, 0.0

    def start(_graph):
        nonlocal entered
        entered = time.perf_counter()

    def finish(_graph, _state, _failed):
        nonlocal running
        running += time.perf_counter() - entered

    with scheduled(scheduler):
        FIT[name](20)
        began = time.perf_counter()
        with Callback(start=start, finish=finish):
            FIT[name](n_blocks)
        total = time.perf_counter() - began
    split = running > 0
    return {
        "plan_us": (total - running) / n_blocks * 1e6 if split else None,
        "run_us": running / n_blocks * 1e6 if split else None,
        "total_us": total / n_blocks * 1e6,
    }


# -- the parent ----------------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--blocks", type=int, default=10_000, help="default: 10,000")
    parser.add_argument("--turns", type=int, default=3, help="default: 3")
    parser.add_argument("--distributed", action="store_true", help="on a LocalCluster, too")
    parser.add_argument(
        "--contenders", nargs="+", choices=NEEDS, help="default: all that can be imported"
    )
    parser.add_argument(
        "--dask-ml-python", default=sys.executable, help="interpreter that has dask-ml"
    )
    parser.add_argument("--json", type=Path, help="write every turn's figures to this file")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(measure(*args.measure, args.blocks)))
        return

    def python(name):
        return args.dask_ml_python if name == "dask-ml" else sys.executable

    wanted = args.contenders or list(NEEDS)
    absent = [name for name in wanted if not importable(NEEDS[name], python(name))]
    if args.contenders and set(absent) - {"dask-ml"}:
        parser.error(f"cannot be imported: {', '.join(absent)}")

    schedulers = SCHEDULERS if args.distributed else SCHEDULERS[:2]
    pairs = {
        f"{name}, {scheduler}": (name, scheduler)
        for scheduler in schedulers
        for name in wanted
        if name not in absent and (name != "loop" or scheduler == "synchronous")
    }
    results = in_turn(
        pairs,
        args.turns,
        lambda pair: in_own_process(
            python(pairs[pair][0]),
            __file__,
            ["--blocks", args.blocks, "--measure", *pairs[pair]],
        ),
    )
    print(
        f"{args.blocks:,} blocks of {ROWS} x {FEATURES}, microseconds a block. Medians of "
        f"{args.turns} turns, {os.cpu_count()} cores, 1 BLAS thread"
    )
    rows: list[list[object]] = []
    for pair, turns in results.items():
        figures = medians(turns)
        rows.append([*pairs[pair], *(figures[key] for key in ("plan_us", "run_us", "total_us"))])
    rows += [[f"{name}: not installed", *[None] * 4] for name in absent]
    print(table(("contender", "scheduler", "plan", "run", "total"), rows))
    if args.json:
        args.json.write_text(json.dumps({"blocks": args.blocks, "turns": results}, indent=1))


if __name__ == "__main__":
    main()
