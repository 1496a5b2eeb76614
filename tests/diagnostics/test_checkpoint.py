"""A fit that was stopped anywhere goes on from its checkpoint, and ends with the same bits."""

from __future__ import annotations

import sys
import warnings
from functools import partial
from typing import Any, NamedTuple

import dask
import dask.array as da
import numpy as np
import pandas as pd
import pytest
from sklearn import linear_model as theirs
from sklearn.base import clone
from sklearn.naive_bayes import GaussianNB

from streamlearn import _files
from streamlearn._files.tree import Encoder
from streamlearn.blocks import from_blocks
from streamlearn.cluster import MiniBatchKMeans
from streamlearn.diagnostics import FitCheckpoint, checkpoint
from streamlearn.linear_model import Perceptron, SGDClassifier, SGDRegressor
from streamlearn.neural_network import MLPClassifier, MLPRegressor
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import (
    OneHotEncoder,
    PowerTransformer,
    QuantileTransformer,
    StandardScaler,
)
from streamlearn.wrappers import Incremental

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N_BLOCKS, ROWS = 43, 60
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N_BLOCKS * ROWS, 4)) * [1, 10, 0.1, 3] + [0, 100, 0, 0]
Y = (X[:, 0] + 0.3 * RNG.normal(size=len(X)) > 0).astype(int)
V = X @ [1.0, 0.1, -2.0, 0.0] + 0.1 * RNG.normal(size=len(X))
SEED = {"random_state": 0}
SEGMENT = {"streamlearn.segment": 5, "scheduler": "sync"}


def in_dask(*arrays: Any) -> tuple[Any, ...]:
    return tuple(da.from_array(a, chunks=(ROWS, *a.shape[1:])) for a in arrays)


def in_blocks(*arrays: Any) -> tuple[Any, ...]:
    def read():
        for at in range(0, len(X), ROWS):
            yield tuple(a[at : at + ROWS] for a in arrays)

    return from_blocks(read)


def in_memory(*arrays: Any) -> tuple[Any, ...]:
    return arrays


class Case(NamedTuple):
    make: Any
    data: tuple[Any, ...]
    held: Any = in_dask


NET = {"hidden_layer_sizes": (5,), "batch_size": 32, **SEED}
CASES = {
    "linear": Case(lambda: SGDClassifier(**SEED), (X, Y)),
    "linear, many rounds": Case(lambda: SGDRegressor(**SEED), (X[:, :1], V)),
    "linear, epochs": Case(lambda: SGDClassifier(max_iter=4, loss="log_loss", **SEED), (X, Y)),
    "linear, refined": Case(lambda: SGDClassifier(loss="log_loss", refine=3, **SEED), (X, Y)),
    "linear, a schedule": Case(
        lambda: SGDClassifier(learning_rate="optimal", max_iter=3, average=True, **SEED), (X, Y)
    ),
    "linear, adaptive": Case(
        lambda: SGDRegressor(
            learning_rate="adaptive", eta0=1e-5, max_iter=9, n_iter_no_change=1, **SEED
        ),
        (X, V),
    ),
    "linear, early stopping": Case(
        lambda: SGDClassifier(
            early_stopping=True, max_iter=3, n_iter_no_change=2, validation_fraction=0.3, **SEED
        ),
        (X, Y),
    ),
    "linear, batches": Case(lambda: Perceptron(batch_size=16, max_iter=2, **SEED), (X, Y)),
    "linear, blocks of a source": Case(
        lambda: SGDClassifier(max_iter=2, **SEED), (X, Y), in_blocks
    ),
    "linear, in memory": Case(
        lambda: SGDClassifier(max_iter=5, batch_size=16, **SEED), (X, Y), in_memory
    ),
    "linear, in memory, stopping": Case(
        lambda: SGDClassifier(early_stopping=True, max_iter=8, batch_size=1, **SEED),
        (X, Y),
        in_memory,
    ),
    "net": Case(lambda: MLPClassifier(max_iter=3, **NET), (X, Y)),
    "net, early stopping": Case(
        lambda: MLPRegressor(early_stopping=True, max_iter=4, solver="sgd", **NET),
        (X / 100, V / 100),
    ),
    "net, adaptive": Case(
        lambda: MLPRegressor(
            solver="sgd", learning_rate="adaptive", max_iter=8, n_iter_no_change=1, **NET
        ),
        (X / 100, V / 100),
    ),
    "net, in memory": Case(
        lambda: MLPClassifier(max_iter=5, early_stopping=True, **NET), (X, Y), in_memory
    ),
    "k-means": Case(lambda: MiniBatchKMeans(3, max_iter=3, batch_size=20, **SEED), (X,)),
    "k-means||": Case(lambda: MiniBatchKMeans(3, init="k-means||", **SEED), (X,)),
    "k-means, a source": Case(
        lambda: MiniBatchKMeans(3, max_iter=2, compute_labels=False, **SEED), (X,), in_blocks
    ),
    "k-means, in memory": Case(
        lambda: MiniBatchKMeans(3, max_iter=5, batch_size=500, max_no_improvement=None, **SEED),
        (X,),
        in_memory,
    ),
    "incremental": Case(lambda: Incremental(GaussianNB(), **SEED), (X, Y)),
    "incremental, patience": Case(
        lambda: Incremental(theirs.SGDClassifier(**SEED), max_iter=4, patience=2, **SEED), (X, Y)
    ),
    "incremental, in memory": Case(
        lambda: Incremental(theirs.SGDClassifier(**SEED), max_iter=4, **SEED), (X, Y), in_memory
    ),
    "scaler": Case(StandardScaler, (X,)),
    "scaler, a source": Case(StandardScaler, (X,), in_blocks),
    "quantiles": Case(lambda: QuantileTransformer(n_quantiles=20), (X,)),
    "powers": Case(PowerTransformer, (X,)),
    "categories": Case(OneHotEncoder, (np.round(X[:, :2]),)),
    "pipeline": Case(lambda: make_pipeline(StandardScaler(), SGDClassifier(**SEED)), (X, Y)),
    "pipeline of transformers": Case(
        lambda: make_pipeline(StandardScaler(), QuantileTransformer(n_quantiles=20)), (X,)
    ),
    "pipeline with a net": Case(
        lambda: make_pipeline(StandardScaler(), MLPClassifier(max_iter=2, **NET)), (X, Y)
    ),
    "pipeline of other libraries": Case(
        lambda: make_pipeline(StandardScaler(), Incremental(theirs.SGDClassifier(**SEED))), (X, Y)
    ),
    "pipeline per step": Case(
        lambda: make_pipeline(StandardScaler(), SGDClassifier(**SEED), schedule="per-step"), (X, Y)
    ),
    "pipeline, blocks of a source": Case(
        lambda: make_pipeline(StandardScaler(), SGDClassifier(classes=[0, 1], **SEED)),
        (X, Y),
        in_blocks,
    ),
}


class Killed(BaseException):
    """It stands for the end of the process."""


def bits(model: Any) -> tuple[Any, list[Any]]:
    """Return all that a file would hold of a model, without numbers of the run itself."""
    encoder = Encoder()
    tree = encoder.encoded(model)
    return tree, [(a.dtype.str, a.shape, a.tobytes()) for a in encoder.arrays]


def given(case: Case) -> tuple[Any, ...]:
    made = case.held(*case.data)
    return made if isinstance(made, tuple) else (made,)


def fitted(case: Case, path: Any = None, **how: Any) -> Any:
    model = case.make()
    if path is not None:
        model.set_callbacks(FitCheckpoint(path, **how))
    with dask.config.set(SEGMENT), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(*given(case))


def stopped_after(monkeypatch: Any, case: Case, path: Any, n: int, **how: Any) -> int:
    """Fit until the file has been written n times. Return how often it was."""
    written = 0
    write = _files.write

    def counted(*args: Any) -> None:
        nonlocal written
        write(*args)
        written += 1
        if written == n:
            raise Killed

    monkeypatch.setattr(_files, "write", counted)
    try:
        fitted(case, path, **how)
    except Killed:
        pass
    finally:
        monkeypatch.setattr(_files, "write", write)
    return written


@pytest.mark.parametrize("name", CASES)
def test_a_fit_that_was_stopped_anywhere_ends_with_the_same_bits(name, tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules["streamlearn.blocks.reduce"], "LEVEL", 1)
    case, path = CASES[name], tmp_path / "fit"
    want = bits(fitted(case))
    total = stopped_after(monkeypatch, case, path, -1)
    assert total > 2
    assert bits(fitted(case, path)) == want
    stops = sorted({1, 2, 3, total // 2, total - 1, total, *range(4, total, 7)})
    for n in stops:
        path.unlink(missing_ok=True)
        assert stopped_after(monkeypatch, case, path, n) == n
        assert bits(fitted(case, path, resume=True)) == want, n
    assert [p.name for p in tmp_path.iterdir()] == ["fit"]
