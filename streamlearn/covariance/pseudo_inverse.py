"""The pseudo-inverse of a covariance, computed when it is first needed."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from scipy import linalg

from streamlearn._arrays import to_numpy


class PseudoInverse:
    """The pseudo-inverse of a covariance.

    It costs as much as a pass over many rows, and `partial_fit` and `merge` do not need it. A
    pickle and a file hold the covariance alone, so they are the same before and after.

    Attributes
    ----------
    covariance : array of shape (d, d)

    Examples
    --------
    >>> PseudoInverse(np.diag([2.0, 0.0])).matrix
    array([[0.5, 0. ],
           [0. , 0. ]])
    """

    def __init__(self, covariance: Any) -> None:
        self.covariance = covariance

    @cached_property
    def matrix(self) -> np.ndarray:
        """The pseudo-inverse, of shape (d, d), in float64."""
        covariance = to_numpy(self.covariance).astype(np.float64)
        inverse: np.ndarray = linalg.pinvh(covariance, check_finite=False)
        return inverse

    def __getstate__(self) -> dict[str, Any]:
        """Return the covariance."""
        return {"covariance": self.covariance}
