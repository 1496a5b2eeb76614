"""Predicted values: how a block is read, and how the scores of several outputs are combined."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial, reduce
from typing import Any

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning

from streamlearn._arrays import Array, asarray, namespace, to_numpy, widest_float
from streamlearn._validation.messages import in_block
from streamlearn.core import scores
from streamlearn.core.statistics.quantile_summary import Sketch
from streamlearn.metrics.over_blocks import Metric, Statistic, numbers, weight_like


def read_values(
    y_true: Any, y_pred: Any, weight: Any, block: int | None, *, unsigned: str = ""
) -> tuple[Array, Array, Array | None]:
    """Return the targets, the predictions and the weights of a block, in one library.

    Targets and weights are in its widest float. One output is (n_rows,), several are (n_rows,
    n_outputs).

    Raises
    ------
    TypeError
        If there is something else than numbers.
    ValueError
        If there are NaN or infinity, or more than two dimensions.
    """
    predicted, target = numbers(y_pred, "y_pred", block), numbers(y_true, "y_true", block)
    target = asarray(target, like=predicted, dtype=widest_float(predicted))
    if max(target.ndim, predicted.ndim) > 2:
        raise ValueError(
            f"{in_block('y_true', block)} has shape {tuple(target.shape)} and y_pred "
            f"{tuple(predicted.shape)}: found an array with dim 3 or more. Give one row for "
            "each sample and one column for each output."
        )
    target, predicted = (
        x[:, 0] if x.ndim == 2 and x.shape[1] == 1 else x for x in (target, predicted)
    )
    return target, predicted, weight_like(target, weight, block, unsigned=unsigned)


def one_output(
    metric: str, y_true: Any, y_pred: Any, weight: Any, block: int | None
) -> tuple[Array, Array, Array | None]:
    """Return the parts of a block as `read_values` does, for a metric of one output.

    Raises
    ------
    ValueError
        If there are several outputs, or for the reasons of `read_values`.
    """
    target, predicted, weight = read_values(y_true, y_pred, weight, block)
    if max(target.ndim, predicted.ndim) > 1:
        raise ValueError(
            f"Multioutput not supported in {metric}: {in_block('y_true', block)} has shape "
            f"{tuple(target.shape)} and y_pred {tuple(predicted.shape)}. Give one column at a time."
        )
    return target, predicted, weight


def mean_loss(loss: Callable[..., Array], *parameters: float) -> Statistic:
    """Return the sums of the mean of a loss of `streamlearn.core.value_losses`."""
    options = (loss, parameters)
    return Statistic(_losses_of_block, scores.add, options=options, of_models=_losses_of_models)


def _losses_of_block(
    loss: Callable[..., Array],
    parameters: tuple[float, ...],
    y_true: Any,
    y_pred: Any,
    weight: Any,
    block: int | None,
) -> scores.Average:
    target, predicted, weight = read_values(y_true, y_pred, weight, block)
    return scores.losses_of(partial(loss, *parameters), target, predicted, weight)


def _losses_of_models(
    loss: Callable[..., Array],
    parameters: tuple[float, ...],
    y_true: Any,
    answers: Any,
    weight: Any,
    block: int | None,
) -> list[scores.Average] | None:
    def of_rows(target: Array, predicted: Array, weight: Array | None) -> scores.Average:
        target = namespace(target).broadcast_to(target[:, None], predicted.shape)
        return scores.losses_of(partial(loss, *parameters), target, predicted, weight)

    found = over_models(of_rows, scores.add, y_true, answers, weight, block)
    return None if found is None else [found._replace(total=total) for total in found.total]


def over_models(
    of_rows: Callable[..., Any],
    merge: Callable[[Any, Any], Any],
    y_true: Any,
    answers: Any,
    weight: Any,
    block: int | None,
) -> Any:
    """Return sums of the predicted values of several models.

    Parameters
    ----------
    of_rows : callable
        ``(target, predicted, weight) -> state`` for some rows: their targets (m,), the predictions
        (m, n_models) and the weights (m,) or None.
    merge : callable
        ``(a, b) -> state``.
    y_true, answers, weight, block
        See `Statistic`.

    Returns
    -------
    state or None
        None if there are several targets.
    """
    target, _, weight = read_values(y_true, answers.decisions[:, 0], weight, block)
    if target.ndim > 1:
        return None

    def sums(rows: slice) -> Any:
        predicted = numbers(answers.predict(rows), "y_pred", block)
        return of_rows(target[rows], predicted, None if weight is None else weight[rows])

    return reduce(merge, map(sums, answers.slices()))


def mean_of(state: scores.Average) -> np.ndarray:
    """Return the mean loss of each output."""
    return to_numpy(scores.average(state))


def over_outputs(
    sums: Statistic,
    of_each: Callable[[Any], np.ndarray],
    multioutput: Any,
    variances: Callable[[Any], np.ndarray] | None = None,
) -> Metric:
    """Return a metric of several outputs, combined as ``multioutput`` asks for.

    Parameters
    ----------
    sums : Statistic
    of_each : callable
        ``(state) -> ndarray`` of shape () or (n_outputs,).
    multioutput : str or array-like
        The user's parameter.
    variances : callable, optional
        ``(state) -> ndarray`` of shape (n_outputs,), the weights if it is "variance_weighted".

    Raises
    ------
    ValueError
        If ``multioutput`` is neither one of these words nor an array of numbers.
    """
    known = ("uniform_average", "raw_values", *(("variance_weighted",) if variances else ()))
    if multioutput is None or (isinstance(multioutput, str) and multioutput not in known):
        raise ValueError(
            f"multioutput must be one of {', '.join(map(repr, known))} or a weight for each "
            f"output, got {multioutput!r}."
        )
    how = multioutput
    if not isinstance(multioutput, str):
        how = to_numpy(numbers(multioutput, "multioutput", None))
    return Metric(sums, partial(_combined, of_each, how, variances))


def _combined(of_each: Any, how: str | np.ndarray, variances: Any, state: Any) -> Any:
    with np.errstate(over="ignore"):
        values = np.atleast_1d(of_each(state)).astype(np.float64)
    if isinstance(how, str):
        if how == "raw_values":
            return values
        weights = variances(state) if how == "variance_weighted" else None
        if weights is not None and not weights.any():
            weights = None
    else:
        weights = how
        if weights.shape != values.shape or len(values) == 1:
            raise ValueError(
                f"multioutput holds {weights.size} weights and there are {len(values)} outputs. "
                "Give one for each of several outputs, or 'uniform_average'."
            )
    return float(np.average(values, weights=weights))


def warn_of_few_rows(score: str) -> None:
    """Warn that a score needs two rows."""
    warnings.warn(
        f"{score} score is not well-defined with less than two samples.",
        UndefinedMetricWarning,
        stacklevel=2,
    )


def quantile_or_raise(alpha: float) -> float:
    """Return a quantile's share, or raise a ValueError if it is not between 0 and 1."""
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha={alpha} must be between 0 and 1. 0.5 is the median.")
    return alpha


SKETCH = Sketch(size=1 << 13)
"""Quantiles are exact up to this number of distinct values."""
