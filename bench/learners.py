"""What a row costs each learner, compared with scikit-learn's, block by block.

The question: what does `partial_fit` cost on blocks in memory, where nothing is lazy and nothing is
read? Both libraries get the same blocks, in float64 and in float32, with the same parameters.
"MiniBatchKMeans-fit" is one `fit` of all rows, which draws its own batches of 4,096.

Speed is in microseconds of CPU time a row, the median over blocks of the best of three passes;
BLAS has one thread. "First pass" is how many times faster all of the first one was: the default
rule starts with small batches, each of which costs the interpreter what a large one does. The score
is that of a block that nobody learned from, after the first pass. To add a learner, append it to
`LEARNERS`.
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
    blocks, block_rows : int
        How many, and of how many rows, unless the command says otherwise. k-means takes each block
        as a batch.
    method : {"partial_fit", "fit"}
    """

    where: str
    params: dict[str, Any]
    target: str | None
    straight: bool = False
    blocks: int = 5
    block_rows: int = 20_000
    method: str = "partial_fit"


SEED = {"random_state": 0}
LOG = {"loss": "log_loss", **SEED}
NET = {"hidden_layer_sizes": (100,), "batch_size": 200, **SEED}
CLUSTERS = {"n_clusters": 16, **SEED}


def linear(name: str, params: dict[str, Any], target: str, **sizes: int) -> Learner:
    return Learner(f"linear_model.{name}", params, target, True, **sizes)


def clusters(**params: Any) -> Learner:
    where = "cluster.MiniBatchKMeans"
    return Learner(where, CLUSTERS | params, None, blocks=244, block_rows=4096)


def net(name: str, target: str, **params: Any) -> Learner:
    return Learner(f"neural_network.{name}", NET | params, target)


MILLION = {"blocks": 10, "block_rows": 100_000}
LEARNERS = {
    "SGDClassifier": linear("SGDClassifier", SEED, "two classes", **MILLION),
    "SGDClassifier-10": linear("SGDClassifier", SEED, "ten classes", **MILLION),
    "SGDClassifier-log": linear("SGDClassifier", LOG, "two classes", **MILLION),
    "SGDClassifier-log-10": linear("SGDClassifier", LOG, "ten classes", **MILLION),
    "SGDRegressor": linear("SGDRegressor", SEED, "values", **MILLION),
    "Perceptron": linear("Perceptron", SEED, "two classes"),
    "PassiveAggressiveClassifier": linear("PassiveAggressiveClassifier", SEED, "two classes"),
    "PassiveAggressiveRegressor": linear("PassiveAggressiveRegressor", SEED, "values"),
    "MiniBatchKMeans-fit": clusters(batch_size=4096)._replace(
        blocks=1, block_rows=1_000_000, method="fit"
    ),
    "MiniBatchKMeans": clusters(),
    "MiniBatchKMeans-unlabelled": clusters(compute_labels=False),
    "MiniBatchKMeans-1000": clusters(n_clusters=1000)._replace(blocks=25),
    "MLPClassifier": net("MLPClassifier", "two classes"),
    "MLPClassifier-10": net("MLPClassifier", "ten classes"),
    "MLPRegressor": net("MLPRegressor", "values"),
    "MLPClassifier-sgd": net("MLPClassifier", "two classes", solver="sgd"),
    "MLPClassifier-deep": net("MLPClassifier", "two classes", hidden_layer_sizes=(100, 50)),
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
        learn = getattr(model, learner.method)
        for turn in range(len(times)):
            for k, (X_k, y_k) in enumerate(learned):
                start = time.process_time()
                if learner.target is None:
                    learn(X_k)
                else:
                    learn(X_k, y_k, **classes)
                times[turn, k] = time.process_time() - start
            if turn == 0:
                figures[f"{dtype} first"] = times[0].mean() / rows * 1e6
                figures[f"{dtype} score"] = float(model.score(X, y))
        figures[f"{dtype} us"] = statistics.median(times.min(axis=0)) / rows * 1e6
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--learners", nargs="+", choices=LEARNERS, default=list(LEARNERS))
    parser.add_argument("--blocks", type=int, help="default: each learner's")
    parser.add_argument("--block-rows", type=int, help="default: each learner's")
    parser.add_argument("--features", type=int, default=20)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--json", type=Path, help="also write every turn's figures here")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        warnings.simplefilter("ignore")
        print(json.dumps(measure(*args.measure, args.blocks, args.block_rows, args.features)))
        return

    results, rows = {}, []
    for name in args.learners:
        n_blocks = args.blocks or LEARNERS[name].blocks
        block_rows = args.block_rows or LEARNERS[name].block_rows
        flags = ["--blocks", n_blocks, "--block-rows", block_rows, "--features", args.features]
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
        gains.append(theirs["float64 first"] / ours["float64 first"])
        scored = [each["float64 score"] for each in (theirs, ours)]
        rows.append([name, f"{n_blocks} x {block_rows:,}", *cells, *gains, *scored])
    print(
        f"\n{args.features} features: microseconds of CPU time a row. Times is "
        f"scikit-learn's float64 over ours. Medians of {args.turns} turns, {os.cpu_count()} cores, "
        "1 BLAS thread"
    )
    header = [f"{who} {bits}" for bits in ("f64", "f32") for who in ("sklearn", "ours")]
    header += ["f64 times", "f32 times", "first pass times", "sklearn score", "our score"]
    print(table(("learner", "blocks", *header), rows))
    if args.json:
        args.json.write_text(json.dumps({"features": args.features, "turns": results}, indent=1))


if __name__ == "__main__":
    main()
