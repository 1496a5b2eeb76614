"""Poisson, gamma, Tweedie and quantile regression against scikit-learn's solvers."""

from __future__ import annotations

import pickle

import dask
import dask.array as da
import numpy as np
import pytest
from sklearn.linear_model import (
    GammaRegressor,
    PoissonRegressor,
    QuantileRegressor,
    TweedieRegressor,
)
from sklearn.metrics import d2_tweedie_score, mean_pinball_loss, mean_tweedie_deviance, r2_score

from streamlearn.linear_model import SGDRegressor
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler

ROWS, D, ALPHA = 8_000, 6, 1e-3
SOLVERS = {
    ("poisson", 1.0): PoissonRegressor,
    ("gamma", 2.0): GammaRegressor,
    ("tweedie", 1.5): TweedieRegressor,
    ("tweedie", 1.0): TweedieRegressor,
    ("tweedie", 2.0): TweedieRegressor,
}
GENERALIZED = list(SOLVERS)
QUANTILES = (0.1, 0.5, 0.9)


def table(power, n=ROWS, unit=1.0, mean=0.0, seed=0):
    """Correlated features off centre, with scales from 0.1 to 10."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, D)) @ rng.normal(size=(D, D)) / np.sqrt(D)
    p = X @ rng.normal(size=D) / np.sqrt(D) + mean
    X = (X + 3.0) * np.logspace(-1, 1, D)
    if power == 1:
        return X, unit * rng.poisson(np.exp(p))
    if power == 2:
        return X, unit * np.exp(p) * rng.gamma(2.0, size=n)
    many = rng.poisson(np.exp(0.5 * p))
    return X, unit * np.where(many, np.exp(0.5 * p) * rng.gamma(np.maximum(many, 1)), 0.0)


def spread(n=ROWS, seed=0):
    """Targets whose noise is wider where they are higher."""
    X, _ = table(2.0, n, seed=seed)
    rng = np.random.default_rng(seed)
    z = (X / np.logspace(-1, 1, D) - 3.0)[:, 0]
    return X, z + np.exp(0.5 * z) * rng.standard_t(3, size=n)


def model_of(loss, power=1.5, **how):
    how = {"alpha": ALPHA, "random_state": 0} | how
    return SGDRegressor(loss, power=power, **how)


def in_blocks(*arrays, size=500):
    return [da.from_array(a, chunks=(size, *a.shape[1:])) for a in arrays]


def in_calls(model, X, y, size=100, w=None):
    for i in range(0, len(y), size):
        at = slice(i, i + size)
        model.partial_fit(X[at], y[at], sample_weight=None if w is None else w[at])
    return model


def solved(loss, power, X, y, weight=None):
    alpha = ALPHA if weight is None else ALPHA / weight.mean()
    how = {"link": "log", "power": power} if loss == "tweedie" else {}
    known = SOLVERS[loss, power](
        alpha=alpha, tol=1e-10, solver="newton-cholesky", max_iter=1000, **how
    )
    return known.fit(X, y, sample_weight=weight)


def deviance(model, X, y, power, weight=None):
    return mean_tweedie_deviance(y, model.predict(X), power=power, sample_weight=weight)


def objective(model, X, y, power, weight=None):
    mean = 1.0 if weight is None else weight.mean()
    return mean * deviance(model, X, y, power, weight) + ALPHA * np.sum(model.coef_**2)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("loss", "power"), GENERALIZED)
def test_refined_models_are_those_of_scikit_learns_solvers(loss, power, weighted):
    X, y = table(power)
    w = np.random.default_rng(1).gamma(0.5, 10.0, size=ROWS) if weighted else None
    known = solved(loss, power, X, y, w)
    found = model_of(loss, power, refine=3).fit(*in_blocks(X, y), sample_weight=w)
    np.testing.assert_allclose(found.coef_, known.coef_, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(found.predict(X), known.predict(X), rtol=1e-5)


UNITS = [
    ("poisson", 1.0, 1.0, 0.0),
    ("poisson", 1.0, 1.0, -3.0),
    ("poisson", 1.0, 1.0, 9.2),
    ("gamma", 2.0, 1e-3, 0.0),
    ("gamma", 2.0, 1e6, 0.0),
    ("tweedie", 1.5, 1e-4, 0.0),
    ("tweedie", 1.5, 1e6, 0.0),
]


@pytest.mark.parametrize("way", ["blocks", "memory", "calls", "float32", "weights"])
@pytest.mark.parametrize(("loss", "power", "unit", "mean"), UNITS)
def test_one_pass_ends_near_the_optimum_in_any_unit(loss, power, unit, mean, way):
    X, y = table(power, 2 * ROWS, unit, mean)
    w = np.random.default_rng(1).gamma(0.5, 10.0, size=2 * ROWS) if way == "weights" else None
    best = model_of(loss, power, refine=8).fit(X, y, sample_weight=w)
    model = model_of(loss, power)
    if way == "calls":
        found = in_calls(model, X, y)
    elif way == "memory":
        found = model.set_params(max_iter=1, tol=None).fit(X, y)
    else:
        dtype = np.float32 if way == "float32" else float
        found = model.fit(*in_blocks(X.astype(dtype), y.astype(dtype)), sample_weight=w)
        assert found.coef_.dtype == dtype
    least = objective(best, X, y, power, w)
    assert least * (1 - 1e-6) < objective(found, X, y, power, w) < 1.005 * least


@pytest.mark.parametrize("quantile", QUANTILES)
def test_quantiles_end_near_those_of_scikit_learns_solver(quantile):
    X, y = spread(2_000)
    known = QuantileRegressor(quantile=quantile, alpha=ALPHA).fit(X, y)
    best = mean_pinball_loss(y, known.predict(X), alpha=quantile)
    best = best + ALPHA * np.abs(known.coef_).sum()
    how = {"penalty": "l1", "quantile": quantile, "tol": None, "max_iter": 20}
    found = model_of("quantile", **how).fit(X, y)
    loss = mean_pinball_loss(y, found.predict(X), alpha=quantile)
    assert loss + ALPHA * np.abs(found.coef_).sum() < 1.003 * best


@pytest.mark.parametrize("way", ["blocks", "calls", "float32"])
@pytest.mark.parametrize("quantile", QUANTILES)
def test_one_pass_has_the_share_of_rows_below_the_quantile(quantile, way):
    X, y = spread()
    model = model_of("quantile", quantile=quantile, alpha=1e-9)
    if way == "calls":
        found = in_calls(model, X, 1000 * y)
    else:
        dtype = np.float32 if way == "float32" else float
        found = model.fit(*in_blocks(X.astype(dtype), (1000 * y).astype(dtype)))
    assert np.mean(1000 * y < found.predict(X)) == pytest.approx(quantile, abs=0.01)
    known = QuantileRegressor(quantile=quantile, alpha=0).fit(X[:2000], y[:2000])
    loss, other = (
        mean_pinball_loss(y, p, alpha=quantile) for p in (found.predict(X) / 1000, known.predict(X))
    )
    assert loss < 1.001 * other


@pytest.mark.parametrize("loss", ["poisson", "quantile"])
def test_rounds_give_the_same_bits_for_any_number_of_threads(loss):
    X, y = table(1.0, 40_000) if loss == "poisson" else spread(40_000)
    found = []
    for k in (1, 4):
        with dask.config.set(scheduler="threads", num_workers=k):
            found.append(model_of(loss).fit(*in_blocks(X, y, size=1000)).coef_.tobytes())
    assert found[0] == found[1]


SCHEDULE = {"learning_rate": "constant", "eta0": 0.01, "tol": None}


@pytest.mark.parametrize("penalty", ["l2", "l1"])
@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("loss", ["poisson", "gamma", "tweedie", "quantile"])
def test_explicit_schedules_learn_in_batches(loss, lazy, penalty):
    power = {"poisson": 1.0, "gamma": 2.0}.get(loss, 1.5)
    X, y = spread(1000) if loss == "quantile" else table(power, 1000)
    X = StandardScaler().fit_transform(X)
    model = model_of(loss, penalty=penalty, max_iter=20, **SCHEDULE)
    p = model.fit(*(in_blocks(X, y) if lazy else (X, y))).predict(X)
    if loss == "quantile":
        assert mean_pinball_loss(y, p) < 0.95 * mean_pinball_loss(y, np.full(1000, np.median(y)))
    else:
        value, start = (mean_tweedie_deviance(y, q, power=power) for q in (p, 0 * p + y.mean()))
        assert value < 0.95 * start


@pytest.mark.parametrize(("loss", "power"), GENERALIZED)
def test_batches_of_one_row_are_scikit_learns_steps(loss, power):
    X, y = table(power, 100)
    X = StandardScaler().fit_transform(X)
    w, b = np.zeros(D), 0.0
    for x, t in zip(X, y, strict=True):
        p = x @ w + b
        g = np.exp((2 - power) * p) - t * np.exp((1 - power) * p)
        w, b = w * (1 - 0.01 * ALPHA) - 0.01 * g * x, b - 0.01 * g
    found = model_of(loss, power, max_iter=1, shuffle=False, batch_size=1, **SCHEDULE).fit(X, y)
    np.testing.assert_allclose(found.coef_, w, rtol=1e-9)


def test_predictions_and_scores_are_of_means_and_lazy_over_blocks():
    X, y = table(1.0, 1000)
    model = model_of("poisson").fit(X, y)
    means = np.exp(X @ model.coef_ + model.intercept_)
    np.testing.assert_allclose(model.predict(X), means, rtol=1e-12)
    lazy = model.predict(da.from_array(X, chunks=(300, D)))
    assert isinstance(lazy, da.Array)
    np.testing.assert_allclose(lazy.compute(), means, rtol=1e-12)
    assert model.score(X, y) == pytest.approx(r2_score(y, means))
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_held_out_rows_are_scored_by_their_means():
    X, y = table(1.0, 4000, mean=3.0)
    model = model_of("poisson", early_stopping=True, max_iter=30).fit(X, y)
    assert model.n_iter_ < 30
    assert d2_tweedie_score(y, model.predict(X), power=1) > 0.5


def test_a_scaler_in_one_pass_gives_the_model_of_scaled_rows():
    X, y = table(1.0)
    line = make_pipeline(StandardScaler(), model_of("poisson", refine=3), schedule="one-pass")
    line.fit(*in_blocks(X, y))
    known = PoissonRegressor(alpha=ALPHA, tol=1e-10, solver="newton-cholesky")
    known.fit(StandardScaler().fit_transform(X), y)
    np.testing.assert_allclose(line[-1].coef_, known.coef_, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("loss", ["poisson", "gamma", "tweedie"])
def test_first_targets_may_all_be_alike(loss):
    """All counts of the first calls are 0, so that their mean has no logarithm."""
    X, y = table(1.0, 4000, mean=1.0)
    y = y + 1.0 if loss == "gamma" else np.r_[np.zeros(200), y[200:]]
    found = in_calls(model_of(loss), X, y)
    power = {"poisson": 1.0, "gamma": 2.0}.get(loss, 1.5)
    best = model_of(loss, refine=8).fit(X, y)
    assert deviance(found, X, y, power) < 1.02 * deviance(best, X, y, power)


@pytest.mark.parametrize(
    ("how", "y", "told"),
    [
        ({"loss": "poisson"}, [1.0, -1.0], r"1 target\(s\) below 0, the first in row 1: -1"),
        ({"loss": "tweedie"}, [-2.0, -1.0], r"2 target\(s\) below 0, the first in row 0: -2"),
        ({"loss": "gamma"}, [1.0, 0.0], r"of 0 or below, .* loss='tweedie' takes zeros too"),
        ({"loss": "tweedie", "power": 2}, [1.0, 0.0], "power below 2 takes zeros too"),
    ],
)
def test_targets_that_a_loss_does_not_take_are_named(how, y, told):
    X, y = np.ones((2, 1)), np.array(y)
    model = SGDRegressor(random_state=0, **how)
    for learn in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match="^y has " + told if told[0].isdigit() else told):
            learn(X, y)
    X, y = (np.concatenate(2 * [np.ones_like(a), a]) for a in (X, y))
    with pytest.raises(ValueError, match=r"Block 1 of y has"):
        model.fit(*(da.from_array(a, chunks=(2, *a.shape[1:])) for a in (X, y)))
    SGDRegressor("squared_error", random_state=0).fit(X, y)  # the advice of the error


def test_zeros_are_amounts_for_a_power_below_2():
    X, y = table(1.5, 500)
    assert np.any(y == 0)
    SGDRegressor("tweedie", power=1.99, random_state=0).fit(X, y)
