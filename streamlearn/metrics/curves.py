"""Curves over all thresholds of scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from sklearn import metrics as theirs

from streamlearn.metrics.over_blocks import Metric, computed
from streamlearn.metrics.parameters import checked
from streamlearn.metrics.ranked import Ranked, only_column, ranked


def roc_curve(
    y_true: Any,
    y_score: Any,
    *,
    pos_label: Any = None,
    sample_weight: Any = None,
    drop_intermediate: bool = True,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the ROC curve: false and true positive rates at each threshold.

    Parameters
    ----------
    y_true : array, Series, dask array or dask Series of shape (n_samples,)
        The true labels.
    y_score : array or dask array of shape (n_samples,) or (n_samples, 2)
        Scores or probabilities. Scores of two classes have one dimension, or two columns of which
        the second one counts.
    pos_label : int, float, bool or str, default=None
        The label of the positive class. None means 1, if the labels are 0 and 1, or -1 and 1.
    sample_weight : array or dask array of shape (n_samples,), default=None
        The weight of each row. None means 1 for every row.
    drop_intermediate : bool, default=True
        Whether to leave out thresholds that are not a corner of the curve.

    Returns
    -------
    fpr, tpr : ndarray of shape (n_thresholds,)
        The rates of the rows whose scores reach the threshold.
    thresholds : ndarray of shape (n_thresholds,)
        Descending. The first one is infinity.

    Raises
    ------
    ValueError
        If the arrays do not line up, or no row has a weight. If they hold NaN or infinity, or a row
        has several labels. If ``pos_label`` is needed and not given.

    Notes
    -----
    The data are read once. If there are more than 2**20 distinct pairs of a label and a score,
    scores are rounded to fewer bits. Each point of the curve is exact, and there are fewer of them.

    Differences from scikit-learn:

    - Two columns are the probabilities of two classes. scikit-learn raises an error.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import roc_curve
    >>> y_true, y_score = np.asarray([0, 0, 1, 1]), np.asarray([0.1, 0.4, 0.35, 0.8])
    >>> roc_curve(y_true, y_score)[0]
    array([0. , 0. , 0.5, 0.5, 1. ])
    """
    metric = _of_curve(theirs.roc_curve, pos_label=pos_label, drop_intermediate=drop_intermediate)
    return computed(metric, y_true, y_score, sample_weight)


def precision_recall_curve(
    y_true: Any,
    y_score: Any,
    *,
    pos_label: Any = None,
    sample_weight: Any = None,
    drop_intermediate: bool = False,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return precision and recall at each threshold.

    Parameters
    ----------
    y_true : array, Series, dask array or dask Series of shape (n_samples,)
        The true labels.
    y_score : array or dask array of shape (n_samples,) or (n_samples, 2)
        Scores or probabilities. Scores of two classes have one dimension, or two columns of which
        the second one counts.
    pos_label : int, float, bool or str, default=None
        The label of the positive class. None means 1, if the labels are 0 and 1, or -1 and 1.
    sample_weight : array or dask array of shape (n_samples,), default=None
        The weight of each row. None means 1 for every row.
    drop_intermediate : bool, default=False
        Whether to leave out thresholds that do not change the curve.

    Returns
    -------
    precision, recall : ndarray of shape (n_thresholds + 1,)
        The precision and the recall of the rows whose scores reach the threshold. The last ones are
        1 and 0.
    thresholds : ndarray of shape (n_thresholds,)
        Ascending.

    Raises
    ------
    ValueError
        If the arrays do not line up, or no row has a weight. If they hold NaN or infinity, or a row
        has several labels. If ``pos_label`` is needed and not given.

    Notes
    -----
    The data are read once. If there are more than 2**20 distinct pairs of a label and a score,
    scores are rounded to fewer bits. Each point of the curve is exact, and there are fewer of them.

    Differences from scikit-learn:

    - Two columns are the probabilities of two classes. scikit-learn raises an error.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import precision_recall_curve
    >>> y_true, y_score = np.asarray([0, 0, 1, 1]), np.asarray([0.1, 0.4, 0.35, 0.8])
    >>> precision_recall_curve(y_true, y_score)[1]
    array([1. , 1. , 0.5, 0.5, 0. ])
    """
    metric = _of_curve(
        theirs.precision_recall_curve, pos_label=pos_label, drop_intermediate=drop_intermediate
    )
    return computed(metric, y_true, y_score, sample_weight)


def det_curve(
    y_true: Any,
    y_score: Any,
    pos_label: Any = None,
    sample_weight: Any = None,
    drop_intermediate: bool = False,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the error rates at each threshold: false positives and false negatives.

    Parameters
    ----------
    y_true : array, Series, dask array or dask Series of shape (n_samples,)
        The true labels.
    y_score : array or dask array of shape (n_samples,) or (n_samples, 2)
        Scores or probabilities. Scores of two classes have one dimension, or two columns of which
        the second one counts.
    pos_label : int, float, bool or str, default=None
        The label of the positive class. None means 1, if the labels are 0 and 1, or -1 and 1.
    sample_weight : array or dask array of shape (n_samples,), default=None
        The weight of each row. None means 1 for every row.
    drop_intermediate : bool, default=False
        Whether to leave out thresholds that are not a corner of the curve.

    Returns
    -------
    fpr, fnr : ndarray of shape (n_thresholds,)
        The rates of false positives and false negatives.
    thresholds : ndarray of shape (n_thresholds,)
        Ascending.

    Raises
    ------
    ValueError
        If the arrays do not line up, or no row has a weight. If they hold NaN or infinity, or a row
        has several labels. If ``pos_label`` is needed and not given.

    Notes
    -----
    The data are read once. If there are more than 2**20 distinct pairs of a label and a score,
    scores are rounded to fewer bits. Each point of the curve is exact, and there are fewer of them.

    Differences from scikit-learn:

    - Two columns are the probabilities of two classes. scikit-learn raises an error.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import det_curve
    >>> y_true, y_score = np.asarray([0, 0, 1, 1]), np.asarray([0.1, 0.4, 0.35, 0.8])
    >>> det_curve(y_true, y_score)[1]
    array([0. , 0.5, 0.5])
    """
    metric = _of_curve(theirs.det_curve, pos_label=pos_label, drop_intermediate=drop_intermediate)
    return computed(metric, y_true, y_score, sample_weight)


def _of_curve(function: Callable[..., Any], **how: Any) -> Metric:
    return Metric(ranked(), partial(_curve, checked(function, how), how))


def _curve(function: Callable[..., Any], how: Mapping[str, Any], state: Ranked) -> Any:
    pairs = only_column(state, function.__name__)
    curve = function(pairs.true, pairs.predicted, sample_weight=pairs.weight, **how)
    # torch takes no array that is read backwards.
    return tuple(map(np.ascontiguousarray, curve))
