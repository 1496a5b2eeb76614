"""`train_test_split`: which rows are drawn, how many, and what is read."""

from __future__ import annotations

import warnings
from functools import partial

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn import model_selection as theirs

from streamlearn.blocks import from_blocks
from streamlearn.linear_model import SGDRegressor
from streamlearn.model_selection import KFold, train_test_split
from streamlearn.model_selection.draws import Draw, DrawnPart
from streamlearn.model_selection.folds import Folds, places
from tests.backends import open_backend
from tests.blocks import tracking
from tests.containers import CASES, CHUNKS, INDEX, N_ROWS, Container, dask_array, dask_frame

CHUNKINGS = st.lists(st.sampled_from([0, 1, 2, 3, 10, 25]), min_size=1, max_size=8).filter(
    lambda chunks: sum(chunks) > 3
)


def rows(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows that say their number, and their numbers."""
    numbers = np.arange(n, dtype=float)
    return np.column_stack([numbers, -numbers]), numbers


@settings(max_examples=12)
@given(
    chunks=CHUNKINGS,
    test_size=st.sampled_from([None, 0.1, 0.5, 0.8, 2]),
    train_size=st.sampled_from([None, 0.15, 1]),
    labelled=st.booleans(),
    known=st.booleans(),
    seed=st.integers(0, 2**31 - 1),
)
def test_parts_are_disjoint_and_of_the_same_rows(
    chunks, test_size, train_size, labelled, known, seed
):
    if not known:
        test_size, train_size = 0.4 if test_size == 2 else test_size, train_size and 0.15
    X, y = rows(sum(chunks))
    X, y = (dask_array(x, chunks, known=known) for x in (X, y))
    how = {"test_size": test_size, "train_size": train_size, "random_state": seed}
    parts = train_test_split(X, y, stratify=y % 2 if labelled else None, **how)
    again = train_test_split(X, y, stratify=y % 2 if labelled else None, **how)
    X_train, X_test, y_train, y_test = dask.compute(*parts, scheduler="sync")
    np.testing.assert_array_equal(X_train[:, 0], y_train)
    np.testing.assert_array_equal(X_test[:, 0], y_test)
    assert not set(y_train) & set(y_test)
    assert len({*y_train, *y_test}) == len(y_train) + len(y_test) <= sum(chunks)
    for part, one in zip(again, (X_train, X_test, y_train, y_test), strict=True):
        np.testing.assert_array_equal(part.compute(scheduler="sync"), one)
    if train_size is None:
        assert len(y_train) + len(y_test) == sum(chunks)
    if known:
        expected = theirs.train_test_split(range(sum(chunks)), **how)
        assert [len(y_train), len(y_test)] == [*map(len, expected)]
        assert [len(part) for part in parts[2:]] == [*map(len, expected)]
        for part in parts[2:]:
            found = [len(part.blocks[i].compute(scheduler="sync")) for i in range(len(chunks))]
            assert tuple(found) == part.chunks[0]


@settings(max_examples=12)
@given(chunks=CHUNKINGS, share=st.sampled_from([0.2, 0.5, 0.75]), seed=st.integers(0, 999))
def test_each_block_has_its_share_up_to_a_row(chunks, share, seed):
    X, _ = rows(sum(chunks))
    for known in (True, False):
        _, test = train_test_split(
            dask_array(X, chunks, known=known), test_size=share, random_state=seed
        )
        exact = share if not known else np.ceil(share * sum(chunks)) / sum(chunks)
        for i, n in enumerate(chunks):
            assert abs(len(test.blocks[i].compute(scheduler="sync")) - exact * n) < 1


@pytest.mark.parametrize("labels", [None, "ab"])
@pytest.mark.parametrize("known", [True, False])
def test_rows_of_small_blocks_are_drawn_as_often_as_others(known, labels):
    """The counts of 500 draws are within five standard deviations of the share."""
    chunks = (1, 1, 1, 4, 1, 13)
    n, share = sum(chunks), 6 / 21
    how = (6, 15, n) if known else (share, 1 - share, None)
    times = np.zeros(n)
    for seed in range(500):
        draw = Draw(seed, *how, stratified=labels is not None)
        for place in places(chunks):
            named = None if labels is None else [labels[i % 2] for i in range(place.n_rows)]
            times[place.start + draw.rows(place._replace(labels=named))[0]] += 1
    assert abs(times - 500 * share).max() < 5 * np.sqrt(500 * share * (1 - share))


def test_blocks_of_equal_length_have_draws_of_their_own():
    draw, folds = Draw(0, 0.5, 0.5, None), Folds(2, seed=0)
    drawn = {tuple(sorted(draw.rows(place)[0])) for place in places([20] * 10)}
    dealt = {tuple(folds.of_rows(place)) for place in places([20] * 10)}
    assert len(drawn) == len(dealt) == 10


@pytest.mark.parametrize("known", [True, False])
def test_the_total_over_blocks_of_one_row_is_the_share(known):
    part = partial(DrawnPart, test=True)
    for seed in range(50):
        draw = Draw(seed, 40, 160, 200) if known else Draw(seed, 0.2, 0.8, None)
        assert abs(sum(part(draw).counts([1] * 200)) - 40) <= (0 if known else 3)


@given(chunks=CHUNKINGS, share=st.sampled_from([0.1, 0.5, 0.7]), seed=st.integers(0, 999))
def test_labels_have_their_share_in_each_block_up_to_a_row(chunks, share, seed):
    rng = np.random.default_rng(seed)
    labels = rng.choice(["a", "b", None], p=[0.7, 0.2, 0.1], size=sum(chunks))
    draw, end = Draw(seed, share, 1 - share, None, stratified=True), 0
    for place in places(chunks):
        end += place.n_rows
        of_block = labels[end - place.n_rows : end]
        test, train = draw.rows(place._replace(labels=of_block))
        assert sorted([*test, *train]) == [*range(place.n_rows)]
        for label in ("a", "b", None):
            expected = share * (of_block == label).sum()
            assert abs((of_block[test] == label).sum() - expected) < 2


@pytest.mark.parametrize("of_frame", [True, False])
@pytest.mark.parametrize("labels_of_frame", [True, False])
def test_labels_may_be_text_with_missing_values(of_frame, labels_of_frame):
    text = np.tile(["a", "b", None, "b", "b"], N_ROWS // 5).astype(object)
    numbers = np.arange(N_ROWS)
    X = dask_frame(numbers) if of_frame else dask_array(numbers, known=False)
    labels = dask_frame(text) if labels_of_frame else dask_array(text)
    train, test = train_test_split(X, test_size=0.2, random_state=0, stratify=labels)
    drawn = text[np.asarray(test.compute(scheduler="sync"))]
    assert len(train.compute(scheduler="sync")) + len(drawn) == N_ROWS
    for label, share in (("a", 1 / 5), ("b", 3 / 5), (None, 1 / 5)):
        assert abs((drawn == label).sum() - 0.2 * share * N_ROWS) < 4


def test_rare_labels_in_many_blocks_have_about_their_share():
    labels = np.tile([0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 100)
    y = dask_array(labels, (10,) * 100, known=False)
    for seed in range(5):
        _, test = train_test_split(y, test_size=0.2, random_state=seed, stratify=y)
        assert abs(test.compute(scheduler="sync").sum() - 20) <= 3


def test_several_columns_of_labels_are_one_label():
    y = dask_array(np.column_stack([np.arange(80) % 2, np.arange(80) // 2 % 2]), (40, 40))
    _, test = train_test_split(y, test_size=0.25, random_state=0, stratify=y)
    _, times = np.unique(test.compute(), axis=0, return_counts=True)
    assert times.sum() == 20
    assert abs(times - 5).max() < 4


@settings(max_examples=12)
@given(chunks=CHUNKINGS, test_size=st.sampled_from([0.3, 2]), train_size=st.sampled_from([None, 1]))
def test_without_shuffling_the_parts_are_those_of_scikit_learn(chunks, test_size, train_size):
    X, y = rows(sum(chunks))
    how = {"test_size": test_size, "train_size": train_size, "shuffle": False}
    found = train_test_split(dask_array(X, chunks), dask_array(y, chunks), **how)
    for part, known in zip(found, theirs.train_test_split(X, y, **how), strict=True):
        assert part.shape == known.shape
        np.testing.assert_array_equal(part.compute(scheduler="sync"), known)


def test_without_shuffling_blocks_of_unknown_lengths_are_cut_at_the_share_of_blocks():
    train, test = train_test_split(
        dask_array(np.arange(20), (4, 4, 4, 8), known=False), test_size=0.375, shuffle=False
    )
    assert train.compute().tolist() == [*range(10)]
    assert test.compute().tolist() == [*range(10, 20)]


# Containers


@pytest.mark.parametrize("case", [c for c in CASES if c[1].startswith("dask")], ids="-".join)
def test_rows_of_any_library_stay_what_they_are(case):
    with open_backend(case[0]) as backend:
        split_in(Container(case[1], backend))


def split_in(container: Container) -> None:
    kind = container.kind
    X, _ = rows(N_ROWS)
    log: list[int] = []
    parts = train_test_split(container.wrap(X, log), container.wrap(X[:, 0]), random_state=0)
    assert log == []
    X_train, X_test, y_train, y_test = (
        [container.backend.to_numpy(block) if not container.is_frame else block.to_numpy()
         for block in dask.compute(*np.ravel(np.asarray(part.to_delayed(), dtype=object)))]
        for part in parts
    )  # fmt: skip
    for some, labels in ((X_train, y_train), (X_test, y_test)):
        if kind != "dask-columns":
            np.testing.assert_array_equal(np.concatenate(some)[:, 0], np.concatenate(labels))
    assert abs(sum(map(len, y_test)) - 0.25 * N_ROWS) < 3
    assert [len(a) + len(b) for a, b in zip(y_train, y_test, strict=True)] == list(CHUNKS)


def test_sparse_blocks_and_blocks_of_three_dimensions_are_split():
    X, y = rows(60)
    sparse = dask_array(X, (30, 0, 30), make=csr_array, known=False)
    cube = dask_array(np.broadcast_to(X[:, :, None], (60, 2, 3)).copy(), (30, 0, 30))
    labels = dask_array(y, (30, 0, 30))
    (_, found, _, cubes, _, known) = train_test_split(sparse, cube, labels, random_state=0)
    blocks = dask.compute(*np.ravel(found.to_delayed()))
    assert all(block.format == "csr" for block in blocks)
    known = known.compute()
    np.testing.assert_array_equal(np.concatenate([b.toarray() for b in blocks])[:, 0], known)
    np.testing.assert_array_equal(cubes.compute()[:, 0, 2], known)


def test_frames_keep_index_dtypes_and_divisions():
    frame = pd.DataFrame(
        {"n": np.arange(50), "c": pd.Categorical(["u", "v"] * 25), "s": ["x", None] * 25},
        index=pd.date_range("2024-01-01", periods=50),
    )
    lazy = dd.from_pandas(frame, npartitions=6)
    known = lazy.compute()
    for shuffle in (True, False):
        train, test = train_test_split(lazy, random_state=0, shuffle=shuffle)
        assert train.divisions == test.divisions == lazy.divisions
        both = pd.concat(dask.compute(train, test)).sort_index()
        pd.testing.assert_frame_equal(both, known, check_freq=False)
        pd.testing.assert_frame_equal(test.compute(), known.loc[test.compute().index])
        series = train_test_split(lazy["n"], random_state=0, shuffle=shuffle)[1]
        pd.testing.assert_series_equal(series.compute(), test["n"].compute())


@pytest.mark.filterwarnings("ignore:The inplace keyword")
def test_columns_of_files_get_the_same_rows_whichever_are_read(tmp_path):
    """dask's planner joins partitions of a file if few of its columns are read."""
    frame = pd.DataFrame({f"c{i}": np.arange(400.0) for i in range(12)})
    dd.from_pandas(frame, npartitions=20).to_parquet(tmp_path, write_index=False)
    lazy = dd.read_parquet(tmp_path)
    assert lazy["c1"].optimize().npartitions < 20
    parts = train_test_split(lazy[["c0", *lazy.columns[2:]]], lazy["c1"], random_state=0)
    together = dask.compute(*parts)
    for part, one in zip(parts, together, strict=True):
        assert part.npartitions == 20
        np.testing.assert_array_equal(part.compute(), one)
    X_train, _, y_train, y_test = together
    np.testing.assert_array_equal(X_train["c0"], y_train)
    assert abs(len(y_test) - 100) <= 3


def test_rows_in_memory_are_split_by_scikit_learn():
    X, y = rows(30)
    how = {"test_size": 7, "random_state": 3, "stratify": y % 2}
    for pair in ((X, y), (pd.DataFrame(X), pd.Series(y)), (X.tolist(), y.tolist())):
        found, known = train_test_split(*pair, **how), theirs.train_test_split(*pair, **how)
        for a, b in zip(found, known, strict=True):
            assert type(a) is type(b)
            np.testing.assert_array_equal(a, b)


# What is read


def test_a_fit_on_the_training_part_loads_each_block_once():
    log: list[int] = []
    X, _ = rows(N_ROWS)
    both = dask_array(X, log=log)
    X_train, X_test, y_train, y_test = train_test_split(both, both[:, 0], random_state=0)
    model = SGDRegressor(random_state=0).fit(X_train, y_train)
    assert sorted(log) == [0, 1, 2, 3]
    log.clear()
    model.score(X_test, y_test)
    assert sorted(log) == [0, 1, 2, 3]


def test_a_fit_on_the_training_part_of_a_frame_loads_each_partition_once():
    log: list[int] = []
    frame = dask_frame(rows(N_ROWS)[0], log=log)
    X_train, _, y_train, _ = train_test_split(frame[["f0"]], frame["f1"], random_state=0)
    SGDRegressor(random_state=0).fit(X_train, y_train)
    assert sorted(log) == [0, 1, 2, 3]


def test_few_blocks_are_alive_at_a_time():
    tracking.drain()
    X = tracking.plain(60)
    train, test = train_test_split(X, random_state=0)
    with dask.config.set(scheduler="threads", num_workers=2):
        dask.compute(train.sum(), test.sum())
    happened = tracking.drain()
    assert len(tracking.reads(happened)) == 60
    assert tracking.peak(happened) <= 8


def test_parts_on_a_cluster_are_those_of_threads(cluster):
    X, y = rows(N_ROWS)
    given = dask_array(X, known=False), dask_array(y, known=False)
    frame = dask_frame(X)
    parts = train_test_split(*given, random_state=0, stratify=given[1] % 2)
    parts += train_test_split(frame, frame["f0"], random_state=0, stratify=frame["f0"] % 2)
    there = [part.persist() for part in parts]
    for a, b in zip(there, parts, strict=True):
        np.testing.assert_array_equal(a.compute(), b.compute(scheduler="sync"))
    pd.testing.assert_index_equal(there[6].compute().index, there[4].compute().index)
    kept = frame.persist()
    for a, b in zip(
        KFold(2).split_collections(kept), KFold(2).split_collections(frame), strict=True
    ):
        for one, other in zip(a, b, strict=True):
            pd.testing.assert_frame_equal(one[0].compute(), other[0].compute(scheduler="sync"))
    _, here = train_test_split(kept, random_state=0)
    pd.testing.assert_frame_equal(
        here.compute(), train_test_split(frame, random_state=0)[1].compute(scheduler="sync")
    )
    assert set(there[5].compute().index) | set(there[4].compute().index) == set(INDEX)


def test_a_shuffled_frame_warns_unless_it_is_persisted():
    frame = dask_frame(rows(N_ROWS)[0]).shuffle("f0")
    with pytest.warns(UserWarning, match=r"another order each time.*df.persist\(\)"):
        train_test_split(frame[["f0"]], frame["f1"], random_state=0)
    frame = frame.persist()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parts = train_test_split(frame[["f0"]], frame["f1"], random_state=0)
    X_test, y_test = parts[1].compute(), parts[3].compute()
    np.testing.assert_array_equal(X_test["f0"], -y_test)


def test_a_label_of_one_row_is_no_error():
    labels = np.asarray(["a"] * 19 + ["alone"], dtype=object)
    y = dask_array(labels, (10, 10))
    parts = [part.compute().tolist() for part in train_test_split(y, random_state=0, stratify=y)]
    assert sorted(parts[0] + parts[1]) == labels.tolist()


# Bad input

UNKNOWN = dask_array(np.arange(20.0), (10, 10), known=False)
KNOWN = dask_array(np.arange(20.0), (10, 10))


@pytest.mark.complete
@pytest.mark.parametrize(
    ("given", "how", "error", "says"),
    [
        ((KNOWN,), {"test_size": 1.5}, ValueError, "test_size=1.5"),
        ((KNOWN,), {"test_size": 20}, ValueError, "number of samples 20"),
        ((KNOWN,), {"test_size": 0.6, "train_size": 0.6}, ValueError, "sum of test_size"),
        ((UNKNOWN,), {"test_size": 1.5}, ValueError, r"test_size must be a share.* got 1.5"),
        ((UNKNOWN,), {"train_size": 0.0}, ValueError, r"train_size must be a share.* got 0.0"),
        ((UNKNOWN,), {"test_size": True}, ValueError, r"test_size must be a share.* got True"),
        ((UNKNOWN,), {"test_size": 0.6, "train_size": 0.6}, ValueError, "above 1"),
        ((UNKNOWN,), {"test_size": 5}, ValueError, r"test_size=5 is a number.*compute_chunk_sizes"),
        ((KNOWN, KNOWN[:15]), {}, ValueError, r"arrays\[0\] and arrays\[1\] do not line up"),
        ((KNOWN, KNOWN.rechunk(5)), {}, ValueError, r"do not line up.*rechunk"),
        ((KNOWN, np.arange(20)), {}, TypeError, r"arrays\[1\] is in memory.*from_array"),
        ((np.arange(20), KNOWN), {}, TypeError, r"arrays\[0\] is in memory.*from_array"),
        ((KNOWN, None), {}, TypeError, r"arrays\[1\] is None\. Leave it out"),
        ((np.arange(20),), {"stratify": KNOWN}, TypeError, r"arrays\[0\] is in memory"),
        ((KNOWN,), {"stratify": np.arange(20)}, TypeError, "stratify is in memory"),
        ((KNOWN,), {"stratify": KNOWN, "shuffle": False}, ValueError, "shuffle=False"),
        ((KNOWN[:0],), {}, ValueError, "no rows"),
        ((), {"stratify": KNOWN}, ValueError, "At least one array"),
        ((dask.delayed(1),), {}, TypeError, "is a dask Delayed"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_in_words(given, how, error, says):
    with pytest.raises(error, match=says):
        train_test_split(*given, **how)


@pytest.mark.parametrize("stratified", [False, True])
def test_a_source_is_split_by_the_same_draws_as_dask_blocks(stratified):
    rows, labels = np.arange(40.0).reshape(20, 2), np.arange(20) % 2
    cuts = [slice(0, 9), slice(9, 10), slice(10, 20)]
    source = from_blocks([(rows[at], labels[at]) for at in cuts])
    lazy = [dask_array(x, (9, 1, 10), known=False) for x in (rows, labels)]
    found, expected = (
        train_test_split(*data, random_state=0, stratify=data[1] if stratified else None)
        for data in (source, lazy)
    )
    for part, other in zip(found, expected, strict=True):
        for _ in range(2):  # a part may be read again
            np.testing.assert_array_equal(np.asarray(part), np.asarray(other))


def test_what_errors_advise_works():
    X = da.from_array(np.arange(20), chunks=(10,))
    train_test_split(X, KNOWN.compute_chunk_sizes(), test_size=5)
    train_test_split(UNKNOWN.compute_chunk_sizes(), test_size=5)
    frame = dask_frame(np.arange(float(N_ROWS)))
    train_test_split(frame.to_dask_array().compute_chunk_sizes(), test_size=5)


def test_a_block_whose_length_is_not_the_declared_one_is_named():
    wrong = da.map_blocks(lambda x: x[:3], KNOWN, chunks=KNOWN.chunks, dtype=float)
    train, _ = train_test_split(wrong, random_state=0)
    with pytest.raises(ValueError, match="of X has 3 rows, and its chunk declares 10"):
        train.compute()
