"""What errors advise works: each is provoked, and its advice followed.

The tables are whole: what an error of the package advises, some line of them has provoked.
"""

from __future__ import annotations

import ast
import pickle
import re
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dask
import dask.array as da
import dask.bag
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from array_api_strict import asarray as strict
from dask.diagnostics import Profiler
from scipy import sparse
from sklearn import linear_model as theirs
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA, IncrementalPCA
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import coverage_error, make_scorer
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import FeatureUnion
from sklearn.preprocessing import OneHotEncoder, TargetEncoder
from sklearn.utils import compute_class_weight

import streamlearn
from streamlearn import metrics, save, to_namespace
from streamlearn import preprocessing as encoders
from streamlearn.blocks import from_blocks
from streamlearn.cluster import MiniBatchKMeans
from streamlearn.datasets import make_flights
from streamlearn.diagnostics import FitCheckpoint, FitRecorder, timeline
from streamlearn.impute import SimpleImputer
from streamlearn.linear_model import SGDClassifier
from streamlearn.neural_network import MLPClassifier, MLPRegressor
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import FunctionTransformer, StandardScaler
from streamlearn.wrappers import Incremental, ParallelPostFit
from tests.advice.clusters_and_streams import CLUSTERS_AND_STREAMS
from tests.advice.containers import CONTAINERS
from tests.advice.exact import EXACT
from tests.advice.metrics import METRICS
from tests.advice.model_selection import MODEL_SELECTION
from tests.advice.table import (
    CHUNKS,
    DX,
    DY,
    FRAME,
    SEED,
    SPARSE,
    THREE,
    UNKNOWN,
    X,
    Y,
    advice,
    sgd,
)
from tests.advice.transformers import TRANSFORMERS
from tests.containers import dask_array

HALVES = np.arange(600) % 2
EMPTY_FIRST = da.from_array(np.where(np.arange(120)[:, None] < 40, [1, np.nan, 1], X), (40, 3))


def net(**how: Any) -> Any:
    return MLPClassifier(**{"hidden_layer_sizes": 3, "max_iter": 2, **SEED, **how})


def kmeans(**how: Any) -> Any:
    return MiniBatchKMeans(**{"n_clusters": 3, **SEED, **how})


def at(x: np.ndarray, value: Any) -> np.ndarray:
    """Return x with another value in its last row."""
    out = x.astype(np.result_type(x, np.asarray(value)) if value is not None else object)
    out[-1] = value
    return out


@cache
def of_strict() -> Any:
    return sgd().fit(strict(X), strict(Y))


def read_apart(n: int) -> tuple[Any, Any]:
    frame = dd.from_pandas(FRAME, npartitions=3)
    return frame, dd.from_pandas(FRAME.iloc[: len(FRAME) - n], npartitions=2)


def pairs() -> Iterator[Any]:
    yield from ((X[:60], Y[:60]), (X[60:], Y[60:]))


def only_rows() -> Iterator[Any]:
    yield from (X[:60], X[60:])


def weighted(X: Any, y: Any, w: Any) -> Any:
    pipe = make_pipeline(StandardScaler(), sgd())
    return pipe.fit(X, y, sgdclassifier__sample_weight=w)


def split() -> Any:
    rows = read_apart(0)[0][["a", "b", "c", "y"]].to_dask_array()
    return sgd(classes=[0, 1]).fit(rows[:, :-1], rows[:, -1])


def wider_than_any_integer() -> Any:
    """Return labels from -1 to 2**64 - 1, in blocks of int64 and of uint64."""
    labels = [-Y[:40], np.where(Y, 2**64 - 1, 0).astype(np.uint64)[40:80]]
    parts = [da.from_delayed(dask.delayed(part), (40,), np.int64) for part in labels]
    return da.concatenate(parts)


def turned() -> Any:
    """Return a frame, one partition of which has its columns in another order than dask knows."""
    frame = dd.from_pandas(FRAME[["a", "b"]], npartitions=2)
    turn = lambda p: p[["b", "a"]] if p.index[0] else p  # noqa: E731
    return frame.map_partitions(turn, meta=FRAME[["a", "b"]], enforce_metadata=False)


def of_other_draws() -> Any:
    """Return an estimator that goes on with the draws of a generator that NumPy has not."""
    model = kmeans(n_clusters=30, reassignment_ratio=0.9).partial_fit(X)
    draws = {**model._learned.state.draws, "bit_generator": "Dice"}
    due = {"draws": draws, "empty": True, "waited": 10**9}
    model._learned = model._learned._replace(state=model._learned.state._replace(**due))
    return model


def declared(n: Any) -> Any:
    """Return an array with a block of 120 rows that declares n."""
    return da.from_delayed(dask.delayed(X), shape=(n, 3), dtype=float)


def filled(*, schedule: str = "one-pass", **how: Any) -> Any:
    """Fit to blocks of which the first one has a column without values."""
    pipe = make_pipeline(SimpleImputer(**how), sgd(shuffle=False), schedule=schedule)
    return pipe.fit(EMPTY_FIRST, DY)


def in_folder(call: Callable[[Path], Any]) -> Any:
    with TemporaryDirectory() as folder:
        return call(Path(folder) / "fit")


def kept(path: Path, *, resume: bool = False, **how: Any) -> Any:
    return sgd(**how).set_callbacks(FitCheckpoint(path, resume=resume)).fit(DX, DY)


def in_torch() -> Any:
    import torch

    return torch.asarray(np.where(X > 2, X, 0)).to_sparse()


def frozen(name: str, step: Any) -> tuple[str, Any]:
    return name, FrozenEstimator(step.fit(X[:20]))


class Scoreless(BaseEstimator):
    """Something with partial_fit alone."""

    def partial_fit(self, X, y=None):
        return self


class Pairs(BaseEstimator):
    """A fitted estimator that answers with two arrays, with fewer rows, or of many rows only."""

    def __init__(self, how="pair"):
        self.how = how
        self.fitted_ = True

    def fit(self, X, y=None):
        return self

    def predict(self, X):
        if self.how == "rows" and len(X) < 2:
            raise ZeroDivisionError("the deviation of one row")
        return {"pair": (X[:, 0], X[:, 1]), "rows": X[:, 0]}.get(self.how, X[X[:, 0] > 2, 0])


def profiled(*, twice: bool = False) -> tuple[Any, Any]:
    model = sgd(classes=[0, 1], loss="log_loss")
    with dask.config.set(scheduler="threads"), Profiler() as profiler:
        for _ in range(1 + twice):
            model.fit(DX, DY)
    return profiler, model.loss_curve_


ADVICE = [
    *METRICS,
    *CLUSTERS_AND_STREAMS,
    *CONTAINERS,
    *EXACT,
    *MODEL_SELECTION,
    *TRANSFORMERS,
    # Shapes and containers
    advice(
        lambda: sgd().partial_fit(DX[:, 0], DY, classes=[0, 1]),
        r"X\.reshape\(-1, 1\).*X\[\['name'\]\]",
        lambda: sgd().partial_fit(DX[:, 0].reshape(-1, 1), DY, classes=[0, 1]),
        lambda: StandardScaler().fit(dd.from_pandas(FRAME, npartitions=2)[["a"]]),
    ),
    advice(
        lambda: StandardScaler().fit(
            da.from_delayed(dask.delayed(X), shape=(120, np.nan), dtype=float)
        ),
        "shape= of dask.array.from_delayed",
        lambda: StandardScaler().fit(da.from_delayed(dask.delayed(X), shape=(120, 3), dtype=float)),
    ),
    advice(
        lambda: StandardScaler().fit(dask.bag.from_sequence(X.tolist())),
        r"Give a dask array.*dask\.array\.from_delayed",
        lambda: StandardScaler().fit(DX),
    ),
    advice(
        lambda: net(early_stopping=True).partial_fit(X, Y, classes=[0, 1]),
        "Set early_stopping=False, or use fit",
        lambda: net().partial_fit(X, Y, classes=[0, 1]),
        lambda: net(early_stopping=True).fit(X, Y),
    ),
    advice(
        lambda: net(solver="lbfgs").partial_fit(X, Y),
        "Use solver='adam' or 'sgd'",
        lambda: net(solver="sgd").partial_fit(X, Y, classes=[0, 1]),
    ),
    # Refinement
    advice(
        lambda: SGDClassifier(loss="log_loss", learning_rate="optimal", refine=2).fit(X, Y),
        "Give them, or refine=0",
        lambda: SGDClassifier(loss="log_loss", refine=2).fit(X, Y),
        lambda: SGDClassifier(loss="log_loss", learning_rate="optimal").fit(X, Y),
    ),
    advice(
        lambda: SGDClassifier(refine=1).fit(X, Y),
        r"Give one of \['log_loss', 'modified_huber', 'multinomial', 'squared_hinge'\], or",
        lambda: SGDClassifier(loss="modified_huber", refine=1).fit(X, Y),
        lambda: SGDClassifier(refine=0).fit(X, Y),
    ),
    advice(
        lambda: SGDClassifier(loss="log_loss", refine=1).fit(
            sparse.eye_array(600, format="csr"), HALVES
        ),
        "only its diagonal is kept. Give refine=0",
        lambda: SGDClassifier(loss="log_loss").fit(sparse.eye_array(600, format="csr"), HALVES),
    ),
    advice(
        lambda: sgd().fit(X, DY),
        r"compute y first\. dask\.array\.from_array\(numpy\.asarray\(X\), chunks=\{0: y\.ch",
        lambda: sgd().fit(da.from_array(np.asarray(X), chunks={0: DY.chunks[0]}), DY),
        lambda: sgd().fit(X, DY.compute()),
    ),
    advice(
        lambda: sgd().fit(UNKNOWN, Y),
        r"X\.compute_chunk_sizes\(\)",
        lambda: sgd().fit(dask_array(X, CHUNKS, known=False).compute_chunk_sizes(), Y),
        lambda: sgd().fit(UNKNOWN, dask_array(Y, CHUNKS, known=False)),
    ),
    advice(
        lambda: sgd().fit(DX, DY.rechunk(30)),
        r"y\.rechunk\({0: X\.chunks\[0\]}\)",
        lambda: sgd().fit(DX, DY.rechunk(30).rechunk({0: DX.chunks[0]})),
    ),
    advice(
        lambda: sgd(classes=[0, 1]).fit(read_apart(0)[0][["a", "b"]], read_apart(0)[1]["y"]),
        "Xy = df.*Xy",
        split,
    ),
    advice(
        lambda: sgd(classes=[0, 1]).fit(
            dask_array(X, CHUNKS, known=False), dask_array(Y[1:], (39, 40, 40), known=False)
        ),
        "parts of block 0 do not line up.*Xy = df",
        split,
    ),
    advice(
        lambda: sgd().fit(X.astype(complex), Y),
        "real and imaginary parts separately",
        lambda: sgd().fit(np.concatenate([X.astype(complex).real, X.imag], 1), Y),
    ),
    advice(
        lambda: sgd().fit(dask_array(X.astype(complex), CHUNKS), DY),
        "real and imaginary parts separately",
        lambda: sgd().fit(dask_array(X.astype(complex), CHUNKS).real, DY),
    ),
    advice(
        lambda: StandardScaler().fit(dd.from_pandas(FRAME[["a"]] * 1j, npartitions=2)),
        "real and imaginary parts separately",
        lambda: StandardScaler().fit(dd.from_pandas(FRAME[["a"]], npartitions=2)),
    ),
    advice(
        lambda: sgd().fit(at(X, np.nan), Y),
        "Drop such rows, or fill the gaps",
        lambda: sgd().fit(X[:-1], Y[:-1]),
        lambda: sgd().fit(np.nan_to_num(at(X, np.nan)), Y),
    ),
    advice(
        lambda: sgd().fit(dask_array(at(X, np.inf), CHUNKS), DY),
        "Drop such rows, or clip the values",
        lambda: sgd().fit(dask_array(at(X, np.inf), CHUNKS).clip(-1e3, 1e3), DY),
    ),
    *(
        advice(
            lambda wrap=wrap: sgd().fit(wrap(np.where(X > 2, "a", "b")), wrap(Y)),
            "Encode it as numbers first, or leave it out",
            lambda: sgd().fit(OneHotEncoder().fit_transform(np.where(X > 2, "a", "b")), Y),
        )
        for wrap in (np.asarray, lambda x: dask_array(x, CHUNKS))
    ),
    advice(
        lambda: sgd().fit(dask_array(X.astype("M8[s]"), CHUNKS), DY),
        "Encode it as numbers first",
        lambda: sgd().fit(dask_array(X.astype("M8[s]").astype("i8"), CHUNKS), DY),
    ),
    advice(
        lambda: StandardScaler().fit(
            dd.from_pandas(FRAME.assign(a=pd.to_datetime(FRAME["y"])), npartitions=2)
        ),
        "Encode it as numbers first, or leave it out",
        lambda: StandardScaler().fit(dd.from_pandas(FRAME.drop(columns="a"), npartitions=2)),
    ),
    advice(
        lambda: StandardScaler().fit(
            dd.from_pandas(FRAME.assign(a="x").astype({"a": object}), npartitions=2)
        ),
        "Encode it as numbers first, or leave it out",
        lambda: StandardScaler().fit(dd.from_pandas(FRAME.drop(columns="a"), npartitions=2)),
    ),
    advice(
        lambda: sgd(n_parallel=2).fit(DX, DY),
        r"give n_parallel=1\. To merge 2 blocks that are .* side by side, name a learning_rate",
        lambda: sgd().fit(DX, DY),
        lambda: sgd(n_parallel=2, learning_rate="optimal").fit(DX, DY),
    ),
    advice(
        lambda: Incremental(GaussianNB(), n_parallel=2).fit(DX, DY),
        "Give n_parallel=1, an estimator that learns these two alone, such as SGDClassifier",
        lambda: Incremental(GaussianNB()).fit(DX, DY),
        lambda: Incremental(theirs.SGDClassifier(), n_parallel=2).fit(DX, DY),
    ),
    advice(
        lambda: make_pipeline(IncrementalPCA(2), net(n_parallel=2)).fit(DX, DY),
        r"Give n_parallel=1, or let the pipeline learn step by step: schedule=\"per-step\"",
        lambda: make_pipeline(IncrementalPCA(2), net()).fit(DX, DY),
        lambda: make_pipeline(
            Incremental(IncrementalPCA(2)), net(n_parallel=2), schedule="per-step"
        ).fit(DX, DY),
    ),
    advice(
        lambda: FitRecorder().summary(),
        r"Set the recorder before the fit: estimator\.set_callbacks\(recorder\)\.fit\(X, y\)",
        lambda: sgd().set_callbacks(FitRecorder()).fit(DX, DY),
    ),
    advice(
        lambda: StandardScaler().fit(SPARSE),
        "with_mean=False",
        lambda: StandardScaler(with_mean=False).fit(SPARSE),
    ),
    advice(
        lambda: StandardScaler().fit(DX.map_blocks(sparse.csr_array)),
        "with_mean=False",
        lambda: StandardScaler(with_mean=False).fit(DX.map_blocks(sparse.csr_array)),
    ),
    advice(
        lambda: of_strict().predict(X),
        r"array_api_strict\.asarray\(X\).*to_namespace\(model, 'numpy', device=X\.device\)",
        lambda: of_strict().predict(strict(X)),
        lambda: (
            of_strict()
            .predict(DX.map_blocks(strict, dtype=DX.dtype, meta=DX._meta))
            .blocks[0]
            .compute()
        ),
        lambda: to_namespace(of_strict(), "numpy", device=X.device).predict(X),
    ),
    advice(
        lambda: sgd(penalty="l1").fit(strict(X), strict(Y)).sparsify(),
        "Fit on NumPy arrays, or leave it dense",
        lambda: sgd(penalty="l1").fit(X, Y).sparsify().predict(X),
    ),
    advice(
        lambda: StandardScaler().fit(turned()),
        "Select the columns by name, in this order",
        lambda: StandardScaler().fit(
            turned().map_partitions(lambda p: p[["a", "b"]], meta=FRAME[["a", "b"]])
        ),
    ),
    advice(
        lambda: StandardScaler().fit(declared(119)),
        r"Find the lengths with X\.compute_chunk_sizes\(\), or declare chunks of unknown length",
        lambda: StandardScaler().fit(declared(119).compute_chunk_sizes()),
        lambda: StandardScaler().fit(declared(np.nan)),
    ),
    # Targets
    advice(
        lambda: sgd().fit(DX, dask_array(np.stack([Y, Y], 1), CHUNKS)),
        "Give one value for each row",
        lambda: sgd().fit(DX, dask_array(np.stack([Y, Y], 1), CHUNKS)[:, 0]),
    ),
    advice(
        lambda: sgd().fit(X, at(1.0 * Y, np.nan)),
        "Drop such rows|fill the gaps",
        lambda: sgd().fit(X[:-1], Y[:-1]),
    ),
    *(
        advice(
            lambda bad=bad: sgd().fit(DX, dask_array(bad, CHUNKS)),
            "which is not a label. Drop such rows",
            lambda: sgd().fit(DX[:-1], DY[:-1]),
        )
        for bad in (at(1.0 * Y, np.nan), at(np.array(["a", "b"], object)[Y], None))
    ),
    advice(
        lambda: sgd().fit(X, np.array([b"a", b"b"])[Y]),
        r"\[label\.decode\(\) for label in y\]",
        lambda: sgd().fit(X, [label.decode() for label in np.array([b"a", b"b"])[Y]]),
    ),
    advice(
        lambda: sgd().fit(
            DX,
            dask_array(np.array([1, "a"], object)[Y], CHUNKS),
        ),
        "Labels must be all numbers or all strings",
        lambda: sgd().fit(DX, dask_array(np.array(["1", "a"])[Y], CHUNKS)),
    ),
    advice(
        lambda: sgd().fit(DX[:80], wider_than_any_integer()),
        "smaller numbers as labels, or text",
        lambda: sgd().fit(DX, dask_array(np.array(["a", "b"])[Y], CHUNKS)),
    ),
    advice(
        lambda: sgd(classes=[0, 1]).fit(X, THREE),
        "Give all labels of the data in classes, or None",
        lambda: sgd(classes=[0, 1, 2]).fit(X, THREE),
        lambda: sgd().fit(X, THREE),
    ),
    advice(
        lambda: sgd().fit(X, 0 * Y),
        "Give rows of others too, or list all labels in classes",
        lambda: sgd(classes=[0, 1]).fit(X, 0 * Y),
        lambda: sgd().fit(X, Y),
    ),
    *(
        advice(
            lambda make=make: make().partial_fit(X, Y),
            "Give all labels there will ever be, here or as a parameter",
            lambda make=make: make().partial_fit(X, Y, classes=[0, 1]),
            lambda make=make: make(classes=[0, 1]).partial_fit(X, Y),
        )
        for make in (sgd, net)
    ),
    *(
        advice(
            lambda make=make: (
                make().partial_fit(X, Y, classes=[0, 1]).partial_fit(X, Y, classes=[0, 2])
            ),
            "Leave it out, or begin a new estimator",
            lambda make=make: make().partial_fit(X, Y, classes=[0, 1]).partial_fit(X, Y),
        )
        for make in (sgd, net)
    ),
    advice(
        lambda: Incremental(theirs.SGDClassifier()).partial_fit(X, Y),
        "Give all labels there will ever be",
        lambda: Incremental(theirs.SGDClassifier()).partial_fit(X, Y, classes=[0, 1]),
    ),
    advice(
        lambda: sgd(class_weight="balanced").partial_fit(X, Y, classes=[0, 1]),
        "Pass the resulting weights as the class_weight",
        lambda: sgd(
            class_weight=dict(
                enumerate(compute_class_weight("balanced", classes=np.array([0, 1]), y=Y))
            )
        ).partial_fit(X, Y, classes=[0, 1]),
    ),
    advice(
        lambda: sgd(class_weight={0: 1.0, 1: np.nan}).fit(X, Y),
        "class_weight is nan for class 1. Give each class a finite number",
        lambda: sgd(class_weight={0: 1.0, 1: 2.0}).fit(X, Y),
    ),
    advice(
        lambda: sgd(class_weight="balanced", classes=[0, 1, 7]).fit(X, Y),
        "Leave it out of classes and of y, or give the weights as a dict",
        lambda: sgd(class_weight="balanced", classes=[0, 1]).fit(X, Y),
        lambda: sgd(class_weight={0: 1.0, 1: 2.0, 7: 1.0}, classes=[0, 1, 7]).fit(X, Y),
    ),
    advice(
        lambda: sgd().fit(X, Y, sample_weight=at(0.0 * Y + 1, -1.0)),
        "Use another schedule",
        lambda: sgd(learning_rate="optimal").fit(X, Y, sample_weight=at(0.0 * Y + 1, -1.0)),
    ),
    advice(
        lambda: Incremental(MultiOutputClassifier(theirs.SGDClassifier())).fit(
            DX, dask_array(np.stack([Y, 1 - Y], 1), CHUNKS)
        ),
        "Pass them as classes",
        lambda: Incremental(MultiOutputClassifier(theirs.SGDClassifier())).fit(
            DX, dask_array(np.stack([Y, 1 - Y], 1), CHUNKS), classes=[[0, 1], [0, 1]]
        ),
    ),
    # Parameters
    advice(
        lambda: MLPRegressor(early_stopping=True, validation_fraction=0.001).fit(X, X[:, 0]),
        "Increase 'validation_fraction' or the size of your dataset",
        lambda: MLPRegressor(early_stopping=True, validation_fraction=0.2).fit(X, X[:, 0]),
    ),
    advice(
        lambda: of_other_draws().partial_fit(X),
        r"Fit it again with random_state=RandomState\(seed\)",
        lambda: of_other_draws().set_params(random_state=np.random.RandomState(0)).fit(X),
    ),
    advice(
        lambda: sgd().fit(X, Y).predict_proba,
        "use log_loss, multinomial or modified_huber",
        lambda: sgd(loss="log_loss").fit(X, Y).predict_proba(X),
        lambda: sgd(loss="modified_huber").fit(X, Y).predict_proba(X),
    ),
    advice(
        lambda: sgd(warm_start=True, max_iter=1, tol=None).fit(X, Y).fit(X, THREE),
        "Under warm_start the fit before provides it|does not match dataset",
        lambda: sgd().fit(X, THREE),
    ),
    advice(
        lambda: net(early_stopping=True, validation_fraction=0.001).fit(
            DX.rechunk((1, 3)), DY.rechunk(1)
        ),
        "Increase it, use larger blocks, or disable early_stopping",
        lambda: net(early_stopping=True, validation_fraction=0.3).fit(DX, DY),
        lambda: net().fit(DX, DY),
    ),
    advice(
        lambda: sgd(early_stopping=True, validation_fraction=0.001).fit(
            DX.rechunk((1, 3)), DY.rechunk(1)
        ),
        "Increase it, use more rows or larger blocks.*or disable early_stopping",
        lambda: sgd(early_stopping=True, validation_fraction=0.3).fit(DX, DY),
        lambda: sgd().fit(DX, DY),
    ),
    advice(
        lambda: net(solver="lbfgs").fit(DX, DY),
        "Use 'adam' or 'sgd', or give an array in memory",
        lambda: net(solver="adam").fit(DX, DY),
        lambda: net(solver="sgd").fit(DX, DY),
        lambda: net(solver="lbfgs").fit(X, Y),
        lambda: make_pipeline(StandardScaler(), net(solver="lbfgs"), schedule="per-step").fit(X, Y),
    ),
    advice(
        lambda: net(warm_start=True).fit(X, Y).set_params(hidden_layer_sizes=5).fit(X, Y),
        r"Set them to these, or begin a new estimator \(fit with warm_start=False\)",
        lambda: (
            net(warm_start=True)
            .fit(X, Y)
            .set_params(hidden_layer_sizes=5, warm_start=False)
            .fit(X, Y)
        ),
    ),
    advice(
        lambda: (
            MLPRegressor(hidden_layer_sizes=3, max_iter=2, warm_start=True)
            .fit(X, X[:, :2])
            .fit(X, X[:, 0])
        ),
        "Set warm_start=False to forget it",
        lambda: (
            MLPRegressor(hidden_layer_sizes=3, max_iter=2, warm_start=True)
            .fit(X, X[:, :2])
            .set_params(warm_start=False)
            .fit(X, X[:, 0])
        ),
    ),
    advice(
        lambda: net(classes=[0, 1, 2]).fit(X, np.stack([Y, 1 - Y], 1)),
        "Name a label for each column, or leave classes out",
        lambda: net(classes=[0, 1]).fit(X, np.stack([Y, 1 - Y], 1)),
        lambda: net().fit(X, np.stack([Y, 1 - Y], 1)),
    ),
    advice(
        lambda: net().fit(X, np.stack([THREE, Y], 1)),
        "A column for each label.*Give classes in one column",
        lambda: net().fit(X, np.eye(3, dtype=int)[THREE]),
        lambda: net().fit(X, THREE),
    ),
    advice(
        lambda: MLPRegressor(loss="poisson", hidden_layer_sizes=3, max_iter=2).fit(DX, -DY),
        "Leave such rows out, or use loss='squared_error'",
        lambda: MLPRegressor(loss="poisson", hidden_layer_sizes=3, max_iter=2).fit(DX, DY),
        lambda: MLPRegressor(loss="squared_error", hidden_layer_sizes=3, max_iter=2).fit(DX, -DY),
    ),
    advice(
        lambda: net(hidden_layer_sizes=(3, 0)).fit(X, Y),
        "give whole numbers",
        lambda: net(hidden_layer_sizes=(3, 2)).fit(X, Y),
    ),
    advice(
        lambda: kmeans(n_clusters=200, init="k-means||").fit(DX),
        "Ask for fewer clusters, or use another init|should be >= n_clusters",
        lambda: kmeans(init="k-means||").fit(DX),
    ),
    advice(
        lambda: kmeans(n_clusters=4, init="k-means||").fit(
            DX, sample_weight=dask_array(1.0 * (np.arange(120) < 2), CHUNKS)
        ),
        "Ask for fewer clusters, or use another init",
        lambda: kmeans(n_clusters=2, init="k-means||").fit(
            DX, sample_weight=dask_array(1.0 * (np.arange(120) < 2), CHUNKS)
        ),
        lambda: kmeans(n_clusters=4, init=X[:4]).fit(
            DX, sample_weight=dask_array(1.0 * (np.arange(120) < 2), CHUNKS)
        ),
    ),
    # Pipelines
    advice(
        lambda: make_pipeline(PCA(2), CountVectorizer(), sgd()).fit(DX, DY),
        r"IncrementalPCA.*\('pca', sklearn\.frozen\.FrozenEstimator\(PCA\(\.\.\.\)\.fit\("
        r"some_rows\)\)\).*schedule=\"per-step\"",
        lambda: make_pipeline(IncrementalPCA(2), sgd()).fit(DX, DY),
        lambda: make_pipeline(frozen("pca", PCA(2))[1], sgd()).fit(DX, DY),
        lambda: make_pipeline(PCA(2), sgd(), schedule="per-step").fit(DX, DY),
        lambda: make_pipeline(PCA(2), sgd()).set_params(schedule="per-step").fit(DX, DY),
    ),
    advice(
        lambda: make_pipeline(StandardScaler(), theirs.LogisticRegression()).fit(DX, DY),
        'For the last step use an estimator that has it. Or use fit with schedule="per-step"',
        lambda: make_pipeline(StandardScaler(), theirs.SGDClassifier()).fit(DX, DY),
        lambda: make_pipeline(
            StandardScaler(), theirs.LogisticRegression(), schedule="per-step"
        ).fit(DX, DY),
    ),
    advice(
        lambda: make_pipeline(FeatureUnion([("a", StandardScaler())]), sgd()).fit(
            DX, DY, featureunion__sample_weight=DY
        ),
        'Use fit with schedule="per-step"',
    ),
    advice(
        lambda: make_pipeline(StandardScaler(), sgd(), memory="cache").fit(DX, DY),
        'use fit with schedule="per-step"',
        lambda: make_pipeline(StandardScaler(), sgd(), schedule="per-step").fit(DX, DY),
    ),
    advice(
        lambda: make_pipeline(
            StandardScaler(), Incremental(theirs.SGDClassifier(), max_iter=3)
        ).fit(DX, DY),
        'Use max_iter=1, or schedule="per-step"',
        lambda: make_pipeline(
            StandardScaler(), Incremental(theirs.SGDClassifier(), max_iter=1)
        ).fit(DX, DY),
        lambda: make_pipeline(
            StandardScaler(),
            Incremental(theirs.SGDClassifier(), max_iter=3, **SEED),
            schedule="per-step",
        ).fit(DX, DY),
    ),
    *(
        advice(
            lambda how=how: make_pipeline(StandardScaler(), kmeans(**how)).fit(DX),
            says,
            lambda other=other: make_pipeline(StandardScaler(), kmeans(**other)).fit(DX),
            lambda how=how: make_pipeline(StandardScaler(), kmeans(**how), schedule="per-step").fit(
                DX
            ),
        )
        for how, says, other in (
            (
                {"tol": 0.1, "max_iter": 5},
                'Use tol=0, or schedule="per-step"',
                {"tol": 0, "max_iter": 5},
            ),
            ({"init": "k-means||"}, 'Use init="k-means\\+\\+", or', {"init": "k-means++"}),
        )
    ),
    advice(
        lambda: make_pipeline(TargetEncoder(), sgd(), schedule="per-step").fit(DX, DY),
        r"Use streamlearn\.preprocessing\.TargetEncoder, or give X and y in memory",
        lambda: make_pipeline(encoders.TargetEncoder(), sgd(), schedule="per-step").fit(DX, DY),
        lambda: make_pipeline(TargetEncoder(), sgd(), schedule="per-step").fit(X, Y),
    ),
    advice(
        filled,
        'Let it keep all columns, as SimpleImputer.*, or use fit with schedule="per-step"',
        lambda: filled(keep_empty_features=True),
        lambda: filled(schedule="per-step"),
    ),
    # Files
    advice(
        lambda: in_folder(lambda path: save(FunctionTransformer(at), path)),
        r"Save it with skops \(skops\.io\.dump\), or with pickle",
        lambda: pickle.dumps(FunctionTransformer(at)),
    ),
    advice(
        lambda: in_folder(lambda path: [kept(path, alpha=1), kept(path, alpha=2, resume=True)]),
        "Give the data and the parameters of that call, or begin a new one with another path",
        lambda: in_folder(lambda path: [kept(path), kept(path, resume=True)]),
        lambda: in_folder(lambda path: [kept(path), kept(path.with_name("other"), alpha=2)]),
    ),
    advice(
        lambda: in_folder(
            lambda path: Incremental(Scoreless()).set_callbacks(FitCheckpoint(path)).fit(DX, DY)
        ),
        "Replace it by one of them, or fit without FitCheckpoint",
        lambda: in_folder(
            lambda path: (
                Incremental(theirs.SGDRegressor()).set_callbacks(FitCheckpoint(path)).fit(DX, DY)
            )
        ),
        lambda: Incremental(Scoreless()).fit(DX, DY),
    ),
    # Wrappers
    advice(
        lambda: Incremental(theirs.SGDClassifier(), patience=2).partial_fit(X, Y, classes=[0, 1]),
        "Hold rows out and score them yourself, or use fit",
        lambda: Incremental(theirs.SGDClassifier(), patience=2, max_iter=2).fit(X, Y),
    ),
    advice(
        lambda: Incremental(Scoreless(), patience=2).fit(X, Y),
        "Give scoring=, or patience=None",
        lambda: Incremental(Scoreless(), patience=None).fit(X, Y),
        lambda: Incremental(Scoreless(), patience=2, scoring=lambda *_: 1.0, max_iter=2).fit(X, Y),
    ),
    advice(
        lambda: Incremental(theirs.SGDRegressor(), patience=2, validation_fraction=0.01).fit(
            X[:20], X[:20, 0]
        ),
        "Increase validation_fraction, or use another random_state",
        lambda: Incremental(
            theirs.SGDRegressor(), patience=2, validation_fraction=0.3, max_iter=2
        ).fit(X[:20], X[:20, 0]),
    ),
    advice(
        lambda: Incremental(theirs.SGDClassifier(), patience=2).fit(X[:1], Y[:1], classes=[0, 1]),
        "Give more rows, or patience=None",
        lambda: Incremental(theirs.SGDClassifier()).fit(X[:1], Y[:1], classes=[0, 1]),
        lambda: Incremental(theirs.SGDClassifier(), patience=2, max_iter=2).fit(
            X, Y, classes=[0, 1]
        ),
    ),
    advice(
        lambda: Incremental(theirs.SGDClassifier(), patience=2).fit(DX[:40], DY[:40]),
        "Give more blocks.* or patience=None",
        lambda: Incremental(theirs.SGDClassifier(), patience=2, max_iter=2).fit(DX, DY),
        lambda: Incremental(theirs.SGDClassifier()).fit(DX[:40], DY[:40]),
    ),
    advice(
        lambda: ParallelPostFit(sgd(), scoring=metrics.accuracy_score).fit(X, Y).score(X, Y),
        "Give the name of a scorer, or make one with sklearn.metrics.make_scorer",
        lambda: ParallelPostFit(sgd(), scoring="accuracy").fit(X, Y).score(X, Y),
        lambda: (
            ParallelPostFit(sgd(), scoring=make_scorer(metrics.accuracy_score))
            .fit(X, Y)
            .score(X, Y)
        ),
    ),
    advice(
        lambda: (
            ParallelPostFit(theirs.SGDClassifier(), scoring=make_scorer(coverage_error))
            .fit(X, Y)
            .score(DX, DY)
        ),
        "Scorers that do are accuracy.*Give another as a function.*or give X and y in memory",
        lambda: ParallelPostFit(theirs.SGDClassifier(), scoring="accuracy").fit(X, Y).score(DX, DY),
        lambda: (
            ParallelPostFit(
                theirs.SGDClassifier(),
                scoring=lambda model, X, y: float((model.predict(X) == y).mean()),
            )
            .fit(X, Y)
            .score(DX, DY)
        ),
        lambda: (
            ParallelPostFit(
                MultiOutputClassifier(theirs.SGDClassifier()), scoring=make_scorer(coverage_error)
            )
            .fit(X, np.stack([Y, 1 - Y], axis=1))
            .score(X, np.stack([Y, 1 - Y], axis=1))
        ),
    ),
    advice(
        lambda: make_pipeline(FrozenEstimator(PCA(2).fit(X))).score(DX),
        "streamlearn.metrics, or give it an array in memory",
        lambda: make_pipeline(FrozenEstimator(PCA(2).fit(X))).score(X),
    ),
    advice(
        lambda: ParallelPostFit(Pairs()).predict(DX),
        "Map it over the blocks yourself",
        lambda: DX.map_blocks(lambda b: Pairs().predict(b)[0], drop_axis=1, dtype=float).compute(),
    ),
    advice(
        lambda: ParallelPostFit(Pairs("fewer"), predict_meta=np.empty(0)).predict(DX).compute(),
        "Leave rows out beforehand, of both X and y",
        lambda: (
            ParallelPostFit(Pairs("fewer"), predict_meta=np.empty(0))
            .predict(DX[DX[:, 0] > 2])
            .compute()
        ),
    ),
    advice(
        lambda: ParallelPostFit(Pairs("rows")).predict(DX),
        r"Map it over the blocks yourself: X\.map_blocks",
        lambda: DX.map_blocks(
            Pairs("rows").predict, drop_axis=1, dtype=float, meta=np.empty(0)
        ).compute(),
    ),
    # Answers and scores
    advice(
        lambda: sgd().fit(X, Y).score(X, None),
        "the target y, which is None. Give it",
        lambda: sgd().fit(X, Y).score(X, Y),
    ),
    advice(
        lambda: timeline(Profiler()),
        "Fit inside `with Profiler",
        lambda: timeline(profiled()[0]),
    ),
    # Sources of blocks
    advice(
        lambda: from_blocks(3),
        "Give an iterable of blocks, or a function",
        lambda: from_blocks([X]),
        lambda: from_blocks(pairs),
    ),
    advice(
        lambda: sgd().fit(only_rows, pairs),
        "one source, or one source for each",
        lambda: sgd().fit(pairs),
        lambda: sgd().fit(only_rows, lambda: [Y[:60], Y[60:]]),
    ),
    advice(lambda: sgd().fit(pairs, Y), "Leave one out", lambda: sgd().fit(pairs)),
    advice(
        lambda: from_blocks([X], y="y"),
        r"Give blocks \(X, y\), or frames",
        lambda: sgd().fit(*from_blocks([(X, Y)])),
        lambda: sgd().fit(*from_blocks([FRAME], y="y")),
    ),
    advice(
        lambda: from_blocks([3.0]),
        "Give an array, a frame or a list of rows",
        lambda: from_blocks([X.tolist()]),
    ),
    advice(lambda: from_blocks([]), "Give at least one", lambda: from_blocks([X])),
    advice(
        lambda: sgd().fit(pairs()),
        r"read_blocks in place of read_blocks\(\).*classes= of a classifier",
        lambda: sgd().fit(pairs),
        lambda: sgd(classes=[0, 1]).fit(pairs()),
    ),
    advice(
        lambda: make_pipeline(StandardScaler(), sgd()).fit(lambda: [(X, Y, np.abs(X[:, 0]))]),
        "Separate the parts and name the step",
        lambda: weighted(*from_blocks([(X, Y, np.abs(X[:, 0]))])),
    ),
    advice(
        lambda: sgd().fit(only_rows, Y),
        "Let the source give it.*a source for each part",
        lambda: sgd().fit(pairs),
    ),
    advice(
        lambda: Incremental(sgd(), patience=2).fit(pairs, classes=[0, 1]),
        "Give a dask collection, or hold out rows",
        lambda: Incremental(sgd(), patience=2).fit(DX, DY, classes=[0, 1]),
        lambda: Incremental(sgd()).fit(pairs, classes=[0, 1]),
    ),
    advice(
        lambda: make_flights(3, npartitions=4),
        "Give at least one partition, and at least one flight for each",
        lambda: make_flights(4, npartitions=4),
    ),
]

if find_spec("torch"):
    ADVICE += [
        advice(
            lambda: sgd().fit(in_torch(), Y),
            r"give scipy\.sparse\.csr_array\(X\.to_dense\(\)\.numpy\(\)\)",
            lambda: sgd().fit(sparse.csr_array(in_torch().to_dense().numpy()), Y),
        ),
        advice(
            lambda: metrics.r2_score(in_torch(), X),
            r"Use '\.to_dense\(\)'",
            lambda: metrics.r2_score(in_torch().to_dense(), X),
        ),
    ]

ELSEWHERE = {
    "_arrays/elsewhere.py": "tests/estimator/test_saving.py moves where it advises to",
    "blocks/graph.py": "tests/blocks/test_cluster.py has an asynchronous Client",
    "blocks/schedule.py": "tests/blocks/test_cluster.py has data that are persisted",
    **({} if find_spec("torch") else {"_arrays/plain.py": "sparse arrays of torch"}),
}


def text_of(error: BaseException) -> str:
    cause = [] if error.__cause__ is None else [str(error.__cause__)]
    return " ".join(" ".join((str(error), *getattr(error, "__notes__", ()), *cause)).split())


@cache
def provoked(number: int) -> str:
    with warnings.catch_warnings(), dask.config.set(scheduler="sync"):
        warnings.simplefilter("ignore")
        try:
            ADVICE[number].provoke()
        except Exception as error:
            return text_of(error)
    raise AssertionError("no error")


@pytest.mark.complete  # each line of the table is an error of its own
@pytest.mark.parametrize("number", range(len(ADVICE)), ids=[a.says[:40] for a in ADVICE])
def test_what_an_error_advises_works(number):
    assert re.search(ADVICE[number].says, provoked(number)), provoked(number)
    with warnings.catch_warnings(), dask.config.set(scheduler="sync"):
        warnings.simplefilter("ignore")
        for follow in ADVICE[number].follow:
            follow()


ADVISES = re.compile(
    r"(?:^|[.:;,] )(?:or )?(?:[Uu]se|[Gg]ive|[Dd]rop|[Ss]et|[Ll]eave|[Ff]it|[Mm]ove|[Mm]ap|[Pp]ass|"
    r"[Ss]elect|[Ii]ncrease|[Aa]sk for|[Dd]ecode|[Ee]ncode|[Rr]eshape|Rechunk|Name|Say|Make|"
    r"Add|Call|Compute|Disable|Find|Install|Let|List|Replace|Save|Split|Turn) "
)


def errors(tree: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls that make errors: of their classes, and of functions that are raised."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            yield node.exc
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "").endswith("Error"):
            yield node


def with_advice() -> dict[str, list[str]]:
    """Return the words of each error of the package that advises something, by its place."""
    found = {}
    root = Path(streamlearn.__file__).parent
    for path in sorted(root.rglob("*.py")):
        for node in errors(ast.parse(path.read_text(encoding="utf-8"))):
            for given in (*node.args, *(keyword.value for keyword in node.keywords)):
                parts = given.values if isinstance(given, ast.JoinedStr) else [given]
                words = [
                    " ".join(part.value.split())
                    for part in parts
                    if isinstance(part, ast.Constant) and isinstance(part.value, str)
                ]
                if ADVISES.search(" ".join(words)):
                    found[f"{path.relative_to(root)}:{node.lineno}"] = words
    return found


def says(text: str, words: list[str]) -> bool:
    """Tell whether a text holds words in their order."""
    at = 0
    for word in words:
        at = text.find(word, at)
        if at < 0:
            return False
    return True


@pytest.mark.thorough  # all lines of the table are provoked for it
def test_every_error_that_advises_is_in_the_table():
    texts = [provoked(number) for number in range(len(ADVICE))]
    found = with_advice()
    assert len(found) > 50
    missing = {w: words for w, words in found.items() if not any(says(t, words) for t in texts)}
    assert {w: words for w, words in missing.items() if w.split(":")[0] not in ELSEWHERE} == {}
