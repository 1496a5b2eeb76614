"""Co-moments against exact arithmetic."""

from fractions import Fraction
from functools import reduce
from itertools import pairwise

import numpy as np
import pytest
from scipy.sparse import csr_array

from streamlearn.core.affine_map import AffineMap
from streamlearn.core.statistics import comoments as co
from streamlearn.core.statistics.block_comoments import of_block

RNG = np.random.default_rng(0)
EPS = np.finfo(float).eps


@pytest.fixture(autouse=True)
def overflow_is_seen_by_the_result():
    with np.errstate(over="ignore", invalid="ignore"):
        yield


def exact(X, weight=None, Y=None):
    """Return the weight, the means and the sums of products of all columns as fractions."""
    Z = X if Y is None else np.concatenate([X, Y.reshape(len(Y), -1)], axis=1)
    w = [Fraction(x) for x in (np.ones(len(Z)) if weight is None else weight)]
    columns = [[Fraction(x) for x in column] for column in Z.astype(float).T]
    total = sum(w)
    means = [sum(a * b for a, b in zip(w, c, strict=True)) / total for c in columns]
    away = [[x - m for x in c] for c, m in zip(columns, means, strict=True)]
    products = [
        [sum(a * x * y for a, x, y in zip(w, c, e, strict=True)) for e in away] for c in away
    ]
    return total, means, products


def assert_exact(state, X, weight=None, Y=None, digits=64):
    """Compare with fractions. Products may differ relative to the roots of the diagonal."""
    total, means, products = exact(X, weight, Y)
    assert abs(Fraction(float(co.total_weight(state)[0])) - total) <= 4 * EPS * total
    d, unit = X.shape[1], state.unit
    xx, xy, yy = co.about_mean(state)
    got = np.block([[xx, xy], [xy.T, np.diag(yy)]])
    sizes = [Fraction(products[j][j]) for j in range(len(products))]
    for j, mean in enumerate(means):
        error = abs(Fraction(float(co.mean(state)[j])) - mean)
        assert error <= 8 * EPS * abs(mean) or error**2 <= (8 * EPS) ** 2 * sizes[j] / total
        for i in range(len(means)):
            if i != j and min(i, j) >= d:
                continue
            if not sizes[i] * sizes[j]:
                assert got[i, j] == 0
                continue
            value = Fraction(float(got[i, j])) * Fraction(float(unit[i])) * Fraction(float(unit[j]))
            error = (value - products[i][j]) ** 2 / (sizes[i] * sizes[j])
            assert error <= (digits * EPS) ** 2


TABLES = {
    "offset 1e8 and six orders": RNG.normal(size=(60, 3)) * [1e-3, 1, 1e3] + [1e5, 1e8, -1e11],
    "a constant": np.stack([np.full(60, 0.1), RNG.normal(size=60), np.full(60, 1e8)], axis=1),
    "sixteen orders": RNG.normal(size=(60, 3)) * [1e-8, 1, 1e8],
    "beyond squares": RNG.normal(size=(60, 3)) * [1e-250, 1, 1e250],
    "level jumps": np.repeat([[0.0, 1e5], [1e7, -3.0], [1.0, 2.0]], 20, axis=0)
    + RNG.normal(size=(60, 2)),
    "near zero": RNG.normal(size=(60, 2)),
    "nearly one direction": RNG.normal(size=(60, 1)) * [1.0, 1.0] + 1e-9 * RNG.normal(size=(60, 2)),
    "one row": RNG.normal(size=(1, 2)),
    "zeros": np.zeros((4, 2)),
    "integers": RNG.integers(-9, 9, (60, 3)),
}

WEIGHTS = {
    "none": lambda n: None,
    "some 0": lambda n: np.where(np.arange(n) % 3 == 0, 0.0, RNG.random(n) + 0.1),
    "twenty orders": lambda n: 10.0 ** np.linspace(-10, 10, n),
}


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("table", TABLES)
def test_a_block_and_merged_blocks_are_exact(table, weights):
    X = TABLES[table]
    n = len(X)
    weight = WEIGHTS[weights](n) if n > 1 else None
    Y = RNG.normal(1e8, 1, (n, 2))
    assert_exact(of_block(X, weight, Y), X, weight, Y)
    edges = [0, 0, 1, min(2, n), min(20, n), n]
    parts = [
        of_block(X[a:b], None if weight is None else weight[a:b], Y[a:b])
        for a, b in pairwise(edges)
    ]
    assert_exact(reduce(co.merge, parts), X, weight, Y)
    assert_exact(reduce(co.merge, parts[::-1]), X, weight, Y)


def test_rows_one_by_one_keep_all_digits():
    X = np.random.default_rng(1).normal([1e8, 0], 1, (1_000, 2))
    state = reduce(co.merge, (of_block(X[i : i + 1]) for i in range(len(X))))
    wide = X.astype(np.longdouble)
    wide = wide - wide.mean(axis=0)
    want = (wide.T @ wide).astype(float)
    np.testing.assert_allclose(co.about_mean(state)[0], want, rtol=1e-15, atol=1e-13)


def test_float32_rows_are_summed_wide():
    X = (RNG.normal(size=(500, 3)) + 1e4).astype(np.float32)
    y = X[:, 0]
    assert_exact(of_block(X, target=y), X, Y=y)
    assert co.mean(of_block(X)).dtype == np.float64


@pytest.mark.parametrize("share", [0.0, 0.05, 0.7, 1.0])
@pytest.mark.parametrize("weights", WEIGHTS)
def test_sparse_rows_have_the_co_moments_of_dense_rows(share, weights):
    X = RNG.normal(50, 1, (60, 4)) * (RNG.random((60, 4)) < share)
    X[:, 1] = 1e8 + RNG.normal(size=60)
    weight, Y = WEIGHTS[weights](60), RNG.normal(size=60)
    assert_exact(of_block(csr_array(X), weight, Y), X, weight, Y, digits=512)
    assert_exact(of_block(csr_array(X), weight), X, weight, digits=512)


def test_what_is_taken_away_is_gone():
    X, y = RNG.normal(1e6, 1, (90, 3)), RNG.normal(size=90)
    weight = RNG.random(90)
    total, part = (of_block(X[rows], weight[rows], y[rows]) for rows in (slice(90), slice(30)))
    assert_exact(co.without(total, part), X[30:], weight[30:], y[30:])


def test_rescaled_sums_are_those_of_rescaled_rows():
    X, y = RNG.normal(1e8, 1, (50, 3)), RNG.normal(size=50)
    offset, scale = X[0] + 0.25, np.asarray([0.5, 4.0, 3.0])
    rows = AffineMap(offset, scale)(X)
    got = co.rescale(of_block(X, target=y), scale, offset)
    for a, b in zip(co.about_mean(got), co.about_mean(of_block(rows, target=y)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(co.mean(got)[:3], rows.mean(axis=0), atol=1e-14)


def test_a_column_of_zeros_can_be_moved():
    X = np.zeros((4, 1))
    got = co.rescale(of_block(X), np.asarray([3.0]), np.asarray([6.0]))
    assert co.mean(got) == -2.0
    both = co.merge(got, of_block(np.asarray([[1.0], [2.0]])))
    np.testing.assert_allclose(co.mean(both), [-5 / 6])


def test_sums_about_zero():
    X, y = RNG.normal(3, 1, (50, 3)), RNG.normal(size=50)
    xx, xy, yy = co.about_zero(of_block(X, target=y))
    np.testing.assert_allclose(xx, X.T @ X, rtol=1e-14)
    np.testing.assert_allclose(xy[:, 0], X.T @ y, rtol=1e-13)
    np.testing.assert_allclose(yy, [y @ y], rtol=1e-14)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_and_infinity_show_also_without_a_weight(bad):
    X, weight = RNG.normal(size=(9, 2)), np.ones(9)
    X[3, 1], weight[3] = bad, 0
    assert not co.is_finite(of_block(X))
    assert not co.is_finite(of_block(X, weight))
    assert not co.is_finite(of_block(X[:, :1], weight, X[:, 1]))
    assert co.is_finite(of_block(X[:, :1], weight))


def test_inputs_stay_as_they_are():
    X, weight, y = RNG.normal(size=(9, 2)), RNG.random(9), RNG.normal(size=9)
    before = X.copy(), weight.copy(), y.copy()
    of_block(X, weight, y)
    for a, b in zip(before, (X, weight, y), strict=True):
        np.testing.assert_array_equal(a, b)
