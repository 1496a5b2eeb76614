"""Splits of rows over blocks, and scores of models on rows that they have not learned from."""

from streamlearn.model_selection.curves import learning_curve, validation_curve
from streamlearn.model_selection.predictions import cross_val_predict
from streamlearn.model_selection.splitters import (
    KFold,
    ShuffleSplit,
    StratifiedKFold,
    TimeSeriesSplit,
)
from streamlearn.model_selection.train_test import train_test_split
from streamlearn.model_selection.validation import cross_val_score, cross_validate

__all__ = [
    "KFold",
    "ShuffleSplit",
    "StratifiedKFold",
    "TimeSeriesSplit",
    "cross_val_predict",
    "cross_val_score",
    "cross_validate",
    "learning_curve",
    "train_test_split",
    "validation_curve",
]
