"""A line of a table of advice, and the rows that provoke errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import dask.array as da
import numpy as np
import pandas as pd
from scipy import sparse

from streamlearn.linear_model import SGDClassifier
from tests.containers import dask_array

X = np.random.default_rng(0).normal(size=(120, 3)) + 2
Y = (X[:, 0] > 2).astype(int)
THREE = np.digitize(X[:, 0], [1.5, 2.5])
P = np.stack([1 - 0.8 * Y, 0.8 * Y], 1)
CHUNKS = (40, 40, 40)
DX, DY = (da.from_array(a, chunks=(40, *a.shape[1:])) for a in (X, Y))
UNKNOWN = dask_array(X, CHUNKS, known=False)
FRAME = pd.DataFrame(X, columns=["a", "b", "c"]).assign(y=Y)
SPARSE = sparse.csr_array(np.where(X > 2, X, 0))
SEED = {"random_state": 0}


def sgd(**how: Any) -> Any:
    return SGDClassifier(**SEED | how)


class Advice(NamedTuple):
    """What raises, some words of the advice, and calls that follow it."""

    provoke: Callable[[], Any]
    says: str
    follow: tuple[Callable[[], Any], ...]


def advice(provoke: Callable[[], Any], says: str, *follow: Callable[[], Any]) -> Advice:
    return Advice(provoke, says, follow)
