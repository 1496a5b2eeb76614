"""Scores against scikit-learn's metrics, whole and merged from blocks."""

from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from sklearn import metrics

from streamlearn.core import scores as sc
from streamlearn.core import value_losses
from tests.backends import STRICT, no_host_sync

RNG = np.random.default_rng(0)
N = 200
EDGES = [0, 0, 1, 70, 130, N]


def of_blocks(backend, metric, *arrays):
    """Return the result of blocks of unequal sizes, merged from the last to the first."""
    state = None
    for start, stop in reversed(list(pairwise(EDGES))):
        block = [a if a is None else backend.asarray(a[start:stop]) for a in arrays]
        part = metric.of_block(*block)
        state = part if state is None else metric.merge(state, part)
    result = metric.result(state)
    backend.check(result, backend.widest)
    return backend.to_numpy(result)


def weights(kind):
    return {"none": None, "random": RNG.random(N), "half zero": np.arange(N) % 2}[kind]


every_weight = pytest.mark.parametrize("weight", ["none", "random", "half zero"])


@every_weight
def test_accuracy(backend, weight):
    y, p, w = RNG.integers(0, 3, N), RNG.integers(0, 3, N), weights(weight)
    expected = metrics.accuracy_score(y, p, sample_weight=w)
    got = of_blocks(backend, sc.ACCURACY, y, p, w)
    np.testing.assert_allclose(got, expected, rtol=20 * backend.eps)


SQUARED, ABSOLUTE = (
    sc.Score(partial(sc.losses_of, loss), sc.add, sc.average)
    for loss in (value_losses.squared, value_losses.absolute)
)
ERRORS = {
    "squared": (SQUARED, metrics.mean_squared_error),
    "absolute": (ABSOLUTE, metrics.mean_absolute_error),
    "R2": (sc.R2, metrics.r2_score),
}


@every_weight
@pytest.mark.parametrize("shape", [(N,), (N, 3)], ids=["one output", "three outputs"])
@pytest.mark.parametrize("name", ERRORS)
def test_errors(backend, name, shape, weight):
    metric, oracle = ERRORS[name]
    y, w = RNG.normal(5, 1, shape), weights(weight)
    p = y + RNG.normal(size=shape)
    expected = oracle(y, p, sample_weight=w, multioutput="raw_values")
    got = of_blocks(backend, metric, y, p, w)
    np.testing.assert_allclose(
        np.atleast_1d(got), expected, rtol=1e3 * backend.eps, atol=20 * backend.eps
    )


def test_r2_far_from_zero(backend):
    """The mean of squares minus the square of the mean would have no digit left."""
    far = 1e8 if backend.widest == "float64" else 1e4
    rng = np.random.default_rng(0)
    y = backend.to_numpy(backend.asarray(rng.normal(far, 1, N)))
    # Nearer than the mean: a score that is 0 by chance has no relative error to speak of.
    p = backend.to_numpy(backend.asarray(y + 0.3 * rng.normal(size=N)))
    d, e = y.astype(np.longdouble), (y.astype(np.longdouble) - p)
    expected = 1 - (e**2).sum() / ((d - d.mean()) ** 2).sum()
    got = of_blocks(backend, sc.R2, y, p, None)
    np.testing.assert_allclose(got, [float(expected)], rtol=300 * backend.eps)


@pytest.mark.parametrize("unit", [1e-300, 1e-30, 1e150])
@every_weight
def test_scores_in_any_unit_of_the_target(backend, weight, unit):
    """R2 has none; an error has the target's, and leaves the floats where the right one does."""
    if backend.widest == "float32":
        unit **= 0.1
    rng, w = np.random.default_rng(0), weights(weight)
    y = backend.to_numpy(backend.asarray(unit * rng.normal(3, 1, N)))
    p = backend.to_numpy(backend.asarray(y + 0.5 * unit * rng.normal(size=N)))
    d, e = y.astype(np.longdouble), y.astype(np.longdouble) - p
    v = np.ones(N, np.longdouble) if w is None else w.astype(np.longdouble)
    mean = (v * d).sum() / v.sum()
    want = {
        sc.R2: 1 - (v * e**2).sum() / (v * (d - mean) ** 2).sum(),
        SQUARED: (v * e**2).sum() / v.sum(),
        ABSOLUTE: (v * abs(e)).sum() / v.sum(),
    }
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        for metric, score in want.items():
            got = of_blocks(backend, metric, y, p, w)
            score = np.asarray(score).astype(backend.widest)
            np.testing.assert_allclose(got, score, rtol=1e3 * backend.eps)


def test_r2_of_squares_that_leave_the_floats(backend):
    """Where a mean squared error is infinite, as it must be."""
    unit = float(np.finfo(backend.widest).max) / 2**10
    y = np.random.default_rng(0).normal(size=N)
    p = y + 0.5
    with np.errstate(over="ignore", invalid="ignore"):
        got = of_blocks(backend, sc.R2, unit * y, unit * p, None)
        assert np.isinf(of_blocks(backend, SQUARED, unit * y, unit * p, None))
    np.testing.assert_allclose(got, metrics.r2_score(y, p), rtol=1e3 * backend.eps)


def test_r2_of_a_constant(backend):
    y = np.full((N, 2), 0.1)
    p = np.stack([y[:, 0], y[:, 1] + np.arange(N)], axis=1)
    np.testing.assert_array_equal(of_blocks(backend, sc.R2, y, p, None), [1, 0])


def test_r2_of_one_row_is_unknown(backend):
    y = backend.asarray([3.0])
    assert np.isnan(backend.to_numpy(sc.r2(sc.r2_sums_of(y, y))))


def test_predictions_that_are_nan_have_no_score(backend):
    """Also where all of a block are, and in one output of two."""
    y = np.arange(12.0).reshape(6, 2)
    bad = y.copy()
    bad[:3, 0] = np.nan
    parts = [[backend.asarray(a[at]) for a in (y, bad)] for at in (slice(0, 3), slice(3, 6))]
    states = [sc.r2_sums_of(*part) for part in parts]
    for state in (sc.add_r2_sums(*states), sc.add_r2_sums(*states[::-1])):
        np.testing.assert_array_equal(backend.to_numpy(sc.r2(state)), [np.nan, 1.0])


def test_integer_targets(backend):
    y, p = RNG.integers(-5, 5, N), RNG.normal(size=N)
    expected = metrics.mean_squared_error(y, p)
    got = of_blocks(backend, SQUARED, y, p, None)
    np.testing.assert_allclose(got, expected, rtol=100 * backend.eps)


def test_nothing_seen_is_unknown(backend):
    none = backend.asarray(np.empty(0))
    assert np.isnan(backend.to_numpy(sc.average(SQUARED.of_block(none, none))))
    assert np.isnan(backend.to_numpy(sc.r2(sc.r2_sums_of(none, none)))).all()
    some = backend.asarray([1.0, 2.0])
    assert np.isnan(backend.to_numpy(sc.r2(sc.r2_sums_of(some, some, 0 * some)))).all()


@pytest.mark.parametrize("of_block", [sc.correct, SQUARED.of_block, sc.r2_sums_of])
def test_shapes_that_would_broadcast_are_refused(of_block):
    with pytest.raises(ValueError, match=r"shape \(3,\) and predictions of shape \(3, 1\)"):
        of_block(np.zeros(3), np.zeros((3, 1)))


@pytest.mark.parametrize("backend", list(STRICT), indirect=True)
def test_nothing_is_read_back_to_the_host(backend):
    y, p = backend.asarray(RNG.normal(size=N)), backend.asarray(RNG.normal(size=N))
    codes = backend.asarray(RNG.integers(0, 3, N))
    w = backend.asarray(RNG.random(N))
    with no_host_sync():
        for metric in (SQUARED, ABSOLUTE, sc.R2):
            state = metric.of_block(y, p, w)
            metric.result(metric.merge(state, state))
        sc.average(sc.correct(codes, codes, w))
