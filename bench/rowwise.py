"""Speed of scikit-learn's algorithm row by row: its own classes, and ours.

The first question: how fast are our classes, compared with scikit-learn's? Ours learn from rows of
NumPy and scipy with scikit-learn's compiled loop. Each cell of the first table is our speed divided
by scikit-learn's. Speeds are by CPU time, the best of ``--turns``. BLAS has one thread.

rows/s        scikit-learn's partial_fit, which is called with four blocks
fit           three epochs over rows in memory
partial_fit   four calls
blocks        one pass over four blocks of dask; scikit-learn gets each block after it is computed
pipeline      the same behind a scaler, which learns in the same pass

The second question is about the sweeps of core.rowwise, which learn from rows of all other
libraries. How slow are they, how large should a tile be, and do they find this size? The second
table is of one epoch over rows of NumPy. A cell is the rows/s of

scikit-learn  its loop, for one class after the other
sweeps        core.rowwise, whose tiles find their size
part          the second divided by the first
one by one    core.row_step.step, which is what an L1 penalty takes
tiles of N    core.rowwise by tiles of as many rows

``rows`` is the number of rows of a tile in the end. ``settled`` is how often moves were computed
until they agreed, in the mean of the last batch. "uncentred" rows lie three deviations from the
origin, "far" ones ten, so that each moves the scores of all that follow. "sparse" ones have 20
features each, of Zipf frequencies.
"""

from __future__ import annotations

import argparse
import contextlib
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
from common import ONE_BLAS_THREAD, in_blocks, table
from scipy.sparse import csr_array

TABLES = ["classes", "sweeps"]
OFFSETS = {"": 0.0, ", uncentred": 3.0, ", far": 10.0}
SPARSE = ", sparse"


class Case(NamedTuple):
    """What is learned from: a loss or rate, features, classes, and where the rows lie."""

    learner: str
    n_features: int
    n_classes: int = 2
    where: str = ""

    def __str__(self) -> str:
        return f"{self.learner}, {self.n_features}, {self.n_classes} classes{self.where}"

    def parameters(self) -> dict[str, Any]:
        """Return parameters that scikit-learn takes too."""
        if self.learner == "perceptron":
            return {"loss": "perceptron", "penalty": None, "learning_rate": "constant", "eta0": 1.0}
        if self.learner == "pa1":
            return {"loss": "hinge", "penalty": None, "learning_rate": "pa1", "eta0": 1.0}
        steep = self.learner == "squared_error"
        return {
            "loss": self.learner,
            "learning_rate": "invscaling" if steep else "optimal",
            "eta0": 1e-3 if self.where != ", far" else 1e-5,
            "power_t": 0.25,
            "alpha": 1e-3,
        }

    def rows(self, n: int) -> tuple[Any, np.ndarray]:
        """Return rows and their classes."""
        rng = np.random.default_rng(0)
        if self.where == SPARSE:
            at = (rng.zipf(1.3, 20 * n) % self.n_features, np.arange(0, 20 * n + 1, 20))
            at = tuple(a.astype(np.int32) for a in at)
            S = csr_array((np.ones(20 * n), *at), shape=(n, self.n_features))
            S.sum_duplicates()
            p = S @ rng.normal(size=self.n_features)
            return S, (p + rng.logistic(size=n) > 0).astype(int)
        X = rng.normal(size=(n, self.n_features))
        p = X @ rng.normal(size=(self.n_features, self.n_classes))
        y = np.argmax(p + rng.gumbel(size=p.shape), axis=1)
        return X + OFFSETS[self.where], y


def cases(features: list[int]) -> Iterator[Case]:
    learners = ("hinge", "log_loss", "squared_error", "perceptron", "pa1")
    yield from itertools.starmap(Case, itertools.product(learners, features))
    yield from (Case(learner, features[0], 10) for learner in learners)
    yield from (Case(name, 1000 * features[0], 2, SPARSE) for name in learners[::3])
    for where in list(OFFSETS)[1:]:
        yield from (Case(learner, features[0], 2, where) for learner in learners)


def rate(n: int, run: Callable[[], Any], turns: int) -> float:
    best = float("inf")
    for _ in range(turns):
        start = time.process_time()
        run()
        best = min(best, time.process_time() - start)
    return n / max(best, 1e-9)


def measure(case: Case, n: int, tiles: list[int], turns: int) -> dict[str, Any]:
    from sklearn.linear_model import SGDClassifier

    from streamlearn.core.batches import cut, learn_batches
    from streamlearn.core.learner import Batch
    from streamlearn.core.linear import row_step, rowwise
    from streamlearn.core.linear.one_by_one import one_by_one
    from streamlearn.core.linear.sgd import Params

    X, y = case.rows(n)
    how = case.parameters()
    params, K = Params(**how), 1 if case.n_classes == 2 else case.n_classes
    learner = rowwise.learner(params)

    def start() -> Any:
        return learner.init(params, case.n_features, K, like=X)

    def by_tiles() -> Any:
        return learn_batches(learner, start(), cut(X, y, None, seen=0, batch_size=rowwise.ROWS))

    def first_rows(rows: int) -> None:
        state = start()
        parts, _ = row_step.row_terms(params, state, Batch(X[:rows], y[:rows]))
        one_by_one(params, state, parts)

    few = min(n, 500)
    model = SGDClassifier(**how, shuffle=False, max_iter=1, tol=None)
    known, ours = rate(n, lambda: model.fit(X, y), turns), rate(n, by_tiles, turns)
    size = by_tiles()[0].size
    figures: dict[str, Any] = {
        "scikit-learn": known,
        "sweeps": ours,
        "part": ours / known,
        "rows": float(size.rows),
        "settled": float(size.sweeps),
        "one by one": rate(few, lambda: first_rows(few), turns),
    }
    for tile in tiles:
        with tiles_of(tile):
            figures[f"tiles of {tile}"] = rate(n, by_tiles, turns)
            figures[f"settled, {tile}"] = float(by_tiles()[0].size.sweeps)
    return figures


def speed_over(n: int, theirs: Callable[[], Any], ours: Callable[[], Any], turns: int) -> float:
    """Return the speed of ours divided by that of theirs. They take turns."""
    pairs = [(rate(n, theirs, 1), rate(n, ours, 1)) for _ in range(turns)]
    known, found = map(max, zip(*pairs, strict=True))
    return found / known


def measure_classes(case: Case, n: int, turns: int) -> dict[str, Any]:
    import dask
    from sklearn.linear_model import SGDClassifier as TheirClassifier
    from sklearn.preprocessing import StandardScaler as TheirScaler

    from streamlearn.linear_model import SGDClassifier
    from streamlearn.pipeline import make_pipeline
    from streamlearn.preprocessing import StandardScaler

    dask.config.set(scheduler="sync")
    X, y = case.rows(n)
    how = {**case.parameters(), "random_state": 0}
    size, classes = n // 4, list(range(case.n_classes))
    starts = range(0, 4 * size, size)
    epochs, once = {"max_iter": 3, "tol": None}, {"max_iter": 1, "tol": None, "classes": classes}

    def calls(model: Any) -> None:
        for at in starts:
            model.partial_fit(X[at : at + size], y[at : at + size], classes=classes)

    figures: dict[str, Any] = {
        "rows/s": rate(n, lambda: calls(TheirClassifier(**how)), turns),
        "fit": speed_over(
            n,
            lambda: TheirClassifier(**how, **epochs).fit(X, y),
            lambda: SGDClassifier(**how, **epochs).fit(X, y),
            turns,
        ),
        "partial_fit": speed_over(
            n, lambda: calls(TheirClassifier(**how)), lambda: calls(SGDClassifier(**how)), turns
        ),
        "blocks": None,
        "pipeline": None,
    }
    if case.where == SPARSE:
        return figures
    lazy = [in_blocks(a[: 4 * size], size) for a in (X, y)]

    def computed(scaler: Any = None) -> None:
        model = TheirClassifier(**how)
        for i in range(4):
            rows, labels = dask.compute(*(a.blocks[i] for a in lazy))
            if scaler is not None:
                rows = scaler.partial_fit(rows).transform(rows)
            model.partial_fit(rows, labels, classes=classes)

    blocks = SGDClassifier(**how, **once)
    pipe = make_pipeline(StandardScaler(), SGDClassifier(**how, **once))
    return figures | {
        "blocks": speed_over(n, computed, lambda: blocks.fit(*lazy), turns),
        "pipeline": speed_over(n, lambda: computed(TheirScaler()), lambda: pipe.fit(*lazy), turns),
    }


@contextlib.contextmanager
def tiles_of(rows: int) -> Iterator[None]:
    """Let all tiles have as many rows."""
    from streamlearn.core.linear import row_step, tilewise

    kept = tilewise._next_size, row_step.FIRST_TILE
    try:
        tilewise._next_size = lambda params, state, X, m, sweeps: row_step.sized(
            (rows, m, sweeps, 0.0), like=X
        )
        row_step.FIRST_TILE = {True: rows}
        yield
    finally:
        tilewise._next_size, row_step.FIRST_TILE = kept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--features", type=int, nargs="+", default=[20, 54, 500])
    parser.add_argument("--tiles", type=int, nargs="+", default=[32, 64, 128])
    parser.add_argument("--tables", nargs="+", default=TABLES, choices=TABLES)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    if not os.environ.items() >= ONE_BLAS_THREAD.items():
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | ONE_BLAS_THREAD)
    # One epoch is not meant to converge.
    warnings.simplefilter("ignore")
    figures: dict[str, Any] = {name: {} for name in arguments.tables}
    for case in cases(arguments.features):
        print(case, file=sys.stderr, flush=True)
        few = case.n_features >= 500 and case.where != SPARSE
        n = arguments.rows // 4 if few else arguments.rows
        for name, kept in figures.items():
            kept[str(case)] = (
                measure_classes(case, 10 * n, arguments.turns)
                if name == "classes"
                else measure(case, n, arguments.tiles, arguments.turns)
            )
    for kept in figures.values():
        names = list(next(iter(kept.values())))
        print(table(["", *names], [[case, *f.values()] for case, f in kept.items()]), end="\n\n")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
