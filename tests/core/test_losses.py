"""Losses of values and classes, row by row, against scikit-learn's metrics and exact arithmetic."""

from __future__ import annotations

from fractions import Fraction
from functools import partial

import numpy as np
import pytest
from sklearn import metrics

from streamlearn.core import class_losses, value_losses
from streamlearn.core.statistics import deviance
from tests.backends import STRICT, no_host_sync

RNG = np.random.default_rng(0)
N = 40
POWERS = (-1, 0, 1, 1.5, 2, 3)

OF_VALUES = {
    "squared": (value_losses.squared, metrics.mean_squared_error),
    "absolute": (value_losses.absolute, metrics.mean_absolute_error),
    "squared_log": (value_losses.squared_log, metrics.mean_squared_log_error),
    "percentage": (value_losses.percentage, metrics.mean_absolute_percentage_error),
    "pinball": (
        partial(value_losses.pinball, 0.2),
        partial(metrics.mean_pinball_loss, alpha=0.2),
    ),
    **{
        f"tweedie {p}": (
            partial(value_losses.tweedie, p),
            partial(metrics.mean_tweedie_deviance, power=p),
        )
        for p in POWERS
    },
}


@pytest.mark.parametrize("name", OF_VALUES)
def test_losses_of_values(backend, name):
    loss, oracle = OF_VALUES[name]
    y, p = RNG.gamma(2, size=N) + 0.1, RNG.gamma(2, size=N) + 0.1
    got = backend.to_numpy(loss(backend.asarray(y), backend.asarray(p)))
    want = [oracle(y[i : i + 1], p[i : i + 1]) for i in range(N)]
    np.testing.assert_allclose(got, want, rtol=1e4 * backend.eps, atol=100 * backend.eps)


OF_CLASSES = {
    "log": (class_losses.log_losses, lambda y, P, c: metrics.log_loss(y, P, labels=c)),
    "hinge": (class_losses.hinge, lambda y, P, c: metrics.hinge_loss(y, P, labels=c)),
    **{
        f"misses of {k}": (
            partial(class_losses.misses, k),
            lambda y, P, c, k=k: 1 - metrics.top_k_accuracy_score(y, P, k=k, labels=c),
        )
        for k in (1, 2, 3)
    },
}


@pytest.mark.parametrize("name", OF_CLASSES)
def test_losses_of_each_class(backend, name):
    loss, oracle = OF_CLASSES[name]
    P = RNG.integers(1, 5, (N, 4)) / 16
    P[:, 3] = 1 - P[:, :3].sum(axis=1)
    classes = [0, 1, 2, 3]
    got = backend.to_numpy(loss(backend.asarray(P)))
    want = [[oracle([c], P[i : i + 1], classes) for c in classes] for i in range(N)]
    np.testing.assert_allclose(got, want, atol=100 * backend.eps)


@pytest.mark.parametrize("backend", list(STRICT), indirect=True)
def test_nothing_is_read_back_to_the_host(backend):
    y, p = backend.asarray(RNG.random(N) + 1), backend.asarray(RNG.random(N) + 1)
    S = backend.asarray(RNG.random((N, 3)))
    with no_host_sync():
        for loss, _ in OF_VALUES.values():
            loss(y, p)
        for loss in (class_losses.log_losses, class_losses.hinge, class_losses.squares):
            loss(S)
        class_losses.misses(2, S)
        for power in POWERS:
            state = deviance.of_block(power, y, p)
            deviance.merge(power, state, state)


def merged(backend, power, parts):
    states = [
        deviance.of_block(power, *(x if x is None else backend.asarray(x) for x in part))
        for part in parts
    ]
    total = states[0]
    for state in states[1:]:
        total = deviance.merge(power, total, state)
    return total


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("power", POWERS)
def test_deviance_from_the_mean_of_all_rows(backend, power, weighted):
    y = RNG.gamma(1, size=N) + 0.1
    w = RNG.integers(0, 3, N).astype(float) if weighted else None
    w = w if w is None else np.where(np.arange(N) < 9, 0.0, w)
    edges = [slice(0, 9), slice(9, 10), slice(10, 30), slice(30, N)]
    state = merged(backend, power, [(y[at], None if w is None else w[at]) for at in edges])
    mean = np.average(y, weights=w)
    want = metrics.mean_tweedie_deviance(y, np.full(N, mean), sample_weight=w, power=power)
    got = float(state.total) / float(state.weight)
    assert got == pytest.approx(want, rel=1e4 * backend.eps)


def test_deviance_of_numbers_that_are_nearly_equal(backend):
    """Sums of y and of log(y) would cancel: of 1e4, only 1e-4 of each number is of its own."""
    if backend.widest != "float64":
        pytest.skip("it is about the digits of float64")
    y = 1e4 + RNG.random(N)
    state = merged(backend, 2, [(y[:7], None), (y[7:8], None), (y[8:], None)])
    exact = [Fraction(x) for x in y]
    away = [x / (sum(exact) / N) - 1 for x in exact]
    # the series of u - log(1 + u); all further terms together are below 1e-16 of the first
    want = 2 * sum(u**2 / 2 - u**3 / 3 + u**4 / 4 - u**5 / 5 for u in away)
    assert float(state.total) == pytest.approx(float(want), rel=1e-6)


def test_there_is_no_deviance_without_a_weight(backend):
    none = backend.asarray(np.zeros(3))
    empty = deviance.of_block(1, backend.asarray([1.0, 2.0, 3.0]), none)
    some = deviance.of_block(1, backend.asarray([1.0, 2.0, 3.0]))
    for a, b in ((empty, some), (some, empty)):
        for got, want in zip(deviance.merge(1, a, b), some, strict=True):
            assert float(got) == pytest.approx(float(want), rel=10 * backend.eps)
