"""Progress, records and scikit-learn's callbacks of fits on a cluster."""

from __future__ import annotations

import io
import time

import dask
import dask.array as da
import numpy as np
import pytest

from streamlearn.diagnostics import FitProgress, FitRecorder
from streamlearn.linear_model import SGDClassifier
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler
from tests.test_callbacks import names

pytest.importorskip("distributed", reason="distributed is an extra")
utils = pytest.importorskip("sklearn.callback.tests._utils")

N_BLOCKS, ROWS = 12, 50


def table() -> tuple[da.Array, da.Array]:
    X = da.random.default_rng(0).normal(size=(N_BLOCKS * ROWS, 3), chunks=(ROWS, 3))
    X = X.map_blocks(slowly, dtype=float)
    return X, X[:, 0] > 0


def slowly(block: np.ndarray) -> np.ndarray:
    time.sleep(0.02)
    return block


def model() -> SGDClassifier:
    return SGDClassifier(loss="log_loss", random_state=0, max_iter=2, tol=None)


def test_a_fit_is_recorded_and_shown(client, tmp_path):
    recorder, out, seen = FitRecorder(), io.StringIO(), utils.RecordingCallback()
    shown = FitProgress(out, interval=1e9)  # only the last line of a pass
    pipe = make_pipeline(StandardScaler(), model())
    with dask.config.set({"streamlearn.segment": 5}):
        pipe.set_callbacks(recorder, shown, seen).fit(*table())
    frame = recorder.frame()
    assert frame.groupby("pass")["name"].first().tolist() == ["labels", "epoch", "epoch"]
    for _, one in frame.groupby("pass"):
        assert sorted(one["block"]) == list(range(N_BLOCKS))
    addresses = set(client.nthreads())
    for column in ("load_worker", "learn_worker"):
        assert {worker.split()[0] for worker in frame[column]} <= addresses
    assert len(frame["load_worker"].unique()) > 1
    epochs = frame[frame["name"] == "epoch"]
    assert sorted(epochs["loss"]) == sorted(pipe[-1].loss_curve_)
    recorder.to_html(tmp_path / "fit.html")
    assert [line.partition(":")[0] for line in out.getvalue().splitlines()] == [
        *("Pipeline labels", "Pipeline epoch 1", "Pipeline epoch 2"),
    ]
    assert sum(name.startswith("block") for name in names(seen, "on_fit_task_end")) == 3 * N_BLOCKS


def test_watching_changes_no_bit(client):
    bare = model().fit(*table())
    watched = model().set_callbacks(FitRecorder()).fit(*table())
    np.testing.assert_array_equal(bare.coef_, watched.coef_)
