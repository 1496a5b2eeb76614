"""Means of states that were learned side by side, each from its own rows."""

from __future__ import annotations

from typing import Any

from streamlearn._arrays import Array, namespace
from streamlearn.core.learner import LocalState
from streamlearn.core.rows import cast


def as_it_is(params: Any, state: Any) -> Any:
    """Return the state, from which the rows of each block are learned."""
    return state


def merge(params: Any, before: LocalState, a: LocalState, b: LocalState) -> Any:
    """Return the mean of two local states, by the weights of their rows."""
    return mean(a.state, b.state, share(a, b))


def share(a: LocalState, b: LocalState) -> Array:
    """Return the part of b's rows in those of both, by weight, of shape (n_outputs,).

    It is 0 if no row of either has a weight.
    """
    assert a.info is not None
    assert b.info is not None
    total = a.info.weight + b.info.weight
    return b.info.weight / (total + cast(total == 0.0, total.dtype))


def mean(a: Any, b: Any, part: Array) -> Any:
    """Return the mean of two states, array by array, with the part of b for each output.

    Arrays of shape () are those of a. Equal numbers stay what they are, to the bit.

    Examples
    --------
    >>> import numpy as np
    >>> mean((np.asarray([[0.0], [3.0]]), None), (np.asarray([[1.0], [3.0]]), None), np.ones(2) / 4)
    (array([[0.25],
           [3.  ]]), None)
    """
    if isinstance(a, tuple):
        parts = [mean(*each, part) for each in zip(a, b, strict=True)]
        return type(a)(*parts) if hasattr(a, "_fields") else tuple(parts)
    if a is None or a.ndim == 0:
        return a
    by = namespace(a).reshape(cast(part, a.dtype), (-1, *(1,) * (a.ndim - 1)))
    return a + by * (b - a)
