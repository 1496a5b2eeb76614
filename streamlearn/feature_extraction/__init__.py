"""Rows of numbers from text and from named values."""

from streamlearn.feature_extraction import text
from streamlearn.feature_extraction.feature_hasher import FeatureHasher

__all__ = ["FeatureHasher", "text"]
