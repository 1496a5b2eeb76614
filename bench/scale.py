"""The time of a pass on a cluster of 1 to 1,000 workers, for 1e9 to 1e12 rows, predicted.

The question: how far does a fit scale? The tasks of every graph are scheduled
on workers in a simulation, with costs that are measured here. The same simulation predicts runs of
1, 2 and 3 worker processes on this machine, which are then made. The model has these parts:

- A pass through a scaler and a logistic SGD begins as a chain: blocks are loaded in parallel, and
  the learner takes them one after the other. From 16 blocks on it goes in rounds. In *map* the
  blocks of a round are loaded and summed side by side at the same model. In *merge* the sums are
  merged in a tree of eight. In *step* one Newton step follows, and the next round begins. A round
  has an eighth of the blocks seen before it, and at most 64. `streamlearn.blocks.rounds.Layout`
  gives the rounds.
- A graph holds the blocks of one or more rounds, about 64 of them (``streamlearn.segment``). The
  next graph begins when it has ended. In a graph, blocks of the next round are loaded while the
  last ones of this round are summed, merged and learned from. At most ``window`` blocks are loaded
  ahead, two for each worker. A block is summed where it was loaded.
- The scheduler is one process. It handles one task after the other, and a task starts only after
  it has handled those that the task needs.
- A result that a task needs from another worker takes ``--hop`` seconds. Only sums and models
  travel. They have a few KB.
- In the prediction a block is read at ``--storage`` GB/s by each worker.

The seconds of each kind of task are measured on dask's synchronous scheduler. So are the seconds of
a scheduler and of a worker for a task with nothing to do. The prediction uses CPU seconds, so that
it holds for processors that nobody else uses. The checking runs wait for each block as for a far
storage (``--wait``), so that three workers differ from two on any machine. Their prediction uses
the wall seconds, which are more on a busy machine.
"""

from __future__ import annotations

import argparse
import heapq
import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

import common
import numpy as np

FEATURES = 20
BLOCK_BYTES = 8 * (FEATURES + 1)
WORKERS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000)
ROWS = (10**9, 10**10, 10**11, 10**12)


class Costs(NamedTuple):
    """Seconds of each kind of task.

    Attributes
    ----------
    load : float
        To make and prepare a block.
    chain, sums : float
        To learn from a block in the chain, and to sum it in a round.
    merge, step : float
        To merge up to eight sums; to take a step and to say what blocks must know of the state.
    scheduler, worker : float
        What the scheduler, and what a worker, spends on any task.
    graph : float
        To build a graph, to submit it and to get its result.
    hop : float
        For a small result to travel.
    """

    load: float
    chain: float
    sums: float
    merge: float
    step: float
    scheduler: float
    worker: float
    graph: float
    hop: float


# -- the graphs of a pass -------------------------------------------------------------------------


def graphs(n: int, block_rows: int, segment: int) -> Iterator[tuple[int, ...]]:
    """Yield the lengths of the rounds of each graph; a chain is one round with a minus."""
    from streamlearn.blocks import SideBySide
    from streamlearn.blocks.round_layout import Layout
    from streamlearn.core.linear.newton_rounds import PART, READY

    enough = READY * (FEATURES + 1)
    nothing: Any = None
    side = SideBySide(
        lambda state, rows: rows >= enough,
        lambda state, rows: float(rows >= enough),
        *[nothing] * 4,
        ratio=PART,
        first=lambda state: 2,
    )
    layout, known, at, due = Layout(side, None), [block_rows] * n, 0, segment
    while at < n:
        layout.look(None, at, at * block_rows)
        if layout.begun:
            ends = layout.round_ends(at, min(due, n), n)
            yield tuple(b - a for a, b in zip([at, *ends], ends, strict=False))
            at = ends[-1]
        else:
            stop = min(due, layout.next_look(None, at, known), n)
            yield (at - stop,)
            at = stop
        due = at + segment if at >= due else due


class Task(NamedTuple):
    """A task of a graph: its seconds, what it needs, and the task on whose worker it runs."""

    seconds: float
    needs: tuple[int, ...]
    near: int | None = None


def tasks_of(lengths: Sequence[int], costs: Costs, window: int) -> list[Task]:
    """Return the tasks of a graph, in the order in which dask would prefer to run them."""
    out: list[Task] = []
    learned: list[int] = []  # the task after which each block is done
    before: tuple[int, ...] = ()

    def add(seconds: float, needs: Sequence[int], near: int | None = None) -> int:
        out.append(Task(seconds, tuple(needs), near))
        return len(out) - 1

    def load() -> int:
        done = len(learned)
        return add(costs.load, [learned[done - window]] if done >= window else [])

    for length in lengths:
        if length < 0:
            for _ in range(-length):
                here = load()
                learned.append(add(costs.chain, [*before, here], here))
                before = (learned[-1],)
            continue
        parts = []
        for _ in range(length):
            here = load()
            learned.append(add(costs.sums, [*before, here], here))
            parts.append(learned[-1])
        while True:
            parts = [add(costs.merge, parts[i : i + 8]) for i in range(0, len(parts), 8)]
            if len(parts) == 1:
                break
        before = (add(costs.step, [*before, *parts]),)
    return out


def seconds_of(tasks: Sequence[Task], costs: Costs, workers: int) -> float:
    """Return the time in which workers run the tasks of a graph."""
    users: list[list[int]] = [[] for _ in tasks]
    missing = [len(task.needs) for task in tasks]
    for i, task in enumerate(tasks):
        for need in task.needs:
            users[need].append(i)
    ready_at = [0.0] * len(tasks)
    where: dict[int, int] = {}
    # One queue for tasks that may run anywhere, and one for each worker that has a task's block.
    anywhere = [i for i, task in enumerate(tasks) if not task.needs]
    own: dict[int, list[int]] = {}
    free = list(range(workers))
    running: list[tuple[float, int, int]] = []
    scheduler = now = 0.0

    def start(i: int, worker: int) -> None:
        begin = max(now, ready_at[i])
        where[i] = worker
        heapq.heappush(running, (begin + costs.worker + tasks[i].seconds, i, worker))

    while True:
        for worker in list(free):
            queue = own.get(worker) or anywhere
            if queue:
                free.remove(worker)
                start(heapq.heappop(queue), worker)
        if not running:
            return now
        now, i, worker = heapq.heappop(running)
        free.append(worker)
        scheduler = max(scheduler, now) + costs.scheduler
        for user in users[i]:
            missing[user] -= 1
            ready_at[user] = max(ready_at[user], scheduler + costs.hop)
            if not missing[user]:
                near = tasks[user].near
                queue = anywhere if near is None else own.setdefault(where[near], [])
                heapq.heappush(queue, user)


def predicted(rows: int, block_rows: int, costs: Costs, workers: int, segment: int = 64) -> float:
    """Return the seconds of a pass."""
    window = max(2, 2 * workers, workers + 1)

    @cache
    def one(lengths: tuple[int, ...]) -> float:
        return costs.graph + seconds_of(tasks_of(lengths, costs, window), costs, workers)

    return sum(map(one, graphs(-(-rows // block_rows), block_rows, segment)))


# -- what is measured -----------------------------------------------------------------------------


def learner() -> Any:
    from streamlearn.linear_model import SGDClassifier
    from streamlearn.pipeline import make_pipeline
    from streamlearn.preprocessing import StandardScaler

    return make_pipeline(
        StandardScaler(), SGDClassifier(loss="log_loss", classes=[0, 1], random_state=0)
    )


def of_block(block: np.ndarray, wait: float, block_info: Any = None) -> np.ndarray:
    """Make a block, as if it came from a far storage."""
    time.sleep(wait)
    number = block_info[0]["chunk-location"][0]
    return np.random.default_rng(number).normal(size=block.shape)


def far(n_blocks: int, block_rows: int, wait: float) -> tuple[Any, Any]:
    """Return X and y as dask arrays, whose blocks are made when they are loaded."""
    import dask.array as da

    X = da.zeros((n_blocks * block_rows, FEATURES), chunks=(block_rows, FEATURES))
    X = X.map_blocks(of_block, wait, dtype=float)
    return X, (X[:, 0] + X[:, 1] > 0).astype(np.int64)


def near(n_blocks: int, block_rows: int) -> tuple[Any, Any]:
    """Return X and y as dask arrays, whose blocks are all the same one in memory."""
    import dask.array as da

    X = np.random.default_rng(0).normal(size=(block_rows, FEATURES))
    y = (X[:, 0] + X[:, 1] + np.random.default_rng(1).logistic(size=block_rows) > 0).astype(int)
    return tuple(
        da.concatenate([da.from_array(part, -1, name=f"{name}-{k}") for k in range(n_blocks)])
        for name, part in (("X", X), ("y", y))
    )


def task_seconds(X: Any, y: Any, clock: Callable[[], float]) -> dict[str, float]:
    """Return the median seconds of the tasks of a fit, by kind, on one thread."""
    import dask
    from dask.callbacks import Callback

    seen: dict[str, list[float]] = {}
    now = {"began": 0.0, "learn-block": "chain"}

    def before(*_: Any) -> None:
        now["began"] = clock()

    def after(key: Any, *_: Any) -> None:
        kind = key[0].rpartition("-")[0]
        seen.setdefault(now.get(kind, kind), []).append(clock() - now["began"])
        if kind == "view-model":  # from here on the pass learns in rounds
            now["learn-block"] = "sums"

    with dask.config.set(scheduler="sync"), Callback(None, None, before, after):
        learner().fit(X, y)
    found = {kind: statistics.median(times) for kind, times in seen.items()}
    step = found["learn-round"] + found["view-model"]
    kinds = {"load-block": "load", "merge-blocks": "merge", "chain": "chain", "sums": "sums"}
    return {name: found[kind] for kind, name in kinds.items()} | {"step": step}


class Spent(NamedTuple):
    """What a fit of blocks with hardly any rows took: CPU of both processes, and wall seconds."""

    scheduler: float
    worker: float
    wall: float


def overheads(client: Any, n_blocks: int) -> tuple[dict[str, float], dict[str, float]]:
    """Return the seconds of a scheduler and of a worker for a task, and for a graph: CPU and wall.

    Wall seconds are shared out as CPU seconds are.
    """
    import dask

    def spent(segment: int) -> Spent:
        X, y = far(n_blocks, 500, 0.0)
        with dask.config.set({"streamlearn.segment": segment}):
            (there,) = client.run(time.process_time).values()
            main, wall = time.process_time(), time.perf_counter()
            learner().fit(X, y)
            main, wall = time.process_time() - main, time.perf_counter() - wall
            (then,) = client.run(time.process_time).values()
        return Spent(main, then - there, wall)

    def tasks(segment: int) -> list[int]:
        return [len(tasks_of(each, NOTHING, 3)) for each in graphs(n_blocks, 500, segment)]

    spent(64)  # all is imported
    few, many = spent(64), spent(8)
    n, more = len(tasks(64)), len(tasks(8))
    graph = max(0.0, (many.scheduler - few.scheduler) / (more - n))
    each = {
        "scheduler": (few.scheduler - n * graph) / sum(tasks(64)),
        "worker": few.worker / sum(tasks(64)),
        "graph": graph,
    }
    busy = few.wall / (few.scheduler + few.worker)
    return each, {name: seconds * busy for name, seconds in each.items()}


NOTHING = Costs(*[0.0] * 9)


def checked(workers: int, n_blocks: int, block_rows: int, wait: float) -> float:
    """Return the seconds of a real pass on a cluster of worker processes of one thread."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster),
    ):
        learner().fit(*far(16, 500, 0.0))  # all is imported
        began = time.perf_counter()
        learner().fit(*far(n_blocks, block_rows, wait))
        return time.perf_counter() - began


def draw(times: dict[int, list[float]], checks: list[dict[str, Any]], title: str, to: Path) -> None:
    """Save a picture: the predicted times, and the runs that check the prediction."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    fig, (left, right) = plt.subplots(1, 2, figsize=(12, 4.8), width_ratios=(3, 2))
    colors = ("#2a9d8f", "#4a86c5", "#8d6cab", "#e76f3c")
    for (rows, seconds), color in zip(times.items(), cycle(colors), strict=False):
        left.plot(WORKERS, seconds, marker="o", markersize=4, color=color)
        left.plot(WORKERS, [seconds[0] / w for w in WORKERS], color=color, lw=0.8, ls=":")
        words = f"{rows:.0e}".replace("e+", "e") + " rows"
        left.text(1100, seconds[-1], words, color=color, va="center", fontsize=9)
    units = {"1 s": 1, "1 min": 60, "1 h": 3600, "1 day": 86400, "30 days": 2592000}
    left.set(xscale="log", yscale="log", xlim=(0.9, 4000), xlabel="workers of one thread")
    left.set_xticks([1, 10, 100, 1000], ["1", "10", "100", "1,000"])
    left.set_yticks(list(units.values()), list(units))
    left.set_title("predicted; dotted: in proportion to the workers", fontsize=10)
    workers = [check["workers"] for check in checks]
    for key, mark, color in (("predicted", "o-", "#4a86c5"), ("measured", "s", "#e76f3c")):
        right.plot(workers, [c[key] for c in checks], mark, color=color, label=key)
    right.set_ylim(0, 1.15 * max(max(c["predicted"], c["measured"]) for c in checks))
    right.set_xticks(workers)
    right.set(xlabel="worker processes", ylabel="seconds")
    right.set_title("the check on this machine", fontsize=10)
    right.legend(frameon=False)
    for ax in (left, right):
        ax.minorticks_off()
        ax.grid(color="#DDDDDD", linewidth=0.5)
        ax.spines[["top", "right"]].set_visible(False)
    fig.suptitle(title, fontweight="bold")
    fig.tight_layout()
    to.parent.mkdir(parents=True, exist_ok=True)
    fig.savefig(to, dpi=100)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--block-rows", type=int, default=500_000, help="of the cluster; default: 500,000"
    )
    parser.add_argument("--blocks", type=int, default=24, help="measured; default: 24")
    parser.add_argument(
        "--rows", type=int, nargs="+", default=ROWS, help="predicted; default: 1e9 to 1e12"
    )
    parser.add_argument("--segment", type=int, default=64, help="blocks of a graph; default: 64")
    parser.add_argument("--storage", type=float, default=0.5, help="GB/s a worker; default: 0.5")
    parser.add_argument("--hop", type=float, default=0.002, help="seconds; default: 0.002")
    parser.add_argument("--check-rows", type=int, default=20_000, help="of a block in the check")
    parser.add_argument("--check-blocks", type=int, default=30, help="default: 30")
    parser.add_argument("--wait", type=float, default=1.0, help="seconds a block; default: 1")
    parser.add_argument("--picture", type=Path, help="draw it into this file")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    args = parser.parse_args()
    if args.blocks < 18 or args.check_blocks < 18:
        parser.error("Rounds begin at block 16: --blocks and --check-blocks must be at least 18.")
    if 16 * min(args.block_rows, args.check_rows) < 500 * (FEATURES + 1):
        parser.error("Rounds need 500 rows a feature: --block-rows, --check-rows must be over 656.")

    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        cpu, wall = overheads(client, 128)
    X, y = near(args.blocks, args.block_rows)
    large = Costs(**task_seconds(X, y, time.process_time), **cpu, hop=args.hop)
    X, y = far(args.check_blocks, args.check_rows, 0.0)
    small = Costs(**task_seconds(X, y, time.perf_counter), **wall, hop=args.hop)

    names = ("costs, ms", *Costs._fields)
    shown = [
        [rows, *(f"{1e3 * s:.2f}" for s in costs)]
        for rows, costs in (
            (f"{args.block_rows:,} rows a block, CPU", large),
            (f"{args.check_rows:,} rows a block, wall", small),
        )
    ]
    print(common.table(names, shown), end="\n\n")

    waiting = small._replace(load=small.load + args.wait)
    rows, checks = args.check_blocks * args.check_rows, []
    for workers in (1, 2, 3):
        guess = predicted(rows, args.check_rows, waiting, workers)
        real = checked(workers, args.check_blocks, args.check_rows, args.wait)
        checks.append({"workers": workers, "predicted": guess, "measured": real})
    print(
        common.table(
            (
                f"{args.check_blocks} blocks, wait {args.wait:g} s",
                "predicted s",
                "measured s",
                "ratio",
            ),
            [
                [
                    f"{c['workers']} worker processes",
                    c["predicted"],
                    c["measured"],
                    c["measured"] / c["predicted"],
                ]
                for c in checks
            ],
        ),
        end="\n\n",
    )
    reading = args.block_rows * BLOCK_BYTES / (args.storage * 1e9)
    stored = large._replace(load=large.load + reading)
    times = {
        rows: [predicted(rows, args.block_rows, stored, w, args.segment) for w in WORKERS]
        for rows in args.rows
    }
    header = ("predicted s", *(f"{rows:.0e} rows".replace("e+", "e") for rows in times))
    print(
        common.table(
            header,
            [
                [f"{w} workers", *column]
                for w, *column in zip(WORKERS, *times.values(), strict=True)
            ],
        )
    )
    if args.picture:
        title = (
            f"One pass of a scaler and a logistic SGD, blocks of {args.block_rows:,} x {FEATURES}"
        )
        draw(times, checks, title, args.picture)
    if args.json:
        found = {"large": large._asdict(), "small": small._asdict()}
        args.json.write_text(
            json.dumps({"costs": found, "checks": checks, "times": times}, indent=1)
        )


if __name__ == "__main__":
    main()
