"""Speed and accuracy of the mean and the variance of every feature.

The question: what does one safe pass cost, compared with the fastest unsafe one, and what does it
save?

sum           a bare X.sum(): what reading the data costs
numpy         np.mean and np.var over the rows; np.nanmean and np.nanvar where there are gaps
scikit-learn  StandardScaler().fit, and partial_fit a block at a time for the errors
streamlearn   core.statistics.block_moments, and merge a block at a time for the errors

Speed is in nanoseconds a row, the best of several passes over an array in memory. Errors are of the
variance, the largest over features, relative to exact rational arithmetic on 2,000 rows in ten
blocks. There are ordinary numbers at three offsets, numbers of which 10 % are missing, and one huge
constant, for which the variance itself is shown. BLAS has one thread.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from common import in_own_process, in_turn, medians, table

SPEEDS = ("float64", "float32", "weights", "gaps")
TABLES = {
    "offset 0": lambda rng: rng.normal(0, 1, (2000, 3)),
    "offset 1e4": lambda rng: rng.normal(1e4, 1, (2000, 3)),
    "offset 1e8": lambda rng: rng.normal(1e8, 1, (2000, 3)),
    "float32 at 1e4": lambda rng: rng.normal(1e4, 1, (2000, 3)).astype(np.float32),
    "gaps at 1e8": lambda rng: gaps(rng.normal(1e8, 1, (2000, 3)), rng),
    "constant 1e307": lambda rng: np.full((2000, 3), 1e307),
}


def gaps(X: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.where(rng.random(X.shape) < 0.1, np.nan, X)


# -- contenders: how to pass over rows, and the variance of blocks -------------------------------


def bare_sum() -> tuple[Callable, None]:
    return lambda X, w: X.sum(), None


def with_numpy() -> tuple[Callable, Callable]:
    def both(X: np.ndarray, w: np.ndarray | None) -> Any:
        if w is not None:
            mean = np.average(X, axis=0, weights=w)
            return mean, np.average((X - mean) ** 2, axis=0, weights=w)
        if np.isnan(X[:, 0]).any():
            return np.nanmean(X, axis=0), np.nanvar(X, axis=0)
        return np.mean(X, axis=0), np.var(X, axis=0)

    return both, lambda blocks: both(np.concatenate(blocks), None)[1]


def with_sklearn() -> tuple[Callable, Callable]:
    from sklearn.preprocessing import StandardScaler

    def variance(blocks: list[np.ndarray]) -> np.ndarray:
        scaler = StandardScaler()
        for block in blocks:
            scaler.partial_fit(block)
        return scaler.var_

    return lambda X, w: StandardScaler().fit(X, sample_weight=w), variance


def with_streamlearn() -> tuple[Callable, Callable]:
    from streamlearn.core.statistics import block_moments, moments

    def variance(blocks: list[np.ndarray]) -> np.ndarray:
        state = moments.init(3, like=blocks[0])
        for block in blocks:
            state = moments.merge(state, block_moments.of_block(block))
        return moments.variance(state)

    return block_moments.of_block, variance


CONTENDERS = {
    "sum": bare_sum,
    "numpy": with_numpy,
    "scikit-learn": with_sklearn,
    "streamlearn": with_streamlearn,
}


# -- measuring ------------------------------------------------------------------------------------


def nanoseconds(one_pass: Callable, X: np.ndarray, w: np.ndarray | None, passes: int = 5) -> float:
    best = float("inf")
    for _ in range(passes):
        start = time.perf_counter()
        one_pass(X, w)
        best = min(best, time.perf_counter() - start)
    return best / len(X) * 1e9


def exact_variance(column: np.ndarray) -> Fraction:
    values = [Fraction(float(x)) for x in column if x == x]
    mean = sum(values, Fraction(0)) / len(values)
    return sum((x - mean) ** 2 for x in values) / len(values)


def error(variance: Callable, X: np.ndarray) -> float:
    got, worst = variance(np.array_split(X, 10)), 0.0
    for value, column in zip(got, X.T, strict=True):
        if not np.isfinite(value):
            return float(value)
        exact = exact_variance(column)
        off = abs(Fraction(float(value)) - exact)
        worst = max(worst, float(off / exact if exact else off))
    return worst


def measure(name: str, rows: int, features: int) -> dict[str, float | None]:
    one_pass, variance = CONTENDERS[name]()
    rng = np.random.default_rng(0)
    X = rng.normal(5, 1, (rows, features))
    inputs = {
        "float64": (X, None),
        "float32": (X.astype(np.float32), None),
        "weights": (X, rng.random(rows)),
        "gaps": (gaps(X, rng), None),
    }
    figures: dict[str, float | None] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of overflow, which the table shows
        for case, (rows_in, weight) in inputs.items():
            figures[case] = nanoseconds(one_pass, rows_in, weight)
        for case, make in TABLES.items():
            drawn = make(np.random.default_rng(1))
            figures[case] = None if variance is None else error(variance, drawn)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--features", type=int, nargs="+", default=[20])
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--json", type=Path, help="also write every turn's figures here")
    parser.add_argument("--measure", choices=CONTENDERS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(measure(args.measure, args.rows, args.features[0])))
        return

    results = {}
    for features in args.features:
        results[features] = in_turn(
            CONTENDERS,
            args.turns,
            lambda name, features=features: in_own_process(
                sys.executable,
                __file__,
                ["--rows", args.rows, "--features", features, "--measure", name],
            ),
        )
        print(
            f"\n{args.rows:,} rows of {features} features: nanoseconds a row, and relative error "
            f"of the variance. Medians of {args.turns} turns, {os.cpu_count()} cores, 1 BLAS thread"
        )
        for header in (SPEEDS, tuple(TABLES)):
            rows = []
            for name, turns in results[features].items():
                figures = medians(turns)
                rows.append([name, *(figures[key] for key in header)])
            print(table(("contender", *header), rows), end="\n\n")
    if args.json:
        args.json.write_text(json.dumps({"rows": args.rows, "turns": results}, indent=1))


if __name__ == "__main__":
    main()
