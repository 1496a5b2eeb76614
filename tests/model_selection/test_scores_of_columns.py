"""Scores of several linear models from their decisions: those of each model by itself."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import check_scoring, log_loss, make_scorer

from streamlearn import blocks as engine
from streamlearn import model_selection
from streamlearn.linear_model import SGDClassifier, SGDRegressor
from streamlearn.linear_model.many_models import many_models
from streamlearn.wrappers.block_scores import block_score
from tests.backends import open_backend

rng = np.random.default_rng(0)
X = rng.normal(size=(400, 3)) * [1, 10, 100]
SIGNAL = X @ [1, 0.1, 0.01] + rng.normal(size=len(X))
LABELS = {
    "numbers": (SIGNAL > 0).astype(int),
    "text": np.where(SIGNAL > 0, "yes", "no"),
    "objects": np.where(SIGNAL > 0, "yes", "no").astype(object),
    "four": np.digitize(SIGNAL, [-1.0, 0.0, 1.0]) / 1.0,
}
WEIGHT = rng.integers(0, 3, len(X)) / 2
ALPHAS = (1e-5, 1e-2, 1.0)


def columns(kind, loss, y, *, like=np.asarray, dtype=np.float64):
    """Return three models as columns of one, which have learned from 300 rows."""
    models = many_models([kind(loss, alpha=alpha, random_state=0) for alpha in ALPHAS])
    of_classes = {"classes": np.unique(y)} if kind is SGDClassifier else {}
    return models.partial_fit(like(X[:300].astype(dtype)), like(y[:300]), **of_classes)


def block(y, rows, weighted=False, *, like=np.asarray, dtype=np.float64):
    parts = {"X": like(X[rows].astype(dtype)), "y": like(y[rows])}
    if weighted:
        parts["sample_weight"] = like(WEIGHT[rows])
    return engine.Block(0, parts)


def both(models, scoring, given):
    """Return the scores of all models at once, and those of each by itself."""
    scorer = None if scoring is None else check_scoring(scoring=scoring)
    score = block_score(models.members[0], scorer)
    found = score.of_models(models, models.answers(models.scores(given.X)), given)
    alone = [score.of_block(models.model(k), given) for k in range(len(ALPHAS))]
    return found and [*map(score.result, found)], [*map(score.result, alone)]


OF_CLASSES = [
    (loss, scoring)
    for loss in ("log_loss", "modified_huber", "hinge")
    for scoring in ("accuracy", "neg_log_loss", None)
    if (loss, scoring) != ("hinge", "neg_log_loss")
]
OF_VALUES = [
    (loss, scoring)
    for loss in ("squared_error", "poisson")
    for scoring in ("r2", None, "neg_mean_squared_error", "neg_root_mean_squared_error")
] + [
    ("squared_error", scoring)
    for scoring in ("neg_mean_absolute_error", "neg_mean_absolute_percentage_error")
]


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize(("loss", "scoring"), OF_CLASSES)
def test_scores_of_classifiers_at_once_are_those_of_each(loss, scoring, labels, weighted):
    y = LABELS[labels]
    models = columns(SGDClassifier, loss, y)
    for rows in (slice(None), slice(7, 8), np.flatnonzero(y == y[0])):
        at_once, alone = both(models, scoring, block(y, rows, weighted))
        np.testing.assert_allclose(at_once, alone, rtol=1e-13)


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize(("loss", "scoring"), OF_VALUES)
def test_scores_of_regressors_at_once_are_those_of_each(loss, scoring, weighted):
    y = np.exp(SIGNAL / 4) if loss == "poisson" else 1e6 + SIGNAL
    models = columns(SGDRegressor, loss, y)
    of_two = scoring in ("r2", None)
    for rows in (slice(None), slice(7, 9 if of_two else 8)):
        at_once, alone = both(models, scoring, block(y, rows, weighted))
        np.testing.assert_allclose(at_once, alone, rtol=1e-10)


def test_scores_of_models_are_summed_over_slices(monkeypatch):
    monkeypatch.setattr("streamlearn.linear_model.answers.batch_rows", lambda *_, **__: 64)
    y = LABELS["four"]
    models = columns(SGDClassifier, "log_loss", y)
    assert len(models.answers(models.scores(X)).slices()) == 7
    for scoring in ("accuracy", "neg_log_loss"):
        at_once, alone = both(models, scoring, block(y, slice(None), weighted=True))
        np.testing.assert_allclose(at_once, alone, rtol=1e-13)
    models = columns(SGDRegressor, "squared_error", 1e6 + SIGNAL)
    at_once, alone = both(models, "r2", block(1e6 + SIGNAL, slice(None), weighted=True))
    np.testing.assert_allclose(at_once, alone, rtol=1e-9)


def test_the_log_loss_of_extreme_decisions_is_clipped_as_scikit_learn_does():
    y = LABELS["numbers"]
    models = columns(SGDClassifier, "log_loss", y)
    models.coef_ = 1e4 * models.coef_
    for dtype in (np.float64, np.float32):
        given = block(y, slice(None), dtype=dtype)
        (at_once, *_), (alone, *_) = both(models, "neg_log_loss", given)
        theirs = -log_loss(y, models.model(0).predict_proba(given.X))
        assert at_once == pytest.approx(alone, rel=1e-13)
        assert at_once == pytest.approx(theirs, rel=1e-6)


def test_rows_without_weight_have_no_score():
    y = LABELS["numbers"]
    models = columns(SGDClassifier, "log_loss", y)
    given = block(y, slice(0, 5))
    given = given._replace(parts={**given.parts, "sample_weight": np.zeros(5)})
    assert np.isnan(both(models, "neg_log_loss", given)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scores_of_torch(dtype):
    pytest.importorskip("torch", reason="torch has tests of its own")
    cases = (
        (SGDClassifier, "log_loss", "neg_log_loss", LABELS["numbers"]),
        (SGDClassifier, "log_loss", "accuracy", LABELS["four"].astype(int)),
        (SGDRegressor, "squared_error", "r2", SIGNAL),
    )
    with open_backend("torch") as backend:
        for kind, loss, scoring, y in cases:
            how = {"like": backend.asarray, "dtype": dtype}
            at_once, alone = both(
                columns(kind, loss, y, **how), scoring, block(y, slice(None), **how)
            )
            np.testing.assert_allclose(at_once, alone, rtol=1e-5 if dtype == np.float32 else 1e-12)


@pytest.mark.parametrize(
    "scoring",
    [
        "f1",
        "roc_auc",
        make_scorer(log_loss, greater_is_better=False, response_method="predict_proba", labels=[1]),
        make_scorer(log_loss, greater_is_better=False, response_method="decision_function"),
    ],
)
def test_a_score_that_needs_each_model_has_no_form_for_all(scoring):
    y = LABELS["numbers"]
    models = columns(SGDClassifier, "log_loss", y)
    score = block_score(models.members[0], check_scoring(scoring=scoring))
    given = block(y, slice(None))
    assert score.of_models(models, models.answers(models.scores(X)), given) is None


def test_a_search_scores_columns_by_several_scorers_at_once_and_one_by_one():
    search = model_selection.StreamSearchCV(
        SGDClassifier("log_loss", random_state=0),
        {"alpha": ALPHAS},
        scoring=["accuracy", "f1", "neg_log_loss"],
        refit="accuracy",
        random_state=0,
    )
    search.fit(X, LABELS["numbers"])
    alone = model_selection.StreamSearchCV(
        SGDClassifier("log_loss", random_state=0),
        {"alpha": ALPHAS[:1]},
        scoring=["accuracy", "f1", "neg_log_loss"],
        refit="accuracy",
        random_state=0,
    )
    alone.fit(X, LABELS["numbers"])
    for name, scores in alone.progressive_scores_.items():
        np.testing.assert_allclose(search.progressive_scores_[name][:1], scores, rtol=1e-9)
