"""Pictures of a run, drawn from dask's own profilers."""

from streamlearn.diagnostics.timeline import timeline

__all__ = ["timeline"]
