"""What ``n_parallel`` costs in accuracy, and what it gains in time.

Each learner makes one pass over the blocks of one table, with 1, 2, 4, 8 and 32 blocks side by
side. The first table has the loss on held-out rows after a growing number of blocks: log loss for
classifiers, and the mean squared distance to the nearest centre for clusters. ``--picture`` draws
it. With the default rule of `SGDClassifier` blocks are learned from side by side without the
parameter. Its two lines are a pass in rounds and a pass block by block.

The second table has the time of a pass on 1 and on 2 threads of dask, with 1 and with 4 blocks side
by side. It has wall-clock and CPU seconds, medians of ``--turns`` that go round.

    python bench/parallel.py --picture docs/guide/parallel.png
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from common import ONE_BLAS_THREAD, in_blocks, table

if __name__ == "__main__":  # before the first import of NumPy
    os.environ.update(ONE_BLAS_THREAD)

import dask
import numpy as np
from sklearn.linear_model import SGDClassifier as TheirSGDClassifier
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler
from tables import TABLES, made

from streamlearn._training import side_by_side
from streamlearn.cluster import MiniBatchKMeans
from streamlearn.linear_model import SGDClassifier
from streamlearn.neural_network import MLPClassifier
from streamlearn.wrappers import Incremental

SIDE_BY_SIDE = (1, 2, 4, 8, 32)
PARTS = (1 / 8, 1 / 4, 1 / 2, 1)
KNOWN = {"classes": [0, 1], "random_state": 0}
OPTIMAL = {"loss": "log_loss", "learning_rate": "optimal", "random_state": 0}


class Line(NamedTuple):
    """A learner, and its words."""

    words: str
    make: Callable[[int], Any]


LINES = {
    "net": Line("MLPClassifier, Adam", lambda n: MLPClassifier((64,), n_parallel=n, **KNOWN)),
    "net-fast": Line(
        "the same, steps ten times as long",
        lambda n: MLPClassifier((64,), learning_rate_init=0.01, n_parallel=n, **KNOWN),
    ),
    "net-sgd": Line(
        "MLPClassifier, SGD with momentum",
        lambda n: MLPClassifier(
            (64,), solver="sgd", learning_rate_init=0.01, n_parallel=n, **KNOWN
        ),
    ),
    "optimal": Line(
        'SGDClassifier, "optimal"',
        lambda n: SGDClassifier(classes=[0, 1], n_parallel=n, **OPTIMAL),
    ),
    "averaged": Line(
        'SGDClassifier, "optimal", averaged',
        lambda n: SGDClassifier(classes=[0, 1], average=True, n_parallel=n, **OPTIMAL),
    ),
    "incremental": Line(
        "Incremental(scikit-learn's SGDClassifier)",
        lambda n: Incremental(
            TheirSGDClassifier(**OPTIMAL), classes=[0, 1], n_parallel=n, random_state=0
        ),
    ),
    "clusters": Line(
        "MiniBatchKMeans, 16 clusters",
        lambda n: MiniBatchKMeans(16, n_parallel=n, compute_labels=False, random_state=0),
    ),
}
TIMED = {
    "net": Line(
        "MLPClassifier, 256 units",
        lambda n: MLPClassifier((256,), batch_size=500, n_parallel=n, **KNOWN),
    ),
    "optimal": LINES["optimal"],
    "incremental": LINES["incremental"],
    "clusters": Line(
        "MiniBatchKMeans, 100 clusters",
        lambda n: MiniBatchKMeans(100, n_parallel=n, compute_labels=False, random_state=0),
    ),
}


def default() -> SGDClassifier:
    return SGDClassifier(loss="log_loss", **KNOWN)


@contextmanager
def block_by_block() -> Any:
    """Let the default rule learn from blocks one after the other."""
    seen, side_by_side._seen = side_by_side._seen, lambda *_: 0.0
    try:
        yield
    finally:
        side_by_side._seen = seen


class Data(NamedTuple):
    """Blocks to learn from, and held-out rows."""

    X: Any
    y: Any
    X_test: np.ndarray
    y_test: np.ndarray

    def fit(self, model: Any, n: int) -> Any:
        """Fit to the first n blocks."""
        rows = sum(self.X.chunks[0][:n])
        X, y = self.X[:rows], self.y[:rows]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return model.fit(X) if isinstance(model, MiniBatchKMeans) else model.fit(X, y)

    def loss(self, model: Any) -> float:
        """Return the loss on held-out rows."""
        if isinstance(model, MiniBatchKMeans):
            return -model.score(self.X_test) / len(self.X_test)
        return log_loss(self.y_test, model.predict_proba(self.X_test))


def standardized(name: str, rows: int, block_rows: int) -> Data:
    found = made(name, rows)
    scaler = StandardScaler().fit(found.X)
    n = len(found.X) // block_rows * block_rows
    X, y = scaler.transform(found.X)[:n], found.y[:n].astype(int)
    return Data(
        in_blocks(X, block_rows),
        in_blocks(y, block_rows),
        scaler.transform(found.X_test),
        found.y_test.astype(int),
    )


def losses(data: Data, names: list[str], ends: list[int]) -> list[dict[str, Any]]:
    """Return the losses of each line after each number of blocks."""
    out = []
    for name in names:
        for n in SIDE_BY_SIDE:
            found = [data.loss(data.fit(LINES[name].make(n), end)) for end in ends]
            out.append({"line": LINES[name].words, "n": n, "losses": found})
    rounds = [data.loss(data.fit(default(), end)) for end in ends]
    with block_by_block():
        chain = [data.loss(data.fit(default(), end)) for end in ends]
    words = "SGDClassifier, default rule"
    out += [{"line": words, "n": n, "losses": v} for n, v in ((1, chain), ("rounds", rounds))]
    return out


def times(data: Data, names: list[str], turns: int) -> list[list[Any]]:
    """Return the wall-clock and CPU seconds of a pass of each line."""
    ways = [(n, k, threads) for n in names for k in (1, 4) for threads in (1, 2)]
    found: dict[Any, list[tuple[float, float]]] = {way: [] for way in ways}
    for _ in range(turns):
        for way in ways:
            name, n, threads = way
            with dask.config.set(scheduler="threads", num_workers=threads):
                start = time.perf_counter(), time.process_time()
                data.fit(TIMED[name].make(n), len(data.X.chunks[0]))
                took = time.perf_counter() - start[0], time.process_time() - start[1]
            found[way].append(took)
    rows = []
    for (name, n, threads), seconds in found.items():
        wall, cpu = (statistics.median(each) for each in zip(*seconds, strict=True))
        rows.append([TIMED[name].words, n, threads, wall, cpu])
    return rows


def draw(figures: list[dict[str, Any]], rows: list[int], words: str, path: Path) -> None:
    """Save the picture of the losses, a panel a learner."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    names = list(dict.fromkeys(figure["line"] for figure in figures))
    across = min(4, len(names))
    down = -(-len(names) // across)
    fig, axes = plt.subplots(down, across, figsize=(3.6 * across, 3 * down + 0.6), squeeze=False)
    colours = plt.get_cmap("viridis")(np.linspace(0, 0.9, len(SIDE_BY_SIDE)))
    colour_of = dict(zip(SIDE_BY_SIDE, colours, strict=True)) | {"rounds": "#D55E00"}
    mark_of = dict(zip((*SIDE_BY_SIDE, "rounds"), "osD^vx", strict=True))
    lines: dict[str, Any] = {}
    for ax in axes.flat[len(names) :]:
        ax.set_axis_off()
    for ax, name in zip(axes.flat, names, strict=False):
        for figure in figures:
            if figure["line"] == name:
                n = figure["n"]
                label = "rounds of the default rule" if n == "rounds" else f"n_parallel={n}"
                (line,) = ax.plot(rows, figure["losses"], color=colour_of[n], marker=mark_of[n])
                lines[label] = line
        ax.set_title(name, fontsize=10)
        ax.set_xscale("log")
        ax.set_xticks(rows, [f"{n:,}" for n in rows], fontsize=8)
        ax.minorticks_off()
        ax.set_xlabel("rows learned from", fontsize=9)
        clusters = "KMeans" in name
        ax.set_ylabel("squared distance a row" if clusters else "log loss", fontsize=9)
        ax.grid(alpha=0.3)
    fig.suptitle(f'Held-out loss in one pass over the table "{words}"', fontweight="bold")
    fig.legend(lines.values(), lines, loc="lower center", ncols=min(2 * across, 6), frameon=False)
    fig.tight_layout(rect=(0, 0.4 / fig.get_figheight(), 1, 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    fig.savefig(path, dpi=100)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=256_000)
    parser.add_argument("--block-rows", type=int, default=1_000)
    parser.add_argument("--table", default="flights", choices=TABLES)
    parser.add_argument("--lines", nargs="+", default=list(LINES), choices=LINES)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args()
    data = standardized(options.table, options.rows, options.block_rows)
    blocks = len(data.X.chunks[0])
    ends = [max(1, round(part * blocks)) for part in PARTS]
    figures = losses(data, options.lines, ends)
    rows = [end * options.block_rows for end in ends]
    print(
        table(
            ["learner, side by side", *(f"{n:,} rows" for n in rows)],
            ([f"{f['line']}, {f['n']}", *f["losses"]] for f in figures),
        )
    )
    timed = times(data, [name for name in TIMED if name in options.lines], options.turns)
    print()
    print(table(["learner", "side by side", "threads", "wall s", "cpu s"], timed))
    if options.json:
        options.json.write_text(json.dumps({"losses": figures, "rows": rows, "times": timed}))
    if options.picture:
        draw(figures, rows, TABLES[options.table].words, options.picture)


if __name__ == "__main__":
    main()
