"""HuberRegressor: the minimum that scikit-learn's iterations approach."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import optimize
from scipy.sparse import csr_array
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import HuberRegressor as Theirs

from streamlearn.linear_model import HuberRegressor, LinearRegression
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler
from tests.containers import dask_array, dask_frame

RNG = np.random.default_rng(0)
N, D, CHUNKS = 200, 4, (60, 0, 1, 99, 40)
X = RNG.normal(size=(N, D))
W = RNG.integers(0, 3, N) / 2
W[60] = 1.0  # the block of one row
Y = X @ [3.0, -2.0, 0.5, 0.0] + 7 + RNG.normal(size=N)
FAR = RNG.random(N) < 0.1


FEW = np.arange(N) < 8
DATA = {
    "normal": (X, Y),
    "far": (X, np.where(FAR, Y + 100 * RNG.normal(size=N), Y)),
    "a third at 1e6": (X, np.where(RNG.random(N) < 0.3, 1e6, Y)),
    "cauchy": (X, Y + RNG.standard_cauchy(N)),
    "one side": (X, np.exp(Y)),
    "leverage": (np.where(FEW[:, None], 100 * X, X), np.where(FEW, -50, Y)),
    "offset": (X + 1e8, np.where(FAR, 5e8, Y) + 1e8),
    "scales": (X * [1e-6, 1, 1e3, 1e6], 1e-3 * np.where(FAR, Y + 9, Y)),
}


def gradient(model, x, y, w, epsilon, alpha, intercept):
    """Return the derivatives of scikit-learn's objective by coefficients, intercept and scale."""
    coef, level, s = model[:-2], model[-2], model[-1]
    r = y - x @ coef - level
    out = np.abs(r) > epsilon * s
    by_r = w * np.where(out, 2 * epsilon * np.sign(r), 2 * r / s)
    by_s = w * np.where(out, 1 - epsilon**2, 1 - r * r / s**2)
    by_coef = 2 * alpha * coef - by_r @ x
    return np.concatenate([by_coef, [-by_r.sum() if intercept else level, by_s.sum()]]) / len(y)


def converged(x, y, w, *, epsilon=1.35, alpha=0.0, fit_intercept=True):
    """Return scikit-learn's coefficients, intercept and scale, after Newton steps from its end."""
    w = np.ones(len(y)) if w is None else w
    how = {"epsilon": epsilon, "alpha": alpha, "fit_intercept": fit_intercept}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = Theirs(tol=1e-13, max_iter=100_000, **how).fit(x, y, sample_weight=w)
    begin = np.concatenate([model.coef_, [model.intercept_, model.scale_]])
    args = (x, y, w, epsilon, alpha, fit_intercept)
    found = optimize.root(gradient, begin, args, tol=1e-15).x
    assert np.abs(gradient(found, *args)).max() < 1e-11
    np.testing.assert_allclose(found, begin, rtol=0.1, atol=0.1 * np.abs(begin).max())
    return found[:-2], found[-2], found[-1]


@pytest.mark.parametrize("kind", DATA)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_result_is_the_optimum_that_scikit_learn_approaches(kind, weighted):
    x, y = DATA[kind]
    w = W if weighted else None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ours = HuberRegressor(alpha=0).fit(x, y, sample_weight=w)
    centre, unit = x.mean(axis=0), x.std(axis=0)
    level, size = np.median(y), np.median(np.abs(y - np.median(y)))
    coef, intercept, scale = converged((x - centre) / unit, (y - level) / size, w)
    most = max(np.abs(coef).max(), scale)
    assert np.abs(ours.coef_ * unit / size - coef).max() < 1e-7 * most
    assert abs(ours.scale_ / size - scale) < 1e-7 * scale
    z = (x[:9] - centre) / unit
    got, want = (ours.predict(x[:9]) - level) / size, z @ coef + intercept
    np.testing.assert_allclose(got, want, atol=1e-6 * most, rtol=1e-6)
    assert ours.n_reads_ <= 25


@pytest.mark.parametrize("given", [{}, {"epsilon": 1.1}, {"alpha": 30.0}, {"fit_intercept": False}])
def test_parameters_are_scikit_learns(given):
    x, y = DATA["far"]
    ours = HuberRegressor(**given).fit(x, y, W)
    coef, intercept, scale = converged(x, y, W, **{"alpha": 1e-4, **given})
    np.testing.assert_allclose(ours.coef_, coef, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(ours.intercept_, intercept, rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(ours.scale_, scale, rtol=1e-7)
    assert (ours.outliers_ == Theirs(**given, max_iter=1000).fit(x, y, W).outliers_).all()


def test_every_container_and_chunking_has_the_same_result():
    x, y = DATA["far"]
    want = HuberRegressor().fit(x, y, W)
    lazy_y, lazy_w = (dask_array(a, CHUNKS) for a in (y, W))
    parts = [tuple(a[i : i + 90] for a in (x, y, W)) for i in range(0, N, 90)]
    given = {
        "array": (dask_array(x, CHUNKS), lazy_y, lazy_w),
        "frame": (pd.DataFrame(x, columns=list("abcd")), pd.Series(y), W),
        "dask frame": (dask_frame(x, CHUNKS), lazy_y, lazy_w),
        "source": (lambda: iter(parts),),
        "sparse": (csr_array(x), y, W),
    }
    for kind, rows in given.items():
        model = HuberRegressor().fit(*rows)
        np.testing.assert_allclose(model.coef_, want.coef_, rtol=1e-9, err_msg=kind)
        np.testing.assert_allclose(model.scale_, want.scale_, rtol=1e-9)
        if kind == "source":
            assert not hasattr(model, "outliers_")
            continue
        assert hasattr(model.outliers_, "dask") == (kind in ("array", "dask frame"))
        assert (np.asarray(model.outliers_) == want.outliers_).all()
        again = pickle.loads(pickle.dumps(model))
        assert hasattr(again, "outliers_") != hasattr(model.outliers_, "dask")


def test_a_warm_start_is_at_the_end_of_the_last_fit():
    x, y = DATA["cauchy"]
    model = HuberRegressor(warm_start=True, tol=1e-8).fit(x, y)
    first = model.n_reads_
    model.fit(x, y)
    assert model.n_reads_ <= 3 < first
    fresh = HuberRegressor(tol=1e-8).fit(x, y)
    np.testing.assert_allclose(model.coef_, fresh.coef_, rtol=1e-9)


def test_behind_a_scaler_and_rows_of_an_earlier_fit():
    log: list = []
    x, y = DATA["far"]
    x = x * [1, 100, 1, 1e-3] + 5
    pipe = make_pipeline(StandardScaler(), HuberRegressor())
    pipe.fit(dask_array(x, CHUNKS, log=log), dask_array(y, CHUNKS))
    assert len(log) == len(CHUNKS) * pipe[-1].n_reads_
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    np.testing.assert_allclose(pipe[-1].coef_, HuberRegressor().fit(z, y).coef_, rtol=1e-9)
    assert not hasattr(pipe[-1], "outliers_")


def test_without_steps_it_is_least_squares_and_too_few_steps_warn():
    x, y = DATA["far"]
    model = HuberRegressor(max_iter=0, alpha=0).fit(x, y)
    np.testing.assert_allclose(model.coef_, LinearRegression().fit(x, y).coef_, rtol=1e-9)
    assert model.n_iter_ == 0
    with pytest.warns(ConvergenceWarning, match="Increase max_iter"):
        assert HuberRegressor(max_iter=2).fit(x, y).n_iter_ == 2


def test_rows_on_a_plane_have_no_scale():
    y = X @ [1.0, 2.0, 3.0, 4.0] - 5
    for target in (y, np.where(FAR, y + 10, y)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = HuberRegressor(alpha=0).fit(X, target)
        np.testing.assert_allclose(model.coef_, [1, 2, 3, 4], rtol=1e-7)
        assert model.scale_ < 1e-6
    flat = HuberRegressor().fit(X, np.full(N, 3.0))
    assert flat.intercept_ == 3.0
    assert not flat.coef_.any()


def test_float32_rows_and_features_that_depend_on_each_other():
    x, y = DATA["far"]
    single = HuberRegressor().fit(x.astype(np.float32), y.astype(np.float32))
    assert single.coef_.dtype == np.float32
    np.testing.assert_allclose(single.coef_, HuberRegressor().fit(x, y).coef_, rtol=2e-5, atol=1e-5)
    twice = HuberRegressor(alpha=0).fit(np.concatenate([x, x[:, :1]], axis=1), y)
    want = HuberRegressor(alpha=0).fit(x, y).coef_
    np.testing.assert_allclose(twice.coef_[[0, 4]], want[0] / 2, rtol=1e-7)


def test_what_is_refused():
    with pytest.raises(ValueError, match=r"epsilon=1.0 is not supported.*1.01"):
        HuberRegressor(epsilon=1.0).fit(X, Y)
    with pytest.raises(AttributeError) as error:
        HuberRegressor().partial_fit(X, Y)
    assert "SGDRegressor(loss='huber')" in str(error.value.__cause__)
