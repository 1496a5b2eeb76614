"""Rows a second and score of every learner on one real table: docs/guide/which_learner.md.

Each learner is the last step of a pipeline behind a scaler, with its defaults except for what its
line says. It learns from the flights' rows as the blocks of a dask array, read once. The scores are
on held-out rows: accuracy of whether a flight is late, R2 of by how many minutes, and for clusters
the part of the rows' variance that lies between them. Time is wall-clock, on dask's threads, the
median of turns that go round, so that a slow minute of the machine slows all. ``--markdown`` prints
what the page shows.

    python bench/which.py --markdown
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

from common import ONE_BLAS_THREAD, table

if __name__ == "__main__":  # before the first import of NumPy
    os.environ.update(ONE_BLAS_THREAD)

import dask.array as da
import numpy as np
from sklearn.linear_model import SGDClassifier as TheirSGDClassifier
from sklearn.naive_bayes import GaussianNB
from tables import made

from streamlearn.cluster import MiniBatchKMeans
from streamlearn.linear_model import (
    PassiveAggressiveClassifier,
    PassiveAggressiveRegressor,
    Perceptron,
    SGDClassifier,
    SGDRegressor,
)
from streamlearn.neural_network import MLPClassifier, MLPRegressor
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler
from streamlearn.wrappers import Incremental

KNOWN = {"classes": [0, 1], "random_state": 0}
SEED = {"random_state": 0}


class Line(NamedTuple):
    """A learner, its words, the table it learns from, and arguments of the pipeline's fit."""

    words: str
    table: str
    make: Callable[[], Any]
    fit: dict[str, Any] = {}


LINES = [
    Line("SGDClassifier, log loss", "flights", lambda: SGDClassifier("log_loss", **KNOWN)),
    Line("SGDClassifier, hinge", "flights", lambda: SGDClassifier(**KNOWN)),
    Line(
        "SGDClassifier, modified huber", "flights", lambda: SGDClassifier("modified_huber", **KNOWN)
    ),
    Line("Perceptron", "flights", lambda: Perceptron(**KNOWN)),
    Line("PassiveAggressiveClassifier", "flights", lambda: PassiveAggressiveClassifier(**KNOWN)),
    Line("MLPClassifier", "flights", lambda: MLPClassifier(**KNOWN)),
    Line(
        "Incremental(GaussianNB())",
        "flights",
        lambda: Incremental(GaussianNB()),
        {"incremental__classes": [0, 1]},
    ),
    Line(
        "Incremental(sklearn SGDClassifier)",
        "flights",
        lambda: Incremental(TheirSGDClassifier(loss="log_loss", **SEED)),
        {"incremental__classes": [0, 1]},
    ),
    Line("SGDRegressor, squared error", "delays", lambda: SGDRegressor(**SEED)),
    Line("SGDRegressor, huber", "delays", lambda: SGDRegressor("huber", epsilon=10, **SEED)),
    Line("PassiveAggressiveRegressor", "delays", lambda: PassiveAggressiveRegressor(**SEED)),
    Line("MLPRegressor", "delays", lambda: MLPRegressor(**SEED)),
    Line("MiniBatchKMeans, 8 clusters", "flights", lambda: MiniBatchKMeans(8, **SEED)),
]


def quality(pipe: Any, X: np.ndarray, y: np.ndarray) -> float:
    """Return accuracy, R2, or the part of the variance that lies between clusters."""
    if not hasattr(pipe[-1], "cluster_centers_"):
        return float(pipe.score(X, y))
    Z = pipe[0].transform(X)
    return 1.0 + float(pipe[-1].score(Z)) / float(((Z - Z.mean(axis=0)) ** 2).sum())


def measure(line: Line, rows: int, blocks: int) -> tuple[float, float, float]:
    """Return the seconds of fit and of predict, and the score."""
    data = made(line.table, rows)
    size = -(-len(data.X) // blocks)
    parts = range(0, len(data.X), size)
    X, y = (
        da.concatenate([da.from_array(a[i : i + size], chunks=-1) for i in parts])
        for a in (data.X, data.y)
    )
    pipe = make_pipeline(StandardScaler(), line.make())
    start = time.perf_counter()
    pipe.fit(X, y, **line.fit)
    fitted = time.perf_counter()
    pipe.predict(X).sum().compute()
    done = time.perf_counter()
    return fitted - start, done - fitted, quality(pipe, data.X_test, data.y_test)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--blocks", type=int, default=30)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--lines", nargs="*", help="those whose words contain one of these")
    parser.add_argument("--markdown", action="store_true")
    args = parser.parse_args()
    warnings.simplefilter("ignore")  # of convergence: one pass is all there is
    chosen = [n for n in LINES if not args.lines or any(part in n.words for part in args.lines)]
    turns: list[list[tuple[float, float, float]]] = [[] for _ in chosen]
    for _ in range(args.turns):
        for line, kept in zip(chosen, turns, strict=True):
            kept.append(measure(line, args.rows, args.blocks))
    header = ("learner", "table", "rows/s, fit", "rows/s, predict", "score")
    rows = []
    for line, kept in zip(chosen, turns, strict=True):
        fit, predict, score = (statistics.median(column) for column in zip(*kept, strict=True))
        per_second = (f"{len(made(line.table, args.rows).X) / s:,.0f}" for s in (fit, predict))
        rows.append((line.words, line.table, *per_second, f"{score:.4f}"))
    if args.markdown:
        for row in (header, ("---",) * len(header), *rows):
            print(f"| {' | '.join(row)} |")
    else:
        print(table(header, rows))


if __name__ == "__main__":
    main()
