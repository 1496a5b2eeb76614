"""Metrics to compare with scikit-learn's: the data, the parameters and what they have in common.

All numbers are exact in float32, so that metrics of ranks are the same on every device.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pytest
from sklearn import calibration
from sklearn import metrics as theirs

from streamlearn import metrics
from tests.containers import N_ROWS

rng = np.random.default_rng(1)
LABELS = rng.integers(0, 3, N_ROWS)
GUESSES = np.where(rng.random(N_ROWS) < 0.3, rng.integers(0, 3, N_ROWS), LABELS)
YES, GUESSED_YES = (LABELS > 0).astype(int), (GUESSES > 0).astype(int)
SEVERAL = np.stack([LABELS == 0, LABELS > 0, LABELS == 2], axis=1).astype(int)
GUESSED_SEVERAL = np.stack([GUESSES == 0, GUESSES > 0, GUESSES < 2], axis=1).astype(int)
NAMES, GUESSED_NAMES = (np.array(["no", "yes", "maybe"])[x] for x in (LABELS, GUESSES))
SCORES = np.round(8 * (YES + rng.normal(size=N_ROWS))) / 8
P_YES = np.round(64 * (YES + 2 * rng.random(N_ROWS)) / 3) / 64
CLASS_SCORES = np.round(4 * (np.eye(3)[LABELS] + rng.normal(size=(N_ROWS, 3)))) / 4
P = rng.integers(1, 9, (N_ROWS, 2))
P = np.column_stack([P, 32 - P.sum(axis=1)]) / 32
VALUES = np.round(16 * rng.gamma(2, size=N_ROWS)) / 16 + 0.125
FORECASTS = np.abs(VALUES + np.round(8 * rng.normal(size=N_ROWS)) / 32) + 0.0625
OUTPUTS = np.stack([VALUES, LABELS + 0.5, VALUES**2], axis=1)
GUESSED_OUTPUTS = np.stack([FORECASTS, GUESSES + 0.75, FORECASTS * VALUES], axis=1)
WEIGHTS = rng.integers(0, 4, N_ROWS) / 2


def their(name: str) -> Callable[..., Any]:
    """Return scikit-learn's metric."""
    return getattr(calibration if name == "calibration_curve" else theirs, name)


class Case(NamedTuple):
    """A call of a metric. ``weights`` are the kinds of weights that scikit-learn's takes."""

    name: str
    y: np.ndarray
    predicted: np.ndarray
    how: dict[str, Any] = {}
    weights: tuple[bool, ...] = (False, True)

    @property
    def ours(self) -> Callable[..., Any]:
        return partial(getattr(metrics, self.name), **self.how)

    def want(self, weight: np.ndarray | None = None) -> Any:
        how = {} if weight is None else {"sample_weight": weight}
        return their(self.name)(self.y, self.predicted, **self.how, **how)


UNWEIGHTED = (False,)
F_SCORES = ("precision_score", "recall_score", "f1_score", "jaccard_score")
FIT = ("explained_variance_score", "r2_score")
OF_OUTPUTS = (
    *("mean_squared_error", "root_mean_squared_error", "mean_absolute_error"),
    *("mean_absolute_percentage_error", "mean_squared_log_error", "root_mean_squared_log_error"),
    *("mean_pinball_loss", "median_absolute_error", "d2_pinball_score", "d2_absolute_error_score"),
    *FIT,
)
ALPHA = {"alpha": 0.25}
OF_CLUSTERINGS = (
    *("pair_confusion_matrix", "rand_score", "adjusted_rand_score", "fowlkes_mallows_score"),
    *("mutual_info_score", "normalized_mutual_info_score", "adjusted_mutual_info_score"),
    *("homogeneity_score", "completeness_score", "v_measure_score"),
    "homogeneity_completeness_v_measure",
)
OF_ROWS = ("calinski_harabasz_score", "davies_bouldin_score", "silhouette_score")

OF_LABELS = {
    "accuracy": Case("accuracy_score", LABELS, GUESSES),
    "number of right ones": Case("accuracy_score", LABELS, GUESSES, {"normalize": False}),
    "accuracy of several": Case("accuracy_score", SEVERAL, GUESSED_SEVERAL),
    **{f"{m} binary": Case(m, YES, GUESSED_YES) for m in F_SCORES},
    **{f"{m} of class 0": Case(m, YES, GUESSED_YES, {"pos_label": 0}) for m in F_SCORES},
    **{
        f"{m} {average}": Case(m, LABELS, GUESSES, {"average": average})
        for m in F_SCORES
        for average in ("macro", "micro", "weighted", None)
    },
    **{
        f"{m} {average} of several": Case(m, SEVERAL, GUESSED_SEVERAL, {"average": average})
        for m in F_SCORES
        for average in ("macro", "samples", None)
    },
    "some labels": Case("f1_score", LABELS, GUESSES, {"labels": [2, 0], "average": "macro"}),
    "fbeta": Case("fbeta_score", LABELS, GUESSES, {"beta": 2.0, "average": "macro"}),
    "text": Case("f1_score", NAMES, GUESSED_NAMES, {"average": None}),
    "support": Case("precision_recall_fscore_support", LABELS, GUESSES),
    "support macro": Case("precision_recall_fscore_support", LABELS, GUESSES, {"average": "macro"}),
    "confusion": Case("confusion_matrix", LABELS, GUESSES),
    "confusion of text": Case("confusion_matrix", NAMES, GUESSED_NAMES),
    "confusion of some": Case("confusion_matrix", LABELS, GUESSES, {"labels": [2, 1]}),
    **{
        f"confusion {how}": Case("confusion_matrix", LABELS, GUESSES, {"normalize": how})
        for how in ("true", "pred", "all")
    },
    "balanced": Case("balanced_accuracy_score", LABELS, GUESSES),
    "adjusted": Case("balanced_accuracy_score", LABELS, GUESSES, {"adjusted": True}),
    "matthews": Case("matthews_corrcoef", LABELS, GUESSES),
    "kappa": Case("cohen_kappa_score", LABELS, GUESSES),
    "kappa linear": Case("cohen_kappa_score", LABELS, GUESSES, {"weights": "linear"}),
    "kappa quadratic": Case("cohen_kappa_score", LABELS, GUESSES, {"weights": "quadratic"}),
    "wrong": Case("zero_one_loss", LABELS, GUESSES),
    "number of wrong ones": Case("zero_one_loss", SEVERAL, GUESSED_SEVERAL, {"normalize": False}),
    "Hamming": Case("hamming_loss", NAMES, GUESSED_NAMES),
    "Hamming of several": Case("hamming_loss", SEVERAL, GUESSED_SEVERAL),
    "likelihood ratios": Case("class_likelihood_ratios", YES, GUESSED_YES),
    "likelihood ratios of 0": Case("class_likelihood_ratios", YES, GUESSED_YES, {"labels": [1, 0]}),
    "report": Case("classification_report", LABELS, GUESSES),
    "report of some": Case("classification_report", LABELS, GUESSES, {"labels": [0, 1]}),
    "report of text": Case("classification_report", NAMES, GUESSED_NAMES, {"digits": 3}),
    "report of several": Case("classification_report", SEVERAL, GUESSED_SEVERAL),
    "report as a dict": Case(
        "classification_report",
        LABELS,
        GUESSES,
        {"output_dict": True, "target_names": ["a", "b", "c"]},
    ),
}
OF_SCORES = {
    "AUC": Case("roc_auc_score", YES, SCORES),
    "AUC of text": Case("roc_auc_score", np.array(["no", "yes"])[YES], SCORES),
    "partial AUC": Case("roc_auc_score", YES, SCORES, {"max_fpr": 0.25}),
    **{
        f"AUC {how} {average}": Case(
            "roc_auc_score",
            LABELS,
            P,
            {"multi_class": how, "average": average},
            (False, True) if how == "ovr" else UNWEIGHTED,
        )
        for how, averages in {
            "ovr": ("macro", "weighted", "micro", None),
            "ovo": ("macro", "weighted"),
        }.items()
        for average in averages
    },
    "AUC of text ovo": Case("roc_auc_score", NAMES, P, {"multi_class": "ovo"}, UNWEIGHTED),
    "AP": Case("average_precision_score", YES, SCORES),
    "AP of class 0": Case("average_precision_score", YES, -SCORES, {"pos_label": 0}),
    **{
        f"AP {average}": Case("average_precision_score", LABELS, CLASS_SCORES, {"average": average})
        for average in ("macro", "weighted", "micro", None)
    },
    **{
        f"{m} of several {average}": Case(m, SEVERAL, CLASS_SCORES, {"average": average})
        for m in ("roc_auc_score", "average_precision_score")
        for average in ("macro", "weighted", "micro", None)
    },
    "partial AUC of two labels": Case(
        "roc_auc_score", SEVERAL[:, 1:], CLASS_SCORES[:, 1:], {"max_fpr": 0.25}
    ),
    "ROC": Case("roc_curve", YES, SCORES),
    "whole ROC": Case("roc_curve", YES, SCORES, {"drop_intermediate": False, "pos_label": 0}),
    "PR": Case("precision_recall_curve", YES, SCORES),
    "DET": Case("det_curve", YES, SCORES),
}
OF_SCORES |= {
    f"calibration {strategy} {n_bins}": Case(
        "calibration_curve", YES, P_YES, {"strategy": strategy, "n_bins": n_bins}, UNWEIGHTED
    )
    for strategy in ("uniform", "quantile")
    for n_bins in (1, 5, 20)
}
OF_CLASSES = {
    "log loss": Case("log_loss", LABELS, P),
    "log loss of text": Case("log_loss", NAMES, P),
    "log loss of one column": Case("log_loss", YES, P_YES),
    "sum of log losses": Case("log_loss", LABELS, P, {"normalize": False}),
    "Brier": Case("brier_score_loss", YES, P_YES),
    "Brier of class 0": Case("brier_score_loss", YES, P_YES, {"pos_label": 0}),
    "whole Brier": Case("brier_score_loss", YES, P_YES, {"scale_by_half": False}),
    "Brier of columns": Case("brier_score_loss", LABELS, P),
    "Brier of two columns": Case("brier_score_loss", YES, np.stack([1 - P_YES, P_YES], axis=1)),
    "D2 of log loss": Case("d2_log_loss_score", LABELS, P),
    "D2 of log loss of text": Case("d2_log_loss_score", NAMES, P),
    "D2 of log loss of one column": Case("d2_log_loss_score", YES, P_YES),
    "D2 of Brier": Case("d2_brier_score", YES, P_YES),
    "D2 of Brier of class 0": Case("d2_brier_score", YES, P_YES, {"pos_label": 0}),
    "D2 of Brier of columns": Case("d2_brier_score", LABELS, P),
    "hinge": Case("hinge_loss", YES, SCORES),
    "hinge of columns": Case("hinge_loss", LABELS, CLASS_SCORES),
    "top 1": Case("top_k_accuracy_score", LABELS, CLASS_SCORES, {"k": 1}),
    "top 2": Case("top_k_accuracy_score", LABELS, CLASS_SCORES, {"k": 2}),
    "number in top 2": Case("top_k_accuracy_score", LABELS, P, {"normalize": False}),
    "top 1 of scores": Case("top_k_accuracy_score", YES, SCORES, {"k": 1}),
    "top 1 of probabilities": Case("top_k_accuracy_score", YES, P_YES, {"k": 1}),
}
OF_VALUES = {
    **{m: Case(m, VALUES, FORECASTS) for m in OF_OUTPUTS},
    **{
        f"{m} {how}": Case(m, OUTPUTS, GUESSED_OUTPUTS, {"multioutput": how})
        for m in OF_OUTPUTS
        for how in ("uniform_average", "raw_values")
    },
    **{
        f"{m} weights": Case(m, OUTPUTS, GUESSED_OUTPUTS, {"multioutput": [0.5, 0.25, 0.25]})
        for m in OF_OUTPUTS
    },
    **{
        f"{m} variances": Case(m, OUTPUTS, GUESSED_OUTPUTS, {"multioutput": "variance_weighted"})
        for m in FIT
    },
    "pinball": Case("mean_pinball_loss", VALUES, FORECASTS, ALPHA),
    "D2 of pinball": Case("d2_pinball_score", VALUES, FORECASTS, ALPHA),
    "largest": Case("max_error", VALUES, FORECASTS, {}, UNWEIGHTED),
    "Poisson": Case("mean_poisson_deviance", VALUES, FORECASTS),
    "gamma": Case("mean_gamma_deviance", VALUES, FORECASTS),
    **{
        f"{m} {power}": Case(m, VALUES, FORECASTS, {"power": power})
        for m in ("mean_tweedie_deviance", "d2_tweedie_score")
        for power in (-1, 0, 1, 1.5, 2, 3)
    },
    "Poisson of zeros": Case("d2_tweedie_score", YES, P_YES + 0.25, {"power": 1}),
}
OF_CLUSTERS = {
    **{m: Case(m, NAMES, GUESSES, {}, UNWEIGHTED) for m in OF_CLUSTERINGS},
    **{
        f"{m} {average}": Case(m, LABELS, GUESSES, {"average_method": average}, UNWEIGHTED)
        for m in ("normalized_mutual_info_score", "adjusted_mutual_info_score")
        for average in ("min", "max", "geometric")
    },
    "V of beta": Case("v_measure_score", LABELS, GUESSES, {"beta": 0.5}, UNWEIGHTED),
    **{m: Case(m, OUTPUTS, GUESSES, {}, UNWEIGHTED) for m in OF_ROWS},
    "silhouette of text": Case(
        "silhouette_score", OUTPUTS, GUESSED_NAMES, {"metric": "cityblock"}, UNWEIGHTED
    ),
}
ALL = OF_LABELS | OF_SCORES | OF_CLASSES | OF_VALUES | OF_CLUSTERS


def assert_same(got: Any, want: Any, rel: float) -> None:
    """Fail unless two results are of the same types, and their numbers are nearly the same."""
    if isinstance(want, dict):
        assert list(got) == list(want)
        for key in want:
            assert_same(got[key], want[key], rel)
    elif isinstance(want, tuple):
        assert len(got) == len(want)
        for a, b in zip(got, want, strict=True):
            assert_same(a, b, rel)
    elif isinstance(want, str):
        number = r"\d+\.\d+"
        assert re.sub(number, "#", got) == re.sub(number, "#", want)
        digits = [list(map(float, re.findall(number, text))) for text in (got, want)]
        # of the last digit
        np.testing.assert_allclose(*digits, atol=0.011)
    elif isinstance(want, np.ndarray):
        assert isinstance(got, np.ndarray)
        assert got.dtype == want.dtype
        np.testing.assert_allclose(got, want, rtol=rel, atol=rel)
    elif want is None:
        assert got is None
    else:
        assert isinstance(got, float)
        assert got == pytest.approx(want, rel=rel, abs=rel)
