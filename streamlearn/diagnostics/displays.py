"""Pictures of fitted estimators, in the manner of scikit-learn's displays.

Without ``ax`` a display draws into a new figure of pyplot, which ``pyplot.show()`` shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from streamlearn._arrays import to_numpy
from streamlearn._estimator.outputs import feature_names
from streamlearn._validation.messages import matplotlib_or_raise

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class ProgressiveLossDisplay:
    """The progressive loss of a fit: that of each block, before it was learned from.

    scikit-learn's ``LearningCurveDisplay`` is something else: it refits an estimator to more and
    more rows. This one costs nothing, because a fit scores each block on its way.

    Parameters
    ----------
    losses : sequence of float
        The mean loss of each block.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure
    points_, mean_ : matplotlib.lines.Line2D
        The losses of blocks, and their mean so far.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.diagnostics import ProgressiveLossDisplay
    >>> from streamlearn.linear_model import SGDRegressor
    >>> X = da.random.default_rng(0).normal(size=(8_000, 3), chunks=(1_000, 3))
    >>> model = SGDRegressor(random_state=0).fit(X, X[:, 0])
    >>> display = ProgressiveLossDisplay.from_estimator(model)
    >>> display.ax_.get_xlabel()
    'block'
    """

    def __init__(self, losses: Sequence[float]) -> None:
        self.losses = losses

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Axes | None = None) -> Self:
        """Draw ``loss_curve_`` of a fitted estimator, or of the last step of a pipeline.

        Parameters
        ----------
        estimator : estimator
            It has ``loss_curve_``: a linear model or a net.
        ax : matplotlib.axes.Axes, default=None
            Where to draw. None makes a figure of pyplot.

        Returns
        -------
        ProgressiveLossDisplay

        Raises
        ------
        TypeError
            If the estimator has no ``loss_curve_``.
        """
        estimator = _learner(estimator, "loss_curve_", "A linear model or a net has one.")
        return cls(estimator.loss_curve_).plot(ax=ax, name=type(estimator).__name__)

    def plot(self, *, ax: Axes | None = None, name: str | None = None) -> Self:
        """Draw the losses.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw. None makes a figure of pyplot.
        name : str, default=None
            The name of the estimator, for the title.

        Returns
        -------
        self
        """
        self.ax_ = _axes(self, ax)
        self.figure_ = self.ax_.figure
        losses = list(map(float, self.losses))
        so_far = [total / n for n, total in enumerate(accumulate(losses), start=1)]
        number = range(1, len(losses) + 1)
        (self.points_,) = self.ax_.plot(number, losses, "o", ms=4, mew=0, alpha=0.45)
        color = self.points_.get_color()
        self.points_.set_label("a block, before it was learned from")
        (self.mean_,) = self.ax_.plot(number, so_far, color=color, lw=2, label="mean so far")
        self.ax_.set(xlabel="block", ylabel="progressive loss", title=name or "")
        self.ax_.legend(frameon=False)
        return self


class CoefficientsDisplay:
    """The largest coefficients of a linear model, as bars.

    Parameters
    ----------
    coef : ndarray of shape (n_features,)
        The coefficients of one output.
    names : sequence of str
        The names of the features.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure
    bars_ : matplotlib.container.BarContainer

    Notes
    -----
    The sizes of coefficients compare if the features have the same scale, for example after a
    `StandardScaler`.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.diagnostics import CoefficientsDisplay
    >>> from streamlearn.linear_model import SGDRegressor
    >>> X = np.random.default_rng(0).normal(size=(1_000, 3))
    >>> model = SGDRegressor(random_state=0).fit(X, 2 * X[:, 1])
    >>> display = CoefficientsDisplay.from_estimator(model)
    >>> [label.get_text() for label in display.ax_.get_yticklabels()][0]
    'x1'
    """

    def __init__(self, coef: np.ndarray, names: Sequence[str]) -> None:
        self.coef = coef
        self.names = names

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        output: int = 0,
        feature_names: Sequence[str] | None = None,
        max_features: int = 20,
        ax: Axes | None = None,
    ) -> Self:
        """Draw ``coef_`` of a fitted model, or of the last step of a pipeline.

        Parameters
        ----------
        estimator : estimator
            It has ``coef_``.
        output : int, default=0
            The row of ``coef_`` to draw, if it has several.
        feature_names : sequence of str, default=None
            The names of the features. None takes them from the steps before in a pipeline, then
            from ``feature_names_in_``, and else numbers the features.
        max_features : int, default=20
            The number of coefficients to draw, the largest ones.
        ax : matplotlib.axes.Axes, default=None
            Where to draw. None makes a figure of pyplot.

        Returns
        -------
        CoefficientsDisplay

        Raises
        ------
        TypeError
            If the estimator has no ``coef_``.
        ValueError
            If there is no such output, or if the names are not as many as the features.
        """
        learner = _learner(estimator, "coef_", "A linear model has them.")
        coef = learner.coef_.toarray() if hasattr(learner.coef_, "toarray") else learner.coef_
        rows = np.atleast_2d(to_numpy(coef))
        if not 0 <= output < len(rows):
            raise ValueError(f"output={output!r} is not one of the {len(rows)} rows of coef_.")
        names = (
            _names(estimator, learner, rows.shape[1]) if feature_names is None else feature_names
        )
        if len(names) != rows.shape[1]:
            raise ValueError(
                f"feature_names has {len(names)} names, and coef_ has {rows.shape[1]} features."
            )
        display = cls(rows[output], [str(name) for name in names])
        return display.plot(max_features=max_features, ax=ax, name=type(learner).__name__)

    def plot(
        self, *, max_features: int = 20, ax: Axes | None = None, name: str | None = None
    ) -> Self:
        """Draw the coefficients.

        Parameters
        ----------
        max_features : int, default=20
            The number of coefficients to draw, the largest ones.
        ax : matplotlib.axes.Axes, default=None
            Where to draw. None makes a figure of pyplot.
        name : str, default=None
            The name of the estimator, for the title.

        Returns
        -------
        self
        """
        self.ax_ = _axes(self, ax)
        self.figure_ = self.ax_.figure
        order = np.argsort(-np.abs(self.coef), kind="stable")[:max_features]
        self.bars_ = self.ax_.barh(range(len(order)), self.coef[order])
        # A "$" would begin a formula.
        labels = [self.names[i].replace("$", r"\$") for i in order]
        self.ax_.set_yticks(range(len(order)), labels)
        self.ax_.invert_yaxis()
        self.ax_.axvline(0, color="0.6", lw=1)
        self.ax_.set(xlabel="coefficient", title=name or "")
        return self


class InertiaDisplay:
    """The inertia of k-means for several numbers of clusters, to choose one of them.

    Parameters
    ----------
    n_clusters : sequence of int
    inertia : sequence of float
        The inertia of a fit with each of these numbers.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure
    line_ : matplotlib.lines.Line2D

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.cluster import MiniBatchKMeans
    >>> from streamlearn.diagnostics import InertiaDisplay
    >>> X = da.random.default_rng(0).normal(size=(4_000, 2), chunks=(1_000, 2))
    >>> kmeans = MiniBatchKMeans(random_state=0)
    >>> display = InertiaDisplay.from_estimator(kmeans, X, n_clusters=[2, 4, 8])
    >>> display.inertia[0] > display.inertia[-1]
    True
    """

    def __init__(self, n_clusters: Sequence[int], inertia: Sequence[float]) -> None:
        self.n_clusters = n_clusters
        self.inertia = inertia

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        n_clusters: Sequence[int] = (2, 4, 8, 16, 32),
        sample_weight: Any = None,
        ax: Axes | None = None,
    ) -> Self:
        """Fit copies of an estimator with several numbers of clusters, and draw their inertia.

        Each fit reads X once more than its epochs, for the inertia of the final centres.

        Parameters
        ----------
        estimator : estimator
            `MiniBatchKMeans`, or another one with ``n_clusters`` and ``score``. It is not changed.
        X : container
            The rows.
        n_clusters : sequence of int, default=(2, 4, 8, 16, 32)
            The numbers of clusters.
        sample_weight : array or dask array of shape (n_samples,), default=None
            The weights of the rows.
        ax : matplotlib.axes.Axes, default=None
            Where to draw. None makes a figure of pyplot.

        Returns
        -------
        InertiaDisplay
        """
        inertia = []
        for k in n_clusters:
            fitted = clone(estimator).set_params(n_clusters=k)
            fitted.fit(X, sample_weight=sample_weight)
            inertia.append(-float(fitted.score(X, sample_weight=sample_weight)))
        return cls(list(n_clusters), inertia).plot(ax=ax, name=type(estimator).__name__)

    def plot(self, *, ax: Axes | None = None, name: str | None = None) -> Self:
        """Draw the inertia.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw. None makes a figure of pyplot.
        name : str, default=None
            The name of the estimator, for the title.

        Returns
        -------
        self
        """
        self.ax_ = _axes(self, ax)
        self.figure_ = self.ax_.figure
        (self.line_,) = self.ax_.plot(self.n_clusters, self.inertia, "o-")
        self.ax_.set_ylim(0, 1.05 * max(self.inertia, default=0.0) or 1.0)
        self.ax_.locator_params(axis="x", integer=True)
        self.ax_.set(xlabel="number of clusters", ylabel="inertia", title=name or "")
        return self


def _axes(display: Any, ax: Axes | None) -> Axes:
    """Return the axes to draw in, by default those of a new figure of pyplot."""
    if ax is not None:
        return ax
    matplotlib_or_raise(type(display))
    from matplotlib import pyplot as plt

    axes: Axes = plt.subplots(layout="constrained")[1]
    return axes


def _learner(estimator: Any, attribute: str, remedy: str) -> Any:
    """Return the estimator, or the last step of a pipeline, which has a fitted attribute.

    Raises
    ------
    TypeError
        If it lacks the attribute.
    """
    check_is_fitted(estimator)
    learner = estimator[-1] if hasattr(estimator, "steps") else estimator
    if not hasattr(learner, attribute):
        raise TypeError(f"{type(learner).__name__} has no {attribute}. {remedy}")
    return learner


def _names(estimator: Any, learner: Any, n_features: int) -> Sequence[str]:
    if learner is not estimator and len(estimator) > 1:
        try:
            return list(estimator[:-1].get_feature_names_out())
        except (AttributeError, ValueError):  # a step, or the table, has no names
            pass
    return feature_names(learner, n_features)
