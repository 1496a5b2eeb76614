"""Labels: found in any container, encoded and decoded in any library, refused by name."""

from __future__ import annotations

import re

import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import linear_model as theirs
from sklearn.base import clone
from sklearn.utils import compute_class_weight

from streamlearn._validation.labels import (
    Labels,
    class_weights,
    comparable,
    decode,
    discover,
    encode,
    exactly,
    listed,
    to_like,
)
from streamlearn.blocks import align
from streamlearn.linear_model import SGDClassifier
from streamlearn.neural_network import MLPClassifier
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler
from streamlearn.wrappers import Incremental
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
    moved = to_like(classes, X)
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
        ([1.0, np.nan], r"Block 7 of y contains NaN or infinity, which is no label\. Drop"),
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


# Labels that floats do not hold


BIG = 2**53
KINDS_OF_BLOCKS = {
    "int64": (np.int64, [-BIG - 2, -BIG - 1, 0, BIG, BIG + 1, BIG + 2, 2**63 - 2, 2**63 - 1]),
    "uint64": (np.uint64, [0, BIG, BIG + 1, BIG + 2, 2**63 - 2, 2**63 - 1, 2**63, 2**64 - 1]),
    "float64": (np.float64, [-BIG - 2, 0, 7, BIG, BIG + 2, 2**60]),
}


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_large_labels_are_never_merged(data):
    """Blocks of integers, signed or not, and of whole floats: Python's numbers tell them apart."""
    kinds = data.draw(st.lists(st.sampled_from(list(KINDS_OF_BLOCKS)), min_size=1, max_size=3))
    values = [
        data.draw(st.lists(st.sampled_from(KINDS_OF_BLOCKS[kind][1]), min_size=1, max_size=6))
        for kind in kinds
    ]
    blocks = [np.asarray(v, KINDS_OF_BLOCKS[k][0]) for v, k in zip(values, kinds, strict=True)]
    exact = [[int(v) for v in block] for block in blocks]
    want = sorted({v for block in exact for v in block})
    y = joined(blocks)
    if any(k != kinds[0] for k in kinds) and want[0] < 0 and want[-1] >= 2**63:
        with pytest.raises(ValueError, match=r"labels from -\d+ to \d+, which no integer dtype"):
            discover(align(y=y))
        return
    found = discover(align(y=y))
    assert [int(c) for c in found.classes] == want
    assert sum(found.counts) == sum(map(len, blocks))
    for block, known in zip(blocks, exact, strict=True):
        codes = encode(found.classes, block, like=np.zeros(1))
        assert [want[c] for c in codes] == known
        assert [int(v) for v in decode(found.classes, codes)] == known
        right = [a == b for a, b in zip(known, known[::-1], strict=True)]
        pair = exactly(block, found.classes[codes[::-1]])
        assert (pair[0] == pair[1]).tolist() == right


def joined(blocks: list[np.ndarray]) -> da.Array:
    """Return a dask array of blocks as they are: dask's own would make one dtype of them."""
    rows = np.arange(sum(map(len, blocks)))
    ends = dict(zip(np.cumsum([0, *map(len, blocks)]).tolist(), blocks, strict=False))
    return dask_array(rows, tuple(map(len, blocks)), make=lambda x: ends[int(x[0])])


@pytest.mark.parametrize("unlike", ["one more", "a float"])
def test_a_large_label_that_is_not_there_is_refused(unlike, backend):
    classes = np.asarray([BIG, BIG + 1])
    wrong = np.asarray([BIG + 2]) if unlike == "one more" else np.asarray([float(BIG + 2)])
    for y in (wrong, *([backend.asarray(wrong)] if backend.widest == "float64" else [])):
        with pytest.raises(ValueError, match="y contains labels that are not in classes"):
            encode(classes, y, like=np.zeros(1))


@pytest.mark.parametrize(
    "model",
    [
        SGDClassifier(max_iter=2, tol=None, random_state=0),
        MLPClassifier((4,), max_iter=2, random_state=0),
        Incremental(theirs.SGDClassifier(random_state=0)),
    ],
    ids=lambda m: type(m).__name__,
)
@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_an_estimator_keeps_large_labels(model, mixed):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    y = BIG + (X[:, 0] > 0)
    halves = [y[:100].astype(np.uint64 if mixed else np.int64), y[100:]]
    lazy = {"X": dask_array(X, (100, 100)), "y": joined(halves)}
    for fitted in (
        clone(model).fit(**lazy),
        clone(model).partial_fit(**lazy, classes=[BIG, BIG + 1]),
        clone(model).fit(X, y),
    ):
        assert fitted.classes_.tolist() == [BIG, BIG + 1]
        predicted = fitted.predict(X)
        assert set(predicted.tolist()) <= {BIG, BIG + 1}
        share = np.mean(predicted == y)
        assert fitted.score(X, y) == share
        assert fitted.score(**lazy) == share
        np.testing.assert_array_equal(fitted.predict(lazy["X"]).compute(), predicted)


# Labels that are missing


MISSING = {
    "text": pd.Series(["a", "b"] * 10, dtype="string"),
    "objects": pd.Series(["a", "b"] * 10, dtype=object),
    "str": pd.Series(["a", "b"] * 10, dtype="str"),
    "categories": pd.Series(["a", "b"] * 10, dtype="category"),
    "Int64": pd.Series([1, 2] * 10, dtype="Int64"),
    "boolean": pd.Series([True, False] * 10, dtype="boolean"),
    "arrow": pd.Series([1, 2] * 10, dtype="int64[pyarrow]"),
    "floats": pd.Series([1.0, 2.0] * 10),
}


@pytest.mark.parametrize("kind", MISSING)
@pytest.mark.parametrize(
    "model",
    [
        SGDClassifier(random_state=0),
        SGDClassifier(classes=[0], random_state=0),
        MLPClassifier((2,), max_iter=1, random_state=0),
        make_pipeline(StandardScaler(), SGDClassifier(random_state=0)),
        Incremental(SGDClassifier(random_state=0)),
        Incremental(theirs.SGDClassifier(random_state=0)),
    ],
    ids=["SGDClassifier", "with classes", "MLPClassifier", "Pipeline", "Incremental", "another's"],
)
@pytest.mark.parametrize("as_array", [False, True], ids=["Series", "array"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:Dask currently has limited support for converting pandas")
def test_a_missing_label_is_told_with_its_block(model, kind, as_array):
    good = MISSING[kind]
    another = isinstance(getattr(model, "estimator", None), theirs.SGDClassifier)
    if as_array and another and kind in ("Int64", "boolean", "arrow"):
        pytest.skip("dask makes objects of them, which are no labels to scikit-learn")
    bad = good.copy()
    bad[13] = None
    lazy = [dd.from_pandas(x, npartitions=2) for x in (bad, good)]
    X = dd.from_pandas(pd.DataFrame({"x": np.arange(20.0)}), npartitions=2)
    if as_array:
        lazy, X = [y.to_dask_array() for y in lazy], X.to_dask_array()
    y, well = lazy
    classes = np.unique(good.to_numpy())
    if getattr(model, "classes", None) is not None:
        model = clone(model).set_params(classes=classes)
    calls = [
        lambda: clone(model).fit(X, y),
        lambda: clone(model).partial_fit(X, y, classes=classes),
        lambda: fitted.score(X, y),
    ]
    fitted = clone(model).fit(X, well)
    assert fitted.score(X, well) >= 0
    for call in calls:
        with pytest.raises(ValueError) as raised:
            call()
        said = " ".join([str(raised.value), *getattr(raised.value, "__notes__", ())])
        assert "contains NaN" in said
        assert re.search(r"\by(_true)?\b", said)
        assert "lock 1" in said
