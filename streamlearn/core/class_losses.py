"""The losses of scores and probabilities, for each class that a row might have.

A column holds the losses of all rows if they are of its class. So the sums of the columns over the
rows of each label can be made before it is known which label is which class. All results are in the
widest float.
"""

from __future__ import annotations

from streamlearn._arrays import Array, argmax, device, namespace, row_order, widest_float


def log_losses(P: Array) -> Array:
    """Return -log(p) for probabilities (n_rows, n_classes).

    Probabilities are clipped to [eps, 1 - eps] of their dtype, as in scikit-learn.

    Examples
    --------
    >>> import numpy as np
    >>> log_losses(np.asarray([[0.5, 1.0]]))
    array([[6.93147181e-01, 2.22044605e-16]])
    """
    xp = namespace(P)
    eps = xp.finfo(P.dtype).eps
    p = xp.clip(P, eps, 1 - eps)
    return -xp.log(xp.astype(p, widest_float(p), copy=False))


def squares(P: Array) -> Array:
    """Return the squared errors of probabilities (n_rows, n_classes), (n_rows, 2 n_classes).

    The first half belongs to a class that the row does not have, the second half to a class that it
    has.

    Examples
    --------
    >>> import numpy as np
    >>> squares(np.asarray([[0.5, 1.0]]))
    array([[0.25, 1.  , 0.25, 0.  ]])
    """
    xp = namespace(P)
    P = xp.astype(P, widest_float(P), copy=False)
    return xp.concat([P * P, (1 - P) * (1 - P)], axis=1)


def hinge(S: Array) -> Array:
    """Return max(0, 1 - margin) for scores of classes (n_rows, n_classes).

    The margin is the score of the class over the largest other one. Crammer and Singer, "On the
    Algorithmic Implementation of Multiclass Kernel-based Vector Machines", 2001.

    Examples
    --------
    >>> import numpy as np
    >>> hinge(np.asarray([[2.0, 0.5, 1.5]]))
    array([[0.5, 2.5, 1.5]])
    """
    xp = namespace(S)
    S = xp.astype(S, widest_float(S), copy=False)
    first = argmax(S, axis=1, keepdims=True)
    classes = xp.arange(S.shape[1], dtype=first.dtype, device=device(S))
    is_first = classes == first
    largest = xp.max(S, axis=1, keepdims=True)
    second = xp.max(xp.where(is_first, -xp.inf * xp.ones_like(S), S), axis=1, keepdims=True)
    margin = S - xp.where(is_first, second, largest)
    return xp.clip(1 - margin, min=0.0)


def binary_hinge(s: Array) -> Array:
    """Return max(0, 1 - margin) for scores (n_rows,) of the second of two classes, (n_rows, 2)."""
    xp = namespace(s)
    s = xp.astype(s, widest_float(s), copy=False)
    return xp.clip(xp.stack([1 + s, 1 - s], axis=1), min=0.0)


def misses(k: int, S: Array) -> Array:
    """Return 0 for the k classes of each row with the largest scores (n_rows, n_classes), else 1.

    If scores are equal, the later ones count as larger, as in scikit-learn.

    Examples
    --------
    >>> import numpy as np
    >>> misses(1, np.asarray([[0.1, 0.4, 0.4]]))
    array([[1., 1., 0.]])
    """
    rank = row_order(row_order(S))
    return namespace(S).astype(rank < S.shape[1] - k, widest_float(S))


def binary_misses(s: Array) -> Array:
    """Return whether scores (n_rows,) of the second of two classes are wrong, (n_rows, 4).

    A column is for the first or the second class. The first two columns are for probabilities,
    whose threshold is 1/2. The others are for scores, whose threshold is 0.
    """
    xp = namespace(s)
    half, zero = s > 0.5, s > 0
    return xp.astype(xp.stack([half, ~half, zero, ~zero], axis=1), widest_float(s))
