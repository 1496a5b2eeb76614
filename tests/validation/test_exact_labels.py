"""Labels that floats do not represent exactly are not merged."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import linear_model as theirs
from sklearn.base import clone

from streamlearn._validation.exact_labels import comparable, exactly
from streamlearn._validation.label_codes import decode, encode
from streamlearn._validation.labels import discover
from streamlearn.blocks import align
from streamlearn.linear_model import SGDClassifier
from streamlearn.neural_network import MLPClassifier
from streamlearn.wrappers import Incremental
from tests.containers import dask_array

BIG = 2**53
KINDS_OF_BLOCKS = {
    "int64": (np.int64, [-BIG - 2, -BIG - 1, 0, BIG, BIG + 1, BIG + 2, 2**63 - 2, 2**63 - 1]),
    "uint64": (np.uint64, [0, BIG, BIG + 1, BIG + 2, 2**63 - 2, 2**63 - 1, 2**63, 2**64 - 1]),
    "float64": (np.float64, [-BIG - 2, 0, 7, BIG, BIG + 2, 2**60]),
}


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
