"""On three worker processes: the same results and bounds, and loads on every worker."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections import Counter
from functools import partial
from pathlib import Path

import dask
import dask.array as da
import numpy as np
import pytest
from dask.utils import key_split

from streamlearn.blocks import Watch, align, groups, reduce, watches, watching
from streamlearn.blocks.graph import scheduler
from streamlearn.blocks.schedule import Schedule
from streamlearn.linear_model import SGDRegressor
from streamlearn.preprocessing import StandardScaler
from tests.blocks import tracking
from tests.blocks.interrupts import interrupting
from tests.blocks.test_schedulers import both
from tests.blocks.tracking import (
    COLUMNS,
    LAYOUTS,
    gather,
    happened,
    left_on,
    plain,
    rough,
    run,
    source,
    tall_to_short,
)

distributed = pytest.importorskip("distributed", reason="distributed is an extra")


@pytest.fixture(autouse=True)
def _clean_workers(client):
    client.run(tracking.drain)


def alive_by_records(records):
    """Return the largest number of blocks between the start of load and the end of update."""
    changes = [(r.load_start, 1) for r in records] + [(r.update_end, -1) for r in records]
    return max(np.cumsum([change for _, change in sorted(changes)]))


def test_the_window_is_by_default_two_blocks_a_worker(client):
    assert scheduler([plain(2)]).read_ahead() == 6


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_window_of_blocks_and_sources_is_alive_and_each_is_read_once(client, layout):
    """60 blocks over three workers, counted where they live and, again, from the records.

    A worker lets go of data when the scheduler's message reaches it, while a load that was let in
    by the same event begins elsewhere; so loads take a while here before they hold anything.
    """
    X = LAYOUTS[layout](60, seconds=0.02)
    state, records = run(tracking.slow, 0.0, align(X=X))
    assert state == tracking.rows(0, 300).sum()
    events = happened(client)
    assert tracking.peak(events) <= 6 + 1
    assert alive_by_records(records) <= 6 + 1
    read = tracking.reads(events)
    assert len(read) == len(set(read)) == {"plain": 60, "tall-to-short": 6, "offset": 24}[layout]


def test_reduce_holds_the_bound_too(client):
    X = tall_to_short(100, seconds=0.02)
    assert reduce(total, float.__add__, align(X=X)) == tracking.rows(0, 500).sum()
    events = happened(client)
    assert tracking.peak(events) <= 6 + 1
    assert len(tracking.reads(events)) == 10


def total(block):
    return float(block.X.sum())


def test_loads_spread_over_the_workers(client):
    """The gate does not pull every load to the worker that holds the state.

    Twelve each are fair. Placed like tasks that follow their inputs, one would have 33. The default
    window, two a worker, leaves no worker without; a narrower one can, where the machine is busy.
    """
    _, records = run(gather, (), align(X=source([5] * 36, seconds=0.1)))
    loads = Counter(r.worker.split()[0] for r in records)
    assert set(loads) == set(client.nthreads())
    assert max(loads.values()) <= 18, loads


def test_the_bits_are_those_of_one_thread(client):
    X = tracking.offset(60)
    on_cluster = both(X)
    with dask.config.set(scheduler="sync"):
        assert both(X) == on_cluster


def test_shared_results_stay_on_the_cluster_over_segments(client):
    """A shuffled pass whose groups reach over four segments; a source is read once all the same."""
    blocks = align(X=tall_to_short(40))
    assert len(groups(blocks.plan)) == 4
    order = [i for g in (2, 0, 3, 1) for i in groups(blocks.plan)[g]]
    with dask.config.set({"streamlearn.segment": 3}):
        state, _ = run(gather, (), blocks, order=order)
    assert list(state) == [5 * i for i in order]
    assert tracking.reads(happened(client)) == [0, 50, 100, 150]


def test_nothing_is_left_behind(client):
    with dask.config.set({"streamlearn.segment": 7}):
        run(gather, (), align(X=tall_to_short(20)))
    assert left_on(client) == []


def failing_step(state, parts):
    if state == 9:
        raise FloatingPointError("nine blocks are enough")
    return state + 1, None


def test_no_work_is_left_behind_an_error_whose_traceback_is_kept(client):
    X = tall_to_short(20).rechunk((7, COLUMNS))
    with (
        dask.config.set({"streamlearn.segment": 4}),
        pytest.raises(FloatingPointError) as raised,
    ):
        run(failing_step, 0, align(X=X))
    assert raised.value.__traceback__ is not None
    assert left_on(client) == []


def test_persisted_data_can_be_freed_after_an_error(client):
    with contextlib.suppress(FloatingPointError):
        run(failing_step, 0, align(X=plain(20).persist()))
    assert left_on(client) == []


def test_an_interrupt_whose_traceback_is_kept_stops_the_work(client, tmp_path):
    blocks = align(X=plain(60).map_blocks(leaving_a_mark, tmp_path, dtype=float))
    with interrupting(lambda: any(tmp_path.iterdir())), pytest.raises(KeyboardInterrupt) as raised:
        run(gather, (), blocks)
    assert raised.value.__traceback__ is not None
    assert left_on(client) == []
    assert len(list(tmp_path.iterdir())) < 60


def test_an_interrupt_ends_a_fit_with_the_segments_that_are_whole(client, tmp_path):
    X = plain(60).map_blocks(leaving_a_mark, tmp_path, dtype=float)
    model = SGDRegressor(random_state=0, shuffle=False)
    with (
        dask.config.set({"streamlearn.segment": 2}),
        interrupting(lambda: len(list(tmp_path.iterdir())) > 12),
        pytest.warns(UserWarning, match="interrupted in epoch 1"),
    ):
        model.fit(X, X[:, 0])
    assert model.t_ > 1
    assert len(model.loss_curve_) < 60
    assert left_on(client) == []


def test_watches_see_each_block_once_and_as_it_is_done(client, tmp_path):
    """Blocks are seen while the others of the same graph have yet to be loaded."""
    X = plain(20).map_blocks(leaving_a_mark, tmp_path, dtype=float)
    seen = Seen(tmp_path)
    with watching(seen):
        SGDRegressor(random_state=0).fit(X, X[:, 0])
        StandardScaler().fit(plain(20))
    epoch, statistics = seen.passes
    for blocks in (epoch, statistics):
        assert sorted(block for block, _, _ in blocks) == list(range(20))
    assert all("tcp://" in worker for _, worker, _ in epoch + statistics)
    assert epoch[5][2] < 20


class Seen(Watch):
    """It notes the blocks of passes, and how many blocks were loaded by then."""

    def __init__(self, folder):
        self.folder, self.passes = folder, []

    def begin_pass(self, name, n_blocks, n_rows):
        self.passes.append([])

    def block_done(self, record):
        loaded = len(list(self.folder.iterdir()))
        self.passes[-1].append((record.block, record.update_worker, loaded))


def test_graphs_that_are_watched_share_a_topic(client, tmp_path):
    """The scheduler never deletes one."""
    seen = Seen(tmp_path)
    with watching(seen), dask.config.set({"streamlearn.segment": 3}):
        for _ in range(2):
            run(gather, (), align(X=plain(9)))
    assert [sorted(block for block, *_ in blocks) for blocks in seen.passes] == [[*range(9)]] * 2
    assert client.run_on_scheduler(_n_topics, client.id) == 1


def _n_topics(client, dask_scheduler):
    topics = dask_scheduler._broker._topics
    return sum(topic.startswith(f"streamlearn-{client}") for topic in topics)


def leaving_a_mark(block, folder):
    (folder / str(int(block.flat[0]))).touch()
    time.sleep(0.2)
    return block


def test_verbs_inside_tasks_end_though_they_fill_every_thread(client):
    """Each waits for tasks that need a thread, as dask's own compute does."""
    found = client.gather(client.map(nested, range(2 * len(client.nthreads())), pure=False))
    assert set(found) == {(tuple(range(0, 40, 5)), tracking.rows(0, 40).sum())}
    # Each has come back to its thread: as many tasks as before run at a time.
    assert client.gather(client.map(abs, range(-9, 0), pure=False)) == list(range(9, 0, -1))


def nested(_number):
    X = plain(8)
    with dask.config.set({"streamlearn.segment": 3}):
        state, _ = run(gather, (), align(X=X))
    return state, reduce(total, float.__add__, align(X=X))


def test_tasks_see_nothing_of_the_fits_of_other_tasks(client):
    """While a task waits, others begin on its worker, and distributed gives them its context."""
    found = client.gather(client.map(watched, range(3 * len(client.nthreads())), pure=False))
    assert set(found) == {0}


def watched(_number):
    before = len(watches())
    with watching(Watch()):
        nested(_number)
    return before


PERSISTED = {
    "as it is": lambda P: (P, tracking.rows(0, 50)),
    "sliced": lambda P: (P[:, 1:], tracking.rows(0, 50)[:, 1:]),
    "rechunked": lambda P: (P.rechunk((7, COLUMNS)), tracking.rows(0, 50)),
    "optimized": lambda P: (dask.optimize(P)[0], tracking.rows(0, 50)),
    "optimized and rechunked": lambda P: (
        dask.optimize(P)[0].rechunk((7, COLUMNS)),
        tracking.rows(0, 50),
    ),
}


@pytest.mark.parametrize("what", PERSISTED)
def test_persisted_data_are_taken_where_they_are(client, what):
    """Futures, or keys that stand in no graph at all: outside inputs, read by nobody again."""
    P = source([5] * 10).persist()
    distributed.wait(P)
    client.run(tracking.drain)
    X, expected = PERSISTED[what](P)
    with dask.config.set({"streamlearn.segment": 4}):
        _, records = run(tracking.see, 0, align(X=X, y=np.arange(50)))
    np.testing.assert_array_equal(np.concatenate([r.report[0] for r in records]), expected)
    np.testing.assert_array_equal(np.concatenate([r.report[1] for r in records]), np.arange(50))
    made = [e for e in client.run(tracking.drain).values() if any(x.change > 0 for x in e)]
    assert not made


def test_a_Delayed_made_of_a_future_is_an_outside_input(client):
    future = client.submit(tracking.rows, 0, 5)
    pieces = [
        da.from_delayed(value, (5, COLUMNS), dtype=float)
        for value in (future, dask.delayed(future), dask.delayed(np.negative)(future))
    ]
    _, records = run(tracking.see, 0, align(X=da.concatenate(pieces)))
    for record, sign in zip(records, (1, 1, -1), strict=True):
        np.testing.assert_array_equal(record.report[0], sign * tracking.rows(0, 5))


def test_a_scattered_scale_is_an_outside_input(client):
    scale = da.from_delayed(client.scatter(np.full(COLUMNS, 2.0)), (COLUMNS,), dtype=float)
    assert reduce(total, float.__add__, align(X=plain(8) * scale)) == 2 * tracking.rows(0, 40).sum()


def test_data_on_the_cluster_cannot_be_read_by_another_scheduler(client):
    P = plain(3).persist()
    message = "persisted on a cluster, and its Client is not the dask scheduler in use"
    with dask.config.set(scheduler="threads"), pytest.raises(RuntimeError, match=message):
        run(gather, (), align(X=P))


def test_frames_run_on_the_workers(client):
    dd = pytest.importorskip("dask.dataframe", reason="dask DataFrames are an extra")
    import pandas as pd

    df = dd.from_pandas(pd.DataFrame(tracking.rows(0, 12), columns=list("abcd")), npartitions=3)
    for frame in (df, df.persist()):
        _, records = run(tracking.see, 0, align(X=frame[["a", "b"]], y=frame["d"]))
        X, y = (np.concatenate(part) for part in zip(*(r.report for r in records), strict=True))
        np.testing.assert_array_equal(X, tracking.rows(0, 12)[:, :2])
        np.testing.assert_array_equal(y, tracking.rows(0, 12)[:, 3])


def test_records_name_the_worker_and_the_thread(client):
    _, records = run(rough, 0.0, align(X=plain(6)))
    for r in records:
        address, thread = r.worker.split(maxsplit=1)
        assert address in client.nthreads()
        assert "Thread" in thread
        assert r.load_start <= r.load_end <= r.update_start <= r.update_end


def test_the_dashboards_task_stream_shows_readable_names(client):
    with distributed.get_task_stream(client) as schedule:
        run(rough, 0.0, align(X=tall_to_short(20)))
    names = {key_split(task["key"]) for task in schedule.data}
    assert names == {"load-block", "learn-block", "load-shared", "state"}


def test_loads_wait_for_no_task(client):
    """Its result would be lost with a worker, and the blocks before it would be loaded again."""
    schedule = Schedule(align(X=plain(20)), range(20), "learn-block", ordered=True)
    graph = schedule.loads(0, 20, "load-block", tracking.parts_of)
    assert {key_split(key) for key in graph} == {"load-block"}
    assert not any(node.dependencies for node in graph.values())


def test_an_asynchronous_client_is_refused_by_name():
    async def fit():
        async with distributed.Client(
            asynchronous=True, processes=False, n_workers=1, dashboard_address=":0"
        ):
            run(gather, (), align(X=plain(2)))

    with pytest.raises(RuntimeError, match=r"Client is asynchronous.*asynchronous=False"):
        asyncio.run(fit())


def deadly(marker, state, parts):
    """Kill the process that learns from block 12, the first time."""
    if int(parts[0].flat[0]) == 12 * 5 * COLUMNS and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return rough(state, parts)


def test_a_worker_that_dies_in_the_middle_changes_nothing(client, tmp_path):
    """Its blocks are loaded and learned from again, from the last state that came home."""
    marker: Path = tmp_path / "died"
    blocks = align(X=tracking.offset(40))
    state, records = run(partial(deadly, marker), 0.1, blocks)
    assert marker.exists()
    assert [r.block for r in records] == list(range(40))
    with dask.config.set(scheduler="sync"):
        assert run(rough, 0.1, blocks)[0] == state


def test_a_block_that_a_worker_cannot_read_is_named(client):
    with pytest.raises(FileNotFoundError, match=r"part-3\.npy") as raised:
        run(gather, (), align(X=tracking.failing(5, 3)))
    (note,) = raised.value.__notes__
    assert note.startswith("In block 3 of X, which could not be computed")


def flaky(folder, number, fails, block=None):
    """Fail the first times."""
    tries = folder / str(number)
    with tries.open("a") as file:
        file.write("x")
    if tries.stat().st_size <= fails:
        raise OSError("flaky")
    return tracking.rows(5 * number, 5) if block is None else block


def flaky_array(folder, fails, length=5):
    """Return an array whose blocks are read in the third try."""
    parts = [
        da.from_delayed(dask.delayed(flaky, pure=False)(folder, i, fails), (5, COLUMNS), float)
        for i in range(4)
    ]
    return da.concatenate(parts).rechunk((length, COLUMNS))


RETRIED = {
    "a block's own": lambda read: read(5),
    "a step after it": lambda read: 1 * read(5),
    "what blocks share": lambda read: read(2),
    "what blocks are joined of": lambda read: read(10),
}


@pytest.mark.parametrize("what", RETRIED)
def test_what_is_annotated_is_tried_again(client, tmp_path, what):
    def read(length):
        with dask.annotate(retries=2):
            return flaky_array(tmp_path, 1 if length == 10 else 2, length)

    X = RETRIED[what](read)
    with dask.config.set({"optimization.fuse.active": False}):
        assert reduce(total, float.__add__, align(X=X)) == tracking.rows(0, 20).sum()


def test_what_is_not_annotated_is_tried_once(client, tmp_path):
    with pytest.raises(OSError, match="flaky"):
        reduce(total, float.__add__, align(X=flaky_array(tmp_path, 1)))
    assert all(path.stat().st_size == 1 for path in tmp_path.iterdir())


def test_the_most_of_the_retries_of_a_block_holds(client, tmp_path):
    with dask.annotate(retries=1):
        X = plain(4)
    with dask.annotate(retries=3):
        X = X.map_blocks(twice_failing, tmp_path, dtype=float, meta=np.empty((0, 0)))
    with dask.annotate(retries=2):
        X = X + 0
    assert reduce(total, float.__add__, align(X=X)) == tracking.rows(0, 20).sum()


def twice_failing(block, folder):
    return flaky(folder, int(block[0, 0]), 2, np.array(block))


def test_annotated_blocks_are_loaded_where_they_have_to_be(client):
    address = sorted(client.nthreads())[1]
    with dask.annotate(workers=[address]):
        X = plain(12)
    _, records = run(rough, 0.0, align(X=X, y=np.arange(60)))
    assert {r.worker.split()[0] for r in records} == {address}


def test_annotations_reach_the_scheduler_for_each_task(client):
    """Priorities and resources, too; a function says them by the task."""
    with dask.annotate(priority=lambda key: 7, allow_other_workers=True, anything="mine"):
        X = tall_to_short(20)
    schedule = Schedule(align(X=X), range(20), "learn-block", ordered=True)
    graph = schedule.loads(0, 20, "load-block", tracking.parts_of)
    said = {"priority": 7, "allow_other_workers": True, "anything": "mine"}
    annotated = {key for key in graph if key_split(key) in ("load-block", "load-shared")}
    assert schedule.annotations == dict.fromkeys(annotated, said)


def test_annotations_reach_a_rechunk_by_p2p(client, tmp_path):
    with dask.annotate(retries=2), dask.config.set({"array.rechunk.method": "p2p"}):
        X = flaky_array(tmp_path, 2, 5).rechunk({0: 10, 1: 2}).rechunk({1: COLUMNS})
    assert any("barrier" in str(key) for key in X.__dask_graph__())
    assert reduce(total, float.__add__, align(X=X)) == tracking.rows(0, 20).sum()


def killing(start, which):
    """Kill the worker that reads a source."""
    if start == which:
        os.kill(os.getpid(), signal.SIGKILL)
    return tracking.rows(start, 5)


def kills_at(state, parts, which):
    if parts[0][0, 0] == tracking.rows(which, 1)[0, 0]:
        os.kill(os.getpid(), signal.SIGKILL)
    return state, None


KILLERS = {
    "a block": lambda X: run(rough, 0.0, align(X=X(30))),
    "a source": lambda X: run(rough, 0.0, align(X=X(30).rechunk((2, COLUMNS)))),
    "a part": lambda X: reduce(total, float.__add__, align(X=X(30))),
    "a step": lambda X: run(partial(kills_at, which=30), 0.0, align(X=X(-1))),
}


@pytest.fixture
def no_second_worker(client):
    """Have the scheduler give a task up that one worker died of."""

    def allow(failures):
        return client.run_on_scheduler(_allow, failures=failures)

    before = allow(0)
    yield
    allow(before)


def _allow(dask_scheduler, failures):
    before, dask_scheduler.allowed_failures = dask_scheduler.allowed_failures, failures
    return before


@pytest.mark.usefixtures("no_second_worker")
@pytest.mark.parametrize("what", KILLERS)
def test_a_block_that_workers_do_not_survive_is_named(client, what):
    def array(which):
        parts = [dask.delayed(killing, pure=False)(5 * i, which) for i in range(10)]
        return da.concatenate([da.from_delayed(part, (5, COLUMNS), float) for part in parts])

    with pytest.raises(distributed.KilledWorker) as raised:
        KILLERS[what](array)
    (note,) = raised.value.__notes__
    # Others that were on the worker, waiting for their turn, cannot be distinguished from it.
    assert f"block {15 if what == 'a source' else 6}" in note
    assert "To see the error alone, compute X.blocks" in note
