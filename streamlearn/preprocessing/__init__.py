"""Transformers that learn in one parallel pass."""

from streamlearn.preprocessing.datetime_encoder import DatetimeEncoder
from streamlearn.preprocessing.k_bins_discretizer import KBinsDiscretizer
from streamlearn.preprocessing.label_binarizer import LabelBinarizer
from streamlearn.preprocessing.label_encoder import LabelEncoder
from streamlearn.preprocessing.max_abs_scaler import MaxAbsScaler
from streamlearn.preprocessing.min_max_scaler import MinMaxScaler
from streamlearn.preprocessing.one_hot_encoder import OneHotEncoder
from streamlearn.preprocessing.ordinal_encoder import OrdinalEncoder
from streamlearn.preprocessing.quantile_transformer import QuantileTransformer
from streamlearn.preprocessing.robust_scaler import RobustScaler
from streamlearn.preprocessing.spline_transformer import SplineTransformer
from streamlearn.preprocessing.standard_scaler import StandardScaler
from streamlearn.preprocessing.target_encoder import TargetEncoder

__all__ = [
    "DatetimeEncoder",
    "KBinsDiscretizer",
    "LabelBinarizer",
    "LabelEncoder",
    "MaxAbsScaler",
    "MinMaxScaler",
    "OneHotEncoder",
    "OrdinalEncoder",
    "QuantileTransformer",
    "RobustScaler",
    "SplineTransformer",
    "StandardScaler",
    "TargetEncoder",
]
