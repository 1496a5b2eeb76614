"""What the death of a worker costs.

The question: how many blocks are loaded again if workers of a cluster are killed?

A chain, rounds and a mergeable pass read ``--blocks`` blocks on three worker processes, each with
one thread and a limit of 600 MB. Workers are killed at random moments: one that has what was
learned, one that has not, and two in turn. Counted are loads. "same bits" compares the result with
the one of the pass in which nobody dies.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import distributed
import numpy as np
from common import table

from streamlearn.linear_model import SGDRegressor
from streamlearn.preprocessing import StandardScaler

ONE_EPOCH = {"max_iter": 1, "tol": None, "random_state": 0}
CHAIN = {"learning_rate": "constant", "eta0": 1e-3, "batch_size": 64, **ONE_EPOCH}
FITS: dict[str, Callable[[Any], Any]] = {
    "fold": lambda X: SGDRegressor(**CHAIN).fit(X, X[:, 0]).coef_,
    "rounds": lambda X: SGDRegressor(**ONE_EPOCH).fit(X, X[:, 0]).coef_,
    "reduce": lambda X: StandardScaler().fit(X).var_,
}
LEARNED = ("state", "learn", "merge", "reduce", "view", "renew", "sums")
CASES = {
    "nobody dies": (0, True),
    "one with results": (1, True),
    "one without": (1, False),
    "two in turn": (2, True),
}


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", type=int, default=100)
    parser.add_argument("--rows", type=int, default=2_000)
    parser.add_argument("--seconds", type=float, default=0.05, help="of a load")
    parser.add_argument("--fits", nargs="+", choices=FITS, default=[*FITS])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    draw, found = random.Random(args.seed), {}
    with (
        # The cluster would give up a worker that is slow to come back.
        dask.config.set({"distributed.deploy.lost-worker-timeout": "10 minutes"}),
        distributed.LocalCluster(
            n_workers=3, threads_per_worker=1, memory_limit="600MB", dashboard_address=":0"
        ) as cluster,
        cluster.get_client() as client,
    ):
        for fit in args.fits:
            known = None
            for case, (n_deaths, with_results) in CASES.items():
                client.wait_for_workers(3)
                moments = sorted(draw.sample(range(args.blocks // 5, args.blocks - 8), n_deaths))
                with tempfile.TemporaryDirectory() as folder:
                    log = Path(folder) / "log"
                    log.touch()
                    ways = (client, log, moments, with_results, draw)
                    killer = threading.Thread(target=kill, args=ways)
                    killer.start()
                    bits = FITS[fit](array(log, args)).tobytes()
                    killer.join()
                    loads = log.read_text().split()
                known = bits if known is None else known
                found[f"{fit}: {case}"] = {
                    "again": len(loads) - args.blocks,
                    "same": bits == known,
                    "spread": sorted(Counter(loads).values()),
                }
    rows = [
        [name, f["again"], f["same"], " ".join(map(str, f["spread"]))] for name, f in found.items()
    ]
    print(table(["", "loaded again", "same bits", "loads of each process"], rows))
    if args.json:
        args.json.write_text(json.dumps(found, indent=1))


def array(log: Path, args: argparse.Namespace) -> Any:
    """Return an array whose loads are noted."""
    parts = [
        dask.delayed(load, pure=False)(log, number, args.rows, args.seconds)
        for number in range(args.blocks)
    ]
    return da.concatenate([da.from_delayed(part, (args.rows, 10), float) for part in parts])


def load(log: Path, number: int, rows: int, seconds: float) -> np.ndarray:
    """Make a block, and note the process."""
    with log.open("a") as file:
        file.write(f"{os.getpid()}\n")
    time.sleep(seconds)
    return np.random.default_rng(number).normal(size=(rows, 10))


def kill(
    client: Any, log: Path, moments: Sequence[int], with_results: bool, draw: random.Random
) -> None:
    """Kill a worker each time that one of these numbers of loads has begun."""
    for moment in moments:
        while len(log.read_text().split()) < moment:
            time.sleep(0.005)
        processes = client.run(os.getpid)
        having = client.run_on_scheduler(workers_with_results)
        those = [worker for worker in processes if (worker in having) == with_results]
        os.kill(processes[draw.choice(those or sorted(processes))], signal.SIGKILL)


def workers_with_results(dask_scheduler: Any) -> set[str]:
    """Return the workers that have something that was learned."""
    return {
        worker.address
        for task in dask_scheduler.tasks.values()
        if dask.utils.key_split(task.key).startswith(LEARNED)
        for worker in task.who_has or ()
    }


if __name__ == "__main__":
    main()
