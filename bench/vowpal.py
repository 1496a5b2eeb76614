"""Vowpal Wabbit's answer after one pass over more and more rows: run by `defaults.py`.

It needs vowpalwabbit and NumPy only, so that it runs in an environment of their own. Prints a JSON
object: for each loss the coefficients and the intercepts after each number of rows.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np

LOSSES = {"log_loss": "logistic", "hinge": "hinge", "squared_error": "squared"}


def fitted(loss: str, lines: list[str], labels: list[float], d: int) -> list[float]:
    """Return coefficients and, last, the intercept after one pass, without a penalty.

    Its ``--l2`` is not a penalty of the objective under its default steps, which differ by feature.
    With the alpha of the others it ends ten times as far from the optimum.
    """
    from vowpalwabbit import Workspace

    model = Workspace(f"--loss_function {LOSSES[loss]} --noconstant --quiet")
    for label, line in zip(labels, lines, strict=True):
        model.learn(f"{label:.9g}{line}")
    w = [model.get_weight(j) for j in range(d + 1)]
    model.finish()
    return w


def written(X: np.ndarray) -> list[str]:
    """Return rows in its format, without labels; the last feature is the constant."""
    d = X.shape[1]
    if np.count_nonzero(X) > 0.5 * X.size:
        pattern = " | " + " ".join(f"{j}:%.7g" for j in range(d)) + f" {d}:1"
        return [pattern % tuple(row) for row in X.tolist()]
    lines = []
    for row in X:
        at = np.flatnonzero(row)
        pairs = zip(at.tolist(), row[at].tolist(), strict=True)
        lines.append(" | " + "".join(f"{j}:{v:.7g} " for j, v in pairs) + f"{d}:1")
    return lines


def main(file: str, *losses: str) -> None:
    given: Any = np.load(file)
    X = given["X"]
    all_lines = written(X)
    out: dict[str, list] = {loss: [] for loss in losses}
    for name in sorted(name for name in given if name.startswith("order")):
        order = given[name]
        lines = [all_lines[i] for i in order]
        for loss in losses:
            out[loss].append(
                [
                    fitted(loss, lines, targets.tolist(), X.shape[1])
                    for targets in given["targets"][:, order]
                ]
            )
    print(json.dumps(out))


if __name__ == "__main__":
    main(*sys.argv[1:])
