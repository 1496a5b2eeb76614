"""Half deviances against scikit-learn's losses, at many digits, and at the ends of the floats."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import xlogy
from sklearn._loss.loss import (
    HalfGammaLoss,
    HalfPoissonLoss,
    HalfTweedieLoss,
    HalfTweedieLossIdentity,
)
from sklearn.metrics import mean_tweedie_deviance

from streamlearn.core.linear import deviances, mean_deviances
from streamlearn.core.linear.losses import LOSSES

ANY = (-2.0, -0.5, 0.0, 1.0, 1.5, 2.0, 2.5, 4.5)
POWERS = (1.0, 1.05, 1.5, 1.99, 2.0)


def table(power, n=400):
    """Scores and targets, some of which are 0 and some of which are met nearly exactly."""
    rng = np.random.default_rng(3)
    p = np.concatenate([rng.normal(scale=s, size=n) for s in (0.1, 1.0, 5.0)])
    y = rng.gamma(0.5, size=p.size) * np.exp(p)
    y[::5] = np.exp(p[::5]) * (1 + 1e-6 * rng.normal(size=p[::5].size))
    if power < 2:
        y[1::3] = 0.0
    return p, y


@pytest.mark.parametrize("power", POWERS)
def test_values_are_half_the_deviances_of_scikit_learns_metrics(power):
    p, y = table(power)
    value = deviances.value(p, y, power)
    want = 0.5 * mean_tweedie_deviance(y, np.exp(p), power=power)
    assert value.mean() == pytest.approx(want, rel=1e-12)
    assert np.all(value >= 0.0)


@pytest.mark.parametrize("power", POWERS)
def test_gradients_are_those_of_scikit_learns_losses(power):
    p, y = table(power)
    loss = {1.0: HalfPoissonLoss, 2.0: HalfGammaLoss}.get(
        power, lambda: HalfTweedieLoss(power=power)
    )()
    got = deviances.gradient(p, y, power)
    np.testing.assert_allclose(got, loss.gradient(y, p), rtol=1e-8, atol=1e-9 * np.exp(p).max())


@pytest.mark.parametrize("power", POWERS)
def test_a_target_that_is_nearly_met_has_its_digits(power):
    """Half the squared relative distance, where a difference of logarithms has no digit left."""
    y = np.array([1e-3, 1.0, 1e4, 1e9])
    for t in (1e-3, 1e-5):
        value = deviances.value(np.log(y) + t, y, power)
        np.testing.assert_allclose(value, 0.5 * t**2 * y ** (2.0 - power), rtol=5 * t + 1e-9)


def test_values_of_float32_are_those_of_float64():
    rng = np.random.default_rng(0)
    p = rng.normal(9.0, 0.1, 10_000).astype("f")
    y = rng.poisson(np.exp(p.astype(float))).astype("f")
    short, long = (deviances.value(p.astype(t), y.astype(t), 1.0).mean() for t in "fd")
    assert short == pytest.approx(long, rel=1e-3)


@pytest.mark.parametrize("power", POWERS)
def test_slope_is_the_derivative_of_gradient(power):
    p, y = table(power)
    step = 1e-5
    far = [deviances.gradient(p + s, y, power) for s in (step, -step)]
    np.testing.assert_allclose(
        deviances.slope(p, y, power), (far[0] - far[1]) / (2 * step), rtol=1e-5, atol=1e-8
    )


@pytest.mark.parametrize("power", POWERS)
def test_a_step_by_the_curvature_does_not_pass_the_minimum(power):
    """By the second derivative a step from a mean far below y would be exp(t) long."""
    p, y = table(power)
    g, h = deviances.gradient(p, y, power), deviances.curvature(p, y, power)
    assert np.all(h >= deviances.slope(p, y, power))
    some = y > 0
    t = (p - np.log(np.where(some, y, 1.0)))[some]
    assert np.all(np.abs(g[some] / h[some]) <= np.abs(t) * 1.001 + 1e-12)


@pytest.mark.parametrize("power", POWERS)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_no_score_overflows(power, dtype):
    p = np.array([-1e4, -300.0, -41.0, 41.0, 300.0, 1e4], dtype=dtype)
    for y in (1e-6, 1.0, 1e6) if power == 2 else (0.0, 1e-6, 1.0, 1e6):
        for f in (deviances.gradient, deviances.slope, deviances.curvature, deviances.value):
            found = f(p, np.full_like(p, y), power)
            assert np.all(np.isfinite(found)), f
            assert found.dtype == dtype
        value, g = deviances.both(p, np.full_like(p, y), power)
        assert value[-1] - value[-2] == pytest.approx(g[-1] * (p[-1] - p[-2]), rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("power", POWERS)
def test_level_is_where_the_mean_gradient_is_0(power):
    rng = np.random.default_rng(0)
    p, y = (a[:, None] for a in table(power))
    a = rng.random(p.shape)
    shift = deviances.level(p, y, a, power)
    g = a * deviances.gradient(p + shift, y, power)
    assert abs(g.sum()) < 1e-10 * np.abs(g).sum()


def test_poisson_and_gamma_are_powers_1_and_2():
    for name, power in (("poisson", 1.0), ("gamma", 2.0)):
        p, y = table(power)
        loss = LOSSES[name]
        for f in ("value", "gradient", "curvature", "slope"):
            want = getattr(deviances, f)(p, y, power)
            np.testing.assert_array_equal(getattr(loss, f)(p, y, 0.1), want)
    p, y = table(1.0)
    full = np.exp(p) - y + xlogy(y, y) - y * p
    np.testing.assert_allclose(LOSSES["poisson"].value(p, y, 0.1), full, rtol=1e-6, atol=1e-9)


@pytest.mark.complete
@pytest.mark.parametrize("power", ANY)
@pytest.mark.parametrize("link", ["log", "identity"])
def test_deviances_of_any_power_are_scikit_learns(power, link):
    rng = np.random.default_rng(0)
    m = np.exp(rng.normal(size=200))
    y = m * np.exp(rng.normal(size=200))
    if power < 2:
        y[::4] = 0.0
    if power <= 0:
        y[1::4] = -y[1::4]
    cls = HalfTweedieLoss if link == "log" else HalfTweedieLossIdentity
    loss, s = cls(power=power), np.log(m) if link == "log" else m
    value, gradient, slope = (
        getattr(mean_deviances, f"{link}_{name}") for name in ("value", "gradient", "slope")
    )
    want = loss.loss(y, s) + loss.constant_to_optimal_zero(y)
    if link == "identity" and power in (0.0, 1.0, 2.0):  # its constants are those of other powers
        want = HalfTweedieLoss(power=power).loss(y, np.log(m))
        want = want + HalfTweedieLoss(power=power).constant_to_optimal_zero(y)
    if power == 0:
        want = want - np.where(y > 0, 0.0, 0.5 * y * y)
    np.testing.assert_allclose(value(s, y, power), want, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(gradient(s, y, power), loss.gradient(y, s), rtol=1e-9)
    far = [gradient(s + e, y, power) for e in (1e-6, -1e-6)]
    want = (far[0] - far[1]) / 2e-6
    np.testing.assert_allclose(slope(s, y, power), want, rtol=1e-5, atol=1e-6 * np.abs(want).max())


@pytest.mark.parametrize("power", [3.0, -1.0])
def test_a_mean_of_0_or_less_has_no_finite_deviance(power):
    s = np.asarray([0.0, -1.0, 2.0])
    y = np.ones(3)
    assert np.isinf(mean_deviances.identity_value(s, y, power)).tolist() == [True, True, False]
    for function in (mean_deviances.identity_gradient, mean_deviances.identity_slope):
        assert np.isfinite(function(s, y, power)).all()


def test_deviances_of_any_power_are_the_same_in_every_library(backend):
    s, y = np.asarray([[0.3], [1.0], [2.0]]), np.asarray([[1.0], [0.5], [3.0]])
    for name in ("tweedie_log", "tweedie_identity"):
        loss = mean_deviances.ALL[name]
        for function in (loss.value, loss.gradient, loss.curvature, loss.slope):
            got = backend.to_numpy(function(backend.asarray(s), backend.asarray(y), 3.0))
            np.testing.assert_allclose(got, function(s, y, 3.0), rtol=100 * backend.eps)
