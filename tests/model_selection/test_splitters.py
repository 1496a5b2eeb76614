"""Splitters over blocks: what they have in common with scikit-learn's, and what they read."""

from __future__ import annotations

from itertools import combinations

import dask
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import model_selection as theirs

from streamlearn import blocks as engine
from streamlearn.linear_model import SGDClassifier, SGDRegressor
from streamlearn.model_selection import KFold, ShuffleSplit, StratifiedKFold, TimeSeriesSplit
from streamlearn.model_selection.folds import Folds, places
from streamlearn.model_selection.splitters import splitter_of
from tests.containers import CHUNKS, INDEX, N_ROWS, dask_array, dask_frame

CHUNKINGS = st.lists(st.sampled_from([0, 1, 2, 7, 20]), min_size=1, max_size=9).filter(
    lambda chunks: sum(chunks) >= 6
)
SPLITTERS = [
    KFold(2), KFold(5),
    KFold(3, shuffle=True, random_state=1), KFold(6, shuffle=True, random_state=0),
    StratifiedKFold(2), StratifiedKFold(5, shuffle=True, random_state=1),
    ShuffleSplit(3, test_size=0.3, random_state=1), ShuffleSplit(2, train_size=0.3, random_state=1),
    TimeSeriesSplit(2), TimeSeriesSplit(4),
]  # fmt: skip


def computed(pairs):
    """Return the numbers of the rows of both parts of each split."""
    return [[part.compute(scheduler="sync").tolist() for (part, _) in pair] for pair in pairs]


@settings(max_examples=12)
@given(chunks=CHUNKINGS, cv=st.sampled_from(SPLITTERS))
def test_indices_are_the_rows_of_the_collections(chunks, cv):
    X = np.arange(sum(chunks))
    lazy, labels = dask_array(X, chunks), dask_array(X % 3, chunks)
    rows = computed(cv.split_collections(lazy, labels))
    assert len(rows) == cv.get_n_splits()
    for (train, test), (a, b) in zip(rows, cv.split(lazy, labels), strict=True):
        assert (train, test) == (a.tolist(), b.tolist())
        assert not set(train) & set(test)
    if isinstance(cv, KFold | StratifiedKFold):
        assert sorted(row for _, test in rows for row in test) == X.tolist()
        assert all(sorted(train + test) == X.tolist() for train, test in rows)


@given(chunks=CHUNKINGS, n_splits=st.integers(2, 5), shuffle=st.booleans())
def test_folds_are_blocks_if_there_are_enough(chunks, n_splits, shuffle):
    X = dask_array(np.arange(sum(chunks)), chunks)
    cv = KFold(n_splits, shuffle=shuffle, random_state=0 if shuffle else None)
    folds = cv.folds(engine.AlignedRows({"X": X}))
    full = [i for i, n in enumerate(chunks) if n]
    if len(full) < n_splits:
        assert folds.of_blocks is None
        return
    of_full = [folds.fold_of_block(i) for i in full]
    sizes = np.bincount(of_full, minlength=n_splits)
    assert sizes.min() > 0
    assert np.ptp(sizes) <= 1
    if not shuffle:
        assert of_full == sorted(of_full)


@pytest.mark.parametrize("cv", [KFold(2), KFold(2, shuffle=True, random_state=0)])
def test_a_fit_reads_only_the_blocks_of_its_part(cv):
    log: list[int] = []
    X = dask_array(np.arange(2.0 * N_ROWS).reshape(-1, 2), log=log)
    frame = dask_frame(np.arange(2.0 * N_ROWS).reshape(-1, 2), log=log)
    for given_ in ((X, X[:, 0]), (frame, frame["f0"])):
        read = []
        for train, test in cv.split_collections(*given_):
            for part in (train, test):
                assert log == []
                SGDRegressor(random_state=0).fit(*part)
                read.append(sorted(log))
                log.clear()
        for train, test in zip(read[::2], read[1::2], strict=True):
            assert sorted(train + test) in ([0, 1, 2, 3], [0, 2, 3])
            assert train
            assert test


@given(chunks=CHUNKINGS, n_splits=st.integers(2, 5), seed=st.none() | st.integers(0, 99))
def test_stratified_folds_have_each_label_up_to_a_row_in_a_block(chunks, n_splits, seed):
    folds = Folds(n_splits, seed=seed, stratified=True)
    for place in places(chunks):
        labels = np.random.default_rng(place.number).choice(["a", "b", None], place.n_rows)
        found = folds.of_rows(place._replace(labels=labels))
        for label in ("a", "b", None):
            assert np.ptp(np.bincount(found[labels == label], minlength=n_splits)) <= 1


@given(chunks=CHUNKINGS, n_splits=st.integers(2, 5), seed=st.none() | st.integers(0, 99))
def test_rows_of_a_block_are_dealt_evenly(chunks, n_splits, seed):
    for place in places(chunks):
        found = Folds(n_splits, seed=seed).of_rows(place)
        assert np.ptp(np.bincount(found, minlength=n_splits)) <= 1


@pytest.mark.parametrize("stratified", [False, True])
def test_blocks_of_one_row_are_dealt_to_all_folds_evenly(stratified):
    for seed in (None, 0, 1):
        folds = Folds(4, seed=seed, stratified=stratified)
        dealt = [folds.of_rows(place._replace(labels=["a"]))[0] for place in places([1] * 80)]
        assert abs(np.bincount(dealt, minlength=4) - 20).max() <= 2


@settings(max_examples=12)
@given(
    chunks=CHUNKINGS,
    n_splits=st.integers(2, 4),
    more=st.sampled_from([{}, {"gap": 1}, {"test_size": 1}, {"max_train_size": 3}]),
)
def test_time_series_are_split_as_by_scikit_learn(chunks, n_splits, more):
    X = np.arange(sum(chunks))
    lazy = dask_array(X, chunks)
    ours, known = TimeSeriesSplit(n_splits, **more), theirs.TimeSeriesSplit(n_splits, **more)
    expected = [[part.tolist() for part in pair] for pair in known.split(X)]
    assert computed(ours.split_collections(lazy, lazy)) == expected


def test_time_series_of_unknown_lengths_are_split_at_blocks():
    X = dask_array(np.arange(20), (2, 3, 0, 5, 4, 6), known=False)
    rows = computed(TimeSeriesSplit(2).split_collections(X, X))
    expected = [[[0, 1, 2, 3, 4], [*range(5, 10)]], [[*range(10)], [*range(10, 20)]]]
    assert rows == expected
    few = dask_array(np.arange(8), (4, 4), known=False)
    rows = computed(TimeSeriesSplit(3).split_collections(few, few))
    assert rows == [[[0, 1], [2, 3]], [[0, 1, 2, 3], [4, 5]], [[0, 1, 2, 3, 4, 5], [6, 7]]]


def test_random_splits_have_exact_sizes_and_differ():
    X = dask_array(np.arange(N_ROWS))
    found = [*ShuffleSplit(3, test_size=0.2, random_state=0).split(X)]
    assert [(len(a), len(b)) for a, b in found] == [(160, 40)] * 3
    assert all({*a[1]} != {*b[1]} for a, b in combinations(found, 2))
    assert len(next(iter(ShuffleSplit().split(X)))[1]) == N_ROWS // 10


def test_frames_are_split_with_their_index():
    X = np.column_stack([np.arange(N_ROWS), np.arange(N_ROWS) % 2])
    frame = dask_frame(X)
    for cv in (KFold(2), StratifiedKFold(3), ShuffleSplit(2), TimeSeriesSplit(2)):
        for train, test in cv.split_collections(frame, frame["f1"]):
            for rows, labels in (train, test):
                made, known = dask.compute(rows, labels, scheduler="sync")
                pd.testing.assert_series_equal(made["f1"], known)
                np.testing.assert_array_equal(made.index, INDEX[made["f0"]])


def test_a_search_in_one_read_can_ask_for_the_fold_of_each_row():
    X, labels = np.arange(N_ROWS), np.arange(N_ROWS) % 3
    lazy, y = dask_array(X), dask_array(labels)
    for cv in (KFold(2), KFold(5), StratifiedKFold(3, shuffle=True, random_state=0)):
        folds = cv.folds(cv.aligned({"X": lazy}, y))
        start, dealt = 0, []
        for place in places(CHUNKS):
            of_block = labels[start : start + place.n_rows]
            dealt += folds.of_rows(place._replace(labels=of_block)).tolist()
            start += place.n_rows
        for fold, (train, test) in enumerate(cv.split(lazy, y)):
            assert test.tolist() == np.flatnonzero(np.asarray(dealt) == fold).tolist()
            assert train.tolist() == np.flatnonzero(np.asarray(dealt) != fold).tolist()


@pytest.mark.parametrize(
    ("ours", "known"),
    [
        (KFold(3, shuffle=True, random_state=0), theirs.KFold(3, shuffle=True, random_state=0)),
        (StratifiedKFold(3), theirs.StratifiedKFold(3)),
        (ShuffleSplit(2, random_state=0), theirs.ShuffleSplit(2, random_state=0)),
        (TimeSeriesSplit(3, gap=1), theirs.TimeSeriesSplit(3, gap=1)),
    ],
)
def test_rows_in_memory_are_split_by_scikit_learn_and_its_splitters_are_taken(ours, known):
    X, y = np.arange(30), np.arange(30) % 2
    for a, b in zip(ours.split(X, y), known.split(X, y), strict=True):
        np.testing.assert_array_equal(a[0], b[0])
        np.testing.assert_array_equal(a[1], b[1])
    assert repr(ours) == repr(known)
    converted = splitter_of(known, stratified=False)
    assert type(converted) is type(ours)
    assert vars(converted) == vars(ours)
    assert isinstance(theirs.check_cv(ours), type(ours))


@pytest.mark.parametrize(
    "cv", [KFold(3), StratifiedKFold(3), ShuffleSplit(2, random_state=0), TimeSeriesSplit(3)]
)
# Its slices join rows of several blocks.
@pytest.mark.filterwarnings("ignore:shuffle leaves the", "ignore:More of the data than")
def test_scikit_learn_takes_the_splitters_over_blocks_of_known_lengths(cv):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 2))
    y = (X[:, 0] > 0).astype(int)
    lazy, labels = dask_array(X, (100,) * 4), dask_array(y, (100,) * 4)
    model = SGDClassifier(random_state=0)
    scores = theirs.cross_val_score(model, lazy, labels, cv=cv)
    assert len(scores) == cv.get_n_splits()
    assert scores.min() > 0.9
    search = theirs.GridSearchCV(model, {"alpha": [1e-4, 1e3]}, cv=cv).fit(lazy, labels)
    assert search.best_params_ == {"alpha": 1e-4}


# Bad input

UNKNOWN = dask_array(np.arange(20.0), (10, 10), known=False)
KNOWN = dask_array(np.arange(4.0), (2, 2))


@pytest.mark.complete
@pytest.mark.parametrize(
    ("cv", "arrays", "error", "says"),
    [
        (KFold(5), (KNOWN,), ValueError, "n_splits=5 greater than.*n_samples=4"),
        (StratifiedKFold(5), (KNOWN, KNOWN), ValueError, "n_splits=5 greater than"),
        (StratifiedKFold(2), (KNOWN,), ValueError, "by their labels y, which are None"),
        (TimeSeriesSplit(4), (KNOWN,), ValueError, "Too many splits=4 for number of samples=4"),
        (TimeSeriesSplit(2, gap=2), (KNOWN,), ValueError, "Too many splits=2.*gap=2"),
        (TimeSeriesSplit(2, gap=1), (UNKNOWN,), ValueError, r"count rows.*compute_chunk_sizes\(\)"),
        (TimeSeriesSplit(2, test_size=1), (UNKNOWN,), ValueError, "count rows"),
        (ShuffleSplit(test_size=3), (UNKNOWN,), ValueError, "test_size=3 is a number of rows"),
        (ShuffleSplit(test_size=1.5), (KNOWN,), ValueError, "test_size=1.5"),
        (KFold(2), (KNOWN.rechunk(1), UNKNOWN), ValueError, "do not line up"),
        (KFold(2), (KNOWN, np.arange(4)), TypeError, "is in memory"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_in_words(cv, arrays, error, says):
    with pytest.raises(error, match=says):
        [*cv.split_collections(*arrays)]


def test_indices_of_rows_of_unknown_lengths_are_refused_and_the_advice_works():
    with pytest.raises(ValueError, match=r"KFold.split_collections.*cross_validate.*compute_chunk"):
        [*KFold(2).split(UNKNOWN)]
    assert len([*KFold(2).split_collections(UNKNOWN)]) == 2
    assert len([*KFold(2).split(UNKNOWN.copy().compute_chunk_sizes())]) == 2


@pytest.mark.parametrize("cv", [True, "5", [([0], [1])], theirs.GroupKFold(2)])
def test_what_has_no_form_for_collections_is_refused(cv):
    with pytest.raises(TypeError, match=r"does not work over collections.*KFold, Strat"):
        splitter_of(cv, stratified=False)
