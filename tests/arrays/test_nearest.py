"""The nearest centres by scores in float32: the exact ones, and bounds that hold."""

from __future__ import annotations

import numpy as np
import pytest

from streamlearn._arrays import nearest as module
from streamlearn._arrays.nearest import nearest_in_single, scores_in_single, still_nearest

K, D, M = 40, 110, 700


def cases() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return rows and centres."""
    rng = np.random.default_rng(0)
    C, noise = rng.normal(size=(K, D)), rng.normal(size=(M, D))
    X = C[rng.integers(0, K, M)] + noise
    twice = np.concatenate([C[: K // 2], C[: K // 2] * (1 + 1e-12)])
    a, b = rng.integers(0, K, (2, M))
    middle = (C[a] + C[b]) / 2 + rng.choice([1e-9, -1e-9], (M, 1)) * (C[a] - C[b])
    return {
        "blobs": (X, C),
        "noise": (noise, noise[:K] / 10),
        "near the middle": (middle, C),
        "centres that are nearly equal": (X, twice),
        "far": (X + 1e6, C + 1e6),
        "farther than the centres": (X + 1e3, C),
        "scales": (X * np.logspace(-3, 3, D), C * np.logspace(-3, 3, D)),
        "too small for float32": (X * 1e-60, C * 1e-60),
        "too large for float32": (X * 1e60, C * 1e60),
    }


CASES = cases()


def squared(X: np.ndarray, C: np.ndarray) -> np.ndarray:
    """Return the squared distances of rows and centres in twice the digits."""
    X, C = X.astype(np.longdouble), C.astype(np.longdouble)
    return np.stack([((X - c) ** 2).sum(axis=1) for c in C], axis=1)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", CASES)
def test_the_nearest_are_those_of_exact_distances(name, dtype):
    if dtype == "float32" and name.startswith("too"):
        pytest.skip("no such numbers")
    X, C = (a.astype(dtype) for a in CASES[name])
    found, true = nearest_in_single(X, C), squared(X, C)
    least = true.min(axis=1)
    of_found = true[np.arange(M), found.labels]
    # float64 rounds, too: where two distances are equal in 12 digits, it is either of them.
    size = squared(X, C.mean(axis=0, keepdims=True))[:, 0] + squared(C, C.mean(axis=0)[None]).max()
    assert np.all(of_found - least <= 1e-13 * D * size)
    if name in ("blobs", "scales"):
        np.testing.assert_array_equal(found.labels, true.argmin(axis=1))


@pytest.mark.parametrize("name", CASES)
def test_the_bounds_hold(name):
    X, C = CASES[name]
    found = nearest_in_single(X, C)
    near, far = np.sqrt(np.sort(squared(X, C), axis=1)[:, :2].T)
    sure = found.own < found.other
    assert np.all(found.own[sure] >= near[sure] * (1 - 1e-6))
    assert np.all(found.other[sure] <= far[sure] * (1 + 1e-6))
    if name == "blobs":
        assert sure.all()
        np.testing.assert_allclose(found.own, near, rtol=1e-4)
        np.testing.assert_allclose(found.other, far, rtol=1e-4)


@pytest.mark.parametrize("step", [1e-6, 1e-3, 0.1, 1.0])
@pytest.mark.parametrize("name", CASES)
def test_rows_that_are_sure_keep_their_centers(name, step):
    X, C = CASES[name]
    rng = np.random.default_rng(1)
    moved = C + step * C.std() * rng.normal(size=C.shape) * (rng.random((len(C), 1)) < 0.5)
    sure = still_nearest(nearest_in_single(X, C), C, moved)
    np.testing.assert_array_equal(
        squared(X, moved)[sure].argmin(axis=1), squared(X, C)[sure].argmin(axis=1)
    )
    if name == "blobs" and step < 0.01:
        assert sure.mean() > 0.99


def test_a_row_between_two_centers_is_scored_in_float64():
    """In float32 alone it would go to the wrong one."""
    C = np.zeros((2, D))
    C[0, 0], C[1, 0] = 1.0, -1.0
    X = np.zeros((M, D))
    X[:, 0] = np.where(np.arange(M) % 2, 1e-12, -1e-12)
    X[:, 1:] = np.random.default_rng(0).normal(size=(M, D - 1))
    want = (X[:, 0] < 0).astype(int)
    np.testing.assert_array_equal(nearest_in_single(X, C).labels, want)
    assert not still_nearest(nearest_in_single(X, C), C, C).any()


def test_no_rows_have_no_centers():
    X, C = CASES["blobs"]
    assert nearest_in_single(X[:0], C).labels.shape == (0,)


def test_it_is_for_many_numbers_of_centers():
    X = np.zeros((1024, 100))
    assert scores_in_single(X, module.SCORES_IN_SINGLE // 100 + 1, bounds=False)
    assert not scores_in_single(X, 8, bounds=True)
    assert scores_in_single(X.astype(np.float32), 64, bounds=True)
    assert not scores_in_single(X.astype(np.float32), 64, bounds=False)
    assert not scores_in_single(X.astype(np.float32)[:500], 64, bounds=True)
    assert scores_in_single(X[:3], 64, bounds=False)


def test_both_centers_of_a_row_may_have_moved():
    """The row is 4 from one centre and 6 from the other. Both move by 1.5, and then it is not."""
    C = np.zeros((2, D))
    C[1, 0] = 10.0
    X = np.full((1, D), 0.0)
    X[0, 0] = 4.0
    step = np.eye(1, D)
    near = nearest_in_single(X, C)
    assert still_nearest(near, C, C - 0.9 * step).all()
    assert not still_nearest(near, C, C - 1.5 * step).any()
