"""Learning goes on in other units: what stays, for models whose rows' mean and scale have moved."""

from __future__ import annotations

import numpy as np
import pytest

from streamlearn.core.batches import cut, learn_batches
from streamlearn.core.learner import Batch
from streamlearn.core.linear import newton, sgd
from streamlearn.core.linear.sgd import Params
from streamlearn.core.statistics import standardize

FORMS = {"full": 5, "diagonal": 2_100}


def learned(rule, params, d=5, n=2_000, K=2):
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(n, d)) + 3.0
    target = rng.integers(0, K, n) if params.kind == "classes" else Z[:, 0] + rng.normal(size=n)
    state = rule.init(params, d, K, like=Z)
    return Z, learn_batches(rule.learner(params), state, cut(Z, target, None, seen=0))[0]


def moves(d, times=1):
    rng = np.random.default_rng(1)
    return [(np.exp(rng.normal(size=d)), rng.normal(size=d)) for _ in range(times)]


@pytest.mark.parametrize("d", FORMS.values(), ids=FORMS)
def test_newton_keeps_every_score(d):
    params = Params(loss="log_loss")
    Z, state = learned(newton, params, d, n=300)
    ((rho, delta),) = moves(d)
    again = newton.rescale(params, state, rho, delta)
    before, after = newton.apply(params, state, Z), newton.apply(params, again, (Z - delta) / rho)
    np.testing.assert_allclose(after, before, rtol=1e-9, atol=1e-9)


def test_newton_restated_twice_is_restated_once():
    params = Params(loss="log_loss")
    _, state = learned(newton, params)
    (r1, d1), (r2, d2) = moves(5, 2)
    twice = newton.rescale(params, newton.rescale(params, state, r1, d1), r2, d2)
    once = newton.rescale(params, state, r1 * r2, d1 + r1 * d2)
    for a, b in zip(flat(twice), flat(once), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def test_rows_seen_in_a_small_unit_count_little_in_a_great_one():
    params = Params(loss="log_loss")
    _, state = learned(newton, params)
    rho = np.array([1.0, 2.0, 10.0, 100.0, 0.5])
    again = newton.rescale(params, state, rho, np.zeros(5))
    np.testing.assert_allclose(again.past[:-1] * rho**2, state.past[:-1])
    assert again.past[-1] == state.past[-1]


@pytest.mark.parametrize("rule", [sgd, newton])
def test_nothing_changes_where_nothing_moved(rule):
    params = Params(loss="log_loss")
    _, state = learned(rule, params)
    again = rule.rescale(params, state, np.ones(5), np.zeros(5))
    for a, b in zip(flat(again), flat(state), strict=True):
        np.testing.assert_array_equal(a, b)


def test_newton_goes_on_as_if_it_had_always_seen_these_units():
    params = Params(loss="squared_error", kind="values", alpha=0.0)
    Z, state = learned(newton, params, K=1)
    ((rho, delta),) = moves(5)
    more = np.random.default_rng(2).normal(size=(64, 5)) + 3.0
    y = more[:, 0]
    expected, _ = newton.update(params, state, Batch(more, y, None, 2_000))
    state = newton.rescale(params, state, rho, delta)._replace(past=state.past)
    state, _ = newton.update(params, state, Batch((more - delta) / rho, y, None, 2_000))
    found = newton.apply(params, state, (Z - delta) / rho)
    np.testing.assert_allclose(found, newton.apply(params, expected, Z), rtol=1e-8, atol=1e-8)


def test_explicit_rates_keep_their_slopes_and_the_score_at_the_old_mean():
    params = Params(loss="log_loss", average=10)
    _, state = learned(sgd, params)
    ((rho, delta),) = moves(5)
    again = sgd.rescale(params, state, rho, delta)
    np.testing.assert_array_equal(again.coef, state.coef)
    mean = np.zeros((1, 5))
    before = sgd.apply(params, state, mean)
    np.testing.assert_allclose(sgd.apply(params, again, (mean - delta) / rho), before)


@pytest.mark.parametrize("rule", [sgd, newton])
def test_a_model_without_an_intercept_gets_none(rule):
    params = Params(loss="log_loss", fit_intercept=False)
    _, state = learned(rule, params)
    ((rho, delta),) = moves(5)
    assert not rule.answer(params, rule.rescale(params, state, rho, delta))[1].any()


def test_a_great_change_of_an_unknown_feature_is_no_nan():
    params = Params(loss="log_loss")
    Z = np.zeros((64, 2), dtype=np.float32)
    state = newton.init(params, 2, 1, like=Z)
    state, _ = newton.update(params, state, Batch(Z, np.arange(64) % 2))
    rho = np.asarray([1e30, 1e-30], dtype=np.float32)
    with np.errstate(all="ignore"):
        state = newton.rescale(params, state, rho, rho)
    assert all(np.isfinite(a).all() for a in flat(state))


@pytest.mark.parametrize("rule", [sgd, newton])
def test_other_libraries(rule):
    import array_api_strict as xp

    params = Params(loss="log_loss")
    X = xp.asarray(np.random.default_rng(0).normal(size=(64, 3)))
    target = xp.asarray(np.arange(64) % 2)
    state, _ = rule.update(params, rule.init(params, 3, 1, like=X), Batch(X, target))
    rule.rescale(params, state, xp.full(3, 2.0), xp.ones(3))


def test_since_tells_how_standardized_rows_moved():
    rng = np.random.default_rng(0)
    X = rng.normal(5, 3, (50, 4))
    for words in ({}, {"with_mean": False}, {"with_std": False}):
        params = standardize.Params(**words)
        old, new = (
            standardize.applied(params, standardize.of_block(params, rows)) for rows in (X[:20], X)
        )
        rho, delta = new.since(old)
        np.testing.assert_allclose((old(X) - delta) / rho, new(X))
    neither = standardize.applied(standardize.Params(False, False), standardize.of_block(params, X))
    assert neither.since(neither) is None


def flat(state):
    if isinstance(state, tuple):
        return [leaf for part in state for leaf in flat(part)]
    return [np.asarray(state)]
