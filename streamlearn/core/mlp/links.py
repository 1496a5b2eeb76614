"""Predictions from the output of a net: class codes, indicators of labels and probabilities."""

from __future__ import annotations

from streamlearn._arrays import Array, argmax, default_int, namespace


def codes(P: Array) -> Array:
    """Return the class code of each row from the output (m, K), as integers of shape (m,).

    Examples
    --------
    >>> import numpy as np
    >>> codes(np.asarray([[0.2], [0.7]])), codes(np.asarray([[0.2, 0.5, 0.3]]))
    (array([0, 1]), array([1]))
    """
    if P.shape[1] == 1:
        return namespace(P).astype(P[:, 0] > 0.5, default_int(P))
    return argmax(P, axis=1)


def indicator(P: Array) -> Array:
    """Return 1 for each label that is more likely than not, else 0, in the dtype of the output.

    Examples
    --------
    >>> import numpy as np
    >>> indicator(np.asarray([[0.2, 0.7]]))
    array([[0., 1.]])
    """
    return namespace(P).astype(P > 0.5, P.dtype)


def indicator_of_integers(P: Array) -> Array:
    """Return `indicator` as integers."""
    return namespace(P).astype(P > 0.5, default_int(P))


def probabilities(P: Array) -> Array:
    """Return the probabilities, one column for each class. Two classes have two columns.

    Examples
    --------
    >>> import numpy as np
    >>> probabilities(np.asarray([[0.25], [1.0]]))
    array([[0.75, 0.25],
           [0.  , 1.  ]])
    """
    return namespace(P).concat([1.0 - P, P], axis=1) if P.shape[1] == 1 else P
