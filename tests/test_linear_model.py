"""The linear models through their public classes: scikit-learn row by row, and what is ours."""

from __future__ import annotations

import itertools
import math
import pickle
import warnings

import dask
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn import linear_model as theirs
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.pipeline import make_pipeline as theirs_pipeline
from sklearn.preprocessing import StandardScaler as TheirScaler
from sklearn.utils import compute_class_weight
from sklearn.utils._param_validation import InvalidParameterError

from streamlearn import linear_model
from streamlearn.core.linear.losses import MARGIN_LOSSES, SKLEARN_LOSSES
from streamlearn.core.linear.rates import RATES
from streamlearn.linear_model import SGDClassifier, SGDRegressor
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler
from tests.containers import dask_array

ROW_BY_ROW = {"shuffle": False, "batch_size": 1}
VALUE_LOSSES = [name for name in SKLEARN_LOSSES if name not in MARGIN_LOSSES]
PENALTIES = ("l2", "l1", "elasticnet", None)
LAST = {"max_iter": 2, "tol": None}


def table(n=32, d=4, n_classes=2, seed=0):
    rng = np.random.default_rng(seed)
    X = 0.5 * rng.normal(size=(n, d)) + 0.2
    values = X @ rng.normal(size=d) + 0.3 * rng.normal(size=n)
    borders = np.quantile(values, np.linspace(0, 1, n_classes + 1)[1:-1])
    return X, values, np.searchsorted(borders, values), rng.uniform(0.1, 2.0, size=n)


def same(ours, sklearns, cell=""):
    """Compare to 1e-10, as the core promises."""
    scale = max(1e-3, np.abs(sklearns.coef_).max())
    for name in ("coef_", "intercept_"):
        got, want = getattr(ours, name), getattr(sklearns, name)
        np.testing.assert_allclose(
            got, want, rtol=1e-10, atol=1e-10 * scale, err_msg=f"{cell} {name}"
        )
    assert ours.n_iter_ == sklearns.n_iter_, cell
    assert ours.t_ == sklearns.t_, cell


def quiet(fit, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return fit(*args, **kwargs)


# Row by row it is scikit-learn's algorithm


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_classifier_row_by_row_is_scikit_learns(n_classes, rate, penalty):
    X, _, y, rows = table(n_classes=n_classes)
    labels = np.array(["a", "b", "c"])[y]
    for average, sample_weight, class_weight in itertools.product(
        (False, True, 9),
        (None, rows),
        (None, "balanced", dict(zip("abc"[:n_classes], (0.5, 2.0, 1.0), strict=False))),
    ):
        if average and penalty in ("l1", "elasticnet"):
            continue  # scikit-learn's is no mean of its iterates: tests/core/linear/test_sgd.py
        how = {
            "loss": "log_loss", "learning_rate": rate, "penalty": penalty, "alpha": 0.02,
            "l1_ratio": 0.3, "eta0": 0.05, "power_t": 0.3, "average": average,
            "class_weight": class_weight, **LAST,
        }  # fmt: skip
        ours = SGDClassifier(**how, **ROW_BY_ROW).fit(X, labels, sample_weight=sample_weight)
        if class_weight == "balanced":  # of which scikit-learn's counts no weights
            classes = np.unique(labels)
            counted = compute_class_weight(
                class_weight, classes=classes, y=labels, sample_weight=sample_weight
            )
            how["class_weight"] = dict(zip(classes, counted, strict=True))
        known = theirs.SGDClassifier(**how, shuffle=False)
        known.fit(X, labels, sample_weight=sample_weight)
        same(ours, known, f"{average=} {class_weight=} weighted={sample_weight is not None}")
        np.testing.assert_array_equal(ours.predict(X), known.predict(X))
        np.testing.assert_allclose(ours.predict_proba(X), known.predict_proba(X), rtol=1e-9)


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("rate", RATES)
def test_regressor_row_by_row_is_scikit_learns(rate, penalty):
    X, y, _, rows = table()
    for loss, average, sample_weight in itertools.product(
        VALUE_LOSSES, (False, True, 9), (None, rows)
    ):
        if average and penalty in ("l1", "elasticnet"):
            continue
        how = {
            "loss": loss, "learning_rate": rate, "penalty": penalty, "alpha": 0.02,
            "l1_ratio": 0.3, "eta0": 0.05, "power_t": 0.3, "average": average, **LAST,
        }  # fmt: skip
        ours = SGDRegressor(**how, **ROW_BY_ROW).fit(X, y, sample_weight=sample_weight)
        known = theirs.SGDRegressor(**how, shuffle=False).fit(X, y, sample_weight=sample_weight)
        same(ours, known, f"{loss} {average=} weighted={sample_weight is not None}")
        np.testing.assert_allclose(ours.predict(X), known.predict(X), rtol=1e-9)


@pytest.mark.parametrize("loss", SKLEARN_LOSSES)
def test_every_loss_of_the_classifier_row_by_row(loss):
    X, _, y, _ = table(n_classes=3)
    for rate in RATES:
        how = {"loss": loss, "learning_rate": rate, "epsilon": 0.2, "alpha": 0.05, **LAST}
        ours = SGDClassifier(**how, **ROW_BY_ROW).fit(X, y)
        same(ours, theirs.SGDClassifier(**how, shuffle=False).fit(X, y), rate)
        np.testing.assert_allclose(
            ours.decision_function(X),
            theirs.SGDClassifier(**how, shuffle=False).fit(X, y).decision_function(X),
            rtol=1e-9,
            atol=1e-10,
        )


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("penalty", ["l2", "l1"])
def test_epochs_end_where_scikit_learns_do(penalty, rate, n_classes):
    """tol and n_iter_no_change, class by class, and where "adaptive" cuts its step."""
    X, values, y, rows = table(n=30, n_classes=n_classes)
    stopped = set()
    for tol, patience in itertools.product((1e-3, 0.02, 0.0), (1, 3)):
        how = {
            "learning_rate": rate, "eta0": 0.1, "alpha": 0.01, "tol": tol,
            "n_iter_no_change": patience, "max_iter": 25, "penalty": penalty,
        }  # fmt: skip
        cell = f"{tol=} {patience=}"
        known = theirs.SGDClassifier(**how, shuffle=False)
        quiet(known.fit, X, y, sample_weight=rows)
        ours = quiet(SGDClassifier(**how, **ROW_BY_ROW).fit, X, y, sample_weight=rows)
        same(ours, known, cell)
        stopped.add(ours.n_iter_)
        known = quiet(theirs.SGDRegressor(**how, shuffle=False).fit, X, values)
        same(quiet(SGDRegressor(**how, **ROW_BY_ROW).fit, X, values), known, cell)
    assert len(stopped) > 1


def test_float32_row_by_row_is_as_far_as_scikit_learns_own():
    X, _, y, _ = table(n=200, n_classes=3)
    how = {"loss": "log_loss", "alpha": 0.01, "learning_rate": "optimal", **LAST}
    exact = theirs.SGDClassifier(**how, shuffle=False).fit(X, y)
    known = theirs.SGDClassifier(**how, shuffle=False).fit(X.astype("f"), y)
    ours = SGDClassifier(**how, **ROW_BY_ROW).fit(X.astype("f"), y)
    assert ours.coef_.dtype == np.float32
    assert ours.decision_function(X.astype("f")).dtype == np.float32
    allowed = 4 * np.abs(known.coef_ - exact.coef_).max()
    assert np.abs(ours.coef_ - exact.coef_).max() <= allowed


def test_row_by_row_auto_is_scikit_learns_default():
    X, values, y, _ = table()
    same(
        SGDClassifier(**ROW_BY_ROW, **LAST).fit(X, y),
        theirs.SGDClassifier(shuffle=False, **LAST).fit(X, y),
    )
    same(
        SGDRegressor(penalty="l1", **ROW_BY_ROW, **LAST).fit(X, values),
        theirs.SGDRegressor(penalty="l1", shuffle=False, **LAST).fit(X, values),
    )


def test_without_intercept():
    X, values, y, _ = table()
    how = {"fit_intercept": False, "learning_rate": "optimal", **LAST}
    ours = SGDClassifier(**how, **ROW_BY_ROW).fit(X, y)
    same(ours, theirs.SGDClassifier(**how, shuffle=False).fit(X, y))
    np.testing.assert_array_equal(ours.intercept_, [0.0])
    auto = SGDRegressor(fit_intercept=False, random_state=0).fit(X, values)
    np.testing.assert_array_equal(auto.intercept_, [0.0])


@pytest.mark.parametrize("average", [False, True])
def test_warm_start_and_initial_coefficients_are_scikit_learns(average):
    X, values, y, _ = table()
    how = {"warm_start": True, "average": average, "learning_rate": "optimal", **LAST}
    ours, known = SGDClassifier(**how, **ROW_BY_ROW), theirs.SGDClassifier(**how, shuffle=False)
    for _ in range(3):
        same(ours.fit(X, y), known.fit(X, y))
    how["warm_start"] = False
    start = {"coef_init": [0.5, -1.0, 2.0, 0.0], "intercept_init": [0.25]}
    same(
        SGDRegressor(**how, **ROW_BY_ROW).fit(X, values, **start),
        theirs.SGDRegressor(**how, shuffle=False).fit(X, values, **start),
    )
    start["coef_init"] = np.array([start["coef_init"]])
    same(
        SGDClassifier(**how, **ROW_BY_ROW).fit(X, y, **start),
        theirs.SGDClassifier(**how, shuffle=False).fit(X, y, **start),
    )


@pytest.mark.parametrize("n_classes", [2, 3])
def test_partial_fit_is_scikit_learns_call_by_call(n_classes):
    X, values, y, rows = table(n_classes=n_classes)
    how = {"learning_rate": "invscaling", "eta0": 0.1}
    ours, known = SGDClassifier(**how, **ROW_BY_ROW), theirs.SGDClassifier(**how, shuffle=False)
    for i in range(0, 32, 8):
        at = slice(i, i + 8)
        for model in (ours, known):
            model.partial_fit(X[at], y[at], classes=range(n_classes), sample_weight=rows[at])
        same(ours, known, f"after {i + 8} rows")
    how["loss"] = "huber"
    ours, known = SGDRegressor(**how, **ROW_BY_ROW), theirs.SGDRegressor(**how, shuffle=False)
    for i in range(0, 32, 8):
        for model in (ours, known):
            model.partial_fit(X[i : i + 8], values[i : i + 8])
        same(ours, known)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("average", [True, 12])
def test_averages_go_on_from_call_to_call(average, n_classes):
    """As if it were one call. scikit-learn begins each call with an intercept of before."""
    X, _, y, _ = table(n_classes=n_classes)
    how = {"loss": "log_loss", "learning_rate": "invscaling", "average": average}
    ours = SGDClassifier(**how, **ROW_BY_ROW)
    for i in range(0, 32, 8):
        ours.partial_fit(X[i : i + 8], y[i : i + 8], classes=range(n_classes))
    known = theirs.SGDClassifier(**how, shuffle=False, max_iter=1, tol=None)
    same(ours, known.fit(X, y))


def test_partial_fit_goes_on_from_fit():
    X, values, _, _ = table()
    how = {"learning_rate": "invscaling", **LAST}
    ours = SGDRegressor(**how, **ROW_BY_ROW).fit(X, values).partial_fit(X, values)
    same(ours, theirs.SGDRegressor(**how, shuffle=False).fit(X, values).partial_fit(X, values))


# An explicit schedule is scikit-learn's, wherever its loop can learn

NAMED = {"learning_rate": "invscaling", "random_state": 0}


def plane(n=400):
    X = np.random.default_rng(0).normal(size=(n, 4))
    return X, X @ [1.0, 2.0, 3.0, 4.0] + 1.0


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix, pd.DataFrame])
def test_a_named_schedule_is_scikit_learns_in_memory(make):
    X, y = plane()
    ours, known = (
        module.SGDRegressor(**NAMED).fit(make(X), y) for module in (linear_model, theirs)
    )
    same(ours, known)
    assert ours.score(make(X), y) > (0.98 if make is sparse.csr_matrix else 0.9999)
    labels = np.digitize(y, [-3.0, 3.0])
    for how in (
        {},
        {"penalty": "l1"},
        {"average": True},
        {"early_stopping": True, "penalty": None},
    ):
        how = {"learning_rate": "constant", "random_state": 0, "tol": None, "max_iter": 4, **how}
        models = (module.SGDClassifier(**how) for module in (linear_model, theirs))
        same(*(quiet(model.fit, make(X), labels) for model in models))


def test_a_named_schedule_is_scikit_learns_in_calls_and_blocks():
    X, y = plane()
    ours, known = SGDRegressor(**NAMED), theirs.SGDRegressor(**NAMED)
    for at in range(0, 400, 100):
        for model in (ours, known):
            model.partial_fit(X[at : at + 100], y[at : at + 100])
    same(ours, known)
    ours, known = (module.SGDRegressor(**NAMED, shuffle=False) for module in (linear_model, theirs))
    ours.partial_fit(dask_array(X, (150, 0, 250)), dask_array(y, (150, 0, 250)))
    known.partial_fit(X, y)
    same(ours, known)
    ours.partial_fit(dask_array(X, (400,)), dask_array(y, (400,)))
    ours.partial_fit(X, y)
    known.partial_fit(X, y).partial_fit(X, y)
    same(ours, known)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_named_schedule_behind_a_scaler_is_scikit_learns(n_classes):
    X, y = plane()
    X, y = 3.0 * X + 5.0, np.digitize(y, np.quantile(y, [1 / n_classes, 2 / 3][: n_classes - 1]))
    how = {"learning_rate": "optimal", "random_state": 0}
    ours = make_pipeline(StandardScaler(), SGDClassifier(**how)).fit(X, y)
    known = theirs_pipeline(TheirScaler(), theirs.SGDClassifier(**how)).fit(X, y)
    same(ours[-1], known[-1])
    # Over blocks the scaler is that of the rows so far, and its change changes the intercept.
    model = SGDClassifier(learning_rate="constant", shuffle=False, max_iter=1, tol=None)
    chunks, start, scaler = (150, 250), 0, StandardScaler()
    lazy = make_pipeline(scaler, model).fit(dask_array(X, chunks), dask_array(y, chunks))
    coef, intercept, before = None, None, None
    for n in chunks:
        at = slice(start, start + n)
        now = TheirScaler().fit(X[: start + n])
        known = theirs.SGDClassifier(learning_rate="constant", shuffle=False)
        known.partial_fit(now.transform(X[:1]), y[:1], classes=range(n_classes))
        if before is None:
            coef, intercept = np.zeros_like(known.coef_), np.zeros_like(known.intercept_)
        else:
            intercept = intercept + coef @ ((now.mean_ - before.mean_) / now.scale_)
        known.coef_, known.intercept_ = coef.copy(), intercept.copy()
        known.t_ = 1.0 + start
        known.partial_fit(now.transform(X[at]), y[at])
        coef, intercept, before, start = known.coef_, known.intercept_, now, start + n
    np.testing.assert_allclose(lazy[-1].coef_, coef, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(lazy[-1].intercept_, intercept, rtol=1e-9, atol=1e-11)


def test_where_the_loop_cannot_learn_batches_stay(backend):
    X, y = plane()
    ways = [SGDRegressor(**NAMED, shuffle=False, batch_size=size, **LAST) for size in ("auto", 1)]
    batches, rows = (way.fit(backend.asarray(X), backend.asarray(y)).coef_ for way in ways)
    differ = np.abs(backend.to_numpy(batches) - backend.to_numpy(rows)).max() > 0.1
    assert differ == (backend.name not in ("numpy", "readonly"))
    lazy = dask_array(X, (200, 200)), dask_array(y, (200, 200))
    ways = [way.set_params(penalty="l1").fit(*lazy).coef_ for way in ways]
    assert np.abs(ways[0] - ways[1]).max() > 0.1


def test_partial_fit_goes_on_from_batches_row_by_row():
    X, y = plane()
    model = SGDRegressor(**NAMED, shuffle=False, batch_size=16).partial_fit(X, y)
    known = theirs.SGDRegressor(**NAMED, shuffle=False)
    for data in ((X, y), (dask_array(X, (200, 200)), dask_array(y, (200, 200)))):
        known.coef_, known.intercept_, known.t_ = model.coef_.copy(), model.intercept_, model.t_
        model.set_params(batch_size="auto").partial_fit(*data)
        known.partial_fit(X, y)
        np.testing.assert_allclose(model.coef_, known.coef_, rtol=1e-10)
        model.set_params(batch_size=16).partial_fit(X, y)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("loss", ["hinge", "log_loss"])
def test_the_loop_finds_what_is_not_finite(loss, value):
    X, _, y, _ = table()
    model = SGDClassifier(loss=loss, learning_rate="constant", eta0=0.1, random_state=0).fit(X, y)
    coef, X = model.coef_, X.copy()
    X[20, 1] = value
    for fit in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match=f"contains {'NaN' if value != value else 'infinity'}"):
            fit(X, y)
    np.testing.assert_array_equal(model.coef_, coef)


def test_the_loss_of_a_call_is_that_of_the_model_before_it():
    X, _, y, rows = table()
    model = SGDClassifier(loss="log_loss", learning_rate="constant", random_state=0)
    model.partial_fit(X, y, classes=[0, 1])
    assert model.loss_curve_ == pytest.approx([np.log(2)])
    loss = np.logaddexp(0, (1 - 2 * y) * model.decision_function(X))
    model.partial_fit(X, y, sample_weight=rows)
    assert model.loss_curve_ == pytest.approx([np.average(loss, weights=rows)])


# Learning in batches


@pytest.mark.parametrize("rate", ["auto", "optimal"])
@pytest.mark.parametrize("loss", SKLEARN_LOSSES)
def test_every_loss_learns_a_clear_rule(loss, rate):
    rng = np.random.default_rng(3)
    X = rng.normal(size=(3000, 3))
    y = np.argmax(X @ rng.normal(size=(3, 3)), axis=1)
    batch = "auto" if rate == "auto" else 64
    model = SGDClassifier(
        loss=loss, learning_rate=rate, alpha=1e-3, random_state=0, batch_size=batch
    )
    model.fit(dask_array(X, (1000,) * 3), dask_array(y, (1000,) * 3))
    floor = 0.75 if loss in VALUE_LOSSES or rate == "optimal" else 0.9
    assert model.score(X, y) > floor
    if loss in VALUE_LOSSES:
        target = X @ [1.0, -2.0, 0.5] + 3
        regressor = SGDRegressor(loss=loss, epsilon=0.01, alpha=1e-6, random_state=0)
        assert regressor.fit(X, target).score(X, target) > 0.9


@pytest.mark.parametrize("l1_ratio", [1.0, 0.3])
def test_one_pass_under_l1_ends_at_the_optimum_with_exact_zeros(l1_ratio):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(8000, 10))
    y = X[:, :3] @ [1.0, -2.0, 0.5] + 0.3 * rng.normal(size=8000)
    how = {"alpha": 0.05, "l1_ratio": l1_ratio}
    known = theirs.ElasticNet(**how).fit(X, y)
    chunks = (2000,) * 4
    for penalty in ("elasticnet", "l1")[: 2 if l1_ratio == 1 else 1]:
        ours = SGDRegressor(penalty=penalty, random_state=0, **how)
        ours.fit(dask_array(X, chunks), dask_array(y, chunks))
        np.testing.assert_array_equal(ours.coef_ == 0, known.coef_ == 0)
        np.testing.assert_allclose(ours.coef_, known.coef_, atol=5e-3)


@pytest.mark.parametrize("lazy", [False, True])
def test_balanced_weights_are_those_of_the_counts(lazy):
    X, _, y, _ = table(n=90, n_classes=3)
    y = np.where(np.arange(90) % 2, 0, y)
    weights = dict(enumerate(90 / (3 * np.bincount(y))))
    if lazy:
        X, y = dask_array(X, (40, 0, 50)), dask_array(y, (40, 0, 50))
    how = {"loss": "log_loss", "random_state": 0, **LAST}
    balanced = SGDClassifier(class_weight="balanced", **how).fit(X, y)
    given = SGDClassifier(class_weight=weights, **how).fit(X, y)
    listed = SGDClassifier(class_weight="balanced", classes=[0, 1, 2], **how).fit(X, y)
    np.testing.assert_array_equal(balanced.coef_, given.coef_)
    np.testing.assert_array_equal(balanced.coef_, listed.coef_)
    assert np.any(SGDClassifier(**how).fit(X, y).coef_ != given.coef_)
    with pytest.raises(ValueError, match=r"no rows of class \[7\]"):
        SGDClassifier(class_weight="balanced", classes=[0, 1, 2, 7], **how).fit(X, y)


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("scaled", [False, True])
def test_balanced_weights_count_a_row_as_often_as_its_weight(lazy, scaled):
    X, _, y, _ = table(n=90, n_classes=3)
    w = np.arange(90) % 4 * np.where(y == 1, 3, 1)
    weights = {k: w.sum() / (3 * w[y == k].sum()) for k in range(3)}
    if lazy:
        X, y, w = (dask_array(a, (40, 0, 50)) for a in (X, y, w))
    how, coefs = {"random_state": 0, **LAST}, []
    for class_weight in ("balanced", weights):
        model = SGDClassifier(class_weight=class_weight, **how)
        if scaled:
            given = {"sgdclassifier__sample_weight": w}
            make_pipeline(StandardScaler(), model, schedule="one-pass").fit(X, y, **given)
        else:
            model.fit(X, y, sample_weight=w)
        coefs.append(model.coef_)
    np.testing.assert_array_equal(*coefs)


class Order:
    """Rows that tell when they were learned from.

    Row i is the i-th unit vector, so that only it moves coefficient i, by the step size at that
    time: under "invscaling" the coefficients are the order.
    """

    n = 60
    X = np.eye(n)
    y = np.full(n, 1e6)
    how = {
        "loss": "epsilon_insensitive", "epsilon": 0.0, "penalty": None, "fit_intercept": False,
        "random_state": 5, "tol": None,
    }  # fmt: skip

    @classmethod
    def fit(cls, chunks=None, **how):
        X, y = cls.X, cls.y
        if chunks:
            X, y = dask_array(X, chunks), dask_array(y, chunks)
        return SGDRegressor(**{**cls.how, **how}).fit(X, y).coef_

    @classmethod
    def of(cls, chunks=None, **how):
        coef = cls.fit(chunks, learning_rate="invscaling", power_t=1.0, eta0=1.0, max_iter=1, **how)
        return np.argsort(-coef, kind="stable")


@pytest.mark.parametrize("chunks", [None, (60,), (20, 0, 10, 30), (10,) * 6])
@pytest.mark.parametrize("batch_size", [1, 5, 7])
@pytest.mark.parametrize("shuffle", [True, "rows", False])
def test_every_row_is_learned_from_once_an_epoch(shuffle, batch_size, chunks):
    """With mean gradients a row moves its coefficient by the step over the rows of its batch."""
    eta = 1e-3
    how = {"learning_rate": "constant", "eta0": eta, "max_iter": 3}
    coef = Order.fit(chunks, shuffle=shuffle, batch_size=batch_size, **how)
    if all(n % batch_size == 0 for n in chunks or (60,)):
        np.testing.assert_allclose(coef, 3 * eta / batch_size, rtol=1e-12)
    else:
        assert np.all(coef >= 3 * eta / batch_size * (1 - 1e-12))
        batches = sum(math.ceil(n / batch_size) for n in chunks or (60,))
        np.testing.assert_allclose(coef.sum(), 3 * eta * batches, rtol=1e-12)


def test_without_shuffle_rows_come_in_order():
    for chunks in (None, (20, 0, 10, 30)):
        np.testing.assert_array_equal(
            Order.of(chunks, shuffle=False, batch_size=1), np.arange(Order.n)
        )


def test_in_memory_shuffle_permutes_rows():
    order = Order.of(shuffle=True, batch_size=1)
    assert sorted(order) == list(range(Order.n))
    assert np.abs(np.diff(order)).min() >= 1
    assert np.mean(np.abs(np.diff(order)) == 1) < 0.2
    np.testing.assert_array_equal(order, Order.of(shuffle="rows", batch_size=1))


def test_over_a_collection_shuffle_permutes_blocks_and_batches_in_them():
    order = Order.of((20,) * 3, shuffle=True, batch_size=5)
    batches = order.reshape(12, 5)
    first = batches.min(axis=1)
    np.testing.assert_array_equal(np.sort(batches, axis=1), first[:, None] + np.arange(5))
    blocks = first.reshape(3, 4) // 20
    assert np.all(blocks == blocks[:, :1])
    assert sorted(blocks[:, 0]) == [0, 1, 2]
    assert list(first) != sorted(first)
    assert any(np.any(np.diff(first.reshape(3, 4)[i]) < 0) for i in range(3))


def test_over_a_collection_shuffle_rows_permutes_rows_in_each_block():
    order = Order.of((20,) * 3, shuffle="rows", batch_size=1).reshape(3, 20)
    assert np.all(order // 20 == order[:, :1] // 20)
    assert all(list(block) != sorted(block) for block in order)


def test_blocks_come_in_another_order_in_every_epoch():
    how = {**Order.how, "learning_rate": "invscaling", "power_t": 1.0, "eta0": 1.0}
    model, orders, before = SGDRegressor(**how, batch_size=5), [], 0
    data = dask_array(Order.X, (5,) * 12), dask_array(Order.y, (5,) * 12)
    for _ in range(3):
        step = model.partial_fit(*data).coef_ - before
        before = model.coef_
        orders.append(tuple(np.argsort(-step[::5])))
    assert len(set(orders)) == 3


def test_draws_differ_from_epoch_to_epoch_and_follow_the_seed():
    def epochs(**how):
        model = SGDRegressor(
            **{**Order.how, "learning_rate": "invscaling", "power_t": 1.0, "eta0": 1.0, **how},
            batch_size=1,
        )
        block = dask_array(Order.X, (60,)), dask_array(Order.y, (60,))
        first = model.partial_fit(*block).coef_
        return first, model.partial_fit(*block).coef_ - first

    first, second = epochs()
    assert list(np.argsort(first)) != list(np.argsort(second))
    again, _ = epochs()
    np.testing.assert_array_equal(first, again)
    other, _ = epochs(random_state=6)
    assert np.any(other != first)
    state = np.random.RandomState(5)
    drawn, _ = epochs(random_state=state)
    np.testing.assert_array_equal(drawn, first)
    assert np.any(epochs(random_state=state)[0] != first)


@pytest.mark.parametrize("chunks", [None, (30, 0, 20, 10)])
def test_held_out_rows_are_never_learned_from(chunks):
    how = {"early_stopping": True, "validation_fraction": 0.15, "max_iter": 3, "eta0": 1e-3}
    coef = Order.fit(chunks, learning_rate="constant", batch_size=1, **how)
    start = 0
    for n in chunks or (60,):
        held = np.sum(coef[start : start + n] == 0)
        assert held == math.ceil(0.15 * n)
        start += n
    np.testing.assert_allclose(coef[coef != 0], 3e-3, rtol=1e-12)


def test_early_stopping_watches_the_held_out_score():
    """What helps the training rows alone does not keep a fit going."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(80, 40)), rng.integers(0, 2, 80)
    how = {"random_state": 0, "max_iter": 200, "loss": "log_loss", "learning_rate": "constant"}
    noise = SGDClassifier(early_stopping=True, n_iter_no_change=3, **how).fit(X, y)
    assert noise.n_iter_ < 30
    rule = SGDClassifier(early_stopping=True, n_iter_no_change=30, tol=None, **how)
    assert quiet(rule.fit, X, y).n_iter_ == 200


def test_early_stopping_counts_segments_of_blocks():
    """Held-out rows of noise stop a fit in the middle of a pass, at the end of a segment."""
    rng = np.random.default_rng(0)
    X, y = np.zeros((640, 1)), rng.integers(0, 2, 640)
    how = {"early_stopping": True, "random_state": 0, "n_iter_no_change": 3, "tol": 1.0}
    with dask.config.set({"streamlearn.segment": 4}):
        model = SGDClassifier(**how).fit(dask_array(X, (10,) * 64), dask_array(y, (10,) * 64))
    assert model.n_iter_ == 1
    assert len(model.loss_curve_) == 4 * (1 + 3)


def test_nothing_held_out_to_score_is_an_error():
    X, values, _, _ = table(n=4)
    with pytest.raises(ValueError, match="holds out 1 of the rows: too few"):
        SGDRegressor(early_stopping=True).fit(X, values)
    X, values, _, _ = table(n=60)
    with pytest.raises(ValueError, match="validation set are all zero"):
        SGDRegressor(early_stopping=True, random_state=0).fit(
            X, values, sample_weight=np.arange(60) == 7
        )


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", ["log_loss", "hinge"])
def test_loss_curve_is_the_progressive_loss(loss, weighted):
    """Each batch is scored by the model that has seen what is before it, and nothing else."""
    chunks, size = (20, 0, 13, 30), 6
    X, _, y, rows = table(n=63)
    weight = rows if weighted else np.ones(63)
    how = {"loss": loss, "learning_rate": "invscaling", "eta0": 0.3, "shuffle": False}
    model = SGDClassifier(batch_size=size, max_iter=1, tol=None, **how)
    model.fit(
        dask_array(X, chunks),
        dask_array(y, chunks),
        sample_weight=dask_array(rows, chunks) if weighted else None,
    )
    other, curve, start = SGDClassifier(batch_size=size, **how), [], 0
    for n in filter(None, chunks):
        total = 0.0
        for i in range(start, start + n, size):
            at = slice(i, min(i + size, start + n))
            sign = 2.0 * y[at] - 1
            p = other.decision_function(X[at]) if i else np.zeros_like(sign)
            z = sign * p
            value = np.log1p(np.exp(-z)) if loss == "log_loss" else np.maximum(0, 1 - z)
            total += weight[at] @ value
            other.partial_fit(X[at], y[at], classes=[0, 1], sample_weight=weight[at])
        curve.append(total / weight[start : start + n].sum())
        start += n
    np.testing.assert_allclose(model.loss_curve_, curve, rtol=1e-10)
    np.testing.assert_allclose(model.coef_, other.coef_, rtol=1e-10)


def test_loss_of_several_classes_is_the_mean_of_theirs():
    X, _, y, rows = table(n=50, n_classes=3)
    by_class = {0: 0.5, 1: 1.0, 2: 4.0}
    how = {"loss": "squared_hinge", "class_weight": by_class, "batch_size": 50, **LAST}
    model = SGDClassifier(**how).fit(X, y, sample_weight=rows)
    # Before the first step all scores are 0 and all losses 1.
    assert model.loss_curve_[0] == pytest.approx(1.0)
    start = np.array([0.3, -0.2, 0.1])
    model.fit(X, y, intercept_init=start, sample_weight=rows)
    sign = np.where(y[:, None] == np.arange(3), 1.0, -1.0)
    weight = rows[:, None] * np.where(sign > 0, np.array(list(by_class.values())), 1.0)
    loss = np.maximum(0, 1 - sign * start) ** 2
    assert model.loss_curve_[0] == pytest.approx((weight * loss).sum() / weight.sum())


@pytest.mark.parametrize("rate", ["auto", "optimal"])
def test_partial_fit_of_pieces_is_fit_of_blocks(rate):
    X, values, _, rows = table(n=300)
    chunks = (100, 60, 140)
    how = {"learning_rate": rate, "shuffle": False, "batch_size": 20}
    whole = SGDRegressor(max_iter=1, tol=None, **how)
    whole.fit(*(dask_array(a, chunks) for a in (X, values)), sample_weight=dask_array(rows, chunks))
    pieces, start, curve = SGDRegressor(**how), 0, []
    for n in chunks:
        at = slice(start, start + n)
        pieces.partial_fit(X[at], values[at], sample_weight=rows[at])
        curve += pieces.loss_curve_
        start += n
    np.testing.assert_allclose(pieces.coef_, whole.coef_, rtol=1e-12)
    np.testing.assert_allclose(pieces.intercept_, whole.intercept_, rtol=1e-12)
    np.testing.assert_allclose(curve, whole.loss_curve_, rtol=1e-12)
    assert pieces.t_ == whole.t_ == 301.0
    assert pieces.n_iter_ == whole.n_iter_ == 1


def test_partial_fit_takes_another_learning_rate():
    X, values, _, _ = table(n=400)
    model = SGDRegressor(learning_rate="constant", eta0=1e-6, random_state=0)
    model.partial_fit(X, values)
    assert model.score(X, values) < 0.5
    model.set_params(learning_rate="auto").partial_fit(X, values)
    score = model.score(X, values)
    assert score > 0.85
    model.set_params(learning_rate="constant").partial_fit(X, values)
    assert model.score(X, values) == pytest.approx(score, abs=1e-3)


# Predictions


def test_probabilities_of_every_kind():
    X, _, _, _ = table(n=50)
    for loss, n_classes in itertools.product(("log_loss", "modified_huber"), (2, 3)):
        y = table(n=50, n_classes=n_classes)[2]
        how = {"loss": loss, "learning_rate": "optimal", **LAST}
        ours = SGDClassifier(**how, **ROW_BY_ROW).fit(X, y)
        known = theirs.SGDClassifier(**how, shuffle=False).fit(X, y)
        np.testing.assert_allclose(
            ours.predict_proba(X), known.predict_proba(X), rtol=1e-9, atol=1e-12
        )
        np.testing.assert_allclose(
            np.exp(ours.predict_log_proba(X)), known.predict_proba(X), rtol=1e-9, atol=1e-12
        )


def test_no_probabilities_for_other_losses():
    model = SGDClassifier()
    assert not hasattr(model, "predict_proba")
    assert not hasattr(model, "predict_log_proba")
    with pytest.raises(AttributeError, match="predict_proba"):
        model.predict_proba([[1.0]])
    assert hasattr(SGDClassifier(loss="log_loss"), "predict_proba")


def test_a_model_of_one_float_predicts_rows_of_another_as_numpy_promotes():
    X, values, _, _ = table()
    single = SGDRegressor(random_state=0).fit(X.astype("f"), values)
    double = SGDRegressor(random_state=0).fit(X, values)
    assert single.coef_.dtype == np.float32
    assert double.coef_.dtype == np.float64
    for model, rows in ((single, X), (double, X), (double, X.astype("f"))):
        lazy = model.predict(dask_array(rows, (32,)))
        assert model.predict(rows).dtype == np.float64
        assert lazy.dtype == lazy.compute().dtype == np.float64
    lazy = single.predict(dask_array(X.astype("f"), (32,)))
    assert lazy.dtype == lazy.compute().dtype == np.float32


def test_predict_of_no_rows():
    X, _, y, _ = table(n_classes=3)
    model = SGDClassifier(loss="log_loss", random_state=0, **LAST).fit(X, y)
    empty = dask_array(X[:0], (0,))
    assert model.predict(empty).compute().shape == (0,)
    assert model.predict_proba(empty).compute().shape == (0, 3)
    assert model.decision_function(empty).compute().shape == (0, 3)


@pytest.mark.parametrize("model", [SGDClassifier, SGDRegressor])
def test_sparse_coefficients_answer_alike(model):
    X, values, y, _ = table(n=60, n_classes=3)
    target = y if model is SGDClassifier else values
    model = model(penalty="l1", alpha=0.3, warm_start=True, random_state=0, **LAST).fit(X, target)
    dense, want = model.coef_, model.predict(X)
    assert (dense == 0).any()
    assert model.sparsify().sparsify() is model
    assert sparse.issparse(model.coef_)
    assert model.coef_.shape == dense.shape
    again = pickle.loads(pickle.dumps(model))
    for each in (model, again):
        np.testing.assert_array_equal(each.predict(X), want)
        np.testing.assert_array_equal(each.predict(dask_array(X, (20, 40))).compute(), want)
    np.testing.assert_array_equal(model.densify().densify().coef_, dense)
    np.testing.assert_array_equal(again.fit(X, target).coef_, model.fit(X, target).coef_)
    again = clone(model).partial_fit(X, target, **({"classes": [0, 1, 2]} if y is target else {}))
    want = clone(again).partial_fit(X, target, **({"classes": [0, 1, 2]} if y is target else {}))
    np.testing.assert_array_equal(
        again.sparsify().partial_fit(X, target).coef_, want.partial_fit(X, target).coef_
    )
    for method in ("sparsify", "densify"):
        with pytest.raises(NotFittedError):
            getattr(clone(model), method)()


def test_only_numpys_coefficients_become_sparse(backend):
    X, values, _, _ = table()
    model = SGDRegressor(**LAST).fit(backend.asarray(X), backend.asarray(values))
    if backend.name in ("numpy", "readonly"):
        assert sparse.issparse(model.sparsify().coef_)
    else:
        with pytest.raises(TypeError, match=r"coef_ is an array of .*Fit on NumPy"):
            model.sparsify()


# Labels


def test_labels_missing_from_the_first_blocks():
    X, _, y, _ = table(n=90, n_classes=3)
    order = np.argsort(y, kind="stable")
    X, y = dask_array(X[order], (30,) * 3), dask_array(y[order], (30,) * 3)
    model = SGDClassifier(random_state=0, **LAST).fit(X, y)
    np.testing.assert_array_equal(model.classes_, [0, 1, 2])
    assert model.coef_.shape == (3, 4)


def test_labels_listed_in_any_order_are_sorted():
    X, _, y, _ = table(n_classes=3)
    names = np.array(["x", "y", "z"])
    model = SGDClassifier(classes=["z", "x", "y"], random_state=0, **LAST).fit(X, names[y])
    np.testing.assert_array_equal(model.classes_, names)
    known = SGDClassifier(random_state=0, **LAST).fit(X, names[y])
    np.testing.assert_array_equal(model.coef_, known.coef_)
    assert clone(model).classes == ["z", "x", "y"]


@pytest.mark.parametrize("lazy", [False, True])
def test_wrong_labels_are_named(lazy):
    X, values, y, _ = table()
    wrap = (lambda a: dask_array(a, (16, 16))) if lazy else (lambda a: a)
    where = "Block [01] of y" if lazy else "y"
    for model, target, says in [
        (
            SGDClassifier(classes=[0, 2]),
            y,
            rf"^{where} contains labels .*\[1\].*classes are \[0, 2\]",
        ),
        (SGDClassifier(), values, "Unknown label type: continuous"),
        (SGDClassifier(classes=[0, 1]), values, "labels that are not in classes|continuous"),
        (SGDClassifier(classes=[0.5, 1.5]), y, "Unknown label type: continuous"),
        (SGDClassifier(), y * 0, "greater than one; got 1 class"),
        (SGDClassifier(classes=[1]), y, "greater than one; got 1 class"),
        (SGDClassifier(classes=["a", "b"]), y, "labels that are not in classes"),
        (SGDRegressor(), np.stack([values, values], 1), r"y should be a 1d array"),
        (SGDRegressor(), np.where(y > 0, np.nan, values), "y contains NaN"),
        (SGDClassifier(), None, "requires y to be passed"),
    ]:
        with pytest.raises(ValueError, match=says):
            model.fit(wrap(X), target if target is None else wrap(target))
        with pytest.raises(NotFittedError):
            model.predict(X)


def test_partial_fit_wants_its_labels_once_and_the_same():
    X, _, y, _ = table()
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        SGDClassifier().partial_fit(X, y)
    model = SGDClassifier(classes=[0, 1]).partial_fit(X, y)
    model.partial_fit(X, y, classes=[1, 0])
    with pytest.raises(ValueError, match="not the same as on last call"):
        model.partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="not supported for partial_fit"):
        SGDClassifier(class_weight="balanced").partial_fit(X, y, classes=[0, 1])
    with pytest.raises(ValueError, match="not in classes"):
        model.partial_fit(X, y + 1)


# Parameters


@pytest.mark.parametrize("model", [SGDClassifier, SGDRegressor])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("loss", "least squares"), ("penalty", "l0"), ("alpha", -1.0), ("l1_ratio", 1.1),
        ("fit_intercept", "yes"), ("max_iter", 0), ("max_iter", "all"), ("tol", -1e-3),
        ("shuffle", "blocks"), ("epsilon", -0.1), ("random_state", -1), ("learning_rate", "fast"),
        ("eta0", 0.0), ("power_t", "half"), ("validation_fraction", 1.0), ("n_iter_no_change", 0),
        ("warm_start", "yes"), ("average", -1), ("batch_size", 0), ("batch_size", "large"),
        ("verbose", -1),
    ],
)  # fmt: skip
def test_parameters_out_of_range_are_refused_by_name(model, name, value):
    X, values, y, _ = table()
    target = y if model is SGDClassifier else values
    for method in ("fit", "partial_fit"):
        with pytest.raises(InvalidParameterError, match=f"'{name}' parameter of {model.__name__}"):
            getattr(model(**{name: value}), method)(X, target)


def test_parameters_that_contradict_each_other():
    X, values, y, _ = table()
    for params, says in [
        ({"learning_rate": "optimal", "alpha": 0}, "alpha must be > 0"),
        ({"batch_size": 1, "alpha": 0}, "alpha must be > 0"),
        ({"penalty": "elasticnet", "l1_ratio": None, "learning_rate": "optimal"}, "l1_ratio"),
    ]:
        with pytest.raises(ValueError, match=says):
            SGDClassifier(**params).fit(X, y)
    with pytest.raises(ValueError, match="early_stopping should be False"):
        SGDRegressor(early_stopping=True).partial_fit(X, values)
    with pytest.raises(InvalidParameterError, match="n_jobs"):
        SGDClassifier(n_jobs=2).fit(X, y)
    for n_jobs in (None, 1, -1):
        SGDClassifier(n_jobs=n_jobs, **LAST).fit(X, y)
    for shape in ((1, 3), (2, 4), (5,)):
        with pytest.raises(ValueError, match=rf"coef_init does not match.*\({shape[0]}.*\(1, 4\)"):
            SGDClassifier().fit(X, y, coef_init=np.zeros(shape))
    with pytest.raises(ValueError, match=r"intercept_init does not match.*\(2,\).*\(1,\)"):
        SGDClassifier().fit(X, y, intercept_init=np.zeros(2))
    SGDClassifier(**LAST).fit(X, y, coef_init=np.zeros((1, 4)), intercept_init=0.5)
    with pytest.warns(FutureWarning, match="Negative values for `power_t` are deprecated"):
        SGDClassifier(power_t=-1.0, **LAST).fit(X, y)


def test_first_coefficients_of_several_classes_have_their_shape():
    """As many numbers in another shape would be other coefficients."""
    X, _, y, _ = table(n_classes=3)
    for shape in ((4, 3), (12,)):
        with pytest.raises(ValueError, match=rf"coef_init does not match.*\({shape[0]}.*\(3, 4\)"):
            SGDClassifier().fit(X, y, coef_init=np.zeros(shape))
    with pytest.raises(ValueError, match=r"intercept_init does not match.*\(1, 3\).*\(3,\)"):
        SGDClassifier().fit(X, y, intercept_init=np.zeros((1, 3)))


@pytest.mark.parametrize(("given", "says"), [("a", "not numeric"), (1j, "Complex data not supp")])
def test_initial_models_that_are_no_numbers_are_refused_by_name(given, says):
    X, y = np.arange(8.0).reshape(4, 2), np.array([0, 1, 0, 1])
    for name, shape in (("coef_init", (1, 2)), ("intercept_init", (1,))):
        with pytest.raises(ValueError, match=says) as raised:
            SGDClassifier().fit(X, y, **{name: np.full(shape, given)})
        assert f"{name} has dtype" in str(raised.value)


def test_dates_in_a_frame_in_memory_are_an_error_that_says_what_to_do():
    X = pd.DataFrame({"a": np.arange(4.0)}).assign(b=np.datetime64("2026-01-01"))
    with pytest.raises(TypeError, match=r"datetime64.* in column 'b' .*Encode it as numbers first"):
        SGDClassifier().fit(X, [0, 1, 0, 1])


@pytest.mark.parametrize("rate", ["pa1", "pa2"])
@pytest.mark.parametrize("model", [SGDClassifier, SGDRegressor])
def test_passive_aggressive_rates_have_their_loss_and_go_row_by_row(model, rate):
    X, values, y, _ = table()
    target, loss = (y, "hinge") if model is SGDClassifier else (values, "epsilon_insensitive")
    how = {"shuffle": False, "learning_rate": rate, "loss": loss, **LAST}
    one = model(batch_size=1, **how).fit(X, target)
    np.testing.assert_array_equal(model(**how).fit(X, target).coef_, one.coef_)
    for params, says in [
        ({"batch_size": 7}, "batch_size must be 1 or 'auto', .* got 7"),
        ({"loss": "huber"}, f"Learning rate '{rate}' only works with loss '{loss}'"),
    ]:
        for method in ("fit", "partial_fit"):
            with pytest.raises(ValueError, match=says):
                getattr(model(**{**how, **params}), method)(X, target)


def test_numpy_scalars_are_parameters():
    X, _, y, _ = table()
    plain = {
        "alpha": 0.5, "batch_size": 4, "average": True, "shuffle": True, "n_jobs": 1, "tol": 0.25,
        "max_iter": 3, "eta0": 0.5, "n_iter_no_change": 2, "fit_intercept": False,
        "learning_rate": "constant", "random_state": 0,
    }  # fmt: skip
    scalars = {
        name: value if isinstance(value, str) else np.asarray(value)[()]
        for name, value in plain.items()
    }
    assert all(isinstance(v, np.generic | str) for v in scalars.values())
    a = quiet(SGDClassifier(**plain).fit, X, y)
    b = quiet(SGDClassifier(**scalars).fit, X, y)
    np.testing.assert_array_equal(a.coef_, b.coef_)


def test_epochs_by_container_and_their_warning():
    X, values, _, _ = table(n=400)
    lazy = dask_array(X, (200, 200)), dask_array(values, (200, 200))
    model = SGDRegressor(random_state=0)
    assert model.fit(*lazy).n_iter_ == 1
    assert len(model.loss_curve_) == 2
    assert model.t_ == 401.0
    assert model.fit(X, values).n_iter_ > 1
    assert len(model.loss_curve_) == model.n_iter_
    for data in (lazy, (X, values)):
        with pytest.warns(ConvergenceWarning, match="Maximum number of iteration"):
            clone(model).set_params(max_iter=2).fit(*data)
        assert clone(model).set_params(max_iter=2, tol=None).fit(*data).n_iter_ == 2
        model.partial_fit(*data)


def test_verbose_prints_scikit_learns_lines(capsys):
    X, values, _, _ = table(n=60)
    chunks = (0, 30, 30)
    SGDRegressor(verbose=1, max_iter=2, tol=None, learning_rate="invscaling").fit(
        dask_array(X, chunks), dask_array(values, chunks)
    )
    ours = capsys.readouterr().out
    theirs.SGDRegressor(verbose=1, max_iter=2, tol=None).fit(X, values)
    words = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert [line.split()[0] for line in ours.splitlines() if line[0] != "["] == words
    assert ours.count("[SGDRegressor] epoch: 3 of 3 blocks, 60 rows, ") == 2
    assert "NNZs: 4" in ours
    assert "T: 120" in ours
    SGDRegressor(max_iter=2, tol=None).fit(X, values)
    assert capsys.readouterr().out == ""
    SGDRegressor(verbose=1).fit(X, values)
    assert "Convergence after" in capsys.readouterr().out


@pytest.mark.parametrize("batch_size", [1, "auto"])
def test_a_model_that_leaves_the_floats_raises_and_is_not_published(batch_size):
    X, values, _, _ = table()
    for scale, params in ((1e100, {"learning_rate": "constant", "eta0": 1e300}), (1e200, {})):
        model = SGDRegressor(batch_size=batch_size, max_iter=2, tol=None, **params)
        if batch_size == "auto" and not params:
            continue  # "auto" is blind to scale
        with pytest.raises(ValueError, match="under-/overflow occurred at epoch #"):
            model.fit(X * scale, values)
        assert not hasattr(model, "coef_")


def test_a_last_step_that_leaves_the_floats_raises():
    """No loss is left to show it."""
    X, values, _, _ = table()
    model = SGDRegressor(learning_rate="constant", eta0=1e300, batch_size=32, max_iter=1, tol=None)
    with pytest.raises(ValueError, match="under-/overflow occurred at epoch #1"):
        model.fit(X * 1e100, values)
    assert not hasattr(model, "coef_")


def test_weights_of_zero_for_all_rows_are_refused():
    X, values, y, _ = table()
    for wrap in (lambda a: a, lambda a: dask_array(a, (16, 16))):
        with pytest.raises(ValueError, match="at least one non-zero"):
            SGDClassifier().fit(wrap(X), wrap(y), sample_weight=wrap(np.zeros(32)))
        with pytest.raises(ValueError, match="at least one non-zero"):
            SGDRegressor().partial_fit(wrap(X), wrap(values), sample_weight=wrap(np.zeros(32)))
        with pytest.raises(ValueError, match="sample_weight contains"):
            SGDRegressor().fit(wrap(X), wrap(values), sample_weight=wrap(np.full(32, np.nan)))
        with pytest.raises(ValueError, match="at least one non-zero"):
            SGDRegressor().fit(wrap(X), wrap(values), sample_weight=0.0)


def test_weights_and_targets_as_lists_and_columns():
    X, values, y, rows = table()
    how = {"random_state": 0, **LAST}
    want = SGDClassifier(**how).fit(dask_array(X, (16, 16)), dask_array(y, (16, 16)))
    got = SGDClassifier(**how).fit(dask_array(X, (16, 16)), y.tolist())
    np.testing.assert_array_equal(got.coef_, want.coef_)
    column = SGDClassifier(**how).fit(dask_array(X, (16, 16)), dask_array(y[:, None], (16, 16)))
    np.testing.assert_array_equal(column.coef_, want.coef_)
    want = SGDRegressor(**how).fit(X, values, sample_weight=rows)
    got = SGDRegressor(**how).fit(X.tolist(), values.tolist(), sample_weight=rows.tolist())
    np.testing.assert_array_equal(got.coef_, want.coef_)


# Rows that are not numbers


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("loss", ["hinge", "log_loss"])
def test_newton_steps_find_what_is_not_finite_whatever_the_model_makes_of_it(backend, loss, value):
    """Infinity on the right side of a hinge has no loss and no gradient, and is an error still."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(800, 3))
    y = (X[:, 0] + rng.normal(size=len(X)) > 0).astype(int)
    model = SGDClassifier(loss=loss, random_state=0).partial_fit(
        backend.asarray(X), backend.asarray(y), classes=[0, 1]
    )
    before = vars(model).copy()
    for label in (0, 1):
        X[600, 0], y[600] = value, label
        for call in (model.partial_fit, model.fit):
            with pytest.raises(ValueError, match=r"Input X contains (NaN|infinity)"):
                call(backend.asarray(X), backend.asarray(y))
            assert vars(model).keys() == before.keys()
            assert all(value is before[name] for name, value in vars(model).items())
