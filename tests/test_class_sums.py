"""Classifiers that are functions of sums by class, against scikit-learn and exact arithmetic."""

import warnings
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn import covariance as their_covariances
from sklearn import discriminant_analysis as their_discriminants
from sklearn import naive_bayes as their_bayes
from sklearn import neighbors as their_neighbors
from sklearn import preprocessing as their_preprocessing
from sklearn.base import clone

from streamlearn import covariance, discriminant_analysis, naive_bayes, neighbors
from streamlearn.core.statistics import category_counts
from streamlearn.covariance import LedoitWolf
from streamlearn.naive_bayes import BernoulliNB, CategoricalNB, GaussianNB, MultinomialNB
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import MaxAbsScaler, MinMaxScaler, StandardScaler
from tests.containers import dask_array, dask_frame

RNG = np.random.default_rng(0)
N, CHUNKS = 200, (60, 0, 1, 99, 40)
CODES = RNG.integers(0, 3, N)
X = (RNG.normal(size=(N, 4)) + RNG.normal(size=(3, 4))[CODES]) * [1, 100, 0.1, 3] + [0, 50, 5, 1]
CATEGORIES = RNG.integers(0, [2, 3, 9, 30], (N, 4)) % (CODES[:, None] + 2)
COUNTS = RNG.poisson(RNG.uniform(0.2, 3, size=(3, 5))[CODES]).astype(np.float64)
W = RNG.integers(0, 3, N) / 2
W[60] = 1.0  # the block of one row
PRIORS = [0.2, 0.3, 0.5]
PLACES = {
    **dict.fromkeys(naive_bayes.__all__, (naive_bayes, their_bayes)),
    **dict.fromkeys(neighbors.__all__, (neighbors, their_neighbors)),
    **dict.fromkeys(discriminant_analysis.__all__, (discriminant_analysis, their_discriminants)),
}
METHODS = (
    *("predict", "predict_proba", "predict_log_proba", "predict_joint_log_proba"),
    "decision_function",
)
GIVEN = [
    *[("GaussianNB", given) for given in ({}, {"var_smoothing": 0.1}, {"priors": PRIORS})],
    *[
        (name, given)
        for name in ("MultinomialNB", "ComplementNB", "BernoulliNB")
        for given in ({}, {"alpha": 0.3, "fit_prior": False}, {"class_prior": PRIORS})
    ],
    *[
        ("CategoricalNB", given)
        for given in (
            *({}, {"alpha": 0.3, "fit_prior": False}, {"class_prior": PRIORS}),
            *({"min_categories": 12}, {"min_categories": [1, 2, 3, 40]}),
        )
    ],
    ("MultinomialNB", {"alpha": [1.0, 2.0, 3.0, 0.5, 0.1]}),
    ("ComplementNB", {"norm": True}),
    ("BernoulliNB", {"binarize": 1.0}),
    ("NearestCentroid", {}),
    ("NearestCentroid", {"priors": "empirical"}),
    ("NearestCentroid", {"priors": PRIORS, "shrink_threshold": 0.5}),
    ("NearestCentroid", {"metric": "manhattan"}),
    ("NearestCentroid", {"metric": "manhattan", "priors": PRIORS, "shrink_threshold": 0.5}),
    *[
        ("LinearDiscriminantAnalysis", {"solver": solver, **more})
        for solver in ("svd", "lsqr", "eigen")
        for more in (
            *({}, {"priors": PRIORS}, {"n_components": 1}),
            {"store_covariance": True} if solver == "svd" else {"shrinkage": 0.3},
        )
    ],
    ("QuadraticDiscriminantAnalysis", {"store_covariance": True}),
    ("QuadraticDiscriminantAnalysis", {"reg_param": 0.3, "priors": PRIORS}),
    ("QuadraticDiscriminantAnalysis", {"solver": "eigen", "shrinkage": 0.3}),
    *[
        (f"{kind}DiscriminantAnalysis", {"solver": solver, "shrinkage": "auto"})
        for kind, solver in (("Linear", "lsqr"), ("Linear", "eigen"), ("Quadratic", "eigen"))
    ],
]
ESTIMATED = [
    (f"{kind}DiscriminantAnalysis", solver, estimator)
    for kind, solver in (("Linear", "lsqr"), ("Linear", "eigen"), ("Quadratic", "eigen"))
    for estimator in ("LedoitWolf", "OAS", "EmpiricalCovariance", "ShrunkCovariance")
]


def both(name, given):
    return tuple(getattr(place, name)(**given) for place in PLACES[name])


def rows(name):
    if name == "CategoricalNB":
        return CATEGORIES
    return COUNTS if name in ("MultinomialNB", "ComplementNB", "BernoulliNB") else X


def assert_same(ours, theirs, given, rtol=1e-9):
    for name, value in vars(theirs).items():
        if name.endswith("_") and name not in ("feature_names_in_", "n_features_in_"):
            signs = name in ("scalings_", "rotations_")
            pairs = [(getattr(ours, name), value)]
            if isinstance(value, list):
                pairs = zip(pairs[0][0], value, strict=True)
            for a, b in pairs:
                a, b = (np.abs(a), np.abs(b)) if signs else (a, b)
                if name == "scalings_" and getattr(ours, "solver", "") == "eigen" and b.ndim == 2:
                    a, b = a[:, :2], b[:, :2]  # other axes have no variance between classes
                np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-12, err_msg=name)
    for method in METHODS:
        if hasattr(theirs, method):
            a, b = getattr(ours, method)(given), getattr(theirs, method)(given)
            np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol, err_msg=method)


@pytest.mark.parametrize(("name", "given"), GIVEN)
def test_results_are_scikit_learns(name, given):
    ours, theirs = both(name, given)
    x = rows(name)
    assert_same(ours.fit(x, CODES), theirs.fit(x, CODES), x)
    if hasattr(theirs, "transform") and given["solver"] != "lsqr":
        a, b = (np.abs(each.transform(x)) for each in (ours, theirs))
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize(("name", "solver", "estimator"), ESTIMATED)
def test_a_covariance_estimator_is_learned_for_each_class(name, solver, estimator):
    ours, theirs = both(name, {"solver": solver})
    own = getattr(covariance, estimator)()
    ours.set_params(covariance_estimator=own, classes=[0, 1, 2])
    theirs.set_params(covariance_estimator=getattr(their_covariances, estimator)())
    theirs.fit(X, CODES)
    assert_same(ours.fit(dask_array(X, CHUNKS), dask_array(CODES, CHUNKS)), theirs, X)
    assert not hasattr(own, "covariance_")
    halves = [clone(ours).fit(X[part], CODES[part]) for part in (slice(90), slice(90, None))]
    assert_same(halves[0].merge(halves[1]), theirs, X)


@pytest.mark.parametrize("name", discriminant_analysis.__all__)
@pytest.mark.parametrize("given", [{"shrinkage": "auto"}, {"covariance_estimator": LedoitWolf()}])
def test_automatic_shrinkage_behind_a_scaler_with_weights_and_of_rows_that_come_later(name, given):
    ours, theirs = both(name, {"solver": "eigen", **given})
    if "shrinkage" not in given:
        theirs.set_params(covariance_estimator=their_covariances.LedoitWolf())
    ours.set_params(classes=[0, 1, 2])
    log: list = []
    pipe = make_pipeline(StandardScaler(), clone(ours)).fit(
        dask_array(X, CHUNKS, log=log), dask_array(CODES, CHUNKS)
    )
    assert len(log) == len(CHUNKS) * (1 if "shrinkage" in given else 2)
    z = their_preprocessing.StandardScaler().fit_transform(X)
    want = theirs.fit(z, CODES).predict_proba(z)
    np.testing.assert_allclose(pipe.predict_proba(X), want, rtol=1e-8, atol=1e-11)
    again = np.repeat(np.arange(N), (2 * W).astype(int))
    want = theirs.fit(X[again], CODES[again])
    assert_same(clone(ours).fit(X, CODES, 2 * W), want, X)
    later = clone(ours)
    for i, j in pairwise(np.cumsum([0, *CHUNKS])):
        if i < j:
            later.partial_fit(X[i:j], CODES[i:j], sample_weight=2 * W[i:j])
    assert_same(later, want, X)


@pytest.mark.parametrize("name", PLACES)
def test_weights_count_as_rows(name):
    ours, theirs = both(name, {"tol": 0} if name.startswith("Quad") else {})
    x = rows(name)
    if name.endswith("NB"):
        return assert_same(ours.fit(x, CODES, W), theirs.fit(x, CODES, W), x)
    again = np.repeat(np.arange(N), (2 * W).astype(int))
    assert_same(ours.fit(x, CODES, 2 * W), theirs.fit(x[again], CODES[again]), x)


@pytest.mark.parametrize("name", PLACES)
def test_every_source_of_blocks_and_rows_that_come_later(name):
    x, (whole, _) = rows(name), both(name, {})
    whole.fit(x, CODES, W)
    edges = np.cumsum([0, *CHUNKS])
    parts = [tuple(a[i:j] for a in (x, CODES, W)) for i, j in pairwise(edges)]
    y, w = (dask_array(a, CHUNKS) for a in (CODES, W))
    text = np.asarray(["b", "c", "z"])[CODES]
    sources = {
        "arrays": (dask_array(x, CHUNKS), y, w),
        "frame": (pd.DataFrame(x, columns=list("abcde")[: x.shape[1]]), pd.Series(CODES), W),
        "dask frame": (dask_frame(x, CHUNKS), y, w),
        "source": (lambda: iter(parts),),
        "text": (x, text, W),
    }
    if name not in ("GaussianNB", "CategoricalNB", *discriminant_analysis.__all__):
        sources["sparse"] = (csr_array(x), CODES, W)
    want = whole.predict_proba(x)
    for kind, (given, *rest) in sources.items():
        labels, weight = rest or (None, None)
        model = both(name, {})[0].fit(given, labels, sample_weight=weight)
        frame = pd.DataFrame(x, columns=getattr(model, "feature_names_in_", None))
        got = model.predict_proba(frame if "frame" in kind else x)
        np.testing.assert_allclose(got, want, rtol=1e-8, atol=1e-12, err_msg=kind)
    later = both(name, {})[0]
    for part, labels, weight in parts:
        if len(part):
            later.partial_fit(part, labels, classes=[0, 1, 2], sample_weight=weight)
    np.testing.assert_allclose(later.predict_proba(x), want, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("name", ["GaussianNB", "NearestCentroid", *discriminant_analysis.__all__])
@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler()], ids=["standard", "range"])
def test_behind_a_scaler_one_read_is_enough(name, scaler):
    log: list = []
    ours, theirs = both(name, {"reg_param": 0.1} if name.startswith("Quad") else {})
    ours.set_params(classes=[0, 1, 2])
    pipe = make_pipeline(scaler, ours).fit(
        dask_array(X, CHUNKS, log=log), dask_array(CODES, CHUNKS)
    )
    assert len(log) == len(CHUNKS)
    z = getattr(their_preprocessing, type(scaler).__name__)().fit_transform(X)
    want = theirs.fit(z, CODES).predict_proba(z)
    np.testing.assert_allclose(pipe.predict_proba(X), want, rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("scaler", [MaxAbsScaler(), MinMaxScaler()], ids=["largest", "range"])
def test_counts_behind_a_scaler_are_of_its_final_statistics(scaler):
    pipe = make_pipeline(scaler, MultinomialNB()).fit(
        dask_array(COUNTS, CHUNKS), dask_array(CODES, CHUNKS)
    )
    z = getattr(their_preprocessing, type(scaler).__name__)().fit_transform(COUNTS)
    want = their_bayes.MultinomialNB().fit(z, CODES).predict_proba(z)
    np.testing.assert_allclose(pipe.predict_proba(COUNTS), want, rtol=1e-9)


def test_variances_are_exact_where_classes_lie_far_apart_and_scales_differ():
    x = RNG.normal(size=(N, 3)) * [1e-6, 1, 1e6] + [1, 1e8, -1e8] + np.outer(CODES, [0, 1e8, 1e3])
    model = GaussianNB(var_smoothing=0).fit(dask_array(x, CHUNKS), dask_array(CODES, CHUNKS))
    for code in range(3):
        for j in range(3):
            values = [Fraction(v) for v in x[code == CODES, j].tolist()]
            mean = sum(values) / len(values)
            variance = sum((v - mean) ** 2 for v in values) / len(values)
            np.testing.assert_allclose(model.var_[code, j], float(variance), rtol=1e-12)
            np.testing.assert_allclose(model.theta_[code, j], float(mean), rtol=1e-15)


def test_float32_is_summed_in_float64():
    single = X.astype(np.float32)
    ours = GaussianNB().fit(single, CODES)
    assert ours.var_.dtype == np.float32
    want = their_bayes.GaussianNB().fit(single.astype(np.float64), CODES)
    np.testing.assert_allclose(ours.var_, want.var_, rtol=1e-6)


def test_medians_of_classes_are_those_of_all_rows_in_blocks_and_with_weights():
    ours, theirs = both("NearestCentroid", {"metric": "manhattan"})
    y, w = dask_array(CODES, CHUNKS), dask_array(2 * W, CHUNKS)
    again = np.repeat(np.arange(N), (2 * W).astype(int))
    theirs.fit(X[again], CODES[again])
    assert_same(clone(ours).fit(dask_array(X, CHUNKS), y, w), theirs, X)
    assert_same(clone(ours).fit(csr_array(X), CODES, 2 * W), theirs, X)
    edges = np.cumsum([0, *CHUNKS])
    later = clone(ours)
    for i, j in pairwise(edges):
        if i < j:
            later.partial_fit(X[i:j], CODES[i:j], classes=[0, 1, 2], sample_weight=2 * W[i:j])
    assert_same(later, theirs, X)
    many = RNG.standard_cauchy((60_000, 2))
    codes = (many[:, 0] > 0).astype(int)
    near = clone(ours).set_params(classes=None).fit(many, codes).centroids_
    for code in (0, 1):
        ranks = (many[codes == code] < near[code]).mean(axis=0)
        np.testing.assert_allclose(ranks, 0.5, atol=1e-3)
    with pytest.raises(AttributeError) as raised:
        later.predict_proba(X)
    assert "Use predict, or set metric='euclidean'" in str(raised.value.__cause__)


def test_a_class_without_rows_is_never_predicted():
    for name, (place, _) in PLACES.items():
        model = getattr(place, name)(classes=[0, 1, 2, 9])
        if name.startswith("Quad"):
            with pytest.raises(ValueError, match="0 sample in class 9"):
                model.fit(X, CODES)
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            predicted = model.fit(rows(name), CODES).predict(rows(name))
        assert set(predicted) <= {0, 1, 2} or name == "ComplementNB"


def test_negative_counts_are_refused_and_binarized_ones_are_not():
    with pytest.raises(ValueError, match=r"Negative values in data passed to MultinomialNB"):
        MultinomialNB().fit(dask_array(X - 9, CHUNKS), dask_array(CODES, CHUNKS))
    theirs = their_bayes.BernoulliNB().fit(X - 9, CODES)
    ours = BernoulliNB().fit(dask_array(X - 9, CHUNKS), dask_array(CODES, CHUNKS))
    assert_same(ours, theirs, X)
    with pytest.raises(ValueError, match="NaN"):
        BernoulliNB().fit(np.where(X > 50, np.nan, X), CODES)


@pytest.mark.parametrize("weight", [None, np.linspace(0, 1, 60_000)])
def test_tables_of_many_categories_are_made_a_few_times_for_a_block(weight, monkeypatch):
    m, width, made = 60_000, 30_000, []
    rows = np.stack([np.arange(m) * 7 % width, np.arange(m) % 3], axis=1)
    codes, inner = np.arange(m) // 5 % 2, category_counts.weights_by_label

    def counted(labels, n_labels, *rest):
        made.append(n_labels)
        return inner(labels, n_labels, *rest)

    monkeypatch.setattr(category_counts, "weights_by_label", counted)
    found = category_counts.of_block(category_counts.Params(2), rows, weight, codes)
    for j, table in enumerate(category_counts.counts(found)):
        for k in range(2):
            at = codes == k
            part = None if weight is None else weight[at]
            want = np.bincount(rows[at, j], weights=part, minlength=table.shape[1])
            np.testing.assert_allclose(table[k], want, rtol=1e-12)
    assert sum(made) < 3 * 2 * width


def test_categories_may_come_late_and_those_that_never_came_are_named():
    y = CODES % 2
    parts = [(np.asarray([[0.0], [1.9]]), y[:2]), (np.asarray([[7], [2]]), y[2:4])]
    model = CategoricalNB(classes=[0, 1])
    for part, labels in parts:
        model.partial_fit(part, labels)
    whole = their_bayes.CategoricalNB().fit(np.asarray([[0], [1], [7], [2]]), y[:4])
    assert_same(model, whole, np.asarray([[7], [2]]))
    halves = [CategoricalNB(classes=[0, 1]).fit(*part) for part in parts]
    assert_same(halves[0].merge(halves[1]), whole, np.asarray([[7], [2]]))
    with pytest.raises(ValueError, match=r"category 8, .* seen 8 .* min_categories=9"):
        model.predict(np.asarray([[8]]))
    lazy = model.predict(dask_array(np.asarray([[8], [1]]), (1, 1)))
    with pytest.raises(ValueError, match="category 8"):
        lazy.compute()
    negative, two = np.asarray([[-1.0], [0.0]]), CategoricalNB(classes=[0, 1])
    for wrap in (np.asarray, lambda a: dask_array(a, (1, 1))):
        with pytest.raises(ValueError, match=r"Negative values in data passed to CategoricalNB"):
            two.fit(wrap(negative), wrap(y[:2]))
    too_large = r"Feature 0 holds 1,000,000 or more, .* Encode them by OrdinalEncoder"
    with pytest.raises(ValueError, match=too_large):
        two.fit([[2_000_000], [1]], [0, 1])
    for number in (1_000_000, 2_000_000, 1e30):
        with pytest.raises(ValueError, match=too_large):
            model.predict(np.asarray([[number]]))
    with pytest.raises(ValueError, match="integral type"):
        CategoricalNB(min_categories=[2.5]).fit([[1], [1]], [0, 1])
    with pytest.raises(ValueError, match="should have shape"):
        CategoricalNB(min_categories=[2, 2]).fit([[1], [1]], [0, 1])
