"""The display of a fit's progress."""

from __future__ import annotations

import io
import pickle
from types import SimpleNamespace

import dask.array as da
import numpy as np
import pytest

from streamlearn.blocks import from_blocks
from streamlearn.diagnostics import FitProgress
from streamlearn.linear_model import SGDClassifier, SGDRegressor
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler

X = da.random.default_rng(0).normal(size=(100, 3), chunks=(10, 3))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def said(estimator, *, terminal: bool = False, **how) -> str:
    out = Terminal() if terminal else io.StringIO()
    estimator.set_callbacks(FitProgress(out, **{"interval": 1e9, **how})).fit(X, X[:, 0] > 0)
    return out.getvalue()


def test_a_pass_is_one_line_in_a_file():
    pipe = make_pipeline(StandardScaler(), SGDClassifier(random_state=0, max_iter=2, tol=None))
    lines = said(pipe).splitlines()
    passes = ["labels", "epoch 1", "epoch 2"]
    assert [line.split(" rows/s")[0].rpartition(", ")[0] for line in lines] == [
        f"Pipeline {name}: 100 %, 10 of 10 blocks, 100 rows" for name in passes
    ]


def test_the_line_of_a_terminal_changes():
    text = said(StandardScaler(), terminal=True, interval=0.0)
    assert text.count("\n") == 1
    updates = text.split("\r")[1:]
    assert len(updates) == 11
    assert "[#####" in updates[4]
    assert "5 of 10 blocks, 50 rows" in updates[4]
    assert " left" in updates[4]
    assert " left" not in updates[-1]


@pytest.mark.parametrize(
    ("seconds", "says"),
    [
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (125.4, "2 min 05 s"),
        (3599.7, "1 h 00 min"),
        (12_000, "3 h 20 min"),
    ],
)
def test_a_duration_is_in_units_that_a_person_reads(seconds, says, monkeypatch):
    now = iter([0.0, *[seconds] * 20])
    clock = SimpleNamespace(monotonic=lambda: next(now))
    monkeypatch.setattr("streamlearn.diagnostics.progress.time", clock)
    assert f", {says}" in said(StandardScaler())


def test_blocks_of_unknown_number_are_counted():
    out = io.StringIO()
    scaler = StandardScaler().set_callbacks(FitProgress(out, interval=1e9))
    scaler.fit(from_blocks([np.ones((5, 2)), np.zeros((4, 2))]))
    assert out.getvalue().startswith("StandardScaler statistics: 2 blocks, 9 rows, ")


def test_epochs_in_memory_are_one_line():
    out = io.StringIO()
    model = SGDRegressor(random_state=0, max_iter=30, tol=None)
    rows = np.asarray(X)
    model.set_callbacks(FitProgress(out, interval=1e9)).fit(rows, rows[:, 0])
    (line,) = out.getvalue().splitlines()
    assert line.startswith("SGDRegressor training: 100 %, 30 of at most 30 epochs, 3,000 rows, ")


def test_an_error_ends_the_line():
    out = io.StringIO()
    bad = da.where(da.arange(100, chunks=10)[:, None] == 75, np.inf, X)
    with pytest.raises(ValueError, match="infinity"):
        StandardScaler().set_callbacks(FitProgress(out, interval=1e9)).fit(bad)
    assert out.getvalue().endswith(", ended early\n")


def test_it_is_pickled_with_an_estimator():
    scaler = StandardScaler().set_callbacks(FitProgress()).fit(X)
    pickle.loads(pickle.dumps(scaler)).fit(X)
