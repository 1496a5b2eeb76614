"""One pass, where the scaler's mean and scale move all along the table."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

from streamlearn.linear_model import SGDRegressor
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler


@pytest.mark.parametrize("scaler", [{}, {"with_mean": False}, {"with_std": False}], ids=str)
def test_sorted_rows_cost_nothing(scaler):
    rng = np.random.default_rng(0)
    X = rng.normal(3, 2, (20_000, 4))
    X = X[np.argsort(X[:, 0])]
    y = X @ np.asarray([1.0, -1.0, 0.5, 0.0]) + rng.normal(size=len(X))
    blocks = da.from_array(X, chunks=(500, 4)), da.from_array(y, chunks=500)
    scores = []
    for schedule in ("per-step", "one-pass"):
        learner = SGDRegressor(shuffle=False, random_state=0)
        pipe = make_pipeline(StandardScaler(**scaler), learner, schedule=schedule)
        scores.append(pipe.fit(*blocks).score(X, y))
    assert scores[1] > scores[0] - 1e-3


def test_partial_fit_goes_on_in_the_new_units():
    rng = np.random.default_rng(0)
    X = np.sort(rng.normal(3, 2, (4_000, 1)), axis=0)
    y = 2 * X[:, 0] + 1
    pipe = make_pipeline(StandardScaler(), SGDRegressor(alpha=0, shuffle=False))
    for i in range(0, len(X), 500):
        pipe.partial_fit(X[i : i + 500], y[i : i + 500])
    assert pipe.score(X, y) > 0.9999
