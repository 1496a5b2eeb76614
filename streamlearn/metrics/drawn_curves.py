"""The points of curves that are drawn: from one read, and no more than a picture can show."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import norm
from sklearn import calibration
from sklearn import metrics as theirs
from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted

from streamlearn._sklearn import _check_response_method
from streamlearn._validation.messages import matplotlib_or_raise
from streamlearn.metrics.calibration import shares_in_bins
from streamlearn.metrics.over_blocks import PROBABILITIES, Metric
from streamlearn.metrics.pairs import Pairs
from streamlearn.metrics.parameters import checked
from streamlearn.metrics.ranked import Ranked, only_column, ranked

MOST_POINTS = 5000
"""The most points of a curve. A picture has fewer pixels."""


class _Scores(NamedTuple):
    """Scores of the second class, and whether they have to be reversed for the positive class."""

    scores: Any
    pos_label: Any
    reverse: bool


def scores_of(cls: type, estimator: Any, X: Any, response_method: str, pos_label: Any) -> _Scores:
    """Return the scores of a classifier of two classes, which are lazy if its predictions are."""
    matplotlib_or_raise(cls)
    check_is_fitted(estimator)
    if not is_classifier(estimator):
        raise ValueError(
            "Expected 'estimator' to be a binary classifier. Got "
            f"{type(estimator).__name__} instead."
        )
    classes = np.asarray(estimator.classes_)
    if len(classes) != 2:
        raise ValueError(
            f"Expected 'estimator' to be a binary classifier. Got {len(classes)} classes instead. "
            "Give the scores of one class to from_predictions."
        )
    if pos_label is None:
        pos_label = classes[1]
    elif pos_label not in classes:
        raise ValueError(
            f"pos_label={pos_label!r} is not a valid label: It should be one of {classes.tolist()}."
        )
    known = ("predict_proba", "decision_function")
    if response_method not in ("auto", *known):
        raise ValueError(
            f"response_method={response_method!r} must be 'auto', 'predict_proba' or "
            "'decision_function'."
        )
    methods = list(known) if response_method == "auto" else [response_method]
    method = _check_response_method(estimator, methods)
    return _Scores(method(X), pos_label, bool(pos_label == classes[0]))


Curve = Callable[[Pairs, Any, bool], dict[str, Any]]
"""``(pairs, pos_label, drop_intermediate) -> arguments`` of a display."""


def metric_of_curve(
    curve: Curve, drop_intermediate: bool, pos_label: Any, *, reverse: bool = False
) -> Metric:
    """Return the metric whose value are the arguments of a display of a curve.

    If ``reverse``, scores are those of the other class.
    """
    return Metric(ranked(), partial(_points, curve, drop_intermediate, pos_label, reverse))


def _points(
    curve: Curve, drop_intermediate: bool, pos_label: Any, reverse: bool, state: Ranked
) -> dict[str, Any]:
    pairs = only_column(state, "the curve")
    _two_or_raise(pairs)
    if reverse:
        pairs = pairs._replace(predicted=-pairs.predicted)
    found = curve(pairs, pos_label, drop_intermediate)
    return found | {"pos_label": 1 if pos_label is None else pos_label}


def _two_or_raise(pairs: Pairs) -> None:
    labels = np.unique(pairs.true)
    if len(labels) > 2:
        raise ValueError(
            f"The target y is not binary. It has {len(labels)} labels: {labels[:10].tolist()}. "
            "Give y == label, and the scores of that label."
        )


def thinned(
    x: np.ndarray, y: np.ndarray, drawn: Callable[[np.ndarray], np.ndarray] = np.asarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return no more than `MOST_POINTS` of a curve's points, at equal distances along the curve.

    ``drawn`` is the function that places rates on the axes.

    Examples
    --------
    >>> x = np.linspace(0, 1, 1_000_000)
    >>> len(thinned(x, np.sqrt(x))[0]) <= MOST_POINTS
    True
    """
    if len(x) <= MOST_POINTS:
        return x, y
    steps = np.abs(np.diff(drawn(x))) + np.abs(np.diff(drawn(y)))
    way = np.concatenate([[0.0], np.cumsum(steps)])
    at = np.searchsorted(way, np.linspace(0, way[-1], MOST_POINTS))
    at = np.unique(np.minimum(at, len(x) - 1))
    at[-1] = len(x) - 1
    return x[at], y[at]


def roc(pairs: Pairs, pos_label: Any, drop_intermediate: bool) -> dict[str, Any]:
    """Return the arguments of `RocCurveDisplay`."""
    fpr, tpr, _ = theirs.roc_curve(
        pairs.true,
        pairs.predicted,
        pos_label=pos_label,
        sample_weight=pairs.weight,
        drop_intermediate=drop_intermediate,
    )
    area = theirs.auc(fpr, tpr)
    fpr, tpr = thinned(fpr, tpr)
    return {"fpr": fpr, "tpr": tpr, "roc_auc": area}


def precision_recall(pairs: Pairs, pos_label: Any, drop_intermediate: bool) -> dict[str, Any]:
    """Return the arguments of `PrecisionRecallDisplay`."""
    precision, recall, _ = theirs.precision_recall_curve(
        pairs.true,
        pairs.predicted,
        pos_label=pos_label,
        sample_weight=pairs.weight,
        drop_intermediate=drop_intermediate,
    )
    label = 1 if pos_label is None else pos_label
    average = theirs.average_precision_score(
        pairs.true, pairs.predicted, pos_label=label, sample_weight=pairs.weight
    )
    precision, recall = thinned(precision, recall)
    share = float(pairs.weight[pairs.true == label].sum() / pairs.weight.sum())
    return {
        "precision": precision,
        "recall": recall,
        "average_precision": average,
        "prevalence_pos_label": share,
    }


def det(pairs: Pairs, pos_label: Any, drop_intermediate: bool) -> dict[str, Any]:
    """Return the arguments of `DetCurveDisplay`."""
    fpr, fnr, _ = theirs.det_curve(
        pairs.true,
        pairs.predicted,
        pos_label=pos_label,
        sample_weight=pairs.weight,
        drop_intermediate=drop_intermediate,
    )
    fpr, fnr = thinned(fpr, fnr, _deviate)
    return {"fpr": fpr, "fnr": fnr}


def _deviate(rates: np.ndarray) -> np.ndarray:
    """Return where rates are on the axes of a DET curve, which are cut at three deviations."""
    return np.clip(norm.ppf(rates), -4, 4)


def metric_of_bins(n_bins: int, strategy: str, pos_label: Any, *, reverse: bool = False) -> Metric:
    """Return the metric whose value are the arguments of `CalibrationDisplay`.

    If ``reverse``, probabilities are those of the other class.
    """
    how = {"n_bins": n_bins, "strategy": strategy, "pos_label": pos_label}
    checked(calibration.calibration_curve, how)
    return Metric(ranked(PROBABILITIES), partial(_bins, how, reverse))


def _bins(how: dict[str, Any], reverse: bool, state: Ranked) -> dict[str, Any]:
    if reverse:
        columns = tuple(p._replace(predicted=1 - p.predicted) for p in state.columns)
        state = state._replace(columns=columns)
    prob_true, prob_pred = shares_in_bins(how, state)
    label = 1 if how["pos_label"] is None else how["pos_label"]
    return {"prob_true": prob_true, "prob_pred": prob_pred, "pos_label": label}
