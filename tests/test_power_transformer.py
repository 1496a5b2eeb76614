"""PowerTransformer: as scikit-learn's in a few passes, and right where that is not.

The likelihood itself is compared in tests/core/statistics/test_likelihood.py, and its optimum in
test_likelihood_search.py.
"""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from sklearn import preprocessing as theirs
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator

from streamlearn._arrays import to_numpy
from streamlearn.linear_model import SGDClassifier
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import PowerTransformer, StandardScaler, power_search
from tests.containers import blocks_of, dask_array, dask_frame, frame

N = 500
CHUNKS = (200, 0, 1, 99, 200)
METHODS = ("yeo-johnson", "box-cox")


def rows(method: str = "yeo-johnson", seed: int = 0, *, missing: bool = False) -> np.ndarray:
    rng = np.random.default_rng(seed)
    X = np.stack(
        [
            rng.lognormal(size=N),
            rng.lognormal(0, 2, N) * 1e4,
            rng.exponential(size=N) + 1e-3,
            rng.gamma(3.0, size=N) + 5.0,
            10.0 - np.minimum(rng.exponential(size=N), 9.0),
        ],
        axis=1,
    )
    if method == "yeo-johnson":
        X[:, 2] = rng.normal(size=N)
        X[:, 3] = -X[:, 3]
        X[:, 4] = rng.standard_t(3, N)
    if missing:
        X[1:][rng.random((N - 1, 5)) < 0.2] = np.nan
    return X


def known_as(power: PowerTransformer) -> Any:
    return theirs.PowerTransformer(**power.get_params())


@pytest.fixture(params=METHODS)
def method(request):
    return request.param


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("lazy", [False, True])
def test_as_scikit_learn(method, lazy, missing, standardize):
    X, held_out = (rows(method, seed, missing=missing) for seed in (0, 1))
    power = PowerTransformer(method, standardize=standardize)
    known = known_as(power).fit(X)
    given = dask_array(X, CHUNKS) if lazy else X
    power.fit(given)
    np.testing.assert_allclose(power.lambdas_, known.lambdas_, rtol=0, atol=1e-6)
    for Z in (X, held_out):
        out = np.asarray(power.transform(dask_array(Z, CHUNKS) if lazy else Z))
        want = known.transform(Z)
        scale = 1.0 if standardize else np.nanstd(want, axis=0)
        np.testing.assert_allclose(out / scale, want / scale, rtol=1e-6, atol=1e-6)
        back = np.asarray(power.inverse_transform(dask_array(out, CHUNKS) if lazy else out))
        np.testing.assert_allclose(back, Z, rtol=1e-9, atol=1e-9)
    again = np.asarray(clone(power).fit_transform(given))
    np.testing.assert_array_equal(again, np.asarray(power.transform(given)))


@pytest.mark.parametrize("standardize", [True, False])
def test_every_backend(method, standardize, backend):
    X = rows(method, missing=True)
    known = theirs.PowerTransformer(method, standardize=standardize).fit(X)
    for dtype in backend.float_dtypes:
        given = X.astype(dtype)
        for rows_ in (backend.asarray(given), dask_array(given, CHUNKS, make=backend.asarray)):
            power = PowerTransformer(method, standardize=standardize).fit(rows_)
            backend.check(power.lambdas_, dtype)
            atol = 1e-6 if backend.widest == dtype == "float64" else 2e-4
            np.testing.assert_allclose(to_numpy(power.lambdas_), known.lambdas_, atol=atol)
            out = power.transform(backend.asarray(given))
            backend.check(out, dtype)
            want = known.transform(X)
            scale = np.nanstd(want, axis=0)
            out = backend.to_numpy(out) / scale
            np.testing.assert_allclose(out, want / scale, rtol=10 * atol, atol=10 * atol)
            back = backend.to_numpy(
                power.inverse_transform(power.transform(backend.asarray(given)))
            )
            np.testing.assert_allclose(back, X, rtol=1e3 * np.finfo(dtype).eps, atol=1e-3)


def test_integers_and_dtypes():
    X = np.random.default_rng(0).integers(0, 50, (N, 2))
    power, known = PowerTransformer().fit(X), theirs.PowerTransformer().fit(X)
    np.testing.assert_allclose(power.lambdas_, known.lambdas_, atol=1e-6)
    assert power.lambdas_.dtype == power.transform(X).dtype == np.float64
    narrow = PowerTransformer().fit(X.astype(np.float32))
    assert narrow.lambdas_.dtype == narrow.transform(X.astype(np.float32)).dtype == np.float32
    np.testing.assert_allclose(narrow.lambdas_, known.lambdas_, atol=1e-6)


@pytest.mark.parametrize("chunks", [(N,), (50,) * 10, CHUNKS, (1,) * 20 + (N - 20,)], ids=len)
def test_chunks_make_no_difference(method, chunks):
    X = rows(method, missing=True)
    want, got = (PowerTransformer(method).fit(x) for x in (X, dask_array(X, chunks)))
    np.testing.assert_allclose(got.lambdas_, want.lambdas_, rtol=0, atol=1e-9)
    np.testing.assert_allclose(got.transform(X), want.transform(X), rtol=1e-8, atol=1e-8)


ORDERS = {"as they come": lambda x: x, "sorted": lambda x: np.sort(x, axis=0)}


@pytest.mark.parametrize("order", ORDERS)
def test_a_few_passes_are_enough(method, order):
    rng = np.random.default_rng(0)
    for make in (
        lambda n: rng.lognormal(0, 1, n),
        lambda n: rng.lognormal(0, 3, n),
        lambda n: 1 + rng.pareto(1.1, n),
        lambda n: rng.uniform(0, 1, n) + 1e-9,
        lambda n: 1e6 + rng.lognormal(size=n),
    ):
        X, reads = ORDERS[order](make(10_000)[:, None]), []
        PowerTransformer(method).fit(dask_array(X, (1_000,) * 10, log=reads))
        assert len(reads) <= 6 * 10


def test_heavy_tails_take_a_few_more():
    X, reads = np.random.default_rng(0).standard_cauchy((20_000, 3)), []
    power = PowerTransformer().fit(dask_array(X, (1_000,) * 20, log=reads))
    assert len(reads) <= 8 * 20
    np.testing.assert_allclose(
        power.lambdas_, theirs.PowerTransformer().fit(X).lambdas_, rtol=0, atol=1e-6
    )


def test_the_first_rows_need_not_be_like_the_others(monkeypatch):
    """Nor those that the search begins with: these are not all."""
    X = np.random.default_rng(0).lognormal(size=(N, 1))
    want = PowerTransformer().fit(X).lambdas_
    for pilot in (1, 2, 7):
        monkeypatch.setattr(power_search, "PILOT", pilot)
        np.testing.assert_allclose(PowerTransformer().fit(X).lambdas_, want, rtol=0, atol=1e-8)


def test_constant_features():
    """They become 0, as scikit-learn's; Box and Cox have no lambda for them."""
    X = np.stack([np.full(20, v) for v in (0.0, 1.0, -3.0, 1e8, 0.1)], axis=1)
    for given in (X, dask_array(X, (10, 10))):
        power = PowerTransformer().fit(given)
        np.testing.assert_array_equal(power.lambdas_, np.ones(5))
        np.testing.assert_allclose(np.asarray(power.transform(X)), 0 * X, atol=1e-12)
        np.testing.assert_allclose(power.transform(X + 1), np.ones_like(X), rtol=1e-7)
        np.testing.assert_allclose(power.inverse_transform(0 * X), X)
        with pytest.raises(ValueError, match=r"must not be constant\. Column 1 is"):
            PowerTransformer("box-cox").fit(given[:, 1:] ** 2 + [[1, 0, 0, 0]] * rows_between(20))
    plain = PowerTransformer(standardize=False).fit(X)
    np.testing.assert_allclose(plain.transform(X), X)


def rows_between(n: int) -> np.ndarray:
    return np.linspace(0, 1, n)[:, None]


def test_one_row_and_rows_of_nan():
    power = PowerTransformer().fit([[1.0, -2.0]])
    np.testing.assert_array_equal(power.transform([[1.0, -2.0]]), [[0.0, 0.0]])
    with pytest.raises(ValueError, match=r"all nan\. Column 'f1' is"):
        PowerTransformer().fit(frame(np.asarray([[1.0, np.nan], [2.0, np.nan]]), None))
    X = np.asarray([[np.nan, np.nan], [1.0, 2.0], [4.0, 3.0]])
    out = PowerTransformer().fit_transform(X)
    assert np.all(np.isnan(out[0]))
    np.testing.assert_allclose(out[1:], [[-1, -1], [1, 1]], rtol=1e-6)


def test_lambdas_at_their_bounds():
    """Where the optimum would take numbers out of the floats, as SciPy's."""
    rng = np.random.default_rng(0)
    x = 1000 - rng.lognormal(size=(400, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        known = theirs.PowerTransformer("box-cox", standardize=False).fit(x)
    with pytest.warns(UserWarning, match="would overflow"):
        power = PowerTransformer("box-cox").fit(x)
    np.testing.assert_allclose(power.lambdas_, known.lambdas_, rtol=1e-6)
    out = power.transform(x)
    np.testing.assert_allclose([out.mean(), out.std()], [0, 1], atol=1e-9)
    small = rng.lognormal(size=(400, 1)) * 1e-6
    power, known = (make().fit(small) for make in (PowerTransformer, theirs.PowerTransformer))
    np.testing.assert_allclose(power.lambdas_, known.lambdas_, rtol=1e-4)
    np.testing.assert_allclose(power.transform(small), known.transform(small), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("offset", [0.0, 1e3, 1e6, 1e8])
def test_offsets_do_not_cancel(method, offset):
    """What is known of rows at an offset is known of their unit, too; scikit-learn's cancels."""
    x = 1 + np.random.default_rng(0).lognormal(size=(N, 1))
    given = x + offset if offset == 0 else np.round(x * 2**10) / 2**10 + offset
    power = PowerTransformer(method).fit(given)
    out = power.transform(given)
    np.testing.assert_allclose([out.mean(), out.std()], [0, 1], atol=1e-9)
    np.testing.assert_allclose(power.inverse_transform(out), given, rtol=1e-14)
    assert np.all(np.diff(out[np.argsort(given[:, 0]), 0]) >= 0)


def test_the_inverse_of_what_nothing_becomes_is_nan():
    x = np.random.default_rng(0).lognormal(size=(N, 2))
    for given in (x, dask_array(x, CHUNKS)):
        power = PowerTransformer().fit(given)
        far = np.asarray([[1e3, 0.0]] * 3)
        with pytest.warns(UserWarning, match="Some values in column 0 of the inverse"):
            out = power.inverse_transform(far)
        assert np.all(np.isnan(out[:, 0]))
        assert not np.any(np.isnan(out[:, 1]))


def test_box_cox_refuses_what_is_not_positive():
    X = rows("box-cox")
    power = PowerTransformer("box-cox").fit(X)
    for wrong in (0.0, -1.0):
        bad = X.copy()
        bad[-1, 0] = wrong
        with pytest.raises(ValueError, match="strictly positive"):
            power.transform(bad)
        lazy = power.transform(dask_array(bad, CHUNKS))
        with pytest.raises(ValueError, match="strictly positive"):
            blocks_of(lazy)
        for given in (bad, dask_array(bad, CHUNKS)):
            with pytest.raises(ValueError, match="strictly positive"):
                PowerTransformer("box-cox").fit(given)


def test_sparse_rows_are_refused():
    with pytest.raises(TypeError, match="dense data is required"):
        PowerTransformer().fit(sp.csr_array(rows()))


def test_frames(method):
    table = frame(rows(method), np.arange(N))
    want = theirs.PowerTransformer(method).set_output(transform="pandas").fit_transform(table)
    power = PowerTransformer(method).fit(dd.from_pandas(table, npartitions=3))
    assert list(power.get_feature_names_out()) == list(table.columns)
    out = power.transform(dd.from_pandas(table, npartitions=3))
    pd.testing.assert_frame_equal(out.compute(), want, rtol=1e-6, atol=1e-6)
    made = clone(power).set_output(transform="pandas").fit_transform(table)
    pd.testing.assert_frame_equal(made, want, rtol=1e-6, atol=1e-6)
    polars = clone(power).set_output(transform="polars").fit_transform(pl.from_pandas(table))
    assert isinstance(polars, pl.DataFrame)
    np.testing.assert_allclose(polars.to_numpy(), want.to_numpy(), rtol=1e-6, atol=1e-6)


def test_input_is_never_written(method):
    X = rows(method)
    X.flags.writeable = False
    power = PowerTransformer(method, copy=False).fit(X)
    power.inverse_transform(power.transform(X))


def test_pickles_and_lambdas_that_are_set():
    X = rows()
    power = PowerTransformer().fit(X)
    again = pickle.loads(pickle.dumps(power))
    np.testing.assert_array_equal(again.transform(X), power.transform(X))
    for plain in (PowerTransformer(standardize=False).fit(X), PowerTransformer(standardize=False)):
        plain.lambdas_ = [0.5, 1.0, 0.0, 2.0, -1.0]
        known = theirs.PowerTransformer(standardize=False).fit(X)
        known.lambdas_ = plain.lambdas_
        np.testing.assert_allclose(plain.transform(X), known.transform(X), rtol=1e-12)


# In pipelines

Y = np.digitize(rows()[:, 0], [0.7, 1.5])
LEARNER = SGDClassifier("log_loss", classes=[0, 1, 2], random_state=0)


def test_step_by_step_over_blocks():
    X = rows()
    pipe = make_pipeline(StandardScaler(), PowerTransformer(), clone(LEARNER), schedule="per-step")
    pipe.fit(dask_array(X, CHUNKS), dask_array(Y, CHUNKS))
    known = theirs.PowerTransformer().fit(theirs.StandardScaler().fit_transform(X))
    np.testing.assert_allclose(pipe[1].lambdas_, known.lambdas_, rtol=0, atol=1e-6)
    assert pipe.score(dask_array(X, CHUNKS), dask_array(Y, CHUNKS)) > 0.7


def test_one_pass_takes_a_fitted_one():
    X = rows()
    frozen = FrozenEstimator(PowerTransformer().fit(X))
    named = FrozenEstimator(PowerTransformer().fit(frame(X, None)))
    columns = ColumnTransformer([("p", named, [f"f{j}" for j in range(5)])])
    table = da.from_array(X, chunks=(100, 5))
    for step, given in (
        (frozen, table),
        (columns, dask_frame_of(X)),
    ):
        pipe = make_pipeline(step, clone(LEARNER))
        y = da.from_array(Y, chunks=100) if step is frozen else dask_frame_of(Y)
        assert pipe.fit(given, y).score(given, y) > 0.7


def dask_frame_of(x: np.ndarray) -> Any:
    return dd.from_pandas(frame(x, np.arange(N)), npartitions=5)


def test_dask_frame_with_an_index():
    table = np.abs(np.random.default_rng(0).normal(size=(200, 3))) + 0.1
    out = PowerTransformer("box-cox").fit_transform(dask_frame(table)).compute()
    want = theirs.PowerTransformer("box-cox").fit_transform(table)
    np.testing.assert_allclose(out.to_numpy(), want, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("unit", [1e100, 1e145, 1e153, 1e200, 1e300])
def test_numbers_of_both_signs_in_large_units_are_left_nearly_as_they_are(unit):
    X = np.random.default_rng(0).normal(size=(1000, 1))
    transformer = PowerTransformer().fit(X * unit)
    assert abs(transformer.lambdas_[0] - 1) < 1e-4
    got, plain = transformer.transform(X * unit), (X - X.mean()) / X.std()
    np.testing.assert_allclose(got, plain, atol=0.1)
    np.testing.assert_allclose(transformer.inverse_transform(got) / unit, X, atol=1e-9)
