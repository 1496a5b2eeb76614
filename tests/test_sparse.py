"""Sparse rows in the estimators: in memory, as blocks, through pipelines, and never as dense."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise
from typing import Any

import dask
import dask.array as da
import numpy as np
import pandas as pd
import pytest
from scipy import sparse as sp
from sklearn import linear_model as theirs
from sklearn import preprocessing
from sklearn.base import clone, is_classifier
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction import FeatureHasher
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.pipeline import FeatureUnion
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler, Normalizer
from sklearn.utils import get_tags

from streamlearn.cluster import MiniBatchKMeans
from streamlearn.linear_model import Perceptron, SGDClassifier, SGDRegressor
from streamlearn.neural_network import MLPClassifier, MLPRegressor
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler
from tests.containers import CHUNKS, N_ROWS, blocks_of, dask_array

FORMATS = ["csr_array", "csr_matrix", "csc_array", "coo_matrix", "lil_array"]
D = 12


@pytest.fixture(scope="module")
def table() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows that are mostly zeros, of scales over orders; classes and values."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N_ROWS, D)) * (rng.random((N_ROWS, D)) < 0.3) * np.logspace(-2, 2, D)
    p = (X / np.logspace(-2, 2, D)) @ rng.normal(size=D)
    return X, np.digitize(p + 0.2 * rng.normal(size=N_ROWS), [-0.4, 0.4]), p


def target(estimator: Any, table: tuple) -> np.ndarray:
    return table[1] if is_classifier(estimator) else table[2]


def sparse_blocks(X: np.ndarray, make: Any = sp.csr_matrix, **how: Any) -> da.Array:
    """Return a dask array of sparse blocks, one of them empty, that says they are NumPy's."""
    return dask_array(X, make=make, **how)


ONCE = {"max_iter": 2, "tol": None, "random_state": 0}
LEARNERS = {
    "auto": SGDClassifier(loss="log_loss", **ONCE),
    "auto-hinge": SGDClassifier(class_weight={0: 2.0}, **ONCE),
    "auto-l1": SGDClassifier(loss="modified_huber", penalty="l1", alpha=1e-2, **ONCE),
    "optimal": SGDClassifier(
        loss="log_loss", learning_rate="optimal", average=True, batch_size=32, **ONCE
    ),
    "constant-elasticnet": SGDClassifier(
        learning_rate="constant", penalty="elasticnet", batch_size=8, **ONCE
    ),
    "early": SGDClassifier(loss="log_loss", early_stopping=True, **ONCE),
    "regressor": SGDRegressor(**ONCE),
    "regressor-invscaling": SGDRegressor(
        learning_rate="invscaling", eta0=1e-4, batch_size=32, **ONCE
    ),
}
METHODS = ("decision_function", "predict_proba", "predict_log_proba", "predict", "transform")


@pytest.fixture(params=LEARNERS)
def learner(request: pytest.FixtureRequest) -> Any:
    return clone(LEARNERS[request.param])


def outputs(estimator: Any, X: Any) -> dict[str, Any]:
    return {m: getattr(estimator, m)(X) for m in METHODS if hasattr(estimator, m)}


def assert_same(got: Any, want: Any, sparse: Any, dense: np.ndarray) -> None:
    """Check two fitted learners, and what they say of the same rows, which is always dense."""
    np.testing.assert_allclose(got.coef_, want.coef_, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(got.intercept_, want.intercept_, rtol=1e-7, atol=1e-9)
    for method, out in outputs(want, dense).items():
        found = getattr(got, method)(sparse)
        found = found.compute(scheduler="sync") if hasattr(found, "dask") else found
        assert type(found) is np.ndarray
        np.testing.assert_allclose(found, out, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("format", FORMATS)
def test_in_memory_as_dense(learner, format, table):
    X, y = table[0], target(learner, table)
    S = getattr(sp, format)(X)
    weight = np.random.default_rng(1).random(N_ROWS)
    for how in ({}, {"sample_weight": weight}):
        got, want = clone(learner).fit(S, y, **how), clone(learner).fit(X, y, **how)
        assert_same(got, want, S, X)
        assert got.score(S, y) == pytest.approx(want.score(X, y), rel=1e-9)
        assert got.n_features_in_ == D


@pytest.mark.parametrize(
    "how", [{}, {"known": False}, {"columns": (5, D - 5)}, {"make": sp.coo_array}], ids=str
)
def test_blocks_as_dense_ones(learner, how, table):
    X, y = table[0], target(learner, table)
    S, dense, target_ = sparse_blocks(X, **how), dask_array(X), dask_array(y)
    with dask.config.set(scheduler="sync"):
        got, want = clone(learner).fit(S, target_), clone(learner).fit(dense, target_)
        assert_same(got, want, S, X)
        assert got.score(S, target_) == pytest.approx(want.score(X, y), rel=1e-9)


def test_partial_fit_takes_sparse_and_dense_in_turn(learner, table):
    X, y = table[0], target(learner, table)
    learner.set_params(early_stopping=False)
    classes = {"classes": [0, 1, 2]} if is_classifier(learner) else {}
    got, want = clone(learner), clone(learner)
    for at, make in (
        (slice(0, 80), sp.csr_matrix),
        (slice(80, 90), np.asarray),
        (slice(90, N_ROWS), sp.csc_array),
    ):
        got.partial_fit(make(X[at]), y[at], **classes)
        want.partial_fit(X[at], y[at], **classes)
    assert_same(got, want, sp.csr_array(X), X)


def test_blocks_may_be_dense_and_sparse(learner, table):
    X, y = table[0], target(learner, table)
    learner.set_params(shuffle=False)
    makes = iter([sp.csr_matrix, np.asarray, sp.csr_array, np.asarray] * 8)
    mixed = sparse_blocks(X, make=lambda x: next(makes)(x))
    with dask.config.set(scheduler="sync"):
        got = clone(learner).fit(mixed, dask_array(y))
        want = clone(learner).fit(dask_array(X), dask_array(y))
    assert_same(got, want, sp.csr_array(X), X)


def test_the_same_bits_on_every_scheduler(learner, table):
    X, y = table[0], target(learner, table)
    found = set()
    for how in ({"scheduler": "sync"}, {"scheduler": "threads", "num_workers": 4}):
        with dask.config.set(**how):
            model = clone(learner).fit(sparse_blocks(X), dask_array(y))
            found.add(model.coef_.tobytes() + model.intercept_.tobytes())
    assert len(found) == 1


def test_rows_are_not_changed(table):
    X = table[0]
    S = sp.csr_matrix(X)
    S.indices, S.data = S.indices[::-1].copy(), S.data[::-1].copy()
    S = sp.csr_matrix((S.data, np.minimum(S.indices, 3), S.indptr), shape=S.shape)
    for a in (S.data, S.indices, S.indptr):
        a.flags.writeable = False
    dense = S.toarray()
    for estimator in (SGDClassifier(**ONCE), StandardScaler(with_mean=False)):
        got, want = clone(estimator).fit(S, table[1]), clone(estimator).fit(dense, table[1])
        name = "coef_" if hasattr(got, "coef_") else "var_"
        np.testing.assert_allclose(getattr(got, name), getattr(want, name), rtol=1e-7)
        outputs(got, S)
    assert not S.has_sorted_indices


@pytest.mark.parametrize("index", ["int32", "int64"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "bool"])
def test_dtypes(dtype, index, table):
    X = (10 * table[0]).astype(dtype)
    S = sp.csr_array(X)
    S.indices, S.indptr = S.indices.astype(index), S.indptr.astype(index)
    floats = dtype if dtype.startswith("float") else "float64"
    model = SGDClassifier(loss="log_loss", **ONCE).fit(S, table[1])
    assert model.coef_.dtype == floats
    assert model.decision_function(S).dtype == floats
    scaler = StandardScaler(with_mean=False).fit(S)
    out = scaler.transform(S)
    assert out.dtype == floats
    known = preprocessing.StandardScaler(with_mean=False).fit(X.astype(floats))
    np.testing.assert_allclose(scaler.scale_, known.scale_, rtol=1e-5)
    np.testing.assert_allclose(out.toarray(), X / scaler.scale_.astype(floats), rtol=1e-6)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("with_std", [False, True])
@pytest.mark.parametrize("missing", [False, True])
def test_scaler_as_scikit_learns(format, with_std, missing, table):
    X = table[0].copy()
    X[:, 1], X[:, 2] = 1e8 + X[:, 1], 5.0
    if missing:
        X[np.random.default_rng(0).random(X.shape) < 0.1] = np.nan
    S = getattr(sp, format)(X)
    ours = StandardScaler(with_mean=False, with_std=with_std).fit(S)
    known = preprocessing.StandardScaler(with_mean=False, with_std=with_std).fit(S)
    dense = StandardScaler(with_mean=False, with_std=with_std).fit(X)
    for name in ("mean_", "var_", "scale_", "n_samples_seen_"):
        if getattr(known, name) is not None:
            np.testing.assert_allclose(getattr(ours, name), getattr(known, name), rtol=1e-6)
        if with_std:
            got, want = getattr(ours, name), getattr(dense, name)
            np.testing.assert_allclose(got, want, rtol=1e-12)
    out, want = ours.transform(S), known.transform(S)
    assert type(out) is type(want)
    np.testing.assert_allclose(out.toarray(), want.toarray(), rtol=1e-6)
    back = ours.inverse_transform(out)
    assert type(back) is type(known.inverse_transform(want))
    np.testing.assert_allclose(back.toarray(), X, rtol=1e-12)


@pytest.mark.parametrize("how", [{}, {"known": False}, {"columns": (5, D - 5)}], ids=str)
def test_scaler_of_blocks(how, table):
    X = table[0]
    S = sparse_blocks(X, **how)
    weight = np.random.default_rng(0).random(N_ROWS)
    for given in ({}, {"sample_weight": dask_array(weight)}):
        ours = StandardScaler(with_mean=False).fit(S, **given)
        known = StandardScaler(with_mean=False).fit(dask_array(X), **given)
        np.testing.assert_allclose(ours.var_, known.var_, rtol=1e-12)
    out = ours.transform(S)
    assert all(sp.issparse(block) for block in blocks_of(out))
    np.testing.assert_allclose(out.compute().toarray(), X / ours.scale_, rtol=1e-14)
    again = ours.inverse_transform(out)
    np.testing.assert_allclose(again.compute().toarray(), X, rtol=1e-14)
    half = StandardScaler(with_mean=False).partial_fit(sp.csr_array(X[:90]))
    np.testing.assert_allclose(
        half.partial_fit(sp.csc_matrix(X[90:])).var_, StandardScaler().fit(X).var_, rtol=1e-12
    )


CENTRED = "Cannot center sparse matrices: pass `with_mean=False` instead."


def test_means_are_not_subtracted_from_sparse_rows(table):
    X, y = table[0], table[1]
    S, lazy = sp.csr_matrix(X), sparse_blocks(X)
    dense = StandardScaler().fit(X)
    model = SGDClassifier(**ONCE).fit(dense.transform(X), y)
    with dask.config.set(scheduler="sync"):
        for wrong in (
            lambda: StandardScaler().fit(S),
            lambda: StandardScaler().partial_fit(lazy),
            lambda: dense.transform(S),
            lambda: dense.inverse_transform(S),
            lambda: dense.transform(lazy).compute(),
            lambda: model.predict(dense.transform(lazy)).compute(),
            lambda: make_pipeline(StandardScaler(), SGDClassifier(**ONCE)).fit(lazy, dask_array(y)),
        ):
            with pytest.raises(ValueError, match=CENTRED):
                wrong()
    scaler = StandardScaler()
    with pytest.raises(ValueError, match=CENTRED):
        scaler.fit(S)
    assert not hasattr(scaler, "n_features_in_")


@pytest.mark.parametrize("schedule", ["one-pass", "per-step"])
@pytest.mark.parametrize("lazy", [False, True])
def test_a_pipeline_as_of_dense_rows(schedule, lazy, table):
    X, y = table[0], table[1]
    pipe = make_pipeline(
        StandardScaler(with_mean=False), SGDClassifier(loss="log_loss", **ONCE), schedule=schedule
    )
    S, dense, known_y = (
        (sparse_blocks(X), dask_array(X), dask_array(y))
        if lazy
        else (
            sp.csr_matrix(X),
            X,
            y,
        )
    )
    with dask.config.set(scheduler="sync"):
        got, want = clone(pipe).fit(S, known_y), clone(pipe).fit(dense, known_y)
        np.testing.assert_allclose(got[-1].coef_, want[-1].coef_, rtol=1e-6, atol=1e-8)
        for method, out in outputs(want, X).items():
            found = getattr(got, method)(S)
            found = found.compute() if lazy else found
            np.testing.assert_allclose(found, out, rtol=1e-5, atol=1e-7)
        assert got.score(S, known_y) == pytest.approx(want.score(X, y))


def test_a_scaler_ahead_builds_nothing(table, monkeypatch):
    """In one pass the scale goes into the other factor of the products."""
    X, y = table[0], table[1]
    made: list = []

    def watched(self, rows):
        made.append(rows.shape[0])
        return called(self, rows)

    from streamlearn.core.affine_map import AffineMap

    called = AffineMap.__call__
    monkeypatch.setattr(AffineMap, "__call__", watched)
    pipe = make_pipeline(StandardScaler(with_mean=False), SGDClassifier(loss="log_loss", **ONCE))
    with dask.config.set(scheduler="sync"):
        pipe.fit(sparse_blocks(X), dask_array(y))
        pipe.predict(sparse_blocks(X)).compute()
    assert max(made, default=0) <= 1


def words(X: np.ndarray) -> np.ndarray:
    """Return a text for each row: the features that it has."""
    return np.array([" ".join(f"w{j}" for j in np.flatnonzero(x)) or "none" for x in X], object)


def levels(X: np.ndarray) -> sp.csr_matrix:
    """Return sparse indicators of what the columns of X are near."""
    codes = np.clip(np.round(np.log10(np.abs(X) + 1e-3)).astype(int) + 3, 0, 7)
    at = codes + 8 * np.arange(X.shape[1])
    ends = np.arange(0, at.size + 1, X.shape[1])
    return sp.csr_matrix((np.ones(at.size), at.ravel(), ends), shape=(len(X), 8 * X.shape[1]))


def hashed(texts: np.ndarray) -> sp.csr_matrix:
    return FeatureHasher(2**12).transform([dict.fromkeys(text.split(), 1) for text in texts])


HASHED = {
    "words": [HashingVectorizer(n_features=2**10)],
    "many-words": [HashingVectorizer(n_features=2**18, norm=None)],
    "scaled-words": [HashingVectorizer(n_features=64), StandardScaler(with_mean=False)],
    "dicts": [FunctionTransformer(hashed)],
    "normalized": [HashingVectorizer(n_features=2**10, norm=None), Normalizer()],
    "theirs": [HashingVectorizer(n_features=2**10), MaxAbsScaler()],
    "union": [
        FeatureUnion(
            [
                ("words", HashingVectorizer(n_features=2**8)),
                ("pairs", HashingVectorizer(n_features=2**9, ngram_range=(2, 2))),
            ]
        )
    ],
}


@pytest.mark.parametrize("name", HASHED)
def test_texts_in_one_pass(name, table):
    texts, y = words(table[0]), (table[0][:, 3] != 0).astype(int)
    steps = [clone(step) for step in HASHED[name]]
    model = SGDClassifier(loss="log_loss", random_state=0, shuffle=False, max_iter=1, tol=None)
    pipe = make_pipeline(*steps, model)
    lazy, target_ = dask_array(texts), dask_array(y)
    with dask.config.set(scheduler="sync"):
        pipe.fit(lazy, target_)
        assert pipe.score(lazy, target_) > 0.9
        found = pipe.predict_proba(lazy).compute()
    np.testing.assert_allclose(pipe.predict_proba(texts), found, rtol=1e-6)
    if name in ("scaled-words", "theirs"):
        return  # statistics of the first blocks are others than those of all
    rows = texts
    for step in steps:
        rows = step.fit_transform(rows)
    assert sp.issparse(rows)
    known = clone(model)
    edges = np.cumsum((0, *CHUNKS))
    for a, b in pairwise(edges):
        if b > a:
            known.partial_fit(rows[a:b], y[a:b], classes=[0, 1])
    np.testing.assert_allclose(pipe[-1].coef_, known.coef_, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("learner", [SGDClassifier(), MLPClassifier(), MiniBatchKMeans()], ids=str)
def test_means_of_hashed_words_are_refused_in_a_pipeline(learner, table):
    pipe = make_pipeline(HashingVectorizer(n_features=64), StandardScaler(), clone(learner))
    for texts, y in (
        (dask_array(words(table[0])), dask_array(table[1])),
        (words(table[0]), table[1]),
    ):
        with dask.config.set(scheduler="sync"), pytest.raises(ValueError, match=CENTRED):
            pipe.fit(texts, y)


def test_indicators_and_column_transformers(table):
    X, y = table[0], table[1]
    lazy, target_ = dask_array(X), dask_array(y)
    model = SGDClassifier(loss="log_loss", **ONCE)
    ahead = (
        FunctionTransformer(levels, accept_sparse=True),
        ColumnTransformer(
            [("levels", FunctionTransformer(levels), list(range(6)))], remainder="passthrough"
        ),
    )
    with dask.config.set(scheduler="sync"):
        for step in ahead:
            pipe = make_pipeline(step, clone(model)).fit(lazy, target_)
            assert pipe.score(lazy, target_) == pytest.approx(pipe.score(X, y))
            assert pipe.score(X, y) > 0.5


WIDE = (200_000, 2**16)


def wide(seed: int) -> sp.csr_matrix:
    """Return a block whose dense form would take 105 GB."""
    rng, (n, d) = np.random.default_rng(seed), WIDE
    at = rng.integers(0, d, (n, 3))
    return sp.csr_matrix((rng.random(3 * n), at.ravel(), np.arange(0, 3 * n + 1, 3)), shape=(n, d))


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_block_is_never_dense():
    """Everything takes less than twenty times what the entries take."""
    rng = np.random.default_rng(0)
    y = [rng.integers(0, 2, WIDE[0]) for _ in range(2)]
    blocks = [da.from_delayed(dask.delayed(wide)(i), WIDE, meta=np.empty((0, 0))) for i in range(2)]
    X, target_ = da.concatenate(blocks), da.from_array(np.concatenate(y), chunks=WIDE[0])
    tracemalloc.start()
    try:
        with dask.config.set(scheduler="sync"):
            for estimator in (
                SGDClassifier(loss="log_loss", random_state=0),
                SGDClassifier(learning_rate="optimal", random_state=0),
                SGDRegressor(random_state=0),
                make_pipeline(StandardScaler(with_mean=False), SGDClassifier(random_state=0)),
                MiniBatchKMeans(4, random_state=0, batch_size=50_000),
                MiniBatchKMeans(4, init="k-means||", batch_size=50_000),
                MLPRegressor(hidden_layer_sizes=2, batch_size=50_000),
            ):
                estimator.fit(X, target_)
                dask.compute(*outputs(estimator, X).values())
            scaled = StandardScaler(with_mean=False).fit(X).transform(X)
            assert dask.compute(*scaled.to_delayed().ravel())[0].nnz > 2.9 * WIDE[0]
            S = wide(0)
            for estimator in (
                SGDClassifier(max_iter=1, tol=None),
                MiniBatchKMeans(4, max_iter=1, batch_size=50_000),
                MLPRegressor(hidden_layer_sizes=2, solver="lbfgs", max_iter=2),
            ):
                estimator.fit(S, y[0])
                estimator.score(S, y[0])
            StandardScaler(with_mean=False).fit_transform(S)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    entries = sum(a.nbytes for a in (S.data, S.indices, S.indptr))
    assert peak < 20 * entries


def test_what_is_wrong_is_named(table):
    X, y = table[0].copy(), table[1]
    X[-1, 2] = np.nan
    model = SGDClassifier(**ONCE)
    target_ = dask_array(y)
    with dask.config.set(scheduler="sync"):
        with pytest.raises(ValueError, match="contains NaN"):
            model.fit(sp.csr_array(X), y)
        with pytest.raises(ValueError, match="contains NaN in block 3"):
            model.fit(sparse_blocks(X), target_)
        X[-1, 2] = np.inf
        with pytest.raises(ValueError, match="contains infinity in block 3"):
            StandardScaler(with_mean=False).fit(sparse_blocks(X))
        fitted = clone(model).fit(table[0], y)
        with pytest.raises(ValueError, match="contains infinity"):
            fitted.predict(sparse_blocks(X)).compute()
        with pytest.raises(ValueError, match="Complex data not supported"):
            model.fit(sparse_blocks(table[0] + 1j), target_)
        with pytest.raises(ValueError, match=r"has shape .* expecting 12 features"):
            fitted.predict(
                sparse_blocks(table[0], make=lambda x: sp.csr_array(x[:, :-1]))
            ).compute()
        with pytest.raises(ValueError, match=r"5 features.*expecting 12"):
            fitted.predict(sp.csr_array(table[0][:, :5]))
        with pytest.raises(TypeError, match="Sparse data was passed"):
            model.fit(dask_array(table[0]), dask_array(y[:, None], make=sp.csr_matrix))


class COO:
    """Stands in for an array of a library that is not installed, of which the name is known."""

    def __init__(self, x: np.ndarray):
        self.shape, self.dtype, self.ndim = x.shape, x.dtype, x.ndim


@pytest.mark.parametrize(
    ("package", "remedy"), [("sparse", "to_scipy_sparse"), ("cupyx", r"\.get\(\)")]
)
def test_sparse_arrays_of_other_libraries_are_refused(package, remedy, table, monkeypatch):
    monkeypatch.setattr(COO, "__module__", f"{package}.somewhere")
    X, y = table[0], table[1]
    model, scaler = SGDClassifier(**ONCE).fit(X, y), StandardScaler(with_mean=False)
    lazy = sparse_blocks(X, make=COO)
    with dask.config.set(scheduler="sync"):
        for wrong in (
            lambda: model.fit(COO(X), y),
            lambda: model.predict(COO(X)),
            lambda: scaler.fit(COO(X)),
            lambda: model.fit(lazy, dask_array(y)),
            lambda: model.predict(lazy).compute(),
        ):
            with pytest.raises(TypeError, match=f"{package}: COO.*{remedy}"):
                wrong()


ROW_BY_ROW = {
    "classifier": (SGDClassifier, theirs.SGDClassifier, {"batch_size": 1}, {"alpha": 0.1}),
    "regressor": (SGDRegressor, theirs.SGDRegressor, {"batch_size": 1}, {"eta0": 1e-4}),
    "perceptron": (Perceptron, theirs.Perceptron, {}, {}),
    "pa": (SGDClassifier, theirs.SGDClassifier, {}, {"learning_rate": "pa1", "penalty": None}),
    "l1": (SGDRegressor, theirs.SGDRegressor, {"batch_size": 1}, {"eta0": 1e-4, "penalty": "l1"}),
}


@pytest.mark.parametrize("name", ROW_BY_ROW)
def test_row_by_row_as_scikit_learn_from_sparse_rows(name, table):
    ours, known, more, how = ROW_BY_ROW[name]
    how = {**how, "shuffle": False, "max_iter": 1, "tol": None}
    X = np.array(table[0])
    X[40:60] = 0.0
    y = target(ours(), table)
    if name == "classifier":
        how["learning_rate"] = "optimal"
    want = known(**how).fit(sp.csr_matrix(X), y)
    for format in FORMATS:
        got = ours(**how, **more).fit(getattr(sp, format)(X), y)
        np.testing.assert_allclose(got.coef_, want.coef_, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(got.intercept_, want.intercept_, rtol=1e-9, atol=1e-12)
    for make in (sp.csr_matrix, sp.coo_array):
        with dask.config.set(scheduler="sync"):
            lazy = ours(**how, **more).fit(sparse_blocks(X, make=make), dask_array(y))
        np.testing.assert_allclose(lazy.coef_, got.coef_, rtol=1e-9, atol=1e-12)


def test_row_by_row_what_rows_do_not_have_only_shrinks_as_scikit_learns_does():
    """Under an average, from former coefficients, and in wide rows of one feature each."""
    rng = np.random.default_rng(0)
    S = sp.csr_matrix((rng.normal(size=300), rng.integers(0, 40, 300), range(301)), (300, 5000))
    y = rng.integers(0, 3, 300)
    first = {"coef_init": rng.normal(size=(3, 5000)), "intercept_init": np.ones(3)}
    for penalty in ("l2", "l1", "elasticnet", None):
        how = {"penalty": penalty, "alpha": 1e-2, "learning_rate": "constant", "average": 7}
        how = {**how, "eta0": 0.1, "shuffle": False, "max_iter": 2, "tol": None}
        got = SGDClassifier(**how, batch_size=1).fit(S, y, **first)
        want = theirs.SGDClassifier(**how).fit(S, y, **first)
        np.testing.assert_allclose(got.coef_, want.coef_, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(got.intercept_, want.intercept_, rtol=1e-9)


@pytest.mark.parametrize("penalty", [None, "l2", "l1"])
def test_row_by_row_no_block_is_dense(penalty):
    """A thousand rows would take 0.5 GB."""
    S = wide(0)[:1000]
    y = np.random.default_rng(0).integers(0, 2, 1000)
    model = Perceptron(penalty=penalty, max_iter=1, tol=None)
    tracemalloc.start()
    try:
        model.fit(S, y)
        assert tracemalloc.get_traced_memory()[1] < 40e6
    finally:
        tracemalloc.stop()


def test_row_by_row_from_hashed_words_in_one_pass(table):
    texts, y = words(table[0]), (table[0][:, 3] != 0).astype(int)
    model = Perceptron(shuffle=False, max_iter=1, tol=None)
    pipe = make_pipeline(HashingVectorizer(n_features=2**18), model)
    with dask.config.set(scheduler="sync"):
        pipe.fit(dask_array(texts), dask_array(y))
    known = theirs.Perceptron(shuffle=False, max_iter=1, tol=None)
    known.fit(pipe[0].transform(texts), y)
    np.testing.assert_allclose(pipe[-1].coef_, known.coef_, rtol=1e-10, atol=1e-13)


def test_frames_of_sparse_columns_are_sparse_rows(table):
    X, y = table[0], table[1]
    frame = pd.DataFrame.sparse.from_spmatrix(sp.csr_matrix(X), columns=[f"f{j}" for j in range(D)])
    model = SGDClassifier(loss="log_loss", **ONCE).fit(frame, y)
    np.testing.assert_allclose(model.coef_, clone(model).fit(X, y).coef_, rtol=1e-7, atol=1e-10)
    assert list(model.feature_names_in_) == list(frame.columns)
    model.predict(frame)
    scaler = StandardScaler(with_mean=False).fit(frame)
    assert sp.issparse(scaler.transform(frame))
    with pytest.raises(ValueError, match="sparse"):
        scaler.set_output(transform="pandas").transform(frame)
    lazy = StandardScaler(with_mean=False).fit(sparse_blocks(X)).set_output(transform="pandas")
    with pytest.raises(ValueError, match=r"sparse matrix.*disable Pandas output with set_output"):
        lazy.transform(sparse_blocks(X)).compute(scheduler="sync")


def test_tags():
    learners = (
        *(SGDClassifier(), SGDRegressor(batch_size=1), Perceptron()),
        *(MLPClassifier(), MLPRegressor(), MiniBatchKMeans()),
    )
    for estimator in (*learners, StandardScaler(with_mean=False)):
        assert get_tags(estimator).input_tags.sparse
    assert not get_tags(StandardScaler()).input_tags.sparse


def test_one_pass_scores_no_worse_than_scikit_learns():
    """On levels of Zipf frequencies, hashed; scikit-learn's default, one pass."""
    rng = np.random.default_rng(0)
    n, d = 40_000, 2**14
    at = rng.zipf(1.3, (n, 10)) % d
    S = sp.csr_matrix((np.ones(at.size), at.ravel(), np.arange(0, at.size + 1, 10)), shape=(n, d))
    y = (rng.random(n) < 1 / (1 + np.exp(-(S @ rng.normal(size=d))))).astype(int)
    A, B, a, b = S[: n // 2], S[n // 2 :], y[: n // 2], y[n // 2 :]
    ours = SGDClassifier(loss="log_loss", random_state=0).partial_fit(A, a, classes=[0, 1])
    known = theirs.SGDClassifier(loss="log_loss", random_state=0).partial_fit(A, a, classes=[0, 1])

    def loss(model: Any) -> float:
        return float(np.logaddexp(0, -(2 * b - 1) * model.decision_function(B)).mean())

    assert loss(ours) < loss(known)
