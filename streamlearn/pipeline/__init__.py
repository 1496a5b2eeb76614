"""scikit-learn's pipeline, with steps that learn from collections in one pass."""

from streamlearn.pipeline.pipeline import Pipeline, make_pipeline

__all__ = ["Pipeline", "make_pipeline"]
