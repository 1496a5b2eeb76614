"""Blocks that cannot be read: a fit names them, or leaves them out; predictions name them."""

from __future__ import annotations

import inspect
import warnings
from copy import copy
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from sklearn import linear_model as theirs
from sklearn.utils import get_tags

from streamlearn._estimator.stateless import StatelessTransformer
from streamlearn.blocks import from_blocks
from streamlearn.cluster import KMeans, MiniBatchKMeans
from streamlearn.diagnostics import FitCheckpoint, FitRecorder
from streamlearn.linear_model import SGDClassifier, SGDRegressor
from streamlearn.neural_network import MLPClassifier
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler
from streamlearn.wrappers import Incremental
from tests.public import OF_DOCUMENTS, public_estimators

N, ROWS = 24, 30
SKIP = {"streamlearn.on-bad-block": "skip"}
SEED = {"random_state": 0}
BAD = (0, 5, 6, 23)

pytestmark = [
    pytest.mark.filterwarnings("ignore:The fit left out"),
    pytest.mark.filterwarnings("ignore:n_quantiles"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


def rows(number: int) -> np.ndarray:
    return np.random.default_rng(number).normal((0, 1, 2), size=(ROWS, 3))


def labels(number: int) -> np.ndarray:
    return (rows(number)[:, 0] > 0).astype(int)


def read(made, number, bad):
    """Return a part of a block, unless it is bad."""
    if number in bad:
        raise OSError(f"disk {number}")
    return made(number)


def lazy(made, bad=(), *, empty=()):
    """Return a collection of whose blocks some cannot be read, and others have no rows."""
    n = np.nan if empty else ROWS  # dask would leave out chunks of no rows
    blocks = []
    for number in range(N):
        part = dask.delayed(read, pure=False)(made, number, bad)[: 0 if number in empty else ROWS]
        blocks.append(da.from_delayed(part, (n, *made(1).shape[1:]), made(1).dtype))
    return da.concatenate(blocks, allow_unknown_chunksizes=True)


def streamed(bad=(), *, empty=()):
    """Return the parts of a source that goes on after an error."""

    def block(number):
        n = 0 if number in empty else ROWS
        return read(rows, number, bad)[:n], labels(number)[:n]

    return from_blocks(lambda: map(block, range(N)))


def state(estimator):
    """Return what was learned."""
    steps = [step for _, step in getattr(estimator, "steps", [("", estimator)])]
    found = {}
    for at, step in enumerate(steps):
        step = getattr(step, "estimator_", step)
        for name, value in vars(step).items():
            if name.endswith("_") and isinstance(value, np.ndarray | list) and name != "n_iter_":
                found[f"{at} {name}"] = np.concatenate([np.ravel(v) for v in value])
    return found


def assert_same_bits(a, b):
    a, b = state(a), state(b)
    assert a.keys() == b.keys()
    assert a
    for name, value in a.items():
        np.testing.assert_array_equal(value, b[name], name)


CASES = {
    "fold": lambda: SGDClassifier(learning_rate="optimal", max_iter=2, tol=None, **SEED),
    "rounds": lambda: SGDClassifier(max_iter=2, tol=None, **SEED),
    "side by side": lambda: SGDClassifier(learning_rate="optimal", n_parallel=4, **SEED),
    "a net": lambda: MLPClassifier((3,), max_iter=2, **SEED),
    "clusters": lambda: MiniBatchKMeans(3, max_iter=2, **SEED),
    "reduce": StandardScaler,
    "iterations": lambda: KMeans(3, **SEED),
    "one pass": lambda: make_pipeline(StandardScaler(), SGDClassifier(**SEED)),
    "another library's": lambda: Incremental(theirs.SGDClassifier(**SEED), shuffle=False),
}


@pytest.mark.parametrize("what", CASES)
def test_a_block_left_out_is_as_a_block_without_rows(what):
    with dask.config.set(SKIP):
        found = CASES[what]().fit(lazy(rows, BAD), lazy(labels))
        split = CASES[what]().fit(lazy(rows, BAD[:2]), lazy(labels, BAD[2:]))
    wanted = CASES[what]().fit(lazy(rows, empty=BAD), lazy(labels, empty=BAD))
    assert found.n_blocks_skipped_ == len(BAD)
    without_labels = what in ("reduce", "clusters", "iterations")
    assert split.n_blocks_skipped_ == (2 if without_labels else len(BAD))
    assert wanted.n_blocks_skipped_ == 0
    assert_same_bits(found, wanted)
    if found.n_blocks_skipped_ == split.n_blocks_skipped_:
        assert_same_bits(split, wanted)


@pytest.mark.parametrize("what", CASES)
@pytest.mark.parametrize("window", [1, 3])
def test_blocks_of_a_source_are_left_out(what, window):
    with dask.config.set({**SKIP, "streamlearn.window": window}):
        found = CASES[what]().fit(*streamed(BAD))
    assert found.n_blocks_skipped_ == len(BAD)
    assert_same_bits(found, CASES[what]().fit(*streamed(empty=BAD)))


def test_a_warning_names_them_once():
    model = make_pipeline(StandardScaler(), SGDClassifier(max_iter=2, tol=None, **SEED))
    with dask.config.set(SKIP), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        model.fit(lazy(rows, BAD), lazy(labels))
    (said,) = [str(w.message) for w in caught if "left out" in str(w.message)]
    assert said == (
        "The fit left out 4 blocks that could not be read: 0, 5, 6, 23. The error of block 0 was "
        "OSError: disk 0."
    )


def test_by_default_the_first_one_ends_the_fit_and_is_named():
    with pytest.raises(OSError, match="disk 5") as raised:
        SGDClassifier(**SEED).fit(lazy(rows, (5,)), lazy(labels))
    assert raised.value.__notes__[0].startswith(
        "In block 5 of X and y, which could not be computed"
    )
    with pytest.raises(OSError, match="disk 5") as raised:
        SGDClassifier(**SEED).fit(*streamed((5,)))
    assert raised.value.__notes__ == ["In block 5, which the source could not give."]


def test_the_setting_is_checked():
    with (
        dask.config.set({"streamlearn.on-bad-block": "ignore"}),
        pytest.raises(ValueError, match="must be 'raise' or 'skip', got 'ignore'"),
    ):
        StandardScaler().fit(lazy(rows))


def test_without_any_block_there_is_an_error_that_names_them():
    with dask.config.set(SKIP), pytest.raises(ValueError, match="0 sample") as raised:
        StandardScaler().fit(lazy(rows, range(N)))
    assert "left out 24 blocks" in raised.value.__notes__[-1]
    with dask.config.set(SKIP), pytest.raises(OSError, match="disk 9"):
        StandardScaler().fit(streamed(range(10))[0])


def nan(number):
    return rows(number) if number != 5 else np.full((ROWS, 3), np.nan)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (lambda: lazy(nan), "NaN"),
        (lambda: lazy(lambda number: rows(number)[: 29 if number == 5 else 30]), "has 29 rows"),
        (lambda: StandardScaler().fit(rows(0)).transform(lazy(nan))[:, :2].map_blocks(_nan), "NaN"),
    ],
)
def test_rows_that_do_not_pass_the_checks_are_an_error(X, message):
    with dask.config.set(SKIP), pytest.raises(ValueError, match=message):
        SGDClassifier(**SEED).fit(X(), lazy(labels))


def _nan(block):
    return block


def raising(error):
    def made(number):
        if number == 5:
            raise error
        return rows(number)

    return made


def test_short_memory_and_an_interrupt_are_no_bad_block():
    for error in (MemoryError("full"), KeyboardInterrupt()):
        with dask.config.set({**SKIP, "scheduler": "sync"}), pytest.raises(type(error)):
            StandardScaler().fit(lazy(raising(error)))


def test_what_blocks_share_leaves_out_all_of_them():
    X = lazy(rows, (4,)).rechunk((ROWS // 2, 3))
    y = da.from_array(np.concatenate([labels(i) for i in range(N)]), chunks=ROWS // 2)
    with dask.config.set(SKIP):
        model = SGDClassifier(**SEED).fit(X, y)
    assert model.n_blocks_skipped_ == 2


def test_partitions_of_a_frame_are_left_out():
    def part(number):
        return pd.DataFrame(read(rows, number, BAD), columns=list("abc"))

    frame = dd.from_map(part, range(N), meta=part(1))
    with dask.config.set(SKIP):
        found = StandardScaler().fit(frame)
    assert found.n_blocks_skipped_ == len(BAD)
    np.testing.assert_array_equal(found.mean_, StandardScaler().fit(lazy(rows, empty=BAD)).mean_)


def test_a_generator_cannot_go_on():
    def blocks():
        for number in range(N):
            yield read(rows, number, (5,))

    with dask.config.set(SKIP), pytest.raises(OSError, match="disk 5") as raised:
        StandardScaler().fit(blocks)
    assert "a generator ends with its first error" in raised.value.__notes__[0]


def test_partial_fit_counts_on_and_memory_has_no_count():
    model = SGDClassifier(**SEED)
    with dask.config.set(SKIP):
        for _ in range(2):
            model.partial_fit(lazy(rows, BAD), lazy(labels), classes=[0, 1])
    assert model.n_blocks_skipped_ == 2 * len(BAD)
    model.fit(rows(0), labels(0))
    assert not hasattr(model, "n_blocks_skipped_")


def test_records_have_the_errors():
    recorder = FitRecorder()
    with dask.config.set(SKIP):
        SGDRegressor(**SEED).set_callbacks(recorder).fit(lazy(rows, BAD), lazy(labels))
    frame = recorder.frame()
    assert sorted(frame["block"][frame["error"] != ""]) == list(BAD)
    assert set(frame["error"]) == {"", *(f"OSError: disk {number}" for number in BAD)}


def amounts(number):
    return 1 + labels(number)


READ_NOTHING = (
    *("DatetimeEncoder", "FunctionTransformer"),
    *("FeatureHasher", "HashingVectorizer"),
)
MADE_OF_LABELS = ("LabelBinarizer", "LabelEncoder")


@pytest.mark.parametrize(
    "name",
    [n for n in public_estimators() if n not in ("ColumnTransformer", "Pipeline")],
)
def test_every_estimator_leaves_them_out(name):
    cls = public_estimators()[name]
    takes = inspect.signature(cls).parameters
    how = {"max_iter": 2, "random_state": 0, "n_clusters": 2, "n_blocks": N}
    how["parameters"] = {"alpha": np.logspace(-6, -3, 50).tolist()}
    if "estimator" in takes:
        own = SGDClassifier if name == "SelectFromModel" else theirs.SGDClassifier
        how["estimator"] = own(random_state=0)
    if name == "SelectKBest":
        how["k"] = 2
    model = cls(**{n: value for n, value in how.items() if n in takes})

    def part(number):
        frame = pd.DataFrame(read(rows, number, BAD), columns=list("abc"))
        if name in OF_DOCUMENTS:
            return "word" + frame.round(0).astype(int).abs().astype(str)
        return frame.astype("datetime64[s]") if name == "DatetimeEncoder" else frame.round(1)

    def part_of_counts(number):
        return part(number).abs()

    counts = get_tags(model).input_tags.positive_only
    make = part_of_counts if counts else part
    X = dd.from_map(make, range(N), meta=make(1))
    if name in OF_DOCUMENTS:
        X = X["a"]
    elif name != "DatetimeEncoder":
        X = X.to_dask_array(lengths=[ROWS] * N)
    if name == "ParallelPostFit":
        pytest.skip("it fits in memory")
    with dask.config.set(SKIP):
        y = amounts if name == "GammaRegressor" else labels
        model.fit(*([lazy(labels, BAD)] if name in MADE_OF_LABELS else [X, lazy(y)]))
    reads = not isinstance(model, StatelessTransformer) and name not in READ_NOTHING
    assert model.n_blocks_skipped_ == (len(BAD) if reads else 0)


class Killed(BaseException):
    """The end of a process."""


@pytest.mark.parametrize("what", [n for n in CASES if n != "clusters"])
@pytest.mark.parametrize("at", [3, 7, 20])
@pytest.mark.parametrize("source", [False, True])
def test_a_checkpoint_goes_on_with_the_same_bits(what, at, source, tmp_path: Path):
    fails = [True]

    def row_block(number):
        if fails[0] and number == at:
            raise Killed
        return read(rows, number, BAD)

    def block(number):
        return row_block(number), labels(number)

    def fit():
        model = CASES[what]().set_callbacks(FitCheckpoint(tmp_path / "fit", resume=True))
        if source:
            parts = from_blocks(lambda: map(block, range(N)))
        else:
            parts = lazy(row_block), lazy(labels)
        return model.fit(*parts)

    segment = {"streamlearn.segment": 4, "scheduler": "sync"}
    with dask.config.set({**SKIP, **segment}):
        if source:
            wanted = CASES[what]().fit(*streamed(BAD))
        else:
            wanted = CASES[what]().fit(lazy(rows, BAD), lazy(labels))
        with pytest.raises(Killed):
            fit()
        fails[0] = False
        found = fit()
    assert found.n_blocks_skipped_ == len(BAD)
    assert_same_bits(found, wanted)


ANSWERS = {
    "predict": lambda model, X: model.predict(X),
    "a step after it": lambda model, X: (model.decision_function(2 * X + 1) > 0).sum(),
    "a part": lambda model, X: model.predict(X)[5 * ROWS + 1 :],
    "rows": lambda model, X: model[0].transform(X),
    "a frame": lambda model, X: copy(model[0]).set_output(transform="pandas").transform(X),
    "joined columns": lambda model, X: model.predict(X.rechunk((ROWS, 2))),
}


@pytest.mark.parametrize("scheduler", ["sync", "threads"])
@pytest.mark.parametrize("how", [{}, SKIP])
@pytest.mark.parametrize("what", ANSWERS)
def test_an_answer_for_a_bad_block_names_it(what, how, scheduler):
    model = make_pipeline(StandardScaler(), SGDClassifier(**SEED)).fit(lazy(rows), lazy(labels))
    with dask.config.set({**how, "scheduler": scheduler}):
        with pytest.raises(OSError, match="disk 5") as raised:
            ANSWERS[what](model, lazy(rows, (5,))).compute()
        assert "block 5 of X, which could not be computed" in raised.value.__notes__[0]
        with pytest.raises(OSError, match="disk 5") as raised:
            model.score(lazy(rows, (5,)), lazy(labels))
        assert "block 5 of y_pred and y_true" in raised.value.__notes__[0]


@pytest.mark.parametrize("how", [{}, SKIP])
def test_an_answer_for_a_bad_block_of_a_source_names_it(how):
    model = SGDClassifier(**SEED).fit(lazy(rows), lazy(labels))
    X, y = streamed((5,))
    with dask.config.set(how):
        for ask in (lambda: list(model.predict(X)), lambda: model.score(X, y)):
            with pytest.raises(OSError, match="disk 5") as raised:
                ask()
            assert raised.value.__notes__[0].startswith("In block 5")


def frame_of(bad: tuple[int, ...] = (), seen: list[int] | None = None) -> Any:
    """Return a dask frame, whose bad partitions cannot be read. Reads are noted in ``seen``."""
    dd = pytest.importorskip("dask.dataframe")

    def part(number: int) -> Any:
        if seen is not None:
            seen.append(number)
        return pd.DataFrame(read(rows, number, bad), columns=list("abc"))

    meta = pd.DataFrame(rows(0), columns=list("abc")).iloc[:0]
    return dd.from_map(part, range(N), meta=meta)


ANSWERS_OF_FRAMES = {
    "predict": lambda model, X: model.predict(X),
    "a step after it": lambda model, X: (model.decision_function(2 * X + 1) > 0).sum(),
    "a part": lambda model, X: model.predict(X).partitions[5],
    "rows": lambda model, X: model[0].transform(X),
    "a frame": lambda model, X: copy(model[0]).set_output(transform="pandas").transform(X),
    "a column more": lambda model, X: X.assign(p=model.predict(X)),
}


@pytest.mark.parametrize("scheduler", ["sync", "threads"])
@pytest.mark.parametrize("what", ANSWERS_OF_FRAMES)
def test_an_answer_for_a_bad_partition_of_a_frame_names_it(what, scheduler):
    X = frame_of()
    model = make_pipeline(StandardScaler(), SGDClassifier(**SEED)).fit(X, X["a"] > 0)
    with dask.config.set(scheduler=scheduler), pytest.raises(OSError, match="disk 5") as raised:
        ANSWERS_OF_FRAMES[what](model, frame_of((5,))).compute()
    assert "block 5 of X, which could not be computed" in raised.value.__notes__[0]


def test_the_names_of_partitions_change_no_result_and_no_sharing():
    seen: list[int] = []
    X = frame_of(seen=seen)
    model = SGDClassifier(**SEED).fit(X, X["a"] > 0)
    wanted = model.predict(X.compute())
    ask = {
        "one": lambda: [model.predict(X)],
        "two": lambda: [model.predict(X), model.decision_function(X)],
        "a column more": lambda: [X.assign(p=model.predict(X))["p"]],
        "and a sum": lambda: [model.predict(X), X.sum()],
    }
    for what, answers in ask.items():
        seen.clear()
        with dask.config.set(scheduler="sync"):
            found = dask.compute(*answers())
        np.testing.assert_array_equal(found[0], wanted)
        assert sorted(seen) == list(range(N)), what
    seen.clear()
    assert len(model.predict(X).partitions[5].compute(scheduler="sync"))
    assert seen == [5]


def test_the_names_of_blocks_change_no_result_and_no_sharing():
    read_blocks = []

    def counted(number):
        read_blocks.append(number)
        return rows(number)

    model = StandardScaler().fit(lazy(rows))
    read_blocks.clear()
    X = lazy(counted)
    read_blocks.clear()
    made, raw = dask.compute(model.transform(X), X, scheduler="sync")
    assert sorted(read_blocks) == list(range(N))
    np.testing.assert_array_equal(made, model.transform(raw))


def declared(number):
    """Return rows, of which one block has fewer than its chunk declares."""
    return rows(number)[: 29 if number == 5 else ROWS]


SHORT = (
    r"Block 5 of X has 29 rows, and its chunk declares 30. Find the lengths with "
    r"X.compute_chunk_sizes\(\), or declare chunks of unknown length"
)


@pytest.mark.parametrize("what", CASES)
def test_a_fit_does_not_learn_from_other_rows_than_a_chunk_declares(what):
    y = lazy(lambda number: labels(number)[: 29 if number == 5 else ROWS])
    with pytest.raises(ValueError, match=SHORT.replace("X", "[Xy]")):
        CASES[what]().fit(lazy(declared), y)


def test_the_advice_about_a_short_block_works():
    X = lazy(declared)
    model = StandardScaler().fit(lazy(rows))
    with pytest.raises(ValueError, match=SHORT):
        model.transform(X).compute()
    unknown = da.concatenate(
        [da.from_delayed(dask.delayed(declared)(i), (np.nan, 3), float) for i in range(N)],
        allow_unknown_chunksizes=True,
    )
    X.compute_chunk_sizes()
    wanted = np.concatenate([declared(i) for i in range(N)])
    for collection in (X, unknown):
        np.testing.assert_array_equal(model.transform(collection), model.transform(wanted))
        np.testing.assert_array_equal(
            StandardScaler().fit(collection).mean_, StandardScaler().fit(X).mean_
        )


def test_a_fit_that_a_bad_block_ended_goes_on_without_it(tmp_path):
    def fit():
        keep = FitCheckpoint(tmp_path / "fit", resume=True)
        model = CASES["fold"]().set_callbacks(keep)
        return model.fit(lazy(rows, (21,)), lazy(labels))

    with dask.config.set({"streamlearn.segment": 4, "scheduler": "sync"}):
        with pytest.raises(OSError, match="disk 21"):
            fit()
        with dask.config.set(SKIP):
            found = fit()
            wanted = CASES["fold"]().fit(lazy(rows, (21,)), lazy(labels))
    assert found.n_blocks_skipped_ == 1
    assert_same_bits(found, wanted)


def test_the_warning_about_left_out_blocks_names_the_line_of_the_fit():
    model = SGDRegressor(random_state=0)
    with dask.config.set(SKIP), pytest.warns(UserWarning, match="The fit left out") as seen:
        model.fit(lazy(rows, BAD), lazy(labels))
    (left_out,) = [each for each in seen if "left out" in str(each.message)]
    assert left_out.filename == __file__
