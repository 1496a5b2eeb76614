"""Blocks that workers cannot read: they are left out, or tried again as ``retries`` says."""

from __future__ import annotations

import dask
import dask.array as da
import numpy as np
import pytest

from streamlearn.blocks.schedule import Schedule
from streamlearn.diagnostics import FitRecorder
from streamlearn.linear_model import SGDClassifier
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler

pytest.importorskip("distributed", reason="distributed is an extra")

N, ROWS, BAD = 30, 20, (0, 4, 5, 29)
SKIP = {"streamlearn.on-bad-block": "skip"}

pytestmark = pytest.mark.filterwarnings("ignore:The fit left out")


def rows(number: int) -> np.ndarray:
    return np.random.default_rng(number).normal(size=(ROWS, 3))


def read(folder, number: int, fails: int) -> np.ndarray:
    """Return rows, but fail the first times."""
    with (folder / str(number)).open("a") as file:
        file.write("x")
    if (folder / str(number)).stat().st_size <= fails:
        raise OSError(f"disk {number}")
    return rows(number)


def table(folder, fails: int, bad=BAD):
    """Return X, of which some blocks cannot be read the first times, and y."""
    parts = [
        dask.delayed(read, pure=False)(folder, number, fails if number in bad else 0)
        for number in range(N)
    ]
    X = da.concatenate([da.from_delayed(part, (ROWS, 3), float) for part in parts])
    y = np.concatenate([rows(number)[:, 0] > 0 for number in range(N)])
    return X, y


MODELS = {
    "one after the other": lambda: SGDClassifier(
        learning_rate="optimal", classes=[0, 1], random_state=0
    ),
    "side by side": lambda: SGDClassifier(
        learning_rate="optimal", n_parallel=3, classes=[0, 1], random_state=0
    ),
    "a tree": StandardScaler,
    "one pass": lambda: make_pipeline(
        StandardScaler(), SGDClassifier(classes=[0, 1], random_state=0)
    ),
}


def learned(model):
    model = model[-1] if hasattr(model, "steps") else model
    return model.coef_ if hasattr(model, "coef_") else model.mean_


@pytest.mark.parametrize("what", MODELS)
def test_workers_leave_out_what_threads_leave_out(client, what, tmp_path):
    recorder = FitRecorder()
    found = MODELS[what]().set_callbacks(recorder)
    with dask.config.set(SKIP):
        found.fit(*table(tmp_path, 99))
        with dask.config.set(scheduler="threads"):
            wanted = MODELS[what]().fit(*table(tmp_path, 999))
    assert found.n_blocks_skipped_ == wanted.n_blocks_skipped_ == len(BAD)
    np.testing.assert_array_equal(learned(found), learned(wanted))
    frame = recorder.frame()
    assert sorted(frame["block"][frame["error"] != ""]) == list(BAD)


@pytest.mark.parametrize("what", MODELS)
@pytest.mark.parametrize("how", [{}, SKIP])
def test_what_fails_now_and_then_is_tried_again(client, what, how, tmp_path, monkeypatch):
    joined = []
    method = Schedule.joined
    monkeypatch.setattr(Schedule, "joined", lambda *a: joined.append(1) or method(*a))
    with dask.annotate(retries=2):
        X, y = table(tmp_path, 2)
    with dask.config.set({**how, "optimization.fuse.active": False}):
        found = MODELS[what]().fit(X, y)
    assert found.n_blocks_skipped_ == 0
    assert {(tmp_path / str(number)).stat().st_size for number in BAD} == {3}
    assert bool(joined) == (what == "side by side")  # a load and its sums are one task
    wanted = MODELS[what]().fit(*table(tmp_path, 0))
    np.testing.assert_array_equal(learned(found), learned(wanted))


def test_after_its_last_try_a_block_is_left_out(client, tmp_path):
    with dask.annotate(retries=2):
        X, _ = table(tmp_path, 3)
    with dask.config.set(SKIP):
        assert StandardScaler().fit(X).n_blocks_skipped_ == len(BAD)
    assert {(tmp_path / str(number)).stat().st_size for number in BAD} == {3}
