"""``refine=k``: further reads of all rows end at the optimum of the objective."""

from __future__ import annotations

import dask
import dask.array as da
import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import ElasticNet, LogisticRegression, Ridge

from streamlearn.core.learner import Batch
from streamlearn.core.linear import newton, newton_refine
from streamlearn.core.linear.losses import LOSSES
from streamlearn.core.linear.sgd import Params, targets
from streamlearn.linear_model import SGDClassifier, SGDRegressor
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler

ROWS, D, ALPHA = 6_000, 8, 1e-3
CLASSES = ("log_loss", "squared_hinge", "modified_huber")
VALUES = ("squared_error", "squared_epsilon_insensitive")


def table(loss, seed=0, K=1):
    """Correlated features, of which one is far off zero and one has wild rows."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(ROWS, D)) @ rng.normal(size=(D, D))
    X[:, 0] += 300
    X[::997, 1] *= 200
    p = (X - X.mean(axis=0)) @ rng.normal(size=(D, K)) / 4 + rng.logistic(size=(ROWS, K))
    if loss in VALUES:
        return X, p[:, 0]
    return X, (p[:, 0] > 0).astype(int) if K == 1 else np.argmax(p, axis=1)


def objective(model, X, y, weight=None):
    params = model._params()
    coef = np.atleast_2d(model.coef_)
    t = targets(params, y, coef[:, :0])
    value = LOSSES[params.loss].value(X @ coef.T + model.intercept_, t, params.epsilon)
    size = {"l2": 0.5 * coef**2, "l1": np.abs(coef)}[params.penalty].sum()
    return np.average(value, axis=0, weights=weight).sum() + params.alpha * size


def model_of(loss, **how):
    kind = SGDClassifier if loss in CLASSES else SGDRegressor
    return kind(loss=loss, alpha=ALPHA, random_state=0, **how)


def in_blocks(*arrays, size=500):
    return [da.from_array(a, chunks=(size, *a.shape[1:])) for a in arrays]


@pytest.mark.parametrize("blocks", [False, True])
@pytest.mark.parametrize("K", [1, 3])
@pytest.mark.parametrize("penalty", ["l2", "l1"])
@pytest.mark.parametrize("loss", CLASSES + VALUES)
def test_two_reads_end_at_the_optimum(loss, penalty, K, blocks):
    if loss in VALUES and K > 1:
        K = 1
    X, y = table(loss, K=K)
    given = in_blocks(X, y) if blocks else (X, y)
    found = [objective(model_of(loss, penalty=penalty, refine=k).fit(*given), X, y) for k in (2, 8)]
    np.testing.assert_allclose(found[0], found[1], rtol=1e-6)
    rough = objective(model_of(loss, penalty=penalty).fit(*given), X, y)
    assert rough >= found[1] * (1 - 1e-12)


def test_the_optimum_is_that_of_scikit_learns_solvers():
    X, y = table("log_loss")
    found = model_of("log_loss", refine=3).fit(X, y)
    other = LogisticRegression(C=1 / (ALPHA * ROWS), solver="newton-cholesky", tol=1e-12).fit(X, y)
    np.testing.assert_allclose(found.coef_, other.coef_, rtol=1e-6, atol=1e-9)
    X, y = table("squared_error")
    found = model_of("squared_error", refine=1).fit(X, y)
    other = Ridge(alpha=ALPHA * ROWS).fit(X, y)
    np.testing.assert_allclose(found.coef_, other.coef_, rtol=1e-8)
    found = SGDRegressor(penalty="l1", alpha=0.5, refine=2, random_state=0).fit(X, y)
    other = ElasticNet(alpha=0.5, l1_ratio=1.0, tol=1e-12, max_iter=100_000).fit(X, y)
    np.testing.assert_allclose(found.coef_, other.coef_, rtol=1e-5, atol=1e-9)
    assert ((found.coef_ == 0) == (other.coef_ == 0)).all()


def test_weights_count_and_rows_of_weight_0_are_absent():
    X, y = table("log_loss")
    weight = np.random.default_rng(1).integers(0, 3, ROWS).astype(float)
    model = model_of("log_loss", refine=3)
    wild = X.copy()
    wild[weight == 0] = 1e6
    found = clone(model).fit(wild, y, sample_weight=weight)
    # the mean loss is over all rows here, and over those with a weight there
    other = LogisticRegression(
        C=1 / (ALPHA * np.sum(weight > 0)), solver="newton-cholesky", tol=1e-12
    )
    other.fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(found.coef_, other.coef_, rtol=1e-5, atol=1e-8)


def test_schedulers_change_no_bit():
    X, y = table("log_loss")
    found = []
    for how in (
        {"scheduler": "sync"},
        *({"scheduler": "threads", "num_workers": k} for k in (1, 8)),
    ):
        with dask.config.set(how):
            found.append(model_of("log_loss", refine=2).fit(*in_blocks(X, y)).coef_.tobytes())
    assert found[0] == found[1] == found[2]


def test_behind_a_scaler_the_optimum_is_that_of_scaled_rows():
    X, y = table("log_loss")
    model = make_pipeline(StandardScaler(), model_of("log_loss", refine=5)).fit(*in_blocks(X, y))
    Z = StandardScaler().fit_transform(X)
    other = LogisticRegression(C=1 / (ALPHA * ROWS), solver="newton-cholesky", tol=1e-12).fit(Z, y)
    np.testing.assert_allclose(model[-1].coef_, other.coef_, rtol=1e-6, atol=1e-9)
    assert model[0].n_samples_seen_ == ROWS


def test_rows_may_be_sparse_or_float32():
    X, y = table("log_loss")
    expected = model_of("log_loss", refine=3).fit(X, y).coef_
    found = model_of("log_loss", refine=3).fit(sparse.csr_array(X), y).coef_
    np.testing.assert_allclose(found, expected, rtol=1e-7)
    found = model_of("log_loss", refine=3).fit(X.astype(np.float32), y).coef_
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=0.01, atol=1e-3)


def test_each_read_reads_each_block_once():
    X, y = table("log_loss")
    reads = []

    def block(x):
        reads.append(len(x))
        return x

    dX, dy = in_blocks(X, y)
    seen = dX.map_blocks(block, dtype=float, meta=np.empty((0, 0)))
    with dask.config.set(scheduler="sync"):
        model_of("log_loss", refine=2, classes=[0, 1]).fit(seen, dy)
    assert reads == [500] * 12 * 3


def test_partial_fit_goes_on_from_a_refined_model():
    X, y = table("log_loss")
    model = model_of("log_loss", refine=2).fit(X, y)
    before = objective(model, X, y)
    model.partial_fit(X, y)
    assert objective(model, X, y) < before * 1.001


@pytest.mark.parametrize("name", ["log_loss", "squared_error"])
def test_refinement_stays_in_the_library_and_on_the_device_of_the_rows(name, backend):
    X, y = table(name)
    X[:, 0] -= 300
    params = Params(loss=name, kind="values" if name in VALUES else "classes", alpha=ALPHA)
    X, y = backend.asarray(X[:2000]), backend.asarray(y[:2000])
    state = newton.init(params, D, 1, like=X)
    for at in range(0, 2000, 500):
        batch = Batch(X[at : at + 500, ...], y[at : at + 500, ...], None, at)
        state, _ = newton.update(params, state, batch)
    for _ in range(3):
        view = newton_refine.view(params, state)
        parts = [
            newton_refine.of_batch(params, view, Batch(X[a:b, ...], y[a:b, ...], None, 2000))[0]
            for a, b in ((0, 700), (700, 2000))
        ]
        state = newton_refine.step(params, state, newton_refine.merge(*parts))
    for leaf in state[:5]:
        backend.check(leaf)
    view = newton_refine.view(params, state)
    sums, _ = newton_refine.of_batch(params, view, Batch(X, y, None, 2000))
    g = backend.to_numpy(sums.gradient) / 2000 + backend.to_numpy(state.weights) * (
        [ALPHA] * D + [0]
    )
    # the objective does not tell apart models that are nearer to its minimum
    assert np.abs(g).max() < 0.1 * backend.eps**0.5


def test_a_step_that_made_the_objective_worse_is_taken_back(monkeypatch):
    X, y = table("log_loss")
    step, lengths = newton_refine.step, []

    def too_far(params, state, sums, length=1.0):
        lengths.append(np.max(length))
        after = step(params, state, sums, length)
        if len(lengths) > 1:
            return after
        return after._replace(mean=-5 * after.mean, weights=-5 * after.weights)

    refinement = newton_refine.REFINEMENT._replace(step=too_far)
    monkeypatch.setattr(newton_refine, "REFINEMENT", refinement)
    found = objective(model_of("log_loss", refine=4).fit(X, y), X, y)
    assert lengths[:2] == [1.0, 0.25]
    np.testing.assert_allclose(
        found, objective(model_of("log_loss", refine=8).fit(X, y), X, y), rtol=1e-3
    )


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (SGDClassifier(refine=1), "needs a smooth loss, and 'hinge' has a kink"),
        (SGDRegressor(loss="huber", refine=1), "'huber' has a kink"),
        (SGDClassifier(loss="log_loss", learning_rate="optimal", refine=2), 'learning_rate="auto"'),
        (SGDClassifier(loss="log_loss", batch_size=1, refine=2), "no batch_size=1"),
        (SGDClassifier(loss="log_loss", refine=-1), "'refine' parameter"),
    ],
)
def test_what_cannot_be_refined_is_refused_before_a_row_is_read(model, message):
    X, y = table("log_loss")
    with pytest.raises(ValueError, match=message):
        model.fit(X, y)


def test_too_many_features_are_refused():
    X = sparse.random_array((300, 600), density=0.05, format="csr", random_state=0)
    y = np.arange(300) % 2
    with pytest.raises(ValueError, match="600 features of 1 models are too many"):
        SGDClassifier(loss="log_loss", refine=1).fit(X, y)
    assert SGDClassifier(loss="log_loss", refine=0).fit(X, y).coef_.shape == (1, 600)


@pytest.mark.parametrize("alpha", [1e-4, 1e-3])
@pytest.mark.parametrize("seed", range(3))
def test_each_read_goes_nearer_to_the_optimum_where_levels_are_rare(seed, alpha):
    """Some levels have a single row, and the sample has others of them too often or not at all."""
    rng, n = np.random.default_rng(seed), 4_000
    level = np.minimum(rng.zipf(1.3, n), 60) - 1
    X = np.c_[rng.normal(3, 1, size=(n, 4)), np.eye(60)[level]]
    p = X[:, :4] @ [1.0, -1.0, 0.5, 0.0] - 1.5 + 3.0 * rng.normal(size=60)[level]
    y = (p + rng.logistic(size=n) > 0).astype(int)
    found = [
        objective(SGDClassifier("log_loss", penalty="l1", alpha=alpha, refine=k).fit(X, y), X, y)
        for k in (0, 1, 2, 4)
    ]
    assert found[1] <= found[0]
    assert found[2] <= found[1] * (1 + 1e-9)
    assert found[0] < 1.05 * found[3]
    np.testing.assert_allclose(found[2], found[3], rtol=1e-3)
