"""Functions that turn labels into codes, and codes into labels.

The codes are 0, 1, 2... in the order of the sorted labels. Labels are numbers of any library, or
strings and objects of NumPy.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from streamlearn._arrays import (
    Array,
    asarray,
    default_int,
    namespace,
    position,
    same_dtype,
    to_numpy,
)
from streamlearn._validation.exact_labels import comparable, exactly
from streamlearn._validation.labels import labels_in


def encode(
    classes: np.ndarray, y: Any, *, like: Array, where: str = "y", listed: str = "classes"
) -> Array:
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
    listed : str
        The name of the parameter that lists the labels, in errors.

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
        found = labels_in(to_numpy(y)[to_numpy(wrong)], where).classes
        in_fit = " in fit" if listed == "classes" else ""
        raise ValueError(
            f"{where} contains labels that are not in {listed}: {found[:5].tolist()}; {listed} are "
            f"{classes[:10].tolist()}{' ...' if len(classes) > 10 else ''}. Give all labels of "
            f"the data in {listed}, or None to look for them{in_fit}."
        )
    return asarray(codes, like=like, dtype=default_int(like))


def decode(classes: Array, codes: Array) -> Array:
    """Return the labels of ``codes``. Numbers are in the library and on the device of ``codes``.

    Examples
    --------
    >>> decode(np.asarray(["no", "yes"]), np.asarray([1, 0]))
    array(['yes', 'no'], dtype='<U3')
    """
    known = labels_like(classes, codes)
    if isinstance(known, np.ndarray):
        return known[to_numpy(codes)]
    return namespace(known).take(known, codes)


def codes_of(classes: np.ndarray, y: Array) -> tuple[Array, Array]:
    """Return the codes of labels, and which of them are not among ``classes``.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The sorted labels.
    y : array of shape (n_rows,)
    """
    known = labels_like(classes, y)
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


def labels_like(classes: Array, like: Array) -> Array:
    """Return labels in the namespace and on the device of ``like``.

    Strings and objects stay in NumPy.
    """
    classes = to_numpy(classes)
    if classes.dtype.kind in "OUS" or isinstance(like, np.ndarray):
        return classes
    return asarray(classes, like=like, dtype=same_dtype(classes.dtype, like))


def _are_numbers(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind in "biuf"
