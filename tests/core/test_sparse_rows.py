"""Rows whose zeros are not stored: what is made of them is what dense rows would give."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse as sp
from sklearn.linear_model import LogisticRegression

from streamlearn import _arrays as b
from streamlearn._arrays import sparse
from streamlearn.core import rows as affine
from streamlearn.core.batches import cut, learn_batches
from streamlearn.core.learner import Batch
from streamlearn.core.linear import curvature, newton, newton_schedule, rowwise, sgd
from streamlearn.core.linear.sgd import Params
from streamlearn.core.statistics import block_moments, moments, standardize


def rows(n: int = 60, d: int = 7, seed: int = 0) -> np.ndarray:
    """Rows of scales over orders, of zeros but for a fifth; one column is full and far from 0."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) * np.logspace(-4, 4, d)
    X[rng.random(X.shape) < 0.8] = 0.0
    X[:, 2] = 1e8 + rng.normal(size=n)
    return X


X = rows()


@pytest.mark.parametrize("format", ["bsr", "coo", "csc", "csr", "dia", "dok", "lil"])
@pytest.mark.parametrize("kind", ["array", "matrix"])
def test_every_format_becomes_one(format, kind):
    given = getattr(sp, f"{format}_{kind}")(X)
    got = sparse.csr(given)
    assert type(got) is sp.csr_array
    assert got.has_canonical_format
    np.testing.assert_array_equal(got.toarray(), X)
    assert given.format == format


def test_duplicates_are_summed_in_a_copy_and_what_is_in_order_is_shared():
    given = sp.csr_matrix((np.array([1.0, 2.0, 4.0]), [2, 0, 2], [0, 3]), shape=(1, 3))
    got = sparse.csr(given)
    np.testing.assert_array_equal(got.indices, [0, 2])
    np.testing.assert_array_equal(got.data, [2.0, 5.0])
    np.testing.assert_array_equal(given.indices, [2, 0, 2])
    np.testing.assert_array_equal(given.data, [1.0, 2.0, 4.0])
    again = sparse.csr(sp.csr_matrix(got))
    assert np.shares_memory(again.data, got.data)
    assert sparse.csr(got) is got


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("index", ["int32", "int64"])
def test_products_are_those_of_dense_rows(dtype, index):
    dense = X.astype(dtype)
    S = sparse.csr(sp.csr_array(dense))
    S.indices, S.indptr = S.indices.astype(index), S.indptr.astype(index)
    rng = np.random.default_rng(1)
    near = {"rtol": 1e3 * np.finfo(dtype).eps, "atol": 1e2 * np.finfo(dtype).eps}
    for k in (1, 3):
        W, G = (rng.normal(size=s).astype(dtype) for s in ((k, 7), (60, k)))
        pairs = [
            (b.linear_predictor(S, W), dense @ W.T),
            (b.weighted_sums(G, S), G.T @ dense),
            (b.over_rows(G[:, 0], S), G[:, 0] @ dense),
        ]
        for got, want in pairs:
            assert got.dtype == dtype
            assert got.shape == want.shape
            np.testing.assert_allclose(got, want, **near)
    np.testing.assert_allclose(b.column_sums(S), dense.sum(axis=0), **near)
    assert b.float_dtype(S) == dtype
    assert b.namespace(S) is b.namespace(dense)
    assert b.same_place(S, dense)


@pytest.mark.parametrize(
    "at",
    [slice(3, 9), slice(0, 0), slice(50, 99), slice(None, None, 7), np.array([5, 0, 5])],
    ids=str,
)
def test_rows_are_picked(at):
    S = sparse.csr(sp.csr_array(X))
    np.testing.assert_array_equal(b.rows_at(S, at).toarray(), X[at])
    assert b.rows_at(S, at).has_canonical_format


def test_rows_of_a_slice_share_their_entries():
    S = sparse.csr(sp.csr_array(X))
    assert np.shares_memory(b.rows_at(S, slice(3, 9)).data, S.data)
    assert b.nbytes(S) == S.data.nbytes + S.indices.nbytes + S.indptr.nbytes


def test_rows_of_one_shape_have_their_own_entries():
    """They are copies of one empty array."""
    A, B = (sp.csr_array(np.diag(values)) for values in ([1.0, 2.0], [3.0, 4.0]))
    one, other = (b.rows_at(X, slice(0, 2)) for X in (A, B))
    other.data *= 10
    np.testing.assert_array_equal(one.toarray(), A.toarray())
    np.testing.assert_array_equal(other.toarray(), 10 * np.diag([3.0, 4.0]))


def test_columns_are_scaled_and_never_moved():
    S, scale = sparse.csr(sp.csr_array(X)), np.linspace(1, 2, 7)
    np.testing.assert_array_equal(b.by_columns(S, ("divide", scale)).toarray(), X / scale)
    np.testing.assert_array_equal(S.toarray(), X)
    with pytest.raises(ValueError, match="Cannot center sparse"):
        b.by_columns(S, ("subtract", scale))


def test_parts_are_put_together():
    S, dense = sparse.csr(sp.csr_array(X)), X[:2]
    np.testing.assert_array_equal(b.concat([S, dense]).toarray(), np.vstack([X, dense]))
    side = b.concat([dense, b.rows_at(S, slice(0, 2))], axis=1)
    np.testing.assert_array_equal(side.toarray(), np.hstack([dense, dense]))
    assert side.has_canonical_format


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_moments_are_those_of_dense_rows(missing, weighted):
    rng = np.random.default_rng(3)
    dense = rows(500, 9, seed=4)
    dense[:, 3], dense[:, 4], dense[::50, 5] = 7e8, 0.0, 3.0
    weight = rng.random(500) * (rng.random(500) < 0.7) if weighted else None
    if missing:
        dense[rng.random(dense.shape) < 0.2] = np.nan
        dense[:, 6] = np.nan
    want = block_moments.of_block(dense, weight)
    S = sparse.csr(sp.csr_array(dense))
    got = block_moments.of_block(S, weight)
    np.testing.assert_allclose(got.weight, want.weight, rtol=1e-13)
    for of in (moments.mean, moments.variance, moments.scale):
        np.testing.assert_allclose(of(got), of(want), rtol=1e-12, atol=1e-300)
    assert moments.variance(got)[4] == 0.0
    assert missing or moments.variance(got)[3] == 0.0
    first, second = (slice(0, 137), slice(137, 500))
    parts = [
        block_moments.of_block(b.rows_at(S, at), None if weight is None else weight[at])
        for at in (first, second)
    ]
    np.testing.assert_allclose(
        moments.variance(moments.merge(*parts)), moments.variance(want), rtol=1e-12
    )


def test_moments_of_zeros_that_are_stored():
    S = sp.csr_array((np.array([0.0, 2.0, 0.0]), [0, 0, 1], [0, 1, 2, 3]), shape=(3, 2))
    got, want = (block_moments.of_block(x) for x in (S, S.toarray()))
    np.testing.assert_allclose(moments.variance(got), moments.variance(want), rtol=1e-15)


def test_moments_overflow_no_sooner_than_they_must():
    S = sp.csr_array(np.full((5, 2), 1e307) * [1, 0])
    state = block_moments.of_block(S)
    for _ in range(4):
        state = moments.merge(state, block_moments.of_block(S))
    np.testing.assert_allclose(moments.mean(state), [1e307, 0.0])
    np.testing.assert_array_equal(moments.variance(state), [0.0, 0.0])


@pytest.mark.parametrize("unit", [2.0**-1000, 2.0**-570, 2.0**570, 2.0**970])
@pytest.mark.parametrize("weighted", [False, True])
def test_moments_in_any_unit_and_by_any_weight(unit, weighted):
    rng = np.random.default_rng(3)
    dense = rows(500, 9, seed=4)
    dense[rng.random(dense.shape) < 0.1] = np.nan
    weight = rng.normal(1, 1, 500) * (rng.random(500) < 0.7) if weighted else None
    want = block_moments.of_block(dense, weight)
    with np.errstate(over="ignore", invalid="ignore"):
        got = block_moments.of_block(sparse.csr(sp.csr_array(dense * unit)), weight)
    np.testing.assert_allclose(got.weight, want.weight, rtol=1e-12)
    for of in (moments.mean, moments.scale):
        np.testing.assert_allclose(of(got) / unit, of(want), rtol=1e-10)


def test_means_are_not_subtracted():
    with pytest.raises(ValueError, match="Cannot center sparse matrices: pass `with_mean=False`"):
        standardize.of_block(standardize.Params(), sparse.csr(sp.csr_array(X)))


def data(seed: int = 0, n: int = 600, d: int = 20) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    Z = rng.normal(size=(n, d)) * (rng.random((n, d)) < 0.3)
    return Z, rng.integers(0, 3, n)


def fit(learner, Z, target, weight=None, **how):
    K = 1 if learner.params.kind == "values" else 3
    state = learner.init(learner.params, Z.shape[1], K, like=Z)
    return learn_batches(learner, state, cut(Z, target, weight, seen=0, **how))


RULES = {
    "hinge": sgd.learner(Params()),
    "log-l1-mean": sgd.learner(Params(loss="log_loss", penalty="l1", average=50)),
    "modified-elasticnet": sgd.learner(Params(loss="modified_huber", penalty="elasticnet")),
    "squared": sgd.learner(Params(loss="squared_error", kind="values", learning_rate="invscaling")),
    "newton-log": newton.learner(Params(loss="log_loss")),
    "newton-hinge": newton.learner(Params()),
    "newton-l1": newton.learner(Params(loss="squared_hinge", penalty="l1", alpha=1e-3)),
    "newton-huber": newton.learner(Params(loss="huber", kind="values", fit_intercept=False)),
}


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("weighted", [False, True])
def test_a_rule_learns_from_sparse_rows_what_it_learns_from_dense_ones(name, weighted):
    Z, target = data()
    if RULES[name].params.kind == "values":
        target = Z[:, 0] + target
    weight = np.random.default_rng(2).random(len(Z)) if weighted else None
    S = sparse.csr(sp.csr_array(Z))
    order = np.random.default_rng(1).permutation(len(Z))
    for how in ({}, {"batch_size": 32}, {"rows": order}):
        want, reported = fit(RULES[name], Z, target, weight, **how)
        got, found = fit(RULES[name], S, target, weight, **how)
        for x, y in zip((*got, *found), (*want, *reported), strict=True):
            if not isinstance(x, tuple):
                np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-12)
        scores = RULES[name].apply(RULES[name].params, got, S)
        np.testing.assert_allclose(
            scores, RULES[name].apply(RULES[name].params, want, Z), rtol=1e-9, atol=1e-10
        )


@pytest.mark.parametrize("name", RULES)
def test_scaled_sparse_rows_are_not_built(name):
    Z, target = data()
    scale, learner = np.logspace(-3, 3, Z.shape[1]), RULES[name]
    S = sparse.csr(sp.csr_array(Z * scale))
    want, _ = fit(learner, Z, target)
    taken = []

    def unbuilt(x):
        taken.append(x.shape[0])
        return affine.Affine(x, None, scale)

    state = learner.init(learner.params, Z.shape[1], 1 if name in VALUES else 3, like=S)
    got, _ = learn_batches(learner, state, cut(S, target, None, seen=0, through=unbuilt))
    answer = newton.answer if name.startswith("newton") else sgd.answer
    np.testing.assert_allclose(
        answer(learner.params, got)[0], answer(learner.params, want)[0], rtol=1e-7, atol=1e-10
    )
    assert sum(taken) == len(Z)


VALUES = [name for name, learner in RULES.items() if learner.params.kind == "values"]


def test_a_diagonal_is_fed_by_sparse_rows_as_by_dense_ones():
    """Also where a column is full and far from zero, with its centre near it and not so near."""
    rng = np.random.default_rng(0)
    h, a = rng.random((60, 2)), rng.random((60, 1))
    S = sparse.csr(sp.csr_array(X))
    for centre in (X.mean(axis=0), 0.9 * X.mean(axis=0), np.zeros(7)):
        known = curvature.unknown((2, 8), like=X)
        Z = curvature.centred(X, centre)
        want = curvature.feed(known, Z, h, curvature.weighted_sizes(Z, a, a * a))
        got = curvature.feed_sparse(known, S, centre, h, a, a * a)
        for x, y in zip(got, want, strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-9)


def zipf(rng: np.random.Generator, n: int, d: int, groups: int = 1) -> sp.csr_array:
    """One level a row of d levels with Zipf frequencies, in each of some groups of columns."""
    share = 1.0 / np.arange(1, d + 1)
    at = np.stack(
        [g * d + rng.choice(d, size=n, p=share / share.sum()) for g in range(groups)], axis=1
    )
    ends = np.arange(0, n * groups + 1, groups)
    return sp.csr_array((np.ones(n * groups), at.ravel(), ends), shape=(n, d * groups))


def excess(S: sp.csr_array, rng: np.random.Generator, alpha: float) -> float:
    """Return by how much one pass ends above the optimum of the objective, as a part of it."""
    n, d = S.shape
    p = S @ rng.normal(size=d)
    target = (rng.random(n) < 1 / (1 + np.exp(-p))).astype(int)
    learner = newton.learner(Params(loss="log_loss", alpha=alpha))
    state = learner.init(learner.params, d, 1, like=S)
    growth = learner.growth(S, 1)
    state, _ = learn_batches(learner, state, cut(S, target, None, seen=0, growth=growth))
    best = LogisticRegression(C=1 / (n * alpha), max_iter=1000, tol=1e-6).fit(S, target)

    def objective(coef: np.ndarray, intercept: float) -> float:
        margin = (2 * target - 1) * (S @ coef + intercept)
        return np.logaddexp(0, -margin).mean() + 0.5 * alpha * coef @ coef

    w, c = newton.answer(learner.params, state)
    known = objective(best.coef_[0], best.intercept_[0])
    return objective(w[0], c[0]) / known - 1


@pytest.mark.parametrize(("levels", "groups"), [(200, 1), (6000, 1), (600, 5)])
def test_one_pass_over_sparse_levels_ends_near_the_optimum(levels, groups):
    """The first has a matrix, the other two are wide; most of their levels are rare."""
    rng = np.random.default_rng(5)
    S = zipf(rng, 40_000, levels, groups)
    assert newton_schedule.has_matrix(1, levels * groups + 1, sparse=True) == (levels == 200)
    assert excess(S, rng, 1e-4) < 5e-3


def test_every_feature_of_wide_sparse_rows_moves():
    rng = np.random.default_rng(6)
    S = zipf(rng, 2000, 5000)
    learner = newton.learner(Params(loss="log_loss"))
    state = learner.init(learner.params, 5000, 1, like=S)
    state, _ = learn_batches(learner, state, cut(S, rng.integers(0, 2, 2000), None, seen=0))
    moved = newton.answer(learner.params, state)[0][0] != 0
    np.testing.assert_array_equal(moved, np.bincount(S.indices, minlength=5000) > 0)


def test_dense_and_sparse_batches_may_alternate():
    Z, target = data(d=3000)
    S = sparse.csr(sp.csr_array(Z))
    for algorithm, loss in ((sgd, "log_loss"), (newton, "hinge")):
        learner, found = algorithm.learner(Params(loss=loss)), []
        for rows in ((S, Z, S), (S, S, S)):
            state = learner.init(learner.params, 3000, 3, like=S)
            for seen, x in zip((0, 600, 1200), rows, strict=True):
                state, info = learner.update(learner.params, state, Batch(x, target, None, seen))
                assert np.isfinite(info.loss).all()
            found.append(learner.apply(learner.params, state, Z))
        if algorithm is sgd:  # Newton's step of wide sparse rows is another one than of dense rows
            np.testing.assert_allclose(*found, rtol=1e-9)


@pytest.mark.parametrize("loss", ["hinge", "log_loss"])
def test_batches_of_wide_sparse_rows_are_as_large_as_their_entries_let_them(loss):
    S, learner = zipf(np.random.default_rng(0), 100, 5000), newton.learner(Params(loss=loss))
    assert learner.largest(S, 1, 0) >= 1 << 15
    assert learner.growth(S, 1) < learner.growth(S.toarray(), 1)


def test_scaled_wide_rows_are_not_built():
    rng = np.random.default_rng(0)
    S, scale = zipf(rng, 3000, 5000), np.logspace(-3, 3, 5000)
    target, learner = rng.integers(0, 2, 3000), newton.learner(Params(loss="log_loss"))
    answers = []
    for through in (
        lambda x: affine.Affine(x, None, scale),
        lambda x: b.by_columns(x, ("divide", scale)),
    ):
        state = learner.init(learner.params, 5000, 1, like=S)
        state, _ = learn_batches(learner, state, cut(S, target, None, seen=0, through=through))
        answers.append(newton.answer(learner.params, state)[0])
    np.testing.assert_allclose(answers[0], answers[1], rtol=1e-8, atol=1e-12)


ROW_BY_ROW = {
    "hinge": Params(fit_intercept=False, alpha=0.01),
    "log-mean": Params(loss="log_loss", fit_intercept=False, average=50, learning_rate="constant"),
    "adaptive": Params(loss="log_loss", fit_intercept=False, learning_rate="adaptive", alpha=0.1),
    "pa": Params(penalty=None, learning_rate="pa1", fit_intercept=False, average=9),
    "sharp": Params(loss="log_loss", fit_intercept=False, alpha=10.0),
}


@pytest.mark.parametrize("name", ROW_BY_ROW)
@pytest.mark.parametrize("K", [1, 3])
def test_row_by_row_without_intercepts_sparse_rows_teach_what_dense_ones_do(name, K):
    """Most features are in none of a batch's rows, from coefficients and means that are not 0."""
    params, rng = ROW_BY_ROW[name], np.random.default_rng(4)
    learner = rowwise.learner(params)
    Z, target = data(n=300, d=40)
    Z[:, 20:] = 0.0
    Z[:9] = 0.0
    target = np.minimum(target, K)
    S, weight = sparse.csr(sp.csr_array(Z)), rng.random(300)
    state = rowwise.start(params, rng.normal(size=(K, 40)), np.zeros(K))
    active = np.where(np.arange(K) == 1, 0.0, 1.0)
    state = state._replace(mean_coef=rng.normal(size=(K, 40)), active=active)
    results = []
    for X in (S, Z):
        batches = cut(X, target, weight, seen=500, batch_size=128)
        results.append(learn_batches(learner, state, batches))
    (got, found), (want, reported) = results
    for x, y in zip((*got[:4], *found), (*want[:4], *reported), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-10, atol=1e-13)
    answer = rowwise.apply(params, got, S)
    np.testing.assert_allclose(answer, rowwise.apply(params, want, Z), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("d", [50, 10**6])
def test_columns_that_rows_have_are_found_by_counting_and_by_sorting(d):
    S = sparse.csr(sp.csr_array(([1.0, 2.0, 3.0], ([0, 1, 1], [7, 3, 7])), shape=(3, d)))
    part, columns = b.column_parts(S, 2)
    np.testing.assert_array_equal(columns, [3, 7])
    np.testing.assert_array_equal(part.toarray(), [[0, 1, 0, 0], [2, 3, 0, 0], [0, 0, 0, 0]])
    np.testing.assert_array_equal(b.row_squares(S), [[1.0], [13.0], [0.0]])
    np.testing.assert_array_equal(np.flatnonzero(b.present(S)), [3, 7])


def test_products_of_rows_are_those_of_dense_ones():
    S, dense = sparse.csr(sp.csr_array(X)), X
    left, right = np.linspace(1, 2, 60)[:, None], np.linspace(3, 1, 60)[:, None]
    np.testing.assert_allclose(b.row_products(S), dense @ dense.T, rtol=1e-12)
    got = b.row_products(S, left, right)
    assert type(got) is np.ndarray
    np.testing.assert_allclose(got, b.row_products(dense, left, right), rtol=1e-12)
