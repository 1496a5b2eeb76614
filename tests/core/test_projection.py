"""Functions of rows by components, compared with arithmetic of more digits."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.stats import multivariate_normal

from streamlearn.core.projection import LogDensity, Projection

RNG = np.random.default_rng(0)
V = np.linalg.qr(RNG.normal(size=(5, 5)))[0]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_no_digit_of_an_offset_is_lost(dtype):
    mean = RNG.normal(size=5) + 1e4
    X = (RNG.normal(size=(50, 5)) + 1e4).astype(dtype)
    want = (X.astype(np.longdouble) - mean) @ V[:2].T / [2.0, 3.0]
    got = Projection(V[:2], mean, np.asarray([2.0, 3.0]))(X)
    assert got.dtype == dtype
    np.testing.assert_allclose(got, want.astype(float), atol=30 * np.finfo(dtype).eps)


def test_sparse_rows_are_projected_as_dense_ones():
    X = RNG.normal(size=(50, 5)) * (RNG.random((50, 5)) < 0.3)
    turn = Projection(V[:2], RNG.normal(size=5))
    got = turn(csr_array(X))
    assert type(got) is np.ndarray
    np.testing.assert_allclose(got, turn(X), atol=1e-14)


@pytest.mark.parametrize("k", [0, 2, 5])
def test_the_density_is_that_of_a_normal_distribution(k):
    variance, noise, mean = np.asarray([9.0, 4.0, 3.0, 2.0, 1.0])[:k], 0.5, RNG.normal(size=5)
    covariance = (V[:k].T * (variance - noise)) @ V[:k] + noise * np.eye(5)
    X = RNG.normal(size=(20, 5))
    want = multivariate_normal(mean, covariance).logpdf(X)
    density = LogDensity(V[:k], mean, variance, np.asarray([noise]))
    np.testing.assert_allclose(density(X), want, rtol=1e-12)
    np.testing.assert_allclose(density(csr_array(X)), want, rtol=1e-12)


def test_a_small_variance_across_the_components_costs_no_digit():
    V = np.asarray([[0.6, 0.8]])
    density = LogDensity(V, np.zeros(2), np.asarray([1e12]), np.asarray([1e-6]))
    rest = density(np.asarray([[6e5, 8e5]])) - density(np.asarray([[6e5 - 8e-4, 8e5 + 6e-4]]))
    np.testing.assert_allclose(rest, 0.5, rtol=1e-6)
