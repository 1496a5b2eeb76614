"""A summary is exact while all numbers fit, and within the stated rank error beyond that."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from streamlearn.core import robust
from streamlearn.core.statistics import block_summary, quantiles
from streamlearn.core.statistics import quantile_summary as summaries
from tests.backends import open_backend
from tests.core.statistics.blocks import LEVELS, SKETCH, of_blocks


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
    state = of_blocks(X, borders, weight, summaries.Sketch(64))
    again = of_blocks(
        X,
        borders,
        weight,
        summaries.Sketch(64),
        merge=lambda a, b: summaries.merge(b, a),
    )
    assert all(np.array_equal(a, b) for a, b in zip(state, again, strict=True))
    rows = X if weight is None else np.repeat(X, weight.astype(int), axis=0)
    if weight is None:
        got, want = quantiles.quantile(state, levels), np.nanquantile(X, levels, axis=0)
        np.testing.assert_allclose(got, want, rtol=1e-13, atol=1e-15)
    present = [np.unique(x[~np.isnan(x)], return_counts=True) for x in rows.T]
    for j, (values, counts) in enumerate(present):
        np.testing.assert_array_equal(state.values[j, : len(values)], values)
        np.testing.assert_array_equal(state.at[j, : len(values)], counts)
    np.testing.assert_array_equal(state.missing, np.isnan(X).sum(axis=0))
    np.testing.assert_array_equal(quantiles.minimum(state), np.nanmin(X, axis=0))
    np.testing.assert_array_equal(quantiles.maximum(state), np.nanmax(X, axis=0))


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
    for size, most in ((summaries.SIZE, 1e-3), (summaries.SIZE // 4, 5e-3)):
        parts = [block_summary.of_block(summaries.Sketch(size), x) for x in np.split(X, 50)]
        while len(parts) > 1:
            fan = 8 if merges == "tree" else 50
            parts = [reduce(summaries.merge, parts[i : i + fan]) for i in range(0, len(parts), fan)]
        (state,) = parts
        assert [a.shape for a in state[:3]] == [(len(SHAPES), size)] * 3
        np.testing.assert_allclose(summaries.total(state), N, rtol=1e-12)
        np.testing.assert_array_equal(quantiles.minimum(state), known[0])
        np.testing.assert_array_equal(quantiles.maximum(state), known[-1])
        found = quantiles.quantile(state, levels)
        for j, name in enumerate(SHAPES):
            assert rank_error(known[:, j], found[:, j], levels) <= most, name
        few = list(SHAPES).index("few integers")
        np.testing.assert_array_equal(found[:, few], np.quantile(X[:, few], levels))


@pytest.mark.thorough
def test_a_thousand_merges_one_after_the_other():
    rng, levels = np.random.default_rng(0), np.arange(1, 100) / 100
    x = rng.standard_cauchy(50_000) + np.arange(50_000) / 2e3
    state = reduce(
        summaries.merge,
        [block_summary.of_block(SKETCH, p[:, None]) for p in np.split(x, 1000)],
    )
    assert rank_error(np.sort(x), quantiles.quantile(state, levels)[:, 0], levels) <= 1e-3


def test_no_place_is_left_out_where_sums_are_rounded():
    """Numbers of one weight take a place each, and all places are in order."""
    rng = np.random.default_rng(0)
    for weight in (1.0, 0.1, 1 / 3, 1e-3):
        parts = []
        for _ in range(6):
            x = rng.integers(0, 90, (40, 3)) / 1.0
            parts.append(block_summary.of_block(summaries.Sketch(16), x, np.full(40, weight)))
        state = reduce(summaries.merge, parts)
        used = state.at > 0
        assert np.all(used[:, :-1] >= used[:, 1:])
        assert np.all(np.diff(np.where(used, state.values, 1e9 + np.arange(16))) > 0)
        np.testing.assert_allclose(summaries.total(state), 240 * weight)


def test_weights_beyond_the_room():
    rng, levels = np.random.default_rng(0), np.arange(1, 100) / 100
    X, weight = rng.normal(size=(40_000, 2)), rng.exponential(size=40_000)
    weight[rng.random(40_000) < 0.1] = 0.0
    state = of_blocks(X, range(2000, 40_000, 2000), weight, summaries.Sketch(512))
    assert np.all(np.any(state.below > 0, axis=1))
    for averaged in (False, True):
        found = quantiles.weighted_quantile(state, levels, averaged=averaged)
        for j in range(2):
            upto = [weight[X[:, j] <= v].sum() / weight.sum() for v in found[:, j]]
            np.testing.assert_allclose(upto, levels, atol=2e-3)
    kept, masses = quantiles.masses(state)
    np.testing.assert_allclose(masses.sum(axis=1), weight.sum())
    found = [np.average(kept[j][masses[j] > 0], weights=masses[j][masses[j] > 0]) for j in (0, 1)]
    np.testing.assert_allclose(found, np.average(X, axis=0, weights=weight), atol=0.01)


def test_sparse_rows_count_their_zeros_or_not():
    X = sp.random_array((300, 20), density=0.3, random_state=0, format="csr") * 3 - 0
    dense = X.toarray()
    for weight in (None, np.arange(300) % 3 / 1.0):
        got, want = (
            block_summary.of_block(summaries.Sketch(), a, weight) for a in (sp.csr_array(X), dense)
        )
        assert all(np.array_equal(a, b) for a, b in zip(got, want, strict=True))
        stored = np.where(dense == 0, np.nan, dense)
        want = block_summary.of_block(summaries.Sketch(), stored, weight)
        got = block_summary.of_block(summaries.Sketch(zeros=False), sp.csr_array(X), weight)
        assert all(np.array_equal(a, b) for a, b in zip(got, want, strict=True))


STARTS = range(0, 300, 60)


def test_every_backend_finds_what_numpy_does(backend):
    rng = np.random.default_rng(0)
    # In float32 other numbers may be kept, where two are as near.
    sketch = summaries.Sketch(32 if backend.widest == "float64" else 512)
    for dtype in backend.float_dtypes:
        X = (np.round(rng.normal(size=(300, 3)), 2)).astype(dtype)
        X[rng.random(X.shape) < 0.1] = np.nan
        weight = (rng.integers(0, 3, 300) / 2).astype(dtype)
        for w in (None, weight):
            found = []
            for make in (np.asarray, lambda a, dtype=dtype: backend.asarray(a, dtype)):
                parts = [(X[i : i + 60], None if w is None else w[i : i + 60]) for i in STARTS]
                states = [
                    block_summary.of_block(sketch, *(None if a is None else make(a) for a in part))
                    for part in parts
                ]
                found.append(reduce(summaries.merge, states))
            for a, b in zip(*found, strict=True):
                np.testing.assert_allclose(backend.to_numpy(b), a, rtol=1e-3, atol=1e-3)
            got = backend.to_numpy(quantiles.weighted_quantile(found[1], LEVELS, averaged=True))
            want = quantiles.weighted_quantile(found[0], LEVELS, averaged=True)
            np.testing.assert_allclose(got, want, rtol=1e-3, atol=0.02)


@pytest.mark.torch
def test_torch_finds_what_numpy_does():
    pytest.importorskip("torch")
    with open_backend("torch") as backend:
        test_every_backend_finds_what_numpy_does(backend)


def test_nothing_and_infinity():
    nothing = block_summary.of_block(summaries.Sketch(), np.full((5, 2), np.nan))
    for found in (
        quantiles.quantile(nothing, [0.5]),
        quantiles.weighted_quantile(nothing, [0.5]),
        quantiles.minimum(nothing),
        robust.centre(nothing),
    ):
        assert np.all(np.isnan(found))
    assert not summaries.is_empty(nothing)
    assert summaries.is_empty(
        block_summary.of_block(summaries.Sketch(), np.ones((5, 2)), np.zeros(5))
    )
    for wrong in (np.inf, -np.inf):
        X = np.ones((9, 2))
        X[3, 1] = wrong
        for size in (4, 2048):
            assert not summaries.is_finite(block_summary.of_block(summaries.Sketch(size), X))
    assert summaries.is_finite(nothing)
    assert not summaries.is_clean(nothing, 5)
    assert summaries.is_clean(block_summary.of_block(summaries.Sketch(), np.ones((5, 2))), 5)
