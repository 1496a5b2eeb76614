"""Pictures of confusion matrices and of prediction errors, from one read of the data."""

from __future__ import annotations

from functools import partial
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from sklearn import metrics as theirs
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import unique_labels

from streamlearn._arrays import to_numpy
from streamlearn._validation.messages import matplotlib_or_raise
from streamlearn.metrics.over_blocks import Metric, computed
from streamlearn.metrics.pairs import Pairs, metric_of_pairs
from streamlearn.metrics.samples import Sample, sample_of
from streamlearn.metrics.values import one_output


class ConfusionMatrixDisplay(theirs.ConfusionMatrixDisplay):
    """The confusion matrix of a classifier.

    `from_estimator` has the parameters of scikit-learn's class of this name. The predictions of a
    collection may be lazy.

    Parameters
    ----------
    confusion_matrix : ndarray of shape (n_classes, n_classes)
    display_labels : array-like of shape (n_classes,), default=None
        The names of the classes. None means their numbers.

    Notes
    -----
    The data are read once.

    There are no differences from scikit-learn.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.metrics import ConfusionMatrixDisplay
    >>> y, labels = da.from_array([0, 0, 1, 1], chunks=2), da.from_array([0, 1, 1, 1], chunks=2)
    >>> ConfusionMatrixDisplay.from_predictions(y, labels).confusion_matrix
    array([[1, 1],
           [0, 2]])
    """

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_pred: Any,
        *,
        labels: Any = None,
        sample_weight: Any = None,
        normalize: str | None = None,
        display_labels: Any = None,
        include_values: bool = True,
        xticks_rotation: Any = "horizontal",
        values_format: str | None = None,
        cmap: Any = "viridis",
        ax: Any = None,
        colorbar: bool = True,
        im_kw: Any = None,
        text_kw: Any = None,
    ) -> Self:
        """Draw the confusion matrix of predicted labels.

        Parameters
        ----------
        y_true, y_pred : array, Series, dask array or dask Series of shape (n_samples,)
            The true and the predicted labels.
        labels : array-like of shape (n_classes,), default=None
            The labels of the rows and columns, in this order. None means all labels in the data,
            sorted.
        sample_weight : array or dask array of shape (n_samples,), default=None
            The weight of each row. None means 1 for every row.
        normalize : {"true", "pred", "all"}, default=None
            Whether to divide by the sums of rows, of columns, or by the sum of all.
        display_labels : array-like of shape (n_classes,), default=None
            The names of the labels. None means the labels.
        include_values : bool, default=True
            Whether to write the values.
        xticks_rotation : {"vertical", "horizontal"} or float, default="horizontal"
            How the names below are turned.
        values_format : str, default=None
            The format of the values. None means "d" or ".2g".
        cmap : str or matplotlib.colors.Colormap, default="viridis"
            The colors.
        ax : matplotlib.axes.Axes, default=None
            Where to draw. None makes a figure.
        colorbar : bool, default=True
            Whether to draw the scale of the colors.
        im_kw, text_kw : dict, default=None
            Arguments of matplotlib's ``imshow`` and ``text``.

        Returns
        -------
        ConfusionMatrixDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            For the reasons of `confusion_matrix`.
        """
        matplotlib_or_raise(cls)
        metric = metric_of_pairs(theirs.confusion_matrix, labels=labels, normalize=normalize)
        with_labels = Metric(metric.statistic, partial(_with_labels, metric.result, labels))
        matrix, found = computed(with_labels, y_true, y_pred, sample_weight)
        names = found if display_labels is None else display_labels
        return cls(confusion_matrix=matrix, display_labels=names).plot(
            include_values=include_values,
            cmap=cmap,
            ax=ax,
            xticks_rotation=xticks_rotation,
            values_format=values_format,
            colorbar=colorbar,
            im_kw=im_kw,
            text_kw=text_kw,
        )


def _with_labels(result: Any, labels: Any, pairs: Pairs) -> tuple[np.ndarray, Any]:
    found = unique_labels(pairs.true, pairs.predicted) if labels is None else labels
    return result(pairs), found


class PredictionErrorDisplay(theirs.PredictionErrorDisplay):
    """Predicted values and their errors, of a sample of the rows.

    `from_estimator` has the parameters of scikit-learn's class of this name. The predictions of a
    collection may be lazy.

    Parameters
    ----------
    y_true, y_pred : ndarray of shape (n_rows,)
        The true targets and the predictions.

    Notes
    -----
    The data are read once. A row is drawn or not by the seed and the number of rows before it. So
    the sample is the same for any chunks, and in memory. If lengths of chunks are unknown, it
    depends on the chunks.

    Differences from scikit-learn:

    - The same ``random_state`` draws other rows, and none of them twice.
    - If ``subsample`` is a share, each row is drawn with this probability.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.metrics import PredictionErrorDisplay
    >>> y = da.random.default_rng(0).normal(size=10_000, chunks=1_000)
    >>> display = PredictionErrorDisplay.from_predictions(y, 0.9 * y, random_state=0)
    >>> display.y_true.shape
    (1000,)
    """

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_pred: Any,
        *,
        kind: str = "residual_vs_predicted",
        subsample: float | None = 1_000,
        random_state: Any = None,
        ax: Any = None,
        scatter_kwargs: Any = None,
        line_kwargs: Any = None,
    ) -> Self:
        """Draw predicted values.

        Parameters
        ----------
        y_true, y_pred : array or dask array of shape (n_samples,)
            The true targets and the predictions: numbers without NaN and infinity.
        kind : {"actual_vs_predicted", "residual_vs_predicted"}, default="residual_vs_predicted"
            What is drawn.
        subsample : int, float or None, default=1000
            How many rows are drawn, or which share of them. None draws all. A collection may then
            have 65,536 rows at most, and as many rows of a share.
        random_state : int, RandomState instance or None, default=None
            The seed of the draw.
        ax : matplotlib.axes.Axes, default=None
            Where to draw. None makes a figure.
        scatter_kwargs, line_kwargs : dict, default=None
            Arguments of matplotlib's ``scatter`` and ``plot``.

        Returns
        -------
        PredictionErrorDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If the arrays do not line up, have no rows, hold NaN or infinity, or have several
            outputs. If ``subsample`` is less than 1 and no share, or if there are too many rows.
        """
        matplotlib_or_raise(cls)
        seed = int(check_random_state(random_state).randint(2**31 - 1))
        sums = sample_of(_read, _number(subsample), seed, "Give subsample=1_000, say.")
        y_true, y_pred = computed(Metric(sums, _parts), y_true, y_pred)
        return cls(y_true=y_true, y_pred=y_pred).plot(
            ax=ax, kind=kind, scatter_kwargs=scatter_kwargs, line_kwargs=line_kwargs
        )


def _number(subsample: Any) -> float | None:
    """Return an int or a float of Python, or None.

    Raises
    ------
    ValueError
        If it is no number of rows and no share of them.
    """
    if subsample is None:
        return None
    if isinstance(subsample, Integral):
        if subsample <= 0:
            raise ValueError(
                f"When an integer, subsample={subsample} should be positive. It is a number of "
                "rows."
            )
        return int(subsample)
    if not isinstance(subsample, Real) or not 0 < float(subsample) < 1:
        raise ValueError(
            f"When a floating-point, subsample={subsample!r} should be in the (0, 1) range. It is "
            "a share of the rows."
        )
    return float(subsample)


def _read(y_true: Any, y_pred: Any, weight: Any, block: int | None) -> tuple[np.ndarray, ...]:
    target, predicted, _ = one_output("PredictionErrorDisplay", y_true, y_pred, weight, block)
    return to_numpy(target), to_numpy(predicted)


def _parts(sample: Sample) -> tuple[np.ndarray, ...]:
    return sample.parts
