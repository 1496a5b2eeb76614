"""What is asked of a mergeable learner whose state holds co-moments, by these alone."""

from __future__ import annotations

from typing import Any, NamedTuple

from streamlearn._arrays import Array
from streamlearn.core.statistics import comoments
from streamlearn.core.statistics.block_comoments import Centred


class Params(NamedTuple):
    """There are no parameters."""


def n_features(state: Any) -> int:
    """Return the number of features."""
    return comoments.n_features(state.comoments)


def is_finite(state: Any) -> Array:
    """Return whether no row contained NaN or infinity."""
    return comoments.is_finite(state.comoments)


def is_clean(state: Any, n_rows: int) -> Array:
    """Return whether the rows contained no NaN and no infinity, which is the same."""
    return comoments.is_finite(state.comoments)


def is_empty(state: Any) -> Array:
    """Return whether no row has a weight."""
    return comoments.is_empty(state.comoments)


def applied(params: Params, state: Any) -> Centred:
    """Return the function of rows that subtracts the means of the features."""
    return Centred(comoments.mean(state.comoments))
