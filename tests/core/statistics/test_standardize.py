"""Standardized features, as scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from streamlearn.core.statistics import moments as mo
from streamlearn.core.statistics import standardize
from streamlearn.core.statistics.block_moments import of_block
from tests.core.statistics.test_moments import NAN, TABLES, WEIGHTS, merged

PARAMS = standardize.Params()


def columns_of_interest():
    """Constant, nearly constant, tiny, huge, with gaps, and ordinary."""
    n, rng = 200, np.random.default_rng(0)
    near = np.full(n, 1.0)
    near[::2] += 1e-15
    far = np.full(n, 1e8)
    far[0] += 2e-8
    gaps = rng.normal(size=n)
    gaps[:40:2] = NAN
    return np.stack(
        [np.zeros(n), np.full(n, np.log(1e-5)), near, far, rng.normal(size=n) * 1e-150, gaps,
         rng.normal(1e8, 1.0, n), 1e20 * rng.random(n)], axis=1)  # fmt: skip


@pytest.mark.parametrize("weights", ["none", "random"])
@pytest.mark.parametrize("with_mean", [True, False])
@pytest.mark.parametrize("with_std", [True, False])
def test_as_scikit_learn(weights, with_mean, with_std):
    X = columns_of_interest()
    weight = WEIGHTS[weights](len(X))
    theirs = StandardScaler(with_mean=with_mean, with_std=with_std).fit(X, sample_weight=weight)
    learner = standardize.learner(with_mean, with_std)
    state = learner.of_block(learner.params, X, weight)
    if with_mean or with_std or weight is None:  # else theirs counts rows without their weights
        seen = np.broadcast_to(theirs.n_samples_seen_, state.weight.shape)
        np.testing.assert_allclose(state.weight, seen, rtol=1e-14)
    if with_std:
        constant = theirs.scale_ == 1.0
        np.testing.assert_array_equal(mo.scale(state) == 1.0, constant)
        np.testing.assert_allclose(mo.scale(state), theirs.scale_, rtol=1e-7)
    out = learner.apply(learner.params, state, X)
    np.testing.assert_allclose(out, theirs.transform(X), rtol=1e-6, atol=1e-7)
    back = standardize.applied(learner.params, state).inverse(out)
    np.testing.assert_allclose(back, X, rtol=1e-12)


def test_incremental_as_scikit_learn():
    X = columns_of_interest()[:, 4:]
    theirs = StandardScaler()
    for part in np.split(X, 10):
        theirs.partial_fit(part)
    state = merged(np.split(X, 10))
    np.testing.assert_array_equal(state.weight, theirs.n_samples_seen_)
    np.testing.assert_allclose(mo.mean(state), theirs.mean_, rtol=1e-13)
    np.testing.assert_allclose(mo.variance(state)[[0, 1, 3]], theirs.var_[[0, 1, 3]], rtol=1e-12)


def test_missing_values_stay_missing(backend):
    X = TABLES["gaps"]
    A = backend.asarray(X)
    state = of_block(A)
    out = standardize.applied(PARAMS, state)(A)
    np.testing.assert_array_equal(np.isnan(backend.to_numpy(out)), np.isnan(X))
    back = backend.to_numpy(standardize.applied(PARAMS, state).inverse(out))
    np.testing.assert_allclose(back, backend.to_numpy(A), rtol=4 * backend.eps)
    never = of_block(A * np.nan)
    assert np.all(np.isnan(backend.to_numpy(standardize.applied(PARAMS, never)(A))))


def test_integers_become_floats(backend):
    X = backend.asarray(TABLES["integers"])
    state = of_block(X)
    out = standardize.applied(PARAMS, state)(X)
    backend.check(out, backend.widest)
    np.testing.assert_allclose(np.std(backend.to_numpy(out), axis=0), 1, rtol=1e-5)
