"""Nets against scikit-learn, batch by batch, against finite differences, and against themselves."""

from __future__ import annotations

import warnings
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier, MLPRegressor

from streamlearn.core import mlp
from streamlearn.core.batches import cut, learn_batches
from streamlearn.core.learner import Batch
from streamlearn.core.linear import sgd
from streamlearn.core.mlp import optimizers
from streamlearn.core.mlp.activations import HIDDEN

D, BATCH = 5, 16
ACTIVATIONS = tuple(HIDDEN)
SOLVERS = {
    "sgd": (optimizers.sgd(0.05), {"solver": "sgd", "learning_rate_init": 0.05}),
    "plain": (
        optimizers.sgd(0.05, 0.0, False),
        {
            "solver": "sgd",
            "learning_rate_init": 0.05,
            "momentum": 0.0,
            "nesterovs_momentum": False,
        },
    ),
    "adam": (optimizers.adam(0.01), {"solver": "adam", "learning_rate_init": 0.01}),
}
TASKS = {
    "values": ("identity", 1, MLPRegressor, {}),
    "three values": ("identity", 3, MLPRegressor, {}),
    "counts": ("exp", 1, MLPRegressor, {"loss": "poisson"}),
    "two classes": ("logistic", 1, MLPClassifier, {}),
    "four classes": ("softmax", 4, MLPClassifier, {}),
    "labels": ("logistic", 3, MLPClassifier, {}),
}
"""Output, its columns, and scikit-learn's estimator for it."""


def rows(task: str, n: int = 5 * BATCH - 3, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Return rows, targets and weights of a task."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, D))
    signal = X @ rng.normal(size=(D, 3)) + 0.1 * rng.normal(size=(n, 3))
    y = {
        "values": signal[:, 0],
        "three values": signal,
        "counts": rng.poisson(np.exp(0.5 * signal[:, 0])).astype(float),
        "two classes": (signal[:, 0] > 0).astype(int),
        "four classes": np.digitize(signal[:, 0], [-1.0, 0.0, 1.0]),
        "labels": (signal > 0.3).astype(int),
    }[task]
    return X, y, rng.integers(0, 4, n) / 2


def draws(task: str, hidden: tuple[int, ...] = (6, 4), seed: int = 1) -> tuple[tuple, tuple]:
    """Return first weights and biases."""
    rng, units = np.random.default_rng(seed), (D, *hidden, TASKS[task][1])
    weights = tuple(rng.normal(size=shape) / shape[0] ** 0.5 for shape in pairwise(units))
    return weights, tuple(0.3 * rng.normal(size=n) for n in units[1:])


def params_of(task: str, hidden: tuple[int, ...] = (6, 4), **how: Any) -> mlp.Params:
    return mlp.Params(hidden=hidden, output=TASKS[task][0], **how)


def theirs(task: str, weights: tuple, biases: tuple, **how: Any) -> MLPClassifier | MLPRegressor:
    """Return scikit-learn's estimator with the given weights, before its first step."""
    _, _, cls, more = TASKS[task]
    X, y, _ = rows(task)
    hidden = tuple(len(b) for b in biases[:-1])
    model = cls(hidden_layer_sizes=hidden, shuffle=False, **how, **more)
    labels = {"classes": np.unique(y) if y.ndim == 1 else np.arange(y.shape[1])}
    model.partial_fit(X, y, **(labels if cls is MLPClassifier else {}))
    model.coefs_, model.intercepts_ = ([a.copy() for a in part] for part in (weights, biases))
    del model._optimizer
    model.t_, model.loss_curve_ = 0, []
    return model


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weights"])
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("task", TASKS)
def test_every_batch_is_scikit_learns(task, activation, solver, weighted):
    X, y, w = rows(task)
    w = w if weighted else None
    optimizer, how = SOLVERS[solver]
    how |= {"activation": activation, "alpha": 0.3}
    known = theirs(task, *draws(task), **how)
    params = params_of(task, activation=activation, alpha=0.3, optimizer=optimizer)
    state = mlp.start(params, *draws(task))
    for _ in range(3):
        for batch in cut(X, y, w, seen=0, batch_size=BATCH):
            state, info = mlp.update(params, state, batch)
            weight = {} if w is None else {"sample_weight": batch.weight}
            known.partial_fit(batch.X, batch.target, **weight)
            for got, want in zip(state.weights, known.coefs_, strict=True):
                np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-12)
            for got, want in zip(state.biases, known.intercepts_, strict=True):
                np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-12)
            loss = info.objective[0] / len(batch.X)
            assert loss == pytest.approx(known.loss_curve_[-1], rel=1e-11)
            assert info.weight[0] == (len(batch.X) if w is None else batch.weight.sum())
    output = known.predict_proba(X) if task.endswith(("classes", "labels")) else known.predict(X)
    output = output[:, 1:] if task == "two classes" else output.reshape(len(X), -1)
    np.testing.assert_allclose(mlp.apply(params, state, X), output, rtol=1e-10)


@pytest.mark.parametrize("hidden", [(), (4,), (3, 2)])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("task", TASKS)
def test_the_gradient_is_the_derivative_of_the_objective(task, activation, hidden):
    X, y, w = rows(task, 20)
    params = params_of(task, hidden, activation=activation, alpha=0.7)
    weights, biases = draws(task, hidden)
    theta = mlp.pack(weights, biases)
    # scikit-learn's loss is the mean over outputs, and its gradient that of their sum.
    factor = 3 if task == "three values" else 1

    def objective(theta: np.ndarray) -> float:
        parts = mlp.unpack(theta, weights, biases)
        info, _ = mlp.value_and_gradient(params, *parts, Batch(X, y, w))
        penalty = 0.35 * sum((W * W).sum() for W in parts[0])
        return factor * info.loss[0] / w.sum() + penalty / w.sum()

    info, gradient = mlp.value_and_gradient(params, weights, biases, Batch(X, y, w))
    penalty = 0.35 * sum((W * W).sum() for W in weights)
    assert info.objective[0] == pytest.approx(20 * (info.loss[0] + penalty) / w.sum(), rel=1e-13)
    h = 1e-5
    for j, direction in enumerate(np.eye(len(theta)) * h):
        slope = (objective(theta + direction) - objective(theta - direction)) / (2 * h)
        assert slope == pytest.approx(gradient[j], rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("task", TASKS)
def test_every_backend_and_dtype_gives_numpys_float64(backend, task, solver):
    """Features lie three orders apart, and 20 steps are taken."""
    X, y, w = rows(task)
    X = X * np.logspace(-2, 1, D)
    params = params_of(task, activation="tanh", optimizer=SOLVERS[solver][0])
    known, total = fit(params, draws(task), X, y, w)
    for dtype in backend.float_dtypes:
        wrapped = [backend.asarray(a, dtype if a.dtype.kind == "f" else None) for a in (X, y, w)]
        given = tuple(tuple(backend.asarray(a, dtype) for a in part) for part in draws(task))
        state, info = fit(params, given, *wrapped)
        # Adam divides by the size of gradients that may be little more than rounding.
        tolerance = (3e4 if solver == "adam" else 1e4) * float(np.finfo(dtype).eps)
        for got, want in zip((*state[0], *state[1]), (*known[0], *known[1]), strict=True):
            backend.check(got, dtype)
            np.testing.assert_allclose(backend.to_numpy(got), want, rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(backend.to_numpy(info.loss), total.loss, rtol=tolerance)
        out = mlp.apply(params, state, wrapped[0])
        backend.check(out, dtype)
        want = mlp.apply(params, known, X)
        np.testing.assert_allclose(backend.to_numpy(out), want, rtol=tolerance, atol=tolerance)


def fit(params: mlp.Params, given: tuple, X: Any, y: Any, w: Any = None, epochs: int = 4) -> tuple:
    state, info = mlp.start(params, *given), None
    for _ in range(epochs):
        batches = cut(X, y, w, seen=0, batch_size=BATCH)
        state, info = learn_batches(mlp.learner(params), state, batches)
    return state, info


@pytest.mark.parametrize("task", TASKS)
def test_huge_features_give_scikit_learns_step(task):
    """Columns at 1e8 and 1e-8: scores saturate, and no loss or step may become NaN."""
    X, y, _ = rows(task, BATCH)
    X = X * [1.0, 1e-8, 1.0, 1e8, 1.0] + [0.0, 0.0, 1e8, 0.0, 0.0]
    weights, biases = draws(task)
    if task == "counts":  # e to the 1e8 is no float
        weights = (weights[0] * 1e-8, *weights[1:])
    params = params_of(task, optimizer=optimizers.sgd(1e-8))
    how = {"solver": "sgd", "learning_rate_init": 1e-8}
    with np.errstate(over="ignore"):
        known = theirs(task, weights, biases, **how).partial_fit(X, y)
        state, info = mlp.update(params, mlp.start(params, weights, biases), Batch(X, y))
    assert np.isfinite(info.loss[0])
    assert info.objective[0] / BATCH == pytest.approx(known.loss_, rel=1e-9)
    for got, want, was in zip(state.weights, known.coefs_, weights, strict=True):
        np.testing.assert_allclose(got - was, want - was, rtol=1e-6, atol=1e-9 * np.abs(want).max())


@pytest.mark.parametrize("output", ["logistic", "softmax"])
def test_a_sure_and_wrong_probability_costs_no_infinity(backend, output):
    """As scikit-learn's it is clipped, in the dtype it is computed in."""
    for dtype in backend.float_dtypes:
        columns = 1 if output == "logistic" else 2
        params = mlp.Params(hidden=(), output=output, alpha=0.0)
        W = np.asarray([[1e4] * columns]) * ([1.0] if columns == 1 else [1.0, -1.0])
        given = (W,), (np.zeros(columns),)
        given = tuple(tuple(backend.asarray(a, dtype) for a in part) for part in given)
        X, y = backend.asarray([[1.0], [-1.0]], dtype), backend.asarray([0, 1])
        if output == "softmax":
            y = backend.asarray([1, 0])
        info, gradient = mlp.value_and_gradient(params, *given, Batch(X, y))
        want = -2 * np.log(np.finfo(dtype).eps)
        np.testing.assert_allclose(backend.to_numpy(info.loss), want, rtol=1e-6)
        assert np.all(np.isfinite(backend.to_numpy(gradient)))
        assert np.abs(backend.to_numpy(gradient)).max() == 1.0


def test_a_net_without_hidden_layers_is_the_linear_model():
    X, y, _ = rows("values")
    params = params_of("values", (), alpha=0.0, optimizer=optimizers.sgd(0.1, 0.0))
    state, _ = fit(params, ((np.zeros((D, 1)),), (np.zeros(1),)), X, y)
    model = sgd.Params(
        loss="squared_error", kind="values", penalty=None, learning_rate="constant", eta0=0.1
    )
    known = sgd.init(model, D, 1, like=X)
    for _ in range(4):
        batches = cut(X, y, None, seen=0, batch_size=BATCH)
        known, _ = learn_batches(sgd.learner(model), known, batches)
    np.testing.assert_allclose(state.weights[0].T, known.coef, rtol=1e-12)
    np.testing.assert_allclose(state.biases[0], known.intercept, rtol=1e-12)


def test_labels_without_hidden_layers_are_nets_of_their_own():
    X, y, w = rows("labels")
    params = params_of("labels", (), optimizer=optimizers.sgd(0.1))
    weights, biases = draws("labels", ())
    state, info = fit(params, (weights, biases), X, y, w)
    losses = 0.0
    for k in range(3):
        given = (weights[0][:, k : k + 1],), (biases[0][k : k + 1],)
        alone, one = fit(params, given, X, y[:, k], w)
        np.testing.assert_allclose(state.weights[0][:, k : k + 1], alone.weights[0], rtol=1e-11)
        losses += one.loss[0]
    assert info.loss[0] == pytest.approx(losses, rel=1e-12)


@pytest.mark.parametrize("task", TASKS)
def test_a_weight_is_a_number_of_rows(task):
    X, y, _ = rows(task, 6)
    times = np.asarray([1, 3, 0, 2, 1, 1])
    params, given = params_of(task), draws(task)
    weighted, some = mlp.value_and_gradient(params, *given, Batch(X, y, times.astype(float)))
    many = Batch(*(np.repeat(a, times, axis=0) for a in (X, y)))
    repeated, more = mlp.value_and_gradient(params, *given, many)
    np.testing.assert_allclose(some, more, rtol=1e-11, atol=1e-14)
    assert weighted.loss[0] == pytest.approx(repeated.loss[0], rel=1e-12)
    assert weighted.weight[0] == repeated.weight[0] == 8


@pytest.mark.parametrize("task", TASKS)
def test_weights_of_the_other_sign_have_the_same_gradient(task):
    """Only their proportions count, as scikit-learn has it; but for the penalty."""
    X, y, w = rows(task, 6)
    params, given = params_of(task, alpha=0.0), draws(task)
    _, plain = mlp.value_and_gradient(params, *given, Batch(X, y, w))
    _, turned = mlp.value_and_gradient(params, *given, Batch(X, y, -w))
    assert np.abs(plain).max() > 0
    np.testing.assert_allclose(turned, plain, rtol=1e-12, atol=1e-15)


def test_a_batch_without_weight_has_no_gradient(backend):
    X, y, w = rows("values", 6)
    params, (weights, biases) = params_of("values"), draws("values")
    given = tuple(tuple(backend.asarray(a) for a in part) for part in (weights, biases))
    batch = Batch(*(backend.asarray(a) for a in (X, y, 0 * w)))
    info, gradient = mlp.value_and_gradient(params, *given, batch)
    assert [float(backend.to_numpy(a)[0]) for a in info] == [0.0, 0.0, 0.0]
    assert not np.any(backend.to_numpy(gradient))


def test_columns_of_no_spread_at_1e8_move_as_one_bias():
    """A constant column of 1 and the bias: both get the same gradient at any offset."""
    X, y, _ = rows("values")
    X[:, 2] = 1.0
    y = y + 1e8
    params = params_of("values", optimizer=optimizers.sgd(1e-9), alpha=0.0, activation="tanh")
    _, gradient = mlp.value_and_gradient(params, *draws("values"), Batch(X, y))
    by_weights, by_biases = mlp.unpack(gradient, *draws("values"))
    np.testing.assert_allclose(by_weights[0][2], by_biases[0], rtol=1e-12)


def test_rows_of_many_batches_have_the_output_of_each(backend):
    params, (weights, biases) = params_of("four classes"), draws("four classes")
    given = tuple(tuple(backend.asarray(a) for a in part) for part in (weights, biases))
    state = mlp.start(params, *given)
    X = np.random.default_rng(0).normal(size=(20_000, D))
    out = backend.to_numpy(mlp.apply(params, state, backend.asarray(X)))
    assert out.shape == (20_000, 4)
    for at in (0, 8_191, 8_192, 19_999):
        one = mlp.apply(params, state, backend.asarray(X[at : at + 1]))
        np.testing.assert_allclose(out[at], backend.to_numpy(one)[0], rtol=1e2 * backend.eps)
    none = mlp.apply(params, state, backend.asarray(X[:0]))
    backend.check(none, backend.widest)
    assert none.shape == (0, 4)


def test_the_output_is_in_the_wider_dtype():
    params, (weights, biases) = params_of("values"), draws("values")
    single = tuple(tuple(a.astype(np.float32) for a in part) for part in (weights, biases))
    X = rows("values")[0]
    assert mlp.apply(params, mlp.start(params, *single), X).dtype == np.float64
    out = mlp.apply(params, mlp.start(params, weights, biases), X.astype(np.float32))
    assert out.dtype == np.float64


def test_invscaling_goes_by_the_rows_seen_at_the_end_of_a_block(backend):
    params = params_of(
        "values", optimizer=optimizers.sgd(0.5), learning_rate="invscaling", power_t=0.25
    )
    given = tuple(tuple(backend.asarray(a) for a in part) for part in draws("values"))
    state = mlp.start(params, *given)
    assert float(backend.to_numpy(state.moving.eta)) == 0.5
    after = mlp.end_block(params, state, 80).moving.eta
    backend.check(after, backend.widest)
    assert float(backend.to_numpy(after)) == pytest.approx(0.5 / 81**0.25, rel=4 * backend.eps)
    constant = params._replace(learning_rate="constant")
    assert mlp.end_block(constant, state, 80) is state


def test_a_net_of_zeros_learns_the_last_bias_alone():
    X, y, _ = rows("values")
    params = params_of("values", optimizer=optimizers.sgd(0.1, 0.0), activation="tanh")
    state, _ = learn_batches(
        mlp.learner(params), mlp.init(params, D, 1, like=X), cut(X, y, None, seen=0, batch_size=8)
    )
    assert not any(np.any(a) for a in (*state.weights, *state.biases[:-1]))
    assert state.biases[-1][0] != 0.0


def test_wrong_numbers_stay_visible():
    """What overflows is NaN or infinite, and no error of the core."""
    X, y, _ = rows("values")
    params = params_of("values", optimizer=optimizers.sgd(1e300))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        state, _ = fit(params, draws("values"), X, y)
    assert not np.all(np.isfinite(state.weights[0]))
