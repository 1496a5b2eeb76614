"""Predictors that are functions of sums: over every source of blocks, and behind stages."""

import warnings
from itertools import pairwise

import dask
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn import impute as their_impute
from sklearn import linear_model as theirs
from sklearn import pipeline as their_pipeline
from sklearn import preprocessing as their_preprocessing

from streamlearn.compose import ColumnTransformer
from streamlearn.diagnostics import FitCheckpoint
from streamlearn.impute import SimpleImputer
from streamlearn.linear_model import LinearRegression, Ridge, RidgeClassifier
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    PolynomialFeatures,
    StandardScaler,
)
from tests.containers import dask_array, dask_frame

RNG = np.random.default_rng(0)
N = 200
CHUNKS = (60, 0, 1, 99, 40)
X = RNG.normal(size=(N, 4)) * [1, 100, 1e-3, 1] + [0, 1e7, 5, 1]
Y = X @ [1.0, 0.1, 100, 2] + RNG.normal(size=N)
W = RNG.integers(0, 3, N) / 2
CODES = np.digitize(Y, np.quantile(Y, [0.3, 0.6]))
GAPS = np.where(RNG.random(X.shape) < 0.1, np.nan, X)


def blocks(*parts):
    edges = np.cumsum([0, *CHUNKS])
    return [tuple(part[a:b] for part in parts) for a, b in pairwise(edges)]


SOURCES = {
    "array": lambda: (X, Y, W),
    "dask arrays": lambda: tuple(dask_array(a, CHUNKS) for a in (X, Y, W)),
    "frame": lambda: (pd.DataFrame(X, columns=list("abcd")), pd.Series(Y), pd.Series(W)),
    "dask frame": lambda: (dask_frame(X, CHUNKS), dask_array(Y, CHUNKS), dask_array(W, CHUNKS)),
    "sparse": lambda: (csr_array(X), Y, W),
    "a source of blocks": lambda: (lambda: iter(blocks(X, Y, W)),),
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("model", [LinearRegression(), Ridge(2.0)], ids=["least", "ridge"])
def test_every_source_of_blocks_has_the_result_of_rows_in_memory(model, source):
    X_, *rest = SOURCES[source]()
    y, w = rest or (None, None)
    model.fit(X_, y, sample_weight=w)
    want = getattr(theirs, type(model).__name__)(**model.get_params()).fit(X, Y, W)
    np.testing.assert_allclose(model.coef_, want.coef_, rtol=1e-9)
    np.testing.assert_allclose(model.intercept_, want.intercept_, rtol=1e-8)


def test_rows_that_come_later_and_workers_that_read_side_by_side():
    whole = LinearRegression().fit(X, Y, W)
    model = LinearRegression()
    for x, y, w in blocks(X, Y, W):
        if len(x):
            model.partial_fit(x, y, w)
    np.testing.assert_allclose(model.coef_, whole.coef_, rtol=1e-9)
    bits = []
    for scheduler in ("sync", "threads"):
        with dask.config.set(scheduler=scheduler):
            found = LinearRegression().fit(dask_array(X, CHUNKS), dask_array(Y, CHUNKS))
        bits.append(found.coef_.tobytes())
    assert bits[0] == bits[1]


@pytest.mark.parametrize(
    ("steps", "their_steps", "reads"),
    [
        ((StandardScaler(),), (their_preprocessing.StandardScaler(),), 1),
        ((MinMaxScaler(),), (their_preprocessing.MinMaxScaler(),), 1),
        (
            (Normalizer(), StandardScaler()),
            (their_preprocessing.Normalizer(), their_preprocessing.StandardScaler()),
            1,
        ),
        ((PolynomialFeatures(1),), (their_preprocessing.PolynomialFeatures(1),), 1),
        (
            (StandardScaler(), MaxAbsScaler()),
            (their_preprocessing.StandardScaler(), their_preprocessing.MaxAbsScaler()),
            2,
        ),
        (
            (StandardScaler(), PolynomialFeatures(2)),
            (their_preprocessing.StandardScaler(), their_preprocessing.PolynomialFeatures(2)),
            2,
        ),
    ],
    ids=["scaler", "range", "fixed, scaler", "fixed", "two scalers", "scaler, fixed"],
)
def test_behind_stages_the_result_is_that_of_their_final_statistics(steps, their_steps, reads):
    log: list = []
    pipe = make_pipeline(*steps, Ridge(0.5))
    pipe.fit(dask_array(X, CHUNKS, log=log), dask_array(Y, CHUNKS))
    assert len(log) == (reads + pipe[-1].n_reads_ - 1) * len(CHUNKS)
    final = theirs.Ridge(0.5, solver="svd").fit(pipe[:-1].transform(X), Y)
    np.testing.assert_allclose(pipe[-1].coef_, final.coef_, rtol=1e-8, atol=1e-11)
    if len(steps) == 1 or reads == 1 or isinstance(steps[1], PolynomialFeatures):
        # Two stages that learn do so in one read, so that the second sees the first one's state.
        pipe_of_theirs = their_pipeline.make_pipeline(*their_steps, theirs.Ridge(0.5, solver="svd"))
        want = pipe_of_theirs.fit(X, Y)
        np.testing.assert_allclose(pipe.predict(X), want.predict(X), rtol=1e-8)
        assert pipe[-1].n_features_in_ == want[-1].n_features_in_


def test_behind_an_imputer():
    pipe = make_pipeline(SimpleImputer(), StandardScaler(), Ridge())
    pipe.fit(dask_array(GAPS, CHUNKS), dask_array(Y, CHUNKS))
    want = their_pipeline.make_pipeline(
        their_impute.SimpleImputer(), their_preprocessing.StandardScaler(), theirs.Ridge()
    ).fit(GAPS, Y)
    np.testing.assert_allclose(pipe.predict(GAPS), want.predict(GAPS), rtol=1e-8)


def test_behind_columns():
    scaled = ColumnTransformer([("some", StandardScaler(), [0, 1])], remainder="passthrough")
    pipe = make_pipeline(scaled, Ridge())
    pipe.fit(dask_array(X, CHUNKS), dask_array(Y, CHUNKS))
    rows = X.copy()
    rows[:, :2] = their_preprocessing.scale(X[:, :2])
    want = theirs.Ridge(solver="svd").fit(rows, Y)
    np.testing.assert_allclose(pipe[-1].coef_, want.coef_, rtol=1e-8)


def test_weights_of_the_last_step_behind_a_scaler():
    pipe = make_pipeline(StandardScaler(), Ridge())
    how = {"ridge__sample_weight": dask_array(W, CHUNKS)}
    pipe.fit(dask_array(X, CHUNKS), dask_array(Y, CHUNKS), **how)
    want = theirs.Ridge().fit(their_preprocessing.scale(X), Y, W)
    np.testing.assert_allclose(pipe[-1].coef_, want.coef_, rtol=1e-9)


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler()])
def test_a_pipeline_learns_further(scaler):
    pipe = make_pipeline(scaler, Ridge(0.1))
    for x, y, _ in blocks(X, Y, W):
        if len(x):
            pipe.partial_fit(x, y)
    want = make_pipeline(scaler, Ridge(0.1)).fit(X, Y)
    np.testing.assert_allclose(pipe[-1].coef_, want[-1].coef_, rtol=1e-9)


def test_float32_behind_a_scaler_stays_float32():
    pipe = make_pipeline(StandardScaler(), LinearRegression(), schedule="one-pass")
    pipe.fit(X.astype(np.float32), Y.astype(np.float32))
    assert pipe[-1].coef_.dtype == np.float32


def test_frames_out_of_stages_give_names():
    pipe = make_pipeline(StandardScaler().set_output(transform="pandas"), LinearRegression())
    pipe.fit(dask_frame(X, CHUNKS), dask_array(Y, CHUNKS))
    names = pipe[0].get_feature_names_out()
    np.testing.assert_array_equal(pipe[-1].feature_names_in_, names)


def test_classes_are_found_or_given_and_stay():
    model = RidgeClassifier().fit(dask_array(X, CHUNKS), dask_array(CODES, CHUNKS))
    want = theirs.RidgeClassifier(solver="svd").fit(X, CODES)
    np.testing.assert_allclose(model.coef_, want.coef_, rtol=1e-8)
    np.testing.assert_array_equal(model.predict(X), want.predict(X))
    later = RidgeClassifier()
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        later.partial_fit(X, CODES)
    for x, y, _ in blocks(X, CODES, W):
        if len(x):
            later.partial_fit(x, y, classes=[0, 1, 2])
    np.testing.assert_allclose(later.coef_, want.coef_, rtol=1e-8)
    text = np.asarray(["no", "so", "yes"])[CODES]
    pipe = make_pipeline(StandardScaler(), RidgeClassifier(class_weight="balanced"))
    pipe.fit(dask_array(X, CHUNKS), dask_array(text, CHUNKS))
    known = theirs.RidgeClassifier(class_weight="balanced").fit(their_preprocessing.scale(X), text)
    np.testing.assert_allclose(pipe[-1].coef_, known.coef_, rtol=1e-8, atol=1e-12)
    assert set(pipe.predict(X)) <= {"no", "so", "yes"}


class Log(list):
    """A log of reads. The read after a number of others fails, once."""

    def append(self, block):
        super().append(block)
        if len(self) == 70:
            raise OSError("the disk is gone")


def test_a_fit_that_broke_off_goes_on_from_its_checkpoint(tmp_path):
    rows, y, chunks = np.concatenate([X] * 12), np.concatenate([Y] * 12), (25,) * 96
    log = Log()
    given = dask_array(rows, chunks, log=log), dask_array(y, chunks)
    with dask.config.set(scheduler="sync"):
        path = tmp_path / "fit"
        with pytest.raises(OSError, match="the disk is gone"):
            LinearRegression().set_callbacks(FitCheckpoint(path)).fit(*given)
        model = LinearRegression().set_callbacks(FitCheckpoint(path, resume=True)).fit(*given)
    assert len(log) < 2 * len(chunks)
    want = LinearRegression().fit(dask_array(rows, chunks), given[1])
    assert model.coef_.tobytes() == want.coef_.tobytes()


def test_what_partial_fit_refuses():
    model = LinearRegression().partial_fit(X, Y)
    with pytest.raises(ValueError, match="2 columns, but LinearRegression has learned from"):
        model.partial_fit(X, np.stack([Y, Y], axis=1))
    with pytest.raises(ValueError, match="3 features, but LinearRegression is expecting 4"):
        model.partial_fit(X[:, :3], Y)
    pipe = make_pipeline(PolynomialFeatures(1), LinearRegression()).partial_fit(X, Y)
    with pytest.raises(ValueError, match="4 features, but LinearRegression is expecting 5"):
        pipe.partial_fit(X[:, :3], Y)
    with pytest.raises(ValueError, match="contains NaN in block"):
        make_pipeline(StandardScaler(), LinearRegression()).fit(
            dask_array(GAPS, CHUNKS), dask_array(Y, CHUNKS)
        )
    with pytest.raises(ValueError, match="Negative values"):
        LinearRegression().fit(dask_array(X, CHUNKS), dask_array(Y, CHUNKS), dask_array(-W, CHUNKS))


def test_no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        LinearRegression().fit(X, Y).predict(X)
        LinearRegression().fit(X, Y[:, None]).predict(X)
        make_pipeline(StandardScaler(), Ridge()).fit(dask_array(X, CHUNKS), dask_array(Y, CHUNKS))
