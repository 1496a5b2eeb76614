"""Extremes against NumPy, and what the two maps make of them."""

from __future__ import annotations

import pickle
from itertools import pairwise

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from streamlearn._arrays import sparse
from streamlearn.core.affine_map import AffineMap
from streamlearn.core.statistics import extremes as ex

NAN = np.nan
PARAMS = [ex.Range(), ex.Range(-1.0, 2.0), ex.Range(clip=True), ex.Magnitude(), ex.Magnitude(True)]


def table(n: int, d: int = 3, *, missing: bool = False, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) * 10.0 ** np.arange(d) + 5
    return np.where(rng.random(X.shape) < 0.3, NAN, X) if missing else X


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("n", [1, 63, 64, 65, 128, 130, 700, 20_000])
def test_any_number_of_rows(backend, n, missing):
    """Rows are compared 64 at a time, and where NaN are among them in batches."""
    X = table(n, missing=missing)
    X[0, :] = 1.0
    for dtype in backend.float_dtypes:
        Z = X.astype(dtype)
        state = ex.of_block(ex.Range(), backend.asarray(Z))
        for got, want in ((state.low, np.nanmin(Z, axis=0)), (state.high, np.nanmax(Z, axis=0))):
            backend.check(got, dtype)
            np.testing.assert_array_equal(backend.to_numpy(got), want)
        np.testing.assert_array_equal(backend.to_numpy(state.count), (~np.isnan(Z)).sum(axis=0))
        np.testing.assert_array_equal(backend.to_numpy(ex.rows(state)), [n] * 3)
        assert bool(ex.is_clean(state, n)) == (not np.isnan(Z).any())
        assert bool(ex.is_finite(state))
        assert not bool(ex.is_empty(state))


def test_columns_in_any_memory_order():
    X = table(1000)
    for Z in (np.asfortranarray(X), X[::-1], X[:, ::-1][:, ::-1]):
        state = ex.of_block(ex.Range(), Z)
        np.testing.assert_array_equal([state.low, state.high], [X.min(axis=0), X.max(axis=0)])


@settings(max_examples=25)
@given(seed=st.integers(0, 99), cuts=st.lists(st.integers(0, 40), max_size=5))
def test_merging_is_exact_in_any_order(seed, cuts):
    X = table(40, missing=True, seed=seed)
    weight = np.random.default_rng(seed).integers(0, 2, 40) / 1.0
    whole = ex.of_block(ex.Range(), X, weight)
    edges = [0, *sorted(cuts), 40]
    parts = [ex.of_block(ex.Range(), X[a:b], weight[a:b]) for a, b in pairwise(edges)]
    np.random.default_rng(seed).shuffle(parts)
    state = parts[0]
    for part in parts[1:]:
        state = ex.merge(state, part)
    for a, b in zip(state, whole, strict=True):
        np.testing.assert_array_equal(a, b)
    kept = ex.of_block(ex.Range(), X[weight != 0])
    for a, b in zip(kept, whole, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("missing", [False, True])
def test_sparse_rows_are_those_of_dense_ones(missing, weighted):
    X = table(60, 6, missing=missing)
    X[np.random.default_rng(1).random(X.shape) < 0.6] = 0.0
    X[:, 4] = 7.0
    X[:, 5] = NAN
    weight = np.random.default_rng(2).integers(0, 2, 60) / 1.0 if weighted else None
    S = sparse.csr(sp.csr_array(X))
    for a, b in zip(
        ex.of_block(ex.Magnitude(), S, weight), ex.of_block(ex.Magnitude(), X, weight), strict=True
    ):
        np.testing.assert_array_equal(a, b)
        assert a.dtype == b.dtype
    none = ex.of_block(ex.Magnitude(), S[:0])
    assert bool(ex.is_empty(none))


def test_infinity_is_noticed_wherever_it_is(backend):
    for wrong in (np.inf, -np.inf):
        for missing in (False, True):
            X = table(100, missing=missing)
            X[50, 1] = wrong
            assert not bool(ex.is_finite(ex.of_block(ex.Range(), backend.asarray(X))))
            X[:, 1] = wrong
            assert not bool(ex.is_finite(ex.of_block(ex.Range(), backend.asarray(X))))


@pytest.mark.parametrize("params", PARAMS, ids=str)
def test_maps_come_back_and_pickle(params, backend):
    X = table(50)
    Z = backend.asarray(X)
    state = ex.of_block(params, Z)
    function = pickle.loads(pickle.dumps(ex.applied(params, state)))
    assert isinstance(function, AffineMap) != params.clip
    out = backend.to_numpy(function(Z))
    eps = 100 * backend.eps
    if isinstance(params, ex.Range):
        np.testing.assert_allclose(out.min(axis=0), params.low, rtol=eps, atol=eps)
        np.testing.assert_allclose(out.max(axis=0), params.high, rtol=eps)
    else:
        np.testing.assert_allclose(np.abs(out).max(axis=0), 1.0)
    np.testing.assert_allclose(backend.to_numpy(function.inverse(function(Z))), X, rtol=eps)
    beyond = backend.to_numpy(function(3 * Z - 1))
    low, high = (params.low, params.high) if isinstance(params, ex.Range) else (-1.0, 1.0)
    assert (beyond.min() >= low and beyond.max() <= high) == params.clip


def test_both_parts_of_an_offset_move():
    params = ex.Range(-1.0, 2.0)
    X = 1e8 + table(50)
    former, now = (ex.affine(params, ex.of_block(params, rows)) for rows in (X[:20], X))
    rho, delta = now.since(former)
    np.testing.assert_allclose((former(X) - delta) / rho, now(X), rtol=1e-12, atol=1e-12)
    plain = former._replace(remainder=None)
    rho, delta = now.since(plain)
    np.testing.assert_allclose((plain(X) - delta) / rho, now(X), rtol=1e-12, atol=1e-12)
    near = ex.affine(params, ex.of_block(params, X - 1e8))
    make = near.unbuilt(X)
    assert make is not None
    assert now.unbuilt(X) is None
    np.testing.assert_array_equal(make(X).centre, near.offset + near.remainder)
