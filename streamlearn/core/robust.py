"""The offset and the scale from quantiles: the median, and the distance between two quantiles."""

from __future__ import annotations

from typing import NamedTuple

from streamlearn._arrays import Array, is_sparse, namespace
from streamlearn.core.affine_map import AffineMap
from streamlearn.core.learner import Learner
from streamlearn.core.statistics import block_summary, quantile_learner, quantile_summary, quantiles
from streamlearn.core.statistics.quantile_summary import QuantileSummary


class Robust(NamedTuple):
    """The parameters of scaling by quantiles.

    Attributes
    ----------
    centre : bool
        Subtract the median.
    spread : tuple of float or None
        Divide by the distance between these two quantiles, from 0 to 1. None leaves the step out.
    unit : float
        The distance between the quantiles after scaling.
    size, zeros
        As `streamlearn.core.statistics.quantile_summary.Sketch` has them.
    """

    centre: bool = True
    spread: tuple[float, float] | None = (0.25, 0.75)
    unit: float = 1.0
    size: int = quantile_summary.SIZE
    zeros: bool = True


CENTRED = (
    "Cannot center sparse matrices: use `with_centering=False` instead. See docstring for "
    "motivation and alternatives."
)
"""The error for subtracting from rows whose zeros are not stored, as in scikit-learn."""


def of_block(params: Robust, X: Array, weight: Array | None = None) -> QuantileSummary:
    """Return the summary of a block. Sparse rows are an error if the median is subtracted."""
    if is_sparse(X) and params.centre:
        raise ValueError(CENTRED)
    return block_summary.of_block(params, X, weight)


def centre(state: QuantileSummary) -> Array:
    """Return the median of each feature, (n_features,), or NaN if no number was seen."""
    return quantiles.quantile(state, [0.5])[0, :]


def scale(params: Robust, state: QuantileSummary) -> Array:
    """Return the distance between the two quantiles in units of ``unit``, (n_features,).

    As in scikit-learn, it counts as 1 if it is below ten units of rounding at 1.
    """
    assert params.spread is not None
    xp, both = namespace(state.values), quantiles.quantile(state, params.spread)
    out = both[1, :] - both[0, :]
    constant = out < 10 * float(xp.finfo(out.dtype).eps)
    return xp.where(constant, xp.ones_like(out), out) / params.unit


def applied(params: Robust, state: QuantileSummary) -> AffineMap:
    """Return the transformation of rows. NaN stay NaN.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.asarray([[1.0], [2.0], [3.0], [4.0], [100.0]])
    >>> applied(Robust(), of_block(Robust(), X))(X)[:, 0]
    array([-1. , -0.5,  0. ,  0.5, 48.5])
    """
    return AffineMap(
        centre(state) if params.centre else None,
        None if params.spread is None else scale(params, state),
    )


def learner(params: Robust) -> Learner:
    """Return a mergeable learner that scales with ``params``."""
    return quantile_learner.learner(params, applied, of_block)
