"""Moments against exact arithmetic, and what rounding is known to break."""

import math
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from streamlearn import _arrays as b
from streamlearn.core.statistics import block_moments
from streamlearn.core.statistics import moments as mo
from streamlearn.core.statistics.block_moments import of_block
from streamlearn.core.statistics.standardize import Params, applied

RNG = np.random.default_rng(0)
NAN = np.nan


def exact(X, weight=None):
    """Return count, mean and variance of each feature as fractions; None without any weight."""
    weight = np.ones(len(X)) if weight is None else weight
    return [
        _exact(column.tobytes(), weight.astype(float).tobytes()) for column in X.astype(float).T
    ]


@cache
def _exact(column, weight):
    rows = [
        (Fraction(w), Fraction(x))
        for x, w in zip(np.frombuffer(column), np.frombuffer(weight), strict=True)
        if x == x
    ]
    total = sum((w for w, _ in rows), Fraction(0))
    if total == 0:
        return total, None, None
    mean = sum(w * x for w, x in rows) / total
    return total, mean, sum(w * (x - mean) ** 2 for w, x in rows) / total


def normal(n=100, mean=0.0, std=1.0, d=3):
    return RNG.normal(mean, std, (n, d))


def first(rows, x):
    return np.concatenate([np.full((1, rows.shape[1]), x), rows])


def with_gaps(X, share=0.2):
    return np.where(RNG.random(X.shape) < share, NAN, X)


TABLES = {
    "near zero": normal(),
    "offset 1e4": normal(mean=1e4),
    "offset 1e8": normal(mean=1e8),
    "large": normal(std=1e12),
    "level jumps": np.concatenate([normal(), normal(mean=1e5), normal(mean=-1e7, n=30)]),
    "trend": np.arange(300.0).reshape(100, 3) ** 2,
    "gaps": with_gaps(normal(mean=1e4)),
    "first rows missing": first(first(normal(mean=1e8), NAN), NAN),
    "a column missing": np.concatenate([normal(d=2), np.full((100, 1), NAN)], axis=1),
    "all missing": np.full((5, 2), NAN),
    "one row": normal(1),
    "two rows": np.asarray([[1e8, 1.0], [1e8 + 1, 1.0]]),
    "constant": np.full((100, 2), 0.1),
    "constant with gaps": with_gaps(np.full((100, 2), 0.1)),
    "integers": RNG.integers(-1000, 1000, (100, 3)),
    "no features": np.empty((5, 0)),
}

LONG = RNG.random(10_000)
WEIGHTS = {
    "none": lambda n: None,
    "random": lambda n: LONG[:n],
    "over 100 orders": lambda n: 10.0 ** np.linspace(-10, 10, n),
    "half zero": lambda n: np.arange(n) % 2 / 4,
    "all zero": lambda n: np.zeros(n),
}


def check(backend, state, X, weight=None, mean_ulps=30, var_ulps=400):
    """Compare a state with exact arithmetic, in units of rounding."""
    count = b.to_numpy(state.weight).astype(float) + b.to_numpy(state.weight_low)
    for j, (total, mean, var) in enumerate(exact(X, weight)):
        assert count[j] == pytest.approx(float(total), rel=8 * backend.eps)
        got_mean = backend.to_numpy(mo.mean(state))[j]
        got_var = backend.to_numpy(mo.variance(state))[j]
        if mean is None:
            assert np.isnan(got_mean)
            assert np.isnan(got_var)
            continue
        std = float(var) ** 0.5
        assert abs(got_mean - float(mean)) <= mean_ulps * backend.eps * (abs(float(mean)) + std)
        assert got_var == pytest.approx(float(var), rel=var_ulps * backend.eps)


@pytest.fixture(params=[False, True], ids=["one batch", "many batches"])
def cut_small(request, monkeypatch):
    if request.param:
        monkeypatch.setattr(b, "batch_rows", lambda X: 16)
        monkeypatch.setattr(block_moments, "batch_rows", lambda X: 16)


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("table", TABLES)
def test_against_exact_arithmetic(backend, cut_small, table, weights):
    X = backend.asarray(TABLES[table])
    weight = WEIGHTS[weights](X.shape[0])
    if weight is not None:
        weight = backend.asarray(weight)
    state = of_block(X, weight)
    rows = backend.to_numpy(X), None if weight is None else backend.to_numpy(weight)
    check(backend, state, *rows)


@pytest.mark.parametrize("table", TABLES)
def test_float32_is_summed_in_the_widest_float(backend, table):
    X = backend.asarray(TABLES[table], "float32")
    state = of_block(X)
    backend.check(state.mean, backend.widest)
    check(backend, state, backend.to_numpy(X))


def merged(blocks, weights=None):
    state = mo.init(blocks[0].shape[1], like=blocks[0])
    for k, block in enumerate(blocks):
        state = mo.merge(state, of_block(block, None if weights is None else weights[k]))
    return state


def test_many_blocks_keep_every_digit(backend):
    X = normal(mean=1e4, n=300)
    blocks = [backend.asarray(part) for part in np.split(X, 50)]
    rows = np.concatenate([backend.to_numpy(block) for block in blocks])
    check(backend, merged(blocks), rows, var_ulps=40)


@pytest.mark.parametrize("size", [1e307, -1e307, 1.7e308, 1e-300, 5e-324, 0.1])
def test_constants_of_any_size(backend, size):
    if backend.widest == "float32":
        size = float(np.float32(size)) if abs(size) < 1e38 else np.copysign(3e38, size)
    block = backend.asarray(np.full((7, 2), size))
    state = merged([block] * 5)
    expected = backend.to_numpy(block)[0]
    np.testing.assert_array_equal(backend.to_numpy(mo.mean(state)), expected)
    np.testing.assert_array_equal(backend.to_numpy(mo.variance(state)), 0)
    np.testing.assert_array_equal(backend.to_numpy(mo.scale(state)), 1)
    out = applied(Params(), state)(block)
    np.testing.assert_array_equal(backend.to_numpy(out), 0)


def test_a_sum_that_would_overflow(backend):
    big = float(np.finfo(backend.widest).max) / 4
    X = backend.asarray(np.asarray([[big, 1.0], [big * (1 + 1e-6), 1.0]] * 40))
    for weight in (None, backend.asarray(np.full(80, 1e3))):
        with np.errstate(over="ignore", invalid="ignore"):  # the variance does overflow
            mean = backend.to_numpy(mo.mean(merged([X] * 5, [weight] * 5)))
        np.testing.assert_allclose(mean, [big, 1.0], rtol=1e-5)


UNITS = {"float64": 2.0 ** np.arange(-1060, 1021, 130), "float32": 2.0 ** np.arange(-130, 125, 30)}


def root(x):
    """Return the root of a fraction that may be no float."""
    half = (x.numerator.bit_length() - x.denominator.bit_length()) // 2
    return math.ldexp(math.sqrt(x / Fraction(4) ** half), half)


def check_scale(backend, state, X, weight=None, tolerance=400):
    """Compare mean and scale with exact arithmetic; the variance may be no float."""
    for j, (_, mean, var) in enumerate(exact(X, weight)):
        std = root(var)
        got_mean, got_scale = (backend.to_numpy(f(state))[j] for f in (mo.mean, mo.scale))
        error = tolerance * backend.eps * (abs(float(mean)) + std) + backend.flushed
        assert abs(got_mean - float(mean)) <= error
        if std < 2.0**20 * backend.flushed:  # flushed rows are digits of it
            continue
        assert got_scale == pytest.approx(std, rel=max(tolerance * backend.eps, 2.0**-9))
        if std > 1e3 * np.finfo(backend.widest).tiny:
            assert got_scale == pytest.approx(std, rel=tolerance * backend.eps)


@pytest.mark.parametrize("weights", ["none", "random", "half zero"])
@pytest.mark.parametrize("gap", [False, True])
def test_no_unit_is_too_small_or_too_large(backend, cut_small, gap, weights):
    """Each block in a unit of its own, and each feature too: the largest is what counts."""
    units = UNITS[backend.widest]
    rng = np.random.default_rng(1)
    for unit in units:
        X = rng.normal(2, 1, (36, 3)) * [unit, 1.0, np.sqrt(unit)]
        X = backend.to_numpy(backend.asarray(with_gaps(X) if gap else X))
        weight = WEIGHTS[weights](36)
        cuts = [0, 16, 17, 36]
        blocks = [backend.asarray(X[i:j]) for i, j in pairwise(cuts)]
        parts = None
        if weight is not None:
            weight = backend.to_numpy(backend.asarray(weight))
            parts = [backend.asarray(weight[i:j]) for i, j in pairwise(cuts)]
        with np.errstate(over="ignore", invalid="ignore"):
            check_scale(backend, merged(blocks, parts), X, weight)
    rows = [rng.normal(2, 1, (8, 2)) * unit for unit in rng.permutation(units)]
    X = backend.to_numpy(backend.asarray(np.concatenate(rows)))
    with np.errstate(over="ignore", invalid="ignore"):
        state = merged([backend.asarray(part) for part in np.split(X, len(units))])
        check_scale(backend, state, X)


def test_zeros_have_no_unit(backend):
    """A block of zeros is no smaller than one of tiny numbers; nor are rows of weight 0."""
    tiny = max(float(np.finfo(backend.widest).tiny), 2.0**24 * backend.flushed)
    X = backend.to_numpy(backend.asarray(normal(n=50) * tiny))
    zeros, weight = np.zeros((70, 3)), np.concatenate([np.zeros(30), np.ones(90)])
    rows = np.concatenate([np.full((30, 3), 5.0), zeros[30:], X, zeros[:30]])
    blocks = [backend.asarray(a) for a in np.split(rows, [30, 60, 90, 120])]
    parts = [
        backend.asarray(a) for a in np.split(np.append(weight, np.ones(30)), [30, 60, 90, 120])
    ]
    check_scale(backend, merged(blocks, parts), rows, np.append(weight, np.ones(30)))


def test_tiny_numbers_that_add_up_to_zero_are_not_zeros(backend):
    tiny = 1e-200 if backend.widest == "float64" else 1e-30
    X = backend.to_numpy(backend.asarray(np.tile([[tiny], [-tiny]], (600, 2))))
    check_scale(backend, of_block(backend.asarray(X)), X)


def test_rows_without_weight_do_not_matter(backend):
    X = normal(mean=5, n=40)
    wild = np.where(np.arange(40)[:, None] % 3 == 0, 1e30, X)
    wild[3] = NAN
    weight = np.where(np.arange(40) % 3 == 0, 0.0, 2.0)
    state = of_block(backend.asarray(wild), backend.asarray(weight))
    kept = backend.to_numpy(backend.asarray(X[weight > 0]))
    check(backend, state, kept, np.full(len(kept), 2.0))


def test_weights_are_repetitions(backend):
    X, times = normal(n=50), RNG.integers(0, 4, 50)
    weighed = of_block(backend.asarray(X), backend.asarray(times))
    repeated = of_block(backend.asarray(np.repeat(X, times, axis=0)))
    for a, c in zip(weighed[:3], repeated[:3], strict=True):
        a, c = backend.to_numpy(a), backend.to_numpy(c)
        np.testing.assert_allclose(a, c, rtol=100 * backend.eps, atol=backend.eps)


@pytest.mark.parametrize("gap", [False, True])
def test_a_wild_first_row(backend, gap):
    """No row lies farther from the mean; one that may hold NaN is shifted by it all the same."""
    n = 2000
    X = first(normal(n=n, d=1), 1e6)
    X[-1] = NAN if gap else 0
    X = backend.asarray(X)
    near = backend.widest == "float32" or (b.reads_are_free(X) and not gap)
    lost = {} if near else {"mean_ulps": n, "var_ulps": 20 * n}
    check(backend, of_block(X), backend.to_numpy(X), **lost)


def test_counting_goes_on_beyond_the_mantissa(backend):
    end = 2 ** (53 if backend.widest == "float64" else 24)
    one = of_block(backend.asarray(np.asarray([[1.0]])))
    state = one._replace(weight=one.weight * end)
    for _ in range(5):
        state = mo.merge(state, one)
    total, rest = (int(backend.to_numpy(a)[0]) for a in (state.weight, state.weight_low))
    assert total + rest == end + 5


@pytest.mark.parametrize("order", ["rows", "columns", "every other", "a window"])
def test_any_memory_layout(order):
    X = normal(n=128, d=6)
    laid = {
        "rows": X,
        "columns": np.asfortranarray(X),
        "every other": np.repeat(X, 2, axis=0)[::2],
        "a window": np.pad(X, ((0, 0), (2, 1)))[:, 2:-1],
    }[order]
    got, expected = of_block(laid), of_block(X)
    np.testing.assert_allclose(got[:3], expected[:3], rtol=1e-13)


def test_threads_do_not_share_a_buffer():
    blocks = [normal(n=5000, mean=k, d=4) for k in range(8)]
    expected = [of_block(X) for X in blocks]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            got = list(pool.map(lambda X: of_block(X), blocks))
            np.testing.assert_array_equal(got, expected)


def test_features_are_not_all_constant_after_many_rows(backend):
    """On float32 alone n * eps passes 1 at 2**23 rows, where scikit-learn's rule gives way."""
    state = of_block(backend.asarray(normal()))
    scale = backend.to_numpy(mo.scale(state))
    big = state._replace(weight=state.weight * 1e6, m2=state.m2 * 1e6)
    np.testing.assert_allclose(backend.to_numpy(mo.scale(big)), scale, rtol=1e-5)


@pytest.mark.parametrize("n", [300, 20_000])
def test_gaps_beside_large_offsets_constants_and_empty_features(n):
    rng = np.random.default_rng(n)
    X = rng.normal(size=(n, 6)) + np.asarray([0.0, 1e8, -3e5, 0.0, 0.0, 2.0])
    X[:, 3], X[:, 4] = 1e8 + 1, NAN
    X[rng.random((n, 6)) < [0.2, 0.2, 0.001, 0.2, 0.0, 0.999]] = NAN
    X[7, 5] = 5.0  # the others of this feature may all be missing
    state = of_block(X)
    for j, (count, mean, variance) in enumerate(exact(X)):
        assert state.weight[j] == count
        if count:
            assert mo.mean(state)[j] == pytest.approx(float(mean), rel=1e-15)
            assert mo.variance(state)[j] == pytest.approx(float(variance), rel=1e-12)
    assert mo.variance(state)[3] == 0.0


def test_a_number_that_no_sampled_row_has_keeps_its_digits():
    X = np.full((10_000, 2), NAN)
    X[:, 1] = np.arange(10_000.0)
    X[[1, 2], 0] = 1e9 + np.asarray([0.0, 1.0])
    X[0, 1] = NAN
    assert mo.variance(of_block(X))[0] == 0.25
