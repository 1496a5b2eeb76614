"""The Tweedie deviance of numbers from their own mean, from sums that merge.

A unit deviance is a Bregman divergence. So the deviance of rows from a number is their deviance
from their mean, and the deviance of the mean from the number for each row. Banerjee et al.,
"Clustering with Bregman Divergences", 2005. For the power 0 this is the merge of variances. As
there, no large numbers cancel.
"""

from __future__ import annotations

from typing import NamedTuple

from streamlearn._arrays import Array, namespace, over_rows
from streamlearn.core.value_losses import tweedie


class Deviance(NamedTuple):
    """The deviance of numbers from their mean.

    Attributes
    ----------
    weight, mean, total : array of shape ()
        The sum of the weights, the mean, and the sum of weight times deviance from the mean.
        Without a weight the mean is 1, which every distribution has.
    """

    weight: Array
    mean: Array
    total: Array


def of_block(power: float, y: Array, weight: Array | None = None) -> Deviance:
    """Return the deviance of numbers (n_rows,) from their mean.

    Examples
    --------
    >>> import numpy as np
    >>> of_block(0, np.asarray([1.0, 3.0])).total
    np.float64(2.0)
    """
    xp = namespace(y)
    weight = xp.ones_like(y) if weight is None else weight
    total = xp.sum(weight)
    mean = xp.where(total != 0, over_rows(weight, y) / _some(total), xp.ones_like(total))
    # a row without a weight may have no deviance
    each = xp.where(weight != 0, tweedie(power, y, mean), xp.zeros_like(y))
    return Deviance(total, mean, over_rows(weight, each))


def merge(power: float, a: Deviance, b: Deviance) -> Deviance:
    """Return the deviance of the numbers of both from their common mean."""
    xp, weight = namespace(a.weight), a.weight + b.weight
    mean = a.mean + (b.mean - a.mean) * (b.weight / _some(weight))
    total = a.total + b.total
    for part in (a, b):
        away = part.weight * tweedie(power, part.mean, mean)
        total = total + xp.where(part.weight != 0, away, xp.zeros_like(away))
    return Deviance(weight, mean, total)


def _some(weight: Array) -> Array:
    xp = namespace(weight)
    return xp.where(weight != 0, weight, xp.ones_like(weight))
