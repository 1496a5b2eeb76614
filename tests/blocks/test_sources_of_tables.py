"""Sources of blocks that are tables: transformers and pipelines learn what dask frames teach."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dask
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer as theirs_of_columns
from sklearn.decomposition import IncrementalPCA
from sklearn.pipeline import make_pipeline as theirs_in_a_row
from sklearn.pipeline import make_union
from sklearn.preprocessing import PolynomialFeatures as TheirFeatures

from streamlearn.blocks import from_blocks, source_kinds
from streamlearn.compose import make_column_transformer
from streamlearn.impute import MissingIndicator, SimpleImputer
from streamlearn.linear_model import SGDClassifier
from streamlearn.neural_network import MLPClassifier
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import (
    Binarizer,
    DatetimeEncoder,
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
)
from tests.blocks import tracking

pd = pytest.importorskip("pandas")
dd = pytest.importorskip("dask.dataframe")

LENGTHS = [0, 30, 0, 41, 17, 60, 5]
NUMBERS, KINDS, DATES = ["a", "b"], ["c", "d"], ["t"]
COLUMNS = NUMBERS + KINDS + DATES


def table(n: int, seed: int) -> Any:
    """Return rows with gaps, text and dates, and a target."""
    rng = np.random.default_rng(seed)
    out = pd.DataFrame(
        {
            "a": np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n)),
            "b": rng.normal(3, 5, size=n),
            "c": pd.Series(rng.choice(["x", "y", "z", "w"], size=n), dtype=object),
            "d": pd.Series(rng.choice(["p", "q"], size=n), dtype=object),
            "t": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 10**7, n), unit="s"),
        }
    )
    out.loc[rng.random(n) < 0.1, "c"] = None
    return out.assign(late=(out["b"] + rng.normal(size=n) > 3).astype(int))


TABLES = [table(n, seed) for seed, n in enumerate(LENGTHS)]


def lazy() -> Any:
    """Return the same blocks as a dask frame."""
    with dask.config.set({"dataframe.convert-string": False}):
        return dd.from_map(lambda rows: rows, TABLES, meta=TABLES[0])


class Rows:
    """A source of some columns and the target, which counts its passes."""

    def __init__(self, columns: list[str] = COLUMNS, tables: Any = TABLES) -> None:
        self.columns, self.tables, self.passes, self.read = columns, tables, 0, 0

    def __call__(self) -> Iterator[Any]:
        self.passes += 1
        for rows in self.tables:
            self.read += 1
            yield rows[self.columns], rows["late"]


def learned(estimator: Any) -> Iterator[tuple[str, Any]]:
    """Return all fitted attributes of an estimator and of those in it."""
    for name, value in vars(estimator).items():
        if name in ("steps", "transformers_", "transformer_list"):
            for inner in value:
                if hasattr(inner[1], "get_params"):
                    yield from learned(inner[1])
        elif name.endswith("_") and not name.startswith("_") and not hasattr(value, "get_params"):
            yield name, value


def assert_same(ours: Any, wanted: Any) -> None:
    """Fail unless what was learned is the same to the bit."""
    for (name, a), (also, b) in zip(learned(ours), learned(wanted), strict=True):
        assert name == also
        many = isinstance(b, list) or getattr(b, "dtype", np.dtype(int)).kind == "O"
        for x, y in zip(a, b, strict=True) if many else [(a, b)]:
            np.testing.assert_equal(x, y, err_msg=name)


def dense(x: Any) -> np.ndarray:
    """Return rows of any kind as an array of NumPy."""
    return x.toarray() if hasattr(x, "toarray") else np.asarray(x)


def of_columns(make: Any = make_column_transformer, **params: Any) -> Any:
    """Return a transformer of all columns."""
    return make(
        (make_pipeline(SimpleImputer(), StandardScaler()), NUMBERS),
        (OneHotEncoder(handle_unknown="ignore"), KINDS),
        (make_pipeline(DatetimeEncoder(resolution="day"), StandardScaler()), DATES),
        **params,
    )


FAST = {"random_state": 0, "shuffle": False}
ESTIMATORS = {
    "StandardScaler": (StandardScaler(), NUMBERS),
    "RobustScaler": (RobustScaler(), NUMBERS),
    "QuantileTransformer": (QuantileTransformer(n_quantiles=10), NUMBERS),
    "PowerTransformer": (PowerTransformer(), ["b"]),
    "FunctionTransformer": (FunctionTransformer(np.abs, validate=True), ["b"]),
    "PolynomialFeatures": (PolynomialFeatures(), ["b"]),
    "Normalizer": (Normalizer(), ["b"]),
    "Binarizer": (Binarizer(), ["b"]),
    "KBinsDiscretizer": (KBinsDiscretizer(3), ["b"]),
    "SplineTransformer": (SplineTransformer(n_knots=3), ["b"]),
    "mean": (SimpleImputer(), NUMBERS),
    "median": (SimpleImputer(strategy="median", add_indicator=True), NUMBERS),
    "most frequent": (SimpleImputer(strategy="most_frequent"), KINDS),
    "constant": (SimpleImputer(strategy="constant", fill_value="q"), KINDS),
    "MissingIndicator": (MissingIndicator(), KINDS),
    "OneHotEncoder": (OneHotEncoder(min_frequency=20), KINDS),
    "dense": (OneHotEncoder(sparse_output=False), KINDS),
    "OrdinalEncoder": (OrdinalEncoder(), KINDS),
    "DatetimeEncoder": (DatetimeEncoder(periodic_encoding="circular"), DATES),
    "columns": (of_columns(), COLUMNS),
    "columns, theirs inside": (
        make_column_transformer(
            (make_pipeline(TheirFeatures(), IncrementalPCA(), MinMaxScaler()), ["b"]),
            (make_pipeline(SimpleImputer(strategy="most_frequent"), OrdinalEncoder()), KINDS),
            remainder="drop",
        ),
        COLUMNS,
    ),
    "pipeline": (make_pipeline(of_columns(), SGDClassifier(**FAST)), COLUMNS),
    "theirs": (
        make_pipeline(
            theirs_of_columns(
                (theirs_in_a_row(SimpleImputer(), StandardScaler()), NUMBERS),
                (OneHotEncoder(), KINDS),
            ),
            SGDClassifier(**FAST),
        ),
        COLUMNS,
    ),
    "a net": (
        make_pipeline(
            of_columns(sparse_threshold=0), MLPClassifier(hidden_layer_sizes=(3,), **FAST)
        ),
        COLUMNS,
    ),
    "per step": (
        make_pipeline(of_columns(), SGDClassifier(**FAST), schedule="per-step"),
        COLUMNS,
    ),
    "an encoder ahead": (make_pipeline(OneHotEncoder(), SGDClassifier(**FAST)), KINDS),
    "bins ahead": (
        make_pipeline(SimpleImputer(), KBinsDiscretizer(3), SGDClassifier(**FAST)),
        NUMBERS,
    ),
    "a union ahead": (
        make_pipeline(
            SimpleImputer(),
            make_union(StandardScaler(), QuantileTransformer(n_quantiles=9)),
            SGDClassifier(**FAST),
        ),
        NUMBERS,
    ),
}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_the_same_bits_as_dask_frames(name):
    estimator, columns = ESTIMATORS[name]
    rows, frame = Rows(columns), lazy()
    X, y = frame[columns], frame["late"]
    with dask.config.set(scheduler="sync"):
        ours, wanted = clone(estimator).fit(rows), clone(estimator).fit(X, y)
        assert_same(ours, wanted)
        for method in ("transform", "predict", "decision_function"):
            if hasattr(ours, method):
                blocks = [dense(block) for block in getattr(ours, method)(rows)]
                assert [len(block) for block in blocks] == LENGTHS
                whole = dense(getattr(wanted, method)(X).compute())
                some = [block for block in blocks if len(block)]
                np.testing.assert_equal(np.concatenate(some).astype(whole.dtype), whole)
        if hasattr(ours, "score"):
            assert ours.score(rows) == wanted.score(X, y)


@pytest.mark.parametrize(
    ("estimator", "passes"),
    [
        (OneHotEncoder(), 1),
        (SimpleImputer(strategy="median"), 1),
        (make_column_transformer((MinMaxScaler(), NUMBERS)), 1),
        (make_column_transformer((make_pipeline(SimpleImputer(), MinMaxScaler()), NUMBERS)), 2),
        (make_pipeline(of_columns(), SGDClassifier(**FAST, classes=[0, 1])), 2),
        (make_pipeline(of_columns(), SGDClassifier(**FAST)), 3),
    ],
)
def test_a_source_that_can_be_read_again_is(estimator, passes):
    rows = Rows()
    if isinstance(estimator, OneHotEncoder | SimpleImputer):
        rows.columns = KINDS if isinstance(estimator, OneHotEncoder) else NUMBERS
    clone(estimator).fit(rows)
    assert (rows.passes, rows.read) == (passes, passes * len(TABLES))


@pytest.mark.parametrize(
    ("learn", "columns"),
    [
        (make_pipeline(of_columns(), SGDClassifier(**FAST, classes=[0, 1])).fit, COLUMNS),
        (make_pipeline(OneHotEncoder(), SGDClassifier(**FAST, classes=[0, 1])).partial_fit, KINDS),
        (of_columns().fit, COLUMNS),
    ],
)
def test_an_iterator_is_refused_before_it_is_used_up(learn, columns):
    rows = Rows(columns)
    with pytest.raises(ValueError, match=r"read_blocks in place of read_blocks\(\).*categories="):
        learn(rows())
    assert rows.read == 2  # to the first that has rows


def test_an_iterator_is_enough_where_categories_are_known():
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), NUMBERS),
        (OneHotEncoder(categories=[["w", "x", "y", "z", None], ["p", "q"]]), KINDS),
    )
    pipe = make_pipeline(columns, SGDClassifier(**FAST, classes=[0, 1]))
    frame = lazy()
    wanted = clone(pipe).fit(frame[COLUMNS], frame["late"])
    assert_same(clone(pipe).fit(Rows()()), wanted)
    fitted = make_pipeline(of_columns(), SGDClassifier(**FAST, classes=[0, 1])).fit(Rows())
    fitted.partial_fit(Rows()())
    assert_same(fitted.partial_fit(Rows()()), fitted)


CHANGES = {
    "order": lambda rows: rows[[*COLUMNS[::-1], "late"]],
    "fewer": lambda rows: rows[["a", "b", "c", "late"]],
    "more": lambda rows: rows.assign(e=1.0),
    "name": lambda rows: rows.rename(columns={"d": "e"}),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(
    "estimator", [of_columns(), make_pipeline(of_columns(), SGDClassifier(classes=[0, 1]))]
)
def test_a_block_of_other_columns_is_named(change, estimator):
    def blocks() -> Iterator[Any]:
        for number, rows in enumerate(TABLES):
            now = CHANGES[change](rows) if number == 4 else rows
            yield now.drop(columns="late"), now["late"]

    with pytest.raises(ValueError, match="Block 4 of X has") as raised:
        clone(estimator).fit(blocks)
    assert "same columns" in str(raised.value)


@pytest.mark.parametrize("estimator", [SimpleImputer(), OneHotEncoder(), RobustScaler()])
def test_a_block_of_another_width_is_named(estimator):
    with pytest.raises(ValueError, match=r"Block 1 of X has shape \(2, 1\)"):
        estimator.fit(from_blocks([np.ones((3, 2)), np.ones((2, 1))]))


def test_weights_are_for_those_that_take_them():
    def blocks() -> Iterator[Any]:
        yield from ((rows[NUMBERS], rows["late"], rows["b"] * 0) for rows in TABLES[3:])

    without = Rows(NUMBERS, TABLES[3:])
    for estimator in (MinMaxScaler(), SimpleImputer()):
        assert_same(clone(estimator).fit(blocks), clone(estimator).fit(without))
    with pytest.raises(ValueError, match="must not add up to 0"):
        StandardScaler().fit(blocks)


@pytest.mark.parametrize("window", [1, 2])
def test_live_blocks_are_bounded(window):
    def blocks() -> Iterator[Any]:
        for i in range(30):
            rows = pd.DataFrame(tracking.read(5 * i, 5), columns=list("abcd"), copy=False)
            yield rows, np.arange(5) % 2

    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), NUMBERS), (OrdinalEncoder(), KINDS)
    )
    with dask.config.set({"streamlearn.window": window}):
        make_pipeline(columns, SGDClassifier(**FAST, classes=[0, 1])).fit(blocks)
    happened = tracking.drain()
    assert len(tracking.reads(happened)) == 30 * 2
    assert tracking.peak(happened) <= window + 1


@pytest.mark.parametrize("kind", ["polars", "arrow"])
def test_only_the_columns_of_encoders_are_read_beforehand(kind, tmp_path, monkeypatch):
    rows = pd.concat(TABLES[3:])
    rows.to_parquet(tmp_path / "rows.parquet", index=False)
    if kind == "polars":
        source: Any = pytest.importorskip("polars").scan_parquet(tmp_path / "rows.parquet")
    else:
        source = pytest.importorskip("pyarrow.dataset").dataset(tmp_path / "rows.parquet")
    name, widths = f"streamlearn.blocks.source_kinds._of_{kind}", list[int]()
    begin = getattr(source_kinds, name.rpartition(".")[2])

    def noted(frame: Any) -> Iterator[Any]:
        for block in begin(frame):
            widths.append(block.shape[1])
            yield block

    monkeypatch.setattr(name, noted)
    X, y = from_blocks(source, y="late")
    pipe = make_pipeline(of_columns(), SGDClassifier(**FAST, classes=[0, 1])).fit(X, y)
    assert sorted(widths) == [len(KINDS), len(COLUMNS) + 1]
    assert pipe.score(X, y) == pipe.score(rows[COLUMNS], rows["late"])


@pytest.mark.parametrize("output", ["default", "pandas"])
@pytest.mark.parametrize(
    ("estimator", "columns"),
    [
        (StandardScaler(), NUMBERS),
        (SimpleImputer(strategy="most_frequent"), ["b", "c"]),
        (OrdinalEncoder(), KINDS),
        (make_column_transformer((StandardScaler(), NUMBERS), (OrdinalEncoder(), KINDS)), COLUMNS),
    ],
)
def test_results_are_those_of_blocks_in_memory(estimator, columns, output):
    """With the index of each block and the dtypes of its columns."""
    rows = Rows(columns, [table.set_index(np.arange(len(table)) + 7) for table in TABLES[3:]])
    fitted = clone(estimator).set_output(transform=output).fit(rows)
    passes = rows.passes
    made = fitted.transform(rows)
    assert rows.passes == passes + 1  # it has been looked at
    for block, table in zip(made, rows.tables, strict=True):
        wanted = fitted.transform(table[columns])
        assert type(block) is type(wanted)
        if output == "pandas":
            pd.testing.assert_frame_equal(block, wanted)
        else:
            np.testing.assert_array_equal(block, wanted)
