"""The likelihood of lambdas, and the transformation by them, against exact arithmetic."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from streamlearn.core.statistics import likelihood as lk
from tests.core.statistics.columns import (
    COLUMNS,
    N,
    enough_digits,
    search_of,
    true_likelihood,
    true_z,
)

POWERS = (-3.0, -0.5, -1e-3, 0.0, 1e-9, 0.2, 1.0, 1.999, 2.0, 5.0)


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


@pytest.mark.parametrize("power", [0.0, 0.7, 1.5, 2.0])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_numbers_of_the_other_sign_of_a_column_that_is_far_from_zero(sign, power):
    x = sign * COLUMNS["far"]
    search = search_of(True, x, power)
    assert search.params.origin.side[0] == sign
    state = lk.of_block(search.params, x[:, None])
    found = lk.Optimum(
        np.full(1, power), *lk.after_step(state, np.zeros(1)), search.params.shrink, 1
    )
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
        mean, variance = lk.after_step(state, np.full(1, step))
        np.testing.assert_allclose(mean, there.g, rtol=20 * abs(step) ** 3)
        np.testing.assert_allclose(variance, there.gg / N, rtol=200 * abs(step) ** 3)
