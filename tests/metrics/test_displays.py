"""Pictures of scores: the same points as scikit-learn's, from one read of the data."""

from __future__ import annotations

import importlib.util
import inspect

import dask
import numpy as np
import pytest
from sklearn import calibration
from sklearn import linear_model as their_models
from sklearn import metrics as theirs
from sklearn.dummy import DummyClassifier
from sklearn.externals._numpydoc import docscrape

from streamlearn import metrics
from streamlearn._validation import messages
from streamlearn.linear_model import SGDClassifier, SGDRegressor
from streamlearn.metrics import drawn_curves, samples
from streamlearn.wrappers import ParallelPostFit
from tests.containers import CHUNKS, N_ROWS, dask_array, dask_frame, frame
from tests.metrics.cases import (
    FORECASTS,
    GUESSED_NAMES,
    GUESSES,
    LABELS,
    NAMES,
    P_YES,
    SCORES,
    SEVERAL,
    VALUES,
    WEIGHTS,
    YES,
    P,
)

pytest.importorskip("matplotlib").use("agg")
plt = pytest.importorskip("matplotlib.pyplot")

TEXT = np.array(["no", "yes"])[YES]
X = np.column_stack([SCORES, P_YES, VALUES])
CURVES = ("RocCurveDisplay", "PrecisionRecallDisplay", "DetCurveDisplay")
NAMED = (*CURVES, "CalibrationDisplay", "ConfusionMatrixDisplay", "PredictionErrorDisplay")


def their(name):
    return getattr(calibration if name == "CalibrationDisplay" else theirs, name)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def drawn(display) -> dict:
    """Return what a display holds, without what is drawn, and the texts of the axes."""
    held = {
        name: value
        for name, value in vars(display).items()
        if not name.endswith("_") and name not in ("y_prob", "text_")
    }
    texts = [display.ax_.get_xlabel(), display.ax_.get_ylabel()]
    legend = display.ax_.get_legend()
    texts += [] if legend is None else [text.get_text() for text in legend.get_texts()]
    return held | {"texts": texts}


def assert_same_picture(got, want):
    a, b = drawn(got), drawn(want)
    assert list(a) == list(b)
    for name in a:
        if isinstance(b[name], np.ndarray) and b[name].dtype.kind in "fi":
            np.testing.assert_allclose(a[name], b[name], rtol=1e-12, atol=1e-14)
        elif isinstance(b[name], float):
            assert a[name] == pytest.approx(b[name], rel=1e-12)
        else:
            np.testing.assert_array_equal(a[name], b[name])


GIVEN = {
    **{name: (name, YES, SCORES, {}) for name in CURVES},
    **{f"{name} of text": (name, TEXT, SCORES, {"pos_label": "no"}) for name in CURVES},
    **{f"{name} named": (name, YES, SCORES, {"name": "ours"}) for name in CURVES},
    "whole ROC": ("RocCurveDisplay", YES, SCORES, {"drop_intermediate": False}),
    "ROC with chance": (
        "RocCurveDisplay", YES, SCORES, {"plot_chance_level": True, "despine": True},
    ),
    "PR with chance": ("PrecisionRecallDisplay", YES, SCORES, {"plot_chance_level": True}),
    "calibration": ("CalibrationDisplay", YES, P_YES, {}),
    "calibration of text": (
        "CalibrationDisplay", TEXT, P_YES, {"pos_label": "yes", "n_bins": 8, "ref_line": False},
    ),
    "calibration by quantiles": ("CalibrationDisplay", YES, P_YES, {"strategy": "quantile"}),
    "confusion": ("ConfusionMatrixDisplay", LABELS, GUESSES, {}),
    "confusion of text": ("ConfusionMatrixDisplay", NAMES, GUESSED_NAMES, {"colorbar": False}),
    "confusion of some": (
        "ConfusionMatrixDisplay", LABELS, GUESSES, {"labels": [2, 0], "normalize": "true"},
    ),
    "confusion with names": (
        "ConfusionMatrixDisplay", LABELS, GUESSES, {"display_labels": ["a", "b", "c"]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("wrap", [np.asarray, dask_array, dask_frame, frame])
@pytest.mark.parametrize("what", GIVEN)
def test_pictures_of_predictions_are_scikit_learns(what, wrap):
    name, y, predicted, how = GIVEN[what]
    want = their(name).from_predictions(y, predicted, **how)
    got = getattr(metrics, name).from_predictions(wrap(y), wrap(predicted), **how)
    assert_same_picture(got, want)
    if name == "ConfusionMatrixDisplay":
        texts = [[text.get_text() for text in d.text_.ravel()] for d in (got, want)]
        assert texts[0] == texts[1]
        assert list(got.display_labels) == list(want.display_labels)


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("name", [*CURVES, "ConfusionMatrixDisplay"])
def test_pictures_count_weights(name, lazy):
    wrap = dask_array if lazy else np.asarray
    predicted = SCORES if name in CURVES else GUESSES > 0
    want = their(name).from_predictions(YES, predicted, sample_weight=WEIGHTS)
    got = getattr(metrics, name).from_predictions(
        wrap(YES), wrap(predicted), sample_weight=wrap(WEIGHTS)
    )
    if name == "PrecisionRecallDisplay":
        assert got.prevalence_pos_label == pytest.approx(np.average(YES, weights=WEIGHTS))
        got.prevalence_pos_label = want.prevalence_pos_label
    assert_same_picture(got, want)


MODELS = {
    "probabilities": SGDClassifier(loss="log_loss", random_state=0),
    "scores": SGDClassifier(loss="hinge", random_state=0),
}


@pytest.mark.parametrize("pos_label", [None, "no", "yes"])
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *((name, "scores") for name in CURVES),
        *((name, "probabilities") for name in (*CURVES, "CalibrationDisplay")),
    ],
)
def test_pictures_of_estimators_are_scikit_learns(name, kind, pos_label):
    model = MODELS[kind].fit(X, TEXT)
    want = their(name).from_estimator(model, X, TEXT, pos_label=pos_label)
    reads: list = []
    given = dask_array(X, log=reads), dask_array(TEXT)
    with dask.config.set(scheduler="sync"):
        got = getattr(metrics, name).from_estimator(model, *given, pos_label=pos_label)
    assert_same_picture(got, want)
    assert sorted(reads) == [*range(len(CHUNKS))]
    in_memory = getattr(metrics, name).from_estimator(model, X, TEXT, pos_label=pos_label)
    assert_same_picture(in_memory, want)


def test_a_response_is_chosen_by_name():
    model = MODELS["probabilities"].fit(X, TEXT)
    for method in ("predict_proba", "decision_function"):
        want = theirs.RocCurveDisplay.from_estimator(model, X, TEXT, response_method=method)
        got = metrics.RocCurveDisplay.from_estimator(
            model, dask_array(X), dask_array(TEXT), response_method=method
        )
        assert_same_picture(got, want)


def test_the_confusion_matrix_of_an_estimator_is_one_read():
    model = their_models.LogisticRegression().fit(X, NAMES)
    want = theirs.ConfusionMatrixDisplay.from_estimator(model, X, NAMES)
    reads: list = []
    given = dask_array(X, log=reads), dask_array(NAMES)
    with dask.config.set(scheduler="sync"):
        got = metrics.ConfusionMatrixDisplay.from_estimator(ParallelPostFit(model), *given)
    assert_same_picture(got, want)
    assert sorted(reads) == [*range(len(CHUNKS))]


KINDS = ["actual_vs_predicted", "residual_vs_predicted"]


@pytest.mark.parametrize("kind", KINDS)
def test_all_prediction_errors_are_scikit_learns(kind):
    how = {"kind": kind, "subsample": None}
    want = theirs.PredictionErrorDisplay.from_predictions(VALUES, FORECASTS, **how)
    got = metrics.PredictionErrorDisplay.from_predictions(
        dask_array(VALUES), dask_array(FORECASTS), **how
    )
    for name in ("y_true", "y_pred"):
        np.testing.assert_array_equal(np.sort(getattr(got, name)), np.sort(getattr(want, name)))
    pairs = set(zip(VALUES, FORECASTS, strict=True))
    assert set(zip(got.y_true, got.y_pred, strict=True)) == pairs
    for axis in ("get_xlabel", "get_ylabel", "get_xlim", "get_ylim"):
        a, b = (getattr(d.ax_, axis)() for d in (got, want))
        assert a == (b if isinstance(b, str) else pytest.approx(b))


def test_prediction_errors_are_a_sample_from_one_read():
    model, reads = SGDRegressor(random_state=0).fit(X, VALUES), []
    how = {"subsample": 50, "random_state": 2}
    with dask.config.set(scheduler="sync"):
        got = metrics.PredictionErrorDisplay.from_estimator(
            model, dask_array(X, log=reads), dask_array(VALUES), **how
        )
    assert sorted(reads) == [*range(len(CHUNKS))]
    assert got.y_true.shape == got.y_pred.shape == (50,)
    other = metrics.PredictionErrorDisplay.from_estimator(model, X, VALUES, **how)
    np.testing.assert_array_equal(got.y_true, other.y_true)
    np.testing.assert_allclose(got.y_pred, other.y_pred)


def test_a_share_of_the_prediction_errors(monkeypatch):
    given = dask_array(VALUES), dask_array(FORECASTS)
    draw = metrics.PredictionErrorDisplay.from_predictions
    half = draw(*given, subsample=0.5, random_state=0)
    assert 70 < len(half.y_true) < 130
    same = draw(VALUES, FORECASTS, subsample=0.5, random_state=0)
    np.testing.assert_array_equal(half.y_true, same.y_true)
    monkeypatch.setattr(samples, "WITHOUT_SIZE", 60)
    for subsample in (None, 0.5):
        with pytest.raises(ValueError, match=r"more than 60\. Give subsample=1_000"):
            draw(*given, subsample=subsample)


@pytest.mark.parametrize("name", CURVES)
def test_many_points_are_thinned_and_the_area_is_that_of_all(name, monkeypatch):
    monkeypatch.setattr(drawn_curves, "MOST_POINTS", 60)
    rng = np.random.default_rng(0)
    scores = rng.normal(size=N_ROWS) + YES
    got = getattr(metrics, name).from_predictions(YES, scores, drop_intermediate=False)
    want = their(name).from_predictions(YES, scores, drop_intermediate=False)
    for held, value in drawn(want).items():
        if isinstance(value, np.ndarray):
            points = drawn(got)[held]
            assert len(points) <= 60 < len(value)
            assert points[0] == value[0]
            assert points[-1] == value[-1]
            assert set(np.round(points, 12)) <= set(np.round(value, 12))
        elif isinstance(value, float):
            assert drawn(got)[held] == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("method", ["from_predictions", "from_estimator"])
def test_parameters_are_scikit_learns_and_documented(name, method):
    ours, want = (getattr(cls, method) for cls in (getattr(metrics, name), their(name)))
    former = {"y_pred"} if name in CURVES else set()
    former |= {"kwargs"} if name == "PrecisionRecallDisplay" else set()
    given, known = (inspect.signature(f).parameters for f in (ours, want))
    assert list(given) == [p for p in known if p not in former]
    for p in given:
        if p != "y_score":
            assert given[p].default == known[p].default
    if ours.__module__.startswith("streamlearn"):
        doc = docscrape.FunctionDoc(ours)
        said = [part.lstrip("*") for p in doc["Parameters"] for part in p.name.split(", ")]
        assert said == list(given)


REFUSED = {
    "three classes": (
        "RocCurveDisplay", LABELS, SCORES, {}, "not binary. It has 3 labels.*Give y == label",
    ),
    "several columns": ("DetCurveDisplay", YES, P, {}, "3 columns"),
    "several labels": ("RocCurveDisplay", SEVERAL, P, {}, "3 columns"),
    "text": ("PrecisionRecallDisplay", TEXT, SCORES, {}, "pos_label"),
    "no probabilities": ("CalibrationDisplay", YES, 9 + P_YES, {}, r"outside \[0, 1\]"),
    "no bins": ("CalibrationDisplay", YES, P_YES, {"n_bins": 0}, "n_bins"),
    "no kind": ("PredictionErrorDisplay", VALUES, FORECASTS, {"kind": "errors"}, "`kind` must be"),
    "no rows": ("PredictionErrorDisplay", VALUES, FORECASTS, {"subsample": 0}, "be positive"),
    "more than all": (
        "PredictionErrorDisplay", VALUES, FORECASTS, {"subsample": 1.5}, r"in the \(0, 1\) range",
    ),
    "outputs": ("PredictionErrorDisplay", P, P, {}, "Give one column at a time"),
}  # fmt: skip


@pytest.mark.complete
@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_drawn_is_refused(what):
    name, y, predicted, how, message = REFUSED[what]
    with pytest.raises(ValueError, match=message):
        getattr(metrics, name).from_predictions(dask_array(y), dask_array(predicted), **how)


def test_estimators_that_have_no_curve_are_refused():
    draw = metrics.RocCurveDisplay.from_estimator
    with pytest.raises(ValueError, match=r"binary classifier. Got SGDRegressor"):
        draw(SGDRegressor(random_state=0).fit(X, VALUES), X, YES)
    with pytest.raises(ValueError, match=r"Got 3 classes instead. Give the scores of one"):
        draw(DummyClassifier().fit(X, LABELS), X, LABELS)
    model = MODELS["scores"].fit(X, YES)
    with pytest.raises(ValueError, match=r"pos_label=7 is not a valid label.*\[0, 1\]"):
        draw(model, X, YES, pos_label=7)
    with pytest.raises(ValueError, match="response_method='predict' must be 'auto'"):
        draw(model, X, YES, response_method="predict")
    with pytest.raises(AttributeError, match="predict_proba"):
        metrics.CalibrationDisplay.from_estimator(model, X, YES)
    with pytest.raises(ValueError, match="only supports classifiers"):
        metrics.ConfusionMatrixDisplay.from_estimator(SGDRegressor().fit(X, VALUES), X, YES)


@pytest.mark.parametrize("name", NAMED)
def test_without_matplotlib_nothing_is_read(name, monkeypatch):
    monkeypatch.setattr(messages, "find_spec", lambda _: None)
    reads: list = []
    y = dask_array(YES, log=reads)
    said = rf'{name} draws with.*pip install "dask-streamlearn\[plot\]"'
    with pytest.raises(ImportError, match=said):
        getattr(metrics, name).from_predictions(y, y)
    assert not reads
    assert importlib.util.find_spec("matplotlib") is not None


def test_warnings_point_to_the_caller():
    with pytest.warns(match="No negative samples") as warned:
        metrics.RocCurveDisplay.from_predictions(dask_array(0 * YES + 1), dask_array(SCORES))
    assert {w.filename for w in warned} == {__file__}
