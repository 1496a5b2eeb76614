"""Linear models as columns of one: each learns what it would learn alone."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone

from streamlearn.linear_model import SGDClassifier, SGDRegressor
from streamlearn.linear_model.many_models import common, many_models
from tests.backends import open_backend

rng = np.random.default_rng(0)
X = 1e3 + rng.normal(size=(900, 4)) * [0.1, 1, 10, 100]
SIGNAL = (X - 1e3) @ [10, 1, 0, 0.01] + rng.normal(size=len(X))
WEIGHT = rng.integers(0, 4, len(X)) / 2
ALPHAS = [1e-5, 1e-3, 0.1]


def scheduled(rate, models, kind=SGDClassifier, **params):
    """Return models with an explicit schedule in batches, for rows of such units."""
    return [
        kind(learning_rate=rate, batch_size=32, random_state=0, **{"eta0": 1e-9, **params, **each})
        for each in models
    ]


RATES = [{"eta0": 1e-9, "alpha": 1e-3}, {"eta0": 1e-8, "alpha": 0.1}, {"eta0": 1e-10}]
POWERS = [{"power_t": 0.1}, {"power_t": 0.5, "l1_ratio": 0.9}, {"power_t": 0.25, "eta0": 1e-8}]
COSTS = [{0: 1.0, 1: 5.0}, {0: 0.5, 1: 1.0}, {0: 3, 1: 0.1}]
"""Class weights, which 4 classes have twice; see `for_classes`."""

CASES = {
    "hinge": [SGDClassifier(alpha=a, random_state=0) for a in ALPHAS],
    "log loss": [SGDClassifier("log_loss", alpha=a, random_state=0) for a in ALPHAS],
    "L1": [SGDClassifier("log_loss", penalty="l1", alpha=a, random_state=0) for a in ALPHAS],
    "elastic net": [
        SGDClassifier("squared_hinge", penalty="elasticnet", l1_ratio=r, alpha=0.01, random_state=0)
        for r in (0.1, 0.5, 0.9)
    ],
    "class weights": [
        SGDClassifier(alpha=a, class_weight={0: 1.0, 1: 5.0}, random_state=0) for a in ALPHAS
    ],
    "costs": [SGDClassifier("log_loss", class_weight=w, random_state=0) for w in COSTS],
    "costs near kinks": [
        SGDClassifier(alpha=a, class_weight=w, random_state=0)
        for a, w in zip(ALPHAS, COSTS, strict=True)
    ],
    "squared error": [SGDRegressor(alpha=a, random_state=0) for a in ALPHAS],
    "huber": [SGDRegressor("huber", epsilon=e, random_state=0) for e in (0.1, 1.0, 3.0)],
    "epsilon": [
        SGDRegressor("epsilon_insensitive", epsilon=e, random_state=0) for e in (0.01, 0.1)
    ],
    "quantile": [SGDRegressor("quantile", alpha=a, random_state=0) for a in ALPHAS],
    "quantiles": [
        SGDRegressor("quantile", quantile=q, alpha=a, random_state=0)
        for q, a in zip((0.05, 0.5, 0.9), ALPHAS, strict=True)
    ],
    "constant rates": scheduled("constant", RATES),
    "rates and class weights": scheduled(
        "constant", [{**r, "class_weight": w} for r, w in zip(RATES, COSTS, strict=True)]
    ),
    "powers": scheduled("invscaling", POWERS, loss="log_loss", penalty="elasticnet"),
    "optimal": scheduled("optimal", [{"alpha": a} for a in (10.0, 100.0, 1e3)], average=True),
    "adaptive": scheduled("adaptive", RATES, penalty="l1", average=200),
    "rates of values": scheduled("constant", RATES, SGDRegressor),
    "powers of quantiles": scheduled(
        "invscaling",
        [{**p, "quantile": q} for p, q in zip(POWERS, (0.1, 0.5, 0.7), strict=True)],
        SGDRegressor,
        loss="quantile",
    ),
    "counts": [SGDRegressor("poisson", alpha=a, epsilon=a, random_state=0) for a in ALPHAS],
}
CLASSES = {2: (SIGNAL > 0).astype(int), 4: np.digitize(SIGNAL, [-2.0, 0.0, 2.0])}


def for_classes(model, n_classes):
    """Return an unfitted copy of a model, with class weights for so many classes."""
    model = clone(model)
    weights = getattr(model, "class_weight", None)
    if weights and n_classes == 4:
        model.set_params(class_weight={**weights, **{k + 2: w for k, w in weights.items()}})
    return model


def learned(models, n_classes, weight, like=lambda x: x):
    """Return models that have learned from three blocks alone, and as columns of one."""
    regression = isinstance(models[0], SGDRegressor)
    y = SIGNAL if regression else CLASSES[n_classes]
    y = np.floor(np.exp(0.2 * y)) if models[0].loss == "poisson" else y
    how = {} if regression else {"classes": np.unique(y)}
    apart = [for_classes(model, n_classes) for model in models]
    assert len({common(model) for model in apart} - {None}) == 1
    many = many_models([clone(model) for model in apart])
    for block in (slice(0, 300), slice(300, 600), slice(600, 900)):
        w = None if weight is None else like(weight[block])
        for model in (*apart, many):
            model.partial_fit(like(X[block]), like(y[block]), sample_weight=w, **how)
    return apart, many


def check_same(a, b, rtol):
    for name in ("coef_", "intercept_"):
        want, got = (np.asarray(getattr(model, name)) for model in (a, b))
        assert got.shape == want.shape
        np.testing.assert_allclose(got, want, rtol=rtol, atol=rtol * np.abs(want).max())
    assert b.n_iter_ == a.n_iter_
    assert b.t_ == a.t_
    np.testing.assert_allclose(b.loss_curve_, a.loss_curve_, rtol=rtol)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("name", CASES)
def test_columns_learn_what_models_learn_alone(name, n_classes, weighted):
    apart, many = learned(CASES[name], n_classes, WEIGHT if weighted else None)
    for k, model in enumerate(apart):
        check_same(model, many.model(k), 1e-7)


LONG = {
    "log loss": (SGDClassifier("log_loss", random_state=0), 2),
    "hinge": (SGDClassifier(random_state=0), 4),
    "quantile": (SGDRegressor("quantile", random_state=0), 0),
    "weights": (SGDClassifier(random_state=0, class_weight={k: 1 + k for k in range(4)}), 4),
    "values": (SGDRegressor(random_state=0), 0),
    "L1": (SGDClassifier("squared_hinge", penalty="l1", random_state=0), 4),
}


@pytest.mark.parametrize("name", LONG)
def test_columns_learn_what_models_learn_alone_from_samples_of_long_batches(name):
    model, n_classes = LONG[name]
    rng = np.random.default_rng(0)
    x = 3.0 + rng.normal(size=(2, 12_000, 3))
    y = np.sum(x, axis=2) - 9.0 + rng.standard_t(3, size=x.shape[:2])
    how = {"classes": np.arange(n_classes)} if n_classes else {}
    if n_classes:
        y = np.digitize(y, [0.0] if n_classes == 2 else [-1.0, 0.0, 1.0])
    apart = [clone(model).set_params(alpha=alpha) for alpha in ALPHAS]
    if apart[0].get_params().get("class_weight"):
        for k, one in enumerate(apart):
            one.set_params(class_weight={code: (1.0 + code) ** (2 * k - 1) for code in range(4)})
    many = many_models([clone(one) for one in apart])
    for part in zip(x, y, strict=True):
        for one in (*apart, many):
            one.partial_fit(*part, **how)
    for k, one in enumerate(apart):
        check_same(one, many.model(k), 1e-9)


@pytest.mark.parametrize("name", CASES)
def test_a_column_goes_on_alone_and_with_some_others(name):
    apart, many = learned(CASES[name], 2, None)
    y = np.abs(SIGNAL) if isinstance(apart[0], SGDRegressor) else CLASSES[2]
    few = many.kept([1, 0])
    alone = many.model(1)
    want = many.scores(X)[:, [1, 0]]
    np.testing.assert_allclose(few.scores(X), want, rtol=1e-9, atol=1e-9 * np.abs(want).max())
    for model in (apart[1], few, alone):
        model.partial_fit(X, y)
    check_same(apart[1], alone, 1e-7)
    check_same(apart[1], few.model(0), 1e-7)
    assert alone.get_params() == apart[1].get_params()


def test_scores_of_all_columns_are_those_of_each():
    apart, many = learned(CASES["log loss"], 4, None)
    p = many.scores(X)
    for k, model in enumerate(apart):
        rows, view = many.of_scores(k, p)
        np.testing.assert_allclose(view.predict_proba(rows), model.predict_proba(X), rtol=1e-6)
        assert (view.predict(rows) == model.predict(X)).all()


def test_columns_learn_from_torch():
    pytest.importorskip("torch", reason="torch has tests of its own")
    with open_backend("torch") as backend:
        apart, many = learned(CASES["log loss"], 2, None, lambda x: backend.asarray(x))
        for k, model in enumerate(apart):
            check_same(model, many.model(k), 1e-6)


def test_only_models_that_differ_in_numbers_have_something_in_common():
    one = common(SGDClassifier(alpha=1.0, random_state=0))
    assert one == common(SGDClassifier(alpha=0.1, random_state=0, eta0=3.0))
    for other in (
        SGDClassifier("log_loss", random_state=0),
        SGDClassifier(random_state=1),
        SGDRegressor(random_state=0),
        SGDClassifier(class_weight={0: 2.0}, random_state=0),
        SGDClassifier(class_weight={0: 0.0}, random_state=0),
        *scheduled("constant", [{}, {"class_weight": {0: 2.0}}, {"class_weight": {0: 0.0}}]),
        *scheduled("constant", [{"class_weight": {0: 1.0}}, {"average": True}]),
        *scheduled("invscaling", [{}]),
    ):
        assert common(other) is not None
        assert common(other) != one
    weighed = scheduled("constant", [{"class_weight": {0: w}} for w in (0.0, 1.0, 2.0, 3.0)])
    assert len({common(model) for model in weighed}) == 3
    for none in (
        SGDClassifier(alpha=-1.0),
        SGDClassifier("multinomial"),
        SGDClassifier(learning_rate="optimal"),
        SGDClassifier(learning_rate="optimal", batch_size=1),
        SGDClassifier(learning_rate="pa1"),
        SGDClassifier(early_stopping=True),
        SGDClassifier(random_state=np.random.RandomState(0)),
    ):
        assert common(none) is None
