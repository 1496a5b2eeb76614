"""A fold comes home after a fixed number of blocks, with the state and a record of each block."""

from __future__ import annotations

import copy
import threading
import time
from itertools import pairwise

import dask
import dask.array as da
import numpy as np
import pytest

from streamlearn.blocks import align, fold, reduce
from streamlearn.blocks.segments import SEGMENT
from tests.blocks import tracking
from tests.blocks.tracking import COLUMNS, gather, parts_of, plain, rough, run, segments, source


def memory(rows=12):
    return da.from_array(tracking.rows(0, rows), chunks=(1, COLUMNS))


def test_a_segment_has_a_fixed_number_of_blocks(local_scheduler):
    """64, never a time: results must not depend on speed."""
    assert SEGMENT == 64
    found = list(segments(gather, (), align(X=memory(150))))
    assert [len(s.records) for s in found] == [64, 64, 22]
    assert [len(s.state) for s in found] == [64, 128, 150]
    assert found[-1].state == tuple(range(150))


@pytest.mark.parametrize(("length", "expected"), [(1, [1] * 5), (2, [2, 2, 1]), (9, [5])])
def test_the_length_of_a_segment_can_be_set(length, expected):
    with dask.config.set({"streamlearn.segment": length}):
        assert [len(s.records) for s in segments(gather, (), align(X=memory(5)))] == expected


def test_between_segments_nothing_runs():
    """The caller has the state and decides: what it does not ask for is not read."""
    with dask.config.set({"streamlearn.segment": 3, "scheduler": "threads"}):
        ongoing = segments(gather, (), align(X=plain(12)))
        for done in (3, 6):
            next(ongoing)
            time.sleep(0.02)
            assert len(tracking.reads(tracking.drain())) == 3, done
        ongoing.close()
    assert not tracking.drain()


@pytest.mark.parametrize("name", ["window", "segment"])
@pytest.mark.parametrize("value", [0, -1, 2.0, "4", True, None])
def test_settings_must_be_whole_numbers_of_at_least_one(name, value):
    message = f"streamlearn.{name} must be a whole number of at least 1, got {value!r}"
    with dask.config.set({f"streamlearn.{name}": value}), pytest.raises(ValueError, match=message):
        run(gather, (), align(X=memory(3)))


def test_settings_and_schedulers_change_no_bit(local_scheduler):
    X = tracking.offset(60)
    with dask.config.set(scheduler="sync"):
        expected = run(rough, 0.5, align(X=X))[0]
    for window, segment in [(1, 1), (2, 7), (3, 64), (50, 13)]:
        with dask.config.set({"streamlearn.window": window, "streamlearn.segment": segment}):
            assert run(rough, 0.5, align(X=X))[0] == expected


def test_records_tell_what_happened_to_each_block(local_scheduler):
    X, y = source([5, 3, 4], seconds=0.002), np.arange(12)
    before = time.time()
    _, records = run(rough, 0.0, align(X=X, y=y))
    assert [r.block for r in records] == [0, 1, 2]
    assert [r.rows for r in records] == [5, 3, 4]
    assert [r.bytes for r in records] == [r.rows * (COLUMNS * 8 + 8) for r in records]
    for r in records:
        assert before <= r.load_start <= r.load_end <= r.update_start <= r.update_end <= time.time()
        assert r.load_end - r.load_start >= 0.002
        assert isinstance(r.report, float)
    for a, b in pairwise(records):
        assert a.update_end <= b.update_start
    here = threading.current_thread().name
    assert all((r.worker == here) == (local_scheduler == "sync") for r in records)


def test_data_in_memory_are_one_segment_of_one_block(nothing_runs):
    (segment,) = segments(rough, 0.5, align(X=tracking.rows(0, 6), y=np.arange(6)))
    (record,) = segment.records
    assert (record.block, record.rows, record.bytes) == (0, 6, 6 * 8 * (COLUMNS + 1))
    assert segment.state == record.report == rough(0.5, (tracking.rows(0, 6),))[0]
    assert reduce(
        lambda block: (block.number, len(block.parts)), max, align(X=tracking.rows(0, 6))
    ) == (0, 1)


def never(*_args):
    raise AssertionError("called for a block without rows")


def test_blocks_without_rows_are_skipped_and_recorded(local_scheduler):
    X = da.from_array(tracking.rows(0, 9), chunks=((0, 5, 0, 0, 4, 0), COLUMNS))
    seen = []

    def prepare(block):
        seen.append(block.number)
        return parts_of(block)

    state, records = run(gather, (), align(X=X, y=np.arange(9)), prepare=prepare)
    assert state == (0, 5)
    assert sorted(seen) == [1, 4]
    assert [r.rows for r in records] == [0, 5, 0, 0, 4, 0]
    assert reduce(lambda block: [block.number], list.__add__, align(X=X)) == [1, 4]


@pytest.mark.parametrize(
    "X", [np.empty((0, 4)), da.from_array(np.empty((0, 4))), da.zeros((0, 4), chunks=((0, 0), 4))]
)
def test_no_rows_at_all_leave_the_state_as_it_is(X):
    state, records = run(never, "as it was", align(X=X), prepare=never)
    assert state == "as it was"
    assert {r.rows for r in records} == {0}
    assert {r.report for r in records} == {None}
    assert reduce(never, never, align(X=X)) is None


def test_an_order_may_leave_blocks_out():
    """So does an epoch that is taken up again in its middle."""
    blocks = align(X=tracking.tall_to_short(40))
    with dask.config.set({"scheduler": "sync", "streamlearn.segment": 4}):
        state, _ = run(gather, (), blocks, order=[21, 7, 22])
        assert state == (105, 35, 110)
        assert tracking.reads(tracking.drain()) == [0, 100]
        resumed, _ = run(gather, (), blocks, order=range(25, 40))
        assert resumed == tuple(range(125, 200, 5))
        assert tracking.reads(tracking.drain()) == [100, 150]
        assert list(segments(gather, (), blocks, order=[])) == []


def test_an_order_of_numpys_numbers_is_one_of_pythons():
    """An index seeds draws and is written into records."""
    order = np.random.default_rng(0).permutation(4)
    _, records = run(
        lambda s, i: (s, type(i)),
        0,
        align(X=memory(4)),
        order=order,
        prepare=lambda block: block.number,
    )
    assert [r.block for r in records] == order.tolist()
    assert {type(r.block) for r in records} == {r.report for r in records} == {int}


def test_an_order_that_names_a_block_twice_is_refused():
    with pytest.raises(ValueError, match="names a block twice"):
        run(gather, (), align(X=memory(3)), order=[0, 1, 0])


def test_folds_of_the_same_blocks_do_not_meet():
    """Two passes at a time, on threads, one of them in another order."""
    blocks = align(X=tracking.offset(40))
    with dask.config.set({"scheduler": "threads", "streamlearn.segment": 5}):
        pairs = zip(segments(gather, (), blocks), segments(gather, (), blocks), strict=True)
        for a, b in pairs:
            assert a.state == b.state


def test_an_error_in_a_step_comes_out_as_it_is(local_scheduler):
    def step(state, parts):
        if state == 3:
            raise FloatingPointError("left the floats")
        return state + 1, None

    with pytest.raises(FloatingPointError, match="left the floats"):
        run(step, 0, align(X=plain(8)))


def test_nothing_given_is_changed():
    x, y, state = tracking.rows(0, 12), np.arange(12), {"seen": []}
    order = [2, 0, 1]
    given = copy.deepcopy((x, y, state, order))
    x.flags.writeable = y.flags.writeable = False
    X = da.from_array(x, chunks=(4, COLUMNS))
    keys = set(X.__dask_graph__())
    blocks = align(X=X, y=y)
    plan = copy.copy(blocks.plan)

    def step(state, parts):
        return {"seen": [*state["seen"], parts[1].sum()]}, None

    for _pass in range(2):
        out, _ = run(step, state, blocks, order=order)
        assert out == {"seen": [38, 6, 22]}
    np.testing.assert_array_equal(x, given[0])
    np.testing.assert_array_equal(y, given[1])
    assert (state, order) == given[2:]
    assert set(X.__dask_graph__()) == keys
    assert blocks.plan == plan


def test_what_is_prepared_arrives_and_nothing_else():
    blocks = align(X=memory(4), y=np.arange(4))

    def prepare(block):
        return block.number, block.X.shape, block.y.item()

    ongoing = fold(lambda s, block: ([*s, block], None), [], blocks, prepare=prepare)
    (segment,) = list(ongoing)
    assert segment.state == [(i, (1, COLUMNS), i) for i in range(4)]


def test_reduce_merges_in_one_order_whatever_ends_first(local_scheduler):
    """Neither scheduler nor the time a part takes decides; merged is left to right."""
    expected = run_reduce(lambda i: 0.0)
    for seed in range(3):
        delays = np.random.default_rng(seed).uniform(0, 0.004, size=100).tolist()
        assert run_reduce(delays.__getitem__) == expected
    assert flat(expected) == list(range(100))


def run_reduce(delay):
    def of_block(block):
        time.sleep(delay(block.number))
        return block.number

    return reduce(of_block, lambda a, b: (a, b), align(X=memory(100)))


def flat(tree):
    return [*flat(tree[0]), *flat(tree[1])] if isinstance(tree, tuple) else [tree]


@pytest.mark.parametrize("n", [1, 7, 8, 9, 64, 65])
def test_reduce_merges_any_number_of_blocks(n):
    assert reduce(lambda block: [block.number], list.__add__, align(X=memory(n))) == list(range(n))


def test_reduce_reads_the_blocks_it_is_asked_for_in_the_order_given():
    order = [5, 0, 9, 3]
    assert (
        reduce(lambda block: [block.number], list.__add__, align(X=memory(10)), order=order)
        == order
    )
