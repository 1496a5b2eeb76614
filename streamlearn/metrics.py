"""Metrics over blocks: targets and predictions are never put together whole.

scikit-learn's names and meanings, for arrays of any library in memory and for dask collections,
which are read once. A prediction that is still lazy is made on the way.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from streamlearn import blocks as engine
from streamlearn.backend import (
    Array,
    asarray,
    float_dtype,
    namespace,
    same_place,
    to_numpy,
    widest_float,
)
from streamlearn.core import tallies
from streamlearn.labels import (
    beside,
    comparable,
    discover,
    encode,
    exactly,
    labels_or_raise,
    listed,
)
from streamlearn.reading import as_array, as_numbers, as_vector, finite_or_raise, in_block


def accuracy_score(y_true: Any, y_pred: Any, *, sample_weight: Any = None) -> float:
    """Return the share of rows, by weight, whose label is predicted right.

    Parameters
    ----------
    y_true, y_pred : array, Series, dask array or dask Series of shape (n_samples,)
        Or of shape (n_samples, n_labels), 0 or 1 for each label; a row is right where all are.
    sample_weight : array or dask array of shape (n_samples,), optional

    Raises
    ------
    ValueError
        If they do not line up, or have no rows or none with a weight.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.metrics import accuracy_score
    >>> y = da.from_array([0, 1, 2, 3], chunks=2)
    >>> accuracy_score(y, da.where(y == 3, 0, y))
    0.75
    """
    return float(_score(tallies.ACCURACY, _label_pair, y_true, y_pred, sample_weight))


def log_loss(y_true: Any, y_pred: Any, *, sample_weight: Any = None, labels: Any = None) -> float:
    """Return the mean of minus the logarithm of the probability given to the true label.

    Parameters
    ----------
    y_true : array, Series, dask array or dask Series of shape (n_samples,)
    y_pred : array or dask array of shape (n_samples, n_classes) or (n_samples,)
        Probabilities, classes in sorted order; one dimension means that of the second of two. They
        are clipped to one unit of rounding away from 0 and 1.
    sample_weight : array or dask array of shape (n_samples,), optional
    labels : array-like of shape (n_classes,), optional
        The classes. Without it one more pass over y_true looks for them.

    Raises
    ------
    ValueError
        If the arrays do not line up, have no rows or none with a weight, or ``y_pred`` has not one
        column a class.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import log_loss
    >>> log_loss(np.asarray(["spam", "ham"]), np.asarray([[0.1, 0.9], [0.8, 0.2]]))
    0.1642...
    """
    if labels is None:
        classes = to_numpy(discover(engine.align(y=_told(y_true))).classes)
    else:
        classes = listed(labels)
    pair = partial(_probability_pair, classes)
    return float(_score(tallies.LOG_LOSS, pair, y_true, y_pred, sample_weight))


def mean_squared_error(
    y_true: Any, y_pred: Any, *, sample_weight: Any = None, multioutput: str = "uniform_average"
) -> Any:
    """Return the mean squared error.

    Parameters
    ----------
    y_true, y_pred : array or dask array of shape (n_samples,) or (n_samples, n_outputs)
    sample_weight : array or dask array of shape (n_samples,), optional
    multioutput : {"uniform_average", "raw_values"}
        One number, or an ndarray of one an output.

    Raises
    ------
    ValueError
        If they do not line up, have no rows or none with a weight, or hold NaN or infinity.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import mean_squared_error
    >>> mean_squared_error(np.asarray([1.0, 2.0]), np.asarray([1.0, 4.0]))
    2.0
    """
    return _error(tallies.SQUARED_ERROR, y_true, y_pred, sample_weight, multioutput)


def mean_absolute_error(
    y_true: Any, y_pred: Any, *, sample_weight: Any = None, multioutput: str = "uniform_average"
) -> Any:
    """Return the mean absolute error; parameters and errors as `mean_squared_error`.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import mean_absolute_error
    >>> mean_absolute_error(np.asarray([1.0, 2.0]), np.asarray([1.0, 4.0]))
    1.0
    """
    return _error(tallies.ABSOLUTE_ERROR, y_true, y_pred, sample_weight, multioutput)


def r2_score(
    y_true: Any, y_pred: Any, *, sample_weight: Any = None, multioutput: str = "uniform_average"
) -> Any:
    """Return the coefficient of determination; parameters and errors as `mean_squared_error`.

    A constant target gives 1 if it is met exactly and 0 if not, fewer than two rows give NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import r2_score
    >>> r2_score(np.asarray([1.0, 2.0, 3.0]), np.asarray([1.0, 2.0, 4.0]))
    0.5
    """
    return _error(tallies.R2, y_true, y_pred, sample_weight, multioutput)


def _error(
    tally: tallies.Tally, y_true: Any, y_pred: Any, sample_weight: Any, multioutput: str
) -> Any:
    if multioutput not in ("uniform_average", "raw_values"):
        raise ValueError(
            f"multioutput must be 'uniform_average' or 'raw_values', got {multioutput!r}."
        )
    values = np.atleast_1d(_score(tally, _value_pair, y_true, y_pred, sample_weight))
    score = tallies.over_outputs(values, multioutput)
    return score if multioutput == "raw_values" else float(score)


def _score(
    tally: tallies.Tally, pair: Callable, y_true: Any, y_pred: Any, sample_weight: Any
) -> np.ndarray:
    given = {"y_pred": y_pred, "y_true": _told(y_true), "sample_weight": sample_weight}
    # What is in memory is cut like the first collection.
    ordered = dict(sorted(given.items(), key=lambda item: not engine.is_collection(item[1])))
    # What a prediction is made of is read once with a target of the same frame.
    blocks = engine.align(as_rows=("y_pred",), **ordered)
    of_block = partial(_tally_of_block, tally, pair, blocks.names, blocks.plan is None)
    state = engine.reduce(of_block, tally.merge, blocks)
    if state is None:
        raise ValueError("y_true and y_pred have no rows, and no row has no score.")
    weight = state.target.weight if isinstance(state, tallies.Fit) else state.weight
    if not to_numpy(weight).any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
    with np.errstate(over="ignore"):
        return to_numpy(tally.result(state))


def _told(y_true: Any) -> Any:
    if y_true is None:
        raise ValueError("A score compares predictions with the target y, which is None. Give it.")
    return y_true


def _tally_of_block(
    tally: tallies.Tally,
    pair: Callable,
    names: tuple[str, ...],
    in_memory: bool,
    index: int,
    parts: tuple,
) -> Any:
    block = None if in_memory else index
    given = dict(zip(names, parts, strict=True))
    predicted = given["y_pred"]
    predicted = predicted.all() if isinstance(predicted, engine.Rows) else predicted
    target, predicted = pair(given["y_true"], predicted, block)
    weight = given.get("sample_weight")
    if weight is not None:
        weight = as_vector(_numbers(weight, "sample_weight", block), "sample_weight", block)
        weight = asarray(weight, like=target, dtype=widest_float(target))
    with np.errstate(over="ignore", invalid="ignore"):
        return tally.of_block(target, predicted, weight)


def _label_pair(y_true: Any, y_pred: Any, block: int | None) -> tuple[Array, Array]:
    """Return labels to compare, beside the prediction: numbers as numbers, strings in NumPy."""
    target, predicted = as_array(y_true, "y_true"), as_array(y_pred, "y_pred")
    labels_or_raise(target, in_block("y_true", block))
    labels_or_raise(predicted, in_block("y_pred", block))
    if target.ndim != 2 or target.shape != predicted.shape:
        target = as_vector(target, "y_true", block)
        predicted = as_vector(predicted, "y_pred", block)
    if not same_place(target, predicted):
        target = beside(target, predicted)
    if {_is_text(target), _is_text(predicted)} == {True, False}:
        raise TypeError(
            f"Labels in y_true and y_pred should be of the same type: {in_block('y_true', block)} "
            f"is {target.dtype}, y_pred is {predicted.dtype}."
        )
    pair = exactly if isinstance(target, np.ndarray) else comparable
    return pair(target, predicted)


def _is_text(x: Array) -> bool | None:
    """Tell whether labels are strings; None where only each object could tell."""
    if not isinstance(x, np.ndarray):
        return False
    return None if x.dtype.kind == "O" else x.dtype.kind in "US"


def _probability_pair(
    classes: np.ndarray, y_true: Any, y_pred: Any, block: int | None
) -> tuple[Array, Array]:
    P = _numbers(y_pred, "y_pred", block)
    P = namespace(P).astype(P, float_dtype(P), copy=False)
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


def _value_pair(y_true: Any, y_pred: Any, block: int | None) -> tuple[Array, Array]:
    predicted, target = _numbers(y_pred, "y_pred", block), _numbers(y_true, "y_true", block)
    target = asarray(target, like=predicted, dtype=widest_float(predicted))
    if target.ndim == 2 and target.shape[1] == 1:
        target = target[:, 0]
    if predicted.ndim == 2 and predicted.shape[1] == 1:
        predicted = predicted[:, 0]
    return target, predicted


def _numbers(x: Any, name: str, block: int | None) -> Array:
    x = as_numbers(x, name, block)
    finite_or_raise(x, name, block)
    return x
