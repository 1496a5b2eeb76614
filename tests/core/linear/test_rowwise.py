"""The row-by-row learner: tiles against the row's own step and scikit-learn, on every backend."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from sklearn.linear_model import SGDClassifier, SGDRegressor

from streamlearn.core.batches import cut, learn_batches
from streamlearn.core.learner import Batch
from streamlearn.core.linear import row_step, rowwise, tiles, tilewise
from streamlearn.core.linear.losses import MARGIN_LOSSES, SKLEARN_LOSSES
from streamlearn.core.linear.sgd import Params

PENALTIES = (None, "l2", "l1", "elasticnet")
RATES = ("constant", "optimal", "invscaling", "adaptive")


def table(n=90, d=4, n_classes=3, seed=0, offset=0.2):
    rng = np.random.default_rng(seed)
    X = 0.5 * rng.normal(size=(n, d)) + offset
    values = X @ rng.normal(size=d) + 0.3 * rng.normal(size=n)
    codes = np.searchsorted(np.quantile(values, np.linspace(0, 1, n_classes + 1)[1:-1]), values)
    return X, values, codes, rng.uniform(0.1, 2.0, size=n)


def run(params, X, target, weight=None, *, K=1, batch_size=rowwise.ROWS, epochs=1, state=None):
    learner = rowwise.learner(params)
    state = learner.init(params, X.shape[1], K, like=X) if state is None else state
    info = None
    for epoch in range(epochs):
        batches = cut(X, target, weight, seen=epoch * X.shape[0], batch_size=batch_size)
        state, info = learn_batches(learner, state, batches)
    return state, info


def row_by_row(params, X, target, weight=None, *, K=1):
    """Take the same rows by `row_step.step`; return the state and the scores."""
    state = rowwise.init(params, X.shape[1], K, like=X)
    rows, _ = row_step.row_terms(params, state, Batch(X, target, weight))
    scores = []
    for i in range(X.shape[0]):
        state, p, _ = row_step.step(params, state, row_step.some(rows, slice(i, i + 1)))
        scores.append(p)
    return state, scores


def assert_close(backend, got, want, factor=1e3):
    for a, b in zip(got, want, strict=True):
        a, b = backend.to_numpy(a), backend.to_numpy(b)
        np.testing.assert_allclose(a, b, rtol=factor * backend.eps, atol=factor * backend.eps)


@pytest.mark.parametrize("rate", [*RATES, "pa1", "pa2"])
@pytest.mark.parametrize("average", [0, 20])
def test_tiles_are_the_steps_of_their_rows(backend, rate, average):
    X, _, codes, rows = table()
    X[[0, 30, 66]] = 0.0
    X, codes, rows = (backend.asarray(a) for a in (X, codes, rows))
    params = Params(
        alpha=0.02, learning_rate=rate, eta0=0.05, power_t=0.3, average=average,
        positive_weight=np.array([0.5, 1.0, 2.0]),
    )  # fmt: skip
    for fit_intercept, weight in ((True, None), (False, rows)):
        how = params._replace(fit_intercept=fit_intercept)
        got, _ = run(how, X, codes, weight, K=3)
        want, _ = row_by_row(how, X, codes, weight, K=3)
        assert_close(backend, got[:4], want[:4])


@pytest.mark.parametrize("tile", [1, 7, 64])
def test_the_size_of_tiles_is_only_rounding(monkeypatch, tile):
    X, values, _, rows = table(n=150)
    params = Params(loss="huber", kind="values", alpha=0.05, eta0=0.1, average=9)
    want, _ = run(params, X, values, rows, batch_size=1)
    monkeypatch.setattr(tilewise, "next_size", lambda *_: (tile, tile, 1.0, 0.5))
    monkeypatch.setattr(row_step, "FIRST_TILE", {True: tile})
    got, _ = run(params, X, values, rows, batch_size=100)
    for a, b in zip(got[:4], want[:4], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_objective_is_that_of_every_row_before_it_was_learned_from(backend, penalty):
    X, values, _, rows = (backend.asarray(a) for a in table())
    params = Params(
        loss="squared_error", kind="values", penalty=penalty, alpha=0.3, l1_ratio=0.4,
        learning_rate="invscaling", eta0=0.1,
    )  # fmt: skip
    _, info = run(params, X, values, rows)
    X, values, rows = (backend.to_numpy(a) for a in (X, values, rows))
    a1, a2 = {"l1": (0.3, 0.0), "l2": (0.0, 0.3), "elasticnet": (0.12, 0.18), None: (0, 0)}[penalty]
    state, loss, objective = rowwise.init(params, 4, 1, like=X), 0.0, 0.0
    for i in range(90):
        at = slice(i, i + 1)
        value = 0.5 * float(X[i] @ state.coef[0] + state.intercept[0] - values[i]) ** 2
        before_cuts = state.penalized
        if before_cuts is None:
            norms = 0.0, float(state.coef[0] @ state.coef[0])
        else:
            norms = float(before_cuts.absolute[0]), float(before_cuts.square[0])
        loss, objective = loss + rows[i] * value, objective + value
        objective += a1 * norms[0] + 0.5 * a2 * norms[1]
        state, _ = rowwise.update(params, state, Batch(X[at], values[at], rows[at], i))
    assert float(info.loss[0]) == pytest.approx(loss, rel=1e4 * backend.eps)
    assert float(info.objective[0]) == pytest.approx(objective, rel=1e4 * backend.eps)
    assert float(info.weight[0]) == pytest.approx(rows.sum(), rel=1e2 * backend.eps)


def test_decays_of_zero_divide_nothing():
    """The first rows of "optimal" multiply the coefficients by 0, the next ones by little."""
    X, _, codes, _ = table()
    for rate, alpha in itertools.product(RATES, (10.0, 100.0)):
        how = {"loss": "log_loss", "alpha": alpha, "learning_rate": rate, "eta0": 0.05}
        got, _ = run(Params(**how), X, codes, K=3, epochs=2)
        want = SGDClassifier(**how, shuffle=False, max_iter=2, tol=None).fit(X, codes)
        np.testing.assert_allclose(got.coef, want.coef_, rtol=1e-10, atol=1e-15)
        np.testing.assert_allclose(got.intercept, want.intercept_, rtol=1e-10)
        # scikit-learn's own average has lost half of its digits here.
        params = Params(**how, average=3)
        got, _ = run(params, X, codes, K=3)
        want, _ = row_by_row(params, X, codes, K=3)
        np.testing.assert_allclose(got.mean_coef, want.mean_coef, rtol=1e-10, atol=1e-15)


@pytest.mark.complete
@pytest.mark.parametrize("penalty", ["l2", "elasticnet"])
@pytest.mark.parametrize("rate", ["invscaling", "adaptive"])
def test_columns_are_models_of_their_own_and_a_stopped_one_stays(backend, rate, penalty):
    X, values, _, rows = table(n=24)
    each = {
        "alpha": [0.01, 0.2, 1.0], "eta0": [0.1, 0.01, 0.3], "power_t": [0.5, 0.2, 0.0],
        "epsilon": [0.1, 0.5, 0.0], "l1_ratio": [0.0, 0.4, 1.0],
    }  # fmt: skip
    X, values, rows = (backend.asarray(a) for a in (X, values, rows))
    fixed = {
        "loss": "epsilon_insensitive", "kind": "values", "penalty": penalty, "average": 5,
        "learning_rate": rate,
    }  # fmt: skip
    arrays = Params(**fixed, **{name: np.array(v) for name, v in each.items()})
    together, _ = run(arrays, X, values, rows, K=3)
    stopped = together._replace(active=backend.asarray([1.0, 0.0, 1.0]))
    after, _ = run(arrays, X, values, rows, K=3, state=stopped)
    for a, b in zip(together[:5], after[:5], strict=True):
        a, b = backend.to_numpy(a), backend.to_numpy(b)
        np.testing.assert_array_equal(a[1], b[1])
    assert np.all(backend.to_numpy(after.coef)[0] != backend.to_numpy(together.coef)[0])
    for k in range(3):
        params = Params(**fixed, **{name: v[k] for name, v in each.items()})
        alone, _ = run(params, X, values, rows)
        for a, b in zip(alone[:4], together[:4], strict=True):
            a, b = backend.to_numpy(a)[0], backend.to_numpy(b)[k]
            np.testing.assert_allclose(a, b, rtol=1e3 * backend.eps, atol=1e2 * backend.eps)


@pytest.mark.parametrize(
    ("rate", "penalty"),
    [("constant", p) for p in PENALTIES]
    + [(rate, "elasticnet") for rate in (*RATES[1:], "pa1", "pa2")],
)
def test_backends_agree_and_keep_dtype(backend, rate, penalty):
    X, _, codes, rows = table()
    params = Params(average=9, alpha=0.02, penalty=penalty, learning_rate=rate, eta0=0.05)
    for dtype in backend.float_dtypes:
        want, _ = run(params, X.astype(dtype), codes, rows.astype(dtype), K=3)
        got, info = run(
            params,
            backend.asarray(X, dtype),
            backend.asarray(codes),
            backend.asarray(rows, dtype),
            K=3,
        )
        rtol = 1e3 * np.finfo(dtype).eps
        for a in rowwise.answer(params, got):
            backend.check(a, dtype)
        for a, b in zip(got[:4], want[:4], strict=True):
            np.testing.assert_allclose(backend.to_numpy(a), b, rtol=rtol, atol=rtol)
        for a in info:
            backend.check(a, backend.widest)  # sums over rows


@pytest.mark.parametrize("loss", SKLEARN_LOSSES)
def test_every_loss_is_scikit_learns_far_from_the_origin(loss):
    """Uncentred rows move each other's scores most, and take the most sweeps."""
    X, values, codes, rows = table(n=200, offset=3.0)
    for rate in ("invscaling", "constant"):
        how = {"loss": loss, "learning_rate": rate, "alpha": 0.5, "eta0": 1e-3, "power_t": 0.3}
        known = SGDClassifier(**how, shuffle=False, max_iter=2, tol=None)
        known.fit(X, codes, sample_weight=rows)
        got, _ = run(Params(**how), X, codes, rows, K=3, epochs=2)
        np.testing.assert_allclose(got.coef, known.coef_, rtol=1e-9, atol=1e-12)
        if loss not in MARGIN_LOSSES:
            known = SGDRegressor(**how, shuffle=False, max_iter=2, tol=None).fit(X, values)
            got, _ = run(Params(**how, kind="values"), X, values, epochs=2)
            np.testing.assert_allclose(got.coef[0], known.coef_, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("rate", ["pa1", "pa2"])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e155, 1e160])
def test_rows_whose_products_leave_the_floats(rate, scale):
    """Squared lengths overflow where scikit-learn's scores do not."""
    X, _, codes, _ = table(n_classes=2)
    X = X * np.where(np.arange(90) % 3 == 1, scale, 1.0)[:, None]
    known = SGDClassifier(
        learning_rate=rate, eta0=0.5, penalty=None, shuffle=False, max_iter=1, tol=None
    )
    known.fit(X, codes)
    params = Params(learning_rate=rate, eta0=0.5, penalty=None)
    with np.errstate(over="ignore", invalid="ignore"):
        got, info = run(params, X, codes)
    assert np.all(np.isfinite(info.loss))
    np.testing.assert_allclose(got.coef, known.coef_, rtol=1e-10)
    np.testing.assert_allclose(got.intercept, known.intercept_, rtol=1e-10)


def test_models_that_have_left_the_floats_report_nan():
    X, values, _, _ = table()
    params = Params(
        loss="squared_error", kind="values", learning_rate="constant", eta0=1e300, penalty=None
    )
    with np.errstate(over="ignore", invalid="ignore"):
        _, info = run(params, X * 1e100, values)
    assert np.all(np.isnan(info.loss))


@pytest.mark.parametrize("penalty", ["l2", "elasticnet"])
def test_a_call_begins_anew_where_scikit_learns_does(penalty):
    X, values, _, _ = table()
    how = {"penalty": penalty, "alpha": 0.1, "average": 5, "learning_rate": "adaptive"}
    known = SGDRegressor(**how, shuffle=False)
    params = Params(**how, loss="squared_error", kind="values")
    state, seen = None, 0
    for at in (slice(0, 20), slice(20, 70), slice(70, 90)):
        known.partial_fit(X[at], values[at])
        if state is None:
            state = rowwise.init(params, 4, 1, like=X)
        else:
            state = rowwise.resume(params, state._replace(eta=0.0 * state.eta))
        state, _ = rowwise.update(params, state, Batch(X[at], values[at], None, seen))
        seen = at.stop
        np.testing.assert_allclose(state.mean_coef[0], known.coef_, rtol=1e-11)
        np.testing.assert_allclose(state.mean_intercept, known.intercept_, rtol=1e-11)


def sizes_of(params, X, target, batch=256):
    """Return the rows of the tiles after each batch, and the last state."""
    state = rowwise.init(params, X.shape[1], 1, like=X)
    sizes = []
    for at in range(0, X.shape[0], batch):
        rows = slice(at, at + batch)
        state, _ = rowwise.update(params, state, Batch(X[rows], target[rows], None, at))
        sizes.append(float(state.size.rows))
    return sizes, state


def test_tiles_grow_where_sweeps_are_few():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2048, 5))
    params = Params(loss="squared_error", kind="values", learning_rate="constant", eta0=1e-3)
    sizes, state = sizes_of(params, X, X[:, 0])
    assert sizes[0] == sizes[-1] == 128
    assert float(state.size.sweeps) == 2


def test_tiles_shrink_where_each_row_moves_all_that_follow(monkeypatch):
    """In wide rows far from 0 a sweep settles two rows and its pairs cost more than its calls."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2048, 300)) + 10
    monkeypatch.setattr(row_step, "FIRST_TILE", {True: 256})
    sizes, state = sizes_of(Params(alpha=1e-4), X, rng.integers(0, 2, 2048))
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] <= 64
    assert float(state.size.sweeps) > 0.25 * sizes[-1]


@pytest.mark.parametrize("cost", [tiles.PLAIN, tiles.CURVED, tiles.DEVICE])
@pytest.mark.parametrize("power", [0.0, 0.3, 1.0])
def test_the_size_of_tiles_comes_to_rest_where_a_row_costs_least(cost, power):
    """Whatever it begins with: nothing swings between two sizes for good."""
    known = [2**k for k in range(4, 11)]
    costs = [cost.of_row(m, 3.0 * (m / 16) ** power, 50) for m in known]
    for first in (16, 64, 1024):
        size = row_step.Size(first, 0.0, 0.0, 0.25)
        for _ in range(20):
            m = int(size.rows)
            size = row_step.Size(*tiles.next_size(size, m, 3.0 * (m / 16) ** power, cost, 50))
        assert size.rows == size.last
        assert costs[known.index(size.rows)] <= min(costs) / tiles.BETTER**3


@pytest.mark.parametrize("loss", SKLEARN_LOSSES)
@pytest.mark.parametrize("rate", ["constant", "pa1", "pa2"])
def test_sweeps_with_slopes_come_to_what_plain_ones_do(backend, monkeypatch, loss, rate):
    if rate != "constant" and loss not in ("hinge", "epsilon_insensitive"):
        pytest.skip("passive-aggressive steps are defined for two losses")
    X, values, codes, rows = (backend.asarray(a) for a in table(n=96, n_classes=2, offset=2.0))
    kind = "classes" if loss in MARGIN_LOSSES else "values"
    params = Params(loss=loss, kind=kind, learning_rate=rate, eta0=0.01, alpha=0.1)
    target = codes if kind == "classes" else values
    got, _ = run(params, X, target, rows)
    monkeypatch.setattr(tilewise, "by_slopes", lambda *_: False)
    plain, _ = run(params, X, target, rows)
    want, _ = row_by_row(params, X, target, rows)
    assert_close(backend, got[:4], want[:4])
    assert_close(backend, plain[:4], want[:4])


def test_lines_take_a_sweep_or_two_however_far_the_rows_are():
    """Squared errors move in lines: what Newton's first step takes is exact but for rounding."""
    X, values, _, _ = table(n=512, offset=10.0)
    params = Params(loss="squared_error", kind="values", eta0=1e-3, learning_rate="constant")
    _, state = sizes_of(params, X, values)
    assert 2 <= float(state.size.sweeps) <= 4
