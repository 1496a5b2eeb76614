"""Features that no row had before, rows whose product with themselves is put off, and penalties."""

from __future__ import annotations

import numpy as np
import pytest

from streamlearn.core.learner import Batch
from streamlearn.core.linear import curvature, new_features, newton, newton_state
from streamlearn.core.linear.losses import LOSSES
from streamlearn.core.linear.one_pass_sums import Sample, some_of
from streamlearn.core.linear.sgd import Params


@pytest.mark.parametrize("loss", ["log_loss", "squared_hinge", "hinge", "squared_error", "huber"])
def test_new_coefficients_minimize_the_loss_of_the_batch(loss):
    rng = np.random.default_rng(0)
    X = np.c_[rng.normal(size=(400, 2)), rng.integers(2, size=400), np.zeros(400)]
    X[:, 3] = 1 - X[:, 2]
    y = np.where(rng.random(400) < 0.2 + 0.5 * X[:, 2], 1.0, -1.0)[:, None]
    params = Params(loss=loss, kind="classes", penalty=None, epsilon=0.1)
    level = np.array([0.5, 0.0, 0.0, 1.0])  # the third and the fourth feature were 0 and 1
    w, centre = np.array([[0.3, -0.2, 0.0, 0.0, 0.1]]), np.array([0.5, 0.0, 0.25, 0.75])
    p = (X - centre) @ w[0, :4, None] + 0.1
    known = np.array([9.0, 9.0, 0.0, 0.0])
    some = Sample(X, p, y, None, None, None)
    coef, level = new_features.fitted(params, w, level, known, some, X[:1], 400, 10)
    assert np.count_nonzero(coef[0, :2]) == 0
    more = new_features.with_intercepts(coef, level, centre)

    def lost(change):
        scores = p + (X - centre) @ change[0, :4, None] + change[0, 4]
        return LOSSES[loss].value(scores, y, 0.1).mean()

    assert lost(more) < lost(0 * more)
    for at in (2, 3):
        for by in (-0.3, 0.3):
            other = coef.copy()
            other[0, at] += by
            assert lost(new_features.with_intercepts(other, level, centre)) > lost(more)


def test_rows_before_do_not_notice_what_new_features_add():
    rng = np.random.default_rng(1)
    centre, level = np.array([0.5, 0.25]), np.array([0.4, 0.75])
    more = new_features.with_intercepts(np.array([[0.0, 3.0]]), level, centre)
    before = np.c_[rng.normal(size=20), np.full(20, 0.75)]
    np.testing.assert_allclose((before - centre) @ more[0, :2] + more[0, 2], 0, atol=1e-15)


@pytest.mark.parametrize("unit", [1.0, 1e-150, 1e150])
@pytest.mark.parametrize("value", [0.0, 0.1, 1e6])
def test_a_feature_that_stays_constant_is_not_new(value, unit):
    rng, params = np.random.default_rng(0), Params(loss="log_loss", kind="classes")
    X = np.c_[rng.normal(size=(2000, 2)), np.full(2000, value)]
    state = newton.init(params, 3, 1, like=X)
    for i in range(0, 2000, 200):
        at = slice(i, i + 200)
        batch = Batch(X[at], np.sign(X[at, 0]), np.full(200, unit), i)
        state, _ = newton.update(params, state, batch)
    y = np.ones((200, 1))
    some = Sample(X[:200], 0 * y, y, None, None, None)
    w, known = state.weights, new_features.known_squares(state.curvature)[0]
    assert new_features.fitted(params, w, state.centre, known, some, some.X[:1], 200, 2000) is None
    some.X[:100, 2] += 1.0
    assert (
        new_features.fitted(params, w, state.centre, known, some, some.X[:1], 200, 2000) is not None
    )


def test_a_few_rows_with_many_new_features_fit_nothing():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(64, 30)), np.ones((64, 1))
    known = np.append(np.ones(10), np.zeros(20))
    some = Sample(X, np.zeros((64, 1)), y, None, None, None)
    params = Params(loss="log_loss", kind="classes", penalty=None)
    w = np.zeros((1, 31))
    assert new_features.fitted(params, w, np.zeros(30), known, some, X[:1], 64, 100) is None
    assert new_features.fitted(params, w, np.zeros(30), known, some, X[:1], 6400, 100) is not None


@pytest.mark.parametrize("D", [20, curvature.FEWEST_PUTTING_OFF + 3])
def test_rows_that_are_put_off_count_as_if_they_were_not(D):
    rng = np.random.default_rng(D)
    known = curvature.unknown((2, D, D), like=np.zeros(1))
    H, centre = np.zeros((2, D, D)), rng.normal(size=D - 1)
    for k in (5, 40, 1, 40, 3):
        by, X, h = rng.uniform(0.5, 1, size=2), rng.normal(size=(k, D - 1)), rng.random((k, 2))
        Z = np.c_[X - centre, np.ones(k)]
        sizes = curvature.weighted_sizes(Z, None, None)
        known = curvature.feed(curvature.fade(known, by), Z, h, sizes)
        H = by[:, None, None] * H + np.einsum("kc,ki,kj->cij", h / k, Z, Z)
        s = rng.normal(size=(2, D))
        np.testing.assert_allclose(
            curvature.product(s, known), np.einsum("ci,cij->cj", s, H), rtol=1e-10
        )
        np.testing.assert_allclose(
            curvature.diagonal(known), np.diagonal(H, axis1=1, axis2=2), rtol=1e-10
        )
        np.testing.assert_allclose(curvature.mean_curvature(known), H[:, -1, -1], rtol=1e-10)
        assert curvature.PENDING * known.pending.shape[0] < D
    assert bool(known.pending.shape[0]) == (curvature.FEWEST_PUTTING_OFF <= D)
    np.testing.assert_allclose(curvature.settled(known).hessian, H, rtol=1e-9, atol=1e-12)


def test_every_row_of_a_sample_may_be_in_a_part_of_it():
    rng, k, n = np.random.default_rng(0), 48, 12
    times, m = np.zeros((k, 5)), 480
    for _ in range(8000):
        draws = (np.arange(k) + rng.random(k)) / k
        rows = np.floor(draws * m).astype(int)
        at = some_of(draws, n)
        assert len(set(at // (k // n))) == n
        np.add.at(times, (at, rows[at] % 10 // 2), 1)
    # each fifth of a part of the batch, in each part of the sample, has the same chance
    np.testing.assert_allclose(times / times.mean(), 1.0, atol=0.25)


def test_the_penalty_of_a_feature_fades_with_its_rows():
    rng = np.random.default_rng(0)
    params = Params(loss="squared_error", kind="values", penalty="l2", alpha=1.0)
    state = newton.init(params, 2, 1, like=np.zeros(1))
    X = rng.normal(size=(4000, 2))
    X[2000:, 1] = 0.0
    for i in range(0, 4000, 100):
        state, _ = newton.update(params, state, Batch(X[i : i + 100], X[i : i + 100, 0], seen=i))
    part = newton_state.remaining(state)[0]
    assert part[0] > 0.9
    # rows count as T^0.3, so half of the rows have 0.5^1.3 of the weight instead of 0.5
    np.testing.assert_allclose(part[1], 0.5**0.3, atol=0.05)


@pytest.mark.parametrize("n_models", [1, 5])
@pytest.mark.parametrize("there", [False, True])
def test_models_are_looked_at_alone_only_if_a_feature_may_be_new(n_models, there, monkeypatch):
    looked, fitted = [], new_features.fitted
    monkeypatch.setattr(new_features, "fitted", lambda *a: looked.append(1) or fitted(*a))
    rng = np.random.default_rng(0)
    params = Params(loss="log_loss", kind="classes", n_models=n_models)
    X = np.c_[rng.normal(size=(2000, 2)), np.full(2000, 3.0)]
    X[1800:, 2] += there * np.arange(200)
    state = newton.init(params, 3, n_models, like=X)
    for i in range(0, 2000, 200):
        at = slice(i, i + 200)
        state, _ = newton.update(params, state, Batch(X[at], (X[at, 0] > 0).astype(int), None, i))
    assert len(looked) == (n_models if there else 0)
