"""Splits of rows over blocks, and scores of models on rows that they have not learned from."""

from streamlearn.model_selection.splitters import (
    KFold,
    ShuffleSplit,
    StratifiedKFold,
    TimeSeriesSplit,
)
from streamlearn.model_selection.train_test import train_test_split

__all__ = [
    "KFold",
    "ShuffleSplit",
    "StratifiedKFold",
    "TimeSeriesSplit",
    "train_test_split",
]
