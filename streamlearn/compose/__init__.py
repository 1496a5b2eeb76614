"""Transformers for the columns of a table: numbers one way, categories another."""

from sklearn.compose import make_column_selector

from streamlearn.compose.column_transformer import ColumnTransformer, make_column_transformer

__all__ = ["ColumnTransformer", "make_column_selector", "make_column_transformer"]
