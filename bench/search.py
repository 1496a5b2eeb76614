"""What a search for parameters costs, compared with a fit of each candidate.

The question: how many times the cost of one fit are 64 candidates that learn from one read? The
candidates are values of ``alpha`` of a linear classifier, over blocks in memory:

fit            our SGDClassifier, one default pass
progressive    our StreamSearchCV: each block is scored before it is learned from
folds          the same with ``cv=5``, and a model of all blocks
halving        our SuccessiveHalvingSearchCV; `bench/halving.py` says how well it chooses
weights        as "progressive", with 64 class weights instead of penalties
pipelines      as "progressive", with a StandardScaler before the model
loop           scikit-learn's SGDClassifier for each candidate, by ``partial_fit`` block by block
GridSearchCV   scikit-learn's, with cv=5 and its own classifier, on ``--share`` of the rows; its
               time is divided by this share
dask-ml        its GridSearchCV, in the same way, over blocks. Its four incremental searches raise
               "Attempting to use an asynchronous Client in a synchronous context of `dask.compute`"
               (dask-ml 2025.1.0, dask 2026.8.0)

Seconds are of wall time and of CPU time. "times" is wall time over that of one fit. BLAS has no
variable set, as a user has it. Each contender runs in its own process, in turn.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from common import importable, in_blocks, in_own_process, in_turn, medians, memory, table

ALPHAS = np.logspace(-7, 0, 64).tolist()
SEED = {"random_state": 0}


def numbers(n_rows: int, n_features: int) -> tuple[np.ndarray, np.ndarray]:
    """Make rows off centre whose labels follow a logistic model."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, n_features))
    score = X @ (rng.normal(size=n_features) * 2 / np.sqrt(n_features))
    X += 3.0
    return X, (score + rng.logistic(size=n_rows) > 0).astype(np.int64)


def ours(search: Callable[..., Any]) -> Callable[..., Any]:
    def run(X: np.ndarray, y: np.ndarray, block_rows: int, share: float) -> Any:
        X, y = (in_blocks(part, block_rows) for part in (X, y))
        return lambda: search(X, y)

    return run


def one_fit(X: Any, y: Any) -> None:
    from streamlearn.linear_model import SGDClassifier

    SGDClassifier("log_loss", **SEED).fit(X, y)


def progressive(X: Any, y: Any, **how: Any) -> None:
    from streamlearn.linear_model import SGDClassifier
    from streamlearn.model_selection import StreamSearchCV

    model = SGDClassifier("log_loss", **SEED)
    StreamSearchCV(model, {"alpha": ALPHAS}, scoring="neg_log_loss", **SEED, **how).fit(X, y)


def weights(X: Any, y: Any) -> None:
    from streamlearn.linear_model import SGDClassifier
    from streamlearn.model_selection import StreamSearchCV

    grid = {"class_weight": [{0: 1.0, 1: weight} for weight in np.logspace(-1, 1, 64).tolist()]}
    model = SGDClassifier("log_loss", **SEED)
    StreamSearchCV(model, grid, scoring="neg_log_loss", **SEED).fit(X, y)


def pipelines(X: Any, y: Any) -> None:
    from streamlearn.linear_model import SGDClassifier
    from streamlearn.model_selection import StreamSearchCV
    from streamlearn.pipeline import Pipeline
    from streamlearn.preprocessing import StandardScaler

    steps = [("scaler", StandardScaler()), ("model", SGDClassifier("log_loss", **SEED))]
    grid = {"model__alpha": ALPHAS}
    StreamSearchCV(Pipeline(steps), grid, scoring="neg_log_loss", **SEED).fit(X, y)


def five_folds(X: Any, y: Any) -> None:
    progressive(X, y, cv=5)


def halving(X: Any, y: Any) -> None:
    from streamlearn.linear_model import SGDClassifier
    from streamlearn.model_selection import SuccessiveHalvingSearchCV

    model = SGDClassifier("log_loss", **SEED)
    SuccessiveHalvingSearchCV(model, {"alpha": ALPHAS}, scoring="neg_log_loss", **SEED).fit(X, y)


def theirs(X: np.ndarray, y: np.ndarray, block_rows: int, share: float) -> Any:
    from sklearn.linear_model import SGDClassifier

    def run() -> None:
        for alpha in ALPHAS:
            model = SGDClassifier(loss="log_loss", alpha=alpha, **SEED)
            for start in range(0, len(X), block_rows):
                rows = slice(start, start + block_rows)
                model.partial_fit(X[rows], y[rows], classes=[0, 1])

    return run


def grid(X: np.ndarray, y: np.ndarray, block_rows: int, share: float) -> Any:
    from sklearn.linear_model import SGDClassifier
    from sklearn.model_selection import GridSearchCV

    n = int(share * len(X))
    model = SGDClassifier(loss="log_loss", **SEED)
    search = GridSearchCV(model, {"alpha": ALPHAS}, scoring="neg_log_loss", cv=5, n_jobs=2)
    return lambda: search.fit(X[:n], y[:n])


def dask_ml(X: np.ndarray, y: np.ndarray, block_rows: int, share: float) -> Any:
    from dask_ml.model_selection import GridSearchCV
    from sklearn.linear_model import SGDClassifier

    n = int(share * len(X))
    X, y = (in_blocks(part[:n], block_rows) for part in (X, y))
    model = SGDClassifier(loss="log_loss", **SEED)
    search = GridSearchCV(model, {"alpha": ALPHAS}, scoring="neg_log_loss", cv=5)
    return lambda: search.fit(X, y)


CONTENDERS: dict[str, Callable[..., Any]] = {
    "fit": ours(one_fit),
    "progressive": ours(progressive),
    "folds": ours(five_folds),
    "halving": ours(halving),
    "weights": ours(weights),
    "pipelines": ours(pipelines),
    "loop": theirs,
    "GridSearchCV": grid,
    "dask-ml": dask_ml,
}
SHARED = ("GridSearchCV", "dask-ml")
"""Contenders that get a share of the rows only."""


def measure(name: str, rows: int, features: int, block_rows: int, share: float) -> dict[str, Any]:
    """Return the cost of a contender in this process, after a small run that imports all."""
    few = numbers(200, features)
    CONTENDERS["fit" if name == "GridSearchCV" else name](*few, 20, 1.0)()
    run = CONTENDERS[name](*numbers(rows, features), block_rows, share)
    before, wall, cpu = memory(), time.perf_counter(), time.process_time()
    run()
    part = share if name in SHARED else 1.0
    return {
        "wall": (time.perf_counter() - wall) / part,
        # its processes are not of this one
        "cpu": None if name == "GridSearchCV" else (time.process_time() - cpu) / part,
        "mb": memory()["peak_rss"] - before["rss"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=2_000_000, help="default: 2,000,000")
    parser.add_argument("--features", type=int, default=20, help="default: 20")
    parser.add_argument("--block-rows", type=int, help="default: 16 MB of rows, at most a tenth")
    parser.add_argument("--share", type=float, default=0.05, help="default: 0.05")
    parser.add_argument("--turns", type=int, default=1, help="default: 1")
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, help="default: all")
    parser.add_argument(
        "--dask-ml-python", default=sys.executable, help="interpreter that has dask-ml"
    )
    parser.add_argument("--json", type=Path, help="write every turn's figures to this file")
    parser.add_argument("--only", choices=CONTENDERS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    most = max(1, args.rows // 10)  # there must be blocks for five folds
    block_rows = args.block_rows or max(1, min(most, (16 << 20) // (8 * args.features)))
    if args.only:
        print(json.dumps(measure(args.only, args.rows, args.features, block_rows, args.share)))
        return

    def in_process(name: str) -> dict[str, Any]:
        given = ["--only", name, "--rows", args.rows, "--features", args.features]
        given += ["--block-rows", block_rows, "--share", args.share]
        python = args.dask_ml_python if name == "dask-ml" else sys.executable
        return in_own_process(python, __file__, given, blas={})

    able = importable("dask_ml", args.dask_ml_python)
    contenders = args.contenders or [name for name in CONTENDERS if able or name != "dask-ml"]
    results = in_turn(contenders, args.turns, in_process)
    if args.json:
        args.json.write_text(json.dumps(results))
    found = {name: medians(turns) for name, turns in results.items()}
    one = found.get("fit", {}).get("wall")
    print(f"{args.rows:,} x {args.features}, blocks of {block_rows:,} rows, 64 candidates")
    print(
        table(
            ("contender", "wall s", "cpu s", "times", "peak MB"),
            [
                [name, each["wall"], each["cpu"], one and each["wall"] / one, each["mb"]]
                for name, each in found.items()
            ],
        )
    )


if __name__ == "__main__":
    main()
