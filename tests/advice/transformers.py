"""What errors of transformers advise."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from unittest.mock import patch

import dask.bag
import numpy as np
import pandas as pd
from array_api_strict import asarray as strict
from sklearn import linear_model as their_models
from sklearn.feature_selection import mutual_info_classif
from sklearn.model_selection import KFold, ShuffleSplit, StratifiedKFold, TimeSeriesSplit

from streamlearn import feature_selection as ours
from streamlearn import preprocessing as encoders
from streamlearn.compose import ColumnTransformer
from streamlearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from streamlearn.feature_selection import (
    SelectFromModel,
    SelectKBest,
    f_classif,
    f_regression,
    pair_tables,
)
from streamlearn.impute import MissingIndicator, SimpleImputer
from streamlearn.linear_model import SGDClassifier
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import PowerTransformer, StandardScaler
from streamlearn.wrappers import Incremental
from tests.advice.table import DX, DY, SPARSE, THREE, X, Y, advice

GAPS = np.array([[np.nan], [1.0], [2.0], [3.0], [4.0]])
DATES = pd.DataFrame({"day": pd.to_datetime(["2024-02-29", "2025-01-01"])})
DURATIONS = pd.DataFrame({"late": pd.to_timedelta([1, 5, 9], unit="min")})
TEXT = pd.DataFrame({"day": ["2024-02-29", "2025-01-01"], "n": [1, 2]})
MIXED = pd.DataFrame({"a": ["x", 1]})


def with_odd_blocks(make: Callable[[Any], Any]) -> Any:
    """Fit to blocks, behind a function that loses a column where a block has it negative."""

    def function(rows: Any) -> Any:
        return make(rows) if len(rows) and rows[0, 0] < 0 else rows

    odd = DX.copy()
    odd[40:80] = -X[40:80]
    return make_pipeline(encoders.FunctionTransformer(function), StandardScaler()).fit(odd)


DISCRETE = partial(ours.mutual_info_classif, discrete_features=True)


def many_values() -> Any:
    with patch.object(pair_tables, "MOST_VALUES", 50):
        return ours.mutual_info_classif(DX, DY, discrete_features=True)


TRANSFORMERS = [
    advice(
        lambda: with_odd_blocks(lambda rows: rows[:, 1:]),
        "FunctionTransformer made 2 columns of block 1, and the next step expects 3 as of block 0. "
        "Let it make the same columns of all rows, for example a column of zeros",
        lambda: with_odd_blocks(lambda rows: np.c_[np.zeros(len(rows)), rows[:, 1:]]),
    ),
    advice(
        lambda: make_pipeline(
            encoders.FunctionTransformer(lambda rows: rows[:, :0]), StandardScaler()
        ).fit(DX),
        r"0 feature\(s\): FunctionTransformer made no columns of block 0.* Let it keep a column",
        lambda: make_pipeline(
            encoders.FunctionTransformer(lambda rows: rows[:, :1]), StandardScaler()
        ).fit(DX),
    ),
    advice(
        lambda: encoders.RobustScaler(quantile_range=(75, 25)).fit(X),
        r"Give two percentages, the smaller one first, for example \(25, 75\)",
        lambda: encoders.RobustScaler(quantile_range=(25, 75)).fit(X),
    ),
    advice(
        lambda: encoders.QuantileTransformer(n_quantiles=50, subsample=20).fit(X),
        "Give fewer n_quantiles, or a larger subsample",
        lambda: encoders.QuantileTransformer(n_quantiles=20, subsample=20).fit(X),
        lambda: encoders.QuantileTransformer(n_quantiles=50, subsample=50).fit(X),
    ),
    advice(
        lambda: encoders.DatetimeEncoder(parts=["hour"], add_weekday=True).fit(DATES),
        "Leave add_weekday out, or leave parts out",
        lambda: encoders.DatetimeEncoder(parts=["hour"]).fit(DATES),
        lambda: encoders.DatetimeEncoder(add_weekday=True).fit(DATES),
    ),
    advice(
        lambda: encoders.OneHotEncoder().fit(DX > 2).inverse_transform(DX),
        r"Expected 6 columns, got 3\. Give the result of transform",
        lambda: (
            encoders.OneHotEncoder()
            .fit(DX > 2)
            .inverse_transform(encoders.OneHotEncoder().fit(DX > 2).transform(DX > 2))
        ),
    ),
    advice(
        lambda: PowerTransformer().fit(SPARSE),
        r"Use '\.toarray\(\)'",
        lambda: PowerTransformer().fit(SPARSE.toarray()),
    ),
    advice(
        lambda: CountVectorizer().fit(TEXT),
        r"select it, X\['text'\] of a frame",
        lambda: CountVectorizer().fit(TEXT["day"]),
    ),
    advice(
        lambda: CountVectorizer().fit(pd.Series(["red tea", None])),
        r'X\.fillna\(""\)',
        lambda: CountVectorizer().fit(pd.Series(["red tea", None]).fillna("")),
    ),
    advice(
        lambda: CountVectorizer().fit(TEXT["n"]),
        r"X\.astype\(str\)",
        lambda: CountVectorizer(token_pattern=r"\w").fit(TEXT["n"].astype(str)),
        lambda: CountVectorizer(analyzer=lambda n: [n]).fit(TEXT["n"]),
    ),
    advice(
        lambda: SelectKBest(mutual_info_classif, k=1).fit(DX, DY),
        "Use one of them, or give X and y in memory",
        lambda: SelectKBest(f_classif, k=1).fit(DX, DY),
        lambda: SelectKBest(mutual_info_classif, k=1).fit(X, Y),
    ),
    advice(
        lambda: ours.mutual_info_classif(X, Y, discrete_features="all"),
        "Give 'auto'",
        lambda: ours.mutual_info_classif(X, Y, discrete_features="auto"),
    ),
    advice(
        lambda: ours.mutual_info_classif(SPARSE, Y, discrete_features=False),
        "Set discrete_features=True, or make X dense",
        lambda: ours.mutual_info_classif(SPARSE, Y, discrete_features=True),
        lambda: ours.mutual_info_classif(SPARSE.toarray(), Y, discrete_features=False),
    ),
    advice(
        many_values,
        "Leave it out of discrete_features, so that its values are put in bins",
        lambda: ours.mutual_info_classif(X, Y, discrete_features=[]),
    ),
    advice(
        lambda: SelectKBest(ours.mutual_info_classif, k=1).partial_fit(X, Y, classes=[0, 1]),
        "Use fit, or set discrete_features=True and give labels",
        lambda: SelectKBest(ours.mutual_info_classif, k=1).fit(X, Y),
        lambda: SelectKBest(DISCRETE, k=1).partial_fit(X, Y, classes=[0, 1]),
    ),
    advice(
        lambda: SelectKBest(f_regression, k=1).partial_fit(X, Y, classes=[0, 1]),
        "y holds numbers here. Leave it out",
        lambda: SelectKBest(f_regression, k=1).partial_fit(X, Y),
    ),
    advice(
        lambda: (
            SelectKBest(k=1)
            .partial_fit(X, Y, classes=np.unique(Y))
            .partial_fit(X, Y, classes=[*np.unique(Y), 99])
        ),
        "Leave it out, or begin a new estimator",
        lambda: SelectKBest(k=1).partial_fit(X, Y, classes=np.unique(Y)).partial_fit(X, Y),
    ),
    advice(
        lambda: (
            SelectKBest(k=1)
            .fit(X, Y)
            .merge(SelectKBest(k=1).partial_fit(X, Y, classes=[*np.unique(Y), 99]))
        ),
        r"Fit both by partial_fit\(X, y, classes=\.\.\.\) with all labels",
        lambda: (
            SelectKBest(k=1)
            .partial_fit(X, Y, classes=[*np.unique(Y), 99])
            .merge(SelectKBest(k=1).partial_fit(X, Y, classes=[*np.unique(Y), 99]))
        ),
    ),
    advice(
        lambda: SelectFromModel(their_models.SGDClassifier()).fit(DX, DY),
        r"Use a model of streamlearn, Incremental\(SGDClassifier",
        lambda: SelectFromModel(SGDClassifier()).fit(DX, DY),
        lambda: SelectFromModel(Incremental(their_models.SGDClassifier())).fit(DX, DY),
        lambda: (
            SelectFromModel(their_models.SGDClassifier().fit(X, Y), prefit=True)
            .fit(DX)
            .transform(DX)
        ),
    ),
    advice(
        lambda: TfidfVectorizer().idf_,
        "Call 'fit' with appropriate arguments",
        lambda: TfidfVectorizer().fit(TEXT["day"]).idf_,
    ),
    advice(
        lambda: CountVectorizer().fit(5),
        "a column of a frame, or a dask Bag",
        lambda: CountVectorizer().fit(TEXT["day"]),
        lambda: CountVectorizer().fit(dask.bag.from_sequence(["red tea"])),
    ),
    advice(
        lambda: encoders.OneHotEncoder().fit(DY),
        r"X\.reshape\(-1, 1\)",
        lambda: encoders.OneHotEncoder().fit(DY.reshape(-1, 1)),
    ),
    advice(
        lambda: ColumnTransformer([("s", StandardScaler(), [0])]).fit(DX, sample_weight=1.0),
        "or give X in memory",
        lambda: ColumnTransformer([("s", StandardScaler(with_mean=False), [0])]).fit(DX),
    ),
    advice(
        lambda: SimpleImputer(strategy="constant", fill_value=1.5).fit(GAPS).transform([[1], [2]]),
        "of the same kind between fit and transform",
        lambda: SimpleImputer(strategy="constant", fill_value=1.5).fit(GAPS).transform(GAPS),
    ),
    advice(
        lambda: MissingIndicator().fit(GAPS[1:]).transform(GAPS),
        "use error_on_new=False",
        lambda: MissingIndicator().fit(GAPS).transform(GAPS),
        lambda: MissingIndicator(error_on_new=False).fit(GAPS[1:]).transform(GAPS),
    ),
    advice(
        lambda: SimpleImputer(strategy=np.max).fit(DX),
        "or fit it to some rows in memory",
        lambda: SimpleImputer(strategy="median").fit(DX),
        lambda: SimpleImputer(strategy=np.max).fit(X).transform(DX),
    ),
    advice(
        lambda: SimpleImputer(strategy="constant", fill_value="a").fit(GAPS),
        "both dtypes are of the same kind",
        lambda: SimpleImputer(strategy="constant", fill_value=1.0).fit(GAPS),
    ),
    advice(
        lambda: encoders.DatetimeEncoder(resolution=None, add_total_seconds=False).fit(DATES),
        "set parts, resolution, add_weekday, add_total_seconds or add_day_of_year",
        lambda: encoders.DatetimeEncoder(resolution="day").fit(DATES),
    ),
    advice(
        lambda: encoders.OneHotEncoder().fit([["a"]]).transform([["b"]]),
        "or set handle_unknown",
        lambda: encoders.OneHotEncoder(handle_unknown="ignore").fit([["a"]]).transform([["b"]]),
        lambda: encoders.OneHotEncoder().fit([["a"], ["b"]]).transform([["b"]]),
    ),
    advice(
        lambda: encoders.OneHotEncoder().set_output(transform="pandas").fit_transform([["a"]]),
        "Set sparse_output=False",
        lambda: (
            encoders.OneHotEncoder(sparse_output=False)
            .set_output(transform="pandas")
            .fit_transform([["a"]])
        ),
    ),
    *(
        advice(
            lambda cv=cv: encoders.TargetEncoder(cv=cv).fit_transform(X, Y),
            says,
            lambda: encoders.TargetEncoder(cv=KFold(3)).fit_transform(X, Y),
        )
        for cv, says in (
            (TimeSeriesSplit(3), "Fold 0 of cv .* give a splitter that trains on all of them"),
            (
                ShuffleSplit(2, test_size=0.5, random_state=0),
                "Pass a splitter with non-overlapping",
            ),
        )
    ),
    advice(
        lambda: encoders.TargetEncoder(cv=TimeSeriesSplit(3)).fit_transform(DX, DY),
        "Give a number of folds, KFold or StratifiedKFold",
        lambda: encoders.TargetEncoder(cv=KFold(3)).fit_transform(DX, DY).compute(),
        lambda: encoders.TargetEncoder(cv=StratifiedKFold(3)).fit_transform(DX, DY).compute(),
        lambda: encoders.TargetEncoder(cv=3).fit_transform(DX, DY).compute(),
    ),
    advice(
        lambda: encoders.TargetEncoder(cv=KFold(3)).fit_transform(DX[:40], DY[:40]),
        "Give at least two rows, and two blocks if a fold is a set of blocks",
        lambda: encoders.TargetEncoder(cv=KFold(3)).fit_transform(DX, DY).compute(),
        lambda: encoders.TargetEncoder().fit_transform(DX[:40], DY[:40]).compute(),
    ),
    advice(
        lambda: encoders.LabelBinarizer(neg_label=-1, sparse_output=True).fit(Y),
        "Set sparse_output=False",
        lambda: encoders.LabelBinarizer(neg_label=-1).fit(Y),
    ),
    advice(
        lambda: encoders.LabelBinarizer(sparse_output=True).fit(strict(Y)),
        "Use `sparse_output=False`",
        lambda: encoders.LabelBinarizer().fit(strict(Y)),
    ),
    advice(
        lambda: encoders.LabelBinarizer().fit(np.stack([THREE, THREE], 1)),
        "Give one column",
        lambda: encoders.LabelBinarizer().fit(THREE),
    ),
    *(
        advice(
            lambda y=y: encoders.LabelBinarizer().fit(y),
            "Give one label a row",
            lambda: encoders.LabelBinarizer().fit(THREE),
        )
        for y in (3, None)
    ),
    *(
        advice(
            lambda y=y: encoders.LabelBinarizer().fit(y),
            "Give at least one row",
            lambda: encoders.LabelBinarizer().fit(Y[:1]),
        )
        for y in (Y[:0], np.array(["a"])[:0])
    ),
    advice(
        lambda: encoders.LabelBinarizer().fit(THREE).transform(np.stack([Y, 1 - Y], 1)),
        "Give one column of labels",
        lambda: encoders.LabelBinarizer().fit(THREE).transform(Y),
    ),
    advice(
        lambda: encoders.LabelBinarizer().fit(THREE).transform(X[:, 0]),
        "Give labels: whole numbers or text",
        lambda: encoders.LabelBinarizer().fit(THREE).transform(np.trunc(X[:, 0])),
    ),
    advice(
        lambda: encoders.SplineTransformer(order="F").fit(strict(X)).transform(strict(X)),
        "Set order='C'",
        lambda: encoders.SplineTransformer().fit(strict(X)).transform(strict(X)),
    ),
    advice(
        lambda: encoders.SplineTransformer().fit(GAPS),
        "set handle_missing='zeros'",
        lambda: encoders.SplineTransformer(handle_missing="zeros").fit(GAPS),
        lambda: encoders.SplineTransformer().fit(GAPS[1:]),
    ),
    advice(
        lambda: encoders.PolynomialFeatures(order="F").fit_transform(strict(X)),
        "Use order='C'",
        lambda: encoders.PolynomialFeatures(order="C").fit_transform(strict(X)),
    ),
    advice(
        lambda: encoders.PolynomialFeatures(40).fit(np.ones((2, 3000))),
        r"Use fewer features, a smaller degree than 40, interaction_only=True, or include_bias=Fal",
        lambda: encoders.PolynomialFeatures(40).fit(np.ones((2, 3))),
        lambda: encoders.PolynomialFeatures(2).fit(np.ones((2, 3000))),
    ),
    advice(
        lambda: encoders.PowerTransformer("box-cox").fit(np.ones((4, 2))),
        "leave it out, or use method='yeo-johnson'",
        lambda: encoders.PowerTransformer("yeo-johnson").fit(np.ones((4, 2))),
    ),
    advice(
        lambda: encoders.DatetimeEncoder().fit(TEXT),
        r"Turn text into dates by pandas\.to_datetime, .* Choose columns of dates in a ColumnTra",
        lambda: ColumnTransformer([("dates", encoders.DatetimeEncoder(), ["day"])]).fit(
            TEXT.assign(day=pd.to_datetime(TEXT["day"]))
        ),
    ),
    advice(
        lambda: encoders.DatetimeEncoder().fit(DURATIONS),
        r"durations into numbers by \.dt\.total_seconds\(\)",
        lambda: encoders.StandardScaler().fit(
            DURATIONS.assign(late=DURATIONS["late"].dt.total_seconds())
        ),
    ),
    advice(
        lambda: encoders.OneHotEncoder().fit(MIXED),
        "Make the column all text, or all numbers",
        lambda: encoders.OneHotEncoder().fit(MIXED.astype(str)),
        lambda: encoders.OneHotEncoder().fit(MIXED.replace("x", 0)),
    ),
    advice(
        lambda: encoders.LabelEncoder().fit(["a", "b"]).transform(["c"]),
        "Fit to rows that have them",
        lambda: encoders.LabelEncoder().fit(["a", "b", "c"]).transform(["c"]),
    ),
]
