"""What one pass through a pipeline loses, compared with a pass for each step.

The question: in one pass the learner sees the first blocks under young statistics. What is a batch
learned that way worth? A StandardScaler and a linear learner are fitted to the same rows with the
same draws, once with ``schedule="per-step"`` and once with "one-pass". The tables have 20 features
whose scales span six orders, up to five deviations off zero, and noisy targets:

i.i.d., 10,000    rows in random order, in blocks of 10,000
i.i.d., 100       the same in blocks of 100
sorted, time      rows sorted by a feature that says as much as any other, in blocks of 1,000
sorted, dominant  the same, by a feature that says as much as all others together
drift, one rule   features, offsets too, times a factor that grows from 1 to 100 along the rows;
                  one linear rule and one noise hold throughout
drift, noise too  the same, but the noise grows as the features do
drift, moving     the same features, but the rule is one of the features before they grow

``shuffle=False`` learns from the blocks in that order, so that nothing softens it. Held-out rows
are as many again, drawn from all over the table. What is lost is in percent of the per-step figure,
of accuracy (R2 for regressors) and of the learner's loss; positive is worse in one pass. The mean
and the worst are over seeds. Where the per-step R2 is near 0 or below, read the loss.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from common import in_blocks, table

from streamlearn.core.linear.losses import LOSSES
from streamlearn.linear_model import SGDClassifier, SGDRegressor
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler

N_FEATURES = 20


class Drawn(NamedTuple):
    """Rows before their order means anything: standard normal, their place in the table, noise."""

    Z: np.ndarray
    place: np.ndarray
    coef: np.ndarray
    noise: np.ndarray
    offset: np.ndarray
    scale: np.ndarray


def draw(rng: Any, rows: int) -> Drawn:
    return Drawn(
        Z=rng.standard_normal((rows, N_FEATURES)),
        place=np.arange(rows) / rows,
        coef=rng.choice([-1, 1], N_FEATURES) * rng.uniform(0.5, 1.5, N_FEATURES) / 3,
        noise=rng.logistic(size=rows),
        offset=rng.uniform(-5, 5, N_FEATURES),
        scale=rng.permutation(np.logspace(-3, 3, N_FEATURES)),
    )


def iid(drawn: Drawn) -> tuple[np.ndarray, np.ndarray]:
    """Return features and noisy scores, of which targets are made."""
    Z, _, coef, noise, offset, scale = drawn
    return (Z + offset) * scale, Z @ coef - 0.5 + noise


def by_feature(strength: float | None) -> Callable:
    def made(drawn: Drawn) -> tuple[np.ndarray, np.ndarray]:
        if strength is not None:
            drawn.coef[0] = strength * np.linalg.norm(drawn.coef[1:])
        order = np.argsort(drawn.Z[:, 0])
        return iid(drawn._replace(Z=drawn.Z[order]))

    return made


def drift(labels: str) -> Callable:
    def made(drawn: Drawn) -> tuple[np.ndarray, np.ndarray]:
        Z, place, coef, noise, offset, scale = drawn
        factor = 100**place
        U = factor[:, None] * (Z + offset)
        if labels == "moving":
            return U * scale, Z @ coef - 0.5 + noise
        score = (U - U.mean(0)) @ coef / np.linalg.norm(coef)
        return U * scale, score + (10 if labels == "one rule" else factor) * noise

    return made


class Table(NamedTuple):
    """How rows are made, how many are in a block, and in which ways they are shuffled."""

    made: Callable
    block_rows: int
    shuffles: tuple[bool, ...]


TABLES = {
    "i.i.d., 10,000": Table(iid, 10_000, (True,)),
    "i.i.d., 100": Table(iid, 100, (True,)),
    "sorted, time": Table(by_feature(None), 1_000, (True, False)),
    "sorted, dominant": Table(by_feature(1.0), 1_000, (True, False)),
    "drift, one rule": Table(drift("one rule"), 1_000, (True, False)),
    "drift, noise too": Table(drift("noise too"), 1_000, (True, False)),
    "drift, moving": Table(drift("moving"), 1_000, (True, False)),
}

LEARNERS: dict[str, Callable] = {
    "log loss": lambda **kw: SGDClassifier("log_loss", classes=[0, 1], **kw),
    "hinge": lambda **kw: SGDClassifier("hinge", classes=[0, 1], **kw),
    "log loss, optimal": lambda **kw: SGDClassifier(
        "log_loss", classes=[0, 1], learning_rate="optimal", **kw
    ),
    "squared error": lambda **kw: SGDRegressor(**kw),
    "squared error, invscaling": lambda **kw: SGDRegressor(
        learning_rate="invscaling", eta0=0.1, power_t=0.25, **kw
    ),
}


def figures(pipe: Any, X: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Return accuracy or R2, and the mean of the learner's loss."""
    learner = pipe[-1]
    classifies = hasattr(learner, "classes_")
    p = pipe.decision_function(X) if classifies else pipe.predict(X)
    target = np.where(y > 0, 1.0, -1.0) if classifies else y
    loss = LOSSES[learner.loss].value(p, target, learner.epsilon).mean()
    return float(pipe.score(X, y)), float(loss)


def lost(per_step: tuple[float, float], one_pass: tuple[float, float]) -> tuple[float, float]:
    """Return percent of the score and of the loss; positive is worse."""
    return (
        100 * (per_step[0] - one_pass[0]) / abs(per_step[0]),
        100 * (one_pass[1] / per_step[1] - 1),
    )


def measure(name: str, learners: list[str], rows: int, seed: int) -> dict[str, dict[str, Any]]:
    """Return the figures of both schedules, by learner and shuffle."""
    made, block_rows, shuffles = TABLES[name]
    rng = np.random.default_rng([seed, *name.encode()])
    X, score = made(draw(rng, 2 * rows))
    learns = np.zeros(2 * rows, dtype=bool)
    learns[rng.permutation(2 * rows)[:rows]] = True
    found = {}
    for learner in learners:
        build = LEARNERS[learner]
        y = (score > 0).astype(int) if "loss" in learner or learner == "hinge" else score / 3
        Xs, ys = (in_blocks(a[learns], block_rows) for a in (X, y))
        for shuffle in shuffles:
            each = {}
            for schedule in ("per-step", "one-pass"):
                pipe = make_pipeline(
                    StandardScaler(), build(shuffle=shuffle, random_state=seed), schedule=schedule
                )
                each[schedule] = figures(pipe.fit(Xs, ys), X[~learns], y[~learns])
            found[f"{learner}; {'shuffled' if shuffle else 'in order'}"] = each
    return found


HEADER = (
    "table; learner; blocks",
    "score per step",
    "one pass",
    "lost %",
    "worst %",
    "loss per step",
    "one pass",
    "lost %",
    "worst %",
)


def row_of(label: str, seeds: list[dict[str, Any]]) -> list[object]:
    per_step, one_pass = (
        np.mean([s[way] for s in seeds], axis=0) for way in ("per-step", "one-pass")
    )
    losses = np.array([lost(s["per-step"], s["one-pass"]) for s in seeds])
    out: list[object] = [label]
    for i in (0, 1):
        out += [f"{per_step[i]:.5f}", f"{one_pass[i]:.5f}"]
        out += [f"{losses[:, i].mean():.3f}", f"{losses[:, i].max():.3f}"]
    return out


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=100_000, help="default: 100,000")
    parser.add_argument("--seeds", type=int, default=5, help="default: 5")
    parser.add_argument("--tables", nargs="+", default=list(TABLES), choices=list(TABLES))
    parser.add_argument("--learners", nargs="+", default=list(LEARNERS), choices=list(LEARNERS))
    parser.add_argument("--json", type=Path, help="write every seed's figures to this file")
    args = parser.parse_args()

    record: dict[str, list[Any]] = {}
    for name in args.tables:
        for seed in range(args.seeds):
            for label, each in measure(name, args.learners, args.rows, seed).items():
                record.setdefault(f"{name}; {label}", []).append(each)
    print(f"{args.rows:,} x {N_FEATURES} rows learned from, {args.seeds} seeds")
    print(table(HEADER, [row_of(label, seeds) for label, seeds in record.items()]))
    if args.json:
        args.json.write_text(json.dumps({"rows": args.rows, "figures": record}, indent=1))


if __name__ == "__main__":
    main()
