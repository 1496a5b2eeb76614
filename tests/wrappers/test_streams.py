"""Few blocks are in memory at a time while a wrapped estimator learns, on every scheduler."""

from __future__ import annotations

import os
import time
from pathlib import Path

import dask
import dask.array as da
import numpy as np
import pytest
from sklearn import linear_model, preprocessing
from sklearn.base import BaseEstimator

from streamlearn.wrappers import Incremental, ParallelPostFit
from tests.blocks import tracking
from tests.blocks.conftest import LOCAL
from tests.blocks.tracking import COLUMNS, LAYOUTS, plain
from tests.wrappers.learners import CLASSES, Y, assert_same, by_hand, wrap
from tests.wrappers.learners import X as ROWS

WINDOWS = {"sync": 2, "threads-1": 2, "threads-2": 2, "threads-8": 8}


class Slow(BaseEstimator):
    """Sums rows, slower than blocks load; keeps nothing of them."""

    def partial_fit(self, X, y=None):
        time.sleep(0.001)
        self.total_ = getattr(self, "total_", 0.0) + float(X.sum())
        return self


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", LOCAL)
def test_a_window_of_blocks_is_alive(name, layout):
    """100 blocks, over the border of a segment, counted where they are born and die."""
    tracking.drain()
    rows = LAYOUTS[layout](100)
    with dask.config.set(LOCAL[name]):
        model = Incremental(Slow(), shuffle=False).fit(rows)
    assert model.total_ == tracking.rows(0, 500).sum()
    assert tracking.peak(tracking.drain()) <= WINDOWS[name] + 1


def test_a_window_of_blocks_is_alive_while_blocks_are_held_out_and_scored():
    tracking.drain()
    rows = plain(60)
    model = Incremental(
        Slow(), scoring=lambda estimator, X, y: -abs(X.sum()), patience=2, random_state=0
    )
    with dask.config.set(scheduler="threads", num_workers=2):
        model.set_params(max_iter=3, tol=None).fit(rows)
    assert tracking.peak(tracking.drain()) <= 3
    assert len(model.validation_scores_) == 3


class Noting(BaseEstimator):
    """Notes in a file when it learns from which row on, whatever process that is in."""

    def __init__(self, path=None):
        self.path = path

    def partial_fit(self, X, y=None):
        note(self.path, "learn", int(X[0, 0]))
        self.starts_ = [*getattr(self, "starts_", []), int(X[0, 0])]
        return self


def note(path, what, start):
    file = os.open(path, os.O_APPEND | os.O_WRONLY | os.O_CREAT)
    os.write(file, f"{time.time()} {what} {start}\n".encode())
    os.close(file)


def load(path, start, seconds):
    time.sleep(seconds)
    note(path, "load", start * COLUMNS)
    return tracking.rows(start, 5)


def noted(path: Path, n: int, seconds: float = 0.0):
    return da.concatenate(
        [
            da.from_delayed(
                dask.delayed(load, pure=False)(str(path), k, seconds), (5, COLUMNS), float
            )
            for k in range(0, 5 * n, 5)
        ]
    )


def ahead(path: Path) -> int:
    """Return the largest number of blocks that were loaded and not learned from yet."""
    lines = sorted(line.split() for line in path.read_text().splitlines())
    changes = [1 if what == "load" else -1 for _, what, _ in lines]
    assert sum(changes) == 0
    return int(np.max(np.cumsum(changes)))


@pytest.mark.thorough
def test_processes_do_not_read_further_ahead(importable_tests, tmp_path):
    """A pool of processes starts in seconds, so that one is made for all that is asked of it."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    context = multiprocessing.get_context("spawn")
    model = Incremental(Noting(str(tmp_path / "notes")), shuffle=False)
    learner = linear_model.SGDClassifier(random_state=0)
    with (
        ProcessPoolExecutor(2, mp_context=context) as pool,
        dask.config.set({"scheduler": "processes", "pool": pool, "streamlearn.segment": 15}),
    ):
        model.fit(noted(tmp_path / "notes", 20))
        same = Incremental(learner, shuffle=False).fit(wrap(ROWS), wrap(Y))
        out = same.predict(wrap(ROWS)).compute()
        with pytest.raises(ValueError, match="broken") as caught:
            Incremental(Broken(), shuffle=False).fit(wrap(ROWS))
    assert model.starts_ == [5 * k * COLUMNS for k in range(20)]
    assert ahead(tmp_path / "notes") <= 3
    assert_same(same.estimator_, by_hand(learner, ROWS, Y))
    np.testing.assert_array_equal(out, same.estimator_.predict(ROWS))
    assert caught.value.__notes__ == ["In block 2, when it was learned from."]


class Broken(BaseEstimator):
    """Breaks at the block of 21 rows."""

    def partial_fit(self, X, y=None):
        if len(X) == 21:
            raise ValueError("broken")
        return self


# On a cluster


@pytest.mark.thorough
def test_on_a_cluster_the_same_bits(client, learner):
    estimator, rows, target = learner
    data = [
        None if a is None else da.from_array(a, chunks=(30, *a.shape[1:])) for a in (rows, target)
    ]
    model = Incremental(estimator, random_state=0, max_iter=2)
    here = {"scheduler": "sync"}
    on_cluster = model.fit(*data).estimator_
    with dask.config.set(here):
        assert_same(on_cluster, model.fit(*data).estimator_)
    persisted = [None if a is None else a.persist() for a in data]
    assert_same(on_cluster, model.fit(*persisted).estimator_)
    name = "predict" if hasattr(model, "predict") else "transform"
    out = getattr(model, name)(persisted[0])
    np.testing.assert_allclose(out.compute(), getattr(on_cluster, name)(rows), rtol=1e-9)
    if hasattr(model, "score") and target is not None:
        assert model.score(*data) == pytest.approx(model.score(rows, target))


@pytest.mark.thorough
def test_on_a_cluster_blocks_are_not_read_further_ahead(client, tmp_path):
    """A load is let in when the scheduler hears of a step, so that loads take a while here."""
    model = Incremental(Noting(str(tmp_path / "notes")), shuffle=False)
    model.fit(noted(tmp_path / "notes", 40, seconds=0.02))
    assert model.starts_ == [5 * k * COLUMNS for k in range(40)]
    assert ahead(tmp_path / "notes") <= 6 + 1


@pytest.mark.thorough
def test_on_a_cluster_epochs_scores_and_errors(client):
    chunks = (20,) * 10
    rows, target = (da.from_array(a, chunks=(20, *a.shape[1:])) for a in (ROWS, Y))
    model = Incremental(
        linear_model.SGDClassifier(random_state=0),
        classes=CLASSES,
        max_iter=3,
        tol=None,
        patience=3,
        random_state=0,
    )
    scores = model.fit(rows, target).validation_scores_
    with dask.config.set(scheduler="sync"):
        assert model.fit(rows, target).validation_scores_ == scores
    with pytest.raises(ValueError, match="broken") as caught:
        Incremental(Broken(), shuffle=False).fit(wrap(ROWS))
    assert caught.value.__notes__ == ["In block 2, when it was learned from."]
    assert len(chunks) == rows.numblocks[0]
    scaled = ParallelPostFit(preprocessing.StandardScaler().fit(ROWS)).transform(rows)
    np.testing.assert_allclose(scaled.mean(axis=0).compute(), 0, atol=1e-12)


def deadly(path, k):
    """Kill the process that loads block 7, the first time."""
    if k == 7 * 20 and not os.path.exists(path):
        note(path, "died", k)
        os.kill(os.getpid(), 9)
    return ROWS[k : k + 20]


@pytest.mark.thorough
def test_a_worker_that_dies_does_not_let_it_learn_twice(client, tmp_path):
    path = str(tmp_path / "died")
    rows = da.concatenate(
        [
            da.from_delayed(dask.delayed(deadly, pure=False)(path, k), (20, 4), float)
            for k in range(0, 200, 20)
        ]
    )
    target = da.from_array(Y, chunks=20)
    model = Incremental(linear_model.SGDClassifier(random_state=0), shuffle=False, classes=CLASSES)
    got = model.fit(rows, target).estimator_
    assert os.path.exists(path)
    with dask.config.set(scheduler="sync"):
        assert_same(got, model.fit(rows, target).estimator_)
