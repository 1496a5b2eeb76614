"""Splits of rows over blocks, scores of models, and searches for parameters."""

from streamlearn.model_selection.curves import learning_curve, validation_curve
from streamlearn.model_selection.halving_searches import (
    HyperbandSearchCV,
    SuccessiveHalvingSearchCV,
)
from streamlearn.model_selection.predictions import cross_val_predict
from streamlearn.model_selection.search import StreamSearchCV
from streamlearn.model_selection.splitters import (
    KFold,
    ShuffleSplit,
    StratifiedKFold,
    TimeSeriesSplit,
)
from streamlearn.model_selection.train_test import train_test_split
from streamlearn.model_selection.validation import cross_val_score, cross_validate

__all__ = [
    "HyperbandSearchCV",
    "KFold",
    "ShuffleSplit",
    "StratifiedKFold",
    "StreamSearchCV",
    "SuccessiveHalvingSearchCV",
    "TimeSeriesSplit",
    "cross_val_predict",
    "cross_val_score",
    "cross_validate",
    "learning_curve",
    "train_test_split",
    "validation_curve",
]
