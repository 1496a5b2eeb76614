"""PCA, IncrementalPCA and TruncatedSVD: scikit-learn's results, and those of more digits."""

from functools import partial, reduce
from itertools import pairwise
from typing import Any

import array_api_strict
import dask.array as da
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn import decomposition as theirs

from streamlearn.blocks import from_blocks
from streamlearn.compose import make_column_transformer
from streamlearn.decomposition import PCA, IncrementalPCA, TruncatedSVD, spectrum
from streamlearn.linear_model import LinearRegression, SGDClassifier
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler

N, D = 120, 5
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, D)) @ RNG.normal(size=(D, D)) + [3, 0, -5, 1, 100]
Q = np.linalg.qr(RNG.normal(size=(D, D)))[0]
FITTED = ("components_", "explained_variance_", "explained_variance_ratio_", "singular_values_")
OF_PCA = (*FITTED, "mean_", "noise_variance_", "n_components_", "n_samples_")


def blocks(X: Any, edges: tuple[int, ...] = (0, 1, 1, 40, 100, N)) -> list[Any]:
    return [X[a:b] for a, b in pairwise(edges)]


def lazy(X: np.ndarray) -> da.Array:
    return da.concatenate([da.from_array(part, chunks=-1) for part in blocks(X)])


def alike(got: Any, want: Any, names: tuple[str, ...] = FITTED, tol: float = 1e-9) -> None:
    for name in names:
        a, b = (np.asarray(getattr(each, name)) for each in (got, want))
        assert a.shape == b.shape, name
        np.testing.assert_allclose(
            a, b, rtol=tol, atol=tol * np.abs(b).max(initial=0), err_msg=name
        )


def decomposed(X: np.ndarray, *, centred: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Return singular values and directions by Jacobi rotations of rows in extended precision."""
    A = X.astype(np.longdouble)
    A = A - A.mean(axis=0) if centred else A.copy()
    V = np.eye(A.shape[1], dtype=np.longdouble)
    for _ in range(30):
        for i in range(A.shape[1]):
            for j in range(i):
                a, b, c = A[:, i] @ A[:, i], A[:, j] @ A[:, j], A[:, i] @ A[:, j]
                if c == 0:
                    continue
                z = (b - a) / (2 * c)
                t = (1 if z >= 0 else -1) / (abs(z) + np.sqrt(1 + z * z))
                cos = 1 / np.sqrt(1 + t * t)
                turn = np.asarray([[cos, cos * t], [-cos * t, cos]])
                A[:, [i, j]], V[:, [i, j]] = A[:, [i, j]] @ turn, V[:, [i, j]] @ turn
    values = np.sqrt((A * A).sum(axis=0))
    order = np.argsort(-values)
    directions = V[:, order].T
    at = np.argmax(np.abs(directions), axis=1)
    return values[order], directions * np.sign(directions[np.arange(len(at)), at])[:, None]


@pytest.mark.parametrize("n_components", [0.9, "mle", 2, None, 0, 1, 0.5, D])
@pytest.mark.parametrize("whiten", [False, True])
def test_pca_is_that_of_scikit_learn(n_components, whiten):
    got = PCA(n_components, whiten=whiten).fit(lazy(X))
    want = theirs.PCA(n_components, whiten=whiten, svd_solver="full").fit(X)
    alike(got, want, OF_PCA)
    scores = want.transform(X)
    np.testing.assert_allclose(got.transform(lazy(X)).compute(), scores, rtol=1e-9, atol=1e-9)
    if n_components != 0:
        back = got.inverse_transform(da.from_array(scores, chunks=(50, -1))).compute()
        np.testing.assert_allclose(back, want.inverse_transform(scores), rtol=1e-9)
        assert list(got.get_feature_names_out()) == list(want.get_feature_names_out())


@pytest.mark.parametrize("n_components", [2, None])
def test_the_solver_arpack_is_that_of_scikit_learn(n_components):
    for rows in (X, X[:3]):
        want = theirs.PCA(n_components, svd_solver="arpack", random_state=0).fit(rows)
        alike(PCA(n_components, svd_solver="arpack").fit(lazy(rows)), want)


@pytest.mark.parametrize("n_components", [2, D, 0])
def test_covariance_precision_and_likelihood_are_those_of_scikit_learn(n_components):
    got, want = (kind(n_components).fit(X) for kind in (PCA, theirs.PCA))
    np.testing.assert_allclose(got.get_covariance(), want.get_covariance(), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(got.get_precision(), want.get_precision(), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(got.score_samples(lazy(X)).compute(), want.score_samples(X))
    np.testing.assert_allclose(got.score_samples(csr_array(X)), want.score_samples(X))
    for given in (X, lazy(X), csr_array(X), from_blocks(lambda: blocks(X))):
        np.testing.assert_allclose(got.score(given), want.score(X), rtol=1e-12)
    whitened = PCA(n_components, whiten=True).fit(X)
    np.testing.assert_array_equal(whitened.get_covariance(), got.get_covariance())


ILL = {
    "offset 1e8": RNG.normal(size=(N, D)) * [1, 2, 3, 4, 5] + 1e8,
    "scales over ten orders": RNG.normal(size=(N, D)) * np.logspace(0, -10, D) + 1,
    "nearly dependent": RNG.normal(size=(N, D)) * np.logspace(0, -4, D) @ Q,
    "nearly dependent, far off": RNG.normal(size=(N, D)) * np.logspace(0, -5, D) @ Q + 10,
    "both": (RNG.normal(size=(N, D)) * np.logspace(0, -4, D) @ Q) * np.logspace(3, -3, D),
    "beyond squares": RNG.normal(size=(N, D)) * np.logspace(0, 150, D),
    "a constant": np.concatenate([X[:, 1:], np.full((N, 1), 1e8)], axis=1),
}


@pytest.mark.parametrize("name", ILL)
def test_ill_conditioned_rows_lose_no_digit_that_counts(name):
    rows = ILL[name]
    values, directions = decomposed(rows)
    got = PCA().fit(lazy(rows))
    seen = values > 1e-12 * values[0]
    np.testing.assert_allclose(got.singular_values_[seen], values.astype(float)[seen], rtol=1e-9)
    known = directions.astype(float)
    np.testing.assert_allclose(got.components_[seen], known[seen], atol=1e-9)
    assert got.n_reads_ == (2 if name.startswith(("nearly", "both")) else 1)
    one = PCA(svd_solver="covariance_eigh").fit(lazy(rows))
    assert one.n_reads_ == 1


def test_a_second_read_is_left_out_if_no_small_component_counts():
    rows = ILL["nearly dependent, far off"]
    got = PCA(2).fit(rows)
    assert got.n_reads_ == PCA(D).fit(rows.astype(np.float32)).n_reads_ == 1
    alike(got, theirs.PCA(2, svd_solver="full").fit(rows), (*FITTED, "noise_variance_"))


@pytest.mark.parametrize("kind", [PCA, IncrementalPCA, TruncatedSVD])
def test_more_rows_later_merged_rows_and_all_rows_are_the_same(kind):
    whole, later = kind(2).fit(X), kind(2)
    for part in blocks(X, (0, 1, 2, 40, N)):
        later.partial_fit(part)
    parts = [kind(2).partial_fit(part) for part in blocks(X, (0, 1, 7, N))]
    merged = reduce(lambda a, b: a.merge(b), parts)
    streamed = kind(2).fit(from_blocks(lambda: blocks(X)))
    for each in (later, merged, streamed, kind(2).fit(csr_array(X))):
        alike(each, whole, tol=1e-11)
        np.testing.assert_allclose(each.transform(X), whole.transform(X), rtol=1e-10, atol=1e-10)


def test_incremental_pca_is_pca():
    got, want = IncrementalPCA(3).fit(lazy(X)), theirs.PCA(3).fit(X)
    alike(got, want, (*FITTED, "mean_", "noise_variance_"))
    np.testing.assert_allclose(got.var_, X.var(axis=0), rtol=1e-13)
    assert (got.n_samples_seen_, got.batch_size_) == (N, 5 * D)


@pytest.mark.parametrize("sparse", [False, True])
def test_truncated_svd_is_that_of_scikit_learn(sparse):
    rows = X * (RNG.random(X.shape) < 0.4)
    rows = csr_array(rows) if sparse else rows
    got = TruncatedSVD(3).fit(rows)
    want = theirs.TruncatedSVD(3, algorithm="arpack", random_state=0).fit(rows)
    alike(got, want)
    np.testing.assert_allclose(got.transform(rows), want.transform(rows), rtol=1e-9, atol=1e-9)


def test_truncated_svd_of_scales_over_orders_keeps_all_digits():
    rows = RNG.normal(size=(N, D)) * np.logspace(0, -9, D) + np.logspace(2, -7, D)
    values, directions = decomposed(rows, centred=False)
    got = TruncatedSVD(D).fit(rows)
    np.testing.assert_allclose(got.singular_values_, values.astype(float), rtol=1e-10)
    np.testing.assert_allclose(got.components_, directions.astype(float), atol=1e-10)


@pytest.mark.parametrize("kind", [PCA, TruncatedSVD])
def test_few_of_many_features_are_found_without_the_others(kind, monkeypatch):
    monkeypatch.setattr(spectrum, "PARTLY", 20)
    rows = RNG.normal(size=(90, 30)) * np.linspace(3, 1, 30)
    names = FITTED if kind is TruncatedSVD else (*FITTED, "noise_variance_")
    how = {"algorithm": "arpack"} if kind is TruncatedSVD else {"svd_solver": "full"}
    want = getattr(theirs, kind.__name__)(4, **how).fit(rows)
    alike(kind(4).fit(rows), want, names)


@pytest.mark.parametrize("shape", [(4, 9), (2, 3), (9, 1)])
def test_fewer_rows_than_features(shape):
    rows = RNG.normal(size=shape)
    got, want = PCA().fit(rows), theirs.PCA(svd_solver="full").fit(rows)
    alike(got, want, ("singular_values_", "explained_variance_ratio_", "noise_variance_"))
    seen = want.singular_values_ > 1e-9
    np.testing.assert_allclose(got.components_[seen], want.components_[seen], atol=1e-10)


def test_few_rows_in_partial_fit_have_as_many_components_as_rows():
    pca = PCA(3)
    widths = [pca.partial_fit(part).n_components_ for part in blocks(X, (0, 1, 2, 9))]
    assert widths == [1, 2, 3]


def test_float32_rows_have_float32_components_of_wide_sums():
    rows = (X + 1e4).astype(np.float32)
    got = PCA(2).fit(rows)
    want = theirs.PCA(2).fit(rows.astype(float))
    assert got.components_.dtype == got.transform(rows).dtype == np.float32
    alike(got, want, tol=1e-6)
    np.testing.assert_allclose(got.transform(rows), want.transform(rows.astype(float)), atol=1e-3)


def test_arrays_of_other_libraries_stay_there():
    rows = array_api_strict.asarray(X)
    for model in (PCA(2, whiten=True), TruncatedSVD(2)):
        want = type(model)(**model.get_params()).fit(X)
        got = model.fit(rows)
        scores = got.transform(rows)
        assert type(got.components_) is type(scores) is type(rows)
        np.testing.assert_allclose(np.asarray(scores), want.transform(X), atol=1e-10)
        back = got.inverse_transform(scores)
        np.testing.assert_allclose(np.asarray(back), want.inverse_transform(want.transform(X)))
    assert PCA(2).fit(rows).score(rows) == pytest.approx(PCA(2).fit(X).score(X))


def test_frames_come_out_as_frames():
    dd = pytest.importorskip("dask.dataframe")
    table = pd.DataFrame(X, columns=list("abcde"))
    frame = dd.from_pandas(table, npartitions=3)
    pca = PCA(2).fit(frame)
    out = pca.transform(frame)
    assert list(out.columns) == ["pca0", "pca1"]
    back = pca.inverse_transform(out)
    assert list(back.columns) == list("abcde")
    want = theirs.PCA(2).fit(table.to_numpy())
    scores = want.transform(table.to_numpy())
    np.testing.assert_allclose(out.compute(), scores, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(back.compute(), want.inverse_transform(scores), rtol=1e-9)
    named = pca.set_output(transform="pandas").transform(table)
    assert list(named.columns) == ["pca0", "pca1"]


def test_behind_steps_and_before_learners_in_a_column_transformer():
    y = (X[:, 0] > 3).astype(int)
    steps = make_column_transformer(
        (make_pipeline(StandardScaler(), PCA(0.8)), [0, 1, 2]), (TruncatedSVD(1), [3, 4])
    )
    table = da.from_array(X, chunks=(30, D))
    one = make_pipeline(steps, SGDClassifier("log_loss", classes=[0, 1], random_state=0))
    one.fit(table, da.from_array(y, chunks=30))
    scaled = StandardScaler().fit_transform(X[:, :3])
    want = [theirs.PCA(0.8, svd_solver="full").fit_transform(scaled)]
    want.append(theirs.TruncatedSVD(1, algorithm="arpack").fit_transform(X[:, 3:]))
    got = np.asarray(one[:-1].transform(X))
    np.testing.assert_allclose(got, np.concatenate(want, axis=1), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("n_components", [2, 0.7, None])
def test_before_an_exact_learner_of_blocks(n_components):
    y = X @ np.arange(1.0, D + 1)
    pipe = make_pipeline(PCA(n_components), LinearRegression())
    pipe.fit(lazy(X), lazy(y[:, None])[:, 0])
    scores = theirs.PCA(n_components, svd_solver="full").fit_transform(X)
    want = LinearRegression().fit(scores, y).coef_
    np.testing.assert_allclose(pipe[-1].coef_, want, rtol=1e-9, atol=1e-9)


ERRORS = {
    "a solver": (partial(PCA, D, svd_solver="arpack"), X, "n_components=4 or less"),
    "features": (partial(PCA, D + 1), X, "n_components=5 or less"),
    "rows": (partial(PCA, 4), X[:3], "partial_fit"),
    "one row": (PCA, X[:1], "one row has no variance"),
    "likelihood": (partial(PCA, "mle"), X[:3], "a number or a share"),
    "singular vectors": (partial(TruncatedSVD, D + 1), X, "n_components=5 or less"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_say_what_to_do(name):
    kind, rows, advice = ERRORS[name]
    for given in (rows, da.from_array(rows, chunks=(2, -1))):
        model = kind()
        with pytest.raises(ValueError, match=advice):
            model.fit(given)
        assert not hasattr(model, "components_")


def test_a_direction_without_variance_has_that_of_rounding():
    rows = np.concatenate([X, X[:, :1] - X[:, 1:2]], axis=1)
    pca = PCA().fit(rows)
    assert pca.explained_variance_[-1] == 0
    least = pca.explained_variance_[0] * np.finfo(float).eps
    variance = np.append(pca.explained_variance_[:-1], least)
    want = (pca.components_.T / variance) @ pca.components_
    np.testing.assert_allclose(pca.get_precision(), want, rtol=1e-10)
    assert pca.score(rows) > PCA(3).fit(rows).score(rows)
    with pytest.raises(ValueError, match="Fit it to rows that differ"):
        PCA().fit(np.ones((9, 2))).score(np.ones((9, 2)))
