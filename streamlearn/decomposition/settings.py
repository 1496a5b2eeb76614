"""Which components are asked for, and what components are."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np


class ComponentSettings(NamedTuple):
    """Which components are made of co-moments.

    Attributes
    ----------
    n_components : int, float, "mle" or None
    whiten : bool
    centred : bool
        Whether the mean is subtracted. If not, sums are about zero.
    targets : bool
        Rows have no targets, see `streamlearn.core.statistics.block_comoments.Params`.
    """

    n_components: Any = None
    whiten: bool = False
    centred: bool = True
    targets: bool = False


class Decomposition(NamedTuple):
    """What components are, on the host in float64.

    Attributes
    ----------
    components : ndarray of shape (k, d)
    variance, ratio, singular : ndarrays of shape (k,)
        The variances of the scores, their shares of the whole variance, and the singular values.
    noise : float
        The mean of the other variances, 0 if there are none.
    n_samples : int
    accurate : bool
        Whether a second read would add no digit.
    """

    components: np.ndarray
    variance: np.ndarray
    ratio: np.ndarray
    singular: np.ndarray
    noise: float
    n_samples: int
    accurate: bool
