"""Labels: found in any container, encoded and decoded in any library, refused by name."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pandas as pd
import pytest
from sklearn.utils import compute_class_weight

from streamlearn.blocks import align
from streamlearn.labels import (
    Labels,
    beside,
    class_weights,
    comparable,
    decode,
    discover,
    encode,
    listed,
)
from tests.backends import Backend
from tests.containers import CASES, CHUNKS, N_ROWS, Container, dask_array, dask_frame

KINDS = {
    "integers": np.array([-3, 0, 7]),
    "bytes": np.array([0, 4, 255], dtype=np.uint8),
    "whole floats": np.array([-1.0, 0.0, 5.0]),
    "booleans": np.array([False, True]),
    "strings": np.array(["a", "bb", "ccc"]),
    "objects": np.array(["a", "bb", "ccc"], dtype=object),
}


@pytest.fixture(params=KINDS)
def classes(request: pytest.FixtureRequest) -> np.ndarray:
    return KINDS[request.param]


def codes(n_classes: int, n: int = N_ROWS) -> np.ndarray:
    return np.sort(np.random.default_rng(0).integers(0, n_classes, n))


@pytest.mark.parametrize(("backend", "kind"), CASES, indirect=["backend"])
def test_labels_and_counts_of_any_container(classes, backend: Backend, kind):
    """Rows are sorted, so that most blocks lack a label, and strings differ in length."""
    rows = codes(len(classes))
    found = discover(align(y=Container(kind, backend).wrap(classes[rows])))
    np.testing.assert_array_equal(found.classes, classes)
    np.testing.assert_array_equal(found.counts, np.bincount(rows))
    assert found.classes.dtype.kind == classes.dtype.kind or found.classes.dtype == object


def test_labels_are_one_read_of_y():
    reads: list = []
    discover(align(y=dask_array(codes(3), log=reads)))
    assert sorted(reads) == list(range(len(CHUNKS)))


def test_a_column_is_a_vector():
    y = codes(3)
    for column in (y[:, None], dask_array(y[:, None]), dask_frame(y[:, None])):
        np.testing.assert_array_equal(discover(align(y=column)).counts, np.bincount(y))


def test_codes_and_back(classes, backend):
    rows = codes(len(classes), 50)
    X = backend.asarray(np.zeros(50))
    given = classes[rows]
    y = given if classes.dtype.kind in "OU" else backend.asarray(given)
    found = encode(classes, y, like=X)
    np.testing.assert_array_equal(backend.to_numpy(found), rows)
    assert backend.xp.isdtype(found.dtype, "integral")
    back = decode(classes, found)
    if classes.dtype.kind in "OU":
        assert isinstance(back, np.ndarray)
        np.testing.assert_array_equal(back, given)
    else:
        np.testing.assert_array_equal(backend.to_numpy(back), given)


def test_numpy_labels_beside_other_arrays(classes, backend):
    """Everything follows X."""
    X = backend.asarray(np.zeros(50))
    rows = codes(len(classes), 50)
    np.testing.assert_array_equal(backend.to_numpy(encode(classes, classes[rows], like=X)), rows)
    moved = beside(classes, X)
    if classes.dtype.kind in "OU":
        assert moved is classes
    else:
        backend.check(moved)


def test_labels_of_one_number_and_another_dtype(backend):
    X = backend.asarray(np.zeros(3))
    for y in ([0, 2, 2], [0.0, 2.0, 2.0], np.array([0, 2, 2], dtype=np.uint8)):
        for known in ([0, 2], [0.0, 2.0], [0, 2, 300]):
            got = encode(np.asarray(known), backend.asarray(y), like=X)
            np.testing.assert_array_equal(backend.to_numpy(got), [0, 1, 1])
    assert list(encode(np.array([0, 1]), np.array([True, False]), like=np.zeros(1))) == [1, 0]


@pytest.mark.parametrize(
    ("known", "y", "wrong"),
    [
        ([0, 1], [0, 1, 2, 5], r"\[2, 5\]"),
        ([0, 1], [-1, 0], r"\[-1\]"),
        ([0, 300], np.array([0, 44], dtype=np.uint8), r"\[44\]"),
        (["a", "b"], ["a", "c", "c"], r"\['c'\]"),
        (["a", "b"], [0, 1], r"\[0, 1\]"),
        (
            [0, 1],
            np.array(["2020-01-01"], dtype="datetime64[D]"),
            r"\[datetime.date\(2020, 1, 1\)\]",
        ),
        ([0, 1], ["0", "1"], r"\['0', '1'\]"),
    ],
)
def test_an_unknown_label_is_named(known, y, wrong, backend):
    y = np.asarray(y)
    for given in [y] if y.dtype.kind in "OUM" else [y, backend.asarray(y)]:
        with pytest.raises(ValueError, match=rf"Block 7 of y contains .*not in classes: {wrong}"):
            encode(np.asarray(known), given, like=backend.asarray([0.0]), where="Block 7 of y")


@pytest.mark.parametrize(
    ("y", "says"),
    [
        ([1.0, 1.5], r"Unknown label type: continuous.*Block 7 of y contains 1\.5"),
        ([1.0, np.nan], r"Block 7 of y contains NaN or infinity, which is no label\. Drop"),
    ],
)
def test_what_is_no_label_is_not_called_an_unknown_one(y, says, backend):
    for given in (np.asarray(y), backend.asarray(y)):
        with pytest.raises(ValueError, match=says):
            encode(np.asarray([1, 2]), given, like=backend.asarray([0.0]), where="Block 7 of y")


@pytest.mark.parametrize("nothing", [None, np.nan, pd.NA, pd.NaT])
def test_nothing_is_no_label_and_is_not_compared(nothing):
    y = np.array(["a", nothing], dtype=object)
    for known in (["a", "b"], [0, 1]):
        with pytest.raises(ValueError, match="Block 7 of y contains NaN or None, which is no lab"):
            encode(np.asarray(known), y, like=np.zeros(1), where="Block 7 of y")


def test_complex_numbers_are_no_labels():
    y = np.array([1j, 2])
    with pytest.raises(ValueError, match="Complex data not supported: Block 1 of y"):
        discover(align(y=da.from_array(np.array([1, 2, 1j, 2]), chunks=2)))
    with pytest.raises(ValueError, match="Complex data not supported: classes"):
        listed(y)


def test_many_classes_are_not_all_printed():
    with pytest.raises(ValueError, match=r"8, 9\] \.\.\.\. Give all labels"):
        encode(np.arange(1000), np.array([-1]), like=np.zeros(1))


def test_readonly_labels_are_left_alone():
    classes, rows = np.array([1, 5]), np.array([0, 1, 1])
    for a in (classes, rows):
        a.flags.writeable = False
    np.testing.assert_array_equal(decode(classes, rows), [1, 5, 5])
    np.testing.assert_array_equal(encode(classes, classes[rows], like=np.zeros(1)), rows)


@pytest.mark.parametrize(
    ("y", "error", "says"),
    [
        ([0.0, 1.0, np.nan], ValueError, "NaN or infinity"),
        ([0.0, 1.0, np.inf], ValueError, "NaN or infinity"),
        ([0.0, 1.0, 1.5], ValueError, r"continuous.* 1\.5"),
        (np.array([1, "a", 2], dtype=object), TypeError, "mixes labels"),
        (np.array([1, "a", None], dtype=object), ValueError, "contains NaN or None"),
        (np.array([1, 0, np.nan], dtype=object), ValueError, "contains NaN or None"),
        (np.array(["a", "b", pd.NA], dtype=object), ValueError, "contains NaN or None"),
        (np.zeros((3, 2)), ValueError, r"should be a 1d array, got an array of shape \(3, 2\)"),
    ],
)
def test_what_is_no_label_is_refused_and_its_block_named(y, error, says):
    y = np.asarray(y)
    with pytest.raises(error, match=says):
        discover(align(y=y))
    late = np.concatenate([np.zeros((5, *y.shape[1:]), dtype=y.dtype), y])
    with pytest.raises(error, match=says.partition(".*")[0]) as raised:
        discover(align(y=dask_array(late, (5, 3))))
    assert "Block 1 of y" in str(raised.value)


def test_numbers_here_and_strings_there_are_refused():
    def make(rows):
        return rows if rows[0] else rows.astype(str)

    y = np.arange(10) < 5
    with pytest.raises(TypeError, match="from block to block"):
        discover(align(y=dask_array(y, (5, 5), make=make)))
    dates = np.arange("2020-01-01", "2020-01-11", dtype="datetime64[D]")
    texts = np.full(10, "a", dtype=object)
    for late in (lambda rows: dates[rows], lambda rows: texts[rows]):
        for early in (np.asarray, lambda rows: rows.astype(object)):
            make = {0: early, 5: late}
            y = dask_array(np.arange(10), (5, 5), make=lambda rows, make=make: make[rows[0]](rows))
            with pytest.raises(TypeError, match=r"y mixes labels.* from block to block"):
                discover(align(y=y))


def test_no_rows_have_no_labels():
    with pytest.raises(ValueError, match=r"0 sample\(s\)"):
        discover(align(y=dask_array(np.zeros(0), (0, 0))))


def test_listed_labels_are_sorted_and_unique(backend):
    np.testing.assert_array_equal(listed(["b", "a", "b"]), ["a", "b"])
    np.testing.assert_array_equal(listed(backend.asarray([3, 1])), [1, 3])
    np.testing.assert_array_equal(listed(pd.Series([True, False])), [False, True])
    with pytest.raises(ValueError, match=r"classes contains 0\.5"):
        listed([0.5, 1.0])
    with pytest.raises(TypeError, match="classes mixes labels"):
        listed(np.array(["a", 1], dtype=object))


def test_class_weights():
    classes, y = np.array(["a", "b", "c"]), np.array(list("aabccc"))
    found = Labels(*np.unique(y, return_counts=True))
    assert class_weights(None, classes, None) is None
    np.testing.assert_allclose(
        class_weights("balanced", classes, found),
        compute_class_weight("balanced", classes=classes, y=y),
    )
    np.testing.assert_array_equal(class_weights({"b": 3.0}, classes, None), [1.0, 3.0, 1.0])
    with pytest.raises(ValueError, match=r"no rows of class \['d'\]"):
        class_weights("balanced", np.array(["a", "b", "c", "d"]), found)


@pytest.mark.parametrize(("backend", "kind"), CASES, indirect=["backend"])
def test_balanced_weights_count_a_row_as_often_as_its_weight(backend, kind):
    y = np.arange(N_ROWS) % 3
    w = np.arange(N_ROWS) % 5 * np.where(y == 1, 3.0, 0.5)
    wrap = Container(kind, backend).wrap
    found = discover(align(y=wrap(y), sample_weight=wrap(w)), weighted=True)
    want = compute_class_weight("balanced", classes=np.arange(3), y=y, sample_weight=w)
    np.testing.assert_allclose(class_weights("balanced", np.arange(3), found), want)
    nothing = np.where(y == 1, 0.0, w)
    found = discover(align(y=wrap(y), sample_weight=wrap(nothing)), weighted=True)
    with pytest.raises(ValueError, match=r"of class \[1\], or none whose sample_weight is above 0"):
        class_weights("balanced", np.arange(3), found)


def test_comparable_arrays_have_one_dtype(backend):
    integers, floats = backend.asarray([1, 2]), backend.asarray([1.0, 2.5])
    small = backend.asarray(np.array([1, 2], dtype=np.uint8))
    flags = backend.asarray([True, False])
    for a, b, want in [
        (integers, floats, [True, False]),
        (small, integers, [True, True]),
        (flags, integers, [True, False]),
        (flags, floats, [True, False]),
    ]:
        one, other = comparable(a, b)
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(backend.to_numpy(one == other), want)
    assert comparable(floats, floats)[0] is floats
