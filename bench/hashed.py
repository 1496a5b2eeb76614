"""What a row of hashed words costs, and how far from the optimum one pass over levels ends.

The first table: rows of `--words` words with Zipf frequencies, hashed to `--features` columns, as
blocks of sparse rows in memory. Each makes one pass of log loss with default settings.
`partial_fit` of both libraries learns block by block, and scikit-learn's also from all rows in one
call. Our `fit` learns from a dask collection of the same blocks. CPU seconds, rows a second of
them, and log loss and accuracy of a block that nobody learned from.

The second: one-hot levels with Zipf frequencies, as sparse rows. A few levels come as dense rows,
too. Excess is the held-out log loss of one pass in percent over that of the optimum of the same
objective, which scikit-learn's LogisticRegression finds. Scikit-learn's one pass is compared.

    python bench/hashed.py --rows 1000000
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from common import in_own_process, in_turn, medians, table
from scipy import sparse

CONTENDERS = ("scikit-learn", "scikit-learn, one call", "streamlearn", "streamlearn, dask")
BLOCK_ROWS = 100_000
ALPHA = 1e-4


def zipf(rng: Any, n: int, d: int, k: int) -> np.ndarray:
    """Return k of d levels a row."""
    share = np.cumsum(1.0 / np.arange(1, d + 1))
    return np.searchsorted(share, share[-1] * rng.random((n, k))).clip(max=d - 1)


def in_rows(at: np.ndarray, d: int) -> Any:
    """Return sparse rows with ones in these columns, counts where one is named again."""
    n, k = at.shape
    at, ends = at.astype(np.int32), np.arange(0, n * k + 1, k, dtype=np.int32)
    X = sparse.csr_array((np.ones(n * k), at.ravel(), ends), shape=(n, d))
    X.sum_duplicates()
    return X


def targets(rng: Any, X: Any, scale: float) -> Any:
    """Return a function that draws the labels of rows."""
    coef = scale * rng.normal(size=X.shape[1])
    centre = np.mean(X @ coef)
    return lambda X: (rng.logistic(size=X.shape[0]) < X @ coef - centre).astype(int)


def blocks(rows: int, words: int, features: int) -> list[tuple[Any, np.ndarray]]:
    """Return blocks of hashed words and their labels, and one more to score by."""
    rng = np.random.default_rng(0)
    column = rng.permutation(features)[np.arange(200_000) % features].astype(np.int32)
    size = min(rows, BLOCK_ROWS)
    many = [in_rows(column[zipf(rng, size, 200_000, words)], features) for _ in range(rows // size)]
    draw, last = targets(rng, many[0], 0.5), column[zipf(rng, size, 200_000, words)]
    return [(X, draw(X)) for X in (*many, in_rows(last, features))]


def log_loss(model: Any, X: Any, y: np.ndarray) -> float:
    return float(np.logaddexp(0, -(2 * y - 1) * model.decision_function(X)).mean())


def measure(contender: str, rows: int, words: int, features: int) -> dict[str, Any]:
    """Learn in one pass."""
    *known, (X, y) = blocks(rows, words, features)
    import dask
    import dask.array as da
    from sklearn import linear_model as theirs

    from streamlearn import linear_model as ours

    where = theirs if contender.startswith("scikit-learn") else ours
    model = where.SGDClassifier(loss="log_loss", alpha=ALPHA, random_state=0)
    made: list[Any] = []
    if contender.endswith("one call"):
        known = [(sparse.vstack([X for X, _ in known]), np.concatenate([y for _, y in known]))]
    if contender.endswith("dask"):
        model.set_params(classes=[0, 1])
        made = [
            da.concatenate(
                [da.from_delayed(dask.delayed(b[i], pure=False), b[i].shape, float) for b in known]
            )
            for i in (0, 1)
        ]
    start = time.process_time()
    if made:
        with dask.config.set(scheduler="sync"):
            model.fit(*made)
    else:
        for X_k, y_k in known:
            model.partial_fit(X_k, y_k, classes=[0, 1])
    spent = time.process_time() - start
    return {
        "cpu s": spent,
        "rows a s": round(sum(len(y_k) for _, y_k in known) / spent),
        "log loss": log_loss(model, X, y),
        "accuracy": float(model.score(X, y)),
    }


LEVELS = {
    "200 levels": (1, 200, 1.0),
    "20,000 levels": (1, 20_000, 1.0),
    "10 x 1,000 levels": (10, 1_000, 0.5),
}


def excesses(name: str, rows: int) -> list[float | None]:
    """Return the excess of one pass over sparse rows, over dense ones, and scikit-learn's."""
    from sklearn import linear_model as theirs

    from streamlearn.linear_model import SGDClassifier

    groups, d, scale = LEVELS[name]
    rng = np.random.default_rng(1)
    at = zipf(rng, rows + rows // 4, d, groups) + d * np.arange(groups)
    X = in_rows(at, groups * d)
    y = targets(rng, X, scale)(X)
    A, B, a, b = X[:rows], X[rows:], y[:rows], y[rows:]
    best = theirs.LogisticRegression(C=1 / (rows * ALPHA), max_iter=5000, tol=1e-7).fit(A, a)
    how = {"loss": "log_loss", "alpha": ALPHA, "random_state": 0}
    out: list[float | None] = []
    for model, Z in (
        (SGDClassifier(**how), A),
        (SGDClassifier(**how), A.toarray() if groups * d <= 200 else None),
        (theirs.SGDClassifier(**how), A),
    ):
        if Z is None:
            out.append(None)
            continue
        model.partial_fit(Z, a, classes=[0, 1])
        out.append(100 * (log_loss(model, B, b) / log_loss(best, B, b) - 1))
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--words", type=int, default=30)
    parser.add_argument("--features", type=int, default=1 << 18)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--json", type=Path, help="also write every turn's figures here")
    parser.add_argument("--measure", choices=CONTENDERS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    sizes = (args.rows, args.words, args.features)
    if args.measure:
        print(json.dumps(measure(args.measure, *sizes)))
        return
    flags = ["--rows", sizes[0], "--words", sizes[1], "--features", sizes[2]]
    turns = in_turn(
        CONTENDERS,
        args.turns,
        lambda name: in_own_process(sys.executable, __file__, [*flags, "--measure", name]),
    )
    results = {name: medians(turns[name]) for name in CONTENDERS}
    header = list(results["streamlearn"])
    print(
        f"\n{sizes[0]:,} rows of {sizes[1]} words in {sizes[2]:,} columns, log loss, one pass. "
        f"Medians of {args.turns} turns, {os.cpu_count()} cores, 1 BLAS thread"
    )
    rows = [[name, *(each[key] for key in header)] for name, each in results.items()]
    print(table(("", *header), rows))
    print(f"\n{args.rows // 5:,} rows of one-hot levels: excess in %")
    header = ["levels", "sparse", "dense", "scikit-learn"]
    print(table(header, [[name, *excesses(name, args.rows // 5)] for name in LEVELS]))
    if args.json:
        args.json.write_text(json.dumps({"sizes": sizes, "turns": turns}, indent=1))


if __name__ == "__main__":
    main()
