"""The one door to the array libraries."""

import array_api_strict
import numpy as np
import pytest
from scipy.sparse import csr_array, hstack

from streamlearn import _arrays as b
from streamlearn._arrays import products, sparse
from tests.backends import STRICT, no_host_sync

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))


def test_arrays_are_known(backend):
    assert b.is_array(backend.asarray(X))
    assert not b.is_array([1.0])
    assert not b.is_array(None)
    assert b.on_host(backend.asarray(X)) == (backend.name != "cupy")


@pytest.mark.parametrize("like", [X, X.astype("float32"), csr_array(X)], ids=["64", "32", "sparse"])
def test_dtypes_of_numpy_are_those_that_its_namespace_names(like):
    info = b.namespace(like).__array_namespace_info__()
    assert b.default_int(like) == info.default_dtypes()["indexing"]
    assert b.widest_float(like) == info.dtypes(kind="real floating")["float64"]


def test_namespaces_do_not_mix():
    with pytest.raises(TypeError):
        b.namespace(np.ones(1), array_api_strict.ones(1))


@pytest.mark.parametrize(
    "x", [2, 0.5, [1, 2], X, X.astype("float32"), np.arange(3)], ids=lambda x: type(x).__name__
)
def test_asarray_puts_beside(backend, x):
    like = backend.asarray([1.0])
    a = b.asarray(x, like=like)
    backend.check(a, backend.widest)
    np.testing.assert_allclose(backend.to_numpy(a), x, rtol=1e-6)
    backend.check(b.asarray(x, like=like, dtype=backend.dtype("float32")), "float32")


def test_asarray_from_another_library(backend):
    foreign = array_api_strict.asarray(X, device=array_api_strict.Device("device2"))
    a = b.asarray(foreign, like=backend.asarray([1.0]))
    backend.check(a, backend.widest)
    np.testing.assert_allclose(backend.to_numpy(a), X, rtol=1e-6)


def test_asarray_of_readonly_memory(backend):
    x = X.copy()
    x.flags.writeable = False
    backend.check(b.asarray(x, like=backend.asarray([1.0])), backend.widest)


def test_to_numpy_and_back(backend):
    a = backend.asarray(X)
    host = b.to_numpy(a)
    assert type(host) is np.ndarray
    np.testing.assert_array_equal(host, backend.to_numpy(a))
    assert b.to_float(backend.asarray(0.5)) == 0.5


def test_dtypes(backend):
    assert b.widest_float(backend.asarray([1])) == backend.dtype(backend.widest)
    assert b.float_dtype(backend.asarray([1])) == backend.dtype(backend.widest)
    assert b.float_dtype(backend.asarray([1.0], "float32")) == backend.dtype("float32")
    sizes = {"bool": 1, "int8": 1, "int32": 4, "float32": 4, backend.widest: None}
    for name, size in sizes.items():
        expected = np.dtype(name).itemsize if size is None else size
        assert b.itemsize(backend.dtype(name), backend.xp) == expected
        assert b.nbytes(backend.asarray(np.ones((3, 2)), name)) == 6 * expected


@pytest.mark.parametrize(
    ("features", "rows"), [(1, 8192), (20, 8192), (100, 1024), (10_000, 512), (0, 8192)]
)
def test_batch_rows_are_a_power_of_two_that_the_row_decides(features, rows):
    assert b.batch_rows(np.empty((5, features))) == rows


def test_products(backend):
    W, G = RNG.normal(size=(2, 3)), RNG.normal(size=(40, 2))
    A = backend.asarray
    pairs = [
        (b.linear_predictor(A(X), A(W)), X @ W.T),
        (b.weighted_sums(A(G), A(X)), G.T @ X),
    ]
    for got, expected in pairs:
        np.testing.assert_allclose(backend.to_numpy(got), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("weighted", [False, True])
def test_weights_of_many_labels(backend, monkeypatch, weighted):
    n, at = 5000, np.asarray([4999, 7, 7, 0, 4999, 123, 7] * 20)
    w = RNG.integers(1, 9, len(at)) / 4 if weighted else None
    compared, inner = [], products.over_rows
    monkeypatch.setattr(products, "over_rows", lambda *two: compared.append(two) or inner(*two))
    monkeypatch.setattr(products, "LABELS_AT_ONCE", 1)
    weight = None if w is None else backend.asarray(w, "float32")
    labels = backend.asarray(at, "int32")
    got = b.weights_by_label(labels, n, weight, backend.dtype("float32"))
    backend.check(got, "float32")
    want = np.bincount(at, weights=w, minlength=n)
    np.testing.assert_array_equal(backend.to_numpy(got), want)
    slices = -(-len(at) // products.FEWEST_ROWS)
    assert len(compared) <= (slices if weighted else 0)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("dtype", ["float32", None])
@pytest.mark.parametrize("n", [0, 1, 16, 40])
def test_shifted_sums(backend, monkeypatch, n, dtype, gaps, weighted):
    monkeypatch.setattr(b, "batch_rows", lambda X: 16)
    rows, present = X[:n], RNG.random((n, 3)) < 0.5
    w, shift = RNG.random(n), backend.asarray([0.5, -1.0, 0.0])
    D = np.where(present, rows - backend.to_numpy(shift), 0) if gaps else rows - [0.5, -1.0, 0.0]
    u = w if weighted else np.ones(n)
    s1, s2 = b.shifted_sums(
        backend.asarray(rows, dtype),
        shift,
        backend.asarray(w) if weighted else None,
        backend.asarray(present) if gaps else None,
    )
    for got, expected in ((s1, u @ D), (s2, u @ D**2)):
        backend.check(got, backend.widest)
        np.testing.assert_allclose(backend.to_numpy(got), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("n", [0, 1, 16, 40])
def test_by_columns(backend, monkeypatch, n):
    monkeypatch.setattr(b, "batch_rows", lambda X: 16)
    row = np.asarray([1.0, 2.0, 4.0])
    A, r = backend.asarray(X[:n], "float32"), backend.asarray(row, "float32")
    before = backend.to_numpy(A)
    got = b.by_columns(A, ("subtract", r), ("divide", r))
    backend.check(got, "float32")
    expected = (before - row.astype("float32")) / row.astype("float32")
    np.testing.assert_array_equal(backend.to_numpy(got), expected)
    np.testing.assert_array_equal(backend.to_numpy(A), before)
    assert b.by_columns(A) is A


@pytest.mark.parametrize("layout", [np.asfortranarray, lambda a: np.repeat(a, 2, axis=0)[::2]])
def test_by_columns_in_any_layout(layout):
    row = np.asarray([1.0, 2.0, 4.0])
    np.testing.assert_array_equal(b.by_columns(layout(X), ("multiply", row)), X * row)


def test_argmax(backend):
    x = np.asarray([[1, 3, 3], [5, 0, 2]])
    A = backend.asarray(x)
    for axis in (0, 1):
        for keepdims in (False, True):
            got = b.argmax(A, axis=axis, keepdims=keepdims)
            backend.check(got)
            assert got.dtype == b.default_int(A)
            expected = np.argmax(x, axis=axis, keepdims=keepdims)
            np.testing.assert_array_equal(backend.to_numpy(got), expected)


def test_position(backend):
    known, values = np.asarray([1, 3, 7]), np.asarray([7, 1, 0, 9, 3])
    got = b.position(backend.asarray(values), backend.asarray(known))
    backend.check(got)
    np.testing.assert_array_equal(backend.to_numpy(got), [2, 0, 0, 2, 1])


@pytest.mark.parametrize("name", ["float32", "float64", "int32", "int64", "bool"])
def test_same_dtype(backend, name):
    like = backend.asarray([1.0])
    got = b.same_dtype(np.dtype(name), like)
    known = backend.xp.__array_namespace_info__().dtypes(device=backend.device)
    assert got == known.get(name, known[name.replace("64", "32")])


@pytest.mark.parametrize("backend", list(STRICT), indirect=True)
def test_kernels_do_not_read_back(backend):
    A, row = backend.asarray(X), backend.asarray(X[0])
    h, present = backend.asarray(X[:, 0] ** 2), backend.asarray(X > 0)
    assert not b.reads_are_free(A)
    with no_host_sync():
        b.shifted_sums(A, row, h, present)
        b.by_columns(A, ("subtract", row))
        b.argmax(A, axis=0)


def test_reads_from_numpy_are_free():
    assert b.reads_are_free(X)


def test_joined_parts_of_many_rows_are_those_of_scipy():
    rng = np.random.default_rng(0)
    n = 2 * sparse.ROWS_AT_ONCE + 5
    words = sparse.one_hot(rng.integers(3, size=(n, 2)), [3, 4], np.float32)
    numbers, more = rng.normal(size=(n, 3)), rng.normal(size=(n, 1)).astype(np.float32)
    for parts in ([numbers, words, more], [words, numbers], [words, words]):
        got = sparse.hstack(parts)
        want = hstack([csr_array(part) for part in parts], format="csr")
        assert got.dtype == want.dtype
        np.testing.assert_array_equal(got.toarray(), want.toarray())
        assert got.has_canonical_format
