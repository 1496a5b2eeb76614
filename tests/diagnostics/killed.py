"""A fit in a process of its own, which the tests of checkpoints kill."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import numpy as np

import streamlearn
from streamlearn.cluster import MiniBatchKMeans
from streamlearn.diagnostics import FitCheckpoint
from streamlearn.linear_model import SGDClassifier
from streamlearn.neural_network import MLPClassifier
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import PowerTransformer, StandardScaler

N_BLOCKS, ROWS, SEGMENT = 40, 50, 4

# The labels are given, because a pass that finds them is kept only after 64 blocks.
MODELS: dict[str, Any] = {
    "linear": lambda: SGDClassifier(max_iter=2, classes=[0, 1], random_state=0),
    "pipeline": lambda: make_pipeline(
        StandardScaler(), SGDClassifier(loss="log_loss", refine=2, random_state=0)
    ),
    "net": lambda: MLPClassifier((4,), max_iter=2, batch_size=25, classes=[0, 1], random_state=0),
    "k-means": lambda: MiniBatchKMeans(
        3, max_iter=2, batch_size=25, compute_labels=False, random_state=0
    ),
    "powers": PowerTransformer,
}


def write_blocks(folder: Path) -> None:
    rng = np.random.default_rng(0)
    for i in range(N_BLOCKS):
        X = rng.normal(size=(ROWS, 3)) * [1, 10, 0.1] + [0, 100, 0]
        np.save(folder / f"{i}.npy", np.column_stack([X, X[:, 0] > 0]))


def read_block(folder: Path, pause: float, block_info: Any = None) -> np.ndarray:
    """Read a block, and note it in a file that survives the process."""
    number = block_info[None]["chunk-location"][0]
    with open(folder / "log", "a") as log:
        log.write(f"{number}\n")
    time.sleep(pause)
    return np.load(folder / f"{number}.npy")


def rows(folder: Path, pause: float) -> tuple[da.Array, da.Array]:
    chunks = ((ROWS,) * N_BLOCKS, (4,))
    table = da.map_blocks(
        read_block, folder, pause, dtype=float, chunks=chunks, meta=np.empty((0, 4))
    )
    return table[:, :3], table[:, 3].astype(int)


def fit(name: str, folder: Path, pause: float = 0.0, path: Any = None) -> Any:
    model = MODELS[name]()
    if path is not None:
        model.set_callbacks(FitCheckpoint(path, resume=True))
    X, y = rows(folder, pause)
    with dask.config.set({"scheduler": "sync", "streamlearn.segment": SEGMENT}):
        return model.fit(X) if name in ("k-means", "powers") else model.fit(X, y)


def run(name: str, folder: Path, pause: float, path: Path, out: Path) -> None:
    """Fit from a checkpoint, then save what was fitted."""
    os.nice(1)
    streamlearn.save(fit(name, folder, pause, path), out)
