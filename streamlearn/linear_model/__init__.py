"""Linear classifiers and regressors that learn in one pass, block by block.

`LinearRegression`, `Ridge`, `Lasso`, `ElasticNet`, their variants with cross-validation and
`RidgeClassifier` are exact: their result is that of all rows in memory. So are `HuberRegressor`,
`LogisticRegression` and the generalized linear models, in a few reads. The others learn by
stochastic steps, and have more losses.
"""

from streamlearn.linear_model.classifier import SGDClassifier
from streamlearn.linear_model.elastic_net import ElasticNet, Lasso
from streamlearn.linear_model.elastic_net_cv import ElasticNetCV, LassoCV
from streamlearn.linear_model.generalized_regressors import (
    GammaRegressor,
    PoissonRegressor,
    TweedieRegressor,
)
from streamlearn.linear_model.huber import HuberRegressor
from streamlearn.linear_model.linear_regression import LinearRegression
from streamlearn.linear_model.logistic import LogisticRegression
from streamlearn.linear_model.passive_aggressive import (
    PassiveAggressiveClassifier,
    PassiveAggressiveRegressor,
)
from streamlearn.linear_model.perceptron import Perceptron
from streamlearn.linear_model.regressor import SGDRegressor
from streamlearn.linear_model.ridge import Ridge, RidgeClassifier
from streamlearn.linear_model.ridge_cv import RidgeCV

__all__ = [
    "ElasticNet",
    "ElasticNetCV",
    "GammaRegressor",
    "HuberRegressor",
    "Lasso",
    "LassoCV",
    "LinearRegression",
    "LogisticRegression",
    "PassiveAggressiveClassifier",
    "PassiveAggressiveRegressor",
    "Perceptron",
    "PoissonRegressor",
    "Ridge",
    "RidgeCV",
    "RidgeClassifier",
    "SGDClassifier",
    "SGDRegressor",
    "TweedieRegressor",
]
