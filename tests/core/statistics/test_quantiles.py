"""Quantiles: NumPy's while they are exact, and within the stated rank error beyond that."""

from __future__ import annotations

from functools import reduce
from itertools import pairwise

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils.stats import _weighted_percentile

from streamlearn.core import robust
from streamlearn.core.statistics import quantiles as qs
from tests.backends import open_backend

METHODS = (
    *("inverted_cdf", "averaged_inverted_cdf", "closest_observation", "linear", "hazen"),
    *("interpolated_inverted_cdf", "weibull", "median_unbiased", "normal_unbiased"),
)
SKETCH = qs.Sketch()
LEVELS = [0.0, 0.01, 0.1, 0.25, 1 / 3, 0.5, 0.75, 0.9, 1.0]


def of_blocks(X, borders=(), weight=None, params=SKETCH, merge=None):
    """Return the merged summary of pieces of X."""
    edges = [0, *sorted(borders), len(X)]
    parts = [
        qs.of_block(params, X[a:b], None if weight is None else weight[a:b])
        for a, b in pairwise(edges)
    ]
    return reduce(merge or qs.merge, parts)


def lumpy(rng, n):
    """Rows with ties, offsets, other units and gaps, of which the first are there."""
    X = np.stack(
        [
            rng.normal(size=n),
            1e8 + 1e-4 * rng.normal(size=n),
            rng.integers(-2, 3, n) / 1.0,
            1e300 * rng.uniform(-1, 1, n),
            5e-324 * rng.integers(-9, 9, n),
            np.full(n, 3.5),
            np.exp(100 * rng.normal(size=n)),
        ],
        axis=1,
    )
    X[1:][rng.random((n - 1, X.shape[1])) < 0.2] = np.nan
    return X


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("method", METHODS)
def test_numpys_quantiles_while_all_numbers_fit(method, dtype):
    rng = np.random.default_rng(0)
    X = lumpy(rng, 301)[:, : 7 if dtype == "float64" else 3].astype(dtype)
    for borders in ((), (1, 1, 30, 200)):
        state = of_blocks(X, borders)
        assert qs.is_exact(state).all()
        got = qs.quantile(state, LEVELS, method)
        assert got.dtype == dtype
        with np.errstate(over="ignore"):
            want = np.nanquantile(X.astype("float64"), LEVELS, axis=0, method=method)
        np.testing.assert_allclose(got, want.astype(dtype), rtol=4 * np.finfo(dtype).eps)


def test_a_method_that_is_none():
    state = qs.of_block(qs.Sketch(), np.ones((3, 1)))
    with pytest.raises(ValueError, match="method='nearest' is not"):
        qs.quantile(state, [0.5], "nearest")


@pytest.mark.parametrize("averaged", [False, True])
def test_weighted_quantiles_are_scikit_learns(averaged):
    rng = np.random.default_rng(0)
    X, weight = lumpy(rng, 301), rng.integers(0, 4, 301) / 2
    weight[0] = 1.0
    for borders in ((), (1, 1, 30, 200)):
        state = of_blocks(X, borders, weight)
        got = qs.weighted_quantile(state, LEVELS, averaged=averaged)
        want = _weighted_percentile(X, weight, 100 * np.asarray(LEVELS), average=averaged).T
        # Behind the last number scikit-learn finds a missing one.
        there = ~np.isnan(want)
        assert np.all(there[:-1])
        np.testing.assert_allclose(got[there], want[there], rtol=1e-15)
        np.testing.assert_array_equal(got[-1], np.nanmax(X[weight > 0], axis=0))


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    borders=st.lists(st.integers(0, 60), max_size=6),
    levels=st.lists(st.floats(0, 1), min_size=1, max_size=4),
    distinct=st.integers(1, 40),
    weighted=st.booleans(),
)
def test_any_pieces_weights_ties_and_gaps(seed, borders, levels, distinct, weighted):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=distinct)[rng.integers(0, distinct, (60, 2))]
    X[1:][rng.random((59, 2)) < 0.3] = np.nan
    weight = rng.integers(1, 4, 60) / 1.0 if weighted else None
    state = of_blocks(X, borders, weight, qs.Sketch(64))
    again = of_blocks(X, borders, weight, qs.Sketch(64), merge=lambda a, b: qs.merge(b, a))
    assert all(np.array_equal(a, b) for a, b in zip(state, again, strict=True))
    rows = X if weight is None else np.repeat(X, weight.astype(int), axis=0)
    if weight is None:
        got, want = qs.quantile(state, levels), np.nanquantile(X, levels, axis=0)
        np.testing.assert_allclose(got, want, rtol=1e-13, atol=1e-15)
    present = [np.unique(x[~np.isnan(x)], return_counts=True) for x in rows.T]
    for j, (values, counts) in enumerate(present):
        np.testing.assert_array_equal(state.values[j, : len(values)], values)
        np.testing.assert_array_equal(state.at[j, : len(values)], counts)
    np.testing.assert_array_equal(state.missing, np.isnan(X).sum(axis=0))
    np.testing.assert_array_equal(qs.minimum(state), np.nanmin(X, axis=0))
    np.testing.assert_array_equal(qs.maximum(state), np.nanmax(X, axis=0))


N = 200_000
SHAPES = {
    "normal": lambda rng: rng.normal(size=N),
    "Cauchy": lambda rng: rng.standard_cauchy(N),
    "log-normal": lambda rng: np.exp(5 * rng.normal(size=N)),
    "sorted": lambda rng: np.sort(rng.normal(size=N)),
    "sorted down": lambda rng: -np.sort(np.exp(5 * rng.normal(size=N))),
    "drifting": lambda rng: rng.normal(size=N) + np.linspace(0, 30, N),
    "alternating": lambda rng: rng.normal(size=N) + np.repeat((-1.0) ** np.arange(50), N // 50),
    "growing": lambda rng: rng.normal(size=N) * np.linspace(1, 100, N) ** 3,
    "few integers": lambda rng: rng.poisson(3, N) / 1.0,
    "10,000 integers": lambda rng: rng.integers(0, 10_000, N) / 1.0,
    "half zeros": lambda rng: np.where(rng.random(N) < 0.5, 0, rng.normal(size=N)),
    "clusters": lambda rng: rng.integers(0, 6000, N) + 1e-9 * rng.random(N),
    "600 orders of magnitude": lambda rng: np.exp(rng.permutation(np.linspace(-300, 300, N))),
}


def rank_error(x: np.ndarray, found: np.ndarray, levels: np.ndarray) -> float:
    """Return how far the ranks of the numbers found are from the levels, at most."""
    low, high = (np.searchsorted(x, found, side=side) / len(x) for side in ("left", "right"))
    return float(np.max(np.maximum(np.maximum(low - levels, levels - high), 0.0)))


@pytest.mark.parametrize("merges", ["tree", "chain"])
@pytest.mark.thorough
def test_the_rank_error_is_at_most_a_thousandth(merges):
    """With 50 blocks, each column in another order; in a fourth of the room it is 0.5 %."""
    rng, levels = np.random.default_rng(0), np.arange(1, 100) / 100
    X = np.stack([make(rng) for make in SHAPES.values()], axis=1)
    known = np.sort(X, axis=0)
    for size, most in ((qs.SIZE, 1e-3), (qs.SIZE // 4, 5e-3)):
        parts = [qs.of_block(qs.Sketch(size), x) for x in np.split(X, 50)]
        while len(parts) > 1:
            fan = 8 if merges == "tree" else 50
            parts = [reduce(qs.merge, parts[i : i + fan]) for i in range(0, len(parts), fan)]
        (state,) = parts
        assert [a.shape for a in state[:3]] == [(len(SHAPES), size)] * 3
        np.testing.assert_allclose(qs.total(state), N, rtol=1e-12)
        np.testing.assert_array_equal(qs.minimum(state), known[0])
        np.testing.assert_array_equal(qs.maximum(state), known[-1])
        found = qs.quantile(state, levels)
        ranks = qs.cdf(state, np.ascontiguousarray(found.T)).T
        for j, name in enumerate(SHAPES):
            assert rank_error(known[:, j], found[:, j], levels) <= most, name
            assert np.all(ranks[:, j] >= levels - 2 * most), name
            exact = np.searchsorted(known[:, j], found[:, j], side="right") / N
            np.testing.assert_allclose(ranks[:, j], exact, atol=most)
        few = list(SHAPES).index("few integers")
        np.testing.assert_array_equal(found[:, few], np.quantile(X[:, few], levels))


@pytest.mark.thorough
def test_a_thousand_merges_one_after_the_other():
    rng, levels = np.random.default_rng(0), np.arange(1, 100) / 100
    x = rng.standard_cauchy(50_000) + np.arange(50_000) / 2e3
    state = reduce(qs.merge, [qs.of_block(SKETCH, p[:, None]) for p in np.split(x, 1000)])
    assert rank_error(np.sort(x), qs.quantile(state, levels)[:, 0], levels) <= 1e-3


def test_no_place_is_left_out_where_sums_are_rounded():
    """Numbers of one weight take a place each, and all places are in order."""
    rng = np.random.default_rng(0)
    for weight in (1.0, 0.1, 1 / 3, 1e-3):
        parts = []
        for _ in range(6):
            x = rng.integers(0, 90, (40, 3)) / 1.0
            parts.append(qs.of_block(qs.Sketch(16), x, np.full(40, weight)))
        state = reduce(qs.merge, parts)
        used = state.at > 0
        assert np.all(used[:, :-1] >= used[:, 1:])
        assert np.all(np.diff(np.where(used, state.values, 1e9 + np.arange(16))) > 0)
        np.testing.assert_allclose(qs.total(state), 240 * weight)


def test_weights_beyond_the_room():
    rng, levels = np.random.default_rng(0), np.arange(1, 100) / 100
    X, weight = rng.normal(size=(40_000, 2)), rng.exponential(size=40_000)
    weight[rng.random(40_000) < 0.1] = 0.0
    state = of_blocks(X, range(2000, 40_000, 2000), weight, qs.Sketch(512))
    assert not qs.is_exact(state).any()
    for averaged in (False, True):
        found = qs.weighted_quantile(state, levels, averaged=averaged)
        for j in range(2):
            upto = [weight[X[:, j] <= v].sum() / weight.sum() for v in found[:, j]]
            np.testing.assert_allclose(upto, levels, atol=2e-3)
    kept, masses = qs.masses(state)
    np.testing.assert_allclose(masses.sum(axis=1), weight.sum())
    found = [np.average(kept[j][masses[j] > 0], weights=masses[j][masses[j] > 0]) for j in (0, 1)]
    np.testing.assert_allclose(found, np.average(X, axis=0, weights=weight), atol=0.01)


def test_sparse_rows_count_their_zeros_or_not():
    X = sp.random_array((300, 20), density=0.3, random_state=0, format="csr") * 3 - 0
    dense = X.toarray()
    for weight in (None, np.arange(300) % 3 / 1.0):
        got, want = (qs.of_block(qs.Sketch(), a, weight) for a in (sp.csr_array(X), dense))
        assert all(np.array_equal(a, b) for a, b in zip(got, want, strict=True))
        stored = np.where(dense == 0, np.nan, dense)
        want = qs.of_block(qs.Sketch(), stored, weight)
        got = qs.of_block(qs.Sketch(zeros=False), sp.csr_array(X), weight)
        assert all(np.array_equal(a, b) for a, b in zip(got, want, strict=True))


STARTS = range(0, 300, 60)


def test_every_backend_finds_what_numpy_does(backend):
    rng = np.random.default_rng(0)
    # In float32 other numbers may be kept, where two are as near.
    sketch = qs.Sketch(32 if backend.widest == "float64" else 512)
    for dtype in backend.float_dtypes:
        X = (np.round(rng.normal(size=(300, 3)), 2)).astype(dtype)
        X[rng.random(X.shape) < 0.1] = np.nan
        weight = (rng.integers(0, 3, 300) / 2).astype(dtype)
        for w in (None, weight):
            found = []
            for make in (np.asarray, lambda a, dtype=dtype: backend.asarray(a, dtype)):
                parts = [(X[i : i + 60], None if w is None else w[i : i + 60]) for i in STARTS]
                states = [
                    qs.of_block(sketch, *(None if a is None else make(a) for a in part))
                    for part in parts
                ]
                found.append(reduce(qs.merge, states))
            for a, b in zip(*found, strict=True):
                np.testing.assert_allclose(backend.to_numpy(b), a, rtol=1e-3, atol=1e-3)
            got = backend.to_numpy(qs.weighted_quantile(found[1], LEVELS, averaged=True))
            want = qs.weighted_quantile(found[0], LEVELS, averaged=True)
            np.testing.assert_allclose(got, want, rtol=1e-3, atol=0.02)


@pytest.mark.torch
def test_torch_finds_what_numpy_does():
    pytest.importorskip("torch")
    with open_backend("torch") as backend:
        test_every_backend_finds_what_numpy_does(backend)


def test_nothing_and_infinity():
    nothing = qs.of_block(qs.Sketch(), np.full((5, 2), np.nan))
    for found in (
        qs.quantile(nothing, [0.5]),
        qs.weighted_quantile(nothing, [0.5]),
        qs.minimum(nothing),
        qs.cdf(nothing, np.zeros((2, 1))),
        robust.centre(nothing),
    ):
        assert np.all(np.isnan(found))
    assert not qs.is_empty(nothing)
    assert qs.is_empty(qs.of_block(qs.Sketch(), np.ones((5, 2)), np.zeros(5)))
    for wrong in (np.inf, -np.inf):
        X = np.ones((9, 2))
        X[3, 1] = wrong
        for size in (4, 2048):
            assert not qs.is_finite(qs.of_block(qs.Sketch(size), X))
    assert qs.is_finite(nothing)
    assert not qs.is_clean(nothing, 5)
    assert qs.is_clean(qs.of_block(qs.Sketch(), np.ones((5, 2))), 5)
