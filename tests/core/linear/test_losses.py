"""Losses against scikit-learn's, against finite differences, and at the ends of the float range."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import mean_pinball_loss

from streamlearn.core.linear.losses import LOSSES, MARGIN_LOSSES, SKLEARN_LOSSES
from tests.core.linear.loss_names import EPSILON, OF_A_COLUMN, number

SKLEARN = SGDClassifier.loss_functions


def table(name):
    """Scores and targets off the kinks, over many sizes of margin or residual."""
    rng = np.random.default_rng(5)
    p = np.concatenate([rng.normal(scale=s, size=200) for s in (0.1, 1.0, 4.0, 30.0)])
    y = rng.choice([-1.0, 1.0], p.size) if name in MARGIN_LOSSES else rng.normal(size=p.size)
    if LOSSES[name].log_link:
        y = np.exp(y) if name == "gamma" else np.maximum(y, 0.0)
    return p, y


def theirs(name, p, y):
    """Value and gradient by scikit-learn's compiled loss."""
    made, *args = SKLEARN[name]
    takes_epsilon = name in ("huber", "epsilon_insensitive", "squared_epsilon_insensitive")
    loss = made(*([EPSILON] if takes_epsilon else args))
    if hasattr(loss, "py_loss"):
        pairs = list(zip(p, y, strict=True))
        return [loss.py_loss(*a) for a in pairs], [loss.py_dloss(*a) for a in pairs]
    y = (y + 1) / 2 if name == "log_loss" else y
    value, gradient = np.empty_like(p), np.empty_like(p)
    loss.loss_gradient(y, p, None, value, gradient, 1)
    return value, gradient


def test_names_are_those_of_scikit_learn():
    assert set(SKLEARN_LOSSES) == set(SKLEARN)


@pytest.mark.parametrize("name", SKLEARN_LOSSES)
def test_value_and_gradient_are_those_of_scikit_learn(name):
    p, y = table(name)
    kinks = [1.0, 0.0, -1.0] if name in MARGIN_LOSSES else [EPSILON, -EPSILON, 0.0]
    p = np.concatenate([p, kinks])
    y = np.concatenate([y, np.ones(3) if name in MARGIN_LOSSES else np.zeros(3)])
    value, gradient = theirs(name, p, y)
    np.testing.assert_allclose(LOSSES[name].value(p, y, EPSILON), value, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(
        LOSSES[name].gradient(p, y, EPSILON), gradient, rtol=1e-13, atol=1e-15
    )


@pytest.mark.parametrize("name", OF_A_COLUMN)
def test_value_and_gradient_at_once_are_those_apart(name):
    p, y = table(name)
    far = np.array([0.0, 40.0, -40.0, 800.0, -800.0, 1e10, -1e10, np.nan])
    p, y = np.concatenate([p, far]), np.concatenate([y, np.ones(8)])
    loss = LOSSES[name]
    value, gradient = loss.both(p, y, number(name))
    np.testing.assert_allclose(value, loss.value(p, y, number(name)), rtol=1e-14)
    np.testing.assert_allclose(gradient, loss.gradient(p, y, number(name)), rtol=1e-13, atol=1e-30)


@pytest.mark.parametrize("name", OF_A_COLUMN)
def test_gradient_is_the_slope_of_value(name):
    p, y = table(name)
    loss, step = LOSSES[name], 1e-5
    slope = (loss.value(p + step, y, number(name)) - loss.value(p - step, y, number(name))) / (
        2 * step
    )
    np.testing.assert_allclose(loss.gradient(p, y, number(name)), slope, rtol=1e-6, atol=1e-8)


SMOOTH = [name for name in SKLEARN_LOSSES if not LOSSES[name].nonsmooth]


@pytest.mark.parametrize("name", SMOOTH)
def test_curvature_is_the_slope_of_gradient_or_more(name):
    p, y = table(name)
    loss, step = LOSSES[name], 1e-5
    slope = (
        loss.gradient(p + step, y, number(name)) - loss.gradient(p - step, y, number(name))
    ) / (2 * step)
    curvature = loss.curvature(p, y, number(name))
    assert np.all(curvature >= slope - 1e-6)
    exact = np.abs(slope) > 1e-6
    if name == "log_loss":
        exact &= y * p > 0
    np.testing.assert_allclose(curvature[exact], slope[exact], rtol=1e-4)
    active = np.abs(loss.gradient(p, y, number(name))) > 1e-6
    assert np.all(curvature[active] > 0)


@pytest.mark.parametrize("name", ["modified_huber", "log_loss"])
def test_curvature_on_a_slope_is_that_of_a_parabola_above_the_loss(name):
    """The parabola through (p, value) with the gradient there lies above the loss everywhere."""
    loss = LOSSES[name]
    at, y = np.array([-900.0, -7.0, -2.0, -0.5]), np.ones(4)
    to = np.linspace(-1000, 1000, 4001)[:, None]
    v, g, h = (f(at, y, EPSILON) for f in (loss.value, loss.gradient, loss.curvature))
    above = v + g * (to - at) + 0.5 * h * (to - at) ** 2
    assert np.all(above >= loss.value(to, y, EPSILON) - 1e-9)


@pytest.mark.parametrize("name", ["hinge", "epsilon_insensitive", "huber", "quantile"])
def test_curvature_of_a_kink_is_the_density_of_rows(name):
    """Rows that gather at the kink make it sharper, in proportion, and a unit of y does not."""
    rng = np.random.default_rng(2)
    y = np.ones((10_000, 1))
    r = rng.uniform(-1, 1, size=y.shape)
    epsilon, jump, least, most = {
        "hinge": (0.0, 1.0, 0.7, 1.3),
        "epsilon_insensitive": (0.0, 2.0, 0.5, 1.5),
        "huber": (1e-3, 2e-3, 1.0, 2.1),
        "quantile": (0.4, 1.0, 1.0, 2.1),
    }[name]
    means = []
    for spread in (1.0, 0.1):
        p = y - spread * r
        means.append(LOSSES[name].curvature(p, y, epsilon).mean())
        density = 0.5 / spread
        assert least < means[-1] / (jump * density) < most
    if name != "hinge":
        scaled = LOSSES[name].curvature(1000 * p, 1000 * y, epsilon).mean()
        assert scaled == pytest.approx(means[-1] / 1000, rel=1e-9)


def test_curvature_of_a_wide_bend_is_its_slope():
    r = np.linspace(-0.5, 0.5, 101)[:, None]
    h = LOSSES["huber"].curvature(1.0 + r, np.ones_like(r), EPSILON)
    near = np.abs(r) < EPSILON
    np.testing.assert_array_equal(h[near], 1.0)
    assert np.all(h[~near] < 0.7)
    assert np.all(h[~near] > 0.0)


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
def test_the_quantile_loss_is_scikit_learns_and_least_at_the_quantile(quantile):
    rng = np.random.default_rng(0)
    y, p = rng.normal(size=1001), rng.normal(size=1001)
    loss = LOSSES["quantile"]
    known = mean_pinball_loss(y, p, alpha=quantile)
    assert loss.value(p, y, quantile).mean() == pytest.approx(known, rel=1e-12)
    shift = loss.level(p[:, None], y[:, None], np.ones((1001, 1)), quantile)
    values = [loss.value(p + c, y, quantile).sum() for c in shift + np.linspace(-1, 1, 201)]
    assert np.argmin(values) == 100


def test_log_loss_keeps_its_digits_at_both_ends():
    p = np.array([1e4, 800.0, 40.0, -40.0, -800.0, -1e4])
    loss, y = LOSSES["log_loss"], np.ones(6)
    tail = np.exp(-40.0)
    value = [0.0, 0.0, tail, 40.0 + tail, 800.0, 1e4]
    np.testing.assert_allclose(loss.value(p, y, 0.0), value, rtol=1e-14, atol=1e-30)
    gradient = [0.0, 0.0, -tail, -1.0, -1.0, -1.0]
    np.testing.assert_allclose(loss.gradient(p, y, 0.0), gradient, rtol=1e-14, atol=1e-30)
    curvature = [0.0, 0.0, tail, 0.5 / 40, 0.5 / 800, 0.5 / 1e4]
    np.testing.assert_allclose(loss.curvature(p, y, 0.0), curvature, rtol=1e-14, atol=1e-30)


@pytest.mark.parametrize("name", OF_A_COLUMN)
def test_every_backend_gives_numpys_numbers_and_keeps_dtype_and_nan(name, backend):
    p, y = table(name)
    p[3] = np.nan
    for dtype in backend.float_dtypes:
        for f in LOSSES[name][:3]:
            want = f(p.astype(dtype), y.astype(dtype), number(name))
            got = f(backend.asarray(p, dtype), backend.asarray(y, dtype), number(name))
            backend.check(got, dtype)
            rtol, least = 50 * np.finfo(dtype).eps, np.finfo(dtype).tiny
            if LOSSES[name].log_link:
                least = rtol  # at its minimum a deviance is a difference of terms of about 1
            np.testing.assert_allclose(backend.to_numpy(got), want, rtol=rtol, atol=least)
            steps = f is LOSSES[name].gradient and name in ("hinge", "perceptron", "quantile")
            assert f is LOSSES[name].curvature or steps or np.isnan(want[3])
