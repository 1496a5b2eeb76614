"""Quantiles are NumPy's while they are exact, and scikit-learn's if rows have weights."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.utils.stats import _weighted_percentile

from streamlearn.core.statistics import block_summary, quantiles
from streamlearn.core.statistics import quantile_summary as summaries
from tests.core.statistics.blocks import LEVELS, lumpy, of_blocks

METHODS = (
    *("inverted_cdf", "averaged_inverted_cdf", "closest_observation", "linear", "hazen"),
    *("interpolated_inverted_cdf", "weibull", "median_unbiased", "normal_unbiased"),
)


@pytest.mark.complete
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("method", METHODS)
def test_numpys_quantiles_while_all_numbers_fit(method, dtype):
    rng = np.random.default_rng(0)
    X = lumpy(rng, 301)[:, : 7 if dtype == "float64" else 3].astype(dtype)
    for borders in ((), (1, 1, 30, 200)):
        state = of_blocks(X, borders)
        assert not np.any(state.below)  # all numbers are kept
        got = quantiles.quantile(state, LEVELS, method)
        assert got.dtype == dtype
        with np.errstate(over="ignore"):
            want = np.nanquantile(X.astype("float64"), LEVELS, axis=0, method=method)
        np.testing.assert_allclose(got, want.astype(dtype), rtol=4 * np.finfo(dtype).eps)


def test_a_method_that_is_none():
    state = block_summary.of_block(summaries.Sketch(), np.ones((3, 1)))
    with pytest.raises(ValueError, match="method='nearest' is not"):
        quantiles.quantile(state, [0.5], "nearest")


@pytest.mark.parametrize("averaged", [False, True])
def test_weighted_quantiles_are_scikit_learns(averaged):
    rng = np.random.default_rng(0)
    X, weight = lumpy(rng, 301), rng.integers(0, 4, 301) / 2
    weight[0] = 1.0
    for borders in ((), (1, 1, 30, 200)):
        state = of_blocks(X, borders, weight)
        got = quantiles.weighted_quantile(state, LEVELS, averaged=averaged)
        want = _weighted_percentile(X, weight, 100 * np.asarray(LEVELS), average=averaged).T
        # Behind the last number scikit-learn finds a missing one.
        there = ~np.isnan(want)
        assert np.all(there[:-1])
        np.testing.assert_allclose(got[there], want[there], rtol=1e-15)
        np.testing.assert_array_equal(got[-1], np.nanmax(X[weight > 0], axis=0))


@pytest.mark.parametrize("averaged", [False, True])
@pytest.mark.parametrize("unit", [2.0**-60, 2.0**60])
def test_the_unit_of_the_weights_does_not_matter(unit, averaged):
    rng = np.random.default_rng(0)
    X, weight = lumpy(rng, 301), rng.integers(0, 4, 301) / 2
    want, got = (
        quantiles.weighted_quantile(of_blocks(X, (30,), w), LEVELS, averaged=averaged)
        for w in (weight, unit * weight)
    )
    np.testing.assert_array_equal(got, want)
