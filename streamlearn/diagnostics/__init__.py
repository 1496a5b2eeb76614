"""Watching fits: a display of their progress, records of their blocks, pictures, checkpoints."""

from streamlearn.diagnostics.checkpoint import FitCheckpoint
from streamlearn.diagnostics.displays import (
    CoefficientsDisplay,
    InertiaDisplay,
    ProgressiveLossDisplay,
)
from streamlearn.diagnostics.progress import FitProgress
from streamlearn.diagnostics.recorder import FitRecorder
from streamlearn.diagnostics.timeline import timeline

__all__ = [
    "CoefficientsDisplay",
    "FitCheckpoint",
    "FitProgress",
    "FitRecorder",
    "InertiaDisplay",
    "ProgressiveLossDisplay",
    "timeline",
]
