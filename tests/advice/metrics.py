"""What errors of metrics advise."""

from __future__ import annotations

import pickle
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import dask
import dask.array as da
import numpy as np
from sklearn import metrics as theirs
from sklearn.metrics import f1_score, make_scorer

import streamlearn
from streamlearn import metrics
from streamlearn.metrics import pairs
from streamlearn.model_selection import cross_val_score
from tests.advice.table import THREE, P, X, Y, advice, sgd
from tests.containers import dask_array

LABELS = THREE[:12]
SCORES = np.random.default_rng(0).dirichlet([1, 1, 1], 12)
WEIGHT = np.arange(12) + 1.0
SEVERAL = (np.arange(32)[:, None] >> np.arange(5)) & 1
AMOUNTS = np.arange(6.0)


def ragged(*columns: int, make: Any = np.ones) -> Any:
    """Return blocks of 4 rows with other numbers of columns than the first one."""
    blocks = [dask.delayed(make)((4, n)) for n in columns]
    return da.concatenate([da.from_delayed(b, (4, columns[0]), float) for b in blocks])


def marks(shape: tuple[int, int]) -> np.ndarray:
    """Return several labels of each row, one column for each."""
    return np.eye(*shape, dtype=int)


def shares(shape: tuple[int, int]) -> np.ndarray:
    return np.full(shape, 1 / shape[1])


def few_pairs(limit: int, metric: Any, *given: Any) -> Any:
    """Return a metric that keeps fewer distinct pairs than the million of the package."""
    with patch.object(pairs, "MOST_PAIRS", limit):
        return metric(*given)


LAZY_LABELS = dask_array(LABELS, (4, 4, 4))
MACRO = partial(metrics.f1_score, average="macro")
OVR = partial(metrics.roc_auc_score, multi_class="ovr")
OVO = partial(metrics.roc_auc_score, multi_class="ovo")
AP = metrics.average_precision_score


def saved(x: Any) -> None:
    """Save an object in a file that goes away."""
    with TemporaryDirectory() as folder:
        streamlearn.save(x, Path(folder) / "x")


STREAM = metrics.Progressive("accuracy")

WORDS = np.where(Y > 0, "yes", "no")
BOTH = {"accuracy": metrics.accuracy_score, "log loss": metrics.log_loss}

METRICS = [
    *(
        advice(
            lambda metric=metric, how=how: metric(WORDS, *how),
            r"Give the label that counts as positive, for example pos_label='yes'.*make_scorer",
            lambda metric=metric, how=how: metric(WORDS, *how, pos_label="yes"),
            lambda name=name, more=more: cross_val_score(
                sgd(loss="log_loss"),
                *(dask_array(X, (60, 60)), dask_array(WORDS, (60, 60))),
                scoring=make_scorer(getattr(theirs, name), pos_label="yes", **more),
            ),
        )
        for metric, name, how, more in (
            (metrics.f1_score, "f1_score", (WORDS,), {}),
            (metrics.jaccard_score, "jaccard_score", (WORDS,), {}),
            (
                metrics.average_precision_score,
                "average_precision_score",
                (X[:, 0],),
                {"response_method": "predict_proba"},
            ),
        )
    ),
    advice(
        lambda: metrics.compute(Y, Y, BOTH),
        r"but y_pred is one prediction. Give both: \{'predict': .*, 'predict_proba': ",
        lambda: metrics.compute(Y, {"predict": Y, "predict_proba": Y}, BOTH),
        lambda: metrics.compute(Y, Y, {"log loss": metrics.log_loss, "AUC": metrics.roc_auc_score}),
    ),
    advice(
        lambda: metrics.Progressive({"accuracy": "accuracy", "AUC": "roc_auc"}).update(Y, Y),
        "takes the result of predict, and .* that of decision_function or predict_proba",
        lambda: metrics.Progressive({"accuracy": "accuracy", "AUC": "roc_auc"}).update(
            Y, {"predict": Y, "decision_function": X[:, 0]}
        ),
    ),
    advice(
        lambda: saved(STREAM),
        "got a Progressive. Save one estimator in each file. Save other objects with pickle",
        lambda: saved(sgd().fit(X, Y)),
        lambda: pickle.loads(pickle.dumps(STREAM)).update(Y, Y).score(),
    ),
    advice(
        lambda: metrics.log_loss(Y, X[:, 0]),
        "Give what predict_proba returns",
        lambda: metrics.log_loss(Y, sgd(loss="log_loss").fit(X, Y).predict_proba(X)),
    ),
    advice(
        lambda: metrics.r2_score(X, X, multioutput=[1.0, 2.0]),
        "Give one for each of several outputs, or 'uniform_average'",
        lambda: metrics.r2_score(X, X, multioutput=[1.0, 2.0, 3.0]),
        lambda: metrics.r2_score(X, X, multioutput="uniform_average"),
    ),
    advice(
        lambda: metrics.r2_score(X, X[:, :2]),
        "give both one row for each sample and one column for each output",
        lambda: metrics.r2_score(X, X),
    ),
    advice(
        lambda: metrics.r2_score(X.reshape(40, 3, 3), X.reshape(40, 3, 3)),
        "Give one row for each sample and one column for each output",
        lambda: metrics.r2_score(X, X),
    ),
    # Columns of scores and classes
    advice(
        lambda: metrics.log_loss(0 * Y, P),
        r"y_proba has 2 columns and there is 1 class: \[0\]\. Give all classes as labels",
        lambda: metrics.log_loss(0 * Y, P, labels=[0, 1]),
    ),
    *(
        advice(
            lambda metric=metric: metric(LABELS, SCORES[:, 0]),
            r"has one .* for two classes, and there are 3 .* Give one column for each",
            lambda metric=metric: metric(LABELS, SCORES),
        )
        for metric in (
            *(metrics.log_loss, metrics.brier_score_loss, metrics.hinge_loss),
            *(metrics.top_k_accuracy_score, OVR, OVO, AP),
        )
    ),
    advice(
        lambda: metrics.log_loss(LABELS, P[:12]),
        "2 columns and there are 3 classes.* Give one column for each class",
        lambda: metrics.log_loss(LABELS, SCORES),
    ),
    advice(
        lambda: OVR(LABELS % 2, SCORES),
        "3 columns and there are 2 classes.* Give all classes as labels",
        lambda: OVR(LABELS % 2, SCORES, labels=[0, 1, 2]),
    ),
    advice(
        lambda: AP(1 + LABELS % 2, SCORES),
        "3 columns and there are 2 classes.* Leave out the columns of classes that y_true does not",
        lambda: AP(1 + LABELS % 2, SCORES[:, 1:]),
    ),
    advice(
        lambda: metrics.log_loss(LAZY_LABELS, ragged(3, 2, 3, make=shares)),
        r"has 3 column\(s\) and another one 2\. Give all blocks one column for each class",
        lambda: metrics.log_loss(LAZY_LABELS, ragged(3, 3, 3, make=shares)),
    ),
    advice(
        lambda: OVR(LAZY_LABELS, ragged(3, 2, 3, make=shares)),
        r"has 3 column\(s\) and another one 1 or 2\. Give all blocks one column for each class",
        lambda: OVR(LAZY_LABELS, ragged(3, 3, 3, make=shares)),
    ),
    advice(
        lambda: MACRO(ragged(3, 2, make=marks), ragged(3, 2, make=marks)),
        r"\('n', 3\) and \('n', 2\)\. Give all blocks one column for each label",
        lambda: MACRO(ragged(3, 3, make=marks), ragged(3, 3, make=marks)),
    ),
    # Areas and curves
    advice(
        lambda: OVR(LABELS, 2 * SCORES),
        "Give what predict_proba returns",
        lambda: OVR(THREE, sgd(loss="log_loss").fit(X, THREE).predict_proba(X)),
    ),
    advice(
        lambda: OVO(LABELS, SCORES, sample_weight=WEIGHT),
        "Use multi_class='ovr'",
        lambda: OVR(LABELS, SCORES, sample_weight=WEIGHT),
    ),
    advice(
        lambda: AP(LABELS, SCORES, pos_label=2),
        "pos_label is fixed to 1 for several classes or labels. Leave it out",
        lambda: AP(LABELS, SCORES),
    ),
    advice(
        lambda: AP(LABELS, SCORES, average="samples"),
        "Give 'micro', 'macro', 'weighted' or None",
        *(
            lambda average=average: AP(LABELS, SCORES, average=average)
            for average in ("micro", "macro", "weighted", None)
        ),
    ),
    advice(
        lambda: OVR(LABELS, SCORES, labels=[0, 1, 1]),
        "Give each label once",
        lambda: OVR(LABELS, SCORES, labels=[0, 1, 2]),
    ),
    advice(
        lambda: OVR(LABELS, SCORES, labels=[2, 1, 0]),
        r"Give sorted\(labels\)",
        lambda: OVR(LABELS, SCORES, labels=sorted([2, 1, 0])),
    ),
    advice(
        lambda: metrics.roc_auc_score(LABELS > 0, SCORES[:, None]),
        r"has shape \(12, 1, 3\)\. Give one score a row, or a column for each class",
        lambda: metrics.roc_auc_score(LABELS > 0, SCORES[:, 0]),
        lambda: OVR(LABELS, SCORES),
    ),
    advice(
        lambda: metrics.roc_curve(LABELS, SCORES),
        r"Give the scores of one class, y_score\[:, j\], and y_true == label",
        lambda: metrics.roc_curve(LABELS == 1, SCORES[:, 1]),
    ),
    # Probabilities, values and labels
    advice(
        lambda: metrics.brier_score_loss(np.array(["ham", "spam"])[Y], P[:, 1]),
        "pos_label is not specified. Set it to the label whose probability is in y_proba",
        lambda: metrics.brier_score_loss(np.array(["ham", "spam"])[Y], P[:, 1], pos_label="spam"),
    ),
    *(
        advice(
            lambda metric=metric: metric(AMOUNTS, AMOUNTS + 1, power=0.5),
            "Give 0 or less, or 1 or more",
            lambda metric=metric: metric(AMOUNTS, AMOUNTS + 1, power=0),
            lambda metric=metric: metric(AMOUNTS, AMOUNTS + 1, power=-1),
            lambda metric=metric: metric(AMOUNTS, AMOUNTS + 1, power=1),
        )
        for metric in (metrics.mean_tweedie_deviance, metrics.d2_tweedie_score)
    ),
    *(
        advice(
            lambda metric=metric: metric(AMOUNTS - 1, AMOUNTS + 1),
            "Drop such rows, or use a Tweedie deviance with power=0",
            lambda metric=metric: metric(AMOUNTS[2:] - 1, AMOUNTS[2:] + 1),
            lambda: metrics.mean_tweedie_deviance(AMOUNTS - 1, AMOUNTS + 1, power=0),
        )
        for metric in (metrics.mean_poisson_deviance, metrics.mean_gamma_deviance)
    ),
    advice(
        lambda: metrics.mean_poisson_deviance(AMOUNTS, AMOUNTS),
        "strictly positive y_pred.* Drop such rows",
        lambda: metrics.mean_poisson_deviance(AMOUNTS[1:], AMOUNTS[1:]),
    ),
    *(
        advice(
            lambda metric=metric: metric(AMOUNTS, AMOUNTS - 1),
            "Drop such rows, clip the values, or use mean_squared_error",
            lambda metric=metric: metric(AMOUNTS[1:], AMOUNTS[1:] - 1),
            lambda metric=metric: metric(AMOUNTS, np.clip(AMOUNTS - 1, 0, None)),
            lambda: metrics.mean_squared_error(AMOUNTS, AMOUNTS - 1),
        )
        for metric in (metrics.mean_squared_log_error, metrics.root_mean_squared_log_error)
    ),
    advice(
        lambda: metrics.max_error(X, X),
        "Give one column at a time",
        lambda: [metrics.max_error(X[:, j], X[:, j]) for j in range(3)],
    ),
    advice(
        lambda: few_pairs(20, MACRO, SEVERAL, SEVERAL),
        "Compute the metric of a few columns at a time",
        lambda: few_pairs(20, MACRO, SEVERAL[:, :4], SEVERAL[:, :4]),
    ),
    advice(
        lambda: metrics.accuracy_score(Y, Y, sample_weight=0 * Y),
        "Leave sample_weight out, or give some rows a weight",
        lambda: metrics.accuracy_score(Y, Y),
        lambda: metrics.accuracy_score(Y, Y, sample_weight=1 + Y),
    ),
    advice(
        lambda: metrics.accuracy_score(Y, Y, sample_weight=np.tile([1.0, -1.0], 60)),
        "Give weights that are not negative",
        lambda: metrics.accuracy_score(Y, Y, sample_weight=np.tile([1.0, 2.0], 60)),
    ),
    advice(
        lambda: metrics.accuracy_score(Y[:0], Y[:0]),
        "Give at least one row",
        lambda: metrics.accuracy_score(Y[:1], Y[:1]),
    ),
    advice(
        lambda: metrics.accuracy_score(Y, Y[1:]),
        "Give both the same rows",
        lambda: metrics.accuracy_score(Y[1:], Y[1:]),
    ),
    advice(
        lambda: metrics.accuracy_score(Y, Y.astype(str)),
        r"Give both as text, or both as numbers, for example y_pred.astype\(y_true.dtype\)",
        lambda: metrics.accuracy_score(Y.astype(str), Y.astype(str)),
        lambda: metrics.accuracy_score(Y, Y.astype(str).astype(Y.dtype)),
    ),
    advice(
        lambda: metrics.f1_score(Y, P[:, 1]),
        "Give labels that are whole numbers or text",
        lambda: metrics.f1_score(Y, 1 * (P[:, 1] > 0.5)),
        lambda: metrics.f1_score(*[np.array(["ham", "spam"])[Y]] * 2, pos_label="spam"),
    ),
    advice(
        lambda: metrics.calibration_curve(Y, X[:, 0]),
        "which are not probabilities. Give what predict_proba returns",
        lambda: metrics.calibration_curve(Y, sgd(loss="log_loss").fit(X, Y).predict_proba(X)),
    ),
    advice(
        lambda: metrics.log_loss(LABELS, SCORES, labels=[0, 1]),
        "Give all labels of the data in labels, or None to look for them",
        lambda: metrics.log_loss(LABELS, SCORES, labels=[0, 1, 2]),
        lambda: metrics.log_loss(LABELS, SCORES, labels=None),
    ),
    advice(
        lambda: metrics.brier_score_loss(Y, P[:, 1], pos_label=4),
        "Give the label whose probability is in y_proba",
        lambda: metrics.brier_score_loss(Y, P[:, 1], pos_label=1),
    ),
    advice(
        lambda: metrics.hinge_loss(Y, X[:, :, None]),
        "Give one number a row, or a column for each class",
        lambda: metrics.hinge_loss(Y, X[:, 0]),
        lambda: metrics.hinge_loss(THREE, X),
    ),
    advice(
        lambda: metrics.compute(Y, Y, [metrics.accuracy_score]),
        r"Give a dict of names and metrics, such as \{'accuracy': accuracy_score\}",
        lambda: metrics.compute(Y, Y, {"accuracy": metrics.accuracy_score}),
    ),
    # Several metrics of one read
    advice(
        lambda: metrics.compute(Y, Y, {}),
        r"Give at least one, as in \{'accuracy': accuracy_score\}",
        lambda: metrics.compute(Y, Y, {"accuracy": metrics.accuracy_score}),
    ),
    advice(
        lambda: metrics.f1_score(Y, {"predict": Y}),
        "Give that one, or give the dict to streamlearn.metrics.compute",
        lambda: metrics.f1_score(Y, Y),
        lambda: metrics.compute(Y, {"predict": Y}, {"F1": metrics.f1_score}),
    ),
    advice(
        lambda: metrics.compute(Y, Y, {"F1": f1_score}),
        "Give one of those, such as streamlearn.metrics.f1_score, or functools.partial of one",
        lambda: metrics.compute(Y, Y, {"F1": metrics.f1_score}),
        lambda: metrics.compute(Y, Y, {"F1": partial(metrics.f1_score, average="macro")}),
    ),
    advice(
        lambda: metrics.compute(
            Y, Y, {"F1": partial(metrics.f1_score, sample_weight=np.ones(120))}
        ),
        "Give sample_weight to compute, and to no metric",
        lambda: metrics.compute(Y, Y, {"F1": metrics.f1_score}, sample_weight=np.ones(120)),
    ),
    advice(
        lambda: metrics.f1_score(Y, None),
        "Give the predictions that y_true is compared with",
        lambda: metrics.f1_score(Y, Y),
    ),
    advice(
        lambda: metrics.compute(Y, {"predict": Y}, {"loss": metrics.log_loss}),
        r"Add them: y_pred\['predict_proba'\] = model\.predict_proba\(X\)",
        lambda: metrics.compute(Y, {"predict": Y, "predict_proba": P}, {"loss": metrics.log_loss}),
    ),
]
