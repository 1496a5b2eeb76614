"""Scores of streams: of all rows, of the last ones and of rows that fade, however they are cut."""

from __future__ import annotations

import pickle
from functools import partial
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as theirs

from streamlearn import metrics
from streamlearn.linear_model import SGDClassifier
from streamlearn.metrics import Progressive
from streamlearn.metrics.forgetting import Fading, Window
from tests.containers import N_ROWS, Container, dask_array
from tests.metrics.cases import (
    FORECASTS,
    GUESSED_NAMES,
    GUESSES,
    LABELS,
    NAMES,
    OUTPUTS,
    P_YES,
    SCORES,
    VALUES,
    WEIGHTS,
    YES,
    P,
    assert_same,
)

REPORT = {
    "accuracy": "accuracy",
    "F1": partial(metrics.f1_score, average="macro"),
    "kappa": metrics.cohen_kappa_score,
    "confusion": partial(metrics.confusion_matrix, normalize="all"),
}
OF_VALUES = {"R2": "r2", "MAE": metrics.mean_absolute_error, "median": "neg_median_absolute_error"}


def cut(cuts, *arrays):
    edges = [0, *sorted(cuts), N_ROWS]
    for start, stop in pairwise(edges):
        yield [x[start:stop] for x in arrays]


def fed(scores: Progressive, cuts, *arrays, weight=None, wrap=np.asarray) -> Progressive:
    for block in cut(cuts, *arrays, *([] if weight is None else [weight])):
        how = {} if weight is None else {"sample_weight": wrap(block.pop())}
        scores.update(*map(wrap, block), **how)
    return scores


def wanted(y, predicted, weight=None) -> dict:
    how = {"sample_weight": weight}
    return {
        "accuracy": theirs.accuracy_score(y, predicted, **how),
        "F1": theirs.f1_score(y, predicted, average="macro", **how),
        "kappa": theirs.cohen_kappa_score(y, predicted, **how),
        "confusion": theirs.confusion_matrix(y, predicted, normalize="all", **how),
    }


CUTS = [(), (70, 70, 91), tuple(range(1, N_ROWS)), (199,), (1, 2, 150)]
cuts_of_rows = st.lists(st.integers(0, N_ROWS), max_size=8)


@pytest.mark.parametrize("weight", [None, WEIGHTS])
@pytest.mark.parametrize("cuts", CUTS, ids=len)
def test_the_score_of_a_stream_is_that_of_all_rows(cuts, weight):
    scores = fed(Progressive(REPORT), cuts, LABELS, GUESSES, weight=weight)
    assert_same(scores.score(), wanted(LABELS, GUESSES, weight), 1e-12)
    assert scores.n_rows_ == N_ROWS


@settings(max_examples=25)
@given(cuts=cuts_of_rows, window=st.integers(1, 250))
def test_a_window_is_the_last_rows_however_they_are_cut(cuts, window):
    scores = fed(Progressive(REPORT, window=window), cuts, LABELS, GUESSES)
    last = slice(max(0, N_ROWS - window), None)
    assert_same(scores.window_score(), wanted(LABELS[last], GUESSES[last]), 1e-12)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
@pytest.mark.parametrize("step", [1, 7, 50])
def test_a_window_is_right_after_each_block(step):
    scores = Progressive(metrics.accuracy_score, window=30)
    for stop in range(step, N_ROWS + 1, step):
        rows = slice(stop - step, stop)
        scores.update(LABELS[rows], GUESSES[rows])
        last = slice(max(0, stop - 30), stop)
        assert scores.window_score() == pytest.approx(np.mean(LABELS[last] == GUESSES[last]))


@settings(max_examples=25)
@given(
    cuts=cuts_of_rows,
    factor=st.sampled_from([1e-9, 0.05, 0.5, 0.8, 0.9, 0.97, 0.999, 1 - 1e-9]),
    weighted=st.booleans(),
)
def test_rows_fade_with_each_row_that_follows(cuts, factor, weighted):
    own = 1 + WEIGHTS if weighted else None
    scores = fed(Progressive(REPORT, fading_factor=factor), cuts, LABELS, GUESSES, weight=own)
    weight = factor ** np.arange(N_ROWS)[::-1] * (1 if own is None else own)
    got, want = scores.faded_score(), wanted(LABELS, GUESSES, weight)
    if factor < 0.1:  # labels of rows that are forgotten have no weight, and no place in a matrix
        got, want = got["accuracy"], want["accuracy"]
    assert_same(got, want, 1e-12)


@pytest.mark.parametrize("factor", [0.9, 0.99])
def test_a_long_stream_fades_as_its_paper_says(factor):
    """The sums S and B of Gama et al. (2013), row by row."""
    right = np.random.default_rng(0).random(20_000) < np.linspace(0.2, 0.9, 20_000)
    scores, S, B = Progressive("accuracy", fading_factor=factor), 0.0, 0.0
    for start in range(0, len(right), 617):
        some = right[start : start + 617]
        scores.update(np.ones(len(some), int), some.astype(int))
        for hit in some:
            S, B = hit + factor * S, 1 + factor * B
        assert scores.faded_score() == pytest.approx(S / B, rel=1e-12)


def test_what_is_kept_of_a_stream_does_not_grow():
    scores = Progressive(metrics.f1_score, window=100, fading_factor=0.9)
    sizes = []
    for _ in range(6):
        for _ in range(50):
            scores.update(YES, YES[::-1])
        sizes.append(len(pickle.dumps(scores)))
    assert max(sizes[1:]) < 1.2 * sizes[0]


def test_rows_in_a_window_are_copies():
    scores = Progressive("accuracy", window=150)
    y, predicted = np.empty(100, int), np.empty(100, int)
    for rows in (slice(0, 100), slice(100, 200)):
        y[:], predicted[:] = LABELS[rows], GUESSES[rows]
        scores.update(y, predicted)
    assert scores.window_score() == pytest.approx(np.mean(LABELS[50:] == GUESSES[50:]))


OTHERS = {
    "values": (OF_VALUES, VALUES, FORECASTS),
    "outputs": ("neg_mean_squared_error", OUTPUTS, OUTPUTS[::-1]),
    "scores": ("roc_auc", YES, SCORES),
    "probabilities": ("neg_log_loss", LABELS, P),
    "Brier": ("neg_brier_score", YES, P_YES),
    "text": (REPORT, NAMES, GUESSED_NAMES),
}


def alone(given, y, predicted, weight=None):
    """Return our metrics of all rows at once."""
    scores = Progressive(given).update(y, predicted, sample_weight=weight)
    return scores.score()


@pytest.mark.parametrize("what", OTHERS)
def test_any_metric_of_any_predictions(what, backend):
    report, y, predicted = OTHERS[what]
    wrap = Container("array", backend).wrap
    scores = Progressive(report, window=90, fading_factor=0.98)
    fed(scores, (60, 61, 130), y, predicted, wrap=wrap)
    rel = 3000 * backend.eps
    assert_same(scores.score(), alone(report, y, predicted), rel)
    assert_same(scores.window_score(), alone(report, y[-90:], predicted[-90:]), rel)
    fading = 0.98 ** np.arange(N_ROWS)[::-1]
    assert_same(scores.faded_score(), alone(report, y, predicted, fading), rel)


def test_frames_and_predictions_of_several_methods():
    report = {"accuracy": "accuracy", "AUC": "roc_auc"}
    scores = Progressive(report, window=120)
    for y, p in cut((30, 100), YES, P_YES):
        given = {"predict": pd.Series(p > 0.5).astype(int), "predict_proba": pd.Series(p)}
        scores.update(pd.Series(y), given)
    assert scores.score() == {
        "accuracy": pytest.approx(np.mean((P_YES > 0.5) == YES)),
        "AUC": pytest.approx(theirs.roc_auc_score(YES, P_YES)),
    }
    assert scores.window_score()["AUC"] == pytest.approx(
        theirs.roc_auc_score(YES[-120:], P_YES[-120:])
    )
    with pytest.raises(ValueError, match=r"earlier blocks were y_pred\['decision_function'\]") as e:
        Progressive("roc_auc").update(YES, {"decision_function": SCORES}).update(
            YES, {"predict_proba": P_YES}
        )
    assert "Give the same ones" in str(e.value)


def test_clusters_of_a_stream():
    scores = Progressive({"CH": metrics.calinski_harabasz_score, "ARI": "adjusted_rand_score"})
    with pytest.raises(ValueError, match="should be a 1d array"):
        scores.update(OUTPUTS, GUESSES)
    scores = Progressive(metrics.calinski_harabasz_score, window=80)
    fed(scores, (10, 90), OUTPUTS, GUESSES)
    assert scores.score() == pytest.approx(theirs.calinski_harabasz_score(OUTPUTS, GUESSES))
    assert scores.window_score() == pytest.approx(
        theirs.calinski_harabasz_score(OUTPUTS[-80:], GUESSES[-80:])
    )


def test_a_sample_of_a_window_has_no_row_twice():
    silhouette = partial(metrics.silhouette_score, sample_size=80, random_state=0)
    scores = fed(Progressive(silhouette, window=80), (10, 90, 130), OUTPUTS, GUESSES)
    assert scores.window_score() == pytest.approx(
        theirs.silhouette_score(OUTPUTS[-80:], GUESSES[-80:])
    )


def test_a_model_that_is_tested_before_it_learns():
    rng = np.random.default_rng(0)
    model = SGDClassifier(classes=[False, True], random_state=0)
    scores, right = Progressive("accuracy", window=300), []
    for day in range(10):
        X = rng.normal(size=(200, 3))
        y = X[:, 0] > 0
        if day:
            scores.update(y, model.predict(X))
            right += [*(model.predict(X) == y)]
        model.partial_fit(X, y)
    assert scores.score() == pytest.approx(np.mean(right))
    assert scores.window_score() == pytest.approx(np.mean(right[-300:]))


def test_a_stream_goes_on_after_a_pickle():
    scores = fed(Progressive(REPORT, window=50, fading_factor=0.9), (20,), LABELS, GUESSES)
    again = pickle.loads(pickle.dumps(scores))
    for each in (scores, again):
        each.update(LABELS[:30], GUESSES[30:60])
    assert_same(again.window_score(), scores.window_score(), 1e-15)
    assert_same(again.faded_score(), scores.faded_score(), 1e-15)


def test_errors_and_warnings_name_the_block_and_point_to_the_caller():
    scores = Progressive("f1").update(YES, YES)
    with pytest.raises(ValueError, match=r"Block 1 of y_true contains NaN"):
        scores.update(np.full(3, np.nan), np.zeros(3))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        scores.update(YES, YES[1:])
    assert scores.n_rows_ == N_ROWS
    with pytest.warns(match="Precision is ill-defined") as warned:
        Progressive("precision").update([0, 1], [0, 0]).score()
    assert [w.filename for w in warned] == [__file__]


WRONG = {
    "no metric": ({}, {}, ValueError, "metrics is empty"),
    "a metric of scikit-learn": (theirs.f1_score, {}, TypeError, "not a function of streamlearn"),
    "no scorer": ("f3", {}, ValueError, "'f3' is not one of scikit-learn's scorers.*accuracy"),
    "no window": ("r2", {"window": 0}, ValueError, "window=0 must be at least 1"),
    "a window of text": ("r2", {"window": "week"}, TypeError, "window must be a number of rows"),
    "no fading": ("r2", {"fading_factor": 1.0}, ValueError, "greater than 0 and less than 1"),
    "fading of text": ("r2", {"fading_factor": "slow"}, TypeError, "must be a number or None"),
    "no weights": (
        {"ARI": "adjusted_rand_score"},
        {"fading_factor": 0.9},
        ValueError,
        r"metrics\['ARI'\] takes no weights.*Leave fading_factor out",
    ),
}


@pytest.mark.complete
@pytest.mark.parametrize("what", WRONG)
def test_wrong_parameters_are_refused(what):
    given, how, error, message = WRONG[what]
    with pytest.raises(error, match=message):
        Progressive(given, **how)


@pytest.mark.parametrize(
    "given",
    [
        metrics.confusion_matrix,
        partial(metrics.accuracy_score, normalize=False),
        metrics.classification_report,
    ],
)
def test_sums_of_weights_have_no_unit_if_rows_fade(given):
    scores = Progressive(given, fading_factor=0.9)
    with pytest.raises(ValueError, match=r"no unit if rows fade. Give a parameter"):
        scores.update(YES, YES)


def test_a_first_block_of_one_class_fades_too():
    scores = Progressive("neg_log_loss", fading_factor=0.9)
    half = np.full((3, 2), 0.5)
    scores.update([0, 0, 0], half).update([0, 1, 1], half)
    assert scores.faded_score() == pytest.approx(-np.log(2))


def test_what_has_no_rows_has_no_score():
    scores = Progressive("accuracy", window=5, fading_factor=0.5).update(LABELS[:0], GUESSES[:0])
    assert scores.n_blocks_ == 0
    for score in (scores.score, scores.window_score, scores.faded_score):
        with pytest.raises(ValueError, match=r"no rows yet.*Call update"):
            score()
    scores.update([1], [1], sample_weight=[0.0])
    for score in (scores.score, scores.window_score, scores.faded_score):
        with pytest.raises(ValueError, match="at least one non-zero"):
            score()
    scores = Progressive("accuracy").update([1], [1])
    with pytest.raises(ValueError, match=r"window is None\. Give"):
        scores.window_score()
    with pytest.raises(ValueError, match=r"fading_factor is None\. Give"):
        scores.faded_score()


def test_what_reads_twice_and_what_is_lazy_is_refused():
    scores = Progressive(metrics.davies_bouldin_score).update(OUTPUTS, GUESSES)
    with pytest.raises(TypeError, match="reads the data twice"):
        scores.score()
    with pytest.raises(TypeError, match=r"y_true is a collection.*streamlearn\.metrics\.compute"):
        Progressive("accuracy").update(dask_array(LABELS), dask_array(GUESSES))
    with pytest.raises(ValueError, match="y_true, which is None"):
        Progressive("accuracy").update(None, GUESSES)
    with pytest.raises(ValueError, match="y_pred is None"):
        Progressive("accuracy").update(LABELS, None)


def test_a_window_merges_twice_a_block():
    merges = []
    window = Window(1000, lambda a, b: merges.append(1) or a + b)
    for n in range(5000):
        window.add(1, n, (n,))
        if n % 500 == 0:
            assert window.sums(lambda *_: ()) == tuple(range(max(0, n - 999), n + 1))
    assert len(merges) < 2.1 * 5000


def note(seen, _, weight):
    seen.append((weight.min(), weight.max()))


def test_weights_that_grow_stay_in_the_range_of_float32():
    for factor in (1e-300, 0.1, 0.5, 0.9, 0.999):
        fading, seen = Fading(factor, np.maximum), []
        for rows in (1, 3, 1000, 5 * fading.span, 1):
            fading.add(rows, partial(note, seen))
        low, high = np.transpose(seen)
        assert low.min() > np.finfo(np.float32).tiny
        assert high.max() < 2.0**100
