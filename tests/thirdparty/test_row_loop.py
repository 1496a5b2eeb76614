"""scikit-learn's loop gives the results of the sweeps of `core.linear.rowwise`."""

from __future__ import annotations

import itertools

import array_api_strict
import numpy as np
import pytest
from scipy import sparse as sp
from sklearn import linear_model as theirs
from sklearn.base import is_classifier

from streamlearn._thirdparty import row_loop
from streamlearn.core.learner import Batch
from streamlearn.core.linear import rowwise
from streamlearn.core.linear.losses import MARGIN_LOSSES, SKLEARN_LOSSES
from streamlearn.core.linear.rates import RATES
from streamlearn.core.linear.row_step import PASSIVE
from streamlearn.core.linear.sgd import Params
from streamlearn.core.rows import Affine
from streamlearn.linear_model import (
    PassiveAggressiveClassifier,
    Perceptron,
    SGDClassifier,
    SGDRegressor,
)
from tests.containers import dask_array

VALUE_LOSSES = [name for name in SKLEARN_LOSSES if name not in MARGIN_LOSSES]
MODELS = ("coef", "intercept", "mean_coef", "mean_intercept")
CHUNKS = (40, 1, 49)
CELLS = [
    (loss, rate)
    for loss, rate in itertools.product(SKLEARN_LOSSES, (*RATES, *PASSIVE))
    if rate in RATES or loss in ("hinge", "epsilon_insensitive")
]


def table(n=90, d=4, n_classes=3):
    rng = np.random.default_rng(0)
    X = np.where(rng.random((n, d)) < 0.3, 0.0, 0.5 * rng.normal(size=(n, d)) + 0.2)
    X[[0, 30, 66]] = 0.0
    values = X @ rng.normal(size=d) + 0.3 * rng.normal(size=n)
    codes = np.searchsorted(np.quantile(values, np.linspace(0, 1, n_classes + 1)[1:-1]), values)
    return X, values, codes, rng.uniform(0.1, 2.0, size=n)


def run(learner, X, target, weight, K, sizes=CHUNKS):
    """Learn in batches of these sizes, one after the other."""
    state, start, infos = learner.init(learner.params, X.shape[1], K, like=X), 0, []
    for n in sizes:
        at = slice(start, start + n)
        part = Batch(X[at], target[at], None if weight is None else weight[at], start)
        state, info = learner.update(learner.params, state, part)
        infos.append(info)
        start += n
    return state, infos


def params_of(loss, rate, **how):
    fixed = {"alpha": 0.5, "eta0": 0.01, "power_t": 0.3, "epsilon": 0.05}
    return Params(loss=loss, learning_rate=rate, **fixed, **how)


@pytest.mark.parametrize(("loss", "rate"), CELLS)
def test_the_loop_gives_what_the_sweeps_give(loss, rate):
    dense, values, codes, rows = table()
    if loss == "perceptron":
        dense[dense.any(axis=1) == 0] = 0.1  # the score of a row of zeros is 0 up to rounding
    kinds = [("values", 1)] if loss in VALUE_LOSSES else []
    if rate not in PASSIVE or loss == "hinge":
        kinds += [("classes", 1), ("classes", 3)]
    cells = itertools.product(
        kinds, (None, "l2"), (0, 1, 50), (True, False), (None, rows), ("f8", "f4"),
        (np.asarray, sp.csr_array),
    )  # fmt: skip
    some = itertools.islice(cells, CELLS.index((loss, rate)) % 5, None, 5)
    for (kind, K), penalty, average, intercept, weight, dtype, make in some:
        positive = np.array([0.5, 2.0, 1.25]) if K == 3 else 0.5
        how = {"kind": kind, "penalty": penalty, "average": average, "fit_intercept": intercept}
        if kind == "classes":
            how["positive_weight"] = positive
        params = params_of(loss, rate, **how)
        X = make(dense.astype(dtype))
        target = values if kind == "values" else codes if K == 3 else np.minimum(codes, 1)
        sweeps = rowwise.learner(params)
        want, _ = run(sweeps, X, target, weight, K)
        got, _ = run(row_loop.looped(sweeps), X, target, weight, K)
        for name in MODELS:
            a, b = getattr(got, name), getattr(want, name)
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12, err_msg=f"{name} {params}")
        for a, b in zip(rowwise.answer(params, got), rowwise.answer(params, want), strict=True):
            assert a.dtype == b.dtype == X.dtype


def a_case(**how):
    X, _, codes, rows = table()
    params = params_of("log_loss", "constant", **how)
    return params, rowwise.init(params, 4, 3, like=X), Batch(X, codes, rows)


def test_a_step_changes_nothing_that_it_is_given():
    params, state, batch = a_case(average=20)
    state, _ = row_loop.update(params, state, batch)
    before = [np.array(getattr(state, name)) for name in MODELS]
    for part in (*batch[:3], *(getattr(state, name) for name in MODELS)):
        part.flags.writeable = False
    again, _ = row_loop.update(params, state, batch._replace(seen=90))
    row_loop.OneCall((3,), None, True, 0, "")(params, state, batch._replace(seen=90))
    for name, old in zip(MODELS, before, strict=True):
        np.testing.assert_array_equal(getattr(state, name), old)
        assert np.any(getattr(again, name) != old)


def test_numpys_own_random_numbers_stay():
    params, state, batch = a_case()
    np.random.seed(5)  # noqa: NPY002
    want = np.random.random_sample()  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    row_loop.update(params, state, batch)
    row_loop.OneCall((3,), {"max_iter": 2, "tol": None}, True, 0, "")(params, state, batch)
    assert np.random.random_sample() == want  # noqa: NPY002


@pytest.mark.parametrize("make", [np.asfortranarray, sp.csr_array])
def test_rows_in_other_layouts(make):
    params, state, batch = a_case()
    want, _ = row_loop.update(params, state, batch)
    X = make(batch.X)
    if sp.issparse(X):
        params = params._replace(fit_intercept=False)
        want, _ = row_loop.update(params, state, batch)
        X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    got, _ = row_loop.update(params, state, batch._replace(X=X))
    np.testing.assert_allclose(got.coef, want.coef, rtol=1e-12)


def test_rows_that_are_not_built_are_built():
    params, state, batch = a_case()
    centre, scale = np.array([1.0, -2.0, 0.0, 3.0]), np.array([0.5, 2.0, 1.0, 4.0])
    want, _ = row_loop.update(params, state, batch._replace(X=(batch.X - centre) / scale))
    got, _ = row_loop.update(params, state, batch._replace(X=Affine(batch.X, centre, scale)))
    np.testing.assert_allclose(got.coef, want.coef, rtol=1e-12)


def test_columns_that_have_stopped_keep_every_bit():
    params, state, batch = a_case(average=1)
    state, _ = row_loop.update(params, state, batch)
    stopped = state._replace(active=np.array([1.0, 0.0, 1.0]))
    whole, _ = row_loop.update(params, state, batch._replace(seen=90))
    got, _ = row_loop.update(params, stopped, batch._replace(seen=90))
    for name in MODELS:
        for k, old in enumerate((whole, state, whole)):
            np.testing.assert_array_equal(getattr(got, name)[k], getattr(old, name)[k])


@pytest.mark.parametrize("penalty", [None, "l2"])
def test_rows_without_weight_only_shrink(penalty):
    params, state, batch = a_case(penalty=penalty)
    state, _ = row_loop.update(params, state, batch)
    batch = batch._replace(weight=np.zeros(90), seen=90)
    got, _ = row_loop.update(params, state, batch)
    want, _ = rowwise.update(params, state, batch)
    np.testing.assert_allclose(got.coef, want.coef, rtol=1e-12)
    np.testing.assert_array_equal(got.intercept, state.intercept)


def test_models_that_have_left_the_floats_report_nan():
    X, values, _, _ = table()
    params = Params(loss="squared_error", kind="values", learning_rate="constant", eta0=1e300)
    state = rowwise.init(params, 4, 1, like=X)
    with np.errstate(over="ignore", invalid="ignore"):
        _, info = row_loop.update(params, state, Batch(X * 1e100, values))
    assert np.all(np.isnan(info.loss))


def test_losses_are_those_of_the_models_before_the_batch():
    params, state, batch = a_case(positive_weight=2.0, penalty="elasticnet")
    state, _ = row_loop.update(params, state, batch)
    _, info = row_loop.update(params, state, batch._replace(seen=90))
    z = np.where(batch.target[:, None] == np.arange(3), 1, -1)
    loss = np.logaddexp(0, -z * (batch.X @ state.coef.T + state.intercept))
    weight = batch.weight[:, None] * np.where(z > 0, 2.0, 1.0)
    np.testing.assert_allclose(info.loss, (weight * loss).sum(axis=0), rtol=1e-12)
    np.testing.assert_allclose(info.weight, weight.sum(axis=0), rtol=1e-12)
    w = state.coef
    penalty = 0.5 * (0.15 * np.abs(w) + 0.5 * 0.85 * w * w).sum(axis=1)
    np.testing.assert_allclose(info.objective, loss.sum(axis=0) + 90 * penalty, rtol=1e-12)


def test_rows_of_other_libraries_are_swept():
    params, _, batch = a_case()
    X, target = (array_api_strict.asarray(a) for a in batch[:2])
    state = rowwise.init(params, 4, 3, like=X)
    assert row_loop.fixed(X, 3) is None
    assert row_loop.fixed_or_swept(X, 3) == rowwise.ROWS
    got, info = row_loop.update(params, state, Batch(X, target))
    want, same = rowwise.update(params, state, Batch(X, target))
    np.testing.assert_array_equal(np.asarray(got.coef), np.asarray(want.coef))
    np.testing.assert_array_equal(np.asarray(info.loss), np.asarray(same.loss))
    called, _ = row_loop.OneCall((0,), None, False, 0, "")(params, state, Batch(X, target))
    np.testing.assert_allclose(np.asarray(called.state.coef), np.asarray(want.coef), rtol=1e-10)


@pytest.mark.parametrize("make", [np.asarray, sp.csr_array])
def test_a_batch_holds_more_rows_the_fewer_numbers_a_row_has(make):
    rows = [row_loop.fixed(make(np.ones((1, d))), 1) for d in (1, 30, 1000)]
    assert rows == sorted(rows, reverse=True)
    assert 1000 < rows[-1] < rows[0] < 100_000


# Through the public classes

BY_NAME = {
    "log_loss": (SGDClassifier, {"loss": "log_loss", "learning_rate": "optimal", "alpha": 0.02}),
    "hinge": (SGDClassifier, {"learning_rate": "adaptive", "eta0": 0.05, "penalty": None}),
    "huber": (SGDRegressor, {"loss": "huber", "learning_rate": "invscaling", "alpha": 0.02}),
    "average": (SGDRegressor, {"learning_rate": "constant", "average": 30}),
    "perceptron": (Perceptron, {}),
    "pa": (PassiveAggressiveClassifier, {"C": 0.1}),
}


@pytest.mark.filterwarnings("ignore:Class PassiveAggressive:FutureWarning")
@pytest.mark.parametrize("make", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("name", BY_NAME)
def test_blocks_are_scikit_learns_calls_of_partial_fit(name, make):
    (cls, how), (X, values, codes, _) = BY_NAME[name], table()
    want, start = getattr(theirs, cls.__name__)(shuffle=False, **how), 0
    y, more = (codes, {"classes": [0, 1, 2]}) if is_classifier(want) else (values, {})
    for n in CHUNKS:
        want.partial_fit(make(X[start : start + n]), y[start : start + n], **more)
        start += n
    lazy = dask_array(X, CHUNKS, make=make), dask_array(y, CHUNKS)
    got = cls(shuffle=False, max_iter=1, tol=None, **how).fit(*lazy)
    np.testing.assert_allclose(got.coef_, want.coef_, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(got.intercept_, want.intercept_, rtol=1e-10, atol=1e-13)
    assert got.t_ == want.t_
