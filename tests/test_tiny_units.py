"""Features in tiny units: no effect under a penalty, and no square that overflows or is lost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamlearn import linear_model
from streamlearn.neighbors import NearestCentroid
from tests.containers import dask_array

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 3)) @ RNG.normal(size=(3, 3)) + 2
LINE = X @ [1.0, -2.0, 0.5] + 0.1 * RNG.normal(size=120)
COUNTS = np.exp((LINE - LINE.mean()) / LINE.std() / 2)
LABELS = np.digitize(LINE, np.quantile(LINE, [0.4, 0.7]))
TINY = RNG.normal(size=(120, 2)) + 1
MODELS = {
    "Ridge": ({}, LINE),
    "RidgeClassifier": ({}, LABELS),
    "RidgeCV": ({"alphas": [0.1, 10.0]}, LINE),
    "Lasso": ({"alpha": 0.1}, LINE),
    "ElasticNet": ({"alpha": 0.1}, LINE),
    "HuberRegressor": ({"alpha": 0.1}, LINE),
    "LogisticRegression": ({}, LABELS),
    "PoissonRegressor": ({}, COUNTS),
    "GammaRegressor": ({}, COUNTS),
    "TweedieRegressor": ({"power": 1.5}, COUNTS),
}
LOGISTIC_L1 = ({"solver": "saga", "l1_ratio": 0.5, "C": 0.5}, LABELS)


@pytest.mark.parametrize("lazy", [False, True], ids=["in memory", "over blocks"])
@pytest.mark.parametrize("name", [*MODELS, "L1"])
@settings(max_examples=10, deadline=None)
@given(power=st.floats(-300, -60), positive=st.booleans())
def test_predictions_are_those_without_it(name, lazy, power, positive):
    cls = linear_model.LogisticRegression if name == "L1" else getattr(linear_model, name)
    how, y = LOGISTIC_L1 if name == "L1" else MODELS[name]
    if positive and name == "Ridge":
        how = {**how, "positive": True}
    alone, both = cls(**how), cls(**how)
    rows, target = np.concatenate([X, TINY * 10.0**power], axis=1), y
    if lazy:
        rows, target = dask_array(rows, (50, 70)), dask_array(y, (50, 70))
    alone.fit(X, y)
    both.fit(rows, target)
    coef = np.asarray(both.coef_)
    assert np.isfinite(coef).all()
    np.testing.assert_allclose(coef[..., :3], alone.coef_, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(both.intercept_, alone.intercept_, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["Ridge", "PoissonRegressor", "HuberRegressor"])
def test_coefficients_keep_their_size_while_they_can(name):
    how, y = MODELS[name]
    cls = getattr(linear_model, name)

    def coef(power):
        rows = np.concatenate([X, TINY * 10.0**power], axis=1)
        return cls(**how, **({"tol": 1e-12} if name != "Ridge" else {})).fit(rows, y).coef_[3:]

    # far below the penalty a coefficient is proportional to its unit
    np.testing.assert_allclose(coef(-150) * 1e110, coef(-40), rtol=1e-5)


def test_rows_whose_squares_underflow_are_not_constant():
    labels = LABELS > 0
    tiny = NearestCentroid().fit(X * 1e-200, labels)
    np.testing.assert_allclose(tiny.centroids_ * 1e200, NearestCentroid().fit(X, labels).centroids_)
    with pytest.raises(ValueError, match="All features have zero variance"):
        NearestCentroid().fit(np.full((4, 2), 1e-200), [0, 1, 0, 1])
