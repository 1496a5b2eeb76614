"""Labels are found in any container and weighed. Errors name what is no label."""

from __future__ import annotations

import re

import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from sklearn import linear_model as theirs
from sklearn.base import clone
from sklearn.utils import compute_class_weight

from streamlearn._validation.labels import Labels, class_weights, discover, listed
from streamlearn.blocks import align
from streamlearn.linear_model import SGDClassifier
from streamlearn.neural_network import MLPClassifier
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler
from streamlearn.wrappers import Incremental
from tests.backends import Backend
from tests.containers import CASES, CHUNKS, N_ROWS, Container, dask_array, dask_frame
from tests.validation.labelled import KINDS, codes


@pytest.mark.parametrize("classes", KINDS.values(), ids=KINDS)
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


def test_complex_numbers_are_no_labels():
    y = np.array([1j, 2])
    with pytest.raises(ValueError, match="Complex data not supported: Block 1 of y"):
        discover(align(y=da.from_array(np.array([1, 2, 1j, 2]), chunks=2)))
    with pytest.raises(ValueError, match="Complex data not supported: classes"):
        listed(y)


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


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_of_classes_are_finite(value):
    with pytest.raises(ValueError, match=r"class_weight is -?(nan|inf) for class 'b'\."):
        class_weights({"b": value}, np.asarray(["a", "b"]), None, unsigned="no.")


def test_negative_weights_of_classes_are_refused_where_those_of_rows_are():
    classes = np.asarray([0, 1])
    with pytest.raises(ValueError, match=r"negative values, -2 for class 1, and steps take none"):
        class_weights({1: -2}, classes, None, unsigned="steps take none.")
    assert class_weights({1: -2}, classes, None).tolist() == [1, -2]
