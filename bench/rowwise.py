"""Speed of scikit-learn's algorithm row by row: its compiled loop beside our tiles of rows.

The question: what does ``batch_size=1`` cost, and how large should a tile be?

One epoch of each loss over rows in memory, in CPU time, the best of ``--turns``; BLAS has one
thread. A cell of the table says rows/s of

scikit-learn  its loop, for one class after the other
streamlearn   core.rowwise by tiles of as many rows as the column says
one by one    core.rowsteps.step, which is what an L1 penalty takes

and ``sweeps`` how often a tile's moves were computed until nothing changed. "uncentred" rows lie
three deviations from the origin, so that each moves the scores of all that follow.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from common import ONE_BLAS_THREAD, table


class Case(NamedTuple):
    """What is learned from: a loss, features, classes, and where the rows lie."""

    loss: str
    n_features: int
    n_classes: int = 2
    offset: float = 0.0

    def __str__(self) -> str:
        uncentred = ", uncentred" if self.offset else ""
        return f"{self.loss}, {self.n_features}, {self.n_classes} classes{uncentred}"

    def parameters(self) -> dict[str, Any]:
        """Return parameters that scikit-learn takes too."""
        steep = self.loss == "squared_error"
        return {
            "loss": self.loss,
            "learning_rate": "invscaling" if steep else "optimal",
            "eta0": 1e-3,
            "power_t": 0.25,
            "alpha": 1e-3,
        }

    def rows(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Return rows and their classes."""
        rng = np.random.default_rng(0)
        X = rng.normal(size=(n, self.n_features))
        p = X @ rng.normal(size=(self.n_features, self.n_classes))
        y = np.argmax(p + rng.gumbel(size=p.shape), axis=1)
        return X + self.offset, y


def cases(features: list[int]) -> Iterator[Case]:
    losses = ("hinge", "log_loss", "squared_error")
    yield from itertools.starmap(Case, itertools.product(losses, features))
    yield from (Case(loss, features[0], 10) for loss in losses)
    yield from (Case(loss, features[0], 2, 3.0) for loss in losses)


def rate(n: int, run: Callable[[], Any], turns: int) -> float:
    best = float("inf")
    for _ in range(turns):
        start = time.process_time()
        run()
        best = min(best, time.process_time() - start)
    return n / max(best, 1e-9)


def measure(case: Case, n: int, tiles: list[int], turns: int) -> dict[str, Any]:
    from sklearn.linear_model import SGDClassifier

    from streamlearn.core import rowsteps, rowwise
    from streamlearn.core.batches import cut, learn
    from streamlearn.core.linear import Params
    from streamlearn.core.machine import Batch

    X, y = case.rows(n)
    how = case.parameters()
    params, K = Params(**how), 1 if case.n_classes == 2 else case.n_classes
    machine = rowwise.machine(params)

    def start() -> Any:
        return machine.init(params, case.n_features, K, like=X)

    def by_tiles() -> Any:
        return learn(machine, start(), cut(X, y, None, seen=0, batch_size=rowwise.ROWS))

    def one_by_one(rows: int) -> None:
        state = start()
        parts, _ = rowsteps.rows_of(params, state, Batch(X[:rows], y[:rows]))
        rowwise.one_by_one(params, state, parts)

    few = min(n, 500)
    model = SGDClassifier(**how, shuffle=False, max_iter=1, tol=None)
    figures: dict[str, Any] = {
        "scikit-learn": rate(n, lambda: model.fit(X, y), turns),
        "one by one": rate(few, lambda: one_by_one(few), turns),
    }
    default, moves = rowwise.TILE, rowwise.moves
    calls = 0

    def counted(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        return moves(*arguments)

    for tile in tiles:
        rowwise.TILE = tile
        figures[f"tiles of {tile}"] = rate(n, by_tiles, turns)
        calls, rowwise.moves = 0, counted
        by_tiles()
        rowwise.moves = moves
        figures[f"sweeps of {tile}"] = calls / -(-n // tile)
    rowwise.TILE = default
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--features", type=int, nargs="+", default=[20, 54, 500])
    parser.add_argument("--tiles", type=int, nargs="+", default=[32, 64, 128])
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    if not os.environ.items() >= ONE_BLAS_THREAD.items():
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | ONE_BLAS_THREAD)
    # One epoch is not meant to converge.
    warnings.simplefilter("ignore")
    figures = {}
    for case in cases(arguments.features):
        print(case, file=sys.stderr, flush=True)
        n = arguments.rows if case.n_features < 500 else arguments.rows // 4
        figures[str(case)] = measure(case, n, arguments.tiles, arguments.turns)
    names = list(next(iter(figures.values())))
    print(table(["rows/s", *names], [[case, *f.values()] for case, f in figures.items()]))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
