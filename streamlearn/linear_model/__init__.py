"""Linear classifiers and regressors that learn in one pass, block by block."""

from streamlearn.linear_model.classifier import SGDClassifier
from streamlearn.linear_model.regressor import SGDRegressor

__all__ = ["SGDClassifier", "SGDRegressor"]
