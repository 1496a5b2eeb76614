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
from streamlearn.backend import Array, asarray, is_array, namespace, to_numpy, widest_float
from streamlearn.base import finite_or_raise
from streamlearn.core import tallies
from streamlearn.labels import as_vector, discover, encode


def accuracy_score(y_true: Any, y_pred: Any, *, sample_weight: Any = None) -> float:
    """Return the share of rows, by weight, whose label is predicted right.

    Parameters
    ----------
    y_true, y_pred : array, Series, dask array or dask Series of shape (n_samples,)
    sample_weight : array or dask array of shape (n_samples,), optional

    Raises
    ------
    ValueError
        If they do not line up, have no rows, or are not one-dimensional.

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
        If the arrays do not line up, have no rows, or ``y_pred`` has not one column a class.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.metrics import log_loss
    >>> log_loss(np.asarray(["spam", "ham"]), np.asarray([[0.1, 0.9], [0.8, 0.2]]))
    0.1642...
    """
    if labels is None:
        classes = to_numpy(discover(engine.align(y=y_true)).classes)
    else:
        classes = np.unique(np.asarray(labels))
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
        If they do not line up, have no rows, or hold NaN or infinity.

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
    return values if multioutput == "raw_values" else float(values.mean())


def _score(
    tally: tallies.Tally, pair: Callable, y_true: Any, y_pred: Any, sample_weight: Any
) -> np.ndarray:
    y_true, y_pred = (x if _has_rows(x) else np.asarray(x) for x in (y_true, y_pred))
    blocks = engine.align(y_pred=y_pred, y_true=y_true, sample_weight=sample_weight)
    state = engine.reduce(partial(_tally_of_block, tally, pair), tally.merge, blocks)
    if state is None:
        raise ValueError("y_true and y_pred have no rows, and no row has no score.")
    return to_numpy(tally.result(state))


def _has_rows(x: Any) -> bool:
    return engine.is_collection(x) or is_array(x) or hasattr(x, "to_numpy")


def _tally_of_block(tally: tallies.Tally, pair: Callable, index: int, parts: tuple) -> Any:
    target, predicted = pair(parts[1], parts[0], index)
    weight = None
    if len(parts) > 2:
        weight = as_vector(parts[2], "sample_weight")
        finite_or_raise(weight, "sample_weight", index)
        weight = asarray(weight, like=target, dtype=widest_float(target))
    return tally.of_block(target, predicted, weight)


def _label_pair(y_true: Any, y_pred: Any, index: int) -> tuple[Array, Array]:
    y_true, y_pred = as_vector(y_true, "y_true"), as_vector(y_pred, "y_pred")
    if isinstance(y_true, np.ndarray) and isinstance(y_pred, np.ndarray):
        return y_true, y_pred
    return asarray(y_true, like=y_pred), y_pred


def _probability_pair(
    classes: np.ndarray, y_true: Any, y_pred: Any, index: int
) -> tuple[Array, Array]:
    P = _numbers(y_pred, "y_pred", index)
    if P.ndim == 1 or P.shape[1] == 1:
        p = P if P.ndim == 1 else P[:, 0]
        P = namespace(p).stack([1.0 - p, p], axis=1)
    if P.shape[1] != len(classes):
        raise ValueError(
            f"y_pred has {P.shape[1]} columns and there are {len(classes)} classes: "
            f"{classes[:10].tolist()}. Give all of them as labels."
        )
    codes = encode(classes, as_vector(y_true, "y_true"), like=P, where=f"Block {index} of y_true")
    return codes, P


def _value_pair(y_true: Any, y_pred: Any, index: int) -> tuple[Array, Array]:
    predicted = _numbers(y_pred, "y_pred", index)
    target = _numbers(y_true, "y_true", index)
    target = asarray(target, like=predicted, dtype=widest_float(predicted))
    if target.ndim == 2 and target.shape[1] == 1:
        target = target[:, 0]
    if predicted.ndim == 2 and predicted.shape[1] == 1:
        predicted = predicted[:, 0]
    return target, predicted


def _numbers(x: Any, name: str, index: int) -> Array:
    x = x.to_numpy() if hasattr(x, "to_numpy") else x if is_array(x) else np.asarray(x)
    finite_or_raise(x, name, index)
    return x
