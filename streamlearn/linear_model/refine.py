"""Errors of the parameter ``refine``, where a model cannot be refined."""

from __future__ import annotations

from typing import Any

from streamlearn.core.learner import Learner
from streamlearn.core.linear.losses import LOSSES, OF_CLASSES, SKLEARN_LOSSES


def refining_or_raise(refine: int, loss: str, rate: str, kind: str) -> None:
    """Check that the loss is smooth and steps are Newton steps. ``kind`` is that of the target.

    Raises
    ------
    ValueError
        If not.
    """
    if rate != "auto":
        raise ValueError(
            f'refine={refine} needs learning_rate="auto" and no batch_size=1, because it continues '
            f"from its curvature; got learning_rate={rate!r}. Give them, or refine=0."
        )
    if LOSSES[loss].slope is None or LOSSES[loss].nonsmooth:
        of_classes = loss in OF_CLASSES
        smooth = sorted(
            name
            for name in LOSSES
            if LOSSES[name].slope is not None
            and not LOSSES[name].nonsmooth
            and (name in OF_CLASSES) is of_classes
            and (kind == "values" or name in OF_CLASSES or name in SKLEARN_LOSSES)
        )
        raise ValueError(
            f"refine={refine} needs a smooth loss, and {loss!r} has a kink, where there is no "
            f"curvature. Give one of {smooth}, or refine=0."
        )


def matrix_or_raise(learner: Learner, state: Any, refine: int) -> None:
    """Check that the curvature is a matrix.

    Raises
    ------
    ValueError
        If only its diagonal is kept.
    """
    assert learner.refinement is not None
    if not learner.refinement.can_refine(learner.params, state):
        K, D = state.weights.shape
        raise ValueError(
            f"refine={refine} needs the matrix of curvature, and {D - 1} features of {K} models "
            "are too many for it: only its diagonal is kept. Give refine=0."
        )
