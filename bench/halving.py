"""How near to the exhaustive search those end that drop candidates, for what share of its work.

The tables are those of `bench/defaults.py` whose rows come in random order or sorted by label and
whose loss is a score, in 54 blocks. Two grids of 49 candidates are searched behind a
`StandardScaler`:

penalties   7 values of ``alpha`` x 7 of ``l1_ratio``, with the default rule
schedules   7 values of ``eta0`` x 7 of ``power_t``: learning rates whose curves cross

For each seed there is an exhaustive `StreamSearchCV`, a `SuccessiveHalvingSearchCV` and a
`HyperbandSearchCV`, with the order of the blocks and the candidates the same. So each candidate of
the exhaustive search scores the blocks that it would have scored in the others. A winner's score
is its score in the exhaustive search, the mean over all blocks. "exhaustive" and "winner" are
losses. "errors" is the difference between the two winners, in standard errors of the paired
differences over the blocks: at most 2 is within the confidence. "%" is the same difference as a
percentage of the loss. "work" is the share of the rows that candidates learn from. With
``--confidence 0.5`` candidates drop out by their mean scores alone.

    python bench/halving.py --seeds 3
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import statistics
import sys
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from common import ONE_BLAS_THREAD, in_blocks, table

if __name__ == "__main__":  # before the first import of NumPy in the processes that measure
    os.environ.update(ONE_BLAS_THREAD)

import numpy as np
from tables import TABLES, NotInstalledError, made

BLOCKS = 54  # brackets of Hyperband then have the 49 candidates of a grid
SCORES = {
    "log_loss": "neg_log_loss",
    "multinomial": "neg_log_loss",
    "squared_error": "neg_mean_squared_error",
    "poisson": "neg_mean_poisson_deviance",
    "gamma": "neg_mean_gamma_deviance",
}
GRIDS: dict[str, tuple[dict[str, Any], dict[str, list[float]]]] = {
    "penalties": (
        {"penalty": "elasticnet"},
        {"alpha": np.logspace(-6, 0, 7).tolist(), "l1_ratio": np.linspace(0, 1, 7).tolist()},
    ),
    "schedules": (
        {"learning_rate": "invscaling", "batch_size": 32},
        {"eta0": np.logspace(-4, 0, 7).tolist(), "power_t": np.linspace(0, 0.6, 7).tolist()},
    ),
}
SEARCHES = ("halving", "hyperband")


def loss_of(name: str) -> str:
    """Return the loss of the candidates for a table."""
    about = TABLES[name]
    default = "log_loss" if about.kind == "classes" else "squared_error"
    return about.loss[0] if about.loss else default


FIT = [name for name, about in TABLES.items() if not about.ordered and loss_of(name) in SCORES]


def searches(
    name: str, grid: str, classes: np.ndarray, seed: int, confidence: float
) -> dict[str, Any]:
    """Return the three searches for a table."""
    from streamlearn.linear_model import SGDClassifier, SGDRegressor
    from streamlearn.model_selection import (
        HyperbandSearchCV,
        StreamSearchCV,
        SuccessiveHalvingSearchCV,
    )
    from streamlearn.pipeline import make_pipeline
    from streamlearn.preprocessing import StandardScaler

    loss, (how, values) = loss_of(name), GRIDS[grid]
    if TABLES[name].kind == "classes":
        model = SGDClassifier(loss, classes=classes, random_state=seed, **how)
    else:
        model = SGDRegressor(loss, random_state=seed, **how)
    pipe = make_pipeline(StandardScaler(), model)
    parameters = {f"{model.__class__.__name__.lower()}__{key}": v for key, v in values.items()}
    how = {"scoring": SCORES[loss], "random_state": seed, "n_jobs": 1}
    return {
        "exhaustive": StreamSearchCV(pipe, parameters, **how),
        "halving": SuccessiveHalvingSearchCV(pipe, parameters, confidence=confidence, **how),
        "hyperband": HyperbandSearchCV(pipe, parameters, confidence=confidence, **how),
    }


def measure(name: str, grid: str, rows: int, seed: int, confidence: float) -> dict[str, Any]:
    """Return the figures of the searches of a draw of a table."""
    warnings.simplefilter("ignore")  # candidates that diverge are part of a grid
    drawn = made(name, rows, seed)
    X, y, _ = drawn.at(TABLES[name].order(drawn.y))
    y = y if TABLES[name].kind == "values" else y.astype(np.int64)
    block_rows = -(-len(y) // BLOCKS)
    begin = time.perf_counter()
    found = {
        kind: search.fit(in_blocks(X, block_rows), in_blocks(y, block_rows))
        for kind, search in searches(name, grid, np.unique(y), seed, confidence).items()
    }
    best = found.pop("exhaustive")
    by_block = best.progressive_scores_["score"]
    all_work = best.cv_results_["n_blocks"].sum()
    out: dict[str, Any] = {"loss": -best.best_score_, "seconds": time.perf_counter() - begin}
    for kind, search in found.items():
        chosen = best.cv_results_["params"].index(search.best_params_)
        differences = by_block[best.best_index_] - by_block[chosen]
        error = differences.std(ddof=1) / np.sqrt(len(differences))
        out[kind] = {
            "loss": -float(best.cv_results_["mean_test_score"][chosen]),
            "errors": float(differences.mean() / error) if error else 0.0,
            "behind": float(differences.mean() / abs(best.best_score_)),
            "work": float(search.cv_results_["n_blocks"].sum() / all_work),
            "params": search.best_params_,
        }
    return out | {"params": best.best_params_}


def shown(values: list[float]) -> str:
    """Return the median over seeds and the greatest."""
    return f"{statistics.median(values):.2f} ({max(values):.2f})"


def row_of(name: str, grid: str, seeds: list[dict[str, Any]]) -> list[object]:
    out: list[object] = [f"{name}; {grid}", statistics.median(s["loss"] for s in seeds)]
    for kind in SEARCHES:
        out.append(statistics.median(s[kind]["loss"] for s in seeds))
        out.append(f"{max(100 * s[kind]['behind'] for s in seeds):.3f}")
        out += [shown([s[kind][figure] for s in seeds]) for figure in ("errors", "work")]
    return out


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=50_000, help="default: 50,000")
    parser.add_argument("--seeds", type=int, default=1, help="default: 1")
    parser.add_argument("--tables", nargs="+", default=FIT, choices=FIT)
    parser.add_argument("--grids", nargs="+", default=list(GRIDS), choices=list(GRIDS))
    parser.add_argument("--confidence", type=float, default=0.99, help="default: 0.99")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="tables at a time")
    parser.add_argument("--json", type=Path, help="write every seed's figures to this file")
    args = parser.parse_args()

    figures: dict[tuple[str, str], list[dict[str, Any]]] = {}
    absent = {}
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(args.jobs, mp_context=spawn) as pool:
        running = {
            (name, grid, seed): pool.submit(measure, name, grid, args.rows, seed, args.confidence)
            for name in args.tables
            for grid in args.grids
            for seed in range(args.seeds)
        }
        for (name, grid, seed), future in running.items():
            try:
                found = future.result()
            except NotInstalledError as error:
                absent[name] = str(error)
                continue
            figures.setdefault((name, grid), []).append(found)
            said = ", ".join(f"{kind} {found[kind]['errors']:.2f}" for kind in SEARCHES)
            line = f"{name}; {grid}, seed {seed}: {said}, in {found['seconds']:.0f} s"
            print(line, file=sys.stderr, flush=True)

    header = ["table; grid", "exhaustive"]
    for kind in SEARCHES:
        header += [kind, "%", "errors", "work"]
    print(f"at most {args.rows:,} rows in {BLOCKS} blocks, {args.seeds} seeds: median (greatest)")
    print(table(header, [row_of(name, grid, each) for (name, grid), each in figures.items()]))
    for kind in SEARCHES:
        every = [seed[kind] for seeds in figures.values() for seed in seeds]
        within = sum(each["errors"] <= 2 for each in every)
        work = statistics.mean(each["work"] for each in every)
        print(f"{kind}: {within} of {len(every)} within 2 standard errors, {work:.3f} of the work")
    for name, error in absent.items():
        print(f"{name}: not installed, {error}")
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{spent.ru_utime + spent.ru_stime:.0f} s of CPU")
    if args.json:
        flat = [{"table": name, "grid": grid, "seeds": s} for (name, grid), s in figures.items()]
        args.json.write_text(json.dumps(flat, indent=1))


if __name__ == "__main__":
    main()
