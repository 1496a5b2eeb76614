"""Precision, recall and the scores made of them, for predicted labels."""

from __future__ import annotations

from typing import Any

from sklearn import metrics as theirs

from streamlearn.metrics.over_blocks import computed
from streamlearn.metrics.pairs import metric_of_pairs


def precision_score(
    y_true: Any,
    y_pred: Any,
    *,
    labels: Any = None,
    pos_label: Any = 1,
    average: str | None = "binary",
    sample_weight: Any = None,
    zero_division: Any = "warn",
) -> Any:
    """Return the precision: the share of the rows predicted to have a label that do have it.

    Parameters
    ----------
    y_true, y_pred : array, Series, dask array or dask Series of shape (n_samples,) or \
(n_samples, n_labels)
        The true and the predicted labels. Two dimensions hold 0 or 1 for each label.
    labels : array-like of shape (n_labels,), default=None
        The labels whose scores are averaged, in this order. None means all labels in the data,
        sorted.
    pos_label : int, float, bool or str, default=1
        The class whose score is returned if ``average="binary"``.
    average : {"micro", "macro", "samples", "weighted", "binary"} or None, default="binary"
        How the scores of the labels are combined. ``"micro"`` counts all labels together.
        ``"macro"`` is the mean of the labels, and ``"weighted"`` the mean weighted by their true
        rows. ``"samples"`` is the mean of the scores of the rows. ``"binary"`` is the score of
        ``pos_label`` alone. None returns the score of each label.
    sample_weight : array or dask array of shape (n_samples,), default=None
        The weight of each row. None means 1 for every row.
    zero_division : {"warn", 0.0, 1.0, numpy.nan}, default="warn"
        The value of a score that divides by 0. "warn" means 0 and a warning.

    Returns
    -------
    float or ndarray of shape (n_labels,)
        A number between 0 and 1 for all labels, or one for each if ``average`` is None.

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
    `sklearn.metrics.precision_score` computes the score from them.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import precision_score
    >>> y_true, y_pred = np.asarray([0, 0, 1, 1, 1]), np.asarray([0, 1, 1, 1, 0])
    >>> precision_score(y_true, y_pred)
    0.66...
    """
    metric = metric_of_pairs(
        theirs.precision_score,
        labels=labels,
        pos_label=pos_label,
        average=average,
        zero_division=zero_division,
    )
    return computed(metric, y_true, y_pred, sample_weight)


def recall_score(
    y_true: Any,
    y_pred: Any,
    *,
    labels: Any = None,
    pos_label: Any = 1,
    average: str | None = "binary",
    sample_weight: Any = None,
    zero_division: Any = "warn",
) -> Any:
    """Return the recall: the share of the rows with a label that are predicted to have it.

    Parameters
    ----------
    y_true, y_pred : array, Series, dask array or dask Series of shape (n_samples,) or \
(n_samples, n_labels)
        The true and the predicted labels. Two dimensions hold 0 or 1 for each label.
    labels : array-like of shape (n_labels,), default=None
        The labels whose scores are averaged, in this order. None means all labels in the data,
        sorted.
    pos_label : int, float, bool or str, default=1
        The class whose score is returned if ``average="binary"``.
    average : {"micro", "macro", "samples", "weighted", "binary"} or None, default="binary"
        How the scores of the labels are combined. ``"micro"`` counts all labels together.
        ``"macro"`` is the mean of the labels, and ``"weighted"`` the mean weighted by their true
        rows. ``"samples"`` is the mean of the scores of the rows. ``"binary"`` is the score of
        ``pos_label`` alone. None returns the score of each label.
    sample_weight : array or dask array of shape (n_samples,), default=None
        The weight of each row. None means 1 for every row.
    zero_division : {"warn", 0.0, 1.0, numpy.nan}, default="warn"
        The value of a score that divides by 0. "warn" means 0 and a warning.

    Returns
    -------
    float or ndarray of shape (n_labels,)
        A number between 0 and 1 for all labels, or one for each if ``average`` is None.

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
    `sklearn.metrics.recall_score` computes the score from them.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import recall_score
    >>> y_true, y_pred = np.asarray([0, 0, 1, 1, 1]), np.asarray([0, 1, 1, 1, 0])
    >>> recall_score(y_true, y_pred, average="macro")
    0.58...
    """
    metric = metric_of_pairs(
        theirs.recall_score,
        labels=labels,
        pos_label=pos_label,
        average=average,
        zero_division=zero_division,
    )
    return computed(metric, y_true, y_pred, sample_weight)


def f1_score(
    y_true: Any,
    y_pred: Any,
    *,
    labels: Any = None,
    pos_label: Any = 1,
    average: str | None = "binary",
    sample_weight: Any = None,
    zero_division: Any = "warn",
) -> Any:
    """Return the F1 score: the harmonic mean of precision and recall.

    Parameters
    ----------
    y_true, y_pred : array, Series, dask array or dask Series of shape (n_samples,) or \
(n_samples, n_labels)
        The true and the predicted labels. Two dimensions hold 0 or 1 for each label.
    labels : array-like of shape (n_labels,), default=None
        The labels whose scores are averaged, in this order. None means all labels in the data,
        sorted.
    pos_label : int, float, bool or str, default=1
        The class whose score is returned if ``average="binary"``.
    average : {"micro", "macro", "samples", "weighted", "binary"} or None, default="binary"
        How the scores of the labels are combined. ``"micro"`` counts all labels together.
        ``"macro"`` is the mean of the labels, and ``"weighted"`` the mean weighted by their true
        rows. ``"samples"`` is the mean of the scores of the rows. ``"binary"`` is the score of
        ``pos_label`` alone. None returns the score of each label.
    sample_weight : array or dask array of shape (n_samples,), default=None
        The weight of each row. None means 1 for every row.
    zero_division : {"warn", 0.0, 1.0, numpy.nan}, default="warn"
        The value of a score that divides by 0. "warn" means 0 and a warning.

    Returns
    -------
    float or ndarray of shape (n_labels,)
        A number between 0 and 1 for all labels, or one for each if ``average`` is None.

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
    `sklearn.metrics.f1_score` computes the score from them.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import f1_score
    >>> y_true, y_pred = np.asarray([0, 0, 1, 1, 1]), np.asarray([0, 1, 1, 1, 0])
    >>> f1_score(y_true, y_pred)
    0.66...
    """
    metric = metric_of_pairs(
        theirs.f1_score,
        labels=labels,
        pos_label=pos_label,
        average=average,
        zero_division=zero_division,
    )
    return computed(metric, y_true, y_pred, sample_weight)


def fbeta_score(
    y_true: Any,
    y_pred: Any,
    *,
    beta: float,
    labels: Any = None,
    pos_label: Any = 1,
    average: str | None = "binary",
    sample_weight: Any = None,
    zero_division: Any = "warn",
) -> Any:
    """Return the F-beta score: the weighted harmonic mean of precision and recall.

    Parameters
    ----------
    y_true, y_pred : array, Series, dask array or dask Series of shape (n_samples,) or \
(n_samples, n_labels)
        The true and the predicted labels. Two dimensions hold 0 or 1 for each label.
    beta : float
        How many times as important recall is as precision.
    labels : array-like of shape (n_labels,), default=None
        The labels whose scores are averaged, in this order. None means all labels in the data,
        sorted.
    pos_label : int, float, bool or str, default=1
        The class whose score is returned if ``average="binary"``.
    average : {"micro", "macro", "samples", "weighted", "binary"} or None, default="binary"
        How the scores of the labels are combined. ``"micro"`` counts all labels together.
        ``"macro"`` is the mean of the labels, and ``"weighted"`` the mean weighted by their true
        rows. ``"samples"`` is the mean of the scores of the rows. ``"binary"`` is the score of
        ``pos_label`` alone. None returns the score of each label.
    sample_weight : array or dask array of shape (n_samples,), default=None
        The weight of each row. None means 1 for every row.
    zero_division : {"warn", 0.0, 1.0, numpy.nan}, default="warn"
        The value of a score that divides by 0. "warn" means 0 and a warning.

    Returns
    -------
    float or ndarray of shape (n_labels,)
        A number between 0 and 1 for all labels, or one for each if ``average`` is None.

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
    `sklearn.metrics.fbeta_score` computes the score from them.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import fbeta_score
    >>> y_true, y_pred = np.asarray([0, 0, 1, 1, 1]), np.asarray([0, 1, 1, 1, 0])
    >>> fbeta_score(y_true, y_pred, beta=0.5)
    0.66...
    """
    metric = metric_of_pairs(
        theirs.fbeta_score,
        beta=beta,
        labels=labels,
        pos_label=pos_label,
        average=average,
        zero_division=zero_division,
    )
    return computed(metric, y_true, y_pred, sample_weight)


def jaccard_score(
    y_true: Any,
    y_pred: Any,
    *,
    labels: Any = None,
    pos_label: Any = 1,
    average: str | None = "binary",
    sample_weight: Any = None,
    zero_division: Any = "warn",
) -> Any:
    """Return the Jaccard score: rows with a true and predicted label, over rows with either.

    Parameters
    ----------
    y_true, y_pred : array, Series, dask array or dask Series of shape (n_samples,) or \
(n_samples, n_labels)
        The true and the predicted labels. Two dimensions hold 0 or 1 for each label.
    labels : array-like of shape (n_labels,), default=None
        The labels whose scores are averaged, in this order. None means all labels in the data,
        sorted.
    pos_label : int, float, bool or str, default=1
        The class whose score is returned if ``average="binary"``.
    average : {"micro", "macro", "samples", "weighted", "binary"} or None, default="binary"
        How the scores of the labels are combined. ``"micro"`` counts all labels together.
        ``"macro"`` is the mean of the labels, and ``"weighted"`` the mean weighted by their true
        rows. ``"samples"`` is the mean of the scores of the rows. ``"binary"`` is the score of
        ``pos_label`` alone. None returns the score of each label.
    sample_weight : array or dask array of shape (n_samples,), default=None
        The weight of each row. None means 1 for every row.
    zero_division : {"warn", 0.0, 1.0, numpy.nan}, default="warn"
        The value of a score that divides by 0. "warn" means 0 and a warning.

    Returns
    -------
    float or ndarray of shape (n_labels,)
        A number between 0 and 1 for all labels, or one for each if ``average`` is None.

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
    `sklearn.metrics.jaccard_score` computes the score from them.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import jaccard_score
    >>> y_true, y_pred = np.asarray([0, 0, 1, 1, 1]), np.asarray([0, 1, 1, 1, 0])
    >>> jaccard_score(y_true, y_pred)
    0.5
    """
    metric = metric_of_pairs(
        theirs.jaccard_score,
        labels=labels,
        pos_label=pos_label,
        average=average,
        zero_division=zero_division,
    )
    return computed(metric, y_true, y_pred, sample_weight)
