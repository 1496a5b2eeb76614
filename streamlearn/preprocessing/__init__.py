"""Transformers that learn in parallel, most in one pass, and transformers that learn nothing."""

from streamlearn.preprocessing.binarizer import Binarizer
from streamlearn.preprocessing.datetime_encoder import DatetimeEncoder
from streamlearn.preprocessing.function_transformer import FunctionTransformer
from streamlearn.preprocessing.k_bins_discretizer import KBinsDiscretizer
from streamlearn.preprocessing.label_binarizer import LabelBinarizer
from streamlearn.preprocessing.label_encoder import LabelEncoder
from streamlearn.preprocessing.max_abs_scaler import MaxAbsScaler
from streamlearn.preprocessing.min_max_scaler import MinMaxScaler
from streamlearn.preprocessing.normalizer import Normalizer
from streamlearn.preprocessing.one_hot_encoder import OneHotEncoder
from streamlearn.preprocessing.ordinal_encoder import OrdinalEncoder
from streamlearn.preprocessing.polynomial_features import PolynomialFeatures
from streamlearn.preprocessing.power_transformer import PowerTransformer
from streamlearn.preprocessing.quantile_transformer import QuantileTransformer
from streamlearn.preprocessing.robust_scaler import RobustScaler
from streamlearn.preprocessing.spline_transformer import SplineTransformer
from streamlearn.preprocessing.standard_scaler import StandardScaler
from streamlearn.preprocessing.target_encoder import TargetEncoder

__all__ = [
    "Binarizer",
    "DatetimeEncoder",
    "FunctionTransformer",
    "KBinsDiscretizer",
    "LabelBinarizer",
    "LabelEncoder",
    "MaxAbsScaler",
    "MinMaxScaler",
    "Normalizer",
    "OneHotEncoder",
    "OrdinalEncoder",
    "PolynomialFeatures",
    "PowerTransformer",
    "QuantileTransformer",
    "RobustScaler",
    "SplineTransformer",
    "StandardScaler",
    "TargetEncoder",
]
