"""One step after the other over a collection: scikit-learn's fits, lazy answers of the steps."""

from __future__ import annotations

import warnings
from typing import Any

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from sklearn import pipeline as theirs
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.cluster import DBSCAN
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA, IncrementalPCA
from sklearn.exceptions import DataConversionWarning
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    QuantileTransformer,
    TargetEncoder,
)

from streamlearn.linear_model import SGDClassifier
from streamlearn.pipeline import Pipeline, make_pipeline
from streamlearn.preprocessing import StandardScaler
from tests.containers import CHUNKS, N_ROWS, dask_array, dask_frame, frame

RNG = np.random.default_rng(0)
X = RNG.normal(size=(N_ROWS, 3)) + 2
Y = (X[:, 0] + 0.3 * RNG.normal(size=N_ROWS) > 2).astype(int)
W = RNG.integers(1, 4, N_ROWS) / 2
TABLE = pd.DataFrame(X, columns=["a", "b", "c"]).assign(city=np.array(["x", "y", "z"])[Y + 1])
TABLE.loc[::7, "b"] = np.nan

LOADING: dict[str, Any] = {
    "one": lambda: [MinMaxScaler()],
    "two": lambda: [PCA(2), QuantileTransformer(n_quantiles=20)],
    "behind ours": lambda: [StandardScaler(), KBinsDiscretizer(3, encode="ordinal")],
    "with partial_fit": lambda: [IncrementalPCA(2)],
    "a pipeline": lambda: [theirs.make_pipeline(StandardScaler(), PCA(2)), MinMaxScaler()],
    "a union": lambda: [FeatureUnion([("a", PCA(1)), ("b", StandardScaler())])],
}
FLOWING: dict[str, Any] = {
    "a function": lambda: [FunctionTransformer(np.square)],
    "a width": lambda: [PolynomialFeatures(2), StandardScaler()],
    "a union": lambda: [FeatureUnion([("a", PolynomialFeatures(2)), ("b", StandardScaler())])],
    "frozen": lambda: [FrozenEstimator(PCA(2).fit(X)), StandardScaler()],
    "a pipeline": lambda: [theirs.make_pipeline(PolynomialFeatures(), StandardScaler())],
}
WRAPS = {
    "dask": dask_array,
    "dask-unknown": lambda x: dask_array(x, known=False),
    "dask-frame": dask_frame,
}
quietly = pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")


def per_step(*steps: Any, **how: Any) -> Pipeline:
    return make_pipeline(*steps, schedule="per-step", **how)


@quietly
@pytest.mark.filterwarnings("ignore:X has feature names, but PCA")
@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize("steps", [*LOADING.values(), *FLOWING.values()])
def test_every_step_is_fitted_as_scikit_learn_fits_it(steps, wrap):
    here = frame if wrap == "dask-frame" else np.asarray
    known = theirs.make_pipeline(*steps(), LogisticRegression()).fit(here(X), Y)
    pipe = per_step(*steps(), LogisticRegression()).fit(WRAPS[wrap](X), WRAPS[wrap](Y))
    np.testing.assert_allclose(pipe[-1].coef_, known[-1].coef_, rtol=1e-6)
    out = pipe.predict(WRAPS[wrap](X))
    assert dask.is_dask_collection(out)
    np.testing.assert_array_equal(out.compute(), known.predict(here(X)))
    assert [type(step) for _, step in pipe.steps] == [type(step) for _, step in known.steps]


@quietly
@pytest.mark.parametrize("steps", LOADING.values())
def test_what_the_steps_make_is_lazy_and_ours_learns_from_it(steps):
    pipe, known = per_step(*steps()), theirs.make_pipeline(*steps()).fit(X)
    out = pipe.fit_transform(dask_array(X))
    assert dask.is_dask_collection(out)
    np.testing.assert_allclose(out.compute(), known.transform(X), rtol=1e-9, atol=1e-12)
    pipe = per_step(*steps(), SGDClassifier(random_state=0)).fit(dask_array(X), dask_array(Y))
    assert pipe.score(dask_array(X), dask_array(Y)) > 0.7


@quietly
@pytest.mark.parametrize("sparse", [False, True])
def test_columns_of_a_frame_are_selected_by_name(sparse):
    pre = make_column_transformer(
        (theirs.make_pipeline(SimpleImputer(), StandardScaler()), ["a", "b"]),
        (OneHotEncoder(sparse_output=sparse), ["city"]),
        sparse_threshold=1.0 if sparse else 0.0,
    )
    data = dd.from_pandas(TABLE, npartitions=3)
    y = dd.from_pandas(pd.Series(Y), npartitions=3)
    known = theirs.make_pipeline(clone(pre), LogisticRegression()).fit(TABLE, Y)
    pipe = per_step(pre, LogisticRegression()).fit(data, y)
    np.testing.assert_allclose(pipe[-1].coef_, known[-1].coef_, rtol=1e-6, atol=1e-9)
    pipe = per_step(pre, SGDClassifier(random_state=0)).fit(data, y)
    assert pipe.score(data, y) > 0.9


def test_one_warning_names_the_steps_that_load_all_rows():
    steps = [StandardScaler(), theirs.make_pipeline(PolynomialFeatures(), PCA(2)), MinMaxScaler()]
    with pytest.warns(DataConversionWarning) as warned:
        per_step(*steps, SGDClassifier()).fit(dask_array(X), dask_array(Y))
    (one,) = warned
    assert one.filename == __file__
    assert "'pipeline__pca' (PCA), 'minmaxscaler' (MinMaxScaler)." in str(one.message)
    assert "polynomial" not in str(one.message)


@pytest.mark.parametrize("steps", FLOWING.values())
def test_a_step_that_learns_nothing_or_by_sums_takes_a_block_at_a_time(steps):
    largest = []

    def load(x: np.ndarray) -> np.ndarray:
        largest.append(len(x))
        return x

    data = dask_array(X).map_blocks(load, dtype=float, meta=np.empty((0, 3)))
    with warnings.catch_warnings(), dask.config.set(scheduler="sync"):
        warnings.simplefilter("error")
        per_step(*steps(), SGDClassifier(random_state=0)).fit(data, dask_array(Y))
    assert max(largest) == max(CHUNKS)


class Native(TransformerMixin, BaseEstimator):
    """A step of a package that works on dask collections by itself."""

    def fit(self, X, y=None):
        self.mean_ = X.mean(axis=0)
        assert dask.is_dask_collection(self.mean_)
        return self

    def transform(self, X):
        return X - X.mean(axis=0)


def test_steps_of_dasks_packages_get_the_collection(monkeypatch):
    monkeypatch.setattr(Native, "__module__", "dask_ml.preprocessing")
    data, y = da.from_array(X, chunks=(100, 3)), da.from_array(Y, chunks=100)
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataConversionWarning)
        pipe = per_step(Native(), SGDClassifier(random_state=0, shuffle=False)).fit(data, y)
    assert pipe.score(X, Y) > 0.7


@quietly
def test_weights_reach_a_step_that_loads_rows():
    bins = KBinsDiscretizer(3, encode="ordinal", quantile_method="averaged_inverted_cdf")
    known = clone(bins).fit(X, sample_weight=W)
    pipe = per_step(bins, SGDClassifier(random_state=0))
    pipe.fit(dask_array(X), dask_array(Y), kbinsdiscretizer__sample_weight=dask_array(W))
    np.testing.assert_array_equal(np.stack(pipe[0].bin_edges_), np.stack(known.bin_edges_))


@quietly
def test_predictions_made_in_fit_are_those_of_all_rows():
    known = theirs.make_pipeline(MinMaxScaler(), DBSCAN(0.1)).fit_predict(X)
    out = per_step(MinMaxScaler(), DBSCAN(0.1)).fit_predict(dask_array(X))
    np.testing.assert_array_equal(out, known)


@quietly
def test_steps_may_come_from_a_cache(tmp_path):
    for _ in range(2):
        pipe = per_step(StandardScaler(), PCA(2), SGDClassifier(), memory=str(tmp_path))
        pipe.fit(da.from_array(X, chunks=(100, 3)), da.from_array(Y, chunks=100))
        assert isinstance(pipe[1], PCA)
        assert pipe.score(X, Y) > 0.7


def test_a_step_that_encodes_its_own_rows_in_another_way_is_named():
    pre = make_column_transformer((TargetEncoder(), ["city"]), (OrdinalEncoder(), ["city"]))
    data = dd.from_pandas(TABLE, npartitions=3)
    with pytest.raises(NotImplementedError, match=r"'columntransformer__targetencoder'.*memory"):
        per_step(pre, SGDClassifier()).fit(data, dd.from_pandas(pd.Series(Y), npartitions=3))
    per_step(pre, SGDClassifier(random_state=0)).fit(TABLE, Y)
