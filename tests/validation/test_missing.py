"""Missing text is one thing, whatever pandas and dask call it, to what is not ours."""

from __future__ import annotations

from typing import Any

import dask
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline as theirs
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder

from streamlearn._validation.missing import as_known
from streamlearn.linear_model import SGDClassifier
from streamlearn.pipeline import make_pipeline
from streamlearn.wrappers import ParallelPostFit
from tests.containers import blocks_of, dask_array

N = 60
TEXT = np.random.default_rng(0).choice(["a", "b", None], N)
Y = np.arange(N) % 2

GIVEN = {
    "None": pd.Series(TEXT, dtype=object),
    "NaN": pd.Series(TEXT, dtype=object).where(pd.notna(TEXT), np.nan),
    "str": pd.Series(TEXT, dtype="str"),
}
"""What text is in memory, where encoders are fitted."""

ASKED = {
    **GIVEN,
    "NA": pd.Series(TEXT, dtype="string"),
    "objects": pd.Series(TEXT, dtype=object).where(pd.notna(TEXT), pd.NA),
    "arrow": pd.Series(TEXT, dtype="string[pyarrow]"),
    "arrow's own": pd.Series(TEXT, dtype="large_string[pyarrow]"),
    "categories": pd.Series(TEXT, dtype="string").astype("category"),
}

ENCODERS = {
    "one-hot": OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    "strict one-hot": OneHotEncoder(sparse_output=False),
    "ordinal": OrdinalEncoder(encoded_missing_value=-1),
    "target": TargetEncoder(cv=2, random_state=0),
}


def table(text: pd.Series) -> pd.DataFrame:
    return pd.DataFrame({"city": text, "x": np.arange(N) / N})


def lazily(frame: pd.DataFrame, convert: bool) -> Any:
    with dask.config.set({"dataframe.convert-string": convert}):
        return dd.from_pandas(frame, npartitions=3)


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("fitted", GIVEN)
@pytest.mark.parametrize("asked", ASKED)
def test_an_encoder_gives_the_same_rows_the_same_answer(encoder, fitted, asked):
    rows = table(GIVEN[fitted])
    known = clone(ENCODERS[encoder]).fit(rows[["city"]], Y)
    branches = [("city", FrozenEstimator(known), ["city"])]
    columns = ColumnTransformer(branches, remainder="passthrough")
    model = make_pipeline(
        columns, SGDClassifier(loss="log_loss", max_iter=1, tol=None, random_state=0)
    ).fit(rows, Y)
    for convert in (False, True):
        X = lazily(table(ASKED[asked]), convert)
        found = np.concatenate(blocks_of(model.predict_proba(X)))
        np.testing.assert_allclose(found, model.predict_proba(rows), rtol=1e-12)
        made = np.concatenate(blocks_of(ParallelPostFit(known).transform(X[["city"]])))
        np.testing.assert_array_equal(made, known.transform(rows[["city"]]))


@pytest.mark.parametrize("asked", ASKED)
def test_a_pipeline_learns_the_same_from_blocks(asked):
    rows = table(GIVEN["NaN"])
    known = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(rows[["city"]])

    def fit(X: Any) -> Any:
        columns = ColumnTransformer([("city", FrozenEstimator(known), ["city"])])
        return make_pipeline(columns, SGDClassifier(random_state=0)).fit(
            X, dd.from_pandas(pd.Series(Y), npartitions=3)
        )

    want, found = (fit(lazily(table(text), True)) for text in (GIVEN["NaN"], ASKED[asked]))
    np.testing.assert_array_equal(found[-1].coef_, want[-1].coef_)
    assert (found[-1].coef_[0, :3] != 0).all()


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_an_imputer_fills_what_is_missing_in_blocks(missing):
    text = pd.Series(TEXT, dtype=object)
    rows = table(text if missing is None else text.where(text.notna(), missing))[["city"]]
    known = theirs(
        SimpleImputer(missing_values=missing, strategy="constant", fill_value="b"), OneHotEncoder()
    ).fit(rows)
    model = theirs(known, LogisticRegression()).fit(rows, Y)
    found = ParallelPostFit(model).predict_proba(lazily(table(text), True)[["city"]])
    np.testing.assert_allclose(np.concatenate(blocks_of(found)), model.predict_proba(rows))


def test_arrays_of_text_too():
    rows = np.asarray([["a"], [None], ["b"], ["a"]], dtype=object)
    for missing in (None, np.nan):
        held = rows.copy()
        held[1, 0] = missing
        known = OneHotEncoder(sparse_output=False).fit(held)
        for asked in (None, np.nan, pd.NA):
            given = rows.copy()
            given[1, 0] = asked
            made = ParallelPostFit(known).transform(dask_array(given, (2, 2)))
            np.testing.assert_array_equal(np.concatenate(blocks_of(made)), known.transform(held))


def test_what_holds_no_text_comes_back_as_it_is():
    encoder = OneHotEncoder().fit(table(GIVEN["str"])[["city"]])
    for x in (np.ones((2, 2)), pd.DataFrame({"a": [1.0]}), pd.Series([1]), table(GIVEN["str"])):
        assert as_known(encoder, x) is x


def test_columns_of_one_name_are_kept_apart():
    frame = pd.concat([pd.Series(["a", None], dtype="string")] * 2, axis=1)
    frame.columns = ["s", "s"]
    assert as_known(OneHotEncoder(), frame).isna().to_numpy().tolist() == [[False] * 2, [True] * 2]
