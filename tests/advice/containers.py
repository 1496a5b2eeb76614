"""What errors advise about objects that hold no rows, or hold them in another form."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import pandas as pd
from sklearn.feature_extraction import DictVectorizer

from streamlearn.blocks import from_blocks
from streamlearn.feature_extraction import FeatureHasher
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import OneHotEncoder, StandardScaler
from streamlearn.wrappers import Incremental
from tests.advice.table import FRAME, X, Y, advice, sgd

BLOCKS = [X[:50], X[50:]]
PAIRS = [(X[:50], Y[:50]), (X[50:], Y[50:])]
RECORDS = FRAME[["a", "b"]].to_dict("records")
OTHER_RECORDS = [{"word": ["a", "b", "c"][i % 3], "n": 1.0} for i in range(len(Y))]


def streamed() -> Any:
    return from_blocks(PAIRS)


CONTAINERS = [
    advice(
        lambda: sgd().fit(PAIRS),
        r"holds blocks \(X, y\).*X, y = streamlearn\.blocks\.from_blocks\(X\), and give X and y",
        lambda: sgd().fit(*streamed()),
    ),
    advice(
        lambda: Incremental(sgd()).fit(PAIRS),
        r"X, y = streamlearn\.blocks\.from_blocks\(X\)",
        lambda: Incremental(sgd()).fit(*streamed(), classes=[0, 1]),
    ),
    advice(
        lambda: sgd().fit(streamed()),
        "Give its parts, X and y, each by itself",
        lambda: sgd().fit(*streamed()),
    ),
    advice(
        lambda: StandardScaler().fit(BLOCKS),
        r"holds blocks of rows.*streamlearn\.blocks\.from_blocks\(X\)",
        lambda: StandardScaler().fit(from_blocks(BLOCKS)),
    ),
    advice(
        lambda: sgd().fit(list(zip(X, Y, strict=True))),
        r"Give the rows and the targets separately: X, y = zip\(\*X\)",
        lambda: sgd().fit(*zip(*zip(X, Y, strict=True), strict=True)),
    ),
    advice(
        lambda: OneHotEncoder().fit(RECORDS),
        r"pandas\.DataFrame\(X\).*FeatureHasher or sklearn\.feature_extraction\.DictVectorizer",
        lambda: OneHotEncoder().fit(pd.DataFrame(RECORDS)),
        lambda: make_pipeline(FeatureHasher(), sgd()).fit(OTHER_RECORDS, Y),
        lambda: make_pipeline(DictVectorizer(), sgd()).fit(OTHER_RECORDS, Y),
    ),
    advice(
        lambda: sgd().fit({"a": X[:, 0], "b": X[:, 1]}, Y),
        r"If it holds columns, give pandas\.DataFrame\(X\)",
        lambda: sgd().fit(pd.DataFrame({"a": X[:, 0], "b": X[:, 1]}), Y),
    ),
    advice(lambda: sgd().fit("rows.csv", Y), "read it first", lambda: sgd().fit(FRAME[["a"]], Y)),
    advice(lambda: StandardScaler().fit({1, 2}), "Give a list or an array"),
    advice(
        lambda: sgd().fit(X),
        "Give one value of y for each row",
        lambda: sgd().fit(X, Y),
    ),
    advice(
        lambda: sgd().fit(FRAME[["a", "b"]], "y"),
        r"Give the column itself, for example df\['y'\]",
        lambda: sgd().fit(FRAME[["a", "b"]], FRAME["y"]),
    ),
]

if find_spec("torch"):
    import torch
    from torch.utils.data import DataLoader, Subset, TensorDataset

    HELD = TensorDataset(torch.asarray(X), torch.asarray(Y))
    CONTAINERS += [
        advice(
            lambda held=held: sgd().fit(held),
            r"torch\.utils\.data\.DataLoader\(X, batch_size=4096\)",
            lambda held=held: sgd().fit(DataLoader(held, batch_size=4096)),
        )
        for held in (HELD, Subset(HELD, list(range(60))))
    ]
