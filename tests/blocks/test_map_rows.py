"""``map_rows`` is lazy, keeps what came in, and takes blocks of any array library."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import dask
import dask.array as da
import numpy as np
import pandas as pd
import pytest

from streamlearn import _arrays as b
from streamlearn.blocks import map_rows
from tests.blocks import tracking
from tests.blocks.tracking import COLUMNS, plain

ROWS = tracking.rows(0, 12)


def first_column(X):
    return X[:, 0]


def doubled(X):
    return 2 * X[:, :2]


def blocks_of(x):
    """Compute each block by itself, which asks nothing of its kind."""
    return dask.compute(*x.to_delayed().ravel(), scheduler="sync")


def unknown(x):
    lengths = (np.nan,) * x.numblocks[0]
    return x.map_blocks(lambda c: c, dtype=x.dtype, chunks=(lengths, *x.chunks[1:]))


LAYOUTS = {
    "rows": lambda: da.from_array(ROWS, chunks=(5, COLUMNS)),
    "unknown": lambda: unknown(da.from_array(ROWS, chunks=(5, COLUMNS))),
    "columns": lambda: da.from_array(ROWS, chunks=(5, 3)),
    "unknown columns": lambda: unknown(da.from_array(ROWS, chunks=(5, 3))),
    "empty chunks": lambda: da.from_array(ROWS, chunks=((5, 0, 7), COLUMNS)),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_rows_become_values_or_rows(layout):
    X = LAYOUTS[layout]()
    one = map_rows(first_column, X, meta=np.empty(0, ROWS.dtype))
    two = map_rows(doubled, X, meta=np.empty((0, 2), ROWS.dtype))
    assert (one.ndim, two.ndim, one.dtype, two.dtype) == (1, 2, ROWS.dtype, ROWS.dtype)
    assert two.chunks[1] == (2,)
    np.testing.assert_equal((one.chunks[0], two.chunks[0]), (X.chunks[0], X.chunks[0]))
    np.testing.assert_array_equal(one.compute(), ROWS[:, 0])
    np.testing.assert_array_equal(two.compute(), 2 * ROWS[:, :2])


def test_a_one_dimensional_array_has_rows_too():
    y = da.arange(12, chunks=5)
    np.testing.assert_array_equal(
        map_rows(np.negative, y, meta=np.empty(0, int)).compute(), -np.arange(12)
    )
    wide = map_rows(lambda v: np.stack([v, v], axis=1), y, meta=np.empty((0, 2), int))
    np.testing.assert_array_equal(wide.compute(), np.stack([np.arange(12)] * 2, axis=1))


@pytest.mark.parametrize("forget", [lambda x: x, unknown], ids=["known", "unknown"])
@pytest.mark.parametrize("columns", [None, 2])
def test_blocks_of_any_library_stay_in_it(backend, forget, columns):
    """dask sees NumPy, the block decides in the task: its namespace, device and dtype."""
    make = partial(backend.asarray, dtype="float32")
    X = da.from_array(ROWS, chunks=(5, COLUMNS)).map_blocks(make, meta=np.empty((0, 0)))
    seen = []

    def function(block):
        backend.check(block, "float32")
        seen.append(block.shape)
        return block[:, 0] if columns is None else block[:, :columns]

    shape = 0 if columns is None else (0, columns)
    out = blocks_of(map_rows(function, forget(X), meta=np.empty(shape, np.float32)))
    assert sorted(seen) == [(2, COLUMNS), (5, COLUMNS), (5, COLUMNS)]
    for part in out:
        backend.check(part, "float32")
    expected = ROWS[:, 0] if columns is None else ROWS[:, :columns]
    np.testing.assert_array_equal(np.concatenate([backend.to_numpy(p) for p in out]), expected)


def test_every_block_is_read_once_and_no_more_than_threads_are_alive():
    X = plain(40)
    with dask.config.set(scheduler="threads", num_workers=2):
        map_rows(lambda c: c[:, 0] + 0, X, meta=np.empty(0, float)).sum().compute()
    happened = tracking.drain()
    assert len(tracking.reads(happened)) == 40
    assert tracking.peak(happened) <= 3


def test_string_labels_pass():
    labels = map_rows(
        lambda c: np.where(c[:, 0] > 20, "late", "in time"), plain(3), meta=np.empty(0, "<U7")
    )
    assert labels.compute(scheduler="sync").tolist() == ["in time"] * 6 + ["late"] * 9


def test_names_make_a_frame_of_an_array():
    for layout in ("rows", "unknown", "columns"):
        out = map_rows(doubled, LAYOUTS[layout](), meta=np.empty((0, 2), float), names=["a", "b"])
        expected = pd.DataFrame(2 * ROWS[:, :2], columns=["a", "b"])
        got = out.compute(scheduler="sync")
        pd.testing.assert_frame_equal(got.reset_index(drop=True), expected)


class TestFrames:
    @pytest.fixture
    def table(self):
        index = pd.Index(range(100, 112), name="flight")
        return pd.DataFrame(ROWS, columns=list("abcd"), index=index)

    @pytest.fixture
    def frame(self, table):
        dd = pytest.importorskip("dask.dataframe", reason="dask DataFrames are an extra")
        return dd.from_pandas(table, npartitions=3)

    def test_index_and_divisions_stay(self, table, frame):
        one = map_rows(lambda f: f["a"].to_numpy(), frame, meta=np.empty(0, float))
        two = map_rows(
            lambda f: f.to_numpy()[:, :2], frame, meta=np.empty((0, 2), float), names=["u", "v"]
        )
        assert one.divisions == two.divisions == frame.divisions
        pd.testing.assert_series_equal(one.compute(scheduler="sync"), table["a"].rename(None))
        pd.testing.assert_frame_equal(
            two.compute(scheduler="sync"), table[["a", "b"]].set_axis(["u", "v"], axis=1)
        )

    def test_columns_without_names_are_an_array_that_knows_its_frame(self, table, frame):
        late = map_rows(lambda f: f.to_numpy()[:, :2], frame, meta=np.empty((0, 2), float))
        assert isinstance(late, da.Array)
        assert late.shape[1] == 2
        np.testing.assert_array_equal(late.compute(scheduler="sync"), table[["a", "b"]])
        one = map_rows(first_column, late, meta=np.empty(0, float))
        assert one.divisions == frame.divisions
        pd.testing.assert_series_equal(one.compute(scheduler="sync"), table["a"].rename(None))

    def test_what_dask_shows_is_what_comes(self, frame):
        """dtypes of the lazy frame and of the computed one agree, strings too."""
        for values, dtype in [
            (np.full(12, "late", dtype="<U4"), np.dtype("<U4")),
            (np.full(12, "late", dtype=object), np.dtype(object)),
            (np.ones(12, dtype=np.int32), np.dtype("int32")),
            (np.ones(12, dtype=bool), np.dtype(bool)),
        ]:
            out = map_rows(lambda f, v=values: v[: len(f)], frame, meta=np.empty(0, dtype))
            assert out.compute(scheduler="sync").dtype == out.dtype

    def test_nothing_is_computed(self, frame, nothing_runs):
        map_rows(lambda f: f.to_numpy()[:, 0], frame, meta=np.empty(0, float))

    # dask's writer calls pandas' set_index in a way that pandas 3.1 deprecates.
    @pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame.set_index")
    def test_an_array_of_a_frame_goes_back_to_parquet(self, table, frame, tmp_path):
        """The main job's last line: predictions of unknown length, and nothing read before it."""
        pytest.importorskip("pyarrow", reason="writes Parquet")
        X = frame.to_dask_array()
        out = map_rows(first_column, X, meta=np.empty(0, float))
        out.to_dask_dataframe(columns=["late"]).to_parquet(tmp_path / "p.parq")
        got = pd.read_parquet(tmp_path / "p.parq")
        np.testing.assert_array_equal(got["late"], table["a"])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_nothing_is_computed_before_it_is_asked_for(layout, nothing_runs):
    X = LAYOUTS[layout]()
    map_rows(first_column, X, meta=np.empty(0, float))
    map_rows(doubled, X, meta=np.empty((0, 2), float))
    map_rows(doubled, X, meta=np.empty((0, 2), float), names=["a", "b"])


def test_maps_of_maps_make_no_block_in_between():
    """What was made by functions of rows is made from the block before, in cache-sized batches."""
    rows = 3 * b.batch_rows(np.zeros((1, COLUMNS)))
    X = da.from_array(np.zeros((rows, COLUMNS)), chunks=(rows, COLUMNS))
    largest = []

    def plus_one(block):
        largest.append(block.shape[0])
        return block + 1

    once = map_rows(plus_one, X, meta=np.empty((0, COLUMNS), float))
    result = map_rows(plus_one, once, meta=np.empty((0, COLUMNS), float)).compute(scheduler="sync")
    assert result.shape == (rows, COLUMNS)
    assert np.all(result == 2)
    assert len(largest) == 6
    assert max(largest) == rows // 3


class Numbered:
    """A function of rows that asks for the number of their block, and adds it."""

    numbered = True

    def __call__(self, number):
        return lambda rows: np.asarray(rows) + number


@pytest.mark.parametrize("framed", [False, True])
def test_a_function_may_ask_for_the_number_of_a_block(framed):
    import dask.dataframe as dd

    frame = pd.DataFrame(ROWS, index=np.arange(12) * 10)
    X = dd.from_pandas(frame, npartitions=3) if framed else da.from_array(ROWS, chunks=(4, COLUMNS))
    names = list("abcdefgh")[:COLUMNS] if framed else None
    out = map_rows(Numbered(), X, meta=np.empty((0, COLUMNS)), names=names)
    want = ROWS + np.repeat([0, 1, 2], 4)[:, None]
    np.testing.assert_array_equal(out.compute(), want)
    one = out.partitions[2] if framed else out.blocks[2]
    np.testing.assert_array_equal(one.compute(), want[8:])
    further = map_rows(Numbered(), out, meta=np.empty((0, COLUMNS)), names=names)
    np.testing.assert_array_equal(further.compute(), want + np.repeat([0, 1, 2], 4)[:, None])
    if framed:
        assert further.compute().index.equals(frame.index)


def test_threads_that_map_at_once_leave_no_setting_of_dask(monkeypatch):
    import dask.dataframe as dd

    module = sys.modules[map_rows.__module__]
    X = dd.from_pandas(pd.DataFrame(ROWS), npartitions=2)
    whole, waits = module._of_frame_blocks, iter([0.01, 0.03])

    def slow(*args):
        time.sleep(next(waits))
        return whole(*args)

    monkeypatch.setattr(module, "_of_frame_blocks", slow)
    before = dask.config.get("optimization.tune.active", None)
    with ThreadPoolExecutor(2) as pool:
        [*pool.map(lambda _: map_rows(np.asarray, X, meta=ROWS[:0]), range(2))]
    assert dask.config.get("optimization.tune.active", None) == before


def test_an_error_names_the_block(local_scheduler):
    def refuse_35(rows):
        if np.any(np.asarray(rows) == 35):
            raise KeyError("35 is none of ours")
        return np.asarray(rows)[:, 0]

    x = np.arange(40.0)[:, None]
    X = da.from_array(x, chunks=(10, 1))
    lazy = map_rows(refuse_35, X, meta=np.empty(0, float))
    for some in (lazy, lazy.blocks[3], lazy[32:], map_rows(np.sqrt, lazy, meta=np.empty(0, float))):
        with pytest.raises(KeyError, match="none of ours") as raised:
            some.compute()
        assert raised.value.__notes__ == ["In block 3."]
    frame = X.to_dask_dataframe(columns=["a"])
    with pytest.raises(KeyError, match="none of ours") as raised:
        map_rows(refuse_35, frame, meta=np.empty(0, float)).compute()
    assert raised.value.__notes__ == ["In partition 3 of those asked for."]
