"""Which targets a loss of values is for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from streamlearn._arrays import Array, namespace, to_numpy
from streamlearn._validation.messages import in_block

MEANINGS = {
    "poisson": "counts, 0 or more",
    "gamma": "amounts above 0; {zeros} takes zeros too",
    "tweedie": "amounts of 0 or more",
    "tweedie_log": "amounts of 0 or more",
    "tweedie_identity": "amounts of 0 or more",
}
"""What targets the losses are for that do not take all numbers."""


def valid_for(
    loss: str, power: float = np.nan, *, estimator: str | None = None
) -> Callable[[Array, int | None], None] | None:
    """Return a check ``(targets, block)`` that raises an error. None if all numbers are valid.

    ``power`` is that of "tweedie". ``estimator`` is the name of a class that has only this loss.
    """
    has_power = loss.startswith("tweedie")
    if loss not in MEANINGS or (has_power and power <= 0):
        return None
    above = loss == "gamma" or (has_power and power >= 2)
    said, other, zeros = f"loss={loss!r}", "loss='squared_error'", "loss='tweedie'"
    if estimator is not None:
        said, other = estimator, "TweedieRegressor(power=0)"
        zeros = "TweedieRegressor(power=1.5)"
    elif loss == "tweedie" and above:
        zeros += " with a power below 2"
    meaning = MEANINGS["gamma" if above else loss].format(zeros=zeros)
    return partial(_in_domain_or_raise, said, meaning, other, above)


def _in_domain_or_raise(
    said: str, meaning: str, other: str, above: bool, y: Array, block: int | None
) -> None:
    """Check that no target is negative, and that none is 0 if all must be ``above`` 0.

    Raises
    ------
    ValueError
        If one is. The error names the first such row, and the block, if there is one.
    """
    wrong, limit = (y <= 0.0, "of 0 or below") if above else (y < 0.0, "below 0")
    if not bool(namespace(y).any(wrong)):
        return
    where, outputs = np.nonzero(to_numpy(wrong).reshape(wrong.shape[0], -1))
    first = to_numpy(y).reshape(wrong.shape[0], -1)[where[0], outputs[0]]
    raise ValueError(
        f"{in_block('y', block)} has {len(where)} target(s) {limit}, the first in row {where[0]}: "
        f"{float(first):g}. {said} is for {meaning}. Leave such rows out, or use {other}."
    )
