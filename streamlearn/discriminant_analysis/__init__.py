"""Discriminant analysis, which is exact in one pass over data of any size."""

from streamlearn.discriminant_analysis.linear import LinearDiscriminantAnalysis
from streamlearn.discriminant_analysis.quadratic import QuadraticDiscriminantAnalysis

__all__ = ["LinearDiscriminantAnalysis", "QuadraticDiscriminantAnalysis"]
