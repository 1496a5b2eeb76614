"""The co-moments of the features in each class, which merge in any order.

They are those of `streamlearn.core.statistics.comoments`, once for each class.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from streamlearn._arrays import Array, namespace
from streamlearn.core.learner import Learner
from streamlearn.core.mergeable import mergeable
from streamlearn.core.statistics import block_comoments, comoments
from streamlearn.core.statistics.block_comoments import Centred
from streamlearn.core.statistics.by_class import rows_by_class
from streamlearn.core.statistics.comoments import Comoments


class Params(NamedTuple):
    """The number of classes."""

    n_classes: int


State = tuple[Comoments, ...]
"""The co-moments in each class."""


def init(params: Params, n_features: int, n_outputs: int = 1, *, like: Array) -> State:
    """Return the co-moments of no rows, in the library and on the device of ``like``."""
    return (comoments.init(n_features, like=like),) * params.n_classes


def of_block(params: Params, X: Array, weight: Array | None, codes: Array) -> State:
    """Return the co-moments of a block, whose rows have the ``codes`` of classes, (n_rows,).

    Examples
    --------
    >>> import numpy as np
    >>> X = np.asarray([[1e8, 1.0], [1.0, 3.0], [1e8 + 2, 5.0]])
    >>> state = of_block(Params(2), X, None, np.asarray([1, 0, 1]))
    >>> comoments.covariance(state[1])
    array([[1., 2.],
           [2., 4.]])
    """
    parts = rows_by_class(X, weight, codes, params.n_classes)
    return tuple(block_comoments.of_block(rows, their) for rows, their in parts)


def merge(a: State, b: State) -> State:
    """Return the co-moments of the rows of both."""
    return tuple(map(comoments.merge, a, b))


def pooled(state: State) -> Comoments:
    """Return the co-moments of the rows of all classes.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.asarray([[1.0], [3.0], [8.0]])
    >>> comoments.mean(pooled(of_block(Params(2), X, None, np.asarray([0, 0, 1]))))
    array([4.])
    """
    total = state[0]
    for one in state[1:]:
        total = comoments.merge(total, one)
    return total


def weights(state: State) -> Array:
    """Return the sum of the weights of each class, (n_classes,)."""
    return namespace(state[0].weight).concat([comoments.total_weight(one) for one in state])


def means(state: State) -> Array:
    """Return the means in each class, (n_classes, n_features). They are 0 without a row."""
    return namespace(state[0].mean).stack([comoments.mean(one) for one in state])


def rescale(params: Params, state: State, rho: Array, delta: Array) -> State:
    """Return the co-moments of features ``(x - delta) / rho``, where ``rho > 0``."""
    return tuple(comoments.rescale(one, rho, delta) for one in state)


def n_features(state: State) -> int:
    """Return the number of features."""
    return comoments.n_features(state[0])


def is_finite(state: State) -> Array:
    """Return whether no row contained NaN or infinity, which would make a mean NaN."""
    return _all([comoments.is_finite(one) for one in state])


def is_clean(state: State, n_rows: int) -> Array:
    """Return whether the rows contained no NaN, which is the same as `is_finite`."""
    return is_finite(state)


def is_empty(state: State) -> Array:
    """Return whether no row has a weight."""
    return _all([comoments.is_empty(one) for one in state])


def _all(answers: list[Array]) -> Array:
    found = answers[0]
    for answer in answers[1:]:
        found = found & answer
    return found


def _applied(params: Params, state: State) -> Any:
    return Centred(comoments.mean(pooled(state)))


def learner(n_classes: int) -> Learner:
    """Return a mergeable learner of the co-moments of each class."""
    return mergeable(
        Params(n_classes),
        init=init,
        of_block=of_block,
        merge=merge,
        applied=_applied,
        n_features=n_features,
        is_finite=is_finite,
        is_clean=is_clean,
        is_empty=is_empty,
        rescale=rescale,
        supervised=True,
    )
