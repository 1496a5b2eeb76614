"""How far predicted labels agree with the true ones."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from sklearn import metrics as theirs

from streamlearn.metrics.over_blocks import computed
from streamlearn.metrics.pairs import Pairs, metric_of_pairs


def confusion_matrix(
    y_true: Any,
    y_pred: Any,
    *,
    labels: Any = None,
    sample_weight: Any = None,
    normalize: str | None = None,
) -> Any:
    """Return the confusion matrix: how many rows of each label are predicted to have each label.

    Parameters
    ----------
    y_true, y_pred : array, Series, dask array or dask Series of shape (n_samples,)
        The true and the predicted labels.
    labels : array-like of shape (n_classes,), default=None
        The labels of the rows and columns, in this order. Other labels are left out. None means all
        labels in the data, sorted.
    sample_weight : array or dask array of shape (n_samples,), default=None
        The weight of each row. None means 1 for every row.
    normalize : {"true", "pred", "all"}, default=None
        Whether to divide by the sums of rows, of columns, or by the sum of all.

    Returns
    -------
    ndarray of shape (n_classes, n_classes)
        Entry i, j is the number or the weight of rows of label i that are predicted to have label
        j.

    Raises
    ------
    TypeError
        If labels are bytes.
    ValueError
        If a parameter is none of those above or does not suit the labels. If the arrays do not line
        up, or text is compared with numbers. If they hold NaN or numbers that are not labels. If no
        row has a weight, or there are more than a million distinct pairs of labels.

    Notes
    -----
    The data are read once. The weights of the distinct pairs of labels are kept, and
    `sklearn.metrics.confusion_matrix` computes the score from them.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import confusion_matrix
    >>> y_true, y_pred = np.asarray([0, 0, 1, 1, 1]), np.asarray([0, 1, 1, 1, 0])
    >>> confusion_matrix(y_true, y_pred)
    array([[1, 1],
           [1, 2]])
    """
    metric = metric_of_pairs(theirs.confusion_matrix, labels=labels, normalize=normalize)
    return computed(metric, y_true, y_pred, sample_weight)


def balanced_accuracy_score(
    y_true: Any, y_pred: Any, *, sample_weight: Any = None, adjusted: bool = False
) -> float:
    """Return the balanced accuracy: the mean of the recalls of all classes.

    Parameters
    ----------
    y_true, y_pred : array, Series, dask array or dask Series of shape (n_samples,)
        The true and the predicted labels.
    sample_weight : array or dask array of shape (n_samples,), default=None
        The weight of each row. None means 1 for every row.
    adjusted : bool, default=False
        Whether to rescale the score so that random predictions score 0.

    Returns
    -------
    float
        A number that is at most 1.

    Raises
    ------
    TypeError
        If labels are bytes.
    ValueError
        If a parameter is none of those above or does not suit the labels. If the arrays do not line
        up, or text is compared with numbers. If they hold NaN or numbers that are not labels. If no
        row has a weight, or there are more than a million distinct pairs of labels.

    Notes
    -----
    The data are read once. The weights of the distinct pairs of labels are kept, and
    `sklearn.metrics.balanced_accuracy_score` computes the score from them.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import balanced_accuracy_score
    >>> y_true, y_pred = np.asarray([0, 0, 1, 1, 1]), np.asarray([0, 1, 1, 1, 0])
    >>> balanced_accuracy_score(y_true, y_pred)
    0.58...
    """
    metric = metric_of_pairs(theirs.balanced_accuracy_score, adjusted=adjusted)
    return computed(metric, y_true, y_pred, sample_weight)


def matthews_corrcoef(y_true: Any, y_pred: Any, *, sample_weight: Any = None) -> float:
    """Return the Matthews correlation coefficient of the true and the predicted labels.

    Parameters
    ----------
    y_true, y_pred : array, Series, dask array or dask Series of shape (n_samples,)
        The true and the predicted labels.
    sample_weight : array or dask array of shape (n_samples,), default=None
        The weight of each row. None means 1 for every row.

    Returns
    -------
    float
        A number between -1 and 1. It is 0 for random predictions.

    Raises
    ------
    TypeError
        If labels are bytes.
    ValueError
        If a parameter is none of those above or does not suit the labels. If the arrays do not line
        up, or text is compared with numbers. If they hold NaN or numbers that are not labels. If no
        row has a weight, or there are more than a million distinct pairs of labels.

    Notes
    -----
    The data are read once. The weights of the distinct pairs of labels are kept, and
    `sklearn.metrics.matthews_corrcoef` computes the score from them.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import matthews_corrcoef
    >>> y_true, y_pred = np.asarray([0, 0, 1, 1, 1]), np.asarray([0, 1, 1, 1, 0])
    >>> matthews_corrcoef(y_true, y_pred)
    0.16...
    """
    metric = metric_of_pairs(theirs.matthews_corrcoef)
    return computed(metric, y_true, y_pred, sample_weight)


def cohen_kappa_score(
    y1: Any,
    y2: Any,
    *,
    labels: Any = None,
    weights: str | None = None,
    sample_weight: Any = None,
    replace_undefined_by: float = np.nan,
) -> float:
    """Return Cohen's kappa: the agreement of two labellings beyond that of chance.

    Parameters
    ----------
    y1, y2 : array, Series, dask array or dask Series of shape (n_samples,)
        Two labels for each row.
    labels : array-like of shape (n_classes,), default=None
        The labels that count. None means all labels in the data.
    weights : {"linear", "quadratic"}, default=None
        How the weight of a disagreement grows with the distance of the labels. None means that all
        disagreements weigh the same.
    sample_weight : array or dask array of shape (n_samples,), default=None
        The weight of each row. None means 1 for every row.
    replace_undefined_by : {numpy.nan, -1.0, 1.0, 0.0} or float from -1 to 1, default=numpy.nan
        The value if kappa is not defined.

    Returns
    -------
    float
        A number between -1 and 1.

    Raises
    ------
    TypeError
        If labels are bytes.
    ValueError
        If a parameter is none of those above or does not suit the labels. If the arrays do not line
        up, or text is compared with numbers. If they hold NaN or numbers that are not labels. If no
        row has a weight, or there are more than a million distinct pairs of labels.

    Notes
    -----
    The data are read once. The weights of the distinct pairs of labels are kept, and
    `sklearn.metrics.cohen_kappa_score` computes the score from them.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import cohen_kappa_score
    >>> y_true, y_pred = np.asarray([0, 0, 1, 1, 1]), np.asarray([0, 1, 1, 1, 0])
    >>> cohen_kappa_score(y_true, y_pred)
    0.16...
    """
    metric = metric_of_pairs(
        theirs.cohen_kappa_score,
        labels=labels,
        weights=weights,
        replace_undefined_by=replace_undefined_by,
    )
    return computed(metric, y1, y2, sample_weight)


def class_likelihood_ratios(
    y_true: Any,
    y_pred: Any,
    *,
    labels: Any = None,
    sample_weight: Any = None,
    replace_undefined_by: Any = np.nan,
) -> tuple[float, float]:
    """Return the positive and the negative likelihood ratio of a classifier of two classes.

    They say how the odds of the second class change when a row is predicted to be of it, or not to
    be. Both do not depend on how frequent the classes are.

    Parameters
    ----------
    y_true, y_pred : array, Series, dask array or dask Series of shape (n_samples,)
        The true and the predicted labels, of two classes.
    labels : array-like of shape (2,), default=None
        The negative and the positive label. None means the labels in the data, sorted.
    sample_weight : array or dask array of shape (n_samples,), default=None
        The weight of each row. None means 1 for every row.
    replace_undefined_by : {numpy.nan, 1.0} or dict, default=numpy.nan
        What a ratio is that divides by 0: NaN, 1, or ``{"LR+": number, "LR-": number}``.

    Returns
    -------
    positive, negative : float
        LR+, which is at least 1 for a useful classifier, and LR-, which is then at most 1.

    Raises
    ------
    TypeError
        If labels are bytes.
    ValueError
        If a parameter is none of those above, or there are more than two labels. If the arrays do
        not line up, or text is compared with numbers. If they hold NaN or numbers that are not
        labels, or no row has a weight.

    Warns
    -----
    UndefinedMetricWarning
        If a ratio divides by 0.

    Notes
    -----
    The data are read once. The weights of the distinct pairs of labels are kept, and
    `sklearn.metrics.class_likelihood_ratios` computes the ratios from them.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import class_likelihood_ratios
    >>> y_true, y_pred = np.asarray([0, 0, 1, 1, 1]), np.asarray([0, 1, 1, 1, 0])
    >>> class_likelihood_ratios(y_true, y_pred)
    (1.33..., 0.66...)
    """
    metric = metric_of_pairs(
        theirs.class_likelihood_ratios, labels=labels, replace_undefined_by=replace_undefined_by
    )
    return computed(metric, y_true, y_pred, sample_weight)


def positive_likelihood_ratio(y_true: Any, y_pred: Any) -> float:
    """Return LR+, the first of `class_likelihood_ratios`, as scikit-learn's scorer does."""
    return _ratio(0, y_true, y_pred)


def negative_likelihood_ratio(y_true: Any, y_pred: Any) -> float:
    """Return LR-, the second of `class_likelihood_ratios`, as scikit-learn's scorer does."""
    return _ratio(1, y_true, y_pred)


def _ratio(place: int, y_true: Any, y_pred: Any) -> Any:
    both = metric_of_pairs(theirs.class_likelihood_ratios)
    metric = both._replace(result=partial(_one_of, place, both.result))
    return computed(metric, y_true, y_pred)


def _one_of(place: int, result: Callable[[Pairs], tuple[float, float]], pairs: Pairs) -> float:
    return result(pairs)[place]
