"""Step sizes against scikit-learn's, read off its first steps."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import SGDRegressor

from streamlearn.core.linear.rates import RATES, optimal_start, step_size


def of(learning_rate, seen, eta0=0.3, power_t=0.4, alpha=0.02, eta=0.7):
    return step_size(learning_rate, eta0=eta0, power_t=power_t, alpha=alpha, eta=eta, seen=seen)


@pytest.mark.parametrize("learning_rate", RATES)
def test_a_run_over_rows_of_unit_gradient_adds_up_scikit_learns_steps(learning_rate):
    """With x = 1, no intercept, and every residual above epsilon, each step moves w by eta."""
    n = 40
    m = SGDRegressor(
        loss="epsilon_insensitive", epsilon=0.0, penalty=None, alpha=0.02, fit_intercept=False,
        learning_rate=learning_rate, eta0=0.3, power_t=0.4, max_iter=1, tol=None, shuffle=False,
    )  # fmt: skip
    m.fit(np.ones((n, 1)), np.full(n, 1e6))
    steps = [of(learning_rate, seen, eta=0.3) for seen in range(n)]
    np.testing.assert_allclose(m.coef_[0], sum(steps), rtol=1e-12)


def test_the_first_optimal_step_is_a_typical_weight():
    for alpha in (1e-8, 1e-4, 0.5, 10.0):
        assert of("optimal", 0, alpha=alpha) == pytest.approx(alpha**-0.25, rel=1e-13)
        assert optimal_start(alpha) * alpha == pytest.approx(alpha**0.25, rel=1e-13)


@pytest.mark.parametrize("learning_rate", RATES)
def test_arrays_over_columns_give_each_column_its_own(learning_rate, backend):
    args = {
        "eta0": [0.3, 0.1], "power_t": [0.5, 0.25], "alpha": [0.02, 0.5], "eta": [0.3, 0.06]
    }  # fmt: skip
    arrays = {k: backend.asarray(v) for k, v in args.items()}
    for seen in (0, 5, 10**10):
        got = backend.to_numpy(step_size(learning_rate, **arrays, seen=seen))
        for k in range(2):
            want = of(learning_rate, seen, **{name: v[k] for name, v in args.items()})
            assert got[k] == pytest.approx(want, rel=20 * backend.eps)


def test_an_unknown_schedule_is_named():
    with pytest.raises(ValueError, match="'cosine'"):
        of("cosine", 0)
