"""Weights that quantiles can take."""

from __future__ import annotations

from streamlearn._arrays import Array, namespace


def not_negative_or_raise(weight: Array) -> None:
    """Check that no weight is negative.

    Raises
    ------
    ValueError
        If a weight is negative. The message names the smallest weight.
    """
    xp = namespace(weight)
    if weight.shape[0] and bool(xp.any(weight < 0)):
        raise ValueError(
            "Negative values in data passed to `sample_weight`: quantiles take no negative "
            f"weights, got {float(xp.min(weight))}."
        )
