"""The step with explicit rates: against scikit-learn row by row, and a plain loop in batches."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from sklearn.linear_model import SGDClassifier, SGDRegressor

from streamlearn.core.batches import cut, learn_batches
from streamlearn.core.learner import Batch
from streamlearn.core.linear import sgd
from streamlearn.core.linear.losses import LOSSES, MARGIN_LOSSES, SKLEARN_LOSSES
from streamlearn.core.linear.rates import RATES, step_size
from streamlearn.core.linear.sgd import Params
from tests.backends import no_host_sync

PENALTIES = (None, "l2", "l1", "elasticnet")
RESIDUAL_LOSSES = tuple(name for name in SKLEARN_LOSSES if name not in MARGIN_LOSSES)


def table(n=30, d=4, n_classes=2, seed=0):
    rng = np.random.default_rng(seed)
    X = 0.5 * rng.normal(size=(n, d)) + 0.2
    values = X @ rng.normal(size=d) + 0.3 * rng.normal(size=n)
    codes = np.searchsorted(np.quantile(values, np.linspace(0, 1, n_classes + 1)[1:-1]), values)
    return X, values, codes, rng.uniform(0.1, 2.0, size=n)


def run(params, X, target, weight=None, *, K=1, batch_size=1, epochs=1, state=None):
    state = sgd.init(params, X.shape[1], K, like=X) if state is None else state
    for epoch in range(epochs):
        seen = epoch * X.shape[0]
        batches = cut(X, target, weight, seen=seen, batch_size=batch_size)
        state, info = learn_batches(sgd.learner(params), state, batches)
    return state, info


def share_of_iterate(params, n):
    """How much of an L1 shrinkage at row n scikit-learn subtracts from its average.

    It keeps the average as ``(a w + rest) / b`` and shrinks ``w`` alone, so that the average moves
    by ``a / b`` of what ``w`` moves by, where an average of n iterates would move by ``1 / n``.
    """
    _, a2 = sgd.penalty_parts(params)
    share = 0.0
    for seen in range(n):
        eta = step_size(
            params.learning_rate,
            eta0=params.eta0,
            power_t=params.power_t,
            alpha=params.alpha,
            eta=params.eta0,
            seen=seen,
        )
        mu = 1.0 / max(1, seen + 2 - params.average)
        begun = seen + 1 >= params.average
        share = (1 - mu) * share / (1 - eta * a2) + mu if begun else 0.0
        yield share


def sklearn_average(params, X, target, weight, K):
    """Repeat a run row by row, with scikit-learn's average under an L1 penalty."""
    state = sgd.init(params, X.shape[1], K, like=X)
    mean, n = state.mean_coef, X.shape[0]
    for i, share in enumerate(share_of_iterate(params, n)):
        row = slice(i, i + 1)
        batch = Batch(X[row], target[row], weight if weight is None else weight[row], i)
        new, _ = sgd.update(params, state, batch)
        shrunk = new.q - state.q
        mu = sgd.averaging_weight(params, i, 1)
        mean = mean + mu * (new.coef - shrunk - mean) + share * shrunk
        mean = mean if i + 1 >= params.average else new.coef
        state = new
    return mean


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("loss", SKLEARN_LOSSES)
def test_batches_of_one_row_are_scikit_learns_algorithm(loss, penalty):
    X, values, codes, rows = table()
    targets = [("classes", codes, 1)]
    targets += [("values", values, 1)] if loss in RESIDUAL_LOSSES else []
    for (kind, y, K), rate, average, weight in itertools.product(
        targets, RATES, (0, 1, 9), (None, rows)
    ):
        by_class = {0: 0.7, 1: 1.6} if kind == "classes" and weight is not None else None
        common = {
            "loss": loss,
            "penalty": penalty,
            "alpha": 0.03,
            "l1_ratio": 0.3,
            "epsilon": 0.2,
            "learning_rate": rate,
            "eta0": 0.05,
            "power_t": 0.3,
        }
        fixed = {"max_iter": 1, "tol": None, "shuffle": False, "average": average or False}
        if kind == "classes":
            theirs = SGDClassifier(**common, **fixed, class_weight=by_class)
        else:
            theirs = SGDRegressor(**common, **fixed)
        theirs.fit(X, y, sample_weight=weight)
        params = Params(
            **common,
            kind=kind,
            average=average,
            positive_weight=1.6 if by_class else 1.0,
            negative_weight=0.7 if by_class else 1.0,
        )
        state, _ = run(params, X, y, weight, K=K)
        coef, intercept = sgd.answer(params, state)
        if average and penalty in ("l1", "elasticnet"):
            coef = sklearn_average(params, X, y, weight, K)
        cell = f"{kind} {rate} average={average} weighted={weight is not None}"
        scale = np.abs(theirs.coef_).max()
        np.testing.assert_allclose(
            coef, np.atleast_2d(theirs.coef_), rtol=1e-10, atol=1e-10 * scale, err_msg=cell
        )
        np.testing.assert_allclose(intercept, theirs.intercept_, rtol=1e-10, err_msg=cell)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_several_epochs_and_classes_are_scikit_learns(penalty):
    X, _, codes, rows = table(n_classes=4, n=60)
    weights = {0: 0.5, 1: 1.0, 2: 3.0, 3: 1.5}
    for loss in ("hinge", "log_loss"):
        common = {"loss": loss, "penalty": penalty, "alpha": 0.01, "learning_rate": "optimal"}
        theirs = SGDClassifier(
            **common, class_weight=weights, max_iter=3, tol=None, shuffle=False
        ).fit(X, codes, sample_weight=rows)
        params = Params(**common, positive_weight=np.array(list(weights.values())))
        state, _ = run(params, X, codes, rows, K=4, epochs=3)
        np.testing.assert_allclose(state.coef, theirs.coef_, rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(state.intercept, theirs.intercept_, rtol=1e-10)


def test_where_scikit_learns_average_under_l1_leads():
    """Why the average is not scikit-learn's here: theirs is no average of their iterates."""
    X, values, _, _ = table(n=2000)
    common = {
        "loss": "squared_error",
        "penalty": "l1",
        "alpha": 0.3,
        "learning_rate": "constant",
        "eta0": 0.05,
    }
    params = Params(**common, kind="values", average=1)
    ours, _ = run(params, X, values, batch_size=1)
    last = SGDRegressor(**common, max_iter=1, tol=None, shuffle=False).fit(X, values).coef_
    theirs = SGDRegressor(**common, max_iter=1, tol=None, shuffle=False, average=True)
    theirs = theirs.fit(X, values).coef_
    assert np.abs(ours.mean_coef[0] - last).max() < 0.3
    assert np.abs(theirs - last).max() > 3.0


def loop(params, X, Y, weight, batch_size):
    """The same rule, one column, one coefficient and one row at a time."""
    n, d = X.shape
    K = Y.shape[1]
    coef, intercept = np.zeros((K, d)), np.zeros(K)
    a1, a2 = sgd.penalty_parts(params)
    for k in range(K):
        w, b, u, q = [0.0] * d, 0.0, 0.0, [0.0] * d
        for begin in range(0, n, batch_size):
            rows = range(begin, min(begin + batch_size, n))
            step = params.eta0 / (begin + 1) ** params.power_t
            sums, total = [0.0] * d, 0.0
            for i in rows:
                p = np.asarray(sum(w[j] * X[i, j] for j in range(d)) + b)
                c = weight[i] * (params.positive_weight if Y[i, k] > 0 else params.negative_weight)
                g = float(LOSSES[params.loss].gradient(p, np.asarray(Y[i, k]), params.epsilon)) * c
                sums = [s + g * x for s, x in zip(sums, X[i], strict=True)]
                total += g
            u += step * a1
            for j in range(d):
                w[j] = (1 - step * a2) * w[j] - step * sums[j] / len(rows)
                due = w[j]
                if w[j] > 0:
                    w[j] = max(0.0, w[j] - (u + q[j]))
                elif w[j] < 0:
                    w[j] = min(0.0, w[j] + (u - q[j]))
                q[j] += w[j] - due
            b -= step * total / len(rows)
        coef[k], intercept[k] = w, b
    return coef, intercept


@pytest.mark.parametrize("penalty", ["l2", "elasticnet"])
@pytest.mark.parametrize("loss", ["log_loss", "huber"])
def test_batches_are_a_plain_loop(loss, penalty):
    X, _, codes, rows = table(n=50, n_classes=3)
    params = Params(
        loss=loss,
        penalty=penalty,
        alpha=0.2,
        learning_rate="invscaling",
        eta0=0.4,
        positive_weight=2.0,
        negative_weight=0.6,
    )
    state, info = run(params, X, codes, rows, K=3, batch_size=7)
    signs = np.where(codes[:, None] == np.arange(3), 1.0, -1.0)
    coef, intercept = loop(params, X, signs, rows, 7)
    np.testing.assert_allclose(state.coef, coef, rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(state.intercept, intercept, rtol=1e-11)
    by_class = np.where(signs > 0, 2.0, 0.6)
    np.testing.assert_allclose(info.weight, (rows[:, None] * by_class).sum(0), rtol=1e-13)


def test_info_is_loss_before_the_step_and_scikit_learns_objective():
    X, values, _, rows = table(n=6)
    params = Params(loss="squared_error", kind="values", alpha=0.3, learning_rate="constant")
    state = sgd.start(params, np.array([[1.0, -2.0, 0.5, 0.0]]), np.array([0.7]))
    _, info = sgd.update(params, state, Batch(X, values, rows))
    value = 0.5 * (X @ state.coef[0] + 0.7 - values) ** 2
    np.testing.assert_allclose(info.loss, [rows @ value], rtol=1e-14)
    np.testing.assert_allclose(info.weight, [rows.sum()], rtol=1e-14)
    objective = value.sum() + 6 * 0.3 * 0.5 * (1 + 4 + 0.25)
    np.testing.assert_allclose(info.objective, [objective], rtol=1e-14)


@pytest.mark.parametrize("penalty", ["l2", "elasticnet"])
def test_columns_are_models_of_their_own(penalty, backend):
    """Parameters over columns give what a run of each column alone gives; a stopped one stays."""
    X, values, _, rows = table()
    each = {
        "alpha": [0.01, 0.2, 1.0],
        "eta0": [0.1, 0.01, 0.3],
        "l1_ratio": [0.0, 0.4, 1.0],
        "power_t": [0.5, 0.2, 0.0],
        "epsilon": [0.1, 0.5, 0.0],
    }
    fixed = {
        "loss": "epsilon_insensitive",
        "kind": "values",
        "penalty": penalty,
        "average": 5,
        "learning_rate": "invscaling",
    }
    X, values, rows = (backend.asarray(a) for a in (X, values, rows))
    arrays = Params(**fixed, **{name: np.array(v) for name, v in each.items()})
    together, _ = run(arrays, X, values, rows, K=3, batch_size=8)
    stopped = together._replace(active=backend.asarray([1.0, 0.0, 1.0]))
    after, _ = run(arrays, X, values, rows, K=3, batch_size=8, state=stopped)
    for name, a, b in zip(after._fields, together, after, strict=True):
        backend.check(b, backend.widest)
        if name != "active":
            np.testing.assert_array_equal(backend.to_numpy(a)[1], backend.to_numpy(b)[1])
    assert np.all(backend.to_numpy(after.coef)[0] != backend.to_numpy(together.coef)[0])
    for k in range(3):
        params = Params(**fixed, **{name: v[k] for name, v in each.items()})
        alone, _ = run(params, X, values, rows, batch_size=8)
        for a, b in zip(alone, together, strict=True):
            a, b = backend.to_numpy(a)[0], backend.to_numpy(b)[k]
            np.testing.assert_allclose(a, b, rtol=200 * backend.eps, atol=20 * backend.eps)


@pytest.mark.parametrize("loss", ["log_loss", "squared_hinge"])
def test_backends_agree_and_keep_dtype(loss, backend):
    X, _, codes, rows = table(n_classes=3)
    params = Params(loss=loss, average=9, alpha=0.02, penalty="elasticnet")
    for dtype in backend.float_dtypes:
        want, _ = run(params, X.astype(dtype), codes, rows.astype(dtype), K=3, batch_size=16)
        got, info = run(
            params,
            backend.asarray(X, dtype),
            backend.asarray(codes),
            backend.asarray(rows, dtype),
            K=3,
            batch_size=16,
        )
        rtol = 300 * np.finfo(dtype).eps
        for a, b in zip(got, want, strict=True):
            backend.check(a, dtype)
            np.testing.assert_allclose(backend.to_numpy(a), b, rtol=rtol, atol=rtol)
        for a in info:
            backend.check(a, dtype)
        p = sgd.apply(params, got, backend.asarray(X, dtype))
        backend.check(p, dtype)
        p0 = sgd.apply(params, want, X.astype(dtype))
        np.testing.assert_allclose(backend.to_numpy(p), p0, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_a_step_reads_nothing_back(penalty):
    import array_api_strict as xp

    X, _, codes, rows = table(n_classes=3)
    X, codes, rows = (xp.asarray(a) for a in (X, codes, rows))
    for rate, loss in itertools.product(RATES, SKLEARN_LOSSES):
        params = Params(loss=loss, learning_rate=rate, penalty=penalty, average=1)
        with no_host_sync():
            run(params, X, codes, rows, K=3, batch_size=16)


def test_a_wild_row_does_not_overflow():
    params = Params(loss="squared_error", kind="values", learning_rate="constant", eta0=1.0)
    state, _ = run(params, np.array([[1e10], [1.0]]), np.array([1e150, 1.0]))
    assert np.all(np.isfinite(state.coef))
