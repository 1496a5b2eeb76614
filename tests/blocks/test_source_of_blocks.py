"""Sources of blocks: learned from and answered as dask blocks are, to the bit, without dask."""

from __future__ import annotations

import gc
import sqlite3
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import dask
import dask.array as da
import numpy as np
import pytest
from sklearn import linear_model as theirs
from sklearn.base import clone
from sklearn.preprocessing import RobustScaler
from sklearn.preprocessing import StandardScaler as TheirScaler

from streamlearn import metrics
from streamlearn._training import block_learner
from streamlearn.blocks import StreamedRows, align, fold, from_blocks, reduce
from streamlearn.cluster import KMeans, MiniBatchKMeans
from streamlearn.linear_model import (
    PassiveAggressiveClassifier,
    PassiveAggressiveRegressor,
    Perceptron,
    SGDClassifier,
    SGDRegressor,
)
from streamlearn.mixture import GaussianMixture
from streamlearn.neural_network import MLPClassifier, MLPRegressor
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import MaxAbsScaler, MinMaxScaler, StandardScaler
from streamlearn.wrappers import Incremental, ParallelPostFit
from tests.blocks import tracking
from tests.blocks.interrupts import interrupting

LENGTHS = [30, 41, 0, 17, 60, 5, 33, 28, 30, 30, 1]


def made_blocks(lengths=LENGTHS, seed: int = 0) -> list[tuple[np.ndarray, ...]]:
    """Return blocks (X, y, weights)."""
    rng, out = np.random.default_rng(seed), []
    for n in lengths:
        X = rng.normal(1.0, 2.0, size=(n, 4))
        y = (rng.normal(size=n) < X @ [1.0, -1.0, 0.5, 0.0]).astype(int)
        out.append((X, y, rng.uniform(0.5, 2.0, size=n)))
    return out


BLOCKS = made_blocks()
FAST = {"random_state": 0, "shuffle": False}
NET = {**FAST, "hidden_layer_sizes": (3,)}


def pairs() -> Iterator[Any]:
    yield from ((X, y) for X, y, _ in BLOCKS)


def triples() -> Iterator[Any]:
    yield from BLOCKS


def features() -> Iterator[Any]:
    yield from (X for X, _, _ in BLOCKS)


def targets() -> Iterator[Any]:
    yield from (y for _, y, _ in BLOCKS)


def in_dask(blocks=BLOCKS) -> tuple[Any, ...]:
    """Return the same blocks as dask arrays."""
    lengths = tuple(len(block[0]) for block in blocks)
    whole = (np.concatenate(part) for part in zip(*blocks, strict=True))
    return tuple(da.from_array(x, chunks=(lengths, *x.shape[1:])) for x in whole)


def parts_of(model: Any) -> list[Any]:
    """Return what has learned: the steps of a pipeline, or the one inside a wrapper."""
    if hasattr(model, "steps"):
        return [step for _, step in model.steps]
    return [getattr(model, "estimator_", model)]


def assert_same(ours: Any, wanted: Any) -> None:
    """Fail unless what was learned and published is the same to the bit."""
    for a, b in zip(parts_of(ours), parts_of(wanted), strict=True):
        for name, value in vars(b).items():
            if isinstance(value, np.ndarray | float | int) and name.endswith("_"):
                np.testing.assert_array_equal(getattr(a, name), value, err_msg=name)


ESTIMATORS = {
    "SGDClassifier": SGDClassifier(**FAST, max_iter=2, tol=None),
    "SGDRegressor": SGDRegressor(**FAST),
    "row by row": SGDClassifier(**FAST, batch_size=1, tol=None, max_iter=2),
    "a schedule": SGDClassifier(**FAST, loss="log_loss", learning_rate="invscaling"),
    "held out": SGDRegressor(**FAST, early_stopping=True, max_iter=3, tol=None),
    "Perceptron": Perceptron(**FAST),
    "PassiveAggressiveClassifier": PassiveAggressiveClassifier(**FAST),
    "PassiveAggressiveRegressor": PassiveAggressiveRegressor(**FAST),
    "MLPClassifier": MLPClassifier(**NET),
    "MLPRegressor": MLPRegressor(**NET),
    "MiniBatchKMeans": MiniBatchKMeans(3, random_state=0, max_iter=2, batch_size=20),
    "k-means||": MiniBatchKMeans(3, random_state=0, init="k-means||"),
    "KMeans": KMeans(3, random_state=0, n_init=2),
    "KMeans of a sample": KMeans(3, random_state=0, init="random", n_init=2),
    "GaussianMixture": GaussianMixture(2, random_state=0, n_init=2),
    "StandardScaler": StandardScaler(),
    "MinMaxScaler": MinMaxScaler(),
    "MaxAbsScaler": MaxAbsScaler(),
    "one pass": make_pipeline(StandardScaler(), SGDClassifier(**FAST)),
    "per step": make_pipeline(StandardScaler(), SGDClassifier(**FAST), schedule="per-step"),
    "theirs in one pass": make_pipeline(TheirScaler(), SGDClassifier(**FAST)),
    "theirs in memory": make_pipeline(RobustScaler(), MinMaxScaler(), schedule="per-step"),
    "Incremental": Incremental(theirs.SGDClassifier(**FAST), shuffle=False, max_iter=2),
    "ParallelPostFit": ParallelPostFit(theirs.LogisticRegression()),
}
IN_EPOCHS = ["SGDClassifier", "SGDRegressor", "row by row", "Perceptron", "MLPClassifier"]
IN_EPOCHS += ["MLPRegressor", "MiniBatchKMeans", "StandardScaler", "one pass", "Incremental"]


@pytest.mark.filterwarnings("ignore:All rows are loaded")
@pytest.mark.parametrize("name", ESTIMATORS)
def test_the_same_bits_as_dask_blocks(name):
    X, y, _ = in_dask()
    ours, wanted = clone(ESTIMATORS[name]).fit(pairs), clone(ESTIMATORS[name]).fit(X, y)
    assert_same(ours, wanted)
    for method in ("predict", "predict_proba", "decision_function", "transform"):
        if not hasattr(ours, method):
            continue
        answer, whole = getattr(ours, method)(pairs), getattr(wanted, method)(X).compute()
        assert isinstance(answer, StreamedRows)
        assert (answer.shape[1:], answer.dtype) == (whole.shape[1:], whole.dtype)
        for _ in range(2):  # again and again
            blocks = list(answer)
            assert [len(block) for block in blocks] == LENGTHS
            np.testing.assert_array_equal(np.concatenate(blocks), whole)
    if hasattr(ours, "score"):
        assert ours.score(pairs) == wanted.score(X, y)
    if hasattr(ours, "inertia_"):
        assert ours.inertia_ == wanted.inertia_
        np.testing.assert_array_equal(ours.labels_, wanted.labels_)


@pytest.mark.parametrize("name", IN_EPOCHS)
def test_partial_fit(name):
    X, y, _ = in_dask()
    ours, wanted = clone(ESTIMATORS[name]), clone(ESTIMATORS[name])
    classes = {} if "Regressor" in name or not hasattr(ours, "score") else {"classes": [0, 1]}
    classes = {} if name == "MiniBatchKMeans" else classes
    for _ in range(2):
        ours.partial_fit(pairs, **classes)
        wanted.partial_fit(X, y, **classes)
    assert_same(ours, wanted)


@pytest.mark.parametrize("name", ["SGDClassifier", "MLPRegressor", "one pass"])
def test_rows_are_shuffled_within_blocks(name, monkeypatch):
    """Blocks come in the source's order; the draws inside of a block are those of dask's."""
    X, y, _ = in_dask()
    monkeypatch.setattr(block_learner, "block_order", lambda *_, **__: None)
    model = clone(ESTIMATORS[name])
    model.set_params(**{key: True for key in model.get_params() if key.endswith("shuffle")})
    assert_same(clone(model).fit(pairs), clone(model).fit(X, y))


@pytest.mark.parametrize("name", ["SGDClassifier", "MLPClassifier", "Incremental"])
def test_blocks_bring_weights(name):
    X, y, w = in_dask()
    wanted = clone(ESTIMATORS[name]).fit(X, y, sample_weight=w)
    X_, y_, w_ = from_blocks(BLOCKS)
    ours = clone(ESTIMATORS[name]).fit(X_, y_, sample_weight=w_)
    assert_same(ours, wanted)
    assert_same(clone(ESTIMATORS[name]).fit(triples), wanted)
    assert ours.score(triples) == wanted.score(X, y, sample_weight=w)


def test_a_transformer_takes_the_weights_and_no_y():
    X, _, w = in_dask()
    wanted = StandardScaler().fit(X, sample_weight=w)
    assert_same(StandardScaler().fit(triples), wanted)
    X_, y_, w_ = from_blocks([(X, None, w) for X, _, w in BLOCKS])
    assert y_ is None
    assert_same(StandardScaler().fit(X_, sample_weight=w_), wanted)


def test_weights_of_a_pipeline_are_those_of_a_step():
    X, y, w = in_dask()
    pipe = ESTIMATORS["one pass"]
    with pytest.raises(ValueError, match="for which step"):
        clone(pipe).fit(triples)
    X_, y_, w_ = from_blocks(triples)
    ours = clone(pipe).fit(X_, y_, sgdclassifier__sample_weight=w_)
    assert_same(ours, clone(pipe).fit(X, y, sgdclassifier__sample_weight=w))


@pytest.mark.parametrize("n", [1, 2, 7, 8, 9, 15, 16, 17, 63, 64, 65, 71, 513])
@pytest.mark.parametrize("empty", [10**6, 3])
def test_the_tree_of_merges_is_that_of_dask_blocks(n, empty):
    blocks = made_blocks([0 if i % empty == empty - 1 else 1 for i in range(n)])
    how = (lambda block: block.number), (lambda a, b: (a, b))
    with dask.config.set(scheduler="sync"):
        wanted = reduce(*how, align(X=in_dask(blocks)[0]))
    assert reduce(*how, align(X=from_blocks([X for X, _, _ in blocks]))) == wanted


def test_segments_end_where_those_of_dask_blocks_do():
    blocks = align(X=from_blocks([X for X, _, _ in made_blocks([1] * 130)]))
    with dask.config.set({"streamlearn.segment": 64}):
        found = list(fold(lambda n, _: (n + 1, n), 0, blocks, prepare=tracking.parts_of))
    assert [len(segment.records) for segment in found] == [64, 64, 2]
    assert [segment.state for segment in found] == [64, 128, 130]
    assert [r.block for segment in found for r in segment.records] == list(range(130))
    assert found[0].records[0].load_end >= found[0].records[0].load_start > 0


class Counted:
    """A source that counts what is read of it."""

    def __init__(self, n: int = 20) -> None:
        self.n, self.read, self.passes = n, [0] * min(n, 1000), 0

    def __call__(self) -> Iterator[Any]:
        self.passes += 1
        rng = np.random.default_rng(0)
        for i in range(self.n):
            self.read[i % len(self.read)] += 1
            X = rng.normal(size=(30, 3))
            yield X, (X[:, 0] > 0).astype(int)


PASSES = [
    (SGDClassifier(**FAST), 2),  # one for the labels
    (SGDClassifier(**FAST, classes=[0, 1]), 1),
    (SGDRegressor(**FAST, max_iter=3, tol=None), 3),
    (StandardScaler(), 1),
    (make_pipeline(StandardScaler(), SGDRegressor(**FAST)), 1),
    (make_pipeline(StandardScaler(), SGDRegressor(**FAST), schedule="per-step"), 2),
    (Incremental(theirs.SGDRegressor(**FAST), max_iter=4), 4),
    (MiniBatchKMeans(2, random_state=0), 1),
]


@pytest.mark.parametrize(("model", "passes"), PASSES)
def test_each_block_is_read_once_a_pass(model, passes):
    source = Counted()
    fitted = clone(model).fit(source)
    assert (source.passes, source.read) == (passes, [passes] * source.n)
    if hasattr(fitted, "score"):
        fitted.score(source)
        assert (source.passes, source.read) == (passes + 1, [passes + 1] * source.n)


def test_an_answer_reads_nothing_but_the_first_block_and_that_once():
    source = Counted()
    model = SGDRegressor(**FAST).fit(Counted())
    answer = model.predict(source)
    assert sum(source.read) <= 1
    assert len(list(answer)) == source.n
    assert (source.passes, source.read) == (1, [1] * source.n)


@pytest.mark.parametrize("window", [1, 3])
@pytest.mark.parametrize("what", ["fold", "reduce", "labels", "answers"])
def test_live_blocks_are_bounded(window, what):
    def blocks() -> Iterator[Any]:
        for i in range(40):
            yield tracking.read(5 * i, 5), np.zeros(5, dtype=int)

    X, y = from_blocks(blocks)
    with dask.config.set({"streamlearn.window": window}):
        if what == "fold":
            tracking.run(tracking.slow, 0.0, align(X=X, y=y))
        elif what == "reduce":
            reduce(lambda block: float(block.X.sum()), lambda a, b: a + b, align(X=X, y=y))
        elif what == "labels":
            reduce(lambda block: 1, lambda a, b: a + b, align(y=y))
        else:
            for answer in StandardScaler().fit([[0.0] * 4, [1.0] * 4]).transform(X):
                time.sleep(0.001)
                del answer
    del X, y
    wait_for_no_threads()
    happened = tracking.drain()
    assert len(tracking.reads(happened)) == 40
    assert tracking.peak(happened) <= (1 if what == "answers" else window) + 1


def test_reading_overlaps_learning():
    meeting = threading.Barrier(2, timeout=20)

    def blocks() -> Iterator[Any]:
        for i in range(8):
            if i == 4:
                meeting.wait()
            yield np.full((2, 2), float(i))

    def step(state: int, parts: tuple) -> tuple[int, None]:
        if parts[0][0, 0] == 3:
            meeting.wait()
        return state + 1, None

    assert tracking.run(step, 0, align(X=from_blocks(blocks)))[0] == 8


def wait_for_no_threads() -> None:
    """Wait until all threads that read have ended, and fail if one does not."""
    gc.collect()
    for _ in range(500):
        if not any(thread.name == "streamlearn-read" for thread in threading.enumerate()):
            return
        time.sleep(0.01)
    raise AssertionError(threading.enumerate())


def test_what_a_source_holds_may_belong_to_the_thread_that_reads(tmp_path):
    """The iterator is begun, read and closed in one thread: sqlite3 would raise in another."""
    path = tmp_path / "rows.sqlite"
    with sqlite3.connect(path) as made:
        made.execute("create table t (a real, b real)")
        made.executemany("insert into t values (?, ?)", np.arange(40.0).reshape(20, 2).tolist())
    made.close()
    closed = []

    def read() -> Iterator[Any]:
        connection = sqlite3.connect(path)
        try:
            cursor = connection.execute("select a, b from t")
            while rows := cursor.fetchmany(6):
                yield rows
        finally:
            connection.close()
            closed.append(True)

    scaler = StandardScaler().fit(read)
    np.testing.assert_array_equal(scaler.mean_, [19.0, 20.0])
    answers = iter(scaler.transform(read))
    assert next(answers).shape == (6, 2)
    del answers
    wait_for_no_threads()
    assert closed == [True, True]


def test_the_threads_end():
    from_blocks(Counted())  # looked at, and never read
    source = Counted()
    next(iter(StandardScaler().fit(source).transform(source)))
    with pytest.raises(ZeroDivisionError):
        tracking.run(lambda *_: 1 / 0, 0, align(X=from_blocks(source)[0]))
    wait_for_no_threads()


def test_an_interrupt_before_a_segment_leaves_the_estimator_as_it_was():
    """While the next block is waited for."""

    def blocks() -> Iterator[Any]:
        for block in Counted(10**6)():
            yield block
            time.sleep(0.5)

    model = SGDRegressor(**FAST).fit(Counted())
    before = dict(vars(model))
    soon = time.monotonic() + 0.2
    with interrupting(lambda: time.monotonic() > soon), pytest.raises(KeyboardInterrupt):
        model.fit(blocks)
    assert vars(model) == before
    wait_for_no_threads()


def test_a_later_interrupt_ends_the_fit_with_what_was_learned():
    source, model = Counted(10**6), SGDRegressor(**FAST)
    warned = pytest.warns(UserWarning, match="interrupted in epoch 1")
    with interrupting(lambda: sum(source.read) > 200), warned:
        model.fit(source)
    assert model.t_ > 64 * 30
    wait_for_no_threads()


def broken(at: int) -> Callable[[], Iterator[Any]]:
    def read() -> Iterator[Any]:
        for i, block in enumerate(pairs()):
            if i == at:
                raise OSError("the disk is gone")
            yield block

    return read


@pytest.mark.parametrize("at", [0, 1, 7])
def test_errors_of_a_source_name_the_block(at):
    calls = [
        SGDClassifier(classes=[0, 1]).fit,
        StandardScaler().fit,
        lambda x: list(StandardScaler().fit(pairs).transform(x)),
        SGDClassifier(random_state=0).fit(pairs).score,
    ]
    for call in calls:
        with pytest.raises(OSError, match="the disk is gone") as raised:
            call(broken(at))
        assert raised.value.__notes__ == [f"In block {at}, which the source could not give."]


@pytest.mark.parametrize("part", [0, 1])
def test_errors_of_rows_name_the_block(part):
    blocks = [(X.copy(), y.astype(float)) for X, y, _ in BLOCKS]
    blocks[4][part][0] = np.inf
    X, y = from_blocks(blocks)
    calls = [lambda: SGDRegressor(early_stopping=True).fit(X, y), lambda: SGDRegressor().fit(X, y)]
    if part == 0:
        calls.append(lambda: StandardScaler().fit(X))
    for call in calls:
        with pytest.raises(ValueError, match="lock 4"):
            call()


def test_errors_of_steps_name_the_block():
    def step(state: int, parts: tuple) -> tuple[int, None]:
        return state + 1 + 0 // (2 - state), None

    with pytest.raises(ZeroDivisionError) as raised:
        tracking.run(step, 0, align(X=from_blocks([np.ones((2, 2))] * 4)))
    assert raised.value.__notes__ == ["In block 2, when it was learned from."]


def test_two_sources_in_lock_step():
    X, y, _ = in_dask()
    wanted = SGDClassifier(**FAST).fit(X, y)
    ours = SGDClassifier(**FAST).fit(features, targets)
    assert_same(ours, wanted)
    assert ours.score(features, targets) == wanted.score(X, y)


@pytest.mark.complete
@pytest.mark.parametrize(
    ("X", "y", "error", "words"),
    [
        (features, lambda: list(targets())[:-1], ValueError, "y has 10 blocks, and the others"),
        (lambda: list(features())[:-2], targets, ValueError, "X has 9 blocks, and the others"),
        (
            features,
            lambda: [y[len(y) == 41 :] for y in targets()],
            ValueError,
            "block 1 do not line up: X has 41 rows, y has 40 rows",
        ),
        (features, np.zeros(275), TypeError, "X comes from a source of blocks and y does not"),
        (features, da.zeros(275), TypeError, "X comes from a source of blocks and y does not"),
        (da.zeros((275, 4)), targets, TypeError, "y comes from a source of blocks and X does not"),
        (np.zeros((275, 4)), targets, TypeError, "y comes from a source of blocks and X does not"),
        (pairs, targets, ValueError, "contain y, and y is given too"),
        (features, pairs, ValueError, "y is a source whose blocks have 2 parts"),
        (features, None, ValueError, "requires y to be passed"),
        (lambda: [], None, ValueError, "no blocks"),
        (lambda: [(1, 2, 3, 4)], None, ValueError, "4 parts, expected X, "),
        (
            lambda: [3.0],
            None,
            TypeError,
            "X of a block is of type float.* one row",
        ),
        (lambda: [{"X": 1}], None, TypeError, "X of a block is of type dict"),
        (lambda: 3, None, TypeError, "not iterable"),
        (lambda: [(np.zeros(4), np.zeros(4))], None, ValueError, "Expected 2D array, got 1D"),
        (lambda: [(np.zeros((0, 4)), np.zeros(0))], None, ValueError, "0 sample"),
        (
            lambda: [(X[:, : 4 - i], y) for i, (X, y) in enumerate(pairs()) if i < 2],
            None,
            ValueError,
            "Block 1 of X has shape",
        ),
        (lambda: [*pairs(), *features()], None, ValueError, "A block has 1 parts, expected 2"),
    ],
)
def test_what_does_not_line_up_is_refused(X, y, error, words):
    with pytest.raises(error, match=words):
        SGDRegressor(random_state=0).fit(X, y)


@pytest.mark.parametrize("refused", [3, "text", b"bytes", {"X": 1}, None])
def test_what_gives_no_blocks_is_refused(refused):
    with pytest.raises(TypeError, match="cannot be a source of blocks"):
        from_blocks(refused)


def test_blocks_that_are_held_out_have_to_be_counted():
    with pytest.raises(ValueError, match="patience holds out blocks"):
        Incremental(theirs.SGDClassifier(), patience=2).fit(pairs)


def test_one_pass_over_a_generator():
    X, y, _ = in_dask()
    wanted = SGDClassifier(**FAST, classes=[0, 1]).fit(X, y)
    assert_same(SGDClassifier(**FAST, classes=[0, 1]).fit(pairs()), wanted)
    assert_same(SGDClassifier(**FAST).partial_fit(pairs(), classes=[0, 1]), wanted)
    assert len(list(wanted.predict(features()))) == len(BLOCKS)
    assert wanted.score(pairs()) == wanted.score(X, y)


@pytest.mark.parametrize(
    "call",
    [
        SGDClassifier().fit,
        SGDRegressor(max_iter=2).fit,
        lambda x: list(StandardScaler().fit_transform(x)),
        lambda x: list(make_pipeline(StandardScaler(), MinMaxScaler()).fit_transform(x)),
        make_pipeline(StandardScaler(), SGDRegressor(), schedule="per-step").fit,
        lambda x: list(MiniBatchKMeans(2, random_state=0).fit(x).labels_),
    ],
)
def test_a_second_pass_over_a_generator_is_refused(call):
    with pytest.raises(ValueError, match=r"read_blocks in place of read_blocks\(\)"):
        call(pairs())


def test_what_was_an_array_stays_one():
    """Lists are rows: only what could be nothing else is a source by itself."""
    rows = [[0.0, 1.0], [1.0, 0.0], [2.0, 3.0]]
    for listed in (rows, tuple(rows), [np.asarray(row) for row in rows]):
        assert isinstance(StandardScaler().fit_transform(listed), np.ndarray)
    for listed in ([np.ones((2, 2))] * 2, (np.ones((2, 2)),) * 2):
        with pytest.raises(TypeError, match="from_blocks"):
            StandardScaler().fit(listed)
        assert StandardScaler().fit(from_blocks(listed)).n_samples_seen_ == 4
    assert StandardScaler().fit(from_blocks([[[0, 1], [2, 3]], [[4, 5]]])).n_samples_seen_ == 3


def test_answers_as_input():
    (X, y), (lazy_X, lazy_y, _) = from_blocks(pairs), in_dask()
    scaled = StandardScaler().fit(X).transform(X)
    lazy = StandardScaler().fit(lazy_X).transform(lazy_X)
    model, wanted = SGDClassifier(**FAST).fit(scaled, y), SGDClassifier(**FAST).fit(lazy, lazy_y)
    assert_same(model, wanted)
    assert metrics.accuracy_score(y, model.predict(scaled)) == wanted.score(lazy, lazy_y)
    np.testing.assert_array_equal(np.asarray(model.predict(scaled)), wanted.predict(lazy))
    with pytest.raises(ValueError, match="copy"):
        np.asarray(scaled, copy=False)
    assert repr(scaled) == "<StreamedRows: X of a source of blocks, through 1 functions>"
    assert scaled.ndim == 2


@pytest.fixture(scope="module")
def parquet(tmp_path_factory) -> Any:
    """Return a folder of Parquet files, all rows as a frame of pandas, the rows of each file."""
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    folder, frames = tmp_path_factory.mktemp("parquet"), []
    for i, (X, y, w) in enumerate(made_blocks([40, 25, 60], seed=3)):
        frames.append(pandas.DataFrame(X, columns=list("abcd")).assign(late=y, w=w))
        frames[-1].to_parquet(folder / f"part-{i}.parquet", index=False)
    return folder, pandas.concat(frames), [len(frame) for frame in frames]


def learned(frame: Any, lengths: list[int], **weight: Any) -> SGDClassifier:
    """Return what a list of these blocks teaches."""
    ends = np.cumsum(lengths)
    blocks = [frame.iloc[end - n : end] for n, end in zip(lengths, ends, strict=True)]
    X, y, *w = from_blocks(blocks, y="late", **weight)
    return SGDClassifier(**FAST).fit(X, y, sample_weight=w[0] if w else None)


def test_a_dataset_of_pyarrow(parquet):
    datasets = pytest.importorskip("pyarrow.dataset")
    folder, frame, lengths = parquet
    dataset, names = datasets.dataset(folder), list("abcd")
    X, y, w = from_blocks(dataset, y="late", sample_weight="w")
    wanted = learned(frame, lengths, sample_weight="w")
    assert_same(SGDClassifier(**FAST).fit(X, y, sample_weight=w), wanted)
    wanted = learned(frame.drop(columns="w"), lengths)
    model = SGDClassifier(**FAST).fit(
        dataset.scanner(columns=names), dataset.scanner(columns=["late"])
    )
    assert_same(model, wanted)
    assert model.feature_names_in_.tolist() == names
    rows = dataset.scanner(columns=names)
    assert [len(labels) for labels in model.predict(rows)] == lengths
    with pytest.raises(ValueError, match="same order"):
        model.predict(dataset.scanner(columns=names[::-1]))
    made = StandardScaler().set_output(transform="pandas").fit(rows).transform(rows)
    assert [list(block.columns) for block in made] == [names] * 3
    wanted = StandardScaler().fit(rows)
    assert_same(StandardScaler().fit(rows.to_reader()), wanted)
    assert_same(StandardScaler().fit(rows.to_batches), wanted)


@pytest.mark.parametrize("streaming", [True, False])
def test_a_lazy_frame_of_polars(parquet, streaming, monkeypatch):
    polars = pytest.importorskip("polars")
    folder, frame, _ = parquet
    monkeypatch.setattr("streamlearn.blocks.source_kinds.ROWS", 50)
    if not streaming:
        monkeypatch.delattr(polars.LazyFrame, "collect_batches", raising=False)
    rows, names = polars.scan_parquet(folder / "*.parquet"), list("abcd")
    X, y = rows.select(names), rows.select("late")
    model = SGDClassifier(**FAST).fit(X, y)
    assert_same(model, learned(frame.drop(columns="w"), [50, 50, 25]))
    assert model.feature_names_in_.tolist() == names
    assert [len(labels) for labels in model.predict(X)] == [50, 50, 25]
    assert model.score(X, y) == model.score(frame[names], frame["late"])
    made = StandardScaler().set_output(transform="polars").fit(X).transform(X)
    assert [type(block) for block in made] == [polars.DataFrame] * 3
    assert_same(SGDClassifier(**FAST).fit(*from_blocks(rows.drop("w"), y="late")), model)
    assert [len(b) for b in from_blocks(rows.select("a").head(100))] == [50, 50]


@pytest.mark.torch
def test_a_data_loader_of_torch():
    torch = pytest.importorskip("torch")
    data = torch.utils.data
    X, y = (torch.from_numpy(np.concatenate(part)) for part in list(zip(*BLOCKS, strict=True))[:2])
    loader = data.DataLoader(data.TensorDataset(X, y), batch_size=50)
    wanted = SGDClassifier(**FAST).fit(from_blocks(X.split(50)), from_blocks(y.split(50)))
    model = SGDClassifier(**FAST).fit(loader)
    assert torch.equal(model.coef_, wanted.coef_)
    assert all(isinstance(labels, torch.Tensor) for labels in model.predict(loader))
    assert model.score(loader) == model.score(X, y)
    assert StandardScaler().fit(data.DataLoader(X, batch_size=50)).n_samples_seen_ == len(X)


def test_names_of_columns_want_frames_that_have_them():
    with pytest.raises(TypeError, match="names of columns"):
        from_blocks([np.ones((2, 2))], y="late")
    pandas = pytest.importorskip("pandas")
    with pytest.raises(KeyError, match="late"):
        from_blocks([pandas.DataFrame({"a": [1.0]})], y="late")


def test_columns_of_later_frames_are_checked():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1.0, 2.0], "b": [0.0, 1.0]})
    with pytest.raises(ValueError, match=r"Block 1 of X has the columns \['b', 'a'\]"):
        StandardScaler().fit(from_blocks([frame, frame[["b", "a"]]]))


def test_verbose_lines_do_not_count_what_nobody_knows(capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Incremental(theirs.SGDRegressor(**FAST), verbose=1).fit(pairs)
    assert f": {len(BLOCKS)} blocks, {sum(LENGTHS)} rows" in capsys.readouterr().out
