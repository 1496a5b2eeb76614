"""The verb ``rounds``: what depends on the data alone, and what a round waits for."""

from __future__ import annotations

import threading
from collections import Counter
from functools import partial

import dask
import dask.array as da
import numpy as np
import pytest
from dask.callbacks import Callback
from dask.utils import key_split

from streamlearn.blocks import SideBySide, align, from_blocks, rounds
from streamlearn.blocks.segments import SEGMENT
from tests.blocks import tracking
from tests.blocks.tracking import COLUMNS, parts_of, source


def learn(state, parts):
    """Take a step whose rounding depends on the order and on nothing else."""
    model, seen, sizes = state
    model = model * 0.7 + float(np.sin(parts[0]).sum()) / 3.0
    return (model, seen + len(parts[0]), (*sizes, 1)), model


def of_block(view, parts):
    if view is None:
        raise AssertionError("the blocks of a round are shown the view")
    return (float(np.sin(parts[0] + view).sum()) / 3.0, len(parts[0]), 1), view


def merge(a, b):
    return a[0] + 0.9 * b[0], a[1] + b[1], a[2] + b[2]


def step(state, sums):
    model, seen, sizes = state
    return model * 0.7 + sums[0], seen + sums[1], (*sizes, sums[2])


def side(needed=40, ratio=4):
    return SideBySide(
        lambda state, rows: rows >= needed,
        lambda state, rows: state[1] / rows if state[1] >= needed else 0.0,
        lambda state: state[0],
        of_block,
        merge,
        step,
        ratio=ratio,
        first=lambda state: 2,
    )


START = (0.5, 0, ())


def run(X, how=None, **kwargs):
    records, state = [], START
    how = side() if how is None else how
    for segment in rounds(learn, START, align(X=X), prepare=parts_of, side_by_side=how, **kwargs):
        state = segment.state
        records += segment.records
    return state, records


def test_rounds_begin_when_enough_was_seen_and_grow_with_it(local_scheduler):
    (_, rows, sizes), records = run(tracking.offset(60))
    assert rows == 300
    assert [r.block for r in records] == list(range(60))
    assert sizes[:8] == (1,) * 8
    assert sizes[8:] == (2, 2, 2, 2, 4, 4, 6, 6, 8, 10, 6)


def test_callbacks_of_dask_finish_after_an_error_between_two_graphs():
    def seen(state, rows):
        raise FloatingPointError("no round can begin")

    ended = []
    callback = Callback(finish=lambda dsk, state, failed: ended.append(failed))
    with callback, dask.config.set(scheduler="sync"), pytest.raises(FloatingPointError):
        run(tracking.offset(60), side()._replace(seen=seen))
    assert ended == [False]


def renewed(state):
    return (*state[:2], (*state[2], "renewed"))


@pytest.mark.parametrize("first", [1, 2])
def test_rounds_begin_when_the_first_has_enough_blocks(local_scheduler, first):
    how = side(ratio=8)._replace(first=lambda state: first, renewed=renewed)
    (_, rows, sizes), _ = run(tracking.offset(40), how)
    assert rows == 200
    alone = (1,) * 8 if first == 2 else ("renewed", 1) * 8
    assert sizes == (1,) * 8 + alone + ("renewed", 2) * 8 + ("renewed", 4) * 2


def test_what_needs_no_sums_is_done_before_each_step_from_a_source_too():
    X = tracking.rows(0, 100)
    blocks = from_blocks([X[at : at + 5] for at in range(0, 100, 5)])
    (_, _, sizes), _ = run(blocks, side()._replace(renewed=renewed))
    assert sizes == (1,) * 8 + ("renewed", 2) * 4 + ("renewed", 4)


def test_a_round_is_never_longer_than_a_segment(local_scheduler):
    sizes = run(da.from_array(tracking.rows(0, 700), chunks=(2, COLUMNS)), side(40, 2))[0][2]
    assert max(sizes) == SEGMENT
    assert sum(sizes) == 350


@pytest.mark.parametrize("settings", [{"window": 1, "segment": 1}, {"window": 3, "segment": 7}])
def test_settings_and_schedulers_change_no_bit(local_scheduler, settings):
    X = tracking.offset(60)
    with dask.config.set(scheduler="sync"):
        expected = run(X)[0]
    with dask.config.set({f"streamlearn.{name}": value for name, value in settings.items()}):
        assert run(X)[0] == expected


def test_unknown_numbers_of_rows_and_sources_of_blocks_give_the_same_bits():
    X = da.from_array(tracking.rows(0, 330), chunks=(5, COLUMNS))
    unknown = X[da.ones(330, dtype=bool, chunks=5)]
    blocks = [np.asarray(x) for x in X.blocks]
    expected = run(X)[0]
    assert run(unknown)[0] == expected
    assert run(from_blocks(blocks))[0] == expected


def test_blocks_without_rows_are_skipped(local_scheduler):
    lengths = [5, 0] * 40
    X = da.from_array(tracking.rows(0, 200), chunks=(tuple(lengths), COLUMNS))
    (_, rows, sizes), records = run(X, side(20, 2))
    assert rows == 200
    assert [r.rows for r in records] == lengths
    assert sum(sizes) == 40


@pytest.mark.parametrize("layout", tracking.LAYOUTS)
@pytest.mark.parametrize("window", [1, 3])
def test_few_blocks_are_alive_at_a_time(local_scheduler, layout, window):
    X = tracking.LAYOUTS[layout](120, 0.0005)
    with dask.config.set({"streamlearn.window": window}):
        run(X)
    happened = tracking.drain()
    blocks = [e for e in happened if e.what == ("source" if layout == "plain" else "block")]
    assert tracking.peak(blocks) <= window + 1


def test_each_source_is_read_once(local_scheduler):
    run(tracking.tall_to_short(120))
    reads = tracking.reads(tracking.drain())
    assert len(reads) == len(set(reads)) == 12


def test_a_round_follows_the_order_that_is_given(local_scheduler):
    order = np.random.default_rng(0).permutation(40).tolist()
    _, records = run(source([5] * 40), order=order)
    assert [r.block for r in records] == order


def test_an_error_in_a_round_names_the_block(local_scheduler):
    def refuse(view, parts):
        if parts[0].flat[0] == 4 * 5 * 31:
            raise FloatingPointError("too large")
        return of_block(view, parts)

    with pytest.raises(FloatingPointError) as caught:
        # the traceback keeps blocks, so no tracked ones: they would die in the test that follows
        run(
            da.from_array(tracking.rows(0, 200), chunks=(5, COLUMNS)),
            side()._replace(of_block=refuse),
        )
    assert "block 31, when it was learned from" in " ".join(caught.value.__notes__)


def test_rows_in_memory_are_one_block():
    (_, rows, sizes), _ = run(tracking.rows(0, 400))
    assert (rows, sizes) == (400, (1,))


def test_the_blocks_of_a_round_are_summed_at_the_same_time():
    meeting = threading.Barrier(2, timeout=20)

    def both(view, parts):
        if parts[0].flat[0] in (4 * 5 * 8, 4 * 5 * 9):
            meeting.wait()
        return of_block(view, parts)

    with dask.config.set(scheduler="threads", num_workers=2):
        run(source([5] * 12), side()._replace(of_block=both))


@pytest.mark.thorough
def test_a_cluster_gives_the_same_bits(client):
    X = da.from_array(tracking.rows(0, 330), chunks=(5, COLUMNS))
    with dask.config.set(scheduler="sync"):
        expected = run(X, side_of_cluster())[0]
    assert run(X, side_of_cluster())[0] == expected


@pytest.mark.thorough
def test_on_a_cluster_the_blocks_of_rounds_are_loaded_where_they_are_summed(client):
    distributed = pytest.importorskip("distributed")
    with distributed.get_task_stream(client) as stream:
        _, records = run(source([5] * 60), side_of_cluster())
    assert len(records) == 60
    done = Counter(key_split(task["key"]) for task in stream.data)
    assert done["load-block"] == 8  # those before the rounds
    assert done["learn-block"] == 60


def side_of_cluster():
    """Return `side` with functions that can be sent to workers."""
    return side()._replace(may_begin=_may_begin, first=_first, seen=partial(_seen, 40), view=_view)


def _first(state):
    return 2


def _may_begin(state, rows):
    return rows >= 40


def _seen(needed, state, rows):
    return state[1] / rows if state[1] >= needed else 0.0


def _view(state):
    return state[0]


def fixed(length, ready=0):
    """Return rounds of a fixed length, which begin after ``ready`` rows."""
    return side()._replace(seen=lambda state, rows: float(state[1] >= ready), length=length)


@pytest.mark.parametrize(
    ("length", "ready", "expected"),
    [
        (4, 0, (*(4,) * 15,)),
        (7, 0, (*(7,) * 8, 4)),
        (4, 11, (1, 1, 1, *(4,) * 14, 1)),
        (100, 0, (60,)),
    ],
)
def test_rounds_of_a_fixed_length_begin_as_soon_as_they_can(
    local_scheduler, length, ready, expected
):
    (_, rows, sizes), records = run(tracking.offset(60), fixed(length, ready))
    assert (rows, sizes) == (300, expected)
    assert [r.block for r in records] == list(range(60))


@pytest.mark.parametrize("settings", [{"window": 1, "segment": 1}, {"window": 3, "segment": 7}])
def test_settings_and_sources_change_no_bit_of_fixed_rounds(local_scheduler, settings):
    X = tracking.offset(60)
    with dask.config.set(scheduler="sync"):
        expected = run(X, fixed(4, 11))[0]
    with dask.config.set({f"streamlearn.{name}": value for name, value in settings.items()}):
        assert run(X, fixed(4, 11))[0] == expected
        blocks = [np.asarray(x) for x in da.from_array(tracking.rows(0, 300), (5, COLUMNS)).blocks]
        assert run(from_blocks(blocks), fixed(4, 11))[0] == expected


@pytest.mark.parametrize("layout", tracking.LAYOUTS)
@pytest.mark.parametrize(("window", "length"), [(1, 4), (3, 4), (3, 32)])
def test_few_blocks_of_fixed_rounds_are_alive_at_a_time(local_scheduler, layout, window, length):
    X = tracking.LAYOUTS[layout](120, 0.0005)
    with dask.config.set({"streamlearn.window": window}):
        run(X, fixed(length))
    happened = tracking.drain()
    blocks = [e for e in happened if e.what == ("source" if layout == "plain" else "block")]
    assert tracking.peak(blocks) <= window + 1


def test_segments_end_at_the_end_of_a_round():
    blocks = align(X=source([5] * 20))
    with dask.config.set({"streamlearn.segment": 6}):
        segments = rounds(learn, START, blocks, prepare=parts_of, side_by_side=fixed(4))
        assert [len(segment.records) for segment in segments] == [8, 8, 4]
