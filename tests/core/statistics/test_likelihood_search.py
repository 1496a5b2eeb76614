"""The most likely lambdas, against exact arithmetic and SciPy."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from scipy import stats

from streamlearn.core.statistics import likelihood as lk
from streamlearn.core.statistics import likelihood_search
from tests.core.statistics.columns import (
    COLUMNS,
    enough_digits,
    search_of,
    true_likelihood,
    true_z,
)


@pytest.mark.parametrize("yeo_johnson", [True, False])
@pytest.mark.parametrize("name", COLUMNS)
def test_the_optimum_is_one(name, yeo_johnson):
    """No other is more likely, or it is at a bound; and it is SciPy's where that can be."""
    x = COLUMNS[name]
    search = search_of(yeo_johnson, x, 1.0)
    found = likelihood_search.optimum(lambda params: lk.of_block(params, x[:, None]), search)
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
