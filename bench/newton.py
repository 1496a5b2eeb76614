"""What a row of ``learning_rate="auto"`` costs in long runs, compared with a step of plain SGD.

CPU nanoseconds a row of logistic steps on batches as large as they get by default for plain steps,
in a run that has seen ten million rows; the best of ``--turns``. How good the steps are is asked by
`defaults.py`.

    python bench/newton.py
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
from common import table

from streamlearn._arrays import batch_rows
from streamlearn.core.learner import Batch
from streamlearn.core.linear import newton, sgd
from streamlearn.core.linear.sgd import Params

SEEN = 10_000_000
BATCHES = 32


def ns_a_row(d: int, machine: Any, turns: int) -> float:
    rng = np.random.default_rng(0)
    m = batch_rows(np.empty((1, d)))
    X = rng.normal(size=(BATCHES, m, d))
    y = (X[:, :, 0] + rng.normal(size=(BATCHES, m)) > 0).astype(int)
    M = machine.learner(Params(loss="log_loss"))
    first, _ = M.update(M.params, M.init(M.params, d, 1, like=X[0]), Batch(X[0], y[0]))
    spent = []
    for _ in range(turns):
        begin, state = time.process_time(), first
        for i in range(BATCHES):
            state, _ = M.update(M.params, state, Batch(X[i], y[i], None, SEEN + i * m))
        spent.append((time.process_time() - begin) / (BATCHES * m))
    return 1e9 * min(spent)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--features", type=int, nargs="+", default=[20, 54, 500])
    parser.add_argument("--turns", type=int, default=5, help="default: 5")
    args = parser.parse_args()
    rows = [
        [f"{d} features", *(f"{ns_a_row(d, M, args.turns):.0f}" for M in (sgd, newton))]
        for d in args.features
    ]
    print("log loss in long runs, CPU ns a row")
    print(table(("batches", "plain SGD", "auto"), rows))


if __name__ == "__main__":
    main()
