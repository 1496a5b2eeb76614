"""Transformers that learn in one parallel pass."""

from streamlearn.preprocessing.standard_scaler import StandardScaler

__all__ = ["StandardScaler"]
