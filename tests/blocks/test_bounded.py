"""Few blocks are in memory at a time, and loading overlaps updating all the same."""

from __future__ import annotations

import threading
import time
from itertools import pairwise

import dask
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamlearn.blocks import align, reduce
from streamlearn.blocks.graph import scheduler
from tests.blocks import tracking
from tests.blocks.tracking import COLUMNS, LAYOUTS, assert_overlap, plain, run, slow, source


def total(block):
    return float(block.X.sum())


def add(a, b):
    return a + b


def window_of(X):
    return scheduler([X]).read_ahead()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_fold_holds_a_window_of_blocks_and_sources(local_scheduler, layout):
    """200 blocks and a slow step, across the borders of three segments."""
    X = LAYOUTS[layout]()
    state, records = run(slow, 0.0, align(X=X))
    happened = tracking.drain()
    assert len(records) == 200
    assert state == tracking.rows(0, 1000).sum()
    assert tracking.peak(happened) <= window_of(X) + 1


@pytest.mark.parametrize("layout", LAYOUTS)
def test_reduce_holds_a_window_of_blocks_and_sources(local_scheduler, layout):
    X = LAYOUTS[layout]()
    assert reduce(total, add, align(X=X)) == tracking.rows(0, 1000).sum()
    assert tracking.peak(tracking.drain()) <= window_of(X) + 1


class Alive:
    """A statistic. The number that exists at a time is counted."""

    now = most = 0
    lock = threading.Lock()

    def __init__(self, rows):
        self.rows = rows
        with Alive.lock:
            Alive.now += 1
            Alive.most = max(Alive.most, Alive.now)

    def __del__(self):
        with Alive.lock:
            Alive.now -= 1

    @staticmethod
    def of_block(block):
        return Alive(block.X.shape[0])

    @staticmethod
    def merge(a, b):
        return Alive(a.rows + b.rows)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_reduce_merges_statistics_while_it_reads(local_scheduler, layout):
    """dask on its own merges all 200 in the end."""
    X = LAYOUTS[layout]()
    Alive.most = Alive.now
    before = Alive.now
    assert reduce(Alive.of_block, Alive.merge, align(X=X)).rows == 1000
    assert Alive.most - before <= 48 + window_of(X)


def late(block):
    time.sleep(0.1 if block.number == 3 else 0.0)
    return total(block)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_reduce_does_not_run_ahead_of_a_late_part(layout):
    X = LAYOUTS[layout]()
    with dask.config.set(scheduler="threads", num_workers=4):
        reduce(late, add, align(X=X))
    assert tracking.peak(tracking.drain()) <= 5


@pytest.mark.parametrize("window", [1, 2, 5])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("verb", ["fold", "reduce"])
def test_the_window_can_be_set(verb, window, layout):
    X = LAYOUTS[layout](60)
    with dask.config.set({"scheduler": "threads", "num_workers": 4, "streamlearn.window": window}):
        if verb == "fold":
            run(slow, 0.0, align(X=X))
        else:
            reduce(total, add, align(X=X))
    # Where two sources make a block, these three are the least.
    bound = 3 if layout == "offset" and window == 1 else window + 1
    assert tracking.peak(tracking.drain()) <= bound


def test_shuffled_groups_are_held_to_the_window_too():
    X = tracking.tall_to_short()
    blocks = align(X=X)
    groups = [list(range(10 * g, 10 * g + 10)) for g in range(20)]
    order = np.concatenate(np.random.default_rng(0).permutation(groups)).tolist()
    with dask.config.set({"scheduler": "threads", "num_workers": 2, "streamlearn.segment": 7}):
        run(slow, 0.0, blocks, order=order)
    assert tracking.peak(tracking.drain()) <= 3


@st.composite
def chunkings(draw):
    """Cut the same rows twice."""
    sources = draw(st.lists(st.integers(1, 12), min_size=1, max_size=12))
    n = sum(sources)
    cuts = draw(st.sets(st.integers(1, n - 1), max_size=20)) if n > 1 else set()
    return tuple(sources), tuple(np.diff([0, *sorted(cuts), n]).tolist())


@given(chunkings(), st.integers(1, 5), st.integers(1, 7), st.randoms(use_true_random=False))
def test_any_rechunk_is_read_once_in_order_and_bounded(chunks, window, segment, random):
    """Whatever the chunks: each block holds its rows, each source is read once.

    A block of several sources needs them all at once, so only the others are held to the bound.
    """
    sources, targets = chunks
    tracking.drain()
    X = source(sources).rechunk((targets, (COLUMNS,)))
    order = list(range(len(targets)))
    random.shuffle(order)
    settings = {"streamlearn.window": window, "streamlearn.segment": segment}
    with dask.config.set({"scheduler": "sync"} | settings), pytest.MonkeyPatch.context() as patch:
        warned = []
        patch.setattr("warnings.warn", lambda message, *_a, **_k: warned.append(message))
        state, records = run(tracking.see, 0, align(X=X), order=order)
    happened = tracking.drain()
    starts = np.concatenate([[0], np.cumsum(targets)])
    assert state == len(targets)
    assert [r.block for r in records] == order
    for record in records:
        (X_k,) = record.report
        expected = tracking.rows(starts[record.block], targets[record.block])
        np.testing.assert_array_equal(X_k, expected)
    assert tracking.reads(happened) == [sum(sources[:i]) for i in range(len(sources))]
    assert tracking.peak(happened) >= 1
    one_source_a_block = set(np.cumsum(sources)) <= set(starts.tolist())
    if one_source_a_block and not warned:
        assert tracking.peak(happened) <= window + 1


def test_a_window_of_one_alternates():
    """Each load waits for the step before."""
    with dask.config.set({"scheduler": "threads", "num_workers": 4, "streamlearn.window": 1}):
        _, records = run(slow, 0.0, align(X=plain(20)))
    for before, after in pairwise(records):
        assert before.update_end <= after.load_start


def test_loading_overlaps_updating():
    """There is no barrier between blocks: the step of one waits here for the load of the next."""
    with dask.config.set(scheduler="threads", num_workers=2):
        assert_overlap(align(X=plain(8)))


def test_blocks_are_prepared_in_parallel():
    """What needs no state leaves the chain: two blocks wait for each other in their own tasks."""
    meeting = threading.Barrier(2, timeout=20)

    def prepare(block):
        if block.number in (2, 3):
            meeting.wait()
        return block.number

    with dask.config.set({"scheduler": "threads", "num_workers": 2, "streamlearn.window": 3}):
        state, _ = run(lambda state, k: (state + 1, None), 0, align(X=plain(8)), prepare=prepare)
    assert state == 8


def test_nothing_is_read_before_the_first_segment_is_asked_for(nothing_runs):
    blocks = align(X=plain(3))
    tracking.segments(slow, 0.0, blocks)
    assert not tracking.drain()


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"scheduler": "sync"}, 2),
        ({"scheduler": "threads", "num_workers": 1}, 2),
        ({"scheduler": "threads", "num_workers": 5}, 5),
        ({"scheduler": "processes", "num_workers": 3}, 3),
    ],
)
def test_the_window_is_by_default_one_block_a_thread_and_at_least_two(config, expected):
    with dask.config.set(config):
        assert window_of(plain(2)) == expected


def test_the_window_follows_the_pool_of_threads_in_use():
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(7) as pool, dask.config.set(pool=pool):
        assert window_of(plain(2)) == 7
