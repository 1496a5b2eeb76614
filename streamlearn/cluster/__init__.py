"""Clustering in one pass, block by block."""

from streamlearn.cluster.minibatch import MiniBatchKMeans

__all__ = ["MiniBatchKMeans"]
