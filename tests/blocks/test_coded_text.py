"""Text of Parquet files arrives as codes where a caller asks for it, and nowhere else."""

from __future__ import annotations

from typing import Any

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import KFold

from streamlearn import blocks as engine
from streamlearn.compose import make_column_transformer
from streamlearn.linear_model import SGDClassifier, SGDRegressor
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    StandardScaler,
    TargetEncoder,
)

# dask's reader calls it.
pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame.reset_index")

N = 300


def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    text = np.asarray(["a", "b", "c", None], dtype=object)
    return pd.DataFrame(
        {
            "word": text[rng.integers(4, size=N)],
            "name": np.asarray(["x", "y"])[rng.integers(2, size=N)],
            "number": rng.normal(size=N),
        }
    )


@pytest.fixture
def folder(tmp_path: Any) -> Any:
    """Two files, of several row groups each, whose values differ."""
    rows = table()
    for i, part in enumerate((rows.iloc[:200], rows.iloc[200:].replace({"word": {"a": "z"}}))):
        part.to_parquet(tmp_path / f"{i}.parquet", index=False, row_group_size=50)
    return tmp_path


def dtypes(block: engine.Block) -> dict[str, str]:
    return {name: str(dtype) for name, dtype in block.X.dtypes.items()}


def found(X: Any, **others: Any) -> dict[str, bool]:
    """Return which columns arrive as codes, where all may."""
    blocks = engine.align(coded=tuple(X.columns), X=X, **others)
    kinds = engine.reduce(dtypes, lambda a, b: a if a == b else {}, blocks)
    assert list(kinds) == list(X.columns)
    return {name: kind.startswith("dictionary") for name, kind in kinds.items()}


def test_text_of_columns_that_are_named_arrives_as_codes(folder: Any) -> None:
    X = dd.read_parquet(folder)
    assert found(X) == {"word": True, "name": True, "number": False}
    assert found(X[["number", "word"]]) == {"number": False, "word": True}
    assert found(X[["word", "number"]], y=X["name"]) == {"word": True, "number": False}
    blocks = engine.align(coded=("word",), X=X)
    kinds = engine.reduce(dtypes, lambda a, b: a, blocks)
    assert kinds["word"].startswith("dictionary")
    assert not kinds["name"].startswith("dictionary")


@pytest.mark.parametrize(
    "how",
    [{}, {"split_row_groups": True}, {"blocksize": "1GiB", "aggregate_files": True}],
    ids=["a file a block", "a row group a block", "two files a block"],
)
def test_the_rows_are_those_of_the_files(folder: Any, how: dict[str, Any]) -> None:
    X = dd.read_parquet(folder, **how)
    assert X.npartitions == {"split_row_groups": 6, "blocksize": 1}.get(next(iter(how), ""), 2)
    blocks = engine.align(coded=("word", "name"), X=X)
    got = engine.reduce(lambda block: block.X, lambda a, b: pd.concat([a, b]), blocks)
    want = X.compute()
    pd.testing.assert_frame_equal(got.astype(want.dtypes.to_dict()), want)


def renamed(X: Any) -> Any:
    return X.rename(columns={"word": "name", "name": "word"})


@pytest.mark.parametrize(
    "make",
    [
        renamed,
        lambda X: X.assign(word=X["word"].str.upper()),
        lambda X: X[X["number"] > 0],
        lambda X: dd.from_pandas(table(), npartitions=2),
    ],
    ids=["renamed", "changed", "filtered", "in memory"],
)
def test_what_is_no_plain_read_arrives_as_text(folder: Any, make: Any) -> None:
    assert not any(found(make(dd.read_parquet(folder))).values())


@pytest.mark.parametrize(
    "how",
    [
        {"filters": [("number", ">", 0.0)]},
        {"filesystem": "arrow"},
        {"dtype_backend": "pyarrow", "filters": [("number", ">", 0.0)]},
    ],
    ids=str,
)
def test_other_ways_to_read_stay_as_they_are(folder: Any, how: dict[str, Any]) -> None:
    X = dd.read_parquet(folder, **how)
    seen: list[Any] = []
    blocks = engine.align(coded=tuple(X.columns), X=X)
    engine.reduce(lambda block: seen.append(block.X.dtypes), lambda a, b: a, blocks)
    assert all((kinds.map(str) == X.dtypes.map(str)).all() for kinds in seen)


@pytest.mark.parametrize(
    "target",
    [lambda X: X["word"], lambda X: X["word"].str.upper(), lambda X: X[["word"]]],
    ids=["column", "changed", "frame"],
)
def test_other_parts_of_a_block_get_text(folder: Any, target: Any) -> None:
    X = dd.read_parquet(folder)
    for given in (X, X[["word", "number"]], X[["name", "word"]]):
        blocks = engine.align(coded=tuple(given.columns), X=given, y=target(X))
        got = engine.reduce(lambda block: [block.y], lambda a, b: a + b, blocks)
        assert pd.concat(got).equals(target(X).compute())


def words(X: pd.DataFrame) -> np.ndarray:
    assert isinstance(X["word"].dtype, pd.StringDtype)
    return X["word"].str.len().fillna(0).to_numpy(dtype=float)[:, None]


def fitted(X: Any, y: Any, *more: Any) -> Any:
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["word", "name"]),
        (StandardScaler(), ["number"]),
        *more,
    )
    learner = SGDClassifier(loss="log_loss", classes=[False, True], random_state=0)
    return make_pipeline(columns, learner).fit(X, y)


def test_a_pipeline_learns_the_same_from_codes_as_from_text(folder: Any) -> None:
    X = dd.read_parquet(folder)
    y = X["number"] > 0
    here = X.compute()
    text = dd.from_map(lambda at: here.iloc[at], [slice(0, 200), slice(200, N)], meta=X._meta)
    a, b = fitted(X, y), fitted(text, text["number"] > 0)
    for mine, theirs in zip(
        a[0].named_transformers_["onehotencoder"].categories_,
        b[0].named_transformers_["onehotencoder"].categories_,
        strict=True,
    ):
        assert mine.dtype == theirs.dtype
        assert [str(value) for value in mine] == [str(value) for value in theirs]
    np.testing.assert_array_equal(a[-1].coef_, b[-1].coef_)
    np.testing.assert_array_equal(a.predict_proba(here), b.predict_proba(here))


@pytest.mark.parametrize("target", ["binary", "multiclass", "continuous"])
def test_a_target_encoder_learns_the_same_from_codes_as_from_text(
    folder: Any, target: str, monkeypatch: Any
) -> None:
    seen = []
    codes_of = TargetEncoder._codes

    def codes(self: Any, of: Any) -> Any:
        seen.append([str(column.dtype)[:10] for column in of.columns])
        return codes_of(self, of)

    monkeypatch.setattr(TargetEncoder, "_codes", codes)
    X = dd.read_parquet(folder)
    here = X.compute()
    text = dd.from_map(lambda at: here.iloc[at], [slice(0, 200), slice(200, N)], meta=X._meta)
    makes = {
        "binary": lambda x: x["number"] > 0,
        "multiclass": lambda x: (x["number"] * 2).clip(-1, 1).round().astype(int),
        "continuous": lambda x: x["number"],
    }
    made = []
    for frame in (X, text):
        columns = make_column_transformer(
            (TargetEncoder(cv=KFold(3, shuffle=True, random_state=0)), ["word", "name"]),
            (StandardScaler(), ["number"]),
        )
        last = SGDRegressor(random_state=0)
        if target != "continuous":
            classes = [False, True] if target == "binary" else [-1, 0, 1]
            last = SGDClassifier(loss="log_loss", classes=classes, random_state=0)
        made.append(make_pipeline(columns, last).fit(frame, makes[target](frame)))
        if frame is X:
            assert seen.count(["dictionary", "dictionary"]) >= 2
    a, b = (pipe[0].named_transformers_["targetencoder"] for pipe in made)
    for mine, theirs in zip(a.encodings_, b.encodings_, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    np.testing.assert_array_equal(made[0][-1].coef_, made[1][-1].coef_)
    np.testing.assert_array_equal(made[0].predict(here), made[1].predict(here))


def test_a_transformer_that_reads_the_same_column_gets_text(folder: Any) -> None:
    X = dd.read_parquet(folder)
    model = fitted(X, X["number"] > 0, (FunctionTransformer(words), ["word"]))
    assert model[-1].n_features_in_ == 5 + 2 + 1 + 1


def test_only_the_encoder_gets_codes_in_a_pipeline(folder: Any, monkeypatch: Any) -> None:
    seen = []
    of_table = OneHotEncoder._encoded

    def encoded(self: Any, table: Any, block: Any) -> Any:
        seen.append([str(column.dtype)[:10] for column in table.columns])
        return of_table(self, table, block)

    monkeypatch.setattr(OneHotEncoder, "_encoded", encoded)
    X = dd.read_parquet(folder)
    fitted(X, X["number"] > 0)
    assert seen.count(["dictionary", "dictionary"]) >= 2
