"""Scores of predictions, computed from sums that merge, so that blocks are never joined.

A `Score` is three functions. ``of_block`` returns the sums of a block, ``merge`` adds the sums of
two, and ``result`` computes the score from them. Sums are arrays of the targets' library, in the
widest float of the device. Nothing is read back to the host.

Classes are codes 0, 1, ... A weight of None means 1 for every row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from streamlearn._arrays import Array, device, namespace, over_rows, widest_float
from streamlearn.core.statistics import block_moments, moments
from streamlearn.core.value_losses import error


class Score(NamedTuple):
    """A score as functions on mergeable sums.

    Attributes
    ----------
    of_block : callable
        ``(target, predicted, weight=None) -> State``.
    merge : callable
        ``(a, b) -> State``.
    result : callable
        ``(state) -> array`` of shape () or (n_outputs,).
    """

    of_block: Callable[..., Any]
    merge: Callable[..., Any]
    result: Callable[..., Any]


class Average(NamedTuple):
    """The sums of a weighted average.

    Attributes
    ----------
    total : array of shape () or (n_outputs,)
        The sum of weight times value.
    weight : array of shape ()
        The sum of the weights.
    """

    total: Array
    weight: Array


class R2Sums(NamedTuple):
    """The sums of R2.

    Attributes
    ----------
    error, target : Moments
        The moments of the errors and of the targets. They do not overflow or underflow, whatever
        the unit of the targets is.
    rows : array of shape (n_outputs,)
        The number of rows, whatever their weights, since R2 needs two. It is NaN if an error is.
    """

    error: moments.Moments
    target: moments.Moments
    rows: Array


def correct(target: Array, predicted: Array, weight: Array | None = None) -> Average:
    """Return the sums of the accuracy.

    ``target`` and ``predicted`` are class codes (n_rows,) or indicators (n_rows, n_labels). With
    indicators a row is right if all its labels are.

    Examples
    --------
    >>> import numpy as np
    >>> float(average(correct(np.asarray([0, 1, 2, 3]), np.asarray([0, 1, 2, 2]))))
    0.75
    """
    _check_same_shape(target, predicted)
    right = target == predicted
    return _average_of(right if right.ndim == 1 else namespace(right).all(right, axis=1), weight)


def wrong(target: Array, predicted: Array, weight: Array | None = None) -> Average:
    """Return the sums of the share of wrong labels, for each column of indicators.

    ``target`` and ``predicted`` are class codes (n_rows,) or indicators (n_rows, n_labels).

    Examples
    --------
    >>> import numpy as np
    >>> average(wrong(np.asarray([[0, 1], [1, 1]]), np.asarray([[0, 0], [1, 1]])))
    array([0. , 0.5])
    """
    _check_same_shape(target, predicted)
    return _average_of(target != predicted, weight)


def correct_each(target: Array, above: Array, weight: Array | None = None) -> Average:
    """Return the sums of the one-vs-rest accuracy of each class, or of class 1 if there are two.

    Parameters
    ----------
    target : array of shape (n_rows,)
        Class codes.
    above : array of bool of shape (n_rows, n_outputs)
        Whether the row is predicted to be of the column's class. A single column is for class 1.
    weight : array of shape (n_rows,), optional

    Returns
    -------
    Average

    Examples
    --------
    >>> import numpy as np
    >>> average(correct_each(np.asarray([0, 2]), np.asarray([[True, True, False], [False] * 3])))
    array([1. , 0.5, 0.5])
    """
    xp, K = namespace(above), above.shape[1]
    first = 1 if K == 1 else 0
    classes = xp.arange(first, first + K, dtype=target.dtype, device=device(target))
    return _average_of((target[:, None] == classes) == above, weight)


def correct_by_model(target: Array, predicted: Array, weight: Array | None = None) -> Average:
    """Return the sums of the accuracy of several models: each predicts a column of labels.

    Examples
    --------
    >>> import numpy as np
    >>> average(correct_by_model(np.asarray([0, 2]), np.asarray([[0, 1], [2, 2]])))
    array([1. , 0.5])
    """
    return _average_of(target[:, None] == predicted, weight)


def losses_of(
    loss: Callable[[Array, Array], Array],
    target: Array,
    predicted: Array,
    weight: Array | None = None,
) -> Average:
    """Return the sums of the mean of a loss of values (n_rows,) or (n_rows, n_outputs).

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.core.value_losses import absolute
    >>> float(average(losses_of(absolute, np.asarray([1.0, 2.0]), np.asarray([1.0, 4.0]))))
    1.0
    """
    return _average_of(each_loss(loss, target, predicted), weight)


def each_loss(loss: Callable[[Array, Array], Array], target: Array, predicted: Array) -> Array:
    """Return a loss of values in the widest float, in the shape of the targets."""
    _check_same_shape(target, predicted)
    xp, dtype = namespace(target, predicted), widest_float(target)
    return loss(*(xp.astype(x, dtype, copy=False) for x in (target, predicted)))


def r2_sums_of(target: Array, predicted: Array, weight: Array | None = None) -> R2Sums:
    """Return the sums of R2; both are (n_rows,) or (n_rows, n_outputs)."""
    away = each_loss(error, target, predicted)
    if away.ndim == 1:
        away, target = away[:, None], target[:, None]
    return r2_sums_of_errors(away, target, weight)


def r2_sums_of_errors(away: Array, target: Array, weight: Array | None = None) -> R2Sums:
    """Return the sums of R2 from errors (n_rows, n_outputs).

    ``target`` is (n_rows, n_outputs), or (n_rows, 1) if all outputs have the same.
    """
    xp = namespace(away)
    of_error, of_target = (block_moments.of_block(a, weight) for a in (away, target))
    # moments ignore NaN, but a prediction that is NaN must not count as a right one
    lost = xp.any(xp.isnan(away), axis=0)
    rows = xp.full(lost.shape, away.shape[0], dtype=away.dtype, device=device(target))
    return R2Sums(of_error, of_target, xp.where(lost, xp.full_like(rows, xp.nan), rows))


def add(a: Average, b: Average) -> Average:
    """Return the sums over the rows of both."""
    return Average(a.total + b.total, a.weight + b.weight)


def add_r2_sums(a: R2Sums, b: R2Sums) -> R2Sums:
    """Return the sums over the rows of both."""
    error, target = moments.merge(a.error, b.error), moments.merge(a.target, b.target)
    return R2Sums(error, target, a.rows + b.rows)


def average(state: Average) -> Array:
    """Return total over weight for each output, or NaN if there is no weight."""
    xp = namespace(state.total)
    some = xp.where(state.weight != 0, state.weight, xp.full_like(state.weight, xp.nan))
    return state.total / some


def r2(state: R2Sums, *, force_finite: bool = True) -> Array:
    """Return R2 for each output: 1 - (squared errors) / (squared deviations of the targets).

    As in scikit-learn, a constant target gives 1 if it is predicted exactly, and else 0. Without
    ``force_finite`` it gives NaN and -infinity. The result is NaN if there are fewer than two rows,
    if no row has a weight, or if an error is NaN.
    """
    score = _explained(state, force_finite, about_zero=True)
    xp = namespace(score)
    return xp.where(state.rows >= 2, score, xp.full_like(score, xp.nan))


def explained_variance(state: R2Sums, *, force_finite: bool = True) -> Array:
    """Return for each output 1 - (variance of the errors) / (variance of the targets).

    It is R2 if the errors are 0 on average. Constant targets are treated as in `r2`.
    """
    return _explained(state, force_finite, about_zero=False)


def _explained(state: R2Sums, force_finite: bool, *, about_zero: bool) -> Array:
    residual = moments.squares(state.error, about_zero=about_zero)
    deviation = moments.squares(state.target)
    xp, ones = namespace(deviation), namespace(deviation).ones_like(deviation)
    constant = deviation == 0
    units = state.error.unit / xp.where(constant, ones, state.target.unit)
    score = ones - residual / xp.where(constant, ones, deviation) * units * units
    exact = xp.astype(residual == 0, score.dtype)
    at_constant = exact if force_finite else xp.where(residual == 0, xp.nan * ones, -xp.inf * ones)
    score = xp.where(constant, at_constant, score)
    lost = xp.isnan(state.rows) | (state.target.weight == 0)
    return xp.where(lost, xp.full_like(score, xp.nan), score)


def total_squares(state: R2Sums) -> Array:
    """Return the sum of squared deviations of each output's targets, all in the same unit."""
    xp, unit = namespace(state.target.unit), state.target.unit
    largest = xp.max(unit)
    share = unit / xp.where(largest == 0, xp.ones_like(largest), largest)
    return moments.squares(state.target) * share * share


ACCURACY = Score(correct, add, average)
EACH_ACCURACY = Score(correct_each, add, average)
R2 = Score(r2_sums_of, add_r2_sums, r2)


def _average_of(values: Array, weight: Array | None) -> Average:
    """Return the sums of ``values``, (n_rows,) or (n_rows, n_outputs), over their rows."""
    xp = namespace(values)
    dtype = widest_float(values)
    values = xp.astype(values, dtype, copy=False)
    if weight is None:
        rows: Any = values.shape[0]
        return Average(xp.sum(values, axis=0), xp.asarray(rows, dtype=dtype, device=device(values)))
    weight = xp.astype(weight, dtype, copy=False)
    return Average(over_rows(weight, values), xp.sum(weight))


def _check_same_shape(target: Array, predicted: Array) -> None:
    """Raise a ValueError if the shapes differ: broadcasting would compute no errors of rows."""
    if target.shape != predicted.shape:
        raise ValueError(
            f"targets of shape {target.shape} and predictions of shape {predicted.shape} do not "
            "line up: give both one row for each sample and one column for each output"
        )
