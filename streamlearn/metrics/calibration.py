"""The calibration curve of predicted probabilities."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from sklearn import calibration as theirs

from streamlearn.metrics.over_blocks import PROBABILITIES, Metric, computed
from streamlearn.metrics.parameters import checked
from streamlearn.metrics.ranked import Ranked, only_column, ranked


def calibration_curve(
    y_true: Any, y_prob: Any, *, pos_label: Any = None, n_bins: int = 5, strategy: str = "uniform"
) -> tuple[np.ndarray, np.ndarray]:
    """Return the share of positive rows and the mean probability in bins of probabilities.

    Parameters
    ----------
    y_true : array, Series, dask array or dask Series of shape (n_samples,)
        The true labels, of two classes.
    y_prob : array or dask array of shape (n_samples,) or (n_samples, 2)
        The probabilities of the positive class, in the second of two columns.
    pos_label : int, float, bool or str, default=None
        The label of the positive class. None means 1, if the labels are 0 and 1, or -1 and 1.
    n_bins : int, default=5
        The number of bins. Bins without rows are left out.
    strategy : {"uniform", "quantile"}, default="uniform"
        Whether all bins have the same width, or the same number of rows.

    Returns
    -------
    prob_true, prob_pred : ndarray of shape (n_bins,) or smaller
        The share of the positive rows in each bin, and the mean of their probabilities.

    Raises
    ------
    ValueError
        If the arrays do not line up or have no rows. If there are more than two labels, or no
        ``pos_label`` where it is needed. If a probability is below 0 or above 1.

    Notes
    -----
    The data are read once. If there are more than 2**20 distinct pairs of a label and a
    probability, probabilities are rounded to fewer bits.

    Differences from scikit-learn:

    - Two columns are the probabilities of two classes. scikit-learn raises an error.
    - scikit-learn's function is in `sklearn.calibration`.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import calibration_curve
    >>> y_true, y_prob = np.asarray([0, 0, 1, 1]), np.asarray([0.1, 0.3, 0.2, 0.9])
    >>> calibration_curve(y_true, y_prob, n_bins=2)
    (array([0.33333333, 1.        ]), array([0.2, 0.9]))
    """
    how = {"pos_label": pos_label, "n_bins": n_bins, "strategy": strategy}
    checked(theirs.calibration_curve, how)
    metric = Metric(ranked(PROBABILITIES), partial(shares_in_bins, how))
    return computed(metric, y_true, y_prob)


def shares_in_bins(how: dict[str, Any], state: Ranked) -> tuple[np.ndarray, np.ndarray]:
    """Return `calibration_curve` with the parameters ``how``."""
    labels, p, rows = only_column(state, "calibration_curve")
    if p.size and (p.min() < 0 or p.max() > 1):
        raise ValueError(
            "y_prob has values outside [0, 1], which are not probabilities. Give what "
            "predict_proba returns."
        )
    # It takes no weights, but it knows which labels are wrong.
    theirs.calibration_curve(labels, p, **how)
    positive = labels == (1 if how["pos_label"] is None else how["pos_label"])
    edges = np.linspace(0, 1, how["n_bins"] + 1)
    if how["strategy"] == "quantile":
        edges = _quantiles(p, rows, edges)
    at = np.searchsorted(edges[1:-1], p)
    n, right, total = (
        np.bincount(at, rows * x, how["n_bins"]) for x in (np.ones_like(p), positive, p)
    )
    some = n != 0
    return right[some] / n[some], total[some] / n[some]


def _quantiles(x: np.ndarray, rows: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Return quantiles of numbers that come in several rows each, as `numpy.quantile` does."""
    order = np.argsort(x)
    upto = np.cumsum(rows[order])
    place = q * (upto[-1] - 1)
    below = np.floor(place)
    low, high = (
        x[order][np.searchsorted(upto, np.minimum(at, upto[-1] - 1), side="right")]
        for at in (below, below + 1)
    )
    return low + (high - low) * (place - below)
