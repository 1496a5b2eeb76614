"""Lazy rows are those of the fit before: a later fit of the transformer does not change them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_union

from streamlearn import compose, impute, preprocessing
from streamlearn.pipeline import make_pipeline

N = 40
DAYS = pd.to_datetime(["2024-02-29 13:30", "2021-07-01 05:00"] * (N // 2))


def text(*values: str) -> pd.DataFrame:
    rows = np.asarray(values * (N // len(values)), dtype=object)
    return pd.DataFrame({"a": rows, "b": rows[::-1]})


def numbers(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(rng.normal(5 * seed, 1 + seed, (N, 2)), columns=["a", "b"])


def gaps(seed: int) -> pd.DataFrame:
    out = numbers(seed)
    out.iloc[::3, 0] = np.nan
    if seed:
        out.iloc[1::3, 1] = np.nan
    return out


class Case(NamedTuple):
    """A transformer with rows to fit, other rows, and the parameters of the second fit."""

    make: Callable[[], Any]
    rows: pd.DataFrame
    others: pd.DataFrame
    params: dict[str, Any] = {}


TEXT = text("x", "y"), text("q", "y", "z", "x")
NUMBERS = numbers(0), numbers(1)
GAPS = gaps(0), gaps(1)
OF_TEXT = ("OneHotEncoder", "OrdinalEncoder", "TargetEncoder")


def branches(module: Any = compose) -> Any:
    return module.make_column_transformer(
        (preprocessing.StandardScaler(), ["a"]), (preprocessing.MinMaxScaler(), ["b"])
    )


CASES = {
    **{
        name: Case(getattr(preprocessing, name), *(TEXT if name in OF_TEXT else NUMBERS))
        for name in preprocessing.__all__
        if not name.startswith("Label")
    },
    **{name: Case(getattr(impute, name), *GAPS) for name in impute.__all__},
    "OneHotEncoder": Case(lambda: preprocessing.OneHotEncoder(sparse_output=False), *TEXT),
    "QuantileTransformer": Case(lambda: preprocessing.QuantileTransformer(n_quantiles=9), *NUMBERS),
    "KBinsDiscretizer": Case(
        lambda: preprocessing.KBinsDiscretizer(3, encode="onehot-dense"), *NUMBERS, {"n_bins": 4}
    ),
    "DatetimeEncoder": Case(
        preprocessing.DatetimeEncoder,
        pd.DataFrame({"a": DAYS}),
        pd.DataFrame({"b": DAYS}),
        {"resolution": "year"},
    ),
    # These learn nothing from rows: only other parameters make another transformer.
    "Binarizer": Case(preprocessing.Binarizer, *NUMBERS, {"threshold": 0.5}),
    "FunctionTransformer": Case(preprocessing.FunctionTransformer, *NUMBERS, {"func": np.cos}),
    "Normalizer": Case(preprocessing.Normalizer, *NUMBERS, {"norm": "l1"}),
    "PolynomialFeatures": Case(preprocessing.PolynomialFeatures, *NUMBERS, {"degree": 3}),
    "SimpleImputer, any column": Case(
        lambda: impute.SimpleImputer(strategy="most_frequent", add_indicator=True), *GAPS
    ),
    "ColumnTransformer": Case(branches, *NUMBERS),
    "Pipeline": Case(
        lambda: make_pipeline(preprocessing.StandardScaler(), preprocessing.MinMaxScaler()),
        *NUMBERS,
    ),
    "Pipeline, per step": Case(
        lambda: make_pipeline(branches(), preprocessing.MinMaxScaler(), schedule="per-step"),
        *NUMBERS,
    ),
    "FeatureUnion": Case(
        lambda: make_pipeline(
            make_union(preprocessing.StandardScaler(), preprocessing.MinMaxScaler())
        ),
        *NUMBERS,
    ),
}
GO_BACK = ("StandardScaler", "RobustScaler", "QuantileTransformer", "KBinsDiscretizer")
KINDS = {
    "frame": lambda x: dd.from_pandas(x, npartitions=3, sort=False),
    "array": lambda x: da.from_array(x.to_numpy(), chunks=(15, *x.shape[1:])),
}


def computed(x: Any) -> Any:
    return x.compute(scheduler="sync")


@pytest.mark.parametrize("output", ["default", "pandas"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CASES)
@pytest.mark.filterwarnings("ignore:Skipping features", "ignore:When `set_output` is configured")
def test_a_later_fit_does_not_change_lazy_rows(name, kind, output):
    case, lazily = CASES[name], KINDS[kind]
    if kind == "array" and ("ColumnTransformer" in name or "per step" in name):
        pytest.skip("its columns have names")
    y = lazily(pd.Series(np.arange(N) % 3 / 2))
    transformer = case.make().set_output(transform=output)
    with dask.config.set({"dataframe.convert-string": False}):
        rows, others = lazily(case.rows), lazily(case.others)
        made = [transformer.fit_transform(rows, y), transformer.fit(rows, y).transform(rows)]
        back = getattr(transformer, "inverse_transform", None)
        if back is not None and output == "default" and name in GO_BACK:
            made.append(back(made[-1]))
        before = [computed(x) for x in made]
        transformer.set_params(**case.params).fit(others, y[: len(case.others)])
        for x, known in zip(made, before, strict=True):
            now = computed(x)
            assert type(now) is type(known)
            assert list(getattr(now, "columns", ())) == list(getattr(known, "columns", ()))
            np.testing.assert_array_equal(np.asarray(now), np.asarray(known))
        again = transformer.transform(rows) if name != "DatetimeEncoder" else None
        assert again is None or differs(again, before[1])


def differs(x: Any, known: Any) -> bool:
    """Return whether the second fit made another transformer: else nothing would be tested."""
    try:
        x = np.asarray(computed(x))
    except ValueError:  # its categories are unknown now
        return True
    return x.shape != known.shape or not np.allclose(x, np.asarray(known), equal_nan=True)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["LabelEncoder", "LabelBinarizer"])
def test_of_labels(name, kind):
    y, others = (KINDS[kind](pd.Series(x * 10)) for x in (["a", "b", "c", "c"], ["b", "c", "d"]))
    transformer = getattr(preprocessing, name)()
    made = [transformer.fit_transform(y)]
    made.append(transformer.inverse_transform(made[0]))
    before = [computed(x) for x in made]
    transformer.fit(others)
    for x, known in zip(made, before, strict=True):
        np.testing.assert_array_equal(np.asarray(computed(x)), np.asarray(known))
