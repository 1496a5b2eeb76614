"""Transformers that fill in or mark missing values."""

from streamlearn.impute.missing_indicator import MissingIndicator
from streamlearn.impute.simple_imputer import SimpleImputer

__all__ = ["MissingIndicator", "SimpleImputer"]
