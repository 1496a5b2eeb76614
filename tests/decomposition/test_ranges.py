"""The randomized range finder: scikit-learn's components in half of the reads."""

from __future__ import annotations

import pickle
from typing import Any
from unittest.mock import patch

import dask.array as da
import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn import decomposition as theirs
from sklearn.base import clone
from sklearn.pipeline import make_union

import streamlearn
from streamlearn.core.statistics import range_sums
from streamlearn.decomposition import PCA, TruncatedSVD, pca, ranges, truncated_svd
from streamlearn.linear_model import LinearRegression
from streamlearn.pipeline import make_pipeline
from streamlearn.pipeline.together import shares
from streamlearn.preprocessing import StandardScaler
from tests.containers import dask_array

N, D = 400, 60
CHUNKS = (150, 0, 1, 149, 100)
RNG = np.random.default_rng(0)
LEFT, RIGHT = (np.linalg.qr(RNG.normal(size=(m, D)))[0] for m in (N, D))


def rows(decay: float = 0.7, offset: float = 5.0) -> np.ndarray:
    """Rows whose variances decay."""
    return (LEFT * np.sqrt(N) * decay ** (np.arange(D) / 2)) @ RIGHT.T + offset


X = rows()
FITTED = ("components_", "explained_variance_", "explained_variance_ratio_", "singular_values_")


def alike(got: Any, want: Any, names: tuple[str, ...] = FITTED, tol: float = 1e-9) -> None:
    for name in names:
        a, b = (np.asarray(getattr(each, name)) for each in (got, want))
        assert a.shape == b.shape, name
        np.testing.assert_allclose(a, b, rtol=0, atol=tol * np.abs(b).max(), err_msg=name)


@pytest.mark.parametrize("power", [1, 3, 0])
@pytest.mark.parametrize("whiten", [False, True])
def test_components_are_those_of_scikit_learns_randomized_solver_in_half_the_reads(power, whiten):
    how = {"svd_solver": "randomized", "iterated_power": power, "whiten": whiten}
    want = theirs.PCA(5, random_state=0, **how).fit(X)
    log: list = []
    got = PCA(5, random_state=0, **how).fit(dask_array(X, CHUNKS, log=log))
    alike(got, want, (*FITTED, "mean_", "noise_variance_"))
    assert got.n_reads_ == power + 1
    assert len(log) == got.n_reads_ * len(CHUNKS)
    np.testing.assert_allclose(got.transform(X), want.transform(X), atol=1e-7)
    np.testing.assert_allclose(got.inverse_transform(got.transform(X)), X, atol=1.0)
    assert got.score(X) == pytest.approx(want.score(X), rel=1e-6) or whiten


def test_auto_takes_two_reads_of_a_collection_and_scikit_learns_in_memory():
    how = {"svd_solver": "randomized", "random_state": 0}
    assert PCA(5, **how).fit(dask_array(X, CHUNKS)).n_reads_ == 2
    for n in (5, 6):
        got, want = PCA(n, **how).fit(X), theirs.PCA(n, **how).fit(X)
        alike(got, want)
        assert got.n_reads_ == (8 if n < 6 else 5)


@pytest.mark.parametrize(("decay", "power", "error"), [(0.8, 1, 1e-2), (0.5, 1, 1e-8)])
def test_components_of_a_spectrum_that_decays_are_nearly_exact(decay, power, error):
    A = rows(decay)
    want = PCA(8, svd_solver="full").fit(A)
    got = PCA(8, svd_solver="randomized", iterated_power=power, random_state=0).fit(A)
    rest = 1 - got.explained_variance_ / want.explained_variance_
    assert np.all(rest > -1e-12)
    assert rest.max() < error
    turned = np.abs(np.sum(got.components_ * want.components_, axis=1))
    assert np.all(1 - turned < 2 * error)


def test_far_from_zero_no_digit_is_lost():
    how = {"svd_solver": "randomized", "iterated_power": 2, "random_state": 0}
    grid = np.spacing(1e8)
    near = np.round(X / grid) * grid
    alike(PCA(5, **how).fit(dask_array(near + 1e8, CHUNKS)), PCA(5, **how).fit(near), tol=1e-9)


@pytest.mark.parametrize("kind", ["dense", "sparse", "sparse blocks"])
def test_truncated_svd_of_many_features_is_scikit_learns(kind, monkeypatch):
    monkeypatch.setattr(truncated_svd, "MANY", 50)
    A = np.where(RNG.random(X.shape) < 0.3, X, 0.0)
    given = {
        "dense": A,
        "sparse": csr_array(A),
        "sparse blocks": da.from_array(A, chunks=(150, D)).map_blocks(csr_array),
    }[kind]
    want = theirs.TruncatedSVD(4, n_iter=3, random_state=0).fit(A)
    got = TruncatedSVD(4, n_iter=3, random_state=0).fit(given)
    alike(got, want, ("components_", "singular_values_"))
    alike(got, want, FITTED[1:3], tol=2e-2)
    assert got.n_reads_ == 4
    exact = TruncatedSVD(4, algorithm="arpack").fit(given)
    assert exact.n_reads_ == 1
    assert np.all(got.singular_values_ <= exact.singular_values_ * (1 + 1e-12))


def test_auto_is_randomized_for_many_features_and_a_number_of_components(monkeypatch):
    monkeypatch.setattr(pca, "MANY", 50)
    assert PCA(5, random_state=0).fit(dask_array(X, CHUNKS)).n_reads_ == 2
    for few in (PCA(0.9), PCA(), PCA(5, svd_solver="full"), PCA(5, svd_solver="covariance_eigh")):
        assert isinstance(few.fit(X)._state, streamlearn.core.statistics.comoments.Comoments)
    exact = PCA(5).partial_fit(X[:200]).partial_fit(X[200:])
    alike(exact, PCA(5, svd_solver="full").fit(X))
    for name in ("partial_fit", "merge"):
        model = PCA(5, random_state=0).fit(X)
        with pytest.raises(TypeError, match=f'{name} reads rows once, .* svd_solver="full"'):
            getattr(model, name)(X if name == "partial_fit" else PCA(5, random_state=0).fit(X))


def test_more_features_than_a_matrix_may_have_need_memory_for_components_alone():
    wide = csr_array((np.ones(300), (np.arange(300) % 30, np.arange(300) * 60)), (30, 18_000))
    model = TruncatedSVD(3, n_iter=1, random_state=0).fit(wide)
    assert model.components_.shape == (3, 18_000)
    assert model._state.products.shape == (18_000, 13)
    np.testing.assert_allclose(model.singular_values_, np.sqrt(10), rtol=1e-6)
    with pytest.raises(ValueError, match="18000 features"):
        TruncatedSVD(3, algorithm="arpack").fit(wide)
    dense = da.random.default_rng(0).normal(size=(40, 6_000), chunks=(20, 6_000))
    assert PCA(2, random_state=0).fit(dense).n_reads_ == 2


def test_a_pipeline_reads_as_often_and_passes_scores_on():
    how = {"svd_solver": "randomized", "random_state": 0}
    y = X @ RNG.normal(size=D)
    pipe = make_pipeline(StandardScaler(), PCA(6, **how), LinearRegression())
    pipe.fit(dask_array(X, CHUNKS), dask_array(y, CHUNKS))
    assert pipe[1].n_reads_ == 2
    alone = PCA(6, iterated_power=1, **how).fit(StandardScaler().fit_transform(X))
    alike(pipe[1], alone, tol=1e-8)


@pytest.mark.parametrize("step", [PCA(2), TruncatedSVD(2), PCA(2, svd_solver="randomized")])
def test_the_range_finder_shares_no_read_with_other_branches(step, monkeypatch):
    """Sums of features times features, which a shared read makes, can exceed the memory."""
    for module in (pca, truncated_svd):
        monkeypatch.setattr(module, "MANY", 50)
    step = clone(step).set_params(random_state=np.random.RandomState(0))
    before = step.random_state.get_state()[1].copy()
    given = dask_array(X, CHUNKS)
    assert not shares(step, given)
    assert shares(step, given[:, :50]) is (step.get_params().get("svd_solver") != "randomized")
    np.testing.assert_array_equal(step.random_state.get_state()[1], before)
    union = make_union(step, PCA(3, svd_solver="full"), TruncatedSVD(2, algorithm="arpack"))
    pipe = make_pipeline(union, LinearRegression())
    pipe.fit(given, dask_array(X[:, 0], CHUNKS))
    found = [type(each._state).__name__ for _, each in pipe[0].transformer_list]
    assert found == ["RangeSums", "Comoments", "Comoments"]


def test_any_library_has_the_same_components(backend):
    how = {"svd_solver": "randomized", "iterated_power": 2, "random_state": 0}
    want = PCA(3, **how).fit(X)
    got = PCA(3, **how).fit(backend.asarray(X))
    for name in FITTED:
        a, b = backend.to_numpy(getattr(got, name)), getattr(want, name)
        np.testing.assert_allclose(a, b, atol=2e3 * backend.eps * np.abs(b).max())
    np.testing.assert_allclose(
        backend.to_numpy(got.transform(backend.asarray(X))), want.transform(X), atol=5e-2
    )


def test_sums_of_parts_are_the_sums_of_all():
    V = RNG.normal(size=(D, 4))
    how = range_sums.learner(V)
    A = X + 1e8
    whole = how.of_block(how.params, A, None)
    exact = A.astype(np.longdouble) - A.astype(np.longdouble).mean(axis=0)
    np.testing.assert_allclose(whole.products, (exact.T @ (exact @ V)).astype(float), rtol=1e-9)
    parts = [how.of_block(how.params, A[a:b], None) for a, b in ((0, 1), (1, 90), (90, N))]
    nothing = how.init(how.params, D, 1, like=A)
    for order in ((0, 1, 2), (2, 0, 1)):
        a, b, c = (parts[i] for i in order)
        for found in (
            how.merge(how.merge(a, b), c),
            how.merge(how.merge(nothing, a), how.merge(b, c)),
        ):
            for got, want in zip(found[2:], whole[2:], strict=True):
                np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-11 * np.abs(want).max())


def test_vectors_are_drawn_once_and_forgotten_after_fit():
    ranges.drawn.cache_clear()
    first = ranges.RandomVectors(0, 4)
    how = range_sums.learner(first)
    parts = [how.of_block(how.params, X[a : a + 100], None) for a in range(0, N, 100)]
    how.merge(how.merge(parts[0], parts[1]), how.merge(parts[2], parts[3]))
    assert ranges.drawn.cache_info().misses == 1
    np.testing.assert_array_equal(first(D), np.random.RandomState(0).normal(size=(D, 4)))
    with pytest.raises(ValueError, match="read-only"):
        first(D)[0, 0] = 1.0
    PCA(3, svd_solver="randomized", random_state=0).fit(X)
    assert ranges.drawn.cache_info().currsize == 0


@pytest.mark.parametrize(("n", "d", "calls"), [(700, 700, 1), (1_500, 700, 3), (0, 30, 0)])
def test_dense_sums_are_made_once_for_as_many_sparse_rows_as_features(n, d, calls):
    rng = np.random.default_rng(0)
    A = csr_array(np.where(rng.random((n, d)) < 0.5, rng.normal(size=(n, d)), 0.0))
    V = rng.normal(size=(d, 3))
    how = range_sums.learner(V)
    with patch.object(range_sums, "_of_sparse", wraps=range_sums._of_sparse) as sums:
        got = how.of_block(how.params, A, None)
    assert sums.call_count == calls
    centred = A.toarray() - (A.sum(axis=0) / max(n, 1))
    want = centred.T @ (centred @ V)
    np.testing.assert_allclose(got.products, want, atol=1e-11 * np.abs(want).max(initial=0))


@pytest.mark.parametrize("power", [0, 2])
def test_components_are_computed_after_the_last_read_alone(power):
    with patch.object(ranges, "decomposed", wraps=ranges.decomposed) as decomposed:
        model = PCA(3, svd_solver="randomized", iterated_power=power, random_state=0).fit(X)
    assert decomposed.call_count == 1
    assert model.n_reads_ == power + 1


def test_saved_models_come_back(tmp_path):
    model = PCA(3, svd_solver="randomized", random_state=0).fit(dask_array(X, CHUNKS))
    streamlearn.save(model, tmp_path / "model")
    for again in (pickle.loads(pickle.dumps(model)), streamlearn.load(tmp_path / "model")):
        np.testing.assert_array_equal(again.transform(X), model.transform(X))


def test_rows_that_are_all_the_same_have_no_variance():
    model = PCA(2, svd_solver="randomized", random_state=0).fit(np.full((9, 4), 1e8 / 3))
    np.testing.assert_array_equal(model.explained_variance_, 0.0)
    with patch.object(pca, "MANY", 1):
        few = PCA(2, random_state=0).fit(X[:3])
    alike(few, PCA(2, svd_solver="full").fit(X[:3]), FITTED[1:], tol=1e-9)


def test_errors_say_what_to_do():
    for how, says in (
        ({"n_components": 0.5}, "Set n_components to a number, or svd_solver='full'"),
        ({"n_components": "mle"}, "Set n_components to a number"),
        ({"n_components": 0}, "Set n_components to a number above 0"),
        ({"n_components": D + 1}, f"Set n_components={D} or less"),
    ):
        with pytest.raises(ValueError, match=says):
            PCA(svd_solver="randomized", **how).fit(X)


@pytest.mark.parametrize("model", [PCA(2, svd_solver="randomized"), TruncatedSVD(2)])
@pytest.mark.filterwarnings("error")
def test_products_that_overflow_are_an_error_without_warnings(model, monkeypatch):
    monkeypatch.setattr(truncated_svd, "MANY", 50)
    model = clone(model).set_params(random_state=0)
    with pytest.raises(ValueError, match="Scale X, for example with StandardScaler"):
        model.fit(X * 1e153)
    model.fit(StandardScaler().fit_transform(X * 1e153))
