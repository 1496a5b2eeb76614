"""Transformers that learn quantiles: as scikit-learn's while all numbers fit, and in one pass."""

from __future__ import annotations

import itertools
from typing import Any

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn import preprocessing as theirs
from sklearn.base import clone

from streamlearn import preprocessing as ours
from streamlearn._arrays import to_numpy
from streamlearn.linear_model import SGDClassifier
from streamlearn.pipeline import make_pipeline
from tests.containers import blocks_of, dask_array

CHUNKS = (30, 0, 1, 69)
MANY = (90, 0, 10, 100, 200)
N = sum(MANY)


def rows(seed=0, missing=False, n=100):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4)) * [1, 1e-3, 1e3, 1] + [0, 1, 50, 0]
    X[:, 3] = rng.integers(0, 4, n)
    if missing:
        X[1:][rng.random((n - 1, 4)) < 0.2] = np.nan
    return X


def known_as(estimator: Any) -> Any:
    """Return scikit-learn's of the same name and parameters."""
    return getattr(theirs, type(estimator).__name__)(**estimator.get_params())


def grid(**values: Any) -> list[dict[str, Any]]:
    """Return all combinations of parameters."""
    return [dict(zip(values, some, strict=True)) for some in itertools.product(*values.values())]


def dense(x: Any) -> np.ndarray:
    """Return an answer, lazy or not, as NumPy's array."""
    parts = [p.toarray() if sp.issparse(p) else np.asarray(to_numpy(p)) for p in parts_of(x)]
    return np.concatenate(parts)


def parts_of(x: Any) -> list[Any]:
    """Return the blocks of an answer; what is in memory is one."""
    return list(blocks_of(x)) if hasattr(x, "to_delayed") else [x]


def chunks_of(n: int, seed: int) -> tuple[int, ...]:
    """Return random lengths of blocks, of which some are 0."""
    ends = np.sort(np.random.default_rng(seed).integers(0, n + 1, 4))
    return tuple(np.diff([0, *ends, n]).tolist())


# RobustScaler


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_robust_as_scikit_learn(dtype, missing, lazy):
    ways = grid(
        with_centering=[True, False],
        with_scaling=[True, False],
        quantile_range=[(25.0, 75.0), (10, 80), (0, 100)],
        unit_variance=[False, True],
    )
    eps = 1e3 * np.finfo(dtype).eps
    for seed, how in enumerate(ways):
        X, held_out = (rows(s, missing=missing).astype(dtype) for s in (seed, 99))
        if how["unit_variance"] and how["quantile_range"] == (0, 100):
            continue  # the distance of all is 0 standard deviations
        chunks = chunks_of(100, seed)
        scaler, known = ours.RobustScaler(**how), theirs.RobustScaler(**how).fit(X)
        scaler.fit(dask_array(X, chunks) if lazy else X)
        for name in ("center_", "scale_"):
            got, want = getattr(scaler, name), getattr(known, name)
            assert (got is None) == (want is None)
            if got is not None:
                np.testing.assert_allclose(got, want, rtol=eps, atol=eps)
                assert got.dtype == dtype
        out = scaler.transform(dask_array(held_out, CHUNKS) if lazy else held_out)
        assert out.dtype == dtype
        want = known.transform(held_out)
        np.testing.assert_allclose(dense(out), want, rtol=eps, atol=1e3 * eps)
        back = scaler.inverse_transform(out)
        np.testing.assert_allclose(dense(back), held_out, rtol=eps, atol=1e3 * eps)


def test_robust_of_sparse_rows():
    X = sp.random_array((200, 5), density=0.4, random_state=0, format="csr") * 10
    known = theirs.RobustScaler(with_centering=False).fit(X)
    lazy = dask_array(X.toarray(), (60, 0, 140), make=sp.csr_array)
    for given in (sp.csc_matrix(X), lazy):
        scaler = ours.RobustScaler(with_centering=False).fit(given)
        np.testing.assert_allclose(scaler.scale_, known.scale_, rtol=1e-14)
        out = scaler.transform(given)
        assert all(sp.issparse(part) for part in parts_of(out))
        np.testing.assert_allclose(dense(out), known.transform(X).toarray(), rtol=1e-14)
        with pytest.raises(ValueError, match="Cannot center sparse"):
            ours.RobustScaler().fit(given)


def test_robust_is_close_beyond_the_room():
    rng = np.random.default_rng(0)
    X = np.stack([rng.standard_cauchy(50_000), np.sort(rng.normal(size=50_000))], axis=1)
    known = theirs.RobustScaler().fit(X)
    for given in (X, dask_array(X, (10_000,) * 5)):
        scaler = ours.RobustScaler().fit(given)
        np.testing.assert_allclose(scaler.center_, known.center_, atol=5e-3)
        np.testing.assert_allclose(scaler.scale_, known.scale_, rtol=5e-3)


# QuantileTransformer


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_distributions_as_scikit_learn(dtype, missing, lazy):
    eps = 1e3 * np.finfo(dtype).eps
    # Of 100 quantiles float64 tells those that are ties but for rounding, and float32 does not.
    numbers = [1, 2, 30, 100 if dtype == "float64" else 80]
    for seed, how in enumerate(
        grid(n_quantiles=numbers, output_distribution=["uniform", "normal"])
    ):
        X, held_out = (rows(s, missing=missing).astype(dtype) for s in (seed, 99))
        held_out[:3] = [[9, 9, 9, 9], [-9, -9, -9, -9], X[0]]
        held_out[3:9, 3] = [0.0, 1.0, 2.0, 3.0, 0.5, 3.5]
        chunks = chunks_of(100, seed)
        scaler = ours.QuantileTransformer(**how).fit(dask_array(X, chunks) if lazy else X)
        known = theirs.QuantileTransformer(**how).fit(X.astype(float))
        np.testing.assert_allclose(scaler.quantiles_, known.quantiles_, rtol=eps, atol=eps / 100)
        np.testing.assert_array_equal(scaler.references_, known.references_)
        assert scaler.n_quantiles_ == known.n_quantiles_
        for Z in (X, held_out):
            out = scaler.transform(dask_array(Z, CHUNKS) if lazy else Z)
            assert out.dtype == dtype
            want = known.transform(Z.astype(float))
            np.testing.assert_allclose(dense(out), want, rtol=eps, atol=10 * eps)
            back = scaler.inverse_transform(dask_array(want, CHUNKS) if lazy else want)
            want = known.inverse_transform(want)
            np.testing.assert_allclose(dense(back), want, rtol=eps, atol=10 * eps)


@pytest.mark.parametrize("distribution", ["uniform", "normal"])
def test_distributions_on_every_backend(distribution, backend):
    if distribution == "normal" and backend.widest == "float32":
        pytest.skip("how near to an end a number counts as being there is rounding in float32")
    X = rows(missing=True)
    how = {"n_quantiles": 50, "output_distribution": distribution}
    known = theirs.QuantileTransformer(**how).fit(X)
    for given in (backend.asarray(X), dask_array(X, CHUNKS, make=backend.asarray)):
        scaler = ours.QuantileTransformer(**how).fit(given)
        backend.check(scaler.quantiles_, backend.widest)
        out = backend.to_numpy(scaler.transform(backend.asarray(X)))
        tolerance = {"rtol": 1e4 * backend.eps, "atol": 1e4 * backend.eps}
        np.testing.assert_allclose(out, known.transform(X), **tolerance)
        back = backend.to_numpy(scaler.inverse_transform(backend.asarray(out)))
        np.testing.assert_allclose(back, known.inverse_transform(out), **tolerance)


@pytest.mark.parametrize("distribution", ["uniform", "normal"])
@pytest.mark.parametrize("ignored", [False, True])
def test_distributions_of_sparse_rows(ignored, distribution):
    X = sp.random_array((200, 5), density=0.4, random_state=0, format="csr") * 10
    X.data[::9] = np.nan
    how = {
        "n_quantiles": 40,
        "ignore_implicit_zeros": ignored,
        "output_distribution": distribution,
        "subsample": None,
    }
    known = theirs.QuantileTransformer(**how).fit(X)
    filled = X.toarray()
    for given in (sp.csc_matrix(X), dask_array(filled, (60, 0, 140), make=sp.csr_array)):
        scaler = ours.QuantileTransformer(**how).fit(given)
        np.testing.assert_allclose(scaler.quantiles_, known.quantiles_, rtol=1e-12, atol=1e-12)
        out = scaler.transform(given)
        assert all(sp.issparse(part) for part in parts_of(out))
        want = known.transform(X).toarray()
        np.testing.assert_allclose(dense(out), want, rtol=1e-9, atol=1e-9)
        back = scaler.inverse_transform(out)
        known_back = known.inverse_transform(known.transform(X)).toarray()
        np.testing.assert_allclose(dense(back), known_back, rtol=1e-9, atol=1e-9)


def test_distributions_and_what_is_wrong():
    X = rows()
    with pytest.warns(UserWarning, match=r"n_quantiles \(1000\) is greater than .* \(100\)"):
        ours.QuantileTransformer().fit(dask_array(X, CHUNKS))
    with pytest.warns(UserWarning, match="takes effect only with sparse matrix"):
        ours.QuantileTransformer(n_quantiles=9, ignore_implicit_zeros=True).fit(X)
    with pytest.raises(ValueError, match="greater than the number of samples used"):
        ours.QuantileTransformer(n_quantiles=20, subsample=10).fit(X)
    scaler = ours.QuantileTransformer(n_quantiles=9)
    with pytest.raises(ValueError, match="only accepts non-negative sparse"):
        scaler.fit(sp.csr_array(X))
    scaler.fit(X)
    with pytest.raises(ValueError, match="only accepts non-negative sparse"):
        scaler.transform(sp.csr_array(X))


def test_distributions_are_better_than_a_subsamples():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100_000, 1)) + np.arange(100_000)[:, None] / 1e4
    scaler = ours.QuantileTransformer().fit(dask_array(X, (10_000,) * 10))
    known = theirs.QuantileTransformer(random_state=0).fit(X)
    ranks = np.argsort(np.argsort(X[:, 0])) / (len(X) - 1)
    wrong = [np.abs(each.transform(X)[:, 0] - ranks).max() for each in (scaler, known)]
    assert wrong[0] < 1e-3
    assert wrong[0] < wrong[1] / 5


# KBinsDiscretizer

METHODS = (
    *("inverted_cdf", "averaged_inverted_cdf", "closest_observation", "linear", "hazen"),
    *("interpolated_inverted_cdf", "weibull", "median_unbiased", "normal_unbiased"),
)
BINS: dict[str, dict[str, Any]] = {
    **{f"quantile, {method}": {"quantile_method": method} for method in METHODS},
    "uniform": {"strategy": "uniform"},
    "k-means": {"strategy": "kmeans"},
    "numbers": {"n_bins": [2, 3, 4, 9], "strategy": "quantile"},
    "numbers, uniform": {"n_bins": np.array([2, 3, 4, 9]), "strategy": "uniform"},
}


def same_edges(ours: Any, known: Any, rtol: float) -> None:
    np.testing.assert_array_equal(ours.n_bins_, known.n_bins_)
    assert ours.bin_edges_.dtype == known.bin_edges_.dtype
    for got, want in zip(ours.bin_edges_, known.bin_edges_, strict=True):
        np.testing.assert_allclose(got, want, rtol=rtol, atol=rtol)


@pytest.mark.complete
@pytest.mark.filterwarnings("ignore:Bins whose width", "ignore:Feature . is constant")
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("how", BINS)
def test_bins_as_scikit_learn(how, weighted):
    params = {"n_bins": 6, "encode": "ordinal", **BINS[how]}
    method = params.get("quantile_method", "averaged_inverted_cdf")
    X, held_out = rows(1), 2 * rows(99)
    if how == "k-means":
        X, held_out = X[:, :3], held_out[:, :3]  # without ties, of which rounding takes its pick
    weight = np.random.default_rng(0).integers(1, 4, 100) / 1.0 if weighted else None
    known, bins = theirs.KBinsDiscretizer(**params), ours.KBinsDiscretizer(**params)
    if weighted and "inverted_cdf" not in method.removeprefix("interpolated_"):
        for each in (known, bins):
            with pytest.raises(ValueError, match="should either be set to 'averaged_inverted"):
                each.fit(X, sample_weight=weight)
        return
    if weighted and method == "interpolated_inverted_cdf":
        return
    known.fit(X, sample_weight=weight)
    chunks = chunks_of(100, len(how))
    for lazy in (False, True):
        given = dask_array(X, chunks) if lazy else X
        w = dask_array(weight, chunks) if lazy and weighted else weight
        bins.fit(given, sample_weight=w)
        # Clusters are sums in another order, and stop at a tolerance.
        same_edges(bins, known, 1e-9)
        out = bins.transform(dask_array(held_out, CHUNKS) if lazy else held_out)
        np.testing.assert_array_equal(dense(out), known.transform(held_out))
        back = bins.inverse_transform(out)
        np.testing.assert_allclose(dense(back), known.inverse_transform(dense(out)), rtol=1e-9)


@pytest.mark.filterwarnings("ignore:Bins whose width")
@pytest.mark.parametrize("encode", ["onehot", "onehot-dense", "ordinal"])
@pytest.mark.parametrize("dtype", [None, np.float32, np.float64])
@pytest.mark.parametrize("given", ["float32", "float64", "int64"])
def test_bins_and_what_comes_out(given, dtype, encode):
    X = (10 * rows(1) * [1, 1000, 1, 1]).astype(given)
    known = theirs.KBinsDiscretizer(4, encode=encode, dtype=dtype).fit(X)
    for lazy in (False, True):
        bins = ours.KBinsDiscretizer(4, encode=encode, dtype=dtype)
        out = bins.fit_transform(dask_array(X, CHUNKS) if lazy else X)
        want = known.transform(X)
        assert out.dtype == want.dtype
        assert all(sp.issparse(part) == sp.issparse(want) for part in parts_of(out))
        assert lazy or isinstance(out, type(want))
        want = want.toarray() if sp.issparse(want) else want
        np.testing.assert_array_equal(dense(out), want)
        back = bins.inverse_transform(out)
        assert back.dtype == out.dtype
        want = known.inverse_transform(known.transform(X))
        np.testing.assert_allclose(dense(back), want, rtol=1e-6)
        assert list(bins.get_feature_names_out()) == list(known.get_feature_names_out())


@pytest.mark.parametrize("encode", ["onehot-dense", "ordinal"])
def test_bins_on_every_backend(encode, backend):
    X = rows(1)
    known = theirs.KBinsDiscretizer(4, encode=encode, strategy="uniform").fit(X)
    want = known.transform(X)
    for given in (backend.asarray(X), dask_array(X, CHUNKS, make=backend.asarray)):
        bins = ours.KBinsDiscretizer(4, encode=encode, strategy="uniform").fit(given)
        out = backend.to_numpy(bins.transform(backend.asarray(X)))
        assert np.mean(out != want) <= (0.01 if backend.widest == "float32" else 0)
        back = backend.to_numpy(bins.inverse_transform(backend.asarray(want)))
        np.testing.assert_allclose(back, known.inverse_transform(want), rtol=1e-3, atol=1e-3)
    if backend.name not in ("numpy", "readonly"):
        bins.set_params(encode="onehot")
        with pytest.raises(ValueError, match="encode='onehot-dense'"):
            bins.fit_transform(backend.asarray(X))


def test_bins_and_what_is_wrong():
    X = rows(1)
    with pytest.raises(ValueError, match="must be a scalar or array of shape"):
        ours.KBinsDiscretizer([2, 3]).fit(X)
    with pytest.raises(ValueError, match=r"at indices 0, 2, 3. Number of bins must be at least 2"):
        ours.KBinsDiscretizer([1, 2, 2.5, -3]).fit(X)
    with pytest.raises(ValueError, match="contains NaN"):
        ours.KBinsDiscretizer().fit(dask_array(rows(missing=True), CHUNKS))
    with pytest.raises(ValueError, match="Negative values in data passed to `sample_weight`"):
        ours.KBinsDiscretizer().fit(X, sample_weight=-np.ones(100))
    X[:, 0] = 3.0
    with pytest.warns(UserWarning, match="Feature 0 is constant"):
        bins = ours.KBinsDiscretizer(2, encode="ordinal", strategy="uniform").fit(X)
    assert np.all(bins.transform(X)[:, 0] == 0)
    with pytest.warns(UserWarning, match="width are too small .* in feature 3 are removed"):
        ours.KBinsDiscretizer(9).fit(rows(1))
    bins = ours.KBinsDiscretizer(3).fit(rows(2)[:, :3])
    with pytest.raises(ValueError, match="expecting 9 features"):
        bins.inverse_transform(np.ones((2, 4)))


def test_bins_hold_as_many_rows_beyond_the_room():
    rng = np.random.default_rng(0)
    X = np.sort(np.exp(3 * rng.normal(size=(50_000, 1))), axis=0)
    bins = ours.KBinsDiscretizer(10, encode="ordinal").fit(dask_array(X, (10_000,) * 5))
    counts = np.bincount(bins.transform(X)[:, 0].astype(int))
    np.testing.assert_allclose(counts, 5000, atol=50)
    clusters = ours.KBinsDiscretizer(5, strategy="kmeans").fit(np.log(X))
    known = theirs.KBinsDiscretizer(5, strategy="kmeans", subsample=None).fit(np.log(X))
    np.testing.assert_allclose(clusters.bin_edges_[0], known.bin_edges_[0], atol=0.05)


# SplineTransformer

GIVEN = np.stack([np.linspace(-1, 1, 5) ** 3 * w for w in (1, 2e-3, 1e3, 2)], axis=1)


@pytest.mark.complete(share=0.3)
@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("extrapolation", ["error", "constant", "linear", "continue", "periodic"])
@pytest.mark.parametrize("degree", [0, 1, 2, 3, 4])
def test_splines_as_scikit_learn(degree, extrapolation, lazy):
    ways = grid(knots=["uniform", "quantile", GIVEN], include_bias=[True, False])
    for seed, how in enumerate(ways):
        how = {**how, "n_knots": 6, "degree": degree, "extrapolation": extrapolation}
        X = rows(seed)
        X[:, 3] += np.random.default_rng(seed).normal(size=100)
        held_out = X if extrapolation == "error" else 1.5 * rows(98)
        if extrapolation == "error" and not isinstance(how["knots"], str):
            held_out = GIVEN
        known, splines = theirs.SplineTransformer(**how).fit(X), ours.SplineTransformer(**how)
        chunks = chunks_of(100, seed)
        splines.fit(dask_array(X, chunks) if lazy else X)
        for a, b in zip(splines.bsplines_, known.bsplines_, strict=True):
            np.testing.assert_allclose(a.t, b.t, rtol=1e-12, atol=1e-12)
            np.testing.assert_array_equal(a.c, b.c)
            assert (a.k, a.extrapolate) == (b.k, b.extrapolate)
        assert splines.n_features_out_ == known.n_features_out_
        assert list(splines.get_feature_names_out()) == list(known.get_feature_names_out())
        out = splines.transform(dask_array(held_out, (len(held_out),)) if lazy else held_out)
        if degree == 0 and extrapolation == "constant":
            assert np.all(dense(out).sum(axis=1) <= 4)  # where scikit-learn fails
            continue
        want = known.transform(held_out)
        if extrapolation == "linear" and degree <= 1:
            # scikit-learn's degree grows from feature to feature.
            each = [
                theirs.SplineTransformer(**{**how, "knots": known_knots(a, degree)})
                .fit(X[:, [j]])
                .transform(held_out[:, [j]])
                for j, a in enumerate(splines.bsplines_)
            ]
            want = np.concatenate(each, axis=1)
        scale = np.maximum(np.abs(want).max(axis=0), 1)
        np.testing.assert_allclose(dense(out) / scale, want / scale, rtol=1e-9, atol=1e-9)


def known_knots(spline: Any, degree: int) -> np.ndarray:
    return spline.t[degree : len(spline.t) - degree, None]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("knots", ["uniform", "quantile"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_splines_with_weights_and_gaps(dtype, knots, weighted):
    X = rows(missing=True).astype(dtype)
    X[:, 3] += X[:, 0]
    weight = np.random.default_rng(0).integers(0, 3, 100).astype(dtype) if weighted else None
    how = {"knots": knots, "handle_missing": "zeros", "extrapolation": "linear"}
    # Of float32 rows with weights scikit-learn makes splines that scipy refuses.
    known = theirs.SplineTransformer(**how).fit(X.astype(float), sample_weight=weight)
    eps = 1e4 * np.finfo(dtype).eps
    for lazy in (False, True):
        w = dask_array(weight, CHUNKS) if weighted and lazy else weight
        given = dask_array(X, CHUNKS) if lazy else X
        splines = ours.SplineTransformer(**how).fit(given, sample_weight=w)
        for a, b in zip(splines.bsplines_, known.bsplines_, strict=True):
            np.testing.assert_allclose(a.t, b.t, rtol=eps, atol=eps)
        out = splines.transform(given)
        assert out.dtype == dtype
        np.testing.assert_allclose(dense(out), known.transform(X), rtol=eps, atol=eps)
        sparse = ours.SplineTransformer(**how, sparse_output=True)
        out = sparse.fit(given, sample_weight=w).transform(given)
        assert all(sp.issparse(part) for part in parts_of(out))
        np.testing.assert_allclose(dense(out), known.transform(X), rtol=eps, atol=eps)


@pytest.mark.parametrize("extrapolation", ["constant", "linear", "continue", "periodic"])
def test_splines_on_every_backend(extrapolation, backend):
    X, held_out = rows(1), rows(98)
    how = {"knots": "quantile", "n_knots": 4, "extrapolation": extrapolation, "degree": 2}
    known = theirs.SplineTransformer(**how).fit(X[:, :3])
    for given in (backend.asarray(X[:, :3]), dask_array(X[:, :3], CHUNKS, make=backend.asarray)):
        splines = ours.SplineTransformer(**how).fit(given)
        out = backend.to_numpy(splines.transform(backend.asarray(held_out[:, :3])))
        want = known.transform(held_out[:, :3])
        scale = np.maximum(np.abs(want).max(axis=0), 1)
        tolerance = 1e5 * backend.eps
        np.testing.assert_allclose(out / scale, want / scale, atol=tolerance)
    if backend.name not in ("numpy", "readonly"):
        for way, says in (
            ({"sparse_output": True}, "sparse_output=False"),
            ({"order": "F"}, "'C'"),
        ):
            with pytest.raises(ValueError, match=says):
                clone(splines).set_params(**way).fit_transform(backend.asarray(X))


def test_splines_and_what_is_wrong():
    X = rows(1)
    for how, says in (
        ({"knots": [[1.0, 2, 3, 4]]}, "must be >= 2"),
        ({"knots": [[1.0], [2.0]]}, "n_features is violated"),
        ({"knots": [[1.0] * 4] * 2}, "sorted without duplicates"),
        ({"extrapolation": "periodic", "n_knots": 3}, "Periodic splines require degree < n_knots"),
    ):
        for lazy in (False, True):
            with pytest.raises(ValueError, match=says):
                ours.SplineTransformer(**how).fit(dask_array(X, CHUNKS) if lazy else X)
    for given in (rows(missing=True), dask_array(rows(missing=True), CHUNKS)):
        with pytest.raises(ValueError, match=r"configured to error .*handle_missing='zeros'"):
            ours.SplineTransformer().fit(given)
    with pytest.raises(ValueError, match="minimum of 2 is required"):
        ours.SplineTransformer().fit(X[:1])
    with pytest.raises(ValueError, match="Negative values in data passed to `sample_weight`"):
        ours.SplineTransformer().fit(X, sample_weight=-np.ones(100))
    splines = ours.SplineTransformer(extrapolation="error").fit(X)
    for given in (2 * X, dask_array(2 * X, CHUNKS)):
        with pytest.raises(ValueError, match="beyond the limits of the knots"):
            parts_of(splines.transform(given))
    assert ours.SplineTransformer(order="F").fit_transform(X).flags.f_contiguous


# All of them

EACH: dict[str, Any] = {
    "RobustScaler": ours.RobustScaler(),
    "QuantileTransformer": ours.QuantileTransformer(n_quantiles=30),
    "QuantileTransformer, normal": ours.QuantileTransformer(
        n_quantiles=80, output_distribution="normal"
    ),
    "KBinsDiscretizer": ours.KBinsDiscretizer([4, 4, 4, 2], encode="ordinal"),
    "KBinsDiscretizer, one-hot": ours.KBinsDiscretizer(3, strategy="uniform"),
    "KBinsDiscretizer, k-means": ours.KBinsDiscretizer(2, encode="onehot-dense", strategy="kmeans"),
    "SplineTransformer": ours.SplineTransformer(),
    "SplineTransformer, quantiles": ours.SplineTransformer(
        4, 2, knots="quantile", extrapolation="periodic", include_bias=False
    ),
}
FITTED = {
    "RobustScaler": ("center_", "scale_"),
    "QuantileTransformer": ("quantiles_", "references_"),
    "KBinsDiscretizer": ("bin_edges_", "n_bins_"),
    "SplineTransformer": ("bsplines_",),
}


@pytest.fixture(params=EACH)
def transformer(request):
    return clone(EACH[request.param])


def published(estimator: Any) -> list[np.ndarray]:
    return [
        np.asarray(to_numpy(part))
        for name in FITTED[type(estimator).__name__]
        for part in flat(getattr(estimator, name))
    ]


def flat(x: Any) -> list[Any]:
    if isinstance(x, list) or getattr(x, "dtype", None) is np.dtype(object):
        return [part for each in x for part in flat(each)]
    return [x.t] if hasattr(x, "t") and hasattr(x, "c") else [x]


def same(one: Any, other: Any, rtol: float = 1e-12) -> None:
    for a, b in zip(published(one), published(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol)


@pytest.mark.filterwarnings("ignore:n_quantiles", "ignore:Feature . is constant")
@pytest.mark.filterwarnings("ignore:Bins whose width")
@pytest.mark.parametrize("pieces", [(100,), (1, 99), (10,) * 10, (50, 3, 47)], ids=str)
def test_partial_fit_of_pieces_is_fit(transformer, pieces):
    X, start = rows(), 0
    whole = clone(transformer).fit(X)
    for i, n in enumerate(pieces):
        piece = X[start : start + n]
        if len(piece) > 1 or not isinstance(transformer, OF_TWO_ROWS):
            transformer.partial_fit(dask_array(piece, (len(piece),)) if i % 2 else piece)
        else:
            transformer.partial_fit(np.concatenate([piece, X[start + n : start + 2 * n]]))
            n += 1
        start += n
    same(transformer, whole)


OF_TWO_ROWS = (ours.SplineTransformer,)
"""Classes whose first rows have to be two, as in scikit-learn."""


def test_in_one_pass_as_alone(transformer):
    """The statistics are those of a fit, answers are lazy, and only bins need a pass beforehand."""
    X = rows(n=N)
    y = np.digitize(X[:, 0] + 0.3 * np.random.default_rng(1).normal(size=N), [-0.7, 0.6])
    reads: list = []
    last = SGDClassifier("log_loss", classes=[0, 1, 2], random_state=0)
    pipe = make_pipeline(clone(transformer), last)
    pipe.fit(dask_array(X, MANY, log=reads), dask_array(y, MANY))
    passes = 2 if hasattr(transformer, "_known_beforehand") else 1
    assert sorted(reads) == sorted(passes * list(range(len(MANY))))
    alone = clone(transformer).fit(X)
    same(pipe[0], alone)
    lazy = pipe.predict(dask_array(X, MANY))
    np.testing.assert_array_equal(lazy.compute(), pipe.predict(X))
    assert np.mean(lazy.compute() == y) > 0.55
    np.testing.assert_array_equal(dense(pipe[0].transform(X)), dense(alone.transform(X)))


def test_behind_another_stage(transformer):
    X = rows(n=N)
    y = (X[:, 0] > 0).astype(int)
    pipe = make_pipeline(
        ours.MaxAbsScaler(), clone(transformer), SGDClassifier(classes=[0, 1], random_state=0)
    )
    pipe.fit(dask_array(X, (N,)), dask_array(y, (N,)))
    alone = clone(transformer).fit(ours.MaxAbsScaler().fit_transform(X))
    same(pipe[1], alone, 1e-9)


def test_names_and_frames(transformer):
    if getattr(transformer, "encode", "") == "onehot":
        transformer.set_params(encode="onehot-dense")
    table = pd.DataFrame(rows(), columns=list("abcd"))
    lazy = dd.from_pandas(table, npartitions=3)
    transformer.fit(lazy)
    known = known_as(transformer).fit(table).set_output(transform="pandas")
    names = list(known.get_feature_names_out())
    assert list(transformer.get_feature_names_out()) == names
    out = transformer.transform(lazy)
    assert list(out.columns) == names
    want = known.transform(table)
    pd.testing.assert_frame_equal(out.compute(), want, rtol=1e-9, atol=1e-9)
    made = transformer.set_output(transform="pandas").transform(table)
    pd.testing.assert_frame_equal(made, want, rtol=1e-9, atol=1e-9)
