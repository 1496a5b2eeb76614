"""The picture of the precision at each recall.

The class is scikit-learn's. Here the curve is computed over blocks, and has no more points than a
picture can show.
"""

from __future__ import annotations

from typing import Any, Self

from sklearn import metrics as theirs

from streamlearn._validation.messages import matplotlib_or_raise
from streamlearn.metrics.drawn_curves import (
    metric_of_curve,
    precision_recall,
    scores_of,
)
from streamlearn.metrics.over_blocks import computed


class PrecisionRecallDisplay(theirs.PrecisionRecallDisplay):
    """The precision at each recall of a classifier of two classes.

    Parameters
    ----------
    precision, recall : ndarray of shape (n_points,)
    average_precision : float, default=None
        For the legend.
    name : str, default=None
        The name in the legend.
    pos_label : int, float, bool or str, default=None
        The label of the positive class, for the axes.
    prevalence_pos_label : float, default=None
        The share of the rows of the positive class, by weight: the precision of random scores.

    Notes
    -----
    The data are read once. The average precision is that of the whole curve, and the curve has no
    more than 5,000 points of it.

    Differences from scikit-learn:

    - Two columns are the probabilities of two classes. scikit-learn raises an error.
    - The chance level counts weights. scikit-learn counts rows.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.metrics import PrecisionRecallDisplay
    >>> y, p = da.from_array([0, 0, 1, 1], chunks=2), da.from_array([0.1, 0.4, 0.35, 0.8], chunks=2)
    >>> PrecisionRecallDisplay.from_predictions(y, p).average_precision
    0.83...
    """

    def __init__(
        self,
        precision: Any,
        recall: Any,
        *,
        average_precision: float | None = None,
        name: str | None = None,
        pos_label: Any = None,
        prevalence_pos_label: float | None = None,
    ) -> None:
        super().__init__(
            precision,
            recall,
            average_precision=average_precision,
            name=name,
            pos_label=pos_label,
            prevalence_pos_label=prevalence_pos_label,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_score: Any,
        *,
        sample_weight: Any = None,
        drop_intermediate: bool = False,
        pos_label: Any = None,
        name: str | None = None,
        ax: Any = None,
        curve_kwargs: Any = None,
        plot_chance_level: bool = False,
        chance_level_kw: Any = None,
        despine: bool = False,
    ) -> Self:
        """Draw the curve of scores.

        Parameters
        ----------
        y_true : array, Series, dask array or dask Series of shape (n_samples,)
            The true labels, of two classes.
        y_score : array or dask array of shape (n_samples,) or (n_samples, 2)
            Scores or probabilities of the positive class, in the second of two columns.
        sample_weight : array or dask array of shape (n_samples,), default=None
            The weight of each row. None means 1 for every row.
        drop_intermediate : bool, default=False
            Whether to leave out thresholds that are not a corner of the curve.
        pos_label : int, float, bool or str, default=None
            The label of the positive class. None means 1, if the labels are 0 and 1, or -1 and 1.
        name : str, default=None
            The name in the legend. None means "Classifier".
        ax : matplotlib.axes.Axes, default=None
            Where to draw. None makes a figure.
        curve_kwargs : dict, default=None
            Arguments of matplotlib's ``plot`` for the curve.
        plot_chance_level : bool, default=False
            Whether to draw the curve of random scores.
        chance_level_kw : dict, default=None
            Arguments of matplotlib's ``plot`` for it.
        despine : bool, default=False
            Whether to leave out the upper and the right border.

        Returns
        -------
        PrecisionRecallDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If there are not two classes, or for the reasons of `precision_recall_curve`.
        """
        matplotlib_or_raise(cls)
        metric = metric_of_curve(precision_recall, drop_intermediate, pos_label)
        found = computed(metric, y_true, y_score, sample_weight)
        display = cls(**found, name="Classifier" if name is None else name)
        return display.plot(
            ax=ax,
            curve_kwargs=curve_kwargs,
            plot_chance_level=plot_chance_level,
            chance_level_kw=chance_level_kw,
            despine=despine,
        )

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        sample_weight: Any = None,
        drop_intermediate: bool = False,
        response_method: str = "auto",
        pos_label: Any = None,
        name: str | None = None,
        ax: Any = None,
        curve_kwargs: Any = None,
        plot_chance_level: bool = False,
        chance_level_kw: Any = None,
        despine: bool = False,
    ) -> Self:
        """Draw the curve of an estimator's scores of rows.

        Parameters
        ----------
        estimator : estimator
            A fitted classifier of two classes, such as ours or `ParallelPostFit`, whose predictions
            of a collection are lazy.
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows.
        y : array, Series, dask array or dask Series of shape (n_samples,)
            The true labels.
        sample_weight : array or dask array of shape (n_samples,), default=None
            The weight of each row. None means 1 for every row.
        drop_intermediate : bool, default=False
            Whether to leave out thresholds that are not a corner of the curve.
        response_method : {"auto", "predict_proba", "decision_function"}, default="auto"
            The method that returns the scores. "auto" is the first of these that there is.
        pos_label : int, float, bool or str, default=None
            The label of the positive class. None means the second of the estimator's.
        name : str, default=None
            The name in the legend. None means the estimator's class.
        ax : matplotlib.axes.Axes, default=None
            Where to draw. None makes a figure.
        curve_kwargs : dict, default=None
            Arguments of matplotlib's ``plot`` for the curve.
        plot_chance_level : bool, default=False
            Whether to draw the curve of random scores.
        chance_level_kw : dict, default=None
            Arguments of matplotlib's ``plot`` for it.
        despine : bool, default=False
            Whether to leave out the upper and the right border.

        Returns
        -------
        PrecisionRecallDisplay

        Raises
        ------
        AttributeError
            If the estimator has no such method.
        ImportError
            If matplotlib is not installed.
        ValueError
            If it is not a classifier of two classes, or for the reasons of
            `precision_recall_curve`.
        """
        given = scores_of(cls, estimator, X, response_method, pos_label)
        metric = metric_of_curve(
            precision_recall, drop_intermediate, given.pos_label, reverse=given.reverse
        )
        found = computed(metric, y, given.scores, sample_weight)
        display = cls(**found, name=type(estimator).__name__ if name is None else name)
        return display.plot(
            ax=ax,
            curve_kwargs=curve_kwargs,
            plot_chance_level=plot_chance_level,
            chance_level_kw=chance_level_kw,
            despine=despine,
        )
