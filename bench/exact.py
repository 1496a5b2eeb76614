"""What a row costs models that are functions of sums, compared with scikit-learn in memory.

The question: what does an exact fit cost on rows in memory, and on a dask array of them?

scikit-learn  fit on an array
streamlearn   fit on the same array
blocks        fit of streamlearn on a dask array of eight blocks of it, side by side

Speed is in nanoseconds of time a row, the best of several fits.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import time
from pathlib import Path

import numpy as np
from common import in_own_process, in_turn, medians, table

CONTENDERS = ("scikit-learn", "streamlearn", "blocks")
MODELS = {
    "LinearRegression": ("linear_model.LinearRegression", "values"),
    "LinearRegression, float32": ("linear_model.LinearRegression", "single"),
    "Ridge": ("linear_model.Ridge", "values"),
    "Ridge, weights": ("linear_model.Ridge", "weights"),
    "RidgeClassifier, 10 classes": ("linear_model.RidgeClassifier", "classes"),
    "Lasso": ("linear_model.Lasso", "values"),
    "ElasticNet, weights": ("linear_model.ElasticNet", "weights"),
    "LassoCV": ("linear_model.LassoCV", "values"),
    "LogisticRegression": ("linear_model.LogisticRegression", "two classes"),
    "LogisticRegression, 10 classes": ("linear_model.LogisticRegression", "classes"),
    "PoissonRegressor": ("linear_model.PoissonRegressor", "counts"),
    "HuberRegressor": ("linear_model.HuberRegressor", "values"),
    "EmpiricalCovariance": ("covariance.EmpiricalCovariance", "rows"),
    "LedoitWolf": ("covariance.LedoitWolf", "rows"),
    "OAS": ("covariance.OAS", "rows"),
    "LDA, shrinkage auto, 10 classes": (
        "discriminant_analysis.LinearDiscriminantAnalysis",
        "classes",
    ),
    "CategoricalNB, 10 classes": ("naive_bayes.CategoricalNB", "categories"),
    "PCA": ("decomposition.PCA", "rows"),
    "PCA, float32": ("decomposition.PCA", "single rows"),
    "IncrementalPCA": ("decomposition.IncrementalPCA", "rows"),
    "TruncatedSVD": ("decomposition.TruncatedSVD", "rows"),
    "KMeans, 8 clusters, an iteration": ("cluster.KMeans", "rows"),
    "KMeans, 64 clusters, an iteration": ("cluster.KMeans", "rows"),
}


def measure(contender: str, rows: int, features: int) -> dict[str, float]:
    package = "sklearn" if contender == "scikit-learn" else "streamlearn"
    rng = np.random.default_rng(0)
    X = rng.normal(5, 1, (rows, features))
    y = X @ rng.normal(size=features) + rng.normal(size=rows)
    codes = np.digitize(y, np.quantile(y, np.linspace(0.1, 0.9, 9)))
    figures = {}
    for name, (kind, how) in MODELS.items():
        targets = {"classes": codes, "two classes": codes > 4, "counts": codes}
        given = [X, targets.get(how, y)]
        if how.endswith("rows"):
            given = [X]
        if how == "categories":
            given = [X.astype(np.int64), codes]
        if how.startswith("single"):
            given = [a.astype(np.float32) for a in given]
        if how == "weights":
            given.append(rng.random(rows))
        if contender == "blocks":
            import dask.array as da

            given = [da.from_array(a, chunks=(-(-rows // 8), *a.shape[1:])) for a in given]
        best = float("inf")
        for _ in range(3):
            folder, name_of_class = kind.split(".")
            module = importlib.import_module(f"{package}.{folder}")
            how, n_iter = {}, 1
            if name_of_class == "KMeans":
                k, n_iter = int(name.split()[1]), 5
                how = {"n_clusters": k, "init": X[:k], "max_iter": n_iter, "tol": 0}
            if name_of_class == "LinearDiscriminantAnalysis":
                how = {"solver": "lsqr", "shrinkage": "auto"}
            model, start = getattr(module, name_of_class)(**how), time.perf_counter()
            model.fit(*given)
            best = min(best, (time.perf_counter() - start) / n_iter)
        figures[name] = best / rows * 1e9
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--features", type=int, default=20)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--json", type=Path, help="also write every turn's figures here")
    parser.add_argument("--measure", choices=CONTENDERS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(measure(args.measure, args.rows, args.features)))
        return
    given = ["--rows", args.rows, "--features", args.features, "--measure"]
    results = in_turn(
        CONTENDERS,
        args.turns,
        lambda name: in_own_process(sys.executable, __file__, [*given, name]),
    )
    print(
        f"\n{args.rows:,} rows of {args.features} features: nanoseconds a row. Medians of "
        f"{args.turns} turns, {os.cpu_count()} cores"
    )
    figures = {name: medians(turns) for name, turns in results.items()}
    rows = [[model, *(figures[name][model] for name in CONTENDERS)] for model in MODELS]
    print(table(("model", *CONTENDERS), rows))
    if args.json:
        args.json.write_text(json.dumps({"rows": args.rows, "turns": results}, indent=1))


if __name__ == "__main__":
    main()
