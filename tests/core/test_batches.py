"""The loop that cuts blocks into batches."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamlearn._arrays import batch_rows
from streamlearn.core import rows as affine
from streamlearn.core.batches import GROWTH, SMALLEST, cut, learn_batches, sizes
from streamlearn.core.learner import Info, Learner

some_rows = st.integers(0, 20_000)


@given(
    n_rows=some_rows,
    seen=st.integers(0, 10**9),
    batch_size=st.none() | st.integers(1, 500),
    largest=st.sampled_from([512, 4096]),
)
def test_sizes(n_rows, seen, batch_size, largest):
    lengths = sizes(n_rows, seen, batch_size, largest)
    assert sum(lengths) == n_rows
    assert all(length > 0 for length in lengths)
    for length in lengths[:-1]:
        wanted = min(max(SMALLEST, seen // GROWTH), largest)
        assert length == (wanted if batch_size is None else batch_size)
        seen += length


@given(first=some_rows, second=some_rows)
def test_growing_sizes_depend_on_the_rows_seen_alone(first, second):
    lengths = sizes(first, 0, None, 4096)
    whole = sizes(first + second, 0, None, 4096)
    assert lengths[:-1] == whole[: max(0, len(lengths) - 1)]


def test_batches_of_a_block(backend):
    X = backend.asarray(np.arange(20.0).reshape(10, 2))
    y, w = backend.asarray(np.arange(10)), backend.asarray(np.arange(10.0))
    batches = list(cut(X, y, w, seen=7, batch_size=4))
    assert [batch.X.shape for batch in batches] == [(4, 2), (4, 2), (2, 2)]
    assert [batch.seen for batch in batches] == [7, 11, 15]
    for batch in batches:
        backend.check(batch.X, backend.widest)
        rows = backend.to_numpy(batch.target)
        np.testing.assert_array_equal(backend.to_numpy(batch.weight), rows)
        np.testing.assert_array_equal(
            backend.to_numpy(batch.X), np.stack([2 * rows, 2 * rows + 1], 1)
        )
    np.testing.assert_array_equal(
        np.concatenate([backend.to_numpy(batch.target) for batch in batches]), np.arange(10)
    )


def test_a_target_of_columns(backend):
    X, Y = backend.asarray(np.ones((5, 2))), backend.asarray(np.ones((5, 3)))
    assert [batch.target.shape for batch in cut(X, Y, None, seen=0, batch_size=3)] == [
        (3, 3),
        (2, 3),
    ]


def test_no_rows_no_batches(backend):
    assert list(cut(backend.asarray(np.ones((0, 2))), None, None, seen=0)) == []


def test_order_of_batches(backend):
    """A batch keeps its size when it moves: sizes follow time, places follow the draws."""
    X = backend.asarray(np.arange(10.0)[:, None])
    batches = list(cut(X, None, None, seen=0, batch_size=4, order=[0.9, 0.1, 0.5]))
    rows = [backend.to_numpy(batch.X)[:, 0].tolist() for batch in batches]
    assert rows == [[6, 7, 8, 9], [0, 1, 2, 3], [4, 5]]
    assert [batch.seen for batch in batches] == [0, 4, 8]


@given(draws=st.lists(st.floats(0, 1), min_size=20, max_size=20), seen=st.integers(0, 9999))
def test_any_order_takes_each_row_once(draws, seen):
    X = np.arange(1000.0)[:, None]
    rows = np.concatenate([batch.X for batch in cut(X, None, None, seen=seen, order=draws)])
    np.testing.assert_array_equal(np.sort(rows, axis=0), X)


def test_gathered_rows(backend):
    order = np.random.default_rng(0).permutation(10)
    X, y = backend.asarray(np.arange(10.0)[:, None]), backend.asarray(np.arange(10))
    batches = list(cut(X, y, None, seen=0, batch_size=4, rows=backend.asarray(order)))
    for part in (lambda b: b.X[:, 0], lambda b: b.target):
        got = np.concatenate([backend.to_numpy(part(batch)) for batch in batches])
        np.testing.assert_array_equal(got, order)


@given(n=st.integers(1, 300), run=st.sampled_from([2, 8, 64]), data=st.data())
def test_runs_of_neighbours_are_taken_once_and_whole(n, run, data):
    runs = np.asarray(data.draw(st.permutations(range(n // run))), dtype=np.int64)
    X, y = np.arange(2.0 * n).reshape(n, 2), np.arange(n)
    batches = list(
        cut(X, y, None, seen=0, batch_size=data.draw(st.integers(1, n)), rows=runs, run=run)
    )
    want = np.concatenate([*(np.arange(run) + run * i for i in runs), np.arange(n // run * run, n)])
    got = np.concatenate([batch.target for batch in batches])
    np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(np.concatenate([batch.X for batch in batches]), X[want])


@pytest.mark.parametrize("order", ["C", "F"])
def test_runs_left_to_the_learner_are_the_gathered_ones(backend, order):
    X = np.asarray(np.random.default_rng(0).normal(size=(1000, 3)), order=order)
    X, y = backend.asarray(X), backend.asarray(np.arange(1000))
    runs = backend.asarray(np.random.default_rng(1).permutation(1000 // 16))
    how = {"seen": 0, "batch_size": 300, "rows": runs, "run": 16}
    for there, later in zip(
        cut(X, y, None, **how), cut(X, y, None, gather=False, **how), strict=True
    ):
        assert later.X.shape == there.X.shape
        built = affine.cast(later.X, there.X.dtype)
        np.testing.assert_array_equal(backend.to_numpy(built), backend.to_numpy(there.X))
        if later.X.shape[0] >= 48:
            some = backend.to_numpy(affine.part(later.X, 16, 48))
            np.testing.assert_array_equal(some, backend.to_numpy(there.X)[16:48])


def test_a_batch_that_takes_all_rows_gathers_none():
    X = np.ones((64, 2))
    (batch,) = cut(X, None, None, seen=10_000, rows=np.arange(64))
    assert np.shares_memory(batch.X, X)


def test_batches_are_views():
    X = np.ones((10, 2))
    assert all(np.shares_memory(batch.X, X) for batch in cut(X, None, None, seen=0, batch_size=4))


def test_rows_go_through_a_function_batch_by_batch(backend):
    X = backend.asarray(np.ones((10, 2)))
    seen = []

    def double(part):
        seen.append(part.shape[0])
        return part * 2

    for batch in cut(X, None, None, seen=0, batch_size=4, through=double):
        np.testing.assert_array_equal(backend.to_numpy(batch.X), 2)
    assert seen == [4, 4, 2]


def test_the_cap_is_the_cache(backend):
    X = backend.asarray(np.ones((20_000, 20)))
    largest = batch_rows(X)
    lengths = [batch.X.shape[0] for batch in cut(X, None, None, seen=10**9)]
    assert set(lengths[:-1]) == {largest}


def count(params, state, batch):
    rows = batch.X.shape[0]
    return state + rows, Info(*(np.full(2, value) for value in (rows, 1, batch.seen)))


def test_learn_sums_what_steps_report():
    learner = Learner(None, None, count, None)
    X = np.ones((10, 1))
    state, info = learn_batches(learner, 5, cut(X, None, None, seen=0, batch_size=4))
    assert state == 15
    np.testing.assert_array_equal(info, [[10, 10], [3, 3], [0 + 4 + 8] * 2])


def test_learn_from_nothing():
    assert learn_batches(Learner(None, None, count, None), 5, iter(())) == (5, None)
