"""Linear classifiers and regressors that learn in one pass, block by block."""

from streamlearn.linear_model.classifier import SGDClassifier
from streamlearn.linear_model.passive_aggressive import (
    PassiveAggressiveClassifier,
    PassiveAggressiveRegressor,
)
from streamlearn.linear_model.perceptron import Perceptron
from streamlearn.linear_model.regressor import SGDRegressor

__all__ = [
    "PassiveAggressiveClassifier",
    "PassiveAggressiveRegressor",
    "Perceptron",
    "SGDClassifier",
    "SGDRegressor",
]
