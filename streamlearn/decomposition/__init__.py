"""Transformers that project rows on their main directions, exact in one pass."""

from streamlearn.decomposition.incremental_pca import IncrementalPCA
from streamlearn.decomposition.pca import PCA
from streamlearn.decomposition.truncated_svd import TruncatedSVD

__all__ = ["PCA", "IncrementalPCA", "TruncatedSVD"]
