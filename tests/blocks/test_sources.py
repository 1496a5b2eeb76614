"""Each source task runs once a pass; what blocks share decides groups, order and warnings."""

from __future__ import annotations

import warnings
from functools import partial

import dask
import dask.array as da
import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from streamlearn.blocks import align, groups, reduce
from streamlearn.model_selection import train_test_split as within_blocks
from tests.blocks import tracking
from tests.blocks.tracking import (
    COLUMNS,
    assert_overlap,
    copies,
    failing,
    gather,
    offset,
    plain,
    run,
    source,
    tall_to_short,
)


def columns_of(Z):
    return {"X": Z[:, :-1], "y": Z[:, -1]}


SHARING = {
    "X alone": lambda: {"X": plain(40)},
    "X and y, one source": lambda: columns_of(plain(40)),
    "X and y, one rechunk": lambda: columns_of(tall_to_short(40)),
    "X and y, one offset rechunk": lambda: columns_of(offset(40)),
    "X and y, rechunked apart": lambda: {
        name: x.rechunk({0: 5}) for name, x in columns_of(source([50] * 4)).items()
    },
    "X and y, unknown lengths": lambda: columns_of(unknown(plain(40))),
    "short to tall": lambda: columns_of(source([5] * 40).rechunk((20, COLUMNS))),
}


def unknown(X):
    """Forget the lengths of the chunks, as an array of a frame has it."""
    return X.map_blocks(lambda b: b, dtype=float, chunks=((np.nan,) * X.numblocks[0], X.chunks[1]))


def shuffled(blocks, seed=0):
    """Return the blocks with their groups shuffled."""
    together = groups(blocks.plan)
    return [i for g in np.random.default_rng(seed).permutation(len(together)) for i in together[g]]


@pytest.mark.parametrize("shuffle", [False, True], ids=["in order", "shuffled"])
@pytest.mark.parametrize("sharing", SHARING)
def test_each_source_is_read_once_a_pass(local_scheduler, sharing, shuffle):
    containers = SHARING[sharing]()
    blocks = align(**containers)
    n_sources = sum("read" in str(k) for k in containers["X"].__dask_graph__())
    for _ in range(2):
        with dask.config.set({"streamlearn.segment": 7}):
            order = shuffled(blocks) if shuffle else None
            first_rows, records = run(gather, (), blocks, order=order)
        read = tracking.reads(tracking.drain())
        assert len(read) == len(set(read)) == n_sources
        assert [r.block for r in records] == (order or list(range(len(blocks))))
        ends = np.cumsum([0, *(r.rows for r in sorted(records, key=lambda r: r.block))])
        assert list(first_rows) == [ends[r.block] for r in records]
    reduce(lambda block: block.number, max, blocks)
    read = tracking.reads(tracking.drain())
    assert len(read) == len(set(read)) == n_sources


def test_a_source_that_blocks_far_apart_need_is_carried_over_segments():
    """Any order will do: a result that later segments need is kept, not made again."""
    blocks = align(X=tall_to_short(40))
    order = np.random.default_rng(1).permutation(40).tolist()
    with dask.config.set({"scheduler": "sync", "streamlearn.segment": 3, "streamlearn.window": 40}):
        state, _ = run(gather, (), blocks, order=order)
    assert list(state) == [5 * i for i in order]
    assert len(tracking.reads(tracking.drain())) == 4


def test_blocks_that_share_a_source_form_a_group():
    assert groups(align(X=plain(4)).plan) == [[0], [1], [2], [3]]
    tens = [list(range(10 * g, 10 * g + 10)) for g in range(4)]
    assert groups(align(X=tall_to_short(40)).plan) == tens
    # Sources of 6 and 4 rows in turn under blocks of 5: two blocks, two sources, and again.
    X = source([6, 4] * 3).rechunk((5, COLUMNS))
    assert groups(align(X=X).plan) == [[0, 1], [2, 3], [4, 5]]
    # A chain of overlaps is one group.
    assert groups(align(X=source([7, 7, 6]).rechunk((5, COLUMNS))).plan) == [[0, 1, 2, 3]]


def test_the_groups_of_y_join_those_of_x():
    X, y = plain(4), source([10, 10]).rechunk((5, COLUMNS))[:, 0]
    assert groups(align(X=X, y=y).plan) == [[0, 1], [2, 3]]


def test_what_all_blocks_need_keeps_no_blocks_together():
    """A vector of coefficients or a mean is in memory in any order."""
    X, alone = plain(4), [[0], [1], [2], [3]]
    w = da.from_delayed(dask.delayed(np.ones)(COLUMNS), (COLUMNS,), dtype=float)
    assert groups(align(X=X, y=X @ w).plan) == alone
    assert groups(align(X=X - X.mean(axis=0)).plan) == alone
    pairs = tall_to_short(40)
    assert groups(align(X=pairs, y=pairs @ w).plan) == groups(align(X=pairs).plan)


def test_data_in_memory_share_nothing():
    """All blocks are cut from one array, which is there anyway."""
    X = da.from_array(tracking.rows(0, 20), chunks=(5, COLUMNS))
    plan = align(X=X, y=np.arange(20)).plan
    assert groups(plan) == [[0], [1], [2], [3]]
    assert not plan.shared


BY_COLUMNS = {
    "chunks of columns": lambda: da.concatenate([source([40]) for _ in range(3)], axis=1),
    "one task": lambda: source([40]),
    "more chunks of columns than the window": lambda: da.concatenate(
        [source([40]) for _ in range(9)], axis=1
    ),
}


@pytest.mark.parametrize("layout", BY_COLUMNS)
def test_sources_of_all_rows_warn_and_the_warning_says_what_to_do(layout):
    X = BY_COLUMNS[layout]().rechunk({0: 5})
    y = np.arange(40)
    blocks = align(X=X, y=y)
    assert groups(blocks.plan) == [[i] for i in range(8)]  # they are in memory in any order
    remedy = "chunked by columns.*Store the data in chunks of whole rows"
    with (
        dask.config.set({"scheduler": "sync", "streamlearn.window": 2}),
        pytest.warns(UserWarning, match=remedy),
    ):
        state, _ = run(gather, (), blocks)
    assert state == tuple(range(0, 40, 5))


def test_a_statistic_of_all_rows_warns_and_says_what_to_do():
    """Every block waits for the mean, which waits for every block."""
    X = plain(20)
    with (
        dask.config.set({"scheduler": "sync", "streamlearn.window": 2}),
        pytest.warns(UserWarning, match="statistic of all rows.*compute the statistic first"),
    ):
        run(gather, (), align(X=X - X.mean(axis=0)))


@pytest.mark.parametrize("lazily", [True, False])
def test_rows_shuffled_across_blocks_warn_and_the_advice_works(lazily):
    """Each block is made of all sources; its row numbers are its own, and no data."""
    X = plain(20)
    y = X[:, 0]
    split = partial(train_test_split, X, y, test_size=0.2, random_state=0)
    window = {"scheduler": "sync", "streamlearn.window": 2}
    X_train, _, y_train, _ = split()
    with (
        dask.config.set(window),
        pytest.warns(UserWarning, match=r"rows may be in random order.*Split rows within blocks"),
    ):
        run(gather, (), align(X=X_train, y=y_train))
    tracking.drain()
    X_train, _, y_train, _ = within_blocks(X, y, test_size=0.2, random_state=0)
    X_train, y_train = (X_train, y_train) if lazily else (X_train[::2], y_train[::2])
    with dask.config.set(window), warnings.catch_warnings():
        warnings.simplefilter("error")
        run(gather, (), align(X=X_train, y=y_train))
    assert tracking.peak(tracking.drain()) <= 2 + 1


SLICED = {
    "a step": lambda X: X[::3],
    "a mask": lambda X: X[np.arange(100) % 7 > 2],
    "sorted numbers": lambda X: X[np.flatnonzero(np.arange(100) % 2)],
    "columns in another order": lambda X: X[:, [2, 0, 1]],
    "shuffled within blocks": lambda X: X[np.arange(100).reshape(20, 5)[:, ::-1].ravel()],
    "blocks in another order": lambda X: X[np.arange(100).reshape(20, 5)[::-1].ravel()],
    "in memory": lambda X: da.from_array(tracking.rows(0, 100), chunks=(5, COLUMNS))[
        np.random.default_rng(0).permutation(100)
    ],
}


@pytest.mark.parametrize("slicing", SLICED)
def test_slices_that_need_few_sources_a_block_do_not_warn(slicing):
    X = SLICED[slicing](plain(20))
    with (
        dask.config.set({"scheduler": "sync", "streamlearn.window": 3}),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("error")
        run(gather, (), align(X=X))


def test_a_small_task_that_feeds_every_block_neither_warns_nor_slows():
    """A scale, a shift, a model: no waiting could free them, so they do not count."""
    scale, shift = (
        da.from_delayed(dask.delayed(np.full)(COLUMNS, fill), (COLUMNS,), dtype=float)
        for fill in (2.0, 1.0)
    )
    blocks = align(X=copies(plain(100) * scale + shift))
    assert len([k for k in blocks.plan.shared if "full" in str(k)]) == 2
    with (
        dask.config.set({"scheduler": "threads", "num_workers": 2, "streamlearn.segment": 10}),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("error")
        assert run(tracking.slow, 0.0, blocks)[0] == (2 * tracking.rows(0, 500) + 1).sum()
        assert tracking.peak(tracking.drain()) <= 3
        # With the two counted, each load would wait for the step before it.
        assert_overlap(blocks)


def test_few_blocks_of_one_source_are_no_reason_to_warn():
    with dask.config.set({"scheduler": "sync", "streamlearn.window": 2}):
        run(gather, (), align(X=source([15]).rechunk((5, COLUMNS))))


class Counted:
    """Graphs that a scheduler was given."""

    def __init__(self):
        self.graphs = []

    def __call__(self, graph, keys, **kwargs):
        self.graphs.append(dict(graph))
        return dask.get(graph, keys, **kwargs)


@pytest.mark.parametrize("layout", ["X alone", "X and y, one source", "X and y, unknown lengths"])
def test_a_block_costs_two_tasks_whatever_it_is_made_of(layout):
    """What costs time at 10,000 blocks is the number of tasks. One more a segment is the state."""
    blocks = align(**SHARING[layout]())
    counted = Counted()
    with dask.config.set({"scheduler": counted, "streamlearn.segment": 8}):
        run(gather, (), blocks)
        folds = len(counted.graphs)
        reduce(lambda block: block.number, max, blocks)
    assert [len(g) for g in counted.graphs[:folds]] == [2 * 8 + 1] * 5
    (merging,) = counted.graphs[folds:]
    assert len(merging) == 40 + (5 + 1) + 5  # blocks, merges, and waits for the lower merges


def test_a_rechunk_adds_only_its_own_tasks():
    blocks = align(X=source([50] * 4).rechunk((5, COLUMNS)))
    counted = Counted()
    with dask.config.set({"scheduler": counted, "streamlearn.segment": 10}):
        run(gather, (), blocks)
    shared = len(blocks.plan.shared)
    assert shared <= 3 * 4
    assert sum(len(g) for g in counted.graphs) == 2 * 40 + 4 + shared


def test_planning_takes_time_in_proportion_to_blocks():
    """A graph with a layer for each source is walked by layers; looking up a key tries them all."""
    X = source([5] * 40)

    def look_up(self, key):
        raise AssertionError("a key was looked up in every layer")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(X.__dask_graph__()), "__getitem__", look_up)
        align(X=X)


def test_a_block_that_cannot_be_read_is_named_and_its_error_stays(local_scheduler):
    def rows(block):
        return len(block.X)

    X = failing(5, 3)
    for blocks, says in (
        (align(X=X), "In block 3 of X, which"),
        (align(X=X, y=da.zeros(20, chunks=4)), "In block 3 of X and y, which"),
        (align(X=X.rechunk((2, 2))), "In what block 6 shares with others, which"),
        (align(X=X[:, :1], y=X[:, 1]), "In block 3 of X and y, which"),
    ):
        for call in (
            lambda blocks=blocks: reduce(rows, int.__add__, blocks),
            lambda blocks=blocks: run(gather, (), blocks),
        ):
            with pytest.raises(FileNotFoundError, match=r"part-3\.npy") as raised:
                call()
            (note,) = raised.value.__notes__
            assert note.startswith(f"{says} could not be computed")
