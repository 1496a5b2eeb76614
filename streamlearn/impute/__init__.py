"""Transformers that fill in what is missing."""

from streamlearn.impute.missing_indicator import MissingIndicator
from streamlearn.impute.simple_imputer import SimpleImputer

__all__ = ["MissingIndicator", "SimpleImputer"]
