"""Probabilities of classes that the user gives."""

from __future__ import annotations

from typing import Any

import numpy as np


def listed_priors(priors: Any, n_classes: int) -> np.ndarray:
    """Return priors that the user lists, one for each class.

    Raises
    ------
    ValueError
        If there are fewer or more than classes.
    """
    found = np.asarray(priors, dtype=np.float64)
    if found.shape != (n_classes,):
        raise ValueError(
            "Number of priors must match number of classes. "
            f"Got {found.size} priors and {n_classes} classes: give one for each."
        )
    return found


def non_negative_priors(priors: Any, n_classes: int) -> np.ndarray:
    """Return `listed_priors`, none of which is negative.

    Raises
    ------
    ValueError
        If one is, or if there are fewer or more than classes.
    """
    found = listed_priors(priors, n_classes)
    if (found < 0).any():
        raise ValueError(f"priors must be non-negative. Got {found.min():.6g}: give 0 or more.")
    return found
