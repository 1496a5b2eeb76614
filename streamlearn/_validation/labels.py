"""Class labels: functions that find them, weigh them, encode them and decode them.

The codes are 0, 1, 2... in the order of the sorted labels. Labels are numbers of any library, or
strings and objects of NumPy.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import compute_class_weight

from streamlearn._arrays import (
    Array,
    asarray,
    default_int,
    itemsize,
    namespace,
    position,
    same_dtype,
    to_numpy,
    widest_float,
)
from streamlearn._arrays.plain import gaps
from streamlearn._validation.arrays import as_vector
from streamlearn._validation.columns import factorize
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
    found = reduce(partial(_labels_of_block, weighted), _merge, blocks)
    if found is None:
        raise no_rows("a classifier", " in y")
    return found


def listed(classes: Any) -> np.ndarray:
    """Return the user's list of labels, sorted. It raises the same errors as `discover`."""
    return _unique(to_numpy(as_vector(classes, "classes")), "classes").classes


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
    known = None if classes is None else listed(classes)
    if not further:
        return known
    if known is None and former is None:
        raise classes_missing("here or as a parameter")
    if known is not None and former is not None and not np.array_equal(former, known):
        raise ValueError(
            f"`classes={classes!r}` is not the same as on last call to partial_fit, was: "
            f"{former!r}. Leave it out, or begin a new estimator."
        )
    return former if known is None else known


def classes_missing(where: str = "") -> ValueError:
    """Return the error for a first call of ``partial_fit`` without the labels."""
    return ValueError(
        "classes must be passed on the first call to partial_fit. Give all labels there will ever "
        f"be{', ' if where else ''}{where}."
    )


def _labels_of_block(weighted: bool, block: Block) -> Labels:
    y = to_numpy(as_vector(block.y, "y", block.named))
    found = _unique(y, in_block("y", block.named))
    weight = read_weight(block.sample_weight, np.empty(0), block.named) if weighted else None
    if weight is None:
        return found
    codes = np.searchsorted(found.classes, y)
    return found._replace(counts=np.bincount(codes, weight, len(found.classes)))


def _unique(y: np.ndarray, where: str) -> Labels:
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
        If labels are bytes.
    ValueError
        If a label is missing (NaN, None or pandas' NA) or infinite. If ``numbers`` is true, also if
        a label is not a whole number.
    """
    kind = y.dtype.kind if isinstance(y, np.ndarray) else ""
    if kind == "S" or (kind == "O" and y.size and isinstance(y.flat[0], bytes)):
        raise TypeError(
            f"{where} holds labels that are bytes, which are not supported. Decode them: "
            "[label.decode() for label in y]."
        )
    if kind in ("", "f"):
        if not sum_is_finite(y) and not bool(namespace(y).all(namespace(y).isfinite(y))):
            raise ValueError(f"{where} contains NaN or infinity, which is no label. {DROP}")
        if numbers and namespace(y).isdtype(y.dtype, "real floating"):
            broken = y != namespace(y).trunc(y)
            if bool(namespace(y).any(broken)):
                raise ValueError(
                    "Unknown label type: continuous. Maybe you are trying to fit a classifier, "
                    "which expects discrete classes, on a regression target with continuous "
                    f"values: {where} contains {to_numpy(y)[to_numpy(broken)][0].item()}."
                )
    elif kind == "O" and gaps(y).any():
        raise ValueError(f"{where} contains NaN or None, which is no label. {DROP}")


def _merge(a: Labels, b: Labels) -> Labels:
    if (a.classes.dtype.kind in "OUS") != (b.classes.dtype.kind in "OUS"):
        raise TypeError(
            f"y mixes labels of dtype {a.classes.dtype} and {b.classes.dtype} from block to "
            "block. Labels must be all numbers or all strings."
        )
    try:
        pair = exactly(a.classes, b.classes)
        classes, at = np.unique(np.concatenate(pair), return_inverse=True)
    except TypeError as error:
        raise TypeError(
            f"y mixes labels from block to block that cannot be sorted: {error}. Labels must be "
            "all numbers or all strings."
        ) from error
    if classes.dtype.kind == "O" and pair[0] is not a.classes:
        classes = _integers(classes)
    counts = np.concatenate([a.counts, b.counts])
    total = np.zeros(len(classes), dtype=counts.dtype)
    np.add.at(total, at, counts)
    return Labels(classes, total)


def class_weights(how: Any, classes: np.ndarray, found: Labels | None) -> np.ndarray | None:
    """Return the weight of each class.

    Parameters
    ----------
    how : dict, "balanced" or None
        The parameter ``class_weight``.
    classes : ndarray of shape (n_classes,)
        The sorted labels.
    found : Labels or None
        The labels of the data, which "balanced" needs.

    Returns
    -------
    ndarray of shape (n_classes,), or None
        None if all weights are 1.

    Raises
    ------
    ValueError
        If the dict lacks a label and has a key that is no label. With "balanced", if a label has no
        rows, or only rows without a weight.
    """
    if how is None:
        return None
    if how != "balanced":
        return compute_class_weight(how, classes=classes, y=classes)
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


def to_like(classes: Array, like: Array) -> Array:
    """Return labels in the namespace and on the device of ``like``.

    Strings and objects stay in NumPy.
    """
    classes = to_numpy(classes)
    if classes.dtype.kind in "OUS" or isinstance(like, np.ndarray):
        return classes
    return asarray(classes, like=like, dtype=same_dtype(classes.dtype, like))


def exactly(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return two arrays of labels in dtypes that compare and join exactly.

    NumPy converts int64 with uint64, and integers with floats, to floats. Beyond 2**53 two labels
    can then become one. Such arrays are returned as objects, which Python compares exactly.
    """
    if a.dtype == b.dtype or not {a.dtype.kind, b.dtype.kind} <= {"i", "u", "f"}:
        return a, b
    if np.result_type(a, b).kind == "f" and not (_are_floats(a) and _are_floats(b)):
        return a.astype(object), b.astype(object)
    return a, b


def _are_floats(x: Array) -> bool:
    """Return whether float64 represents all numbers of ``x`` exactly."""
    xp = namespace(x)
    if not xp.isdtype(x.dtype, "integral") or itemsize(x.dtype, xp) < 8 or not x.shape[0]:
        return True
    return int(xp.min(x)) >= -(2**53) and int(xp.max(x)) <= 2**53


def _integers(classes: np.ndarray) -> np.ndarray:
    """Return an array of objects that are whole numbers in an integer dtype."""
    values = [int(c) for c in classes]
    for dtype in (np.int64, np.uint64):
        if np.iinfo(dtype).min <= values[0] and values[-1] <= np.iinfo(dtype).max:
            return np.asarray(values, dtype=dtype)
    raise ValueError(
        f"y holds labels from {values[0]} to {values[-1]}, which no integer dtype holds. Use "
        "smaller numbers as labels, or text."
    )


def comparable(a: Array, b: Array) -> tuple[Array, Array]:
    """Return two arrays of the same library and device in a dtype that represents both exactly.

    If their library has no such dtype, they are returned as NumPy's objects.
    """
    if a.dtype == b.dtype:
        return a, b
    xp = namespace(a, b)
    floating = any(xp.isdtype(x.dtype, "real floating") for x in (a, b))
    if floating and not (_are_floats(a) and _are_floats(b)):
        return exactly(to_numpy(a), to_numpy(b))
    dtype = widest_float(a) if floating else default_int(a)
    return xp.astype(a, dtype), xp.astype(b, dtype)


def codes_of(classes: np.ndarray, y: Array) -> tuple[Array, Array]:
    """Return the codes of labels, and which of them are not among ``classes``.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The sorted labels.
    y : array of shape (n_rows,)
    """
    known = to_like(classes, y)
    if isinstance(known, np.ndarray) and isinstance(y, np.ndarray):
        known, y = exactly(known, y)
    if _are_numbers(known) and _are_numbers(y) and len(classes) == 2:
        # This is twelve times as fast as a search for each label.
        codes = y == known[1]
        wrong = codes == (y == known[0])
    elif isinstance(known, np.ndarray):
        # Numbers of another library come here too if classes are strings. They match no class.
        y = to_numpy(y)
        try:
            codes = np.minimum(np.searchsorted(known, y), len(known) - 1)
            wrong = known[codes] != y
        except TypeError:  # labels of another type, or of several types, are not among the classes
            codes, wrong = np.zeros(y.shape, dtype=int), np.ones(y.shape, dtype=bool)
    else:
        known, y = comparable(known, y)
        codes = position(y, known)
        wrong = namespace(y).take(known, codes) != y
    return codes, wrong


def encode(classes: np.ndarray, y: Any, *, like: Array, where: str = "y") -> Array:
    """Return the codes of labels ``y``.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The sorted labels.
    y : array of shape (n_rows,)
    like : array
        The codes are in its namespace and on its device.
    where : str
        The name of y in errors.

    Returns
    -------
    array of shape (n_rows,)
        The codes, in `default_int`.

    Raises
    ------
    ValueError
        If an entry of y is not among ``classes``, or is no label: NaN, or a number that is not
        whole.

    Examples
    --------
    >>> encode(np.asarray(["no", "yes"]), np.asarray(["yes", "no"]), like=np.zeros(1))
    array([1, 0])
    """
    codes, wrong = codes_of(classes, y)
    if bool(namespace(wrong).any(wrong)):
        found = _unique(to_numpy(y)[to_numpy(wrong)], where).classes
        raise ValueError(
            f"{where} contains labels that are not in classes: {found[:5].tolist()}; classes are "
            f"{classes[:10].tolist()}{' ...' if len(classes) > 10 else ''}. Give all labels of "
            "the data in classes, or None to look for them in fit."
        )
    return asarray(codes, like=like, dtype=default_int(like))


def _are_numbers(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind in "biuf"


def decode(classes: Array, codes: Array) -> Array:
    """Return the labels of ``codes``. Numbers are in the library and on the device of ``codes``.

    Examples
    --------
    >>> decode(np.asarray(["no", "yes"]), np.asarray([1, 0]))
    array(['yes', 'no'], dtype='<U3')
    """
    known = to_like(classes, codes)
    if isinstance(known, np.ndarray):
        return known[to_numpy(codes)]
    return namespace(known).take(known, codes)
