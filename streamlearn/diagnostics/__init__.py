"""What a fit does: pictures of a run, and a checkpoint from which it goes on."""

from streamlearn.diagnostics.checkpoint import FitCheckpoint
from streamlearn.diagnostics.timeline import timeline

__all__ = ["FitCheckpoint", "timeline"]
