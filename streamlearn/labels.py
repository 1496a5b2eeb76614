"""Class labels: find them, turn them into codes, and codes back into labels.

Codes are 0, 1, 2... in the order of the sorted labels. Numbers stay in the namespace and on the
device of the target; strings and objects are NumPy's.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from streamlearn.backend import (
    Array,
    asarray,
    default_int,
    is_array,
    namespace,
    same_dtype,
    to_numpy,
)
from streamlearn.blocks import Blocks, reduce


class Labels(NamedTuple):
    """The labels of a target.

    Attributes
    ----------
    classes : array of shape (n_classes,)
        Sorted.
    counts : ndarray of int of shape (n_classes,)
        Rows of each.
    rows : tuple of int
        Rows of each block that has any, in order.
    """

    classes: Array
    counts: np.ndarray
    rows: tuple[int, ...]


def discover(blocks: Blocks) -> Labels:
    """Find the labels of the part named "y" in one pass over it.

    Raises
    ------
    ValueError
        If there are no rows, or y holds NaN or numbers that are no whole numbers.
    """
    found = reduce(partial(_labels_of_block, blocks.names.index("y")), _merge, blocks)
    if found is None:
        raise ValueError("y has no rows: found array with 0 sample(s), at least 1 is required.")
    return found


def _labels_of_block(part: int, index: int, parts: tuple) -> Labels:
    y = as_vector(parts[part], "y")
    classes, counts = np.unique(to_numpy(y), return_counts=True)
    if classes.dtype.kind == "f":
        if not np.all(np.isfinite(classes)):
            raise ValueError(f"Input y contains NaN or infinity in block {index}.")
        if np.any(classes != np.trunc(classes)):
            raise ValueError(
                "Unknown label type: continuous. Maybe you are trying to fit a classifier, which "
                "expects discrete classes, on a regression target with continuous values: "
                f"{classes[classes != np.trunc(classes)][0]!r} in block {index}."
            )
    return Labels(beside(classes, y), counts, (int(y.shape[0]),))


def _merge(a: Labels, b: Labels) -> Labels:
    both = np.concatenate([to_numpy(a.classes), to_numpy(b.classes)])
    classes, at = np.unique(both, return_inverse=True)
    counts = np.zeros(len(classes), dtype=np.int64)
    np.add.at(counts, at, np.concatenate([a.counts, b.counts]))
    return Labels(beside(classes, a.classes), counts, a.rows + b.rows)


def beside(classes: np.ndarray, like: Array) -> Array:
    """Return labels in the namespace and device of ``like``; strings and objects stay NumPy."""
    if classes.dtype.kind in "OUS" or isinstance(like, np.ndarray):
        return classes
    return asarray(classes, like=like, dtype=same_dtype(classes.dtype, like))


def as_vector(y: Any, name: str) -> Array:
    """Return a target or a weight, from whatever container a block holds, with one entry a row.

    Raises
    ------
    ValueError
        If it has more than one column.
    """
    if hasattr(y, "to_numpy"):
        y = y.to_numpy()
    elif not is_array(y):
        y = np.asarray(y)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1:
        raise ValueError(
            f"{name} should be a 1d array, got an array of shape {tuple(y.shape)} instead."
        )
    return y


def encode(classes: np.ndarray, y: Array, *, like: Array, where: str = "y") -> Array:
    """Return the codes of labels ``y`` as integers beside ``like``, shape (n_rows,).

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        Sorted labels.
    y : array of shape (n_rows,)
    like : array
    where : str
        What the error calls y.

    Raises
    ------
    ValueError
        If a label is not among ``classes``.

    Examples
    --------
    >>> encode(np.asarray(["no", "yes"]), np.asarray(["yes", "no"]), like=np.zeros(1))
    array([1, 0])
    """
    if isinstance(y, np.ndarray):
        codes = np.minimum(np.searchsorted(classes, y), len(classes) - 1)
        wrong = classes[codes] != y
        if np.any(wrong):
            _refuse(classes, np.unique(y[wrong]), where)
        return asarray(codes, like=like, dtype=default_int(like))
    xp = namespace(y)
    known = asarray(classes, like=y, dtype=y.dtype)
    codes = xp.searchsorted(known, y)
    codes = xp.minimum(codes, xp.full_like(codes, len(classes) - 1))
    if not bool(xp.all(xp.take(known, codes) == y)):
        values = np.unique(to_numpy(y))
        _refuse(classes, values[~np.isin(values, classes)], where)
    return asarray(codes, like=like, dtype=default_int(like))


def _refuse(classes: np.ndarray, wrong: np.ndarray, where: str) -> None:
    raise ValueError(
        f"{where} contains labels that are not in classes: {wrong[:5].tolist()}; classes are "
        f"{classes[:10].tolist()}{' ...' if len(classes) > 10 else ''}. Give all labels of the "
        "data in classes, or None to look for them in fit."
    )


def decode(classes: Array, codes: Array) -> Array:
    """Return the labels of ``codes``, beside them where they are numbers.

    Examples
    --------
    >>> decode(np.asarray(["no", "yes"]), np.asarray([1, 0]))
    array(['yes', 'no'], dtype='<U3')
    """
    known = beside(to_numpy(classes), codes)
    if isinstance(known, np.ndarray):
        return known[to_numpy(codes)]
    return namespace(known).take(known, codes)
