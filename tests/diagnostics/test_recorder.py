"""Records of a fit's blocks, and the page that is made of them."""

from __future__ import annotations

import pickle
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser

import dask
import dask.array as da
import numpy as np
import pytest

from streamlearn.blocks import Record
from streamlearn.cluster import MiniBatchKMeans
from streamlearn.diagnostics import FitRecorder
from streamlearn.diagnostics import recorder as recorder_module
from streamlearn.diagnostics import report as reports
from streamlearn.linear_model import SGDClassifier, SGDRegressor
from streamlearn.neural_network import MLPRegressor
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler

pd = pytest.importorskip("pandas")

N_BLOCKS, ROWS = 20, 10
X = da.random.default_rng(0).normal(size=(N_BLOCKS * ROWS, 3), chunks=(ROWS, 3))
Y = X[:, 0] > 0
NAMES = ["<script>alert(1)</script>", "a & b", '"quoted"', "$x^2$ $", "plain"]


def recorded(estimator, *data, **how) -> FitRecorder:
    recorder = FitRecorder(**how)
    with dask.config.set({"streamlearn.segment": 8}):
        estimator.set_callbacks(recorder).fit(*(data or (X, Y)))
    return recorder


def model(**how):
    return SGDClassifier(loss="log_loss", random_state=0, tol=None, **how)


def test_a_row_a_block_of_every_pass():
    fitted = model(max_iter=2)
    frame = recorded(fitted).frame()
    assert frame.groupby("pass")["name"].first().tolist() == ["labels", "epoch", "epoch"]
    assert len(frame) == 3 * N_BLOCKS
    for _, one in frame.groupby("pass"):
        assert sorted(one["block"]) == list(range(N_BLOCKS))
        assert set(one["rows"]) == {ROWS}
    assert set(frame[frame["name"] == "epoch"]["bytes"]) == {ROWS * (3 * 8 + 1)}
    assert (frame["load_end"] >= frame["load_start"]).all()
    assert (frame["learn_start"] >= frame["load_end"] - 1e-3).all()
    assert (frame["learn_end"] >= frame["learn_start"]).all()


@pytest.mark.parametrize("shuffle", [True, False])
def test_losses_are_those_of_their_blocks(shuffle):
    """Also in rounds, in which blocks are done in any order."""
    fitted = model(shuffle=shuffle)
    frame = recorded(fitted).frame()
    epoch = frame[frame["name"] == "epoch"]
    assert sorted(epoch["loss"]) == sorted(fitted.loss_curve_)
    if not shuffle:
        in_order = epoch.sort_values("block")
        np.testing.assert_array_equal(in_order["loss"], fitted.loss_curve_)
    assert frame[frame["name"] == "labels"]["loss"].isna().all()


@pytest.mark.parametrize(
    "estimator",
    [
        StandardScaler(),
        MiniBatchKMeans(3, random_state=0),
        MLPRegressor(hidden_layer_sizes=(3,), random_state=0),
        make_pipeline(StandardScaler(), model()),
        make_pipeline(StandardScaler(), StandardScaler()),
    ],
)
@pytest.mark.parametrize("memory", [False, True])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_every_estimator_is_recorded_and_drawn(estimator, memory, tmp_path):
    data = (np.asarray(X), np.asarray(Y)) if memory else (X, Y)
    recorder = recorded(estimator, *data)
    assert recorder.n_blocks == len(recorder.frame()) > 0
    assert recorder.plot().axes
    recorder.to_html(tmp_path / "fit.html")
    assert "%" in recorder.summary()


def test_records_are_bounded():
    recorder = recorded(model(max_iter=3), max_records=25)
    assert len(recorder.frame()) == 25
    assert recorder.n_blocks == 4 * N_BLOCKS
    assert set(recorder.frame()["pass"]) == {2, 3}
    with pytest.raises(ValueError, match="max_records must be at least 1"):
        FitRecorder(max_records=0)


def test_it_holds_the_last_call():
    recorder = FitRecorder()
    fitted = model(classes=[False, True]).set_callbacks(recorder)
    fitted.partial_fit(X, Y)
    fitted.partial_fit(X[:30], Y[:30])
    assert len(recorder.frame()) == 3


def test_without_records_it_says_what_to_do():
    for method in (FitRecorder().plot, FitRecorder().summary, lambda: FitRecorder().to_html("x")):
        with pytest.raises(ValueError, match=r"set_callbacks\(recorder\)"):
            method()
    assert len(FitRecorder().frame()) == 0


def test_it_changes_nothing_that_is_learned_and_is_pickled():
    bare, fitted = model().fit(X, Y), model()
    recorder = recorded(fitted)
    np.testing.assert_array_equal(bare.coef_, fitted.coef_)
    assert len(pickle.loads(pickle.dumps(recorder)).frame()) == len(recorder.frame())


def test_a_broken_fit_is_recorded_as_far_as_it_came():
    bad = da.where(da.arange(len(X), chunks=ROWS)[:, None] == 150, np.nan, X)
    recorder = FitRecorder()
    with pytest.raises(ValueError, match="NaN"):
        model(classes=[False, True]).set_callbacks(recorder).fit(bad, Y)
    assert not recorder.passes[-1].complete
    recorder.plot()


def on_page(load: float, learn: float, size: int, pause: float = 0.0) -> str:
    """Return the advice for blocks that take these seconds to load and to learn from."""
    recorder = FitRecorder()
    recorder.begin_pass("epoch", 12, None)
    at = 0.0
    for block in range(12):
        times = (at, at + load, "one", at + load, at + load + learn)
        recorder.block_done(Record(block, 10, size, "one", *times, None))
        at += load + learn + pause
    return reports.advice(recorder.frame())


def test_the_advice_is_about_the_slowest_part():
    assert on_page(0.83, 0.17, 10**8).startswith("Loading takes 83 % of the work")
    assert "zstd instead of gzip" in on_page(0.83, 0.17, 10**8)
    assert on_page(0.2, 0.8, 10**8).startswith("Learning takes 80 % of the work")
    assert "with n_parallel" in on_page(0.2, 0.8, 10**8)
    assert "Larger blocks" in on_page(0.001, 0.001, 1000, pause=0.01)
    assert "a block has 1.0 kB" in on_page(0.001, 0.001, 1000, pause=0.01)


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.sources: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.sources += [value for name, value in attrs if name in ("src", "href")]


def evil() -> FitRecorder:
    """Return the records of a fit to columns with names that look like code."""
    rows = np.random.default_rng(0).normal(size=(200, len(NAMES)))
    dd = pytest.importorskip("dask.dataframe")
    frame = dd.from_pandas(pd.DataFrame(rows, columns=NAMES), npartitions=4)
    labels = ["<b>yes</b>", "no"]
    y = (frame["plain"] > 0).map({True: labels[0], False: labels[1]}, meta=("y", object))
    return recorded(model(classes=labels), frame, y)


def test_the_page_loads_nothing_and_runs_nothing(tmp_path):
    evil().to_html(tmp_path / "fit.html")
    text = (tmp_path / "fit.html").read_text(encoding="utf-8")
    found = Tags()
    found.feed(text)
    assert "script" not in found.tags
    assert "b" not in found.tags
    assert all(source.startswith("data:image/png;base64,") for source in found.sources)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "a &amp; b" in text
    for word in ("SGDClassifier", "log_loss", "rows of a block", "epoch"):
        assert word in text


BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")
def test_a_browser_shows_the_page(tmp_path):
    evil().to_html(tmp_path / "fit.html")
    command = [
        BROWSER,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path}",
    ]
    page = (tmp_path / "fit.html").as_uri()
    size = ["--window-size=1200,1700", f"--screenshot={tmp_path / 'page.png'}"]
    subprocess.run([*command, *size, page], check=True, capture_output=True, timeout=120)
    image = pytest.importorskip("matplotlib.image").imread(tmp_path / "page.png")
    assert image.shape[:2] == (1700, 1200)
    middle = image[300:900, 100:1000, :3]
    assert len(np.unique(middle.reshape(-1, 3), axis=0)) > 20  # the picture is drawn
    done = subprocess.run(
        [*command, "--dump-dom", page], check=True, capture_output=True, text=True, timeout=120
    )
    shown = re.findall(r"<code>(.*?)</code>", done.stdout)
    assert shown[0] == "&lt;script&gt;alert(1)&lt;/script&gt;"
    assert len(shown) == len(NAMES)


def python_calls(estimator, n_blocks: int) -> int:
    """Return how many Python functions a fit calls."""
    calls = 0

    def count(frame, event, arg):
        nonlocal calls
        calls += event == "call"

    rows = da.ones((n_blocks * ROWS, 3), chunks=(ROWS, 3))
    with dask.config.set(scheduler="sync"):
        sys.setprofile(count)
        try:
            estimator.fit(rows, rows[:, 0])
        finally:
            sys.setprofile(None)
    return calls


def test_a_block_costs_a_few_calls_more(monkeypatch):
    """It takes less than 2 % of a fit; to learn from a block takes hundreds of calls."""
    monkeypatch.setattr(recorder_module, "PAUSE", 1e9)  # one look at the memory

    def of_a_block(*callbacks) -> float:
        fresh = SGDRegressor(random_state=0, tol=None, max_iter=1).set_callbacks(*callbacks)
        return (python_calls(fresh, 60) - python_calls(fresh, 20)) / 40

    python_calls(SGDRegressor(), 2)  # imports
    alone, recorded = of_a_block(), of_a_block(FitRecorder())
    assert recorded - alone < min(15, 0.05 * alone)


def test_looks_at_the_memory_take_a_small_share_of_the_time(monkeypatch):
    """In some virtual machines a look takes a millisecond."""
    recorder, looks = FitRecorder(), []
    seconds = iter(range(1000))
    monkeypatch.setattr(recorder_module.time, "thread_time", lambda: 1e-3 * next(seconds))
    monkeypatch.setattr(recorder_module, "_memory", lambda: looks.append(1))
    recorder.begin_pass("epoch", None, None)
    for i in range(1, 1000):  # a block each millisecond
        at = recorder._open[0].start + 1e-3 * i
        recorder.block_done(Record(i, 1, 8, "one", at, at, "one", at, at, None))
    assert 4 <= len(looks) <= 6


def test_memory_is_that_of_the_process():
    recorder = recorded(model(), X, Y)
    if not recorder._memory:
        pytest.skip("this system does not say how much memory a process has")
    assert 1e6 < recorder._memory[0][1] < 1e12
