"""Metrics over blocks. Only a few blocks of targets and predictions are in memory at a time.

The names and meanings are scikit-learn's. Arrays may be of any library, in memory or the blocks of
a dask collection, which is read once. A lazy prediction is computed in the same pass.
"""

from streamlearn.metrics.labels import accuracy_score
from streamlearn.metrics.probabilities import log_loss
from streamlearn.metrics.together import compute
from streamlearn.metrics.values import mean_absolute_error, mean_squared_error, r2_score

__all__ = [
    "accuracy_score",
    "compute",
    "log_loss",
    "mean_absolute_error",
    "mean_squared_error",
    "r2_score",
]
