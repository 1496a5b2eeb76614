"""Estimators that are not ours on data that streams: learning block by block, lazy answers."""

from streamlearn.wrappers.incremental import Incremental
from streamlearn.wrappers.post_fit import ParallelPostFit

__all__ = ["Incremental", "ParallelPostFit"]
