"""What a row costs each learner beside scikit-learn's, block by block.

The question: what does `partial_fit` cost on blocks in memory, where nothing is lazy and nothing is
read? Both libraries get the same blocks, in float64 and in float32, with the same parameters.

Speed is in microseconds of CPU time a row, the median over blocks of the best of several passes;
BLAS has one thread. The score is that of a block that nobody learned from, after the first pass.
To add a learner, append it to `LEARNERS`.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import statistics
import sys
import time
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from common import in_own_process, in_turn, medians, table

CONTENDERS = ("scikit-learn", "streamlearn")
DTYPES = ("float64", "float32")


class Learner(NamedTuple):
    """An estimator of both libraries.

    Attributes
    ----------
    where : str
        Its module's and its class's name, the same in both.
    params : dict
    target : {"two classes", "ten classes", "values"} or None
    straight : bool
        Whether a linear model finds the target.
    """

    where: str
    params: dict[str, Any]
    target: str | None
    straight: bool = False


SEED = {"random_state": 0}
LOG = {"loss": "log_loss", **SEED}
NET = {"hidden_layer_sizes": (100,), "batch_size": 200, "random_state": 0}
CLUSTERS = {"n_clusters": 16, "random_state": 0}
LEARNERS = {
    "SGDClassifier": Learner("linear_model.SGDClassifier", SEED, "two classes", True),
    "SGDClassifier-10": Learner("linear_model.SGDClassifier", SEED, "ten classes", True),
    "SGDClassifier-log": Learner("linear_model.SGDClassifier", LOG, "two classes", True),
    "SGDClassifier-log-10": Learner("linear_model.SGDClassifier", LOG, "ten classes", True),
    "SGDRegressor": Learner("linear_model.SGDRegressor", SEED, "values", True),
    "Perceptron": Learner("linear_model.Perceptron", SEED, "two classes", True),
    "PassiveAggressiveClassifier": Learner(
        "linear_model.PassiveAggressiveClassifier", SEED, "two classes", True
    ),
    "PassiveAggressiveRegressor": Learner(
        "linear_model.PassiveAggressiveRegressor", SEED, "values", True
    ),
    "MiniBatchKMeans": Learner("cluster.MiniBatchKMeans", CLUSTERS, None),
    "MiniBatchKMeans-unlabelled": Learner(
        "cluster.MiniBatchKMeans", {**CLUSTERS, "compute_labels": False}, None
    ),
    "MiniBatchKMeans-1000": Learner(
        "cluster.MiniBatchKMeans", {**CLUSTERS, "n_clusters": 1000}, None
    ),
    "MLPClassifier": Learner("neural_network.MLPClassifier", NET, "two classes"),
    "MLPClassifier-10": Learner("neural_network.MLPClassifier", NET, "ten classes"),
    "MLPRegressor": Learner("neural_network.MLPRegressor", NET, "values"),
    "MLPClassifier-sgd": Learner(
        "neural_network.MLPClassifier", {**NET, "solver": "sgd"}, "two classes"
    ),
    "MLPClassifier-deep": Learner(
        "neural_network.MLPClassifier", {**NET, "hidden_layer_sizes": (100, 50)}, "two classes"
    ),
}


def blocks(learner: Learner, dtype: str, n_blocks: int, rows: int, d: int) -> list[tuple]:
    """Return rows and targets; those that are not straight leave a net something to find."""
    rng = np.random.default_rng(0)
    slopes, made = rng.normal(size=(d, 2)), []
    for _ in range(n_blocks + 1):
        X = rng.normal(size=(rows, d))
        signal = X @ slopes / d**0.5
        values = signal[:, 0] * (1.0 if learner.straight else signal[:, 1])
        values = values + (0.5 if learner.straight else 0.1) * rng.normal(size=rows)
        borders = np.linspace(-1.0, 1.0, 9)
        y = {
            "two classes": (values > 0).astype(np.int64),
            "ten classes": np.digitize(values, borders),
            "values": values,
            None: None,
        }[learner.target]
        made.append((X.astype(dtype), y))
    return made


def measure(contender: str, name: str, n_blocks: int, rows: int, d: int) -> dict[str, float]:
    """Return microseconds a row and the score, for each dtype."""
    learner, figures = LEARNERS[name], {}
    module, _, cls = learner.where.partition(".")
    library = {"scikit-learn": "sklearn", "streamlearn": "streamlearn"}[contender]
    make = getattr(importlib.import_module(f"{library}.{module}"), cls)
    for dtype in DTYPES:
        *learned, (X, y) = blocks(learner, dtype, n_blocks, rows, d)
        classes = {"classes": np.arange(10)} if learner.target == "ten classes" else {}
        classes = {"classes": [0, 1]} if learner.target == "two classes" else classes
        model, times = make(**learner.params), np.full((3, n_blocks), np.inf)
        for turn in range(len(times)):
            for k, (X_k, y_k) in enumerate(learned):
                start = time.process_time()
                if learner.target is None:
                    model.partial_fit(X_k)
                else:
                    model.partial_fit(X_k, y_k, **classes)
                times[turn, k] = time.process_time() - start
            if turn == 0:
                figures[f"{dtype} score"] = float(model.score(X, y))
        figures[f"{dtype} us"] = statistics.median(times.min(axis=0)) / rows * 1e6
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--learners", nargs="+", choices=LEARNERS, default=list(LEARNERS))
    parser.add_argument("--blocks", type=int, default=5)
    parser.add_argument("--block-rows", type=int, default=20_000)
    parser.add_argument("--features", type=int, default=20)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--json", type=Path, help="also write every turn's figures here")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    sizes = [args.blocks, args.block_rows, args.features]
    if args.measure:
        warnings.simplefilter("ignore")
        print(json.dumps(measure(*args.measure, *sizes)))
        return

    results, rows = {}, []
    for name in args.learners:
        flags = ["--blocks", sizes[0], "--block-rows", sizes[1], "--features", sizes[2]]
        results[name] = in_turn(
            CONTENDERS,
            args.turns,
            lambda contender, name=name, flags=flags: in_own_process(
                sys.executable, __file__, [*flags, "--measure", contender, name]
            ),
        )
        theirs, ours = (medians(results[name][contender]) for contender in CONTENDERS)
        cells = [each[f"{dtype} us"] for dtype in DTYPES for each in (theirs, ours)]
        gains = [theirs["float64 us"] / ours[f"{dtype} us"] for dtype in DTYPES]
        rows.append([name, *cells, *gains, theirs["float64 score"], ours["float64 score"]])
    print(
        f"\n{sizes[0]} blocks of {sizes[1]:,} rows of {sizes[2]} features: microseconds of CPU "
        "time a row in partial_fit; times is scikit-learn's float64 over ours; medians of "
        f"{args.turns} turns; {os.cpu_count()} cores, 1 BLAS thread"
    )
    header = [f"{who} {bits}" for bits in ("f64", "f32") for who in ("sklearn", "ours")]
    scores = ("sklearn score", "our score")
    print(table(("learner", *header, "f64 times", "f32 times", *scores), rows))
    if args.json:
        args.json.write_text(json.dumps({"sizes": sizes, "turns": results}, indent=1))


if __name__ == "__main__":
    main()
