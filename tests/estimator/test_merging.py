"""`merge`: two fitted estimators become one that is fitted to the rows of both."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError

import streamlearn
from streamlearn.covariance import OAS, EmpiricalCovariance, LedoitWolf, ShrunkCovariance
from streamlearn.decomposition import PCA, IncrementalPCA, TruncatedSVD
from streamlearn.discriminant_analysis import (
    LinearDiscriminantAnalysis,
    QuadraticDiscriminantAnalysis,
)
from streamlearn.feature_extraction.text import (
    CountVectorizer,
    TfidfTransformer,
    TfidfVectorizer,
)
from streamlearn.feature_selection import (
    SelectFdr,
    SelectFpr,
    SelectFwe,
    SelectKBest,
    SelectPercentile,
    VarianceThreshold,
    f_regression,
    r_regression,
)
from streamlearn.impute import MissingIndicator, SimpleImputer
from streamlearn.linear_model import ElasticNet, Lasso, LinearRegression, Ridge, RidgeClassifier
from streamlearn.naive_bayes import (
    BernoulliNB,
    CategoricalNB,
    ComplementNB,
    GaussianNB,
    MultinomialNB,
)
from streamlearn.neighbors import NearestCentroid
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import (
    KBinsDiscretizer,
    LabelEncoder,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    QuantileTransformer,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)
from tests.containers import dask_array
from tests.public import documents, public_estimators

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 3)) * [1, 100, 1e-3] + [0, 1e6, 5]
Y = X @ [1.0, 0.1, 100] + RNG.normal(size=120)
CODES = np.digitize(Y, np.quantile(Y, [0.3, 0.6]))
GAPS = np.where(RNG.random(X.shape) < 0.2, np.nan, X)
WORDS = pd.DataFrame({"a": RNG.choice(list("uvw"), 120), "b": RNG.choice(list("xy"), 120)})
WORDS.loc[119, "a"] = "rare"
COUNTS = RNG.poisson(1.5, size=(120, 4)).astype(np.float64)
DOCUMENTS = np.asarray(documents(120), dtype=object)
ALL = {"classes": [0, 1, 2]}
WEIGHT = RNG.integers(0, 3, 120) / 2

CASES = {
    "StandardScaler": (StandardScaler(), X),
    "MinMaxScaler": (MinMaxScaler(), GAPS),
    "MaxAbsScaler": (MaxAbsScaler(), GAPS),
    "RobustScaler": (RobustScaler(), GAPS),
    "QuantileTransformer": (QuantileTransformer(n_quantiles=10), GAPS),
    "KBinsDiscretizer": (KBinsDiscretizer(encode="ordinal", strategy="uniform"), X),
    "SplineTransformer": (SplineTransformer(), X),
    "SimpleImputer": (SimpleImputer(add_indicator=True), GAPS),
    "SimpleImputer-frequent": (SimpleImputer(strategy="most_frequent"), WORDS),
    "MissingIndicator": (MissingIndicator(), GAPS),
    "OneHotEncoder": (OneHotEncoder(sparse_output=False), WORDS),
    "OrdinalEncoder": (OrdinalEncoder(), WORDS),
    "TargetEncoder": (TargetEncoder(target_type="continuous"), WORDS),
    "PCA": (PCA(2, whiten=True), X),
    "IncrementalPCA": (IncrementalPCA(2), X),
    "TruncatedSVD": (TruncatedSVD(1), X),
    "VarianceThreshold": (VarianceThreshold(2.0), GAPS),
    "SelectKBest": (SelectKBest(f_regression, k=2), X),
    "SelectPercentile": (SelectPercentile(r_regression, percentile=40), X),
    "SelectFpr": (SelectFpr(f_regression, alpha=0.9), X),
    "SelectFdr": (SelectFdr(f_regression, alpha=0.9), X),
    "SelectFwe": (SelectFwe(f_regression, alpha=0.9), X),
    "TfidfTransformer": (TfidfTransformer(), COUNTS),
    "CountVectorizer": (CountVectorizer(max_features=6), DOCUMENTS),
    "TfidfVectorizer": (TfidfVectorizer(min_df=3, sublinear_tf=True), DOCUMENTS),
    "TfidfVectorizer-given": (TfidfVectorizer(vocabulary=["red", "tea", "none"]), DOCUMENTS),
    "LinearRegression": (LinearRegression(), X),
    "Ridge": (Ridge(3.0), X),
    "RidgeClassifier": (RidgeClassifier(**ALL), X),
    "Lasso": (Lasso(0.1), X),
    "ElasticNet": (ElasticNet(0.1), X),
    "GaussianNB": (GaussianNB(**ALL), X),
    "MultinomialNB": (MultinomialNB(**ALL), COUNTS),
    "ComplementNB": (ComplementNB(**ALL), COUNTS),
    "BernoulliNB": (BernoulliNB(**ALL), COUNTS),
    "CategoricalNB": (CategoricalNB(**ALL), COUNTS),
    "NearestCentroid": (NearestCentroid(**ALL), X),
    "NearestCentroid-manhattan": (NearestCentroid("manhattan", **ALL), X),
    "LinearDiscriminantAnalysis": (LinearDiscriminantAnalysis(**ALL), X),
    "LinearDiscriminantAnalysis-auto": (
        LinearDiscriminantAnalysis("eigen", shrinkage="auto", **ALL),
        X,
    ),
    "LinearDiscriminantAnalysis-estimator": (
        LinearDiscriminantAnalysis("eigen", covariance_estimator=LedoitWolf(), **ALL),
        X,
    ),
    "EmpiricalCovariance": (EmpiricalCovariance(), X),
    "ShrunkCovariance": (ShrunkCovariance(), X),
    "LedoitWolf": (LedoitWolf(), X),
    "OAS": (OAS(), X),
    "QuadraticDiscriminantAnalysis": (QuadraticDiscriminantAnalysis(tol=0, **ALL), X),
}
WITHOUT = {
    "LabelEncoder": "a test of its own is below",
    "ParallelPostFit": "what it holds may have the method",
    **dict.fromkeys(("RidgeCV", "LassoCV", "ElasticNetCV"), "its instances have not"),
    **dict.fromkeys(
        (
            *("LogisticRegression", "PoissonRegressor", "GammaRegressor", "TweedieRegressor"),
            "HuberRegressor",
        ),
        "its instances have not",
    ),
    "Pipeline": "its steps may have the method",
}


def rows(x, at):
    return x.iloc[at] if hasattr(x, "iloc") else x[at]


def answers(estimator, given):
    methods = ("transform", "predict", "mahalanobis")
    method = next(name for name in methods if hasattr(estimator, name))
    out = getattr(estimator, method)(given)
    out = out.toarray() if hasattr(out, "toarray") else np.asarray(out)
    return np.unique(out, return_inverse=True)[1] if out.dtype.kind == "O" else out


@pytest.fixture(params=CASES)
def case(request):
    estimator, given = CASES[request.param]
    return clone(estimator), given, CODES if is_classifier(estimator) else Y


def test_every_estimator_that_merges_has_a_case():
    merging = {name for name, cls in public_estimators().items() if hasattr(cls, "merge")}
    assert merging - WITHOUT.keys() == {name.partition("-")[0] for name in CASES}


def test_the_merged_one_is_fitted_to_the_rows_of_both(case):
    estimator, given, y = case
    here, there = (
        clone(estimator).fit(rows(given, at), y[at]) for at in (slice(50), slice(50, 120))
    )
    before = [pickle.dumps(vars(each)) for each in (here, there)]
    merged = here.merge(pickle.loads(pickle.dumps(there)))
    want = answers(clone(estimator).fit(given, y), given)
    np.testing.assert_allclose(answers(merged, given), want, rtol=1e-9, atol=1e-12)
    assert [pickle.dumps(vars(each)) for each in (here, there)] == before
    assert merged.get_params().keys() == here.get_params().keys()


def test_the_merged_one_learns_further(case):
    estimator, given, y = case
    parts = [slice(30), slice(30, 70), slice(70, 120)]
    a, b = (clone(estimator).fit(rows(given, at), y[at]) for at in parts[:2])
    merged = a.merge(b).partial_fit(rows(given, parts[2]), y[parts[2]])
    want = answers(clone(estimator).fit(given, y), given)
    np.testing.assert_allclose(answers(merged, given), want, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("model", [LinearRegression(), Ridge(), StandardScaler()])
def test_weights_and_dask(model):
    y = {} if isinstance(model, StandardScaler) else {"y": Y}
    whole = clone(model).fit(X, **y, sample_weight=WEIGHT)
    chunks = (10, 0, 40)
    parts = [
        clone(model).fit(
            dask_array(X[at], c),
            **{name: dask_array(v[at], c) for name, v in y.items()},
            sample_weight=dask_array(WEIGHT[at], c),
        )
        for at, c in ((slice(50), chunks), (slice(50, 120), (70,)))
    ]
    merged = parts[0].merge(parts[1])
    np.testing.assert_allclose(answers(merged, X), answers(whole, X), rtol=1e-9, atol=1e-12)
    assert merged.n_blocks_skipped_ == 0


def test_labels():
    here, there = LabelEncoder().fit(["b", "c"]), LabelEncoder().fit(["a", "c"])
    assert here.merge(there).classes_.tolist() == ["a", "b", "c"]
    assert here.classes_.tolist() == ["b", "c"]


def test_on_another_machine(tmp_path):
    for name, at in (("a", slice(40)), ("b", slice(40, 120))):
        streamlearn.save(LinearRegression().fit(X[at], Y[at]), tmp_path / name)
    merged = streamlearn.load(tmp_path / "a").merge(streamlearn.load(tmp_path / "b"))
    np.testing.assert_allclose(merged.coef_, LinearRegression().fit(X, Y).coef_, rtol=1e-9)


def test_what_does_not_fit_is_named():
    model = LinearRegression().fit(X, Y)
    with pytest.raises(TypeError, match="takes another fitted LinearRegression, got Ridge"):
        model.merge(Ridge().fit(X, Y))
    with pytest.raises(NotFittedError):
        model.merge(LinearRegression())
    with pytest.raises(ValueError, match=r"same parameters, got tol=1e-06 and 0\.1\. Fit both"):
        model.merge(LinearRegression(tol=0.1).fit(X, Y))
    with pytest.raises(ValueError, match="got 3 features without names and 2 features"):
        model.merge(LinearRegression().fit(X[:, :2], Y))
    frame = pd.DataFrame(X, columns=list("abc"))
    with pytest.raises(ValueError, match=r"same features .* \['a', 'b', 'c'\] and \['c', 'b'"):
        LinearRegression().fit(frame, Y).merge(LinearRegression().fit(frame[list("cba")], Y))
    with pytest.raises(ValueError, match="one dimension and 2 columns"):
        model.merge(LinearRegression().fit(X, np.stack([Y, Y], axis=1)))
    strict = pytest.importorskip("array_api_strict")
    with pytest.raises(ValueError, match="same namespace"):
        model.merge(LinearRegression().fit(strict.asarray(X), strict.asarray(Y)))
    few = RidgeClassifier().fit(X[CODES < 2], CODES[CODES < 2])
    with pytest.raises(ValueError, match=r"same classes, got \[0, 1, 2\] and \[0, 1\]"):
        RidgeClassifier().fit(X, CODES).merge(few)


def test_parameters_without_effect_may_differ():
    merged = LinearRegression(n_jobs=1).fit(X, Y).merge(LinearRegression(copy_X=False).fit(X, Y))
    np.testing.assert_allclose(merged.coef_, LinearRegression().fit(X, Y).coef_, rtol=1e-9)


def test_float32_and_float64_become_float64():
    single = LinearRegression().fit(X.astype(np.float32), Y.astype(np.float32))
    assert single.coef_.dtype == np.float32
    assert single.merge(single).coef_.dtype == np.float32
    assert single.merge(LinearRegression().fit(X, Y)).coef_.dtype == np.float64


def test_behind_an_imputer_the_statistic_is_of_one_fill():
    pipes = [
        make_pipeline(SimpleImputer(), StandardScaler(), schedule="one-pass").fit(GAPS[at])
        for at in (slice(60), slice(60, 120))
    ]
    with pytest.raises(ValueError, match="behind an imputer"):
        pipes[0][-1].merge(pipes[1][-1])
