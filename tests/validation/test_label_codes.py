"""Labels are encoded and decoded in any library. Errors name unknown labels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from streamlearn._validation.label_codes import decode, encode, labels_like
from tests.validation.labelled import KINDS, codes


@pytest.mark.parametrize("classes", KINDS.values(), ids=KINDS)
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


@pytest.mark.parametrize("classes", KINDS.values(), ids=KINDS)
def test_numpy_labels_next_to_other_arrays(classes, backend):
    """Everything follows X."""
    X = backend.asarray(np.zeros(50))
    rows = codes(len(classes), 50)
    np.testing.assert_array_equal(backend.to_numpy(encode(classes, classes[rows], like=X)), rows)
    moved = labels_like(classes, X)
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
    for labels in [y] if y.dtype.kind in "OUM" else [y, backend.asarray(y)]:
        with pytest.raises(ValueError, match=rf"Block 7 of y contains .*not in classes: {wrong}"):
            encode(np.asarray(known), labels, like=backend.asarray([0.0]), where="Block 7 of y")


@pytest.mark.parametrize(
    ("y", "says"),
    [
        ([1.0, 1.5], r"Unknown label type: continuous.*Block 7 of y contains 1\.5"),
        ([1.0, np.nan], r"Block 7 of y contains NaN or infinity, which is not a label\. Drop"),
    ],
)
def test_what_is_no_label_is_not_called_an_unknown_one(y, says, backend):
    for labels in (np.asarray(y), backend.asarray(y)):
        with pytest.raises(ValueError, match=says):
            encode(np.asarray([1, 2]), labels, like=backend.asarray([0.0]), where="Block 7 of y")


@pytest.mark.parametrize("nothing", [None, np.nan, pd.NA, pd.NaT])
def test_nothing_is_no_label_and_is_not_compared(nothing):
    y = np.array(["a", nothing], dtype=object)
    for known in (["a", "b"], [0, 1]):
        with pytest.raises(ValueError, match="Block 7 of y contains NaN or None, which is not"):
            encode(np.asarray(known), y, like=np.zeros(1), where="Block 7 of y")


def test_many_classes_are_not_all_printed():
    with pytest.raises(ValueError, match=r"8, 9\] \.\.\.\. Give all labels"):
        encode(np.arange(1000), np.array([-1]), like=np.zeros(1))


def test_readonly_labels_are_left_alone():
    classes, rows = np.array([1, 5]), np.array([0, 1, 1])
    for a in (classes, rows):
        a.flags.writeable = False
    np.testing.assert_array_equal(decode(classes, rows), [1, 5, 5])
    np.testing.assert_array_equal(encode(classes, classes[rows], like=np.zeros(1)), rows)
