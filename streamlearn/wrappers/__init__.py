"""Wrappers of any estimator for collections: learning block by block, and lazy predictions."""

from streamlearn.wrappers.incremental import Incremental
from streamlearn.wrappers.post_fit import ParallelPostFit

__all__ = ["Incremental", "ParallelPostFit"]
