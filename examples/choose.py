"""Choose the penalty of a model of the flights, from one read of the table; draw the scores.

Run ``python examples/choose.py``. The pipeline is that of ``flights.py``. Each block is scored by
all candidates before they learn from it, so no row is lost to validation. ``--compare`` lets
scikit-learn's GridSearchCV choose among the same candidates, with the table in memory.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from timeit import default_timer

import dask.dataframe as dd
import numpy as np
import pandas as pd
from flights import HERE, all_columns
from flights_data import FEATURES, Paths
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV

from streamlearn.diagnostics import FitProgress
from streamlearn.model_selection import StreamSearchCV

CANDIDATES = {
    "sgdclassifier__penalty": ["l2", "l1"],
    "sgdclassifier__alpha": np.logspace(-7, -1, 13).tolist(),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--copies", type=int, default=4, help="how often each row is streamed")
    parser.add_argument("--data", type=Path, default=HERE / "data", help="folder for the Parquet")
    parser.add_argument("--out", type=Path, default=HERE / "out" / "choose.png", help="picture")
    parser.add_argument("--compare", action="store_true", help="run GridSearchCV as well")
    args = parser.parse_args()
    paths = Paths.under(args.data, args.copies)
    writer = [sys.executable, HERE / "flights_data.py", args.data, str(args.copies)]
    subprocess.run(writer, check=True)
    table = dd.read_parquet(paths.copies)
    X, y = table[FEATURES], table["late"]
    held_out = pd.read_parquet(paths.held_out)

    search = StreamSearchCV(all_columns(), CANDIDATES, scoring="neg_log_loss")
    search.set_callbacks(FitProgress())
    start = default_timer()
    search.fit(X, y)
    took = default_timer() - start
    start = default_timer()
    all_columns().fit(X, y)
    one = default_timer() - start
    n = len(search.cv_results_["params"])
    print(f"{n} candidates took {took:.1f} s, {took / one:.1f} times as long as one fit")
    print(f"best: {search.best_params_}")
    chosen = search.best_estimator_
    loss = log_loss(held_out["late"], chosen.predict_proba(held_out[FEATURES]))
    print(f"its loss on held-out flights: {loss:.5f}")
    if args.compare:
        rows = pd.read_parquet(paths.train)
        start = default_timer()
        theirs = GridSearchCV(all_columns(), CANDIDATES, scoring="neg_log_loss", cv=5)
        theirs.fit(rows[FEATURES], rows["late"])
        print(f"GridSearchCV took {default_timer() - start:.1f} s, best: {theirs.best_params_}")
    draw(search, args.out)
    print(f"picture: {args.out}")


def draw(search: StreamSearchCV, out: Path) -> None:
    """Draw the scores of all candidates, with a line for each penalty."""
    import matplotlib.pyplot as plt

    found = pd.DataFrame(search.cv_results_)
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for penalty, rows in found.groupby("param_sgdclassifier__penalty"):
        alpha = rows["param_sgdclassifier__alpha"].astype(float)
        axes.plot(alpha, -rows["mean_test_score"], "o-", label=penalty)
    axes.set(xscale="log", xlabel="alpha", ylabel="log loss of blocks not yet learned from")
    axes.legend(title="penalty")
    axes.set_title("All candidates learn from one read", loc="left")
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=150)


if __name__ == "__main__":
    main()
