import re
from time import sleep
from types import SimpleNamespace

import dask
import dask.array as da
import numpy as np
import pytest
from dask.diagnostics import Profiler

from streamlearn.blocks import align, fold, reduce
from streamlearn.diagnostics import timeline

pytest.importorskip("matplotlib", reason="needs the plot extra")

N_BLOCKS = 6
LOSSES = [0.5, 0.3, 0.35, 0.32, 0.31, 0.3]


def total(block):
    sleep(0.005)
    return block.X.sum()


def learn(state, block):
    sleep(0.005)
    return state + block, None


@pytest.fixture(scope="module")
def run():
    """The engine's own tasks on two threads, and one that is not the engine's."""
    X = da.ones((60, 2), chunks=(10, 2))
    with Profiler() as profiler, dask.config.set(scheduler="threads", num_workers=2):
        assert reduce(total, np.add, align(X=X)) == 120
        *_, segment = fold(learn, 0.0, align(X=X), prepare=total)
        X.sum().compute()
    assert segment.state == 120
    return profiler


def start_of(run):
    return min(task.start_time for task in run.results)


def legend(panel):
    return [text.get_text() for text in panel.get_legend().get_texts()]


def line(panel, label):
    return next(line for line in panel.lines if line.get_label() == label)


def texts(panel):
    return " ".join(text.get_text() for text in panel.texts)


def bars(panel):
    """Return (start, end) of every bar by the middle of its lane."""
    out = {}
    for collection in panel.collections:
        for path in collection.get_paths():
            (x0, y0), (x1, y1) = path.vertices.min(axis=0), path.vertices.max(axis=0)
            out.setdefault(round((y0 + y1) / 2), []).append((x0, x1))
    return out


def test_a_lane_a_thread_and_a_bar_a_task(run):
    (panel,) = timeline(run).axes
    workers = list(dict.fromkeys(t.worker_id for t in sorted(run.results, key=lambda t: t[2])))
    assert len(panel.get_yticks()) == len(workers) == 2
    drawn = bars(panel)
    for lane, worker in enumerate(workers):
        expected = sorted(
            (t.start_time - start_of(run), t.end_time - start_of(run))
            for t in run.results
            if t.worker_id == worker
        )
        np.testing.assert_allclose(sorted(drawn[lane]), expected, atol=1e-9)
    for label, worker in zip(panel.get_yticklabels(), workers, strict=True):
        busy = sum(t.end_time - t.start_time for t in run.results if t.worker_id == worker)
        whole = max(t.end_time for t in run.results) - start_of(run)
        assert label.get_text().endswith(f"\n{busy / whole:.0%} busy")


def test_legend_names_the_kinds_that_ran(run):
    (panel,) = timeline(run).axes
    assert [label.partition(":")[0] for label in legend(panel)] == [
        "reduce-block",
        "load-block",
        "learn-block",
        "merge-blocks",
        "other dask tasks",
    ]
    (panel,) = timeline(run, kinds={"sum": "sums", "": "the rest"}).axes
    assert legend(panel)[-2:] == ["sums", "the rest"]


def test_losses_stand_where_their_updates_ended(run):
    _, panel = timeline(run, loss_curve=LOSSES, optimum=0.29).axes
    ends = sorted(t.end_time for t in run.results if str(t.key[0]).startswith("learn-block"))
    assert len(ends) == N_BLOCKS
    for label, values in (
        ("a block", LOSSES),
        ("mean so far", np.cumsum(LOSSES) / np.arange(1, N_BLOCKS + 1)),
    ):
        drawn = line(panel, label)
        np.testing.assert_allclose(drawn.get_xdata(), np.array(ends) - start_of(run))
        np.testing.assert_allclose(drawn.get_ydata(), values)
    optimum = line(panel, "converged optimum")
    assert set(optimum.get_ydata()) == {0.29}
    assert optimum.get_linestyle() != "-"
    assert panel.get_ylim()[0] < 0.29
    assert legend(panel) == ["a block", "mean so far", "converged optimum"]


def test_memory_beside_footprint_and_data(run):
    start = start_of(run)
    samples = [(start - 0.01, 100.0, 0.0), (start + 0.01, 300.0, 0.0), (start + 0.03, 250.0, 0.0)]
    figure = timeline(run, SimpleNamespace(results=samples), footprint=100e6, nbytes=2.5e9)
    panel = figure.axes[1]
    np.testing.assert_allclose(line(panel, "memory").get_xdata(), [-0.01, 0.01, 0.03], atol=1e-9)
    np.testing.assert_allclose(line(panel, "memory").get_ydata(), [100e6, 300e6, 250e6])
    assert set(line(panel, "footprint").get_ydata()) == {100e6}
    for text in ("300 MB", "200 MB", "2.5 GB"):
        assert text in texts(panel)


def test_one_axis_of_time_for_all_panels(run, tmp_path):
    start = start_of(run)
    figure = timeline(
        run,
        SimpleNamespace(results=[(start, 100.0, 0.0)]),
        LOSSES,
        phases={"first": (start - 1, start), "second": (start, start + 1)},
        title="A title",
        subtitle="and more",
    )
    assert len(figure.axes) == 3
    assert {panel.get_xlim() for panel in figure.axes} == {(0.0, 2.0)}
    assert re.search("first.*second", texts(figure.axes[0]))
    assert [text.get_text() for text in figure.texts] == ["A title", "and more"]
    figure.savefig(tmp_path / "timeline.png", dpi=100)
    assert (tmp_path / "timeline.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("end", "align"),
    [(0.01, ["left", "center"]), (1.0, ["center"] * 2), (1.99, ["center", "right"])],
)
def test_the_name_of_a_short_phase_stays_in_the_picture(end, align, run):
    start = start_of(run) - 1
    phases = {"first": (start, start + end), "second": (start + end, start + 2)}
    names = timeline(run, phases=phases).axes[0].texts
    found = {text.get_text(): text.get_ha() for text in names}
    assert [found[name] for name in phases] == align


def test_errors_say_what_is_missing(run):
    with pytest.raises(ValueError, match="holds no task"):
        timeline(SimpleNamespace(results=[]))
    with pytest.raises(
        ValueError, match="2 values, and the profiler holds 6 tasks named 'learn-block'"
    ):
        timeline(run, loss_curve=[0.5, 0.4])


def on_threads(*workers):
    """Return the results of a profiler that saw one task on each of these threads."""
    tasks = [("load-block", None, float(i), i + 0.5, worker) for i, worker in enumerate(workers)]
    return SimpleNamespace(results=tasks)


@pytest.mark.parametrize(
    ("workers", "names", "whose"),
    [
        (["MainThread", "other"], ["thread 1", "thread 2"], "process"),
        (["tcp://a:1 T-0", "tcp://b:1 T-0"], ["worker 1", "worker 2"], "client"),
        (
            ["tcp://a:1 T-0", "tcp://b:1 T-0", "tcp://a:1 T-1"],
            ["worker 1 thread 1", "worker 1 thread 2", "worker 2"],
            "client",
        ),
    ],
)
def test_lanes_are_named_after_threads_and_workers(workers, names, whose):
    memory = SimpleNamespace(results=[(0.0, 100.0), (1.0, 120.0)])
    figure = timeline(on_threads(*workers), memory)
    lanes = [label.get_text().partition("\n")[0] for label in figure.axes[0].get_yticklabels()]
    assert lanes == names
    assert f"memory of the {whose}" in texts(figure.axes[1])


def test_a_given_figure_keeps_its_size_and_nothing_overlaps():
    from matplotlib.figure import Figure

    given = Figure(figsize=(7, 6))
    figure = timeline(on_threads("a", "b"), title="title", subtitle="subtitle", figure=given)
    assert figure is given
    assert tuple(figure.get_size_inches()) == (7, 6)
    figure.draw_without_rendering()
    title, subtitle = (text.get_window_extent() for text in figure.texts)
    assert title.y0 > subtitle.y1
    assert subtitle.y0 > figure.axes[0].get_legend().get_window_extent().y1
