"""The picture of the calibration of probabilities.

The class is scikit-learn's. Here the bins are summed over blocks.
"""

from __future__ import annotations

from typing import Any, Self

from sklearn import calibration

from streamlearn._validation.messages import matplotlib_or_raise
from streamlearn.metrics.drawn_curves import metric_of_bins, scores_of
from streamlearn.metrics.over_blocks import computed


class CalibrationDisplay(calibration.CalibrationDisplay):
    """The share of positive rows in bins of their predicted probabilities.

    Parameters
    ----------
    prob_true, prob_pred : ndarray of shape (n_bins,)
        The share of the positive rows in each bin, and the mean of their probabilities.
    y_prob : array or dask array of shape (n_samples,) or (n_samples, 2)
        The probabilities, as they were given. They are not drawn.
    estimator_name : str, default=None
        The name in the legend.
    pos_label : int, float, bool or str, default=None
        The label of the positive class, for the axes.

    Notes
    -----
    The data are read once.

    Differences from scikit-learn:

    - Two columns are the probabilities of two classes. scikit-learn raises an error.
    - scikit-learn's class is in `sklearn.calibration`.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.metrics import CalibrationDisplay
    >>> y, p = da.from_array([0, 0, 1, 1], chunks=2), da.from_array([0.1, 0.3, 0.2, 0.9], chunks=2)
    >>> CalibrationDisplay.from_predictions(y, p, n_bins=2).prob_true
    array([0.33333333, 1.        ])
    """

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_prob: Any,
        *,
        n_bins: int = 5,
        strategy: str = "uniform",
        pos_label: Any = None,
        name: str | None = None,
        ax: Any = None,
        ref_line: bool = True,
        **kwargs: Any,
    ) -> Self:
        """Draw the calibration of probabilities.

        Parameters
        ----------
        y_true : array, Series, dask array or dask Series of shape (n_samples,)
            The true labels, of two classes.
        y_prob : array or dask array of shape (n_samples,) or (n_samples, 2)
            The probabilities of the positive class, in the second of two columns.
        n_bins : int, default=5
            The number of bins.
        strategy : {"uniform", "quantile"}, default="uniform"
            Whether all bins have the same width, or the same number of rows.
        pos_label : int, float, bool or str, default=None
            The label of the positive class. None means 1, if the labels are 0 and 1, or -1 and 1.
        name : str, default=None
            The name in the legend. None means "Classifier".
        ax : matplotlib.axes.Axes, default=None
            Where to draw. None makes a figure.
        ref_line : bool, default=True
            Whether to draw the line of perfect calibration.
        **kwargs : dict
            Arguments of matplotlib's ``plot`` for the curve.

        Returns
        -------
        CalibrationDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If there are not two classes, or for the reasons of `calibration_curve`.
        """
        matplotlib_or_raise(cls)
        metric = metric_of_bins(n_bins, strategy, pos_label)
        found = computed(metric, y_true, y_prob)
        display = cls(**found, y_prob=y_prob, estimator_name="Classifier" if name is None else name)
        return display.plot(ax=ax, ref_line=ref_line, **kwargs)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        n_bins: int = 5,
        strategy: str = "uniform",
        pos_label: Any = None,
        name: str | None = None,
        ax: Any = None,
        ref_line: bool = True,
        **kwargs: Any,
    ) -> Self:
        """Draw the calibration of an estimator's probabilities of rows.

        Parameters
        ----------
        estimator : estimator
            A fitted classifier of two classes, such as ours or `ParallelPostFit`, whose predictions
            of a collection are lazy.
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows.
        y : array, Series, dask array or dask Series of shape (n_samples,)
            The true labels.
        n_bins : int, default=5
            The number of bins.
        strategy : {"uniform", "quantile"}, default="uniform"
            Whether all bins have the same width, or the same number of rows.
        pos_label : int, float, bool or str, default=None
            The label of the positive class. None means the second of the estimator's.
        name : str, default=None
            The name in the legend. None means the estimator's class.
        ax : matplotlib.axes.Axes, default=None
            Where to draw. None makes a figure.
        ref_line : bool, default=True
            Whether to draw the line of perfect calibration.
        **kwargs : dict
            Arguments of matplotlib's ``plot`` for the curve.

        Returns
        -------
        CalibrationDisplay

        Raises
        ------
        AttributeError
            If the estimator has no such method.
        ImportError
            If matplotlib is not installed.
        ValueError
            If it is not a classifier of two classes, or for the reasons of `calibration_curve`.
        """
        given = scores_of(cls, estimator, X, "predict_proba", pos_label)
        metric = metric_of_bins(n_bins, strategy, given.pos_label, reverse=given.reverse)
        found = computed(metric, y, given.scores)
        name = type(estimator).__name__ if name is None else name
        display = cls(**found, y_prob=given.scores, estimator_name=name)
        return display.plot(ax=ax, ref_line=ref_line, **kwargs)
