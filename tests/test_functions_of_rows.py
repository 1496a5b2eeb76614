"""PolynomialFeatures, Binarizer, Normalizer and FunctionTransformer, and scikit-learn's own.

They learn nothing from rows: alone they are lazy over blocks, and in one pass they are steps.
"""

from __future__ import annotations

import pickle
from fractions import Fraction
from itertools import product
from typing import Any

import dask
import dask.dataframe as dd
import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from sklearn import preprocessing as theirs
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import FeatureUnion, make_union
from sklearn.pipeline import make_pipeline as their_pipeline

from streamlearn import preprocessing as ours
from streamlearn._arrays import namespace, to_numpy
from streamlearn.cluster import MiniBatchKMeans
from streamlearn.core import rowwise_maps
from streamlearn.linear_model import Perceptron, Ridge, SGDClassifier, SGDRegressor
from streamlearn.neural_network import MLPRegressor
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    MaxAbsScaler,
    Normalizer,
    PolynomialFeatures,
    StandardScaler,
)
from streamlearn.stages import learns_nothing
from tests.containers import blocks_of, dask_array, dask_frame, frame

N, CHUNKS = 200, (70, 0, 21, 109)
DEGREES = (0, 1, 2, 3, 4, (0, 0), (0, 2), (1, 1), (1, 3), (2, 2), (2, 3), (3, 4))
POLYNOMIALS = [
    PolynomialFeatures(degree, interaction_only=interaction, include_bias=bias)
    for degree, interaction, bias in product(DEGREES, (False, True), (False, True))
    if bias or degree not in (0, (0, 0))
]
CASES = [
    *POLYNOMIALS,
    *(Binarizer(threshold=threshold) for threshold in (0.0, 0.3, 1e-3)),
    *(Normalizer(norm) for norm in ("l1", "l2", "max")),
]
SOME = [PolynomialFeatures(3), Binarizer(threshold=0.3), Normalizer("l1")]


def rows(seed: int = 0, n: int = N) -> np.ndarray:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4)) * [1, 2, 0.5, 1e3]
    X[rng.random(X.shape) < 0.4] = 0.0
    X[n // 2] = 0.0
    return X


def known_as(step: Any) -> Any:
    return getattr(theirs, type(step).__name__)(**step.get_params())


@pytest.fixture(params=CASES, ids=repr)
def step(request):
    return clone(request.param)


@pytest.fixture(params=SOME, ids=lambda step: type(step).__name__)
def some(request):
    return clone(request.param)


# Alone


@pytest.mark.complete
def test_as_scikit_learn(step):
    """In memory, over blocks, of frames and of sparse rows."""
    X, known = rows(), known_as(step)
    want = known.fit_transform(X)
    np.testing.assert_allclose(step.fit_transform(X), want, rtol=1e-14)
    assert step.fit_transform(X).flags.c_contiguous
    for lazy in (dask_array(X, CHUNKS), dask_array(X, CHUNKS, known=False)):
        out = clone(step).fit(lazy).transform(lazy)
        assert out.shape[1] == want.shape[1]
        np.testing.assert_allclose(np.concatenate(blocks_of(out)), want, rtol=1e-14)
    names = [f"f{j}" for j in range(4)]
    table = frame(X, np.arange(N))
    frames = known.fit(table).set_output(transform="pandas").transform(table)
    lazy = dd.from_pandas(table, npartitions=3)
    out = clone(step).fit(lazy).transform(lazy)
    pd.testing.assert_frame_equal(out.compute(), frames, rtol=1e-14)
    assert list(clone(step).fit(lazy).get_feature_names_out()) == list(frames.columns)
    assert list(step.get_feature_names_out(names)) == list(known.get_feature_names_out(names))
    made = clone(step).set_output(transform="polars").fit_transform(pl.from_pandas(table))
    assert isinstance(made, pl.DataFrame)
    assert made.columns == list(frames.columns)
    np.testing.assert_allclose(made.to_numpy(), want, rtol=1e-14)
    if isinstance(step, PolynomialFeatures):
        known.set_output(transform="default").fit(X)
        np.testing.assert_array_equal(step.powers_, known.powers_)
        assert step.n_output_features_ == known.n_output_features_ == want.shape[1]


@pytest.mark.parametrize("make", [sp.csr_matrix, sp.csc_matrix, sp.csr_array, sp.coo_array])
def test_sparse_rows(step, make):
    X = rows()
    want = clone(step).fit_transform(X)
    out = step.fit_transform(make(X))
    assert sp.issparse(out)
    assert isinstance(out, sp.spmatrix) == isinstance(make(X), sp.spmatrix)
    kept = make is sp.csc_matrix and not isinstance(step, Normalizer)
    assert out.format == ("csc" if kept else "csr")
    np.testing.assert_allclose(out.toarray(), want, rtol=1e-14)
    if make is sp.csr_array and not (isinstance(step, PolynomialFeatures) and not out.shape[1]):
        known = known_as(step).fit_transform(make(X))
        assert out.nnz == known.nnz
        assert out.indices.dtype == known.indices.dtype
    lazy = dask_array(X, CHUNKS, make=make)
    parts = blocks_of(step.fit(lazy).transform(lazy))
    assert all(sp.issparse(part) for part in parts)
    np.testing.assert_allclose(sp.vstack(parts).toarray(), want, rtol=1e-14)


@pytest.mark.parametrize("lazy", [False, True])
def test_every_backend(step, backend, lazy):
    for dtype in backend.float_dtypes:
        X = rows().astype(dtype)
        want = known_as(step).fit_transform(X)
        given = backend.asarray(X)
        if lazy:
            given = dask_array(X, CHUNKS, make=backend.asarray)
        out = step.fit(given).transform(given)
        if lazy:
            parts = blocks_of(out)
            for part in parts:
                backend.check(part, dtype)
            out = namespace(parts[0]).concat(list(parts))
        backend.check(out, dtype)
        eps = np.finfo(dtype).eps
        np.testing.assert_allclose(backend.to_numpy(out), want, rtol=16 * eps, atol=eps)


def test_integers_become_floats(some):
    X = np.random.default_rng(0).integers(-3, 9, (50, 3))
    out = some.fit_transform(X)
    assert out.dtype == np.float64
    np.testing.assert_allclose(out, known_as(some).fit_transform(X), rtol=1e-14)


def test_nothing_is_read_until_it_is_asked_for(some):
    reads: list = []
    X = dask_array(rows(), CHUNKS, log=reads)
    out = some.fit(X).transform(X)
    assert reads == []
    with dask.config.set(scheduler="sync"):
        blocks_of(out)
    assert sorted(reads) == [0, 1, 2, 3]


def test_those_that_need_no_fit(some):
    X = rows()
    if isinstance(some, PolynomialFeatures):
        for method in (
            some.transform,
            lambda X: some.get_feature_names_out(),
            lambda X: some.powers_,
        ):
            with pytest.raises(NotFittedError):
                method(X)
        return
    want = clone(some).fit_transform(X)
    np.testing.assert_array_equal(some.transform(X), want)
    np.testing.assert_array_equal(np.asarray(some.transform(dask_array(X, CHUNKS))), want)
    table = dd.from_pandas(frame(X, np.arange(N)), npartitions=2)
    assert list(some.transform(table).columns) == ["f0", "f1", "f2", "f3"]
    np.testing.assert_array_equal(some.transform(table).compute().to_numpy(), want)
    assert not hasattr(some, "n_features_in_")


def test_input_is_never_written(some):
    X = rows()
    X.flags.writeable = False
    if not isinstance(some, PolynomialFeatures):
        some.set_params(copy=False)
        some.fit(X).transform(X, copy=False)
    some.fit(X).transform(X)
    sparse = sp.csr_array(rows())
    before = sparse.copy()
    some.fit(sparse).transform(sparse)
    np.testing.assert_array_equal(sparse.toarray(), before.toarray())
    assert sparse.nnz == before.nnz


def test_errors(some):
    bad = rows()
    bad[-1, 0] = np.nan
    with pytest.raises(ValueError, match="contains NaN"):
        some.fit(bad)
    lazy = dask_array(bad, CHUNKS)
    with pytest.raises(ValueError, match="contains NaN") as raised:
        blocks_of(some.fit(lazy).transform(lazy))
    assert any("block 3" in note for note in raised.value.__notes__)
    some.fit(rows())
    for given in (rows()[:, :3], dask_array(rows()[:, :3], CHUNKS)):
        with pytest.raises(ValueError, match="X has 3 features, but"):
            some.transform(given)
    with pytest.raises(ValueError, match="infinity"):
        some.transform(np.where(np.isnan(bad), np.inf, bad))


def test_they_pickle_and_do_not_grow(some):
    some.fit(rows())
    again = pickle.loads(pickle.dumps(some))
    np.testing.assert_array_equal(again.transform(rows()), some.transform(rows()))
    assert len(pickle.dumps(some)) < 2_000


def test_binarizer_of_sparse_rows_takes_no_negative_threshold():
    with pytest.raises(ValueError, match="Cannot binarize a sparse matrix with threshold < 0"):
        Binarizer(threshold=-1.0).fit_transform(sp.csr_array(rows()))
    X = rows()
    np.testing.assert_array_equal(Binarizer(threshold=-1.0).fit_transform(X), X > -1.0)


# Rows near the ends of the floats


@pytest.mark.parametrize("unit", [1.0, 1e-20, 1e-300, 1e200, 1e307])
@pytest.mark.parametrize("norm", ["l1", "l2", "max"])
@pytest.mark.parametrize("make", [np.asarray, sp.csr_array])
def test_norms_are_exact_in_any_unit(norm, unit, make):
    X = np.random.default_rng(0).uniform(-1, 1, (20, 5)) * unit
    out = Normalizer(norm).fit_transform(make(X))
    out = out.toarray() if sp.issparse(out) else out
    for row, found in zip(X, out, strict=True):
        exact = [Fraction(float(v)) / Fraction(unit) for v in row]
        sizes = [abs(v) for v in exact]
        if norm == "l2":
            length = np.sqrt(float(sum(v * v for v in exact)))
        else:
            length = float(sum(sizes) if norm == "l1" else max(sizes))
        want = [float(v) / length for v in exact]
        np.testing.assert_allclose(found, want, rtol=1e-14)


@pytest.mark.parametrize("order", ["C", "F"])
def test_order_of_polynomials(order, backend):
    X = rows()
    step = PolynomialFeatures(2, order=order)
    known = theirs.PolynomialFeatures(2, order=order).fit_transform(X)
    out = step.fit_transform(X)
    assert out.flags.f_contiguous == known.flags.f_contiguous == (order == "F")
    np.testing.assert_allclose(out, known, rtol=1e-15)
    lazy = dask_array(X, CHUNKS)
    assert all(
        b.flags.f_contiguous == (order == "F")
        for b in blocks_of(step.transform(lazy))
        if len(b) > 1
    )
    if order == "F" and backend.name not in ("numpy", "readonly"):
        with pytest.raises(ValueError, match="order='F' for non-numpy arrays"):
            step.transform(backend.asarray(X))


@pytest.mark.parametrize("degree", [2, 3])
@pytest.mark.parametrize("interaction", [False, True])
def test_columns_beyond_32_bits(interaction, degree):
    """The products of the last columns are the last of billions."""
    d, values = 120_001, [2.0, 3.0, 5.0]
    last = sp.csr_array((values, ([0, 0, 0], [d - 3, d - 2, d - 1])), shape=(1, d))
    step = PolynomialFeatures(degree, interaction_only=interaction, include_bias=False)
    out = step.fit_transform(last)
    assert out.shape == (1, step.n_output_features_)
    assert out.indices.dtype == np.int64
    assert out.indices[-1] == out.shape[1] - 1
    few = clone(step).fit_transform(np.asarray([values]))[0]
    np.testing.assert_array_equal(out.data, few)
    first = sp.csr_array((values, ([0, 0, 0], [0, 1, 2])), shape=(1, d))
    out = step.transform(first)
    np.testing.assert_array_equal(out.indices[:3], [0, 1, 2])
    assert out.indices[3] == d


def test_too_many_columns_are_refused():
    X = sp.csr_array((1, 2**31))
    with pytest.raises(ValueError, match="too large to be indexed"):
        PolynomialFeatures(3).fit(X)


# In pipelines

X = rows(1)
Y = (X[:, 0] * X[:, 1] > 0.1).astype(int)


def learner() -> SGDClassifier:
    return SGDClassifier("log_loss", classes=[0, 1], random_state=0)


@pytest.mark.parametrize("schedule", ["one-pass", "per-step"])
@pytest.mark.parametrize("lib", [ours, theirs], ids=["ours", "theirs"])
def test_as_steps(some, schedule, lib, backend):
    """Before and after a step that learns, on every library; what follows learns what it would."""
    some = some if lib is ours else known_as(some)
    for before, chunks in (((), CHUNKS), ((MaxAbsScaler(),), (N,))):  # statistics of one block
        data = dask_array(X.astype(backend.widest), chunks, make=backend.asarray)
        pipe = make_pipeline(*map(clone, before), clone(some), MaxAbsScaler(), schedule=schedule)
        pipe.fit(data)
        lead = [theirs.MaxAbsScaler()] if before else []
        known = their_pipeline(*lead, clone(known_as(some)), theirs.MaxAbsScaler()).fit(X)
        backend.check(pipe[-1].scale_)
        eps = 64 * backend.eps
        np.testing.assert_allclose(to_numpy(pipe[-1].scale_), known[-1].scale_, rtol=eps)
        assert pipe[-2].n_features_in_ == known[-2].n_features_in_
        parts = blocks_of(pipe.transform(data))
        for part in parts:
            backend.check(part, backend.widest)
        out = np.concatenate([backend.to_numpy(part) for part in parts])
        np.testing.assert_allclose(out, known.transform(X), rtol=eps, atol=eps)


def test_scikit_learns_steps_check_rows_of_other_libraries(some):
    import array_api_strict

    bad = X.copy()
    bad[-1, 0] = np.nan
    data = dask_array(bad, CHUNKS, make=array_api_strict.asarray)
    pipe = make_pipeline(known_as(some), MaxAbsScaler())
    with pytest.raises(ValueError, match="contains NaN"):
        pipe.fit(data)


@pytest.mark.parametrize("kind", ["arrays", "frames", "sparse"])
def test_in_one_pass_in_front_of_a_learner(some, kind):
    reads: list = []
    if kind == "frames":
        data, y = dask_frame(X, CHUNKS, log=reads), dask_frame(Y, CHUNKS)
    else:
        make = sp.csr_array if kind == "sparse" else np.array
        data, y = dask_array(X, CHUNKS, make=make, log=reads), dask_array(Y, CHUNKS)
    pipe = make_pipeline(some, MaxAbsScaler(), learner()).fit(data, y)
    assert sorted(reads) == [0, 1, 2, 3]
    given = frame(X) if kind == "frames" else X
    np.testing.assert_array_equal(np.asarray(pipe.predict(data)), pipe.predict(given))
    want = known_as(some).fit(given).transform(given)
    np.testing.assert_allclose(pipe[1].max_abs_, np.abs(want).max(axis=0), rtol=1e-12)


@pytest.mark.parametrize("lead", [False, True])
def test_no_transformed_block_is_ever_built(some, lead, monkeypatch):
    largest: list[int] = []
    kind = type(
        some._function() if not isinstance(some, PolynomialFeatures) else some.fit(X)._function()
    )
    build = kind.__call__

    def watched(self, rows):
        largest.append(rows.shape[0])
        return build(self, rows)

    monkeypatch.setattr(kind, "__call__", watched)
    n = 20_000
    table = np.random.default_rng(0).normal(size=(2 * n, 10))
    data, y = dask_array(table, (n, n)), dask_array((table[:, 0] > 0).astype(int), (n, n))
    with dask.config.set(scheduler="sync"):
        pipe = make_pipeline(*([StandardScaler()] if lead else []), clone(some), learner())
        pipe.fit(data, y)
        assert pipe.score(data, y) > 0.6
    assert max(largest) <= n // 2
    assert rowwise_maps.__name__ in kind.__module__


@pytest.mark.parametrize("frames", [False, True])
def test_branches_in_one_pass(some, frames):
    names = [f"f{j}" for j in range(4)] if frames else [0, 1, 2, 3]
    wrap = dask_frame if frames else dask_array  # in one block, whose statistics are final
    given = frame(X) if frames else X
    scaled = theirs.StandardScaler(), StandardScaler()
    for lib in (some, known_as(some)):
        steps = [
            make_union(clone(lib), clone(scaled[1])),
            ColumnTransformer([("a", clone(lib), names[:2])], remainder=clone(scaled[1])),
            ColumnTransformer(
                [("a", make_pipeline(clone(scaled[1]), clone(lib)), names[:2])], remainder="drop"
            ),
        ]
        known = [
            make_union(known_as(some), scaled[0]),
            ColumnTransformer([("a", known_as(some), names[:2])], remainder=scaled[0]),
            ColumnTransformer(
                [("a", their_pipeline(scaled[0], known_as(some)), names[:2])], remainder="drop"
            ),
        ]
        for mine, their in zip(steps, known, strict=True):
            pipe = make_pipeline(mine, MaxAbsScaler()).fit(wrap(X, (N,)))
            want = clone(their).fit(given).transform(given)
            np.testing.assert_allclose(pipe[-1].max_abs_, np.abs(want).max(axis=0), rtol=1e-9)
            np.testing.assert_allclose(
                np.asarray(pipe[0].transform(given)), want, rtol=1e-9, atol=1e-9
            )


@pytest.mark.parametrize("wanted", ["pandas", "polars"])
def test_set_output_in_one_pass(some, wanted):
    some.set_output(transform=wanted)
    pipe = make_pipeline(some, MaxAbsScaler()).fit(dask_frame(X, CHUNKS))
    assert list(pipe[1].feature_names_in_) == list(some.get_feature_names_out())


def test_partial_fit_of_a_pipeline(some):
    pipe, whole = (make_pipeline(clone(some), MaxAbsScaler()) for _ in range(2))
    for start in range(0, N, 50):
        pipe.partial_fit(X[start : start + 50])
    whole.fit(dask_array(X, CHUNKS))
    np.testing.assert_allclose(pipe[-1].max_abs_, whole[-1].max_abs_, rtol=1e-15)


def test_what_learns_nothing(some):
    assert learns_nothing(some)
    assert learns_nothing(known_as(some))
    assert learns_nothing(FunctionTransformer())
    assert not learns_nothing(MaxAbsScaler())


# FunctionTransformer


def doubled(X, by=2.0):
    return X * by


def halved(X, by=2.0):
    return X / by


def named(transformer, names):
    return [f"{name} twice" for name in names]


def rows_left_out(X):
    return X[1:]


@pytest.mark.parametrize("validate", [False, True])
def test_functions_on_every_backend(backend, validate):
    step = FunctionTransformer(
        doubled, halved, validate=validate, kw_args={"by": 4.0}, inv_kw_args={"by": 4.0}
    )
    table = rows().astype(backend.widest)
    X = backend.asarray(table)
    lazy = dask_array(table, CHUNKS, make=backend.asarray)
    for given in (X, lazy):
        out = step.fit(given).transform(given)
        parts = blocks_of(out) if given is lazy else [out]
        found = np.concatenate([backend.to_numpy(part) for part in parts])
        np.testing.assert_array_equal(found, 4 * table)
        back = step.inverse_transform(out)
        parts = blocks_of(back) if given is lazy else [back]
        found = np.concatenate([backend.to_numpy(part) for part in parts])
        np.testing.assert_array_equal(found, table)
        assert step.n_features_in_ == 4


@pytest.mark.parametrize("validate", [False, True])
@pytest.mark.parametrize("names", [None, "one-to-one", named])
def test_functions_of_frames(validate, names):
    how = {"validate": validate, "feature_names_out": names}
    table = frame(rows(), np.arange(N))
    lazy = dd.from_pandas(table, npartitions=3)
    step = FunctionTransformer(doubled, **how).fit(lazy)
    assert list(step.feature_names_in_) == list(table.columns)
    known = theirs.FunctionTransformer(doubled, **how).fit(table)
    if names is not None:
        assert list(step.get_feature_names_out()) == list(known.get_feature_names_out())
    if names is named and not validate:
        step.set_output(transform="pandas")
        known.set_output(transform="pandas")
    out, want = step.transform(lazy).compute(), known.transform(table)
    np.testing.assert_array_equal(out, want)
    if hasattr(want, "columns"):
        assert list(out.columns) == list(want.columns)


def test_functions_of_sparse_rows():
    X = sp.csr_array(rows())
    lazy = dask_array(X.toarray(), CHUNKS, make=sp.csr_array)
    for how in ({}, {"validate": True, "accept_sparse": True}):
        step = FunctionTransformer(doubled, **how)
        out = sp.vstack(blocks_of(step.fit(lazy).transform(lazy)))
        np.testing.assert_array_equal(out.toarray(), step.fit_transform(X).toarray())
    with pytest.raises(TypeError, match="dense data is required"):
        blocks_of(FunctionTransformer(doubled, validate=True).fit_transform(lazy))


def test_the_inverse_is_checked_on_a_block(backend):
    reads: list = []
    table = rows().astype(backend.widest)
    lazy = dask_array(table, (0, 70, 130), make=backend.asarray, log=reads)
    for right, wrong in (
        (FunctionTransformer(doubled, halved), FunctionTransformer(doubled, doubled)),
        (
            FunctionTransformer(doubled, halved, validate=True),
            FunctionTransformer(doubled, doubled, validate=True),
        ),
    ):
        for given in (backend.asarray(table), lazy):
            right.fit(given)
            with pytest.warns(UserWarning, match="not strictly inverse of each other"):
                wrong.fit(given)
        wrong.set_params(check_inverse=False).fit(lazy)
    assert set(reads) == {1}
    FunctionTransformer(doubled, halved).fit(dask_array(table[:0], (0,)))


def test_without_a_function_rows_stay():
    X = rows()
    lazy = dask_array(X, CHUNKS)
    step = FunctionTransformer()
    np.testing.assert_array_equal(np.asarray(step.transform(lazy)), X)
    np.testing.assert_array_equal(np.asarray(step.inverse_transform(lazy)), X)
    np.testing.assert_array_equal(step.fit_transform(X), X)


def test_functions_must_keep_rows():
    lazy = dask_array(rows(), CHUNKS)
    with pytest.raises(ValueError, match=r"made \d+ rows of the \d+ of a block"):
        blocks_of(FunctionTransformer(rows_left_out).transform(lazy))


def as_many_columns_as_the_first_number(X):
    return X[:, : int(X[0, 0])]


def no_columns(X):
    return X[:, :0]


FEWER = FunctionTransformer(as_many_columns_as_the_first_number)
MORE = ("more", FunctionTransformer(), slice(1, 3))
IN_ANY_ORDER = r"made \d columns? of block \d, and the next step expects \d as of block \d"
IN_ORDER = "made 2 columns of block 1, and the next step expects 3 as of block 0"
OF_FUNCTIONS = {
    "a scaler": (make_pipeline(FEWER, StandardScaler()), IN_ORDER),
    "a learner": (make_pipeline(FEWER, SGDRegressor()), IN_ANY_ORDER),
    "clusters": (make_pipeline(FEWER, MiniBatchKMeans(2)), IN_ORDER),
    "blocks side by side": (make_pipeline(FEWER, MLPRegressor(n_parallel=2)), IN_ANY_ORDER),
    "a scaler and a learner": (make_pipeline(FEWER, StandardScaler(), Perceptron()), IN_ANY_ORDER),
    "a branch": (
        make_pipeline(ColumnTransformer([("fewer", FEWER, slice(0, 3)), MORE]), StandardScaler()),
        IN_ORDER,
    ),
    "a union": (make_pipeline(FeatureUnion([("fewer", FEWER)]), StandardScaler()), IN_ORDER),
    "a model of sums": (make_pipeline(FEWER, Ridge()), "X has [23] features"),
}


@pytest.mark.parametrize("name", OF_FUNCTIONS)
def test_functions_must_make_the_same_columns_of_every_block(name):
    X = np.c_[np.repeat([3.0, 2.0], 10), rows(n=20)]
    y = np.arange(20) % 2
    pipe, says = OF_FUNCTIONS[name]
    with pytest.raises(ValueError, match=says):
        clone(pipe).fit(dask_array(X, (10, 10)), dask_array(y, (10, 10)))


def test_functions_must_make_the_same_columns_in_all_epochs_and_calls():
    X = np.c_[np.repeat([3.0, 2.0], 10), rows(n=20)]
    pipe = make_pipeline(FEWER, SGDRegressor()).partial_fit(X[:10], X[:10, 1])
    with pytest.raises(ValueError, match=r"made 2 columns of the rows.* expects 3 as in earlier"):
        pipe.partial_fit(X[10:], X[10:, 1])

    def later(X):  # one block is centred by itself in the first epoch, and not in the second
        return X[:, :2] if X[:, 0].mean() > 0.5 else X

    pipe = make_pipeline(
        StandardScaler(), FunctionTransformer(later), MLPRegressor(shuffle=False, max_iter=2)
    )
    with pytest.raises(ValueError, match="made 2 columns of block 0, and the next step expects"):
        pipe.fit(dask_array(X, (10, 10)), dask_array(X[:, 1], (10, 10)))


@pytest.mark.parametrize("learner", [SGDRegressor(), Ridge()])
def test_functions_must_leave_a_learner_columns(learner):
    X = rows()
    pipe = make_pipeline(FunctionTransformer(no_columns), learner)
    with pytest.raises(ValueError, match=r"0 feature\(s\)"):
        pipe.fit(dask_array(X, CHUNKS), dask_array(X[:, 1], CHUNKS))


def test_validated_blocks_are_checked():
    bad = rows()
    bad[-1, 0] = np.inf
    step = FunctionTransformer(doubled, validate=True)
    lazy = dask_array(bad, CHUNKS)
    with pytest.raises(ValueError, match="infinity"):
        blocks_of(step.fit(lazy).transform(lazy))
    with pytest.raises(ValueError, match="Expected 2D"):
        step.fit(dask_array(bad[:, 0], CHUNKS))
    with pytest.raises(ValueError, match="3 features"):
        step.transform(dask_array(rows()[:, :3], CHUNKS))
    FunctionTransformer(doubled).fit(dask_array(bad[:, 0], CHUNKS))


@pytest.mark.parametrize("schedule", ["one-pass", "per-step"])
@pytest.mark.parametrize("frames", [False, True])
def test_functions_as_steps(schedule, frames):
    wrap = dask_frame if frames else dask_array
    pipe = make_pipeline(FunctionTransformer(doubled), StandardScaler(), schedule=schedule)
    pipe.fit(wrap(X, CHUNKS))
    np.testing.assert_allclose(pipe[-1].mean_, 2 * X.mean(axis=0), rtol=1e-12)
