"""Every metric: scikit-learn's value, in any container, however the rows are cut."""

from __future__ import annotations

import inspect
import re
import warnings
from functools import partial
from pathlib import Path

import dask
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as theirs
from sklearn.externals._numpydoc import docscrape

from streamlearn import metrics
from streamlearn.blocks import from_blocks
from streamlearn.linear_model import SGDClassifier
from tests import containers
from tests.containers import CHUNKS, N_ROWS, Container, dask_array, dask_frame, frame
from tests.metrics.cases import (
    ALL,
    OF_CLASSES,
    OF_LABELS,
    OF_SCORES,
    OF_VALUES,
    SCORES,
    WEIGHTS,
    assert_same,
    their,
)

no_warning = pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
"""Rows that weigh nothing have no score of their own, and both libraries warn of it."""

FUNCTIONS = sorted(n for n in metrics.__all__ if not inspect.isclass(getattr(metrics, n)))
OURS = {"compute", "simplified_silhouette_score"}
"""What scikit-learn has not."""

WEIGHTED = [(name, weighted) for name, case in ALL.items() for weighted in case.weights]


def test_the_public_metrics_are_in_the_table():
    assert {case.name for case in ALL.values()} | OURS == set(FUNCTIONS)


def test_the_guide_lists_the_names_that_are_missing():
    page = (Path(__file__).parents[2] / "docs/guide/metrics.md").read_text(encoding="utf-8")
    _, table = page.split("These names of `sklearn.metrics` are not here:")
    listed = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`[^|]*)\|", table, re.M))))
    missing = {*theirs.__all__} - {*metrics.__all__, "cluster"}
    distances = {name for name in missing if re.match("(pairwise|nan_euclidean)_distances", name)}
    assert missing - distances <= listed
    assert not listed & {*metrics.__all__}


@pytest.mark.complete
@pytest.mark.parametrize("name", FUNCTIONS)
def test_parameters_are_scikit_learns_and_documented(name):
    ours = inspect.signature(getattr(metrics, name)).parameters
    doc = docscrape.FunctionDoc(getattr(metrics, name))
    documented = [part for p in doc["Parameters"] for part in p.name.lstrip("*").split(", ")]
    assert documented == list(ours)
    assert doc["Returns"]
    assert doc["Examples"]
    if name not in OURS:
        want = dict(inspect.signature(their(name)).parameters)
        if name in ("log_loss", "d2_log_loss_score"):  # which still take a former name
            del want["y_pred"]
        assert list(ours) == list(want)
        assert all(
            ours[p].default is want[p].default or ours[p].default == want[p].default
            for p in ours
            if p != "y_proba"
        )


@no_warning
@pytest.mark.parametrize(("name", "weighted"), WEIGHTED)
@pytest.mark.parametrize(("backend", "kind"), containers.CASES, indirect=["backend"])
def test_scikit_learns_value_in_any_container(name, weighted, backend, kind):
    case, wrap = ALL[name], Container(kind, backend).wrap
    how = {"sample_weight": wrap(WEIGHTS)} if weighted else {}
    got = case.ours(wrap(case.y), wrap(case.predicted), **how)
    assert_same(got, case.want(WEIGHTS if weighted else None), 1000 * backend.eps)


@no_warning
@pytest.mark.complete
@pytest.mark.parametrize(("name", "weighted"), WEIGHTED)
def test_scikit_learns_value_over_blocks(name, weighted):
    case = ALL[name]
    how = {"sample_weight": dask_array(WEIGHTS)} if weighted else {}
    got = case.ours(dask_array(case.y), dask_array(case.predicted), **how)
    assert_same(got, case.want(WEIGHTS if weighted else None), 1e-12)


@no_warning
@pytest.mark.complete(share=0.3)
@pytest.mark.parametrize(("name", "weighted"), WEIGHTED)
@settings(max_examples=10)
@given(cuts=st.lists(st.integers(0, N_ROWS) | st.sampled_from([0, 1, N_ROWS]), max_size=6))
def test_any_chunks(name, weighted, cuts):
    case, chunks = ALL[name], np.diff([0, *sorted(cuts), N_ROWS]).tolist()
    how = {"sample_weight": dask_array(WEIGHTS, chunks)} if weighted else {}
    with dask.config.set(scheduler="sync"):
        got = case.ours(dask_array(case.y, chunks), dask_array(case.predicted, chunks), **how)
    assert_same(got, case.want(WEIGHTS if weighted else None), 1e-12)


def messages(call):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        value = call()
    return value, {(w.category, str(w.message)) for w in caught}, {w.filename for w in caught}


ONE = np.zeros(4, int)
WARNING = {
    "precision": ("precision_score", [1, 1, 0], [0, 0, 0], {}),
    "recall": ("recall_score", [0, 0, 0], [1, 1, 0], {}),
    "F1 of no label": ("f1_score", [0, 0, 0], [0, 0, 0], {}),
    "report": ("classification_report", [0, 1, 2], [0, 0, 1], {}),
    "confusion": ("confusion_matrix", ONE, ONE, {}),
    "balanced": ("balanced_accuracy_score", [0, 1, 1], [2, 1, 1], {}),
    "AUC": ("roc_auc_score", ONE, [0.1, 0.2, 0.3, 0.4], {}),
    "AP": ("average_precision_score", ONE, [0.1, 0.2, 0.3, 0.4], {}),
    "ROC": ("roc_curve", ONE, [0.1, 0.2, 0.3, 0.4], {}),
    "top 2": ("top_k_accuracy_score", [0, 1], [0.1, 0.2], {}),
    "D2": ("d2_pinball_score", [1.0], [2.0], {}),
    "D2 of Poisson": ("d2_tweedie_score", [1.0], [2.0], {"power": 1}),
    "R2": ("r2_score", [1.0], [2.0], {}),
    "D2 of log loss": ("d2_log_loss_score", [1], [[0.5, 0.5]], {"labels": [0, 1]}),
    "D2 of Brier": ("d2_brier_score", [1], [0.5], {}),
    "AUC of a label without rows": (
        "roc_auc_score",
        [[0, 1], [0, 0]],
        [[0.1, 0.2], [0.3, 0.4]],
        {"average": None},
    ),
    "AP of a label without rows": (
        "average_precision_score",
        [[0, 1], [0, 0]],
        [[0.1, 0.2], [0.3, 0.4]],
        {},
    ),
    "likelihood ratios": ("class_likelihood_ratios", [0, 0, 1], [0, 0, 1], {}),
}


@pytest.mark.complete
@pytest.mark.parametrize("name", WARNING)
def test_scikit_learns_warnings_point_to_the_caller(name):
    metric, y, predicted, how = WARNING[name]
    want, said, _ = messages(lambda: getattr(theirs, metric)(y, predicted, **how))
    got, told, files = messages(lambda: getattr(metrics, metric)(y, predicted, **how))
    np.testing.assert_equal(got, want)
    assert said
    assert {m for m in told if m[0] is not RuntimeWarning} == {
        m for m in said if m[0] is not RuntimeWarning
    }
    assert files == {__file__}


PARAMETERS = {
    "average": ("f1_score", {"average": "mean"}),
    "zero_division": ("precision_score", {"zero_division": 2}),
    "beta": ("fbeta_score", {"beta": -1}),
    "normalize": ("confusion_matrix", {"normalize": "rows"}),
    "weights": ("cohen_kappa_score", {"weights": "cubic"}),
    "digits": ("classification_report", {"digits": -1}),
    "n_bins": ("calibration_curve", {"n_bins": 0}),
    "k": ("top_k_accuracy_score", {"k": 0}),
    "max_fpr": ("roc_auc_score", {"max_fpr": 2}),
    "multi_class": ("roc_auc_score", {"multi_class": "all"}),
    "scale_by_half": ("brier_score_loss", {"scale_by_half": "never"}),
    "power": ("mean_tweedie_deviance", {"power": 0.5}),
    "alpha": ("mean_pinball_loss", {"alpha": 1.5}),
    "alpha of D2": ("d2_pinball_score", {"alpha": -0.5}),
    "multioutput": ("median_absolute_error", {"multioutput": "mean"}),
    "replace_undefined_by": ("class_likelihood_ratios", {"replace_undefined_by": 2.0}),
    "labels that are not sorted": ("top_k_accuracy_score", {"labels": [1, 0]}),
    "labels that come twice": ("roc_auc_score", {"labels": [0, 1, 1]}),
}


@pytest.mark.complete
@pytest.mark.parametrize("name", PARAMETERS)
def test_a_wrong_parameter_is_refused_before_the_data_are_read(name):
    metric, how = PARAMETERS[name]
    log: list = []
    y = dask_array(np.arange(N_ROWS) % 2, log=log)
    with pytest.raises(ValueError, match=next(iter(how))):
        getattr(metrics, metric)(y, y, **how)
    assert not log


BAD = {
    "labels and text": (OF_LABELS["confusion"], {"y": OF_LABELS["text"].y}, "same type"),
    "NaN labels": (OF_LABELS["confusion"], {"y": np.full(N_ROWS, np.nan)}, "contains NaN"),
    "broken labels": (OF_LABELS["kappa"], {"y": np.linspace(0, 1, N_ROWS)}, "continuous"),
    "bytes": (OF_LABELS["matthews"], {"y": np.full(N_ROWS, b"a")}, "Decode them"),
    "one of several": (
        OF_LABELS["report of several"], {"y": OF_LABELS["confusion"].y}, "should be a 1d array",
    ),
    "confusion of several": (
        OF_LABELS["report of several"]._replace(name="confusion_matrix"), {}, "not supported",
    ),
    "several average binary": (
        OF_LABELS["confusion"]._replace(name="f1_score"), {}, "multiclass but average='binary'",
    ),
    "NaN scores": (OF_SCORES["AUC"], {"predicted": np.full(N_ROWS, np.nan)}, "contains NaN"),
    "three classes, one column": (
        OF_SCORES["AUC"], {"y": OF_LABELS["confusion"].y}, r"\('ovo', 'ovr'\)",
    ),
    "three columns": (
        OF_SCORES["AUC"], {"predicted": OF_CLASSES["log loss"].predicted}, "3 columns",
    ),
    "no probabilities": (
        OF_SCORES["AUC ovr macro"], {"predicted": OF_SCORES["AP macro"].predicted}, "sum up to 1",
    ),
    "a curve of classes": (
        OF_SCORES["ROC"], {"predicted": OF_CLASSES["log loss"].predicted}, r"y_score\[:, j\]",
    ),
    "a curve of several labels": (
        OF_SCORES["roc_auc_score of several macro"]._replace(name="roc_curve", how={}),
        {},
        "3 columns, and roc_curve is of two classes",
    ),
    "several labels and one score": (
        OF_SCORES["roc_auc_score of several macro"], {"predicted": SCORES}, "a column of scores",
    ),
    "AP of class 0 of several labels": (
        OF_SCORES["average_precision_score of several macro"]._replace(how={"pos_label": 0}),
        {},
        "pos_label is fixed to 1",
    ),
    "likelihood ratios of three": (
        OF_LABELS["likelihood ratios"], {"y": OF_LABELS["confusion"].y}, "only supports binary",
    ),
    "D2 of few columns": (
        OF_CLASSES["D2 of log loss"], {"y": np.arange(N_ROWS) % 4}, "3 columns .* 4 classes",
    ),
    "calibration of three": (
        OF_SCORES["calibration uniform 5"], {"y": OF_LABELS["confusion"].y}, "takes value in",
    ),
    "calibration of scores": (
        OF_SCORES["calibration uniform 5"], {"predicted": np.full(N_ROWS, 2.0)}, "outside",
    ),
    "a curve of text": (OF_SCORES["ROC"], {"y": OF_SCORES["AUC of text"].y}, "pos_label"),
    "above 1": (OF_CLASSES["Brier"], {"predicted": np.full(N_ROWS, 1.5)}, "greater than 1"),
    "below 0": (OF_CLASSES["log loss"], {"predicted": np.full(N_ROWS, -0.5)}, "lower than 0"),
    "Brier of three": (
        OF_CLASSES["Brier"], {"y": OF_CLASSES["log loss"].y}, "one column, which is for two",
    ),
    "Brier of text": (
        OF_CLASSES["Brier"], {"y": OF_SCORES["AUC of text"].y}, "pos_label is not specified",
    ),
    "hinge of two columns": (
        OF_CLASSES["hinge"], {"predicted": np.zeros((N_ROWS, 2))}, "2 columns",
    ),
    "few columns": (
        OF_CLASSES["hinge of columns"], {"y": np.arange(N_ROWS) % 4}, "3 columns .* 4 classes",
    ),
    "top k": (OF_CLASSES["top 1 of scores"], {"y": OF_CLASSES["log loss"].y}, "one column"),
    "infinity": (OF_VALUES["largest"], {"y": np.full(N_ROWS, np.inf)}, "contains infinity"),
    "outputs of max_error": (
        OF_VALUES["r2_score raw_values"]._replace(name="max_error", how={}), {}, "Multioutput",
    ),
    "outputs of a deviance": (
        OF_VALUES["r2_score raw_values"]._replace(name="d2_tweedie_score", how={}), {}, "Multiout",
    ),
    "log of -1": (
        OF_VALUES["mean_squared_log_error"], {"predicted": np.full(N_ROWS, -1.0)}, "equal to -1",
    ),
    "Poisson below 0": (OF_VALUES["Poisson"], {"y": np.full(N_ROWS, -1.0)}, "non-negative y"),
    "gamma of 0": (OF_VALUES["gamma"], {"y": np.zeros(N_ROWS)}, "strictly positive y"),
    "mean 0": (OF_VALUES["Poisson"], {"predicted": np.zeros(N_ROWS)}, "strictly positive y_pred"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:invalid value encountered in cast:RuntimeWarning")
@pytest.mark.complete
@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("name", BAD)
def test_what_scikit_learn_refuses_is_refused(name, lazy):
    case, changed, message = BAD[name]
    case = case._replace(**changed)
    with pytest.raises((ValueError, TypeError)):
        case.want()
    wrap = dask_array if lazy else np.asarray
    with pytest.raises((ValueError, TypeError), match=message):
        case.ours(wrap(case.y), wrap(case.predicted))


@pytest.mark.parametrize("name", ["median_absolute_error", "d2_pinball_score"])
def test_negative_weights_have_no_quantiles(name):
    case, weight = OF_VALUES[name], WEIGHTS.copy()
    weight[100] = -1
    with pytest.raises(ValueError, match=r"Block 3 of sample_weight has some, and a .*Drop such"):
        case.ours(*map(dask_array, (case.y, case.predicted)), sample_weight=dask_array(weight))


@pytest.mark.parametrize("name", ALL)
def test_a_sum_of_no_rows_and_of_no_weight_is_refused(name):
    case = ALL[name]
    with pytest.raises(ValueError, match="no rows"):
        case.ours(dask_array(case.y[:0], (0,)), dask_array(case.predicted[:0], (0,)))
    if True in case.weights:
        with pytest.raises(ValueError, match="at least one non-zero"):
            case.ours(case.y, case.predicted, sample_weight=0 * WEIGHTS)


REPORT = {
    "accuracy": metrics.accuracy_score,
    "F1": metrics.f1_score,
    "report": partial(metrics.classification_report, output_dict=True),
    "AUC": metrics.roc_auc_score,
    "ROC": metrics.roc_curve,
    "log loss": metrics.log_loss,
    "hinge": metrics.hinge_loss,
}


def binary():
    y, labels = OF_LABELS["f1_score binary"][1:3]
    return y, {
        "predict": labels,
        "decision_function": OF_SCORES["AUC"].predicted,
        "predict_proba": OF_CLASSES["Brier of two columns"].predicted,
    }


def wanted(y, given, weight=None):
    how = {} if weight is None else {"sample_weight": weight}
    labels, scores, P = given.values()
    of = {"log loss": P} | dict.fromkeys(("AUC", "ROC", "hinge"), scores)
    return {
        name: getattr(theirs, getattr(f, "func", f).__name__)(
            y, of.get(name, labels), **getattr(f, "keywords", {}), **how
        )
        for name, f in REPORT.items()
    }


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("wrap", [np.asarray, dask_array, frame, dask_frame])
def test_several_metrics_at_once(wrap, weighted):
    y, given = binary()
    weight = WEIGHTS if weighted else None
    got = metrics.compute(
        wrap(y),
        {method: wrap(x) for method, x in given.items()},
        REPORT,
        sample_weight=weight if weight is None else wrap(weight),
    )
    assert_same(got, wanted(y, given, weight), 1e-12)


def test_several_metrics_are_one_read_of_every_block():
    """Also of the predictions, which are computed from the same rows."""
    y, given = binary()
    reads: dict[str, list] = {"y": [], "X": []}
    target = dask_array(y, log=reads["y"])
    X = dask_array(np.column_stack([*given.values()]), log=reads["X"])
    lazy = {
        "predict": X[:, 0].map_blocks(np.copy),
        "decision_function": X[:, 1].map_blocks(np.copy),
        "predict_proba": X[:, 2:].map_blocks(np.copy),
    }
    with dask.config.set(scheduler="sync"):
        got = metrics.compute(target, lazy, REPORT)
    assert {name: sorted(log) for name, log in reads.items()} == {
        "y": [*range(len(CHUNKS))],
        "X": [*range(len(CHUNKS))],
    }
    assert_same(got, wanted(y, given), 1e-12)


def test_equal_sums_are_made_once(monkeypatch):
    from streamlearn.metrics import pairs

    y, given = binary()
    calls = []
    once = pairs.distinct
    monkeypatch.setattr(pairs, "distinct", lambda *x: calls.append(1) or once(*x))
    metrics.compute(y, given["predict"], {"F1": metrics.f1_score, "MCC": metrics.matthews_corrcoef})
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("report", "error", "message"),
    [
        ({}, ValueError, "metrics is empty"),
        ({"F1": theirs.f1_score}, TypeError, "not a function of streamlearn.metrics"),
        ({"F1": "f1"}, TypeError, r"metrics\['F1'\] is 'f1'"),
        ({"loss": metrics.log_loss}, ValueError, r"y_pred\['predict_proba'\] = model"),
        ({"F1": partial(metrics.f1_score, average="no")}, ValueError, "average"),
    ],
)
def test_what_cannot_be_reported_is_refused(report, error, message):
    with pytest.raises(error, match=message):
        metrics.compute([0, 1], {"predict": [0, 1]}, report)


def test_weights_belong_to_the_report_and_a_dict_to_no_metric():
    weighted = partial(metrics.f1_score, sample_weight=[1, 2])
    with pytest.raises(ValueError, match="Give sample_weight to compute"):
        metrics.compute([0, 1], [0, 1], {"F1": weighted})
    with pytest.raises(TypeError, match="give the dict to streamlearn"):
        metrics.f1_score([0, 1], {"predict": [0, 1]})


def test_predictions_that_are_none_are_refused():
    with pytest.raises(ValueError, match=r"y_pred is None\. Give the predictions"):
        metrics.f1_score([0, 1], None)
    with pytest.raises(ValueError, match=r"y_pred\['predict'\] is None"):
        metrics.compute([0, 1], {"predict": None}, {"F1": metrics.f1_score})


def test_a_metric_without_weights_uses_none():
    report = {"largest": metrics.max_error, "mean": metrics.mean_absolute_error}
    got = metrics.compute([1.0, 2.0], [1.0, 4.0], report, sample_weight=[3.0, 1.0])
    assert got == {"largest": 2.0, "mean": 0.5}


def test_warnings_of_a_report_point_to_its_caller():
    with pytest.warns(match="Precision is ill-defined") as warned:
        metrics.compute([0, 1], [0, 0], {"precision": metrics.precision_score})
    assert [w.filename for w in warned] == [__file__]


@pytest.mark.parametrize("weighted", [False, True])
def test_medians_and_quantiles_of_many_values(weighted):
    """More distinct ones than a sketch holds, in blocks that drift."""
    n, draws = 30_000, np.random.default_rng(0)
    y = draws.standard_cauchy(n) + np.arange(n) / n
    predicted = y + draws.normal(size=n)
    how = {"sample_weight": draws.random(n)} if weighted else {}
    given = [dask_array(x, (10_000,) * 3) for x in (y, predicted)]
    for metric, share in (("median_absolute_error", {}), ("d2_pinball_score", {"alpha": 0.9})):
        want = getattr(theirs, metric)(y, predicted, **share, **how)
        got = getattr(metrics, metric)(*given, **share, **how)
        assert got == pytest.approx(want, rel=1e-3)
        assert got != want


MODEL_REPORT = {
    "accuracy": metrics.accuracy_score,
    "F1": partial(metrics.f1_score, average="macro"),
    "AUC": metrics.roc_auc_score,
    "log loss": metrics.log_loss,
}


@pytest.mark.parametrize("kind", ["dask array", "dask frame", "source of blocks"])
def test_a_report_of_a_model_is_one_read_of_its_rows(kind):
    draws = np.random.default_rng(0)
    X = draws.normal(size=(N_ROWS, 3))
    y = (X @ [1, -1, 0.5] + draws.normal(size=N_ROWS) > 0).astype(float)
    both, log = np.column_stack([X, y]), []
    if kind == "source of blocks":

        def read():
            for rows in containers.rows_of((70, 21, 109)):
                log.append(rows)
                yield X[rows], y[rows]

        rows, target = from_blocks(read)
    elif kind == "dask array":
        table = dask_array(both, log=log)
        rows, target = table[:, :3], table[:, 3]
    else:
        table = dask_frame(both, log=log)
        rows, target = table[["f0", "f1", "f2"]], table["f3"]
    given = frame(both)[["f0", "f1", "f2"]] if kind == "dask frame" else X
    model = SGDClassifier("log_loss", random_state=0).fit(given, y)
    lazy = {"predict": model.predict(rows), "predict_proba": model.predict_proba(rows)}
    log.clear()
    with dask.config.set(scheduler="sync"):
        got = metrics.compute(target, lazy, MODEL_REPORT)
    # the first block of a source is kept since its columns were looked at
    assert len(log) == (2 if kind == "source of blocks" else len(CHUNKS))
    P = model.predict_proba(given)
    want = {
        "accuracy": theirs.accuracy_score(y, model.predict(given)),
        "F1": theirs.f1_score(y, model.predict(given), average="macro"),
        "AUC": theirs.roc_auc_score(y, P[:, 1]),
        "log loss": theirs.log_loss(y, P),
    }
    assert_same(got, want, 1e-12)
