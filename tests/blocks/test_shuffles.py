"""Frames that were shuffled, merged or sorted: each row once, with its target, in a fixed order."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
import warnings
from collections.abc import Iterator
from functools import partial
from types import SimpleNamespace

import dask
import dask.array as da
import numpy as np
import pytest

from streamlearn.blocks import Block, align, groups, map_rows, reduce
from tests.blocks import tracking
from tests.blocks.tracking import happened, left_on, run

dd = pytest.importorskip("dask.dataframe", reason="dask DataFrames are an extra")
pd = pytest.importorskip("pandas")

PARTS, ROWS = 7, 40


def part(i: int) -> pd.DataFrame:
    """Read a source: rows in any order, each with a target that tells it."""
    tracking.events += [tracking.Event(time.time(), change, "source", i) for change in (1, -1)]
    draws = np.random.default_rng(i)
    x = draws.permutation(np.arange(i * ROWS, (i + 1) * ROWS)).astype(float)
    return pd.DataFrame({"k": x.astype(int) * 7 % 50, "x": x, "t": draws.random(ROWS), "y": -x})


def frame() -> dd.DataFrame:
    """Return a dask frame of tracked sources."""
    return dd.from_map(part, range(PARTS), meta=part(0).iloc[:0])


def levels() -> dd.DataFrame:
    """Return a row for each value of k."""
    return dd.from_pandas(pd.DataFrame({"k": range(50), "v": np.arange(50.0)}), npartitions=3)


SHUFFLED = {
    "shuffled": lambda d: d.shuffle("k"),
    "merged": lambda d: d.merge(levels(), on="k", broadcast=False),
    "set_index'ed": lambda d: d.set_index("k"),
    "de-duplicated": lambda d: d.drop_duplicates(split_out=5),
    "merged and sorted": lambda d: d.merge(levels(), on="k", broadcast=False).sort_values("t"),
    "persisted": lambda d: d.shuffle("k").persist(),
}


def one_array(d: dd.DataFrame) -> tuple:
    """Slice X and y from one array."""
    Xy = d[["x", "y"]].to_dask_array()
    return Xy[:, :1], Xy[:, 1]


GIVEN = {
    "frames": lambda d: (d[["x"]], d["y"]),
    "one array": one_array,
    "two arrays": lambda d: (d[["x"]].to_dask_array(), d["y"].to_dask_array()),
}


@pytest.fixture(params=["threads", "cluster"])
def where(request: pytest.FixtureRequest) -> Iterator[SimpleNamespace]:
    """Shuffle by disk on threads, by P2P on a cluster."""
    if request.param == "threads":
        # By default dask shuffles by P2P once a client is there, whatever the scheduler is.
        threads = {"scheduler": "threads", "num_workers": 3, "dataframe.shuffle.method": "disk"}
        with dask.config.set(threads):
            yield SimpleNamespace(name="threads", events=tracking.drain)
        return
    client = request.getfixturevalue("client")
    client.run(tracking.drain)
    yield SimpleNamespace(name="cluster", events=partial(happened, client))


def columns(block: Block) -> list[np.ndarray]:
    """Take a block's parts as they are."""
    return [np.array(part).reshape(len(part)) for part in block.parts.values()]


def kept(state: int, parts: list[np.ndarray]) -> tuple[int, list[np.ndarray]]:
    """Report each block."""
    return state + 1, parts


SHORT = {"streamlearn.segment": 3}


def rows_of(blocks, **options) -> np.ndarray:
    """Return the rows of X and y in the order of one pass."""
    with dask.config.set(SHORT):
        return rows_of_pass(blocks, **options)


def rows_of_pass(blocks, **options) -> np.ndarray:
    """Return the same in the settings of the caller. Threads share them, and cannot set them."""
    _, records = run(kept, 0, blocks, prepare=columns, **options)
    x, y = (np.concatenate(p) for p in zip(*(r.report for r in records if r.rows), strict=True))
    return np.stack([x, y])


@pytest.mark.filterwarnings("ignore:More of the data:UserWarning")  # what dask shuffles in memory
@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.parametrize("shuffle", SHUFFLED)
def test_every_row_comes_once_with_its_target_in_each_pass(where, shuffle, given):
    X, y = GIVEN[given](SHUFFLED[shuffle](frame()))
    blocks = align(X=X, y=y)
    x, target = first = rows_of(blocks)
    np.testing.assert_array_equal(np.sort(x), np.arange(PARTS * ROWS))
    np.testing.assert_array_equal(target, -x)
    if shuffle == "persisted":
        return
    # In another pass, and in another fit, the rows come in the same order.
    np.testing.assert_array_equal(rows_of(blocks), first)
    np.testing.assert_array_equal(rows_of(align(X=X, y=y)), first)
    total = reduce(sums, np.add, blocks)
    np.testing.assert_array_equal(total, [x.sum(), -x.sum()])


APART = {
    "X persisted": lambda d, lazy, kept: (kept[["x"]], lazy["y"]),
    "y persisted": lambda d, lazy, kept: (lazy[["x"]], kept["y"]),
    "arrays": lambda d, lazy, kept: (lazy[["x"]].to_dask_array(), kept["y"].to_dask_array()),
    "y not shuffled": lambda d, lazy, kept: (lazy[["x"]], d["y"]),
    "X not shuffled": lambda d, lazy, kept: (d[["x"]], lazy["y"]),
}


@pytest.mark.parametrize("given", APART)
def test_parts_that_were_shuffled_apart_warn(where, given):
    """Nobody can know whether their rows belong together."""
    d = frame()
    X, y = APART[given](d, d.shuffle("k"), d.shuffle("k").persist())
    message = "(X|y) comes from a shuffle of a frame .*, and (X|y) does not come from the same one"
    with pytest.warns(UserWarning, match=message):
        align(X=X, y=y)


TOGETHER = {
    "as the advice has it": lambda d, lazy, kept: (kept[["x"]], kept["y"]),
    "two files of unknown lengths": lambda d, lazy, kept: (d[["x"]], frame()["y"]),
    "a frame and an array": lambda d, lazy, kept: (lazy[["x"]], lazy["y"].to_dask_array()),
    "one array": lambda d, lazy, kept: one_array(lazy),
    "a statistic": lambda d, lazy, kept: (lazy[["x"]] - d["x"].mean(), lazy["y"]),
    "one more shuffle of both": lambda d, lazy, kept: one_array(lazy.shuffle("x")),
    "a lazy answer": lambda d, lazy, kept: (
        lazy[["x"]],
        map_rows(double, lazy[["x"]], meta=np.empty(0)),
    ),
}


@pytest.mark.parametrize("given", TOGETHER)
def test_parts_of_the_same_rows_do_not_warn(where, given):
    d = frame()
    X, y = TOGETHER[given](d, d.shuffle("k"), d.shuffle("k").persist())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        align(X=X, y=y)


def test_a_rechunk_by_p2p_does_not_warn(client):
    with dask.config.set({"array.rechunk.method": "p2p"}):
        X = da.from_array(tracking.rows(0, 60), chunks=(20, 1)).rechunk((7, 2))
    assert any("barrier" in str(key) for key in X.__dask_graph__())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        align(X=X, y=da.arange(60, chunks=7))


def sums(block: Block) -> np.ndarray:
    """Sum each part."""
    return np.array([np.asarray(part).sum() for part in block.parts.values()])


def test_a_source_is_read_once_for_all_passes(where):
    """The shuffle is a pass of its own; the rows then come from disk."""
    blocks = align(X=frame().merge(levels(), on="k", broadcast=False)[["x", "y"]])
    where.events()
    for _ in range(2):
        run(tracking.see, 0, blocks)
    reduce(sums, np.add, blocks)
    assert tracking.reads(where.events()) == list(range(PARTS))


def test_no_more_than_the_window_is_in_memory_and_nothing_warns_of_it(where):
    X = frame().shuffle("k")[["x", "y"]].to_dask_array()
    X = X.map_blocks(partial(tracking.copied, seconds=0.02), dtype=float, meta=np.empty((0, 0)))
    blocks = align(X=X)
    assert groups(blocks.plan) == [[i] for i in range(len(blocks))]  # they shuffle one by one
    with dask.config.set({"streamlearn.window": 2}), warnings.catch_warnings():
        warnings.simplefilter("error")
        run(tracking.slow, 0.0, blocks)
    events = [e for e in where.events() if e.what == "block"]
    assert len(events) == 2 * len(blocks)
    assert tracking.peak(events) <= 2 + 1


@pytest.mark.thorough
def test_passes_over_one_shuffled_frame_do_not_meet(client):
    """Each has a shuffle of its own, where dask's names would be the same."""
    d = frame().merge(levels(), on="k", broadcast=False)
    found = {}

    def go(number):
        found[number] = rows_of_pass(align(X=d[["x"]], y=d["y"]))

    threads = [threading.Thread(target=go, args=(i,)) for i in range(3)]
    with dask.config.set(SHORT):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for rows in found.values():
        np.testing.assert_array_equal(rows, found[0])


@pytest.mark.thorough
def test_rechunks_by_p2p(client):
    with dask.config.set({"array.rechunk.method": "p2p"}):
        x = tracking.rows(0, 60)
        apart = da.from_array(x, chunks=(20, 1))
        X, y = apart.rechunk((7, 2)), apart[:, 0].rechunk(7)
        assert any("barrier" in str(key) for key in X.__dask_graph__())
        assert any("barrier" in str(key) for key in y.__dask_graph__())
    _, records = run(tracking.see, 0, align(X=X, y=y))
    found = [np.concatenate(parts) for parts in zip(*(r.report for r in records), strict=True)]
    np.testing.assert_array_equal(found[0], x)
    np.testing.assert_array_equal(found[1], x[:, 0])


def test_lazy_answers_of_a_shuffled_frame_are_of_its_rows(where):
    d = frame().merge(levels(), on="k", broadcast=False)
    twice = map_rows(double, d[["x"]], meta=np.empty(0))
    x, answers = rows_of(align(X=d[["x"]], y=twice))
    np.testing.assert_array_equal(answers, 2 * x)
    np.testing.assert_array_equal(np.sort(twice.compute()), 2 * np.arange(PARTS * ROWS))


def double(block):
    return 2 * np.asarray(block).reshape(len(block))


def failing(state: int, parts: tuple) -> tuple:
    if state == 4:
        raise FloatingPointError("four blocks are enough")
    return state + 1, None


@pytest.mark.parametrize("ends", ["at the end", "by an error", "before the end"])
def test_a_pass_leaves_no_shuffle_behind(client, ends):
    blocks = align(X=frame().merge(levels(), on="k", broadcast=False)[["x"]])
    with dask.config.set(SHORT), contextlib.suppress(FloatingPointError):
        if ends == "before the end":
            ongoing = tracking.segments(kept, 0, blocks, prepare=columns)
            next(ongoing)
            ongoing.close()
        else:
            run(failing if ends == "by an error" else kept, 0, blocks, prepare=columns)
    if ends == "at the end":
        del blocks  # another pass could still come
    assert left_on(client) == []


def deadly(marker, state, parts):
    """Kill the process that learns from the sixth block, the first time."""
    if state == 5 and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return kept(state, parts)


@pytest.mark.thorough
def test_a_worker_that_dies_changes_no_row(client, tmp_path):
    """dask shuffles again what lay on its disk."""
    d = frame().merge(levels(), on="k", broadcast=False)
    blocks = align(X=d[["x"]], y=d["y"])
    expected = rows_of(blocks)
    _, records = run(partial(deadly, tmp_path / "died"), 0, blocks, prepare=columns)
    assert (tmp_path / "died").exists()
    found = [np.concatenate(p) for p in zip(*(r.report for r in records if r.rows), strict=True)]
    np.testing.assert_array_equal(found, expected)


def test_an_error_in_a_source_of_a_shuffle_comes_out_as_it_is(where):
    d = dd.from_map(unreadable, range(PARTS), meta=part(0).iloc[:0]).shuffle("k")
    with pytest.raises(FileNotFoundError, match=r"part-3\.parquet"):
        reduce(sums, np.add, align(X=d[["x"]]))


def unreadable(i):
    if i == 3:
        raise FileNotFoundError(2, "No such file", f"part-{i}.parquet")
    return part(i)


@pytest.mark.thorough
def test_processes_shuffle_by_disk(importable_tests):
    d = frame().shuffle("k")
    with dask.config.set(
        {"scheduler": "processes", "num_workers": 2, "dataframe.shuffle.method": "disk"}
    ):
        x, y = rows_of(align(X=d[["x"]], y=d["y"]))
    np.testing.assert_array_equal(np.sort(x), np.arange(PARTS * ROWS))
    np.testing.assert_array_equal(y, -x)
