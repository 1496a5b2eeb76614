"""A fit that was stopped anywhere goes on from its checkpoint, and ends with the same bits."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sys
import warnings
import zipfile
from typing import Any, NamedTuple

import dask
import dask.array as da
import numpy as np
import pandas as pd
import pytest
from sklearn import linear_model as theirs
from sklearn import preprocessing
from sklearn.base import clone
from sklearn.feature_selection import SelectFromModel
from sklearn.frozen import FrozenEstimator
from sklearn.naive_bayes import GaussianNB
from sklearn.utils import check_random_state

from streamlearn import _files
from streamlearn._files.tree import Encoder
from streamlearn.blocks import from_blocks
from streamlearn.cluster import KMeans, MiniBatchKMeans
from streamlearn.compose import make_column_transformer
from streamlearn.diagnostics import FitCheckpoint, checkpoint
from streamlearn.impute import SimpleImputer
from streamlearn.linear_model import Perceptron, SGDClassifier, SGDRegressor
from streamlearn.metrics import r2_score
from streamlearn.mixture import GaussianMixture
from streamlearn.neural_network import MLPClassifier, MLPRegressor
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    PowerTransformer,
    QuantileTransformer,
    StandardScaler,
)
from streamlearn.wrappers import Incremental, ParallelPostFit
from tests.diagnostics import killed

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N_BLOCKS, ROWS = 83, 30
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


TABLE = pd.DataFrame(
    {
        "size": np.where(RNG.random(len(X)) < 0.1, np.nan, X[:, 0]),
        "weight": X[:, 1],
        "town": pd.Series(np.asarray(["Rome", "Oslo", None], object)[np.arange(len(X)) % 3]),
        "kind": pd.Categorical(np.where(X[:, 2] > 0, "a", "b")),
        "day": pd.to_datetime(np.arange(len(X)), unit="h", utc=True),
        "open": pd.array(X[:, 3] > 0, dtype="boolean"),
        "late": np.where(Y, "yes", "no"),
    }
)


def of_table(**how: Any) -> Any:
    """Return a pipeline in which an imputer and a scaler learn while the blocks of a table flow."""
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), ["size", "weight"]),
        (OneHotEncoder(), ["town", "kind"]),
        ("passthrough", ["open"]),
    )
    return make_pipeline(columns, SGDClassifier(**SEED, **how))


def table_in_dask(npartitions: int = 40) -> tuple[Any, ...]:
    frame = pytest.importorskip("dask.dataframe").from_pandas(TABLE, npartitions=npartitions)
    return frame.drop(columns="late"), frame["late"]


def table_of_polars() -> tuple[Any, ...]:
    frame = pytest.importorskip("polars").from_pandas(TABLE)
    return from_blocks([frame[at : at + 60] for at in range(0, len(frame), 60)], y="late")


NET = {"hidden_layer_sizes": (5,), "batch_size": 32, **SEED}
CASES = {
    "linear": Case(lambda: SGDClassifier(**SEED), (X, Y)),
    "linear, many rounds": Case(lambda: SGDRegressor(**SEED), (X[:, :1], V)),
    "linear, epochs": Case(lambda: SGDClassifier(max_iter=2, loss="log_loss", **SEED), (X, Y)),
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
    "iterations": Case(lambda: KMeans(3, **SEED), (X,)),
    "iterations, a source": Case(lambda: KMeans(3, init="random", **SEED), (X,), in_blocks),
    "iterations, in memory": Case(lambda: KMeans(3, n_init=2, **SEED), (X,), in_memory),
    "mixture": Case(lambda: GaussianMixture(3, n_init=2, max_iter=20, **SEED), (X,)),
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
        lambda: make_pipeline(StandardScaler(), Incremental(theirs.SGDClassifier(**SEED), **SEED)),
        (X, Y),
    ),
    "pipeline per step": Case(
        lambda: make_pipeline(StandardScaler(), SGDClassifier(**SEED), schedule="per-step"), (X, Y)
    ),
    "table": Case(of_table, (), table_in_dask),
    "table of polars": Case(of_table, (), table_of_polars),
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


def content(path: Any) -> dict[str, bytes]:
    """Return the parts of a file, without the times at which they were written."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


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
    monkeypatch.setattr(sys.modules["streamlearn.blocks.reduce"], "TOGETHER", 8)
    case, path = CASES[name], tmp_path / "fit"
    want = bits(fitted(case))
    total = stopped_after(monkeypatch, case, path, -1)
    assert total > 2
    assert bits(fitted(case, path)) == want
    for n in sorted({1, *range(2, total, 1 + total // 5), total - 3, total - 1}):
        path.unlink(missing_ok=True)
        assert stopped_after(monkeypatch, case, path, n) == n
        assert bits(fitted(case, path, resume=True)) == want, n
    assert [p.name for p in tmp_path.iterdir()] == ["fit"]


@pytest.mark.parametrize("held", ["Parquet", "pandas", "polars"])
def test_a_fit_to_a_table_goes_on(held, tmp_path, monkeypatch):
    def read():
        frame = pytest.importorskip("dask.dataframe").read_parquet(tmp_path / "table")
        return frame.drop(columns="late"), frame["late"]

    if held == "Parquet":  # dask reads its text as codes
        for i in range(12):
            (tmp_path / "table").mkdir(exist_ok=True)
            TABLE[i::12].to_parquet(tmp_path / "table" / f"{i:02d}.parquet", index=False)
    held = {"Parquet": read, "pandas": lambda: table_in_dask(12), "polars": table_of_polars}[held]
    case, path = Case(lambda: of_table(classes=["no", "yes"]), (), held), tmp_path / "fit"
    want = bits(fitted(case))
    stopped_after(monkeypatch, case, path, 6)  # its first segment has been learned from
    assert bits(fitted(case, path, resume=True)) == want


def test_without_a_seed_the_draws_of_the_first_process_are_made_again(tmp_path, monkeypatch):
    case, path = Case(lambda: SGDClassifier(max_iter=2), (X, Y)), tmp_path / "fit"
    drawn = check_random_state(None)
    before = drawn.get_state()
    want = bits(fitted(case))
    drawn.set_state(before)
    stopped_after(monkeypatch, case, path, 7)
    drawn.random_sample(3)
    assert bits(fitted(case, path, resume=True)) == want


def test_a_random_state_of_the_user_is_left_as_an_uninterrupted_fit_leaves_it(
    tmp_path, monkeypatch
):
    path = tmp_path / "fit"
    for name in ("net, in memory", "k-means, in memory"):
        ends = []
        for stop in (None, 3):
            random_state = np.random.RandomState(3)
            case = CASES[name]._replace(
                make=lambda r=random_state, n=name: CASES[n].make().set_params(random_state=r)
            )
            if stop:
                stopped_after(monkeypatch, case, path, stop)
                random_state.set_state(np.random.RandomState(3).get_state())
            fitted(case, path if stop else None, resume=True)
            ends.append(random_state.randint(1 << 30))
        assert ends[0] == ends[1]
        path.unlink()


def test_every_says_how_often_the_file_is_written(tmp_path, monkeypatch):
    case, path = CASES["linear"], tmp_path / "fit"
    want = bits(fitted(case))
    often = stopped_after(monkeypatch, case, path, -1)
    seldom = stopped_after(monkeypatch, case, path, -1, every=4)
    assert 2 < seldom < 0.6 * often
    path.unlink()
    stopped_after(monkeypatch, case, path, 3, every=4)
    assert bits(fitted(case, path, resume=True)) == want
    for wrong in (0, 1.5, True, "1"):
        with pytest.raises(ValueError, match="every must be a whole number"):
            FitCheckpoint(path, every=wrong)


def test_resume_reads_the_blocks_that_are_left_and_two_more(tmp_path, monkeypatch):
    killed.write_blocks(tmp_path)
    path, log = tmp_path / "fit", tmp_path / "log"
    case = Case(lambda: killed.MODELS["linear"]().set_params(max_iter=1, classes=[0, 1]), ())
    case = case._replace(held=lambda: killed.rows(tmp_path, 0.0))
    stopped_after(monkeypatch, case, path, 5)
    learned = _files.read(path, checkpoint.KIND).entries[0].state.blocks
    assert learned == 4 * SEGMENT["streamlearn.segment"]
    log.unlink()
    fitted(case, path, resume=True)
    assert len(log.read_text().split()) == killed.N_BLOCKS - learned + 2
    log.unlink()
    fitted(case, path, resume=True)  # a fit that has ended
    assert len(log.read_text().split()) == 2


OTHERS = {
    "a parameter": (lambda m: m.set_params(alpha=0.5), None, r"alpha was 0\.0001 and is 0\.5"),
    "another class": (lambda m: Perceptron(), None, "class was SGDClassifier and is Perceptron"),
    "rows": (None, lambda X, Y: (X[ROWS:], Y[ROWS:]), "rows of the blocks was 83 .* and is 82 "),
    "columns": (None, lambda X, Y: (X[:, :3], Y), r"shape of X was \(4,\) and is \(3,\)"),
    "a dtype": (None, lambda X, Y: (X.astype("f"), Y), "dtypes of X was float64 and is float32"),
    "chunks": (None, lambda X, Y: (X.rechunk((120, 4)), Y.rechunk(120)), "rows of the blocks"),
    "the first block": (None, lambda X, Y: (other(X, 0), Y), r"block \d+ holds other rows"),
    "the last block": (None, lambda X, Y: (other(X, -1), Y), r"block \d+ holds other rows"),
    "the target": (None, lambda X, Y: (X, 1 - Y), r"block \d+ holds other rows"),
}


def other(X: da.Array, which: int) -> da.Array:
    """Change the first or the last block that was learned from."""
    number = LEARNED[which]
    change = lambda b, block_info=None: (  # noqa: E731
        b + 1e-9 * (block_info[None]["chunk-location"][0] == number)
    )
    return X.map_blocks(change, dtype=X.dtype, meta=np.empty((0, 4)))


LEARNED: list[int] = []


@pytest.mark.parametrize("name", OTHERS)
def test_a_checkpoint_of_another_fit_is_refused(name, tmp_path, monkeypatch):
    path, case = tmp_path / "fit", Case(lambda: SGDClassifier(classes=[0, 1], **SEED), (X, Y))
    stopped_after(monkeypatch, case, path, 3)
    entry = _files.read(path, checkpoint.KIND).entries[-1]
    LEARNED[:] = [number for number, _ in entry.marks]
    before = content(path)
    change, data, says = OTHERS[name]
    model = SGDClassifier(classes=[0, 1], **SEED)
    model = model if change is None else change(model)
    rows = in_dask(X, Y) if data is None else data(*in_dask(X, Y))
    model.set_callbacks(FitCheckpoint(path, resume=True))
    with dask.config.set(SEGMENT), pytest.raises(ValueError, match=says) as error:
        model.fit(*rows)
    assert str(path) in str(error.value)
    assert content(path) == before
    assert not hasattr(model, "coef_")


def test_names_and_segments_of_another_fit_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "fit"
    frame = pd.DataFrame(X, columns=list("abcd"))
    made = pytest.importorskip("dask.dataframe").from_pandas(frame, npartitions=9)
    case = Case(StandardScaler, (), lambda: made)
    monkeypatch.setattr(sys.modules["streamlearn.blocks.reduce"], "TOGETHER", 1)
    stopped_after(monkeypatch, case, path, 3)
    other = case._replace(held=lambda: made.rename(columns={"a": "z"}))
    with pytest.raises(ValueError, match=r"columns of X was \['a', .* and is \['z'"):
        fitted(other, path, resume=True)
    monkeypatch.setitem(SEGMENT, "streamlearn.segment", 6)
    with pytest.raises(ValueError, match=r"streamlearn\.segment was 5 and is 6"):
        fitted(case, path, resume=True)


def test_another_version_is_refused(tmp_path, monkeypatch):
    path, case = tmp_path / "fit", CASES["linear"]
    stopped_after(monkeypatch, case, path, 3)
    monkeypatch.setattr(checkpoint, "__version__", "7.0")
    with pytest.raises(ValueError, match=r"streamlearn was 0\.1\.0 and is 7\.0"):
        fitted(case, path, resume=True)


def test_a_fit_that_has_not_ended_is_not_overwritten(tmp_path, monkeypatch):
    path, case = tmp_path / "fit", CASES["linear"]
    stopped_after(monkeypatch, case, path, 3)
    with pytest.raises(ValueError, match=r"has not ended.*resume=True.*delete the file"):
        fitted(case, path)
    fitted(case, path, resume=True)
    fitted(case, path)  # it has ended


def test_a_fit_while_an_error_is_handled_ends_as_any_other(tmp_path):
    path, bad = tmp_path / "fit", np.where(X > 100, np.nan, X)
    try:
        raise OSError
    except OSError:
        fitted(CASES["linear"], path)
        assert _files.read(path, checkpoint.KIND).ended
        with pytest.raises(ValueError, match="NaN"):
            fitted(CASES["linear"]._replace(data=(bad, Y)), path)
    assert not _files.read(path, checkpoint.KIND).ended


def test_a_file_that_is_no_checkpoint_stays(tmp_path):
    path = tmp_path / "fit"
    path.write_text("something else")
    for how in ({}, {"resume": True}):
        with pytest.raises(ValueError, match="not a file of streamlearn"):
            fitted(CASES["linear"], path, **how)
    assert path.read_text() == "something else"
    with pytest.raises(FileNotFoundError):
        fitted(CASES["linear"], tmp_path / "nowhere" / "fit")


def test_an_error_leaves_the_estimator_and_no_journal(tmp_path):
    model = SGDClassifier(**SEED).set_callbacks(FitCheckpoint(tmp_path / "fit"))
    with pytest.raises(ValueError, match="NaN"):
        model.fit(*in_dask(np.where(X > 100, np.nan, X), Y))
    assert sorted(vars(model)) == sorted([*model.get_params(), "_skl_callbacks"])
    assert checkpoint.journal.current() is None
    clone(model).set_callbacks().fit(*in_dask(X, Y))


def test_callbacks_are_neither_saved_nor_in_the_way(tmp_path):
    import streamlearn

    model = SGDClassifier(**SEED).set_callbacks(FitCheckpoint(tmp_path / "fit"))
    streamlearn.save(model.fit(*in_dask(X, Y)), tmp_path / "model")
    again = streamlearn.load(tmp_path / "model")
    assert not hasattr(again, "_skl_callbacks")
    np.testing.assert_array_equal(again.coef_, model.coef_)


@pytest.mark.parametrize(
    "make",
    [
        lambda: SGDClassifier(**SEED),
        lambda: MLPClassifier(**NET),
        lambda: Incremental(GaussianNB(), **SEED),
        lambda: MiniBatchKMeans(3, **SEED),
    ],
)
def test_a_second_call_of_partial_fit_is_not_taken_for_the_first(make, tmp_path):
    model, plain, path = make(), make(), tmp_path / "fit"
    model.set_callbacks(FitCheckpoint(path))
    rows = in_dask(X, Y)
    more = {} if isinstance(model, MiniBatchKMeans) else {"classes": [0, 1]}
    for _ in range(2):
        with dask.config.set(SEGMENT):
            model.partial_fit(*rows, **more)
            plain.partial_fit(*rows, **more)
    assert bits(model) == bits(plain)
    model.set_callbacks(FitCheckpoint(path, resume=True))
    says = "of another fit: what the estimator had learned before it differs. It keeps one call"
    with dask.config.set(SEGMENT), pytest.raises(ValueError, match=says) as error:
        model.partial_fit(*rows, **more)
    assert "start." not in str(error.value)
    assert "learner." not in str(error.value)
    assert bits(model) == bits(plain)


@pytest.mark.parametrize("frozen", [False, True])
def test_a_fitted_model_among_the_parameters_counts_with_what_it_has_learned(frozen, tmp_path):
    def selecting(column: int) -> Any:
        chosen = SelectFromModel(theirs.LinearRegression(), threshold=0.5)
        chosen.fit(X, X[:, column])
        step = FrozenEstimator(chosen) if frozen else clone(chosen)
        if not frozen:
            step.set_params(estimator=chosen.estimator_, prefit=True)
        return make_pipeline(step, SGDClassifier(classes=[0, 1], **SEED))

    path = tmp_path / "fit"
    fitted(Case(lambda: selecting(0), (X, Y)), path)
    fitted(Case(lambda: selecting(0), (X, Y)), path, resume=True)
    with pytest.raises(ValueError, match=r"is of another fit: .*coef_ was"):
        fitted(Case(lambda: selecting(1), (X, Y)), path, resume=True)


class Reading:
    """A callback that reads data while a pass runs."""

    def setup(self, estimator: Any, context: Any) -> None: ...

    def teardown(self, estimator: Any, context: Any) -> None: ...

    def on_fit_task_begin(self, estimator: Any, context: Any, **task: Any) -> None: ...

    def on_fit_task_end(self, estimator: Any, context: Any, **task: Any) -> None:
        r2_score(*in_dask(V[:60], V[:60]))


@pytest.mark.parametrize("name", ["scaler", "linear"])
def test_data_that_a_callback_reads_are_no_part_of_the_checkpoint(name, tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules["streamlearn.blocks.reduce"], "TOGETHER", 8)
    case, path = CASES[name], tmp_path / "fit"
    fitted(case, path)
    passes = [entry.about for entry in _files.read(path, checkpoint.KIND).entries]
    model = case.make().set_callbacks(FitCheckpoint(path), Reading())
    with dask.config.set(SEGMENT):
        model.fit(*given(case))
    assert [entry.about for entry in _files.read(path, checkpoint.KIND).entries] == passes


class OwnClassifier(theirs.SGDClassifier):
    """An estimator that no file may name."""


def doubled(x: Any) -> Any:
    return 2 * x


def with_function(function: Any, **how: Any) -> Any:
    steps = FunctionTransformer(function), SGDClassifier(classes=[0, 1], **SEED)
    return make_pipeline(*steps, **how)


@pytest.mark.parametrize(
    ("name", "make", "remedy", "n_read"),
    [
        (
            "OwnClassifier",
            lambda: Incremental(OwnClassifier(**SEED), classes=[0, 1], **SEED),
            lambda: Incremental(theirs.SGDClassifier(**SEED), classes=[0, 1], **SEED),
            0,
        ),
        (
            "doubled",
            lambda: with_function(doubled),
            lambda: with_function(np.positive),
            SEGMENT["streamlearn.segment"],
        ),
        (
            "func is .*doubled",
            lambda: with_function(doubled),
            lambda: with_function(doubled, schedule="per-step"),
            SEGMENT["streamlearn.segment"],
        ),
    ],
)
def test_what_no_file_can_hold_is_an_early_error_with_a_remedy(
    name, make, remedy, n_read, tmp_path
):
    read, path = [], tmp_path / "fit"

    def noted(block: Any) -> Any:
        read.extend([1] * (len(block) == ROWS))
        return block

    def held() -> tuple[Any, Any]:
        rows, target = in_dask(X, Y)
        return rows.map_blocks(noted, dtype=float, meta=np.empty((0, 4))), target

    says = rf"'.*fit' cannot keep this fit: .*{name}\. .*fit without FitCheckpoint"
    with pytest.raises(TypeError, match=says) as error:
        fitted(Case(make, (), held), path)
    assert "skops" not in str(error.value)
    assert "Saved." not in str(error.value)
    assert len(read) <= n_read
    fitted(Case(make, (), held))
    path.unlink()
    fitted(Case(remedy, (), held), path)


def test_per_step_goes_on_with_a_function_of_the_user_and_sees_another_one(tmp_path, monkeypatch):
    path = tmp_path / "fit"
    case = Case(lambda: with_function(lambda x: 2 * x, schedule="per-step"), (X, Y))
    want = bits(fitted(case)[-1])
    stopped_after(monkeypatch, case, path, 5)
    other = case._replace(make=lambda: with_function(lambda x: 3 * x, schedule="per-step"))
    with pytest.raises(ValueError, match=r"of another fit: .*func was .*<lambda>, checksum"):
        fitted(other, path, resume=True)
    assert bits(fitted(case, path, resume=True)[-1]) == want


@pytest.mark.parametrize("which", [0, -1])
@pytest.mark.parametrize(
    ("name", "n"), [("linear, blocks of a source", 16), ("scaler, a source", 6)]
)
def test_other_blocks_of_a_source_are_refused(name, n, which, tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules["streamlearn.blocks.reduce"], "TOGETHER", 8)
    case, path = CASES[name], tmp_path / "fit"
    stopped_after(monkeypatch, case, path, n)
    before = content(path)
    number, _ = _files.read(path, checkpoint.KIND).entries[-1].marks[which]
    rows = case.data[0].copy()
    rows[number * ROWS] += 1e-9
    says = f"block {number} holds other rows" if number else "first row of X"
    with pytest.raises(ValueError, match=says):
        fitted(case._replace(data=(rows, *case.data[1:])), path, resume=True)
    assert content(path) == before


def test_a_fit_that_has_ended_is_not_that_of_another_source(tmp_path):
    """Its pass is finished, and is not read again: yesterday's model would be that of today."""
    case, path = CASES["linear, blocks of a source"], tmp_path / "fit"
    fitted(case, path, resume=True)
    fitted(case, path, resume=True)
    with pytest.raises(ValueError, match="is of another fit: first row of X was checksum"):
        fitted(case._replace(data=(case.data[0] + 1, *case.data[1:])), path, resume=True)


@pytest.mark.parametrize("held", [in_dask, in_blocks])
@pytest.mark.parametrize(
    "name",
    ["StandardScaler", "QuantileTransformer", "SimpleImputer", "OneHotEncoder", "another library"],
)
def test_rows_that_were_transformed_in_another_way_are_of_another_fit(held, name, tmp_path):
    path, rows = tmp_path / "fit", np.round(X[:, :1])
    made = {
        "StandardScaler": StandardScaler(),
        "QuantileTransformer": QuantileTransformer(n_quantiles=20),
        "SimpleImputer": SimpleImputer(),
        "OneHotEncoder": OneHotEncoder(sparse_output=False, handle_unknown="ignore"),
        "another library": ParallelPostFit(preprocessing.StandardScaler()),
    }[name]

    def case(seen: Any) -> Case:
        transform = clone(made).fit(seen)

        def transformed() -> tuple[Any, Any]:
            found, target = held(rows, Y)
            return transform.transform(found), target

        return Case(lambda: SGDClassifier(classes=[0, 1], **SEED), (), transformed)

    fitted(case(rows), path)
    fitted(case(rows), path, resume=True)
    with pytest.raises(ValueError, match=r"is of another fit: functions\.X"):
        fitted(case(rows * 2), path, resume=True)


def processes():
    """Return a context whose processes begin at once: their modules are loaded in a server."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.diagnostics.killed"])
    return context


def kill_again_and_again(name, tmp_path, how, n_kills, seed):
    """Kill a fit at random moments until it was killed n times, then let it end."""
    killed.write_blocks(tmp_path)
    want, log = bits(killed.fit(name, tmp_path)), tmp_path / "log"
    alone = len(log.read_text().split())
    draw, deaths, ended, alive = random.Random(seed), 0, 0, False
    path, out = tmp_path / "fit", tmp_path / "model"
    longest = 0.3
    log.unlink()
    while deaths < n_kills or not alive:  # the last one removes what those before have left
        arguments = (name, tmp_path, 0.004, path, out)
        process = processes().Process(target=killed.run, args=arguments)
        process.start()
        last = deaths >= n_kills
        process.join(None if last else draw.uniform(0.0, longest))
        if process.is_alive():
            os.kill(process.pid, how)
            process.join()
        alive = not process.exitcode
        if not alive:
            assert process.exitcode == -how
            deaths += 1
            if path.exists():
                saved = _files.read(path, checkpoint.KIND)
                assert saved.about["class"] == type(killed.MODELS[name]()).__name__
            continue
        assert process.exitcode == 0
        ended += 1
        assert bits(_files.read(out, "estimator")) == want
        path.unlink()
        out.unlink()
    assert not list(tmp_path.glob(".fit.*"))
    return alone, ended, deaths, len(log.read_text().split())


def loses_at_most_a_segment(name, how, n_kills, tmp_path):
    alone, ended, deaths, loads = kill_again_and_again(name, tmp_path, how, n_kills, seed=n_kills)
    assert deaths >= n_kills
    # A death costs a segment, or a graph of 64 blocks of a pass, and the two blocks of each pass
    # that are read to know the data again.
    passes = 8 if name == "powers" else 5
    lost = killed.N_BLOCKS if name in ("pipeline", "powers") else killed.SEGMENT
    assert loads <= ended * alone + deaths * (lost + 2 * passes)


def test_a_process_that_is_killed_at_ten_moments_loses_at_most_a_segment_each_time(tmp_path):
    loses_at_most_a_segment("linear", signal.SIGKILL, 10, tmp_path)


def test_a_process_that_is_terminated_loses_at_most_a_segment_each_time(tmp_path):
    loses_at_most_a_segment("linear", signal.SIGTERM, 2, tmp_path)


@pytest.mark.complete
@pytest.mark.thorough
@pytest.mark.parametrize(
    ("name", "how", "n_kills"),
    [
        ("linear", signal.SIGKILL, 50),
        ("pipeline", signal.SIGKILL, 50),
        ("net", signal.SIGKILL, 20),
        ("k-means", signal.SIGTERM, 20),
        ("powers", signal.SIGKILL, 20),
    ],
)
def test_a_process_that_is_killed_at_many_moments_loses_at_most_a_segment_each_time(
    name, how, n_kills, tmp_path
):
    loses_at_most_a_segment(name, how, n_kills, tmp_path)


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["linear, epochs", "pipeline", "quantiles"])
def test_a_fit_on_a_cluster_goes_on_without_it_and_the_other_way_round(
    name, client, tmp_path, monkeypatch
):
    monkeypatch.setattr(sys.modules["streamlearn.blocks.reduce"], "TOGETHER", 8)
    case, path = CASES[name], tmp_path / "fit"
    want = bits(fitted(case))
    for first, then in (("distributed", "sync"), ("sync", "distributed")):
        monkeypatch.setitem(SEGMENT, "scheduler", first)
        stopped_after(monkeypatch, case, path, 6)
        monkeypatch.setitem(SEGMENT, "scheduler", then)
        assert bits(fitted(case, path, resume=True)) == want
        path.unlink()
