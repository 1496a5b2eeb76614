"""Where the time of a `partial_fit` of k-means goes, compared with scikit-learn's and with a floor.

The question: how much faster can `MiniBatchKMeans.partial_fit` be? Both libraries get the same
batches in turn, in one process. "Floor" is one product of a batch with the centres and the search
for the smallest entry of each row, in float32 and on one BLAS thread, and nothing else. A call
compares each row with all centres, and so takes at least this. With labels scikit-learn does it
twice.

Rows are in clusters ("blobs"), or have no structure ("noise"), where a row has several centres at
nearly the same distance. All figures are medians of CPU time, in nanoseconds a row. "Parts" are
those of our call: the checks of the input, the nearest centres, these with the sums, and the labels
after the step. With ``--sparse`` rows are sparse, a tenth of their entries stored.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from itertools import product
from typing import Any

import common  # it puts this checkout first
import numpy as np
import sklearn.cluster
from scipy.sparse import csr_array

import streamlearn.cluster
from streamlearn._validation.finite import sum_is_finite
from streamlearn.blocks import one_blas_thread
from streamlearn.core import kmeans
from streamlearn.core.kmeans.assignment import nearest, totals
from streamlearn.core.learner import Batch

BATCHES = 4


def batches(kind: str, n: int, k: int, d: int, dtype: str, sparse: bool) -> list[Any]:
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(k, d)) * (kind == "blobs")
    made = []
    for _ in range(BATCHES):
        X = (centers[rng.integers(0, k, n)] + rng.normal(size=(n, d))).astype(dtype)
        made.append(csr_array(X * (rng.random(X.shape) < 0.1)) if sparse else X)
    return made


def cpu(call: Callable[[], Any]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def calls(X: list[Any], k: int, labels: bool, turns: int) -> list[float]:
    """Return seconds a batch of scikit-learn and of ours, after both have seen every batch."""
    first = X[0][:k].toarray() if hasattr(X[0], "toarray") else X[0][:k]
    models = [
        library.MiniBatchKMeans(k, init=first, n_init=1, random_state=0, compute_labels=labels)
        for library in (sklearn.cluster, streamlearn.cluster)
    ]
    for rows, model in product(X, models):
        model.partial_fit(rows)
    times = [
        [
            cpu(lambda model=model, turn=turn: model.partial_fit(X[turn % BATCHES]))
            for model in models
        ]
        for turn in range(turns)
    ]
    return [statistics.median(each) for each in zip(*times, strict=True)]


def parts(X: list[Any], k: int, turns: int) -> list[float]:
    """Return seconds a batch of the floor, and of the parts of our call."""
    dense = not hasattr(X[0], "toarray")
    state = kmeans.start(X[0][:k] if dense else X[0][:k].toarray())
    for _ in range(2):
        for rows in X:
            state, *_ = kmeans.step(kmeans.Params(), state, Batch(rows))
    short, C = X[1].astype(np.float32), state.centers.astype(np.float32).T.copy()
    after, _, near = kmeans.step(kmeans.Params(), state, Batch(X[1]), bounds=dense)
    before = kmeans.FormerNearest(state.centers, near)
    done = (
        lambda: (short @ C).argmin(axis=1),
        lambda: sum_is_finite(X[1]),
        lambda: nearest(state, X[1], bounds=dense),
        lambda: totals(state, X[1], None, bounds=dense),
        lambda: kmeans.labels_and_inertia(after, X[1], None, None, before),
    )
    return [statistics.median(cpu(call) for _ in range(turns)) for call in done]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kinds", nargs="+", default=["blobs", "noise"])
    parser.add_argument("--rows", nargs="+", type=int, default=[1_000, 10_000, 100_000])
    parser.add_argument("--clusters", nargs="+", type=int, default=[8, 64, 256])
    parser.add_argument("--features", nargs="+", type=int, default=[20, 100, 500])
    parser.add_argument("--dtypes", nargs="+", default=["float64", "float32"])
    parser.add_argument("--turns", type=int, default=12)
    parser.add_argument("--most", type=int, default=10_000_000, help="numbers of a batch")
    parser.add_argument("--sparse", action="store_true")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    rows = []
    for kind, dtype, d, k, n in product(
        args.kinds, args.dtypes, args.features, args.clusters, args.rows
    ):
        if n * d > args.most or k >= n:
            continue
        X = batches(kind, n, k, d, dtype, args.sparse)
        found = [s / n * 1e9 for flag in (True, False) for s in calls(X, k, flag, args.turns)]
        with one_blas_thread():
            floor, *pieces = (s / n * 1e9 for s in parts(X, k, args.turns))
        gains = [found[0] / found[1], found[2] / found[3], found[0] / floor, found[2] / floor]
        name = f"{kind} {dtype} {n:,} x {d}, {k} clusters"
        rows.append([name, *found[:2], gains[0], *found[2:], gains[1], floor, *gains[2:], *pieces])
        print(common.table(HEADER, rows[-1:]).splitlines()[-1], flush=True)
    print(f"\nns of CPU time a row; medians of {args.turns} turns")
    print(common.table(HEADER, rows))


HEADER = (
    *("batches", "labels sklearn", "ours", "times", "no labels sklearn", "ours", "times"),
    *("floor", "labels/floor", "no labels/floor", "checks", "nearest", "and sums", "labels after"),
)

if __name__ == "__main__":
    main()
