"""The pinball loss of the best constant prediction, a quantile of the targets, in one pass.

The quantile is not known while the targets are read. So their loss is summed for a number near it,
and changed when the number changes. The loss of a target changes by at most the distance of the two
numbers. So this change needs only a summary of the targets, and large targets do no harm: the error
is at most the rank error of the summary times the distance.
"""

from __future__ import annotations

from typing import NamedTuple

from streamlearn._arrays import Array, namespace, over_rows
from streamlearn.core.statistics import block_summary, quantile_summary, quantiles
from streamlearn.core.value_losses import pinball


class QuantileLoss(NamedTuple):
    """The loss of a constant prediction for each output.

    Attributes
    ----------
    targets : QuantileSummary
        The targets of each output.
    constant, loss : array of shape (n_outputs,)
        A prediction, and the sum of weight times loss. Without a weight the loss is 0.
    """

    targets: quantile_summary.QuantileSummary
    constant: Array
    loss: Array


def of_block(
    params: quantile_summary.Sketch, alpha: float, y: Array, weight: Array | None = None
) -> QuantileLoss:
    """Return the loss of the quantile ``alpha`` of targets (n_rows, n_outputs).

    Examples
    --------
    >>> import numpy as np
    >>> params = quantile_summary.Sketch()
    >>> of_block(params, 0.5, np.asarray([[1.0], [2.0], [5.0]])).loss
    array([2.])
    """
    targets = block_summary.of_block(params, y, weight)
    xp, constant = namespace(y), _quantile(alpha, targets)
    each = pinball(alpha, xp.astype(y, constant.dtype, copy=False), constant[None, :])
    loss = xp.sum(each, axis=0) if weight is None else over_rows(weight, each)
    return QuantileLoss(targets, constant, loss)


def merge(alpha: float, a: QuantileLoss, b: QuantileLoss) -> QuantileLoss:
    """Return the loss for the targets of both, at the constant of the one with more weight."""
    xp, targets = namespace(a.loss), quantile_summary.merge(a.targets, b.targets)
    heavier = quantile_summary.total(a.targets) >= quantile_summary.total(b.targets)
    constant = xp.where(heavier, a.constant, b.constant)
    return QuantileLoss(targets, constant, sum(_loss_at(alpha, x, constant) for x in (a, b)))


def least(alpha: float, state: QuantileLoss) -> Array:
    """Return the mean loss of the quantile ``alpha`` of all targets, (n_outputs,)."""
    loss = _loss_at(alpha, state, _quantile(alpha, state.targets))
    return loss / quantile_summary.total(state.targets)


def _quantile(alpha: float, targets: quantile_summary.QuantileSummary) -> Array:
    """Return the quantile of each output in the widest float, or 0 if there is no weight."""
    xp = namespace(targets.at)
    found = quantiles.weighted_quantile(targets, [alpha], averaged=True)[0, :]
    found = xp.astype(found, targets.at.dtype, copy=False)
    return xp.where(targets.at[:, 0] > 0, found, xp.zeros_like(found))


def _loss_at(alpha: float, state: QuantileLoss, constant: Array) -> Array:
    """Return the loss of another constant."""
    values, mass = quantiles.masses(state.targets)
    xp, new, old = namespace(mass), constant[:, None], state.constant[:, None]
    values = xp.astype(xp.where(mass > 0, values, xp.zeros_like(values)), mass.dtype, copy=False)
    change = pinball(alpha, values, new) - pinball(alpha, values, old)
    return state.loss + xp.sum(mass * change, axis=1)
