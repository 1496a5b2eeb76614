"""The sums of an iteration of Lloyd's algorithm: they merge, and lose no digit far from zero."""

from __future__ import annotations

import numpy as np
import pytest

from streamlearn.core.kmeans import lloyd, start

N, D, K = 300, 3, 5


def table(offset: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, weights of which some are 0, and centres, on a grid that survives the offset."""
    rng = np.random.default_rng(seed)
    grid = np.spacing(1e8)
    centers = np.round(4 * rng.normal(size=(K, D)) / grid) * grid
    rows = centers[rng.integers(0, K, N)] + np.round(rng.normal(size=(N, D)) / grid) * grid
    return rows + offset, rng.integers(0, 3, N) / 2, centers + offset


def sums(backend, rows, weight, centers):
    state = start(backend.asarray(centers))
    point = state.counts[0] * 0 + backend.asarray(lloyd.point_of(centers), dtype=backend.widest)
    given = [None if a is None else backend.asarray(a) for a in (rows, weight)]
    return lloyd.of_block(state, point, *given)


@pytest.mark.parametrize("offset", [0.0, 1e8])
@pytest.mark.parametrize("weighted", [False, True])
def test_means_are_exact_far_from_zero(offset, weighted):
    rows, weight, centers = table(offset)
    weight = weight if weighted else None
    w = (np.ones(N) if weight is None else weight).astype(np.longdouble)
    squared = ((rows[:, None, :].astype(np.longdouble) - centers) ** 2).sum(axis=2)
    labels = squared.argmin(axis=1)
    found, near = lloyd.of_block(start(centers), lloyd.point_of(centers), rows, weight)
    np.testing.assert_array_equal(near.labels, labels)
    assert float(found.inertia) == pytest.approx(float(w @ squared.min(axis=1)), rel=1e-12)
    at = lloyd.point_of(centers) + found.total / found.weight[:, None]
    for j in range(K):
        mine = labels == j
        assert found.weight[j] == w[mine].sum()
        want = (w[mine] @ rows[mine].astype(np.longdouble)) / w[mine].sum()
        np.testing.assert_allclose((at[j] - want).astype(float), 0, atol=4e-16 * (offset + 10))


@pytest.mark.parametrize("offset", [0.0, 1e8])
def test_sums_of_parts_are_the_sums_of_all(offset):
    rows, weight, centers = table(offset)
    point = lloyd.point_of(centers)
    whole, _ = lloyd.of_block(start(centers), point, rows, weight)
    parts = [
        lloyd.of_block(start(centers), point, rows[at], weight[at])[0]
        for at in (slice(0, 1), slice(1, 120), slice(120, N))
    ]
    for order in ((0, 1, 2), (2, 0, 1)):
        a, b, c = (parts[i] for i in order)
        for merged in (lloyd.merge(lloyd.merge(a, b), c), lloyd.merge(a, lloyd.merge(b, c))):
            for got, want in zip(merged, whole, strict=True):
                np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-10)


@pytest.mark.parametrize("weighted", [False, True])
def test_every_library_has_the_same_sums(backend, weighted):
    rows, weight, centers = table(0.0)
    weight = weight if weighted else None
    known, near = lloyd.of_block(start(centers), lloyd.point_of(centers), rows, weight)
    found, there = sums(backend, rows, weight, centers)
    np.testing.assert_array_equal(backend.to_numpy(there.labels), near.labels)
    for got, want in zip(found, known, strict=True):
        backend.check(got, backend.widest)
        np.testing.assert_allclose(backend.to_numpy(got), want, rtol=1e4 * backend.eps)


def test_a_row_that_is_its_centre_up_to_rounding_has_distance_0(backend):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(6, D)) + 100
    mean = np.repeat(rows[:1], 7, axis=0).sum(axis=0) / 7
    state = start(backend.asarray(np.stack([mean, rows[1]])))
    squared = backend.to_numpy(lloyd.distances_beyond_rounding(state, backend.asarray(rows)))
    assert squared[0] == squared[1] == 0
    assert np.all(squared[2:] > 0.1)
