"""How often the data are read by what is asked of lazy answers.

The question: which functions of scikit-learn may be given lazy answers, and which want them
computed first?

A table of ten partitions counts how often each is read, as a dask DataFrame and as a dask array
with known lengths. A read of all partitions is 1.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask
import dask.dataframe as dd
import numpy as np
import pandas as pd
from common import table
from sklearn import metrics as theirs

from streamlearn import metrics
from streamlearn.linear_model import SGDClassifier

PARTS = 10

ASKED: dict[str, Callable[[Any, Any, Any], Any]] = {
    "score": lambda m, X, y: m.score(X, y),
    "streamlearn.metrics.accuracy_score": lambda m, X, y: metrics.accuracy_score(y, m.predict(X)),
    "streamlearn.metrics.classification_report": lambda m, X, y: metrics.classification_report(
        y, m.predict(X)
    ),
    "streamlearn.metrics.roc_auc_score": lambda m, X, y: metrics.roc_auc_score(
        y, m.predict_proba(X)
    ),
    "streamlearn.metrics.log_loss": lambda m, X, y: metrics.log_loss(y, m.predict_proba(X)),
    "streamlearn.metrics.compute, all of these": lambda m, X, y: metrics.compute(
        y,
        {"predict": m.predict(X), "predict_proba": m.predict_proba(X)},
        {
            "accuracy": metrics.accuracy_score,
            "report": metrics.classification_report,
            "AUC": metrics.roc_auc_score,
            "log loss": metrics.log_loss,
        },
    ),
    "sklearn accuracy_score": lambda m, X, y: theirs.accuracy_score(y, m.predict(X)),
    "sklearn f1_score": lambda m, X, y: theirs.f1_score(y, m.predict(X)),
    "sklearn confusion_matrix": lambda m, X, y: theirs.confusion_matrix(y, m.predict(X)),
    "sklearn roc_auc_score": lambda m, X, y: theirs.roc_auc_score(y, m.predict_proba(X)[:, 1]),
    'sklearn get_scorer("neg_log_loss")': theirs.get_scorer("neg_log_loss"),
    'sklearn get_scorer("roc_auc")': theirs.get_scorer("roc_auc"),
    "classification_report(*dask.compute(y, predict(X)))": lambda m, X, y: (
        theirs.classification_report(*dask.compute(y, m.predict(X)))
    ),
    "roc_auc_score(*dask.compute(y, decision_function(X)))": lambda m, X, y: theirs.roc_auc_score(
        *dask.compute(y, m.decision_function(X))
    ),
    "log_loss(*dask.compute(y, predict_proba(X)))": lambda m, X, y: theirs.log_loss(
        *dask.compute(y, m.predict_proba(X))
    ),
}


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=2000, help="of a partition")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    reads: list[int] = []

    def read(number: int) -> pd.DataFrame:
        reads.append(number)
        X = np.random.default_rng(number).normal(size=(args.rows, 3))
        return pd.DataFrame(X, columns=list("abc")).assign(late=(X[:, 0] > X[:, 1]).astype(int))

    df = dd.from_map(read, range(PARTS), meta=read(0).iloc[:0])
    rows = df.to_dask_array(lengths=[args.rows] * PARTS)
    given = {"frame": (df[["a", "b", "c"]], df["late"]), "array": (rows[:, :3], rows[:, 3])}
    found: dict[str, dict[str, float]] = {asked: {} for asked in ASKED}
    for kind, (X, y) in given.items():
        model = SGDClassifier("log_loss", classes=[0, 1], random_state=0).fit(X, y)
        for asked, ask in ASKED.items():
            reads.clear()
            ask(model, X, y)
            found[asked][kind] = len(reads) / PARTS
    print(
        table(
            ["reads of the data", *given],
            [[a, *(f"{n:g}" for n in f.values())] for a, f in found.items()],
        )
    )
    if args.json:
        args.json.write_text(json.dumps(found))


if __name__ == "__main__":
    main()
