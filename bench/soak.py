"""Memory that grows with the time that a process learns.

The question: how many MB does an hour of learning leave behind?

stream  `partial_fit` on one batch after the other of a stream that never ends, by a linear model, a
        net and k-means in turn
fits    fits of new estimators in a loop, over blocks and in memory: linear, a net, k-means, a
        one-pass pipeline

Each runs for ``--seconds``, and at least ``--times`` times, in a process of its own. It reads the
memory of that process a hundred times, after a collection of garbage. The first fifth is left out:
caches fill. The slope is the median of the slopes between all pairs of the other readings, so one
large array does not change it. Files that the system maps are not counted.

`loss_curve_` of a net grows with each `partial_fit`, as its docstring says, and is emptied.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from common import in_own_process, memory, table

ROWS, FEATURES, READINGS = 1_000, 20, 100


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3600, help="of each")
    parser.add_argument("--times", type=int, default=2000, help="the least number of each")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--worker", choices=WHAT, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        print(json.dumps(soak(WHAT[args.worker], args.seconds, args.times)))
        return
    flags = ["--seconds", args.seconds, "--times", args.times]
    found = {
        name: in_own_process(sys.executable, __file__, [*flags, "--worker", name]) for name in WHAT
    }
    rows = [[name, *found[name].values()] for name in WHAT]
    print(table(["", "times", "seconds", "MB at first", "MB at last", "MB an hour"], rows))
    if args.json:
        args.json.write_text(json.dumps(found, indent=1))


def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield batches without end."""
    rng = np.random.default_rng(0)
    while True:
        X = rng.normal(size=(ROWS, FEATURES))
        yield X, (X[:, 0] + X[:, 1] > 0).astype(int)


def stream() -> Iterator[None]:
    """Learn from a batch at each step."""
    from streamlearn.cluster import MiniBatchKMeans
    from streamlearn.linear_model import SGDClassifier
    from streamlearn.neural_network import MLPClassifier

    seed = {"random_state": 0}
    linear, net = SGDClassifier(**seed), MLPClassifier(hidden_layer_sizes=(16,), **seed)
    clusters = MiniBatchKMeans(8, **seed)
    for X, y in batches():
        linear.partial_fit(X, y, classes=[0, 1])
        net.partial_fit(X, y, classes=[0, 1])
        net.loss_curve_ = []
        clusters.partial_fit(X)
        yield


def fits() -> Iterator[None]:
    """Fit an estimator at each step."""
    import dask
    import dask.array as da

    from streamlearn.cluster import MiniBatchKMeans
    from streamlearn.linear_model import SGDClassifier
    from streamlearn.neural_network import MLPClassifier
    from streamlearn.pipeline import make_pipeline
    from streamlearn.preprocessing import StandardScaler

    how = {"random_state": 0, "max_iter": 1}
    make: list[Callable[[], Any]] = [
        lambda: SGDClassifier(tol=None, **how),
        lambda: make_pipeline(StandardScaler(), SGDClassifier(tol=None, **how)),
        lambda: MiniBatchKMeans(8, **how),
        lambda: MLPClassifier(hidden_layer_sizes=(16,), **how),
    ]
    with dask.config.set(scheduler="threads", num_workers=2):
        for n, (X, y) in enumerate(batches()):
            estimator = make[n // 2 % len(make)]()
            if n % 2:
                rows = da.from_array(X, chunks=(ROWS // 10, FEATURES))
                estimator.fit(rows, da.from_array(y, chunks=ROWS // 10))
            else:
                estimator.fit(X, y)
            yield


WHAT = {"stream": stream, "fits": fits}


def soak(what: Callable[[], Iterator[None]], seconds: float, least: int) -> dict[str, float]:
    """Run steps for a while, at least some, and return how the memory of this process grew."""
    warnings.simplefilter("ignore")  # one epoch does not converge
    seen: list[tuple[float, float]] = []
    began = time.perf_counter()
    n, now = 0, 0.0
    for _ in what():
        n, now = n + 1, time.perf_counter() - began
        part = min(now / seconds, n / least) if seconds else 1.0
        if part * READINGS >= len(seen):
            gc.collect()
            seen.append((now, memory()["anon"]))
        if part >= 1:
            break
    later = seen[len(seen) // 5 :]
    return {
        "times": n,
        "seconds": now,
        "first": later[0][1],
        "last": later[-1][1],
        "slope": 3600 * slope(later),
    }


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Return the median of the slopes between all pairs of points."""
    pairs = combinations(points, 2)
    return statistics.median([(b[1] - a[1]) / (b[0] - a[0]) for a, b in pairs] or [0.0])


if __name__ == "__main__":
    main()
