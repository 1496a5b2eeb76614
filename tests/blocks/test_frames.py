"""dask DataFrames from real Parquet files: few columns, each file once, partitions that move."""

from __future__ import annotations

import re
from pathlib import Path

import dask
import dask.array as da
import numpy as np
import pandas as pd
import pytest
from dask.base import collections_to_expr

from streamlearn.blocks import align, map_rows, reduce
from streamlearn.blocks.categorized import mended
from tests.blocks import tracking
from tests.blocks.tracking import run, see

dd = pytest.importorskip("dask.dataframe", reason="dask DataFrames are an extra")
pytest.importorskip("pyarrow", reason="reads Parquet")

FEATURES = [f"x{j}" for j in range(9)]
FILES, ROWS = 6, 500
AS_THEY_ARE = re.escape(
    "Give columns of one frame as they are: df[features] and df[target]. For arrays, "
)
REMEDY = "Select all columns in one frame and split it afterwards: " + re.escape(
    "Xy = df[features + [target]].to_dask_array(); X, y = Xy[:, :-1], Xy[:, -1]."
)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    values = np.random.default_rng(0).normal(size=(FILES * ROWS, len(FEATURES)))
    return pd.DataFrame(values, columns=FEATURES).assign(late=np.arange(FILES * ROWS) % 2)


@pytest.fixture(scope="module")
def folder(table, tmp_path_factory) -> Path:
    """Six files, so small that dask reads several in one partition where it needs few columns."""
    folder = tmp_path_factory.mktemp("flights")
    for i in range(FILES):
        table.iloc[i * ROWS : (i + 1) * ROWS].to_parquet(folder / f"part.{i}.parquet")
    return folder


@pytest.fixture(autouse=True)
def _in_this_thread():
    with dask.config.set(scheduler="sync"):
        yield


def joined(blocks):
    _, records = run(see, 0, blocks)
    return [np.concatenate(part) for part in zip(*(r.report for r in records), strict=True)]


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # of dask, in pandas 3.1
@pytest.mark.parametrize("target", ["late", "kind"])
def test_a_frame_after_categorize_comes_and_only_its_columns_are_read(table, target, tmp_path):
    """dask's planner looks for the column of categories, also if it has left it out."""
    table = table.assign(kind=["a", "b"] * (len(table) // 2))
    dd.from_pandas(table, npartitions=3).to_parquet(tmp_path)
    df = dd.read_parquet(tmp_path).categorize(["kind"])
    X, y = joined(align(X=df[FEATURES[:2]], y=df[target]))
    np.testing.assert_array_equal(X, table[FEATURES[:2]])
    assert list(y) == list(table[target])
    asked = mended(collections_to_expr([df[FEATURES[:2]], df[target]])).simplify()
    reads = [x for x in asked.walk() if type(x).__name__.startswith("ReadParquet")]
    assert reads
    assert all(set(x.columns) == {*FEATURES[:2], target} for x in reads)


def test_frames_come_as_they_are(folder, table):
    """Each keeps its own columns, as dask.optimize on both would not have it."""
    df = dd.read_parquet(folder)
    blocks = align(X=df[FEATURES], y=df["late"])
    kinds = run(lambda state, parts: (state, [type(p) for p in parts]), 0, blocks)[1]
    assert all(r.report == [pd.DataFrame, pd.Series] for r in kinds)
    X, y = joined(blocks)
    np.testing.assert_array_equal(X, table[FEATURES])
    np.testing.assert_array_equal(y, table["late"])


def test_frames_known_and_unknown_and_filtered_come_right(table):
    df = dd.from_pandas(table, npartitions=4)
    kept = df[df.x0 > 0]
    (X, y), expected = joined(align(X=kept[["x1", "x2"]], y=kept["late"])), table[table.x0 > 0]
    np.testing.assert_array_equal(X, expected[["x1", "x2"]])
    np.testing.assert_array_equal(y, expected["late"])


class Reader:
    """Reads a file with pandas and remembers what."""

    def __init__(self, folder):
        self.folder, self.seen = folder, []

    def __call__(self, i, columns=None):
        self.seen.append((i, tuple(columns)))
        return pd.read_parquet(self.folder / f"part.{i}.parquet", columns=columns)


@pytest.mark.parametrize("shape", ["frames", "arrays"])
def test_only_the_columns_asked_for_are_read_and_each_file_once(folder, table, shape):
    reader = Reader(folder)
    df = dd.from_map(reader, range(FILES), meta=table.iloc[:0], enforce_metadata=False)
    X, y = df[["x3", "x5"]], df["late"]
    if shape == "arrays":
        Xy = df[["x3", "x5", "late"]].to_dask_array()
        X, y = Xy[:, :-1], Xy[:, -1]
    blocks = align(X=X, y=y)
    reader.seen.clear()
    for _pass in range(2):
        X_read, y_read = joined(blocks)
        assert sorted(i for i, _ in reader.seen) == list(range(FILES))
        assert {frozenset(columns) for _, columns in reader.seen} == {
            frozenset(["x3", "x5", "late"])
        }
        reader.seen.clear()
        np.testing.assert_array_equal(X_read, table[["x3", "x5"]])
        np.testing.assert_array_equal(y_read, table["late"])


@pytest.mark.parametrize("verify_meta", [False, True])
def test_frames_of_delayed_parts_come_right(table, verify_meta):
    """Also where dask does not check the parts: then their tasks go by a second name."""
    parts = [dask.delayed(table.iloc[at : at + ROWS]) for at in range(0, len(table), ROWS)]
    df = dd.from_delayed(parts, meta=table.iloc[:0], verify_meta=verify_meta)
    X, y = joined(align(X=df[FEATURES], y=df["late"]))
    np.testing.assert_array_equal(X, table[FEATURES])
    np.testing.assert_array_equal(y, table["late"])
    np.testing.assert_array_equal(joined(align(X=df))[0], table)


def test_one_column_alone_is_read_alone(folder, table):
    reader = Reader(folder)
    df = dd.from_map(reader, range(FILES), meta=table.iloc[:0], enforce_metadata=False)
    blocks = align(y=df["late"])
    reader.seen.clear()
    assert reduce(lambda block: int(block.y.sum()), int.__add__, blocks) == FILES * ROWS / 2
    assert sorted(reader.seen) == [(i, ("late",)) for i in range(FILES)]


NARROW = {
    "two columns": lambda d: d[["x0", "x1"]],
    "one column": lambda d: d["x0"],
    "computed": lambda d: d.assign(sum=d.x0 + d.x1)[["sum"]],
    "filtered": lambda d: d[d.x0 > 0][["x1"]],
    "some partitions": lambda d: d.partitions[2:][["x0"]],
    "all columns": lambda d: d,
}


@pytest.mark.parametrize("filesystem", ["fsspec", "pyarrow"])
@pytest.mark.parametrize("narrow", NARROW)
def test_a_block_of_a_frame_is_the_partition_of_its_number(folder, narrow, filesystem):
    """Also where dask would join partitions, since little is read of each file."""
    df = dd.read_parquet(folder, filesystem=filesystem)
    X = NARROW[narrow](df)
    for given in ({"X": X}, {"X": X, "y": X}):
        _, records = run(see, 0, align(**given))
        assert len(records) == X.npartitions
        for record in records:
            expected = X.partitions[record.block].compute()
            np.testing.assert_array_equal(record.report[0], expected)


@pytest.mark.parametrize("frame", ["X", "y", "neither"])
def test_an_array_of_a_frame_goes_with_a_frame(folder, table, frame):
    """dask joins partitions where it makes an array of a narrow frame."""
    df = dd.read_parquet(folder)
    given = {"X": df[["x0", "x1"]], "y": df["late"]}
    given = {name: x if name == frame else x.to_dask_array() for name, x in given.items()}
    X, y = joined(align(**given))
    np.testing.assert_array_equal(X, table[["x0", "x1"]])
    np.testing.assert_array_equal(y, table["late"])


def test_selections_read_apart_are_an_error_that_names_cause_and_remedy(folder):
    """Wide X and narrow y are cut differently, and nobody said so."""
    df = dd.read_parquet(folder)
    unknown = r"\(unknown(, unknown)+\)"
    chunkings = f"X and y do not line up: X has row chunks {unknown}, y has {unknown}. "
    cause = (
        "Two selections of columns from the same Parquet files may be read in different partitions."
    )
    with pytest.raises(ValueError, match=f"{chunkings}{cause} {AS_THEY_ARE}(?i:{REMEDY})"):
        align(X=df[FEATURES].to_dask_array(), y=df["late"].to_dask_array())


def test_the_remedy_works(folder, table):
    df, features, target = dd.read_parquet(folder), FEATURES, "late"
    Xy = df[[*features, target]].to_dask_array()
    X, y = Xy[:, :-1], Xy[:, -1]
    X_read, y_read = joined(align(X=X, y=y))
    np.testing.assert_array_equal(X_read, table[FEATURES])
    np.testing.assert_array_equal(y_read, table["late"])


def test_as_many_partitions_of_other_rows_are_an_error_in_the_block(folder, table, tmp_path):
    """Only the data tell: dask knows no lengths on either side."""
    ends = np.cumsum([ROWS] * (FILES - 2) + [ROWS + 1, ROWS - 1]).tolist()
    for i, (a, b) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
        table.iloc[a:b].to_parquet(tmp_path / f"part.{i}.parquet")
    X = dd.read_parquet(folder).to_dask_array()
    y = dd.read_parquet(tmp_path).to_dask_array()[:, -1]
    blocks = align(X=X, y=y)
    # The two blocks that do not line up may be loaded in any order.
    message = (
        rf"The parts of block [45] do not line up: X has {ROWS} rows, y has (501|499) rows\..*"
    )
    with pytest.raises(ValueError, match=f"(?i){message}{REMEDY}"):
        run(see, 0, blocks)
    with pytest.raises(ValueError, match="The parts of block"):
        reduce(lambda block: 0, int.__add__, blocks)


def test_a_frame_X_and_an_array_y_line_up_where_they_have_as_many_blocks(table):
    df = dd.from_pandas(table, npartitions=3)
    y = df["late"].to_dask_array(lengths=True)
    blocks = align(X=df[FEATURES], y=y, sample_weight=np.ones(len(table)))
    assert blocks.rows == y.chunks[0]
    np.testing.assert_array_equal(joined(blocks)[0], table[FEATURES])


def test_y_in_memory_beside_a_frame_is_an_error_whose_remedy_works(folder, table):
    df = dd.read_parquet(folder)
    y = table["late"].to_numpy()
    with pytest.raises(ValueError, match=re.escape("X.to_dask_array() makes of a frame")):
        align(X=df[FEATURES], y=y)
    X = df[FEATURES].to_dask_array()
    X.compute_chunk_sizes()
    np.testing.assert_array_equal(joined(align(X=X, y=y))[1], y)


def test_the_bytes_of_a_frame_are_counted(table):
    df = dd.from_pandas(table, npartitions=2)
    _, records = run(tracking.slow, 0.0, align(X=df["x0"]))
    assert all(r.bytes >= r.rows * 8 for r in records)


def test_predictions_of_a_frame_join_it_again(folder, table):
    """The result has the frame's index and divisions, so that dask assigns it without a shuffle."""
    df = dd.from_pandas(table, npartitions=4)
    late = map_rows(lambda frame: frame.to_numpy()[:, 0] > 0, df[FEATURES], meta=np.empty(0, bool))
    assert late.divisions == df.divisions
    out = df.assign(guess=late).compute()
    np.testing.assert_array_equal(out["guess"], table["x0"] > 0)


def test_arrays_of_a_frame_share_its_read(folder):
    df = dd.read_parquet(folder)
    Xy = df[[*FEATURES, "late"]].to_dask_array()
    blocks = align(X=Xy[:, :-1], y=Xy[:, -1], sample_weight=da.ones_like(Xy[:, 0]))
    assert len(blocks) == df.npartitions
    for recipe in blocks.plan.recipes:
        assert sum("read" in str(node.key) for node, _ in recipe.nodes) <= 2  # task and alias
