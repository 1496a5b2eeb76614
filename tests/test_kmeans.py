"""KMeans: scikit-learn's clusters in memory; over blocks each iteration is one pass."""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterator
from typing import Any

import dask
import dask.array as da
import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.cluster import KMeans as Theirs
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._array_api import move_estimator_to
from threadpoolctl import threadpool_limits

from streamlearn._arrays import to_numpy
from streamlearn.cluster import KMeans, MiniBatchKMeans
from streamlearn.cluster.kmeans_parallel import ROUNDS
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler
from tests.containers import blocks_of, dask_array, dask_frame, frame

N, D, K = 600, 4, 6
CHUNKS = (150, 0, 1, 249, 200)


def blobs(n: int = N, k: int = K, seed: int = 0, spread: float = 1.5) -> np.ndarray:
    """Rows around ``k`` centres, in random order, a little away from zero."""
    rng = np.random.default_rng(seed)
    centers = 3 * rng.normal(size=(k, D)) + [0, 3, -2, 1]
    return centers[rng.integers(0, k, n)] + spread * rng.normal(size=(n, D))


X = blobs()
WEIGHT = np.random.default_rng(1).integers(0, 4, N) / 2
LOST = X[:8] + 1e3 * np.outer(np.arange(8) > 3, [1, 0, 0, 0])
"""Centres, half of which have no rows."""


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Let scikit-learn's threads not wait for each other, which takes most of the time."""
    with threadpool_limits(1):
        yield


def first_rows(X: Any, n_clusters: int, random_state: np.random.RandomState) -> Any:
    """Return centres by a draw that both must make alike."""
    return X[int(random_state.randint(5)) :, :][:n_clusters, :] + 0.0


def assert_like_theirs(ours: KMeans, known: Theirs, tolerance: float = 1e-9) -> None:
    scale = np.abs(known.cluster_centers_).max()
    got = to_numpy(ours.cluster_centers_)
    np.testing.assert_allclose(got, known.cluster_centers_, rtol=0, atol=tolerance * scale)
    np.testing.assert_array_equal(np.asarray(ours.labels_), known.labels_)
    assert ours.labels_.dtype == known.labels_.dtype
    assert ours.inertia_ == pytest.approx(known.inertia_, rel=tolerance)
    assert ours.n_iter_ == known.n_iter_


# In memory: scikit-learn's own draws


HOW: dict[str, dict[str, Any]] = {
    "default": {},
    "starts": {"n_init": 4},
    "empty clusters": {"init": LOST},
    "random": {"init": "random", "n_init": 3},
    "callable": {"init": first_rows, "n_init": 2},
    "array": {"init": X[:8].tolist()},
    "to the end": {"tol": 0},
    "coarse": {"tol": 1e-1},
    "few iterations": {"max_iter": 2},
    "one cluster": {"n_clusters": 1},
    "elkan": {"algorithm": "elkan", "n_clusters": 12},
    "many clusters": {"n_clusters": 200, "init": "random", "n_init": 1},
}


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["", "weights"])
@pytest.mark.parametrize("how", HOW)
def test_fit_is_scikit_learns(how, weight):
    for seed in range(2):
        params = {"random_state": seed, **HOW[how]}
        known = Theirs(**params).fit(X, sample_weight=weight)
        ours = KMeans(**params).fit(X, sample_weight=weight)
        assert_like_theirs(ours, known)
        np.testing.assert_array_equal(ours.predict(X), known.predict(X))
        np.testing.assert_allclose(ours.transform(X), known.transform(X), rtol=1e-9, atol=1e-6)
        want = known.score(X, sample_weight=weight)
        assert ours.score(X, sample_weight=weight) == pytest.approx(want, rel=1e-9)


@pytest.mark.thorough
def test_small_tables_are_scikit_learns():
    for seed in range(150):
        rng = np.random.default_rng(seed)
        n, d, k = (int(rng.integers(*ends)) for ends in ((10, 200), (1, 5), (1, 10)))
        rows = rng.normal(size=(n, d)) + 3 * rng.normal(size=(k, d))[rng.integers(0, k, n)]
        weight = rng.random(n) if seed % 2 else None
        how = {"init": "random" if seed % 3 else "k-means++", "n_init": 1 + seed % 4}
        ours, known = (
            cls(k, random_state=seed, **how).fit(rows, sample_weight=weight)
            for cls in (KMeans, Theirs)
        )
        assert_like_theirs(ours, known)


@pytest.mark.parametrize("tol", [0, 0.01])
def test_verbose_prints_scikit_learns_lines(capsys, tol):
    printed = []
    for cls in (KMeans, Theirs):
        cls(5, init="random", n_init=2, random_state=0, verbose=1, tol=tol).fit(X)
        lines = capsys.readouterr().out.splitlines()
        printed.append([re.sub(r"\d+\.\d{6,}", lambda x: x[0][:8], line) for line in lines])
    assert printed[0] == printed[1]
    assert any("Converged" in line for line in printed[0])


def test_a_random_state_is_drawn_from_as_scikit_learn_does():
    ours, theirs = (np.random.RandomState(0) for _ in range(2))
    KMeans(K, n_init=3, random_state=ours).fit(X)
    Theirs(K, n_init=3, random_state=theirs).fit(X)
    assert ours.randint(1 << 30) == theirs.randint(1 << 30)


def test_float32_is_as_far_as_scikit_learns_own():
    rows = X.astype(np.float32)
    ours, known = (cls(K, random_state=0).fit(rows) for cls in (KMeans, Theirs))
    assert ours.cluster_centers_.dtype == ours.transform(rows).dtype == np.float32
    assert_like_theirs(ours, known, tolerance=1e-5)


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize(("offset", "dtype"), [(1e8, np.float64), (1e4, np.float32)])
def test_far_from_zero_the_clusters_are_those_at_zero(offset, dtype, lazy):
    grid = float(np.spacing(dtype(offset)))
    here = np.round(X / grid) * grid
    made = (lambda x: dask_array(x, CHUNKS)) if lazy else np.asarray
    there = made((here + offset).astype(dtype))
    want = KMeans(K, init="random", n_init=1, random_state=0).fit(made(here))
    got = KMeans(K, init="random", n_init=1, random_state=0).fit(there)
    np.testing.assert_array_equal(np.asarray(got.labels_), np.asarray(want.labels_))
    assert got.inertia_ == pytest.approx(want.inertia_, rel=1e-6)
    assert got.n_iter_ == want.n_iter_


def test_a_weight_is_as_many_rows():
    weight = np.random.default_rng(3).integers(0, 4, N)
    init = X[:5] + 0.1
    ours = KMeans(5, init=init).fit(X, sample_weight=weight)
    known = KMeans(5, init=init).fit(np.repeat(X, weight, axis=0))
    np.testing.assert_allclose(ours.cluster_centers_, known.cluster_centers_, rtol=1e-12)
    assert ours.inertia_ == pytest.approx(known.inertia_, rel=1e-12)


def test_every_library_has_numpys_clusters(backend):
    table, w = X[:200], WEIGHT[:200]
    known = KMeans(K, init=X[:K], max_iter=4).fit(table, sample_weight=w)
    rows, weight = backend.asarray(table), backend.asarray(w)
    model = KMeans(K, init=backend.asarray(X[:K]), max_iter=4).fit(rows, sample_weight=weight)
    for array in (model.cluster_centers_, model.transform(rows)):
        backend.check(array, backend.widest)
    backend.check(model.labels_, "int32")
    tolerance = {"rtol": 1e-9, "atol": 1e-9} if backend.widest == "float64" else {"atol": 1e-2}
    got = backend.to_numpy(model.cluster_centers_)
    np.testing.assert_allclose(got, known.cluster_centers_, **tolerance)
    for init in ("random", first_rows, LOST, "k-means||"):
        drawn = KMeans(8, init=init, n_init=1, max_iter=3, random_state=0)
        drawn.fit(dask_array(table, (60, 0, 1, 139), make=backend.asarray))
        assert 0 < drawn.inertia_ < known.inertia_ * 2
        backend.check(drawn.cluster_centers_, backend.widest)


# Empty clusters


@pytest.mark.parametrize("weight", [None, WEIGHT + 0.5], ids=["", "weights"])
@pytest.mark.parametrize("empty", [1, 2, 4])
def test_empty_clusters_move_to_far_rows_with_one_more_read(empty, weight):
    init = np.concatenate([X[: 8 - empty], X[8 - empty : 8] + 1e3])
    known = Theirs(8, init=init).fit(X, sample_weight=weight)
    reads: list = []
    with dask.config.set(scheduler="sync"):
        rows = dask_array(X, CHUNKS, log=reads)
        ours = KMeans(8, init=init).fit(rows, sample_weight=weight)
    assert len(reads) == (known.n_iter_ + 1) * len(CHUNKS)
    # of the far rows which goes to which of the empty clusters is another order
    order, wanted = (np.lexsort(m.cluster_centers_.T) for m in (ours, known))
    got, want = ours.cluster_centers_[order], known.cluster_centers_[wanted]
    np.testing.assert_allclose(got, want, rtol=1e-9)
    assert ours.n_iter_ == known.n_iter_
    assert ours.inertia_ == pytest.approx(known.inertia_, rel=1e-9)


def test_no_cluster_moves_to_a_row_without_weight():
    rows = np.concatenate([X, [[1e4, 0, 0, 0]]])
    weight = np.append(np.ones(N), 0.0)
    init = np.concatenate([X[:5], X[5:6] - 1e3])
    for made in (rows, dask_array(rows, (300, 301))):
        model = KMeans(6, init=init, tol=0).fit(made, sample_weight=weight)
        known = KMeans(6, init=init, tol=0).fit(X)
        np.testing.assert_allclose(model.cluster_centers_, known.cluster_centers_, rtol=1e-12)


@pytest.mark.parametrize("init", ["k-means++", "random", "k-means||"])
def test_duplicates_are_as_many_clusters_as_there_are(init):
    rows = X[np.random.default_rng(0).integers(0, 3, 150)] + 1e8
    for made in (rows, dask_array(rows, (60, 90))):
        with pytest.warns(ConvergenceWarning, match=r"distinct clusters \([123]\) .*\(8\)"):
            model = KMeans(8, init=init, n_init=9, random_state=0).fit(made)
        assert model.inertia_ == pytest.approx(0, abs=1e-20)
        found = model.cluster_centers_[np.unique(np.asarray(model.labels_))]
        assert len(np.unique(found.round(6), axis=0)) == 3
        inside = np.abs(model.cluster_centers_[:, None] - rows[:20]).max(axis=2).min(axis=1)
        assert inside.max() < 1e-6


# Over collections


@pytest.mark.parametrize("kind", ["array", "unknown lengths", "frame", "source"])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_iterations_are_those_of_memory(kind, weighted):
    n = 200 if kind == "frame" else N
    weight = WEIGHT[:n] if weighted else None
    known = Theirs(7, init=X[:7]).fit(X[:n], sample_weight=weight)
    given: Any = dask_array(X, CHUNKS, known=kind == "array")
    along = None if weight is None else dask_array(weight, CHUNKS, known=kind == "array")
    if kind == "frame":
        given, along = dask_frame(X[:200]), None if weight is None else dask_frame(weight)
    if kind == "source":
        ends = np.cumsum(CHUNKS)

        def given() -> Any:
            for n, end in zip(CHUNKS, ends, strict=True):
                block = X[end - n : end]
                yield block if weight is None else (block, None, weight[end - n : end])

        along = None
    model = KMeans(7, init=X[:7]).fit(given, sample_weight=along)
    np.testing.assert_allclose(model.cluster_centers_, known.cluster_centers_, rtol=1e-10)
    assert model.n_iter_ == known.n_iter_
    assert model.inertia_ == pytest.approx(known.inertia_, rel=1e-10)
    parts = list(model.labels_) if kind == "source" else blocks_of(model.labels_)
    labels = np.concatenate([np.asarray(part) for part in parts])
    np.testing.assert_array_equal(labels, known.labels_)


STARTS = {"k-means||": ROUNDS + 2, "random": 1, "k-means++": 1, "callable": 1, "array": 0}


@pytest.mark.parametrize("n_init", [1, 5])
@pytest.mark.parametrize("init", STARTS)
def test_each_iteration_reads_each_block_once_for_all_starts(init, n_init):
    n_init = 1 if init == "array" else n_init
    how = {"callable": first_rows, "array": X[:8]}.get(init, init)
    reads: list = []
    with dask.config.set(scheduler="sync"):
        rows = dask_array(X, CHUNKS, log=reads)
        model = KMeans(8, init=how, n_init=n_init, max_iter=4, tol=0, random_state=0).fit(rows)
        passes = STARTS[init] + 4 + (n_init > 1)  # the last one compares the starts
        assert sorted(reads) == sorted([*range(len(CHUNKS))] * passes)
        assert isinstance(model.labels_, da.Array)
        want = -model.score(rows)
        reads.clear()
        assert model.inertia_ == model.inertia_ == pytest.approx(want, rel=1e-12)
        assert len(reads) == (n_init == 1) * len(CHUNKS)


def test_if_no_row_has_changed_its_cluster_the_inertia_is_known():
    reads: list = []
    with dask.config.set(scheduler="sync"):
        rows = dask_array(X, CHUNKS, log=reads)
        model = KMeans(K, init=X[:K], tol=0).fit(rows)
        assert len(reads) == model.n_iter_ * len(CHUNKS)
        reads.clear()
        known = Theirs(K, init=X[:K], tol=0).fit(X)
        assert model.inertia_ == pytest.approx(known.inertia_, rel=1e-12)
        assert model.n_iter_ == known.n_iter_
    assert reads == []


def test_the_best_of_all_starts_is_kept():
    rows = dask_array(X, CHUNKS)
    found = [KMeans(K, init="random", n_init=n, random_state=0).fit(rows) for n in (1, 8)]
    assert found[1].inertia_ < found[0].inertia_
    known = Theirs(K, init="random", n_init=8, random_state=0).fit(X)
    assert found[1].inertia_ == pytest.approx(known.inertia_, rel=1e-9)


@pytest.mark.parametrize(
    "init", ["k-means++", "random", first_rows], ids=["k-means++", "random", "callable"]
)
def test_few_rows_have_the_start_of_memory(init):
    """All of them are in the sample, in order: also those behind rows of weight 0."""
    how = {"n_clusters": 5, "init": init, "n_init": 2, "random_state": 1}
    if callable(init):
        known = KMeans(**how).fit(X)
        model = KMeans(**how).fit(dask_array(X, CHUNKS))
    else:
        known = KMeans(**how).fit(X, sample_weight=WEIGHT)
        model = KMeans(**how).fit(dask_array(X, CHUNKS), sample_weight=WEIGHT)
    np.testing.assert_allclose(model.cluster_centers_, known.cluster_centers_, rtol=1e-10)


@pytest.mark.parametrize("init", ["auto", "k-means++"])
def test_starts_come_from_all_rows(init):
    """Each cluster is in one of the blocks, and there are more rows than a sample has."""
    rng = np.random.default_rng(0)
    centers = 50 * rng.normal(size=(5, 2))
    rows = np.repeat(centers, 2000, axis=0) + rng.normal(size=(10_000, 2))
    model = KMeans(5, init=init, n_init=10, random_state=0)
    model.fit(dask_array(rows, (2000,) * 5))
    assert model.inertia_ == pytest.approx(20_000, rel=0.05)


def test_a_sample_is_drawn_without_replacement_and_by_no_order():
    from streamlearn._estimator.inputs import check_inputs
    from streamlearn.cluster.starts import sample_of

    rows = np.arange(5000.0)[:, None]
    drawn = []
    for seed in range(20):
        given = check_inputs(KMeans(), dask_array(rows, (1000, 1500, 2500)), reset=True)
        found, _ = sample_of(given.blocks, given.reader, 100, np.random.RandomState(seed))
        assert len(np.unique(found)) == 100
        drawn.append(found)
    counts = np.histogram(np.concatenate(drawn), bins=[0, 1000, 2500, 5000])[0]
    np.testing.assert_allclose(counts, [400, 600, 1000], atol=90)  # 4 standard deviations


@pytest.mark.parametrize("lazy", [False, True])
def test_sparse_rows_are_dense_ones(lazy):
    table = np.where(X > 1, X, 0.0)
    rows: Any = csr_array(table)
    if lazy:
        rows = dask_array(table, CHUNKS).map_blocks(csr_array)
    for how in ({"init": table[:7]}, {"init": "random", "n_init": 2}, {"init": "k-means++"}):
        known = Theirs(7, random_state=0, **how).fit(csr_array(table), sample_weight=WEIGHT)
        ours = KMeans(7, random_state=0, **how).fit(rows, sample_weight=WEIGHT)
        np.testing.assert_allclose(ours.cluster_centers_, known.cluster_centers_, atol=1e-10)
        assert ours.n_iter_ == known.n_iter_
        assert ours.inertia_ == pytest.approx(known.inertia_, rel=1e-9)
    lost = np.concatenate([table[:6], table[:1] + 1e3])
    known = Theirs(7, init=lost).fit(table)
    np.testing.assert_allclose(
        KMeans(7, init=lost).fit(rows).cluster_centers_, known.cluster_centers_, atol=1e-10
    )


def test_the_same_bits_on_every_scheduler_and_one_row_a_block():
    how = {"n_clusters": K, "n_init": 2, "random_state": 0}
    found = set()
    for scheduler in ("sync", "threads"):
        with dask.config.set(scheduler=scheduler):
            model = KMeans(**how).fit(dask_array(X, CHUNKS))
            found.add(model.cluster_centers_.tobytes())
    assert len(found) == 1
    single = KMeans(K, init=X[:K]).fit(dask_array(X[:40], (1,) * 40))
    known = Theirs(K, init=X[:K]).fit(X[:40])
    np.testing.assert_allclose(single.cluster_centers_, known.cluster_centers_, rtol=1e-12)


# What comes out


def test_a_pickle_has_no_collection():
    model = KMeans(K, random_state=0).fit(dask_array(X, CHUNKS))
    kept = pickle.loads(pickle.dumps(model))
    assert not hasattr(kept, "labels_")
    np.testing.assert_array_equal(kept.predict(X), model.labels_.compute())
    again = pickle.loads(pickle.dumps(KMeans(K, random_state=0).fit(X)))
    assert again.inertia_ == KMeans(K, random_state=0).fit(X).inertia_


def test_a_moved_model_answers_where_it_is(backend):
    if backend.widest != "float64" or backend.name in ("numpy", "readonly"):
        pytest.skip("scikit-learn moves 64 bits, and from NumPy")
    model = KMeans(K, random_state=0).fit(X)
    moved = move_estimator_to(model, backend.xp, backend.device)
    rows = backend.asarray(X)
    np.testing.assert_array_equal(backend.to_numpy(moved.predict(rows)), model.labels_)
    assert moved.score(rows) == pytest.approx(model.score(X), rel=1e-12)


def test_frames_have_their_index_and_names():
    model = KMeans(K, random_state=0).fit(dask_frame(X[:200]))
    labels = model.labels_.compute()
    np.testing.assert_array_equal(labels.index, dask_frame(X[:200]).compute().index)
    in_memory = KMeans(K, random_state=0).fit(frame(X[:200]))
    assert list(in_memory.feature_names_in_) == list(model.feature_names_in_)
    names = [f"kmeans{i}" for i in range(K)]
    assert list(model.get_feature_names_out()) == names
    assert list(model.transform(dask_frame(X[:200])).columns) == names


@pytest.mark.parametrize("schedule", ["auto", "per-step"])
def test_a_pipeline_fits_the_steps_before_it_in_passes_of_their_own(schedule):
    table = X * [1, 100, 0.1, 1]
    reads: list = []
    with dask.config.set(scheduler="sync"):
        rows = dask_array(table, CHUNKS, log=reads)
        pipe = make_pipeline(StandardScaler(), KMeans(K, init="random", random_state=0, n_init=2))
        pipe.set_params(schedule=schedule).fit(rows)
        # one for the scaler, one for the starts, one to compare them
        most = 1 + 1 + pipe[-1].max_iter + 1
        assert 4 * len(CHUNKS) < len(reads) < most * len(CHUNKS)
        reads.clear()
        labels = pipe.predict(rows)
        assert reads == []
    scaled = StandardScaler().fit(table).transform(table)
    known = Theirs(K, init="random", random_state=0, n_init=2).fit(scaled)
    np.testing.assert_allclose(pipe[-1].cluster_centers_, known.cluster_centers_, atol=1e-9)
    np.testing.assert_array_equal(labels.compute(), known.labels_)
    assert pipe.score(rows) == pytest.approx(-known.inertia_, rel=1e-9)


def test_one_pass_is_not_enough():
    pipe = make_pipeline(StandardScaler(), KMeans(K), schedule="one-pass")
    with pytest.raises(TypeError, match=r"'kmeans' \(KMeans\) cannot .* passes over the rows sev"):
        pipe.fit(dask_array(X, CHUNKS))


# Bad input


def wrong() -> dict[str, tuple[dict[str, Any], Any, str]]:
    nan = X.copy()
    nan[400, 2] = np.nan
    few, negative = dask_array(X[:5], (3, 0, 2)), np.where(np.arange(N) == 200, -1.0, 1.0)
    weights = {"zero": np.zeros(N), "negative": negative, "few": (np.arange(N) < 3) * 1.0}
    return {
        "NaN": ({}, (nan,), "Input X contains NaN"),
        "NaN in a block": ({}, (dask_array(nan, CHUNKS),), "NaN.*block 4"),
        "too few rows": ({"n_clusters": 9}, (X[:8],), r"n_samples=8 should be >= n_clusters=9\."),
        "too few in all blocks": ({"init": X[:8]}, (few,), r"n_samples=5 .* >= n_clusters=8\."),
        "too few to draw from": ({"init": "random"}, (few,), r"n_samples=5 .* >= n_clusters=8\."),
        "too few for k-means||": ({}, (few,), r"n_samples=5 .* >= n_clusters=8\."),
        "too few centers": ({"init": X[:3]}, (X,), r"\(3, 4\) does not match the number of clus"),
        "narrow centers": ({"init": X[:8, :3]}, (X,), r"\(8, 3\) does not match the number of f"),
        "NaN among the centers": ({"init": nan[399:407]}, (X,), "NaN"),
        "a callable's shape": ({"init": lambda X, k, random_state: X[:2]}, (X,), "shape"),
        "no rows": ({}, (X[:0],), "0 sample"),
        "no rows in blocks": ({}, (dask_array(X[:0], (0, 0)),), "0 sample"),
        "no rows for given centers": ({"init": X[:8]}, (dask_array(X[:0], (0,)),), "0 sample"),
        **{
            f"{name} weights, {kind}": ({"init": init}, (made, None, weights[name]), says)
            for kind, made in (("memory", X), ("blocks", dask_array(X, CHUNKS)))
            for init in ("k-means++", X[:8])
            for name, says in (("zero", "non-zero"), ("negative", "must not be negative"))
        },
    }


@pytest.mark.complete
@pytest.mark.parametrize("what", wrong())
def test_bad_input_is_named_and_leaves_the_model_as_it_was(what):
    params, given, says = wrong()[what]
    fresh = KMeans(random_state=0, **params)
    with pytest.raises(ValueError, match=f"(?s){says}"):
        fresh.fit(*given)
    assert not hasattr(fresh, "cluster_centers_")
    model = KMeans(random_state=0).fit(X)
    before = dict(vars(model)) | params
    with pytest.raises(ValueError, match=f"(?s){says}"):
        model.set_params(**params).fit(*given)
    assert vars(model).keys() == before.keys()
    assert all(vars(model)[name] is before[name] for name in before)


@pytest.mark.parametrize(
    "init", ["k-means++", "random", "k-means||", X[:8]], ids=lambda x: str(x)[:9]
)
def test_rows_too_large_to_be_squared_are_refused(init):
    rows = X * 1e200
    init = init * 1e200 if isinstance(init, np.ndarray) else init
    for table in (rows, np.concatenate([X[:200], rows[200:]])):
        for made in (table, dask_array(table, CHUNKS)):
            model = KMeans(init=init, n_init=1, random_state=0)
            with pytest.raises(ValueError, match="overflow occurred in the squared distances"):
                model.fit(made)
            assert not hasattr(model, "cluster_centers_")


def test_settings_that_do_not_go_together_warn():
    with pytest.warns(RuntimeWarning, match="performing only one init .* instead of n_init=5"):
        KMeans(init=X[:8], n_init=5).fit(X)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("n_clusters", 0), ("init", "kmeans"), ("init", 3), ("max_iter", 0), ("tol", -1.0)),
        *(("n_init", 0), ("algorithm", "full"), ("copy_x", "yes")),
    ],
)
def test_parameters_out_of_range_are_refused_by_name(name, value):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of KMeans"):
        KMeans(**{name: value}).fit(X)


# Many clusters of many features: scores in float32


@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_many_wide_clusters_are_scikit_learns(offset):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(60, 80))[rng.integers(0, 60, 2000)] + rng.normal(size=(2000, 80))
    for init in (rows[:60] + offset, "random"):
        ours, known = (
            cls(60, init=init, n_init=1, random_state=0).fit(rows + offset)
            for cls in (KMeans, Theirs)
        )
        assert_like_theirs(ours, known)


@pytest.mark.parametrize("k", [20, 50])
@pytest.mark.parametrize("cls", [KMeans, MiniBatchKMeans])
def test_one_start_finds_clusters_by_which_the_rows_are_sorted(cls, k):
    rng = np.random.default_rng(k)
    centers = rng.uniform(-10, 10, size=(k, 8))
    rows = np.repeat(centers, 8000 // k, axis=0)
    rows = rows + rng.normal(size=rows.shape)
    model = cls(k, init="k-means||", random_state=0).fit(da.from_array(rows, (1000, 8)))
    best = Theirs(k, init=centers, n_init=1).fit(rows).inertia_
    assert -model.score(rows) < 1.04 * best
