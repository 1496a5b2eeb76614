"""Scores of clusters: exact counts, rows far from zero, samples, and how often data are read."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from math import comb, log

import dask
import numpy as np
import pytest
import scipy.sparse
from sklearn import metrics as theirs
from sklearn.metrics.cluster import expected_mutual_information as their_chance

from streamlearn import metrics
from streamlearn.blocks import from_blocks
from streamlearn.cluster import MiniBatchKMeans
from streamlearn.metrics import chance, clusters, pair_counts, pairs, samples
from streamlearn.metrics.contingency import Table, table_of
from streamlearn.metrics.pairs import Pairs
from streamlearn.wrappers import ParallelPostFit
from tests import containers
from tests.containers import CHUNKS, N_ROWS, Container, dask_array
from tests.metrics.cases import GUESSES, LABELS, NAMES, OF_CLUSTERINGS, OUTPUTS

ROWS = np.round(64 * np.random.default_rng(5).normal(size=(N_ROWS, 3))) / 64 + 2.0 * LABELS[:, None]


def large(draws, shape=(3, 4), most=2**40) -> Table:
    """Return a table of about 1e13 rows."""
    cells = draws.integers(0, most, shape)
    row, column = np.nonzero(cells)
    return table_of(Pairs(row, column, cells[row, column]))


@pytest.mark.parametrize("seed", range(3))
def test_pairs_of_more_rows_than_int64_can_square_are_counted_exactly(seed):
    table = large(np.random.default_rng(seed))
    cells = np.zeros((3, 4), dtype=object)
    cells[table.row, table.column] = table.cells.tolist()
    n, squares = cells.sum(), (cells**2).sum()
    a, b = (cells.sum(axis=1) ** 2).sum(), (cells.sum(axis=0) ** 2).sum()
    assert table.n == n > 2**41
    counts = pair_counts.pair_counts(table)
    assert counts == (n**2 - a - b + squares, b - squares, a - squares, squares - n)
    tn, fp, fn, tp = counts
    below = (tp + fn) * (fn + tn) + (tp + fp) * (fp + tn)
    assert pair_counts._adjusted_rand(table) == float(Fraction(2 * (tp * tn - fn * fp), below))
    assert pair_counts._rand(table) == float(Fraction(tn + tp, sum(counts)))
    assert pair_counts._pair_confusion(table).ravel().tolist() == [*counts]


def test_counts_of_blocks_add_up_exactly():
    half = Pairs(np.asarray([0, 1]), np.asarray(["a", "b"]), np.asarray([2**40 + 1, 3]))
    assert pairs.merge(half, half).weight.tolist() == [2**41 + 2, 6]


@pytest.mark.parametrize("shape", [(2, 2), (3, 5), (12, 7)])
@pytest.mark.parametrize("n", [12, 400])
def test_the_information_by_chance_is_scikit_learns(shape, n):
    draws = np.random.default_rng(n)
    table = np.zeros(shape, int)
    np.add.at(table, tuple(draws.integers(0, k, n) for k in shape), 1)
    table = table[table.any(axis=1)][:, table.any(axis=0)]
    want = their_chance(scipy.sparse.csr_array(table), n)
    got = chance.expected_mutual_information(table.sum(axis=1), table.sum(axis=0))
    assert got == pytest.approx(want, rel=1e-10)


def test_the_information_by_chance_is_that_of_fractions():
    a, b = [3, 30, 67], [10, 90]
    want, n = 0.0, sum(a)
    for x in a:
        for y in b:
            for k in range(max(1, x + y - n), min(x, y) + 1):
                p = Fraction(comb(x, k) * comb(n - x, y - k), comb(n, y))
                want += float(p * Fraction(k, n)) * log(Fraction(k * n, x * y))
    got = chance.expected_mutual_information(np.asarray(a), np.asarray(b))
    assert got == pytest.approx(want, rel=1e-13)


@pytest.mark.parametrize("n", [10**6, 10**9])
def test_the_information_by_chance_of_many_rows_is_the_degrees_of_freedom_over_them(n):
    """It is that of a chi-squared variable, divided by 2 n."""
    a, b = np.full(4, n // 4), np.asarray([n // 5, n // 2, n - n // 5 - n // 2])
    assert chance.expected_mutual_information(a, b) == pytest.approx(3 * 2 / (2 * n), rel=2e-5)


def test_sizes_are_computed_in_parts(monkeypatch):
    draws = np.random.default_rng(0)
    a = draws.integers(1, 5000, 40)
    b = np.asarray([*draws.integers(1, 1000, 30), 1])
    b[-1] = a.sum() - b[:-1].sum()
    want = chance.expected_mutual_information(a, b)
    monkeypatch.setattr(chance, "AT_A_TIME", 1000)
    assert chance.expected_mutual_information(a, b) == pytest.approx(want, rel=1e-12)


SPECIAL = {
    "one cluster on both sides": ([1, 1, 1], [4, 4, 4]),
    "one class": ([1, 1, 1], [0, 1, 1]),
    "one cluster": ([0, 1, 1], [1, 1, 1]),
    "equal": ([0, 1, 2, 2], ["b", "c", "a", "a"]),
    "all apart": ([0, 1, 2], [2, 1, 0]),
    "one row": ([0], [1]),
    "independent": ([0, 0, 1, 1], [0, 1, 0, 1]),
    "noise": ([-1, -1, 0, 0], [-1, 0, 0, -1]),
    "whole floats": ([0.0, 1.0, 1.0], [0, 1, 0]),
    "truth values": ([True, False, True], [0, 1, 1]),
}


@pytest.mark.complete
@pytest.mark.parametrize("name", OF_CLUSTERINGS)
@pytest.mark.parametrize("what", SPECIAL)
def test_special_clusterings_score_as_in_scikit_learn(name, what):
    a, b = map(np.asarray, SPECIAL[what])
    want = np.asarray(getattr(theirs, name)(a, b))
    got = np.asarray(getattr(metrics, name)(a, b))
    np.testing.assert_allclose(got, want, atol=1e-14)


def test_a_table_that_is_given_is_not_computed():
    table = np.asarray([[3, 1], [0, 4]])
    got = metrics.mutual_info_score(None, None, contingency=table)
    assert got == theirs.mutual_info_score(None, None, contingency=table)


def test_information_of_independent_clusterings_of_many_rows_does_not_cancel():
    cells = np.outer([10**6, 3 * 10**6], [10**3, 7 * 10**3])
    row, column = np.indices((2, 2)).reshape(2, -1)
    table = table_of(Pairs(row, column, cells.ravel()))
    assert metrics.information.information(table) < 1e-15


def test_labels_of_two_clusterings_that_are_too_many_are_refused(monkeypatch):
    monkeypatch.setattr(pairs, "MOST_PAIRS", 20)
    with pytest.raises(ValueError, match=r"labels_true holds 30 different labels.*sample of the"):
        metrics.rand_score(np.arange(30), np.arange(30))


FAR = {
    "near zero": 0.0,
    "far": 1e8,
    "clusters far apart": np.asarray([0.0, 1e8, -1e9]),
}


def far(where: str) -> tuple[np.ndarray, np.ndarray]:
    away = np.broadcast_to(FAR[where], (3,))
    return ROWS + away[LABELS][:, None], LABELS


def in_long(X, labels):
    """Return the three scores in the longest float: of the moments, of widths and of centres."""
    X = X.astype(np.longdouble)
    known = np.unique(labels)
    at = np.stack([X[labels == k].mean(axis=0) for k in known])
    own = np.searchsorted(known, labels)
    d = np.sqrt(((X[:, None] - at) ** 2).sum(axis=2))
    a = d[np.arange(len(X)), own]
    n, k = len(X), len(known)
    rows = np.bincount(own)
    between = (rows * ((at - X.mean(axis=0)) ** 2).sum(axis=1)).sum()
    width = np.asarray([a[own == j].mean() for j in range(k)])
    apart = np.sqrt(((at[:, None] - at) ** 2).sum(axis=2)) + np.diag(np.full(k, np.inf))
    others = np.where(np.arange(k) == own[:, None], np.inf, d).min(axis=1)
    return {
        "calinski_harabasz_score": between * (n - k) / ((a**2).sum() * (k - 1)),
        "davies_bouldin_score": ((width[:, None] + width) / apart).max(axis=1).mean(),
        "simplified_silhouette_score": ((others - a) / np.maximum(a, others)).mean(),
    }


@pytest.mark.complete
@pytest.mark.parametrize("where", FAR)
@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize(
    "name", ["calinski_harabasz_score", "davies_bouldin_score", "simplified_silhouette_score"]
)
def test_rows_far_from_zero_lose_no_digits(name, where, lazy):
    X, labels = far(where)
    wrap = dask_array if lazy else np.asarray
    got = getattr(metrics, name)(wrap(X), wrap(labels))
    assert got == pytest.approx(float(in_long(X, labels)[name]), rel=1e-12)


@pytest.mark.parametrize(("backend", "kind"), containers.CASES, indirect=["backend"])
@pytest.mark.parametrize("given", [False, True])
def test_simplified_silhouettes_in_any_container(given, backend, kind):
    wrap = Container(kind, backend).wrap
    at = np.stack([ROWS[k == LABELS].mean(axis=0) for k in range(3)])
    how = {"centers": at} if given else {}
    got = metrics.simplified_silhouette_score(wrap(ROWS), wrap(LABELS), **how)
    want = float(in_long(ROWS, LABELS)["simplified_silhouette_score"])
    assert got == pytest.approx(want, rel=1000 * backend.eps)


def test_simplified_silhouettes_by_hand():
    X = np.asarray([[0.0], [2.0], [10.0]])
    s = metrics.simplified_silhouette_score(X, ["a", "a", "b"])
    assert s == pytest.approx((9 / 10 + 7 / 8 + 0) / 3)
    at = np.asarray([[0.0], [2.0], [50.0]])
    one = metrics.simplified_silhouette_score(X, [0, 0, 1], centers=at)
    assert one == pytest.approx((1 - 2 / 2) / 3)
    same = metrics.simplified_silhouette_score(np.zeros((3, 1)), [0, 0, 1])
    assert same == 0


def test_clusters_without_width_or_at_one_place_score_as_in_scikit_learn():
    still = np.repeat([[0.0], [1.0]], 2, axis=0), np.asarray([0, 0, 1, 1])
    one_place = np.asarray([[-1.0], [1.0], [-1.0], [1.0]]), np.asarray([0, 0, 1, 1])
    two_places = np.asarray([[-1.0], [1.0], [-1.0], [1.0], [9.0]]), np.asarray([0, 0, 1, 1, 2])
    for name in ("calinski_harabasz_score", "davies_bouldin_score"):
        for given in (still, one_place, two_places):
            assert getattr(metrics, name)(*given) == getattr(theirs, name)(*given)


def reads_of(function, chunks=CHUNKS, **how):
    log: list = []
    labels = dask_array(LABELS, chunks)
    with dask.config.set(scheduler="sync"):
        function(dask_array(ROWS, chunks, log=log), labels, **how)
    return [log.count(i) for i in range(len(chunks))]


ALL_OF_ROWS = {
    "calinski": metrics.calinski_harabasz_score,
    "davies": metrics.davies_bouldin_score,
    "simplified": metrics.simplified_silhouette_score,
    "silhouette": partial(metrics.silhouette_score, sample_size=50, random_state=0),
}


@pytest.mark.parametrize(
    ("function", "reads"),
    [
        (metrics.calinski_harabasz_score, 1),
        (partial(metrics.silhouette_score, sample_size=50), 1),
        (metrics.davies_bouldin_score, 2),
        (metrics.simplified_silhouette_score, 2),
        (partial(metrics.simplified_silhouette_score, centers=np.eye(3)), 1),
        (partial(metrics.compute, metrics=ALL_OF_ROWS), 2),
    ],
)
def test_data_are_read_as_often_as_the_docstring_says(function, reads):
    assert reads_of(function) == [reads] * len(CHUNKS)


def test_several_scores_of_clusters_are_those_alone():
    X, labels = dask_array(ROWS), dask_array(LABELS)
    got = metrics.compute(X, labels, ALL_OF_ROWS)
    assert got == {name: f(X, labels) for name, f in ALL_OF_ROWS.items()}
    assert list(got) == list(ALL_OF_ROWS)


def sampled(X, labels, size, seed):
    """Return which rows are drawn, by their numbers in the first column."""
    kept = []
    metric = metrics.silhouette_score(
        *2 * [metrics.over_blocks.UNREAD], sample_size=size, random_state=seed
    )
    metrics.over_blocks.computed(metric._replace(result=kept.append), X, labels)
    return kept[0].parts[0][:, 0].astype(int).tolist()


NUMBERED = np.arange(N_ROWS, dtype=float)[:, None]


@pytest.mark.parametrize("chunks", [(N_ROWS,), (1,) * N_ROWS, (0, 3, 0, N_ROWS - 4, 1)])
def test_a_sample_is_the_same_for_any_chunks_and_in_memory(chunks):
    want = sampled(NUMBERED, LABELS, 40, seed=3)
    assert len(set(want)) == 40
    assert sampled(dask_array(NUMBERED, chunks), dask_array(LABELS, chunks), 40, seed=3) == want
    assert sampled(NUMBERED, LABELS, 40, seed=4) != want


def test_a_sample_of_unknown_lengths_is_drawn_again():
    X, labels = (dask_array(x, known=False) for x in (NUMBERED, LABELS))
    want = sampled(X, labels, 40, seed=3)
    assert len(set(want)) == 40
    assert sampled(X, labels, 40, seed=3) == want
    assert sampled(X, labels, 40, seed=5) != want


@pytest.mark.parametrize("known", [False, True])
def test_each_row_is_as_likely_to_be_drawn(known):
    X, labels = (dask_array(x, known=known) for x in (NUMBERED, LABELS))
    drawn = np.zeros(N_ROWS)
    with dask.config.set(scheduler="sync"):
        for seed in range(100):
            drawn[sampled(X, labels, 50, seed)] += 1
    chi2 = np.sum((drawn - 25) ** 2 / (25 * 0.75))
    assert abs(chi2 - N_ROWS) < 5 * np.sqrt(2 * N_ROWS)


def test_a_sample_is_scored_as_by_scikit_learn():
    rows = sampled(NUMBERED, LABELS, 60, seed=1)
    want = theirs.silhouette_score(ROWS[rows], LABELS[rows], metric="cosine")
    how = {"sample_size": 60, "random_state": 1, "metric": "cosine"}
    got = metrics.silhouette_score(dask_array(ROWS), dask_array(LABELS), **how)
    assert got == pytest.approx(want, rel=1e-12)


def test_samples_of_a_source_of_blocks():
    X, labels = from_blocks([(ROWS[:70], LABELS[:70]), (ROWS[70:], LABELS[70:])])
    assert metrics.silhouette_score(X, labels) == pytest.approx(
        theirs.silhouette_score(ROWS, LABELS)
    )


def test_all_rows_of_a_collection_may_be_too_many(monkeypatch):
    monkeypatch.setattr(samples, "WITHOUT_SIZE", 100)
    given = dask_array(ROWS), dask_array(LABELS)
    with pytest.raises(ValueError, match=r"more than 100\. Give a sample_size such as 10_000"):
        metrics.silhouette_score(*given)
    metrics.silhouette_score(*given, sample_size=150)
    metrics.silhouette_score(ROWS, LABELS)


X_AND_LABELS = [
    *("calinski_harabasz_score", "davies_bouldin_score", "simplified_silhouette_score"),
    "silhouette_score",
]
BAD = {
    "one cluster": (ROWS, 0 * LABELS, "Number of labels is 1"),
    "only rows alone": (ROWS, np.arange(N_ROWS), "Number of labels is 200"),
    "NaN": (np.where(ROWS > 2, np.nan, ROWS), LABELS, "X contains NaN"),
    "text": (NAMES[:, None], LABELS, "X .*not numeric"),
    "labels of two columns": (ROWS, OUTPUTS[:, :2], "labels should be a 1d array"),
    "labels that are NaN": (ROWS, np.full(N_ROWS, np.nan), "labels contains NaN"),
    "one dimension": (VALUES := ROWS[:, 0], LABELS, "Expected 2D array, got 1D"),
}


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("name", X_AND_LABELS)
@pytest.mark.parametrize("what", BAD)
def test_bad_rows_and_labels_are_named(what, name, lazy):
    X, labels, message = BAD[what]
    wrap = dask_array if lazy else np.asarray
    with pytest.raises((ValueError, TypeError), match=message):
        getattr(metrics, name)(wrap(X), wrap(labels))


def sparse_cases():
    """Yield rows with zeros, without any zero and far from zero, and with a column of zeros."""
    some = np.where(np.random.default_rng(6).random(ROWS.shape) < 0.6, 0.0, ROWS)
    yield some
    yield 1e6 + ROWS
    yield np.concatenate([some, np.zeros((N_ROWS, 1)), 1e5 + ROWS[:, :1]], axis=1)


@pytest.mark.parametrize("name", X_AND_LABELS)
@pytest.mark.parametrize("kind", ["csc_array", "csr_matrix", "coo_array"])
def test_sparse_rows_have_the_score_of_dense_ones(kind, name):
    metric = getattr(metrics, name)
    for X in sparse_cases():
        if name == "silhouette_score":  # scikit-learn's distances cancel far from zero
            X = X - X.min(axis=0)
        want = metric(X, LABELS)
        given = getattr(scipy.sparse, kind)(X)
        assert metric(given, LABELS) == pytest.approx(want, rel=1e-9)
        chunks = (90, 0, 1, 109)
        blocks = dask_array(X, chunks).map_blocks(scipy.sparse.csr_array)
        assert metric(blocks, dask_array(LABELS, chunks)) == pytest.approx(want, rel=1e-9)


@pytest.mark.parametrize("name", X_AND_LABELS)
def test_bad_sparse_rows_are_named(name):
    X = scipy.sparse.csr_array(np.where(ROWS > 2, np.nan, ROWS))
    with pytest.raises(ValueError, match="X contains NaN"):
        getattr(metrics, name)(X, LABELS)


def test_parameters_are_refused_before_the_data_are_read():
    log: list = []
    given = dask_array(ROWS, log=log), dask_array(LABELS)
    with pytest.raises(ValueError, match=r"precomputed.*give all distances in memory"):
        metrics.silhouette_score(*given, metric="precomputed")
    with pytest.raises(ValueError, match="sample_size"):
        metrics.silhouette_score(*given, sample_size=0)
    with pytest.raises(ValueError, match="metric"):
        metrics.silhouette_score(*given, metric="far")
    with pytest.raises(ValueError, match="average_method"):
        metrics.adjusted_mutual_info_score(*given, average_method="mean")
    with pytest.raises(ValueError, match="beta"):
        metrics.v_measure_score(*given, beta=-1)
    with pytest.raises(ValueError, match=r"centers has shape \(1, 3\)"):
        metrics.simplified_silhouette_score(*given, centers=np.zeros((1, 3)))
    assert not log


def test_centers_of_other_rows_or_labels_are_refused():
    with pytest.raises(ValueError, match="has 3 features and centers have 2"):
        metrics.simplified_silhouette_score(ROWS, LABELS, centers=np.eye(2))
    with pytest.raises(ValueError, match=r"labels contains labels that are not in classes: \[2\]"):
        metrics.simplified_silhouette_score(ROWS, LABELS, centers=np.eye(3)[:2])


def test_labels_that_are_identifiers_are_refused(monkeypatch):
    monkeypatch.setattr(clusters, "MOST_MOMENTS", 400)
    given = dask_array(ROWS), dask_array(np.arange(N_ROWS))
    with pytest.raises(ValueError, match=r"different labels.*an identifier of rows"):
        metrics.calinski_harabasz_score(*given)


@pytest.mark.parametrize(
    "scoring", ["adjusted_rand_score", "v_measure_score", "fowlkes_mallows_score"]
)
def test_scorers_of_clusters_are_lazy(scoring):
    model = MiniBatchKMeans(3, n_init=1, random_state=0).fit(ROWS)
    want = theirs.get_scorer(scoring)(model, ROWS, LABELS)
    got = ParallelPostFit(model, scoring=scoring).score(dask_array(ROWS), dask_array(LABELS))
    assert got == pytest.approx(want)
    assert 0 < want < 1


def test_clusters_of_a_lazy_fit_are_scored_in_one_read():
    log: list = []
    X = dask_array(ROWS, log=log)
    labels = ParallelPostFit(MiniBatchKMeans(3, n_init=1, random_state=0).fit(ROWS)).predict(X)
    log.clear()
    with dask.config.set(scheduler="sync"):
        metrics.adjusted_rand_score(dask_array(GUESSES), labels)
    assert [log.count(i) for i in range(len(CHUNKS))] == [1] * len(CHUNKS)
