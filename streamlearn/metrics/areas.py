"""Areas under curves of scores: ROC AUC and average precision."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
from sklearn import metrics as theirs

from streamlearn.metrics.by_label import column_of_each_or_raise, ordered
from streamlearn.metrics.over_blocks import PROBABILITIES, SCORES, Metric, computed
from streamlearn.metrics.pairs import Pairs, positive_label_advised
from streamlearn.metrics.parameters import checked
from streamlearn.metrics.ranked import Ranked, average_precision_error, ranked, roc_auc_error

TOLERANCE = 1e-3
"""The error above which a warning says that an area may not be exact."""


def roc_auc_score(
    y_true: Any,
    y_score: Any,
    *,
    average: str | None = "macro",
    sample_weight: Any = None,
    max_fpr: float | None = None,
    multi_class: str = "raise",
    labels: Any = None,
) -> Any:
    """Return the area under the ROC curve.

    With two classes it is the share of pairs of a row of each class in which the row of the second
    class has the larger score. Equal scores count half.

    Parameters
    ----------
    y_true : array, Series, dask array or dask Series of shape (n_samples,) or \
(n_samples, n_labels)
        The true labels. Two dimensions hold 0 or 1 for each of several labels.
    y_score : array or dask array of shape (n_samples,), (n_samples, n_classes) or \
(n_samples, n_labels)
        Scores or probabilities. Scores of two classes have one dimension, or two columns of which
        the second one counts. Several classes have one column each, in sorted order, whose rows sum
        to 1. Several labels have one column each.
    average : {"micro", "macro", "weighted"} or None, default="macro"
        How the areas of several classes or labels are combined: all of them together, as their
        mean, or as a mean weighted by their rows. None returns the area of each.
    sample_weight : array or dask array of shape (n_samples,), default=None
        The weight of each row. None means 1 for every row.
    max_fpr : float, default=None
        With two classes or several labels, the largest false positive rate up to which the area
        counts. The area is then standardized, so that random scores have 1/2. McClish, "Analyzing a
        Portion of the ROC Curve", 1989.
    multi_class : {"raise", "ovr", "ovo"}, default="raise"
        With several classes, whether each class is compared with the rest, or with each other
        class. Then there can be no weights, as in scikit-learn.
    labels : array-like of shape (n_classes,), default=None
        With several classes, all classes, sorted. None means the labels in ``y_true``.

    Returns
    -------
    float or ndarray of shape (n_classes,) or (n_labels,)
        A number between 0 and 1. It is an ndarray if there are several classes or labels and
        ``average`` is None.

    Raises
    ------
    ValueError
        If the arrays do not line up, or no row has a weight. If they hold NaN or infinity, or a
        parameter does not suit the scores.

    Warns
    -----
    UndefinedMetricWarning
        If there are rows of one class only. The score is NaN then.
    UserWarning
        If the error may be above 1e-3.

    Notes
    -----
    The data are read once. The score is exact up to about a million distinct pairs of a label and a
    score (2**20, in all columns together). With more of them, scores are rounded to fewer bits, and
    rows whose scores become equal count as ties. The error is bounded by half of the share of tied
    pairs of rows of two classes. If it may be above 1e-3, a warning says how large it may be.

    Differences from scikit-learn:

    - Two columns are the probabilities of two classes. scikit-learn raises an error.
    - ``average="samples"``, the mean of the scores of the rows of several labels, raises an error.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import roc_auc_score
    >>> roc_auc_score(np.asarray([0, 0, 1, 1]), np.asarray([0.1, 0.4, 0.35, 0.8]))
    0.75
    """
    how = {"average": average, "max_fpr": max_fpr, "multi_class": multi_class}
    checked(theirs.roc_auc_score, how)
    response = SCORES if multi_class == "raise" else PROBABILITIES
    metric = Metric(ranked(response), partial(_roc_auc, how, ordered(labels)))
    return computed(metric, y_true, y_score, sample_weight)


def _roc_auc(how: Mapping[str, Any], labels: np.ndarray | None, state: Ranked) -> Any:
    if state.several:
        of_each = partial(theirs.roc_auc_score, max_fpr=how["max_fpr"])
        error = partial(_roc_auc_error, how["max_fpr"])
        return _over_labels(of_each, error, how["average"], state)
    if len(state.columns) == 1:
        (pairs,) = state.columns
        if how["multi_class"] != "raise":
            _two_classes_or_raise(pairs)
        value = theirs.roc_auc_score(pairs.true, pairs.predicted, sample_weight=pairs.weight, **how)
        _warn_of_error(
            partial(_roc_auc_error, how["max_fpr"]),
            [(pairs, pairs.true == np.unique(pairs.true)[-1])],
            state,
        )
        return value
    _check_several(how, state)
    classes = np.unique(state.columns[0].true) if labels is None else labels
    _check_columns(classes, state, listed=True)
    if how["multi_class"] == "ovo":
        return _one_vs_one(how["average"], classes, state)
    each = _by_class(classes, state)
    _warn_of_error(roc_auc_error, each, state)
    return _combined(theirs.roc_auc_score, how["average"], each)


def _roc_auc_error(max_fpr: float | None, pairs: Pairs, positive: np.ndarray) -> float:
    """Return a bound of the error of an area that is standardized if it is a part."""
    part = max_fpr or 1.0
    return roc_auc_error(pairs, positive) / (1.0 if part == 1 else 2 * part - part**2)


def _check_several(how: Mapping[str, Any], state: Ranked) -> None:
    """Raise scikit-learn's errors about parameters and several columns of scores."""
    average, multi_class = how["average"], how["multi_class"]
    if how["max_fpr"] not in (None, 1):
        raise ValueError(
            "Partial AUC computation not available in multiclass setting: 'max_fpr' must be None, "
            f"got {how['max_fpr']}."
        )
    if multi_class == "raise":
        raise ValueError(
            f"y_score has {len(state.columns)} columns, so multi_class must be in ('ovo', 'ovr')."
        )
    if state.off:
        raise ValueError(
            "Target scores need to be probabilities for multiclass roc_auc, i.e. they should sum "
            "up to 1.0 over classes. Give what predict_proba returns."
        )
    if average == "samples" or (average == "micro" and multi_class == "ovo"):
        raise ValueError(f"average={average!r} is not one of those of multi_class={multi_class!r}.")
    if average is None and multi_class == "ovo":
        raise NotImplementedError("average=None is not implemented for multi_class='ovo'.")
    if multi_class == "ovo" and state.columns[0].weight.dtype.kind == "f":
        raise ValueError(
            "sample_weight is not supported for multiclass one-vs-one ROC AUC: 'sample_weight' "
            "must be None. Use multi_class='ovr'."
        )


def _check_columns(classes: np.ndarray, state: Ranked, *, listed: bool) -> None:
    column_of_each_or_raise("y_score", len(state.columns), classes, listed=listed)
    found = np.unique(state.columns[0].true)
    if not np.isin(found, classes).all():
        raise ValueError(
            f"'y_true' contains labels not in parameter 'labels': {found[:10].tolist()}."
        )


def _two_classes_or_raise(pairs: Pairs) -> None:
    """Raise a ValueError if one column of scores is for more than two classes.

    scikit-learn's error has the number of pairs as that of the rows.
    """
    classes = np.unique(pairs.true)
    if len(classes) > 2:
        column_of_each_or_raise("y_score", None, classes)


def average_precision_score(
    y_true: Any,
    y_score: Any,
    *,
    average: str | None = "macro",
    pos_label: Any = 1,
    sample_weight: Any = None,
) -> Any:
    """Return the average precision: the mean of the precisions at all thresholds.

    The precision at a threshold is weighted by the increase of recall from the threshold before.

    Parameters
    ----------
    y_true : array, Series, dask array or dask Series of shape (n_samples,) or \
(n_samples, n_labels)
        The true labels. Two dimensions hold 0 or 1 for each of several labels.
    y_score : array or dask array of shape (n_samples,), (n_samples, n_classes) or \
(n_samples, n_labels)
        Scores or probabilities. Scores of two classes have one dimension, or two columns of which
        the second one counts. Several classes have one column each, in sorted order. So have
        several labels.
    average : {"micro", "macro", "weighted"} or None, default="macro"
        How the scores of several classes or labels are combined: all of them together, as their
        mean, or as a mean weighted by their rows. None returns the score of each.
    pos_label : int, float, bool or str, default=1
        The label of the positive class. It must be 1 if there are several classes or
        labels.
    sample_weight : array or dask array of shape (n_samples,), default=None
        The weight of each row. None means 1 for every row.

    Returns
    -------
    float or ndarray of shape (n_classes,) or (n_labels,)
        A number between 0 and 1. It is an ndarray if there are several classes or labels and
        ``average`` is None.

    Raises
    ------
    ValueError
        If the arrays do not line up, or no row has a weight. If they hold NaN or infinity, or a
        parameter does not suit the scores.

    Warns
    -----
    UserWarning
        If there is no row of the positive class, or if the error may be above 1e-3.

    Notes
    -----
    The data are read once. The score is exact up to about a million distinct pairs of a label and a
    score (2**20, in all columns together). With more of them, scores are rounded to fewer bits, and
    rows whose scores become equal count as ties. The error is bounded by the scores for the best
    and the worst order of the tied rows. If it may be above 1e-3, a warning says how large it may
    be.

    Differences from scikit-learn:

    - Two columns are the probabilities of two classes. scikit-learn raises an error.
    - ``average="samples"``, the mean of the scores of the rows of several labels, raises an error.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import average_precision_score
    >>> average_precision_score(np.asarray([0, 0, 1, 1]), np.asarray([0.1, 0.4, 0.35, 0.8]))
    0.83...
    """
    checked(theirs.average_precision_score, {"average": average, "pos_label": pos_label})
    metric = Metric(ranked(), partial(_average_precision, average, pos_label))
    return computed(metric, y_true, y_score, sample_weight)


def _average_precision(average: str | None, pos_label: Any, state: Ranked) -> Any:
    if len(state.columns) > 1 and pos_label != 1:
        raise ValueError(
            "Parameter pos_label is fixed to 1 for several classes or labels. Leave it out."
        )
    if state.several:
        of_each = theirs.average_precision_score
        return _over_labels(of_each, average_precision_error, average, state)
    if len(state.columns) == 1:
        (pairs,) = state.columns
        _two_classes_or_raise(pairs)
        asks = ", response_method='predict_proba'"
        with positive_label_advised("average_precision_score", pairs.true, asks):
            value = theirs.average_precision_score(
                pairs.true,
                pairs.predicted,
                sample_weight=pairs.weight,
                average=average,
                pos_label=pos_label,
            )
        _warn_of_error(average_precision_error, [(pairs, pairs.true == pos_label)], state)
        return value
    if average == "samples":
        raise ValueError(
            "average='samples' is not one of those of several classes. Give 'micro', 'macro', "
            "'weighted' or None."
        )
    classes = np.unique(state.columns[0].true)
    _check_columns(classes, state, listed=False)
    each = _by_class(classes, state)
    _warn_of_error(average_precision_error, each, state)
    return _combined(theirs.average_precision_score, average, each)


def _area(function: Callable[..., Any], pairs: Pairs, positive: np.ndarray) -> float:
    return function(positive.astype(int), pairs.predicted, sample_weight=pairs.weight)


def _by_class(classes: np.ndarray, state: Ranked) -> list[tuple[Pairs, np.ndarray]]:
    """Return the pairs of each column, and which of them are of its class."""
    return [(p, p.true == label) for label, p in zip(classes, state.columns, strict=True)]


def _over_labels(
    function: Callable[..., Any],
    error: Callable[[Pairs, np.ndarray], float],
    average: str | None,
    state: Ranked,
) -> Any:
    """Return the areas of several labels, combined as in scikit-learn."""
    if average == "samples":
        raise ValueError(
            "average='samples' needs the order of the labels of each row, and only that of the "
            "rows of each label is kept. Give 'micro', 'macro', 'weighted' or None."
        )
    each = [(pairs, pairs.true == 1) for pairs in state.columns]
    _warn_of_error(error, each, state)
    return _combined(function, average, each)


def _combined(
    function: Callable[..., Any], average: str | None, each: list[tuple[Pairs, np.ndarray]]
) -> Any:
    """Return the areas of each class or label against the rest, combined as in scikit-learn."""
    if average == "micro":
        both = Pairs(*map(np.concatenate, zip(*(pairs for pairs, _ in each), strict=True)))
        return _area(function, both, np.concatenate([positive for _, positive in each]))
    areas = np.asarray([_area(function, *of_class) for of_class in each])
    if average is None:
        return areas
    weights = None
    if average == "weighted":
        weights = np.asarray([pairs.weight[positive].sum() for pairs, positive in each])
        if np.isclose(weights.sum(), 0):
            return 0.0
    return float(np.average(areas, weights=weights))


def _one_vs_one(average: str, classes: np.ndarray, state: Ranked) -> float:
    """Return the mean area of all pairs of classes: Hand and Till, Machine Learning, 2001."""
    column = dict(zip(classes.tolist(), state.columns, strict=True))
    found, shares = [], []
    for two in combinations(np.unique(state.columns[0].true).tolist(), 2):
        for label in two:
            pairs = column[label]
            pairs = Pairs(*(x[np.isin(pairs.true, two)] for x in pairs))
            found.append((pairs, pairs.true == label))
        shares.append(pairs.weight.sum())
    _warn_of_error(roc_auc_error, found, state)
    areas = np.asarray([_area(theirs.roc_auc_score, *of_class) for of_class in found])
    weights = shares if average == "weighted" else None
    return float(np.average(areas.reshape(-1, 2).mean(axis=1), weights=weights))


def _warn_of_error(
    error: Callable[[Pairs, np.ndarray], float],
    areas: list[tuple[Pairs, np.ndarray]],
    state: Ranked,
) -> None:
    """Warn if scores have been rounded, and the bound of the error of an area is not small."""
    largest = max(error(*area) for area in areas) if any(state.dropped) else 0.0
    if largest > TOLERANCE:
        warnings.warn(
            f"The score may be wrong by up to {largest:.1g}: there are more distinct scores than "
            "are kept. If they fit in memory, scikit-learn's metric of "
            "dask.compute(y_true, y_score) is exact.",
            UserWarning,
            stacklevel=2,
        )
