"""The variance and the range of each feature, in one pass and in any order of the blocks."""

from __future__ import annotations

from typing import NamedTuple

from streamlearn._arrays import Array, cast, namespace
from streamlearn.core.learner import Learner
from streamlearn.core.mergeable import mergeable
from streamlearn.core.statistics import block_moments, extremes, moments
from streamlearn.core.statistics.block_comoments import Centred
from streamlearn.core.statistics.extremes import Extremes
from streamlearn.core.statistics.moments import Moments


class Params(NamedTuple):
    """There are none."""


class Spread(NamedTuple):
    """The moments and the extremes of each feature."""

    moments: Moments
    extremes: Extremes


def init(params: Params, n_features: int, n_outputs: int = 1, *, like: Array) -> Spread:
    """Return the spread of no rows, in the library and on the device of ``like``."""
    none = extremes.init(extremes.Range(), n_features, like=like)
    return Spread(moments.init(n_features, like=like), none)


def of_block(params: Params, X: Array, weight: Array | None = None) -> Spread:
    """Return the spread of a block. NaN are left out, feature by feature.

    Examples
    --------
    >>> import numpy as np
    >>> state = of_block(Params(), np.asarray([[1e8, 5.0], [1e8 + 2, 5.0]]))
    >>> variance(state), span(state)
    (array([1., 0.]), array([2., 0.]))
    """
    return Spread(block_moments.of_block(X, weight), extremes.of_block(extremes.Range(), X, weight))


def merge(a: Spread, b: Spread) -> Spread:
    """Return the spread of the rows of both."""
    return Spread(moments.merge(a.moments, b.moments), extremes.merge(a.extremes, b.extremes))


def variance(state: Spread) -> Array:
    """Return the variance of each feature, (n_features,), NaN if it has no number."""
    return moments.variance(state.moments)


def span(state: Spread) -> Array:
    """Return the largest number less the smallest, (n_features,), NaN if the feature has NaN."""
    xp, found = namespace(state.extremes.low), extremes.spread(state.extremes)
    return xp.where(state.extremes.missing == 0, found, xp.full_like(found, xp.nan))


def n_features(state: Spread) -> int:
    """Return the number of features."""
    return moments.n_features(state.moments)


def is_finite(state: Spread) -> Array:
    """Return whether no row contained infinity."""
    return extremes.is_finite(state.extremes)


def is_clean(state: Spread, n_rows: int) -> Array:
    """Return whether ``n_rows`` finite rows contained no NaN."""
    return extremes.is_clean(state.extremes, n_rows)


def is_empty(state: Spread) -> Array:
    """Return whether no row has been seen."""
    return extremes.is_empty(state.extremes)


def _applied(params: Params, state: Spread) -> Centred:
    return Centred(cast(moments.mean(state.moments), state.moments.mean.dtype))


def learner() -> Learner:
    """Return a mergeable learner of the spread."""
    return mergeable(
        Params(),
        init=init,
        of_block=of_block,
        merge=merge,
        applied=_applied,
        n_features=n_features,
        is_finite=is_finite,
        is_clean=is_clean,
        is_empty=is_empty,
        sparse=True,
    )
