"""The losses that tests go through, and a value for the parameter of each."""

from streamlearn.core.linear.losses import LOSSES

OF_A_COLUMN = [name for name, loss in LOSSES.items() if not loss.joint]
"""Losses of the score of one column. `test_softmax` has the other."""


EPSILON = 0.3
"""The width of the zone of a loss that has one."""


def number(loss):
    """Return the parameter of a loss."""
    return 1.5 if loss == "tweedie" else EPSILON
