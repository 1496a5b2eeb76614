"""The distinct pairs of a true label and a prediction, with the weight of their rows.

They are all that a metric of labels needs. scikit-learn's own function gets the pairs as rows, with
their weights as ``sample_weight``, and returns the metric of all rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from streamlearn._arrays import to_numpy
from streamlearn._validation.columns import factorize
from streamlearn._validation.labels import joined
from streamlearn.metrics.labels import read_labels
from streamlearn.metrics.over_blocks import Metric, Statistic, weight_like
from streamlearn.metrics.parameters import checked

MOST_PAIRS = 1 << 20
"""The largest number of distinct pairs."""


class Pairs(NamedTuple):
    """Distinct pairs of a true label and a prediction.

    Attributes
    ----------
    true, predicted : ndarray of shape (n_pairs,) or (n_pairs, n_labels)
        Two dimensions hold 0 or 1 for each of several labels.
    weight : ndarray of shape (n_pairs,)
        The sum of the weights of the rows. It is their number, an integer, if they have no weights.
    """

    true: np.ndarray
    predicted: np.ndarray
    weight: np.ndarray


def distinct(true: np.ndarray, predicted: np.ndarray, weight: np.ndarray | None) -> Pairs:
    """Return the distinct pairs of rows, whose weight None is 1. Pairs without a weight are kept.

    Examples
    --------
    >>> distinct(np.asarray([1, 1, 2]), np.asarray(["a", "a", "a"]), None).weight
    array([2, 1])
    """
    (a, values), (b, others) = (_factorized(x) for x in (true, predicted))
    cell, size = a * len(others) + b, len(values) * len(others)
    if size <= max(16 * len(cell), 1 << 16):
        rows = np.bincount(cell, minlength=size)
        cells = np.flatnonzero(rows)
        total = rows if weight is None else np.bincount(cell, weight, size)
        total = total[cells]
    else:
        cells, cell, rows = np.unique(cell, return_inverse=True, return_counts=True)
        total = rows if weight is None else np.bincount(cell, weight)
    dtype = np.int64 if weight is None else weight.dtype
    a, b = np.divmod(cells, max(len(others), 1))
    return Pairs(values[a], others[b], total.astype(dtype, copy=False))


def _factorized(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the code of each row, and the distinct rows."""
    if x.ndim == 1:
        codes, values = factorize(x)
        return codes.astype(np.int64, copy=False), values
    packed = np.ascontiguousarray(np.packbits(x.astype(bool), axis=1))
    _, first, codes = np.unique(
        packed.view(f"V{packed.shape[1]}")[:, 0], return_index=True, return_inverse=True
    )
    return codes, x[first]


def merge(a: Pairs, b: Pairs) -> Pairs:
    """Return the distinct pairs of the rows of both."""
    true, predicted = (_joined(x, y) for x, y in ((a.true, b.true), (a.predicted, b.predicted)))
    return distinct(true, predicted, np.concatenate([a.weight, b.weight]))


def _joined(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    if a.shape[1:] != b.shape[1:]:
        raise ValueError(
            f"Blocks hold labels of different shapes: {('n', *a.shape[1:])} and "
            f"{('n', *b.shape[1:])}. Give all blocks one column for each label."
        )
    return np.concatenate([a, b]) if a.ndim == 2 else joined(a, b)


def _pairs_of_block(y_true: Any, y_pred: Any, weight: Any, block: int | None) -> Pairs:
    target, predicted = read_labels(y_true, y_pred, block)
    weight = weight_like(predicted, weight, block)
    return _few_or_raise(
        distinct(
            to_numpy(target),
            to_numpy(predicted),
            None if weight is None else to_numpy(weight).astype(np.float64),
        )
    )


def _merge(a: Pairs, b: Pairs) -> Pairs:
    return _few_or_raise(merge(a, b))


def few_or_raise(pairs: Pairs, names: tuple[str, str], advice: str) -> Pairs:
    """Return the pairs, if they are few enough to keep.

    Raises
    ------
    ValueError
        If there are more than `MOST_PAIRS`. The message calls both sides ``names`` and gives
        advice.
    """
    if len(pairs.weight) <= MOST_PAIRS:
        return pairs
    a, b = names
    if pairs.true.ndim == 2:
        raise ValueError(
            f"{a} and {b} hold more than {MOST_PAIRS} different rows of {pairs.true.shape[1]} "
            "labels, which are too many to keep. Compute the metric of a few columns at a time."
        )
    n, m = (len(factorize(x).values) for x in (pairs.true, pairs.predicted))
    raise ValueError(
        f"{a} holds {n} different labels and {b} {m}, and there are more than {MOST_PAIRS} "
        "different pairs of them, which are too many to keep. Are these labels, or an identifier "
        f"of rows? {advice}"
    )


def _few_or_raise(pairs: Pairs) -> Pairs:
    return few_or_raise(pairs, ("y_true", "y_pred"), "accuracy_score takes any number of labels.")


PAIRS = Statistic(_pairs_of_block, _merge)


def metric_of_pairs(function: Callable[..., Any], **how: Any) -> Metric:
    """Return a metric of labels that scikit-learn's ``function`` computes from distinct pairs.

    Raises
    ------
    ValueError
        If the function takes no such parameters.
    """
    return Metric(PAIRS, partial(_of_pairs, checked(function, how), how))


def _of_pairs(function: Callable[..., Any], how: Mapping[str, Any], pairs: Pairs) -> Any:
    with positive_label_advised(function.__name__, pairs.true):
        return function(pairs.true, pairs.predicted, sample_weight=pairs.weight, **how)


@contextmanager
def positive_label_advised(name: str, labels: np.ndarray, more: str = "") -> Iterator[None]:
    """Let scikit-learn's error about a ``pos_label`` that is not in y say what to do.

    Parameters
    ----------
    name : str
        The function of `sklearn.metrics` that is called in the body.
    labels : ndarray of shape (n,)
    more : str, default=""
        What its scorer needs besides.
    """
    try:
        yield
    except ValueError as error:
        if not str(error).startswith("pos_label="):
            raise
        last = sorted(set(labels.tolist()), key=str)[-1]
        raise ValueError(
            f"{error}. Give the label that counts as positive, for example pos_label={last!r}. "
            f"As scoring, give sklearn.metrics.make_scorer({name}, pos_label={last!r}{more})."
        ) from None
