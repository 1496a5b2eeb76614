"""MiniBatchKMeans on sparse rows: scikit-learn's clusters in memory, and those of dense blocks."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import dask
import numpy as np
import pytest
from scipy import sparse as sp
from sklearn.cluster import MiniBatchKMeans as Theirs
from sklearn.feature_extraction.text import HashingVectorizer

from streamlearn.cluster import MiniBatchKMeans
from streamlearn.core import kmeans
from streamlearn.core.kmeans.plus_plus import seeds
from streamlearn.core.learner import Batch
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler
from tests.containers import dask_array
from tests.test_cluster import HOW, assert_like_theirs

N, D, K = 600, 12, 6
CHUNKS = (150, 0, 250, 200)
FORMATS = ["csr_array", "csr_matrix", "csc_array", "coo_matrix", "lil_array"]


def table() -> np.ndarray:
    """Return rows that are mostly zeros, around `K` centres, with scales over two orders."""
    rng = np.random.default_rng(0)
    centers = 5 * rng.normal(size=(K, D)) * (rng.random((K, D)) < 0.4)
    X = centers[rng.integers(0, K, N)] + rng.normal(size=(N, D))
    return X * (rng.random((N, D)) < 0.5) * np.logspace(-1, 1, D)


X = table()
WEIGHT = np.random.default_rng(1).integers(0, 4, N) / 2
STARTS = {name: how for name, how in HOW.items() if name not in ("callable", "array")}
STARTS["array"] = {"init": X[:8].tolist()}


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["", "weights"])
@pytest.mark.parametrize("how", STARTS)
def test_fit_is_scikit_learns(how, weight):
    S = sp.csr_array(X)
    for seed in range(3):
        params = {"max_iter": 100, "random_state": seed, **STARTS[how]}
        known = Theirs(**params).fit(S, sample_weight=weight)
        params.pop("max_iter")
        ours = MiniBatchKMeans(**params, **({"max_iter": 3} if how == "to the end" else {}))
        assert_like_theirs(ours.fit(S, sample_weight=weight), known)
        assert ours.n_iter_ == known.n_iter_
        np.testing.assert_array_equal(ours.predict(S), known.predict(S))
        found, want = ours.transform(S), known.transform(S)
        assert type(found) is np.ndarray
        np.testing.assert_allclose(found, want, rtol=1e-9, atol=1e-5)
        want = known.score(S, sample_weight=weight)
        assert ours.score(S, sample_weight=weight) == pytest.approx(want, rel=1e-9)


@pytest.mark.parametrize("weight", [None, WEIGHT + 0.5], ids=["", "weights"])
@pytest.mark.parametrize("how", STARTS.values(), ids=STARTS)
def test_partial_fit_is_scikit_learns_batch_by_batch(how, weight):
    S = sp.csr_matrix(X)
    ours, known = (cls(random_state=2, **how) for cls in (MiniBatchKMeans, Theirs))
    for start, stop in pairwise((0, 130, 270, 400, 480, N)):
        part = None if weight is None else weight[start:stop]
        known.partial_fit(S[start:stop], sample_weight=part)
        ours.partial_fit(S[start:stop], sample_weight=part)
        assert_like_theirs(ours, known)


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_and_a_callable_start(format):
    S = getattr(sp, format)(X)

    def first(rows: Any, n_clusters: int, random_state: np.random.RandomState) -> np.ndarray:
        assert sp.issparse(rows)
        at = int(random_state.randint(5))
        return sp.csr_array(rows)[at : at + n_clusters].toarray()

    for init in ("k-means++", first):
        how = {"n_clusters": K, "init": init, "n_init": 2, "random_state": 0}
        ours, known = MiniBatchKMeans(**how).fit(S), Theirs(**how).fit(sp.csr_array(X))
        assert_like_theirs(ours, known)
        np.testing.assert_array_equal(ours.fit_predict(S), known.labels_)
    with pytest.raises(TypeError, match="dense"):
        MiniBatchKMeans(K, init=lambda rows, n, random_state: rows[:n]).fit(S)


def test_float32_stays_float32():
    S = sp.csr_array(X.astype(np.float32))
    ours, known = (cls(K, random_state=0).fit(S) for cls in (MiniBatchKMeans, Theirs))
    assert ours.cluster_centers_.dtype == ours.transform(S).dtype == np.float32
    np.testing.assert_allclose(ours.cluster_centers_, known.cluster_centers_, atol=1e-4)
    np.testing.assert_array_equal(ours.labels_, known.labels_)


BLOCKS = {
    "default": {},
    "random": {"init": "random"},
    "k-means||": {"init": "k-means||"},
    "array": {"init": X[:K]},
    "epochs": {"max_iter": 4, "max_no_improvement": 2, "batch_size": 40},
    "tol": {"max_iter": 4, "tol": 1e-2},
    "reassigned": {"n_clusters": 40, "batch_size": 60, "reassignment_ratio": 0.6},
    "more clusters than rows of a block": {
        "n_clusters": 170,
        "init_size": 600,
        "batch_size": 60,
        "init": "random",
        "n_init": 1,
    },
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", ["sparse", "unknown", "mixed", "columns"])
@pytest.mark.parametrize("how", BLOCKS)
def test_blocks_as_dense_ones(how, kind, weighted):
    makes = iter([sp.coo_array, sp.csr_array, np.asarray, sp.csr_matrix] * 40)
    layout: dict[str, Any] = {
        "sparse": {"make": sp.csr_matrix},
        "unknown": {"make": sp.csc_array, "known": False},
        "mixed": {"make": lambda x: next(makes)(x)},
        "columns": {"make": sp.csr_array, "columns": (5, D - 5)},
    }[kind]
    params = {"n_clusters": K, "random_state": 0, **BLOCKS[how]}
    weight = {"sample_weight": dask_array(WEIGHT, CHUNKS)} if weighted else {}
    S, dense = dask_array(X, CHUNKS, **layout), dask_array(X, CHUNKS)
    with dask.config.set(scheduler="sync"):
        got, want = (MiniBatchKMeans(**params).fit(rows, **weight) for rows in (S, dense))
        scale = np.abs(want.cluster_centers_).max()
        np.testing.assert_allclose(got.cluster_centers_, want.cluster_centers_, atol=1e-10 * scale)
        assert (got.n_iter_, got.n_steps_) == (want.n_iter_, want.n_steps_)
        np.testing.assert_array_equal(got.labels_.compute(), want.labels_.compute())
        assert got.inertia_ == pytest.approx(want.inertia_, rel=1e-9)
        assert got.score(S, **weight) == pytest.approx(want.score(dense, **weight), rel=1e-9)
        np.testing.assert_array_equal(got.predict(S).compute(), want.predict(X))
        found = got.transform(S).compute()
        np.testing.assert_allclose(found, want.transform(X), rtol=1e-9, atol=1e-5)
        parts = got.partial_fit(S), want.partial_fit(dense)
        np.testing.assert_allclose(
            *(part.cluster_centers_ for part in parts), rtol=0, atol=1e-10 * scale
        )


def test_the_same_bits_on_every_scheduler():
    found = set()
    for how in ({"scheduler": "sync"}, {"scheduler": "threads", "num_workers": 4}):
        with dask.config.set(**how):
            model = MiniBatchKMeans(K, random_state=0, init="k-means||", batch_size=60)
            model.fit(dask_array(X, CHUNKS, make=sp.csr_matrix))
            found.add(model.cluster_centers_.tobytes())
    assert len(found) == 1


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("schedule", ["one-pass", "per-step"])
def test_a_pipeline_as_of_dense_rows(schedule, lazy):
    def fitted(rows: Any) -> Any:
        model = MiniBatchKMeans(K, random_state=0, batch_size=50)
        return make_pipeline(StandardScaler(with_mean=False), model, schedule=schedule).fit(rows)

    S, dense = sp.csr_matrix(X), X
    if lazy:
        S, dense = dask_array(X, CHUNKS, make=sp.csr_matrix), dask_array(X, CHUNKS)
    with dask.config.set(scheduler="sync"):
        got, want = fitted(S), fitted(dense)
        np.testing.assert_allclose(got[-1].cluster_centers_, want[-1].cluster_centers_, atol=1e-8)
        np.testing.assert_array_equal(*(np.asarray(m.predict(r)) for m, r in ((got, S), (want, X))))


def test_texts_in_one_pass():
    """Hashed words in one pass are clustered as scikit-learn clusters the hashed blocks."""
    rng = np.random.default_rng(0)
    topic = rng.integers(0, 3, N)
    texts = np.array(
        [" ".join(f"t{t}w{w}" for w in rng.integers(0, 20, 12)) for t in topic], object
    )
    pipe = make_pipeline(
        HashingVectorizer(n_features=2**12), MiniBatchKMeans(3, random_state=0, batch_size=1000)
    )
    with dask.config.set(scheduler="sync"):
        pipe.fit(dask_array(texts, CHUNKS))
        labels = pipe.predict(dask_array(texts, CHUNKS)).compute()
    known, S = Theirs(3, random_state=0), pipe[0].transform(texts)
    for a, b in pairwise(np.cumsum((0, *CHUNKS))):
        if b > a:
            known.partial_fit(S[a:b])
    assert pipe[-1].cluster_centers_.shape == (3, 2**12)
    of_topic = [np.bincount(labels[topic == t], minlength=3).max() for t in range(3)]
    assert sum(of_topic) == pytest.approx(N, abs=N // 10)
    np.testing.assert_array_equal(labels, pipe.predict(texts))


@pytest.mark.parametrize("offset", [0.0, 1e8])
def test_stored_numbers_may_lie_far_from_zero(offset):
    """Every row has the first columns, which lie far from zero; scikit-learn's labels are noise."""
    far = np.where(np.arange(D) < 4, offset, 0.0)
    rows = np.where(np.arange(D) < 4, np.round(X * 1024) / 1024, X)
    rows[:, :4][rows[:, :4] == 0] = 1 / 1024  # an entry
    S, near = sp.csr_array(rows + far), sp.csr_array(rows)
    assert S.nnz == near.nnz
    how = {"n_clusters": K, "random_state": 0, "reassignment_ratio": 0}
    there, here = MiniBatchKMeans(**how).fit(S), MiniBatchKMeans(**how).fit(near)
    np.testing.assert_array_equal(there.labels_, here.labels_)
    np.testing.assert_allclose(there.cluster_centers_ - far, here.cluster_centers_, atol=1e-6)
    assert there.inertia_ == pytest.approx(here.inertia_, rel=1e-6)
    np.testing.assert_allclose(there.transform(S), here.transform(near), rtol=1e-5, atol=1e-6)
    uniform = np.random.default_rng(0).random((4, 3))
    np.testing.assert_array_equal(seeds(S, None, 3, uniform), seeds(near, None, 3, uniform))


@pytest.mark.parametrize("weight", [None, WEIGHT])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_each_function_of_core_is_that_of_dense_rows(dtype, weight):
    S, rows = sp.csr_array(X.astype(dtype)), X.astype(dtype)
    weight = None if weight is None else weight.astype(dtype)
    tolerance = 100 * np.finfo(dtype).eps
    for away in (0.0, 40.0):  # the mean of the centres is then subtracted
        clusters = kmeans.start(rows[:K] + np.asarray(away, dtype))
        out = [
            (
                kmeans.labels(clusters, A),
                kmeans.inertia(clusters, A, weight),
                kmeans.squared_distances(clusters, A),
                kmeans.distances(clusters, A) ** 2,  # zero up to rounding where a row is a centre
                *kmeans.sums_of(clusters, A, weight),
                *kmeans.update(kmeans.Params(), clusters, Batch(A, None, weight))[0],
            )
            for A in (S, rows)
        ]
        for got, want in zip(*out, strict=True):
            assert got.dtype == want.dtype
            scale = np.abs(want).max()
            np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance * scale)
        empty = sp.csr_array((0, D), dtype=dtype)
        assert kmeans.labels(clusters, empty).shape == (0,)
        assert kmeans.distances(clusters, empty).shape == (0, K)


def test_what_is_wrong_is_named():
    rows = X.copy()
    rows[-1, 2] = np.nan
    model = MiniBatchKMeans(K, random_state=0)
    with dask.config.set(scheduler="sync"):
        with pytest.raises(ValueError, match="contains NaN"):
            model.fit(sp.csr_array(rows))
        with pytest.raises(ValueError, match="contains NaN in block 3"):
            model.fit(dask_array(rows, CHUNKS, make=sp.csr_array))
        with pytest.raises(ValueError, match="Complex data not supported"):
            model.fit(dask_array(X + 1j, CHUNKS, make=sp.csr_array))
        with pytest.raises(ValueError, match=r"n_samples=3 should be >= n_clusters=6"):
            model.fit(sp.csr_array(X[:3]))
        with pytest.raises(ValueError, match="squared distances"):
            model.fit(sp.csr_array(1e200 * X))
        model.fit(X)
        with pytest.raises(ValueError, match=r"has shape .* expecting 12 features"):
            model.predict(dask_array(X, CHUNKS, make=lambda x: sp.csr_array(x[:, :-1]))).compute()


def test_rows_are_not_changed():
    S = sp.csr_matrix(X)
    S.indices, S.data = S.indices[::-1].copy(), S.data[::-1].copy()
    S = sp.csr_matrix((S.data, np.minimum(S.indices, 3), S.indptr), shape=S.shape)
    for a in (S.data, S.indices, S.indptr):
        a.flags.writeable = False
    got, want = (MiniBatchKMeans(K, random_state=0).fit(A) for A in (S, S.toarray()))
    np.testing.assert_allclose(got.cluster_centers_, want.cluster_centers_, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(got.predict(S), got.labels_)
    assert not S.has_sorted_indices
