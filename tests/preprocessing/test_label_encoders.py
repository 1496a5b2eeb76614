"""LabelEncoder and LabelBinarizer: as scikit-learn's, on collections and on any array."""

from __future__ import annotations

import pickle
from typing import Any

import array_api_strict
import dask.array as da
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
from sklearn import preprocessing as theirs

from streamlearn._arrays import to_numpy
from streamlearn.preprocessing import LabelBinarizer, LabelEncoder
from tests.preprocessing.tables import alike, dense, in_blocks, in_parts

SIZES = (5, 0, 2, 13)
LABELS: dict[str, np.ndarray] = {
    "numbers": np.random.default_rng(0).choice([7, 3, -2, 30], 20),
    "int32": np.random.default_rng(0).choice([7, 3, -2], 20).astype(np.int32),
    "two numbers": np.random.default_rng(0).choice([7, 3], 20),
    "one number": np.full(20, 4),
    "whole floats": np.random.default_rng(0).choice([7.0, 3.0, -2.0], 20),
    "booleans": np.random.default_rng(0).random(20) < 0.5,
    "words": np.random.default_rng(0).choice(["yes", "no", "maybe"], 20),
    "two words": np.random.default_rng(0).choice(["yes", "no"], 20),
    "objects": np.random.default_rng(0).choice(["yes", "no", "maybe"], 20).astype(object),
}
CONTAINERS: dict[str, Any] = {
    "array": lambda y: y,
    "list": lambda y: y.tolist(),
    "pandas": pd.Series,
    "pandas, categories": lambda y: pd.Series(y).astype("category"),
    "polars": lambda y: pl.Series(y.tolist()),
    "pyarrow": lambda y: pa.chunked_array([y.tolist()]),
    "dask array": lambda y: in_blocks(y, SIZES),
    "dask": lambda y: in_parts(pd.Series(y), SIZES),
}


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("labels", LABELS)
def test_label_encoder(labels, container):
    y, make = LABELS[labels], CONTAINERS[container]
    known, mine = theirs.LabelEncoder().fit(y), LabelEncoder().fit(make(y))
    assert alike(mine.classes_, known.classes_)
    codes = mine.transform(make(y))
    np.testing.assert_array_equal(dense(codes), known.transform(y))
    np.testing.assert_array_equal(dense(LabelEncoder().fit_transform(make(y))), dense(codes))
    back = mine.inverse_transform(codes)
    assert alike(dense(back), y)
    if container == "dask":
        assert isinstance(codes.compute(), pd.Series)


def test_label_encoder_of_more_rows():
    encoder = (
        LabelEncoder()
        .partial_fit(["b", "c"])
        .partial_fit(in_blocks(np.asarray(["a", "b"]), (1, 1)))
    )
    assert encoder.classes_.tolist() == ["a", "b", "c"]
    again = pickle.loads(pickle.dumps(encoder)).partial_fit(["d"])
    assert again.transform(["d", "a"]).tolist() == [3, 0]


@pytest.mark.parametrize("values", [["a", None, "b"], ["a", np.nan], [1.5, np.nan, 0.25]])
def test_label_encoder_takes_any_values(values):
    y = np.asarray(values, dtype=object if isinstance(values[0], str) else float)
    known, mine = theirs.LabelEncoder().fit(y), LabelEncoder().fit(in_blocks(y, (1, len(y) - 1)))
    assert alike(mine.classes_, known.classes_)
    np.testing.assert_array_equal(
        dense(mine.transform(in_blocks(y, (len(y),)))), known.transform(y)
    )


def test_unseen_labels():
    encoder = LabelEncoder().fit(["a", "b"])
    with pytest.raises(ValueError, match=r"previously unseen labels: \['c'\]"):
        encoder.transform(["a", "c"])
    lazy = encoder.transform(in_blocks(np.asarray(["a", "c"]), (1, 1)))
    with pytest.raises(ValueError, match="previously unseen labels"):
        lazy.compute(scheduler="sync")
    with pytest.raises(ValueError, match=r"previously unseen labels: \[2\]"):
        encoder.inverse_transform([0, 2])
    assert encoder.transform([]).shape == (0,)
    assert encoder.inverse_transform([]).shape == (0,)


def test_labels_that_cannot_be_sorted():
    y = np.asarray([1, "a"], dtype=object)
    with pytest.raises(TypeError, match="uniformly strings or numbers"):
        LabelEncoder().fit(y)
    with pytest.raises(TypeError, match="mix"):
        LabelBinarizer().fit(in_blocks(y, (1, 1)))


def test_no_rows():
    with pytest.raises(ValueError, match="0 sample"):
        LabelEncoder().fit(da.zeros(0, chunks=1))
    with pytest.raises(ValueError, match="0 sample"):
        LabelBinarizer().fit(np.zeros(0, int))
    assert LabelEncoder().fit([]).classes_.shape == (0,)


@pytest.mark.parametrize("labels", ["numbers", "two numbers", "whole floats"])
def test_labels_of_other_libraries(labels, backend):
    y = LABELS[labels]
    there = backend.asarray(y)
    encoder, known = LabelEncoder().fit(there), theirs.LabelEncoder().fit(y)
    assert type(encoder.classes_) is type(there)
    codes = encoder.transform(there)
    assert type(codes) is type(there)
    np.testing.assert_array_equal(to_numpy(codes), known.transform(y))
    np.testing.assert_array_equal(to_numpy(encoder.inverse_transform(codes)), y)
    with pytest.raises(ValueError, match="unseen"):
        encoder.transform(backend.asarray(y + 1000))
    binarizer, known = LabelBinarizer(neg_label=-1).fit(there), theirs.LabelBinarizer(neg_label=-1)
    columns = binarizer.transform(there)
    assert type(columns) is type(there)
    np.testing.assert_array_equal(to_numpy(columns), known.fit_transform(y))
    np.testing.assert_array_equal(to_numpy(binarizer.inverse_transform(columns)), y)
    if not isinstance(there, np.ndarray):
        with pytest.raises(ValueError, match="sparse_output=True"):
            LabelBinarizer(sparse_output=True).fit(there)


MARKS = [{}, {"neg_label": -1}, {"neg_label": -2, "pos_label": 0}, {"sparse_output": True}]


@pytest.mark.parametrize("marks", MARKS, ids=str)
@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("labels", LABELS)
def test_label_binarizer(labels, container, marks):
    y, make = LABELS[labels], CONTAINERS[container]
    known, mine = theirs.LabelBinarizer(**marks).fit(y), LabelBinarizer(**marks).fit(make(y))
    assert alike(mine.classes_, known.classes_)
    assert (mine.y_type_, mine.sparse_input_) == (known.y_type_, known.sparse_input_)
    out = mine.transform(make(y))
    want = known.transform(y)
    np.testing.assert_array_equal(dense(out), dense(want))
    if container == "array":
        assert out.dtype == want.dtype
        assert type(out) is type(want)
    back = mine.inverse_transform(out)
    assert alike(dense(back), known.inverse_transform(want))


@pytest.mark.parametrize("threshold", [None, 0.1, 0.7])
@pytest.mark.parametrize("labels", ["two words", "words", "numbers"])
def test_scores_become_labels(labels, threshold):
    y = LABELS[labels]
    known, mine = theirs.LabelBinarizer().fit(y), LabelBinarizer().fit(y)
    scores = np.random.default_rng(1).random(
        (20, 1 if labels == "two words" else len(np.unique(y)))
    )
    want = known.inverse_transform(scores, threshold)
    np.testing.assert_array_equal(mine.inverse_transform(scores, threshold), want)
    lazy = mine.inverse_transform(in_blocks(scores, SIZES), threshold)
    np.testing.assert_array_equal(dense(lazy), want)


@pytest.mark.parametrize("marks", MARKS, ids=str)
@pytest.mark.parametrize("kind", ["array", "sparse", "dask array", "dask sparse", "strict"])
def test_several_labels_a_row(kind, marks):
    y = (np.random.default_rng(0).random((20, 3)) < 0.5).astype(int)
    known = theirs.LabelBinarizer(**marks)
    reference: Any = sp.csr_array(y) if "sparse" in kind else y
    known.fit(reference)
    make = {
        "array": lambda y: y,
        "sparse": sp.csr_array,
        "dask array": lambda y: in_blocks(y, SIZES),
        "dask sparse": lambda y: in_blocks(y, SIZES).map_blocks(
            sp.csr_array, dtype=int, meta=sp.csr_array((0, 0), dtype=int)
        ),
        "strict": array_api_strict.asarray,
    }[kind]
    if kind == "strict" and marks.get("sparse_output"):
        return
    mine = LabelBinarizer(**marks).fit(make(y))
    assert (mine.y_type_, mine.sparse_input_) == ("multilabel-indicator", known.sparse_input_)
    assert alike(to_numpy(mine.classes_), [0, 1, 2])
    want = known.transform(reference)
    out = mine.transform(make(y))
    np.testing.assert_array_equal(to_numpy(out) if kind == "strict" else dense(out), dense(want))
    back = mine.inverse_transform(out)
    got = to_numpy(back) if kind == "strict" else dense(back)
    np.testing.assert_array_equal(got, dense(known.inverse_transform(want)))


def test_a_label_that_was_not_fitted_has_no_column():
    assert LabelBinarizer().fit([1, 2, 4]).transform([4, 3]).tolist() == [[0, 0, 1], [0, 0, 0]]
    assert LabelBinarizer().fit([1, 2]).transform([1, 2, 3]).tolist() == [[0], [1], [0]]


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize(
    ("y", "says"),
    [
        (np.asarray([0.5, 1.0]), "Unknown label type"),
        (np.asarray([np.nan, 1.0]), "NaN"),
        (np.asarray([[1, 2], [3, 1]]), "Multioutput|other numbers than 0 and 1"),
    ],
)
def test_what_are_no_labels(y, says, lazy):
    with pytest.raises(ValueError, match=says):
        LabelBinarizer().fit(in_blocks(y, (1, 1)) if lazy else y)


def test_parameters_that_do_not_go_together():
    with pytest.raises(ValueError, match="must be strictly less"):
        LabelBinarizer(neg_label=1, pos_label=1).fit([0, 1])
    with pytest.raises(ValueError, match="Sparse binarization"):
        LabelBinarizer(neg_label=-1, sparse_output=True).fit([0, 1])
    fitted = LabelBinarizer().fit([0, 1, 2])
    with pytest.raises(ValueError, match="not fitted with multilabel"):
        fitted.transform(np.asarray([[0, 1], [1, 0]]))
    with pytest.raises(ValueError, match="continuous target data"):
        fitted.transform(np.asarray([0.5, 1.0]))


@pytest.mark.parametrize("kind", [LabelEncoder, LabelBinarizer])
@pytest.mark.parametrize("name", ["numbers", "two words"])
def test_a_source_of_blocks_is_read_block_by_block(kind, name):
    y = LABELS[name]
    blocks = np.split(y, np.cumsum(SIZES)[:-1])
    want = kind().fit(y)
    mine = kind().fit(lambda: iter(blocks))
    assert alike(mine.classes_, want.classes_)
    codes = mine.transform(lambda: iter(blocks))
    back = mine.inverse_transform(codes)
    np.testing.assert_array_equal(np.concatenate([*codes]), want.transform(y))
    np.testing.assert_array_equal(np.concatenate([*back]), y)


def test_labels_of_several_columns_come_from_a_source_of_blocks():
    marks = np.array([[1, 0, 1], [0, 1, 1], [0, 0, 0]])
    mine = LabelBinarizer().fit(lambda: iter([marks[:2], marks[2:]]))
    assert mine.y_type_ == "multilabel-indicator"
    out = mine.transform(lambda: iter([marks[:1], marks[1:]]))
    np.testing.assert_array_equal(np.concatenate([*out]), marks)
