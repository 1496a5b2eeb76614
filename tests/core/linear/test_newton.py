"""Newton steps: how near one pass comes to the optimum, what must not matter, and bad tables."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.linear_model import ElasticNet, LogisticRegression, Ridge

from streamlearn.core.batches import cut, learn_batches
from streamlearn.core.learner import Batch
from streamlearn.core.linear import newton, newton_schedule, one_pass_sums
from streamlearn.core.linear.curvature import centred, feed, leverage, unknown, weighted_sizes
from streamlearn.core.linear.damped_curvature import inverse_by_blocks
from streamlearn.core.linear.losses import LOSSES, MARGIN_LOSSES, SKLEARN_LOSSES
from streamlearn.core.linear.sgd import Params
from streamlearn.core.rows import Runs
from tests.backends import no_host_sync
from tests.core.linear.loss_names import OF_A_COLUMN, number

WORDS = {"loss": "log_loss", "penalty": "l2", "alpha": 1e-4}


def table(n=20_000, d=10, seed=0, kind="classes"):
    """Correlated features, condition number of some hundred, and noisy targets."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) @ rng.normal(size=(d, d))
    p = X @ rng.normal(size=d)
    p = 2 * p / p.std()
    return X, (p + rng.logistic(size=n) > 0).astype(int) if kind == "classes" else (
        p + rng.normal(size=n)
    )


def run(params, X, target, weight=None, K=1, state=None, batch_size=None):
    state = newton.init(params, X.shape[1], K, like=X) if state is None else state
    batches = cut(X, target, weight, seen=0, batch_size=batch_size)
    return learn_batches(newton.learner(params), state, batches)[0]


@pytest.mark.parametrize("loss", ["hinge", "log_loss"])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_step_on_more_rows_than_a_cache_holds_is_the_same_step(loss, weighted, monkeypatch):
    X, codes = table(n=30_000)
    weight = np.random.default_rng(1).uniform(0.0, 2.0, len(X)) if weighted else None
    params = Params(**WORDS | {"loss": loss})
    start = run(params, X[:5000], codes[:5000])
    scattered = Runs(X, np.arange(len(X) // 16), 16)
    monkeypatch.setattr(one_pass_sums, "batch_rows", lambda X, **_: 4096)
    many, one = (
        newton.update(params, start, Batch(rows, codes, weight, seen=5000))
        for rows in (scattered, X)
    )
    np.testing.assert_allclose(many[1], one[1], rtol=1e-12)
    np.testing.assert_allclose(many[0].mean, one[0].mean, rtol=1e-6)


@pytest.mark.parametrize("loss", ["squared_error", "squared_hinge"])
def test_a_row_of_great_leverage_that_is_in_no_sample_throws_no_model_off(loss):
    kind = "values" if loss == "squared_error" else "classes"
    params = Params(loss=loss, kind=kind)
    X, y = table(n=20_000, kind=kind)
    state = run(params, X, y)
    far, target = X[:2048].copy(), y[:2048].copy()
    far[1] *= 300
    target[1] = 0 if kind == "values" else scores(params, state, far[1:2])[0, 0] < 0
    after, info = newton.update(params, state, Batch(far, target, seen=len(X)))
    again = newton.update(params, after, Batch(far, target, seen=len(X) + 2048))[1]
    assert again.loss[0] < info.loss[0]


@pytest.mark.parametrize("seed", [1, 3])
def test_rows_of_great_leverage_hold_no_hinge_back(seed):
    """Features 300 deviations off once in a thousand rows: as good as the true slopes at best."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(60_000, 20)) * np.where(rng.random((60_000, 20)) < 1e-3, 300.0, 1.0)
    p = X @ rng.normal(size=20) / X.std()
    codes = (p + 0.5 * rng.logistic(size=len(X)) > 0).astype(int)
    params, y = Params(loss="hinge"), 2.0 * codes[1::2, None] - 1.0
    got = scores(params, run(params, X[::2], codes[::2]), X[1::2])
    true = (s * p[1::2, None] for s in np.geomspace(0.3, 3, 20))
    lost, *least = (LOSSES["hinge"].value(q, y, 0.0).mean() for q in (got, *true))
    assert lost < 1.01 * min(least)


@pytest.mark.parametrize("loss", ["huber", "epsilon_insensitive"])
@pytest.mark.parametrize("seed", [0, 1])
def test_rows_of_great_leverage_hold_no_narrow_bend_back(loss, seed):
    """Features 300 deviations off once in a thousand rows: within 1 % of the true slopes."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(60_000, 20)) * np.where(rng.random((60_000, 20)) < 1e-3, 300.0, 1.0)
    p = X @ rng.normal(size=20) / X.std()
    y = p + 0.5 * rng.standard_t(2.5, size=len(X))
    params = Params(loss=loss, kind="values", alpha=1e-4)
    got = scores(params, run(params, X[::2], y[::2]), X[1::2])
    lost, least = (
        LOSSES[loss].value(q, y[1::2, None], params.epsilon).mean() for q in (got, p[1::2, None])
    )
    assert lost < 1.01 * least


def log_loss(X, codes, coef, intercept):
    y = 2.0 * codes[:, None] - 1.0
    return LOSSES["log_loss"].value(X @ coef.T + intercept, y, 0.0).mean()


def scores(params, state, X):
    coef, intercept = newton.answer(params, state)
    return X @ coef.T + intercept


def spoil(X):
    """The same rows with features over eight orders of scale, 200 deviations from zero."""
    return (X / X.std(axis=0) + 200.0) * np.logspace(-4, 4, X.shape[1])


@pytest.mark.parametrize("change", [lambda X: X, spoil], ids=["mixed", "spoiled"])
def test_one_pass_of_log_loss_ends_near_the_optimum(change):
    X, codes = table(n=40_000)
    X = change(X)
    params = Params(**WORDS | {"alpha": 0.0})
    coef, intercept = newton.answer(params, run(params, X[::2], codes[::2]))
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    best = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(Z[::2], codes[::2])
    optimum = log_loss(Z[1::2], codes[1::2], best.coef_, best.intercept_)
    assert log_loss(X[1::2], codes[1::2], coef, intercept) < 1.002 * optimum


def test_one_pass_of_least_squares_ends_near_the_optimum():
    X, y = table(kind="values")
    X = spoil(X)
    params = Params(loss="squared_error", kind="values", alpha=1e-3)
    p = scores(params, run(params, X, y), X)[:, 0]
    ridge = Ridge(alpha=1e-3 * len(X), solver="svd").fit(X, y)
    best = np.mean((ridge.predict(X) - y) ** 2)
    assert np.mean((p - y) ** 2) < 1.001 * best


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_hinge_finds_a_corner_with_all_rows_at_the_kink(seed):
    """A step between two knots of a minute count: the best score is -1 or +1 at every row."""
    rng = np.random.default_rng(seed)
    minutes = np.minimum(np.floor(rng.exponential(4.0, size=10_000)), 20)
    late = np.where(minutes >= 8, 1.0, -1.0)
    y = np.where(rng.uniform(size=minutes.size) < 0.9, late, -late)
    params = Params(loss="hinge", alpha=1e-6)
    X = np.maximum(minutes[:, None] - np.arange(12.0), 0)
    coef, intercept = newton.answer(params, run(params, X, y > 0))
    value = np.maximum(1 - y * (X @ coef[0] + intercept), 0).mean()
    assert value < 1.01 * np.maximum(1 - y * late, 0).mean()


def test_a_row_of_a_level_weighs_as_all_rows_over_those_of_the_level():
    level = np.random.default_rng(0).choice(4, size=1000, p=[0.7, 0.2, 0.09, 0.01])
    X, one = np.eye(5)[level], np.ones((1000, 1))  # a fifth level that no row has
    for weight in (one, 3.0 * one):
        Z = centred(X, np.zeros(5))
        known = feed(unknown((1, 6, 6), like=X), Z, one, weighted_sizes(Z, weight, weight**2))
        weigh = leverage(known.square, Z)[:, 0]
        np.testing.assert_allclose(weigh, 1.0 + 1000 / np.bincount(level)[level])


def test_l1_ends_near_the_optimum_with_its_zeros():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(20_000, 12)) * np.logspace(-1, 1, 12)
    y = 2 * X[:, 3] / X[:, 3].std() - X[:, 5] / X[:, 5].std() + rng.normal(size=len(X))
    for penalty, share in (("l1", 1.0), ("elasticnet", 0.5)):
        params = Params(
            loss="squared_error", kind="values", penalty=penalty, alpha=0.05, l1_ratio=share
        )
        coef, intercept = newton.answer(params, run(params, X, y))
        best = ElasticNet(alpha=0.05, l1_ratio=share, tol=1e-8).fit(X, y)
        np.testing.assert_array_equal(coef[0] == 0, best.coef_ == 0)
        np.testing.assert_allclose(coef[0], best.coef_, atol=0.02 * np.abs(best.coef_).max())
        np.testing.assert_allclose(intercept, best.intercept_, atol=0.03)


def test_powers_of_two_as_scales_change_nothing():
    X, codes = table(n=2000)
    scale = 2.0 ** np.arange(-20, 20, 4)
    params = Params(**WORDS | {"alpha": 0.0})
    a, b = run(params, X, codes), run(params, X * scale, codes)
    np.testing.assert_allclose(b.mean[:, :-1] * scale, a.mean[:, :-1], rtol=1e-9)


def test_offsets_change_little():
    X, codes = table(n=2000)
    params = Params(**WORDS)
    p = scores(params, run(params, X, codes), X)
    for offset in (1e2, 1e6):
        state = run(params, X + offset, codes)
        np.testing.assert_allclose(scores(params, state, X + offset), p, atol=1e-9 * offset)


def test_without_intercept_nothing_is_centred():
    X, codes = table(n=2000)
    params = Params(**WORDS, fit_intercept=False)
    state = run(params, X + 1.0, codes)
    assert newton.answer(params, state)[1] == 0.0
    assert np.all(state.centre == 0.0)
    best = LogisticRegression(C=1 / (1e-4 * 2000), fit_intercept=False, tol=1e-8, max_iter=1000)
    best = log_loss(X + 1.0, codes, best.fit(X + 1.0, codes).coef_, 0.0)
    assert log_loss(X + 1.0, codes, *newton.answer(params, state)) < 1.01 * best


@pytest.mark.parametrize("loss", OF_A_COLUMN)
@pytest.mark.parametrize("order", ["given", "sorted", "reversed"])
def test_no_order_of_rows_diverges(loss, order):
    """Rows sorted by target tell little, but they must do little harm."""
    kind = "classes" if loss in MARGIN_LOSSES else "values"
    X, y = table(n=6000, kind=kind)
    at = {"given": slice(None), "sorted": np.argsort(y), "reversed": np.argsort(-y)}[order]
    y = np.exp(y) if LOSSES[loss].log_link else y
    params = Params(loss=loss, kind=kind, epsilon=number(loss))
    p = scores(params, run(params, X[at], y[at]), X)
    target = (2.0 * y - 1.0 if kind == "classes" else y)[:, None]
    value, zero = (LOSSES[loss].value(q, target, params.epsilon).mean() for q in (p, 0.0 * p))
    assert value < (1.5 if order != "given" else 0.8) * zero + 0.1


def awkward():
    """Tables on which a division or an inversion can go wrong."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(300, 4))
    codes = (X[:, 0] + rng.normal(size=300) > 0).astype(int)
    yield "constant", np.c_[X, np.full(300, 0.1), np.full(300, 1e8)], codes, None
    yield "zeros", np.c_[X, np.zeros((300, 2))], codes, None
    yield "copies", np.c_[X, X, X[:, :1] * 1e6], codes, None
    yield "all zeros", np.zeros((300, 3)), codes, None
    yield "one row", X[:1], codes[:1], None
    yield "one class", X, np.zeros(300, dtype=int), None
    yield "separable", X, (X[:, 0] > 0).astype(int), None
    yield "no weight", X, codes, np.zeros(300)
    yield "some weight", X, codes, (np.arange(300) > 200) * 1.0
    yield "wild row", np.r_[X[:99], np.full((1, 4), 1e2), X[99:]], np.insert(codes, 99, 0), None
    yield "late feature", np.c_[X, np.arange(300) > 290], codes, None
    yield "more features than rows", rng.normal(size=(40, 100)), codes[:40], None
    yield "tiny", X * 1e-12, codes, None
    yield "one feature", X[:, :1], codes, None


@pytest.mark.complete
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("penalty", [None, "l2", "l1"])
@pytest.mark.parametrize("loss", OF_A_COLUMN)
def test_awkward_tables_stay_finite_and_reasonable(loss, penalty, dtype):
    kind = "classes" if loss in SKLEARN_LOSSES else "values"
    params = Params(loss=loss, kind=kind, penalty=penalty, epsilon=number(loss))
    for name, X, codes, weight in awkward():
        X = X.astype(dtype)
        codes = codes + 1.0 if loss == "gamma" else codes
        state = run(params, X, codes, weight, batch_size=32)
        p = newton.apply(params, state, X)
        assert p.dtype == dtype, name
        assert np.all(np.isfinite(p)), name
        y = (2.0 * codes - 1.0 if kind == "classes" else codes)[:, None]
        w = np.ones(len(X)) if weight is None else weight
        w = w * (X[:, 0] != 100.0)  # the wild row is its own affair
        value, zero = (
            w @ LOSSES[loss].value(q, y, params.epsilon)
            for q in (p.astype(float), np.zeros(p.shape))
        )
        assert value <= 1.3 * zero + 0.1 * w.sum(), name


def test_a_feature_that_was_never_seen_does_not_move():
    X, codes = table(n=3000)
    X[:, 3] = 0.0
    for penalty in (None, "l2", "l1"):
        params = Params(**WORDS | {"penalty": penalty})
        start = newton.start(params, np.ones((1, 10)), np.zeros(1))
        coef, _ = newton.answer(params, run(params, X, codes, state=start))
        assert coef[0, 3] == 1.0


def test_weights_are_repetitions():
    """A weight of 2 is a row given twice, but for the noise of other batches."""
    X, codes = table(n=20_000)
    times = np.random.default_rng(0).integers(0, 3, len(X))
    params = Params(**WORDS)
    a = scores(params, run(params, X, codes, times * 1.0), X)
    b = scores(params, run(params, np.repeat(X, times, 0), np.repeat(codes, times)), X)
    assert np.sqrt(np.mean((a - b) ** 2)) < 0.02 * b.std()


def test_a_stopped_column_stands_still_and_others_are_not_disturbed():
    X, _ = table(n=3000)
    codes = np.random.default_rng(0).integers(0, 3, 3000)
    params = Params(**WORDS)
    state = run(params, X, codes, K=3)._replace(active=np.array([1.0, 0.0, 1.0]))
    batch = Batch(X[:500], codes[:500], None, 3000)
    moved, _ = newton.update(params, state, batch)
    free, _ = newton.update(params, state._replace(active=np.ones(3)), batch)
    np.testing.assert_array_equal(moved.weights[1, :-1], state.weights[1, :-1])
    np.testing.assert_array_equal(moved.mean[1, :-1], state.mean[1, :-1])
    np.testing.assert_array_equal(moved.mean[::2], free.mean[::2])


def test_average_n_is_the_plain_mean_of_targets_from_the_nth_row():
    X, codes = table(n=4000)
    best = log_loss(X, codes, *newton.answer(Params(**WORDS), run(Params(**WORDS), X, codes)))
    params = Params(**WORDS, average=1)
    state = run(params, X, codes, batch_size=100)
    assert log_loss(X, codes, *newton.answer(params, state)) < 1.02 * best
    before, after = (run(params, X[:n], codes[:n], batch_size=100) for n in (300, 400))
    late = run(Params(**WORDS, average=301), X[:400], codes[:400], batch_size=100)
    mixed = 0.75 * before.mean + 0.25 * late.mean
    np.testing.assert_allclose(after.mean[:, :-1], mixed[:, :-1], rtol=1e-9)


def test_a_warm_start_is_kept():
    X, codes = table(n=20_000)
    params = Params(**WORDS)
    coef, intercept = newton.answer(params, run(params, X, codes))
    again = newton.start(params, coef, intercept)
    np.testing.assert_array_equal(newton.answer(params, again)[0], coef)
    few = run(params, X[:64], codes[:64], state=again)
    drift = scores(params, few, X) - (X @ coef.T + intercept)
    assert np.isfinite(drift).all()


def test_columns_are_models_of_their_own(backend):
    X, y = table(n=600, d=4, kind="values")
    alphas = [1e-4, 0.1, 3.0]
    fixed = {"loss": "huber", "kind": "values", "penalty": "elasticnet"}
    X, y = backend.asarray(X), backend.asarray(y)
    together = run(Params(**fixed, alpha=np.array(alphas)), X, y, K=3)
    for k, alpha in enumerate(alphas):
        alone = run(Params(**fixed, alpha=alpha), X, y)
        a, b = backend.to_numpy(alone.mean)[0], backend.to_numpy(together.mean)[k]
        np.testing.assert_allclose(a, b, rtol=1e4 * backend.eps, atol=1e4 * backend.eps)


@pytest.mark.parametrize("loss", ["log_loss", "hinge"])
@pytest.mark.parametrize("widest", [newton_schedule.WIDEST, 0], ids=["full", "diagonal"])
def test_backends_agree_and_keep_dtype(loss, widest, backend, monkeypatch):
    monkeypatch.setattr(newton_schedule, "WIDEST", widest)
    X, codes = table(n=600, d=4)
    params = Params(loss=loss)
    for dtype in backend.float_dtypes:
        want = run(params, X.astype(dtype), codes)
        got = run(params, backend.asarray(X, dtype), backend.asarray(codes))
        backend.check(got.mean, dtype)
        rtol = 1e4 * np.finfo(dtype).eps
        a, b = backend.to_numpy(got.mean), want.mean
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * np.abs(b).max())


@pytest.mark.parametrize("penalty", [None, "l1"])
@pytest.mark.parametrize("loss", OF_A_COLUMN)
def test_a_step_reads_nothing_back(loss, penalty):
    import array_api_strict as xp

    X, codes = table(n=300, d=4)
    kind = "classes" if loss in SKLEARN_LOSSES else "values"
    codes = codes if kind == "classes" else codes + 1.0
    X, codes, weight = (xp.asarray(a) for a in (X, codes, np.ones(300)))
    params = Params(loss=loss, kind=kind, penalty=penalty, epsilon=number(loss))
    with no_host_sync():
        state = run(params, X, codes, weight)
        newton.apply(params, state, X)


def test_many_columns_keep_the_diagonal_only_and_still_learn():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(6000, 2100))
    codes = (X[:, :50].sum(axis=1) + rng.logistic(size=6000) > 0).astype(int)
    params = Params(**WORDS)
    state = run(params, X, codes)
    assert state.inverse.shape == (1, 2101)
    assert np.mean((scores(params, state, X)[:, 0] > 0) == codes) > 0.8


@pytest.mark.parametrize("D", [5, 64, 65, 131])
def test_inverse_by_blocks(D):
    rng = np.random.default_rng(0)
    A = rng.normal(size=(2, D, 2 * D))
    M = A @ np.swapaxes(A, 1, 2) / D
    np.testing.assert_allclose(
        inverse_by_blocks(M) @ M, np.broadcast_to(np.eye(D), M.shape), atol=1e-11
    )


@pytest.mark.parametrize(("kinked", "most"), [(False, 10), (True, 50)])
def test_inversions_grow_with_rows_and_seldom_in_the_end(kinked, most):
    for d in (1, 20, 500):
        counts = [newton_schedule.pace(T, d, kinked)[0] for T in range(0, 400_000, 64)]
        assert counts == sorted(counts)
        late = newton_schedule.pace(10**8, d, kinked)[0] - newton_schedule.pace(10**7, d, kinked)[0]
        assert 5 < late < most


def test_batches_near_kinks_are_small_where_features_are_many_and_rows_few():
    most = {}
    for loss in ("log_loss", "hinge"):
        M = newton.learner(newton.Params(loss=loss))
        for seen in (50_000, 10**6):
            most[loss, seen] = [M.largest(np.empty((1, d)), 1, seen) for d in (20, 200, 2000)]
    assert most["hinge", 50_000] == [131072, 512, 512]
    assert most["hinge", 10**6] == [131072, 4096, 2048]
    assert most["log_loss", 50_000] == most["log_loss", 10**6] == [131072, 32768, 4096]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("size", [40, 60, 120])
def test_few_batches_of_few_kinds_of_rows_never_learn_the_opposite(seed, size):
    """Rows of four kinds leave gaps at the kink, where a batch seems to have no curvature."""
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 2, (2, 240))
    X = np.eye(2)[a] @ np.eye(2, 4) + np.eye(2)[b] @ np.eye(2, 4, 2)
    codes = np.where(rng.random(240) < 0.25, 1 - a, a)
    params = Params(loss="hinge", kind="classes")
    coef, intercept = newton.answer(params, run(params, X, codes, batch_size=size))
    p = X @ coef[0] + intercept[0]
    assert np.mean((p > 0) == codes) > 0.5
    assert np.mean(LOSSES["hinge"].value(p, 2.0 * codes - 1.0, 0.0)) < 0.95  # that of zeros is 1


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("alpha", [1e-3, 1e-2])
def test_an_l1_penalty_with_rare_levels_ends_near_the_optimum(alpha, seed):
    """All rows of a rare level may be predicted right. Then it has hardly any curvature."""
    rng, n = np.random.default_rng(seed), 10_000
    level = np.minimum(rng.zipf(1.3, n), 60) - 1
    X = np.c_[rng.normal(size=(n, 4)), np.eye(60)[level]]
    p = X[:, :4] @ [1.0, -1.0, 0.5, 0.0] - 1.5 + 3.0 * rng.normal(size=60)[level]
    codes = (p + rng.logistic(size=n) > 0).astype(int)
    params = Params(**WORDS | {"penalty": "l1", "alpha": alpha})
    known = LogisticRegression(penalty="l1", solver="saga", C=1 / (alpha * n), max_iter=300)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        known.fit(X, codes)

    def objective(coef, intercept):
        lost = LOSSES["log_loss"].value(X @ coef[0] + intercept, 2.0 * codes - 1.0, 0.0)
        return np.mean(lost) + alpha * np.sum(np.abs(coef))

    found = objective(*newton.answer(params, run(params, X, codes)))
    assert found < 1.03 * objective(known.coef_, known.intercept_)
