"""SGDClassifier(loss="multinomial"): logistic regression of all classes together."""

from __future__ import annotations

import warnings

import dask.array as da
import numpy as np
import pytest
from scipy import sparse
from scipy.special import softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline as theirs

from streamlearn.linear_model import SGDClassifier
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler

NAMES = np.array(["low", "mid", "top", "zero"])


def table(n=8000, K=4, seed=0, d=5):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    codes = np.argmax(2 * X @ rng.normal(size=(d, K)) + rng.gumbel(size=(n, K)), axis=1)
    return X * 10.0 ** np.arange(d) + 100.0, NAMES[codes]


def model(**how):
    return SGDClassifier("multinomial", random_state=0, **how)


def in_blocks(*arrays, rows=500):
    return [da.from_array(a, chunks=(rows, *a.shape[1:])) for a in arrays]


@pytest.mark.parametrize("how", ["blocks", "memory", "calls", "sparse", "pipeline"])
def test_it_learns_what_logistic_regression_does(how):
    X, y = table()
    scaled = (X - X.mean(0)) / X.std(0)
    known = LogisticRegression(C=1 / (1e-4 * len(X)), max_iter=500, tol=1e-8).fit(scaled, y)
    best = log_loss(y, known.predict_proba(scaled))
    if how == "blocks":
        p = model().fit(*in_blocks(scaled, y)).predict_proba(scaled)
    elif how == "memory":
        p = model().fit(scaled, y).predict_proba(scaled)
    elif how == "sparse":
        p = model().fit(sparse.csr_array(scaled), y).predict_proba(scaled)
    elif how == "pipeline":
        p = make_pipeline(StandardScaler(), model()).fit(*in_blocks(X, y)).predict_proba(X)
    else:
        learner = model()
        for at in range(0, len(X), 100):
            learner.partial_fit(scaled[at : at + 100], y[at : at + 100], classes=NAMES)
        p = learner.predict_proba(scaled)
    np.testing.assert_allclose(p.sum(axis=1), 1.0, rtol=1e-12)
    assert log_loss(y, p) < 1.01 * best


def test_two_reads_of_refinement_give_the_coefficients_of_logistic_regression():
    X, y = table()
    X = (X - X.mean(0)) / X.std(0)
    weight = np.random.default_rng(0).integers(1, 4, len(X)) * 1.0
    known = LogisticRegression(C=1 / (1e-3 * len(X)), max_iter=2000, tol=1e-10)
    known.fit(X, y, sample_weight=weight)
    X, y, weight = in_blocks(X, y, weight)
    ours = model(alpha=1e-3, refine=3).fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(ours.coef_, known.coef_, atol=2e-4)


def test_two_classes_are_log_loss():
    X, y = table(2000, K=2)
    one, other = (
        SGDClassifier(loss, random_state=0).fit(X, y) for loss in ("multinomial", "log_loss")
    )
    assert one.coef_.tobytes() == other.coef_.tobytes()
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))


def test_scores_are_the_logarithms_of_probabilities_up_to_a_constant():
    X, y = table(2000)
    fitted = model().fit(*in_blocks(X, y))
    scores = fitted.decision_function(X)
    np.testing.assert_allclose(fitted.predict_proba(X), softmax(scores, axis=1), rtol=1e-12)
    np.testing.assert_array_equal(fitted.predict(X), NAMES[np.argmax(scores, axis=1)])
    lost = log_loss(y, fitted.predict_proba(X))
    assert lost < fitted.loss_curve_[0]
    last = np.mean(fitted.loss_curve_[-2:])
    assert abs(last - lost) < 0.15 * lost  # the loss of a row, not the sum or the mean of columns


@pytest.mark.parametrize("rate", ["constant", "optimal", "invscaling", "adaptive"])
@pytest.mark.parametrize("batch_size", ["auto", 1, 32])
def test_explicit_schedules_learn_it_too(rate, batch_size):
    X, y = table(300 if batch_size == 1 else 1500)
    X = (X - X.mean(0)) / X.std(0)
    how = {"learning_rate": rate, "eta0": 0.1, "alpha": 0.01 if rate == "optimal" else 1e-4}
    learner = model(**how, batch_size=batch_size, max_iter=12, tol=None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        learner.fit(X, y)
    assert log_loss(y, learner.predict_proba(X)) < (0.95 if rate == "invscaling" else 0.8) * np.log(
        4
    )


@pytest.mark.parametrize("in_memory", [True, False])
def test_early_stopping_scores_all_classes_together(in_memory):
    X, y = table(2000)
    learner = model(early_stopping=True, max_iter=40, tol=1e-3)
    learner.fit(*((X, y) if in_memory else in_blocks(X, y)))
    assert 1 < learner.n_iter_ < 40
    assert learner.score(X, y) > 0.6


def test_classes_of_weight_0_are_absent_and_balanced_weights_are_those_of_rows():
    X, y = table(4000)
    counts = {name: np.sum(y == name) for name in NAMES}
    weight = np.array([len(y) / 4 / counts[name] for name in y])
    one = model(class_weight="balanced").fit(*in_blocks(X, y))
    other = model().fit(*in_blocks(X, y), sample_weight=in_blocks(weight)[0])
    np.testing.assert_allclose(one.coef_, other.coef_, rtol=1e-6)
    without = model(class_weight={"zero": 0.0}).fit(X, y)
    assert np.mean(without.predict_proba(X)[:, 3]) < 0.05


def test_an_l1_penalty_gives_zeros():
    X, y = table(4000)
    X = np.c_[(X - X.mean(0)) / X.std(0), np.random.default_rng(1).normal(size=(4000, 10))]
    learner = model(penalty="l1", alpha=0.02).fit(*in_blocks(X, y))
    assert np.mean(learner.coef_[:, 5:] == 0.0) > 0.8
    assert np.all(learner.coef_[:, :5].any(axis=1))


def test_too_many_classes_for_one_matrix_are_not_refined():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(400, 40)), np.arange(400) % 60
    with pytest.raises(ValueError, match="40 features of 60 models are too many"):
        model(refine=1).fit(X, y)


def test_it_stands_at_the_end_of_scikit_learns_pipeline():
    X, y = table(2000)
    fitted = theirs(StandardScaler(), model()).fit(*in_blocks(X, y))
    assert fitted.score(*in_blocks(X, y)) > 0.6
