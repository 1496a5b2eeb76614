"""The sums of an iteration of expectation maximization: they merge, and lose no digit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from streamlearn.core import mixture
from streamlearn.mixture.model import scores

N, D, K = 250, 3, 4
KINDS = ("full", "tied", "diag", "spherical")


def table(offset: float, apart: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Rows on a grid that survives the offset, and responsibilities, of which some are 0."""
    rng = np.random.default_rng(0)
    grid = np.spacing(1e8)
    centers = np.round(4 * apart * rng.normal(size=(K, D)) / grid) * grid
    at = rng.integers(0, K - 1, N)
    rows = centers[at] + np.round(rng.normal(size=(N, D)) / grid) * grid
    shares = rng.uniform(size=(N, K)) ** 3 if apart == 1.0 else np.eye(K)[at]
    shares[:, -1] = 0.0
    return rows + offset, shares / shares.sum(axis=1, keepdims=True)


def exact(kind: str, rows: np.ndarray, shares: np.ndarray) -> list[np.ndarray]:
    """Weights, means and scatter in long doubles."""
    X, r = rows.astype(np.longdouble), shares.astype(np.longdouble)
    n = r.sum(axis=0)
    mean = (r.T @ X) / np.where(n > 0, n, 1)[:, None]
    each = np.stack([((X - m) * w[:, None]).T @ (X - m) for m, w in zip(mean, r.T, strict=True)])
    if kind == "tied":
        each = each.sum(axis=0, keepdims=True)
    elif kind != "full":
        each = np.diagonal(each, axis1=1, axis2=2)
    return [n, mean, each]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("offset", "apart"), [(1e8, 1.0), (0.0, 1e6), (0.0, 1.0)])
def test_sums_are_exact_far_from_zero_and_far_from_each_other(kind, offset, apart):
    rows, shares = table(offset, apart)
    found = mixture.of_given(kind, rows, shares)
    want = exact(kind, rows, shares)
    np.testing.assert_allclose(found.weight, want[0].astype(float), rtol=1e-13)
    np.testing.assert_allclose(
        found.mean + found.rest, want[1].astype(float), rtol=4e-16, atol=1e-14 * apart
    )
    np.testing.assert_allclose(found.scatter, want[2].astype(float), rtol=1e-12, atol=2e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_sums_of_parts_are_the_sums_of_all(kind):
    rows, shares = table(1e8)
    whole = mixture.of_given(kind, rows, shares)
    cuts = (slice(0, 1), slice(1, 1), slice(1, 120), slice(120, N))
    parts = [mixture.of_given(kind, rows[at], shares[at]) for at in cuts]
    for order in ((0, 1, 2, 3), (3, 0, 2, 1)):
        a, b, c, d = (parts[i] for i in order)
        merged = mixture.merge(mixture.merge(a, b), mixture.merge(c, d))
        np.testing.assert_allclose(merged.mean, whole.mean, rtol=1e-15)
        for got, want in zip(merged, whole, strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=3e-8)
        assert np.abs(merged.scatter - whole.scatter).max() <= 1e-13 * whole.scatter.max()


@pytest.mark.parametrize("kind", KINDS)
def test_the_sums_of_no_rows_change_nothing(kind):
    rows, shares = table(0.0)
    found = mixture.of_given(kind, rows, shares)
    nothing = mixture.init(kind, K, D, like=rows)
    for merged in (mixture.merge(found, nothing), mixture.merge(nothing, found)):
        for got, want in zip(merged, found, strict=True):
            np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("kind", KINDS)
def test_every_library_has_the_same_sums_at_a_model(backend, kind):
    rows, _ = table(0.0)
    rng = np.random.default_rng(1)
    cholesky: Any = {
        "full": np.triu(rng.normal(size=(K, D, D))) * 0.1 + np.eye(D),
        "tied": np.eye(D),
        "diag": rng.uniform(0.5, 2, size=(K, D)),
        "spherical": rng.uniform(0.5, 2, size=K),
    }[kind]
    model = np.full(K, 1 / K), rows[:K] + 1.0, cholesky
    known = mixture.of_block(kind, scores(kind, *model, rows), K, rows)
    X = backend.asarray(rows)
    function = scores(kind, *model, backend.asarray(np.zeros(1), dtype=backend.widest))
    found = mixture.of_block(kind, function, K, X)
    for got, want in zip(found, known, strict=True):
        backend.check(got, backend.widest)
        np.testing.assert_allclose(
            backend.to_numpy(got), want, rtol=1e5 * backend.eps, atol=1e5 * backend.eps
        )


def test_a_component_without_a_digit_of_weight_has_none(backend):
    tiny = 4 * float(np.finfo(backend.widest).tiny)
    rows = backend.asarray([[1.0], [3.0]], backend.widest)
    shares = backend.asarray([[1.0, tiny], [1.0, tiny]], backend.widest)
    found = mixture.of_given("full", rows, shares)
    assert backend.to_numpy(found.weight).tolist() == [2.0, 0.0]
    assert backend.to_numpy(found.mean + found.rest).tolist() == [[2.0], [0.0]]
    assert backend.to_numpy(found.scatter).tolist() == [[[2.0]], [[0.0]]]


def test_responsibilities_survive_rows_far_from_all_components(backend):
    given = backend.asarray([[-2000.0, -2001.0], [-1e30, -2e30], [0.0, -float("inf")]])
    density, shares = mixture.responsibilities(given)
    found = backend.to_numpy(shares)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=1e-6)
    assert found[0, 1] == pytest.approx(1 / (1 + np.e), rel=1e-6)
    assert np.isfinite(backend.to_numpy(density)).all()
