"""The losses of scores and probabilities, summed for each true label.

Which label is which column of the scores is known only after all labels have been seen. So the
losses are summed for each label and column, and the data are read once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from streamlearn._arrays import (
    Array,
    float_dtype,
    namespace,
    sums_by_label,
    to_numpy,
)
from streamlearn._validation.arrays import as_vector
from streamlearn._validation.label_codes import encode
from streamlearn._validation.labels import joined, labels_in, listed
from streamlearn._validation.messages import in_block
from streamlearn.metrics.over_blocks import Statistic, numbers, weight_like


class ByLabel(NamedTuple):
    """Sums over the rows of each label.

    Attributes
    ----------
    labels : ndarray of shape (n_labels,)
        The true labels, sorted.
    losses : ndarray of shape (n_labels, n_columns)
        The sums of weight times loss.
    weight : ndarray of shape (n_labels,)
        The sums of the weights.
    width : int
        The number of columns of the scores; 0 if they have one dimension.
    odd : bool
        Whether a row is what the metric calls odd.
    rows : int
        The number of rows, whatever their weights.
    """

    labels: np.ndarray
    losses: np.ndarray
    weight: np.ndarray
    width: int
    odd: bool
    rows: int


Read = Callable[..., tuple[Array, Any]]
"""``(*more, scores, where) -> (losses, odd)``: losses (n_rows, n_columns), and if a row is odd."""


def by_label(
    read: Read,
    name: str,
    response: tuple[str, ...],
    labels: Any,
    *more: Any,
    of_models: Callable[..., Any] | None = None,
) -> Statistic:
    """Return the sums of losses by label.

    Parameters
    ----------
    read : callable
        It makes the losses of a block.
    name : str
        The name of the scores in errors.
    response : tuple of str
        As in `Statistic`.
    labels : array-like or None
        The labels that the user gives.
    more : tuple
        The first arguments of ``read``.
    of_models : callable, optional
        As in `Statistic`.
    """
    known = None if labels is None else tuple(listed(labels).tolist())
    options = (read, more, name, known)
    return Statistic(_of_block, _merge, response, options, of_models=of_models)


def _of_block(
    read: Read,
    more: tuple[Any, ...],
    name: str,
    known: tuple[Any, ...] | None,
    y_true: Any,
    y_pred: Any,
    weight: Any,
    block: int | None,
) -> ByLabel:
    S = numbers(y_pred, name, block)
    if S.ndim > 2:
        raise ValueError(
            f"{in_block(name, block)} has shape {tuple(S.shape)}. Give one number a row, or a "
            "column for each class."
        )
    S = namespace(S).astype(S, float_dtype(S), copy=False)
    losses, odd = read(*more, S, in_block(name, block))
    y, where = as_vector(y_true, "y_true", block), in_block("y_true", block)
    labels = labels_in(to_numpy(y), where).classes if known is None else np.asarray(known)
    codes = encode(labels, y, like=losses, where=where, listed="labels")
    total, each = _summed(codes, len(labels), losses, weight_like(losses, weight, block))
    width = S.shape[1] if S.ndim == 2 else 0
    return ByLabel(labels, total, each, width, bool(odd), S.shape[0])


def _summed(
    codes: Array, n_labels: int, losses: Array, weight: Array | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the sums of weight times loss and of the weights for each label, on the host."""
    if weight is None:
        weight = namespace(losses).ones_like(losses[:, 0])
    sums = sums_by_label(codes, n_labels, losses, weight)
    total, each = (to_numpy(x).astype(np.float64, copy=False) for x in sums)
    return total, each


def own_losses_of_models(
    loss: Callable[[Array], Array],
    known: tuple[Any, ...] | None,
    y_true: Any,
    answers: Any,
    weight: Any,
    block: int | None,
) -> list[ByLabel] | None:
    """Return the sums of a loss of the probabilities of the true classes, for each of some models.

    The losses of other classes are 0. The result is None if the labels are not the classes of the
    models.

    Parameters
    ----------
    loss : callable
        It takes probabilities (m, n_models) and returns their losses, in the widest float.
    known : tuple or None
        The labels that the user gives.
    y_true, answers, weight, block
        See `Statistic`.
    """
    labels = answers.classes
    if known is None or not np.array_equal(np.asarray(known), labels):
        return None
    n, where = len(labels), in_block("y_true", block)
    y = as_vector(y_true, "y_true", block)
    codes = encode(labels, y, like=answers.decisions, where=where, listed="labels")
    weight = weight_like(answers.decisions, weight, block)
    total, each = np.zeros((n, answers.n_models)), np.zeros(n)
    for rows in answers.slices():
        own = answers.own_probability(rows, codes[rows])
        numbers(own, "y_proba", block)
        sums = _summed(codes[rows], n, loss(own), None if weight is None else weight[rows])
        total, each = total + sums[0], each + sums[1]
    return [ByLabel(labels, np.diag(own), each, n, False, codes.shape[0]) for own in total.T]


def _merge(a: ByLabel, b: ByLabel) -> ByLabel:
    if a.width != b.width:
        raise other_columns(a.width, b.width)
    if np.array_equal(a.labels, b.labels):
        labels, losses, weight = a.labels, a.losses + b.losses, a.weight + b.weight
        return ByLabel(labels, losses, weight, a.width, a.odd or b.odd, a.rows + b.rows)
    labels, code = np.unique(joined(a.labels, b.labels), return_inverse=True)
    losses, weight = np.zeros((len(labels), a.losses.shape[1])), np.zeros(len(labels))
    for part, at in ((a, code[: len(a.labels)]), (b, code[len(a.labels) :])):
        losses[at] += part.losses
        weight[at] += part.weight
    return ByLabel(labels, losses, weight, a.width, a.odd or b.odd, a.rows + b.rows)


def ordered(labels: Any) -> np.ndarray | None:
    """Return the labels that the user gives for the columns of scores.

    Raises
    ------
    ValueError
        If one comes twice, or if they are not sorted.
    """
    if labels is None:
        return None
    known, given = listed(labels), to_numpy(as_vector(labels, "labels"))
    if len(known) != len(given):
        raise ValueError("Parameter 'labels' must be unique. Give each label once.")
    if not np.array_equal(known, given):
        raise ValueError("Parameter 'labels' must be ordered. Give sorted(labels).")
    return known


def other_columns(a: int | str, b: int | str) -> ValueError:
    """Return the error for blocks whose scores have these numbers of columns."""
    return ValueError(
        f"A block of scores has {a} column(s) and another one {b}. Give all blocks one column for "
        "each class."
    )


def column_of_each_or_raise(
    name: str, width: int | None, classes: np.ndarray, *, listed: bool = True
) -> None:
    """Check that scores have one column for each class, or one for two classes.

    Parameters
    ----------
    name : str
        The name of the scores in errors.
    width : int or None
        The number of their columns; 0 if they have one dimension, and None if it is 1 or 2 and the
        first of two columns was left out.
    classes : ndarray of shape (n_classes,)
    listed : bool, default=True
        Whether the metric has a parameter ``labels``.

    Raises
    ------
    ValueError
        If they have other columns.
    """
    n, n_classes = max(width or 0, 2), len(classes)
    if n == n_classes:
        return
    has = f"{n} columns"
    if width is None:
        has = "one or two columns, which are for two classes,"
    elif width < 2:
        has = "one column, which is for two classes,"
    if n < n_classes:
        advice = "Give one column for each class."
    elif listed:
        advice = "Give all classes as labels."
    else:
        advice = "Leave out the columns of classes that y_true does not hold."
    raise ValueError(
        f"{name} has {has} and there {'are' if n_classes > 1 else 'is'} {n_classes} "
        f"class{'es' if n_classes > 1 else ''}: {classes[:10].tolist()}. {advice}"
    )


def own_losses(state: ByLabel, name: str, losses: np.ndarray | None = None) -> np.ndarray:
    """Return for each label the losses in the column of its own class, (n_labels,).

    Parameters
    ----------
    state : ByLabel
    name : str
        The name of the scores in errors.
    losses : ndarray of shape (n_labels, n_classes), optional
        The default is the losses of ``state``.

    Raises
    ------
    ValueError
        If the number of columns is not that of the labels.
    """
    losses = state.losses if losses is None else losses
    column_of_each_or_raise(name, state.width, state.labels)
    return np.diagonal(losses)


def mean(state: ByLabel, total: Any) -> float:
    """Return a sum of weighted losses over the sum of all weights."""
    return float(np.sum(total) / state.weight.sum())


def two_columns(P: Array) -> Array:
    """Return probabilities of classes; one column or dimension is that of the second of two."""
    if P.ndim == 1 or P.shape[1] == 1:
        p = P if P.ndim == 1 else P[:, 0]
        return namespace(p).stack([1.0 - p, p], axis=1)
    return P
