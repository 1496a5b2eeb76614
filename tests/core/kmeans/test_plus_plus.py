"""k-means++: scikit-learn's rows for the same draws, at any offset."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import kmeans_plusplus

from streamlearn._arrays import asarray
from streamlearn.core.kmeans.plus_plus import seeds
from tests.core.kmeans.test_minibatch import TABLES, blobs


def test_seeds_are_scikit_learns(backend):
    if backend.widest != "float64":
        pytest.skip("sums of float32 round to other trials")
    for seed, (X, weight) in enumerate(TABLES.values()):
        if len(np.unique(X, axis=0)) < 8:
            continue
        w = None if weight is None else weight + 0.5
        want = kmeans_plusplus(X, 8, sample_weight=w, random_state=seed)[1]
        draws = np.random.RandomState(seed)
        share = np.ones(len(X)) if w is None else w
        first = draws.choice(len(X), p=share / share.sum())
        uniform = draws.uniform(size=(7, 4))
        rows, w = backend.asarray(X), None if w is None else backend.asarray(w)
        got = seeds(rows, w, int(first), asarray(uniform, like=rows))
        np.testing.assert_array_equal(X[backend.to_numpy(got)], X[want])


@pytest.mark.parametrize("table", ["duplicates", "constant"])
def test_seeds_are_different_rows_while_there_are_any(backend, table):
    X = TABLES[table][0]
    uniform = backend.asarray(np.random.default_rng(0).random((7, 4)))
    chosen = backend.to_numpy(seeds(backend.asarray(X), None, 5, uniform))
    different = len(np.unique(X, axis=0))
    assert len(np.unique(X[chosen[:different]], axis=0)) == different


def test_seeds_far_from_zero_are_those_at_zero(backend):
    """scikit-learn's distances are noise there."""
    X = np.round(blobs(200) * 1024) / 1024
    offset = 1e8 if backend.widest == "float64" else 1e3
    X = X if offset > 1e4 else np.round(X * 8) / 8
    uniform = backend.asarray(np.random.default_rng(0).random((4, 3)))
    here = seeds(backend.asarray(X), None, 3, uniform)
    there = seeds(backend.asarray(X + offset), None, 3, uniform)
    np.testing.assert_array_equal(backend.to_numpy(here), backend.to_numpy(there))
