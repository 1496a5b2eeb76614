"""The co-moments of features with a target of 1 and -1 for each class."""

from __future__ import annotations

from typing import NamedTuple

from streamlearn._arrays import Array, asarray, cast, device, float_dtype, namespace
from streamlearn.core.learner import Learner
from streamlearn.core.mergeable import mergeable
from streamlearn.core.statistics import block_comoments, comoments
from streamlearn.core.statistics.comoments import Comoments, init


class Params(NamedTuple):
    """How classes become targets.

    Attributes
    ----------
    n_classes : int
    class_weight : tuple of float or None
        The weight of the rows of each class. None if all are 1.
    """

    n_classes: int
    class_weight: tuple[float, ...] | None = None

    @property
    def n_targets(self) -> int:
        """The number of targets: one for two classes, otherwise one for each."""
        return 1 if self.n_classes == 2 else self.n_classes


def _init(params: Params, n_features: int, n_outputs: int = 1, *, like: Array) -> Comoments:
    return init(n_features, params.n_targets, like=like)


def of_block(params: Params, X: Array, weight: Array | None, codes: Array) -> Comoments:
    """Return the co-moments of a block, whose rows have the ``codes`` of classes, (n_rows,).

    Examples
    --------
    >>> import numpy as np
    >>> state = of_block(Params(2), np.asarray([[1.0], [3.0]]), None, np.asarray([0, 1]))
    >>> comoments.about_mean(state)[1]
    array([[2.]])
    """
    xp, dtype = namespace(codes), float_dtype(X)
    first = 1 if params.n_classes == 2 else 0
    known = xp.arange(first, params.n_classes, dtype=codes.dtype, device=device(codes))
    target = 2.0 * cast(codes[:, None] == known, dtype) - 1.0
    if params.class_weight is not None:
        each = xp.take(asarray(params.class_weight, like=target), codes)
        weight = each if weight is None else weight * each
    return block_comoments.of_block(X, weight, target)


def _applied(params: Params, state: Comoments) -> block_comoments.Centred:
    return block_comoments.Centred(comoments.mean(state)[: comoments.n_features(state)])


def _rescale(params: Params, state: Comoments, rho: Array, delta: Array) -> Comoments:
    return comoments.rescale(state, rho, delta)


def learner(n_classes: int, class_weight: tuple[float, ...] | None = None) -> Learner:
    """Return a mergeable learner of the co-moments of features and classes."""
    return mergeable(
        Params(n_classes, class_weight),
        init=_init,
        of_block=of_block,
        merge=comoments.merge,
        applied=_applied,
        n_features=comoments.n_features,
        is_finite=comoments.is_finite,
        is_clean=comoments.is_clean,
        is_empty=comoments.is_empty,
        rescale=_rescale,
        sparse=True,
        supervised=True,
    )
