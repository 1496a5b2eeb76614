"""Neural networks that learn in one pass, block by block."""

from streamlearn.neural_network.classifier import MLPClassifier
from streamlearn.neural_network.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
