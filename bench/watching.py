"""The cost of a callback that watches a fit.

The question: does watching cost less than 2 % of a fit?

The same fit runs with nobody watching, with `FitRecorder`, with `FitProgress` and with a callback
of scikit-learn that asks for nothing, in turn in one process. The blocks are in memory, so that
watching is compared with learning alone. Timed is the CPU time of the process.
"""

from __future__ import annotations

import argparse
import gc
import io
import json
import random
import statistics
import time
from pathlib import Path
from typing import Any

import dask
import numpy as np
from common import in_blocks, table

from streamlearn.diagnostics import FitProgress, FitRecorder
from streamlearn.linear_model import SGDClassifier


class Nothing:
    """A callback of scikit-learn."""

    def setup(self, estimator: Any, context: Any) -> None:
        """Do nothing."""

    def teardown(self, estimator: Any, context: Any) -> None:
        """Do nothing."""

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Do nothing."""

    def on_fit_task_end(self, estimator: Any, context: Any) -> None:
        """Do nothing."""


WATCHING: dict[str, Any] = {
    "nobody": list,
    "FitRecorder": lambda: [FitRecorder()],
    "FitProgress": lambda: [FitProgress(io.StringIO())],
    "scikit-learn's": lambda: [Nothing()],
}


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", type=int, default=200)
    parser.add_argument("--block-rows", type=int, default=10_000)
    parser.add_argument("--features", type=int, default=20)
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(args.blocks * args.block_rows, args.features))
    target = (rows[:, 0] + rng.logistic(size=len(rows)) > 0).astype(np.int64)
    X, y = (in_blocks(a, args.block_rows) for a in (rows, target))
    seconds: dict[str, list[float]] = {name: [] for name in WATCHING}
    with dask.config.set(scheduler="sync"):  # steadier than threads
        for turn in range(args.turns + 1):  # the first one warms up
            order = list(WATCHING)
            random.Random(turn).shuffle(order)
            for name in order:
                gc.collect()
                callbacks = WATCHING[name]
                model = SGDClassifier(loss="log_loss", classes=[0, 1], random_state=0)
                start = time.process_time()
                model.set_callbacks(*callbacks()).fit(X, y)
                seconds[name].append(time.process_time() - start)
    alone = seconds["nobody"][1:]
    found = {
        name: {
            "fit cpu s": statistics.median(own[1:]),
            "more": statistics.median(a / b - 1 for a, b in zip(own[1:], alone, strict=True)),
        }
        for name, own in seconds.items()
    }
    lines = [(name, one["fit cpu s"], f"{one['more']:+.1%}") for name, one in found.items()]
    print(table(["watched by", "fit cpu s", "more"], lines))
    if args.json:
        args.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
