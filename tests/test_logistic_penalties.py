"""Penalties of logistic regression: against the conditions of a minimum, and liblinear."""

import dask.array as da
import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn import linear_model as theirs
from sklearn.exceptions import ConvergenceWarning

from streamlearn.linear_model import LogisticRegression
from tests.containers import dask_array

RNG = np.random.default_rng(0)
N, D = 300, 7
CHUNKS = (70, 0, 101, 1, 88, 40)
X = RNG.normal(size=(N, D))
ETA = X @ [2.0, -1.0, 0.5, 0.0, 0.0, 1.0, 0.0] + RNG.logistic(size=N)
X[:, 4], X[:, 6] = 2 * X[:, 3], 1.0
X *= 10.0 ** np.arange(-3, 4)
X += [0.1, 0.0, 3.0, 5.0, -9.0, 100.0, 0.0]
W = RNG.integers(0, 4, N) / 2
TARGETS = {2: (ETA > 0).astype(int), 3: np.digitize(ETA, [-1.0, 1.0])}


def excess(model, y, weight, C, l1_ratio, X=X):
    """Return the largest entry of the shortest subgradient, over what it is a difference of."""
    X, w = X.astype(np.longdouble), model.coef_.astype(np.longdouble)
    scores = X @ w.T + model.intercept_
    scores = np.concatenate([0 * scores, scores], axis=1) if len(w) == 1 else scores
    P = np.exp(scores - scores.max(axis=1, keepdims=True))
    P /= P.sum(axis=1, keepdims=True)
    R = ((P - (y[:, None] == model.classes_)) * weight[:, None])[:, -len(w) :]
    G, l1, l2 = R.T @ X, l1_ratio / C, (1 - l1_ratio) / C
    short = np.where(w != 0, np.abs(G + l2 * w + l1 * np.sign(w)), np.maximum(np.abs(G) - l1, 0))
    return float((short / (np.abs(R).T @ np.abs(X))).max()), float(np.abs(R.sum(axis=0)).max())


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("l1_ratio", [1, 0.3])
@pytest.mark.parametrize("K", [3, 2])
@pytest.mark.parametrize("C", [1.0, 0.01, 100.0])
def test_the_minimum_has_no_smaller_neighbour_and_exact_zeros(C, K, l1_ratio, fit_intercept):
    y = TARGETS[K]
    model = LogisticRegression(
        C=C, l1_ratio=l1_ratio, solver="saga", fit_intercept=fit_intercept, tol=1e-9
    )
    model.fit(dask_array(X, CHUNKS), dask_array(y, CHUNKS), sample_weight=dask_array(W, CHUNKS))
    slope, of_intercept = excess(model, y, W, C, l1_ratio)
    assert slope < 1e-12
    assert not fit_intercept or of_intercept < 1e-9
    assert model.n_reads_ <= 14
    if fit_intercept:
        assert (model.coef_[:, 6] == 0).all()  # a constant
    if l1_ratio == 1:  # one of two copies is enough, and the one with larger numbers is cheaper
        assert (model.coef_[:, 3] == 0).all()


@pytest.mark.parametrize("K", [2, 3])
def test_penalty_names_of_scikit_learn_mean_the_same(K):
    y, how = TARGETS[K], {"solver": "saga", "tol": 1e-9}
    for name, l1_ratio, share in (("l1", 1, 1), ("l2", 0, 0), ("elasticnet", 0.5, 0.5)):
        with pytest.warns(FutureWarning, match="'penalty' was deprecated"):
            named = LogisticRegression(name, l1_ratio=l1_ratio, **how).fit(X, y)
        model = LogisticRegression(l1_ratio=share, **how).fit(X, y)
        np.testing.assert_array_equal(named.coef_, model.coef_)


@pytest.mark.parametrize("l1_ratio", [0, 1])
@pytest.mark.parametrize("how", [{}, {"intercept_scaling": 0.5}, {"fit_intercept": False}])
def test_liblinear_penalizes_the_intercept_as_scikit_learn(how, l1_ratio):
    y, rows = TARGETS[2], X[:, [0, 1, 2, 5]] / [1e-3, 1e-2, 1e-1, 1e2]
    how = how | {"solver": "liblinear", "C": 0.5, "l1_ratio": l1_ratio, "class_weight": "balanced"}
    got = LogisticRegression(tol=1e-10, **how)
    got.fit(dask_array(rows, CHUNKS), dask_array(y, CHUNKS), sample_weight=dask_array(W, CHUNKS))
    want = theirs.LogisticRegression(tol=1e-13, max_iter=100_000, **how).fit(rows, y, W)
    np.testing.assert_allclose(got.coef_, want.coef_, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(got.intercept_, want.intercept_, rtol=1e-6, atol=1e-6)


def test_an_intercept_with_a_penalty_is_found_for_features_that_are_copies():
    rows = np.concatenate([X[:, :3], X[:, :2] @ [[1.0], [1.0]] + 4.0], axis=1)
    model = LogisticRegression(solver="liblinear", tol=1e-12).fit(rows, TARGETS[2])
    one = np.concatenate([rows, np.ones((N, 1))], axis=1)
    want = LogisticRegression(fit_intercept=False, tol=1e-12).fit(one, TARGETS[2]).coef_[0]
    np.testing.assert_allclose(np.append(model.coef_, model.intercept_), want, rtol=1e-7)


def test_a_fit_goes_on_from_coefficients_that_are_zero():
    how = {"l1_ratio": 1, "solver": "saga", "tol": 1e-9, "warm_start": True}
    model = LogisticRegression(C=0.01, **how).fit(X, TARGETS[3])
    model.set_params(C=0.05).fit(X, TARGETS[3])
    assert excess(model, TARGETS[3], np.ones(N), 0.05, 1)[0] < 1e-12
    assert (model.coef_ == 0).any()
    with pytest.warns(ConvergenceWarning, match="The max_iter was reached which means the coef_"):
        LogisticRegression(max_iter=1, l1_ratio=1, solver="saga", tol=1e-12).fit(X, TARGETS[3])


def test_sparse_rows_and_single_precision():
    y, S = TARGETS[2], X * (np.abs(X) > np.abs(X).mean(axis=0))
    how = {"l1_ratio": 0.7, "solver": "saga", "tol": 1e-9}
    want = LogisticRegression(**how).fit(S, y)
    np.testing.assert_allclose(LogisticRegression(**how).fit(csr_array(S), y).coef_, want.coef_)
    single = LogisticRegression(**how).fit(S.astype(np.float32), y)
    assert single.coef_.dtype == np.float32
    np.testing.assert_allclose(single.coef_, want.coef_, rtol=1e-4, atol=1e-6)


def test_arrays_of_other_libraries_stay_there(backend):
    y = TARGETS[3]
    model = LogisticRegression(l1_ratio=1, solver="saga").fit(
        backend.asarray(X), backend.asarray(y)
    )
    want = LogisticRegression(l1_ratio=1, solver="saga").fit(X, y).coef_
    rtol = max(1e-6, 1e3 * backend.eps)
    np.testing.assert_allclose(backend.to_numpy(model.coef_), want, rtol=rtol, atol=rtol)


def test_a_penalty_that_is_large_leaves_only_intercepts():
    for y in TARGETS.values():
        model = LogisticRegression(C=1e-6, l1_ratio=1, solver="saga").fit(da.from_array(X), y)
        assert not model.coef_.any()
        share = np.bincount(y) / N
        np.testing.assert_allclose(model.predict_proba(X[:1])[0], share, rtol=1e-9)
