"""MinMaxScaler and MaxAbsScaler: as scikit-learn's, right where that is not, and in one pass."""

from __future__ import annotations

import pickle
from fractions import Fraction
from typing import Any

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn import preprocessing as theirs
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_union

from streamlearn import preprocessing as ours
from streamlearn._arrays import to_numpy
from streamlearn.cluster import MiniBatchKMeans
from streamlearn.core import affine_map
from streamlearn.linear_model import SGDClassifier, SGDRegressor
from streamlearn.neural_network import MLPClassifier, MLPRegressor
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import MaxAbsScaler, MinMaxScaler, StandardScaler
from tests.containers import blocks_of, dask_array, dask_frame, frame

CHUNKS = (30, 0, 1, 69)
FITTED = {
    "MinMaxScaler": ("data_min_", "data_max_", "data_range_", "scale_", "min_"),
    "MaxAbsScaler": ("max_abs_", "scale_"),
}
SCALERS: dict[str, Any] = {
    "0 to 1": MinMaxScaler(),
    "-1 to 1": MinMaxScaler((-1, 1)),
    "clipped": MinMaxScaler((0.5, 3.0), clip=True),
    "magnitude": MaxAbsScaler(),
    "magnitude, clipped": MaxAbsScaler(clip=True),
}


def rows(seed=0, missing=False, n=100):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5)) * [1, 1e-3, 1e3, 1, 1] + [0, 1, 50, -5, 0]
    X[:, 3] = -5.0
    X[:, 4] = rng.integers(0, 2, n)
    if missing:
        X[1:][rng.random((n - 1, 5)) < 0.2] = np.nan
    return X


def known_as(scaler: Any) -> Any:
    """Return scikit-learn's of the same name and parameters."""
    return getattr(theirs, type(scaler).__name__)(**scaler.get_params())


def same(scaler, known, rtol=1e-12):
    for name in FITTED[type(scaler).__name__]:
        got, want = getattr(scaler, name), getattr(known, name)
        np.testing.assert_allclose(got, want, rtol=rtol, atol=rtol, err_msg=name)
        assert got.dtype == want.dtype, name
        assert got.shape == want.shape, name
    assert scaler.n_samples_seen_ == known.n_samples_seen_
    assert type(scaler.n_samples_seen_) is int


@pytest.fixture(params=SCALERS)
def scaler(request):
    return clone(SCALERS[request.param])


# Alone


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("missing", [False, True])
def test_as_scikit_learn(scaler, missing, lazy, dtype):
    X, held_out = (rows(seed, missing=missing).astype(dtype) for seed in (0, 1))
    eps = 64 * np.finfo(dtype).eps
    given = dask_array(X, CHUNKS) if lazy else X
    known = known_as(scaler).fit(X)
    same(scaler.fit(given), known, eps)
    for Z in (X, held_out):
        out = scaler.transform(dask_array(Z, CHUNKS) if lazy else Z)
        assert out.dtype == dtype
        out = np.asarray(out)
        np.testing.assert_allclose(out, known.transform(Z), rtol=eps, atol=1e3 * eps)
        back = scaler.inverse_transform(dask_array(out, CHUNKS) if lazy else out)
        want = known.inverse_transform(out)
        np.testing.assert_allclose(np.asarray(back), want, rtol=eps, atol=1e3 * eps)
    again = scaler.fit_transform(given)
    np.testing.assert_array_equal(np.asarray(again), np.asarray(scaler.transform(given)))


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("pieces", [(100,), (1, 99), (10,) * 10, (50, 3, 47)], ids=str)
def test_partial_fit_of_pieces_is_fit(scaler, pieces, missing):
    X, start = rows(missing=missing), 0
    whole, known = clone(scaler).fit(X), known_as(scaler)
    for i, n in enumerate(pieces):
        piece = X[start : start + n]
        known.partial_fit(piece)
        scaler.partial_fit(dask_array(piece, (n,)) if i % 2 else piece)
        start += n
        same(scaler, known)
    for name in FITTED[type(scaler).__name__]:
        np.testing.assert_array_equal(getattr(scaler, name), getattr(whole, name))


def test_rows_of_two_dtypes():
    X = rows()
    scaler, known = (
        make().partial_fit(X.astype(np.float32)).partial_fit(2 * X)
        for make in (MinMaxScaler, theirs.MinMaxScaler)
    )
    same(scaler, known)
    assert MinMaxScaler().fit(X.astype(int)).data_min_.dtype == np.float64
    assert MinMaxScaler().fit_transform(X.astype(int)).dtype == np.float64


def test_extremes_are_exact_on_every_backend(scaler, backend):
    for dtype in backend.float_dtypes:
        X = (rows(missing=True) + np.asarray([1e8, 0, 0, 0, 0])).astype(dtype)
        for given in (backend.asarray(X), dask_array(X, CHUNKS, make=backend.asarray)):
            fitted = clone(scaler).fit(given)
            for name in FITTED[type(scaler).__name__]:
                backend.check(getattr(fitted, name), dtype)
            if isinstance(scaler, MinMaxScaler):
                found = [to_numpy(a) for a in (fitted.data_min_, fitted.data_max_)]
                want = [np.nanmin(X, axis=0), np.nanmax(X, axis=0)]
            else:
                found, want = [to_numpy(fitted.max_abs_)], [np.nanmax(np.abs(X), axis=0)]
            np.testing.assert_array_equal(found, want)
            assert fitted.n_samples_seen_ == 100
    # As `dtype` is the widest now.
    out = backend.to_numpy(fitted.transform(backend.asarray(X)))
    back = backend.to_numpy(fitted.inverse_transform(backend.asarray(out)))
    np.testing.assert_allclose(back, X, rtol=64 * backend.eps)


def test_chunks_make_no_difference_at_all(scaler):
    X, found = rows(missing=True), set()
    for chunks in ((100,), (10,) * 10, CHUNKS):
        fitted = clone(scaler).fit(dask_array(X, chunks))
        names = FITTED[type(scaler).__name__]
        found.add(b"".join(getattr(fitted, name).tobytes() for name in names))
    assert len(found) == 1


PLACES = [
    *((0, 1), (1e8, 1), (-1e8, 1), (1e12, 1e-2)),
    *((0, 1e-20), (0, 1e-290), (0, 1e300), (1e300, 1e290)),
]
"""Offsets of a feature, and its units."""


def exact(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return one feature in a range, without rounding until the end."""
    numbers = [Fraction(float(v)) for v in x]
    first, last = min(numbers), max(numbers)
    width = Fraction(high) - Fraction(low)
    return np.array([float((v - first) / (last - first) * width + Fraction(low)) for v in numbers])


@pytest.mark.parametrize("feature_range", [(0, 1), (-1, 1), (2, 7)], ids=str)
@pytest.mark.parametrize("place", PLACES, ids=str)
def test_against_exact_arithmetic(place, feature_range):
    offset, unit = place
    x = offset + unit * np.random.default_rng(0).uniform(-1, 1, 50)
    scaler = MinMaxScaler(feature_range).fit(x[:, None])
    out = scaler.transform(x[:, None])[:, 0]
    np.testing.assert_allclose(out, exact(x, *feature_range), rtol=1e-14, atol=1e-14)
    assert out.min() == pytest.approx(feature_range[0], abs=1e-15)
    back = scaler.inverse_transform(out[:, None])[:, 0]
    np.testing.assert_allclose(back, x, rtol=1e-14, atol=1e-14 * unit)


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1, -1e-7, 1e9, -3.3e100, 5e-324])
def test_constant_features(scaler, value):
    """They go to the lower end, which scikit-learn's large ones miss, or to 1."""
    table = np.full((10, 2), value)
    want = np.sign(value) if isinstance(scaler, MaxAbsScaler) else scaler.feature_range[0]
    for given in (table, dask_array(table, (5, 5))):
        out = np.asarray(scaler.fit(given).transform(table))
        np.testing.assert_array_equal(out, np.full((10, 2), want))
    if value != 5e-324:
        np.testing.assert_allclose(scaler.scale_, known_as(scaler).fit(table).scale_)


def test_nearly_constant_features_are_scikit_learns():
    """Near 1 and beyond; what is rounding there is a range among smaller numbers."""
    x = np.linspace(0, 1, 101)[:, None]
    X = np.concatenate([[1.0, 1e3, 1e8] + x * w for w in 10.0 ** np.arange(-17, 0)], axis=1)
    scaler, known = MinMaxScaler().fit(X), theirs.MinMaxScaler().fit(X)
    np.testing.assert_array_equal(scaler.scale_, known.scale_)
    assert np.any(scaler.scale_ == 1)
    assert np.any(scaler.scale_ != 1)
    small = MinMaxScaler().fit(x * 1e-17)
    assert small.transform(x * 1e-17).max() == 1.0
    assert theirs.MinMaxScaler().fit_transform(x * 1e-17).max() < 1e-16


def test_ranges_at_the_ends_of_the_floats():
    """A range that has no inverse is a constant's, and one that overflows becomes 0."""
    wide, narrow = np.array([[-1e308], [1e308], [0.0]]), np.array([[0.0], [5e-324], [1e-322]])
    X = np.concatenate([wide, narrow], axis=1)
    for lazy in (False, True):
        given = dask_array(X, (2, 1)) if lazy else X
        scaler = MinMaxScaler().fit(given)
        np.testing.assert_array_equal(np.asarray(scaler.transform(given)), X * [0, 1])
        assert scaler.data_range_[0] == np.inf
        scaled = MaxAbsScaler().fit(given).transform(given)
        np.testing.assert_allclose(np.asarray(scaled), X / [1e308, 1e-322])


def test_a_feature_that_is_never_there(scaler):
    X = rows()
    X[:, 1] = np.nan
    scaler.fit(X)
    with pytest.warns(RuntimeWarning):
        known = known_as(scaler).fit(X)
    same(scaler, known)
    assert np.all(np.isnan(scaler.transform(X)[:, 1]))
    np.testing.assert_allclose(scaler.transform(X), known.transform(X), rtol=1e-9, atol=1e-9)


def test_a_range_that_is_set_later_is_for_the_next_fit():
    X = rows()
    scaler, known = (make().fit(X) for make in (MinMaxScaler, theirs.MinMaxScaler))
    for each in (scaler, known):
        each.set_params(feature_range=(5, 7))
    np.testing.assert_allclose(scaler.transform(X), known.transform(X), rtol=1e-9, atol=1e-9)
    more = rows(seed=1)
    same(scaler.partial_fit(more), known.partial_fit(more))
    np.testing.assert_allclose(scaler.transform(X), known.transform(X), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("copy", [True, False])
def test_input_is_never_written(scaler, copy):
    X = rows()
    before = X.copy()
    scaler.set_params(copy=copy).fit(X)
    scaler.inverse_transform(scaler.transform(X))
    np.testing.assert_array_equal(X, before)


def test_names_and_frames(scaler):
    table = pd.DataFrame(rows(), columns=list("abcde"))
    scaler.fit(dd.from_pandas(table, npartitions=3))
    assert list(scaler.get_feature_names_out()) == list("abcde")
    out = scaler.transform(dd.from_pandas(table, npartitions=3))
    assert list(out.columns) == list("abcde")
    want = known_as(scaler).fit(table).set_output(transform="pandas").transform(table)
    pd.testing.assert_frame_equal(out.compute(), want, rtol=1e-9, atol=1e-9)
    made = scaler.set_output(transform="pandas").transform(table)
    pd.testing.assert_frame_equal(made, want, rtol=1e-9, atol=1e-9)


def test_errors(scaler):
    X = rows()
    with pytest.raises(NotFittedError):
        scaler.transform(dask_array(X, CHUNKS))
    with pytest.raises(NotFittedError):
        scaler.inverse_transform(X)
    with pytest.raises(ValueError, match="0 sample"):
        scaler.fit(dask_array(X[:0], (0,)))
    for wrong in (np.inf, -np.inf):
        bad = X.copy()
        bad[-1, 0] = wrong
        with pytest.raises(ValueError, match="infinity"):
            scaler.fit(bad)
        with pytest.raises(ValueError, match="infinity in block 3"):
            scaler.fit(dask_array(bad, CHUNKS))
        with pytest.raises(ValueError, match="infinity"):
            blocks_of(clone(scaler).fit(X).transform(dask_array(bad, CHUNKS)))
    with pytest.raises(TypeError, match="sample_weight"):
        scaler.fit(X, sample_weight=np.ones(100))


# Sparse rows


def sparse_rows(missing: bool) -> sp.csr_matrix:
    X = sp.random(100, 6, 0.3, format="lil", random_state=0)
    X[:, 2] = 0.0
    X[:, 3] = np.arange(1.0, 101.0)[:, None]
    X = sp.csr_matrix(X) * sp.diags([-1.0, 1.0, 1.0, 1.0, 1e-30, 1e30])
    if missing:
        X.data[::7] = np.nan
    return sp.csr_matrix(X)


@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("make", [sp.csr_matrix, sp.csc_matrix, sp.csr_array, sp.coo_array])
def test_sparse_rows_stay_sparse(make, missing, clip):
    X = sparse_rows(missing)
    held_out = X * 1.5
    scaler = MaxAbsScaler(clip=clip).fit(make(X))
    known = theirs.MaxAbsScaler(clip=clip).fit(X)
    np.testing.assert_allclose(scaler.max_abs_, known.max_abs_, rtol=1e-15)
    out = scaler.transform(make(held_out))
    assert sp.issparse(out)
    assert out.nnz == X.nnz
    dense = MaxAbsScaler(clip=clip).fit(X.toarray())
    np.testing.assert_array_equal(dense.max_abs_, scaler.max_abs_)
    np.testing.assert_array_equal(out.toarray(), dense.transform(held_out.toarray()))
    back = scaler.inverse_transform(out)
    if not clip:
        np.testing.assert_allclose(back.toarray(), held_out.toarray(), rtol=1e-14)


@pytest.mark.parametrize("missing", [False, True])
def test_sparse_blocks_and_pieces(missing):
    X = sparse_rows(missing)
    want = MaxAbsScaler().fit(X)
    lazy = dask_array(X.toarray(), (60, 0, 40), make=sp.csr_array)
    scaler, pieces = MaxAbsScaler().fit(lazy), MaxAbsScaler().partial_fit(X[:60])
    pieces.partial_fit(X[60:])
    for fitted in (scaler, pieces):
        np.testing.assert_array_equal(fitted.max_abs_, want.max_abs_)
        assert fitted.n_samples_seen_ == 100
    parts = blocks_of(scaler.transform(lazy))
    assert all(sp.issparse(part) for part in parts)
    np.testing.assert_array_equal(sp.vstack(parts).toarray(), want.transform(X).toarray())


def test_sparse_rows_are_refused_where_zeros_move():
    with pytest.raises(TypeError, match="Consider using MaxAbsScaler"):
        MinMaxScaler().fit(sparse_rows(False))
    with pytest.raises(TypeError, match="Consider using MaxAbsScaler"):
        MinMaxScaler().fit(dask_array(rows(), CHUNKS, make=sp.csr_array))


# In one pass

N = 400
X = np.random.default_rng(0).normal(size=(N, 4)) * [1, 20, 0.5, 1] + [0, 3, -1, 100]
Y = np.digitize(X[:, 0] + 0.3 * np.random.default_rng(1).normal(size=N), [-0.7, 0.6])
MANY, ONE = (90, 0, 10, 100, 200), (N,)
LEARNERS: dict[str, Any] = {
    "SGDClassifier": SGDClassifier("log_loss", classes=[0, 1, 2], random_state=0),
    "SGDClassifier, a schedule": SGDClassifier(
        classes=[0, 1, 2], random_state=0, learning_rate="optimal", alpha=0.01, max_iter=3, tol=None
    ),
    "SGDRegressor": SGDRegressor(random_state=0),
    "MiniBatchKMeans": MiniBatchKMeans(3, random_state=0),
    "MLPClassifier": MLPClassifier((5,), max_iter=2, random_state=0),
    "MLPRegressor": MLPRegressor(hidden_layer_sizes=(5,), max_iter=2, random_state=0),
}
not_converged = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def learned(model: Any) -> np.ndarray:
    for name in ("coef_", "cluster_centers_"):
        if hasattr(model, name):
            return getattr(model, name)
    return np.concatenate([w.ravel() for w in model.coefs_])


def same_transformers(one: Any, alone: Any, rtol: float = 0.0) -> None:
    for name in FITTED[type(one).__name__]:
        np.testing.assert_allclose(getattr(one, name), getattr(alone, name), rtol=rtol)
    assert one.n_samples_seen_ == alone.n_samples_seen_
    np.testing.assert_array_equal(one.transform(X), alone.transform(X))


@not_converged
@pytest.mark.parametrize("name", LEARNERS)
def test_in_one_pass_as_alone(scaler, name):
    """The statistics are those of a fit. With one block they are final, and so is the learner."""
    reads: list = []
    pipe = make_pipeline(clone(scaler), clone(LEARNERS[name]))
    epochs = 1 if name in ("SGDClassifier", "SGDRegressor") else None
    pipe.fit(dask_array(X, MANY, log=reads), dask_array(Y, MANY))
    assert epochs is None or sorted(reads) == list(range(len(MANY)))
    same_transformers(pipe[0], clone(scaler).fit(X))
    lazy = pipe.predict(dask_array(X, MANY))
    np.testing.assert_allclose(lazy.compute(), pipe.predict(X), rtol=1e-9, atol=1e-9)
    pipe = make_pipeline(clone(scaler), clone(LEARNERS[name]))
    pipe.fit(dask_array(X, ONE), dask_array(Y, ONE))
    scaled = clone(scaler).fit_transform(X)
    alone = clone(LEARNERS[name]).fit(dask_array(scaled, ONE), dask_array(Y, ONE))
    np.testing.assert_allclose(learned(pipe[-1]), learned(alone), rtol=1e-6, atol=1e-8)


def test_partial_fit_in_one_pass(scaler):
    pipe = make_pipeline(clone(scaler), clone(LEARNERS["SGDClassifier"]))
    for start in range(0, N, 100):
        pipe.partial_fit(X[start : start + 100], Y[start : start + 100])
        pipe = pickle.loads(pickle.dumps(pipe))
    same_transformers(pipe[0], clone(scaler).fit(X))
    assert pipe.score(X, Y) > 0.6


@pytest.mark.parametrize("scaler", ["0 to 1", "-1 to 1", "magnitude"], indirect=True)
def test_a_learner_goes_on_where_the_extremes_move(scaler):
    """Rows in the order of a feature, as for means and deviations."""
    rng = np.random.default_rng(0)
    Z = rng.normal(3, 2, (20_000, 4))
    Z = Z[np.argsort(np.abs(Z[:, 0]))]
    y = Z @ np.asarray([1.0, -1.0, 0.5, 0.0]) + rng.normal(size=len(Z))
    blocks = da.from_array(Z, chunks=(500, 4)), da.from_array(y, chunks=500)
    scores = []
    for schedule in ("per-step", "one-pass"):
        last = SGDRegressor(alpha=0, shuffle=False, random_state=0)
        pipe = make_pipeline(clone(scaler), last, schedule=schedule)
        scores.append(pipe.fit(*blocks).score(Z, y))
    assert scores[1] > scores[0] - 1e-3


@pytest.mark.parametrize("kind", ["arrays", "frames"])
def test_branches_in_one_pass(kind):
    names = [f"f{j}" for j in range(4)] if kind == "frames" else [0, 1, 2, 3]
    wrap = frame_blocks if kind == "frames" else dask_array

    def union(lib: Any) -> Any:
        return make_union(lib.MinMaxScaler((-1, 1)), lib.MaxAbsScaler(clip=True))

    def columns(lib: Any) -> Any:
        each = [("a", lib.MinMaxScaler(), names[:2]), ("b", lib.MaxAbsScaler(), names[2:3])]
        return ColumnTransformer(each, remainder=lib.MinMaxScaler(clip=True))

    given = frame_of(X) if kind == "frames" else X
    for make in (union, columns):
        pipe = make_pipeline(make(ours), clone(LEARNERS["SGDClassifier"]))
        reads: list = []
        pipe.fit(wrap(X, MANY, log=reads), wrap(Y, MANY))
        assert sorted(reads) == list(range(len(MANY)))
        want = make(theirs).fit(given).transform(given)
        np.testing.assert_allclose(np.asarray(pipe[0].transform(given)), want, rtol=1e-9, atol=1e-9)
        assert pipe.score(given, Y) > 0.6


def frame_blocks(x: np.ndarray, chunks: tuple, log: list | None = None) -> Any:
    """Return a dask frame of these blocks."""
    ends = np.cumsum(chunks)

    def load(i: int) -> Any:
        if log is not None:
            log.append(i)
        return frame_of(x[ends[i] - chunks[i] : ends[i]])

    return dd.from_map(load, range(len(chunks)), meta=frame_of(x[:0]))


def frame_of(x: np.ndarray) -> Any:
    return frame(x, np.arange(len(x)))


@not_converged
def test_frozen_in_one_pass(scaler):
    frozen = FrozenEstimator(clone(scaler).fit(X))
    pipe = make_pipeline(frozen, clone(LEARNERS["SGDClassifier"]))
    pipe.fit(dask_array(X, MANY), dask_array(Y, MANY))
    scaled = clone(scaler).fit_transform(X)
    alone = clone(LEARNERS["SGDClassifier"]).fit(dask_array(scaled, MANY), dask_array(Y, MANY))
    np.testing.assert_allclose(pipe[-1].coef_, alone.coef_, rtol=1e-6, atol=1e-8)
    np.testing.assert_array_equal(pipe.predict(dask_array(X, MANY)).compute(), pipe.predict(X))


def test_missing_and_infinite_rows_in_one_pass(scaler):
    """NaN pass the scaler and not the learner; infinity passes neither."""
    for wrong, says in ((np.nan, "contains NaN"), (np.inf, "infinity in block 4")):
        bad = X.copy()
        bad[-1, 0] = wrong
        pipe = make_pipeline(clone(scaler), clone(LEARNERS["SGDClassifier"]))
        with pytest.raises(ValueError, match=says):
            pipe.fit(dask_array(bad, MANY), dask_array(Y, MANY))


def test_weights_are_no_affair_of_the_scaler(scaler):
    """As with scikit-learn's, whose fit takes none."""
    w = dask_array(np.ones(N), MANY)
    pipe = make_pipeline(clone(scaler), clone(LEARNERS["SGDClassifier"]), schedule="one-pass")
    first = pipe.steps[0][0]
    with pytest.raises(TypeError, match=rf"{first}.* takes no \['sample_weight'\]"):
        pipe.fit(dask_array(X, MANY), dask_array(Y, MANY), **{f"{first}__sample_weight": w})
    pipe.fit(dask_array(X, MANY), dask_array(Y, MANY), sgdclassifier__sample_weight=w)


@pytest.mark.parametrize("scaler", ["0 to 1", "-1 to 1", "magnitude"], indirect=True)
def test_no_scaled_block_is_ever_built(scaler, monkeypatch):
    """In one pass and in predict: the map goes into the products."""
    largest: list[int] = []
    build = affine_map.AffineMap.__call__

    def watched(self, rows):
        largest.append(rows.shape[0])
        return build(self, rows)

    monkeypatch.setattr(affine_map.AffineMap, "__call__", watched)
    rng, n = np.random.default_rng(0), 20_000
    table = rng.normal(size=(2 * n, 20))
    y = da.from_array((table[:, 0] > 0).astype(int), chunks=n)
    given = da.from_array(table, chunks=(n, 20))
    with dask.config.set(scheduler="sync"):
        pipe = make_pipeline(scaler, SGDClassifier("log_loss", classes=[0, 1], random_state=0))
        assert pipe.fit(given, y).score(given, y) > 0.95
    assert max(largest) <= 1


@pytest.mark.parametrize("offset", [0.0, 10.0, 1e8])
@pytest.mark.parametrize("feature_range", [(0, 1), (-1, 1), (2, 7)], ids=str)
def test_folded_predictions_are_those_of_built_rows(feature_range, offset):
    table = X + offset
    scaler = MinMaxScaler(feature_range).fit(table)
    model = SGDRegressor(random_state=0).fit(scaler.transform(table), X[:, 0])
    pipe = make_pipeline(FrozenEstimator(scaler), FrozenEstimator(model))
    for lines in (pipe, make_pipeline(scaler, model)):
        out = lines.predict(dask_array(table, MANY)).compute()
        want = model.predict(scaler.transform(table))
        np.testing.assert_allclose(out, want, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("make", [StandardScaler, MinMaxScaler, MaxAbsScaler])
def test_folding_gives_up_where_coefficients_would_overflow(make):
    table = X * [1, 1e-305, 1, 1]
    if make is not StandardScaler:
        table[:, 2] = 1e-310 * (1 + (np.arange(N) % 2))
    scaler = make().fit(table)
    model = SGDRegressor(random_state=0).fit(scaler.transform(table), X[:, 1])
    model.coef_[1] *= 1e6
    out = make_pipeline(scaler, model).predict(dask_array(table, MANY)).compute()
    np.testing.assert_allclose(out, model.predict(scaler.transform(table)), rtol=1e-9)


@pytest.mark.parametrize("clip", [False, True])
def test_sparse_rows_in_one_pass(clip):
    rng = np.random.default_rng(0)
    dense = np.where(rng.random((N, 6)) < 0.3, rng.normal(size=(N, 6)), 0.0) * [1, 10, 1, 1, 1, 1]
    y = (dense @ [1.0, 0.1, 0, 0, 0, 0] > 0).astype(int)
    lazy = dask_array(dense, MANY, make=sp.csr_array)
    pipe = make_pipeline(
        MaxAbsScaler(clip=clip), SGDClassifier("log_loss", classes=[0, 1], random_state=0)
    )
    pipe.fit(lazy, dask_array(y, MANY))
    np.testing.assert_array_equal(pipe[0].max_abs_, np.abs(dense).max(axis=0))
    out = pipe.predict(lazy).compute()
    np.testing.assert_array_equal(out, pipe.predict(sp.csr_array(dense)))
    assert np.mean(out == y) > 0.8


def test_lazy_frames_of_dask(scaler):
    """The kinds of frames that the matrix of checks makes, once with ``set_output``."""
    table = np.random.default_rng(0).normal(size=(200, 4))
    given = dask_frame(table)
    out = scaler.set_output(transform="pandas").fit(given).transform(given)
    assert isinstance(out, dd.DataFrame)
    np.testing.assert_allclose(out.compute().to_numpy(), known_as(scaler).fit_transform(table))
