"""Mini-batch k-means: scikit-learn's centres and counts, batch by batch, at any offset."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import MiniBatchKMeans

from streamlearn._arrays import FEW_LABELS, MANY_LABELS, lowest, reads_are_free, sums_by_label
from streamlearn.core import kmeans
from streamlearn.core.learner import Batch

K, D = 5, 4


def blobs(n: int, k: int = K, seed: int = 0) -> np.ndarray:
    """Rows around ``k`` centres, features scaled over three orders."""
    rng = np.random.default_rng(seed)
    centers = 4 * rng.normal(size=(k, D))
    return (centers[rng.integers(0, k, n)] + rng.normal(size=(n, D))) * [0.1, 1, 1, 10]


def tables() -> dict[str, tuple[np.ndarray, np.ndarray | None]]:
    X = blobs(300)
    rng = np.random.default_rng(1)
    weight = rng.integers(0, 3, 300) / 2
    gone = np.where(np.arange(300) // 50 == 2, 0.0, weight)
    return {
        "plain": (X, None),
        "weights": (X, weight),
        "a batch of no weight": (X, gone),
        "duplicates": (X[rng.integers(0, 3, 300)], None),
        "constant": (np.full((300, D), 3.0), weight),
        "integers": (rng.integers(-2, 3, (300, D)).astype(float), None),
        "a few deviations from zero": (X + X.std(axis=0) * 3, weight),
        "far": (X + 1e3, None),
    }


TABLES = tables()


def theirs(X, weight, init, size=50):
    model = MiniBatchKMeans(len(init), init=init, n_init=1, reassignment_ratio=0)
    for at in range(0, len(X), size):
        part = None if weight is None else weight[at : at + size]
        if part is not None and not part.any():
            continue  # which scikit-learn refuses
        model.partial_fit(X[at : at + size], sample_weight=part)
    return model


def ours(backend, X, weight, init, size=50):
    params = kmeans.Params(init)
    X = backend.asarray(X)
    weight = None if weight is None else backend.asarray(weight)
    state, infos = kmeans.init(params, D, len(init), like=X), []
    for at in range(0, X.shape[0], size):
        part = slice(at, min(at + size, X.shape[0]))
        w = None if weight is None else weight[part]
        state, info = kmeans.update(params, state, Batch(X[part, :], None, w))
        infos.append(info)
    return state, infos


def by_place(centers: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return for each centre the counts of all that lie where it does: they share their rows."""
    same = np.abs(centers[:, None] - centers).max(axis=2) <= 1e-10 * np.abs(centers).max()
    return same @ counts


@pytest.mark.parametrize("table", TABLES)
def test_centers_and_counts_are_scikit_learns(backend, table):
    X, weight = TABLES[table]
    init = X[[0, 7, 20, 33, 50]]
    known = theirs(X, weight, init)
    state, _ = ours(backend, X, weight, init)
    centers, want = backend.to_numpy(state.centers), known.cluster_centers_
    scale = np.abs(want).max()
    if backend.widest == "float64":
        np.testing.assert_allclose(centers, want, rtol=0, atol=1e-10 * scale)
        counts = by_place(centers, backend.to_numpy(state.counts))
        np.testing.assert_allclose(counts, by_place(want, known._counts), rtol=1e-12)
    else:  # a row near the middle between two centres may go to the other one
        np.testing.assert_allclose(centers, want, rtol=0, atol=0.02 * scale)


def test_many_clusters_are_scikit_learns(backend):
    """Sums by sorting, where there are more labels than `MANY_LABELS`."""
    k = MANY_LABELS + 40
    X = blobs(1000, k=k)
    init = X[:k]
    known = theirs(X, None, init, size=250)
    state, _ = ours(backend, X, None, init, size=250)
    if backend.widest == "float64":
        np.testing.assert_allclose(
            backend.to_numpy(state.centers), known.cluster_centers_, rtol=1e-10, atol=1e-10
        )
    total = backend.to_numpy(state.counts).sum()
    assert total == 1000


@pytest.mark.parametrize("n_labels", [3, MANY_LABELS + 1])
def test_sums_by_label_are_a_one_hot_product(backend, n_labels):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, n_labels, 500)
    labels[labels == 1] = 2  # nobody has this one
    X, weight = rng.normal(size=(500, 3)), rng.random(500)
    total, count = sums_by_label(
        backend.asarray(labels), n_labels, backend.asarray(X), backend.asarray(weight)
    )
    chosen = (labels[:, None] == np.arange(n_labels)) * weight[:, None]
    tolerance = 1e3 * backend.eps
    np.testing.assert_allclose(backend.to_numpy(total), chosen.T @ X, atol=tolerance)
    np.testing.assert_allclose(backend.to_numpy(count), chosen.sum(axis=0), atol=tolerance)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("k", [1, 2, FEW_LABELS, FEW_LABELS + 1])
def test_the_lowest_of_equal_scores_is_the_first(backend, k, ties):
    rng = np.random.default_rng(0)
    made = (rng.integers(-2, 3, (n, 3)).astype(float) for n in (400, k))
    X, W = made if ties else (rng.normal(size=(n, 3)) for n in (400, k))
    b = rng.integers(0, 2, k) * 1.0 if ties else rng.normal(size=k)
    column, value = lowest(*map(backend.asarray, (X, W, b)))
    want = X @ W.T + b
    if ties and k > 2:
        assert np.any((want == want.min(axis=1)[:, None]).sum(axis=1) > 1)
    if ties or backend.widest == "float64":
        np.testing.assert_array_equal(backend.to_numpy(column), want.argmin(axis=1))
    np.testing.assert_allclose(backend.to_numpy(value), want.min(axis=1), atol=1e2 * backend.eps)
    none = lowest(*map(backend.asarray, (X[:0], W, b)))
    assert [a.shape for a in none] == [(0,), (0,)]


def test_a_row_of_nan_leaves_the_lowest_of_others_as_it_is():
    X, W, b = np.array([[0.0], [np.nan]]), np.zeros((4, 1)), np.array([5.0, 1.0, 1.0, 5.0])
    column, value = lowest(X, W, b)
    assert (column[0], value[0]) == (1, 1.0)
    assert np.isnan(value[1])


@pytest.mark.parametrize(
    ("offset", "dtype"), [(1e8, "float64"), (1e4, "float32"), (-1e4, "float32")]
)
def test_an_offset_costs_no_accuracy(backend, offset, dtype):
    """Rounded to the grid of numbers at the offset, rows there have the clusters of rows at 0."""
    if dtype not in backend.float_dtypes:
        pytest.skip("the device has no such floats")
    grid = np.spacing(np.asarray(abs(offset), dtype=dtype)).astype(float)
    X = np.round(blobs(600) / grid) * grid
    init = X[[0, 7, 20, 33, 50]]
    known, infos = ours(backend, X, None, init)
    there = backend.asarray((X + offset).astype(dtype), dtype)
    params = kmeans.Params((init + offset).astype(dtype))
    state = kmeans.init(params, D, K, like=there)
    for at, before in zip(range(0, 600, 50), infos, strict=True):
        state, info = kmeans.update(params, state, Batch(there[at : at + 50, :]))
        assert float(info.loss[0]) == pytest.approx(float(before.loss[0]), rel=1e-2)
    np.testing.assert_array_equal(backend.to_numpy(state.counts), backend.to_numpy(known.counts))
    got = backend.to_numpy(state.centers).astype(float) - offset
    np.testing.assert_allclose(got, backend.to_numpy(known.centers), rtol=0, atol=4 * grid)
    apart = backend.to_numpy(kmeans.distances(state, there))
    want = backend.to_numpy(kmeans.distances(known, backend.asarray(X)))
    np.testing.assert_allclose(apart, want, rtol=1e-3, atol=40 * grid)


def test_labels_distances_and_inertia_are_scikit_learns(backend):
    X, weight = TABLES["weights"]
    known = theirs(X, weight, X[:K])
    state = kmeans.start(backend.asarray(known.cluster_centers_))
    rows, w = backend.asarray(X), backend.asarray(weight)
    found = kmeans.labels(state, rows)
    backend.check(found, "int32")
    np.testing.assert_array_equal(backend.to_numpy(found), known.predict(X))
    tolerance = 1e4 * backend.eps
    np.testing.assert_allclose(
        backend.to_numpy(kmeans.distances(state, rows)), known.transform(X), rtol=tolerance
    )
    inertia = backend.to_numpy(kmeans.inertia(state, rows, w))
    assert inertia == pytest.approx(-known.score(X, sample_weight=weight), rel=tolerance)
    nearest = backend.to_numpy(kmeans.squared_distances(state, rows))
    np.testing.assert_allclose(nearest, known.transform(X).min(axis=1) ** 2, rtol=tolerance)


@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_distances_to_a_centre_that_is_very_near_are_right(backend, offset):
    """scikit-learn's are noise there. Two centres are the same, and one of them is on a row."""
    C = blobs(3) + offset
    X = np.concatenate([C, C + 1e-3 * 2.0 ** -np.arange(3)[:, None], blobs(5) + offset])
    rows, centers = (backend.asarray(a) for a in (X, np.concatenate([C, C[1:2]])))
    found = backend.to_numpy(kmeans.distances(kmeans.start(centers), rows))
    X, C = (backend.to_numpy(a).astype(float) for a in (rows, centers))
    want = np.sqrt(((X[:, None] - C) ** 2).sum(axis=2))
    loose = 1e-2 if offset and "float64" not in backend.float_dtypes else 1e4 * backend.eps
    least = want.argmin(axis=1)[:, None]
    if not reads_are_free(rows):
        found, want = (np.take_along_axis(a, least, axis=1) for a in (found, want))
    np.testing.assert_allclose(found, want, rtol=loose)
    assert (np.diagonal(found[:3]) == 0).all()


def test_no_rows_have_no_labels(backend):
    state = kmeans.start(backend.asarray(blobs(3)))
    none = backend.asarray(blobs(1))[:0, :]
    assert kmeans.labels(state, none).shape == (0,)
    assert kmeans.distances(state, none).shape == (0, 3)
    assert float(kmeans.inertia(state, none)) == 0


@pytest.mark.parametrize("offset", [0.0, 1e3])
def test_rows_of_several_parts_and_tiles_are_assigned_as_each_for_itself(offset):
    n, k, d = 20_000, 100, 20  # sums are over parts of 8,192 rows, and scores in tiles of 4,096
    rng = np.random.default_rng(0)
    X, weight = rng.normal(size=(n, d)) + offset, rng.random(n)
    clusters = kmeans.start(X[:k])
    squares = np.concatenate([((x - X[:k]) ** 2).sum(axis=1)[None] for x in X])
    own, least = squares.argmin(axis=1), squares.min(axis=1)
    labels, inertia = kmeans.labels_and_inertia(clusters, X, weight)
    np.testing.assert_array_equal(labels, own)
    np.testing.assert_array_equal(kmeans.labels(clusters, X), own)
    np.testing.assert_allclose(inertia, weight @ least, rtol=1e-9)
    np.testing.assert_allclose(kmeans.squared_distances(clusters, X), least, atol=1e-9)
    state, info, near = kmeans.step(kmeans.Params(), clusters, Batch(X, None, weight))
    np.testing.assert_array_equal(near.labels, own)
    np.testing.assert_allclose(info.loss, weight @ least, rtol=1e-9)
    chosen = (own[:, None] == np.arange(k)) * weight[:, None]
    np.testing.assert_allclose(state.counts, chosen.sum(axis=0), rtol=1e-9)
    np.testing.assert_allclose(state.centers, chosen.T @ X / state.counts[:, None], atol=1e-9)


def test_the_inertia_of_tight_clusters_is_right(backend):
    """Of clusters a million times as far apart as they are wide."""
    rng = np.random.default_rng(0)
    wide = backend.widest == "float64"
    centers = rng.normal(size=(K, D)) * (1e6 if wide else 1e2)
    X = np.repeat(centers, 20, axis=0) + rng.integers(-1, 2, (100, D))
    rows = backend.asarray(X)
    state = kmeans.start(backend.asarray(centers))
    near = backend.to_numpy(rows) - np.repeat(backend.to_numpy(state.centers), 20, axis=0)
    want = pytest.approx(float((near.astype(float) ** 2).sum()), rel=1e-3 if wide else 1e-2)
    assert float(backend.to_numpy(kmeans.inertia(state, rows))) == want
    _, info = kmeans.update(kmeans.Params(), state, Batch(rows))
    assert float(backend.to_numpy(info.loss)[0]) == want


def test_the_info_is_the_inertia_before_the_step(backend):
    X, weight = TABLES["weights"]
    init = X[:K]
    state, infos = ours(backend, X[:50], weight[:50], init)
    rows, w = backend.asarray(X[:50]), backend.asarray(weight[:50])
    before = kmeans.inertia(kmeans.start(backend.asarray(init)), rows, w)
    assert float(infos[0].loss[0]) == pytest.approx(float(before), rel=1e3 * backend.eps)
    assert float(infos[0].weight[0]) == pytest.approx(weight[:50].sum())
    after = kmeans.inertia(state, rows, w)
    assert float(after) < float(before)


def test_counts_go_on_where_float32_cannot_count():
    rows = np.ones((4, 1), dtype=np.float32)
    state = kmeans.start(np.ones((1, 1), dtype=np.float32))._replace(counts=np.array([2.0**24]))
    state, _ = kmeans.update(kmeans.Params(), state, Batch(rows))
    assert state.counts[0] == 2**24 + 4


def test_low_clusters_are_scikit_learns():
    """Fewer than the ratio of the largest; at most half as many as the batch has rows."""
    params = kmeans.Params(reassignment_ratio=0.5)
    counts = np.array([9.0, 1, 2, 8, 0, 4, 4.5])
    np.testing.assert_array_equal(np.flatnonzero(kmeans.low(params, counts, 100)), [1, 2, 4, 5])
    np.testing.assert_array_equal(np.flatnonzero(kmeans.low(params, counts, 8)), [1, 2, 4, 5])
    np.testing.assert_array_equal(np.flatnonzero(kmeans.low(params, counts, 6)), [1, 2, 4])
    np.testing.assert_array_equal(np.flatnonzero(kmeans.low(params, counts, 3)), [4])
    assert not kmeans.low(params, np.zeros(4), 2).any()
    assert not kmeans.low(kmeans.Params(reassignment_ratio=0), counts, 9).any()


def test_reassigned_centers_are_rows(backend):
    X = backend.asarray(blobs(20))
    state = kmeans.start(backend.asarray(blobs(4, seed=9)))
    state = state._replace(counts=backend.asarray([5.0, 0.0, 7.0, 1.0]))
    clusters = backend.asarray([False, True, False, True])
    moved = kmeans.reassign(state, X, backend.asarray([0, 11, 0, 3]), clusters)
    rows, before, after = map(backend.to_numpy, (X, state.centers, moved.centers))
    np.testing.assert_array_equal(after[[1, 3]], rows[[11, 3]])
    np.testing.assert_array_equal(after[[0, 2]], before[[0, 2]])
    np.testing.assert_array_equal(backend.to_numpy(moved.counts), [5, 5, 7, 5])


def test_restated_clusters_have_the_same_rows(backend):
    X = blobs(100)
    rho, delta = np.linspace(0.5, 2.0, D), np.linspace(-3.0, 3.0, D)
    state, _ = ours(backend, X, None, X[:K])
    other = kmeans.rescale(kmeans.Params(), state, backend.asarray(rho), backend.asarray(delta))
    got = backend.to_numpy(other.centers)
    want = (backend.to_numpy(state.centers) - delta) / rho
    np.testing.assert_allclose(got, want, rtol=1e2 * backend.eps, atol=1e2 * backend.eps)
    assert other.counts is state.counts
