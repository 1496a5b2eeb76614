"""The likelihood of lambdas, and the transformation by them, against exact arithmetic."""

from __future__ import annotations

from decimal import Decimal, getcontext

import numpy as np
import pytest
from scipy import stats

from streamlearn.core import power_map as pm
from streamlearn.core.statistics import likelihood as lk

N = 25
_RNG = np.random.default_rng(0)
COLUMNS = {
    "normal": _RNG.normal(size=N),
    "lognormal": _RNG.lognormal(size=N),
    "wide": _RNG.lognormal(0, 5, N),
    "negative": -_RNG.exponential(size=N) - 1e-9,
    "tails": _RNG.standard_t(2, N),
    "far": 1e3 + _RNG.normal(size=N),
    "very far": 1e8 + _RNG.lognormal(size=N),
    "far below": -1e5 + 10 * _RNG.normal(size=N),
    "small": 1e-6 * _RNG.lognormal(size=N),
    "large": 1e200 * _RNG.lognormal(size=N),
}
POWERS = (-3.0, -0.5, -1e-3, 0.0, 1e-9, 0.2, 1.0, 1.999, 2.0, 5.0)


@pytest.fixture(autouse=True)
def same_digits_after():
    before = getcontext().prec
    yield
    getcontext().prec = before


def enough_digits(x: np.ndarray, power: float) -> bool:
    """Let numbers of `Decimal` have what may cancel and 130 more; False if that takes too long."""
    most = int(max(abs(power), abs(2 - power)) * np.log1p(np.abs(x)).max() / 2.3)
    getcontext().prec = min(most, 300) + 130
    return most <= 300


def true_g(yeo_johnson: bool, x: np.ndarray, power: Decimal) -> list[Decimal]:
    """Return the transformation as it is defined."""
    out = []
    for value in map(Decimal, x.tolist()):
        t = (1 + abs(value)).ln() if yeo_johnson else value.ln()
        negative = yeo_johnson and value < 0
        m = 2 - power if negative else power
        g = t if m == 0 else ((m * t).exp() - 1) / m
        out.append(-g if negative else g)
    return out


def mean_and_variance(g: list[Decimal]) -> tuple[Decimal, Decimal]:
    mean = sum(g) / len(g)
    return mean, sum((v - mean) ** 2 for v in g) / len(g)


def true_z(yeo_johnson: bool, x: np.ndarray, power: float, others: np.ndarray) -> np.ndarray:
    """Return what ``others`` are in the standardized transformation of x."""
    mean, variance = mean_and_variance(true_g(yeo_johnson, x, Decimal(power)))
    g = true_g(yeo_johnson, others, Decimal(power))
    return np.array([float((v - mean) / variance.sqrt()) for v in g])


def true_likelihood(yeo_johnson: bool, x: np.ndarray, power: Decimal) -> Decimal:
    numbers = [Decimal(v) for v in x.tolist()]
    logs = [(1 + abs(v)).ln().copy_sign(v) if yeo_johnson else v.ln() for v in numbers]
    _, variance = mean_and_variance(true_g(yeo_johnson, x, power))
    return -variance.ln() / 2 + (power - 1) * sum(logs) / len(logs)


def search_of(yeo_johnson: bool, x: np.ndarray, power: float) -> lk.Search:
    if not yeo_johnson and x.min() <= 0:
        pytest.skip("Box and Cox take positive numbers")
    ends = np.stack([x.min(keepdims=True), x.max(keepdims=True)])
    origin = pm.origin_of(yeo_johnson, *ends)
    bounds = pm.lambda_bounds(yeo_johnson, *ends, np.dtype(float))
    return lk.begin(yeo_johnson, origin, np.full(1, power), *bounds, ends)


@pytest.mark.parametrize("power", POWERS)
@pytest.mark.parametrize("yeo_johnson", [True, False])
@pytest.mark.parametrize("name", COLUMNS)
def test_derivatives_are_differences_of_the_likelihood(name, yeo_johnson, power):
    x = COLUMNS[name]
    params = search_of(yeo_johnson, x, power).params
    power = Decimal(float(params.power[0]))  # as far as the bounds let it
    if not enough_digits(x, float(power)):
        pytest.skip("hundreds of digits cancel")
    first, second = lk.derivatives(lk.of_block(params, x[:, None]))
    h = Decimal("1e-25")
    low, here, high = (true_likelihood(yeo_johnson, x, power + d) for d in (-h, Decimal(0), h))
    slope, bend = float((high - low) / (2 * h)), float((high - 2 * here + low) / h**2)
    width = np.ptp(np.log1p(np.abs(x))) + np.abs(np.log1p(np.abs(x))).min() * 1e-9
    np.testing.assert_allclose(first[0], slope, rtol=1e-9, atol=1e-12 * width)
    np.testing.assert_allclose(second[0], bend, rtol=1e-7)
    assert second[0] < 0


@pytest.mark.parametrize("yeo_johnson", [True, False])
@pytest.mark.parametrize("name", COLUMNS)
def test_the_optimum_is_one(name, yeo_johnson):
    """No other is more likely, or it is at a bound; and it is SciPy's where that can be."""
    x = COLUMNS[name]
    search = search_of(yeo_johnson, x, 1.0)
    found = lk.optimum(lambda params: lk.of_block(params, x[:, None]), search)
    assert found.passes <= 12
    power = float(found.power[0])
    within = enough_digits(x, power)
    if within and search.first < power < search.last:
        h = Decimal(1e-9 * max(1.0, abs(power)))
        at = [true_likelihood(yeo_johnson, x, Decimal(power) + d) for d in (-h, Decimal(0), h)]
        assert at[1] > max(at[0], at[2])
    if name in ("normal", "lognormal", "wide", "negative", "tails"):
        known = stats.yeojohnson_normmax if yeo_johnson else stats.boxcox_normmax
        np.testing.assert_allclose(
            power, known(x, **({} if yeo_johnson else {"method": "mle"})), rtol=0, atol=1e-6
        )
    standard = lk.standardized(yeo_johnson, search.params.origin, found, like=x)
    z = standard(x[:, None])[:, 0]
    np.testing.assert_allclose([z.mean(), z.std()], [0, 1], atol=1e-9)
    if within:
        np.testing.assert_allclose(z, true_z(yeo_johnson, x, power, x), rtol=1e-8, atol=1e-8)
    back = standard.inverse(z[:, None])[:, 0]
    np.testing.assert_allclose(back, x, rtol=1e-8, atol=1e-8 * np.abs(x).max())


@pytest.mark.parametrize("power", [0.0, 0.7, 1.5, 2.0])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_numbers_of_the_other_sign_of_a_column_that_is_far_from_zero(sign, power):
    x = sign * COLUMNS["far"]
    search = search_of(True, x, power)
    assert search.params.origin.side[0] == sign
    state = lk.of_block(search.params, x[:, None])
    found = lk.Found(np.full(1, power), *lk.moved(state, np.zeros(1)), search.params.shrink, 1)
    standard = lk.standardized(True, search.params.origin, found, like=x)
    others = -sign * np.asarray([0.0, 1e-3, 1.0, 20.0, 5e3])
    out = standard(others[:, None])[:, 0]
    assert enough_digits(others, power)
    np.testing.assert_allclose(out, true_z(True, x, power, others), rtol=1e-9)
    back = standard.inverse(out[:, None])[:, 0]
    np.testing.assert_allclose(back, others, rtol=1e-7, atol=1e-7)


def test_a_step_is_as_exact_as_asking_again():
    """Mean and variance after the last step, to its third power."""
    x = COLUMNS["lognormal"]
    params = search_of(True, x, 0.3).params
    state = lk.of_block(params, x[:, None])
    for step in (1e-2, 1e-3, -1e-4):
        there = lk.of_block(params._replace(power=np.full(1, 0.3 + step)), x[:, None])
        mean, variance = lk.moved(state, np.full(1, step))
        np.testing.assert_allclose(mean, there.g, rtol=20 * abs(step) ** 3)
        np.testing.assert_allclose(variance, there.gg / N, rtol=200 * abs(step) ** 3)
