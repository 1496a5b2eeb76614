"""Readers of the same blocks share each read, whatever they do with it."""

from __future__ import annotations

import dask
import numpy as np
import pytest

from streamlearn.blocks import AlignedRows, SharedReader, SharedReads, watching
from streamlearn.blocks.watch import Watch
from tests.containers import CHUNKS, N_ROWS, dask_array

X = np.arange(2.0 * N_ROWS).reshape(N_ROWS, 2)
Y = np.arange(N_ROWS)


def shared(log=None):
    rows = AlignedRows({"X": dask_array(X, log=log), "y": dask_array(Y)})
    return SharedReads(rows)


def every(place):
    return slice(None)


def anywhere(number):
    return None


def test_each_reader_sees_its_own_rows_of_the_blocks_that_it_holds():
    def odd(place):
        return np.arange(place.n_rows)[(place.start + np.arange(place.n_rows)) % 2 == 1]

    def read(given):
        return [len(y) for y in given["y"]], np.asarray(given["X"])[:, 0]

    readers = [
        SharedReader(odd, anywhere, read),
        SharedReader(every, lambda number: number == 0, read),
        SharedReader(every, lambda number: number != 0, read),
    ]
    log: list[int] = []
    found = shared(log).read(readers)
    assert [lengths for lengths, _ in found] == [[35, 0, 10, 55], [70], [0, 21, 109]]
    for (_, rows), at in zip(found, (slice(1, None, 2), slice(70), slice(70, None)), strict=True):
        np.testing.assert_array_equal(rows, X[at, 0])
    assert log.count(3) == 1  # targets alone are read without X


def test_readers_may_pass_as_often_as_they_like_and_end_passes_early():
    def reads(n, stop):
        def read(given):
            total = 0.0
            for _ in range(n):
                for number, block in enumerate(given["X"]):
                    total += block.sum()
                    if number == stop:
                        break
            return total

        return read

    log: list[int] = []
    found = shared(log).read(
        [
            SharedReader(every, anywhere, reads(n, stop))
            for n, stop in ((1, 9), (3, 9), (2, 0), (0, 0))
        ]
    )
    assert found == [X.sum(), 3 * X.sum(), 2 * X[: CHUNKS[0]].sum(), 0.0]
    assert log.count(0) == log.count(3) == 3


def test_a_reader_with_two_passes_at_a_time_does_not_wait_for_itself():
    def nested(given):
        return [np.asarray(given["y"])[0] + len(block) for block in given["X"]]

    def plain(given):
        return [len(block) for block in given["X"]]

    found = shared().read([SharedReader(every, anywhere, work) for work in (nested, plain)])
    assert found == [[*CHUNKS], [*CHUNKS]]


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt])
def test_an_error_of_a_reader_ends_the_others(kind):
    def fails(given):
        for _ in given["X"]:
            raise kind("here")

    def plain(given):
        return [len(block) for _ in range(100) for block in given["X"]]

    with pytest.raises(kind, match="here"):
        shared().read([SharedReader(every, anywhere, work) for work in (plain, fails)])


def test_blocks_that_are_loaded_elsewhere_are_not_shared():
    assert shared().can_be_shared
    with dask.config.set(scheduler="processes"):
        assert not shared().can_be_shared
    with dask.config.set({"streamlearn.on-bad-block": "skip"}):
        assert not shared().can_be_shared
    with watching(Watch()):
        assert not shared().can_be_shared
