"""How much faster rounds are on several workers.

The question: how much of the work of a fit waits for other work? Blocks are learned from once, with
default settings, on one thread. The CPU seconds of each task are measured, the least of --turns.
Then the same graphs are run on paper: on some workers, each task as early as a worker is free and
its inputs are there, in dask's order. Waiting for memory or for the interpreter is left out. So the
figure is the largest speed-up that the graphs allow, and it can be measured on a busy machine.

With --real, fits run on as many threads in addition, for an otherwise idle machine.

--copied    a load copies its block, which costs about as much as to read it from memory
--chain     learn from one block after the other, as if there were no rounds
--cluster   fit on two worker processes instead, and count the bytes that travel, by kind of task

"the sum" is the CPU time of the bare gradient sums over the same blocks: two products each.

    python bench/rounds.py --blocks 400 --copied
    python bench/rounds.py --blocks 300 --rows 20000 --features 100 --classes 6
    python bench/rounds.py --blocks 64 --rows 4000 --features 100 --cluster
"""

from __future__ import annotations

import argparse
import heapq
import os
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from common import ONE_BLAS_THREAD, table

os.environ.update(ONE_BLAS_THREAD)

import dask
import dask.array as da
import numpy as np
from dask.order import order
from dask.utils import key_split

from streamlearn._training import side_by_side
from streamlearn.blocks import graph
from streamlearn.linear_model import SGDClassifier

Costs = dict[Any, float]


def rows_of(args: argparse.Namespace) -> tuple[np.ndarray, np.ndarray]:
    """Make the rows that every block shows."""
    rng, K = np.random.default_rng(0), args.classes
    X = rng.normal(size=(args.rows, args.features))
    W = rng.normal(size=(K, args.features)) / args.features**0.5
    return X, np.argmax(2 * X @ W.T + rng.gumbel(size=(args.rows, K)), axis=1)


def collections(args: argparse.Namespace, X: np.ndarray, y: np.ndarray, n: int) -> tuple:
    """Return n blocks of the same rows."""
    load = np.array if args.copied else np.asarray
    return tuple(
        da.concatenate(
            [
                da.from_delayed(dask.delayed(partial(load, part), pure=False)(), part.shape, dtype)
                for _ in range(n)
            ]
        )
        for part, dtype in ((X, float), (y, int))
    )


def in_processes(args: argparse.Namespace, n: int) -> tuple:
    """Return n blocks that are made where they are loaded."""
    blocks = [dask.delayed(_made, pure=False)(args, k) for k in range(n)]
    shapes = ((args.rows, args.features), float), ((args.rows,), int)
    return tuple(
        da.concatenate([da.from_delayed(block[i], *shape) for block in blocks])
        for i, shape in enumerate(shapes)
    )


def _made(args: argparse.Namespace, k: int) -> tuple[np.ndarray, np.ndarray]:
    X = np.random.default_rng(k).normal(size=(args.rows, args.features))
    return X, (X[:, 0] > 0).astype(int)


def model(args: argparse.Namespace) -> SGDClassifier:
    return SGDClassifier(loss=args.loss, classes=range(args.classes), random_state=0)


@contextmanager
def measured() -> Iterator[list[tuple[dict[Any, set], Costs]]]:
    """Collect the dependencies and the CPU seconds of the tasks of each graph that runs."""
    found: list[tuple[dict[Any, set], Costs]] = []
    run = graph.Scheduler.run

    def timed(function: Any, key: Any, costs: Costs, *args: Any) -> Any:
        start = time.thread_time()
        try:
            return function(*args)
        finally:
            costs[key] = time.thread_time() - start

    def noting(self: Any, nodes: dict[Any, Any], keys: list[Any], **how: Any) -> list[Any]:
        needs = {key: set(node.dependencies) & nodes.keys() for key, node in nodes.items()}
        costs: Costs = dict.fromkeys(nodes, 0.0)
        for node in nodes.values():
            if isinstance(node, graph.Task):
                node.func = partial(timed, node.func, node.key, costs)
        found.append((needs, costs))
        return run(self, nodes, keys, **how)

    graph.Scheduler.run = noting
    try:
        yield found
    finally:
        graph.Scheduler.run = run


def least(turns: list[list[tuple[dict[Any, set], Costs]]]) -> list[tuple[dict[Any, set], Costs]]:
    """Return the graphs of the first turn, with the least cost of each task in any turn."""
    for graphs in zip(*turns, strict=True):
        known = [{_name(key): cost for key, cost in costs.items()} for _, costs in graphs]
        costs = graphs[0][1]
        costs.update({key: min(turn[_name(key)] for turn in known) for key in costs})
    return turns[0]


def _name(key: Any) -> Any:
    return (key_split(key), key[1]) if isinstance(key, tuple) else key


def on_paper(needs: dict[Any, set], costs: Costs, workers: int) -> float:
    """Return how long a graph takes on some workers."""
    turn = order(dict(needs), dependencies=needs)
    waits = {key: set(before) for key, before in needs.items()}
    then = defaultdict(list)
    for key, before in needs.items():
        for other in before:
            then[other].append(key)
    ready = [(turn[key], key) for key, before in waits.items() if not before]
    heapq.heapify(ready)
    running: list[tuple[float, int, Any]] = []
    now = 0.0
    while ready or running:
        while ready and len(running) < workers:
            at, key = heapq.heappop(ready)
            heapq.heappush(running, (now + costs[key], at, key))
        now, _, done = heapq.heappop(running)
        for key in then[done]:
            waits[key].discard(done)
            if not waits[key]:
                heapq.heappush(ready, (turn[key], key))
    return now


KINDS = ("load-block", "learn-block", "merge-blocks", "renew-model", "learn-round")
"""The names of the tasks of a round."""


def speed_ups(args: argparse.Namespace) -> None:
    """Print the seconds of each kind of task, and what some workers would take."""
    X, y = rows_of(args)
    model(args).fit(*collections(args, X, y, 4))  # imports
    blocks = collections(args, X, y, args.blocks)
    rows = []
    for workers in args.workers:
        turns = []
        with dask.config.set({"scheduler": "sync", "streamlearn.window": max(2, workers)}):
            for _ in range(args.turns):
                with measured() as graphs:
                    model(args).fit(*blocks)
                turns.append(graphs)
        kinds: Counter = Counter()
        graphs = least(turns)
        for _, costs in graphs:
            for key, cost in costs.items():
                kinds[key_split(key)] += cost
        alone = sum(kinds.values())
        together = sum(on_paper(*each, workers) for each in graphs)
        kinds_of = [kinds[kind] for kind in KINDS]
        real = wall(args, blocks, workers) if args.real else None
        rows.append([f"{workers} workers", *kinds_of, alone, together, alone / together, real])
    header = ("", "load", "update", "merge", "renew", "step", "all", "on paper", "times", "real")
    print(table(header, rows))
    start = time.thread_time()
    for _ in range(20):
        Z = X.copy() if args.copied else X
        np.dot((Z @ np.ones((args.features, args.classes if args.classes > 2 else 1))).T, Z)
    print(f"the sum: {(time.thread_time() - start) / 20 * args.blocks:.2f}")


def wall(args: argparse.Namespace, blocks: tuple, workers: int) -> float:
    """Return the least wall seconds of a fit on threads."""
    found = []
    with dask.config.set(scheduler="threads", num_workers=workers):
        for _ in range(args.turns):
            start = time.perf_counter()
            model(args).fit(*blocks)
            found.append(time.perf_counter() - start)
    return min(found)


def bytes_on_a_cluster(args: argparse.Namespace) -> None:
    """Print what two worker processes send each other in a fit."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        X, y = in_processes(args, args.blocks)
        model(args).fit(X, y)
        sizes: Counter = Counter()
        times: Counter = Counter()
        for received in client.run(_received).values():
            for key, size in received:
                sizes[key_split(key)] += size
                times[key_split(key)] += 1
    rows = [[kind, times[kind], sizes[kind] / 1e6] for kind in sorted(sizes)]
    print(table(("", "times", "MB"), [*rows, ["all blocks", args.blocks, X.nbytes / 1e6]]))


def _received(dask_worker: Any) -> list[tuple[Any, int]]:
    return [item for entry in dask_worker.transfer_incoming_log for item in entry["keys"].items()]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", type=int, default=400)
    parser.add_argument("--rows", type=int, default=16_000)
    parser.add_argument("--features", type=int, default=500)
    parser.add_argument("--classes", type=int, default=2)
    parser.add_argument("--loss", default="log_loss")
    parser.add_argument("--workers", type=int, nargs="+", default=[2, 3, 8])
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--copied", action="store_true")
    parser.add_argument("--chain", action="store_true")
    parser.add_argument("--cluster", action="store_true")
    parser.add_argument("--real", action="store_true")
    given = parser.parse_args()
    if given.chain:
        side_by_side._seen = lambda *_: 0.0
    (bytes_on_a_cluster if given.cluster else speed_ups)(given)
