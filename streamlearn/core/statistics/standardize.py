"""The transformation of features to a mean of 0 and a variance of 1, by their moments."""

from __future__ import annotations

from typing import NamedTuple

from streamlearn._arrays import Array, is_sparse, sparse
from streamlearn.core.affine_map import AffineMap
from streamlearn.core.learner import Learner
from streamlearn.core.mergeable import mergeable
from streamlearn.core.statistics import block_moments, moments
from streamlearn.core.statistics.moments import Moments


class Params(NamedTuple):
    """Whether `applied` subtracts the mean, and whether it divides by the standard deviation."""

    with_mean: bool = True
    with_std: bool = True


def init(params: Params, n_features: int, n_outputs: int = 1, *, like: Array) -> Moments:
    """Return the moments of no rows, in the library and on the device of ``like``."""
    return moments.init(n_features, like=like)


def of_block(params: Params, X: Array, weight: Array | None = None) -> Moments:
    """Return the moments of a block. They do not depend on what `applied` does.

    Raises
    ------
    ValueError
        If X is sparse and ``params.with_mean`` is True.
    """
    if is_sparse(X) and params.with_mean:
        raise ValueError(sparse.CENTRED)
    return block_moments.of_block(X, weight)


def applied(params: Params, state: Moments) -> AffineMap:
    """Return ``(X - mean) / scale`` by these moments, as a function of rows. NaN stay NaN.

    If neither step is taken, the function returns its rows themselves.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.asarray([[1.0, 5.0], [3.0, 5.0]])
    >>> applied(Params(), of_block(Params(), X))(X)
    array([[-1.,  0.],
           [ 1.,  0.]])
    """
    return AffineMap(
        moments.mean(state) if params.with_mean else None,
        moments.scale(state) if params.with_std else None,
    )


def learner(with_mean: bool = True, with_std: bool = True) -> Learner:
    """Return a mergeable learner that standardizes features."""
    params = Params(with_mean, with_std)
    return mergeable(
        params,
        init=init,
        of_block=of_block,
        merge=moments.merge,
        applied=applied,
        n_features=moments.n_features,
        is_finite=moments.is_finite,
        is_clean=moments.is_clean,
        is_empty=moments.is_empty,
        with_fills=moments.with_fills,
        sparse=True,
    )
