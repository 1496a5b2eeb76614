"""Containers line up as blocks of the same rows, or an error names what does not and the remedy."""

from __future__ import annotations

import re

import dask
import dask.array as da
import dask.bag
import numpy as np
import pandas as pd
import pytest

from streamlearn.blocks import align, is_collection, is_frame, row_chunks, whole_rows
from tests.blocks import tracking
from tests.blocks.tracking import COLUMNS, run, see

ROWS = tracking.rows(0, 12)


def parts(blocks):
    """Return the parts of every block."""
    with dask.config.set(scheduler="sync"):
        _, records = run(see, 0, blocks)
    return [record.report for record in records]


def joined(blocks):
    """Return the parts of all blocks, put together again."""
    return [np.concatenate(part) for part in zip(*parts(blocks), strict=True)]


def dask_X(chunks=5):
    return da.from_array(ROWS, chunks=(chunks, COLUMNS))


def unknown(x):
    lengths = (np.nan,) * x.numblocks[0]
    return x.map_blocks(lambda b: b, dtype=x.dtype, chunks=(lengths, *x.chunks[1:]))


def test_arrays_in_memory_make_one_block():
    blocks = align(X=ROWS, y=np.arange(12), sample_weight=None)
    assert (blocks.names, len(blocks), blocks.rows, blocks.plan) == (("X", "y"), 1, (12,), None)
    ((X, y),) = parts(blocks)
    np.testing.assert_array_equal(X, ROWS)
    np.testing.assert_array_equal(y, np.arange(12))


def test_collections_make_a_block_a_chunk():
    X, y = dask_X(), da.arange(12, chunks=5)
    blocks = align(X=X, y=y, sample_weight=None)
    assert (blocks.names, len(blocks), blocks.rows) == (("X", "y"), 3, (5, 5, 2))
    for part, expected in zip(joined(blocks), (ROWS, np.arange(12)), strict=True):
        np.testing.assert_array_equal(part, expected)


@pytest.mark.parametrize("make", [np.asarray, list, pd.Series], ids=["array", "list", "Series"])
def test_y_in_memory_is_cut_like_a_dask_X(make):
    y = make(np.arange(12) * 7)
    if isinstance(y, pd.Series):
        y.index = range(100, 112)  # rows are taken by position
    cut = [part[1] for part in parts(align(X=dask_X(), y=y))]
    assert [c.tolist() for c in cut] == [[0, 7, 14, 21, 28], [35, 42, 49, 56, 63], [70, 77]]


def test_lengths_that_one_collection_knows_serve_all():
    X, y = unknown(dask_X()), da.arange(12, chunks=5)
    blocks = align(X=X, y=y, sample_weight=np.ones(12))
    assert blocks.rows == (5, 5, 2)
    assert [[len(p) for p in block] for block in parts(blocks)] == [[5] * 3, [5] * 3, [2] * 3]


def test_unknown_lengths_line_up_block_by_block():
    blocks = align(X=unknown(dask_X()), y=unknown(da.arange(12, chunks=5)))
    assert blocks.rows == (None, None, None)
    np.testing.assert_array_equal(joined(blocks)[0], ROWS)


def test_one_container_may_come_twice():
    X = dask_X()
    for block in parts(align(X=X, target=X)):
        np.testing.assert_array_equal(block[0], block[1])


@pytest.mark.parametrize("forget", [lambda x: x, unknown], ids=["known", "unknown"])
def test_chunks_of_columns_are_joined_lazily(forget, nothing_runs):
    X = forget(da.from_array(ROWS, chunks=(5, 2)))
    blocks = align(X=X, y=forget(da.arange(12, chunks=5)))
    assert whole_rows(X).numblocks == (3, 1)
    assert len(blocks) == 3
    np.testing.assert_array_equal(joined(blocks)[0], ROWS)


def test_whole_rows_leaves_whole_rows_alone():
    X, y = dask_X(), da.arange(12, chunks=5)
    assert whole_rows(X) is X
    assert whole_rows(y) is y


def test_empty_chunks_are_blocks():
    X = da.from_array(ROWS, chunks=((5, 0, 7), COLUMNS))
    assert align(X=X, y=np.arange(12)).rows == (5, 0, 7)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (
            da.arange(12, chunks=6),
            "X and y do not line up: X has row chunks (5, 5, 2), y has (6, 6). "
            "Rechunk one of them: y.rechunk({0: X.chunks[0]}).",
        ),
        (
            da.arange(12, chunks=((5, 2, 5),)),
            "X and y do not line up: X has row chunks (5, 5, 2), y has (5, 2, 5). "
            "Rechunk one of them: y.rechunk({0: X.chunks[0]}).",
        ),
        (
            da.arange(11, chunks=5),
            "X and y do not line up: X has row chunks (5, 5, 2), y has (5, 5, 1). They have "
            "inconsistent numbers of samples: X has 12 rows, y has 11.",
        ),
        (
            unknown(da.arange(12, chunks=2)),
            "X and y do not line up: X has row chunks (5, 5, 2), y has (unknown, unknown, unknown, "
            "unknown, unknown, unknown). Two selections of columns from the same Parquet files",
        ),
        (
            np.arange(11),
            "Found input variables with inconsistent numbers of samples: X has 12 rows, y has 11.",
        ),
    ],
    ids=["chunks", "order of chunks", "rows", "unknown", "in memory"],
)
def test_what_does_not_line_up_is_named_with_both_chunkings(y, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        align(X=dask_X(), y=y)


def test_the_remedies_in_the_messages_work():
    X, y = dask_X(), da.arange(12, chunks=6)
    assert len(align(X=X, y=y.rechunk({0: X.chunks[0]}))) == 3
    lengths_unknown = unknown(X)
    lengths_unknown.compute_chunk_sizes()
    assert align(X=lengths_unknown, y=np.arange(12)).rows == (5, 5, 2)


def test_long_chunkings_are_cut_short():
    with pytest.raises(ValueError, match=re.escape("(1, 1, 1, 1, 1, 1, ... 12 in all)")):
        align(X=dask_X(), y=da.arange(12, chunks=1))


def test_rows_in_memory_must_be_as_many():
    message = "inconsistent numbers of samples: X has 12 rows, y has 11"
    with pytest.raises(ValueError, match=message):
        align(X=ROWS, y=np.arange(11))


def test_y_in_memory_cannot_be_cut_like_chunks_of_unknown_length():
    message = "y is in memory and the chunks of X have unknown lengths.*X.compute_chunk_sizes()"
    with pytest.raises(ValueError, match=message):
        align(X=unknown(dask_X()), y=np.arange(12))


def test_a_dask_y_beside_X_in_memory_is_refused():
    message = "X is in memory .ndarray. and y is a dask Array.*compute y first"
    with pytest.raises(TypeError, match=message):
        align(X=ROWS, y=da.arange(12, chunks=5))


STRANGERS = {
    "Delayed": lambda: dask.delayed(np.ones)((12, COLUMNS)),
    "Bag": lambda: dask.bag.from_sequence(range(12)),
}


@pytest.mark.parametrize("stranger", STRANGERS)
@pytest.mark.parametrize("where", ["X", "y"])
def test_other_collections_are_refused_by_name(stranger, where):
    given = {"X": dask_X(), "y": da.arange(12, chunks=5)} | {where: STRANGERS[stranger]()}
    with pytest.raises(TypeError, match=f"{where} is a dask {stranger}.*from_delayed makes"):
        align(**given)


def test_kinds_are_told_by_dasks_protocol():
    import dask.dataframe as dd

    frame = dd.from_pandas(pd.DataFrame({"a": [1, 2]}), npartitions=1)
    for x, collection, is_a_frame in [
        (dask_X(), True, False),
        (frame, True, True),
        (frame["a"], True, True),
        (dask.delayed(1), True, False),
        (ROWS, False, False),
        (pd.DataFrame({"a": [1]}), False, False),
    ]:
        assert (is_collection(x), is_frame(x)) == (collection, is_a_frame)
    assert row_chunks(frame) == (None,)
    assert row_chunks(dask_X()) == (5, 5, 2)
    assert row_chunks(unknown(dask_X())) == (None,) * 3


def test_nothing_is_computed_and_nothing_changed(nothing_runs):
    x, y = ROWS.copy(), np.arange(12)
    X = da.from_array(x, chunks=(5, 2))
    before = dict(X.__dask_graph__())
    align(X=X, y=y)
    assert dict(X.__dask_graph__()).keys() == before.keys()
    assert X.numblocks == (3, 2)
    np.testing.assert_array_equal(x, ROWS)
    np.testing.assert_array_equal(y, np.arange(12))
