"""Precision, recall, F scores and support, together."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from sklearn import metrics as theirs

from streamlearn.metrics.over_blocks import computed
from streamlearn.metrics.pairs import Pairs, metric_of_pairs


def precision_recall_fscore_support(
    y_true: Any,
    y_pred: Any,
    *,
    beta: float = 1.0,
    labels: Any = None,
    pos_label: Any = 1,
    average: str | None = None,
    warn_for: Any = ("precision", "recall", "f-score"),
    sample_weight: Any = None,
    zero_division: Any = "warn",
) -> Any:
    """Return precision, recall, F-beta score and support.

    Parameters
    ----------
    y_true, y_pred : array, Series, dask array or dask Series of shape (n_samples,) or \
(n_samples, n_labels)
        The true and the predicted labels. Two dimensions hold 0 or 1 for each label.
    beta : float, default=1.0
        How many times as important recall is as precision.
    labels : array-like of shape (n_labels,), default=None
        The labels whose scores are averaged, in this order. None means all labels in the data,
        sorted.
    pos_label : int, float, bool or str, default=1
        The class whose score is returned if ``average="binary"``.
    average : {"micro", "macro", "samples", "weighted", "binary"} or None, default=None
        How the scores of the labels are combined. ``"micro"`` counts all labels together.
        ``"macro"`` is the mean of the labels, and ``"weighted"`` the mean weighted by their true
        rows. ``"samples"`` is the mean of the scores of the rows. ``"binary"`` is the score of
        ``pos_label`` alone. None returns the score of each label.
    warn_for : tuple or set, default=("precision", "recall", "f-score")
        The scores that a warning is about.
    sample_weight : array or dask array of shape (n_samples,), default=None
        The weight of each row. None means 1 for every row.
    zero_division : {"warn", 0.0, 1.0, numpy.nan}, default="warn"
        The value of a score that divides by 0. "warn" means 0 and a warning.

    Returns
    -------
    precision, recall, fbeta_score : float or ndarray of shape (n_labels,)
        The scores for all labels, or for each if ``average`` is None.
    support : None or ndarray of shape (n_labels,)
        The weight of the rows with each label, or None if ``average`` is not None.

    Raises
    ------
    TypeError
        If labels are bytes.
    ValueError
        If a parameter is none of those above or does not suit the labels. If the arrays do not line
        up, or text is compared with numbers. If they hold NaN or numbers that are not labels. If no
        row has a weight, or there are more than a million distinct pairs of labels.

    Warns
    -----
    UndefinedMetricWarning
        If a score divides by 0 and ``zero_division="warn"``.

    Notes
    -----
    The data are read once. The weights of the distinct pairs of labels are kept, and
    `sklearn.metrics.precision_recall_fscore_support` computes the score from them.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import precision_recall_fscore_support
    >>> y_true, y_pred = np.asarray([0, 0, 1, 1, 1]), np.asarray([0, 1, 1, 1, 0])
    >>> precision_recall_fscore_support(y_true, y_pred)[3]
    array([2, 3])
    """
    how = {
        "beta": beta,
        "labels": labels,
        "pos_label": pos_label,
        "average": average,
        "warn_for": warn_for,
        "zero_division": zero_division,
    }
    metric = metric_of_pairs(theirs.precision_recall_fscore_support, **how)
    metric = metric._replace(result=partial(_whole_support, metric.result))
    return computed(metric, y_true, y_pred, sample_weight)


def classification_report(
    y_true: Any,
    y_pred: Any,
    *,
    labels: Any = None,
    target_names: Any = None,
    sample_weight: Any = None,
    digits: int = 2,
    output_dict: bool = False,
    zero_division: Any = "warn",
) -> Any:
    """Return precision, recall, F1 score and support of each label, and their averages.

    Parameters
    ----------
    y_true, y_pred : array, Series, dask array or dask Series of shape (n_samples,) or \
(n_samples, n_labels)
        The true and the predicted labels. Two dimensions hold 0 or 1 for each label.
    labels : array-like of shape (n_labels,), default=None
        The labels whose scores are averaged, in this order. None means all labels in the data,
        sorted.
    target_names : array-like of shape (n_labels,), default=None
        The names of the labels in the report.
    sample_weight : array or dask array of shape (n_samples,), default=None
        The weight of each row. None means 1 for every row.
    digits : int, default=2
        The number of digits after the point. A dict has all digits.
    output_dict : bool, default=False
        Whether to return a dict.
    zero_division : {"warn", 0.0, 1.0, numpy.nan}, default="warn"
        The value of a score that divides by 0. "warn" means 0 and a warning.

    Returns
    -------
    str or dict
        The report. The dict has one entry for each label and for each average.

    Raises
    ------
    TypeError
        If labels are bytes.
    ValueError
        If a parameter is none of those above or does not suit the labels. If the arrays do not line
        up, or text is compared with numbers. If they hold NaN or numbers that are not labels. If no
        row has a weight, or there are more than a million distinct pairs of labels.

    Warns
    -----
    UndefinedMetricWarning
        If a score divides by 0 and ``zero_division="warn"``.

    Notes
    -----
    The data are read once. The weights of the distinct pairs of labels are kept, and
    `sklearn.metrics.classification_report` computes the score from them.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import classification_report
    >>> y_true, y_pred = np.asarray([0, 0, 1, 1, 1]), np.asarray([0, 1, 1, 1, 0])
    >>> classification_report(y_true, y_pred, output_dict=True)["accuracy"]
    0.6
    """
    how = {
        "labels": labels,
        "target_names": target_names,
        "digits": digits,
        "output_dict": output_dict,
        "zero_division": zero_division,
    }
    metric = metric_of_pairs(theirs.classification_report, **how)
    if not output_dict:
        metric = metric._replace(result=partial(_with_whole_support, metric.result))
    return computed(metric, y_true, y_pred, sample_weight)


def _whole_support(result: Callable[[Pairs], Any], pairs: Pairs) -> Any:
    """Return the support as whole numbers if rows were counted.

    scikit-learn gets the numbers of rows as weights, and thus returns floats.
    """
    *scores, support = result(pairs)
    return (*scores, support if support is None else support.astype(pairs.weight.dtype))


def _with_whole_support(result: Callable[[Pairs], str], pairs: Pairs) -> str:
    """Return a report whose last column has whole numbers if rows were counted."""
    report = result(pairs)
    if pairs.weight.dtype.kind == "f":
        return report
    return re.sub(r"(?m) ( *\d+)\.0$", lambda m: f" {m[1].strip():>9}", report)
