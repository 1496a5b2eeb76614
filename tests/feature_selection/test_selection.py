"""Selectors and their scores over blocks, against scikit-learn, longdouble and exact arithmetic."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any

import dask.array as da
import numpy as np
import pandas as pd
import pytest
import sklearn.feature_selection as theirs
from scipy import sparse
from sklearn import linear_model as their_models
from sklearn.base import clone
from sklearn.metrics import mutual_info_score

from streamlearn import feature_selection as ours
from streamlearn._arrays import to_numpy
from streamlearn.blocks import from_blocks
from streamlearn.core.statistics import target_moments
from streamlearn.feature_selection import pair_tables
from streamlearn.feature_selection.pair_tables import Columns
from streamlearn.linear_model import LinearRegression, Ridge, SGDClassifier
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler
from streamlearn.wrappers import Incremental
from tests.backends import Backend
from tests.containers import dask_array, dask_frame

RNG = np.random.default_rng(0)
N, CHUNKS = 200, (60, 0, 1, 99, 40)
X = RNG.normal(size=(N, 6)) * [1, 10, 0.1, 1, 1, 1] + [0, 5, 1, 0, 0, 3]
VALUES = 3 * X[:, 0] + 10 * X[:, 2] + RNG.normal(size=N)
LABELS = np.digitize(X[:, 0] + 0.02 * X[:, 1] + RNG.normal(size=N), [-0.5, 0.5])
COUNTS = RNG.poisson(1.0, (N, 6)) * np.where(LABELS[:, None] == 2, [3, 1, 1, 2, 1, 1], 1)
SPARSE = sparse.csr_array(COUNTS.astype(float))
SCORES = {
    "f_classif": (X, LABELS),
    "f_regression": (X, VALUES),
    "r_regression": (X, VALUES),
    "chi2": (COUNTS, LABELS),
}
SELECTORS = [
    ("SelectKBest", {"k": 3}),
    ("SelectPercentile", {"percentile": 40}),
    ("SelectFpr", {}),
    ("SelectFdr", {"alpha": 0.2}),
    ("SelectFwe", {}),
    ("SelectKBest", {"k": "all"}),
    ("SelectKBest", {"k": 0}),
]


def dense(x: Any) -> np.ndarray:
    x = x.compute() if hasattr(x, "compute") else x
    return x.toarray() if sparse.issparse(x) else np.asarray(x)


def sparse_blocks(rows: Any) -> da.Array:
    return dask_array(dense(rows), CHUNKS).map_blocks(sparse.csr_array)


def given(how: str, rows: Any, y: np.ndarray) -> tuple[Any, Any]:
    """Return rows and targets in a container."""
    if how == "memory":
        return rows, y
    if how == "sparse":
        return sparse_blocks(rows), dask_array(y, CHUNKS)
    if how == "blocks":
        ends = np.cumsum([0, *CHUNKS])
        return from_blocks([(rows[a:b], y[a:b]) for a, b in pairwise(ends)])
    return dask_array(np.asarray(rows), CHUNKS), dask_array(y, CHUNKS)


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("how", ["dask", "sparse", "memory", "blocks"])
def test_scores_are_scikit_learns(how, name):
    rows, y = SCORES[name]
    wanted = getattr(theirs, name)(rows, y)
    found = getattr(ours, name)(*given(how, rows, y))
    pairs = zip(found, wanted, strict=True) if isinstance(wanted, tuple) else [(found, wanted)]
    for one, other in pairs:
        np.testing.assert_allclose(one, other, rtol=1e-9)


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("force_finite", [True, False])
@pytest.mark.parametrize("name", ["f_regression", "r_regression"])
def test_regression_scores_of_constants_and_multiples_are_scikit_learns(name, center, force_finite):
    rows = np.stack([X[:, 0], np.full(N, 2.0), 2 * VALUES, np.zeros(N)], axis=1)
    how = {"center": center, "force_finite": force_finite}
    wanted = getattr(theirs, name)(rows[:, [0, 3]], VALUES, **how)
    found = getattr(ours, name)(*given("dask", rows[:, [0, 3]], VALUES), **how)
    np.testing.assert_allclose(np.stack(found), np.stack(wanted), rtol=1e-9)
    f, p = ours.f_regression(*given("dask", rows, VALUES), **how)
    assert f[2] > 1e13  # a multiple
    assert p[2] == 0
    if center:
        assert (f[1], p[1]) == (0.0, 1.0) if force_finite else np.isnan([f[1], p[1]]).all()


def test_far_from_zero_scores_lose_no_digit():
    far = X + 1e8
    exact = far.astype(np.longdouble)
    groups = [exact[k == LABELS] for k in range(3)]
    mean = exact.mean(axis=0)
    between = sum(len(g) * (g.mean(axis=0) - mean) ** 2 for g in groups) / 2
    within = sum(((g - g.mean(axis=0)) ** 2).sum(axis=0) for g in groups) / (N - 3)
    f, _ = ours.f_classif(*given("dask", far, LABELS))
    np.testing.assert_allclose(f, (between / within).astype(float), rtol=1e-9)
    y = (VALUES + 1e8).astype(np.longdouble)
    z, t = exact - mean, y - y.mean()
    r = (z * t[:, None]).sum(axis=0) / np.sqrt((z**2).sum(axis=0) * (t**2).sum())
    found = ours.r_regression(*given("dask", far, VALUES + 1e8))
    np.testing.assert_allclose(found, r.astype(float), rtol=1e-9)


def test_a_constant_feature_warns_and_has_no_f():
    rows = np.stack([np.full(N, 1e8 / 3), X[:, 0]], axis=1)
    with pytest.warns(UserWarning, match=r"Features \[0\] are constant"):
        f, _ = ours.f_classif(*given("dask", rows, LABELS))
    assert np.isnan(f[0])


@pytest.mark.parametrize(("kind", "how"), SELECTORS)
@pytest.mark.parametrize("score", ["f_classif", "f_regression", "chi2"])
@pytest.mark.filterwarnings("ignore:No features were selected")
def test_selectors_choose_what_scikit_learn_chooses(score, kind, how):
    rows, y = SCORES[score]
    wanted = getattr(theirs, kind)(getattr(theirs, score), **how).fit(rows, y)
    for package in (ours, theirs):  # both functions are known
        found = getattr(ours, kind)(getattr(package, score), **how).fit(*given("dask", rows, y))
        assert found.get_support().tolist() == wanted.get_support().tolist()
        lazy = found.transform(dask_array(np.asarray(rows, float), CHUNKS))
        assert lazy.shape == (N, wanted.get_support().sum())
        np.testing.assert_array_equal(dense(lazy), wanted.transform(rows))
        if not lazy.shape[1]:
            continue
        back = found.inverse_transform(lazy)
        np.testing.assert_array_equal(dense(back), wanted.inverse_transform(dense(lazy)))


def test_sparse_rows_stay_sparse_there_and_back():
    model = ours.SelectKBest(ours.chi2, k=2).fit(SPARSE, LABELS)
    wanted = theirs.SelectKBest(theirs.chi2, k=2).fit(SPARSE, LABELS)
    lazy = model.transform(sparse_blocks(SPARSE))
    block = lazy.blocks[0].compute()
    assert sparse.issparse(block)
    np.testing.assert_array_equal(dense(lazy), dense(wanted.transform(SPARSE)))
    back = model.inverse_transform(model.transform(SPARSE))
    assert sparse.issparse(back)
    np.testing.assert_array_equal(dense(back), dense(wanted.inverse_transform(dense(lazy))))
    np.testing.assert_array_equal(dense(model.inverse_transform(lazy)), dense(back))


def test_frames_keep_the_names_of_the_chosen_columns():
    frame = pd.DataFrame(X, columns=list("abcdef"))
    df = dask_frame(X, CHUNKS)
    model = ours.SelectKBest(ours.f_regression, k=2).fit(
        df, dask_frame(VALUES[:, None], CHUNKS).iloc[:, 0]
    )
    assert model.transform(df).columns.tolist() == model.get_feature_names_out().tolist()
    inside = ours.SelectKBest(k=2).set_output(transform="pandas").fit(frame, LABELS)
    assert inside.transform(frame).columns.tolist() == inside.get_feature_names_out().tolist()


@pytest.mark.parametrize("threshold", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("how", ["dask", "sparse", "memory"])
def test_variances_are_scikit_learns(how, threshold):
    rows = np.concatenate([COUNTS, np.full((N, 1), 2), np.zeros((N, 1))], axis=1).astype(float)
    asked = sparse.csr_array(rows) if how == "sparse" else rows
    wanted = theirs.VarianceThreshold(threshold).fit(asked)
    found = ours.VarianceThreshold(threshold).fit(given(how, rows, LABELS)[0])
    np.testing.assert_allclose(found.variances_, wanted.variances_, rtol=1e-12, atol=1e-15)
    assert found.get_support().tolist() == wanted.get_support().tolist()


def test_a_constant_far_from_zero_is_left_out_and_gaps_are_ignored():
    rows = np.where(RNG.random(X.shape) < 0.2, np.nan, X)
    rows[:, 1] = 1e8 / 3
    found = ours.VarianceThreshold(1e-12).fit(dask_array(rows, CHUNKS))
    assert not found.get_support()[1]
    np.testing.assert_allclose(found.variances_[2:], np.nanvar(rows[:, 2:], axis=0), rtol=1e-12)
    with pytest.raises(ValueError, match=r"No feature in X meets the variance threshold 1.00000"):
        ours.VarianceThreshold(1.0).fit(dask_array(rows[:, 1:2], CHUNKS))


def test_more_rows_and_merged_ones_are_a_fit_to_all():
    classes = [0, 1, 2]
    for score in ("f_classif", "chi2"):
        rows, y = SCORES[score]
        wanted = ours.SelectKBest(getattr(ours, score), k=2).fit(rows, y)
        make = partial(ours.SelectKBest, getattr(ours, score), k=2)
        here = make().partial_fit(rows[:70], y[:70], classes=classes)
        there = make().partial_fit(rows[70:], y[70:], classes=classes)
        for one in (here.merge(there), here.partial_fit(rows[70:], y[70:])):
            np.testing.assert_allclose(one.scores_, wanted.scores_, rtol=1e-9)
    few = ours.SelectKBest(k=2).partial_fit(X[:9], LABELS[:9], classes=[0, 1, 2, 3])
    with pytest.raises(ValueError, match="with the same labels"):
        few.merge(ours.SelectKBest(k=2).fit(X, LABELS))


def test_models_select_as_in_scikit_learn():
    wanted = theirs.SelectFromModel(their_models.Ridge(), max_features=3).fit(X, VALUES)
    found = ours.SelectFromModel(Ridge(), max_features=3).fit(*given("dask", X, VALUES))
    assert found.get_support().tolist() == wanted.get_support().tolist()
    assert found.threshold_ == pytest.approx(wanted.threshold_, rel=1e-9)
    assert found.max_features_ == 3
    fitted = Ridge().fit(X, VALUES)
    prefit = ours.SelectFromModel(fitted, prefit=True, threshold="median")
    lazy = prefit.transform(dask_array(X, CHUNKS))
    assert lazy.shape == (N, 3)
    foreign = ours.SelectFromModel(Incremental(their_models.SGDRegressor(random_state=0)))
    assert foreign.fit(*given("dask", X, VALUES)).get_support().any()


def test_every_library(backend: Backend):
    rows, y = backend.asarray(X), backend.asarray(VALUES)
    model = ours.SelectKBest(ours.f_regression, k=2).fit(rows, y)
    tol = 1e-3 if backend.asarray(X).dtype != rows.dtype or "32" in str(rows.dtype) else 1e-9
    np.testing.assert_allclose(model.scores_, theirs.f_regression(X, VALUES)[0], rtol=tol, atol=tol)
    out = model.transform(rows)
    assert type(out) is type(rows)
    np.testing.assert_array_equal(to_numpy(out), to_numpy(rows)[:, model.get_support()])
    from_coef = ours.SelectFromModel(LinearRegression()).fit(rows, y)
    assert to_numpy(from_coef.transform(rows)).shape[1] == from_coef.get_support().sum()


@pytest.mark.parametrize("schedule", ["one-pass", "per-step"])
def test_steps_of_pipelines_are_fitted_beforehand(schedule):
    A, b = given("dask", X, VALUES)
    pipe = make_pipeline(
        ours.VarianceThreshold(),
        StandardScaler(),
        ours.SelectKBest(ours.f_regression, k=2),
        LinearRegression(),
        schedule=schedule,
    ).fit(A, b)
    assert pipe[2].get_support().tolist() == [True, False, True, False, False, False]
    assert pipe.score(A, b) > 0.8
    other = make_pipeline(ours.SelectFromModel(Ridge()), LinearRegression(), schedule=schedule)
    assert other.fit(A, b).score(A, b) > 0.5
    A, b = given("dask", X, LABELS)
    model = make_pipeline(ours.SelectKBest(k=2), SGDClassifier(random_state=0), schedule=schedule)
    assert model.fit(A, b).score(A, b) > 0.5


DISCRETE = RNG.integers(0, 5, (N, 4)) * [1.0, 0.5, 100.0, 1.0]
DISCRETE[:, 1] = LABELS + 0.5
MUTUAL = {
    "mutual_info_classif": LABELS,
    "mutual_info_regression": DISCRETE[:, 0].astype(int) + LABELS,
}


@pytest.mark.parametrize("name", MUTUAL)
@pytest.mark.parametrize("how", ["dask", "sparse", "memory", "blocks"])
def test_the_information_of_discrete_features_is_exact(how, name):
    y = MUTUAL[name]
    wanted = [mutual_info_score((2 * column).astype(int), y) for column in DISCRETE.T]
    function, asked = getattr(ours, name), "auto" if how == "sparse" else True
    found = function(*given(how, DISCRETE, y), discrete_features=asked)
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-15)
    if how != "sparse":  # few values have a bin for each
        for some in (False, [1, 2], [True, False, False, True], []):
            found = function(*given(how, DISCRETE, y), discrete_features=some)
            np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("name", MUTUAL)
def test_the_information_of_bins_is_that_of_their_table(name):
    y, n_bins = (LABELS if name.endswith("classif") else VALUES), 8
    found = getattr(ours, name)(*given("dask", X, y), n_bins=n_bins)

    def bins(x: np.ndarray) -> np.ndarray:
        edges = np.quantile(x, np.arange(1, n_bins) / n_bins)
        return np.searchsorted(edges, x, side="right")

    codes = y if name.endswith("classif") else bins(y)
    for j, column in enumerate(X.T):
        table = np.zeros((n_bins, codes.max() + 1))
        np.add.at(table, (bins(column), codes), 1)
        cells = np.count_nonzero(table)
        wanted = mutual_info_score(bins(column), codes)
        wanted += (np.count_nonzero(table.sum(axis=0)) + n_bins - cells - 1) / (2 * N)
        assert found[j] == pytest.approx(max(wanted, 0.0), rel=1e-9)


@pytest.mark.parametrize(("rho", "n_bins", "error"), [(0.5, 16, 0.048), (0.9, 32, 0.031)])
def test_the_information_of_a_normal_distribution_has_the_stated_error(rho, n_bins, error):
    rng = np.random.default_rng(0)
    x, noise = rng.normal(size=(2, 400_000))
    y = rho * x + np.sqrt(1 - rho**2) * noise
    (found,) = ours.mutual_info_regression(x[:, None], y, n_bins=n_bins)
    exact = -0.5 * np.log(1 - rho**2)
    assert found == pytest.approx((1 - error) * exact, rel=0.01)


def test_information_costs_as_few_reads_as_it_can():
    for name, some, reads in (
        ("mutual_info_classif", True, 1),
        ("mutual_info_classif", [0], 2),
        ("mutual_info_regression", True, 2),
    ):
        log: list = []
        rows, y = dask_array(DISCRETE, CHUNKS, log=log), dask_array(MUTUAL[name], CHUNKS)
        score = partial(getattr(ours, name), discrete_features=some)
        model = ours.SelectKBest(score, k=1).fit(rows, y)
        assert len(log) == reads * len(CHUNKS)
        assert model.get_support().tolist() == [name.endswith("on"), name.endswith("if"), 0, 0]
        assert model.pvalues_ is None


def test_information_of_discrete_features_with_labels_merges():
    score = partial(ours.mutual_info_classif, discrete_features=True)
    wanted = ours.SelectKBest(score, k=2).fit(DISCRETE, LABELS)
    parts = [
        ours.SelectKBest(score, k=2).partial_fit(DISCRETE[at], LABELS[at], classes=[0, 1, 2])
        for at in (slice(0, 1), slice(1, N))
    ]
    merged = parts[0].merge(parts[1])
    np.testing.assert_allclose(merged.scores_, wanted.scores_, rtol=1e-12)
    other = ours.SelectKBest(ours.mutual_info_classif, k=2)
    with pytest.raises(TypeError, match=r"partial_fit reads rows once, .* Use fit, or set discr"):
        other.partial_fit(DISCRETE, LABELS, classes=[0, 1, 2])
    assert not hasattr(other, "scores_")
    here, there = (clone(other).fit(DISCRETE, LABELS) for _ in range(2))
    with pytest.raises(TypeError, match="merge reads rows once"):
        here.merge(there)


@pytest.mark.parametrize(
    ("params", "y"),
    [
        (Columns(3, True), LABELS),
        (Columns(3, (0,)), LABELS),
        (Columns(0, (), (np.asarray([0.5]), None), np.asarray([1.0])), LABELS + 0.5),
        (Columns(0), LABELS + 0.5),
    ],
)
def test_pairs_merged_with_those_of_no_rows_stay(params, y):
    rows = np.asarray(DISCRETE, dtype=np.float64)[:, :2]
    learner = pair_tables.learner(params)
    known = pair_tables.of_block(params, rows, None, y)
    nothing = pair_tables.init(params, 2, like=rows)
    assert learner.is_empty(nothing)
    for found in (pair_tables.merge(nothing, known), pair_tables.merge(known, nothing)):
        assert found.finite == known.finite
        for one, other in zip(found.tables, known.tables, strict=True):
            for a, b in zip(one or (), other or (), strict=True):
                np.testing.assert_array_equal(a, b)
        for one, other in zip(found[3:], known[3:], strict=True):
            for a, b in zip(one or (), other or (), strict=True):
                np.testing.assert_array_equal(a, b)


def test_information_of_any_library_is_that_of_numpy(backend: Backend):
    rows, y = backend.asarray(DISCRETE), backend.asarray(VALUES)
    found = ours.mutual_info_regression(rows, y, discrete_features=[0, 3])
    wanted = ours.mutual_info_regression(DISCRETE, VALUES, discrete_features=[0, 3])
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-9)


def test_wrong_parameters_of_information_are_named():
    for how, says in (
        ({"n_bins": 1}, "n_bins=1 must be 'auto', or a number of bins that is at least 2"),
        ({"discrete_features": "manual"}, "Invalid string value for discrete_features: 'manual'"),
    ):
        with pytest.raises(ValueError, match=says):
            ours.mutual_info_classif(X, LABELS, **how)
    with pytest.raises(ValueError, match=r"Sparse rows .* Set discrete_features=True"):
        ours.mutual_info_classif(SPARSE, LABELS, discrete_features=False)
    for wrong in ([True, False], [1, 9]):
        with pytest.raises(IndexError):
            ours.mutual_info_classif(X, LABELS, discrete_features=wrong)
    bad = X.copy()
    bad[3, 2] = np.nan
    for some in (True, False):
        with pytest.raises(ValueError, match="NaN"):
            ours.mutual_info_classif(*given("dask", bad, LABELS), discrete_features=some)


def test_other_scores_are_computed_in_memory_and_refused_over_blocks():
    score = partial(theirs.mutual_info_classif, random_state=0)
    wanted = theirs.SelectKBest(score, k=2).fit(X, LABELS)
    found = ours.SelectKBest(score, k=2).fit(X, LABELS)
    np.testing.assert_array_equal(found.scores_, wanted.scores_)
    assert found.pvalues_ is None
    for function in (score, theirs.mutual_info_classif, lambda X, y: X.sum(axis=0)):
        with pytest.raises(TypeError, match=r"needs all rows in memory\. f_classif, chi2"):
            ours.SelectKBest(function).fit(*given("dask", X, LABELS))
    with pytest.raises(TypeError, match="needs all rows in memory"):
        ours.SelectKBest(score).partial_fit(X, LABELS)
    found = ours.SelectKBest(partial(theirs.f_regression, center=False), k=2)
    found.fit(*given("dask", X, VALUES))
    np.testing.assert_allclose(found.scores_, theirs.f_regression(X, VALUES, center=False)[0])


BAD = {
    "negative": (lambda: ours.chi2(-X, LABELS), ValueError, "must be non-negative"),
    "no y": (lambda: ours.SelectKBest().fit(X), ValueError, "requires y to be passed"),
    "numbers as labels": (lambda: ours.f_classif(X, VALUES), ValueError, "Unknown label type"),
    "NaN": (lambda: ours.SelectFpr().fit(X * np.nan, LABELS), ValueError, "contains NaN"),
    "no labels": (
        lambda: ours.SelectKBest(k=1).partial_fit(X, LABELS),
        ValueError,
        "classes must be passed on the first call",
    ),
    "labels of values": (
        lambda: ours.SelectKBest(ours.f_regression).partial_fit(X, VALUES, classes=[0, 1]),
        ValueError,
        "y holds numbers here. Leave it out",
    ),
    "a model without blocks": (
        lambda: ours.SelectFromModel(their_models.Ridge()).fit(dask_array(X, CHUNKS), VALUES),
        TypeError,
        "Ridge takes no collections. Use a model of streamlearn",
    ),
    "other columns": (
        lambda: ours.SelectKBest(k=1).fit(X, LABELS).transform(dask_array(X[:, :2], CHUNKS)),
        ValueError,
        "expecting 6 features",
    ),
    "back from other columns": (
        lambda: ours.SelectKBest(k=1).fit(X, LABELS).inverse_transform(dask_array(X, CHUNKS)),
        ValueError,
        "SelectKBest is expecting 1 features",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_rows_are_refused_in_words(what):
    call, error, says = BAD[what]
    with pytest.raises(error, match=says):
        call()


def test_products_are_exact_in_any_cut():
    state = None
    for start, stop in pairwise(np.cumsum([0, *CHUNKS])):
        part = target_moments.of_block(
            target_moments.Params(), X[start:stop] + 1e8, None, VALUES[start:stop] - 1e8
        )
        state = part if state is None else target_moments.merge(state, part)
    whole = target_moments.of_block(target_moments.Params(), X + 1e8, None, VALUES - 1e8)
    for centred in (True, False):
        found, wanted = (target_moments.correlation(s, centred=centred) for s in (state, whole))
        np.testing.assert_allclose(found, wanted, rtol=1e-11)
