"""``n_parallel``: blocks are learned from side by side, each from the same state, and merged."""

from __future__ import annotations

import threading
import warnings
from typing import Any

import dask
import dask.array as da
import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.decomposition import IncrementalPCA
from sklearn.exceptions import ConvergenceWarning

from streamlearn._training import block_learner
from streamlearn._training.block_learner import BlockLearner
from streamlearn._training.parallel import in_parallel
from streamlearn.blocks import from_blocks
from streamlearn.cluster import MiniBatchKMeans
from streamlearn.linear_model import (
    PassiveAggressiveClassifier,
    PassiveAggressiveRegressor,
    Perceptron,
    SGDClassifier,
    SGDRegressor,
)
from streamlearn.neural_network import MLPClassifier, MLPRegressor
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import MinMaxScaler, StandardScaler
from streamlearn.wrappers import Incremental

ROWS, BLOCK, D = 2_400, 100, 3
SEED = {"random_state": 0}
CLASSES = {
    "optimal": SGDClassifier(learning_rate="optimal", **SEED),
    "averaged": SGDClassifier(loss="log_loss", learning_rate="invscaling", average=150, **SEED),
    "L1": SGDClassifier(
        loss="log_loss", learning_rate="invscaling", eta0=0.1, penalty="l1", alpha=0.01, **SEED
    ),
    "row by row, elastic net": SGDClassifier(
        learning_rate="constant", penalty="elasticnet", batch_size=1, average=True, **SEED
    ),
    "batches": SGDClassifier(learning_rate="constant", batch_size=16, average=True, **SEED),
    "perceptron": Perceptron(),
    "passive-aggressive": PassiveAggressiveClassifier(average=True, **SEED),
    "net": MLPClassifier((5,), **SEED),
}
VALUES = {
    "adaptive": SGDRegressor(learning_rate="adaptive", max_iter=4, **SEED),
    "passive-aggressive, II": PassiveAggressiveRegressor(
        loss="squared_epsilon_insensitive", **SEED
    ),
    "net by SGD": MLPRegressor(
        hidden_layer_sizes=(5,), solver="sgd", learning_rate="invscaling", **SEED
    ),
}
CLUSTERS = {
    "clusters": MiniBatchKMeans(3, batch_size=30, max_iter=3, **SEED),
    "clusters from all": MiniBatchKMeans(3, init="k-means||", batch_size=30, **SEED),
}
ON_WORKERS = ("optimal", "averaged", "net", "clusters")
MODELS = {**CLASSES, **VALUES, **CLUSTERS}


def table(name: str, n: int = ROWS) -> tuple[np.ndarray, ...]:
    """Return rows, targets for the model with the name, and weights."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, D)) * [1.0, 2.0, 0.5] + [0.5, 0.0, -0.2]
    p = X @ [1.0, -1.0, 0.5] + rng.logistic(size=n)
    y = p if name in VALUES else np.digitize(p, [-1.0, 1.0])
    return X, y, rng.integers(0, 3, n) / 2.0


def in_blocks(*arrays: np.ndarray, size: int = BLOCK) -> list[Any]:
    return [da.from_array(a, chunks=(size, *a.shape[1:])) for a in arrays]


def made(name: str, **how: Any) -> Any:
    return clone(MODELS[name]).set_params(**how)


def learned(model: Any) -> dict[str, Any]:
    """Return the fitted attributes, arrays as bytes."""
    model = model[-1] if hasattr(model, "steps") else model
    out = {}
    for name, value in vars(model).items():
        if name.endswith("_") and name not in ("labels_", "inertia_"):
            values = value if isinstance(value, list) else [value]
            out[name] = [v.tobytes() if hasattr(v, "tobytes") else v for v in values]
    return out


def fitted(model: Any, *arrays: Any, weighted: bool = False) -> Any:
    X, y, weight = arrays
    how = {"sample_weight": weight} if weighted else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y, **how)


@pytest.fixture(params=MODELS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.mark.parametrize("weighted", [False, True])
def test_threads_and_sources_of_blocks_change_no_bit(name, weighted):
    arrays = table(name)
    found = []
    for settings in (
        {"scheduler": "sync"},
        *({"scheduler": "threads", "num_workers": k} for k in (1, 2, 8)),
        {"scheduler": "threads", "num_workers": 2, "streamlearn.window": 1},
    ):
        with dask.config.set(settings):
            model = fitted(made(name, n_parallel=4), *in_blocks(*arrays), weighted=weighted)
        found.append(learned(model))
    assert found[1:] == found[:-1]
    assert found[0] != learned(fitted(made(name), *in_blocks(*arrays), weighted=weighted))
    in_order = made(name, n_parallel=4)
    if name not in CLUSTERS:
        in_order.set_params(shuffle=False)
    expected = fitted(clone(in_order), *in_blocks(*arrays), weighted=weighted)
    blocks = [tuple(a[at : at + BLOCK] for a in arrays) for at in range(0, ROWS, BLOCK)]
    blocks = blocks if weighted else [block[:2] for block in blocks]
    parts = (*from_blocks(blocks), None)[:3]
    found = fitted(in_order, *parts, weighted=weighted)
    assert learned(found) == learned(expected)


def test_a_collection_of_one_block_is_learned_from_as_without_it(name):
    how = {"max_no_improvement": None} if name in CLUSTERS else {}  # a round counts as a batch
    arrays = in_blocks(*table(name), size=ROWS)
    found, expected = (fitted(made(name, n_parallel=n, **how), *arrays) for n in (4, 1))
    assert learned(found) == learned(expected)


def test_an_array_in_memory_is_learned_from_as_without_it(name):
    if name == "clusters from all":
        return  # its draws in memory are covered by the other
    arrays = table(name, 300)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found, expected = (fitted(made(name, n_parallel=n), *arrays) for n in (4, 1))
    assert learned(found) == learned(expected)


def test_rounds_of_one_block_are_the_chain_of_blocks(name, monkeypatch):
    """Stopping rules of clusters, for which a round is a batch, are off."""
    how = {"max_no_improvement": None} if name in CLUSTERS else {}
    arrays = in_blocks(*table(name))
    expected = learned(fitted(made(name, **how), *arrays))
    monkeypatch.setattr(
        BlockLearner,
        "side_by_side",
        lambda self, progress: in_parallel(self.settings, block_learner.learn_block),
    )
    assert learned(fitted(made(name, **how), *arrays)) == expected


@pytest.mark.parametrize("name", [name for name in MODELS if name not in CLUSTERS])
def test_equal_blocks_side_by_side_give_what_one_of_them_gives(name):
    """But what counts rows, and the mean over the iterates of an averaged model."""
    X, y, w = table(name, BLOCK)
    how = {"shuffle": False}
    if "average" in made(name).get_params():
        how["average"] = False
    one = fitted(made(name, **how), *in_blocks(X, y, w))
    if name == "adaptive":
        how["max_iter"] = 1
        one = fitted(made(name, **how), *in_blocks(X, y, w))
    twice = (np.concatenate([a, a]) for a in (X, y, w))
    two = fitted(made(name, n_parallel=2, **how), *in_blocks(*twice))
    for part in ("coef_", "intercept_", "coefs_", "intercepts_"):
        a, b = ([getattr(m, part, [])] for m in (one, two))
        for x, y in zip(*(v[0] if isinstance(v[0], list) else v for v in (a, b)), strict=True):
            np.testing.assert_array_equal(x, y)
    assert two.t_ - one.t_ == BLOCK
    assert two.loss_curve_ == one.loss_curve_ * 2


@pytest.mark.parametrize("name", ["optimal", "L1", "net", "net by SGD"])
def test_models_are_averaged_by_the_weights_of_their_rows(name):
    """Two rounds by hand, through ``partial_fit`` on a copy for each block."""
    X, y, w = table(name, 4 * BLOCK)
    how = {"shuffle": False, "penalty": "l2"} if name == "L1" else {"shuffle": False}
    labels = {} if name in VALUES else {"classes": [0, 1, 2]}
    starts = [0, 70, 100, 260]  # blocks of several lengths
    cut = [slice(a, b) for a, b in zip(starts, [*starts[1:], len(X)], strict=True)]
    if name in ("optimal", "L1"):
        how |= {"learning_rate": "constant", "eta0": 0.01}  # whose copies need no count of rows
    if name == "net by SGD":
        how |= {"learning_rate": "constant"}
    chunks = tuple(c.stop - c.start for c in cut)
    dX, dy, dw = (da.from_array(a, chunks=(chunks, *a.shape[1:])) for a in (X, y, w))
    found = made(name, n_parallel=4, **how)
    fitted(found, dX, dy, dw, weighted=True)
    alone = []
    for rows in cut:
        parts = in_blocks(X[rows], y[rows], w[rows], size=rows.stop - rows.start)
        alone.append(fitted(made(name, **how), *parts, weighted=True))
    share = [w[rows].sum() / w.sum() for rows in cut]
    assert len(labels) in (0, 1)
    if hasattr(found, "coef_"):
        mean = sum(s * m.coef_ for s, m in zip(share, alone, strict=True))
        np.testing.assert_allclose(found.coef_, mean, rtol=1e-10)
        return
    for i, coef in enumerate(found.coefs_):
        mean = sum(s * m.coefs_[i] for s, m in zip(share, alone, strict=True))
        np.testing.assert_allclose(coef, mean, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", ["optimal", "averaged", "net", "clusters"])
@pytest.mark.parametrize("ahead", [StandardScaler(), MinMaxScaler()])
def test_stages_ahead_are_merged(name, ahead):
    X, y, _ = table(name)
    found = []
    for settings in ({"scheduler": "sync"}, {"scheduler": "threads", "num_workers": 2}):
        model = make_pipeline(clone(ahead), made(name, n_parallel=4))
        with dask.config.set(settings):
            found.append(model.fit(*in_blocks(X, y)))
    assert learned(found[0]) == learned(found[1])
    scaler = found[0][0]
    if isinstance(scaler, StandardScaler):
        np.testing.assert_allclose(scaler.mean_, X.mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(scaler.var_, X.var(axis=0), rtol=1e-12)
    else:
        np.testing.assert_array_equal(scaler.data_max_, X.max(axis=0))
    assert scaler.n_samples_seen_ == ROWS
    if name in ("optimal", "averaged"):
        assert found[0].score(X, y) > 0.4


def test_a_stage_that_cannot_be_merged_is_named():
    X, y, _ = table("optimal")
    model = make_pipeline(IncrementalPCA(2), made("optimal", n_parallel=4))
    with pytest.raises(ValueError, match=r"n_parallel=4 merges .* IncrementalPCA learns") as caught:
        model.fit(*in_blocks(X, y))
    for advice, better in (
        ("Give n_parallel=1", {"sgdclassifier__n_parallel": 1}),
        (
            'schedule="per-step", and Incremental(IncrementalPCA(...)) as the step',
            {"schedule": "per-step", "incrementalpca": Incremental(IncrementalPCA(2))},
        ),
    ):
        assert advice in str(caught.value)
        clone(model).set_params(**better).fit(*in_blocks(X, y))


def test_in_memory_any_stage_and_any_weight_may_come():
    X, y, w = table("optimal", 300)
    w[0] = -1.0
    model = make_pipeline(IncrementalPCA(2), made("optimal", n_parallel=4, max_iter=5, tol=None))
    model.fit(X, y, sgdclassifier__sample_weight=w)
    fitted(made("net", n_parallel=4, max_iter=2), X, y, w, weighted=True)


@pytest.mark.parametrize("model", [SGDClassifier, SGDRegressor])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_the_default_rule_says_that_it_needs_no_number(model, method):
    X, y, _ = table("optimal")
    how = {"classes": [0, 1, 2]} if model is SGDClassifier else {}
    with pytest.raises(ValueError, match=r"'auto' learns from blocks side by side .* give n_par"):
        getattr(model(n_parallel=2, **how), method)(*in_blocks(X, y))
    for better in ({"n_parallel": 1}, {"learning_rate": "constant"}):
        getattr(model(n_parallel=2, **how).set_params(**better), method)(*in_blocks(X, y))


@pytest.mark.parametrize("name", ["optimal", "net"])
def test_negative_weights_have_no_mean(name):
    X, y, w = table(name)
    w[-1] = -1.0
    blocks = in_blocks(X, y, w)
    with pytest.raises(ValueError, match=r"n_parallel=4 takes none\. Give") as caught:
        fitted(made(name, n_parallel=4), *blocks, weighted=True)
    assert f"Block {ROWS // BLOCK - 1} of sample_weight" in str(caught.value)
    fitted(made(name), *blocks, weighted=True)


@pytest.mark.parametrize("name", [*CLASSES, *VALUES])
def test_partial_fit_over_a_collection_is_a_fit_of_one_epoch(name):
    X, y, w = table(name)
    how = {} if name == "net by SGD" or name not in VALUES else {"max_iter": 1}
    expected = fitted(made(name, n_parallel=4, **how), *in_blocks(X, y, w))
    labels = {} if name in VALUES else {"classes": [0, 1, 2]}
    found = made(name, n_parallel=4, **how).partial_fit(*in_blocks(X, y), **labels)
    same = {**learned(expected), **learned(found)}
    assert learned(expected) == same
    half = made(name, n_parallel=4, **how)
    for rows in (slice(0, 800), slice(800, ROWS)):
        half.partial_fit(*in_blocks(X[rows], y[rows]), **labels)
    assert half.t_ == found.t_


@pytest.mark.parametrize("name", ["optimal", "adaptive", "net", "net by SGD"])
def test_early_stopping_sees_the_held_out_rows_of_all_blocks(name):
    X, y, w = table(name)
    how = {"early_stopping": True, "max_iter": 40, "n_iter_no_change": 2, "tol": 1e-2}
    model = fitted(made(name, n_parallel=4, **how), *in_blocks(X, y, w))
    assert model.n_iter_ < 40
    assert len(model.loss_curve_) == model.n_iter_ * ROWS // BLOCK
    rows = model.n_iter_ * ROWS * 9 // 10  # the others are held out
    assert model.t_ - rows in (0, 1)
    assert np.isfinite(model.loss_curve_).all()


def test_the_loss_of_a_block_is_that_of_its_rows_before_they_are_learned_from():
    X, y, w = table("net")
    model = made("net", n_parallel=4, shuffle=False, batch_size=BLOCK)
    fitted(model, *in_blocks(X, y, w))
    short = fitted(clone(model), *in_blocks(X[: 4 * BLOCK], y[: 4 * BLOCK], w[: 4 * BLOCK]))
    p = short.predict_proba(X)
    penalty = 0.5 * 1e-4 * sum((c**2).sum() for c in short.coefs_) / BLOCK
    for k in range(4, 8):  # these blocks begin with the merged net
        at = np.arange(k * BLOCK, (k + 1) * BLOCK)
        assert model.loss_curve_[k] == pytest.approx(-np.log(p[at, y[at]]).mean() + penalty)


def test_the_blocks_of_a_round_are_learned_from_at_the_same_time(monkeypatch):
    meeting, learn = threading.Barrier(2, timeout=20), block_learner.learn_block

    def both(*args: Any) -> Any:
        meeting.wait()
        return learn(*args)

    monkeypatch.setattr(block_learner, "learn_block", both)
    X, y, _ = table("net")
    with dask.config.set(scheduler="threads", num_workers=2):
        made("net", n_parallel=2).fit(*in_blocks(X, y))


def test_an_infinite_step_size_stays_what_it_is():
    X, y, _ = table("passive-aggressive")
    model = made("passive-aggressive", C=np.inf, n_parallel=4).fit(*in_blocks(X, y))
    assert np.isinf(model._learned.state.eta).all()
    assert np.isfinite(model.coef_).all()


def test_clusters_are_exact_means_of_all_rows():
    """Blocks of one batch: all rows of a round are assigned at the same centres."""
    X, _, w = table("clusters")
    centers, counts = X[[0, 1, 2]].copy(), np.zeros(3)
    model = MiniBatchKMeans(3, init=centers, n_init=1, reassignment_ratio=0, n_parallel=4, **SEED)
    model.partial_fit(*in_blocks(X), sample_weight=in_blocks(w)[0])
    rounds = [slice(0, BLOCK), *(slice(a, a + 4 * BLOCK) for a in range(BLOCK, ROWS, 4 * BLOCK))]
    for rows in rounds:  # the first block is learned from alone
        nearest = np.argmin(((X[rows, None, :] - centers) ** 2).sum(axis=2), axis=1)
        total = counts[:, None] * centers
        np.add.at(total, nearest, w[rows, None] * X[rows])
        counts = counts + np.bincount(nearest, w[rows], minlength=3)
        centers = total / counts[:, None]
    np.testing.assert_allclose(model.cluster_centers_, centers, rtol=1e-12)
    assert model.n_steps_ == ROWS // BLOCK


def test_rows_may_be_sparse_or_float32():
    X, y, _ = table("optimal")
    expected = made("optimal", n_parallel=4, fit_intercept=False).fit(*in_blocks(X, y))
    dX, dy = in_blocks(X, y)
    stored = dX.map_blocks(sparse.csr_array, meta=sparse.csr_array((0, 0)))
    found = made("optimal", n_parallel=4, fit_intercept=False).fit(stored, dy)
    np.testing.assert_allclose(found.coef_, expected.coef_, rtol=1e-10)
    for name in ("optimal", "net"):
        small = made(name, n_parallel=4).fit(dX.astype("float32"), dy)
        coef = small.coef_ if name == "optimal" else small.coefs_[0]
        assert coef.dtype == np.float32


@pytest.mark.parametrize("name", ["batches", "row by row, elastic net", "net", "clusters"])
def test_every_library_has_numpys_model(name, backend):
    X, y, _ = table(name, 600)
    model = made(name, n_parallel=3)
    model.set_params(**{"init": X[:3], "n_init": 1} if name == "clusters" else {"shuffle": False})
    found = []
    for asarray in (np.asarray, backend.asarray):
        blocks = [
            tuple(asarray(a[at : at + 50]) for a in (X, y)[: 1 if name == "clusters" else 2])
            for at in range(0, 600, 50)
        ]
        found.append(fitted(clone(model), *(*as_tuple(from_blocks(blocks)), None, None)[:3]))
    part = {"net": "coefs_", "clusters": "cluster_centers_"}.get(name, "coef_")
    a, b = (getattr(m, part) for m in found)
    for x, z in zip(*(v if isinstance(v, list) else [v] for v in (a, b)), strict=True):
        backend.check(z)
        np.testing.assert_allclose(backend.to_numpy(z), x, rtol=1e5 * backend.eps, atol=1e-2)
        if backend.eps < 1e-10:
            np.testing.assert_allclose(backend.to_numpy(z), x, rtol=1e-8, atol=1e-8)


def as_tuple(parts: Any) -> tuple[Any, ...]:
    return parts if isinstance(parts, tuple) else (parts,)


def test_a_block_of_another_library_is_named():
    strict = pytest.importorskip("array_api_strict")
    X, y, _ = table("net", 200)
    blocks = [(X[:100], y[:100]), (strict.asarray(X[100:]), strict.asarray(y[100:]))]
    for n_parallel in (1, 2):
        with pytest.raises(ValueError, match="must use the same namespace"):
            made("net", n_parallel=n_parallel, shuffle=False).fit(*from_blocks(blocks))


def test_what_is_not_finite_is_found_in_its_block():
    X, y, _ = table("optimal")
    X[-10, 1] = np.nan
    for name in ("optimal", "net", "clusters"):
        with pytest.raises(ValueError, match=f"NaN in block {ROWS // BLOCK - 1}"):
            made(name, n_parallel=4).fit(*in_blocks(X, y))


@pytest.mark.parametrize("n_parallel", [0, 2.5, "auto"])
def test_the_number_is_whole_and_at_least_1(name, n_parallel):
    with pytest.raises(ValueError, match="The 'n_parallel' parameter of"):
        made(name, n_parallel=n_parallel).fit(*table(name)[:2])


@pytest.mark.thorough
@pytest.mark.parametrize("n_workers", [1, 2, 3])
def test_workers_change_no_bit_of_the_model(n_workers, importable_tests):
    distributed = pytest.importorskip("distributed", reason="distributed is an extra")
    tables = {name: in_blocks(*table(name, 600), size=50) for name in ON_WORKERS}
    with dask.config.set(scheduler="sync"):
        expected = {
            name: learned(fitted(made(name, n_parallel=4), *arrays))
            for name, arrays in tables.items()
        }
    with (
        distributed.LocalCluster(
            n_workers=n_workers, threads_per_worker=1, dashboard_address=":0", memory_limit=0
        ) as cluster,
        cluster.get_client(),
    ):
        for name, known in expected.items():
            found = learned(fitted(made(name, n_parallel=4), *tables[name]))
            # sums of losses depend on where a block lies in memory
            curves = (x.pop("loss_curve_", []) for x in (found, known))
            np.testing.assert_allclose(*curves, rtol=1e-10)
            for x in (found, known):
                for loss in ("loss_", "best_loss_"):
                    x.pop(loss, None)
            assert found == known
