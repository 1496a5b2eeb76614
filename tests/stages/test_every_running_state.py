"""Every public transformer in one pass over sorted rows, compared with a fit step by step."""

from __future__ import annotations

from typing import Any

import dask.array as da
import numpy as np
import pytest
from sklearn.base import clone

from streamlearn import decomposition, feature_selection, impute, preprocessing
from streamlearn.linear_model import SGDClassifier
from streamlearn.pipeline import make_pipeline
from tests.public import OF_DOCUMENTS, public_estimators

N, CHUNK = 6_000, 300
RNG = np.random.default_rng(0)
X = np.sort(np.exp(RNG.normal(size=(N, 3))), axis=0)[:, [0, 0, 0]] * RNG.uniform(0.5, 2, (N, 3))
Y = (X[:, 0] > X[:, 1] * 1.1).astype(int)
CODES = np.digitize(X, [0.5, 1.0, 2.0]).astype(float)
GAPS = np.where(RNG.random(X.shape) < 0.1, np.nan, X)

OF_SKETCHES = {"RobustScaler", "SimpleImputer, median"}
"""Transformers whose quantiles are approximate. They depend on the order of the merges."""

SMALL = 0.01
"""How much accuracy one pass may lose against a fit step by step, blocks shuffled."""

CASES: dict[str, tuple[Any, np.ndarray]] = {
    "StandardScaler": (preprocessing.StandardScaler(), X),
    "MinMaxScaler": (preprocessing.MinMaxScaler(), X),
    "MinMaxScaler, clipped": (preprocessing.MinMaxScaler(clip=True), X),
    "MaxAbsScaler": (preprocessing.MaxAbsScaler(), X),
    "MaxAbsScaler, clipped": (preprocessing.MaxAbsScaler(clip=True), X),
    "RobustScaler": (preprocessing.RobustScaler(), X),
    "QuantileTransformer": (preprocessing.QuantileTransformer(n_quantiles=50), X),
    "PowerTransformer": (preprocessing.PowerTransformer(), X),
    "KBinsDiscretizer": (
        preprocessing.KBinsDiscretizer(4, quantile_method="averaged_inverted_cdf"),
        X,
    ),
    "SplineTransformer": (preprocessing.SplineTransformer(), X),
    "OneHotEncoder": (preprocessing.OneHotEncoder(), CODES),
    "OrdinalEncoder": (preprocessing.OrdinalEncoder(), CODES),
    "SimpleImputer": (impute.SimpleImputer(), GAPS),
    "SimpleImputer, median": (impute.SimpleImputer(strategy="median"), GAPS),
    "SimpleImputer, marks": (impute.SimpleImputer(add_indicator=True), GAPS),
    "MissingIndicator": (impute.MissingIndicator(), GAPS),
    "VarianceThreshold": (feature_selection.VarianceThreshold(), X),
    "SelectKBest": (feature_selection.SelectKBest(k=2), X),
    "SelectPercentile": (feature_selection.SelectPercentile(percentile=50), X),
    "SelectFpr": (feature_selection.SelectFpr(alpha=0.5), X),
    "SelectFdr": (feature_selection.SelectFdr(alpha=0.5), X),
    "SelectFwe": (feature_selection.SelectFwe(alpha=0.5), X),
    "PCA": (decomposition.PCA(2), X),
    "IncrementalPCA": (decomposition.IncrementalPCA(2), X),
    "TruncatedSVD": (decomposition.TruncatedSVD(2), X),
}

ELSEWHERE = {
    "ColumnTransformer": "tests/test_compose.py",
    "LinearDiscriminantAnalysis": "a classifier, whose transform is not a step before another",
    "KMeans": "learns in passes of its own",
    "MiniBatchKMeans": "tests/test_cluster.py",
    "LabelBinarizer": "of targets",
    "LabelEncoder": "of targets",
    "SelectFromModel": "tests/feature_selection/test_selection.py",
    **dict.fromkeys(
        ("HyperbandSearchCV", "Pipeline", "StreamSearchCV", "SuccessiveHalvingSearchCV"),
        "of the steps inside",
    ),
    "TargetEncoder": "tests/preprocessing/test_target_encoder_steps.py, as it is cross-fitted",
    "TfidfTransformer": "tests/feature_extraction/test_pipelines.py",
    **dict.fromkeys(OF_DOCUMENTS, "tests/feature_extraction/test_pipelines.py"),
    **dict.fromkeys(("Incremental", "ParallelPostFit"), "tests/wrappers"),
}
STATELESS = {
    "Binarizer",
    "DatetimeEncoder",
    "FunctionTransformer",
    "Normalizer",
    "PolynomialFeatures",
}


def dense(x: Any) -> np.ndarray:
    return np.asarray(x.toarray() if hasattr(x, "toarray") else x)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CASES)
def test_the_final_transformer_is_that_of_a_fit_alone_and_the_model_is_near(name):
    step, rows = CASES[name]
    blocks = da.from_array(rows, (CHUNK, 3)), da.from_array(Y, CHUNK)
    scores = {}
    for schedule in ("per-step", "one-pass"):
        learner = SGDClassifier("log_loss", classes=[0, 1], random_state=0)
        pipe = make_pipeline(clone(step), learner, schedule=schedule).fit(*blocks)
        alone = clone(step).fit(*blocks)
        near = 0.01 if name in OF_SKETCHES else 1e-9
        np.testing.assert_allclose(
            dense(pipe[0].transform(rows)), dense(alone.transform(rows)), rtol=near, atol=near
        )
        scores[schedule] = pipe.score(rows, Y)
    assert scores["one-pass"] > scores["per-step"] - SMALL


def test_the_table_has_every_public_transformer():
    found = {name for name, cls in public_estimators().items() if hasattr(cls, "transform")}
    known = {name.partition(",")[0] for name in CASES} | set(ELSEWHERE) | STATELESS
    assert found - known == set()
