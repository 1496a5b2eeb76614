"""Clustering, block by block."""

from streamlearn.cluster.kmeans import KMeans
from streamlearn.cluster.minibatch import MiniBatchKMeans

__all__ = ["KMeans", "MiniBatchKMeans"]
