"""Features that no row had before, rows whose product with themselves is put off, and penalties."""

from __future__ import annotations

import numpy as np
import pytest

from streamlearn.core.learner import Batch
from streamlearn.core.linear import curvature, new_features, newton, newton_quadratic, newton_state
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
    known = new_features.RowsBefore(np.array([9.0, 9.0, 0.0, 0.0]), np.ones(1))
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
    some = Sample(X[:200], 0 * y, y, np.full((200, 1), unit), None, None)
    w, known = state.weights, new_features.rows_before(state.curvature)
    known = known._replace(squares=known.squares[0])
    assert new_features.fitted(params, w, state.centre, known, some, some.X[:1], 200, 2000) is None
    some.X[:100, 2] += 1.0
    assert (
        new_features.fitted(params, w, state.centre, known, some, some.X[:1], 200, 2000) is not None
    )


@pytest.mark.parametrize("loss", ["hinge", "log_loss", "huber", "epsilon_insensitive"])
@pytest.mark.parametrize("rows", [1, 4])
def test_rows_that_are_far_off_move_a_coefficient_only_if_they_gain_more_than_others_lose(
    loss, rows
):
    rng = np.random.default_rng(rows)
    X = rng.normal(size=(20_000, 3))
    p = 2.0 * X[:, 0] - X[:, 1]
    classes = loss in ("hinge", "log_loss")
    y = np.sign(p + rng.logistic(size=20_000)) if classes else p + rng.normal(size=20_000)
    X[15_100 : 15_100 + rows, 0] = 300.0 * rng.choice([-1, 1], size=rows)
    params = Params(loss=loss, kind="classes" if classes else "values", epsilon=0.1)
    target = (y > 0).astype(int) if classes else y
    state = newton.init(params, 3, 1, like=X)
    for i in range(0, 20_000, 1000):
        at = slice(i, i + 1000)
        state, _ = newton.update(params, state, Batch(X[at], target[at], None, i))
    known, few = newton.answer(params, state), np.abs(X[:, 0]) < 100

    def lost(coef, intercept):
        scores = X @ coef[0] + intercept
        value = LOSSES[loss].value(scores[:, None], y[:, None], 0.1)[:, 0]
        return value.mean() + 0.5e-4 * np.sum(coef**2)

    others = newton.init(params, 3, 1, like=X)
    for seen, i in enumerate(range(0, few.sum(), 1000)):
        at = np.flatnonzero(few)[i : i + 1000]
        others, _ = newton.update(params, others, Batch(X[at], target[at], None, 1000 * seen))
    assert lost(*known) < 1.01 * lost(*newton.answer(params, others))


@pytest.mark.parametrize("at", [10_000, 10_017, 10_999])
def test_a_row_that_is_far_off_counts_once(at):
    rng = np.random.default_rng(at)
    X = rng.normal(size=(20_000, 3))
    y = X @ [1.0, -1.0, 0.5] + rng.normal(size=20_000)
    X[at, 1] = 300.0
    params = Params(loss="squared_error", kind="values", penalty=None)
    state = newton.init(params, 3, 1, like=X)
    for i in range(0, 20_000, 1000):
        part, draws = slice(i, i + 1000), (np.arange(512) + rng.random(512)) / 512
        state, _ = newton.update(params, state, Batch(X[part], y[part], None, i, draws))
    coef, intercept = newton.answer(params, state)
    want = np.linalg.lstsq(np.c_[X, np.ones(20_000)], y, rcond=None)[0]
    np.testing.assert_allclose([*coef[0], intercept[0]], want, rtol=0.05, atol=0.02)


@pytest.mark.parametrize("loss", ["squared_error", "huber", "epsilon_insensitive"])
@pytest.mark.parametrize("size", [100, 1000])
def test_a_unit_that_changes_moves_no_intercept(loss, size):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20_000, 3))
    y = 2.0 * X[:, 0] - X[:, 1] + 1.0 + 0.3 * rng.normal(size=20_000)
    X[10_000:, 0] *= 1000.0
    params = Params(loss=loss, kind="values", epsilon=0.1)
    state = newton.init(params, 3, 1, like=X)
    for i in range(0, 20_000, size):
        at = slice(i, i + size)
        state, _ = newton.update(params, state, Batch(X[at], y[at], None, i))
    coef, intercept = newton.answer(params, state)
    np.testing.assert_allclose(coef[0], [0.002, -1.0, 0.0], atol=0.05)
    np.testing.assert_allclose(intercept, 1.0, atol=0.05)


def test_a_few_rows_with_many_new_features_fit_nothing():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(64, 30)), np.ones((64, 1))
    known = new_features.RowsBefore(np.append(np.ones(10), np.zeros(20)), np.ones(1))
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
    # a batch counts f times, so early rows have a smaller part of the weight than of the rows
    T = np.arange(2000, 4000, 100)
    f = 1.0 + 0.3 * np.minimum(1.0, newton_quadratic.SETTLED * 3 / T)  # h is 1
    np.testing.assert_allclose(part[1], 2 * np.prod(T / (T + f * 100)), rtol=0.01)


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
