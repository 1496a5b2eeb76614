"""The default rule learns from rows in whatever order, weight and unit they come."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import log_loss

from streamlearn.core.learner import Batch
from streamlearn.core.linear import newton, one_pass_sums, trust
from streamlearn.core.linear.losses import LOSSES
from streamlearn.core.linear.sgd import Params
from streamlearn.linear_model import SGDClassifier, SGDRegressor
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler

N = 9600


def blocks(a, rows=1200):
    return da.concatenate(
        [da.from_array(a[i : i + rows], chunks=-1) for i in range(0, a.shape[0], rows)]
    )


def in_pieces(model, X, y, rows, **first):
    for i in range(0, len(y), rows):
        model.partial_fit(X[i : i + rows], y[i : i + rows], **first)
    return model


FED = {
    "in memory": lambda model, X, y: model.fit(X, y),
    "one pass": lambda model, X, y: model.set_params(max_iter=1, tol=None).fit(X, y),
    "over blocks": lambda model, X, y: model.fit(blocks(X), blocks(y)),
    "rows shuffled": lambda model, X, y: model.set_params(shuffle="rows").fit(blocks(X), blocks(y)),
    "in order": lambda model, X, y: model.set_params(shuffle=False).fit(blocks(X), blocks(y)),
    "in pieces": lambda model, X, y: in_pieces(model, X, y, 1000),
    "behind a scaler": lambda model, X, y: make_pipeline(StandardScaler(), model).fit(
        blocks(X), blocks(y)
    ),
}


@pytest.mark.parametrize("how", FED)
@pytest.mark.parametrize("period", [2, 3, 4, 12, 24, 28, 60, 96])
def test_rows_may_repeat_in_any_period(period, how):
    """A dummy for each place in the period, as hours of a day are."""
    rng = np.random.default_rng(period)
    place = np.arange(N) % period
    X = np.c_[rng.normal(size=(N, 2)), place[:, None] == np.arange(period)]
    y = X[:, 0] - X[:, 1] + 3 * np.sin(2 * np.pi * place / period + 1) + rng.normal(size=N)
    best = LinearRegression().fit(X, y).score(X, y)
    assert FED[how](SGDRegressor(random_state=0), X, y).score(X, y) > best - 0.01


@pytest.mark.parametrize("how", FED)
@pytest.mark.parametrize("flags", [1, 5])
def test_classes_may_come_in_turn(flags, how):
    """Negatives after each positive, with a flag that follows the class but for noise."""
    rng = np.random.default_rng(flags)
    y = (np.arange(N) % (1 + flags) == 0).astype(int)
    X = np.c_[rng.normal(size=(N, 3)) + y[:, None], (rng.random(N) < 0.1) ^ y]
    model = FED[how](SGDClassifier(loss="log_loss", classes=[0, 1], random_state=0), X, y)
    mixed = rng.permutation(N)
    want = SGDClassifier(loss="log_loss", random_state=0).fit(X[mixed], y[mixed])
    got, best = (log_loss(y, m.predict_proba(X)) for m in (model, want))
    assert got < 1.02 * best


def by_time(n, levels, seed):
    """Each row has the time, its sine and its cosine, and one of some levels."""
    rng = np.random.default_rng(seed)
    t = np.linspace(-1.7, 1.7, n)
    dense = np.c_[t, np.sin(np.pi * t), np.cos(np.pi * t), rng.normal(size=(n, 2))]
    level, effect = rng.integers(0, levels, n), 0.3 * rng.normal(size=levels)
    one_hot = sparse.csr_array((np.ones(n), level, np.arange(n + 1)))
    logit = dense @ [0.0, 0.2, 0.2, 1.0, -0.5] + effect[level] - 3
    y = (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(int)
    return sparse.csr_array(sparse.hstack([dense, one_hot])), y, rng.permutation(n)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("n_blocks", [1, 2, 4])
def test_sparse_rows_may_be_sorted_by_time(n_blocks, seed):
    X, y, mixed = by_time(40_000, 1200, seed)

    def loss(order):
        model = SGDClassifier(loss="log_loss", classes=[0, 1], random_state=seed)
        model.fit(*(blocks(a[order], len(y) // n_blocks) for a in (X, y)))
        return log_loss(y, model.predict_proba(X))

    assert loss(np.arange(len(y))) < 1.01 * loss(mixed)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("rows", [100, 500, 5000, 40_000])
@pytest.mark.parametrize("learn", ["blocks", "calls"])
def test_dense_rows_may_be_sorted_by_time(learn, rows, seed):
    X, y, _ = by_time(40_000, 20, seed)
    X = X.toarray()
    X[:, :3] *= [100.0, 1.0, 1e-3]  # a season is all that a block knows of the time
    best = LogisticRegression(C=1 / (1e-4 * len(y)), solver="newton-cholesky", tol=1e-8)
    best = log_loss(y, best.fit(X / X.std(0), y).predict_proba(X / X.std(0)))
    model = SGDClassifier(loss="log_loss", classes=[0, 1], random_state=seed)
    if learn == "blocks":
        model.fit(blocks(X, max(rows, 1000)), blocks(y, max(rows, 1000)))
    else:
        in_pieces(model, X, y, rows)
    assert log_loss(y, model.predict_proba(X)) < 1.01 * best


def by_season(n, seed):
    """Each row has the time, its sine and cosine, a level, and features that vary in a season."""
    X, _, mixed = by_time(n, 20, seed)
    rng, X = np.random.default_rng(seed), X.toarray()
    t = X[:, 0].copy()
    X[:, 3:5] *= (1 + 0.9 * np.sin(2 * t))[:, None]
    p = X[:, :5] @ [0.0, 0.3, 0.3, 1.0, -0.5] + X[:, 5:] @ rng.normal(size=20)
    X[:, :3] *= [100.0, 1.0, 1e-3]
    # the noise, and with it the curvature of a mean loss at its kink, depends on the season
    return X, p + (0.2 + np.exp(np.sin(3 * t))) * rng.standard_t(4, size=n), mixed


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("learn", ["blocks", "calls of a block", "calls of 100 rows"])
@pytest.mark.parametrize("runs", [1, 4])
@pytest.mark.parametrize(
    "loss", ["squared_error", "log_loss", "squared_hinge", "hinge", "huber", "epsilon_insensitive"]
)
def test_the_rows_of_a_group_may_come_together_with_a_column_for_each_group(
    loss, runs, learn, seed
):
    """As files by customer, one-hot encoded. A group may be in a single block."""
    rng, n, rows, n_groups = np.random.default_rng(seed), 60_000, 600, 50 * runs
    group = np.repeat(rng.permutation(np.arange(100 * runs) % n_groups), rows // runs)
    X = np.c_[rng.normal(size=(n, 4)), group[:, None] == np.arange(n_groups)]
    p = X @ np.append(rng.normal(size=4), 2 * rng.normal(size=n_groups)) + rng.logistic(size=n)
    classes = loss in ("log_loss", "squared_hinge", "hinge")
    y = np.sign(p) if classes else p
    kind = SGDClassifier if classes else SGDRegressor
    first = {"classes": [-1.0, 1.0]} if classes else {}

    def value(model):
        scores = X @ np.ravel(model.coef_) + model.intercept_
        return LOSSES[loss].value(scores, y, model.epsilon).mean()

    mixed = rng.permutation(n)
    best = value(kind(loss=loss, random_state=seed).fit(X[mixed], y[mixed]))
    model = kind(loss=loss, random_state=seed, max_iter=1, tol=None)
    if learn == "blocks":
        model.fit(blocks(X, rows), blocks(y, rows))
    else:
        in_pieces(model, X, y, rows if learn == "calls of a block" else 100, **first)
    assert value(model) < 1.01 * best


KINKS = [("hinge", 1.018), ("huber", 1.0025), ("epsilon_insensitive", 1.0025)]


@pytest.mark.parametrize(("loss", "most"), KINKS)
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(
    ("learn", "rows"), [("blocks", 1000), ("calls", 100), ("calls", 1000), ("calls", 5000)]
)
def test_rows_may_be_sorted_by_time_where_a_loss_has_a_kink(learn, rows, seed, loss, most):
    X, y, mixed = by_season(40_000, seed)
    first, model = {}, SGDRegressor
    if loss == "hinge":
        y, model, first = np.sign(y - np.median(y)), SGDClassifier, {"classes": [-1.0, 1.0]}

    def value(order):
        if learn == "blocks":
            known = model(loss=loss, random_state=seed, **first)
            known.fit(*(blocks(a[order], rows) for a in (X, y)))
        else:
            known = in_pieces(
                model(loss=loss, random_state=seed), X[order], y[order], rows, **first
            )
        p = X @ np.ravel(known.coef_) + known.intercept_
        return LOSSES[loss].value(p, y, 0.1).mean()

    assert value(np.arange(len(y))) < most * value(mixed)


@pytest.mark.parametrize("rows", [1, 2, 7])
def test_a_few_rows_a_call_teach_as_much_as_blocks(rows):
    rng = np.random.default_rng(0)
    X, b = rng.normal(size=(8000, 6)), rng.normal(size=6)
    y = (X @ b + 0.5 * rng.logistic(size=len(X)) > 0).astype(int)
    models = [SGDClassifier(loss="log_loss", random_state=0) for _ in range(2)]
    for model, m in zip(models, (rows, 200), strict=True):
        in_pieces(model, X[:1000], y[:1000], m, classes=[0, 1])
    few, many = (log_loss(y[2000:], m.predict_proba(X[2000:])) for m in models)
    assert few < many


@pytest.mark.parametrize("rows", [pytest.param(1, marks=pytest.mark.thorough), 2, 7])
def test_a_few_rows_a_call_know_the_density_at_a_kink(rows):
    rng = np.random.default_rng(0)
    chosen = np.arange(10_000) % 5 == 0
    X = rng.normal(size=(len(chosen), 10)) + 0.8 * chosen[:, None] * rng.normal(size=10)
    y = np.where(chosen, 1.0, -1.0)
    losses = []
    for m in (rows, 200):
        model = SGDClassifier(loss="hinge", random_state=0)
        in_pieces(model, X[:4000], y[:4000], m, classes=[-1, 1])
        losses.append(np.maximum(1 - y * model.decision_function(X), 0)[4000:].mean())
    assert losses[0] < 1.015 * losses[1]


def far_off(X, how):
    """Change the first feature of half of the rows, or of a few."""
    n, rng = len(X), np.random.default_rng(1)
    if how == "its level jumps":
        X[n // 2 :, 0] += 1e5
    elif how == "its level jumps to and fro":
        X[:, 0] += 1e4 * (np.arange(n) // (n // 8) % 3)
    elif how == "its unit grows":
        X[n // 2 :, 0] *= 1e6
    elif how == "its unit shrinks":
        X[: n // 2, 0] *= 1e6
    elif how == "it holds a code later":
        X[:, 1] = (rng.random(n) < 0.1) & (np.arange(n) > n // 2)
        X[X[:, 1] > 0, 0] = -999_999
    else:  # a few outliers
        X[n // 2 : n // 2 + 200 : 40, 0] = 1e6 * rng.normal(size=5)


FAR_OFF = ["a few outliers", "it holds a code later", "its level jumps", "its unit shrinks"]
FAR_OFF += ["its unit grows", "its level jumps to and fro"]


@pytest.mark.parametrize("how", FAR_OFF)
@pytest.mark.parametrize("loss", ["log_loss", "squared_error", "huber", "hinge"])
@pytest.mark.parametrize("rows", [100, 1000, "blocks"])
def test_a_feature_may_hold_what_is_far_from_all_before(rows, loss, how):
    """Sensors are replaced, units change, and -999 may mean missing."""
    rng, n = np.random.default_rng(0), 6000
    X = rng.normal(size=(n, 4))
    y = X @ [0.0, 1.0, 1.0, -1.0] + rng.logistic(size=n)
    far_off(X, how)
    classes = loss in ("log_loss", "hinge")
    y = np.sign(y) if classes else y
    kind = SGDClassifier if classes else SGDRegressor
    first = {"classes": [-1.0, 1.0]} if classes else {}

    def value(model):
        scores = X @ np.ravel(model.coef_) + model.intercept_
        return LOSSES[loss].value(scores, y, model.epsilon).mean()

    model = kind(loss=loss, random_state=0)
    if rows == "blocks":
        model.set_params(**first).fit(blocks(X, n // 12), blocks(y, n // 12))
    else:
        in_pieces(model, X, y, rows, **first)
    without = kind(loss=loss, random_state=0).fit(X[:, 1:], y)
    scores = X[:, 1:] @ np.ravel(without.coef_) + without.intercept_
    assert value(model) < 1.02 * LOSSES[loss].value(scores, y, model.epsilon).mean()


CHUNKS = [(4000,) * 5, (2, 4999, 5000, 4999, 5000), (0, 3, 9997, 5000, 5000), (5000, 1, 9999, 5000)]


@pytest.mark.parametrize("chunks", CHUNKS, ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_a_column_may_grow_with_the_rows_and_partitions_be_short(chunks, seed):
    rng = np.random.default_rng(0)
    X = np.c_[np.arange(20_000.0), rng.normal(size=20_000)]
    v = 2 * X[:, 1] + 1 + 0.01 * rng.normal(size=len(X))
    c = (X[:, 1] + 0.5 * rng.normal(size=len(X)) > 0).astype(int)
    lazy, *targets = (da.from_array(a, chunks=(chunks, *a.shape[1:])) for a in (X, v, c))
    assert SGDRegressor(random_state=seed).fit(lazy, targets[0]).score(X, v) > 0.999
    model = SGDClassifier(loss="log_loss", random_state=seed, classes=[0, 1])
    assert log_loss(c, model.fit(lazy, targets[1]).predict_proba(X)) < 0.325


@pytest.mark.parametrize("loss", ["epsilon_insensitive", "huber"])
def test_a_feature_whose_unit_has_grown_turns_no_step(loss):
    """Else a step leaves the valley of correlated features, and the next ones with it."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4000, 6)) @ rng.normal(size=(6, 6))
    y = X @ rng.normal(size=6) + rng.normal(size=len(X))
    params = Params(loss=loss, kind="values", epsilon=0.1, average=10_000)
    state = newton.init(params, 6, 1, like=X)
    state, _ = newton.update(params, state, Batch(X[:3000], y[:3000]))
    young = state._replace(past=state.past * np.linspace(0.2, 1.0, 7))
    moves = []
    for begin in (state, young):
        end, _ = newton.update(params, begin, Batch(X[3000:], y[3000:], seen=3000))
        step = end.weights - begin.weights
        step[:, -1] = 0.0  # which the centre moves as well
        moves.append((step / np.linalg.norm(step), np.linalg.norm(step)))
    np.testing.assert_allclose(moves[0][0], moves[1][0], rtol=1e-9)
    assert moves[1][1] > 1.2 * moves[0][1]


SETTINGS = [{}, {"penalty": "l1"}, {"average": 100}, {"batch_size": 32}, {"loss": "log_loss"}]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("lazy", [False, True])
def test_rows_of_weight_zero_are_absent_to_the_bit(settings, lazy):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4000, 4))
    y = (X[:, 0] + rng.normal(size=len(X)) > 0).astype(int)
    w = rng.uniform(0.5, 2.0, len(X)) * (rng.random(len(X)) < 0.5)
    w[1000:2000] = 0.0
    X[w == 0] = 1e6
    kept = w > 0
    if lazy:
        sizes = [int(kept[i : i + 1000].sum()) for i in range(0, len(X), 1000)]
        all_of, rest = ((1000,) * 4, tuple(sizes))
        given = [da.from_array(a, chunks=(all_of, *a.shape[1:])) for a in (X, y, w)]
        left = [da.from_array(a[kept], chunks=(rest, *a.shape[1:])) for a in (X, y, w)]
    else:
        given, left = [X, y, w], [X[kept], y[kept], w[kept]]
    a, b = (
        SGDClassifier(random_state=0, classes=[0, 1], **settings).fit(*g[:2], sample_weight=g[2])
        for g in (given, left)
    )
    np.testing.assert_array_equal(a.coef_, b.coef_)
    np.testing.assert_array_equal(a.intercept_, b.intercept_)
    assert a.t_ == b.t_


def test_a_class_of_weight_zero_is_absent():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 3000)
    X = np.where(y[:, None] == 0, 1e6, rng.normal(size=(3000, 4)))
    a = SGDClassifier(class_weight={0: 0.0}, random_state=0).fit(X, y)
    b = SGDClassifier(random_state=0).fit(X, y, sample_weight=y * 1.0)
    np.testing.assert_array_equal(a.coef_, b.coef_)
    assert np.abs(a.coef_).max() < 1.0


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("lazy", [False, True])
def test_few_rows_may_weigh_more_than_all_others(seed, lazy):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(20_000, 5))
    y = X @ [1, -1, 0.5, 0, 2] + rng.normal(size=len(X))
    w = np.ones(len(X))
    w[rng.choice(len(X), 200, replace=False)] = 1e4
    given = (blocks(a, 2000) if lazy else a for a in (X, y, w))
    model = SGDRegressor(random_state=0).fit(
        *list(given)[:2], sample_weight=blocks(w, 2000) if lazy else w
    )
    best = LinearRegression().fit(X, y, sample_weight=w).score(X, y, sample_weight=w)
    assert model.score(X, y, sample_weight=w) > best - 0.05


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("lazy", [False, True])
def test_weights_may_have_a_heavy_tail(seed, lazy):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(20_000, 5)) + 3
    y = X @ [1, -1, 0.5, 0, 2] + rng.normal(size=len(X))
    w = rng.pareto(0.5, len(X))
    best = LinearRegression().fit(X, y, sample_weight=w).score(X, y, sample_weight=w)
    given = [blocks(a, 2000) if lazy else a for a in (X, y, w)]
    model = SGDRegressor(penalty=None, random_state=0).fit(*given[:2], sample_weight=given[2])
    assert model.score(X, y, sample_weight=w) > best - (0.05 if lazy else 0.002)


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("loss", ["log_loss", "hinge"])
@pytest.mark.parametrize(
    ("dtype", "unit"),
    [(np.float64, u) for u in (1e-300, 1e-160, 1e160, 1e290)]
    + [(np.float32, u) for u in (1e-37, 1e-20, 1e17, 1e34)],
)
def test_the_unit_of_the_weights_is_no_matter_without_a_penalty(dtype, unit, loss, lazy):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4000, 3)).astype(dtype)
    y = (X @ [1, 2, -1] + 0.5 * rng.logistic(size=len(X)) > 0).astype(int)

    def score(unit):
        given = [blocks(a, 500) if lazy else a for a in (X, y, np.full(len(X), unit))]
        model = SGDClassifier(loss=loss, penalty=None, random_state=0, classes=[0, 1])
        return model.fit(*given[:2], sample_weight=given[2]).score(X, y)

    assert abs(score(unit) - score(1.0)) < 0.005


@pytest.mark.parametrize("exponent", [-400, -60, 0, 60, 400])
@pytest.mark.parametrize("loss", ["squared_error", "squared_epsilon_insensitive", "huber"])
def test_the_unit_of_the_target_is_no_matter(exponent, loss):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 3))
    y = X @ [1.0, 2.0, -1.0] + 0.1 * rng.normal(size=len(X))

    def learned(unit):
        return SGDRegressor(
            loss=loss, epsilon=0.1 * unit, max_iter=2, tol=None, random_state=0
        ).fit(X, y * unit)

    unit = 2.0**exponent
    np.testing.assert_allclose(learned(unit).coef_ / unit, learned(1.0).coef_, rtol=1e-9)


@pytest.mark.parametrize("loss", ["squared_error", "huber", "epsilon_insensitive"])
@pytest.mark.parametrize("offset", [2e3, -1e5, 1e7])
def test_targets_may_be_far_from_zero(loss, offset):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1000, 4))
    y = X @ [1, 2, 0, -1.0] + rng.normal(size=1000)
    want = SGDRegressor(loss=loss, random_state=0).fit(X, y).score(X, y)
    got = SGDRegressor(loss=loss, random_state=0).fit(X, y + offset).score(X, y + offset)
    assert got > want - 0.01


def test_what_is_too_large_to_be_squared_is_an_error_whose_advice_works():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 3))
    y = X @ [1.0, 2.0, -1.0] + 0.1 * rng.normal(size=500)
    model = SGDRegressor(random_state=0)
    with pytest.raises(ValueError, match="Scaling input data with StandardScaler"):
        model.fit(X * 1e200, y)
    assert make_pipeline(StandardScaler(), model).fit(X * 1e200, y).score(X * 1e200, y) > 0.99
    with pytest.raises(ValueError, match="overflow") as raised:
        model.fit(X, y * 1e200)
    assert "divide it by its largest value" in raised.value.__notes__[0]
    small = y * 1e200 / np.abs(y * 1e200).max()
    assert model.fit(X, small).score(X, small) > 0.99
    weight = rng.uniform(1, 2, 500) * 1e-310
    with pytest.raises(ValueError, match="overflow") as raised:
        model.fit(X, y, sample_weight=weight)
    assert "divide them by their mean" in raised.value.__notes__[0]
    assert model.fit(X, y, sample_weight=weight / weight.mean()).score(X, y) > 0.99


@pytest.mark.parametrize("weighted", [False, True])
def test_every_row_has_the_chance_of_its_weight_to_be_in_a_sample(weighted):
    rng = np.random.default_rng(0)
    m, k, turns = 1000, 250, 400
    X, y = np.arange(m * 1.0)[:, None], rng.normal(size=m)
    weight = rng.choice([0.5, 1.0, 2.0, 30.0], m) if weighted else None
    params = Params(loss="squared_error", kind="values")
    seen, total = np.zeros(m), 0.0
    for _ in range(turns):
        draws = (np.arange(k) + rng.random(k)) / k
        batch = Batch(X, y, weight, 0, draws)
        _, sample = one_pass_sums.one_pass_sums(params, np.zeros((1, 2)), np.zeros(1), batch)
        seen += np.bincount(sample.X[:, 0].astype(int), minlength=m)
        total += (sample.X[:, 0] * (1.0 if weight is None else sample.weight[:, 0])).mean()
    share = np.full(m, 1 / m) if weight is None else weight / weight.sum()
    wanted = turns * k * share
    assert np.all(np.abs(seen - wanted) < 6 * np.sqrt(wanted) + 1)
    a = np.ones(m) if weight is None else weight
    np.testing.assert_allclose(total / turns, (a * X[:, 0]).mean(), rtol=0.02)


def learned(n=4000, loss="log_loss"):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n + 256, 3))
    codes = (X @ [1, -1, 2.0] + rng.logistic(size=len(X)) > 0).astype(int)
    params = Params(loss=loss)
    state = newton.init(params, 3, 1, like=X)
    for i in range(0, n, 200):
        state, _ = newton.update(params, state, Batch(X[i : i + 200], codes[i : i + 200], None, i))
    return params, state, Batch(X[n:], codes[n:], None, n)


@pytest.mark.parametrize("loss", ["log_loss", "hinge"])
def test_a_step_that_made_things_worse_is_taken_back_and_the_next_is_shorter(loss):
    params, state, batch = learned(loss=loss)
    wild = state._replace(weights=-100 * state.weights)
    wild = wild._replace(trust=wild.trust._replace(former=state.weights, centre=state.centre))
    after, _ = newton.update(params, wild, batch)
    np.testing.assert_array_equal(after.weights[:, :-1], state.weights[:, :-1])
    before = newton.apply(params, state, batch.X)
    np.testing.assert_allclose(newton.apply(params, after, batch.X), before, rtol=1e-9)
    assert after.trust.back[0] == 1.0
    assert after.trust.reach[0] == 0.25
    going_on, _ = newton.update(params, after, batch._replace(seen=batch.seen + 256))
    assert going_on.trust.back[0] == 1.0
    assert np.any(going_on.weights[:, :-1] != after.weights[:, :-1])


def test_an_average_of_useless_targets_is_forgotten():
    params, state, batch = learned()
    high = state.trust._replace(peak=1e3 * state.trust.peak)  # as when w was as far off
    lost = state._replace(mean=-1000 * state.mean, trust=high)
    for i in range(12):
        lost, _ = newton.update(params, lost, batch._replace(seen=batch.seen + 256 * i))
    rows, codes = batch.X, batch.target
    assert ((newton.apply(params, lost, rows)[:, 0] > 0) == codes).mean() > 0.75


def test_noise_takes_no_step_back():
    _, state, _ = learned(20_000)
    assert state.trust.back[0] == 0.0
    assert state.trust.steps[0] == 100.0


@pytest.mark.parametrize(("back", "warns"), [(10.0, True), (4.0, False)])
def test_a_fit_says_where_many_steps_were_taken_back(back, warns, monkeypatch, recwarn):
    seen = trust.seen

    def as_if(known, *given):
        return seen(known, *given)._replace(back=0.0 * known.back + back)

    monkeypatch.setattr(trust, "seen", as_if)
    rng = np.random.default_rng(0)
    SGDRegressor(random_state=0).fit(
        blocks(rng.normal(size=(600, 2))), blocks(rng.normal(size=600))
    )
    said = [str(w.message) for w in recwarn if "were taken back" in str(w.message)]
    assert len(said) == warns


def test_a_single_row_judges_no_step():
    known = trust.begin(np.zeros((1, 2)))
    values = np.array([[[1e9], [1e9], [1.0], [1.0]]])
    _, back, lags = trust.judge(known, values)
    assert not back[0]
    assert not lags[0]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_an_l1_penalty_keeps_levels_of_few_rows_small(seed):
    """Their rows may move the centre, and not be among the few rows of a batch that feed H."""
    rng, n = np.random.default_rng(seed), 8_000
    level = np.minimum(rng.zipf(1.3, n), 200) - 1
    X = np.c_[rng.normal(3, 1, size=(n, 4)), np.eye(200)[level]]
    p = X[:, :4] @ [1.0, -1.0, 0.5, 0.0] - 1.5 + 3.0 * rng.normal(size=200)[level]
    y = (p + rng.logistic(size=n) > 0).astype(int)
    rough, near = (
        SGDClassifier("log_loss", penalty="l1", refine=k, random_state=seed).fit(X, y)
        for k in (0, 3)
    )

    def objective(model):
        return log_loss(y, model.predict_proba(X)) + 1e-4 * np.abs(model.coef_).sum()

    assert np.abs(rough.coef_).max() < 25
    assert objective(rough) < 1.05 * objective(near)
