"""Steps that learn nothing from rows: fitted to any row they are fitted to all, in one pass."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import dask.array as da
import numpy as np
import pytest
from scipy import sparse
from sklearn import pipeline as theirs
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.feature_extraction.text import (
    CountVectorizer,
    HashingVectorizer,
    TfidfTransformer,
    TfidfVectorizer,
)
from sklearn.feature_selection import SelectFromModel
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.kernel_approximation import PolynomialCountSketch, RBFSampler, SkewedChi2Sampler
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import (
    Binarizer,
    KBinsDiscretizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    SplineTransformer,
)
from sklearn.random_projection import GaussianRandomProjection, SparseRandomProjection

from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler
from streamlearn.stages import learns_nothing
from streamlearn.stages.rowless import FITTED_BY_ANY_ROW, learns_in_blocks

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(60, 3))
CODES = RNG.integers(0, 4, size=(60, 2)).astype(float)
GAPS = np.where(RNG.random((60, 3)) < 0.3, np.nan, ROWS)
GAPS[:30, 1] = np.nan  # a column that the first rows lack
TEXTS = np.array(["a b", "b c c", "a d", "c"], dtype=object)[RNG.integers(0, 4, 60)]
COUNTS = RNG.integers(0, 3, size=(60, 3)).astype(float)
KNOTS = np.linspace(-1, 1, 4)[:, None] * [1, 2, 3]
KNOWN = [[0.0, 1.0, 2.0, 3.0]] * 2
WORDS = ["a", "b", "c", "d"]
PREFIT = LinearRegression().fit(ROWS, ROWS @ [1.0, 0.1, 3.0])
DRAWN = {"n_components": 2, "random_state": 0}

NOTHING: dict[str, Any] = {
    "PolynomialFeatures": (PolynomialFeatures(2), ROWS),
    "Binarizer": (Binarizer(), ROWS),
    "SplineTransformer": (SplineTransformer(knots=KNOTS), ROWS),
    "OneHotEncoder": (OneHotEncoder(categories=KNOWN, sparse_output=False), CODES),
    "OneHotEncoder-drop": (OneHotEncoder(categories=KNOWN, drop="first"), CODES),
    "OrdinalEncoder": (OrdinalEncoder(categories=KNOWN), CODES),
    "CountVectorizer": (CountVectorizer(vocabulary=WORDS, token_pattern=r"\w"), TEXTS),
    "TfidfVectorizer": (TfidfVectorizer(vocabulary=WORDS, use_idf=False), TEXTS),
    "HashingVectorizer": (HashingVectorizer(n_features=8), TEXTS),
    "TfidfTransformer": (TfidfTransformer(use_idf=False), COUNTS),
    "SimpleImputer": (SimpleImputer(strategy="constant", keep_empty_features=True), GAPS),
    "MissingIndicator": (MissingIndicator(features="all"), GAPS),
    "SelectFromModel": (SelectFromModel(PREFIT, prefit=True), ROWS),
    "RBFSampler": (RBFSampler(gamma=0.5, **DRAWN), ROWS),
    "SkewedChi2Sampler": (SkewedChi2Sampler(**DRAWN), COUNTS),
    "PolynomialCountSketch": (PolynomialCountSketch(**DRAWN), ROWS),
    "GaussianRandomProjection": (GaussianRandomProjection(**DRAWN), ROWS),
    "SparseRandomProjection": (SparseRandomProjection(**DRAWN), ROWS),
}
SOMETHING: dict[str, Any] = {
    "SplineTransformer": (SplineTransformer(), ROWS),
    "OneHotEncoder": (OneHotEncoder(handle_unknown="ignore"), CODES),
    "OneHotEncoder-counts": (
        OneHotEncoder(categories=KNOWN, min_frequency=12, handle_unknown="ignore"),
        CODES,
    ),
    "OrdinalEncoder": (OrdinalEncoder(), CODES),
    "CountVectorizer": (CountVectorizer(token_pattern=r"\w"), TEXTS),
    "TfidfVectorizer": (TfidfVectorizer(vocabulary=WORDS, token_pattern=r"\w"), TEXTS),
    "TfidfTransformer": (TfidfTransformer(), COUNTS),
    "SimpleImputer": (SimpleImputer(strategy="constant"), GAPS),
    "SimpleImputer-mean": (SimpleImputer(keep_empty_features=True), GAPS),
    "SimpleImputer-indicator": (
        SimpleImputer(strategy="constant", keep_empty_features=True, add_indicator=True),
        GAPS,
    ),
    "MissingIndicator": (MissingIndicator(), GAPS),
    "SelectFromModel": (SelectFromModel(KBinsDiscretizer()), None),
    "RBFSampler": (RBFSampler(gamma="scale", **DRAWN), ROWS),
    "RBFSampler-drawn": (RBFSampler(gamma=0.5), ROWS),
    "SkewedChi2Sampler": (SkewedChi2Sampler(), COUNTS),
    "PolynomialCountSketch": (PolynomialCountSketch(), ROWS),
    "GaussianRandomProjection": (GaussianRandomProjection(2), ROWS),
    "SparseRandomProjection": (SparseRandomProjection(2), ROWS),
}


def outcome(step: Any, rows: np.ndarray, asked: np.ndarray) -> np.ndarray | str:
    """Return what a step fitted to some rows makes of others."""
    try:
        out = deepcopy(step).fit(rows).transform(asked)
    except Exception as error:
        return type(error).__name__
    return out.toarray() if sparse.issparse(out) else np.asarray(out)


@pytest.mark.parametrize("name", NOTHING)
def test_fitted_to_any_row_it_is_fitted_to_all(name):
    step, rows = NOTHING[name]
    assert learns_nothing(step)
    want = outcome(step, rows, rows)
    assert not isinstance(want, str)
    for some in (rows[[0, 0]], rows[[-1, -1]], rows[:30]):
        np.testing.assert_array_equal(outcome(step, some, rows), want)


@pytest.mark.parametrize("name", SOMETHING)
def test_with_other_parameters_it_learns(name):
    step, rows = SOMETHING[name]
    assert not learns_nothing(step)
    if rows is not None:
        want, got = outcome(step, rows, rows), outcome(step, rows[:1], rows)
        assert isinstance(got, str) or got.shape != want.shape or np.any(got != want)


def test_every_type_is_tried_both_ways():
    for table in (NOTHING, SOMETHING):
        tried = {type(step).__name__ for step, _ in table.values()}
        assert tried >= FITTED_BY_ANY_ROW.keys() - {"PolynomialFeatures"}
    assert PolynomialFeatures in {type(step) for step, _ in NOTHING.values()}


@pytest.mark.parametrize("name", NOTHING)
def test_in_one_pass_it_makes_what_scikit_learn_makes(name):
    step, rows = NOTHING[name]
    chunks = (20, 25, 15)
    after = [StandardScaler(with_mean=False)]
    known = theirs.make_pipeline(deepcopy(step), *map(clone, after)).fit(rows)
    blocks = da.from_array(rows, chunks=(chunks, *((n,) for n in rows.shape[1:])))
    pipe = make_pipeline(deepcopy(step), *after).fit(blocks)
    np.testing.assert_allclose(pipe[-1].scale_, known[-1].scale_, rtol=1e-12)


class PromisesPartialFit(TransformerMixin, BaseEstimator):
    """As some packages have it."""

    def fit(self, X, y=None):
        return self

    def partial_fit(self, X, y=None, sample_weight=None):
        """Not there."""
        raise NotImplementedError("of this class")

    def transform(self, X):
        return X


class LearnsInBlocks(PromisesPartialFit):
    def partial_fit(self, X, y=None):
        if len(X) == 0:
            raise NotImplementedError
        return self


def test_a_partial_fit_that_only_raises_is_none():
    assert not learns_in_blocks(PromisesPartialFit())
    assert not learns_in_blocks(Binarizer())
    assert learns_in_blocks(LearnsInBlocks())
    assert learns_in_blocks(StandardScaler())


def test_one_error_names_all_steps_that_cannot_learn_before_any_read():
    def load(x: np.ndarray) -> np.ndarray:
        raise AssertionError("read")

    data = da.from_array(ROWS, chunks=(20, 3)).map_blocks(load, meta=np.empty((0, 3)))
    inner = theirs.FeatureUnion([("s", SplineTransformer()), ("b", KBinsDiscretizer())])
    pipe = make_pipeline(PromisesPartialFit(), inner, StandardScaler(), LinearRegression())
    with pytest.raises(TypeError, match="cannot learn in one pass") as raised:
        pipe.fit(data, data[:, 0])
    for name in ("promisespartialfit", "featureunion__s", "featureunion__b", "linearregression"):
        assert f"'{name}' (" in str(raised.value)
    assert "standardscaler" not in str(raised.value)
