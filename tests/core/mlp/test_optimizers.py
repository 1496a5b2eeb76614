"""Optimizers against scikit-learn's, step by step, and where two of them are one."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer

from streamlearn.core.mlp.optimizers import Optimizer, adam, sgd

CASES = {
    "sgd": (sgd(0.1), lambda p: SGDOptimizer(p, 0.1)),
    "sgd-plain": (sgd(0.1, 0.0, False), lambda p: SGDOptimizer(p, 0.1, momentum=0, nesterov=False)),
    "sgd-heavy": (sgd(0.1, 1.0, False), lambda p: SGDOptimizer(p, 0.1, momentum=1, nesterov=False)),
    "adam": (adam(0.01), lambda p: AdamOptimizer(p, 0.01)),
    "adam-0": (adam(0.01, 0.0, 0.0, 1e-3), lambda p: AdamOptimizer(p, 0.01, 0.0, 0.0, 1e-3)),
}
"""Each optimizer against scikit-learn's over the same parameters."""


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


def gradients(n_steps: int = 60, n: int = 7) -> np.ndarray:
    """Gradients whose sizes lie twelve orders apart, one of them 0 throughout."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(n_steps, n)) * [0.0, 1e-9, 1e-6, 1e-3, 1.0, 1e3, -1.0]


def run(optimizer: Optimizer, theta, G) -> list:
    state, out = optimizer.init(optimizer.params, theta), []
    for g in G:
        theta, state = optimizer.step(optimizer.params, state, theta, g)
        out.append(theta)
    return out


def test_every_step_is_scikit_learns(case, backend):
    optimizer, theirs = case
    for dtype in backend.float_dtypes:
        G = gradients().astype(dtype)
        theta = np.linspace(-2.0, 2.0, G.shape[1]).astype(dtype)
        params = [theta.astype(np.float64)]
        known = theirs(params)
        ours = run(optimizer, backend.asarray(theta), [backend.asarray(g) for g in G])
        for got, g in zip(ours, G, strict=True):
            known.update_params(params, [g.astype(np.float64)])
            backend.check(got, dtype)
            error = np.abs(backend.to_numpy(got) - params[0])
            # Sums of rounded steps: relative to the largest number that was added up.
            assert np.all(error <= 200 * np.finfo(dtype).eps * (1 + np.abs(params[0])))


def test_steps_of_adam_are_right_in_float32_from_the_first_on():
    """1 - 0.999 in float32 is wrong by 1e-5 of itself."""
    theta = np.zeros(1, dtype=np.float32)
    steps = np.diff([0.0, *(float(t[0]) for t in run(adam(0.5), theta, [theta + 1] * 3))])
    np.testing.assert_allclose(steps, -0.5, rtol=1e-6)


def test_inputs_are_untouched_and_states_pickle(case, backend):
    optimizer, _ = case
    theta, g = (backend.asarray(a) for a in (np.ones(3), np.arange(3.0)))
    state = optimizer.init(optimizer.params, theta)
    _, state = optimizer.step(optimizer.params, state, theta, g)
    copy, state = pickle.loads(pickle.dumps((optimizer, state)))
    assert copy == optimizer
    if isinstance(theta, np.ndarray):
        assert all(isinstance(a, np.ndarray) for a in state)
    before = [backend.to_numpy(a) for a in (*state, theta, g)]
    after, _ = optimizer.step(optimizer.params, state, theta, g)
    for a, known in zip((*state, theta, g), before, strict=True):
        np.testing.assert_array_equal(backend.to_numpy(a), known)
    assert np.any(backend.to_numpy(after) != backend.to_numpy(theta))


def test_without_momentum_it_is_the_gradient_and_nesterovs_is_the_same():
    G, theta = gradients(), np.ones(7)
    plain = run(sgd(0.1, 0.0, False), theta, G)
    np.testing.assert_allclose(plain, theta - 0.1 * np.cumsum(G, axis=0), rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(run(sgd(0.1, 0.0, True), theta, G), plain)


def test_nesterovs_momentum_looks_one_step_ahead():
    """Sutskever's form: the two differ by the momentum of the last velocity."""
    optimizer, theta = sgd(0.1, 0.9, True), np.zeros(7)
    state = optimizer.init(optimizer.params, theta)
    for g in gradients():
        theta, state = optimizer.step(optimizer.params, state, theta, g)
    *_, heavy = run(sgd(0.1, 0.9, False), np.zeros(7), gradients())
    ahead = 0.9 * state.velocity
    np.testing.assert_allclose(theta, heavy + ahead, rtol=1e-9, atol=1e-9)


def test_adam_without_memory_is_the_sign_and_blind_to_scale():
    G, theta = gradients()[:, 1:], np.zeros(6)
    signs = run(adam(0.5, 0.0, 0.0, 1e-300), theta, G)
    np.testing.assert_allclose(signs, -0.5 * np.cumsum(np.sign(G), axis=0), rtol=1e-12)
    one, other = (run(adam(0.1, epsilon=1e-300), theta, c * G) for c in (1.0, 1e8))
    np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)
