"""Choosing features by their variance, by scores, or by what a model learns."""

from streamlearn.feature_selection.from_model import SelectFromModel
from streamlearn.feature_selection.score_functions import (
    chi2,
    f_classif,
    f_regression,
    mutual_info_classif,
    mutual_info_regression,
    r_regression,
)
from streamlearn.feature_selection.univariate import (
    SelectFdr,
    SelectFpr,
    SelectFwe,
    SelectKBest,
    SelectPercentile,
)
from streamlearn.feature_selection.variance_threshold import VarianceThreshold

__all__ = [
    "SelectFdr",
    "SelectFpr",
    "SelectFromModel",
    "SelectFwe",
    "SelectKBest",
    "SelectPercentile",
    "VarianceThreshold",
    "chi2",
    "f_classif",
    "f_regression",
    "mutual_info_classif",
    "mutual_info_regression",
    "r_regression",
]
