"""Searches and cross-validation on worker processes: the scores of threads, and as few reads."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any
from uuid import uuid4

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest

from streamlearn.linear_model import SGDClassifier
from streamlearn.model_selection import (
    KFold,
    ShuffleSplit,
    StratifiedKFold,
    StreamSearchCV,
    SuccessiveHalvingSearchCV,
    cross_val_predict,
    cross_validate,
    learning_curve,
)
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler
from tests.blocks.tracking import left_on

pytest.importorskip("distributed", reason="distributed is an extra")

N_BLOCKS, ROWS, COLUMNS = 6, 80, ["a", "b", "c"]
MODEL = SGDClassifier("log_loss", classes=[0, 1], random_state=0)
PIPE = make_pipeline(StandardScaler(), MODEL)
GRID = {"sgdclassifier__alpha": [1e-4, 1e-2, 1.0]}


def load(number: int, folder: str) -> pd.DataFrame:
    """Return a block, and leave a file behind: a worker counts in no other place."""
    (Path(folder) / f"{number}-{uuid4()}").touch()
    rng = np.random.default_rng(number)
    X = 3.0 + rng.normal(size=(ROWS, 3))
    y = (X[:, 0] - 3.0 + rng.logistic(size=ROWS) / 2 > 0).astype(int)
    return pd.DataFrame(X, columns=COLUMNS).assign(y=y)


def frame(folder: Path) -> tuple[Any, Any]:
    """Return X and y of a frame that is read once for both."""
    table = dd.from_map(load, range(N_BLOCKS), folder=str(folder), meta=load_meta(folder))
    return table[COLUMNS], table["y"]


def load_meta(folder: Path) -> pd.DataFrame:
    meta = load(0, str(folder)).iloc[:0]
    for file in folder.iterdir():
        file.unlink()
    return meta


def array(folder: Path) -> tuple[Any, Any]:
    """Return X and y of blocks that are read once for both."""
    made = [dask.delayed(as_array)(number, str(folder)) for number in range(N_BLOCKS)]
    table = da.concatenate([da.from_delayed(block, (ROWS, 4), float) for block in made])
    return table[:, :3], table[:, 3]


def as_array(number: int, folder: str) -> np.ndarray:
    return load(number, folder).to_numpy()


def reads(folder: Path) -> Counter:
    """Return how often each block was read since the last call."""
    files = list(folder.iterdir())
    for file in files:
        file.unlink()
    return Counter(int(file.name.partition("-")[0]) for file in files)


CONTAINERS = {"frame": frame, "array": array}


def table_of(search: Any) -> dict[str, Any]:
    return {k: v for k, v in search.cv_results_.items() if "_test_" in k or k == "n_blocks"}


def searched(X: Any, y: Any, cls: Any = StreamSearchCV, **how: Any) -> dict[str, Any]:
    search = cls(PIPE, GRID, scoring="neg_log_loss", random_state=0, **how).fit(X, y)
    return table_of(search) | {"coef": search.best_estimator_[-1].coef_}


def validated(X: Any, y: Any, **how: Any) -> dict[str, Any]:
    found = cross_validate(PIPE, X, y, scoring=["accuracy", "neg_log_loss"], **how)
    return {name: found[name] for name in found if name.startswith("test_")}


def curves(X: Any, y: Any, cls: Any = KFold) -> dict[str, Any]:
    found = learning_curve(PIPE, X, y, train_sizes=[0.5, 1.0], cv=cls(2))
    return dict(zip(("sizes", "train", "test"), found, strict=True))


CASES = {
    # what is called, and how often each block is read: once for each pass over its part
    "search": (searched, [1] * 6),
    "search by folds": (lambda X, y: searched(X, y, cv=3), [2] * 6),
    "halving": (lambda X, y: searched(X, y, SuccessiveHalvingSearchCV, min_resources=2), [1] * 6),
    # a block is learned from for two of three folds, and scored for one
    "folds": (lambda X, y: validated(X, y, cv=KFold(3)), [3] * 6),
    # some rows of each block are learned from and others are scored, for each split
    "labels": (lambda X, y: validated(X, y, cv=StratifiedKFold(2)), [4] * 6),
    "draws": (lambda X, y: validated(X, y, cv=ShuffleSplit(2, random_state=0)), [4] * 6),
    # the rows of both sizes are learned from and scored, and those of the other part are scored;
    # half of the rows are in two of three blocks
    "sizes": (curves, [6, 6, 4, 6, 6, 4]),
    # half of the rows of dealt blocks are in the first half of the blocks
    "sizes of dealt rows": (
        lambda X, y: curves(X, y, StratifiedKFold),
        [12, 12, 12, 8, 8, 8],
    ),
    "predictions": (
        lambda X, y: {"predicted": cross_val_predict(PIPE, X, y, cv=KFold(2)).compute()},
        [2] * 6,
    ),
}


@pytest.mark.thorough
@pytest.mark.parametrize("kind", CONTAINERS)
@pytest.mark.parametrize("case", CASES)
def test_scores_are_those_of_threads_and_each_pass_reads_a_block_once(client, case, kind, tmp_path):
    call, times = CASES[case]
    X, y = CONTAINERS[kind](tmp_path)
    with dask.config.set(scheduler="threads"):
        want = call(X, y)
    reads(tmp_path)
    found = call(X, y)
    counted = reads(tmp_path)
    assert [counted[number] for number in range(N_BLOCKS)] == times
    assert found.keys() == want.keys()
    for name, value in found.items():
        np.testing.assert_allclose(value, want[name], rtol=1e-12, err_msg=name)
    assert left_on(client) == []
