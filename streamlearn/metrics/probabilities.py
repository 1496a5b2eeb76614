"""Metrics of predicted probabilities."""

from __future__ import annotations

import warnings
from functools import partial
from math import sqrt
from typing import Any, NamedTuple

import numpy as np

from streamlearn import blocks as engine
from streamlearn._arrays import Array, float_dtype, namespace, to_numpy
from streamlearn._validation.arrays import as_vector
from streamlearn._validation.label_codes import encode
from streamlearn._validation.labels import discover, listed
from streamlearn._validation.messages import in_block
from streamlearn.core import scores
from streamlearn.metrics.over_blocks import numbers, sums, target_or_raise


def log_loss(y_true: Any, y_pred: Any, *, sample_weight: Any = None, labels: Any = None) -> float:
    """Return the log loss: the mean of -log(p), where p is the probability of the true label.

    Parameters
    ----------
    y_true : array, Series, dask array or dask Series of shape (n_samples,)
        The true labels.
    y_pred : array or dask array of shape (n_samples, n_classes) or (n_samples,)
        The probabilities, one column for each class in sorted order. One dimension holds the
        probability of the second of two classes. Probabilities are clipped to one unit of rounding
        away from 0 and 1.
    sample_weight : array or dask array of shape (n_samples,), default=None
        The weight of each row. None means 1 for every row.
    labels : array-like of shape (n_classes,), default=None
        The classes. If it is None, one more pass over ``y_true`` finds them.

    Returns
    -------
    float
        A number that is at least 0, in units of the natural logarithm.

    Raises
    ------
    ValueError
        If the arrays do not line up, if they have no rows or no row with a weight, or if ``y_pred``
        does not have one column for each class, or holds numbers below 0 or above 1.

    Warns
    -----
    UserWarning
        If rows of ``y_pred`` do not sum to 1.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import log_loss
    >>> log_loss(np.asarray(["spam", "ham"]), np.asarray([[0.1, 0.9], [0.8, 0.2]]))
    0.1642...
    """
    if labels is None:
        classes = to_numpy(discover(engine.align(y=target_or_raise(y_true))).classes)
    else:
        classes = listed(labels)
    pair = partial(_probability_pair, classes)
    state = sums(PROBABILITIES, pair, y_true, y_pred, sample_weight)
    if bool(to_numpy(state.off).any()):
        warnings.warn(
            "Rows of y_pred do not sum to 1. Give the probabilities of all classes, as "
            "predict_proba returns them.",
            UserWarning,
            stacklevel=2,
        )
    return float(to_numpy(scores.average(state.losses)))


def _probability_pair(
    classes: np.ndarray, y_true: Any, y_pred: Any, block: int | None
) -> tuple[Array, Array]:
    P = numbers(y_pred, "y_pred", block)
    xp = namespace(P)
    P = xp.astype(P, float_dtype(P), copy=False)
    if bool(xp.any((P < 0) | (P > 1))):
        raise ValueError(
            f"{in_block('y_pred', block)} contains values lower than 0 or greater than 1, which "
            "are no probabilities. Give what predict_proba returns."
        )
    if P.ndim == 1 or P.shape[1] == 1:
        p = P if P.ndim == 1 else P[:, 0]
        P = namespace(p).stack([1.0 - p, p], axis=1)
    if P.shape[1] != len(classes):
        raise ValueError(
            f"y_pred has {P.shape[1]} columns and there are {len(classes)} classes: "
            f"{classes[:10].tolist()}. Give all of them as labels."
        )
    y = as_vector(y_true, "y_true", block)
    return encode(classes, y, like=P, where=in_block("y_true", block)), P


class Losses(NamedTuple):
    """The sums of the log loss, and whether some rows of probabilities do not sum to 1."""

    losses: scores.Average
    off: Array

    @property
    def weight(self) -> Array:
        """Return the weight of all rows."""
        return self.losses.weight


def _losses(target: Array, P: Array, weight: Array | None = None) -> Losses:
    xp = namespace(P)
    off = xp.abs(xp.sum(P, axis=1) - 1) > sqrt(xp.finfo(P.dtype).eps)
    return Losses(scores.log_losses(target, P, weight), xp.any(off))


def _add_losses(a: Losses, b: Losses) -> Losses:
    return Losses(scores.add(a.losses, b.losses), a.off | b.off)


PROBABILITIES = scores.Score(_losses, _add_losses, lambda state: scores.average(state.losses))
