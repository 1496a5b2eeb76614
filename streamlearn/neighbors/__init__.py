"""The classifier by the nearest mean of a class, which is exact in one pass."""

from streamlearn.neighbors.nearest_centroid import NearestCentroid

__all__ = ["NearestCentroid"]
