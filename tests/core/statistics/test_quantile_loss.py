"""The loss of the best constant prediction, over blocks of hostile numbers."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from sklearn.metrics import mean_pinball_loss

from streamlearn.core.statistics import quantile_loss, quantiles
from streamlearn.core.statistics.quantile_summary import Sketch

RNG = np.random.default_rng(0)
N = 3000
EDGES = (0, 700, 701, 1500, N)


def merged(backend, alpha, y, weight=None, size=64):
    state = None
    for start, stop in pairwise(EDGES):
        parts = [x if x is None else backend.asarray(x[start:stop]) for x in (y, weight)]
        part = quantile_loss.of_block(Sketch(size), alpha, *parts)
        state = part if state is None else quantile_loss.merge(alpha, state, part)
    return state


def loss_of(alpha, y, constant, weight=None):
    return mean_pinball_loss(y, np.full(len(y), constant), alpha=alpha, sample_weight=weight)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("alpha", [0.0, 0.2, 0.5, 1.0])
def test_it_is_exact_if_all_numbers_fit(backend, alpha, weighted):
    y = RNG.integers(0, 40, (N, 2)) / 4
    weight = RNG.integers(0, 3, N) / 2 if weighted else None
    if weighted:
        weight[:700] = 0  # a block without a weight
    state = merged(backend, alpha, y, weight)
    got = backend.to_numpy(quantile_loss.least(alpha, state))
    want = [min(loss_of(alpha, y[:, j], c, weight) for c in np.unique(y[:, j])) for j in range(2)]
    np.testing.assert_allclose(got, want, rtol=1e3 * backend.eps, atol=1e3 * backend.eps)


HOSTILE = {
    "normal": lambda: RNG.normal(size=N),
    "Cauchy": lambda: RNG.standard_cauchy(N),
    "log-normal": lambda: np.exp(8 * RNG.normal(size=N)),
    "drifting": lambda: RNG.normal(size=N) + np.arange(N) / 100,
    "sorted": lambda: np.sort(RNG.normal(size=N)),
}


@pytest.mark.complete
@pytest.mark.parametrize("alpha", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("name", HOSTILE)
def test_large_numbers_do_no_harm(name, alpha):
    """With 64 numbers of 3,000: the sum over the summary alone is wrong by most of a Cauchy's."""
    y = HOSTILE[name]()
    state = quantile_loss.of_block(Sketch(64), alpha, y[:0, None])
    for start in range(0, N, 300):
        part = quantile_loss.of_block(Sketch(64), alpha, y[start : start + 300, None])
        state = quantile_loss.merge(alpha, state, part)
    (got,) = quantile_loss.least(alpha, state)
    assert got == pytest.approx(loss_of(alpha, y, np.quantile(y, alpha)), rel=0.02)


def test_the_sum_over_the_summary_alone_is_wrong():
    """Otherwise the test above shows nothing."""
    y = HOSTILE["Cauchy"]()
    state = quantile_loss.of_block(Sketch(64), 0.5, y[:, None])
    values, mass = quantiles.masses(state.targets)
    values = np.where(mass > 0, values, 0.0)
    rough = (mass * np.abs(values)).sum() / N / 2
    assert abs(rough / loss_of(0.5, y, 0.0) - 1) > 0.1
