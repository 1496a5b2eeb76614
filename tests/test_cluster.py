"""MiniBatchKMeans: scikit-learn's clusters in memory; over blocks in order, a batch at a time."""

from __future__ import annotations

import copy
import pickle
import re
import warnings
from typing import Any

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.cluster import MiniBatchKMeans as Theirs
from sklearn.metrics import adjusted_rand_score
from sklearn.pipeline import make_pipeline as theirs_make_pipeline
from sklearn.utils._array_api import move_estimator_to

from streamlearn import _arrays as b
from streamlearn._arrays import to_numpy
from streamlearn._validation.reader import Reader
from streamlearn.blocks import Block
from streamlearn.cluster import MiniBatchKMeans, kmeans_parallel
from streamlearn.cluster.kmeans_parallel import ROUNDS
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler
from tests.blocks.tracking import drain, peak, track
from tests.containers import blocks_of, dask_array, dask_frame, frame

N, D, K = 600, 4, 6


def blobs(n: int = N, k: int = K, seed: int = 0, spread: float = 1.0) -> np.ndarray:
    """Rows around ``k`` centres, in random order, a little away from zero."""
    rng = np.random.default_rng(seed)
    centers = 5 * rng.normal(size=(k, D)) + [0, 3, -2, 1]
    return centers[rng.integers(0, k, n)] + spread * rng.normal(size=(n, D))


X = blobs()
WEIGHT = np.random.default_rng(1).integers(0, 4, N) / 2


def first_rows(X: Any, n_clusters: int, random_state: np.random.RandomState) -> Any:
    """Return centres by a draw that both must make alike; scikit-learn would change a view."""
    return X[int(random_state.randint(5)) :, :][:n_clusters, :] + 0.0


def leading_rows(X: Any, n_clusters: int, random_state: np.random.RandomState) -> Any:
    return X[:n_clusters, :] + 0.0


def state(model: MiniBatchKMeans) -> Any:
    return model._learned.state.clusters


def assert_like_theirs(ours: MiniBatchKMeans, known: Theirs, tolerance: float = 1e-10) -> None:
    want = known.cluster_centers_
    scale = np.abs(want).max()
    np.testing.assert_allclose(ours.cluster_centers_, want, rtol=0, atol=tolerance * scale)
    np.testing.assert_allclose(state(ours).counts, known._counts, rtol=1e-6)
    np.testing.assert_array_equal(ours.labels_, known.labels_)
    assert ours.labels_.dtype == known.labels_.dtype
    assert ours.inertia_ == pytest.approx(known.inertia_, rel=max(tolerance, 1e-9))
    assert ours.n_steps_ == known.n_steps_


# In memory: scikit-learn's own draws


HOW = {
    "default": {},
    "random": {"init": "random"},
    "callable": {"init": first_rows, "n_init": 2},
    "array": {"init": X[:8].tolist()},
    "n_init": {"n_init": 4},
    "init_size": {"init_size": 40, "batch_size": 100},
    "small batches": {"batch_size": 30},
    "reassigned": {"n_clusters": 40, "batch_size": 60, "reassignment_ratio": 0.6},
    "no reassignment": {"n_clusters": 40, "reassignment_ratio": 0},
    "tol": {"tol": 1e-2, "batch_size": 100},
    "to the end": {"max_no_improvement": None, "max_iter": 3},
    "no patience": {"max_no_improvement": 0},
    "one cluster": {"n_clusters": 1},
}


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["", "weights"])
@pytest.mark.parametrize("how", HOW)
def test_fit_is_scikit_learns(how, weight):
    for seed in range(3):
        params = {"max_iter": 100, "random_state": seed, **HOW[how]}
        known = Theirs(**params).fit(X, sample_weight=weight)
        params.pop("max_iter")
        ours = MiniBatchKMeans(**params, **({"max_iter": 3} if how == "to the end" else {}))
        assert_like_theirs(ours.fit(X, sample_weight=weight), known)
        assert ours.n_iter_ == known.n_iter_
        np.testing.assert_array_equal(ours.predict(X), known.predict(X))
        np.testing.assert_allclose(ours.transform(X), known.transform(X), rtol=1e-9, atol=1e-6)
        want = known.score(X, sample_weight=weight)
        assert ours.score(X, sample_weight=weight) == pytest.approx(want, rel=1e-9)


@pytest.mark.parametrize("weight", [None, WEIGHT + 0.5], ids=["", "weights"])
@pytest.mark.parametrize("how", HOW.values(), ids=HOW)
def test_partial_fit_is_scikit_learns_batch_by_batch(how, weight):
    ours, known = (cls(random_state=2, **how) for cls in (MiniBatchKMeans, Theirs))
    for rows in np.split(np.arange(N), [130, 270, 400, 480]):
        part = None if weight is None else weight[rows]
        with_rows = X[rows]
        known.partial_fit(with_rows, sample_weight=part)
        ours.partial_fit(with_rows, sample_weight=part)
        assert_like_theirs(ours, known)


def test_as_many_clusters_as_rows():
    ours, known = (cls(10, random_state=0).fit(X[:10]) for cls in (MiniBatchKMeans, Theirs))
    assert_like_theirs(ours, known)


@pytest.mark.parametrize("ratio", [0, 1.0])
def test_at_most_half_as_many_are_reassigned_as_a_batch_has_rows(ratio):
    """One step: then some centres are equal, and which has the rows is for rounding to say."""
    how = {"n_clusters": 70, "reassignment_ratio": ratio, "random_state": 2}
    known = Theirs(**how).partial_fit(X[:120])
    ours = MiniBatchKMeans(**how).partial_fit(X[:120])
    np.testing.assert_allclose(ours.cluster_centers_, known.cluster_centers_, rtol=1e-10)
    np.testing.assert_array_equal(state(ours).counts, known._counts)
    still = MiniBatchKMeans(**{**how, "reassignment_ratio": 0}).partial_fit(X[:120])
    moved = np.any(ours.cluster_centers_ != still.cluster_centers_, axis=1)
    assert moved.sum() == (60 if ratio else 0)


@pytest.mark.thorough
def test_batches_of_few_rows_are_scikit_learns():
    """Clusters often move to a row that is a centre already: of equal ones the first has the rows.

    With "k-means++" rounding still chooses where two rows that it tries leave the same inertia.
    """
    for seed in range(120):
        rng = np.random.default_rng(seed)
        n, d, k, size = (int(rng.integers(*ends)) for ends in ((20, 200), (2, 5), (2, 9), (2, 17)))
        rows = rng.normal(size=(n, d))
        how = {"n_clusters": k, "batch_size": size, "init": "random", "random_state": seed}
        ours, known = (cls(max_iter=20, **how).fit(rows) for cls in (MiniBatchKMeans, Theirs))
        np.testing.assert_allclose(ours.cluster_centers_, known.cluster_centers_, atol=1e-8)
        np.testing.assert_array_equal(ours.labels_, known.labels_)


def test_of_equal_centers_the_first_has_the_rows(backend):
    centers = np.repeat(blobs(40, seed=5), 2, axis=0)
    rows = blobs(500, seed=6)
    model = MiniBatchKMeans(80, init=centers, n_init=1, reassignment_ratio=0)
    model.partial_fit(backend.asarray(rows))
    if b.reads_are_free(backend.asarray(rows)):
        counts = backend.to_numpy(state(model).counts)
        assert counts[1::2].sum() == 0
        assert counts.sum() == 500


def test_some_of_those_were_reassigned():
    """Or the tests above would show nothing about reassignment."""
    still = {**HOW["reassigned"], "reassignment_ratio": 0}
    for method in ("fit", "partial_fit"):
        a, b = (
            getattr(MiniBatchKMeans(random_state=2, **how), method)(X[:130])
            for how in (HOW["reassigned"], still)
        )
        assert np.abs(a.cluster_centers_ - b.cluster_centers_).max() > 1


@pytest.mark.parametrize("how", [{}, HOW["reassigned"]], ids=["", "reassigned"])
def test_partial_fit_goes_on_from_fit(how):
    how = {"n_clusters": K, "random_state": 0, **how}
    ours, known = (cls(**how) for cls in (MiniBatchKMeans, Theirs))
    for model in (ours, known):
        model.fit(X)
        for seed in (1, 2):
            model.partial_fit(blobs(100, seed=seed))
    assert_like_theirs(ours, known)


def test_empty_clusters_are_looked_at_in_every_step(capsys):
    """Of 150 most are empty, and each batch has rows for 15 of them."""
    rng, said = np.random.default_rng(0), []
    batches = [X[200] + 1e-3 * rng.normal(size=(n, D)) for n in (150, 30, 30, 30)]
    for cls in (MiniBatchKMeans, Theirs):
        model = cls(150, init=X[:150], n_init=1, verbose=1, random_state=0)
        for rows in batches:
            model.partial_fit(rows)
        said.append(capsys.readouterr().out.splitlines())
    assert (
        said[0]
        == said[1]
        == [f"[MiniBatchKMeans] Reassigning {n} cluster centers." for n in (75, 15, 15, 15)]
    )


def test_float32_is_as_far_as_scikit_learns_own():
    rows = X.astype(np.float32)
    ours, known = (cls(K, random_state=0).fit(rows) for cls in (MiniBatchKMeans, Theirs))
    assert ours.cluster_centers_.dtype == ours.transform(rows).dtype == np.float32
    assert_like_theirs(ours, known, tolerance=1e-5)


@pytest.mark.parametrize(("offset", "dtype"), [(1e8, np.float64), (1e4, np.float32)])
def test_far_from_zero_the_clusters_are_those_at_zero(offset, dtype):
    grid = float(np.spacing(dtype(offset)))
    here = np.round(X / grid) * grid
    there = (here + offset).astype(dtype)
    want = MiniBatchKMeans(K, random_state=0).fit(here)
    got = MiniBatchKMeans(K, random_state=0).fit(there)
    np.testing.assert_array_equal(got.labels_, want.labels_)
    assert got.inertia_ == pytest.approx(want.inertia_, rel=1e-2)
    lazy = MiniBatchKMeans(K, random_state=0, batch_size=50).fit(dask_array(there, (200,) * 3))
    known = MiniBatchKMeans(K, random_state=0, batch_size=50).fit(dask_array(here, (200,) * 3))
    np.testing.assert_array_equal(lazy.predict(there), known.predict(here))


@pytest.mark.parametrize("apart", [1e3, 1e8])
def test_tight_clusters_stop_where_scikit_learns_do(apart):
    """Whose inertia is what is left of squares 1e16 times as large."""
    rng = np.random.default_rng(0)
    rows = apart * rng.normal(size=(5, 4))[rng.integers(0, 5, 2000)] + rng.normal(size=(2000, 4))
    for seed in range(3):
        how = {"batch_size": 64, "compute_labels": False, "n_init": 5, "random_state": seed}
        ours, known = (cls(5, **how).fit(rows) for cls in (MiniBatchKMeans, Theirs))
        assert ours.n_steps_ == known.n_steps_
        assert ours.inertia_ == pytest.approx(known.inertia_, rel=1e-6)


@pytest.mark.parametrize("order", ["C", "F"])
def test_memory_order_does_not_matter(order):
    want = MiniBatchKMeans(K, random_state=0).fit(X)
    got = MiniBatchKMeans(K, random_state=0).fit(np.array(X, order=order))
    np.testing.assert_allclose(got.cluster_centers_, want.cluster_centers_, rtol=1e-12)


def test_without_labels_the_inertia_is_scikit_learns_estimate():
    params = {"n_clusters": K, "compute_labels": False, "random_state": 0}
    ours, known = MiniBatchKMeans(**params).fit(X), Theirs(**params).fit(X)
    assert not hasattr(ours, "labels_")
    assert ours.inertia_ == pytest.approx(known.inertia_, rel=1e-9)
    np.testing.assert_array_equal(ours.fit_predict(X), known.predict(X))


@pytest.mark.parametrize("tol", [0, 0.1])
def test_verbose_prints_scikit_learns_lines(capsys, tol):
    printed = []
    for cls in (MiniBatchKMeans, Theirs):
        cls(40, random_state=0, verbose=1, batch_size=60, tol=tol, init="random").fit(X)
        lines = capsys.readouterr().out.splitlines()
        printed.append([re.sub(r"\d+\.\d{6,}", lambda x: x[0][:8], line) for line in lines])
    assert printed[0] == printed[1]
    assert any("Reassigning" in line for line in printed[0])
    assert any("Converged" in line for line in printed[0])


@pytest.mark.parametrize("generator", [None, np.random.PCG64, np.random.SFC64])
def test_a_random_state_is_drawn_from_as_scikit_learn_does(generator):
    ours, theirs = (
        np.random.RandomState(0 if generator is None else generator(0)) for _ in range(2)
    )
    MiniBatchKMeans(K, random_state=ours).fit(X)
    Theirs(K, random_state=theirs).fit(X)
    assert ours.randint(1 << 30) == theirs.randint(1 << 30)
    for rows in np.split(X, 3):
        MiniBatchKMeans(K, random_state=ours).partial_fit(rows)
        Theirs(K, random_state=theirs).partial_fit(rows)
    assert ours.randint(1 << 30) == theirs.randint(1 << 30)


def test_draws_of_no_known_generator_are_refused():
    """What a file names is looked up among NumPy's generators alone."""
    model = MiniBatchKMeans(30, reassignment_ratio=0.9, random_state=0).partial_fit(X)
    for name in ("nothing", "seed", "default_rng"):
        draws = {**model._learned.state.draws, "bit_generator": name}
        walk = model._learned.state._replace(draws=draws)
        broken = copy.copy(model)
        broken._learned = model._learned._replace(state=walk)
        with pytest.raises(ValueError, match="not a bit generator of numpy"):
            broken.partial_fit(X)
    model.fit(X)


def test_without_a_random_state_fits_differ():
    lazy = dask_array(X, (200,) * 3)
    for rows in (X, lazy):
        a, b = (MiniBatchKMeans(30).fit(rows).cluster_centers_ for _ in range(2))
        assert np.abs(a - b).max() > 0


def test_every_library_has_numpys_clusters(backend):
    how = {"n_clusters": 12, "random_state": 0, "batch_size": 100, "reassignment_ratio": 0.3}
    known = MiniBatchKMeans(**how).fit(X, sample_weight=WEIGHT)
    rows, weight = backend.asarray(X), backend.asarray(WEIGHT)
    model = MiniBatchKMeans(**how).fit(rows, sample_weight=weight)
    for array in (model.cluster_centers_, model.transform(rows)):
        backend.check(array, backend.widest)
    backend.check(model.labels_, "int32")
    if backend.widest == "float64":
        got = backend.to_numpy(model.cluster_centers_)
        np.testing.assert_allclose(got, known.cluster_centers_, rtol=1e-10, atol=1e-10)
        np.testing.assert_array_equal(backend.to_numpy(model.labels_), known.labels_)
    assert model.inertia_ == pytest.approx(known.inertia_, rel=0.1)
    first = np.asarray(X[:12])
    for init in (first, backend.asarray(first), lambda x, k, random_state: x[:k, :]):
        model = MiniBatchKMeans(12, init=init, n_init=1, random_state=0).fit(rows)
        want = MiniBatchKMeans(12, init=first, n_init=1, random_state=0).fit(X)
        assert model.inertia_ == pytest.approx(want.inertia_, rel=1e-6 if backend.eps < 1e-9 else 1)


# Over collections: in order


CHUNKS = (150, 0, 250, 200)


def test_fit_is_scikit_learns_partial_fit_on_the_batches_of_blocks():
    how = {"init": X[:8], "n_init": 1, "batch_size": 60, "reassignment_ratio": 0.4}
    model, known = (cls(random_state=0, **how) for cls in (MiniBatchKMeans, Theirs))
    model.fit(dask_array(X, CHUNKS), sample_weight=WEIGHT + 0.5)
    at = 0
    for n in CHUNKS:
        for start in range(at, at + n, 60):
            rows = slice(start, min(start + 60, at + n))
            known.partial_fit(X[rows], sample_weight=WEIGHT[rows] + 0.5)
        at += n
    np.testing.assert_allclose(model.cluster_centers_, known.cluster_centers_, rtol=1e-10)
    np.testing.assert_allclose(state(model).counts, known._counts)
    assert (model.n_steps_, model.n_iter_) == (known.n_steps_, 1)


def test_partial_fit_is_partial_fit_of_the_blocks():
    lazy, known = (MiniBatchKMeans(30, random_state=0, reassignment_ratio=0.4) for _ in range(2))
    for seed in (0, 1):
        rows, at = blobs(seed=seed), 0
        lazy.partial_fit(dask_array(rows, CHUNKS), sample_weight=dask_array(WEIGHT, CHUNKS))
        for n in CHUNKS:
            if n:
                known.partial_fit(rows[at : at + n], sample_weight=WEIGHT[at : at + n])
            at += n
        np.testing.assert_array_equal(lazy.cluster_centers_, known.cluster_centers_)
        assert lazy.n_steps_ == known.n_steps_


def test_labels_are_lazy_and_the_inertia_is_found_when_asked_for():
    reads: list = []
    with dask.config.set(scheduler="sync"):
        model = MiniBatchKMeans(K, random_state=0).fit(
            dask_array(X, CHUNKS, log=reads), sample_weight=WEIGHT
        )
        assert sorted(reads) == [0, 1, 2, 3]
        assert isinstance(model.labels_, da.Array)
        assert sorted(reads) == [0, 1, 2, 3]
        want = -model.score(X, sample_weight=WEIGHT)
        assert model.inertia_ == model.inertia_ == pytest.approx(want, rel=1e-12)
        assert len(reads) == 8
        np.testing.assert_array_equal(model.labels_.compute(), model.predict(X))


def test_to_show_a_model_reads_nothing():
    reads: list = []
    with dask.config.set(scheduler="sync"):
        model = MiniBatchKMeans(K, random_state=0).fit(dask_array(X, CHUNKS, log=reads))
        reads.clear()
        assert "labels_" in model._repr_html_()
        assert not hasattr(copy.deepcopy(model), "inertia_")
    assert reads == []


@pytest.mark.parametrize("lazy", [False, True])
def test_a_moved_model_answers_and_learns_where_it_is(lazy, backend):
    if backend.widest != "float64" or backend.name in ("numpy", "readonly"):
        pytest.skip("scikit-learn moves 64 bits, and from NumPy")
    model = MiniBatchKMeans(30, random_state=0, reassignment_ratio=0.5)
    model.partial_fit(dask_array(X, CHUNKS) if lazy else X)
    moved = move_estimator_to(model, backend.xp, backend.device)
    rows = backend.asarray(blobs(100, seed=3))
    np.testing.assert_array_equal(
        backend.to_numpy(moved.predict(rows)), model.predict(blobs(100, seed=3))
    )
    for each, more in ((model, blobs(100, seed=3)), (moved, rows)):
        each.partial_fit(more)
    got = backend.to_numpy(moved.cluster_centers_)
    np.testing.assert_allclose(got, model.cluster_centers_, rtol=1e-9, atol=1e-12)


def test_labels_of_a_frame_have_its_index():
    table = dask_frame(X[:200])
    model = MiniBatchKMeans(K, random_state=0).fit(table)
    labels = model.labels_.compute()
    np.testing.assert_array_equal(labels.index, table.compute().index)
    in_memory = MiniBatchKMeans(K, random_state=0).fit(frame(X[:200]))
    assert list(in_memory.feature_names_in_) == list(model.feature_names_in_)
    assert isinstance(in_memory.labels_, np.ndarray)


def test_without_labels_nothing_is_read_again():
    reads: list = []
    with dask.config.set(scheduler="sync"):
        model = MiniBatchKMeans(K, compute_labels=False, random_state=0)
        labels = model.fit_predict(dask_array(X, CHUNKS, log=reads))
        estimate = model.inertia_
        assert sorted(reads) == [0, 1, 2, 3]
    assert not hasattr(model, "labels_")
    assert estimate == pytest.approx(-model.score(X), rel=0.5)
    np.testing.assert_array_equal(labels.compute(), model.predict(X))


@pytest.mark.parametrize("how", [{}, {"n_clusters": 30, "reassignment_ratio": 0.5}], ids=str)
def test_a_pickle_has_no_collection_and_goes_on_the_same(how):
    rows = dask_array(X, CHUNKS)  # which itself does not pickle
    model = MiniBatchKMeans(random_state=0, **how).partial_fit(rows)
    kept = pickle.loads(pickle.dumps(model))
    assert not hasattr(kept, "labels_")
    assert not hasattr(kept, "inertia_")
    np.testing.assert_array_equal(kept.predict(X), model.labels_.compute())
    for each in (model, kept):
        each.partial_fit(blobs(100, seed=3))
    np.testing.assert_array_equal(kept.cluster_centers_, model.cluster_centers_)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.labels_, model.labels_)
    assert again.inertia_ == model.inertia_


@pytest.mark.parametrize("kind", ["one pass", "two epochs"])
def test_blocks_in_memory_are_bounded(kind):
    def load(i: int) -> np.ndarray:
        return track("block", blobs(40, seed=i))

    blocks = [da.from_delayed(dask.delayed(load)(i), (40, D), float) for i in range(30)]
    with dask.config.set({"scheduler": "threads", "num_workers": 2, "streamlearn.window": 2}):
        drain()
        MiniBatchKMeans(
            K, random_state=0, batch_size=16, max_iter=2 if kind == "two epochs" else "auto"
        ).fit(da.concatenate(blocks))
    assert peak(drain()) <= 3


@pytest.mark.parametrize("max_iter", [1, 4, "auto"])
def test_epochs_at_most(max_iter):
    reads: list = []
    model = MiniBatchKMeans(K, max_iter=max_iter, max_no_improvement=None, random_state=0)
    with dask.config.set(scheduler="sync"):
        model.fit(dask_array(X, CHUNKS, log=reads))
    epochs = 1 if max_iter == "auto" else max_iter
    assert model.n_iter_ == epochs
    assert sorted(reads) == sorted([0, 1, 2, 3] * epochs)


@pytest.mark.parametrize(
    "rule", [{"max_no_improvement": 0}, {"max_no_improvement": None, "tol": 100.0}], ids=str
)
def test_stopping_never_cuts_the_first_epoch_short(rule):
    model = MiniBatchKMeans(K, max_iter=50, batch_size=30, random_state=0, **rule)
    with dask.config.set({"scheduler": "sync", "streamlearn.segment": 1}):
        model.fit(dask_array(X, CHUNKS))
    per_epoch = sum(-(-n // 30) for n in CHUNKS)
    assert model.n_iter_ == 2
    assert per_epoch < model.n_steps_ <= per_epoch + 5
    model.set_params(compute_labels=False)
    with dask.config.set({"scheduler": "sync", "streamlearn.segment": 1}):
        model.fit(dask_array(X, CHUNKS))
    # an estimate for all rows, though only a few were read again
    assert model.inertia_ == pytest.approx(-model.score(X), rel=0.5)


def test_patience_outlasts_an_epoch():
    """What has been seen goes along: 14 batches without a better one are two epochs of 7."""
    how = {"batch_size": 100, "reassignment_ratio": 0.8, "random_state": 0}
    found = [
        MiniBatchKMeans(30, max_iter=30, max_no_improvement=patience, **how)
        .fit(dask_array(X, CHUNKS))
        .n_steps_
        for patience in (14, 20)
    ]
    assert found[0] == found[1] - 6 < 30


def test_where_it_stops_does_not_depend_on_segments():
    found = []
    for segment in (1, 2, 64):
        with dask.config.set({"streamlearn.segment": segment}):
            model = MiniBatchKMeans(
                K, max_iter=50, batch_size=20, max_no_improvement=3, random_state=0
            ).fit(dask_array(X, CHUNKS))
        assert 2 <= model.n_iter_ < 50
        found.append((model.n_steps_, model.cluster_centers_.tobytes()))
    assert len(set(found)) == 1


def test_verbose_over_blocks_says_what_steps_say(capsys):
    with dask.config.set(scheduler="sync"):
        MiniBatchKMeans(
            40, init="random", max_iter=30, batch_size=30, verbose=1, random_state=0
        ).fit(dask_array(X, CHUNKS))
    out = capsys.readouterr().out
    for said in ("Init 1/3 with method random", "Reassigning", "Minibatch step 2/", "Converged"):
        assert said in out


@pytest.mark.thorough
def test_short_first_blocks_are_joined(backend):
    """A filter leaves blocks short or empty anywhere: the first rows wait for those of the next."""
    for seed in range(12):
        rng = np.random.default_rng(seed)
        first = rng.integers(0, 4, rng.integers(1, 5)) * (rng.random() < 0.8)
        first = first[: int(np.searchsorted(np.cumsum(first), 30))]
        rest = rng.multinomial(N - first.sum(), [0.4, 0.0, 0.6])
        parts = tuple(map(int, (*first, *rest)))
        joined = (int(first.sum() + rest[0]), int(rest[1]), int(rest[2]))
        weight = None if seed % 3 else WEIGHT + 0.5
        init = ["k-means++", "random", first_rows][seed % 3]
        how = {"n_clusters": 30, "init": init, "reassignment_ratio": 0}
        for method in ("fit", "partial_fit"):
            ours, known = (
                getattr(MiniBatchKMeans(random_state=seed, batch_size=50, **how), method)(
                    dask_array(X, sizes, make=backend.asarray),
                    sample_weight=None if weight is None else dask_array(weight, sizes),
                )
                for sizes in (parts, joined)
            )
            for a, c in (
                (ours.cluster_centers_, known.cluster_centers_),
                (state(ours).counts,) * 2,
            ):
                np.testing.assert_array_equal(backend.to_numpy(a), backend.to_numpy(c))
            assert ours.n_steps_ == known.n_steps_
            assert backend.to_numpy(state(ours).counts).sum() == pytest.approx(
                N if weight is None else weight.sum()
            )


def test_rows_without_weight_begin_nothing():
    """A first block all of whose rows weigh 0, and one of which three have a weight."""
    weight = np.concatenate([np.zeros(150), np.arange(250) < 3, np.ones(200)])
    how = {"n_clusters": 8, "random_state": 0}
    ours = MiniBatchKMeans(**how).fit(
        dask_array(X, CHUNKS), sample_weight=dask_array(weight, CHUNKS)
    )
    kept = X[weight > 0]
    known = MiniBatchKMeans(**how).fit(dask_array(kept, (203,)))
    np.testing.assert_array_equal(ours.cluster_centers_, known.cluster_centers_)


def test_pipelines_begin_with_enough_rows_too():
    pipe = make_pipeline(StandardScaler(), MiniBatchKMeans(K, random_state=0))
    pipe.fit(dask_array(X, (2, 0, 1, 297, 300)))
    assert state(pipe[-1]).counts.sum() == N


# k-means||


def test_all_rows_have_a_part_in_the_start_of_kmeans_parallel():
    """The first block of sorted rows has one cluster; k-means|| finds the others, too."""
    table = blobs(spread=0.1)
    table = table[np.argsort(table[:, 0])]
    rows = dask_array(table, (30,) * 20)
    how = {"n_clusters": K, "reassignment_ratio": 0, "random_state": 0}
    best = MiniBatchKMeans(n_init=10, **how).fit(table)
    parallel = MiniBatchKMeans(init="k-means||", **how).fit(rows)
    assert parallel.inertia_ < 1.1 * best.inertia_
    assert MiniBatchKMeans(**how).fit(rows).inertia_ > 2 * best.inertia_


@pytest.mark.parametrize("max_iter", [1, 3])
def test_a_start_from_all_rows_is_kept_on_sorted_rows(max_iter):
    """A cluster whose rows come last is no dead one; dead ones move in the next epoch."""
    rng = np.random.default_rng(0)
    centers = 20 * rng.normal(size=(6, D))
    y = np.repeat(np.arange(6), [900, 50, 900, 50, 900, 900])
    rows = centers[y] + 0.01 * rng.normal(size=(len(y), D))
    how = {"max_iter": max_iter, "batch_size": 100, "random_state": 0}
    model = MiniBatchKMeans(6, init="k-means||", **how).fit(dask_array(rows, (925,) * 4))
    assert adjusted_rand_score(y, np.asarray(model.labels_)) == 1.0
    model.partial_fit(rows[:100] + 500)
    model.set_params(reassignment_ratio=1.0)
    for _ in range(3):
        model.partial_fit(rows[:100] + 500)
    assert np.abs(model.cluster_centers_ - 500).min() < 100  # and a dead one moves later


def test_kmeans_parallel_reads_in_a_few_passes_and_draws_the_same_on_every_scheduler():
    reads: list = []
    found = []
    for scheduler in ("sync", "threads"):
        with dask.config.set(scheduler=scheduler):
            rows = dask_array(X, CHUNKS, log=reads)
            model = MiniBatchKMeans(K, init="k-means||", random_state=0)
            found.append(model.fit(rows, sample_weight=WEIGHT).cluster_centers_.tobytes())
    assert len(reads) == 2 * (ROUNDS + 3) * len(CHUNKS)
    assert len(set(found)) == 1


@pytest.mark.thorough
def test_rows_are_drawn_in_proportion_to_weight_times_squared_distance():
    """Which of four rows comes first, at distances 1, 2, 3 and 0 from the one drawn before."""
    reader = Reader("MiniBatchKMeans", 1)
    rows = np.array([[1.0], [2.0], [3.0], [0.0]]) + 1e8
    weight, found = np.array([9.0, 4.0, 1.0, 100.0]), np.array([[1e8]])

    def first(number: int, seed: int) -> float:
        block = Block(0, {"X": rows, "sample_weight": weight})
        made = kmeans_parallel._drawn(reader, seed, number, 1, found, block)
        return made.rows[0, 0] - 1e8

    rounds = [[first(number, seed) for seed in range(4000)] for number in (1, 2)]
    for got in rounds:
        shares = np.array([got.count(distance) for distance in (1.0, 2.0, 3.0)]) / 4000
        np.testing.assert_allclose(shares, np.array([9, 16, 9]) / 34, atol=4 * 0.5 / 4000**0.5)
    assert 1000 < np.sum(np.equal(*rounds)) < 2000  # 1446, where one tells nothing of the other


def test_kmeans_parallel_in_memory_by_weight(backend):
    """Rows without weight are never drawn."""
    weight = (X[:, 0] > 0) * 1.0
    model = MiniBatchKMeans(4, init="k-means||", n_init=3, random_state=0)
    model.fit(backend.asarray(X), sample_weight=backend.asarray(weight))
    assert to_numpy(model.cluster_centers_)[:, 0].min() > 0
    few = (np.arange(N) < 3) * 1.0
    with pytest.raises(ValueError, match=r"n_samples=3 .* n_clusters=4"):
        model.fit(backend.asarray(X), sample_weight=backend.asarray(few))


# Pipelines


def test_in_scikit_learns_pipeline_it_is_fitted_to_what_the_scaler_makes():
    rows = dask_array(X * [1, 100, 0.1, 1], CHUNKS)
    pipe = theirs_make_pipeline(StandardScaler(), MiniBatchKMeans(K, random_state=0)).fit(rows)
    known = clone(pipe)
    known[-1].fit(known[0].fit(rows).transform(rows).compute().copy())
    alone = clone(pipe[-1]).fit(dask_array(np.asarray(pipe[0].transform(rows)), CHUNKS))
    np.testing.assert_allclose(pipe[-1].cluster_centers_, alone.cluster_centers_, rtol=1e-10)
    np.testing.assert_array_equal(pipe.predict(rows).compute(), alone.labels_.compute())
    assert pipe[-1].inertia_ == pytest.approx(alone.inertia_, rel=1e-9)
    assert pipe.score(rows) == pytest.approx(-alone.inertia_, rel=1e-9)


def test_one_pass_reads_once_and_ends_near_a_pass_for_each_step():
    reads: list = []
    table = blobs(6000, spread=0.5) * [1, 100, 0.01, 1]
    rows = dask_array(table, (600,) * 10, log=reads)
    pipe = make_pipeline(StandardScaler(), MiniBatchKMeans(K, n_init=5, random_state=0))
    with dask.config.set(scheduler="sync"):
        pipe.fit(rows)
        assert sorted(reads) == list(range(10))
        reads.clear()
        labels = pipe.predict(rows)
        assert reads == []
        labels = labels.compute()
        score = pipe.score(rows)
    assert not hasattr(pipe[-1], "labels_")
    assert pipe[-1].inertia_ == pytest.approx(-score, rel=0.2)
    known = clone(pipe).set_params(schedule="per-step").fit(rows)
    assert score == pytest.approx(known.score(rows), rel=0.02)
    np.testing.assert_array_equal(pipe.transform(table).argmin(axis=1), labels)
    assert list(pipe[-1].get_feature_names_out()) == [f"minibatchkmeans{i}" for i in range(K)]


def test_the_clusters_follow_when_the_statistics_ahead_move():
    """The scale of the first block is wrong by 100; centres are rescaled, not left behind."""
    table = blobs(4000, spread=0.3)
    table[:400] = table[:400].mean(axis=0) + (table[:400] - table[:400].mean(axis=0)) / 100
    rows = dask_array(table, (400,) * 10)
    pipe = make_pipeline(StandardScaler(), MiniBatchKMeans(K, random_state=0)).fit(rows)
    shrunk = pipe[0].transform(table[:400])
    spread = np.ptp(pipe[-1].cluster_centers_, axis=0)
    assert np.all(spread < 6)
    assert np.abs(shrunk).max() < 6


def test_one_pass_in_memory_takes_rows_in_random_order():
    order = np.argsort(X[:, 0])
    how = {"n_init": 3, "batch_size": 50, "random_state": 0}
    pipe = make_pipeline(StandardScaler(), MiniBatchKMeans(K, **how), schedule="one-pass")
    pipe.fit(X[order])
    known = clone(pipe).set_params(schedule="per-step").fit(X)
    assert pipe.score(X) == pytest.approx(known.score(X), rel=0.1)
    assert pipe[-1].n_iter_ > 1


def test_partial_fit_of_a_pipeline_is_that_of_its_steps():
    pipe = make_pipeline(StandardScaler(), MiniBatchKMeans(K, random_state=0))
    for rows in np.split(X, 3):
        pipe.partial_fit(rows)
    assert pipe[-1].n_steps_ == 3
    assert state(pipe[-1]).counts.sum() == N
    np.testing.assert_array_equal(pipe.predict(X), pipe.predict(dask_array(X, CHUNKS)).compute())


def test_a_target_is_for_the_steps_ahead():
    """y of any kind may be there; k-means does not look at it."""
    y = np.array(["a", "b"] * (N // 2))
    rows, target = dask_array(X, CHUNKS), dask_array(y, CHUNKS)
    pipe = make_pipeline(StandardScaler(), MiniBatchKMeans(K, random_state=0))
    with_y = clone(pipe).fit(rows, target)
    without = clone(pipe).fit(rows)
    np.testing.assert_array_equal(with_y[-1].cluster_centers_, without[-1].cluster_centers_)
    weights = {"minibatchkmeans__sample_weight": WEIGHT}
    weighted = clone(pipe).fit(rows, target, **weights)
    assert state(weighted[-1]).counts.sum() == WEIGHT.sum()


@pytest.mark.parametrize(
    ("what", "says"),
    [({"init": "k-means||"}, "several times"), ({"tol": 0.1, "max_iter": 2}, "variance")],
)
def test_one_pass_cannot_look_ahead(what, says):
    pipe = make_pipeline(StandardScaler(), MiniBatchKMeans(K, **what))
    with pytest.raises(NotImplementedError, match=says):
        pipe.fit(dask_array(X, CHUNKS))


# What comes out


def test_set_output_names_the_clusters():
    model = MiniBatchKMeans(3, random_state=0).fit(X).set_output(transform="pandas")
    names = ["minibatchkmeans0", "minibatchkmeans1", "minibatchkmeans2"]
    assert list(model.transform(X).columns) == names
    lazy = model.transform(dask_array(X, CHUNKS))
    assert isinstance(lazy, dd.DataFrame)
    assert list(lazy.columns) == names
    np.testing.assert_allclose(lazy.compute(), model.transform(X))


def test_lazy_answers_come_in_blocks():
    model = MiniBatchKMeans(3, random_state=0).fit(X)
    rows = dask_array(X, CHUNKS, known=False)
    assert [len(block) for block in blocks_of(model.predict(rows))] == list(CHUNKS)
    out = model.fit_transform(rows)
    assert out.shape[1] == 3
    assert [block.shape for block in blocks_of(out)] == [(n, 3) for n in CHUNKS]
    assert model.score(rows) == pytest.approx(-model.inertia_)


# Bad input


def wrong() -> dict[str, tuple[dict[str, Any], Any, str]]:
    nan = X.copy()
    nan[400, 2] = np.nan
    few = dask_array(X[:5], (3, 0, 2))
    return {
        "NaN": ({}, nan, "Input X contains NaN"),
        "NaN in a block": ({}, dask_array(nan, CHUNKS), "NaN.*block 3"),
        "too few rows": ({"n_clusters": 9}, X[:8], r"n_samples=8 should be >= n_clusters=9\."),
        "too few in all blocks": ({}, few, r"n_samples=5 should be >= n_clusters=8\."),
        "too few centers": ({"init": X[:3]}, X, r"\(3, 4\) does not match the number of clusters"),
        "narrow centers": ({"init": X[:8, :3]}, X, r"\(8, 3\) does not match the number of feat"),
        "NaN among the centers": ({"init": nan[399:407]}, X, "NaN"),
        "a callable's shape": ({"init": lambda X, k, random_state: X[:2], "n_init": 1}, X, "shape"),
        "no rows": ({}, X[:0], "0 sample"),
        "no rows in blocks": ({}, dask_array(X[:0], (0, 0)), "0 sample"),
    }


@pytest.mark.parametrize("what", wrong())
def test_bad_input_is_named_and_leaves_the_model_as_it_was(what):
    params, rows, says = wrong()[what]
    model = MiniBatchKMeans(random_state=0).fit(X)
    before = dict(vars(model))
    for method in ("fit", "partial_fit"):
        fresh = MiniBatchKMeans(random_state=0, **params)
        with pytest.raises(ValueError, match=f"(?s){says}"):
            getattr(fresh, method)(rows)
        assert not hasattr(fresh, "cluster_centers_")
    model.set_params(**params)
    before |= params
    with pytest.raises(ValueError, match=f"(?s){says}"):
        model.fit(rows)
    assert vars(model).keys() == before.keys()
    assert all(vars(model)[name] is before[name] for name in before)


@pytest.mark.parametrize(
    "init", ["k-means++", "random", "k-means||", X[:8], leading_rows], ids=lambda x: str(x)[:10]
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_rows_too_large_to_be_squared_are_refused(method, init):
    """Which centre is the nearest would be guessed, and the clusters be one, without a word."""
    rows = X * 1e200
    late = np.concatenate([X[:200], rows[200:]])
    init = init * 1e200 if isinstance(init, np.ndarray) else init
    for how in ({"n_init": 1}, {"n_init": 3, "tol": 0.1, "max_iter": 2}):
        how = {"n_init": 1} if isinstance(init, np.ndarray) else how
        model = MiniBatchKMeans(init=init, batch_size=50, random_state=0, **how)
        for table in (rows, late):
            for made in (table, *(dask_array(table, c) for c in (CHUNKS, (8,) * 75))):
                words = "overflow occurred in the squared distances"
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    with pytest.raises(ValueError, match=words):
                        getattr(model, method)(made)
        assert not hasattr(model, "cluster_centers_")
    small = MiniBatchKMeans(init=X[:8] * 1e25, n_init=1, random_state=0)
    with pytest.raises(ValueError, match="overflow occurred"):
        small.fit((X * 1e25).astype(np.float32))


def test_the_first_blocks_do_not_matter_where_centers_are_given():
    model = MiniBatchKMeans(init=X[:8], reassignment_ratio=0).fit(dask_array(X, (5, 595)))
    assert state(model).counts.sum() == N


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize(
    "init", ["k-means++", "random", "k-means||", X[:8]], ids=lambda x: str(x)[:10]
)
def test_wrong_weights_are_named(init, lazy):
    model = MiniBatchKMeans(init=init, n_init=1, random_state=0)
    rows = dask_array(X, CHUNKS) if lazy else X
    with pytest.raises(ValueError, match="non-zero"):
        model.fit(rows, sample_weight=np.zeros(N))
    negative = np.where(np.arange(N) == 3, -1.0, 1.0)
    if not lazy or isinstance(init, str):  # else nothing is drawn by weight
        with pytest.raises(ValueError, match="must not be negative"):
            model.fit(rows, sample_weight=negative)
    with pytest.raises(ValueError, match=r"inconsistent|shape"):
        model.fit(rows, sample_weight=np.ones(N - 1))
    with pytest.raises(ValueError, match="non-zero"):
        model.fit(rows).score(rows, sample_weight=np.zeros(N))


def test_settings_that_do_not_go_together_warn():
    with pytest.warns(RuntimeWarning, match=r"init_size=3 should be larger than n_clusters=8"):
        MiniBatchKMeans(init_size=3, random_state=0).fit(X)
    with pytest.warns(RuntimeWarning, match="performing only one init .* instead of n_init=5"):
        MiniBatchKMeans(init=X[:8], n_init=5).fit(X)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_clusters", 0),
        ("init", "kmeans"),
        ("init", 3),
        ("max_iter", 0),
        ("batch_size", 0),
        ("tol", -1.0),
        ("max_no_improvement", -1),
        ("init_size", 0),
        ("n_init", 0),
        ("reassignment_ratio", -0.1),
    ],
)
def test_parameters_out_of_range_are_refused_by_name(name, value):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of MiniBatchKMeans"):
        MiniBatchKMeans(**{name: value}).fit(X)


def test_not_fitted_is_said():
    from sklearn.exceptions import NotFittedError

    for method in ("predict", "transform", "score"):
        with pytest.raises(NotFittedError):
            getattr(MiniBatchKMeans(), method)(X)
    assert not hasattr(MiniBatchKMeans(), "inertia_")


@pytest.mark.parametrize("init", ["k-means++", "random", "k-means||"])
def test_duplicates_are_as_many_clusters_as_there_are(init):
    rows = X[np.random.default_rng(0).integers(0, 3, 150)] + 1e8
    for made in (rows, dask_array(rows, (60, 90))):
        model = MiniBatchKMeans(8, init=init, n_init=9, random_state=0).fit(made)
        assert model.inertia_ == pytest.approx(0, abs=1e-20)
        found = model.cluster_centers_[np.unique(np.asarray(model.labels_))]
        assert len(np.unique(found.round(9), axis=0)) == 3


# Many clusters of many features: scores in float32, and labels by bounds


def wide_blobs(n: int, seed: int, spread: float = 1.0) -> np.ndarray:
    """Return rows around 60 centres of 80 features."""
    centers = np.random.default_rng(0).normal(size=(60, 80))
    rng = np.random.default_rng(seed)
    return centers[rng.integers(0, 60, n)] + spread * rng.normal(size=(n, 80))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("spread", [0.5, 3.0])
@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_many_wide_clusters_are_scikit_learns(offset, spread, weighted):
    how = {"n_clusters": 60, "init": wide_blobs(60, 1, spread) + offset, "n_init": 1}
    ours, known = (cls(**how, random_state=0) for cls in (MiniBatchKMeans, Theirs))
    for seed in range(6):
        rows = wide_blobs(900, seed, spread) + offset
        weight = np.random.default_rng(seed).random(900) if weighted else None
        for model in (ours, known):
            model.partial_fit(rows, sample_weight=weight)
        assert_like_theirs(ours, known)
    np.testing.assert_array_equal(ours.predict(rows), known.predict(rows))
    fits = (cls(60, random_state=0, max_iter=20).fit(rows) for cls in (MiniBatchKMeans, Theirs))
    assert_like_theirs(*fits)


def test_labels_after_a_step_compare_few_rows_again(monkeypatch):
    """Most rows have the same centre for sure, and the others are compared with all centres."""
    compared: list[int] = []
    model = MiniBatchKMeans(60, init=wide_blobs(60, 1), n_init=1, random_state=0)
    for seed in range(8):
        model.partial_fit(wide_blobs(2000, seed))

    def watched(rows, centers):
        compared.append(len(rows))
        return b.nearest_in_single(rows, centers)

    monkeypatch.setattr("streamlearn.core.kmeans.assignment.nearest_in_single", watched)
    rows = wide_blobs(2000, 8)
    model.partial_fit(rows)
    assert compared[0] == 2000
    assert sum(compared[1:]) < 600
    np.testing.assert_array_equal(model.labels_, model.predict(rows))
    assert model.inertia_ == pytest.approx(-model.score(rows), rel=1e-12)


def test_labels_after_a_reassignment_are_those_of_the_moved_centers():
    model = MiniBatchKMeans(60, init=wide_blobs(60, 1), n_init=1, random_state=0)
    model.set_params(reassignment_ratio=0.7)
    for seed in range(4):
        rows = wide_blobs(900, seed)
        model.partial_fit(rows)
        np.testing.assert_array_equal(model.labels_, model.predict(rows))
        assert model.inertia_ == pytest.approx(-model.score(rows), rel=1e-12)


def test_partial_fit_leaves_the_threads_of_blas_as_they_were(monkeypatch):
    from threadpoolctl import threadpool_info, threadpool_limits

    def threads() -> list[int]:
        return [each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"]

    during: list[list[int]] = []
    called = b.sums_by_label
    monkeypatch.setattr(b, "sums_by_label", lambda *a: during.append(threads()) or called(*a))
    with threadpool_limits(2, user_api="blas"):
        MiniBatchKMeans(K, random_state=0).partial_fit(X)
        assert set(threads()) == {2}
    assert set(during[0]) == {1}
