"""Sums at a model: the gradient and the second derivative are those of the loss."""

import numpy as np
import pytest

from streamlearn.core.linear.joint_loss import as_matrix
from streamlearn.core.linear.newton_sums import Params, merge, of_block

RNG = np.random.default_rng(0)
N, D = 40, 3
X = RNG.normal(size=(N, D))
A = RNG.integers(0, 3, N) / 2
CASES = {
    "log": (Params("log_loss", 0.0, np.zeros((1, D + 1)), None, 2, (2.0, 0.5)), [0, 1]),
    "multinomial": (Params("multinomial", 0.0, np.zeros((3, D + 1)), None, 3), [0, 1, 2]),
    "poisson": (Params("poisson", 1.0, np.zeros((1, D + 1))), [0.0, 1.0, 5.0]),
    "gamma": (Params("gamma", 2.0, np.zeros((1, D + 1))), [0.1, 1.0, 5.0]),
    "tweedie": (Params("tweedie", 1.5, np.zeros((1, D + 1))), [0.0, 1.0, 5.0]),
}


@pytest.mark.parametrize("case", CASES)
def test_derivatives_are_those_of_the_loss(case):
    params, values = CASES[case]
    y = RNG.choice(np.asarray(values), N)
    w = 0.5 * RNG.normal(size=params.weights.shape)

    def at(v):
        return of_block(params._replace(weights=v.reshape(w.shape), former=w), X, A, y)

    found, h = at(w), 1e-6
    H = as_matrix(found.hessian) if found.hessian.ndim == 4 else found.hessian[0]
    if found.hessian.ndim == 4:
        # the joint loss has a further curvature where all scores change alike
        K = len(w)
        same = np.kron(np.eye(K) - np.ones((K, K)) / K, np.eye(D + 1))
        H = same @ H @ same
    for i, e in enumerate(np.eye(w.size) * h):
        up, down = at(w.reshape(-1) + e), at(w.reshape(-1) - e)
        slope = (up.loss - down.loss) / (2 * h)
        np.testing.assert_allclose(found.gradient.reshape(-1)[i], slope[0], rtol=1e-6, atol=1e-7)
        bend = (up.gradient - down.gradient).reshape(-1) / (2 * h)
        np.testing.assert_allclose(H[i], bend, rtol=1e-6, atol=1e-7)
        np.testing.assert_array_equal(up.former, found.loss)
    parts = merge(*(of_block(params, X[at], A[at], y[at]) for at in (slice(9), slice(9, N))))
    for got, want in zip(parts, of_block(params, X, A, y), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14)
