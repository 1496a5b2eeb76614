"""Class labels: functions that find them, count their rows and weigh them."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import compute_class_weight

from streamlearn._arrays import (
    Array,
    namespace,
    to_numpy,
)
from streamlearn._arrays.plain import gaps
from streamlearn._validation.arrays import as_vector
from streamlearn._validation.columns import factorize
from streamlearn._validation.exact_labels import exactly
from streamlearn._validation.finite import sum_is_finite
from streamlearn._validation.messages import in_block, no_rows
from streamlearn._validation.reader import read_weight
from streamlearn.blocks import Block, Blocks, reduce

DROP = "Drop such rows."


class Labels(NamedTuple):
    """The labels of a target.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        The sorted labels.
    counts : ndarray of shape (n_classes,)
        For each label the number of its rows, or the sum of their weights.
    """

    classes: np.ndarray
    counts: np.ndarray


def discover(blocks: Blocks, *, weighted: bool = False) -> Labels:
    """Find the labels of the part "y" in one pass over it, and count their rows.

    Parameters
    ----------
    blocks : Blocks
    weighted : bool
        Whether to count each row by its weight, if there is a part "sample_weight".

    Returns
    -------
    Labels

    Raises
    ------
    TypeError
        If numbers and strings are mixed, or if a weight is no number.
    ValueError
        If there are no rows, if y contains NaN or a number that is not whole, or if a weight is
        NaN.
    """
    found = reduce(partial(_labels_of_block, weighted), _merge, blocks, name="labels")
    if found is None:
        raise no_rows("a classifier", " in y")
    return found


def listed(classes: Any, former: np.ndarray | None = None) -> np.ndarray:
    """Return the user's list of labels, sorted. It raises the same errors as `discover`.

    ``former`` are sorted labels, which the list may equal.
    """
    given = to_numpy(as_vector(classes, "classes"))
    if former is not None and given.dtype == former.dtype and np.array_equal(given, former):
        return former
    return labels_in(given, "classes").classes


def declared(estimator: Any, classes: Any, *, further: bool) -> np.ndarray | None:
    """Return the labels that the user gives, or those of earlier calls.

    Parameters
    ----------
    estimator : object
        An estimator with a parameter ``classes``.
    classes : array-like or None
        The argument ``classes`` of ``fit`` or ``partial_fit``.
    further : bool
        Whether the caller is ``partial_fit``, where all labels must be known and stay the same.

    Returns
    -------
    ndarray of shape (n_classes,), or None
        None if neither the argument nor the parameter gives them.

    Raises
    ------
    ValueError
        In ``partial_fit``, if the labels are not known or differ from those before.
    """
    former = to_numpy(estimator.classes_) if hasattr(estimator, "classes_") else None
    classes = estimator.classes if classes is None else classes
    known = None if classes is None else listed(classes, former)
    if not further:
        return known
    if known is None and former is None:
        raise classes_missing("here or as a parameter")
    if known is None or known is former:
        return former
    if former is not None:
        same_labels_or_raise(classes, known, former)
    return known


def same_labels_or_raise(classes: Any, known: np.ndarray, former: np.ndarray) -> None:
    """Check that the labels of the argument ``classes`` are those of earlier calls.

    Raises
    ------
    ValueError
        If they are not.
    """
    if not np.array_equal(former, known):
        raise ValueError(
            f"`classes={classes!r}` is not the same as on last call to partial_fit, was: "
            f"{former!r}. Leave it out, or begin a new estimator."
        )


def classes_missing(where: str = "") -> ValueError:
    """Return the error for a first call of ``partial_fit`` without the labels."""
    return ValueError(
        "classes must be passed on the first call to partial_fit. Give all labels there will ever "
        f"be{', ' if where else ''}{where}."
    )


def _labels_of_block(weighted: bool, block: Block) -> Labels:
    y = to_numpy(as_vector(block.y, "y", block.named))
    found = labels_in(y, in_block("y", block.named))
    weight = read_weight(block.sample_weight, np.empty(0), block.named) if weighted else None
    if weight is None:
        return found
    codes = np.searchsorted(found.classes, y)
    return found._replace(counts=np.bincount(codes, weight, len(found.classes)))


def labels_in(y: np.ndarray, where: str) -> Labels:
    """Return the labels of an array and the number of rows of each. Errors call it ``where``.

    Raises
    ------
    TypeError, ValueError
        The same errors as `discover`.
    """
    labels_or_raise(y, where)
    try:
        if y.dtype.kind in "OU":
            # A sort of all rows of text takes ten times as long.
            codes, values = factorize(y)
            order = np.asarray(sorted(range(len(values)), key=values.__getitem__), dtype=np.intp)
            classes, counts = values[order], np.bincount(codes, minlength=len(values))[order]
        else:
            classes, counts = np.unique(y, return_counts=True)
    except TypeError as error:
        raise TypeError(
            f"{where} mixes labels that cannot be sorted: {error}. Labels must be all numbers or "
            "all strings."
        ) from error
    labels_or_raise(classes, where, numbers=True)
    return Labels(classes.astype(classes.dtype.newbyteorder("="), copy=False), counts)


def labels_or_raise(y: Array, where: str, *, numbers: bool = False) -> None:
    """Check that each row has a label.

    Raises
    ------
    TypeError
        If labels are bytes. If ``numbers`` is true, also if text and numbers are mixed.
    ValueError
        If a label is missing (NaN, None or pandas' NA) or infinite. If ``numbers`` is true, also if
        a label is not a whole number. If rows have lists of labels.
    """
    kind = y.dtype.kind if isinstance(y, np.ndarray) else ""
    if kind == "S" or (kind == "O" and y.size and isinstance(y.flat[0], bytes)):
        raise TypeError(
            f"{where} holds labels that are bytes, which are not supported. Decode them: "
            "[label.decode() for label in y]."
        )
    if kind in ("", "f"):
        if not sum_is_finite(y) and not bool(namespace(y).all(namespace(y).isfinite(y))):
            raise ValueError(f"{where} contains NaN or infinity, which is not a label. {DROP}")
        if numbers and namespace(y).isdtype(y.dtype, "real floating"):
            broken = y != namespace(y).trunc(y)
            if bool(namespace(y).any(broken)):
                raise ValueError(
                    "Unknown label type: continuous. Maybe you are trying to fit a classifier, "
                    "which expects discrete classes, on a regression target with continuous "
                    f"values: {where} contains {to_numpy(y)[to_numpy(broken)][0].item()}. Give "
                    "labels that are whole numbers or text."
                )
    elif kind == "O" and y.size and isinstance(y.flat[0], list | tuple | set | np.ndarray):
        raise ValueError(
            f"{where} holds lists of labels. You appear to be using a legacy multi-label data "
            "representation. Give a column of 0 and 1 for each label, which "
            "sklearn.preprocessing.MultiLabelBinarizer makes."
        )
    elif kind == "O" and gaps(y).any():
        raise ValueError(f"{where} contains NaN or None, which is not a label. {DROP}")
    elif numbers and kind == "O" and len({issubclass(t, str) for t in set(map(type, y.flat))}) > 1:
        raise TypeError(
            f"{where} mixes labels that cannot be sorted: text and numbers. Labels must be all "
            "numbers or all strings."
        )


def joined(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the labels of two blocks, one after the other, in a dtype that has both exactly.

    Raises
    ------
    TypeError
        If they have no common dtype: text and numbers, say.
    """
    mixed = TypeError(
        f"y mixes labels of dtype {a.dtype} and {b.dtype} from block to block. Labels must be all "
        "numbers or all strings."
    )
    if (a.dtype.kind in "OUS") != (b.dtype.kind in "OUS"):
        raise mixed
    pair = exactly(a, b)
    try:
        both = np.concatenate(pair)
    except TypeError as error:
        raise mixed from error
    return both if pair[0] is a else _integers(both)


def _merge(a: Labels, b: Labels) -> Labels:
    both = joined(a.classes, b.classes)
    try:
        classes, at = np.unique(both, return_inverse=True)
    except TypeError as error:
        raise TypeError(
            f"y mixes labels from block to block that cannot be sorted: {error}. Labels must be "
            "all numbers or all strings."
        ) from error
    counts = np.concatenate([a.counts, b.counts])
    total = np.zeros(len(classes), dtype=counts.dtype)
    np.add.at(total, at, counts)
    return Labels(classes, total)


def two_classes_or_raise(classes: np.ndarray) -> None:
    """Check that there is more than one class.

    Raises
    ------
    ValueError
        If there is not.
    """
    if len(classes) < 2:
        raise ValueError(
            f"The number of classes has to be greater than one; got {len(classes)} class: "
            f"{classes.tolist()}. Give rows of others too, or list all labels in classes."
        )


def fixed_weights_or_raise(class_weight: Any) -> None:
    """Check that the weights of classes do not depend on rows that are still to come.

    Raises
    ------
    ValueError
        If they are "balanced".
    """
    if isinstance(class_weight, str) and class_weight == "balanced":
        raise ValueError(
            "class_weight 'balanced' is not supported for partial_fit. In order to use "
            "'balanced' weights, use compute_class_weight('balanced', classes=classes, y=y). "
            "In place of y you can use a large enough sample of the full training set target "
            "to properly estimate the class frequency distributions. Pass the resulting "
            "weights as the class_weight parameter."
        )


def class_weights(
    how: Any, classes: np.ndarray, found: Labels | None, *, unsigned: str = ""
) -> np.ndarray | None:
    """Return the weight of each class.

    Parameters
    ----------
    how : dict, "balanced" or None
        The parameter ``class_weight``.
    classes : ndarray of shape (n_classes,)
        The sorted labels.
    found : Labels or None
        The labels of the data, which "balanced" needs.
    unsigned : str
        What does not take negative weights, if something does not, and what to do.

    Returns
    -------
    ndarray of shape (n_classes,), or None
        None if all weights are 1.

    Raises
    ------
    ValueError
        If the dict lacks a label and has a key that is no label. If a weight is NaN or infinite,
        or is negative and ``unsigned`` is given. If ``how`` is "balanced" and a label has no rows,
        or only rows without a weight.
    """
    if how is None:
        return None
    if how != "balanced":
        weights = np.asarray(compute_class_weight(how, classes=classes, y=classes), np.float64)
        wrong = ~np.isfinite(weights) | ((weights < 0) & bool(unsigned))
        if wrong.any():
            at = int(np.argmax(wrong))
            value, label = weights[at], classes[at].item()
            if np.isfinite(value):
                raise ValueError(
                    f"class_weight has negative values, {value:g} for class {label!r}, and "
                    f"{unsigned}"
                )
            raise ValueError(
                f"class_weight is {value:g} for class {label!r}. Give each class a finite number."
            )
        return weights
    assert found is not None
    rows = dict(zip(found.classes.tolist(), found.counts.tolist(), strict=True))
    counts = np.asarray([rows.get(c, 0) for c in classes.tolist()], dtype=np.float64)
    if not (counts > 0).all():
        absent = classes[counts <= 0].tolist()
        raise ValueError(
            f"class_weight='balanced', and y has no rows of class {absent}, or none whose "
            "sample_weight is above 0. Leave it out of classes and of y, or give the weights as a "
            "dict."
        )
    return counts.sum() / (len(classes) * counts)


def _integers(labels: np.ndarray) -> np.ndarray:
    """Return an array of objects that are whole numbers in an integer dtype."""
    values = [int(label) for label in labels]
    least, most = min(values), max(values)
    for dtype in (np.int64, np.uint64):
        if np.iinfo(dtype).min <= least and most <= np.iinfo(dtype).max:
            return np.asarray(values, dtype=dtype)
    raise ValueError(
        f"y holds labels from {least} to {most}, which no integer dtype holds. Use smaller numbers "
        "as labels, or text."
    )
