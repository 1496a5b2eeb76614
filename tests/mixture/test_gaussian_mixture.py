"""GaussianMixture: scikit-learn's model in memory; over blocks each iteration is one pass."""

from __future__ import annotations

import pickle
import re
from typing import Any

import dask.array as da
import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture as Theirs
from threadpoolctl import threadpool_limits

import streamlearn
from streamlearn._arrays import to_numpy
from streamlearn.blocks import bytes_read, from_blocks
from streamlearn.core import mixture
from streamlearn.mixture import GaussianMixture
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler
from tests.containers import dask_array, dask_frame

N, D, K = 500, 3, 3
CHUNKS = (150, 0, 1, 249, 100)
KINDS = ("full", "tied", "diag", "spherical")
LEARNED = ("weights_", "means_", "covariances_", "precisions_", "precisions_cholesky_")
pytestmark = pytest.mark.filterwarnings(
    "ignore:Best performing:sklearn.exceptions.ConvergenceWarning"
)


@pytest.fixture(autouse=True)
def one_thread():
    """Let the threads of BLAS not wait for each other."""
    with threadpool_limits(1):
        yield


def blobs(n: int = N, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows of components that overlap, and their centres."""
    rng = np.random.default_rng(seed)
    centers = 2 * rng.normal(size=(K, D))
    turn = rng.normal(size=(K, D, D)) / 2
    at = rng.integers(0, K, n)
    return centers[at] + np.einsum("nd,nde->ne", rng.normal(size=(n, D)), turn[at]), centers


X, CENTERS = blobs()
GIVEN: dict[str, Any] = {"weights_init": [0.5, 0.3, 0.2], "means_init": CENTERS + 0.5}
PRECISIONS: dict[str, Any] = {
    "full": np.stack([s * np.eye(D) + 0.1 for s in (1, 2, 3)]),
    "tied": np.eye(D) + 0.1,
    "diag": np.outer([1, 2, 3], [1.0, 1.5, 2.0]),
    "spherical": np.asarray([1.0, 2.0, 3.0]),
}


def start(kind: str, offset: float = 0.0) -> dict[str, Any]:
    """A start that is given whole."""
    return {
        **GIVEN,
        "means_init": GIVEN["means_init"] + offset,
        "precisions_init": PRECISIONS[kind],
        "covariance_type": kind,
    }


def assert_like_theirs(ours: GaussianMixture, known: Theirs, tolerance: float = 1e-9) -> None:
    for name in LEARNED:
        want = getattr(known, name)
        got = to_numpy(getattr(ours, name))
        scale = tolerance * np.abs(want).max()
        np.testing.assert_allclose(got, want, rtol=0, atol=scale, err_msg=name)
    assert ours.n_iter_ == known.n_iter_
    assert ours.converged_ == known.converged_
    np.testing.assert_allclose(ours.lower_bounds_, known.lower_bounds_, rtol=tolerance)
    assert ours.lower_bound_ == ours.lower_bounds_[-1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("max_iter", [20, 1])
@pytest.mark.parametrize("blocks", [True, False])
def test_from_a_given_start_the_model_is_theirs(kind, max_iter, blocks):
    given = dict(start(kind), max_iter=max_iter, tol=0.0)
    known = Theirs(K, **given).fit(X)
    rows = dask_array(X, CHUNKS) if blocks else X
    ours = GaussianMixture(K, **given).fit(rows)
    assert_like_theirs(ours, known)
    assert ours.score(rows) == pytest.approx(known.score(X), rel=1e-12)
    assert ours.bic(rows) == pytest.approx(known.bic(X), rel=1e-12)
    assert ours.aic(rows) == pytest.approx(known.aic(X), rel=1e-12)
    np.testing.assert_array_equal(np.asarray(ours.predict(rows)), known.predict(X))
    for method in ("predict_proba", "score_samples"):
        got, want = np.asarray(getattr(ours, method)(rows)), getattr(known, method)(X)
        np.testing.assert_allclose(got, want, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("init", ["random", "kmeans", "k-means++", "random_from_data"])
def test_in_memory_the_draws_are_theirs(kind, init):
    if kind == "tied" and init in ("k-means++", "random_from_data"):
        pytest.skip("scikit-learn begins with sums about zero, ours with reg_covar")
    how = {"covariance_type": kind, "init_params": init}
    given = {**how, "n_init": 2, "random_state": 0, "max_iter": 15}
    known, ours = Theirs(K, **given).fit(X), GaussianMixture(K, **given).fit(X)
    if init not in ("kmeans", "random"):
        # The weights of single rows add up to 1 here, and the first bound is of the first model.
        assert ours.lower_bounds_[0] > known.lower_bounds_[0]
        ours.lower_bounds_[0] = known.lower_bounds_[0]
    assert_like_theirs(ours, known)
    np.testing.assert_array_equal(ours.fit_predict(X), known.fit_predict(X))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("init", ["kmeans", "random", "k-means++", "random_from_data"])
def test_over_blocks_starts_are_drawn_again_alike(kind, init):
    centers = np.asarray([[0.0, 0, 0], [20, 0, 0], [0, 20, 0]])
    rng = np.random.default_rng(0)
    rows = centers[rng.integers(0, 3, 400)] + rng.normal(size=(400, 3))
    known = Theirs(3, covariance_type=kind, max_iter=50, random_state=0).fit(rows)
    lazy = dask_array(rows, (120, 0, 1, 279))
    ours = GaussianMixture(
        3, covariance_type=kind, init_params=init, n_init=3, max_iter=15, tol=1e-9, random_state=0
    ).fit(lazy)
    assert np.all(np.diff(ours.lower_bounds_) > -1e-9)
    if init in ("kmeans", "k-means++"):
        assert ours.score(lazy) == pytest.approx(known.score(rows), rel=1e-6)
    again = GaussianMixture(**ours.get_params()).fit(lazy)
    np.testing.assert_array_equal(again.means_, ours.means_)


@pytest.mark.parametrize("kind", KINDS)
def test_an_offset_moves_the_means_alone(kind):
    grid = np.spacing(1e8)
    rows = np.round(X / grid) * grid
    given = {**start(kind), "max_iter": 10, "tol": 0.0}
    given["means_init"] = np.round(given["means_init"] / grid) * grid
    here = GaussianMixture(K, **given).fit(rows)
    given["means_init"] = given["means_init"] + 1e8
    there = GaussianMixture(K, **given).fit(dask_array(rows + 1e8, CHUNKS))
    np.testing.assert_allclose(there.means_ - 1e8, here.means_, atol=2e-8)
    np.testing.assert_allclose(there.covariances_, here.covariances_, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(there.lower_bounds_, here.lower_bounds_, rtol=1e-7)


def test_an_iteration_is_one_read_for_all_starts():
    lazy = da.from_array(X, chunks=(100, D))
    model = GaussianMixture(K, init_params="random", n_init=4, max_iter=5, tol=0, random_state=0)
    with bytes_read() as found:
        model.fit(lazy)
    assert len(found) == 1 + 5
    with bytes_read() as found:
        GaussianMixture(K, **start("full"), max_iter=3, tol=0).fit(lazy)
    assert len(found) == 3
    with bytes_read() as found:
        model.bic(lazy)
    assert len(found) == 1


def test_every_container_has_the_same_model():
    given = {**start("full"), "max_iter": 8, "tol": 0.0}
    known = GaussianMixture(K, **given).fit(X)
    source = from_blocks(lambda: iter([X[:200], X[200:]]))
    for rows in (dask_array(X, CHUNKS), source, X.astype(np.float32)):
        found = GaussianMixture(K, **given).fit(rows)
        tolerance = 1e-4 if getattr(rows, "dtype", None) == np.float32 else 1e-12
        np.testing.assert_allclose(found.means_, known.means_, rtol=0, atol=tolerance * 10)
        np.testing.assert_allclose(found.covariances_, known.covariances_, atol=tolerance * 10)
    assert found.means_.dtype == np.float32
    framed = GaussianMixture(K, **given).fit(dask_frame(X[:200], (100, 0, 1, 99)))
    assert framed.feature_names_in_.tolist() == ["f0", "f1", "f2"]
    assert framed.n_iter_ == 8


def test_a_model_of_any_library_is_that_of_numpy(backend):
    given = {**start("full"), "max_iter": 5, "tol": 0.0}
    known = GaussianMixture(K, **given).fit(X)
    rows = backend.asarray(X)
    found = GaussianMixture(K, **given).fit(rows)
    loose = 2e4 * backend.eps
    for name in LEARNED:
        got = backend.to_numpy(getattr(found, name))
        np.testing.assert_allclose(got, getattr(known, name), rtol=loose, atol=loose)
    np.testing.assert_array_equal(backend.to_numpy(found.predict(rows)), known.predict(X))
    assert found.score(rows) == pytest.approx(known.score(X), rel=loose)


def test_a_pipeline_over_blocks_fits_the_steps_before_it_first():
    lazy = dask_array(X + 1e6, CHUNKS)
    pipe = make_pipeline(StandardScaler(), GaussianMixture(K, random_state=0)).fit(lazy)
    scaled = StandardScaler().fit(X + 1e6).transform(X + 1e6)
    alone = GaussianMixture(K, random_state=0).fit(dask_array(scaled, CHUNKS))
    assert pipe.score(lazy) == pytest.approx(alone.score(scaled), rel=1e-9)


def test_a_warm_start_continues():
    given = {**start("full"), "tol": 0.0}
    whole = GaussianMixture(K, **given, max_iter=9).fit(X)
    parts = GaussianMixture(K, **given, max_iter=4, warm_start=True).fit(X)
    parts.set_params(max_iter=5).fit(dask_array(X, CHUNKS))
    np.testing.assert_allclose(parts.means_, whole.means_, rtol=1e-12)
    assert parts.lower_bounds_ == pytest.approx(whole.lower_bounds_[4:], rel=1e-12)
    parts.set_params(n_components=2, weights_init=None, means_init=None, precisions_init=None)
    with pytest.raises(ValueError, match=r"warm_start=True begins .* Set warm_start=False"):
        parts.fit(X)


def test_draws_from_the_model_are_theirs():
    for kind in KINDS:
        given = {**start(kind), "max_iter": 3, "random_state": 5}
        (a, b), (c, d) = (cls(K, **given).fit(X).sample(40) for cls in (GaussianMixture, Theirs))
        np.testing.assert_allclose(a, c, rtol=1e-9)
        np.testing.assert_array_equal(b, d)


@pytest.mark.parametrize("max_iter", [0, 2])
def test_what_is_given_of_a_start_replaces_what_is_found(max_iter):
    for some in ({"means_init": CENTERS}, {"precisions_init": PRECISIONS["diag"]}):
        given = dict(some, covariance_type="diag", random_state=0, max_iter=max_iter)
        ours, known = GaussianMixture(K, **given).fit(X), Theirs(K, **given)
        if max_iter or "precisions_init" not in some:  # scikit-learn has no covariances then
            known.fit(X)
            for name in LEARNED:
                np.testing.assert_allclose(getattr(ours, name), getattr(known, name), rtol=1e-9)
        np.testing.assert_allclose(ours.covariances_ * ours.precisions_, 1.0, rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_far_from_zero_float32_rows_have_the_model_of_float64(kind, tmp_path):
    rows = (X / 50 + [1000.0, -5000.0, 3000.0]).astype(np.float32)
    given = {**start(kind), "max_iter": 6, "tol": 0.0}
    given["means_init"] = CENTERS / 50 + [1000.0, -5000.0, 3000.0]
    given["precisions_init"] = 2500 * PRECISIONS[kind]
    wide = rows.astype(np.float64)
    known = GaussianMixture(K, **given).fit(wide)
    found = GaussianMixture(K, **given).fit(dask_array(rows, CHUNKS))
    assert found.means_.dtype == np.float32
    assert np.abs(found.means_ - known.means_).max() > 1e-5
    streamlearn.save(found, tmp_path / "model")
    copies = pickle.loads(pickle.dumps(found)), streamlearn.load(tmp_path / "model")
    for model in (found, *copies, streamlearn.to_namespace(found, "numpy")):
        assert model.score(rows) == pytest.approx(known.score(wide), rel=1e-9)
        np.testing.assert_array_equal(model.predict(rows), known.predict(wide))
        np.testing.assert_allclose(model.predict_proba(rows), known.predict_proba(wide), atol=1e-6)
        got = model.score_samples(rows)
        assert got.dtype == model.predict_proba(rows).dtype == np.float32
        np.testing.assert_allclose(got, known.score_samples(wide), rtol=1e-6)
    found.set_params(warm_start=True, max_iter=1).fit(rows)
    assert found.lower_bound_ == pytest.approx(known.score(wide), rel=1e-9)
    np.testing.assert_array_equal(found.sample(5)[0].dtype, np.float64)


def test_attributes_that_are_set_after_the_fit_are_the_model():
    model, known = (GaussianMixture(K, **start("diag"), max_iter=n).fit(X) for n in (1, 5))
    for name in LEARNED:
        setattr(model, name, getattr(known, name))
    np.testing.assert_array_equal(model.predict_proba(X), known.predict_proba(X))
    again = GaussianMixture(K, covariance_type="diag")
    for name in LEARNED:
        setattr(again, name, getattr(known, name))
    np.testing.assert_array_equal(again.predict_proba(X), known.predict_proba(X))


def test_a_score_holds_the_densities_of_few_rows(monkeypatch):
    model = GaussianMixture(K, **start("full"), max_iter=1).fit(X)
    rows, shapes = np.tile(X, (40, 1)), []
    inner = mixture.responsibilities

    def counted(scores):
        shapes.append(scores.shape)
        return inner(scores)

    monkeypatch.setattr(mixture, "responsibilities", counted)
    assert model.bic(rows) < model.bic(dask_array(rows, (20_000, 0))) + 1e-6
    assert max(shapes)[0] <= 1 << 13
    assert sum(shape[0] for shape in shapes) == 2 * len(rows)


def test_saved_models_come_back(tmp_path):
    model = GaussianMixture(K, random_state=0).fit(dask_array(X, CHUNKS))
    streamlearn.save(model, tmp_path / "model")
    for again in (pickle.loads(pickle.dumps(model)), streamlearn.load(tmp_path / "model")):
        np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
        assert again.lower_bounds_ == model.lower_bounds_


@pytest.mark.parametrize("verbose", [1, 2])
def test_verbose_prints_scikit_learns_lines(verbose, capsys):
    given = {"n_init": 2, "init_params": "random", "random_state": 0, "max_iter": 4}
    lines = []
    for cls in (Theirs, GaussianMixture):
        cls(K, verbose=verbose, verbose_interval=2, tol=0, **given).fit(X)
        lines.append(re.sub(r"[\d.]+s", "s", capsys.readouterr().out))
    assert lines[0] == lines[1]


def test_errors_say_what_is_wrong():
    lazy = dask_array(X, CHUNKS)
    few = dask_array(X[:2], (1, 1))
    with pytest.raises(ValueError, match="n_components = 3, n_samples = 2"):
        GaussianMixture(K).fit(few)
    with pytest.raises(ValueError, match="minimum of 2 is required by GaussianMixture"):
        GaussianMixture().fit(X[:1])
    with pytest.raises(ValueError, match="ill-defined empirical covariance"):
        GaussianMixture(init_params="random", reg_covar=0).fit(np.ones((4, 2)))
    with pytest.raises(ValueError, match=r"shape of \(3, 3\), but got \(3, 2\)"):
        GaussianMixture(K, means_init=CENTERS[:, :2]).fit(lazy)
    with pytest.raises(ValueError, match="under-/overflow"):
        GaussianMixture(init_params="random").fit(X * 1e200)
    bad = X.copy()
    bad[200, 1] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        GaussianMixture(K, **start("full")).fit(dask_array(bad, CHUNKS))
    with pytest.warns(ConvergenceWarning, match="did not converge"):
        GaussianMixture(K, **start("full"), max_iter=1).fit(lazy)
