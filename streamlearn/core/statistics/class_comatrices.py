"""The co-moments of the features in each class, which merge in any order.

They are those of `streamlearn.core.statistics.comoments`, once for each class. Another statistic
that holds co-moments may take their place, such as `square_comoments`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from streamlearn._arrays import Array, namespace
from streamlearn.core.learner import Learner
from streamlearn.core.mergeable import mergeable
from streamlearn.core.statistics import block_comoments, comoments
from streamlearn.core.statistics.block_comoments import Centred
from streamlearn.core.statistics.by_class import rows_by_class
from streamlearn.core.statistics.comoments import Comoments


class Params(NamedTuple):
    """The number of classes, and the mergeable learner of the statistic of each."""

    n_classes: int
    each: Learner


State = tuple[Any, ...]
"""The statistic of each class."""


def comoments_of(one: Any) -> Comoments:
    """Return the co-moments of the statistic of a class."""
    return one if isinstance(one, Comoments) else one.comoments


def init(params: Params, n_features: int, n_outputs: int = 1, *, like: Array) -> State:
    """Return the statistic of no rows, in the library and on the device of ``like``."""
    return (params.each.init(params.each.params, n_features, like=like),) * params.n_classes


def of_block(params: Params, X: Array, weight: Array | None, codes: Array) -> State:
    """Return the statistic of a block, whose rows have the ``codes`` of classes, (n_rows,).

    Examples
    --------
    >>> import numpy as np
    >>> X = np.asarray([[1e8, 1.0], [1.0, 3.0], [1e8 + 2, 5.0]])
    >>> two = Params(2, block_comoments.learner())
    >>> state = of_block(two, X, None, np.asarray([1, 0, 1]))
    >>> comoments.covariance(state[1])
    array([[1., 2.],
           [2., 4.]])
    """
    parts = rows_by_class(X, weight, codes, params.n_classes)
    assert params.each.of_block is not None
    return tuple(params.each.of_block(params.each.params, rows, their) for rows, their in parts)


class Merge(NamedTuple):
    """The merge of the statistics of all classes. Unlike a partial, it equals its pickled copy."""

    each: Callable[..., Any]

    def __call__(self, a: State, b: State) -> State:
        """Return the statistics of the rows of both."""
        return tuple(map(self.each, a, b))


def pooled(params: Params, state: State) -> Any:
    """Return the statistic of the rows of all classes.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.asarray([[1.0], [3.0], [8.0]])
    >>> two = Params(2, block_comoments.learner())
    >>> comoments.mean(pooled(two, of_block(two, X, None, np.asarray([0, 0, 1]))))
    array([4.])
    """
    total = state[0]
    assert params.each.merge is not None
    for one in state[1:]:
        total = params.each.merge(total, one)
    return total


def weights(state: State) -> Array:
    """Return the sum of the weights of each class, (n_classes,)."""
    found = [comoments.total_weight(comoments_of(one)) for one in state]
    return namespace(found[0]).concat(found)


def means(state: State) -> Array:
    """Return the means in each class, (n_classes, n_features). They are 0 without a row."""
    found = [comoments.mean(comoments_of(one)) for one in state]
    return namespace(found[0]).stack(found)


def rescale(params: Params, state: State, rho: Array, delta: Array) -> State:
    """Return the statistics of features ``(x - delta) / rho``, where ``rho > 0``."""
    assert params.each.rescale is not None
    return tuple(params.each.rescale(params.each.params, one, rho, delta) for one in state)


def n_features(state: State) -> int:
    """Return the number of features."""
    return comoments.n_features(comoments_of(state[0]))


def is_finite(state: State) -> Array:
    """Return whether no row contained NaN or infinity, which would make a mean NaN."""
    return _all([comoments.is_finite(comoments_of(one)) for one in state])


def is_clean(state: State, n_rows: int) -> Array:
    """Return whether the rows contained no NaN, which is the same as `is_finite`."""
    return is_finite(state)


def is_empty(state: State) -> Array:
    """Return whether no row has a weight."""
    return _all([comoments.is_empty(comoments_of(one)) for one in state])


def _all(answers: list[Array]) -> Array:
    found = answers[0]
    for answer in answers[1:]:
        found = found & answer
    return found


def _applied(params: Params, state: State) -> Any:
    return Centred(comoments.mean(comoments_of(pooled(params, state))))


def learner(n_classes: int, each: Learner | None = None) -> Learner:
    """Return a mergeable learner of a statistic of each class, by default the co-moments.

    ``each`` is a mergeable learner. Its state is a `Comoments`, or has a field ``comoments``.
    """
    each = block_comoments.learner() if each is None else each
    assert each.merge is not None
    both: Any = Merge(each.merge)
    return mergeable(
        Params(n_classes, each),
        init=init,
        of_block=of_block,
        merge=both,
        applied=_applied,
        n_features=n_features,
        is_finite=is_finite,
        is_clean=is_clean,
        is_empty=is_empty,
        rescale=None if each.rescale is None else rescale,
        supervised=True,
    )
